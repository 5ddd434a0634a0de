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
def _row(own, other, near, far, part, z):  # type: ignore[no-untyped-def]
    for c in range(len(z)):
        z[c] = own[c] + other[c] + (near[c] + part * (far[c] - near[c]))


# A loop below writes to one buffer and reads few others: with more arrays in sight the compiler
# cannot rule out that they overlap, and does not vectorise.  What is costly runs over all edges of
# a node at once, gates (f) and cores (s) apart, because a loop over d channels is over too soon.


@njit(**_OPTIONS)
def _moments(own, other, edge, neighbours, kinds, parts, offsets, times, atoms):  # type: ignore[no-untyped-def]
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
            _row(own[i], other[neighbours[k]], edge[kinds[k]], edge[kinds[k] + 1], parts[k], z)
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


@njit(inline="always", **_OPTIONS)
def _rows(i, own, other, edge, neighbours, kinds, parts, offsets, f, s):  # type: ignore[no-untyped-def]
    """z of all edges of node i, into f and s; how many numbers each got."""
    width = own.shape[1] // 2
    own_f, own_s = own[i, :width], own[i, width:]
    at = 0
    for k in range(offsets[i], offsets[i + 1]):
        row_f, row_s = f[at : at + width], s[at : at + width]
        there, near, far = other[neighbours[k]], edge[kinds[k]], edge[kinds[k] + 1]
        _row(own_f, there[:width], near[:width], far[:width], parts[k], row_f)
        _row(own_s, there[width:], near[width:], far[width:], parts[k], row_s)
        at += width
    return at


