"""A million local environments from a trajectory that is larger than the memory of the process.

    python benchmarks/stream_environments.py            # 1,000,000 environments, 600 MB of DCD
    python benchmarks/stream_environments.py --quick    # 20,000, for a test

A child process gets a limit of memory, then reads the DCD file into a store, builds the packed
environments of 20 ions among 1,000 atoms into another (20 neighbours, 2 convolutions), and goes
through all of them in batches, as a training does. A file that is not larger than the limit shows
nothing and is refused; that of `--quick` is not, and so its numbers make no claim.

What counts as memory: what the process itself writes (heap and other private writable pages). The
limit is the kernel's RLIMIT_DATA on exactly that, set before anything large is imported: an
allocation beyond it fails, so that the run would end with an error. The peak is the highest
RssAnon of /proc/PID/status, looked at 50 times a second. Pages of memory-mapped files are not
counted: the kernel drops them whenever another process wants the room, and holds no copy in swap.
RLIMIT_AS would count them, and so forbid to map a file larger than the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

__all__ = ["main"]

ATOMS, IONS, DENSITY_A3 = 1000, 20, 0.05
LIMIT_MB = 540.0
BYTES = 12  # of an atom in a frame


def write(path: Path, frames: int) -> None:
    """A walk of 1,000 atoms in a cubic cell, some frames at a time."""
    from MDAnalysis.lib.formats.libdcd import DCDFile

    rng = np.random.default_rng(0)
    edge = (ATOMS / DENSITY_A3) ** (1 / 3)
    places = rng.random((ATOMS, 3)) * edge
    with DCDFile(str(path), "w") as file:
        file.write_header(
            remarks="walk", natoms=ATOMS, istart=0, nsavc=1, delta=20.45, is_periodic=1
        )
        for _ in range(frames):
            places += rng.normal(0, 0.1, places.shape)
            file.write(places.astype(np.float32), np.array([edge, 90, edge, 90, 90, edge]))


def child(path: Path, limit: int) -> None:
    """What is measured, in so many bytes; the last line of its output is its account."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    from leyden.data.trajectory_files import read_trajectory
    from leyden.representations.local_environment import LocalEnvironment

    names = ["Li"] * IONS + ["S"] * (ATOMS - IONS)
    start = time.perf_counter()
    run = read_trajectory(path, species=names, store=path.with_name("positions"))
    read = time.perf_counter()
    environments = LocalEnvironment(20, 2).observe(run, "Li", store=path.with_name("packed"))
    built = time.perf_counter()
    seen = 0
    for first in range(0, environments.frames, 100):
        batch = environments.batch(np.arange(first, min(first + 100, environments.frames)))
        seen += len(batch.targets)
    ended = time.perf_counter()
    print(
        json.dumps(
            {
                "environments_streamed": seen,
                "seconds": round(ended - start, 1),
                "seconds_reading": round(read - start, 1),
                "seconds_building": round(built - read, 1),
                "seconds_in_batches": round(ended - built, 1),
                "cpu_seconds": round(time.process_time(), 1),
            }
        )
    )


def watched(path: Path, limit: int) -> dict[str, float]:
    """Run the child, and look at its anonymous memory while it runs."""
    command = [sys.executable, __file__, "--child", str(path), str(limit)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    peak = max(peak, int(line.split()[1]))
            time.sleep(0.02)
        told = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"the child failed: {process.returncode}")
    return {**json.loads(told.splitlines()[-1]), "stream_peak_MB": round(peak * 1024 / 1e6, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument("--limit-MB", type=float, default=LIMIT_MB, help="of memory")
    parser.add_argument("--folder", type=Path, help="where the files are made (and removed)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(Path(arguments.child[0]), int(arguments.child[1]))
        return
    frames = 1_000 if arguments.quick else arguments.frames
    limit, size = int(1e6 * arguments.limit_MB), BYTES * ATOMS * frames
    if size <= limit and not arguments.quick:
        parser.error(
            f"the trajectory must be larger than the memory: it has {size / 1e6:.0f} MB, "
            f"and the limit is {limit / 1e6:.0f} MB"
        )
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "walk.dcd"
        write(path, frames)
        told = watched(path, limit)
        told["trajectory_MB"] = round(path.stat().st_size / 1e6, 1)
        packed = Path(folder) / "packed"
        told["packed_MB"] = round(sum(f.stat().st_size for f in packed.iterdir()) / 1e6, 1)
        told["limit_MB"] = round(limit / 1e6, 1)
    if arguments.quick:
        told["environments"] = told.pop("environments_streamed")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
