"""Whether a molecule has a mesophase on heating, and how wide: clearing against melting.

A liquid crystal that clears below its melting point shows its mesophase on cooling at most
(monotropic). Whoever predicts both temperatures predicts their difference, the mesophase range, and
from its uncertainty the probability that there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold

from leyden.conformal import ConformalIntervals
from leyden.errors import IncompatibleError, InputError

__all__ = ["Mesophase", "MesophaseCalibration", "mesophase_range"]

_RIDGE = 1e-3


def mesophase_range(
    prediction: np.ndarray, covariance: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Clearing less melting temperature, shape (n,), and its standard deviation.

    Parameters
    ----------
    prediction : ndarray, shape (n, 2)
        Clearing and melting temperatures, in this order.
    covariance : ndarray, shape (n, 2, 2), optional
        Of both. Errors that the two share take no part in their difference.
    """
    prediction = np.asarray(prediction, float)
    if prediction.ndim != 2 or prediction.shape[1] != 2:
        raise IncompatibleError("a mesophase needs two targets: clearing, then melting temperature")
    width = prediction[:, 0] - prediction[:, 1]
    if covariance is None:
        return width, None
    contrast = np.array([1.0, -1.0])
    variance = np.einsum("t,ntu,u->n", contrast, np.asarray(covariance, float), contrast)
    return width, np.sqrt(np.maximum(variance, 0.0))


