"""Electrolytes among all pairs of the known ions: a predictor a property, and the screening."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leyden.data.dataset import Dataset
from leyden.hashing import content_hash, learning_code
from leyden.ion_domain import pair_splits
from leyden.predictor import Predictor
from leyden.screening.engine import Screening, run
from leyden.screening.ion_pairs import IonPairJob
from leyden.screening.pair_criteria import pair_criterion
from leyden.selection import Blend
from leyden.studies.ionic_liquid_arms import (
    HYBRID,
    PROCESS,
    PROPERTIES,
    Effort,
    Sources,
    arms,
)

__all__ = ["CRITERIA", "OBJECTIVES", "PairScreening", "screen_pairs"]

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
    """

    screening: Screening
    ions: pd.DataFrame
    checked: pd.DataFrame
    properties: int
    seconds: float


def screen_pairs(
    datasets: Mapping[str, Dataset],
    sources: Sources,
    ions: pd.DataFrame,
    effort: Effort,
    folder: Path,
    *,
    jobs: int,
    progress: bool,
) -> PairScreening:
    """Fit a predictor of each property on all its rows, and screen all pairs of the ions.

    Predictors are blends of the process on pairs and the hybrid, which answer for whole blocks of
    pairs at once; their intervals go by what is known of a pair.
    """
    models = []
    for property in PROPERTIES:
        competing = arms(property, sources, effort)
        blend = Blend({name: competing[name] for name in (PROCESS, HYBRID)})
        dataset = datasets[property.name]
        key = content_hash(learning_code(), dataset, blend)[:16]
        path = folder / "models" / f"{property.name}-{key}.leyden"
        if not path.is_file():
            fitted = blend.fit(dataset)
            Predictor.of(fitted, pair_splits(effort.calibration_folds)).save(path)
        models.append(path)
    start = time.perf_counter()
    job = IonPairJob(
        ions, models, [pair_criterion(one) for one in CRITERIA], OBJECTIVES, pairs_a_shard=16384
    )
    place = folder / f"pairs-{job.fingerprint()[:16]}"
    result = run(job, place, workers=jobs if jobs > 1 else None, progress=progress)
    seconds = time.perf_counter() - start
    return PairScreening(result, ions, job.checked, len(models), seconds)
