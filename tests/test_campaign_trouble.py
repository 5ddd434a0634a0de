"""What is mended and tried again: failures of the machine, and rows that are asked for anew."""

from __future__ import annotations

import errno
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from campaign_evaluators import killed_once, parabola, prepared
from leyden.errors import InputError
from leyden.exploration import campaign_store
from leyden.exploration.campaign import Campaign
from leyden.exploration.campaign_rows import observations_of
from leyden.exploration.campaign_store import CampaignStore, StoredRow
from leyden.exploration.campaign_workers import LocalWorkers
from leyden.exploration.evidence import FAULTS
from leyden.exploration.next_rows import next_rows
from leyden.exploration.search_space import Objective, Parameter, SearchSpace
from leyden.exploration.success import Success
from leyden.exploration.trial import EvaluationKilled, Trial

SPACE = SearchSpace((Parameter("x", 0, 1),))
Y = Objective("y")


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign.create(tmp_path / "c.db", SPACE, Y, method="random")


@pytest.fixture
def thread() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def run(campaign: Campaign, evaluate: Any, evaluations: int, thread: Executor, **more: Any) -> Any:
    more = {"workers": 1, "executor": thread, **more}
    return campaign.run(evaluate, evaluations=evaluations, progress=False, **more)


def test_what_was_killed_is_evaluated_again_and_keeps_no_answer(
    campaign: Campaign, thread: Executor
) -> None:
    status = campaign.run(killed_once, evaluations=2, workers=1, progress=False)
    assert status.outcomes == {"ok": 2}
    assert (campaign.runs / "0001" / "tries").read_text() == "xx"

    def always(_: Trial) -> float:
        raise EvaluationKilled("ended by signal 9")

    run(campaign, always, 3, thread, attempts=2)
    row = campaign.history().iloc[-1]
    assert (row["outcome"], row["error"]) == ("crashed", "ended by signal 9, for the 2. time")
    assert not (campaign.runs / "0003" / "answer.json").exists()
    assert campaign.retry() == [3]
    assert run(campaign, parabola, 3, thread).outcomes == {"ok": 3}


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), MemoryError(), InputError("it differs")]
)
def test_what_would_go_wrong_with_every_row_ends_the_run(
    campaign: Campaign, thread: Executor, error: Exception
) -> None:
    def full(trial: Trial) -> float:
        if trial.id > 2:
            raise error
        return 1.0

    with pytest.raises(InputError, match=r"No space left|MemoryError|it differs"):
        run(campaign, full, 9, thread)
    status = campaign.status()
    assert (status.finished, status.suggested, status.running) == (2, 1, 0)
    assert not list(campaign.runs.glob("0003/answer*"))
    assert run(campaign, parabola, 9, thread).outcomes == {"ok": 9}


def test_failures_after_a_success_are_futile_too_and_can_be_taken_back(
    campaign: Campaign, thread: Executor
) -> None:
    def broken(trial: Trial) -> float:
        if trial.id > 3:
            raise ValueError("no licence")
        return 1.0

    with pytest.raises(InputError, match=r"last 5 .*crashed: ValueError: no licence.*retry"):
        run(campaign, broken, 40, thread)
    assert campaign.status().outcomes == {"ok": 3, "crashed": 5}
    # Another call counts its own failures.
    with pytest.raises(InputError, match="last 5"):
        run(campaign, broken, 40, thread)
    assert campaign.status().outcomes == {"ok": 3, "crashed": 10}
    assert campaign.retry([4]) == [4]
    assert campaign.retry() == list(range(5, 14))
    assert run(campaign, parabola, 13, thread).outcomes == {"ok": 13}
    history = campaign.history().set_index("id").sort_index()
    assert history["x"].tolist() == SPACE.random(13, 0)["x"].tolist()
    (earlier,) = json.loads(history.loc[4, "details"])["earlier"]
    assert (earlier["outcome"], earlier["error"]) == ("crashed", "ValueError: no licence")
    assert (campaign.runs / "0004" / "answer-1.json").exists()


def test_only_finished_rows_of_its_own_are_taken_back(campaign: Campaign) -> None:
    campaign.suggest()
    campaign.tell({"x": 0.5, "y": 1.0, "task": "other"})
    for id, rule in ((1, "row 1 is suggested"), (2, "of the task 'other'"), (9, "no such row")):
        with pytest.raises(InputError, match=rule):
            campaign.retry([id])
    assert campaign.retry() == []


def test_deaths_are_counted_by_each_driver_for_itself(campaign: Campaign, thread: Executor) -> None:
    campaign.suggest(1, asked_by="driver")
    with CampaignStore(campaign.path).writing() as step:
        step.update(1, deaths=2)

    def once(trial: Trial) -> float:
        if trial.folder.joinpath("died").exists():
            return 1.0
        trial.folder.joinpath("died").touch()
        raise EvaluationKilled("out of memory")

    assert run(campaign, once, 1, thread, attempts=3).outcomes == {"ok": 1}


def test_rows_that_are_asked_for_come_first_and_have_seeds_of_their_own(
    campaign: Campaign, thread: Executor
) -> None:
    run(campaign, parabola, 2, thread)
    best = campaign.status().best
    asked = campaign.ask(pd.concat([best] * 3))
    assert asked["id"].tolist() == [3, 4, 5]
    run(campaign, parabola, 6, thread)
    history = campaign.history()
    assert history["method"].tolist() == ["random"] * 2 + ["given"] * 3 + ["random"]
    assert history["x"][2:5].tolist() == [best["x"].iloc[0]] * 3
    assert history["random_state"].nunique() == 6
    assert history["x"][[0, 1, 5]].tolist() == SPACE.random(3, 0)["x"].tolist()
    for rows, rule in (([{"x": 2.0}], "x lies between"), ([{"z": 1}], "no column x")):
        with pytest.raises(InputError, match=rule):
            campaign.ask(rows)


