"""Send shards to workers, a few at a time, and take back what they have finished."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass
from typing import NoReturn

import leyden
from leyden.errors import IncompatibleError, LeydenError
from leyden.screening.job import Job, ShardResult
from leyden.screening.shard_queue import ShardQueue
from leyden.screening.workers import Here, processes

__all__ = ["Chunk", "finished_chunks"]

_MOST_AHEAD = 4096


@dataclass(frozen=True, eq=False)
class Chunk:
    """What comes back from a worker.

    Attributes
    ----------
    shards : range
    result : ShardResult
        Of all of them together.
    seconds : float
        What they took the worker.
    worker : tuple
        Host, process and thread.
    """

    shards: range
    result: ShardResult
    seconds: float
    worker: tuple[str, int, int]


def finished_chunks(
    job: Job, queue: ShardQueue, executor: Executor | None, workers: int | None
) -> Iterator[Chunk]:
    """Run what is in the queue; chunks come as they are finished.

    Parameters
    ----------
    job : Job
    queue : ShardQueue
        Empty at the end.
    executor : Executor, optional
        Default: processes, or this process.
    workers : int, optional
        Processes of one thread.  If one dies, what was with the pool is run once more.

    Raises
    ------
    LeydenError
        A shard failed, or its worker died.
    """
    if workers is None:
        try:
            yield from _run_all(job, queue, executor or Here())
        except _WorkersDied as death:
            _fail(job, death.chunks, death.error)
        return
    while queue.left:
        with processes(workers) as pool:
            try:
                yield from _run_all(job, queue, pool)
                return
            except _WorkersDied as death:
                suspects = death.chunks
        # In a new pool and one by one: there is more memory, and it is known who dies.
        with processes(1) as pool:
            for shard in itertools.chain(*suspects):
                future = _submit(job, range(shard, shard + 1), pool)
                if error := future.exception():
                    _fail(job, [range(shard, shard + 1)], error)
                yield future.result()


class _WorkersDied(Exception):
    """An executor broke; the chunks that were with it, one of which may have been the cause."""

    def __init__(self, chunks: list[range], error: BaseException) -> None:
        self.chunks, self.error = chunks, error
        super().__init__(chunks, error)


def _run_chunk(job: Job, shards: range, version: str) -> Chunk:
    """Run some shards; on a worker."""
    if version != leyden.__version__:  # the answer would depend on who ran which shard
        raise IncompatibleError(
            f"the worker on {socket.gethostname()} has Leyden {leyden.__version__}, and the driver "
            f"{version}. Remedy: install the same version on both."
        )
    began, result = time.perf_counter(), None
    for shard in shards:
        try:
            found = job.run(shard)
            result = found if result is None else job.merge(result, found)
        except Exception as error:
            _fail(job, [range(shard, shard + 1)], error)
    assert result is not None, "a chunk has at least one shard"
    worker = (socket.gethostname(), os.getpid(), threading.get_ident())
    return Chunk(shards, result, time.perf_counter() - began, worker)


def _submit(job: Job, shards: range, executor: Executor) -> Future[Chunk]:
    return executor.submit(_run_chunk, job, shards, leyden.__version__)


def _run_all(job: Job, queue: ShardQueue, executor: Executor) -> Iterator[Chunk]:
    """Chunks as an executor finishes them; as many wait with it as it has workers."""
    pending: dict[Future[Chunk], range] = {}
    seen: set[tuple[str, int, int]] = set()
    try:
        while True:
            _refill(job, queue, executor, pending, len(seen))
            if not pending:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            failed = []
            for future in done:
                shards = pending.pop(future)
                if error := _error(future):
                    failed.append((shards, error))
                    continue
                chunk = future.result()
                queue.learn(shards, chunk.seconds)
                seen.add(chunk.worker)
                yield chunk
            for shards, error in failed:
                if not isinstance(error, BrokenExecutor):
                    _fail(job, [shards], error)
            if failed:
                raise _WorkersDied([each for each, _ in failed] + [*pending.values()], failed[0][1])
    finally:
        for future in pending:
            future.cancel()


def _refill(
    job: Job,
    queue: ShardQueue,
    executor: Executor,
    pending: dict[Future[Chunk], range],
    workers: int,
) -> None:
    """Submit until twice as many chunks are with the executor as workers have been seen."""
    while len(pending) < min(2 * workers + 2, _MOST_AHEAD):
        shards = queue.take(workers)
        if shards is None:
            return
        try:
            future = _submit(job, shards, executor)
        except BrokenExecutor as error:
            raise _WorkersDied([*pending.values(), shards], error) from error
        pending[future] = shards
        if future.done():  # it ran here: keep it before the next
            return


def _error(future: Future[Chunk]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()


def _fail(job: Job, chunks: list[range], error: BaseException) -> NoReturn:
    """Tell the user; an error of Leyden's own says enough."""
    if isinstance(error, LeydenError):
        raise error
    first, last = min(chunk.start for chunk in chunks), max(chunk.stop for chunk in chunks) - 1
    shards = f"shard {first}" if first == last else f"shards {first} to {last}"
    where = f"{shards} of {job.shards()}"
    memory = "take fewer workers or give each more memory"
    if isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker":
        text = f"a worker died while it ran {where}, most likely of too little memory"
        remedy = memory
    elif isinstance(error, MemoryError):
        text, remedy = f"a worker ran out of memory in {where}", memory
    elif isinstance(error, CancelledError):
        text = f"{where} was cancelled: the scheduler, or the connection to it, is lost"
        remedy = "start it anew"
    else:
        text, remedy = f"{where} failed ({type(error).__name__}: {error})", "mend the cause"
    raise LeydenError(
        f"{text}. Finished shards are kept. Remedy: {remedy}, and run the same again; "
        "it goes on from there."
    ) from error
