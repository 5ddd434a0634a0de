"""Splits inside the training rows of another split: what may choose for each of its folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leyden.data.dataset import Dataset
from leyden.splits import Fold, GroupKFold

__all__ = ["Nested"]


@dataclass(frozen=True)
class Nested:
    """The training rows of each fold of a split, cut anew: what may choose for that fold.

    Weights and intervals that are found on these inner folds have seen no row of the outer test
    fold. `Fold.repeat` is the number of the outer fold. An arm with a source of the same quantity
    is told of the inner test groups alone: let it not compete here.

    Attributes
    ----------
    base : Split
        One repeat, with groups.
    n : int
        Inner folds.
    random_state : int
    """

    base: GroupKFold
    n: int = 3
    random_state: int = 0

    @property
    def group(self) -> str:
        """Group column of the base."""
        return self.base.group

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """`n` folds for each fold of the base."""
        for number, outer in enumerate(self.base.split(dataset)):
            rest = dataset.take(outer.train)
            inner = GroupKFold(self.group, self.n, random_state=self.random_state)
            for fold in inner.split(rest):
                train, test = outer.train[fold.train], outer.train[fold.test]
                yield Fold(number, fold.fold, train, test)
