"""Kernel ridge regression with a Laplace kernel, its two numbers chosen by exact leave-one-out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh, solve
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, RegressorMixin

from leyden.errors import InputError

__all__ = ["LaplaceRidge"]


class LaplaceRidge(RegressorMixin, BaseEstimator):
    """Kernel ridge regression with the kernel exp(-||x - x'||_1 / (length d)).

    `length` and `alpha` minimise the squared leave-one-out error of training rows, which one
    eigendecomposition a length gives in closed form (Rifkin & Lippert, MIT-CSAIL-TR-2007-025).
    Where rows come in families, and a new family is what will be asked for, they minimise the
    absolute error of leaving out one group at a time, which is as closed (Dubrule, Math. Geol. 15,
    687 (1983)); far from all rows the answer is then the generalised least-squares mean, in which
    a large family counts for less than the number of its rows.

    Parameters
    ----------
    lengths : sequence of float
        Candidate lengths in units of the mean absolute difference a feature (features are
        expected standardised; d is their number).
    alphas : sequence of float
        Candidate noise-to-signal variances, the ridge on the diagonal of the kernel.
    search_rows : int
        The two numbers are sought on at most this many rows, drawn at random: neither depends on
        the number of rows, and the search is cubic in it.
    random_state : int
        Seed of that draw.
    leave_out : {"row", "group"}
        What the search leaves out at a time; groups are those that `fit` is told of.

    Attributes
    ----------
    length_, alpha_ : float
        The numbers found.
    """

    def __init__(
        self,
        lengths: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
        alphas: Sequence[float] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
        search_rows: int = 1000,
        random_state: int = 0,
        leave_out: str = "row",
    ) -> None:
        self.lengths = lengths
        self.alphas = alphas
        self.search_rows = search_rows
        self.random_state = random_state
        self.leave_out = leave_out

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> LaplaceRidge:
        """Fit on standardised vectors `X` (n, d) and values `y` (n,).

        Raises
        ------
        InputError
            Groups are to be left out, and there are fewer than two.
        """
        X, y = np.asarray(X, float), np.asarray(y, float)
        self.X_, self.mean_, self.n_features_in_ = X, float(y.mean()), X.shape[1]
        distances = self._distances(X)
        drawn = np.random.default_rng(self.random_state).permutation(len(y))[: self.search_rows]
        among = distances[np.ix_(drawn, drawn)]
        if self.leave_out == "group":
            labels = np.arange(len(y)) if groups is None else np.asarray(groups)
            self.length_, self.alpha_ = self._search_groups(among, y[drawn], labels[drawn])
        else:
            self.length_, self.alpha_ = self._search(among, y[drawn])
        kernel = np.exp(-distances / self.length_)
        kernel[np.diag_indices_from(kernel)] += self.alpha_
        if self.leave_out == "group":
            weights = solve(kernel, np.ones(len(y)), assume_a="pos")
            self.mean_ = float(weights @ y / weights.sum())
        self.dual_ = solve(kernel, y - self.mean_, assume_a="pos")
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted values, shape (m,)."""
        kernel = np.exp(-self._distances(np.asarray(X, float)) / self.length_)
        return self.mean_ + kernel @ self.dual_

    def _distances(self, X: np.ndarray) -> np.ndarray:
        return cdist(X, self.X_, "cityblock") / max(self.n_features_in_, 1)

    def _search(self, distances: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        best, chosen = np.inf, (float(self.lengths[0]), float(self.alphas[-1]))
        for length in self.lengths:
            values, vectors = eigh(np.exp(-distances / length))
            projected, squares = vectors.T @ (y - y.mean()), vectors * vectors
            for alpha in self.alphas:
                inverse = 1.0 / (np.maximum(values, 0.0) + alpha)
                left_out = (vectors @ (inverse * projected)) / (squares @ inverse)
                error = float(np.mean(left_out**2))
                if error < best:
                    best, chosen = error, (float(length), float(alpha))
        return chosen

    def _search_groups(
        self, distances: np.ndarray, y: np.ndarray, groups: np.ndarray
    ) -> tuple[float, float]:
        parts = [np.flatnonzero(groups == label) for label in np.unique(groups)]
        if len(parts) < 2:
            raise InputError(
                "leaving groups out needs at least two",
                value=len(parts),
                remedy='take leave_out="row"',
            )
        best, chosen = np.inf, (float(self.lengths[0]), float(self.alphas[-1]))
        for length in self.lengths:
            values, vectors = eigh(np.exp(-distances / length))
            for alpha in self.alphas:
                error = np.abs(_left_out(values, vectors, alpha, y, parts)).mean()
                if error < best:
                    best, chosen = float(error), (float(length), float(alpha))
        return chosen


def _left_out(
    values: np.ndarray, vectors: np.ndarray, alpha: float, y: np.ndarray, parts: list[np.ndarray]
) -> np.ndarray:
    """Errors of each part by the model of the others, mean included, shape (n,)."""
    inverse = (vectors / (np.maximum(values, 0.0) + alpha)) @ vectors.T
    sums = inverse.sum(axis=1)
    inverse -= np.outer(sums, sums) / sums.sum()  # the mean is estimated, too
    weighted, errors = inverse @ y, np.empty(len(y))
    for part in parts:
        errors[part] = solve(inverse[np.ix_(part, part)], weighted[part], assume_a="pos")
    return errors
