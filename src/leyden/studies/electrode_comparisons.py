"""Which arms of the study `voltages` are compared on which folds."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.representations import represent
from leyden.representations.bond_statistics import BondStatistics
from leyden.representations.electrode import Host, HostGraph, PotentialVoltage
from leyden.representations.potential import PotentialEmbedding
from leyden.splits import GroupKFold, LearningCurve, RandomSplits, Taught
from leyden.studies.averages import stacked, with_averages
from leyden.studies.electrode_arms import (
    AVERAGES,
    BEST,
    NETWORKS,
    PUBLISHED,
    SCRATCH,
    STACKS,
    Effort,
    arms,
    best_of,
)
from leyden.studies.electrode_sources import Sources
from leyden.transfer import FromScratch, Pooled
from leyden.validation import evaluate

__all__ = ["compare_voltages"]


def compare_voltages(
    effort: Effort,
    electrodes: Dataset,
    sources: Sources,
    checkpoint: Path,
    jobs: int = 1,
    progress: bool = True,
) -> dict[str, Evaluation]:
    """The comparisons of the study, each over all ions at once.

    Returns
    -------
    dict of str to Evaluation
        ``"grouped"``: frameworks kept apart over all ions; ``"grouped, more repeats"``: the same
        folds and more of them, for arms that are no networks themselves; ``"random"``: the
        published protocol,
        80 % of the rows to learn from, 10 % to choose the weights of the stacks by, 10 % to score;
        ``"curve Zn"``, ``"curve Mg"``: as grouped, with fewer rows of that ion and no other's, up
        to as many as every fold has; ``"curve Li"``: lithium on random splits.
    """
    everything = arms(effort, sources)
    permitted = _with_permissions(electrodes)
    folds = GroupKFold("framework", effort.folds, effort.repeats)
    once, often = replace(folds, repeats=1), replace(folds, repeats=effort.vector_repeats)
    random = RandomSplits(0.8, 0.0, 0.2, repeats=effort.splits)
    plans: dict[str, tuple[Any, dict[str, Any]]] = {
        "grouped": (Taught(folds, "clean"), {**everything, BEST: best_of(everything)}),
        "grouped, more repeats": (
            Taught(often, "clean"),
            {name: arm for name, arm in everything.items() if name not in NETWORKS},
        ),
        "random": (
            Taught(random, "clean"),
            {name: arm for name, arm in everything.items() if not _of_energies(name)},
        ),
    }
    for ion in ("Zn", "Mg"):
        alone = Taught(once, f"clean {ion}")
        everyone = min(len(fold.train) for fold in alone.split(permitted))
        sizes = {everyone, *(size for size in effort.sizes if size < everyone)}
        curve = LearningCurve(alone, tuple(sizes))
        plans[f"curve {ion}"] = (curve, _curve_arms(effort, sources))
    few = RandomSplits(0.8, 0.0, 0.2, repeats=min(effort.splits, 5))
    plans["curve Li"] = (
        LearningCurve(Taught(few, "clean Li"), effort.lithium_sizes),
        {
            "structure kernel": everything["structure kernel"],
            SCRATCH: FromScratch(effort.network(effort.epochs)),
        },
    )
    found = {}
    for name, (split, wanted) in plans.items():
        found[name] = evaluate(
            wanted,
            permitted,
            split,
            n_jobs=jobs,
            checkpoint=checkpoint,
            prepare=lambda dataset: _prepare(dataset, sources),
            reference=SCRATCH if SCRATCH in wanted else None,
            progress=progress,
        )
        if name.startswith("grouped"):
            found[name] = with_averages(found[name], AVERAGES)
    random_rows = with_averages(found["random"], _classical_average())
    clean = permitted.ids[permitted.extra["clean"].to_numpy()].tolist()
    found["random"] = stacked(random_rows, STACKS, trusted=clean)
    return found


_CURVE = (
    "Laplace kernel",
    "gradient boosting",
    "structure kernel",
    "Li network as it is",
    PUBLISHED,
    "fine-tuned",
    SCRATCH,
    "chain: formation energies, Li, ion",
    "frozen Li embedding + composition",
    "frozen embeddings + structure",
)


def _curve_arms(effort: Effort, sources: Sources) -> dict[str, Any]:
    """Arms of the learning curves.

    Formation energies are those of strangers: the two states of an undisclosed pair would give its
    voltage away. Arms without a source get the Li rows too, beside those of the ion, so that what
    transfer adds is not just data.
    """
    made = arms(effort, replace(sources, energies=sources.strangers))
    for name in ("gradient boosting", "structure kernel"):
        made[f"{name}, Li rows added"] = Pooled(made[name].model, sources.lithium)
    kept = (*_CURVE, *(name for name in made if name.endswith("added")))
    return {name: made[name] for name in kept}


def _classical_average() -> dict[str, tuple[str, ...]]:
    return {name: AVERAGES[name] for name in ("classical average",)}


def _of_energies(name: str) -> bool:
    """Arms whose source holds both structures of a test pair where rows are drawn at random."""
    return "formation energies" in name or name.startswith("frozen embeddings")


def _with_permissions(electrodes: Dataset) -> Dataset:
    """With columns that say which rows of one ion may teach."""
    clean, ions = electrodes.extra["clean"].astype(bool), electrodes.groups["working_ion"]
    columns = {f"clean {ion}": clean & (ions == ion) for ion in ("Li", "Zn", "Mg")}
    return replace(electrodes, extra=electrodes.extra.assign(clean=clean, **columns), _root=None)


def _prepare(electrodes: Dataset, sources: Sources) -> None:
    """Make what is costly, which every process then finds on disk."""
    for dataset in (electrodes, sources.lithium, sources.energies, sources.moduli):
        represent(HostGraph(), dataset)
    costly: list[Any] = [Host(BondStatistics())]
    if find_spec("chgnet") is not None:
        costly += [Host(PotentialEmbedding()), PotentialVoltage()]
    for representation in costly:
        represent(representation, electrodes)
