"""Splits inside the training rows of another split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset
from leyden.nested_splits import Nested
from leyden.splits import GroupKFold, checked_folds


def dataset(n: int = 60) -> Dataset:
    return Dataset(
        "made up",
        np.arange(n).astype(str),
        tuple("CCO" for _ in range(n)),
        pd.DataFrame({"y": np.arange(n, dtype=float)}),
        groups=pd.DataFrame({"g": (np.arange(n) // 3).astype(str)}),
    )


def test_inner_folds_keep_away_from_the_outer_test_rows() -> None:
    data, outer = dataset(), GroupKFold("g", 4)
    tests = [fold.test for fold in outer.split(data)]
    inner = list(checked_folds(Nested(outer, 3), data))
    assert len(inner) == 12
    for fold in inner:
        assert not set(tests[fold.repeat]) & {*fold.train, *fold.test}
    for number, test in enumerate(tests):
        asked = np.concatenate([fold.test for fold in inner if fold.repeat == number])
        assert sorted(asked) == sorted(set(range(60)) - set(test))


def test_groups_stay_whole() -> None:
    data = dataset()
    labels = data.groups["g"].to_numpy()
    for fold in Nested(GroupKFold("g", 4), 3).split(data):
        assert not set(labels[fold.train]) & set(labels[fold.test])
