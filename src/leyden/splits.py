"""Which rows teach and which rows test.

A split is a frozen dataclass with `split(dataset)`, an iterator of `Fold`, and `group`, the name
of the group column whose labels it keeps together (None: it keeps none together).  Fractions
become counts by rounding, never by a slice that can turn around at zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from leyden.data.dataset import Dataset
from leyden.errors import IncompatibleError, InputError, LeakageError

__all__ = [
    "Fold",
    "GroupKFold",
    "KFold",
    "LearningCurve",
    "LeaveOneGroupOut",
    "LeaveOneOut",
    "RandomSplits",
    "Split",
    "Taught",
    "checked_folds",
    "default_split",
]


@dataclass(frozen=True, eq=False)
class Fold:
    """Positions in a dataset.

    Attributes
    ----------
    repeat, fold : int
        Counted from 0.
    train, test, validation : ndarray of int
        Disjoint.  `validation` is empty unless a published protocol sets rows apart for choosing.
    size : int
        Rows asked for on a learning curve; 0 where all training rows are given.
    """

    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    size: int = 0


@runtime_checkable
class Split(Protocol):
    """What every split offers."""

    @property
    def group(self) -> str | None:
        """Name of the group column that is kept together."""

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """The folds, always the same for the same dataset."""


@dataclass(frozen=True)
class KFold:
    """Every row is tested once a repeat, in `n` folds of random rows.

    Rows of one formula or framework may stand on both sides; ask for `GroupKFold` where that
    would flatter.
    """

    n: int = 5
    repeats: int = 1
    random_state: int = 0
    group: ClassVar[None] = None

    def __post_init__(self) -> None:
        _check_counts(self.n, self.repeats)

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """`repeats` times `n` folds."""
        rows = np.arange(len(dataset))
        yield from _k_folds(rows, self.n, self.repeats, self.random_state, "rows")


@dataclass(frozen=True)
class GroupKFold:
    """Every group is tested once a repeat, in `n` folds of about equal numbers of rows."""

    group: str
    n: int = 5
    repeats: int = 1
    random_state: int = 0

    def __post_init__(self) -> None:
        _check_counts(self.n, self.repeats)

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """`repeats` times `n` folds."""
        labels = _labels(dataset, self.group)
        what = f"labels of {self.group}"
        yield from _k_folds(labels, self.n, self.repeats, self.random_state, what)


@dataclass(frozen=True)
class LeaveOneOut:
    """Every row is tested alone."""

    group: ClassVar[None] = None

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """As many folds as rows."""
        yield from _leave_one_out(np.arange(len(dataset)))


@dataclass(frozen=True)
class LeaveOneGroupOut:
    """Every group is tested alone, in the order of the labels."""

    group: str

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """As many folds as labels."""
        yield from _leave_one_out(_labels(dataset, self.group))


@dataclass(frozen=True)
class RandomSplits:
    """Training, validation and test parts drawn anew in every repeat.

    The published 60/20/20 protocol.  With `group`, whole groups are drawn, and a part ends where
    the middle of a group passes the fraction.

    Parameters
    ----------
    train, validation, test : float
        Fractions of the rows; together at most 1.  What remains is used by nobody.
    repeats : int
    random_state : int
    group : str, optional
    """

    train: float = 0.6
    validation: float = 0.2
    test: float = 0.2
    repeats: int = 10
    random_state: int = 0
    group: str | None = None

    def __post_init__(self) -> None:
        fractions = (self.train, self.validation, self.test)
        if not all(0 <= f <= 1 for f in fractions) or sum(fractions) > 1 + 1e-9:
            raise InputError("fractions lie in 0 to 1 and sum to at most 1", value=fractions)
        if self.train == 0 or self.test == 0:
            raise InputError(
                "the training and the test fraction must be above 0",
                value=fractions,
                remedy="set rows apart for testing; to fit on all rows, use fit",
            )
        _check_counts(2, self.repeats)

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """One fold a repeat."""
        n = len(dataset)
        labels = np.arange(n) if self.group is None else _labels(dataset, self.group)
        code, sizes = np.unique(labels, return_inverse=True, return_counts=True)[1:]
        ends = np.floor(np.cumsum([self.train, self.validation, self.test]) * n + 0.5)
        for repeat in range(self.repeats):
            order = np.random.default_rng([self.random_state, repeat]).permutation(len(sizes))
            middles = np.cumsum(sizes[order]) - sizes[order] / 2
            part_of_group = np.empty(len(sizes), dtype=int)
            part_of_group[order] = np.searchsorted(ends, middles, side="right")
            part = part_of_group[code]
            train, validation, test = (np.flatnonzero(part == p) for p in range(3))
            if len(train) == 0 or len(test) == 0:
                raise InputError(
                    "too few rows for these fractions: a part is empty",
                    value=f"{n} rows, {len(sizes)} groups",
                    remedy="take larger fractions or leave-one-out",
                )
            yield Fold(repeat, 0, train, test, validation)


@dataclass(frozen=True)
class LearningCurve:
    """The folds of another split, with training parts of growing size.

    The test rows of a fold are the same at every size, and a smaller training part lies inside
    every larger one, so that differences along the curve are those of the size.  Rows that the
    other split sets apart for validation go to nobody: the size counts every label that is seen.

    Parameters
    ----------
    base : Split
    sizes : tuple of int
        Numbers of training rows; each at most the smallest training part of `base`.
    random_state : int
    """

    base: Split
    sizes: tuple[int, ...]
    random_state: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(sorted({int(s) for s in self.sizes})))
        if not self.sizes or self.sizes[0] < 1:
            raise InputError("sizes are at least one positive number of rows", value=self.sizes)

    @property
    def group(self) -> str | None:
        """The group column of the other split."""
        return self.base.group

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """For every fold of `base`, one fold a size."""
        for fold in self.base.split(dataset):
            rng = np.random.default_rng([self.random_state, fold.repeat, fold.fold])
            order = rng.permutation(fold.train)
            if self.sizes[-1] > len(order):
                raise InputError(
                    "a size exceeds the training part",
                    value=f"{self.sizes[-1]} of {len(order)} rows",
                    remedy="ask for smaller sizes",
                )
            for size in self.sizes:
                train = np.sort(order[:size])
                yield Fold(fold.repeat, fold.fold, train, fold.test, size=size)


@dataclass(frozen=True)
class Taught:
    """A split of which only some rows may teach; all of them are tested.

    Where a filter looks at the answer (labels that agree with their energies), it may clean what
    is learned from, and must not choose what is scored (DESIGN, rule 1).

    Attributes
    ----------
    base : Split
    column : str
        Column of ``extra``: rows where it is true may teach.
    """

    base: Split
    column: str

    @property
    def group(self) -> str | None:
        """Group column of the base."""
        return self.base.group

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        """The folds of the base, with fewer training rows."""
        if self.column not in dataset.extra:
            raise InputError(
                f"{dataset.name} has no column of this name",
                value=self.column,
                remedy=f"choose from {', '.join(dataset.extra.columns)}",
            )
        allowed = dataset.extra[self.column].to_numpy(dtype=bool)
        for fold in self.base.split(dataset):
            yield replace(fold, train=fold.train[allowed[fold.train]])


def default_split(dataset: Dataset, n: int = 5, repeats: int = 3, random_state: int = 0) -> Split:
    """Grouped k-fold by the dataset's first group column; plain k-fold where it has none."""
    if dataset.groups.shape[1]:
        return GroupKFold(str(dataset.groups.columns[0]), n, repeats, random_state)
    return KFold(n, repeats, random_state)


