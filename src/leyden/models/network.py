"""The scikit-learn face that all networks of the package share."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from leyden.errors import IncompatibleError, InputError
from leyden.models.configuration import described, rebuilt
from leyden.models.objectives import Classification, Regression
from leyden.models.weights import copy_weights, freeze, parameter_groups
from leyden.training import History, Objective, TrainingSettings, train

__all__ = ["NetworkModel", "TargetModule"]


class TargetModule(nn.Module):
    """A network with its target scaler: what `NetworkModel` trains.

    A subclass has a submodule `output`, whose last layer gives the scaled targets, and
    `encode(inputs)`, which gives the latent vectors (n, d) that `output` starts from.

    Attributes
    ----------
    target_mean, target_scale : Tensor, shape (t,)
        Buffers: mean and standard deviation of the training rows, so that they are saved with it.
    """

    additions: ClassVar[tuple[str, ...]] = ()
    """Layers that a network to start from may lack; they then begin at zero."""

    output: nn.Module
    target_mean: torch.Tensor
    target_scale: torch.Tensor

    def __init__(self, targets: int) -> None:
        super().__init__()
        self.register_buffer("target_mean", torch.zeros(targets))
        self.register_buffer("target_scale", torch.ones(targets))

    def encode(self, inputs: Any) -> torch.Tensor:
        """Latent vectors, shape (n, d)."""
        raise NotImplementedError

    def forward(self, inputs: Any) -> torch.Tensor:
        """Scaled targets (regression) or logits (classification), shape (n, t)."""
        return self.output(self.encode(inputs))

    def last_layer(self) -> str:
        """Start of the names of what other targets need anew."""
        names = [name for name, part in self.output.named_modules() if isinstance(part, nn.Linear)]
        return ".".join(part for part in ("output", names[-1]) if part) + "."


class NetworkModel(BaseEstimator):
    """Base of the models whose heart is a torch module.

    A subclass has the constructor parameters ``representation``, ``task``, ``loss``, ``epochs``,
    ``batch_size``, ``learning_rate``, ``weight_decay``, ``schedule``, ``clip``, ``patience``,
    ``validation_fraction``, ``freeze_batch_norm`` and ``random_state``, and defines `build` and
    `inputs`.

    Attributes
    ----------
    module_ : TargetModule
        The fitted network, in evaluation mode.
    history_ : History
        Loss and validation score of each epoch.
    """

    kind: ClassVar[str]
    head: ClassVar[tuple[str, ...]] = ("output.*",)
    """Patterns of the parameters after the encoder."""

    prediction_batch: ClassVar[int] = 256
    module_: TargetModule
    history_: History

    def build(self, targets: int) -> TargetModule:
        """A new module; its random weights are drawn from torch's generator."""
        raise NotImplementedError

    def inputs(self, X: Any, rows: np.ndarray) -> Any:
        """What the module takes for these rows of the represented items."""
        raise NotImplementedError

    def prepare(self, module: TargetModule, X: Any, rows: np.ndarray) -> None:
        """Fit scalers of a new module on the training rows; one that starts from another has its.

        Here there is nothing to prepare.
        """

    def weights(self, X: Any, y: np.ndarray) -> np.ndarray | None:
        """What each value of `y` counts, (n, t), if the objective asks for it; here it does not."""
        return None

    @classmethod
    def reads(cls) -> type:
        """The class that its representation must be of; here that of the default."""
        return type(cls().representation)

    def fit(
        self,
        X: Any,
        y: np.ndarray,
        *,
        start: NetworkModel | None = None,
        train: str | Sequence[str] = "all",
        learning_rates: Mapping[str, float] | None = None,
        groups: Sequence[Any] | np.ndarray | None = None,
        checkpoint: Path | str | None = None,
        progress: bool = False,
    ) -> NetworkModel:
        """Fit on represented items.

        Parameters
        ----------
        X : represented items
            What `representation.transform` gave, n rows.
        y : array, shape (n,) or (n, t)
            Targets in their own unit, or 0 and 1 for ``task="classification"``; NaN where a target
            is not known.
        start : NetworkModel, optional
            A fitted model of the same class. Its weights are where training begins; where it has
            another number of targets, the last layer is made anew. It is not changed.
        train : {"all", "head"} or sequence of str
            Which parameters move: all, those after the encoder, or those whose names match one of
            these patterns (as in file names). The others stay, bit by bit, and so do the
            statistics of their batch norms.
        learning_rates : mapping of str to float, optional
            Pattern to factor of the learning rate; the first pattern that matches counts.
        groups : array, shape (n,), optional
            Rows of one group are not torn apart by the inner validation part.
        checkpoint : path, optional
            Written every epoch; a fit that was interrupted goes on from it.
        progress : bool
            Show a progress bar.

        Raises
        ------
        InputError
            A pattern matches nothing; shapes do not fit; a class is neither 0 nor 1.
        IncompatibleError
            `start` is of another class or architecture.
        """
        y = self._checked(X, y)
        learning, checking = self._inner_split(y, groups)
        module = self._begun(X, y, learning, start)
        if self.task == "regression":
            _fit_scaler(module, y[learning])
        weights = self.weights(X, y)
        arrays = [y] if weights is None else [y, weights]
        taught = [torch.tensor(array, dtype=torch.float32) for array in arrays]
        norms = freeze(module, train, self.head, batch_norms=self.freeze_batch_norm)
        self.history_ = _train(
            module,
            self._objective(),
            lambda rows: (self.inputs(X, rows), *(part[rows] for part in taught)),
            learning,
            checking,
            self._settings(len(learning)),
            parameter_groups=parameter_groups(module, learning_rates or {}),
            frozen=norms,
            checkpoint=checkpoint,
            identity="" if checkpoint is None else self._identity(X, y),
            progress=progress,
        )
        self.module_ = module
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict represented items.

        Returns
        -------
        ndarray, shape (n,) or (n, t)
            Targets in their own unit; probabilities of class 1 for ``task="classification"``. With
            `return_std` also their spread, which one network does not know: NaN.
        """
        scaled = self._map(X, lambda module, inputs: module(inputs))
        if self.task == "classification":
            values = torch.sigmoid(scaled).double().numpy()
        else:
            scale, mean = self.module_.target_scale.double(), self.module_.target_mean.double()
            values = (scaled.double() * scale + mean).numpy()
        values = values[:, 0] if values.shape[1] == 1 else values
        return (values, np.full(values.shape, np.nan)) if return_std else values

    def embed(self, X: Any) -> np.ndarray:
        """Latent vectors of represented items, shape (n, d)."""
        return self._map(X, lambda module, inputs: module.encode(inputs)).numpy()

    def config(self) -> dict[str, Any]:
        """Constructor parameters, as JSON can hold them."""
        return {**self.get_params(deep=False), "representation": described(self.representation)}

    def state(self) -> dict[str, np.ndarray]:
        """Weights and buffers by name."""
        return {name: tensor.numpy().copy() for name, tensor in self.module_.state_dict().items()}

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None
    ) -> NetworkModel:
        """The model that gave this `config` and `state`; unfitted without the latter."""
        settings = dict(config)
        family = cls.reads()
        representation = rebuilt(settings.pop("representation"), family)
        if not isinstance(representation, family):
            kind = getattr(family, "kind", family.__name__)
            raise IncompatibleError(f"{cls.__name__} needs a representation of kind {kind}")
        model = cls(representation=representation, **settings)
        if arrays is not None:
            model.module_ = model.build(len(arrays["target_mean"]))
            tensors = {name: torch.as_tensor(array) for name, array in arrays.items()}
            model.module_.load_state_dict(tensors)
            model.module_.eval()
        return model

    def _map(self, X: Any, function: Callable[[Any, Any], torch.Tensor]) -> torch.Tensor:
        """`function` of module and inputs, batch by batch."""
        if not hasattr(self, "module_"):
            raise InputError(f"{type(self).__name__} is not fitted", remedy="call fit first")
        starts = range(0, max(len(X), 1), self.prediction_batch)
        chunks = (np.arange(i, min(i + self.prediction_batch, len(X))) for i in starts)
        with torch.no_grad():
            return torch.cat([function(self.module_, self.inputs(X, rows)) for rows in chunks])

    def _settings(self, rows: int) -> TrainingSettings:
        names = TrainingSettings.__dataclass_fields__.keys() & self.get_params(deep=False).keys()
        settings = TrainingSettings(**{name: getattr(self, name) for name in names})
        batches = math.ceil(rows / settings.batch_size)
        epochs = max(settings.epochs, math.ceil(getattr(self, "least_steps", 0) / batches))
        return dataclasses.replace(settings, epochs=epochs)

    def _objective(self) -> Objective:
        return Classification() if self.task == "classification" else Regression(self.loss)

    def _checked(self, X: Any, y: np.ndarray) -> np.ndarray:
        y = np.asarray(y, float)
        y = y[:, None] if y.ndim == 1 else y
        if y.ndim != 2 or len(y) != len(X):
            raise InputError(f"{len(X)} items need one row of targets each", value=y.shape)
        if len(y) < 2:
            raise InputError("a network needs at least two training rows", value=len(y))
        if np.isinf(y).any():
            raise InputError(
                "a target must be finite, or NaN where it is not known",
                row=int(np.isinf(y).any(1).argmax()) + 1,
            )
        if np.isnan(y).all(0).any():
            raise InputError("a target has no known value in the training rows")
        if self.task not in ("regression", "classification"):
            raise InputError(
                "the task is not known", value=self.task, remedy="regression or classification"
            )
        if self.task == "classification" and not np.isin(y[~np.isnan(y)], (0, 1)).all():
            raise InputError("classes are 0 and 1, and NaN where they are not known")
        return y

    def _begun(
        self, X: Any, y: np.ndarray, learning: np.ndarray, start: NetworkModel | None
    ) -> TargetModule:
        """A module with random weights, or with those of `start`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            module = self.build(y.shape[1])
        if start is None:
            self.prepare(module, X, learning)
        else:
            self._copy(start, module)
        return module

    def _copy(self, start: NetworkModel, module: TargetModule) -> None:
        if type(start) is not type(self):
            raise IncompatibleError(
                f"a {type(self).__name__} cannot start from a {type(start).__name__}"
            )
        renewed = self._renews_output(start, module)
        anew = (module.last_layer(), "target_") if renewed else ()
        copy_weights(start.module_.state_dict(), module, anew=anew, additions=module.additions)

    def _renews_output(self, start: NetworkModel, module: TargetModule) -> bool:
        """Whether the last layer begins anew, since that of `start` speaks of other targets."""
        return len(start.module_.target_mean) != len(module.target_mean)

    def _inner_split(self, y: np.ndarray, groups: Any) -> tuple[np.ndarray, np.ndarray]:
        """Rows that teach, and rows that decide when to stop; groups stay whole."""
        everything = np.arange(len(y))
        if not 0 <= self.validation_fraction < 1:
            raise InputError(
                "validation_fraction must lie in [0, 1)", value=self.validation_fraction
            )
        wanted = round(self.validation_fraction * len(y))
        if wanted == 0:
            return everything, everything[:0]
        labels = (
            everything if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        )
        order = np.random.default_rng(self.random_state).permutation(labels.max() + 1)
        sizes = np.cumsum(np.bincount(labels)[order])
        chosen = order[: np.searchsorted(sizes, wanted) + 1]
        checking = np.isin(labels, chosen)
        if (~checking).sum() < 2 or np.isnan(y[~checking]).all(0).any():
            return everything, everything[:0]  # too few groups to spare any
        return everything[~checking], everything[checking]

    def _identity(self, X: Any, y: np.ndarray) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(y, "<f8").tobytes())
        digest.update(repr(sorted(self.config().items(), key=str)).encode())
        for part in vars(X).values() if hasattr(X, "__dict__") else [X]:
            if isinstance(part, np.ndarray):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


_train = train  # `fit` has an argument of this name, as its readers expect


def _fit_scaler(module: TargetModule, y: np.ndarray) -> None:
    scale = np.nanstd(y, axis=0)
    module.target_mean.copy_(torch.as_tensor(np.nanmean(y, axis=0)))
    module.target_scale.copy_(torch.as_tensor(np.where(scale > 0, scale, 1.0)))
