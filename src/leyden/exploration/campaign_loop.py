"""The driver of a campaign: rows to workers, answers into the file, until there are enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leyden.errors import InputError
from leyden.exploration.campaign_store import CampaignStore, StoredRow
from leyden.exploration.campaign_workers import Ended, Executes, ExecutorWorkers, LocalWorkers
from leyden.exploration.driver_lock import driving
from leyden.exploration.trial import Answer, Evaluate, Trial

if TYPE_CHECKING:
    from leyden.exploration.campaign import Campaign
    from leyden.exploration.campaign_workers import Workers

__all__ = ["Plan", "drive"]

_LOOK_S = 20.0
"""How often is looked at what others have told meanwhile."""
_FUTILE = 5
"""Evaluations that may fail before any has succeeded."""
_FAILED = ("crashed", "no result")
"""Outcomes that speak of the evaluation, not of what was evaluated."""


@dataclass(frozen=True)
class Plan:
    """How much is evaluated, and how; see `leyden.exploration.campaign.Campaign.run`."""

    evaluations: int
    workers: int = 2
    batch: int | None = None
    timeout_s: float | None = None
    attempts: int = 3

    def __post_init__(self) -> None:
        for name in ("evaluations", "workers", "batch", "attempts"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is one at least", value=value)
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise InputError("timeout_s is positive", value=self.timeout_s)


def drive(
    campaign: Campaign,
    store: CampaignStore,
    evaluate: Evaluate,
    plan: Plan,
    *,
    executor: Executes | None = None,
    progress: bool = True,
) -> None:
    """Run a campaign, see `leyden.exploration.campaign.Campaign.run`."""
    check = getattr(evaluate, "check", None)
    if check is not None:  # what is missing is told before anything is begun
        check(campaign.space, campaign.objectives)
    with driving(campaign.path):
        _give_back(store)
        workers: Workers = (
            LocalWorkers(evaluate, plan.workers)
            if executor is None
            else ExecutorWorkers(evaluate, executor, plan.workers)
        )
        try:
            with workers, _bar(campaign, plan, progress) as tell:
                _Driver(campaign, store, workers, plan).run(tell)
        finally:
            _give_back(store)


@dataclass(frozen=True)
class _Driver:
    campaign: Campaign
    store: CampaignStore
    workers: Workers
    plan: Plan

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
            self._check_that_some_succeed(rows)
            waiting = [row for row in rows if row.state == "suggested" and row.asked_by == "driver"]
            begun = waiting[: min(free, wanted)] if wanted > 0 else []
            for row in begun:
                self._begin(row)
            more = self._more(wanted, free, len(waiting), at_work)
            if more:
                self.campaign.suggest(more, asked_by="driver")
            elif not begun:
                for ended in self.workers.wait(_LOOK_S):
                    self._keep(ended)

    def _check_that_some_succeed(self, rows: list[StoredRow]) -> None:
        done = [row for row in rows if row.state == "finished"]
        if len(done) >= _FUTILE and all(row.outcome in _FAILED for row in done):
            raise InputError(
                f"all {len(done)} evaluations so far have failed; the last one",
                value=done[-1].error,
                file=self.campaign.path,
                remedy="mend what evaluates, and begin a new campaign",
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

    def _keep(self, ended: Ended) -> None:
        answer = ended.answer
        with self.store.writing() as step:
            row = next((r for r in step.rows("running") if r.id == ended.trial.id), None)
            if row is None:  # not ours any more
                return
            deaths = row.deaths + (answer is None)
            if answer is None and deaths < self.plan.attempts:
                step.update(row.id, state="suggested", worker="", deaths=deaths)
                return
            if answer is None:
                answer = Answer("crashed", f"{ended.reason}, for the {deaths}. time")
            step.update(
                row.id,
                state="finished",
                worker="",
                deaths=deaths,
                place=step.next_place(),
                outcome=answer.outcome,
                error=answer.error,
                results=answer.results,
                details=answer.details,
                seconds=answer.seconds,
                cpu_seconds=answer.cpu_seconds,
            )


def _give_back(store: CampaignStore) -> None:
    """What a dead driver has left running waits again; who drives has no workers now."""
    with store.writing() as step:
        for row in step.rows("running"):
            step.update(row.id, state="suggested", worker="")


@contextmanager
def _bar(campaign: Campaign, plan: Plan, wanted: bool) -> Iterator[Callable[[int], object]]:
    """A progress bar of finished rows, on a terminal only."""
    if not wanted or not sys.stderr.isatty():
        yield lambda finished: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(campaign.path.name, total=plan.evaluations)
        yield lambda finished: bar.update(task, completed=finished)
