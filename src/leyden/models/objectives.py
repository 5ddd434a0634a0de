"""What the networks of the package learn: measured values or classes; missing ones are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from leyden.training import Objective, Sums

__all__ = ["Classification", "Penalised", "Regression", "WeightedRegression", "weight_penalty"]

Batch = tuple[Any, torch.Tensor]
_ERRORS = {"squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.smooth_l1_loss}


class Regression:
    """Mean loss of scaled targets, each target with equal weight; NaN is a missing value.

    Parameters
    ----------
    loss : {"squared", "absolute", "huber"}
        What training makes small.  The validation score is the mean absolute error in units of
        each target's standard deviation, averaged over the targets.
    """

    def __init__(self, loss: str = "huber") -> None:
        self.error = _ERRORS[loss]

    def accumulate(self, module: Any, batch: Batch) -> Sums:
        """Sums over rows of loss and absolute error, and the number of values, each (t,)."""
        inputs, y = batch
        scaled, truth, known = _known(module, inputs, y)
        loss = self.error(scaled, truth, reduction="none")
        return Sums((loss.sum(0), (scaled - truth).detach().abs().sum(0), known.sum(0)))

    def loss(self, statistics: Sums) -> torch.Tensor:
        """Mean over the known values of each target, then over the targets that have any."""
        return _mean(statistics[0], statistics[2])

    def validation_score(self, statistics: Sums) -> float:
        """Mean absolute error in standard deviations."""
        return float(_mean(statistics[1], statistics[2]))


class WeightedRegression:
    """Mean over rows of the weighted losses of scaled targets; NaN is a missing value.

    The weights hold for the whole of the training rows. A rare target then counts in a batch for as
    much as its rows there, and not, as in `Regression`, for as much as any other by one row.

    Parameters
    ----------
    loss : {"squared", "absolute", "huber"}
        As of `Regression`, and so is the validation score, with these weights.
    """

    def __init__(self, loss: str = "huber") -> None:
        self.error = _ERRORS[loss]

    def accumulate(self, module: Any, batch: tuple[Any, torch.Tensor, torch.Tensor]) -> Sums:
        """Weighted sums over all values of loss, absolute error and one, and the number of rows."""
        inputs, y, weights = batch
        scaled, truth, _ = _known(module, inputs, y)
        loss = self.error(scaled, truth, reduction="none")
        error = (scaled - truth).detach().abs()
        rows = torch.tensor(float(len(y)))
        return Sums(((weights * loss).sum(), (weights * error).sum(), weights.sum(), rows))

    def loss(self, statistics: Sums) -> torch.Tensor:
        """Weighted sum by the number of rows: its mean over batches is that of all rows."""
        return statistics[0] / statistics[3]

    def validation_score(self, statistics: Sums) -> float:
        """Weighted mean absolute error in standard deviations."""
        return float(statistics[1] / statistics[2].clamp(min=1e-12))


class Classification:
    """Cross-entropy of targets that are 0 or 1; NaN is a missing value."""

    def accumulate(self, module: Any, batch: Batch) -> Sums:
        """Sum over rows of the cross-entropy, and the number of values, each (t,)."""
        inputs, y = batch
        known = torch.isfinite(y)
        truth = torch.where(known, y, 0.5)
        loss = F.binary_cross_entropy_with_logits(module(inputs), truth, reduction="none")
        return Sums((torch.where(known, loss, 0.0).sum(0), known.sum(0)))

    def loss(self, statistics: Sums) -> torch.Tensor:
        """Mean over the known values of each target, then over the targets that have any."""
        return _mean(statistics[0], statistics[1])

    def validation_score(self, statistics: Sums) -> float:
        """The cross-entropy."""
        return float(self.loss(statistics))


class Penalised:
    """Another objective with a penalty added to its loss, as a regulariser of weights is.

    Weight decay is not the same: a penalty goes through the optimiser's moments.

    Parameters
    ----------
    objective : Objective
        What is learned; validation looks at it alone. Its statistics are a tuple.
    penalty : callable
        Module to a scalar tensor, in units of the loss.
    """

    def __init__(self, objective: Objective, penalty: Callable[[Any], torch.Tensor]) -> None:
        self.objective = objective
        self.penalty = penalty

    def accumulate(self, module: Any, batch: Batch) -> Sums:
        """Those of the objective, the penalty, and how often it was added: once a batch."""
        statistics = self.objective.accumulate(module, batch)
        return Sums((*statistics, self.penalty(module), torch.ones(())))

    def loss(self, statistics: Sums) -> torch.Tensor:
        """Loss of the objective plus the penalty."""
        *own, penalty, times = statistics
        return self.objective.loss(Sums(own)) + penalty / times

    def validation_score(self, statistics: Sums) -> float:
        """That of the objective."""
        return self.objective.validation_score(Sums(statistics[:-2]))


def weight_penalty(module: Any, l2: float, task: str) -> torch.Tensor:
    """A penalty on the weights (not the biases) of the layers in ``module.dense()``.

    It is `l2` times the sum of their squares beside the squared error *in the unit of the targets*,
    as a regulariser of Keras has it where targets are not scaled; here they are, so that it is
    divided by their variance. In classification it is added to the loss as it is.
    """
    squares = sum(layer.weight.square().sum() for layer in module.dense())
    unit = module.target_scale.square().mean() if task == "regression" else 1.0
    return l2 * squares / unit


def _known(module: Any, inputs: Any, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Prediction and truth in scaled units, 0 where the truth is not known, and where it is."""
    known = torch.isfinite(y)
    truth = torch.where(known, (y - module.target_mean) / module.target_scale, 0.0)
    return torch.where(known, module(inputs), 0.0), truth, known


def _mean(sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    means = sums / counts.clamp(min=1)
    return means.sum() / (counts > 0).sum().clamp(min=1)
