"""Exact periodic nearest neighbours, whole shells at a time, whatever the order of the atoms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leyden.data.crystal import Crystal
from leyden.errors import InputError

__all__ = ["TIE_TOLERANCE", "Neighbours", "nearest_neighbours", "pairs_within", "ranges"]

TIE_TOLERANCE = 1e-3
"""Distances in angstrom closer than this are equal: above the rounding of CIF files (1e-4 to 1e-6),
below any difference that a network could learn from."""

_SAFETY = 3.0  # the first sphere holds on average three times the neighbours that are asked for
_WIDENING = 1.35


class Neighbours(NamedTuple):
    """Neighbours of N atoms, E in all, ordered by central atom, then distance, then index.

    Attributes
    ----------
    indices : ndarray of int32, shape (E,)
        The neighbour, as an atom of the cell.
    distances : ndarray of float64, shape (E,)
        In angstrom.
    vectors : ndarray of float64, shape (E, 3)
        From the central atom to the neighbour, in angstrom.
    counts : ndarray of int64, shape (N,)
        Neighbours of each atom; they sum to E.
    """

    indices: np.ndarray
    distances: np.ndarray
    vectors: np.ndarray
    counts: np.ndarray


def nearest_neighbours(
    crystal: Crystal,
    k: int = 12,
    *,
    ties: str = "keep",
    first_cutoff: float = 8.0,
) -> Neighbours:
    """The `k` nearest neighbours of every atom, periodic images included.

    The search starts in a sphere sized by the density of atoms and widens until every atom has its
    `k` neighbours and the rest of their last shell.  No bond is invented: an atom alone in a huge
    cell has its own images, at their distance, for neighbours.

    Parameters
    ----------
    crystal : Crystal
        Its coordinates may lie outside the cell.
    k : int
        How many neighbours, at least 1.
    ties : {"keep", "cut"}
        ``"keep"`` adds all neighbours that are as far as the k-th, within `TIE_TOLERANCE`, so that
        the result depends neither on the order of the atoms nor on the choice of the cell.
        ``"cut"`` keeps exactly `k` and drops the others of the shell in the order of their indices:
        what the original code did (Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018)).
    first_cutoff : float
        The first sphere is at most this wide, in angstrom. It has no influence on the result.

    Raises
    ------
    InputError
        `k` or `ties` has no meaning.
    """
    if k < 1 or ties not in {"keep", "cut"}:
        raise InputError("neighbours are at least 1, ties are 'keep' or 'cut'", value=(k, ties))
    n = len(crystal)
    # In a sphere of this radius an average atom has _SAFETY * k neighbours.
    radius = min(first_cutoff, (_SAFETY * k * 0.75 / np.pi * crystal.volume / n) ** (1 / 3))
    margin = TIE_TOLERANCE if ties == "keep" else 0.0
    while True:
        centres, indices, distances, vectors = pairs_within(crystal.frac, crystal.lattice, radius)
        counts = np.bincount(centres, minlength=n)
        if counts.min() >= k:
            order = np.lexsort((indices, distances, centres))
            starts = np.cumsum(counts) - counts
            sorted_distances = distances[order]
            reach = sorted_distances[starts + k - 1] + margin
            if reach.max() <= radius:
                break
        radius *= _WIDENING
    if ties == "keep":
        kept = sorted_distances <= np.repeat(reach, counts)
    else:
        kept = np.arange(len(order)) - np.repeat(starts, counts) < k
    chosen = order[kept]
    return Neighbours(
        indices[chosen].astype(np.int32),
        sorted_distances[kept],
        vectors[chosen],
        np.bincount(centres[chosen], minlength=n),
    )


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`start .. start + count - 1` for each pair, one after the other, without a loop.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - counts), counts) + np.arange(total)


def pairs_within(
    frac: np.ndarray, lattice: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of atoms within a radius, periodic images included, in no order.

    Parameters
    ----------
    frac : array, shape (N, 3)
        Fractional coordinates, inside the cell or outside it.
    lattice : array, shape (3, 3)
        Rows are the lattice vectors, in angstrom.
    radius : float
        In angstrom.

    Returns
    -------
    (i, j, distances, vectors)
        Shapes (P,), (P,), (P,) and (P, 3), from i to the image of j; each pair both ways.
    """
    from vesin import NeighborList  # looks for torch, and loads it

    points = (frac - np.floor(frac)) @ lattice
    # One thread: crystals are small, and processes run beside each other.
    search = NeighborList(cutoff=radius, full_list=True, n_threads=1)
    i, j, d, vectors = search.compute(points=points, box=lattice, periodic=True, quantities="ijdD")
    return i.astype(np.int64), j.astype(np.int64), d, vectors
