"""The parts of the report of `conductors` that tell of classes: measured compounds, and Table I."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leyden.data.conductors import match_compositions
from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.report import Report
from leyden.studies.class_scores import class_scores, families_alike, gain
from leyden.studies.conductor_data import FAMILY, Conductors
from leyden.studies.conductor_table import (
    FEWEST,
    VERDICTS,
    Answers,
    Choices,
    scored,
    scores_of_simulated,
)
from leyden.studies.family_scores import by_family, effective_number, wrong_class

__all__ = ["tell_choices", "tell_classes", "tell_table"]

SHOWN = ("eML", "esML", "esML, taught by salts", "without oxygen")
PAIRS = (
    ("esML", "eML"),
    ("esML", "without oxygen"),
    ("esML, taught by salts", "eML"),
    ("esML, 36 descriptors", "eML, 36 descriptors"),
    ("esML, and measured labels", "eML"),
)


def tell_classes(report: Report, classes: Evaluation, data: Conductors) -> None:
    """Good or poor, on measured compounds with whole families kept apart."""
    families = data.measured.groups[FAMILY].nunique()
    alike = families_alike(classes)
    known, structures = _published_among(data, data.measured), _published_among(data, data.crystals)
    without = class_scores(classes, leave_out=known)
    lines = [
        {
            "arm": arm,
            **{name: str(value) for name, value in scores.items()},
            "families alike": f"{alike[arm]:.2f}",
            "without the 40": f"{without[arm]['balanced accuracy'].value:.2f}",
        }
        for arm, scores in class_scores(classes).items()
    ]
    report.section("Does the structural model teach the elemental one?").text(
        f"Good is 1e-4 S/cm or more. The rows are those of OBELiX's training part; {families} "
        "families of compositions are kept apart, each whole in one fold, and a formula of the "
        "test fold is taken out of the structures that teach. What learns weighs the two classes "
        "alike. The published equation was fitted on compounds that stand among the test rows: its "
        "arms are marked, and neither of the two claims of this section rests on them.",
        f"A few families are large; as many as {effective_number(classes):.0f} of one size would "
        "weigh like these, so that intervals by drawing families are rough. Where each family "
        "counts as one, the column before the last tells the balanced accuracy. The rule that "
        "whatever holds no oxygen is good has learned nothing, and is the arm to beat: most good "
        "labels of the structural model fall on compounds without oxygen, alloys among them, of "
        "which its descriptors mean nothing. Students of salts are taught by structures that hold "
        "an anion.",
        f"Of the {len(data.measured)} rows {len(known)} have a composition of the 40 published "
        f"compounds, and so have {len(structures)} of the {len(data.crystals)} structures; "
        f"{len(data.published_crystals)} of the 40 have a structure of their class"
        f"{_left_out(data)}. The last "
        "column scores the rows that are none of them.",
    )
    report.table(
        pd.DataFrame(lines),
        caption="Good or poor, on measured conductors; 95 % intervals by drawing families.",
    )
    report.table(
        by_family(classes, [arm for arm in SHOWN if arm in classes.arms], wrong_class),
        caption="Shares of wrong classes by family of compositions; truth: share of good ones.",
        digits=2,
    )
    gains = [
        {"arm": arm, "less": other, **{n: str(v) for n, v in gain(classes, arm, other).items()}}
        for arm, other in PAIRS
        if {arm, other} <= set(classes.arms)
    ]
    if gains:
        report.table(
            pd.DataFrame(gains), caption="What teaching gains, on the same rows and draws."
        )


def _left_out(data: Conductors) -> str:
    """Compounds without a structure because what is here is of the other class."""
    if not data.other_class:
        return ""
    return (
        f" (left out, since OBELiX has a sample of the other class: {', '.join(data.other_class)})"
    )


def tell_table(report: Report, answers: list[Answers]) -> None:
    """Table I beside ours, and the 21 simulated compounds by both labellings."""
    table = scored(answers)
    accuracy = [_accuracy(one) for one in table.itertuples()]
    shown = table[["rows", "model", "protocol", "n", "good", "published"]].assign(
        here=accuracy, MCC=[f"{value:.2f}" for value in table["mcc"]]
    )
    shown = shown[shown["rows"] != VERDICTS].sort_values("rows", kind="stable")
    report.section("Table I, published and here").text(
        "Accuracies in per cent. Only two of the 21 simulated compounds reach 1e-4 S/cm, so that "
        "whoever says no to all scores 90.5 %: there, accuracy is a reproduction and no evidence. "
        "The paper's verdicts count a third, LiSO3F with 8.2e-5 S/cm; its accuracies are by these. "
        "Structures are lithium crystals of the Materials Project at hand, not the 12,716 of the "
        "paper; their labels come from a structural model, the published equation or a support "
        "vector machine on those of the 40 compounds whose structure is here. Either was fitted "
        "on the 40, which therefore do not test its students. On structures, a rule that calls "
        "good whatever holds neither oxygen nor fluorine agrees with the labels nearly as often "
        "as the students do."
    )
    report.table(
        shown,
        caption="Table I of the paper beside ours; 95 % Clopper-Pearson intervals, on structures "
        "by drawing formulas. Without interval: the rows have chosen the model. Fewer than "
        f"{FEWEST} compounds have no accuracy.",
        digits=3,
    )
    report.table(
        scores_of_simulated(answers),
        caption="The 21 simulated compounds by two labellings. Intervals of the recall are exact, "
        "the others by drawing compounds class by class; with two or three good ones they say "
        "little.",
        digits=3,
    )


def _accuracy(one: Any) -> str:
    if np.isnan(one.accuracy):
        return "not told"
    interval = "" if np.isnan(one.low) else f" ({one.low:.1f} to {one.high:.1f})"
    return f"{one.accuracy:.1f}{interval}"


def tell_choices(report: Report, found: Choices) -> None:
    """What the published 97.5 % depends on, and what a wider pool adds."""
    best, pool = found.published, found.pool
    highest = float(found.compared["best"].max())
    chance = 100 * found.by_chance
    tried = sum(search.choices for search in found.searches)
    report.section("What the published 97.5 % depends on").text(
        "The paper reports 97.5 % for the best of 501 subsets of nine composition-weighted means "
        "under a linear support vector machine, each compound left out once. It names neither the "
        "penalty nor the table of properties. A small penalty on standardised means never "
        f"beats a constant (72.5 %). By the published protocol the best is "
        f"{100 * best.accuracies[best.penalty].max():.1f} % at C = {best.penalty:g} "
        f"({', '.join(best.names)}), chosen among {best.choices:,} machines; over everything that "
        f"was tried, {tried:,} machines, it is {highest:.1f} %. "
        + ("" if highest > 97 else "None of these choices gives 97.5 %. ")
        + "With shuffled labels the published protocol at this penalty still finds "
        f"{chance.mean():.1f} % on average ({chance.min():.1f} to {chance.max():.1f} % in "
        f"{len(chance)} shuffles).",
        "The rows that score a machine have chosen it, and the more is tried the higher the best "
        "will be: the last columns choose subset and penalty without the row, by an inner "
        "leave-one-out, and that is what to expect of a new compound.",
    )
    report.table(
        found.compared,
        caption="Best leave-one-out accuracy of all subsets in per cent, by penalty, on the rows "
        "that chose it; then the accuracy, and the mean of both recalls, of the choice made "
        "without the row.",
        digits=3,
    )
    sizes = 100 * best.best_by_size()
    report.table(
        pd.DataFrame({"descriptors": sizes.index, "best accuracy": sizes.to_numpy()}),
        caption="Best accuracy in per cent of subsets of each size, at any penalty, on the rows "
        "that chose it.",
        digits=3,
    )
    report.text(
        f"Among {len(pool.names)} descriptors (mean, standard deviation, least and greatest of the "
        "nine properties) a beam search by the closed-form leave-one-out of a least-squares "
        f"classifier finds {100 * pool.optimistic:.1f} % on the rows that chose, and "
        f"{100 * pool.accuracy:.1f} % (mean of both recalls {100 * pool.balanced:.1f} %) when the "
        f"choice is made without the row. On {len(pool.chosen)} random four fifths of the rows the "
        f"choice has a stability of {pool.stability:.2f}, where 1 is always the same and 0 is "
        "chance: 40 compounds do not tell which descriptors matter."
    )
    report.table(
        pool.counts(), caption="How often the search chose a descriptor, in per cent.", digits=2
    )


def _published_among(data: Conductors, rows: Dataset) -> list[str]:
    """Ids of rows whose composition is one of the 40."""
    near = match_compositions(data.published.items, rows.groups["formula"].tolist())
    return sorted({str(rows.ids[row]) for found in near for row in found})
