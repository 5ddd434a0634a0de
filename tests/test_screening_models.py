"""Saved models in a screening: as the score, and as judges of what is kept."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from leyden import artefact
from leyden.data.dataset import Dataset
from leyden.errors import ArtefactError, InputError
from leyden.models import baselines
from leyden.models.conductors import ElementalClassifier
from leyden.predictor import Predictor
from leyden.representations.composition import CUBUK_PROPERTIES, CompositionStatistics
from leyden.screening import (
    CompositionJob,
    CompositionSpace,
    ElementScore,
    ModelBound,
    Neutral,
    ScoreAbove,
    job_from_dict,
)
from leyden.screening.engine import run
from leyden.screening.model_criteria import apply_models, pinned
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

SPACE = CompositionSpace(elements=("Na", "Cl", "F"), parts=10)
FORMULAS = ["Li3PS4", "Li2S", "Li7P3S11", "Li6PS5Cl", "LiF", "Li2O", "LiNaO", "Li3PO4", "LiAlO2"]
GOOD = [1, 1, 1, 1, 0, 0, 0, 0, 0]


def energies(path: Path, ridge: str = "ridge", rows: int = 30) -> Path:
    data = tiny_crystals(rows).with_targets("energy_eV_per_atom")
    Predictor.of(FromScratch(baselines()[ridge]).fit(data)).save(path)
    return path


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return energies(tmp_path_factory.mktemp("model") / "energy.leyden")


def conductors() -> Dataset:
    table = pd.DataFrame({"formula": FORMULAS, "good": GOOD})
    return Dataset.from_table(table, target="good")


def elemental(statistics: tuple[str, ...] = ("mean",), classifier: object = None) -> Predictor:
    learner = ElementalClassifier(
        CompositionStatistics(statistics, CUBUK_PROPERTIES[:4]), classifier
    )
    return Predictor.of(FromScratch(learner).fit(conductors()))


def job(path: Path, **changes: object) -> CompositionJob:
    own = ModelBound(str(path), "energy_eV_per_atom", maximum=0.0)
    return replace(CompositionJob([Neutral(), own], space=SPACE), **changes)


class TestTheSameModelIsTheSameJob:
    def test_moved(self, energy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        moved = Path(shutil.copy(energy, tmp_path / "renamed.leyden"))
        assert job(moved).fingerprint() == job(energy).fingerprint()
        monkeypatch.chdir(tmp_path)
        relative = job(Path("renamed.leyden"))
        assert relative.fingerprint() == job(energy).fingerprint()
        assert relative.criteria[1].model == str(moved)

    def test_made_again(self, energy: Path, tmp_path: Path) -> None:
        assert job(energies(tmp_path / "b.leyden")).fingerprint() == job(energy).fingerprint()

    def test_other_content_under_the_same_name(self, tmp_path: Path) -> None:
        path = energies(tmp_path / "a.leyden")
        first = job(path)
        run(first, tmp_path / "out", progress=False)
        energies(path, rows=29)
        second = job(path)
        assert second.fingerprint() != first.fingerprint()
        with pytest.raises(InputError, match=r"criteria\[1\]\.sha256 is '.*' there and '.*' here"):
            run(second, tmp_path / "out", progress=False)

    def test_expanded(self, energy: Path) -> None:
        one = job(energy)
        again = job_from_dict(one.to_dict())
        assert again.fingerprint() == one.fingerprint()
        assert again.criteria[1].sha256 == one.criteria[1].sha256 != ""

    def test_limits_count(self, energy: Path) -> None:
        own = ModelBound(str(energy), "energy_eV_per_atom", maximum=0.5)
        assert CompositionJob([Neutral(), own], space=SPACE).fingerprint() != (
            job(energy).fingerprint()
        )


class TestWhatIsWrongIsSaidAtOnce:
    def test_no_such_file(self) -> None:
        with pytest.raises(InputError, match=r"absent\.leyden: the predictor cannot be read"):
            job(Path("absent.leyden"))

    def test_no_such_target(self, energy: Path) -> None:
        with pytest.raises(InputError, match="did you mean 'energy_eV_per_atom'"):
            pinned(ModelBound(str(energy), "energy_eV_per_atm", maximum=0.0))

    def test_no_predictor(self, tmp_path: Path) -> None:
        (tmp_path / "text.leyden").write_text("no zip")
        with pytest.raises(ArtefactError, match=r"text\.leyden"):
            job(tmp_path / "text.leyden")

    def test_no_formulas(self, tmp_path: Path) -> None:
        from leyden.representations.cell_shape import CellShape

        data = tiny_crystals(20).with_targets("energy_eV_per_atom")
        predictor = Predictor.of(FromScratch(baselines(CellShape())["ridge"]).fit(data))
        predictor.save(tmp_path / "cells.leyden")
        with pytest.raises(InputError, match=r"cells\.leyden: the predictor takes no formulas"):
            job(tmp_path / "cells.leyden")

    def test_changed_while_the_screening_ran(self, tmp_path: Path) -> None:
        path = energies(tmp_path / "a.leyden")
        begun = job(path)
        energies(path, rows=29)
        with pytest.raises(InputError, match="another than the one that the criterion names"):
            begun.run_all()

    def test_a_column_that_is_taken(self, energy: Path) -> None:
        own = ModelBound(str(energy), "energy_eV_per_atom", maximum=0.0, name="score")
        rows = pd.DataFrame({"formula": ["LiF"], "score": [1.0]})
        with pytest.raises(InputError, match="have such a column already"):
            apply_models(rows, [own])


class TestAModelAsTheScore:
    def test_is_its_decision(self, tmp_path: Path) -> None:
        predictor = elemental()
        predictor.save(tmp_path / "eml.leyden")
        score = ElementScore.load(tmp_path / "eml.leyden")
        X = predictor.representation.transform(FORMULAS)
        told = [score(composition(formula)) for formula in FORMULAS]
        np.testing.assert_allclose(told, predictor.model.decision(X), atol=1e-9)

    def test_with_standard_deviations_and_alone(self, tmp_path: Path) -> None:
        learner = elemental(("mean", "std"), LogisticRegression()).model
        artefact.write(learner, tmp_path / "model.leyden")
        score = ElementScore.load(tmp_path / "model.leyden")
        assert not score.linear
        X = learner.representation.transform(FORMULAS)
        told = [score(composition(formula)) for formula in FORMULAS]
        np.testing.assert_allclose(told, learner.decision(X), atol=1e-9)

    def test_in_a_table(self, tmp_path: Path) -> None:
        elemental().save(tmp_path / "eml.leyden")
        table = {"criteria": ["score"], "space": {"elements": ["P", "S", "Cl", "O"], "parts": 10}}
        made = job_from_dict({**table, "score": str(tmp_path / "eml.leyden")})
        score = ElementScore.load(tmp_path / "eml.leyden")
        plain = CompositionJob([ScoreAbove()], score, made.space)
        assert made.fingerprint() == plain.fingerprint()
        assert made.run_all().counts["good"] > 0

    def test_of_another_kind(self, energy: Path) -> None:
        with pytest.raises(InputError, match=r"is no linear score of elements \(got 'Vector"):
            ElementScore.load(energy)

    def test_that_is_not_linear(self, tmp_path: Path) -> None:
        elemental(classifier=SVC()).save(tmp_path / "rbf.leyden")
        with pytest.raises(InputError, match=r"rbf\.leyden: SVC is no linear score"):
            ElementScore.load(tmp_path / "rbf.leyden")

    def test_that_reads_minima(self, tmp_path: Path) -> None:
        elemental(("mean", "minimum")).save(tmp_path / "minima.leyden")
        with pytest.raises(InputError, match="is no mean and no standard deviation"):
            ElementScore.load(tmp_path / "minima.leyden")

    def test_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            ElementScore.load(tmp_path / "absent.leyden")
        (tmp_path / "text.leyden").write_text("{}")
        with pytest.raises(ArtefactError, match=r"text\.leyden"):
            ElementScore.load(tmp_path / "text.leyden")


def composition(formula: str) -> dict[str, float]:
    from leyden.data.formulas import parse_composition

    amounts = parse_composition(formula)
    return {symbol: float(n / sum(amounts.values())) for symbol, n in amounts.items()}
