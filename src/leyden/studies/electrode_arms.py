"""The comparison behind the study `voltages`: sources, arms, and folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.base import clone

from leyden.data.dataset import Dataset
from leyden.models.crystal_graph_network import CrystalGraphNetwork
from leyden.models.vectors import VectorRegressor, baselines, laplace_ridge
from leyden.representations import Concatenated, represent
from leyden.representations.bond_statistics import BondStatistics
from leyden.representations.cell_shape import CellShape
from leyden.representations.composition import CompositionStatistics
from leyden.representations.electrode import (
    ElectrodeGraph,
    Host,
    HostGraph,
    IonStatistics,
    PotentialVoltage,
)
from leyden.representations.potential import PotentialEmbedding
from leyden.selection import Best, PerGroup
from leyden.studies.electrode_sources import Sources
from leyden.transfer import (
    FineTune,
    FromScratch,
    FrozenEmbedding,
    Residual,
    SourceAsIs,
)

__all__ = [
    "AVERAGES",
    "BEST",
    "CLASSICAL",
    "HEADLINE",
    "NETWORKS",
    "POTENTIAL",
    "PUBLISHED",
    "SCRATCH",
    "STACK",
    "STACKS",
    "STACK_POTENTIAL",
    "UNTAUGHT",
    "Effort",
    "arms",
    "best_of",
]

PUBLISHED = "published recipe: Li network, head trained"
SCRATCH = "network from scratch"
CLASSICAL = (
    "mean of the ion",
    "SVR",
    "Laplace kernel",
    "Laplace kernel, one an ion",
    "random forest",
    "gradient boosting",
    "classical average",
)
"""Arms on statistics of the host's composition, and of the working ion."""

NETWORKS = (
    "Li network as it is",
    PUBLISHED,
    "fine-tuned",
    SCRATCH,
    "ion-conditioned network",
    "ion-conditioned network, from formation energies",
    "chain: formation energies, Li, ion",
)
"""Arms that are networks; the others fit a kernel or trees on vectors, and are repeated more."""

BEST = "best by inner validation"
"""Of the arms on vectors, what inner folds of the training rows find best: see `Best`."""

HEADLINE = "average with transfer"
UNTAUGHT = "average without transfer"
POTENTIAL = "average with transfer and potential"
AVERAGES = {
    "classical average": ("Laplace kernel", "gradient boosting", "random forest"),
    UNTAUGHT: ("structure kernel", "structure boosting", SCRATCH),
    HEADLINE: (
        "structure boosting",
        "frozen embeddings + structure",
        "ion-conditioned network, from formation energies",
        "chain: formation energies, Li, ion",
    ),
    POTENTIAL: (
        "structure boosting + potential",
        "frozen embeddings + structure + potential",
        "ion-conditioned network, from formation energies",
    ),
}
"""Equal averages, chosen after pilots of the vector arms on other framework folds of these rows,
and left as they are since the folds of the study were scored."""

STACK = "stack with transfer"
STACK_POTENTIAL = "stack with transfer and potential"
STACKS = {
    "classical stack": ("SVR", "Laplace kernel", "gradient boosting", "random forest"),
    STACK: (
        "Laplace kernel",
        "gradient boosting",
        "structure kernel",
        "structure boosting",
        "frozen Li embedding + composition",
        "frozen Li embedding + structure",
        "ion-conditioned network",
        "fine-tuned",
    ),
    STACK_POTENTIAL: (
        "structure boosting",
        "structure kernel + potential",
        "structure boosting + potential",
        "frozen Li embedding + structure",
        "ion-conditioned network",
        "fine-tuned",
    ),
}
"""Averages whose weights are chosen on validation rows, split by split."""


@dataclass(frozen=True)
class Effort:
    """How much a run of the study spends.

    Attributes
    ----------
    splits : int
        Random splits of the published 80/10/10 protocol.
    repeats, folds : int
        Of the framework folds.
    vector_repeats : int
        Repeats of these folds for arms on vectors.
    sizes : tuple of int
        Training rows of the learning curves; all rows of the ion come on top.
    lithium_sizes : tuple of int
        Of the curve of lithium on random splits, which reaches towards the published number of
        rows.
    source_epochs, epochs, tuned_epochs : int
        Of networks on formation energies and moduli, on voltages, and on voltages after a source.
    least_steps : int
        Batches of 16 that a network learns from at least, where one ion has few rows.
    rows : int or None
        At most this many rows of each data set (`--quick`).
    """

    splits: int = 10
    repeats: int = 3
    folds: int = 5
    vector_repeats: int = 10
    sizes: tuple[int, ...] = (20, 40, 80, 160)
    lithium_sizes: tuple[int, ...] = (300, 600, 1200)
    source_epochs: int = 15
    epochs: int = 40
    tuned_epochs: int = 20
    least_steps: int = 500
    rows: int | None = None

    @classmethod
    def quick(cls) -> Effort:
        """Everything once, on so little that it takes seconds and shows only that it runs."""
        return cls(1, 1, 2, 1, (5,), (10, 20), 1, 1, 1, 2, 100)

    def network(self, epochs: int) -> CrystalGraphNetwork:
        """A network that sees the host and is told of no ion."""
        return CrystalGraphNetwork(
            representation=HostGraph(), epochs=epochs, validation_fraction=0.0, random_state=0
        )

    def patient(self) -> dict[str, Any]:
        """What differs for the few rows of one ion: small batches, and enough of them."""
        return {"batch_size": 16, "least_steps": self.least_steps}

    def tuned(self) -> dict[str, Any]:
        """What differs when a network goes on to voltages, or to another ion."""
        return {"epochs": self.tuned_epochs, "learning_rate": 1e-3}


