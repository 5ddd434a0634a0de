"""Graph dynamical networks: the states of an atom, from how its surroundings change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from leyden.dynamics.bond_kinds import bond_kinds
from leyden.dynamics.dynamics_model import DynamicsModel
from leyden.dynamics.vamp_network import VampNetwork
from leyden.errors import IncompatibleError
from leyden.models.distance_table import basis_width, distance_table, looked_up
from leyden.models.graph_convolution import BondKinds, EdgeTensors, GatedConvolution
from leyden.representations.local_environment import (
    EnvironmentBatch,
    Environments,
    LocalEnvironment,
)

__all__ = ["GraphDynamics"]

_DEFAULT = LocalEnvironment()


class GraphDynamics(VampNetwork):
    """Finds the states of target atoms from their local environments, without labels.

    Parameters
    ----------
    representation : LocalEnvironment
        Whose environments, and how far: neighbours, and convolutions of the network.
    states : int
        How many (the dimension of the feature space).
    lag_ps : float
        The time over which states shall foresee themselves; a whole number of frames.
    width : int
        Length of an atom's vector.
    hidden : int
        Length of the vector between the pooled atoms and the states.
    cutoff_A : float
        Up to here distances are told apart, in steps of 0.2 angstrom, and two more angstrom fade.
    epochs : int
        Passes over all pairs.
    batch_size : int
        Environments of a mini-batch, those at t and at t + lag together; at least two frames.
    pooled_batches, two_passes, learning_rate, weight_decay, schedule, clip, patience
        As of `TrainingSettings`.
    least_steps : int
        Epochs are added until as many steps of the optimiser are made.
    restarts : int
        Trainings from other random weights; the best on later time is kept.
    validation_fraction : float
        Part of the frames, the last ones, that decides between epochs and restarts.
    score : {"VAMP2", "VAMPE", "VAMP1"}
        What is maximised.
    tikhonov : float
        Added to the diagonals of the covariances in training. Scores do not change when states are
        mixed; this makes that mixture best whose memberships are nearest to 0 and 1.
    freeze_batch_norm : bool
        Whether batch norms stay as they are (after `start`, with a small learning rate).
    random_state : int
        Seed of weights and batches.

    Notes
    -----
    T. Xie et al., Nat. Commun. 10, 2667 (2019). Gated convolutions (T. Xie and J. C. Grossman,
    Phys. Rev. Lett. 120, 145301 (2018), and the kernel of `CrystalGraphNetwork`) on nearest
    neighbours, the mean over the atoms of a target, a hidden layer, and a softmax.
    """

    kind: ClassVar[str] = "graph_dynamics"

    def __init__(
        self,
        representation: LocalEnvironment = _DEFAULT,
        states: int = 2,
        lag_ps: float = 10.0,
        width: int = 16,
        hidden: int = 16,
        cutoff_A: float = 8.0,
        epochs: int = 10,
        batch_size: int = 4000,
        pooled_batches: int = 1,
        two_passes: bool = False,
        learning_rate: float = 5e-3,
        weight_decay: float = 1e-4,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        least_steps: int = 200,
        restarts: int = 3,
        validation_fraction: float = 0.2,
        score: str = "VAMP2",
        tikhonov: float = 1e-2,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.states = states
        self.lag_ps = lag_ps
        self.width = width
        self.hidden = hidden
        self.cutoff_A = cutoff_A
        self.epochs = epochs
        self.batch_size = batch_size
        self.pooled_batches = pooled_batches
        self.two_passes = two_passes
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clip
        self.patience = patience
        self.least_steps = least_steps
        self.restarts = restarts
        self.validation_fraction = validation_fraction
        self.score = score
        self.tikhonov = tikhonov
        self.freeze_batch_norm = freeze_batch_norm
        self.random_state = random_state

    def vocabulary(self, observed: Sequence[Any], start: DynamicsModel | None) -> tuple[str, ...]:
        """Species of the start, then those of the environments that it has not met."""
        names = [] if start is None else list(start.species)
        names += sorted({name for one in observed for name in one.species} - set(names))
        return tuple(names)

    def build(self, vocabulary: tuple[str, ...]) -> nn.Module:
        """A new network for these species."""
        return _Network(self, len(vocabulary))

    def inputs(
        self, vocabulary: tuple[str, ...], parts: Sequence[tuple[Any, np.ndarray]]
    ) -> EnvironmentTensors:
        """The environments of these frames as one graph."""
        batches, codes = [], []
        for one, frames in parts:
            codes.append(self._codes(vocabulary, one))
            batches.append(one.batch(frames))
        return _tensors(_joined(batches, codes, len(vocabulary)), len(vocabulary), self.cutoff_A)

    def taken_over(
        self, start: DynamicsModel, module: nn.Module, vocabulary: tuple[str, ...]
    ) -> tuple[dict[str, torch.Tensor], list[str]]:
        """Weights of `start`, with the module's own vectors for species that it has not met."""
        weights = dict(start.module.state_dict())
        new = vocabulary[len(start.species) :]
        if not new:
            return weights, []
        mine = module.state_dict()["embedding.weight"]
        if weights["embedding.weight"].shape[1] == mine.shape[1]:
            known = weights["embedding.weight"]
            weights["embedding.weight"] = torch.cat([known, mine[len(known) :]])
        return weights, [f"species that the start has not met begin anew: {', '.join(new)}"]

    def _codes(self, vocabulary: tuple[str, ...], one: Environments) -> np.ndarray:
        """Place in the vocabulary of each species of the environments."""
        wanted = (self.representation.neighbours, self.representation.convolutions)
        if (one.neighbours, one.convolutions) != wanted:
            raise IncompatibleError(
                f"the network needs {wanted[0]} neighbours and {wanted[1]} convolutions, and these "
                f"environments have {one.neighbours} and {one.convolutions}. Remedy: make them "
                "with the network's own representation."
            )
        strange = sorted(set(one.species) - set(vocabulary))
        if strange:
            raise IncompatibleError(
                f"the network has not met the species {', '.join(strange)}. Remedy: fit it with "
                "them, from this model as its start."
            )
        return np.array([vocabulary.index(name) for name in one.species])


