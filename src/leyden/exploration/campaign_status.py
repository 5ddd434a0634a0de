"""How a campaign stands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.exploration.campaign_rows import contenders, front, history_of
from leyden.exploration.campaign_store import StoredRow
from leyden.exploration.driver_lock import driver_of
from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["CampaignStatus", "status_of"]


@dataclass(frozen=True, eq=False)
class CampaignStatus:
    """How a campaign stands.

    Attributes
    ----------
    finished : int
        Rows of its own task that have an outcome.
    outcomes : dict of str to int
        Those rows by outcome.
    suggested, running, withdrawn : int
        What a dead driver has left running is suggested again.
    prior : int
        Finished rows of other tasks.
    at_work : DataFrame
        ``id`` and ``worker`` (host and process) of each running row.
    best : DataFrame
        Of `leyden.exploration.campaign.Campaign.history`, the best row; with several objectives,
        the rows that no other betters in all of them. Empty while there is none.
    driver : int or None
        Process that runs it now.
    driver_seconds, driver_cpu_seconds : float
        What the campaign itself has cost so far: surrogates, proposals, this file, what `run` was
        given as `each`, and (processor time only) the starts of workers.
    evaluation_seconds, evaluation_cpu_seconds : float
        Of the rows that a driver has evaluated: what was told from elsewhere cost it nothing.
    """

    finished: int
    outcomes: dict[str, int]
    suggested: int
    running: int
    withdrawn: int
    prior: int
    at_work: pd.DataFrame
    best: pd.DataFrame
    driver: int | None
    driver_seconds: float
    driver_cpu_seconds: float
    evaluation_seconds: float
    evaluation_cpu_seconds: float

    @property
    def overhead(self) -> float:
        """Processor time of the campaign over that of its evaluations; NaN while unknown."""
        if not self.evaluation_cpu_seconds:
            return math.nan
        return self.driver_cpu_seconds / self.evaluation_cpu_seconds


def status_of(
    path: Path,
    rows: Sequence[StoredRow],
    spent: Mapping[str, tuple[float, float]],
    space: SearchSpace,
    objectives: Sequence[Objective],
    task: str,
) -> CampaignStatus:
    """The status of a campaign with these rows."""
    states = Counter(row.state for row in rows)
    finished = [row for row in rows if row.state == "finished"]
    own = [row for row in finished if not row.task]
    evaluated = [row for row in own if row.asked_by == "driver"]
    driver = driver_of(path)
    at_work = [(row.id, row.worker) for row in rows if row.state == "running" and driver]
    wall, cpu = (sum(cost[k] for cost in spent.values()) for k in (0, 1))
    return CampaignStatus(
        finished=len(own),
        outcomes=dict(Counter(row.outcome for row in own).most_common()),
        suggested=states["suggested"] + states["running"] - len(at_work),
        running=len(at_work),
        withdrawn=states["withdrawn"],
        prior=len(finished) - len(own),
        at_work=pd.DataFrame(at_work, columns=["id", "worker"]),
        best=_best(history_of(own, space, objectives, task), objectives),
        driver=driver,
        driver_seconds=wall,
        driver_cpu_seconds=cpu,
        evaluation_seconds=sum(row.seconds or 0.0 for row in evaluated),
        evaluation_cpu_seconds=sum(row.cpu_seconds or 0.0 for row in evaluated),
    )


def _best(history: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """The best row, or the front of several objectives."""
    if len(objectives) > 1:
        kept = front(history, objectives).tolist()
    else:
        costs = contenders(history, objectives[0]) * (-1 if objectives[0].maximise else 1)
        kept = [int(np.nanargmin(costs))] if not np.isnan(costs).all() else []
    return history.iloc[kept].reset_index(drop=True)
