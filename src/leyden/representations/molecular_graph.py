"""Molecules and ion pairs as graphs: atoms, bonds, and how many bonds lie between two atoms.

Hydrogens are counted at the atoms that bear them. Graphs of many molecules are packed into a few
flat arrays, as those of crystals are (`crystal_graph`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from leyden.data.ions import IonPair
from leyden.data.molecules import canonical_form, formal_charge, parse_smiles, read_molecule
from leyden.errors import InputError
from leyden.representations.neighbours import ranges

__all__ = ["ATOM_FEATURES", "BOND_KINDS", "MolecularGraph", "MolecularGraphs"]

_CHARGES, _DEGREES, _HYDROGENS = (-1, 1), range(5), range(5)
_HYBRIDISATIONS, _RINGS = ("SP", "SP2", "SP3"), (3, 4, 5, 6, 7)
ATOM_FEATURES: tuple[str, ...] = (
    *(f"{n} neighbours" for n in _DEGREES),
    *(f"{n} hydrogens" for n in _HYDROGENS),
    *(f"charge {n:+d}" for n in _CHARGES),
    *_HYBRIDISATIONS,
    "aromatic",
    "in a ring",
    *(f"in a ring of {n}" for n in _RINGS),
    "chiral",
    "of a cation",
    "of an anion",
)
"""What is told of an atom beside its element; the last of a range stands for more, too."""

_ORDERS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
BOND_KINDS: tuple[str, ...] = tuple(
    f"{order.lower()}{ring}" for order in _ORDERS for ring in ("", ", in a ring")
)
"""Kinds of edges between neighbours; behind them stand those of 2, 3, ... bonds."""

_FARTHEST = 12


class _Species(NamedTuple):
    """The graph of one molecule or ion."""

    numbers: np.ndarray
    features: np.ndarray
    edge_counts: np.ndarray
    neighbours: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True, eq=False)
class MolecularGraphs:
    """Graphs of n molecules or salts with N atoms and E edges in all, packed.

    Attributes
    ----------
    numbers : ndarray of uint8, shape (N,)
        Atomic numbers.
    features : ndarray of uint8, shape (N, f)
        Whether an atom has each of `ATOM_FEATURES`.
    node_offsets : ndarray of int64, shape (n + 1,)
        The atoms of molecule m are ``node_offsets[m]:node_offsets[m + 1]``.
    edge_offsets : ndarray of int64, shape (N + 1,)
        The edges of atom a are ``edge_offsets[a]:edge_offsets[a + 1]``.
    neighbours : ndarray of int32, shape (E,)
        The far end of each edge, counted from the first atom of its molecule.
    kinds : ndarray of uint8, shape (E,)
        A place in `BOND_KINDS`; then one for each further number of bonds, from two.
    """

    numbers: np.ndarray
    features: np.ndarray
    node_offsets: np.ndarray
    edge_offsets: np.ndarray
    neighbours: np.ndarray
    kinds: np.ndarray

    def __len__(self) -> int:
        return len(self.node_offsets) - 1

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> MolecularGraphs:
        """The graphs of these molecules (positions, slice or boolean mask), in this order."""
        positions = np.atleast_1d(np.arange(len(self))[rows])
        first, last = self.node_offsets[positions], self.node_offsets[positions + 1]
        nodes = ranges(first, last - first)
        # The edges of a molecule lie together, so one range a molecule is enough.
        start = self.edge_offsets[first]
        edges = ranges(start, self.edge_offsets[last] - start)
        return MolecularGraphs(
            numbers=self.numbers[nodes],
            features=self.features[nodes],
            node_offsets=_offsets(last - first),
            edge_offsets=_offsets(np.diff(self.edge_offsets)[nodes]),
            neighbours=self.neighbours[edges],
            kinds=self.kinds[edges],
        )

    def far_ends(self) -> np.ndarray:
        """The far end of each edge as an atom of all graphs side by side, int64, shape (E,)."""
        sizes = np.diff(self.edge_offsets[self.node_offsets])
        return self.neighbours + np.repeat(self.node_offsets[:-1], sizes)


@dataclass(frozen=True)
class MolecularGraph:
    """Molecules and ion pairs to graphs.

    Each species is brought to one resonance form first (`canonical_form`). A pair is one graph
    whose ions are not connected, in the ratio that makes a neutral salt; an atom knows whether it
    belongs to a cation, an anion or a neutral molecule, so that one network reads them all.

    Attributes
    ----------
    reach : int
        Atoms so many bonds apart have an edge, 1 to 12. Edges of neighbours alone leave a network
        of few convolutions blind to how long a chain is.

    Examples
    --------
    >>> len(MolecularGraph().transform(["CCO", "c1ccccc1"]))
    2
    """

    kind: ClassVar[str] = "molecular_graph"

    reach: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.reach <= _FARTHEST:
            raise InputError(f"edges reach 1 to {_FARTHEST} bonds", value=self.reach)

    @property
    def edge_kinds(self) -> int:
        """How many kinds of edges there are."""
        return len(BOND_KINDS) + self.reach - 1

    def transform(self, items: Sequence[str | IonPair]) -> MolecularGraphs:
        """Graphs of the items.

        Raises
        ------
        InputError
            An item is neither a SMILES nor a pair, or cannot be read; `row` counts from 1.
        """
        graphs = []
        for row, item in enumerate(items, start=1):
            try:
                graphs.append(self._graph(item))
            except InputError as error:
                raise error.at(row=row) from error
        return _packed(graphs)

    def _graph(self, item: Any) -> list[_Species]:
        if isinstance(item, IonPair):
            cations, anions = item.stoichiometry
            species = [item.cation] * cations + [item.anion] * anions
        elif isinstance(item, str):
            species = parse_smiles(item).split(".")
        else:
            raise InputError(
                "a molecular graph is made of a SMILES or an ion pair",
                value=type(item).__name__,
            )
        return [_species(canonical_form(smiles), self.reach) for smiles in species]


@lru_cache(maxsize=65536)
def _species(smiles: str, reach: int) -> _Species:
    """The graph of a canonical SMILES; kept, since ions recur in many rows."""
    from rdkit import Chem

    molecule = read_molecule(smiles)
    sign = int(np.sign(formal_charge(smiles)))
    rings = molecule.GetRingInfo()
    atoms = list(molecule.GetAtoms())
    bonds = np.rint(Chem.GetDistanceMatrix(molecule)).astype(int)
    near = (bonds > 0) & (bonds <= reach)
    kinds = len(BOND_KINDS) + bonds - 2
    for bond in molecule.GetBonds():
        order = str(bond.GetBondType())
        place = 2 * _ORDERS.index(order if order in _ORDERS else "SINGLE") + bond.IsInRing()
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        kinds[ends] = kinds[ends[::-1]] = place
    return _Species(
        numbers=np.array([atom.GetAtomicNum() for atom in atoms], np.uint8),
        features=np.array([_features(atom, rings, sign) for atom in atoms], np.uint8),
        edge_counts=near.sum(axis=1),
        neighbours=np.nonzero(near)[1].astype(np.int32),
        kinds=kinds[near].astype(np.uint8),
    )


def _features(atom: Any, rings: Any, sign: int) -> list[bool]:
    degree, hydrogens = min(atom.GetDegree(), 4), min(atom.GetTotalNumHs(), 4)
    charge, hybrid = int(np.sign(atom.GetFormalCharge())), str(atom.GetHybridization())
    return [
        *(degree == n for n in _DEGREES),
        *(hydrogens == n for n in _HYDROGENS),
        *(charge == n for n in _CHARGES),
        *(hybrid == name for name in _HYBRIDISATIONS),
        atom.GetIsAromatic(),
        atom.IsInRing(),
        *(rings.IsAtomInRingOfSize(atom.GetIdx(), n) for n in _RINGS),
        str(atom.GetChiralTag()) != "CHI_UNSPECIFIED",
        sign > 0,
        sign < 0,
    ]


def _packed(graphs: Sequence[Sequence[_Species]]) -> MolecularGraphs:
    species = [one for graph in graphs for one in graph]
    atoms = [np.array([len(one.numbers) for one in graph], int) for graph in graphs]
    starts = np.concatenate([np.cumsum(own) - own for own in atoms]) if atoms else np.zeros(0, int)
    shifted = [one.neighbours + start for one, start in zip(species, starts, strict=True)]
    return MolecularGraphs(
        numbers=_joined([one.numbers for one in species], np.uint8),
        features=_joined([one.features.ravel() for one in species], np.uint8).reshape(
            -1, len(ATOM_FEATURES)
        ),
        node_offsets=_offsets(np.array([own.sum() for own in atoms], int)),
        edge_offsets=_offsets(_joined([one.edge_counts for one in species], np.int64)),
        neighbours=_joined(shifted, np.int32),
        kinds=_joined([one.kinds for one in species], np.uint8),
    )


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)
