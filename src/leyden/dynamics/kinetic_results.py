"""What `leyden.dynamics.Kinetics` finds: fields that plots and reports draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leyden.dynamics.blocks import Blocks

__all__ = ["ChapmanKolmogorov", "Koopman", "Timescales"]


@dataclass(frozen=True, eq=False)
class Koopman:
    """The dynamics at one lag, for k states.

    Attributes
    ----------
    lag_ps : float
    matrix : ndarray, shape (k, k)
        K; rows are where from, columns where to.
    eigenvalues : ndarray, shape (k,)
        The first is 1; then by distance from it. Complex only where the estimate is not reversible.
    eigenvalues_interval : ndarray, shape (2, k)
        Of real eigenvalues, and of the moduli of complex ones.
    singular_values : ndarray, shape (k,)
        Of C00^-1/2 C0t Ctt^-1/2; the squares add up to the VAMP-2 score.
    timescales_ps : ndarray, shape (k - 1,)
        Slowest first. NaN of an eigenvalue that is not positive, infinite of one that is 1.
    reasons : tuple of str
        Why a timescale is missing or infinite; empty where it is not.
    populations : ndarray, shape (k,)
        At equilibrium.
    eigenvectors : ndarray, shape (k, k)
        Right eigenvectors in columns, in the order of the eigenvalues, greatest element 1: states
        of opposite sign exchange with each other in that relaxation.
    matrix_interval, timescales_interval, populations_interval, eigenvectors_interval : ndarray
        Ends of 95 % intervals, shape (2, ...), by the bootstrap over `blocks`; those of timescales
        reach as far up as down on a logarithmic scale (`leyden.dynamics.timescales`).
    blocks : Blocks
        What the intervals come from.
    warnings : tuple of str
        What a reader must know.
    """

    lag_ps: float
    matrix: np.ndarray
    matrix_interval: np.ndarray
    eigenvalues: np.ndarray
    eigenvalues_interval: np.ndarray
    singular_values: np.ndarray
    timescales_ps: np.ndarray
    timescales_interval: np.ndarray
    reasons: tuple[str, ...]
    populations: np.ndarray
    populations_interval: np.ndarray
    eigenvectors: np.ndarray
    eigenvectors_interval: np.ndarray
    blocks: Blocks
    warnings: tuple[str, ...] = ()

    @property
    def vamp2(self) -> float:
        """VAMP-2 score of these memberships at this lag."""
        return float(np.square(self.singular_values).sum())


@dataclass(frozen=True, eq=False)
class Timescales:
    """Relaxation timescales at n lags.

    Attributes
    ----------
    lags_ps : ndarray, shape (n,)
    timescales_ps : ndarray, shape (n, k - 1)
        As of `Koopman`.
    interval : ndarray, shape (2, n, k - 1)
        Ends of 95 % intervals.
    reasons : tuple of tuple of str
    blocks : Blocks
    warnings : tuple of str
    """

    lags_ps: np.ndarray
    timescales_ps: np.ndarray
    interval: np.ndarray
    reasons: tuple[tuple[str, ...], ...]
    blocks: Blocks
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ChapmanKolmogorov:
    """K(n lag) beside K(lag)^n, for N multiples of the lag.

    Attributes
    ----------
    lag_ps : float
    multiples : ndarray of int, shape (N,)
        n = 1 ... N.
    estimated, predicted : ndarray, shape (N, k, k)
        K(n lag) and K(lag)^n.
    estimated_interval, predicted_interval : ndarray, shape (2, N, k, k)
        Ends of 95 % intervals of each.
    difference_band : ndarray, shape (N, k, k)
        What |estimated - predicted| stays below by chance, everywhere at once, 19 times in 20.
    blocks : Blocks
    warnings : tuple of str
    """

    lag_ps: float
    multiples: np.ndarray
    estimated: np.ndarray
    estimated_interval: np.ndarray
    predicted: np.ndarray
    predicted_interval: np.ndarray
    difference_band: np.ndarray
    blocks: Blocks
    warnings: tuple[str, ...] = ()

    @property
    def errors(self) -> np.ndarray:
        """Greatest |K(n lag) - K(lag)^n| over the elements, shape (N,)."""
        return np.abs(self.estimated - self.predicted).max((1, 2))

    @property
    def error(self) -> float:
        """Greatest of all."""
        return float(self.errors.max())

    @property
    def consistent(self) -> np.ndarray:
        """Whether chance explains the difference, shape (N,); False where it cannot be told."""
        return (np.abs(self.estimated - self.predicted) <= self.difference_band).all((1, 2))
