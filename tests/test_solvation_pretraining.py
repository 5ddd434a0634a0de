"""The two-stage recipe on pairs of molecules: a small world in which simulations nearly tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import leyden as ly
from leyden.data.molecules import inchi_key
from leyden.models import IonRecommender
from leyden.studies import solvation_pretraining
from leyden.studies.solvation_pretraining import ARMS, pretraining_arms, pretraining_evaluation

TAILS = ("", "O", "N", "C=O", "Cl", "F", "C#N", "OC")
MOLECULES = [f"{'C' * n}{tail}" for n in range(1, 7) for tail in TAILS]
SOLVENTS = ["O", "CCO", "CCCCCC", "CC#N", "ClCCl", "CC(C)=O"]


@dataclass(frozen=True, order=True)
class Solution:
    """A solute in a solvent, as `leyden.data.solvation.MoleculePair` has them."""

    first: str
    second: str


def world(target: str, keep: float, seed: int, error: float = 0.0) -> ly.Dataset:
    """Free energies that are sums and products of what the molecules are."""
    generator = np.random.default_rng(seed)
    size = generator.permutation(len(MOLECULES) * len(SOLVENTS))
    chosen = np.sort(size[: round(keep * len(size))])
    pairs = [Solution(MOLECULES[i // 6], SOLVENTS[i % 6]) for i in chosen]
    length, tail = chosen // 6 // 8, chosen // 6 % 8
    energy = -1.0 - 0.6 * length - 0.5 * tail + 0.15 * (tail - 3) * (chosen % 6)
    energy = energy + error * (length - 2) * 0.2
    keys = [(inchi_key(pair.first), inchi_key(pair.second)) for pair in pairs]
    return ly.Dataset(
        name=target,
        ids=np.array([".".join(key) for key in keys]),
        items=tuple(pairs),
        targets=pd.DataFrame({target: energy}),
        quantities={target: "solvation"},
        groups=pd.DataFrame(
            {"pair": [".".join(sorted(key)) for key in keys], "solute": [key[0] for key in keys]}
        ),
    )


SIMULATED = world("simulated_energy_kcal_per_mol", 0.9, 0, error=1.0)
MEASURED = world("energy_kcal_per_mol", 0.3, 1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    def network(*args: object, **settings: object) -> IonRecommender:
        return IonRecommender(*args, **{**settings, "embedding": 16, "widths": (32, 16)})

    monkeypatch.setattr(solvation_pretraining, "IonRecommender", network)


def test_simulations_help_and_test_rows_never_teach() -> None:
    arms, source = pretraining_arms(SIMULATED, MEASURED, quick=True)
    assert tuple(arms) == ARMS
    assert list(source.targets) == list(MEASURED.targets)
    assert source.same_quantity(MEASURED)
    labels = MEASURED.groups["pair"]
    test = np.flatnonzero(labels.isin(sorted(set(labels))[::4]))
    held_out = MEASURED.hold_out(test, "pair")
    train = MEASURED.take(np.setdiff1d(np.arange(len(MEASURED)), test))
    fitted = arms["fine-tuned"].fit(train, held_out=held_out)
    forbidden = source.groups["pair"].isin(labels.iloc[test]).sum()
    assert fitted.notes_["source_rows_removed"] == forbidden > 0


def test_the_recipe_helps_where_it_must() -> None:
    """The quick mode takes every eighth measured row: some fifteen teach."""
    measured = world("energy_kcal_per_mol", 0.8, 2)
    evaluation = pretraining_evaluation(SIMULATED, measured, "pair", quick=True)
    assert tuple(evaluation.arms) == ARMS
    assert len(evaluation.rows) == 3 * len(range(0, len(measured), 12))
    assert evaluation.paired("fine-tuned").ratio < 0.8


def test_quick_runs_are_reproducible() -> None:
    first, second = (
        pretraining_evaluation(SIMULATED, MEASURED, "solute", quick=True).scores()["mae"]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
