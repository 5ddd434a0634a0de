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

INNER_FOLDS = {"pairs": 3, "cations": 2, "anions": 2}
LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Comparison:
    """One property on one split.

    Attributes
    ----------
    evaluation : Evaluation
        Scored as the property is: relative errors in percent, or absolute ones.
    predicted : Evaluation
        The same in the unit of the property.
    intervals : DataFrame
        `nested_intervals` of the headline arm.
    weights : DataFrame
        Of the stack, one row a fold.
    """

    evaluation: Evaluation
    predicted: Evaluation
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
    found = {}
    for unseen, group in SPLITS.items():
        competing = arms(property, sources, effort, every_source=unseen == "pairs")
        chosen = {name: competing[name] for name in STACKED}
        split = GroupKFold(group, effort.folds)
        measured, inner = (
            evaluate(which, dataset, own, n_jobs=jobs, checkpoint=folder, progress=progress)
            for which, own in (
                (competing, split),
                (chosen, Nested(split, INNER_FOLDS[unseen])),
            )
        )
        outer = with_averages(measured, AVERAGES)
        outer, inner, weights = nested_stack(outer, inner, STACKED, HEADLINE)
        intervals = nested_intervals(outer, inner, HEADLINE, LEVEL, property.relative)
        scored = relative(outer) if property.relative else outer
        found[unseen] = Comparison(scored, outer, intervals, weights)
    return found


def relative(evaluation: Evaluation) -> Evaluation:
    """The same with errors in percent of the measured value, so that MAE is MAPE (AARD)."""
    rows, truth = evaluation.rows, evaluation.rows["y_true"]
    share = {name: 100 * rows[name] / truth for name in ("y_true", "y_pred", "y_fallback")}
    return replace(evaluation, rows=rows.assign(**share, y_std=float("nan")))
