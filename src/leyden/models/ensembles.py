"""Ensembles: many networks on random parts of the rows, and what their spread says."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator, clone

from leyden.errors import InputError
from leyden.models.network import NetworkModel

__all__ = ["Ensemble"]


class Ensemble(BaseEstimator):
    """Members that differ in their seeds and in the random part of the rows that taught them.

    Parameters
    ----------
    model : NetworkModel
        Settings of every member.
    members : int
        How many.
    fraction : float
        Part of the training rows that each member sees, drawn without repetition.
    n_jobs : int, optional
        Processes, each with one thread (default: one a core; one where the ensemble itself is
        fitted in a child process). It changes no bit of the result.
    random_state : int
        Seed of the parts and of the members' own seeds.

    Attributes
    ----------
    members_ : list of NetworkModel
        The fitted members.
    """

    kind: ClassVar[str] = "ensemble"

    members_: list[NetworkModel]

    def __init__(
        self,
        model: NetworkModel,
        members: int = 10,
        fraction: float = 0.6,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.members = members
        self.fraction = fraction
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def representation(self) -> Any:
        """That of the members."""
        return self.model.representation

    def fit(
        self, X: Any, y: np.ndarray, *, checkpoint: Path | str | None = None, **options: Any
    ) -> Ensemble:
        """Fit all members on represented items.

        Parameters
        ----------
        X : represented items
            n rows. Other processes read it from one memory-mapped copy.
        y : array, shape (n,) or (n, t)
        checkpoint : path of a folder, optional
            Members that are done, and the epochs of those that are not, are found there again.
        **options
            As of `NetworkModel.fit`: ``start``, ``train``, ``learning_rates``, ``groups``,
            ``progress`` (a bar over the members).
        """
        if self.members < 1 or not 0 < self.fraction <= 1:
            raise InputError(
                "an ensemble has at least one member, and each a part in (0, 1] of the rows",
                value=(self.members, self.fraction),
            )
        progress = bool(options.pop("progress", False))
        tasks = [self._task(i, len(X), checkpoint, options) for i in range(self.members)]
        workers = _workers(self.n_jobs, self.members)
        done = _fitted(X, np.asarray(y, float), tasks, workers)
        self.members_ = list(_shown(done, self.members, progress))
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Mean of the members, and with `return_std` their standard deviation; (n,) or (n, t)."""
        each = self.predict_members(X)
        mean = each.mean(axis=0)
        if not return_std:
            return mean
        spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.full(mean.shape, np.nan)
        return mean, spread

    def predict_members(self, X: Any) -> np.ndarray:
        """What each member predicts, shape (members, n) or (members, n, t)."""
        if not hasattr(self, "members_"):
            raise InputError("Ensemble is not fitted", remedy="call fit first")
        return np.stack([member.predict(X) for member in self.members_])

    def embed(self, X: Any) -> np.ndarray:
        """Latent vectors of the first member, shape (n, d): those of others have other axes."""
        return self.members_[0].embed(X)

    def config(self) -> dict[str, Any]:
        """Constructor parameters, as JSON can hold them."""
        return {
            **self.get_params(deep=False),
            "model": {"kind": self.model.kind, **self.model.config()},
        }

    def state(self) -> dict[str, np.ndarray]:
        """Seeds, weights and buffers of the members, as ``<member>/<name>``."""
        arrays = {
            f"{i}/{name}": array
            for i, member in enumerate(self.members_)
            for name, array in member.state().items()
        }
        return {"seeds": np.array([m.random_state for m in self.members_]), **arrays}

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None
    ) -> Ensemble:
        """The ensemble that gave this `config` and `state`; unfitted without the latter."""
        from leyden.models import network_class

        settings = dict(config)
        described = dict(settings.pop("model"))
        network = network_class(described.pop("kind"))
        ensemble = cls(network.from_state(described, None), **settings)
        if arrays is not None:
            ensemble.members_ = [
                network.from_state(
                    {**described, "random_state": int(seed)}, _under(arrays, f"{i}/")
                )
                for i, seed in enumerate(arrays["seeds"])
            ]
        return ensemble

    def _task(
        self, number: int, n: int, checkpoint: Path | str | None, options: Mapping[str, Any]
    ) -> _Task:
        """Everything that makes one member, whichever process makes it."""
        generator = np.random.default_rng([self.random_state, number])
        rows = np.sort(generator.permutation(n)[: max(2, round(self.fraction * n))])
        member = clone(self.model).set_params(random_state=int(generator.integers(2**31)))
        place = None if checkpoint is None else Path(checkpoint) / f"member-{number:03d}.pt"
        return member, rows, {**options, "checkpoint": place}


_Task = tuple[NetworkModel, np.ndarray, dict[str, Any]]


def _workers(n_jobs: int | None, members: int) -> int:
    """As many as there are cores, but one within a process that is itself one of many."""
    child = multiprocessing.parent_process() is not None
    return min(n_jobs or (1 if child else joblib.cpu_count()), members)


def _fitted(X: Any, y: np.ndarray, tasks: Sequence[_Task], workers: int) -> Iterator[NetworkModel]:
    """The members in order, from fresh processes that map the arrays of `X` into memory."""
    jobs = (joblib.delayed(_fit_member)(X, y, task) for task in tasks)
    with joblib.parallel_config("loky", inner_max_num_threads=1, max_nbytes=2**18):
        yield from joblib.Parallel(n_jobs=workers, return_as="generator")(jobs)


def _fit_member(X: Any, y: np.ndarray, task: _Task) -> NetworkModel:
    member, rows, options = task
    if options.get("groups") is not None:
        options = {**options, "groups": np.asarray(options["groups"])[rows]}
    with _one_thread():
        return member.fit(X[rows], y[rows], **options)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _shown(done: Iterator[NetworkModel], total: int, progress: bool) -> Iterator[NetworkModel]:
    if not progress:
        return done
    from rich.progress import track

    return track(done, description="members", total=total, transient=True)  # type: ignore[return-value]


def _under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
