"""Diffusion from unwrapped positions: mean squared displacements and their slopes.

References
----------
V. Calandrini et al., Collection SFN 12, 201 (2011), the mean squared displacement by Fourier
transform; H. Qian, M. P. Sheetz, E. L. Elson, Biophys. J. 60, 910 (1991), its variance for a random
walk, (2 n^3 + n) / 3 at a lag of n steps up to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from leyden.errors import InputError
from leyden.physics.intervals import Estimate, jackknife

__all__ = [
    "M2_PER_S_PER_A2_PER_PS",
    "LagWindow",
    "SelfDiffusion",
    "checked_positions",
    "mean_squared_displacement_A2",
    "self_diffusion",
    "without_drift",
]

#: 1 A^2/ps in m^2/s.
M2_PER_S_PER_A2_PER_PS = 1e-8

#: Below this log-log slope the motion is not yet diffusive.
DIFFUSIVE_SLOPE = 0.9

_MOST_LAGS = 50
_CHUNK_NUMBERS = 2**22


@dataclass(frozen=True)
class LagWindow:
    """Over which lags a slope is fitted, and how long an independent block is.

    Attributes
    ----------
    lags : ndarray of int, shape (W,)
        In frames, ascending; at most 50, evenly spread over the window.
    time_step_ps : float
        Between frames.
    blocks : int
        Blocks of time, B.
    frames : int
        T, of the whole run.
    """

    lags: np.ndarray
    time_step_ps: float
    blocks: int
    frames: int

    @classmethod
    def choose(
        cls,
        frames: int,
        time_step_ps: float,
        window_ps: tuple[float, float] | None = None,
        blocks: int | None = None,
    ) -> LagWindow:
        """A window of `window_ps`, or from 1/400 to 1/40 of the run; blocks of 4 longest lags.

        Parameters
        ----------
        window_ps : (float, float), optional
            Shortest and longest lag.
        blocks : int, optional
            By default as many as are four times as long as the longest lag, 1 to 10.

        Raises
        ------
        InputError
            A time step that is not positive, a run too short for the window, a window with less
            than two lags, or blocks not longer than the longest lag.
        """
        if not (np.isfinite(time_step_ps) and time_step_ps > 0):
            raise InputError("a time step must be positive, in ps", value=time_step_ps)
        if window_ps is None:
            longest = max(2, (frames - 1) // 40)
            shortest = max(1, longest // 10)
        else:
            low, high = (float(lag) for lag in window_ps)
            if not (np.isfinite([low, high]).all() and 0 < low < high):
                raise InputError("a window of lags begins above zero and below its end",
                                 value=window_ps)  # fmt: skip
            shortest = max(1, int(np.ceil(low / time_step_ps - 1e-6)))
            longest = int(np.floor(high / time_step_ps + 1e-6))
        if longest <= shortest:
            raise InputError(
                f"a window holds two lags at least, and frames lie {time_step_ps} ps apart",
                value=window_ps,
                remedy="widen the window, or store frames more often",
            )
        if blocks is None:
            blocks = int(np.clip(frames // (4 * longest), 1, 10))
        if blocks < 1 or frames // blocks <= longest:
            raise InputError(
                f"each of {blocks} blocks is longer than the longest lag, {longest} frames",
                value=f"{frames} frames",
                remedy="give a longer run, a shorter window or fewer blocks",
            )
        count = min(_MOST_LAGS, longest - shortest + 1)
        lags = np.unique(np.round(np.linspace(shortest, longest, count)).astype(np.int64))
        return cls(lags, float(time_step_ps), blocks, frames)

    @property
    def lags_ps(self) -> np.ndarray:
        """The lags as times."""
        return self.lags * self.time_step_ps

    @property
    def parts(self) -> list[slice]:
        """The frames of each block, all of one length."""
        length = self.frames // self.blocks
        return [slice(b * length, (b + 1) * length) for b in range(self.blocks)]

    def slope_per_ps(self, curves: np.ndarray) -> np.ndarray:
        """Slopes (...) of curves (..., W): a straight line with intercept.

        Lags weigh by the inverse variance that a random walk has there. The full covariance of the
        lags would make the fit the difference of the first two points, blind to the rest of the
        window, so it is not used; the interval comes from blocks and needs no model.
        """
        n = self.lags.astype(np.float64)
        return _weighted_slope(self.lags_ps, np.asarray(curves), 3.0 / (2.0 * n**3 + n))

    def log_slope(self, curves: np.ndarray) -> np.ndarray:
        """Slopes (...) of log curve over log lag: 1 of diffusion, less where atoms are held."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return _weighted_slope(
                np.log(self.lags_ps), np.log(np.asarray(curves)), 1.0 / self.lags
            )


@dataclass(frozen=True, eq=False)
class SelfDiffusion:
    """Self-diffusion of one kind of atom.

    Attributes
    ----------
    coefficient_m2_per_s : Estimate
        A sixth of the slope of the mean squared displacement, with its interval.
    beta : Estimate
        Log-log slope over the same window.
    lags_ps, msd_A2 : ndarray, shape (W,)
        The curve that was fitted.
    """

    coefficient_m2_per_s: Estimate
    beta: Estimate
    lags_ps: np.ndarray
    msd_A2: np.ndarray

    @property
    def is_upper_bound(self) -> bool:
        """Whether beta is below 0.9: the slope still falls, and the coefficient with it."""
        return self.beta.value < DIFFUSIVE_SLOPE


