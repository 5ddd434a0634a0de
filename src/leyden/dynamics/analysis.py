"""A model and trajectories in, all that is to be said of the dynamics out: computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from leyden.data.trajectory import Trajectory
from leyden.data.trajectory_paths import paths
from leyden.dynamics.analysis_results import DynamicsAnalysis, TrajectoryAnalysis
from leyden.dynamics.analysis_warnings import of_kinetics, of_motion, of_stretches, stretches_of
from leyden.dynamics.collapse import why_collapsed
from leyden.dynamics.dynamics_model import DynamicsModel
from leyden.dynamics.inner_simplex import inside
from leyden.dynamics.koopman import Kinetics, lag_frames
from leyden.dynamics.pairs import Observed
from leyden.dynamics.state_choice import StateChoice
from leyden.dynamics.state_environments import StateEnvironments, examples, state_environments
from leyden.dynamics.vamp import moments
from leyden.errors import InputError
from leyden.physics.diffusion import SelfDiffusion, self_diffusion
from leyden.physics.transition_conduction import TransitionShares, transition_shares
from leyden.physics.transport import Conductivity, conductivity

__all__ = ["analyse", "decided", "learning_and_test"]

_LAGS = (0.2, 0.5, 1, 2, 3, 5)  # at which timescales are told, in lags of the model
_MULTIPLES = 10  # of the Chapman-Kolmogorov test, at most
_PARTS = 4  # a lag is at most this part of a trajectory, for the intervals
_NUMBERS = 2**26  # coordinates that are held in memory

T = TypeVar("T")


def learning_and_test(
    trajectory: Trajectory, test_fraction: float, lag_ps: float
) -> tuple[Trajectory, Trajectory]:
    """The earlier part of a trajectory, to learn from, and the later, to measure on.

    Raises
    ------
    InputError
        No such part, or one that is not longer than the lag.
    """
    if not 0 < test_fraction < 1:
        raise InputError(
            "the part of a trajectory that is kept for testing is between 0 and 1",
            value=test_fraction,
        )
    cut = round(len(trajectory) * (1 - test_fraction))
    parts = []
    for start, stop, use in ((0, cut, "learning"), (cut, len(trajectory), "testing")):
        try:
            lag_frames(lag_ps, trajectory.time_step_ps, stop - start)
        except InputError as error:
            place = f"{trajectory.name}, the {stop - start} frames for {use}"
            raise error.at(file=place) from error
        parts.append(trajectory.window(start, stop))
    return parts[0], parts[1]


def decided(choice: StateChoice) -> tuple[DynamicsModel, tuple[str, ...]]:
    """The model of the chosen number of states, and what must be said of the choice.

    Where none passes the Chapman-Kolmogorov test, it is the one that errs least.

    Raises
    ------
    InputError
        All collapsed.
    """
    if not choice.models:
        told = "; ".join(
            f"with {row['states']} states, {row['collapsed']}"
            for row in choice.table.to_dict("records")
        )
        raise InputError(
            f"no dynamics was found, the states collapsed: {told}",
            remedy="choose fewer states, another lag, more epochs or restarts, or give a "
            "longer trajectory",
        )
    if choice.chosen is not None:
        return choice.models[choice.chosen], ()
    whole = choice.table[choice.table["states"].isin(list(choice.models))]
    best = int(whole["states"].to_numpy()[whole["ck_error"].to_numpy().argmin()])
    return choice.models[best], (
        f"no number of states passes the Chapman-Kolmogorov test on the frames of the learning; "
        f"{best} err least. Remedy: try a longer lag, or more states",
    )


def analyse(
    model: DynamicsModel,
    observed: Sequence[Observed],
    trajectories: Sequence[Trajectory],
    *,
    temperature_K: float | None = None,
    reversible: bool = True,
    samples: int = 1000,
    random_state: int = 0,
    remarks: Sequence[str] = (),
) -> DynamicsAnalysis:
    """Measure the states of a model on trajectories.

    Parameters
    ----------
    model : DynamicsModel
    observed : sequence of Observed
        The environments of each trajectory, which name its targets.
    trajectories : sequence of Trajectory
        Unwrapped. Those that the network has learned from flatter it.
    temperature_K : float, optional
        With charges, conductivities follow.
    reversible, samples, random_state
        As of `Kinetics`.
    remarks : sequence of str
        What a reader must know besides, put before the warnings.

    Raises
    ------
    InputError
        A lag that does not fit the trajectories, or states that collapse on them.
    IncompatibleError
        Environments that the network cannot see.
    """
    for one in trajectories:
        lag_frames(model.lag_ps, one.time_step_ps, len(one))
    mixtures = model.mixtures(observed)
    memberships = [inside(one) for one in mixtures]
    _check_states(model, memberships, trajectories)
    kinetics = Kinetics(
        mixtures,
        model.lag_ps,
        [one.time_step_ps for one in trajectories],
        reversible=reversible,
        samples=samples,
        random_state=random_state,
    )
    longest = min(len(one) * one.time_step_ps for one in trajectories) / _PARTS
    koopman = kinetics.koopman()
    timescales = kinetics.timescales(_lags(model.lag_ps, longest, trajectories))
    multiples = int(np.clip(longest // model.lag_ps, 2, _MULTIPLES))
    test = kinetics.ck_test(multiples)
    slowest = kinetics.slowest_ps
    parts = tuple(
        _of_trajectory(one, seen.targets, found, model.lag_ps, slowest, temperature_K, random_state)
        for one, seen, found in zip(trajectories, observed, memberships, strict=True)
    )
    result = DynamicsAnalysis(model.lag_ps, koopman, timescales, test, parts, ())
    warnings = (
        *remarks,
        *of_kinetics(result),
        *of_stretches(trajectories, slowest),
        *of_motion(result, trajectories),
        *model.notes,
    )
    return DynamicsAnalysis(model.lag_ps, koopman, timescales, test, parts, warnings)


def _check_states(
    model: DynamicsModel, memberships: Sequence[np.ndarray], trajectories: Sequence[Trajectory]
) -> None:
    pooled = None
    for found, one in zip(memberships, trajectories, strict=True):
        lag = lag_frames(model.lag_ps, one.time_step_ps)
        pairs = (found[:-lag], found[lag:])
        more = moments(*(torch.from_numpy(part.reshape(-1, found.shape[2])) for part in pairs))
        pooled = more if pooled is None else pooled + more
    if pooled is not None and (reason := why_collapsed(pooled)):
        raise InputError(
            f"the states of the model are none on these trajectories: {reason}",
            file=", ".join(one.name for one in trajectories),
            remedy="give longer trajectories, ask for fewer states, or learn from these frames too",
        )


def _lags(lag_ps: float, longest: float, trajectories: Sequence[Trajectory]) -> list[float]:
    """Multiples of the lag that are whole numbers of frames, and not too long."""
    kept = []
    for factor in _LAGS:
        frames = [factor * lag_ps / one.time_step_ps for one in trajectories]
        whole = all(abs(n - round(n)) < 1e-6 * n and round(n) >= 1 for n in frames)
        if factor == 1 or (whole and factor * lag_ps <= longest):
            kept.append(factor * lag_ps)
    return kept


def _of_trajectory(
    trajectory: Trajectory,
    targets: np.ndarray,
    memberships: np.ndarray,
    lag_ps: float,
    slowest_ps: float,
    temperature_K: float | None,
    random_state: int,
) -> TrajectoryAnalysis:
    stretches = stretches_of(trajectory, slowest_ps)
    around = state_environments(
        trajectory, targets, memberships, blocks=stretches, random_state=random_state
    )
    missing: list[str] = []
    frames = lag_frames(lag_ps, trajectory.time_step_ps)
    names = dict.fromkeys(trajectory.species[atom] for atom in targets.ravel())

    def possible(what: str, found: Callable[[], T]) -> T | None:
        try:
            return found()
        except InputError as error:
            missing.append(f"{what}: {error}")
            return None

    return TrajectoryAnalysis(
        name=trajectory.name,
        frames=len(trajectory),
        atoms=trajectory.atoms,
        targets=len(targets),
        time_step_ps=trajectory.time_step_ps,
        target=", ".join(names),
        species=tuple(dict.fromkeys(trajectory.species)),
        memberships=memberships,
        environments=around,
        examples=examples(trajectory, targets, memberships, around, reach=around.shell),
        transitions=possible(
            "shares of transitions",
            lambda: _transitions(trajectory, targets, memberships, frames, stretches),
        ),
        conduction=possible(
            "shares of transitions in the conduction",
            lambda: _transitions(
                trajectory, targets, memberships, frames, stretches, _carried(around)
            ),
        ),
        diffusion=possible("self-diffusion", lambda: _diffusion(trajectory, targets)),
        conductivity=possible("conductivity", lambda: _conductivity(trajectory, temperature_K)),
        missing=tuple(missing),
    )


def _carried(around: StateEnvironments) -> np.ndarray:
    """Charge (k,) that moves with a target in each state: its own and that of its first shell."""
    if around.charge is None:
        raise InputError("needs charges")
    return around.charge[:, around.within(around.shell)]


def _transitions(
    trajectory: Trajectory,
    targets: np.ndarray,
    memberships: np.ndarray,
    lag: int,
    stretches: int,
    state_charges_e: np.ndarray | None = None,
) -> TransitionShares:
    least = _stride(len(trajectory), targets.size)
    stride = next((step for step in range(least, lag) if lag % step == 0), lag)
    places = paths(trajectory, targets, stride)
    blocks = int(np.clip((len(places) - lag // stride) // (lag // stride + 1), 2, stretches))
    return transition_shares(
        memberships[::stride],
        places,
        lag // stride,
        state_charges_e=state_charges_e,
        blocks=blocks,
    )


def _diffusion(trajectory: Trajectory, targets: np.ndarray) -> SelfDiffusion:
    stride = _stride(len(trajectory), targets.size)
    return self_diffusion(paths(trajectory, targets, stride), trajectory.time_step_ps * stride)


def _conductivity(trajectory: Trajectory, temperature_K: float | None) -> Conductivity:
    if trajectory.charges is None or temperature_K is None:
        absent = "charges" if trajectory.charges is None else "the temperature"
        raise InputError(f"needs {absent}")
    ions = np.flatnonzero(trajectory.charges)
    if not len(ions):
        raise InputError("needs atoms with a charge")
    stride = _stride(len(trajectory), len(ions))
    return conductivity(
        paths(trajectory, ions[:, None], stride),
        trajectory.charges[ions],
        trajectory.time_step_ps * stride,
        trajectory.volume_A3,
        temperature_K,
    )


def _stride(frames: int, atoms: int) -> int:
    """Every how many frames positions of so many atoms fit in memory."""
    return max(1, -(-3 * frames * atoms // _NUMBERS))
