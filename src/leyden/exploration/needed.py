"""How many evaluations it takes, over repeats: medians and their ratios, by bootstrap.

A campaign that does not get there counts as one evaluation more than it was given.
"""

from __future__ import annotations

import numpy as np

from leyden.physics.intervals import Estimate

__all__ = ["median_needed", "ratio_of_medians", "whole_batches"]

_DRAWS = 4000
_TWO_SIDED = (0.025, 0.975)


def median_needed(needed: np.ndarray, most: int) -> Estimate:
    """The median over repeats, with its 95 % interval by bootstrap over them.

    Parameters
    ----------
    needed : ndarray, shape (repeats,)
        As of `leyden.exploration.replay.evaluations_to_reach`; inf where it was not reached.
    most : int
        Evaluations that a campaign was given.
    """
    counted = np.minimum(np.asarray(needed, float), most + 1)
    low, high = np.quantile(np.median(counted[_drawn(len(counted))], axis=1), _TWO_SIDED)
    return Estimate(float(np.median(counted)), float(low), float(high))


def ratio_of_medians(needed: np.ndarray, others: np.ndarray, most: int) -> Estimate:
    """Median over that of others, with its 95 % interval; repeats are drawn in pairs.

    Parameters
    ----------
    needed, others : ndarray, shape (repeats,)
        Of the same repeats.
    most : int

    Examples
    --------
    >>> ratio_of_medians(np.array([6.0, 6.0]), np.array([4.0, 4.0]), 9)
    Estimate(value=1.5, low=1.5, high=1.5)
    """
    pairs = np.minimum(np.stack([needed, others]), most + 1)
    medians = np.median(pairs[:, _drawn(pairs.shape[1])], axis=2)
    low, high = np.quantile(medians[0] / medians[1], _TWO_SIDED)
    middle = np.median(pairs, axis=1)
    return Estimate(float(middle[0] / middle[1]), float(low), float(high))


def whole_batches(needed: np.ndarray, initial: int, batch: int, most: int) -> np.ndarray:
    """Evaluations that were made until then, where the rows of a batch are evaluated together.

    The first rows count as one batch, and the last batch ends with the campaign.

    Parameters
    ----------
    needed : ndarray, shape (repeats,)
        As of `leyden.exploration.replay.evaluations_to_reach`.
    initial, batch, most : int
        First rows, rows proposed at once, evaluations that a campaign was given.

    Examples
    --------
    >>> whole_batches(np.array([3.0, 9.0, 12.0, 30.0, np.inf]), 8, 4, 30)
    array([ 8., 12., 12., 30., inf])
    """
    needed = np.asarray(needed, float)
    proposed = batch * np.ceil(np.maximum(needed - initial, 0) / batch)
    return np.where(np.isinf(needed), needed, np.minimum(initial + proposed, most))


def _drawn(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(count, size=(_DRAWS, count))
