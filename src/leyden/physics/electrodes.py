"""Insertion electrodes in closed form: voltage, capacity and energy from a few numbers.

An electrode takes up ions A^(z+) between a charged (ion-poor) and a discharged (ion-rich) state of
one framework. All energies, masses and volumes here are those of the same amount of framework,
such as one formula unit, and `ions` is how many ions that amount takes up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError
from leyden.physics.constants import AVOGADRO_PER_MOL, FARADAY_C_PER_MOL

__all__ = [
    "CHARGES",
    "average_voltage",
    "energy_density",
    "gravimetric_capacity",
    "specific_energy",
    "volume_change",
    "volumetric_capacity",
]

Floats = NDArray[np.float64]

CHARGES = {"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Mg": 2, "Ca": 2, "Zn": 2, "Al": 3, "Y": 3}
"""Working ion to its charge number z."""

_MAH_PER_MOL = FARADAY_C_PER_MOL / 3.6  # one mole of elementary charges; 1 mAh is 3.6 C
_CM3_PER_A3 = 1e-24


def average_voltage(
    energy_charged_eV: ArrayLike,
    energy_discharged_eV: ArrayLike,
    ions: ArrayLike,
    charge_number: ArrayLike,
    energy_ion_eV: ArrayLike = 0.0,
) -> Floats:
    """Average voltage of the insertion, `V = -(E_d - E_c - ions E_ion) / (z ions)`.

    The energies stand for the Gibbs energies, as is usual at low temperature.

    Parameters
    ----------
    energy_charged_eV, energy_discharged_eV : array_like
        Energies of the two states for the same amount of framework, eV: total energies, or
        formation energies from the elements.
    ions : array_like
        Ions that this amount takes up; positive.
    charge_number : array_like
        z of the ion; positive.
    energy_ion_eV : array_like
        Total energy of an atom of the ion's metal, eV; 0 with formation energies.

    Returns
    -------
    ndarray of float
        Volts against the metal of the ion. NaN in, NaN out.

    Raises
    ------
    InputError
        `ions` or `charge_number` not positive.

    References
    ----------
    M. K. Aydinol, A. F. Kohan, G. Ceder, K. Cho, J. Joannopoulos, Phys. Rev. B 56, 1354 (1997),
    eq. 4.

    Examples
    --------
    >>> float(average_voltage(-20.0, -26.0, 1.0, 1, energy_ion_eV=-2.0))
    4.0
    """
    taken = _positive(ions, "a discharge takes up ions")
    z = _positive(charge_number, "a charge number must be positive")
    charged, discharged, metal = (
        np.asarray(values, dtype=np.float64)
        for values in (energy_charged_eV, energy_discharged_eV, energy_ion_eV)
    )
    return -(discharged - charged - taken * metal) / (z * taken)


def gravimetric_capacity(
    ions: ArrayLike, charge_number: ArrayLike, mass_discharged_g_per_mol: ArrayLike
) -> Floats:
    """Charge a mass of electrode, `z ions F / (3.6 M)` in mAh/g.

    Parameters
    ----------
    ions, charge_number : array_like
        As for `average_voltage`.
    mass_discharged_g_per_mol : array_like
        Molar mass of the discharged state, by convention: it is the one that is weighed in.
    """
    return _charge(ions, charge_number) / _positive(
        mass_discharged_g_per_mol, "a mass must be positive"
    )


def volumetric_capacity(
    ions: ArrayLike, charge_number: ArrayLike, volume_discharged_A3: ArrayLike
) -> Floats:
    """Charge a volume of the discharged crystal, `z ions F / (3.6 N_A V)` in mAh/cm3.

    Parameters
    ----------
    ions, charge_number : array_like
        As for `average_voltage`.
    volume_discharged_A3 : array_like
        Volume of that amount of the discharged state, cubic angstrom.
    """
    volume = _positive(volume_discharged_A3, "a volume must be positive")
    return _charge(ions, charge_number) / (volume * _CM3_PER_A3 * AVOGADRO_PER_MOL)


def specific_energy(average_voltage_V: ArrayLike, capacity_mAh_per_g: ArrayLike) -> Floats:
    """Energy a mass of electrode against the metal of the ion, Wh/kg."""
    return np.asarray(average_voltage_V, dtype=np.float64) * np.asarray(capacity_mAh_per_g)


def energy_density(average_voltage_V: ArrayLike, capacity_mAh_per_cm3: ArrayLike) -> Floats:
    """Energy a volume of electrode against the metal of the ion, Wh/L."""
    return np.asarray(average_voltage_V, dtype=np.float64) * np.asarray(capacity_mAh_per_cm3)


def volume_change(volume_charged_A3: ArrayLike, volume_discharged_A3: ArrayLike) -> Floats:
    """How much a framework swells on discharge, `V_d / V_c - 1`; 0.07 is 7 per cent.

    Parameters
    ----------
    volume_charged_A3, volume_discharged_A3 : array_like
        Volumes of the same amount of framework; positive.
    """
    charged, discharged = (
        _positive(volume, "a volume must be positive")
        for volume in (volume_charged_A3, volume_discharged_A3)
    )
    return discharged / charged - 1


def _charge(ions: ArrayLike, charge_number: ArrayLike) -> Floats:
    """Charge that a mole of that amount of framework takes up, mAh/mol."""
    taken = _positive(ions, "a discharge takes up ions")
    return taken * _positive(charge_number, "a charge number must be positive") * _MAH_PER_MOL


def _positive(values: ArrayLike, rule: str) -> Floats:
    """The values as floats; `InputError` shows the first that is not positive (NaN passes)."""
    array = np.asarray(values, dtype=np.float64)
    wrong = array <= 0
    if np.any(wrong):
        raise InputError(rule, value=float(array[wrong][0]))
    return array
