"""What batches cost in evaluations: one row after the other, or four at once by two methods.

    OMP_NUM_THREADS=1 python benchmarks/batch_proposals.py KEPT [--repeats 20]

Prints one JSON object.  Functions of five parameters stand for a simulator, with noise: a hill on
two parameters with slopes on two more (`hill`), and the sixth-dimensional function of Hartmann at
the best value of its last parameter (`hartmann`), which has several tops.  A campaign has 8 random
rows, the same for all methods, and ends with the batch in which the function itself comes to a
stated part of the way from its median to its top: 0.95 of the hill, 0.7 of Hartmann's.  Evaluations
to get there are compared repeat by repeat; a ratio is that of medians, with a 95 % interval by
bootstrap over repeats.  One that does not get there in 64 counts as more than any.  KEPT is a
folder in which finished campaigns are kept, so that a killed benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from leyden.exploration.needed import ratio_of_medians
from leyden.exploration.replay import Emulator, Truth, evaluations_to_reach, replay
from leyden.exploration.search_space import Objective, Parameter, SearchSpace

SPACE = SearchSpace(tuple(Parameter(f"x{place}", 0.0, 1.0) for place in range(1, 6)))
GOAL = Objective("y")
INITIAL, MOST, BATCH = 8, 64, 4
ARMS = {
    "sequential": ("local penalisation", 1),
    "local penalisation": ("local penalisation", BATCH),
    "joint batch": ("joint batch", BATCH),
}

_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_SLOPES = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_CENTRES = np.array(
    [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
)


def hill(rows: pd.DataFrame) -> np.ndarray:
    """Top 1.5 at (0.7, 0.4, 0.3, 0.6), whatever the fifth parameter."""
    x = rows.to_numpy(float)
    top = 1.5 * np.exp(-((x[:, 0] - 0.7) ** 2) / 0.15 - (x[:, 1] - 0.4) ** 2 / 0.2)
    return np.asarray(top - 0.8 * (x[:, 2] - 0.3) ** 2 - 0.5 * (x[:, 3] - 0.6) ** 2)


def hartmann(rows: pd.DataFrame) -> np.ndarray:
    """Top 3.3224; the sixth parameter is 0.6573."""
    x = np.column_stack([rows.to_numpy(float), np.full(len(rows), 0.6573)])
    apart = (_SLOPES * (x[:, None] - _CENTRES) ** 2).sum(axis=2)
    return np.asarray(np.exp(-apart) @ _WEIGHTS)


#: Function, its top, noise, part of the way that is asked for.
FUNCTIONS: dict[str, tuple[Truth, float, float, float]] = {
    "hill": (hill, 1.5, 0.06, 0.95),
    "hartmann": (hartmann, 3.3224, 0.1, 0.7),
}


def noisy(truth: Truth, noise: float) -> Emulator:
    """An emulator whose rows know the size of their noise."""

    def told(rows: pd.DataFrame, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        return truth(rows) + generator.normal(0.0, noise, len(rows)), np.full(len(rows), noise)

    return told


def evaluations(name: str, arm: str, repeats: int, folder: Path) -> tuple[float, pd.Series]:
    """The value asked for, and evaluations to reach it by repeat."""
    truth, top, noise, part = FUNCTIONS[name]
    median = float(np.median(truth(SPACE.sobol(4096, 0))))
    value = median + part * (top - median)
    method, batch = ARMS[arm]
    curves = replay(
        SPACE,
        GOAL,
        noisy(truth, noise),
        [method],
        initial=INITIAL,
        evaluations=MOST,
        batch=batch,
        repeats=repeats,
        random_state=20261122,
        truth=truth,
        until=[value] * repeats,
        file=folder / f"{name}-{arm.replace(' ', '-')}.jsonl",
    )
    return value, evaluations_to_reach(curves, GOAL, value)[method]


def ratio(batch: np.ndarray, sequential: np.ndarray) -> list[float]:
    """Of medians, with the ends of its 95 % interval."""
    return [round(number, 3) for number in ratio_of_medians(batch, sequential, MOST)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kept", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--functions", nargs="+", choices=FUNCTIONS, default=list(FUNCTIONS))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    options = parser.parse_args()
    options.kept.mkdir(parents=True, exist_ok=True)
    told = {}
    for name in options.functions:
        needed = {}
        for arm in options.arms:
            value, needed[arm] = evaluations(name, arm, options.repeats, options.kept)
            print(name, arm, needed[arm].tolist(), file=sys.stderr, flush=True)
        told[name] = {
            "value": round(value, 4),
            "medians": {arm: float(series.median()) for arm, series in needed.items()},
            "not_reached": {arm: int(np.isinf(series).sum()) for arm, series in needed.items()},
            "ratio_to_sequential": {
                arm: ratio(series.to_numpy(), needed["sequential"].to_numpy())
                for arm, series in needed.items()
                if arm != "sequential" and "sequential" in needed
            },
        }
    print(json.dumps({"repeats": options.repeats, "functions": told}, indent=2))


if __name__ == "__main__":
    main()
