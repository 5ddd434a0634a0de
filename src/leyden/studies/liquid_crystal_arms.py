"""What competes in the study `liquid-crystals`: the published networks along chains, and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightgbm import LGBMRegressor
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor

from leyden.chains import Chain, Step
from leyden.data.dataset import Dataset, HeldOut
from leyden.metrics import METRICS
from leyden.models import image_network, mlp
from leyden.models.image_network import ImageNetwork
from leyden.models.mlp import MultilayerPerceptron
from leyden.models.tanimoto import TanimotoProcess
from leyden.models.vectors import VectorRegressor
from leyden.representations.depiction import Depiction
from leyden.representations.fingerprints import Fingerprint
from leyden.representations.molecule_descriptors import MoleculeDescriptors
from leyden.source_networks import Lesson
from leyden.studies.liquid_crystal_data import Tables
from leyden.transfer import FineTune, FromScratch, Strategy
from leyden.varying_columns import VaryingColumns

__all__ = [
    "APART",
    "CHAIN",
    "CLASSICAL",
    "CNN",
    "MLP",
    "NETWORKS",
    "PATHS",
    "SCRATCH",
    "SOURCE",
    "Effort",
    "TrainingScored",
    "arm_name",
    "classical",
    "path_of",
    "published_arms",
]

MLP, CNN = "MLP", "CNN"
NETWORKS = (MLP, CNN)
SCRATCH, SOURCE, CHAIN, APART = "scratch", "IL melting", "chain", "chain of other molecules"
PATHS = (SCRATCH, SOURCE, CHAIN, APART)
CLASSICAL = ("extra trees", "gradient boosting", "Tanimoto process")
_BETWEEN = {"clearing": "LC melting", "melting": "LC clearing"}


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes
    ----------
    repeats : int
        Of five-fold cross-validation of the published tables.
    grouped : int
        The same with scaffolds kept apart.
    folds : int
    seeds : int
        Networks of each kind on the tables of a few dozen rows.
    equality : int
        Repeats in which the published schedules run beside ours; 0 leaves them out.
    trees : int
        Of extra trees and of boosting.
    epochs : int or None
        Of every network; None leaves them as they are set.
    source_rows : int or None
        Of the sources; None takes all.
    """

    repeats: int = 20
    grouped: int = 5
    folds: int = 5
    seeds: int = 3
    equality: int = 2
    trees: int = 500
    epochs: int | None = None
    source_rows: int | None = None

    @property
    def is_quick(self) -> bool:
        """Whether it only shows that everything works."""
        return self.epochs is not None

    def some(self, dataset: Dataset, rows: int = 60) -> Dataset:
        """The whole; or in a quick run about so many rows, spread over it."""
        if not self.is_quick or len(dataset) <= rows:
            return dataset
        return dataset.take(slice(None, None, len(dataset) // rows)).alone()

    @classmethod
    def quick(cls) -> Effort:
        """Shows that everything works."""
        return cls(1, 1, 2, 1, 1, trees=20, epochs=1, source_rows=60)


class TrainingScored(Strategy):
    """A strategy that also notes how well it answers the rows that taught it.

    Parameters
    ----------
    strategy : Strategy
    """

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy

    @property
    def transfers(self) -> bool:  # type: ignore[override]
        """As the strategy does."""
        return self.strategy.transfers

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """Those of the strategy."""
        return self.strategy.lessons(dataset, held_out, notes)

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        fitted = clone(self.strategy).fit(dataset, held_out=held_out)
        said = fitted.predict(dataset)
        scores = {name: METRICS[name].function(dataset.y, said) for name in ("rmse", "mae", "r2")}
        self.notes_ = fitted.notes_ | {f"training_{name}": score for name, score in scores.items()}
        return fitted.model_


def arm_name(kind: str, path: str, seed: int | None = None) -> str:
    """How an arm is called in the rows."""
    name = kind if path == SCRATCH else f"{kind}, {path}"
    return name if seed is None else f"{name}, seed {seed}"


def path_of(table: str, path: str) -> str:
    """What a path is on a table, for people: source, arrow, source."""
    between = _BETWEEN[table.rstrip("0123456789")]
    return {
        SCRATCH: "without transfer",
        SOURCE: f"from {SOURCE}",
        CHAIN: f"from {SOURCE} → {between}",
        APART: f"from {SOURCE} → {between} of other molecules",
    }[path]


def published_arms(
    table: str,
    tables: Tables,
    effort: Effort,
    kind: str,
    *,
    paths: tuple[str, ...] = PATHS,
    schedule: str = "faster",
    seed: int | None = None,
    depiction: Depiction = Depiction(),  # noqa: B008 - it never changes
) -> dict[str, Strategy]:
    """The published networks on one of the published tables, each from scratch and along paths.

    Parameters
    ----------
    table : str
        One of `leyden.studies.liquid_crystal_data.SIZES`.
    tables : Tables
    effort : Effort
    kind : {"MLP", "CNN"}
    paths : tuple of str
        Of `PATHS`.
    schedule : {"faster", "published"}
    seed : int, optional
        Of the weights and batches of sources and target; tells several networks of a kind apart.
    depiction : Depiction
        What a CNN looks at.
    """
    quantity, few = table.rstrip("0123456789"), table in ("clearing30", "melting39")
    settings = _Schedules(kind, schedule, effort.epochs)
    last = settings.target("ammonium" if few else quantity)
    model = _network(kind, few, depiction).set_params(random_state=seed or 0)
    found: dict[str, Strategy] = {}
    for path in paths:
        if path == SCRATCH:
            arm: Strategy = FromScratch(clone(model).set_params(**last))
        else:
            chain = _chain(quantity, path, tables, settings)
            arm = FineTune(model, chain, settings=last)
            if kind == CNN and table == "melting271":
                still = ("convolutions.1.*", *ImageNetwork.head)  # all but `convolutions.0`
                arm = arm.set_params(train=still)
        if kind == MLP:
            decides = tables.ionic_liquids if table == "clearing30" else "target"
            arm = VaryingColumns(arm, decided_by=decides)
        found[arm_name(kind, path, seed)] = TrainingScored(arm)
    return found


def classical(trees: int) -> dict[str, Strategy]:
    """Arms without networks, on RDKit descriptors and on counts of fragments."""
    descriptors, counts = MoleculeDescriptors(), Fingerprint(("morgan", "atom_pair"), counts=True)
    models = {
        "extra trees": VectorRegressor(
            descriptors,
            ExtraTreesRegressor(trees, max_features=1 / 3, n_jobs=1, random_state=0),
        ),
        "gradient boosting": VectorRegressor(
            descriptors,
            LGBMRegressor(
                n_estimators=trees,
                learning_rate=0.03,
                num_leaves=15,
                min_child_samples=5,
                colsample_bytree=0.3,
                subsample=0.8,
                subsample_freq=1,
                n_jobs=1,
                verbose=-1,
                random_state=0,
            ),
        ),
        "Tanimoto process": VectorRegressor(counts, TanimotoProcess()),
    }
    return {name: TrainingScored(FromScratch(model)) for name, model in models.items()}


@dataclass(frozen=True)
class _Schedules:
    """The schedules of one kind of network."""

    kind: str
    name: str
    epochs: int | None

    def source(self) -> Mapping[str, Any]:
        """Of the first source."""
        return self._of("source")

    def target(self, quantity: str) -> Mapping[str, Any]:
        """Of a table of liquid crystals, which may be a source too."""
        return self._of("mixed" if self.kind == MLP and quantity != "ammonium" else quantity)

    def _of(self, what: str) -> Mapping[str, Any]:
        module: Any = mlp if self.kind == MLP else image_network
        settings = dict((module.PUBLISHED if self.name == "published" else module.FASTER)[what])
        return settings if self.epochs is None else {**settings, "epochs": self.epochs}


def _network(kind: str, few: bool, depiction: Depiction) -> Any:
    if kind == MLP:
        return MultilayerPerceptron(Fingerprint(), **mlp.NETWORK)
    layers = image_network.SMALL if few else image_network.MIXED
    return ImageNetwork(depiction, **layers)


def _chain(quantity: str, path: str, tables: Tables, settings: _Schedules) -> Chain:
    steps = [Step(tables.ionic_liquids, settings.source())]
    if path != SOURCE:
        between = _BETWEEN[quantity]
        schedule = settings.target(between.removeprefix("LC "))
        others = ", other molecules" if path == APART else ""
        steps.append(Step(tables.sources[f"{between}{others}"], schedule))
    return Chain(steps, share_items=path != APART)
