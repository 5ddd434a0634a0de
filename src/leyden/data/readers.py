"""Files of items, read as a stream: one row at a time, bad rows with their error."""

from __future__ import annotations

import csv
import gzip
import io
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from leyden.data.crystal import Crystal
from leyden.data.crystal_files import crystal_from_block, crystals_from_cif
from leyden.data.dataset import Dataset
from leyden.data.disordered import DisorderedCrystal, any_crystal_from_block
from leyden.data.electrode import Electrode
from leyden.data.ions import StatePoint, doubtful_pressure
from leyden.data.items import ItemColumns, item_columns
from leyden.data.materials import parse_any_crystal, parse_crystal
from leyden.errors import InputError

__all__ = ["Row", "load_table", "read_items", "read_table"]

_BATCH = 1024  # rows of a Parquet file held at a time
_BROKEN = "\0broken"  # key of a line that is no JSON object; no column can be called so
_CRYSTAL_FILES = (".cif", ".poscar", ".vasp", ".xyz", ".extxyz")


@dataclass(frozen=True)
class Row:
    """One row of a file.

    Attributes
    ----------
    id : str
        From the file's id column or name, else the number of the row, counted from 1.
    item : Crystal, DisorderedCrystal, Electrode, IonPair, StatePoint, str or None
        None where the row is bad.
    error : str or None
        Why there is no item.
    extra : mapping
        The other columns of the row.
    """

    id: str
    item: Any = None
    error: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_items(
    path: str | Path,
    *,
    item: str | None = None,
    kind: str | None = None,
    id: str | None = None,
    ion: str | None = None,
    electrodes: bool = False,
    disorder: bool = False,
) -> Iterator[Row]:
    """The items of a file or folder, in order, one at a time.

    Memory does not grow with their number, but for one hash an id (80 bytes).

    Parameters
    ----------
    path : str or path
        CSV, Parquet or JSONL (also ``.gz``) of formulas, SMILES, ion pairs or crystals; CIF (each
        block a row), POSCAR, extended XYZ; or a folder of crystal files, by name.
    item, kind : str, optional
        Column and kind of the item, as for `leyden.data.items.item_columns`.
    id : str, optional
        Column of the ids; without it ``id`` if there is one.
    ion : str, optional
        The working ion, which makes every crystal the host of an `Electrode`; a table may have
        a column ``working_ion`` instead, and one of ``discharged`` structures.
    electrodes : bool
        Whether nothing but electrodes is wanted.
    disorder : bool
        Whether crystals may have sites that are shared or partly empty; else such a row is bad.

    Yields
    ------
    Row
        A row that cannot be read, or that repeats an id, has ``error`` filled.

    Raises
    ------
    InputError
        At once: no such file, an empty one, an unknown form, no column with items, or no ion
        where electrodes are wanted.
    """
    path = Path(path)
    _check_content(path)
    if path.is_dir() or _form(path) in ("cif", "poscar", "xyz"):
        if electrodes and ion is None:
            raise _no_ion(path)
        return _unique(_crystal_rows(path, ion, disorder), path)
    records = _records(path)
    head = []
    for record in records:  # the columns are those of the first row that can be read
        head.append(record)
        if _BROKEN not in record:
            break
    if not head:
        raise InputError("the file has no rows", file=path, remedy="check the export")
    if _BROKEN in head[-1]:
        raise InputError(head[0][_BROKEN], file=path, row=1, remedy="write one object a line")
    columns = list(head[-1])
    place = replace(item_columns(columns, item, kind, path, ion), disorder=disorder)
    if electrodes and place.ion is None and place.ion_column is None:
        raise _no_ion(path)
    id = id or ("id" if "id" in columns else None)
    if id is not None and id not in columns:
        raise InputError(
            f"there is no column {id}", file=path, remedy=f"choose from {', '.join(columns)}"
        )
    rows = _table_rows(chain(head, records), place, id, path)
    return rows if id is None else _unique(rows, path)


