"""Neighbours among sites that are occupied at times: which pairs occur, and which comes first.

The statistics are those of an infinite crystal whose sites are filled independently, each with the
probabilities that its occupancies give, with one exception: two sites nearer than `EXCLUSION_A`
are filled together as seldom as their occupancies allow, with probability max(0, q_i + q_j - 1).
So two full sites always are, whatever their distance, and two halves of a split site never.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.disordered import DisorderedCrystal
from leyden.data.formulas import ELEMENTS
from leyden.errors import InputError
from leyden.representations.neighbours import TIE_TOLERANCE

__all__ = ["EXCLUSION_A", "Sites", "nearest_shell", "neighbour_pairs", "sites_of"]

EXCLUSION_A = 2.0
"""Partly occupied sites nearer than this (angstrom) exclude each other: the hard sphere of the
published averages (A. D. Sendek et al., Energy Environ. Sci. 10, 306 (2017), supplement S2). Of
3,000 ordered Li crystals of the Materials Project three have Li nearer, the nearest at 1.97."""

_NEGLECTED = 1e-6  # probability that even the farthest neighbour that is looked at is absent
_FIRST_RADIUS = 4.5  # angstrom
_WIDENING = 1.4
_LARGEST_RADIUS = 60.0


class Sites(NamedTuple):
    """Sites of a crystal and what they hold.

    Attributes
    ----------
    points : ndarray, shape (n, 3)
        In angstrom, within the cell.
    lattice : ndarray, shape (3, 3)
    numbers : ndarray of int, shape (e,)
        Atomic numbers of the elements of the crystal.
    amounts : ndarray, shape (n, e)
        Occupancy of each site by each element.
    """

    points: np.ndarray
    lattice: np.ndarray
    numbers: np.ndarray
    amounts: np.ndarray


class Pairs(NamedTuple):
    """Pairs of sites i, j, both ways, periodic images included.

    ``together`` is P(both occupied) / (q_i q_j): 1 where they do not feel each other.
    """

    centres: np.ndarray
    others: np.ndarray
    distances: np.ndarray
    together: np.ndarray


def sites_of(crystal: Crystal | DisorderedCrystal) -> Sites:
    """The sites of an ordered or disordered crystal."""
    points = (crystal.frac - np.floor(crystal.frac)) @ crystal.lattice
    if isinstance(crystal, Crystal):
        numbers = np.unique(crystal.numbers)
        amounts = (crystal.numbers[:, None] == numbers).astype(float)
    else:
        numbers = np.array([ELEMENTS.index(symbol) for symbol in crystal.elements])
        amounts = crystal.amounts(crystal.elements)
    return Sites(points, crystal.lattice, numbers.astype(int), amounts)


def neighbour_pairs(sites: Sites, within: float, rows: Sequence[int] | np.ndarray) -> Pairs:
    """Pairs of the sites `rows` at most `within` angstrom apart, by centre, then distance."""
    from vesin import NeighborList  # looks for torch, and loads it

    rows = np.asarray(rows)
    search = NeighborList(cutoff=within + TIE_TOLERANCE, full_list=True, n_threads=1)
    i, j, distances = search.compute(
        points=sites.points[rows], box=sites.lattice, periodic=True, quantities="ijd"
    )
    order = np.lexsort((distances, i))
    centres, others, distances = rows[i[order]], rows[j[order]], distances[order]
    occupancies = np.minimum(sites.amounts.sum(axis=1), 1.0)
    first, second = occupancies[centres], occupancies[others]
    seldom = np.maximum(first + second - 1, 0) / (first * second)
    together = np.where(distances < EXCLUSION_A, seldom, 1.0)
    return Pairs(centres, others, distances, together)


def nearest_shell(
    sites: Sites, centres: np.ndarray, others: np.ndarray, width: float = 0.0
) -> tuple[float, float]:
    """Mean distance to the nearest neighbour, and how many lie at most `width` beyond it.

    Parameters
    ----------
    sites : Sites
    centres, others : ndarray, shape (n,)
        Probability that a site holds an atom of the kind that looks, and that is looked for.
    width : float
        In angstrom.

    Returns
    -------
    distance : float
        Expectation over the atoms that look, in angstrom.
    number : float
        Expectation of the number of neighbours within `width` of the nearest one, it included.

    Raises
    ------
    InputError
        A neighbour farther away than 60 angstrom.
    """
    rows = np.flatnonzero((centres > 0) | (others > 0))
    radius = _FIRST_RADIUS + width
    while True:
        pairs = neighbour_pairs(sites, radius, rows)
        wanted = (centres[pairs.centres] > 0) & (others[pairs.others] > 0)
        looking, distances = pairs.centres[wanted], pairs.distances[wanted]
        chance = pairs.together[wanted] * others[pairs.others[wanted]]
        absent = _all_absent(looking, chance)
        inner = distances <= radius - width
        left = np.ones(len(sites.points))
        np.minimum.at(left, looking[inner], (absent * (1 - chance))[inner])
        if left[centres > 0].max() <= _NEGLECTED:
            break
        if radius > _LARGEST_RADIUS:
            raise InputError(
                f"an atom needs a neighbour within {_LARGEST_RADIUS:g} angstrom",
                remedy="check the unit of the lattice, or the occupancies",
            )
        radius *= _WIDENING
    # the probability that this neighbour is there, and none before it
    first = absent * chance * centres[looking]
    key = looking * (10 * _LARGEST_RADIUS) + distances
    reach = np.searchsorted(key, key + width + TIE_TOLERANCE, side="right")
    sums = np.concatenate([[0.0], np.cumsum(chance)])
    beyond = sums[reach] - sums[1:][np.arange(len(key))]
    total = first.sum()
    return float((first * distances).sum() / total), float((first * (1 + beyond)).sum() / total)


def _all_absent(looking: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Probability that all earlier neighbours of the same centre are absent."""
    _, starts, counts = np.unique(looking, return_index=True, return_counts=True)
    if not len(starts):
        return np.zeros(0)
    column = np.arange(len(looking)) - np.repeat(starts, counts)
    row = np.repeat(np.arange(len(starts)), counts)
    table = np.ones((len(starts), int(counts.max()) + 1))
    table[row, column + 1] = 1 - chance
    return np.cumprod(table, axis=1)[row, column]
