"""The Pareto front: rows that no other row betters in one objective without a loss in another."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["pareto_front"]


def pareto_front(costs: np.ndarray) -> np.ndarray:
    """Positions of the rows that no other row dominates, rising.

    A row dominates another if it is nowhere higher and somewhere lower.  Equal rows do not dominate
    each other, and a row with a NaN is not on the front.  The front of a whole is the front of the
    fronts of its parts, which is how a stream of any length is reduced.

    Parameters
    ----------
    costs : ndarray, shape (n, k)
        To be low; what is to be high changes its sign.

    Returns
    -------
    ndarray of int64

    Examples
    --------
    >>> pareto_front(np.array([[1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [3.0, 1.0]]))
    array([0, 1, 3])
    """
    costs = np.ascontiguousarray(costs, dtype=float)
    known = np.flatnonzero(~np.isnan(costs).any(axis=1))
    # Whoever dominates a row stands before it in this order: rows that are on the front stay there.
    order = known[np.lexsort(costs[known].T[::-1])]
    return np.sort(order[_not_dominated(costs[order])])


@njit(cache=True, nogil=True)
def _not_dominated(costs: np.ndarray) -> np.ndarray:  # pragma: no cover - compiled
    """Places on the front of rows in lexicographic order."""
    n, k = costs.shape
    front = np.empty(n, np.int64)
    size = 0
    for row in range(n):
        free = True
        for member in front[:size]:
            lower = False
            higher = False
            for objective in range(k):
                if costs[member, objective] > costs[row, objective]:
                    higher = True
                    break
                if costs[member, objective] < costs[row, objective]:
                    lower = True
            if lower and not higher:
                free = False
                break
        if free:
            front[size] = row
            size += 1
    return front[:size].copy()
