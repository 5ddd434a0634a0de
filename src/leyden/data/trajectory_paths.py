"""How atoms move in a cell that moves itself, as under constant pressure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leyden.data.trajectory import Trajectory

__all__ = ["paths"]


def paths(trajectory: Trajectory, sets: np.ndarray, stride: int = 1) -> np.ndarray:
    """Where the centres of sets of atoms go, without the breathing of the cell.

    Where the cell varies, an atom that was unwrapped by n cells is moved by all changes of n
    cells: its positions tell less of diffusion the farther it has gone. Here the change of its
    fractional coordinates between frames is taken in the mean of their cells, and summed.

    Parameters
    ----------
    trajectory : Trajectory
    sets : ndarray of int, shape (L, k)
        Numbers of atoms.
    stride : int
        Which frames are given; steps are summed over all.

    Returns
    -------
    ndarray of float64, shape (T', L, 3)
        In angstrom, from the centre in the first frame on. For a constant cell, the centres.

    Notes
    -----
    The error of positions: S. von Bulow et al., J. Chem. Phys. 153, 021101 (2020).
    """
    found, last = [], None
    for start, block in trajectory.chunks():
        centres = np.asarray(block[:, sets], np.float64).mean(axis=2)
        if len(trajectory.cells) > 1:
            cells = np.asarray(trajectory.cells[start : start + len(block)])
            centres, last = _walked(centres, cells, last)
        found.append(centres[-start % stride :: stride])
    return np.concatenate(found)


class _Walked(NamedTuple):
    """Where a walk has come to: fractional coordinates (L, 3), the cell, and the place (L, 3)."""

    frac: np.ndarray
    cell: np.ndarray
    place: np.ndarray


def _walked(
    centres: np.ndarray, cells: np.ndarray, last: _Walked | None
) -> tuple[np.ndarray, _Walked]:
    """Paths (n, L, 3) through the next frames, which go on from the last of those before."""
    frac = centres @ np.linalg.inv(cells)
    last = last or _Walked(frac[0], cells[0], centres[0])
    steps = np.diff(frac, axis=0, prepend=last.frac[None])
    before = np.concatenate([last.cell[None], cells[:-1]])
    places = last.place + np.cumsum(steps @ ((before + cells) / 2), axis=0)
    return places, _Walked(frac[-1], cells[-1], places[-1])
