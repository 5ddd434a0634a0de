"""The gated sum of a crystal graph convolution as one kernel, forward and backward.

Nothing of the size (edges, 2 d) is ever stored: z = own[i] + other[j] + edge[kind] is formed anew
wherever it is needed.  Equal to plain torch within float32; the CPU's hot path.

The functions below are compiled by numba, which vectorises their inner loops over channels only if
exp and log are arithmetic, so both are written out (relative errors below 3e-7).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import nn

from leyden.errors import IncompatibleError

__all__ = ["fused_gate"]

_OPTIONS: dict[str, Any] = {
    "cache": True,
    "error_model": "numpy",  # a check for division by zero would keep loops from being vectorised
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}
_ONE, _HALF = np.float32(1), np.float32(0.5)
_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_EXP = tuple(np.float32(1 / f) for f in (720, 120, 24, 6, 2))
_ATANH = tuple(np.float32(1 / n) for n in (13, 11, 9, 7, 5, 3))
_TWO, _LOWEST = np.float32(2), np.float32(-87)


@njit(inline="always", **_OPTIONS)
def _exp(x):  # type: ignore[no-untyped-def]
    """exp(x) for x <= 0, by 2^n and a Taylor polynomial of the rest (|r| <= ln 2 / 2)."""
    x = max(x, _LOWEST)
    n = np.int32(x * _LOG2E - _HALF)
    f = np.float32(n)
    r = x - f * _LN2_HIGH - f * _LN2_LOW
    p = _EXP[0]
    p = p * r + _EXP[1]
    p = p * r + _EXP[2]
    p = p * r + _EXP[3]
    p = p * r + _EXP[4]
    p = (p * r + _ONE) * r + _ONE
    return p * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(inline="always", **_OPTIONS)
def _log1p(e):  # type: ignore[no-untyped-def]
    """log(1 + e) for 0 <= e <= 1, as 2 atanh(e / (2 + e))."""
    s = e / (_TWO + e)
    q = s * s
    p = _ATANH[0]
    p = p * q + _ATANH[1]
    p = p * q + _ATANH[2]
    p = p * q + _ATANH[3]
    p = p * q + _ATANH[4]
    p = p * q + _ATANH[5]
    return _TWO * s * (p * q + _ONE)


@njit(inline="always", **_OPTIONS)
def _sigmoid(x):  # type: ignore[no-untyped-def]
    e = _exp(-abs(x))
    top = _ONE if x >= 0 else e
    return top / (_ONE + e)


@njit(inline="always", **_OPTIONS)
def _softplus(x):  # type: ignore[no-untyped-def]
    return _log1p(_exp(-abs(x))) + max(x, np.float32(0))


@njit(inline="always", **_OPTIONS)
def _row(own, other, edge, z):  # type: ignore[no-untyped-def]
    for c in range(len(z)):
        z[c] = own[c] + other[c] + edge[c]


# Each inner loop below writes to one small buffer and reads few others: with more arrays in sight
# the compiler cannot rule out that they overlap, and does not vectorise.


@njit(**_OPTIONS)
def _moments(own, other, edge, neighbours, kinds, offsets):  # type: ignore[no-untyped-def]
    """Sum and sum of squares of z over the edges, float64, shape (2, 2 d)."""
    channels = own.shape[1]
    total = np.zeros((2, channels))
    s, q = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    z = np.empty(channels, np.float32)
    for i in range(own.shape[0]):
        s[:] = 0
        q[:] = 0
        for k in range(offsets[i], offsets[i + 1]):
            _row(own[i], other[neighbours[k]], edge[kinds[k]], z)
            for c in range(channels):
                s[c] += z[c]
            for c in range(channels):
                q[c] += z[c] * z[c]
        total[0] += s
        total[1] += q
    return total


@njit(**_OPTIONS)
def _forward(own, other, edge, neighbours, kinds, offsets, scale, shift):  # type: ignore[no-untyped-def]
    atoms, channels = own.shape
    width = channels // 2
    out = np.zeros((atoms, width), np.float32)
    z = np.empty(channels, np.float32)
    f, s = z[:width], z[width:]
    total = np.empty(width, np.float32)
    for i in range(atoms):
        total[:] = 0
        for k in range(offsets[i], offsets[i + 1]):
            _row(own[i], other[neighbours[k]], edge[kinds[k]], z)
            for c in range(channels):
                z[c] = z[c] * scale[c] + shift[c]
            for c in range(width):
                total[c] += _sigmoid(f[c]) * _softplus(s[c])
        out[i] = total
    return out


@njit(inline="always", **_OPTIONS)
def _slopes(z, scale, shift, gradient, y, slope):  # type: ignore[no-untyped-def]
    """Derivative of the gated sum by the normalised z of one edge, into `slope` (2 d)."""
    width = len(gradient)
    for c in range(len(z)):
        y[c] = z[c] * scale[c] + shift[c]
    f, s, slope_f, slope_s = y[:width], y[width:], slope[:width], slope[width:]
    for c in range(width):
        slope_f[c] = _sigmoid(f[c])
    for c in range(width):
        slope_s[c] = gradient[c] * slope_f[c] * _sigmoid(s[c])
    for c in range(width):
        slope_f[c] *= gradient[c] * (_ONE - slope_f[c]) * _softplus(s[c])


@njit(**_OPTIONS)
def _backward_norm(own, other, edge, neighbours, kinds, offsets, scale, shift, gradient):  # type: ignore[no-untyped-def]
    """Sums over the edges of slope and of slope times z, float64, shape (2, 2 d)."""
    channels = own.shape[1]
    total = np.zeros((2, channels))
    z, y = np.empty(channels, np.float32), np.empty(channels, np.float32)
    slope = np.empty(channels, np.float32)
    s, q = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    for i in range(own.shape[0]):
        s[:] = 0
        q[:] = 0
        for k in range(offsets[i], offsets[i + 1]):
            _row(own[i], other[neighbours[k]], edge[kinds[k]], z)
            _slopes(z, scale, shift, gradient[i], y, slope)
            for c in range(channels):
                s[c] += slope[c]
            for c in range(channels):
                q[c] += slope[c] * z[c]
        total[0] += s
        total[1] += q
    return total


@njit(**_OPTIONS)
def _backward(own, other, edge, neighbours, kinds, offsets, scale, shift, gradient, flat, tilt):  # type: ignore[no-untyped-def]
    """Gradients of own, other and edge: per edge, slope * scale - flat - z * tilt."""
    channels = own.shape[1]
    d_own = np.zeros_like(own)
    d_other = np.zeros_like(other)
    d_edge = np.zeros_like(edge)
    z, y = np.empty(channels, np.float32), np.empty(channels, np.float32)
    slope = np.empty(channels, np.float32)
    for i in range(own.shape[0]):
        mine = d_own[i]
        for k in range(offsets[i], offsets[i + 1]):
            theirs, bond = d_other[neighbours[k]], d_edge[kinds[k]]
            _row(own[i], other[neighbours[k]], edge[kinds[k]], z)
            _slopes(z, scale, shift, gradient[i], y, slope)
            for c in range(channels):
                slope[c] = slope[c] * scale[c] - flat[c] - z[c] * tilt[c]
            for c in range(channels):
                mine[c] += slope[c]
            for c in range(channels):
                theirs[c] += slope[c]
            for c in range(channels):
                bond[c] += slope[c]
    return d_own, d_other, d_edge


class _FusedGate(torch.autograd.Function):
    """Batch norm over edges, gate, and sum over the edges of each atom."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        own: torch.Tensor,
        other: torch.Tensor,
        edge: torch.Tensor,
        gamma: torch.Tensor,
        beta: torch.Tensor,
        graph: tuple[np.ndarray, np.ndarray, np.ndarray],
        norm: nn.BatchNorm1d,
    ) -> torch.Tensor:
        terms = tuple(part.detach().contiguous().numpy() for part in (own, other, edge))
        if norm.training:
            count = len(graph[0])
            total, squares = torch.from_numpy(_moments(*terms, *graph)) / count
            mean, variance = total, (squares - total**2).clamp_(min=0)
            _move_average(norm, mean, variance * count / max(count - 1, 1))
        else:
            mean, variance = (part.double() for part in _running(norm))
        inverse = torch.rsqrt(variance + norm.eps)
        scale = inverse * gamma.detach().double()
        shift = beta.detach().double() - mean * scale
        affine = (scale.float().numpy(), shift.float().numpy())
        ctx.terms, ctx.graph, ctx.affine = terms, graph, affine
        ctx.mean, ctx.inverse, ctx.scale, ctx.training = mean, inverse, scale, norm.training
        return torch.from_numpy(_forward(*terms, *graph, *affine))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        upstream = gradient.contiguous().numpy()
        sums = _backward_norm(*ctx.terms, *ctx.graph, *ctx.affine, upstream)
        slope, slope_z = torch.from_numpy(sums)
        d_beta = slope
        d_gamma = (slope_z - ctx.mean * slope) * ctx.inverse
        flat = tilt = torch.zeros_like(slope)
        if ctx.training:  # the batch's own mean and variance move with z
            count = len(ctx.graph[0])
            tilt = ctx.scale * ctx.inverse * d_gamma / count
            flat = ctx.scale * d_beta / count - tilt * ctx.mean
        parts = _backward(
            *ctx.terms,
            *ctx.graph,
            *ctx.affine,
            upstream,
            flat.float().numpy(),
            tilt.float().numpy(),
        )
        return (*map(torch.from_numpy, parts), d_gamma.float(), d_beta.float(), None, None)


