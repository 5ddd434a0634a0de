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
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from leyden.errors import InputError
from leyden.physics.intervals import Estimate, jackknife

__all__ = [
    "Agreement",
    "core_sites",
    "entered_last",
    "hard_memberships",
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
    return entered_last(np.where(distances <= radius_A, sites, -1))


def entered_last(cores: np.ndarray) -> np.ndarray:
    """The state whose core each atom entered last, int, shape (T, L).

    Parameters
    ----------
    cores : ndarray of int, shape (T, L)
        State whose core an atom is in; -1 in none.

    Returns
    -------
    ndarray of int, shape (T, L)
        -1 before the first core is entered.
    """
    frames = np.arange(len(cores))[:, None]
    last = np.maximum.accumulate(np.where(cores >= 0, frames, -1), axis=0)
    return np.take_along_axis(cores, np.maximum(last, 0), axis=0)


def residence_times_ps(
    states: np.ndarray,
    time_step_ps: float,
    *,
    numbers: Callable[[np.ndarray], np.ndarray] | None = None,
    blocks: int = 20,
    level: float = 0.95,
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
    numbers : callable, optional
        Makes positive numbers (S,) of the times (k,), such as their ratio, which are returned
        instead.
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
    labels = _checked_labels(states)
    if not (np.isfinite(time_step_ps) and time_step_ps > 0):
        raise InputError("a time step must be positive, in ps", value=time_step_ps)
    if blocks < 2 or len(labels) // blocks <= 1:
        raise InputError(
            "there are two or more blocks, of two or more frames each",
            value=f"{blocks} blocks of {len(labels)} frames",
        )
    counts = _block_counts(labels, blocks)

    def times(count: np.ndarray) -> np.ndarray:
        stays = count.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = time_step_ps * stays / (stays - np.diag(count))
            return found if numbers is None else numbers(found)

    return jackknife(counts, times, positive=True, level=level)


def hard_memberships(states: np.ndarray, count: int | None = None) -> np.ndarray:
    """Zeros and ones of states, from which `Kinetics` makes the core-set Markov model.

    Parameters
    ----------
    states : ndarray of int, shape (T, L) or (T,)
        State, or site, in each frame. Frames at the beginning in which any atom has none (-1) are
        left out.
    count : int, optional
        How many states there are; by default as many as occur.

    Returns
    -------
    ndarray of float32, shape (T', L, k)

    Raises
    ------
    InputError
        Labels that do not serve, or that are missing later on.
    """
    labels = _checked_labels(states)
    known = (labels >= 0).all(axis=1)
    kept = labels[int(known.argmax()) :] if known.any() else labels
    if (kept < 0).any():
        raise InputError("an atom keeps its state till it has another", value=-1)
    k = int(kept.max()) + 1 if count is None else count
    return np.eye(k, dtype=np.float32)[kept]


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


def _block_counts(states: np.ndarray, blocks: int) -> np.ndarray:
    """Pairs of frames that follow each other, by state before and after, (blocks, k, k)."""
    count = int(states.max()) + 1
    start, end = states[:-1], states[1:]
    codes = np.where((start >= 0) & (end >= 0), start * count + end, count * count)
    counts = [
        np.bincount(block.ravel(), minlength=count * count + 1)[:-1].reshape(count, count)
        for block in np.array_split(codes, blocks)
    ]
    return np.array(counts, dtype=np.float64)


def _checked_labels(states: np.ndarray) -> np.ndarray:
    labels = np.asarray(states)
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iu" or not labels.size:
        raise InputError("states are whole numbers of shape (frames, atoms)", value=labels.shape)
    if labels.min() < -1 or labels.max() < 0:
        raise InputError("states are numbered from 0, with -1 for none", value=int(labels.min()))
    return labels.astype(np.int64).reshape(len(labels), -1)


def _least_distance(sites: np.ndarray, cell: np.ndarray) -> float:
    """Between two sites, or between images of one."""
    steps = np.array([s for s in itertools.product((-1, 0, 1), repeat=3) if any(s)]) @ cell
    least = np.linalg.norm(steps, axis=1).min()
    for i in range(1, len(sites)):
        _, distances = nearest_sites(sites[:i], sites[i : i + 1], cell)
        least = min(least, distances.min())
    return float(least)
