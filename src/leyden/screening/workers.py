"""Where shards are run: processes of this machine, or the workers of a Dask scheduler."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from leyden.errors import InputError, MissingExtraError
from leyden.worker_processes import worker_processes

__all__ = ["Here", "dask_workers", "processes"]


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
    """Processes of one thread each (`leyden.worker_processes`), which leave Ctrl-C to this one."""
    with worker_processes(workers, signal.signal, signal.SIGINT, signal.SIG_IGN) as pool:
        yield pool


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
