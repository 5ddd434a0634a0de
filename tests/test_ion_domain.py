"""What a model knows of a pair, and intervals that go by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import BayesianRidge, Ridge

from leyden.conformal import ConformalIntervals, IntervalsByCategory
from leyden.cross_fitting import OutOfFold, out_of_fold
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint
from leyden.errors import IncompatibleError, InputError
from leyden.ion_domain import (
    CATEGORIES,
    IonDomain,
    calibrated_by_domain,
    categories_within,
    intervals_by_domain,
    pair_splits,
)
from leyden.models.vectors import VectorRegressor
from leyden.predictor import Predictor
from leyden.representations.ion_pair import IonPairVectors
from leyden.splits import KFold
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

CATIONS = [f"{'C' * n}[N+](C)(C)C" for n in range(1, 13)]
ANIONS = [f"{'C' * n}OS(=O)(=O)[O-]" for n in range(1, 11)]
EMIM, EMIM_TOO, DCA = "CC[n+]1ccn(C)c1", "CCn1cc[n+](C)c1", "N#C[N-]C#N"


@dataclass(frozen=True)
class Length:
    """The length of an ion's text, and whether its chain is odd."""

    kind: ClassVar[str] = "length"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        return np.array([[len(item), len(item) % 2] for item in items], float).reshape(-1, 2)


def measured(seed: int = 0, share: float = 0.6) -> Dataset:
    """Values with a term of each cation, of each anion, and one of each pair, not foretold."""
    rng = np.random.default_rng(seed)
    of_cation, of_anion = rng.normal(size=len(CATIONS)) * 2, rng.normal(size=len(ANIONS))
    rows, items = [], []
    for i, cation in enumerate(CATIONS):
        for j, anion in enumerate(ANIONS):
            if rng.random() > share:
                continue
            pair, own = IonPair(cation, anion), rng.normal() * 0.3
            for temperature in (300.0, 350.0):
                items.append(StatePoint(pair, temperature))
                value = of_cation[i] + of_anion[j] + own + 0.01 * temperature
                keys = dict(zip(("cation", "anion"), pair.keys, strict=True))
                rows.append({"y_K": value, "pair": "|".join(pair.keys), **keys})
    table = pd.DataFrame(rows)
    return Dataset(
        "made up",
        np.arange(len(items)).astype(str),
        tuple(items),
        table[["y_K"]],
        groups=table[["pair", "cation", "anion"]],
    )


STRATEGY = FromScratch(VectorRegressor(IonPairVectors(Length()), Ridge(1e-3)))


def test_categories() -> None:
    known = IonDomain.of([IonPair(EMIM, DCA), StatePoint(IonPair(CATIONS[0], ANIONS[0]), 350.0)])
    asked = [
        IonPair(EMIM_TOO, DCA),
        IonPair(EMIM, ANIONS[0]),
        IonPair(EMIM, ANIONS[1]),
        IonPair(CATIONS[1], DCA),
        IonPair(CATIONS[1], ANIONS[1]),
    ]
    assert known.describe(asked, lambda: np.empty(0))["domain"].tolist() == list(CATEGORIES)
    assert IonDomain.of([]).describe(asked[:1], lambda: np.empty(0))["domain"] == [CATEGORIES[4]]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_categories_are_those_of_sets(pairs: list[tuple[int, int]]) -> None:
    known = IonDomain.of([IonPair(CATIONS[i], ANIONS[j]) for i, j in pairs])
    first, second = {i for i, _ in pairs}, {j for _, j in pairs}
    for i in range(7):
        for j in range(7):
            keys = IonPair(CATIONS[i], ANIONS[j]).keys
            category = CATEGORIES[int(known.category(*np.array(keys)[:, None])[0])]
            expected = {
                (True, True): "pair seen" if (i, j) in pairs else "ions seen",
                (True, False): "anion unseen",
                (False, True): "cation unseen",
                (False, False): "both ions unseen",
            }[i in first, j in second]
            assert category == expected


def test_what_lies_within_a_category() -> None:
    assert categories_within("pair seen") == ("pair seen",)
    assert categories_within("ions seen") == ("pair seen", "ions seen")
    assert categories_within("anion unseen") == ("pair seen", "ions seen", "anion unseen")
    assert categories_within("both ions unseen") == CATEGORIES
    with pytest.raises(InputError, match="did you mean 'ions seen'"):
        categories_within("ion seen")


