"""A run of a polymer electrolyte and what it is worth: trajectory, log, cost, outcome."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leyden.data.array_folder import ArrayWriter
from leyden.data.trajectory import Trajectory, finish_trajectory
from leyden.errors import InputError
from leyden.physics.constants import AVOGADRO_PER_MOL
from leyden.physics.transport import Conductivity
from leyden.simulators.bead_spring import BOLTZMANN_KCAL_PER_MOL_K, BeadSpring
from leyden.simulators.lammps_run import LammpsEnd, lammps_versions
from leyden.simulators.polymer_conductivity import LithiumConductivity, all_ions, of_lithium
from leyden.simulators.polymer_outcome import Outcome, judge, wrong_with
from leyden.simulators.polymer_script import thermostatted
from leyden.simulators.polymer_stages import (
    SEGMENT_FRAMES,
    Plan,
    Stage,
    run_stages,
    stored_frames,
)

__all__ = ["PolymerRun", "simulate"]


@dataclass(frozen=True, eq=False)
class PolymerRun:
    """One simulation, well or badly ended.

    Attributes
    ----------
    system : BeadSpring
        What was simulated.
    plan : Plan
        For how long.
    random_state : int
    outcome : Outcome
        An ``ok`` run gives a conductivity; a glassy or a phase-separated one bounds it from above;
        the others give nothing.
    error : str
        Why the outcome is not ``ok``.
    stages : tuple of Stage
        With their processor times. A stage that was killed and begun again counts once. Their
        files are gone where no folder was given.
    signs : dict of str to float
        What the outcome was judged by, see `leyden.simulators.polymer_outcome.judge`.
    trajectory : Trajectory or None
        The production, unwrapped, the motion of the centre of mass taken out; species ``EO``,
        ``Li``, ``anion``, ``SS``. None where it was not finished.
    log : dict of str to array
        Of the production, a value a frame: ``time_ps``, ``temperature_K``, ``pressure_atm``,
        ``potential_energy_kcal_per_mol``, ``total_energy_kcal_per_mol`` and
        ``conserved_energy_kcal_per_mol`` (less the heat of the thermostat: its drift is the error
        of the time step).
    versions : dict of str to str
    """

    system: BeadSpring
    plan: Plan
    random_state: int
    outcome: Outcome
    error: str
    stages: tuple[Stage, ...]
    signs: dict[str, float] = field(default_factory=dict)
    trajectory: Trajectory | None = None
    log: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def conductivity(self) -> LithiumConductivity:
        """The Nernst-Einstein conductivity of lithium, with its error; or what bounds it.

        Raises
        ------
        InputError
            The run gave no trajectory, or beads overlap in it: there is no number to be had.
        """
        trajectory = self._usable()
        bound = self.outcome is not Outcome.OK
        return of_lithium(trajectory, self.system.temperature_K, bound)

    def ion_conductivity(self) -> Conductivity:
        """Of all ions, each for itself and together; errors as of `conductivity`."""
        return all_ions(self._usable(), self.system.temperature_K)

    def _usable(self) -> Trajectory:
        if self.trajectory is None or self.outcome is Outcome.OVERLAP:
            raise InputError(
                f"a run that ended well: this one has {self.outcome}", value=self.error
            )
        return self.trajectory

    @property
    def killed(self) -> bool:
        """Whether LAMMPS was ended from outside: the same again may end otherwise."""
        own = any(stage.error for stage in self.stages)
        return self.outcome is Outcome.CRASHED and not own

    @property
    def provenance(self) -> dict[str, str]:
        """``NAME_version`` of what has run, and ``script_sha256``, a digest of its input."""
        versions = {f"{name}_version": version for name, version in self.versions.items()}
        return {**versions, "script_sha256": _script_digest(self.system)}

    @property
    def cpu_seconds(self) -> float:
        """Processor time of LAMMPS in all finished stages."""
        return sum(stage.cpu_seconds for stage in self.stages)

    @property
    def volume_A3(self) -> float:
        """Of the box in production; NaN where there was none."""
        return self.trajectory.volume_A3 if self.trajectory else math.nan

    @property
    def density_g_per_cm3(self) -> float:
        """With the masses of the beads, which are not those of the molecules."""
        return float(self.system.mass.sum()) / AVOGADRO_PER_MOL / (self.volume_A3 * 1e-24)

    @property
    def temperature_K(self) -> float:
        """Mean kinetic temperature of the production."""
        return float(np.mean(self.log["temperature_K"])) if self.log else math.nan

    @property
    def energy_drift(self) -> float:
        """Of the conserved energy, in kT a bead and nanosecond, by least squares."""
        if not self.log:
            return math.nan
        energy = self.log["conserved_energy_kcal_per_mol"]
        slope = np.polyfit(self.log["time_ps"] / 1000, energy, 1)[0]
        heat = BOLTZMANN_KCAL_PER_MOL_K * self.system.temperature_K
        return float(slope / heat / self.system.beads)


def simulate(
    system: BeadSpring,
    plan: Plan,
    random_state: int,
    folder: Path | None,
    *,
    timeout_s: float | None,
    progress: bool,
) -> PolymerRun:
    """Run the stages and judge what came out; see `PolymerElectrolyte.run`."""
    versions = lammps_versions() | {"leyden": importlib.metadata.version("leyden")}
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="leyden-polymer-") as place:
            return _simulate(
                system, plan, random_state, Path(place), None, timeout_s, progress, versions
            )
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _check_same(folder / "run.json", system, plan, random_state, versions)
        return _simulate(system, plan, random_state, folder, folder, timeout_s, progress, versions)


def _simulate(
    system: BeadSpring,
    plan: Plan,
    random_state: int,
    folder: Path,
    store: Path | None,
    timeout_s: float | None,
    progress: bool,
    versions: dict[str, str],
) -> PolymerRun:
    stages: list[Stage] = []
    run = partial(PolymerRun, system, plan, random_state, versions=versions)
    with _bar(plan, progress) as advance:
        for stage in run_stages(
            system, plan, random_state, folder, timeout_s=timeout_s, advance=advance
        ):
            if isinstance(stage, LammpsEnd):
                outcome = Outcome.TIMED_OUT if stage.timed_out else Outcome.CRASHED
                done = f"{len(stages)} stages finished before" if stages else "in the first stage"
                return run(outcome, f"{stage.error}; {done}", stages=tuple(stages))
            stages.append(stage)
            outcome, error = wrong_with(system, stage)
            if outcome is not Outcome.OK:
                return run(outcome, f"{stage.name}: {error}", stages=tuple(stages))
    trajectory = _trajectory(system, plan, stages, store)
    outcome, error, signs = judge(system, trajectory)
    return run(
        *(outcome, error, tuple(stages), signs, trajectory),
        log=_log(plan, stages),
    )


def _trajectory(
    system: BeadSpring, plan: Plan, stages: list[Stage], store: Path | None
) -> Trajectory:
    """Frames of the production, in memory or in the folder, at rest as a whole."""
    place = None if store is None else store / f"trajectory-{plan.frames}"
    if place is not None and place.exists():
        return Trajectory.open(place)
    share = (system.mass / system.mass.sum()).astype(np.float64)
    edge = float(stages[-1].log()["Lx"][-1])
    with ArrayWriter(place) as writer:
        for frames in stored_frames(plan, stages):
            centre = np.einsum("tnx,n->tx", frames, share)
            writer.append("positions", (frames - centre[:, None]).astype(np.float32))
        writer.append("cells", edge * np.eye(3)[None])
        return finish_trajectory(
            writer,
            species=system.species,
            time_step_ps=plan.frame_ps,
            charges=system.charge,
            molecules=system.molecules,
            name="polymer electrolyte",
        )


def _log(plan: Plan, stages: list[Stage]) -> dict[str, NDArray[np.float64]]:
    """One row a frame; the conserved energy goes on from segment to segment."""
    columns = {
        "temperature_K": "Temp",
        "pressure_atm": "Press",
        "potential_energy_kcal_per_mol": "PotEng",
        "total_energy_kcal_per_mol": "TotEng",
        "conserved_energy_kcal_per_mol": "Econserve",
    }
    logs = [stage.log() for stage in stages if stage.name.startswith("production")]
    log = {name: np.concatenate([part[key][1:] for part in logs]) for name, key in columns.items()}
    heat = 0.0  # each segment counts it from nothing
    shifted = []
    for part in logs:
        energy = part["Econserve"] + heat
        heat = energy[-1] - part["TotEng"][-1]
        shifted.append(energy[1:])
    log["conserved_energy_kcal_per_mol"] = np.concatenate(shifted)
    return {"time_ps": plan.frame_ps * np.arange(1, plan.frames + 1), **log}


def _check_same(
    path: Path, system: BeadSpring, plan: Plan, random_state: int, versions: dict[str, str]
) -> None:
    """A folder holds one run: what is in it must be that which is asked for, longer or shorter."""
    wanted = {
        "system": asdict(system),
        "plan": {name: value for name, value in asdict(plan).items() if name != "production_ns"},
        "random_state": random_state,
        "script": _script_digest(system),
        "lammps": versions["lammps"],
    }
    wanted = json.loads(json.dumps(wanted))
    if path.exists():
        if (kept := json.loads(path.read_text())) != wanted:
            changed = [name for name in wanted if kept.get(name) != wanted[name]]
            raise InputError(
                f"a folder holds one run; that in it differs in {', '.join(changed)}",
                file=path.parent,
                remedy="name another folder, or delete it",
            )
        return
    path.with_suffix(".part").write_text(json.dumps(wanted, indent=1))
    os.replace(path.with_suffix(".part"), path)


def _script_digest(system: BeadSpring) -> str:
    """Of the script of a stage, with what changes from stage to stage left out."""
    return sha256(thermostatted(system, "", 1.0, 1, 1).encode()).hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against a second run in it."""
    import fcntl  # not on Windows, and neither is this simulator

    with (folder / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError("another run is at work in this folder", file=folder) from None
        yield


@contextmanager
def _bar(plan: Plan, wanted: bool) -> Iterator[Callable[[str, float], object]]:
    """A progress bar of the production's frames, on a terminal only."""
    if not wanted or not sys.stderr.isatty():
        yield lambda name, part: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("packing", total=plan.frames)

        def advance(name: str, part: float) -> None:
            segment = re.fullmatch(r"production-(\d+)", name)
            frames = min(SEGMENT_FRAMES * (int(segment[1]) + part), plan.frames) if segment else 0
            bar.update(task, description=name, completed=frames)

        yield advance
