"""Study: solid Li conductors from structures to elements to billions (Cubuk, Sendek, Reed)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.evaluation import Evaluation
from leyden.hashing import content_hash, learning_code
from leyden.models.atom2vec import Atom2Vec, ElementContributions, validation_accuracy
from leyden.models.mlp import MultilayerPerceptron
from leyden.representations import represent
from leyden.representations.cache import remembered
from leyden.screening.criteria import Criterion
from leyden.splits import GroupKFold
from leyden.studies import Option, StudyResult
from leyden.studies.averages import with_averages
from leyden.studies.conductivity_arms import (
    AVERAGE,
    SOURCES,
    conductivities,
    conductivity_arms,
)
from leyden.studies.conductivity_forest import CODED, published_forests
from leyden.studies.conductor_arms import PublishedModel, arms, eML
from leyden.studies.conductor_data import FAMILY, Conductors, load_conductors
from leyden.studies.conductor_predictors import composition_judges
from leyden.studies.conductor_screen import neutral_by, resembling, screen, student
from leyden.studies.conductor_table import make_table, search_choices
from leyden.studies.conductors_claims import claims
from leyden.studies.conductors_report import Findings, build_report
from leyden.studies.data_sources import cited
from leyden.studies.electrode_sources import at_most
from leyden.studies.speed import DASK, SCREENING, measure
from leyden.validation import evaluate

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "conductors"
TITLE = "Solid lithium conductors: structures teach elements, and billions are screened"
OPTIONS = (
    Option("repeats", int, 3, "repeats of the five folds of composition families"),
    Option("networks", int, 1000, "initialisations of atom2vec for the element contributions"),
    Option("jobs", int, 2, "processes of one thread each"),
)
BRIEFLY = (
    "always poor",
    "without oxygen",
    "eML",
    "eML, 36 descriptors",
    "random forest, 36 descriptors",
    "esML",
    "esML, taught by salts",
    "esML, published teacher",
)
"""Arms of a quick run."""
NEEDED = ("obelix", "sendek", "matbench-compositions")


_MISSING = (
    f"The study needs {', '.join(NEEDED)}: `leyden data show NAME` tells where each comes from."
)
"""What is said where the data are not at hand."""


def run(
    out: Path, *, quick: bool, progress: bool, repeats: int, networks: int, jobs: int
) -> StudyResult:
    """Learn, compare, screen, report; what is finished under `out` is not done again.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    repeats, networks, jobs : int
        As in `OPTIONS`.
    """
    try:
        data = load_conductors(100 if quick else None)
        regressed = at_most(conductivities(), 100 if quick else None)
        sources = [load("matbench-compositions", target=name) for name in SOURCES]
    except InputError as error:
        return StudyResult.of_nothing(NAME, TITLE, error, _MISSING)
    split = GroupKFold(FAMILY, 3 if quick else 5, 1 if quick else repeats)
    common: dict[str, Any] = {
        "n_jobs": 1 if quick else jobs,
        "checkpoint": out / "folds",
        "progress": progress,
    }
    compared = arms(data)
    if quick:
        compared = {name: compared[name] for name in BRIEFLY}
    classes = evaluate(compared, data.measured, split, reference="eML", **common)
    conductivity = _regression(regressed, sources, split, quick, common)
    few = Atom2Vec(networks=3, epochs=2, least_steps=0) if quick else Atom2Vec()
    found = search_choices(data, quick=quick)
    taught = student(data.unlabelled, PublishedModel())
    by_salts = student(data.salts, PublishedModel())
    judges = composition_judges(out / "judges", quick)
    asked: list[Criterion] = [resembling(data.salts), *judges.criteria]
    short: dict[str, Any] = {"quick": quick, "progress": progress}
    measured, slow = ({}, []) if quick else measure(out / "speed", SCREENING, DASK)
    findings = Findings(
        data=data,
        subsets=found,
        table=make_table(data, found.published, {"esML": eML(), "atom2vec-esML": few}),
        classes=classes,
        regressed=regressed,
        conductivity=conductivity,
        accuracy_of_dimension=_dimensions(data, few, quick),
        contributions=_contributions(data, few, 3 if quick else networks),
        model=taught,
        screening=screen(taught, out / "screening", **short),
        inside=screen(by_salts, out / "screening-inside", beside=asked, **short),
        judges=judges,
        fractions=neutral_by({"all structures": taught, "salts": by_salts}, quick=quick),
        speed=measured,
    )
    return StudyResult(
        NAME,
        build_report(TITLE, findings),
        claims(findings),
        [
            *(cited(dataset.root[0]) for dataset in (*data.sources, sources[0])),
            *(cited(dataset.root[0], name) for name, dataset in judges.learned.items()),
        ],
        [
            *(f"{name} is not here, so fewer structures teach" for name in data.absent),
            *slow,
            *classes.reservations(),
            *conductivity.reservations(),
        ],
    )


def _regression(
    data: Dataset, sources: list[Dataset], split: GroupKFold, quick: bool, common: dict[str, Any]
) -> Evaluation:
    """log10 conductivity by all arms, the published forest among them."""
    some = [at_most(source, 300 if quick else None) for source in sources]
    network = MultilayerPerceptron(widths=(16,), epochs=2, least_steps=0) if quick else None
    made = {**published_forests(), **conductivity_arms(FAMILY, some, network)}
    if quick:
        made = {name: made[name] for name in (CODED, "mean", *AVERAGE)}
    found = evaluate(made, data, split, reference=CODED, return_std=True, **common)
    return with_averages(found, {"average": AVERAGE})


def _labels(data: Conductors) -> np.ndarray:
    """What the published equation says of the unlabelled structures."""
    teacher = PublishedModel()
    odds = teacher.decision(represent(teacher.representation, data.unlabelled))
    return np.asarray(odds > 0, float)


def _dimensions(data: Conductors, model: Atom2Vec, quick: bool) -> pd.DataFrame:
    """Validation accuracy against the length of the element vectors."""
    X, labels = represent(model.representation, data.unlabelled), _labels(data)
    formulas = data.unlabelled.groups["formula"].to_numpy(str)
    dimensions, folds = ((1, 3), 2) if quick else (tuple(range(1, 9)), 5)

    def measured() -> dict[str, np.ndarray]:
        found = validation_accuracy(model, X, labels, formulas, dimensions=dimensions, folds=folds)
        return {str(d): accuracy for d, accuracy in found.items()}

    key = content_hash(learning_code(), model, X, labels, formulas, dimensions, folds)
    accuracies = remembered("dimensions", key, measured)
    lines = [
        {"dimension": d, "accuracy": accuracies[str(d)].mean(), "spread": accuracies[str(d)].std()}
        for d in dimensions
    ]
    return pd.DataFrame(lines)


def _contributions(data: Conductors, model: Atom2Vec, networks: int) -> ElementContributions:
    """What each element does for the decision, over many initialisations."""
    many = Atom2Vec(**{**model.get_params(deep=False), "networks": networks})
    X, labels = represent(many.representation, data.unlabelled), _labels(data)

    def measured() -> dict[str, np.ndarray]:
        found = many.fit(X, labels).contributions(X)
        return {"elements": np.array(found.elements), "values": found.values}

    kept = remembered("contributions", content_hash(learning_code(), many, X, labels), measured)
    return ElementContributions(tuple(kept["elements"].tolist()), np.array(kept["values"]))
