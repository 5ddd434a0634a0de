"""The report of the study `voltages`: what was found, in the order in which one asks."""

from __future__ import annotations

from typing import Any

import pandas as pd

from leyden import plots
from leyden.report import Report
from leyden.studies.electrode_arms import (
    AVERAGES,
    BEST,
    CLASSICAL,
    HEADLINE,
    PUBLISHED,
    SCRATCH,
    UNTAUGHT,
)
from leyden.studies.voltages_doubt import doubt, labels, measured, strata
from leyden.studies.voltages_findings import IONS, Findings, clean_ids, of_ion
from leyden.studies.voltages_insight import insight

__all__ = ["build_report"]


def build_report(title: str, found: Findings) -> Report:
    """The page: finding, honest table, published protocol, learning curves, doubt, insight."""
    report = Report(title, _lead(found))
    _grouped(report, found)
    _cost(report, found)
    _random(report, found)
    _curves(report, found)
    strata(report, found)
    doubt(report, found)
    measured(report, found)
    labels(report, found)
    insight(report, found.network, found.sources.lithium)
    return report


def _lead(found: Findings) -> str:
    lines = []
    for ion in ("Zn", "Mg", "Ca", "Na"):
        if part := of_ion(found, "grouped", ion):
            pair = part.paired(HEADLINE, PUBLISHED)
            lines.append(f"{ion} {pair.score:.2f} V against {pair.score_against:.2f} V")
    quick = "" if found.effort.rows is None else "A quick run, which shows only that it works. "
    return (
        f"{quick}Voltages of {len(found.electrodes):,} electrodes of ten ions, on frameworks that "
        "no training row of any ion has seen. Mean absolute error of what we propose against that "
        f"of the published recipe on the same folds: {'; '.join(lines)}. Published figures rest on "
        "other data and random splits: the protocols differ, and the table says where."
    )


def _table(found: Findings, name: str) -> pd.DataFrame:
    """One row an arm, one column an ion: MAE in V on clean rows."""
    evaluation, columns = found.evaluations[name], {}
    for ion in IONS:
        if scored := of_ion(found, name, ion):
            columns[ion] = scored.scores(["mae"]).set_index("arm")["mae"]
    part = evaluation.subset(clean_ids(found.electrodes))
    columns["all ions"] = part.scores(["mae"]).set_index("arm")["mae"]
    table = pd.DataFrame(columns).reindex(evaluation.arms)
    seen = {t["arm"] for t in evaluation.tasks if t["notes"].get("may_have_seen_test")}
    table.insert(0, "may have seen test", ["yes" if arm in seen else "" for arm in table.index])
    table.insert(1, "reads both states", ["yes" if "both" in arm else "" for arm in table.index])
    return table.sort_values("all ions").reset_index(names="arm")


def _grouped(report: Report, found: Findings) -> None:
    grouped = found.evaluations["grouped"]
    report.section("How well, where the framework is new?").text(
        "Mean absolute errors in V on clean rows, pooled over the folds of a repeat and averaged "
        "over repeats. One set of folds serves all ions: no host of a test row teaches, for any "
        "ion, and the Li network and the formation energies lose its framework too. Arms with a "
        "potential read a network that has probably seen these compounds, and are marked; none of "
        "the claims rests on them.",
        f"What we propose is the {HEADLINE}: the mean of "
        f"{', '.join(f'`{part}`' for part in AVERAGES[HEADLINE])}, chosen "
        "after pilots of the vector arms on other framework folds of the same rows, and left as it "
        "is since these folds were scored. Whether its sources help is told by the arms that have "
        f"none: the {UNTAUGHT}, and the structure kernel and boosting alone.",
        *_whether_transfer_helps(found),
    )
    effort = found.effort
    caption = f"{effort.folds} folds of frameworks, {effort.repeats} repeats."
    report.table(_table(found, "grouped"), caption=caption, digits=3)
    report.table(
        _table(found, "grouped, more repeats"),
        caption=f"Arms that are no networks: {effort.folds} folds, {effort.vector_repeats} "
        "repeats, the first of them those of the table above.",
        digits=3,
    )
    figure, axes = plots.subplots(2, 4, width=11, height=6)
    first = grouped.rows[(grouped.rows["arm"] == HEADLINE) & (grouped.rows["repeat"] == 0)]
    for ax, ion in zip(axes.ravel(), IONS, strict=True):
        shown = first[first["id"].isin(clean_ids(found.electrodes, ion))]
        if len(shown):
            plots.parity(
                shown["y_true"], shown["y_pred"], ax, label=f"V against {ion}", truth="calculated"
            )
    report.figure(
        figure,
        caption=f"Predicted against calculated voltages, clean rows; arm: {HEADLINE}",
        alt="Eight parity plots, one an ion",
    )
    lines = []
    for ion in IONS:
        if part := of_ion(found, "grouped", ion):
            for other in (PUBLISHED, SCRATCH, *_WITHOUT_SOURCE, *CLASSICAL[1:]):
                lines.append(_line(ion, f"against {other}", part.paired(HEADLINE, other)))
    report.table(
        pd.DataFrame(lines),
        caption=f"{HEADLINE}, paired, ion by ion; 95 % intervals by drawing frameworks.",
        digits=3,
    )