def load_table(
    path: str | Path,
    *,
    target: str | list[str] | tuple[str, ...] = (),
    item: str | None = None,
    kind: str | None = None,
    id: str | None = None,
    groups: tuple[str, ...] | list[str] = (),
    conditions: tuple[str, ...] | list[str] = (),
    censored: tuple[str, ...] | list[str] = (),
) -> Dataset:
    """A user's own CSV, Parquet or JSONL file as a `Dataset`; see `Dataset.from_table`.

    Raises
    ------
    InputError
        Names file, row, value, rule and remedy of the first thing that is wrong.
    """
    return Dataset.from_table(
        read_table(path),
        target=target,
        item=item,
        kind=kind,
        id=id,
        groups=groups,
        conditions=conditions,
        censored=censored,
        name=str(path),
    )


def read_table(path: str | Path) -> pd.DataFrame:
    """The rows of a CSV, Parquet or JSONL file as they stand there.

    Raises
    ------
    InputError
        No such file, an empty one, another form, a line that cannot be read.
    """
    path = Path(path)
    _check_content(path)
    records = list(_records(path))
    if not records:
        raise InputError("the file has no rows", file=path, remedy="check the export")
    for number, record in enumerate(records, start=1):
        if _BROKEN in record:
            raise InputError(
                record[_BROKEN], file=path, row=number, remedy="write one object a line"
            )
    columns = list(dict.fromkeys(name for record in records for name in record))
    return pd.DataFrame(
        {name: pd.Series([r.get(name) for r in records], dtype=object) for name in columns}
    )


def _check_content(path: Path) -> None:
    if not path.exists():
        raise InputError("there is no such file", file=path, remedy="check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty", file=path, remedy="check the export")
    if path.is_dir() and not _crystal_paths(path):
        raise InputError(
            "the folder holds no crystal files",
            file=path,
            remedy="give a folder of CIF, POSCAR or extended XYZ files",
        )
    if path.is_file():
        _form(path)


def _form(path: Path) -> str:
    """The form of a file, from its name."""
    name = path.name.lower().removesuffix(".gz")
    if name.startswith(("poscar", "contcar")) or name.endswith((".poscar", ".vasp")):
        return "poscar"
    for form, endings in {
        "csv": (".csv", ".tsv"),
        "parquet": (".parquet", ".pq"),
        "jsonl": (".jsonl", ".ndjson"),
        "cif": (".cif",),
        "xyz": (".xyz", ".extxyz"),
    }.items():
        if name.endswith(endings):
            return form
    raise InputError(
        "the form of the file must show in its name",
        file=path,
        remedy="name it .csv, .parquet, .jsonl, .cif, .vasp (or POSCAR) or .extxyz",
    )


