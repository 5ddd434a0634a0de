"""The arms of the study `ionic-liquids` on the same folds: unseen pairs, cations and anions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.nested_splits import Nested
from leyden.splits import GroupKFold
from leyden.studies.averages import with_averages
from leyden.studies.ionic_liquid_arms import (
    AVERAGES,
    HEADLINE,
    STACKED,
    Effort,
    Property,
    Sources,
    arms,
)
from leyden.studies.nested_stack import nested_intervals, nested_stack
from leyden.validation import evaluate

__all__ = ["INNER_FOLDS", "SPLITS", "Comparison", "compare_arms", "relative"]

SPLITS = {"pairs": "pair", "cations": "cation", "anions": "anion"}
"""What is unseen to the group column that is kept together."""

INNER_FOLDS = 3
LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Comparison:
    """One property on one split.

    Attributes
    ----------
    evaluation : Evaluation
        Scored as the property is: relative errors in percent, or absolute ones.
    intervals : DataFrame
        `nested_intervals` of the headline arm.
    weights : DataFrame
        Of the stack, one row a fold.
    """

    evaluation: Evaluation
    intervals: pd.DataFrame
    weights: pd.DataFrame


def compare_arms(
    property: Property,
    dataset: Dataset,
    sources: Sources,
    effort: Effort,
    folder: Path,
    *,
    jobs: int,
    progress: bool,
) -> Mapping[str, Comparison]:
    """All arms of a property, for each kind of what is unseen; finished folds are kept."""
    competing = arms(property, sources, effort)
    chosen = {name: competing[name] for name in STACKED}
    options = {"n_jobs": jobs, "checkpoint": folder, "progress": progress}
    found = {}
    for unseen, group in SPLITS.items():
        split = GroupKFold(group, effort.folds)
        outer = with_averages(evaluate(competing, dataset, split, **options), AVERAGES)
        inner = evaluate(chosen, dataset, Nested(split, INNER_FOLDS), **options)
        outer, inner, weights = nested_stack(outer, inner, STACKED, HEADLINE)
        intervals = nested_intervals(outer, inner, HEADLINE, LEVEL, property.relative)
        scored = relative(outer) if property.relative else outer
        found[unseen] = Comparison(scored, intervals, weights)
    return found


def relative(evaluation: Evaluation) -> Evaluation:
    """The same with errors in percent of the measured value, so that MAE is MAPE (AARD)."""
    rows, truth = evaluation.rows, evaluation.rows["y_true"]
    share = {name: 100 * rows[name] / truth for name in ("y_true", "y_pred", "y_fallback")}
    return replace(evaluation, rows=rows.assign(**share, y_std=float("nan")))
