"""The Tanimoto kernel of fingerprints, and exact Gaussian processes with it."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numba import njit
from scipy.linalg import cho_solve, eigh, solve_triangular
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, RegressorMixin

from leyden.errors import IncompatibleError, InputError

__all__ = ["TanimotoProcess", "tanimoto"]

_LEAST, _MOST = 1e-6, 1e3  # noise variance in units of the signal variance
_COMBINATIONS = ("sum", "product", "sum and product")


def tanimoto(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Similarities sum(min(x, y)) / sum(max(x, y)) of all rows of two matrices.

    Of bits it is the Tanimoto (Jaccard) coefficient, of counts the min-max kernel; both are
    positive definite (Ralaivola et al., Neural Netw. 18, 1093 (2005)). Two empty rows are equal:
    their similarity is 1.

    Parameters
    ----------
    X, Y : array, shape (n, d) and (m, d)
        Bits, counts, or any other values that are not negative.

    Returns
    -------
    ndarray, shape (n, m)

    Raises
    ------
    InputError
        A negative or missing value.
    IncompatibleError
        Rows of different lengths.

    Examples
    --------
    >>> tanimoto(np.array([[1, 1, 0]]), np.array([[1, 0, 0], [2, 1, 0]]))
    array([[0.5       , 0.66666667]])
    """
    same = X is Y
    X = _checked(X)
    Y = X if same else _checked(Y)
    if X.shape[1] != Y.shape[1]:
        raise IncompatibleError(
            f"fingerprints of lengths {X.shape[1]} and {Y.shape[1]} cannot be compared"
        )
    # Most of a fingerprint is empty: only what is set in a row of X is visited.
    rows, columns = np.nonzero(X)
    starts = np.searchsorted(rows, np.arange(len(X) + 1))
    shared = _shared(starts, columns, X[rows, columns], np.ascontiguousarray(Y.T))
    union = X.sum(axis=1)[:, None] + Y.sum(axis=1) - shared
    return np.divide(shared, union, out=np.ones_like(shared), where=union > 0)


