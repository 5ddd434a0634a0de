"""All measured liquid crystals: who predicts clearing best, and who tells whether there is a phase.

A mesophase on heating is there where clearing lies above melting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor

from leyden.data.dataset import Dataset, HeldOut
from leyden.data.transition_temperatures import joined
from leyden.evaluation import Evaluation
from leyden.models.joint_process import JointProcess
from leyden.models.mesophase import Mesophase
from leyden.models.molecular_graph_network import MolecularGraphNetwork
from leyden.models.vectors import VectorRegressor, laplace_ridge
from leyden.representations import Concatenated
from leyden.representations.fingerprints import Fingerprint
from leyden.representations.molecular_graph import MolecularGraph
from leyden.representations.molecule_descriptors import MoleculeDescriptors
from leyden.representations.represent import represent
from leyden.source_networks import clean_source
from leyden.splits import GroupKFold, KFold
from leyden.studies.averages import with_averages
from leyden.studies.class_scores import Measured, balanced_accuracies
from leyden.studies.liquid_crystal_arms import CLASSICAL, Effort, classical
from leyden.studies.liquid_crystal_data import CLEARING, MELTING, Tables
from leyden.studies.liquid_crystal_scores import by_scaffold
from leyden.transfer import FineTune, FromScratch, Strategy
from leyden.validation import evaluate

__all__ = [
    "PROCESS",
    "FullTable",
    "Mesophases",
    "compare_full",
    "compare_mesophases",
]

PROCESS, JOINT = "process", "joint process"
MELTING_KNOWN = "joint process, melting known"
GRAPH, GRAPH_TAUGHT = "graph network", "graph network, melting known"
LAPLACE = "Laplace kernel ridge"
_AVERAGES = {"process, trees, boosting": (PROCESS, "extra trees", "gradient boosting")}
_REPEATS = 3
_CALIBRATION_FOLDS = 3
_MESOPHASE = "mesophase"


@dataclass(frozen=True, eq=False)
class FullTable:
    """All clearing temperatures.

    Attributes
    ----------
    random, scaffolds : Evaluation
    headline : str
        The arm that is proposed; chosen on other random folds of these molecules.
    rows, repeats : int
    """

    random: Evaluation
    scaffolds: Evaluation
    headline: str
    rows: int
    repeats: int

    @property
    def best_classical(self) -> str:
        """The arm without networks or processes of ours with the smallest error on random folds."""
        scores = self.random.scores(["mae"]).set_index("arm")["mae"]
        return str(scores[[*CLASSICAL, LAPLACE]].idxmin())


@dataclass(frozen=True, eq=False)
class Mesophases:
    """Whether there is a mesophase, by probabilities.

    Attributes
    ----------
    evaluation, scaffolds : Evaluation
        Answers are 0 or 1, predictions are calibrated probabilities: random folds, and scaffolds
        kept apart.
    headline : str
    accuracies, accuracies_apart : mapping of str to Measured
        Balanced accuracy of every arm, where a probability above the share of mesophases in the
        training rows says that there is one: the cut that is best where both classes count alike.
    ties : int
        Molecules left out, since both temperatures are equal.
    """

    evaluation: Evaluation
    scaffolds: Evaluation
    headline: str
    accuracies: dict[str, Measured]
    accuracies_apart: dict[str, Measured]
    ties: int

    @property
    def rows(self) -> int:
        """Molecules with both temperatures."""
        return int(self.evaluation.rows["id"].nunique())

    @property
    def without(self) -> int:
        """Those of them that clear below their melting point."""
        return int((self.evaluation.rows.drop_duplicates("id")["y_true"] == 0).sum())

    @property
    def balanced_accuracy(self) -> float:
        """Of the arm that is proposed."""
        return self.accuracies[self.headline].value

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval, by drawing scaffolds."""
        measured = self.accuracies[self.headline]
        return measured.low, measured.high


class Joint(Strategy):
    """The target and a source of another quantity are learned at once, by one model of both.

    Parameters
    ----------
    model : Model
        Of several targets, some of them missing.
    source : Dataset
        One row an item, as the target.
    share_items : bool
        Whether the source may keep the target's items: of a test row the other quantity is then
        known.
    """

    def __init__(self, model: Any, source: Dataset, share_items: bool = True) -> None:
        self.model = model
        self.source = source
        self.share_items = share_items

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        source = clean_source(self.source, dataset, held_out, self.notes_)
        if not self.share_items:
            known = set(dataset.groups["molecule"])
            others = set(dataset.root[0].groups["molecule"]) - known
            source = source.without(HeldOut(groups={"molecule": frozenset(others)}))
        both = joined([dataset, source], f"{dataset.name} and {source.name}")
        return clone(self.model).fit(represent(self.model.representation, both), both.y)

    def predict(self, data: Any, return_std: bool = False) -> Any:
        """The target alone, shape (n,)."""
        if not return_std:
            return super().predict(data)[:, 0]
        mean, std = super().predict(data, return_std=True)
        return mean[:, 0], std[:, 0]


