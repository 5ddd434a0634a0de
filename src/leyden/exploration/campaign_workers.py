"""Who evaluates the rows of a campaign: processes of this machine, or an executor.

A process that dies takes only its own row with it, and one that does not return is ended with all
that it has started. `concurrent.futures` knows neither of its own processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future
from concurrent.futures import wait as first_of
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from leyden.errors import InputError, LeydenError
from leyden.exploration.command import end_leftover
from leyden.exploration.trial import Answer, Evaluate, EvaluationKilled, Trial, perform
from leyden.worker_processes import worker_process

__all__ = ["Ended", "Executes", "ExecutorWorkers", "LocalWorkers", "Workers"]

_GRACE = 0.1
"""Of the time of an evaluation, at least `_GRACE_S`: for one that ends itself when it is over."""
_GRACE_S = 2.0
_STARTS = 4
"""Workers in a row that may die before they begin."""


class Executes(Protocol):
    """What has `submit`: an executor, or the client of a Dask scheduler."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call it somewhere, and give its future."""


@dataclass(frozen=True)
class Ended:
    """An evaluation that is over.

    Attributes
    ----------
    trial : Trial
    answer : Answer or None
        None where its worker died, or what it had started was killed.
    reason : str
        Of the death.
    """

    trial: Trial
    answer: Answer | None
    reason: str = ""


class Workers(Protocol):
    """What evaluates; a context manager, which ends all that is at work when it is left."""

    def free(self) -> int:
        """How many trials can be started now."""

    def start(self, trial: Trial) -> str:
        """Begin one; returns who has it."""

    def wait(self, seconds: float) -> list[Ended]:
        """What has ended, as soon as something has."""

    def starting(self) -> float:
        """Processor seconds that starts of workers have taken since this was asked last."""

    def __enter__(self) -> Workers: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass(eq=False)
class _Worker:
    """A process, and what it is doing."""

    process: SpawnProcess
    connection: Connection
    ready: bool = False
    trial: Trial | None = None
    began: float = 0.0

    @property
    def deadline(self) -> float:
        """When its trial is ended from outside, on the monotonic clock."""
        return self.began + _allowed(self.trial)

    def end(self) -> None:
        """Kill it, and all that it has started."""
        with suppress(ProcessLookupError, PermissionError):  # a group of its own, once it runs
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.connection.close()
        if self.trial is not None:
            with suppress(OSError):
                end_leftover(self.trial.folder)


