"""Scores: pure functions of pooled arrays.

Every function takes all rows at once.  Nothing is averaged over batches or folds here, and a
non-finite value raises instead of being dropped: what to do with a missing prediction is decided
where the reason is known (`leyden.validation`), not inside a mean.

Where some answers are upper bounds (a conductivity below what could be measured), `upper_bound`
tells which, and ``y_true`` holds the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from leyden.errors import IncompatibleError, InputError

__all__ = [
    "METRICS",
    "Metric",
    "average_precision",
    "balanced_accuracy",
    "concordance",
    "concordance_with_bounds",
    "coverage",
    "interval_width",
    "mae",
    "mcc",
    "median_absolute_error",
    "one_sided_mae",
    "r2",
    "rmse",
    "spearman",
    "tobit_loss",
]


def mae(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Mean absolute error, in the unit of the target."""
    y_true, y_pred = _pooled(y_true, y_pred)
    return float(np.abs(y_pred - y_true).mean())


def rmse(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Root of the mean squared error, in the unit of the target."""
    y_true, y_pred = _pooled(y_true, y_pred)
    return float(np.sqrt(np.square(y_pred - y_true).mean()))


def median_absolute_error(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Median absolute error, in the unit of the target."""
    y_true, y_pred = _pooled(y_true, y_pred)
    return float(np.median(np.abs(y_pred - y_true)))


def r2(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Coefficient of determination; NaN where all answers are equal."""
    y_true, y_pred = _pooled(y_true, y_pred)
    total = np.square(y_true - y_true.mean()).sum()
    return float(1 - np.square(y_pred - y_true).sum() / total) if total > 0 else float("nan")


def spearman(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Spearman's rank correlation; NaN where answers or predictions are all equal."""
    y_true, y_pred = _pooled(y_true, y_pred)
    if np.ptp(y_true) == 0 or np.ptp(y_pred) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(y_true), stats.rankdata(y_pred))[0, 1])


def concordance(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Harrell's concordance index: the fraction of pairs put in the right order.

    Pairs of equal answers do not count; pairs of equal predictions count one half.  Computed in
    n log n from Kendall's tau-b: with ties taken out, C = (1 + Somers' D) / 2.
    """
    y_true, y_pred = _pooled(y_true, y_pred)
    if np.ptp(y_true) == 0:
        return float("nan")
    if np.ptp(y_pred) == 0:
        return 0.5
    pairs = len(y_true) * (len(y_true) - 1) / 2
    untied_true, untied_pred = pairs - _tied_pairs(y_true), pairs - _tied_pairs(y_pred)
    tau = stats.kendalltau(y_true, y_pred).statistic
    return float((1 + tau * np.sqrt(untied_pred / untied_true)) / 2)


def concordance_with_bounds(
    y_true: np.ndarray, y_pred: np.ndarray, upper_bound: np.ndarray
) -> float:
    """Harrell's concordance index where some answers are upper bounds.

    A pair counts if its order is known: two measured values that differ, or a measured value above
    the other's bound. NaN where no pair counts.

    Parameters
    ----------
    y_true, y_pred : ndarray, shape (n,)
    upper_bound : ndarray of bool, shape (n,)

    References
    ----------
    F. E. Harrell et al., JAMA 247, 2543 (1982); left-censored here instead of right-censored.
    """
    y_true, y_pred = _pooled(y_true, y_pred)
    bounded = _bounded(upper_bound, y_true)
    right = pairs = 0.0
    for value, said in zip(y_true[~bounded], y_pred[~bounded], strict=True):
        below = y_true < value  # measured below it, or bounded below it
        pairs += np.count_nonzero(below)
        right += np.count_nonzero(y_pred[below] < said)
        right += 0.5 * np.count_nonzero(y_pred[below] == said)
    return float(right / pairs) if pairs else float("nan")


def one_sided_mae(y_true: np.ndarray, y_pred: np.ndarray, upper_bound: np.ndarray) -> float:
    """Mean absolute error in which a prediction below a bound is right, in the target's unit.

    It is the least error that the answers allow: an arm that says minus infinity of every bound is
    not told from one that knows them.
    """
    y_true, y_pred = _pooled(y_true, y_pred)
    error = y_pred - y_true
    return float(np.where(_bounded(upper_bound, y_true), np.maximum(error, 0), abs(error)).mean())


def tobit_loss(
    y_true: np.ndarray, y_pred: np.ndarray, scale: np.ndarray | float, upper_bound: np.ndarray
) -> float:
    """Mean negative log likelihood of normal errors, in nats (Tobin, Econometrica 26, 24 (1958)).

    Parameters
    ----------
    y_true, y_pred : ndarray, shape (n,)
    scale : ndarray, shape (n,), or float
        Standard deviation of the errors.
    upper_bound : ndarray of bool, shape (n,)
        Where the answer counts by the probability that the true value lies below it.
    """
    y_true, y_pred = _pooled(y_true, y_pred)
    scale = np.asarray(scale, dtype=float)
    if not (np.isfinite(scale) & (scale > 0)).all():
        raise InputError("standard deviations must be positive", value=float(scale.min()))
    distance = (y_true - y_pred) / scale
    measured = 0.5 * distance**2 + np.log(scale) + 0.5 * np.log(2 * np.pi)
    bounded = _bounded(upper_bound, y_true)
    return float(np.where(bounded, -special.log_ndtr(distance), measured).mean())


def mcc(y_true: np.ndarray, y_pred: np.ndarray, threshold: float = 0.5) -> float:
    """Matthews correlation coefficient of two classes; 0 where it is not defined.

    Parameters
    ----------
    y_true : ndarray of 0 and 1, shape (n,)
    y_pred : ndarray, shape (n,)
        Probability of class 1, or the class itself; at or above `threshold` counts as 1.
    """
    tp, fp, fn, tn = _confusion(y_true, y_pred, threshold)
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return float((tp * tn - fp * fn) / scale) if scale > 0 else 0.0


def balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray, threshold: float = 0.5) -> float:
    """Mean of the recalls of the two classes; NaN where a class does not occur."""
    tp, fp, fn, tn = _confusion(y_true, y_pred, threshold)
    if tp + fn == 0 or tn + fp == 0:
        return float("nan")
    return float((tp / (tp + fn) + tn / (tn + fp)) / 2)


def average_precision(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Area below the precision-recall steps, sum of (R_k - R_{k-1}) P_k over thresholds.

    NaN where class 1 does not occur.
    """
    y_true, y_pred = _pooled(y_true, y_pred)
    _check_classes(y_true)
    if y_true.sum() == 0:
        return float("nan")
    order = np.argsort(-y_pred, kind="stable")
    hits = np.cumsum(y_true[order])
    last_of_tie = np.append(np.diff(y_pred[order]) != 0, True)
    precision = (hits / np.arange(1, len(hits) + 1))[last_of_tie]
    recall = (hits / hits[-1])[last_of_tie]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def coverage(
    y_true: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    upper_bound: np.ndarray | None = None,
) -> float:
    """Fraction of the answers inside [lower, upper]; bounds may be infinite.

    Where the answer is an upper bound, an interval that reaches below it may hold the true value,
    and counts: the fraction is then the greatest that the answers allow.
    """
    y_true, lower, upper = (np.asarray(a, dtype=float) for a in (y_true, lower, upper))
    if not y_true.shape == lower.shape == upper.shape:
        raise IncompatibleError(f"shapes {y_true.shape}, {lower.shape} and {upper.shape} differ")
    no_number = np.isnan(lower) | np.isnan(upper)
    if y_true.size == 0 or not np.isfinite(y_true).all() or no_number.any():
        raise InputError("coverage needs finite answers and bounds that are numbers")
    above = y_true > upper
    if upper_bound is not None:
        above &= ~_bounded(upper_bound, y_true)
    return float(((lower <= y_true) & ~above).mean())


