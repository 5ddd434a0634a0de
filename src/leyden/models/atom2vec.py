"""A learned vector an element, and what a composition of such vectors does (atom2vec-esML).

E. D. Cubuk, A. D. Sendek, E. J. Reed, J. Chem. Phys. 150, 214701 (2019): instead of properties of
the elements, a vector each, learned together with a small network on their mean, standard
deviation, least and greatest component over a composition.  Many initialisations are trained side
by side, as one module on batches of matrices: a thousand of them take little longer than a few.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from sklearn.base import clone
from torch import nn
from torch.nn import functional as F

from leyden.data.formulas import ELEMENTS
from leyden.errors import IncompatibleError, InputError
from leyden.models.network import NetworkModel, TargetModule
from leyden.representations.composition import AtomicFractions
from leyden.representations.elements import MAX_NUMBER

__all__ = ["Atom2Vec", "ElementContributions", "validation_accuracy"]

_FRACTIONS = AtomicFractions()


class ElementContributions(NamedTuple):
    """What each element does for the decision, an initialisation at a time.

    Attributes
    ----------
    elements : tuple of str
        The E elements that the network was taught with.
    values : ndarray, shape (networks, E)
        Positive for an element that speaks for class 1.
    """

    elements: tuple[str, ...]
    values: np.ndarray


class Atom2Vec(NetworkModel):
    """Networks on learned element vectors, trained side by side; their mean is the prediction.

    The networks differ in their random initial weights only.

    Parameters
    ----------
    representation : AtomicFractions
    dimension : int
        Length of an element's vector; the paper finds three to be enough.
    hidden : int
        Width of each of the two hidden layers.
    networks : int
        How many initialisations.
    task : {"classification", "regression"}
    loss : {"huber", "squared", "absolute"}
        Of scaled targets, in regression.
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, patience
        As of `TrainingSettings`.
    validation_fraction : float
        Part of the training rows that only decides when to stop; 0 trains all epochs on all rows.
    least_steps : int
        Epochs are added until as many batches have been learned from.
    random_state : int
        Seed of weights, batches and the inner validation part.
    """

    kind: ClassVar[str] = "atom2vec"
    head: ClassVar[tuple[str, ...]] = ("hidden.*", "output.*")
    prediction_batch: ClassVar[int] = 1024
    freeze_batch_norm: ClassVar[bool] = False  # there is none

    module_: _Networks

    def __init__(
        self,
        representation: AtomicFractions = _FRACTIONS,
        dimension: int = 3,
        hidden: int = 10,
        networks: int = 10,
        task: str = "classification",
        loss: str = "huber",
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 3e-2,
        weight_decay: float = 1e-4,
        schedule: str = "one-cycle",
        clip: float | None = None,
        patience: int | None = None,
        validation_fraction: float = 0.0,
        least_steps: int = 300,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.dimension = dimension
        self.hidden = hidden
        self.networks = networks
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
        self.random_state = random_state

    def build(self, targets: int) -> TargetModule:
        """New networks, each of which gives one of the `targets`."""
        for name in ("dimension", "hidden", "networks"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be positive", value=getattr(self, name))
        return _Networks(targets, self.dimension, self.hidden)

    def inputs(self, X: np.ndarray, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Elements and their fractions, each (n, K), for the K elements of the longest formula.

        Shorter ones are filled up with nothing of their most frequent element.
        """
        part = torch.as_tensor(np.asarray(X)[rows], dtype=torch.float32)
        longest = max(int((part > 0).sum(dim=1).max()), 1)
        fractions, elements = part.topk(longest, dim=1)
        return torch.where(fractions > 0, elements, elements[:, :1]), fractions

    def fit(self, X: Any, y: np.ndarray, **options: Any) -> Atom2Vec:
        """Fit all networks on atomic fractions `X` (n, 112) and one target `y` (n,).

        Further arguments are those of `NetworkModel.fit`.
        """
        y = np.asarray(y, float)
        if y.ndim != 1:
            raise InputError("one target can be learned at a time", value=y.shape)
        super().fit(X, np.repeat(y[:, None], self.networks, axis=1), **options)
        taught = np.asarray(X)[np.isfinite(y)].any(axis=0)
        with torch.no_grad():
            self.module_.taught |= torch.as_tensor(taught)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Mean over the networks, shape (n,), and with `return_std` their standard deviation.

        Probabilities of class 1 for ``task="classification"``, else in the target's unit.
        """
        each = self.predict_networks(X)
        mean = each.mean(axis=1)
        if not return_std:
            return mean
        many = each.shape[1] > 1
        return mean, each.std(axis=1, ddof=1) if many else np.full(len(mean), np.nan)

    def predict_networks(self, X: Any) -> np.ndarray:
        """What each network predicts, shape (n, networks)."""
        return super().predict(X).reshape(len(X), -1)

    def element_vectors(self) -> np.ndarray:
        """The learned vectors, shape (networks, 112, dimension); row z - 1 is of atomic number z.

        An element that was not among the training rows has the random vector it began with.
        """
        return self.module_.vectors.detach().numpy().transpose(1, 0, 2).copy()

    def contributions(self, X: np.ndarray) -> ElementContributions:
        """Projection of each element's vector on the direction in which the decision changes.

        The hidden layers bend the decision surface, so its direction is that of the plane which is
        nearest to it on given compositions: weights w and offset a that make a + w . mean(x) equal
        to the logit by least squares, where mean(x) is the mean element vector. Since fractions sum
        to one, a + w . v_e is what element e adds to that logit per unit of its fraction.

        Parameters
        ----------
        X : array, shape (n, 112)
            Compositions on which the plane is fitted, such as the training rows.
        """
        taught = self.module_.taught.numpy()
        vectors = self.element_vectors()[:, taught].astype(float)  # (B, E, D)
        logits = self._map(X, lambda module, inputs: module(inputs)).double().numpy()
        fractions = np.asarray(X, float)[:, taught]
        # centring leaves the plane as it is, and makes it the slope alone that is sought
        middle, spread = fractions.mean(axis=0), fractions - fractions.mean(axis=0)
        turned = vectors.transpose(0, 2, 1)
        curvature = turned @ (spread.T @ spread) @ vectors
        pull = turned @ (spread.T @ logits).T[:, :, None]
        slopes = np.linalg.pinv(curvature, hermitian=True) @ pull  # (B, D, 1)
        values = ((vectors - middle @ vectors[:, None]) @ slopes)[:, :, 0]
        values += logits.mean(axis=0)[:, None]
        symbols = tuple(ELEMENTS[z] for z in np.flatnonzero(taught) + 1)
        return ElementContributions(symbols, values)

    def _copy(self, start: NetworkModel, module: TargetModule) -> None:
        if isinstance(start, Atom2Vec) and start.networks != self.networks:
            raise IncompatibleError(
                f"{self.networks} networks cannot start from {start.networks}. "
                "Remedy: train as many on both."
            )
        super()._copy(start, module)


def validation_accuracy(
    model: Atom2Vec,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    *,
    dimensions: Iterable[int] = range(1, 9),
    folds: int = 5,
    random_state: int = 0,
) -> dict[int, np.ndarray]:
    """Accuracy on rows of other groups, for each length of the element vectors.

    Parameters
    ----------
    model : Atom2Vec
        Settings; its own dimension does not count.
    X : array, shape (n, 112)
    y : array, shape (n,)
        Classes 0 and 1.
    groups : array, shape (n,)
        Rows that stay together, such as formulas.
    dimensions : iterable of int
    folds : int
    random_state : int
        Seed of the folds.

    Returns
    -------
    dict of int to ndarray, shape (networks,)
        Dimension to the accuracy of each network over all rows.
    """
    from sklearn.model_selection import GroupKFold

    X, y = np.asarray(X, float), np.asarray(y, float)
    parts = list(
        GroupKFold(folds, shuffle=True, random_state=random_state).split(X, y, np.asarray(groups))
    )
    found = {}
    for dimension in dimensions:
        right = np.zeros((len(y), model.networks), bool)
        for train, test in parts:
            fitted = clone(model).set_params(dimension=dimension).fit(X[train], y[train])
            right[test] = (fitted.predict_networks(X[test]) > 0.5) == (y[test, None] > 0.5)
        found[int(dimension)] = right.mean(axis=0)
    return found


class _Linear(nn.Linear):
    """A linear layer a network, whose weights stand one below the other."""

    def __init__(self, networks: int, inputs: int, outputs: int) -> None:
        super().__init__(inputs, networks * outputs)
        self.networks = networks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(networks, n, inputs) to (networks, n, outputs)."""
        weight = self.weight.view(self.networks, -1, self.in_features)
        return torch.baddbmm(self.bias.view(self.networks, 1, -1), x, weight.transpose(1, 2))


