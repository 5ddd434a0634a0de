"""The neural recommender of ionic liquids: ions as embeddings, learned by name or from structure.

R. Sethi, K. Sundmacher and C. Ganzer, arXiv:2509.10273 (2025), pretrain an embedding of every
cation and anion on simulated properties at one temperature and pressure, and teach feed-forward
networks on these embeddings with measurements at many.  Here this is one network: its encoder is
what is pretrained, and a form with temperature and pressure is put in place of its last layer.
Beyond it, an encoder of structure gives ions that nobody has measured an embedding too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch

from leyden.errors import InputError
from leyden.models.network import NetworkModel, TargetModule
from leyden.models.objectives import Classification, WeightedRegression
from leyden.models.pair_network import (
    EncodedPairs,
    IonEncoder,
    Ions,
    PairBatch,
    PairNetwork,
    PairPlaces,
)
from leyden.representations.ion_pair import IonPairs, IonTable, StatePoints, check_tables
from leyden.representations.molecule_descriptors import MoleculeDescriptors
from leyden.training import Objective

__all__ = ["IonRecommender"]

_DEFAULT = IonPairs(MoleculeDescriptors())


class IonRecommender(NetworkModel):
    """Predicts properties of ionic liquids, or of other pairs, from embeddings of both members.

    What it reads decides what it is. `KnownPairs` without structure: the published recommender,
    which knows ions by name. `IonPairs`: an encoder of structure. `KnownPairs` with structure: the
    hybrid, which corrects the encoder's embedding of an ion that it was taught by name.

    Parameters
    ----------
    representation : KnownPairs or IonPairs
        Its `ion`, where there is one, names its columns. Default: descriptors of both ions.
    forms : str or sequence of str
        How each target moves with temperature and pressure (`property_forms.FORMS`); one for all,
        or one a target. ``"constant"`` for simulations at one state, ``"free"`` for the published
        feed-forward network; `property_form` names the form that physics has for a target.
    embedding : int
        Length of an ion's embedding.
    widths : sequence of int
        Of the interaction network; the last is that of the pair's latent vector, which `embed`
        gives.
    encoder_width : int
        Hidden units of the encoder of structure.
    dropout : float
        Part of the hidden units that is left out in training.
    name_dropout : float
        Hybrid: part of the ions that is taught from structure alone, drawn anew for every batch.
    balance : float
        How much targets with few pairs gain: the total weight of a target is its number of pairs to
        the power 1 - `balance`. 0: every pair and target counts alike; 1: every target.
    even_pairs : bool
        Whether a pair counts once, whatever the number of its rows.
    task : {"regression", "classification"}
    loss : {"absolute", "huber", "squared"}
        Of scaled targets. The scores of the field are absolute errors, and measurements have gross
        errors.
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, patience
        As of `TrainingSettings`.
    validation_fraction : float
        Part of the training rows that only decides when to stop; 0 trains all epochs on all rows.
    least_steps : int
        Epochs are added until as many batches have been learned from.
    freeze_batch_norm : bool
        Without meaning here: there are no batch norms.
    random_state : int
        Seed of weights, batches, dropout and the inner validation part.

    Notes
    -----
    Columns of structure are standardised by the different ions of the training rows of the first
    fit and cut off at 4 standard deviations; a network that starts from another keeps its scale.
    Targets may be missing (NaN). A network that starts from one with other `forms` begins with a
    new last layer: this is how knowledge moves from simulations at one state to measurements at
    many (`FineTune(model, source, settings={"forms": "viscosity"})`).
    """

    kind: ClassVar[str] = "ion_recommender"
    head: ClassVar[tuple[str, ...]] = ("output.*",)
    prediction_batch: ClassVar[int] = 32768

    def __init__(
        self,
        representation: Any = _DEFAULT,
        forms: str | Sequence[str] = "free",
        embedding: int = 64,
        widths: Sequence[int] = (128, 64),
        encoder_width: int = 128,
        dropout: float = 0.1,
        name_dropout: float = 0.3,
        balance: float = 0.5,
        even_pairs: bool = False,
        task: str = "regression",
        loss: str = "absolute",
        epochs: int = 60,
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        weight_decay: float = 1e-1,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        validation_fraction: float = 0.0,
        least_steps: int = 600,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.forms = forms
        self.embedding = embedding
        self.widths = widths
        self.encoder_width = encoder_width
        self.dropout = dropout
        self.name_dropout = name_dropout
        self.balance = balance
        self.even_pairs = even_pairs
        self.task = task
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clip
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.least_steps = least_steps
        self.freeze_batch_norm = freeze_batch_norm
        self.random_state = random_state

    @classmethod
    def reads(cls) -> type:
        """`KnownPairs`, `IonPairs` or any representation that gives `StatePoints`."""
        return object

    def build(self, targets: int) -> TargetModule:
        """A new network for this many targets.

        Raises
        ------
        InputError
            No hidden layer; a number of forms other than that of the targets; nothing to know ions
            by.
        """
        if not len(self.widths):
            raise InputError("the interaction has at least one hidden layer", value=self.widths)
        forms = [self.forms] * targets if isinstance(self.forms, str) else list(self.forms)
        if len(forms) != targets:
            raise InputError(f"{targets} targets need one form each", value=self.forms)
        ion = getattr(self.representation, "ion", None)
        columns = 0 if ion is None else len(ion.names())
        first, second = self._names()
        if not columns and not (first and second):
            raise InputError(
                "a recommender must know ions by name or by structure",
                value=self.representation,
                remedy="take KnownPairs.among(datasets), or IonPairs of a fingerprint",
            )
        encoders = [
            IonEncoder(
                len(names),
                columns,
                self.encoder_width,
                self.embedding,
                self.dropout,
                self.name_dropout,
            )
            for names in (first, second)
        ]
        return PairNetwork(
            encoders[0], encoders[1], self.embedding, list(self.widths), self.dropout, forms
        )

    def inputs(self, X: StatePoints, rows: np.ndarray) -> PairBatch:
        """These rows, and each of their ions once."""
        first, second = self._names()
        cations, cation = _ions(X.cations, X.cation[rows], first)
        anions, anion = _ions(X.anions, X.anion[rows], second)
        return PairBatch(
            cations,
            anions,
            cation,
            anion,
            torch.as_tensor(X.temperature_K[rows], dtype=torch.float32),
            torch.as_tensor(X.pressure_kPa[rows], dtype=torch.float32),
        )

    def prepared(self, X: StatePoints) -> IonRecommender:
        """The same model for any rows with the tables of `X`: their ions are encoded once."""
        return _PreparedRecommender.of(self, X)

    def prepare(self, module: Any, X: StatePoints, rows: np.ndarray) -> None:
        """Fit the scale of structure on the different ions of the training rows."""
        for encoder, table, places in (
            (module.cations, X.cations, X.cation),
            (module.anions, X.anions, X.anion),
        ):
            if encoder.structure is not None:
                taught = table.vectors[np.unique(places[rows])].astype(float)
                spread = taught.std(axis=0)
                encoder.mean.copy_(torch.as_tensor(taught.mean(axis=0)))
                # A fragment that no training ion has would be noise in one that has it.
                scale = np.where(spread > 1e-9, spread, np.inf)
                encoder.scale.copy_(torch.as_tensor(scale))

    def weights(self, X: StatePoints, y: np.ndarray) -> np.ndarray | None:
        """What each value counts, shape (n, t): pairs and targets as `even_pairs`, `balance` say.

        The weights of the known values sum to n, and missing ones have none. Classes have no
        weights.
        """
        if self.task == "classification":
            return None
        known = np.isfinite(y)
        pair = X.pairs()[1]
        weights = known.astype(float)
        for t in range(y.shape[1]):
            rows = np.bincount(pair, weights=known[:, t])
            if self.even_pairs:
                weights[:, t] /= np.maximum(rows, 1)[pair]
            pairs = np.count_nonzero(rows)
            weights[:, t] *= pairs ** (1 - self.balance) / max(weights[:, t].sum(), 1e-9)
        return weights * len(y) / weights.sum()

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names = self.representation
        return getattr(names, "first", ()), getattr(names, "second", ())

    def _renews_output(self, start: NetworkModel, module: TargetModule) -> bool:
        other_forms = start.module_.output.names != module.output.names
        return super()._renews_output(start, module) or bool(other_forms)

    def _objective(self) -> Objective:
        if self.task == "classification":
            return Classification()
        return WeightedRegression(self.loss)


class _PreparedRecommender(IonRecommender):
    """A recommender that knows beforehand which ions it will be asked of."""

    prediction_batch: ClassVar[int] = 2048  # activations that stay in the cache of a core

    @classmethod
    def of(cls, model: IonRecommender, X: StatePoints) -> _PreparedRecommender:
        if not hasattr(model, "module_"):
            raise InputError("IonRecommender is not fitted", remedy="call fit first")
        new = cls(**model.get_params(deep=False))
        tables = zip((X.cations, X.anions), model._names(), strict=True)
        cations, anions = (
            _ions(table, np.arange(len(table.keys)), names)[0] for table, names in tables
        )
        with torch.no_grad():
            network: Any = model.module_  # of `build`, a PairNetwork
            new.module_ = EncodedPairs(network, cations, anions).eval()
        new._points = X[:0]
        return new

    def inputs(self, X: StatePoints, rows: np.ndarray) -> PairPlaces:  # type: ignore[override]
        """Places of the ions of these rows."""
        check_tables(self._points, X)
        return PairPlaces(
            torch.as_tensor(X.cation[rows]),
            torch.as_tensor(X.anion[rows]),
            torch.as_tensor(X.temperature_K[rows], dtype=torch.float32),
            torch.as_tensor(X.pressure_kPa[rows], dtype=torch.float32),
        )


@lru_cache(maxsize=16)
def _places(names: tuple[str, ...]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _ions(table: IonTable, rows: np.ndarray, names: tuple[str, ...]) -> tuple[Ions, torch.Tensor]:
    """The different ions of some rows, and the place of each row's ion among them."""
    used, place = np.unique(rows, return_inverse=True)
    known = _places(names)
    listed = [known.get(key, len(names)) for key in table.keys[used]]
    vectors = torch.as_tensor(table.vectors[used], dtype=torch.float32)
    return Ions(vectors, torch.tensor(listed)), torch.as_tensor(place)
