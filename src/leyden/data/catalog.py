"""The catalogue as one reads it: `load` a data set by name from the data home."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.cards import Card, Table, card, cards, quantities
from leyden.data.columns import (
    LOG10,
    are_bounds,
    check_range,
    find_column,
    numbers,
    quantity_of,
)
from leyden.data.dataset import Dataset, with_ions, with_molecules
from leyden.data.disordered import DisorderedCrystal, disordered_from_cif
from leyden.data.electrode import Electrode
from leyden.data.home import data_home
from leyden.data.ionic_liquids import ionic_liquids
from leyden.data.ions import StatePoint
from leyden.data.items import numbered
from leyden.data.materials import Crystal, IonPair, parse_composition, parse_formula
from leyden.data.molecules import inchi_key
from leyden.data.sources import fetch
from leyden.data.tables import read_file, read_rows
from leyden.errors import InputError

__all__ = ["Card", "DroppedRowsWarning", "card", "cards", "data_home", "fetch", "load"]

_CRYSTAL = ("lattice", "species", "frac")
_STATE = ("temperature_K", "pressure_kPa")


class DroppedRowsWarning(UserWarning):
    """Rows that a dataset cannot hold: a logarithm of zero, a pair that is no electrode, a CIF
    that is not of its compound, a state at which nothing is liquid."""


def load(
    name: str,
    *,
    target: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
) -> Dataset:
    """A data set of the catalogue.

    Parameters
    ----------
    name : str
        As in ``leyden data list``.
    target : str or sequence of str, optional
        Target names with their unit, such as ``"K_VRH_GPa"``; ``"log10_K_VRH_GPa"`` is the base-10
        logarithm of it. Rows that have none of them are left out. Without it, every row and
        every target of the first table.
    where : mapping, optional
        Keeps the rows whose column (group, condition or extra) equals the value.

    Raises
    ------
    InputError
        Unknown name, target or column; the data are not there (fetch them); a broken file.

    Warns
    -----
    DroppedRowsWarning
        Rows whose value has no logarithm; pairs of structures that are no electrode; structures
        that cannot be read, or lack an element of their formula; ion pairs at a temperature or
        pressure that `leyden.data.ions.StatePoint` does not take.
    """
    wanted = () if target is None else (target,) if isinstance(target, str) else tuple(target)
    chosen = card(name)
    table = chosen.table(wanted)
    if chosen.source["kind"] == "derived":
        return _derived(chosen, wanted, where or {})
    folder = data_home() / chosen.place
    file = folder / table.files[0]
    frame = read_rows(chosen, table)
    frame.index = pd.Index(_ids(table, frame))
    named = _named_columns(table, frame, file)
    keep = _where(named, where or {}, name)
    targets, possible = _wanted_targets(named, table, wanted, keep, name)
    rows = np.flatnonzero(keep & possible)
    items: tuple[Any, ...]
    if table.items == "structure pair":
        items, rows = _electrodes(frame, rows, name, folder)
    elif table.items == "disordered crystal":
        items, rows = _disordered(table, frame, rows, name, folder)
    elif table.items == "ion pair":
        items, rows = _ion_pairs(table, frame, rows, name, file)
    elif table.items == "smiles":
        items, rows = _molecules(table, frame, rows, name)
    else:
        items = _items(table, frame, rows, file)
    groups = _groups(table, frame.iloc[rows], named.iloc[rows], items)
    beside = [column for column in named.columns if column not in (*targets, *table.conditions)]
    return Dataset(
        name=name,
        ids=frame.index[rows].to_numpy(dtype=str),
        items=items,
        targets=targets.iloc[rows],
        quantities={ours: _family(ours) for ours in targets.columns},
        groups=groups,
        conditions=named[list(table.conditions)].iloc[rows],
        extra=named[[column for column in beside if column not in groups]].iloc[rows],
        bounds=_bounds(table, frame, list(targets.columns))[rows],
    )


def _groups(
    table: Table, frame: pd.DataFrame, named: pd.DataFrame, items: Sequence[Any]
) -> pd.DataFrame:
    """The groups of the card, and what the items tell: formulas, ions, or rings and molecules."""
    groups = named[list(table.groups)].astype(str)
    if table.items == "ion pair":
        return with_ions(groups, items)
    if table.items == "smiles" and not table.mixtures:
        return with_molecules(groups, items)
    if table.items == "disordered crystal":
        groups.insert(0, "formula", [parse_formula(text) for text in frame[table.item]])
    elif table.items in ("crystal", "structure pair", "formula"):
        groups.insert(0, "formula", [getattr(item, "formula", item) for item in items])
    return groups


def _named_columns(table: Table, frame: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Every column of the card under its own name, numbers checked."""
    for theirs in (*table.groups.values(), *table.extra.values(), *table.targets.values()):
        find_column(theirs, frame.columns, file)
    named: dict[str, Any] = {}
    for ours, theirs in {**table.groups, **table.extra}.items():
        named[ours] = frame[theirs].to_numpy()
    for ours, theirs in {**table.targets, **table.conditions}.items():
        named[ours] = numbers(frame[theirs], theirs, file, censored=ours in table.censored)
        check_range(named[ours], ours, quantity_of(ours, quantities()), file)
    return pd.DataFrame(named, index=frame.index)


