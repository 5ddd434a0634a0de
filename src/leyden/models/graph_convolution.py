"""Convolutions on a batch of crystal graphs, on tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["GatedConvolution", "GraphTensors", "PlainConvolution", "gated_convolution"]


@dataclass(frozen=True)
class GraphTensors:
    """A batch of crystal graphs; edges are sorted by the atom they belong to.

    Attributes
    ----------
    numbers : Tensor of int, shape (N,)
        Atomic numbers.
    centres, neighbours : Tensor of int, shape (E,)
        The two atoms of each edge.
    edge_offsets : Tensor of int, shape (N + 1,)
        Edges of atom i are ``edge_offsets[i]:edge_offsets[i + 1]``.
    kinds : Tensor of int, shape (E,)
        Which of the batch's distinct distances each edge has.
    basis : Tensor, shape (D, B)
        The distinct distances, expanded.
    atom_offsets : Tensor of int, shape (n + 1,)
        Atoms of crystal c are ``atom_offsets[c]:atom_offsets[c + 1]``.
    """

    numbers: torch.Tensor
    centres: torch.Tensor
    neighbours: torch.Tensor
    edge_offsets: torch.Tensor
    kinds: torch.Tensor
    basis: torch.Tensor
    atom_offsets: torch.Tensor

    def pool(self, v: torch.Tensor) -> torch.Tensor:
        """Mean over the atoms of each crystal: (N, d) to (n, d)."""
        rows = torch.arange(len(v))
        return F.embedding_bag(rows, v, self.atom_offsets[:-1], mode="mean")


def gated_convolution(
    own: torch.Tensor,
    other: torch.Tensor,
    edge: torch.Tensor,
    graph: GraphTensors,
    norm: nn.BatchNorm1d,
) -> torch.Tensor:
    """Sum over the edges of each atom of sigmoid(f) * softplus(s), with (f, s) = norm(z).

    Parameters
    ----------
    own, other : Tensor, shape (N, 2 d)
        What an atom brings to its own edges (with the bias), and to those of others.
    edge : Tensor, shape (D, 2 d)
        What each distinct distance brings; z = own[i] + other[j] + edge[kind].
    graph : GraphTensors
    norm : BatchNorm1d
        Over the edges.

    Returns
    -------
    Tensor, shape (N, d)

    Notes
    -----
    Single precision on a CPU takes the fused kernel; plain torch is its reference, and serves
    GPUs and double precision.
    """
    if own.dtype == torch.float32 and own.device.type == "cpu":
        from leyden.models.fused_gate import fused_gate

        arrays = (graph.neighbours.numpy(), graph.kinds.numpy(), graph.edge_offsets.numpy())
        return fused_gate(own, other, edge, arrays, norm)
    z = own[graph.centres] + other[graph.neighbours] + edge[graph.kinds]
    gate, core = norm(z).chunk(2, dim=1)
    message = torch.sigmoid(gate) * F.softplus(core)
    return own.new_zeros(len(own), message.shape[1]).index_add(0, graph.centres, message)


class GatedConvolution(nn.Module):
    """v_i <- softplus(v_i + norm(sum_j sigmoid(z W_f + b_f) * softplus(z W_s + b_s))).

    z is (v_i, v_j, u_ij) side by side (Xie and Grossman, Phys. Rev. Lett. 120, 145301, 2018).  The
    product with W is taken apart, once an atom for v_i and v_j, before the atoms of an edge meet.
    """

    def __init__(self, width: int, basis: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width + basis, 2 * width)
        self.edge_norm = nn.BatchNorm1d(2 * width)
        self.atom_norm = nn.BatchNorm1d(width)

    def forward(self, v: torch.Tensor, graph: GraphTensors) -> torch.Tensor:
        """Atom vectors (N, width) to atom vectors (N, width)."""
        width = v.shape[1]
        weight = self.linear.weight
        own = F.linear(v, weight[:, :width], self.linear.bias)
        other = F.linear(v, weight[:, width : 2 * width])
        edge = F.linear(graph.basis, weight[:, 2 * width :])
        total = gated_convolution(own, other, edge, graph, self.edge_norm)
        return F.softplus(v + self.atom_norm(total))


class PlainConvolution(nn.Module):
    """v_i <- softplus(norm(sum_j (v_j, u_ij) W_c) + v_i W_s + b): no gate, no edge is weighed."""

    def __init__(self, width: int, basis: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width + basis, width, bias=False)
        self.own = nn.Linear(width, width)
        self.atom_norm = nn.BatchNorm1d(width)

    def forward(self, v: torch.Tensor, graph: GraphTensors) -> torch.Tensor:
        """Atom vectors (N, width) to atom vectors (N, width)."""
        offsets = graph.edge_offsets[:-1]
        around = F.embedding_bag(graph.neighbours, v, offsets, mode="sum")
        bonds = F.embedding_bag(graph.kinds, graph.basis, offsets, mode="sum")
        total = self.linear(torch.cat([around, bonds], dim=1))
        return F.softplus(self.atom_norm(total) + self.own(v))
