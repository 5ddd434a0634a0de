"""Batch norm over rows that each stand for several equal ones."""

from __future__ import annotations

import torch
from torch import nn

from leyden.errors import IncompatibleError

__all__ = ["move_average", "running", "weighted_norm"]


def weighted_norm(norm: nn.BatchNorm1d, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """What `norm` would give, had each row of `x` been there `weights` times.

    Parameters
    ----------
    norm : BatchNorm1d
        Its running statistics move in training mode, with the unbiased variance of the full count
        (S. Ioffe and C. Szegedy, Proc. ICML 37, 448 (2015)).
    x : Tensor, shape (N, d)
    weights : Tensor, shape (N,)
        How many rows each stands for.

    Returns
    -------
    Tensor, shape (N, d)
    """
    if not norm.training:
        return norm(x)
    weights = weights.to(x.dtype)
    count = weights.sum()
    shares = weights / count
    mean = shares @ x
    centred = x - mean
    variance = shares @ centred.square()
    move_average(norm, mean, variance * count / (count - 1).clamp(min=1))
    return torch.addcmul(norm.bias, centred, norm.weight * torch.rsqrt(variance + norm.eps))


def move_average(norm: nn.BatchNorm1d, mean: torch.Tensor, variance: torch.Tensor) -> None:
    """Move the running statistics towards these of a batch."""
    momentum = 0.1 if norm.momentum is None else norm.momentum
    with torch.no_grad():
        for kept, new in zip(running(norm), (mean, variance), strict=True):
            kept.lerp_(new.to(kept.dtype), momentum)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked += 1


def running(norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    """Running mean and variance.

    Raises
    ------
    IncompatibleError
        The norm keeps none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise IncompatibleError("the kernel needs a batch norm that tracks its statistics")
    return norm.running_mean, norm.running_var
