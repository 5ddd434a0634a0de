"""One evaluation of a campaign: what a worker is given, and what it answers.

An evaluation has a folder of its own, where it may go on after it was killed. Its answer is kept
there before it is sent, so that nothing is evaluated twice for want of a driver to hear it.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from leyden.artefact import writing
from leyden.errors import InputError, LeydenError, did_you_mean, shorten

__all__ = ["BOUNDS", "Answer", "Evaluate", "EvaluationKilled", "Trial", "perform"]

BOUNDS = ("", "above", "below")
"""Of a value: it was measured; the true one lies above it; below it."""

_PATIENCE_S = 30.0


class EvaluationKilled(LeydenError):
    """What evaluates was ended from outside, and may do better another time.

    An evaluator raises it: the row goes back as that of a worker that has died, and no answer is
    kept.
    """


@dataclass(frozen=True)
class Trial:
    """What is to be evaluated; ``trial["x"]`` is its parameter x.

    Attributes
    ----------
    id : int
        Of its row.
    parameters : dict
    random_state : int
        Seed for whatever is random in it.
    folder : Path
        Its own; what an earlier attempt has left is still there.
    objectives : tuple of str
        What is wanted.
    timeout_s : float, optional
        After which it is ended.
    """

    id: int
    parameters: Mapping[str, Any]
    random_state: int
    folder: Path
    objectives: tuple[str, ...]
    timeout_s: float | None = None

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]


Evaluate = Callable[[Trial], Mapping[str, Any] | float]
"""Answers with the value of the objective, or with a mapping: each objective ``NAME``, and where
they are known ``NAME_error``, ``NAME_bound``, ``outcome``, ``error``, ``cpu_seconds`` and
``details``."""


@dataclass(frozen=True)
class Answer:
    """What came of a trial.

    Attributes
    ----------
    outcome : str
        ``ok``, or why there is no value or only a bound.
    error : str
        The reason in words.
    results : dict
        Of each objective: value and error (None where unknown) and bound.
    details : dict
        What else was told.
    seconds, cpu_seconds : float or None
        Wall and processor time of the evaluation.
    """

    outcome: str
    error: str = ""
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    cpu_seconds: float | None = None


def perform(evaluate: Evaluate, trial: Trial) -> Answer:
    """Evaluate a trial in its folder; what goes wrong with it alone is an answer.

    What would go wrong with other rows too, or better another time, is no answer: nothing is kept,
    and the row is still to be evaluated.

    Raises
    ------
    EvaluationKilled
        As the evaluator did.
    InputError
        The folder cannot be written, is that of another trial, or is in use; the evaluator raised
        an OSError or a MemoryError.
    LeydenError
        As the evaluator did: something must be installed, a value that it cannot take, a file that
        was cut short.
    """
    kept = trial.folder / "answer.json"
    try:
        with _held(trial):
            if kept.exists():
                return Answer(**json.loads(kept.read_text(encoding="utf-8")))
            answer = _evaluated(evaluate, trial)
            with writing(kept) as file:
                file.write(json.dumps(asdict(answer)).encode())
            return answer
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"the folder of an evaluation cannot be used: {reason}", file=trial.folder
        ) from error


def _evaluated(evaluate: Evaluate, trial: Trial) -> Answer:
    began, before = time.perf_counter(), _cpu_seconds()
    try:
        answer = _understood(evaluate(trial), trial.objectives)
    except LeydenError:
        raise
    except (OSError, MemoryError) as error:
        raise InputError(
            f"row {trial.id} could not be evaluated: {type(error).__name__}: {error}",
            file=trial.folder,
            remedy="mend it and run the same again, the row waits; or tell an outcome for the row",
        ) from error
    except Exception as error:
        answer = Answer("crashed", f"{type(error).__name__}: {error}")
    cpu = answer.cpu_seconds
    seconds = time.perf_counter() - began
    cpu = _cpu_seconds() - before if cpu is None else cpu
    return Answer(**{**asdict(answer), "seconds": seconds, "cpu_seconds": cpu})


def _understood(told: Any, objectives: tuple[str, ...]) -> Answer:
    """What an evaluation has told, checked; a mistake in it is an outcome too."""
    if isinstance(told, Real) and len(objectives) == 1:
        told = {objectives[0]: told}
    if not isinstance(told, Mapping):
        return Answer("no result", f"it answered with no mapping: {shorten(told)}")
    outcome, error = str(told.get("outcome") or "ok"), str(told.get("error") or "")
    details = told.get("details")
    details = _plain(details) if isinstance(details, Mapping) else {}
    cpu = _number(told.get("cpu_seconds"))
    results = {}
    for name in objectives:
        value, bound = told.get(name), told.get(f"{name}_bound") or ""
        if value is None:
            if outcome != "ok":
                continue
            missing = f"it told no {name}"
            return Answer(
                "no result", f"{missing}; {did_you_mean(name, told)}" if told else missing
            )
        number, wide = _number(value), _number(told.get(f"{name}_error"))
        if number is None:
            if outcome != "ok":
                continue
            return Answer("not a number", f"{name} is {shorten(value)}", details=details)
        if bound not in BOUNDS or (wide is not None and wide < 0):
            return Answer("no result", f"{name}: the bound {bound!r} or the error {wide!r} is none")
        if outcome != "ok" and not bound:
            rule = f"the outcome is {outcome!r}, so that {name} is a bound or not told"
            return Answer("no result", rule, details=details)
        results[name] = {"value": number, "error": wide, "bound": bound}
    return Answer(outcome, error, results, details, cpu_seconds=cpu)


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return float(value) if math.isfinite(value) else None


def _plain(details: Mapping[Any, Any]) -> dict[str, Any]:
    """Details as JSON has them."""
    kept = {}
    for name, value in details.items():
        number = _number(value)
        if number is not None or value is None or isinstance(value, str | bool):
            kept[str(name)] = value if isinstance(value, str | bool) else number
    return kept


@contextmanager
def _held(trial: Trial) -> Iterator[None]:
    """The folder of the trial, held against others and found to be that of this trial."""
    import fcntl  # not on Windows; neither are the workers

    mine = {"id": trial.id, "random_state": trial.random_state, "parameters": trial.parameters}
    told = json.dumps(mine, indent=1)
    described = trial.folder / "trial.json"
    trial.folder.mkdir(parents=True, exist_ok=True)
    with (trial.folder / "lock").open("w") as lock:
        waited_until = time.monotonic() + _PATIENCE_S
        while True:  # whoever had it before may be about to end
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > waited_until:
                    raise InputError(
                        "another evaluation is at work in this folder", file=trial.folder
                    ) from None
                time.sleep(0.05)
        if described.exists() and described.read_text(encoding="utf-8") != told:
            raise InputError(
                "the folder holds another evaluation", file=trial.folder, remedy="move it away"
            )
        with writing(described) as file:
            file.write(told.encode())
        yield


def _cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    return time.process_time() + sum(os.times()[2:4])
