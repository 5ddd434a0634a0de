"""Figures of ionic liquids: ratios by property, errors by what is known, the electrolyte front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from numpy.typing import ArrayLike

from leyden.plots.style import (
    INK,
    QUIET,
    corner,
    left_out,
    need,
    plain_ticks,
    series_style,
    tidy,
    vectors,
)

__all__ = [
    "electrolyte_front",
    "error_by_stratum",
    "grouped_intervals",
    "legend_below",
    "share_groups",
]


def grouped_intervals(
    table: pd.DataFrame,
    ax: Axes,
    *,
    label: str,
    reference: float | None = None,
    band: tuple[float, float] | None = None,
    log: bool = False,
    groups: Sequence[str] | None = None,
    series: Sequence[str] | None = None,
) -> Axes:
    """Values with intervals, some series beside each other in each group.

    Parameters
    ----------
    table : DataFrame
        Columns ``group``, ``series``, ``value``, ``low``, ``high``; the first group is drawn at the
        top, series in the order of their appearance.
    ax : Axes
    label : str
        What the values are, and their unit.
    reference : float, optional
        Marked by a line.
    band : tuple of float, optional
        A range that is shaded.
    log : bool
        Whether the axis is logarithmic.
    groups, series : sequence of str, optional
        All groups and series, where panels beside each other should show the same: a series then
        has one place and one colour in all of them.
    """
    need(table, "group", "series", "value", "low", "high")
    series = list(dict.fromkeys(table["series"])) if series is None else list(series)
    groups = list(dict.fromkeys(table["group"])) if groups is None else list(groups)
    if band is not None:
        ax.axvspan(*band, color=QUIET, alpha=0.15, linewidth=0)
    if reference is not None:
        ax.axvline(reference, color=INK, linewidth=1)
    drawable = np.isfinite(table["value"]) & ((table["value"] > 0) if log else True)
    for number, name in enumerate(series):
        own = table[drawable & (table["series"] == name)]
        place = np.array([groups.index(group) for group in own["group"]], dtype=float)
        place += 0.76 * ((number + 0.5) / len(series) - 0.5)
        style = series_style(number)
        # An end that is not known, or at infinity, leaves the point without that arm.
        ends = [own["value"] - own["low"], own["high"] - own["value"]]
        arms = np.nan_to_num(np.array(ends, dtype=float), posinf=0.0).clip(min=0)
        ax.errorbar(
            own["value"], place, xerr=arms, linestyle="", markersize=5, label=str(name), **style
        )
    if log:
        ax.set_xscale("log")  # ticks at round ratios, whatever the range
        ax.xaxis.set_major_locator(FixedLocator(_TICKS))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.minorticks_off()
        if reference is not None:  # a change of some per cent shall not look large
            low, high = ax.get_xlim()
            ax.set_xlim(min(low, reference / 1.6), max(high, reference * 1.6))
    for edge in range(1, len(groups)):
        ax.axhline(edge - 0.5, color="#e3e7ea", linewidth=0.7)
    ax.set_yticks(range(len(groups)), [str(group) for group in groups])
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlabel(label)
    corner(ax, [left_out(drawable.to_numpy())])
    return tidy(ax, grid="x")


_TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def error_by_stratum(
    table: pd.DataFrame, strata: Sequence[str], ax: Axes, *, label: str, stratum: str
) -> Axes:
    """Errors against ordered strata of the rows, one line a series.

    Parameters
    ----------
    table : DataFrame
        Columns ``series``, ``stratum``, ``error``.
    strata : sequence of str
        In order; one that no row has is left out.
    ax : Axes
    label, stratum : str
        What the errors and the strata are.
    """
    need(table, "series", "stratum", "error")
    shown = [one for one in strata if one in set(table["stratum"])]
    for number, (name, own) in enumerate(table.groupby("series", sort=False)):
        own = own.sort_values("stratum", key=lambda names: names.map(shown.index))
        places = [shown.index(one) for one in own["stratum"]]
        dash = "--" if number >= 6 else "-"  # colours and markers begin anew
        ax.plot(
            places, own["error"], label=str(name), markersize=5, linestyle=dash,
            **series_style(number),
        )  # fmt: skip
    ax.set_xticks(range(len(shown)), [str(one) for one in shown])
    ax.set(xlabel=stratum, ylabel=label)
    if len(table):
        ax.legend(frameon=False, fontsize=9)
    return tidy(ax, grid="y")


def electrolyte_front(
    viscosity: ArrayLike,
    conductivity: ArrayLike,
    melting_point: ArrayLike,
    ax: Axes,
    *,
    measured: ArrayLike | None = None,
) -> Axes:
    """Conductivity against viscosity of ion pairs, coloured by melting point.

    Parameters
    ----------
    viscosity, conductivity, melting_point : array_like, shape (n,)
        In mPa s, mS/cm and K; the first two on log axes.
    ax : Axes
    measured : array_like of bool, shape (n,), optional
        Pairs that were measured; drawn as squares.
    """
    x, y, colour = vectors(
        viscosity=viscosity, conductivity=conductivity, melting_point=melting_point
    )
    seen = np.isfinite(x) & np.isfinite(y) & np.isfinite(colour) & (x > 0) & (y > 0)
    known = np.zeros(len(x), bool) if measured is None else np.asarray(measured, dtype=bool)
    if seen.any():
        span = {"vmin": colour[seen].min(), "vmax": colour[seen].max()}
        for rows, marker, name in ((~known, "o", "predicted"), (known, "s", "pair measured")):
            drawn = seen & rows
            if drawn.any():
                points = ax.scatter(
                    x[drawn],
                    y[drawn],
                    c=colour[drawn],
                    cmap="cividis",
                    marker=marker,
                    s=30,
                    label=f"{name} ({drawn.sum():,})",
                    **span,
                )
        ax.figure.colorbar(points, ax=ax, label="melting point (K)")
        ax.set(xscale="log", yscale="log")
        plain_ticks(ax.xaxis, ax.yaxis)
        ax.legend(frameon=False, fontsize=9)
    ax.set(xlabel="viscosity (mPa s)", ylabel="conductivity (mS/cm)")
    corner(ax, [left_out(seen)])
    return tidy(ax)


def legend_below(figure: Figure, ax: Axes, columns: int = 3) -> None:
    """The legend of one of its axes below all of them."""
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
    )


def share_groups(axes: Sequence[Axes]) -> None:
    """Panels of the same groups beside each other: one range of values, names of groups once."""
    low, high = zip(*(ax.get_xlim() for ax in axes), strict=True)
    for number, ax in enumerate(axes):
        ax.set_xlim(min(low), max(high))
        if number:
            ax.set_yticklabels([])
