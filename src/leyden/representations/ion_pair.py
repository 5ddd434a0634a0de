"""Ion pairs at state points: every ion is represented once, however many rows it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from leyden.data.ions import IonPair, StatePoint, state_point
from leyden.data.molecules import inchi_key
from leyden.errors import IncompatibleError, InputError

__all__ = ["IonPairVectors", "IonPairs", "IonTable", "StatePoints", "check_tables"]


@dataclass(frozen=True, eq=False)
class IonTable:
    """Ions of one sign, each once.

    Attributes
    ----------
    keys : ndarray of str, shape (k,)
        InChIKeys.
    vectors : ndarray, shape (k, d)
    """

    keys: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, smiles: Sequence[str], representation: Any) -> tuple[IonTable, np.ndarray]:
        """The table of the ions of some rows, and the place of each row's ion in it, shape (n,).

        Raises
        ------
        InputError
            An ion that the representation does not take; `row` is that of its first occurrence.
        """
        first: dict[str, int] = {}
        by_text: dict[str, str] = {}
        for row, text in enumerate(smiles):
            if text not in by_text:
                by_text[text] = inchi_key(text)
                first.setdefault(by_text[text], row)
        place = {key: position for position, key in enumerate(first)}
        rows = np.array([place[by_text[text]] for text in smiles], dtype=np.int64)
        try:
            vectors = representation.transform([smiles[row] for row in first.values()])
        except InputError as error:
            if isinstance(error.row, int):
                raise error.at(row=list(first.values())[error.row - 1] + 1) from error
            raise
        return cls(np.array(list(first), dtype=str), np.asarray(vectors)), rows

    def take(self, places: np.ndarray) -> IonTable:
        """The ions at these places."""
        return IonTable(self.keys[places], self.vectors[places])


@dataclass(frozen=True, eq=False)
class StatePoints:
    """Rows of (cation, anion, temperature, pressure): model input.

    Attributes
    ----------
    cations, anions : IonTable
    cation, anion : ndarray of int, shape (n,)
        Places in the tables.
    temperature_K, pressure_kPa : ndarray, shape (n,)
    """

    cations: IonTable
    anions: IonTable
    cation: np.ndarray
    anion: np.ndarray
    temperature_K: np.ndarray
    pressure_kPa: np.ndarray

    def __len__(self) -> int:
        return len(self.cation)

    def __getitem__(self, rows: np.ndarray | slice) -> StatePoints:
        """These rows, with the whole tables of ions."""
        return StatePoints(
            self.cations,
            self.anions,
            self.cation[rows],
            self.anion[rows],
            self.temperature_K[rows],
            self.pressure_kPa[rows],
        )

    @classmethod
    def concatenate(cls, parts: Sequence[StatePoints]) -> StatePoints:
        """The rows of several, their tables united."""
        if not parts:
            raise IncompatibleError("there is nothing to concatenate")
        cations, cation = _united([(part.cations, part.cation) for part in parts])
        anions, anion = _united([(part.anions, part.anion) for part in parts])
        return cls(
            cations,
            anions,
            cation,
            anion,
            np.concatenate([part.temperature_K for part in parts]),
            np.concatenate([part.pressure_kPa for part in parts]),
        )

    def columns(self, kept: slice) -> StatePoints:
        """The same rows, their ions told by these columns of the vectors alone."""
        tables = [IonTable(t.keys, t.vectors[:, kept]) for t in (self.cations, self.anions)]
        return replace(self, cations=tables[0], anions=tables[1])

    def compact(self) -> StatePoints:
        """The same rows, with the ions that stand in them alone."""
        (cations, cation), (anions, anion) = (
            np.unique(places, return_inverse=True) for places in (self.cation, self.anion)
        )
        return replace(
            self,
            cations=self.cations.take(cations),
            anions=self.anions.take(anions),
            cation=cation,
            anion=anion,
        )

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The different pairs as places of cation and anion, (p, 2), and each row's pair, (n,)."""
        code = self.cation * len(self.anions.keys) + self.anion
        codes, rows = np.unique(code, return_inverse=True)
        return np.stack(np.divmod(codes, len(self.anions.keys)), axis=1), rows


@dataclass(frozen=True)
class IonPairs:
    """Ion pairs at state points, each ion as a vector of its own.

    A pair without a state is taken at 298.15 K and 101.325 kPa.

    Attributes
    ----------
    ion : Representation
        Gives vectors, shape (k, d), of SMILES of single ions.
    """

    kind: ClassVar[str] = "ion_pairs"

    ion: Any

    def transform(self, items: Sequence[IonPair | StatePoint]) -> StatePoints:
        """Model input; `InputError` with `row` for an ion that cannot be represented."""
        points = []
        for row, item in enumerate(items, start=1):
            try:
                points.append(state_point(item))
            except InputError as error:
                raise error.at(row=row) from error
        cations, cation = IonTable.of([point.cation for point in points], self.ion)
        anions, anion = IonTable.of([point.anion for point in points], self.ion)
        return StatePoints(
            cations,
            anions,
            cation,
            anion,
            np.array([point.temperature_K for point in points], dtype=float),
            np.array([point.pressure_kPa for point in points], dtype=float),
        )


@dataclass(frozen=True)
class IonPairVectors:
    """One vector of an ion pair at a state point: cation, anion, temperature, pressure.

    Attributes
    ----------
    ion : Representation
        As of `IonPairs`; it names its columns.
    conditions : bool
        Whether temperature (K) and pressure (kPa) are the last two columns.
    """

    kind: ClassVar[str] = "ion_pair_vectors"

    ion: Any
    conditions: bool = True

    def transform(self, items: Sequence[IonPair | StatePoint]) -> np.ndarray:
        """Vectors of shape (n, 2 d + 2), or (n, 2 d) without conditions."""
        return self.of_points(self.pairs.transform(items))

    @property
    def pairs(self) -> IonPairs:
        """What makes the state points that `of_points` takes."""
        return IonPairs(self.ion)

    def of_points(self, points: StatePoints) -> np.ndarray:
        """The same vectors, of ions that are represented already."""
        columns = [points.cations.vectors[points.cation], points.anions.vectors[points.anion]]
        if self.conditions:
            columns += [points.temperature_K[:, None], points.pressure_kPa[:, None]]
        return np.hstack(columns)

    def names(self) -> list[str]:
        """A name a column."""
        ions = [f"{ion} {name}" for ion in ("cation", "anion") for name in self.ion.names()]
        return [*ions, "temperature_K", "pressure_kPa"] if self.conditions else ions


def check_tables(expected: StatePoints, given: StatePoints) -> None:
    """Places in a table mean ions only together with that table.

    Raises
    ------
    IncompatibleError
        The rows have the tables of other ions.
    """
    for mine, theirs in zip(
        (expected.cations, expected.anions), (given.cations, given.anions), strict=True
    ):
        if mine.keys is not theirs.keys:
            raise IncompatibleError("these rows have other tables of ions than were prepared for")


def _united(parts: Sequence[tuple[IonTable, np.ndarray]]) -> tuple[IonTable, np.ndarray]:
    """One table of several, and the places of all their rows in it."""
    keys, first, place = np.unique(
        np.concatenate([table.keys for table, _ in parts]), return_index=True, return_inverse=True
    )
    vectors = np.concatenate([table.vectors for table, _ in parts])[first]
    starts = np.cumsum([0, *(len(table.keys) for table, _ in parts)])
    rows = [place[start + rows] for start, (_, rows) in zip(starts, parts, strict=False)]
    return IonTable(keys, vectors), np.concatenate(rows)
