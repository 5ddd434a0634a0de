"""Several sets of states of the same frames, compared: what both share by chance cancels.

Two intervals that overlap say little of a difference, when both rest on the same few transitions.
Here a stretch of time is left out of all sets of states at once, and the numbers that compare them
are found anew: the jackknife of `leyden.physics.intervals`, with time alone as what is independent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from leyden.dynamics.kinetic_results import Koopman
from leyden.dynamics.koopman import Kinetics
from leyden.errors import InputError
from leyden.physics.intervals import Estimate, jackknife

__all__ = ["compared"]

_MOST, _LEAST = 20, 5  # stretches of all trajectories, and of one
_TIMESCALES, _LAGS = 5.0, 2.0  # that a stretch is long, if there are enough


def compared(
    kinetics: Sequence[Kinetics],
    statistic: Callable[..., Sequence[float]],
    *,
    positive: bool = False,
    level: float = 0.95,
) -> list[Estimate]:
    """Numbers that follow from several sets of states of the same trajectories, with intervals.

    Parameters
    ----------
    kinetics : sequence of Kinetics
        Equal frames, one set of states each; lags may differ.
    statistic : callable
        Takes the `Koopman` of each set, at its lag (values; no intervals), and returns numbers.
    positive : bool
        Whether the numbers cannot be negative, such as ratios of timescales: their intervals are
        symmetric on a logarithmic scale.
    level : float
        Confidence.

    Returns
    -------
    list of Estimate
        Without a finite interval, where a number is not defined without some stretch.

    Raises
    ------
    InputError
        Frames that differ, or no two stretches that are two lags long each.

    Notes
    -----
    A trajectory is cut in as many stretches as are five of its slowest relaxations long, at least
    5 and, of all trajectories, at most 20.
    """
    frames = [[len(part) for part in one.memberships] for one in kinetics]
    if any(found != frames[0] for found in frames):
        raise InputError("states that are compared are of the same frames", value=frames)
    cuts = [np.linspace(0, length, _stretches(kinetics, at) + 1) for at, length in
            enumerate(frames[0])]  # fmt: skip
    count = sum(len(one) - 1 for one in cuts)

    def numbers(weights: np.ndarray) -> np.ndarray:
        kept = _pieces(cuts, weights > 0)
        return np.asarray(statistic(*(_koopman(one, kept) for one in kinetics)), float)

    return jackknife(np.eye(count), numbers, positive=positive, level=level)


def _stretches(kinetics: Sequence[Kinetics], trajectory: int) -> int:
    """In how many stretches a trajectory is cut."""
    first = kinetics[0]
    span = len(first.memberships[trajectory]) * first.time_steps_ps[trajectory]
    most = max(1, _MOST // len(first.memberships))
    slowest, lag = (
        max(getattr(one, name) for one in kinetics) for name in ("slowest_ps", "lag_ps")
    )
    wanted = max(min(most, _LEAST), int(span / (_TIMESCALES * slowest)))
    return max(1, min(most, wanted, int(span / (_LAGS * lag))))


def _pieces(cuts: Sequence[np.ndarray], kept: np.ndarray) -> list[tuple[int, slice]]:
    """Trajectory and frames of what is kept, stretches that follow each other in one piece."""
    found, at = [], 0
    for trajectory, edges in enumerate(cuts):
        mine = kept[at : at + len(edges) - 1]
        at += len(mine)
        for on, group in itertools.groupby(range(len(mine)), key=mine.__getitem__):
            if on:
                places = list(group)
                frames = slice(round(edges[places[0]]), round(edges[places[-1] + 1]))
                found.append((trajectory, frames))
    return found


def _koopman(one: Kinetics, pieces: Sequence[tuple[int, slice]]) -> Koopman:
    return Kinetics(
        [one.memberships[trajectory][frames] for trajectory, frames in pieces],
        one.lag_ps,
        [one.time_steps_ps[trajectory] for trajectory, _ in pieces],
        reversible=one.reversible,
        samples=2,
    ).koopman()
