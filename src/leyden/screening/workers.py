"""Where shards are run: processes of this machine, or the workers of a Dask scheduler."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from leyden.errors import InputError, MissingExtraError

__all__ = ["THREADS", "Here", "dask_workers", "processes"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that hold the numerical libraries of a worker to one thread each."""


class Here(Executor):
    """Runs what it is given at once, in this process and with all the threads it has."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it; the future that comes back is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """Processes of one thread each.

    They are spawned, not forked, since a fork of a process with running threads may hang: a script
    that starts them needs ``if __name__ == "__main__":``.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_follow_parent)
    try:
        with _single_threads():
            pool.submit(os.getpid)  # the first task starts all processes
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def dask_workers(address: str, timeout: float = 30.0) -> Iterator[Executor]:
    """The workers of a running Dask scheduler; those that come later work too.

    Each needs the same version of Leyden and one thread (``dask worker --nthreads 1``, and
    ``NUMBA_NUM_THREADS=1`` in its environment).

    Parameters
    ----------
    address : str
        As the scheduler tells it: ``tcp://host:8786``.
    timeout : float
        Seconds to wait for its answer.

    Raises
    ------
    MissingExtraError
        Dask is not installed.
    InputError
        No scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("distributed", "cluster") from error
    try:
        client = Client(address, timeout=timeout)
    except (OSError, ValueError, TypeError) as error:  # a timeout is an OSError
        raise InputError(
            "no Dask scheduler answers",
            value=address,
            remedy="start one with `dask scheduler`, and give the address that it tells",
        ) from error
    with client:
        if not client.nthreads():
            warnings.warn(f"{address} has no workers yet; shards wait for them", stacklevel=3)
        yield client.get_executor(pure=False)


@contextmanager
def _single_threads() -> Iterator[None]:
    """One thread for every numerical library of the processes started inside."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _follow_parent() -> None:
    """End with the parent even if that is killed, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
