"""The report of the study `conductors`: what was found, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leyden import plots
from leyden.bounded_scores import bounded_scores
from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.models.atom2vec import ElementContributions
from leyden.plots.periodic_table import periodic_table
from leyden.report import Report
from leyden.screening.engine import Screening
from leyden.studies.class_scores import balanced_accuracies, balanced_gain
from leyden.studies.conductivity_forest import CODE, CODED
from leyden.studies.conductor_data import Conductors
from leyden.studies.conductor_predictors import Judges
from leyden.studies.conductor_screen import tell_inside
from leyden.studies.conductor_table import Answers, Choices
from leyden.studies.conductors_classes import tell_choices, tell_classes, tell_table
from leyden.studies.conductors_published import tell_published
from leyden.studies.family_scores import (
    by_family,
    decades_off,
    effective_number,
    equal_families,
)

__all__ = ["Findings", "build_report"]

ANIONS = ("N", "O", "F", "P", "S", "Cl", "Se", "Br", "Te", "I")


@dataclass(frozen=True, eq=False)
class Findings:
    """What the study measured, before it is told.

    Attributes
    ----------
    data : Conductors
    subsets : Choices
        How descriptors were chosen on the 40 compounds.
    table : list of Answers
        The cells of Table I.
    classes : Evaluation
        Good or poor, composition families of OBELiX kept apart.
    regressed : Dataset
        Phases of OBELiX with log10 conductivities and their bounds.
    conductivity : Evaluation
        Of these, on the same kind of folds.
    accuracy_of_dimension : DataFrame
        ``dimension, accuracy, spread`` of atom2vec.
    contributions : ElementContributions
    model : ElementalClassifier
        The student whose score screens.
    screening, inside : Screening
        Without and with the criteria of domain and of composition models.
    judges : Judges
        These models.
    fractions : mapping of (str, str) to dict
        The published fractions by what taught the student and by table of oxidation states.
    speed : mapping of str to float
    """

    data: Conductors
    subsets: Choices
    table: list[Answers]
    classes: Evaluation
    regressed: Dataset
    conductivity: Evaluation
    accuracy_of_dimension: pd.DataFrame
    contributions: ElementContributions
    model: Any
    screening: Screening
    inside: Screening
    judges: Judges
    fractions: Mapping[tuple[str, str], Mapping[str, float]]
    speed: Mapping[str, float]


def build_report(title: str, found: Findings) -> Report:
    """The page: does it transfer, Table I, conductivities, the screening, what elements do."""
    scores = balanced_accuracies(found.classes)
    gain = balanced_gain(found.classes, "esML", "eML")
    verdict = "is evidence" if gain.low > 0 else "is no evidence"
    report = Report(
        title,
        f"A structural model taught an elemental one. On {len(found.data.measured)} measured "
        "conductors, composition families kept apart, the taught model has a balanced accuracy of "
        f"{scores['esML'].value:.2f} against {scores['eML'].value:.2f} of the one that learns the "
        f"measurements themselves; a gain of {gain.value:.2f} ({gain.low:.2f} to {gain.high:.2f}) "
        f"{verdict} that the detour helps. The rule that whatever holds no oxygen is good has "
        f"{scores['without oxygen'].value:.2f} and has learned nothing. "
        f"{found.screening.candidates:,} compositions were screened.",
    )
    tell_classes(report, found.classes, found.data)
    tell_table(report, found.table)
    tell_choices(report, found.subsets)
    _conductivity(report, found)
    coded = bounded_scores(found.conductivity, found.regressed, CODE).set_index("arm")
    tell_published(report, coded["mae_at_code"]["average"])
    _screening(report, found)
    tell_inside(report, found.inside, found.judges)
    _elements(report, found)
    return report


def _conductivity(report: Report, found: Findings) -> None:
    table = bounded_scores(found.conductivity, found.regressed, CODE).drop(
        columns=["target", "n", "bounds"]
    )
    columns = ["arm", "at the bound", "at 1e-15", "one-sided", "measured rows", "concordance"]
    table = table.drop(columns="tobit_loss").set_axis(columns, axis=1)
    rows = found.conductivity.rows
    alike = equal_families(found.conductivity, decades_off)
    table.insert(2, "families alike", table["arm"].map(alike))
    report.section("How large is the conductivity?").text(
        f"log10 of the conductivity in S/cm, from composition, cell and space group. Of the "
        f"{len(found.regressed)} values {int(found.regressed.bounds.sum())} were too small to "
        "measure and are upper bounds: scored at the bound, at 1e-15 as the authors of OBELiX code "
        "them, one-sided (whatever lies below is right), and left out. Censored arms take a bound "
        "for what it is. A few families are large, as many as "
        f"{effective_number(found.conductivity):.0f} of one size would be: where each family "
        "counts as one, the order of the arms is another.",
    )
    report.table(
        table.sort_values("at the bound"), caption="Mean absolute errors in decades.", digits=3
    )
    report.table(
        by_family(found.conductivity, [CODED, "average"], decades_off),
        caption="Errors in decades, by family of compositions; truth: mean log10 S/cm.",
        digits=3,
    )
    if pairs := _pairs(found.conductivity):
        report.text(
            "What moving knowledge, and what reading bounds as bounds is worth, on the same folds. "
            f"{_verdict(pairs)}"
        )
        report.table(
            pd.DataFrame(pairs), caption="Errors less those of the second arm, decades.", digits=3
        )
    shown = rows[(rows["arm"] == "average") & (rows["repeat"] == 0)]
    figure, ax = plots.subplots(1, 1, width=5, height=4.6)
    plots.parity(shown["y_true"], shown["y_pred"], ax, label="log10 S/cm", truth="measured")
    report.figure(
        figure,
        caption="Predicted against measured conductivity, families kept apart; arm: average",
        alt="Parity plot of conductivities",
    )


def _pairs(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Arms that differ in one thing, on the same rows."""
    asked = {
        "transfer": [
            ("frozen embeddings", "kernel"),
            ("frozen embeddings, no shared items", "kernel"),
            ("frozen embeddings, censored", "kernel, censored"),
            ("fine-tuned perceptron", "perceptron"),
        ],
        "bounds as bounds": [
            ("kernel, censored", "kernel"),
            ("boosting, censored", "boosting"),
        ],
        "the whole": [("average", "median")],
    }
    found = []
    for what, pairs in asked.items():
        for arm, against in pairs:
            if {arm, against} <= set(evaluation.arms):
                pair = evaluation.paired(arm, against)
                low, high = pair.interval
                found.append(
                    {
                        "what": what,
                        "arm": arm,
                        "less": against,
                        "difference": pair.difference,
                        "low": low,
                        "high": high,
                        "verdict": pair.verdict,
                    }
                )
    return found