class _Networks(TargetModule):
    """Element vectors (Z, networks, D), their statistics, two hidden layers and a logit each."""

    vectors: nn.Parameter
    taught: torch.Tensor

    def __init__(self, networks: int, dimension: int, hidden: int) -> None:
        super().__init__(networks)
        self.vectors = nn.Parameter(torch.randn(MAX_NUMBER, networks, dimension))
        self.register_buffer("taught", torch.zeros(MAX_NUMBER, dtype=torch.bool))
        self.hidden = nn.ModuleList(
            [_Linear(networks, 4 * dimension, hidden), _Linear(networks, hidden, hidden)]
        )
        self.output = _Linear(networks, hidden, 1)

    def encode(self, inputs: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """The last hidden layers side by side, shape (n, networks x hidden)."""
        last = self._hidden(*inputs)
        return last.transpose(0, 1).flatten(1)

    def forward(self, inputs: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """One logit or scaled value a network, shape (n, networks)."""
        return self.output(self._hidden(*inputs))[:, :, 0].T

    def _hidden(self, elements: torch.Tensor, fractions: torch.Tensor) -> torch.Tensor:
        """(networks, n, hidden)."""
        n, longest = elements.shape
        flat = self.vectors.flatten(1).index_select(0, elements.flatten())
        held = flat.view(n, longest, *self.vectors.shape[1:])  # (n, K, networks, D)
        weights = fractions[:, :, None, None]
        mean = (weights * held).sum(1)
        variance = (weights * (held - mean[:, None]) ** 2).sum(1)
        std = torch.sqrt(variance + 1e-12)  # of an element alone it is 0, where a root has no slope
        statistics = torch.cat([mean, std, held.amin(1), held.amax(1)], dim=2)
        x = statistics.transpose(0, 1)
        for layer in self.hidden:
            x = F.silu(layer(x))
        return x
