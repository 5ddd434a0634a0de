"""Convolutions on a batch of crystal graphs, on tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from leyden.models.gathered_sum import gathered_sum
from leyden.models.weighted_norm import weighted_norm

__all__ = [
    "BondKinds",
    "EdgeTensors",
    "GatedConvolution",
    "GraphTensors",
    "PlainConvolution",
    "gated_convolution",
]


@dataclass(frozen=True)
class EdgeTensors:
    """E edges of N nodes, sorted by the node they belong to.

    A node stands for one atom or several equal ones, an edge for one bond or several equal ones of
    such an atom; what is computed here is what it would be with every atom and bond for itself.

    Attributes
    ----------
    neighbours : Tensor of int, shape (E,)
        The far end of each edge. There may be more nodes than N: those without edges come after
        the others, and only the first N are updated.
    edge_offsets : Tensor of int, shape (N + 1,)
        Edges of node i are ``edge_offsets[i]:edge_offsets[i + 1]``.
    kinds : Tensor of int, shape (E,)
        The row of the distance table at or before the distance of each edge.
    parts : Tensor, shape (E,)
        How far the distance lies on the way to the next row, from 0 to 1.
    basis : Tensor, shape (D, B)
        The table: distances in equal steps, expanded.
    multiplicities : Tensor, shape (N,)
        Atoms that each node stands for.
    edge_multiplicities : Tensor, shape (E,)
        Bonds of one atom that each edge stands for.
    """

    neighbours: torch.Tensor
    edge_offsets: torch.Tensor
    kinds: torch.Tensor
    parts: torch.Tensor
    basis: torch.Tensor
    multiplicities: torch.Tensor
    edge_multiplicities: torch.Tensor

    @property
    def centres(self) -> torch.Tensor:
        """The near end of each edge, shape (E,)."""
        return _positions(self.edge_offsets)

    def interpolated(self, table: torch.Tensor) -> torch.Tensor:
        """Rows of the distance table at the distances of the edges: (D, d) to (E, d)."""
        return torch.lerp(
            table[self.kinds], table[self.kinds + 1], self.parts.to(table.dtype)[:, None]
        )


@dataclass(frozen=True)
class GraphTensors(EdgeTensors):
    """A batch of n crystal graphs of N nodes and E edges.

    Attributes
    ----------
    numbers : Tensor of int, shape (N,)
        Atomic numbers.
    shares : Tensor, shape (N,)
        Part of its crystal's atoms that each node stands for.
    node_offsets : Tensor of int, shape (n + 1,)
        Nodes of crystal c are ``node_offsets[c]:node_offsets[c + 1]``.
    conditions : Tensor, shape (n, c)
        What else is known of each crystal.
    """

    numbers: torch.Tensor
    shares: torch.Tensor
    node_offsets: torch.Tensor
    conditions: torch.Tensor

    def to_nodes(self, values: torch.Tensor) -> torch.Tensor:
        """What each node's crystal has: (n, d) to (N, d)."""
        return values[_positions(self.node_offsets)]

    def pool(self, v: torch.Tensor) -> torch.Tensor:
        """Mean over the atoms of each crystal: (N, d) to (n, d)."""
        rows = torch.arange(len(v))
        shares = self.shares.to(v.dtype)
        return F.embedding_bag(
            rows, v, self.node_offsets[:-1], mode="sum", per_sample_weights=shares
        )


class BondKinds(NamedTuple):
    """M bonds of each of N atoms, of U kinds: equal near end, equal far end, equal distance.

    Attributes
    ----------
    near, far : Tensor of int, shape (U,)
        Species of the two ends.
    basis : Tensor, shape (U, B)
        The distance, expanded.
    counts : Tensor, shape (U,)
        Bonds of each kind.
    of_bonds : Tensor of int, shape (N, M)
        The kind of each bond.
    """

    near: torch.Tensor
    far: torch.Tensor
    basis: torch.Tensor
    counts: torch.Tensor
    of_bonds: torch.Tensor


def _positions(offsets: torch.Tensor) -> torch.Tensor:
    """Which range each element lies in."""
    return torch.repeat_interleave(offsets.diff())


