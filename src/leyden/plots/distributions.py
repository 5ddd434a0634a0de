"""Figures of where values and crystals lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from leyden.errors import IncompatibleError
from leyden.plots.style import (
    PALETTE,
    cloud,
    corner,
    left_out,
    series_style,
    tidy,
    vectors,
)

__all__ = ["histogram", "latent_map"]


def histogram(
    values: ArrayLike,
    ax: Axes,
    *,
    label: str = "value",
    unit: str = "",
    log: bool = False,
    bins: int = 40,
    marks: Mapping[str, float] | None = None,
) -> Axes:
    """How many values lie where.

    Parameters
    ----------
    values : array_like, shape (n,)
    ax : Axes
    label, unit : str
    log : bool
        Whether values stand on a log axis, in bins of equal ratio.
    bins : int
    marks : mapping of name to value, optional
        Values to be marked by a vertical line.
    """
    (data,) = vectors(values=values)
    seen = np.isfinite(data) & ((data > 0) if log else True)
    shown = data[seen]
    edges: Any = bins
    if log and len(shown):
        edges = np.geomspace(shown.min() * 0.999, shown.max() * 1.001, bins + 1)
        ax.set_xscale("log")
    ax.hist(shown, bins=edges, color=PALETTE[0], edgecolor="white", linewidth=0.4)
    for number, (name, value) in enumerate((marks or {}).items()):
        ax.axvline(value, color=PALETTE[1 + number % 5], linestyle="--", linewidth=1.4, label=name)
    if marks:
        ax.legend(frameon=False, fontsize=9)
    ax.set(xlabel=f"{label} ({unit})" if unit else label, ylabel="count")
    corner(ax, [left_out(seen)])
    return tidy(ax, grid="y")


def latent_map(xy: ArrayLike, kind: Sequence[str] | np.ndarray, ax: Axes) -> Axes:
    """Crystals in a plane of their latent space, coloured by kind.

    Parameters
    ----------
    xy : array_like, shape (n, 2)
        Coordinates such as those of t-SNE; they have no unit, so the axes carry no numbers.
    kind : sequence of str, shape (n,)
        Such as ``"training"`` and ``"screened"``; drawn in the order of their appearance.
    ax : Axes
    """
    points, kinds = np.asarray(xy, dtype=float), np.asarray(kind, dtype=str)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(kinds):
        raise IncompatibleError(
            f"a map needs coordinates (n, 2) and n kinds, got {points.shape} and {kinds.shape}"
        )
    for number, name in enumerate(dict.fromkeys(kinds)):
        rows = points[kinds == name]
        label = f"{name} ({len(rows):,})"
        cloud(ax, rows[:, 0], rows[:, 1], label=label, **series_style(number))
    ax.set(xticks=[], yticks=[], xlabel="first coordinate", ylabel="second coordinate")
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)
