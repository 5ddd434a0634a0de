"""Speed and memory, measured by the scripts of `benchmarks/` where the repository is at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from leyden.artefact import writing

__all__ = ["SCRIPTS", "measure"]

SCRIPTS = (
    ("speed_graphs.py", "--dataset", "mp-electrodes"),
    ("speed_network.py",),
    ("predict_stream.py",),
)
"""Each prints one JSON object: claim id to value. The original was timed on crystals of about 30
atoms, which is what mp-electrodes has."""


def measure(kept: Path) -> dict[str, float]:
    """What the benchmark scripts print, merged; nothing where they are not at hand.

    Parameters
    ----------
    kept : Path
        The figures are read from here if they were measured before, and kept here.
    """
    if kept.is_file():
        return dict(json.loads(kept.read_text()))
    folder = Path(__file__).parents[3] / "benchmarks"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    found: dict[str, float] = {}
    for script, *arguments in SCRIPTS:
        if not (folder / script).is_file():
            continue
        done = subprocess.run(
            [sys.executable, str(folder / script), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, **threads},
            check=False,
        )
        if done.returncode == 0:
            printed = json.loads(done.stdout[done.stdout.index("{") :])
            found |= {
                key: value for key, value in printed.items() if isinstance(value, int | float)
            }
    with writing(kept) as file:
        file.write(json.dumps(found, indent=1).encode())
    return found
