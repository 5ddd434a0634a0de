"""Crystals as graphs: atoms, their nearest periodic neighbours, and the distances.

Graphs of many crystals are packed into five flat arrays. A batch is a slice of them: there is no
object for an atom, a bond or a crystal, and no Python loop over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from leyden.data.dataset import Dataset
from leyden.data.materials import Crystal
from leyden.errors import InputError
from leyden.representations.cache import content_key, remembered
from leyden.representations.neighbours import nearest_neighbours, ranges

__all__ = ["CrystalGraph", "CrystalGraphs", "GraphBatch", "graph_from_cif"]


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs of some crystals, side by side, as one graph.

    Attributes
    ----------
    numbers : ndarray of uint8, shape (N,)
        Atomic numbers.
    centres, neighbours : ndarray of int64, shape (E,)
        Both ends of each edge, as atoms of the batch; ordered by centre.
    distances : ndarray of float32, shape (E,)
        In angstrom.
    edge_offsets : ndarray of int64, shape (N + 1,)
        The edges of atom `a` are ``edge_offsets[a]:edge_offsets[a + 1]``.
    crystal_of_atom : ndarray of int64, shape (N,)
        Position in the batch.
    atom_counts : ndarray of int64, shape (n,)
        Atoms of each crystal.
    """

    numbers: np.ndarray
    centres: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray
    edge_offsets: np.ndarray
    crystal_of_atom: np.ndarray
    atom_counts: np.ndarray

    def __len__(self) -> int:
        return len(self.atom_counts)


@dataclass(frozen=True, eq=False)
class CrystalGraphs:
    """Graphs of n crystals with N atoms and E edges in all, packed.

    Attributes
    ----------
    numbers : ndarray of uint8, shape (N,)
        Atomic numbers.
    atom_offsets : ndarray of int64, shape (n + 1,)
        The atoms of crystal `c` are ``atom_offsets[c]:atom_offsets[c + 1]``.
    edge_offsets : ndarray of int64, shape (N + 1,)
        The edges of atom `a` are ``edge_offsets[a]:edge_offsets[a + 1]``, the nearest first.
    neighbours : ndarray of int32, shape (E,)
        Index of the neighbour among the atoms of its own crystal.
    distances : ndarray of float32, shape (E,)
        In angstrom.
    """

    numbers: np.ndarray
    atom_offsets: np.ndarray
    edge_offsets: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    @property
    def atom_counts(self) -> np.ndarray:
        """Atoms of each crystal, shape (n,)."""
        return np.diff(self.atom_offsets)

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> CrystalGraphs:
        """The graphs of these crystals (positions, slice or boolean mask), in this order."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        atoms, edges, atom_counts, edge_counts = self._gather(positions)
        return CrystalGraphs(
            self.numbers[atoms],
            _offsets(atom_counts),
            _offsets(edge_counts),
            self.neighbours[edges],
            self.distances[edges],
        )

    def batch(self, rows: int | slice | Sequence[int] | np.ndarray) -> GraphBatch:
        """The graphs of these crystals as one graph, ready for a network."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        atoms, edges, atom_counts, edge_counts = self._gather(positions)
        first_atom = np.cumsum(atom_counts) - atom_counts
        crystal_of_atom = np.repeat(np.arange(len(positions)), atom_counts)
        shift = np.repeat(first_atom[crystal_of_atom], edge_counts)
        return GraphBatch(
            numbers=self.numbers[atoms],
            centres=np.repeat(np.arange(len(atoms)), edge_counts),
            neighbours=self.neighbours[edges] + shift,
            distances=self.distances[edges],
            edge_offsets=_offsets(edge_counts),
            crystal_of_atom=crystal_of_atom,
            atom_counts=atom_counts,
        )

    @classmethod
    def concatenate(cls, parts: Iterable[CrystalGraphs]) -> CrystalGraphs:
        """All graphs of the parts, in order."""
        parts = list(parts)
        if not parts:
            return CrystalGraph().transform([])
        return cls(
            np.concatenate([part.numbers for part in parts]),
            _offsets(np.concatenate([np.diff(part.atom_offsets) for part in parts])),
            _offsets(np.concatenate([np.diff(part.edge_offsets) for part in parts])),
            np.concatenate([part.neighbours for part in parts]),
            np.concatenate([part.distances for part in parts]),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The five arrays by name, as they are stored; ``CrystalGraphs(**arrays)`` reads them."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _gather(
        self, positions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        first = self.atom_offsets[positions]
        last = self.atom_offsets[positions + 1]
        atoms = ranges(first, last - first)
        edge_counts = self.edge_offsets[atoms + 1] - self.edge_offsets[atoms]
        # The edges of a crystal lie together, so one range a crystal is enough.
        first_edge = self.edge_offsets[first]
        edges = ranges(first_edge, self.edge_offsets[last] - first_edge)
        return atoms, edges, last - first, edge_counts


@dataclass(frozen=True)
class CrystalGraph:
    """Crystals to graphs (Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018)).

    Attributes
    ----------
    neighbours : int
        Nearest neighbours of an atom, periodic images included.
    cutoff : float
        In angstrom: the reach of the distance basis in the network. An atom with fewer neighbours
        within it takes farther ones; none is invented.
    ties : {"keep", "cut"}
        Whether the last shell is kept whole (`nearest_neighbours`).
    """

    kind: ClassVar[str] = "crystal_graph"

    neighbours: int = 12
    cutoff: float = 8.0
    ties: str = "keep"

    def __post_init__(self) -> None:
        if self.neighbours < 1 or not self.cutoff > 0 or self.ties not in {"keep", "cut"}:
            raise InputError(
                "a crystal graph has at least 1 neighbour, a positive cutoff in angstrom, "
                "and ties 'keep' or 'cut'",
                value=self,
            )

    def transform(self, items: Iterable[Crystal]) -> CrystalGraphs:
        """Graphs of the crystals.

        Raises
        ------
        InputError
            An item is not a `Crystal`; `row` counts from 1.
        """
        numbers, neighbours, distances, counts = [], [], [], []
        for row, crystal in enumerate(items, start=1):
            if not isinstance(crystal, Crystal):
                raise InputError(
                    "a crystal graph is made of a Crystal",
                    value=crystal,
                    row=row,
                    remedy="read it with leyden.data.parse_crystal",
                )
            near = nearest_neighbours(
                crystal, self.neighbours, ties=self.ties, first_cutoff=self.cutoff
            )
            numbers.append(crystal.numbers)
            neighbours.append(near.indices)
            distances.append(near.distances)
            counts.append(near.counts)
        return CrystalGraphs(
            _joined(numbers, np.uint8),
            _offsets(np.array([len(atoms) for atoms in numbers], dtype=np.int64)),
            _offsets(_joined(counts, np.int64)),
            _joined(neighbours, np.int32),
            _joined(distances, np.float32),
        )

    def of(self, dataset: Dataset) -> CrystalGraphs:
        """Graphs of a data set, kept on disk by its content, so that they are made once."""
        key = content_key(self, dataset.items)
        arrays = remembered("graphs", key, lambda: self.transform(dataset.items).arrays())
        return CrystalGraphs(**arrays)


def graph_from_cif(source: Any, representation: CrystalGraph | None = None) -> CrystalGraphs:
    """The graph of a CIF file or text, by the short way: gemmi, then vesin.

    Raises
    ------
    InputError
        See `leyden.data.materials.parse_crystal`.
    """
    from leyden.data.materials import parse_crystal

    return (representation or CrystalGraph()).transform([parse_crystal(source)])


def _offsets(counts: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)
