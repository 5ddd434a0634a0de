"""What a reader must know of states with hardly any population."""

from __future__ import annotations

import numpy as np

__all__ = ["RARE", "of_populations"]

RARE = 0.005  # population below which a state is looked at twice


def of_populations(populations: np.ndarray, interval: np.ndarray) -> tuple[str, ...]:
    """Warnings about states that are rare, or may have no population at all.

    Parameters
    ----------
    populations : ndarray, shape (k,)
    interval : ndarray, shape (2, k)
        NaN says nothing.
    """
    rare = tuple(
        f"state {i} is rare, with a population of {populations[i]:.2g}: what is told of it rests "
        "on few visits"
        for i in np.flatnonzero(populations < RARE)
    )
    one_way = tuple(
        f"state {i} may have no population at equilibrium: it is entered and hardly left, or left "
        "and hardly entered, and timescales and populations are uncertain by more than is told"
        for i in np.flatnonzero(interval[0] <= 1e-6)
    )
    return rare + one_way
