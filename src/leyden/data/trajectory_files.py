"""Trajectory files, read as a stream: units, cell, time and atoms are checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leyden.data.array_folder import ArrayWriter, is_store, made_once, read_arrays
from leyden.data.binary_trajectories import dcd_frames, xtc_frames
from leyden.data.extended_xyz import extended_xyz_frames
from leyden.data.frame_checks import check_cells, check_finite, frame_of
from leyden.data.lammps_dump import ANGSTROM, lammps_frames
from leyden.data.topology import Topology, names_of_atoms, read_topology
from leyden.data.trajectory import Trajectory, finish_trajectory
from leyden.data.trajectory_frames import Frame
from leyden.data.unwrapping import Unwrapping
from leyden.errors import InputError

__all__ = ["FORMATS", "read_trajectory"]

FORMATS: dict[str, Callable[[Path], Iterator[Frame]]] = {
    "lammps": lammps_frames,
    "dcd": dcd_frames,
    "xtc": xtc_frames,
    "extxyz": extended_xyz_frames,
}
"""Readers by the name of the format."""

_ENDINGS = {
    ".lammpstrj": "lammps",
    ".dump": "lammps",
    ".dcd": "dcd",
    ".xtc": "xtc",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
}
_BLOCK_BYTES = 2**20  # of positions in double precision; a dozen such arrays are alive at a time
_CLOCK = 1e-3  # steps of time are equal within this part, and the rounding of float32


def read_trajectory(
    path: str | Path,
    topology: str | Path | None = None,
    *,
    format: str | None = None,
    time_step_ps: float | None = None,
    units: str | float | None = None,
    species: Sequence[str] | Mapping[Any, str] | None = None,
    cell: npt.ArrayLike | None = None,
    wrapped: bool | str = "auto",
    store: str | Path | None = None,
    progress: bool = False,
) -> Trajectory:
    """Read a LAMMPS text dump, DCD, XTC or extended XYZ file, a few frames at a time.

    Parameters
    ----------
    path : str or path
        Text files may be gzipped.
    topology : str or path, optional
        A file that MDAnalysis reads (PSF, GRO, LAMMPS data, ...): names, charges, molecules.
    format : {"lammps", "dcd", "xtc", "extxyz"}, optional
        Without it, by the ending of the name.
    time_step_ps : float, optional
        Between stored frames. Without it the file's own, if it makes sense: XTC, DCD, and LAMMPS
        dumps with ``dump_modify units yes time yes``.
    units : str or float, optional
        Unit of length: a unit style of LAMMPS, or angstrom a unit (needed for ``lj``). Without it
        the unit of the format; a LAMMPS dump that names no style is in angstrom.
    species : sequence of str, or mapping, optional
        Names of all atoms; or from what the file calls them to names: ``{1: "Li", 2: "S"}``.
    cell : array_like, shape (3, 3) or (3,), optional
        Lattice vectors or edges in angstrom, of all frames, for a file without cell.
    wrapped : bool, "auto" or "as is"
        Whether atoms come back at the other side when they leave the cell. ``"auto"`` believes
        LAMMPS' columns (``xu`` or image flags are unwrapped), and tells others by their jumps.
        ``"as is"`` takes coordinates for unwrapped even if they look wrapped, as those of ions that
        hop to and fro in a small cell do.
    store : path, optional
        A new folder for a trajectory larger than memory. That of the same file, read in the same
        way, is opened again.
    progress : bool
        Show the count of frames on a terminal.

    Raises
    ------
    InputError
        With file, frame (from 0) and remedy: empty or truncated file, no cell, numbers of atoms
        that vary, coordinates that are no numbers, uneven or unknown time, unknown units, names
        that do not fit, wrapped coordinates said to be unwrapped, moves of half a cell.
    MissingExtraError
        MDAnalysis is needed and not installed.
    """
    how = _How(format, time_step_ps, units, _plain(species), _plain(cell), wrapped)
    path = Path(path)
    _check_arguments(path, how)
    state = path.stat()
    source = [str(path.resolve()), state.st_size, state.st_mtime_ns, str(topology), repr(how)]

    def kept() -> Trajectory | None:
        if store is not None and is_store(store) and read_arrays(store)[1].get("source") == source:
            return Trajectory.open(store)
        return None

    return made_once(kept, lambda: _streamed(path, topology, how, store, progress, source))


class _How(NamedTuple):
    """How the user wants a file to be read."""

    format: str | None
    time_step_ps: float | None
    units: str | float | None
    species: Sequence[str] | Mapping[str, str] | None
    cell: list[Any] | None
    wrapped: bool | str


def _streamed(
    path: Path,
    topology: str | Path | None,
    how: _How,
    store: str | Path | None,
    progress: bool,
    source: list[Any],
) -> Trajectory:
    frames = _counted(FORMATS[how.format or _format_of(path)](path), progress)
    first = next(frames, None)
    if first is None:
        raise InputError("a trajectory has a frame at least", file=path)
    count = len(first.positions)
    atoms = Topology(first.labels, first.charges, first.molecules)
    if topology is not None:
        atoms = read_topology(Path(topology), count, path)
    names = names_of_atoms(atoms, how.species, count, topology or path)
    reading = _Reading(path, first, how)
    with ArrayWriter(store) as writer:
        cells = _Cells(writer)
        for block in _blocks(chain([first], frames), count):
            positions, vectors = reading.block(block)
            writer.append("positions", positions.astype(np.float32))
            cells.append(vectors)
        cells.finish()
        reading.unwrapping.finish(np.array(names))
        return finish_trajectory(
            writer,
            species=names,
            time_step_ps=reading.time_step_ps(),
            charges=atoms.charges,
            molecules=atoms.molecules,
            name=path.name,
            source=source,
        )


class _Cells:
    """Cells on their way to a writer: one of all frames, for as long as none differs."""

    def __init__(self, writer: ArrayWriter) -> None:
        self._writer, self._equal, self._varies = writer, 0, False
        self._first: np.ndarray | None = None

    def append(self, cells: np.ndarray) -> None:
        if self._first is None:
            self._first = np.array(cells[:1])
        if not self._varies and (cells == self._first).all():
            self._equal += len(cells)
            return
        self._varies = True
        if self._equal:
            self._writer.append("cells", np.repeat(self._first, self._equal, axis=0))
            self._equal = 0
        self._writer.append("cells", cells)

    def finish(self) -> None:
        if not self._varies and self._first is not None:
            self._writer.append("cells", self._first)


class _Reading:
    """What is asked of every frame, and what is learned from all of them."""

    def __init__(self, path: Path, first: Frame, how: _How) -> None:
        self._path, self._frame = path, 0
        self._atoms = len(first.positions)
        self._angstrom = _angstrom(how.units, first, path)
        self._cell = None if how.cell is None else _given_cell(how.cell, first, path)
        told = None if first.unwrapped is None else not first.unwrapped
        claim = told if how.wrapped == "auto" else how.wrapped is True
        self.unwrapping = Unwrapping(claim, path, trusted=how.wrapped == "as is")
        self._start = self._clock = first.clock
        self._step, self._clock_ps, self._given = 0.0, first.clock_ps, how.time_step_ps
        if self._given is None:
            self._timed(first.clock_ps or 0.0)  # before a long file is read in vain

    def block(self, frames: list[Frame]) -> tuple[np.ndarray, np.ndarray]:
        """Positions (n, N, 3) and cells (n, 3, 3) of the next frames, in angstrom."""
        for number, frame in enumerate(frames, self._frame):
            self._check(number, frame)
        positions = np.stack([frame.positions for frame in frames]) * self._angstrom
        if self._cell is None:
            cells = np.stack([frame.cell for frame in frames if frame.cell is not None])
            cells = cells * self._angstrom
        else:
            cells = np.broadcast_to(self._cell, (len(frames), 3, 3))
        check_finite(positions, self._frame, self._path)
        check_cells(cells, self._frame, self._path)
        self._frame += len(frames)
        return self.unwrapping.block(positions, cells), cells

    def time_step_ps(self) -> float:
        """Between frames: as given, else by the file's own clock."""
        if self._given is not None:
            return self._given
        step = (self._clock - self._start) / max(1, self._frame - 1) * (self._clock_ps or 0.0)
        return self._timed(step)

    def _timed(self, step: float) -> float:
        if not (np.isfinite(step) and step > 0):
            raise InputError(
                "the time between frames is known; the file does not tell it",
                file=self._path,
                remedy="give time_step_ps, the time between stored frames",
            )
        return step

    def _check(self, number: int, frame: Frame) -> None:
        place = frame_of(self._path, number)
        if len(frame.positions) != self._atoms:
            raise InputError(
                f"all frames have the same atoms: {self._atoms} in the first",
                value=len(frame.positions),
                file=place,
                remedy="write a fixed group of atoms",
            )
        if self._cell is None and frame.cell is None:
            raise InputError(
                "every frame has a cell",
                file=place,
                remedy="give cell, the lattice vectors in angstrom, if it is the same in all "
                "frames; else write it with the trajectory",
            )
        if number == 0:
            return
        step, self._clock = frame.clock - self._clock, frame.clock
        if number == 1:
            self._step = step
            if self._given is None and step == 0:
                self._timed(step)
        rounding = 4 * np.finfo(np.float32).eps * abs(frame.clock)
        if abs(step - self._step) > _CLOCK * abs(self._step) + rounding or step < 0:
            raise InputError(
                f"frames are at equal steps of time; the first step is {self._step:g}",
                value=step,
                file=place,
                remedy="a restarted run repeats or leaves out frames: read its parts one by one",
            )


