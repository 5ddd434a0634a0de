"""What the states of lithium are by what coordinates it: chain beads, chains, anions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leyden.data.trajectory import Trajectory
from leyden.dynamics.analysis_results import DynamicsAnalysis
from leyden.dynamics.core_sets import hard_memberships
from leyden.dynamics.kinetic_results import Timescales
from leyden.dynamics.koopman import Kinetics
from leyden.representations.neighbours import pairs_within

__all__ = ["Coordination", "contacts", "coordination"]

_MOST = 2
"""Anions from which on more make no other state of the count."""
_NAMES = ("in the chains", "beside one anion", "among anions")


@dataclass(frozen=True, eq=False)
class Coordination:
    """Coordination of lithium in each of k states, within the first shell.

    Attributes
    ----------
    shell : float
        In angstrom.
    chain_beads, chains, anions : ndarray, shape (k,)
        Mean numbers, each environment counted by its membership.
    names : tuple of str
        By the mean number of anions: below 1/2, below 3/2, and above.
    counted : Timescales
        Of states that are the number of anions (0, 1, 2 or more), at the lags of the analysis.
    counted_vamp2 : float
        Their VAMP-2 score at the lag.
    """

    shell: float
    chain_beads: np.ndarray
    chains: np.ndarray
    anions: np.ndarray
    names: tuple[str, ...]
    counted: Timescales
    counted_vamp2: float


def coordination(
    trajectories: Sequence[Trajectory], analysis: DynamicsAnalysis, lag_ps: float
) -> Coordination:
    """Coordination of the states of an analysis, and of states that are mere counts beside it."""
    shell = analysis.trajectories[0].environments.shell
    numbers = [contacts(one, shell) for one in trajectories]
    memberships = [part.memberships for part in analysis.trajectories]
    beads, chains, anions = (
        _mean(memberships, [count[kind] for count in numbers]) for kind in range(3)
    )
    hard = [hard_memberships(np.minimum(count[2], _MOST), _MOST + 1) for count in numbers]
    steps = [one.time_step_ps for one in trajectories]
    kinetics = Kinetics(hard, lag_ps, steps)
    return Coordination(
        shell,
        beads,
        chains,
        anions,
        tuple(_NAMES[int(np.searchsorted((0.5, 1.5), value))] for value in anions),
        kinetics.timescales(analysis.timescales.lags_ps.tolist()),
        kinetics.koopman().vamp2,
    )


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
