"""A graph network of molecules and ion pairs, with the convolutions of the crystal network."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from leyden.errors import InputError
from leyden.models.crystal_graph_network import CONVOLUTIONS
from leyden.models.graph_convolution import GraphTensors
from leyden.models.network import NetworkModel, TargetModule
from leyden.representations.elements import element_vectors
from leyden.representations.molecular_graph import (
    ATOM_FEATURES,
    BOND_KINDS,
    MolecularGraph,
    MolecularGraphs,
)

__all__ = ["MolecularGraphNetwork"]

READOUTS = ("mean", "sum", "both")
TYPICAL_ATOMS = 20.0  # brings a sum over atoms to the size of a mean
_DEFAULT_GRAPH = MolecularGraph()


class MolecularGraphNetwork(NetworkModel):
    """Predicts properties of molecules and ion pairs from atoms and bonds.

    The kind of a bond, or how many bonds lie between two atoms, stands where the crystal network
    has a distance: its convolutions are taken as they are.

    Parameters
    ----------
    representation : MolecularGraph
        How many bonds an edge may span.
    width : int
        Length of an atom's vector.
    convolutions : int
        How many.
    hidden : int
        Length of the latent vector, which `embed` gives.
    convolution : {"gated", "plain"}
        As of `CrystalGraphNetwork`.
    readout : {"both", "mean", "sum"}
        Of the atoms. A mean forgets how many there are: homologues then differ by what the ends of
        a chain weigh against its middle, and by no more.
    dropout : float
        Probability, of the latent vector.
    task : {"regression", "classification"}
    loss : {"huber", "squared", "absolute"}
        Of scaled targets, in regression.
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, patience
        As of `TrainingSettings`.
    validation_fraction : float
        Part of the training rows that only decides when to stop; 0 trains all epochs on all rows.
    least_steps : int
        Epochs are added until as many batches have been learned from.
    freeze_batch_norm : bool
        Whether batch norms stay as they are (after `start`, with a small learning rate).
    random_state : int
        Seed of weights, batches and the inner validation part.

    Notes
    -----
    Graph networks are what A. Yan et al., Comput. Theor. Chem. 1205 (2021) 113443, look out to. The
    convolution is that of T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018).
    """

    kind: ClassVar[str] = "molecular_graph_network"
    head: ClassVar[tuple[str, ...]] = ("hidden.*", "output.*")

    def __init__(
        self,
        representation: MolecularGraph = _DEFAULT_GRAPH,
        width: int = 48,
        convolutions: int = 3,
        hidden: int = 96,
        convolution: str = "gated",
        readout: str = "both",
        dropout: float = 0.1,
        task: str = "regression",
        loss: str = "huber",
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        validation_fraction: float = 0.0,
        least_steps: int = 0,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.width = width
        self.convolutions = convolutions
        self.hidden = hidden
        self.convolution = convolution
        self.readout = readout
        self.dropout = dropout
        self.task = task
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clip
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.least_steps = least_steps
        self.freeze_batch_norm = freeze_batch_norm
        self.random_state = random_state

    def build(self, targets: int) -> TargetModule:
        """A new network for this many targets.

        Raises
        ------
        InputError
            An unknown convolution or read-out.
        """
        for name, choices in (("convolution", tuple(CONVOLUTIONS)), ("readout", READOUTS)):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"the {name} is not known",
                    value=getattr(self, name),
                    remedy=f"choose from {', '.join(choices)}",
                )
        return _Network(self, targets)

    def inputs(self, X: MolecularGraphs, rows: np.ndarray) -> tuple[GraphTensors, torch.Tensor]:
        """The graphs of these rows as tensors, and the features of their atoms."""
        graphs = X[rows]
        sizes = np.diff(graphs.node_offsets)
        atoms, edges = len(graphs.numbers), len(graphs.kinds)
        tensors = GraphTensors(
            numbers=torch.as_tensor(graphs.numbers, dtype=torch.int64),
            neighbours=torch.as_tensor(graphs.far_ends(), dtype=torch.int64),
            edge_offsets=torch.as_tensor(graphs.edge_offsets),
            kinds=torch.as_tensor(graphs.kinds, dtype=torch.int64),
            parts=torch.zeros(edges),
            basis=_edge_table(self.representation.edge_kinds),
            multiplicities=torch.ones(atoms),
            edge_multiplicities=torch.ones(edges),
            shares=torch.as_tensor(np.repeat(1 / sizes, sizes), dtype=torch.float32),
            node_offsets=torch.as_tensor(graphs.node_offsets),
            conditions=torch.as_tensor(sizes / TYPICAL_ATOMS, dtype=torch.float32)[:, None],
        )
        return tensors, torch.as_tensor(graphs.features, dtype=torch.float32)


def _edge_table(kinds: int) -> torch.Tensor:
    """One vector a kind of edge, shape (kinds + 1, d): order, in a ring, bonds between.

    The last row is read, and counts for nothing: no edge lies between two rows of this table.
    """
    bonds = len(BOND_KINDS)
    orders = bonds // 2
    table = torch.zeros(kinds + 1, _edge_width(kinds))
    for kind in range(bonds):
        table[kind, kind // 2] = 1.0
        table[kind, orders] = float(kind % 2)
    for kind in range(bonds, kinds):
        table[kind, orders + 1 + kind - bonds] = 1.0
    return table


def _edge_width(kinds: int) -> int:
    return kinds - len(BOND_KINDS) + len(BOND_KINDS) // 2 + 1


class _Network(TargetModule):
    """Vectors of elements and features, convolutions, pooling, hidden layer, output."""

    elements: torch.Tensor

    def __init__(self, model: MolecularGraphNetwork, targets: int) -> None:
        super().__init__(targets)
        elements = torch.tensor(element_vectors(), dtype=torch.float32)
        self.register_buffer("elements", elements)
        self.embedding = nn.Linear(elements.shape[1], model.width)
        self.features = nn.Linear(len(ATOM_FEATURES), model.width, bias=False)
        layer = CONVOLUTIONS[model.convolution]
        basis = _edge_width(model.representation.edge_kinds)
        self.convolutions = nn.ModuleList(
            layer(model.width, basis) for _ in range(model.convolutions)
        )
        self.readout = model.readout
        pooled = 2 * model.width if model.readout == "both" else model.width
        self.hidden = nn.Linear(pooled, model.hidden)
        self.dropout = nn.Dropout(model.dropout)
        self.output = nn.Linear(model.hidden, targets)

    def encode(self, inputs: tuple[GraphTensors, torch.Tensor]) -> torch.Tensor:
        """Latent vectors of the molecules, shape (n, hidden)."""
        graph, features = inputs
        v = F.embedding(graph.numbers, self.embedding(self.elements)) + self.features(features)
        for convolution in self.convolutions:
            v = convolution(v, graph)
        mean = graph.pool(v)
        total = mean * graph.conditions
        read = {"mean": (mean,), "sum": (total,), "both": (mean, total)}[self.readout]
        return self.dropout(F.softplus(self.hidden(F.softplus(torch.cat(read, dim=1)))))