def arms(effort: Effort, sources: Sources) -> dict[str, Any]:
    """Every arm that is fitted, classical ones first; `AVERAGES` and `STACKS` follow from them."""
    composition = Concatenated((Host(CompositionStatistics()), IonStatistics()))
    structure = Concatenated((*composition.parts, Host(CellShape()), Host(BondStatistics())))
    made: dict[str, Any] = {
        **_classical(composition),
        "structure kernel": _vectors(structure, "Laplace kernel"),
        "structure boosting": _vectors(structure, "gradient boosting"),
        **_networks(effort, sources),
        **_frozen(effort, sources, composition, structure),
    }
    if find_spec("chgnet") is not None:
        made |= _with_potential(effort, sources, structure)
    return made


def best_of(made: dict[str, Any]) -> Best:
    """Transfer only where inner validation gives evidence that it helps."""
    return Best(
        {
            name: made[name]
            for name in (
                "Laplace kernel",
                "gradient boosting",
                "structure kernel",
                "structure boosting",
                "frozen Li embedding + composition",
                "frozen Li embedding + structure",
            )
        },
        folds=3,
    )


def _vectors(representation: Any, name: str) -> FromScratch:
    return FromScratch(baselines(representation)[name])


def _classical(composition: Concatenated) -> dict[str, Any]:
    per_ion = partial(PerGroup, "working_ion")
    return {
        "mean of the ion": per_ion(_vectors(composition, "mean")),
        "SVR": _vectors(composition, "SVR"),
        "Laplace kernel": _vectors(composition, "Laplace kernel"),
        "Laplace kernel, one an ion": per_ion(_vectors(composition, "Laplace kernel")),
        "random forest": _vectors(composition, "random forest"),
        "gradient boosting": _vectors(composition, "gradient boosting"),
    }


def _networks(effort: Effort, sources: Sources) -> dict[str, Any]:
    network, tuned = effort.network(effort.epochs), effort.tuned() | effort.patient()
    as_is = SourceAsIs(network, sources.lithium)
    tune = partial(FineTune, network, sources.lithium)
    per_ion = partial(PerGroup, "working_ion", others={"Li": as_is})
    gentle = {"embedding.*": 0.1, "convolutions.*": 0.3}
    told = {"representation": ElectrodeGraph(), "learning_rate": 2e-3}
    return {
        "Li network as it is": PerGroup("working_ion", as_is),
        PUBLISHED: per_ion(tune(train="head", settings=tuned)),
        "fine-tuned": per_ion(tune(settings=tuned, learning_rates=gentle)),
        SCRATCH: per_ion(FromScratch(clone(network).set_params(**effort.patient()))),
        "ion-conditioned network": FromScratch(
            effort.network(effort.epochs).set_params(representation=ElectrodeGraph())
        ),
        "ion-conditioned network, from formation energies": FineTune(
            effort.network(effort.source_epochs),
            sources.energies,
            settings={**told, "epochs": effort.tuned_epochs},
        ),
        "chain: formation energies, Li, ion": PerGroup(
            "working_ion",
            FineTune(
                effort.network(effort.source_epochs),
                [sources.energies, sources.lithium],
                settings=tuned,
                learning_rates=gentle,
            ),
        ),
    }


def _frozen(
    effort: Effort, sources: Sources, composition: Concatenated, structure: Concatenated
) -> dict[str, Any]:
    network, other = effort.network(effort.epochs), effort.network(effort.source_epochs)
    several = partial(
        FrozenEmbedding,
        [other, network, other],
        [sources.energies, sources.lithium, sources.moduli],
        share_items=False,
    )
    return {
        "frozen Li embedding + composition": FrozenEmbedding(
            network, sources.lithium, alongside=(composition,)
        ),
        "frozen Li embedding + structure": FrozenEmbedding(
            network, sources.lithium, alongside=(structure,)
        ),
        "frozen embeddings + structure": several(alongside=(structure,)),
    }


def _with_potential(effort: Effort, sources: Sources, structure: Concatenated) -> dict[str, Any]:
    """Arms that read a potential: it has probably seen these compounds, and they are marked."""
    knowing = Concatenated((*structure.parts, Host(PotentialEmbedding())))
    frozen = _frozen(effort, sources, structure, knowing)["frozen embeddings + structure"]
    kernel = FromScratch(VectorRegressor(knowing, laplace_ridge()))
    return {
        "structure kernel + potential": kernel,
        "structure boosting + potential": _vectors(knowing, "gradient boosting"),
        "frozen embeddings + structure + potential": frozen,
        "residual on the potential's voltage (both states known)": Residual(
            kernel, potential_voltage
        ),
    }


def potential_voltage(data: Any) -> np.ndarray:
    """Voltage by the potential's energies of both states, V, shape (n,)."""
    estimate = PotentialVoltage()
    X = represent(estimate, data) if isinstance(data, Dataset) else estimate.transform(data)
    return X[:, 0]
