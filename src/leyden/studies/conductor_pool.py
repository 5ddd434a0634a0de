"""Which of 36 descriptors: a search by least squares, its honest accuracy, and its stability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden import metrics
from leyden.models.feature_selection import (
    Selection,
    beam_search,
    misclassified,
    selection_stability,
    squared_error,
    stability_index,
)
from leyden.representations.composition import CompositionStatistics

__all__ = ["Pool", "search_pool"]

SIZE = 7
RIDGE = 1e-3  # least squares, but for descriptors that the others nearly determine
WIDTH = 10
REPEATS = 100


@dataclass(frozen=True, eq=False)
class Pool:
    """What a beam search chose among many descriptors.

    Attributes
    ----------
    names : tuple of str
        Of the p descriptors that vary.
    best : Selection
        The subset of the highest leave-one-out accuracy, on all rows.
    labels : ndarray of bool, shape (n,)
    nested : ndarray, shape (n,)
        Decision value of each row, the subset chosen without it.
    chosen : ndarray of bool, shape (repeats, p)
        The choice on random parts of the rows.
    """

    names: tuple[str, ...]
    best: Selection
    labels: np.ndarray
    nested: np.ndarray
    chosen: np.ndarray

    @property
    def optimistic(self) -> float:
        """Leave-one-out accuracy on the rows that chose the subset."""
        rows = len(self.labels)
        return 1 - int(self.best.loss * rows + 1e-9) / rows  # the rest of the loss breaks ties

    @property
    def accuracy(self) -> float:
        """Accuracy of the choice made without the row."""
        return float(((self.nested > 0) == self.labels).mean())

    @property
    def balanced(self) -> float:
        """The same, the classes counted alike."""
        said = (self.nested > 0).astype(float)
        return metrics.balanced_accuracy(self.labels.astype(float), said)

    @property
    def stability(self) -> float:
        """`stability_index` of the choices: 1 if they are equal, 0 if they are random."""
        return stability_index(self.chosen)

    def counts(self, most: int = 8) -> pd.DataFrame:
        """The descriptors that were chosen most often: ``descriptor, chosen`` in per cent."""
        often = pd.DataFrame(
            {"descriptor": self.names, "chosen in per cent": 100 * self.chosen.mean(axis=0)}
        )
        return often.nlargest(most, "chosen in per cent").reset_index(drop=True)


def search_pool(
    representation: CompositionStatistics,
    formulas: Sequence[str],
    labels: np.ndarray,
    *,
    size: int = SIZE,
    width: int = WIDTH,
    repeats: int = REPEATS,
) -> Pool:
    """Search the descriptors of a representation by closed-form leave-one-out.

    Parameters
    ----------
    representation : CompositionStatistics
    formulas : sequence of str, length n
    labels : array of bool, shape (n,)
    size, width : int
        As of `beam_search`; the smallest subset of the best loss up to this size is chosen.
    repeats : int
        Random parts of four fifths of the rows that show how stable the choice is.
    """
    X = representation.transform(list(formulas))
    varies = X.std(axis=0) > 1e-9
    names = tuple(name for name, kept in zip(representation.names(), varies, strict=True) if kept)
    X, labels = X[:, varies], np.asarray(labels) > 0
    y = np.where(labels, 1.0, -1.0)

    def select(X: np.ndarray, y: np.ndarray) -> Selection:
        found = beam_search(_standardised(X, X), y, size, width=width, ridge=RIDGE, loss=_loss)
        return min(found, key=lambda one: (round(one.loss, 9), len(one.columns)))

    nested = np.empty(len(y))
    for row in range(len(y)):
        rest = np.arange(len(y)) != row
        columns = list(select(X[rest], y[rest]).columns)
        nested[row] = _predicted(X[rest][:, columns], y[rest], X[row, columns])
    chosen = selection_stability(
        lambda X, y: select(X, y).columns, X, y, repeats=repeats, random_state=0
    )
    return Pool(names, select(X, y), labels, nested, chosen)


def _loss(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Part of the rows on the wrong side; of equal parts the smaller squared error."""
    return misclassified(y, predicted) + 1e-3 * np.minimum(squared_error(y, predicted), 1.0)


def _standardised(X: np.ndarray, known: np.ndarray) -> np.ndarray:
    scale = known.std(axis=0)
    return (X - known.mean(axis=0)) / np.where(scale > 0, scale, 1.0)


def _predicted(X: np.ndarray, y: np.ndarray, at: np.ndarray) -> float:
    """Least squares with the small ridge, the offset free."""
    Z = _standardised(X, X)
    slopes = np.linalg.solve(Z.T @ Z + RIDGE * np.eye(X.shape[1]), Z.T @ (y - y.mean()))
    return float(_standardised(at, X) @ slopes + y.mean())
