"""Run a screening: in this process, in many, or on a cluster; killed at any moment, it goes on.

Shards are handed out in chunks of about two seconds, few at a time, and each finished chunk is kept
in the folder.  Results are merged as they arrive; since the merge of a job knows no order, neither
does the answer: however the work was divided, interrupted and repeated, counts and rows are equal.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leyden.errors import InputError
from leyden.screening.dispatch import finished_chunks
from leyden.screening.job import Job, ShardResult
from leyden.screening.kept_shards import KeptShards, read_result
from leyden.screening.progress import progress_bar
from leyden.screening.shard_queue import ShardQueue

__all__ = ["Job", "Screening", "ShardResult", "run"]


@dataclass(frozen=True, eq=False)
class Screening:
    """The result of a screening.

    Attributes
    ----------
    counts : dict of str to int
        Candidates left after each criterion.
    rows : DataFrame
        The best candidates, best first.
    candidates : int
        All that were looked at.
    folder : Path
        Where the result is kept (`rows.parquet`, `manifest.json`).
    """

    counts: dict[str, int]
    rows: pd.DataFrame
    candidates: int
    folder: Path

    @classmethod
    def load(cls, folder: str | Path) -> Screening:
        """The result of a finished screening, from its folder.

        Raises
        ------
        InputError
            There is no screening, or it is not finished.
        ArtefactError
            Its rows are missing or were altered.
        """
        manifest, rows = read_result(Path(folder))
        return cls(manifest["counts"], rows, manifest["candidates"], Path(folder))

    @property
    def funnel(self) -> pd.DataFrame:
        """Columns `criterion`, `candidates` left, and their `share` of all candidates."""
        left = list(self.counts.values())
        share = [count / self.candidates if self.candidates else 0.0 for count in left]
        return pd.DataFrame({"criterion": list(self.counts), "candidates": left, "share": share})


def run(
    job: Job,
    folder: str | Path,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Screening:
    """Run all shards of a job that are not finished in the folder, and write the result there.

    Parameters
    ----------
    job : Job
        For compositions, `leyden.screening.compositions.CompositionJob`.
    folder : path
        New, empty, or one in which this very job was begun: finished shards are not run again.
    executor : concurrent.futures.Executor, optional
        Where to run: any pool, ``client.get_executor()`` of Dask, MPI.  Default: this process, with
        the threads that the job itself takes.
    workers : int, optional
        Instead of an executor: so many processes of one thread.  When one dies, the shards that
        were running are tried once more, one after the other.
    progress : bool
        Show a progress bar if standard error is a terminal.

    Returns
    -------
    Screening

    Raises
    ------
    InputError
        The folder belongs to another job, or cannot be written.
    LeydenError
        A shard failed, or the process that ran it died.  What is finished is kept: the same call
        goes on from there.
    """
    if executor is not None and workers is not None:
        raise InputError("give an executor or a number of workers, not both", value=workers)
    if workers is not None and workers < 1:
        raise InputError("a screening needs at least one worker", value=workers)
    kept = KeptShards(Path(folder), job)
    queue = ShardQueue(kept.sizes)
    merged: ShardResult | None = None
    for shards, result in kept.find():
        queue.leave_out(shards)
        merged = _carried(job, merged, result)
    total = kept.manifest["candidates"]
    with progress_bar("screening", total, total - queue.left, progress) as advance:
        for chunk in finished_chunks(job, queue, executor, workers):
            kept.put(chunk.shards, chunk.result)
            merged = _carried(job, merged, chunk.result)
            advance(queue.candidates(chunk.shards))
    assert merged is not None, "a job has at least one shard"
    result = getattr(job, "finish", _unchanged)(merged)
    kept.finish(result)
    return Screening(result.counts, result.rows, total, kept.folder)


def _carried(job: Job, merged: ShardResult | None, result: ShardResult) -> ShardResult:
    """What is carried on of all that is finished."""
    whole = result if merged is None else job.merge(merged, result)
    return getattr(job, "reduce", _unchanged)(whole)


def _unchanged(result: ShardResult) -> ShardResult:
    return result
