"""All that the study `liquid-crystals` has found, for its claims and its page."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from leyden.evaluation import Evaluation
from leyden.studies.liquid_crystal_arms import Effort
from leyden.studies.liquid_crystal_comparisons import PublishedTables
from leyden.studies.liquid_crystal_data import Tables
from leyden.studies.liquid_crystal_full import FullTable, Mesophases
from leyden.studies.liquid_crystal_salts import Salts

__all__ = ["Findings"]


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found.

    Attributes
    ----------
    effort : Effort
    tables : Tables
    published : PublishedTables
    search : Evaluation
        `SourceSearch` beside the network from scratch, on 230 clearing temperatures.
    paths : DataFrame
        What the search said of each path when all rows were its training rows.
    salts : Salts
    full : FullTable
    mesophase : Mesophases
    """

    effort: Effort
    tables: Tables
    published: PublishedTables
    search: Evaluation
    paths: pd.DataFrame
    salts: Salts
    full: FullTable
    mesophase: Mesophases

    def evaluations(self) -> dict[str, Evaluation]:
        """Everything that was compared, by name."""
        published, equality = self.published, self.published.equality
        return {
            **published.mixed,
            **{f"{name}, controls": one for name, one in published.controls.items()},
            **{f"{name}, scaffolds apart": one for name, one in published.scaffolds.items()},
            **published.few,
            **({} if equality is None else {"published schedules": equality}),
            "pictures": published.pictures,
            "rotations": published.rotations,
            "search": self.search,
            "salts, unseen pairs": self.salts.pairs,
            "salts, unseen cations": self.salts.cations,
            "all clearing temperatures": self.full.random,
            "all clearing temperatures, scaffolds apart": self.full.scaffolds,
            "mesophases": self.mesophase.evaluation,
            "mesophases, scaffolds apart": self.mesophase.scaffolds,
        }
