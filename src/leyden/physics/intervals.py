"""Intervals of what is estimated from few independent blocks of one run.

Frames of a trajectory depend on each other; blocks much longer than the memory of the system do
not. With 5 to 20 blocks, plain percentiles of a bootstrap are too narrow: they know no Student's t.
So the spread comes from the jackknife over blocks, and the quantile from Student's distribution.
`leyden.dynamics.Kinetics` draws its blocks of time and atoms instead, with percentiles that are
widened as Student's distribution would have it (`leyden.dynamics.blocks`).

References
----------
B. Efron, C. Stein, Ann. Statist. 9, 586 (1981), the jackknife estimate of variance;
H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91, 461 (1989), blocks of correlated data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from leyden.errors import InputError

__all__ = ["Estimate", "jackknife", "student_mean", "welch_difference"]


class Estimate(NamedTuple):
    """A value and the interval in which it lies at a level of confidence."""

    value: float
    low: float
    high: float

    def covers(self, truth: float) -> bool:
        """Whether the interval holds this number."""
        return self.low <= truth <= self.high


def jackknife(
    blocks: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    whole: np.ndarray | None = None,
    positive: bool | np.ndarray = False,
    level: float = 0.95,
) -> list[Estimate]:
    """Estimates of a smooth function of the mean over independent blocks.

    Parameters
    ----------
    blocks : ndarray, shape (B, ...)
        One term of the mean each, B >= 2: a curve, a matrix of counts.
    statistic : callable
        Takes such a mean (...) and returns numbers (S,).
    whole : ndarray, shape (...), optional
        What the values are computed from, where it is known better than as the mean of the blocks
        (by pairs of frames that lie in different blocks).
    positive : bool or ndarray of bool, shape (S,)
        Which numbers cannot be negative: their interval is symmetric on a logarithmic scale.
    level : float
        Confidence, in (0, 1).

    Returns
    -------
    list of Estimate, length S
        A statistic that is not defined (NaN) with or without some block has no finite interval.

    Raises
    ------
    InputError
        Fewer than two blocks, or a level outside (0, 1).
    """
    count = len(blocks)
    if count < 2:
        raise InputError(
            "an interval needs two independent blocks at least",
            value=count,
            remedy="give a longer run, or shorten the lag",
        )
    if not 0 < level < 1:
        raise InputError("a level of confidence lies between 0 and 1", value=level)
    mean = np.mean(blocks, axis=0)
    values = np.atleast_1d(statistic(mean if whole is None else whole))
    without = np.array(
        [np.atleast_1d(statistic((count * mean - block) / (count - 1))) for block in blocks]
    )
    with np.errstate(invalid="ignore"):  # not defined without some block
        spread = np.sqrt((count - 1) * without.var(axis=0))
    half = float(stats.t.ppf(0.5 + level / 2, count - 1)) * spread
    on_log_scale = np.broadcast_to(positive, values.shape)
    return [
        _estimate(float(value), float(width), bool(log))
        for value, width, log in zip(values, half, on_log_scale, strict=True)
    ]


def student_mean(values: np.ndarray, *, level: float = 0.95) -> Estimate:
    """Mean of independent values with its interval; of one value, the ends are NaN.

    Raises
    ------
    InputError
        No value at all.
    """
    values = np.asarray(values, float)
    if not len(values):
        raise InputError("a mean needs a value", value=0)
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Estimate(mean, math.nan, math.nan)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    half = float(stats.t.ppf(0.5 + level / 2, count - 1)) * error
    return Estimate(mean, mean - half, mean + half)


def welch_difference(
    values: np.ndarray, others: np.ndarray, *, level: float = 0.95
) -> tuple[Estimate, float]:
    """Mean less that of others, whose spread may be another, and how probably it is positive.

    The probability is that of Student's distribution about the difference, with the degrees of
    freedom of Welch: what is believed of it where nothing was known before. With fewer than two
    values on a side, all but the difference is NaN.

    References
    ----------
    B. L. Welch, Biometrika 34, 28 (1947).
    """
    values, others = np.asarray(values, float), np.asarray(others, float)
    difference = float(values.mean() - others.mean())
    if min(len(values), len(others)) < 2:
        return Estimate(difference, math.nan, math.nan), math.nan
    parts = np.array([values.var(ddof=1) / len(values), others.var(ddof=1) / len(others)])
    error = math.sqrt(parts.sum())
    if not error:
        return Estimate(difference, difference, difference), float(difference > 0)
    freedom = parts.sum() ** 2 / (parts**2 / [len(values) - 1, len(others) - 1]).sum()
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    positive = float(stats.t.cdf(difference / error, freedom))
    return Estimate(difference, difference - half, difference + half), positive


def _estimate(value: float, half: float, on_log_scale: bool) -> Estimate:
    if not (on_log_scale and value > 0):
        return Estimate(value, value - half, value + half)
    factor = math.exp(min(half / value, 700.0))  # beyond, exp would overflow
    return Estimate(value, value / factor, value * factor)
