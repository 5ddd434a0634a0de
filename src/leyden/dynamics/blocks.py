"""Blocks of trajectories that may count as independent: sets of atoms x stretches of time.

Stretches are independent because they are long; whether sets of atoms are, only the data can tell
(`leyden.dynamics.atom_independence`).

Covariances add up, so an estimate from resampled blocks costs a weighted sum: a bootstrap of a
thousand samples never looks at the trajectories again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = [
    "Blocks",
    "Moments",
    "block_moments",
    "choose_blocks",
    "interval",
    "levels_of_95",
    "resampled",
]

WANTED = 40  # more blocks hardly make an interval more certain
ENOUGH = 7  # with fewer, blocks are made shorter, down to one timescale
LEAST = 5  # with fewer, an interval is a guess
TIMESCALES = (10.0, 5.0, 2.0, 1.0)  # lengths of a block that are tried
# Means of blocks of ten timescales spread by 95 % of what those of long blocks would.


class Moments(NamedTuple):
    """Sums over pairs of memberships at t and t + lag; any leading shape, here (...).

    Attributes
    ----------
    n : ndarray, shape (...)
        Pairs.
    x, y : ndarray, shape (..., k)
        Sums of the memberships at t and at t + lag.
    xx, xy, yy : ndarray, shape (..., k, k)
        Sums of their products.
    """

    n: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    def weighted(self, weights: np.ndarray) -> Moments:
        """Sums over blocks (B,) that each count as often as `weights` (..., B) says."""
        return Moments(*(np.tensordot(weights, part, axes=(-1, 0)) for part in self))


@dataclass(frozen=True)
class Blocks:
    """How trajectories are cut.

    Attributes
    ----------
    times, sets : tuple of int
        Stretches of time, and sets of atoms, of each trajectory. Atoms that follow each other in
        the numbering, which may belong to one chain, stay together.
    count : int
        Blocks of all trajectories.
    length_ps : float
        The shortest.
    warnings : tuple of str
        Why an interval from these blocks may be too narrow.
    """

    times: tuple[int, ...]
    sets: tuple[int, ...]
    count: int
    length_ps: float
    warnings: tuple[str, ...] = ()


def choose_blocks(
    shapes: Sequence[tuple[int, int]],
    time_steps_ps: Sequence[float],
    lag_ps: float,
    slowest_ps: float,
) -> Blocks:
    """As many stretches of time as are ten timescales long; then as many sets as make 40 blocks.

    Where that leaves fewer than seven blocks, stretches are shortened, to five timescales, to
    two, to one, and at last to twice the lag if there would be fewer than five; the result says so
    when they are shorter than the slowest relaxation.

    Parameters
    ----------
    shapes : sequence of (int, int)
        Frames and atoms (or sets of target atoms) of each trajectory.
    time_steps_ps : sequence of float
        Between frames, of each trajectory.
    lag_ps : float
        The longest that is used.
    slowest_ps : float
        The slowest relaxation, as far as it is known.
    """
    spans = [
        frames * step - lag_ps for (frames, _), step in zip(shapes, time_steps_ps, strict=True)
    ]
    atoms = [number for _, number in shapes]
    lengths = [max(2 * lag_ps, factor * slowest_ps) for factor in TIMESCALES]
    for length, least in zip([*lengths, 2 * lag_ps], (*[ENOUGH] * 3, LEAST, 0), strict=True):
        times = [min(max(int(span / length), 1), WANTED) for span in spans]
        if length == 2 * lag_ps:  # no more of them than are needed
            times = [min(time, math.ceil(ENOUGH / len(spans))) for time in times]
        share = WANTED / len(shapes)
        sets = [
            min(number, max(1, round(share / time)))
            for number, time in zip(atoms, times, strict=True)
        ]
        count = sum(time * number for time, number in zip(times, sets, strict=True))
        if count >= least:
            break
    shortest = min(span / time for span, time in zip(spans, times, strict=True))
    warnings = []
    if count < LEAST:
        warnings.append(f"the intervals rest on {count} independent blocks: they are a guess")
    if shortest < slowest_ps and max(times) > 1:
        warnings.append(
            f"the blocks of {shortest:.3g} ps are shorter than the slowest relaxation, "
            f"{slowest_ps:.3g} ps: the intervals are too narrow"
        )
    return Blocks(tuple(times), tuple(sets), count, float(shortest), tuple(warnings))


def block_moments(
    memberships: Sequence[np.ndarray], lags: Sequence[int], blocks: Blocks
) -> Moments:
    """Sums over the pairs (t, t + lag) of each block, which begin in it; leading shape (B,).

    Parameters
    ----------
    memberships : sequence of ndarray, each (T, L, k)
        One a trajectory.
    lags : sequence of int
        In frames of each trajectory.
    blocks : Blocks
    """
    found = []
    for m, lag, times, sets in zip(memberships, lags, blocks.times, blocks.sets, strict=True):
        cuts = np.linspace(0, len(m) - lag, times + 1).astype(int)
        parts = np.linspace(0, m.shape[1], sets + 1).astype(int)
        for a, b in itertools.pairwise(cuts):
            for p, q in itertools.pairwise(parts):
                x, y = (
                    np.asarray(m[i:j, p:q], float).reshape(-1, m.shape[2])
                    for i, j in ((a, b), (a + lag, b + lag))
                )
                one = np.array(float(len(x)))
                found.append((one, x.sum(0), y.sum(0), x.T @ x, x.T @ y, y.T @ y))
    return Moments(*(np.stack(part) for part in zip(*found, strict=True)))


def resampled(count: int, samples: int, random_state: int) -> np.ndarray:
    """How often each of `count` blocks is drawn, with replacement, (samples, count)."""
    generator = np.random.default_rng(random_state)
    return generator.multinomial(count, np.full(count, 1 / count), size=samples).astype(float)


def interval(values: np.ndarray, count: int) -> np.ndarray:
    """95 % interval of bootstrapped values (samples, ...), shape (2, ...).

    The percentiles are those that a Student t interval of `count` blocks would reach (the expanded
    percentile interval: T. C. Hesterberg, Am. Stat. 69, 371 (2015)); the plain ones are too narrow
    when blocks are few.  NaN for a single block.
    """
    if count < 2:
        return np.full((2, *values.shape[1:]), np.nan)
    return np.quantile(values, levels_of_95(count), axis=0)


def levels_of_95(count: int) -> tuple[float, float]:
    """Between which levels 95 % lie, widened as a Student t interval of `count` >= 2 blocks is."""
    from scipy.stats import norm, t

    tail = float(norm.cdf(-math.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1)))
    return tail, 1 - tail
