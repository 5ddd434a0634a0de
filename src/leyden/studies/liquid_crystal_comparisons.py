"""The published tables of the study `liquid-crystals`: who is compared, and on which folds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leyden.artefact import writing
from leyden.evaluation import Evaluation
from leyden.hashing import content_hash, learning_code
from leyden.representations.depiction import Depiction
from leyden.splits import GroupKFold, KFold, LeaveOneOut
from leyden.studies.liquid_crystal_arms import (
    APART,
    CHAIN,
    CNN,
    MLP,
    NETWORKS,
    PATHS,
    SCRATCH,
    Effort,
    arm_name,
    classical,
    published_arms,
)
from leyden.studies.liquid_crystal_data import FEW, MIXED, Tables
from leyden.studies.liquid_crystal_scores import by_scaffold
from leyden.transfer import Strategy
from leyden.validation import evaluate

__all__ = ["BLURS", "ROTATED", "PublishedTables", "compare_published"]

BLURS = (0, 3, 5, 7, 9)
"""Kernels of table 5, in pixels; 0 is none."""

ROTATED = f"{CNN}, rotated"
_ROTATIONS = 8
_ROTATED_REPEATS = 10
_SELDOM = (arm_name(CNN, APART),)
"""On fewer repeats: a hundred fits more would take a quarter of an hour."""


@dataclass(frozen=True, eq=False)
class PublishedTables:
    """What came of the published tables.

    Attributes
    ----------
    mixed, scaffolds : mapping of str to Evaluation
        The tables of a few hundred rows: random folds, and scaffolds kept apart. Intervals of both
        are drawn by scaffold.
    controls : mapping of str to Evaluation
        The CNN taught by other molecules, beside it without transfer and with its chain, on the
        first repeats of the random folds.
    few : mapping of str to Evaluation
        Leave-one-out; a repeat is a seed of the networks, not a fold drawn anew.
    equality : Evaluation or None
        Published and faster schedules, arms ``"MLP"`` and ``"MLP, published"`` and so on.
    pictures : Evaluation
        Table 5: what a CNN looks at, on the smaller melting table.
    rotations : Evaluation
        Augmentation by rotation beside the upright drawings, on 230 clearing temperatures.
    minutes : mapping of str to float
        Processor time of one arm of a table (all repeats, sources too) spread over two cores, by
        name of the arm, on the faster schedule.
    """

    mixed: Mapping[str, Evaluation]
    controls: Mapping[str, Evaluation]
    scaffolds: Mapping[str, Evaluation]
    few: Mapping[str, Evaluation]
    equality: Evaluation | None
    pictures: Evaluation
    rotations: Evaluation
    minutes: Mapping[str, float]

    def of(self, table: str) -> Evaluation:
        """The published protocol of one of the four tables."""
        return self.few[table] if table in self.few else self.mixed[table]


def compare_published(
    tables: Tables, effort: Effort, folder: Path, *, jobs: int, progress: bool
) -> PublishedTables:
    """All published tables; finished folds are kept under `folder`."""
    options: dict[str, Any] = {"checkpoint": folder, "n_jobs": jobs, "progress": progress}
    mixed, controls, scaffolds = {}, {}, {}
    for name in MIXED:
        competing = _all_arms(name, tables, effort) | classical(effort.trees)
        dataset = effort.some(tables.cut[name])
        often = {arm: one for arm, one in competing.items() if arm not in _SELDOM}
        random = evaluate(often, dataset, KFold(effort.folds, effort.repeats), **options)
        mixed[name] = by_scaffold(random, dataset)
        seldom = {arm: competing[arm] for arm in (CNN, arm_name(CNN, CHAIN), *_SELDOM)}
        fewer = evaluate(seldom, dataset, KFold(effort.folds, effort.grouped), **options)
        controls[name] = by_scaffold(fewer, dataset)
        apart = GroupKFold("scaffold", effort.folds, effort.grouped)
        scaffolds[name] = evaluate(competing, dataset, apart, **options)
    return PublishedTables(
        mixed,
        controls,
        scaffolds,
        {name: _few(name, tables, effort, options) for name in FEW},
        _equality(tables, effort, options) if effort.equality else None,
        _pictures(tables, effort, options),
        _rotations(tables, effort, options),
        {arm: _minutes(arm, tables, effort, folder) for arm in _timed()},
    )


def _all_arms(name: str, tables: Tables, effort: Effort, **settings: Any) -> dict[str, Strategy]:
    return {
        arm: strategy
        for kind in NETWORKS
        for arm, strategy in published_arms(name, tables, effort, kind, **settings).items()
    }


def _few(name: str, tables: Tables, effort: Effort, options: Mapping[str, Any]) -> Evaluation:
    """Leave-one-out with several networks of each kind, and the classical arms once."""
    dataset = effort.some(tables.cut[name], rows=3)
    seeded: dict[str, Strategy] = {}
    for seed in range(effort.seeds):
        seeded |= _all_arms(name, tables, effort, seed=seed)
    found = evaluate(seeded | classical(effort.trees), dataset, LeaveOneOut(), **options)
    names = [arm_name(kind, path) for kind in NETWORKS for path in PATHS]
    return _seeds_as_repeats(found, names, effort.seeds)


def _seeds_as_repeats(found: Evaluation, names: list[str], seeds: int) -> Evaluation:
    """The same with the networks of one kind under one name, and classical arms in each repeat."""
    place = {f"{name}, seed {seed}": (name, seed) for name in names for seed in range(seeds)}
    rows, tasks = [], []
    for arm in found.arms:
        mine = found.rows[found.rows["arm"] == arm]
        done = [task for task in found.tasks if task["arm"] == arm]
        places = [place[arm]] if arm in place else [(arm, seed) for seed in range(seeds)]
        for name, repeat in places:
            rows.append(mine.assign(arm=name, repeat=repeat))
            tasks += [{**task, "arm": name, "repeat": repeat} for task in done]
    about = {
        **found.about,
        "reference": names[0],
        "transfers": sorted({place.get(arm, (arm, 0))[0] for arm in found.about["transfers"]}),
    }
    return Evaluation(pd.concat(rows, ignore_index=True), tasks, about)


def _equality(tables: Tables, effort: Effort, options: Mapping[str, Any]) -> Evaluation:
    """The published schedules and ours on the same folds, from scratch and along the chain."""
    paths = (SCRATCH, CHAIN)
    ours = _all_arms("clearing230", tables, effort, paths=paths)
    theirs = _all_arms("clearing230", tables, effort, paths=paths, schedule="published")
    competing = ours | {f"{name}, published": arm for name, arm in theirs.items()}
    split = KFold(effort.folds, effort.equality)
    dataset = effort.some(tables.cut["clearing230"])
    return by_scaffold(evaluate(competing, dataset, split, **options), dataset)


def _pictures(tables: Tables, effort: Effort, options: Mapping[str, Any]) -> Evaluation:
    """Blurred drawings and the other encoding, without transfer, as in table 5."""
    seen = {f"blur {size}" if size else "no blur": Depiction(blur=size) for size in BLURS}
    seen["chemception"] = Depiction("chemception")
    dataset = effort.some(tables.cut["melting39"], rows=3)
    if effort.is_quick:
        seen = {name: seen[name] for name in ("no blur", "blur 3", "chemception")}
    competing: dict[str, Strategy] = {}
    for name, depiction in seen.items():
        for seed in range(effort.seeds):
            (arm,) = published_arms(
                *("melting39", tables, effort, CNN),
                paths=(SCRATCH,),
                seed=seed,
                depiction=depiction,
            ).values()
            competing[f"{name}, seed {seed}"] = arm
    found = evaluate(competing, dataset, LeaveOneOut(), **options)
    return _seeds_as_repeats(found, list(seen), effort.seeds)


def _rotations(tables: Tables, effort: Effort, options: Mapping[str, Any]) -> Evaluation:
    """Every row looked at from a random one of several sides whenever it teaches."""
    upright, turned = (
        published_arms(
            *("clearing230", tables, effort, CNN),
            paths=(SCRATCH,),
            depiction=Depiction(rotations=rotations),
        )[CNN]
        for rotations in (1, 2 if effort.is_quick else _ROTATIONS)
    )
    split = KFold(effort.folds, min(effort.repeats, _ROTATED_REPEATS))
    dataset = effort.some(tables.cut["clearing230"])
    found = evaluate({CNN: upright, ROTATED: turned}, dataset, split, **options)
    return by_scaffold(found, dataset)


def _timed() -> tuple[str, ...]:
    return tuple(arm_name(kind, CHAIN) for kind in (CNN, MLP))


def _minutes(arm: str, tables: Tables, effort: Effort, folder: Path) -> float:
    """Minutes of a whole table on two cores, from one repeat whose networks nobody has learned.

    The first fold learns what all folds share; the others tell what each costs.
    """
    kind, dataset = arm.partition(",")[0], effort.some(tables.cut["clearing230"])
    key = content_hash(learning_code(), arm, effort, dataset)[:16]
    kept = folder / f"minutes-{key}.json"
    if kept.is_file():
        return float(json.loads(kept.read_text())["minutes"])
    unknown = time.time_ns() % 2**31  # with another seed, parts of it might be kept on disk
    fresh = published_arms("clearing230", tables, effort, kind, paths=(CHAIN,), seed=unknown)
    spent, began = time.process_time(), time.perf_counter()
    found = evaluate(fresh, dataset, KFold(effort.folds), progress=False)
    busy = (time.process_time() - spent) / (time.perf_counter() - began)
    first, *others = (task["seconds"] * busy for task in found.tasks)
    folds = effort.repeats * effort.folds
    minutes = (first + (folds - 1) * sum(others) / len(others)) / 2 / 60
    with writing(kept) as file:
        file.write(json.dumps({"arm": arm, "minutes": minutes}).encode())
    return minutes
