"""Proposals: good, allowed, apart from each other and from what is at work, and repeatable."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import pdist

from leyden.errors import InputError
from leyden.exploration.acquisition import Beliefs, local_penalisation, noisy_improvement
from leyden.exploration.batches import METHODS, propose
from leyden.exploration.gaussian_process import moments
from leyden.exploration.inner_search import best_points
from leyden.exploration.marginals import log_expected_improvement
from leyden.exploration.search_space import Constraint, Objective, Parameter, SearchSpace
from leyden.exploration.success import Success
from leyden.exploration.surrogate import Surrogate

SQUARE = SearchSpace((Parameter("x", 0.0, 1.0), Parameter("y", 0.0, 1.0)))
SINGLE = [method for method in METHODS if method != "hypervolume"]
MODELLED = SINGLE[2:]
NO_ROWS = SQUARE.random(0, 0)


def hill(rows: pd.DataFrame) -> np.ndarray:
    """One top, at (0.7, 0.3), of height 0."""
    return -np.asarray((rows["x"] - 0.7) ** 2 + (rows["y"] - 0.3) ** 2)


def told(space: SearchSpace = SQUARE, n: int = 15, seed: int = 0) -> pd.DataFrame:
    rows = space.random(n, seed)
    noise = 0.01 * np.random.default_rng(seed).standard_normal(n)
    return rows.assign(z=hill(rows) + noise, z_error=0.01)


def fitted(observations: pd.DataFrame, space: SearchSpace = SQUARE, name: str = "z") -> Surrogate:
    return Surrogate(space, Objective(name), random_state=0).fit(observations)


def beliefs(surrogate: Surrogate, observations: pd.DataFrame) -> Beliefs:
    return Beliefs(
        surrogate.space,
        (surrogate.process,),
        Success(surrogate.space, random_state=0).fit(observations),
        torch.as_tensor(surrogate.evidence.points),
        0,
    )


@pytest.mark.parametrize("method", MODELLED)
def test_the_top_is_found_and_the_batch_spread_out(method: str) -> None:
    observations = told()
    surrogate = fitted(observations)
    rows = propose([surrogate], observations, None, 3, method=method, random_state=0)
    again = propose([surrogate], observations, None, 3, method=method, random_state=0)
    pd.testing.assert_frame_equal(rows, again)
    SQUARE.check(rows)
    assert hill(rows).max() > -0.02
    assert np.linalg.norm(np.diff(rows.to_numpy(), axis=0), axis=1).min() > 1e-3


@pytest.mark.parametrize("method", MODELLED)
def test_what_is_at_work_is_not_proposed_again(method: str) -> None:
    observations = told(n=8)
    surrogate = fitted(observations)
    first = propose([surrogate], observations, None, 1, method=method, random_state=0)
    at_work = pd.concat([first] * 2, ignore_index=True)
    second = propose([surrogate], observations, at_work, 1, method=method, random_state=0)
    assert np.abs(second.to_numpy() - first.to_numpy()).max() > 0.02


def test_penalty_is_the_published_one() -> None:
    observations = told()
    surrogate = fitted(observations)
    known = beliefs(surrogate, observations)
    pending = torch.tensor([[0.6, 0.4], [0.1, 0.9]], dtype=torch.double)
    points = torch.as_tensor(SQUARE.to_unit(SQUARE.random(20, 3)))[:, None]
    penalised = local_penalisation(known, pending)(points)
    expected = known.improvement(points, pending)
    posterior = surrogate.process.posterior(pending)
    means, stds = posterior.mean[:, 0], posterior.variance[:, 0].sqrt()
    top = max(known.incumbent, (means + stds).max())
    for mean, std, place in zip(means, stds, pending, strict=True):
        away = (points[:, 0] - place).norm(dim=1)
        radius = (top - mean) / known.steepest
        # Phi((|x - x_j| - radius) / (s / L)): the ball about x_j in which no maximum can lie.
        expected = expected + torch.special.log_ndtr((away - radius) / (std / known.steepest))
    torch.testing.assert_close(penalised, expected, rtol=1e-4, atol=1e-4)
    ticks = np.linspace(0, 1, 101)
    grid = pd.DataFrame({"x": np.repeat(ticks, 101), "y": np.tile(ticks, 101)})
    surface = surrogate.evidence.scale.scores(surrogate.predict(grid)["mean"].to_numpy())
    slopes = np.gradient(surface.reshape(101, 101), 0.01)
    assert known.steepest == pytest.approx(np.hypot(*slopes).max(), rel=0.1)
    assert known.incumbent == pytest.approx(
        surrogate.process.posterior(known.observed).mean.max().item(), rel=1e-4
    )


def test_a_pending_row_shrinks_the_variance_about_it_as_a_value_would() -> None:
    observations = told(n=10)
    surrogate = fitted(observations)
    known = beliefs(surrogate, observations)
    pending, points = (SQUARE.to_unit(SQUARE.random(n, seed)) for n, seed in ((2, 5), (6, 6)))
    # As if the two were told at their means: mean as before, covariance by the rule of Gauss.
    mean, covariance = moments(surrogate.process, np.concatenate([points, pending]))
    told_there = covariance[6:, 6:] + float(known.noise) * np.eye(2)
    left = covariance[:6, :6] - covariance[:6, 6:] @ np.linalg.solve(told_there, covariance[6:, :6])
    expected = log_expected_improvement(
        torch.as_tensor(mean[:6]),
        torch.as_tensor(np.diag(left).copy()),
        torch.tensor(max(float(known.incumbent), mean[6:].max())),
    )
    found = known.improvement(torch.as_tensor(points)[:, None], torch.as_tensor(pending))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_pending_row_of_a_better_mean_is_penalised_at_its_own_place() -> None:
    observations = told(n=8)
    surrogate = fitted(observations)
    known = beliefs(surrogate, observations)
    rows = SQUARE.random(2000, 4)
    best = rows.iloc[[int(surrogate.predict(rows)["mean"].argmax())]]
    pending = torch.as_tensor(SQUARE.to_unit(best))
    assert known.marginals(pending)[0].item() > known.incumbent  # of which M was the mean before
    itself = pending[:, None]
    penalty = local_penalisation(known, pending)(itself) - known.improvement(itself, pending)
    assert penalty.exp().item() <= 0.16  # Phi(-1): it was more than a half


def test_a_batch_is_four_rows_and_not_one() -> None:
    space = SearchSpace(tuple(Parameter(f"x{place}", 0.0, 1.0) for place in range(5)))

    def value(rows: pd.DataFrame) -> np.ndarray:
        x = rows.to_numpy(float)
        top = 1.5 * np.exp(-((x[:, 0] - 0.7) ** 2) / 0.15 - (x[:, 1] - 0.4) ** 2 / 0.2)
        return np.asarray(top - 0.5 * (x[:, 2] - 0.3) ** 2 - 0.3 * x[:, 3])

    rows = space.random(30, 0)
    noise = 0.06 * np.random.default_rng(100).standard_normal(30)
    observations = rows.assign(z=value(rows) + noise, z_error=0.05)
    surrogate = fitted(observations, space)
    found = propose([surrogate], observations, None, 4, method="local penalisation", random_state=0)
    assert pdist(space.to_unit(found)).min() > 0.08  # 0.01 to 0.06 by the penalty alone
    together = propose(
        [surrogate], observations, None, 4, method="expected improvement", random_state=0
    )
    best = surrogate.predict(rows)["mean"].max()
    gains = [
        np.maximum(surrogate.sample(each, 4000, random_state=1).max(axis=1) - best, 0).mean()
        for each in (found, together)
    ]
    assert gains[0] > 0.85 * gains[1]  # what is expected of the four together


def test_noisy_improvement_against_monte_carlo() -> None:
    observations = told(n=6)
    surrogate = fitted(observations)
    known = beliefs(surrogate, observations)
    points = SQUARE.random(4, 8)
    logs = noisy_improvement(known, torch.empty(0, 2).double())(
        torch.as_tensor(SQUARE.to_unit(points))[:, None]
    )
    rows = pd.concat([observations[["x", "y"]], points], ignore_index=True)
    draws = surrogate.sample(rows, 200_000, random_state=0) / surrogate.evidence.scale.spread
    gain = np.maximum(draws[:, 6:] - draws[:, :6].max(axis=1, keepdims=True), 0).mean(axis=0)
    seen = gain > 1e-3
    assert seen.any()
    assert np.exp(logs.detach().numpy())[seen] == pytest.approx(gain[seen], rel=0.1, abs=2e-3)


def test_constraints_integers_and_categories_are_kept() -> None:
    space = SearchSpace(
        (
            Parameter("x", 0.0, 1.0),
            Parameter("y", 0.0, 1.0),
            Parameter("n", 1, 6, kind="integer"),
            Parameter("salt", kind="categorical", levels=("a", "b", "c")),
        ),
        (Constraint({"x": 1.0, "n": 0.1}, 0.8), Constraint({"y": -1.0}, -0.5)),
    )

    def value(rows: pd.DataFrame) -> np.ndarray:
        bonus = rows["salt"].map({"a": 0.0, "b": 0.3, "c": 0.1}).to_numpy(float)
        return hill(rows) + bonus - 0.05 * np.abs(rows["n"].to_numpy(float) - 3)

    rows = space.random(30, 0)
    observations = rows.assign(z=value(rows), z_error=0.01)
    surrogate = fitted(observations, space)
    for method in ("local penalisation", "joint batch"):
        found = propose([surrogate], observations, None, 2, method=method, random_state=0)
        space.check(found)
        # The best: b, n = 3 or a smaller one that leaves x free, y at its constraint.
        assert value(found).max() > value(space.random(4000, 1)).max() - 0.03


def test_the_inner_search_finds_a_corner_of_the_constraints() -> None:
    space = SearchSpace(SQUARE.parameters, (Constraint({"x": 1.0, "y": 2.0}, 1.5),))

    def worth(points: torch.Tensor) -> torch.Tensor:
        return (points[..., 0] + 3 * points[..., 1]).sum(dim=-1)

    (best,) = best_points(worth, space, np.empty((0, 2)), random_state=0)
    assert best == pytest.approx([0.0, 0.75], abs=1e-4)


def test_rows_likely_to_fail_are_avoided() -> None:
    rows = SQUARE.random(50, 0)
    fails = rows["x"] > 0.6  # where the top is
    observations = rows.assign(
        z=np.where(fails, np.nan, hill(rows)), outcome=np.where(fails, "blow-up", "ok")
    )
    surrogate = fitted(observations)
    for method in MODELLED:
        found = propose([surrogate], observations, None, 2, method=method, random_state=0)
        assert (found["x"] < 0.68).all()
        assert (found["x"] > 0.35).any()


def test_several_objectives_get_the_volume_between_them() -> None:
    rows = SQUARE.random(20, 0)
    observations = rows.assign(a=-((rows["x"] - 0.2) ** 2), b=(rows["x"] - 0.8) ** 2, y=rows["y"])
    surrogates = [
        fitted(observations, name="a"),
        Surrogate(SQUARE, Objective("b", maximise=False), random_state=0).fit(observations),
    ]
    found = propose(surrogates, observations, NO_ROWS, 3, method="hypervolume", random_state=0)
    SQUARE.check(found)
    assert found["x"].between(0.1, 0.9).all()  # the front is x between 0.2 and 0.8
    lost = observations.assign(outcome=np.where(observations["x"] > 0.5, "blow-up", "ok"))
    lost.loc[lost["x"] > 0.5, ["a", "b"]] = np.nan
    surrogates = [
        fitted(lost, name="a"),
        Surrogate(SQUARE, Objective("b", maximise=False), random_state=0).fit(lost),
    ]
    found = propose(surrogates, lost, None, 2, method="hypervolume", random_state=0)
    assert (found["x"] < 0.65).all()


def test_a_proposal_that_cannot_be() -> None:
    observations = told()
    surrogate = fitted(observations)
    with pytest.raises(InputError, match="did you mean 'local penalisation'"):
        propose([surrogate], observations, None, 1, method="local penalization", random_state=0)
    with pytest.raises(InputError, match="one row at least"):
        propose([surrogate], observations, None, 0, method="random", random_state=0)
    with pytest.raises(InputError, match="not for 2 objective"):
        propose([surrogate] * 2, observations, None, 1, method="joint batch", random_state=0)
    with pytest.raises(InputError, match="not for 1 objective"):
        propose([surrogate], observations, None, 1, method="hypervolume", random_state=0)
    with pytest.raises(InputError, match="one surrogate an objective"):
        propose([], observations, None, 1, method="random", random_state=0)


def test_without_botorch_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["botorch"] = None  # as where it is not installed
from leyden.exploration import batches, search_space
assert "torch" not in sys.modules
from leyden.errors import MissingExtraError
try:
    import leyden.exploration.surrogate
except MissingExtraError as error:
    print(error)
"""
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert "pip install 'leyden[bo]'" in shown.stdout, shown.stderr
