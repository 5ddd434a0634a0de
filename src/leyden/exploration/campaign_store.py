"""The file of a campaign: SQLite, where every step is one transaction.

A rollback journal, not a write-ahead log: between two steps the one file is all there is. During a
step a journal lies beside it (``NAME-journal``), and stays there where a process is killed in the
middle: the next one to open the file undoes the half step with it. A copy that is made just then
needs both. https://www.sqlite.org/atomiccommit.html
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from leyden.errors import ArtefactError, InputError

__all__ = ["SCHEMA_VERSION", "UPGRADES", "CampaignStore", "StoredRow", "Transaction"]

SCHEMA_VERSION = 1

#: Schema version v to a function that brings an open database to version v + 1.
UPGRADES: dict[int, Callable[[sqlite3.Connection], object]] = {}

_APPLICATION = 0x4C657943  # "LeyC": tells a campaign from other databases
_PATIENCE_S = 60.0
_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE spent (what TEXT PRIMARY KEY, seconds REAL NOT NULL, cpu_seconds REAL NOT NULL);
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    task TEXT NOT NULL DEFAULT '',
    method TEXT NOT NULL,
    parameters TEXT NOT NULL,
    random_state INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('suggested', 'running', 'finished', 'withdrawn')),
    asked_by TEXT NOT NULL CHECK (asked_by IN ('hand', 'driver')),
    worker TEXT NOT NULL DEFAULT '',
    deaths INTEGER NOT NULL DEFAULT 0,
    place INTEGER UNIQUE,
    outcome TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    results TEXT NOT NULL DEFAULT '{}',
    details TEXT NOT NULL DEFAULT '{}',
    seconds REAL,
    cpu_seconds REAL
);
"""
_TREES = ("parameters", "results", "details")


@dataclass(frozen=True)
class StoredRow:
    """One row of a campaign.

    Attributes
    ----------
    id : int
    task : str
        Empty for the campaign's own.
    method : str
        How its place was chosen; ``own`` where the campaign did not.
    parameters : dict
    random_state : int
        Seed of its evaluation.
    state : {"suggested", "running", "finished", "withdrawn"}
    asked_by : {"hand", "driver"}
        Who is to evaluate it: people, or the workers of a driver.
    worker : str
        Host and process that holds it while it runs.
    deaths : int
        Workers that died while they had it.
    place : int or None
        In the order of finishing.
    outcome, error : str
    results : dict
        Of each objective: value, error (both may be None) and bound.
    details : dict
    seconds, cpu_seconds : float or None
    """

    id: int
    task: str
    method: str
    parameters: dict[str, Any]
    random_state: int
    state: str
    asked_by: str
    worker: str = ""
    deaths: int = 0
    place: int | None = None
    outcome: str = ""
    error: str = ""
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    cpu_seconds: float | None = None


_COLUMNS = tuple(column.name for column in fields(StoredRow))


