"""A process on pairs among ions that are known beforehand: each is dealt with once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch

from leyden.models.pair_curves import curve
from leyden.models.pair_kernel import PARAMETERS, PairSet, ion_kernel
from leyden.representations.ion_pair import StatePoints, check_tables

__all__ = ["PreparedProcess"]


class PreparedProcess:
    """The posterior of a `PairProcess` for all pairs of the ions in two tables.

    Its mean is a sum over the pairs learned from, of what a cation adds, what an anion adds and
    what both make together.  The sums over what was learned are done once for each ion; a pair then
    is a product of two short rows, one of its cation and one of its anion.

    Parameters
    ----------
    process : PairProcess
        Fitted.
    X : StatePoints
        Its tables are those of all rows to come.
    """

    def __init__(self, process: Any, X: StatePoints) -> None:
        self.process, self._X = process, X
        self._extents = [process.extents(table) for table in (X.cations, X.anions)]
        similar = process.similarities(X)
        self._terms = [
            _Term(torch.as_tensor(theta), similar, process.pairs_, weights)
            for theta, weights in zip(process.theta_, process.weights_.T, strict=True)
        ]

    def predict(self, X: StatePoints, return_std: bool = False) -> Any:
        """As `PairProcess.predict`, of rows with the tables that were prepared for."""
        process = self.process
        base = curve(process.shape, X.temperature_K, X.pressure_kPa)
        y = (self.embed(X) * base).sum(axis=1) * process.spread_ + process.mean_
        y = np.exp(y) if process.log else y
        if not return_std:
            return y
        places, rows = X.pairs()
        pairs = PairSet(places[:, 0], places[:, 1], self._sizes(places[:, 0], places[:, 1]))
        covariance = process.covariance(self._similarities, pairs)[rows]
        variance = np.einsum("nb,nbc,nc->n", base, covariance, base) + process.noise_**2
        std = np.sqrt(np.maximum(variance, 0)) * process.spread_
        return y, std * y if process.log else std

    def embed(self, X: StatePoints) -> np.ndarray:
        """As `PairProcess.embed`."""
        check_tables(self._X, X)
        used = np.flatnonzero(np.bincount(X.cation))
        cation = np.searchsorted(used, X.cation)
        sizes = self._sizes(X.cation, X.anion)
        return np.stack(
            [own.table(used)[cation, X.anion] + sizes @ own.size for own in self._terms], axis=1
        )

    @cached_property
    def _similarities(self) -> list[list[torch.Tensor]]:
        return self.process.similarities(self._X)  # type: ignore[no-any-return]

    def _sizes(self, cation: np.ndarray, anion: np.ndarray) -> np.ndarray:
        """Standardised logarithms of mass and volume of pairs, shape (p, 2)."""
        mean, scale = self.process.size_
        return (np.log(self._extents[0][cation] + self._extents[1][anion]) - mean) / scale  # type: ignore[no-any-return]


class _Term:
    """One coefficient of the curve: the kernel times `weights`, summed over the pairs learned from.

    Attributes
    ----------
    size : ndarray, shape (2,)
        What it gains with the standardised size of a pair.
    """

    def __init__(
        self,
        theta: torch.Tensor,
        similar: list[list[torch.Tensor]],
        known: PairSet,
        weights: np.ndarray,
    ) -> None:
        by_name = dict(zip(PARAMETERS, np.exp(theta.numpy()), strict=False))
        logits = theta[len(PARAMETERS) :]
        kc, ka = (
            ion_kernel(parts, length, logits).numpy()
            for parts, length in zip(similar, theta[:2], strict=True)
        )
        one_cation, one_anion = (parts[-1].numpy() for parts in similar)
        both = np.zeros((kc.shape[1], ka.shape[1]))
        np.add.at(both, (known.cation, known.anion), weights)
        alone = by_name["cation"] * kc + by_name["same_cation"] * one_cation
        other = by_name["anion"] * ka + by_name["same_anion"] * one_anion
        self.size = by_name["size"] * (known.size.T @ weights)
        self._cation = by_name["constant"] * weights.sum() + alone @ both.sum(axis=1)
        self._anion = other @ both.sum(axis=0)
        together, own = by_name["product"] * kc @ both, by_name["same_pair"] * one_cation @ both
        self._left = np.hstack([together, own])
        self._right = np.hstack([ka, one_anion]).T

    def table(self, cations: np.ndarray) -> np.ndarray:
        """All but size, of these cations (k) with all anions (m), shape (k, m)."""
        added = self._cation[cations, None] + self._anion
        return np.asarray(added + self._left[cations] @ self._right)
