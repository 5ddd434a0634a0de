"""The report of the study `ionic-liquids`: what was found, in the order in which one asks."""

from __future__ import annotations

import pandas as pd

from leyden import plots
from leyden.plots.ionic_liquids import grouped_intervals, legend_below, share_groups
from leyden.report import Report
from leyden.studies.drawn_errors import Ratio, told_by_verdict
from leyden.studies.ionic_liquid_arms import (
    BASELINES,
    CLASSICAL_AVERAGE,
    HEADLINE,
    PROCESS,
    SCRATCH,
    SIMULATED,
    STACKED,
    TAUGHT,
    Property,
)
from leyden.studies.ionic_liquid_claims import COVERAGE
from leyden.studies.ionic_liquid_comparisons import INNER_FOLDS, LEVEL, SPLITS
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.ionic_liquid_misses import misses
from leyden.studies.ionic_liquid_tables import (
    STAND_IN,
    Errors,
    answers,
    arm_table,
    cleaning_table,
    coverage_table,
    drawn_errors,
    floor_table,
    weight_table,
)
from leyden.studies.ionic_liquid_told import chosen_after_a_look, screened, solvated
from leyden.studies.ionic_liquid_transfer import tell_transfer, told_simulations

__all__ = ["build_report"]

_REFERENCE = BASELINES[0]
_SHOWN = (HEADLINE, PROCESS, SIMULATED, *BASELINES[1:], CLASSICAL_AVERAGE)
"""Arms of the overview, over the reference."""

_COMPETING = (
    *(HEADLINE, *STACKED, *BASELINES, CLASSICAL_AVERAGE, "extra trees", "Tanimoto process"),
    *(SCRATCH, SIMULATED),
)
"""Arms of the tables; what else was taught stands in the section on transfer."""

_PANELS = 4
_LABELS = {
    "density": "density (kg/m³)",
    "viscosity": "log10 viscosity (Pa s)",
    "conductivity": "log10 conductivity (S/m)",
    "surface_tension": "surface tension (N/m)",
    "heat_capacity": "heat capacity (J/(mol K))",
    "melting_point": "melting point (K)",
    "glass_transition": "glass transition (K)",
}


def build_report(title: str, found: Findings) -> Report:
    """The page: data, new pairs and ions, transfer, solvation, intervals, screening, misses."""
    errors = drawn_errors(found)
    report = Report(title, _lead(found, errors))
    _data(report, found)
    _accuracy(report, found, errors)
    tell_transfer(report, found, errors)
    solvated(report, found)
    _coverage(report, found)
    screened(report, found.screening)
    misses(report, found, errors)
    return report


def _lead(found: Findings, errors: Errors) -> str:
    told = []
    for property in found.effort.properties:
        error = errors[property.name]["pairs"].error
        ours, theirs = error[HEADLINE], error[_REFERENCE]
        told.append(f"{property.title} {ours:.3g} {property.unit} against {theirs:.3g}")
    quick = "" if found.effort.pairs is None else "A quick run, which shows only that it works. "
    datasets = [found.datasets[one.name] for one in found.effort.properties]
    pairs = {pair for one in datasets for pair in one.groups["pair"]}
    screening = found.screening
    return (
        f"{quick}{len(datasets)} properties of {len(pairs):,} ionic liquids, "
        f"{sum(map(len, datasets)):,} cleaned measurements. Mean error of what we "
        f"propose, the {HEADLINE}, on pairs of ions that no training row has, against that of "
        f"{_REFERENCE} on the same folds: {'; '.join(told)}. {told_simulations(found, errors)} "
        f"{screening.screening.candidates:,} pairs were screened for {screening.properties} "
        f"properties each in {screening.seconds:,.0f} s. {STAND_IN}"
    )


def _data(report: Report, found: Findings) -> None:
    report.section("What was measured, and how well?").text(
        "Every step of the cleaning is counted: what it removed, what it mended (a slip of a unit "
        "that can be undone), and how many pairs are left. Steps that changed nothing are not "
        "shown; they were applied all the same. No step looks at a prediction.",
    )
    report.table(
        cleaning_table(found),
        caption="Cleaning. Rows and pairs: before and after the step.",
        names={"rows": "rows before", "pairs": "pairs after"},
    )
    report.text(
        "How far do measurements of one liquid at one temperature and pressure lie apart? Even a "
        "perfect model would err by about as much on measurements like these. The cleaning leaves "
        "out sets that disagree with the others, which lowers the spread: it is told before and "
        "after. A melting point or glass transition is one value a pair, and has no replicates.",
    )
    report.table(
        floor_table(found),
        caption="Standard deviation of replicate sets at a state point, averaged over state "
        "points; 95 % intervals by drawing pairs.",
        digits=3,
    )


def _accuracy(report: Report, found: Findings, errors: Errors) -> None:
    effort = found.effort
    report.section("How well, where the pair, the cation or the anion is new?").text(
        f"{effort.folds} folds, the same for all arms. An unseen pair has no row that teaches, but "
        "its ions may stand in other pairs; an unseen cation or anion stands in none. The "
        f"{HEADLINE} is a weighted mean of {', '.join(f'`{part}`' for part in STACKED)}; its "
        "weights are chosen by inner folds of the training rows of each fold, cut by the same "
        f"group ({_inner()}); for unseen anions its parts count alike. Errors of density, surface "
        "tension and heat capacity count in percent of the measured value, all others as they "
        "are; a missing answer counts as the training mean.",
        *(f"{line[0].upper()}{line[1:]}." for line in chosen_after_a_look(effort.properties)),
        *_against_reference(found, errors),
    )
    _overview(report, found, errors)
    for property in found.effort.properties:
        table = arm_table(found, errors, property, list(dict.fromkeys(_COMPETING)))
        report.table(
            table,
            caption=f"{property.title.capitalize()}: {'MAPE' if property.relative else 'MAE'} with "
            f"95 % interval by drawing what is unseen, R² of the values themselves, and the error "
            f"of the {HEADLINE} over that of each arm, paired. {STAND_IN} They teach "
            f"`{SIMULATED}`, `{TAUGHT}` and so the {HEADLINE}.",
            names={
                "mae": "MAPE" if property.relative else "MAE",
                "mae_low": "low",
                "mae_high": "high",
                "R2": "R²",
                "ratio": f"{HEADLINE} / arm",
                "low": "low ",
                "high": "high ",
            },
            units={"mae": property.unit},
            digits=3,
        )
    report.table(
        weight_table(found),
        caption=f"Weights of the {HEADLINE}: mean over folds, and in brackets the smallest and the "
        "greatest.",
    )
    _parity(report, found, errors)


