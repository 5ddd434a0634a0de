"""One run of molecular dynamics: the same atoms, frame after frame, in a periodic cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from leyden.data.array_folder import ArrayWriter, read_arrays
from leyden.data.frame_checks import check_cells, check_finite, heights
from leyden.errors import ArtefactError, InputError, did_you_mean

__all__ = ["Region", "Trajectory", "finish_trajectory"]

_AXES = "xyz"
_CHUNK_BYTES = 2**24


@dataclass(frozen=True)
class Region:
    """A slab of the cell, such as that beside an interface, with the atoms that lie in it.

    Attributes
    ----------
    axis : {"x", "y", "z"}
        The slab is bounded by two planes parallel to the other two lattice vectors; in a
        rectangular cell it is bounded along this coordinate.
    low, high : float
        Where it begins and ends, in angstrom along the normal of these planes, ``low < high``.
        Places are periodic: a slab may reach across the border of the cell.
    species : str, optional
        Only atoms of this name.
    fractional : bool
        `low` and `high` are fractions of the cell instead.
    place : {"first", "mean"}
        Which place of an atom counts: that in the first frame (where mobile ions started), or the
        mean over all frames (where bound ones live).
    """

    kind: ClassVar[str] = "region"

    axis: str
    low: float
    high: float
    species: str | None = None
    fractional: bool = False
    place: str = "first"

    def __post_init__(self) -> None:
        if self.axis not in set(_AXES) or self.place not in {"first", "mean"}:
            raise InputError(
                "a region has an axis 'x', 'y' or 'z', and takes places 'first' or 'mean'",
                value=(self.axis, self.place),
            )
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise InputError("a region begins below its end", value=(self.low, self.high))

    def holds(self, frac: np.ndarray, height_A: float) -> np.ndarray:
        """Which atoms lie in the slab, by fractional coordinates (N, 3) and the cell's height."""
        scale = 1.0 if self.fractional else 1.0 / height_A
        places = frac[:, _AXES.index(self.axis)]
        depth = places - self.low * scale
        return depth - np.floor(depth) <= (self.high - self.low) * scale


