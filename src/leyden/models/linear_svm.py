"""Linear support vector machines of a few dozen rows, hundreds of thousands of them in seconds.

Trying every subset of nine descriptors with every row left out is 20,000 machines, and choosing the
subset inside the loop is 400,000.  Each is solved exactly: the descriptors are standardised on its
own training rows, and the problem and its dual are solved together by an interior-point method
with the predictor-corrector step of S. Mehrotra, SIAM J. Optim. 2, 575 (1992).  With a handful of
descriptors its linear systems are tiny, and unlike the pairwise steps of the usual solvers it takes
ten iterations at any penalty and on any scale of the descriptors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from leyden.errors import InputError

__all__ = ["left_out_decisions", "left_out_pair_decisions"]

_TOLERANCE = 1e-7  # of the margins, and of the gap between the two problems relative to the dual's
_MOST_STEPS = 60


def left_out_decisions(
    X: np.ndarray,
    y: np.ndarray,
    subsets: Sequence[Sequence[int]],
    C: float = 1.0,
    groups: np.ndarray | None = None,
    balanced: bool = False,
    standardise: bool = True,
) -> np.ndarray:
    """Decision value of each row by the machine that has not seen its group, a subset at a time.

    Parameters
    ----------
    X : array, shape (n, p)
        Descriptors.
    y : array, shape (n,)
        Classes: above 0 is the one with positive decision values.
    subsets : sequence of sequences of int
        Columns of `X`.
    C : float
        Weight of a row on the wrong side of its margin.
    groups : array, shape (n,), optional
        What is left out together; by default each row alone.
    balanced : bool
        Whether `C` is divided among the classes so that each weighs the same.
    standardise : bool
        Whether descriptors are taken in units of their standard deviation over the training rows
        of each machine; without, the penalty is that of the raw slopes.

    Returns
    -------
    ndarray, shape (m, n)
        One row a subset. Where only one class is left to learn from, that class: 1 or -1.
    """
    groups = _groups(groups, len(y))
    decisions = _solve(X, y, subsets, C, groups, balanced, standardise, pairs=False)
    return decisions[:, groups, np.arange(len(y))]


def left_out_pair_decisions(
    X: np.ndarray,
    y: np.ndarray,
    subsets: Sequence[Sequence[int]],
    C: float = 1.0,
    groups: np.ndarray | None = None,
    balanced: bool = False,
    standardise: bool = True,
) -> np.ndarray:
    """Decision value of each row by the machine that has seen neither its group nor another.

    This is all that a nested leave-one-out needs, and the machine without groups g and h serves
    both of them.

    Parameters
    ----------
    X, y, subsets, C, groups, balanced, standardise
        As of `left_out_decisions`.

    Returns
    -------
    ndarray, shape (m, g, n)
        Element (s, g, i): subset s, without group g and without the group of row i; groups in
        sorted order.
    """
    groups = _groups(groups, len(y))
    return _solve(X, y, subsets, C, groups, balanced, standardise, pairs=True)


def _groups(groups: np.ndarray | None, rows: int) -> np.ndarray:
    return np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]


def _solve(
    X: np.ndarray,
    y: np.ndarray,
    subsets: Sequence[Sequence[int]],
    C: float,
    groups: np.ndarray,
    balanced: bool,
    standardise: bool,
    *,
    pairs: bool,
) -> np.ndarray:
    X = np.ascontiguousarray(X, float)
    if not np.isfinite(X).all():
        row = int((~np.isfinite(X)).any(axis=1).argmax()) + 1
        raise InputError("a descriptor is not known", row=row, remedy="leave the row out")
    if not C > 0:
        raise InputError("C must be positive", value=C)
    signs = np.where(np.asarray(y) > 0, 1.0, -1.0)
    made = np.empty((len(subsets), int(groups.max()) + 1, len(signs)))
    for decisions, subset in zip(made, subsets, strict=True):
        part = np.ascontiguousarray(X[:, list(subset)])
        _leave_out(part, signs, groups, float(C), balanced, standardise, pairs, decisions)
    return made


@njit(cache=True, nogil=True, error_model="numpy")
def _leave_out(
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    C: float,
    balanced: bool,
    standardise: bool,
    pairs: bool,
    decisions: np.ndarray,
) -> None:
    """Fill `decisions` (g, n) for one subset; without `pairs` only where row i is of group g."""
    rows, columns = X.shape
    signed = np.empty((rows, columns + 1))
    bound = np.empty(rows)
    for first in range(len(decisions)):
        for second in range(first, len(decisions) if pairs else first + 1):
            kept = (groups != first) & (groups != second)
            Z = _scaled(X, kept, standardise)
            good = np.sum(y[kept] > 0)
            known = np.sum(kept)
            at = 0
            for i in range(rows):
                if kept[i]:
                    signed[at, :columns] = y[i] * Z[i]
                    signed[at, columns] = y[i]
                    alike = good if y[i] > 0 else known - good
                    bound[at] = C * known / (2 * alike) if balanced else C
                    at += 1
            plane = np.zeros(columns + 1)
            if good in (0, known):
                plane[columns] = 1.0 if good else -1.0
            else:
                _machine(signed[:known], bound[:known], plane)
            for i in range(rows):
                if not kept[i]:
                    other = second if groups[i] == first else first
                    decisions[other, i] = plane[columns] + np.sum(plane[:columns] * Z[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _scaled(X: np.ndarray, kept: np.ndarray, standardise: bool) -> np.ndarray:
    """All rows, less the mean of those that are kept, and over their standard deviation."""
    Z = np.empty_like(X)
    for k in range(X.shape[1]):
        known = X[kept, k]
        scale = known.std() if standardise else 1.0
        Z[:, k] = (X[:, k] - known.mean()) / (scale if scale > 0 else 1.0)
    return Z


@njit(cache=True, nogil=True, error_model="numpy")
def _machine(V: np.ndarray, bound: np.ndarray, plane: np.ndarray) -> None:
    """Fill `plane` (k): slopes and offset, from rows (n, k) with a 1 at the end, times their sign.

    What is sought: slack_i = V_i plane - 1 + excess_i, sum_i a_i V_i = (slopes, 0), and both
    products a_i slack_i and room_i excess_i, with room_i = bound_i - a_i, equal to nothing.
    """
    n, k = V.shape
    a, room = 0.5 * bound, 0.5 * bound
    slack, excess = np.ones(n), np.ones(n)
    miss, weight, H = np.empty(n), np.empty(n), np.empty((k, k))
    for _ in range(_MOST_STEPS):
        for i in range(n):
            miss[i] = 1.0 + slack[i] - excess[i]
            for j in range(k):
                miss[i] -= V[i, j] * plane[j]
            weight[i] = 1.0 / (slack[i] / a[i] + excess[i] / room[i])
        gap = np.sum(a * slack) + np.sum(room * excess)
        if gap < _TOLERANCE * (1.0 + np.sum(a)) and np.max(np.abs(miss)) < _TOLERANCE:
            break
        for p in range(k):
            for q in range(p + 1):
                H[p, q] = 1.0 if p == q and p < k - 1 else 0.0
                for i in range(n):
                    H[p, q] += V[i, p] * V[i, q] * weight[i]
        _factor(H)
        _step(V, H, weight, miss, gap / (2 * n), a, room, slack, excess, plane)
    plane[k - 1] = _offset(V, bound, plane)


@njit(cache=True, nogil=True, error_model="numpy")
def _step(
    V: np.ndarray,
    H: np.ndarray,
    weight: np.ndarray,
    miss: np.ndarray,
    mean: float,
    a: np.ndarray,
    room: np.ndarray,
    slack: np.ndarray,
    excess: np.ndarray,
    plane: np.ndarray,
) -> None:
    """One predictor-corrector step of all unknowns; `mean` is that of the products."""
    n, k = V.shape
    da, d_slack, d_excess = np.zeros(n), np.zeros(n), np.zeros(n)
    wanted, along, length, aim = np.empty(n), np.empty(k), 1.0, 0.0
    for _ in range(2):  # first as if the products could vanish, then with what that leaves over
        for i in range(n):
            d_slack[i] = (aim - da[i] * d_slack[i]) / a[i] - slack[i]
            d_excess[i] = (aim + da[i] * d_excess[i]) / room[i] - excess[i]
            wanted[i] = miss[i] + d_slack[i] - d_excess[i]
        for j in range(k):
            along[j] = -plane[j] if j < k - 1 else 0.0
            for i in range(n):
                along[j] += V[i, j] * (a[i] + wanted[i] * weight[i])
        _substitute(H, along)
        length = 1.0
        for i in range(n):
            da[i] = wanted[i]
            for j in range(k):
                da[i] -= V[i, j] * along[j]
            da[i] *= weight[i]
            d_slack[i] -= slack[i] * da[i] / a[i]
            d_excess[i] += excess[i] * da[i] / room[i]
            length = _within(length, a[i], da[i])
            length = _within(length, room[i], -da[i])
            length = _within(length, slack[i], d_slack[i])
            length = _within(length, excess[i], d_excess[i])
        left = np.sum((a + length * da) * (slack + length * d_slack))
        left += np.sum((room - length * da) * (excess + length * d_excess))
        aim = mean * (left / (2 * n * mean)) ** 3
    length = min(1.0, 0.99 * length)
    a += length * da
    room -= length * da
    slack += length * d_slack
    excess += length * d_excess
    plane += length * along


@njit(cache=True, nogil=True, error_model="numpy")
def _offset(V: np.ndarray, bound: np.ndarray, plane: np.ndarray) -> float:
    """The best offset for these slopes; the middle, where a range of them is equally good.

    The loss falls by what the good rows weigh, and rises by the weight of each row whose margin
    an offset passes: it is least where the two are equal.
    """
    n, last = len(V), V.shape[1] - 1
    passed, total = np.empty(n), 0.0
    for i in range(n):
        passed[i] = V[i, last] * (1.0 - np.sum(V[i, :last] * plane[:last]))
        total -= bound[i] if V[i, last] > 0 else 0.0
    order = np.argsort(passed)
    at = 0
    while total + bound[order[at]] < -1e-9 * bound[order[at]]:
        total += bound[order[at]]
        at += 1
    here = passed[order[at]]
    level = total + bound[order[at]] < 1e-9 * bound[order[at]]
    return 0.5 * (here + passed[order[at + 1]]) if level else here


@njit(cache=True, nogil=True, error_model="numpy")
def _within(length: float, value: float, change: float) -> float:
    """The longest step, up to `length`, after which the value is not negative."""
    return min(length, -value / change) if change < 0 else length


@njit(cache=True, nogil=True, error_model="numpy")
def _factor(H: np.ndarray) -> None:
    """Cholesky factor of the lower triangle, in its place."""
    for j in range(len(H)):
        for i in range(j, len(H)):
            for m in range(j):
                H[i, j] -= H[i, m] * H[j, m]
            H[i, j] = np.sqrt(H[i, j]) if i == j else H[i, j] / H[j, j]


@njit(cache=True, nogil=True, error_model="numpy")
def _substitute(L: np.ndarray, x: np.ndarray) -> None:
    """Solve L L' x = x in place."""
    for i in range(len(x)):
        for m in range(i):
            x[i] -= L[i, m] * x[m]
        x[i] /= L[i, i]
    for i in range(len(x) - 1, -1, -1):
        for m in range(i + 1, len(x)):
            x[i] -= L[m, i] * x[m]
        x[i] /= L[i, i]
