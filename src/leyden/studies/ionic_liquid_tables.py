"""Tables of the study `ionic-liquids`: what is read off its evaluations, before it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.ion_domain import CATEGORIES
from leyden.metrics import r2
from leyden.paired import compare_errors
from leyden.studies.ionic_liquid_arms import HEADLINE, HYBRID, PROPERTIES, SCRATCH, Property
from leyden.studies.ionic_liquid_comparisons import Comparison
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.measured_coverage import pooled

__all__ = [
    "STAND_IN",
    "arm_table",
    "cleaning_table",
    "coverage_table",
    "floor_table",
    "front_table",
    "measured_values",
    "only",
    "over_arm",
    "ratios",
    "taught",
    "transfer_table",
    "weight_table",
]

STAND_IN = "The simulations, closed forms and PM7/COSMO, stand in for COSMO-RS."

_TURNED = {"gain": "harm", "harm": "gain", "no evidence": "no evidence"}


def ratios(evaluation: Evaluation, arms: Sequence[str], against: str) -> pd.DataFrame:
    """Errors of arms over those of one arm, paired: ``arm, ratio, low, high, verdict``."""
    (target,) = evaluation.targets
    pairs = compare_errors(evaluation.errors(target), arms, against, target=target)
    lines = [(one.arm, one.ratio, *one.ratio_interval, one.verdict) for one in pairs]
    return pd.DataFrame(lines, columns=["arm", "ratio", "low", "high", "verdict"])


def over_arm(evaluation: Evaluation, arm: str, others: Sequence[str]) -> pd.DataFrame:
    """Errors of one arm over those of others, paired: as `ratios`, ``arm`` being the other."""
    table = ratios(evaluation, others, arm)
    return table.assign(
        ratio=1 / table["ratio"],
        low=1 / table["high"],
        high=1 / table["low"],
        verdict=table["verdict"].map(_TURNED),
    )


def taught(evaluation: Evaluation) -> dict[str, tuple[str, str]]:
    """Arms that were taught something before: each to its kind of network and the lesson."""
    return {
        arm: (kind, arm.removeprefix(f"{kind}, "))
        for kind in (SCRATCH, HYBRID)
        for arm in evaluation.arms
        if arm.startswith(f"{kind}, ")
    }


def measured_values(
    rows: pd.DataFrame, property: Property, dataset: Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Answers and predictions of an evaluation's rows, in the unit of the data."""
    filled = rows["y_pred"].fillna(rows["y_fallback"]).to_numpy(float)
    truth = rows["y_true"].to_numpy(float)
    if not property.relative:
        return truth, filled
    percent = pd.Series(dataset.y, index=dataset.ids)[rows["id"]].to_numpy(float)
    return percent, filled * percent / 100


def only(evaluation: Evaluation, arms: Sequence[str]) -> Evaluation:
    """The evaluation of these arms, for scores that draw no others."""
    rows = evaluation.rows[evaluation.rows["arm"].isin(arms)]
    tasks = [task for task in evaluation.tasks if task["arm"] in arms]
    return replace(evaluation, rows=rows, tasks=tasks)


def arm_table(found: Findings, property: Property, arms: Sequence[str]) -> pd.DataFrame:
    """Scores of arms by what is unseen, and the error of the headline arm over each."""
    parts = []
    for unseen, one in found.comparisons[property.name].items():
        evaluation, dataset = one.evaluation, found.datasets[property.name]
        chosen = [arm for arm in arms if arm in evaluation.arms]
        few = only(evaluation, chosen)
        scores = few.scores(["mae"])[["arm", "mae", "mae_low", "mae_high", "missing"]]
        fits = {
            arm: r2(*measured_values(rows, property, dataset))
            for arm, rows in few.rows.groupby("arm", sort=False)
        }
        scores.insert(4, "R2", scores["arm"].map(fits))
        others = [arm for arm in chosen if arm != HEADLINE]
        paired = over_arm(few, HEADLINE, others)
        scores = scores.merge(paired, on="arm", how="left").sort_values("mae")
        scores.insert(0, "unseen", unseen)
        parts.append(scores.assign(verdict=scores["verdict"].fillna("")))
    return pd.concat(parts, ignore_index=True)


