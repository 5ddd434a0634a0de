"""Figures of held-out observations beside what a surrogate expected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from leyden.plots.exploration import named
from leyden.plots.style import (
    BAND,
    INK,
    PALETTE,
    QUIET,
    limits,
    plain_ticks,
    series_style,
    tidy,
)

if TYPE_CHECKING:
    from leyden.exploration.held_out import HeldOut
    from leyden.exploration.landscapes import Cut
    from leyden.exploration.search_space import Objective

__all__ = ["held_out_parity", "prediction_along", "residual_histogram"]

_RING: dict[str, Any] = {"markerfacecolor": "none"}
_TWO_SIDED_95 = 1.96


def held_out_parity(result: HeldOut, ax: Axes, *, objective: Objective) -> Axes:
    """Observations against predictions by surrogates that have not seen them, with 95 % intervals.

    Bounds are triangles that point to where the true value lies.
    """
    table = result.table
    inside = table["residual"].abs() <= _TWO_SIDED_95
    kinds = [
        ("within its interval", (table["bound"] == "") & inside, 0, "o"),
        ("outside", (table["bound"] == "") & ~inside, 1, "s"),
        ("true value is higher", table["bound"] == "above", 2, "^"),
        ("true value is lower", table["bound"] == "below", 3, "v"),
    ]
    for label, chosen, number, marker in kinds:
        rows = table[chosen]
        if len(rows):
            ax.errorbar(
                rows["mean"],
                rows["observed"],
                xerr=np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy()),
                fmt=marker,
                color=PALETTE[number],
                ecolor="#b9c2c9",
                markersize=4.5,
                linewidth=0.8,
                label=label,
            )
    known = table[["observed", "mean"]].to_numpy(dtype=float).ravel()
    ends = limits(known[np.isfinite(known)])
    ax.plot(ends, ends, color=QUIET, linewidth=1, linestyle="--", zorder=0)
    ax.set(xlabel=f"predicted, {named(objective)}", ylabel="observed")
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def residual_histogram(result: HeldOut, ax: Axes) -> Axes:
    """Residuals over their standard deviations, beside the normal curve that is right."""
    residuals = result.measured["residual"].to_numpy()
    reach = max(4.0, float(np.ceil(np.nanmax(np.abs(residuals)))))
    bins = np.linspace(-reach, reach, round(4 * reach) + 1)
    ax.hist(residuals, bins=bins.tolist(), density=True, color=PALETTE[0], alpha=0.55)
    at = np.linspace(-reach, reach, 201)
    ax.plot(at, np.exp(-0.5 * at**2) / np.sqrt(2 * np.pi), color=INK, linewidth=1.2, label="normal")
    for side in (-_TWO_SIDED_95, _TWO_SIDED_95):
        ax.axvline(side, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel="residual / its standard deviation", ylabel="density")
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def prediction_along(
    result: Cut, held_out: HeldOut, values: np.ndarray, ax: Axes, *, objective: Objective
) -> Axes:
    """A cut, and observations along it that the surrogate has not learned from.

    Rings are those where the surrogate extrapolates; triangles on them are bounds, and point to
    where the true value lies.

    Parameters
    ----------
    result : Cut
    held_out : HeldOut
        Of those observations.
    values : ndarray, shape (n,)
        Their values of the parameter of the cut.
    ax : Axes
    objective : Objective
    """
    table, rows = result.table, held_out.table
    ax.fill_between(table["value"], table["low"], table["high"], color=PALETTE[0], **BAND)
    ax.plot(table["value"], table["mean"], color=PALETTE[0], label="expected, 95 % band")
    beyond = rows["extrapolates"].to_numpy(dtype=bool)
    label = "simulated, not learned from"
    for chosen, style, said in ((~beyond, {}, label), (beyond, _RING, f"{label}; extrapolated")):
        if chosen.any():
            ax.errorbar(
                values[chosen],
                rows["observed"][chosen],
                yerr=_TWO_SIDED_95 * rows["error"][chosen],
                capsize=2,
                linestyle="none",
                label=said,
                **(series_style(1) | style),
            )
    for side, marker in (("below", "v"), ("above", "^")):
        bound = (rows["bound"] == side).to_numpy()
        if bound.any():
            ax.plot(values[bound], rows["observed"][bound], marker, color=INK, label="a bound")
    ax.set_xscale(result.parameter.scale)
    plain_ticks(ax.xaxis)
    ax.set(xlabel=named(result.parameter), ylabel=named(objective))
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)
