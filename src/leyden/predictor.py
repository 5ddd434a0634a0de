"""The predictor: everything that a prediction needs, saved and loaded as one file."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import pandas as pd

from leyden import artefact
from leyden.conformal import ConformalIntervals, IntervalsByCategory
from leyden.cross_fitting import out_of_fold
from leyden.data.dataset import Dataset
from leyden.data.materials import parse_any_crystal, parse_crystal
from leyden.errors import ArtefactError, IncompatibleError, InputError
from leyden.in_domain import InDomain
from leyden.ion_domain import IonDomain, calibrated_by_domain
from leyden.representations import reads_disorder, represent_rows
from leyden.splits import Split

__all__ = ["Predictor"]


class Row(Protocol):
    """What a stream brings (see `leyden.data.readers`): an item, or why there is none."""

    @property
    def id(self) -> str:
        """Name of the row."""

    @property
    def item(self) -> Any:
        """The item, or None."""

    @property
    def error(self) -> str | None:
        """Filled where the row could not be read."""


class _Given(NamedTuple):
    id: str
    item: Any
    error: str | None


@dataclass(frozen=True, eq=False)
class Predictor:
    """A fitted model with its representation, its units, its calibration and where it came from.

    Attributes
    ----------
    representation : Representation
        Turns items into what the model reads.
    model : Model
        Fitted.
    targets : tuple of str
        Names of what is predicted; each carries its unit (``"average_voltage_V"``).
    calibration : ConformalIntervals or IntervalsByCategory, optional
        Without it the bounds are NaN.
    in_domain : InDomain or IonDomain, optional
        Without it the percentile is NaN and no neighbours are named.  By categories go only the
        bounds of a predictor with an `IonDomain`, which tells them.
    fingerprint : str
        SHA-256 of the training data (`Dataset.fingerprint`).
    notes : dict
        What a reader should know: rows, sources, recipe.

    Examples
    --------
    >>> predictor = Predictor.load("moduli.leyden")  # doctest: +SKIP
    >>> predictor.predict([structure])  # doctest: +SKIP
    """

    kind: ClassVar[str] = "predictor"

    representation: Any
    model: Any
    targets: tuple[str, ...]
    calibration: Any = None
    in_domain: Any = None
    fingerprint: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        strategy: Any,
        split: Split | Sequence[Split] | None = None,
        level: float = 0.9,
        notes: Mapping[str, Any] | None = None,
    ) -> Predictor:
        """The predictor of a fitted strategy.

        Parameters
        ----------
        strategy : Strategy
            Fitted on the rows that it will answer for.
        split : Split or sequence of Split, optional
            One repeat; a copy of the strategy is fitted in each fold to calibrate the intervals.
            Without it there are no intervals, and none where the targets are classes, 0 and 1: what
            is predicted then is a probability.  Several (`leyden.ion_domain.pair_splits`) are for
            ion pairs: intervals then go by what is known of a pair, and `in_domain` tells it.
        level : float
            Wanted coverage of the intervals.
        notes : mapping, optional
            Kept beside those of the strategy.
        """
        dataset, model = strategy.training_, strategy.model_
        calibration: Any = None
        in_domain: Any = None
        several = split is not None and not isinstance(split, Split)
        if split is not None and not np.isin(dataset.y, (0, 1)).all():
            known = bool(np.isfinite(predict_with_std(strategy, dataset)[1]).all())
            if isinstance(split, Split):
                tested = out_of_fold(strategy, dataset, split, return_std=known)
                calibration = ConformalIntervals(level)
                calibration.fit(dataset.y, tested.prediction, tested.std, tested.fold)
            else:
                calibration = calibrated_by_domain(strategy, dataset, split, level, known)
        if several:
            in_domain = IonDomain.of(dataset.items)
        elif len(dataset) > 1:
            in_domain = InDomain().fit(strategy.embed(dataset), dataset.ids)
        return cls(
            model.representation,
            model,
            tuple(dataset.targets.columns),
            calibration,
            in_domain,
            dataset.fingerprint(),
            {"dataset": dataset.name, "rows": len(dataset), **strategy.notes_, **(notes or {})},
        )

    def predict(
        self,
        items: Any,
        ids: Sequence[str] | None = None,
        errors: str = "record",
        chunk: int = 256,
    ) -> pd.DataFrame:
        """Predict items, one row each, in their order.

        Parameters
        ----------
        items : sequence of items, or Dataset
            What the representation takes; pymatgen structures, ASE atoms, CIF text and paths are
            converted. Sites may be shared or partly empty if the representation reads such.
        ids : sequence of str, optional
            Default: the dataset's ids, or 1, 2, 3, ...
        errors : {"record", "raise"}
            Whether a bad item becomes a row whose `error` is filled, or raises.
        chunk : int
            Items that are represented and predicted at a time.

        Returns
        -------
        DataFrame
            ``id``; for each target t ``t``, ``t_std``, ``t_lower``, ``t_upper`` in its unit;
            ``in_domain_percentile`` (0 to 100, 100: farther from the training data than any of
            it) and ``nearest_training_ids`` (joined by "; "), or, of an `IonDomain`, ``domain``
            (`leyden.ion_domain.CATEGORIES`); ``error``.  ``attrs["level"]`` is the level of the
            interval.

        Raises
        ------
        InputError
            A bad item, with ``errors="raise"``.
        """
        if isinstance(items, Dataset):
            items, ids = items.items, items.ids.tolist() if ids is None else ids
        if ids is not None and len(ids) != len(items):
            raise IncompatibleError(f"{len(ids)} ids for {len(items)} items")
        if errors not in {"record", "raise"}:
            raise InputError("errors must be 'record' or 'raise'", value=errors)
        names = ids if ids is not None else (str(i + 1) for i in range(len(items)))
        parse = parse_any_crystal if reads_disorder(self.representation) else parse_crystal
        rows = (_row(name, item, parse) for name, item in zip(names, items, strict=True))
        tables = []
        for table in self.predict_stream(rows, chunk=chunk):
            bad = table[table["error"] != ""]
            if errors == "raise" and len(bad):
                raise InputError(bad["error"].iloc[0], row=bad["id"].iloc[0])
            tables.append(table)
        whole = pd.concat(tables, ignore_index=True) if tables else self._table([])
        whole.attrs.update(self._attributes())
        return whole

    def predict_stream(self, rows: Iterable[Row], chunk: int = 256) -> Iterator[pd.DataFrame]:
        """Predict a stream of rows (`leyden.data.readers.read_items`), a chunk at a time.

        Memory holds one chunk, however long the stream.  A row that comes with an error keeps it.
        """
        stream = iter(rows)
        while block := list(itertools.islice(stream, chunk)):
            yield self._predict_block(block)

    def predict_input(
        self, X: Any, category: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Predict what the representation has made of n items; four arrays of shape (n, t).

        Parameters
        ----------
        X : model input
        category : ndarray of str, shape (n,), optional
            What the `IonDomain` says of each, where the intervals go by that.

        Returns
        -------
        mean, std, lower, upper : ndarray
            NaN where they are not known.
        """
        mean, std = (values.reshape(len(X), -1) for values in predict_with_std(self.model, X))
        if mean.shape[1] != len(self.targets):
            raise IncompatibleError(
                f"the model predicts {mean.shape[1]} values, and the predictor names "
                f"{len(self.targets)} targets"
            )
        if self.calibration is None:
            missing = np.full_like(mean, np.nan)
            return mean, std, missing, missing
        by = {"category": category} if isinstance(self.calibration, IntervalsByCategory) else {}
        scale = std if self.calibration.floor_ is not None else None
        return mean, std, *self.calibration.interval(mean, scale, **by)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file, atomically (format: `leyden.artefact`).

        Raises
        ------
        InputError
            The file cannot be written; what stood there before stands there still.
        ArtefactError
            The model holds something that cannot be saved without code.
        """
        artefact.write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Predictor:
        """Read a predictor; no code in the file is run.

        Raises
        ------
        ArtefactError
            The file is truncated, altered, too new, or not a predictor.
        """
        loaded = artefact.read(path)
        if not isinstance(loaded, cls):
            raise ArtefactError(f"{Path(path)}: this file holds no predictor.")
        return loaded

    def _attributes(self) -> dict[str, Any]:
        return {"level": getattr(self.calibration, "level", None), "fingerprint": self.fingerprint}

    def _table(self, ids: list[str]) -> pd.DataFrame:
        """A table of missing predictions, one row an id."""
        columns: dict[str, Any] = {"id": np.array(ids, dtype=object)}
        for target in self.targets:
            for suffix in ("", "_std", "_lower", "_upper"):
                columns[target + suffix] = np.full(len(ids), np.nan)
        told = getattr(self.in_domain, "columns", InDomain.columns)
        for name, blank in {**told, "error": ""}.items():
            columns[name] = np.full(len(ids), blank, dtype=object if blank == "" else float)
        return pd.DataFrame(columns)

    def _predict_block(self, block: Sequence[Row]) -> pd.DataFrame:
        table = self._table([row.id for row in block])
        table.attrs.update(self._attributes())
        problems = {i: row.error for i, row in enumerate(block) if row.error}
        given = np.array([i for i in range(len(block)) if i not in problems], dtype=int)
        places = given
        if len(given):
            X, kept, refused = represent_rows(self.representation, [block[i].item for i in given])
            problems.update({int(given[i]): message for i, message in refused.items()})
            places = given[np.asarray(kept, dtype=int)]
        if len(places):
            items = [block[i].item for i in places]
            for name, values in self._columns(X, items).items():
                table.loc[places, name] = values
            values = table.loc[places, list(self.targets)].to_numpy(float)
            for i in places[~np.isfinite(values).all(axis=1)]:
                problems[int(i)] = "the model gave a value that is not finite"
        for i, message in problems.items():
            table.loc[i, "error"] = message
        return table

    def _columns(self, X: Any, items: Sequence[Any]) -> dict[str, np.ndarray]:
        told: dict[str, np.ndarray] = {}
        if self.in_domain is not None:
            told = self.in_domain.describe(items, lambda: self.model.embed(X))
        values = self.predict_input(X, told.get("domain"))
        columns: dict[str, np.ndarray] = {}
        for t, target in enumerate(self.targets):
            for suffix, array in zip(("", "_std", "_lower", "_upper"), values, strict=True):
                columns[target + suffix] = array[:, t]
        return columns | told


def predict_with_std(model: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, of equal shape; NaN where the model knows no spread."""
    if "return_std" in inspect.signature(model.predict).parameters:
        mean, std = model.predict(X, return_std=True)
        return np.asarray(mean, float), np.asarray(std, float)
    mean = np.asarray(model.predict(X), float)
    return mean, np.full_like(mean, np.nan)


def _row(name: str, item: Any, parse: Callable[[Any], Any]) -> Row:
    """An item as its reader would have given it."""
    try:
        return _Given(str(name), _as_item(item, parse), None)
    except InputError as error:
        return _Given(str(name), None, str(error))


def _as_item(item: Any, parse: Callable[[Any], Any]) -> Any:
    """Structures of other libraries, paths and CIF text as crystals; the rest as it is."""
    foreign = type(item).__module__.partition(".")[0] in {"pymatgen", "ase"}
    if foreign or isinstance(item, Path) or (isinstance(item, str) and "\n" in item):
        return parse(item)
    return item
