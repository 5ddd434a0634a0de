"""The trajectories of a command: read as the user says, cut, and seen as a network sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from leyden.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from leyden.data.trajectory import Region, Trajectory
    from leyden.dynamics import DynamicsModel, GraphDynamics
    from leyden.representations.local_environment import Environments

__all__ = ["Part", "Reading", "write_states"]

T = TypeVar("T")

_FRAMES = 10_000  # of a block of a table


class Part(NamedTuple):
    """Some frames of a trajectory, and the environments of the targets in them.

    Attributes
    ----------
    trajectory : Trajectory
        Of these frames only.
    first : int
        Number of the first in the file.
    environments : Environments
    """

    trajectory: Trajectory
    first: int
    environments: Environments


@dataclass(frozen=True)
class Reading:
    """How trajectories are read, and which atoms are looked at.

    Attributes
    ----------
    paths : tuple of path
    how : mapping
        Arguments of `read_trajectory`.
    targets : str or Region
    charges : mapping of str to float
        By species; empty for those of the topology, if it has any.
    store : path
        Folder of what does not fit in memory. What lies there is used again.
    progress : bool
    """

    paths: tuple[Path, ...]
    how: Mapping[str, Any]
    targets: str | Region
    charges: Mapping[str, float]
    store: Path
    progress: bool

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any],
        store: Path,
        progress: bool,
        targets: str | Region | None = None,
    ) -> Reading:
        """By the options of a command; `targets` where they name none.

        Raises
        ------
        InputError
            An option that cannot be understood.
        """
        how = {
            "topology": settings["topology"],
            "time_step_ps": settings["time_step_ps"],
            "units": _number_or_word(settings["units"]),
            "species": _species(settings["species"]),
            "cell": _cell(settings["cell"]),
            "wrapped": _wrapped(settings["wrapped"], settings["as_is"]),
        }
        charges = _names_and_values(settings["charges"], "--charges", float)
        if settings["targets"] or settings["region"] or targets is None:
            targets = _targets(settings["targets"], settings["region"])
        paths = tuple(Path(path) for path in settings["trajectories"])
        return cls(paths, how, targets, charges, store, progress)

    @property
    def files(self) -> str:
        """Hash of the files that are read: it differs when one of them has changed."""
        return _hash([_fingerprint(path) for path in self.paths], self._topology)

    def identity(self, *more: object) -> str:
        """Hash of the files and of how they are read."""
        return _hash(self.files, self.how, self.targets, self.charges, *more)

    def trajectories(self) -> list[tuple[Trajectory, str]]:
        """All of them, on disk, each with what tells its file from all others.

        Their charges are those that the user gave; files of one name are named with their folders.
        """
        from leyden.data.trajectory_files import read_trajectory

        names = [path.name for path in self.paths]
        found = []
        for path in self.paths:
            how: dict[str, Any] = dict(self.how)
            file = _hash(_fingerprint(path), self._topology, how)
            place = self.store / f"{path.stem}-{file}"
            one = read_trajectory(path, store=place, progress=self.progress, **how)
            one = _charged(one, self.charges) if self.charges else one
            shared = names.count(path.name) > 1
            found.append((replace(one, name=str(path) if shared else path.name), file))
        return found

    def whole(self, network: GraphDynamics) -> list[Part]:
        """All frames."""
        return [
            self._part(one, 0, one.select(self.targets), network, file)
            for one, file in self.trajectories()
        ]

    def learning_and_test(
        self, network: GraphDynamics, test_fraction: float
    ) -> tuple[list[Part], list[Part]]:
        """The frames to learn from, and the later ones to measure on."""
        from leyden.dynamics.analysis import learning_and_test

        learning, test = [], []
        for one, file in self.trajectories():
            early, late = learning_and_test(one, test_fraction, network.lag_ps)
            chosen = early.select(self.targets)  # frames of the test choose nothing
            learning.append(self._part(early, 0, chosen, network, file))
            test.append(self._part(late, len(early), chosen, network, file))
        return learning, test

    @property
    def _topology(self) -> tuple[str, int, int] | None:
        topology = self.how["topology"]
        return None if topology is None else _fingerprint(Path(topology))

    def _part(
        self, part: Trajectory, first: int, chosen: np.ndarray, network: GraphDynamics, file: str
    ) -> Part:
        """Frames of a file from the `first` on, and the environments of the chosen atoms."""
        from leyden.data.array_folder import is_store, made_once
        from leyden.representations.local_environment import Environments

        seen = network.representation
        where = (file, part.species, first, len(part), chosen.tolist())
        store = self.store / f"environments-{_hash(where, seen)}"
        environments = made_once(
            lambda: Environments.open(store) if is_store(store) else None,
            lambda: seen.observe(part, chosen, store, self.progress),
        )
        return Part(part, first, environments)


def write_states(path: Path, model: DynamicsModel, parts: Mapping[str, Sequence[Part]]) -> None:
    """Memberships of all frames and targets as Parquet, a block of frames at a time.

    Columns: trajectory; frame, from 0 as in the file; target, the number of its (first) atom, from
    0; part, its use; state, the likeliest; membership_0, ...
    """
    import pyarrow as pa
    from pyarrow import parquet

    from leyden.artefact import writing

    writer = None
    with writing(path) as file:
        for use, several in parts.items():
            for part in several:
                (found,) = model.memberships([part.environments])
                for start in range(0, len(found), _FRAMES):
                    table = _rows(part, use, start, found[start : start + _FRAMES])
                    block = pa.Table.from_pandas(table, preserve_index=False)
                    writer = writer or parquet.ParquetWriter(file, block.schema)
                    writer.write_table(block)
        if writer is not None:
            writer.close()


def _rows(part: Part, use: str, start: int, found: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    frames, targets, states = found.shape
    columns: dict[str, Any] = {
        "trajectory": part.trajectory.name,
        "frame": np.repeat(part.first + start + np.arange(frames), targets),
        "target": np.tile(part.environments.targets[:, 0], frames),
        "part": use,
        "state": found.argmax(2).ravel(),
    }
    of_states = {f"membership_{state}": found[:, :, state].ravel() for state in range(states)}
    return pd.DataFrame({**columns, **of_states})


def _names_and_values(text: str | None, option: str, kind: Callable[[str], T]) -> dict[str, T]:
    """``Li=1,TFSI=-1`` as a mapping; empty for None."""
    found = {}
    for part in (text or "").split(",") if text else ():
        name, _, value = (word.strip() for word in part.partition("="))
        try:
            found[name] = kind(value)
        except ValueError:
            value = ""
        if not (name and value):
            raise InputError(f"{option} is written NAME=VALUE,NAME=VALUE", value=text)
    return found


def _targets(species: str | None, region: str | None) -> str | Region:
    from leyden.data.trajectory import Region

    if region is None:
        if species is None:
            raise InputError(
                "a command needs target atoms", remedy="give --targets Li, or --region z:10:20"
            )
        return species
    axis, *bounds = region.split(":")
    words = set(bounds[2:])
    try:
        low, high = (float(bound) for bound in bounds[:2])
    except ValueError:
        words = {"?"}
    if not words <= {"mean", "fraction"}:
        raise InputError(
            "--region is written AXIS:LOW:HIGH, perhaps with :mean or :fraction", value=region
        )
    place = "mean" if "mean" in words else "first"
    return Region(axis, low, high, species, "fraction" in words, place)


def _species(text: str | None) -> list[str] | dict[str, str] | None:
    if text is None:
        return None
    if "=" in text:
        return _names_and_values(text, "--species", str)
    return [name.strip() for name in text.split(",")]


def _cell(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(edge) for edge in text.split(",")]
    except ValueError as error:
        raise InputError("--cell is three edges in angstrom: 10,10,25", value=text) from error


def _number_or_word(text: str | None) -> str | float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _wrapped(wrapped: bool | None, as_is: bool) -> bool | str:
    if as_is and wrapped:
        raise InputError("coordinates are --wrapped, or unwrapped and taken --as-is; not both")
    if as_is:
        return "as is"
    return "auto" if wrapped is None else wrapped


def _charged(trajectory: Trajectory, charges: Mapping[str, float]) -> Trajectory:
    """With charges by species; species without a word have none."""
    there = sorted(set(trajectory.species))
    for name in charges:
        if name not in there:
            raise InputError(
                f"--charges names species of the trajectory: {', '.join(there)}",
                value=name,
                file=trajectory.name,
                remedy=did_you_mean(name, there),
            )
    of_atoms = np.array([charges.get(name, 0.0) for name in trajectory.species])
    return replace(trajectory, charges=of_atoms)


def _fingerprint(path: Path) -> tuple[str, int, int]:
    """What tells whether a file is still the same; one that is not there is told when read."""
    if not path.is_file():
        return str(path), 0, 0
    state = path.stat()
    return str(path.resolve()), state.st_size, state.st_mtime_ns


def _hash(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]
