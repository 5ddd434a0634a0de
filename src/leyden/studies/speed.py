"""Speed and memory, measured by the scripts of `benchmarks/` where the repository is at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from leyden.artefact import writing
from leyden.hashing import code_of, content_hash, learning_code

__all__ = [
    "COVERAGE",
    "DASK",
    "DYNAMICS",
    "ELECTRODES",
    "END_TO_END",
    "ENVIRONMENTS",
    "GRAPHS",
    "NETWORK",
    "SCREENING",
    "STREAM",
    "measure",
]

GRAPHS = ("speed_graphs.py", "--dataset", "mp-electrodes")
"""The original was timed on crystals of about 30 atoms, which is what mp-electrodes has."""
NETWORK = ("speed_network.py",)
END_TO_END = ("speed_end_to_end.py",)
STREAM = ("predict_stream.py",)
ELECTRODES = ("predict_electrodes.py",)
SCREENING = ("screen_compositions.py",)
DASK = ("screen_dask.py",)
DYNAMICS = ("speed_dynamics.py",)
COVERAGE = ("conductivity_coverage.py",)
ENVIRONMENTS = ("stream_environments.py",)


def measure(folder: Path, *scripts: tuple[str, ...]) -> tuple[dict[str, float], list[str]]:
    """What the benchmark scripts print, and what went wrong.

    Parameters
    ----------
    folder : Path
        What a script printed is kept here, under a hash of all scripts and of the code that they
        measure, and not measured again.
    scripts : tuple of str
        Name and arguments; each prints one JSON object, claim id to value.

    Returns
    -------
    found : dict of str to float
    warnings : list of str
        Scripts that are not at hand, or failed, with the last line of their complaint.
    """
    benchmarks = Path(__file__).parents[3] / "benchmarks"
    found: dict[str, float] = {}
    warnings = []
    for name, *arguments in scripts:
        script = benchmarks / name
        if not script.is_file():
            warnings.append(f"benchmarks/{name} is not at hand: install from the repository")
            continue
        kept = (
            folder / f"{script.stem}-{content_hash(_code(benchmarks), name, arguments)[:12]}.json"
        )
        if not kept.is_file():
            printed, complaint = _run([sys.executable, str(script), *arguments])
            if complaint:
                warnings.append(f"benchmarks/{name} failed: {complaint}")
                continue
            with writing(kept) as file:
                file.write(json.dumps(printed, indent=1).encode())
        found |= json.loads(kept.read_text())
    return found, warnings


def _code(benchmarks: Path) -> list[str]:
    """Of the scripts, which import each other, and of what they measure."""
    texts = [path.read_text() for path in sorted(benchmarks.glob("*.py"))]
    return [*texts, learning_code(), code_of("physics", "simulators", "screening", "predictor.py")]


def _run(command: list[str]) -> tuple[dict[str, float], str]:
    """The numbers of the JSON object that a command prints, or its complaint."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **threads}, check=False
    )
    if done.returncode or "{" not in done.stdout:
        return {}, (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
    printed = json.loads(done.stdout[done.stdout.index("{") :])
    return {key: value for key, value in printed.items() if isinstance(value, int | float)}, ""
