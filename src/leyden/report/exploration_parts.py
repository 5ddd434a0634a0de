"""Sections of the page of an exploration: what its surrogate has learned, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leyden.exploration.campaign_rows import contenders, front
from leyden.plots.exploration import (
    colour_bar,
    cut_curve,
    front_scatter,
    importance_bars,
    iso_surface_picture,
    landscape_map,
    slope_bars,
)
from leyden.plots.held_out import held_out_parity, residual_histogram
from leyden.plots.style import subplots
from leyden.report.tables import format_interval, format_number

if TYPE_CHECKING:
    from leyden.exploration.analysis import ExplorationAnalysis
    from leyden.exploration.landscapes import Cut
    from leyden.exploration.search_space import Objective, SearchSpace
    from leyden.report import Report

__all__ = [
    "change",
    "shown",
    "tell_belief",
    "tell_cuts",
    "tell_front",
    "tell_importance",
    "tell_landscapes",
    "tell_surface",
    "tell_uphill",
    "words",
]


def words(name: str) -> str:
    """A name of a column as words."""
    return name.replace("_", " ")


def shown(objective: Objective, row: pd.Series) -> str:
    """What is expected of a row and its 95 % interval, in the unit of the objective."""
    mean, low, high = (float(row[name]) for name in ("mean", "low", "high"))
    if objective.log10:
        mean, low, high = 10.0**mean, 10.0**low, 10.0**high
    unit = f" {objective.unit}" if objective.unit else ""
    return format_interval(mean, (low, high)) + unit


def change(objective: Objective, gain: tuple[float, float, float]) -> str:
    """A difference on the learned scale and its 95 % interval; of logarithms also as a factor."""
    value, low, high = gain
    unit = f" {objective.unit}" if objective.unit and not objective.log10 else ""
    text = format_interval(value, (low, high)) + unit
    if objective.log10 or objective.name.startswith("log10"):
        factors = [10.0 ** float(end) for end in gain]
        text += f", a factor of {format_interval(factors[0], (factors[1], factors[2]))}"
    return text


def tell_front(
    report: Report, space: SearchSpace, objectives: Sequence[Objective], history: pd.DataFrame
) -> None:
    """The rows between which only the user can choose."""
    kept = front(history, objectives)
    report.section("The best of all objectives").text(
        f"{len(kept):,} of {len(history):,} rows form the Pareto front: no other row betters one "
        "of them in one objective without a loss in another. Rows without a value of an objective, "
        "or whose true value may be worse than told, cannot be on it, and are not drawn. Luck is "
        "part of a front as of a best row: measure again "
        "what you would choose."
    )
    if not len(kept):
        return
    known = history.assign(**{one.name: contenders(history, one) for one in objectives})
    pairs = list(combinations(objectives, 2))
    columns = min(3, len(pairs))
    lines = -(-len(pairs) // columns)
    figure, axes = subplots(lines, columns, width=4.6 * columns + 1, height=3.8 * lines)
    panels = np.ravel(axes)
    for ax, pair in zip(panels, pairs, strict=False):
        front_scatter(known, kept, ax, objectives=pair)
    for ax in panels[len(pairs) :]:
        ax.set_axis_off()
    report.figure(
        figure,
        caption="What was observed, and the Pareto front of all objectives",
        alt="Scatter of one objective against another, the front marked",
    )
    columns_told = [*objectives, *space]
    report.table(
        history.iloc[kept].sort_values(objectives[0].name)[[one.name for one in columns_told]],
        caption="The rows of the front.",
        names={one.name: words(one.name) for one in columns_told},
        units={one.name: one.unit for one in columns_told if one.unit},
        digits=3,
    )


def tell_importance(report: Report, found: ExplorationAnalysis, which: str) -> None:
    """Inverse length scales, beside what is lost without a parameter."""
    table = found.importance
    checked = "share" in table
    report.section(f"What matters{which}").text(
        "The shorter the distance over which the expected value changes, as a share of a "
        "parameter's range, the more it matters: the inverse length scale. It is one number for "
        "the whole space, and says how quickly a value changes, not by how much."
        + (
            " Beside it stands what needs no length scale: the share of the variance of what was "
            "observed that held-out predictions lose when the values of a parameter are shuffled. "
            "Shares sum to more than one where parameters act together."
            if checked
            else ""
        )
    )
    figure, axes = subplots(1, 2 if checked else 1, width=8.6 if checked else 5, height=2.9)
    panels = np.ravel(axes)
    importance_bars(table, panels[0]).set_xlabel("inverse length scale (1 / range)")
    if checked:
        importance_bars(table, panels[1], value="share", low="share_low", high="share_high")
        panels[1].set_xlabel("share of the variance that is lost")
        panels[1].set_yticklabels([])
    report.figure(
        figure,
        caption="Importance of each parameter, with 95 % intervals",
        alt="Bars of inverse length scales, and of what is lost without each parameter",
    )
    columns = {
        "value": "inverse length scale",
        "low": "from",
        "high": "to",
        "share": "share lost",
        "share_low": "share, from",
        "share_high": "share, to",
    }
    report.table(
        table.round(3).set_index(table.index.map(words)).reset_index(names="parameter"),
        caption="The same in numbers; `from` and `to` are 95 % intervals.",
        names={name: heading for name, heading in columns.items() if name in table},
        digits=3,
    )


def tell_uphill(report: Report, found: ExplorationAnalysis, which: str) -> None:
    """The direction in which a reference improves."""
    if found.uphill is None:
        return
    table = found.uphill.table()
    certain = table[table["certain"]]
    turns = [
        f"{words(name)} {'up' if slope > 0 else 'down'}"
        for name, slope in zip(certain["parameter"], certain["slope"], strict=True)
    ]
    chance = found.uphill.chance()
    known = (
        f"One by one, these are certain at 95 %: {', '.join(turns)}."
        if turns
        else "No single parameter has a slope whose sign is certain at 95 %."
    )
    sure = "certain" if chance < 0.05 else "not certain"
    verdict = (
        "Were it flat there, slopes as large would be expected with probability "
        f"{format_number(chance, digits=2)}: the ascent is {sure}."
    )
    report.section(f"Uphill from the reference{which}").text(f"{verdict} {known}")
    figure, ax = subplots(width=6.4, height=0.45 * len(table) + 1.2)
    slope_bars(found.uphill, ax)
    report.figure(
        figure,
        caption="Slope of the expected value at the reference, with 95 % intervals; full bars are "
        "those whose sign is certain",
        alt="Bars of the slope of the objective along each parameter",
    )


def tell_cuts(report: Report, found: ExplorationAnalysis, which: str) -> None:
    """What is expected along each parameter."""
    report.section(f"Along each parameter{which}").text(
        "Bands are 95 % intervals of the truth, without the noise of a simulation. The yellow area "
        "below is the improvement that is expected over the best expected of all rows observed: "
        "where it is high, a simulation promises most; where it is not seen, hardly anything."
    )
    if found.reference_given:
        _cuts(report, found, found.cuts, "the reference")
    _cuts(report, found, found.best_cuts, "the best predicted row")


def _cuts(report: Report, found: ExplorationAnalysis, cuts: Sequence[Cut], through: str) -> None:
    limit = max(0.1 * found.noise_std, *(float(one.table["improvement"].max()) for one in cuts))
    columns = min(3, len(cuts))
    rows = -(-len(cuts) // columns)
    figure, axes = subplots(rows, columns, width=3.9 * columns, height=2.9 * rows)
    panels = np.ravel(axes)
    for ax, one in zip(panels, cuts, strict=False):
        cut_curve(one, ax, objective=found.objective, improvement_limit=limit)
    for ax in panels[len(cuts) :]:
        ax.set_axis_off()
    report.figure(
        figure,
        caption=f"Cuts through {through} (dashed), all other parameters as in it",
        alt="Curves of the expected value along each parameter, with bands",
    )


def tell_landscapes(report: Report, found: ExplorationAnalysis, which: str) -> None:
    """What is expected over pairs of parameters."""
    if found.best_landscape is None:
        return
    arrows = (
        " Arrows go uphill in each plane, as far as the bounds allow; a thin dotted one is not "
        "certain at 95 %."
        if found.uphill
        else ""
    )
    report.section(f"Over two parameters{which}").text(
        "All others are those of the row at the red dot. Where there are white dots, the expected "
        f"value is not told apart from that of the red one at 95 %.{arrows}"
    )
    figure, axes = subplots(1, 3, width=12.6, height=3.5)
    for ax, quantity in zip(axes, ("mean", "std", "improvement"), strict=True):
        landscape_map(found.best_landscape, ax, objective=found.objective, quantity=quantity)
    report.figure(
        figure,
        caption="Through the best predicted row, over the two parameters of the shortest length "
        "scales: what is expected, its standard deviation, and the improvement that is expected "
        "of a simulation there",
        alt="Three contour maps over a pair of parameters",
    )
    _all_pairs(report, found)


def _all_pairs(report: Report, found: ExplorationAnalysis) -> None:
    count = len(found.landscapes)
    columns = min(3, count)
    rows = -(-count // columns)
    figure, axes = subplots(rows, columns, width=3.7 * columns, height=3.0 * rows + 0.7)
    panels = np.ravel(axes)
    values = np.concatenate([one.mean.ravel() for one in found.landscapes])
    values = values[np.isfinite(values)]
    limits = (float(values.min()), float(values.max()))
    for ax, one in zip(panels, found.landscapes, strict=False):
        landscape_map(one, ax, objective=found.objective, limits=limits, uphill=found.uphill)
    for ax in panels[count:]:
        ax.set_axis_off()
    colour_bar(figure, list(panels), found.objective, limits)
    report.figure(
        figure,
        caption=f"What is expected over every pair of parameters, through {_where(found)}",
        alt="Contour maps over all pairs of parameters",
    )


def tell_surface(report: Report, found: ExplorationAnalysis, which: str) -> None:
    """The surface of one value: of the reference, else about the best of the box."""
    surface, objective = found.surface, found.objective
    if surface is None or np.isnan(surface.better):
        return
    three = ", ".join(words(parameter.name) for parameter in surface.parameters)
    value = 10.0**surface.level if objective.log10 else surface.level
    level = format_number(value, digits=3) + (f" {objective.unit}" if objective.unit else "")
    better_than = f"the reference ({level})" if found.reference_given else level
    report.section(f"Through three parameters{which}").text(
        f"Over {three}, with all others as in {_where(found)}, {100 * surface.better:.0f} % of the "
        f"box is expected to be better than {better_than}. "
        + (
            "The surface separates these from the rest."
            if len(surface.triangles)
            else "There is no surface to draw."
        )
    )
    if not len(surface.triangles):
        return
    figure = Figure(figsize=(6.8, 4.8), layout="constrained")
    ax = figure.add_subplot(projection="3d")
    iso_surface_picture(surface, ax)
    report.figure(
        figure,
        caption=f"Where the expected value is {level}; red dot: "
        f"{_where(found)}; the colour is the standard deviation of the value there",
        alt="A surface in a box of three parameters",
    )


def tell_belief(report: Report, found: ExplorationAnalysis, which: str) -> None:
    """How well values are predicted that the surrogate has not seen."""
    report.section(f"How far to believe it{which}")
    held = found.held_out
    if held is None:
        report.text("Nothing was held out: with so few values, none can be spared.")
        return
    low, high = (100 * end for end in held.coverage_interval)
    kept, bounds = held.bounds_kept
    report.text(
        f"Each of {len(held.measured):,} values was predicted by a surrogate that had not seen it, "
        f"nor another value of the same row. 95 % intervals hold {100 * held.coverage:.0f} % "
        f"of them ({low:.0f} to {high:.0f} % is what so few values tell); residuals are "
        f"{held.residual_spread:.2f} times as large as the surrogate says. The root mean square "
        f"error is {format_number(held.rmse, digits=2)}, of which one simulation's own noise is "
        f"{format_number(found.noise_std, digits=2)}; {100 * held.explained:.0f} % of the variance "
        "is predicted."
        + (f" Of {bounds} bounds, {kept} are consistent with what is predicted." if bounds else "")
    )
    figure, axes = subplots(1, 2, width=9.6, height=4.0)
    held_out_parity(held, axes[0], objective=found.objective)
    residual_histogram(held, axes[1])
    report.figure(
        figure,
        caption="Left: values against predictions that have not seen them, with 95 % intervals of "
        "one simulation. Right: residuals over what the surrogate says of their size",
        alt="Observed against predicted values, and a histogram of residuals",
    )


def _where(found: ExplorationAnalysis) -> str:
    return "the reference" if found.reference_given else "the best predicted row"
