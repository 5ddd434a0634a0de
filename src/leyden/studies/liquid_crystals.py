"""Study: fingerprints, pictures and chains for transition temperatures (Yan et al.)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from sklearn.base import clone

from leyden.artefact import writing
from leyden.chains import Step
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.evaluation import Evaluation
from leyden.hashing import content_hash, learning_code
from leyden.models import mlp
from leyden.models.mlp import MultilayerPerceptron
from leyden.representations.fingerprints import Fingerprint
from leyden.source_search import SourceSearch
from leyden.splits import KFold
from leyden.studies import Option, StudyResult
from leyden.studies.data_sources import cited
from leyden.studies.liquid_crystal_arms import (
    MLP,
    SCRATCH,
    Effort,
    published_arms,
)
from leyden.studies.liquid_crystal_claims import claims
from leyden.studies.liquid_crystal_comparisons import compare_published
from leyden.studies.liquid_crystal_data import Tables, tables
from leyden.studies.liquid_crystal_findings import Findings
from leyden.studies.liquid_crystal_full import compare_full, compare_mesophases
from leyden.studies.liquid_crystal_report import build_report
from leyden.studies.liquid_crystal_salts import compare_salts
from leyden.validation import evaluate
from leyden.varying_columns import VaryingColumns

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "liquid-crystals"
SEARCH = "search"
TITLE = "Liquid crystals: fingerprints, pictures and chains of transfer for transition temperatures"
OPTIONS = (
    Option("repeats", int, 20, "repeats of five random folds of the published tables"),
    Option("grouped", int, 5, "repeats of five folds that keep scaffolds apart"),
    Option("seeds", int, 3, "networks of each kind on a few dozen rows"),
    Option("equality", int, 2, "repeats in which the published schedules run too; 0 for none"),
    Option("jobs", int, 2, "processes of one thread each"),
)


_MISSING = (
    "Transition temperatures of liquid crystals and melting points of ionic liquids and "
    "organic molecules are named in `leyden data list`; `leyden data fetch NAME` brings what "
    "may be fetched."
)
"""What is said where the data are not at hand."""


def run(
    out: Path,
    *,
    quick: bool,
    progress: bool,
    repeats: int,
    grouped: int,
    seeds: int,
    equality: int,
    jobs: int,
) -> StudyResult:
    """Compare along the paper's tables, then beyond; what is finished under `out` is kept.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    repeats, grouped, seeds, equality, jobs
        As in `OPTIONS`.
    """
    chosen = Effort(repeats=repeats, grouped=grouped, seeds=seeds, equality=equality)
    effort = Effort.quick() if quick else chosen
    folder, jobs = out / "folds", 1 if quick else jobs
    try:
        data = tables(effort.source_rows)
    except InputError as error:
        return StudyResult.of_nothing(NAME, TITLE, error, _MISSING)
    published = compare_published(data, effort, folder, jobs=jobs, progress=progress)
    full = compare_full(data, effort, folder, jobs=jobs, progress=progress)
    mesophase = compare_mesophases(data, effort, folder, jobs=jobs, progress=progress)
    salts = compare_salts(data, effort, folder, jobs=jobs, progress=progress)
    search, paths = _search(data, effort, folder, jobs, progress)
    found = Findings(effort, data, published, search, paths, salts, full, mesophase)
    return StudyResult(
        NAME,
        build_report(TITLE, found),
        claims(found),
        [cited(one) for one in (data.clearing, data.melting, data.ionic_liquids, data.organics)],
        _reservations(found),
    )


def _search(
    data: Tables, effort: Effort, folder: Path, jobs: int, progress: bool
) -> tuple[Evaluation, pd.DataFrame]:
    """The search over sources beside the perceptron alone, and what it says of all rows."""
    target = effort.some(data.cut["clearing230"])
    own = {} if effort.epochs is None else {"epochs": effort.epochs}
    last, first = {**mlp.FASTER["mixed"], **own}, {**mlp.FASTER["source"], **own}
    sources: dict[str, Step | Dataset] = {
        "IL melting": Step(data.ionic_liquids, first),
        "LC melting": Step(data.cut["melting271"], last),
        "organic melting": Step(data.organics, {**first, "epochs": min(10, first["epochs"])}),
    }
    network = MultilayerPerceptron(Fingerprint(), **mlp.NETWORK)
    search = SourceSearch(
        network,
        dict(list(sources.items())[: 1 if effort.is_quick else None]),
        settings=last,
        folds=2 if effort.is_quick else 5,
    )
    arms = {
        **published_arms("clearing230", data, effort, MLP, paths=(SCRATCH,)),
        SEARCH: VaryingColumns(search),
    }
    split = KFold(effort.folds)
    found = evaluate(arms, target, split, checkpoint=folder, n_jobs=jobs, progress=progress)
    return found, _evidence(arms[SEARCH], target, folder)


def _evidence(arm: VaryingColumns, target: Dataset, folder: Path) -> pd.DataFrame:
    """What a search says of its paths when all rows teach; kept, as it takes minutes."""
    key = content_hash(learning_code(), arm, target)[:16]
    kept = folder / f"paths-{key}.csv"
    if not kept.is_file():
        evidence = clone(arm).fit(target).strategy_.evidence_
        with writing(kept) as file:
            file.write(evidence.to_csv(index=False).encode())
    return pd.read_csv(kept)


def _reservations(found: Findings) -> list[str]:
    """What a reader must know of every arm: what failed, what was shared."""
    return [
        f"{name}: {line}"
        for name, evaluation in found.evaluations().items()
        for line in evaluation.reservations()
    ]
