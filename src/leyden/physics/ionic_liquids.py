"""Ionic liquids by closed forms: volume, density, heat capacity, surface tension, lattice energy.

Everything here follows from the volumes of the ions and from temperature and pressure. How charge
is carried is in `leyden.physics.ion_transport`.

References
----------
R. L. Gardas, J. A. P. Coutinho, Fluid Phase Equilib. 263, 26 (2008), volume at T and P;
A. A. Strechan, Y. U. Paulechka, A. V. Blokhin, G. J. Kabo, J. Chem. Thermodyn. 40, 632 (2008),
heat capacity from volume; S. Sugden, J. Chem. Soc. Trans. 125, 1177 (1924), the parachor;
H. D. B. Jenkins, H. K. Roobottom, J. Passmore, L. Glasser, Inorg. Chem. 38, 3609 (1999), lattice
energy from volume. The constants were written down from memory and then held against measured
values (tests/test_ionic_liquids_physics.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError
from leyden.physics.constants import AVOGADRO_PER_MOL
from leyden.physics.domains import not_negative, positive

__all__ = [
    "GARDAS_COUTINHO",
    "RANDOM_CLOSE_PACKING",
    "STRECHAN",
    "SUGDEN",
    "HeatCapacityLine",
    "VolumeExpansion",
    "density_kg_per_m3",
    "fit_heat_capacity_line",
    "fit_volume_expansion",
    "heat_capacity_J_per_mol_K",
    "lattice_energy_kJ_per_mol",
    "molar_volume_m3_per_mol",
    "parachor",
    "sugden_parachor",
    "surface_tension_N_per_m",
]

Floats = NDArray[np.float64]

_M3_PER_A3 = 1e-30
_MPA_PER_KPA = 1e-3
_CM3_PER_M3 = 1e6
_ROOM_K = 298.15

#: Part of the space that equal spheres fill when poured: what turns van der Waals volumes into the
#: volume of a liquid salt without a constant fitted to any liquid. The median over 47,000 measured
#: densities of 1:1 ionic liquids is 0.643.
RANDOM_CLOSE_PACKING = 0.64


class VolumeExpansion(NamedTuple):
    """Volume of a liquid over that at a reference state, `constant + per_K T + per_MPa P`."""

    constant: float
    per_K: float
    per_MPa: float


#: Gardas and Coutinho (2008), fitted to nine imidazolium liquids, 273-393 K, 0.1-100 MPa.
GARDAS_COUTINHO = VolumeExpansion(8.005e-1, 6.652e-4, -5.919e-4)


class HeatCapacityLine(NamedTuple):
    """`Cp = offset + V (per_cm3 + per_cm3_K (T - 298.15 K))`, V at T in cm3/mol, J/(mol K)."""

    per_cm3: float
    offset: float
    per_cm3_K: float


#: Strechan et al. (2008) at 298.15 K, 1.951 V + 8.33. They give no slope in T; 1.4e-3 is that of
#: the median of Cp/V over the measured liquids between 290 and 400 K.
STRECHAN = HeatCapacityLine(1.951, 8.33, 1.4e-3)

#: Parachor of Sugden (1924) by atom, multiple bond and ring in (mN/m)^(1/4) cm3/mol.
SUGDEN: Mapping[str, float] = {
    "H": 17.1,
    "B": 16.4,
    "C": 4.8,
    "N": 12.5,
    "O": 20.0,
    "F": 25.7,
    "P": 37.7,
    "S": 48.2,
    "Cl": 54.3,
    "Br": 68.0,
    "I": 91.0,
    "double bond": 23.2,
    "triple bond": 46.6,
    "ring of 3": 16.7,
    "ring of 4": 11.6,
    "ring of 5": 8.5,
    "ring of 6": 6.1,
}

# Slope (kJ nm/mol) and offset (kJ/mol) of the volume-based lattice energy by numbers of ions and
# their charges: (cations, anions, charge of the cation, charge of the anion).
_LATTICE = {(1, 1, 1, 1): (117.3, 51.9), (1, 2, 2, 1): (133.5, 60.9), (2, 1, 1, 2): (165.3, -29.8)}


def molar_volume_m3_per_mol(
    volume_A3: ArrayLike,
    temperature_K: ArrayLike,
    pressure_kPa: ArrayLike,
    expansion: VolumeExpansion = GARDAS_COUTINHO,
) -> Floats:
    """Molar volume `N V0 (a + b T + c P)` (Gardas and Coutinho, 2008).

    Parameters
    ----------
    volume_A3 : array_like
        Volume V0 of a formula unit in the liquid, A^3; positive. Of van der Waals volumes: their
        sum over `RANDOM_CLOSE_PACKING`.
    temperature_K, pressure_kPa : array_like
        Positive; not negative.
    expansion : VolumeExpansion
        a, b and c.

    Returns
    -------
    ndarray of float
        m3/mol, the common shape of the arguments. NaN in, NaN out.

    Raises
    ------
    InputError
        An argument outside its domain; a state at which the form gives no volume.
    """
    volume = positive(volume_A3, "a volume must be positive")
    temperature = positive(temperature_K, "a temperature in kelvin must be positive")
    pressure = not_negative(pressure_kPa, "a pressure must not be negative")
    ratio = expansion.constant + expansion.per_K * temperature
    ratio = ratio + expansion.per_MPa * _MPA_PER_KPA * pressure
    ratio = positive(ratio, "the state lies outside the range of the linear expansion")
    return AVOGADRO_PER_MOL * _M3_PER_A3 * volume * ratio


def density_kg_per_m3(
    molar_mass_g_per_mol: ArrayLike,
    volume_A3: ArrayLike,
    temperature_K: ArrayLike,
    pressure_kPa: ArrayLike,
    expansion: VolumeExpansion = GARDAS_COUTINHO,
) -> Floats:
    """Density `M / (N V0 (a + b T + c P))` in kg/m3; other arguments as `molar_volume_m3_per_mol`.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    mass = positive(molar_mass_g_per_mol, "a molar mass must be positive") * 1e-3
    return mass / molar_volume_m3_per_mol(volume_A3, temperature_K, pressure_kPa, expansion)


