"""One driver at a time: a lock that the system takes back from whoever dies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leyden.errors import InputError

__all__ = ["driver_of", "driving"]

_PATIENCE_S = 0.5


@contextmanager
def driving(campaign: Path) -> Iterator[None]:
    """Be the driver of a campaign.

    Raises
    ------
    InputError
        There is one already, named by its process.
    """
    import fcntl  # not on Windows, and neither are the workers

    with _lock(campaign).open("a+") as lock:
        until = time.monotonic() + _PATIENCE_S  # who asks for the status holds it for a moment
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise InputError(
                        f"process {_told(campaign)} is running this campaign",
                        file=campaign,
                        remedy="wait for it or end it; suggest, tell and status need no driver",
                    ) from None
                time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


def driver_of(campaign: Path) -> int | None:
    """The process that runs a campaign now, if any."""
    try:
        import fcntl

        with _lock(campaign).open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                told = _told(campaign)
                return int(told) if told.isdigit() else None
    except (ImportError, OSError):
        return None


def _lock(campaign: Path) -> Path:
    return campaign.with_name(f"{campaign.name}.lock")


def _told(campaign: Path) -> str:
    return _lock(campaign).read_text().strip() or "?"
