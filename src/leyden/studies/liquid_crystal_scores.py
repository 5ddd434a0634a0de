"""Scores of the published tables: of training and test rows, averaged over folds and pooled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.metrics import METRICS

__all__ = ["SCORES", "as_printed", "by_scaffold", "fold_averages", "score_table"]

SCORES = ("rmse", "mae", "r2")


def by_scaffold(evaluation: Evaluation, dataset: Dataset) -> Evaluation:
    """The same rows, in intervals drawn by scaffold: molecules of one series are no independent
    witnesses, however the folds were cut."""
    labels = dict(zip(dataset.ids, dataset.groups["scaffold"], strict=True))
    rows = evaluation.rows.assign(group=evaluation.rows["id"].map(labels))
    return replace(evaluation, rows=rows)


def fold_averages(evaluation: Evaluation, arm: str) -> dict[str, float]:
    """RMSE, MAE and R2 of every fold, averaged over folds and repeats, as published.

    A fold of a single row has no R2, and its average is NaN.
    """
    mine = evaluation.rows[evaluation.rows["arm"] == arm]
    said = mine["y_pred"].fillna(mine["y_fallback"]).to_numpy()
    truth = mine["y_true"].to_numpy()
    folds = list(mine.groupby(["repeat", "fold"]).indices.values())
    if min(map(len, folds)) < 2:
        return dict.fromkeys(SCORES, float("nan"))
    return {
        name: float(np.mean([METRICS[name].function(truth[rows], said[rows]) for rows in folds]))
        for name in SCORES
    }


def score_table(
    evaluation: Evaluation,
    arms: Sequence[str],
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """One row an arm.

    Parameters
    ----------
    evaluation : Evaluation
        Of arms that note their scores on training rows.
    arms : sequence of str
    published : mapping of str to mapping, optional
        Published ``mae`` and ``r2`` of arms.

    Returns
    -------
    DataFrame
        ``arm``; of training rows ``training_rmse`` and so on; ``fold_rmse`` and so on, averaged
        over folds as published; ``rmse``, ``mae``, ``r2`` pooled over the folds of a repeat and
        averaged over repeats, with ``mae_low`` and ``mae_high`` (95 % interval) and ``mae_spread``
        (over repeats); ``published_mae`` and ``published_r2``.
    """
    pooled = evaluation.scores(SCORES).set_index("arm")
    known, wanted = dict(published or {}), [*SCORES, "mae_low", "mae_high", "mae_spread"]
    rows = []
    for arm in arms:
        notes = [task["notes"] for task in evaluation.tasks if task["arm"] == arm]
        training = {
            f"training_{name}": float(np.mean([n.get(f"training_{name}", np.nan) for n in notes]))
            for name in SCORES
        }
        of_folds = {f"fold_{name}": value for name, value in fold_averages(evaluation, arm).items()}
        own = {str(name): value for name, value in pooled.loc[arm, wanted].items()}
        theirs = {f"published_{name}": value for name, value in known.get(arm, {}).items()}
        rows.append({"arm": arm, **training, **of_folds, **own, **theirs})
    return pd.DataFrame(rows)


def as_printed(scores: pd.DataFrame) -> pd.DataFrame:
    """A `score_table` in the columns of the paper's table 1: RMSE (MAE), and R2.

    ``test`` is averaged over folds, as published.
    """
    shown = scores[["arm"]].copy()
    for prefix, title in (
        ("training_", "training"),
        ("fold_", "test"),
        ("published_training_", "published training"),
        ("published_", "published"),
    ):
        if f"{prefix}mae" in scores:
            pairs = zip(scores[f"{prefix}rmse"], scores[f"{prefix}mae"], strict=True)
            shown[title] = [_bracketed(*pair) for pair in pairs]
            if title != "published training":  # all 0.96 to 0.99
                shown[f"R² {title}"] = [_digits(value) for value in scores[f"{prefix}r2"]]
    names = {"mae": "pooled MAE", "mae_low": "low", "mae_high": "high", "r2": "pooled R²"}
    return shown.join(scores[list(names)].rename(columns=names))


def _digits(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def _bracketed(rmse: float, mae: float) -> str:
    return "" if np.isnan(rmse) else f"{rmse:.1f} ({mae:.1f})"
