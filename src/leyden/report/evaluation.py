"""The report of an evaluation: what was compared, how, and what may be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from leyden.plots import paired_differences, parity, subplots
from leyden.report import Report, Source

if TYPE_CHECKING:
    from leyden.evaluation import Evaluation

__all__ = ["evaluation_report"]

_WORDS = {"gain": "errs less", "harm": "errs more", "no evidence": "no evidence of a difference"}


def evaluation_report(evaluation: Evaluation, *, command: str, version: str) -> Report:
    """Scores, paired differences, parity of the best arm, and every reservation.

    Parameters
    ----------
    evaluation : Evaluation
    command, version : str
        What made it; shown in the footer.
    """
    about = evaluation.about
    data = about["data"]
    report = Report(f"Comparison on {data['name']}", _lead(evaluation))
    report.sources([Source(data["name"], data["rows"], data["sha256"])])
    report.provenance(command=command, version=version)
    report.section("Scores").text(
        f"{about['split']} Every score is computed on pooled out-of-fold predictions of a repeat "
        "and then averaged over repeats; a missing prediction is scored as the training mean."
    )
    scores = evaluation.scores()
    kept = [c for c in scores.columns if not c.endswith("_spread") and scores[c].notna().any()]
    report.table(scores[kept], caption="Every arm on the same folds.")
    if len(evaluation.arms) > 1:
        _differences(evaluation, report)
    report.section("Predicted against measured")
    for target in evaluation.targets:
        _parity(evaluation, scores, target, report)
    if told := list(evaluation.reservations()):
        report.section("Reservations").text(*told)
    return report.warnings([f"{task['arm']}: {task['error']}" for task in evaluation.failures])


def _lead(evaluation: Evaluation) -> str:
    reference = evaluation.about["reference"]
    sentences = []
    for pair in evaluation.comparisons():
        if pair.arm in evaluation.about["transfers"] and pair.size == evaluation.sizes[-1]:
            sentences.append(
                f"{pair.arm} {_WORDS[pair.verdict]} than {reference} on {pair.target}: "
                if pair.verdict != "no evidence"
                else f"{pair.arm} against {reference} on {pair.target}: {_WORDS[pair.verdict]}, "
            )
            low, high = pair.ratio_interval
            sentences[-1] += f"MAE ratio {pair.ratio:.3f} ({low:.3f} to {high:.3f})."
    return " ".join(sentences) or f"{len(evaluation.arms)} arms on the same folds; none transfers."


def _differences(evaluation: Evaluation, report: Report) -> None:
    reference = evaluation.about["reference"]
    pairs = evaluation.comparisons()
    report.section(f"Paired with {reference}")
    table = pd.DataFrame(
        [
            {
                "arm": pair.arm,
                "target": pair.target,
                "training rows": pair.size or "all",
                "difference of MAE": pair.difference,
                "low": pair.interval[0],
                "high": pair.interval[1],
                "ratio": pair.ratio,
                "verdict": _WORDS[pair.verdict],
            }
            for pair in pairs
        ]
    )
    report.table(table, caption=f"MAE less that of {reference}, with 95 % intervals.")
    for target in evaluation.targets:
        mine = [p for p in pairs if p.target == target and p.size == evaluation.sizes[-1]]
        figure, axes = subplots(1, 1, width=7.0, height=1.2 + 0.35 * len(mine))
        shown = pd.DataFrame(
            {
                "arm": [pair.arm for pair in mine],
                "difference": [pair.difference for pair in mine],
                "low": [pair.interval[0] for pair in mine],
                "high": [pair.interval[1] for pair in mine],
            }
        )
        paired_differences(shown, axes, label=f"difference of MAE, {target}")
        report.figure(
            figure,
            caption=f"Difference of MAE from {reference}, {target}.",
            alt=f"Forest plot of paired differences from {reference} for {target}",
        )


def _parity(evaluation: Evaluation, scores: pd.DataFrame, target: str, report: Report) -> None:
    size = evaluation.sizes[-1]
    mine = scores[(scores["target"] == target) & (scores["size"] == size)]
    if "mae" not in mine or mine["mae"].isna().all():
        return
    best = str(mine.sort_values("mae")["arm"].iloc[0])
    rows = evaluation.rows
    rows = rows[(rows["target"] == target) & (rows["arm"] == best) & (rows["size"] == size)]
    figure, axes = subplots(1, 1, width=5.0, height=5.0)
    parity(rows["y_true"], rows["y_pred"], axes, label=target)
    report.figure(
        figure,
        caption=f"Out-of-fold predictions of {best}, the arm with the least MAE; choosing it on "
        "these rows flatters it.",
        alt=f"Predicted against measured {target}",
    )
