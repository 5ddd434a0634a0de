"""Leave-one-out in closed form against refits; searches against what is known to be there."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leyden.errors import InputError
from leyden.models.feature_selection import (
    beam_search,
    exhaustive,
    leave_one_out_predictions,
    misclassified,
    selection_stability,
    squared_error,
    stability_index,
)
from leyden.models.linear_svm import left_out_decisions, left_out_pair_decisions

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 7)) * [1, 10, 0.01, 1, 1, 5, 1] + [0, 100, 0, 0, 3, 0, 0]
TRUTH = (1, 4, 6)
Y = X[:, 1] / 10 - X[:, 4] + 2 * X[:, 6] + 0.1 * RNG.normal(size=30)
CLASSES = np.where(np.median(Y) < Y, 1.0, -1.0)


def refitted(X: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    model = Ridge(alpha=ridge) if ridge else LinearRegression()
    rows = range(len(y))
    return np.array(
        [model.fit(np.delete(X, i, 0), np.delete(y, i)).predict(X[i : i + 1])[0] for i in rows]
    )


@pytest.mark.parametrize("ridge", [0.0, 0.3, 20.0])
def test_closed_form_equals_refits(ridge: float) -> None:
    found = leave_one_out_predictions(X, Y, ridge)
    np.testing.assert_allclose(found, refitted(X, Y, ridge), rtol=1e-5)


def test_a_column_that_adds_nothing_changes_nothing() -> None:
    doubled = np.column_stack([X, X[:, 0] - 3 * X[:, 3], np.full(len(X), 4.0)])
    np.testing.assert_allclose(
        leave_one_out_predictions(doubled, Y), leave_one_out_predictions(X, Y), rtol=1e-6
    )


def test_a_coefficient_that_hangs_on_one_row_predicts_nothing_for_it() -> None:
    spike = np.zeros((5, 1))
    spike[2] = 1.0
    found = leave_one_out_predictions(spike, np.arange(5.0))
    assert np.flatnonzero(np.isnan(found)).tolist() == [2]
    assert np.isnan(misclassified(np.array([1.0, -1, 1, 1, -1]), found))


@pytest.mark.parametrize("ridge", [0.0, 1.0])
@pytest.mark.parametrize("loss", [squared_error, misclassified])
def test_every_subset_is_scored_as_if_it_were_refitted(ridge: float, loss: object) -> None:
    y = Y if loss is squared_error else CLASSES
    found = exhaustive(X, y, (1, 3), ridge=ridge, loss=loss)
    assert {len(s.columns) for s in found} == {1, 3}
    assert len({s.columns for s in found}) == len(found) == 7 + 35
    for columns, value in [found[0], found[10], found[-1]]:
        assert value == pytest.approx(loss(y, refitted(X[:, columns], y, ridge)), rel=1e-6)
    ranks = [(round(s.loss, 10), len(s.columns)) for s in found]
    assert ranks == sorted(ranks)


def test_searches_find_what_is_there() -> None:
    assert exhaustive(X, Y, (3,))[0].columns == TRUTH
    assert beam_search(X, Y, 3, width=3)[-1].columns == TRUTH


def test_a_wide_beam_is_exhaustive_and_a_narrow_one_is_forward_selection() -> None:
    wide = beam_search(X, Y, 4, width=1000, ridge=0.5)
    for size, selection in enumerate(wide, start=1):
        best = exhaustive(X, Y, (size,), ridge=0.5)[0]
        assert selection.columns == best.columns
        assert selection.loss == pytest.approx(best.loss, rel=1e-9)
    narrow = [set(s.columns) for s in beam_search(X, Y, 7)]
    assert all(a < b for a, b in pairwise(narrow))


def test_stability_tells_signal_from_noise() -> None:
    def select(X: np.ndarray, y: np.ndarray) -> tuple[int, ...]:
        return beam_search(X, y, 3, width=2)[-1].columns

    sure = selection_stability(select, X, Y, repeats=20)
    assert (sure.sum(axis=1) == 3).all()
    assert sure.mean(axis=0)[list(TRUTH)].tolist() == [1, 1, 1]
    assert stability_index(sure) == pytest.approx(1.0)
    noise = RNG.normal(size=(30, 40))
    assert stability_index(selection_stability(select, noise, Y, fraction=0.5, repeats=20)) < 0.5
    np.testing.assert_array_equal(sure, selection_stability(select, X, Y, repeats=20))


def test_random_selections_have_no_stability_on_average() -> None:
    random = np.array([RNG.permutation(50) < 5 for _ in range(400)])
    assert abs(stability_index(random)) < 0.01


def test_parts_hold_both_classes() -> None:
    rare = np.where(np.arange(30) < 3, 1.0, -1.0)
    seen: list[int] = []

    def select(X: np.ndarray, y: np.ndarray) -> tuple[int, ...]:
        seen.append(int((y > 0).sum()))
        return (0,)

    selection_stability(select, X, rare, repeats=10, fraction=0.7)
    assert set(seen) == {2}


@pytest.mark.parametrize(
    "bad",
    [
        lambda: exhaustive(X, Y, (8,)),
        lambda: exhaustive(X, Y, ()),
        lambda: beam_search(X, Y, 0),
        lambda: leave_one_out_predictions(np.where(X > 3, np.nan, X), Y),
        lambda: leave_one_out_predictions(X, Y[:-1]),
        lambda: leave_one_out_predictions(X, Y, -1.0),
    ],
)
def test_bad_questions_are_refused(bad: object) -> None:
    with pytest.raises(InputError):
        bad()


# Support vector machines, against libsvm.


def libsvm(
    X: np.ndarray, y: np.ndarray, C: float, rows: np.ndarray, at: int, weight: str | None = None
) -> float:
    svc = SVC(kernel="linear", C=C, tol=1e-5, class_weight=weight)
    machine = make_pipeline(StandardScaler(), svc)
    return machine.fit(X[rows], y[rows]).decision_function(X[at : at + 1])[0]


@pytest.mark.parametrize(
    ("C", "weight"), [(0.1, None), (1.0, None), (10.0, None), (1.0, "balanced"), (10.0, "balanced")]
)
def test_left_out_machines_are_those_of_libsvm(C: float, weight: str | None) -> None:
    subsets = [(0,), (1, 2, 5), tuple(range(7))]
    flipped = np.where(np.arange(30) % 7 < 2, -1.0, CLASSES)  # not separable
    found = left_out_decisions(X, flipped, subsets, C, balanced=weight is not None)
    everyone = np.arange(30)
    for decisions, subset in zip(found, subsets, strict=True):
        part = X[:, subset]
        expected = [libsvm(part, flipped, C, everyone[everyone != i], i, weight) for i in everyone]
        same = np.isclose(decisions, expected, atol=1e-3)
        # with equal class weights an offset may be one of many that are equally good
        assert same.all() if weight is None else same.mean() > 0.9


def test_a_hard_margin_on_raw_descriptors_costs_the_least() -> None:
    """Where libsvm needs millions of steps: no hinge loss below it, by linear programming."""
    flipped = np.where(np.arange(30) % 7 < 2, -1.0, CLASSES)
    for standardise in (True, False):
        found = left_out_decisions(X, flipped, [(1, 2, 5)], 1e7, standardise=standardise)[0]
        for i in (0, 11, 29):
            rest = np.arange(30) != i
            expected = least_hinge(X[:, (1, 2, 5)][rest], flipped[rest], X[i, (1, 2, 5)])
            assert found[i] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def least_hinge(X: np.ndarray, y: np.ndarray, at: np.ndarray) -> float:
    n, k = X.shape
    mean, scale = X.mean(axis=0), X.std(axis=0)
    V = y[:, None] * np.column_stack([(X - mean) / scale, np.ones(n)])
    cost = np.concatenate([np.zeros(k + 1), np.ones(n)])
    bounds = [(None, None)] * (k + 1) + [(0, None)] * n
    plane = linprog(cost, -np.hstack([V, np.eye(n)]), -np.ones(n), bounds=bounds).x[: k + 1]
    return float((at - mean) / scale @ plane[:k] + plane[k])


def test_pairs_of_groups_are_left_out_together() -> None:
    groups = np.array(list("abcdefghij") * 3)
    found = left_out_pair_decisions(X, CLASSES, [(0, 4, 6)], groups=groups)[0]
    part, names = X[:, (0, 4, 6)], sorted(set(groups))
    for g, h in combinations(range(10), 2):
        rows = np.flatnonzero((groups != names[g]) & (groups != names[h]))
        at = int(np.flatnonzero(groups == names[h])[1])
        assert found[g, at] == pytest.approx(libsvm(part, CLASSES, 1.0, rows, at), abs=1e-3)
    alone = left_out_decisions(X, CLASSES, [(0, 4, 6)], groups=groups)[0]
    codes = np.unique(groups, return_inverse=True)[1]
    np.testing.assert_allclose(found[codes, np.arange(30)], alone, atol=1e-3)


def test_one_class_left_is_the_answer() -> None:
    lonely = np.where(np.arange(30) == 5, 1.0, -1.0)
    found = left_out_decisions(X, lonely, [(0, 1)])[0]
    assert found[5] == -1.0


def test_a_machine_needs_known_descriptors() -> None:
    holes = X.copy()
    holes[4, 2] = np.nan
    with pytest.raises(InputError, match="row 5"):
        left_out_decisions(holes, CLASSES, [(0,)])
    with pytest.raises(InputError, match="C must be positive"):
        left_out_decisions(X, CLASSES, [(0,)], C=0.0)
