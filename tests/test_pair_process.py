"""The Gaussian process on ion pairs, against dense algebra and worlds whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from leyden import artefact
from leyden.errors import IncompatibleError, InputError
from leyden.models.pair_curves import CURVES, curve
from leyden.models.pair_kernel import (
    PARAMETERS,
    IonSimilarity,
    PairSet,
    pair_kernel,
    prior_variance,
)
from leyden.models.pair_process import PairProcess, Statistics, _Likelihood
from leyden.representations import Concatenated
from leyden.representations.ion_pair import IonPairs, IonTable, StatePoints


@dataclass(frozen=True)
class Toy:
    """Descriptors of an ion, or its fingerprint; only the names of the columns matter here."""

    kind: ClassVar[str] = "toy_ion"

    columns: tuple[str, ...]

    def transform(self, items: Sequence[str]) -> np.ndarray:
        raise NotImplementedError

    def names(self) -> list[str]:
        return list(self.columns)


DESCRIPTORS = Toy(("MolWt", "van_der_waals_volume_A3", "u", "v"))
REPRESENTATION = IonPairs(Concatenated((DESCRIPTORS, Toy(("f0", "f1", "f2")))))


def world(
    cations: int = 14, anions: int = 9, rows: int = 4, seed: int = 0
) -> tuple[StatePoints, np.ndarray]:
    """State points of all pairs, and numbers that are what cation and anion add, and a slope."""
    random = np.random.default_rng(seed)
    tables = []
    for sign, count in (("C", cations), ("A", anions)):
        size = random.uniform(50, 300, (count, 1))
        tail = random.normal(size=(count, 2))
        counts = random.integers(0, 4, (count, 3))
        vectors = np.hstack([size, 0.9 * size, tail, counts])
        tables.append(IonTable(np.array([f"{sign}{i}" for i in range(count)]), vectors))
    place = np.repeat(np.arange(cations * anions), rows)
    temperature = random.uniform(280, 400, len(place))
    points = StatePoints(
        *tables, place // anions, place % anions, temperature, np.full(len(place), 101.325)
    )
    plus, minus = tables[0].vectors[points.cation], tables[1].vectors[points.anion]
    level = np.sin(plus[:, 2]) + 0.5 * minus[:, 3] + 0.02 * (plus[:, 0] + minus[:, 0])
    slope = 0.3 + 0.1 * plus[:, 3]
    return points, level - slope * (temperature - 320) / 50


def known_pairs(points: StatePoints) -> tuple[PairSet, list[list[torch.Tensor]], np.ndarray]:
    """The pairs of some state points with made-up sizes, similarities, and each row's pair."""
    places, rows = points.pairs()
    size = np.random.default_rng(1).normal(size=(len(places), 2))
    similar = [IonSimilarity.of(table, (4, 3)) for table in (points.cations, points.anions)]
    return PairSet(places[:, 0], places[:, 1], size), [one.among() for one in similar], rows


def made_up_theta(terms: int) -> torch.Tensor:
    random = np.random.default_rng(2)
    return torch.as_tensor(random.normal(-1.0, 0.5, (terms, len(PARAMETERS) + 2)))


def dense(points: StatePoints, theta: torch.Tensor, noise: float) -> np.ndarray:
    """Covariance of all rows, written down as it stands in the definition."""
    pairs, parts, rows = known_pairs(points)
    base = curve("linear", points.temperature_K, points.pressure_kPa)
    covariance = noise**2 * np.eye(len(rows))
    for term in range(base.shape[1]):
        kernel = pair_kernel(theta[term], *parts, pairs, pairs).numpy()
        covariance += np.outer(base[:, term], base[:, term]) * kernel[np.ix_(rows, rows)]
    return covariance


def test_the_likelihood_is_that_of_all_rows() -> None:
    points, y = world(5, 4, 3)
    y = (y - y.mean()) / y.std()
    pairs, parts, rows = known_pairs(points)
    base = curve("linear", points.temperature_K, points.pressure_kPa)
    known, theta = Statistics.of(y, base, rows), made_up_theta(2)
    likelihood = _Likelihood(known, pairs, parts)
    found = [
        float(likelihood.negative(theta, torch.tensor(np.log(noise)), np.arange(len(known))))
        for noise in (0.1, 0.4)
    ]
    want = [-multivariate_normal.logpdf(y, cov=dense(points, theta, noise)) for noise in (0.1, 0.4)]
    constant = 0.5 * len(y) * np.log(2 * np.pi)
    np.testing.assert_allclose(found, np.array(want) - constant, rtol=1e-6)


