"""When does a solid electrolyte keep a metal electrode flat? Linear stability of the interface.

The stability parameter chi(k) says whether a ripple of wavenumber k grows (chi > 0: a dendrite
begins) or dies (chi < 0). For isotropic solids it is `chi = A k - B k^2` with a stress part A and
a surface-tension part B: every interface is stable beyond the wavenumber `A / B`.

References
----------
C. Monroe, J. Newman, J. Electrochem. Soc. 152, A396 (2005), the stability parameter;
Z. Ahmad, V. Viswanathan, Phys. Rev. Lett. 119, 056003 (2017), the isotropic closed form;
T. Xie, PhD thesis (2020), section 2.5 ("eq." and "table" below are of this thesis).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError
from leyden.physics.constants import J_PER_MOL_M_IN_KJ_PER_MOL_NM, PA_PER_GPA

__all__ = [
    "LITHIUM",
    "Metal",
    "StabilityCurve",
    "StabilityTerms",
    "critical_shear_ratio",
    "critical_wavelength_nm",
    "critical_wavenumber",
    "poisson_from_moduli",
    "probability_of_stability",
    "recover_from_two_points",
    "stability_parameter",
    "stability_terms",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metal:
    """An isotropic metal electrode.

    Attributes
    ----------
    symbol : str
        Element symbol.
    valence : int
        Charge number z of its ion.
    shear_modulus_GPa : float
        Shear modulus G_e.
    poisson_ratio : float
        Poisson's ratio nu_e.
    surface_energy_J_per_m2 : float
        Surface tension gamma of the interface, taken as that of the bare metal.
    molar_volume_m3_per_mol : float
        Molar volume V_M of the atoms.
    """

    symbol: str
    valence: int
    shear_modulus_GPa: float
    poisson_ratio: float
    surface_energy_J_per_m2: float
    molar_volume_m3_per_mol: float


# G: caption of figure 2-7. The thesis prints neither nu nor gamma. nu = 0.42 goes with G = 3.4 GPa
# in Monroe and Newman (2005). gamma: the (110) face of bcc Li, the densest, in Vitos et al.,
# Surf. Sci. 411, 186 (1998); table 2.4 agrees, since gamma (1 + v) behind its printed rows is
# 0.585-0.651 J/m2, thus v = 0.05-0.17. V_M: handbook value, two atoms in a bcc cell of 3.51 A.
LITHIUM = Metal(
    symbol="Li",
    valence=1,
    shear_modulus_GPa=3.4,
    poisson_ratio=0.42,
    surface_energy_J_per_m2=0.556,
    molar_volume_m3_per_mol=13.02e-6,
)


class StabilityTerms(NamedTuple):
    """The three terms of eq. 2.10 in kJ/(mol nm); their sum is the stability parameter."""

    surface_tension: Floats
    deviatoric: Floats
    hydrostatic: Floats


class StabilityCurve(NamedTuple):
    """`chi = stress k - surface k^2` in SI units, and the wavelength at which it changes sign."""

    stress_J_per_mol: Floats
    surface_J_m_per_mol: Floats
    critical_wavelength_nm: Floats


def stability_terms(
    wavenumber_per_m: ArrayLike,
    shear_modulus_GPa: ArrayLike,
    poisson_ratio: ArrayLike,
    molar_volume_ratio: ArrayLike,
    metal: Metal = LITHIUM,
) -> StabilityTerms:
    """The contributions to the stability parameter of an isotropic interface (eq. 2.10).

    The closed form is the plane-strain solution of two elastic half-spaces that share a rippled
    interface; its "hydrostatic" stress is the in-plane mean `-(s_xx + s_zz) / 2`.

    Parameters
    ----------
    wavenumber_per_m : array_like
        Wavenumber k of the ripple, 1/m; not negative.
    shear_modulus_GPa : array_like
        Shear modulus G_s of the electrolyte; not negative.
    poisson_ratio : array_like
        Poisson's ratio nu_s of the electrolyte, in (-1, 0.5].
    molar_volume_ratio : array_like
        Molar volume of the ion in the electrolyte over that of the metal; not negative.
    metal : Metal
        The electrode.

    Returns
    -------
    StabilityTerms
        Surface tension (never positive), deviatoric and hydrostatic stress in kJ/(mol nm), each
        of the common shape of the arguments. NaN in, NaN out.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    k = _within(wavenumber_per_m, "a wavenumber must not be negative", 0.0)
    deviatoric, hydrostatic = _stress_coefficients(
        shear_modulus_GPa, poisson_ratio, molar_volume_ratio, metal
    )
    surface = _surface_coefficient(molar_volume_ratio, metal)
    terms = np.broadcast_arrays(-surface * k**2, deviatoric * k, hydrostatic * k)
    return StabilityTerms(*(term * J_PER_MOL_M_IN_KJ_PER_MOL_NM for term in terms))


