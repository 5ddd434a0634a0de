"""Properties of the elements, and the vectors that a network starts from."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import numpy as np

from leyden.data.formulas import ELEMENTS
from leyden.errors import InputError

__all__ = ["MAX_NUMBER", "element_property", "element_vectors", "elements_with"]

MAX_NUMBER = 112
"""Heaviest element of the table (copernicium)."""


@cache
def _table() -> dict[str, np.ndarray]:
    text = files("leyden.representations").joinpath("elements.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    columns = {}
    for name in rows[0]:
        if name != "symbol":
            values = [np.nan] + [float(row[name]) if row[name] else np.nan for row in rows]
            columns[name] = np.array(values)
            columns[name].flags.writeable = False
    return columns


def element_property(name: str, *, imputed: bool = False) -> np.ndarray:
    """A property of all elements, indexed by atomic number.

    Parameters
    ----------
    name : str
        A column of ``elements.csv``, where units and sources stand.
    imputed : bool
        Fill what is not known with the mean over all elements that have the property, as matminer
        does by default (`impute_nan`): so do the noble gases get an electronegativity.

    Returns
    -------
    ndarray of float64, shape (MAX_NUMBER + 1,)
        NaN at index 0, and where nothing is known unless `imputed`.

    Raises
    ------
    InputError
        There is no such property.
    """
    table = _table()
    if name not in table:
        raise InputError(
            "unknown element property", value=name, remedy=f"choose from {', '.join(table)}"
        )
    values = table[name]
    if imputed:
        values = np.where(np.isnan(values), np.nanmean(values), values)
        values[0] = np.nan
    return values


def elements_with(properties: Iterable[str], last: int = 93) -> tuple[str, ...]:
    """Symbols of the elements up to atomic number `last` of which all these properties are known.

    A screening scores these, and counts the others: nothing is imputed.

    Raises
    ------
    InputError
        There is no such property.

    Examples
    --------
    >>> elements_with(["Electronegativity", "MeltingT"], last=10)
    ('H', 'Li', 'Be', 'B', 'C', 'N', 'O', 'F')
    """
    names = ("Number", *properties)
    known = np.all([np.isfinite(element_property(name)) for name in names], axis=0)
    return tuple(ELEMENTS[z] for z in range(1, last + 1) if known[z])


@cache
def element_vectors() -> np.ndarray:
    """One vector an element: nine properties in one-hot bins (Xie, thesis, MIT 2020, table 2.1).

    Group (18 bins), period (9), electronegativity (10), covalent radius (10), valence electrons
    (12), logarithm of the first ionisation energy (10), electron affinity (10), block (4),
    logarithm of the molar volume (10).  A property that is not known has no bin; values beyond the
    ends fall in the last bin.

    Returns
    -------
    ndarray of float32, shape (MAX_NUMBER + 1, 93)
        Row 0 is zero. Read-only.
    """
    column, row = element_property("Column"), element_property("Row")
    affinity = element_property("ElectronAffinity") / 96.485  # kJ/mol to eV
    parts = [
        _one_hot(column - 1, 18),
        _one_hot(row - 1, 9),
        _binned(element_property("Electronegativity"), 0.5, 4.0, 10),
        _binned(element_property("CovalentRadius"), 25, 250, 10),
        _one_hot(_valence_electrons() - 1, 12),
        _binned(np.log(element_property("FirstIonizationEnergy")), 1.3, 3.3, 10),
        _binned(affinity, -3, 3.7, 10),
        _one_hot(_block(), 4),
        _binned(np.log(element_property("MolarVolume")), 1.5, 4.3, 10),
    ]
    vectors = np.hstack(parts).astype(np.float32)
    vectors.flags.writeable = False
    return vectors


def _block() -> np.ndarray:
    """0, 1, 2, 3 for s, p, d, f."""
    number, column = element_property("Number"), element_property("Column")
    block = np.select([column <= 2, column <= 12], [0.0, 2.0], 1.0)
    block[2] = 0  # helium
    block[((number >= 57) & (number <= 70)) | ((number >= 89) & (number <= 102))] = 3
    block[0] = np.nan
    return block


def _valence_electrons() -> np.ndarray:
    """Electrons outside the noble-gas core and outside filled d and f shells, 1 to 12."""
    column, block = element_property("Column"), _block()
    outer = sum(element_property(f"N{shell}Valence") for shell in "sdf")
    valence = np.select([block == 1, block == 3], [column - 10, outer], column)
    valence[2] = 2  # helium
    return np.clip(valence, 1, 12)


def _one_hot(index: np.ndarray, bins: int) -> np.ndarray:
    # NaN equals nothing, so what is not known stays zero.
    return index[:, None] == np.arange(bins)


def _binned(values: np.ndarray, low: float, high: float, bins: int) -> np.ndarray:
    return _one_hot(np.clip(np.floor((values - low) / (high - low) * bins), 0, bins - 1), bins)
