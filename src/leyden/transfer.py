"""How knowledge moves from a source to a target: the strategies.

A strategy is fitted on a target `Dataset` and predicts datasets or items.  It carries its source
with it, and honours what a test fold forbids (DESIGN, rule 3): a source of the same or a derived
quantity loses the fold's rows; a source of another quantity may keep them, and says how many items
it shares.  "From scratch" is a strategy like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from leyden.chains import Chain
from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import IncompatibleError, LeakageError
from leyden.models.vectors import NetworkEmbedding, VectorRegressor, concatenated, laplace_ridge
from leyden.predictor import Predictor
from leyden.representations import represent
from leyden.source_networks import Lesson, clean_source, told
from leyden.splits import Split

__all__ = [
    "FineTune",
    "FromScratch",
    "FrozenEmbedding",
    "Pooled",
    "Residual",
    "SourceAsIs",
    "Strategy",
]


class Strategy(BaseEstimator):
    """Base of the strategies.

    Attributes
    ----------
    model_ : Model
        Fitted; it has `representation`, `predict` and `embed`.
    notes_ : dict
        What an honest table must say of this fit: ``source_rows``, ``source_rows_removed``,
        ``shared_items``, ``may_have_seen_test``, ``bounds_as_values`` (upper bounds that were
        learned as if they had been measured).
    """

    transfers = True
    group: str | None = None

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Strategy:
        """Learn from the rows of `dataset`, with nothing that `held_out` forbids."""
        self.targets_ = tuple(dataset.targets.columns)
        self.notes_: dict[str, Any] = {}
        if held_out is not None and held_out.mask(dataset).any():
            row = dataset.ids[held_out.mask(dataset)][0]
            raise LeakageError(f"row {row} of {dataset.name} is in the training and the test part")
        self.model_ = self._learn(dataset, held_out or HeldOut())
        self.training_ = dataset
        return self

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """What its source networks must learn before it can be fitted on `dataset`.

        `notes` is told what was taken out of the sources. Whoever fits many arms has the lessons
        learned first, each once; otherwise `fit` sees to them.
        """
        return []

    def predict(self, data: Any, return_std: bool = False) -> Any:
        """Predict a `Dataset` or a sequence of items: shape (n,), or (n, t) for several targets."""
        return self.model_.predict(_inputs(self.model_.representation, data), return_std=return_std)

    def to_predictor(self, split: Split | None = None, level: float = 0.9) -> Predictor:
        """What was learned, to be saved; `split` calibrates the intervals (`Predictor.of`)."""
        return Predictor.of(self, split, level)

    def embed(self, data: Any) -> np.ndarray:
        """The latent vectors of a `Dataset` or a sequence of items, shape (n, d)."""
        return self.model_.embed(_inputs(self.model_.representation, data))

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        raise NotImplementedError

    def _fit(self, model: Any, dataset: Dataset, **options: Any) -> Any:
        X = represent(model.representation, dataset)
        known = told(model, dataset, group=self.group)
        if "upper_bound" not in known and dataset.bounds.any():
            self.notes_["bounds_as_values"] = int(dataset.bounds.sum())
        return clone(model).fit(X, dataset.y, **known, **options)


class FromScratch(Strategy):
    """No transfer: the model sees the target's rows and nothing else.

    Parameters
    ----------
    model : Model
        A network or a `VectorRegressor`.
    group : str, optional
        Group column whose labels the model's inner choices keep together; default: the formula.
    """

    def __init__(self, model: Any, group: str | None = None) -> None:
        self.model = model
        self.group = group

    @property
    def transfers(self) -> bool:  # type: ignore[override]
        """Only if what the model reads was itself learned elsewhere (a universal potential)."""
        return _unknown_past(self.model.representation)

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        self.notes_["may_have_seen_test"] = _unknown_past(self.model.representation)
        return self._fit(self.model, dataset)


class SourceAsIs(Strategy):
    """The source's model, used on the target untouched (the targets must be the same quantity).

    Parameters
    ----------
    model : NetworkModel or VectorRegressor
        What learns the source.
    source : Dataset
        The plentiful data.
    """

    def __init__(self, model: Any, source: Dataset) -> None:
        self.model = model
        self.source = source

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        _check_same_targets(self.source, dataset)
        (lesson,) = self.lessons(dataset, held_out, self.notes_)
        return lesson.learned()

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """The one lesson of its source."""
        return [Lesson(self.model, clean_source(self.source, dataset, held_out, notes))]


class Pooled(Strategy):
    """The source's rows and the target's learn together, as one table.

    The targets must be the same quantity, and items should tell which they are (an electrode tells
    its ion).

    Parameters
    ----------
    model : NetworkModel or VectorRegressor
    source : Dataset
        The plentiful data.
    """

    def __init__(self, model: Any, source: Dataset) -> None:
        self.model = model
        self.source = source

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        _check_same_targets(self.source, dataset)
        parts = [clean_source(self.source, dataset, held_out, self.notes_), dataset]
        representation = self.model.representation
        self.notes_["may_have_seen_test"] = _unknown_past(representation)
        inputs = [represent(representation, part) for part in parts]
        whole = getattr(type(inputs[0]), "concatenate", np.concatenate)
        y = np.concatenate([part.y for part in parts])
        return clone(self.model).fit(whole(inputs), y, **told(self.model, *parts))


class FineTune(Strategy):
    """A network learns the source, and goes on learning the target from there.

    Parameters
    ----------
    model : NetworkModel
        Settings of the source network; the target's network has the same encoder.
    source : Dataset, sequence of Dataset or Chain
        The plentiful data; several are learned one after the other, all with the settings of
        `model`. A `Chain` may give each its own.
    train : {"all", "head"} or sequence of str
        Which parameters move: all, only those after the encoder (the published recipe of
        Zhang et al.), or those whose names match one of these patterns.
    learning_rate : float, optional
        On the target; as on the source when absent. Small rates keep what was learned.
    settings : mapping, optional
        Further constructor parameters of the model that differ on the target, such as
        ``{"epochs": 30}``.
    learning_rates : mapping of str to float, optional
        Discriminative rates: name pattern to factor of the learning rate.
    share_items : bool
        Whether a source of *another* quantity may keep the target's items. If not, every item of
        the target, training rows too, is taken out of the source. A `Chain` may forbid it too.
    """

    def __init__(
        self,
        model: Any,
        source: Dataset | Sequence[Dataset] | Chain,
        train: str | Sequence[str] = "all",
        learning_rate: float | None = None,
        settings: Mapping[str, Any] | None = None,
        learning_rates: Mapping[str, float] | None = None,
        share_items: bool = True,
    ) -> None:
        self.model = model
        self.source = source
        self.train = train
        self.learning_rate = learning_rate
        self.settings = settings
        self.learning_rates = learning_rates
        self.share_items = share_items

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        *_, last = self.lessons(dataset, held_out, self.notes_)
        rate = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        model = clone(self.model).set_params(**rate, **(self.settings or {}))
        return self._fit(
            model,
            dataset,
            start=last.learned(),
            train=self.train,
            learning_rates=self.learning_rates,
        )

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """Those of the chain: each goes on from the one before."""
        chain = self.source if isinstance(self.source, Chain) else Chain(_several(self.source))
        return chain.lessons(self.model, dataset, held_out, notes, self.share_items)


class FrozenEmbedding(Strategy):
    """The encoders of source networks, untouched, under any scikit-learn regressor.

    On a few hundred rows this beats every fine-tuned network, and fits in a second.

    Parameters
    ----------
    model : NetworkModel or sequence of NetworkModel
        What learns each source; one for all, or one a source.
    source : Dataset or sequence of Dataset
        One encoder is learned from each.
    regressor : scikit-learn regressor, optional
        Default: kernel ridge regression with a Laplace kernel on standardised vectors.
    alongside : sequence of Representation
        More vectors to put beside the embeddings: composition statistics, a universal potential.
    share_items : bool
        As for `FineTune`.
    group : str, optional
        As for `FromScratch`.
    """

    def __init__(
        self,
        model: Any,
        source: Dataset | Sequence[Dataset],
        regressor: Any = None,
        alongside: Sequence[Any] = (),
        share_items: bool = True,
        group: str | None = None,
    ) -> None:
        self.model = model
        self.source = source
        self.regressor = regressor
        self.alongside = alongside
        self.share_items = share_items
        self.group = group

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        lessons = self.lessons(dataset, held_out, self.notes_)
        encoders = [NetworkEmbedding(lesson.learned()) for lesson in lessons]
        representation = concatenated([*self.alongside, *encoders])
        self.notes_["may_have_seen_test"] = _unknown_past(representation)
        regressor = laplace_ridge() if self.regressor is None else self.regressor
        return self._fit(VectorRegressor(representation, regressor), dataset)

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """One lesson a source, none of which builds on another."""
        sources = _several(self.source)
        models = self.model if isinstance(self.model, list | tuple) else [self.model] * len(sources)
        return [
            Lesson(model, clean_source(source, dataset, held_out, notes, self.share_items))
            for model, source in zip(models, sources, strict=True)
        ]


class Residual(Strategy):
    """Learn what an estimate leaves over: target - estimate.

    Parameters
    ----------
    strategy : Strategy
        Learns the remainder.
    estimate : callable
        Gives the estimate of a `Dataset` or a sequence of items, shape (n,) or (n, t), from physics
        or from a model that has not seen the target.
    """

    def __init__(self, strategy: Strategy, estimate: Any) -> None:
        self.strategy = strategy
        self.estimate = estimate

    @property
    def transfers(self) -> bool:  # type: ignore[override]
        """A physical estimate is knowledge from elsewhere."""
        return True

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Residual:
        """Learn from the rows of `dataset`, with nothing that `held_out` forbids."""
        self.strategy_ = clone(self.strategy).fit(self._remainder(dataset), held_out=held_out)
        self.targets_, self.notes_ = self.strategy_.targets_, self.strategy_.notes_
        self.training_ = dataset
        return self

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """Those of the strategy that learns the remainder."""
        return self.strategy.lessons(self._remainder(dataset), held_out, notes)

    @property
    def model_(self) -> Any:
        """Refused: without the estimate, the model of the remainder answers another question.

        Raises
        ------
        IncompatibleError
            Always; `Predictor.of`, `Blend` and whatever else wants the model alone is told so.
        """
        raise IncompatibleError(
            "a residual strategy has no model of its own that could be saved or averaged, since "
            "its estimate is a function. Remedy: use the strategy of the remainder, and add the "
            "estimate to its predictions."
        )

    def predict(self, data: Any, return_std: bool = False) -> Any:
        """Estimate plus learned remainder."""
        estimate = np.asarray(self.estimate(data))
        if not return_std:
            return estimate + self.strategy_.predict(data)
        mean, std = self.strategy_.predict(data, return_std=True)
        return estimate + mean, std

    def embed(self, data: Any) -> np.ndarray:
        """The latent vectors of the remainder's model, shape (n, d)."""
        return self.strategy_.embed(data)

    def _remainder(self, dataset: Dataset) -> Dataset:
        left = dataset.targets - np.asarray(self.estimate(dataset)).reshape(len(dataset), -1)
        return replace(dataset, targets=left, _root=dataset.root)


def _check_same_targets(source: Dataset, target: Dataset) -> None:
    if list(source.targets) != list(target.targets):
        theirs, ours = (", ".join(part.targets.columns) for part in (source, target))
        raise IncompatibleError(
            f"{source.name} teaches {theirs}, which cannot be read as {ours}. "
            "Remedy: FineTune or FrozenEmbedding."
        )


def _several(source: Dataset | Sequence[Dataset]) -> Sequence[Dataset]:
    return [source] if isinstance(source, Dataset) else source


def _inputs(representation: Any, data: Any) -> Any:
    return (
        represent(representation, data)
        if isinstance(data, Dataset)
        else representation.transform(data)
    )


def _unknown_past(representation: Any) -> bool:
    """Whether a representation was learned on rows that nobody can name."""
    return bool(getattr(representation, "may_have_seen_test", False))
