"""The network of the original CGCNN code, rewritten as a yardstick for speed and exactness.

Every atom has the same number of neighbours; each convolution gathers the neighbours, puts
(v_i, v_j, u_ij) side by side in one (N, M, 2 F + B) tensor and multiplies it by one matrix;
crystals are pooled in a Python loop.

T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["OriginalConvolution", "OriginalNetwork", "with_weights_of"]


class OriginalConvolution(nn.Module):
    """One gated convolution on (N, M) neighbours."""

    def __init__(self, width: int, basis: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width + basis, 2 * width)
        self.edge_norm = nn.BatchNorm1d(2 * width)
        self.atom_norm = nn.BatchNorm1d(width)

    def forward(self, v: torch.Tensor, u: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
        """Atoms (N, F), bonds (N, M, B) and neighbours (N, M) to atoms (N, F)."""
        atoms, many = near.shape
        centre = v.unsqueeze(1).expand(atoms, many, v.shape[1])
        z = self.linear(torch.cat([centre, v[near], u], dim=2))
        z = self.edge_norm(z.view(atoms * many, -1)).view(atoms, many, -1)
        gate, core = z.chunk(2, dim=2)
        total = torch.sum(torch.sigmoid(gate) * F.softplus(core), dim=1)
        return F.softplus(v + self.atom_norm(total))


class OriginalNetwork(nn.Module):
    """Embedding, convolutions, mean pooling, one hidden layer, output."""

    def __init__(
        self, element: int, basis: int, width: int = 64, convolutions: int = 3, hidden: int = 128
    ) -> None:
        super().__init__()
        self.embedding = nn.Linear(element, width)
        self.convolutions = nn.ModuleList(
            OriginalConvolution(width, basis) for _ in range(convolutions)
        )
        self.hidden = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(
        self,
        atoms: torch.Tensor,
        u: torch.Tensor,
        near: torch.Tensor,
        crystals: list[torch.Tensor],
    ) -> torch.Tensor:
        """Element vectors (N, element), bonds, neighbours, atoms of each crystal to (n, 1)."""
        v = self.embedding(atoms)
        for convolution in self.convolutions:
            v = convolution(v, u, near)
        pooled = torch.cat([torch.mean(v[rows], dim=0, keepdim=True) for rows in crystals])
        return self.output(F.softplus(self.hidden(F.softplus(pooled))))


def with_weights_of(module: nn.Module) -> OriginalNetwork:
    """The original network with the weights of a module of `CrystalGraphNetwork`."""
    first = module.convolutions[0]
    width = first.atom_norm.num_features
    network = OriginalNetwork(
        module.embedding.in_features,
        first.linear.in_features - 2 * width,
        width,
        len(module.convolutions),
        module.hidden.out_features,
    )
    network.load_state_dict({name: module.state_dict()[name] for name in network.state_dict()})
    return network
