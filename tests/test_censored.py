"""Upper bounds: against the likelihood maximised directly, and against the usual codings."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor
from scipy import integrate, optimize, stats
from sklearn.linear_model import LinearRegression, Ridge

import leyden as ly
from leyden import artefact
from leyden.cross_fitting import predict_fold
from leyden.data.dataset import Dataset, concatenate
from leyden.errors import IncompatibleError, InputError
from leyden.models.censored import Censored, Coded, below_bound
from leyden.models.vectors import VectorRegressor, laplace_ridge
from leyden.representations import CompositionStatistics
from leyden.splits import Fold


def problem(
    rows: int = 80, seed: int = 0, bound: float = -1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, what is written down, where it is a bound, and the truth without noise."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((rows, 3))
    truth = 0.5 + X @ [1.5, -1.0, 0.0]
    y = truth + 0.7 * generator.standard_normal(rows)
    return X, np.maximum(y, bound), y < bound, truth


@pytest.mark.parametrize(("mean", "scale", "bound"), [(0, 1, 0), (2, 0.5, 1), (-3, 2, 4)])
def test_mean_and_variance_below_a_bound(mean: float, scale: float, bound: float) -> None:
    normal = stats.norm(mean, scale)
    mass = normal.cdf(bound)
    low = mean - 12 * scale
    first = integrate.quad(lambda y: y * normal.pdf(y), low, bound)[0] / mass
    second = integrate.quad(lambda y: y * y * normal.pdf(y), low, bound)[0] / mass
    found, variance = below_bound(np.array([mean]), scale, np.array([bound]))
    assert found[0] == pytest.approx(first, rel=1e-7)
    assert variance[0] == pytest.approx(second - first**2, rel=1e-5)


def test_far_below_its_mean_a_bound_is_nearly_the_value() -> None:
    found, variance = below_bound(np.array([100.0]), 1.0, np.array([0.0]))
    assert -0.011 < found[0] < -0.009  # s / a below the bound, where a naive quotient is 0 / 0
    assert 0 <= variance[0] < 1e-3


@pytest.mark.parametrize("penalty", [0.0, 5.0])
def test_expectation_maximisation_climbs_to_the_maximum_of_the_likelihood(penalty: float) -> None:
    X, y, bounded, _ = problem()
    assert 10 < bounded.sum() < 40

    def loss(p: np.ndarray) -> float:
        mean, scale = p[0] + X @ p[1:4], np.exp(p[4])
        likelihood = np.where(
            bounded,
            stats.norm.logcdf((y - mean) / scale),
            stats.norm.logpdf(y, mean, scale),
        )
        # ridge's penalty is in units of s^2, which it does not know: hold it as the fit does
        return float(-likelihood.sum() + penalty * (p[1:4] @ p[1:4]) / (2 * held**2))

    regressor = Ridge(penalty) if penalty else LinearRegression()
    fitted = Censored(regressor, folds=0, iterations=5000, tolerance=1e-9).fit(
        X, y, upper_bound=bounded
    )
    held = fitted.scale_
    if penalty:  # at the s that was found, the coefficients maximise the penalised likelihood
        at = lambda p: loss(np.append(p, np.log(held)))  # noqa: E731
        best = optimize.minimize(at, np.zeros(4), tol=1e-12).x
    else:
        *best, log_scale = optimize.minimize(loss, np.zeros(5), tol=1e-12).x
        assert fitted.scale_ == pytest.approx(np.exp(log_scale), rel=1e-4)
    coefficients = [fitted.regressor_.intercept_, *fitted.regressor_.coef_]
    np.testing.assert_allclose(coefficients, best, atol=2e-4)
    assert np.abs(LinearRegression().fit(X, y).coef_ - best[1:]).max() > 0.1  # bounds matter


@pytest.mark.parametrize(
    "regressor",
    [
        Ridge(1.0),
        laplace_ridge(),
        LGBMRegressor(n_estimators=60, learning_rate=0.1, verbose=-1, n_jobs=1),
    ],
    ids=["ridge", "kernel", "boosting"],
)
def test_it_beats_both_codings_and_dropping(regressor: object) -> None:
    errors = dict.fromkeys(("censored", "at the bound", "far below", "left out"), 0.0)
    for seed in range(3):
        X, y, bounded, _ = problem(160, seed, bound=0.0)
        new, _, _, truth = problem(400, 100 + seed)
        arms = {
            "censored": Censored(regressor).fit(X, y, upper_bound=bounded),
            "at the bound": Coded(regressor, 0.0).fit(X, y, upper_bound=bounded),
            "far below": Coded(regressor, -8.0).fit(X, y, upper_bound=bounded),
            "left out": Coded(regressor, 0.0).fit(X[~bounded], y[~bounded]),
        }
        for name, arm in arms.items():
            errors[name] += float(np.abs(arm.predict(new) - truth).mean()) / 3
    assert errors["censored"] < 0.9 * min(v for k, v in errors.items() if k != "censored"), errors


def test_imputed_values_lie_below_their_bounds_and_the_spread_is_found() -> None:
    X, y, bounded, _ = problem(600)
    fitted = Censored(LinearRegression()).fit(X, y, upper_bound=bounded)
    assert (fitted.imputed_ < y[bounded]).all()
    assert fitted.scale_ == pytest.approx(0.7, rel=0.1)
    assert 0 < fitted.iterations_ < 10  # it has settled
    _, spread = fitted.predict(X[:5], return_std=True)
    np.testing.assert_array_equal(spread, fitted.scale_)


def test_without_bounds_nothing_changes() -> None:
    X, y, _, _ = problem()
    expected = Ridge(2.0).fit(X, y).predict(X)
    for bounds in (None, np.zeros(len(y), bool)):
        fitted = Censored(Ridge(2.0)).fit(X, y, upper_bound=bounds)
        np.testing.assert_array_equal(fitted.predict(X), expected)
        assert fitted.iterations_ == 0


def test_a_flexible_regressor_does_not_drag_its_own_imputations_down() -> None:
    """One neighbour repeats what it was told; only inner folds know better."""
    from sklearn.neighbors import KNeighborsRegressor

    X, y, bounded, truth = problem(200)
    nearest = KNeighborsRegressor(1)
    honest = Censored(nearest).fit(X, y, upper_bound=bounded)
    assert honest.scale_ > 0.5
    assert np.abs(honest.imputed_ - truth[bounded]).mean() < 1.5
    assert Censored(nearest, folds=0).fit(X, y, upper_bound=bounded).scale_ < 0.01


def test_inner_folds_keep_groups_together() -> None:
    """Rows twice over: the copy of a bound must not vouch for it."""
    X, y, bounded, _ = problem(60)
    X, y, bounded = np.repeat(X, 2, axis=0), np.repeat(y, 2), np.repeat(bounded, 2)
    groups = np.repeat(np.arange(60), 2).astype(str)
    knew = Censored(laplace_ridge()).fit(X, y, upper_bound=bounded)
    honest = Censored(laplace_ridge()).fit(X, y, groups, bounded)
    assert honest.scale_ > 1.3 * knew.scale_


def test_what_cannot_be_fitted_is_told() -> None:
    X, y, bounded, _ = problem(20)
    with pytest.raises(InputError, match="needs measured values"):
        Censored(Ridge()).fit(X, y, upper_bound=np.ones(20, bool))
    with pytest.raises(InputError, match="two groups"):
        Censored(Ridge()).fit(X, y, np.zeros(20), bounded)


# The bounds on their way from a dataset to a model.


def conductors(rows: int = 30) -> Dataset:
    values = [f"{10.0 ** -(3 + i % 7):g}" for i in range(rows)]
    formulas = [f"Li{1 + i % 3}{e}O{2 + i // 9}" for i, e in zip(range(rows), cycle("PSVYBNCI"))]
    table = pd.DataFrame({"formula": formulas, "ionic_conductivity_S_per_cm": values})
    table.loc[::4, "ionic_conductivity_S_per_cm"] = "<1E-10"
    return Dataset.from_table(
        table,
        target="log10_ionic_conductivity_S_per_cm",
        censored=["log10_ionic_conductivity_S_per_cm"],
    )


def test_bounds_are_read_and_stay_with_their_rows() -> None:
    data = conductors()
    assert data.upper_bound.tolist() == [i % 4 == 0 for i in range(30)]
    np.testing.assert_allclose(data.y[data.upper_bound], -10)
    part = data.take([0, 1, 8])
    assert part.upper_bound.tolist() == [True, False, True]
    again = concatenate([part, data.take([4, 5])], "both")
    assert again.upper_bound.tolist() == [True, False, True, True, False]
    assert data.with_targets(list(data.targets)).bounds.sum() == data.bounds.sum()
    grouped = data.with_group("parity", [str(i % 2) for i in range(30)])
    assert grouped.upper_bound.tolist() == data.upper_bound.tolist()
    assert grouped.root[0] is data
    measured = Dataset("bare", data.ids, data.items, data.targets)
    assert not measured.bounds.any()
    other = replace(measured, targets=pd.DataFrame({"a_eV": data.y, "b_eV": data.y}))
    assert other.bounds.shape == (30, 2)
    assert measured.fingerprint() != data.fingerprint()


def test_bounds_of_several_targets_keep_their_columns() -> None:
    table = pd.DataFrame({"formula": ["LiCl", "LiF"], "a_eV": ["<1", "2"], "b_eV": ["3", "<4"]})
    both = Dataset.from_table(table, target=["a_eV", "b_eV"], censored=["a_eV", "b_eV"])
    assert both.upper_bound.tolist() == [[True, False], [False, True]]
    assert both.with_targets("b_eV").upper_bound.tolist() == [False, True]
    turned = Dataset.from_table(table, target=["b_eV", "a_eV"], censored=["b_eV", "a_eV"])
    whole = concatenate([both.take([0]), turned.take([1])], "whole")
    assert whole.bounds.tolist() == [[True, False], [False, True]]
    with pytest.raises(IncompatibleError, match="bounds"):
        Dataset("x", both.ids, both.items, both.targets, bounds=np.ones((2, 1), bool))


def test_a_bound_where_none_is_expected_is_told() -> None:
    table = pd.DataFrame({"formula": ["LiCl", "LiF"], "a_eV": ["<1", "2"]})
    with pytest.raises(InputError, match="censored"):
        Dataset.from_table(table, target="a_eV")


def model(regressor: object) -> VectorRegressor:
    return VectorRegressor(CompositionStatistics(), regressor)


def test_a_strategy_passes_bounds_to_those_who_read_them_and_says_who_does_not() -> None:
    data = conductors()
    reads = ly.FromScratch(model(Censored(Ridge(1.0)))).fit(data)
    assert (reads.model_.regressors_[0].imputed_ < -10).all()
    assert "bounds_as_values" not in reads.notes_
    plain = ly.FromScratch(model(Ridge(1.0))).fit(data)
    assert plain.notes_["bounds_as_values"] == 8
    pooled = ly.Pooled(model(Censored(Ridge(1.0))), conductors(12)).fit(data.take(slice(12, None)))
    assert len(pooled.model_.regressors_[0].imputed_) == 8


def test_the_evaluation_counts_bounds_that_were_learned_as_values() -> None:
    arms = {"plain": ly.FromScratch(model(Ridge(1.0)))}
    result = ly.evaluate(arms, conductors(), ly.splits.KFold(3), progress=False)
    assert any("upper bounds as if measured" in line for line in result.reservations())


def test_a_test_fold_does_not_show_its_bounds() -> None:
    seen = []

    class Curious(ly.FromScratch):
        def predict(self, data: Dataset, return_std: bool = False) -> np.ndarray:
            seen.append(data.bounds.any())
            return super().predict(data, return_std)

    data = conductors()
    fold = Fold(0, 0, np.arange(10, 30), np.arange(10))
    predict_fold(Curious(model(Ridge(1.0))), data, fold)
    assert seen == [False]


def test_groups_of_the_users_choice_reach_the_inner_folds() -> None:
    data = conductors().with_group("family", ["a", "b", "c"] * 10)
    regressor = Censored(Ridge(1.0), folds=3)
    by_family = ly.FromScratch(model(regressor), group="family").fit(data)
    direct = model(regressor).fit(
        CompositionStatistics().transform(data.items),
        data.y,
        groups=np.array(["a", "b", "c"] * 10),
        upper_bound=data.upper_bound,
    )
    np.testing.assert_array_equal(
        by_family.model_.regressors_[0].imputed_, direct.regressors_[0].imputed_
    )
    with pytest.raises(InputError, match="no group column"):
        ly.FromScratch(model(regressor), group="famly").fit(data)


def test_a_censored_model_is_saved_whole(tmp_path: Path) -> None:
    data = conductors()
    for regressor in (Censored(laplace_ridge()), Coded(Ridge(1.0), -15.0)):
        fitted = ly.FromScratch(model(regressor)).fit(data)
        artefact.write(fitted.model_, tmp_path / "saved")
        loaded = artefact.read(tmp_path / "saved")
        X = loaded.representation.transform(data.items[:6])
        found, spread = loaded.predict(X, return_std=True)
        np.testing.assert_array_equal(found, fitted.predict(data.items[:6]))
        assert np.isfinite(spread).all() == isinstance(regressor, Censored)
