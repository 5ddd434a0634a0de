"""Compositions without charge, when each element may take any one of several oxidation states.

Along a ray the parts of two elements are fixed, and the last one trades parts with the anchor: each
choice of states makes at most one of its compositions neutral, found by a division of whole
numbers, or all of them, when the two that trade have the same state.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit

__all__ = ["neutral_points", "pack_states"]


def pack_states(
    states: Mapping[str, Sequence[int]], elements: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Oxidation states as arrays.

    Returns
    -------
    first : ndarray of int64, shape (E + 2,)
        Element number e (1 is the first of `elements`; 0 stands for no element, whose state is 0)
        has the states ``packed[first[e]:first[e + 1]]``.
    packed : ndarray of int64
    """
    sets = [(0,), *(sorted(set(states.get(symbol, ()))) for symbol in elements)]
    first = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    return first, np.array(list(itertools.chain(*sets)), dtype=np.int64)


@njit(cache=True, nogil=True)
def neutral_points(rays, others, anchor, parts, starts, points):  # type: ignore[no-untyped-def]
    """Neutral compositions of one choice of elements, ray by ray.

    Parameters
    ----------
    rays : tuple of two ndarray of int64, shape (R,)
        Parts of the first two elements (`CompositionSpace.rays`).
    others : tuple of three ndarray of int64
        Oxidation states of each of the other elements.
    anchor : ndarray of int64
        Oxidation states of the anchor.
    parts : int
    starts : ndarray of int64, shape (>= R + 1,)
        Filled: the compositions of ray r are ``points[starts[r]:starts[r + 1]]``.
    points : ndarray of int16, shape (>= compositions,)
        Filled with the parts of the last element, each once.
    """
    seen = np.full(parts, -1, np.int32)
    found = 0
    for ray in range(rays[0].size):
        i, j = rays[0][ray], rays[1][ray]
        shared = parts - i - j
        starts[ray] = found
        for own in anchor:
            for first in others[0]:
                for second in others[1]:
                    fixed = i * first + j * second + shared * own
                    for last in others[2]:
                        step = last - own
                        low, high = 1, shared - 1
                        if step != 0:
                            low = high = -fixed // step
                            if low < 1 or low >= shared or fixed + low * step != 0:
                                continue
                        elif fixed != 0:
                            continue
                        for k in range(low, high + 1):
                            if seen[k] != ray:
                                seen[k] = ray
                                points[found] = k
                                found += 1
    starts[rays[0].size] = found
