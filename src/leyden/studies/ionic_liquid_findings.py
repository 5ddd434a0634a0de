"""What the study `ionic-liquids` found, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.studies.ionic_liquid_arms import Effort, Sources
from leyden.studies.ionic_liquid_comparisons import Comparison
from leyden.studies.ionic_liquid_screen import PairScreening

__all__ = ["Findings"]


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that claims, tables and figures are made of.

    Attributes
    ----------
    effort : Effort
    datasets : mapping of str to Dataset
        Name of a property to its cleaned measurements.
    cleaning : mapping of str to DataFrame
        The log of the cleaning (`leyden.data.ionic_liquids.Cleaned`).
    floors : mapping of str to DataFrame
        `leyden.data.replicates.replicate_spread`.
    sources : Sources
    comparisons : mapping of str to mapping of str to Comparison
        Name of a property, then what is unseen.
    solvation : mapping of str to Evaluation
        Group column that is kept together to the arms on solvation free energies.
    screening : PairScreening
    """

    effort: Effort
    datasets: Mapping[str, Dataset]
    cleaning: Mapping[str, pd.DataFrame]
    floors: Mapping[str, pd.DataFrame]
    sources: Sources
    comparisons: Mapping[str, Mapping[str, Comparison]]
    solvation: Mapping[str, Evaluation]
    screening: PairScreening
