"""Laplace kernel ridge against scikit-learn, and its search against leaving rows out one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from leyden.errors import InputError
from leyden.models.kernels import LaplaceRidge


def problem(rows: int = 40, features: int = 5) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    X = generator.standard_normal((rows, features))
    y = 7 + np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * generator.standard_normal(rows)
    return X, y


def reference(X: np.ndarray, length: float, alpha: float) -> KernelRidge:
    return KernelRidge(kernel="laplacian", gamma=1 / (length * X.shape[1]), alpha=alpha)


@pytest.mark.parametrize(("length", "alpha"), [(0.5, 0.001), (2.0, 0.3)])
def test_it_equals_kernel_ridge(length: float, alpha: float) -> None:
    X, y = problem()
    ours = LaplaceRidge([length], [alpha]).fit(X[:30], y[:30])
    theirs = reference(X, length, alpha).fit(X[:30], y[:30] - y[:30].mean())
    assert (ours.length_, ours.alpha_) == (length, alpha)
    expected = theirs.predict(X[30:]) + y[:30].mean()
    np.testing.assert_allclose(ours.predict(X[30:]), expected, rtol=1e-9)
    assert np.abs(expected - y[:30].mean()).max() > 0.1  # it has learned something


def brute_force(X: np.ndarray, y: np.ndarray, length: float, alpha: float) -> float:
    """Squared error of each row by a model fitted on all the others."""
    centred, errors = y - y.mean(), []
    for row in range(len(y)):
        rest = np.arange(len(y)) != row
        model = reference(X, length, alpha).fit(X[rest], centred[rest])
        errors.append((model.predict(X[row : row + 1]) - centred[row]).item() ** 2)
    return float(np.mean(errors))


def test_the_search_finds_what_leaving_rows_out_one_by_one_finds() -> None:
    lengths, alphas = (0.1, 0.5, 2.0, 8.0), (1e-3, 0.1, 0.3, 10.0)
    seen = set()
    for factor in (0.0, 1.0, 10.0):  # of noise: what is best must change
        X, y = problem(25)
        y = y + factor * np.random.default_rng(1).standard_normal(25)
        scores = {(a, b): brute_force(X, y, a, b) for a in lengths for b in alphas}
        found = LaplaceRidge(lengths, alphas).fit(X, y)
        assert (found.length_, found.alpha_) == min(scores, key=scores.__getitem__)
        seen.add((found.length_, found.alpha_))
    assert len(seen) > 1


def test_the_search_takes_rows_enough_and_no_more() -> None:
    X, y = problem(60)
    few = LaplaceRidge(search_rows=20, random_state=3).fit(X, y)
    drawn = np.random.default_rng(3).permutation(60)[:20]
    alone = LaplaceRidge().fit(X[drawn], y[drawn])
    assert (few.length_, few.alpha_) == (alone.length_, alone.alpha_)
    assert len(few.dual_) == 60  # the fit itself uses every row


def test_a_constant_is_learned_as_it_is() -> None:
    X, _ = problem()
    np.testing.assert_allclose(LaplaceRidge().fit(X, np.full(40, 3.5)).predict(X + 1), 3.5)


def test_one_row_is_all_that_is_known() -> None:
    model = LaplaceRidge().fit(np.ones((1, 3)), np.array([2.5]))
    np.testing.assert_allclose(model.predict(np.zeros((4, 3))), 2.5)


def test_rows_without_features_get_the_mean() -> None:
    model = LaplaceRidge().fit(np.zeros((4, 0)), np.array([1.0, 2.0, 3.0, 6.0]))
    np.testing.assert_allclose(model.predict(np.zeros((2, 0))), 3.0)


def test_far_from_everything_the_answer_is_the_mean() -> None:
    X, y = problem()
    np.testing.assert_allclose(LaplaceRidge().fit(X, y).predict(X[:2] + 1e6), y.mean())


def by_leaving_groups_out(
    X: np.ndarray, y: np.ndarray, groups: np.ndarray, length: float, alpha: float
) -> float:
    """Absolute error of each group by a model of the others, whose mean is estimated, too."""
    errors = []
    for label in np.unique(groups):
        rest = groups != label
        model = LaplaceRidge([length], [alpha], leave_out="group")
        model.fit(X[rest], y[rest], groups[rest])
        errors.append(np.abs(model.predict(X[~rest]) - y[~rest]))
    return float(np.concatenate(errors).mean())


def test_the_search_finds_what_leaving_groups_out_one_by_one_finds() -> None:
    lengths, alphas = (0.5, 2.0, 8.0), (1e-2, 0.3, 10.0)
    X, y = problem(30)
    centres = np.repeat(3 * np.random.default_rng(4).standard_normal((6, 5)), 5, axis=0)
    X, y, groups = 0.3 * X + centres, y + centres[:, 0], np.repeat(list("abcdef"), 5)
    scores = {(a, b): by_leaving_groups_out(X, y, groups, a, b) for a in lengths for b in alphas}
    found = LaplaceRidge(lengths, alphas, leave_out="group").fit(X, y, groups)
    assert (found.length_, found.alpha_) == min(scores, key=scores.__getitem__)
    by_row = LaplaceRidge(lengths, alphas).fit(X, y, groups)
    assert (found.length_, found.alpha_) != (by_row.length_, by_row.alpha_)  # groups matter


def test_the_mean_of_left_out_groups_is_the_generalised_least_squares_one() -> None:
    """Fifty copies of one row tell no more of the mean than the row itself."""
    X = np.array([[0.0]] * 50 + [[1e6]])
    y = np.array([1.0] * 50 + [3.0])
    model = LaplaceRidge([1.0], [1e-6], leave_out="group").fit(X, y, np.arange(51))
    assert model.predict(np.array([[-1e6]]))[0] == pytest.approx(2.0, abs=1e-3)


def test_one_group_cannot_be_left_out() -> None:
    X, y = problem(10)
    with pytest.raises(InputError, match="at least two"):
        LaplaceRidge(leave_out="group").fit(X, y, np.zeros(10))
    alone = LaplaceRidge(leave_out="group").fit(X, y)  # without labels each row is a group
    assert np.isfinite(alone.predict(X)).all()
