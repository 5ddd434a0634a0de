"""The multilayer perceptron: a network on vectors, which plentiful compositions can teach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from leyden.errors import InputError
from leyden.models.network import NetworkModel, TargetModule
from leyden.representations.composition import CompositionStatistics

__all__ = ["MultilayerPerceptron"]

_FARTHEST = 8.0  # standard deviations at which an input is cut off
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
    task : {"regression", "classification"}
    loss : {"huber", "squared", "absolute"}
        Of scaled targets, in regression.
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, patience
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
    Inputs are standardised by the training rows of the first fit and cut off at 8 standard
    deviations; a network that starts from another keeps its scale, so that its vectors mean the
    same. Layers are linear, layer norm, SiLU.
    """

    kind: ClassVar[str] = "multilayer_perceptron"
    head: ClassVar[tuple[str, ...]] = ("output.*",)
    prediction_batch: ClassVar[int] = 8192

    def __init__(
        self,
        representation: Any = _DEFAULT,
        widths: Sequence[int] = (256, 256, 64),
        task: str = "regression",
        loss: str = "huber",
        epochs: int = 20,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        validation_fraction: float = 0.0,
        least_steps: int = 600,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.widths = widths
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

    @classmethod
    def reads(cls) -> type:
        """Any representation that gives vectors and names their columns."""
        return object

    def build(self, targets: int) -> TargetModule:
        """A new network for this many targets.

        Raises
        ------
        InputError
            No hidden layer, or a representation that does not name its columns.
        """
        if not len(self.widths):
            raise InputError("a perceptron has at least one hidden layer", value=self.widths)
        if not hasattr(self.representation, "names"):
            raise InputError(
                "a perceptron reads vectors whose columns have names",
                value=type(self.representation).__name__,
                remedy="take composition statistics, or several vectors concatenated",
            )
        return _Network(len(self.representation.names()), list(self.widths), targets)

    def inputs(self, X: np.ndarray, rows: np.ndarray) -> torch.Tensor:
        """The vectors of these rows as a tensor."""
        return torch.as_tensor(np.asarray(X)[rows], dtype=torch.float32)

    def prepare(self, module: Any, X: np.ndarray, rows: np.ndarray) -> None:
        """Fit the scale of the inputs on the training rows."""
        taught = np.asarray(X, dtype=float)[rows]
        spread = taught.std(axis=0)
        module.input_mean.copy_(torch.as_tensor(taught.mean(axis=0)))
        module.input_scale.copy_(torch.as_tensor(np.where(spread > 1e-12, spread, 1.0)))


class _Network(TargetModule):
    """Standardised inputs, hidden layers, output."""

    input_mean: torch.Tensor
    input_scale: torch.Tensor

    def __init__(self, inputs: int, widths: list[int], targets: int) -> None:
        super().__init__(targets)
        self.register_buffer("input_mean", torch.zeros(inputs))
        self.register_buffer("input_scale", torch.ones(inputs))
        layers = [
            nn.Sequential(nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU())
            for before, after in zip([inputs, *widths], widths, strict=False)
        ]
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(widths[-1], targets)

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """Latent vectors, shape (n, last width)."""
        scaled = (inputs - self.input_mean) / self.input_scale
        return self.hidden(scaled.clamp(-_FARTHEST, _FARTHEST))