class MesophaseChance(Strategy):
    """Calibrated probabilities of a mesophase, learned from all temperatures but those of the fold.

    Parameters
    ----------
    model : Model
        Of clearing and melting temperature.
    temperatures : Dataset
        Both of them, for all molecules; rows of the fold's molecules are taken out.
    """

    def __init__(self, model: Any, temperatures: Dataset) -> None:
        self.model = model
        self.temperatures = temperatures

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        known = self.temperatures.without(held_out)
        self.notes_["source_rows"] = len(known)
        X = represent(self.model.representation, known)
        groups = known.groups["molecule"].to_numpy()
        return Mesophase(self.model, folds=_CALIBRATION_FOLDS).fit(X, known.y, groups=groups)

    def predict(self, data: Any, return_std: bool = False) -> Any:
        """Probabilities, shape (n,)."""
        representation = self.model.representation
        items = isinstance(data, Dataset)
        X = represent(representation, data) if items else representation.transform(data)
        chance = self.model_.forecast(X)["probability"].to_numpy()
        return (chance, np.full(len(chance), np.nan)) if return_std else chance


def compare_full(
    tables: Tables, effort: Effort, folder: Path, *, jobs: int, progress: bool
) -> FullTable:
    """All arms on all clearing temperatures: random folds, and scaffolds kept apart."""
    options: dict[str, Any] = {"checkpoint": folder, "n_jobs": jobs, "progress": progress}
    dataset, melting = effort.some(tables.clearing), effort.some(tables.melting)
    ridge = FromScratch(VectorRegressor(MoleculeDescriptors(), laplace_ridge()))
    competing = classical(effort.trees) | {LAPLACE: ridge} | _arms(melting, effort)
    repeats = min(_REPEATS, effort.repeats)
    random = evaluate(competing, dataset, KFold(effort.folds, repeats), **options)
    apart = evaluate(competing, dataset, GroupKFold("scaffold", effort.folds, repeats), **options)
    return FullTable(
        by_scaffold(with_averages(random, _AVERAGES), dataset),
        with_averages(apart, _AVERAGES),
        PROCESS,
        len(dataset),
        repeats,
    )


def compare_mesophases(
    tables: Tables, effort: Effort, folder: Path, *, jobs: int, progress: bool
) -> Mesophases:
    """Probabilities of a mesophase by two single models and by joint ones."""
    options: dict[str, Any] = {"checkpoint": folder, "n_jobs": jobs, "progress": progress}
    temperatures = joined([tables.clearing, tables.melting], "liquid-crystals")
    both = _with_both(temperatures)
    if effort.is_quick:
        temperatures = both = effort.some(both)
    there = both.targets[CLEARING] > both.targets[MELTING]
    labels = replace(both, targets=pd.DataFrame({_MESOPHASE: there.astype(float)}), quantities={})
    trees = ExtraTreesRegressor(effort.trees, max_features=1 / 3, n_jobs=1, random_state=0)
    models = {
        "two forests": VectorRegressor(MoleculeDescriptors(), trees),
        "two processes": _process(effort, coupling="none"),
        JOINT: _process(effort),
        "graph network, both": _network(effort, epochs=20),
    }
    competing = {name: MesophaseChance(model, temperatures) for name, model in models.items()}
    random = evaluate(competing, labels, KFold(effort.folds), **options)
    random = by_scaffold(random, labels)
    apart = evaluate(competing, labels, GroupKFold("scaffold", effort.folds), **options)
    return Mesophases(
        random,
        apart,
        JOINT,
        balanced_accuracies(_cut_at_share(random)),
        balanced_accuracies(_cut_at_share(apart)),
        _ties(temperatures),
    )


def _with_both(temperatures: Dataset) -> Dataset:
    """The molecules of which both temperatures are measured; equal ones say nothing of a phase."""
    clearing, melting = (temperatures.targets[name].to_numpy() for name in (CLEARING, MELTING))
    known = np.isfinite(clearing) & np.isfinite(melting)
    return temperatures.take(known & (clearing != melting)).alone()


def _ties(temperatures: Dataset) -> int:
    return int((temperatures.targets[CLEARING] == temperatures.targets[MELTING]).sum())


def _cut_at_share(evaluation: Evaluation) -> Evaluation:
    """Probabilities as they would be if both classes were equally frequent in training rows."""
    rows = evaluation.rows
    share = rows["y_fallback"].clip(1e-6, 1 - 1e-6)
    chance = rows["y_pred"].clip(1e-12, 1 - 1e-12)
    odds = chance / (1 - chance) * (1 - share) / share
    return replace(evaluation, rows=rows.assign(y_pred=odds / (1 + odds), y_fallback=0.5))


def _arms(melting: Dataset, effort: Effort) -> dict[str, Strategy]:
    process, network = _process(effort), _network(effort)
    return {
        PROCESS: FromScratch(process),
        JOINT: Joint(process, melting, share_items=False),
        MELTING_KNOWN: Joint(process, melting),
        GRAPH: FromScratch(network),
        GRAPH_TAUGHT: FineTune(network, melting, learning_rate=1e-3),
    }


def _process(effort: Effort, coupling: str = "full") -> JointProcess:
    parts: Sequence[Any] = (
        MoleculeDescriptors(),
        *(
            Fingerprint(kind, counts=True)
            for kind in ("atom_pair", "topological_torsion", "morgan")
        ),
    )
    steps = 2 if effort.is_quick else 40
    return JointProcess(Concatenated(tuple(parts)), coupling=coupling, steps=steps)


def _network(effort: Effort, epochs: int = 40) -> MolecularGraphNetwork:
    epochs = epochs if effort.epochs is None else effort.epochs
    return MolecularGraphNetwork(MolecularGraph(2), width=32, epochs=epochs)
