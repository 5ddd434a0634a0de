"""Composition statistics: what the elements of a formula are like, as one vector.

L. Ward, A. Agrawal, A. Choudhary, C. Wolverton, npj Comput. Mater. 2, 16028 (2016); for
conductors: E. D. Cubuk, A. D. Sendek, E. J. Reed, J. Chem. Phys. 150, 214701 (2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.disordered import DisorderedCrystal
from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS, parse_composition
from leyden.data.phase import Phase
from leyden.errors import InputError
from leyden.representations.elements import MAX_NUMBER, element_property

__all__ = [
    "CUBUK_PROPERTIES",
    "CUBUK_STATISTICS",
    "MAGPIE_PROPERTIES",
    "STATISTICS",
    "AtomicFractions",
    "CompositionStatistics",
]

MAGPIE_PROPERTIES = (
    "Number",
    "MendeleevNumber",
    "AtomicWeight",
    "MeltingT",
    "Column",
    "Row",
    "CovalentRadius",
    "Electronegativity",
    "NsValence",
    "NpValence",
    "NdValence",
    "NfValence",
    "NValence",
    "NsUnfilled",
    "NpUnfilled",
    "NdUnfilled",
    "NfUnfilled",
    "NUnfilled",
    "GSvolume_pa",
    "GSbandgap",
    "GSmagmom",
    "SpaceGroupNumber",
)
"""The 22 element properties of Magpie."""

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")
"""Magpie's statistics over the elements; means and average deviations are weighted by amount, the
mode is the least value among the elements of the greatest amount."""

CUBUK_PROPERTIES = (
    "Number",
    "Column",
    "Row",
    "Electronegativity",
    "ElectronAffinity",
    "MeltingT",
    "BoilingT",
    "Density",
    "FirstIonizationEnergy",
)
"""The nine element properties of Cubuk, Sendek and Reed: atomic number, group, period,
electronegativity, electron affinity, melting and boiling temperature, density, ionisation energy.
The paper names no table; here they are Magpie's."""

CUBUK_STATISTICS = ("mean", "std", "minimum", "maximum")
"""Their reductions; with the nine properties, 36 descriptors. The mean and the standard deviation,
sqrt(sum_i x_i P_i^2 - mean^2), are weighted by the atomic fractions x_i."""

Item = str | Crystal | DisorderedCrystal

_KNOWN = (*STATISTICS, "std")


@dataclass(frozen=True)
class CompositionStatistics:
    """Statistics of element properties over a composition; 22 x 6 = 132 of them by default.

    Takes formulas, crystals, ordered or not, and phases. What is not known of an element (an
    electronegativity of argon) is the mean over the elements of which it is known.

    Attributes
    ----------
    statistics : tuple of str
        Some of `STATISTICS` and ``"std"``, the standard deviation weighted by amount.
    properties : tuple of str
        Columns of ``elements.csv``.
    """

    kind: ClassVar[str] = "composition_statistics"
    reads_disorder: ClassVar[bool] = True

    statistics: tuple[str, ...] = STATISTICS
    properties: tuple[str, ...] = MAGPIE_PROPERTIES

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", tuple(self.statistics))
        object.__setattr__(self, "properties", tuple(self.properties))
        unknown = set(self.statistics) - set(_KNOWN)
        if unknown or not self.statistics or not self.properties:
            raise InputError(
                "composition statistics need properties and known statistics",
                value=sorted(unknown) or self,
                remedy=f"choose from {', '.join(_KNOWN)}",
            )
        for name in self.properties:
            element_property(name)

    def names(self) -> list[str]:
        """A name a column, such as ``"mean Electronegativity"``."""
        return [f"{what} {name}" for name in self.properties for what in self.statistics]

    def transform(self, items: Sequence[Item]) -> np.ndarray:
        """Statistics, shape (n, properties x statistics), float64.

        Raises
        ------
        InputError
            An item is neither formula nor crystal, or holds an element beyond copernicium, of which
            nothing is known; `row` counts from 1.
        """
        numbers, amounts, counts = _compositions(items)
        values = _property_table(self.properties)[numbers]  # (K, p), one row an element of an item
        if not len(counts):
            return np.zeros((0, len(self.properties) * len(self.statistics)))
        starts = np.cumsum(counts) - counts
        fractions = amounts / np.repeat(np.add.reduceat(amounts, starts), counts)
        low = np.minimum.reduceat(values, starts)
        high = np.maximum.reduceat(values, starts)
        mean = np.add.reduceat(values * fractions[:, None], starts)
        made = {"minimum": low, "maximum": high, "range": high - low, "mean": mean}
        if "std" in self.statistics:
            square = (values - np.repeat(mean, counts, axis=0)) ** 2
            made["std"] = np.sqrt(np.add.reduceat(square * fractions[:, None], starts))
        if "avg_dev" in self.statistics:
            deviation = np.abs(values - np.repeat(mean, counts, axis=0))
            made["avg_dev"] = np.add.reduceat(deviation * fractions[:, None], starts)
        if "mode" in self.statistics:
            most = np.repeat(np.maximum.reduceat(fractions, starts), counts)
            frequent = np.isclose(fractions, most)
            made["mode"] = np.minimum.reduceat(np.where(frequent[:, None], values, np.inf), starts)
        stacked = np.stack([made[name] for name in self.statistics], axis=2)
        return stacked.reshape(len(counts), -1)


