"""What every frame of a trajectory must be: numbers for coordinates, in a cell with a volume."""

from __future__ import annotations

import numpy as np

from leyden.errors import InputError

__all__ = ["check_cells", "check_finite", "frame_of", "heights"]

_FLATTEST = 1e-4  # volume of a cell over the product of its edges; below this it is no cell


def heights(cell: np.ndarray) -> np.ndarray:
    """Distances between opposite faces of a cell (3, 3), in angstrom, one a lattice vector."""
    return 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)


def frame_of(file: object, frame: int) -> str:
    """The place of an error: a file and one of its frames, counted from 0."""
    return f"{file}, frame {frame}" if file else f"frame {frame}"


def check_cells(cells: np.ndarray, start: int = 0, file: object = None) -> None:
    """Refuse cells (n, 3, 3) of which one is not finite or has no volume."""
    with np.errstate(invalid="ignore"):
        edges = np.linalg.norm(cells, axis=2).prod(axis=1)
        good = np.isfinite(edges) & (edges > 0)
        good[good] = np.abs(np.linalg.det(cells[good])) > _FLATTEST * edges[good]
    if not good.all():
        frame = int(np.argmin(good))
        raise InputError(
            "every frame has a cell of three lattice vectors that span a volume",
            value=cells[frame].tolist(),
            file=frame_of(file, start + frame),
            remedy="write the cell with the trajectory; a system without one is put into a box",
        )


def check_finite(positions: np.ndarray, start: int = 0, file: object = None) -> None:
    """Refuse positions (n, N, 3) of which one is not a number."""
    bad = ~np.isfinite(positions)
    if bad.any():
        frame, atom, axis = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"every coordinate is a number; that of atom {atom} is not",
            value=float(positions[frame, atom, axis]),
            file=frame_of(file, start + frame),
            remedy="the run has failed there: cut the trajectory before it",
        )
