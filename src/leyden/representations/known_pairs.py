"""Pairs whose members come from two lists: what a recommender knows its cations and anions by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from leyden.data.dataset import Dataset
from leyden.data.ions import AMBIENT_KPA, ROOM_K, IonPair, StatePoint
from leyden.data.molecules import inchi_key
from leyden.errors import InputError
from leyden.representations.ion_pair import IonTable, StatePoints

__all__ = ["KnownPairs"]


@dataclass(frozen=True)
class KnownPairs:
    """Pairs at state points, whose members are known by name, and by structure if there is one.

    A pair is of ions (`IonPair`, `StatePoint`) or of molecules (with attributes `first` and
    `second`). The two lists are part of the representation, so that networks of a source and of a
    target know a member by the same place: make it of the data sets of both.

    Attributes
    ----------
    first, second : tuple of str
        InChIKeys of the known cations (solutes) and anions (solvents).
    ion : Representation, optional
        Gives vectors, shape (k, d), of SMILES of single ions or molecules. Without it a member that
        is on no list is refused.

    Examples
    --------
    >>> from leyden.data.ions import IonPair
    >>> liquid = IonPair("CC[n+]1ccn(C)c1", "N#C[N-]C#N")
    >>> known = KnownPairs((liquid.keys[0],), (liquid.keys[1],))
    >>> len(known.transform([liquid]))
    1
    """

    kind: ClassVar[str] = "known_pairs"

    first: tuple[str, ...]
    second: tuple[str, ...]
    ion: Any = None

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @classmethod
    def among(cls, *datasets: Dataset, ion: Any = None) -> KnownPairs:
        """Pairs of the members that occur in these data sets: their names alone, and no target."""
        pairs = [_members(item) for dataset in datasets for item in dataset.items]
        first, second = (
            tuple(sorted({inchi_key(smiles) for smiles in {pair[side] for pair in pairs}}))
            for side in (0, 1)
        )
        return cls(first, second, ion)

    def transform(self, items: Sequence[Any]) -> StatePoints:
        """Model input; a pair without a state is taken at 298.15 K and 101.325 kPa.

        Raises
        ------
        InputError
            A member on no list, where there is no structure to know it by, or one that cannot be
            represented; names the row.
        """
        pairs = [_members(item) for item in items]
        cations, cation = self._table([pair[0] for pair in pairs], self.first)
        anions, anion = self._table([pair[1] for pair in pairs], self.second)
        return StatePoints(
            cations,
            anions,
            cation,
            anion,
            np.array([getattr(item, "temperature_K", ROOM_K) for item in items], dtype=float),
            np.array([getattr(item, "pressure_kPa", AMBIENT_KPA) for item in items], dtype=float),
        )

    def _table(self, smiles: Sequence[str], known: tuple[str, ...]) -> tuple[IonTable, np.ndarray]:
        """The members of one side, and the place of each row's member among them."""
        if self.ion is not None:
            return IonTable.of(smiles, self.ion)
        table, rows = IonTable.of(smiles, _NoStructure())
        strange = ~np.isin(table.keys, known)
        if strange.any():
            row = int(strange[rows].argmax())
            raise InputError(
                "the plain recommender knows ions by name, and this one is not on its list",
                value=smiles[row],
                row=row + 1,
                remedy="take the hybrid, which reads structure: give KnownPairs an `ion`, such as "
                "Fingerprint()",
            )
        return table, rows


class _NoStructure:
    """Vectors without columns."""

    def transform(self, smiles: Sequence[str]) -> np.ndarray:
        return np.zeros((len(smiles), 0))


def _members(item: Any) -> tuple[str, str]:
    """SMILES of the two members of a pair."""
    if isinstance(item, IonPair | StatePoint):
        return item.cation, item.anion
    return item.first, item.second
