"""Figures of explorations: what matters, cuts, landscapes, surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LightSource, Normalize
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D

from leyden.plots.style import (
    BAND,
    INK,
    PALETTE,
    QUIET,
    cloud,
    corner,
    left_out,
    need,
    plain_ticks,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from leyden.exploration.landscapes import Cut, IsoSurface, Landscape
    from leyden.exploration.search_space import Objective, Parameter
    from leyden.exploration.uphill import Uphill

__all__ = [
    "best_so_far_curves",
    "colour_bar",
    "cut_curve",
    "front_scatter",
    "importance_bars",
    "iso_surface_picture",
    "landscape_map",
    "named",
    "slope_bars",
]

_TWO_SIDED_95 = 1.96
_RED = "#c1121f"
_LABELS = {"mean": "expected", "std": "standard deviation", "improvement": "expected improvement"}


def named(what: Parameter | Objective) -> str:
    """A parameter or objective as an axis names it: words, unit, and the logarithm if learned."""
    words = what.name.replace("_", " ")
    if getattr(what, "log10", False):
        return f"log10 of {words}" + (f" ({what.unit})" if what.unit else "")
    return f"{words} ({what.unit})" if what.unit else words


def importance_bars(
    table: pd.DataFrame, ax: Axes, *, value: str = "value", low: str = "low", high: str = "high"
) -> Axes:
    """A measure of importance with its interval, a bar a parameter, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        By parameter; `value`, `low` and `high` name columns.
    ax : Axes
    """
    need(table, value, low, high)
    places = np.arange(len(table))[::-1]
    values = table[value].to_numpy(dtype=float)
    ends = table[[low, high]].to_numpy(dtype=float).T
    ax.barh(places, values, 0.65, color=PALETTE[0])
    ax.errorbar(values, places, xerr=np.abs(ends - values), fmt="none", ecolor=INK, linewidth=1)
    ax.set_yticks(places, [str(name).replace("_", " ") for name in table.index])
    ax.set_xlim(left=min(0.0, float(np.nanmin(ends))))
    ax.axvline(0, color=QUIET, linewidth=0.8)
    return tidy(ax, grid="x")


def slope_bars(result: Uphill, ax: Axes) -> Axes:
    """Slopes at a row with 95 % intervals; those whose sign is not certain are hollow."""
    table = result.table()
    places = np.arange(len(table))[::-1]
    numbers = table[["slope", "low", "high"]].to_numpy(dtype=float)
    for place, (slope, *ends), certain in zip(places, numbers, table["certain"], strict=True):
        fill = PALETTE[0] if certain else "none"
        ax.barh(place, slope, 0.65, color=fill, edgecolor=PALETTE[0], linewidth=1.2)
        ax.plot(ends, [place, place], color=INK, linewidth=1)
    ax.axvline(0, color=QUIET, linewidth=0.8)
    ax.set_yticks(places, [name.replace("_", " ") for name in result.names])
    ax.set_xlabel("improvement over a whole range, at the slope of this row")
    return tidy(ax, grid="x")


def cut_curve(
    result: Cut,
    ax: Axes,
    *,
    objective: Objective,
    improvement_limit: float | None = None,
    mark: bool = True,
) -> Axes:
    """What is expected along a parameter with its 95 % band, and the improvement on a second axis.

    Parameters
    ----------
    result : Cut
    ax : Axes
    objective : Objective
    improvement_limit : float, optional
        What reaches a third of the second axis, so that several cuts share it.
    mark : bool
        Whether to mark the row that the cut is laid through.
    """
    table, parameter = result.table, result.parameter
    second = ax.twinx()
    second.set_zorder(ax.get_zorder() - 1)
    ax.patch.set_visible(False)
    if parameter.kind == "categorical":
        places = np.arange(len(table), dtype=float)
        error = np.abs(table[["low", "high"]].to_numpy().T - table["mean"].to_numpy())
        ax.errorbar(places, table["mean"], yerr=error, fmt="o", color=PALETTE[0], capsize=3)
        second.bar(places, table["improvement"], 0.5, color=PALETTE[5], alpha=0.35)
        ax.set_xticks(places, [str(level) for level in table["value"]])
    else:
        places = table["value"].to_numpy(dtype=float)
        ax.fill_between(places, table["low"], table["high"], color=PALETTE[0], **BAND)
        ax.plot(places, table["mean"], color=PALETTE[0], label="expected, 95 % band")
        second.fill_between(places, 0, table["improvement"], color=PALETTE[5], alpha=0.35, lw=0)
        ax.set_xscale(parameter.scale)
        ax.set_xlim(places.min(), places.max())
        plain_ticks(ax.xaxis)
        if mark:
            ax.axvline(float(cast(float, result.at)), color=_RED, linewidth=1, linestyle="--")
    top = improvement_limit or float(np.nanmax(table["improvement"]))
    second.set_ylim(0, 3.0 * top if top > 0 else 1.0)  # the lower third is its own
    second.yaxis.set_major_locator(MaxNLocator(3))
    second.set_ylabel("expected improvement", fontsize=9, color="#9a6a00")
    second.tick_params(labelsize=8, colors="#9a6a00")
    second.spines[["top", "left", "bottom"]].set_visible(False)
    second.spines["right"].set_color(QUIET)
    corner(ax, [left_out(table["mean"].notna().to_numpy())])
    ax.set(xlabel=named(parameter), ylabel=named(objective))
    return tidy(ax)


def landscape_map(
    result: Landscape,
    ax: Axes,
    *,
    objective: Objective,
    quantity: str = "mean",
    limits: tuple[float, float] | None = None,
    mark: bool = True,
    uphill: Uphill | None = None,
) -> Axes:
    """A quantity over two parameters, in contours; dots where it is not told from the row.

    Parameters
    ----------
    result : Landscape
    ax : Axes
    objective : Objective
    quantity : {"mean", "std", "improvement"}
    limits : (float, float), optional
        Of the colours, so that several maps share them; then no colour bar is drawn.
    mark : bool
        Whether to mark the row that the landscape is laid through.
    uphill : Uphill, optional
        Whose arrow is drawn, as far as the bounds allow: full where the ascent in this plane is
        certain (5 %), else dotted.
    """
    values = np.ma.masked_invalid(getattr(result, quantity).T)
    low, high = limits or (float(values.min()), float(values.max()))
    levels = MaxNLocator(12).tick_values(low, high if high > low else low + 1)
    x, y = result.x_values, result.y_values
    colours = ax.contourf(x, y, values, levels, cmap="viridis", norm=Normalize(low, high))
    ax.contour(x, y, values, levels, colors="white", linewidths=0.4, alpha=0.6)
    ax.set(xscale=result.x.scale, yscale=result.y.scale)
    plain_ticks(ax.xaxis, ax.yaxis)
    ax.set(xlabel=named(result.x), ylabel=named(result.y))
    if quantity == "mean" and mark:
        known = np.ma.masked_invalid(np.abs(result.differs.T))
        ax.contourf(x, y, known, [-1, _TWO_SIDED_95], colors="none", hatches=["..."])
        ax.collections[-1].set(edgecolor="white", linewidth=0)
    if mark:
        ax.plot(*result.at, "o", color=_RED, markeredgecolor="white", markersize=8, zorder=5)
    if uphill is not None:
        _arrow(result, ax, uphill)
    if limits is None:
        bar = ax.figure.colorbar(colours, ax=ax, format="%.3g")
        words = named(objective) if quantity == "mean" else _LABELS[quantity]
        bar.set_label(words, fontsize=9.5, color=INK)
        bar.ax.tick_params(labelsize=8)
    return tidy(ax)


def colour_bar(
    figure: Figure, axes: Sequence[Axes], objective: Objective, limits: tuple[float, float]
) -> None:
    """One colour bar for several maps that share their limits."""
    colours = ScalarMappable(Normalize(*limits), "viridis")
    bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label(named(objective), fontsize=9.5, color=INK)
    bar.ax.tick_params(labelsize=8)


def _arrow(result: Landscape, ax: Axes, uphill: Uphill) -> None:
    names = (result.x.name, result.y.name)
    certain = uphill.chance(*names) < 0.05
    start = [
        float(parameter.to_unit(np.array([value]))[0])
        for parameter, value in zip((result.x, result.y), result.at, strict=True)
    ]
    end = np.clip(np.add(start, 0.22 * uphill.direction(*names)), 0.0, 1.0)
    ax.annotate(
        "",
        xy=(end[0], end[1]),
        xytext=(start[0], start[1]),
        xycoords="axes fraction",
        textcoords="axes fraction",
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-|>",
            "color": _RED,
            "linewidth": 2.0 if certain else 1.2,
            "linestyle": "-" if certain else ":",
            "shrinkA": 4,
            "shrinkB": 0,
        },
    )


def iso_surface_picture(
    result: IsoSurface, ax: Axes3D, *, mark: bool = True, view: tuple[float, float] = (22.0, -58.0)
) -> Axes3D:
    """The surface of one value through three parameters, coloured by how certain it is.

    Parameters
    ----------
    result : IsoSurface
    ax : Axes3D
    mark : bool
        Whether to mark the row that it is laid through.
    view : (float, float)
        Height and turn of the eye, degrees.
    """
    colours = ScalarMappable(Normalize(*_ends(result.std)), "YlGnBu")
    tones = colours.to_rgba(result.std)
    surface = Poly3DCollection(
        result.triangles,
        facecolors=tones,
        edgecolors=tones,  # no seams between the triangles
        linewidths=0.3,
        shade=True,
        lightsource=LightSource(azdeg=view[1] - 30.0, altdeg=50.0),
    )
    ax.add_collection3d(surface)
    if mark:
        ax.plot(
            *result.at[:, None], "o", color=_RED, markersize=7, markeredgecolor="white", zorder=9
        )
    places = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    for parameter, axis in zip(result.parameters, "xyz", strict=True):
        words = [f"{value:.3g}" for value in parameter.from_unit(places)]
        getattr(ax, f"set_{axis}ticks")(places, words, fontsize=8)
        getattr(ax, f"set_{axis}label")(named(parameter), fontsize=9, labelpad=6)
        getattr(ax, f"set_{axis}lim")(0, 1)
    ax.view_init(*view)
    bar = ax.figure.colorbar(colours, ax=ax, shrink=0.6, pad=0.12)
    bar.set_label("standard deviation there", fontsize=9.5, color=INK)
    bar.ax.tick_params(labelsize=8)
    return ax


def _ends(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def front_scatter(
    table: pd.DataFrame,
    front: np.ndarray,
    ax: Axes,
    *,
    objectives: tuple[Objective, Objective],
) -> Axes:
    """One objective against another, with the rows of a front.

    Parameters
    ----------
    table : DataFrame
        A column an objective.
    front : ndarray of int
        Positions in the table.
    ax : Axes
    objectives : (Objective, Objective)
    """
    first, second = objectives
    need(table, first.name, second.name)
    x, y = (table[one.name].to_numpy(dtype=float) for one in objectives)
    ax.set(xscale=_scale(first), yscale=_scale(second))
    seen = np.isfinite(x) & np.isfinite(y)
    rest = seen & ~np.isin(np.arange(len(table)), front)
    cloud(ax, x[rest], y[rest], QUIET, label="other rows")
    order = front[np.argsort(x[front])]
    ax.plot(x[order], y[order], "s", color=PALETTE[1], markersize=6, label="Pareto front")
    plain_ticks(ax.xaxis, ax.yaxis)
    corner(ax, [left_out(seen)])
    ax.set(xlabel=_directed(first), ylabel=_directed(second))
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def _scale(objective: Objective) -> str:
    return "log" if objective.log10 else "linear"


def _directed(objective: Objective) -> str:
    """An objective as measured, and which way is better."""
    name = objective.name.replace("_", " ") + (f" ({objective.unit})" if objective.unit else "")
    return f"{name}: {'more' if objective.maximise else 'less'} is better"


def best_so_far_curves(table: pd.DataFrame, ax: Axes, *, objective: Objective) -> Axes:
    """The best value against the number of evaluations, a line and a band an arm.

    Parameters
    ----------
    table : DataFrame
        Columns ``arm``, ``evaluations``, ``best``, ``low``, ``high`` (NaN for no band), such as
        those of `leyden.exploration.best_so_far`.
    ax : Axes
    objective : Objective
    """
    need(table, "arm", "evaluations", "best", "low", "high")
    for number, (arm, rows) in enumerate(table.groupby("arm", sort=False)):
        colour = PALETTE[number % len(PALETTE)]
        at = rows["evaluations"]
        ax.fill_between(at, rows["low"], rows["high"], color=colour, step="post", **BAND)
        ax.step(at, rows["best"], where="post", color=colour, label=str(arm), linewidth=1.8)
    ax.set(xlabel="evaluations", ylabel=f"best so far, {named(objective)}")
    ax.set_xlim(left=0)
    ax.legend(frameon=False, fontsize=9, loc="lower right" if objective.maximise else "upper right")
    return tidy(ax)
