"""Intervals with a stated coverage, from residuals of rows that the model had not seen.

References
----------
Barber, Candes, Ramdas, Tibshirani, Predictive inference with the jackknife+, Annals of Statistics
49, 486 (2021): CV+ and its guarantee.
Lei et al., Distribution-free predictive inference for regression, JASA 113, 1094 (2018), section
5.2: residuals divided by an estimate of their spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from leyden.errors import IncompatibleError, InputError

__all__ = ["ConformalIntervals", "IntervalsByCategory", "cross_coverage"]


class ConformalIntervals:
    """Intervals with a stated coverage from out-of-fold residuals, target by target.

    With residuals R_i = abs(y_i - f_{-k(i)}(x_i)) of folds that keep groups together, the interval
    of a new item is f(x) +- the ceil(level (n + 1))-th smallest R_i, where f is the model of all
    rows: the plain cross-validated interval, which needs only one saved model.  Given the
    predictions of the fold models as well, `interval` returns CV+ of Barber et al., which has a
    guarantee (coverage at least 2 level - 1, and near `level` in practice).  With standard
    deviations, residuals are divided by them, so that the width follows the model's own doubt.

    Parameters
    ----------
    level : float
        Wanted coverage, between 0 and 1.
    """

    kind = "conformal_intervals"

    def __init__(self, level: float = 0.9) -> None:
        if not 0 < level < 1:
            raise InputError("the level lies between 0 and 1", value=level)
        self.level = level

    def fit(
        self,
        y: np.ndarray,
        out_of_fold: np.ndarray,
        std: np.ndarray | None = None,
        fold: np.ndarray | None = None,
    ) -> ConformalIntervals:
        """Learn the residuals.

        Parameters
        ----------
        y, out_of_fold : ndarray, shape (n,) or (n, t)
            Answers and out-of-fold predictions.  Rows without an answer do not count; a row with
            an answer and no prediction counts as an unbounded residual.
        std : ndarray of the same shape, optional
            Out-of-fold standard deviations.
        fold : ndarray of int, shape (n,), optional
            Fold of each row, needed for CV+.
        """
        y, predicted = _columns(y), _columns(out_of_fold)
        if y.shape != predicted.shape:
            raise IncompatibleError(f"answers {y.shape} and predictions {predicted.shape} differ")
        known = np.isfinite(y)
        if not known.any(axis=0).all():
            raise InputError("calibration needs at least one answer of every target")
        residual = np.abs(y - predicted)
        self.floor_: np.ndarray | None = None
        if std is not None:
            spread = _columns(std)
            self.floor_ = np.array([_floor(s[k]) for s, k in zip(spread.T, known.T, strict=True)])
            residual = residual / np.maximum(spread, self.floor_)
        residual = np.where(np.isfinite(residual), residual, np.inf)
        self.residuals_ = np.where(known, residual, np.nan)
        self.fold_ = None if fold is None else np.asarray(fold)
        return self

    def interval(
        self,
        prediction: np.ndarray,
        std: np.ndarray | None = None,
        *,
        fold_predictions: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds, in the shape and unit of `prediction`.

        Parameters
        ----------
        prediction : ndarray, shape (m,) or (m, t)
        std : ndarray of the same shape
            Needed when, and only when, the intervals were fitted with standard deviations.
        fold_predictions : ndarray, shape (k, m) or (k, m, t), optional
            Predictions of the k fold models: gives CV+ intervals.

        Notes
        -----
        With fewer than level / (1 - level) calibration rows the bounds are infinite: so few rows
        do not support the level.
        """
        centre = _columns(prediction)
        if centre.shape[1] != self.residuals_.shape[1]:
            raise IncompatibleError(
                f"{centre.shape[1]} targets, calibrated for {self.residuals_.shape[1]}"
            )
        scale = self._scale(centre.shape, std)
        if fold_predictions is None:
            half = scale * np.array([_upper_quantile(r, self.level) for r in self.residuals_.T])
            lower, upper = centre - half, centre + half
        else:
            members = np.asarray(fold_predictions, dtype=float)
            members = members.reshape(len(members), *centre.shape)
            lower, upper = self._cv_plus(members, scale)
        shape = np.shape(prediction)
        return lower.reshape(shape), upper.reshape(shape)

    def config(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {"level": self.level}

    def state(self) -> dict[str, np.ndarray]:
        """What was learned, as arrays."""
        optional = {"floor": self.floor_, "fold": self.fold_}
        return {
            "residuals": self.residuals_,
            **{name: array for name, array in optional.items() if array is not None},
        }

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> ConformalIntervals:
        """The intervals that `config` and `state` came from."""
        new = cls(**config)
        new.residuals_ = arrays["residuals"]
        new.floor_, new.fold_ = arrays.get("floor"), arrays.get("fold")
        return new

    def _scale(self, shape: tuple[int, ...], std: np.ndarray | None) -> np.ndarray:
        if (std is None) != (self.floor_ is None):
            raise IncompatibleError(
                "standard deviations belong to calibration and prediction alike: give both or none"
            )
        if std is None or self.floor_ is None:
            return np.ones(shape)
        return np.maximum(_columns(std), self.floor_)

    def _cv_plus(self, members: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Barber et al., eq. 12: order statistics of f_{-k(i)}(x) -+ R_i over i."""
        if self.fold_ is None:
            raise IncompatibleError("CV+ needs the fold of every calibration row: fit(..., fold=)")
        if self.fold_.min() < 0 or self.fold_.max() >= len(members):
            raise IncompatibleError(f"{len(members)} models for folds up to {self.fold_.max()}")
        lower, upper = np.empty(scale.shape), np.empty(scale.shape)
        for t, residual in enumerate(self.residuals_.T):
            for row in range(len(scale)):
                centre, reach = members[self.fold_, row, t], residual * scale[row, t]
                lower[row, t] = -_upper_quantile(reach - centre, self.level)
                upper[row, t] = _upper_quantile(centre + reach, self.level)
        return lower, upper


@dataclass(frozen=True, eq=False)
class IntervalsByCategory:
    """Intervals with a calibration for each category of rows (group-conditional, or Mondrian).

    Attributes
    ----------
    level : float
        Wanted coverage, in every category.
    calibrations : mapping of str to ConformalIntervals
        Those of categories that had rows enough.
    borrowed : mapping of str to sequence of str
        Of another category, those whose widest interval it takes.  One that has none gets NaN.
    """

    kind: ClassVar[str] = "intervals_by_category"

    level: float
    calibrations: Mapping[str, ConformalIntervals]
    borrowed: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def floor_(self) -> np.ndarray | None:
        """That of any calibration: whether standard deviations are needed."""
        return next((own.floor_ for own in self.calibrations.values()), None)

    def interval(
        self,
        prediction: np.ndarray,
        std: np.ndarray | None = None,
        *,
        category: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds as of `ConformalIntervals.interval`; `category` (str) of each row, shape (m,)."""
        lower = np.full(np.shape(prediction), np.nan)
        upper = lower.copy()
        for name in {**self.calibrations, **self.borrowed}:
            rows = np.asarray(category) == name
            for each in (name,) if name in self.calibrations else self.borrowed[name]:
                if each in self.calibrations:
                    low, high = self.calibrations[each].interval(
                        prediction[rows], None if std is None else std[rows]
                    )
                    lower[rows] = np.fmin(lower[rows], low)
                    upper[rows] = np.fmax(upper[rows], high)
        return lower, upper


def cross_coverage(
    y: np.ndarray,
    prediction: np.ndarray,
    fold: np.ndarray,
    level: float = 0.9,
    std: np.ndarray | None = None,
) -> np.ndarray:
    """Measured coverage of the intervals, shape (t,): each fold by the residuals of the others.

    Rows are never calibrated by their own residual or by one of their own fold, and hence, with
    group splits, never by their own group.
    """
    y, prediction, fold = _columns(y), _columns(prediction), np.asarray(fold)
    spread = None if std is None else _columns(std)
    hit, known = np.zeros(y.shape, dtype=bool), np.isfinite(y)
    for held in np.unique(fold[fold >= 0]):
        test, rest = fold == held, (fold != held) & (fold >= 0)
        calibrated = ConformalIntervals(level).fit(
            y[rest], prediction[rest], None if spread is None else spread[rest]
        )
        bounds = calibrated.interval(prediction[test], None if spread is None else spread[test])
        hit[test] = (bounds[0] <= y[test]) & (y[test] <= bounds[1])
    known &= (fold >= 0)[:, None]
    return np.asarray((hit & known).sum(axis=0) / known.sum(axis=0))


def _columns(values: np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return array[:, None] if array.ndim == 1 else array


def _floor(std: np.ndarray) -> float:
    """A tenth of the median spread: a model that is sure by accident gets no vanishing interval."""
    if not (std >= 0).all() or not (std > 0).any():
        raise InputError("standard deviations are non-negative, and not all zero")
    return float(max(0.1 * np.median(std), 1e-12))


def _upper_quantile(values: np.ndarray, level: float) -> float:
    """The ceil(level (n + 1))-th smallest of n values (NaN is none); infinite if n is too small."""
    values = values[~np.isnan(values)]
    rank = int(np.ceil(level * (len(values) + 1) - 1e-9))
    return float("inf") if rank > len(values) else float(np.partition(values, rank - 1)[rank - 1])
