"""What the states of lithium are by what coordinates it: chain beads, chains, anions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leyden.data.trajectory import Trajectory
from leyden.dynamics.analysis_results import DynamicsAnalysis
from leyden.dynamics.core_sets import entered_last, hard_memberships
from leyden.dynamics.kinetic_results import Koopman, Timescales
from leyden.dynamics.koopman import Kinetics
from leyden.dynamics.paired import compared
from leyden.dynamics.state_environments import first_shell, state_environments
from leyden.physics.intervals import Estimate
from leyden.representations.neighbours import pairs_within

__all__ = ["BORDER", "SURE", "Coordination", "anion_shell", "contacts", "coordination"]

_NAMES = ("in the chains", "beside one anion", "among anions")
BORDER = 0.1
"""Part of the shell's radius by which an anion must be inside or outside of it, in a core."""
SURE = 0.8
"""Membership of a learned state from which on it is in its core."""


@dataclass(frozen=True, eq=False)
class Coordination:
    """Coordination of lithium in each of k states, within the first shell of anions.

    Attributes
    ----------
    shell : float
        In angstrom: the first minimum of the density of anions, in what the network learned from.
    chain_beads, chains, anions : ndarray, shape (k,)
        Mean numbers, each environment counted by its membership.
    names : tuple of str
        By the mean number of anions: below 1/2, below 3/2, and above.
    few : int
        Up to so many anions are the first of k states that are counts of anions.
    counted : Timescales
        Of these states (the others are one more each, and the last that or more) by cores, at the
        lags of the analysis.
    scores : dict of str to Estimate
        VAMP-2 at the lag of k states each: ``learned``, ``learned, by cores`` and ``counted``.
    over_count : dict of str to Estimate
        VAMP-2 of both learned ones over that of the counted, in the same stretches of time.
    """

    shell: float
    chain_beads: np.ndarray
    chains: np.ndarray
    anions: np.ndarray
    names: tuple[str, ...]
    few: int
    counted: Timescales
    scores: dict[str, Estimate]
    over_count: dict[str, Estimate]


def coordination(
    learned_from: Trajectory,
    trajectories: Sequence[Trajectory],
    analysis: DynamicsAnalysis,
    mixtures: Sequence[np.ndarray],
) -> Coordination:
    """Coordination of the states of an analysis, and of states that are mere counts beside it.

    Where the shell ends, and which counts are the states (those of the best VAMP-2), is told by
    what the network has learned from.

    Parameters
    ----------
    learned_from : Trajectory
    trajectories : sequence of Trajectory
        That the analysis is of.
    analysis : DynamicsAnalysis
    mixtures : sequence of ndarray, each (T, L, k)
        `DynamicsModel.mixtures` of these trajectories, on which the analysis rests.
    """
    shell = anion_shell(learned_from)
    numbers = [contacts(one, shell) for one in trajectories]
    memberships = [part.memberships for part in analysis.trajectories]
    beads, chains, anions = (
        _mean(memberships, [count[kind] for count in numbers]) for kind in range(3)
    )
    steps, k, lag_ps = [one.time_step_ps for one in trajectories], analysis.states, analysis.lag_ps
    few = _fewest(learned_from, shell, k, lag_ps)
    learned = [_by_cores(_sure(part), part.argmax(2), k) for part in memberships]
    counted = [
        _counted(_anions(one, shell, count[2]), few, k)
        for one, count in zip(trajectories, numbers, strict=True)
    ]
    several = [Kinetics(states, lag_ps, steps) for states in (mixtures, learned, counted)]
    found = compared(several, _scores, positive=True)
    return Coordination(
        shell,
        beads,
        chains,
        anions,
        tuple(_NAMES[int(np.searchsorted((0.5, 1.5), value))] for value in anions),
        few,
        several[2].timescales(analysis.timescales.lags_ps.tolist()),
        dict(zip(("learned", "learned, by cores", "counted"), found[:3], strict=True)),
        dict(zip(("learned", "learned, by cores"), found[3:], strict=True)),
    )


