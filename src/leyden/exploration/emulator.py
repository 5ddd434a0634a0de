"""Emulators fitted to real rows: worlds in which a campaign can be replayed.

One world is one draw from what the rows leave open, not their mean, which is smoother than the
truth and easier to climb. So that a surrogate does not meet a world of its own making, the process
is of another family than `leyden.exploration.gaussian_process`: its kernel is the rational
quadratic of exponent 1, ``1 / (1 + r^2 / 2)``, with structure at all lengths.

Rows of a world fail, and end as bounds, where real rows did; those cost an evaluation too. Values
have the errors that real rows had, and scatter by these and by the jitter beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.stats import norm

from leyden.errors import InputError
from leyden.exploration.censored_scores import expectation_propagation
from leyden.exploration.evidence import Evidence, Scale, evidence_of, failed
from leyden.exploration.search_space import Objective, SearchSpace
from leyden.exploration.success import Success

__all__ = ["DrawnEmulator", "drawn_emulators"]

_FEATURES = 2048
_ROUNDS = 2
_LEAST_VARIANCE = 1e-6
_SIDES = {1: "above", -1: "below"}


@dataclass(frozen=True, eq=False)
class _Process:
    """A Gaussian process of scores with centre 0: n rows, some of them pseudo-observations."""

    points: np.ndarray
    scores: np.ndarray
    variances: np.ndarray
    length_scales: np.ndarray
    output: float
    jitter: float

    def covariance(self, points: np.ndarray) -> np.ndarray:
        """With the rows, shape (m, n)."""
        apart = cdist(points / self.length_scales, self.points / self.length_scales, "sqeuclidean")
        return self.output / (1 + apart / 2)


@dataclass(frozen=True, eq=False)
class _Draw:
    """A function drawn from a process: features of its prior, corrected by the rows."""

    process: _Process
    frequencies: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray
    weights: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        prior = np.cos(points @ self.frequencies + self.phases) @ self.amplitudes
        return np.asarray(prior + self.process.covariance(points) @ self.weights)


@dataclass(frozen=True, eq=False)
class DrawnEmulator:
    """One world: an `Emulator` for `leyden.exploration.replay.replay`, and its `truth`.

    Attributes
    ----------
    space : SearchSpace
    objective : Objective
    scale : Scale
    draw : callable
        Scores at points of the unit cube.
    failing, bounding : Success
        Where rows give something at all; where what they give is a value and no bound.
    reasons : tuple of str
        Outcomes of the real rows that failed.
    side : int
        1 (-1) where true scores lie above (below) bounds.
    excesses : ndarray
        By how much, of the real rows.
    errors : ndarray
        Known standard errors of the scores of real rows.
    jitter : float
        Variance of scores beyond them.
    """

    space: SearchSpace
    objective: Objective
    scale: Scale
    draw: _Draw
    failing: Success
    bounding: Success
    reasons: tuple[str, ...]
    side: int
    excesses: np.ndarray
    errors: np.ndarray
    jitter: float

    def truth(self, rows: pd.DataFrame) -> np.ndarray:
        """The objective without noise, shape (n,)."""
        return self._objective(self.draw(self.space.to_unit(rows)))

    def __call__(
        self, rows: pd.DataFrame, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Values, errors, bounds and outcomes of rows, (n,) each."""
        count = len(rows)
        scores = self.draw(self.space.to_unit(rows))
        errors = generator.choice(self.errors, count)
        noise = np.sqrt(errors**2 + self.jitter) * generator.standard_normal(count)
        fails = generator.random(count) > self.failing.predict(rows)
        bounded = generator.random(count) > self.bounding.predict(rows)
        told = scores + np.where(
            bounded, -self.side * generator.choice(self.excesses, count), noise
        )
        values = self._objective(told)
        errors = errors * abs(self.scale.spread)
        if self.objective.log10:
            errors = errors * values * np.log(10)
        side = _SIDES[self.side * int(np.sign(self.scale.spread))]
        return (
            np.where(fails, np.nan, values),
            np.where(fails | bounded, np.nan, errors),
            np.where(bounded & ~fails, side, ""),
            np.where(fails, generator.choice(self.reasons, count), "ok"),
        )

    def _objective(self, scores: np.ndarray) -> np.ndarray:
        values = self.scale.values(scores)
        return 10.0**values if self.objective.log10 else values


