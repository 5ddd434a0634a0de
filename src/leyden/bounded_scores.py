"""Scores of an evaluation whose answers are upper bounds in some rows.

What such a row was really worth nobody knows, so every convention is a choice: at its bound, at a
number far below it, or one-sided, where whatever lies below the bound is right. Rows of an
evaluation are joined with the bounds of their dataset by id and target.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from leyden.conformal import ConformalIntervals
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.evaluation import Evaluation
from leyden.metrics import concordance_with_bounds, coverage, mae, one_sided_mae, tobit_loss
from leyden.paired import bootstrap_means

__all__ = ["bounded_coverage", "bounded_rows", "bounded_scores", "one_sided", "recoded"]


def bounded_rows(evaluation: Evaluation, dataset: Dataset) -> np.ndarray:
    """Which rows of the evaluation have an upper bound for an answer, shape (rows,), bool.

    Raises
    ------
    InputError
        A row is not of this dataset.
    """
    bounds = pd.DataFrame(dataset.bounds, index=dataset.ids, columns=dataset.targets.columns)
    rows = evaluation.rows
    strange = ~rows["id"].isin(dataset.ids) | ~rows["target"].isin(bounds.columns)
    if strange.any():
        raise InputError(
            f"the evaluation is not of {dataset.name}", value=rows.loc[strange, "id"].iloc[0]
        )
    place = (
        bounds.index.get_indexer(pd.Index(rows["id"])),
        bounds.columns.get_indexer(pd.Index(rows["target"])),
    )
    return bounds.to_numpy()[place]


def recoded(evaluation: Evaluation, dataset: Dataset, value: float) -> Evaluation:
    """The evaluation with one number for every upper bound, as published work codes them.

    Missing predictions stay scored as the training mean of the answers as they were.
    """
    bounded = bounded_rows(evaluation, dataset)
    answers = np.where(bounded, value, evaluation.rows["y_true"])
    return replace(evaluation, rows=evaluation.rows.assign(y_true=answers))


def one_sided(evaluation: Evaluation, dataset: Dataset) -> Evaluation:
    """The evaluation in which a prediction below a bound is right.

    The answer of a bounded row is then the arm's own prediction where that lies below the bound;
    only errors may be asked of it (`scores` of mae and rmse, `paired`), no correlations.
    """
    rows = evaluation.rows
    said = rows["y_pred"].fillna(rows["y_fallback"])
    below = bounded_rows(evaluation, dataset) & (said < rows["y_true"]).to_numpy()
    return replace(evaluation, rows=rows.assign(y_true=np.where(below, said, rows["y_true"])))


def bounded_scores(evaluation: Evaluation, dataset: Dataset, code: float) -> pd.DataFrame:
    """A table with one row for every target and arm, means over repeats of pooled scores.

    Parameters
    ----------
    evaluation : Evaluation
    dataset : Dataset
        What was evaluated, with its `bounds`.
    code : float
        A number far below the bounds, in the unit of the target.

    Returns
    -------
    DataFrame
        ``target, arm, n, bounds`` (rows and bounds of a repeat), ``mae_at_bound``, ``mae_at_code``,
        ``mae_one_sided``, ``mae_measured`` (of the rows that are no bounds), ``concordance`` and
        ``tobit_loss`` (NaN where the arm tells no standard deviation).
    """
    rows = evaluation.rows.assign(bounded=bounded_rows(evaluation, dataset))
    rows["said"] = rows["y_pred"].fillna(rows["y_fallback"])
    table = []
    for target in evaluation.targets:
        for arm in evaluation.arms:
            mine = rows[(rows["target"] == target) & (rows["arm"] == arm)]
            scores = [_scores(part, code) for _, part in mine.groupby("repeat")]
            table.append({"target": target, "arm": arm, **pd.DataFrame(scores).mean().to_dict()})
    return pd.DataFrame(table)


def bounded_coverage(
    evaluation: Evaluation, dataset: Dataset, arm: str, level: float = 0.9
) -> dict[str, float]:
    """Measured coverage and width of an arm's conformal intervals.

    Each fold of a repeat gets the intervals that the residuals of measured rows of its other folds
    make, so that no row and no group calibrates its own. An interval that reaches below a bound
    may hold the true value, and counts.

    Returns
    -------
    dict
        ``coverage`` with ``low`` and ``high`` (95 %, by drawing groups), ``measured`` and
        ``bounded`` (the coverage of either part alone), ``width`` in the unit of the target.
    """
    rows = evaluation.rows.assign(bounded=bounded_rows(evaluation, dataset))
    rows = rows[rows["arm"] == arm].assign(
        said=lambda table: table["y_pred"].fillna(table["y_fallback"])
    )
    parts = []
    for _, part in rows.groupby(["target", "repeat"]):
        for fold in sorted(set(part["fold"])):
            here, rest = part[part["fold"] == fold], part[(part["fold"] != fold) & ~part["bounded"]]
            calibrated = ConformalIntervals(level).fit(
                rest["y_true"].to_numpy(), rest["said"].to_numpy()
            )
            low, high = calibrated.interval(here["said"].to_numpy())
            parts.append(here.assign(low=low, high=high))
    whole = pd.concat(parts)
    hit = [
        coverage(*(np.array([value]) for value in row))
        for row in whole[["y_true", "low", "high", "bounded"]].itertuples(index=False)
    ]
    table = whole.assign(hit=hit).groupby("group")["hit"].agg(["sum", "count"])
    sums, counts = table["sum"].to_numpy()[None, :, None], table["count"].to_numpy(float)[:, None]
    low, high = np.quantile(bootstrap_means(sums, counts, 2000, 0), [0.025, 0.975])
    bounded = whole["bounded"].to_numpy()
    return {
        "coverage": float(np.mean(hit)),
        "low": float(low),
        "high": float(high),
        "measured": float(np.mean(np.array(hit)[~bounded])),
        "bounded": float(np.mean(np.array(hit)[bounded])) if bounded.any() else float("nan"),
        "width": float((whole["high"] - whole["low"]).mean()),
    }


def _scores(part: pd.DataFrame, code: float) -> dict[str, float]:
    """Scores of one arm in one repeat."""
    truth, said = part["y_true"].to_numpy(float), part["said"].to_numpy(float)
    bounded, spread = part["bounded"].to_numpy(bool), part["y_std"].to_numpy(float)
    known = np.isfinite(spread).all() and (spread > 0).all()
    return {
        "n": len(part),
        "bounds": int(bounded.sum()),
        "mae_at_bound": mae(truth, said),
        "mae_at_code": mae(np.where(bounded, code, truth), said),
        "mae_one_sided": one_sided_mae(truth, said, bounded),
        "mae_measured": mae(truth[~bounded], said[~bounded]) if not bounded.all() else np.nan,
        "concordance": concordance_with_bounds(truth, said, bounded),
        "tobit_loss": tobit_loss(truth, said, spread, bounded) if known else np.nan,
    }
