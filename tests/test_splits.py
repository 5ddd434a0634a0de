"""Splits: who teaches, who tests, and that the two never mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.dataset import Dataset
from leyden.errors import IncompatibleError, InputError, LeakageError
from leyden.splits import (
    Fold,
    GroupKFold,
    KFold,
    LearningCurve,
    LeaveOneGroupOut,
    LeaveOneOut,
    RandomSplits,
    Split,
    Taught,
    checked_folds,
    default_split,
)


def rows(n: int, groups: list[str] | None = None) -> Dataset:
    return Dataset(
        "rows",
        ids=np.array([f"row{i}" for i in range(n)]),
        items=tuple(map(str, range(n))),
        targets=pd.DataFrame({"y_eV": np.arange(float(n))}),
        groups=pd.DataFrame({"formula": groups}) if groups else pd.DataFrame(),
    )


GROUPED = rows(40, [f"g{(i * i) % 11}" for i in range(40)])
SPLITS: list[Split] = [
    KFold(4, repeats=2),
    GroupKFold("formula", 3, repeats=2),
    LeaveOneOut(),
    LeaveOneGroupOut("formula"),
    RandomSplits(repeats=3),
    RandomSplits(repeats=3, group="formula"),
    LearningCurve(GroupKFold("formula", 3), (5, 10)),
]


@pytest.mark.parametrize("split", SPLITS, ids=repr)
def test_contract(split: Split) -> None:
    """Positions are disjoint, groups stay together, and equal seeds give equal folds."""
    assert isinstance(split, Split)
    folds = list(checked_folds(split, GROUPED))
    again = list(split.split(GROUPED))
    assert len(folds) == len(again) > 1
    for fold, same in zip(folds, again, strict=True):
        for part in ("train", "test", "validation"):
            np.testing.assert_array_equal(getattr(fold, part), getattr(same, part))
    if split.group:
        labels = GROUPED.groups["formula"].to_numpy()
        for fold in folds:
            assert set(labels[fold.test]).isdisjoint(labels[fold.train])
            assert set(labels[fold.test]).isdisjoint(labels[fold.validation])


@pytest.mark.parametrize("split", SPLITS[:4], ids=repr)
def test_every_row_is_tested_once_a_repeat(split: Split) -> None:
    folds = list(split.split(GROUPED))
    for repeat in {fold.repeat for fold in folds}:
        tested = np.concatenate([f.test for f in folds if f.repeat == repeat])
        np.testing.assert_array_equal(np.sort(tested), np.arange(40))
    for fold in folds:
        assert len(fold.train) + len(fold.test) == 40


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 9), extra=st.integers(0, 40), seed=st.integers(0, 2**31))
def test_k_folds_are_of_equal_size(n: int, extra: int, seed: int) -> None:
    sizes = [len(f.test) for f in KFold(n, random_state=seed).split(rows(n + extra))]
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == n + extra


def test_group_folds_are_balanced() -> None:
    labels = ["big"] * 20 + [f"small{i}" for i in range(20)]
    sizes = sorted(len(f.test) for f in GroupKFold("formula", 3).split(rows(40, labels)))
    assert sizes == [10, 10, 20]


def test_repeats_and_seeds_differ() -> None:
    first, second = (f for f in KFold(2, repeats=2).split(rows(30)) if f.fold == 0)
    other = next(KFold(2, random_state=1).split(rows(30)))
    assert set(first.test) != set(second.test)
    assert set(first.test) != set(other.test)


def test_random_splits_are_random() -> None:
    first, second = RandomSplits(repeats=2).split(rows(100))
    assert set(first.test) != set(second.test)
    assert first.test.min() < 60  # not the last rows, which may be of one source
    curve = LearningCurve(RandomSplits(repeats=1), (20,))
    part = next(curve.split(rows(100)))
    assert set(part.train) != set(next(RandomSplits().split(rows(100))).train[:20])


def test_the_published_protocol_has_its_sizes() -> None:
    """60/20/20 of 3,402 rows gives the 2,041 training rows of Xie, table 2.3."""
    fold = next(RandomSplits().split(rows(3402)))
    assert [len(fold.train), len(fold.validation), len(fold.test)] == [2041, 681, 680]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(10, 300), train=st.floats(0.2, 0.7), test=st.floats(0.1, 0.3))
def test_fractions_become_counts_by_rounding(n: int, train: float, test: float) -> None:
    fold = next(RandomSplits(train, 0.0, test).split(rows(n)))
    assert abs(len(fold.train) - train * n) <= 0.5 + 1e-6
    assert abs(len(fold.test) - test * n) <= 1 + 1e-6
    assert len(fold.validation) == 0
    assert not set(fold.train) & set(fold.test)


@pytest.mark.parametrize(
    "fractions", [(0.8, 0.2, 0.0), (0.0, 0.5, 0.5), (0.8, 0.2, 0.2), (-1, 1, 1)]
)
def test_fractions_that_make_no_split(fractions: tuple[float, float, float]) -> None:
    """With a test ratio of 0 others test on the whole dataset."""
    with pytest.raises(InputError, match="fraction"):
        RandomSplits(*fractions)


def test_a_fraction_that_rounds_to_no_row() -> None:
    with pytest.raises(InputError, match="a part is empty"):
        list(RandomSplits(0.9, 0.0, 0.1).split(rows(4)))


def test_learning_curve_is_nested_over_equal_test_rows() -> None:
    curve = LearningCurve(GroupKFold("formula", 3, repeats=2), (20, 5, 10, 10))
    assert curve.sizes == (5, 10, 20)
    folds = list(curve.split(GROUPED))
    assert len(folds) == 3 * 2 * 3
    for start in range(0, len(folds), 3):
        small, middle, large = folds[start : start + 3]
        assert [f.size for f in (small, middle, large)] == [5, 10, 20]
        assert [len(f.train) for f in (small, middle, large)] == [5, 10, 20]
        assert set(small.train) < set(middle.train) < set(large.train)
        np.testing.assert_array_equal(small.test, large.test)


def test_learning_curve_gives_validation_rows_to_nobody() -> None:
    for fold in LearningCurve(RandomSplits(repeats=2), (10,)).split(rows(100)):
        assert len(fold.validation) == 0
        assert len(fold.test) == 20


def test_learning_curve_of_too_many_rows() -> None:
    with pytest.raises(InputError, match="exceeds the training part"):
        list(LearningCurve(KFold(2), (21,)).split(rows(40)))
    with pytest.raises(InputError, match="positive"):
        LearningCurve(KFold(2), (0,))


def test_default_keeps_groups_together() -> None:
    assert default_split(GROUPED) == GroupKFold("formula", 5, 3, 0)
    assert default_split(rows(5)) == KFold(5, 3, 0)


@dataclass(frozen=True)
class Given:
    """A split that does as it is told."""

    fold: Fold
    group: str | None = None

    def split(self, dataset: Dataset) -> Iterator[Fold]:
        yield self.fold


def test_faulty_splits_are_caught() -> None:
    data = rows(6, list("aabbcc"))
    a, b = np.array([0, 1]), np.array([2, 3])
    none = np.empty(0, dtype=int)
    for fold, group, error in [
        (Fold(0, 0, np.array([0, 1, 2]), b), None, LeakageError),
        (Fold(0, 0, a, b, validation=b), None, LeakageError),
        (Fold(0, 0, a, b, validation=a), None, LeakageError),
        (Fold(0, 0, np.array([0, 2]), np.array([3])), "formula", LeakageError),
        (Fold(0, 0, a, np.array([3]), validation=np.array([2])), "formula", LeakageError),
        (Fold(0, 0, a, none), None, IncompatibleError),
        (Fold(0, 0, none, b), None, IncompatibleError),
        (Fold(0, 0, a, np.array([6])), None, IncompatibleError),
        (Fold(0, 0, a, np.array([-1])), None, IncompatibleError),
        (Fold(0, 0, a, np.array([2, 2])), None, IncompatibleError),
        (Fold(0, 0, a, np.array([2.0])), None, IncompatibleError),
    ]:
        with pytest.raises(error):
            list(checked_folds(Given(fold, group), data))
    assert len(list(checked_folds(Given(Fold(0, 0, a, b), "formula"), data))) == 1


def test_groups_must_be_there() -> None:
    with pytest.raises(InputError, match="no group column"):
        list(GroupKFold("framework", 2).split(GROUPED))
    with pytest.raises(InputError, match="row1: every row needs a label"):
        list(GroupKFold("formula", 2).split(rows(3, ["a", None, "b"])))  # type: ignore[list-item]
    with pytest.raises(InputError, match="at least 5 labels"):
        list(GroupKFold("formula", 5).split(rows(6, list("aabbcc"))))
    with pytest.raises(InputError, match="at least two"):
        KFold(1)
    with pytest.raises(InputError, match="at least two"):
        list(LeaveOneOut().split(rows(1)))


def test_rows_that_may_not_teach_are_tested_all_the_same() -> None:
    clean = np.arange(40) % 3 > 0
    data = replace(GROUPED, extra=pd.DataFrame({"clean": clean}))
    base = GroupKFold("formula", 3, repeats=2)
    folds = list(checked_folds(Taught(base, "clean"), data))
    for fold, plain in zip(folds, base.split(data), strict=True):
        assert np.array_equal(fold.test, plain.test)
        assert np.array_equal(fold.train, plain.train[clean[plain.train]])
    assert Taught(base, "clean").group == "formula"
    curve = list(LearningCurve(Taught(base, "clean"), (5,)).split(data))
    assert all(clean[fold.train].all() for fold in curve)
    with pytest.raises(InputError, match="no column"):
        list(Taught(base, "tidy").split(data))