def checked_folds(split: Split, dataset: Dataset) -> Iterator[Fold]:
    """The folds of `split`, each one checked, so that a faulty split cannot flatter.

    Raises
    ------
    LeakageError
        A test row, or its group, is also in the training or validation part.
    IncompatibleError
        Positions that are empty, repeated or outside the dataset.
    """
    labels = None if split.group is None else _labels(dataset, split.group)
    for fold in split.split(dataset):
        place = f"repeat {fold.repeat}, fold {fold.fold}"
        for name in ("train", "test", "validation"):
            _check_positions(getattr(fold, name), len(dataset), f"{name} rows of {place}")
        _check_apart(dataset.ids, fold, f"ids of {place}")
        if labels is not None:
            _check_apart(labels, fold, f"labels of {split.group} of {place}")
        if np.intersect1d(fold.train, fold.validation).size:
            raise LeakageError(f"training and validation rows of {place} overlap.")
        yield fold


def _check_positions(rows: np.ndarray, n: int, what: str) -> None:
    rows = np.asarray(rows)
    if rows.size == 0 and not what.startswith("validation"):
        raise IncompatibleError(f"no {what}")
    if rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n):
        raise IncompatibleError(f"{what} are not positions in a dataset of {n} rows")
    if len(np.unique(rows)) != len(rows):
        raise IncompatibleError(f"{what} are repeated")


def _check_apart(labels: np.ndarray, fold: Fold, what: str) -> None:
    seen = np.concatenate([labels[fold.train], labels[fold.validation]])
    shared = np.intersect1d(labels[fold.test], seen)
    if shared.size:
        raise LeakageError(
            f"{shared.size} {what} are both taught and tested, such as {shared[0]!s}. "
            "Remedy: keep them on one side of the split."
        )


def _check_counts(n: int, repeats: int) -> None:
    if n < 2 or repeats < 1:
        raise InputError("at least two folds and one repeat", value=f"n={n}, repeats={repeats}")


def _labels(dataset: Dataset, group: str) -> np.ndarray:
    """Labels of a group column as strings, shape (n,)."""
    if group not in dataset.groups.columns:
        choices = ", ".join(dataset.groups.columns) or "none"
        raise InputError(
            f"{dataset.name} has no group column of this name",
            value=group,
            remedy=f"groups here: {choices}",
        )
    column = dataset.groups[group]
    empty = column.isna().to_numpy()
    if empty.any():
        raise InputError(
            f"every row needs a label of {group}",
            file=dataset.name,
            row=str(dataset.ids[empty.argmax()]),
            remedy="fill it, or leave the row out",
        )
    return column.to_numpy().astype(str)


def _k_folds(
    labels: np.ndarray, n: int, repeats: int, random_state: int, what: str
) -> Iterator[Fold]:
    """Folds of whole labels: large labels first, each to the fold that is smallest so far."""
    code, sizes = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    if len(sizes) < n:
        raise InputError(
            f"{n} folds need at least {n} {what}",
            value=len(sizes),
            remedy="take fewer folds, or leave one out",
        )
    for repeat in range(repeats):
        order = np.random.default_rng([random_state, repeat]).permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]
        filled = np.zeros(n)
        fold_of_label = np.empty(len(sizes), dtype=int)
        for label in order:
            smallest = int(filled.argmin())
            fold_of_label[label] = smallest
            filled[smallest] += sizes[label]
        place = fold_of_label[code]
        for fold in range(n):
            yield Fold(repeat, fold, np.flatnonzero(place != fold), np.flatnonzero(place == fold))


def _leave_one_out(labels: np.ndarray) -> Iterator[Fold]:
    values, code = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise InputError("leaving one out needs at least two", value=len(values))
    for fold in range(len(values)):
        yield Fold(0, fold, np.flatnonzero(code != fold), np.flatnonzero(code == fold))
