"""Campaigns replayed on an emulator: how many evaluations a way to propose needs.

One campaign on a real simulator is one draw of chance. An emulator costs nothing, so that the same
campaign can be run many times with each method, from the same first rows.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import InputError, did_you_mean
from leyden.exploration.batches import METHODS, propose
from leyden.exploration.progress import progress_bar
from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["Emulator", "evaluations_to_reach", "replay"]

Emulator = Callable[[pd.DataFrame, np.random.Generator], tuple[np.ndarray, ...]]
"""Takes rows and a source of noise, gives values and their standard errors, (n,) each.

It may add bounds ("", "above" or "below") and outcomes ("ok", or why the value is NaN).
"""

Truth = Callable[[pd.DataFrame], np.ndarray]

_COLUMNS = ("", "_error", "_bound")
_FEWEST = 2
_FINGERPRINT_ROWS = 64


def replay(
    space: SearchSpace,
    objective: Objective,
    emulator: Emulator | Sequence[Emulator],
    methods: Sequence[str],
    *,
    initial: int,
    evaluations: int,
    batch: int,
    repeats: int,
    random_state: int,
    truth: Truth | Sequence[Truth] | None = None,
    until: Sequence[float] | None = None,
    file: str | Path | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Simulated campaigns: `initial` random rows, then batches by each method.

    Repeats of one number begin with the same rows and values in all methods. A row that fails, or
    is only bounded, is an evaluation as any other.

    Parameters
    ----------
    space : SearchSpace
    objective : Objective
    emulator : callable, or a sequence of them
        See `Emulator`; of a sequence, one a repeat.
    methods : sequence of str
        Of `leyden.exploration.batches.METHODS`, for one objective.
    initial, evaluations, batch, repeats : int
        First rows; all rows, those included; rows told at once; campaigns of each method.
    random_state : int
    truth : callable, or a sequence of them, optional
        Values without noise, by which rows are judged; else what the emulator told, of which the
        best is one with luck. A bound that the true value may not reach is none in either case.
    until : sequence of float, optional
        One a repeat: a campaign ends with the batch in which a row is judged as good.
    file : path, optional
        JSON lines, one a campaign: those that it holds are not run again.
    progress : bool
        Whether to draw a bar, if standard error is a terminal.

    Returns
    -------
    DataFrame
        ``method``, ``batch``, ``initial``, ``repeat``, ``evaluation`` (from 1), ``value`` (as it
        is judged; NaN of a row that failed) and ``best`` so far.

    Raises
    ------
    InputError
        An unknown method, numbers that do not fit, or a file of other settings or another emulator.
    """
    _check(methods, initial, evaluations, batch, repeats)
    worlds = _worlds(space, objective, emulator, truth, until, repeats)
    shared = {"initial": initial, "evaluations": evaluations, "random_state": random_state}
    settings = [world.settings() | shared for world in worlds]
    done = _read(file, settings)
    curves = []
    with progress_bar(f"replays by {batch}", repeats * len(methods), progress) as tell:
        for repeat, world in enumerate(worlds):
            for method in methods:
                key = (method, batch, repeat)
                if key not in done:
                    seeds = np.random.SeedSequence([random_state, repeat])
                    done[key] = _campaign(world, method, seeds, initial, evaluations, batch)
                    _append(file, key, done[key], settings[repeat])
                curves.append(_curve(key, initial, done[key], objective))
                tell(len(curves))
    return pd.concat(curves, ignore_index=True)


def evaluations_to_reach(
    curves: pd.DataFrame, objective: Objective, value: float | pd.Series
) -> pd.Series:
    """By method and repeat, the first evaluation whose best so far is as good; inf if none is.

    Where `replay` was given a truth, curves are without noise, and the value is to be so too: the
    best of another method's curve, for one, by repeat.

    Parameters
    ----------
    curves : DataFrame
        As of `replay`, of one size of batch.
    objective : Objective
    value : float, or Series by repeat
    """
    goal = curves["repeat"].map(value) if isinstance(value, pd.Series) else value
    reached = curves["best"] >= goal if objective.maximise else curves["best"] <= goal
    first = curves["evaluation"].where(reached, np.inf)
    return first.groupby([curves["method"], curves["repeat"]]).min()


