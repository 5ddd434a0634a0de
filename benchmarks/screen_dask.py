"""A screening on two Dask workers, on one, and in one process, in one run.

    python benchmarks/screen_dask.py [--elements 92] [--parts 100] [--repeats 5]

Prints JSON: seconds and candidates a second of each, the speed-up of two workers over one, and
whether all three end in the same counts and rows.  A worker is a process of one thread.  It is
started, and has loaded what is compiled, before its time counts; the shards, their way to the
workers and back, and their files do count.  Run it where nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leyden.data.formulas import ELEMENTS
from leyden.screening.compositions import CompositionJob, job_from_dict
from leyden.screening.engine import Screening, run
from leyden.screening.workers import dask_workers

__all__ = ["main", "measure"]


def job_of(elements: int, parts: int) -> CompositionJob:
    """A linear score, neutrality and mass, over the first elements of the periodic table."""
    others = [symbol for symbol in ELEMENTS[1:] if symbol != "Li"][:elements]
    numbers = [[1.0 - (7 * number % 11) / 10.0] for number in range(elements + 1)]
    return job_from_dict(
        {
            "keep": 1000,
            "threads": 1,
            "space": {"elements": others, "parts": parts},
            "criteria": ["score", "neutral", {"kind": "molar-mass", "maximum": 30.0}],
            "score": {
                "intercept": 0.0,
                "elements": ["Li", *others],
                "properties": numbers,
                "mean_weights": [1.0],
            },
        }
    )


@contextmanager
def dask(workers: int) -> Iterator[Executor]:
    """A cluster of this machine."""
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        dask_workers(cluster.scheduler_address) as executor,
    ):
        yield executor


def timed(job: CompositionJob, executor: Executor | None) -> tuple[float, Screening]:
    """Seconds of a whole screening into a new folder, and its result."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        result = run(job, Path(folder), executor=executor, progress=False)
        return time.perf_counter() - began, result


def measure(elements: int, parts: int, repeats: int) -> dict[str, Any]:
    """Median seconds of the three, in turns, so that a slow minute is slow for all."""
    job, small = job_of(elements, parts), job_of(6, 20)
    seconds: dict[str, list[float]] = {"one_process": [], "one_worker": [], "two_workers": []}
    results: list[Screening] = []
    with dask(1) as one, dask(2) as two:
        ways = dict(zip(seconds, (None, one, two), strict=True))
        for executor in ways.values():
            for _ in range(2):  # whoever comes first: both workers get some of it
                timed(small, executor)
        for repeat in range(repeats):
            for name, executor in ways.items():
                took, result = timed(job, executor)
                seconds[name].append(took)
                if repeat == 0:
                    results.append(result)
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    first = results[0]
    same = [r.counts == first.counts and r.rows.equals(first.rows) for r in results]
    return {
        "candidates": job.space.total,
        "shards": job.shards(),
        "seconds": seconds,
        "candidates_per_second": {name: job.space.total / time for name, time in middle.items()},
        "dask_two_worker_speedup": middle["one_worker"] / middle["two_workers"],
        "same_rows": all(same),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=int, default=92, help="beside lithium")
    parser.add_argument("--parts", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(json.dumps(measure(given.elements, given.parts, given.repeats), indent=2))


if __name__ == "__main__":
    main()
