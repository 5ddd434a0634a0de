"""The elemental model: its score as data, soft labels, and every subset left out one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leyden import artefact
from leyden.data.formulas import ATOMIC_NUMBERS, parse_composition
from leyden.errors import IncompatibleError, InputError
from leyden.models.conductors import ElementalClassifier, linear_svm, search_subsets
from leyden.models.linear_svm import left_out_decisions
from leyden.representations import element_property, elements_with
from leyden.representations.composition import (
    CUBUK_PROPERTIES,
    CUBUK_STATISTICS,
    CompositionStatistics,
)
from leyden.testing import check_model

GOOD = ["Li3PS4", "Li10GeP2S12", "Li6PS5Cl", "Li7P3S11", "Li4SnS4", "Li2S", "LiI", "Li3N"]
POOR = ["Li2O", "Li4SiO4", "Li3PO4", "LiF", "LiCl", "Li2CO3", "LiAlSiO4", "LiNbO3", "LiCoO2"]
POOR += ["Li2TiO3", "LiBH4", "Li3VO4"]
FORMULAS = GOOD + POOR
LABELS = np.array([1.0] * len(GOOD) + [0.0] * len(POOR))
WIDE = CompositionStatistics(CUBUK_STATISTICS, CUBUK_PROPERTIES)
X = WIDE.transform(FORMULAS)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())


def score_by_hand(arrays: dict, formula: str) -> float:
    """Contract of a screening: nothing but these arrays."""
    amounts = {s: float(a) for s, a in parse_composition(formula).items()}
    share = np.array([amounts.get(symbol, 0.0) for symbol in arrays["elements"]])
    share /= share.sum()
    mean = share @ arrays["properties"]
    score = arrays["intercept"] + arrays["mean_weights"] @ mean
    if arrays["std_weights"] is not None:
        spread = np.maximum(share @ arrays["properties"] ** 2 - mean**2, 0)
        score += arrays["std_weights"] @ np.sqrt(spread)
    return float(score)


@pytest.mark.parametrize(
    ("representation", "columns"),
    [
        (CompositionStatistics(("mean",), CUBUK_PROPERTIES), None),
        (CompositionStatistics(("mean", "std"), CUBUK_PROPERTIES), None),
        (CompositionStatistics(("std",), ("Row", "Density")), None),
        (WIDE, ("std Row", "mean Density", "mean Row")),
    ],
)
@pytest.mark.parametrize("classifier", [None, LOGISTIC, RidgeClassifier()])
def test_the_score_arrays_are_the_model(
    representation: CompositionStatistics, columns: tuple | None, classifier: object
) -> None:
    model = ElementalClassifier(representation, classifier, columns)
    model.fit(representation.transform(FORMULAS), LABELS)
    arrays = model.element_score_arrays()
    others = ["Li2ZnGeO4", "LiMgAl3", "Li3YCl6", "Li7La3Zr2O12", "Li"]
    found = [score_by_hand(arrays, formula) for formula in others]
    expected = model.decision(representation.transform(others))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    assert arrays["properties"].shape == (len(arrays["elements"]), len(arrays["mean_weights"]))
    assert np.isfinite(arrays["properties"]).all()


def test_only_elements_that_are_known_have_a_score() -> None:
    model = ElementalClassifier().fit(
        CompositionStatistics(("mean",), CUBUK_PROPERTIES).transform(FORMULAS), LABELS
    )
    elements = model.element_score_arrays()["elements"]
    assert len(elements) == 81
    assert not {"He", "Ne", "Ar", "Rn", "At", "Fr", "U", "Pu"} & set(elements)
    few = ElementalClassifier(CompositionStatistics(("mean",), ("Number", "Density")))
    few.fit(few.representation.transform(FORMULAS), LABELS)
    arrays = few.element_score_arrays()
    assert "U" in arrays["elements"]
    assert "Pu" not in arrays["elements"]  # beyond neptunium
    row = arrays["elements"].index("U")
    assert arrays["properties"][row].tolist() == [92.0, 19050.0]


def test_what_is_no_linear_score_has_no_arrays() -> None:
    widest = ElementalClassifier(WIDE, LOGISTIC, ("maximum Row", "mean Row")).fit(X, LABELS)
    with pytest.raises(IncompatibleError, match="maximum Row"):
        widest.element_score_arrays()
    curved = ElementalClassifier(WIDE, make_pipeline(StandardScaler(), SVC()), ("mean Row",))
    with pytest.raises(IncompatibleError, match="no linear score"):
        curved.fit(X, LABELS).element_score_arrays()


def test_soft_labels_weigh_rows() -> None:
    """A probability of 1/4 is three rows of one class and one of the other."""
    X4, soft = X[:, :4], np.where(LABELS == 1, 0.75, 0.25)
    model = ElementalClassifier(classifier=LOGISTIC).fit(X4, soft)
    rows = np.repeat(np.arange(len(X4)), 4)
    classes = np.concatenate([[1, 1, 1, 0] if label else [0, 0, 0, 1] for label in LABELS])
    quarter = make_pipeline(StandardScaler(), LogisticRegression(C=0.25)).fit(X4[rows], classes)
    np.testing.assert_allclose(
        model.decision(X4), quarter.decision_function(X4[:, :]), rtol=1e-3, atol=1e-4
    )
    assert np.abs(model.decision(X4)).max() < 2 * np.log(3)


def test_labels_must_be_labels() -> None:
    with pytest.raises(IncompatibleError, match="both classes"):
        ElementalClassifier().fit(X, np.ones(20))
    with pytest.raises(IncompatibleError, match="0, 1 or a probability"):
        ElementalClassifier().fit(X, LABELS * 2)
    missing = np.where(np.arange(20) == 3, np.nan, LABELS)
    fitted = ElementalClassifier().fit(X, missing)
    kept = np.arange(20) != 3
    np.testing.assert_array_equal(
        fitted.decision(X), ElementalClassifier().fit(X[kept], LABELS[kept]).decision(X)
    )
    with pytest.raises(InputError, match="no descriptor of this name"):
        ElementalClassifier(WIDE, columns=("mean Colour",)).fit(X, LABELS)


@pytest.mark.parametrize("classifier", [None, LOGISTIC, RidgeClassifier()])
def test_contract_and_file(classifier: object, tmp_path: Path) -> None:
    model = ElementalClassifier(WIDE, classifier, ("mean Row", "std Density", "minimum Row"))
    check_model(model, X, LABELS)
    fitted = model.fit(X, LABELS)
    assert ((fitted.predict(X) > 0.5) == (fitted.decision(X) > 0)).all()
    artefact.write(fitted, tmp_path / "model")
    loaded = artefact.read(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


# Every subset.

NAMES = [f"d{i}" for i in range(4)]
RNG = np.random.default_rng(3)
TOY = RNG.normal(size=(24, 4))
TOY_LABELS = (TOY[:, 0] - TOY[:, 2] + 0.5 * RNG.normal(size=24)) > 0.3


def decided(train: np.ndarray, at: int, subset: tuple[int, ...]) -> float:
    machine = (
        linear_svm().set_params(svc__tol=1e-5).fit(TOY[np.ix_(train, subset)], TOY_LABELS[train])
    )
    return float(machine.decision_function(TOY[np.ix_([at], subset)])[0])


def test_selection_inside_and_outside_the_loop_by_hand() -> None:
    """The slow way: a loop for the score, a loop for the choice, and libsvm in both."""
    found = search_subsets(TOY, NAMES, TOY_LABELS, sizes=(1, 2))
    subsets = [c for k in (1, 2) for c in combinations(range(4), k)]
    assert found.subsets == tuple(tuple(NAMES[i] for i in s) for s in subsets)
    everyone = np.arange(24)
    plain = np.array([[decided(everyone[everyone != i], i, s) for i in everyone] for s in subsets])
    # an offset may be one of many that are equally good
    assert np.isclose(found.decisions, plain, atol=5e-3).mean() > 0.99
    assert found.best == found.subsets[((plain > 0) == TOY_LABELS).mean(axis=1).argmax()]
    for i in (0, 7, 19):
        rest = everyone[everyone != i]
        hits = [
            sum((decided(rest[rest != j], j, s) > 0) == TOY_LABELS[j] for j in rest)
            for s in subsets
        ]
        best = int(np.argmax(hits))
        assert found.chosen[i] == best
        expected = decided(rest, i, subsets[best])
        assert found.nested[i] == pytest.approx(expected, abs=5e-3)


def test_a_choice_among_noise_flatters_and_the_nested_one_does_not() -> None:
    generator = np.random.default_rng(0)
    flattery, honest = [], []
    for _ in range(5):
        noise, coins = generator.normal(size=(20, 6)), generator.permutation(np.arange(20) % 2)
        found = search_subsets(noise, [f"n{i}" for i in range(6)], coins, sizes=(1, 2))
        flattery.append(found.accuracies.max())
        honest.append(((found.nested > 0) == found.labels).mean())
    assert np.mean(flattery) > 0.62
    assert np.mean(honest) < 0.55


def test_twins_are_left_out_together() -> None:
    """A compound that occurs twice predicts itself, unless both go."""
    generator = np.random.default_rng(1)
    noise = generator.normal(size=(14, 8))
    coins = generator.permutation(np.arange(14) % 2)
    twice, groups = np.repeat(noise, 2, axis=0), np.repeat(np.arange(14), 2)
    names = [f"n{i}" for i in range(8)]
    apart = search_subsets(twice, names, np.repeat(coins, 2), sizes=(7,), C=10.0)
    together = search_subsets(twice, names, np.repeat(coins, 2), sizes=(7,), C=10.0, groups=groups)
    assert apart.accuracies.max() > together.accuracies.max() + 0.1
    np.testing.assert_allclose(together.decisions[:, ::2], together.decisions[:, 1::2], atol=1e-6)


def test_published_number_of_subsets(data_home: Callable[[str], Path]) -> None:
    table = pd.read_csv(data_home("sendek") / "training40.csv.gz")
    twice = table.loc[table.index.repeat(table["n_structures"])]
    assert len(twice) == 40
    representation = CompositionStatistics(("mean",), CUBUK_PROPERTIES)
    descriptors = representation.transform(twice["composition"].tolist())
    labels = twice["superionic"].to_numpy()
    assert labels.sum() == 11
    subsets = [c for size in range(1, 8) for c in combinations(range(9), size)]
    assert len(subsets) == 501
    fours = [subset for subset in subsets if len(subset) == 4]
    right = (left_out_decisions(descriptors, labels, fours, C=10.0) > 0) == labels
    best = fours[right.sum(axis=1).argmax()]
    assert [CUBUK_PROPERTIES[i] for i in best] == [
        "Number",
        "Row",
        "Electronegativity",
        "FirstIonizationEnergy",
    ]
    assert right.sum(axis=1).max() == 33  # of 40; the paper has 39 with seven descriptors


# The elements themselves.


def test_descriptors_against_a_computation_by_hand() -> None:
    values = {name: element_property(name) for name in CUBUK_PROPERTIES}
    found = dict(zip(WIDE.names(), WIDE.transform(["Li3PS4"])[0], strict=True))
    share = {"Li": 3 / 8, "P": 1 / 8, "S": 4 / 8}
    assert len(found) == 36
    for name in CUBUK_PROPERTIES:
        each = {symbol: values[name][ATOMIC_NUMBERS[symbol]] for symbol in share}
        mean = sum(share[s] * each[s] for s in share)
        square = sum(share[s] * each[s] ** 2 for s in share)
        assert found[f"mean {name}"] == pytest.approx(mean)
        assert found[f"std {name}"] == pytest.approx(np.sqrt(square - mean**2), abs=1e-9)
        assert found[f"minimum {name}"] == min(each.values())
        assert found[f"maximum {name}"] == max(each.values())


def test_physical_order_of_the_new_properties() -> None:
    """Boiling is above melting but for arsenic, which sublimes; gases are thin, metals are not."""
    melting, boiling = element_property("MeltingT"), element_property("BoilingT")
    both = np.isfinite(melting) & np.isfinite(boiling)
    assert np.flatnonzero(both & (boiling < melting)).tolist() == [33]
    density = element_property("Density")
    gases = [
        ATOMIC_NUMBERS[s] for s in ("H", "He", "N", "O", "F", "Ne", "Cl", "Ar", "Kr", "Xe", "Rn")
    ]
    assert density[gases].max() < 10
    liquids_and_solids = np.delete(density, gases)
    assert np.nanmin(liquids_and_solids[1:86]) > 500
    volume = element_property("MolarVolume")  # cm3/mol, of the same elements
    weight = element_property("AtomicWeight")
    solids = [ATOMIC_NUMBERS[s] for s in ("Li", "Fe", "Pb", "S", "I", "U")]  # sulphur has two forms
    np.testing.assert_allclose(density[solids], 1000 * (weight / volume)[solids], rtol=0.06)


def test_unknown_stays_unknown() -> None:
    assert np.isnan(element_property("BoilingT")[ATOMIC_NUMBERS["At"]])
    assert "At" not in elements_with(("BoilingT",))
    assert "At" in elements_with(("Number",))
    assert elements_with((), last=3) == ("H", "He", "Li")
    with pytest.raises(InputError, match="unknown element property"):
        elements_with(("Colour",))
