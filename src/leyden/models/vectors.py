"""Classical learners: any scikit-learn regressor on any representation that gives vectors.

These are the baselines that a network must beat (DESIGN, rule 4), and, on top of the embedding of
a pretrained network, the strongest learners that little data allows.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone

from leyden.errors import IncompatibleError
from leyden.representations import Concatenated, reads_disorder, represent
from leyden.representations.composition import CompositionStatistics

__all__ = [
    "NetworkEmbedding",
    "VectorRegressor",
    "baselines",
    "fit_options",
    "laplace_ridge",
]


class VectorRegressor(BaseEstimator):
    """A scikit-learn regressor, one clone a target, on a representation that gives vectors.

    Parameters
    ----------
    representation : Representation
        Its `transform` gives an array of shape (n, d).
    regressor : scikit-learn regressor or pipeline
        Cloned for each target; a missing target (NaN) costs its own regressor that row, no other.
    random_state : int
        Given to whatever in the regressor has a parameter of this name.
    """

    kind: ClassVar[str] = "vector_regressor"

    def __init__(self, representation: Any, regressor: Any, random_state: int = 0) -> None:
        self.representation = representation
        self.regressor = regressor
        self.random_state = random_state

    @property
    def reads_bounds(self) -> bool:
        """Whether the regressor takes an upper bound for what it is (`leyden.models.censored`)."""
        return bool(fit_options(self.regressor, upper_bound=True))

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        upper_bound: np.ndarray | None = None,
    ) -> VectorRegressor:
        """Fit on vectors.

        Parameters
        ----------
        X : ndarray, shape (n, d)
        y : ndarray, shape (n,) or (n, t)
        groups : ndarray, shape (n,), optional
            For regressors whose `fit` takes them: labels that their inner choices keep together.
        upper_bound : ndarray of bool, in the shape of `y`, optional
            For regressors whose `fit` takes it: where `y` is an upper bound.
        """
        X, y = np.asarray(X, float), np.asarray(y, float)
        bounds = np.zeros(y.shape, bool) if upper_bound is None else np.asarray(upper_bound, bool)
        self.one_target_ = y.ndim == 1
        self.regressors_ = []
        for column, bound in zip(
            y.reshape(len(y), -1).T, bounds.reshape(len(y), -1).T, strict=True
        ):
            known = np.isfinite(column)
            if not known.any():
                raise IncompatibleError("a target has no measured value in the training rows")
            regressor = self._fresh()
            kept = None if groups is None else np.asarray(groups)[known]
            options = fit_options(regressor, groups=kept, upper_bound=bound[known])
            self.regressors_.append(regressor.fit(X[known], column[known], **options))
        return self

    def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
        """Predictions, shape (n,) or (n, t); with their spread, NaN where it is not known."""
        X = np.asarray(X, float)
        columns = [_predict(regressor, X) for regressor in self.regressors_]
        mean = np.stack([mean for mean, _ in columns], axis=1)
        std = np.stack([std for _, std in columns], axis=1)
        if self.one_target_:
            mean, std = mean[:, 0], std[:, 0]
        return (mean, std) if return_std else mean

    def embed(self, X: np.ndarray) -> np.ndarray:
        """The vectors themselves: what the distance to the training data is measured in."""
        return np.asarray(X, float)

    def _fresh(self) -> Any:
        regressor = clone(self.regressor)
        seeds = [key for key in regressor.get_params() if key.split("__")[-1] == "random_state"]
        return regressor.set_params(**dict.fromkeys(seeds, self.random_state))


@dataclass(frozen=True, eq=False)
class NetworkEmbedding:
    """What a fitted network knows of an item, as a vector: a representation learned elsewhere.

    Attributes
    ----------
    model : NetworkModel
        Fitted; `embed` gives the vectors.
    """

    kind: ClassVar[str] = "network_embedding"

    model: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NetworkEmbedding) and other.model is self.model

    def __hash__(self) -> int:
        return id(self.model)

    def transform(self, items: Any) -> np.ndarray:
        """Embeddings, shape (n, d)."""
        return np.asarray(self.model.embed(self.model.representation.transform(items)), float)

    @property
    def reads_disorder(self) -> bool:
        """As what the model reads."""
        return reads_disorder(self.model.representation)

    def of(self, dataset: Any) -> np.ndarray:
        """Embeddings of a dataset, from the graphs that it may have already."""
        return np.asarray(self.model.embed(represent(self.model.representation, dataset)), float)


def _predict(regressor: Any, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    last = regressor[-1] if hasattr(regressor, "steps") else regressor
    if "return_std" in inspect.signature(last.predict).parameters:
        mean, std = regressor.predict(X, return_std=True)
        return mean, std
    mean = regressor.predict(X)
    return mean, np.full(len(mean), np.nan)


def fit_options(regressor: Any, **offered: Any) -> dict[str, Any]:
    """Those of the offered that the regressor's `fit` takes; a pipeline's is its last step's."""
    steps = getattr(regressor, "steps", None)
    prefix, last = ("", regressor) if steps is None else (f"{steps[-1][0]}__", steps[-1][1])
    taken = inspect.signature(last.fit).parameters
    return {prefix + name: value for name, value in offered.items() if name in taken}


def laplace_ridge(leave_out: str = "row") -> Any:
    """Kernel ridge regression with a Laplace kernel, on standardised vectors.

    `leave_out` as of `LaplaceRidge`.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from leyden.models.kernels import LaplaceRidge

    return make_pipeline(StandardScaler(), LaplaceRidge(leave_out=leave_out))


def baselines(representation: Any = None, random_state: int = 0) -> dict[str, VectorRegressor]:
    """The classical arms that every comparison carries.

    Parameters
    ----------
    representation : Representation, optional
        Default: composition statistics.
    random_state : int
        Seed of the forests.

    Returns
    -------
    dict of str to VectorRegressor
        mean, nearest neighbour, ridge, random forest, gradient boosting, SVR, and the two that won
        on small data here: extra trees and kernel ridge with a Laplace kernel.
    """
    from lightgbm import LGBMRegressor
    from sklearn.dummy import DummyRegressor
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    representation = representation or CompositionStatistics()
    boosting = LGBMRegressor(
        n_estimators=600,
        learning_rate=0.03,
        num_leaves=24,
        colsample_bytree=0.4,
        subsample=0.8,
        subsample_freq=1,
        n_jobs=1,
        verbose=-1,
    )
    regressors = {
        "mean": DummyRegressor(),
        "nearest neighbour": make_pipeline(StandardScaler(), KNeighborsRegressor(1)),
        "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13))),
        "random forest": RandomForestRegressor(300, max_features=1 / 3, n_jobs=1),
        "gradient boosting": boosting,
        "SVR": make_pipeline(StandardScaler(), SVR(C=3.0, epsilon=0.03, gamma="scale")),
        "extra trees": ExtraTreesRegressor(300, max_features=1 / 3, n_jobs=1),
        "Laplace kernel": laplace_ridge(),
    }
    return {
        name: VectorRegressor(representation, regressor, random_state)
        for name, regressor in regressors.items()
    }


def concatenated(parts: list[Any]) -> Any:
    """One representation of several: the only part itself, or their concatenation."""
    return parts[0] if len(parts) == 1 else Concatenated(tuple(parts))
