"""States that are none: never entered, never changing, or two that are one."""

from __future__ import annotations

import torch

from leyden.dynamics.population_warnings import RARE
from leyden.dynamics.vamp import Covariances, vamp_score
from leyden.training import Sums

__all__ = ["why_collapsed"]

CERTAIN = 0.3  # mean membership, weighted by itself, of a rare state that is entered at times
LEAST_SPREAD = 0.02  # standard deviation of a membership that tells anything
SAME = 0.98  # correlation of two memberships that are one
LEAST_SCORE = 1.02  # a process that has a seventh of itself left after the lag


def why_collapsed(pooled: Sums) -> str:
    """Why memberships with these statistics are no states; empty if they are.

    A state may be rare, if it is entered with certainty and the score needs it: if it falls by 0.02
    or more whichever other state the rare one is put to.

    Parameters
    ----------
    pooled : Sums
        `leyden.dynamics.vamp.moments` of all pairs.
    """
    populations = (pooled[1] + pooled[2]) / (2 * pooled[0])
    covariance = Covariances.of(pooled).instantaneous
    spread = covariance.diagonal().clamp(min=0).sqrt()
    score = float(vamp_score(pooled))
    rare = populations < RARE
    told = [
        why
        for i in torch.nonzero(rare).flatten().tolist()
        if (why := _why_not(pooled, i, float(populations[i]), score))
    ]
    if not told:
        told = [
            f"membership of state {i} hardly changes (standard deviation {float(spread[i]):.2g})"
            for i in torch.nonzero((spread < LEAST_SPREAD) & ~rare).flatten().tolist()
        ]
    if not told:
        correlation = covariance / torch.outer(spread, spread)
        told = [
            f"states {i} and {j} cannot be told apart (correlation {float(correlation[i, j]):.2g})"
            for i, j in torch.nonzero(torch.triu(correlation > SAME, diagonal=1)).tolist()
        ]
    if not told and score < LEAST_SCORE:
        told = [
            f"the VAMP-2 score of {score:.3f} on later time is hardly above 1: nothing that is "
            "slower than the lag was found"
        ]
    return "; ".join(told)


def _why_not(pooled: Sums, state: int, population: float, score: float) -> str:
    """Why a rare state is none; empty if it is one."""
    told = f"state {state} has a population of {population:.2g}, and "
    _, x, y, xx, _, yy = pooled
    sums, squares = x[state] + y[state], xx[state, state] + yy[state, state]
    if sums <= 0 or squares < CERTAIN * sums:
        return told + "is never entered with certainty"
    others = [other for other in range(len(pooled[1])) if other != state]
    gain = score - max(float(vamp_score(_merged(pooled, state, other))) for other in others)
    if gain < LEAST_SCORE - 1:
        return told + f"without it the VAMP-2 score would fall by no more than {max(gain, 0.0):.2g}"
    return ""


def _merged(pooled: Sums, state: int, other: int) -> Sums:
    """Statistics of the memberships with two of them added up."""
    kept = torch.eye(len(pooled[1]), dtype=pooled[1].dtype)
    kept[:, other] += kept[:, state]
    kept = torch.cat([kept[:, :state], kept[:, state + 1 :]], dim=1)
    n, x, y, *products = pooled
    return Sums((n, x @ kept, y @ kept, *(kept.T @ one @ kept for one in products)))
