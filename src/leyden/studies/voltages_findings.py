"""What the study `voltages` measured, before it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.studies.electrode_arms import Effort
from leyden.studies.electrode_sources import Sources

__all__ = ["IONS", "Findings", "clean_ids", "of_ion"]

IONS = ("Li", "Na", "K", "Mg", "Ca", "Zn", "Al", "Y")


@dataclass(frozen=True, eq=False)
class Findings:
    """What the study measured, before it is told.

    Attributes
    ----------
    effort : Effort
    electrodes : Dataset
    sources : Sources
    evaluations : mapping of str to Evaluation
        As of `compare_voltages`.
    labels : DataFrame
        Each label beside its energies, as of `label_distance`.
    network : CrystalGraphNetwork
        Additive read-out, taught all clean Li rows: what is explained, and scored nowhere.
    intervals : DataFrame
        CV+ intervals of the structure kernel, as of `cv_plus`.
    speed : mapping of str to float
    """

    effort: Effort
    electrodes: Dataset
    sources: Sources
    evaluations: Mapping[str, Evaluation]
    labels: pd.DataFrame
    network: Any
    intervals: pd.DataFrame
    speed: dict[str, float]


def clean_ids(electrodes: Dataset, ion: str | None = None, clean: bool = True) -> list[str]:
    """Ids of the rows of an ion, or of all; those that are clean, or all."""
    mine = electrodes.extra["clean"].astype(bool).to_numpy() | (not clean)
    if ion is not None:
        mine &= (electrodes.groups["working_ion"] == ion).to_numpy()
    return electrodes.ids[mine].tolist()


def of_ion(found: Findings, name: str, ion: str, clean: bool = True) -> Evaluation | None:
    """An evaluation, scored on the rows of an ion; None where it tested none of them."""
    evaluation = found.evaluations[name]
    ids = set(clean_ids(found.electrodes, ion, clean)) & set(evaluation.rows["id"])
    return evaluation.subset(ids) if ids else None