def mean_squared_displacement_A2(positions_A: np.ndarray) -> np.ndarray:
    """Squared displacement of each atom at every lag, averaged over all starts.

    Parameters
    ----------
    positions_A : ndarray, shape (T, N, 3)
        Unwrapped.

    Returns
    -------
    ndarray, shape (T, N)
        Row n is for a lag of n frames; the mean over atoms is ``.mean(axis=1)``.

    Raises
    ------
    InputError
        Another shape, fewer than two frames, or a coordinate that is not finite.
    """
    positions = checked_positions(positions_A)
    frames, atoms, _ = positions.shape
    result = np.empty((frames, atoms))
    size = max(1, _CHUNK_NUMBERS // (6 * frames))
    for start in range(0, atoms, size):
        part = slice(start, start + size)
        result[:, part] = _squared_displacements(positions[:, part])
    return result


def self_diffusion(
    positions_A: np.ndarray,
    time_step_ps: float,
    *,
    window_ps: tuple[float, float] | None = None,
    blocks: int | None = None,
    atom_sets: int = 1,
    level: float = 0.95,
) -> SelfDiffusion:
    """Self-diffusion coefficient over a window of lags, with the interval from blocks.

    Parameters
    ----------
    positions_A : ndarray, shape (T, N, 3)
        Unwrapped positions of atoms of one kind, without the drift of the whole system
        (`without_drift`).
    time_step_ps : float
        Between frames.
    window_ps : (float, float), optional
        Shortest and longest lag of the fit; by default 1/400 and 1/40 of the run.
    blocks : int, optional
        Blocks of time, by default up to 10 of four longest lags each.
    atom_sets : int
        Cut the atoms into so many sets too (every `atom_sets`-th atom), and take them for
        independent: for short runs of many atoms. Ions that move together make such an interval
        too narrow.
    level : float
        Confidence of the intervals.

    Raises
    ------
    InputError
        Positions or a window that do not serve, or fewer than two independent blocks.
    """
    positions = checked_positions(positions_A)
    window = LagWindow.choose(len(positions), time_step_ps, window_ps, blocks)
    if not 1 <= atom_sets <= positions.shape[1]:
        raise InputError(f"{positions.shape[1]} atoms make so many sets", value=atom_sets)
    whole = mean_squared_displacement_A2(positions)[window.lags].mean(axis=1)
    each = [mean_squared_displacement_A2(positions[part])[window.lags] for part in window.parts]
    sets = [curves[:, s::atom_sets].mean(axis=1) for curves in each for s in range(atom_sets)]

    def coefficient_and_beta(curve: np.ndarray) -> np.ndarray:
        coefficient = window.slope_per_ps(curve) / 6 * M2_PER_S_PER_A2_PER_PS
        return np.array([coefficient, window.log_slope(curve)])

    coefficient, beta = jackknife(
        np.array(sets),
        coefficient_and_beta,
        whole=whole,
        positive=np.array([True, False]),
        level=level,
    )
    return SelfDiffusion(coefficient, beta, window.lags_ps, whole)


def without_drift(positions_A: np.ndarray, masses: np.ndarray | None = None) -> np.ndarray:
    """Positions (T, N, 3) in the frame in which the centre of mass stays where it began.

    Parameters
    ----------
    positions_A : ndarray, shape (T, N, 3)
        Unwrapped positions of the whole system.
    masses : ndarray, shape (N,), optional
        In any unit; equal by default.

    Raises
    ------
    InputError
        Positions that do not serve, or masses of another number, negative, or zero in sum.
    """
    positions = checked_positions(positions_A)
    count = positions.shape[1]
    weights = np.ones(count) if masses is None else np.asarray(masses, dtype=np.float64)
    if weights.shape != (count,) or not (np.all(weights >= 0) and 0 < weights.sum() < np.inf):
        raise InputError(f"there is a mass for each of {count} atoms, none negative", value=masses)
    centre = np.einsum("tnx,n->tx", positions, weights / weights.sum())
    return positions - (centre - centre[0])[:, None]


def checked_positions(positions_A: np.ndarray) -> np.ndarray:
    """Positions as float64, shape (T, N, 3).

    Raises
    ------
    InputError
        Another shape, fewer than two frames, or a coordinate that is not finite.
    """
    positions = np.asarray(positions_A)
    if positions.ndim != 3 or positions.shape[2] != 3 or not positions.shape[1]:
        raise InputError("positions have the shape (frames, atoms, 3)", value=positions.shape)
    if len(positions) < 2:
        raise InputError("a displacement needs two frames at least", value=len(positions))
    positions = positions.astype(np.float64)
    finite = np.isfinite(positions).all(axis=(1, 2))
    if not finite.all():
        frame = int(np.argmin(finite))
        raise InputError(
            "every coordinate is finite",
            row=f"frame {frame}",
            remedy="the run has failed there: cut the trajectory before it",
        )
    return positions


def _squared_displacements(positions: np.ndarray) -> np.ndarray:
    """(T, N) of (T, N, 3): sums of squares less twice the autocorrelation."""
    frames = len(positions)
    moved = positions - positions[0]
    length = fft.next_fast_len(2 * frames, real=True)
    spectrum = fft.rfft(moved, n=length, axis=0)
    power = spectrum.real**2 + spectrum.imag**2
    products = fft.irfft(power, n=length, axis=0)[:frames].sum(axis=2)
    squares = np.square(moved).sum(axis=2)
    until = np.vstack([np.zeros((1, squares.shape[1])), squares.cumsum(axis=0)])
    lag = np.arange(frames)
    ends = until[frames - lag] + until[-1] - until[lag]
    displacements = (ends - 2.0 * products) / (frames - lag)[:, None]
    return np.maximum(displacements, 0.0)  # round-off at lags at which nothing has moved


def _weighted_slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    share = weights / weights.sum()
    centred = x - share @ x
    return np.asarray(y @ (share * centred) / (share @ centred**2))
