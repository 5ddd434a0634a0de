"""What workers of the tests evaluate; imports little, since every worker imports it anew."""

from __future__ import annotations

import os
import signal
import time
from typing import Any


def parabola(trial: Any) -> float:
    """Best at x = 0.3; known everywhere."""
    return -float((trial["x"] - 0.3) ** 2)


def slow(trial: Any) -> float:
    """Takes a moment, and notes in its folder each time that it was done."""
    time.sleep(0.1)
    with (trial.folder / "done").open("a") as file:
        file.write("x")
    return float(trial["x"])


def troubled(trial: Any) -> Any:
    """Row 2 raises, 3 kills its first worker, 4 each, 5 hangs with a child; others are fine."""
    if trial.id == 2:
        raise ValueError("no such thing")
    if trial.id in (3, 4):
        once = trial.folder / "died"
        if trial.id == 4 or not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if trial.id == 5:
        child = os.fork()
        if child == 0:
            while True:
                time.sleep(0.1)
        (trial.folder / "child").write_text(str(child))
        time.sleep(3600)
    return {"y": trial["x"], "y_error": 0.1, "details": {"seen": 1.0}, "cpu_seconds": 2.0}


def killed_once(trial: Any) -> float:
    """What it has started is killed at first, and it is not."""
    from leyden.exploration.trial import EvaluationKilled

    with (trial.folder / "tries").open("a") as file:
        file.write("x")
    if trial.id == 1 and (trial.folder / "tries").read_text() == "x":
        raise EvaluationKilled("ended by signal 9")
    return float(trial["x"])


class Prepared:
    """Takes a moment to be ready, and tells which process it is in."""

    def prepare(self) -> None:
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass

    def __call__(self, trial: Any) -> float:
        return float(os.getpid())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prepared)

    __hash__ = None  # type: ignore[assignment]


prepared = Prepared()
