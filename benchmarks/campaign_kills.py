"""A campaign whose driver and workers are killed without warning, again and again.

    python benchmarks/campaign_kills.py [--kills 20] [--evaluations 60] [--seed 0]

A few random rows, then proposals by local penalisation, so that kills fall into evaluations, into
the learning of a surrogate and into a driver that is only beginning. They come at random moments,
to the driver, to one of its two workers, or to both at once, as the dice fall.

Prints JSON: `lost_evaluations` (rows that were begun and have no value at the end, or another than
their parameters give), `doubled_evaluations` (rows with the parameters of another), and how much
work was done again because a kill came between its end and the keeping of its answer. Fails if the
campaign ended before the last kill, or if anything was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["evaluate", "main", "measure"]

SECONDS = 0.4
"""Of an evaluation; a tenth of them is spent after its work is noted."""
WORKERS = 2
INITIAL = 6


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


def drive(path: Path, evaluations: int) -> subprocess.Popen[bytes]:
    """A driver in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, "--drive", path, str(evaluations)])


def disturb(campaign: Any, kills: int, evaluations: int, dice: random.Random) -> dict[str, int]:
    """Kill and begin again, then let it end; how often what was killed, and the last status."""
    killed = {"driver": 0, "worker": 0, "both": 0, "while_proposing": 0}
    driver = drive(campaign.path, evaluations)
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
        if kind != "worker":
            os.kill(driver.pid, signal.SIGKILL)
            driver_proposes = bool(workers) and len(workers) < WORKERS
            killed["while_proposing"] += driver_proposes and status.finished >= INITIAL
        if kind != "driver":
            with suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
        killed[kind] += 1
        done += 1
        if kind != "worker":
            driver.wait()
            driver = drive(campaign.path, evaluations)
    return {**killed, "driver_status": driver.wait()}


def measure(kills: int, evaluations: int, seed: int) -> dict[str, Any]:
    """Kill, go on, and count at the end."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        campaign = new_campaign(Path(folder) / "campaign.db", seed)
        killed = disturb(campaign, kills, evaluations, random.Random(seed))
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
    in_all = killed["driver"] + killed["worker"] + killed["both"]
    return {
        "kills": in_all,
        "killed": killed,
        "ended_before_the_last_kill": in_all < kills,
        "evaluations": len(history),
        "methods": history["method"].value_counts().to_dict(),
        "lost_evaluations": right.count(False) + max(evaluations - len(history), 0),
        "left_over": at_end.suggested + at_end.running,
        "doubled_evaluations": int(history.duplicated(["a", "b"]).sum()),
        "outcomes": at_end.outcomes,
        "worked_out_again": sum(notes) - len(notes),
        "driver_ended_well": ended_well,
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drive", nargs=2, metavar=("CAMPAIGN", "EVALUATIONS"))
    given = parser.parse_args()
    if given.drive:
        from leyden.exploration import Campaign

        path, evaluations = given.drive
        Campaign.open(path).run(
            evaluate,
            evaluations=int(evaluations),
            workers=WORKERS,
            attempts=given.kills + 1,
            progress=False,
        )
        return
    found = measure(given.kills, given.evaluations, given.seed)
    print(json.dumps(found, indent=2))
    bad = ("ended_before_the_last_kill", "lost_evaluations", "doubled_evaluations", "left_over")
    sys.exit(any(found[name] for name in bad) or not found["driver_ended_well"])


if __name__ == "__main__":
    main()
