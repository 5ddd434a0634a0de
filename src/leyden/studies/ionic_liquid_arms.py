"""What competes in the study `ionic-liquids`: baselines, recommenders, and the process on pairs.

Every setting was fixed beforehand, or is chosen inside the training rows of a fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lightgbm import LGBMRegressor
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor

from leyden.data.dataset import Dataset
from leyden.models.group_contribution import GroupContribution
from leyden.models.ion_recommender import IonRecommender
from leyden.models.mlp import MultilayerPerceptron
from leyden.models.pair_process import PairProcess
from leyden.models.property_forms import property_form
from leyden.models.tanimoto import TanimotoProcess
from leyden.models.vectors import VectorRegressor
from leyden.representations import Concatenated
from leyden.representations.fingerprints import Fingerprint
from leyden.representations.ion_pair import IonPairs, IonPairVectors
from leyden.representations.known_pairs import KnownPairs
from leyden.representations.molecule_descriptors import MoleculeDescriptors
from leyden.transfer import FineTune, FromScratch, Strategy

__all__ = [
    "AVERAGES",
    "BASELINES",
    "CLASSICAL_AVERAGE",
    "HEADLINE",
    "HYBRID",
    "PROCESS",
    "PROPERTIES",
    "SCRATCH",
    "SIMULATED",
    "STACKED",
    "TAUGHT",
    "Effort",
    "Property",
    "Sources",
    "arms",
]

PAIR = "pair"
_FEW_ROWS = 4000
"""Of fewer rows, half as many steps are a hundred epochs and more."""


@dataclass(frozen=True)
class Property:
    """A property of ionic liquids, and how it is learned and scored.

    Attributes
    ----------
    name : str
        In claims.
    target : str
        Column of the cleaned data.
    title : str
    shape : str
        Curve of the process on pairs (`leyden.models.pair_curves.CURVES`).
    log : bool
        Whether the logarithm is modelled.
    relative : bool
        Whether errors count in percent of the measured value.
    unit : str
        Of the score.
    simulated : str
        The simulated property of the same name, where physics gives one.
    """

    name: str
    target: str
    title: str
    shape: str
    log: bool
    relative: bool
    unit: str
    simulated: str = ""


PROPERTIES = (
    Property(
        "density",
        "density_kg_per_m3",
        "density",
        "density",
        log=True,
        relative=True,
        unit="%",
        simulated="simulated_density_kg_per_m3",
    ),
    Property(
        "viscosity",
        "log10_viscosity_Pa_s",
        "log10 viscosity",
        "activated",
        log=False,
        relative=False,
        unit="decades",
    ),
    Property(
        "conductivity",
        "log10_conductivity_S_per_m",
        "log10 conductivity",
        "activated",
        log=False,
        relative=False,
        unit="decades",
    ),
    Property(
        "surface_tension",
        "surface_tension_N_per_m",
        "surface tension",
        "linear",
        log=True,
        relative=True,
        unit="%",
        simulated="simulated_surface_tension_N_per_m",
    ),
    Property(
        "heat_capacity",
        "heat_capacity_J_per_mol_K",
        "heat capacity",
        "linear",
        log=True,
        relative=True,
        unit="%",
        simulated="simulated_heat_capacity_J_per_mol_K",
    ),
    Property(
        "melting_point",
        "melting_point_K",
        "melting point",
        "constant",
        log=False,
        relative=False,
        unit="K",
    ),
    Property(
        "glass_transition",
        "glass_transition_K",
        "glass transition",
        "constant",
        log=False,
        relative=False,
        unit="K",
    ),
)
"""In the order of the tables; the glass transition has no published figure here."""

BASELINES = ("gradient boosting", "fingerprint perceptron", "group contributions")
CLASSICAL_AVERAGE = "trees, boosting, Tanimoto"
AVERAGES: Mapping[str, tuple[str, ...]] = {
    CLASSICAL_AVERAGE: ("extra trees", "gradient boosting", "Tanimoto process")
}
"""Equal averages by name; those whose parts are there."""

SCRATCH, SIMULATED = "recommender", "recommender, simulations"
PROCESS, HYBRID = "process on pairs", "hybrid"
HEADLINE = "stack"
TAUGHT = "hybrid, simulations"
STACKED = (PROCESS, HYBRID, TAUGHT, "group contributions")
"""Parts of the stack; inner folds choose their weights."""

TEACHERS = frozenset({"density", "viscosity", "heat_capacity"})
"""Properties whose measurements teach recommenders of the others, as published."""


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes
    ----------
    pairs : int or None
        At most so many pairs of each property; None takes all.
    folds : int
    epochs, source_epochs : int
        Of the networks on measurements, and on simulations.
    trees, steps : int
        Of the boosting; of the process's search for its variances.
    least : int
        Steps that every network takes at least; half of them where rows are few.
    ions : int or None
        At most so many ions of each sign on the simulated grid.
    """

    pairs: int | None = None
    folds: int = 5
    epochs: int = 40
    source_epochs: int = 6
    trees: int = 700
    steps: int = 40
    least: int = 600
    ions: int | None = None
    solvation_rows: int | None = None
    only: tuple[str, ...] = ()

    @property
    def properties(self) -> tuple[Property, ...]:
        """The properties, in the order of the tables."""
        return tuple(own for own in PROPERTIES if not self.only or own.name in self.only)

    @property
    def measured(self) -> tuple[Property, ...]:
        """Whose measurements are read: all, since the recommender lists the ions of all."""
        return PROPERTIES if self.pairs is None else self.properties

    @classmethod
    def quick(cls) -> Effort:
        """Shows that everything works."""
        return cls(
            pairs=60,
            folds=2,
            epochs=2,
            source_epochs=1,
            trees=30,
            steps=4,
            least=1,
            ions=25,
            solvation_rows=4000,
            only=("viscosity", "conductivity", "melting_point"),
        )