def _verdict(pairs: list[dict[str, Any]]) -> str:
    """What the intervals say of transfer, in a sentence."""
    said = [pair["verdict"] for pair in pairs if pair["what"] == "transfer"]
    harm, gain = said.count("harm"), said.count("gain")
    return (
        f"Of {len(said)} comparisons of transfer {harm} show harm, {gain} a gain, and "
        f"{len(said) - harm - gain} no evidence of either."
    )


def _screening(report: Report, found: Findings) -> None:
    true_oxides = {
        taught: values["fraction_good_of_neutral"]
        for (taught, states), values in found.fractions.items()
        if "oxygen" in states
    }
    report.section("What is left of all compositions?").text(
        "Every composition of lithium and two or three other elements in steps of one per cent, "
        "before the taught elemental model and criteria of charge, mass, cost, row and anion. "
        "Elements that lack a property have no score; they are counted and not kept. As in the "
        "paper, an oxide is what holds oxygen, which leaves carbides with a little oxygen: see the "
        "next section. The scores rank by the distance from a plane: they say nothing of stability "
        "or synthesis, and far from all structures that taught them nothing of conduction either.",
        "Published are 60 % good, 10 % neutral, and 7 % good among the neutral. What is good "
        "depends on what taught the student, and what is neutral on the table of oxidation states; "
        "but even all states that are known, one for each element of a composition, make fewer "
        "neutral than published, so the paper must have counted otherwise, perhaps several states "
        "of one element together. The weights of its model are not public. Where nothing but "
        "oxygen may be negative, which is an oxide in the chemist's sense, the student of all "
        f"structures finds {true_oxides['all structures']:.3f} of the neutral ones good and that "
        f"of salts {true_oxides['salts']:.3f}: they have learned that oxides conduct poorly.",
    )
    report.table(found.screening.funnel, caption="Candidates left after each criterion.", digits=4)
    lines = [
        {
            "taught by": taught,
            "oxidation states": source,
            "good of the scored": values["fraction_good"],
            "neutral": values["fraction_neutral"],
            "good of the neutral": values["fraction_good_of_neutral"],
        }
        for (taught, source), values in found.fractions.items()
    ]
    report.table(
        pd.DataFrame(lines),
        caption="The published fractions (0.60, 0.10, 0.07), by what taught the student and by "
        "pymatgen's table of states; among the common ones carbon has -4 and 4.",
        digits=3,
    )
    best = found.screening.rows.head(20).drop(columns="key")
    report.table(best, caption="The best that pass all criteria.", digits=3)


def _elements(report: Report, found: Findings) -> None:
    values, elements = found.contributions.values, found.contributions.elements
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=0)
    table = pd.DataFrame({"element": elements, "contribution": middle, "low": low, "high": high})
    table = table.sort_values("contribution", ascending=False)
    speak_for = table[table["low"] > 0]["element"].tolist()
    against = table[table["high"] < 0]["element"].tolist()[::-1]
    first = [elements[i] for i in values.argmax(axis=1)]
    anions = table[table["element"].isin(ANIONS)]
    report.section("What does each element do?").text(
        f"Element vectors were learned {len(values):,} times from random initialisations "
        "(atom2vec). A contribution is the log odds that the plane nearest to a network's "
        "decisions gives to a pure element; low and high are the 5th and 95th percentile over the "
        "initialisations. The paper finds lithium first, and sulfur and phosphorus foremost among "
        f"the anions. Here lithium is first in {first.count('Li') / len(first):.0%} of the "
        "initialisations: most structures that the teacher calls good are alloys, and their metals "
        f"lead. At least 95 % agree that {', '.join(speak_for) or 'no element'} speak for "
        f"conduction, and {', '.join(against) or 'no element'} against it. Of the anions the "
        f"median falls in the order {', '.join(anions['element'])}, but most of their bands "
        "overlap, and elements of which few structures hold any are set by chance."
    )
    figure, ax = plots.subplots(1, 1, width=11, height=6)
    periodic_table(dict(zip(elements, middle, strict=True)), ax, label="contribution", centre=0.0)
    report.figure(
        figure, caption="Median contribution of each element", alt="Periodic table of contributions"
    )
    report.table(table.head(10), caption="The elements that speak most for conduction.", digits=2)
    report.table(anions, caption="The anions.", digits=2)
    report.table(
        found.accuracy_of_dimension,
        caption="Validation accuracy against the length of the element vectors.",
        digits=3,
    )
