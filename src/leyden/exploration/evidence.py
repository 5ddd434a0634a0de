"""What observations say of one objective, as numbers that a Gaussian process learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["FAULTS", "Evidence", "Scale", "at_fault", "evidence_of", "failed"]

FAULTS = ("crashed", "timed out", "no result")
"""Outcomes that speak of what evaluates (the machine, a program, its time) and not of the row: they
tell nothing of where rows give a value. What a row itself is to blame for has another name, such as
``blow-up``."""

_SIDES = {"": 0, "above": 1, "below": -1}


@dataclass(frozen=True)
class Scale:
    """Scores, of which more is better, and the learned values ``centre + spread * score``.

    Attributes
    ----------
    centre : float
    spread : float
        Negative where less of the objective is better.
    """

    centre: float
    spread: float

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Learned values (the objective, or its logarithm) as scores."""
        return (values - self.centre) / self.spread

    def values(self, scores: np.ndarray) -> np.ndarray:
        """Scores as learned values."""
        return self.centre + self.spread * scores


@dataclass(frozen=True, eq=False)
class Evidence:
    """Rows with a value or a bound.

    Attributes
    ----------
    points : ndarray, shape (n, d)
        In the unit cube.
    scores : ndarray, shape (n,)
        Standardised; the bound where there is only one.
    variances : ndarray, shape (n,)
        Known variance of each score; 0 where nothing is known.
    sides : ndarray of int, shape (n,)
        0 for a value, 1 (-1) where the true score lies above (below) the one told.
    tasks : ndarray of int, shape (n,)
        Places in `task_names`.
    task_names : tuple of str
        The first is what is asked about: "", the campaign's own. While that has no row it is the
        one with the most rows, so that an earlier campaign speaks for the new one.
    scale : Scale
    """

    points: np.ndarray
    scores: np.ndarray
    variances: np.ndarray
    sides: np.ndarray
    tasks: np.ndarray
    task_names: tuple[str, ...]
    scale: Scale

    def typical_variance(self, task: int = 0) -> float:
        """Median of the known variances of values of a task."""
        own = self.variances[(self.tasks == task) & (self.sides == 0)]
        return float(np.median(own)) if len(own) else 0.0


def failed(observations: pd.DataFrame) -> np.ndarray:
    """Which rows have an outcome that is not "ok", shape (n,)."""
    if "outcome" not in observations:
        return np.zeros(len(observations), bool)
    return ~observations["outcome"].fillna("ok").isin(["ok", ""]).to_numpy(dtype=bool)


def at_fault(observations: pd.DataFrame) -> np.ndarray:
    """Which rows have an outcome of `FAULTS`, shape (n,)."""
    if "outcome" not in observations:
        return np.zeros(len(observations), bool)
    return observations["outcome"].isin(FAULTS).to_numpy(dtype=bool)


def evidence_of(observations: pd.DataFrame, space: SearchSpace, objective: Objective) -> Evidence:
    """Rows of a table that have a value of an objective.

    Columns are those of `leyden.exploration.surrogate.Surrogate.fit`. Known errors that are missing
    in some rows are taken as the median of those told.

    Raises
    ------
    InputError
        A value that is not finite although the outcome is "ok", not positive although its
        logarithm is learned, a negative error, an unknown bound; no value at all.
    """
    values, errors = _column(observations, objective.name), _errors(observations, objective)
    sides = _sides(observations, objective)
    kept = ~(failed(observations) & np.isnan(values))
    _check(values, errors, kept, objective)
    if objective.log10:
        with np.errstate(invalid="ignore", divide="ignore"):
            values, errors = np.log10(values), errors / (values * np.log(10))
    names = _tasks(observations)
    rows, values, errors, sides, names = (
        x[kept] for x in (observations, values, errors, sides, names)
    )
    if not (sides == 0).any():
        raise InputError(
            f"a surrogate of {objective.name} needs a value, not bounds or failures alone",
            value=len(observations),
            remedy="tell more results",
        )
    own = "" if (names == "").any() else pd.Series(names).mode()[0]
    others = sorted({str(name) for name in names} - {own})
    tasks = np.array([[own, *others].index(name) for name in names])
    scale = _standard(values, sides, tasks, objective.maximise)
    variances = np.square(errors / scale.spread)
    measured = (sides == 0) & ~np.isnan(variances)
    usual = np.median(variances[measured]) if measured.any() else 0.0
    variances = np.where(np.isnan(variances), np.where(sides == 0, usual, 0.0), variances)
    return Evidence(
        points=space.to_unit(rows),
        scores=scale.scores(values),
        variances=variances,
        sides=sides * int(np.sign(scale.spread)),
        tasks=tasks,
        task_names=(own, *others),
        scale=scale,
    )


def _column(observations: pd.DataFrame, name: str) -> np.ndarray:
    if name not in observations:
        remedy = f"the columns are {', '.join(map(str, observations.columns))}"
        raise InputError("observations have a column for the objective", value=name, remedy=remedy)
    return np.asarray(pd.to_numeric(observations[name], errors="coerce"), float)


def _errors(observations: pd.DataFrame, objective: Objective) -> np.ndarray:
    name = f"{objective.name}_error"
    if name not in observations:
        return np.full(len(observations), np.nan)
    return _column(observations, name)


def _sides(observations: pd.DataFrame, objective: Objective) -> np.ndarray:
    name = f"{objective.name}_bound"
    if name not in observations:
        return np.zeros(len(observations), int)
    told = observations[name].fillna("").to_numpy()
    unknown = [row for row, word in enumerate(told, start=1) if word not in _SIDES]
    if unknown:
        raise InputError(
            f"{name} is empty, 'above' or 'below'", value=told[unknown[0] - 1], row=unknown[0]
        )
    return np.array([_SIDES[word] for word in told])


def _tasks(observations: pd.DataFrame) -> np.ndarray:
    if "task" not in observations:
        return np.full(len(observations), "", dtype=object)
    return observations["task"].fillna("").to_numpy(dtype=object)


def _check(values: np.ndarray, errors: np.ndarray, kept: np.ndarray, objective: Objective) -> None:
    with np.errstate(invalid="ignore"):
        faults = [
            (~np.isfinite(values), f"{objective.name} is finite", values),
            (errors < 0, f"{objective.name}_error is not negative", errors),
            (np.isinf(errors), f"{objective.name}_error is finite", errors),
        ]
        if objective.log10:
            faults.append(
                (values <= 0, f"{objective.name} is positive to be learned as log10", values)
            )
    for broken, rule, shown in faults:
        rows = np.flatnonzero(broken & kept)
        if len(rows):
            remedy = "correct it, or say in the column outcome why there is no value"
            raise InputError(rule, value=float(shown[rows[0]]), row=int(rows[0]) + 1, remedy=remedy)


def _standard(values: np.ndarray, sides: np.ndarray, tasks: np.ndarray, maximise: bool) -> Scale:
    """Centre of the first task, and the spread about the centre of each row's own task."""
    measured = sides == 0
    centres = [values[measured & (tasks == task)] for task in range(tasks.max() + 1)]
    first = centres[0] if len(centres[0]) else values[measured]
    deviations = np.concatenate([group - group.mean() for group in centres if len(group)])
    spread = float(np.sqrt(np.mean(np.square(deviations))))
    if not spread > 1e-9 * max(1.0, float(np.abs(values[measured]).max())):
        spread = 1.0  # one value, or all alike
    return Scale(float(first.mean()), spread if maximise else -spread)