@pytest.mark.parametrize("rows_held_out", [False, True])
def test_every_row_counts_in_the_category_that_it_has_for_its_fold(rows_held_out: bool) -> None:
    data = measured(share=0.35)
    splits = (*pair_splits(4), *([KFold(4)] if rows_held_out else []))
    fitted = calibrated_by_domain(STRATEGY, data, splits, 0.8)
    residuals: dict[str, list[float]] = {category: [] for category in CATEGORIES}
    keys = [tuple(item.pair.keys) for item in data.items]
    for split in splits:
        for fold in split.split(data):
            arm = clone(STRATEGY).fit(data.take(fold.train))
            taught = [keys[row] for row in fold.train]
            for row, value in zip(fold.test, arm.predict(data.take(fold.test)), strict=True):
                c = any(keys[row][0] == cation for cation, _ in taught)
                a = any(keys[row][1] == anion for _, anion in taught)
                seen = "pair seen" if keys[row] in taught else "ions seen"
                one = "anion unseen" if c else "cation unseen" if a else "both ions unseen"
                residuals[seen if c and a else one].append(abs(data.y[row] - value))
    assert ("pair seen" in fitted.calibrations) == rows_held_out
    assert len(residuals["cation unseen"]) > 40
    for category, own in residuals.items():
        assert (category in fitted.calibrations) == (len(own) >= 30)
        if len(own) >= 30:
            half = np.sort(own)[int(np.ceil(0.8 * (len(own) + 1))) - 1]
            lower, upper = fitted.interval(np.zeros(1), category=np.array([category]))
            np.testing.assert_allclose((lower[0], upper[0]), (-half, half), rtol=1e-9)


@pytest.mark.parametrize("spread", [False, True])
def test_predictions_that_are_there_already_give_the_same_intervals(spread: bool) -> None:
    """`calibrated_by_domain` fits; `intervals_by_domain` takes what a comparison has predicted."""
    data = measured()
    strategy = FromScratch(VectorRegressor(IonPairVectors(Length()), BayesianRidge()))
    fitted = calibrated_by_domain(strategy, data, pair_splits(4), 0.8, return_std=spread)
    tested = [(s, out_of_fold(strategy, data, s, return_std=spread)) for s in pair_splits(4)]
    found = intervals_by_domain(data, tested, 0.8)
    assert found.calibrations.keys() == fitted.calibrations.keys()
    assert "ions seen" in found.calibrations
    category = np.array(CATEGORIES)
    std = np.linspace(0.5, 2.0, len(CATEGORIES)) if spread else None
    told = [one.interval(np.zeros(5), std, category=category) for one in (found, fitted)]
    np.testing.assert_array_equal(told[0], told[1])
    assert (told[0][1][1:] > 0).all()


def test_one_split_without_a_spread_leaves_all_unscaled() -> None:
    data = measured()
    splits = pair_splits(4)
    said = [np.zeros(len(data)), np.zeros(len(data))]
    known = [np.full(len(data), 3.0), None]
    fold = np.zeros(len(data), dtype=int)
    tested = [(s, OutOfFold(y, std, fold)) for s, y, std in zip(splits, said, known, strict=False)]
    found = intervals_by_domain(data, tested, 0.8)
    assert found.floor_ is None
    _, upper = found.interval(np.zeros(1), category=np.array(["ions seen"]))
    own = np.abs(data.y)  # nearly all rows have seen ions: all errors are the values themselves
    assert own.min() < upper[0] <= own.max()


def test_borrowed_intervals() -> None:
    def of(half: float) -> ConformalIntervals:
        return ConformalIntervals(0.5).fit(np.full(40, half), np.zeros(40))

    own = {"ions seen": of(1.0), "anion unseen": of(2.0), "cation unseen": of(3.0)}
    borrowed = {"pair seen": ["ions seen"], "both ions unseen": ["anion unseen", "cation unseen"]}
    intervals = IntervalsByCategory(0.5, own, borrowed)
    lower, upper = intervals.interval(np.full(5, 10.0), category=np.array(CATEGORIES))
    assert upper.tolist() == [11.0, 11.0, 12.0, 13.0, 13.0]
    assert lower.tolist() == [9.0, 9.0, 8.0, 7.0, 7.0]
    few = IntervalsByCategory(0.5, {"anion unseen": of(2.0)}, borrowed)
    _, upper = few.interval(np.zeros((5, 1)), category=np.array(CATEGORIES))
    np.testing.assert_array_equal(upper[:, 0], [np.nan, np.nan, 2.0, np.nan, 2.0])


