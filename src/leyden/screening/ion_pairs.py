"""Screening of all pairs of a list of cations and a list of anions, by saved predictors.

A shard is a block of cations with all anions.  Its passing rows are kept in a Parquet file of their
own, and only their best, the Pareto front, are carried on: memory does not grow with the pairs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.ion_catalogue import ion_catalogue
from leyden.data.ions import AMBIENT_KPA, ROOM_K, IonPair, StatePoint, doubtful_pressure
from leyden.errors import InputError
from leyden.hashing import content_hash
from leyden.screening.ion_lists import checked_ions, read_ions
from leyden.screening.job import ShardResult
from leyden.screening.pair_blocks import PairGrid, conversions
from leyden.screening.pair_criteria import (
    DomainLimit,
    Objective,
    PairCriterion,
    PropertyLimit,
    pair_criterion,
)
from leyden.screening.pair_models import Packed, PairModel, RepresentedIons
from leyden.screening.pareto import pareto_front
from leyden.screening.tables import check_keys

__all__ = ["CATALOGUE", "IonPairJob", "pair_job_from_dict"]

CATALOGUE = "catalogue"

_VERSION = 1
"""Raised when the same job counts or ranks otherwise than before."""

_GRIDS: dict[str, PairGrid] = {}
"""The one that this process used last, by the fingerprint of its job."""


@dataclass(frozen=True, eq=False)
class IonPairJob:
    """A screening of every cation with every anion, one to one, of single charges.

    Attributes
    ----------
    ions : DataFrame, path, or sequence of these
        Lists with a column ``smiles`` (`leyden.screening.ion_lists.checked_ions`); ``"catalogue"``
        stands for `leyden.data.ion_catalogue.ion_catalogue`.
    models : sequence of Predictor or path
        One or more properties each, no property twice.
    criteria : sequence of PairCriterion
        In the order in which they are counted.  Default: none, every pair passes.
    objectives : sequence of Objective or str
        ``"max conductivity_mS_per_cm"``.  Of several, the Pareto front of the passing rows is the
        result; of one, the best `keep`; without any, the first `keep`.
    temperature_K, pressure_kPa : float
        State at which all properties are predicted.
    rows : {"passing", "all"}
        Which rows the shards keep; of all, a column ``passes`` tells the passing ones.
    keep : int
    pairs_a_shard : int
        About; a shard has at least one cation.
    checked : DataFrame
        Made of `ions`, a row an ion; ``error`` tells why one is not screened.

    Raises
    ------
    InputError
        No ions, no model of a property that is asked for, a model for other items, or a value that
        is refused.
    ArtefactError
        A file holds no predictor.
    """

    ions: Any
    models: Sequence[Any]
    criteria: Sequence[PairCriterion] = ()
    objectives: Sequence[Objective | str] = ()
    temperature_K: float = ROOM_K
    pressure_kPa: float = AMBIENT_KPA
    rows: str = "passing"
    keep: int = 1000
    pairs_a_shard: int = 16384

    checked: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check_values()
        names = [own.name for own in self.criteria] + list(map(str, self._objectives))
        if repeated := {name for name in names if names.count(name) > 1}:
            raise InputError("a criterion or objective is given twice", value=repeated.pop())
        lists = self.ions if isinstance(self.ions, list | tuple) else [self.ions]
        given = [_named(own, number) for number, own in enumerate(lists, start=1)]
        for name, value in {
            "ions": tuple(name for name, _ in given),
            "checked": checked_ions(given),
            "models": tuple(map(PairModel.of, self.models)),
            "criteria": tuple(self.criteria),
            "objectives": self._objectives,
        }.items():
            object.__setattr__(self, name, value)
        self._check_models()  # what is wrong is said here, not on a worker
        grid = self._new_grid()
        self.checked.loc[list(grid.refused), "error"] = list(grid.refused.values())
        _GRIDS[self.fingerprint()] = grid

    def _check_values(self) -> None:
        for name in ("temperature_K", "pressure_kPa"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise InputError(f"{name} is a number", value=value)
        StatePoint(IonPair("[NH4+]", "[Cl-]"), self.temperature_K, self.pressure_kPa)
        if self.rows not in ("passing", "all"):
            raise InputError("rows are 'passing' or 'all'", value=self.rows)
        for name in ("keep", "pairs_a_shard"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{name} must be at least 1, and whole", value=value)

    def _check_models(self) -> None:
        """Every model can tell what the criteria ask of it."""
        shown = conversions(self.models, self._asked)
        for own in self.criteria:
            for model, targets in zip(self.models, shown, strict=True):
                names = [name for target in targets for name, _ in target]
                if own.target not in (None, *names):
                    continue
                if isinstance(own, DomainLimit) and model.domain is None:
                    raise InputError(
                        f"{model.name} cannot tell what it knows of ions",
                        value=own.name,
                        remedy="save it by Predictor.of(strategy, pair_splits())",
                    )
                if isinstance(own, PropertyLimit) and own.confident and not model.calibrated:
                    raise InputError(
                        f"{model.name} has no intervals, which a confident criterion needs",
                        value=own.name,
                        remedy="save it by Predictor.of(strategy, pair_splits())",
                    )

    def __getstate__(self) -> dict[str, Any]:
        """The fields, and the ions as the representations see them: no worker makes them anew."""
        return {name.name: getattr(self, name.name) for name in fields(self)} | {
            "_packed": self._packed
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)

    # The protocol of the engine (`leyden.screening.job.Job`)

    def fingerprint(self) -> str:
        """Hash of everything that decides the result; models and ions count by content."""
        ions = self.checked[self.checked["error"] == ""]
        return content_hash(
            "IonPairJob",
            _VERSION,
            [model.sha256 for model in self.models],
            ions[["smiles", "inchikey"]].to_numpy().tolist(),
            [own.to_dict() for own in self.criteria],
            list(map(str, self.objectives)),
            [self.temperature_K, self.pressure_kPa, self.rows, self.keep, self.pairs_a_shard],
        )

    def shards(self) -> int:
        """Number of shards, each of some cations."""
        return -(-len(self._grid.cations) // self._step)

    def candidates(self, shard: int) -> int:
        """Number of pairs in a shard."""
        first, stop = self._span(shard)
        return (stop - first) * len(self._grid.anions)

    def run(self, shard: int) -> ShardResult:
        """Predict the pairs of a shard, and leave out those that do not pass."""
        rows = self._grid.rows(*self._span(shard))
        passes = np.isfinite(rows[self._grid.properties].to_numpy(float)).all(axis=1)
        counts = {"pairs": len(rows), "predicted": int(passes.sum())}
        for own in self.criteria:
            passes &= own.holds(rows)
            counts[own.name] = int(passes.sum())
        if self.rows == "all":
            return ShardResult(counts, rows.assign(passes=passes))
        return ShardResult(counts, rows[passes].reset_index(drop=True))

    def merge(self, a: ShardResult, b: ShardResult) -> ShardResult:
        """Sum of the counts, and all rows of both."""
        dtypes = self._grid.dtypes  # rows read from a file may have other categories
        rows = pd.concat([own.rows.astype(dtypes) for own in (a, b)], ignore_index=True)
        return ShardResult({name: count + b.counts[name] for name, count in a.counts.items()}, rows)

    def reduce(self, result: ShardResult) -> ShardResult:
        """Only the best rows: the Pareto front, the best of one objective, or the first."""
        rows = result.rows
        if "passes" in rows:
            rows = rows[rows["passes"]]
        costs = np.empty((len(rows), len(self._objectives)))
        for place, own in enumerate(self._objectives):
            costs[:, place] = own.costs(rows)
        if costs.shape[1] > 1:
            front = pareto_front(costs)
            rows, costs = rows.iloc[front], costs[front]
        order = np.lexsort((rows["key"], *costs.T[::-1]))
        if costs.shape[1] < 2:
            order = order[: self.keep]
        return ShardResult(result.counts, rows.iloc[order].reset_index(drop=True))

    def finish(self, result: ShardResult) -> ShardResult:
        """The best rows pass, all of them."""
        return ShardResult(result.counts, result.rows.drop(columns="passes", errors="ignore"))

    def run_all(self) -> ShardResult:
        """The whole grid in this process, without files; `leyden.screening.run` keeps the rows."""
        merged = self.reduce(self.run(0))
        for shard in range(1, self.shards()):
            merged = self.reduce(self.merge(merged, self.run(shard)))
        return self.finish(merged)

    # Descriptions

    def to_dict(self) -> dict[str, Any]:
        """The job in plain values, as TOML and JSON hold them (`pair_job_from_dict`)."""
        return {
            "ions": list(self.ions),
            "models": [
                {"file": model.file, "sha256": model.sha256} if model.file else model.sha256
                for model in self.models
            ],
            "criteria": [own.to_dict() for own in self.criteria],
            "objectives": list(map(str, self.objectives)),
            "temperature_K": self.temperature_K,
            "pressure_kPa": self.pressure_kPa,
            "rows": self.rows,
            "keep": self.keep,
            "pairs_a_shard": self.pairs_a_shard,
        }

    def remarks(self) -> list[str]:
        """What a reader should know before the numbers; sentences."""
        grid, left_out = self._grid, int((self.checked["error"] != "").sum())
        told = [
            f"{len(grid.cations):,} cations with {len(grid.anions):,} anions: "
            f"{len(grid.cations) * len(grid.anions):,} pairs"
        ]
        if left_out:
            told.append(f"{left_out:,} of {len(self.checked):,} ions are not screened")
        if doubt := doubtful_pressure([self.pressure_kPa]):
            told.append(doubt)
        told += [f"{model.name} has no intervals" for model in self.models if not model.calibrated]
        return told

    # What is made once

    @property
    def _objectives(self) -> tuple[Objective, ...]:
        return tuple(Objective.of(own) if isinstance(own, str) else own for own in self.objectives)

    @property
    def _asked(self) -> list[str]:
        """Properties that are named, in their units."""
        named = [own.target for own in (*self.criteria, *self._objectives)]
        return [name for name in named if name is not None]

    @cached_property
    def _grid(self) -> PairGrid:
        key = self.fingerprint()
        if key not in _GRIDS:  # on a worker, which gets the job anew with every chunk
            _GRIDS.clear()
            _GRIDS[key] = self._new_grid()
        return _GRIDS[key]

    @cached_property
    def _packed(self) -> list[Packed]:
        """Most of a fingerprint is empty: packed, thousands of ions are a few megabytes."""
        return [ions.packed() for ions in self._grid.represented]

    def _new_grid(self) -> PairGrid:
        packed = self.__dict__.get("_packed")  # of another process
        represented = None if packed is None else list(map(RepresentedIons.unpacked, packed))
        state = self.temperature_K, self.pressure_kPa
        return PairGrid(self.checked, self.models, self._asked, *state, represented)

    @property
    def _step(self) -> int:
        """Cations of a shard."""
        return max(1, self.pairs_a_shard // len(self._grid.anions))

    def _span(self, shard: int) -> tuple[int, int]:
        if not 0 <= shard < self.shards():
            raise InputError(f"shards are numbered from 0 to {self.shards() - 1}", value=shard)
        return shard * self._step, min((shard + 1) * self._step, len(self._grid.cations))


def pair_job_from_dict(plain: Mapping[str, Any]) -> IonPairJob:
    """The job of a table.

    Parameters
    ----------
    plain : mapping
        The fields of an `IonPairJob`: ``ions`` and ``models``, lists of files; and, as wanted,
        ``criteria`` (`leyden.screening.pair_criteria.pair_criterion`), ``objectives`` and the rest.

    Raises
    ------
    InputError
        A key that is not known, or a value that is refused.
    """
    check_keys(plain, [own.name for own in fields(IonPairJob) if own.init], "a screening of pairs")
    for key in ("ions", "models"):
        if key not in plain:
            raise InputError(f"a screening of pairs needs {key}", remedy=f"{key} = ['FILE', ...]")
    for key in ("ions", "models", "criteria", "objectives"):
        if not isinstance(plain.get(key, []), list | tuple):
            raise InputError(f"{key} are a list", value=plain[key])
    return IonPairJob(**{**plain, "criteria": list(map(pair_criterion, plain.get("criteria", [])))})


def _named(ions: Any, number: int) -> tuple[str, pd.DataFrame]:
    """A list of ions and what it is called."""
    if isinstance(ions, pd.DataFrame):
        return f"list {number}", ions
    if ions == CATALOGUE:
        return CATALOGUE, ion_catalogue()
    if isinstance(ions, str | os.PathLike):
        return os.path.abspath(ions), read_ions(ions)
    raise InputError("ions are a table or a file", value=ions)
