"""Which source, or which chain of sources, helps a target, and which harms it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from leyden.chains import Chain, Step
from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import InputError
from leyden.paired import bootstrap_means
from leyden.selection import Choice, inner_group
from leyden.source_networks import Lesson, labels
from leyden.transfer import FineTune, FromScratch, Strategy

__all__ = ["SCRATCH", "SourceSearch", "simultaneous_gains"]

SCRATCH = "from scratch"
"""Name of the path without a source."""

_ARROW = " -> "


class SourceSearch(Choice):
    """The path of sources that inner validation finds best, if there is evidence that it helps.

    Every source alone and every ordered chain of different sources is compared with the network
    from scratch, on the same inner folds of the training rows. The best of those that help is taken
    and learned on all rows; where none helps, the network from scratch is.

    Parameters
    ----------
    model : NetworkModel
        Its own settings are those of a first source.
    sources : mapping of str to Dataset or Step
        The plentiful data, by a short name. A `Step` is learned as it says wherever it stands; a
        dataset with the settings of `model` where it stands first, and else as the target is.
    settings : mapping, optional
        Constructor parameters of the model that differ on the target, with and without transfer.
    train : {"all", "head"} or sequence of str
        Which parameters move on the target, as for `FineTune`.
    longest : int
        Sources in a chain at most.
    share_items : bool
        As for `FineTune`.
    group : str, optional
        Group column that inner folds keep whole, and by which rows are drawn for the intervals;
        default: that of the outer split, else formulas or pairs of ions.
    folds : int
        Inner folds.
    level : float
        Of the intervals, all together.
    random_state : int
        Seed of the inner folds and of the bootstrap.

    Attributes
    ----------
    evidence_ : DataFrame
        A row a path, the best first: ``path``; ``error``, the mean absolute error out of fold;
        ``gain``, that of the network from scratch less it, paired; ``low`` and ``high`` of its
        interval; and ``verdict``, ``"helps"`` where the interval lies above 0, ``"harms"``
        (negative transfer) where it lies below, else ``"no evidence"``. In the unit of the target,
        or, of several, in standard deviations.
    choice_ : str
        The path taken, such as ``"ionic liquids -> melting"``, or ``"from scratch"``.

    Notes
    -----
    The best of many paths looks better than it is. The intervals hold for all paths at once
    (`simultaneous_gains`), so that luck among many is not taken for help; the gain of the chosen
    path is still flattered, and is to be measured on rows of its own, as `evaluate` does. Intervals
    know of the rows that were drawn, not of the seeds of the networks.

    Of k sources, chains of two at most take (1 + k + k(k - 1)) target networks an inner fold, and
    the networks of the sources, anew in each fold only where they lose rows to it.
    """

    def __init__(
        self,
        model: Any,
        sources: Mapping[str, Dataset | Step],
        settings: Mapping[str, Any] | None = None,
        train: str | Sequence[str] = "all",
        longest: int = 2,
        share_items: bool = True,
        group: str | None = None,
        folds: int = 5,
        level: float = 0.95,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.sources = sources
        self.settings = settings
        self.train = train
        self.longest = longest
        self.share_items = share_items
        self.group = group
        self.folds = folds
        self.level = level
        self.random_state = random_state

    def candidates(self) -> dict[str, Strategy]:
        """The network from scratch, and a `FineTune` a path, by name.

        Raises
        ------
        InputError
            No source, one with the name of the path without, or no length.
        """
        if not self.sources or self.longest < 1 or SCRATCH in self.sources:
            raise InputError(
                f"a search is for chains of one or more sources, none of them called {SCRATCH!r}",
                value=(list(self.sources), self.longest),
            )
        scratch = clone(self.model).set_params(**(self.settings or {}))
        arms: dict[str, Strategy] = {SCRATCH: FromScratch(scratch, self.group)}
        for length in range(1, min(self.longest, len(self.sources)) + 1):
            for path in itertools.permutations(self.sources, length):
                arms[_ARROW.join(path)] = FineTune(
                    self.model,
                    Chain([self._step(name, place) for place, name in enumerate(path)]),
                    train=self.train,
                    settings=self.settings,
                    share_items=self.share_items,
                )
        return arms

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """Those of all paths on all rows: inner folds share what loses no rows to them."""
        arms = self.candidates().values()
        return [lesson for arm in arms for lesson in arm.lessons(dataset, held_out, {})]

    def _step(self, name: str, place: int) -> Step:
        source = self.sources[name]
        if isinstance(source, Step):
            return source
        return Step(source, self.settings or {}, self.train) if place else Step(source)

    def _choose(self, dataset: Dataset, held_out: HeldOut) -> tuple[str, pd.DataFrame]:
        errors = self._errors(dataset, held_out)
        if dataset.targets.shape[1] == 1:
            unit = float(np.nanstd(dataset.y)) or 1.0
            errors = {path: error * unit for path, error in errors.items()}
        group = inner_group(dataset, held_out, self.group)
        evidence = simultaneous_gains(
            errors,
            None if group is None else labels(dataset, group),
            level=self.level,
            random_state=self.random_state,
        )
        helpful = evidence.loc[evidence["verdict"] == "helps", "path"]
        return (SCRATCH if helpful.empty else str(helpful.iloc[0])), evidence


def simultaneous_gains(
    errors: Mapping[str, np.ndarray],
    groups: np.ndarray | None = None,
    level: float = 0.95,
    draws: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Paired gains of several paths over the first, with intervals that hold for all at once.

    Whole groups of rows are drawn with replacement. The half-width of each interval is its standard
    error times one factor for all: the `level` quantile of the greatest studentised deviation of
    any path (the maximum statistic of Romano & Wolf, Econometrica 73, 1237 (2005), in one step).
    Unlike Bonferroni's it is not wider than need be where paths err alike, as chains do that end in
    the same source.

    Parameters
    ----------
    errors : mapping of str to array, shape (n,)
        Absolute errors of each path on the same rows; the first is what the others are compared
        with.
    groups : array, shape (n,), optional
        Rows of one label are no independent witnesses; default: each row by itself.
    level : float
        Chance that all intervals hold their gain.
    draws : int
        Of the bootstrap.
    random_state : int
        Its seed.

    Returns
    -------
    DataFrame
        As `SourceSearch.evidence_`. The gain of the first over itself is 0.
    """
    names = list(errors)
    gains = errors[names[0]] - np.stack(list(errors.values()))
    rows = gains.shape[1]
    code = np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = np.stack([np.bincount(code, gain) for gain in gains])[:, :, None]
    counts = np.bincount(code).astype(float)[:, None]
    drawn = bootstrap_means(sums, counts, draws, random_state)[:, :, 0]
    mean, error = gains.mean(axis=1), drawn.std(axis=1)
    deviation = np.abs(drawn - mean[:, None]) / np.where(error > 0, error, 1.0)[:, None]
    half = np.quantile(deviation.max(axis=0), level) * error
    low, high = mean - half, mean + half
    table = pd.DataFrame(
        {
            "path": names,
            "error": [float(error.mean()) for error in errors.values()],
            "gain": mean,
            "low": low,
            "high": high,
            "verdict": np.select([low > 0, high < 0], ["helps", "harms"], "no evidence"),
        }
    )
    return table.sort_values("error", kind="stable", ignore_index=True)
