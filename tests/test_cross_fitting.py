"""Out-of-fold predictions, conformal intervals with the coverage they state, and the domain."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression

from leyden.cross_fitting import (
    ConformalIntervals,
    InDomain,
    cross_coverage,
    out_of_fold,
    predict_fold,
)
from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import IncompatibleError, InputError
from leyden.hashing import content_hash
from leyden.splits import GroupKFold, KFold, RandomSplits


def line(n: int = 60, targets: int = 1, seed: int = 0) -> Dataset:
    """Items are numbers as text; target t is (t + 1) x plus a little noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    columns = {f"y{t}_eV": (t + 1) * x + 0.1 * rng.normal(size=n) for t in range(targets)}
    return Dataset(
        "line",
        ids=np.array([f"row{i}" for i in range(n)]),
        items=tuple(map(repr, x.tolist())),
        targets=pd.DataFrame(columns),
        groups=pd.DataFrame({"formula": [f"f{i // 4}" for i in range(n)]}),
    )


def numbers(dataset: Dataset) -> np.ndarray:
    return np.array([[float(item)] for item in dataset.items])


class Spy(BaseEstimator):
    """A linear arm that scales with what it is given, and remembers what it was shown."""

    seen: list[dict[str, Any]] = []  # noqa: RUF012 - shared by the clones on purpose

    def __init__(self, std: float | None = None) -> None:
        self.std = std

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Spy:
        X = numbers(dataset)
        self.mean_, self.scale_ = X.mean(axis=0), X.std(axis=0)
        self.model_ = LinearRegression().fit((X - self.mean_) / self.scale_, dataset.y)
        self.seen.append({"ids": set(dataset.ids), "held_out": held_out, "mean": self.mean_[0]})
        return self

    def predict(self, dataset: Dataset, return_std: bool = False) -> Any:
        self.seen[-1]["answers"] = dataset.targets.to_numpy()
        mean = self.model_.predict((numbers(dataset) - self.mean_) / self.scale_)
        return (mean, np.full(mean.shape, self.std)) if return_std else mean


@pytest.fixture(autouse=True)
def forget() -> None:
    Spy.seen.clear()


def test_an_arm_sees_its_training_rows_and_nothing_else() -> None:
    data, split = line(), GroupKFold("formula", 4)
    outer = HeldOut(frozenset({"elsewhere"}), {"formula": frozenset({"f-outer"})})
    out_of_fold(Spy(), data, split, held_out=outer)
    for seen, fold in zip(Spy.seen, split.split(data), strict=True):
        assert seen["ids"] == set(data.ids[fold.train])
        assert seen["mean"] == pytest.approx(numbers(data)[fold.train].mean())
        assert np.isnan(seen["answers"]).all()  # the answers of test rows are blanked out
        assert seen["held_out"].ids == set(data.ids[fold.test]) | {"elsewhere"}
        labels = set(data.groups["formula"].iloc[fold.test])
        assert seen["held_out"].groups["formula"] == labels | {"f-outer"}
        assert labels.isdisjoint(data.groups["formula"].iloc[fold.train])


@pytest.mark.parametrize("targets", [1, 2])
def test_out_of_fold_against_a_loop(targets: int) -> None:
    data, split = line(targets=targets), KFold(5)
    result = out_of_fold(Spy(std=0.5), data, split, return_std=True)
    expected = np.empty_like(data.y)
    X = numbers(data)
    for number, fold in enumerate(split.split(data)):
        model = LinearRegression().fit(X[fold.train], data.y[fold.train])
        expected[fold.test] = model.predict(X[fold.test])
        assert (result.fold[fold.test] == number).all()
    np.testing.assert_allclose(result.prediction, expected)
    assert result.std is not None
    np.testing.assert_array_equal(result.std, np.full(data.y.shape, 0.5))


def test_rows_that_no_fold_tests_have_no_prediction() -> None:
    result = out_of_fold(Spy(), line(), RandomSplits(0.6, 0.2, 0.2, repeats=1))
    assert np.isfinite(result.prediction).sum() == 12
    np.testing.assert_array_equal(result.fold >= 0, np.isfinite(result.prediction))


