"""The compiled steps of `lattice_hopping`: one lithium, four sulfur atoms, Langevin dynamics.

Units: angstrom, ps, dalton, eV.

References
----------
B. Leimkuhler, C. Matthews, Appl. Math. Res. Express 2013, 34 (2013): the splitting BAOAB, whose
positions are those of the canonical ensemble up to fourth order at high friction, and exactly for a
harmonic well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ase import units
from numba import njit

__all__ = ["ACCELERATION", "ForceField", "forces", "steps"]

#: 1 eV/(A Da) in A/ps^2; ASE's unit of time is the one in which it is 1.
ACCELERATION = float((1e3 * units.fs) ** 2)


class ForceField(NamedTuple):
    """What the atoms feel; see `lattice_hopping.LatticeHopping`."""

    lattice: np.ndarray  # places of the four sulfur atoms, A
    edge: float  # of the cubic cell, A
    depth: float  # of a Morse well, eV
    stiffness: float  # of a Morse well, 1/A
    distance: float  # of a Morse minimum, A
    spring: float  # of sulfur to its place, eV/A^2
    cutoff: float  # A, at most twice the edge


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp"})
def forces(
    x: np.ndarray,
    force: np.ndarray,
    field: ForceField,
) -> float:
    """Potential energy, eV; the forces (5, 3), eV/A, are written into `force`.

    Lithium is row 0 of `x`. Its Morse wells with all images of the sulfur atoms are shifted to zero
    at the cutoff, so that the energy is continuous.
    """
    lattice, edge, depth, stiffness, distance, spring, cutoff = field
    edge_well = np.exp(-stiffness * (cutoff - distance))
    shift = edge_well * (edge_well - 2.0)
    energy = 0.0
    f0 = f1 = f2 = 0.0
    for j in range(1, 5):
        home = lattice[j - 1]
        u0, u1, u2 = x[j, 0] - home[0], x[j, 1] - home[1], x[j, 2] - home[2]
        energy += 0.5 * spring * (u0 * u0 + u1 * u1 + u2 * u2)
        g0, g1, g2 = -spring * u0, -spring * u1, -spring * u2
        d0, d1, d2 = x[0, 0] - x[j, 0], x[0, 1] - x[j, 1], x[0, 2] - x[j, 2]
        d0 -= edge * np.floor(d0 / edge)
        d1 -= edge * np.floor(d1 / edge)
        d2 -= edge * np.floor(d2 / edge)
        for i0 in range(-2, 2):
            r0 = d0 + i0 * edge
            for i1 in range(-2, 2):
                r1 = d1 + i1 * edge
                flat = r0 * r0 + r1 * r1
                if flat > cutoff * cutoff:
                    continue
                for i2 in range(-2, 2):
                    r2 = d2 + i2 * edge
                    square = flat + r2 * r2
                    if square > cutoff * cutoff:
                        continue
                    r = np.sqrt(square)
                    well = np.exp(-stiffness * (r - distance))
                    energy += depth * (well * (well - 2.0) - shift)
                    pull = -2.0 * depth * stiffness * well * (1.0 - well) / r
                    f0 += pull * r0
                    f1 += pull * r1
                    f2 += pull * r2
                    g0 -= pull * r0
                    g1 -= pull * r1
                    g2 -= pull * r2
        force[j, 0], force[j, 1], force[j, 2] = g0, g1, g2
    force[0, 0], force[0, 1], force[0, 2] = f0, f1, f2
    return energy


@njit(cache=True, nogil=True, error_model="numpy")
def steps(
    x: np.ndarray,
    v: np.ndarray,
    frames: np.ndarray,
    stride: int,
    time_step: float,
    friction: float,
    thermal: float,
    masses: np.ndarray,
    rng: np.random.Generator,
    field: ForceField,
) -> float:
    """Move `x` and `v` in place by `stride` steps a frame; fill `frames` (n, 5, 3), float32.

    Returns the mean kinetic energy of the frames, eV.
    """
    force = np.empty((5, 3))
    forces(x, force, field)
    keep = np.exp(-friction * time_step)
    half = 0.5 * time_step
    kick = np.empty(5)
    noise = np.empty(5)
    for i in range(5):
        kick[i] = half * ACCELERATION / masses[i]
        noise[i] = np.sqrt((1.0 - keep * keep) * thermal * ACCELERATION / masses[i])
    kinetic = 0.0
    for frame in range(len(frames)):
        for _ in range(stride):
            for i in range(5):
                for k in range(3):
                    v[i, k] += kick[i] * force[i, k]
                    x[i, k] += half * v[i, k]
                    v[i, k] = keep * v[i, k] + noise[i] * rng.standard_normal()
                    x[i, k] += half * v[i, k]
            forces(x, force, field)
            for i in range(5):
                for k in range(3):
                    v[i, k] += kick[i] * force[i, k]
        for i in range(5):
            for k in range(3):
                frames[frame, i, k] = x[i, k]
                kinetic += 0.5 * masses[i] / ACCELERATION * v[i, k] * v[i, k]
    return kinetic / max(1, len(frames))