def fused_gate(
    own: torch.Tensor,
    other: torch.Tensor,
    edge: torch.Tensor,
    graph: tuple[np.ndarray, np.ndarray, np.ndarray],
    norm: nn.BatchNorm1d,
) -> torch.Tensor:
    """Sum over the edges of each atom of sigmoid(f) * softplus(s), with (f, s) = norm(z).

    Parameters
    ----------
    own, other : Tensor of float32, shape (N, 2 d)
        What an atom brings to its own edges (with the bias), and to those of others.
    edge : Tensor of float32, shape (D, 2 d)
        What each distinct distance brings.
    graph : (neighbours, kinds, offsets)
        int arrays of shape (E,), (E,) and (N + 1,): the neighbour and the distance of each edge,
        and where the edges of each atom begin.
    norm : BatchNorm1d
        Over the edges; its running statistics move in training mode.

    Returns
    -------
    Tensor, shape (N, d)
    """
    return _FusedGate.apply(own, other, edge, norm.weight, norm.bias, graph, norm)


def _move_average(norm: nn.BatchNorm1d, mean: torch.Tensor, variance: torch.Tensor) -> None:
    momentum = 0.1 if norm.momentum is None else norm.momentum
    with torch.no_grad():
        for kept, new in zip(_running(norm), (mean, variance), strict=True):
            kept.lerp_(new.float(), momentum)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked += 1


def _running(norm: nn.BatchNorm1d) -> tuple[torch.Tensor, torch.Tensor]:
    if norm.running_mean is None or norm.running_var is None:
        raise IncompatibleError("the kernel needs a batch norm that tracks its statistics")
    return norm.running_mean, norm.running_var
