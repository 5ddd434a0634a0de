"""Where the voltages err, and when to doubt them: sections of the study's report."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pandas as pd

from leyden.data.electrode_labels import explain_distance
from leyden.in_domain import InDomain
from leyden.report import Report
from leyden.representations import represent
from leyden.representations.composition import CompositionStatistics
from leyden.representations.electrode import Host
from leyden.splits import GroupKFold, Taught
from leyden.studies.electrode_arms import HEADLINE, POTENTIAL, PUBLISHED
from leyden.studies.measured_coverage import coverage, pooled
from leyden.studies.voltages_findings import IONS, Findings, clean_ids

__all__ = ["doubt", "labels", "measured", "strata"]

ANIONS = frozenset(["N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"])


def strata(report: Report, found: Findings) -> None:
    """Errors by kind of row: clean or not, with or without ions in the host, alloys."""
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


def doubt(report: Report, found: Findings) -> None:
    """Error against distance from the training rows (first repeat), and coverage."""
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
    report.text(
        "Two kinds of intervals were measured on all rows, clean or not. A saved predictor gives "
        f"those of one width, here of the {HEADLINE}: each fold by the residuals of the other "
        "folds. CV+ asks five models of the training rows, cut by framework, for their residuals "
        "and their predictions; it was measured for the structure kernel, which is cheap enough."
    )
    report.table(_coverages(found), caption="Share of voltages within 90 % intervals.", digits=3)


def _coverages(found: Findings) -> pd.DataFrame:
    """Coverage of both kinds of intervals, ion by ion and pooled; intervals by frameworks."""
    lines = []
    for ion in (*IONS, None):
        ids = set(clean_ids(found.electrodes, ion, clean=False))
        part = found.evaluations["grouped"].subset(ids)
        if part.rows.groupby("repeat")["fold"].nunique().min() > 1:
            kinds = {
                f"one width, {HEADLINE}": coverage(part, HEADLINE),
                "CV+, structure kernel": pooled(found.intervals[found.intervals["id"].isin(ids)]),
            }
            for kind, (covered, (low, high)) in kinds.items():
                lines.append(
                    {
                        "ion": ion or "all ions",
                        "intervals": kind,
                        "coverage": covered,
                        "low": low,
                        "high": high,
                    }
                )
    return pd.DataFrame(lines)


def measured(report: Report, found: Findings) -> None:
    """Predictions beside the few measured voltages that could be found."""
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


def labels(report: Report, found: Findings) -> None:
    """How far the labels lie from the energies that they should follow from."""
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
