"""Which element properties a random forest needs: permutation importance, a property at a time.

The six statistics of one property (its mean, its range, ...) say much the same.  Shuffled one by
one, each looks dispensable, since the others still tell; so all statistics of a property are
shuffled together, on rows that the forest has not seen.  Properties that go with each other (the
atomic number, the row and the weight) still stand in for one another, and share their importance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor

from leyden.data.dataset import Dataset
from leyden.errors import IncompatibleError, InputError
from leyden.representations import CompositionStatistics, represent
from leyden.splits import Split, checked_folds, default_split

__all__ = ["PropertyImportance", "property_importance"]

_DEFAULT_STATISTICS = CompositionStatistics()


@dataclass(frozen=True, eq=False)
class PropertyImportance:
    """How much a random forest errs more when one property of the elements is shuffled.

    Attributes
    ----------
    table : DataFrame
        One row a property, the most important first: ``property``; ``importance`` (rise of the
        mean absolute error on held-out rows, in the target's unit, mean over folds and shuffles)
        and ``spread`` (standard deviation over folds); ``rank`` (from 1); ``best_rank`` and
        ``worst_rank`` (over folds); ``impurity`` (share of the fall of variance in the trees,
        which training rows alone decide) and ``impurity_rank``.
    target : str
    rows, folds : int
    mae, mae_of_mean : float
        Of the forest on the held-out rows, and of the training mean.
    split : str
    """

    table: pd.DataFrame
    target: str
    rows: int
    folds: int
    mae: float
    mae_of_mean: float
    split: str

    def rank(self, name: str) -> int:
        """Rank of a property, from 1."""
        found = self.table.loc[self.table["property"] == name, "rank"]
        if found.empty:
            raise InputError(
                "no such property",
                value=name,
                remedy=f"choose from {', '.join(self.table['property'])}",
            )
        return int(found.iloc[0])


_SCORE = "neg_mean_absolute_error"


def property_importance(
    dataset: Dataset,
    split: Split | None = None,
    *,
    representation: Any = _DEFAULT_STATISTICS,
    blocks: Sequence[str] | None = None,
    trees: int = 200,
    repeats: int = 5,
    random_state: int = 0,
) -> PropertyImportance:
    """Permutation importance of element properties in a random forest on composition statistics.

    Parameters
    ----------
    dataset : Dataset
        With one target.
    split : Split, optional
        Default: groups kept apart where there are any, five folds, once.
    representation : Representation
        Gives one row of numbers an item.
    blocks : sequence of str, optional
        The property of each column; by default the last word of each of ``representation.names()``.
    trees : int
        Of the forest; each split of a tree chooses among a third of the columns.
    repeats : int
        Shuffles of each property in each fold.
    random_state : int

    Raises
    ------
    IncompatibleError
        The dataset has several targets, or the blocks are not one a column.
    """
    from sklearn.inspection import permutation_importance

    if dataset.y.ndim != 1:
        raise IncompatibleError("importance is that for one target: use `with_targets`")
    split = split or default_split(dataset, repeats=1, random_state=random_state)
    columns = np.asarray(represent(representation, dataset), float)
    labels = blocks or [name.split()[-1] for name in representation.names()]
    if len(labels) != columns.shape[1]:
        raise IncompatibleError(f"{len(labels)} blocks for {columns.shape[1]} columns")
    known = np.flatnonzero(np.isfinite(dataset.y))
    rises, impurities, errors, of_mean = [], [], [], []
    for fold in checked_folds(split, dataset):
        train, test = np.intersect1d(fold.train, known), np.intersect1d(fold.test, known)
        if not len(test):
            continue
        forest = _Blockwise(columns, tuple(labels), trees, random_state + fold.fold)
        forest.fit(forest.tickets(train), dataset.y[train])
        settings = {"n_repeats": repeats, "random_state": random_state}
        shuffled = permutation_importance(
            forest, forest.tickets(test), dataset.y[test], scoring=_SCORE, **settings
        )
        rises.append(shuffled.importances_mean)
        impurities.append(forest.impurities())
        errors.append(np.abs(forest.predict(forest.tickets(test)) - dataset.y[test]))
        of_mean.append(np.abs(dataset.y[train].mean() - dataset.y[test]))
    return PropertyImportance(
        _ranked(list(dict.fromkeys(labels)), np.array(rises), np.array(impurities)),
        str(dataset.targets.columns[0]),
        len(known),
        len(rises),
        float(np.concatenate(errors).mean()),
        float(np.concatenate(of_mean).mean()),
        str(split),
    )


class _Blockwise(RegressorMixin, BaseEstimator):
    """A forest whose input has one column a block: the row that the block is taken from.

    Shuffling such a column takes all statistics of one property from another row together, which
    is what `permutation_importance`, that knows single columns only, cannot be told otherwise.
    """

    def __init__(
        self, columns: np.ndarray, labels: tuple[str, ...], trees: int, random_state: int
    ) -> None:
        self.columns = columns
        self.labels = labels
        self.trees = trees
        self.random_state = random_state

    @property
    def block(self) -> np.ndarray:
        """Which block each column belongs to."""
        names = list(dict.fromkeys(self.labels))
        return np.array([names.index(label) for label in self.labels])

    def tickets(self, rows: np.ndarray) -> np.ndarray:
        """Unshuffled input for these rows, shape (n, blocks)."""
        return np.repeat(np.asarray(rows)[:, None], self.block.max() + 1, axis=1)

    def fit(self, tickets: np.ndarray, y: np.ndarray) -> _Blockwise:
        self.forest_ = RandomForestRegressor(
            self.trees, max_features=1 / 3, random_state=self.random_state
        ).fit(self._taken(tickets), y)
        return self

    def predict(self, tickets: np.ndarray) -> np.ndarray:
        return self.forest_.predict(self._taken(tickets))

    def impurities(self) -> np.ndarray:
        """Share of each block in the fall of variance, shape (blocks,)."""
        return np.bincount(self.block, weights=self.forest_.feature_importances_)

    def _taken(self, tickets: np.ndarray) -> np.ndarray:
        return self.columns[tickets[:, self.block], np.arange(self.columns.shape[1])]


def _ranked(names: list[str], rises: np.ndarray, impurities: np.ndarray) -> pd.DataFrame:
    ranks = (-rises).argsort(axis=1).argsort(axis=1) + 1
    table = pd.DataFrame(
        {
            "property": names,
            "importance": rises.mean(axis=0),
            "spread": rises.std(axis=0, ddof=1) if len(rises) > 1 else np.nan,
            "rank": 0,
            "best_rank": ranks.min(axis=0),
            "worst_rank": ranks.max(axis=0),
            "impurity": impurities.mean(axis=0),
        }
    )
    table["impurity_rank"] = table["impurity"].rank(ascending=False, method="first").astype(int)
    table = table.sort_values("importance", ascending=False, ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    return table
