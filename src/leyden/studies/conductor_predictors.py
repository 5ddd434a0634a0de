"""What a formula alone tells of stability and of the electrochemical window, for the screening.

Four models of composition, each learned from what is at hand and scored on chemical systems that it
has not seen.  Two of them speak of the window, and neither is the window: the band gap bounds its
width from above, and the average voltage at which lithium is taken out of insertion electrodes is a
proxy of its oxidative end (a compound that gives up its lithium at 3 V is oxidised there at the
latest; decomposition may come before).  Nothing here tells the reductive end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor

from leyden.conformal import ConformalIntervals, cross_coverage
from leyden.cross_fitting import out_of_fold
from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.data.formulas import parse_composition
from leyden.data.home import data_home
from leyden.errors import InputError
from leyden.hashing import content_hash, learning_code
from leyden.models.vectors import VectorRegressor
from leyden.predictor import Predictor
from leyden.representations.composition import CompositionStatistics
from leyden.screening import ModelBound
from leyden.splits import GroupKFold
from leyden.studies.electrode_sources import at_most
from leyden.transfer import FromScratch

__all__ = ["LIMITS", "SYSTEM", "Judges", "composition_judges", "judge", "lithium_voltages"]

SYSTEM = "chemical_system"
VOLTAGE = "average_voltage_V"
LIMITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "formation_energy_eV_per_atom": {"maximum": 0.0},
        "decomposition_enthalpy_eV_per_atom": {"maximum": 0.05},
        "band_gap_eV": {"minimum": 1.0},
        VOLTAGE: {"minimum": 3.0},
    }
)
"""What is asked of a composition, in the order in which it is asked."""
LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Judges:
    """Criteria of composition models, and how well these models predict.

    Attributes
    ----------
    criteria : tuple of ModelBound
    scores : DataFrame
        A row a model: ``target, criterion, compounds, systems, mae, mae_of_median, coverage`` of
        the 90 % interval, and the shares of compounds that ``fulfil`` the criterion, of all and of
        those predicted to (``fulfil_where_predicted``); all on chemical systems left out.
    learned : mapping of str to Dataset
        What taught them, by the name of its card.
    """

    criteria: tuple[ModelBound, ...]
    scores: pd.DataFrame
    learned: Mapping[str, Dataset]


def composition_judges(folder: Path, quick: bool) -> Judges:
    """Learn from what is at hand; what `folder` has already is not learned again."""
    learned = dict(_learned())
    criteria, scores = [], []
    for target, limit in LIMITS.items():
        for data in learned.values():
            if target not in data.targets:
                continue
            rows = at_most(data.with_targets(target), 250 if quick else None)
            path = judge(rows, folder, trees=15 if quick else 400)
            low, high = limit.get("minimum"), limit.get("maximum")
            criteria.append(ModelBound(str(path), target, low, high))
            ((which, value),) = limit.items()
            asked = f"{'at most' if which == 'maximum' else 'at least'} {value:g}"
            told = Predictor.load(path).notes["left_out"]
            scores.append({"target": target, "criterion": asked, **told})
    return Judges(tuple(criteria), pd.DataFrame(scores), learned)


def judge(data: Dataset, folder: Path, trees: int) -> Path:
    """A predictor of one target from formulas, saved; its notes tell how it does on left-out rows.

    Parameters
    ----------
    data : Dataset
        Formulas with one target of `LIMITS`, and the group `SYSTEM`.
    folder : Path
    trees : int

    Returns
    -------
    Path
        Under a name that tells data, learner and code.
    """
    (target,) = map(str, data.targets.columns)
    boosting = LGBMRegressor(
        objective="l1",  # decomposition enthalpies have long tails
        n_estimators=trees,
        learning_rate=0.05 if trees > 100 else 0.2,
        num_leaves=31,
        colsample_bytree=0.3,
        subsample=0.8,
        subsample_freq=1,
        n_jobs=1,
        verbose=-1,
    )
    learner = VectorRegressor(CompositionStatistics(), boosting)
    name = content_hash(data, learner, LEVEL, dict(LIMITS[target]), learning_code())[:12]
    path = folder / f"{target}-{name}.leyden"
    if path.is_file():
        return path
    strategy = FromScratch(learner, group=SYSTEM).fit(data)
    predictor = Predictor.of(strategy)
    tested = out_of_fold(strategy, data, GroupKFold(SYSTEM, 5))
    y, predicted = data.y.ravel(), tested.prediction.ravel()
    fulfil, chosen = _fulfils(y, target), _fulfils(predicted, target)
    left_out: dict[str, Any] = {
        "compounds": len(data),
        "systems": int(data.groups[SYSTEM].nunique()),
        "mae": float(np.abs(y - predicted).mean()),
        "mae_of_median": float(np.abs(y - np.median(y)).mean()),
        "coverage": float(cross_coverage(y, predicted, tested.fold, LEVEL)[0]),
        "fulfil": float(fulfil.mean()),
        "fulfil_where_predicted": float(fulfil[chosen].mean()) if chosen.any() else None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    replace(
        predictor,
        calibration=ConformalIntervals(LEVEL).fit(y, predicted, fold=tested.fold),
        notes={**predictor.notes, "left_out": left_out},
    ).save(path)
    return path


def _fulfils(values: np.ndarray, target: str) -> np.ndarray:
    limit = LIMITS[target]
    low, high = limit.get("minimum", -np.inf), limit.get("maximum", np.inf)
    return np.asarray((low <= values) & (values <= high))


def lithium_voltages() -> Dataset:
    """Discharged formulas of lithium insertion electrodes, with their average voltage.

    The card's own items are pairs of structures, which a composition model does not need.
    """
    file = data_home() / "mp-electrodes" / "pairs.csv.gz"
    if not file.is_file():
        raise InputError(
            "there is no such file", file=file, remedy="leyden data fetch mp-electrodes"
        )
    pairs = pd.read_csv(file)
    pairs = pairs[pairs["working_ion"] == "Li"]
    return Dataset.from_table(
        pairs[["formula_discharged", VOLTAGE]].reset_index(drop=True),
        target=VOLTAGE,
        item="formula_discharged",
        kind="formula",
        name="mp-electrodes, discharged formulas",
    )


def _learned() -> Iterator[tuple[str, Dataset]]:
    """Formulas with the targets of `LIMITS`; what is not in this data home judges nothing."""
    with suppress(InputError):
        known = [target for target in LIMITS if target != VOLTAGE]
        yield "li-candidates", _with_systems(load("li-candidates", target=known))
    with suppress(InputError):
        yield "mp-electrodes", _with_systems(lithium_voltages())


def _with_systems(data: Dataset) -> Dataset:
    systems = ["-".join(sorted(parse_composition(str(formula)))) for formula in data.items]
    return data.with_group(SYSTEM, systems)
