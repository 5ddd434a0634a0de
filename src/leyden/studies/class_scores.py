"""Balanced accuracy with intervals: whole groups are drawn anew, both classes count alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from leyden.evaluation import Evaluation

__all__ = ["Measured", "balanced_accuracies", "balanced_gain"]

DRAWS = 2000


class Measured(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def balanced_accuracies(evaluation: Evaluation) -> dict[str, Measured]:
    """Balanced accuracy of every arm, pooled over folds and averaged over repeats.

    Parameters
    ----------
    evaluation : Evaluation
        Of one target whose answers are 0 or 1; a prediction above 0.5 says 1.
    """
    return {arm: _measured(_drawn(evaluation, [arm])[0]) for arm in evaluation.arms}


def balanced_gain(evaluation: Evaluation, arm: str, against: str) -> Measured:
    """Balanced accuracy of an arm less that of another, on the same rows and draws."""
    mine, theirs = _drawn(evaluation, [arm, against])
    return _measured(mine - theirs)


def _measured(drawn: np.ndarray) -> Measured:
    """The first value is that of the rows as they are."""
    low, high = np.nanquantile(drawn[1:], [0.025, 0.975])
    return Measured(float(drawn[0]), float(low), float(high))


def _drawn(evaluation: Evaluation, arms: Sequence[str]) -> np.ndarray:
    """Balanced accuracies, shape (arms, 1 + draws): of the rows, then of groups drawn anew."""
    rows = evaluation.rows
    said = rows["y_pred"].fillna(rows["y_fallback"]) > 0.5
    table = pd.DataFrame(
        {
            "arm": rows["arm"],
            "group": rows["group"],
            "repeat": rows["repeat"],
            "good": rows["y_true"] > 0.5,
            "hit": said == (rows["y_true"] > 0.5),
        }
    )
    groups = np.unique(table["group"].to_numpy(str))
    drawn = np.random.default_rng(0).integers(len(groups), size=(DRAWS, len(groups)))
    weights = np.apply_along_axis(np.bincount, 1, drawn, minlength=len(groups))
    weights = np.vstack([np.ones(len(groups), int), weights]).astype(float)
    found = []
    for arm in arms:
        mine = table[table["arm"] == arm]
        recalls = []
        for good in (True, False):
            part = mine[mine["good"] == good]
            by = part.pivot_table("hit", "group", "repeat", aggfunc=["sum", "count"])
            by = by.reindex(groups).fillna(0.0).astype(float)
            with np.errstate(invalid="ignore"):  # a draw without a row of this class
                recalls.append(
                    (weights @ by["sum"].to_numpy()) / (weights @ by["count"].to_numpy())
                )
        found.append(np.mean(recalls, axis=(0, 2)))
    return np.array(found)
