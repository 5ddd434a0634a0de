"""Figures of dynamics: timescales, tests of the model, relaxations, what surrounds each state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from leyden.plots.balls import balls_and_sticks, rotation
from leyden.plots.style import (
    BAND,
    INK,
    PALETTE,
    QUIET,
    corner,
    left_out,
    log_ticks_at,
    need,
    plain_ticks,
    series_style,
    tidy,
)

if TYPE_CHECKING:
    from leyden.dynamics.kinetic_results import ChapmanKolmogorov, Koopman, Timescales
    from leyden.dynamics.state_environments import Example, StateEnvironments
    from leyden.physics.transition_conduction import TransitionShares

__all__ = [
    "agreement_curves",
    "chapman_kolmogorov",
    "charge_integral",
    "environment_picture",
    "membership_map",
    "radial_distributions",
    "relaxation_modes",
    "relaxation_timescales",
    "transition_bars",
]

_VIEW = (-72.0, 14.0)  # degrees
_BALL = 0.55  # angstrom


def relaxation_timescales(
    result: Timescales, ax: Axes, *, exact: float | None = None, label: str = ""
) -> Axes:
    """Timescales at several lags with their intervals; in the grey part nothing can be resolved.

    Parameters
    ----------
    result : Timescales
    ax : Axes
        May hold another result already.
    exact : float, optional
        A known timescale in ps, drawn as a line.
    label : str
        What the result is of, for the legend.
    """
    first = len(ax.get_lines())
    for mode in range(result.timescales_ps.shape[1]):
        colour = PALETTE[(first + mode) % len(PALETTE)]
        times, (low, high) = result.timescales_ps[:, mode], result.interval[:, :, mode]
        number = f"relaxation {mode + 1}" if result.timescales_ps.shape[1] > 1 else ""
        words = ", ".join(part for part in (label, number) if part)
        ax.fill_between(result.lags_ps, low, high, color=colour, **BAND)
        ax.plot(result.lags_ps, times, "o-", color=colour, markersize=4, label=words or None)
    if exact is not None:
        ax.axhline(exact, color=INK, linewidth=1, linestyle="--", label="exact")
    ax.set(xscale="log", yscale="log", xlabel="lag (ps)", ylabel="relaxation timescale (ps)")
    if not first:
        ends = [result.lags_ps.min(), result.lags_ps.max()]
        bottom = min(ax.get_ylim()[0], ends[0])
        ax.fill_between(ends, bottom, ends, color=QUIET, alpha=0.12, linewidth=0)
        ax.set_ylim(bottom=bottom)
    plain_ticks(ax.xaxis, ax.yaxis)
    corner(ax, [left_out(np.isfinite(result.timescales_ps).ravel())])
    if ax.get_legend_handles_labels()[1]:
        ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def chapman_kolmogorov(result: ChapmanKolmogorov, ax: Axes) -> Axes:
    """Probability of being in each state still, predicted (lines) and as it is (points)."""
    times = result.lag_ps * result.multiples
    for state in range(result.estimated.shape[1]):
        style = series_style(state)
        at = (slice(None), state, state)
        low, high = (bound[at] for bound in result.predicted_interval)
        ax.fill_between(times, low, high, color=style["color"], **BAND)
        ax.plot(times, result.predicted[at], color=style["color"], linewidth=1.5)
        error = np.abs(result.estimated_interval[(slice(None), *at)] - result.estimated[at])
        ax.errorbar(
            times,
            result.estimated[at],
            yerr=error,
            fmt=style["marker"],
            color=style["color"],
            markersize=4,
            capsize=2,
            linewidth=1,
            label=f"state {state}",
        )
    ax.set(xlabel="time (ps)", ylabel="probability of the same state")
    ax.set_ylim(top=1.0)
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def relaxation_modes(result: Koopman, ax: Axes) -> Axes:
    """Right eigenvectors of the relaxations, state by state; opposite signs exchange."""
    modes = result.eigenvectors[:, 1:].real
    states, count = modes.shape
    width = 0.8 / max(count, 1)
    for mode in range(count):
        places = np.arange(states) + (mode - (count - 1) / 2) * width
        low, high = result.eigenvectors_interval[:, :, mode + 1].real
        time = result.timescales_ps[mode]
        words = f"{time:.3g} ps" if np.isfinite(time) else f"relaxation {mode + 1}"
        ax.bar(places, modes[:, mode], 0.9 * width, color=PALETTE[mode % 6], label=words)
        error = np.abs(np.array([modes[:, mode] - low, high - modes[:, mode]]))
        ax.errorbar(places, modes[:, mode], yerr=error, fmt="none", ecolor=INK, linewidth=0.9)
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.set_xticks(range(states), [f"state {state}" for state in range(states)])
    ax.set_ylabel("eigenvector")
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax, grid="y")


def radial_distributions(result: StateEnvironments, ax: Axes, *, species: str) -> Axes:
    """Radial distribution function of one species about the target, a line a state."""
    column = result.species.index(species)
    for state, curves in enumerate(result.distribution):
        ax.plot(result.radii, curves[column], color=PALETTE[state % 6], label=f"state {state}")
    ax.axvline(result.shell, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel="distance (Å)", ylabel=f"g(r) of {species}")
    ax.set_xlim(0, result.edges[-1])
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def charge_integral(result: StateEnvironments, ax: Axes) -> Axes:
    """Charge of the target and all within a radius, a line a state; nothing without charges."""
    if result.charge is None or result.charge_low is None or result.charge_high is None:
        corner(ax, ["the trajectory has no charges"])
        return tidy(ax)
    for state, (mean, low, high) in enumerate(
        zip(result.charge, result.charge_low, result.charge_high, strict=True)
    ):
        colour = PALETTE[state % 6]
        ax.fill_between(result.edges, low, high, color=colour, **BAND)
        ax.plot(result.edges, mean, color=colour, label=f"state {state}")
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.axvline(result.shell, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel="radius (Å)", ylabel="charge within (e)")
    ax.set_xlim(0, result.edges[-1])
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)


def transition_bars(result: TransitionShares, ax: Axes) -> Axes:
    """Share of each transition i -> j in what moves."""
    states = len(result.value)
    pairs = [(i, j) for i in range(states) for j in range(states)]
    shares = np.array([result.value[pair] for pair in pairs])
    error = np.abs(
        [shares - [result.low[p] for p in pairs], [result.high[p] for p in pairs] - shares]
    )
    colours = [PALETTE[0] if i == j else PALETTE[1] for i, j in pairs]
    ax.bar(range(len(pairs)), shares, color=colours)
    ax.errorbar(range(len(pairs)), shares, yerr=error, fmt="none", ecolor=INK, linewidth=0.9)
    ax.set_xticks(range(len(pairs)), [f"{i}→{j}" for i, j in pairs])
    ax.set_ylabel("share")
    return tidy(ax, grid="y")


def environment_picture(
    example: Example,
    ax: Axes,
    *,
    species: tuple[str, ...],
    reach: float | None = None,
    view: tuple[float, float] = _VIEW,
) -> Axes:
    """What surrounds a target, as it was in one frame; the target in the middle, with its name.

    Parameters
    ----------
    example : Example
    ax : Axes
    species : tuple of str
        All species of the trajectory, whose colours are by their place here.
    reach : float, optional
        How far the picture goes, in angstrom, so that several have one scale.
    view : (float, float)
        Turn about the vertical and tilt towards the reader, degrees.
    """
    points = example.places @ rotation(*view).T
    numbers = np.array([species.index(name) for name in example.species])
    tones = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1.0] for c in PALETTE])
    bonds = [(0, other) for other in range(1, len(points))]
    balls_and_sticks(
        points, np.full(len(points), _BALL), tones[numbers % 6], bonds, example.species, ax
    )
    far = reach or float(np.linalg.norm(example.places, axis=1).max())
    ax.set(xlim=(-far - _BALL, far + _BALL), ylim=(-far - _BALL, far + _BALL))
    ax.set_title(f"state {example.state}, membership {example.membership:.2f}", fontsize=10)
    return ax


def membership_map(fractions: np.ndarray, memberships: np.ndarray, ax: Axes) -> Axes:
    """Where atoms were in the cell, seen along its third axis, coloured by one membership.

    Parameters
    ----------
    fractions : ndarray, shape (n, 3)
        Of the cell's edges, from 0 to 1.
    memberships : ndarray, shape (n,)
    ax : Axes
    """
    x, y, _ = fractions.T
    points = ax.scatter(
        x,
        y,
        c=memberships,
        cmap="viridis",
        vmin=0,
        vmax=1,
        s=4,
        linewidths=0,
        rasterized=True,
    )
    ax.set(xlabel="x / a", ylabel="y / b", aspect="equal", xlim=(0, 1), ylim=(0, 1))
    bar = ax.figure.colorbar(points, ax=ax, shrink=0.85)
    bar.set_label("membership of state 0", fontsize=9.5, color=INK)
    return tidy(ax)


def agreement_curves(table: pd.DataFrame, ax: Axes) -> Axes:
    """Agreement with known states against the length of the run that taught, a line an arm.

    Parameters
    ----------
    table : DataFrame
        Columns ``ns``, ``arm``, ``agreement`` and ``agreement ±``.
    ax : Axes
    """
    need(table, "ns", "arm", "agreement", "agreement ±")
    for number, (arm, rows) in enumerate(table.groupby("arm", sort=False)):
        ax.errorbar(
            rows["ns"],
            rows["agreement"],
            yerr=rows["agreement ±"],
            label=str(arm),
            capsize=2,
            linewidth=1.3,
            markersize=4,
            **series_style(number),
        )
    ax.set(xlabel="run that taught (ns)", ylabel="agreement with the sites")
    log_ticks_at(ax, sorted(set(table["ns"])))
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)
