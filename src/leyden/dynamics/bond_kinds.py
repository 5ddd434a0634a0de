"""The kinds of bonds of a batch: equal near end, equal far end, equal distance."""

from __future__ import annotations

import numpy as np
from numba import njit

from leyden.models.distance_table import TABLE_STEP

__all__ = ["bond_kinds"]

_STEP, _HALF = np.float32(TABLE_STEP), np.float32(0.5)


@njit(cache=True, error_model="numpy")
def bond_kinds(codes, neighbours, distances, species, last):  # type: ignore[no-untyped-def]
    """Tell the bonds of R atoms by kind; distances count as equal within a step of the table.

    Parameters
    ----------
    codes : ndarray of int64, shape (V,)
        Species of the nodes, the R atoms first.
    neighbours : ndarray of int64, shape (R, M)
        Nodes.
    distances : ndarray of float32, shape (R, M)
        In angstrom, rising along a row.
    species : int
        How many there are.
    last : int
        Last row of the distance table; what is farther counts as there.

    Returns
    -------
    near, far, step : ndarray of int64, shape (U,)
        Species of the two ends and row of the table of each kind, in the order of these three.
    counts : ndarray of float32, shape (U,)
        Bonds of each kind.
    of_bonds : ndarray of int64, shape (R, M)
        The kind of each bond.
    """
    rows, width = neighbours.shape
    farthest = np.float32(0)
    for i in range(rows):
        farthest = max(farthest, distances[i, width - 1])
    steps = min(np.int64(farthest / _STEP + _HALF), last) + 1
    counts = np.zeros(species * species * steps, np.int64)
    of_bonds = np.empty((rows, width), np.int64)
    for i in range(rows):
        for k in range(width):
            step = min(np.int64(distances[i, k] / _STEP + _HALF), last)
            kind = (codes[i] * species + codes[neighbours[i, k]]) * steps + step
            counts[kind] += 1
            of_bonds[i, k] = kind
    used = np.flatnonzero(counts)
    met = counts[used].astype(np.float32)
    counts[used] = np.arange(len(used))  # from here on, the number of each kind
    for i in range(rows):
        for k in range(width):
            of_bonds[i, k] = counts[of_bonds[i, k]]
    pair, step = used // steps, used % steps
    return pair // species, pair % species, step, met, of_bonds
