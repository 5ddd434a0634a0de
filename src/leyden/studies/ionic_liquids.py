"""Study: ionic liquids by a neural recommender, from simulation to experiment (Sethi et al.)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.data.ion_catalogue import ion_catalogue
from leyden.data.ionic_liquids import clean
from leyden.data.molecules import formal_charge
from leyden.data.replicates import replicate_spread
from leyden.data.solvation import solvation
from leyden.errors import InputError, did_you_mean
from leyden.evaluation import Evaluation
from leyden.simulators.cosmo_table import known_cosmo_ions
from leyden.simulators.ionic_liquids import SIMULATED as SIMULATED_PROPERTIES
from leyden.simulators.ionic_liquids import simulated_ionic_liquids
from leyden.studies import Option, StudyResult
from leyden.studies.data_sources import cited
from leyden.studies.ionic_liquid_arms import HEADLINE, PROPERTIES, SIMULATED, Effort, Sources
from leyden.studies.ionic_liquid_claims import claims
from leyden.studies.ionic_liquid_comparisons import Comparison, compare_arms
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.ionic_liquid_report import build_report
from leyden.studies.ionic_liquid_screen import screen_pairs
from leyden.studies.ionic_liquid_told import chosen_after_a_look
from leyden.studies.solvation_pretraining import pretraining_evaluation

__all__ = ["NAME", "OPTIONS", "TITLE", "run", "simulated_grid"]

NAME = "ionic-liquids"
TITLE = "Ionic liquids: a neural recommender, from simulation to experiment, for any pair of ions"
OPTIONS = (
    Option("folds", int, 5, "folds of pairs, of cations and of anions"),
    Option("jobs", int, 2, "processes of one thread each"),
    Option("properties", str, "all", "names joined by commas, such as density,viscosity"),
)
GRID = tuple(name for name in SIMULATED_PROPERTIES if "segment" not in name)
"""What is simulated; the free energy of segments would take longer than all the rest."""


_MISSING = (
    "The measurements come from NIST ILThermo and from the collections named in "
    "`leyden data list`; `leyden data fetch NAME` brings what may be fetched."
)
"""What is said where the data are not at hand."""


def run(
    out: Path, *, quick: bool, progress: bool, folds: int, jobs: int, properties: str
) -> StudyResult:
    """Clean, compare, transfer, screen, report; what is finished under `out` is not done again.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    folds, jobs, properties
        As in `OPTIONS`.

    Raises
    ------
    InputError
        No property has one of these names.
    """
    effort = Effort.quick() if quick else Effort(folds=folds, only=_named(properties))
    jobs = 1 if quick else jobs
    try:
        cleaned = {p.name: clean(p.target, rows_per_pair=12) for p in effort.measured}
        floors = {p.name: replicate_spread(p.target) for p in effort.properties}
        simulated, experiment = (
            solvation(kind, rows=effort.solvation_rows) for kind in ("simulated", "experimental")
        )
        ions = ion_catalogue()
    except InputError as error:
        return StudyResult.of_nothing(NAME, TITLE, error, _MISSING)
    datasets = {name: at_most(one.dataset, effort.pairs) for name, one in cleaned.items()}
    sources = Sources(datasets, simulated_grid(effort.ions))
    comparisons = {
        p.name: compare_arms(
            p, datasets[p.name], sources, effort, out / "folds", jobs=jobs, progress=progress
        )
        for p in effort.properties
    }
    found = Findings(
        effort=effort,
        datasets={name: one.dataset for name, one in cleaned.items()},
        cleaning={name: one.log for name, one in cleaned.items()},
        floors=floors,
        sources=sources,
        comparisons=comparisons,
        solvation=_solvation(simulated, experiment, out / "folds", quick, jobs, progress),
        screening=screen_pairs(
            datasets,
            sources,
            comparisons,
            ions if effort.ions is None else ions.groupby("charge").head(effort.ions),
            effort,
            out / "screen",
            jobs=jobs,
            progress=progress,
        ),
    )
    return StudyResult(
        NAME,
        build_report(TITLE, found),
        claims(found),
        [
            *(cited(one.dataset, "ionic-liquids") for one in cleaned.values()),
            *(cited(one, "solvation") for one in (simulated, experiment)),
            cited(load("il-ions")),
        ],
        [*chosen_after_a_look(effort.properties), *_reservations(comparisons)],
    )


def _solvation(
    simulated: Dataset, experiment: Dataset, folder: Path, quick: bool, jobs: int, progress: bool
) -> dict[str, Evaluation]:
    """The recipe on solvation free energies, for unseen pairs and for unseen solutes."""
    options: dict[str, Any] = {"n_jobs": jobs, "checkpoint": folder, "progress": progress}
    return {
        group: pretraining_evaluation(simulated, experiment, group, quick=quick, **options)
        for group in ("pair", "solute")
    }


def _reservations(comparisons: Mapping[str, Mapping[str, Comparison]]) -> list[str]:
    """What a reader must know of the arms that the claims name."""
    return [
        f"{name}, unseen {unseen}: {line}"
        for name, by_split in comparisons.items()
        for unseen, one in by_split.items()
        for line in one.evaluation.reservations([HEADLINE, SIMULATED])
    ]


def _named(properties: str) -> tuple[str, ...]:
    """Names of properties from a text; none means all."""
    known = [own.name for own in PROPERTIES]
    names = () if properties == "all" else tuple(name.strip() for name in properties.split(","))
    for name in names:
        if name not in known:
            remedy = did_you_mean(name, known, f"choose from {', '.join(known)}")
            raise InputError("the study has no property of this name", value=name, remedy=remedy)
    return names


def at_most(dataset: Dataset, pairs: int | None) -> Dataset:
    """The rows of at most so many pairs, spread over the dataset's own order."""
    if pairs is None:
        return dataset
    names = np.unique(dataset.groups["pair"].to_numpy(str))
    kept = names[:: max(len(names) // pairs, 1)][:pairs]
    return dataset.take(dataset.groups["pair"].isin(kept).to_numpy()).alone()


def simulated_grid(most: int | None) -> Dataset:
    """Simulated properties of every pair of the ions of the PM7/COSMO table."""
    known = known_cosmo_ions()["smiles"]
    cations, anions = (
        [smiles for smiles in known if sign * formal_charge(smiles) == 1][:most] for sign in (1, -1)
    )
    return simulated_ionic_liquids(cations, anions, GRID)