@dataclass(frozen=True, eq=False)
class Sources:
    """What the recommenders are taught before the measurements of a property.

    Attributes
    ----------
    measured : mapping of str to Dataset
        Name of a property to its measurements.
    simulated : Dataset
        Every pair of a grid of ions, with several simulated properties.
    """

    measured: Mapping[str, Dataset]
    simulated: Dataset

    @cached_property
    def known(self) -> KnownPairs:
        """All ions by name: one list, so that every network can start from every other."""
        return KnownPairs.among(*self.measured.values(), self.simulated)

    def of_simulated(self, property: Property) -> Dataset:
        """The simulated property of the same name, alone."""
        return self._alone[property.simulated]

    @cached_property
    def _alone(self) -> dict[str, Dataset]:
        names = self.simulated.targets.columns
        return {str(name): self.simulated.with_targets(str(name)) for name in names}


def arms(
    property: Property, sources: Sources, effort: Effort, whole: bool = True
) -> dict[str, Strategy]:
    """The arms by name.

    Parameters
    ----------
    property : Property
    sources : Sources
    effort : Effort
    whole : bool
        Whether all compete; else recommenders are taught by all simulations alone, and of the
        baselines only boosting and group contributions are there.
    """
    return {
        **_baselines(property, effort, whole),
        PROCESS: _scratch(
            PairProcess(
                IonPairs(Concatenated((MoleculeDescriptors(), _counts("atom_pair"), _counts()))),
                shape=property.shape,
                log=property.log,
                steps=effort.steps,
            )
        ),
        **_recommenders(property, sources, effort, whole),
    }


def _baselines(property: Property, effort: Effort, whole: bool) -> dict[str, Strategy]:
    conditions = property.shape != "constant"
    descriptors = IonPairVectors(MoleculeDescriptors(), conditions)
    found = {
        "gradient boosting": _scratch(VectorRegressor(descriptors, _boosting(effort.trees))),
        "group contributions": _scratch(GroupContribution(property.target)),
    }
    if not whole:
        return found
    found["fingerprint perceptron"] = _scratch(
        MultilayerPerceptron(
            IonPairVectors(_counts(), conditions),
            widths=(256, 64),
            epochs=max(effort.epochs // 4, 1),
            least_steps=effort.least,
        )
    )
    if not conditions:
        trees = ExtraTreesRegressor(min(effort.trees, 300), max_features=1 / 3, n_jobs=1)
        both = IonPairVectors(_counts(), conditions=False)
        found["extra trees"] = _scratch(VectorRegressor(descriptors, trees))
        found["Tanimoto process"] = _scratch(
            VectorRegressor(both, TanimotoProcess(parts=2, combination="sum and product"))
        )
    return found


def _recommenders(
    property: Property, sources: Sources, effort: Effort, whole: bool
) -> dict[str, Strategy]:
    """The published recommender and the hybrid, from scratch and taught by other properties."""
    form, found = property_form(property.target), {}
    few = len(sources.measured[property.name]) < _FEW_ROWS
    for kind, reads, last in (
        (SCRATCH, sources.known, "free"),
        (HYBRID, IonPairs(MoleculeDescriptors()), form),
    ):
        least = effort.least // 2 if few else effort.least
        model = IonRecommender(reads, forms=last, epochs=effort.epochs, least_steps=least)
        found[kind] = _scratch(model)
        lessons = _lessons(property, sources, all_of_them=kind == SCRATCH)
        for name, source in lessons if whole else lessons[:1]:
            found[f"{kind}, {name}"] = _taught(model, source, effort)
    apart = [name for name in found if name.startswith(f"{SCRATCH}, measured")][:1]
    for name in apart:
        found[f"{name}, no shared items"] = clone(found[name]).set_params(share_items=False)
    return found


def _lessons(property: Property, sources: Sources, all_of_them: bool) -> list[tuple[str, Dataset]]:
    """What teaches a recommender of a property beforehand, by name; all of it, or the gist."""
    found = [("simulations", sources.simulated)]
    if property.simulated and all_of_them:
        found.append((f"simulated {property.title}", sources.of_simulated(property)))
    known = TEACHERS & sources.measured.keys() - {property.name}
    teachers = [other for other in PROPERTIES if other.name in known]
    return found + [
        (f"measured {other.title}", sources.measured[other.name])
        for other in teachers[: None if all_of_them else 1]
    ]


def _taught(model: IonRecommender, source: Dataset, effort: Effort) -> FineTune:
    """A network that learns a source at one state or at many, and then the target in its form."""
    forms = [property_form(target) for target in source.targets.columns]
    measured = len(forms) == 1 and forms != ["free"]
    teacher = clone(model).set_params(
        forms=forms if measured else ["constant"] * len(forms),
        epochs=effort.epochs if measured else effort.source_epochs,
    )
    return FineTune(teacher, source, settings={"forms": model.forms, "epochs": model.epochs})


def _scratch(model: Any) -> FromScratch:
    return FromScratch(model, group=PAIR)


def _counts(part: str = "morgan") -> Fingerprint:
    return Fingerprint(part, counts=True, size=1024)


def _boosting(trees: int) -> LGBMRegressor:
    """As in the figures to beat: 600 to 800 trees on descriptors of both ions, T and P."""
    return LGBMRegressor(
        n_estimators=trees,
        learning_rate=0.05,
        num_leaves=31,
        colsample_bytree=0.3,
        subsample=0.8,
        subsample_freq=1,
        n_jobs=1,
        verbose=-1,
    )
