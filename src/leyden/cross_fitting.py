"""Predictions of rows by models that have not seen them.

Out-of-fold predictions choose among strategies, calibrate intervals (`ConformalIntervals`) and are
what evaluation scores (`leyden.validation`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from leyden.conformal import ConformalIntervals, cross_coverage
from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import IncompatibleError, InputError
from leyden.in_domain import InDomain
from leyden.splits import Fold, Split, checked_folds

__all__ = [
    "ConformalIntervals",
    "FoldPrediction",
    "InDomain",
    "OutOfFold",
    "cross_coverage",
    "out_of_fold",
    "predict_fold",
]


@dataclass(frozen=True, eq=False)
class FoldPrediction:
    """A fitted arm and its predictions for the test rows, shape (n_test, t); NaN where missing."""

    arm: Any
    prediction: np.ndarray
    std: np.ndarray | None


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Predictions for every row, each by a model that has not seen the row or its group.

    Attributes
    ----------
    prediction : ndarray, shape of ``dataset.y``
        In the unit of the target; NaN for rows that no fold tests.
    std : ndarray of the same shape, or None
    fold : ndarray of int, shape (n,)
        The fold that tested the row; -1 for none.
    """

    prediction: np.ndarray
    std: np.ndarray | None
    fold: np.ndarray


def predict_fold(
    arm: Any,
    dataset: Dataset,
    fold: Fold,
    *,
    group: str | None = None,
    held_out: HeldOut | None = None,
    return_std: bool = False,
) -> FoldPrediction:
    """Fit a fresh copy of `arm` on the training rows and predict the test rows.

    The arm is told what it must not learn from (test rows and their groups, and `held_out` of an
    outer fold), and gets the test rows with their targets blanked out.
    """
    forbidden = _union(dataset.hold_out(fold.test, group), held_out)
    fitted = clone(arm, safe=False).fit(dataset.take(fold.train), held_out=forbidden)
    test = dataset.take(fold.test)
    unlabelled = replace(test, targets=test.targets * np.nan, bounds=np.zeros_like(test.bounds))
    answer = fitted.predict(unlabelled, **({"return_std": True} if return_std else {}))
    prediction, std = answer if return_std else (answer, None)
    shape = test.targets.shape
    return FoldPrediction(
        fitted, _as_table(prediction, shape), None if std is None else _as_table(std, shape)
    )


def out_of_fold(
    arm: Any,
    dataset: Dataset,
    split: Split,
    *,
    held_out: HeldOut | None = None,
    return_std: bool = False,
) -> OutOfFold:
    """Predict every row by a copy of `arm` fitted without it.

    Parameters
    ----------
    arm : estimator with ``fit(dataset, held_out=)`` and ``predict(dataset)``
    dataset : Dataset
    split : Split
        One repeat; grouped where rows belong together.
    held_out : HeldOut, optional
        What an outer fold forbids besides.
    return_std : bool
        Also ask for standard deviations.

    Raises
    ------
    InputError
        A row is tested twice.
    """
    prediction = np.full(dataset.targets.shape, np.nan)
    std = np.full(dataset.targets.shape, np.nan) if return_std else None
    place = np.full(len(dataset), -1)
    for number, fold in enumerate(checked_folds(split, dataset)):
        if (place[fold.test] >= 0).any():
            raise InputError(
                "out-of-fold predictions test each row at most once", remedy="take repeats=1"
            )
        result = predict_fold(
            arm, dataset, fold, group=split.group, held_out=held_out, return_std=return_std
        )
        place[fold.test] = number
        prediction[fold.test] = result.prediction
        if std is not None and result.std is not None:
            std[fold.test] = result.std
        elif std is not None:
            std = None
    one = prediction.shape[1] == 1
    flat = [a if a is None or not one else a[:, 0] for a in (prediction, std)]
    return OutOfFold(flat[0], flat[1], place)  # type: ignore[arg-type]


def _union(first: HeldOut, second: HeldOut | None) -> HeldOut:
    if second is None:
        return first
    names = set(first.groups) | set(second.groups)
    empty: frozenset[str] = frozenset()
    groups = {n: first.groups.get(n, empty) | second.groups.get(n, empty) for n in names}
    return HeldOut(first.ids | second.ids, groups)


def _as_table(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Predictions as (n, t) with NaN for whatever is not finite."""
    table = np.asarray(values, dtype=float)
    if table.shape not in (shape, shape[:1] if shape[1] == 1 else shape):
        raise IncompatibleError(f"predictions have shape {table.shape}, {shape} is wanted")
    table = table.reshape(shape)
    return np.where(np.isfinite(table), table, np.nan)
