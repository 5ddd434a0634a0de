"""Coordinates that go on where an atom leaves the cell, and signs that tell whether they do."""

from __future__ import annotations

import warnings

import numpy as np

from leyden.data.frame_checks import frame_of
from leyden.errors import InputError

__all__ = ["Unwrapping"]

_NEAR = 0.25  # a jump this close to whole cells is a crossing of the border, not a motion
_FAR = 0.4  # in cells: nearly the half at which a minimum image becomes a guess
_OFTEN = 0.01  # share of such moves that spoils a trajectory
_CLEARLY = 4  # times as many crossings as motions of a good part of a cell


class Unwrapping:
    """Positions block after block, made continuous where they are wrapped.

    Each atom is moved by whole lattice vectors so that none of its fractional coordinates changes
    by more than one half between frames. The image in the cell stays what the file gives, also in
    a cell that changes: neighbours are exact. (Diffusion in a cell of fluctuating volume then has a
    small error that grows with time: S. von Bulow et al., J. Chem. Phys. 153, 021101 (2020).)
    That is the minimum image for moves of less than half the smallest height of the cell.

    Wrapped coordinates jump by whole cells and seldom by a good part of one, and stay within one
    cell; the motion of atoms does neither. `finish` refuses what contradicts the claim.

    Parameters
    ----------
    wrapped : bool or None
        What the user or the file says. None: whatever it is, unless that cannot be told.
    file : object
        For messages.
    """

    def __init__(self, wrapped: bool | None, file: object = None) -> None:
        self._wrapped, self._file = wrapped, file
        self._frame = 0
        self._last: np.ndarray | None = None  # fractional coordinates as given
        self._shift: np.ndarray = np.zeros(3)  # whole cells added so far
        self._low, self._high = np.full(3, np.inf), np.full(3, -np.inf)
        self._crossings = self._motions = self._jumps = 0
        self._jump: tuple[int, int, float] | None = None  # frame, atom, cells: the first one
        self._far: np.ndarray = np.zeros(0, dtype=np.int64)  # frames of each atom

    def block(self, positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """The next frames (n, N, 3) in angstrom, with their cells (n, 3, 3), made continuous."""
        frac = positions @ np.linalg.inv(cells)
        first = frac[:1] if self._last is None else self._last[None]
        steps = np.diff(frac, axis=0, prepend=first)
        whole = np.rint(steps)
        self._note(frac, steps, whole)
        self._last, self._frame = frac[-1], self._frame + len(frac)
        if self._wrapped is False:
            return positions
        shifts = self._shift - np.cumsum(whole, axis=0)
        self._shift = shifts[-1]
        return positions + shifts @ cells

    def finish(self, species: np.ndarray) -> None:
        """After the last block: refuse coordinates that are not what they were said to be.

        Parameters
        ----------
        species : ndarray of str, shape (N,)
            Moves are counted species by species: few ions among many atoms move.

        Raises
        ------
        InputError
            Wrapped coordinates were given as unwrapped; it cannot be told which they are; or atoms
            move so far between frames that there is no telling where they went.

        Warns
        -----
        RuntimeWarning
            Few atoms move that far, seldom.
        """
        if self._jump is not None:
            self._judge(*self._jump)
        if self._wrapped is False or self._frame < 2:
            return
        for name in np.unique(species):
            far = self._far[species == name]
            share = far.sum() / (far.size * (self._frame - 1))
            told = (
                f"atoms move less than half a cell between frames; of the moves of {name}, "
                f"{far.sum()} come near it"
            )
            remedy = "store frames more often, or unwrapped coordinates"
            if share > _OFTEN:
                raise InputError(told, value=f"{share:.2%}", file=self._file, remedy=remedy)
            if share > 0:
                warnings.warn(
                    f"{self._file}: {told} ({share:.2%}), and may be unwrapped wrongly. "
                    f"Remedy: {remedy}.",
                    RuntimeWarning,
                    stacklevel=3,
                )

    def _note(self, frac: np.ndarray, steps: np.ndarray, whole: np.ndarray) -> None:
        self._low = np.minimum(self._low, frac.min(axis=(0, 1)))
        self._high = np.maximum(self._high, frac.max(axis=(0, 1)))
        rest = np.abs(steps - whole)
        jumps = whole != 0
        self._jumps += int(jumps.sum())
        self._crossings += int((jumps & (rest < _NEAR)).sum())
        self._motions += int((rest >= _NEAR).sum())
        far = (rest > _FAR).any(axis=2).sum(axis=0)
        self._far = far if self._last is None else self._far + far
        if self._jump is None and self._jumps:
            frame, atom, axis = (int(i) for i in np.argwhere(jumps)[0])
            self._jump = self._frame + frame, atom, float(steps[frame, atom, axis])

    def _judge(self, frame: int, atom: int, cells: float) -> None:
        if self._wrapped is True:
            return
        confined = bool((self._high - self._low <= 1 + 1e-3).all())
        seen = self._crossings > (1 if confined else _CLEARLY) * self._motions
        place, moved = frame_of(self._file, frame), f"atom {atom} moves by {cells:.2f} cells"
        if seen and self._wrapped is False:
            raise InputError(
                "unwrapped coordinates go on where an atom leaves the cell; these jump by whole "
                f"cells, {self._crossings} times",
                value=moved,
                file=place,
                remedy="they are wrapped: read them with wrapped=True",
            )
        if not seen and self._wrapped is None:
            raise InputError(
                "coordinates are wrapped or unwrapped; by moves this far it cannot be told which",
                value=moved,
                file=place,
                remedy="say wrapped=True or wrapped=False, as they were written",
            )