def anion_shell(trajectory: Trajectory) -> float:
    """Radius in angstrom at which the density of anions about lithium has its first minimum."""
    lithium = trajectory.select("Li")
    one_state = np.ones((len(trajectory), len(lithium), 1))
    around = state_environments(trajectory, lithium, one_state)
    within = around.coordination[0, around.species.index("anion")]
    return first_shell(np.diff(within, prepend=0.0), around.edges)


def _scores(learned: Koopman, cores: Koopman, counted: Koopman) -> list[float]:
    scores = [one.vamp2 for one in (learned, cores, counted)]
    return [*scores, scores[0] / scores[2], scores[1] / scores[2]]


def _anions(trajectory: Trajectory, shell: float, counts: np.ndarray) -> np.ndarray:
    """Anions within the shell, and well within and beyond its border, (3, T, L)."""
    near, far = (contacts(trajectory, shell * factor)[2] for factor in (1 - BORDER, 1 + BORDER))
    return np.stack([counts, near, far])


def _counted(anions: np.ndarray, few: int, k: int) -> np.ndarray:
    """States (T, L, k) by cores: up to `few` anions, one more, ..., `few` + k - 1 or more."""
    plain, inner, outer = np.clip(anions - few, 0, k - 1)
    return _by_cores(np.where(inner == outer, plain, -1), plain, k)


def _fewest(trajectory: Trajectory, shell: float, k: int, lag_ps: float) -> int:
    """Up to how many anions make the first of k states that score best."""
    anions = _anions(trajectory, shell, contacts(trajectory, shell)[2])
    tried = range(max(1, int(anions[0].max()) - k + 2))
    scores = [
        Kinetics(_counted(anions, few, k), lag_ps, trajectory.time_step_ps, samples=2)
        .koopman()
        .vamp2
        for few in tried
    ]
    return int(np.argmax(scores))


def _sure(memberships: np.ndarray) -> np.ndarray:
    """State that each frame and atom belongs to by enough, -1 of none; (T, L)."""
    return np.where(memberships.max(2) >= SURE, memberships.argmax(2), -1)


def _by_cores(cores: np.ndarray, plain: np.ndarray, k: int) -> np.ndarray:
    """Zeros and ones (T, L, k) of the core entered last; before the first, of the plain state."""
    last = entered_last(cores)
    return hard_memberships(np.where(last < 0, plain, last), k)


def _mean(memberships: Sequence[np.ndarray], counts: Sequence[np.ndarray]) -> np.ndarray:
    """Mean count in each state, (k,), of memberships (T, L, k) and counts (T, L)."""
    pairs = zip(memberships, counts, strict=True)
    total = sum(np.einsum("tls,tl->s", m.astype(float), count) for m, count in pairs)
    return np.asarray(total / sum(m.sum((0, 1), dtype=float) for m in memberships))


def contacts(trajectory: Trajectory, radius: float) -> np.ndarray:
    """Chain beads, chains and anions within a radius of each lithium, int (3, T, L)."""
    species = np.array(trajectory.species)
    lithium, anion = trajectory.select("Li"), species == "anion"
    bead = ~anion & (species != "Li")
    molecules = trajectory.molecules
    labels = np.zeros(len(species), int) if molecules is None else molecules
    place = np.full(len(species), -1)
    place[lithium] = np.arange(len(lithium))
    found = np.zeros((3, len(trajectory), len(lithium)), int)
    for frame in range(len(trajectory)):
        cell = trajectory.frame_cells[frame]
        i, j, _, _ = pairs_within(trajectory.fractional(frame), cell, radius)
        mine = place[i] >= 0
        i, j = place[i[mine]], j[mine]
        beads, anions = bead[j], anion[j]
        touched = np.unique(np.column_stack([i[beads], labels[j[beads]]]), axis=0)
        for kind, who in enumerate((i[beads], touched[:, 0], i[anions])):
            found[kind, frame] = np.bincount(who, minlength=len(lithium))
    return found
