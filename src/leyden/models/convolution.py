"""A convolution and the pooling after it as one step, whose gradient is cheap.

Of the 25 pixels in a pooled square one is greatest, and the gradient goes through that one alone. A
convolution that does not know this goes back through all of them; here the backward pass visits the
pixels that won, and leaves out squares without ink.
On pictures of 50 x 100 pixels a step of training takes about half the time.
"""

from __future__ import annotations

from typing import Any

import torch
from numba import njit
from torch import nn
from torch.nn import functional as F

__all__ = ["PooledConvolution"]


class PooledConvolution(nn.Module):
    """Convolution of 3 x 3 pixels with zero padding, the greatest of every square, ReLU.

    Equal to ``relu(max_pool2d(conv2d(x, weight, bias, padding=1), pool))``, for CPU tensors of
    float32 whose channels come last. The ReLU comes after the pooling, which makes no difference
    but spares it most pixels.

    Parameters
    ----------
    before, after : int
        Channels.
    pool : int
        Side of the squares, in pixels; what is left over at the right and below is not looked at.
    """

    def __init__(self, before: int, after: int, pool: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after))
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, rows, columns, before) to (n, rows // pool, columns // pool, after)."""
        return _Greatest.apply(x, self.weight, self.bias, self.pool).relu()


class _Greatest(torch.autograd.Function):
    """Convolution and pooling."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, pool: int
    ) -> torch.Tensor:
        padded = F.pad(x, (0, 0, 1, 1, 1, 1))
        filtered = F.conv2d(padded.permute(0, 3, 1, 2), weight, bias)
        greatest, place = F.max_pool2d(filtered, pool, return_indices=True)
        ctx.save_for_backward(padded, weight, place.permute(0, 2, 3, 1))
        ctx.pool = pool
        return greatest.permute(0, 2, 3, 1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        padded, weight, place = ctx.saved_tensors
        kernel = weight.permute(0, 2, 3, 1).contiguous()  # (after, 3, 3, before)
        of_weight = torch.zeros(kernel.shape)
        of_padded = torch.zeros_like(padded) if ctx.needs_input_grad[0] else padded[:0]
        _go_back(
            gradient.contiguous().numpy(),
            place.contiguous().numpy(),
            padded.numpy(),
            kernel.numpy(),
            of_weight.numpy(),
            of_padded.numpy(),
            ctx.pool,
        )
        of_x = of_padded[:, 1:-1, 1:-1] if ctx.needs_input_grad[0] else None
        return of_x, of_weight.permute(0, 3, 1, 2), gradient.sum(dim=(0, 1, 2)), None


@njit(cache=True, fastmath={"contract"})
def _go_back(gradient, place, padded, kernel, of_weight, of_padded, pool):  # type: ignore[no-untyped-def]
    """Add up the gradients of weights and, if `of_padded` has rows, of inputs.

    `gradient` and `place` (row times columns plus column, in the filtered picture) have the shape
    (n, rows // pool, columns // pool, after), `padded` (n, rows + 2, columns + 2, before), `kernel`
    (after, 3, 3, before).
    """
    columns, before = padded.shape[2] - 2, padded.shape[3]
    onwards = len(of_padded) > 0
    for n in range(gradient.shape[0]):
        for i in range(gradient.shape[1]):
            for j in range(gradient.shape[2]):
                if not onwards and _empty(padded[n], i * pool, j * pool, pool + 2):
                    continue  # the weights had no part in it
                for c in range(gradient.shape[3]):
                    g = gradient[n, i, j, c]
                    if g == 0.0:
                        continue
                    row, column = place[n, i, j, c] // columns, place[n, i, j, c] % columns
                    for a in range(3):
                        for b in range(3):
                            for k in range(before):
                                of_weight[c, a, b, k] += g * padded[n, row + a, column + b, k]
                            if onwards:
                                for k in range(before):
                                    of_padded[n, row + a, column + b, k] += g * kernel[c, a, b, k]


@njit(cache=True)
def _empty(picture, top, left, side):  # type: ignore[no-untyped-def]
    """Whether all pixels of a square are zero."""
    for row in range(top, top + side):
        for column in range(left, left + side):
            for k in range(picture.shape[2]):
                if picture[row, column, k] != 0.0:
                    return False
    return True
