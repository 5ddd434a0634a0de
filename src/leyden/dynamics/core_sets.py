"""States by geometry: sites with cores, how long visits last, and how the states relax.

An atom that crosses the border between two sites often turns back. Counted at the border, visits
look far too short; so a visit counts when the *core* of a site is entered, and the site is kept
until another core is. The rule is that of milestoning and of core-set Markov models.

References
----------
N.-V. Buchete, G. Hummer, J. Phys. Chem. B 112, 6057 (2008), the assignment by transitions between
cores; C. Schuette, F. Noe, J. Lu, M. Sarich, E. Vanden-Eijnden, J. Chem. Phys. 134, 204105 (2011).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from leyden.errors import InputError
from leyden.physics.intervals import Estimate, jackknife

__all__ = [
    "Agreement",
    "CoreSetModel",
    "core_set_model",
    "core_sites",
    "nearest_sites",
    "residence_times_ps",
    "state_agreement",
]

_CHUNK = 2**18


class Agreement(NamedTuple):
    """How far two assignments of states agree, under the best naming of the found states.

    Attributes
    ----------
    fraction : float
        Of the rows with a true state.
    naming : dict of int to int
        True state of each found state that has one.
    """

    fraction: float
    naming: dict[int, int]


@dataclass(frozen=True, eq=False)
class CoreSetModel:
    """Markov model of states that were assigned by cores.

    Attributes
    ----------
    transition_matrix : ndarray, shape (k, k)
        At the lag; rows sum to one, detailed balance holds.
    populations : list of Estimate, length k
    timescales_ps : list of Estimate, length k - 1
        Relaxation timescales ``-lag / ln(eigenvalue)``, the slowest first; NaN of an eigenvalue
        that is not positive.
    lag_ps : float
    """

    transition_matrix: np.ndarray
    populations: list[Estimate]
    timescales_ps: list[Estimate]
    lag_ps: float


def nearest_sites(
    positions_A: np.ndarray, sites_A: np.ndarray, cell_A: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The site nearest to each position under periodic boundaries, and how far it is.

    Parameters
    ----------
    positions_A : ndarray, shape (..., 3)
        Wrapped or not.
    sites_A : ndarray, shape (n, 3)
    cell_A : ndarray, shape (3, 3)
        Lattice vectors as rows; not so skew that a nearest image lies two cells away.

    Returns
    -------
    sites : ndarray of int, shape (...)
    distances_A : ndarray, shape (...)

    Raises
    ------
    InputError
        Shapes that do not fit, a coordinate that is not finite, or a cell without volume.
    """
    positions, sites, cell = np.asarray(positions_A), np.asarray(sites_A), np.asarray(cell_A)
    if positions.shape[-1:] != (3,) or sites.ndim != 2 or sites.shape[1] != 3 or not len(sites):
        raise InputError(
            "positions have the shape (..., 3) and sites (n, 3)",
            value=(positions.shape, sites.shape),
        )
    if cell.shape != (3, 3) or not abs(np.linalg.det(cell)) > 0:
        raise InputError("a cell has three lattice vectors that span a volume", value=cell_A)
    inverse = np.linalg.inv(cell)
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    around = (np.mod(sites @ inverse, 1.0) + images[:, None]).reshape(-1, 3) @ cell
    tree = cKDTree(around)
    flat = positions.reshape(-1, 3)
    found = np.empty(len(flat), dtype=np.int64)
    distances = np.empty(len(flat))
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        inside = np.mod(np.asarray(flat[part], dtype=np.float64) @ inverse, 1.0) @ cell
        if not np.isfinite(inside).all():
            raise InputError("every coordinate is finite", row=f"between {start} and {part.stop}")
        distances[part], found[part] = tree.query(inside)
    shape = positions.shape[:-1]
    return (found % len(sites)).reshape(shape), distances.reshape(shape)


def core_sites(
    positions_A: np.ndarray, sites_A: np.ndarray, cell_A: np.ndarray, radius_A: float
) -> np.ndarray:
    """The site whose core each atom entered last, int, shape (T, L).

    Parameters
    ----------
    positions_A : ndarray, shape (T, L, 3)
    sites_A, cell_A
        As in `nearest_sites`.
    radius_A : float
        Of a core. Cores must not overlap: at most half the least distance of two sites.

    Returns
    -------
    ndarray of int64, shape (T, L)
        -1 before the first core is entered.

    Raises
    ------
    InputError
        As `nearest_sites`; positions of another shape; a radius that is not positive or too large.
    """
    positions = np.asarray(positions_A)
    if positions.ndim != 3:
        raise InputError("positions have the shape (frames, atoms, 3)", value=positions.shape)
    if not radius_A > 0:
        raise InputError("the radius of a core must be positive", value=radius_A)
    between = _least_distance(np.asarray(sites_A, dtype=np.float64), np.asarray(cell_A))
    if 2 * radius_A > between:
        raise InputError(
            "cores must not overlap", value=radius_A, remedy=f"at most {between / 2:.3f} angstrom"
        )
    sites, distances = nearest_sites(positions, sites_A, cell_A)
    frames = np.arange(len(sites))[:, None]
    last = np.maximum.accumulate(np.where(distances <= radius_A, frames, -1), axis=0)
    kept = np.take_along_axis(sites, np.maximum(last, 0), axis=0)
    return np.where(last < 0, -1, kept)


