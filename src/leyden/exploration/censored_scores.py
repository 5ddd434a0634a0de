"""Bounds as Gaussian pseudo-observations, by expectation propagation.

T. P. Minka, Ph.D. thesis, MIT (2001); C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for
Machine Learning (2006), sections 3.6 and 3.9, whose probit likelihood is that of a bound with an
error: the probability that a bound b, measured with standard error s, lies below g is
Phi((g - b) / s); without an error it is a step.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

__all__ = ["expectation_propagation"]

_SWEEPS = 100
_TOLERANCE = 1e-5
_LEAST_PRECISION = 1e-4


def expectation_propagation(
    mean: np.ndarray,
    covariance: np.ndarray,
    bounds: np.ndarray,
    sides: np.ndarray,
    variances: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian observations that stand for bounds on jointly Gaussian numbers.

    The Gaussian with these observations has, for each number, the mean and the variance that the
    bound gives it when all others are replaced by theirs.

    Parameters
    ----------
    mean, covariance : ndarray, shapes (m,) and (m, m)
        Of the numbers, without the bounds.
    bounds : ndarray, shape (m,)
    sides : ndarray, shape (m,)
        1 where the number lies above its bound, -1 where below.
    variances : ndarray, shape (m,)
        Of the bounds; 0 for one that is exact.

    Returns
    -------
    mean, variance : ndarray, shape (m,)
        Of the pseudo-observations. A bound that says nothing has a variance of 10,000.
    """
    count = len(mean)
    precision, shift = np.zeros(count), np.zeros(count)
    now, spread = mean.copy(), covariance.copy()
    for _ in range(_SWEEPS):
        before = np.concatenate([now, np.diag(spread)])
        for i in range(count):
            without = 1 / (1 / spread[i, i] - precision[i])
            centre = without * (now[i] / spread[i, i] - shift[i])
            wide = without + variances[i]
            z = sides[i] * (centre - bounds[i]) / np.sqrt(wide)
            ratio = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z))
            matched = centre + sides[i] * without * ratio / np.sqrt(wide)
            narrowed = without - without**2 * ratio * (z + ratio) / wide
            told = max(1 / max(narrowed, 1e-10 * without) - 1 / without, _LEAST_PRECISION)
            says = matched * (1 / without + told) - centre / without
            more, turned = told - precision[i], says - shift[i]
            precision[i], shift[i] = told, says
            step = spread[i] / (1 + more * spread[i, i])
            now = now + step * (turned - more * now[i])
            spread = spread - more * np.outer(step, spread[i])
        spread, now = _posterior(mean, covariance, precision, shift)  # without rounding errors
        if np.abs(np.concatenate([now, np.diag(spread)]) - before).max() < _TOLERANCE:
            break
    return shift / precision, 1 / precision


def _posterior(
    mean: np.ndarray, covariance: np.ndarray, precision: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Covariance and mean with the pseudo-observations, by the stable form of eq. 3.53 there."""
    root = np.sqrt(precision)
    inner = np.eye(len(mean)) + root[:, None] * covariance * root
    solved = np.linalg.solve(inner, root[:, None] * covariance)
    spread = covariance - (covariance * root) @ solved
    return spread, mean + spread @ (shift - precision * mean)
