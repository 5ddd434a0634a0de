"""Cell, symmetry and contents of a phase, as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS
from leyden.data.phase import Phase
from leyden.errors import InputError
from leyden.representations.elements import MAX_NUMBER, element_property

__all__ = ["CRYSTAL_SYSTEMS", "CellContents", "PhaseCell"]

CRYSTAL_SYSTEMS = (
    "triclinic",
    "monoclinic",
    "orthorhombic",
    "tetragonal",
    "trigonal",
    "hexagonal",
    "cubic",
)
_FIRST_GROUPS = (1, 3, 16, 75, 143, 168, 195)
"""The first space group of each crystal system."""

_WHOLE = 0.02  # atoms in a cell; tables print amounts with two decimals


@dataclass(frozen=True)
class PhaseCell:
    """Room an atom has, shape of the cell, space group, disorder: a structure without its sites.

    Takes `Phase`s. Which axis is called a is a matter of setting: lengths enter sorted, as ratios
    to the shortest. Disorder is told by amounts of the cell that are not whole.
    """

    kind: ClassVar[str] = "phase_cell"

    def names(self) -> list[str]:
        """A name a column."""
        return [
            "log volume an atom",
            "volume an atom over elemental",
            "packing of covalent spheres",
            "log volume of the cell",
            "log atoms in the cell",
            "middle over shortest axis",
            "longest over shortest axis",
            "alpha",
            "beta",
            "gamma",
            "space group",
            "elements",
            "elements of partial amount",
            "partial amount an atom",
            *CRYSTAL_SYSTEMS,
        ]

    def transform(self, items: Sequence[Phase]) -> np.ndarray:
        """Vectors, shape (n, 21), float64.

        Raises
        ------
        InputError
            An item is no `Phase`, or holds an element beyond copernicium; `row` counts from 1.
        """
        if not len(items):
            return np.zeros((0, len(self.names())))
        amounts = _amounts(items)
        atoms = amounts.sum(axis=1)
        elemental = amounts @ element_property("GSvolume_pa", imputed=True)[1:]
        radii = element_property("CovalentRadius", imputed=True)[1:] / 100
        spheres = amounts @ (4 / 3 * np.pi * radii**3)
        partial = np.abs(amounts - np.round(amounts))
        partial[partial < _WHOLE] = 0.0
        volumes = np.array([item.volume_A3 for item in items])
        cells = np.array([item.cell for item in items])
        groups = np.array([item.space_group for item in items])
        lengths = np.sort(cells[:, :3], axis=1)
        systems = np.searchsorted(_FIRST_GROUPS, groups, side="right") - 1
        return np.column_stack(
            [
                np.log(volumes / atoms),
                volumes / elemental,
                spheres / volumes,
                np.log(volumes),
                np.log(atoms),
                lengths[:, 1:] / lengths[:, :1],
                cells[:, 3:],
                groups,
                np.count_nonzero(amounts, axis=1),
                np.count_nonzero(partial, axis=1),
                partial.sum(axis=1) / atoms,
                systems[:, None] == np.arange(len(CRYSTAL_SYSTEMS)),
            ]
        )


@dataclass(frozen=True)
class CellContents:
    """Atoms of each element in the unit cell of a `Phase`: what Therrien et al. describe it by.

    F. Therrien et al., OBELiX, arXiv:2502.14234.
    """

    kind: ClassVar[str] = "cell_contents"

    def names(self) -> list[str]:
        """A name a column, such as ``"Li in the cell"``."""
        return [f"{symbol} in the cell" for symbol in ELEMENTS[1 : MAX_NUMBER + 1]]

    def transform(self, items: Sequence[Phase]) -> np.ndarray:
        """Amounts, shape (n, 112), float64; errors as of `PhaseCell`."""
        return _amounts(items)


def _amounts(items: Sequence[Phase]) -> np.ndarray:
    """Atoms of each element in the cell, shape (n, 112); column z - 1 is of atomic number z."""
    amounts = np.zeros((len(items), MAX_NUMBER))
    for row, item in enumerate(items):
        if not isinstance(item, Phase):
            raise InputError("cell and contents are those of a Phase", value=item, row=row + 1)
        for symbol, amount in item.amounts.items():
            if ATOMIC_NUMBERS[symbol] > MAX_NUMBER:
                raise InputError(
                    f"element properties are known up to {ELEMENTS[MAX_NUMBER]}",
                    value=symbol,
                    row=row + 1,
                    remedy="leave the item out",
                )
            amounts[row, ATOMIC_NUMBERS[symbol] - 1] = amount
    return amounts
