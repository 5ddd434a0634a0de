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
from leyden.models.conductors import SubsetSearch
from leyden.plots.periodic_table import periodic_table
from leyden.report import Report
from leyden.screening.engine import Screening
from leyden.studies.class_scores import balanced_accuracies, balanced_gain
from leyden.studies.conductivity_forest import CODE
from leyden.studies.conductor_data import FAMILY, Conductors
from leyden.studies.conductor_predictors import Judges
from leyden.studies.conductor_screen import tell_inside
from leyden.studies.conductor_table import Answers, scored

__all__ = ["Findings", "build_report"]

ANIONS = ("N", "O", "F", "P", "S", "Cl", "Se", "Br", "Te", "I")


@dataclass(frozen=True, eq=False)
class Findings:
    """What the study measured, before it is told.

    Attributes
    ----------
    data : Conductors
    subsets : SubsetSearch
        All subsets of the nine means on the 40 compounds.
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
    speed : mapping of str to float
    """

    data: Conductors
    subsets: SubsetSearch
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
        f"{verdict} that the detour helps. {found.screening.candidates:,} compositions were "
        "screened.",
    )
    _classes(report, found)
    _table(report, found)
    _conductivity(report, found)
    _screening(report, found)
    tell_inside(report, found.inside, found.judges)
    _elements(report, found)
    return report


def _classes(report: Report, found: Findings) -> None:
    scores = balanced_accuracies(found.classes)
    others = found.classes.scores().set_index("arm")
    families = found.data.measured.groups[FAMILY].nunique()
    lines = [
        {
            "arm": arm,
            "balanced accuracy": one.value,
            "low": one.low,
            "high": one.high,
            "MCC": others.loc[arm, "mcc"],
            "PR-AUC": others.loc[arm, "average_precision"],
        }
        for arm, one in scores.items()
    ]
    report.section("Does the structural model teach the elemental one?").text(
        f"Good is 1e-4 S/cm or more. The rows are those of OBELiX's training part; {families} "
        "families of compositions are kept apart, each whole in one fold, and a formula of the "
        "test fold is taken out of the structures that teach. All arms weigh the two classes "
        "alike. The published equation was fitted on compounds that stand among the test rows, and "
        "its arms are marked; no claim rests on them."
    )
    report.table(pd.DataFrame(lines), caption="Good or poor, on measured conductors.", digits=3)


def _table(report: Report, found: Findings) -> None:
    report.section("Table I, published and here").text(
        "Accuracies in per cent. Only two of the 21 simulated compounds reach 1e-4 S/cm, so that "
        "whoever says no to all scores 90.5 %: there, accuracy is a reproduction and no evidence. "
        "Structures are lithium crystals of the Materials Project at hand, not the 12,716 of the "
        "paper; their labels come from a structural model, the published equation or a support "
        "vector machine on those of the 40 compounds whose structure is here.",
        "The elemental model chooses among 501 subsets of nine means by leaving one compound out; "
        "chosen on the rows that score it, as published, and chosen without the row. The size of "
        "the penalty is not published; here C = 1 on standardised descriptors.",
    )
    report.table(scored(found.table), caption="Table I of the paper beside ours.", digits=3)
    sizes = found.subsets.best_by_size()
    report.table(
        pd.DataFrame({"descriptors": list(sizes), "best accuracy": list(sizes.values())}),
        caption="Best leave-one-out accuracy of subsets of each size, on the rows that chose it.",
        digits=3,
    )


def _conductivity(report: Report, found: Findings) -> None:
    table = bounded_scores(found.conductivity, found.regressed, CODE).drop(columns="target")
    report.section("How large is the conductivity?").text(
        "log10 of the conductivity in S/cm, from composition, cell and space group. Values that "
        "were too small to measure are upper bounds: scored at the bound, at 1e-15 as the authors "
        "of OBELiX code them, one-sided (whatever lies below is right), and left out. Censored "
        "arms take a bound for what it is."
    )
    report.table(table.sort_values("mae_at_bound"), caption="Errors in decades.", digits=3)
    rows = found.conductivity.rows
    shown = rows[(rows["arm"] == "average") & (rows["repeat"] == 0)]
    figure, ax = plots.subplots(1, 1, width=5, height=4.6)
    plots.parity(shown["y_true"], shown["y_pred"], ax, label="log10 S/cm", truth="measured")
    report.figure(
        figure,
        caption="Predicted against measured conductivity, families kept apart; arm: average",
        alt="Parity plot of conductivities",
    )


def _screening(report: Report, found: Findings) -> None:
    report.section("What is left of all compositions?").text(
        "Every composition of lithium and two or three other elements in steps of one per cent, "
        "before the taught elemental model and criteria of charge, mass, cost, row and anion. "
        "Elements that lack a property have no score; they are counted and not kept. The scores "
        "rank by the distance from a plane: they say nothing of stability or synthesis, and far "
        "from all structures that taught them they say nothing of conduction either.",
        "Published are 60 % good, 10 % neutral, and 7 % good among the neutral. The differences: "
        "an element has one oxidation state throughout a composition and only common ones, so "
        "fewer are neutral; other structures teach the student; elements without one of the nine "
        "properties are not scored, and the paper does not say what it did with them; and the "
        "weights of its own model are not public.",
    )
    report.table(found.screening.funnel, caption="Candidates left after each criterion.", digits=4)
    best = found.screening.rows.head(20).drop(columns="key")
    report.table(best, caption="The best that pass all criteria.", digits=3)


def _elements(report: Report, found: Findings) -> None:
    values = found.contributions.values
    table = pd.DataFrame(
        {
            "element": found.contributions.elements,
            "contribution": np.median(values, axis=0),
            "low": np.quantile(values, 0.05, axis=0),
            "high": np.quantile(values, 0.95, axis=0),
        }
    ).sort_values("contribution", ascending=False)
    anions = table[table["element"].isin(ANIONS)]["element"]
    report.section("What does each element do?").text(
        f"Element vectors were learned {len(values):,} times from random initialisations "
        "(atom2vec); a contribution is the projection of an element's vector on the direction in "
        "which the decision changes. The paper finds lithium first, and sulfur and phosphorus "
        f"foremost among the anions. Here {table['element'].iloc[0]} is first, and anions fall in "
        f"the order {', '.join(anions)}."
    )
    figure, ax = plots.subplots(1, 1, width=11, height=6)
    periodic_table(
        dict(zip(table["element"], table["contribution"], strict=True)),
        ax,
        label="contribution",
        centre=0.0,
    )
    report.figure(
        figure, caption="Median contribution of each element", alt="Periodic table of contributions"
    )
    report.table(table.head(15), caption="The elements that speak for conduction.", digits=2)
    report.table(
        found.accuracy_of_dimension,
        caption="Validation accuracy against the length of the element vectors.",
        digits=3,
    )