class EnvironmentTensors(NamedTuple):
    """A batch of environments, as the network takes them.

    Attributes
    ----------
    species : Tensor of int, shape (R,)
        Of the atoms that the first convolution updates.
    bonds : BondKinds
        Their bonds.
    edges : tuple of EdgeTensors
        Of each later convolution, which updates fewer.
    targets : Tensor of int, shape (n, k)
        Atoms of each target.
    """

    species: torch.Tensor
    bonds: BondKinds
    edges: tuple[EdgeTensors, ...]
    targets: torch.Tensor


class _Network(nn.Module):
    """Vectors of species, convolutions, mean over a target, hidden layer, states."""

    def __init__(self, model: GraphDynamics, species: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(species, model.width)
        basis = basis_width(model.cutoff_A)
        self.convolutions = nn.ModuleList(
            GatedConvolution(model.width, basis) for _ in range(model.representation.convolutions)
        )
        self.hidden = nn.Linear(model.width, model.hidden)
        self.output = nn.Linear(model.hidden, model.states)

    def forward(self, inputs: EnvironmentTensors) -> torch.Tensor:
        """Memberships of the targets, shape (n, states)."""
        first: Any
        first, *others = self.convolutions
        v = first.of_species(self.embedding.weight, inputs.species, inputs.bonds)
        for convolution, edges in zip(others, inputs.edges, strict=True):
            v = convolution(v, edges)
        pooled = v[inputs.targets].mean(1)
        return torch.softmax(self.output(F.softplus(self.hidden(pooled))), 1)


def _joined(
    batches: Sequence[EnvironmentBatch], codes: Sequence[np.ndarray], species: int
) -> EnvironmentBatch:
    """One graph of several, with the codes of the network; hops still stand one after another."""
    if len(batches) == 1 and np.array_equal(codes[0], np.arange(species)):
        return batches[0]
    sizes = np.array([np.diff((0, *batch.within)) for batch in batches])  # (batches, hops)
    starts = np.cumsum(sizes.T.ravel()) - sizes.T.ravel()  # hop by hop, batch by batch
    starts = starts.reshape(sizes.T.shape).T
    rows = int(sizes.sum())
    width = batches[0].neighbours.shape[1]
    whole = np.concatenate([np.empty(rows, np.int64), np.arange(species)])
    neighbours = np.empty((rows, width), np.int64)
    distances = np.empty((rows, width), np.float32)
    targets = []
    for batch, code, size, start in zip(batches, codes, sizes, starts, strict=True):
        before = np.cumsum(size) - size
        own = np.arange(batch.within[-1]) + np.repeat(start - before, size)
        places = np.concatenate([own, rows + code])
        whole[own] = code[batch.codes[: len(own)]]
        neighbours[own] = places[batch.neighbours]
        distances[own] = batch.distances
        targets.append(places[batch.targets])
    within = tuple(int(end) for end in np.cumsum(sizes.sum(0)))
    return EnvironmentBatch(whole, within, neighbours, distances, np.concatenate(targets))


def _tensors(graph: EnvironmentBatch, species: int, cutoff: float) -> EnvironmentTensors:
    """Bonds by kind for the first convolution; edges for the others, which update fewer atoms."""
    rows = graph.within[-1]
    table = distance_table(cutoff)
    near, far, step, counts, of_bonds = bond_kinds(
        graph.codes, graph.neighbours, graph.distances, species, len(table) - 1
    )
    bonds = BondKinds(
        torch.from_numpy(near),
        torch.from_numpy(far),
        table[torch.from_numpy(step)],
        torch.from_numpy(counts),
        torch.from_numpy(of_bonds),
    )
    edges = [_edges(graph, updated, cutoff) for updated in graph.within[-2::-1]]
    codes = torch.from_numpy(graph.codes[:rows])
    return EnvironmentTensors(codes, bonds, tuple(edges), torch.from_numpy(graph.targets))


def _edges(graph: EnvironmentBatch, updated: int, cutoff: float) -> EdgeTensors:
    """Those of the first `updated` atoms."""
    kinds, parts, basis = looked_up(graph.distances[:updated].ravel(), cutoff)
    width = graph.neighbours.shape[1]
    return EdgeTensors(
        neighbours=torch.from_numpy(graph.neighbours[:updated].ravel()),
        edge_offsets=torch.arange(0, updated * width + 1, width),
        kinds=torch.from_numpy(kinds),
        parts=torch.from_numpy(parts),
        basis=basis,
        multiplicities=torch.ones(updated),
        edge_multiplicities=torch.ones(updated * width),
    )
