"""Melting points of ionic liquids in the study `liquid-crystals`: strong arms, and their stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leyden.chains import Chain, Step
from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.models.molecular_graph_network import MolecularGraphNetwork
from leyden.nested_splits import Nested
from leyden.representations.molecular_graph import MolecularGraph
from leyden.splits import GroupKFold
from leyden.studies.averages import with_averages
from leyden.studies.ionic_liquid_arms import (
    AVERAGES,
    CLASSICAL_AVERAGE,
    PROCESS,
    PROPERTIES,
    TAUGHT,
    Sources,
)
from leyden.studies.ionic_liquid_arms import Effort as LiquidEffort
from leyden.studies.ionic_liquid_arms import arms as liquid_arms
from leyden.studies.ionic_liquids import simulated_grid
from leyden.studies.liquid_crystal_arms import Effort
from leyden.studies.liquid_crystal_data import Tables
from leyden.studies.nested_stack import nested_stack
from leyden.transfer import FineTune, FromScratch, Strategy
from leyden.validation import evaluate

__all__ = ["GRAPH", "GRAPH_TAUGHT", "PARTS", "STACK", "Salts", "compare_salts"]

STACK = "stack"
GRAPH, GRAPH_TAUGHT = "graph network", "graph network, organic melting"
PARTS = (PROCESS, TAUGHT, GRAPH_TAUGHT, *AVERAGES[CLASSICAL_AVERAGE])
"""Of the stack: everything that is strong alone."""

_MELTING = next(own for own in PROPERTIES if own.name == "melting_point")
_GROUPS = {"pairs": "pair", "cations": "cation"}
_INNER_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Salts:
    """What came of the melting points of ionic liquids.

    Attributes
    ----------
    pairs, cations : Evaluation
        With the stack, and the equal average of the classical arms.
    inner : mapping of str to Evaluation
        The folds that chose the weights of the stack, for unseen ``"pairs"`` and ``"cations"``.
    weights : mapping of str to DataFrame
        Of the stack, one row a fold, for each of the two.
    rows : int
    parts : tuple of str
        Of the stack.
    """

    pairs: Evaluation
    cations: Evaluation
    inner: Mapping[str, Evaluation]
    weights: Mapping[str, pd.DataFrame]
    rows: int
    parts: tuple[str, ...] = PARTS


def compare_salts(
    tables: Tables, effort: Effort, folder: Path, *, jobs: int, progress: bool
) -> Salts:
    """All arms on pairs and on cations that no training row has; finished folds are kept."""
    dataset = tables.ionic_liquids
    # `Nested` tells a source of the inner test rows alone: this one must hold none of any fold.
    assert set(dataset.groups["molecule"]).isdisjoint(tables.organics.groups["molecule"])
    competing = _arms(dataset, tables.organics, effort)
    options: dict[str, Any] = {"checkpoint": folder, "n_jobs": jobs, "progress": progress}
    found, inner, weights = {}, {}, {}
    for unseen, group in _GROUPS.items():
        split = GroupKFold(group, effort.folds)
        outer = with_averages(evaluate(competing, dataset, split, **options), AVERAGES)
        nested = Nested(split, 2 if effort.is_quick else _INNER_FOLDS)
        parts = {part: competing[part] for part in PARTS}
        inside = evaluate(parts, dataset, nested, **options)
        found[unseen], inner[unseen], weights[unseen] = nested_stack(outer, inside, PARTS, STACK)
    return Salts(found["pairs"], found["cations"], inner, weights, len(dataset))


def _arms(dataset: Dataset, organics: Dataset, effort: Effort) -> dict[str, Strategy]:
    """Those of the study of ionic liquids that read structure, and graph networks."""
    own = LiquidEffort(epochs=60, least=1200, only=(_MELTING.name,))
    if effort.is_quick:
        own = LiquidEffort.quick()
    sources = Sources({_MELTING.name: dataset}, simulated_grid(own.ions))
    wanted = {*PARTS, "hybrid"}
    known = liquid_arms(_MELTING, sources, own)
    epochs = 30 if effort.epochs is None else effort.epochs
    network = MolecularGraphNetwork(MolecularGraph(2), width=32, epochs=epochs)
    lesson = Chain([Step(organics, {"epochs": max(epochs // 2, 1)})])
    return {name: arm for name, arm in known.items() if name in wanted} | {
        GRAPH: FromScratch(network, group="pair"),
        GRAPH_TAUGHT: FineTune(network, lesson, learning_rate=1e-3),
    }
