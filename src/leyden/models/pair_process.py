"""A Gaussian process on ion pairs, whose curves in temperature and pressure are physics' own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator

from leyden.errors import InputError
from leyden.models.pair_curves import curve
from leyden.models.pair_kernel import (
    PARAMETERS,
    IonSimilarity,
    PairSet,
    pair_kernel,
    prior_variance,
)
from leyden.models.prepared_process import PreparedProcess
from leyden.representations.ion_pair import IonTable, StatePoints

__all__ = ["PairProcess"]

_CHUNK = 256  # pairs whose covariance is sought at a time


class PairProcess(BaseEstimator):
    """Predicts a property of ion pairs at state points.

    The property is a curve in temperature and pressure; each of its coefficients is a Gaussian
    process over pairs, whose covariance has what a cation adds, what an anion adds, what both make
    together, and what is a pair's own (`pair_kernel`). Rows of a pair enter by their sufficient
    statistics, so that the cost is that of pairs, not of rows; and what is predicted for all pairs
    of some ions are three small matrix products.

    Parameters
    ----------
    representation : IonPairs
        Its `ion` is a concatenation: descriptors first, with columns ``MolWt`` and
        ``van_der_waals_volume_A3``, then fingerprints.
    shape : str
        The curve, one of `leyden.models.pair_curves.CURVES`.
    log : bool
        Whether the logarithm of the property is modelled: errors are then relative.
    steps, subset : int
        The lengths and variances climb the marginal likelihood in so many steps of Adam, each on
        so many pairs drawn at random; of curves with b coefficients on `subset` / sqrt(b).
    random_state : int
        Seed of these draws.

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning (2006), sections
    2.7 and 5.4.
    """

    kind: ClassVar[str] = "pair_process"

    def __init__(
        self,
        representation: Any,
        shape: str = "constant",
        log: bool = False,
        steps: int = 60,
        subset: int = 600,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.shape = shape
        self.log = log
        self.steps = steps
        self.subset = subset
        self.random_state = random_state

    def fit(self, X: StatePoints, y: np.ndarray, groups: np.ndarray | None = None) -> PairProcess:
        """Fit on state points and one property, shape (n,); rows without a value teach nothing.

        It chooses nothing by inner validation, so it has no use for `groups`.

        Raises
        ------
        InputError
            Fewer than three pairs with a value, or a value whose logarithm there is not.
        """
        y = np.asarray(y, float).ravel()
        X, y = X[np.isfinite(y)], y[np.isfinite(y)]
        if self.log and (y <= 0).any():
            raise InputError("a logarithm needs positive values", value=float(y.min()))
        y = np.log(y) if self.log else y
        places, rows = X.pairs()
        if len(places) < 3:
            raise InputError("a process over pairs needs at least three", value=len(places))
        self.mean_, self.spread_ = float(y.mean()), float(y.std()) or 1.0
        used = [np.unique(places[:, side], return_inverse=True) for side in (0, 1)]
        widths = [len(part.names()) for part in self.representation.ion.parts]
        tables = [
            table.take(own) for table, (own, _) in zip((X.cations, X.anions), used, strict=True)
        ]
        self.ions_ = [IonSimilarity.of(table, widths) for table in tables]
        sums = [
            self.extents(table)[places[:, side]] for side, table in enumerate((X.cations, X.anions))
        ]
        raw = np.log(sums[0] + sums[1])
        self.size_ = mean, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-9
        self.pairs_ = PairSet(used[0][1], used[1][1], (raw - mean) / scale)
        base = curve(self.shape, X.temperature_K, X.pressure_kPa)
        self.known_ = Statistics.of((y - self.mean_) / self.spread_, base, rows)
        self._learn(self.known_, [own.among() for own in self.ions_])
        return self

    def predict(self, X: StatePoints, return_std: bool = False) -> Any:
        """Predicted values (n,); with the standard deviation (n,) of a new measurement, too.

        The deviation costs as many triangular solutions as there are different pairs, where values
        cost none: ask for it for thousands of pairs, not for millions.
        """
        X = X.compact()
        return self.prepared(X).predict(X, return_std)

    def embed(self, X: StatePoints) -> np.ndarray:
        """Standardised coefficients of each row's curve, shape (n, b): what pairs differ in."""
        X = X.compact()
        return self.prepared(X).embed(X)

    def prepared(self, X: StatePoints) -> PreparedProcess:
        """The same process for any rows with the tables of `X`: their ions are dealt with once."""
        if not hasattr(self, "weights_"):
            raise InputError("PairProcess is not fitted", remedy="call fit first")
        return PreparedProcess(self, X)

    def _learn(self, known: Statistics, parts: list[list[torch.Tensor]]) -> None:
        """Lengths, variances and noise by marginal likelihood; then the weights of all pairs."""
        likelihood = _Likelihood(known, self.pairs_, parts)
        theta, noise = _begin(known, len(parts[0]) - 1)
        theta.requires_grad_(), noise.requires_grad_()
        steps = torch.optim.Adam([theta, noise], lr=0.1)
        random = np.random.default_rng(self.random_state)
        few = max(int(self.subset / np.sqrt(known.terms)), 3)
        for step in range(self.steps):
            drawn = np.sort(random.permutation(len(known))[:few])
            steps.zero_grad()
            prior = 0.5 * ((theta - _begin(known, len(parts[0]) - 1)[0]) ** 2).sum() / 4
            loss = (likelihood.negative(theta, noise, drawn) + prior) / len(drawn)
            loss.backward()
            steps.step()
            steps.param_groups[0]["lr"] = 0.005 + 0.1 * (1 - (step + 1) / max(self.steps, 1))
        with torch.no_grad():
            self.theta_, self.noise_ = theta.detach().numpy(), float(torch.exp(noise))
            self.weights_ = likelihood.weights(theta, noise).numpy()

    def similarities(self, X: StatePoints) -> list[list[torch.Tensor]]:
        """Similarities of the ions in the tables of `X` to those learned from."""
        tables = X.cations, X.anions
        return [own.parts(table) for own, table in zip(self.ions_, tables, strict=True)]

    def covariance(self, parts: list[list[torch.Tensor]], pairs: PairSet) -> np.ndarray:
        """Posterior covariance of the coefficients of pairs, shape (p, b, b)."""
        theta, terms = torch.as_tensor(self.theta_), self.theta_.shape[0]
        if not hasattr(self, "_factor"):
            likelihood = _Likelihood(self.known_, self.pairs_, [own.among() for own in self.ions_])
            scale = torch.tensor(1 / self.noise_, dtype=torch.float64)
            everything = np.arange(len(self.pairs_))
            self._factor = torch.linalg.cholesky(likelihood.matrix(theta, scale, everything))
            self._roots = likelihood.roots * scale
        (cations, anions), found = parts, []
        for start in range(0, len(pairs), _CHUNK):
            here = pairs.take(np.arange(start, min(start + _CHUNK, len(pairs))))
            cross = [pair_kernel(one, cations, anions, here, self.pairs_) for one in theta]
            each = torch.stack(cross, dim=-1)  # (m, p, b)
            reduced = torch.einsum("pbc,mpb->pcmb", self._roots, each).reshape(
                len(self._factor), -1
            )
            solved = torch.linalg.solve_triangular(self._factor, reduced, upper=False)
            solved = solved.reshape(-1, len(here), terms)
            prior = torch.stack([prior_variance(one, here) for one in theta], dim=-1)
            explained = torch.einsum("kmb,kmc->mbc", solved, solved)
            found.append((torch.diag_embed(prior) - explained).numpy())
        return np.concatenate(found)

    def extents(self, table: IonTable) -> np.ndarray:
        """Molar mass (g/mol) and van der Waals volume (A^3) of ions, shape (k, 2)."""
        names = self.representation.ion.names()
        wanted = [names.index("MolWt"), names.index("van_der_waals_volume_A3")]
        return table.vectors[:, wanted].astype(float)


