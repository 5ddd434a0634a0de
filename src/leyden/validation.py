"""Evaluate arms on the same folds, and keep what is finished.

An *arm* has ``fit(dataset, *, held_out=None)`` and ``predict(dataset, return_std=False)``: every
strategy of `leyden.transfer` is one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.cross_fitting import predict_fold
from leyden.data.dataset import Dataset
from leyden.errors import InputError, LeakageError, LeydenError
from leyden.evaluation import Evaluation, plain
from leyden.kept_parts import KeptParts, Part, Plan
from leyden.splits import Fold, Split, checked_folds, default_split
from leyden.worker_processes import worker_processes

__all__ = ["Evaluation", "compare", "evaluate"]


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
    plan = Plan(dict(arms), dataset, split.group, return_std)
    tasks = [(fold, name) for fold in folds for name in arms]
    if prepare is not None:
        prepare(dataset)
    keep = None if checkpoint is None else KeptParts(Path(checkpoint), plan)
    parts = {} if keep is None else keep.find_all(tasks)
    left = {i: task for i, task in enumerate(tasks) if i not in parts}
    for i, part in _results(plan, left, n_jobs, done=len(parts), progress=progress):
        parts[i] = part
        if keep is not None and part.record["error"] is None:
            keep.put(*tasks[i], part)
    ordered = [parts[i] for i in range(len(tasks))]
    rows = pd.concat([part.rows for part in ordered], ignore_index=True)
    return Evaluation(rows, [part.record for part in ordered], about)


compare = evaluate


def _run(plan: Plan, fold: Fold, name: str) -> Part:
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
    return Part(_rows(plan, fold, name, prediction, std), record)


def _rows(
    plan: Plan, fold: Fold, name: str, prediction: np.ndarray, std: np.ndarray | None
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


def _results(
    plan: Plan, tasks: dict[int, tuple[Fold, str]], n_jobs: int, *, done: int, progress: bool
) -> Iterator[tuple[int, Part]]:
    """The parts in the order in which they are finished.

    Processes would learn the same source network side by side, so each lesson goes first, once.
    """
    workers = min(n_jobs if n_jobs > 0 else os.cpu_count() or 1, len(tasks))
    if workers <= 1:
        with _progress("folds", done + len(tasks), done, progress) as advance:
            for i, task in tasks.items():
                yield i, _run(plan, *task)
                advance()
        return
    with _processes(plan, workers) as pool:
        for lessons in _lessons(plan, tasks):
            with _progress("source networks", len(lessons), 0, progress) as advance:
                for lesson in as_completed([pool.submit(_learn, *where) for where in lessons]):
                    lesson.result()
                    advance()
        futures = {pool.submit(_run_received, *task): i for i, task in tasks.items()}
        with _progress("folds", done + len(tasks), done, progress) as advance:
            for future in as_completed(futures):
                yield futures[future], future.result()
                advance()


def _lessons(plan: Plan, tasks: dict[int, tuple[Fold, str]]) -> list[list[tuple[Fold, str, str]]]:
    """Fold, arm and key of each lesson that the tasks need, those first on which others build."""
    found: dict[str, tuple[int, Fold, str]] = {}
    for fold, name in tasks.values():
        for lesson in plan.lessons(fold, name):
            found.setdefault(lesson.key, (lesson.depth, fold, name))
    depths = sorted({depth for depth, _, _ in found.values()})
    return [
        [(fold, name, key) for key, (depth, fold, name) in found.items() if depth == level]
        for level in depths
    ]


def _learn(fold: Fold, name: str, key: str) -> None:
    """Have one lesson learned and kept on disk; the arm that needs it finds it there."""
    with suppress(Exception):  # the arm meets it again, and its fold records it
        next(each for each in _received[0].lessons(fold, name) if each.key == key).learned()


@contextmanager
def _processes(plan: Plan, workers: int) -> Iterator[Executor]:
    try:
        with worker_processes(workers, _receive, plan) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise LeydenError(
            "a worker process died, most likely of too little memory. Remedy: take fewer "
            "processes (n_jobs) and go on from the same checkpoint folder."
        ) from error


_received: list[Plan] = []


def _receive(plan: Plan) -> None:
    """Keep the plan of this worker process."""
    _received[:] = [plan]
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _run_received(fold: Fold, name: str) -> Part:
    return _run(_received[0], fold, name)


@contextmanager
def _progress(what: str, total: int, done: int, wanted: bool) -> Iterator[Callable[[], object]]:
    if not wanted or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda: bar.advance(task)