def fit_volume_expansion(
    molar_volume_m3_per_mol: ArrayLike,
    volume_A3: ArrayLike,
    temperature_K: ArrayLike,
    pressure_kPa: ArrayLike,
) -> VolumeExpansion:
    """The a, b and c that fit measured molar volumes with the least squared relative error.

    Parameters
    ----------
    molar_volume_m3_per_mol, volume_A3, temperature_K, pressure_kPa : array_like, shape (n,)
        Any measure of volume will do, since a, b and c take up its scale.

    Raises
    ------
    InputError
        An argument outside its domain; fewer states than three, or states that do not differ in
        both temperature and pressure.
    """
    measured = positive(molar_volume_m3_per_mol, "a molar volume must be positive")
    scale = AVOGADRO_PER_MOL * _M3_PER_A3 * positive(volume_A3, "a volume must be positive")
    ones = np.ones_like(measured)
    columns = [
        ones,
        np.asarray(temperature_K) * ones,
        _MPA_PER_KPA * np.asarray(pressure_kPa) * ones,
    ]
    design = np.stack(columns, axis=-1)
    _of_full_rank(design, "volumes at three or more temperatures and pressures are needed")
    relative = design * (scale / measured)[:, None]
    return VolumeExpansion(*map(float, np.linalg.lstsq(relative, ones, rcond=None)[0]))


