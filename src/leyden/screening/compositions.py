"""Screening of compositions by the billion: a job of shards for the engine, or run at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from numbers import Integral
from typing import Any

import numba
import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.hashing import content_hash
from leyden.screening import kernel
from leyden.screening.counts import fractions, named_counts
from leyden.screening.criteria import (
    Criterion,
    KernelCriterion,
    ModelBound,
    Neutral,
    ScoreAbove,
    Scored,
    SimpleCriterion,
    parts_of,
)
from leyden.screening.criterion_kinds import criterion, table_of
from leyden.screening.job import ShardResult
from leyden.screening.kept_rows import kept_rows
from leyden.screening.model_criteria import apply_models, pinned
from leyden.screening.plan import Groups, make_groups, make_plan
from leyden.screening.remarks import remarks
from leyden.screening.scores import ElementScore
from leyden.screening.space import MOST_OTHERS, CompositionSpace
from leyden.screening.tables import check_keys, made

__all__ = ["CompositionJob", "fractions", "job_from_dict"]

_VERSION = 1
"""Raised when the same job counts or ranks otherwise than before."""

_BLOCKS_A_THREAD = 4
_MOST_KEPT = 10_000_000


@dataclass(frozen=True, eq=False)
class CompositionJob:
    """A screening of all compositions of a space.

    Attributes
    ----------
    criteria : sequence of Criterion
        In the order in which they are counted.  Those of models stand last: they apply to the rows
        that are kept (`finish`).
    score : ElementScore, optional
        Ranks the candidates; one without a score is counted, and never kept.  Without a score the
        lowest keys are kept.
    space : CompositionSpace
    keep : int
        How many of the best candidates that pass all criteria are kept.
    keep_per_system : int, optional
        At most so many of them hold the same elements.  Without it the best are neighbours of one
        another, in steps of a part; 1 keeps the best of each chemical system.
    pieces : int
        Shards, about equal in work.
    counts : {"all", "funnel"}
        Whether what is good, what is neutral, and what is both, is counted apart from the order of
        the criteria.  Without it, elements that an early criterion excludes cost nothing.
    threads : int, optional
        Threads of one shard.  Default: those that numba takes (``NUMBA_NUM_THREADS``).

    Raises
    ------
    InputError
        No criteria, two of one name, a criterion without what it needs, or one that no candidate
        can pass since it excludes the anchor.

    Examples
    --------
    >>> from leyden.screening import CompositionSpace, Neutral, molar_mass
    >>> space = CompositionSpace(elements=("O", "P", "S"), parts=20)
    >>> job = CompositionJob([Neutral(), molar_mass(20.0)], space=space)
    >>> result = job.run_all()
    >>> result.counts
    {'total': 1482, 'neutral': 127, 'after neutral': 127, 'after molar_mass_g_per_mol': 77}
    >>> result.rows["oxidation_states"][0]
    'Li+1 P-3 O-2'
    """

    criteria: Sequence[Criterion]
    score: ElementScore | None = None
    space: CompositionSpace = field(default_factory=CompositionSpace)
    keep: int = 1000
    pieces: int = 128
    counts: str = "all"
    threads: int | None = None
    keep_per_system: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "criteria", tuple(self.criteria))
        if all(isinstance(criterion, ModelBound) for criterion in self.criteria):
            raise InputError(
                "a screening needs at least one criterion, those of models apart",
                remedy="criteria = ['neutral']",
            )
        names = [criterion.name for criterion in self.criteria]
        for name in names:
            if names.count(name) > 1:
                raise InputError("two criteria have the same name", value=name)
        for kind in (ScoreAbove, Neutral):
            if sum(isinstance(c, kind) for c in self.criteria) > 1:
                raise InputError("a screening has one threshold and one neutrality", value=names)
        scoring = [c.name for c in self.criteria if isinstance(c, ScoreAbove | Scored)]
        if self.score is None and scoring:
            raise InputError("a criterion of the score needs a score", value=scoring)
        modelled = [isinstance(c, ModelBound) for c in self.criteria]
        if modelled != sorted(modelled):
            raise InputError(
                "criteria of models stand last: they apply to the rows that are kept", value=names
            )
        for name in ("keep", "pieces", "threads", "keep_per_system"):
            value = getattr(self, name)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if value is not None and not (whole and value >= 1):
                raise InputError(f"{name} must be at least 1, and whole", value=value)
        if self.keep > _MOST_KEPT:
            raise InputError(
                f"at most {_MOST_KEPT:,} candidates are kept, which memory must hold",
                value=self.keep,
                remedy="keep fewer, or add a criterion",
            )
        if self.counts not in ("all", "funnel"):
            raise InputError("counts are 'all' or 'funnel'", value=self.counts)
        _ = self._groups, self._plan  # what is wrong is said here, not on a worker
        pinned_ = [pinned(c) if isinstance(c, ModelBound) else c for c in self.criteria]
        object.__setattr__(self, "criteria", tuple(pinned_))

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)

    # The protocol of the engine (`leyden.screening.job.Job`)

    def fingerprint(self) -> str:
        """Hash of everything that decides the result; models count by content, not by place."""
        parts = {key: value for key, value in self.__getstate__().items() if key != "threads"}
        parts["criteria"] = [
            replace(c, model="") if isinstance(c, ModelBound) else c for c in self.criteria
        ]
        return content_hash("CompositionJob", _VERSION, parts)

    def shards(self) -> int:
        """Number of shards; at most one a choice of elements."""
        return len(self._cuts) - 1

    def candidates(self, shard: int) -> int:
        """Number of candidates in a shard."""
        return int(self._divisions[self._span(shard)].sum())

    def run(self, shard: int) -> ShardResult:
        """Count and rank the candidates of a shard, on all its threads."""
        span = self._span(shard)
        threads = self.threads or numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        blocks = self._blocks(span, threads * _BLOCKS_A_THREAD if threads > 1 else 1)
        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                scanned = list(pool.map(self._scan, blocks))
        else:
            scanned = [self._scan(block) for block in blocks]
        counted, scores, keys = map(list, zip(*scanned, strict=True))
        return ShardResult(
            named_counts(
                self._criteria,
                self.score is not None,
                self.counts == "all",
                self._divisions[span],
                self._groups.scored[span],
                np.sum(counted, axis=0),
            ),
            self._rows(np.concatenate(scores), np.concatenate(keys)),
        )

    def merge(self, a: ShardResult, b: ShardResult) -> ShardResult:
        """Sum of the counts, and the best rows of both."""
        rows = pd.concat([r for r in (a.rows, b.rows) if len(r)] or [a.rows], ignore_index=True)
        order = np.lexsort((rows["key"], -rows["score"]))[: self.keep]
        counts = {name: count + b.counts[name] for name, count in a.counts.items()}
        return ShardResult(counts, rows.iloc[order].reset_index(drop=True))

    def finish(self, result: ShardResult) -> ShardResult:
        """Apply the criteria of models to the rows that are kept (`apply_models`)."""
        models = [c for c in self.criteria if isinstance(c, ModelBound)]
        if not models:
            return result
        rows, counts = apply_models(result.rows, models)
        return ShardResult({**result.counts, **counts}, rows)

    def run_all(self) -> ShardResult:
        """The whole space in this process, finished; `leyden.screening.run` can be resumed."""
        results = map(self.run, range(self.shards()))
        merged = next(results)
        for result in results:
            merged = self.merge(merged, result)
        return self.finish(merged)

    # Descriptions

    def to_dict(self) -> dict[str, Any]:
        """The job in plain values, as TOML and JSON hold them (`job_from_dict`)."""
        plain: dict[str, Any] = {
            "criteria": [table_of(criterion) for criterion in self.criteria],
            "space": {
                "anchor": self.space.anchor,
                "elements": list(self.space.elements),
                "parts": self.space.parts,
                "others": list(self.space.others),
            },
            "keep": self.keep,
            "pieces": self.pieces,
            "counts": self.counts,
        }
        if self.keep_per_system is not None:
            plain["keep_per_system"] = self.keep_per_system
        if self.score is not None:
            plain["score"] = self.score.to_dict()
        return plain

    def remarks(self) -> list[str]:
        """What a reader should know before the numbers; sentences."""
        return remarks(self.space, self.score, self.criteria, self.keep)

    def explain(self, composition: str | Mapping[str, float]) -> pd.DataFrame:
        """Which criteria one candidate passes.

        Parameters
        ----------
        composition : str or mapping of str to float
            A formula, or atomic fractions by element (`CompositionSpace.amounts`).

        Returns
        -------
        DataFrame
            ``criterion`` and ``passes``, a row a criterion; those of models are left out.
        """
        amounts = self.space.amounts(composition)
        said = [(own.name, own.holds(amounts, self.score)) for own in self._criteria]
        return pd.DataFrame(said, columns=["criterion", "passes"])

    # What is made once

    @cached_property
    def _criteria(self) -> list[KernelCriterion]:
        """Those that the kernel understands."""
        return [own for own in self.criteria if not isinstance(own, ModelBound)]

    @cached_property
    def _parts(self) -> list[SimpleCriterion]:
        """What they come to, one limit each."""
        return [part for own in self._criteria for part in parts_of(own)]

    @cached_property
    def _plan(self) -> kernel.Plan:
        return make_plan(self.space, self.score, self._parts, self.counts == "all")

    @cached_property
    def _groups(self) -> Groups:
        return make_groups(self.space, self.score, self._parts)

    @cached_property
    def _others(self) -> np.ndarray:
        """How many others each choice of elements holds."""
        return (self._groups.numbers > 0).sum(axis=1)

    @cached_property
    def _divisions(self) -> np.ndarray:
        """Candidates of each choice of elements."""
        table = np.array([self.space.divisions(others) for others in range(MOST_OTHERS + 1)])
        return table[self._others]

    @cached_property
    def _rays(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {others: self.space.rays(others) for others in self.space.others}

    @cached_property
    def _grids(self) -> dict[int, tuple[np.ndarray, ...]]:
        """What only a score with standard deviations needs."""
        if not len(self._plan.spread):
            return dict.fromkeys(self.space.others, (np.empty(0, np.float32),) * 3)
        return {others: self.space.grid(others) for others in self.space.others}

    @cached_property
    def _cuts(self) -> np.ndarray:
        """Ends of shards among the choices of elements, about equal in candidates."""
        done = np.cumsum(self._divisions)
        wanted = done[-1] * np.arange(1, self.pieces) // self.pieces
        cuts = np.searchsorted(done, wanted, side="right")
        return np.unique(np.concatenate([[0], cuts, [len(done)]]))

    # A shard

    def _span(self, shard: int) -> slice:
        if not 0 <= shard < self.shards():
            raise InputError(f"shards are numbered from 0 to {self.shards() - 1}", value=shard)
        return slice(int(self._cuts[shard]), int(self._cuts[shard + 1]))

    def _blocks(self, span: slice, wanted: int) -> list[slice]:
        """Parts of a span for the threads, each of one number of others."""
        places = np.arange(span.start, span.stop)
        ends = np.flatnonzero(np.diff(self._others[span])) + 1
        parts = [p for run in np.split(places, ends) for p in np.array_split(run, wanted)]
        return [slice(int(p[0]), int(p[-1]) + 1) for p in parts if len(p)]

    def _scan(self, block: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        groups, others = self._groups, int(self._others[block.start])
        keep = min(self.keep, int(self._divisions[block].sum()))
        return kernel.scan(
            self._plan,
            self._rays[others],
            self._grids[others],
            groups.numbers[block],
            groups.signatures[block],
            groups.scored[block],
            groups.stops[block],
            keep,
            self.keep_per_system or keep,
        )

    def _rows(self, scores: np.ndarray, keys: np.ndarray) -> pd.DataFrame:
        best = np.lexsort((keys, -scores))[: self.keep]
        known = None if self.score is None else scores[best]
        return kept_rows(self.space, self._criteria, known, keys[best])


def job_from_dict(plain: Mapping[str, Any]) -> CompositionJob:
    """The job of a table.

    Parameters
    ----------
    plain : mapping
        ``criteria``, a list of tables (`leyden.screening.criterion_kinds.criterion`); and, as
        wanted, ``score`` (`ElementScore.from_dict`, or a file that holds it), ``space``, ``keep``,
        ``pieces``, ``counts``, ``threads``.

    Raises
    ------
    InputError
        A key that is not known, or a value that is refused.
    """
    check_keys(plain, _keys(CompositionJob), "a screening")
    values = dict(plain)
    listed = values.get("criteria", [])
    if not isinstance(listed, list | tuple):
        raise InputError("criteria are a list", value=listed, remedy="criteria = ['neutral']")
    values["criteria"] = [criterion(table) for table in listed]
    if "space" in values:
        check_keys(values["space"], _keys(CompositionSpace), "[space]")
        values["space"] = made(CompositionSpace, values["space"], "[space]")
    score = values.get("score")
    if isinstance(score, str | os.PathLike):
        values["score"] = ElementScore.load(score)
    elif score is not None:
        values["score"] = ElementScore.from_dict(score)
    return CompositionJob(**values)


def _keys(cls: type) -> list[str]:
    return [field.name for field in fields(cls)]
