"""Which columns of a user's table hold the item, and how a row becomes one."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.crystal import Crystal
from leyden.data.electrode import Electrode
from leyden.data.ions import AMBIENT_KPA, StatePoint, doubtful_pressure
from leyden.data.materials import (
    IonPair,
    parse_any_crystal,
    parse_crystal,
    parse_formula,
    parse_smiles,
)
from leyden.errors import InputError

__all__ = ["ItemColumns", "checked_ids", "item_columns", "numbered"]

_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "crystal": (("lattice", "species", "frac"), ("cif",), ("structure",)),
    "ion pair": (("cation", "anion"),),
    "formula": (("formula",), ("composition",)),
    "smiles": (("smiles",),),
}
"""Kind of item to the columns in which it is looked for, in this order of preference."""

_OTHER_UNITS = {
    "temperature": ("temperature", "temperature_c", "temperature_f", "t", "t_k", "t_c"),
    "pressure": ("pressure", "pressure_pa", "pressure_mpa", "pressure_bar", "pressure_atm"),
}
"""Names of columns that hold a state in a unit that is not ours, or not told."""


@dataclass(frozen=True)
class ItemColumns:
    """Where the item of a row stands.

    Attributes
    ----------
    kind : str
        ``"crystal"``, ``"ion pair"``, ``"formula"`` or ``"smiles"``.
    columns : tuple of str
        One column of text, or the several parts of a crystal or an ion pair.
    ion : str, optional
        The working ion of every row. With it, or a column of it, a crystal is the host of an
        `Electrode`.
    ion_column : str, optional
        Column of the working ion.
    discharged : str
        Column of the discharged structure of an electrode: a mapping in the JSONL form, a path,
        or the text of a CIF or POSCAR. It may be absent, or blank.
    temperature, pressure : str, optional
        Columns ``temperature_K`` and ``pressure_kPa``: with the first, an ion pair becomes
        a `StatePoint`; where the second is absent or blank, at the pressure of the air.
    disorder : bool
        Whether sites of a crystal may be shared or partly empty (`DisorderedCrystal`). Those of an
        electrode may not.
    """

    kind: str
    columns: tuple[str, ...]
    ion: str | None = None
    ion_column: str | None = None
    discharged: str = "discharged"
    temperature: str | None = None
    pressure: str | None = None
    disorder: bool = True

    @property
    def state(self) -> tuple[str, ...]:
        """The columns of temperature and pressure that there are."""
        return tuple(name for name in (self.temperature, self.pressure) if name)

    def parse(self, row: Mapping[Any, Any]) -> Any:
        """The item of a row; `InputError` where it is missing or cannot be read."""
        values: list[Any] = [row.get(column) for column in self.columns]
        if any(_is_blank(value) for value in values):
            raise InputError(
                f"a row must fill {' and '.join(self.columns)}",
                remedy="fill it, or leave the row out",
            )
        if self.kind == "ion pair":
            pair = IonPair(*values) if len(values) == 2 else IonPair.from_smiles(str(values[0]))
            return pair if self.temperature is None else self._state_point(pair, row)
        if self.kind == "formula":
            return parse_formula(values[0])
        if self.kind == "smiles":
            return parse_smiles(values[0])
        source = values[0]
        if len(values) == 3:
            source = dict(zip(("lattice", "species", "frac"), values, strict=True))
        if self.ion is None and self.ion_column is None:
            return (parse_any_crystal if self.disorder else parse_crystal)(source)
        return self._electrode(parse_crystal(source), row)

    def _electrode(self, host: Crystal, row: Mapping[Any, Any]) -> Electrode:
        """A host and what its row says of the ion and of the discharged structure."""
        ion = self.ion or row.get(self.ion_column)
        if _is_blank(ion):
            raise InputError(f"a row must fill {self.ion_column}", remedy="name the working ion")
        end = row.get(self.discharged)
        try:
            discharged = None if _is_blank(end) else parse_crystal(end)
        except InputError as error:
            rule = f"the discharged structure cannot be used: {error.rule}"
            value = error.file if error.value is None else error.value
            raise InputError(rule, value=value, remedy=error.remedy) from error
        return Electrode(host, str(ion).strip(), discharged)

    def _state_point(self, pair: IonPair, row: Mapping[Any, Any]) -> StatePoint:
        """The pair at the temperature and pressure of its row."""
        if _is_blank(row.get(self.temperature)):
            raise InputError(
                f"a row must fill {self.temperature}", remedy="fill it, or leave the row out"
            )
        state = [
            AMBIENT_KPA if _is_blank(row.get(column)) else _number(row.get(column), column)
            for column in self.state
        ]
        return StatePoint(pair, *state)

    def parse_all(self, table: pd.DataFrame, file: object = None) -> tuple[Any, ...]:
        """The items of a table; the `InputError` of the first bad row names it."""
        items = []
        beside = [name for name in (self.ion_column, self.discharged, *self.state) if name in table]
        records = table[[*self.columns, *beside]].to_dict("records")
        for number, row in enumerate(records, start=1):
            try:
                items.append(self.parse(row))
            except InputError as error:
                raise error.at(file=file, row=number) from error
        pressures = {item.pressure_kPa for item in items if isinstance(item, StatePoint)}
        if doubt := doubtful_pressure(pressures):
            warnings.warn(doubt if file is None else f"{file}: {doubt}", stacklevel=3)
        return tuple(items)

    def ids(self, table: pd.DataFrame) -> np.ndarray:
        """Ids of rows that have none, shape (n,): the item's own text, repeats numbered.

        Crystals are called by the number of their row.
        """
        if self.kind == "crystal":
            return np.array([f"row {number}" for number in range(1, len(table) + 1)])
        parts = (table[column].astype(str) for column in self.columns)
        return numbered([".".join(texts) for texts in zip(*parts, strict=True)])


def numbered(texts: Sequence[str]) -> np.ndarray:
    """The texts, made unique: the second ``x`` becomes ``x#2``."""
    seen: Counter[str] = Counter()
    unique = []
    for text in texts:
        seen[text] += 1
        unique.append(text if seen[text] == 1 else f"{text}#{seen[text]}")
    return np.array(unique, dtype=str)