def heat_capacity_J_per_mol_K(
    molar_volume_m3_per_mol: ArrayLike, temperature_K: ArrayLike, line: HeatCapacityLine = STRECHAN
) -> Floats:
    """Heat capacity at constant pressure from the molar volume at the same temperature.

    An ion's degrees of freedom grow with its size, so that the heat capacity by volume is within
    5 % the same for all ionic liquids (Strechan et al., 2008).

    Parameters
    ----------
    molar_volume_m3_per_mol, temperature_K : array_like
        Positive.
    line : HeatCapacityLine

    Returns
    -------
    ndarray of float
        J/(mol K). NaN in, NaN out.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    volume = _CM3_PER_M3 * positive(molar_volume_m3_per_mol, "a molar volume must be positive")
    above = positive(temperature_K, "a temperature in kelvin must be positive") - _ROOM_K
    return line.offset + volume * (line.per_cm3 + line.per_cm3_K * above)


def fit_heat_capacity_line(
    heat_capacity_J_per_mol_K: ArrayLike,
    molar_volume_m3_per_mol: ArrayLike,
    temperature_K: ArrayLike,
) -> HeatCapacityLine:
    """The line that fits measured heat capacities, arrays (n,), with least squared relative error.

    Raises
    ------
    InputError
        An argument outside its domain; rows that do not differ in volume and temperature.
    """
    measured = positive(heat_capacity_J_per_mol_K, "a heat capacity must be positive")
    volume = _CM3_PER_M3 * positive(molar_volume_m3_per_mol, "a molar volume must be positive")
    above = positive(temperature_K, "a temperature in kelvin must be positive") - _ROOM_K
    design = np.stack(np.broadcast_arrays(volume, np.ones_like(volume), volume * above), axis=-1)
    _of_full_rank(design, "heat capacities at several volumes and temperatures are needed")
    relative = np.linalg.lstsq(design / measured[:, None], np.ones_like(measured), rcond=None)[0]
    return HeatCapacityLine(*map(float, relative))


def surface_tension_N_per_m(parachor: ArrayLike, molar_volume_m3_per_mol: ArrayLike) -> Floats:
    """Surface tension `(P / V)^4`, the vapour's density neglected (Sugden, 1924).

    The fourth power makes 1 % of volume 4 % of surface tension.

    Parameters
    ----------
    parachor : array_like
        Of a formula unit, (mN/m)^(1/4) cm3/mol; positive.
    molar_volume_m3_per_mol : array_like
        Positive.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    volume = _CM3_PER_M3 * positive(molar_volume_m3_per_mol, "a molar volume must be positive")
    return 1e-3 * (positive(parachor, "a parachor must be positive") / volume) ** 4


def parachor(surface_tension_N_per_m: ArrayLike, molar_volume_m3_per_mol: ArrayLike) -> Floats:
    """Parachor of a measured surface tension, (mN/m)^(1/4) cm3/mol.

    Raises
    ------
    InputError
        An argument outside its domain.
    """
    tension = 1e3 * positive(surface_tension_N_per_m, "a surface tension must be positive")
    volume = positive(molar_volume_m3_per_mol, "a molar volume must be positive")
    return _CM3_PER_M3 * volume * tension**0.25


def sugden_parachor(counts: Mapping[str, ArrayLike]) -> Floats:
    """Parachor in (mN/m)^(1/4) cm3/mol from numbers of atoms, multiple bonds and rings.

    Parameters
    ----------
    counts : mapping of str to array_like
        Keys as in `SUGDEN`. Ions add up; semipolar bonds (S=O, P=O) count as single.

    Raises
    ------
    InputError
        A kind of atom or ring that has no constant; a negative count.

    Examples
    --------
    >>> benzene = {"C": 6, "H": 6, "double bond": 3, "ring of 6": 1}
    >>> round(float(sugden_parachor(benzene)), 1)  # measured: 206
    207.1
    """
    total = np.zeros(())
    for kind, number in counts.items():
        if kind not in SUGDEN:
            raise InputError("a parachor is known of these only: " + ", ".join(SUGDEN), value=kind)
        total = total + SUGDEN[kind] * not_negative(number, "a count must not be negative")
    return np.asarray(total)


def lattice_energy_kJ_per_mol(
    volume_nm3: ArrayLike,
    cations: int = 1,
    anions: int = 1,
    cation_charge: int = 1,
    anion_charge: int = 1,
) -> Floats:
    """Energy that takes a salt apart into gaseous ions, `2 I (alpha / V^(1/3) + beta)`.

    Parameters
    ----------
    volume_nm3 : array_like
        Volume of a formula unit, nm3; positive.
    cations, anions, cation_charge, anion_charge : int
        Numbers of ions in the formula unit, and their charges without sign.

    Raises
    ------
    InputError
        A volume that is not positive; a salt other than 1:1 of single charges, 1:2 or 2:1.
    """
    kind = (cations, anions, cation_charge, anion_charge)
    if kind not in _LATTICE:
        raise InputError("lattice energies are known for salts MX, MX2 and M2X", value=kind)
    slope, offset = _LATTICE[kind]
    strength = (cations * cation_charge**2 + anions * anion_charge**2) / 2
    volume = positive(volume_nm3, "a volume must be positive")
    return 2 * strength * (slope / np.cbrt(volume) + offset)


def _of_full_rank(design: Floats, rule: str) -> None:
    scaled = design / np.maximum(np.abs(design).max(axis=0, initial=0), 1e-300)
    if len(design) < 3 or np.linalg.matrix_rank(scaled, tol=1e-6) < design.shape[1]:
        raise InputError(rule, value=len(design))
