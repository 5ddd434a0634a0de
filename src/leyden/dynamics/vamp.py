"""VAMP scores of pooled statistics: how well a few features foresee themselves.

Features chi of a state, seen at times t and t + lag, have the covariances C00 (of chi(t)), C0t and
Ctt.  The singular values of C00^-1/2 C0t Ctt^-1/2 tell how much of each slow process the features
have caught.  A score is a function of covariances over *all* pairs: the mean of the scores of small
batches is far above 1 on pure noise.

H. Wu and F. Noe, J. Nonlinear Sci. 30, 23 (2020); A. Mardt et al., Nat. Commun. 9, 5 (2018).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from leyden.errors import InputError, did_you_mean
from leyden.training import Sums

__all__ = ["SCORES", "Covariances", "PairBatch", "VampObjective", "moments", "vamp_score"]

SCORES = ("VAMP1", "VAMP2", "VAMPE")
CUTOFF = 1e-6  # eigenvalues of covariances that count as zero when a score is told


class PairBatch(NamedTuple):
    """Environments of a mini-batch, and which of them are pairs.

    Attributes
    ----------
    inputs : object
        What the network takes; it gives features of shape (E, k).
    earlier, later : Tensor of int, shape (P,)
        Numbers of the environments at t and at t + lag.
    """

    inputs: Any
    earlier: torch.Tensor
    later: torch.Tensor


class Covariances(NamedTuple):
    """Covariances with the means removed: at t, between t and t + lag, at t + lag, each (k, k)."""

    instantaneous: torch.Tensor
    lagged: torch.Tensor
    later: torch.Tensor

    @classmethod
    def of(cls, pooled: Sums) -> Covariances:
        """Those of what `moments` gave."""
        n, x, y, xx, xy, yy = pooled
        below = (n - 1).clamp(min=1)
        return cls(
            (xx - torch.outer(x, x) / n) / below,
            (xy - torch.outer(x, y) / n) / below,
            (yy - torch.outer(y, y) / n) / below,
        )


def moments(x: torch.Tensor, y: torch.Tensor) -> Sums:
    """Number, sums and products of features at t and t + lag, in double precision.

    Parameters
    ----------
    x, y : Tensor, shape (P, k)
        Features of P pairs.

    Returns
    -------
    Sums
        n; sums of x and y, each (k,); of x x, x y and y y, each (k, k).
    """
    x, y = x.double(), y.double()
    n = torch.tensor(float(len(x)), dtype=torch.float64)
    return Sums((n, x.sum(0), y.sum(0), x.T @ x, x.T @ y, y.T @ y))


def vamp_score(
    pooled: Sums, score: str = "VAMP2", *, tikhonov: float = 0.0, model: Sums | None = None
) -> torch.Tensor:
    """Score of pooled statistics; gradients flow through it.

    Parameters
    ----------
    pooled : Sums
        What `moments` gave, summed over all pairs.
    score : {"VAMP2", "VAMP1", "VAMPE"}
        Sum of the squared singular values; their sum; or how well the singular functions and values
        of `model` describe these statistics (Wu and Noe, equation 28).
    tikhonov : float
        Added to the diagonals before they are inverted, for training: what a softmax gives has
        singular covariances, since it adds up to one. With 0, eigenvalues below 1e-6 are left out.
    model : Sums, optional
        Statistics that the singular functions of ``"VAMPE"`` come from, such as those of training
        data; by default these here, for which VAMP-E without `tikhonov` is VAMP-2.

    Returns
    -------
    Tensor
        A scalar; 1 for features that never change, or that have forgotten all after the lag.
    """
    if score not in SCORES:
        raise InputError(
            "the score is not known", value=score, remedy=did_you_mean(str(score), SCORES)
        )
    here = Covariances.of(pooled)
    known = here if model is None else Covariances.of(model)
    first = _whitening(known.instantaneous, tikhonov)
    last = _whitening(known.later, tikhonov)
    koopman = first @ known.lagged @ last.T
    if score == "VAMP1":
        return 1 + torch.linalg.svdvals(koopman).sum()
    if score == "VAMP2":
        return 1 + koopman.square().sum()
    cross = (koopman * (first @ here.lagged @ last.T)).sum()
    own = first @ here.instantaneous @ first.T @ koopman @ last @ here.later @ last.T
    return 1 + 2 * cross - (koopman * own).sum()


def _whitening(covariance: torch.Tensor, tikhonov: float) -> torch.Tensor:
    """W with W^T W the inverse; any such W gives the same scores."""
    if tikhonov:
        one = torch.eye(len(covariance), dtype=covariance.dtype)
        factor = torch.linalg.cholesky(covariance + tikhonov * one)
        return torch.linalg.solve_triangular(factor, one, upper=False)
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > CUTOFF
    return (vectors[:, kept] / values[kept].sqrt()).T


class VampObjective:
    """What `leyden.training.train` makes small: minus the score of pooled statistics.

    Parameters
    ----------
    score : {"VAMP2", "VAMP1", "VAMPE"}
    tikhonov : float
        Added to the diagonals of the covariances in training; it favours memberships of large
        variance, near 0 and 1, among the mixtures of states that all score alike. The validation
        score leaves small eigenvalues out instead, and is one score of all validation pairs.
    """

    def __init__(self, score: str = "VAMP2", tikhonov: float = 1e-2) -> None:
        self.score, self.tikhonov = score, tikhonov

    def accumulate(self, module: nn.Module | Callable[[Any], Any], batch: PairBatch) -> Sums:
        """`moments` of the features of a batch."""
        features = module(batch.inputs)
        return moments(features[batch.earlier], features[batch.later])

    def loss(self, statistics: Sums) -> torch.Tensor:
        """Minus the score."""
        return -vamp_score(statistics, self.score, tikhonov=self.tikhonov)

    def validation_score(self, statistics: Sums) -> float:
        """Minus the score of all validation pairs; what VAMP-E is here, is VAMP-2."""
        return -float(vamp_score(statistics, self.score))
