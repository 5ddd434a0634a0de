"""Input scripts of LAMMPS for a bead-spring polymer, one a stage.

Every stage reads a data file and writes one, so that the stages are runs of their own: what follows
does not depend on whether the driver was stopped in between.
"""

from __future__ import annotations

import numpy as np

from leyden.simulators.bead_spring import (
    ANGLE_DEGREES,
    ANGLE_KCAL_PER_MOL,
    BOND_KCAL_PER_MOL_A2,
    BOND_PER_DIAMETER,
    LENNARD_JONES_REACH,
    BeadSpring,
)

__all__ = ["COULOMB_REACH_A", "THERMO", "compression", "model", "pushing", "thermostatted"]

#: Where the sum over the reciprocal lattice takes over from pairs.
COULOMB_REACH_A = 12.0
_SKIN_A = 3.0
# Error of a force over that of two charges at 1 A in this dielectric; LAMMPS takes them in vacuum.
# Without that the energy of the ions in a dielectric of 10 would be off by a fifth.
_KSPACE_ERROR = 1e-3
_FRICTION_FS = 1000.0

#: Columns of the log; ``Econserve`` is the energy less what the thermostat has put in.
THERMO = "step temp press vol lx pe ke etotal econserve ebond eangle evdwl ecoul elong"


def model(system: BeadSpring, start: str) -> list[str]:
    """The commands that read `start` and set up all interactions."""
    return [*_begin(system, start), *_interactions(system)]


def pushing(system: BeadSpring, start: str, time_step_fs: float, steps: int, seed: int) -> str:
    """Push overlapping beads apart, softly at first, then with the true forces and short moves.

    Half of the steps are done with a repulsion that grows from nothing to some 40 kT.
    """
    reach = 2 ** (1 / 6) * system.diameters
    soft = [f"pair_style soft {reach.max():.6f}"]
    soft += [f"pair_coeff {i + 1} {j + 1} 0.0 {reach[i, j]:.6f}" for i, j in _pairs(system)]
    temperature = f"{system.temperature_K:g} {system.temperature_K:g}"
    lines = [
        *_begin(system, start),
        *soft,
        *_bonds(system),
        f"velocity all create {system.temperature_K:g} {seed}",
        "fix move all nve/limit 0.2",
        f"fix heat all langevin {temperature} 200.0 {seed + 1}",
        "variable push equal ramp(0,30)",
        "fix grow all adapt 1 pair soft a * * v_push",
        f"timestep {time_step_fs:g}",
        *_log(steps // 10),
        f"run {steps // 2}",
        "unfix grow",
        *_interactions(system),
        *_log(steps // 10),
        f"run {steps - steps // 2}",
    ]
    return _text(lines)


def compression(system: BeadSpring, start: str, time_step_fs: float, steps: int, seed: int) -> str:
    """Nose-Hoover at constant temperature and at 1 atm, from new velocities."""
    kelvin = f"{system.temperature_K:g} {system.temperature_K:g}"
    lines = [
        *model(system, start),
        f"velocity all create {system.temperature_K:g} {seed}",
        f"fix move all npt temp {kelvin} 1000.0 iso 1.0 1.0 5000.0",
        f"timestep {time_step_fs:g}",
        *_log(max(steps // 200, 1)),
        f"run {steps}",
    ]
    return _text(lines)


def thermostatted(
    system: BeadSpring,
    start: str,
    time_step_fs: float,
    steps: int,
    seed: int,
    *,
    edge: float | None = None,
    every: int | None = None,
) -> str:
    """Langevin dynamics at constant volume, friction 1/ps, without net random force.

    Parameters
    ----------
    edge : float, optional
        Edge that the box is brought to before, with its beads, angstrom.
    every : int, optional
        Steps between stored frames: ``frames.dcd``, unwrapped.
    """
    box = [] if edge is None else ["change_box all " + _edges(edge) + " remap units box"]
    frames = (
        []
        if every is None
        else [f"dump frames all dcd {every} frames.dcd", "dump_modify frames unwrap yes"]
    )
    kelvin = f"{system.temperature_K:g} {system.temperature_K:g}"
    lines = [
        *model(system, start),
        *box,
        "fix move all nve",
        f"fix heat all langevin {kelvin} {_FRICTION_FS:g} {seed} zero yes tally yes",
        f"timestep {time_step_fs:g}",
        *frames,
        *_log(every or max(steps // 200, 1)),
        f"run {steps}",
    ]
    return _text(lines)


def _begin(system: BeadSpring, start: str) -> list[str]:
    return [
        "units real",
        "atom_style full",
        "boundary p p p",
        f"dielectric {system.dielectric:g}",
        "special_bonds lj 0.0 1.0 1.0 coul 0.0 1.0 1.0",
        f"neighbor {_SKIN_A:g} bin",
        "neigh_modify every 1 delay 2 check yes",
        "bond_style harmonic",
        "angle_style cosine/squared",
        f"read_data {start}",
    ]


def _interactions(system: BeadSpring) -> list[str]:
    """Ions have Coulomb among themselves; all other pairs are spared its cost."""
    cut = LENNARD_JONES_REACH * system.diameters
    charged = np.array(system.charges) != 0
    both = {(i, j): charged[i] and charged[j] for i, j in _pairs(system)}
    farthest = max(cut[pair] for pair, ions in both.items() if ions)
    lines = [
        f"pair_style hybrid lj/cut/opt {cut.max():.6f} "
        f"lj/cut/coul/long/opt {farthest:.6f} {COULOMB_REACH_A:g}"
    ]
    for (i, j), ions in both.items():
        style = "lj/cut/coul/long/opt" if ions else "lj/cut/opt"
        depth, diameter = system.epsilon[i][j], system.diameters[i, j]
        lines.append(
            f"pair_coeff {i + 1} {j + 1} {style} {depth:.6f} {diameter:.6f} {cut[i, j]:.6f}"
        )
    kspace = f"kspace_style pppm {_KSPACE_ERROR / system.dielectric:g}"
    return [*lines, "pair_modify shift yes", *_bonds(system), kspace]


def _bonds(system: BeadSpring) -> list[str]:
    lines = [
        f"bond_coeff {number} {BOND_KCAL_PER_MOL_A2:g} "
        f"{BOND_PER_DIAMETER * system.diameters[low, high]:.6f}"
        for number, (low, high) in enumerate(system.bond_kinds, start=1)
    ]
    return [*lines, f"angle_coeff 1 {ANGLE_KCAL_PER_MOL:g} {ANGLE_DEGREES:g}"]


def _pairs(system: BeadSpring) -> list[tuple[int, int]]:
    kinds = len(system.names)
    return [(i, j) for i in range(kinds) for j in range(i, kinds)]


def _log(every: int) -> list[str]:
    return [f"thermo_style custom {THERMO}", "thermo_modify flush yes", f"thermo {every}"]


def _edges(edge: float) -> str:
    return " ".join(f"{axis} final 0 {edge:.10f}" for axis in "xyz")


def _text(lines: list[str]) -> str:
    return "\n".join([*lines, "write_data end.data nocoeff"]) + "\n"
