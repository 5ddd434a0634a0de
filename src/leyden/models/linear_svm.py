"""Linear support vector machines of a few dozen rows, hundreds of thousands of them in seconds.

Trying every subset of nine descriptors with every row left out is 20,000 machines, and choosing the
subset inside the loop is 400,000.  Each is solved exactly: the descriptors are standardised on its
own training rows, and the dual problem is solved by sequential minimal optimisation with the
working set of R.-E. Fan, P.-H. Chen, C.-J. Lin, J. Mach. Learn. Res. 6, 1889 (2005).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from leyden.errors import InputError

__all__ = ["left_out_decisions", "left_out_pair_decisions"]

_TOLERANCE = 1e-4  # of the optimality conditions, in units of the margin; libsvm stops at 1e-3
_MOST_STEPS = 100_000


def left_out_decisions(
    X: np.ndarray,
    y: np.ndarray,
    subsets: Sequence[Sequence[int]],
    C: float = 1.0,
    groups: np.ndarray | None = None,
    balanced: bool = False,
) -> np.ndarray:
    """Decision value of each row by the machine that has not seen its group, a subset at a time.

    Parameters
    ----------
    X : array, shape (n, p)
        Descriptors; standardised on the training rows of each machine.
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

    Returns
    -------
    ndarray, shape (m, n)
        One row a subset. Where only one class is left to learn from, that class: 1 or -1.
    """
    groups = _groups(groups, len(y))
    decisions = _solve(X, y, subsets, C, groups, balanced, pairs=False)
    return decisions[:, groups, np.arange(len(y))]


def left_out_pair_decisions(
    X: np.ndarray,
    y: np.ndarray,
    subsets: Sequence[Sequence[int]],
    C: float = 1.0,
    groups: np.ndarray | None = None,
    balanced: bool = False,
) -> np.ndarray:
    """Decision value of each row by the machine that has seen neither its group nor another.

    This is all that a nested leave-one-out needs, and the machine without groups g and h serves
    both of them.

    Parameters
    ----------
    X, y, subsets, C, groups, balanced
        As of `left_out_decisions`.

    Returns
    -------
    ndarray, shape (m, g, n)
        Element (s, g, i): subset s, without group g and without the group of row i; groups in
        sorted order.
    """
    return _solve(X, y, subsets, C, _groups(groups, len(y)), balanced, pairs=True)


def _groups(groups: np.ndarray | None, rows: int) -> np.ndarray:
    return np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]


def _solve(
    X: np.ndarray,
    y: np.ndarray,
    subsets: Sequence[Sequence[int]],
    C: float,
    groups: np.ndarray,
    balanced: bool,
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
        _leave_out(part, signs, groups, float(C), balanced, pairs, decisions)
    return made


@njit(cache=True, nogil=True)
def _leave_out(
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    C: float,
    balanced: bool,
    pairs: bool,
    decisions: np.ndarray,
) -> None:
    """Fill `decisions` (g, n) for one subset; without `pairs` only where row i is of group g."""
    alpha = np.zeros(len(y))  # of the machine before: most of the next one's is the same
    for first in range(len(decisions)):
        for second in range(first, len(decisions) if pairs else first + 1):
            kept = (groups != first) & (groups != second)
            Z = _standardised(X, kept)
            weights, offset, alpha[kept] = _machine(Z[kept], y[kept], C, balanced, alpha[kept])
            for row in np.flatnonzero(~kept):
                other = second if groups[row] == first else first
                decisions[other, row] = offset + np.dot(weights, Z[row])


@njit(cache=True, nogil=True)
def _standardised(X: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """All rows, in units of the mean and standard deviation of those that are kept."""
    Z = np.empty_like(X)
    for k in range(X.shape[1]):
        known = X[kept, k]
        scale = known.std()
        Z[:, k] = (X[:, k] - known.mean()) / (scale if scale > 0 else 1.0)
    return Z


@njit(cache=True, nogil=True)
def _machine(
    Z: np.ndarray, y: np.ndarray, C: float, balanced: bool, alpha: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Weights, offset and multipliers of one machine; `alpha` is where the search begins."""
    if np.all(y == y[0]):
        return np.zeros(Z.shape[1]), y[0], np.zeros(len(y))
    bound = np.full(len(y), C)
    if balanced:
        for i in range(len(y)):
            bound[i] *= len(y) / (2 * np.sum(y == y[i]))
    _make_feasible(alpha, y, bound)
    kernel = np.dot(Z, Z.T)
    miss = y - np.dot(kernel, alpha * y)  # y_i less the decision value without offset
    for _ in range(_MOST_STEPS):
        up, down, gap = _working_pair(kernel, y, alpha, miss, bound)
        if gap < _TOLERANCE:
            break
        curvature = max(kernel[up, up] + kernel[down, down] - 2 * kernel[up, down], 1e-12)
        step = (miss[up] - miss[down]) / curvature
        step = min(step, bound[up] - alpha[up] if y[up] > 0 else alpha[up])
        step = min(step, alpha[down] if y[down] > 0 else bound[down] - alpha[down])
        alpha[up] = _in_box(alpha[up] + y[up] * step, bound[up])
        alpha[down] = _in_box(alpha[down] - y[down] * step, bound[down])
        miss -= step * (kernel[up] - kernel[down])
    return np.dot(alpha * y, Z), _offset(y, alpha, miss, bound), alpha