def residence_times_ps(
    states: np.ndarray, time_step_ps: float, *, blocks: int = 20, level: float = 0.95
) -> list[Estimate]:
    """Mean residence time of each state: the time spent in it over the number of times it was left.

    Visits that the run cuts off at its ends are counted with what was seen of them (the estimate of
    greatest likelihood for exponential times).

    Parameters
    ----------
    states : ndarray of int, shape (T, L) or (T,)
        State, or site, in each frame; frames with -1 are passed over.
    time_step_ps : float
        Between frames.
    blocks : int
        Blocks of time for the intervals.
    level : float
        Confidence.

    Returns
    -------
    list of Estimate
        By state 0, 1, ...; infinite for a state that was never left.

    Raises
    ------
    InputError
        Labels that do not serve, a time step that is not positive, or too few frames.
    """
    labels = _checked_states(states, time_step_ps, 1, blocks)
    counts = _block_counts(labels, 1, blocks)

    def times(count: np.ndarray) -> np.ndarray:
        stays = count.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return time_step_ps * stays / (stays - np.diag(count))

    return jackknife(counts, times, positive=True, level=level)


def core_set_model(
    states: np.ndarray,
    lag: int,
    time_step_ps: float,
    *,
    blocks: int = 20,
    level: float = 0.95,
) -> CoreSetModel:
    """The Markov model at a lag of states assigned by cores, under detailed balance.

    Counts are those of all pairs of frames one lag apart, forwards and backwards, which equilibrium
    makes equal.

    Parameters
    ----------
    states : ndarray of int, shape (T, L) or (T,)
        State in each frame; pairs with -1 are passed over.
    lag : int
        In frames.
    time_step_ps : float
        Between frames.
    blocks, level
        As in `residence_times_ps`.

    Raises
    ------
    InputError
        Labels that do not serve, fewer than two states, a lag longer than a block, or a time step
        that is not positive.
    """
    labels = _checked_states(states, time_step_ps, lag, blocks)
    counts = _block_counts(labels, lag, blocks)
    count = counts.shape[1]
    if count < 2:
        raise InputError("states relax into each other: there are two at least", value=count)
    lag_ps = lag * time_step_ps

    def numbers(counted: np.ndarray) -> np.ndarray:
        matrix, populations = _reversible(counted)
        root = np.sqrt(populations)
        balanced = matrix * root[:, None] / root
        values = np.sort(np.linalg.eigvalsh((balanced + balanced.T) / 2))[-2::-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            timescales = np.where(values > 0, -lag_ps / np.log(np.abs(values)), np.nan)
        return np.concatenate([populations, timescales])

    estimates = jackknife(counts, numbers, positive=True, level=level)
    matrix, _ = _reversible(counts.sum(axis=0))
    return CoreSetModel(matrix, estimates[:count], estimates[count:], lag_ps)


def state_agreement(found: np.ndarray, truth: np.ndarray) -> Agreement:
    """Fraction of rows in which found states agree with true ones, when named as fits best.

    Parameters
    ----------
    found, truth : ndarray of int, equal shapes
        Rows without a true state (-1) are passed over; a missing found state counts against.

    Raises
    ------
    InputError
        Shapes that differ, or no true state.
    """
    found, truth = np.asarray(found), np.asarray(truth)
    if found.shape != truth.shape:
        raise InputError("states are compared row by row", value=(found.shape, truth.shape))
    known = truth >= 0
    if not known.any():
        raise InputError("no row has a true state", value=truth.shape)
    mine, right = found[known].astype(np.int64), truth[known].astype(np.int64)
    both = mine >= 0
    table = np.zeros((mine.max(initial=0) + 1, right.max() + 1))
    np.add.at(table, (mine[both], right[both]), 1)
    rows, columns = linear_sum_assignment(-table)
    naming = {int(i): int(j) for i, j in zip(rows, columns, strict=True)}
    return Agreement(float(table[rows, columns].sum() / len(right)), naming)


def _reversible(counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = counted + counted.T
    weight = both.sum(axis=1)
    return both / weight[:, None], weight / weight.sum()


def _block_counts(states: np.ndarray, lag: int, blocks: int) -> np.ndarray:
    """Pairs of frames one lag apart, by state at start and end, shape (blocks, k, k)."""
    count = int(states.max()) + 1
    start, end = states[:-lag], states[lag:]
    codes = np.where((start >= 0) & (end >= 0), start * count + end, count * count)
    counts = [
        np.bincount(block.ravel(), minlength=count * count + 1)[:-1].reshape(count, count)
        for block in np.array_split(codes, blocks)
    ]
    return np.array(counts, dtype=np.float64)


def _checked_states(states: np.ndarray, time_step_ps: float, lag: int, blocks: int) -> np.ndarray:
    labels = np.asarray(states)
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iu" or not labels.size:
        raise InputError("states are whole numbers of shape (frames, atoms)", value=labels.shape)
    if labels.min() < -1 or labels.max() < 0:
        raise InputError("states are numbered from 0, with -1 for none", value=int(labels.min()))
    if not (np.isfinite(time_step_ps) and time_step_ps > 0):
        raise InputError("a time step must be positive, in ps", value=time_step_ps)
    if lag < 1 or blocks < 2 or len(labels) // blocks <= lag:
        raise InputError(
            "a lag has one frame at least, and each of two or more blocks is longer",
            value=f"lag {lag}, {blocks} blocks of {len(labels)} frames",
        )
    return labels.astype(np.int64).reshape(len(labels), -1)


def _least_distance(sites: np.ndarray, cell: np.ndarray) -> float:
    """Between two sites, or between images of one."""
    steps = np.array([s for s in itertools.product((-1, 0, 1), repeat=3) if any(s)]) @ cell
    least = np.linalg.norm(steps, axis=1).min()
    for i in range(1, len(sites)):
        _, distances = nearest_sites(sites[:i], sites[i : i + 1], cell)
        least = min(least, distances.min())
    return float(least)
