"""Learned element vectors, against a rule of the elements that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from leyden import artefact
from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.errors import IncompatibleError, InputError
from leyden.models.atom2vec import Atom2Vec, validation_accuracy
from leyden.representations.composition import AtomicFractions
from leyden.testing import check_model

SPEAKS = {"Li": 2.0, "S": 2.0, "P": 1.5, "O": -1.5, "F": -1.0}
SILENT = ("Na", "K", "Mg", "Al", "Si", "Cl", "Zr")


def compounds(n: int, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Formulas with three elements besides Li, their fractions, and what an additive rule says."""
    generator = np.random.default_rng(seed)
    others = [*list(SPEAKS)[1:], *SILENT]
    formulas = []
    for _ in range(n):
        drawn = generator.choice(others, 3, replace=False)
        amounts = generator.integers(1, 9, 4)
        formulas.append("".join(f"{e}{a}" for e, a in zip(["Li", *drawn], amounts, strict=True)))
    X = AtomicFractions().transform(formulas)
    weights = np.zeros(X.shape[1])
    for symbol, weight in SPEAKS.items():
        weights[ATOMIC_NUMBERS[symbol] - 1] = weight
    score = X @ weights
    return formulas, X, (score > np.median(score)).astype(float)


FORMULAS, X, Y = compounds(600)
SMALL = Atom2Vec(dimension=2, networks=4, epochs=25, batch_size=100, least_steps=0)


@pytest.fixture(scope="module")
def fitted() -> Atom2Vec:
    return clone(SMALL).fit(X, Y)


def test_the_rule_is_learned_by_every_network(fitted: Atom2Vec) -> None:
    _, others, truth = compounds(300, seed=1)
    right = (fitted.predict_networks(others) > 0.5) == (truth[:, None] > 0.5)
    assert right.mean(axis=0).min() > 0.9
    mean, spread = fitted.predict(others, return_std=True)
    np.testing.assert_allclose(mean, fitted.predict_networks(others).mean(axis=1))
    assert (spread >= 0).all()
    assert (spread > 0).any()  # they differ


def test_contributions_are_those_of_the_rule(fitted: Atom2Vec) -> None:
    elements, values = fitted.contributions(X)
    assert set(elements) == {*SPEAKS, *SILENT}
    assert values.shape == (4, len(elements))
    mean = dict(zip(elements, values.mean(axis=0), strict=True))
    silent = [mean[symbol] for symbol in SILENT]
    assert min(mean[s] for s in ("Li", "S", "P")) > max(silent)
    assert max(mean[s] for s in ("O", "F")) < min(silent)
    assert mean["Li"] > 0 > mean["O"]


def test_contributions_are_the_nearest_plane(fitted: Atom2Vec) -> None:
    """Least squares by hand, for one network; pure elements lie on the plane where they stand."""
    elements, values = fitted.contributions(X)
    taught = [ATOMIC_NUMBERS[symbol] - 1 for symbol in elements]
    vectors = fitted.element_vectors()[2]
    design = np.column_stack([np.ones(len(X)), X @ vectors])
    with torch.no_grad():
        logits = fitted.module_(fitted.inputs(X, np.arange(len(X))))[:, 2].double().numpy()
    offset, *slopes = np.linalg.lstsq(design, logits, rcond=None)[0]
    np.testing.assert_allclose(values[2], offset + vectors[taught] @ slopes, rtol=1e-3, atol=1e-3)


def test_statistics_are_those_of_the_composition() -> None:
    """The module's input against a loop over elements."""
    module = SMALL.build(4)
    elements, fractions = SMALL.inputs(X[:20], np.arange(20))
    seen: list[torch.Tensor] = []
    module.hidden[0].register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    module((elements, fractions))
    vectors = module.vectors.detach().numpy()
    for row in range(20):
        present = np.flatnonzero(X[row])
        share, held = X[row, present], vectors[present, 1]
        mean = share @ held
        std = np.sqrt(share @ (held - mean) ** 2)
        expected = np.concatenate([mean, std, held.min(0), held.max(0)])
        np.testing.assert_allclose(seen[0][1, row].detach(), expected, rtol=1e-4, atol=1e-5)


def test_networks_do_not_disturb_each_other() -> None:
    """The same start alone or in company ends at the same network."""
    few = Atom2Vec(networks=2, epochs=2, least_steps=0, weight_decay=0.0)
    both = clone(few).fit(X, Y)
    other = clone(few).set_params(networks=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(few.random_state)
        begun = few.build(2).state_dict()
    alone = clone(other)
    alone.module_ = other.build(1)
    cut = {}
    for name, tensor in begun.items():
        if name == "vectors":
            cut[name] = tensor[:, 1:]
        elif name == "taught":
            cut[name] = tensor
        else:
            cut[name] = tensor.chunk(2)[1]
    alone.module_.load_state_dict(cut)
    again = clone(other).fit(X, Y, start=alone)
    difference = again.predict(X) - both.predict_networks(X)[:, 1]
    assert np.abs(difference).max() < 1e-3


def test_an_element_alone_can_be_learned_from() -> None:
    pure = AtomicFractions().transform(["Li", "Na", "O2", "LiNaO"])
    fitted = Atom2Vec(networks=2, epochs=5, least_steps=0).fit(pure, np.array([1.0, 0, 0, 1]))
    assert np.isfinite(fitted.element_vectors()).all()


def test_more_dimensions_do_no_worse() -> None:
    groups = np.array([formula[:4] for formula in FORMULAS])
    model = clone(SMALL).set_params(networks=2)
    found = validation_accuracy(model, X, Y, groups, dimensions=(1, 3), folds=2)
    assert {d: a.shape for d, a in found.items()} == {1: (2,), 3: (2,)}
    assert found[3].mean() > 0.85
    noise = np.random.default_rng(0).permutation(Y)
    blind = validation_accuracy(model, X, noise, groups, dimensions=(3,), folds=2)
    assert blind[3].mean() < 0.6


def test_contract_and_file(tmp_path: Path) -> None:
    model = Atom2Vec(networks=3, epochs=2, least_steps=0)
    check_model(model, X[:40], Y[:40])
    fitted = clone(model).fit(X[:40], Y[:40])
    artefact.write(fitted, tmp_path / "model")
    loaded = artefact.read(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.contributions(X[:40]).elements == fitted.contributions(X[:40]).elements


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="dimension must be positive"):
        Atom2Vec(dimension=0).fit(X, Y)
    with pytest.raises(InputError, match="one target"):
        Atom2Vec().fit(X, np.column_stack([Y, Y]))
    start = Atom2Vec(networks=2, epochs=1, least_steps=0).fit(X[:9], Y[:9])
    with pytest.raises(IncompatibleError, match="3 networks cannot start from 2"):
        Atom2Vec(networks=3).fit(X, Y, start=start)
