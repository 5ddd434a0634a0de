"""The classifiers of the study `conductors`: structural, elemental, one taught by the other.

sML reads crystals, eML compositions; esML is an eML that learns what sML says of crystals that
nobody has measured (Cubuk, Sendek, Reed, J. Chem. Phys. 150, 214701 (2019)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier

from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.distillation import Distill
from leyden.models.classifiers import VectorClassifier, published_log_odds, structural_models
from leyden.models.conductors import ElementalClassifier, linear_svm
from leyden.representations.composition import (
    CUBUK_PROPERTIES,
    CUBUK_STATISTICS,
    AtomicFractions,
    CompositionStatistics,
)
from leyden.representations.structural_descriptors import StructuralDescriptors
from leyden.studies.conductor_data import Conductors
from leyden.transfer import FromScratch

__all__ = ["ALL", "MEANS", "PublishedModel", "Without", "arms", "eML", "sML"]

MEANS = CompositionStatistics(("mean",), CUBUK_PROPERTIES)
"""Nine descriptors, as published."""
ALL = CompositionStatistics(CUBUK_STATISTICS, CUBUK_PROPERTIES)
"""The wider pool of 36."""


@dataclass(frozen=True)
class PublishedDescriptors(StructuralDescriptors):
    """The five descriptors, read by a model that was fitted long ago on compounds of the test."""

    kind: ClassVar[str] = "published_descriptors"
    may_have_seen_test: ClassVar[bool] = True


class Settled(VectorClassifier):
    """A classifier that was settled before any row was seen: `fit` learns nothing."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """None: there is nothing to choose."""
        return {}

    def fit(self, X: np.ndarray, y: np.ndarray, *, groups: np.ndarray | None = None) -> Settled:
        """Nothing is learned."""
        return self


class PublishedModel(Settled):
    """The published logistic regression as it stands (`published_log_odds`).

    It knows the 40 published compounds.
    """

    kind: ClassVar[str] = "published_structural_model"

    def __init__(self) -> None:
        super().__init__(PublishedDescriptors(), None)

    def decision(self, X: np.ndarray) -> np.ndarray:
        """Log odds, shape (n,)."""
        return published_log_odds(X)


class Without(Settled):
    """A rule that nobody has to learn: good is what holds none of some elements.

    Sulfides conduct better than oxides; what has learned no more than that is no better than this.
    """

    kind: ClassVar[str] = "without_elements"

    def __init__(self, symbols: tuple[str, ...] = ("O",)) -> None:
        super().__init__(AtomicFractions(), None)
        self.symbols = symbols

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The elements."""
        return {"symbols": self.symbols}

    def decision(self, X: np.ndarray) -> np.ndarray:
        """1 without any of the elements, else -1, shape (n,)."""
        columns = [ATOMIC_NUMBERS[symbol] - 1 for symbol in self.symbols]
        return np.where((X[:, columns] > 0).any(axis=1), -1.0, 1.0)


def sML(class_weight: str | None = None) -> VectorClassifier:
    """The structural model: a linear support vector machine on the five descriptors."""
    return structural_models(class_weight)["SVM"]


def eML(
    representation: CompositionStatistics = MEANS, class_weight: str | None = None
) -> ElementalClassifier:
    """The elemental model: a linear support vector machine on element statistics."""
    return ElementalClassifier(representation, linear_svm(class_weight=class_weight))


def arms(data: Conductors) -> dict[str, Any]:
    """What is compared on measured compositions; what learns weighs both classes alike.

    Salts are the unlabelled structures that hold an anion: most "good" labels of a structural model
    fall on alloys, of which its descriptors mean nothing.
    """
    forest = RandomForestClassifier(300, class_weight="balanced", min_samples_leaf=2)
    crystals, strangers = data.crystals, data.unlabelled
    made: dict[str, Any] = {
        "always poor": FromScratch(
            VectorClassifier(MEANS, DummyClassifier(strategy="constant", constant=0))
        ),
        "without oxygen": FromScratch(Without()),
        "eML": FromScratch(eML(MEANS, "balanced")),
        "eML, 36 descriptors": FromScratch(eML(ALL, "balanced")),
        "random forest, 36 descriptors": FromScratch(VectorClassifier(ALL, forest)),
    }
    for name, representation in (("esML", MEANS), ("esML, 36 descriptors", ALL)):
        student = eML(representation, "balanced")
        teacher = sML("balanced")
        made[name] = Distill(teacher, student, strangers, crystals)
        made[f"{name}, taught by salts"] = Distill(teacher, student, data.salts, crystals)
        made[f"{name}, and measured labels"] = Distill(
            teacher, student, strangers, crystals, with_target=True
        )
        made[f"{name}, published teacher"] = Distill(PublishedModel(), student, strangers, crystals)
    return made
