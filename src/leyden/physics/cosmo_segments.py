"""Energies of touching surface segments: what sigma profiles say of two ions beside each other.

In COSMO-RS a liquid is an ensemble of surface segments that touch in pairs. A contact costs what is
left of the two screening charges, and gains a hydrogen bond where a strong donor meets a strong
acceptor. The parameters are those of COSMO-SAC (S. T. Lin, S. I. Sandler, Ind. Eng. Chem. Res. 41,
899 (2002), eq. 13-19), which were fitted to density-functional cavities of neutral molecules: of
other cavities, and of ions, the energies rank rather than measure.

Charge densities are in e/A^2; sigma profiles are areas in A^2 a bin, on bins in e/A^2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError
from leyden.physics.domains import not_negative, positive

__all__ = [
    "CONTACT_AREA_A2",
    "hydrogen_bond_energy_kJ_per_mol",
    "mean_contact_energy_kJ_per_mol",
    "misfit_energy_kJ_per_mol",
    "segment_free_energy_kJ_per_mol",
]

Floats = NDArray[np.float64]

_KJ_PER_KCAL = 4.184
_GAS_CONSTANT_KJ_PER_MOL_K = 8.31446261815324e-3

#: Area of one contact.
CONTACT_AREA_A2 = 7.5

_MISFIT = 16466.72 * _KJ_PER_KCAL  # alpha', kJ A^4/(mol e^2)
_HYDROGEN_BOND = 85580.0 * _KJ_PER_KCAL  # c_hb, kJ A^4/(mol e^2)
_THRESHOLD = 0.0084  # sigma_hb, e/A^2

_BLOCK = 4096  # liquids that are iterated together
_MOST_STEPS = 500
_TOLERANCE = 1e-4  # of an activity coefficient, a step


def misfit_energy_kJ_per_mol(sigma: ArrayLike, other: ArrayLike) -> Floats:
    """Electrostatic energy of a contact, `alpha' / 2 (sigma + sigma')^2`; never negative."""
    return _MISFIT / 2 * (np.asarray(sigma, np.float64) + np.asarray(other, np.float64)) ** 2


def hydrogen_bond_energy_kJ_per_mol(sigma: ArrayLike, other: ArrayLike) -> Floats:
    """Energy of a hydrogen bond, `c_hb max(0, s_acc - s_hb) min(0, s_don + s_hb)`; never positive.

    The acceptor is the segment of greater charge density, the donor the other.
    """
    sigma, other = np.asarray(sigma, np.float64), np.asarray(other, np.float64)
    acceptor = np.maximum(np.maximum(sigma, other) - _THRESHOLD, 0)
    donor = np.minimum(np.minimum(sigma, other) + _THRESHOLD, 0)
    return _HYDROGEN_BOND * acceptor * donor


def mean_contact_energy_kJ_per_mol(
    first: ArrayLike, second: ArrayLike, energy: ArrayLike
) -> Floats:
    """Energy of a contact between two species, averaged over their surfaces as if met at random.

    Parameters
    ----------
    first, second : array_like, shape (n, s)
        Sigma profiles of the two.
    energy : array_like, shape (s, s)
        Of a contact between the bins.

    Returns
    -------
    ndarray, shape (n,)
        kJ/mol of contacts. NaN where a profile is.

    Raises
    ------
    InputError
        A negative area, a profile without any.
    """
    shares = [_shares(profile) for profile in (first, second)]
    return np.einsum("ns,ns->n", shares[0] @ np.asarray(energy, np.float64), shares[1])


def segment_free_energy_kJ_per_mol(
    profile: ArrayLike, sigma: ArrayLike, temperature_K: float
) -> Floats:
    """Free energy of the segments of a formula unit in their own liquid, over that of no contact.

    The segment activity coefficients `Gamma` solve
    `ln Gamma(s) = -ln sum p(s') Gamma(s') exp(-E(s, s') / RT)`; the sum is `RT sum n ln Gamma` over
    the `n = A / a_eff` contacts.

    Parameters
    ----------
    profile : array_like, shape (n, s)
        Sigma profiles of whole formula units.
    sigma : array_like, shape (s,)
        Centres of the bins.
    temperature_K : float

    Returns
    -------
    ndarray, shape (n,)
        kJ/mol of formula units. NaN where a profile is.

    Raises
    ------
    InputError
        A negative area, a profile without any, a temperature that is not positive.
    """
    area, shares = np.asarray(profile, np.float64), _shares(profile)
    thermal = _GAS_CONSTANT_KJ_PER_MOL_K * float(positive(temperature_K, "T must be positive"))
    s = np.asarray(sigma, np.float64)
    energy = misfit_energy_kJ_per_mol(s[:, None], s) + hydrogen_bond_energy_kJ_per_mol(
        s[:, None], s
    )
    boltzmann = np.exp(-energy / thermal)
    out = np.full(len(shares), np.nan)
    known = np.flatnonzero(np.isfinite(shares).all(axis=1))
    for start in range(0, len(known), _BLOCK):
        rows = known[start : start + _BLOCK]
        activity = _segment_activities(shares[rows], boltzmann)
        contacts = area[rows] / CONTACT_AREA_A2
        out[rows] = thermal * np.einsum("ns,ns->n", contacts, np.log(activity))
    return out


def _segment_activities(shares: Floats, boltzmann: Floats) -> Floats:
    """The fixed point, by geometric means of successive iterates; who has arrived steps out."""
    activity = np.ones_like(shares)
    open_rows = np.arange(len(shares))
    for _ in range(_MOST_STEPS):
        now = activity[open_rows]
        update = np.sqrt(now / ((shares[open_rows] * now) @ boltzmann))
        activity[open_rows] = update
        open_rows = open_rows[np.abs(update / now - 1).max(axis=1, initial=0.0) > _TOLERANCE]
        if not len(open_rows):
            break
    return activity


def _shares(profile: ArrayLike) -> Floats:
    area = not_negative(profile, "a sigma profile must not have negative areas")
    total = area.sum(axis=1, keepdims=True)
    if np.any(total == 0):
        raise InputError("a sigma profile must have an area", value=0.0)
    return area / total
