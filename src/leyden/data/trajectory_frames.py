"""One frame of a trajectory file, and what the readers of its formats share."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from leyden.data.frame_checks import frame_of
from leyden.errors import InputError

__all__ = ["Frame", "number_table", "open_text", "truncated"]


class Frame(NamedTuple):
    """What a file says of one frame.

    Attributes
    ----------
    positions : ndarray of float64, shape (N, 3)
        In the file's unit of length.
    cell : ndarray of float64, shape (3, 3), or None
        Lattice vectors as rows, in the same unit; None where the file has none.
    angstrom : float or None
        The unit of length; None where the file does not say, not a number where it is reduced.
    clock : float
        Time or step number, whatever is written; it must rise evenly.
    clock_ps : float or None
        The unit of `clock`; None where the file does not say, or says nonsense.
    unwrapped : bool or None
        Whether the positions go on outside the cell; None where the file does not say.
    labels : tuple of str, optional
        What the file calls its atoms; of the first frame.
    charges, molecules : ndarray, shape (N,), optional
        Of the first frame.
    """

    positions: np.ndarray
    cell: np.ndarray | None
    angstrom: float | None
    clock: float
    clock_ps: float | None
    unwrapped: bool | None
    labels: tuple[str, ...] | None = None
    charges: np.ndarray | None = None
    molecules: np.ndarray | None = None


def truncated(path: Path, frame: int) -> InputError:
    """The error of a file that ends within a frame."""
    return InputError(
        "the file ends within a frame",
        file=frame_of(path, frame),
        remedy="copy it again, or let the run write it to its end; if only the last line break is "
        "missing, add it",
    )


def open_text(path: Path) -> IO[str]:
    """A text file, or a gzipped one."""
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()


def number_table(lines: list[str], columns: list[int], path: Path, frame: int) -> np.ndarray:
    """Numbers of some columns of the lines of atoms, shape (N, columns), float64.

    Raises
    ------
    InputError
        A line has too few words, or a word is no number, or the last line is cut off.
    """
    if not lines[-1].endswith("\n"):
        raise truncated(path, frame)
    try:
        return np.loadtxt(lines, usecols=columns, ndmin=2, comments=None)
    except ValueError as error:
        raise InputError(
            f"every line of an atom has its numbers: {error}", file=frame_of(path, frame)
        ) from error
