"""Figures of the study of polymer electrolytes: run lengths, replays, salts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leyden.plots.style import PALETTE, log_ticks_at, need, series_style, tidy

__all__ = ["length_errors", "reached_share", "salt_values"]


def length_errors(table: pd.DataFrame, ax: Axes) -> Axes:
    """Relative error of a run against its length: scatter between seeds, and as it tells itself.

    Parameters
    ----------
    table : DataFrame
        ``point``, ``length_ns``, ``scatter``, ``told``; see
        `leyden.studies.exploration_lengths.summary_of_lengths`.
    ax : Axes
    """
    need(table, "point", "length_ns", "scatter", "told")
    for number, (point, rows) in enumerate(table.groupby("point", sort=False)):
        style = series_style(number)
        ax.plot(rows["length_ns"], rows["scatter"], label=f"{point}: between seeds", **style)
        faint = style | {"linestyle": "--", "markerfacecolor": "none"}
        ax.plot(rows["length_ns"], rows["told"], label=f"{point}: as a run tells", **faint)
    log_ticks_at(ax, sorted(table["length_ns"].unique()))
    ax.set_ylim(bottom=0)
    ax.set(xlabel="length of the production (ns)", ylabel="relative standard error")
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return tidy(ax)


def reached_share(needed: pd.DataFrame, most: int, ax: Axes) -> Axes:
    """Share of worlds in which an arm has come to the goal, against evaluations.

    Parameters
    ----------
    needed : DataFrame
        A row a world, a column an arm: evaluations, inf where it was not reached.
    most : int
        Evaluations of a campaign.
    ax : Axes
    """
    at = np.arange(most + 1)
    for number, arm in enumerate(needed):
        counted = needed[arm].to_numpy(float)
        share = [(counted <= evaluations).mean() for evaluations in at]
        colour = PALETTE[number % len(PALETTE)]
        ax.step(at, share, where="post", color=colour, label=str(arm), linewidth=1.8)
    ax.set(xlabel="evaluations", ylabel="share of worlds at the goal")
    ax.set_xlim(0, most)
    ax.set_ylim(0, 1.02)
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    return tidy(ax)


def salt_values(series: Mapping[str, pd.DataFrame], ax: Axes) -> Axes:
    """Log10 conductivities of salts with their intervals, by where they are from.

    Parameters
    ----------
    series : mapping of str to DataFrame
        By label; index the salt, columns ``value``, ``low``, ``high`` (NaN for no interval). The
        order of the first is that of the axis.
    ax : Axes
    """
    names = list(next(iter(series.values())).index)
    step = 0.22
    for number, (label, table) in enumerate(series.items()):
        need(table, "value", "low", "high")
        rows = table.reindex(names)
        places = np.arange(len(names)) + step * (number - (len(series) - 1) / 2)
        value = rows["value"].to_numpy(float)
        half = np.abs(rows[["low", "high"]].to_numpy(float).T - value)
        style = series_style(number) | {"linestyle": "none"}
        ax.errorbar(places, value, yerr=np.nan_to_num(half), capsize=2, label=label, **style)
    ax.set_xticks(np.arange(len(names)), names)
    ax.set_ylabel("log10 of conductivity (S/cm)")
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)
