"""From a box of thrown beads to a trajectory, stage by stage, in a folder that a kill cannot spoil.

A stage is one run of LAMMPS in a folder of its own, from the last stage's data file to its own.
What is finished is never done again, and a stage that was cut short begins anew: its random numbers
are its own, so that the result is the same, bit by bit, whether or not the work was stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leyden.errors import ArtefactError, InputError
from leyden.simulators import polymer_script
from leyden.simulators.bead_spring import BeadSpring
from leyden.simulators.lammps_run import LammpsEnd, read_dcd, read_thermo, run_lammps
from leyden.simulators.polymer_packing import random_chains, write_data

__all__ = ["SEGMENT_FRAMES", "TIME_STEP_FS", "Plan", "Stage", "run_stages", "stored_frames"]

_DONE = "done.json"
_PUSHING_STEPS = 10_000
#: Frames of a segment of the production.
SEGMENT_FRAMES = 125
_FEWEST_FRAMES = 20
#: Measured against 8 fs in the reference: the same kinetic temperature within 0.3 %, bonds with
#: 3.5 % more energy (6.5 % at 20 fs), some 80 atm more pressure, which is 0.4 % of the volume. The
#: conserved energy drifts by 0.5 kT a bead and nanosecond, which the thermostat takes out.
TIME_STEP_FS = 16.0


@dataclass(frozen=True)
class Plan:
    """How long, and in which steps.

    Attributes
    ----------
    production_ns : float
        What is kept; made in segments of `SEGMENT_FRAMES`.
    compression_ns, relaxation_ns : float
        Before it: at 1 atm, whose second half gives the volume, and then at that volume.
    frame_ps : float
        Between stored frames; a multiple of the time step.
    time_step_fs : float

    Raises
    ------
    InputError
    """

    production_ns: float = 2.0
    compression_ns: float = 0.4
    relaxation_ns: float = 0.2
    frame_ps: float = 4.0
    time_step_fs: float = TIME_STEP_FS

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} must be positive", value=value)
        steps = 1000 * self.frame_ps / self.time_step_fs
        if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
            raise InputError(
                f"frame_ps must be a multiple of the time step of {self.time_step_fs:g} fs",
                value=self.frame_ps,
            )
        if self.frames < _FEWEST_FRAMES:
            raise InputError(
                f"production must hold {_FEWEST_FRAMES} frames at least", value=self.production_ns
            )

    @property
    def frames(self) -> int:
        """Frames of the production."""
        return round(1000 * self.production_ns / self.frame_ps)

    @property
    def steps_per_frame(self) -> int:
        """Time steps between stored frames."""
        return round(1000 * self.frame_ps / self.time_step_fs)

    def steps(self, ns: float) -> int:
        """Time steps of so many nanoseconds."""
        return max(round(1e6 * ns / self.time_step_fs), 1)


@dataclass(frozen=True)
class Stage:
    """One finished stage.

    Attributes
    ----------
    name : str
    folder : Path
    steps : int
    cpu_seconds, seconds : float
        Processor and wall time of LAMMPS.
    error : str
        What went wrong; the same would go wrong again.
    """

    name: str
    folder: Path
    steps: int
    cpu_seconds: float
    seconds: float
    error: str = ""

    def log(self) -> dict[str, NDArray[np.float64]]:
        """The stage's table of temperature, pressure and energies."""
        return read_thermo(self.folder / "stage.log")


@dataclass(frozen=True)
class _Task:
    name: str
    steps: int
    script: Callable[[str], str]
    """Makes the input script from the path of the data file to begin with."""