def _angstrom(units: str | float | None, first: Frame, path: Path) -> float:
    """The file's unit of length in angstrom."""
    own = first.angstrom  # not a number where the file says that it is reduced
    if units == "lj" or (units is None and own is not None and np.isnan(own)):
        raise InputError(
            "reduced units (lj) have a length of your choice",
            value=units,
            file=path,
            remedy="say it: units=<sigma in angstrom>",
        )
    if isinstance(units, str):
        if units not in ANGSTROM:
            raise InputError(
                f"a unit of length is {', '.join(ANGSTROM)}, or a number of angstrom",
                value=units,
                file=path,
            )
        if own not in (None, ANGSTROM[units]):
            raise InputError(
                "the unit of length is that which the file names",
                value=units,
                file=path,
                remedy="leave units away",
            )
        return ANGSTROM[units]
    value = float(units if units is not None else own or 1.0)
    if not (np.isfinite(value) and value > 0):
        raise InputError("a unit of length is positive, in angstrom", value=units, file=path)
    return value


def _given_cell(cell: npt.ArrayLike, first: Frame, path: Path) -> np.ndarray:
    vectors = np.asarray(cell, dtype=np.float64)
    vectors = np.diag(vectors) if vectors.shape == (3,) else vectors
    if vectors.shape != (3, 3):
        raise InputError("a cell is three edges or three vectors, in angstrom", value=cell)
    if first.cell is not None:
        raise InputError(
            "a cell is given for a file without one only; this file has its own",
            value=vectors.tolist(),
            file=path,
            remedy="leave cell away",
        )
    return vectors


