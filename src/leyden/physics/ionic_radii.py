"""The size of Li+ in a crystal, from its coordination number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError
from leyden.physics.constants import AVOGADRO_PER_MOL
from leyden.physics.dendrites import LITHIUM, Metal

__all__ = ["SHANNON_LITHIUM_RADII", "lithium_radius", "molar_volume_ratio"]

#: Shannon's effective ionic radii of Li+, angstrom, by coordination number
#: (Acta Cryst. A 32, 751 (1976)); he lists no others.
SHANNON_LITHIUM_RADII = {4: 0.59, 6: 0.76, 8: 0.92}


def lithium_radius(coordination_number: ArrayLike) -> NDArray[np.float64]:
    """Effective ionic radius of Li+, linear between Shannon's values.

    Below 4 and above 8 the first and the last segment are continued (0.085 and 0.080 angstrom a
    neighbour). The published screening must have done so too: it met one crystal with an ion
    larger than the metal atom, which takes a radius of 1.73 angstrom, far beyond the table.

    Parameters
    ----------
    coordination_number : array_like of float
        Coordination numbers, whole or effective; positive.

    Returns
    -------
    ndarray of float
        Radii in angstrom, NaN where the coordination number is NaN.

    Raises
    ------
    InputError
        A coordination number that is not positive, or infinite.
    """
    number = np.asarray(coordination_number, dtype=np.float64)
    wrong = (number <= 0) | np.isinf(number)
    if np.any(wrong):
        raise InputError("a coordination number must be positive", value=float(number[wrong][0]))
    tabulated = np.array(list(SHANNON_LITHIUM_RADII), dtype=np.float64)
    radii = np.array(list(SHANNON_LITHIUM_RADII.values()))
    segment = np.clip(np.searchsorted(tabulated, number) - 1, 0, len(tabulated) - 2)
    slope = np.diff(radii)[segment] / np.diff(tabulated)[segment]
    return radii[segment] + slope * (number - tabulated[segment])


def molar_volume_ratio(
    coordination_number: ArrayLike, metal: Metal = LITHIUM
) -> NDArray[np.float64]:
    """Molar volume of Li+ in the electrolyte over that of the metal, v of eq. 2.9.

    The ion is a sphere of Shannon's radius, `4/3 pi r^3 N_A`. A ratio above one (coordination
    numbers above 18) is returned as it is; the published screening left such crystals out.

    Parameters
    ----------
    coordination_number : array_like of float
        Coordination numbers of lithium; positive.
    metal : Metal
        The metal electrode.

    Returns
    -------
    ndarray of float
        The ratio, without unit.

    References
    ----------
    T. Xie, PhD thesis (2020), section 2.5.2.
    """
    radius_m = lithium_radius(coordination_number) * 1e-10
    volume = 4 / 3 * np.pi * radius_m**3 * AVOGADRO_PER_MOL
    return volume / metal.molar_volume_m3_per_mol
