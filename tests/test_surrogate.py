"""Surrogates: against botorch and brute force, honest intervals, bounds, failures, tasks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm

from leyden.errors import InputError
from leyden.exploration.censored_scores import expectation_propagation
from leyden.exploration.evidence import evidence_of
from leyden.exploration.fidelity import variance_removed
from leyden.exploration.gaussian_process import fitted_process, jitter, moments
from leyden.exploration.importance import importance
from leyden.exploration.marginals import Marginals, log_expected_improvement
from leyden.exploration.search_space import Objective, Parameter, SearchSpace
from leyden.exploration.success import Success
from leyden.exploration.surrogate import Surrogate

LINE = SearchSpace((Parameter("x", 0.0, 1.0),))
CUBE = SearchSpace(tuple(Parameter(f"x{i}", 0.0, 1.0) for i in range(4)))
MIXED = SearchSpace(
    (
        Parameter("x", 1.0, 100.0, scale="log"),
        Parameter("n", 1, 5, kind="integer"),
        Parameter("salt", kind="categorical", levels=("a", "b", "c")),
    )
)


def truth(rows: pd.DataFrame) -> np.ndarray:
    """Of CUBE: steep in x0, less so in x1 and x2; x3 is without effect."""
    x = rows[CUBE.names].to_numpy()
    return np.asarray(np.sin(5 * x[:, 0]) + x[:, 1] ** 2 - x[:, 2] * x[:, 0])


def told(n: int, seed: int, error: float = 0.1, scatter: float = 0.1) -> pd.DataFrame:
    """Observations with a known error, and a scatter that their errors do not know of."""
    rows = CUBE.random(n, seed)
    noise = np.random.default_rng(seed).standard_normal((2, n)) * [[error], [scatter]]
    return rows.assign(y=truth(rows) + noise.sum(axis=0), y_error=error)


def fitted(observations: pd.DataFrame, space: SearchSpace = CUBE, **objective: Any) -> Surrogate:
    return Surrogate(space, Objective("y", **objective), random_state=0).fit(observations)


def test_intervals_cover_truth_and_new_results() -> None:
    latent, results, errors = [], [], []
    for seed in range(6):
        surrogate = fitted(told(40, seed))
        new = told(100, 100 + seed)
        inside, outside = surrogate.predict(new), surrogate.predict(new, noise=True)
        latent.append(np.mean((truth(new) >= inside["low"]) & (truth(new) <= inside["high"])))
        results.append(np.mean((new["y"] >= outside["low"]) & (new["y"] <= outside["high"])))
        errors.append(np.sqrt(np.mean(np.square(inside["mean"] - truth(new)))))
    assert 0.88 <= np.mean(latent) <= 0.995
    assert 0.88 <= np.mean(results) <= 0.99
    assert np.mean(errors) < 0.2  # the spread of the truth is 0.8


def test_jitter_is_found_beside_the_known_errors() -> None:
    surrogate = fitted(told(150, 0, error=0.05, scatter=0.2))
    assert surrogate.noise_std == pytest.approx(math.hypot(0.05, 0.2), rel=0.25)


def test_errors_that_are_not_known_are_inferred() -> None:
    observations = told(150, 0, error=0.2, scatter=0.0)
    unknown = fitted(observations.drop(columns="y_error"))
    assert unknown.noise_std == pytest.approx(0.2, rel=0.25)
    some = observations.assign(y_error=observations["y_error"].mask(observations.index % 2 == 0))
    pd.testing.assert_frame_equal(
        fitted(some).predict(CUBE.random(3, 1)), fitted(observations).predict(CUBE.random(3, 1))
    )


def test_less_can_be_better_and_logarithms_learned() -> None:
    observations, new = told(30, 0), CUBE.random(5, 9)
    up, down = fitted(observations), fitted(observations, maximise=False)
    pd.testing.assert_frame_equal(up.predict(new), down.predict(new), rtol=0.02, atol=0.02)
    assert (np.sign(up.evidence.scores) == -np.sign(down.evidence.scores)).all()
    natural = observations.assign(
        y=10 ** observations["y"], y_error=0.1 * np.log(10) * 10 ** observations["y"]
    )
    pd.testing.assert_frame_equal(fitted(natural, log10=True).predict(new), up.predict(new))


def test_equal_seeds_equal_predictions_whatever_torch_drew_before() -> None:
    observations = pd.concat([told(10, 0), told(10, 1).assign(task="old")], ignore_index=True)
    first = fitted(observations).predict(CUBE.random(3, 0))
    torch.manual_seed(123)
    torch.rand(7)
    state = torch.get_rng_state()
    pd.testing.assert_frame_equal(first, fitted(observations).predict(CUBE.random(3, 0)))
    assert torch.equal(state, torch.get_rng_state())


def test_samples_have_the_posterior_as_moments() -> None:
    surrogate, rows = fitted(told(20, 0)), CUBE.random(3, 5)
    draws, table = surrogate.sample(rows, 20000, random_state=0), surrogate.predict(rows)
    assert draws.mean(axis=0) == pytest.approx(table["mean"].to_numpy(), abs=0.02)
    assert draws.std(axis=0) == pytest.approx(table["std"].to_numpy(), rel=0.03)


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_one_bound_is_matched_exactly(error: float) -> None:
    """The first two moments of a normal below a bound, by quadrature."""
    grid = np.linspace(-8, 8, 200001)
    weight = norm.pdf(grid, 0.4, 1.3) * (
        (grid < -0.5) if error == 0 else norm.cdf((-0.5 - grid) / error)
    )
    mean = np.average(grid, weights=weight)
    variance = np.average((grid - mean) ** 2, weights=weight)
    site = expectation_propagation(
        np.array([0.4]), np.array([[1.69]]), np.array([-0.5]), np.array([-1]), np.array([error**2])
    )
    precision = 1 / 1.69 + 1 / site[1][0]
    assert 1 / precision == pytest.approx(variance, rel=1e-3)
    assert (0.4 / 1.69 + site[0][0] / site[1][0]) / precision == pytest.approx(mean, rel=1e-3)


def test_bounds_against_monte_carlo() -> None:
    """A line with six values and four bounds: the posterior from a million draws of the prior."""
    x = np.linspace(0, 1, 10)
    y = np.sin(4 * x)
    bound = np.array(["", "below", "", "", "above", "", "below", "", "", "below"])
    y = y + np.where(bound == "below", 0.3, 0) - np.where(bound == "above", 0.2, 0)
    y[8] = np.sin(4 * x[8])
    observations = pd.DataFrame({"x": x, "y": y, "y_error": 0.15, "y_bound": bound})
    evidence = evidence_of(observations, LINE, Objective("y"))
    process = fitted_process(evidence, LINE, random_state=0)
    points = np.linspace(0, 1, 7)[:, None]
    mean, covariance = moments(process, points)

    inputs = torch.as_tensor(np.concatenate([evidence.points, points]))
    with torch.no_grad():
        prior = process.covar_module(inputs).to_dense().numpy()
        centre = float(process.mean_module(inputs)[0])
    noise = np.concatenate([evidence.variances + jitter(process), np.zeros(len(points))])
    known = np.flatnonzero(evidence.sides == 0)
    others = np.setdiff1d(np.arange(len(prior)), known)
    full = prior + np.diag(np.concatenate([np.full(len(x), jitter(process)), np.zeros(7)]))
    gain = full[np.ix_(others, known)] @ np.linalg.inv(
        prior[np.ix_(known, known)] + np.diag(noise[known])
    )
    rest = full[np.ix_(others, others)] - gain @ full[np.ix_(known, others)]
    middle = centre + gain @ (evidence.scores[known] - centre)
    draws = np.random.default_rng(0).multivariate_normal(middle, rest, 1_000_000, method="eigh")
    bounded = np.flatnonzero(evidence.sides)
    z = (draws[:, : len(bounded)] - evidence.scores[bounded]) * evidence.sides[bounded]
    weights = norm.cdf(z / np.sqrt(evidence.variances[bounded])).prod(axis=1)
    exact = np.average(draws[:, len(bounded) :], axis=0, weights=weights)
    spread = np.average((draws[:, len(bounded) :] - exact) ** 2, axis=0, weights=weights)
    assert mean == pytest.approx(exact, abs=0.03)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(np.sqrt(spread), abs=0.03)
    ignored = fitted_process(
        evidence_of(observations.assign(y_bound=""), LINE, Objective("y")), LINE, random_state=0
    )
    assert np.abs(moments(ignored, points)[0] - exact).max() > 0.1  # the test can fail


def test_a_bound_pulls_to_its_side_only() -> None:
    observations = told(40, 3).assign(y_bound="")
    low = observations["y"] < observations["y"].quantile(0.3)
    bounds = observations.assign(y_bound=np.where(low, "below", ""))
    bounds.loc[low, "y"] += 0.5
    naive = bounds.assign(y_bound="")
    new = told(200, 50)
    error = {
        name: np.sqrt(np.mean(np.square(fitted(table).predict(new)["mean"] - truth(new))))
        for name, table in {"told": bounds, "naive": naive, "left out": bounds[~low]}.items()
    }
    assert error["told"] < 0.8 * min(error["naive"], error["left out"])


def test_marginals_are_those_of_botorch() -> None:
    rows = MIXED.random(25, 0)
    y = np.log(rows["x"]) + 0.3 * rows["n"] + rows["salt"].map({"a": 0.0, "b": 1.0, "c": 0.5})
    one = fitted(rows.assign(y=y), MIXED)
    two = fitted(pd.concat([told(12, 0), told(15, 1).assign(task="old")], ignore_index=True))
    for surrogate in (one, two):
        points = torch.as_tensor(surrogate.space.to_unit(surrogate.space.random(20, 7)))
        mean, variance = Marginals(surrogate.process)(points)
        posterior = surrogate.process.posterior(points[:, None])
        torch.testing.assert_close(mean, posterior.mean[:, 0, 0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(variance, posterior.variance[:, 0, 0], rtol=1e-4, atol=1e-6)


def test_a_hundred_thousand_rows_are_predicted_without_their_covariance() -> None:
    surrogate = fitted(told(20, 0))
    rows = CUBE.random(100_000, 1)  # whose covariance would take 80 GB
    predicted = surrogate.predict(rows)
    assert predicted.index.equals(rows.index)
    some = [0, 9_999, 10_000, 99_999]
    pd.testing.assert_frame_equal(predicted.iloc[some], surrogate.predict(rows.iloc[some]))


def test_covariances_are_those_of_botorch() -> None:
    surrogate = fitted(told(20, 0).assign(task=["", "other"] * 10))
    points = torch.as_tensor(CUBE.to_unit(CUBE.random(7, 3)))
    _, expected = moments(surrogate.process, points.numpy())
    found = Marginals(surrogate.process).covariance(points[:3], points)
    np.testing.assert_allclose(found, expected[:3], atol=1e-4)


def test_log_improvement_against_quadrature_and_far_away() -> None:
    zs = torch.tensor([-30.0, -5.0, -1.0, 0.0, 3.0], dtype=torch.double, requires_grad=True)
    zero, one = torch.tensor(0.0).double(), torch.ones(5).double()
    logs = log_expected_improvement(zs * 2, 4 * one, zero)
    near = zs.detach().numpy()[1:]
    exact = np.log(2 * (norm.pdf(near) + near * norm.cdf(near)))
    assert logs.detach().numpy()[1:] == pytest.approx(exact, rel=1e-6)
    # The asymptotic series phi(z) / z^2 (1 - 3 / z^2), where the closed form has underflown.
    assert float(logs[0].detach()) == pytest.approx(
        math.log(2) + norm.logpdf(30) - 2 * math.log(30) + math.log1p(-3 / 900), rel=1e-6
    )
    far = torch.tensor([-1e3, -1e5, -1e7], dtype=torch.double, requires_grad=True)
    (slope,) = torch.autograd.grad(log_expected_improvement(far, torch.ones(3), zero).sum(), far)
    assert slope.numpy() == pytest.approx(-far.detach().numpy(), rel=1e-2)


def test_categories_and_integers_are_learned() -> None:
    rows = MIXED.random(60, 0)
    effect = {"a": 0.0, "b": 2.0, "c": 1.0}

    def value(table: pd.DataFrame) -> pd.Series:
        return np.log10(table["x"]) + 0.2 * table["n"] + table["salt"].map(effect)

    surrogate, new = fitted(rows.assign(y=value(rows), y_error=0.01), MIXED), MIXED.random(50, 1)
    assert np.abs(surrogate.predict(new)["mean"] - value(new)).mean() < 0.1
    assert (surrogate.length_scales() > 0).all()
    assert list(surrogate.length_scales().index) == MIXED.names


def test_what_does_not_matter_comes_last() -> None:
    surrogate = fitted(told(60, 0))
    table = importance(surrogate, draws=200, random_state=1)
    pd.testing.assert_frame_equal(table, importance(surrogate, draws=200, random_state=1))
    assert table["value"].idxmax() == "x0"
    assert table["value"].idxmin() == "x3"
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    assert table.loc["x0", "low"] > table.loc["x3", "high"]
    narrow = importance(fitted(told(150, 1)), draws=200, random_state=1)
    width = np.log(table["high"] / table["low"])
    assert np.log(narrow["high"] / narrow["low"])["x0"] < width["x0"]


def test_importance_of_data_drawn_from_the_model_is_covered() -> None:
    generator, covered = np.random.default_rng(0), 0
    points = LINE.random(40, 0)
    far = 5**0.5 * np.abs(points.to_numpy() - points.to_numpy().T) / 0.25
    covariance = (1 + far + far**2 / 3) * np.exp(-far) + 0.01 * np.eye(40)
    for _ in range(6):
        y = generator.multivariate_normal(np.zeros(40), covariance)
        table = importance(fitted(points.assign(y=y), LINE), draws=100)
        covered += int(table.loc["x", "low"] <= 1 / 0.25 <= table.loc["x", "high"])
    assert covered >= 5


def test_an_earlier_campaign_helps() -> None:
    own, new = told(10, 0), told(200, 50)
    old = told(60, 1).assign(task="60 C", y=lambda table: 1.3 * table["y"] + 2)
    both = fitted(pd.concat([old, own.assign(task="")], ignore_index=True)).predict(new)
    alone = fitted(own).predict(new)
    error, before = (
        np.sqrt(np.mean(np.square(table["mean"] - truth(new)))) for table in (both, alone)
    )
    assert error < 0.6 * before
    # Until there is a value of its own, the earlier campaign speaks for it.
    pd.testing.assert_frame_equal(
        fitted(old).predict(new), fitted(old.assign(task="")).predict(new)
    )


def test_bounds_of_an_earlier_campaign_are_understood() -> None:
    own, new = told(8, 0).assign(task="", y_bound=""), told(100, 50)
    old = told(60, 1).assign(task="60 C", y_bound="")
    low = old["y"] < 0.3
    old.loc[low, "y"], old.loc[low, "y_bound"] = 0.3, "below"
    table = fitted(pd.concat([old, own], ignore_index=True)).predict(new)
    alone = fitted(own).predict(new)
    errors = [np.sqrt(np.mean(np.square(t["mean"] - truth(new)))) for t in (table, alone)]
    assert errors[0] < 0.8 * errors[1]


def test_a_cheap_fidelity_is_chosen_where_it_tells_enough() -> None:
    cheap = told(50, 0, error=0.15).assign(task="0.5 ns")
    observations = pd.concat([told(12, 1), cheap], ignore_index=True).fillna({"task": ""})
    surrogate, row = fitted(observations), CUBE.random(1, 9)
    equal = variance_removed(surrogate, row, {"": 1.0, "0.5 ns": 1.0})
    assert equal.index[0] == ""  # for one cost nothing tells more than the thing itself
    assert variance_removed(surrogate, row, {"": 100.0, "0.5 ns": 1.0}).index[0] == "0.5 ns"
    assert equal["removed"].between(0, 1).all()
    # One more run of the own task does what is told.
    before, after = surrogate.predict(row)["std"][0], equal.loc["", "removed"]
    process = surrogate.process
    variance = (before / surrogate.evidence.scale.spread) ** 2
    noise = jitter(process) + surrogate.evidence.typical_variance()
    assert after == pytest.approx(variance / (variance + noise), rel=1e-4)
    with pytest.raises(InputError, match=r"did you mean '0\.5 ns'"):
        variance_removed(surrogate, row, {"0.6 ns": 1.0})
    with pytest.raises(InputError, match="one row"):
        variance_removed(surrogate, CUBE.random(2, 0), {"": 1.0})
    with pytest.raises(InputError, match="is positive"):
        variance_removed(surrogate, row, {"": 0.0})


def test_success_is_learned_from_outcomes() -> None:
    rows = CUBE.random(60, 0)
    outcome = np.where(rows["x0"] + 0.5 * rows["x1"] > 0.9, "blow-up", "ok")
    success = Success(CUBE, random_state=0).fit(rows.assign(outcome=outcome))
    new = CUBE.random(100, 1)
    works = new["x0"] + 0.5 * new["x1"] <= 0.9
    probability = success.predict(new)
    assert ((probability > 0.5) == works).mean() > 0.88
    assert ((probability > 0) & (probability < 1)).all()
    assert (Success(CUBE, random_state=0).fit(rows).predict(new) == 1).all()


def test_rows_that_failed_are_left_out_of_the_values() -> None:
    observations = told(20, 0).assign(outcome="ok")
    lost = observations.head(3).assign(y=np.nan, outcome="blow-up")
    pd.testing.assert_frame_equal(
        fitted(pd.concat([observations, lost])).predict(CUBE.random(3, 0)),
        fitted(observations).predict(CUBE.random(3, 0)),
    )


@pytest.mark.parametrize(
    ("changes", "objective", "message"),
    [
        ({"y": np.nan}, {}, r"row 3: y is finite \(got nan\).*outcome"),
        ({"y": np.inf}, {}, "row 3: y is finite"),
        ({"y": -1.0}, {"log10": True}, "row 3: y is positive to be learned as log10"),
        ({"y_error": -0.1}, {}, "row 3: y_error is not negative"),
        ({"y_bound": "under"}, {}, "row 3: y_bound is empty, 'above' or 'below'"),
    ],
)
def test_observations_that_cannot_be(
    changes: dict[str, object], objective: dict[str, Any], message: str
) -> None:
    observations = told(5, 0).assign(y_bound="", y=1.0)
    for column, value in changes.items():
        observations.loc[2, column] = value
    with pytest.raises(InputError, match=message):
        fitted(observations, **objective)


def test_too_little_to_learn_from() -> None:
    with pytest.raises(InputError, match="needs a value"):
        fitted(told(3, 0).assign(y_bound="below"))
    with pytest.raises(InputError, match=r"column for the objective.*'y'"):
        fitted(CUBE.random(3, 0))
    with pytest.raises(InputError, match="call fit first"):
        Surrogate(CUBE, Objective("y"), random_state=0).predict(CUBE.random(1, 0))
    table = fitted(told(1, 0)).predict(CUBE.random(2, 0))  # one value is enough to begin with
    assert np.isfinite(table.to_numpy()).all()
