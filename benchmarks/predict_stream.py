"""Peak memory and time of predicting many structures in a stream from disk.

    OMP_NUM_THREADS=1 python benchmarks/predict_stream.py [--rows 100000]

A tenth of the rows, then all of them, go through the command ``leyden predict`` in a process of its
own: JSON lines to crystals to graphs to a network to a CSV.  Flat memory shows as two equal peaks.
The structures are those of three data sets, over and over, under new ids.  Prints one JSON object;
seconds are of the whole command, start included.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

__all__ = ["main", "measure"]

DATASETS = ("flla-2015", "elastic-tensor-2015", "mp-elasticity-binary")
TRAINING_ROWS = 400


def structures(home: Path) -> Iterator[str]:
    """Lines of JSON without end, no id twice."""
    for round_ in itertools.count():
        for name in DATASETS:
            with gzip.open(home / name / "structures.jsonl.gz", "rt", encoding="utf-8") as lines:
                for line in lines:
                    crystal = json.loads(line)
                    crystal["id"] = f"{name}:{crystal['id']}:{round_}"
                    yield json.dumps(crystal) + "\n"


def prepare(folder: Path, sizes: tuple[int, ...]) -> None:
    """Write a predictor that was trained for one epoch, and a file of structures a size."""
    from leyden.data.catalog import load
    from leyden.data.home import data_home
    from leyden.models import CrystalGraphNetwork
    from leyden.predictor import Predictor
    from leyden.transfer import FromScratch

    moduli = load("elastic-tensor-2015", target=["log10_K_VRH_GPa", "log10_G_VRH_GPa"])
    strategy = FromScratch(CrystalGraphNetwork(epochs=1)).fit(moduli.take(slice(TRAINING_ROWS)))
    Predictor.of(strategy).save(folder / "model.leyden")
    for size in sizes:
        with gzip.open(_input(folder, size), "wt", encoding="utf-8", compresslevel=1) as file:
            file.writelines(itertools.islice(structures(data_home()), size))


def predict(folder: Path, rows: int) -> tuple[float, float, float]:
    """Peak memory in MB, wall seconds and CPU seconds of the command."""
    out = folder / f"{rows}.csv"
    words = [folder / "model.leyden", _input(folder, rows), "-o", out]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "leyden", "predict", *map(str, words)], stdout=2
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    with out.open(encoding="utf-8") as lines:
        written = sum(1 for _ in lines) - 1
    if process.returncode or written != rows:
        raise SystemExit(f"{written} of {rows} rows written, exit status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return used.ru_maxrss * unit / 1e6, seconds, used.ru_utime + used.ru_stime


def measure(rows: int = 100_000) -> dict[str, float]:
    """The figures, under the names of the claims."""
    tenth = rows // 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A process starts with the peak of the one that made it, so this one stays small: what
        # loads torch happens elsewhere.
        worker = multiprocessing.get_context("spawn").Process(
            target=prepare, args=(folder, (tenth, rows))
        )
        worker.start()
        worker.join()
        if worker.exitcode:
            raise SystemExit("the model or the structures could not be made")
        small, _, _ = predict(folder, tenth)
        large, seconds, cpu_seconds = predict(folder, rows)
    return {
        "rows": rows,
        f"predict_{_short(tenth)}_peak_MB": round(small, 1),
        f"predict_{_short(rows)}_peak_MB": round(large, 1),
        f"predict_{_short(rows)}_seconds": round(seconds, 1),
        f"predict_{_short(rows)}_cpu_seconds": round(cpu_seconds, 1),
        "predict_structures_per_second": round(rows / seconds, 1),
    }


def _input(folder: Path, rows: int) -> Path:
    return folder / f"{rows}.jsonl.gz"


def _short(rows: int) -> str:
    return f"{rows // 1000}k" if rows % 1000 == 0 else str(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
