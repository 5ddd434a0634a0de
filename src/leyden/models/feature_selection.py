"""Choosing a few of many descriptors by the leave-one-out errors of a linear model, in closed form.

A ridge fit with a free intercept predicts H y; what it leaves over is R y with R = I - H, and the
prediction of a row that was left out is y_i - (R y)_i / R_ii (D. M. Allen, Technometrics 16, 125
(1974)).  One more descriptor x changes R by a matrix of rank one, R - R x x' R / (ridge + x' R x),
so that all candidates for the next step of a search are scored by one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from leyden.errors import InputError

__all__ = [
    "Loss",
    "Selection",
    "beam_search",
    "exhaustive",
    "leave_one_out_predictions",
    "misclassified",
    "selection_stability",
    "squared_error",
    "stability_index",
]

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Targets (n,) and left-out predictions (..., n) to losses (...); lower is better."""

_NOTHING_NEW = 1e-9  # part of a descriptor that those chosen before it do not explain


class Selection(NamedTuple):
    """Some columns, and the leave-one-out loss of the ridge fit on them."""

    columns: tuple[int, ...]
    loss: float


def squared_error(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Mean squared error."""
    return np.mean((predicted - y) ** 2, axis=-1)


def misclassified(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Part of the rows on the wrong side of 0; classes are written -1 and 1."""
    wrong = (predicted > 0) != (y > 0)
    return np.where(np.isnan(predicted), np.nan, wrong).mean(axis=-1)


def leave_one_out_predictions(X: np.ndarray, y: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Prediction of each row by the ridge fit on all the others, without fitting again.

    Parameters
    ----------
    X : array, shape (n, d)
        Descriptors as they are: standardise them before, if the penalty should treat them alike.
    y : array, shape (n,)
    ridge : float
        Penalty of the squared coefficients; the intercept is free. 0 is least squares.

    Returns
    -------
    ndarray, shape (n,)
        NaN where a row alone decides a coefficient, so that nothing can be said without it.
    """
    X, y = _checked(X, y, ridge)
    residual = _start(len(y))
    for column in range(X.shape[1]):
        residual = _Step(residual, X[:, [column]], y, ridge).taken(0)
    return y - _left_out_errors(residual @ y, np.diag(residual))


def exhaustive(
    X: np.ndarray,
    y: np.ndarray,
    sizes: Iterable[int],
    *,
    ridge: float = 0.0,
    loss: Loss = squared_error,
) -> list[Selection]:
    """Every subset of these sizes, the best first; of equal ones the smaller, then the earlier.

    Parameters
    ----------
    X, y, ridge
        As of `leave_one_out_predictions`.
    sizes : iterable of int
        Numbers of columns, from 1.
    loss : callable
        `squared_error`, `misclassified`, or one of your own.
    """
    X, y = _checked(X, y, ridge)
    wanted = set(sizes)
    if not wanted or min(wanted) < 1 or max(wanted) > X.shape[1]:
        raise InputError(f"sizes lie in 1..{X.shape[1]}", value=sorted(wanted))

    def descend(residual: np.ndarray, chosen: tuple[int, ...]) -> Iterator[Selection]:
        first = chosen[-1] + 1 if chosen else 0
        step = _Step(residual, X[:, first:], y, ridge)
        size = len(chosen) + 1
        if size in wanted:
            for column, value in enumerate(loss(y, step.predictions()), start=first):
                yield Selection((*chosen, column), _worst_if_unknown(value))
        if size < max(wanted):
            for column in range(first, X.shape[1]):
                yield from descend(step.taken(column - first), (*chosen, column))

    return sorted(descend(_start(len(y)), ()), key=_rank)


def beam_search(
    X: np.ndarray,
    y: np.ndarray,
    size: int,
    *,
    width: int = 1,
    ridge: float = 0.0,
    loss: Loss = squared_error,
) -> list[Selection]:
    """The best subset found of each size from 1 to `size`.

    Parameters
    ----------
    X, y, ridge, loss
        As of `exhaustive`.
    size : int
        Columns of the largest subset.
    width : int
        Subsets of each size that are grown further: 1 is forward selection; wide enough, the search
        is exhaustive.
    """
    X, y = _checked(X, y, ridge)
    if not 1 <= size <= X.shape[1] or width < 1:
        raise InputError(f"the size lies in 1..{X.shape[1]}, the width from 1", value=(size, width))
    beam: dict[tuple[int, ...], np.ndarray] = {(): _start(len(y))}
    best = []
    for _ in range(size):
        found: dict[tuple[int, ...], tuple[float, _Step, int]] = {}
        for chosen, residual in beam.items():
            step = _Step(residual, X, y, ridge)
            for column, value in enumerate(loss(y, step.predictions())):
                if column not in chosen:
                    grown = tuple(sorted((*chosen, column)))
                    found.setdefault(grown, (_worst_if_unknown(value), step, column))
        ranked = sorted((Selection(columns, found[columns][0]) for columns in found), key=_rank)
        best.append(ranked[0])
        beam = {}
        for columns, _ in ranked[:width]:
            _, step, column = found[columns]
            beam[columns] = step.taken(column)
    return best


def selection_stability(
    select: Callable[[np.ndarray, np.ndarray], Sequence[int]],
    X: np.ndarray,
    y: np.ndarray,
    *,
    repeats: int = 100,
    fraction: float = 0.8,
    random_state: int = 0,
) -> np.ndarray:
    """What a way of selecting chooses on random parts of the rows.

    Rows are drawn without repetition, for a row drawn twice would be left out and left in at once;
    where `y` has two values, the same part of each.

    Parameters
    ----------
    select : callable
        Descriptors and targets of some rows to the columns that it chooses.
    X, y : array, shape (n, p) and (n,)
    repeats : int
        How many parts.
    fraction : float
        Size of each.
    random_state : int
        Seed of the draws.

    Returns
    -------
    ndarray of bool, shape (repeats, p)
        The mean over the first axis tells how often each column was chosen.
    """
    X, y = np.asarray(X, float), np.asarray(y, float)
    generator = np.random.default_rng(random_state)
    values = np.unique(y)
    strata = [np.flatnonzero(y == v) for v in values] if len(values) == 2 else [np.arange(len(y))]
    chosen = np.zeros((repeats, X.shape[1]), bool)
    for row in chosen:
        parts = [
            generator.permutation(stratum)[: max(1, round(fraction * len(stratum)))]
            for stratum in strata
        ]
        drawn = np.sort(np.concatenate(parts))
        row[list(select(X[drawn], y[drawn]))] = True
    return chosen


def stability_index(chosen: np.ndarray) -> float:
    """How alike the selections are: 1 if they are equal, 0 (on average) if they are random.

    S. Nogueira, K. Sechidis, G. Brown, J. Mach. Learn. Res. 18, 174 (2018), equation 4.

    Parameters
    ----------
    chosen : array of bool, shape (repeats, p)
        As of `selection_stability`, at least two repeats; NaN if all or no columns are chosen
        always, when there is nothing to choose.
    """
    chosen = np.asarray(chosen, float)
    size = chosen.sum(axis=1).mean()
    by_chance = size / chosen.shape[1] * (1 - size / chosen.shape[1])
    if by_chance == 0:
        return float("nan")
    return float(1 - chosen.var(axis=0, ddof=1).mean() / by_chance)


class _Step:
    """All candidates for the next column of one subset."""

    def __init__(self, residual: np.ndarray, X: np.ndarray, y: np.ndarray, ridge: float) -> None:
        self.residual, self.y = residual, y
        self.moved = residual @ X
        self.room = ridge + np.einsum("ij,ij->j", X, self.moved)
        self.new = self.room > _NOTHING_NEW * len(X) * X.var(axis=0)

    def predictions(self) -> np.ndarray:
        """Left-out predictions with each candidate, shape (p, n); NaN for one that adds nothing."""
        room = np.where(self.new, self.room, np.nan)
        over = (self.residual @ self.y)[:, None] - self.moved * (self.y @ self.moved / room)
        diagonal = np.diag(self.residual)[:, None] - self.moved**2 / room
        return self.y - _left_out_errors(over, diagonal).T

    def taken(self, column: int) -> np.ndarray:
        """The residual matrix with this candidate."""
        if not self.new[column]:
            return self.residual
        moved = self.moved[:, column]
        return self.residual - np.outer(moved, moved) / self.room[column]


def _start(rows: int) -> np.ndarray:
    """Residual matrix of the intercept alone."""
    return np.eye(rows) - 1.0 / rows


def _left_out_errors(over: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    return over / np.where(diagonal > 1e-10, diagonal, np.nan)


def _worst_if_unknown(loss: float) -> float:
    return float(loss) if np.isfinite(loss) else float("inf")


def _rank(selection: Selection) -> tuple[float, int, tuple[int, ...]]:
    # twelve digits: what rounding tells apart is equal
    return float(f"{selection.loss:.12g}"), len(selection.columns), selection.columns


def _checked(X: np.ndarray, y: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    X, y = np.asarray(X, float), np.asarray(y, float)
    if X.ndim != 2 or y.shape != X.shape[:1] or len(y) < 2:
        raise InputError("descriptors (n, d) and targets (n,) are needed", value=(X.shape, y.shape))
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise InputError("descriptors and targets must be known", remedy="leave the rows out")
    if ridge < 0:
        raise InputError("the ridge must not be negative", value=ridge)
    return X, y