def test_out_of_fold_tests_a_row_once() -> None:
    with pytest.raises(InputError, match="repeats=1"):
        out_of_fold(Spy(), line(), KFold(3, repeats=2))


def test_the_arm_given_is_never_fitted() -> None:
    arm = Spy()
    data = line()
    predict_fold(arm, data, next(KFold(3).split(data)))
    assert not hasattr(arm, "model_")


def test_a_prediction_of_the_wrong_shape() -> None:
    class Short(Spy):
        def predict(self, dataset: Dataset, return_std: bool = False) -> Any:
            return np.zeros(3)

    data = line()
    with pytest.raises(IncompatibleError, match="shape"):
        predict_fold(Short(), data, next(KFold(3).split(data)))


# --- conformal intervals ---------------------------------------------------------------------


def curved(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, answers, and the true spread of their noise, which grows with the first feature."""
    X = rng.normal(size=(n, 12))
    spread = 0.2 + np.abs(X[:, 0])
    return X, X[:, 0] + spread * rng.normal(size=n), spread


def folds_of(n: int, k: int) -> np.ndarray:
    return np.arange(n) % k


def cross_fit(X: np.ndarray, y: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    models = [LinearRegression().fit(X[fold != k], y[fold != k]) for k in range(fold.max() + 1)]
    return np.array([models[k].predict(x[None])[0] for k, x in zip(fold, X, strict=True)]), models


def measured(kind: str, level: float, trials: int = 60, n: int = 40) -> float:
    """Coverage over many small worlds of 40 training rows and 12 features."""
    hits = []
    for trial in range(trials):
        rng = np.random.default_rng([trial, 7])
        (X, y, _), (X_new, y_new, _) = curved(n, rng), curved(50, rng)
        fold = folds_of(n, 5)
        predicted, models = cross_fit(X, y, fold)
        whole = LinearRegression().fit(X, y)
        members = None
        if kind == "in-sample":
            predicted = whole.predict(X)
        elif kind == "cv+":
            members = np.stack([model.predict(X_new) for model in models])
        intervals = ConformalIntervals(level).fit(y, predicted, fold=fold)
        low, high = intervals.interval(whole.predict(X_new), fold_predictions=members)
        hits.append(np.mean((low <= y_new) & (y_new <= high)))
    return float(np.mean(hits))


@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.parametrize("kind", ["plain", "cv+"])
def test_coverage_is_what_the_level_says(kind: str, level: float) -> None:
    assert level - 0.03 < measured(kind, level) < level + 0.06


def test_residuals_of_training_rows_would_not_do() -> None:
    assert measured("in-sample", 0.9) < 0.85


def test_the_quantile_is_the_one_of_the_theorem() -> None:
    """With residuals 1..9 and level 0.8 the half width is the ceil(0.8 * 10) = 8th smallest."""
    intervals = ConformalIntervals(0.8).fit(np.arange(1.0, 10.0), np.zeros(9))
    low, high = intervals.interval(np.array([5.0]))
    assert (low[0], high[0]) == (-3.0, 13.0)
    low, high = ConformalIntervals(0.95).fit(np.arange(9.0), np.zeros(9)).interval(np.zeros(2))
    assert np.isinf([low, high]).all()


def test_cv_plus_by_hand() -> None:
    """Two folds whose models say 0 and 10: order statistics of f -+ R over the rows."""
    y, predicted, fold = np.array([1.0, -2.0, 3.0]), np.zeros(3), np.array([0, 0, 1])
    intervals = ConformalIntervals(0.6).fit(y, predicted, fold=fold)  # ceil(0.6 * 4) = 3rd
    low, high = intervals.interval(np.array([5.0]), fold_predictions=np.array([[0.0], [10.0]]))
    assert (low[0], high[0]) == (-2.0, 13.0)  # of {-1, -2, 7} and {1, 2, 13}


def test_cv_plus_is_the_plain_interval_when_the_folds_agree() -> None:
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 50))
    intervals = ConformalIntervals().fit(y, predicted, fold=folds_of(50, 5))
    centre = rng.normal(size=7)
    plain = intervals.interval(centre)
    plus = intervals.interval(centre, fold_predictions=np.tile(centre, (5, 1)))
    np.testing.assert_allclose(plain, plus)
    scaled = ConformalIntervals().fit(y, predicted, np.ones(50), fold=folds_of(50, 5))
    std = rng.uniform(1, 2, size=7)
    plus = scaled.interval(centre, std, fold_predictions=np.tile(centre, (5, 1)))
    np.testing.assert_allclose(scaled.interval(centre, std), plus)


def test_normalised_intervals_follow_the_doubt_of_the_model() -> None:
    rng = np.random.default_rng(3)
    (X, y, spread), (X_new, y_new, spread_new) = curved(2000, rng), curved(2000, rng)
    level = 0.9
    intervals = ConformalIntervals(level).fit(y, X[:, 0], spread)
    low, high = intervals.interval(X_new[:, 0], spread_new)
    inside = (low <= y_new) & (y_new <= high)
    calm = spread_new < np.median(spread_new)
    assert abs(inside[calm].mean() - level) < 0.03
    assert abs(inside[~calm].mean() - level) < 0.03
    low, high = ConformalIntervals(level).fit(y, X[:, 0]).interval(X_new[:, 0])
    blunt = (low <= y_new) & (y_new <= high)
    assert blunt[calm].mean() > 0.97  # too wide where the noise is small


def test_each_target_has_its_own_width() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(300, 2)) * [1.0, 10.0]
    y[::3, 1] = np.nan
    low, high = ConformalIntervals(0.9).fit(y, np.zeros((300, 2))).interval(np.zeros((1, 2)))
    alone = ConformalIntervals(0.9).fit(y[np.isfinite(y[:, 1]), 1], np.zeros(200))
    assert high[0, 1] == alone.interval(np.zeros(1))[1][0]
    assert 7 < (high - low)[0, 1] / (high - low)[0, 0] < 14


def test_a_missing_prediction_widens_the_interval() -> None:
    y, predicted = np.ones(20), np.zeros(20)
    predicted[:3] = np.nan
    assert np.isinf(ConformalIntervals(0.9).fit(y, predicted).interval(np.zeros(1))[1][0])


def test_measured_coverage_finds_groups_that_differ() -> None:
    rng = np.random.default_rng(0)
    y, fold = rng.normal(size=600), np.repeat(np.arange(6), 100)
    assert cross_coverage(y, np.zeros(600), fold, 0.9)[0] == pytest.approx(0.9, abs=0.04)
    odd = np.where(fold == 5, y * 100, y)  # calibrated by itself, this group would be covered
    inside = cross_coverage(odd[:, None], np.zeros((600, 1)), fold, 0.9)
    assert inside[0] < 0.87


def test_conformal_intervals_survive_saving() -> None:
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 40, 2))
    std = rng.uniform(0.5, 1, size=(40, 2))
    intervals = ConformalIntervals(0.8).fit(y, predicted, std, fold=folds_of(40, 4))
    config = json.loads(json.dumps(intervals.config()))
    again = ConformalIntervals.from_state(config, intervals.state())
    np.testing.assert_array_equal(again.interval(y, std), intervals.interval(y, std))
    members = rng.normal(size=(4, 40, 2))
    np.testing.assert_array_equal(
        again.interval(y, std, fold_predictions=members),
        intervals.interval(y, std, fold_predictions=members),
    )


def test_conformal_intervals_refuse() -> None:
    fitted = ConformalIntervals().fit(np.arange(20.0), np.zeros(20))
    with pytest.raises(InputError, match="between 0 and 1"):
        ConformalIntervals(90)
    with pytest.raises(IncompatibleError, match="both or none"):
        fitted.interval(np.zeros(2), np.ones(2))
    with pytest.raises(IncompatibleError, match="targets"):
        fitted.interval(np.zeros((2, 2)))
    with pytest.raises(IncompatibleError, match="needs the fold"):
        fitted.interval(np.zeros(2), fold_predictions=np.zeros((3, 2)))
    with pytest.raises(IncompatibleError, match="differ"):
        ConformalIntervals().fit(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="non-negative"):
        ConformalIntervals().fit(np.zeros(3), np.zeros(3), np.array([1.0, -1.0, 1.0]))


# --- domain ----------------------------------------------------------------------------------


def test_domain_of_a_cloud() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(400, 3)) * [1.0, 100.0, 1e-3]
    domain = InDomain().fit(cloud, np.arange(400).astype(str))
    fresh = rng.normal(size=(400, 3)) * [1.0, 100.0, 1e-3]
    assert abs(domain.percentile(fresh).mean() - 50) < 6
    assert abs(domain.inside(fresh).mean() - 0.95) < 0.03
    far = np.array([[0.0, 0.0, 0.05], [0.0, 5000.0, 0.0]])  # 50 standard deviations, in any unit
    np.testing.assert_array_equal(domain.percentile(far), [100, 100])
    assert not domain.inside(far).any()


def test_nearest_against_brute_force() -> None:
    rng = np.random.default_rng(1)
    cloud, fresh = rng.normal(size=(50, 4)), rng.normal(size=(6, 4))
    ids = np.array([f"id{i}" for i in range(50)])
    found, distances = InDomain().fit(cloud, ids).nearest(fresh, k=3)
    apart = np.linalg.norm((fresh[:, None] - cloud) / cloud.std(axis=0), axis=2)
    order = np.argsort(apart, axis=1)[:, :3]
    np.testing.assert_array_equal(found, ids[order])
    np.testing.assert_allclose(distances, np.take_along_axis(apart, order, 1), rtol=1e-5)


def test_training_rows_are_measured_without_themselves() -> None:
    """Five corners of a line, one apart: with itself counted, every distance would be zero."""
    domain = InDomain(neighbours=1).fit(np.arange(5.0)[:, None], np.arange(5).astype(str))
    np.testing.assert_allclose(domain.scores_, 1 / np.std(np.arange(5.0)), rtol=1e-6)


def test_a_constant_column_is_no_obstacle() -> None:
    cloud = np.column_stack([np.ones(30), np.arange(30.0)])
    percentile = InDomain().fit(cloud, np.arange(30).astype(str)).percentile(cloud)
    assert np.isfinite(percentile).all()


def test_domain_survives_saving() -> None:
    rng = np.random.default_rng(1)
    cloud, fresh = rng.normal(size=(30, 4)), rng.normal(size=(6, 4))
    domain = InDomain(3, 80).fit(cloud, np.arange(30).astype(str))
    again = InDomain.from_state(json.loads(json.dumps(domain.config())), domain.state())
    np.testing.assert_array_equal(again.percentile(fresh), domain.percentile(fresh))
    np.testing.assert_array_equal(again.nearest(fresh)[0], domain.nearest(fresh)[0])
    assert again.limit == 80


def test_domain_refuses() -> None:
    with pytest.raises(InputError, match="neighbour"):
        InDomain(0)
    with pytest.raises(InputError, match="finite matrix"):
        InDomain().fit(np.full((3, 2), np.nan), np.arange(3).astype(str))
    with pytest.raises(IncompatibleError, match="ids"):
        InDomain().fit(np.zeros((3, 2)), np.arange(2).astype(str))


# --- content hash ----------------------------------------------------------------------------


def test_equal_content_has_equal_hashes() -> None:
    assert content_hash(line(), Spy(0.5), {"a": 1, "b": {2, 3}}) == content_hash(
        line(), Spy(0.5), {"b": {3, 2}, "a": 1}
    )


def test_other_content_has_other_hashes() -> None:
    def closure(k: int) -> Any:
        return lambda x: x + k

    data = line()
    fitted = LinearRegression().fit(numbers(data), data.y)
    others = [
        1, 1.0, "1", True, None, (1,), [1], {"a": 1}, {1},
        np.zeros(2), np.zeros(2, dtype=np.float32), np.zeros((2, 1)), np.zeros(3),
        Spy(), Spy(1.0), Spy, LinearRegression(), fitted,
        data, line(seed=1), data.take(slice(1, None)),
        closure(1), closure(2), data.take, pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}),
    ]  # fmt: skip
    hashes = [content_hash(other) for other in others]
    assert len(set(hashes)) == len(hashes)
    moved = Dataset("line", data.ids, data.items[::-1], data.targets, groups=data.groups)
    assert content_hash(moved) != content_hash(data)
