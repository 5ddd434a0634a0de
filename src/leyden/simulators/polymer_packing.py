"""Where the beads of a melt begin: ideal chains and ions thrown into a box, and its data file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leyden.simulators.bead_spring import (
    ANGLE_DEGREES,
    ANGLE_KCAL_PER_MOL,
    BOLTZMANN_KCAL_PER_MOL_K,
    BOND_PER_DIAMETER,
    BeadSpring,
)

__all__ = ["random_chains", "write_data"]

Floats = NDArray[np.float64]


def random_chains(system: BeadSpring, random_state: int) -> tuple[Floats, float]:
    """Chains of the right local shape at random places; they overlap, and have to be pushed apart.

    Bonds have their rest length, angles are drawn from their own Boltzmann distribution and
    torsions are free: the statistics that a chain has in a melt, where excluded volume is screened
    (P. J. Flory), so that little is left to relax.

    Parameters
    ----------
    system : BeadSpring
    random_state : int

    Returns
    -------
    (array (N, 3), float)
        Unwrapped positions and the edge of the cubic box, angstrom.
    """
    random = np.random.default_rng([random_state, 0])
    edge = system.volume_A3 ** (1 / 3)
    radii = np.array(system.radii)[list(system.chain)]
    lengths = BOND_PER_DIAMETER * (radii[1:] + radii[:-1])
    steps = _directions(system, len(lengths), random) * lengths[:, None]
    chains = np.concatenate([np.zeros((system.chains, 1, 3)), steps.cumsum(axis=1)], axis=1)
    chains += random.uniform(0, edge, (system.chains, 1, 3))
    single = random.uniform(0, edge, (sum(system.single), 3))
    return np.concatenate([chains.reshape(-1, 3), single]), edge


def _directions(system: BeadSpring, bonds: int, random: np.random.Generator) -> Floats:
    """Unit vectors along freely rotating chains, shape (chains, bonds, 3)."""
    cosines = np.linspace(-1, 1, 2001)
    energy = ANGLE_KCAL_PER_MOL * (cosines - math.cos(math.radians(ANGLE_DEGREES))) ** 2
    weight = np.exp(-energy / (BOLTZMANN_KCAL_PER_MOL_K * system.temperature_K))
    # The angle of the bead is that between the bonds seen from it: the turn is its supplement.
    turn = -random.choice(cosines, (system.chains, bonds), p=weight / weight.sum())
    directions = np.empty((system.chains, bonds, 3))
    directions[:, 0] = _unit(random.normal(size=(system.chains, 3)))
    for bond in range(1, bonds):
        last = directions[:, bond - 1]
        side = np.cross(last, random.normal(size=(system.chains, 3)))
        cosine = turn[:, bond, None]
        directions[:, bond] = cosine * last + np.sqrt(1 - cosine**2) * _unit(side)
    return directions


def _unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def write_data(system: BeadSpring, positions: Floats, edge: float, path: Path) -> None:
    """A data file of LAMMPS (atom style full), without coefficients.

    Parameters
    ----------
    system : BeadSpring
    positions : array (N, 3)
        Unwrapped, angstrom.
    edge : float
        Of the cubic box from the origin, angstrom.
    path : Path
    """
    image = np.floor(positions / edge).astype(int)
    inside = positions - image * edge
    kinds = system.bond_kinds
    lines = [
        "Leyden bead-spring polymer",
        "",
        f"{system.beads} atoms",
        f"{len(system.bonds)} bonds",
        f"{len(system.angles)} angles",
        f"{len(system.names)} atom types",
        f"{len(kinds)} bond types",
        "1 angle types",
        "",
        *(f"0 {edge:.10f} {axis}lo {axis}hi" for axis in "xyz"),
        *("", "Masses", ""),
        *(f"{kind} {mass}" for kind, mass in enumerate(system.masses, start=1)),
        *("", "Atoms # full", ""),
    ]
    rows = zip(system.molecules, system.kinds, system.charge, inside, image, strict=True)
    for bead, (molecule, kind, charge, place, cell) in enumerate(rows, start=1):
        where = " ".join(f"{x:.10f}" for x in place)
        cells = " ".join(map(str, cell))
        lines.append(f"{bead} {molecule + 1} {kind + 1} {charge:g} {where} {cells}")
    lines += ["", "Bonds", ""]
    for number, pair in enumerate(system.bonds, start=1):
        low, high = sorted(system.kinds[pair])
        lines.append(f"{number} {kinds.index((low, high)) + 1} {pair[0] + 1} {pair[1] + 1}")
    lines += ["", "Angles", ""]
    for number, beads in enumerate(system.angles, start=1):
        lines.append(f"{number} 1 " + " ".join(str(bead + 1) for bead in beads))
    path.write_text("\n".join(lines) + "\n")
