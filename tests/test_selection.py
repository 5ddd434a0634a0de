"""Choosing and blending: evidence first, and nothing of the held-out rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

import leyden as ly
from leyden.data.dataset import HeldOut
from leyden.models.vectors import VectorRegressor
from leyden.selection import Best, Blend, PerGroup, inner_predictions
from leyden.testing import element_energy, tiny_crystals

DATA = tiny_crystals(200)
MODULUS, NOISE = (DATA.with_targets(name) for name in ("log10_modulus_GPa", "noise"))


@dataclass(frozen=True)
class Energies:
    """What a source that knows every element would bring."""

    kind: ClassVar[str] = "energies"

    def transform(self, items: Any) -> np.ndarray:
        return np.array([[element_energy(item.numbers).mean()] for item in items])


@dataclass(frozen=True)
class Volumes:
    """What a crystal tells of itself."""

    kind: ClassVar[str] = "volumes"

    def transform(self, items: Any) -> np.ndarray:
        return np.array([[item.volume] for item in items])


class Transfer(ly.FromScratch):
    """From scratch on what came from elsewhere."""

    transfers = True


class Watched(ly.FromScratch):
    """Notes which rows it was given and which it was forbidden."""

    seen: ClassVar[list[tuple[list[str], HeldOut]]] = []

    def fit(self, dataset: ly.Dataset, *, held_out: HeldOut | None = None) -> Any:
        Watched.seen.append((dataset.ids.tolist(), held_out or HeldOut()))
        return super().fit(dataset, held_out=held_out)


MEAN = ly.FromScratch(VectorRegressor(Volumes(), DummyRegressor()))
SCRATCH = ly.FromScratch(VectorRegressor(Volumes(), LinearRegression()))
TAUGHT = Transfer(VectorRegressor(Energies(), LinearRegression()))
MEMORY = Transfer(VectorRegressor(Energies(), KNeighborsRegressor(1)))


def test_transfer_is_taken_where_it_helps() -> None:
    arm = Best(
        {"mean": MEAN, "scratch": SCRATCH, "taught": TAUGHT, "mean too": Transfer(MEAN.model)}
    )
    arm.fit(MODULUS)
    assert arm.choice_ == arm.notes_["choice"] == "taught"
    assert isinstance(arm.strategy_, Transfer)
    evidence = arm.evidence_
    assert set(evidence) == {"gain", "low", "high", "transfer", "fallback"}
    assert evidence["transfer"] == "taught"
    assert evidence["fallback"] in {"mean", "scratch"}
    assert 0 < evidence["low"] < evidence["gain"] < evidence["high"]
    np.testing.assert_allclose(arm.predict(MODULUS), MODULUS.y)  # a linear function of the energy


def test_evidence_is_the_paired_gain_out_of_fold() -> None:
    strategies = {"scratch": SCRATCH, "taught": TAUGHT}
    arm = Best(strategies, folds=3, random_state=4).fit(MODULUS)
    found = inner_predictions(strategies, MODULUS, HeldOut(), 3, 4)
    scratch, taught = (np.abs(found[name][:, 0] - MODULUS.y).mean() for name in strategies)
    assert arm.evidence_["gain"] == pytest.approx((scratch - taught) / MODULUS.y.std())


@pytest.mark.parametrize("seed", range(4))
def test_without_evidence_it_stays(seed: int) -> None:
    """Nothing can be learned: a lucky mean over the folds is no reason to transfer."""
    arm = Best({"mean": MEAN, "taught": TAUGHT, "memory": MEMORY}, random_state=seed).fit(NOISE)
    assert arm.choice_ == "mean"
    assert arm.evidence_["low"] <= 0
    np.testing.assert_allclose(arm.predict(NOISE), NOISE.y.mean())


def test_without_a_strategy_that_transfers_the_best_is_taken() -> None:
    good = ly.FromScratch(TAUGHT.model)
    arm = Best({"mean": MEAN, "good": good}).fit(MODULUS)
    assert arm.choice_ == "good"
    assert arm.evidence_ == {"transfer": None, "fallback": "good"}


def test_several_targets_count_alike_whatever_their_unit() -> None:
    """Transfer knows the first target, and is lost on the second, which has the larger numbers."""
    volume = np.array([item.volume for item in DATA.items])
    both = DATA.targets[["log10_modulus_GPa"]].assign(volume=volume)
    gains = []
    for factor in (1e-3, 1e3):
        data = replace(DATA, targets=both * [1, factor], quantities={}, _root=None)
        gains.append(Best({"scratch": SCRATCH, "taught": TAUGHT}).fit(data).evidence_["gain"])
    assert gains[0] == pytest.approx(gains[1], rel=1e-6)


def test_equal_weights_give_the_mean() -> None:
    parts = {"scratch": SCRATCH, "taught": TAUGHT, "memory": MEMORY}
    arm = Blend(parts).fit(NOISE)
    each = np.stack([clone(part).fit(NOISE).predict(NOISE) for part in parts.values()])
    mean, std = arm.predict(NOISE, return_std=True)
    np.testing.assert_allclose(mean, each.mean(0))
    np.testing.assert_allclose(std, each.std(0))
    assert arm.weights_ == pytest.approx(dict.fromkeys(parts, 1 / 3))
    assert arm.transfers
    assert not Blend({"mean": MEAN}).transfers


def test_stacked_weights_are_shares_and_go_to_who_knows() -> None:
    parts = {"mean": MEAN, "scratch": SCRATCH, "taught": TAUGHT}
    for data in (MODULUS, NOISE):
        arm = Blend(parts, weights="stacked", folds=3).fit(data)
        weights = np.array(list(arm.weights_.values()))
        assert list(arm.weights_) == list(parts)
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1)
        each = np.stack([clone(part).fit(data).predict(data) for part in parts.values()])
        np.testing.assert_allclose(arm.predict(data), weights @ each)
    assert Blend(parts, weights="stacked").fit(MODULUS).weights_["taught"] > 0.99


@pytest.mark.parametrize("make", [Best, lambda parts: Blend(parts, weights="stacked", folds=4)])
def test_inner_folds_see_nothing_of_what_is_held_out(make: Any) -> None:
    Watched.seen.clear()
    split = ly.splits.GroupKFold("formula", n=4)
    fold = next(iter(split.split(MODULUS)))
    held_out = MODULUS.hold_out(fold.test, "formula")
    train = MODULUS.take(fold.train)
    make({"a": Watched(SCRATCH.model), "b": Watched(MEAN.model)}).fit(train, held_out=held_out)
    *inner, last = Watched.seen
    assert len(inner) >= 8
    assert last[0] == train.ids.tolist()
    formula = dict(zip(MODULUS.ids, MODULUS.groups["formula"], strict=True))
    for ids, forbidden in Watched.seen:
        assert held_out.ids <= forbidden.ids
        assert held_out.groups["formula"] <= forbidden.groups["formula"]
        assert not forbidden.ids & set(ids)
        assert not {formula[name] for name in ids} & forbidden.groups["formula"]
    tested = [forbidden.ids - held_out.ids for _, forbidden in inner]
    assert sum(map(len, tested)) % len(train) == 0  # every training row, once a strategy
    assert set().union(*tested) == set(train.ids)


def test_answers_that_are_held_out_change_nothing() -> None:
    test = np.arange(40)
    falsified = MODULUS.targets.copy()
    falsified.iloc[test] = 1e3
    other = replace(MODULUS, targets=falsified, _root=None)
    parts = {"scratch": SCRATCH, "memory": MEMORY, "taught": TAUGHT}
    for arm in (Best(parts), Blend(parts, weights="stacked")):
        answers = [
            clone(arm)
            .fit(data.take(slice(40, None)), held_out=data.hold_out(test))
            .predict(data.take(test))
            for data in (MODULUS, other)
        ]
        np.testing.assert_array_equal(*answers)


def test_notes_of_the_parts_are_kept() -> None:
    source = replace(MODULUS, _root=None)
    as_is = ly.SourceAsIs(MEMORY.model, source)
    train, held_out = MODULUS.take(slice(10, None)), MODULUS.hold_out(np.arange(10))
    blend = Blend({"mean": MEAN, "source": as_is}).fit(train, held_out=held_out)
    assert blend.notes_["source_rows_removed"] == 10
    best = Best({"mean": MEAN, "source": as_is}).fit(train, held_out=held_out)
    assert (best.choice_, best.notes_["source_rows_removed"]) == ("source", 10)


def test_inner_folds_keep_the_groups_of_the_outer_split() -> None:
    Watched.seen.clear()
    held_out = MODULUS.hold_out(MODULUS.groups["prototype"] == "rock salt", "prototype")
    train = MODULUS.without(held_out)
    Best({"a": Watched(MEAN.model)}, folds=2).fit(train, held_out=held_out)
    prototype = dict(zip(MODULUS.ids, MODULUS.groups["prototype"], strict=True))
    *inner, _ = Watched.seen
    assert [len({prototype[name] for name in ids}) for ids, _ in inner] == [1, 1]


class Speechless(ly.FromScratch):
    """Answers nothing in a fold."""

    def predict(self, data: Any, return_std: bool = False) -> Any:
        return np.full(len(data), np.nan)


def test_a_missing_answer_counts_as_the_mean_and_wins_nothing() -> None:
    parts = {"silent": Speechless(TAUGHT.model), "scratch": ly.FromScratch(TAUGHT.model)}
    assert Best(parts).fit(MODULUS).choice_ == "scratch"
    said = inner_predictions(parts, MODULUS, HeldOut(), 3, 0)
    np.testing.assert_allclose(said["silent"], MODULUS.y.mean())


def test_a_residual_can_be_chosen_but_has_no_model_to_average() -> None:
    estimate = {item.formula: y for item, y in zip(MODULUS.items, MODULUS.y, strict=True)}
    residual = ly.Residual(
        MEAN, lambda data: np.array([estimate[part.formula] for part in data.items])
    )
    arm = Best({"mean": MEAN, "residual": residual}).fit(MODULUS)
    assert arm.choice_ == "residual"
    assert np.abs(arm.predict(MODULUS) - MODULUS.y).max() < MODULUS.y.std()
    with pytest.raises(ly.IncompatibleError, match="estimate"):
        arm.to_predictor()
    with pytest.raises(ly.IncompatibleError, match="estimate"):
        Blend({"mean": MEAN, "residual": residual}).fit(MODULUS)


def test_each_group_has_a_model_of_its_own() -> None:
    """Two prototypes with opposite signs: one line fits neither, two fit both."""
    data = MODULUS
    sign = np.where(data.groups["prototype"] == data.groups["prototype"].iloc[0], 1.0, -1.0)
    data = replace(data, targets=data.targets.mul(sign, axis=0), _root=None)
    one = ly.FromScratch(VectorRegressor(Energies(), LinearRegression()))
    arms = {"one": one, "apart": PerGroup("prototype", one)}
    scores = ly.compare(arms, data, ly.splits.KFold(4), progress=False).scores(["mae"])
    mae = dict(zip(scores["arm"], scores["mae"], strict=True))
    assert mae["apart"] < 0.3 * mae["one"]


def test_a_group_that_was_hardly_seen_has_no_prediction() -> None:
    label = MODULUS.groups["prototype"].iloc[0]
    rare = MODULUS.groups["prototype"].to_numpy() == label
    train = MODULUS.take(np.concatenate([np.flatnonzero(~rare), np.flatnonzero(rare)[:3]]))
    arm = PerGroup("prototype", ly.FromScratch(VectorRegressor(Energies(), LinearRegression())))
    said = arm.fit(train).predict(MODULUS)
    assert np.array_equal(np.isnan(said), rare)
    with pytest.raises(ly.IncompatibleError, match="one model for each prototype"):
        _ = arm.model_


def test_some_groups_may_take_another_strategy() -> None:
    label = str(MODULUS.groups["prototype"].iloc[0])
    rare = MODULUS.groups["prototype"].to_numpy() == label
    line = ly.FromScratch(VectorRegressor(Energies(), LinearRegression()))
    mean = ly.FromScratch(VectorRegressor(Energies(), DummyRegressor()))
    said = PerGroup("prototype", line, {label: mean}).fit(MODULUS).predict(MODULUS)
    assert said[rare] == pytest.approx(MODULUS.y[rare].mean())
    assert np.std(said[~rare]) > 0
