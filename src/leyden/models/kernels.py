"""Kernel ridge regression with a Laplace kernel, its two numbers chosen by exact leave-one-out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh, solve
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, RegressorMixin

__all__ = ["LaplaceRidge"]


class LaplaceRidge(RegressorMixin, BaseEstimator):
    """Kernel ridge regression with the kernel exp(-||x - x'||_1 / (length d)).

    `length` and `alpha` minimise the squared leave-one-out error of training rows, which one
    eigendecomposition a length gives in closed form (Rifkin & Lippert, MIT-CSAIL-TR-2007-025).

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
    ) -> None:
        self.lengths = lengths
        self.alphas = alphas
        self.search_rows = search_rows
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> LaplaceRidge:
        """Fit on standardised vectors `X` (n, d) and values `y` (n,)."""
        X, y = np.asarray(X, float), np.asarray(y, float)
        self.X_, self.mean_, self.n_features_in_ = X, float(y.mean()), X.shape[1]
        distances = self._distances(X)
        drawn = np.random.default_rng(self.random_state).permutation(len(y))[: self.search_rows]
        self.length_, self.alpha_ = self._search(distances[np.ix_(drawn, drawn)], y[drawn])
        kernel = np.exp(-distances / self.length_)
        kernel[np.diag_indices_from(kernel)] += self.alpha_
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
