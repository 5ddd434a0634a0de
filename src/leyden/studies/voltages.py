"""Study: electrode voltages of many ions from lithium, and why (Zhang et al.)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leyden.artefact import writing
from leyden.data.catalog import load
from leyden.data.electrode_labels import label_distance
from leyden.data.sources import fetch
from leyden.errors import InputError
from leyden.source_networks import Lesson
from leyden.splits import GroupKFold
from leyden.studies import Option, StudyResult
from leyden.studies.data_sources import cited
from leyden.studies.electrode_arms import (
    HEADLINE,
    POTENTIAL,
    PUBLISHED,
    STACK,
    Effort,
    arms,
)
from leyden.studies.electrode_comparisons import compare_voltages
from leyden.studies.electrode_sources import at_most, load_electrodes, sources_of
from leyden.studies.measured_coverage import cv_plus
from leyden.studies.speed import ELECTRODES, END_TO_END, NETWORK, measure
from leyden.studies.voltages_claims import claims
from leyden.studies.voltages_findings import Findings
from leyden.studies.voltages_report import build_report

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "voltages"
TITLE = "Electrode voltages: from lithium to Na, K, Mg, Ca, Zn, Al and Y, and why"
OPTIONS = (
    Option("splits", int, 10, "random splits of the published protocol"),
    Option("repeats", int, 3, "repeats of the five framework folds"),
    Option("vector_repeats", int, 10, "repeats of them for arms that are no networks"),
    Option("jobs", int, 2, "processes of one thread each"),
)
FETCHED = ("flla-2015", "elastic-tensor-2015")
"""What the Python package index brings."""


_MISSING = (
    "The electrodes come from the Materials Project by your own key: set `MP_API_KEY` and run "
    "`leyden data fetch mp-electrodes`."
)
"""What is said where the data are not at hand."""


def run(
    out: Path,
    *,
    quick: bool,
    progress: bool,
    splits: int,
    repeats: int,
    vector_repeats: int,
    jobs: int,
) -> StudyResult:
    """Learn, compare, explain, report; what is finished under `out` is not done again.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    splits, repeats, vector_repeats, jobs : int
        As in `OPTIONS`.
    """
    effort = Effort.quick() if quick else Effort(splits, repeats, vector_repeats=vector_repeats)
    for name in FETCHED:
        fetch(name)
    try:
        everyone, structures = load_electrodes(), load("mp-electrodes")
    except InputError as error:
        return StudyResult.of_nothing(NAME, TITLE, error, _MISSING)
    electrodes = at_most(everyone, effort.rows)
    sources = sources_of(electrodes, effort.rows)
    evaluations = compare_voltages(
        effort, electrodes, sources, out / "folds", jobs=1 if quick else jobs, progress=progress
    )
    explained = effort.network(effort.epochs).set_params(readout="additive")
    speed, slow = ({}, []) if quick else measure(out / "speed", NETWORK, END_TO_END, ELECTRODES)
    found = Findings(
        effort=effort,
        electrodes=electrodes,
        sources=sources,
        evaluations=evaluations,
        labels=label_distance(everyone, structures),
        network=Lesson(explained, sources.lithium).learned(),
        intervals=cv_plus(
            arms(effort, sources)["structure kernel"],
            electrodes,
            GroupKFold("framework", effort.folds, effort.repeats),
            "clean",
        ),
        speed=speed,
    )
    with writing(out / "voltages.csv") as file:
        file.write(predictions(found).to_csv(index=False).encode())
    reservations = [
        f"{name}: {line}"
        for name, evaluation in evaluations.items()
        for line in evaluation.reservations([HEADLINE, POTENTIAL, STACK, PUBLISHED])
    ]
    return StudyResult(
        NAME,
        build_report(TITLE, found),
        claims(found),
        [cited(structures), *(cited(load(name)) for name in FETCHED)],
        [*slow, *reservations],
    )


def predictions(found: Findings) -> pd.DataFrame:
    """Every electrode with its label and its out-of-fold voltages of the first repeat."""
    rows = found.evaluations["grouped"].rows
    wanted = rows["arm"].isin([HEADLINE, POTENTIAL]) & (rows["repeat"] == 0)
    wide = rows[wanted].pivot(index="id", columns="arm", values="y_pred")
    electrodes = found.electrodes
    table = electrodes.extra[["formula_charged", "formula_discharged", "clean", "x_charged"]]
    table = table.assign(
        id=electrodes.ids,
        working_ion=electrodes.groups["working_ion"],
        framework=electrodes.groups["framework"],
        average_voltage_V=electrodes.y,
    )
    return table.merge(wide.add_suffix(" V").reset_index(), on="id")