@dataclass(frozen=True, eq=False)
class Statistics:
    """What the rows of each pair say of its curve.

    Attributes
    ----------
    products : ndarray, shape (p, b, b)
        Sum over the rows of a pair of f f^T, f the functions of the curve.
    sums : ndarray, shape (p, b)
        Sum of f y.
    squares, rows : ndarray, shape (p,)
        Sum of y^2, and number of rows.
    """

    products: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    rows: np.ndarray

    kind: ClassVar[str] = "pair_statistics"

    @classmethod
    def of(cls, y: np.ndarray, base: np.ndarray, pair: np.ndarray) -> Statistics:
        """Of rows: values (n,), functions of the curve (n, b), and places of the pairs (n,)."""
        p, b = pair.max() + 1, base.shape[1]
        products, sums = np.zeros((p, b, b)), np.zeros((p, b))
        np.add.at(products, pair, base[:, :, None] * base[:, None, :])
        np.add.at(sums, pair, base * y[:, None])
        return cls(products, sums, np.bincount(pair, y * y), np.bincount(pair))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def terms(self) -> int:
        """Functions of the curve."""
        return self.sums.shape[1]


class _Likelihood:
    """Marginal likelihood of curves whose coefficients are processes over pairs.

    With F the functions of all rows, K the covariance of the coefficients and s the noise, the
    covariance of the rows is F K F^T + s^2. All that is needed of it follows from
    A = 1 + L^T K L, where L L^T = F^T F / s^2 has one block a pair.
    """

    def __init__(self, known: Statistics, pairs: PairSet, parts: list[list[torch.Tensor]]) -> None:
        self.known, self.pairs, self.parts = known, pairs, parts
        values, vectors = np.linalg.eigh(known.products)
        roots = np.sqrt(np.maximum(values, 0))
        self.roots = torch.as_tensor(vectors * roots[:, None, :])
        safe = np.where(roots > 1e-6, roots, np.inf)
        reduced = np.einsum("pbc,pb->pc", vectors, known.sums) / safe
        self.reduced = torch.as_tensor(reduced)  # R^-1 F^T y, where F^T F = R R^T

    def negative(self, theta: torch.Tensor, noise: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        """Negative log likelihood of these pairs, constants left out."""
        scale = torch.exp(-noise)
        factor = torch.linalg.cholesky(self.matrix(theta, scale, rows))
        reduced = self.reduced[rows].reshape(-1, 1) * scale
        solved = torch.linalg.solve_triangular(factor, reduced, upper=False)
        squares = scale**2 * float(self.known.squares[rows].sum())
        explained = (reduced**2).sum() - (solved**2).sum()
        logarithm = 2 * torch.log(torch.diagonal(factor)).sum()
        return 0.5 * (
            squares - explained + logarithm + 2 * noise * float(self.known.rows[rows].sum())
        )

    def weights(self, theta: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Weights of all pairs, shape (p, b): covariance times these is the posterior mean."""
        rows, scale = np.arange(len(self.known)), torch.exp(-noise)
        factor = torch.linalg.cholesky(self.matrix(theta, scale, rows))
        reduced = (self.reduced * scale).reshape(-1, 1)
        solved = torch.cholesky_solve(reduced, factor).reshape(len(rows), self.known.terms)
        return torch.einsum("pbc,pc->pb", self.roots * scale, solved)

    def matrix(self, theta: torch.Tensor, scale: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        """A, of shape (p b, p b)."""
        pairs, roots, terms = self.pairs.take(rows), self.roots[rows] * scale, self.known.terms
        n, (cations, anions) = len(rows), self.parts
        matrix = torch.zeros(n, terms, n, terms, dtype=torch.float64)
        for term in range(terms):
            covariance = pair_kernel(theta[term], cations, anions, pairs, pairs)
            left = covariance[:, None, :, None] * roots[:, term, :, None, None]
            matrix = matrix + left * roots[None, None, :, term, :]
        flat = matrix.reshape(n * terms, n * terms)
        return flat + (1 + 1e-8) * torch.eye(n * terms, dtype=torch.float64)


def _begin(known: Statistics, parts: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the search begins: variances from the curves of the pairs, noise a twentieth."""
    ridge = 1e-2 * np.eye(known.terms) * known.rows[:, None, None]
    curves = np.linalg.solve(known.products + ridge, known.sums[:, :, None])[:, :, 0]
    spread = np.log(np.maximum(curves.var(axis=0), 1e-4))
    shares = {"constant": 1.0, "size": 0.3, "cation": 0.3, "anion": 0.3, "product": 0.3}
    shares |= {"same_cation": 0.05, "same_anion": 0.05, "same_pair": 0.03}
    theta = np.zeros((known.terms, len(PARAMETERS) + parts))
    for place, name in enumerate(PARAMETERS):
        if name in shares:
            theta[:, place] = spread + np.log(shares[name])
    return torch.as_tensor(theta), torch.log(torch.tensor(0.05, dtype=torch.float64))
