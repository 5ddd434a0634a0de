"""Crystals as graphs: atoms, their nearest periodic neighbours, and the distances.

Graphs of many crystals are packed into a few flat arrays. A batch is a slice of them: there is no
object for an atom, a bond or a crystal, and no Python loop over them.

The nodes of a graph are its atoms, or classes of atoms that no network can tell apart
(`leyden.representations.symmetry`); every node and every edge has a multiplicity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from leyden.data.dataset import Dataset
from leyden.data.materials import Crystal
from leyden.errors import InputError
from leyden.representations.cache import content_key, remembered
from leyden.representations.neighbours import nearest_neighbours, ranges

__all__ = ["CrystalGraph", "CrystalGraphs", "GraphBatch", "graph_from_cif"]


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs of some crystals, side by side, as one graph of N nodes and E edges.

    Attributes
    ----------
    numbers : ndarray of uint8, shape (N,)
        Atomic numbers.
    multiplicities : ndarray of int32, shape (N,)
        Atoms that each node stands for.
    neighbours : ndarray of int64, shape (E,)
        The far end of each edge, as a node of the batch.
    distances : ndarray of float32, shape (E,)
        In angstrom.
    edge_multiplicities : ndarray of int32, shape (E,)
        Bonds of one atom that each edge stands for.
    edge_offsets : ndarray of int64, shape (N + 1,)
        The edges of node `a` are ``edge_offsets[a]:edge_offsets[a + 1]``.
    node_counts, atom_counts : ndarray of int64, shape (n,)
        Nodes and atoms of each crystal.
    conditions : ndarray of float32, shape (n, c)
        What else is known of each crystal.
    """

    numbers: np.ndarray
    multiplicities: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray
    edge_multiplicities: np.ndarray
    edge_offsets: np.ndarray
    node_counts: np.ndarray
    atom_counts: np.ndarray
    conditions: np.ndarray

    def __len__(self) -> int:
        return len(self.atom_counts)

    @property
    def centres(self) -> np.ndarray:
        """The near end of each edge, as a node of the batch, shape (E,)."""
        return np.repeat(np.arange(len(self.numbers)), np.diff(self.edge_offsets))

    @property
    def crystal_of_node(self) -> np.ndarray:
        """Position in the batch of each node's crystal, shape (N,)."""
        return np.repeat(np.arange(len(self)), self.node_counts)


class _Chosen(NamedTuple):
    """Positions in the packed arrays of some crystals' nodes, edges and atoms, and how many."""

    nodes: np.ndarray
    edges: np.ndarray
    atoms: np.ndarray
    node_counts: np.ndarray
    edge_counts: np.ndarray
    atom_counts: np.ndarray


