"""Arrays too long for memory: a folder of growing ``.npy`` files, whole or not there at all."""

from __future__ import annotations

import errno
import filecmp
import glob
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

import numpy as np

from leyden.errors import ArtefactError, InputError

__all__ = ["ArrayWriter", "is_store", "made_once", "read_arrays"]

T = TypeVar("T")

_FACTS = "facts.json"
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}  # the name, by a store, by files, by a file


class ArrayWriter:
    """Arrays by name, made by appending along their first axis: in memory, or in a folder.

    A folder is made under a hidden name beside its own and renamed when `finish` is called, so that
    a half-made one is never taken for a whole one. Leaving the ``with`` block without `finish`, by
    an error or Ctrl-C, removes what was made; what a killed process has left, the next writer of
    the folder on the same host removes. Of writers at the same time the first to finish gives the
    folder its arrays; the others have made the same and use these, or are refused.

    Parameters
    ----------
    folder : path or None
        Where the arrays shall lie; None keeps them in memory.

    Raises
    ------
    InputError
        The folder is there already, and is not empty.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._memory: dict[str, list[np.ndarray]] = {}
        self._files: dict[str, _GrowingFile] = {}
        self._hidden: _HiddenFolder | None = None
        if self._folder is not None:
            if self._folder.exists() and (not self._folder.is_dir() or any(self._folder.iterdir())):
                raise InputError(
                    "a store is written into a new folder",
                    file=self._folder,
                    remedy="delete it, or name another folder",
                )
            self._hidden = _HiddenFolder(self._folder)

    def append(self, name: str, rows: np.ndarray) -> None:
        """Rows at the end of an array; the first call settles its type and inner shape.

        Raises
        ------
        InputError
            What was made so far is gone.
        """
        if self._hidden is None:
            self._memory.setdefault(name, []).append(np.array(rows))  # the caller may reuse its own
            return
        if name not in self._files:
            with self._hidden.there():
                self._files[name] = _GrowingFile(self._hidden.path / f"{name}.npy", rows)
        self._files[name].append(rows)

    def finish(self, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The arrays by name; those of a folder are memory-mapped, and `facts` lie beside them.

        Raises
        ------
        InputError
            Another process has meanwhile put something else into the folder; or what was made is
            gone.
        """
        if self._hidden is None or self._folder is None:
            return {name: np.concatenate(parts) for name, parts in self._memory.items()}
        for file in self._files.values():
            file.close()
        with self._hidden.there():
            (self._hidden.path / _FACTS).write_text(json.dumps(facts))
            self._hidden.become(self._folder)
        return read_arrays(self._folder)[0]

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.abandon()
        if self._hidden is not None:
            self._hidden.remove()


def is_store(folder: str | Path) -> bool:
    """Whether a folder was written by `ArrayWriter`."""
    return (Path(folder) / _FACTS).is_file()


def read_arrays(folder: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The memory-mapped arrays of a folder by name, and the facts beside them.

    Raises
    ------
    ArtefactError
        The folder was not written by `ArrayWriter`, or a file of it is gone or cut off.
    """
    folder = Path(folder)
    try:
        facts = json.loads((folder / _FACTS).read_text())
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{folder}: not a whole store of arrays ({error}). Remedy: make it again."
        ) from error
    return arrays, facts


def made_once(opened: Callable[[], T | None], make: Callable[[], T]) -> T:
    """What `opened` finds in a folder, and else what `make` puts there.

    It is looked for again where it cannot be made: another process may just have finished it.
    """
    found = opened()
    if found is not None:
        return found
    try:
        return make()
    except InputError:
        found = opened()
        if found is None:
            raise
        return found


class _HiddenFolder:
    """A folder on its way to its name, locked for as long as its process lives.

    Where locks are of one host only, that of another seems to be free: the name tells the host.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        prefix = f".{folder.name}-making-{platform.node()}-"
        folder.parent.mkdir(parents=True, exist_ok=True)
        guard = _locked(folder.parent, wait=True)  # none is taken for dead before it has its lock
        try:
            if guard is not None:
                for left in folder.parent.glob(f"{glob.escape(prefix)}{'?' * 8}"):
                    _remove_if_dead(left)
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
            self._lock = _locked(self.path)
        finally:
            if guard is not None:
                os.close(guard)

    @contextmanager
    def there(self) -> Iterator[None]:
        """Tell it plainly if the folder is gone."""
        try:
            yield
        except FileNotFoundError as error:
            raise InputError(
                "a store stays where it is while it is written; this one was removed",
                value=self.path.name,
                file=self._folder,
                remedy="run it again, and leave hidden folders beside the store alone",
            ) from error

    def become(self, folder: Path) -> None:
        """Take the name, unless there is the same already."""
        with suppress(OSError):
            folder.rmdir()  # an empty one
        try:
            os.rename(self.path, folder)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            if not _equal(self.path, folder):
                raise InputError(
                    "another process has meanwhile written a different store, or files",
                    file=folder,
                    remedy="name another folder, or run one after the other",
                ) from error

    def remove(self) -> None:
        """Leave nothing but what has become of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _locked(folder: Path, *, wait: bool = False) -> int | None:
    """A descriptor that locks a folder until it is closed or its process ends; None: it cannot."""
    lock = None
    try:
        import fcntl  # not on Windows: there nothing is locked, and nothing taken for dead

        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (ImportError, OSError):
        if lock is not None:
            os.close(lock)
        return None
    return lock


def _remove_if_dead(folder: Path) -> None:
    lock = _locked(folder)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _equal(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files, byte for byte."""
    names = sorted(os.listdir(one))
    if not is_store(other) or sorted(os.listdir(other)) != names:
        return False
    return filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


class _GrowingFile:
    """An ``.npy`` file whose length is written when it is known."""

    def __init__(self, path: Path, rows: np.ndarray) -> None:
        self._file: BinaryIO = path.open("wb")
        self._dtype, self._shape, self._length = rows.dtype, rows.shape[1:], 0
        self._start = self._header()

    def append(self, rows: np.ndarray) -> None:
        if rows.dtype != self._dtype or rows.shape[1:] != self._shape:
            raise ValueError(f"{rows.dtype} {rows.shape} after {self._dtype} {self._shape}")
        np.ascontiguousarray(rows).tofile(self._file)
        self._length += len(rows)

    def close(self) -> None:
        self._file.flush()
        end = self._file.tell()
        self._file.seek(0)
        # numpy pads the header so that the first axis may grow in place.
        if self._header() != self._start:
            raise ValueError("the header of an .npy file does not fit its place")
        self._file.seek(end)
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        self._file.close()

    def _header(self) -> int:
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._length, *self._shape),
            },
        )
        return self._file.tell()
