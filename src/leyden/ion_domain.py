"""What a model knows of an ion pair: the pair, its ions, one of them, or neither.

That says more than a distance: errors of models of ionic liquids grow stepwise from pairs that
were measured, over new pairs of known ions, to ions that nothing was measured of.  Each step has a
calibration of its own here (group-conditional, or Mondrian, conformal prediction: Vovk,
Conditional validity of inductive conformal predictors, Machine Learning 92, 349 (2013)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from leyden.conformal import ConformalIntervals, IntervalsByCategory
from leyden.cross_fitting import OutOfFold, out_of_fold
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint, state_point
from leyden.errors import IncompatibleError, InputError, did_you_mean
from leyden.splits import GroupKFold, Split, checked_folds

__all__ = [
    "CATEGORIES",
    "IonDomain",
    "calibrated_by_domain",
    "categories_within",
    "intervals_by_domain",
    "pair_splits",
]

PAIR, IONS, NO_ANION, NO_CATION, NEITHER = CATEGORIES = (
    "pair seen",
    "ions seen",
    "anion unseen",
    "cation unseen",
    "both ions unseen",
)
"""From what a model knows best to what it knows least; of each ion alone, the order means nothing.

``"ions seen"``: each in some training pair, and never together.
"""

_LEAST_ROWS = 30
"""Rows that a category needs for a calibration of its own."""

_BORROWED = {PAIR: (IONS,), NEITHER: (NO_ANION, NO_CATION)}


@dataclass(frozen=True, eq=False)
class IonDomain:
    """The ions and pairs of the training rows, by InChIKey.

    Attributes
    ----------
    cations, anions : ndarray of str
        Sorted, each once.
    pairs : ndarray of int64
        Sorted codes of the pairs, each once: place of the cation times the number of anions, plus
        place of the anion.
    """

    kind: ClassVar[str] = "ion_domain"
    columns: ClassVar[dict[str, Any]] = {"domain": ""}

    cations: np.ndarray
    anions: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, items: Sequence[IonPair | StatePoint]) -> IonDomain:
        """What rows with these items teach."""
        first, second = _keys(items)
        cations, cation = np.unique(first, return_inverse=True)
        anions, anion = np.unique(second, return_inverse=True)
        return cls(cations, anions, np.unique(cation * len(anions) + anion))

    def category(self, cations: np.ndarray, anions: np.ndarray) -> np.ndarray:
        """Places in `CATEGORIES`, shape (n,), of pairs of these InChIKeys, shape (n,) each."""
        return self.category_of_places(self.place(cations, anions))

    def place(self, cations: np.ndarray, anions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where ions stand among the known ones; -1 for an ion that is not known."""
        return _place(self.cations, cations), _place(self.anions, anions)

    def category_of_places(self, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """As `category`, of places that were looked up before."""
        cation, anion = places
        code = cation * len(self.anions) + anion
        category = np.where(_place(self.pairs, code) >= 0, 0, 1)
        category = np.where(anion < 0, 2, category)
        return np.where(cation < 0, np.where(anion < 0, 4, 3), category).astype(np.int8)

    def describe(
        self, items: Sequence[IonPair | StatePoint], embed: Callable[[], np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Column ``domain`` of a table of predictions; `embed` is not needed."""
        return {"domain": np.array(CATEGORIES, dtype=object)[self.category(*_keys(items))]}


def categories_within(most: str) -> tuple[str, ...]:
    """The categories in which nothing is unknown that `most` does not allow.

    Examples
    --------
    >>> categories_within("cation unseen")
    ('pair seen', 'ions seen', 'cation unseen')
    """
    if most not in CATEGORIES:
        raise InputError(
            "unknown category of ion pairs", value=most, remedy=did_you_mean(str(most), CATEGORIES)
        )
    place = CATEGORIES.index(most)
    return CATEGORIES if most == NEITHER else (*CATEGORIES[: min(place, 2)], most)


def pair_splits(n: int = 5, random_state: int = 0) -> tuple[Split, ...]:
    """Splits by pair, by cation and by anion, for `leyden.predictor.Predictor.of`.

    The dataset has these three group columns.
    """
    return tuple(
        GroupKFold(group, n, random_state=random_state) for group in ("pair", "cation", "anion")
    )


def calibrated_by_domain(
    strategy: Any,
    dataset: Dataset,
    splits: Sequence[Split],
    level: float = 0.9,
    return_std: bool = False,
) -> IntervalsByCategory:
    """Intervals whose width follows what a model knows of a pair.

    Every test row of every fold counts in the category that it has for the model of that fold: a
    pair that is left out is mostly of seen ions, but not where one of them stands in no other pair.

    Parameters
    ----------
    strategy : Strategy
        A copy is fitted in each fold.
    dataset : Dataset
        Of ion pairs.
    splits : sequence of Split
        `pair_splits`; with a `KFold` beside them, ``"pair seen"`` is calibrated by state points
        that are left out of measured pairs.
    level : float
        Wanted coverage, in every category.
    return_std : bool
        Whether the strategy knows the spread of its predictions.

    Notes
    -----
    A category with fewer than 30 rows borrows: ``"pair seen"`` the wider interval of
    ``"ions seen"`` (there the pair itself was left out), ``"both ions unseen"`` the wider one of
    its two neighbours, which may still be too narrow.  Others have no interval: NaN.
    """
    _keys(dataset.items[:1])
    tested = [
        (split, out_of_fold(strategy, dataset, split, return_std=return_std)) for split in splits
    ]
    return intervals_by_domain(dataset, tested, level)


def intervals_by_domain(
    dataset: Dataset, tested: Sequence[tuple[Split, OutOfFold]], level: float = 0.9
) -> IntervalsByCategory:
    """As `calibrated_by_domain`, from out-of-fold predictions of each split that are there already.

    They are scaled by their standard deviations if all have them.
    """
    y = dataset.targets.to_numpy(dtype=float)
    scaled = all(one.std is not None for _, one in tested)
    rows: dict[str, list[np.ndarray]] = {category: [] for category in CATEGORIES}
    for split, one in tested:
        predicted = one.prediction.reshape(y.shape)
        std = np.ones_like(y) if one.std is None else one.std.reshape(y.shape)
        for fold in checked_folds(split, dataset):
            known = IonDomain.of([dataset.items[row] for row in fold.train])
            keys = _keys([dataset.items[row] for row in fold.test])
            for code, category in enumerate(CATEGORIES):
                own = fold.test[known.category(*keys) == code]
                rows[category].append(np.stack([y[own], predicted[own], std[own]]))
    fitted = {}
    for category, parts in rows.items():
        answer, predicted, std = np.concatenate(parts, axis=1)
        if len(answer) and np.isfinite(answer).sum(axis=0).min() >= _LEAST_ROWS:
            intervals = ConformalIntervals(level)
            fitted[category] = intervals.fit(answer, predicted, std if scaled else None)
    return IntervalsByCategory(level, fitted, _BORROWED)


def _keys(items: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """InChIKeys of the cations and of the anions, shape (n,) each."""
    for row, item in enumerate(items, start=1):
        if not isinstance(item, IonPair | StatePoint):
            raise IncompatibleError(
                f"what is seen of ions is asked of ion pairs, and item {row} is a "
                f"{type(item).__name__}. Remedy: give one split, not several."
            )
    keys = [state_point(item).pair.keys for item in items]
    first, second = zip(*keys, strict=True) if keys else ((), ())
    return np.array(first, dtype=str), np.array(second, dtype=str)


def _place(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each value stands in a sorted array; -1 where it does not."""
    wanted = np.asarray(wanted)
    if not len(known):
        return np.full(len(wanted), -1)
    place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[place] == wanted, place, -1)
