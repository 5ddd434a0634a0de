"""Distillation against toys whose answer is known, and what a test fold must never teach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

import leyden as ly
from leyden.data.dataset import Dataset, HeldOut
from leyden.distillation import Distill
from leyden.errors import IncompatibleError, LeakageError
from leyden.models.classifiers import VectorClassifier
from leyden.models.vectors import VectorRegressor
from leyden.representations import CompositionStatistics
from leyden.representations.composition import AtomicFractions
from leyden.testing import check_strategy, tiny_crystals

LABEL = "good_conductor"


@dataclass(frozen=True)
class Density:
    """Reads crystals only: what the student cannot see of a formula."""

    kind: ClassVar[str] = "density"

    def transform(self, items: Any) -> np.ndarray:
        for row, item in enumerate(items, start=1):
            if not isinstance(item, ly.Crystal):
                raise ly.InputError("a crystal is needed", row=row)
        return np.array([[item.numbers.sum(), item.numbers.max()] for item in items], float)


def labelled(data: Dataset) -> Dataset:
    """Crystals labelled by their heaviest element, which the composition tells."""
    heavy = [float(item.numbers.max() > 30) for item in data.items]
    targets = pd.DataFrame({LABEL: heavy})
    return replace(data, targets=targets, quantities={LABEL: "conduction"}, _root=None)


def of_formulas(data: Dataset) -> Dataset:
    formulas = tuple(data.groups["formula"])
    return replace(data, items=formulas, _root=None)


EVERYTHING = tiny_crystals(400)
UNLABELLED = replace(EVERYTHING.take(slice(60, None)).with_targets("noise"), _root=None)
SOURCE = labelled(EVERYTHING.take(slice(0, 60)))
TARGET = of_formulas(SOURCE)
TEACHER = VectorClassifier(Density(), LogisticRegression(C=1e4, max_iter=5000))
STUDENT = VectorClassifier(
    CompositionStatistics(("maximum", "mean"), ("Number",)), LogisticRegression(max_iter=2000)
)


def distilled(**options: Any) -> Distill:
    settings = {"source": SOURCE, **options}
    return Distill(TEACHER, STUDENT, UNLABELLED, **settings)


def test_the_student_recovers_the_rule_of_the_teacher() -> None:
    few = TARGET.take(slice(0, 12))
    student = distilled().fit(few)
    strangers = labelled(tiny_crystals(720))
    formulas = strangers.groups["formula"].tolist()
    right = (student.predict(formulas) > 0.5) == (strangers.y == 1)
    assert right.mean() > 0.97
    # what is learned is the teacher's rule, not the target's labels
    lying = replace(SOURCE, targets=1 - SOURCE.targets, _root=None)
    taught_wrong = distilled(source=lying).fit(few)
    assert ((taught_wrong.predict(formulas) > 0.5) == (strangers.y == 1)).mean() < 0.03


def test_without_a_source_the_target_teaches_the_teacher() -> None:
    student = Distill(TEACHER, STUDENT, UNLABELLED).fit(SOURCE)
    same = distilled().fit(TARGET)
    formulas = TARGET.items[:9]
    np.testing.assert_allclose(student.predict(formulas), same.predict(formulas))


def test_values_may_be_taught_instead_of_classes() -> None:
    """A linear teacher and a linear student: the student repeats what it is told, exactly."""
    energy = EVERYTHING.with_targets("energy_eV_per_atom")
    teacher = VectorRegressor(CompositionStatistics(("mean",), ("Number",)), LinearRegression())
    pupil = VectorRegressor(AtomicFractions(), LinearRegression())
    target = energy.take(slice(0, 60))
    student = Distill(teacher, pupil, UNLABELLED, hard=False).fit(target)
    alone = ly.FromScratch(teacher).fit(target)
    items = UNLABELLED.items[:20]
    np.testing.assert_allclose(student.predict(items), alone.predict(items), atol=1e-8)


def test_the_target_may_teach_the_student_too() -> None:
    """Where the teacher knows nothing, measured labels are all there is."""
    blind = VectorRegressor(Density(), DummyRegressor())
    pupil = VectorRegressor(STUDENT.representation, LinearRegression())
    alone = Distill(blind, pupil, UNLABELLED, SOURCE, hard=False).fit(TARGET)
    np.testing.assert_allclose(alone.predict(TARGET), TARGET.y.mean())
    mixed = Distill(blind, pupil, UNLABELLED, SOURCE, hard=False, with_target=True).fit(TARGET)
    assert np.corrcoef(mixed.predict(TARGET), TARGET.y)[0, 1] > 0.5


# What a fold forbids.


class Recording(VectorClassifier):
    """Remembers what it was shown."""

    shown: ClassVar[list[np.ndarray]] = []

    def fit(self, X: np.ndarray, y: np.ndarray, *, groups: Any = None) -> Any:
        self.shown.append(np.asarray(X))
        return super().fit(X, y, groups=groups)


@dataclass(frozen=True)
class Fingerprint:
    """Tells each composition from all others."""

    kind: ClassVar[str] = "fingerprint"

    def transform(self, items: Any) -> np.ndarray:
        return AtomicFractions().transform(items)


@pytest.mark.parametrize("group", [None, "formula"])
def test_neither_teacher_nor_student_sees_a_test_formula(group: str | None) -> None:
    """The unlabelled crystals have every formula of the target, under ids of their own."""
    others = replace(
        SOURCE, name="others", ids=np.array([f"other {i}" for i in range(60)]), _root=None
    )
    Recording.shown.clear()
    seed = 0 if group is None else 1  # an equal lesson is learned once
    model = Recording(Fingerprint(), LogisticRegression(), random_state=seed)
    strategy = Distill(model, model, others, source=SOURCE)
    test = np.arange(0, 60, 4)
    formulas = set(TARGET.groups["formula"].iloc[test])
    train = np.flatnonzero(~TARGET.groups["formula"].isin(formulas).to_numpy())
    strategy.fit(TARGET.take(train), held_out=TARGET.hold_out(test, group))
    forbidden = Fingerprint().transform(sorted(formulas))
    assert len(Recording.shown) == 2  # the teacher, then the student
    for X in Recording.shown:
        apart = np.abs(X[:, None] - forbidden).sum(axis=2)
        assert apart.min() > 1e-6
        assert len(X) == len(train)
    assert strategy.notes_["unlabelled_rows"] == len(train)
    assert strategy.notes_["unlabelled_rows_removed"] == 60 - len(train)
    assert strategy.notes_["source_rows_removed"] == 2 * (60 - len(train))


def test_evaluation_of_noise_finds_nothing() -> None:
    """Labels are coins. A teacher who has seen those of the test part would know them."""
    generator = np.random.default_rng(0)
    coins = pd.DataFrame({LABEL: generator.permutation(np.arange(60) % 2).astype(float)})
    source = replace(SOURCE, targets=coins, _root=None)
    target = of_formulas(source)
    others = replace(source, ids=np.array([f"other {i}" for i in range(60)]), _root=None)
    rote = VectorClassifier(Fingerprint(), LogisticRegression(C=1e6, max_iter=10_000))
    arm = Distill(rote, rote, others, source=source)
    leaky = Leaky(rote, rote, others, source=source)
    split = ly.splits.GroupKFold("formula", n=4)
    rows = ly.compare({"honest": arm, "leaky": leaky}, target, split=split).rows
    hits = {
        name: ((part["y_pred"] > 0.5) == (part["y_true"] > 0.5)).mean()
        for name, part in rows.groupby("arm")
    }
    assert hits["honest"] < 0.65
    assert hits["leaky"] > 0.7  # so the test would tell


class Leaky(Distill):
    """Forgets what the fold forbids."""

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> Any:
        return super().lessons(dataset, HeldOut(), notes)

    def _labelled(self, teacher: Any, dataset: Dataset, forbidden: HeldOut) -> Dataset:
        return super()._labelled(teacher, dataset, HeldOut())


def test_what_cannot_be_kept_apart_is_refused() -> None:
    held_out = TARGET.hold_out(np.arange(5))
    train = TARGET.take(slice(5, None))
    nameless = replace(UNLABELLED, groups=pd.DataFrame(), _root=None)
    with pytest.raises(LeakageError, match="has no column formula"):
        Distill(TEACHER, STUDENT, nameless, source=SOURCE).fit(train, held_out=held_out)
    source = replace(SOURCE, groups=pd.DataFrame(), _root=None)
    with pytest.raises(LeakageError, match="no column formula"):
        distilled(source=source).fit(train, held_out=held_out)
    with pytest.raises(LeakageError, match="is in the training and the test part"):
        distilled().fit(TARGET, held_out=held_out)


def test_the_source_must_teach_the_same_quantity() -> None:
    other = EVERYTHING.take(slice(0, 60)).with_targets("noise")
    with pytest.raises(IncompatibleError, match="teaches noise"):
        distilled(source=other).fit(TARGET)


def test_rows_that_the_teacher_cannot_judge_are_counted() -> None:
    class Unsure(VectorClassifier):
        def predict(self, X: np.ndarray, return_std: bool = False) -> Any:
            return np.where(np.arange(len(X)) < 7, np.nan, super().predict(X))

    teacher = Unsure(Density(), LogisticRegression(max_iter=2000))
    fitted = Distill(teacher, STUDENT, UNLABELLED, source=SOURCE).fit(TARGET)
    assert fitted.notes_["unlabelled_rows_without_label"] == 7
    assert fitted.notes_["unlabelled_rows"] == len(UNLABELLED) - 7


def test_contract_of_strategies() -> None:
    check_strategy(distilled(), TARGET)
    check_strategy(distilled(with_target=True), TARGET)
