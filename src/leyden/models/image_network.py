"""The image network: a small convolutional network that reads depictions of molecules.

It is the network of A. Yan et al., Comput. Theor. Chem. 1205 (2021) 113443, whose numbers of layers
and channels are in figures 4 and 5 only; those here are ours, and `MIXED` and `SMALL` say them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from leyden.errors import InputError
from leyden.models.convolution import PooledConvolution
from leyden.models.network import NetworkModel, TargetModule
from leyden.models.objectives import Penalised, weight_penalty
from leyden.representations.depiction import COLUMNS, ROWS, Depiction
from leyden.training import Objective

__all__ = ["FASTER", "MIXED", "PUBLISHED", "SMALL", "ImageNetwork"]

_POOL = 5
_DEFAULT = Depiction()


class ImageNetwork(NetworkModel):
    """Predicts properties from pictures of molecules or ion pairs.

    Parameters
    ----------
    representation : Depiction
        Of several rotations a random one is looked at whenever a row teaches, which costs no time;
        predictions are the mean over all.
    channels : sequence of int
        Of each convolution: 3 x 3 pixels, zero padding to the same size, ReLU, then the greatest of
        every 5 x 5 pixels. At most two, since 50 rows are 2 by then.
    widths : sequence of int
        Lengths of the hidden layers after the convolutions; the last is that of the latent vector.
    l2 : float
        Times the squares of the hidden layers' weights (not of their biases, the convolutions or
        the output), added to the squared error *in the unit of the targets*, as the published
        network has it, whose targets are not scaled. In classification added to the loss as it is.
    dropout : float
        Probability, after each hidden layer.
    task : {"regression", "classification"}
    loss : {"squared", "huber", "absolute"}
        Of scaled targets, in regression.
    epochs, batch_size, learning_rate, weight_decay, schedule, decay_steps, clip, patience
        As of `TrainingSettings`.
    validation_fraction : float
        Part of the training rows that only decides when to stop; 0 trains all epochs on all rows.
    freeze_batch_norm : bool
        Without meaning here: there are no batch norms.
    random_state : int
        Seed of weights, batches and the inner validation part.

    Notes
    -----
    Weights start as Keras starts them: uniform after Glorot, biases at zero. The optimiser is Adam
    with torch's epsilon of 1e-8 where Keras has 1e-7, and the batches of an epoch are made equal in
    size where Keras leaves a short one at the end.

    A pixel is given to the network as its distance from the background in units of the greatest
    distance in the training rows of the first fit, so that empty paper is zero, as the padding is.

    Examples
    --------
    The published chain, from ionic liquids to clearing temperatures::

        model = ImageNetwork(**MIXED, **PUBLISHED["source"])
        path = Chain([ionic_liquids, Step(melting, PUBLISHED["melting"])])
        FineTune(model, path, settings=PUBLISHED["clearing"])
    """

    kind: ClassVar[str] = "image_network"
    head: ClassVar[tuple[str, ...]] = ("hidden.*", "output.*")
    prediction_batch: ClassVar[int] = 64

    def __init__(
        self,
        representation: Depiction = _DEFAULT,
        channels: Sequence[int] = (32, 64),
        widths: Sequence[int] = (128, 64),
        l2: float = 0.3,
        dropout: float = 0.3,
        task: str = "regression",
        loss: str = "squared",
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        schedule: str = "one-cycle",
        decay_steps: int = 5000,
        clip: float | None = None,
        patience: int | None = None,
        validation_fraction: float = 0.0,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.channels = channels
        self.widths = widths
        self.l2 = l2
        self.dropout = dropout
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
        self.freeze_batch_norm = freeze_batch_norm
        self.random_state = random_state

    def build(self, targets: int) -> TargetModule:
        """A new network for this many targets.

        Raises
        ------
        InputError
            No or too many convolutions, or no hidden layer.
        """
        if not 1 <= len(self.channels) <= 2:
            raise InputError("an image network has one or two convolutions", value=self.channels)
        if not len(self.widths):
            raise InputError("an image network has at least one hidden layer", value=self.widths)
        background = self.representation.background
        return _Network(list(self.channels), list(self.widths), self.dropout, background, targets)

    def inputs(self, X: np.ndarray, rows: np.ndarray) -> torch.Tensor:
        """The pictures of these rows as a tensor of bytes."""
        return torch.from_numpy(np.asarray(X)[rows])

    def prepare(self, module: Any, X: np.ndarray, rows: np.ndarray) -> None:
        """Find the strongest ink in the training rows."""
        background = self.representation.background
        strongest = max(np.abs(np.asarray(X[row], int) - background).max() for row in rows)
        module.ink.fill_(float(max(strongest, 1)))

    def _objective(self) -> Objective:
        return Penalised(super()._objective(), self._penalty)

    def _penalty(self, module: Any) -> torch.Tensor:
        return weight_penalty(module, self.l2, self.task)


class _Network(TargetModule):
    """Convolutions with pooling, hidden layers, output."""

    ink: torch.Tensor

    def __init__(
        self,
        channels: list[int],
        widths: list[int],
        dropout: float,
        background: int,
        targets: int,
    ) -> None:
        super().__init__(targets)
        self.register_buffer("ink", torch.ones(()))
        self.background = background
        self.convolutions = nn.Sequential(
            *[
                PooledConvolution(a, b, _POOL)
                for a, b in zip([3, *channels], channels, strict=False)
            ]
        )
        shrunk = _POOL ** len(channels)
        flat = channels[-1] * (ROWS // shrunk) * (COLUMNS // shrunk)
        self.hidden = nn.Sequential(
            *[
                nn.Sequential(nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout))
                for before, after in zip([flat, *widths], widths, strict=False)
            ]
        )
        self.output = nn.Linear(widths[-1], targets)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.xavier_uniform_(parameter)

    def dense(self) -> list[nn.Linear]:
        """The hidden layers, whose weights are penalised."""
        return [block[0] for block in self.hidden]  # type: ignore[index,misc]

    def encode(self, inputs: torch.Tensor) -> torch.Tensor:
        """Latent vectors, shape (n, last width), of bytes (n, 50, 100, 3) or (n, k, 50, 100, 3)."""
        if inputs.ndim == 4:
            return self._look(inputs)
        if self.training:
            turn = torch.randint(inputs.shape[1], (len(inputs),))
            return self._look(inputs[torch.arange(len(inputs)), turn])
        return torch.stack([self._look(pictures) for pictures in inputs.unbind(1)]).mean(0)

    def _look(self, inputs: torch.Tensor) -> torch.Tensor:
        pictures = (inputs.float() - self.background).abs() / self.ink
        return self.hidden(self.convolutions(pictures).flatten(1))


def _steps(epochs: int, learning_rate: float, schedule: str) -> Mapping[str, Any]:
    return {"epochs": epochs, "learning_rate": learning_rate, "schedule": schedule}


MIXED: Mapping[str, Any] = MappingProxyType({"channels": (32, 64), "widths": (128, 64)})
"""Layers for a few hundred rows (figure 4)."""

SMALL: Mapping[str, Any] = MappingProxyType({"channels": (16, 32), "widths": (32,)})
"""Fewer layers and channels, for a few dozen rows (figure 5)."""

PUBLISHED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "source": _steps(40, 1e-3, "exponential"),
        "melting": _steps(500, 1e-3, "constant"),
        "clearing": _steps(1000, 1e-3, "constant"),
        "ammonium": _steps(300, 1e-3, "constant"),
    }
)
"""The published schedules: of the source, and of the three kinds of target."""

FASTER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "source": _steps(20, 2e-3, "one-cycle"),
        "melting": _steps(60, 2e-3, "one-cycle"),
        "clearing": _steps(60, 2e-3, "one-cycle"),
        "ammonium": _steps(150, 2e-3, "one-cycle"),
    }
)
"""Schedules of a fraction of the steps.

That of clearing temperatures was chosen, as the layers were, by inner folds of all 535 measured
rows, and compared with the published one without transfer; the others are set by analogy.
"""
