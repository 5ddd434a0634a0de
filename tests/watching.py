"""Processes that a test watches: whether they live, and waiting for what they do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def alive(pid: str) -> bool:
    """Whether a process runs; one that has ended and is not reaped does not."""
    state = Path("/proc") / pid / "stat"
    try:
        os.kill(int(pid), 0)
        return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_for(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Until it is so; a busy machine takes its time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