def stability_parameter(
    wavenumber_per_m: ArrayLike,
    shear_modulus_GPa: ArrayLike,
    poisson_ratio: ArrayLike,
    molar_volume_ratio: ArrayLike,
    metal: Metal = LITHIUM,
) -> Floats:
    """Stability parameter chi(k) in kJ/(mol nm), eq. 2.10: negative where ripples die.

    Takes the arguments, and raises the errors, of `stability_terms`.
    """
    terms = stability_terms(
        wavenumber_per_m, shear_modulus_GPa, poisson_ratio, molar_volume_ratio, metal
    )
    return terms.surface_tension + terms.deviatoric + terms.hydrostatic


def critical_wavenumber(
    shear_modulus_GPa: ArrayLike,
    poisson_ratio: ArrayLike,
    molar_volume_ratio: ArrayLike,
    metal: Metal = LITHIUM,
) -> Floats:
    """Wavenumber in 1/m beyond which surface tension stabilises the interface.

    Zero where the stresses alone stabilise it, since then chi < 0 at every k > 0. Arguments and
    errors as in `stability_terms`.
    """
    deviatoric, hydrostatic = _stress_coefficients(
        shear_modulus_GPa, poisson_ratio, molar_volume_ratio, metal
    )
    surface = _surface_coefficient(molar_volume_ratio, metal)
    return np.maximum(deviatoric + hydrostatic, 0.0) / surface


def critical_wavelength_nm(
    shear_modulus_GPa: ArrayLike,
    poisson_ratio: ArrayLike,
    molar_volume_ratio: ArrayLike,
    metal: Metal = LITHIUM,
) -> Floats:
    """Longest stable wavelength `2 pi / k_crit` in nm, the figure by which table 2.4 ranks.

    Infinite where the stresses alone stabilise the interface. Arguments and errors as in
    `stability_terms`.
    """
    k = critical_wavenumber(shear_modulus_GPa, poisson_ratio, molar_volume_ratio, metal)
    return _wavelength_nm(k)


def probability_of_stability(stability: ArrayLike, axis: int = 0) -> Floats:
    """Share of an ensemble that calls the interface stable (eq. 2.11).

    Parameters
    ----------
    stability : array_like, shape (members, ...)
        Stability parameters, one a member of the ensemble.
    axis : int
        The axis of the members.

    Returns
    -------
    ndarray of float
        Values in [0, 1] without the axis of the members; NaN where a member is NaN.

    Raises
    ------
    InputError
        An ensemble without members.
    """
    chi = np.asarray(stability, dtype=np.float64)
    if chi.ndim == 0 or chi.shape[axis] == 0:
        raise InputError("an ensemble needs at least one member", value=chi.shape)
    return np.mean(np.where(np.isnan(chi), np.nan, chi < 0), axis=axis)


def poisson_from_moduli(bulk_modulus_GPa: ArrayLike, shear_modulus_GPa: ArrayLike) -> Floats:
    """Poisson's ratio `(3K - 2G) / (2 (3K + G))` of an isotropic solid.

    Parameters
    ----------
    bulk_modulus_GPa : array_like
        Bulk modulus K; positive.
    shear_modulus_GPa : array_like
        Shear modulus G; not negative.

    Returns
    -------
    ndarray of float
        Values in (-1, 0.5]; 0.5 where G is 0. NaN in, NaN out.

    Raises
    ------
    InputError
        A modulus outside its domain: such a solid would be mechanically unstable.
    """
    bulk = _within(bulk_modulus_GPa, "a bulk modulus must be positive", 0.0, open_below=True)
    shear = _within(shear_modulus_GPa, "a shear modulus must not be negative", 0.0)
    return (3 * bulk - 2 * shear) / (2 * (3 * bulk + shear))


