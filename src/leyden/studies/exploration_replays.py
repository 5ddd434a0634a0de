"""Campaigns replayed on emulators drawn from the rows: how many evaluations each way needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.needed import median_needed, ratio_of_medians
from leyden.exploration.replay import evaluations_to_reach, replay
from leyden.exploration.search_space import SearchSpace
from leyden.hashing import code_of, content_hash
from leyden.physics.intervals import Estimate
from leyden.studies.exploration_effort import Effort

__all__ = ["BATCHES", "SEQUENTIAL", "Replays", "not_reached", "replayed", "told_of_replays"]

#: What decides how a replay goes on.
_CODE = (
    *("acquisition", "batches", "botorch_parts", "censored_scores", "emulator", "evidence"),
    *("gaussian_process", "inner_search", "marginals", "replay", "success", "surrogate"),
)
_METHOD = "local penalisation"
_SEED = 20261122
BATCHES = "batches"
SEQUENTIAL = "one at a time"


@dataclass(frozen=True, eq=False)
class Replays:
    """What replays told.

    Attributes
    ----------
    curves : DataFrame
        ``arm``, ``repeat``, ``evaluation``, ``best`` so far less the goal of its world.
    needed : DataFrame
        A row a world, a column an arm: evaluations to reach the best of all evaluations of random
        search there, the initial ones among them; inf where it was not reached.
    to_random_best : Estimate
        Median of batches, 95 % interval by bootstrap.
    ratio : Estimate
        Of medians, batches over one at a time.
    most : int
        Evaluations of each campaign.
    initial, batch, worlds : int
    """

    curves: pd.DataFrame
    needed: pd.DataFrame
    to_random_best: Estimate
    ratio: Estimate
    most: int
    initial: int
    batch: int
    worlds: int


def replayed(
    space: SearchSpace, observations: pd.DataFrame, effort: Effort, folder: Path
) -> Replays:
    """Random search, batches and one at a time in worlds drawn from the rows.

    Rows are judged by the truth of the world. What was replayed is kept in `folder`, under the rows
    and the code that it is of.

    Raises
    ------
    InputError
        No row has a value.
    MissingExtraError
        The extra ``bo`` is not installed.
    """
    from leyden.exploration.emulator import drawn_emulators

    worlds = drawn_emulators(space, CONDUCTIVITY, observations, effort.repeats, random_state=_SEED)
    truths = [world.truth for world in worlds]
    code = code_of(*(f"exploration/{name}.py" for name in _CODE))
    key = content_hash(observations, code)[:12]

    def campaigns(
        name: str, method: str, batch: int, until: list[float] | None = None
    ) -> pd.DataFrame:
        curves = replay(
            space,
            CONDUCTIVITY,
            worlds,
            [method],
            initial=effort.initial,
            evaluations=effort.most,
            batch=batch,
            repeats=effort.repeats,
            random_state=_SEED,
            truth=truths,
            until=until,
            file=folder / f"replay-{key}-{name.replace(' ', '-')}.jsonl",
        )
        return curves.assign(arm=name)

    folder.mkdir(parents=True, exist_ok=True)
    by_chance = campaigns("random", "random", effort.batch)
    goals = by_chance.groupby("repeat")["best"].max()
    until = [float(goals[repeat]) for repeat in range(effort.repeats)]
    arms = [
        campaigns(BATCHES, _METHOD, effort.batch, until),
        campaigns(SEQUENTIAL, _METHOD, 1, until),
    ]
    return told_of_replays(pd.concat([by_chance, *arms], ignore_index=True), goals, effort)


def told_of_replays(curves: pd.DataFrame, goals: pd.Series, effort: Effort) -> Replays:
    """What curves of the three arms say of evaluations to reach the goal of each world.

    Parameters
    ----------
    curves : DataFrame
        As of `leyden.exploration.replay.replay`, with ``arm``.
    goals : Series
        By repeat.
    effort : Effort
    """
    needed = {
        str(arm): evaluations_to_reach(rows, CONDUCTIVITY, goals).droplevel("method")
        for arm, rows in curves.groupby("arm", sort=False)
    }
    batches, sequential = (needed[arm].to_numpy(float) for arm in (BATCHES, SEQUENTIAL))
    short = curves["best"] - curves["repeat"].map(goals)
    return Replays(
        curves[["arm", "repeat", "evaluation"]].assign(best=short),
        pd.DataFrame(needed),
        median_needed(batches, effort.most),
        ratio_of_medians(batches, sequential, effort.most),
        effort.most,
        effort.initial,
        effort.batch,
        len(goals),
    )


def not_reached(found: Replays) -> dict[str, int]:
    """By arm, in how many worlds the goal was not reached."""
    return {str(arm): int(np.isinf(found.needed[arm]).sum()) for arm in found.needed}
