"""What surrounds an atom in each of its states: neighbours by distance, charge, typical pictures.

Every environment counts for each state by its membership: no frame is forced into one state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leyden.data.trajectory import Trajectory
from leyden.dynamics.blocks import levels_of_95, resampled
from leyden.errors import InputError
from leyden.representations.neighbours import pairs_within

__all__ = ["Example", "StateEnvironments", "examples", "first_shell", "state_environments"]

_DRAWS = 1000
_SURE = 0.9  # membership above which an environment is an example of a state


@dataclass(frozen=True)
class Example:
    """One environment as it was, to be looked at.

    Attributes
    ----------
    state, frame, target : int
        `target` counts the sets of target atoms.
    membership : float
    species : tuple of str
        Of the atoms within reach, the target's own first.
    places : ndarray, shape (m, 3)
        In angstrom, the target's first atom at the origin.
    """

    state: int
    frame: int
    target: int
    membership: float
    species: tuple[str, ...]
    places: np.ndarray


@dataclass(frozen=True)
class StateEnvironments:
    """Averages over a trajectory, state by state; intervals of 95 % by drawing blocks of time.

    Attributes
    ----------
    radii : ndarray, shape (R,)
        Centres of the shells, in angstrom.
    edges : ndarray, shape (R,)
        Their outer radii, at which `coordination` and `charge` are taken.
    species : tuple of str
        The S species of the neighbours.
    populations : ndarray, shape (k,)
        Mean membership of the frames that were looked at.
    distribution : ndarray, shape (k, S, R)
        Radial distribution function of a species about the target.
    coordination, coordination_low, coordination_high : ndarray, shape (k, S, R)
        Neighbours of a species within a radius.
    charge, charge_low, charge_high : ndarray, shape (k, R), or None
        The target's own charge and all within a radius, in e; None where charges are not known.
    shell : float
        Radius of the first shell in angstrom: the first minimum of the density of all neighbours,
        all states together, that is less than half as high as what is on both its sides.
    """

    radii: np.ndarray
    edges: np.ndarray
    species: tuple[str, ...]
    populations: np.ndarray
    distribution: np.ndarray
    coordination: np.ndarray
    coordination_low: np.ndarray
    coordination_high: np.ndarray
    charge: np.ndarray | None
    charge_low: np.ndarray | None
    charge_high: np.ndarray | None
    shell: float

    def within(self, radius: float) -> int:
        """Number of the shell that ends nearest to a radius, for `coordination` and `charge`."""
        return int(np.abs(self.edges - radius).argmin())


def state_environments(
    trajectory: Trajectory,
    targets: np.ndarray,
    memberships: np.ndarray,
    *,
    reach: float = 8.0,
    width: float = 0.05,
    frames: int = 400,
    blocks: int = 10,
    random_state: int = 0,
) -> StateEnvironments:
    """Average what surrounds the target atoms, weighted by their memberships.

    Parameters
    ----------
    trajectory : Trajectory
    targets : array of int, shape (L,) or (L, m)
        Sets of target atoms; of a set of several, each atom is a centre, and the others of the set
        are no neighbours of it.
    memberships : array, shape (T, L, k)
        Of each frame of the trajectory.
    reach, width : float
        How far to look, and how thick a shell is, in angstrom.
    frames : int
        Frames that are looked at, evenly spread over the trajectory.
    blocks : int
        Blocks of time that the intervals draw from.
    random_state : int

    Raises
    ------
    InputError
        The memberships do not fit the trajectory and the targets.

    Notes
    -----
    Element-wise radial distribution functions and the charge integral of T. Xie, A. France-Lanord,
    Y. Wang, Y. Shao-Horn, J. C. Grossman, Nat. Commun. 10, 2667 (2019), figure 5 and table 1.
    """
    targets, memberships = _checked(trajectory, targets, memberships)
    species = tuple(dict.fromkeys(trajectory.species))
    codes = np.array([species.index(name) for name in trajectory.species])
    shells = max(1, round(reach / width))
    chosen = np.unique(np.linspace(0, len(trajectory) - 1, frames).round().astype(int))
    sums = _Sums.empty(min(blocks, len(chosen)), memberships.shape[2], len(species), shells)
    for block, part in enumerate(np.array_split(chosen, len(sums.weight))):
        for frame in part:
            near = _near(trajectory, frame, targets, reach)
            sums.add(block, near, memberships[frame], codes, trajectory.charges, width)
            sums.weight[block] += memberships[frame].sum(0) * targets.shape[1]
            sums.volume += abs(np.linalg.det(trajectory.frame_cells[frame])) / len(chosen)
    return _averaged(sums, species, codes, targets, trajectory.charges, width, random_state)


def examples(
    trajectory: Trajectory,
    targets: np.ndarray,
    memberships: np.ndarray,
    environments: StateEnvironments,
    *,
    reach: float | None = None,
    count: int = 1,
    frames: int = 100,
) -> list[Example]:
    """Environments that stand for each state: sure of it, and near its mean coordination.

    Parameters
    ----------
    trajectory, targets, memberships
        As for `state_environments`, which gave `environments`.
    reach : float, optional
        Radius of what is shown, in angstrom; default: the first shell and half of it more.
    count : int
        Examples of a state.
    frames : int
        Frames that are searched.

    Returns
    -------
    list of Example
        Fewer than asked for where a state is never held with a membership of 0.9.
    """
    targets, memberships = _checked(trajectory, targets, memberships)
    shell = environments.shell
    shown = 1.5 * shell if reach is None else reach
    names = environments.species
    codes = np.array([names.index(name) for name in trajectory.species])
    mean = environments.coordination[:, :, environments.within(shell)]
    found: list[tuple[float, int, int, int]] = []
    chosen = np.unique(np.linspace(0, len(trajectory) - 1, frames).round().astype(int))
    for frame in chosen:
        near = _near(trajectory, frame, targets, shell)
        around = np.zeros((len(targets), len(names)))
        np.add.at(around, (near.sets, codes[near.atoms]), 1 / targets.shape[1])
        for target, state in np.argwhere(memberships[frame] > _SURE):
            unlike = float(((around[target] - mean[state]) ** 2).sum())
            found.append((unlike, int(state), int(frame), int(target)))
    found.sort()
    kept = []
    for state in range(memberships.shape[2]):
        mine = [place for place in found if place[1] == state][:count]
        for _, _, frame, target in mine:
            near = _near(trajectory, frame, targets[target : target + 1], shown)
            first = near.centres == targets[target, 0]
            kept.append(
                Example(
                    state,
                    frame,
                    target,
                    float(memberships[frame, target, state]),
                    (
                        trajectory.species[targets[target, 0]],
                        *(trajectory.species[atom] for atom in near.atoms[first]),
                    ),
                    np.vstack([np.zeros(3), near.vectors[first]]),
                )
            )
    return kept


@dataclass(frozen=True)
class _Near:
    """Pairs of a target atom and a neighbour: the set it is of, both atoms, and the way."""

    sets: np.ndarray
    centres: np.ndarray
    atoms: np.ndarray
    distances: np.ndarray
    vectors: np.ndarray


def _near(trajectory: Trajectory, frame: int, targets: np.ndarray, reach: float) -> _Near:
    cell = trajectory.frame_cells[frame]
    i, j, distances, vectors = pairs_within(trajectory.fractional(frame), cell, reach)
    set_of = np.full(trajectory.atoms, -1)
    set_of[targets] = np.arange(len(targets))[:, None]
    kept = (set_of[i] >= 0) & (set_of[i] != set_of[j])
    kept &= i != j  # its own images
    return _Near(set_of[i[kept]], i[kept], j[kept], distances[kept], vectors[kept])


def _checked(
    trajectory: Trajectory, targets: np.ndarray, memberships: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    targets = np.asarray(targets, int)
    targets = targets[:, None] if targets.ndim == 1 else targets
    memberships = np.asarray(memberships, float)
    if memberships.ndim != 3 or memberships.shape[:2] != (len(trajectory), len(targets)):
        raise InputError(
            f"memberships are of {len(trajectory)} frames and {len(targets)} sets of target atoms",
            value=memberships.shape,
        )
    return targets, memberships


@dataclass
class _Sums:
    """What is added up over frames, in blocks of time.

    Neighbours (blocks, k, S, R) and their charge (blocks, k, R) by state and shell, each weighted
    by membership; the memberships (blocks, k); and the mean volume of the frames.
    """

    counts: np.ndarray
    charges: np.ndarray
    weight: np.ndarray
    volume: float

    @classmethod
    def empty(cls, blocks: int, states: int, species: int, shells: int) -> _Sums:
        return cls(
            np.zeros((blocks, states, species, shells)),
            np.zeros((blocks, states, shells)),
            np.zeros((blocks, states)),
            0.0,
        )

    def add(
        self,
        block: int,
        near: _Near,
        memberships: np.ndarray,
        codes: np.ndarray,
        charges: np.ndarray | None,
        width: float,
    ) -> None:
        _, states, species, shells = self.counts.shape
        shell = np.minimum((near.distances / width).astype(int), shells - 1)
        place = codes[near.atoms] * shells + shell
        held = memberships[near.sets]
        for state in range(states):
            found = np.bincount(place, held[:, state], species * shells)
            self.counts[block, state] += found.reshape(species, shells)
            if charges is not None:
                carried = held[:, state] * charges[near.atoms]
                self.charges[block, state] += np.bincount(shell, carried, shells)


def _averaged(
    sums: _Sums,
    species: tuple[str, ...],
    codes: np.ndarray,
    targets: np.ndarray,
    charges: np.ndarray | None,
    width: float,
    random_state: int,
) -> StateEnvironments:
    """Means of what was added up, with the intervals of drawn blocks."""
    weight = sums.weight
    edges = width * np.arange(1, sums.counts.shape[-1] + 1)
    draws = resampled(len(weight), _DRAWS, random_state)
    densities = _densities(codes, targets, sums.volume)
    mean, low, high = _means(sums.counts.cumsum(-1), weight, draws)
    charge: tuple[np.ndarray, ...] | tuple[None, ...] = (None, None, None)
    if charges is not None:
        own = float(charges[targets].mean())
        charge = _means(sums.charges.cumsum(-1), weight, draws, own)
    return StateEnvironments(
        radii=edges - width / 2,
        edges=edges,
        species=species,
        populations=weight.sum(0) / weight.sum(),
        distribution=_distribution(sums.counts.sum(0), weight.sum(0), edges, densities),
        coordination=mean,
        coordination_low=low,
        coordination_high=high,
        charge=charge[0],
        charge_low=charge[1],
        charge_high=charge[2],
        shell=first_shell(sums.counts.sum((0, 1, 2)), edges),
    )


def _densities(codes: np.ndarray, targets: np.ndarray, volume: float) -> np.ndarray:
    """Atoms of each species in a cubic angstrom that a target could meet: not those of its set."""
    atoms = np.bincount(codes, minlength=codes.max() + 1).astype(float)
    atoms -= np.bincount(codes[targets].ravel(), minlength=len(atoms)) / len(targets)
    return atoms / volume


def _distribution(
    counts: np.ndarray, weight: np.ndarray, edges: np.ndarray, densities: np.ndarray
) -> np.ndarray:
    room = 4 / 3 * np.pi * np.diff(edges**3, prepend=0.0)
    expected = weight[:, None, None] * densities[:, None] * room
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, counts / expected, np.nan)


def _means(
    sums: np.ndarray, weight: np.ndarray, draws: np.ndarray, start: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of what was summed in blocks, and its 95 % interval from drawn blocks."""
    shape = (-1,) + (1,) * (sums.ndim - 2)
    levels = levels_of_95(len(weight))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums.sum(0) / weight.sum(0).reshape(shape)
        low, high = np.empty_like(mean), np.empty_like(mean)
        for state in range(len(mean)):  # one at a time: draws are many
            drawn = np.tensordot(draws, sums[:, state], 1)
            drawn = drawn / (draws @ weight[:, state]).reshape((-1,) + (1,) * (drawn.ndim - 1))
            low[state], high[state] = np.nanquantile(drawn, levels, axis=0)
    return start + mean, start + low, start + high


def first_shell(counts: np.ndarray, edges: np.ndarray) -> float:
    """Radius of the first minimum that is less than half as high as what is on both its sides.

    A shell that is split, as about an atom off the middle of its cage, is one shell.

    Parameters
    ----------
    counts : ndarray, shape (R,)
        Neighbours in each shell of equal thickness.
    edges : ndarray, shape (R,)
        Outer radii of the shells. The last of them is what is returned if there is no minimum.
    """
    density = counts / np.diff(edges**3, prepend=0.0)
    smooth = np.convolve(density, np.hanning(11) / np.hanning(11).sum(), mode="same")
    before = np.maximum.accumulate(smooth)
    after = np.maximum.accumulate(smooth[::-1])[::-1]
    border = smooth < 0.5 * np.minimum(before, after)
    if not border.any():
        return float(edges[-1])
    start = int(border.argmax())
    end = start + int((~border[start:]).argmax())  # there is a higher place beyond
    return float(edges[start + smooth[start:end].argmin()])
