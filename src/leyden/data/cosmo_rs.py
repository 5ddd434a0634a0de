"""A user's own COSMO-RS results: one value a row, read into one target a property."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.data.cards import quantities
from leyden.data.columns import check_range, find_column, numbers, quantity_of
from leyden.data.dataset import Dataset, with_ions
from leyden.data.items import item_columns
from leyden.data.readers import read_table
from leyden.errors import InputError, did_you_mean

__all__ = ["load_cosmo_rs"]


def load_cosmo_rs(path: str | Path) -> Dataset:
    """COSMO-RS properties of ion pairs, to learn from before the measured ones.

    Parameters
    ----------
    path : str or path
        CSV, Parquet or JSONL with the columns ``cation``, ``anion`` (SMILES), ``property`` (the
        name of a target with its unit, such as ``"density_kg_per_m3"``) and ``value``; perhaps
        ``temperature_K`` and ``pressure_kPa``.

    Returns
    -------
    Dataset
        One row a pair (and state), one target a property, NaN where it is absent. Groups are
        ``pair``, ``cation`` and ``anion`` (InChIKeys).

    Raises
    ------
    InputError
        No such file, an empty one, no such column; a row with an ion or state that cannot be read,
        an unknown property, no number, a value in another unit, or a property given twice.

    References
    ----------
    Sethi, Sundmacher and Ganzer, arXiv:2509.10273 (2025): pretraining on simulated properties.
    """
    table = read_table(path)
    place = item_columns(table.columns, kind="ion pair", file=path)
    for column in ("property", "value"):
        find_column(column, table.columns, path)
    items = place.parse_all(table, path)
    values = numbers(table["value"], "value", path)
    properties = [str(name).strip() for name in table["property"]]
    for row, (name, value) in enumerate(zip(properties, values, strict=True), start=1):
        _check(name, float(value), path, row)
    states = [
        (item.keys, getattr(item, "temperature_K", 0), getattr(item, "pressure_kPa", 0))
        for item in items
    ]
    twice = Counter(zip(states, properties, strict=True))
    for row, key in enumerate(zip(states, properties, strict=True), start=1):
        if twice[key] > 1:
            raise InputError(
                "a pair must have a property once at a state",
                value=key[1],
                file=path,
                row=row,
                remedy="drop the duplicate",
            )
    row_of = {state: row for row, state in enumerate(dict.fromkeys(states))}
    names = list(dict.fromkeys(properties))
    wide = np.full((len(row_of), len(names)), np.nan)
    first: dict[int, int] = {}
    for number, (state, name) in enumerate(zip(states, properties, strict=True)):
        wide[row_of[state], names.index(name)] = values[number]
        first.setdefault(row_of[state], number)
    kept = [items[number] for number in first.values()]
    known = {name: quantity_of(name, quantities()) for name in names}
    conditions = {
        column: [getattr(item, column) for item in kept]
        for column in ("temperature_K", "pressure_kPa")
        if place.temperature
    }
    return Dataset(
        name=str(path),
        ids=np.array([_id(state) for state in row_of], dtype=str),
        items=tuple(kept),
        targets=pd.DataFrame(wide, columns=names),
        quantities={name: quantity.family for name, quantity in known.items() if quantity},
        groups=with_ions(pd.DataFrame(index=range(len(kept))), kept),
        conditions=pd.DataFrame(conditions),
    )


def _check(name: str, value: float, path: str | Path, row: int) -> None:
    """Raise `InputError` for a property that is not known, or a value of another unit."""
    quantity = quantity_of(name, quantities())
    if quantity is None:
        raise InputError(
            "a property must be a target with its unit",
            value=name,
            file=path,
            row=row,
            remedy=did_you_mean(name, quantities(), "see leyden data list"),
        )
    if np.isnan(value):
        raise InputError("a row must fill value", file=path, row=row, remedy="leave the row out")
    try:
        check_range(np.array([value]), name, quantity, path)
    except InputError as error:
        raise error.at(row=row) from error


def _id(state: tuple[tuple[str, str], float, float]) -> str:
    keys, kelvin, kilopascal = state
    return ".".join(keys) + (f"@{kelvin:g}K,{kilopascal:g}kPa" if kelvin else "")
