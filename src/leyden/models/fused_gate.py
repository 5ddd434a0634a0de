"""The gated sum of a crystal graph convolution as one kernel, forward and backward.

Nothing of the size (edges, 2 d) is ever stored: z = own[i] + other[j] + edge[kind] is formed anew
wherever it is needed.  Equal to plain torch within float32; the CPU's hot path.

A node may stand for several equal atoms and an edge for several equal bonds of one of them
(`leyden.representations.symmetry`); sums and moments are those of all atoms and all bonds.

The functions below are compiled by numba, which vectorises their inner loops over channels only if
exp and log are arithmetic, so both are written out (relative errors below 3e-7).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import nn

from leyden.models.weighted_norm import move_average, running

__all__ = ["GateGraph", "fused_gate"]

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
def _moments(own, other, edge, neighbours, kinds, offsets, times, atoms):  # type: ignore[no-untyped-def]
    """Sum and sum of squares of z over the bonds of all atoms, float64, (2, 2 d); how many."""
    channels = own.shape[1]
    total = np.zeros((2, channels))
    s, q = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    z = np.empty(channels, np.float32)
    count = 0.0
    for i in range(own.shape[0]):
        s[:] = 0
        q[:] = 0
        for k in range(offsets[i], offsets[i + 1]):
            _row(own[i], other[neighbours[k]], edge[kinds[k]], z)
            m = times[k]
            count += atoms[i] * m
            for c in range(channels):
                s[c] += m * z[c]
            for c in range(channels):
                q[c] += m * z[c] * z[c]
        for c in range(channels):
            total[0, c] += atoms[i] * s[c]
        for c in range(channels):
            total[1, c] += atoms[i] * q[c]
    return total, count


@njit(**_OPTIONS)
def _forward(own, other, edge, neighbours, kinds, offsets, times, scale, shift):  # type: ignore[no-untyped-def]
    nodes, channels = own.shape
    width = channels // 2
    out = np.zeros((nodes, width), np.float32)
    z = np.empty(channels, np.float32)
    f, s = z[:width], z[width:]
    total = np.empty(width, np.float32)
    for i in range(nodes):
        total[:] = 0
        for k in range(offsets[i], offsets[i + 1]):
            _row(own[i], other[neighbours[k]], edge[kinds[k]], z)
            for c in range(channels):
                z[c] = z[c] * scale[c] + shift[c]
            m = times[k]
            for c in range(width):
                total[c] += m * _sigmoid(f[c]) * _softplus(s[c])
        out[i] = total
    return out


@njit(inline="always", **_OPTIONS)
def _slopes(z, scale, shift, gradient, m, y, slope):  # type: ignore[no-untyped-def]
    """Derivative of the gated sum by the normalised z of an edge of m bonds, into `slope` (2 d)."""
    width = len(gradient)
    for c in range(len(z)):
        y[c] = z[c] * scale[c] + shift[c]
    f, s, slope_f, slope_s = y[:width], y[width:], slope[:width], slope[width:]
    for c in range(width):
        slope_f[c] = _sigmoid(f[c])
    for c in range(width):
        slope_s[c] = m * gradient[c] * slope_f[c] * _sigmoid(s[c])
    for c in range(width):
        slope_f[c] *= m * gradient[c] * (_ONE - slope_f[c]) * _softplus(s[c])


@njit(**_OPTIONS)
def _backward_norm(own, other, edge, neighbours, kinds, offsets, times, scale, shift, gradient):  # type: ignore[no-untyped-def]
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
            _slopes(z, scale, shift, gradient[i], times[k], y, slope)
            for c in range(channels):
                s[c] += slope[c]
            for c in range(channels):
                q[c] += slope[c] * z[c]
        total[0] += s
        total[1] += q
    return total


@njit(**_OPTIONS)
def _backward(  # type: ignore[no-untyped-def]
    own, other, edge, neighbours, kinds, offsets, times, atoms, scale, shift, gradient, flat, tilt
):
    """Gradients of own, other and edge: per bond, slope * scale - flat - z * tilt."""
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
            _slopes(z, scale, shift, gradient[i], times[k], y, slope)
            bonds = atoms[i] * times[k]
            for c in range(channels):
                slope[c] = slope[c] * scale[c] - bonds * (flat[c] + z[c] * tilt[c])
            for c in range(channels):
                mine[c] += slope[c]
            for c in range(channels):
                theirs[c] += slope[c]
            for c in range(channels):
                bond[c] += slope[c]
    return d_own, d_other, d_edge


class GateGraph(NamedTuple):
    """E edges of N nodes, as the kernel takes them.

    Attributes
    ----------
    neighbours, kinds : ndarray of int64, shape (E,)
        The neighbour and the distance of each edge.
    offsets : ndarray of int64, shape (N + 1,)
        The edges of node i are ``offsets[i]:offsets[i + 1]``.
    times : ndarray of float32, shape (E,)
        Bonds of one atom that an edge stands for.
    atoms : ndarray of float32, shape (N,)
        Atoms that a node stands for. They weigh in the norm only: no atom gets more for having
        equals.
    """

    neighbours: np.ndarray
    kinds: np.ndarray
    offsets: np.ndarray
    times: np.ndarray
    atoms: np.ndarray


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
        graph: GateGraph,
        norm: nn.BatchNorm1d,
    ) -> torch.Tensor:
        terms = tuple(part.detach().contiguous().numpy() for part in (own, other, edge))
        edges, atoms = graph[:-1], graph.atoms
        count = 0.0
        if norm.training:
            sums, count = _moments(*terms, *edges, atoms)
            mean, squares = torch.from_numpy(sums) / max(count, 1)
            variance = (squares - mean**2).clamp_(min=0)
            move_average(norm, mean, variance * count / max(count - 1, 1))
        else:
            mean, variance = (part.double() for part in running(norm))
        inverse = torch.rsqrt(variance + norm.eps)
        scale = inverse * gamma.detach().double()
        shift = beta.detach().double() - mean * scale
        affine = (scale.float().numpy(), shift.float().numpy())
        ctx.terms, ctx.edges, ctx.atoms, ctx.affine = terms, edges, atoms, affine
        ctx.mean, ctx.inverse, ctx.scale, ctx.count = mean, inverse, scale, count
        return torch.from_numpy(_forward(*terms, *edges, *affine))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        upstream = gradient.contiguous().numpy()
        sums = _backward_norm(*ctx.terms, *ctx.edges, *ctx.affine, upstream)
        slope, slope_z = torch.from_numpy(sums)
        d_beta = slope
        d_gamma = (slope_z - ctx.mean * slope) * ctx.inverse
        flat = tilt = torch.zeros_like(slope)
        if ctx.count:  # the batch's own mean and variance move with z
            tilt = ctx.scale * ctx.inverse * d_gamma / ctx.count
            flat = ctx.scale * d_beta / ctx.count - tilt * ctx.mean
        parts = _backward(
            *ctx.terms,
            *ctx.edges,
            ctx.atoms,
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
    graph: GateGraph,
    norm: nn.BatchNorm1d,
) -> torch.Tensor:
    """Sum over the bonds of each atom of sigmoid(f) * softplus(s), with (f, s) = norm(z).

    Parameters
    ----------
    own, other : Tensor of float32, shape (N, 2 d)
        What an atom brings to its own edges (with the bias), and to those of others.
    edge : Tensor of float32, shape (D, 2 d)
        What each distinct distance brings.
    graph : GateGraph
    norm : BatchNorm1d
        Over the bonds of all atoms; its running statistics move in training mode.

    Returns
    -------
    Tensor, shape (N, d)
    """
    return _FusedGate.apply(own, other, edge, norm.weight, norm.bias, graph, norm)
