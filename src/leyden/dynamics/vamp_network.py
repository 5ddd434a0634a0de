"""The training that networks of the dynamics share: by VAMP score, from pairs of frames."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from leyden.dynamics.collapse import why_collapsed
from leyden.dynamics.dynamics_model import DynamicsModel, Restart
from leyden.dynamics.inner_simplex import inner_simplex
from leyden.dynamics.pairs import LINKS, Observed, PairTable
from leyden.dynamics.vamp import SCORES, PairBatch, VampObjective, vamp_score
from leyden.errors import IncompatibleError, InputError, did_you_mean
from leyden.models.weights import copy_weights, freeze, parameter_groups
from leyden.training import TrainingSettings, train

__all__ = ["VampNetwork"]

SIMPLEX_ROWS = 50_000  # memberships from which corners are taken
SAMPLED_FRAMES = 64  # of each trajectory, that tell a checkpoint whose it is


class VampNetwork(BaseEstimator):
    """Base of the networks that find states by their dynamics.

    A subclass has the constructor parameters ``representation``, ``states``, ``lag_ps``,
    ``epochs``, ``batch_size``, ``pooled_batches``, ``two_passes``, ``learning_rate``,
    ``weight_decay``, ``schedule``, ``clip``, ``patience``, ``least_steps``, ``restarts``,
    ``validation_fraction``, ``score``, ``tikhonov``, ``freeze_batch_norm`` and ``random_state``,
    and defines `build` and `inputs`.
    """

    kind: ClassVar[str]
    head: ClassVar[tuple[str, ...]] = ("hidden.*", "output.*")
    """Patterns of the parameters after the embedding."""

    def vocabulary(self, observed: Sequence[Any], start: DynamicsModel | None) -> tuple[str, ...]:
        """Names of the species that the network tells apart; here it tells none."""
        return ()

    def build(self, vocabulary: tuple[str, ...]) -> nn.Module:
        """A new module with a last layer `output`; its weights come from torch's generator."""
        raise NotImplementedError

    def inputs(self, vocabulary: tuple[str, ...], parts: Sequence[tuple[Any, np.ndarray]]) -> Any:
        """What the module takes for these frames of these trajectories."""
        raise NotImplementedError

    def taken_over(
        self, start: DynamicsModel, module: nn.Module, vocabulary: tuple[str, ...]
    ) -> tuple[dict[str, torch.Tensor], list[str]]:
        """Weights of `start` in the shape of the new module, and what must be said about them."""
        return dict(start.module.state_dict()), []

    def fit(
        self,
        observed: Observed | Sequence[Observed],
        y: Any = None,
        *,
        start: DynamicsModel | None = None,
        train: str | Sequence[str] = "all",
        learning_rates: Mapping[str, float] | None = None,
        groups: Any = None,
        checkpoint: Path | str | None = None,
        progress: bool = False,
    ) -> DynamicsModel:
        """Find states in one or several trajectories.

        Parameters
        ----------
        observed : Observed or sequence of Observed
            What the network sees of the targets, frame by frame, one object a trajectory.
        y, groups
            Of no use here: trajectories have no labels, and are cut in time. They stand here so
            that the strategies of `leyden.transfer` can fit this like any other model.
        start : DynamicsModel, optional
            Found by a network of the same kind and sizes, on other trajectories: training begins
            at its weights. With another number of states the last layer is made anew, and so are
            the vectors of species that it has not met.
        train : {"all", "head"} or sequence of str
            Which parameters move: all, those after the embedding, or those whose names match one
            of these patterns. The others stay, bit by bit, and so do their batch norms.
        learning_rates : mapping of str to float, optional
            Pattern to factor of the learning rate; the first pattern that matches counts.
        checkpoint : path, optional
            Written every epoch, one file a restart (``.0``, ``.1``, ... is added); a fit that was
            interrupted goes on from them.
        progress : bool
            Show a progress bar.

        Returns
        -------
        DynamicsModel
            Of the restart whose validation score is best.

        Raises
        ------
        InputError
            A lag that is no whole number of frames or leaves too few pairs; a pattern that matches
            nothing; states that collapse in every restart.
        IncompatibleError
            Trajectories or a `start` that do not fit the network.
        """
        models = self.attempts(observed, start, train, learning_rates, checkpoint, progress)
        whole = [model for model in models if not model.collapsed]
        if not whole:
            raise InputError(
                f"the states collapsed in each of {len(models)} restarts: {models[0].collapsed}",
                remedy="choose fewer states, another lag, more epochs or another learning rate",
            )
        return max(whole, key=lambda model: model.score)

    def attempts(
        self,
        observed: Observed | Sequence[Observed],
        start: DynamicsModel | None = None,
        train: str | Sequence[str] = "all",
        learning_rates: Mapping[str, float] | None = None,
        checkpoint: Path | str | None = None,
        progress: bool = False,
    ) -> list[DynamicsModel]:
        """What each restart found, collapsed or not; arguments as of `fit`."""
        several = list(observed) if isinstance(observed, Sequence) else [observed]
        self._check(several, start)
        table = self._table(several)
        vocabulary = self.vocabulary(several, start)
        identity = "" if checkpoint is None else self._identity(several)
        found = []
        for number in range(self.restarts):
            settings = self._settings(table, number)
            module, notes = self._begun(vocabulary, start, settings.random_state)
            norms = freeze(module, train, self.head, batch_norms=self.freeze_batch_norm)
            history = _train(
                module,
                VampObjective(self.score, self.tikhonov),
                lambda chains: self._batch(vocabulary, table, chains),
                table.learning,
                table.checking,
                settings,
                parameter_groups=parameter_groups(module, learning_rates or {}),
                frozen=norms,
                checkpoint=None if checkpoint is None else f"{checkpoint}.{number}",
                identity=identity,
                progress=progress,
            )
            score, collapsed = self._judged(module, vocabulary, table, settings.batch_size)
            scores = tuple(-value for value in history.validation_score)
            losses = tuple(-value for value in history.training_loss)
            mixed = np.eye(self.states)
            if not collapsed:
                try:
                    mixed = self._mixed(module, vocabulary, table, settings.batch_size)
                except InputError as error:
                    collapsed = error.rule
            record = Restart(number, score, scores, losses, history.seconds, collapsed)
            found.append((module, mixed, record, notes))
        records = tuple(record for _, _, record, _ in found)
        return [
            DynamicsModel(
                self, module, vocabulary, mixed, several, records, record.number, tuple(notes)
            )
            for module, mixed, record, notes in found
        ]

    def _check(self, several: list[Observed], start: DynamicsModel | None) -> None:
        if self.states < 2:
            raise InputError("there must be at least two states", value=self.states)
        if self.restarts < 1:
            raise InputError("there must be at least one restart", value=self.restarts)
        if self.score not in SCORES:
            raise InputError(
                "the score is not known", value=self.score, remedy=did_you_mean(self.score, SCORES)
            )
        if not several:
            raise InputError("there must be at least one trajectory")
        if start is not None and type(start.estimator) is not type(self):
            raise IncompatibleError(
                f"a {type(self).__name__} cannot start from a {type(start.estimator).__name__}"
            )

    def _table(self, several: list[Observed]) -> PairTable:
        widest = max(len(one.targets) for one in several)
        links = int(np.clip(self.batch_size // widest - 1, 1, LINKS))
        least = 10 * self.states
        return PairTable.of(several, self.lag_ps, self.validation_fraction, least, links)

    def _settings(self, table: PairTable, number: int) -> TrainingSettings:
        """Those of one restart; a row of the training is a chain of pairs."""
        seeds = np.random.SeedSequence([self.random_state, number])
        targets = np.array([len(one.targets) for one in table.observed])
        chains = table.learning
        size = (targets[table.trajectory[chains]] * (table.pairs[chains] + 1)).mean()
        batch = max(1, round(self.batch_size / size))
        steps = math.ceil(math.ceil(len(chains) / batch) / self.pooled_batches)
        names = TrainingSettings.__dataclass_fields__.keys() & self.get_params(deep=False).keys()
        return dataclasses.replace(
            TrainingSettings(**{name: getattr(self, name) for name in names}),
            batch_size=batch,
            epochs=max(self.epochs, math.ceil(self.least_steps / steps)),
            random_state=int(seeds.generate_state(1)[0]),
        )

    def _begun(
        self, vocabulary: tuple[str, ...], start: DynamicsModel | None, seed: int
    ) -> tuple[nn.Module, list[str]]:
        """A module with random weights, or with those of `start`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.build(vocabulary)
        if start is None:
            return module, []
        theirs, notes = self.taken_over(start, module, vocabulary)
        anew: tuple[str, ...] = ()
        if start.estimator.states != self.states:
            anew = ("output.",)
            notes.append(f"the last layer begins anew, for {self.states} states")
        copy_weights(theirs, module, anew=anew)
        return module, notes

    def _batch(
        self, vocabulary: tuple[str, ...], table: PairTable, chains: np.ndarray
    ) -> PairBatch:
        picked = table.pick(chains)
        pairs = (torch.from_numpy(places) for places in (picked.earlier, picked.later))
        return PairBatch(self.inputs(vocabulary, picked.parts), *pairs)

    def _judged(
        self, module: nn.Module, vocabulary: tuple[str, ...], table: PairTable, size: int
    ) -> tuple[float, str]:
        """Validation score of the finished module, and why its states are none."""
        objective = VampObjective(self.score)
        parts = np.array_split(table.checking, math.ceil(len(table.checking) / size))
        with torch.no_grad():
            sums = [objective.accumulate(module, self._batch(vocabulary, table, p)) for p in parts]
        pooled = sum(sums[1:], start=sums[0])
        return float(vamp_score(pooled, self.score)), why_collapsed(pooled)

    def _mixed(
        self,
        module: nn.Module,
        vocabulary: tuple[str, ...],
        table: PairTable,
        size: int,
    ) -> np.ndarray:
        """How memberships are made pure, by frames that taught."""
        rng = np.random.default_rng(self.random_state)
        chains = rng.permutation(table.learning)
        rows: list[np.ndarray] = []
        with torch.no_grad():
            for i in range(0, len(chains), size):
                batch = self._batch(vocabulary, table, chains[i : i + size])
                rows.append(module(batch.inputs).double().numpy())
                if sum(map(len, rows)) >= SIMPLEX_ROWS:
                    break
        return inner_simplex(np.concatenate(rows))

    def _identity(self, several: list[Observed]) -> str:
        """Hash of the settings, and of frames spread over each trajectory."""
        digest = hashlib.sha256(repr(sorted(self.get_params(deep=False).items())).encode())
        for one in several:
            frames = np.unique(np.linspace(0, one.frames - 1, SAMPLED_FRAMES).astype(int))
            digest.update(repr((one.frames, one.time_step_ps, one.targets.tolist())).encode())
            batch = one.batch(frames)
            for part in batch if isinstance(batch, tuple) else (batch,):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


_train = train  # `fit` has an argument of this name, as its readers expect
