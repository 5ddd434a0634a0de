"""A user's program as a process group of its own, which leaves nothing behind when it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

__all__ = ["LOCK", "end_leftover", "run_command"]

LOCK = "command.lock"
"""Held by the program and all that it starts; tells their process group."""

_PATIENCE_S = 20.0


def run_command(
    words: Sequence[str],
    folder: Path,
    *,
    working_folder: Path,
    timeout_s: float | None,
) -> int | None:
    """Run a program; its output goes to ``stdout.txt`` and ``stderr.txt`` in `folder`.

    Returns
    -------
    int or None
        Its exit status; None if it was ended for its time, with all that it had started.

    Raises
    ------
    OSError
        It cannot be started.
    """
    with (
        _own(folder) as lock,
        (folder / "stdout.txt").open("wb") as said,
        (folder / "stderr.txt").open("wb") as complained,
    ):
        child = subprocess.Popen(
            list(words),
            cwd=working_folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            process_group=0,
            pass_fds=(lock.fileno(),),
        )
        lock.write(str(child.pid))
        lock.flush()
        try:
            return child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if child.returncode is None:
                _end_group(child.pid)
                child.wait()


def end_leftover(folder: Path) -> None:
    """End what a program of an earlier attempt has left running, if anything."""
    if (folder / LOCK).exists():
        _own(folder).close()


def _own(folder: Path) -> IO[str]:
    """The lock of a folder; who holds it by now is ended first."""
    import fcntl

    lock = (folder / LOCK).open("a+")
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                lock.close()
                raise OSError(f"what runs in {folder} cannot be ended") from None
            lock.seek(0)
            group = lock.read().strip()
            if group.isdigit():
                _end_group(int(group))
            time.sleep(0.02)
    lock.truncate(0)
    return lock


def _end_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
