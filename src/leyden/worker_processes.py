"""Processes of one thread each, for work that is shared out over the processors of a machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

__all__ = ["THREADS", "worker_process", "worker_processes"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that hold the numerical libraries of a process to one thread each."""


@contextmanager
def worker_processes(
    workers: int, initializer: Callable[..., object] | None = None, *initargs: Any
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes of one thread each, which end with this one, even if it is killed.

    They are spawned, not forked, since a fork of a process with running threads may hang: a script
    that starts them needs ``if __name__ == "__main__":``. What waits when the block is left is
    cancelled.

    Parameters
    ----------
    workers : int
        Processes; a pool starts one when there is a task for it.
    initializer : callable, optional
        Called with `initargs` in each process before its first task.
    """
    pool = ProcessPoolExecutor(
        workers, _Context(), initializer=_begin, initargs=(initializer, initargs)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def worker_process(target: Callable[..., object], *args: Any) -> SpawnProcess:
    """One such process, not started yet; it does not end with this one unless `target` sees to it.

    Parameters
    ----------
    target : callable
        Called with `args` there.
    """
    return _Process(target=target, args=args)


class _Process(SpawnProcess):
    """A process whose libraries read the number of threads when they are loaded.

    Set for the moment of the start alone: numba refuses to compile here while the variables differ
    from what it began with.
    """

    def start(self) -> None:
        before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))
        try:
            super().start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


class _Context(SpawnContext):
    Process = _Process


def _begin(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
