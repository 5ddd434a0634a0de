"""Electrolytes among all pairs of the known ions: a predictor a property, and the screening."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leyden.cross_fitting import OutOfFold
from leyden.data.dataset import Dataset
from leyden.hashing import content_hash, learning_code
from leyden.ion_domain import IonDomain, intervals_by_domain
from leyden.predictor import Predictor
from leyden.screening.engine import Screening, run
from leyden.screening.ion_pairs import IonPairJob
from leyden.screening.pair_criteria import pair_criterion
from leyden.selection import Blend
from leyden.splits import GroupKFold
from leyden.studies.averages import predictions
from leyden.studies.ionic_liquid_arms import (
    PROCESS,
    TAUGHT,
    Effort,
    Sources,
    arms,
)
from leyden.studies.ionic_liquid_comparisons import LEVEL, SPLITS, Comparison

__all__ = ["CRITERIA", "OBJECTIVES", "PairScreening", "screen_pairs"]

BLENDED = (PROCESS, TAUGHT)
CRITERIA = (
    "melting_point_K < 298",
    "viscosity_mPa_s < 50",
    "conductivity_mS_per_cm > 5",
    {"at_most": "ions seen"},
)
OBJECTIVES = ("max conductivity_mS_per_cm", "min viscosity_mPa_s", "min melting_point_K")


@dataclass(frozen=True, eq=False)
class PairScreening:
    """What came of the screening.

    Attributes
    ----------
    screening : Screening
        Funnel, and the Pareto front.
    ions : DataFrame
        The catalogue, with licences.
    checked : DataFrame
        The same, with what was wrong with an ion.
    properties : int
        Predicted for each pair.
    seconds : float
        From the saved predictors to the result.
    processes : int
    """

    screening: Screening
    ions: pd.DataFrame
    checked: pd.DataFrame
    properties: int
    seconds: float
    processes: int


def screen_pairs(
    datasets: Mapping[str, Dataset],
    sources: Sources,
    comparisons: Mapping[str, Mapping[str, Comparison]],
    ions: pd.DataFrame,
    effort: Effort,
    folder: Path,
    *,
    jobs: int,
    progress: bool,
) -> PairScreening:
    """Fit a predictor of each property on all its rows, and screen all pairs of the ions.

    Predictors are blends of the process on pairs and the hybrid that simulations taught, which
    answer for whole blocks of pairs at once; their intervals go by what is known of a pair, as the
    comparisons have measured it.
    """
    models = []
    for property in effort.properties:
        competing = arms(property, sources, effort)
        blend = Blend({name: competing[name] for name in BLENDED})
        dataset = datasets[property.name]
        tested = _tested(dataset, comparisons[property.name])
        residuals = [(one.prediction, one.fold) for _, one in tested]
        key = content_hash(learning_code(), dataset, blend, LEVEL, residuals)[:16]
        path = folder / "models" / f"{property.name}-{key}.leyden"
        if not path.is_file():
            _predictor(blend.fit(dataset), tested).save(path)
        models.append(path)
    start = time.perf_counter()
    names = tuple(own.name for own in effort.properties)
    criteria = [
        pair_criterion(one) for one in CRITERIA if not isinstance(one, str) or one.startswith(names)
    ]
    objectives = [one for one in OBJECTIVES if one.split()[1].startswith(names)]
    job = IonPairJob(ions, models, criteria, objectives, pairs_a_shard=16384)
    place = folder / "pairs"
    shutil.rmtree(place, ignore_errors=True)  # what is finished already would not be timed
    result = run(job, place, workers=jobs if jobs > 1 else None, progress=progress)
    seconds = time.perf_counter() - start
    return PairScreening(result, ions, job.checked, len(models), seconds, jobs)


def _tested(
    dataset: Dataset, compared: Mapping[str, Comparison]
) -> list[tuple[GroupKFold, OutOfFold]]:
    """Out-of-fold predictions of the blend on unseen pairs, cations and anions."""
    tested = []
    for unseen, group in SPLITS.items():
        evaluation = compared[unseen].predicted
        said = predictions(evaluation, BLENDED).mean(axis=1)
        by_id = said.reset_index().set_index("id")[0].reindex(dataset.ids).to_numpy()
        folds = evaluation.rows.drop_duplicates("id").set_index("id")["fold"].reindex(dataset.ids)
        split = GroupKFold(group, int(folds.max()) + 1)
        tested.append((split, OutOfFold(by_id, None, folds.to_numpy())))
    return tested


def _predictor(blend: Blend, tested: list[tuple[GroupKFold, OutOfFold]]) -> Predictor:
    """A fitted blend with the intervals that its parts had where something was unseen."""
    dataset, model = blend.training_, blend.model_
    return Predictor(
        model.representation,
        model,
        tuple(dataset.targets.columns),
        intervals_by_domain(dataset, tested, LEVEL),
        IonDomain.of(dataset.items),
        dataset.fingerprint(),
        {"dataset": dataset.name, "rows": len(dataset), **blend.notes_},
    )
