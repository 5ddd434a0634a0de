"""The one training loop, for every torch module of the package.

The loop knows nothing of what is learned.  An `Objective` turns batches into statistics that add
up, and statistics into a loss: a loss that is no mean over rows (VAMP scores, censored
likelihoods, missing targets) is then as exact on pooled mini-batches as on one great batch, and
a validation score never is a mean over batches.

A training is a function of the starting weights, the data, the settings and the seed.  The order
of the batches and the random numbers of an epoch follow from the seed and the number of the epoch
alone, so a run that was killed goes on from its checkpoint as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from leyden.checkpoints import read_checkpoint, write_checkpoint
from leyden.errors import InputError
from leyden.pooled_gradient import pooled_backward

__all__ = ["History", "Objective", "Sums", "TrainingSettings", "set_training_mode", "train"]

SCHEDULES = ("constant", "cosine", "exponential", "one-cycle")


class Sums(tuple[torch.Tensor, ...]):
    """Statistics that add up: a tuple of tensors whose sum is taken member by member."""

    __slots__ = ()

    def __add__(self, other: tuple[torch.Tensor, ...]) -> Sums:  # type: ignore[override]
        return Sums(a + b for a, b in zip(self, other, strict=True))


class Objective(Protocol):
    """What is learned.

    `accumulate` gives the statistics of one batch: any object that can be added to its like, such
    as `Sums`.  `loss` and `validation_score` (lower is better) see pooled statistics only.
    """

    def accumulate(self, module: nn.Module, batch: Any) -> Any:
        """The statistics of one batch; gradients flow through them."""

    def loss(self, statistics: Any) -> torch.Tensor:
        """The loss of pooled statistics, a scalar."""

    def validation_score(self, statistics: Any) -> float:
        """What early stopping looks at; lower is better."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Parameters
    ----------
    epochs : int
        At most this many passes over the training rows.
    batch_size : int
        Rows of a mini-batch; the last ones are made equal, so that none is tiny.
    pooled_batches : int
        Mini-batches whose statistics are pooled for one step of the optimiser.
    two_passes : bool
        Whether pooled mini-batches are run twice, which needs the memory of one of them only and
        gives the same gradient (`leyden.pooled_gradient`).
    learning_rate, weight_decay : float
        Of AdamW; the rate is the peak of the schedule.
    schedule : {"one-cycle", "cosine", "exponential", "constant"}
        One-cycle rises linearly over the first 15 % of the steps and falls as a cosine to 1 %;
        exponential falls by a factor of ten every `decay_steps`, however many there are.
    decay_steps : int
        Steps of the optimiser.
    clip : float or None
        Greatest norm of the gradient; None or 0 for any.
    patience : int or None
        Epochs without a better validation score after which training ends.
    random_state : int
        Seed of the order of rows and of all random numbers that the module draws.
    """

    epochs: int = 100
    batch_size: int = 64
    pooled_batches: int = 1
    two_passes: bool = False
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    schedule: str = "one-cycle"
    decay_steps: int = 5000
    clip: float | None = 5.0
    patience: int | None = 30
    random_state: int = 0

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise InputError(
                "the schedule is not known",
                value=self.schedule,
                remedy=f"choose from {', '.join(SCHEDULES)}",
            )
        for name in ("epochs", "batch_size", "pooled_batches", "learning_rate", "decay_steps"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive", value=getattr(self, name))

    def rate(self, progress: float, step: int = 0) -> float:
        """Factor of the learning rate of `step` (from 0), the fraction `progress` of all done."""
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "exponential":
            return float(0.1 ** (step / self.decay_steps))
        rise = 0.15 if self.schedule == "one-cycle" else 0.0
        if progress < rise:
            return 0.05 + 0.95 * progress / rise
        fallen = (progress - rise) / (1 - rise)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fallen))


@dataclass
class History:
    """What happened, epoch by epoch.

    Attributes
    ----------
    training_loss, validation_score : list of float
        One a finished epoch; the scores are empty without validation rows.
    best_epoch : int
        Epoch (from 0) whose weights the module has now.
    seconds : float
        Of all epochs, those before an interruption too.
    """

    training_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    best_epoch: int = -1
    seconds: float = 0.0

    def finished(self, settings: TrainingSettings) -> bool:
        """Whether all epochs are done, or the patience is at its end."""
        done = len(self.training_loss)
        waited = done - 1 - self.best_epoch
        impatient = bool(self.validation_score) and settings.patience is not None
        return done >= settings.epochs or (impatient and waited >= (settings.patience or 0))


def train(
    module: nn.Module,
    objective: Objective,
    batch: Callable[[np.ndarray], Any],
    rows: np.ndarray,
    validation_rows: np.ndarray | Sequence[int] = (),
    settings: TrainingSettings | None = None,
    *,
    parameter_groups: Sequence[dict[str, Any]] | None = None,
    frozen: Sequence[str] = (),
    checkpoint: Path | str | None = None,
    identity: str = "",
    progress: bool = False,
) -> History:
    """Train a module in place; it ends with the weights of its best validation epoch.

    Parameters
    ----------
    module : Module
        Parameters with ``requires_grad = False`` stay as they are, bit by bit, and so do the
        buffers of every submodule none of whose parameters is trained.
    objective : Objective
        What is learned.
    batch : callable
        Row numbers (int array) to what `objective.accumulate` takes.
    rows, validation_rows : array of int
        Rows that teach, and rows that only decide when to stop. Without the latter the module keeps
        the weights of the last epoch.
    settings : TrainingSettings, optional
    parameter_groups : sequence of dict, optional
        As of a torch optimiser, with ``"factor"`` of the learning rate; default: one group.
    frozen : sequence of str
        Names of submodules that stay in evaluation mode though their parameters may move.
    checkpoint : path, optional
        Written after every epoch. If it is there, training goes on from it.
    identity : str
        Hash of the data; a checkpoint of other data is refused.
    progress : bool
        Show a progress bar on a terminal.

    Returns
    -------
    History
    """
    settings = settings or TrainingSettings()
    run = _Run(module, objective, batch, settings, parameter_groups, tuple(frozen))
    rows, validation_rows = np.asarray(rows, int), np.asarray(validation_rows, int)
    path = None if checkpoint is None else Path(checkpoint)
    key = _key(module, settings, rows, validation_rows, identity) if path else ""
    if path and (state := read_checkpoint(path, key)):
        run.restore(state)
    with torch.random.fork_rng(devices=[]), _bar(progress, settings.epochs) as advance:
        while not run.history.finished(settings):
            started = time.perf_counter()
            run.epoch(rows)
            run.validate(validation_rows)
            run.history.seconds += time.perf_counter() - started
            if path:
                write_checkpoint(path, key, run.state())
            advance(len(run.history.training_loss), run.history)
    module.load_state_dict(run.best)
    module.eval()
    return run.history


class _Run:
    """The moving parts of one training."""

    def __init__(
        self,
        module: nn.Module,
        objective: Objective,
        batch: Callable[[np.ndarray], Any],
        settings: TrainingSettings,
        parameter_groups: Sequence[dict[str, Any]] | None,
        frozen: tuple[str, ...],
    ) -> None:
        self.module, self.objective, self.batch = module, objective, batch
        self.settings, self.frozen = settings, frozen
        moving = [p for p in module.parameters() if p.requires_grad]
        groups = [dict(group) for group in parameter_groups or [{"params": moving}]]
        self.factors = [group.pop("factor", 1.0) for group in groups]
        self.moving = [p for group in groups for p in group["params"]]
        self.optimiser = torch.optim.AdamW(  # fused: a step of a small network is mostly overhead
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.history = History()
        self.best: dict[str, torch.Tensor] = {}

    def epoch(self, rows: np.ndarray) -> None:
        """One pass over the training rows."""
        number = len(self.history.training_loss)
        seed = np.random.SeedSequence([self.settings.random_state, number])
        torch.manual_seed(int(seed.generate_state(1)[0]))
        order = np.random.default_rng(seed).permutation(rows)
        steps = list(_steps(order, self.settings))
        set_training_mode(self.module, self.frozen)
        losses = []
        for done, step in enumerate(steps):
            progress = (number + done / len(steps)) / self.settings.epochs
            rate = self.settings.rate(progress, number * len(steps) + done)
            for group, factor in zip(self.optimiser.param_groups, self.factors, strict=True):
                group["lr"] = self.settings.learning_rate * factor * rate
            losses.append(self._step(step))
        self.history.training_loss.append(float(np.mean(losses)))

    def _step(self, parts: list[np.ndarray]) -> float:
        self.optimiser.zero_grad(set_to_none=True)
        if self.settings.two_passes:
            loss = pooled_backward(self.module, self._statistics, self.objective.loss, parts)
        else:
            statistics = None
            for part in parts:
                more = self._statistics(part)
                statistics = more if statistics is None else statistics + more
            loss = self.objective.loss(statistics)
            loss.backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InputError(
                "training diverged: the loss is not finite",
                value=value,
                remedy="choose a smaller learning rate",
            )
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.moving, self.settings.clip)
        self.optimiser.step()
        return value

    def _statistics(self, rows: np.ndarray) -> Any:
        return self.objective.accumulate(self.module, self.batch(rows))

    def validate(self, rows: np.ndarray) -> None:
        """Keep the weights if they are the best so far."""
        now = len(self.history.training_loss) - 1
        if len(rows):
            self.module.eval()
            pooled = None
            with torch.no_grad():
                for part in _parts(rows, self.settings.batch_size):
                    more = self._statistics(part)
                    pooled = more if pooled is None else pooled + more
            scores = self.history.validation_score
            scores.append(float(self.objective.validation_score(pooled)))
            if self.best and not scores[-1] < scores[self.history.best_epoch]:
                return
        self.history.best_epoch = now
        self.best = {name: t.detach().clone() for name, t in self.module.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on."""
        return {
            "module": self.module.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "history": asdict(self.history),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.history = state["best"], History(**state["history"])


def set_training_mode(module: nn.Module, frozen: Sequence[str] = ()) -> None:
    """Training mode for what is trained, evaluation mode for what is not.

    A submodule that has parameters none of which is trained stays in evaluation mode with all that
    it holds: batch norms keep their statistics, dropout is off.
    """
    module.train()
    for name, part in module.named_modules():
        parameters = list(part.parameters())
        untrained = bool(parameters) and not any(p.requires_grad for p in parameters)
        if untrained or name in frozen:
            part.eval()


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return np.array_split(rows, max(1, math.ceil(len(rows) / size)))


def _steps(order: np.ndarray, settings: TrainingSettings) -> Iterator[list[np.ndarray]]:
    parts = _parts(order, settings.batch_size)
    for i in range(0, len(parts), settings.pooled_batches):
        yield parts[i : i + settings.pooled_batches]


def _key(
    module: nn.Module,
    settings: TrainingSettings,
    rows: np.ndarray,
    validation_rows: np.ndarray,
    identity: str,
) -> str:
    digest = hashlib.sha256(json.dumps([asdict(settings), identity], sort_keys=True).encode())
    for array in (rows, validation_rows):
        digest.update(np.asarray(array, "<i8").tobytes() + b"|")
    for name, parameter in module.named_parameters():
        digest.update(f"{name}:{parameter.requires_grad}".encode())
    for name, tensor in module.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


class _bar:
    """A progress bar on a terminal, and nothing elsewhere."""

    def __init__(self, show: bool, total: int) -> None:
        self._show, self._total = show, total

    def __enter__(self) -> Callable[[int, History], None]:
        if not self._show:
            return lambda done, history: None
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, transient=True)
        self._progress.start()
        task = self._progress.add_task("training", total=self._total)

        def advance(done: int, history: History) -> None:
            score = (history.validation_score or history.training_loss)[-1]
            label = f"epoch {done}: {score:.4g}"
            self._progress.update(task, completed=done, description=label)

        return advance

    def __exit__(self, *error: object) -> None:
        if self._show:
            self._progress.stop()
