"""What memberships say about the dynamics: Koopman matrices, timescales, populations, and errors.

chi(t + lag) ~ K^T chi(t), with K = C00^-1 C0t from the memberships chi of all atoms and frames
(T. Xie, thesis, equation 4.3).  Since memberships add up to one, K has the eigenvalue 1 of the
equilibrium; the others, lambda_i, tell relaxations of timescale -lag / ln(lambda_i).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from leyden.dynamics.atom_independence import together
from leyden.dynamics.blocks import (
    WANTED,
    Blocks,
    Moments,
    block_moments,
    choose_blocks,
    interval,
    resampled,
)
from leyden.dynamics.kinetic_results import ChapmanKolmogorov, Koopman, Timescales
from leyden.dynamics.koopman_matrices import normalised, singular_values, solved
from leyden.dynamics.population_warnings import of_populations
from leyden.dynamics.timescales import reasons_of, timescale, timescale_interval, told_values
from leyden.errors import InputError

__all__ = ["Kinetics", "lag_frames"]

SUM = 1e-3  # by which memberships in single precision may miss one
TESTABLE = 20.0  # slowest relaxations of all trajectories; in 10, most pairs stay unseen
UNTESTED = (
    "sets of atoms count as independent, and the trajectories, together less than "
    f"{TESTABLE:g} of the slowest relaxations long, are too short to test that: if atoms move "
    "together, the intervals are too narrow"
)
DRIFT = 3.0  # standard errors by which populations may move before it is said


class Kinetics:
    """The linear dynamics of memberships, with 95 % intervals by a block bootstrap.

    Parameters
    ----------
    memberships : ndarray or sequence of ndarray, each (T, L, k) or (T, k)
        Of L atoms (or sets of target atoms) in k states, one array a trajectory; each row adds up
        to one. Assignments to states are rows of zeros and a one.
    lag_ps : float
        Lag time, a whole number of frames.
    time_step_ps : float or sequence of float
        Between frames; one for all trajectories, or one each.
    reversible : bool
        Whether forward and backward pairs count alike. That halves the noise and keeps eigenvalues
        real, and is valid at equilibrium only: atoms that all start in one state need False. The
        results warn where populations drift.
    samples : int
        Of the bootstrap.
    random_state : int
        Of the bootstrap.

    Raises
    ------
    InputError
        Memberships that are not finite, do not add up to one, or are of unequal numbers of states;
        a lag that is no whole
        number of frames, or as long as a trajectory.

    Notes
    -----
    A rate is transitions by the time that all atoms together have spent in a state. A timescale
    may thus be much longer than the trajectory, if the atoms are many.

    Blocks are stretches of time x sets of atoms (`leyden.dynamics.blocks`); stretches of time alone
    where sets of atoms are found to move together (`leyden.dynamics.atom_independence`), which a
    warning says. How far intervals of timescales can be relied on is told by
    `leyden.dynamics.timescales`.
    """

    def __init__(
        self,
        memberships: np.ndarray | Sequence[np.ndarray],
        lag_ps: float,
        time_step_ps: float | Sequence[float] = 1.0,
        *,
        reversible: bool = True,
        samples: int = 1000,
        random_state: int = 0,
    ) -> None:
        several = [memberships] if isinstance(memberships, np.ndarray) else list(memberships)
        self.memberships = [m[:, None] if m.ndim == 2 else m for m in map(np.asarray, several)]
        steps = np.atleast_1d(np.asarray(time_step_ps, float)).tolist()
        self.time_steps_ps = steps * len(several) if np.ndim(time_step_ps) == 0 else steps
        self.lag_ps, self.reversible = float(lag_ps), reversible
        self.samples, self.random_state = samples, random_state
        self._check()
        self.slowest_ps = self._slowest()

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.memberships[0].shape[2])

    def koopman(self, lag_ps: float | None = None) -> Koopman:
        """Koopman matrix, eigenvalues, timescales, populations and eigenvectors at one lag."""
        lag = self.lag_ps if lag_ps is None else float(lag_ps)
        blocks = self._blocks(lag)
        moments = self._moments(lag, blocks)
        plain = self.of_moments(moments.weighted(np.ones(blocks.count)), blocks, lag)
        drawn = moments.weighted(self._weights(blocks))
        matrices, others, many = solved(drawn, self.reversible)
        told, spread = told_values(plain.eigenvalues), told_values(others)
        modes = normalised(many)
        # an eigenvector has no sign of its own
        signs = np.sign((modes * plain.eigenvectors).sum(-2, keepdims=True))
        shares = interval(self._populations(drawn, matrices), blocks.count)
        return replace(
            plain,
            matrix_interval=interval(matrices, blocks.count),
            eigenvalues_interval=interval(spread, blocks.count),
            timescales_interval=timescale_interval(told[1:], spread[:, 1:], lag, blocks.count),
            populations_interval=shares,
            eigenvectors_interval=interval(modes * signs, blocks.count),
            warnings=(
                *blocks.warnings,
                *self._drift(moments, blocks),
                *of_populations(plain.populations, shares),
            ),
        )

    def of_moments(self, moments: Moments, blocks: Blocks, lag_ps: float) -> Koopman:
        """What such sums over pairs of frames say at a lag, without intervals (NaN)."""
        matrix, values, vectors = solved(moments, self.reversible)
        unknown = np.full((2, self.states), np.nan)
        unknown_matrix = np.full((2, self.states, self.states), np.nan)
        return Koopman(
            lag_ps=lag_ps,
            matrix=matrix,
            matrix_interval=unknown_matrix,
            eigenvalues=values,
            eigenvalues_interval=unknown,
            singular_values=singular_values(moments),
            timescales_ps=timescale(told_values(values[1:]), lag_ps),
            timescales_interval=unknown[:, 1:],
            reasons=reasons_of(values[1:]),
            populations=self._populations(moments, matrix),
            populations_interval=unknown,
            eigenvectors=normalised(vectors),
            eigenvectors_interval=unknown_matrix,
            blocks=blocks,
        )

    def timescales(self, lags_ps: Sequence[float]) -> Timescales:
        """Relaxation timescales at several lags: flat in the lag where the dynamics is Markovian.

        Parameters
        ----------
        lags_ps : sequence of float
            In ps, each a whole number of frames.
        """
        lags = [float(lag) for lag in lags_ps]
        if not lags:
            raise InputError("timescales need at least one lag")
        blocks = self._blocks(max(lags))
        weights = self._weights(blocks)
        rows, bounds, reasons = [], [], []
        for lag in lags:
            moments = self._moments(lag, blocks)
            values = solved(moments.weighted(np.ones(blocks.count)), self.reversible)[1]
            others = solved(moments.weighted(weights), self.reversible)[1]
            told, spread = told_values(values)[1:], told_values(others)[:, 1:]
            rows.append(timescale(told, lag))
            bounds.append(timescale_interval(told, spread, lag, blocks.count))
            reasons.append(reasons_of(values[1:]))
        warnings = (*blocks.warnings, *self._drift(moments, blocks))
        return Timescales(
            np.array(lags), np.array(rows), np.stack(bounds, 1), tuple(reasons), blocks, warnings
        )

    def ck_test(self, multiples: int = 10, lag_ps: float | None = None) -> ChapmanKolmogorov:
        """Chapman-Kolmogorov test: K(n lag) against K(lag)^n, for n up to `multiples`, 2 at least.

        Whether they agree is told by a band that holds for all elements and all n at once: the
        greatest difference, in standard errors, that 95 % of the bootstrapped ones stay below.
        """
        if multiples < 2:
            raise InputError("one lag foretells itself: a test goes on for two", value=multiples)
        lag = self.lag_ps if lag_ps is None else float(lag_ps)
        blocks = self._blocks(multiples * lag)
        weights = np.concatenate([np.ones((1, blocks.count)), self._weights(blocks)])
        found = []
        for n in range(1, multiples + 1):
            moments = self._moments(n * lag, blocks)
            found.append(solved(moments.weighted(weights), self.reversible)[0])
        estimated = np.stack(found, 1)  # the data as they are, then the samples
        powers = [np.linalg.matrix_power(estimated[:, 0], n) for n in range(1, multiples + 1)]
        predicted = np.stack(powers, 1)
        difference = estimated - predicted
        half = _band(difference[0], difference[1:], blocks.count)
        return ChapmanKolmogorov(
            lag_ps=lag,
            multiples=np.arange(1, multiples + 1),
            estimated=estimated[0],
            estimated_interval=interval(estimated[1:], blocks.count),
            predicted=predicted[0],
            predicted_interval=interval(predicted[1:], blocks.count),
            difference_band=half,
            blocks=blocks,
            warnings=(*blocks.warnings, *self._drift(moments, blocks)),
        )

    def _slowest(self) -> float:
        """Slowest relaxation, ps: the lag if all is faster, the longest trajectory if none ends."""
        number = len(self.memberships)
        one = Blocks((1,) * number, (1,) * number, number, 0.0)
        whole = self._moments(self.lag_ps, one).weighted(np.ones(number))
        values = told_values(solved(whole, self.reversible)[1])[1:]
        pairs = zip(self.memberships, self.time_steps_ps, strict=True)
        longest = max(len(m) * step for m, step in pairs)
        times = np.nan_to_num(timescale(values, self.lag_ps), nan=self.lag_ps, posinf=longest)
        return float(max(times, default=self.lag_ps))

    def _check(self) -> None:
        if not self.memberships or len(self.memberships) != len(self.time_steps_ps):
            raise InputError(
                "each trajectory needs its memberships and its time step",
                value=(len(self.memberships), len(self.time_steps_ps)),
            )
        for number, m in enumerate(self.memberships, start=1):
            if m.ndim != 3 or m.shape[2] != self.memberships[0].shape[2] or m.shape[1] < 1:
                raise InputError(
                    "memberships are (frames, atoms, states), of equally many states each",
                    value=m.shape,
                    row=number,
                )
            bad = ~np.isfinite(m.reshape(len(m), -1)).all(1)
            if bad.any():
                raise InputError(
                    f"memberships must be finite: frame {int(bad.argmax())} is not", row=number
                )
        for number, m in enumerate(self.memberships, start=1):
            sums = m.sum(-1, dtype=float)
            off = np.abs(sums - 1) > SUM
            if off.any():
                frame, atom = (int(i) for i in np.argwhere(off)[0])
                raise InputError(
                    "memberships of an atom add up to one in each frame: those of atom "
                    f"{atom} in frame {frame} do not",
                    value=float(sums[frame, atom]),
                    row=number,
                    remedy="divide them by their sum, or leave out atoms that have no state",
                )
        self._lags(self.lag_ps)

    def _lags(self, lag_ps: float) -> list[int]:
        pairs = zip(self.memberships, self.time_steps_ps, strict=True)
        return [lag_frames(lag_ps, step, len(m)) for m, step in pairs]

    def _blocks(self, lag_ps: float) -> Blocks:
        """Stretches of time x sets of atoms; stretches of all atoms, if sets move together."""
        self._lags(lag_ps)
        shapes = [m.shape[:2] for m in self.memberships]
        known = (self.time_steps_ps, lag_ps, self.slowest_ps)
        blocks = choose_blocks(shapes, *known)
        if max(blocks.sets) == 1:
            return blocks
        times = self._together
        if times is None or times == 1:
            spans = (len(m) * step for m, step in zip(self.memberships, known[0], strict=True))
            short = times is None or sum(spans) < TESTABLE * self.slowest_ps
            return replace(blocks, warnings=(*blocks.warnings, *([UNTESTED] if short else [])))
        alone = choose_blocks([(frames, 1) for frames, _ in shapes], *known)
        why = (
            f"atoms move together: the square of their common fluctuation is {times:.2g} times "
            "that of independent sets of atoms. The intervals come from blocks of time alone"
        )
        return replace(alone, warnings=(why, *alone.warnings))

    @cached_property
    def _together(self) -> float | None:
        """As `atom_independence.together`, of all sets a lag may need: one verdict for all."""
        most = round(WANTED / len(self.memberships)) or 1
        sets = [min(m.shape[1], most) for m in self.memberships]
        slowest = [self.slowest_ps / step for step in self.time_steps_ps]
        lags = self._lags(self.lag_ps)
        return together(self.memberships, lags, slowest, sets, self.random_state)

    def _moments(self, lag_ps: float, blocks: Blocks) -> Moments:
        return block_moments(self.memberships, self._lags(lag_ps), blocks)

    def _weights(self, blocks: Blocks) -> np.ndarray:
        return resampled(blocks.count, self.samples, self.random_state)

    def _populations(self, moments: Moments, matrix: np.ndarray) -> np.ndarray:
        """The distribution that K leaves as it is, (..., k)."""
        if self.reversible:
            return (moments.x + moments.y) / (2 * moments.n[..., None])
        one = np.ones((self.states, self.states))
        flow = np.swapaxes(matrix, -1, -2) - np.eye(self.states) + one
        return np.linalg.pinv(flow).sum(-1)

    def _drift(self, moments: Moments, blocks: Blocks) -> tuple[str, ...]:
        """What to say if populations move within a lag by more than chance would have it."""
        if not self.reversible or blocks.count < 2:
            return ()
        weights = np.concatenate([np.ones((1, blocks.count)), self._weights(blocks)])
        sums = moments.weighted(weights)
        moved = (sums.y - sums.x) / sums.n[:, None]
        error = np.maximum(moved[1:].std(0), 1e-12)
        worst = int(np.argmax(np.abs(moved[0]) / error))
        if abs(moved[0, worst]) <= DRIFT * error[worst]:
            return ()
        return (
            f"the population of state {worst} drifts by {moved[0, worst]:.2g} within a lag "
            f"(standard error {error[worst]:.1g}): this is no equilibrium. "
            "Remedy: leave out the beginning, or estimate with reversible=False",
        )


def lag_frames(lag_ps: float, time_step_ps: float, frames: int | None = None) -> int:
    """A lag in frames.

    Raises
    ------
    InputError
        It is no whole number of frames, or no shorter than a trajectory of so many frames.
    """
    lag = round(lag_ps / time_step_ps) if np.isfinite(lag_ps) else 0
    if lag < 1 or abs(lag * time_step_ps - lag_ps) > 1e-6 * lag_ps:
        near = max(lag, 1) * time_step_ps
        raise InputError(
            f"a lag must be a whole number of frames, which are {time_step_ps:g} ps apart",
            value=lag_ps,
            remedy=f"choose {near:g} ps",
        )
    if frames is not None and lag >= frames:
        raise InputError(
            f"the lag must be shorter than the trajectory of {frames * time_step_ps:g} ps",
            value=lag_ps,
            remedy="choose a shorter lag, or simulate longer",
        )
    return lag


def _band(difference: np.ndarray, samples: np.ndarray, count: int) -> np.ndarray:
    """Half width of a band that 95 % of the samples keep to, everywhere at once."""
    if count < 2:
        return np.full(difference.shape, np.nan)
    error = samples.std(0) * np.sqrt(count / (count - 1))
    scale = np.where(error > 1e-12, error, np.inf)
    farthest = (np.abs(samples - difference) / scale).reshape(len(samples), -1).max(1)
    return float(np.quantile(farthest, 0.95)) * error + 1e-12