def _open(path: Path) -> io.TextIOBase:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")  # type: ignore[return-value]
    return path.open(encoding="utf-8-sig", newline="")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table as mappings; a line of JSON that cannot be read tells why."""
    form = _form(path)
    if form == "parquet":
        yield from _parquet_records(path)
        return
    if form not in ("csv", "jsonl"):
        raise InputError("a table is a CSV, Parquet or JSONL file", file=path)
    try:
        with _open(path) as text:
            if form == "csv":
                delimiter = "\t" if ".tsv" in path.name.lower() else ","
                yield from csv.DictReader(text, delimiter=delimiter)
            else:
                yield from (_json_record(line) for line in text if line.strip())
    except (UnicodeDecodeError, EOFError, OSError, csv.Error) as error:
        raise InputError(f"the file cannot be read: {error}", file=path) from error


def _parquet_records(path: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException, parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(_BATCH):
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise InputError(f"the file cannot be read: {error}", file=path) from error


def _json_record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        return {_BROKEN: f"a line must be a JSON object: {error}"}
    return record if isinstance(record, dict) else {_BROKEN: "a line must be a JSON object"}


def _table_rows(
    records: Iterable[dict[str, Any]], place: ItemColumns, id: str | None, path: Path
) -> Iterator[Row]:
    pressures: set[float] = set()
    for number, record in enumerate(records, start=1):
        name = str(record.get(id)) if id and record.get(id) not in (None, "") else str(number)
        extra = {
            column: value
            for column, value in record.items()
            if isinstance(column, str) and column not in (*place.columns, id)
        }
        try:
            if _BROKEN in record:
                raise InputError(record[_BROKEN])
            item = place.parse(record)
            if isinstance(item, StatePoint) and len(pressures) < 2:
                pressures.add(item.pressure_kPa)
            yield Row(name, item, None, extra)
        except InputError as error:
            yield Row(name, None, str(error.at(file=path, row=number)), extra)
    if doubt := doubtful_pressure(pressures):
        warnings.warn(f"{path}: {doubt}", stacklevel=2)


def _crystal_paths(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and (
            path.name.lower().removesuffix(".gz").endswith(_CRYSTAL_FILES)
            or path.name.lower().startswith(("poscar", "contcar"))
        )
    )


def _no_ion(path: Path) -> InputError:
    return InputError(
        "this model needs the working ion of every structure",
        file=path,
        remedy="name it, as in --ion Zn, or give a table with a column working_ion",
    )


def _crystal_rows(path: Path, ion: str | None, disorder: bool) -> Iterator[Row]:
    """Rows of crystal files; a file that cannot be read at all is one bad row."""
    if path.is_dir():
        for file in _crystal_paths(path):
            yield from _crystal_rows(file, ion, disorder)
        return
    form, stem = _form(path), path.name.removesuffix(".gz").rsplit(".", 1)[0]
    try:
        if form == "xyz":
            yield from _xyz_rows(path, stem, ion)
            return
        with _open(path) as opened:
            text = opened.read()
        if not text.strip():
            raise InputError("the file is empty", remedy="export the structure again")
        if form == "poscar":
            yield Row(stem, _host(parse_crystal(text), ion))
            return
        read = any_crystal_from_block if disorder and ion is None else crystal_from_block
        blocks = list(crystals_from_cif(text, read))
    except (InputError, OSError, UnicodeDecodeError, EOFError) as error:
        yield Row(stem, None, _told(error, path))
        return
    for name, crystal in blocks:
        label = stem if len(blocks) == 1 else f"{stem}:{name}"
        try:
            if isinstance(crystal, InputError):
                raise crystal
            yield Row(label, _host(parse_any_crystal(crystal), ion))
        except InputError as error:
            yield Row(label, None, _told(error, path))


def _xyz_rows(path: Path, stem: str, ion: str | None) -> Iterator[Row]:
    from ase.io import iread

    frames = iread(path, index=":", format="extxyz")
    number = 0
    while True:
        number += 1
        try:
            atoms = next(frames)
        except StopIteration:
            return
        except Exception as error:  # ase raises what its parser happens to meet
            told = InputError(f"a frame cannot be read: {error}", row=number)
            yield Row(f"{stem}:{number}", None, _told(told, path))
            return
        try:
            item = _host(parse_crystal(atoms), ion)
            yield Row(f"{stem}:{number}", item, None, dict(atoms.info))
        except InputError as error:
            yield Row(f"{stem}:{number}", None, _told(error.at(row=number), path))


def _host(crystal: Any, ion: str | None) -> Crystal | DisorderedCrystal | Electrode:
    """The crystal, as the host of an electrode where there is an ion."""
    return crystal if ion is None else Electrode(crystal, ion)


def _told(error: Exception, path: Path) -> str:
    if isinstance(error, InputError):
        return str(error.at(file=path))
    return str(InputError(f"the file cannot be read: {error}", file=path))


def _unique(rows: Iterable[Row], path: Path) -> Iterator[Row]:
    """Rows whose id came before become errors; hashes are kept, not the ids."""
    seen: set[int] = set()
    for number, row in enumerate(rows, start=1):
        if hash(row.id) in seen:
            error = InputError("ids must be unique", value=row.id, file=path, row=number)
            yield Row(row.id, None, str(error), row.extra)
        else:
            seen.add(hash(row.id))
            yield row
