"""What is costly and depends on content only is kept on disk, under a hash of that content.

The folder is `LEYDEN_CACHE`, else the user's cache folder. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.disordered import DisorderedCrystal
from leyden.data.electrode import Electrode

__all__ = ["cache_folder", "content_key", "item_key", "remembered", "remembered_rows"]

_VERSION = b"1"  # raise it when the meaning of a stored array changes
_SECONDS_AT_RISK = 5.0  # a killed run loses this much work at most


def cache_folder() -> Path:
    """The folder of kept results; it is not made before something is kept."""
    if chosen := os.environ.get("LEYDEN_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "leyden"


def item_key(item: Any) -> bytes:
    """32 bytes that tell an item from any other: SHA-256 of its numbers, coordinates and cell."""
    digest = hashlib.sha256()
    if isinstance(item, Electrode):
        states = [item_key(state) for state in (item.host, item.discharged) if state is not None]
        digest.update(item.ion.encode() + b"\0" + b"".join(states))
        return digest.digest()
    if isinstance(item, Crystal):
        digest.update(np.ascontiguousarray(item.numbers, dtype="<u1").tobytes())
        digest.update(np.ascontiguousarray(item.frac, dtype="<f8").tobytes())
        digest.update(np.ascontiguousarray(item.lattice, dtype="<f8").tobytes())
    elif isinstance(item, DisorderedCrystal):
        digest.update(repr(item.species).encode())
        digest.update(np.ascontiguousarray(item.frac, dtype="<f8").tobytes())
        digest.update(np.ascontiguousarray(item.lattice, dtype="<f8").tobytes())
    else:
        digest.update(repr(item).encode())
    return digest.digest()


def content_key(representation: object, items: Iterable[Any]) -> str:
    """Hash of a representation, which is told by its `repr`, and of items in their order."""
    digest = hashlib.sha256(_VERSION + repr(representation).encode())
    for item in items:
        digest.update(item_key(item))
    return digest.hexdigest()


def remembered(
    shelf: str, key: str, make: Callable[[], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Arrays by name, read from the cache, memory-mapped; made and kept if they are not there.

    A writer that dies leaves nothing under the key. Two writers of one key write the same, so the
    first to finish wins. Where the disk is full or read-only the arrays are handed on, not kept.
    """
    folder = cache_folder() / shelf / key
    if folder.is_dir():
        return _read(folder)
    arrays = dict(make())
    temporary: str | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(prefix=".making-", dir=folder.parent)
        for name, array in arrays.items():
            np.save(Path(temporary) / f"{name}.npy", array)
        os.rename(temporary, folder)
    except OSError:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return _read(folder) if folder.is_dir() else arrays


def remembered_rows(
    shelf: str, keys: Sequence[bytes], make: Callable[[int], np.ndarray], width: int
) -> np.ndarray:
    """Vectors, one a key, read from the cache or made and kept every few seconds.

    One SQLite file holds the rows of all data sets, so a row is made once wherever it turns up, and
    a killed run has lost a few seconds. Where the folder cannot be written nothing is kept.

    Parameters
    ----------
    shelf : str
        What made the rows.
    keys : sequence of bytes, length n
        Content of each item (`item_key`).
    make : callable
        Position to vector of float64, for what is not kept yet.
    width : int
        Length of a vector.
    """
    rows = np.zeros((len(keys), width))
    with _row_store() as store:
        full = [hashlib.sha256(_VERSION + shelf.encode() + key).digest() for key in keys]
        pending: dict[bytes, np.ndarray] = {}
        written = time.monotonic()
        for position, key in enumerate(full):
            if key in pending:
                rows[position] = pending[key]
            elif (kept := _look_up(store, key)) is not None and len(kept) == width:
                rows[position] = kept
            else:
                rows[position] = pending[key] = make(position)
                if time.monotonic() - written > _SECONDS_AT_RISK:
                    _write(store, pending)
                    pending.clear()
                    written = time.monotonic()
        _write(store, pending)
    return rows


@contextmanager
def _row_store() -> Iterator[sqlite3.Connection | None]:
    """The open store of rows, or None where there can be none."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(cache_folder() / "rows.sqlite", timeout=30)
        store.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, row BLOB)")
    except (OSError, sqlite3.Error):
        yield None
        return
    with closing(store):
        yield store


def _look_up(store: sqlite3.Connection | None, key: bytes) -> np.ndarray | None:
    if store is None:
        return None
    try:
        found = store.execute("SELECT row FROM rows WHERE key = ?", (key,)).fetchone()
    except sqlite3.Error:  # a damaged cache is no cache
        return None
    return None if found is None else np.frombuffer(found[0], dtype="<f8")


def _write(store: sqlite3.Connection | None, rows: Mapping[bytes, np.ndarray]) -> None:
    if store is None or not rows:
        return
    values = [(key, row.astype("<f8").tobytes()) for key, row in rows.items()]
    with suppress(sqlite3.Error), store:  # a full disk costs the cache, not the run
        store.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?)", values)


def _read(folder: Path) -> dict[str, np.ndarray]:
    arrays = {}
    for path in sorted(folder.glob("*.npy")):
        try:
            arrays[path.stem] = np.load(path, mmap_mode="r")
        except ValueError:  # an array without elements cannot be mapped
            arrays[path.stem] = np.load(path)
    return arrays
