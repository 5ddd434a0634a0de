"""Worker processes have one thread each, whenever they start, and the driver keeps its own."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from leyden.screening.workers import processes
from leyden.worker_processes import THREADS, worker_processes

KEPT: list[int] = []


def threads(seconds: float) -> tuple[int, set[str | None]]:
    time.sleep(seconds)  # so long that no worker gets two tasks
    return os.getpid(), {os.environ.get(name) for name in THREADS}


def keep(*numbers: int) -> None:
    KEPT[:] = numbers


def kept() -> list[int]:
    return KEPT


def test_every_worker_has_one_thread_and_the_driver_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    before = dict(os.environ)
    with worker_processes(3) as pool:
        found = [future.result() for future in [pool.submit(threads, 1.0) for _ in range(2)]]
        assert dict(os.environ) == before  # also while the pool lives: numba would refuse
        found += [future.result() for future in [pool.submit(threads, 1.0) for _ in range(3)]]
    assert len({pid for pid, _ in found}) == 3  # the third started late
    assert all(told == {"1"} for _, told in found)
    assert dict(os.environ) == before


def test_what_a_worker_is_given_before_its_first_task() -> None:
    with worker_processes(1, keep, 3, 4) as pool:
        assert pool.submit(kept).result() == [3, 4]
    assert KEPT == []
    with processes(1) as pool:  # those of a screening leave Ctrl-C to the driver
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN


def test_a_worker_that_dies_breaks_the_pool_at_once() -> None:
    with worker_processes(1) as pool, pytest.raises(BrokenProcessPool):
        pool.submit(os._exit, 9).result()