def _check_arguments(path: Path, how: _How) -> None:
    if not path.is_file():
        raise InputError("a trajectory is a file", value=str(path), remedy="check its name")
    if path.stat().st_size == 0:
        raise InputError("a trajectory has a frame at least; the file is empty", file=path)
    if how.format is not None and how.format not in FORMATS:
        raise InputError(f"a format is one of {', '.join(FORMATS)}", value=how.format)
    step = how.time_step_ps
    if step is not None and not (np.isfinite(step) and step > 0):
        raise InputError("the time between stored frames is positive, in ps", value=step, file=path)
    if not isinstance(how.wrapped, bool) and how.wrapped not in ("auto", "as is"):
        raise InputError("wrapped is True, False, 'auto' or 'as is'", value=how.wrapped)


def _format_of(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    for ending, kind in _ENDINGS.items():
        if name.endswith(ending):
            return kind
    raise InputError(
        f"a trajectory file ends in {', '.join(_ENDINGS)}",
        value=path.name,
        remedy=f"name its format: {', '.join(FORMATS)}",
    )


def _plain(value: Any) -> Any:
    """An argument in a form whose `repr` is whole."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): str(value[key]) for key in sorted(value, key=str)}
    return None if value is None else np.asarray(value).tolist()


def _blocks(frames: Iterator[Frame], atoms: int) -> Iterator[list[Frame]]:
    size = max(1, _BLOCK_BYTES // (24 * atoms))
    while block := list(islice(frames, size)):
        yield block


def _counted(frames: Iterator[Frame], progress: bool) -> Iterator[Frame]:
    if not progress:
        return frames
    from rich.progress import track

    return iter(track(frames, description="frames", transient=True))