def run_stages(
    system: BeadSpring,
    plan: Plan,
    random_state: int,
    folder: Path,
    *,
    timeout_s: float | None,
    advance: Callable[[str, float], object],
) -> Iterator[Stage | LammpsEnd]:
    """The stages, in order, as they are finished; last an end, if one was cut short.

    Parameters
    ----------
    system, plan, random_state
        What to simulate.
    folder : Path
        Filled here; finished stages are taken from it.
    timeout_s : float, optional
        Wall time of this call.
    advance : callable
        Told the name of the stage at work and its finished part, 0 to 1.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    begin = folder / "start.data"
    if not begin.exists():
        positions, edge = random_chains(system, random_state)
        write_data(system, positions, edge, begin.with_suffix(".part"))
        os.replace(begin.with_suffix(".part"), begin)
    stages: list[Stage] = []
    for task in _tasks(system, plan, random_state, stages):
        stage: Stage | LammpsEnd | None = _finished(folder / task.name, task)
        if stage is None:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            stage = _run(task, begin, folder / task.name, left, advance)
        yield stage
        if isinstance(stage, LammpsEnd) or stage.error:
            return
        stages.append(stage)
        begin = stage.folder / "end.data"


def stored_frames(plan: Plan, stages: list[Stage]) -> Iterator[NDArray[np.float32]]:
    """Unwrapped positions, angstrom, one block (t, N, 3) a segment of the production.

    Raises
    ------
    ArtefactError
        A file of frames was cut short.
    """
    for stage in stages:
        if not stage.name.startswith("production"):
            continue
        frames = read_dcd(stage.folder / "frames.dcd")[1:]  # the first is the last one before
        if len(frames) != stage.steps // plan.steps_per_frame:
            raise ArtefactError(f"{stage.folder}: frames are missing. Remedy: delete this folder.")
        yield frames


def _tasks(system: BeadSpring, plan: Plan, random_state: int, done: list[Stage]) -> Iterator[_Task]:
    """What is to be done; `done` grows meanwhile, and tells the volume."""
    random = np.random.default_rng([random_state, 1])

    def task(name: str, script: Callable[..., str], steps: int, **more: Any) -> _Task:
        seed = int(random.integers(1, 8 * 10**8))  # LAMMPS takes them up to nine
        step = plan.time_step_fs
        made = partial(script, system, time_step_fs=step, steps=steps, seed=seed, **more)
        return _Task(name, steps, made)

    yield task("pushing", polymer_script.pushing, _PUSHING_STEPS)
    yield task("compression", polymer_script.compression, plan.steps(plan.compression_ns))
    edge, steps = _mean_edge(done[-1]), plan.steps(plan.relaxation_ns)
    yield task("relaxation", polymer_script.thermostatted, steps, edge=edge)
    every = plan.steps_per_frame
    for first in range(0, plan.frames, SEGMENT_FRAMES):
        steps = every * min(SEGMENT_FRAMES, plan.frames - first)
        name = f"production-{first // SEGMENT_FRAMES:04d}"
        yield task(name, polymer_script.thermostatted, steps, every=every)


def _mean_edge(compression: Stage) -> float:
    """Edge of the box of the mean volume, over the second half: one frame's would be off by 2 %."""
    volume = compression.log()["Volume"]
    return float(volume[len(volume) // 2 :].mean() ** (1 / 3))


def _finished(folder: Path, task: _Task) -> Stage | None:
    """The stage as it was finished before; none where it was not, or was a shorter one."""
    try:
        facts = json.loads((folder / _DONE).read_text())
    except FileNotFoundError:
        return None
    stage = Stage(task.name, folder, **facts)
    return stage if stage.steps == task.steps else None


def _run(
    task: _Task,
    begin: Path,
    folder: Path,
    timeout_s: float | None,
    advance: Callable[[str, float], object],
) -> Stage | LammpsEnd:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    script = folder / "stage.in"
    script.write_text(task.script(os.path.relpath(begin, folder)))
    end = run_lammps(
        script,
        timeout_s=timeout_s,
        watch=lambda log: advance(task.name, min(_last_step(log) / task.steps, 1.0)),
    )
    if end.error and not end.repeatable:
        return end
    facts = {
        "steps": task.steps,
        "cpu_seconds": round(end.cpu_seconds, 3),
        "seconds": round(end.seconds, 3),
        "error": end.error,
    }
    (folder / "done.part").write_text(json.dumps(facts))
    os.replace(folder / "done.part", folder / _DONE)
    return Stage(task.name, folder, **facts)  # type: ignore[arg-type]


def _last_step(log: Path) -> int:
    """The step of the last whole row of a log that is being written."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(log.stat().st_size - 600, 0))
            rows = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return 0
    width = len(polymer_script.THERMO.split())
    steps = [row.split()[0] for row in rows[1:-1] if len(row.split()) == width]
    return int(steps[-1]) if steps and steps[-1].isdigit() else 0
