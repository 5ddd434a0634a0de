"""Campaigns replayed on an emulator: how many evaluations a way to propose needs.

One campaign on a real simulator is one draw of chance. An emulator costs nothing, so that the same
campaign can be run many times with each method, from the same first rows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.exploration.batches import METHODS, propose
from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["Emulator", "evaluations_to_reach", "replay"]

Emulator = Callable[[pd.DataFrame, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Takes rows and a source of noise, gives values and their standard errors, (n,) each."""

Truth = Callable[[pd.DataFrame], np.ndarray]


def replay(
    space: SearchSpace,
    objective: Objective,
    emulator: Emulator,
    methods: Sequence[str],
    *,
    initial: int,
    evaluations: int,
    batch: int,
    repeats: int,
    random_state: int,
    truth: Truth | None = None,
    file: str | Path | None = None,
) -> pd.DataFrame:
    """Simulated campaigns: `initial` random rows, then batches by each method.

    Repeats of one number begin with the same rows and values in all methods.

    Parameters
    ----------
    space : SearchSpace
    objective : Objective
    emulator : callable
        See `Emulator`.
    methods : sequence of str
        Of `leyden.exploration.batches.METHODS`, for one objective.
    initial, evaluations, batch, repeats : int
        First rows; all rows, those included; rows told at once; campaigns of each method.
    random_state : int
    truth : callable, optional
        Values without noise, by which the best row is judged; else what the emulator told, of
        which the best is one with luck.
    file : path, optional
        JSON lines, one a campaign: those that it holds are not run again.

    Returns
    -------
    DataFrame
        ``method``, ``batch``, ``repeat``, ``evaluation`` (from 1), ``value`` and ``best`` so far.

    Raises
    ------
    InputError
        An unknown method, numbers that do not fit, or a file of other settings.
    """
    for method in methods:
        if method not in METHODS or method == "hypervolume":
            raise InputError("not a way to propose for one objective", value=method)
    if not 1 <= initial <= evaluations or batch < 1 or repeats < 1:
        raise InputError(
            "a replay has 1 <= initial <= evaluations, batch >= 1 and repeats >= 1",
            value=(initial, evaluations, batch, repeats),
        )
    settings = {
        "space": space.to_dict(),
        "objective": objective.name,
        "initial": initial,
        "evaluations": evaluations,
        "random_state": random_state,
    }
    done = _read(file, settings)
    curves = []
    for repeat in range(repeats):
        for method in methods:
            key = (method, batch, repeat)
            if key not in done:
                seeds = np.random.SeedSequence([random_state, repeat])
                rows, values = _campaign(space, objective, emulator, method, seeds, settings, batch)
                judged = values if truth is None else np.asarray(truth(rows), float)
                done[key] = judged.tolist()
                _append(file, {"method": method, "batch": batch, "repeat": repeat}, done, settings)
            curves.append(_curve(key, done[key], objective))
    return pd.concat(curves, ignore_index=True)


def evaluations_to_reach(curves: pd.DataFrame, objective: Objective, value: float) -> pd.Series:
    """By method and repeat, the first evaluation whose best so far is as good; NaN if none is."""
    reached = curves["best"] >= value if objective.maximise else curves["best"] <= value
    first = curves["evaluation"].where(reached)
    return first.groupby([curves["method"], curves["repeat"]]).min()


def _campaign(
    space: SearchSpace,
    objective: Objective,
    emulator: Emulator,
    method: str,
    seeds: np.random.SeedSequence,
    settings: dict[str, Any],
    batch: int,
) -> tuple[pd.DataFrame, np.ndarray]:
    """All rows of one campaign, and the values told."""
    from leyden.exploration.surrogate import Surrogate

    start, noise, drawn = (int(seed) for seed in seeds.generate_state(3))
    generator = np.random.default_rng(noise)
    observations = _told(space.random(settings["initial"], start), objective, emulator, generator)
    while (done := len(observations)) < settings["evaluations"]:
        seed = drawn + done
        surrogate = Surrogate(space, objective, random_state=seed)
        if method not in ("random", "sobol"):
            surrogate.fit(observations)
        # Sobol points are one sequence, of which each batch takes the next.
        count = min(batch, settings["evaluations"] - done)
        if method == "sobol":
            rows = space.sobol(done + count, drawn).iloc[done:]
        else:
            rows = propose([surrogate], observations, None, count, method=method, random_state=seed)
        told = _told(rows, objective, emulator, generator)
        observations = pd.concat([observations, told], ignore_index=True)
    return observations[space.names], observations[objective.name].to_numpy()


def _told(
    rows: pd.DataFrame, objective: Objective, emulator: Emulator, generator: np.random.Generator
) -> pd.DataFrame:
    values, errors = emulator(rows, generator)
    return rows.assign(**{objective.name: values, f"{objective.name}_error": errors})


def _curve(key: tuple[str, int, int], values: list[float], objective: Objective) -> pd.DataFrame:
    best = np.maximum.accumulate if objective.maximise else np.minimum.accumulate
    method, batch, repeat = key
    return pd.DataFrame(
        {
            "method": method,
            "batch": batch,
            "repeat": repeat,
            "evaluation": np.arange(1, len(values) + 1),
            "value": values,
            "best": best(np.array(values)),
        }
    )


def _read(
    file: str | Path | None, settings: dict[str, Any]
) -> dict[tuple[str, int, int], list[float]]:
    """Campaigns that a file holds; a line that was cut off while it was written is left out."""
    done: dict[tuple[str, int, int], list[float]] = {}
    if file is None or not Path(file).exists():
        return done
    for row, line in enumerate(Path(file).read_text().splitlines(keepends=True), start=1):
        if not line.endswith("\n"):
            break
        record = json.loads(line)
        if record["settings"] != json.loads(json.dumps(settings)):
            raise InputError(
                "the file holds a replay with other settings",
                file=file,
                row=row,
                value=record["settings"],
                remedy="take another file, or these settings",
            )
        done[record["method"], record["batch"], record["repeat"]] = record["values"]
    return done


def _append(
    file: str | Path | None,
    key: dict[str, Any],
    done: dict[tuple[str, int, int], list[float]],
    settings: dict[str, Any],
) -> None:
    if file is None:
        return
    record = {**key, "values": done[key["method"], key["batch"], key["repeat"]]}
    path = Path(file)
    if path.exists():  # what a killed replay has left of its last line
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    with path.open("a") as stream:
        stream.write(json.dumps({**record, "settings": settings}) + "\n")
