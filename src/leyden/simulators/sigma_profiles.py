"""Sigma profiles: how much of an ion's surface carries which screening charge.

An ion in a perfect conductor draws charge to the walls of its cavity. The profile is the histogram
of that charge density over the surface (A. Klamt, J. Phys. Chem. 99, 2224 (1995)); a cation's
surface is screened by negative charge, so its profile lies left of zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leyden.errors import InputError

__all__ = ["HYDROGEN_BOND_E_PER_A2", "PROFILE_NAMES", "SIGMA_E_PER_A2", "Surface", "sigma_moments"]

Floats = NDArray[np.float64]

#: Centres of the bins of a profile, e/A^2.
SIGMA_E_PER_A2 = np.round(np.arange(-30, 31) * 1e-3, 3)

#: Their names in a table, ``p_-0.030`` to ``p_+0.030``.
PROFILE_NAMES = tuple(f"p_{'+' if sigma >= 0 else '-'}{abs(sigma):.3f}" for sigma in SIGMA_E_PER_A2)

#: Charge density beyond which a segment counts as one that forms hydrogen bonds.
HYDROGEN_BOND_E_PER_A2 = 0.0085


class Surface(NamedTuple):
    """The segments of an ion's cavity, arrays (n,).

    The charges are those of the calculation, not averaged over neighbouring segments: PM7 cavities
    have some ten segments an atom, of about 1 A^2, nearly the size over which Klamt averages.
    """

    area_A2: Floats
    sigma_e_per_A2: Floats

    def profile(self) -> Floats:
        """Area by charge density, A^2, shape (61,), as `SIGMA_E_PER_A2`.

        A segment between two bins goes to both, in parts that keep its charge. What lies beyond the
        last bin is counted in it.
        """
        step = SIGMA_E_PER_A2[1] - SIGMA_E_PER_A2[0]
        place = np.clip((self.sigma_e_per_A2 - SIGMA_E_PER_A2[0]) / step, 0, 60)
        low = np.minimum(place.astype(int), 59)
        above = place - low
        profile = np.zeros(61)
        np.add.at(profile, low, self.area_A2 * (1 - above))
        np.add.at(profile, low + 1, self.area_A2 * above)
        return profile


def sigma_moments(surface: Surface) -> dict[str, float]:
    """Moments of the charge density over the surface, by the names of the table of ions.

    ``sig_M1_e`` is the whole screening charge (e), ``sig_M2`` (e^2/A^2) and ``sig_M3`` (e^3/A^4)
    the second and third moment; ``hb_acc`` and ``hb_don`` (e) the charge by which acceptors and
    donors of hydrogen bonds pass `HYDROGEN_BOND_E_PER_A2`.

    Raises
    ------
    InputError
        A surface without segments.
    """
    area, sigma = surface
    if not len(area):
        raise InputError("a cavity must have segments", value=len(area))
    beyond = np.maximum(np.abs(sigma) - HYDROGEN_BOND_E_PER_A2, 0)
    return {
        "sig_M1_e": float(area @ sigma),
        "sig_M2": float(area @ sigma**2),
        "sig_M3": float(area @ sigma**3),
        "hb_acc": float(area @ np.where(sigma > 0, beyond, 0)),
        "hb_don": float(area @ np.where(sigma < 0, beyond, 0)),
    }
