"""Several fitted models as one: their weighted mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from leyden.representations import Concatenated, reads_disorder, represent
from leyden.representations.ion_pair import IonPairs, StatePoints

__all__ = ["Average", "SideBySide", "prepared"]


class Inputs:
    """The inputs of several models for the same items; sliced together."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = list(parts)

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, rows: Any) -> Inputs:
        return Inputs([part[rows] for part in self.parts])


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Several representations of an item, each for its own model (`Concatenated`: one vector).

    Attributes
    ----------
    parts : tuple of Representation
    """

    kind: ClassVar[str] = "side_by_side"

    parts: tuple[Any, ...]

    def transform(self, items: Any) -> Inputs:
        """Inputs of each part."""
        return Inputs([part.transform(items) for part in self.parts])

    @property
    def reads_disorder(self) -> bool:
        """Whether all parts do."""
        return all(map(reads_disorder, self.parts))

    @property
    def pairs(self) -> IonPairs:
        """Of parts that read ion pairs: what makes the state points that `of_points` takes."""
        return IonPairs(Concatenated(tuple(part.ion for part in self.parts)))

    def of_points(self, points: StatePoints) -> Inputs:
        """Inputs of each part, of ions that are represented already, by all parts in a row."""
        inputs, start = [], 0
        for part in self.parts:
            stop = start + len(part.ion.names())
            own = points.columns(slice(start, stop))
            inputs.append(part.of_points(own) if hasattr(part, "of_points") else own)
            start = stop
        return Inputs(inputs)

    def of(self, dataset: Any) -> Inputs:
        """Inputs of each part, from what the dataset may have already."""
        return Inputs([represent(part, dataset) for part in self.parts])


class Average(BaseEstimator):
    """The weighted mean of fitted models.

    Parameters
    ----------
    models : sequence of Model
        Fitted.
    weights : sequence of float
        Not negative; used divided by their sum.
    """

    kind: ClassVar[str] = "average"

    def __init__(self, models: Sequence[Any], weights: Sequence[float]) -> None:
        self.models = models
        self.weights = weights

    @property
    def representation(self) -> SideBySide:
        """What each model reads, side by side."""
        return SideBySide(tuple(model.representation for model in self.models))

    def predict(self, X: Inputs, return_std: bool = False) -> Any:
        """Mean, and the weighted spread between the models, each (n,) or (n, t)."""
        weights = np.asarray(self.weights, float) / np.sum(self.weights)
        each = np.stack(
            [model.predict(part) for model, part in zip(self.models, X.parts, strict=True)]
        )
        mean = np.tensordot(weights, each, axes=1)
        if not return_std:
            return mean
        return mean, np.sqrt(np.tensordot(weights, (each - mean) ** 2, axes=1))

    def prepared(self, X: Inputs) -> Average:
        """The same mean, each model prepared for its part (`prepared`)."""
        models = [prepared(model, part) for model, part in zip(self.models, X.parts, strict=True)]
        return Average(models, self.weights)

    def embed(self, X: Inputs) -> np.ndarray:
        """The latent vectors of the model with the greatest weight, shape (n, d)."""
        first = int(np.argmax(self.weights))
        return self.models[first].embed(X.parts[first])


def prepared(model: Any, X: Any) -> Any:
    """The model for rows that share what `X` holds besides rows, such as tables of ions.

    A model of ion pairs computes then what depends on one ion alone, once for all rows to come; its
    predictions are the same, but for rounding.  Other models are given back as they are.
    """
    own = getattr(model, "prepared", None)
    return model if own is None else own(X)
