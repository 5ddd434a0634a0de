"""The data path and the network of the original GDyNets, rewritten as a yardstick for speed.

From the publication (T. Xie et al., Nat. Commun. 10, 2667 (2019); section 4.2.2 of Xie's thesis):
every atom of a frame has M nearest neighbours; Gaussians of the distances; K convolutions of
(v_i, v_j, u_ij) with a gate; the vectors of the target atoms pooled, a softmax, VAMP-2 of the
states at t and t + lag. From the CGCNN network that it builds on: (v_i, v_j, u_ij) put side by
side, one dense layer, sigmoid times softplus, and batch norms (`original_cgcnn_layer.py`). As its
data are kept frame by frame, batches are put together frame by frame by a python generator, every
convolution updates all atoms, and t and t + lag are evaluated one after the other.

Not known, and chosen here so as not to slow it down: the framework (here torch); the exact gate;
how much its generator does a frame (here an index shift and a place in a list); the batch size
(that of the others); the optimiser's settings (Adam, the learning rate of the others). Distances
become Gaussians free of subnormal numbers, as in our package. Nothing was copied.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from original_cgcnn_layer import OriginalConvolution
from torch import nn
from torch.nn import functional as F

from leyden.dynamics import moments, vamp_score
from leyden.models.distance_table import basis_width, gaussian_basis

__all__ = ["Frames", "OriginalGDyNet", "features", "train", "with_weights_of"]

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class Frames:
    """Rows of neighbours of all N atoms, kept frame by frame.

    Attributes
    ----------
    codes : ndarray of int64, shape (N,)
        Species.
    neighbours, distances : list of T ndarrays, each of shape (N, M)
        Atoms, and angstrom.
    target : int
        The atom that is looked at.
    """

    def __init__(
        self, codes: np.ndarray, neighbours: np.ndarray, distances: np.ndarray, target: int
    ) -> None:
        self.codes, self.target = codes, target
        self.neighbours, self.distances = list(neighbours), list(distances)

    def batch(self, frames: np.ndarray) -> Batch:
        """Species, distances, neighbours and targets of some frames as one graph."""
        atoms = len(self.codes)
        codes, neighbours, distances, targets = [], [], [], []
        for place, frame in enumerate(frames):
            codes.append(self.codes)
            neighbours.append(self.neighbours[frame] + place * atoms)
            distances.append(self.distances[frame])
            targets.append(self.target + place * atoms)
        return (
            torch.from_numpy(np.concatenate(codes)),
            torch.from_numpy(np.concatenate(distances)),
            torch.from_numpy(np.concatenate(neighbours)),
            torch.tensor(targets),
        )

    def pairs(self, starts: np.ndarray, lag: int, size: int) -> Iterator[tuple[Batch, Batch]]:
        """Batches at t and at t + lag."""
        for part in np.array_split(starts, -(-len(starts) // size)):
            yield self.batch(part), self.batch(part + lag)


class OriginalGDyNet(nn.Module):
    """Embedding, convolutions of all atoms, the target's vector, a hidden layer, states."""

    def __init__(
        self, species: int, width: int, convolutions: int, hidden: int, states: int, cutoff: float
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.embedding = nn.Embedding(species, width)
        self.convolutions = nn.ModuleList(
            OriginalConvolution(width, basis_width(cutoff)) for _ in range(convolutions)
        )
        self.hidden = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, states)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Memberships of the targets, shape (n, states)."""
        codes, distances, near, targets = batch
        u = gaussian_basis(distances.ravel(), self.cutoff).view(*near.shape, -1)
        v = self.embedding(codes)
        for convolution in self.convolutions:
            v = convolution(v, u, near)
        return torch.softmax(self.output(F.softplus(self.hidden(v[targets]))), 1)


def with_weights_of(module: nn.Module, cutoff: float) -> OriginalGDyNet:
    """The original network with the weights of a module of `GraphDynamics`."""
    species, width = module.embedding.weight.shape
    states, hidden = module.output.weight.shape
    network = OriginalGDyNet(species, width, len(module.convolutions), hidden, states, cutoff)
    network.load_state_dict(module.state_dict())
    return network


def features(
    network: nn.Module, frames: Frames, starts: np.ndarray, lag: int, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Memberships at t and at t + lag, in evaluation mode."""
    network.eval()
    with torch.no_grad():
        found = [(network(a), network(b)) for a, b in frames.pairs(starts, lag, size)]
    earlier, later = zip(*found, strict=True)
    return torch.cat(earlier), torch.cat(later)


def train(
    network: nn.Module,
    frames: Frames,
    learning: np.ndarray,
    checking: np.ndarray,
    lag: int,
    *,
    size: int,
    epochs: int,
    learning_rate: float,
    tikhonov: float,
) -> float:
    """Epochs of VAMP-2, batch by batch, with a look at later pairs after each; the last score."""
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    generator = np.random.default_rng(0)
    score = 0.0
    for _ in range(epochs):
        network.train()
        for earlier, later in frames.pairs(generator.permutation(learning), lag, size):
            optimiser.zero_grad()
            states = moments(network(earlier), network(later))
            (-vamp_score(states, tikhonov=tikhonov)).backward()
            optimiser.step()
        score = float(vamp_score(moments(*features(network, frames, checking, lag, size))))
    return score
