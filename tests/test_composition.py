"""Composition statistics against matminer's values, and against a slow computation by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.crystal import Crystal
from leyden.data.disordered import DisorderedCrystal
from leyden.data.formulas import ELEMENTS
from leyden.errors import InputError
from leyden.representations import AtomicFractions, CompositionStatistics, element_property
from leyden.representations.composition import MAGPIE_PROPERTIES, STATISTICS

GOLDEN = pd.read_csv(Path(__file__).parent / "golden" / "magpie.csv", comment="#", index_col=0)


def by_hand(formula: dict[int, float], name: str) -> list[float]:
    values = element_property(name, imputed=True)
    total = sum(formula.values())
    weighted = [(values[z], amount / total) for z, amount in formula.items()]
    mean = sum(value * share for value, share in weighted)
    most = max(share for _, share in weighted)
    low, high = min(v for v, _ in weighted), max(v for v, _ in weighted)
    deviation = sum(abs(value - mean) * share for value, share in weighted)
    mode = min(value for value, share in weighted if np.isclose(share, most))
    return [low, high, high - low, mean, deviation, mode]


def test_equal_to_matminer() -> None:
    statistics = CompositionStatistics()
    assert statistics.names() == GOLDEN.index.tolist()
    found = statistics.transform(GOLDEN.columns.tolist())
    np.testing.assert_allclose(found, GOLDEN.to_numpy().T, rtol=1e-12, atol=1e-10)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 103), st.sampled_from([1.0, 2.0, 3.0, 0.5]), min_size=1, max_size=6
    )
)
def test_equal_to_a_computation_by_hand(composition: dict[int, float]) -> None:
    formula = "".join(f"{ELEMENTS[z]}{amount}" for z, amount in composition.items())
    found = CompositionStatistics().transform(["NaCl", formula, "H2O"])[1]
    expected = np.concatenate([by_hand(composition, name) for name in MAGPIE_PROPERTIES])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_a_crystal_is_its_formula() -> None:
    crystal = Crystal(
        np.array([26, 8, 26, 8, 8]), np.random.default_rng(0).random((5, 3)), np.eye(3) * 5
    )
    X = CompositionStatistics().transform([crystal, "Fe2O3", "Fe4O6", "O3Fe2"])
    np.testing.assert_allclose(X, X[[0, 0, 0, 0]], rtol=1e-12)


def test_choice_of_statistics_and_properties() -> None:
    some = CompositionStatistics(statistics=["mean", "range"], properties=["BulkModulus"])
    assert some.names() == ["mean BulkModulus", "range BulkModulus"]
    X = some.transform(["LiCu"])
    bulk = element_property("BulkModulus")
    np.testing.assert_allclose(X, [[(bulk[3] + bulk[29]) / 2, bulk[29] - bulk[3]]])
    assert some == CompositionStatistics(("mean", "range"), ("BulkModulus",))
    assert len(STATISTICS) * len(MAGPIE_PROPERTIES) == 132


@pytest.mark.parametrize(
    ("items", "told"),
    [
        (["NaCl", "OgF2"], "'Og'"),
        (["NaCl", "Nacl"], "row 2"),
        (["NaCl", 3], "row 2"),
        (["NaCl", ""], "row 2"),
    ],
)
def test_errors_name_row_and_value(items: list, told: str) -> None:
    with pytest.raises(InputError, match="row 2") as error:
        CompositionStatistics().transform(items)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "wrong", [{"statistics": ("median",)}, {"statistics": ()}, {"properties": ("Colour",)}]
)
def test_wrong_parameters(wrong: dict) -> None:
    with pytest.raises(InputError):
        CompositionStatistics(**wrong)


def test_nothing_in_nothing_out() -> None:
    assert CompositionStatistics().transform([]).shape == (0, 132)


def test_tens_of_thousands_a_second() -> None:
    import time

    crystals = [Crystal(np.array([3, 8, 8]), np.zeros((3, 3)), np.eye(3) * 4)] * 5000
    start = time.process_time()
    CompositionStatistics().transform(crystals)
    assert time.process_time() - start < 1.0  # measured: 0.05 s; room for a busy machine


def test_a_disordered_crystal_is_its_mean_composition() -> None:
    half = DisorderedCrystal(
        4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], ({"Li": 0.5, "Na": 0.25}, {"Cl": 1.0})
    )
    X = CompositionStatistics().transform([half, "Li0.5Na0.25Cl"])
    np.testing.assert_allclose(X[0], X[1], rtol=1e-12)
    fractions = AtomicFractions().transform([half, "Li2NaCl4"])
    np.testing.assert_allclose(fractions[0], fractions[1], atol=1e-12)
    assert fractions[0, [2, 10, 16]].tolist() == pytest.approx([2 / 7, 1 / 7, 4 / 7])
    assert AtomicFractions().names()[2] == "fraction of Li"


def test_standard_deviation_is_the_root_of_the_weighted_variance() -> None:
    found = CompositionStatistics(("mean", "std"), ("AtomicWeight",)).transform(["Li2O", "Fe"])
    light, heavy = 6.941, 15.9994
    mean = (2 * light + heavy) / 3
    square = (2 * light**2 + heavy**2) / 3
    assert found[0].tolist() == pytest.approx([mean, np.sqrt(square - mean**2)])
    assert found[1].tolist() == pytest.approx([55.845, 0.0])
