"""Tables of the study `ionic-liquids`: what is read off its evaluations, before it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from leyden.evaluation import Evaluation
from leyden.ion_domain import CATEGORIES
from leyden.metrics import r2
from leyden.studies.drawn_errors import DrawnErrors, Ratio
from leyden.studies.ionic_liquid_arms import HEADLINE, HYBRID, SCRATCH, Property
from leyden.studies.ionic_liquid_comparisons import Comparison
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.measured_coverage import pooled

__all__ = [
    "STAND_IN",
    "Errors",
    "answers",
    "arm_table",
    "cleaning_table",
    "coverage_table",
    "drawn_errors",
    "floor_table",
    "front_table",
    "taught",
    "transfer_table",
    "weight_table",
]

STAND_IN = "The simulations (closed forms and PM7/COSMO) are a stand-in for COSMO-RS."

Errors = Mapping[str, Mapping[str, DrawnErrors]]
"""By name of a property and by what is unseen, as the comparisons of the findings."""


def taught(evaluation: Evaluation) -> dict[str, tuple[str, str]]:
    """Arms that were taught something before: each to its kind of network and the lesson."""
    return {
        arm: (kind, arm.removeprefix(f"{kind}, "))
        for kind in (SCRATCH, HYBRID)
        for arm in evaluation.arms
        if arm.startswith(f"{kind}, ")
    }


def answers(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Measured and predicted values of an evaluation's rows; a missing one as it is scored."""
    said = rows["y_pred"].fillna(rows["y_fallback"])
    return rows["y_true"].to_numpy(float), said.to_numpy(float)


def drawn_errors(found: Findings) -> Errors:
    """Errors of all arms of all comparisons."""
    return {
        name: {unseen: DrawnErrors.of(one.evaluation) for unseen, one in by_split.items()}
        for name, by_split in found.comparisons.items()
    }


def arm_table(
    found: Findings, errors: Errors, property: Property, arms: Sequence[str]
) -> pd.DataFrame:
    """Scores of arms by what is unseen, and the error of the headline arm over each."""
    lines = []
    for unseen, own in errors[property.name].items():
        rows = found.comparisons[property.name][unseen].predicted.rows.groupby("arm")
        chosen = [arm for arm in arms if arm in own.error]
        for arm in sorted(chosen, key=own.error.__getitem__):
            low, high = own.interval(arm)
            fit = r2(*answers(rows.get_group(arm)))
            ratio = own.ratio(HEADLINE, arm)[:3] if arm != HEADLINE else (np.nan,) * 3
            error, missing = own.error[arm], own.missing[arm]
            lines.append((unseen, arm, error, low, high, fit, missing, *ratio))
    columns = ["unseen", "arm", "mae", "mae_low", "mae_high", "R2", "missing"]
    return pd.DataFrame(lines, columns=[*columns, "ratio", "low", "high"])


def transfer_table(found: Findings, errors: Errors) -> pd.DataFrame:
    """Every recommender that was taught before, over the same from scratch, paired.

    Returns
    -------
    DataFrame
        ``property, unseen, kind, lesson, error, scratch, ratio, low, high, verdict, shared``; the
        last is the mean number, over folds, of source rows whose pair is one of the target's.
    """
    lines = []
    for property in found.effort.properties:
        for unseen, own in errors[property.name].items():
            evaluation = found.comparisons[property.name][unseen].evaluation
            for arm, (kind, lesson) in taught(evaluation).items():
                what = property.title, unseen, kind, lesson, own.error[arm], own.error[kind]
                lines.append((*what, *own.ratio(arm, kind), _shared(evaluation, arm)))
    columns = ["property", "unseen", "kind", "lesson", "error", "scratch"]
    return pd.DataFrame(lines, columns=[*columns, *Ratio._fields, "shared"])


def _shared(evaluation: Evaluation, arm: str) -> float:
    told = [t["notes"].get("shared_items") for t in evaluation.tasks if t["arm"] == arm]
    known = [count for count in told if count is not None]
    return float(np.mean(known)) if known else float("nan")


def weight_table(found: Findings) -> pd.DataFrame:
    """Weights of the stack, averaged over folds, with the smallest and the greatest."""
    lines = []
    for property in found.effort.properties:
        for unseen, one in found.comparisons[property.name].items():
            weights = one.weights.drop(columns="fold")
            cells = {
                part: f"{own.mean():.2f} ({own.min():.2f} to {own.max():.2f})"
                for part, own in weights.items()
            }
            lines.append({"property": property.title, "unseen": unseen, **cells})
    return pd.DataFrame(lines)


def cleaning_table(found: Findings) -> pd.DataFrame:
    """Steps of all cleanings that changed something; the first of each is the source."""
    parts = []
    for property in found.effort.properties:
        log = found.cleaning[property.name]
        kept = (log["removed"] > 0) | (log["mended"] > 0) | (np.arange(len(log)) == 0)
        part = log.loc[kept, ["step", "why", "rows", "removed", "mended", "pairs"]]
        part.insert(0, "property", property.title)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def floor_table(found: Findings) -> pd.DataFrame:
    """Spread of replicate measurements of what has states; percent of the value, or decades."""
    lines = []
    for property in found.effort.properties:
        if property.shape == "constant":  # one value a pair
            continue
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
    for property in found.effort.properties:
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
