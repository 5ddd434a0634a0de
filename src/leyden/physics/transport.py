"""Ionic conductivity from unwrapped positions: of single ions, and of all ions together.

The Nernst-Einstein conductivity takes every ion to move for itself; the collective one (Einstein-
Helfand) takes the slope of the squared displacement of the whole charge, ``P = sum q_i r_i``, and
splits into Onsager's terms of cations and anions.

References
----------
E. Helfand, Phys. Rev. 119, 1 (1960); K. D. Fong, H. K. Bergstrom, B. D. McCloskey, K. K. Mandadapu,
AIChE J. 66, e17091 (2020), transport coefficients and the transference number
t+ = (sigma++ + sigma+-) / sigma; N. M. Vargas-Barbosa, B. Roling, ChemElectroChem 7, 367 (2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leyden.errors import InputError
from leyden.physics.constants import AVOGADRO_PER_MOL
from leyden.physics.diffusion import (
    DIFFUSIVE_SLOPE,
    M2_PER_S_PER_A2_PER_PS,
    LagWindow,
    checked_positions,
    mean_squared_displacement_A2,
)
from leyden.physics.intervals import Estimate, jackknife
from leyden.physics.ion_transport import nernst_einstein_conductivity_S_per_m

__all__ = ["Conductivity", "conductivity"]


@dataclass(frozen=True, eq=False)
class Conductivity:
    """Conductivities of a run, each with its interval.

    Attributes
    ----------
    nernst_einstein_S_per_m : Estimate
        Every ion for itself.
    collective_S_per_m : Estimate
        All ions together; what is measured. Correlated ions make it differ from the former.
    cation_cation_S_per_m, cation_anion_S_per_m, anion_anion_S_per_m : Estimate
        Onsager's terms with the charges in them: the collective conductivity is the first, twice
        the second, and the third. L++ = sigma++ / (z+^2 F^2) for ions of equal charge, and so on.
        The second is negative where cations and anions move together.
    transference_number : Estimate
        Part of the collective current that cations carry; may be negative.
    nernst_einstein_transference_number : Estimate
        The same for ions that move for themselves; NaN where no ion moves.
    beta : Estimate
        Log-log slope of the squared displacements of the ions, weighted by squared charge.
    lags_ps : ndarray, shape (W,)
        The window of the fits.
    """

    nernst_einstein_S_per_m: Estimate
    collective_S_per_m: Estimate
    cation_cation_S_per_m: Estimate
    cation_anion_S_per_m: Estimate
    anion_anion_S_per_m: Estimate
    transference_number: Estimate
    nernst_einstein_transference_number: Estimate
    beta: Estimate
    lags_ps: np.ndarray

    @property
    def is_upper_bound(self) -> bool:
        """Whether beta is below 0.9: the motion is not yet diffusive, and slopes still fall."""
        return self.beta.value < DIFFUSIVE_SLOPE


def conductivity(
    positions_A: np.ndarray,
    charges_e: np.ndarray,
    time_step_ps: float,
    volume_A3: float,
    temperature_K: float,
    *,
    window_ps: tuple[float, float] | None = None,
    blocks: int | None = None,
    level: float = 0.95,
) -> Conductivity:
    """Nernst-Einstein and collective conductivity over a window of lags, from one run.

    The intervals come from blocks of time only: ions that move together are no independent
    measurements.

    Parameters
    ----------
    positions_A : ndarray, shape (T, N, 3)
        Unwrapped positions of the ions, without the drift of the whole system (`without_drift` on
        all of its atoms). For ions that are neutral in sum the drift cancels in the collective
        conductivity, but not in its terms, in the transference number and in Nernst-Einstein's.
    charges_e : ndarray, shape (N,)
        In units of the elementary charge. Atoms without charge are passed over.
    time_step_ps : float
        Between frames.
    volume_A3, temperature_K : float
        Of the cell (the mean, where it varies).
    window_ps, blocks, level
        As in `leyden.physics.diffusion.self_diffusion`. The collective displacement is one particle
        however many ions there are, hence its interval is the wide one: a window of short lags
        within the diffusive regime helps most.

    Raises
    ------
    InputError
        Positions, charges or a window that do not serve, fewer than two blocks, a volume or
        temperature that is not positive.
    """
    positions, charges = _charged(positions_A, charges_e)
    window = LagWindow.choose(len(positions), time_step_ps, window_ps, blocks)
    per_slope = _S_per_m_per_A2_per_ps(volume_A3, temperature_K)
    whole = _charge_displacements(positions, charges, window)
    each = np.array(
        [_charge_displacements(positions[part], charges, window) for part in window.parts]
    )

    def numbers(curves: np.ndarray) -> np.ndarray:
        cations, anions, plus, minus, total = window.slope_per_ps(curves) * per_slope
        between = (total - plus - minus) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.divide([plus + between, cations], [total, cations + anions])
        beta = window.log_slope(curves[0] + curves[1])
        return np.array([cations + anions, total, plus, between, minus, *shares, beta])

    positive = np.array([True, True, True, False, True, False, False, False])
    estimates = jackknife(each, numbers, whole=whole, positive=positive, level=level)
    return Conductivity(*estimates, lags_ps=window.lags_ps)


def _charge_displacements(
    positions: np.ndarray, charges: np.ndarray, window: LagWindow
) -> np.ndarray:
    """Five curves (5, W), e^2 A^2: cations and anions singly, then P+, P- and P+ + P-."""
    single = mean_squared_displacement_A2(positions)[window.lags] * charges**2
    cation = charges > 0
    plus = positions[:, cation].transpose(0, 2, 1) @ charges[cation]
    minus = positions[:, ~cation].transpose(0, 2, 1) @ charges[~cation]
    together = mean_squared_displacement_A2(np.stack([plus, minus, plus + minus], axis=1))
    return np.vstack(
        [single[:, cation].sum(axis=1), single[:, ~cation].sum(axis=1), together[window.lags].T]
    )


def _S_per_m_per_A2_per_ps(volume_A3: float, temperature_K: float) -> float:
    """sigma of a slope of squared charge displacement in e^2 A^2/ps: Nernst-Einstein for one ion.

    A cell that holds one ion has a molar volume of Avogadro's number of cells.
    """
    molar_volume = volume_A3 * 1e-30 * AVOGADRO_PER_MOL
    diffusion = M2_PER_S_PER_A2_PER_PS / 6
    if not np.isfinite([volume_A3, temperature_K]).all():
        raise InputError("volume and temperature are numbers", value=(volume_A3, temperature_K))
    return float(nernst_einstein_conductivity_S_per_m(temperature_K, diffusion, 0.0, molar_volume))


def _charged(positions_A: np.ndarray, charges_e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positions = checked_positions(positions_A)
    charges = np.asarray(charges_e, dtype=np.float64)
    if charges.shape != (positions.shape[1],) or not np.isfinite(charges).all():
        raise InputError(
            f"there is a charge for each of {positions.shape[1]} atoms", value=charges_e
        )
    if not charges.any():
        raise InputError("a current needs a charge", value=charges_e)
    return positions[:, charges != 0], charges[charges != 0]
