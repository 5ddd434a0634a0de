"""Ion pairs as model input: ions once, rows by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from leyden.data.ions import IonPair, StatePoint
from leyden.errors import InputError
from leyden.representations.ion_pair import IonPairs, IonPairVectors, StatePoints

EMIM, EMIM_TOO, CHOLINE = "CC[n+]1ccn(C)c1", "CCn1cc[n+](C)c1", "C[N+](C)(C)CCO"
DCA, CHLORIDE = "N#C[N-]C#N", "[Cl-]"


@dataclass(frozen=True)
class Lengths:
    """One number an ion: the length of its text."""

    kind: ClassVar[str] = "lengths"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        if CHLORIDE in items:
            raise InputError("no halides", value=CHLORIDE, row=list(items).index(CHLORIDE) + 1)
        return np.array([[float(len(item))] for item in items])

    def names(self) -> list[str]:
        return ["length"]


def test_resonance_forms_are_one_ion() -> None:
    items = [IonPair(EMIM, DCA), IonPair(EMIM_TOO, DCA), StatePoint(IonPair(CHOLINE, DCA), 350.0)]
    points = IonPairs(Lengths()).transform(items)
    assert len(points.cations.keys) == 2
    assert points.cation.tolist() == [0, 0, 1]
    assert points.temperature_K.tolist() == [298.15, 298.15, 350.0]
    pairs, rows = points.pairs()
    assert pairs.tolist() == [[0, 0], [1, 0]]
    assert rows.tolist() == [0, 0, 1]


def test_concatenated_parts_keep_their_rows() -> None:
    first = IonPairs(Lengths()).transform([IonPair(EMIM, DCA), IonPair(CHOLINE, DCA)])
    second = IonPairs(Lengths()).transform([StatePoint(IonPair(CHOLINE, DCA), 400.0, 500.0)])
    whole = StatePoints.concatenate([first, second])
    assert whole.cations.keys[whole.cation].tolist() == [
        *first.cations.keys,
        *second.cations.keys,
    ]
    np.testing.assert_array_equal(
        whole.cations.vectors[whole.cation][:, 0], [len(EMIM), len(CHOLINE), len(CHOLINE)]
    )
    assert whole[2:].pressure_kPa.tolist() == [500.0]


def test_vectors_put_ions_and_conditions_side_by_side() -> None:
    representation = IonPairVectors(Lengths())
    row = representation.transform([StatePoint(IonPair(CHOLINE, DCA), 400.0, 500.0)])
    assert row.tolist() == [[len(CHOLINE), len(DCA), 400.0, 500.0]]
    assert len(representation.names()) == 4


def test_an_ion_that_cannot_be_represented_names_its_row() -> None:
    items = [IonPair(EMIM, DCA), IonPair(CHOLINE, DCA), IonPair(EMIM, CHLORIDE)]
    with pytest.raises(InputError) as caught:
        IonPairs(Lengths()).transform(items)
    assert caught.value.row == 3
