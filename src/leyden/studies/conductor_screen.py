"""Twenty billion compositions before a model of conduction, and what is left of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from leyden.models.conductors import ElementalClassifier
from leyden.representations import represent
from leyden.screening import (
    CompositionJob,
    CompositionSpace,
    Neutral,
    ScoreAbove,
    cost,
    molar_mass,
    not_radioactive,
    oxides,
    rows,
)
from leyden.screening.engine import Screening, run
from leyden.screening.scores import ElementScore
from leyden.studies.conductor_arms import MEANS, eML
from leyden.studies.conductor_data import Conductors

__all__ = ["COST", "MASS", "ROWS", "screen", "student"]

MASS, COST, ROWS = 40.0, 100.0, 4
"""Greatest mean atomic mass (g/mol) and cost (USD/kg), last row of the periodic table. The paper
names the criteria and no limits."""
STATES = {"C": (-4, 4)}
"""In place of the common states, among which 0 makes whatever is nearly all carbon neutral."""


def student(data: Conductors, teacher: Any) -> ElementalClassifier:
    """The elemental model of nine means that has learned what a teacher says of all structures."""
    labels = teacher.decision(represent(teacher.representation, data.unlabelled)) > 0
    return eML().fit(represent(MEANS, data.unlabelled), np.asarray(labels, float))


def screen(model: ElementalClassifier, folder: Path, *, quick: bool, progress: bool) -> Screening:
    """All compositions of lithium with two or three others in 1 % steps, resumed where it ended."""
    few = CompositionSpace(elements=("O", "P", "S", "Na"), parts=20)
    job = CompositionJob(
        [
            ScoreAbove(),
            Neutral(states=STATES),
            molar_mass(MASS),
            cost(COST),
            rows(ROWS),
            oxides(),
            not_radioactive(),
        ],
        ElementScore(**model.element_score_arrays()),
        space=few if quick else CompositionSpace(),
        keep=1000,
    )
    return run(job, folder, progress=progress)
