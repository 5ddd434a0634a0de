"""The crystal graph convolutional network (CGCNN) of Xie and Grossman."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from leyden.errors import InputError
from leyden.models.distance_table import basis_width, looked_up
from leyden.models.graph_convolution import GatedConvolution, GraphTensors, PlainConvolution
from leyden.models.network import NetworkModel, TargetModule
from leyden.representations.crystal_graph import CrystalGraph, CrystalGraphs
from leyden.representations.elements import element_vectors

__all__ = ["CrystalGraphNetwork"]

CONVOLUTIONS = {"gated": GatedConvolution, "plain": PlainConvolution}
_DEFAULT_GRAPH = CrystalGraph()


class CrystalGraphNetwork(NetworkModel):
    """Predicts properties of crystals from atoms, bonds and nothing else.

    Parameters
    ----------
    representation : CrystalGraph
        Which atoms are neighbours.
    width : int
        Length of an atom's vector.
    convolutions : int
        How many.
    hidden : int
        Length of the latent vector, which `embed` gives.
    convolution : {"gated", "plain"}
        ``"gated"`` weighs each neighbour (Xie, equation 2.5), ``"plain"`` does not (2.4).
    readout : {"pooled", "additive"}
        ``"pooled"``: the property of the mean atom; ``"additive"``: the mean of what each atom
        contributes, which `local_values` gives.
    task : {"regression", "classification"}
    loss : {"huber", "squared", "absolute"}
        Of scaled targets, in regression.
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, patience
        As of `TrainingSettings`.
    validation_fraction : float
        Part of the training rows that only decides when to stop; 0 trains all epochs on all rows.
    least_steps : int
        Epochs are added until as many batches have been learned from: a hundred rows are two
        batches, and the usual epochs of them would hardly move a network.
    freeze_batch_norm : bool
        Whether batch norms stay as they are (after `start`, with a small learning rate).
    random_state : int
        Seed of weights, batches and the inner validation part.

    Notes
    -----
    T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018). Here atoms are given by one-hot
    element properties (Xie, table 2.1), and all neighbours of a shell are kept, so that predictions
    do not depend on the order of atoms.
    """

    kind: ClassVar[str] = "crystal_graph_network"
    head: ClassVar[tuple[str, ...]] = ("hidden.*", "output.*")

    def __init__(
        self,
        representation: CrystalGraph = _DEFAULT_GRAPH,
        width: int = 64,
        convolutions: int = 3,
        hidden: int = 128,
        convolution: str = "gated",
        readout: str = "pooled",
        task: str = "regression",
        loss: str = "huber",
        epochs: int = 80,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        validation_fraction: float = 0.1,
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
        """A new network for this many targets."""
        for name, choices in (("convolution", CONVOLUTIONS), ("readout", ("pooled", "additive"))):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"the {name} is not known",
                    value=getattr(self, name),
                    remedy=f"choose from {', '.join(choices)}",
                )
        return _Network(self, targets)

    def inputs(self, X: CrystalGraphs, rows: np.ndarray) -> GraphTensors:
        """The graphs of these rows as tensors."""
        batch = X.batch(rows)
        wanted = self.representation.conditions
        if batch.conditions.shape[1] != wanted:
            raise InputError(
                f"the network needs graphs with {wanted} conditions",
                value=batch.conditions.shape[1],
                remedy="make them with the network's own representation",
            )
        kinds, parts, basis = looked_up(batch.distances, self.representation.cutoff)
        shares = batch.multiplicities / np.repeat(batch.atom_counts, batch.node_counts)
        return GraphTensors(
            numbers=torch.as_tensor(batch.numbers, dtype=torch.int64),
            neighbours=torch.as_tensor(batch.neighbours, dtype=torch.int64),
            edge_offsets=torch.as_tensor(batch.edge_offsets, dtype=torch.int64),
            kinds=torch.as_tensor(kinds),
            parts=torch.as_tensor(parts),
            basis=basis,
            multiplicities=torch.as_tensor(batch.multiplicities, dtype=torch.float32),
            edge_multiplicities=torch.as_tensor(batch.edge_multiplicities, dtype=torch.float32),
            shares=torch.as_tensor(shares, dtype=torch.float32),
            node_offsets=torch.as_tensor(np.concatenate([[0], np.cumsum(batch.node_counts)])),
            conditions=torch.as_tensor(batch.conditions),
        )

    def local_values(self, X: CrystalGraphs) -> list[np.ndarray]:
        """What each atom contributes, in the target's unit; their mean is the prediction.

        Atoms stand in the order of the crystal, each for itself whether or not the graph merges it
        with others.

        Returns
        -------
        list of ndarray, each (atoms,) or (atoms, t)
            One a crystal.

        Raises
        ------
        InputError
            The read-out is not additive, or the task is not regression.
        """
        if self.readout != "additive" or self.task != "regression":
            raise InputError(
                "only an additive read-out of a regression has local values",
                value=self.readout,
                remedy="fit with readout='additive'",
            )
        scaled = self._map(X, lambda module, graph: module.output(module.local(graph))).double()
        module = self.module_
        values = (scaled * module.target_scale.double() + module.target_mean.double()).numpy()
        values = values[:, 0] if values.shape[1] == 1 else values
        return X.per_atom(values)


class _Network(TargetModule):
    """Element vectors, convolutions, pooling, hidden layer, output."""

    additions = ("condition_layer.",)
    elements: torch.Tensor

    def __init__(self, model: CrystalGraphNetwork, targets: int) -> None:
        super().__init__(targets)
        self.additive = model.readout == "additive"
        elements = torch.tensor(element_vectors(), dtype=torch.float32)
        self.register_buffer("elements", elements)
        self.embedding = nn.Linear(elements.shape[1], model.width)
        layer = CONVOLUTIONS[model.convolution]
        basis = basis_width(model.representation.cutoff)
        self.convolutions = nn.ModuleList(
            layer(model.width, basis) for _ in range(model.convolutions)
        )
        self.hidden = nn.Linear(model.width, model.hidden)
        self.output = nn.Linear(model.hidden, targets)
        conditions = model.representation.conditions
        self.condition_layer = (
            nn.Linear(conditions, model.width, bias=False) if conditions else None
        )

    def forward(self, inputs: GraphTensors) -> torch.Tensor:
        """Scaled targets (regression) or logits (classification), shape (n, t)."""
        if self.additive:  # the mean of what `local_values` shows, to the last digit
            return inputs.pool(self.output(self.local(inputs)).double()).float()
        return super().forward(inputs)

    def atoms(self, graph: GraphTensors) -> torch.Tensor:
        """Vectors of the nodes after the convolutions, shape (N, width)."""
        v = F.embedding(graph.numbers, self.embedding(self.elements))
        if self.condition_layer is not None:
            v = v + graph.to_nodes(self.condition_layer(graph.conditions))
        for convolution in self.convolutions:
            v = convolution(v, graph)
        return v

    def local(self, graph: GraphTensors) -> torch.Tensor:
        """Latent vectors of the nodes, shape (N, hidden)."""
        return F.softplus(self.hidden(F.softplus(self.atoms(graph))))

    def encode(self, inputs: GraphTensors) -> torch.Tensor:
        """Latent vectors of the crystals, shape (n, hidden)."""
        if self.additive:
            return inputs.pool(self.local(inputs))
        return F.softplus(self.hidden(F.softplus(inputs.pool(self.atoms(inputs)))))
