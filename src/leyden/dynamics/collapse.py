"""States that are none: never entered, never changing, or two that are one."""

from __future__ import annotations

import torch

from leyden.dynamics.vamp import Covariances, vamp_score
from leyden.training import Sums

__all__ = ["why_collapsed"]

LEAST_POPULATION = 0.005
LEAST_SPREAD = 0.02  # standard deviation of a membership that tells anything
SAME = 0.98  # correlation of two memberships that are one
LEAST_SCORE = 1.02  # a process that has a seventh of itself left after the lag


def why_collapsed(pooled: Sums) -> str:
    """Why memberships with these statistics are no states; empty if they are.

    Parameters
    ----------
    pooled : Sums
        `leyden.dynamics.vamp.moments` of all pairs.
    """
    populations = (pooled[1] + pooled[2]) / (2 * pooled[0])
    covariance = Covariances.of(pooled).instantaneous
    spread = covariance.diagonal().clamp(min=0).sqrt()
    told = [
        f"state {i} has a population of {float(populations[i]):.2g}"
        for i in torch.nonzero(populations < LEAST_POPULATION).flatten().tolist()
    ]
    if not told:
        told = [
            f"membership of state {i} hardly changes (standard deviation {float(spread[i]):.2g})"
            for i in torch.nonzero(spread < LEAST_SPREAD).flatten().tolist()
        ]
    if not told:
        correlation = covariance / torch.outer(spread, spread)
        told = [
            f"states {i} and {j} cannot be told apart (correlation {float(correlation[i, j]):.2g})"
            for i, j in torch.nonzero(torch.triu(correlation > SAME, diagonal=1)).tolist()
        ]
    score = float(vamp_score(pooled))
    if not told and score < LEAST_SCORE:
        told = [
            f"the VAMP-2 score of {score:.3f} on later time is hardly above 1: nothing that is "
            "slower than the lag was found"
        ]
    return "; ".join(told)