class MesophaseCalibration:
    """Intervals of the mesophase range, and probabilities that it is positive, that hold.

    Of rows whose two temperatures are known and that the model had not seen, the range r is
    predicted as r', with the standard deviation s: that of the residuals, or the model's own for
    each row where it tells one. The interval is conformal (`ConformalIntervals`). The probability
    is Phi(a r' / s + b), where a and b maximise the likelihood of whether there is a mesophase:
    Platt's calibration with the link that is exact for normal errors, with his smoothed classes.

    Parameters
    ----------
    level : float
        Coverage of the intervals.

    Attributes
    ----------
    slope_, offset_ : float
        a and b. 1 and 0 where the standard deviations are right; a smaller slope where they are
        too small.
    std_ : float
        Of the residuals, in the unit of the temperatures.

    References
    ----------
    J. Platt, in Advances in Large Margin Classifiers (1999), p. 61.
    """

    kind: ClassVar[str] = "mesophase_calibration"

    def __init__(self, level: float = 0.9) -> None:
        self.level = level

    def fit(
        self, y: np.ndarray, out_of_fold: np.ndarray, covariance: np.ndarray | None = None
    ) -> MesophaseCalibration:
        """Learn from answers (n, 2) and out-of-fold predictions of them.

        Rows in which either temperature is missing do not count.

        Raises
        ------
        InputError
            Fewer than ten rows have both temperatures.
        """
        truth, _ = mesophase_range(y)
        width, std = mesophase_range(out_of_fold, covariance)
        known = np.isfinite(truth) & np.isfinite(width)
        if known.sum() < 10:
            raise InputError(
                "calibration needs ten molecules of which both temperatures are known",
                value=int(known.sum()),
            )
        truth, width = truth[known], width[known]
        self.std_ = max(float(np.sqrt(np.mean((truth - width) ** 2))), 1e-12)
        spread = np.full(len(width), self.std_) if std is None else std[known]
        self.intervals_ = ConformalIntervals(self.level).fit(truth, width, spread)
        self.slope_, self.offset_ = _probit(width / self._tamed(spread), truth > 0)
        return self

    def forecast(self, prediction: np.ndarray, covariance: np.ndarray | None = None) -> Any:
        """What is predicted of molecules.

        Returns
        -------
        DataFrame
            ``range``, ``range_lower``, ``range_upper`` in the unit of the temperatures, and
            ``probability`` of a mesophase on heating.
        """
        width, std = mesophase_range(prediction, covariance)
        spread = np.full(len(width), self.std_) if std is None else std
        lower, upper = self.intervals_.interval(width, spread)
        chance = norm.cdf(self.slope_ * width / self._tamed(spread) + self.offset_)
        return pd.DataFrame(
            {"range": width, "range_lower": lower, "range_upper": upper, "probability": chance}
        )

    def config(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {"level": self.level}

    def state(self) -> dict[str, np.ndarray]:
        """What was learned, as arrays."""
        numbers = np.array([self.std_, self.slope_, self.offset_])
        return {"numbers": numbers, **self.intervals_.state()}

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> MesophaseCalibration:
        """The calibration that `config` and `state` came from."""
        new = cls(**config)
        new.std_, new.slope_, new.offset_ = map(float, arrays["numbers"])
        new.intervals_ = ConformalIntervals.from_state(config, arrays)
        return new

    def _tamed(self, spread: np.ndarray) -> np.ndarray:
        return np.maximum(spread, 0.1 * self.std_)  # no model is that sure


class Mesophase(BaseEstimator):
    """Any model of clearing and melting temperatures, with calibrated mesophases.

    The model is fitted on all rows, and on inner folds of them, whose out-of-fold predictions
    calibrate. Rows may lack either temperature.

    Parameters
    ----------
    model : Model
        Of two targets: a network, a `VectorRegressor` (one regressor a target), a `JointProcess`.
        Where it has `predict_covariance`, it tells its own uncertainty, molecule by molecule.
    folds : int
        Inner folds.
    level : float
        Coverage of the intervals.
    random_state : int
        Seed of the folds.
    """

    kind: ClassVar[str] = "mesophase"

    def __init__(
        self, model: Any, folds: int = 5, level: float = 0.9, random_state: int = 0
    ) -> None:
        self.model = model
        self.folds = folds
        self.level = level
        self.random_state = random_state

    @property
    def representation(self) -> Any:
        """That of the model."""
        return self.model.representation

    def fit(self, X: Any, y: np.ndarray, *, groups: np.ndarray | None = None) -> Mesophase:
        """Fit on represented items and temperatures (n, 2): clearing, melting; NaN if not known.

        Parameters
        ----------
        X : represented items
        y : array, shape (n, 2)
        groups : ndarray, shape (n,), optional
            Rows that the inner folds keep together: molecules, scaffolds.
        """
        y = np.asarray(y, float)
        mesophase_range(y)
        labels = np.arange(len(y)) if groups is None else np.asarray(groups)
        splitter = GroupKFold(self.folds, shuffle=True, random_state=self.random_state)
        told = _Told(np.full(y.shape, np.nan), np.full((len(y), 2, 2), np.nan))
        for train, test in splitter.split(labels, groups=labels):
            part = _told(clone(self.model).fit(X[train], y[train]), X[test])
            told.prediction[test] = part.prediction
            if part.covariance is None:
                told = _Told(told.prediction, None)
            elif told.covariance is not None:
                told.covariance[test] = part.covariance
        self.calibration_ = MesophaseCalibration(self.level)
        self.calibration_.fit(y, told.prediction, told.covariance)
        self.model_ = clone(self.model).fit(X, y)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Clearing and melting temperatures, shape (n, 2), as the model predicts them."""
        return self.model_.predict(X, return_std=return_std)

    def forecast(self, X: Any) -> pd.DataFrame:
        """Temperatures, mesophase ranges and probabilities, as of `MesophaseCalibration`.

        ``clearing`` and ``melting`` stand before them.
        """
        told = _told(self.model_, X)
        columns = pd.DataFrame(told.prediction, columns=["clearing", "melting"])
        forecast = self.calibration_.forecast(told.prediction, told.covariance)
        return pd.concat([columns, forecast], axis=1)

    def embed(self, X: Any) -> np.ndarray:
        """As the model embeds."""
        return np.asarray(self.model_.embed(X))


@dataclass(frozen=True, eq=False)
class _Told:
    """What a model tells of rows: both temperatures, and if it can their covariance."""

    prediction: np.ndarray
    covariance: np.ndarray | None


def _told(model: Any, X: Any) -> _Told:
    if hasattr(model, "predict_covariance"):
        return _Told(*model.predict_covariance(X))
    return _Told(model.predict(X), None)


def _probit(z: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """a and b of Phi(a z + b), a not negative; drawn to 1 and 0 by a weak ridge."""
    many, few = int(positive.sum()), int((~positive).sum())
    aim = np.where(positive, (many + 1) / (many + 2), 1 / (few + 2))

    def loss(theta: np.ndarray) -> float:
        at = theta[0] * z + theta[1]
        likelihood = aim * norm.logcdf(at) + (1 - aim) * norm.logcdf(-at)
        return float(-likelihood.mean() + _RIDGE * ((theta[0] - 1) ** 2 + theta[1] ** 2))

    found = minimize(loss, np.array([1.0, 0.0]), bounds=[(0, None), (None, None)])
    return float(found.x[0]), float(found.x[1])