@dataclass(frozen=True, eq=False)
class Trajectory:
    """T frames of the same N atoms at equal steps of time, under full periodicity.

    Attributes
    ----------
    positions : ndarray of float32, shape (T, N, 3)
        In angstrom, unwrapped: an atom that leaves the cell goes on outside it, whole lattice
        vectors of its frame from its image inside. May be memory-mapped; it is then never read as
        a whole.
    cells : ndarray of float64, shape (T, 3, 3) or (1, 3, 3)
        Lattice vectors as rows, in angstrom; one for all frames where it does not change.
    species : tuple of str, length N
        Element symbols, or names of beads.
    time_step_ps : float
        Between stored frames.
    charges : ndarray of float64, shape (N,), optional
        In units of e.
    molecules : ndarray of int64, shape (N,), optional
        Number of the molecule or chain of each atom.
    name : str

    Raises
    ------
    InputError
        Shapes that do not fit, a time step that is not positive, a cell without volume, or (of
        positions in memory) a coordinate that is not a number, with its frame, counted from 0.
    """

    positions: np.ndarray
    cells: np.ndarray
    species: tuple[str, ...]
    time_step_ps: float
    charges: np.ndarray | None = None
    molecules: np.ndarray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        given = self.positions
        mapped = isinstance(given, np.memmap) and given.dtype == np.float32
        positions = given if mapped else np.asarray(given, dtype=np.float32)
        cells = self.cells
        mapped_cells = isinstance(cells, np.memmap) and cells.dtype == np.float64
        if not mapped_cells:
            cells = np.array(cells, dtype=np.float64)
        checked: dict[str, Any] = {
            "positions": positions,
            "cells": cells[None] if cells.ndim == 2 else cells,
            "species": tuple(str(name) for name in self.species),
            "time_step_ps": float(self.time_step_ps),
            "charges": _column(self.charges, np.float64),
            "molecules": _column(self.molecules, np.int64),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        self._check_shapes()
        # What is mapped was checked when it was written.
        if not mapped_cells:
            check_cells(self.cells, file=self.name or None)
        if not mapped:
            for start, block in self.chunks():
                check_finite(block, start, file=self.name or None)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def atoms(self) -> int:
        """N, atoms of a frame."""
        return len(self.species)

    @property
    def duration_ps(self) -> float:
        """From the first frame to the last, in ps."""
        return (len(self) - 1) * self.time_step_ps

    @property
    def frame_cells(self) -> np.ndarray:
        """Lattice vectors frame by frame, shape (T, 3, 3), in angstrom; not to be written to."""
        return np.broadcast_to(self.cells, (len(self), 3, 3))

    @property
    def volume_A3(self) -> float:
        """Mean volume of the cell, in cubic angstrom."""
        return float(np.abs(np.linalg.det(self.cells)).mean())

    def chunks(self, frames: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Positions in blocks of frames (by default of about 16 MB), each with its first frame."""
        size = frames or max(1, _CHUNK_BYTES // (12 * max(1, self.atoms)))
        for start in range(0, len(self), size):
            yield start, self.positions[start : start + size]

    def fractional(self, frame: int) -> np.ndarray:
        """Coordinates (N, 3) of a frame as fractions of its cell; unwrapped, as the positions."""
        places = np.asarray(self.positions[frame], dtype=np.float64)
        return np.asarray(places @ np.linalg.inv(self.frame_cells[frame]))

    def window(self, start: int, stop: int | None = None, stride: int = 1) -> Trajectory:
        """Frames `start` to `stop` (not included), every `stride`-th; nothing is copied.

        Raises
        ------
        InputError
            There is no such frame.
        """
        stop = len(self) if stop is None else stop
        if not (0 <= start < stop <= len(self) and stride >= 1):
            raise InputError(
                f"a window lies within the {len(self)} frames and has one at least",
                value=(start, stop, stride),
                file=self.name or None,
            )
        part = slice(start, stop, stride)
        return Trajectory(
            self.positions[part],
            self.cells if len(self.cells) == 1 else self.cells[part],
            self.species,
            self.time_step_ps * stride,
            self.charges,
            self.molecules,
            self.name,
        )

    def select(self, what: str | Region | Sequence[int] | np.ndarray) -> np.ndarray:
        """Numbers of atoms, from 0, as int64: all of a species, of a region, or those given.

        Parameters
        ----------
        what : str, Region or array of int, shape (L,) or (L, k)
            Numbers are checked and handed back in their shape: k atoms of a row are one target.

        Raises
        ------
        InputError
            There is no such species or atom, no atom in the region, or an atom is named twice.
        """
        if isinstance(what, str):
            return self._of_species(what)
        if isinstance(what, Region):
            return self._in_region(what)
        indices = np.asarray(what)
        if not (indices.size and indices.dtype.kind in "iu" and indices.ndim in (1, 2)):
            raise InputError(
                "atoms are chosen by a species, a region, or numbers of shape (L,) or (L, k)",
                value=what,
                file=self.name or None,
            )
        wrong = indices[(indices < 0) | (indices >= self.atoms)]
        if len(wrong):
            raise InputError(
                f"atoms are numbered from 0 to {self.atoms - 1}",
                value=int(wrong[0]),
                file=self.name or None,
            )
        if len(np.unique(indices)) < indices.size:
            raise InputError(
                "no atom is a target twice", value=indices.tolist(), file=self.name or None
            )
        return indices.astype(np.int64)

    def save(self, folder: str | Path) -> Trajectory:
        """Write a folder, and hand back the trajectory as it lies there, memory-mapped.

        Raises
        ------
        InputError
            The folder is there already, and is not empty.
        """
        with ArrayWriter(folder) as writer:
            for _, block in self.chunks():
                writer.append("positions", np.asarray(block))
            writer.append("cells", self.cells)
            return finish_trajectory(
                writer,
                species=self.species,
                time_step_ps=self.time_step_ps,
                charges=self.charges,
                molecules=self.molecules,
                name=self.name,
            )

    @classmethod
    def open(cls, folder: str | Path) -> Trajectory:
        """A saved trajectory; its positions stay on disk.

        Raises
        ------
        ArtefactError
            The folder is not there, or not whole.
        """
        arrays, facts = read_arrays(folder)
        if not {"positions", "cells"} <= arrays.keys() or "time_step_ps" not in facts:
            raise ArtefactError(f"{folder}: not a trajectory. Remedy: write it again.")
        return _assembled(arrays, facts)

    def _of_species(self, name: str) -> np.ndarray:
        found = np.flatnonzero(np.array(self.species) == name)
        if len(found):
            return found.astype(np.int64)
        there = sorted(set(self.species))
        raise InputError(
            f"a target species is one of the trajectory's: {', '.join(there)}",
            value=name,
            file=self.name or None,
            remedy=did_you_mean(name, there),
        )

    def _in_region(self, region: Region) -> np.ndarray:
        if region.place == "first":
            places, cell = np.asarray(self.positions[0], dtype=np.float64), self.cells[0]
        else:
            total = sum(block.sum(axis=0, dtype=np.float64) for _, block in self.chunks())
            places, cell = total / len(self), self.cells.mean(axis=0)
        height = float(heights(cell)[_AXES.index(region.axis)])
        inside = region.holds(places @ np.linalg.inv(cell), height)
        if region.species is not None:
            of_species = np.zeros(self.atoms, dtype=bool)
            of_species[self._of_species(region.species)] = True
            inside &= of_species
        if not inside.any():
            raise InputError(
                f"a region holds atoms; the cell is {height:.2f} angstrom high along {region.axis}",
                value=region,
                file=self.name or None,
                remedy="move or widen the slab",
            )
        return np.flatnonzero(inside).astype(np.int64)

    def _check_shapes(self) -> None:
        frames, atoms = self.positions.shape[0], len(self.species)
        rules = {
            "positions have the shape (frames, atoms, 3), with a frame and an atom at least": (
                self.positions.ndim == 3 and self.positions.shape[2] == 3 and self.positions.size,
                self.positions.shape,
            ),
            "there is a species for each atom": (
                self.positions.ndim == 3 and atoms == self.positions.shape[1],
                f"{atoms} species, positions of shape {self.positions.shape}",
            ),
            "cells have the shape (frames, 3, 3) or (1, 3, 3)": (
                self.cells.shape in {(frames, 3, 3), (1, 3, 3)},
                self.cells.shape,
            ),
            "there is a charge for each atom": (
                self.charges is None
                or (self.charges.shape == (atoms,) and np.isfinite(self.charges).all()),
                self.charges,
            ),
            "there is a molecule for each atom": (
                self.molecules is None or self.molecules.shape == (atoms,),
                self.molecules,
            ),
            "the time between frames is positive, in ps": (
                np.isfinite(self.time_step_ps) and self.time_step_ps > 0,
                self.time_step_ps,
            ),
        }
        for rule, (kept, value) in rules.items():
            if not kept:
                raise InputError(rule, value=value, file=self.name or None)


def finish_trajectory(writer: ArrayWriter, **facts: Any) -> Trajectory:
    """The trajectory whose ``positions`` and ``cells`` a writer has taken."""
    for name in ("charges", "molecules"):
        column = facts.pop(name)
        if column is not None:
            writer.append(name, np.asarray(column))
    facts["species"] = list(facts["species"])
    return _assembled(writer.finish(facts), facts)


def _assembled(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> Trajectory:
    return Trajectory(
        arrays["positions"],
        arrays["cells"],
        tuple(facts["species"]),
        facts["time_step_ps"],
        arrays.get("charges"),
        arrays.get("molecules"),
        facts["name"],
    )


def _column(values: np.ndarray | None, dtype: type) -> np.ndarray | None:
    return None if values is None else np.array(values, dtype=dtype)
