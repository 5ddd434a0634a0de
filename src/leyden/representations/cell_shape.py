"""The cell as such: how much room an atom has, how full it is, and what shape its lattice has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from leyden.data.crystal import Crystal
from leyden.errors import InputError
from leyden.representations.elements import MAX_NUMBER, element_property

__all__ = ["CellShape", "delaunay_reduced"]

_PAIRS = tuple(combinations(range(4), 2))


@dataclass(frozen=True)
class CellShape:
    """Volume an atom, packing, and the shape of the lattice, whatever vectors describe it.

    The shape is told by the six conorms of the Delaunay-reduced lattice (Selling parameters,
    sorted, as lengths over the cube root of the volume; they change continuously with the lattice)
    and its three shortest vectors, from which come the ratios of lengths.
    """

    kind: ClassVar[str] = "cell_shape"

    def names(self) -> list[str]:
        """A name a column."""
        return [
            "log volume an atom",
            "packing of covalent spheres",
            "volume an atom over elemental",
            "log atoms",
            *(f"conorm length {i}" for i in range(6)),
            *(f"relative length {i}" for i in range(3)),
            "b/a",
            "c/a",
        ]

    def transform(self, items: Sequence[Crystal]) -> np.ndarray:
        """Shapes, shape (n, 15), float64.

        Raises
        ------
        InputError
            An item is not a `Crystal`, or holds an element of which no radius is known.
        """
        if not len(items):
            return np.zeros((0, len(self.names())))
        check_crystals(items)
        counts = np.array([len(item) for item in items])
        numbers = np.concatenate([item.numbers for item in items])
        lattices = np.stack([item.lattice for item in items])
        volumes = np.abs(np.linalg.det(lattices))
        starts = np.cumsum(counts) - counts
        radii = element_property("CovalentRadius", imputed=True)[numbers] / 100
        spheres = np.add.reduceat(4 / 3 * np.pi * radii**3, starts)
        own = np.add.reduceat(element_property("GSvolume_pa", imputed=True)[numbers], starts)
        basis, scalars = delaunay_reduced(lattices / np.cbrt(volumes)[:, None, None])
        conorms = np.sort(np.sqrt(np.maximum(-scalars, 0)), axis=1)
        shortest = _voronoi_lengths(basis)[:, :3]
        return np.column_stack(
            [
                np.log(volumes / counts),
                spheres / volumes,
                volumes / own,
                np.log(counts),
                conorms,
                shortest,
                shortest[:, 1] / shortest[:, 0],
                shortest[:, 2] / shortest[:, 0],
            ]
        )


def check_crystals(items: Sequence[Crystal]) -> None:
    """Raise `InputError` where an item is not a crystal of elements whose properties are known."""
    for row, item in enumerate(items, start=1):
        if not isinstance(item, Crystal):
            raise InputError("statistics of a structure take a Crystal", value=item, row=row)
        if item.numbers.max() > MAX_NUMBER:
            raise InputError(
                f"element properties are known up to number {MAX_NUMBER}",
                value=int(item.numbers.max()),
                row=row,
                remedy="leave the item out",
            )


def delaunay_reduced(lattices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Obtuse superbases of many lattices at once.

    While two of the four vectors of a superbase enclose an acute angle, one is reversed and added
    to the two others: Selling's algorithm, which ends in the reduced lattice (B. Delaunay, 1933).

    Parameters
    ----------
    lattices : ndarray, shape (n, 3, 3)
        Rows are vectors.

    Returns
    -------
    superbases : ndarray, shape (n, 4, 3)
        Four vectors that sum to zero.
    scalars : ndarray, shape (n, 6)
        Their products, none positive.
    """
    bases = np.concatenate([lattices, -lattices.sum(axis=1, keepdims=True)], axis=1)
    tolerance = 1e-9 * np.square(bases).sum(axis=(1, 2))
    first, second = np.array(_PAIRS).T
    while True:
        scalars = np.einsum("npx,npx->np", bases[:, first], bases[:, second])
        worst = scalars.argmax(axis=1)
        acute = np.flatnonzero(scalars.max(axis=1) > tolerance)
        if not len(acute):
            return bases, scalars
        for pair, (i, j) in enumerate(_PAIRS):
            rows = acute[worst[acute] == pair]
            k, m = (other for other in range(4) if other not in (i, j))
            turned = bases[rows, i]
            bases[rows, k] += turned
            bases[rows, m] += turned
            bases[rows, i] = -turned


def _voronoi_lengths(superbases: np.ndarray) -> np.ndarray:
    """Lengths of the seven Voronoi vectors, sorted: the shortest of the lattice are among them."""
    pairs = superbases[:, [0, 0, 0]] + superbases[:, [1, 2, 3]]
    vectors = np.concatenate([superbases, pairs], axis=1)
    return np.sort(np.linalg.norm(vectors, axis=2), axis=1)
