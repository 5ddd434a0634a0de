"""A campaign whose driver and workers are killed without warning, again and again.

    python benchmarks/campaign_kills.py [--kills 20] [--evaluations 120] [--seed 0]

Prints JSON: `lost_evaluations` (rows that were proposed and have no outcome at the end, or have
another than an undisturbed campaign gives them), `doubled_evaluations` (rows that count twice), and
how much work was done again because a kill came between its end and the keeping of its answer. A
kill comes at a random moment, to the driver or to one of its two workers, as the dice fall.
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
from pathlib import Path
from typing import Any

__all__ = ["evaluate", "main", "measure"]

SECONDS = 0.4
"""Of an evaluation; a tenth of them is spent after its work is noted."""


def evaluate(trial: Any) -> float:
    """A known function of two parameters, which notes each time that it was worked out."""
    time.sleep(0.9 * SECONDS)
    with (trial.folder / "notes").open("a") as notes:
        notes.write("x")
    time.sleep(0.1 * SECONDS)
    return math.sin(5 * float(trial["a"])) * float(trial["b"])


def new_campaign(path: Path, seed: int) -> Any:
    """Random rows: which they are does not depend on the order in which others finish."""
    from leyden.exploration.campaign import Campaign
    from leyden.exploration.search_space import Objective, Parameter, SearchSpace

    space = SearchSpace((Parameter("a", 0, 1), Parameter("b", 0, 2)))
    return Campaign.create(path, space, Objective("y"), method="random", random_state=seed)


def victims(campaign: Any, driver: subprocess.Popen[bytes]) -> list[int]:
    """The driver, and those of its workers that are at work."""
    status = campaign.status()
    workers = status.at_work["worker"] if status.driver == driver.pid else ()
    return [driver.pid, *sorted({int(name.split(":")[1]) for name in workers} - {driver.pid})]


def drive(path: Path, evaluations: int) -> subprocess.Popen[bytes]:
    """A driver in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, "--drive", path, str(evaluations)])


def measure(kills: int, evaluations: int, seed: int) -> dict[str, Any]:
    """Kill, go on, and count at the end."""
    dice = random.Random(seed)
    killed = {"driver": 0, "worker": 0}
    with tempfile.TemporaryDirectory() as folder:
        campaign = new_campaign(Path(folder) / "campaign.db", seed)
        driver = drive(campaign.path, evaluations)
        while sum(killed.values()) < kills and driver.poll() is None:
            kind = dice.choice(["driver", "worker"])
            early = kind == "driver" and dice.random() < 0.25  # while it begins
            while not early and driver.poll() is None and len(victims(campaign, driver)) == 1:
                time.sleep(0.05)
            time.sleep(dice.uniform(0.0, 3 * SECONDS))
            found = victims(campaign, driver)
            if driver.poll() is not None or (kind == "worker" and len(found) == 1):
                continue
            try:
                os.kill(found[0] if kind == "driver" else dice.choice(found[1:]), signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed[kind] += 1
            if kind == "driver":
                driver.wait()
                driver = drive(campaign.path, evaluations)
        status = driver.wait()
        history, at_end = campaign.history(), campaign.status()
        notes = [path.stat().st_size for path in campaign.runs.glob("*/notes")]
        expected = campaign.space.random(evaluations, seed)
    values = [math.sin(5 * a) * b for a, b in expected[["a", "b"]].to_numpy()]
    right = dict(zip(range(1, evaluations + 1), values, strict=True))
    found_values = dict(zip(history["id"], history["y"], strict=True))
    lost = [id for id, value in right.items() if found_values.get(id) != value]
    return {
        "kills": killed,
        "evaluations": evaluations,
        "lost_evaluations": len(lost) + at_end.suggested + at_end.running,
        "doubled_evaluations": len(history) - history["a"].nunique(),
        "outcomes": at_end.outcomes,
        "worked_out_again": sum(notes) - len(notes),
        "driver_ended_well": status == 0,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drive", nargs=2, metavar=("CAMPAIGN", "EVALUATIONS"))
    given = parser.parse_args()
    if given.drive:
        from leyden.exploration.campaign import Campaign

        path, evaluations = given.drive
        Campaign.open(path).run(evaluate, evaluations=int(evaluations), progress=False)
        return
    print(json.dumps(measure(given.kills, given.evaluations, given.seed), indent=2))


if __name__ == "__main__":
    main()