def test_weights_are_those_of_the_dense_posterior() -> None:
    points, y = world(5, 4, 3)
    pairs, parts, rows = known_pairs(points)
    base = curve("linear", points.temperature_K, points.pressure_kPa)
    theta, noise = made_up_theta(2), 0.2
    likelihood = _Likelihood(Statistics.of(y, base, rows), pairs, parts)
    found = likelihood.weights(theta, torch.tensor(np.log(noise))).numpy()
    dual = np.linalg.solve(dense(points, theta, noise), y)
    want = np.zeros_like(found)
    np.add.at(want, rows, base * dual[:, None])
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)


def fitted(log: bool = False) -> tuple[PairProcess, StatePoints, np.ndarray, np.ndarray]:
    """A process taught two thirds of the pairs of a world, and which rows it was not taught."""
    points, y = world()
    y = np.exp(0.1 * y) if log else y
    left_out = np.random.default_rng(3).random(14 * 9)[points.cation * 9 + points.anion] < 1 / 3
    model = PairProcess(REPRESENTATION, shape="linear", log=log, steps=40)
    return model.fit(points[~left_out], y[~left_out]), points, y, left_out


@pytest.mark.parametrize("log", [False, True])
def test_it_learns_what_ions_add(log: bool) -> None:
    model, points, y, left_out = fitted(log)
    error = np.abs(model.predict(points[left_out]) - y[left_out]).mean()
    assert error < 0.1 * np.abs(y - y.mean()).mean()


def test_its_deviations_are_those_of_its_errors() -> None:
    model, points, y, left_out = fitted()
    mean, std = model.predict(points[left_out], return_std=True)
    np.testing.assert_allclose(mean, model.predict(points[left_out]), rtol=1e-12)
    assert (std > 0).all()
    taught = model.predict(points[~left_out], return_std=True)[1]
    assert taught.mean() < std.mean()
    assert np.mean(np.abs(mean - y[left_out]) < 3 * std) > 0.9


def test_deviations_are_those_of_the_dense_posterior() -> None:
    model, points, _, left_out = fitted()
    rows = np.flatnonzero(left_out)[:7]
    std = model.predict(points[rows], return_std=True)[1] / model.spread_
    taught, asked = points[~left_out], points[rows]
    theta = torch.as_tensor(model.theta_)

    def covariance(a: StatePoints, b: StatePoints) -> np.ndarray:
        both = [
            own.parts(table) for own, table in zip(model.ions_, (a.cations, a.anions), strict=True)
        ]
        known = model.pairs_
        keys = model.ions_[0].keys[known.cation], model.ions_[1].keys[known.anion]
        places = {pair: place for place, pair in enumerate(zip(*keys, strict=True))}
        asked = b.cations.keys[b.cation], b.anions.keys[b.anion]
        column = [places[pair] for pair in zip(*asked, strict=True)]
        size = model.prepared(a)._sizes(a.cation, a.anion)
        left = PairSet(a.cation, a.anion, size)
        bases = [curve("linear", x.temperature_K, x.pressure_kPa) for x in (a, b)]
        total = np.zeros((len(a), len(b)))
        for term, one in enumerate(theta):
            kernel = pair_kernel(one, *both, left, known).numpy()[:, column]
            total += np.outer(bases[0][:, term], bases[1][:, term]) * kernel
        return total

    inner = covariance(taught, taught) + model.noise_**2 * np.eye(len(taught))
    cross = covariance(asked, taught)
    base = curve("linear", asked.temperature_K, asked.pressure_kPa)
    size = model.prepared(asked)._sizes(asked.cation, asked.anion)
    pairs = PairSet(asked.cation, asked.anion, size)
    prior = sum(
        base[:, term] ** 2 * prior_variance(one, pairs).numpy() for term, one in enumerate(theta)
    )
    explained = np.einsum("ij,ji->i", cross, np.linalg.solve(inner, cross.T))
    np.testing.assert_allclose(std**2, prior - explained + model.noise_**2, rtol=1e-4)


