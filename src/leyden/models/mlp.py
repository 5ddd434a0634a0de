"""The multilayer perceptron: a network on vectors, which plentiful compositions can teach.

`NETWORK` with a schedule of `PUBLISHED` is the perceptron on fingerprints of A. Yan et al., Comput.
Theor. Chem. 1205 (2021) 113443, section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from leyden.errors import InputError
from leyden.models.network import NetworkModel, TargetModule
from leyden.models.objectives import Penalised, weight_penalty
from leyden.representations.composition import CompositionStatistics
from leyden.training import Objective

__all__ = ["FASTER", "NETWORK", "PUBLISHED", "MultilayerPerceptron"]

_FARTHEST = 8.0  # standard deviations at which an input is cut off
_ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}
_DEFAULT = CompositionStatistics()


class MultilayerPerceptron(NetworkModel):
    """Predicts properties from vectors, by default the statistics of a composition.

    Its latent vectors are what it learned of compositions from a plentiful property; `FineTune` and
    `FrozenEmbedding` carry them to a scarce one.

    Parameters
    ----------
    representation : Representation
        Its `transform` gives an array of shape (n, d), and its `names` the d columns.
    widths : sequence of int
        Lengths of the hidden layers; the last is that of the latent vector, which `embed` gives.
    activation : {"silu", "relu"}
        Of the hidden layers.
    layer_norm : bool
        Whether each hidden layer is normed before its activation.
    standardise : bool
        Whether inputs are standardised by the training rows of the first fit and cut off at 8
        standard deviations. Bits need neither.
    dropout : sequence of float
        Probability after each hidden layer, from the first; layers beyond have none.
    l2 : float
        Times the squares of the hidden layers' weights, as of `ImageNetwork`: added to the squared
        error in the unit of the targets.
    start : {"torch", "glorot"}
        Random weights as torch draws them, or as Keras does: uniform after Glorot, biases at zero.
    task : {"regression", "classification"}
    loss : {"huber", "squared", "absolute"}
        Of scaled targets, in regression.
    epochs, batch_size, learning_rate, weight_decay, schedule, decay_steps, clip, patience
        As of `TrainingSettings`.
    validation_fraction : float
        Part of the training rows that only decides when to stop; 0 trains all epochs on all rows.
    least_steps : int
        Epochs are added until as many batches have been learned from: of few rows, 20 epochs are
        40 steps.
    freeze_batch_norm : bool
        Without meaning here: there are no batch norms.
    random_state : int
        Seed of weights, batches and the inner validation part.

    Notes
    -----
    A network that starts from another keeps the scale of its inputs, so that its vectors mean the
    same. With the published settings the optimiser is Adam with torch's epsilon of 1e-8 where Keras
    has 1e-7, targets are scaled (which the paper does not say), and the batches of an epoch are
    made equal in size where Keras leaves a short one at the end.

    Examples
    --------
    The published chain, from ionic liquids to clearing temperatures by way of melting::

        network = MultilayerPerceptron(Fingerprint(), **NETWORK, **PUBLISHED["source"])
        path = Chain([ionic_liquids, Step(melting, PUBLISHED["mixed"])])
        VaryingColumns(FineTune(network, path, settings=PUBLISHED["mixed"]))
    """

    kind: ClassVar[str] = "multilayer_perceptron"
    head: ClassVar[tuple[str, ...]] = ("output.*",)
    prediction_batch: ClassVar[int] = 8192

    def __init__(
        self,
        representation: Any = _DEFAULT,
        widths: Sequence[int] = (256, 256, 64),
        activation: str = "silu",
        layer_norm: bool = True,
        standardise: bool = True,
        dropout: Sequence[float] = (),
        l2: float = 0.0,
        start: str = "torch",
        task: str = "regression",
        loss: str = "huber",
        epochs: int = 20,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        schedule: str = "one-cycle",
        decay_steps: int = 5000,
        clip: float | None = 5.0,
        patience: int | None = None,
        validation_fraction: float = 0.0,
        least_steps: int = 600,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.widths = widths
        self.activation = activation
        self.layer_norm = layer_norm
        self.standardise = standardise
        self.dropout = dropout
        self.l2 = l2
        self.start = start
        self.task = task
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.decay_steps = decay_steps
        self.clip = clip
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.least_steps = least_steps
        self.freeze_batch_norm = freeze_batch_norm
        self.random_state = random_state

    @classmethod
    def reads(cls) -> type:
        """Any representation that gives vectors and names their columns."""
        return object

    def build(self, targets: int) -> TargetModule:
        """A new network for this many targets.

        Raises
        ------
        InputError
            No hidden layer, more dropouts than layers, an activation or a start that is not known,
            or a representation that does not name its columns.
        """
        if not len(self.widths):
            raise InputError("a perceptron has at least one hidden layer", value=self.widths)
        if len(self.dropout) > len(self.widths):
            raise InputError("there are more dropouts than hidden layers", value=self.dropout)
        for name, known in (("activation", tuple(_ACTIVATIONS)), ("start", ("torch", "glorot"))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"the {name} of a perceptron is {' or '.join(known)}", value=getattr(self, name)
                )
        if not hasattr(self.representation, "names"):
            raise InputError(
                "a perceptron reads vectors whose columns have names",
                value=type(self.representation).__name__,
                remedy="take composition statistics, or several vectors concatenated",
            )
        return _Network(self, len(self.representation.names()), targets)

    def inputs(self, X: np.ndarray, rows: np.ndarray) -> torch.Tensor:
        """The vectors of these rows as a tensor."""
        return torch.as_tensor(np.asarray(X)[rows], dtype=torch.float32)

    def prepare(self, module: Any, X: np.ndarray, rows: np.ndarray) -> None:
        """Fit the scale of the inputs on the training rows."""
        if not self.standardise:
            return
        taught = np.asarray(X, dtype=float)[rows]
        spread = taught.std(axis=0)
        module.input_mean.copy_(torch.as_tensor(taught.mean(axis=0)))
        module.input_scale.copy_(torch.as_tensor(np.where(spread > 1e-12, spread, 1.0)))

    def _objective(self) -> Objective:
        plain = super()._objective()
        return Penalised(plain, self._penalty) if self.l2 else plain

    def _penalty(self, module: Any) -> torch.Tensor:
        return weight_penalty(module, self.l2, self.task)


class _Network(TargetModule):
    """Inputs, standardised or as they are, hidden layers, output."""

    input_mean: torch.Tensor
    input_scale: torch.Tensor

    def __init__(self, model: MultilayerPerceptron, inputs: int, targets: int) -> None:
        super().__init__(targets)
        self.standardise = model.standardise
        self.register_buffer("input_mean", torch.zeros(inputs))
        self.register_buffer("input_scale", torch.ones(inputs))
        widths = list(model.widths)
        dropout = [*model.dropout, *[0.0] * len(widths)]
        self.hidden = nn.Sequential(
            *[
                nn.Sequential(
                    nn.Linear(before, after),
                    *([nn.LayerNorm(after)] if model.layer_norm else []),
                    _ACTIVATIONS[model.activation](),
                    *([nn.Dropout(lost)] if lost else []),
                )
                for before, after, lost in zip([inputs, *widths], widths, dropout, strict=False)
            ]
        )
        self.output = nn.Linear(widths[-1], targets)
        if model.start == "glorot":
            for layer in (*self.dense(), self.output):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def dense(self) -> list[nn.Linear]:
        """The hidden layers, whose weights are penalised."""
        return [block[0] for block in self.hidden]  # type: ignore[index,misc]

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """Latent vectors, shape (n, last width)."""
        if self.standardise:
            scaled = (inputs - self.input_mean) / self.input_scale
            inputs = scaled.clamp(-_FARTHEST, _FARTHEST)
        return self.hidden(inputs)


def _steps(epochs: int, batch_size: int, learning_rate: float, schedule: str) -> Mapping[str, Any]:
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedule": schedule,
    }


NETWORK: Mapping[str, Any] = MappingProxyType(
    {
        "widths": (100, 50, 20),
        "activation": "relu",
        "layer_norm": False,
        "standardise": False,
        "dropout": (0.1,),
        "l2": 0.001,
        "start": "glorot",
        "loss": "squared",
        "weight_decay": 0.0,
        "clip": None,
        "least_steps": 0,
    }
)
"""The published network, whatever the schedule."""

PUBLISHED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "source": _steps(200, 32, 1e-4, "constant"),
        "mixed": _steps(400, 32, 1e-3, "constant"),
        "ammonium": _steps(300, 32, 1e-3, "constant"),
    }
)
"""The published schedules: of the first source, of all that comes after it, and of few rows."""

FASTER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "source": _steps(10, 64, 2e-3, "one-cycle"),
        "mixed": _steps(50, 64, 4e-3, "one-cycle"),
        "ammonium": _steps(150, 32, 2e-3, "one-cycle"),
    }
)
"""Schedules of a fraction of the steps.

Of six schedules of source and mixed tables, compared along the chain by five folds of 230 clearing
temperatures, this is the cheapest; their errors differ by less than one repeat can tell. About 90
of these rows are in the table of the study, which was drawn anew afterwards. The schedule of few
rows is set by analogy.
"""
