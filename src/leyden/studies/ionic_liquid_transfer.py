"""Whether knowledge moved in the study `ionic-liquids`: from simulations, from other properties."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from leyden import plots
from leyden.plots.ionic_liquids import grouped_intervals, legend_below, share_groups
from leyden.report import Report
from leyden.studies.drawn_errors import told_by_verdict
from leyden.studies.ionic_liquid_arms import HYBRID, SCRATCH, SIMULATED, Property
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.ionic_liquid_tables import STAND_IN, Errors, transfer_table

__all__ = ["published_finding", "tell_transfer", "told_simulations"]

PUBLISHED = ("density", "viscosity", "surface_tension", "heat_capacity", "melting_point")
SUBSTANTIAL = 0.9
"""A gain counts as substantial where the whole interval of the ratio lies below."""

_APART = ", no shared items"


def told_simulations(found: Findings, errors: Errors) -> str:
    """What simulations do for the published recommender on unseen pairs, in one sentence."""
    pairs = (
        (one.title, errors[one.name]["pairs"].ratio(SIMULATED, SCRATCH))
        for one in found.effort.properties
    )
    return (
        "To teach the published recommender simulations first shows, on unseen pairs, "
        f"{told_by_verdict(pairs)} (error over that from scratch)."
    )


def tell_transfer(report: Report, found: Findings, errors: Errors) -> None:
    """The section: ratios of taught over untaught networks, and the published finding."""
    table = transfer_table(found, errors)
    report.section("Does it help to have learned something else first?").text(
        f"The `{SCRATCH}` knows an ion by its name alone, as published; the `{HYBRID}` reads its "
        "structure. Each is learned from scratch, and again after a lesson: simulations of all "
        f"{len(found.sources.simulated):,} pairs of a grid of ions, or, for unseen pairs, the one "
        "of them that has the name of the property, or the measurements of another property. "
        "A simulated row of the very quantity never teaches where its pair or ion is tested; what "
        f"teaches another quantity may, and is counted as shared. {STAND_IN}",
        *(_counted(table, kind) for kind in (SCRATCH, HYBRID)),
        *_published(found, table),
        _shared(table),
    )
    for kind in (SCRATCH, HYBRID):
        _figure(report, table[table["kind"] == kind], kind)
        report.table(
            table[table["kind"] == kind].drop(columns=["kind", "scratch"]),
            caption=f"`{kind}`: error after a lesson over that from scratch, paired; 95 % "
            "intervals by drawing what is unseen. Shared: source rows, a fold, whose pair is one "
            f"of the target's. {STAND_IN}",
            digits=3,
        )


def published_finding(rows: pd.DataFrame) -> str:
    """Whether four of five properties gain substantially, the melting point least.

    Parameters
    ----------
    rows : DataFrame
        One row a published property: ``property``, ``ratio``, ``low``, ``high``, the melting point
        last.
    """
    substantial = rows["high"] < SUBSTANTIAL
    possible = rows["low"] < SUBSTANTIAL
    if substantial.sum() >= 4:
        first = "confirmed"
    elif possible.sum() < 4:
        first = "refuted"
    else:
        first = "neither confirmed nor refuted"
    melting, others = rows.iloc[-1], rows.iloc[:-1]
    if melting["low"] > others["high"].max():
        second = "confirmed"
    elif melting["high"] < others["low"].max():
        second = "refuted"
    else:
        second = "neither confirmed nor refuted"
    told = ", ".join(
        f"{row.property} {row.ratio:.2f} [{row.low:.2f}, {row.high:.2f}]"
        for row in rows.itertuples()
    )
    return (
        f"{told}. That four of five gain substantially (the interval below {SUBSTANTIAL}) is "
        f"{first}: {int(substantial.sum())} do. That the melting point gains least is {second}: "
        f"of the five ratios its own is number {int((rows['ratio'] > melting['ratio']).sum()) + 1} "
        "from the greatest."
    )


def _published(found: Findings, table: pd.DataFrame) -> list[str]:
    """The published finding, for simulations and for measurements of other properties."""
    mine = table[(table["kind"] == SCRATCH) & (table["unseen"] == "pairs")]
    known = {one.name: one for one in found.effort.properties}
    if not set(PUBLISHED) <= known.keys():
        return ["The published finding is of five properties; not all of them were compared."]
    own = [known[name] for name in PUBLISHED]
    ways: Mapping[str, Mapping[str, str]] = {
        "simulations of all properties": {one.title: "simulations" for one in own},
        "the simulated property of the same name, where there is one": {
            one.title: f"simulated {one.title}" if one.simulated else "simulations" for one in own
        },
        "measurements of another property": {one.title: _teacher(one) for one in own},
    }
    told = []
    for way, lessons in ways.items():
        rows = [
            mine[(mine["property"] == title) & (mine["lesson"] == lesson)]
            for title, lesson in lessons.items()
        ]
        told.append(f"The published finding, for {way}: {published_finding(pd.concat(rows))}")
    return told


def _teacher(property: Property) -> str:
    """The first measured property that teaches another."""
    return "measured density" if property.name != "density" else "measured log10 viscosity"


def _counted(table: pd.DataFrame, kind: str) -> str:
    told = []
    for unseen, part in table[table["kind"] == kind].groupby("unseen", sort=False):
        count = part["verdict"].value_counts()
        told.append(
            f"on unseen {unseen} {count.get('gain', 0)} of {len(part)} comparisons show a gain, "
            f"{count.get('harm', 0)} harm, {count.get('no evidence', 0)} no evidence of either"
        )
    return f"`{kind}` after a lesson: {'; '.join(told)}."


def _shared(table: pd.DataFrame) -> str:
    """What is left where no pair of the target teaches another property."""
    pairs = table[(table["kind"] == SCRATCH) & (table["unseen"] == "pairs")]
    told = []
    for row in pairs[pairs["lesson"].str.endswith(_APART)].itertuples():
        whole = pairs[
            (pairs["property"] == row.property)
            & (pairs["lesson"] == str(row.lesson).removesuffix(_APART))
        ].iloc[0]
        told.append(f"{row.property} {whole['ratio']:.2f} with and {row.ratio:.2f} without")
    return (
        "Measurements of another property hold pairs of this one too, and may: they are another "
        "quantity. What they add by being of the very pair that is asked for is told by the arm "
        f"that gets none of them. Ratios with shared pairs and without: {'; '.join(told)}."
    )


def _figure(report: Report, table: pd.DataFrame, kind: str) -> None:
    splits = list(dict.fromkeys(table["unseen"]))
    figure, axes = plots.subplots(1, len(splits), width=12, height=7 if kind == SCRATCH else 5)
    lessons = table["lesson"].map(_lesson)
    shown = table.assign(series=lessons, group=table["property"].str.replace(" ", "\n"))
    order = [name for name in _LESSONS if name in set(lessons)]
    shown = shown.sort_values("series", key=lambda own: own.map(order.index), kind="stable")
    groups = list(dict.fromkeys(table["property"].str.replace(" ", "\n")))
    for ax, unseen in zip(axes, splits, strict=True):
        part = shown[shown["unseen"] == unseen].rename(columns={"ratio": "value"})
        label = f"error / from scratch, unseen {unseen}"
        grouped_intervals(
            part, ax, label=label, reference=1.0, log=True, groups=groups, series=order
        )
    share_groups(axes)
    legend_below(figure, axes[0], columns=3)
    report.figure(
        figure,
        caption=f"`{kind}`: error after a lesson over that from scratch, paired 95 % intervals; "
        f"left of the line is better. {STAND_IN}",
        alt="Ratios of errors by property and lesson, one panel a kind of what is unseen",
    )


_LESSONS = (
    "simulations",
    "simulated, same property",
    "measured density",
    "measured log10 viscosity",
    "measured heat capacity",
    "measured, no shared pairs",
)


def _lesson(name: str) -> str:
    """The lesson in the words of the legend."""
    if name.endswith(_APART):
        return _LESSONS[-1]
    return _LESSONS[1] if name.startswith("simulated ") else name
