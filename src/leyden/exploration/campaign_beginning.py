"""What a campaign is made of, checked before its file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from leyden.errors import InputError, did_you_mean
from leyden.exploration.batches import METHODS
from leyden.exploration.next_rows import DESIGNS
from leyden.exploration.search_space import Objective, SearchSpace

if TYPE_CHECKING:
    from leyden.exploration.campaign import Campaign

__all__ = ["check_settings", "prior_rows"]

PRIOR = "prior"
"""Task of prior rows that name none."""


def prior_rows(prior: Campaign | pd.DataFrame, task: str) -> pd.DataFrame:
    """Rows of an earlier campaign or a table, each with the label of its task."""
    label = PRIOR
    if not isinstance(prior, pd.DataFrame):
        label = prior.task if prior.task != task and prior.task else prior.path.stem
        rows = prior.history()
        own = rows["task"] == prior.task
        rows.loc[own, "task"] = label
    else:
        rows = prior.reset_index(drop=True)
        if "task" not in rows:
            rows = rows.assign(task=label)
        rows = rows.assign(task=rows["task"].fillna("").replace("", label))
    return rows.drop(columns=["id", "random_state"], errors="ignore")


def check_settings(
    space: SearchSpace,
    objectives: tuple[Objective, ...],
    method: str,
    initial: int,
    random_state: int,
) -> None:
    """Whether a campaign can be made so.

    Raises
    ------
    InputError
    """
    names = [objective.name for objective in objectives]
    taken = [*space.names, "id", "task", "outcome", "error", "method", "details"]
    if not names:
        raise InputError("a campaign has one objective at least")
    for name in names:
        if names.count(name) > 1 or name in taken:
            raise InputError("an objective has a name of its own", value=name)
    if method not in METHODS:
        raise InputError(
            "not a method of proposing", value=method, remedy=did_you_mean(method, METHODS)
        )
    if method not in DESIGNS and (method == "hypervolume") != (len(names) > 1):
        raise InputError(
            f"{method} is not for {len(names)} objective(s)",
            remedy="take 'hypervolume' for several, another method for one",
        )
    if initial < 0 or random_state < 0:
        raise InputError("initial and random_state are not negative", value=(initial, random_state))
