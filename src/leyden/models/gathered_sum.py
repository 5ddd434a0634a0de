"""Sums of table rows, as many for each node, forward and backward as one kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch.nn import functional as F

__all__ = ["gathered_sum"]


@njit(cache=True, error_model="numpy")
def _forward(table, rows):  # type: ignore[no-untyped-def]
    out = np.zeros((rows.shape[0], table.shape[1]), table.dtype)
    for i in range(rows.shape[0]):
        total = out[i]
        for k in range(rows.shape[1]):
            row = table[rows[i, k]]
            for c in range(len(total)):
                total[c] += row[c]
    return out


@njit(cache=True, error_model="numpy")
def _backward(gradient, rows, length):  # type: ignore[no-untyped-def]
    out = np.zeros((length, gradient.shape[1]), gradient.dtype)
    for i in range(rows.shape[0]):
        row = gradient[i]
        for k in range(rows.shape[1]):
            total = out[rows[i, k]]
            for c in range(len(total)):
                total[c] += row[c]
    return out


class _GatheredSum(torch.autograd.Function):
    """torch's own backward of an embedding bag sorts all indices first."""

    @staticmethod
    def forward(ctx: Any, table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        ctx.rows, ctx.length = rows.numpy(), len(table)
        return torch.from_numpy(_forward(table.detach().contiguous().numpy(), ctx.rows))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        found = _backward(gradient.contiguous().numpy(), ctx.rows, ctx.length)
        return torch.from_numpy(found), None


def gathered_sum(table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Sum of the rows of `table` that each line of `rows` names.

    Parameters
    ----------
    table : Tensor, shape (U, d)
    rows : Tensor of int, shape (N, M)

    Returns
    -------
    Tensor, shape (N, d)
    """
    if table.device.type == "cpu":
        return _GatheredSum.apply(table, rows)
    return F.embedding_bag(rows, table, mode="sum")
