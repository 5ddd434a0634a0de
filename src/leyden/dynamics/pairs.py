"""Pairs of frames (t, t + lag) to learn from, and later ones to be judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from leyden.dynamics.koopman import lag_frames
from leyden.errors import InputError

__all__ = ["Observed", "PairTable", "Picked"]

LINKS = 4


class Observed(Protocol):
    """What is known of L targets (of k atoms each) in some frames: `Environments`, for one."""

    time_step_ps: float
    frames: int
    targets: np.ndarray

    def batch(self, frames: np.ndarray) -> Any:
        """What a network looks at, of these frames."""


class Picked(NamedTuple):
    """Frames of trajectories, and which of their targets are pairs.

    Attributes
    ----------
    parts : list of (Observed, ndarray of int)
        A trajectory, and frames of it; their targets stand one after another, frame by frame.
    earlier, later : ndarray of int, shape (P,)
        Places in that row of targets at t and at t + lag.
    """

    parts: list[tuple[Observed, np.ndarray]]
    earlier: np.ndarray
    later: np.ndarray


@dataclass(frozen=True, eq=False)
class PairTable:
    """All pairs of some trajectories, in short chains t, t + lag, t + 2 lag, ...

    A chain of four pairs costs five evaluations of a network, and four pairs by themselves eight.
    Every pair belongs to one chain; none leaves its trajectory, nor the part for learning (the
    earlier frames) or checking (the later ones), which a gap of one lag keeps apart.

    Attributes
    ----------
    observed : list of Observed
    lags : list of int
        In frames of each trajectory.
    trajectory, start, pairs : ndarray of int, shape (C,)
        Of each chain: its trajectory, its first frame, how many pairs.
    learning, checking : ndarray of int
        Numbers of chains.
    """

    observed: list[Observed]
    lags: list[int]
    trajectory: np.ndarray
    start: np.ndarray
    pairs: np.ndarray
    learning: np.ndarray
    checking: np.ndarray

    @classmethod
    def of(
        cls,
        observed: list[Observed],
        lag_ps: float,
        validation_fraction: float,
        least_pairs: int,
        links: int = LINKS,
    ) -> PairTable:
        """Cut trajectories.

        Parameters
        ----------
        observed : list of Observed
        lag_ps : float
        validation_fraction : float
            Part of the frames, the last of each trajectory, that is for checking.
        least_pairs : int
            Fewer, in either part, are refused.
        links : int
            Most pairs of a chain.

        Raises
        ------
        InputError
            The lag is no whole number of frames, or too long for the trajectories.
        """
        if not 0 < validation_fraction < 1:
            raise InputError("validation_fraction must lie in (0, 1)", value=validation_fraction)
        lags = [lag_frames(lag_ps, one.time_step_ps, one.frames) for one in observed]
        cuts = [round(one.frames * (1 - validation_fraction)) for one in observed]
        earlier = [(0, cut) for cut in cuts]
        later = [
            (cut + lag, one.frames) for cut, lag, one in zip(cuts, lags, observed, strict=True)
        ]
        sides = [_chains(windows, lags, links) for windows in (earlier, later)]
        targets = np.array([len(one.targets) for one in observed])
        for side, what in zip(sides, ("learn from", "check by"), strict=True):
            count = int((targets[side[0]] * side[2]).sum())
            if count < least_pairs:
                raise InputError(
                    f"there are {count} pairs to {what}, a lag of {lag_ps:g} ps apart, and at "
                    f"least {least_pairs} are needed",
                    remedy="choose a shorter lag, or simulate longer, or with more target atoms",
                )
        whole = [np.concatenate(column) for column in zip(*sides, strict=True)]
        first = len(sides[0][0])
        rows = np.arange(len(whole[0]))
        return cls(observed, lags, whole[0], whole[1], whole[2], rows[:first], rows[first:])

    def pick(self, chains: np.ndarray) -> Picked:
        """The frames of these chains, each once, and their pairs."""
        parts: list[tuple[Observed, np.ndarray]] = []
        pairs: list[np.ndarray] = []
        before = 0
        for number in np.unique(self.trajectory[chains]):
            one, lag = self.observed[number], self.lags[number]
            mine = chains[self.trajectory[chains] == number]
            steps = np.arange(self.pairs[mine].max())
            starts = self.start[mine][:, None] + lag * steps
            starts = starts[steps < self.pairs[mine][:, None]]
            frames, at = np.unique(np.stack([starts, starts + lag]), return_inverse=True)
            width = len(one.targets)
            places = at.reshape(2, -1, 1) * width + np.arange(width) + before
            pairs.append(places.reshape(2, -1))
            parts.append((one, frames))
            before += len(frames) * width
        earlier, later = np.concatenate(pairs, axis=1)
        return Picked(parts, earlier, later)


def _chains(
    windows: Sequence[tuple[int, int]], lags: Sequence[int], links: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trajectory, first frame and number of pairs of the chains that windows [begin, end) hold."""
    found = []
    for number, ((begin, end), lag) in enumerate(zip(windows, lags, strict=True)):
        starts = np.arange(begin, max(begin, end - lag))
        starts = starts[(starts - begin) // lag % links == 0]
        left = -(-(end - lag - starts) // lag)  # pairs that begin here or one, two, ... lags on
        found.append((np.full(len(starts), number), starts, np.minimum(left, links)))
    trajectory, start, pairs = (np.concatenate(column) for column in zip(*found, strict=True))
    return trajectory, start, pairs