class TanimotoProcess(RegressorMixin, BaseEstimator):
    """Gaussian process with a Tanimoto kernel, a constant mean and noise.

    The noise-to-signal ratio maximises the marginal likelihood, in which the mean (flat prior) and
    the signal variance are dealt with in closed form: one eigendecomposition serves all ratios
    (Rasmussen & Williams, Gaussian Processes for Machine Learning, section 2.7).

    Parameters
    ----------
    parts : int
        Into how many equal lengths a row is cut, each with a kernel of its own: 2 for the
        fingerprints of cation and anion side by side; 1 is one kernel of the whole.
    combination : {"sum", "product", "sum and product"}
        Of the kernels of the parts. A sum knows what each ion adds, a product what the pair has in
        common, and both together either.
    search_rows : int
        The ratio is sought on at most this many rows, drawn at random: it depends little on their
        number, and the search is cubic in it.
    random_state : int
        Seed of that draw.

    Attributes
    ----------
    signal_std_, noise_std_ : float
        In units of the target.
    ratio_ : float
        Noise variance in units of the signal variance.
    mean_ : float
        What is predicted far from all rows, by generalised least squares.
    """

    kind: ClassVar[str] = "tanimoto_process"

    def __init__(
        self,
        parts: int = 1,
        combination: str = "sum",
        search_rows: int = 2000,
        random_state: int = 0,
    ) -> None:
        self.parts = parts
        self.combination = combination
        self.search_rows = search_rows
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> TanimotoProcess:
        """Fit on fingerprints `X` (n, d) and values `y` (n,).

        Raises
        ------
        InputError
            Fewer than two rows, a value that is negative or missing, an unknown combination, or a
            length that cannot be cut into so many parts.
        """
        X, y = _checked(X), np.asarray(y, float)
        if len(y) < 2:
            raise InputError("a Gaussian process needs at least two rows", value=len(y))
        kernel = self._kernel(X, X)
        drawn = np.random.default_rng(self.random_state).permutation(len(y))[: self.search_rows]
        drawn.sort()
        ratio = _likeliest_ratio(kernel[np.ix_(drawn, drawn)], y[drawn])
        self.X_, self.ratio_, self._factor = _compact(X), ratio, _factor(kernel, ratio)
        self.ones_ = cho_solve((self._factor, True), np.ones(len(y)))
        self.mean_ = float(self.ones_ @ y / self.ones_.sum())
        self.dual_ = cho_solve((self._factor, True), y - self.mean_)
        signal = float((y - self.mean_) @ self.dual_ / (len(y) - 1))
        self.signal_std_, self.noise_std_ = math.sqrt(signal), math.sqrt(ratio * signal)
        return self

    def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
        """Predicted values (m,); with the standard deviation (m,) of a new measurement, too."""
        kernel = self._kernel(_checked(X), self.X_)
        mean = self.mean_ + kernel @ self.dual_
        if not return_std:
            return mean
        if not hasattr(self, "_factor"):
            self._factor = _factor(self._kernel(self.X_, self.X_), self.ratio_)
        explained = solve_triangular(self._factor, kernel.T, lower=True)
        of_mean = (1 - kernel @ self.ones_) ** 2 / self.ones_.sum()
        variance = self.signal_std_**2 * (1 - (explained**2).sum(axis=0) + of_mean)
        return mean, np.sqrt(np.maximum(variance, 0) + self.noise_std_**2)

    def __getstate__(self) -> dict[str, Any]:
        """Without the factor of the kernel: of n^2 numbers, and soon made again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_factor"}

    def _kernel(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        if self.combination not in _COMBINATIONS:
            raise InputError(f"the combination is one of {_COMBINATIONS}", value=self.combination)
        if self.parts < 1 or X.shape[1] % self.parts:
            raise InputError(
                f"fingerprints of {X.shape[1]} columns must be cut into equal parts",
                value=self.parts,
            )
        kernels = [
            tanimoto(left, right)
            for left, right in zip(
                np.split(X, self.parts, axis=1), np.split(Y, self.parts, axis=1), strict=True
            )
        ]
        total, product = np.mean(kernels, axis=0), np.prod(kernels, axis=0)
        if self.combination == "sum":
            return total
        return product if self.combination == "product" else (total + product) / 2


def _likeliest_ratio(kernel: np.ndarray, y: np.ndarray) -> float:
    """The noise-to-signal variance of largest marginal likelihood."""
    values, vectors = eigh(kernel)
    values = np.maximum(values, 0.0)
    targets, ones = vectors.T @ (y - y.mean()), vectors.sum(axis=0)

    def negative_log_likelihood(log_ratio: float) -> float:
        noisy = values + np.exp(log_ratio)
        weight = (ones**2 / noisy).sum()
        rest = targets - (ones * targets / noisy).sum() / weight * ones
        square = max((rest**2 / noisy).sum(), np.finfo(float).tiny)
        return 0.5 * ((len(y) - 1) * np.log(square) + np.log(noisy).sum() + np.log(weight))

    # The likelihood can have two maxima (all noise, all signal): a grid finds the right one.
    grid = np.linspace(np.log(_LEAST), np.log(_MOST), 43)
    best = int(np.argmin([negative_log_likelihood(point) for point in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _factor(kernel: np.ndarray, ratio: float) -> np.ndarray:
    return np.linalg.cholesky(kernel + ratio * np.eye(len(kernel)))


def _compact(X: np.ndarray) -> np.ndarray:
    """Counts in as few bytes as they need: a model file holds them."""
    whole = not (X % 1).any() and X.max(initial=0) < 2**16
    return X.astype(np.min_scalar_type(int(X.max(initial=0)))) if whole else X


def _checked(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X, float)
    if X.ndim != 2:
        raise IncompatibleError("fingerprints have the shape (n, d)")
    wrong = ~(X >= 0).all(axis=1) | ~np.isfinite(X).all(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            "a fingerprint holds bits or counts, none negative or missing",
            row=row + 1,
            remedy="give fingerprints as they are, not standardised",
        )
    return X


@njit(cache=True)
def _shared(
    starts: np.ndarray, columns: np.ndarray, values: np.ndarray, transposed: np.ndarray
) -> np.ndarray:
    """Sums of minima of sparse rows with the columns of a dense matrix, (n, m)."""
    rows, others = len(starts) - 1, transposed.shape[1]
    sums = np.zeros((rows, others))
    for row in range(rows):
        total = sums[row]
        for entry in range(starts[row], starts[row + 1]):
            value, line = values[entry], transposed[columns[entry]]
            for other in range(others):
                total[other] += min(value, line[other])
    return sums
