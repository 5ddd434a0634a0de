"""How many answers lie within their intervals, where groups are kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leyden.conformal import ConformalIntervals
from leyden.cross_fitting import predict_fold
from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.paired import bootstrap_means
from leyden.splits import GroupKFold, Taught

__all__ = ["coverage", "cv_plus", "pooled"]


def coverage(
    evaluation: Evaluation, arm: str, level: float = 0.9
) -> tuple[float, tuple[float, float]]:
    """Measured coverage of the intervals that a saved predictor gives, from one model each.

    Each fold of a repeat gets the intervals that the residuals of its other folds make, so no row
    and no group calibrates its own. All repeats and targets are pooled.

    Returns
    -------
    float
        The share.
    tuple of float
        Its 95 % interval, by drawing groups.
    """
    rows = evaluation.rows[evaluation.rows["arm"] == arm]
    rows = rows.assign(y_pred=rows["y_pred"].fillna(rows["y_fallback"]))
    told = []
    for _, part in rows.groupby(["target", "repeat"]):
        for fold in sorted(set(part["fold"])):
            here, rest = part[part["fold"] == fold], part[part["fold"] != fold]
            calibrated = ConformalIntervals(level).fit(
                rest["y_true"].to_numpy(), rest["y_pred"].to_numpy()
            )
            bounds = calibrated.interval(here["y_pred"].to_numpy())
            told.append(_told(here["group"], here["y_true"].to_numpy(), bounds))
    return pooled(pd.concat(told))


def cv_plus(
    arm: Any,
    dataset: Dataset,
    outer: GroupKFold,
    allowed: str,
    level: float = 0.9,
    inner_folds: int = 5,
) -> pd.DataFrame:
    """CV+ intervals of every row, from models that have not seen its group.

    In each fold the training rows are cut anew by group; the models of these inner folds and
    their residuals make the intervals (Barber et al., Annals of Statistics 49, 486 (2021),
    equation 12, with groups in the place of rows).

    Parameters
    ----------
    arm : strategy
    dataset : Dataset
        With one target.
    outer : GroupKFold
        The folds that are scored, and the groups.
    allowed : str
        Extra column; only rows where it is true teach. All rows calibrate and are scored.
    level : float
    inner_folds : int

    Returns
    -------
    DataFrame
        ``id, repeat, group, y_true, low, high, hit``, one row a row and repeat.
    """
    labels = dataset.groups[outer.group].to_numpy()
    told = []
    for fold in outer.split(dataset):
        held_out = dataset.hold_out(fold.test, outer.group)
        test, rest = dataset.take(fold.test), dataset.take(fold.train)
        unlabelled = replace(test, targets=test.targets * np.nan)
        inner = Taught(GroupKFold(outer.group, inner_folds, random_state=fold.repeat), allowed)
        predicted, number = np.full(len(rest), np.nan), np.empty(len(rest), int)
        members = np.empty((inner_folds, len(test)))
        for k, part in enumerate(inner.split(rest)):
            fitted = predict_fold(arm, rest, part, group=outer.group, held_out=held_out)
            predicted[part.test], number[part.test] = fitted.prediction[:, 0], k
            members[k] = fitted.arm.predict(unlabelled)
        calibrated = ConformalIntervals(level).fit(rest.y, predicted, fold=number)
        bounds = calibrated.interval(members.mean(axis=0), fold_predictions=members)
        here = pd.Series(labels[fold.test], name="group")
        told.append(_told(here, test.y, bounds).assign(id=test.ids, repeat=fold.repeat))
    return pd.concat(told, ignore_index=True)


def pooled(told: pd.DataFrame, draws: int = 2000) -> tuple[float, tuple[float, float]]:
    """The share of hits, and its 95 % interval by drawing groups with replacement."""
    table = told.groupby("group")["hit"].agg(["sum", "count"])
    sums, counts = table["sum"].to_numpy(float), table["count"].to_numpy(float)
    drawn = bootstrap_means(sums[None, :, None], counts[:, None], draws, 0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(sums.sum() / counts.sum()), (float(low), float(high))


def _told(groups: pd.Series, truth: np.ndarray, bounds: Sequence[np.ndarray]) -> pd.DataFrame:
    low, high = bounds
    hit = (low <= truth) & (truth <= high)
    return pd.DataFrame(
        {"group": groups.to_numpy(), "y_true": truth, "low": low, "high": high, "hit": hit}
    )