def drawn_emulators(
    space: SearchSpace,
    objective: Objective,
    observations: pd.DataFrame,
    n: int,
    *,
    random_state: int,
) -> list[DrawnEmulator]:
    """Worlds (n) that all agree with the campaign's own rows, and differ in what these leave open.

    Draws follow J. Wilson et al., ICML 2020 (arXiv:2002.09309): random features of the prior, of
    which the rows correct what they contradict.

    Parameters
    ----------
    space : SearchSpace
        Without categories.
    objective : Objective
    observations : DataFrame
        Columns as of `leyden.exploration.surrogate.Surrogate.fit`; rows of other tasks are left
        out.
    n : int
    random_state : int

    Raises
    ------
    InputError
        A categorical parameter, n below 1, or what `evidence_of` says.
    """
    named = [parameter.name for parameter in space if parameter.kind == "categorical"]
    if named:
        raise InputError("an emulator is fitted to numbers, not to categories", value=named)
    if n < 1:
        raise InputError("one emulator at least is drawn", value=n)
    if "task" in observations:
        observations = observations[observations["task"].fillna("") == ""]
    evidence = evidence_of(observations, space, objective)
    process, bounded = _fitted(evidence), evidence.sides != 0
    lost = failed(observations) & observations[objective.name].isna().to_numpy()
    excesses = evidence.sides * (process.scores - evidence.scores)
    shared = {
        "space": space,
        "objective": objective,
        "scale": evidence.scale,
        "failing": _classifier(space, observations, lost, random_state),
        "bounding": _classifier(space, observations[~lost], bounded, random_state),
        "reasons": tuple(observations["outcome"][lost]) if lost.any() else ("",),
        "side": int(np.sign(evidence.sides.sum())) or 1,
        "excesses": np.maximum(excesses[bounded], 0.0) if bounded.any() else np.zeros(1),
        "errors": np.sqrt(evidence.variances[~bounded]),
        "jitter": process.jitter,
    }
    seeds = np.random.SeedSequence(random_state).spawn(n)
    return [
        DrawnEmulator(draw=_drawn(process, np.random.default_rng(seed)), **shared) for seed in seeds
    ]


def _classifier(
    space: SearchSpace, rows: pd.DataFrame, otherwise: np.ndarray, random_state: int
) -> Success:
    outcomes = np.where(otherwise, "otherwise", "ok")
    return Success(space, random_state=random_state).fit(rows.assign(outcome=outcomes))


def _fitted(evidence: Evidence) -> _Process:
    """Hyperparameters at the maximum of their posterior, bounds by expectation propagation."""
    values = evidence.sides == 0
    scores = evidence.scores.copy()
    variances = np.maximum(evidence.variances, _LEAST_VARIANCE)
    learned, start = values, np.zeros(evidence.points.shape[1] + 2)
    start[-1] = -4.0
    for _ in range(_ROUNDS if not values.all() else 1):
        told = evidence.points[learned], scores[learned], variances[learned]
        start = minimize(_loss, start, args=told, method="L-BFGS-B").x
        if not values.all():
            scores[~values], variances[~values] = _pseudo(start, evidence, values)
            learned = np.ones(len(scores), bool)
    return _process(start, evidence.points, scores, variances)


def _process(
    logs: np.ndarray, points: np.ndarray, scores: np.ndarray, variances: np.ndarray
) -> _Process:
    numbers = np.exp(np.clip(logs, -8.0, 8.0))
    return _Process(points, scores, variances, numbers[:-2], numbers[-2], numbers[-1])


def _loss(logs: np.ndarray, points: np.ndarray, scores: np.ndarray, variances: np.ndarray) -> float:
    """Less the log posterior of the logarithms of length scales, output and jitter.

    Priors are those of `leyden.exploration.gaussian_process`.
    """
    process = _process(logs, points, scores, variances)
    factor = np.linalg.cholesky(_noisy(process))
    solved = solve_triangular(factor, scores, lower=True)
    centre = np.sqrt(2) + np.log(points.shape[1]) / 2
    prior = norm.logpdf(logs[:-2], centre, np.sqrt(3)).sum()
    prior += norm.logpdf(logs[-2], 0.0, 1.0) + norm.logpdf(logs[-1], -4.0, 1.0)
    return float(0.5 * solved @ solved + np.log(np.diag(factor)).sum() - prior)


def _noisy(process: _Process) -> np.ndarray:
    """Covariance of what was told."""
    told = process.covariance(process.points)
    return np.asarray(told + np.diag(process.variances + process.jitter))


def _pseudo(
    logs: np.ndarray, evidence: Evidence, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What stands for the bounds, given the values."""
    variances = np.maximum(evidence.variances, _LEAST_VARIANCE)
    process, bounds = _process(logs, evidence.points, evidence.scores, variances), ~values
    # What is bounded is a score of a simulation, which has jitter as those with a value have.
    told = _noisy(process)
    covariance = told - np.diag(variances)
    gain = np.linalg.solve(told[np.ix_(values, values)], covariance[np.ix_(values, bounds)]).T
    return expectation_propagation(
        gain @ evidence.scores[values],
        covariance[np.ix_(bounds, bounds)] - gain @ covariance[np.ix_(values, bounds)],
        evidence.scores[bounds],
        evidence.sides[bounds],
        evidence.variances[bounds],
    )


def _drawn(process: _Process, generator: np.random.Generator) -> _Draw:
    """The kernel is a mean of squared exponentials whose precision has unit exponential law."""
    count, dimensions = process.points.shape
    stretch = np.sqrt(generator.exponential(size=_FEATURES))
    frequencies = generator.standard_normal((dimensions, _FEATURES)) * stretch
    draw = _Draw(
        process,
        frequencies / process.length_scales[:, None],
        generator.uniform(0, 2 * np.pi, _FEATURES),
        np.sqrt(2 * process.output / _FEATURES) * generator.standard_normal(_FEATURES),
        np.zeros(count),
    )
    noise = np.sqrt(process.variances + process.jitter) * generator.standard_normal(count)
    missing = process.scores - draw(process.points) - noise
    return replace(draw, weights=cho_solve(cho_factor(_noisy(process)), missing))
