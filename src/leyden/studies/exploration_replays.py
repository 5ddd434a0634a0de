"""Campaigns replayed on emulators drawn from the rows: how many evaluations each way needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.needed import median_needed, ratio_of_medians, whole_batches
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
    needed : DataFrame
        A row a world, a column for each way to propose: evaluations to reach the best of another
        random search there, the first rows and whole batches counted; inf where it was not reached.
    to_random_best : Estimate
        Median of batches, 95 % interval by bootstrap.
    ratio : Estimate
        Of medians, batches over one at a time.
    proposals_ratio : float
        The same of what was proposed, without the first rows, which both have; NaN where one at a
        time needs no proposal.
    most : int
        Evaluations of each campaign.
    initial, batch, worlds : int
    without_goal : int
        Worlds that are left out, as no row of random search gave a value there.
    """

    needed: pd.DataFrame
    to_random_best: Estimate
    ratio: Estimate
    proposals_ratio: float
    most: int
    initial: int
    batch: int
    worlds: int
    without_goal: int


def replayed(
    space: SearchSpace,
    observations: pd.DataFrame,
    effort: Effort,
    folder: Path,
    *,
    progress: bool = False,
) -> Replays:
    """Batches and one at a time in worlds drawn from the rows, until they are as good as chance.

    The goal of a world is the best of a random search there, whose rows are its own: the two ways
    to propose share their first rows with each other, and with nothing that sets the goal. Rows are
    judged by the truth of the world, and not at all where they were told as upper bounds. What was
    replayed is kept in `folder`, under the rows and the code that it is of.

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
        name: str, method: str, batch: int, random_state: int, until: list[float] | None = None
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
            random_state=random_state,
            truth=truths,
            until=until,
            file=folder / f"replay-{key}-{name.replace(' ', '-')}.jsonl",
            progress=progress,
        )
        return curves.assign(arm=name)

    folder.mkdir(parents=True, exist_ok=True)
    by_chance = campaigns("random", "random", effort.batch, _SEED + 1)
    goals = by_chance.groupby("repeat")["best"].max()
    until = goals.fillna(-math.inf).tolist()  # nothing can be reached: any value ends it
    arms = [
        campaigns(BATCHES, _METHOD, effort.batch, _SEED, until),
        campaigns(SEQUENTIAL, _METHOD, 1, _SEED, until),
    ]
    return told_of_replays(pd.concat(arms, ignore_index=True), goals, effort)


def told_of_replays(curves: pd.DataFrame, goals: pd.Series, effort: Effort) -> Replays:
    """What curves of both ways to propose say of evaluations to reach the goal of each world.

    Parameters
    ----------
    curves : DataFrame
        As of `leyden.exploration.replay.replay`, with ``arm``.
    goals : Series
        By repeat; NaN where there is none.
    effort : Effort

    Raises
    ------
    InputError
        No world has a goal.
    """
    known = goals.dropna()
    if known.empty:
        raise InputError("random search found no value in any world", value=len(goals))
    curves = curves[curves["repeat"].isin(known.index)]
    needed = {
        str(arm): whole_batches(
            evaluations_to_reach(rows, CONDUCTIVITY, known).droplevel("method").to_numpy(),
            effort.initial,
            effort.batch if arm == BATCHES else 1,
            effort.most,
        )
        for arm, rows in curves.groupby("arm", sort=False)
    }
    counted = {arm: median_needed(needed[arm], effort.most).value for arm in needed}
    batches, sequential = (counted[arm] - effort.initial for arm in (BATCHES, SEQUENTIAL))
    return Replays(
        needed=pd.DataFrame(needed),
        to_random_best=median_needed(needed[BATCHES], effort.most),
        ratio=ratio_of_medians(needed[BATCHES], needed[SEQUENTIAL], effort.most),
        proposals_ratio=batches / sequential if sequential else math.nan,
        most=effort.most,
        initial=effort.initial,
        batch=effort.batch,
        worlds=len(known),
        without_goal=len(goals) - len(known),
    )


def not_reached(found: Replays) -> dict[str, int]:
    """By way to propose, in how many worlds the goal was not reached."""
    return {str(arm): int(np.isinf(found.needed[arm]).sum()) for arm in found.needed}