@njit(**_OPTIONS)
def _most_edges(offsets):  # type: ignore[no-untyped-def]
    most = 0
    for i in range(len(offsets) - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return most


@njit(inline="always", **_OPTIONS)
def _tiled(row, times):  # type: ignore[no-untyped-def]
    out = np.empty(len(row) * times, np.float32)
    for k in range(times):
        out[k * len(row) : (k + 1) * len(row)] = row
    return out


@njit(**_OPTIONS)
def _forward(own, other, edge, neighbours, kinds, parts, offsets, times, scale, shift):  # type: ignore[no-untyped-def]
    nodes, width = own.shape[0], own.shape[1] // 2
    most = _most_edges(offsets)
    scale_f, scale_s = _tiled(scale[:width], most), _tiled(scale[width:], most)
    shift_f, shift_s = _tiled(shift[:width], most), _tiled(shift[width:], most)
    f, s = np.empty_like(scale_f), np.empty_like(scale_f)
    out = np.zeros((nodes, width), np.float32)
    for i in range(nodes):
        numbers = _rows(i, own, other, edge, neighbours, kinds, parts, offsets, f, s)
        for x in range(numbers):
            f[x] = f[x] * scale_f[x] + shift_f[x]
        for x in range(numbers):
            s[x] = s[x] * scale_s[x] + shift_s[x]
        for x in range(numbers):
            f[x] = _sigmoid(f[x]) * _softplus(s[x])
        total = out[i]
        for k in range(offsets[i], offsets[i + 1]):
            message = f[(k - offsets[i]) * width :]
            m = times[k]
            for c in range(width):
                total[c] += m * message[c]
    return out


@njit(inline="always", **_OPTIONS)
def _add(target, row):  # type: ignore[no-untyped-def]
    for c in range(len(target)):
        target[c] += row[c]


@njit(inline="always", **_OPTIONS)
def _add_part(target, row, part):  # type: ignore[no-untyped-def]
    for c in range(len(target)):
        target[c] += part * row[c]


@njit(**_OPTIONS)
def _backward(own, other, edge, neighbours, kinds, parts, offsets, times, scale, shift, gradient):  # type: ignore[no-untyped-def]
    """Slopes of the gated sum by normalised z, summed to whom they belong.

    Gradients of own, other and edge as if mean and variance stood still; and the sums over all
    edges of slope and of slope times z, float64, shape (2, 2 d).
    """
    nodes, channels = own.shape
    width = channels // 2
    most = _most_edges(offsets)
    scale_f, scale_s = _tiled(scale[:width], most), _tiled(scale[width:], most)
    shift_f, shift_s = _tiled(shift[:width], most), _tiled(shift[width:], most)
    z_f, z_s = np.empty_like(scale_f), np.empty_like(scale_f)
    f, s, e, g = np.empty((4, len(scale_f)), np.float32)
    d_own, d_other, d_edge = np.zeros_like(own), np.zeros_like(other), np.zeros_like(edge)
    total = np.zeros((2, channels))
    q = np.zeros(channels, np.float32)
    for i in range(nodes):
        numbers = _rows(i, own, other, edge, neighbours, kinds, parts, offsets, z_f, z_s)
        for k in range(offsets[i], offsets[i + 1]):
            upstream, m = g[(k - offsets[i]) * width :], times[k]
            for c in range(width):
                upstream[c] = m * gradient[i, c]
        for x in range(numbers):
            f[x] = _sigmoid(z_f[x] * scale_f[x] + shift_f[x])
        for x in range(numbers):
            s[x] = z_s[x] * scale_s[x] + shift_s[x]
        for x in range(numbers):
            e[x] = _exp(-abs(s[x]))
        for x in range(numbers):
            g[x] *= f[x]
        for x in range(numbers):
            f[x] = g[x] * (_ONE - f[x]) * (_log1p(e[x]) + max(s[x], np.float32(0)))
        for x in range(numbers):
            s[x] = g[x] * ((_ONE if s[x] >= 0 else e[x]) / (_ONE + e[x]))
        q[:] = 0
        mine_f, mine_s = d_own[i, :width], d_own[i, width:]
        for k in range(offsets[i], offsets[i + 1]):
            at = (k - offsets[i]) * width
            slope_f, slope_s, row_f, row_s = f[at:], s[at:], z_f[at:], z_s[at:]
            _add(mine_f, slope_f)
            _add(mine_s, slope_s)
            for c in range(width):
                q[c] += slope_f[c] * row_f[c]
            for c in range(width):
                q[width + c] += slope_s[c] * row_s[c]
        total[0] += d_own[i]
        total[1] += q
        for c in range(channels):
            d_own[i, c] *= scale[c]
        for x in range(numbers):
            f[x] *= scale_f[x]
        for x in range(numbers):
            s[x] *= scale_s[x]
        for k in range(offsets[i], offsets[i + 1]):
            at = (k - offsets[i]) * width
            theirs, near, far = d_other[neighbours[k]], d_edge[kinds[k]], d_edge[kinds[k] + 1]
            _add(theirs[:width], f[at:])
            _add(theirs[width:], s[at:])
            _add_part(near[:width], f[at:], _ONE - parts[k])
            _add_part(near[width:], s[at:], _ONE - parts[k])
            _add_part(far[:width], f[at:], parts[k])
            _add_part(far[width:], s[at:], parts[k])
    return d_own, d_other, d_edge, total


@njit(**_OPTIONS)
def _backward_norm(  # type: ignore[no-untyped-def]
    own,
    other,
    edge,
    neighbours,
    kinds,
    parts,
    offsets,
    times,
    atoms,
    flat,
    tilt,
    d_own,
    d_other,
    d_edge,
):
    """Add to the gradients that mean and variance move with z: -flat - z * tilt for each bond."""
    channels = own.shape[1]
    z = np.empty(channels, np.float32)
    for i in range(own.shape[0]):
        mine = d_own[i]
        for k in range(offsets[i], offsets[i + 1]):
            _row(own[i], other[neighbours[k]], edge[kinds[k]], edge[kinds[k] + 1], parts[k], z)
            bonds = atoms[i] * times[k]
            for c in range(channels):
                z[c] = -bonds * (flat[c] + z[c] * tilt[c])
            _add(mine, z)
            _add(d_other[neighbours[k]], z)
            _add_part(d_edge[kinds[k]], z, _ONE - parts[k])
            _add_part(d_edge[kinds[k] + 1], z, parts[k])


class GateGraph(NamedTuple):
    """E edges of N nodes, as the kernel takes them.

    Attributes
    ----------
    neighbours : ndarray of int64, shape (E,)
        The neighbour of each edge.
    kinds : ndarray of int64, shape (E,)
        The row of the distance table at or before the distance of each edge.
    parts : ndarray of float32, shape (E,)
        How far the distance lies on the way to the next row, from 0 to 1.
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
    parts: np.ndarray
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
        *parts, sums = _backward(*ctx.terms, *ctx.edges, *ctx.affine, upstream)
        slope, slope_z = torch.from_numpy(sums)
        d_beta = slope
        d_gamma = (slope_z - ctx.mean * slope) * ctx.inverse
        if ctx.count:  # the batch's own mean and variance move with z
            tilt = ctx.scale * ctx.inverse * d_gamma / ctx.count
            flat = ctx.scale * d_beta / ctx.count - tilt * ctx.mean
            line = (flat.float().numpy(), tilt.float().numpy())
            _backward_norm(*ctx.terms, *ctx.edges, ctx.atoms, *line, *parts)
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
    own : Tensor of float32, shape (N, 2 d)
        What an atom brings to its own edges (with the bias).
    other : Tensor of float32, shape (N or more, 2 d)
        What an atom brings to the edges of others; atoms after the first N have no edges.
    edge : Tensor of float32, shape (D, 2 d)
        What each distance of a table brings.
    graph : GateGraph
    norm : BatchNorm1d
        Over the bonds of all atoms; its running statistics move in training mode.

    Returns
    -------
    Tensor, shape (N, d)
    """
    return _FusedGate.apply(own, other, edge, norm.weight, norm.bias, graph, norm)