def _inner() -> str:
    return ", ".join(f"{number} for unseen {unseen}" for unseen, number in INNER_FOLDS.items())


def _against_reference(found: Findings, errors: Errors) -> list[str]:
    """One sentence a kind of what is unseen."""
    return [
        f"The {HEADLINE} against {_REFERENCE} on unseen {unseen}, by the paired interval of the "
        "ratio of errors: "
        + told_by_verdict(
            (one.title, errors[one.name][unseen].ratio(HEADLINE, _REFERENCE))
            for one in found.effort.properties
        )
        + "."
        for unseen in SPLITS
    ]


def _overview(report: Report, found: Findings, errors: Errors) -> None:
    figure, axes = plots.subplots(1, len(SPLITS), width=12, height=7)
    for ax, unseen in zip(axes, SPLITS, strict=True):
        lines = [
            (_broken(one), arm, *own.ratio(arm, _REFERENCE))
            for one in found.effort.properties
            for own in [errors[one.name][unseen]]
            for arm in _SHOWN
            if arm in own.error
        ]
        table = pd.DataFrame(lines, columns=["group", "series", *Ratio._fields])
        label = f"error / {_REFERENCE}, unseen {unseen}"
        table = table.rename(columns={"ratio": "value"})
        grouped_intervals(table, ax, label=label, reference=1.0, log=True, series=_SHOWN)
    share_groups(axes)
    legend_below(figure, axes[0], columns=3)
    report.figure(
        figure,
        caption=f"Error over that of {_REFERENCE} on the same folds, with paired 95 % intervals; "
        f"left of the line is better. {STAND_IN}",
        alt="Ratios of errors by property, one panel for unseen pairs, cations and anions each",
    )


def _broken(property: Property) -> str:
    """The title in two lines, where it has two words."""
    return property.title.replace(" ", "\n")


def _parity(report: Report, found: Findings, errors: Errors) -> None:
    shown = found.effort.properties
    lines = -(-len(shown) // _PANELS)
    figure, axes = plots.subplots(lines, _PANELS, width=3.25 * _PANELS, height=3.3 * lines)
    for ax in axes.ravel()[len(shown) :]:
        ax.axis("off")
    for ax, property in zip(axes.ravel(), shown, strict=False):
        rows = found.comparisons[property.name]["pairs"].predicted.rows
        truth, said = answers(rows[rows["arm"] == HEADLINE])
        error = errors[property.name]["pairs"].error[HEADLINE]
        what = "MAPE" if property.relative else "MAE"
        plots.parity(
            truth,
            said,
            ax,
            label=_LABELS[property.name],
            marginals=False,
            note=f"{what} {error:.3g} {property.unit}",
        )
    report.figure(
        figure,
        caption=f"Predicted against measured values of unseen pairs, out of fold; arm: {HEADLINE}",
        alt="Parity plots, one a property",
    )


def _coverage(report: Report, found: Findings) -> None:
    table = coverage_table(found)
    low, high = (100 * end for end in COVERAGE)
    pairs = table[table["unseen"] == "pairs"]
    inside = pairs["coverage"].between(low, high)
    outside = "; ".join(
        f"{row.property} {row.coverage:.1f} %" for row in pairs[~inside].itertuples()
    )
    report.section("Do the intervals hold?").text(
        f"Intervals that promise {LEVEL:.0%}: the residuals of the inner folds, cut by the same "
        f"group ({_inner()}), calibrate those of each outer fold; those for unseen anions are "
        "calibrated by the other outer folds, whose models have learned from the rows that are "
        "scored. The inner rows choose the four weights too. Coverage is the share of answers "
        "inside, with a 95 % interval by drawing whole groups: a pair with twelve rows is one "
        f"witness, not twelve. On unseen pairs {int(inside.sum())} of {len(pairs)} properties lie "
        f"between {low:.0f} and {high:.0f} %{f'; outside: {outside}' if outside else ''}."
    )
    figure, ax = plots.subplots(width=8, height=4.6)
    names = {"property": "group", "unseen": "series", "coverage": "value"}
    shown = table.rename(columns=names).assign(series="unseen " + table["unseen"])
    grouped_intervals(
        shown, ax, label="answers inside (%)", reference=100 * LEVEL, band=(low, high)
    )
    legend_below(figure, ax, columns=3)
    report.figure(
        figure,
        caption=f"Measured coverage of {LEVEL:.0%} intervals, with 95 % intervals; shaded: what "
        "was wanted on unseen pairs",
        alt="Coverage by property and by what is unseen",
    )
    report.table(
        table,
        caption=f"Coverage of {LEVEL:.0%} intervals and their median width, in the unit of the "
        "last column (percent: of the measured value).",
        units={"coverage": "%"},
        digits=3,
    )
