"""Coverage, measured where groups are kept apart: known answers, and nobody calibrates himself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import leyden as ly
from leyden.models.vectors import VectorRegressor
from leyden.representations.cell_shape import CellShape
from leyden.splits import GroupKFold
from leyden.studies.measured_coverage import coverage, cv_plus, pooled
from leyden.testing import tiny_crystals
from leyden.validation import evaluate


class Recorder(ly.FromScratch):
    """Remembers which groups it learned, what it was forbidden, and whether it saw an answer."""

    seen: list[tuple[set[str], set[str]]] = []  # noqa: RUF012

    def fit(self, dataset: ly.Dataset, *, held_out: Any = None) -> Any:
        self.seen.append((set(dataset.groups["formula"]), set(held_out.groups["formula"])))
        return super().fit(dataset, held_out=held_out)

    def predict(self, data: Any, return_std: bool = False) -> Any:
        assert np.isnan(data.targets.to_numpy()).all()
        return super().predict(data, return_std=return_std)


@pytest.fixture(scope="module")
def crystals() -> ly.Dataset:
    dataset = tiny_crystals(240, random_state=0)
    dataset = replace(dataset, targets=dataset.targets[["energy_eV_per_atom"]])
    clean = np.arange(len(dataset)) % 3 > 0
    return replace(dataset, extra=dataset.extra.assign(clean=clean), _root=None)


def learner() -> VectorRegressor:
    return VectorRegressor(CellShape(), Ridge())


def test_cv_plus_covers_and_keeps_groups_apart(crystals: ly.Dataset) -> None:
    Recorder.seen.clear()
    outer = GroupKFold("formula", 4, 2)
    told = cv_plus(Recorder(learner()), crystals, outer, "clean", level=0.8, inner_folds=3)
    assert sorted(told["id"]) == sorted(np.tile(crystals.ids, 2))
    assert 0.7 <= pooled(told)[0] <= 0.95
    assert (told["low"] < told["high"]).all()
    assert len(Recorder.seen) == 4 * 2 * 3
    clean = set(crystals.groups["formula"][crystals.extra["clean"].to_numpy()])
    tests = [set(crystals.groups["formula"].to_numpy()[f.test]) for f in outer.split(crystals)]
    for number, (learned, forbidden) in enumerate(Recorder.seen):
        assert learned <= clean
        assert not learned & forbidden
        assert tests[number // 3] < forbidden  # the outer fold, and the inner one


def test_cv_plus_is_wider_where_answers_are_noise(crystals: ly.Dataset) -> None:
    noise = np.random.default_rng(0).normal(size=crystals.targets.shape) * 10
    noisy = replace(crystals, targets=crystals.targets + noise, _root=None)
    outer = GroupKFold("formula", 4)
    calm, wild = (cv_plus(ly.FromScratch(learner()), d, outer, "clean") for d in (crystals, noisy))
    assert (wild["high"] - wild["low"]).mean() > 2 * (calm["high"] - calm["low"]).mean()


def test_pooled_draws_groups() -> None:
    told = pd.DataFrame({"group": np.repeat(["a", "b"], 50), "hit": np.repeat([1.0, 0.0], 50)})
    assert pooled(told) == (0.5, (0.0, 1.0))


def test_coverage_of_one_width(crystals: ly.Dataset) -> None:
    found = evaluate({"line": ly.FromScratch(learner())}, crystals, GroupKFold("formula", 5))
    share, (low, high) = coverage(found, "line", level=0.8)
    assert low <= share <= high
    assert 0.7 < share < 0.9