def gated_convolution(
    own: torch.Tensor,
    other: torch.Tensor,
    edge: torch.Tensor,
    graph: EdgeTensors,
    norm: nn.BatchNorm1d,
) -> torch.Tensor:
    """Sum over the bonds of each atom of sigmoid(f) * softplus(s), with (f, s) = norm(z).

    Parameters
    ----------
    own : Tensor, shape (N, 2 d)
        What an atom brings to its own edges (with the bias).
    other : Tensor, shape (N or more, 2 d)
        What an atom brings to the edges of others.
    edge : Tensor, shape (D, 2 d)
        What each distance of the table brings; z = own[i] + other[j] + edge at d_ij.
    graph : EdgeTensors
    norm : BatchNorm1d
        Over the bonds of all atoms.

    Returns
    -------
    Tensor, shape (N, d)

    Notes
    -----
    Single precision on a CPU takes the fused kernel; plain torch is its reference, and serves
    GPUs and double precision.
    """
    if own.dtype == torch.float32 and own.device.type == "cpu":
        from leyden.models.fused_gate import GateGraph, fused_gate

        arrays = GateGraph(
            graph.neighbours.numpy(),
            graph.kinds.numpy(),
            graph.parts.numpy(),
            graph.edge_offsets.numpy(),
            graph.edge_multiplicities.numpy(),
            graph.multiplicities.numpy(),
        )
        return fused_gate(own, other, edge, arrays, norm)
    centres = graph.centres
    times = graph.edge_multiplicities.to(own.dtype)
    z = own[centres] + other[graph.neighbours] + graph.interpolated(edge)
    bonds = graph.multiplicities.to(own.dtype)[centres] * times
    gate, core = weighted_norm(norm, z, bonds).chunk(2, dim=1)
    message = times[:, None] * torch.sigmoid(gate) * F.softplus(core)
    return own.new_zeros(len(own), message.shape[1]).index_add(0, centres, message)


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

    def forward(self, v: torch.Tensor, graph: EdgeTensors) -> torch.Tensor:
        """Atom vectors (N or more, width) to those of the N atoms that have edges, (N, width)."""
        updated = len(graph.edge_offsets) - 1
        rows = v if len(v) == updated else v[:updated]  # gradients add up in the same order
        own, other, edge = self._terms(rows, v, graph.basis)
        total = gated_convolution(own, other, edge, graph, self.edge_norm)
        return F.softplus(rows + weighted_norm(self.atom_norm, total, graph.multiplicities))

    def of_species(
        self, vectors: torch.Tensor, species: torch.Tensor, bonds: BondKinds
    ) -> torch.Tensor:
        """What `forward` gives where an atom is its species: bonds of a kind are worked out once.

        The first convolution of a trajectory meets millions of bonds, of some thousand kinds.

        Parameters
        ----------
        vectors : Tensor, shape (S, width)
            One a species.
        species : Tensor of int, shape (N,)
            Of each atom.
        bonds : BondKinds

        Returns
        -------
        Tensor, shape (N, width)
        """
        own, other, edge = self._terms(vectors, vectors, bonds.basis)
        z = own[bonds.near] + other[bonds.far] + edge
        gate, core = weighted_norm(self.edge_norm, z, bonds.counts).chunk(2, dim=1)
        total = gathered_sum(torch.sigmoid(gate) * F.softplus(core), bonds.of_bonds)
        return F.softplus(F.embedding(species, vectors) + self.atom_norm(total))

    def _terms(
        self, near: torch.Tensor, far: torch.Tensor, basis: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The parts of z W + b that belong to either end of an edge and to its distance."""
        width, weight = near.shape[1], self.linear.weight
        own = F.linear(near, weight[:, :width], self.linear.bias)
        other = F.linear(far, weight[:, width : 2 * width])
        return own, other, F.linear(basis, weight[:, 2 * width :])


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
        around = F.embedding_bag(
            graph.neighbours, v, offsets, mode="sum", per_sample_weights=graph.edge_multiplicities
        )
        bonds = graph.edge_multiplicities[:, None] * graph.interpolated(graph.basis)
        bonds = v.new_zeros(len(v), bonds.shape[1]).index_add(0, graph.centres, bonds)
        total = self.linear(torch.cat([around, bonds], dim=1))
        return F.softplus(weighted_norm(self.atom_norm, total, graph.multiplicities) + self.own(v))
