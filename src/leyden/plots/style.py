"""The one look of all figures, and the checks that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from leyden.errors import IncompatibleError, InputError

__all__ = [
    "BAND",
    "INK",
    "PALETTE",
    "QUIET",
    "cloud",
    "corner",
    "left_out",
    "limits",
    "log_ticks_at",
    "need",
    "plain_ticks",
    "series_style",
    "subplots",
    "tidy",
    "vectors",
]

#: Okabe and Ito's colours, which readers of every colour vision tell apart, darkest first.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK, QUIET = "#1d2327", "#77828b"
#: Of an interval that is filled.
BAND: dict[str, Any] = {"alpha": 0.2, "linewidth": 0}

_MARKERS = "osD^vP"
_MANY = 2000  # points beyond which a vector drawing only grows heavy
_FEW_DECADES = 2.5


def subplots(
    rows: int = 1, columns: int = 1, *, width: float = 6.4, height: float = 4.2
) -> tuple[Figure, Any]:
    """A figure without pyplot, and its axes (one `Axes`, or an array of them).

    Parameters
    ----------
    rows, columns : int
    width, height : float
        Of the whole figure, inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


def series_style(number: int) -> dict[str, Any]:
    """Colour and marker of the series of this number, so that neither stands alone."""
    return {"color": PALETTE[number % 6], "marker": _MARKERS[number % 6]}


def cloud(
    ax: Axes, x: np.ndarray, y: np.ndarray, color: str, marker: str = "o", label: str = ""
) -> None:
    """Scatter points; thousands of them smaller, fainter, and as pixels."""
    many = len(x) > _MANY
    ax.scatter(
        x,
        y,
        s=7 if many else 16,
        color=color,
        marker=marker,
        alpha=0.3 if many else 0.6,
        linewidths=0,
        rasterized=many,
        label=label,
    )


def tidy(ax: Axes, grid: str = "both") -> Axes:
    """One look for all: open frame, faint grid, one size of letters."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(labelsize=9, color=QUIET, labelcolor=INK)
    ax.grid(True, axis=grid, color="#e3e7ea", linewidth=0.7)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set(fontsize=10, color=INK)
    return ax


def plain_ticks(*axes: Axis) -> None:
    """Plain numbers along logarithmic axes, at 1, 2 and 5 where decades are few; others stay.

    To be called when the limits are known.
    """
    for axis in axes:
        if axis.get_scale() == "log":
            low, high = np.log10(axis.get_view_interval())
            subs = (1.0, 2.0, 5.0) if high - low < _FEW_DECADES else (1.0,)
            axis.set_major_locator(LogLocator(subs=subs))
            axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
            axis.set_minor_locator(NullLocator())


def log_ticks_at(ax: Axes, values: Sequence[float], spec: str = "g") -> None:
    """A logarithmic x axis with ticks at these values alone, written by this format."""
    ax.set_xscale("log")
    ax.set_xticks(values, [format(value, spec) for value in values])
    ax.minorticks_off()


def corner(ax: Axes, notes: Sequence[str]) -> None:
    """Write what is not empty into the upper left corner, one note a line."""
    words = "\n".join(note for note in notes if note)
    if words:
        ax.text(0.02, 0.98, words, transform=ax.transAxes, va="top", fontsize=9, color=INK)


def left_out(seen: np.ndarray) -> str:
    """How many rows a figure cannot show; empty when it shows all."""
    missing = int((~seen).sum())
    return f"{missing:,} of {len(seen):,} cannot be drawn" if missing else ""


def limits(values: np.ndarray) -> tuple[float, float]:
    """Range of the values with a margin; the unit interval when there are none."""
    if len(values) == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin


def vectors(**arrays: ArrayLike) -> list[np.ndarray]:
    """The arrays as float vectors of one length."""
    vectors = [np.asarray(array, dtype=float) for array in arrays.values()]
    if any(vector.ndim != 1 or len(vector) != len(vectors[0]) for vector in vectors):
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise IncompatibleError(f"a plot needs vectors of one length, got {shapes}")
    return vectors


def need(table: pd.DataFrame, *columns: str) -> None:
    """Raise `InputError` when the table lacks one of the columns."""
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise InputError(
            f"the table needs the columns {', '.join(columns)}",
            value=list(table.columns),
            remedy=f"add {', '.join(absent)}",
        )
