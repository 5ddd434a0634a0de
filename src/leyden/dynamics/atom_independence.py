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
LEAST = 5  # with fewer stretches of all trajectories nothing can be told
LEVEL = 0.002  # how often sets that are independent are said not to be
DRAWS = 2000
ROUNDING = 1e-16  # of a pair, squared; below it nothing is told


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
        are too short to tell. Measured by ``benchmarks/timescale_coverage.py``.

    Notes
    -----
    Pairs of frames of a set and a stretch have residuals chi(t) (chi(t + lag) - K^T chi(t)), which
    are zero on average whatever the populations are: a start away from equilibrium does not pass
    for common motion.  The null distribution gives every set and stretch a random sign (the wild
    bootstrap), and takes the greatest statistic of all elements, so that one level holds for all.
    """
    number = len(memberships)
    moments, shapes = [], []
    for m, lag, slow, parts in zip(memberships, lags, slowest, sets, strict=True):
        times = _stretches(len(m) - lag, lag, slow, number)
        if parts > 1:
            moments.append(block_moments([m], [lag], Blocks((times,), (parts,), times * parts, 0)))
            shapes.append((times, parts))
    if sum(times for times, _ in shapes) < LEAST:
        return None
    matrix = _least_squares(moments)
    cells = [
        _residuals(one, matrix).reshape(*shape, -1)
        for one, shape in zip(moments, shapes, strict=True)
    ]
    rounding = ROUNDING * sum(float(one.n.sum()) for one in moments)
    return _factor(cells, rounding, np.random.default_rng(random_state))


def _stretches(span: int, lag: int, slowest: float, trajectories: int) -> int:
    """Into how many stretches of time so many frames are cut: one a relaxation, within limits."""
    least, most = (count / trajectories for count in STRETCHES)
    wanted = min(max(span / max(slowest, 1.0), least), most)
    return max(1, int(min(wanted, span / (2 * lag))))


def _factor(cells: Sequence[np.ndarray], rounding: float, generator: np.random.Generator) -> float:
    """The spread of sums over sets by that of independent ones, of residuals (times, sets, c)."""
    alone = sum(np.square(cell).sum((0, 1)) for cell in cells)
    seen = sum(np.square(cell.sum(1)).sum(0) for cell in cells)
    drawn = np.zeros((DRAWS, len(seen)))
    for stretch in itertools.chain.from_iterable(cells):
        signs = generator.choice((-1.0, 1.0), size=(DRAWS, len(stretch)))
        drawn += np.square(signs @ stretch)
    spread = np.maximum(drawn.std(0), rounding)
    score = (seen - alone) / spread
    if score.max() <= np.quantile(((drawn - alone) / spread).max(1), 1 - LEVEL):
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
