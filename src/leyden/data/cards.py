"""The cards of the catalogue: what there is, from where, under which licence, what to beware."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from importlib.resources import files
from typing import Any

from leyden.data.columns import LOG10, Quantity
from leyden.errors import InputError, did_you_mean

__all__ = ["ITEM_KINDS", "SOURCE_KINDS", "Card", "Table", "card", "cards", "quantities"]

ITEM_KINDS = ("crystal", "disordered crystal", "structure pair", "formula", "smiles", "ion pair")
SOURCE_KINDS: dict[str, tuple[str, ...]] = {
    "python-index": ("package", "version", "sha256", "member", "converter"),
    "ilthermo": (
        *("package", "version", "sha256", "member"),
        *("names", "names_sha256", "names_member"),
    ),
    "url": ("url", "sha256", "converter"),
    "materials-project": ("query",),
    "simulated": ("simulator",),
    "derived": ("builder", "of"),
}
"""Kind of source to the keys that describe it."""


@dataclass(frozen=True)
class Table:
    """One table of a data set, and how its columns are named here.

    Attributes
    ----------
    files : tuple of str
        Files in the folder of the data set, read one after the other.
    items : str
        One of `ITEM_KINDS`.
    rows : int
        How many rows the source has.
    targets, groups, conditions, extra : mapping of str to str
        Our name (with its unit) to the column of the file.
    item, id : str
        Columns of the item's text and of the id; without an id the item's own text serves.
    cifs : str
        File of CIFs by id: the items of disordered crystals. Rows without one belong to no item.
    censored : tuple of str
        Targets in which ``<x`` is an upper bound.
    mixtures : bool
        Whether a SMILES is several species, as a solute in a solvent is.
    """

    files: tuple[str, ...]
    items: str
    rows: int
    targets: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    item: str = ""
    id: str = ""
    cifs: str = ""
    censored: tuple[str, ...] = ()
    mixtures: bool = False

    def has(self, target: str) -> bool:
        """Whether the target, or what it is the logarithm of, is a column here."""
        return target in self.targets or (
            target.startswith(LOG10) and target.removeprefix(LOG10) in self.targets
        )


@dataclass(frozen=True)
class Card:
    """One data set of the catalogue.

    Attributes
    ----------
    name, title, licence, doi, url, attribution : str
        `attribution` must be shown wherever the data are.
    source : mapping
        ``kind`` (one of `SOURCE_KINDS`) and what that kind needs.
    tables : tuple of Table
        The first one is what `load` gives unless a target says otherwise.
    folder : str
        Name of its folder in the data home, where another set has the same files.
    leakage : tuple of str
        What is known to leak between rows, and between this set and others.
    """

    name: str
    title: str
    source: Mapping[str, str]
    licence: str
    url: str
    tables: tuple[Table, ...]
    leakage: tuple[str, ...]
    doi: str = ""
    attribution: str = ""
    folder: str = ""

    @property
    def place(self) -> str:
        """Name of its folder in the data home."""
        return self.folder or self.name

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of the folder that it needs."""
        parts = (file for table in self.tables for file in (*table.files, table.cifs) if file)
        return tuple(dict.fromkeys(parts))

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.rows for table in self.tables)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target of every table."""
        return tuple(name for table in self.tables for name in table.targets)

    def table(self, targets: tuple[str, ...]) -> Table:
        """The first table that has all these targets."""
        for table in self.tables:
            if all(table.has(target) for target in targets):
                return table
        known = [*self.targets, *(f"{LOG10}{name}" for name in self.targets)]
        absent = next((name for name in targets if name not in known), targets[0])
        there = f"there is {', '.join(self.targets) or 'no target'}"
        raise InputError(
            f"{self.name} has no table with {', '.join(targets)}",
            remedy=did_you_mean(absent, known, there),
        )


def cards() -> tuple[Card, ...]:
    """Every card of the catalogue, by name."""
    return tuple(_catalogue()[1].values())


def card(name: str) -> Card:
    """The card of a data set.

    Raises
    ------
    InputError
        No data set has this name; the message suggests one.
    """
    known = _catalogue()[1]
    if name not in known:
        raise InputError(
            "the catalogue has no data set of this name",
            value=name,
            remedy=did_you_mean(name, known, "see leyden data list"),
        )
    return known[name]


def quantities() -> Mapping[str, Quantity]:
    """Target name to its family of quantity, plausible range and meaning."""
    return _catalogue()[0]


@cache
def _catalogue() -> tuple[dict[str, Quantity], dict[str, Card]]:
    text = files("leyden.data").joinpath("catalog.toml").read_text(encoding="utf-8")
    return read_catalogue(text)


def read_catalogue(text: str) -> tuple[dict[str, Quantity], dict[str, Card]]:
    """Quantities and cards of a catalogue in TOML, checked against the schema."""
    content = tomllib.loads(text)
    known = {
        name: Quantity(
            row["quantity"], (float(row["range"][0]), float(row["range"][1])), row["meaning"]
        )
        for name, row in content["targets"].items()
    }
    return known, {name: _card(name, row, known) for name, row in sorted(content["cards"].items())}


def _card(name: str, row: dict[str, Any], known: Mapping[str, Quantity]) -> Card:
    place = f"catalog.toml, cards.{name}"
    _check_keys(Card, {"name": name, **row}, place)
    kind = row["source"].get("kind")
    if kind not in SOURCE_KINDS:
        raise InputError(f"a source is one of {', '.join(SOURCE_KINDS)}", value=kind, file=place)
    if unknown := set(row["source"]) - {"kind", *SOURCE_KINDS[kind]}:
        raise InputError(f"a {kind} source has no such key", value=sorted(unknown), file=place)
    tables = []
    for table in row.pop("tables"):
        _check_keys(Table, table, place)
        if table["items"] not in ITEM_KINDS:
            raise InputError(f"items are one of {ITEM_KINDS}", value=table["items"], file=place)
        for target in table["targets"]:
            if target.removeprefix(LOG10) not in known:
                raise InputError(
                    "a target must be defined under [targets]", value=target, file=place
                )
        tables.append(Table(**{key: _frozen(value) for key, value in table.items()}))
    return Card(
        name=name, tables=tuple(tables), **{key: _frozen(value) for key, value in row.items()}
    )


def _check_keys(kind: type, row: Mapping[str, Any], place: str) -> None:
    keys = {part.name: part for part in fields(kind)}
    for name in row:
        if name not in keys:
            raise InputError(
                f"a {kind.__name__} has no such key",
                value=name,
                file=place,
                remedy=did_you_mean(name, keys),
            )
    for name, part in keys.items():
        if part.default is MISSING and part.default_factory is MISSING and name not in row:
            raise InputError(f"a {kind.__name__} needs {name}", file=place)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