class LocalWorkers:
    """Processes of this machine, of one thread each.

    Parameters
    ----------
    evaluate : callable
        If it has a method `prepare`, each worker calls it before its first trial: what is loaded
        there does not count as an evaluation.
    workers : int

    Attributes
    ----------
    evaluate : callable
    count : int
    """

    def __init__(self, evaluate: Evaluate, workers: int) -> None:
        self.evaluate, self.count = evaluate, workers
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._starting = 0.0

    def __enter__(self) -> LocalWorkers:
        self._fill()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """End all that is at work; who waits for something gets new workers."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def starting(self) -> float:
        seconds, self._starting = self._starting, 0.0
        return seconds

    def free(self) -> int:
        return len([worker for worker in self._workers if worker.ready and worker.trial is None])

    def start(self, trial: Trial) -> str:
        worker = next(w for w in self._workers if w.ready and w.trial is None)
        worker.trial, worker.began = trial, time.monotonic()
        with suppress(OSError):  # it died just now: `wait` tells
            worker.connection.send(trial)
        return f"{os.uname().nodename}:{worker.process.pid}"

    def wait(self, seconds: float) -> list[Ended]:
        now = time.monotonic()
        soonest = min([w.deadline for w in self._workers if w.trial], default=now + seconds)
        signs = [sign for w in self._workers for sign in (w.connection, w.process.sentinel)]
        heard = wait(signs, max(min(soonest - now, seconds), 0))
        ended = []
        for worker in list(self._workers):
            if worker.connection in heard:
                ended += self._hear(worker)
            elif worker.process.sentinel in heard:
                ended += self._bury(worker)
            elif worker.trial is not None and time.monotonic() > worker.deadline:
                ended.append(Ended(worker.trial, _timed_out(worker.trial, worker.began)))
                self._drop(worker)
        self._fill()
        return ended

    def _hear(self, worker: _Worker) -> list[Ended]:
        try:
            told = worker.connection.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(told, EvaluationKilled) and worker.trial is not None:
            killed, worker.trial = worker.trial, None
            return [Ended(killed, None, str(told))]
        if isinstance(told, Exception):
            raise told
        if not isinstance(told, Answer):
            worker.ready, self._failed_starts = True, 0
            self._starting += told
            return []
        trial, worker.trial = worker.trial, None
        assert trial is not None, "a worker answers when it is asked"
        return [Ended(trial, told)]

    def _bury(self, worker: _Worker) -> list[Ended]:
        worker.process.join(1.0)
        code, trial = worker.process.exitcode, worker.trial
        self._drop(worker)
        if trial is not None:
            return [Ended(trial, None, _death(code))]
        self._failed_starts += not worker.ready
        if self._failed_starts >= _STARTS:
            raise LeydenError(
                f"workers cannot start ({_death(code)}). Remedy: see the message above; define "
                'the function in a file, and what runs it under if __name__ == "__main__":.'
            )
        return []

    def _drop(self, worker: _Worker) -> None:
        worker.end()
        self._workers.remove(worker)

    def _fill(self) -> None:
        while len(self._workers) < self.count:
            here, there = multiprocessing.get_context("spawn").Pipe()
            process = worker_process(_serve, there, self.evaluate)
            try:
                process.start()
            except (AttributeError, TypeError, ValueError) as error:
                raise _not_sent(error) from error
            except Exception as error:
                if type(error).__name__ != "PicklingError":
                    raise
                raise _not_sent(error) from error
            there.close()
            self._workers.append(_Worker(process, here))


class ExecutorWorkers:
    """The workers of an executor, or of a Dask scheduler.

    Parameters
    ----------
    evaluate : callable
    executor : Executor or dask.distributed.Client
    workers : int
        Trials that are with it at a time.
    """

    def __init__(self, evaluate: Evaluate, executor: Executes, workers: int) -> None:
        own = getattr(executor, "get_executor", None)  # Dask's futures are another kind
        self._submit = (executor if own is None else own(pure=False)).submit
        self._evaluate, self._count = evaluate, workers
        self._trials: dict[Future[Answer], tuple[Trial, float]] = {}

    def __enter__(self) -> ExecutorWorkers:
        return self

    def __exit__(self, *error: object) -> None:
        for future in self._trials:
            future.cancel()

    def free(self) -> int:
        return self._count - len(self._trials)

    def starting(self) -> float:
        return 0.0  # its workers are not ours

    def start(self, trial: Trial) -> str:
        try:
            future = self._submit(perform, self._evaluate, trial)
        except BrokenExecutor as error:
            raise _broken(error) from error
        self._trials[future] = trial, time.monotonic()
        return "executor"

    def wait(self, seconds: float) -> list[Ended]:
        now = time.monotonic()
        left = [began + _allowed(trial) - now for trial, began in self._trials.values()]
        soonest = min(left, default=seconds)
        pause = max(min(soonest, seconds), 0)
        done, _ = first_of(self._trials, timeout=pause, return_when=FIRST_COMPLETED)
        ended = []
        for future in done:
            trial, _ = self._trials.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                ended.append(Ended(trial, future.result()))
            elif type(error).__name__ == "KilledWorker":
                ended.append(Ended(trial, None, "its worker died"))
            elif isinstance(error, EvaluationKilled):
                ended.append(Ended(trial, None, str(error)))
            elif isinstance(error, BrokenExecutor | CancelledError):
                raise _broken(error) from error
            else:
                raise error
        now = time.monotonic()
        for future, (trial, began) in list(self._trials.items()):
            if now > began + _allowed(trial):
                future.cancel()
                del self._trials[future]
                ended.append(Ended(trial, _timed_out(trial, began)))
        return ended


def _serve(connection: Connection, evaluate: Evaluate) -> None:
    """What a worker does until its driver ends."""
    os.setpgid(0, 0)  # a group of its own, which Ctrl-C does not reach
    at_work: list[Path] = []
    threading.Thread(target=_end_with_the_driver, args=(at_work,), daemon=True).start()
    with suppress(EOFError, OSError):  # it has ended, and so does this
        getattr(evaluate, "prepare", lambda: None)()
        connection.send(time.process_time())
        while True:
            trial: Trial = connection.recv()
            at_work[:] = [trial.folder]
            try:
                told: Answer | Exception = perform(evaluate, trial)
            except LeydenError as error:
                told = error
            at_work.clear()
            connection.send(told)


def _end_with_the_driver(at_work: list[Path]) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has been started"
    parent.join()
    for folder in at_work:
        with suppress(OSError):
            end_leftover(folder)
    os.killpg(0, signal.SIGKILL)


def _allowed(trial: Trial | None) -> float:
    if trial is None or trial.timeout_s is None:
        return float("inf")
    return trial.timeout_s + max(_GRACE * trial.timeout_s, _GRACE_S)


def _timed_out(trial: Trial, began: float) -> Answer:
    reason = f"it did not return within {trial.timeout_s:g} s"
    return Answer("timed out", reason, seconds=time.monotonic() - began)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its worker was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"its worker ended with status {code}"


def _not_sent(error: Exception) -> InputError:
    return InputError(
        f"the function cannot be sent to workers: {error}",
        remedy="define it at the top of a file, or give an executor",
    )


def _broken(error: BaseException) -> LeydenError:
    return LeydenError(
        f"the executor has lost its workers ({type(error).__name__}: {error}). What was finished "
        "is kept. Remedy: start it anew, and run the same again."
    )
