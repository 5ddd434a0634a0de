"""Classifiers on vectors: classes in, probabilities out; the structural model among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import leyden as ly
from leyden import artefact, metrics
from leyden.data import Dataset, good_conductor, published_conductors
from leyden.errors import IncompatibleError
from leyden.models import VectorClassifier, structural_models
from leyden.models.classifiers import published_log_odds
from leyden.representations import CellShape, StructuralDescriptors
from leyden.testing import check_model, tiny_crystals

ROWS = tiny_crystals(40)
LABELS = (ROWS.targets["energy_eV_per_atom"] > -2).to_numpy(float)
X = CellShape().transform(ROWS.items)
MODELS = {
    **{
        name: VectorClassifier(CellShape(), model.classifier)
        for name, model in structural_models().items()
    },
    "forest": VectorClassifier(CellShape(), RandomForestClassifier(20)),
    "neighbours": VectorClassifier(CellShape(), KNeighborsClassifier(3)),
}
named = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@named
def test_it_keeps_the_contract_of_models(model: VectorClassifier) -> None:
    check_model(model, X, LABELS)
    check_model(model, X, np.column_stack([LABELS, 1 - LABELS]))


@named
def test_probability_is_the_decision_and_says_the_class(model: VectorClassifier) -> None:
    fitted = model.fit(X, LABELS)
    probability, spread = fitted.predict(X, return_std=True)
    assert np.isnan(spread).all()
    np.testing.assert_array_equal(probability > 0.5, fitted.decision(X) > 0)
    inner = fitted.classifiers_[0]
    if hasattr(inner, "decision_function"):  # elsewhere a tie may go either way
        np.testing.assert_array_equal(inner.predict(X) == 1, probability > 0.5)
    if hasattr(inner, "predict_proba"):
        np.testing.assert_allclose(probability, inner.predict_proba(X)[:, 1], atol=1e-9)


@named
def test_it_is_saved_whole(model: VectorClassifier, tmp_path: Path) -> None:
    artefact.write(model.fit(X, LABELS), tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.representation == model.representation


def test_a_strategy_learns_classes_and_is_saved(tmp_path: Path) -> None:
    data = Dataset(
        name="classes",
        ids=ROWS.ids,
        items=ROWS.items,
        targets=ROWS.targets.assign(good=LABELS)[["good"]],
        groups=ROWS.groups,
    )
    predictor = ly.Predictor.of(ly.FromScratch(MODELS["logistic"]).fit(data))
    predictor.save(tmp_path / "saved")
    found = ly.Predictor.load(tmp_path / "saved").predict(ROWS.items)["good"]
    assert metrics.balanced_accuracy(LABELS, found.to_numpy()) > 0.6


def test_unknown_classes_cost_their_row_only() -> None:
    both = np.column_stack([LABELS, LABELS])
    both[:5, 1] = np.nan
    fitted = VectorClassifier(CellShape(), LogisticRegression(max_iter=5000)).fit(X, both)
    alone = VectorClassifier(CellShape(), LogisticRegression(max_iter=5000)).fit(X[5:], LABELS[5:])
    np.testing.assert_array_equal(fitted.predict(X)[:, 1], alone.predict(X))


def test_what_is_no_class() -> None:
    with pytest.raises(IncompatibleError, match=r"0 or 1.*good_conductor"):
        MODELS["SVM"].fit(X, ROWS.targets["energy_eV_per_atom"].to_numpy())
    with pytest.raises(IncompatibleError, match="both classes"):
        MODELS["SVM"].fit(X, np.ones(len(X)))


def test_seeds_reach_the_classifier() -> None:
    forests = [VectorClassifier(CellShape(), RandomForestClassifier(5), seed) for seed in (0, 0, 1)]
    first, again, other = (forest.fit(X, LABELS).predict(X) for forest in forests)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_published_model_knows_its_training_compounds(data_home: Callable) -> None:
    """Most of them have partly occupied sites."""
    data_home("obelix"), data_home("sendek")
    rows = good_conductor(published_conductors())
    odds = published_log_odds(StructuralDescriptors().transform(rows.items))
    np.testing.assert_array_equal(odds > 0, rows.y == 1)


def test_the_structural_model_has_five_descriptors() -> None:
    for model in structural_models("balanced", random_state=3).values():
        assert model.representation == StructuralDescriptors()
        assert model.random_state == 3
        assert model.classifier[-1].class_weight == "balanced"
