"""The best so far, against all orders written out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from leyden.exploration.best_so_far import (
    best_of_any_order,
    best_of_repeats,
    best_so_far,
    one_campaign,
)


@given(arrays.arrays(float, st.integers(1, 30), elements=st.floats(-9, 9) | st.just(np.nan)))
def test_it_never_falls_and_is_the_best_of_what_came(values: np.ndarray) -> None:
    best = best_so_far(values)
    for k in range(1, len(values) + 1):
        seen = values[:k][np.isfinite(values[:k])]
        assert best[k - 1] == seen.max() if len(seen) else np.isnan(best[k - 1])
    np.testing.assert_array_equal(best, -best_so_far(-values, maximise=False))


@pytest.mark.parametrize("maximise", [True, False])
def test_quantiles_over_orders_are_those_of_every_order(maximise: bool) -> None:
    values = np.array([0.3, 2.0, -1.0, 5.0, 1.0, 1.0])
    curves = np.array([best_so_far(np.array(o), maximise=maximise) for o in permutations(values)])
    table = best_of_any_order(values, maximise=maximise, level=0.61)
    low, best, high = np.quantile(curves, [0.195, 0.5, 0.805], axis=0, method="inverted_cdf")
    if maximise:  # where less is better, a tie of exactly half is cut on the other side
        np.testing.assert_allclose(table["best"], best)
    np.testing.assert_allclose(table["low"], low)
    np.testing.assert_allclose(table["high"], high)


def test_an_evaluation_without_a_value_still_counts() -> None:
    table = best_of_any_order(np.array([1.0, np.nan, np.nan]))
    assert table["best"].isna().tolist() == [True, False, False]
    assert np.isnan(table["low"][1])
    assert table["low"][2] == 1.0


def test_many_orders_do_not_overflow() -> None:
    table = best_of_any_order(np.arange(2000.0))
    assert table["best"].is_monotonic_increasing
    assert table["best"].iloc[-1] == 1999.0


def test_repeats_to_the_end_of_the_shortest() -> None:
    repeats = [np.array([1.0, 4.0, 2.0]), np.array([3.0, 1.0])]
    table = best_of_repeats(repeats, level=1.0)
    assert table["evaluations"].tolist() == [1, 2]
    assert table[["best", "low", "high"]].to_numpy().tolist() == [[2.0, 1.0, 3.0], [3.5, 3.0, 4.0]]
    assert best_of_repeats(repeats[:1])["low"].isna().all()


def test_a_campaign_and_its_random_rows() -> None:
    values, drawn = np.array([1.0, 2.0, 0.0, 9.0]), np.array([True, True, True, False])
    table = one_campaign(values, drawn)
    assert table.groupby("arm", sort=False)["best"].agg(list).tolist() == [
        [1.0, 2.0, 2.0, 9.0],
        [1.0, 2.0, 2.0],
    ]
    assert one_campaign(values, ~drawn)["arm"].unique().tolist() == ["as it was"]