def _bounds(table: Table, frame: pd.DataFrame, targets: Sequence[str]) -> np.ndarray:
    """Where a target, or what it is the logarithm of, is written ``<x``, shape (n, t), bool."""
    found = np.zeros((len(frame), len(targets)), dtype=bool)
    for column, ours in enumerate(targets):
        base = ours if ours in table.targets else ours.removeprefix(LOG10)
        if base in table.censored:
            found[:, column] = are_bounds(frame[table.targets[base]])
    return found


def _wanted_targets(
    named: pd.DataFrame, table: Table, wanted: tuple[str, ...], keep: np.ndarray, name: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """The targets asked for, and which rows can have them, shape (n,), bool."""
    if not wanted:
        return named[list(table.targets)], np.ones(len(named), dtype=bool)
    targets, impossible = pd.DataFrame(index=named.index), np.zeros(len(named), dtype=bool)
    for ours in wanted:
        if ours in table.targets:
            targets[ours] = named[ours]
            continue
        base = named[ours.removeprefix(LOG10)]
        targets[ours] = np.log10(base.where(base > 0))
        impossible |= (base <= 0).to_numpy()
    _warn_of(name, named.index[impossible & keep].tolist(), "rows have no logarithm")
    return targets, targets.notna().any(axis=1).to_numpy() & ~impossible


def _where(named: pd.DataFrame, where: Mapping[str, Any], name: str) -> np.ndarray:
    keep = np.ones(len(named), dtype=bool)
    for column, value in where.items():
        if column not in named:
            raise InputError(
                f"{name} has no column of this name",
                value=column,
                remedy=f"choose from {', '.join(named.columns)}",
            )
        keep &= (named[column] == value).to_numpy()
    if not keep.any():
        raise InputError(f"no row of {name} is left", value=dict(where))
    return keep


def _ids(table: Table, frame: pd.DataFrame) -> np.ndarray:
    """Ids that mean the same in every data set: the column, or the item's own text, numbered."""
    if table.id:
        texts = frame[table.id].astype(str)
    elif table.items == "structure pair":
        texts = frame["charged_id"] + "->" + frame["discharged_id"] + ":" + frame["working_ion"]
    elif table.items == "ion pair":
        texts = frame["cation"] + "." + frame["anion"]
    else:
        texts = frame[table.item or "id"].astype(str)
    return numbered(texts.tolist())


def _items(table: Table, frame: pd.DataFrame, rows: np.ndarray, file: Path) -> tuple[Any, ...]:
    cut = frame.iloc[rows]
    parts: tuple[str, ...] = (table.item,)
    make: Callable[..., Any] = parse_formula
    if table.items == "crystal":
        parts, make = _CRYSTAL, Crystal.from_parameters
    items = []
    for row, values in zip(rows, zip(*(cut[part] for part in parts), strict=True), strict=True):
        try:
            items.append(make(*values))
        except InputError as error:
            raise error.at(file=file, row=int(row) + 1) from error
    return tuple(items)


_DERIVED: dict[str, Callable[[str], Dataset]] = {"ionic_liquids": ionic_liquids}


def _derived(chosen: Card, wanted: tuple[str, ...], where: Mapping[str, Any]) -> Dataset:
    """A data set that is made of others; one target at a time."""
    if len(wanted) != 1:
        raise InputError(
            f"{chosen.name} gives one target at a time",
            value=list(wanted),
            remedy=f"choose from {', '.join(chosen.targets)}",
        )
    made = replace(_DERIVED[chosen.source["builder"]](wanted[0]), name=chosen.name)
    named = pd.concat([made.groups, made.conditions], axis=1)
    return made.take(_where(named, where, chosen.name)) if where else made


def _ion_pairs(
    table: Table, frame: pd.DataFrame, rows: np.ndarray, name: str, file: Path
) -> tuple[tuple[IonPair | StatePoint, ...], np.ndarray]:
    """The pairs of these rows, at their states where the table tells them, and the rows."""
    items: list[IonPair | StatePoint] = []
    kept, wrong = [], {}
    states = [frame[table.conditions[part]] for part in _STATE if part in table.conditions]
    for row in rows:
        try:
            pair = IonPair(frame["cation"].iloc[row], frame["anion"].iloc[row])
        except InputError as error:
            raise error.at(file=file, row=int(row) + 1) from error
        try:
            state = [float(column.iloc[row]) for column in states]
            items.append(StatePoint(pair, *state) if states else pair)
            kept.append(row)
        except InputError as error:
            wrong[frame.index[row]] = error
    _warn_of(name, list(wrong), "rows have no possible state", next(iter(wrong.values()), ""))
    return tuple(items), np.array(kept, dtype=np.int64)


def _molecules(
    table: Table, frame: pd.DataFrame, rows: np.ndarray, name: str
) -> tuple[tuple[str, ...], np.ndarray]:
    """The SMILES of these rows as they are written, and the rows whose SMILES can be read."""
    texts = frame[table.item].astype(str)
    if table.mixtures:  # there are ten thousands, which are read where they are represented
        return tuple(texts.iloc[rows]), rows
    kept, wrong = [], {}
    for row in rows:
        try:
            inchi_key(texts.iloc[row])
            kept.append(row)
        except InputError as error:
            wrong[texts.index[row]] = error
    _warn_of(name, list(wrong), "rows have no readable SMILES", next(iter(wrong.values()), ""))
    return tuple(texts.iloc[kept]), np.array(kept, dtype=np.int64)


def _electrodes(
    frame: pd.DataFrame, rows: np.ndarray, name: str, folder: Path
) -> tuple[tuple[Electrode, ...], np.ndarray]:
    """The electrodes of pairs of structures, and the rows that are one; pairs share crystals."""
    pairs = frame.iloc[rows][["charged_id", "working_ion", "discharged_id"]]
    crystals = _crystals({*pairs["charged_id"], *pairs["discharged_id"]}, name, folder)
    electrodes, kept, wrong = [], [], {}
    for row, (charged, ion, discharged) in zip(rows, pairs.to_numpy(), strict=True):
        try:
            if absent := [id for id in (charged, discharged) if id not in crystals]:
                raise InputError("a pair needs both structures", value=", ".join(absent))
            electrodes.append(Electrode(crystals[charged], ion, crystals[discharged]))
            kept.append(row)
        except InputError as error:
            wrong[frame.index[row]] = error
    _warn_of(name, list(wrong), "pairs are no electrodes", next(iter(wrong.values()), ""))
    return tuple(electrodes), np.array(kept, dtype=np.int64)


def _disordered(
    table: Table, frame: pd.DataFrame, rows: np.ndarray, name: str, folder: Path
) -> tuple[tuple[DisorderedCrystal, ...], np.ndarray]:
    """The crystals of the rows that have a CIF, and those rows; a CIF of another compound is none.

    X-rays see no hydrogen, so that structures may lack it.
    """
    cifs = read_file(folder / table.cifs, name).set_index("id")["cif"].to_dict()
    crystals, kept, wrong = [], [], {}
    for row in rows:
        id = frame.index[row]
        if id not in cifs:
            continue
        try:
            crystal = disordered_from_cif(cifs[id])
            known = parse_composition(frame[table.item].iloc[row])
            if missing := known.keys() - {"H", *crystal.elements}:
                raise InputError(
                    f"a structure must have the elements of {frame[table.item].iloc[row]}",
                    value=f"{crystal.formula}, without {', '.join(sorted(missing))}",
                )
            crystals.append(crystal)
            kept.append(row)
        except InputError as error:
            wrong[id] = error
    _warn_of(name, list(wrong), "structures cannot be used", next(iter(wrong.values()), ""))
    return tuple(crystals), np.array(kept, dtype=np.int64)


def _crystals(wanted: Collection[str], name: str, folder: Path) -> dict[str, Crystal]:
    """The structures of these ids; those that the file lacks are absent."""
    file = folder / "structures.jsonl.gz"
    frame = read_file(file, name)
    columns = [find_column(part, frame.columns, file) for part in ("id", *_CRYSTAL)]
    crystals = {}
    for row, (id, *values) in enumerate(frame[columns].itertuples(index=False), start=1):
        if id in wanted:
            try:
                crystals[id] = Crystal.from_parameters(*values)
            except InputError as error:
                raise error.at(file=file, row=row) from error
    return crystals


def _warn_of(name: str, dropped: Sequence[str], what: str, first: object = "") -> None:
    """Tell whoever called `load` which rows are left out, and what was wrong with the first."""
    if dropped:
        shown = ", ".join(dropped[:5]) + (", ..." if len(dropped) > 5 else "")
        message = f"{name}: {len(dropped)} {what} and are left out ({shown})"
        warnings.warn(f"{message}: {first}" if first else message, DroppedRowsWarning, stacklevel=4)


def _family(target: str) -> str:
    quantity = quantity_of(target, quantities())
    return target if quantity is None else quantity.family