def interval_width(lower: np.ndarray, upper: np.ndarray) -> float:
    """Mean width of the intervals, in the unit of the target."""
    return float(np.mean(np.asarray(upper, dtype=float) - np.asarray(lower, dtype=float)))


@dataclass(frozen=True)
class Metric:
    """A score of predictions: its function, which way is better, and for which task."""

    function: Callable[[np.ndarray, np.ndarray], float]
    lower_is_better: bool
    task: str


METRICS: dict[str, Metric] = {
    "mae": Metric(mae, True, "regression"),
    "rmse": Metric(rmse, True, "regression"),
    "r2": Metric(r2, False, "regression"),
    "median_absolute_error": Metric(median_absolute_error, True, "regression"),
    "spearman": Metric(spearman, False, "regression"),
    "concordance": Metric(concordance, False, "regression"),
    "mcc": Metric(mcc, False, "classification"),
    "balanced_accuracy": Metric(balanced_accuracy, False, "classification"),
    "average_precision": Metric(average_precision, False, "classification"),
}


def _pooled(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_pred = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    if y_true.shape != y_pred.shape or y_true.ndim != 1:
        raise IncompatibleError(
            f"answers and predictions must be one-dimensional and of one length, "
            f"not {y_true.shape} and {y_pred.shape}"
        )
    if len(y_true) == 0:
        raise InputError("a score needs at least one row")
    if not np.isfinite(y_true).all() or not np.isfinite(y_pred).all():
        raise InputError(
            "answers and predictions must be finite",
            remedy="decide first how a missing prediction counts; it is not dropped here",
        )
    return y_true, y_pred


def _bounded(upper_bound: np.ndarray, y_true: np.ndarray) -> np.ndarray:
    bounded = np.asarray(upper_bound, dtype=bool)
    if bounded.shape != y_true.shape:
        raise IncompatibleError(f"bounds {bounded.shape} for answers {y_true.shape}")
    return bounded


def _check_classes(y_true: np.ndarray) -> None:
    if not np.isin(y_true, (0, 1)).all():
        raise InputError("classes must be 0 and 1", value=np.unique(y_true)[:5].tolist())


def _confusion(y_true: np.ndarray, y_pred: np.ndarray, threshold: float) -> np.ndarray:
    """True positives, false positives, false negatives, true negatives; as floats."""
    y_true, y_pred = _pooled(y_true, y_pred)
    _check_classes(y_true)
    true, said = y_true == 1, y_pred >= threshold
    counts = [(true & said), (~true & said), (true & ~said), (~true & ~said)]
    return np.array([c.sum() for c in counts], dtype=float)


def _tied_pairs(values: np.ndarray) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1) / 2).sum())