def test_intervals_scaled_by_a_spread() -> None:
    own = {"ions seen": ConformalIntervals(0.5).fit(np.full(40, 6.0), np.zeros(40), np.full(40, 3))}
    intervals = IntervalsByCategory(0.5, own)
    assert intervals.floor_ is not None
    category = np.array(["ions seen", "anion unseen"])
    _, upper = intervals.interval(np.zeros(2), np.array([4.0, 4.0]), category=category)
    np.testing.assert_array_equal(upper, [8.0, np.nan])


def test_coverage_in_every_category() -> None:
    """Additive terms: whoever knows both ions errs by the pair's own term, of 0.3."""
    hits: dict[str, list[bool]] = {category: [] for category in CATEGORIES}
    widths: dict[str, list[float]] = {category: [] for category in CATEGORIES}
    for seed in range(5):
        data = measured(seed)
        taught = ~data.groups["cation"].isin(data.groups["cation"].unique()[-2:])
        taught &= ~data.groups["anion"].isin(data.groups["anion"].unique()[-2:])
        pairs = data.groups["pair"].unique()
        taught &= ~data.groups["pair"].isin(pairs[::7])
        arm = clone(ADDITIVE).fit(data.take(taught.to_numpy()))
        predictor = Predictor.of(arm, pair_splits(5), 0.8)
        told = predictor.predict(data.take(~taught.to_numpy()))
        inside = (told["y_K_lower"] <= data.y[~taught]) & (data.y[~taught] <= told["y_K_upper"])
        for category, hit in zip(told["domain"], inside, strict=True):
            hits[category].append(bool(hit))
        for category, part in told.groupby("domain"):
            widths[str(category)] += (part["y_K_upper"] - part["y_K_lower"]).tolist()
    assert not hits["pair seen"]
    for category in CATEGORIES[1:4]:
        assert 0.65 < np.mean(hits[category]) < 0.93, category
    assert np.mean(widths["ions seen"]) < 0.6 * np.mean(widths["anion unseen"])
    assert np.mean(widths["anion unseen"]) < np.mean(widths["cation unseen"])


@dataclass(frozen=True)
class OneHot:
    """Which ion it is, of those that are known here."""

    kind: ClassVar[str] = "one_hot"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        if "[Zn+2]" in items:
            raise InputError("no metals", row=list(items).index("[Zn+2]") + 1)
        known = [*CATIONS, *ANIONS]
        return np.array([[float(item == own) for own in known] for item in items]).reshape(-1, 22)


ADDITIVE = FromScratch(VectorRegressor(IonPairVectors(OneHot()), Ridge(0.1)))


def test_a_predictor_tells_what_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leyden import artefact

    monkeypatch.setattr(artefact, "KINDS", dict(artefact.KINDS))
    artefact.register(OneHot)
    data = measured()
    taught = (~data.groups["cation"].isin(data.groups["cation"].unique()[-2:])).to_numpy()
    predictor = Predictor.of(clone(ADDITIVE).fit(data.take(taught)), pair_splits())
    bad = IonPair("[Zn+2]", ANIONS[0])
    told = predictor.predict([*data.items, bad])
    assert list(told.columns) == [
        "id",
        *(f"y_K{end}" for end in ("", "_std", "_lower", "_upper")),
        "domain",
        "error",
    ]
    assert set(told["domain"][:-1][taught]) == {"pair seen"}
    assert set(told["domain"][:-1][~taught]) == {"cation unseen"}
    assert told["domain"].iloc[-1] == ""
    assert told["error"].iloc[-1] != ""
    width = (told["y_K_upper"] - told["y_K_lower"])[:-1]
    assert width[taught].max() < width[~taught].min()
    predictor.save(tmp_path / "saved.leyden")
    again = Predictor.load(tmp_path / "saved.leyden").predict([*data.items, bad])
    pd.testing.assert_frame_equal(again, told)


def test_several_splits_are_for_ion_pairs() -> None:
    crystals = tiny_crystals(20).with_targets("energy_eV_per_atom")
    arm = FromScratch(VectorRegressor(Formulas(), Ridge())).fit(crystals)
    with pytest.raises(IncompatibleError, match="ion pairs"):
        Predictor.of(arm, [KFold(3), KFold(4)])


@dataclass(frozen=True)
class Formulas:
    """The length of a formula."""

    kind: ClassVar[str] = "formulas"

    def transform(self, items: Sequence[object]) -> np.ndarray:
        return np.array([[float(len(str(getattr(item, "formula", item))))] for item in items])