@dataclass(frozen=True, eq=False)
class CrystalGraphs:
    """Graphs of n crystals with N nodes and E edges for A atoms in all, packed.

    Attributes
    ----------
    numbers : ndarray of uint8, shape (N,)
        Atomic numbers.
    multiplicities : ndarray of int32, shape (N,)
        Atoms that each node stands for.
    node_offsets : ndarray of int64, shape (n + 1,)
        The nodes of crystal `c` are ``node_offsets[c]:node_offsets[c + 1]``.
    edge_offsets : ndarray of int64, shape (N + 1,)
        The edges of node `a` are ``edge_offsets[a]:edge_offsets[a + 1]``, the nearest first.
    neighbours : ndarray of int32, shape (E,)
        Index of the neighbour among the nodes of its own crystal.
    distances : ndarray of float32, shape (E,)
        In angstrom.
    edge_multiplicities : ndarray of int32, shape (E,)
        Bonds of one atom that each edge stands for.
    atom_offsets : ndarray of int64, shape (n + 1,)
        The atoms of crystal `c` are ``atom_offsets[c]:atom_offsets[c + 1]``, in its own order.
    node_of_atom : ndarray of int32, shape (A,)
        Index of an atom's node among the nodes of its own crystal.
    conditions : ndarray of float32, shape (n, c)
        What else is known of each crystal; c is 0 unless a representation says more.
    """

    numbers: np.ndarray
    multiplicities: np.ndarray
    node_offsets: np.ndarray
    edge_offsets: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray
    edge_multiplicities: np.ndarray
    atom_offsets: np.ndarray
    node_of_atom: np.ndarray
    conditions: np.ndarray

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    @property
    def atom_counts(self) -> np.ndarray:
        """Atoms of each crystal, shape (n,)."""
        return np.diff(self.atom_offsets)

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> CrystalGraphs:
        """The graphs of these crystals (positions, slice or boolean mask), in this order."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        chosen = self._gather(positions)
        return CrystalGraphs(
            numbers=self.numbers[chosen.nodes],
            multiplicities=self.multiplicities[chosen.nodes],
            node_offsets=_offsets(chosen.node_counts),
            edge_offsets=_offsets(chosen.edge_counts),
            neighbours=self.neighbours[chosen.edges],
            distances=self.distances[chosen.edges],
            edge_multiplicities=self.edge_multiplicities[chosen.edges],
            atom_offsets=_offsets(chosen.atom_counts),
            node_of_atom=self.node_of_atom[chosen.atoms],
            conditions=self.conditions[positions],
        )

    def batch(self, rows: int | slice | Sequence[int] | np.ndarray) -> GraphBatch:
        """The graphs of these crystals as one graph, ready for a network."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        chosen = self._gather(positions)
        first_node = np.cumsum(chosen.node_counts) - chosen.node_counts
        shift = np.repeat(np.repeat(first_node, chosen.node_counts), chosen.edge_counts)
        return GraphBatch(
            numbers=self.numbers[chosen.nodes],
            multiplicities=self.multiplicities[chosen.nodes],
            neighbours=self.neighbours[chosen.edges] + shift,
            distances=self.distances[chosen.edges],
            edge_multiplicities=self.edge_multiplicities[chosen.edges],
            edge_offsets=_offsets(chosen.edge_counts),
            node_counts=chosen.node_counts,
            atom_counts=chosen.atom_counts,
            conditions=self.conditions[positions],
        )

    def with_conditions(self, conditions: np.ndarray) -> CrystalGraphs:
        """The same graphs with these conditions, shape (n, c), one row a crystal.

        Raises
        ------
        InputError
            There is not one row a crystal, or a value is not finite.
        """
        array = np.asarray(conditions, np.float32)
        if array.ndim != 2 or len(array) != len(self):
            raise InputError(f"{len(self)} crystals need one row of conditions", value=array.shape)
        if not np.isfinite(array).all():
            raise InputError(
                "a condition must be finite", row=int((~np.isfinite(array)).any(1).argmax()) + 1
            )
        return dataclasses.replace(self, conditions=array)

    @classmethod
    def concatenate(cls, parts: Iterable[CrystalGraphs]) -> CrystalGraphs:
        """All graphs of the parts, in order; parts have equal numbers of conditions."""
        parts = list(parts)
        if not parts:
            return CrystalGraph().transform([])
        joined = {}
        for name in cls.__dataclass_fields__:
            arrays = [getattr(part, name) for part in parts]
            if name.endswith("_offsets"):
                joined[name] = _offsets(np.concatenate([np.diff(array) for array in arrays]))
            else:
                joined[name] = np.concatenate(arrays)
        return cls(**joined)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, as they are stored; ``CrystalGraphs(**arrays)`` reads them."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def per_atom(self, values: np.ndarray) -> list[np.ndarray]:
        """Values of the nodes, shape (N, ...), to values of each crystal's atoms in its order."""
        counts = self.atom_counts
        nodes = self.node_of_atom + np.repeat(self.node_offsets[:-1], counts)
        return np.split(values[nodes], self.atom_offsets[1:-1]) if len(self) else []

    def _gather(self, positions: np.ndarray) -> _Chosen:
        first, last = self.node_offsets[positions], self.node_offsets[positions + 1]
        nodes = ranges(first, last - first)
        # The edges of a crystal lie together, so one range a crystal is enough.
        first_edge = self.edge_offsets[first]
        atom_counts = self.atom_offsets[positions + 1] - self.atom_offsets[positions]
        return _Chosen(
            nodes=nodes,
            edges=ranges(first_edge, self.edge_offsets[last] - first_edge),
            atoms=ranges(self.atom_offsets[positions], atom_counts),
            node_counts=last - first,
            edge_counts=self.edge_offsets[nodes + 1] - self.edge_offsets[nodes],
            atom_counts=atom_counts,
        )


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
    quotient : bool
        Whether atoms that no network can tell apart are one node (`symmetry.quotient`). It changes
        the cost of a network, not what it gives.
    """

    kind: ClassVar[str] = "crystal_graph"
    conditions: ClassVar[int] = 0
    """How many conditions a crystal has; a subclass that has some adds them in `transform`."""

    neighbours: int = 12
    cutoff: float = 8.0
    ties: str = "keep"
    quotient: bool = True

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
        return _packed(
            _joined(numbers, np.uint8),
            np.array([len(atoms) for atoms in numbers], dtype=np.int64),
            _joined(counts, np.int64),
            _joined(neighbours, np.int32),
            _joined(distances, np.float64),
            merge=self.quotient,
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


def _packed(
    numbers: np.ndarray,
    atom_counts: np.ndarray,
    edge_counts: np.ndarray,
    neighbours: np.ndarray,
    distances: np.ndarray,
    *,
    merge: bool,
) -> CrystalGraphs:
    """Graphs of the atoms themselves, or their quotients."""
    from leyden.representations.symmetry import Quotient, quotient  # numba takes a while to load

    atom_offsets = _offsets(atom_counts)
    if merge:
        nodes = quotient(numbers, atom_offsets, _offsets(edge_counts), neighbours, distances)
    else:
        nodes = Quotient(
            numbers=numbers,
            multiplicities=np.ones(len(numbers), np.int32),
            node_counts=atom_counts,
            edge_counts=edge_counts,
            neighbours=neighbours,
            distances=distances,
            edge_multiplicities=np.ones(len(neighbours), np.int32),
            node_of_atom=ranges(np.zeros_like(atom_counts), atom_counts).astype(np.int32),
        )
    return CrystalGraphs(
        numbers=nodes.numbers,
        multiplicities=nodes.multiplicities,
        node_offsets=_offsets(nodes.node_counts),
        edge_offsets=_offsets(nodes.edge_counts),
        neighbours=nodes.neighbours,
        distances=nodes.distances.astype(np.float32),
        edge_multiplicities=nodes.edge_multiplicities,
        atom_offsets=atom_offsets,
        node_of_atom=nodes.node_of_atom,
        conditions=np.zeros((len(atom_counts), 0), np.float32),
    )


def _offsets(counts: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)
