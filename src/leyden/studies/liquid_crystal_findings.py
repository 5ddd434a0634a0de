"""All that the study `liquid-crystals` has found, for its claims and its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from leyden.evaluation import Evaluation
from leyden.studies.drawn_errors import DrawnErrors
from leyden.studies.liquid_crystal_arms import Effort
from leyden.studies.liquid_crystal_comparisons import PublishedTables
from leyden.studies.liquid_crystal_data import Tables
from leyden.studies.liquid_crystal_full import FullTable, Mesophases
from leyden.studies.liquid_crystal_salts import Salts

__all__ = [
    "CATIONS",
    "CONTROLS",
    "FULL",
    "FULL_APART",
    "PAIRS",
    "PICTURES",
    "ROTATIONS",
    "SCAFFOLDS",
    "SCHEDULES",
    "SEARCHED",
    "Findings",
]

SCAFFOLDS, CONTROLS = ", scaffolds apart", ", controls"
PAIRS, CATIONS = "salts, unseen pairs", "salts, unseen cations"
FULL = "all clearing temperatures"
FULL_APART = f"{FULL}{SCAFFOLDS}"
SCHEDULES, PICTURES, ROTATIONS = "published schedules", "pictures", "rotations"
SEARCHED = "search"
"""Names of the comparisons."""


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

    @cached_property
    def errors(self) -> Mapping[str, DrawnErrors]:
        """Errors of all arms of every comparison, drawn once for claims and page."""
        return {name: DrawnErrors.of(one) for name, one in self.evaluations().items()}

    def evaluations(self) -> dict[str, Evaluation]:
        """Everything that was compared, by name."""
        published, equality = self.published, self.published.equality
        return {
            **published.mixed,
            **{f"{name}{CONTROLS}": one for name, one in published.controls.items()},
            **{f"{name}{SCAFFOLDS}": one for name, one in published.scaffolds.items()},
            **published.few,
            **({} if equality is None else {SCHEDULES: equality}),
            PICTURES: published.pictures,
            ROTATIONS: published.rotations,
            SEARCHED: self.search,
            PAIRS: self.salts.pairs,
            CATIONS: self.salts.cations,
            **{f"salts, inner folds of {name}": one for name, one in self.salts.inner.items()},
            FULL: self.full.random,
            FULL_APART: self.full.scaffolds,
            "mesophases": self.mesophase.evaluation,
            f"mesophases{SCAFFOLDS}": self.mesophase.scaffolds,
        }
