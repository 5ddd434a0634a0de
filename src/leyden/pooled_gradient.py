"""The gradient of a loss of pooled statistics, at the memory of one mini-batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

__all__ = ["pooled_backward"]


def pooled_backward(
    module: nn.Module,
    accumulate: Callable[[Any], Any],
    loss: Callable[[Any], torch.Tensor],
    parts: Iterable[Any],
) -> torch.Tensor:
    """Pool the statistics of all parts, and leave the gradient of their loss in the parameters.

    Each part is run twice: first without gradients for the sum S of the statistics s, then to
    back-propagate (dL/dS) . s, whose gradients add up to that of L(S) by the chain rule.  The
    second pass draws the random numbers of the first and moves running statistics from the same
    start, so that it ends where one pass would have ended.

    Parameters
    ----------
    module : Module
    accumulate : callable
        A part to its statistics: `leyden.training.Sums` or another tuple of tensors that adds up.
    loss : callable
        Pooled statistics to a scalar.
    parts : iterable
        At least one; gone through twice, in the same order.

    Returns
    -------
    Tensor
        The loss, a scalar without gradient.
    """
    parts = list(parts)
    random = torch.get_rng_state()
    kept = [buffer.clone() for buffer in module.buffers()]
    with torch.no_grad():
        pooled = accumulate(parts[0])
        for part in parts[1:]:
            pooled = pooled + accumulate(part)
        for buffer, before in zip(module.buffers(), kept, strict=True):
            buffer.copy_(before)
    leaves = type(pooled)(_leaf(statistic) for statistic in pooled)
    value = loss(leaves)
    value.backward()
    torch.set_rng_state(random)
    for part in parts:
        pairs = zip(accumulate(part), leaves, strict=True)
        moving = [(s, leaf.grad) for s, leaf in pairs if s.requires_grad and leaf.grad is not None]
        torch.autograd.backward([s for s, _ in moving], [slope for _, slope in moving])
    return value.detach()


def _leaf(statistic: torch.Tensor) -> torch.Tensor:
    return statistic.detach().requires_grad_(statistic.is_floating_point())
