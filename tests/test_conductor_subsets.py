"""Choices that the published elemental model leaves open: each does what it says, and is honest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leyden.representations.composition import (
    CUBUK_PROPERTIES,
    CUBUK_STATISTICS,
    CompositionStatistics,
)
from leyden.representations.elements import element_property
from leyden.studies.conductor_pool import search_pool
from leyden.studies.conductor_subsets import (
    HARD,
    PROTOCOLS,
    Protocol,
    best_by_chance,
    compare,
    search,
)

SULFIDES = ["Li3PS4", "Li10GeP2S12", "Li7P3S11", "Li4SnS4", "Li2S", "Li6PS5Cl", "Li3AsS4", "LiSbS2"]
OXIDES = ["Li2O", "Li4SiO4", "Li3PO4", "LiNbO3", "Li2CO3", "LiAlSiO4", "LiCoO2", "Li3VO4", "LiTaO3"]
FORMULAS = SULFIDES + OXIDES
LABELS = np.array([True] * len(SULFIDES) + [False] * len(OXIDES))
MEANS = CompositionStatistics(("mean",), CUBUK_PROPERTIES)
POOL = CompositionStatistics(CUBUK_STATISTICS, CUBUK_PROPERTIES)


def test_the_published_protocol_takes_the_means_of_the_representation() -> None:
    published = PROTOCOLS[0].describe(FORMULAS)
    np.testing.assert_allclose(published, MEANS.transform(FORMULAS), rtol=1e-12)


def test_the_other_reductions_by_hand() -> None:
    number = dict(zip(("Li", "P", "S"), element_property("Number")[[3, 15, 16]], strict=True))
    first = {p.name: p.describe(["Li3PS4"])[0, 0] for p in PROTOCOLS}
    assert first["every element alike"] == pytest.approx(np.mean(list(number.values())))
    assert first["lithium left out"] == pytest.approx((15 + 4 * 16) / 5)
    assert first["sums over the formula"] == pytest.approx(3 * 3 + 15 + 4 * 16)
    names = [protocol.name for protocol in PROTOCOLS]
    assert len(set(names)) == len(names)


def test_the_table_of_pymatgen_is_another_one() -> None:
    theirs = next(p for p in PROTOCOLS if p.name == "properties of pymatgen").describe(FORMULAS)
    ours = PROTOCOLS[0].describe(FORMULAS)
    assert np.isfinite(theirs).all()
    np.testing.assert_allclose(theirs[:, :3], ours[:, :3])  # number, group, period
    np.testing.assert_allclose(theirs[:, 3], ours[:, 3], atol=0.1)  # electronegativity
    assert not np.allclose(theirs[:, 7], ours[:, 7])  # densities of other forms and units


def test_the_best_machine_is_among_those_tried() -> None:
    found = search(PROTOCOLS[0], FORMULAS, LABELS, sizes=(1, 2), penalties=(1.0, HARD))
    assert found.choices == 2 * (9 + 36)
    assert found.accuracies[found.penalty].max() == max(a.max() for a in found.accuracies.values())
    assert ((found.left_out > 0) == LABELS).mean() == found.accuracies[found.penalty].max()
    curve = found.best_by_size()
    assert curve.index.tolist() == [1, 2]
    assert curve.max() == found.accuracies[found.penalty].max()
    X = MEANS.transform(FORMULAS)[:, list(found.best)]
    svc = make_pipeline(StandardScaler(), SVC(kernel="linear", C=found.penalty, tol=1e-6))
    for row in (0, 9, 16):
        rest = np.arange(len(X)) != row
        expected = svc.fit(X[rest], LABELS[rest]).decision_function(X[[row]])[0]
        assert found.left_out[row] == pytest.approx(expected, abs=1e-2)


def test_no_choice_knows_the_row_that_it_is_scored_on() -> None:
    """Turning the label of a row leaves what the nested choice says of it as it was."""
    turned = LABELS.copy()
    turned[4] = not turned[4]
    protocol = Protocol("raw", standardise=False)
    one, other = (
        search(protocol, FORMULAS, y, sizes=(1,), penalties=(1.0, 100.0)) for y in (LABELS, turned)
    )
    assert one.nested[4] == pytest.approx(other.nested[4], rel=1e-4)
    assert one.inner[4] == other.inner[4]
    pools = [search_pool(POOL, FORMULAS, y, size=2, width=2, repeats=2) for y in (LABELS, turned)]
    assert pools[0].nested[4] == pytest.approx(pools[1].nested[4])


def test_choosing_among_all_is_told_apart_from_being_scored() -> None:
    generator = np.random.default_rng(0)
    coins = np.array([generator.permutation(LABELS) for _ in range(6)])
    flattery, honest = [], []
    for y in coins:
        found = search(PROTOCOLS[0], FORMULAS, y, sizes=(2,), penalties=(1.0, 100.0))
        table = compare([found], FORMULAS).set_index("what is left open")
        flattery.append(table.loc[PROTOCOLS[0].name, ["C = 1", "C = 100"]].max())
        honest.append(table.loc["all of these but least squares", "chosen without the row"])
    assert np.mean(flattery) > 65
    assert np.mean(honest) < 60


def test_chance_is_shuffled_labels_under_the_same_search() -> None:
    sizes = {"sizes": (1, 2), "penalty": 100.0}
    found = best_by_chance(PROTOCOLS[0], FORMULAS, LABELS, shuffles=5, **sizes)
    again = best_by_chance(PROTOCOLS[0], FORMULAS, LABELS, shuffles=5, **sizes)
    np.testing.assert_array_equal(found, again)
    true = search(PROTOCOLS[0], FORMULAS, LABELS, sizes=(1, 2), penalties=(100.0,))
    assert 0.5 < found.mean() < true.accuracies[100.0].max()
    table = compare([true], FORMULAS)
    assert table["best"].tolist()[0] == table["C = 100"].tolist()[0]


def test_the_pool_finds_what_tells_sulfides_from_oxides() -> None:
    found = search_pool(POOL, FORMULAS, LABELS, size=3, width=5, repeats=20)
    assert found.optimistic == 1.0
    assert found.accuracy > 0.8
    assert found.chosen.shape == (20, len(found.names))
    assert found.counts(3)["chosen in per cent"].is_monotonic_decreasing
    assert 0 < found.stability <= 1
