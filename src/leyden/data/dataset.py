"""A dataset: what was measured, on which items, in which unit, and what must stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.cards import quantities
from leyden.data.columns import LOG10, find_column, numbers, quantity_of, target_column
from leyden.data.ions import state_point
from leyden.data.items import checked_ids, item_columns
from leyden.data.molecules import canonical_form, inchi_key, scaffold
from leyden.errors import IncompatibleError, InputError, did_you_mean

__all__ = ["Dataset", "HeldOut", "concatenate", "with_ions", "with_molecules"]


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
        `Crystal`, `DisorderedCrystal`, formula (str), SMILES (str), `IonPair`, `StatePoint` or
        `Trajectory`; one kind in a dataset.
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
    bounds : ndarray of bool, shape (n, t)
        Where the target is an upper bound, and the true value lies below it (a conductivity that
        was too small to be measured). Default: nowhere.
    """

    name: str
    ids: np.ndarray
    items: tuple[Any, ...]
    targets: pd.DataFrame
    quantities: Mapping[str, str] = field(default_factory=dict)
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    conditions: pd.DataFrame = field(default_factory=pd.DataFrame)
    extra: pd.DataFrame = field(default_factory=pd.DataFrame)
    bounds: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
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
        shape = self.targets.shape
        bounds = np.asarray(self.bounds, bool)
        if not bounds.any():  # nowhere, whatever the targets now are
            bounds = np.zeros(shape, bool)
        if bounds.shape != shape:
            raise IncompatibleError(f"{self.name}: bounds {bounds.shape} for targets {shape}")
        object.__setattr__(self, "bounds", bounds)
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

    def __deepcopy__(self, memo: dict[int, Any]) -> Dataset:
        """Itself: it never changes, and what was made for it is found by its identity."""
        return self

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        target: str | Sequence[str] = (),
        item: str | None = None,
        kind: str | None = None,
        id: str | None = None,
        groups: Sequence[str] = (),
        conditions: Sequence[str] = (),
        censored: Sequence[str] = (),
        name: str = "table",
    ) -> Dataset:
        """A dataset from a user's own table.

        Parameters
        ----------
        table : DataFrame
            One row an item.
        target : str or sequence of str
            Columns with their unit in the name, as in the catalogue (``"K_VRH_GPa"``);
            ``"log10_K_VRH_GPa"`` is made of ``K_VRH_GPa`` where it is no column itself.
        item, kind : str, optional
            Column and kind of the item; see `leyden.data.items.item_columns`.
        id : str, optional
            Column of the ids; without it ``id`` if there is one, else the item's own text.
        groups, conditions : sequence of str
            Columns that splits keep together; of temperature, pressure and the like. Ion pairs have
            groups ``pair``, ``cation`` and ``anion``, and their state as conditions, unasked;
            molecules have groups ``scaffold`` and ``molecule``.
        censored : sequence of str
            Targets, or what they are the logarithm of, in which ``<x`` is an upper bound.
        name : str
            Name of the dataset; the file, where there is one.

        Raises
        ------
        InputError
            An item that cannot be read, text in a number column, an infinite target, a target in
            another unit, a logarithm of nothing, ids that repeat. Names the row.
        """
        place = item_columns(table.columns, item, kind, name)
        wanted = [target] if isinstance(target, str) else list(target)
        known = quantities()
        id = "id" if id is None and "id" in table.columns else id
        for column in (*groups, *conditions, *([id] if id else [])):
            find_column(column, table.columns, name)
        read = [
            target_column(table, ours, known, name, bound)
            for ours, bound in zip(wanted, _which(censored, wanted, name), strict=True)
        ]
        families = {ours: quantity_of(ours, known) for ours in wanted}
        items = place.parse_all(table, name)
        labels = _with_items(table[list(groups)].astype(str), items, place.kind)
        if place.kind == "ion pair":
            conditions = list(dict.fromkeys([*conditions, *place.state]))
        used = {*wanted, *groups, *conditions, *place.columns, id}
        return cls(
            name=name,
            ids=checked_ids(table[id], name) if id else place.ids(table),
            items=items,
            targets=pd.DataFrame({t: values for t, (values, _) in zip(wanted, read, strict=True)}),
            quantities={ours: family.family for ours, family in families.items() if family},
            groups=labels,
            conditions=pd.DataFrame({c: numbers(table[c], c, name) for c in conditions}),
            extra=table[[column for column in table.columns if column not in used]],
            bounds=np.array([bounds for _, bounds in read]).T,
        )

    @property
    def y(self) -> np.ndarray:
        """Targets as an array, shape (n,) for one target and (n, t) for several."""
        values = self.targets.to_numpy(dtype=float)
        return values[:, 0] if values.shape[1] == 1 else values

    @property
    def upper_bound(self) -> np.ndarray:
        """Where `y` is an upper bound, in the shape of `y`."""
        return self.bounds[:, 0] if self.bounds.shape[1] == 1 else self.bounds

    @property
    def root(self) -> tuple[Dataset, np.ndarray]:
        """The dataset this one was taken from, and the positions; itself if it was not taken.

        What is expensive (graphs, embeddings) is made once for the root and then sliced.
        """
        return (self, np.arange(len(self))) if self._root is None else self._root

    @property
    def item_group(self) -> str | None:
        """The group column that says which rows are of one item: formula, pair or molecule."""
        names = ("formula", "pair", "molecule")
        return next((name for name in names if name in self.groups), None)

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
            self,
            ids=self.ids[positions],
            items=items,
            **cut,
            bounds=self.bounds[positions],
            _root=(root, back[positions]),
        )

    def alone(self) -> Dataset:
        """The same rows, and no memory of a larger dataset: these are all items of the target."""
        return replace(self, _root=None)

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
        bounds = self._bounds_of(names)
        cut = replace(self, targets=self.targets[names], bounds=bounds, _root=self.root)
        return cut.take(cut.targets.notna().any(axis=1).to_numpy())

    def with_group(self, name: str, labels: Sequence[str] | np.ndarray) -> Dataset:
        """This dataset with one more group column: labels (n,) that splits keep together."""
        groups = self.groups.assign(**{name: np.asarray(labels).astype(str)})
        return replace(self, groups=groups, _root=self.root)

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
        if not (len(self.targets.columns) or len(other.targets.columns)):
            return True  # trajectories, whose dynamics is learned without labels
        mine = {self.quantities.get(name, name) for name in self.targets.columns}
        return not mine.isdisjoint(
            other.quantities.get(name, name) for name in other.targets.columns
        )

    def _bounds_of(self, names: Sequence[str]) -> np.ndarray:
        return self.bounds[:, [list(self.targets.columns).index(name) for name in names]]

    def fingerprint(self) -> str:
        """SHA-256 over ids, targets and bounds, in order: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        digest.update("\n".join(self.ids).encode())
        digest.update("\n".join(self.targets.columns).encode())
        digest.update(np.ascontiguousarray(self.targets.to_numpy(dtype="<f8")).tobytes())
        if self.bounds.any():
            digest.update(np.packbits(self.bounds).tobytes())
        return digest.hexdigest()


def with_ions(labels: pd.DataFrame, items: Sequence[Any]) -> pd.DataFrame:
    """Groups with the InChIKeys of pair, cation and anion, where they have no such column.

    After them stand those of the whole salt as a molecule, so that it is known among molecules.
    """
    keys = np.array([item.keys for item in items]).reshape(-1, 2)
    pairs = np.array([".".join(pair) for pair in keys], dtype=str)
    found = {"pair": pairs, "cation": keys[:, 0], "anion": keys[:, 1]}
    named = labels.assign(**{name: part for name, part in found.items() if name not in labels})
    salts = {pair: state_point(item).pair.smiles for pair, item in zip(pairs, items, strict=True)}
    of_salts = {pair: _molecule_labels(smiles) for pair, smiles in salts.items()}
    for place, name in enumerate(_MOLECULE_GROUPS):
        if name not in named:
            named[name] = [of_salts[pair][place] for pair in pairs]
    return named


def with_molecules(labels: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    """Groups with scaffolds, which homologues share, and InChIKeys of molecules, the first first.

    A molecule without rings, whose scaffold says nothing, is a scaffold of its own; one without
    an InChI (a repeat unit of a polymer) goes by its canonical SMILES.
    """
    found = pd.DataFrame([_molecule_labels(smiles) for smiles in items], index=labels.index)
    found = found.reindex(columns=range(2)).set_axis(_MOLECULE_GROUPS, axis=1)
    missing = [name for name in found if name not in labels]
    return pd.concat([found[missing], labels], axis=1)


_MOLECULE_GROUPS = ["scaffold", "molecule"]


def _molecule_labels(smiles: str) -> tuple[str, str]:
    """Scaffold and identity of a molecule, or of a whole salt."""
    try:
        key = inchi_key(smiles)
    except InputError:
        key = canonical_form(smiles)
    return scaffold(smiles) or key, key


def _with_items(labels: pd.DataFrame, items: Sequence[Any], kind: str) -> pd.DataFrame:
    """Groups with what the items tell of themselves."""
    if kind in ("crystal", "formula") and "formula" not in labels:
        labels.insert(0, "formula", [getattr(part, "formula", part) for part in items])
    elif kind == "ion pair":
        return with_ions(labels, items)
    elif kind == "smiles":
        return with_molecules(labels, items)
    return labels


def _which(censored: Sequence[str], wanted: Sequence[str], name: str) -> list[bool]:
    """Which targets are censored, by their own name or that of what they are the logarithm of."""
    bases = [ours.removeprefix(LOG10) for ours in wanted]
    known = list(dict.fromkeys([*wanted, *bases]))
    for column in censored:
        if column not in known:
            raise InputError(
                "what is censored must be a target",
                value=column,
                file=name,
                remedy=did_you_mean(column, known),
            )
    return [ours in censored or base in censored for ours, base in zip(wanted, bases, strict=True)]


def concatenate(datasets: Sequence[Dataset], name: str) -> Dataset:
    """One dataset of the rows of several; of rows with equal ids the first stays.

    Raises
    ------
    IncompatibleError
        Different targets, or no dataset.
    """
    if not datasets:
        raise IncompatibleError("there is nothing to concatenate")
    first = datasets[0]
    for other in datasets[1:]:
        if set(other.targets.columns) != set(first.targets.columns):
            raise IncompatibleError(
                f"{first.name} has targets {list(first.targets.columns)}, "
                f"{other.name} has {list(other.targets.columns)}"
            )
    columns = list(first.targets.columns)
    ids = np.concatenate([part.ids for part in datasets])
    _, rows = np.unique(ids, return_index=True)
    rows.sort()

    def joined(part: str) -> pd.DataFrame:
        return pd.concat([getattr(dataset, part) for dataset in datasets])

    whole = replace(
        first,
        name=name,
        ids=np.arange(len(ids)).astype(str),
        items=tuple(item for dataset in datasets for item in dataset.items),
        targets=joined("targets")[columns],
        groups=joined("groups"),
        conditions=joined("conditions"),
        extra=joined("extra"),
        bounds=np.concatenate([part._bounds_of(columns) for part in datasets]),
        _root=None,
    ).take(rows)
    return replace(whole, ids=ids[rows], _root=None)
