"""Study: elastic moduli by transfer, and solid electrolytes that keep lithium flat (Xie, 2.5)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.base import clone

from leyden.artefact import writing
from leyden.data.cards import card
from leyden.data.catalog import load
from leyden.data.dataset import Dataset, HeldOut
from leyden.data.sources import fetch
from leyden.errors import InputError
from leyden.models.ensembles import Ensemble
from leyden.representations import represent
from leyden.source_networks import labels, teach
from leyden.studies import Option, Source, StudyResult
from leyden.studies.dendrites_claims import claims
from leyden.studies.dendrites_report import Findings, build_report
from leyden.studies.lithium_screen import Candidates, lithium_crystals, rank, sieve
from leyden.studies.moduli import Effort, compare_moduli, load_moduli, source_of
from leyden.studies.speed import measure

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
        effort, moduli, source, min(members, 2) if quick else members, out / "members", jobs
    )
    everyone, absent = candidates(effort, moduli)
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
        speed={} if quick or splits < 10 else measure(out / "speed.json"),
    )
    data = [_source(source), _source(moduli, "elastic-tensor-2015"), _source(everyone.dataset)]
    return StudyResult(NAME, build_report(TITLE, found), claims(found), data, [*warnings, *absent])


def ensemble(
    effort: Effort, moduli: Dataset, source: Dataset, members: int, folder: Path, jobs: int
) -> Ensemble:
    """Networks that each go on from the formation energies, on a random 60 % of the moduli."""
    taught = teach(effort.network(), source, moduli, HeldOut(), {})
    network = clone(effort.network()).set_params(**effort.tuned())
    made = Ensemble(network, members, fraction=0.6, n_jobs=jobs, random_state=0)
    graphs = represent(network.representation, moduli)
    return made.fit(
        graphs, moduli.y, start=taught, groups=labels(moduli), checkpoint=folder, progress=True
    )


def candidates(effort: Effort, moduli: Dataset) -> tuple[Candidates, list[str]]:
    """Lithium crystals of every set that is here, and what is not here."""
    sets, absent = [], []
    for name in (*FETCHED, "mp-elasticity-binary", "mp-electrodes"):
        try:
            sets.append(load(name))
        except InputError as error:
            absent.append(f"{name} is not here, so its lithium crystals are not screened: {error}")
    found = lithium_crystals(sets, moduli)
    if effort.rows is not None and len(found.dataset) > effort.rows:
        first = np.arange(effort.rows)
        found = Candidates(found.dataset.take(first), found.facts.iloc[first])
    return found, absent


def _source(dataset: Dataset, name: str = "") -> Source:
    try:
        told = card(name or dataset.name)
    except InputError:
        return Source(dataset.name, len(dataset), dataset.fingerprint())
    return Source(
        dataset.name,
        len(dataset),
        dataset.fingerprint(),
        told.licence,
        told.attribution,
        told.doi or told.url,
    )
