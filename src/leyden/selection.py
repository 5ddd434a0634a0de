"""Choosing and blending strategies by evidence from the training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import nnls
from sklearn.base import clone

from leyden.cross_fitting import out_of_fold
from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import IncompatibleError
from leyden.models.average import Average
from leyden.paired import bootstrap_means
from leyden.source_networks import Lesson, labels
from leyden.splits import GroupKFold, KFold
from leyden.transfer import Strategy

__all__ = ["Best", "Blend", "Choice", "PerGroup"]


class Choice(Strategy):
    """Base of the strategies that choose one of several by inner validation.

    Attributes
    ----------
    choice_ : str
        Name of the chosen strategy.
    strategy_ : Strategy
        It, fitted on all training rows.
    """

    folds: int
    random_state: int

    def candidates(self) -> Mapping[str, Strategy]:
        """The strategies that can be chosen, by name."""
        raise NotImplementedError

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Choice:
        """Choose, and fit the choice on all rows of `dataset`."""
        self.choice_, self.evidence_ = self._choose(dataset, held_out or HeldOut())
        self.strategy_ = clone(self.candidates()[self.choice_]).fit(dataset, held_out=held_out)
        self.notes_ = {**self.strategy_.notes_, "choice": self.choice_}
        self.targets_, self.training_ = self.strategy_.targets_, dataset
        return self

    @property
    def model_(self) -> Any:
        """The model of the chosen strategy."""
        return self.strategy_.model_

    def predict(self, data: Any, return_std: bool = False) -> Any:
        """Predictions of the chosen strategy."""
        return self.strategy_.predict(data, return_std=return_std)

    def embed(self, data: Any) -> np.ndarray:
        """Latent vectors of the chosen strategy."""
        return self.strategy_.embed(data)

    def _choose(self, dataset: Dataset, held_out: HeldOut) -> tuple[str, Any]:
        """Name of the choice, and the evidence for it."""
        raise NotImplementedError

    def _errors(self, dataset: Dataset, held_out: HeldOut) -> dict[str, np.ndarray]:
        """Scaled absolute errors of each candidate, out of fold, shape (n,)."""
        truth = _scaled(dataset, dataset.targets.to_numpy(float))
        predictions = inner_predictions(
            self.candidates(), dataset, held_out, self.folds, self.random_state, self.group
        )
        return {
            name: np.nanmean(np.abs(_scaled(dataset, predicted) - truth), axis=1)
            for name, predicted in predictions.items()
        }


class Best(Choice):
    """The strategy that inner validation finds best, and no transfer without evidence for it.

    The best strategy that transfers replaces the best that does not (from scratch or classical)
    only if the 95 % interval of their paired gain in absolute error, over the training rows (drawn
    by group), lies above zero. The two were picked on the same rows, which flatters the gain of
    the one that transfers a little: score `Best` on rows of its own, as `evaluate` does.

    Parameters
    ----------
    strategies : mapping of str to Strategy
        At least one must not transfer: it is what `Best` falls back to.
    folds : int
        Inner folds, by formula or pair of ions where the items have one.
    random_state : int
        Seed of the inner folds.

    Attributes
    ----------
    choice_ : str
        Name of the chosen strategy.
    evidence_ : dict
        ``gain`` (mean difference of scaled absolute errors, fallback less transfer), ``low`` and
        ``high`` of its interval, and the two names.
    """

    def __init__(
        self, strategies: Mapping[str, Strategy], folds: int = 5, random_state: int = 0
    ) -> None:
        self.strategies = strategies
        self.folds = folds
        self.random_state = random_state

    def candidates(self) -> Mapping[str, Strategy]:
        """The strategies as they were given."""
        return self.strategies

    def _choose(self, dataset: Dataset, held_out: HeldOut) -> tuple[str, dict[str, Any]]:
        errors = self._errors(dataset, held_out)
        means = {name: float(error.mean()) for name, error in errors.items()}
        stay = min(
            (n for n, s in self.strategies.items() if not s.transfers), key=means.__getitem__
        )
        movers = [name for name, strategy in self.strategies.items() if strategy.transfers]
        if not movers:
            return stay, {"transfer": None, "fallback": stay}
        move = min(movers, key=means.__getitem__)
        gain, low, high = _paired_gain(
            errors[stay] - errors[move], labels(dataset), self.random_state
        )
        evidence = {"gain": gain, "low": low, "high": high, "transfer": move, "fallback": stay}
        return (move if low > 0 else stay), evidence


class Blend(Strategy):
    """The weighted mean of strategies, all fitted on the same rows.

    Parameters
    ----------
    strategies : mapping of str to Strategy
        What is blended.
    weights : {"equal", "stacked"}
        Equal, or non-negative least squares on inner out-of-fold predictions (Breiman, Machine
        Learning 24, 49 (1996)); stacking costs `folds` more fits of each strategy.
    folds, random_state : int
        Of the inner folds.
    """

    def __init__(
        self,
        strategies: Mapping[str, Strategy],
        weights: str = "equal",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.strategies = strategies
        self.weights = weights
        self.folds = folds
        self.random_state = random_state

    @property
    def transfers(self) -> bool:  # type: ignore[override]
        """Whether any of the strategies does."""
        return any(strategy.transfers for strategy in self.strategies.values())

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Average:
        weights = np.ones(len(self.strategies))
        if self.weights == "stacked":
            weights = self._stack(dataset, held_out)
        fitted = [
            clone(strategy).fit(dataset, held_out=held_out)
            for strategy, weight in zip(self.strategies.values(), weights, strict=True)
            if weight > 0
        ]
        self.weights_ = dict(zip(self.strategies, (weights / weights.sum()).tolist(), strict=True))
        for strategy in fitted:
            for note, value in strategy.notes_.items():
                self.notes_[note] = max(value, self.notes_.get(note, value))
        return Average([strategy.model_ for strategy in fitted], weights[weights > 0].tolist())

    def _stack(self, dataset: Dataset, held_out: HeldOut) -> np.ndarray:
        predictions = inner_predictions(
            self.strategies, dataset, held_out, self.folds, self.random_state
        )
        truth = _scaled(dataset, dataset.targets.to_numpy(float)).ravel()
        columns = np.stack([_scaled(dataset, p).ravel() for p in predictions.values()], axis=1)
        known = np.isfinite(truth)
        weights, _ = nnls(columns[known], truth[known])
        return weights if weights.sum() > 0 else np.ones(len(weights))


class PerGroup(Strategy):
    """A strategy of its own for every label of a group: one model a working ion.

    Parameters
    ----------
    group : str
        Group column, such as ``"working_ion"``.
    strategy : Strategy
        A clone is fitted on the rows of each label.
    others : mapping of str to Strategy, optional
        What some labels take instead.
    least : int
        Labels with fewer training rows are not learned; rows of theirs, and of labels that were
        never seen, have no prediction (NaN).
    """

    def __init__(
        self,
        group: str,
        strategy: Strategy,
        others: Mapping[str, Strategy] | None = None,
        least: int = 5,
    ) -> None:
        self.group = group
        self.strategy = strategy
        self.others = others
        self.least = least

    @property
    def transfers(self) -> bool:  # type: ignore[override]
        """As the strategy does."""
        return self.strategy.transfers

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> PerGroup:
        """Learn the rows of each label apart."""
        self.strategies_ = {
            label: clone(strategy).fit(rows, held_out=held_out)
            for label, (strategy, rows) in self._parts(dataset).items()
        }
        self.targets_ = tuple(dataset.targets.columns)
        self.notes_ = {}
        for strategy in self.strategies_.values():
            for note, value in strategy.notes_.items():
                self.notes_[note] = max(value, self.notes_.get(note, value))
        return self

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """Those of all labels."""
        return [
            lesson
            for strategy, rows in self._parts(dataset).values()
            for lesson in strategy.lessons(rows, held_out, notes)
        ]

    def predict(self, data: Dataset, return_std: bool = False) -> Any:
        """Predict a `Dataset`, each row by the model of its label."""
        mean = np.full(data.targets.shape, np.nan)
        std = mean.copy()
        labels = data.groups[self.group].to_numpy()
        for label, strategy in self.strategies_.items():
            mine = np.flatnonzero(labels == label)
            if len(mine):
                answer = strategy.predict(data.take(mine), return_std=True)
                mean[mine], std[mine] = (part.reshape(len(mine), -1) for part in answer)
        if mean.shape[1] == 1:
            mean, std = mean[:, 0], std[:, 0]
        return (mean, std) if return_std else mean

    @property
    def model_(self) -> Any:
        """Refused: there is one model a label.

        Raises
        ------
        IncompatibleError
            Always.
        """
        raise IncompatibleError(
            f"there is one model for each {self.group}. Remedy: fit the strategy on the rows of "
            "the one that you want to save."
        )

    def _parts(self, dataset: Dataset) -> dict[str, tuple[Strategy, Dataset]]:
        labels = dataset.groups[self.group].to_numpy()
        names, counts = np.unique(labels, return_counts=True)
        others = self.others or {}
        return {
            str(name): (others.get(name, self.strategy), dataset.take(labels == name))
            for name, count in zip(names, counts, strict=True)
            if count >= self.least
        }


def inner_predictions(
    strategies: Mapping[str, Strategy],
    dataset: Dataset,
    held_out: HeldOut,
    folds: int,
    random_state: int,
    group: str | None = None,
) -> dict[str, np.ndarray]:
    """Out-of-fold predictions of each strategy on the training rows, shape (n, t) each.

    The outer fold stays forbidden, and the inner test fold is forbidden too. Folds keep the labels
    of `inner_group` together. A missing prediction is scored as the mean of the rows.
    """
    group = inner_group(dataset, held_out, group)
    split: Any = (
        KFold(folds, random_state=random_state)
        if group is None
        else GroupKFold(group, folds, random_state=random_state)
    )
    mean = np.nanmean(dataset.targets.to_numpy(float), axis=0)
    found = {}
    for name, strategy in strategies.items():
        said = out_of_fold(strategy, dataset, split, held_out=held_out).prediction
        said = said.reshape(dataset.targets.shape)
        found[name] = np.where(np.isfinite(said), said, mean)
    return found


def inner_group(dataset: Dataset, held_out: HeldOut, group: str | None = None) -> str | None:
    """The group column that inner folds keep whole: this one, the outer split's, or the items'."""
    return group or next(iter(held_out.groups), dataset.item_group)


def _scaled(dataset: Dataset, values: np.ndarray) -> np.ndarray:
    """Values, shape (n, t), with the targets' mean and standard deviation as origin and unit."""
    truth = dataset.targets.to_numpy(float)
    spread = np.nanstd(truth, axis=0)
    return (values - np.nanmean(truth, axis=0)) / np.where(spread > 0, spread, 1.0)


def _paired_gain(
    difference: np.ndarray, groups: np.ndarray | None, seed: int, draws: int = 2000
) -> tuple[float, float, float]:
    """Mean of a paired difference, and its interval (95 %) by drawing groups with replacement."""
    code = (
        np.arange(len(difference)) if groups is None else np.unique(groups, return_inverse=True)[1]
    )
    sums, counts = np.bincount(code, difference), np.bincount(code).astype(float)
    means = bootstrap_means(sums[None, :, None], counts[:, None], draws, seed)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)
