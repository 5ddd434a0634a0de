"""Metrics against scikit-learn, brute force and known answers; nothing is averaged over batches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leyden import metrics
from leyden.errors import IncompatibleError, InputError

pairs_of_columns = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        *[arrays(float, n, elements=st.integers(-5, 5).map(float)) for _ in range(2)]
    )
)


@pytest.fixture
def columns() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y_true = rng.normal(size=200)
    return y_true, y_true + rng.normal(size=200)


@pytest.fixture
def classes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y_true = (rng.random(300) < 0.2).astype(float)
    return y_true, np.round(np.clip(0.3 * y_true + 0.7 * rng.random(300), 0, 1), 2)  # with ties


def test_errors_against_scikit_learn(columns: tuple[np.ndarray, np.ndarray]) -> None:
    assert metrics.mae(*columns) == pytest.approx(sklearn.metrics.mean_absolute_error(*columns))
    expected = sklearn.metrics.root_mean_squared_error(*columns)
    assert metrics.rmse(*columns) == pytest.approx(expected)
    assert metrics.r2(*columns) == pytest.approx(sklearn.metrics.r2_score(*columns))
    expected = sklearn.metrics.median_absolute_error(*columns)
    assert metrics.median_absolute_error(*columns) == pytest.approx(expected)


def test_classification_against_scikit_learn(classes: tuple[np.ndarray, np.ndarray]) -> None:
    y_true, chance = classes
    said = chance >= 0.5
    assert metrics.mcc(*classes) == pytest.approx(sklearn.metrics.matthews_corrcoef(y_true, said))
    expected = sklearn.metrics.balanced_accuracy_score(y_true, said)
    assert metrics.balanced_accuracy(*classes) == pytest.approx(expected)
    expected = sklearn.metrics.average_precision_score(y_true, chance)
    assert metrics.average_precision(*classes) == pytest.approx(expected)


def test_undefined_scores() -> None:
    ones, half = np.ones(4), np.full(4, 0.7)
    assert metrics.mcc(ones, half) == 0
    assert np.isnan(metrics.balanced_accuracy(ones, half))
    assert np.isnan(metrics.average_precision(np.zeros(4), half))
    assert np.isnan(metrics.r2(ones, half))
    assert np.isnan(metrics.spearman(ones, np.arange(4.0)))
    assert np.isnan(metrics.concordance(ones, np.arange(4.0)))
    assert metrics.concordance(np.arange(4.0), ones) == 0.5


@settings(max_examples=150, deadline=None)
@given(pairs_of_columns)
def test_concordance_counts_pairs(columns: tuple[np.ndarray, np.ndarray]) -> None:
    y_true, y_pred = columns
    scores = [
        0.5 if y_pred[i] == y_pred[j] else float((y_true[i] < y_true[j]) == (y_pred[i] < y_pred[j]))
        for i, j in itertools.combinations(range(len(y_true)), 2)
        if y_true[i] != y_true[j]
    ]
    expected = np.mean(scores) if scores else np.nan
    assert metrics.concordance(y_true, y_pred) == pytest.approx(expected, nan_ok=True)


with_bounds = pairs_of_columns.flatmap(
    lambda columns: st.tuples(st.just(columns), arrays(bool, len(columns[0])))
)


@settings(max_examples=150, deadline=None)
@given(with_bounds)
def test_concordance_counts_the_pairs_whose_order_is_known(
    case: tuple[tuple[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    """Every completion of the bounds that the data allow has the same order in these pairs."""
    (y_true, y_pred), bounded = case
    scores = []
    for i, j in itertools.permutations(range(len(y_true)), 2):
        low_i = -np.inf if bounded[i] else y_true[i]
        if low_i > y_true[j]:  # the least that i can be is more than the most that j can be
            scores.append(0.5 if y_pred[i] == y_pred[j] else float(y_pred[i] > y_pred[j]))
    expected = np.mean(scores) if scores else np.nan
    found = metrics.concordance_with_bounds(y_true, y_pred, bounded)
    assert found == pytest.approx(expected, nan_ok=True)


@settings(max_examples=80, deadline=None)
@given(pairs_of_columns)
def test_without_bounds_nothing_changes(columns: tuple[np.ndarray, np.ndarray]) -> None:
    none = np.zeros(len(columns[0]), dtype=bool)
    assert metrics.concordance_with_bounds(*columns, none) == pytest.approx(
        metrics.concordance(*columns), nan_ok=True
    )
    assert metrics.one_sided_mae(*columns, none) == pytest.approx(metrics.mae(*columns))


def test_a_prediction_below_a_bound_is_no_error() -> None:
    y_true, y_pred = np.array([-10.0, -10.0, -4.0]), np.array([-13.0, -9.0, -6.0])
    bounded = np.array([True, True, False])
    assert metrics.one_sided_mae(y_true, y_pred, bounded) == pytest.approx((0 + 1 + 2) / 3)
    assert metrics.mae(y_true, y_pred) == pytest.approx((3 + 1 + 2) / 3)


def test_tobit_loss_is_density_for_values_and_probability_for_bounds() -> None:
    y_true, y_pred = np.array([1.0, -2.0, 30.0]), np.array([0.5, 1.0, 0.0])
    scale = np.array([0.7, 2.0, 0.5])
    expected = [
        -scipy.stats.norm.logpdf(1.0, 0.5, 0.7),
        -scipy.stats.norm.logcdf(-2.0, 1.0, 2.0),
        0.0,  # a bound far above the prediction says nothing
    ]
    found = metrics.tobit_loss(y_true, y_pred, scale, np.array([False, True, True]))
    assert found == pytest.approx(np.mean(expected))
    far = metrics.tobit_loss(np.array([-1e3]), np.array([0.0]), 1.0, np.array([True]))
    assert far == pytest.approx(5e5, rel=1e-3)  # and not infinite
    with pytest.raises(InputError, match="positive"):
        metrics.tobit_loss(y_true, y_pred, 0.0, np.ones(3, bool))
    with pytest.raises(IncompatibleError, match="bounds"):
        metrics.tobit_loss(y_true, y_pred, 1.0, np.ones(2, bool))


def test_an_interval_that_reaches_below_a_bound_may_hold_the_value() -> None:
    y_true = np.array([-10.0, -10.0, -10.0, -4.0])
    lower, upper = np.array([-12.0, -9.0, -14.0, -6.0]), np.array([-11.0, -5.0, -3.0, -5.0])
    bounded = np.array([True, True, True, False])
    assert metrics.coverage(y_true, lower, upper, bounded) == 0.5
    assert metrics.coverage(y_true, lower, upper) == 0.25


@settings(max_examples=50, deadline=None)
@given(pairs_of_columns, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(
    columns: tuple[np.ndarray, np.ndarray], random: object
) -> None:
    order = list(range(len(columns[0])))
    random.shuffle(order)  # type: ignore[attr-defined]
    for metric in metrics.METRICS.values():
        if metric.task == "regression":
            before = metric.function(*columns)
            after = metric.function(columns[0][order], columns[1][order])
            assert after == pytest.approx(before, nan_ok=True)


def test_spearman_is_rank_correlation() -> None:
    y_true = np.array([1.0, 2.0, 3.0, 4.0])
    assert metrics.spearman(y_true, np.exp(y_true)) == pytest.approx(1)
    assert metrics.spearman(y_true, np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(0.8)


def test_pooled_is_not_the_mean_over_batches() -> None:
    y_true, y_pred = np.array([0.0, 0.0, 0.0, 10.0]), np.array([1.0, 1.0, 1.0, 10.0])
    batches = [metrics.rmse(y_true[:3], y_pred[:3]), metrics.rmse(y_true[3:], y_pred[3:])]
    assert np.mean(batches) == pytest.approx(0.5)
    assert metrics.rmse(y_true, y_pred) == pytest.approx(np.sqrt(3 / 4))


def test_coverage_and_width() -> None:
    y_true = np.array([0.0, 1.0, 2.0, 3.0])
    lower, upper = np.array([0.0, 1.5, -np.inf, 0.0]), np.array([1.0, 2.0, np.inf, 2.9])
    assert metrics.coverage(y_true, lower, upper) == 0.5
    assert metrics.interval_width(lower[[0, 1]], upper[[0, 1]]) == pytest.approx(0.75)
    with pytest.raises(InputError, match="finite"):
        metrics.coverage(np.array([np.nan]), lower[:1], upper[:1])
    with pytest.raises(IncompatibleError):
        metrics.coverage(y_true, lower[:2], upper)


@pytest.mark.parametrize("name", metrics.METRICS)
def test_no_metric_drops_a_row(name: str) -> None:
    function = metrics.METRICS[name].function
    with pytest.raises(InputError, match="finite"):
        function(np.array([0.0, 1.0]), np.array([0.0, np.nan]))
    with pytest.raises(IncompatibleError):
        function(np.array([0.0, 1.0]), np.array([[0.0], [1.0]]))
    with pytest.raises(InputError, match="at least one row"):
        function(np.array([]), np.array([]))


def test_classes_are_zero_and_one() -> None:
    with pytest.raises(InputError, match="0 and 1"):
        metrics.mcc(np.array([1.0, 2.0]), np.array([0.0, 1.0]))