def checked_ids(column: pd.Series, file: object = None) -> np.ndarray:
    """A column of ids as text, shape (n,); `InputError` names the row that repeats one."""
    first: dict[str, int] = {}
    for row, text in enumerate(column.astype(str), start=1):
        if text in first:
            raise InputError(
                f"ids must be unique; row {first[text]} has this one too",
                value=text,
                file=file,
                row=row,
                remedy="drop or rename the duplicate",
            )
        first[text] = row
    return np.array(list(first), dtype=str)


def item_columns(
    columns: Iterable[str],
    item: str | None = None,
    kind: str | None = None,
    file: object = None,
    ion: str | None = None,
) -> ItemColumns:
    """Where the item stands among these columns.

    Parameters
    ----------
    columns : iterable of str
        The columns of the table.
    item : str, optional
        The column of the item, where it is not one of the usual names (``formula``,
        ``composition``, ``smiles``, ``cation`` and ``anion``, ``cif``, or ``lattice``, ``species``
        and ``frac``; capitals do not matter).
    kind : str, optional
        What `item` holds; without it its name must tell, else it is a formula. An ``"ion pair"``
        may be one column of SMILES, split by charge.
    ion : str, optional
        The working ion of every row, whatever a column ``working_ion`` says. Crystals with an ion
        become electrodes; a column ``discharged`` may hold their discharged structures.

    Raises
    ------
    InputError
        No such column, or none that is known to hold an item; an ion for items that are no
        crystals; the temperature or pressure of an ion pair in another unit.
    """
    names = {str(column).lower(): str(column) for column in columns}
    place = _place(names, item, kind, file)
    if place.kind == "ion pair":
        place = _with_state(place, names, file)
    if place.kind != "crystal":
        if ion is not None:
            raise InputError(
                f"a working ion goes with crystals, and here the item is a {place.kind}",
                value=ion,
                file=file,
                remedy="give the structures of the hosts",
            )
        return place
    return replace(
        place,
        ion=ion,
        ion_column=None if ion else names.get("working_ion"),
        discharged=names.get("discharged", "discharged"),
    )


def _place(
    names: Mapping[str, str], item: str | None, kind: str | None, file: object
) -> ItemColumns:
    """Kind and columns of the item; `names` maps columns in small letters to the columns."""
    if kind is not None and kind not in _NAMES:
        raise InputError(f"a kind of item is one of {', '.join(_NAMES)}", value=kind, file=file)
    if item is not None:
        if item not in names.values():
            raise InputError(
                f"there is no column {item}",
                file=file,
                remedy=f"choose from {', '.join(names.values())}",
            )
        by_name = "smiles" if "smiles" in item.lower() else "formula"
        by_name = "crystal" if item.lower() in ("cif", "structure") else by_name
        return ItemColumns(kind or by_name, (item,))
    if kind == "ion pair" and "cation" not in names and "smiles" in names:
        return ItemColumns(kind, (names["smiles"],))  # the salt as one SMILES
    for known, choices in _NAMES.items():
        if kind in (None, known):
            for choice in choices:
                if all(name in names for name in choice):
                    return ItemColumns(known, tuple(names[name] for name in choice))
    raise InputError(
        "no column holds the items",
        value=list(names.values()),
        file=file,
        remedy="name it formula, smiles, cif, cation and anion, or say which column it is",
    )


def _with_state(place: ItemColumns, names: Mapping[str, str], file: object) -> ItemColumns:
    """The place of an ion pair with its columns of temperature and pressure."""
    found: dict[str, str | None] = {}
    for quantity, ours in (("temperature", "temperature_K"), ("pressure", "pressure_kPa")):
        found[quantity] = names.get(ours.lower())
        other = [names[name] for name in names if name in _OTHER_UNITS[quantity]]
        if found[quantity] is None and other:
            raise InputError(
                f"the {quantity} of an ion pair must stand in a column {ours}",
                value=other[0],
                file=file,
                remedy=f"convert the column and name it {ours}",
            )
    return replace(place, temperature=found["temperature"], pressure=found["pressure"])


def _number(value: Any, column: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(
            f"column {column} must hold numbers", value=value, remedy="write a number"
        ) from None


def _is_blank(value: Any) -> bool:
    """Whether a cell of a table holds nothing: None, blank text, or the NaN of pandas."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())
