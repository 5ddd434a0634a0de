"""The report of the study `voltages`: what was found, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from leyden import plots
from leyden.data.dataset import Dataset
from leyden.data.electrode_labels import explain_distance
from leyden.evaluation import Evaluation
from leyden.in_domain import InDomain
from leyden.report import Report
from leyden.representations import represent
from leyden.representations.composition import CompositionStatistics
from leyden.representations.electrode import Host
from leyden.splits import GroupKFold, Taught
from leyden.studies.averages import coverage
from leyden.studies.electrode_arms import (
    AVERAGES,
    CLASSICAL,
    HEADLINE,
    POTENTIAL,
    PUBLISHED,
    SCRATCH,
    UNTAUGHT,
    Effort,
)
from leyden.studies.electrode_sources import Sources
from leyden.studies.voltages_insight import insight

__all__ = ["IONS", "Findings", "build_report", "clean_ids", "of_ion"]

IONS = ("Li", "Na", "K", "Mg", "Ca", "Zn", "Al", "Y")
ANIONS = frozenset(["N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"])


@dataclass(frozen=True, eq=False)
class Findings:
    """What the study measured, before it is told.

    Attributes
    ----------
    effort : Effort
    electrodes : Dataset
    sources : Sources
    evaluations : mapping of str to Evaluation
        As of `compare_voltages`.
    labels : DataFrame
        Each label beside its energies, as of `label_distance`.
    network : CrystalGraphNetwork
        Additive read-out, taught all clean Li rows: what is explained, and scored nowhere.
    speed : mapping of str to float
    """

    effort: Effort
    electrodes: Dataset
    sources: Sources
    evaluations: Mapping[str, Evaluation]
    labels: pd.DataFrame
    network: Any
    speed: dict[str, float]


def clean_ids(electrodes: Dataset, ion: str | None = None, clean: bool = True) -> list[str]:
    """Ids of the rows of an ion, or of all; those that are clean, or all."""
    mine = electrodes.extra["clean"].astype(bool).to_numpy() | (not clean)
    if ion is not None:
        mine &= (electrodes.groups["working_ion"] == ion).to_numpy()
    return electrodes.ids[mine].tolist()


def of_ion(found: Findings, name: str, ion: str, clean: bool = True) -> Evaluation | None:
    """An evaluation, scored on the rows of an ion; None where it tested none of them."""
    evaluation = found.evaluations[name]
    ids = set(clean_ids(found.electrodes, ion, clean)) & set(evaluation.rows["id"])
    return evaluation.subset(ids) if ids else None


def build_report(title: str, found: Findings) -> Report:
    """The page: finding, honest table, published protocol, learning curves, doubt, insight."""
    report = Report(title, _lead(found))
    _grouped(report, found)
    _random(report, found)
    _curves(report, found)
    _strata(report, found)
    _doubt(report, found)
    _measured(report, found)
    _labels(report, found)
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


def _strata(report: Report, found: Findings) -> None:
    grouped, extra = found.evaluations["grouped"], found.electrodes.extra
    alloy = np.array([ANIONS.isdisjoint(item.host.symbols) for item in found.electrodes.items])
    clean = extra["clean"].astype(bool).to_numpy()
    started = extra["x_charged"].to_numpy(float) > 0
    strata = {
        "clean rows": clean,
        "all rows": np.ones(len(clean), bool),
        "host without the ion": clean & ~started,
        "host holds the ion already": clean & started,
        "alloy-like host (no anion)": clean & alloy,
        "host with an anion": clean & ~alloy,
    }
    lines = []
    for name, rows in strata.items():
        ids = set(found.electrodes.ids[rows])
        if not ids & set(grouped.rows["id"]):
            continue
        scores = grouped.subset(ids).scores(["mae", "rmse"]).set_index("arm")
        for arm in (HEADLINE, POTENTIAL, PUBLISHED, "gradient boosting"):
            if arm in scores.index:
                values = {"MAE (V)": scores.loc[arm, "mae"], "RMSE (V)": scores.loc[arm, "rmse"]}
                lines.append({"rows": name, "n": len(ids), "arm": arm, **values})
    report.section("Where does it err?").text(
        "A row is clean if its label agrees with its formation energies within 0.05 V and lies "
        "between -1 and 6 V; the filter cleans what is learned from, and all rows are scored too."
    )
    report.table(pd.DataFrame(lines), caption="Errors by kind of row.", digits=3)


def _doubt(report: Report, found: Findings) -> None:
    """Error against distance from the training rows, on the folds of the first repeat."""
    electrodes, grouped = found.electrodes, found.evaluations["grouped"]
    X = np.asarray(represent(Host(CompositionStatistics()), electrodes), float)
    percentile = np.full(len(electrodes), np.nan)
    split = Taught(GroupKFold("framework", found.effort.folds, 1), "clean")
    for fold in split.split(electrodes):
        domain = InDomain().fit(X[fold.train], electrodes.ids[fold.train])
        percentile[fold.test] = domain.percentile(X[fold.test])
    rows = grouped.rows[(grouped.rows["arm"] == HEADLINE) & (grouped.rows["repeat"] == 0)]
    place = rows["id"].map(dict(zip(electrodes.ids, percentile, strict=True)))
    error = (rows["y_pred"].fillna(rows["y_fallback"]) - rows["y_true"]).abs()
    kept = rows["id"].isin(clean_ids(electrodes))
    bins = pd.cut(place[kept], [-1, 50, 80, 95, 101], labels=["0-50", "50-80", "80-95", "95-100"])
    table = error[kept].groupby(bins, observed=True).agg(["size", "mean", "median"]).reset_index()
    table.columns = ["in-domain percentile", "rows", "MAE (V)", "median error (V)"]
    report.section("When should one doubt it?").text(
        "The percentile says how far the composition of a host lies from the training rows, "
        "measured by their own distances."
    )
    report.table(
        table.astype({"in-domain percentile": str}),
        caption=f"Error of the {HEADLINE} by distance from the training rows.",
        digits=3,
    )
    lines = []
    for ion in IONS:
        part = of_ion(found, "grouped", ion, clean=False)
        if part and part.rows.groupby("repeat")["fold"].nunique().min() > 1:
            covered, (low, high) = coverage(part, HEADLINE)
            lines.append({"ion": ion, "coverage": covered, "low": low, "high": high})
    report.table(
        pd.DataFrame(lines),
        caption="Share of voltages within 90 % intervals that each ion's other folds calibrate.",
        digits=3,
    )


def _measured(report: Report, found: Findings) -> None:
    file = resources.files("leyden.studies") / "measured_voltages.csv"
    with resources.as_file(file) as path:
        measured = pd.read_csv(path)
    ids = measured["charged_id"] + "->" + measured["discharged_id"] + ":" + measured["working_ion"]
    rows = found.evaluations["grouped"].rows
    first = rows[rows["repeat"] == 0]
    wide = first.pivot(index="id", columns="arm", values="y_pred")
    labels = dict(zip(found.electrodes.ids, found.electrodes.y, strict=True))
    table = measured.assign(calculated_V=ids.map(labels))
    for arm in (HEADLINE, POTENTIAL):
        if arm in wide:
            table[f"{arm} (V)"] = ids.map(wide[arm])
    names = ["working_ion", "formula_discharged", "measured_voltage_V", "calculated_V"]
    names += [str(name) for name in table if str(name).startswith("average")]
    table = table.dropna(subset=["calculated_V"])
    if table.empty:
        return
    report.section("Beside measured electrodes").text(
        "Electrodes whose voltage was measured and could be found with a DOI, and whose structures "
        "are here. Predictions are out of fold, of the first repeat. They are too "
        "few for a statistic; the calculated voltage, which is what was learned, is off by itself."
    )
    caption = "Measured, calculated and predicted voltages."
    report.table(table[[*names, "doi"]], caption=caption, digits=3)
    notes = table["formula_discharged"] + ": " + table["source_note"] + " x: " + table["range_of_x"]
    report.text(*notes)


def _labels(report: Report, found: Findings) -> None:
    distance = found.labels["distance_V"]
    worst = found.labels.nlargest(10, "distance_V")
    table = worst[["label_V", "voltage_V", "distance_V"]].reset_index(names="electrode")
    table["explanation"] = [explain_distance(row) for _, row in worst.iterrows()]
    causes = found.labels.loc[distance > 0.05, "cause"].value_counts()
    told = ", ".join(f"{cause} {count}" for cause, count in causes.items())
    report.section("Can the labels be trusted?").text(
        "A label is the voltage that the Materials Project lists; beside it stands the voltage of "
        f"the formation energies that it stores. Of {distance.notna().sum():,} pairs half agree "
        f"within {distance.median():.1g} V and 90 % within {distance.quantile(0.9):.3f} V. Causes "
        f"of the rest, detected by rule: {told}."
    )
    report.table(table, caption="The ten labels farthest from their energies.", digits=3)
