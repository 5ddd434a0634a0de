"""Ion pairs as model input: ions once, rows by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

import leyden as ly
from leyden.data.ions import IonPair, StatePoint
from leyden.errors import InputError
from leyden.models import IonRecommender
from leyden.models.average import SideBySide
from leyden.models.group_contribution import GroupContribution
from leyden.models.vectors import VectorRegressor
from leyden.representations import Fingerprint
from leyden.representations.ion_pair import IonPairs, IonPairVectors, StatePoints
from leyden.selection import Blend

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


# Ions that are represented once for several models.


def liquids() -> ly.Dataset:
    """Melting points of 16 pairs, which fall with the chain."""
    cations = [f"{'C' * n}[n+]1ccn(C)c1" for n in range(1, 9)]
    frame = pd.DataFrame(
        [
            {"cation": cation, "anion": anion, "temperature_K": 300.0 + 10 * row}
            for row, cation in enumerate(cations)
            for anion in (DCA, "F[B-](F)(F)F")
        ]
    )
    frame["melting_point_K"] = 360.0 - 3 * frame["cation"].str.len() + frame["anion"].str.len()
    return ly.Dataset.from_table(frame, target="melting_point_K")


PARTS = {
    "groups": ly.FromScratch(GroupContribution("melting_point_K")),
    "network": ly.FromScratch(
        IonRecommender(
            IonPairs(Fingerprint(size=32)), embedding=4, widths=(8,), epochs=2, least_steps=0
        )
    ),
    "vectors": ly.FromScratch(VectorRegressor(IonPairVectors(Lengths()), Ridge())),
    "no state": ly.FromScratch(
        VectorRegressor(IonPairVectors(Fingerprint(size=16), conditions=False), Ridge())
    ),
}


def test_columns_of_state_points_are_those_of_the_vectors() -> None:
    points = IonPairs(Fingerprint(size=16)).transform(liquids().items)
    cut = points.columns(slice(3, 7))
    np.testing.assert_array_equal(cut.cations.vectors, points.cations.vectors[:, 3:7])
    np.testing.assert_array_equal(cut.anions.vectors, points.anions.vectors[:, 3:7])
    assert cut.cations.keys is points.cations.keys
    for name in ("cation", "anion", "temperature_K", "pressure_kPa"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(points, name))


def test_a_blend_answers_the_same_for_ions_that_are_represented_already() -> None:
    """Screenings represent an ion once, for all models in a row; each takes its own columns."""
    data = liquids()
    blend = Blend(PARTS).fit(data)
    side_by_side = blend.model_.representation
    assert isinstance(side_by_side, SideBySide)
    asked = [StatePoint(IonPair(EMIM_TOO, DCA), 350.0), *data.items[::-1]]
    points = side_by_side.pairs.transform(asked)
    found = blend.model_.predict(side_by_side.of_points(points))
    np.testing.assert_allclose(found, blend.model_.predict(side_by_side.transform(asked)))
    each = [clone(part).fit(data).predict(asked) for part in PARTS.values()]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5)
    assert np.ptp(each, axis=0).max() > 1  # that they disagree tells whose columns were taken


def test_what_is_no_pair_names_its_row() -> None:
    with pytest.raises(InputError, match="an ion pair is needed") as caught:
        IonPairs(Lengths()).transform([IonPair(EMIM, DCA), "CC"])  # type: ignore[list-item]
    assert caught.value.row == 2


def test_compact_rows_keep_the_ions_that_stand_in_them() -> None:
    items = [IonPair(EMIM, DCA), IonPair(CHOLINE, DCA), StatePoint(IonPair(CHOLINE, DCA), 350.0)]
    points = IonPairs(Lengths()).transform(items)
    few = points[1:].compact()
    assert len(few.cations.keys) == len(few.anions.keys) == 1
    assert few.cations.keys[few.cation].tolist() == points.cations.keys[points.cation][1:].tolist()
    assert few.cations.vectors[few.cation].tolist() == [[float(len(CHOLINE))]] * 2
    assert few.temperature_K.tolist() == [298.15, 350.0]
