"""What a network has found of the dynamics: states, and how they follow each other."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn

from leyden import artefact
from leyden.dynamics.inner_simplex import inside
from leyden.dynamics.kinetic_results import ChapmanKolmogorov, Koopman, Timescales
from leyden.dynamics.koopman import Kinetics
from leyden.errors import ArtefactError, InputError

if TYPE_CHECKING:
    from leyden.dynamics.pairs import Observed
    from leyden.dynamics.vamp_network import VampNetwork

__all__ = ["DynamicsModel", "Restart"]

ENVIRONMENTS = 8192  # that are looked at together


@dataclass(frozen=True)
class Restart:
    """One training.

    Attributes
    ----------
    number : int
    score : float
        Of the weights that were kept, on all later-time pairs. These chose the epoch that was kept,
        and `fit` takes the restart that is best on them: it flatters a little.
    validation_scores, training_scores : tuple of float
        Epoch by epoch; the latter are means over mini-batches, and flatter.
    seconds : float
    collapsed : str
        Why its states are none; empty if they are.
    """

    number: int
    score: float
    validation_scores: tuple[float, ...]
    training_scores: tuple[float, ...]
    seconds: float
    collapsed: str = ""


class DynamicsModel:
    """States that a network has found, and their dynamics.

    Attributes
    ----------
    estimator : VampNetwork
        The settings that it was found with.
    module : Module
        In evaluation mode; gives memberships, but for a linear map.
    species : tuple of str
        That the network tells apart.
    mixed : ndarray, shape (k, k)
        Map from what the module gives to states that typical frames belong to wholly
        (`leyden.dynamics.inner_simplex`), in the order of their populations.
    restarts : tuple of Restart
        All trainings, of which this is number `chosen`.
    notes : tuple of str
        What a reader should know, such as species that a `start` had not met.

    Notes
    -----
    The methods look at the trajectories that the model was fitted on, unless others are given;
    those of a network's own training flatter it.  After `load` they must be given.
    """

    kind: ClassVar[str] = "dynamics_model"

    def __init__(
        self,
        estimator: VampNetwork,
        module: nn.Module,
        species: tuple[str, ...],
        mixed: np.ndarray,
        observed: Sequence[Observed] | None,
        restarts: tuple[Restart, ...],
        chosen: int,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.estimator, self.module, self.species = estimator, module, species
        self.mixed = mixed
        self.restarts, self.chosen, self.notes = restarts, chosen, notes
        self._observed = None if observed is None else list(observed)
        self._known: Kinetics | None = None

    @property
    def score(self) -> float:
        """VAMP score on all later-time pairs, which chose the epoch and the restart."""
        return self.restarts[self.chosen].score

    @property
    def collapsed(self) -> str:
        """Why the states are none; empty if they are. `fit` returns no such model."""
        return self.restarts[self.chosen].collapsed

    @property
    def lag_ps(self) -> float:
        """Lag that the network was trained with."""
        return float(self.estimator.lag_ps)

    @property
    def representation(self) -> Any:
        """What the network reads of a trajectory."""
        return self.estimator.representation

    def predict(self, observed: Sequence[Observed], return_std: bool = False) -> Any:
        """Memberships, as `memberships` gives them; spreads are not known: NaN.

        For the strategies of `leyden.transfer`, which predict with any model.
        """
        found = self.memberships(observed)
        return (found, [np.full_like(one, np.nan) for one in found]) if return_std else found

    def memberships(
        self, observed: Observed | Sequence[Observed] | None = None
    ) -> list[np.ndarray]:
        """Probability of each state, for every frame and target.

        Parameters
        ----------
        observed : Observed or sequence of Observed, optional
            As of `VampNetwork.fit`.

        Returns
        -------
        list of ndarray of float32, each (T, L, k)
            One a trajectory; rows add up to one.

        Raises
        ------
        IncompatibleError
            A species that the network has not met, or environments of another size.
        """
        return [inside(one) for one in self.mixtures(observed)]

    def mixtures(self, observed: Observed | Sequence[Observed] | None = None) -> list[np.ndarray]:
        """Memberships before they are kept between 0 and 1; rows add up to one all the same.

        A linear map of what was learned, so that scores and timescales are what they were, and
        noise about a pure state does not shift its population. `kinetics` rests on these.
        """
        return [self._mixtures(one) for one in self._given(observed)]

    def states(self, observed: Observed | Sequence[Observed] | None = None) -> list[np.ndarray]:
        """The likeliest state of every frame and target, one array (T, L) of int a trajectory.

        For pictures: timescales of such assignments are too short, since what flickers at a border
        counts as a transition.
        """
        return [m.argmax(2) for m in self.memberships(observed)]

    def kinetics(
        self,
        observed: Observed | Sequence[Observed] | None = None,
        *,
        reversible: bool = True,
        samples: int = 1000,
        random_state: int = 0,
    ) -> Kinetics:
        """The dynamics of the memberships; the arguments are those of `Kinetics`."""
        several = self._given(observed)
        return Kinetics(
            [self._mixtures(one) for one in several],
            self.lag_ps,
            [one.time_step_ps for one in several],
            reversible=reversible,
            samples=samples,
            random_state=random_state,
        )

    def koopman(self, lag_ps: float | None = None) -> Koopman:
        """Koopman matrix and what follows, on the fitted trajectories (`Kinetics.koopman`)."""
        return self._fitted().koopman(lag_ps)

    def timescales(self, lags_ps: Sequence[float]) -> Timescales:
        """Relaxation timescales, on the fitted trajectories (`Kinetics.timescales`)."""
        return self._fitted().timescales(lags_ps)

    def ck_test(self, multiples: int = 10, lag_ps: float | None = None) -> ChapmanKolmogorov:
        """Chapman-Kolmogorov test, on the fitted trajectories (`Kinetics.ck_test`)."""
        return self._fitted().ck_test(multiples, lag_ps)

    def populations(self) -> np.ndarray:
        """Equilibrium populations of the states, shape (k,), on the fitted trajectories."""
        return self.koopman().populations

    def eigenvectors(self) -> np.ndarray:
        """Right eigenvectors of the Koopman matrix in columns, shape (k, k)."""
        return self.koopman().eigenvectors

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file, atomically (format: `leyden.artefact`); without the trajectories."""
        artefact.write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> DynamicsModel:
        """Read a model; no code in the file is run.

        Raises
        ------
        ArtefactError
            The file is truncated, altered, too new, or no model of the dynamics.
        """
        loaded = artefact.read(path)
        if not isinstance(loaded, cls):
            raise ArtefactError(f"{Path(path)}: this file holds no model of the dynamics.")
        return loaded

    def to_saved(self) -> artefact.Saved:
        """As `leyden.artefact` writes it."""
        fields: dict[str, Any] = {
            "estimator": self.estimator,
            "weights": {name: t.numpy().copy() for name, t in self.module.state_dict().items()},
            "species": self.species,
            "mixed": self.mixed,
            "restarts": [dataclasses.asdict(restart) for restart in self.restarts],
            "chosen": self.chosen,
            "notes": self.notes,
        }
        return artefact.Saved(self.kind, fields)

    @classmethod
    def from_saved(cls, saved: artefact.Saved) -> DynamicsModel:
        """The inverse of `to_saved`."""
        fields = saved.fields
        estimator, species = fields["estimator"], tuple(fields["species"])
        module = estimator.build(species)
        weights = {name: torch.as_tensor(array) for name, array in fields["weights"].items()}
        module.load_state_dict(weights)
        module.eval()
        restarts = tuple(Restart(**restart) for restart in fields["restarts"])
        return cls(
            estimator,
            module,
            species,
            np.asarray(fields["mixed"]),
            None,
            restarts,
            fields["chosen"],
            tuple(fields["notes"]),
        )

    def _given(self, observed: Observed | Sequence[Observed] | None) -> list[Observed]:
        if observed is not None:
            return list(observed) if isinstance(observed, Sequence) else [observed]
        if self._observed is None:
            raise InputError(
                "a model from a file has no trajectories with it",
                remedy="give them: model.kinetics(environments)",
            )
        return self._observed

    def _fitted(self) -> Kinetics:
        if self._known is None:
            self._known = self.kinetics()
        return self._known

    def _mixtures(self, one: Observed) -> np.ndarray:
        targets = len(one.targets)
        step = max(1, ENVIRONMENTS // targets)
        whole = np.empty((one.frames, targets, self.estimator.states), np.float32)
        with torch.no_grad():
            for start in range(0, one.frames, step):
                frames = np.arange(start, min(start + step, one.frames))
                found = self.module(self.estimator.inputs(self.species, [(one, frames)]))
                pure = found.double().numpy() @ self.mixed
                whole[frames] = pure.reshape(len(frames), targets, -1)
        return whole