@njit(cache=True, nogil=True)
def _make_feasible(alpha: np.ndarray, y: np.ndarray, bound: np.ndarray) -> None:
    """Within the box, and of equal sums over the two classes."""
    alpha[:] = np.minimum(alpha, bound)
    excess = np.dot(alpha, y)
    for i in range(len(y)):
        if excess * y[i] > 0:
            taken = min(alpha[i], abs(excess))
            alpha[i] -= taken
            excess -= taken * y[i]


@njit(cache=True, nogil=True)
def _in_box(alpha: float, bound: float) -> float:
    """On the bound when it is there but for rounding: steps of rounding size would never end."""
    if alpha < 1e-12 * bound:
        return 0.0
    return bound if alpha > (1 - 1e-12) * bound else alpha


@njit(cache=True, nogil=True)
def _working_pair(
    kernel: np.ndarray, y: np.ndarray, alpha: np.ndarray, miss: np.ndarray, bound: np.ndarray
) -> tuple[int, int, float]:
    """The two rows whose step gains most, and how far the optimality conditions are violated."""
    up, highest, lowest = -1, -np.inf, np.inf
    for i in range(len(y)):
        if (alpha[i] < bound[i] if y[i] > 0 else alpha[i] > 0) and miss[i] > highest:
            up, highest = i, miss[i]
    down, most = -1, -np.inf
    for i in range(len(y)):
        if alpha[i] > 0 if y[i] > 0 else alpha[i] < bound[i]:
            lowest = min(lowest, miss[i])
            apart = highest - miss[i]
            if apart > 0:
                curvature = max(kernel[up, up] + kernel[i, i] - 2 * kernel[up, i], 1e-12)
                if apart * apart / curvature > most:
                    down, most = i, apart * apart / curvature
    return up, down, highest - lowest


@njit(cache=True, nogil=True)
def _offset(y: np.ndarray, alpha: np.ndarray, miss: np.ndarray, bound: np.ndarray) -> float:
    """Mean over the rows on the margin; the middle of what is allowed, if there are none."""
    total, free = 0.0, 0
    low, high = -np.inf, np.inf
    for i in range(len(y)):
        if 0 < alpha[i] < bound[i]:
            total, free = total + miss[i], free + 1
        elif (alpha[i] == 0) == (y[i] > 0):
            low = max(low, miss[i])
        else:
            high = min(high, miss[i])
    return total / free if free > 0 else (low + high) / 2
