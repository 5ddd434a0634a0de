"""A Gaussian process of several properties at once: what one molecule's melting says of clearing.

Its covariance is a linear model of coregionalisation: a sum of kernels of molecules, each times a
matrix that says how much of it every two properties share.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.base import BaseEstimator

from leyden.errors import InputError
from leyden.models.pair_kernel import IonSimilarity
from leyden.representations.fingerprints import Fingerprint
from leyden.representations.ion_pair import IonTable

__all__ = ["Coregions", "JointProcess", "Observations", "covariance", "log_likelihood"]

_COUPLINGS = ("full", "none")
_JITTER = 1e-6
_LENGTHS = (0.5, 2.0)  # where the search begins, in root mean square standard deviations
_NOISE, _CORRELATION = 0.05, 0.6  # where the search begins, in variances of each property
_WIDTH = 1.5  # prior standard deviation of every parameter around there


class JointProcess(BaseEstimator):
    """Gaussian process of several properties of molecules, missing values dealt with exactly.

    The covariance of property t of molecule i and property u of molecule j is the sum over kernels
    q of B_q[t, u] k_q(i, j): a constant; a Matern kernel of order 3/2 of standardised descriptors;
    the Tanimoto kernel of each fingerprint; and whether i and j are one molecule, so that a value
    of its own that a kernel cannot see is shared by its properties. A molecule enters by the values
    that were measured of it, however few.

    The matrices B_q, the length of the Matern kernel and the noise of each property maximise the
    marginal likelihood of training rows times a wide prior around equal shares.

    Parameters
    ----------
    representation : Representation
        A `Fingerprint`, or a `Concatenated` of vectors of descriptors and fingerprints after them.
    coupling : {"full", "none"}
        ``"none"`` keeps every B_q diagonal: one process a property, with the same prior.
    steps : int
        Of L-BFGS.
    search_rows : int
        Parameters are sought on at most this many molecules, drawn at random.
    random_state : int
        Seed of that draw.

    Attributes
    ----------
    coregions_ : ndarray, shape (q, t, t)
        In units of each property's variance: constant, descriptors, each fingerprint, molecule.
    lengths_ : ndarray, shape (2,)
        Of the Matern kernels, in root mean square standard deviations.
    noise_ : ndarray, shape (t,)
        Variances, in the same unit.

    References
    ----------
    M. A. Alvarez, L. Rosasco, N. D. Lawrence, Found. Trends Mach. Learn. 4, 195 (2012), section 4.
    """

    kind: ClassVar[str] = "joint_process"

    def __init__(
        self,
        representation: Any,
        coupling: str = "full",
        steps: int = 40,
        search_rows: int = 500,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.coupling = coupling
        self.steps = steps
        self.search_rows = search_rows
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray, *, groups: Any = None) -> JointProcess:
        """Fit on vectors (n, d) and properties (n,) or (n, t), NaN where one is not known.

        Groups say nothing here: nothing is chosen by inner folds.

        Raises
        ------
        InputError
            Fewer than two values of a property, or an unknown coupling.
        """
        if self.coupling not in _COUPLINGS:
            raise InputError(f"the coupling is one of {_COUPLINGS}", value=self.coupling)
        y = np.asarray(y, float)
        self.one_target_, y = y.ndim == 1, y.reshape(len(y), -1)
        if (np.isfinite(y).sum(axis=0) < 2).any():
            raise InputError("a process needs two values of each property")
        known = np.isfinite(y).any(axis=1)
        X, y = np.asarray(X, float)[known], y[known]
        self.mean_, spread = np.nanmean(y, axis=0), np.nanstd(y, axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.known_ = Observations.of((y - self.mean_) / self.scale_)
        self.molecules_ = IonSimilarity.of(_table(X), self._widths())
        parts = self.molecules_.among()
        drawn = np.random.default_rng(self.random_state).permutation(len(X))[: self.search_rows]
        self._search(parts, self.known_.among(np.sort(drawn)), y.shape[1])
        self._factor = _factor(
            _between(parts, self.known_, self.known_), self._coregions(), self.known_.task
        )
        values = torch.as_tensor(self.known_.value)[:, None]
        self.dual_ = torch.cholesky_solve(values, self._factor)[:, 0].numpy()
        return self

    def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
        """Predicted values, shape of `y`; with the standard deviation of a new measurement, too."""
        cross, mean = self._cross(X)
        values = mean[:, 0] if self.one_target_ else mean
        if not return_std:
            return values
        spread = self._posterior(X, cross)
        std = np.sqrt(np.maximum(np.einsum("mtt->mt", spread), 0.0))
        return values, std[:, 0] if self.one_target_ else std

    def predict_covariance(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (m, t), and covariances (m, t, t) of new measurements of each molecule."""
        cross, mean = self._cross(X)
        return mean, self._posterior(X, cross)

    def embed(self, X: np.ndarray) -> np.ndarray:
        """The vectors themselves."""
        return np.asarray(X, float)

    def __getstate__(self) -> dict[str, Any]:
        """Without the factor of the covariance: of n^2 numbers, and soon made again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_factor"}

    def _widths(self) -> list[int]:
        """Columns of the descriptors (0 if there are none), and of each fingerprint."""
        parts = getattr(self.representation, "parts", (self.representation,))
        first = [part for part in parts if not isinstance(part, Fingerprint)]
        if list(parts[: len(first)]) != first:
            raise InputError("descriptors stand before fingerprints", value=self.representation)
        widths = [len(part.names()) for part in parts]
        return [sum(widths[: len(first)]), *widths[len(first) :]]

    def _coregions(self) -> Coregions:
        arrays = self.coregions_, self.lengths_, self.noise_
        return Coregions(*(torch.as_tensor(array) for array in arrays))

    def _search(self, parts: Sequence[torch.Tensor], known: Observations, targets: int) -> None:
        begin = _begin(len(parts) + len(_LENGTHS), targets, self.coupling)
        free, among = torch.tensor(begin.free), _between(parts, known, known)

        def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
            moving = torch.tensor(theta, requires_grad=True)
            every = torch.as_tensor(begin.theta).clone()
            every[free] = moving
            likelihood = log_likelihood(among, _unpacked(every, targets), known)
            prior = 0.5 * ((moving - torch.as_tensor(begin.theta)[free]) / _WIDTH).square().sum()
            loss = prior - likelihood
            (gradient,) = torch.autograd.grad(loss, moving)
            return float(loss.detach()), gradient.numpy()

        found = minimize(
            objective,
            begin.theta[begin.free],
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.steps},
        )
        theta = begin.theta.copy()
        theta[begin.free] = found.x
        best = _unpacked(torch.as_tensor(theta), targets)
        self.coregions_, self.noise_ = best.matrices.numpy(), best.noise.numpy()
        self.lengths_ = best.lengths.numpy()

    def _cross(self, X: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """Covariance of all properties (m t) with what is known, and their means (m, t)."""
        if not hasattr(self, "dual_"):
            raise InputError("JointProcess is not fitted", remedy="call fit first")
        X, targets = np.asarray(X, float), len(self.mean_)
        asked = Observations.of(np.zeros((len(X), targets)))
        parts = _between(self.molecules_.parts(_table(X)), asked, self.known_)
        cross = covariance(parts, self._coregions(), asked.task, self.known_.task)
        mean = (cross.numpy() @ self.dual_).reshape(len(X), targets)
        return cross, mean * self.scale_ + self.mean_

    def _posterior(self, X: np.ndarray, cross: torch.Tensor) -> np.ndarray:
        if not hasattr(self, "_factor"):
            among = _between(self.molecules_.among(), self.known_, self.known_)
            self._factor = _factor(among, self._coregions(), self.known_.task)
        solved = torch.linalg.solve_triangular(self._factor, cross.T, upper=False).numpy()
        solved = solved.reshape(len(solved), -1, len(self.mean_))
        prior = self.coregions_.sum(axis=0) + np.diag(self.noise_)
        spread = prior - np.einsum("kmt,kmu->mtu", solved, solved)
        return spread * self.scale_[:, None] * self.scale_


@dataclass(frozen=True, eq=False)
class Observations:
    """Values of properties of molecules, one after the other.

    Attributes
    ----------
    row, task : ndarray of int, shape (n,)
        Which molecule, and which property.
    value : ndarray, shape (n,)
    """

    row: np.ndarray
    task: np.ndarray
    value: np.ndarray

    kind: ClassVar[str] = "observations"

    @classmethod
    def of(cls, y: np.ndarray) -> Observations:
        """Those that a table (molecules, properties) has; NaN is none."""
        row, task = np.nonzero(np.isfinite(y))
        return cls(row, task, y[row, task])

    def among(self, rows: np.ndarray) -> Observations:
        """Those of these molecules."""
        kept = np.isin(self.row, rows)
        return Observations(self.row[kept], self.task[kept], self.value[kept])


@dataclass(frozen=True, eq=False)
class Coregions:
    """What properties share of each kernel.

    Attributes
    ----------
    matrices : Tensor, shape (q, t, t)
        Of the constant, the descriptors, each fingerprint, and the molecule itself; symmetric,
        none negative definite.
    lengths : Tensor, shape (l,)
        Of the kernels of descriptors.
    noise : Tensor, shape (t,)
        Variance of a measurement of each property.
    """

    matrices: torch.Tensor
    lengths: torch.Tensor
    noise: torch.Tensor


def covariance(
    parts: Sequence[torch.Tensor], shared: Coregions, left: np.ndarray, right: np.ndarray
) -> torch.Tensor:
    """Covariance without noise of m observations with k others, shape (m, k).

    Parameters
    ----------
    parts : sequence of Tensor, each of shape (m, k)
        Of the molecules observed: mean squared distance of descriptors, then similarities.
    shared : Coregions
    left, right : ndarray of int, shape (m,) and (k,)
        The property that each observation is of.
    """
    distance, *alike = parts
    scaled = torch.sqrt(3.0 * distance + 1e-12) / shared.lengths[:, None, None]
    kernels = [*((1.0 + scaled) * torch.exp(-scaled)), *alike]
    # Products with zeros and ones: the gradient of indexing would run over all m k places.
    identity = torch.eye(shared.matrices.shape[1], dtype=shared.matrices.dtype)
    rows, columns = identity[left], identity[right].T
    total = rows @ shared.matrices[0] @ columns
    for matrix, kernel in zip(shared.matrices[1:], kernels, strict=True):
        total = total + (rows @ matrix @ columns) * kernel
    return total


def log_likelihood(
    parts: Sequence[torch.Tensor], shared: Coregions, known: Observations
) -> torch.Tensor:
    """Logarithm of the probability density of what is known; `parts` as of `covariance`."""
    factor = _factor(parts, shared, known.task)
    values = torch.as_tensor(known.value)[:, None]
    solved = torch.linalg.solve_triangular(factor, values, upper=False)
    logarithm = torch.log(torch.diagonal(factor)).sum()
    return -0.5 * (solved**2).sum() - logarithm - 0.5 * len(values) * math.log(2 * math.pi)


def _factor(parts: Sequence[torch.Tensor], shared: Coregions, task: np.ndarray) -> torch.Tensor:
    noise = shared.noise[torch.as_tensor(task)] + _JITTER
    return torch.linalg.cholesky(covariance(parts, shared, task, task) + torch.diag(noise))


def _between(
    parts: Sequence[torch.Tensor], left: Observations, right: Observations
) -> list[torch.Tensor]:
    """What lies between molecules, laid out for what was observed of them."""
    rows, columns = torch.as_tensor(left.row), torch.as_tensor(right.row)
    return [part[rows][:, columns] for part in parts]


@dataclass(frozen=True, eq=False)
class _Begin:
    theta: np.ndarray
    free: np.ndarray


def _begin(kernels: int, targets: int, coupling: str) -> _Begin:
    """Where the search begins: equal shares of the variance; and what of it may move."""
    root = np.linalg.cholesky(
        np.full((targets, targets), _CORRELATION) + (1 - _CORRELATION) * np.eye(targets)
    )
    root = np.eye(targets) if coupling == "none" else root
    shares = np.full(kernels, 1.0 / kernels)
    roots = np.sqrt(shares)[:, None, None] * root
    places = np.arange(targets)
    roots[:, places, places] = np.log(roots[:, places, places])
    lower = np.tril(np.ones((targets, targets), bool), 0 if coupling == "full" else -targets)
    lower[places, places] = True
    noise = np.full(targets, np.log(_NOISE))
    theta = np.concatenate([roots.ravel(), noise, np.log(_LENGTHS)])
    free = np.concatenate([np.tile(lower.ravel(), kernels), np.ones(targets + len(_LENGTHS), bool)])
    return _Begin(theta, free)


def _unpacked(theta: torch.Tensor, targets: int) -> Coregions:
    """Of roots, whose diagonals are logarithms, and logarithms of noise and length."""
    first, last = -targets - len(_LENGTHS), -len(_LENGTHS)
    roots = theta[:first].reshape(-1, targets, targets)
    diagonal = torch.diag_embed(torch.exp(torch.diagonal(roots, dim1=1, dim2=2)))
    roots = torch.tril(roots, -1) + diagonal
    matrices = roots @ roots.transpose(1, 2)
    return Coregions(matrices, torch.exp(theta[last:]), torch.exp(theta[first:last]))


def _table(X: np.ndarray) -> IonTable:
    """Rows of vectors as a table: equal vectors are one molecule."""
    keys = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in np.ascontiguousarray(X)]
    return IonTable(np.array(keys, dtype=str), X)
