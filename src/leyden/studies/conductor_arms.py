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

from leyden.distillation import Distill
from leyden.models.classifiers import VectorClassifier, published_log_odds, structural_models
from leyden.models.conductors import ElementalClassifier, linear_svm
from leyden.representations.composition import (
    CUBUK_PROPERTIES,
    CUBUK_STATISTICS,
    CompositionStatistics,
)
from leyden.representations.structural_descriptors import StructuralDescriptors
from leyden.studies.conductor_data import Conductors
from leyden.transfer import FromScratch

__all__ = ["ALL", "MEANS", "PublishedModel", "arms", "eML", "sML"]

MEANS = CompositionStatistics(("mean",), CUBUK_PROPERTIES)
"""Nine descriptors, as published."""
ALL = CompositionStatistics(CUBUK_STATISTICS, CUBUK_PROPERTIES)
"""The wider pool of 36."""


@dataclass(frozen=True)
class PublishedDescriptors(StructuralDescriptors):
    """The five descriptors, read by a model that was fitted long ago on compounds of the test."""

    kind: ClassVar[str] = "published_descriptors"
    may_have_seen_test: ClassVar[bool] = True


class PublishedModel(VectorClassifier):
    """The published logistic regression as it stands; `fit` learns nothing.

    See `published_log_odds`. It knows the 40 published compounds.
    """

    kind: ClassVar[str] = "published_structural_model"

    def __init__(self) -> None:
        super().__init__(PublishedDescriptors(), None)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """None: there is nothing to choose."""
        return {}

    def fit(
        self, X: np.ndarray, y: np.ndarray, *, groups: np.ndarray | None = None
    ) -> PublishedModel:
        """Nothing is learned."""
        return self

    def decision(self, X: np.ndarray) -> np.ndarray:
        """Log odds, shape (n,)."""
        return published_log_odds(X)


def sML(class_weight: str | None = None) -> VectorClassifier:
    """The structural model: a linear support vector machine on the five descriptors."""
    return structural_models(class_weight)["SVM"]


def eML(
    representation: CompositionStatistics = MEANS, class_weight: str | None = None
) -> ElementalClassifier:
    """The elemental model: a linear support vector machine on element statistics."""
    return ElementalClassifier(representation, linear_svm(class_weight=class_weight))


def arms(data: Conductors) -> dict[str, Any]:
    """What is compared on measured compositions; classes weigh alike, as they are judged alike."""
    forest = RandomForestClassifier(300, class_weight="balanced", min_samples_leaf=2)
    crystals, strangers = data.crystals, data.unlabelled
    made: dict[str, Any] = {
        "always poor": FromScratch(
            VectorClassifier(MEANS, DummyClassifier(strategy="constant", constant=0))
        ),
        "eML": FromScratch(eML(MEANS, "balanced")),
        "eML, 36 descriptors": FromScratch(eML(ALL, "balanced")),
        "random forest, 36 descriptors": FromScratch(VectorClassifier(ALL, forest)),
    }
    for name, representation in (("esML", MEANS), ("esML, 36 descriptors", ALL)):
        student = eML(representation, "balanced")
        teacher = sML("balanced")
        made[name] = Distill(teacher, student, strangers, crystals)
        made[f"{name}, and measured labels"] = Distill(
            teacher, student, strangers, crystals, with_target=True
        )
        made[f"{name}, published teacher"] = Distill(PublishedModel(), student, strangers, crystals)
    return made
