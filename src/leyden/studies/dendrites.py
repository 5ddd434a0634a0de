"""Study: elastic moduli by transfer, and solid electrolytes that keep lithium flat (Xie, 2.5)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.base import clone

from leyden.artefact import writing
from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.data.sources import fetch
from leyden.errors import InputError
from leyden.models.ensembles import Ensemble
from leyden.representations import represent
from leyden.source_networks import Lesson, labels
from leyden.studies import Option, StudyResult
from leyden.studies.data_sources import cited
from leyden.studies.dendrites_claims import claims
from leyden.studies.dendrites_report import Findings, build_report
from leyden.studies.lithium_screen import Candidates, lithium_crystals, rank, sieve
from leyden.studies.moduli import Effort, compare_moduli, load_moduli, source_of
from leyden.studies.speed import GRAPHS, NETWORK, STREAM, measure

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "dendrites"
TITLE = "Elastic moduli by transfer, and electrolytes that suppress lithium dendrites"
OPTIONS = (
    Option("members", int, 100, "networks of the ensemble that ranks the electrolytes"),
    Option("splits", int, 10, "random splits; fewer of them shorten the other comparisons too"),
    Option("jobs", int, 2, "processes of one thread each"),
)
FETCHED = ("flla-2015", "elastic-tensor-2015")
"""What the Python package index brings: enough for the whole job on a fresh machine."""


def run(
    out: Path, *, quick: bool, progress: bool, members: int, splits: int, jobs: int
) -> StudyResult:
    """Learn, compare, screen, report; what is finished under `out` is not done again.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    members, splits, jobs : int
        As in `OPTIONS`.
    """
    effort = Effort.quick() if quick else Effort.of(splits)
    for name in FETCHED:
        fetch(name)
    moduli, judged, warnings = load_moduli(effort)
    source = source_of(effort)
    evaluations = compare_moduli(
        effort, moduli, source, out / "folds", jobs=1 if quick else jobs, progress=progress
    )
    network = ensemble(
        effort,
        moduli,
        source,
        min(members, 2) if quick else members,
        out / "members",
        jobs,
        progress,
    )
    sets, absent = crystal_sets()
    everyone = candidates(effort, moduli, sets)
    speed, slow = (
        ({}, []) if quick or splits < 10 else measure(out / "speed", GRAPHS, NETWORK, STREAM)
    )
    kept, counts = sieve(everyone)
    graphs = represent(network.representation, kept.dataset)
    table = rank(kept, network.predict_members(graphs))
    with writing(out / "electrolytes.csv") as file:
        file.write(table.to_csv(index=False).encode())
    found = Findings(
        effort=effort,
        moduli=moduli,
        source=source,
        judged=judged,
        evaluations=evaluations,
        everyone=everyone,
        kept=kept,
        counts=counts,
        ranking=table,
        network=network,
        speed=speed,
    )
    reservations = [
        f"{name}: {line}"
        for name, evaluation in evaluations.items()
        for line in evaluation.reservations()
    ]
    return StudyResult(
        NAME,
        build_report(TITLE, found),
        claims(found),
        [cited(dataset) for dataset in sets],
        [*warnings, *absent, *slow, *reservations],
    )


def ensemble(
    effort: Effort,
    moduli: Dataset,
    source: Dataset,
    members: int,
    folder: Path,
    jobs: int,
    progress: bool,
) -> Ensemble:
    """Networks that each go on from the formation energies, on a random 60 % of the moduli."""
    taught = Lesson(effort.network(), source).learned()
    network = clone(effort.network()).set_params(**effort.tuned())
    made = Ensemble(network, members, fraction=0.6, n_jobs=jobs, random_state=0)
    graphs = represent(network.representation, moduli)
    return made.fit(
        graphs,
        moduli.y,
        start=taught,
        groups=labels(moduli),
        checkpoint=folder,
        progress=progress and sys.stderr.isatty(),
    )


def crystal_sets() -> tuple[list[Dataset], list[str]]:
    """The sets of crystals that are here, and what is not here."""
    sets, absent = [], []
    for name in (*FETCHED, "mp-elasticity-binary", "mp-electrodes"):
        try:
            sets.append(load(name))
        except InputError as error:
            absent.append(f"{name} is not here, so its crystals are not screened: {error}")
    return sets, absent


def candidates(effort: Effort, moduli: Dataset, sets: list[Dataset]) -> Candidates:
    """Lithium crystals of the sets; the first few of them in a quick run."""
    found = lithium_crystals(sets, moduli)
    if effort.rows is None or len(found.dataset) <= effort.rows:
        return found
    first = np.arange(effort.rows)
    return Candidates(found.dataset.take(first).alone(), found.facts.iloc[first])