@dataclass(frozen=True)
class _World:
    """Where a campaign is replayed, and what ends it."""

    space: SearchSpace
    objective: Objective
    emulator: Emulator
    truth: Truth | None
    until: float | None

    def told(self, rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        """Rows with what the emulator says of them."""
        name, said = self.objective.name, self.emulator(rows, generator)
        columns = [f"{name}{end}" for end in _COLUMNS] + ["outcome"]
        return rows.assign(**dict(zip(columns, said, strict=False)))

    def judged(self, observations: pd.DataFrame) -> np.ndarray:
        """The value of each row, NaN where it has none that counts.

        However good a row is in truth: of one that was told as a doubtful bound, who runs the
        campaign has only learned that it is no better than that.
        """
        name = self.objective.name
        values = observations[name].to_numpy(float)
        doubtful = "below" if self.objective.maximise else "above"
        known = ~np.isnan(values) & (_bounds(observations, name) != doubtful)
        if self.truth is not None:
            values = np.asarray(self.truth(observations[self.space.names]), float)
        return np.where(known, values, np.nan)

    def reached(self, observations: pd.DataFrame) -> bool:
        """Whether a row is as good as it takes to end."""
        if self.until is None:
            return False
        sign = 1 if self.objective.maximise else -1
        return bool((sign * self.judged(observations) >= sign * self.until).any())

    def settings(self) -> dict[str, Any]:
        """What tells this world from another, for JSON."""
        return {
            "space": self.space.to_dict(),
            "objective": asdict(self.objective),
            "emulator": self.fingerprint(),
            "until": self.until,
        }

    def fingerprint(self) -> str:
        """Of the values at some rows: another emulator has another one."""
        rows = self.space.sobol(_FINGERPRINT_ROWS, 0)
        said = [np.asarray(part) for part in self.emulator(rows, np.random.default_rng(0))]
        if self.truth is not None:
            said.append(np.asarray(self.truth(rows), float))
        words = [
            f"{value:.6g}" if isinstance(value, float) else str(value)
            for part in said
            for value in part.tolist()
        ]
        return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _worlds(
    space: SearchSpace,
    objective: Objective,
    emulator: Emulator | Sequence[Emulator],
    truth: Truth | Sequence[Truth] | None,
    until: Sequence[float] | None,
    repeats: int,
) -> list[_World]:
    """One a repeat."""
    return [
        _World(
            space,
            objective,
            emulator[repeat] if isinstance(emulator, Sequence) else emulator,
            truth[repeat] if isinstance(truth, Sequence) else truth,
            None if until is None else float(until[repeat]),
        )
        for repeat in range(repeats)
    ]


def _bounds(observations: pd.DataFrame, name: str) -> np.ndarray:
    if f"{name}_bound" not in observations:
        return np.full(len(observations), "")
    return observations[f"{name}_bound"].fillna("").to_numpy()


def _check(
    methods: Sequence[str], initial: int, evaluations: int, batch: int, repeats: int
) -> None:
    for method in methods:
        if method not in METHODS or method == "hypervolume":
            remedy = did_you_mean(method, METHODS[:-1])
            raise InputError("not a way to propose one objective", value=method, remedy=remedy)
    if not 1 <= initial <= evaluations or batch < 1 or repeats < 1:
        raise InputError(
            "a replay has 1 <= initial <= evaluations, batch >= 1 and repeats >= 1",
            value=(initial, evaluations, batch, repeats),
        )


def _campaign(
    world: _World,
    method: str,
    seeds: np.random.SeedSequence,
    initial: int,
    evaluations: int,
    batch: int,
) -> list[float]:
    """Values of all rows of one campaign, as they are judged."""
    start, noise, drawn = (int(seed) for seed in seeds.generate_state(3))
    generator = np.random.default_rng(noise)
    observations = world.told(world.space.random(initial, start), generator)
    while (done := len(observations)) < evaluations and not world.reached(observations):
        # Sobol points are one sequence, of which each batch takes the next.
        count = min(batch, evaluations - done)
        if method == "sobol":
            rows = world.space.sobol(done + count, drawn).iloc[done:]
        else:
            rows = _next(world, observations, count, method, drawn + done)
        told = world.told(rows, generator)
        observations = pd.concat([observations, told], ignore_index=True)
    return [float(value) for value in world.judged(observations)]


def _next(
    world: _World, observations: pd.DataFrame, count: int, method: str, seed: int
) -> pd.DataFrame:
    """The rows that a method proposes; random ones while there is too little to learn from."""
    from leyden.exploration.surrogate import Surrogate

    name = world.objective.name
    values = observations[name].notna().to_numpy() & (_bounds(observations, name) == "")
    surrogate = Surrogate(world.space, world.objective, random_state=seed)
    if method == "random" or values.sum() < _FEWEST:
        return propose([surrogate], observations, None, count, method="random", random_state=seed)
    surrogate.fit(observations)
    return propose([surrogate], observations, None, count, method=method, random_state=seed)


def _curve(
    key: tuple[str, int, int], initial: int, values: list[float], objective: Objective
) -> pd.DataFrame:
    best = np.fmax.accumulate if objective.maximise else np.fmin.accumulate
    method, batch, repeat = key
    return pd.DataFrame(
        {
            "method": method,
            "batch": batch,
            "initial": initial,
            "repeat": repeat,
            "evaluation": np.arange(1, len(values) + 1),
            "value": values,
            "best": best(np.array(values)),
        }
    )


def _read(
    file: str | Path | None, settings: Sequence[dict[str, Any]]
) -> dict[tuple[str, int, int], list[float]]:
    """Campaigns that a file holds; a line that was cut off while it was written is left out."""
    done: dict[tuple[str, int, int], list[float]] = {}
    if file is None or not Path(file).exists():
        return done
    for row, line in enumerate(Path(file).read_text().splitlines(keepends=True), start=1):
        if not line.endswith("\n"):
            break
        record = json.loads(line)
        repeat = record["repeat"]
        if repeat >= len(settings):
            continue
        if record["settings"] != json.loads(json.dumps(settings[repeat])):
            raise InputError(
                "the file holds a replay with other settings, or of another emulator",
                file=file,
                row=row,
                value=record["settings"],
                remedy="take another file, or these settings",
            )
        done[record["method"], record["batch"], repeat] = record["values"]
    return done


def _append(
    file: str | Path | None,
    key: tuple[str, int, int],
    values: list[float],
    settings: dict[str, Any],
) -> None:
    if file is None:
        return
    record = dict(zip(("method", "batch", "repeat"), key, strict=True)) | {"values": values}
    path = Path(file)
    if path.exists():  # what a killed replay has left of its last line
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    with path.open("a") as stream:
        stream.write(json.dumps({**record, "settings": settings}) + "\n")
