"""Figures of predictions, and of arms beside each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from leyden.plots.style import (
    INK,
    PALETTE,
    QUIET,
    cloud,
    corner,
    left_out,
    limits,
    log_ticks_at,
    need,
    series_style,
    tidy,
    vectors,
)

__all__ = ["coverage_curve", "learning_curve", "paired_differences", "parity", "reliability"]


def parity(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ax: Axes,
    *,
    y_err: ArrayLike | None = None,
    label: str = "value",
    truth: str = "measured",
    marginals: bool = True,
    note: str = "",
) -> Axes:
    """Predicted against true values, on equal axes with the line of equality.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (n,)
    ax : Axes
    y_err : array_like, shape (n,) or (2, n), optional
        Length of the error bars of `y_pred` (to either side, or below and above), in its unit.
    label : str
        Quantity and unit, such as ``"log10 G (G in GPa)"``.
    truth : str
        What `y_true` is: measured, calculated, ...
    marginals : bool
        Whether to draw the two distributions at the margins.
    note : str
        Words for the corner, such as a score.
    """
    true, predicted = vectors(y_true=y_true, y_pred=y_pred)
    seen = np.isfinite(true) & np.isfinite(predicted)
    true, predicted = true[seen], predicted[seen]
    if y_err is not None:
        bars = np.asarray(y_err, dtype=float)[..., seen]
        ax.errorbar(
            true, predicted, yerr=bars, fmt="none", ecolor=PALETTE[0], elinewidth=0.7, alpha=0.35
        )
    cloud(ax, true, predicted, PALETTE[0])
    low, high = limits(np.concatenate([true, predicted]))
    ax.plot([low, high], [low, high], color=INK, linewidth=1, zorder=1)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    ax.set(xlabel=f"{truth} {label}", ylabel=f"predicted {label}")
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    corner(ax, [note, left_out(seen)])
    if marginals:
        bins = np.linspace(low, high, 41).tolist()
        top = ax.inset_axes((0, 1.02, 1, 0.15), sharex=ax)
        top.hist(true, bins=bins, color=QUIET, alpha=0.7)
        side = ax.inset_axes((1.02, 0, 0.15, 1), sharey=ax)
        side.hist(predicted, bins=bins, orientation="horizontal", color=PALETTE[0], alpha=0.7)
        for margin in (top, side):
            margin.axis("off")
    return tidy(ax)


def learning_curve(table: pd.DataFrame, ax: Axes, *, label: str = "MAE") -> Axes:
    """A score against the number of training rows, one line an arm.

    Parameters
    ----------
    table : DataFrame
        Columns ``arm``, ``train_rows``, ``score``, and ``low`` and ``high`` where there is an
        interval.
    ax : Axes
    label : str
        Score and unit.
    """
    need(table, "arm", "train_rows", "score")
    for number, (arm, rows) in enumerate(table.groupby("arm", sort=False)):
        rows = rows.sort_values("train_rows")
        style = series_style(number)
        ax.plot(rows["train_rows"], rows["score"], label=str(arm), markersize=5, **style)
        if {"low", "high"} <= set(rows.columns):
            ax.fill_between(
                rows["train_rows"].to_numpy(dtype=float),
                rows["low"].to_numpy(dtype=float),
                rows["high"].to_numpy(dtype=float),
                color=style["color"],
                alpha=0.15,
                linewidth=0,
            )
    log_ticks_at(ax, sorted(set(table["train_rows"])), ",")
    ax.set(xlabel="training rows", ylabel=label)
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax, grid="y")


def paired_differences(
    table: pd.DataFrame, ax: Axes, *, label: str = "difference", reference: float = 0.0
) -> Axes:
    """Differences between arms on the same rows, with their intervals (a forest plot).

    Lower is better: an interval below the reference is drawn in blue, one above it in red, and one
    that holds the reference (no evidence) hollow and grey.

    Parameters
    ----------
    table : DataFrame
        Columns ``arm``, ``difference``, ``low``, ``high``; the first row is drawn at the top.
    ax : Axes
    label : str
        What the difference is of, and its unit.
    reference : float
        The value of no difference: 0, or 1 for ratios.
    """
    need(table, "arm", "difference", "low", "high")
    ax.axvline(reference, color=INK, linewidth=1)
    for place, row in enumerate(table.itertuples(index=False)):
        value, low, high = float(row.difference), float(row.low), float(row.high)  # type: ignore
        color = PALETTE[0] if high < reference else PALETTE[1] if low > reference else QUIET
        ax.plot([low, high], [place, place], color=color, linewidth=2, solid_capstyle="butt")
        face = "white" if color == QUIET else color
        ax.plot(value, place, "o", markersize=7, color=color, markerfacecolor=face)
    ax.set_yticks(range(len(table)), [str(arm) for arm in table["arm"]])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlabel(f"{label}   (left of the line is better)")
    return tidy(ax, grid="x")


def coverage_curve(
    nominal: ArrayLike,
    measured: ArrayLike,
    ax: Axes,
    *,
    label: str = "",
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> Axes:
    """Share of answers inside their interval against the share that was promised.

    Call it again on the same `ax` to lay curves over each other.

    Parameters
    ----------
    nominal, measured : array_like, shape (n,)
        Fractions between 0 and 1.
    ax : Axes
    label : str
    low, high : array_like, shape (n,), optional
        Interval of `measured`.
    """
    promised, kept = vectors(nominal=nominal, measured=measured)
    number = sum(line.get_gid() == "coverage" for line in ax.get_lines())
    if number == 0:
        ax.plot([0, 1], [0, 1], color=INK, linewidth=1)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.set(xlabel="promised coverage (fraction)", ylabel="measured coverage (fraction)")
    style = series_style(number)
    ax.plot(promised, kept, markersize=5, label=label, gid="coverage", **style)
    if low is not None and high is not None:
        below, above = vectors(low=low, high=high)
        ax.fill_between(promised, below, above, color=style["color"], alpha=0.15, linewidth=0)
    if label:
        ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def reliability(table: pd.DataFrame, ax: Axes, *, label: str = "share") -> Axes:
    """The share of an event against its predicted probability, one line an arm.

    Parameters
    ----------
    table : DataFrame
        Columns ``arm``, ``predicted`` and ``observed``, one row a bin.
    ax : Axes
    label : str
        What the share is of.
    """
    need(table, "arm", "predicted", "observed")
    ax.plot([0, 1], [0, 1], color=INK, linewidth=1, zorder=1)
    for number, (arm, rows) in enumerate(table.groupby("arm", sort=False)):
        style = series_style(number)
        ax.plot(rows["predicted"], rows["observed"], label=str(arm), markersize=5, **style)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    ax.set(xlabel="predicted probability", ylabel=label)
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)
