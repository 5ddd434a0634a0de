"""Saved predictors of ion pairs, and all ions as their representations see them, each once."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leyden.data.ions import IonPair
from leyden.errors import InputError
from leyden.hashing import content_hash
from leyden.ion_domain import IonDomain
from leyden.predictor import Predictor
from leyden.representations import represent_rows
from leyden.representations.ion_pair import IonTable, StatePoints
from leyden.screening.saved_predictors import file_sha256, load_predictor
from leyden.screening.tables import check_keys

__all__ = ["Packed", "PairModel", "RepresentedIons", "represented_ions"]

_SHIFTS = 8

Packed = tuple[tuple[str, tuple[int, ...], bytes], ...]
"""Type, shape and compressed bytes of some arrays."""


@dataclass(frozen=True, eq=False)
class PairModel:
    """A predictor, and where it came from.

    Attributes
    ----------
    predictor : Predictor
    sha256 : str
        Of its file, or of its content.
    file : str
        Empty for an object.
    """

    predictor: Predictor
    sha256: str
    file: str = ""

    @classmethod
    def of(cls, model: Predictor | str | os.PathLike[str] | Mapping[str, str]) -> PairModel:
        """Of a predictor, its file, or a table of ``file`` and ``sha256``.

        Raises
        ------
        InputError
            There is no such file, or its content is another than that of the hash.
        ArtefactError
            The file holds no predictor, or is damaged.
        """
        if isinstance(model, Predictor):
            return cls(model, content_hash(model))
        table = model if isinstance(model, Mapping) else {"file": model}
        check_keys(table, ("file", "sha256"), "a model")
        file, expected = table.get("file"), table.get("sha256")
        if not isinstance(file, str | os.PathLike):
            raise InputError("a model is a predictor or its file", value=model)
        place = os.path.abspath(file)
        sha256 = file_sha256(place)
        if expected not in (None, sha256):
            raise InputError(
                "the predictor is another than the one that is named by its sha256",
                value=sha256,
                file=place,
                remedy="give that one, or leave sha256 out",
            )
        return cls(load_predictor(place, sha256), sha256, place)

    def __reduce__(self) -> tuple[Any, ...]:
        """A file travels by its name, so that a job stays small."""
        if self.file:
            return PairModel.of, ({"file": self.file, "sha256": self.sha256},)
        return PairModel, (self.predictor, self.sha256)

    @property
    def calibrated(self) -> bool:
        """Whether it has intervals."""
        return self.predictor.calibration is not None

    @property
    def name(self) -> str:
        """For messages."""
        return self.file or f"the model of {', '.join(self.predictor.targets)}"

    @property
    def pairs(self) -> Any:
        """The representation that makes `StatePoints`, its own or the one that it starts from."""
        representation = self.predictor.representation
        return getattr(representation, "pairs", representation)

    @property
    def domain(self) -> IonDomain | None:
        """What it knows of ions, if it can tell."""
        known = self.predictor.in_domain
        return known if isinstance(known, IonDomain) else None

    def input(self, points: StatePoints) -> Any:
        """What its model reads, of state points that `pairs` has made."""
        of_points = getattr(self.predictor.representation, "of_points", None)
        return points if of_points is None else of_points(points)

    def shares_input(self, other: PairModel) -> bool:
        """Whether both models read the same input."""
        return bool(self.predictor.representation == other.predictor.representation)


@dataclass(frozen=True, eq=False)
class RepresentedIons:
    """Cations and anions of a grid as a representation sees them.

    Attributes
    ----------
    cations, anions : IonTable
    cation, anion : ndarray of int
        Place of each ion of the grid in its table; -1 where the representation does not take it.
    errors : tuple of dict of int to str
        Why not, of cations and of anions.
    """

    cations: IonTable
    anions: IonTable
    cation: np.ndarray
    anion: np.ndarray
    errors: tuple[dict[int, str], dict[int, str]]

    def packed(self) -> Packed:
        """Its arrays, small enough to be sent to other processes; without errors."""
        arrays = (self.cations.keys, self.cations.vectors, self.anions.keys, self.anions.vectors)
        return tuple(
            (own.dtype.str, own.shape, zlib.compress(own.tobytes(), level=1))
            for own in (*arrays, self.cation, self.anion)
        )

    @classmethod
    def unpacked(cls, packed: Packed) -> RepresentedIons:
        """The inverse of `packed`."""
        names, vectors, others, rest, cation, anion = (
            np.frombuffer(zlib.decompress(data), dtype).reshape(shape).copy()
            for dtype, shape, data in packed
        )
        return cls(IonTable(names, vectors), IonTable(others, rest), cation, anion, ({}, {}))

    def take(self, cations: np.ndarray, anions: np.ndarray) -> RepresentedIons:
        """These ions of the grid, all of them represented; boolean arrays."""
        return RepresentedIons(
            self.cations, self.anions, self.cation[cations], self.anion[anions], ({}, {})
        )

    def points(
        self, cation: np.ndarray, anion: np.ndarray, temperature_K: float, pressure_kPa: float
    ) -> StatePoints:
        """Pairs of these ions of the grid, shape (n,) each, at one state."""
        return StatePoints(
            self.cations,
            self.anions,
            self.cation[cation],
            self.anion[anion],
            np.full(len(cation), temperature_K),
            np.full(len(cation), pressure_kPa),
        )


def represented_ions(
    model: PairModel, cations: Sequence[str], anions: Sequence[str]
) -> RepresentedIons:
    """Represent each ion of a grid once, in a pair with one that is fit.

    Raises
    ------
    InputError
        The model is for items of another kind, or takes none of the pairs that were tried.
    """
    first, second = _fit_pair(model, cations, anions)
    rows, row, bad_cations = represent_rows(
        model.pairs, [IonPair(cation, anions[second]) for cation in cations]
    )
    columns, column, bad_anions = represent_rows(
        model.pairs, [IonPair(cations[first], anion) for anion in anions]
    )
    cation, anion = np.full(len(cations), -1), np.full(len(anions), -1)
    cation[row], anion[column] = rows.cation, columns.anion
    return RepresentedIons(rows.cations, columns.anions, cation, anion, (bad_cations, bad_anions))


def _fit_pair(model: PairModel, cations: Sequence[str], anions: Sequence[str]) -> tuple[int, int]:
    """Places of a cation and an anion that are fit together."""
    trouble: Exception | None = None
    for shift in range(min(_SHIFTS, len(anions))):
        for place in range(max(len(cations), len(anions))):
            first, second = place % len(cations), (place + shift) % len(anions)
            try:
                made = model.pairs.transform([IonPair(cations[first], anions[second])])
            except InputError as error:
                trouble = trouble or error
                continue
            except Exception as error:  # a representation of crystals fails in its own way
                trouble = error
                break
            if isinstance(made, StatePoints):
                return first, second
            trouble = None
            break
        else:
            continue
        break
    kind = getattr(model.predictor.representation, "kind", "")
    told = "" if trouble is None else f": {trouble}"
    raise InputError(
        f"the predictor takes none of these ion pairs{told}",
        value=kind,
        file=model.name,
        remedy="fit one on IonPairs or IonPairVectors, and on ions of this kind",
    )
