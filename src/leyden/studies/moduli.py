"""The comparison behind the study `dendrites`: elastic moduli with and without transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leyden.data.catalog import load
from leyden.data.dataset import Dataset, concatenate
from leyden.errors import InputError
from leyden.evaluation import Evaluation
from leyden.models.crystal_graph_network import CrystalGraphNetwork
from leyden.models.vectors import VectorRegressor, baselines, laplace_ridge
from leyden.representations import Concatenated, represent
from leyden.representations.bond_statistics import BondStatistics
from leyden.representations.cell_shape import CellShape
from leyden.representations.composition import CompositionStatistics
from leyden.splits import GroupKFold, LearningCurve, RandomSplits
from leyden.studies.averages import stacked, with_averages
from leyden.studies.electrode_sources import at_most
from leyden.studies.lithium_screen import MODULI
from leyden.transfer import FineTune, FromScratch, FrozenEmbedding
from leyden.validation import evaluate

__all__ = [
    "AVERAGES",
    "CLASSICAL",
    "HEADLINE",
    "SCRATCH",
    "STACKS",
    "Effort",
    "arms",
    "compare_moduli",
    "load_moduli",
    "source_of",
]

REFERENCE = "network from scratch"
ENERGY = "formation_energy_eV_per_atom"
CLASSICAL = (
    "mean",
    "nearest neighbour",
    "ridge",
    "random forest",
    "gradient boosting",
    "SVR",
    "extra trees",
    "Laplace kernel",
    "classical average",
)
"""Arms on composition statistics, volume an atom and shape of the cell."""


HEADLINE = "average with transfer"

SCRATCH = "average without transfer"
_CLASSICAL = ("extra trees", "Laplace kernel")
_STRUCTURE = ("structure trees", "structure kernel")
_POTENTIAL = ("frozen + structure + potential", "composition + potential")

AVERAGES = {
    "classical average": _CLASSICAL,
    "structure average": _STRUCTURE,
    SCRATCH: (*_STRUCTURE, "network from scratch"),
    HEADLINE: ("structure trees", "frozen + structure", "fine-tuned"),
    f"{HEADLINE}, no shared items": (
        "structure trees",
        "frozen + structure, no shared items",
        "fine-tuned, no shared items",
    ),
    "average with transfer and potential": ("structure trees", _POTENTIAL[0], "fine-tuned"),
}
"""Equal averages, fixed before any of them was scored."""

STACKS = {
    "classical stack": (*_CLASSICAL, "gradient boosting", "SVR", "random forest"),
    "stack without transfer": (*_CLASSICAL, *_STRUCTURE, "network from scratch"),
    "stack with transfer": (
        *_CLASSICAL,
        *_STRUCTURE,
        "frozen + structure",
        "frozen + composition",
        "fine-tuned",
        "network from scratch",
    ),
    "stack with transfer, no shared items": (
        *_CLASSICAL,
        *_STRUCTURE,
        "frozen + structure, no shared items",
        "fine-tuned, no shared items",
        "network from scratch",
    ),
    "stack with transfer and potential": (
        *_CLASSICAL,
        *_STRUCTURE,
        *_POTENTIAL,
        "frozen + structure",
        "fine-tuned",
        "network from scratch",
    ),
}
"""Averages whose weights are chosen on validation rows, split by split."""


@dataclass(frozen=True)
class Effort:
    """How much a run of the study spends.

    Attributes
    ----------
    splits : int
        Random splits of the published 60/20/20 protocol.
    folds, curve_repeats : int
        Group folds, and splits of the learning curve.
    sizes : tuple of int
        Training rows of the learning curve.
    source_epochs, target_epochs, scratch_epochs : int
        Of the network: on the source, on from there, and without a source.
    rows : int or None
        At most this many rows of each data set (`--quick`).
    """

    splits: int = 10
    folds: int = 5
    curve_repeats: int = 5
    sizes: tuple[int, ...] = (100, 300, 1000)
    source_epochs: int = 60
    target_epochs: int = 30
    scratch_epochs: int = 60
    rows: int | None = None

    @classmethod
    def of(cls, splits: int) -> Effort:
        """The full study for ten splits, and as much less of everything for fewer."""
        return cls(splits=splits, folds=5 if splits >= 5 else 2, curve_repeats=min(splits, 5))

    @classmethod
    def quick(cls) -> Effort:
        """Everything once, on so little that it takes seconds and shows only that it runs."""
        return cls(1, 2, 1, (40,), 2, 2, 2, 120)

    def network(self) -> CrystalGraphNetwork:
        """The network as it learns the source."""
        return CrystalGraphNetwork(epochs=self.source_epochs, random_state=0)

    def scratch(self, patient: bool = False) -> CrystalGraphNetwork:
        """The network without a source; a patient one takes four times as many steps.

        A hundred rows are two batches: in the usual epochs the network would hardly leave its
        random weights, and any transfer would look good beside it.
        """
        network = CrystalGraphNetwork(epochs=self.scratch_epochs, validation_fraction=0.0)
        longer = {"epochs": 2 * self.scratch_epochs, "batch_size": 32}
        return network.set_params(**longer) if patient else network

    def tuned(self) -> dict[str, Any]:
        """What differs when it goes on to the target."""
        return {"epochs": self.target_epochs, "learning_rate": 1e-3, "validation_fraction": 0.0}


def source_of(effort: Effort) -> Dataset:
    """Formation energies of 3,938 crystals (flla-2015)."""
    return at_most(load("flla-2015", target=ENERGY), effort.rows)


def load_moduli(effort: Effort) -> tuple[Dataset, frozenset[str], list[str]]:
    """Crystals with both moduli as log10(GPa), each id once.

    Returns
    -------
    moduli : Dataset
    first : frozenset of str
        Ids that stand in elastic-tensor-2015: the rows on which the published figure is judged.
    warnings : list of str
        What is absent here.
    """
    elastic = load("elastic-tensor-2015", target=MODULI)
    parts, warnings = [elastic], []
    try:
        parts.append(load("mp-elasticity-binary", target=MODULI))
    except InputError as error:
        warnings.append(f"mp-elasticity-binary is not here, so fewer rows teach: {error}")
    whole = concatenate(parts, "moduli")
    return at_most(whole, effort.rows), frozenset(elastic.ids.tolist()), warnings


def descriptors() -> Concatenated:
    """Composition statistics, volume an atom, shape of the cell: what the classical arms read."""
    return Concatenated((CompositionStatistics(), CellShape()))


def structure_descriptors() -> Concatenated:
    """The same, with statistics of every site's surroundings and of the network of bonds."""
    return Concatenated((CompositionStatistics(), CellShape(), BondStatistics()))


