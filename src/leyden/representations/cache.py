"""What is costly and depends on content only is kept on disk, under a hash of that content.

The folder is `LEYDEN_CACHE`, else the user's cache folder. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.crystal import Crystal

__all__ = ["cache_folder", "content_key", "item_key", "remembered"]

_VERSION = b"1"  # raise it when the meaning of a stored array changes


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
    if isinstance(item, Crystal):
        digest.update(np.ascontiguousarray(item.numbers, dtype="<u1").tobytes())
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


def _read(folder: Path) -> dict[str, np.ndarray]:
    # numpy cannot map an empty file's array; it is read instead.
    arrays = {}
    for path in sorted(folder.glob("*.npy")):
        header = np.load(path, mmap_mode="r") if path.stat().st_size > 128 else np.load(path)
        arrays[path.stem] = header
    return arrays
