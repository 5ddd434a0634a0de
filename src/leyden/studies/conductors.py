"""Study: solid Li conductors from structures to elements to billions (Cubuk, Sendek, Reed)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.cards import card
from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.evaluation import Evaluation
from leyden.hashing import content_hash
from leyden.models.atom2vec import Atom2Vec, ElementContributions, validation_accuracy
from leyden.report import Report
from leyden.representations import represent
from leyden.screening.criteria import Criterion
from leyden.splits import GroupKFold
from leyden.studies import Option, Source, StudyResult
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
from leyden.studies.conductor_screen import resembling, screen, student
from leyden.studies.conductor_table import make_table, search
from leyden.studies.conductors_claims import claims
from leyden.studies.conductors_report import Findings, build_report
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
NEEDED = ("obelix", "sendek", "matbench-compositions")


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
        return _nothing(error)
    split = GroupKFold(FAMILY, 3 if quick else 5, 1 if quick else repeats)
    common: dict[str, Any] = {
        "n_jobs": 1 if quick else jobs,
        "checkpoint": out / "folds",
        "progress": progress,
    }
    classes = evaluate(arms(data), data.measured, split, reference="eML", **common)
    conductivity = _regression(regressed, sources, split, quick, common)
    few = Atom2Vec(networks=3, epochs=2, least_steps=0) if quick else Atom2Vec()
    found = search(data, sizes=range(1, 3 if quick else 8))
    taught = student(data, PublishedModel())
    judges = composition_judges(out / "judges", quick)
    asked: list[Criterion] = [resembling(data), *judges.criteria]
    short: dict[str, Any] = {"quick": quick, "progress": progress}
    measured, slow = ({}, []) if quick else measure(out / "speed", SCREENING, DASK)
    findings = Findings(
        data=data,
        subsets=found,
        table=make_table(data, found, {"esML": eML(), "atom2vec-esML": few}),
        classes=classes,
        regressed=regressed,
        conductivity=conductivity,
        accuracy_of_dimension=_dimensions(data, few, quick),
        contributions=_contributions(data, few, 3 if quick else networks),
        model=taught,
        screening=screen(taught, out / "screening", **short),
        inside=screen(taught, out / "screening-inside", beside=asked, **short),
        judges=judges,
        speed=measured,
    )
    return StudyResult(
        NAME,
        build_report(TITLE, findings),
        claims(findings),
        [
            _source(data.measured, "obelix"),
            *(_source(s, s.name) for s in sources[:1]),
            *(_source(taught_by, name) for name, taught_by in judges.learned.items()),
        ],
        [*slow, *classes.reservations(), *conductivity.reservations()],
    )


def _regression(
    data: Dataset, sources: list[Dataset], split: GroupKFold, quick: bool, common: dict[str, Any]
) -> Evaluation:
    """log10 conductivity by all arms, the published forest among them."""
    some = [at_most(source, 300 if quick else None) for source in sources]
    made = {**published_forests(), **conductivity_arms(FAMILY, some)}
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
    accuracies = validation_accuracy(
        model,
        represent(model.representation, data.unlabelled),
        _labels(data),
        data.unlabelled.groups["formula"].to_numpy(),
        dimensions=(1, 3) if quick else range(1, 9),
        folds=2 if quick else 5,
    )
    lines = [
        {"dimension": d, "accuracy": a.mean(), "spread": a.std()} for d, a in accuracies.items()
    ]
    return pd.DataFrame(lines)


def _contributions(data: Conductors, model: Atom2Vec, networks: int) -> ElementContributions:
    """What each element does for the decision, over many initialisations."""
    many = Atom2Vec(**{**model.get_params(deep=False), "networks": networks})
    X = represent(many.representation, data.unlabelled)
    return many.fit(X, _labels(data)).contributions(X)


def _source(dataset: Dataset, name: str) -> Source:
    told = card(name)
    whole = dataset.root[0]
    return Source(
        name,
        len(whole),
        content_hash(whole),
        told.licence,
        told.attribution,
        told.doi or told.url,
    )


def _nothing(error: InputError) -> StudyResult:
    """What can be said where the data are not at hand: nothing, and what is missing."""
    report = Report(TITLE, f"Nothing was measured. {error}")
    report.section("What is missing").text(
        f"The study needs {', '.join(NEEDED)}: `leyden data show NAME` tells where each comes from."
    )
    return StudyResult(NAME, report, [], [], [str(error)])