def test_shared_workers_and_a_call_after_each_row(tmp_path: Path) -> None:
    seen: list[int] = []
    arms = [
        Campaign.create(tmp_path / f"{name}.db", SPACE, Y, method="random") for name in ("a", "b")
    ]
    with LocalWorkers(prepared, 1) as workers:
        for goal in (1, 3):
            for arm in arms:
                arm.run(
                    prepared,
                    evaluations=goal,
                    workers=workers,
                    each=lambda arm: seen.append(arm.status().finished),
                    progress=False,
                )
        with pytest.raises(InputError, match="what they were made for"):
            arms[0].run(parabola, evaluations=4, workers=workers, progress=False)
    assert seen == [1, 1, 2, 3, 2, 3]
    processes = {value for arm in arms for value in arm.history()["y"]}
    assert len(processes) == 1, "one worker has done it all"
    # Its start is booked once, with what `prepare` has cost.
    with CampaignStore(arms[0].path).reading() as step:
        assert step.spent()["workers"][1] > 0.2
    with CampaignStore(arms[1].path).reading() as step:
        assert "workers" not in step.spent()


def test_what_is_called_after_each_row_is_a_cost_of_the_campaign(
    campaign: Campaign, thread: Executor
) -> None:
    """Once: the looks at its file that it takes are among it."""

    def slow(same: Campaign) -> None:
        time.sleep(0.15)
        assert len(same.history())

    began = time.perf_counter()
    campaign.run(
        lambda _: 1.0, evaluations=2, workers=1, executor=thread, each=slow, progress=False
    )
    took = time.perf_counter() - began
    assert 0.3 <= campaign.status().driver_seconds <= took


def test_what_was_told_has_cost_the_driver_nothing(campaign: Campaign, thread: Executor) -> None:
    campaign.tell({"x": 0.5, "y": 1.0, "cpu_seconds": 1e6, "seconds": 1e6})
    status = run(campaign, lambda _: {"y": 1.0, "cpu_seconds": 3.0}, 2, thread)
    assert status.evaluation_cpu_seconds == 3.0
    assert status.evaluation_seconds < 10


class TestWhatIsLearned:
    def rows(self, outcome: str, bound: str = "") -> list[StoredRow]:
        values = [(0.1, "ok", 1.0, ""), (0.2, "ok", 2.0, ""), (0.3, outcome, 9.0, bound)]
        return [
            StoredRow(k, "", "random", {"x": x}, 0, "finished", "driver", place=k, outcome=o,
                      results={"y": {"value": v, "error": None, "bound": b}})
            for k, (x, o, v, b) in enumerate(values, start=1)
        ]  # fmt: skip

    def test_a_value_is_taken_back_by_its_outcome(self) -> None:
        seen = observations_of(self.rows("blow-up"), SPACE, (Y,))
        assert math.isnan(seen["y"].iloc[2])
        assert seen["outcome"].tolist() == ["ok", "ok", "blow-up"]
        seen = observations_of(self.rows("glassy", "below"), SPACE, (Y,))
        assert (seen["y"].iloc[2], seen["outcome"].iloc[2]) == (9.0, "ok")

    def test_and_is_never_the_best(self, campaign: Campaign) -> None:
        with CampaignStore(campaign.path).writing() as step:
            for row in self.rows("blow-up"):
                step.insert(**vars(row))
        assert campaign.status().best["y"].tolist() == [2.0]

    @pytest.mark.parametrize("outcome", FAULTS)
    def test_a_fault_of_the_machine_is_no_failure_of_the_row(self, outcome: str) -> None:
        told = pd.DataFrame({"x": [0.1, 0.5, 0.9], "outcome": ["ok", outcome, "ok"]})
        assert Success(SPACE, random_state=0).fit(told).process_ is None
        told = pd.DataFrame({"x": [0.1, 0.5, 0.9], "outcome": ["ok", outcome, "blow-up"]})
        found = Success(SPACE, random_state=0).fit(told)
        without = Success(SPACE, random_state=0).fit(told.drop(index=1))
        assert found.predict(told[["x"]]).tolist() == without.predict(told[["x"]]).tolist()

    def test_a_row_that_failed_for_no_reason_of_its_own_is_not_proposed_again(self) -> None:
        values = [(0.1, 1.0), (0.4, 2.0), (0.9, 1.0)]
        rows = [
            StoredRow(k, "", "random", {"x": x}, 0, "finished", "driver", place=k, outcome="ok",
                      results={"y": {"value": v, "error": 0.01, "bound": ""}})
            for k, (x, v) in enumerate(values, start=1)
        ]  # fmt: skip
        arguments = (1, SPACE, (Y,), "local penalisation", 0, 0)
        ((_, first),) = next_rows(rows, *arguments)
        died = StoredRow(
            4, "", "random", first, 0, "finished", "driver", place=4, outcome="crashed"
        )
        ((_, second),) = next_rows([*rows, died], *arguments)
        assert abs(first["x"] - second["x"]) > 0.01


def test_a_campaign_appears_with_its_prior_rows(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign.tell([{"x": 0.5, "y": 1.0}, {"x": 0.6, "y": 1.0}])
    seen: list[int] = []
    plain = campaign_store.os.link

    def link(part: Path, path: Path) -> None:
        plain(part, path)
        seen.append(Campaign.open(path).status().prior)

    monkeypatch.setattr(campaign_store.os, "link", link)
    Campaign.create(tmp_path / "d.db", SPACE, Y, method="random", prior=campaign)
    assert seen == [2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.db", "d.db"]
