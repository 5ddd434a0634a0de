"""Which changes of state carry the current: shares of the squared displacement by transition.

Figure 4-6 of T. Xie's thesis (MIT 2020, section 4.4.3) shows what each transition i -> j between
learned states contributes to the conduction of lithium; the text gives no formula. Chosen here:
every pair of frames one lag apart gives its squared displacement to the transition that it made,
in parts by the memberships at both ends; with charges of the states, times the square of their
mean, as the square of charge times displacement is what the Nernst-Einstein conductivity sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leyden.errors import InputError
from leyden.physics.diffusion import checked_positions
from leyden.physics.intervals import jackknife

__all__ = ["TransitionShares", "transition_shares"]


class TransitionShares(NamedTuple):
    """Shares of transitions, row i to column j, shape (k, k): they sum to one; with intervals."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def transition_shares(
    memberships: np.ndarray,
    positions_A: np.ndarray,
    lag: int,
    *,
    state_charges_e: np.ndarray | None = None,
    blocks: int = 10,
    level: float = 0.95,
) -> TransitionShares:
    """Share of each transition in the squared displacement at a lag.

    Vibration counts as displacement: at a lag within which atoms seldom hop, the share of i -> i is
    mostly rattling about a place.

    Parameters
    ----------
    memberships : ndarray, shape (T, L, k)
        Part of each state, not negative, summing to one; zeros and ones of hard states.
    positions_A : ndarray, shape (T, L, 3)
        Unwrapped positions of the same atoms.
    lag : int
        In frames.
    state_charges_e : ndarray, shape (k,), optional
        Charge that moves with an ion in each state (its own and that of its shell, table 4.1); all
        equal by default, which makes shares of the mean squared displacement.
    blocks : int
        Blocks of time for the intervals, each longer than the lag.
    level : float
        Confidence.

    Raises
    ------
    InputError
        Shapes that do not fit, memberships that are no parts, a lag that is not within a block, or
        nothing that moves.
    """
    positions = checked_positions(positions_A)
    parts = _checked_memberships(memberships, positions)
    starts = len(positions) - lag
    if not (1 <= lag and blocks >= 2 and starts // blocks > lag):
        raise InputError(
            "a lag has one frame at least, and each of two or more blocks is longer",
            value=f"lag {lag}, {blocks} blocks of {len(positions)} frames",
        )
    weights = _charge_weights(state_charges_e, parts.shape[2])
    sums = []
    for block in np.array_split(np.arange(starts), blocks):
        ends = block + lag
        squares = np.square(positions[ends] - positions[block]).sum(axis=2)
        leaving = (parts[block] * squares[..., None]).reshape(-1, parts.shape[2])
        sums.append(weights * (leaving.T @ parts[ends].reshape(leaving.shape)))
    total = np.sum(sums, axis=0)
    if not total.sum() > 0:
        raise InputError("nothing moves that carries charge", value=float(total.sum()))
    shares = jackknife(
        np.array(sums),
        lambda mean: (mean / mean.sum()).ravel(),
        positive=True,
        level=level,
    )
    value, low, high = np.array(shares).T.reshape(3, *total.shape)
    return TransitionShares(value, low, np.minimum(high, 1.0))


def _charge_weights(state_charges_e: np.ndarray | None, states: int) -> np.ndarray:
    if state_charges_e is None:
        return np.ones((states, states))
    charges = np.asarray(state_charges_e, dtype=np.float64)
    if charges.shape != (states,) or not np.isfinite(charges).all():
        raise InputError(f"there is a charge for each of {states} states", value=state_charges_e)
    return np.asarray(((charges[:, None] + charges[None, :]) / 2) ** 2)


def _checked_memberships(memberships: np.ndarray, positions: np.ndarray) -> np.ndarray:
    parts = np.asarray(memberships, dtype=np.float64)
    if parts.ndim != 3 or parts.shape[:2] != positions.shape[:2]:
        raise InputError(
            f"memberships have the shape (frames, atoms, states), of {positions.shape[:2]}",
            value=parts.shape,
        )
    if not (np.all(parts >= 0) and np.allclose(parts.sum(axis=2), 1.0, atol=1e-4)):
        raise InputError("memberships are parts: not negative, and one in sum")
    return parts
