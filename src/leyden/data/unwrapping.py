"""Coordinates that go on where an atom leaves the cell, and signs that tell whether they do."""

from __future__ import annotations

import warnings

import numpy as np

from leyden.data.frame_checks import frame_of, heights
from leyden.errors import InputError

__all__ = ["Unwrapping"]

_NEAR = 0.25  # a jump this close to whole cells is a crossing of the border, not a motion
_FAR = 0.4  # in cells: nearly the half at which a minimum image becomes a guess
_OFTEN = 0.01  # share of such moves that spoils a trajectory
_ENOUGH = 20  # jumps: free motion stays in one cell through n of them with a chance of 2 ** -n
_CLEARLY = 4  # times as many crossings as motions of a good part of a cell
_SKIN_A = 2.0  # LAMMPS wraps with new neighbour lists only: atoms lie half its skin outside


class Unwrapping:
    """Positions block after block, made continuous where they are wrapped.

    Each atom is moved by whole lattice vectors so that none of its fractional coordinates changes
    by more than one half between frames: the minimum image, for moves of less than half the
    smallest height of the cell. The image in the cell stays what the file gives, also in a cell
    that changes, so that neighbours are exact; `leyden.data.trajectory_paths` takes the changes of
    the cell out of the motion.

    Wrapped coordinates jump by whole cells and seldom by a good part of one; those of fast atoms
    jump by any part, and yet all of a species stay within one cell. The motion of atoms does
    neither, but for few atoms in a small cell and a short run. `finish` refuses what contradicts
    the claim; what may be chance it warns of.

    Parameters
    ----------
    wrapped : bool or None
        What the user or the file says. None: whatever it is, unless that cannot be told.
    file : object
        For messages.
    trusted : bool
        Whether unwrapped coordinates are taken as they are, whatever they look like.
    """

    def __init__(self, wrapped: bool | None, file: object = None, trusted: bool = False) -> None:
        self._wrapped, self._file, self._trusted = wrapped, file, trusted
        self._frame = 0
        self._last: np.ndarray | None = None  # fractional coordinates as given
        self._shift: np.ndarray = np.zeros(3)  # whole cells added so far
        self._low: np.ndarray = np.full(3, np.inf)  # of each atom, in cells
        self._high: np.ndarray = np.full(3, -np.inf)
        self._cell: np.ndarray = np.ones(3)  # as wide as one cell of wrapped coordinates may look
        self._crossings = self._motions = 0
        self._jumps: dict[int, tuple[int, float]] = {}  # atom: frame and cells of its first one
        self._often: np.ndarray = np.zeros(0, dtype=np.int64)  # jumps of each atom
        self._far: np.ndarray = np.zeros(0, dtype=np.int64)  # frames of each atom

    def block(self, positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """The next frames (n, N, 3) in angstrom, with their cells (n, 3, 3), made continuous."""
        frac = positions @ np.linalg.inv(cells)
        if self._last is None:
            self._cell = 1 + _SKIN_A / heights(cells[0])
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
            Few atoms move that far, seldom; or unwrapped coordinates look like wrapped ones, by
            fewer jumps than can tell.
        """
        if self._jumps and self._wrapped is not True and not self._trusted:
            self._judge(species)
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
        self._low = np.minimum(self._low, frac.min(axis=0))
        self._high = np.maximum(self._high, frac.max(axis=0))
        rest = np.abs(steps - whole)
        jumps = whole != 0
        self._crossings += int((jumps & (rest < _NEAR)).sum())
        self._motions += int((rest >= _NEAR).sum())
        often, far = jumps.sum(axis=(0, 2)), (rest > _FAR).any(axis=2).sum(axis=0)
        self._often = often if self._last is None else self._often + often
        self._far = far if self._last is None else self._far + far
        for atom in np.flatnonzero(jumps.any(axis=(0, 2))):
            if atom not in self._jumps:
                frame, axis = np.argwhere(jumps[:, atom])[0]
                cells = float(steps[frame, atom, axis])
                self._jumps[int(atom)] = self._frame + int(frame), cells

    def _judge(self, species: np.ndarray) -> None:
        """Of coordinates that jump: refuse unless they may be what was said, or can be told."""
        factor = 1 if self._confined(np.full(len(species), True)) else _CLEARLY
        seen = self._crossings > factor * self._motions
        if self._wrapped is None:
            if not seen:
                raise self._refusal(
                    "coordinates are wrapped or unwrapped; by moves this far it cannot be told "
                    "which",
                    set(self._jumps),
                    "say wrapped=True or wrapped=False, as they were written",
                )
            return
        remedy = (
            "read them with wrapped=True if they are wrapped, and with wrapped='as is' if atoms do "
            "move so far"
        )
        rule = "unwrapped coordinates go on where an atom leaves the cell; "
        if seen:
            told = f"these jump by whole cells, {self._crossings} times"
            raise self._refusal(rule + told, set(self._jumps), remedy)
        jump = [str(name) for name in np.unique(species[self._often > 0])]
        names = [name for name in jump if self._confined(species == name)]
        atoms = np.isin(species, names)
        often = int(self._often[atoms].sum())
        if not often:
            return
        told = f"all {', '.join(names)} stay within one cell, and yet move by more than half of it"
        jumping = self._jumps.keys() & set(np.flatnonzero(atoms).tolist())
        refusal = self._refusal(f"{rule}{told} ({often} jumps)", jumping, remedy)
        if often >= _ENOUGH:
            raise refusal
        warnings.warn(str(refusal), RuntimeWarning, stacklevel=4)

    def _confined(self, atoms: np.ndarray) -> bool:
        """Whether some atoms stay together in one cell through all frames."""
        extent = self._high[atoms].max(axis=0) - self._low[atoms].min(axis=0)
        return bool((extent <= self._cell).all())

    def _refusal(self, rule: str, atoms: set[int], remedy: str) -> InputError:
        """What is said of the first jump of some atoms."""
        frame, atom, cells = min(
            (self._jumps[atom][0], atom, self._jumps[atom][1]) for atom in atoms
        )
        return InputError(
            rule,
            value=f"atom {atom} moves by {cells:.2f} cells",
            file=frame_of(self._file, frame),
            remedy=remedy,
        )
