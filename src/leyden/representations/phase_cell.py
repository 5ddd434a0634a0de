"""Cell and symmetry of a phase, as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leyden.data.formulas import ATOMIC_NUMBERS, parse_composition
from leyden.data.phase import Phase
from leyden.errors import InputError
from leyden.representations.elements import MAX_NUMBER, element_property

__all__ = ["CRYSTAL_SYSTEMS", "PhaseCell"]

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


@dataclass(frozen=True)
class PhaseCell:
    """Room an atom has, shape of the cell, space group: what is known of a structure without sites.

    Takes `Phase`s. Which axis is called a matters to the first setting only: lengths enter sorted,
    as ratios to the shortest.
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
            *CRYSTAL_SYSTEMS,
        ]

    def transform(self, items: Sequence[Phase]) -> np.ndarray:
        """Vectors, shape (n, 18), float64.

        Raises
        ------
        InputError
            An item is no `Phase`, or holds an element beyond copernicium; `row` counts from 1.
        """
        if not len(items):
            return np.zeros((0, len(self.names())))
        elemental, spheres = _sizes(items)
        volumes = np.array([item.volume_A3 for item in items])
        atoms = np.array([item.atoms for item in items])
        cells = np.array([item.cell for item in items])
        groups = np.array([item.space_group for item in items])
        lengths = np.sort(cells[:, :3], axis=1)
        systems = np.searchsorted(_FIRST_GROUPS, groups, side="right") - 1
        return np.column_stack(
            [
                np.log(volumes / atoms),
                volumes / atoms / elemental,
                spheres * atoms / volumes,
                np.log(volumes),
                np.log(atoms),
                lengths[:, 1:] / lengths[:, :1],
                cells[:, 3:],
                groups,
                systems[:, None] == np.arange(len(CRYSTAL_SYSTEMS)),
            ]
        )


def _sizes(items: Sequence[Phase]) -> tuple[np.ndarray, np.ndarray]:
    """Mean volume of an atom in its element, and of its covalent sphere, angstrom^3, (n,) each."""
    own = element_property("GSvolume_pa", imputed=True)
    spheres = 4 / 3 * np.pi * (element_property("CovalentRadius", imputed=True) / 100) ** 3
    sizes = []
    for row, item in enumerate(items, start=1):
        if not isinstance(item, Phase):
            raise InputError("cell and symmetry are those of a Phase", value=item, row=row)
        parts = parse_composition(item.formula)
        numbers = np.array([ATOMIC_NUMBERS[element] for element in parts])
        if numbers.max() > MAX_NUMBER:
            raise InputError(
                f"element properties are known up to number {MAX_NUMBER}",
                value=item.formula,
                row=row,
                remedy="leave the item out",
            )
        amounts = np.array([float(amount) for amount in parts.values()])
        weights = amounts / amounts.sum()
        sizes.append((weights @ own[numbers], weights @ spheres[numbers]))
    first, second = np.array(sizes).T
    return first, second
