"""A stack whose weights and intervals come from inner folds of the training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from leyden.conformal import ConformalIntervals
from leyden.evaluation import Evaluation
from leyden.studies.averages import KEYS, predictions, with_arm

__all__ = ["nested_intervals", "nested_stack"]


def nested_stack(
    outer: Evaluation, inner: Evaluation, parts: Sequence[str], name: str
) -> tuple[Evaluation, Evaluation, pd.DataFrame]:
    """One more arm: a weighted mean, the weights of each outer fold chosen by its inner folds.

    Non-negative least squares on inner out-of-fold predictions (Breiman, Machine Learning 24, 49
    (1996)), scaled to a sum of one.

    Parameters
    ----------
    outer : Evaluation
        One repeat and one target.
    inner : Evaluation
        Of `leyden.nested_splits.Nested` with the same split: its repeats are the outer folds.
    parts : sequence of str
        Arms of both.

    Returns
    -------
    Evaluation, Evaluation
        Both, with the arm.
    DataFrame
        The weights, one row a fold.
    """
    asked, known = predictions(outer, parts), predictions(inner, parts)
    truth = inner.rows.drop_duplicates(KEYS).set_index(KEYS)["y_true"]
    weights, answers, inside = [], [], []
    for fold, table in asked.groupby(level="fold"):
        seen = known.xs(fold, level="repeat", drop_level=False)
        weight = _weights(seen.to_numpy(), truth[seen.index].to_numpy())
        weights.append({"fold": fold, **dict(zip(parts, weight, strict=True))})
        answers.append((table * weight).sum(axis=1))
        inside.append((seen * weight).sum(axis=1))
    return (
        with_arm(outer, name, parts, pd.concat(answers)),
        with_arm(inner, name, parts, pd.concat(inside)),
        pd.DataFrame(weights),
    )


def nested_intervals(
    outer: Evaluation, inner: Evaluation | None, arm: str, level: float = 0.9, log: bool = False
) -> pd.DataFrame:
    """Intervals of every test row, calibrated by the inner folds of its own fold.

    The residuals are those of models of a part of the training rows, which have seen neither the
    row nor its group: cross-conformal prediction with groups in the place of rows (Vovk, Ann. Math.
    Artif. Intell. 74, 9 (2015)), a little wide, as the final model has more rows. The same inner
    rows have chosen the few weights of the stack.

    Parameters
    ----------
    outer, inner : Evaluation
        As of `nested_stack`. Without inner folds, the residuals are those of the other outer folds,
        as a saved predictor has them.
    arm : str
    level : float
    log : bool
        Whether residuals are those of the logarithm, so that intervals are relative.

    Returns
    -------
    DataFrame
        ``id, group, y_true, low, high, hit``, one row a test row.
    """
    told = []
    rows = outer.rows[outer.rows["arm"] == arm]
    within = rows if inner is None else inner.rows[inner.rows["arm"] == arm]
    for fold, here in rows.groupby("fold"):
        rest = rows[rows["fold"] != fold] if inner is None else within[within["repeat"] == fold]
        truth, said = rest["y_true"].to_numpy(), _said(rest)
        asked = _said(here)
        if log:
            truth, said, asked = np.log(truth), _log(said), _log(asked)
        low, high = ConformalIntervals(level).fit(truth, said).interval(asked)
        if log:
            low, high = np.exp(low), np.exp(high)
        y = here["y_true"].to_numpy()
        told.append(
            pd.DataFrame(
                {
                    "id": here["id"].to_numpy(),
                    "group": here["group"].to_numpy(),
                    "y_true": y,
                    "low": low,
                    "high": high,
                    "hit": (low <= y) & (y <= high),
                }
            )
        )
    return pd.concat(told, ignore_index=True)


def _weights(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    centre = truth.mean()
    weights, _ = nnls(predicted - centre, truth - centre)
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))


def _said(rows: pd.DataFrame) -> np.ndarray:
    return rows["y_pred"].fillna(rows["y_fallback"]).to_numpy(float)


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, np.finfo(float).tiny))