class Transaction:
    """What can be read and changed in one step."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def facts(self) -> dict[str, Any]:
        """What is true of the whole campaign."""
        found = self._database.execute("SELECT name, value FROM facts")
        return {name: json.loads(value) for name, value in found}

    def rows(self, *states: str) -> list[StoredRow]:
        """Rows in these states (default: all), by id."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        found = self._database.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM evaluations {where} ORDER BY id", states
        )
        rows = (dict(zip(_COLUMNS, values, strict=True)) for values in found)
        return [StoredRow(**{**row, **{n: json.loads(row[n]) for n in _TREES}}) for row in rows]

    def insert(self, **values: Any) -> int:
        """A new row, under the next id if none is given; returns its id."""
        names, given = self._written(values)
        marks = ", ".join("?" * len(given))
        done = self._database.execute(
            f"INSERT INTO evaluations ({', '.join(names)}) VALUES ({marks})", given
        )
        return int(done.lastrowid or 0)

    def update(self, id: int, **values: Any) -> None:
        """Change a row."""
        names, given = self._written(values)
        changes = ", ".join(f"{name} = ?" for name in names)
        self._database.execute(f"UPDATE evaluations SET {changes} WHERE id = ?", [*given, id])

    def next_id(self) -> int:
        """The id that the next new row gets."""
        (last,) = self._database.execute("SELECT max(id) FROM evaluations").fetchone()
        return (last or 0) + 1

    def next_place(self) -> int:
        """The place of the row that finishes now."""
        (last,) = self._database.execute("SELECT max(place) FROM evaluations").fetchone()
        return (last or 0) + 1

    def spend(self, what: str, seconds: float, cpu_seconds: float) -> None:
        """Add to what the campaign itself has cost."""
        self._database.execute(
            "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (what) DO UPDATE SET "
            "seconds = seconds + excluded.seconds, "
            "cpu_seconds = cpu_seconds + excluded.cpu_seconds",
            (what, seconds, cpu_seconds),
        )

    def spent(self) -> dict[str, tuple[float, float]]:
        """Wall and processor seconds, by what they went into."""
        return {
            what: (wall, cpu) for what, wall, cpu in self._database.execute("SELECT * FROM spent")
        }

    def _written(self, values: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
        trees = {name: _text(values[name]) for name in _TREES if name in values}
        written = {**values, **trees}
        return list(written), list(written.values())


class CampaignStore:
    """The open file of a campaign; a connection lasts for one step.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        There is no such file.
    ArtefactError
        It is damaged, no campaign, or of a newer Leyden.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unbooked = (0.0, 0.0)
        self._measuring = False
        if not path.is_file():
            raise InputError(
                "there is no such campaign",
                file=path,
                remedy="make it with `leyden explore new`, or Campaign.create",
            )
        with self._connected() as database:
            self._check(database)

    @classmethod
    def create(
        cls,
        path: Path,
        facts: Mapping[str, Any],
        begin: Callable[[Transaction], object] = lambda step: None,
    ) -> CampaignStore:
        """A new file with what `begin` puts in; appears when it is complete and replaces none."""
        taken = InputError(
            "there is something of this name", file=path, remedy="choose another name"
        )
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            database = sqlite3.connect(beside, isolation_level=None)
            try:
                database.executescript(f"BEGIN; {_TABLES}")
                database.executemany(
                    "INSERT INTO facts VALUES (?, ?)",
                    [(name, _text(value)) for name, value in facts.items()],
                )
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                begin(Transaction(database))
                database.execute("COMMIT")
            finally:
                database.close()
            os.link(beside, path)  # unlike a renaming, it replaces nothing
        except FileExistsError:
            raise taken from None
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"the campaign cannot be written: {error}",
                file=path,
                remedy="choose a folder that you may write",
            ) from error
        finally:
            beside.unlink(missing_ok=True)
        return cls(path)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A look at one moment of the campaign."""
        with self.measured(), self._connected() as database:
            database.execute("BEGIN")
            yield Transaction(database)
            database.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A step: all of it is done, or nothing; what it costs is written down with the next."""
        with self.measured(), self._connected() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                step = Transaction(database)
                step.spend("store", *self._unbooked)
                yield step
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            self._unbooked = (0.0, 0.0)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """What is done meanwhile is a cost of the campaign; steps within are not counted twice."""
        if self._measuring:
            yield
            return
        wall, cpu = time.perf_counter(), time.process_time()
        self._measuring = True
        try:
            yield
        finally:
            self._measuring = False
        more = time.perf_counter() - wall, time.process_time() - cpu
        self._unbooked = self._unbooked[0] + more[0], self._unbooked[1] + more[1]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            address = f"{self.path.absolute().as_uri()}?mode=rw"
            database = sqlite3.connect(address, uri=True, timeout=_PATIENCE_S, isolation_level=None)
            try:
                database.execute("PRAGMA synchronous = FULL")
                yield database
            finally:
                database.close()
        except sqlite3.IntegrityError:  # our own mistake
            raise
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
                raise InputError(
                    f"the campaign cannot be used now: {error}",
                    file=self.path,
                    remedy="see that its folder can be written, and that no other program holds it",
                ) from error
            raise ArtefactError(
                f"{self.path}: the file is damaged, or no campaign ({error}). Remedy: take a copy, "
                "or make a new campaign and tell it your last results.csv."
            ) from error

    def _check(self, database: sqlite3.Connection) -> None:
        (known,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise sqlite3.DatabaseError(" ".join(sound.split()))
        if known != _APPLICATION:
            raise ArtefactError(
                f"{self.path}: this is no campaign. Remedy: give the file that `leyden explore "
                "new` made."
            )
        if version > SCHEMA_VERSION:
            raise ArtefactError(
                f"{self.path}: the campaign has schema version {version}, and this Leyden knows "
                f"{SCHEMA_VERSION} at most. Remedy: update Leyden."
            )
        if version < SCHEMA_VERSION:
            self._upgrade(database)

    def _upgrade(self, database: sqlite3.Connection) -> None:
        """Step by step, all in one transaction; whoever comes second finds it done."""
        database.execute("BEGIN IMMEDIATE")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        while version < SCHEMA_VERSION:
            if version not in UPGRADES:
                raise ArtefactError(
                    f"{self.path}: schema version {version} is not known. Remedy: make a new "
                    "campaign, and tell it your last results.csv."
                )
            UPGRADES[version](database)
            version += 1
            database.execute(f"PRAGMA user_version = {version}")
        database.execute("COMMIT")


def _text(value: object) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """JSON knows no numbers that are none, and no NumPy."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