def arms(effort: Effort, source: Dataset) -> dict[str, Any]:
    """Every arm that is fitted, classical ones first; `AVERAGES` follow from them.

    Parameters
    ----------
    effort : Effort
    source : Dataset
        Formation energies.
    """
    network, tuned = effort.network(), effort.tuned()
    structure = structure_descriptors()
    tune = partial(FineTune, network, source)
    frozen = partial(FrozenEmbedding, network, source)
    gentle = {**tuned, "learning_rate": 1e-4, "freeze_batch_norm": True}
    made: dict[str, Any] = {
        **{name: FromScratch(model) for name, model in baselines(descriptors()).items()},
        "structure trees": FromScratch(baselines(structure)["extra trees"]),
        "structure kernel": FromScratch(VectorRegressor(structure, laplace_ridge())),
        REFERENCE: FromScratch(effort.scratch()),
        "fine-tuned, head only": tune(train="head", settings=tuned),
        "fine-tuned, batch norm frozen, rate 1e-4": tune(settings=gentle),
        "fine-tuned": tune(settings=tuned),
        "fine-tuned, no shared items": tune(settings=tuned, share_items=False),
        "frozen embedding": frozen(),
        "frozen embedding, SVR": frozen(regressor=support_vectors()),
        "frozen + composition": frozen(alongside=(CompositionStatistics(),)),
        "frozen + structure": frozen(alongside=(structure,)),
        "frozen + structure, no shared items": frozen(alongside=(structure,), share_items=False),
    }
    if find_spec("chgnet") is not None:
        from leyden.representations.potential import PotentialEmbedding

        potential = PotentialEmbedding()
        made["composition + potential"] = FromScratch(
            VectorRegressor(Concatenated((CompositionStatistics(), potential)), laplace_ridge())
        )
        made["frozen + structure + potential"] = frozen(alongside=(structure, potential))
    return made


def support_vectors() -> Any:
    """The regressor of the small-data table: a support vector machine on standardised vectors."""
    return baselines()["SVR"].regressor


def compare_moduli(
    effort: Effort,
    moduli: Dataset,
    source: Dataset,
    checkpoint: Path,
    jobs: int = 1,
    progress: bool = True,
) -> dict[str, Evaluation]:
    """The three comparisons of the study.

    Returns
    -------
    dict of str to Evaluation
        ``"random"``: the published protocol, 60 % of the rows to learn from, 20 % to choose the
        weights of the stacks by, 20 % to score; ``"grouped"``: formulas kept apart; ``"curve"``:
        learning curves on random splits.
    """
    everything = arms(effort, source)
    patient = {REFERENCE: FromScratch(effort.scratch(patient=True))}
    slow = {"random forest", "gradient boosting", "nearest neighbour", "ridge"}
    plans: dict[str, tuple[Any, Sequence[str]]] = {
        # Validation rows are predicted too; `stacked` parts them from the test rows.
        "random": (RandomSplits(0.6, 0.0, 0.4, repeats=effort.splits), list(everything)),
        "grouped": (
            GroupKFold("formula", effort.folds),
            [n for n in everything if n not in slow and n != "fine-tuned, head only"],
        ),
        "curve": (
            LearningCurve(
                RandomSplits(repeats=effort.curve_repeats),
                tuple(size for size in effort.sizes if size <= 0.6 * len(moduli)),
            ),
            [n for n in everything if n not in slow - {"ridge"}],
        ),
    }
    found = {}
    for name, (split, wanted) in plans.items():
        evaluation = evaluate(
            {arm: (everything | patient if name == "curve" else everything)[arm] for arm in wanted},
            moduli,
            split,
            n_jobs=jobs,
            checkpoint=checkpoint,
            prepare=lambda dataset: [represent(r, dataset) for r in _costly()],
            reference=REFERENCE,
            progress=progress,
        )
        found[name] = with_averages(evaluation, AVERAGES)
    found["random"] = stacked(found["random"], STACKS)
    return found


def _costly() -> list[Any]:
    """Representations that every process then finds on disk."""
    costly: list[Any] = [CrystalGraphNetwork().representation]
    if find_spec("chgnet") is not None:
        from leyden.representations.potential import PotentialEmbedding

        costly.append(PotentialEmbedding())
    return costly
