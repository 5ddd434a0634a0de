"""Scores of two classes that a constant cannot have, with intervals.

Where rows come in families, whole families are drawn anew; a handful of rows are drawn class by
class, and what is a share of them has an exact interval.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from leyden.evaluation import Evaluation

__all__ = [
    "SCORES",
    "Measured",
    "balanced_accuracies",
    "balanced_gain",
    "class_scores",
    "families_alike",
    "gain",
    "scores_of_few",
]

SCORES = ("balanced accuracy", "MCC", "recall", "PR-AUC")
DRAWS = 2000
"""Draws of an interval."""


class Measured(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def class_scores(
    evaluation: Evaluation, leave_out: Collection[str] = ()
) -> dict[str, dict[str, Measured]]:
    """All `SCORES` of every arm, pooled over folds and averaged over repeats.

    Parameters
    ----------
    evaluation : Evaluation
        Of one target whose answers are 0 or 1; a prediction above 0.5 says 1.
    leave_out : collection of str
        Ids of rows that are not scored.
    """
    drawn = _drawn(evaluation, evaluation.arms, leave_out)
    return {arm: _named(one) for arm, one in zip(evaluation.arms, drawn, strict=True)}


def gain(evaluation: Evaluation, arm: str, against: str) -> dict[str, Measured]:
    """`SCORES` of an arm less those of another, on the same rows and draws."""
    mine, theirs = _drawn(evaluation, [arm, against])
    return _named(mine - theirs)


def balanced_accuracies(evaluation: Evaluation) -> dict[str, Measured]:
    """The first of the scores of every arm; parameters as of `class_scores`."""
    return {arm: one[SCORES[0]] for arm, one in class_scores(evaluation).items()}


def balanced_gain(evaluation: Evaluation, arm: str, against: str) -> Measured:
    """Balanced accuracy of an arm less that of another, on the same rows and draws."""
    return gain(evaluation, arm, against)[SCORES[0]]


def families_alike(evaluation: Evaluation) -> dict[str, float]:
    """Balanced accuracy of every arm where each family counts as one, whatever its size."""
    rows = evaluation.rows.assign(
        said=evaluation.rows["y_pred"].fillna(evaluation.rows["y_fallback"])
    )
    found = {}
    for arm, mine in rows.groupby("arm", sort=False):
        weights = 1.0 / mine.groupby("group")["group"].transform("size").to_numpy(float)
        found[str(arm)] = float(_weighted(mine, weights[None])[0, 0])
    return found


def scores_of_few(truth: np.ndarray, score: np.ndarray) -> dict[str, Measured]:
    """`SCORES` of a few rows.

    The recall has a Clopper-Pearson interval, the others one by drawing rows class by class, which
    takes the number of good rows for given.

    Parameters
    ----------
    truth : array of bool, shape (n,)
        Both classes occur.
    score : array, shape (n,)
        Above 0 says good.
    """
    truth = np.asarray(truth, bool)
    generator = np.random.default_rng(0)
    weights = np.ones((1 + DRAWS, len(truth)))
    for good in (True, False):
        places = np.flatnonzero(truth == good)
        share = np.full(len(places), 1 / len(places))
        weights[1:, places] = generator.multinomial(len(places), share, size=DRAWS)
    rows = pd.DataFrame({"y_true": truth.astype(float), "said": 0.5 + np.asarray(score, float)})
    found = _named(_weighted(rows, weights))
    hits, all_good = int((score[truth] > 0).sum()), int(truth.sum())
    exact = binomtest(hits, all_good).proportion_ci(method="exact")
    return {**found, "recall": Measured(hits / all_good, exact.low, exact.high)}


def _named(drawn: np.ndarray) -> dict[str, Measured]:
    """From scores (4, 1 + draws): the first value is that of the rows as they are."""
    low, high = np.nanquantile(drawn[:, 1:], [0.025, 0.975], axis=1)
    values = zip(drawn[:, 0].tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Measured(*one) for name, one in zip(SCORES, values, strict=True)}


def _drawn(
    evaluation: Evaluation, arms: Sequence[str], leave_out: Collection[str] = ()
) -> np.ndarray:
    """Scores (arms, 4, 1 + draws): of the rows, then of families drawn anew."""
    rows = evaluation.rows
    rows = rows[~rows["id"].isin(list(leave_out))]
    rows = rows.assign(said=rows["y_pred"].fillna(rows["y_fallback"]))
    groups, codes = np.unique(rows["group"].to_numpy(str), return_inverse=True)
    drawn = np.random.default_rng(0).integers(len(groups), size=(DRAWS, len(groups)))
    weights = np.apply_along_axis(np.bincount, 1, drawn, minlength=len(groups))
    weights = np.vstack([np.ones(len(groups), int), weights]).astype(float)
    found = []
    for arm in arms:
        mine = (rows["arm"] == arm).to_numpy()
        repeats = [mine & (rows["repeat"] == repeat).to_numpy() for repeat in _repeats(rows)]
        parts = [_weighted(rows[part], weights[:, codes[part]]) for part in repeats]
        found.append(np.mean(parts, axis=0))
    return np.array(found)


def _repeats(rows: pd.DataFrame) -> list[int]:
    return sorted(rows["repeat"].unique())


def _weighted(rows: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Scores (4, draws) of rows (n) that count as often as `weights` (draws, n) say."""
    score = rows["said"].to_numpy(float)
    order = np.argsort(-score, kind="stable")
    score, weights = score[order], weights[:, order]
    good = rows["y_true"].to_numpy(float)[order] > 0.5
    tp, fn = (weights[:, good & part].sum(axis=1) for part in (score > 0.5, score <= 0.5))
    fp, tn = (weights[:, ~good & part].sum(axis=1) for part in (score > 0.5, score <= 0.5))
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without a row of one class
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        mcc = np.where(scale > 0, (tp * tn - fp * fn) / scale, 0.0)
        last_of_tie = np.append(np.diff(score) != 0, True)
        hits = np.cumsum(weights * good, axis=1)[:, last_of_tie]
        counted = np.cumsum(weights, axis=1)[:, last_of_tie]
        precision = np.where(counted > 0, hits / counted, 0.0)
        found = np.diff(hits, axis=1, prepend=0.0) / hits[:, -1:]
    return np.array([(recall + specificity) / 2, mcc, recall, (found * precision).sum(axis=1)])
