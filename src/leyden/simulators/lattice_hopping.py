"""Lithium that hops through a lattice of sulfur: Langevin dynamics of the smallest conductor.

One lithium atom in the conventional cell of face-centred cubic sulfur, under periodic boundaries.
Lithium feels a Morse well of every sulfur atom within a cutoff; sulfur atoms are bound to their
places by springs and feel each other only through lithium. The barriers between octahedral and
tetrahedral sites are many times the thermal energy, so that hops are rare. It stands for the system
of figure 4-2 of T. Xie's thesis (MIT 2020), whose force field is not published.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from ase.units import kB

from leyden.data.array_folder import ArrayWriter
from leyden.data.trajectory import Trajectory, finish_trajectory
from leyden.errors import InputError
from leyden.simulators.fcc_sites import SITES, SULFUR
from leyden.simulators.langevin_kernel import ACCELERATION, ForceField, forces, steps

__all__ = ["LatticeHopping", "whole_frames"]

SPECIES = ("Li", "S", "S", "S", "S")
_MASSES = np.array([atomic_masses[atomic_numbers[name]] for name in SPECIES])
_PIECE_FRAMES = 5000


@dataclass(frozen=True)
class LatticeHopping:
    """Lithium in thermal face-centred cubic sulfur.

    With the defaults a visit to an octahedral site lasts about 0.2 ns and one to a tetrahedral site
    about 0.06 ns; populations relax in 50 ps. A simulated nanosecond takes about 0.1 s.

    Attributes
    ----------
    lattice_A : float
        Edge of the cubic cell.
    well_depth_eV, well_stiffness_per_A, well_distance_A : float
        D, alpha and r0 of the Morse potential ``D ((1 - exp(-alpha (r - r0)))^2 - 1)`` of a lithium
        and a sulfur atom.
    cutoff_A : float
        Beyond this distance they do not feel each other; at most twice the edge.
    spring_eV_per_A2 : float
        k of ``k u^2 / 2``, u the displacement of a sulfur atom.
    temperature_K, friction_per_ps : float
        Of the Langevin thermostat, the same for all atoms.
    time_step_fs : float
        The fastest vibration has a period of about 40 fs.
    equilibration_ps : float
        Run before the first frame. Lithium starts in an octahedral site.

    Raises
    ------
    InputError
        A value that is not positive and finite (`equilibration_ps` may be zero), or a cutoff beyond
        twice the edge.
    """

    lattice_A: float = 5.7
    well_depth_eV: float = 0.134
    well_stiffness_per_A: float = 3.0
    well_distance_A: float = 2.5
    cutoff_A: float = 5.5
    spring_eV_per_A2: float = 4.0
    temperature_K: float = 300.0
    friction_per_ps: float = 2.0
    time_step_fs: float = 4.0
    equilibration_ps: float = 200.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            zero = field.name == "equilibration_ps" and value == 0
            if not (np.isfinite(value) and (value > 0 or zero)):
                raise InputError(f"{field.name} must be positive and finite", value=value)
        if self.cutoff_A > 2 * self.lattice_A:
            raise InputError("cutoff_A must not be more than twice lattice_A", value=self.cutoff_A)

    @property
    def sites_A(self) -> np.ndarray:
        """Centres of the sites, shape (12, 3), as `fcc_sites.SITES`: octahedral ones first."""
        return self.lattice_A * SITES

    @property
    def cell_A(self) -> np.ndarray:
        """Lattice vectors, shape (3, 3)."""
        return self.lattice_A * np.eye(3)

    def energy_eV(self, positions_A: np.ndarray) -> float:
        """Potential energy of one frame (5, 3), lithium first."""
        return self._energy_and_forces(positions_A)[0]

    def forces_eV_per_A(self, positions_A: np.ndarray) -> np.ndarray:
        """Forces (5, 3) of one frame (5, 3), lithium first."""
        return self._energy_and_forces(positions_A)[1]

    def site_energies_eV(self) -> dict[str, float]:
        """Energies of lithium with sulfur at rest at its places: two sites and their saddle.

        The way from an octahedral to a tetrahedral site is a threefold axis, hence the saddle lies
        on it: the highest of 1,001 points.
        """
        octahedral, tetrahedral = SITES[0], SITES[4]
        way = [
            self.energy_eV(self._at_rest(octahedral + part * (tetrahedral - octahedral)))
            for part in np.linspace(0.0, 1.0, 1001)
        ]
        return {"octahedral": way[0], "tetrahedral": way[-1], "saddle": max(way)}

    def run(
        self,
        duration_ns: float,
        frame_ps: float = 1.0,
        random_state: int = 0,
        *,
        store: str | Path | None = None,
        progress: bool = False,
    ) -> Trajectory:
        """Simulate, and keep a frame every `frame_ps`.

        The run is made in pieces that continue one stream of random numbers, so that memory stays
        small with a `store`, and the frames do not depend on the pieces. Run several seeds in
        processes of their own for more.

        Parameters
        ----------
        duration_ns : float
            Frames are kept at ``frame_ps, 2 frame_ps, ...`` up to here.
        frame_ps : float
            A whole number of time steps.
        random_state : int
        store : path, optional
            A new folder in which the trajectory is written, to be opened by `Trajectory.open`.
        progress : bool
            Show a bar, on a terminal only.

        Returns
        -------
        Trajectory
            Unwrapped, of one Li and four S.

        Raises
        ------
        InputError
            Times that are not positive or not whole multiples, or a `store` that is not empty.
        """
        frames = whole_frames(duration_ns, frame_ps)
        stride = _whole(1000 * frame_ps / self.time_step_fs, "frame_ps must be whole time steps")
        with ArrayWriter(store) as writer:
            for piece in _shown(self._pieces(frames, stride, random_state), frames, progress):
                writer.append("positions", piece)
            writer.append("cells", self.cell_A[None])
            return finish_trajectory(
                writer,
                species=SPECIES,
                time_step_ps=frame_ps,
                charges=None,
                molecules=None,
                name=f"lithium hopping, seed {random_state}",
            )

    def _pieces(self, frames: int, stride: int, random_state: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(random_state)
        places = self._at_rest(SITES[0])
        thermal = np.sqrt(self._thermal_eV * ACCELERATION / _MASSES)
        velocities = rng.normal(size=(5, 3)) * thermal[:, None]
        warming = round(1000 * self.equilibration_ps / self.time_step_fs)
        self._advance(places, velocities, 1, warming, rng)
        for start in range(0, frames, _PIECE_FRAMES):
            count = min(_PIECE_FRAMES, frames - start)
            yield self._advance(places, velocities, count, stride, rng)[0]

    def _advance(
        self,
        places: np.ndarray,
        velocities: np.ndarray,
        frames: int,
        stride: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, float]:
        """The next frames, and their mean kinetic energy in eV; moves the atoms in place."""
        kept = np.empty((frames, 5, 3), dtype=np.float32)
        kinetic = steps(
            places,
            velocities,
            kept,
            stride,
            self.time_step_fs / 1000,
            self.friction_per_ps,
            self._thermal_eV,
            _MASSES,
            rng,
            self._field,
        )
        return kept, kinetic

    def _energy_and_forces(self, positions_A: np.ndarray) -> tuple[float, np.ndarray]:
        positions = np.ascontiguousarray(positions_A, dtype=np.float64)
        if positions.shape != (5, 3) or not np.isfinite(positions).all():
            raise InputError("a frame has the shape (5, 3), all finite", value=positions_A)
        force = np.empty((5, 3))
        return float(forces(positions, force, self._field)), force

    def _at_rest(self, place: np.ndarray) -> np.ndarray:
        return self.lattice_A * np.vstack([place, SULFUR])

    @property
    def _thermal_eV(self) -> float:
        return float(kB * self.temperature_K)

    @property
    def _field(self) -> ForceField:
        return ForceField(
            self.lattice_A * SULFUR,
            float(self.lattice_A),
            float(self.well_depth_eV),
            float(self.well_stiffness_per_A),
            float(self.well_distance_A),
            float(self.spring_eV_per_A2),
            float(self.cutoff_A),
        )


def whole_frames(duration_ns: float, frame_ps: float) -> int:
    """Number of frames in a run.

    Raises
    ------
    InputError
        Times that are not positive, or a duration that is not a whole number of frames.
    """
    for name, value in (("duration_ns", duration_ns), ("frame_ps", frame_ps)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} must be positive and finite", value=value)
    return _whole(1000 * duration_ns / frame_ps, "duration_ns must be whole frames of frame_ps")


def _whole(ratio: float, rule: str) -> int:
    count = round(ratio)
    if count < 1 or abs(ratio - count) > 1e-6 * count:
        raise InputError(rule, value=ratio)
    return count


def _shown(pieces: Iterator[np.ndarray], frames: int, progress: bool) -> Iterator[np.ndarray]:
    if not (progress and sys.stderr.isatty()):
        yield from pieces
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("lithium hopping", total=frames)
        for piece in pieces:
            yield piece
            bar.advance(task, len(piece))
