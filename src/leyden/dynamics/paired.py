"""Several sets of states of the same frames, compared: what both share by chance cancels.

Two intervals that overlap say little of a difference, when both rest on the same few transitions.
Here the same stretches of time are drawn for all sets of states at once, and the numbers that
compare them are found anew: the bootstrap of `leyden.dynamics.Kinetics`, with time alone as what is
independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from leyden.dynamics.blocks import Blocks, block_moments, choose_blocks, levels_of_95, resampled
from leyden.dynamics.koopman import Kinetics, lag_frames
from leyden.errors import InputError
from leyden.physics.intervals import Estimate

__all__ = ["compared", "shared_stretches"]


def compared(
    kinetics: Sequence[Kinetics],
    statistic: Callable[..., Sequence[float]],
    *,
    positive: bool = False,
    samples: int = 400,
    random_state: int = 0,
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
    samples, random_state : int
        Of the bootstrap.

    Returns
    -------
    list of Estimate
        Intervals of 95 %, as far up as down: the farther percentile counts. An upper end is
        infinite where the number may be, and the lower then is its own percentile. Both ends are
        NaN where the number is not defined (NaN) in more draws than lie beyond an end, as that of
        a run in which a state is visited once.

    Raises
    ------
    InputError
        Frames or their times that differ, or no two stretches that are two lags long each.

    See Also
    --------
    shared_stretches : what is drawn, and what must be said of runs that are short.

    Notes
    -----
    Covered at a nominal 0.95: ``python benchmarks/timescale_coverage.py``, under ``compared``.
    """
    blocks = shared_stretches(kinetics)
    if blocks.count < 2:
        raise InputError(
            "an interval needs two independent blocks at least",
            value=blocks.count,
            remedy="give a longer run, or shorten the lag",
        )
    moments = [
        block_moments(
            one.memberships, [lag_frames(one.lag_ps, step) for step in one.time_steps_ps], blocks
        )
        for one in kinetics
    ]

    def numbers(weights: np.ndarray) -> np.ndarray:
        pairs = zip(kinetics, moments, strict=True)
        found = (one.of_moments(sums.weighted(weights), blocks, one.lag_ps) for one, sums in pairs)
        return np.asarray(statistic(*found), float)

    drawn = np.array([numbers(row) for row in resampled(blocks.count, samples, random_state)])
    values = numbers(np.ones(blocks.count))
    return [
        _estimate(float(value), draws, blocks.count, positive)
        for value, draws in zip(values, drawn.T, strict=True)
    ]


def shared_stretches(kinetics: Sequence[Kinetics]) -> Blocks:
    """The stretches of time that `compared` draws, long enough for the slowest of all sets.

    Parameters
    ----------
    kinetics : sequence of Kinetics
        Equal frames, one set of states each.

    Raises
    ------
    InputError
        Frames or their times that differ.
    """
    frames = [[len(part) for part in one.memberships] for one in kinetics]
    steps = [one.time_steps_ps for one in kinetics]
    for what, all_of_it in (("frames", frames), ("times between frames", steps)):
        if any(found != all_of_it[0] for found in all_of_it):
            raise InputError(f"states that are compared are of the same {what}", value=all_of_it)
    return choose_blocks(
        [(length, 1) for length in frames[0]],
        steps[0],
        max(one.lag_ps for one in kinetics),
        max(one.slowest_ps for one in kinetics),
    )


def _estimate(value: float, draws: np.ndarray, count: int, positive: bool) -> Estimate:
    """A value between ends as far up as down, of drawn values (n,)."""
    first, last = levels_of_95(count)
    if math.isnan(value) or np.isnan(draws).mean() > first:
        return Estimate(value, math.nan, math.nan)
    known = draws[~np.isnan(draws)]
    low = float(np.quantile(known, first, method="lower"))  # between finite and infinite is none
    high = float(np.quantile(known, last, method="higher"))
    if not (math.isfinite(value) and math.isfinite(high)):
        return Estimate(value, low, high)
    if positive and value > 0:
        factor = max(1.0, high / value, value / low if low > 0 else math.inf)
        return Estimate(value, value / factor, value * factor)
    half = max(value - low, high - value, 0.0)
    return Estimate(value, value - half, value + half)
