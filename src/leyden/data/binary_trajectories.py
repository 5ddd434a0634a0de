"""DCD and XTC files, by MDAnalysis (N. Michaud-Agrawal et al., J. Comput. Chem. 32, 2319 (2011)).

Its readers of whole trajectories are passed by: they write files of offsets beside the user's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leyden.data.trajectory_frames import Frame, truncated
from leyden.errors import InputError, MissingExtraError

__all__ = ["dcd_frames", "xtc_frames"]

_AKMA_PS = 4.888821e-2  # the unit of time of DCD files
_NM = 10.0


def dcd_frames(path: Path) -> Iterator[Frame]:
    """Frames of a DCD file of CHARMM, NAMD, LAMMPS or MDAnalysis.

    Raises
    ------
    InputError
        The file is cut off, or no DCD file.
    MissingExtraError
        MDAnalysis is not installed.
    """
    try:
        from MDAnalysis.lib.formats.libdcd import DCDFile
    except ImportError as error:
        raise MissingExtraError("MDAnalysis", "md") from error
    with _opened(DCDFile, path) as file:
        header = file.header
        step = header["delta"] * max(1, header["nsavc"]) * _AKMA_PS
        # LAMMPS writes its step in the units of its run, whatever the format asks for.
        sensible = np.isfinite(step) and step > 0 and "LAMMPS" not in header["remarks"]
        clock_ps = step if sensible else None
        number = -1
        for number, frame in enumerate(_whole(file, path)):
            cell = _dcd_cell(frame.unitcell) if header["is_periodic"] else None
            xyz = frame.xyz.astype(np.float64)
            yield Frame(xyz, cell, 1.0, float(number), clock_ps, None)
    if _dcd_left_over(path, header["natoms"], bool(header["is_periodic"])):
        raise truncated(path, number + 1)


def _dcd_cell(unitcell: np.ndarray) -> np.ndarray | None:
    """Lattice vectors from [A, gamma, B, beta, alpha, C], its angles in degrees or as cosines."""
    from MDAnalysis.lib.mdamath import triclinic_vectors

    a, gamma, b, beta, alpha, c = (float(x) for x in unitcell)
    if min(a, b, c) > 0 and max(abs(alpha), abs(beta), abs(gamma)) <= 1:
        alpha, beta, gamma = np.degrees(np.arccos([alpha, beta, gamma]))
    elif min(alpha, beta, gamma) < 0 or max(alpha, beta, gamma) > 180:  # new CHARMM
        h = unitcell
        return np.array([[h[0], h[1], h[3]], [h[1], h[2], h[4]], [h[3], h[4], h[5]]])
    cell = triclinic_vectors([a, b, c, alpha, beta, gamma], dtype=np.float64)
    return cell if cell.any() else None


def _dcd_left_over(path: Path, atoms: int, periodic: bool) -> int:
    """Bytes after the last whole frame, which the library passes over in silence."""
    with path.open("rb") as file:
        head = file.read(92)
        order = "<" if struct.unpack("<i", head[:4])[0] == 84 else ">"
        control = struct.unpack(f"{order}20i", head[8:88])
        title = struct.unpack(f"{order}i", file.read(4))[0]
    if control[8]:  # fixed atoms are written once only
        return 0
    blocks = 3 + (control[11] == 1)
    frame = blocks * (8 + 4 * atoms) + (56 if periodic else 0)
    return (path.stat().st_size - (92 + 8 + title + 12)) % frame


def xtc_frames(path: Path) -> Iterator[Frame]:
    """Frames of an XTC file of GROMACS, rounded there to 0.01 angstrom by default.

    Raises
    ------
    InputError
        The file is cut off, or no XTC file.
    MissingExtraError
        MDAnalysis is not installed.
    """
    try:
        from MDAnalysis.lib.formats.libmdaxdr import XTCFile
    except ImportError as error:
        raise MissingExtraError("MDAnalysis", "md") from error
    with _opened(XTCFile, path) as file:
        for frame in _whole(file, path):
            cell = frame.box.astype(np.float64)
            yield Frame(
                frame.x.astype(np.float64),
                cell if cell.any() else None,
                _NM,
                float(frame.time),
                1.0,
                None,
            )


def _opened(kind: Any, path: Path) -> Any:
    try:
        return kind(str(path))
    except OSError as error:
        raise InputError(
            f"the file begins as its format asks: {error}",
            file=path,
            remedy="copy it again, or name its format",
        ) from error


def _whole(file: Iterable[Any], path: Path) -> Iterator[Any]:
    number = -1
    try:
        for number, frame in enumerate(file):  # noqa: B007 - the error names it
            yield frame
    except OSError as error:
        raise truncated(path, number + 1) from error
