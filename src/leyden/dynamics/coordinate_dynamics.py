"""The standard VAMPnet: states from where the target atoms are, and from nothing around them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from leyden.dynamics.vamp_network import VampNetwork
from leyden.errors import IncompatibleError
from leyden.representations.observations import Observations

if TYPE_CHECKING:
    from leyden.data.trajectory import Region, Trajectory

__all__ = ["CoordinateDynamics", "Coordinates", "TargetCoordinates"]


class Coordinates:
    """Places of target atoms in the cell, as fractions of its edges, frame by frame.

    Parameters
    ----------
    trajectory : Trajectory
    targets : str, Region or array of int, shape (L,) or (L, k)
        As for `Trajectory.select`; k atoms of a row are one target.
    """

    def __init__(
        self, trajectory: Trajectory, targets: str | Region | Sequence[int] | np.ndarray
    ) -> None:
        chosen = trajectory.select(targets)
        self.targets = chosen.reshape(len(chosen), -1)
        self.time_step_ps = trajectory.time_step_ps
        self.frames = len(trajectory)
        self._trajectory = trajectory

    def __len__(self) -> int:
        return self.frames * len(self.targets)

    def batch(self, frames: np.ndarray) -> np.ndarray:
        """Of B frames, wrapped into [-0.5, 0.5), float32, shape (B L, 3 k)."""
        places = self._trajectory.positions[frames][:, self.targets.ravel()].astype(float)
        inverse = np.linalg.inv(self._trajectory.cells)
        places = places @ (inverse if len(inverse) == 1 else inverse[frames])
        wrapped = places - np.floor(places) - 0.5
        return wrapped.reshape(-1, 3 * self.targets.shape[1]).astype(np.float32)


@dataclass(frozen=True)
class TargetCoordinates:
    """Places of target atoms, as `CoordinateDynamics` takes them.

    Attributes
    ----------
    targets : str or Region
        As of `Trajectory.select`.
    """

    kind: ClassVar[str] = "target_coordinates"

    targets: str | Region = "Li"

    def transform(self, items: Sequence[Trajectory]) -> Observations:
        """The coordinates of each trajectory."""
        return Observations(Coordinates(item, self.targets) for item in items)


_DEFAULT = TargetCoordinates()


class CoordinateDynamics(VampNetwork):
    """Finds states of target atoms from their coordinates alone, as a VAMPnet does.

    It stands beside `GraphDynamics` to show what graphs are good for: equal surroundings at
    different places are different states here.

    Parameters
    ----------
    representation : TargetCoordinates
        Whose coordinates.
    states, lag_ps
        As of `GraphDynamics`.
    width : int
        Of each hidden layer.
    layers : int
        How many.
    epochs, batch_size, pooled_batches, two_passes, learning_rate, weight_decay, schedule, clip
        As of `GraphDynamics`.
    patience, least_steps, restarts, validation_fraction, score, tikhonov, freeze_batch_norm
        As of `GraphDynamics`.
    random_state : int
        Seed of weights and batches.

    Notes
    -----
    A. Mardt, L. Pasquali, H. Wu and F. Noe, Nat. Commun. 9, 5 (2018).
    """

    kind: ClassVar[str] = "coordinate_dynamics"
    head: ClassVar[tuple[str, ...]] = ("output.*",)

    def __init__(
        self,
        representation: TargetCoordinates = _DEFAULT,
        states: int = 2,
        lag_ps: float = 10.0,
        width: int = 64,
        layers: int = 2,
        epochs: int = 20,
        batch_size: int = 4000,
        pooled_batches: int = 1,
        two_passes: bool = False,
        learning_rate: float = 5e-3,
        weight_decay: float = 1e-4,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        least_steps: int = 200,
        restarts: int = 3,
        validation_fraction: float = 0.2,
        score: str = "VAMP2",
        tikhonov: float = 1e-2,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.states = states
        self.lag_ps = lag_ps
        self.width = width
        self.layers = layers
        self.epochs = epochs
        self.batch_size = batch_size
        self.pooled_batches = pooled_batches
        self.two_passes = two_passes
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clip
        self.patience = patience
        self.least_steps = least_steps
        self.restarts = restarts
        self.validation_fraction = validation_fraction
        self.score = score
        self.tikhonov = tikhonov
        self.freeze_batch_norm = freeze_batch_norm
        self.random_state = random_state

    def vocabulary(self, observed: Sequence[Any], start: Any) -> tuple[str, ...]:
        """One name a coordinate: the network must know how many there are."""
        size = observed[0].targets.shape[1] if start is None else len(start.species) // 3
        return tuple(f"{axis}{atom}" for atom in range(size) for axis in "xyz")

    def build(self, vocabulary: tuple[str, ...]) -> nn.Module:
        """A new network for so many coordinates."""
        return _Network(self, len(vocabulary))

    def inputs(
        self, vocabulary: tuple[str, ...], parts: Sequence[tuple[Any, np.ndarray]]
    ) -> torch.Tensor:
        """The coordinates of these frames."""
        for one, _ in parts:
            if 3 * one.targets.shape[1] != len(vocabulary):
                raise IncompatibleError(
                    f"the network takes targets of {len(vocabulary) // 3} atoms, and these have "
                    f"{one.targets.shape[1]}"
                )
        return torch.from_numpy(np.concatenate([one.batch(frames) for one, frames in parts]))


class _Network(nn.Module):
    """Hidden layers and a softmax."""

    def __init__(self, model: CoordinateDynamics, coordinates: int) -> None:
        super().__init__()
        sizes = [coordinates, *[model.width] * model.layers]
        self.hidden = nn.ModuleList(
            nn.Linear(before, after) for before, after in itertools.pairwise(sizes)
        )
        self.output = nn.Linear(sizes[-1], model.states)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Memberships, shape (n, states)."""
        for layer in self.hidden:
            x = F.relu(layer(x))
        return torch.softmax(self.output(x), 1)
