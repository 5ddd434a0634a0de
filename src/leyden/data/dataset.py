"""A dataset: what was measured, on which items, in which unit, and what must stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import IncompatibleError, InputError

__all__ = ["Dataset", "HeldOut"]


@dataclass(frozen=True)
class HeldOut:
    """What a test fold forbids: its ids, and the labels of its groups.

    A source of the same or a derived quantity loses these rows before it teaches (DESIGN, rule 3).

    Attributes
    ----------
    ids : frozenset of str
        Ids of the test rows.
    groups : mapping of str to frozenset of str
        Group column (such as ``"formula"``) to the labels that occur in the test rows.
    """

    ids: frozenset[str] = frozenset()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def mask(self, dataset: Dataset) -> np.ndarray:
        """Which rows of `dataset` are forbidden, shape (n,), bool."""
        hit = np.isin(dataset.ids, list(self.ids))
        for name, labels in self.groups.items():
            if name in dataset.groups.columns:
                hit |= dataset.groups[name].isin(labels).to_numpy()
        return hit


@dataclass(frozen=True, eq=False)
class Dataset:
    """Items with their targets.

    Attributes
    ----------
    name : str
        Name in the catalogue, or the file it came from.
    ids : ndarray of str, shape (n,)
        Unique.
    items : tuple
        `Crystal`, formula (str), SMILES (str) or `IonPair`; one kind in a dataset.
    targets : DataFrame, shape (n, t)
        float64; the unit stands in the column name; NaN where it was not measured.
    quantities : mapping of str to str
        Target column to the family of quantity it belongs to (``"energy"``, ``"elasticity"``, ...).
        Two targets of one family are the same or derived from each other: test rows of one may
        not teach the other.
    groups : DataFrame, shape (n, g)
        Labels (str) that splits keep together.
    conditions : DataFrame, shape (n, c)
        Temperature, pressure and the like, unit in the column name.
    extra : DataFrame
        Whatever else the source tells of a row (``band_gap_eV``, ``space_group``).
    """

    name: str
    ids: np.ndarray
    items: tuple[Any, ...]
    targets: pd.DataFrame
    quantities: Mapping[str, str] = field(default_factory=dict)
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    conditions: pd.DataFrame = field(default_factory=pd.DataFrame)
    extra: pd.DataFrame = field(default_factory=pd.DataFrame)
    _root: tuple[Dataset, np.ndarray] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n = len(self.items)
        object.__setattr__(self, "ids", np.asarray(self.ids, dtype=str))
        object.__setattr__(self, "items", tuple(self.items))
        for name in ("targets", "groups", "conditions", "extra"):
            table = getattr(self, name)
            if table.shape[1] == 0:
                table = pd.DataFrame(index=range(n))
            if len(table) != n:
                raise IncompatibleError(f"{self.name}: {len(table)} rows of {name} for {n} items")
            object.__setattr__(self, name, table.reset_index(drop=True))
        if len(self.ids) != n:
            raise IncompatibleError(f"{self.name}: {len(self.ids)} ids for {n} items")
        values, counts = np.unique(self.ids, return_counts=True)
        if len(values) and counts.max() > 1:
            raise InputError(
                "ids must be unique",
                value=str(values[counts.argmax()]),
                file=self.name,
                remedy="drop or rename the duplicates",
            )

    def __len__(self) -> int:
        return len(self.items)

    @property
    def y(self) -> np.ndarray:
        """Targets as an array, shape (n,) for one target and (n, t) for several."""
        values = self.targets.to_numpy(dtype=float)
        return values[:, 0] if values.shape[1] == 1 else values

    @property
    def root(self) -> tuple[Dataset, np.ndarray]:
        """The dataset this one was taken from, and the positions; itself if it was not taken.

        What is expensive (graphs, embeddings) is made once for the root and then sliced.
        """
        return (self, np.arange(len(self))) if self._root is None else self._root

    def take(self, rows: Sequence[int] | np.ndarray | slice) -> Dataset:
        """The dataset of these rows (positions or boolean mask), in this order."""
        positions = np.arange(len(self))[np.asarray(rows) if not isinstance(rows, slice) else rows]
        root, back = self.root
        cut = {
            name: getattr(self, name).iloc[positions]
            for name in ("targets", "groups", "conditions", "extra")
        }
        items = tuple(self.items[i] for i in positions)
        return replace(
            self, ids=self.ids[positions], items=items, **cut, _root=(root, back[positions])
        )

    def with_targets(self, names: str | Iterable[str]) -> Dataset:
        """Only these targets; rows that have none of them are left out."""
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            if name not in self.targets.columns:
                raise InputError(
                    f"{self.name} has no target of this name",
                    value=name,
                    remedy=f"choose from {', '.join(self.targets.columns)}",
                )
        cut = replace(self, targets=self.targets[names], _root=self.root)
        return cut.take(cut.targets.notna().any(axis=1).to_numpy())

    def without(self, held_out: HeldOut) -> Dataset:
        """This dataset less the rows that `held_out` forbids."""
        return self.take(~held_out.mask(self))

    def hold_out(self, rows: np.ndarray, group: str | None = None) -> HeldOut:
        """What testing on these rows forbids: their ids, and their labels in column `group`."""
        test = self.take(rows)
        groups = {} if group is None else {group: frozenset(test.groups[group])}
        return HeldOut(frozenset(test.ids.tolist()), groups)

    def same_quantity(self, other: Dataset) -> bool:
        """Whether any target here is of the same family as any target of `other`."""
        mine = {self.quantities.get(name, name) for name in self.targets.columns}
        return not mine.isdisjoint(
            other.quantities.get(name, name) for name in other.targets.columns
        )

    def fingerprint(self) -> str:
        """SHA-256 over ids and targets, in order: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        digest.update("\n".join(self.ids).encode())
        digest.update("\n".join(self.targets.columns).encode())
        digest.update(np.ascontiguousarray(self.targets.to_numpy(dtype="<f8")).tobytes())
        return digest.hexdigest()
