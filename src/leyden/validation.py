"""Evaluate arms on the same folds, and keep what is finished.

An *arm* has ``fit(dataset, *, held_out=None)`` and ``predict(dataset, return_std=False)``: every
strategy of `leyden.transfer` is one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.artefact import writing
from leyden.cross_fitting import predict_fold
from leyden.data.dataset import Dataset
from leyden.errors import InputError, LeakageError, LeydenError
from leyden.evaluation import Evaluation, plain
from leyden.hashing import content_hash
from leyden.splits import Fold, Split, checked_folds, default_split

__all__ = ["Evaluation", "compare", "evaluate"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
RECORD = b"leyden"


def evaluate(
    arms: Mapping[str, Any],
    dataset: Dataset,
    split: Split | None = None,
    *,
    n_jobs: int = 1,
    checkpoint: str | Path | None = None,
    return_std: bool = False,
    use_validation: str = "drop",
    reference: str | None = None,
    prepare: Callable[[Dataset], object] | None = None,
    progress: bool = True,
) -> Evaluation:
    """Predict every test row by every arm, each arm fitted on the same training rows.

    Parameters
    ----------
    arms : mapping of str to arm
        Each is cloned for every fold; what is given here is never fitted.
    dataset : Dataset
        Rows with answers; a row may lack some of several targets.
    split : Split, optional
        Default: `leyden.splits.default_split`, which keeps groups together.
    n_jobs : int
        Processes of one thread each; 1 stays in this process, -1 takes every processor.
    checkpoint : path, optional
        Folder in which each finished fold of an arm is kept as one Parquet file, under a hash of
        data, fold, arm and its parameters.  A run that was killed goes on from there; another run
        never reuses them.
    return_std : bool
        Ask the arms for standard deviations too.
    use_validation : {"drop", "train"}
        What becomes of rows that a published protocol sets apart for validation. Arms choose by
        inner validation on their training rows, so by default nobody gets them, and training sets
        are as large as the published ones; ``"train"`` adds them to the training rows.
    reference : str, optional
        The arm that others are compared with.  Default: the first that does not transfer.
    prepare : callable, optional
        Called once with the dataset before any arm is fitted, to fill caches on disk (graphs,
        embeddings) that all processes then read.
    progress : bool
        Show a progress bar if standard error is a terminal.

    Returns
    -------
    Evaluation

    Raises
    ------
    LeakageError
        A split or an arm mixes test rows with training rows.  Any other error of an arm is that
        fold's result: recorded, scored as the training mean, and named in the summary.
    """
    split = default_split(dataset) if split is None else split
    folds = [_with_validation(f, use_validation) for f in checked_folds(split, dataset)]
    about = _about(arms, dataset, split, use_validation, reference)
    plan = _Plan(dict(arms), dataset, split.group, return_std)
    tasks = [(fold, name) for fold in folds for name in arms]
    if prepare is not None:
        prepare(dataset)
    keep = None if checkpoint is None else _Checkpoint(Path(checkpoint), plan)
    parts = {} if keep is None else keep.find_all(tasks)
    left = {i: task for i, task in enumerate(tasks) if i not in parts}
    workers = min(n_jobs if n_jobs > 0 else os.cpu_count() or 1, len(left))
    run = _in_processes if workers > 1 else _here
    with _progress(len(tasks), len(parts), progress) as advance:
        for i, part in run(plan, left, workers):
            parts[i] = part
            if keep is not None and part.record["error"] is None:
                keep.put(*tasks[i], part)
            advance()
    ordered = [parts[i] for i in range(len(tasks))]
    rows = pd.concat([part.rows for part in ordered], ignore_index=True)
    return Evaluation(rows, [part.record for part in ordered], about)


compare = evaluate


@dataclass(frozen=True, eq=False)
class _Plan:
    """What every task needs; handed to a worker process once."""

    arms: dict[str, Any]
    dataset: Dataset
    group: str | None
    return_std: bool


@dataclass(frozen=True, eq=False)
class _Part:
    """The result of one task."""

    rows: pd.DataFrame
    record: dict[str, Any]


def _run(plan: _Plan, fold: Fold, name: str) -> _Part:
    """Fit one arm on one fold and predict its test rows; an error of the arm is a result."""
    began, error, notes = time.perf_counter(), None, {}
    shape = (len(fold.test), plan.dataset.targets.shape[1])
    prediction, std = np.full(shape, np.nan), None
    try:
        result = predict_fold(
            plan.arms[name], plan.dataset, fold, group=plan.group, return_std=plan.return_std
        )
        prediction, std = result.prediction, result.std
        notes = dict(getattr(result.arm, "notes_", {}))
    except LeakageError:
        raise
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    record = {
        "repeat": fold.repeat,
        "fold": fold.fold,
        "size": fold.size,
        "arm": name,
        "train_rows": len(fold.train),
        "test_rows": len(fold.test),
        "seconds": round(time.perf_counter() - began, 3),
        "error": error,
        "notes": plain(notes),
    }
    return _Part(_rows(plan, fold, name, prediction, std), record)


def _rows(
    plan: _Plan, fold: Fold, name: str, prediction: np.ndarray, std: np.ndarray | None
) -> pd.DataFrame:
    """The long table of one task; rows without an answer are left out."""
    dataset, test = plan.dataset, fold.test
    group = dataset.ids if plan.group is None else dataset.groups[plan.group].to_numpy().astype(str)
    tables = []
    for t, target in enumerate(dataset.targets.columns):
        values = dataset.targets[target].to_numpy(dtype=float)
        table = pd.DataFrame(
            {
                "id": dataset.ids[test].astype(object),
                "repeat": fold.repeat,
                "fold": fold.fold,
                "size": fold.size,
                "group": group[test].astype(object),
                "arm": name,
                "target": target,
                "y_true": values[test],
                "y_pred": prediction[:, t],
                "y_std": np.nan if std is None else std[:, t],
                "y_fallback": _mean(values[fold.train]),
                "train_rows": len(fold.train),
            }
        )
        tables.append(table[np.isfinite(values[test])])
    return pd.concat(tables, ignore_index=True)


def _about(
    arms: Mapping[str, Any],
    dataset: Dataset,
    split: Split,
    use_validation: str,
    reference: str | None,
) -> dict[str, Any]:
    """Check what was asked for, and say what it is."""
    if use_validation not in ("drop", "train"):
        raise InputError("validation rows are dropped or added to training", value=use_validation)
    for name, arm in arms.items():
        if not (hasattr(arm, "fit") and hasattr(arm, "predict")):
            raise InputError("an arm has fit and predict", value=arm, row=name)
    transfers = [name for name, arm in arms.items() if getattr(arm, "transfers", False)]
    if reference is None:
        reference = next((name for name in arms if name not in transfers), next(iter(arms), None))
    if reference not in arms:
        raise InputError("the reference is one of the arms", value=reference)
    return {
        "data": {"name": dataset.name, "rows": len(dataset), "sha256": dataset.fingerprint()},
        "split": repr(split),
        "group": split.group,
        "use_validation": use_validation,
        "reference": reference,
        "transfers": transfers,
    }


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _with_validation(fold: Fold, use: str) -> Fold:
    if use == "drop" or len(fold.validation) == 0:
        return fold
    return replace(fold, train=np.sort(np.concatenate([fold.train, fold.validation])))


def _here(
    plan: _Plan, tasks: dict[int, tuple[Fold, str]], workers: int
) -> Iterator[tuple[int, _Part]]:
    for i, task in tasks.items():
        yield i, _run(plan, *task)


def _in_processes(
    plan: _Plan, tasks: dict[int, tuple[Fold, str]], workers: int
) -> Iterator[tuple[int, _Part]]:
    """Spawned, not forked: a fork of a process with running threads may hang."""
    context = multiprocessing.get_context("spawn")
    with _single_threads():
        pool = ProcessPoolExecutor(workers, context, initializer=_receive, initargs=(plan,))
        try:
            futures = {pool.submit(_run_received, *task): i for i, task in tasks.items()}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise LeydenError(
                "a worker process died, most likely of too little memory. Remedy: take fewer "
                "processes (n_jobs) and go on from the same checkpoint folder."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_received: list[_Plan] = []


def _receive(plan: _Plan) -> None:
    """Keep the plan of this worker process, and end with the parent even if that is killed."""
    _received[:] = [plan]
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _run_received(fold: Fold, name: str) -> _Part:
    return _run(_received[0], fold, name)


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


class _Checkpoint:
    """Finished tasks on disk, one Parquet file each."""

    def __init__(self, folder: Path, plan: _Plan) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError("permission denied")
        except OSError as error:  # now, not after the first fold
            raise InputError(
                "finished folds cannot be kept here", file=folder, remedy="name another folder"
            ) from error
        self.folder = folder
        self.arms = {name: content_hash(arm) for name, arm in plan.arms.items()}
        self.data = content_hash(plan.dataset, plan.group, plan.return_std)

    def find_all(self, tasks: list[tuple[Fold, str]]) -> dict[int, _Part]:
        """The kept results of these tasks, by position."""
        found = {i: self.find(*task) for i, task in enumerate(tasks)}
        return {i: part for i, part in found.items() if part is not None}

    def find(self, fold: Fold, name: str) -> _Part | None:
        """The kept result of this very task, if there is one that can be read."""
        import pyarrow as pa
        from pyarrow import parquet

        path = self._path(fold, name)
        if not path.is_file():
            return None
        try:
            table = parquet.read_table(path)
            record = json.loads(table.schema.metadata[RECORD])
        except (pa.ArrowInvalid, OSError, KeyError, ValueError):
            return None  # damaged from outside: computed again, and replaced
        return _Part(table.to_pandas(), record)

    def put(self, fold: Fold, name: str, part: _Part) -> None:
        """Keep a result, whole or not at all."""
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.Table.from_pandas(part.rows, preserve_index=False)
        metadata = {**(table.schema.metadata or {}), RECORD: json.dumps(part.record).encode()}
        with writing(self._path(fold, name)) as file:
            parquet.write_table(table.replace_schema_metadata(metadata), file)

    def _path(self, fold: Fold, name: str) -> Path:
        place = (fold.repeat, fold.fold, fold.size)
        key = content_hash(self.data, self.arms[name], name, place, fold.train, fold.test)
        label = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40]
        size = f"-size{fold.size}" if fold.size else ""
        return self.folder / f"{label}-repeat{fold.repeat}-fold{fold.fold}{size}-{key[:16]}.parquet"


@contextmanager
def _progress(total: int, done: int, wanted: bool) -> Iterator[Callable[[], object]]:
    if not wanted or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("folds", total=total, completed=done)
        yield lambda: bar.advance(task)
