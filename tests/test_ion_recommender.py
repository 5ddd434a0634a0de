"""The recommender: ions by name and by structure, several targets, and what it carries over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch

import leyden as ly
from leyden import artefact
from leyden.data.ions import IonPair, StatePoint
from leyden.data.molecules import inchi_key
from leyden.errors import IncompatibleError, InputError
from leyden.models import Ensemble, IonRecommender
from leyden.models.network import NetworkModel
from leyden.models.objectives import WeightedRegression
from leyden.representations.ion_pair import IonPairs, IonTable, StatePoints
from leyden.representations.known_pairs import KnownPairs
from leyden.testing import check_model, check_strategy

CATIONS = [f"{'C' * n}[n+]1ccn(C)c1" for n in range(2, 10)]
CATIONS += [f"{'C' * n}[N+](C)(C)C" for n in range(2, 8)]
ANIONS = ["[Cl-]", "[Br-]", "N#C[N-]C#N", "F[B-](F)(F)F", "F[P-](F)(F)(F)(F)F", "CC(=O)[O-]"]
PAIRS = [IonPair(cation, anion) for cation in CATIONS for anion in ANIONS]
SMALL = {
    "embedding": 8,
    "widths": (32, 16),
    "encoder_width": 16,
    "dropout": 0.0,
    "epochs": 3,
    "batch_size": 64,
    "least_steps": 0,
}


@dataclass(frozen=True)
class Letters:
    """Counts of letters: structure enough for a test."""

    kind: ClassVar[str] = "letters"

    def transform(self, items: Sequence[str]) -> np.ndarray:
        return np.array([[text.count(letter) for letter in "CNnFBlPO="] for text in items], float)

    def names(self) -> list[str]:
        return list("CNnFBlPO=")


def vogel(pair: IonPair, T: np.ndarray) -> np.ndarray:
    """log10 viscosity of a world where A, B and T0 are sums over ions."""
    n, a = CATIONS.index(pair.cation), ANIONS.index(pair.anion)
    A = -4.0 + 0.04 * (n % 8) + 0.03 * (a % 3)
    B = 300.0 + 12.0 * (n % 8) + 25.0 * (a % 4)
    T0 = 150.0 + 2.0 * n + 5.0 * (a % 2)
    return A + B / (T - T0)


def liquids(
    temperatures: Sequence[float] = (280.0, 300.0, 325.0, 350.0), pairs: Sequence[IonPair] = PAIRS
) -> ly.Dataset:
    items = [StatePoint(pair, T) for pair in pairs for T in temperatures]
    eta = [float(vogel(point.pair, np.array(point.temperature_K))) for point in items]
    keys = [point.pair.keys for point in items]
    return ly.Dataset(
        name="world",
        ids=np.array(
            [f"{'.'.join(key)}@{p.temperature_K}" for key, p in zip(keys, items, strict=True)]
        ),
        items=tuple(items),
        targets=pd.DataFrame({"log10_viscosity_Pa_s": eta}),
        groups=pd.DataFrame({"pair": [".".join(key) for key in keys]}),
    )


DATA = liquids()
KNOWN = KnownPairs.among(DATA)
HYBRID = KnownPairs.among(DATA, ion=Letters())


# What it reads.


def test_known_pairs_know_their_lists() -> None:
    points = KNOWN.transform(PAIRS)
    assert points.cations.vectors.shape == (len(CATIONS), 0)
    found = [
        (points.cations.keys[cation], points.anions.keys[anion])
        for cation, anion in zip(points.cation, points.anion, strict=True)
    ]
    assert found == [pair.keys for pair in PAIRS]
    assert list(KNOWN.second) == sorted(map(inchi_key, ANIONS))
    assert KnownPairs(list(KNOWN.first), list(KNOWN.second)) == KNOWN  # as JSON gives them back


def test_a_stranger_is_refused_by_name_and_taken_by_structure() -> None:
    stranger = IonPair("CC[S+](CC)CC", "[Cl-]")
    with pytest.raises(InputError, match=r"row 2.*\[S\+\].*hybrid") as caught:
        KNOWN.transform([PAIRS[0], stranger])
    assert caught.value.row == 2
    model = IonRecommender(HYBRID, forms="viscosity", **SMALL).fit(
        HYBRID.transform(DATA.items), DATA.y
    )
    assert np.isfinite(model.predict(HYBRID.transform([stranger]))).all()


def test_pairs_of_molecules_are_read_alike() -> None:
    @dataclass(frozen=True)
    class Solution:
        first: str
        second: str

    points = KnownPairs((), (), Letters()).transform([Solution("CCO", "O"), Solution("O", "CCO")])
    np.testing.assert_array_equal(points.cations.vectors[::-1], points.anions.vectors)
    assert points.temperature_K.tolist() == [298.15, 298.15]


# The contracts of models and strategies.


@pytest.mark.parametrize("representation", [KNOWN, IonPairs(Letters()), HYBRID])
def test_model_keeps_its_contract(representation: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(artefact.KINDS, "letters", f"{__name__}:Letters")
    few = DATA.take(np.arange(0, len(DATA), 5))
    both = np.c_[few.y, np.where(np.arange(len(few)) % 3 == 0, -few.y, np.nan)]
    model = IonRecommender(representation, **SMALL)
    check_model(model, representation.transform(few.items), few.y)
    X = representation.transform(few.items)
    several = IonRecommender(representation, forms=("viscosity", "linear"), **SMALL).fit(X, both)
    assert several.predict(X).shape == both.shape
    assert several.embed(X).shape == (len(few), 16)


def test_strategies_predictors_and_ensembles_take_it(tmp_path: object) -> None:
    few = DATA.take(np.arange(0, len(DATA), 4))
    model = IonRecommender(KNOWN, forms="viscosity", **SMALL)
    check_strategy(ly.FromScratch(model), few)
    predictor = ly.Predictor.of(ly.FromScratch(model).fit(few))
    predictor.save(f"{tmp_path}/liquid.leyden")
    found = ly.Predictor.load(f"{tmp_path}/liquid.leyden").predict(few.items[:5])
    np.testing.assert_allclose(
        found["log10_viscosity_Pa_s"], predictor.predict(few.items[:5])["log10_viscosity_Pa_s"]
    )
    X = KNOWN.transform(few.items)
    mean, spread = Ensemble(model, members=2, n_jobs=1).fit(X, few.y).predict(X, return_std=True)
    assert mean.shape == spread.shape == few.y.shape


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"representation": None}, "by name or by structure"),
        ({"forms": ("linear", "linear")}, "1 targets need one form each"),
        ({"widths": ()}, "at least one hidden layer"),
    ],
)
def test_bad_settings_are_told(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        IonRecommender(**{"representation": KNOWN, **SMALL, **settings}).fit(
            KNOWN.transform(DATA.items), DATA.y
        )


# What it learns.


def test_the_world_of_vogel_is_recovered_and_goes_on_beyond_its_temperatures() -> None:
    """Unseen pairs, and 40 K below and 100 K above everything that was measured."""
    unseen = np.isin(np.arange(len(PAIRS)), np.arange(0, len(PAIRS), 5))
    train = liquids(pairs=[pair for pair, test in zip(PAIRS, unseen, strict=True) if not test])
    left = [pair for pair, test in zip(PAIRS, unseen, strict=True) if test]
    inside, outside = liquids(pairs=left), liquids((240.0, 450.0), left)
    errors = {}
    for form in ("viscosity", "free"):
        network = IonRecommender(
            HYBRID, forms=form, **{**SMALL, "epochs": 200, "learning_rate": 1e-2}
        )
        fitted = ly.FromScratch(network).fit(train)
        errors[form] = [np.abs(fitted.predict(test) - test.y).mean() for test in (inside, outside)]
    assert errors["viscosity"][0] < 0.1 * DATA.y.std()
    assert errors["viscosity"][1] < 0.25 * outside.y.std()
    assert errors["viscosity"][1] < 0.6 * errors["free"][1]


def test_predictions_are_monotone_in_temperature() -> None:
    model = ly.FromScratch(IonRecommender(KNOWN, forms="viscosity", **SMALL)).fit(DATA)
    for pair in PAIRS[::9]:
        curve = model.predict([StatePoint(pair, T) for T in np.linspace(230.0, 500.0, 28)])
        assert (np.diff(curve) < 0).all()


def test_simulations_at_one_state_teach_measurements_at_many() -> None:
    """The published recipe: a source without temperature, a new last layer, far fewer rows."""
    source = liquids((298.15,))
    source = ly.Dataset(
        name="simulated",
        ids=np.array([f"sim {i}" for i in range(len(source))]),
        items=tuple(point.pair for point in source.items),
        targets=pd.DataFrame({"simulated_index": 3.0 * source.y - 7.0, "noise": -source.y}),
        groups=source.groups,
    )
    teach = np.arange(0, len(PAIRS), 5)
    train = liquids((300.0, 350.0), [PAIRS[i] for i in teach])
    test = liquids((310.0,), [pair for i, pair in enumerate(PAIRS) if i not in teach])
    model = IonRecommender(KNOWN, forms="constant", **{**SMALL, "epochs": 200})
    errors = {}
    for name, strategy in {
        "scratch": ly.FromScratch(model.set_params(forms="viscosity")),
        "all": ly.FineTune(
            IonRecommender(KNOWN, forms="constant", **{**SMALL, "epochs": 200}),
            source,
            settings={"forms": "viscosity"},
        ),
        "head": ly.FineTune(
            IonRecommender(KNOWN, forms="constant", **{**SMALL, "epochs": 200}),
            source,
            train="head",
            settings={"forms": "viscosity"},
        ),
    }.items():
        errors[name] = np.abs(strategy.fit(train).predict(test) - test.y).mean()
    assert errors["all"] < 0.6 * errors["scratch"]
    assert errors["head"] < 0.6 * errors["scratch"]


def test_frozen_embeddings_stay_bit_by_bit() -> None:
    X = KNOWN.transform(DATA.items)
    start = IonRecommender(KNOWN, forms=("constant", "constant"), **SMALL).fit(
        X, np.c_[DATA.y, -DATA.y]
    )
    tuned = IonRecommender(KNOWN, forms="viscosity", **SMALL).fit(
        X, DATA.y, start=start, train="head"
    )
    np.testing.assert_array_equal(start.embed(X), tuned.embed(X))
    again = IonRecommender(KNOWN, forms="viscosity", **SMALL).fit(X, DATA.y, start=tuned)
    first = again.state()["output.last.weight"]
    assert first.shape == tuned.state()["output.last.weight"].shape  # and taken over, not renewed
    for name, form in (("free", "free"), ("conductivity", "conductivity")):
        other = IonRecommender(KNOWN, forms=form, **SMALL).fit(X, DATA.y, start=tuned, train="head")
        np.testing.assert_array_equal(other.embed(X), tuned.embed(X), err_msg=name)


def test_an_ion_that_nobody_taught_counts_as_an_average_one() -> None:
    """By name alone: its embedding is zero still, so that only the anion speaks."""
    known = [pair for pair in PAIRS if pair.cation not in CATIONS[:2]]
    model = ly.FromScratch(IonRecommender(KNOWN, forms="constant", **SMALL)).fit(
        liquids((298.15,), known)
    )
    first, second = model.predict([IonPair(CATIONS[i], ANIONS[0]) for i in (0, 1)])
    assert first == pytest.approx(second)


# Several targets, of which each row knows some.


def test_a_rare_target_is_neither_drowned_nor_deified() -> None:
    X = KNOWN.transform(DATA.items)
    y = np.full((len(DATA), 2), np.nan)
    y[:, 0] = DATA.y
    rare = DATA.groups["pair"].isin(sorted(set(DATA.groups["pair"]))[:4]).to_numpy()
    y[rare, 1] = -DATA.y[rare]
    totals = {
        balance: IonRecommender(KNOWN, balance=balance).weights(X, y).sum(axis=0)
        for balance in (0.0, 0.5, 1.0)
    }
    pairs = len(PAIRS)
    for balance, total in totals.items():
        assert total.sum() == pytest.approx(len(DATA))
        assert total[1] / total[0] == pytest.approx((4 / pairs) ** (1 - balance))
    weights = IonRecommender(KNOWN).weights(X, y)
    assert (weights[np.isnan(y)] == 0).all()


def test_even_pairs_count_once_whatever_their_rows() -> None:
    X = KNOWN.transform(DATA.items[:4] + DATA.items[4:5] + DATA.items[8:10])
    weights = IonRecommender(KNOWN, even_pairs=True).weights(X, np.ones((7, 1)))[:, 0]
    np.testing.assert_allclose(weights.sum(), 7)
    np.testing.assert_allclose(weights[:4].sum(), weights[4])
    np.testing.assert_allclose(weights[:4].sum(), weights[5:].sum())


def test_weighted_loss_of_batches_adds_up_to_that_of_all_rows() -> None:
    class Zero(torch.nn.Module):
        target_mean, target_scale = torch.zeros(2), torch.ones(2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(inputs), 2)

    rows = torch.zeros(3)
    y = torch.tensor([[1.0, torch.nan], [2.0, 4.0], [torch.nan, -1.0]])
    weights = torch.tensor([[0.5, 0.0], [0.25, 1.0], [0.0, 1.25]])
    objective = WeightedRegression("absolute")
    parts = [objective.accumulate(Zero(), (rows[i], y[i], weights[i])) for i in ([0, 1], [2])]
    whole = objective.accumulate(Zero(), (rows, y, weights))
    expected = (0.5 + 0.5 + 4.0 + 1.25) / 3
    assert objective.loss(parts[0] + parts[1]).item() == pytest.approx(expected)
    assert objective.loss(whole).item() == pytest.approx(expected)
    assert objective.validation_score(whole) == pytest.approx(expected)


def test_a_shared_target_helps_one_with_few_pairs() -> None:
    """Two quantities of one world: 60 pairs know the first, 12 others the second."""
    X = HYBRID.transform(DATA.items)
    names = sorted(set(DATA.groups["pair"]))
    label = DATA.groups["pair"].to_numpy()
    second = np.isin(label, names[::7])
    y = np.c_[np.where(second, np.nan, DATA.y), np.where(second, 5 - DATA.y, np.nan)]
    settings = {**SMALL, "epochs": 150}
    both = IonRecommender(HYBRID, forms=("viscosity", "conductivity"), **settings).fit(X, y)
    alone = IonRecommender(HYBRID, forms="conductivity", **settings).fit(X[second], y[second, 1])
    truth = 5 - DATA.y[~second]
    together = np.abs(both.predict(X)[~second, 1] - truth).mean()
    assert together < 0.7 * np.abs(alone.predict(X[~second]) - truth).mean()


def test_classes_are_learned_too() -> None:
    X, thick = KNOWN.transform(DATA.items), (np.median(DATA.y) < DATA.y).astype(float)
    model = IonRecommender(KNOWN, forms="viscosity", task="classification", **SMALL).fit(X, thick)
    share = model.predict(X)
    assert ((share > 0) & (share < 1)).all()
    assert ((share > 0.5) == thick).mean() > 0.7


@pytest.mark.parametrize("representation", [KNOWN, IonPairs(Letters()), HYBRID])
def test_ions_known_beforehand_make_no_difference(representation: Any) -> None:
    model = IonRecommender(representation, forms="viscosity", **SMALL)
    X = representation.transform(DATA.items)
    model.fit(X, DATA.y)
    ready = model.prepared(X)
    for rows in (np.arange(2), np.array([30, 5, 5]), np.arange(len(X))):
        np.testing.assert_allclose(ready.predict(X[rows]), model.predict(X[rows]), rtol=1e-4)
        np.testing.assert_allclose(ready.embed(X[rows]), model.embed(X[rows]), atol=1e-4)
    assert np.isnan(ready.predict(X, return_std=True)[1]).all()
    with pytest.raises(IncompatibleError, match="other tables of ions"):
        ready.predict(X.compact())


# Speed.


def test_many_pairs_are_predicted_in_a_moment() -> None:
    """One thread, 70,000 pairs: a tenth of the catalogue, with ten times the allowance."""
    model: NetworkModel = IonRecommender(HYBRID, forms="viscosity", epochs=1, least_steps=1)
    model.fit(HYBRID.transform(DATA.items[:40]), DATA.y[:40])
    generator = np.random.default_rng(0)
    tables = [
        IonTable(np.array([f"{i}" for i in range(k)]), generator.normal(size=(k, 9)))
        for k in (700, 100)
    ]
    cation, anion = (part.ravel() for part in np.mgrid[:700, :100])
    state = np.full(len(cation), 298.15), np.full(len(cation), 101.325)
    started = time.process_time()
    assert len(model.predict(StatePoints(*tables, cation, anion, *state))) == 70_000
    assert time.process_time() - started < 8.0
