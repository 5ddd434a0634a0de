"""Log10 conductivity of OBELiX's training part: its authors' random forest beside ours.

    OMP_NUM_THREADS=1 python benchmarks/obelix_random_forest.py [--group composition_family]
        [--distance 0.05] [--repeats 3] [--arms NAME ...] [--checkpoint DIR] [--jobs 1]

The forest has the authors' features (atoms of each element in the cell, space group number, lattice
parameters), the settings that their repository names as best for all rows (50 trees, depth 36,
square root of the features, one row a leaf), and their code 1e-15 for values written <1E-10; a
second one is given the bound instead. Both run on the same folds as our arms, in one run. Prints
one JSON object: scores of every arm in both codings, one-sided, on measured rows, concordance;
ratios of MAE to either forest, with paired intervals; coverage of 90 % intervals.

F. Therrien et al., OBELiX, arXiv:2502.14234; github.com/NRC-Mila/OBELiX. The test rows of the
authors are not used.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import leyden as ly  # threads are set before it loads
from leyden.bounded_scores import bounded_coverage, bounded_scores, one_sided, recoded
from leyden.evaluation import Evaluation, plain
from leyden.studies.averages import with_averages
from leyden.studies.conductivity_arms import AVERAGE, FAMILY, conductivities, conductivity_arms
from leyden.studies.conductivity_forest import AT_BOUND, CODE, CODED, published_forests


def ratios(evaluation: Evaluation, data: ly.Dataset) -> dict[str, Any]:
    """MAE of every arm over that of either forest, in each way to score a bound."""
    ways = {
        "at_bound": evaluation,
        "at_code": recoded(evaluation, data, CODE),
        "one_sided": one_sided(evaluation, data),
    }
    found: dict[str, Any] = {}
    for way, scored in ways.items():
        for forest in (CODED, AT_BOUND):
            for one in scored.comparisons(forest):
                line = {"ratio": one.ratio, "interval": one.ratio_interval}
                found.setdefault(one.arm, {}).setdefault(way, {})[forest] = line
    return found


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", default=FAMILY)
    parser.add_argument("--distance", type=float, default=0.05, help="between families")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--arms", nargs="*", help="default: all")
    parser.add_argument("--checkpoint")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    data = conductivities(options.distance)
    arms = {**published_forests(), **conductivity_arms(options.group)}
    if options.arms is not None:
        arms = {name: arm for name, arm in arms.items() if name in {CODED, AT_BOUND, *options.arms}}
    evaluation = ly.evaluate(
        arms,
        data,
        ly.splits.GroupKFold(options.group, 5, options.repeats),
        reference=CODED,
        checkpoint=options.checkpoint,
        n_jobs=options.jobs,
        return_std=True,
    )
    evaluation = with_averages(evaluation, {"average": AVERAGE})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        scores = bounded_scores(evaluation, data, CODE)
    told = {
        "group": options.group,
        "distance": options.distance,
        "groups": data.groups[options.group].nunique(),
        "rows": len(data),
        "bounds": int(data.bounds.sum()),
        "split": evaluation.about["split"],
        "failures": evaluation.failures,
        "reservations": evaluation.reservations(),
        "scores": scores.drop(columns="target").round(4).to_dict("records"),
        "ratios": ratios(evaluation, data),
        "coverage_90": {arm: bounded_coverage(evaluation, data, arm) for arm in evaluation.arms},
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(plain(told), indent=1))


if __name__ == "__main__":
    main()
