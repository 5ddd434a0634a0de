"""How ions move in a liquid: viscosity, diffusion and conductivity by closed forms.

References
----------
H. Vogel, Phys. Z. 22, 645 (1921), G. S. Fulcher (1925), G. Tammann and W. Hesse (1926), the
temperature dependence near a glass transition; R. Boehmer, K. L. Ngai, C. A. Angell, D. J. Plazek,
J. Chem. Phys. 99, 4201 (1993), fragility; P. Walden, Z. Phys. Chem. 55, 207 (1906);
R. L. Gardas, J. A. P. Coutinho, AIChE J. 55, 1274 (2009), T0 = 165.06 K for ionic liquids.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError
from leyden.physics.constants import AVOGADRO_PER_MOL, FARADAY_C_PER_MOL
from leyden.physics.domains import not_negative, positive

__all__ = [
    "GAS_CONSTANT_J_PER_MOL_K",
    "IDEAL_GLASS_K",
    "fragility",
    "log10_vogel",
    "molar_conductivity_S_m2_per_mol",
    "nernst_einstein_conductivity_S_per_m",
    "stokes_einstein_m2_per_s",
    "walden_product",
]

Floats = NDArray[np.float64]

GAS_CONSTANT_J_PER_MOL_K = 1.380649e-23 * AVOGADRO_PER_MOL

#: T0, at which flow would cease, common to the liquids of Gardas and Coutinho (2009).
IDEAL_GLASS_K = 165.06


def log10_vogel(
    temperature_K: ArrayLike, at_infinity: ArrayLike, barrier_K: ArrayLike, ideal_glass_K: ArrayLike
) -> Floats:
    """`A + B / ((T - T0) ln 10)`: log10 of a viscosity (B > 0) or of a conductivity (B < 0).

    Parameters
    ----------
    temperature_K : array_like
        T, above T0.
    at_infinity : array_like
        A, the log10 that is reached at infinite temperature.
    barrier_K : array_like
        B.
    ideal_glass_K : array_like
        T0; not negative. At T0 = 0 the form is that of Arrhenius.

    Raises
    ------
    InputError
        A temperature that is not above T0, or T0 below absolute zero.
    """
    glass = np.asarray(ideal_glass_K, dtype=np.float64)
    if np.any(glass < 0):
        raise InputError("T0 must not be negative", value=float(glass[glass < 0].flat[0]))
    above = positive(np.asarray(temperature_K, np.float64) - glass, "T must lie above T0")
    return np.asarray(at_infinity) + np.asarray(barrier_K) / (above * math.log(10))


def fragility(
    glass_transition_K: ArrayLike, barrier_K: ArrayLike, ideal_glass_K: ArrayLike
) -> Floats:
    """Angell's steepness index `B Tg / ((Tg - T0)^2 ln 10)` of a liquid of Vogel's form.

    It is the slope of log10 of the viscosity over Tg/T at Tg; about 16 of strong liquids, above 100
    of fragile ones.

    Raises
    ------
    InputError
        A glass transition that is not above T0, a barrier that is not positive.
    """
    transition = np.asarray(glass_transition_K, dtype=np.float64)
    above = positive(transition - np.asarray(ideal_glass_K), "Tg must lie above T0")
    barrier = positive(barrier_K, "a barrier must be positive")
    return barrier * transition / (above**2 * math.log(10))


def stokes_einstein_m2_per_s(
    temperature_K: ArrayLike, viscosity_Pa_s: ArrayLike, radius_A: ArrayLike
) -> Floats:
    """Diffusion coefficient `k T / (6 pi eta r)` of a sphere that sticks to the liquid.

    Raises
    ------
    InputError
        An argument that is not positive.
    """
    thermal = GAS_CONSTANT_J_PER_MOL_K / AVOGADRO_PER_MOL * _kelvin(temperature_K)
    viscosity = positive(viscosity_Pa_s, "a viscosity must be positive")
    radius = 1e-10 * positive(radius_A, "a radius must be positive")
    return thermal / (6 * math.pi * viscosity * radius)


def nernst_einstein_conductivity_S_per_m(
    temperature_K: ArrayLike,
    cation_m2_per_s: ArrayLike,
    anion_m2_per_s: ArrayLike,
    molar_volume_m3_per_mol: ArrayLike,
) -> Floats:
    """Conductivity `F^2 (D+ + D-) / (R T V)` of a 1:1 salt whose ions move independently.

    Correlated motion makes the measured one smaller, by a third or so in ionic liquids.

    Raises
    ------
    InputError
        A temperature or a volume that is not positive, a negative diffusion coefficient.
    """
    rule = "a diffusion coefficient must not be negative"
    total = sum(not_negative(D, rule) for D in (cation_m2_per_s, anion_m2_per_s))
    volume = positive(molar_volume_m3_per_mol, "a molar volume must be positive")
    thermal = GAS_CONSTANT_J_PER_MOL_K * _kelvin(temperature_K)
    return np.asarray(FARADAY_C_PER_MOL**2 * total / (thermal * volume))


def molar_conductivity_S_m2_per_mol(
    conductivity_S_per_m: ArrayLike, molar_volume_m3_per_mol: ArrayLike
) -> Floats:
    """Molar conductivity: conductivity times molar volume; both not negative.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    conductivity = not_negative(conductivity_S_per_m, "a conductivity must not be negative")
    return conductivity * positive(molar_volume_m3_per_mol, "a molar volume must be positive")


def walden_product(
    conductivity_S_per_m: ArrayLike, molar_volume_m3_per_mol: ArrayLike, viscosity_Pa_s: ArrayLike
) -> Floats:
    """Molar conductivity times viscosity, over 1 P cm2 S/mol, nearly that of dilute KCl in water.

    One on Walden's ideal line; below it the ions are in part bound to each other.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    molar = molar_conductivity_S_m2_per_mol(conductivity_S_per_m, molar_volume_m3_per_mol)
    ideal = 0.1 * 1e-4  # 1 P = 0.1 Pa s, 1 cm2 = 1e-4 m2
    return molar * positive(viscosity_Pa_s, "a viscosity must be positive") / ideal


def _kelvin(temperature_K: ArrayLike) -> Floats:
    return positive(temperature_K, "a temperature in kelvin must be positive")
