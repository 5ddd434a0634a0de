"""Screening: candidates by the billion, the best of them kept, and counts at every criterion."""

from __future__ import annotations

from leyden.screening.compositions import CompositionJob, fractions, job_from_dict
from leyden.screening.criteria import (
    Bound,
    ElementRule,
    Inside,
    ModelBound,
    Neutral,
    ScoreAbove,
    Scored,
)
from leyden.screening.criterion_kinds import (
    cost,
    criterion,
    in_domain,
    molar_mass,
    not_radioactive,
    oxides,
    rows,
    tabulated,
)
from leyden.screening.engine import Screening, run
from leyden.screening.scores import ElementScore
from leyden.screening.space import CompositionSpace

__all__ = [
    "Bound",
    "CompositionJob",
    "CompositionSpace",
    "ElementRule",
    "ElementScore",
    "Inside",
    "ModelBound",
    "Neutral",
    "ScoreAbove",
    "Scored",
    "Screening",
    "cost",
    "criterion",
    "fractions",
    "in_domain",
    "job_from_dict",
    "molar_mass",
    "not_radioactive",
    "oxides",
    "rows",
    "run",
    "tabulated",
]
