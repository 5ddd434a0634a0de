"""The driver of a campaign: rows to workers, answers into the file, until there are enough."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leyden.errors import InputError
from leyden.exploration.campaign_store import CampaignStore, StoredRow
from leyden.exploration.campaign_workers import Ended, Executes, ExecutorWorkers, LocalWorkers
from leyden.exploration.driver_lock import driving
from leyden.exploration.evidence import FAULTS
from leyden.exploration.progress import progress_bar
from leyden.exploration.retrying import EARLIER
from leyden.exploration.trial import Answer, Evaluate, Trial

if TYPE_CHECKING:
    from leyden.exploration.campaign import Campaign
    from leyden.exploration.campaign_workers import Workers

__all__ = ["Plan", "drive"]

_LOOK_S = 20.0
"""How often is looked at what others have told meanwhile."""
_FUTILE = 5
"""Evaluations one after the other that may fail."""


@dataclass(frozen=True)
class Plan:
    """How much is evaluated, and how; see `leyden.exploration.campaign.Campaign.run`."""

    evaluations: int
    workers: int | LocalWorkers = 2
    batch: int | None = None
    timeout_s: float | None = None
    attempts: int = 3

    def __post_init__(self) -> None:
        for name in ("evaluations", "workers", "batch", "attempts"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise InputError(f"{name} is one at least", value=value)
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise InputError("timeout_s is positive", value=self.timeout_s)


def drive(
    campaign: Campaign,
    store: CampaignStore,
    evaluate: Evaluate,
    plan: Plan,
    executor: Executes | None = None,
    each: Callable[[Campaign], object] | None = None,
    progress: bool = True,
) -> None:
    """Run a campaign, see `leyden.exploration.campaign.Campaign.run`."""
    check = getattr(evaluate, "check", None)
    if check is not None:  # what is missing is told before anything is begun
        check(campaign.space, campaign.objectives)
    shared = plan.workers if isinstance(plan.workers, LocalWorkers) else None
    if shared is not None and (executor is not None or shared.evaluate != evaluate):
        raise InputError("shared workers evaluate what they were made for, and need no executor")
    with driving(campaign.path):
        _give_back(store)
        try:
            with (
                _workers(evaluate, plan.workers, executor) as workers,
                progress_bar(campaign.path.name, plan.evaluations, progress) as tell,
            ):
                _Driver(campaign, store, workers, plan, each).run(tell)
        finally:
            _give_back(store)


@contextmanager
def _workers(
    evaluate: Evaluate, wanted: int | LocalWorkers, executor: Executes | None
) -> Iterator[Workers]:
    """Those of this run, or shared ones, which stay unless they are left in the midst of work."""
    if not isinstance(wanted, LocalWorkers):
        own = (
            LocalWorkers(evaluate, wanted)
            if executor is None
            else ExecutorWorkers(evaluate, executor, wanted)
        )
        with own as workers:
            yield workers
        return
    try:
        yield wanted
    except BaseException:
        wanted.end()
        raise


@dataclass(frozen=True)
class _Driver:
    campaign: Campaign
    store: CampaignStore
    workers: Workers
    plan: Plan
    each: Callable[[Campaign], object] | None
    last: deque[Answer] = field(default_factory=lambda: deque(maxlen=_FUTILE))

    def run(self, tell: Callable[[int], object]) -> None:
        while True:
            rows = self._own_rows()
            finished = sum(row.state == "finished" for row in rows)
            at_work = sum(row.state == "running" for row in rows)
            tell(finished)
            wanted = self.plan.evaluations - finished - at_work
            free = self.workers.free()
            if wanted <= 0 and not at_work:
                return
            self._check_that_some_succeed()
            waiting = [row for row in rows if row.state == "suggested" and row.asked_by == "driver"]
            begun = waiting[: min(free, wanted)] if wanted > 0 else []
            for row in begun:
                self._begin(row)
            more = self._more(wanted, free, len(waiting), at_work)
            if more:
                self.campaign.suggest(more, asked_by="driver")
            elif not begun:
                self._listen()

    def _listen(self) -> None:
        kept = [self._keep(ended) for ended in self.workers.wait(_LOOK_S)]
        starts = self.workers.starting()
        if starts:
            with self.store.writing() as step:
                step.spend("workers", 0.0, starts)
        if any(kept) and self.each is not None:
            with self.store.measured():
                self.each(self.campaign)

    def _check_that_some_succeed(self) -> None:
        if len(self.last) == _FUTILE and all(answer.outcome in FAULTS for answer in self.last):
            raise InputError(
                f"the last {_FUTILE} evaluations have failed ({self.last[-1].outcome}: "
                f"{self.last[-1].error})",
                file=self.campaign.path,
                remedy="mend what evaluates; `leyden explore retry`, or Campaign.retry, takes the "
                "failed rows back; then run the same again",
            )

    def _more(self, wanted: int, free: int, waiting: int, at_work: int) -> int:
        """How many rows are to be proposed now."""
        if self.plan.batch is None:
            return max(min(wanted, free) - waiting, 0)
        if waiting or at_work:
            return 0
        return max(min(wanted, self.plan.batch), 0)

    def _own_rows(self) -> list[StoredRow]:
        with self.store.reading() as step:
            return [row for row in step.rows() if not row.task]

    def _begin(self, row: StoredRow) -> None:
        trial = Trial(
            row.id,
            row.parameters,
            row.random_state,
            (self.campaign.runs / f"{row.id:04d}").absolute(),
            tuple(objective.name for objective in self.campaign.objectives),
            self.plan.timeout_s,
        )
        with self.store.writing() as step:  # claimed before it is begun: never begun unclaimed
            step.update(row.id, state="running", worker=f"{os.uname().nodename}:{os.getpid()}")
        worker = self.workers.start(trial)
        with self.store.writing() as step:
            step.update(row.id, worker=worker)

    def _keep(self, ended: Ended) -> bool:
        """What an evaluation has told; whether its row is finished."""
        answer = ended.answer
        with self.store.writing() as step:
            row = next((r for r in step.rows("running") if r.id == ended.trial.id), None)
            if row is None:  # not ours any more
                return False
            deaths = row.deaths + (answer is None)
            if answer is None and deaths < self.plan.attempts:
                step.update(row.id, state="suggested", worker="", deaths=deaths)
                return False
            if answer is None:
                answer = Answer("crashed", f"{ended.reason}, for the {deaths}. time")
            earlier = {name: row.details[name] for name in (EARLIER,) if name in row.details}
            step.update(
                row.id,
                state="finished",
                worker="",
                deaths=deaths,
                place=step.next_place(),
                outcome=answer.outcome,
                error=answer.error,
                results=answer.results,
                details={**answer.details, **earlier},
                seconds=answer.seconds,
                cpu_seconds=answer.cpu_seconds,
            )
        self.last.append(answer)
        return True


def _give_back(store: CampaignStore) -> None:
    """What a dead driver has left running waits again; who drives has no workers now.

    Deaths are counted anew: what they were due to may have been mended.
    """
    with store.writing() as step:
        for row in step.rows("running", "suggested"):
            if row.state == "running" or row.deaths:
                step.update(row.id, state="suggested", worker="", deaths=0)
