"""Learning from values of which some are only upper bounds.

A conductivity below what an instrument can measure is written ``<1E-10``. Put at its bound it pulls
predictions up, put at a number far below it pulls them down, and left out it takes with it what is
known of the worst conductors. Here the bound is used for what it says, by the likelihood of Tobin
(Econometrica 26, 24 (1958)): a measured y has the density N(y; f, s^2), a bound b the probability
Phi((b - f) / s) that the value lies below it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import log_ndtr
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import GroupKFold

from leyden.errors import InputError
from leyden.models.vectors import fit_options

__all__ = ["Censored", "Coded", "below_bound"]


def below_bound(mean: np.ndarray, scale: float, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of normal values of which it is known that they lie below a bound.

    With a = (b - f) / s and m = phi(a) / Phi(a): f - s m, and s^2 (1 - a m - m^2).

    Parameters
    ----------
    mean, bound : ndarray, shape (n,)
        f and b.
    scale : float
        s, above 0.

    Returns
    -------
    mean, variance : ndarray, shape (n,)
    """
    a = (np.asarray(bound, float) - mean) / scale
    ratio = np.exp(-0.5 * a * a - 0.5 * np.log(2 * np.pi) - log_ndtr(a))
    return mean - scale * ratio, scale**2 * np.clip(1 - ratio * (a + ratio), 0, 1)


class Censored(RegressorMixin, BaseEstimator):
    """Makes any scikit-learn regressor read upper bounds as such, by expectation maximisation.

    A value below a bound is unknown; its mean follows from the present prediction f and spread s
    (`below_bound`), and takes the bound's place when the regressor is fitted anew (A. P. Dempster,
    N. M. Laird, D. B. Rubin, J. R. Stat. Soc. B 39, 1 (1977)). With ``folds=0``, f is what the
    regressor says of its own training rows: for least squares and ridge regression this climbs to
    the maximum of the (penalised) Tobit likelihood. A flexible regressor would only find its own
    imputations again and drag them down further, so by default f comes from inner folds, which
    keep groups together, and s is the spread about such predictions.

    Parameters
    ----------
    regressor : scikit-learn regressor or pipeline
        Cloned for every fit.
    folds : int
        Inner folds, or 0 for none.
    iterations : int
        At most this many.
    tolerance : float
        Ends when no imputed value moves by more than this part of s.
    random_state : int
        Seed of the folds.

    Attributes
    ----------
    regressor_ : regressor
        Fitted on measured and imputed values.
    imputed_ : ndarray, shape (n_bounds,)
        What stands for the bounds.
    scale_ : float
        s, in the unit of the target: the standard deviation that `predict` tells.
    iterations_ : int
        How often values were imputed.
    """

    kind: ClassVar[str] = "censored"

    def __init__(
        self,
        regressor: Any,
        folds: int = 5,
        iterations: int = 10,
        tolerance: float = 0.05,
        random_state: int = 0,
    ) -> None:
        self.regressor = regressor
        self.folds = folds
        self.iterations = iterations
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray | None = None,
        upper_bound: np.ndarray | None = None,
    ) -> Censored:
        """Fit on vectors (n, d) and values (n,), some of which are upper bounds.

        Raises
        ------
        InputError
            Nothing but bounds, or fewer than two groups for the inner folds.
        """
        X, y = np.asarray(X, float), np.array(y, float)
        bounded = np.zeros(len(y), bool) if upper_bound is None else np.asarray(upper_bound, bool)
        if bounded.all():
            raise InputError(
                "a censored regression needs measured values beside the bounds", value=len(y)
            )
        folds = self._inner_folds(len(y), groups)
        bound, variance = y[bounded].copy(), np.zeros(0)
        self.iterations_, self.imputed_ = 0, bound
        while True:
            told = self._predictions(X, y, groups, folds)
            spread = np.sqrt((np.square(y - told).sum() + variance.sum()) / len(y))
            self.scale_ = float(max(spread, 1e-6 * np.std(y), 1e-12))
            if not bounded.any() or self.iterations_ == self.iterations:
                break
            before = self.imputed_
            self.imputed_, variance = below_bound(told[bounded], self.scale_, bound)
            if np.abs(self.imputed_ - before).max() <= self.tolerance * self.scale_:
                break
            y[bounded] = self.imputed_
            self.iterations_ += 1
        self.regressor_ = self._fitted(X, y, groups)
        return self

    def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
        """Predictions (n,), and with `return_std` the one spread s for all of them."""
        mean = self.regressor_.predict(np.asarray(X, float))
        return (mean, np.full(len(mean), self.scale_)) if return_std else mean

    def _inner_folds(self, n: int, groups: np.ndarray | None) -> list[Any]:
        if self.folds == 0:
            return []
        labels = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
        parts = min(self.folds, len(np.unique(labels)))
        if parts < 2:
            raise InputError("inner folds need two groups or more", value=parts, remedy="folds=0")
        split = GroupKFold(parts, shuffle=True, random_state=self.random_state)
        return list(split.split(labels, groups=labels))

    def _predictions(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, folds: list[Any]
    ) -> np.ndarray:
        """What the regressor says of the training rows, without having seen them if it may."""
        if not folds:
            return self._fitted(X, y, groups).predict(X)
        told = np.empty(len(y))
        for train, test in folds:
            kept = None if groups is None else np.asarray(groups)[train]
            told[test] = self._fitted(X[train], y[train], kept).predict(X[test])
        return told

    def _fitted(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None) -> Any:
        regressor = clone(self.regressor)
        return regressor.fit(X, y, **fit_options(regressor, groups=groups))


class Coded(RegressorMixin, BaseEstimator):
    """A regressor that is given one number for every upper bound, as much published work does.

    Parameters
    ----------
    regressor : scikit-learn regressor or pipeline
    value : float
        What stands for a bound, in the unit of the target.
    """

    kind: ClassVar[str] = "coded"

    def __init__(self, regressor: Any, value: float) -> None:
        self.regressor = regressor
        self.value = value

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        groups: np.ndarray | None = None,
        upper_bound: np.ndarray | None = None,
    ) -> Coded:
        """Fit on vectors (n, d) and values (n,)."""
        values = np.array(y, float)
        if upper_bound is not None:
            values[np.asarray(upper_bound, bool)] = self.value
        regressor = clone(self.regressor)
        self.regressor_ = regressor.fit(X, values, **fit_options(regressor, groups=groups))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predictions (n,)."""
        return self.regressor_.predict(X)