def transfer_table(found: Findings) -> pd.DataFrame:
    """Every recommender that was taught before, over the same from scratch, paired.

    Returns
    -------
    DataFrame
        ``property, unseen, kind, lesson, error, scratch, ratio, low, high, verdict, shared``; the
        last is the mean number, over folds, of source rows whose pair is one of the target's.
    """
    parts = []
    for property in PROPERTIES:
        for unseen, one in found.comparisons[property.name].items():
            arms, evaluation = taught(one.evaluation), one.evaluation
            errors = evaluation.rows.assign(
                error=(
                    evaluation.rows["y_pred"].fillna(evaluation.rows["y_fallback"])
                    - evaluation.rows["y_true"]
                ).abs()
            )
            mean = errors.groupby("arm")["error"].mean()
            for kind in (SCRATCH, HYBRID):
                own = [arm for arm in arms if arms[arm][0] == kind]
                if not own:
                    continue
                part = ratios(evaluation, own, kind)
                part.insert(0, "property", property.title)
                part.insert(1, "unseen", unseen)
                part.insert(2, "kind", kind)
                part.insert(3, "lesson", [arms[arm][1] for arm in part["arm"]])
                part.insert(4, "error", part["arm"].map(mean))
                part.insert(5, "scratch", mean[kind])
                part["shared"] = [_shared(evaluation, arm) for arm in part["arm"]]
                parts.append(part.drop(columns="arm"))
    return pd.concat(parts, ignore_index=True)


def _shared(evaluation: Evaluation, arm: str) -> float:
    told = [t["notes"].get("shared_items") for t in evaluation.tasks if t["arm"] == arm]
    known = [count for count in told if count is not None]
    return float(np.mean(known)) if known else float("nan")


def weight_table(found: Findings) -> pd.DataFrame:
    """Weights of the stack, averaged over folds, with the smallest and the greatest."""
    lines = []
    for property in PROPERTIES:
        for unseen, one in found.comparisons[property.name].items():
            weights = one.weights.drop(columns="fold")
            cells = {
                part: f"{own.mean():.2f} ({own.min():.2f} to {own.max():.2f})"
                for part, own in weights.items()
            }
            lines.append({"property": property.title, "unseen": unseen, **cells})
    return pd.DataFrame(lines)


def cleaning_table(log: pd.DataFrame) -> pd.DataFrame:
    """Steps of a cleaning that changed something, and the first, which is the source."""
    kept = (log["removed"] > 0) | (log["mended"] > 0) | (np.arange(len(log)) == 0)
    return log.loc[kept, ["step", "why", "rows", "removed", "mended", "pairs"]]


def floor_table(found: Findings) -> pd.DataFrame:
    """Spread of replicate measurements; percent of the value, or decades."""
    lines = []
    for property in PROPERTIES:
        floor = found.floors[property.name].astype(float)
        logarithm = property.target.startswith("log10_")
        factor = 1.0 if logarithm else 100.0
        for stage, row in floor.iterrows():
            lines.append(
                {
                    "property": property.title,
                    "rows": stage,
                    "spread": factor * row["spread"],
                    "low": factor * row["low"],
                    "high": factor * row["high"],
                    "unit": "decades" if logarithm else "%",
                    "state points": int(row["state_points"]),
                    "pairs": int(row["pairs"]),
                }
            )
    return pd.DataFrame(lines)


def coverage_table(found: Findings) -> pd.DataFrame:
    """Share of answers in their interval, its interval by drawing groups, and the median width."""
    lines = []
    for property in PROPERTIES:
        for unseen, one in found.comparisons[property.name].items():
            share, (low, high) = pooled(one.intervals)
            width, unit = _width(one, property)
            lines.append(
                {
                    "property": property.title,
                    "unseen": unseen,
                    "coverage": 100 * share,
                    "low": 100 * low,
                    "high": 100 * high,
                    "groups": one.intervals["group"].nunique(),
                    "rows": len(one.intervals),
                    "width": width,
                    "unit": unit,
                }
            )
    return pd.DataFrame(lines)


def _width(one: Comparison, property: Property) -> tuple[float, str]:
    width = one.intervals["high"] - one.intervals["low"]
    if property.relative:
        width = 100 * width / one.intervals["y_true"]
    return float(width.median()), property.unit


def front_table(rows: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """Pairs of a screening with some properties, and what is known of each by the worst model."""
    codes = np.max([rows[f"{name}_domain"].cat.codes.to_numpy() for name in targets], axis=0)
    table = rows[["cation_smiles", "anion_smiles"]].astype(str)
    table = table.set_axis(["cation", "anion"], axis=1)
    for name in targets:
        table[name] = rows[name].to_numpy(float)
        table[f"{name}_lower"] = rows[f"{name}_lower"].to_numpy(float)
        table[f"{name}_upper"] = rows[f"{name}_upper"].to_numpy(float)
    return table.assign(known=np.array([*CATEGORIES, "not told"])[codes])
