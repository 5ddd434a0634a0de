"""Twenty billion compositions before a model of conduction, and what is left of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.dataset import Dataset
from leyden.models.conductors import ElementalClassifier
from leyden.report import Report
from leyden.representations import represent
from leyden.screening import (
    CompositionJob,
    CompositionSpace,
    Inside,
    Neutral,
    ScoreAbove,
    cost,
    fractions,
    in_domain,
    molar_mass,
    not_radioactive,
    oxides,
    rows,
)
from leyden.screening.criteria import Criterion
from leyden.screening.engine import Screening, run
from leyden.screening.scores import ElementScore
from leyden.studies.conductor_arms import MEANS, eML
from leyden.studies.conductor_data import ANIONS
from leyden.studies.conductor_predictors import Judges

__all__ = ["COST", "MASS", "ROWS", "neutral_by", "resembling", "screen", "student", "tell_inside"]

MASS, COST, ROWS = 40.0, 100.0, 4
"""Greatest mean atomic mass (g/mol) and cost (USD/kg), last row of the periodic table. The paper
names the criteria and no limits."""
NAMES = {
    "formation_energy_eV_per_atom": "formation, eV/atom",
    "decomposition_enthalpy_eV_per_atom": "decomposition, eV/atom",
    "band_gap_eV": "gap, eV",
    "average_voltage_V": "voltage, V",
}
"""Headings of what the models of composition say."""
STATES = {"C": (-4, 4)}
"""In place of the common states, among which 0 makes whatever is nearly all carbon neutral."""


def student(structures: Dataset, teacher: Any) -> ElementalClassifier:
    """The elemental model of nine means that has learned what a teacher says of structures."""
    labels = teacher.decision(represent(teacher.representation, structures)) > 0
    return eML().fit(represent(MEANS, structures), np.asarray(labels, float))


def screen(
    model: ElementalClassifier,
    folder: Path,
    *,
    beside: Sequence[Criterion] = (),
    quick: bool,
    progress: bool,
) -> Screening:
    """All compositions of lithium with two or three others in 1 % steps, resumed where it ended.

    Parameters
    ----------
    model : ElementalClassifier
    folder : Path
    beside : sequence of Criterion
        Asked after the common criteria. In place of "oxides", which takes carbides with a little
        oxygen, neutrality then lets none but `ANIONS` be negative; and the best few of each
        chemical system are kept, since models judge what is kept, and the best of all are
        neighbours of one another.
    quick, progress : bool
    """
    anions = sorted(ANIONS) if beside else None
    job = CompositionJob(
        [
            ScoreAbove(),
            Neutral(states=STATES, anions=anions),
            molar_mass(MASS),
            cost(COST),
            rows(ROWS),
            *([] if beside else [oxides()]),
            not_radioactive(),
            *beside,
        ],
        ElementScore(**model.element_score_arrays()),
        space=_space(quick),
        keep=(50 if quick else 5000) if beside else 1000,
        keep_per_system=20 if beside else None,
    )
    return run(job, folder, progress=progress)


def neutral_by(
    models: Mapping[str, ElementalClassifier], *, quick: bool
) -> dict[tuple[str, str], dict[str, float]]:
    """The published fractions, by what taught the student and by what may be of which charge."""
    ways = {
        "common": Neutral(states=STATES),
        "common, only oxygen negative": Neutral(states=STATES, anions=("O",)),
        "ICSD": Neutral("icsd"),
        "all known": Neutral("all"),
    }
    found = {}
    for (taught, model), (states, neutral) in product(models.items(), ways.items()):
        score = ElementScore(**model.element_score_arrays())
        job = CompositionJob([ScoreAbove(), neutral], score, space=_space(quick), keep=1)
        found[taught, states] = fractions(job.run_all().counts)
    return found


def _space(quick: bool) -> CompositionSpace:
    small = CompositionSpace(elements=("O", "P", "S", "Na"), parts=20)
    return small if quick else CompositionSpace()


def resembling(structures: Dataset) -> Inside:
    """The criterion that a composition resembles the structures which taught the student."""
    return in_domain(structures.groups["formula"].tolist())


def tell_inside(report: Report, inside: Screening, judges: Judges) -> None:
    """A section on the candidates that resemble what taught the model, and on their stability."""
    report.section("What is left where the model has been taught?").text(
        "The score is linear and rises without end, and most structures that the published "
        "equation calls good are alloys, of whose anions it says nothing sensible. So another "
        "student is taught by salts alone (structures that hold an anion), and the screening is "
        "asked again for candidates in which only anions are negative, no carbides or silicides, "
        "whose elements occur in at least five of the structures that taught the model, "
        "and whose means of the nine properties, and fraction of lithium, lie between the 1st and "
        "the 99th percentile of these structures. That is necessary for interpolation, and not "
        "sufficient: between the ranges lie combinations that nothing taught. At most 20 "
        "candidates of one chemical system are kept, for the best are neighbours in steps of 1 %.",
        "Models of composition judge what is kept: formation energy, decomposition enthalpy and "
        "band gap of lithium compounds (Materials Project), and the voltage at which lithium is "
        "taken out of insertion electrodes. The gap is an upper bound of the width of the "
        "electrochemical window, and the voltage a proxy of its oxidative end, learned from "
        "compounds that do give up their lithium; the window itself needs the competing phases, "
        "and its reductive end is not asked here at all. The models were taught compounds that "
        "somebody thought worth computing, most of them near the hull, and know no polymorphs: a "
        "composition in steps of 1 % that passes is not ruled out, and need not exist. That they "
        "learn absolute errors was chosen after squared errors had been scored on these systems.",
    )
    report.table(inside.funnel, caption="The funnel with the further criteria.", digits=4)
    if len(judges.scores):
        report.table(
            judges.scores,
            caption="The models of composition, on chemical systems that they have not seen: mean "
            "absolute error in the unit of the target, that of the median, how often the 90 % "
            "interval holds the value, and the shares of compounds that fulfil the criterion, of "
            "all and of those predicted to.",
            digits=3,
        )
    best = inside.rows.head(20).drop(columns="key")
    strange = [column for column in map(str, best) if column.endswith("_in_domain_percentile")]
    best = best.assign(**{"strangest to a model": best[strange].max(axis=1)} if strange else {})
    hidden = ("_std", "_lower", "_upper", "_in_domain_percentile")
    report.table(
        best[[column for column in map(str, best) if not column.endswith(hidden)]],
        names={one.target: NAMES[one.target] for one in judges.criteria},
        caption="The best that pass all criteria, models included; last: the greatest of their "
        "in-domain percentiles, 100 being farther from what taught a model than anything there.",
        digits=3,
    )
