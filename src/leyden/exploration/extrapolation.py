"""Whether a prediction lies among what was explored, or beyond it."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

__all__ = ["distance_from"]

_USUAL = 0.95


def distance_from(
    explored: np.ndarray, points: np.ndarray, length_scales: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far points are from all explored ones, and whether a prediction there extrapolates.

    Parameters
    ----------
    explored : ndarray, shape (r, d)
        In the unit cube; two different ones at least.
    points : ndarray, shape (n, d)
    length_scales : ndarray, shape (d,)
        Distances over which the objective changes.

    Returns
    -------
    distance : ndarray, shape (n,)
        To the nearest explored point, in length scales.
    extrapolates : ndarray of bool, shape (n,)
        Farther out than 95 % of the explored points are from their next.
    """
    known = np.unique(explored, axis=0) / length_scales
    own = cdist(known, known)
    np.fill_diagonal(own, np.inf)
    near = cdist(points / length_scales, known).min(axis=1)
    return near, near > np.quantile(own.min(axis=1), _USUAL)