def critical_shear_ratio(
    molar_volume_ratio: ArrayLike, poisson_ratio: ArrayLike, metal: Metal = LITHIUM
) -> Floats:
    """The line G_s / G_e at which the stress terms cancel: the isotropic stability diagram.

    Below molar-volume ratio 1 an electrolyte softer than the line is stable at every wavelength
    (figure 2-7); above 1 a stiffer one is, which is the regime of polymers. At 1 the line is at 0.

    Parameters
    ----------
    molar_volume_ratio : array_like
        Molar volume of the ion over that of the metal; not negative.
    poisson_ratio : array_like
        Poisson's ratio of the electrolyte, in (-1, 0.5].
    metal : Metal
        The electrode.

    Returns
    -------
    ndarray of float
        The critical ratio, without unit: the one positive root of
        `(1-v)(3-4nu_e) r^2 + 4(1+v) c r - (1-v)(3-4nu_s) = 0`,
        `c = 2 - 3nu_e - 3nu_s + 4nu_e nu_s`.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    ratio, nu = np.broadcast_arrays(
        _molar_volume_ratio(molar_volume_ratio), _poisson(poisson_ratio)
    )
    square = (1 - ratio) * (3 - 4 * metal.poisson_ratio)
    linear = 4 * (1 + ratio) * _coupling(nu, metal)
    constant = (1 - ratio) * (3 - 4 * nu)
    larger = linear + np.sqrt(linear**2 + 4 * square * constant)  # c >= 0: nothing cancels
    with np.errstate(divide="ignore"):
        return np.where(ratio <= 1, 2 * constant / larger, -larger / (2 * square))


def recover_from_two_points(
    chi_low: ArrayLike, k_low: ArrayLike, chi_high: ArrayLike, k_high: ArrayLike
) -> StabilityCurve:
    """The whole curve `chi = A k - B k^2` from its values at two wavenumbers.

    Table 2.4 prints chi at two wavenumbers and, on their own, critical wavelengths: this checks
    one against the other, and gives the surface tension `gamma (1 + v) = 2 z B / V_M` behind them.

    Parameters
    ----------
    chi_low, chi_high : array_like
        Stability parameters in kJ/(mol nm).
    k_low, k_high : array_like
        Their wavenumbers in 1/m; positive and different.

    Returns
    -------
    StabilityCurve
        A in J/mol, B in J m/mol, and the critical wavelength `2 pi B / A` in nm, infinite where
        A is not positive (stable by stresses) and B is positive, NaN where B is not positive
        (no stable short wavelengths: such points are not from this curve).

    Raises
    ------
    InputError
        Wavenumbers that are not positive, or equal.
    """
    rule = "a wavenumber must be positive"
    low, high = (_within(k, rule, 0.0, open_below=True) for k in (k_low, k_high))
    if np.any(low == high):
        raise InputError("two different wavenumbers are needed", value=(k_low, k_high))
    slope_low, slope_high = (
        np.asarray(chi, dtype=np.float64) / J_PER_MOL_M_IN_KJ_PER_MOL_NM / k
        for chi, k in ((chi_low, low), (chi_high, high))
    )
    surface = (slope_low - slope_high) / (high - low)
    stress = slope_low + surface * low
    with np.errstate(divide="ignore", invalid="ignore"):
        critical = np.where(surface > 0, _wavelength_nm(np.maximum(stress, 0.0) / surface), np.nan)
    return StabilityCurve(stress, surface, critical)


def _stress_coefficients(
    shear_modulus_GPa: ArrayLike,
    poisson_ratio: ArrayLike,
    molar_volume_ratio: ArrayLike,
    metal: Metal,
) -> tuple[Floats, Floats]:
    """Deviatoric and hydrostatic term of eq. 2.10 over k, J/mol."""
    shear = PA_PER_GPA * _within(shear_modulus_GPa, "a shear modulus must not be negative", 0.0)
    nu = _poisson(poisson_ratio)
    ratio = _molar_volume_ratio(molar_volume_ratio)
    metal_shear, metal_nu = PA_PER_GPA * metal.shear_modulus_GPa, metal.poisson_ratio
    scale = metal.molar_volume_m3_per_mol / (
        metal.valence
        * (metal_shear * (metal_nu - 1) * (4 * nu - 3) + shear * (4 * metal_nu - 3) * (nu - 1))
    )
    deviatoric = 2 * metal_shear * shear * (1 + ratio) * _coupling(nu, metal) * scale
    imbalance = shear**2 * (3 - 4 * metal_nu) - metal_shear**2 * (3 - 4 * nu)
    return deviatoric, (1 - ratio) * imbalance * scale / 2


def _surface_coefficient(molar_volume_ratio: ArrayLike, metal: Metal) -> Floats:
    """Surface-tension term of eq. 2.10 over -k^2, J m/mol."""
    ratio = _molar_volume_ratio(molar_volume_ratio)
    volume = metal.molar_volume_m3_per_mol
    return metal.surface_energy_J_per_m2 * volume * (1 + ratio) / (2 * metal.valence)


def _coupling(poisson_ratio: Floats, metal: Metal) -> Floats:
    """`nu_e (4 nu_s - 3) - 3 nu_s + 2`, not negative for any two isotropic solids."""
    return metal.poisson_ratio * (4 * poisson_ratio - 3) - 3 * poisson_ratio + 2


def _wavelength_nm(wavenumber_per_m: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return 2e9 * np.pi / wavenumber_per_m


def _poisson(values: ArrayLike) -> Floats:
    rule = "Poisson's ratio of an isotropic solid lies in (-1, 0.5]"
    return _within(values, rule, -1.0, 0.5, open_below=True)


def _molar_volume_ratio(values: ArrayLike) -> Floats:
    return _within(values, "a molar-volume ratio must not be negative", 0.0)


def _within(
    values: ArrayLike, rule: str, low: float, high: float = np.inf, *, open_below: bool = False
) -> Floats:
    """The values as floats, or an InputError that shows the first one outside (NaN passes)."""
    array = np.asarray(values, dtype=np.float64)
    wrong = (array <= low if open_below else array < low) | (array > high) | np.isinf(array)
    if np.any(wrong):
        raise InputError(rule, value=float(array[wrong][0]))
    return array