_WITHOUT_SOURCE = (UNTAUGHT, "structure kernel", "structure boosting")


def _whether_transfer_helps(found: Findings) -> list[str]:
    """The verdicts of the proposed average against what knows no source, ion by ion."""
    sentences = []
    for other in _WITHOUT_SOURCE:
        verdicts = []
        for ion in IONS:
            if part := of_ion(found, "grouped", ion):
                pair = part.paired(HEADLINE, other)
                verdicts.append(f"{ion} {pair.verdict} ({pair.ratio:.2f})")
        sentences.append(f"Against the {other}: {', '.join(verdicts)}.")
    return sentences


def _cost(report: Report, found: Findings) -> None:
    """What each arm cost, and what `Best` chose."""
    tasks = pd.DataFrame(found.evaluations["grouped"].tasks)
    seconds = tasks.groupby("arm")["seconds"].agg(["mean", "sum"]).sort_values("mean")
    table = seconds.reset_index().set_axis(["arm", "seconds a fold", "seconds, all folds"], axis=1)
    choices = tasks.loc[tasks["arm"] == BEST, "notes"].map(lambda notes: notes.get("choice"))
    chosen = ", ".join(f"{name} {count}" for name, count in choices.value_counts().items())
    report.section("What does it cost, and what would caution choose?").text(
        "Seconds of one thread that each arm took to learn a fold of frameworks and to predict it, "
        "once its sources are learned: these are shared by all arms of a fold. An average costs "
        "what its parts cost.",
        f"The arm `{BEST}` takes a source only where inner folds of the training rows, cut by "
        f"framework, give evidence that it helps. It chose: {chosen}.",
    )
    report.table(table, caption="Cost of the arms.", digits=1)


def _line(ion: str, what: str, pair: Any) -> dict[str, Any]:
    return {
        "ion": ion,
        "comparison": what,
        "MAE ratio": pair.ratio,
        "low": pair.ratio_interval[0],
        "high": pair.ratio_interval[1],
        "verdict": pair.verdict,
    }


def _random(report: Report, found: Findings) -> None:
    report.section("And by the published protocol?").text(
        "Random rows, 80 % to learn from, 10 % to choose the weights of the stacks by, 10 % to "
        "score. Most hosts of a Zn test row then teach as hosts of another ion, which flatters "
        "every arm that reads them. Arms that learn formation energies are left out: their source "
        "would hold both structures of a test row.",
    )
    caption = f"{found.effort.splits} random splits."
    report.table(_table(found, "random"), caption=caption, digits=3)


def _curves(report: Report, found: Findings) -> None:
    report.section("How many measurements does it take?").text(
        "Fewer and fewer rows of one ion teach, down from as many as every fold has; test rows are "
        "the same at every size, and their frameworks are new. Sources are Li voltages and the "
        "formation energies of crystals that belong to no electrode: those of an undisclosed pair "
        "would give its voltage away. Two arms without a source get the Li rows beside those of "
        "the ion, so that what transfer adds is not just data."
    )
    shown = [PUBLISHED, SCRATCH, "structure kernel", "structure kernel, Li rows added"]
    shown += ["chain: formation energies, Li, ion", "frozen embeddings + structure"]
    figure, axes = plots.subplots(1, 2, width=10, height=4.4)
    lines = []
    for ax, ion in zip(axes, ("Zn", "Mg"), strict=True):
        curve = of_ion(found, f"curve {ion}", ion)
        if curve is None:
            continue
        scores = curve.scores(["mae"])
        part = scores[scores["arm"].isin(shown)].rename(
            columns={"size": "train_rows", "mae": "score", "mae_low": "low", "mae_high": "high"}
        )
        plots.learning_curve(part, ax, label=f"MAE of the voltage, {ion} (V)")
        for size in curve.sizes:
            for arm in curve.arms:
                for other in (SCRATCH, "structure kernel, Li rows added"):
                    if arm != other:
                        pair = curve.paired(arm, other, size=size)
                        lines.append({"rows": size, **_line(ion, f"{arm} against {other}", pair)})
    report.figure(
        figure,
        caption="Error against number of training rows; bands are 95 % intervals",
        alt="Learning curves for zinc and magnesium",
    )
    report.table(
        pd.DataFrame(lines),
        caption="Every arm against the network from scratch, and against the best that needs no "
        "source, paired; 95 % intervals.",
        digits=3,
    )
