"""A campaign whose driver and workers are killed without warning, again and again.

A few random rows, then proposals by local penalisation, so that kills fall into evaluations, into
the learning of a surrogate and into a driver that is only beginning. They come at random moments,
to the driver, to one of its two workers, or to both at once, as the dice fall.

    python -m leyden.studies.campaign_kills CAMPAIGN EVALUATIONS ATTEMPTS

is such a driver.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leyden.artefact import writing
from leyden.hashing import code_of, content_hash

__all__ = ["Kills", "evaluate", "measure", "measured_once"]

SECONDS = 0.4
"""Of an evaluation; a tenth of them is spent after its work is noted."""
WORKERS = 2
INITIAL = 6


@dataclass(frozen=True)
class Kills:
    """What was killed, and what came of it.

    Attributes
    ----------
    driver, worker, both, while_proposing : int
        Kills of each kind; the last are among those of a driver.
    evaluations : int
        Rows at the end.
    lost : int
        Rows that were begun and have no value at the end, or another than their parameters give;
        and rows that were asked for and are not there.
    left_over : int
        Rows that still wait.
    doubled : int
        Rows with the parameters of another.
    worked_out_again : int
        Evaluations whose work was done twice, as a kill came between its end and the keeping of
        its answer.
    ended_well : bool
    """

    driver: int
    worker: int
    both: int
    while_proposing: int
    evaluations: int
    lost: int
    left_over: int
    doubled: int
    worked_out_again: int
    ended_well: bool

    @property
    def kills(self) -> int:
        """Of all kinds; fewer than were asked for where the campaign ended before."""
        return self.driver + self.worker + self.both

    @property
    def wrong(self) -> int:
        """Evaluations that are lost, doubled or left over."""
        return self.lost + self.doubled + self.left_over


def evaluate(trial: Any) -> float:
    """A known function of two parameters, which notes each time that it was worked out."""
    time.sleep(0.9 * SECONDS)
    with (trial.folder / "notes").open("a") as notes:
        notes.write("x")
    time.sleep(0.1 * SECONDS)
    return known(trial.parameters)


def known(parameters: Any) -> float:
    """What every evaluation of these parameters gives."""
    return math.sin(5 * float(parameters["a"])) * float(parameters["b"])


def new_campaign(path: Path, seed: int) -> Any:
    """Random rows first, then proposed ones."""
    from leyden.exploration import Campaign, Objective, Parameter, SearchSpace

    space = SearchSpace((Parameter("a", 0, 1), Parameter("b", 0, 2)))
    return Campaign.create(path, space, Objective("y"), initial=INITIAL, random_state=seed)


def workers_of(status: Any, driver: subprocess.Popen[bytes]) -> list[int]:
    """Processes of a driver that are at work."""
    names = status.at_work["worker"] if status.driver == driver.pid else ()
    return sorted({int(name.split(":")[1]) for name in names} - {driver.pid})


def drive(path: Path, evaluations: int, kills: int) -> subprocess.Popen[bytes]:
    """A driver in a process of its own."""
    words = [sys.executable, "-m", __name__, str(path), str(evaluations), str(kills + 1)]
    return subprocess.Popen(words)


def struck(process: int) -> bool:
    """Whether there was something to kill."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def disturb(
    campaign: Any,
    kills: int,
    evaluations: int,
    dice: random.Random,
    tell: Callable[[int], object] = lambda done: None,
) -> dict[str, int]:
    """Kill and begin again, then let it end; how often what was killed, and the last status.

    A kill counts for what it has hit: a driver that ended by itself just before was not killed.
    """
    killed = {"driver": 0, "worker": 0, "both": 0, "while_proposing": 0}
    driver = drive(campaign.path, evaluations, kills)
    done = 0
    while done < kills and driver.poll() is None:
        kind = dice.choice(["driver", "worker", "both"])
        early = kind == "driver" and dice.random() < 0.25  # while it begins
        while not early and driver.poll() is None and not workers_of(campaign.status(), driver):
            time.sleep(0.05)
        time.sleep(dice.uniform(0.0, 3 * SECONDS))
        status = campaign.status()
        workers = workers_of(status, driver)
        if driver.poll() is not None or (kind != "driver" and not workers):
            continue
        proposing = bool(workers) and len(workers) < WORKERS and status.finished >= INITIAL
        hit_worker = kind != "driver" and struck(dice.choice(workers))
        hit_driver = False
        if kind != "worker":
            driver.send_signal(signal.SIGKILL)
            hit_driver = driver.wait() == -signal.SIGKILL
        if not (hit_worker or hit_driver):
            continue
        hit = "both" if hit_worker and hit_driver else "driver" if hit_driver else "worker"
        killed[hit] += 1
        killed["while_proposing"] += hit_driver and proposing
        done += 1
        tell(done)
        if hit_driver:
            driver = drive(campaign.path, evaluations, kills)
    return {**killed, "driver_status": driver.wait()}


def measure(kills: int, evaluations: int, seed: int, *, progress: bool = False) -> Kills:
    """Kill, go on, and count at the end.

    Raises
    ------
    MissingExtraError
        The extra ``bo`` is not installed: no driver could propose.
    """
    from leyden.exploration import botorch_parts  # noqa: F401
    from leyden.exploration.progress import progress_bar

    with (
        progress_bar("kills", kills, progress) as tell,
        tempfile.TemporaryDirectory() as folder,
    ):
        campaign = new_campaign(Path(folder) / "campaign.db", seed)
        killed = disturb(campaign, kills, evaluations, random.Random(seed), tell)
        ended_well = killed.pop("driver_status") == 0
        history, at_end = campaign.history(), campaign.status()
        notes = [path.stat().st_size for path in campaign.runs.glob("*/notes")]
        begun = [json.loads(path.read_text()) for path in campaign.runs.glob("*/trial.json")]
    rows = {row["id"]: row for row in history.to_dict("records")}
    right = [
        each["id"] in rows
        and all(rows[each["id"]][name] == value for name, value in each["parameters"].items())
        and rows[each["id"]]["y"] == known(each["parameters"])
        for each in begun
    ]
    return Kills(
        **killed,
        evaluations=len(history),
        lost=right.count(False) + max(evaluations - len(history), 0),
        left_over=at_end.suggested + at_end.running,
        doubled=int(history.duplicated(["a", "b"]).sum()),
        worked_out_again=sum(notes) - len(notes),
        ended_well=ended_well,
    )


def measured_once(
    folder: Path, kills: int, evaluations: int, seed: int = 0, *, progress: bool = False
) -> Kills:
    """`measure`, kept in a folder under the code that it is of.

    What did not come to a good end, or to all of its kills, is not kept: whatever was to blame for
    that may be gone the next time.
    """
    code = code_of("exploration", "studies/campaign_kills.py", "worker_processes.py")
    kept = folder / f"kills-{content_hash(code, kills, evaluations, seed)[:12]}.json"
    if kept.is_file():
        return Kills(**json.loads(kept.read_text()))
    found = measure(kills, evaluations, seed, progress=progress)
    if found.ended_well and found.kills == kills:
        with writing(kept) as file:
            file.write(json.dumps(asdict(found), indent=1).encode())
    return found


def _drive(path: str, evaluations: str, attempts: str) -> None:
    """Run the campaign to its end, with the function of the module as workers know it."""
    from leyden.exploration import Campaign
    from leyden.studies import campaign_kills

    Campaign.open(path).run(
        campaign_kills.evaluate,
        evaluations=int(evaluations),
        workers=WORKERS,
        attempts=int(attempts),
        progress=False,
    )


if __name__ == "__main__":
    _drive(*sys.argv[1:])
