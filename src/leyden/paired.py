"""Two arms on the same rows: how much one errs less than the other, and how sure that is.

Rows of one group are no independent witnesses, and neither is one row tested in several repeats.
So errors are summed by cluster (group, or id where rows are not grouped), and whole clusters are
drawn anew.  The corrected resampled t-test, which knows of the overlap of training sets but
nothing of clusters, stands beside it as a second opinion.

References
----------
Nadeau, Bengio, Inference for the generalization error, Machine Learning 52, 239 (2003), eq. 9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from leyden.errors import InputError

__all__ = ["LOSSES", "Paired", "bootstrap_means", "compare_errors", "score_intervals"]

LOSSES = {"mae": np.abs, "rmse": np.square}


@dataclass(frozen=True)
class Paired:
    """The comparison of `arm` with `against` for one target, by MAE or RMSE.

    Attributes
    ----------
    difference : float
        Score of `arm` less score of `against`: negative where `arm` errs less.
    interval : tuple of float
        Percentile bootstrap interval of the difference.
    ratio, ratio_interval : float, tuple of float
        The same for the quotient of the two scores.
    p : float
        Two-sided bootstrap p-value of no difference.
    p_resampled_t : float
        Of the corrected resampled t-test over the folds; NaN with fewer than two folds.
    clusters, rows : int
        Independent units, and scored predictions of either arm.
    """

    arm: str
    against: str
    target: str
    metric: str
    size: int
    score: float
    score_against: float
    difference: float
    interval: tuple[float, float]
    ratio: float
    ratio_interval: tuple[float, float]
    p: float
    p_resampled_t: float
    clusters: int
    rows: int
    level: float

    @property
    def verdict(self) -> str:
        """``"gain"``, ``"harm"``, or ``"no evidence"`` where the interval includes zero."""
        low, high = self.interval
        return "gain" if high < 0 else "harm" if low > 0 else "no evidence"

    def as_dict(self) -> dict[str, Any]:
        """All fields and the verdict, ready for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def bootstrap_means(
    losses: np.ndarray, counts: np.ndarray, resamples: int, random_state: int
) -> np.ndarray:
    """Mean losses of every repeat when whole clusters are drawn with replacement.

    Parameters
    ----------
    losses : ndarray, shape (a, clusters, repeats)
        Summed loss of each arm; all arms are drawn alike.
    counts : ndarray, shape (clusters, repeats)
        Numbers of rows.

    Returns
    -------
    ndarray, shape (a, resamples, repeats)
    """
    rng = np.random.default_rng(random_state)
    clusters = len(counts)
    means = np.empty((len(losses), resamples, counts.shape[1]))
    step = max(1, 4_000_000 // max(clusters, 1))  # at most 32 MB of weights at a time
    for start in range(0, resamples, step):
        part = slice(start, min(start + step, resamples))
        draws = rng.integers(clusters, size=(part.stop - part.start, clusters))
        draws += clusters * np.arange(len(draws))[:, None]
        weights = np.bincount(draws.ravel(), minlength=draws.size).reshape(draws.shape) * 1.0
        rows = weights @ counts
        with np.errstate(invalid="ignore"):  # a repeat of which no row was drawn
            means[:, part] = (weights @ losses) / rows
    return means


def compare_errors(
    wide: pd.DataFrame,
    arms: Sequence[str],
    against: str,
    *,
    target: str,
    metric: str = "mae",
    size: int = 0,
    level: float = 0.95,
    resamples: int = 2000,
    random_state: int = 0,
) -> list[Paired]:
    """Compare each of `arms` with `against`.

    Parameters
    ----------
    wide : DataFrame
        Columns ``cluster``, ``repeat``, ``fold``, ``train_rows``, and the signed errors of every
        arm under its name; one row a test row and repeat.
    """
    names = [*arms, against]
    loss = _losses(wide, names, metric)
    score, drawn, clusters = _resampled(wide, loss, metric, resamples, random_state)
    found = []
    for i, arm in enumerate(arms):
        change = drawn[i] - drawn[-1]
        tails = [(1 + np.sum(side)) / (1 + resamples) for side in (change <= 0, change >= 0)]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio, ratios = score[i] / score[-1], drawn[i] / drawn[-1]
        found.append(
            Paired(
                arm=arm,
                against=against,
                target=target,
                metric=metric,
                size=size,
                score=float(score[i]),
                score_against=float(score[-1]),
                difference=float(score[i] - score[-1]),
                interval=_percentiles(change, level),
                ratio=float(ratio),
                ratio_interval=_percentiles(ratios, level),
                p=float(min(1.0, 2 * min(tails))),
                p_resampled_t=_resampled_t(wide, loss[i], loss[-1], metric),
                clusters=clusters,
                rows=len(wide),
                level=level,
            )
        )
    return found


def score_intervals(
    wide: pd.DataFrame,
    arms: Sequence[str],
    metric: str,
    level: float = 0.95,
    resamples: int = 1000,
    random_state: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile interval of the MAE or RMSE of each arm, by drawing clusters."""
    loss = _losses(wide, arms, metric)
    drawn = _resampled(wide, loss, metric, resamples, random_state)[1]
    return {arm: _percentiles(values, level) for arm, values in zip(arms, drawn, strict=True)}


def _losses(wide: pd.DataFrame, arms: Sequence[str], metric: str) -> list[np.ndarray]:
    if metric not in LOSSES:
        raise InputError(
            "arms are compared by a mean of losses", value=metric, remedy="choose mae or rmse"
        )
    return [LOSSES[metric](wide[arm].to_numpy()) for arm in arms]


def _resampled(
    wide: pd.DataFrame, losses: list[np.ndarray], metric: str, resamples: int, random_state: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores (a,), the same with clusters drawn anew (a, resamples), and the number of clusters."""
    sums, counts = _by_cluster(wide, losses)
    score = _score(sums.sum(axis=1) / counts.sum(axis=0), metric)
    drawn = _score(bootstrap_means(sums, counts, resamples, random_state), metric)
    return score, drawn, len(counts)


def _by_cluster(wide: pd.DataFrame, losses: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Summed losses (a, clusters, repeats) and numbers of rows (clusters, repeats)."""
    cluster = np.unique(wide["cluster"].to_numpy(), return_inverse=True)[1]
    repeat = np.unique(wide["repeat"].to_numpy(), return_inverse=True)[1]
    shape = (cluster.max() + 1, repeat.max() + 1)
    cell = np.ravel_multi_index((cluster, repeat), shape)
    tables = [
        np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)
        for weights in [*losses, np.ones(len(wide))]
    ]
    return np.stack(tables[:-1]), tables[-1]


def _score(means: np.ndarray, metric: str) -> np.ndarray:
    """Mean over repeats (the last axis) of the score that belongs to a mean loss."""
    return np.nanmean(np.sqrt(means) if metric == "rmse" else means, axis=-1)


def _percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled_t(wide: pd.DataFrame, mine: np.ndarray, other: np.ndarray, metric: str) -> float:
    """Two-sided p over the folds' differences, their variance widened for shared training rows."""
    folds = list(_folds(wide))
    if len(folds) < 2:
        return float("nan")
    change = np.array(
        [
            np.subtract(*_score(np.array([[mine[rows].mean()], [other[rows].mean()]]), metric))
            for rows in folds
        ]
    )
    spread = change.var(ddof=1)
    if spread == 0:
        return 1.0 if change.mean() == 0 else 0.0
    test = np.mean([len(rows) for rows in folds])
    train = wide["train_rows"].to_numpy()[[rows[0] for rows in folds]].mean()
    statistic = change.mean() / np.sqrt((1 / len(folds) + test / train) * spread)
    return float(2 * stats.t.sf(abs(statistic), len(folds) - 1))


def _folds(wide: pd.DataFrame) -> Iterator[np.ndarray]:
    for rows in wide.groupby(["repeat", "fold"]).indices.values():
        yield np.asarray(rows)