def test_ions_known_beforehand_make_no_difference() -> None:
    model, points, _, _ = fitted(log=True)
    ready = model.prepared(points)
    for rows in (np.arange(3), np.array([40, 7, 7, 100]), np.arange(len(points))):
        for mine, plain in zip(
            ready.predict(points[rows], return_std=True),
            model.predict(points[rows], return_std=True),
            strict=True,
        ):
            np.testing.assert_allclose(mine, plain, rtol=1e-9)
        np.testing.assert_allclose(ready.embed(points[rows]), model.embed(points[rows]), rtol=1e-8)
    similar = model.similarities(points)  # and the kernel of all pairs with all, term by term
    pairs = PairSet(points.cation, points.anion, ready._sizes(points.cation, points.anion))
    for term, theta in enumerate(torch.as_tensor(model.theta_)):
        dense = pair_kernel(theta, *similar, pairs, model.pairs_).numpy()
        expected = dense @ model.weights_[:, term]
        np.testing.assert_allclose(ready.embed(points)[:, term], expected, rtol=1e-8, atol=1e-9)
    with pytest.raises(IncompatibleError, match="other tables of ions"):
        ready.predict(points.compact())


def test_a_pair_far_from_all_is_as_uncertain_as_before_learning() -> None:
    model, points, _, _ = fitted()
    strange = IonTable(np.array(["X"]), np.array([[150.0, 135.0, 80.0, -90.0, 0.0, 0.0, 0.0]]))
    one = np.zeros(1, int)
    far = StatePoints(strange, strange, one, one, np.full(1, 320.0), np.full(1, 101.325))
    near = model.predict(points, return_std=True)[1].max()
    assert model.predict(far, return_std=True)[1] > near


def test_the_order_of_rows_does_not_matter() -> None:
    points, y = world(6, 5, 3)
    order = np.random.default_rng(5).permutation(len(y))
    first = PairProcess(REPRESENTATION, shape="linear", steps=5).fit(points, y)
    second = PairProcess(REPRESENTATION, shape="linear", steps=5).fit(points[order], y[order])
    np.testing.assert_allclose(first.predict(points), second.predict(points), rtol=1e-7)


def test_rows_without_a_value_teach_nothing() -> None:
    points, y = world(6, 5, 2)
    half = np.where(np.arange(len(y)) % 2 == 0, y, np.nan)
    first = PairProcess(REPRESENTATION, shape="linear", steps=5).fit(points, half)
    second = PairProcess(REPRESENTATION, shape="linear", steps=5).fit(points[::2], y[::2])
    np.testing.assert_allclose(first.predict(points), second.predict(points), rtol=1e-9)


def test_it_is_saved_with_all_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(artefact.KINDS, Toy.kind, f"{__name__}:Toy")
    model, points, _, left_out = fitted()
    artefact.write(model, tmp_path / "model.leyden")
    loaded: Any = artefact.read(tmp_path / "model.leyden")
    for found, want in zip(
        loaded.predict(points[left_out], return_std=True),
        model.predict(points[left_out], return_std=True),
        strict=True,
    ):
        np.testing.assert_allclose(found, want, rtol=1e-9)


@pytest.mark.parametrize("name", CURVES)
def test_curves_are_one_at_the_start(name: str) -> None:
    base = curve(name, np.array([320.0, 350.0]), np.array([0.0, 1e5]))
    assert base[:, 0].tolist() == [1.0, 1.0]
    assert base[0, 1:].tolist() == [0.0] * (base.shape[1] - 1)


def test_mistakes_are_told() -> None:
    points, y = world(3, 2, 2)
    with pytest.raises(InputError, match="no such curve"):
        PairProcess(REPRESENTATION, shape="line").fit(points, y)
    with pytest.raises(InputError, match="positive"):
        PairProcess(REPRESENTATION, log=True).fit(points, y - y.max())
    with pytest.raises(InputError, match="at least three"):
        PairProcess(REPRESENTATION).fit(points[:3], y[:3])
    with pytest.raises(InputError, match="not fitted"):
        PairProcess(REPRESENTATION).predict(points)
