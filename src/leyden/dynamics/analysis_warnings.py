"""What a reader of an analysis must know of its numbers: its warnings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from leyden.data.trajectory import Trajectory
from leyden.data.trajectory_paths import paths
from leyden.dynamics.analysis_results import DynamicsAnalysis, TrajectoryAnalysis

__all__ = ["of_drift", "of_kinetics", "of_motion", "of_stretches", "stretches_of"]

_STRETCHES = (5, 10)  # of time, for averages; one a relaxation, within these limits
_SURE, _MOSTLY = 0.8, 0.6  # a membership that is clear; share of the frames with one
_DRIFT = 0.05  # of the squared displacement of the targets
_DRIFT_FRAMES = 41  # that are looked at for it
_WHOLE = 1e-3  # charges this near to a whole number are whole
_PARTS = 4  # of a trajectory; over one of them a drift is looked for


def stretches_of(trajectory: Trajectory, slowest_ps: float) -> int:
    """Of time, that averages over a trajectory are cut in for their intervals."""
    return int(np.clip(trajectory.duration_ps // slowest_ps, *_STRETCHES))


def of_stretches(trajectories: Sequence[Trajectory], slowest_ps: float) -> list[str]:
    """What to say where these stretches are shorter than the slowest relaxation."""
    lengths = [(one, one.duration_ps / stretches_of(one, slowest_ps)) for one in trajectories]
    return [
        f"{one.name}: radial distributions, first shells and shares of transitions have intervals "
        f"from stretches of {length:.3g} ps, shorter than the slowest relaxation, "
        f"{slowest_ps:.3g} ps: they are too narrow. Remedy: a longer trajectory"
        for one, length in lengths
        if length < slowest_ps
    ]


def of_kinetics(result: DynamicsAnalysis) -> tuple[str, ...]:
    """What must be said of rates and populations."""
    told = list(result.koopman.warnings)
    if result.targets == 1:
        told.append(
            "there is one target atom: a single long visit weighs heavily, and intervals rest on "
            "blocks of time alone"
        )
    sure = np.concatenate([one.memberships.max(axis=2).ravel() for one in result.trajectories])
    if (share := float((sure > _SURE).mean())) < _MOSTLY:
        told.append(
            f"only {share:.0%} of the frames belong to one state by {_SURE:g} or more: timescales "
            "hold, but populations and surroundings are mixtures of those of pure states, and the "
            "likeliest state says little. Remedy: more epochs, restarts or neighbours"
        )
    if not result.chapman_kolmogorov.consistent.all():
        told.append(
            f"the Chapman-Kolmogorov test fails (error {result.chapman_kolmogorov.error:.2g}): "
            "the states do not foresee themselves. Remedy: more states, or a longer lag"
        )
    if not result.flat:
        told.append(
            "the slowest timescale changes with the lag, or is not known at each: it is not yet "
            "that of the system. Remedy: a longer lag, more states, or a longer trajectory"
        )
    known = {_kind(w) for w in result.koopman.warnings}
    told += [
        f"at longer lags, {w}" for w in result.chapman_kolmogorov.warnings if _kind(w) not in known
    ]
    return tuple(dict.fromkeys(told))


def _kind(warning: str) -> str:
    """A warning without its numbers: at another lag it says the same in others."""
    return re.sub(r"-?\d[\d.]*(e[-+]?\d+)?", "#", warning)


def of_motion(result: DynamicsAnalysis, trajectories: Sequence[Trajectory]) -> tuple[str, ...]:
    """What must be said of diffusion and conduction."""
    told = []
    for part, trajectory in zip(result.trajectories, trajectories, strict=True):
        told += of_drift(part, trajectory)
        for what, found in (("diffusion", part.diffusion), ("conductivity", part.conductivity)):
            if found is not None and found.is_upper_bound:
                told.append(
                    f"{part.name}: the mean squared displacement grows with the power "
                    f"{found.beta.value:.2f} of time, and 1 is diffusion: the {what} is an upper "
                    "bound. Remedy: a longer trajectory"
                )
        if part.conductivity is None or trajectory.charges is None:
            continue
        charges = trajectory.charges
        if abs(charges.sum()) > _WHOLE * np.abs(charges).sum():
            told.append(
                f"{part.name}: the charges add up to {charges.sum():.3g} e, and a cell is neutral"
            )
        if (np.abs(charges - np.rint(charges)) > _WHOLE).any():
            told.append(
                f"{part.name}: charges are not whole numbers. If they are those of the atoms of a "
                "molecular ion, give the ion's to one of them, and none to the others: here every "
                "charged atom counts as an ion of its own"
            )
    return tuple(dict.fromkeys(told))


def of_drift(part: TrajectoryAnalysis, trajectory: Trajectory) -> list[str]:
    """What to say if what is no target moves as a whole, within a quarter of the trajectory.

    Over all pairs of frames that far apart: the last frame alone may lie where the first did, and
    a single target may be back at its place.
    """
    others = np.array([name not in part.target.split(", ") for name in trajectory.species])
    if part.diffusion is None or others.sum() < 2:
        return []
    stride = max(1, (len(trajectory) - 1) // (_DRIFT_FRAMES - 1))
    whole = paths(trajectory, np.flatnonzero(others)[None], stride)
    lag = max(1, len(whole) // _PARTS)
    moved = _squares(paths(trajectory, np.flatnonzero(~others)[:, None], stride), lag)
    drift = _squares(whole, lag)
    if drift <= _DRIFT * moved:
        return []
    return [
        f"{part.name}: what is not {part.target} moves as a whole by {np.sqrt(drift):.2g} angstrom "
        f"in {lag * stride * trajectory.time_step_ps:.3g} ps, and diffusion and conductivity "
        "count that in. Remedy: a simulation that keeps the centre of mass at rest"
    ]


def _squares(places: np.ndarray, lag: int) -> float:
    """Mean squared displacement of places (T, n, 3)."""
    return float(np.square(places[lag:] - places[:-lag]).sum(axis=2).mean())
