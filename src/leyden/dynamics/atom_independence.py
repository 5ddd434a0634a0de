"""Whether sets of atoms may count as independent: a test for what they do at the same time.

An atom's next state is chance, given its last one.  Where atoms do not know of each other, these
chances add up as independent numbers do: the square of their sum over all sets of atoms in a
stretch of time is, on average, the sum of their squares.  Copies of one atom, ions that hop
together, and a field that all feel make it greater.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from leyden.dynamics.blocks import Blocks, Moments, block_moments

__all__ = ["together"]

STRETCHES = (50, 100)  # at least, where a run is twice as many lags long; at most
LEAST = 5  # with fewer stretches nothing can be told
LEVEL = 0.002  # how often sets that are independent are said not to be
DRAWS = 2000


def together(
    memberships: Sequence[np.ndarray],
    lags: Sequence[int],
    slowest: Sequence[float],
    sets: Sequence[int],
    random_state: int = 0,
) -> float | None:
    """How many times what independence gives the sets' common spread is, if that is no chance.

    Parameters
    ----------
    memberships : sequence of ndarray, each (T, L, k)
        One a trajectory.
    lags : sequence of int
        In frames of each trajectory.
    slowest : sequence of float
        The slowest relaxation, in frames of each trajectory.
    sets : sequence of int
        Of atoms, in each trajectory, cut as `leyden.dynamics.blocks.block_moments` does.
    random_state : int
        Of the signs.

    Returns
    -------
    float or None
        1 where the sets pass for independent; n for n copies of one. None where the trajectories
        are too short to tell.

    Notes
    -----
    Pairs of frames of a set and a stretch have residuals chi(t) (chi(t + lag) - K^T chi(t)), which
    are zero on average whatever the populations are: a start away from equilibrium does not pass
    for common motion.  The null distribution gives every set and stretch a random sign (the wild
    bootstrap), and takes the greatest statistic of all elements, so that one level holds for all.
    """
    number = len(memberships)
    rows = []
    moments = []
    for m, lag, slow, parts in zip(memberships, lags, slowest, sets, strict=True):
        span = len(m) - lag
        wanted = np.clip(span / max(slow, 1.0), *(count / number for count in STRETCHES))
        times = int(max(min(wanted, span / (2 * lag)), 1))
        if parts > 1 and times >= LEAST:
            moments.append(block_moments([m], [lag], Blocks((times,), (parts,), times * parts, 0)))
            rows.append((times, parts))
    if not rows:
        return None
    matrix = _least_squares(moments)
    cells = [
        _residuals(one, matrix).reshape(*row, -1) for one, row in zip(moments, rows, strict=True)
    ]
    alone = sum(np.square(cell).sum((0, 1)) for cell in cells)
    generator = np.random.default_rng(random_state)
    seen = sum(np.square(cell.sum(1)).sum(0) for cell in cells)
    drawn = np.zeros((DRAWS, len(seen)))
    for stretch in itertools.chain.from_iterable(cells):
        signs = generator.choice((-1.0, 1.0), size=(DRAWS, len(stretch)))
        drawn += np.square(signs @ stretch)
    spread = np.maximum(drawn.std(0), 1e-12 * np.maximum(alone, 1e-300))
    usual = ((drawn - alone) / spread).max(1)
    score = (seen - alone) / spread
    if score.max() <= np.quantile(usual, 1 - LEVEL):
        return 1.0
    worst = int(score.argmax())
    return float(seen[worst] / alone[worst])


def _least_squares(moments: Sequence[Moments]) -> np.ndarray:
    """K of all cells together, at whatever populations."""
    xx, xy = (sum(getattr(one, name).sum(0) for one in moments) for name in ("xx", "xy"))
    return np.linalg.pinv(xx, rcond=1e-8, hermitian=True) @ xy


def _residuals(moments: Moments, matrix: np.ndarray) -> np.ndarray:
    """Sums over each cell of chi(t) times what K does not foresee, and of the latter, (B, c)."""
    each = moments.xy - moments.xx @ matrix
    return np.concatenate([each.reshape(len(each), -1), moments.y - moments.x @ matrix], axis=1)