@dataclass(frozen=True)
class AtomicFractions:
    """How much of each element a composition holds: what a learned element embedding starts from.

    Takes formulas and crystals, ordered or not.
    """

    kind: ClassVar[str] = "atomic_fractions"
    reads_disorder: ClassVar[bool] = True

    def names(self) -> list[str]:
        """A name a column, such as ``"fraction of Li"``."""
        return [f"fraction of {symbol}" for symbol in ELEMENTS[1 : MAX_NUMBER + 1]]

    def transform(self, items: Sequence[Item]) -> np.ndarray:
        """Atomic fractions, shape (n, 112), float64; column z - 1 is of atomic number z.

        Raises
        ------
        InputError
            As `CompositionStatistics.transform`.
        """
        numbers, amounts, counts = _compositions(items)
        fractions = np.zeros((len(counts), MAX_NUMBER))
        np.add.at(fractions, (np.repeat(np.arange(len(counts)), counts), numbers - 1), amounts)
        return fractions / fractions.sum(axis=1, keepdims=True)


@cache
def _property_table(names: tuple[str, ...]) -> np.ndarray:
    return np.stack([element_property(name, imputed=True) for name in names], axis=1)


def _compositions(items: Iterable[Item]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atomic numbers, amounts, and the number of elements of each item."""
    numbers: list[int] = []
    amounts: list[float] = []
    counts: list[int] = []
    for row, item in enumerate(items, start=1):
        before = len(numbers)
        for z, amount in _composition(item, row):
            if z > MAX_NUMBER:
                raise InputError(
                    f"element properties are known up to {ELEMENTS[MAX_NUMBER]}",
                    value=ELEMENTS[z],
                    row=row,
                    remedy="leave the item out",
                )
            numbers.append(z)
            amounts.append(amount)
        counts.append(len(numbers) - before)
    return np.array(numbers, dtype=np.int64), np.array(amounts), np.array(counts, dtype=np.int64)


def _composition(item: Any, row: int) -> list[tuple[int, float]]:
    if isinstance(item, Phase):
        item = item.formula
    if isinstance(item, Crystal):
        counts = np.bincount(item.numbers).tolist()
        return [(z, count) for z, count in enumerate(counts) if count]
    if isinstance(item, DisorderedCrystal):
        return [(ATOMIC_NUMBERS[symbol], amount) for symbol, amount in item.composition.items()]
    if isinstance(item, str):
        try:
            parsed = parse_composition(item)
        except InputError as error:
            raise error.at(row=row) from None
        return [(ATOMIC_NUMBERS[symbol], float(amount)) for symbol, amount in parsed.items()]
    raise InputError("composition statistics take a formula or a crystal", value=item, row=row)
