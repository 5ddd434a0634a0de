"""Local environments in a trajectory: what a graph network sees of an atom, frame by frame.

Graphs of nearest neighbours as in T. Xie et al., Nat. Commun. 10, 2667 (2019), but only of the
atoms whose features reach a target: K convolutions see K steps far, so after the first of them
features K - 1 steps from a target are still needed, and beyond that the species alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from leyden.data.array_folder import ArrayWriter, read_arrays
from leyden.data.frame_checks import frame_of
from leyden.data.trajectory import Region, Trajectory
from leyden.errors import ArtefactError, InputError
from leyden.representations.observations import Observations

__all__ = ["EnvironmentBatch", "Environments", "LocalEnvironment"]

_CODES = 65535  # distances are kept as so many steps
_BLOCK_BYTES = 2**23  # of rows made at a time
_KIND = "environments"


class EnvironmentBatch(NamedTuple):
    """The environments of B frames as one graph of V nodes, R of which have a row of neighbours.

    Nodes are ordered by hop: the targets of all frames, then all that are one step from a target
    of their frame, and so on. The last nodes, one a species, stand for all atoms without a row.

    Attributes
    ----------
    codes : ndarray of int64, shape (V,)
        Species of the nodes.
    within : tuple of int, length K
        Nodes within 0, 1, ..., K - 1 steps of a target; R is the last of them.
    neighbours : ndarray of int64, shape (R, M)
        Nodes. Only those of the outermost hop may be without a row.
    distances : ndarray of float32, shape (R, M)
        In angstrom, rising along a row.
    targets : ndarray of int64, shape (B L, k)
        Nodes of the target sets, frame by frame.
    """

    codes: np.ndarray
    within: tuple[int, ...]
    neighbours: np.ndarray
    distances: np.ndarray
    targets: np.ndarray


class Environments:
    """The environments of L targets in T frames, packed, in memory or on disk.

    An edge takes 4 bytes (6 where there are more than 65,536 atoms).

    Attributes
    ----------
    species : tuple of str
        Names; codes count along them.
    time_step_ps : float
        Between frames.
    frames : int
        T.
    targets : ndarray of int64, shape (L, k)
        Atoms of each target.
    neighbours, convolutions : int
        M and K.
    resolution_A : float
        Step of the distances, in angstrom; they are right within half of it.
    """

    def __init__(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        self.species = tuple(facts["species"])
        self.time_step_ps = float(facts["time_step_ps"])
        self.resolution_A = float(facts["resolution_A"])
        self.targets = np.asarray(arrays["targets"])
        self._codes = np.asarray(arrays["codes"])
        self._counts = _frozen(arrays["counts"])
        totals = self._counts.sum(axis=1)
        self._offsets = np.cumsum(totals) - totals
        self._rows = _frozen(arrays["rows"])
        self._neighbours = _frozen(arrays["neighbours"])
        self._distances = _frozen(arrays["distances"])
        self.frames, self.convolutions = self._counts.shape
        self.neighbours = self._neighbours.shape[1]

    def __len__(self) -> int:
        return self.frames * len(self.targets)

    @classmethod
    def open(cls, folder: str | Path) -> Environments:
        """The environments of a store that `LocalEnvironment.observe` has written.

        Raises
        ------
        ArtefactError
            The folder is not there, or not whole, or something else.
        """
        arrays, facts = read_arrays(folder)
        if facts.get("kind") != _KIND:
            raise ArtefactError(f"{folder}: no store of environments. Remedy: make it again.")
        return cls(arrays, facts)

    def batch(self, frames: np.ndarray | Sequence[int]) -> EnvironmentBatch:
        """The environments of some frames, in their order; a frame may occur twice.

        Raises
        ------
        InputError
            There is no such frame.
        """
        from leyden.representations.environment_kernel import gather_rows  # numba loads slowly

        chosen = np.ascontiguousarray(frames, dtype=np.int64)
        if chosen.ndim != 1 or not chosen.size or chosen.min() < 0 or chosen.max() >= self.frames:
            raise InputError(f"frames are numbered from 0 to {self.frames - 1}", value=frames)
        within = np.cumsum(self._counts[chosen].sum(axis=0))
        rows = int(within[-1])
        codes = np.empty(rows + len(self.species), dtype=np.int64)
        codes[rows:] = np.arange(len(self.species))
        neighbours = np.empty((rows, self.neighbours), dtype=np.int64)
        distances = np.empty((rows, self.neighbours), dtype=np.float32)
        gather_rows(
            chosen,
            self._offsets,
            self._counts,
            self._rows,
            self._neighbours,
            self._distances,
            self.resolution_A,
            self._codes,
            rows,
            codes,
            neighbours,
            distances,
        )
        sets, size = self.targets.shape
        return EnvironmentBatch(
            codes,
            tuple(int(nodes) for nodes in within),
            neighbours,
            distances,
            np.arange(len(chosen) * sets * size).reshape(-1, size),
        )


@dataclass(frozen=True)
class LocalEnvironment:
    """Exactly M nearest neighbours of every atom that K convolutions need, images included.

    Equally distant neighbours at the border are taken in the order of their numbers.

    Attributes
    ----------
    neighbours : int
        M, at least 1. In a small cell an atom occurs several times, and neighbours its own images.
    convolutions : int
        K, at least 1.
    reach_A : float
        The farthest neighbour that is looked for, in angstrom. Distances are kept in steps of
        ``reach_A / 65535``, which is 2e-4 angstrom for the default.
    targets : str, Region, or sequence of int or of sequences of int
        The atoms whose environments these are, as of `Trajectory.select`.
    """

    kind: ClassVar[str] = "local_environment"

    neighbours: int = 20
    convolutions: int = 2
    reach_A: float = 13.1
    targets: str | Region | Sequence[int] | Sequence[Sequence[int]] = "Li"

    def __post_init__(self) -> None:
        if not isinstance(self.targets, str | Region):  # equal representations have equal input
            rows = np.asarray(self.targets).tolist()
            told = tuple(tuple(row) if isinstance(row, list) else row for row in rows)
            object.__setattr__(self, "targets", told)
        good = self.neighbours >= 1 and self.convolutions >= 1
        if not (good and np.isfinite(self.reach_A) and self.reach_A > 0):
            raise InputError(
                "neighbours and convolutions are at least 1, and the reach is positive", value=self
            )

    def transform(self, items: Sequence[Trajectory]) -> Observations:
        """The environments of each trajectory, in memory; errors as of `observe`."""
        return Observations(map(self.observe, items))

    def observe(
        self,
        trajectory: Trajectory,
        targets: str | Region | Sequence[int] | np.ndarray | None = None,
        store: str | Path | None = None,
        progress: bool = False,
    ) -> Environments:
        """The environments of all frames, made a block of frames at a time.

        Parameters
        ----------
        trajectory : Trajectory
            Wrapped or not has no influence.
        targets : str, Region or array of int, shape (L,) or (L, k), optional
            As for `Trajectory.select`; k atoms of a row are one target, such as a molecule.
            Default: those of the representation.
        store : path, optional
            A new folder; without it they are kept in memory.
        progress : bool
            Show a bar on a terminal.

        Raises
        ------
        InputError
            Targets that are not there, a store that is, or an atom with too few neighbours
            within reach (file, frame and atom are named).
        """
        chosen = trajectory.select(_arrays(self.targets) if targets is None else targets)
        chosen = chosen.reshape(len(chosen), -1)
        names = tuple(sorted(set(trajectory.species)))
        codes = np.array([names.index(name) for name in trajectory.species], dtype=np.int64)
        with ArrayWriter(store) as writer:
            for block in self._blocks(trajectory, chosen.ravel(), progress):
                for name, array in block.items():
                    writer.append(name, array)
            writer.append("targets", chosen)
            writer.append("codes", codes)
            facts = {
                "kind": _KIND,
                "species": list(names),
                "time_step_ps": trajectory.time_step_ps,
                "resolution_A": self.reach_A / _CODES,
            }
            return Environments(writer.finish(facts), facts)

    def _blocks(
        self, trajectory: Trajectory, targets: np.ndarray, progress: bool
    ) -> Iterator[dict[str, np.ndarray]]:
        from leyden.representations.environment_kernel import build_rows  # numba loads slowly

        index = np.dtype(np.uint16 if trajectory.atoms <= 2**16 else np.int32)
        most = _most_rows(len(targets), self.neighbours, self.convolutions, trajectory.atoms)
        size = max(1, _BLOCK_BYTES // (most * self.neighbours * (index.itemsize + 2)))
        size = min(size, len(trajectory))
        rows = np.empty(size * most, dtype=index)
        neighbours = np.empty((size * most, self.neighbours), dtype=index)
        distances = np.empty((size * most, self.neighbours), dtype=np.uint16)
        cells = trajectory.frame_cells
        for start, positions in _shown(trajectory, size, progress):
            counts = np.empty((len(positions), self.convolutions), dtype=np.int64)
            used, frame, atom = build_rows(
                _frozen(np.ascontiguousarray(positions)),
                np.ascontiguousarray(cells[start : start + len(positions)]),
                targets,
                self.convolutions,
                self.reach_A,
                self.reach_A / _CODES,
                rows,
                neighbours,
                distances,
                counts,
            )
            if frame >= 0:
                raise InputError(
                    f"an atom has {self.neighbours} neighbours within {self.reach_A:g} angstrom",
                    value=f"atom {atom}",
                    file=frame_of(trajectory.name, start + frame),
                    remedy="ask for fewer neighbours, or widen reach_A",
                )
            yield {
                "counts": counts,
                "rows": rows[:used],
                "neighbours": neighbours[:used],
                "distances": distances[:used],
            }


def _arrays(targets: Any) -> str | Region | np.ndarray:
    return targets if isinstance(targets, str | Region) else np.asarray(targets)


def _most_rows(targets: int, neighbours: int, convolutions: int, atoms: int) -> int:
    """Rows that a frame has at most."""
    most = newest = targets
    for _ in range(convolutions - 1):
        newest = min(atoms, newest * neighbours)
        most = min(atoms, most + newest)
    return most


def _frozen(array: np.ndarray) -> np.ndarray:
    """A plain view that cannot be written to: one type of argument for the compiled code."""
    view = np.asarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def _shown(trajectory: Trajectory, size: int, progress: bool) -> Iterator[tuple[int, np.ndarray]]:
    blocks = trajectory.chunks(size)
    if not progress:
        return blocks
    from rich.progress import track

    total = -(-len(trajectory) // size)
    return iter(track(blocks, description="environments", total=total, transient=True))
