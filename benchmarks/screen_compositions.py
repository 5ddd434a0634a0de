"""Screening of all 19,717,403,706 lithium compositions in 1 % steps; and other ways to screen.

    python benchmarks/screen_compositions.py [--every 1] [--threads N] [--score FILE.json]

Each part runs in a process of its own: the whole space with a score that is linear in nine element
properties, and with one that knows their standard deviations too, both with the criteria score,
neutrality over sets of oxidation states, molar mass, cost, rows, oxides, no radioactivity; then,
on a slice of choices of elements, the same with arrays (NumPy and pandas, one choice at a time),
and on a slice of candidates the same with pymatgen and smact, one candidate at a time.  What they
say of a slice must be what we say.  With `--every n` a part of the space is run, in n times as many
shards of which each n-th is taken, and seconds are multiplied.

The score is drawn by a seed, half of random mixtures on either side of its threshold; the weights
do not matter to the speed.  `--score` takes one that was learned.

Prints one JSON object.  Rates are candidates per second of one processor.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import os
import resource
import sys
import time
from dataclasses import replace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

__all__ = ["main", "measure"]

PROPERTIES = (
    "Number",
    "Column",
    "Row",
    "Electronegativity",
    "ElectronAffinity",
    "MeltingT",
    "FirstIonizationEnergy",
    "MolarVolume",
    "CovalentRadius",
)
MASS, COST, LAST_ROW = 40.0, 100.0, 4
CHOICES, CANDIDATES = 60, 2000
"""Size of the slices that the slower ways are given."""


def score(file: str | None, spread: bool) -> Any:
    """A score over all elements whose properties are known."""
    import numpy as np

    from leyden.data.formulas import ELEMENTS
    from leyden.representations import element_property
    from leyden.screening import ElementScore

    if file is not None:
        learned = ElementScore.load(file)
        return learned if spread else replace(learned, std_weights=None)
    rng = np.random.default_rng(0)
    table = np.stack([element_property(name)[1:94] for name in PROPERTIES], axis=1)
    known = np.isfinite(table).all(axis=1)
    table = (table - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)
    weights = rng.normal(size=(2, len(PROPERTIES)))
    elements = [symbol for symbol, told in zip(ELEMENTS[1:94], known, strict=True) if told]
    drawn = ElementScore(0.0, elements, table[known], weights[0], weights[1] if spread else None)
    some = [
        dict(zip(rng.choice(elements, 4, replace=False), rng.dirichlet(np.ones(4)), strict=True))
        for _ in range(2000)
    ]
    return replace(drawn, intercept=-float(np.median([drawn(mixture) for mixture in some])))


def job(file: str | None, spread: bool, threads: int | None, pieces: int = 128) -> Any:
    """The screening of the whole space."""
    from leyden.screening import (
        CompositionJob,
        Neutral,
        ScoreAbove,
        cost,
        molar_mass,
        not_radioactive,
        oxides,
        rows,
    )

    criteria = [
        ScoreAbove(),
        Neutral(),
        molar_mass(MASS),
        cost(COST),
        rows(LAST_ROW),
        oxides(),
        not_radioactive(),
    ]
    return CompositionJob(criteria, score(file, spread), pieces=pieces, threads=threads)


def screen(file: str | None, spread: bool, threads: int | None, every: int) -> dict[str, Any]:
    """Run the shards, and tell what they took."""
    from leyden.screening import CompositionSpace, fractions

    whole = job(file, spread, threads)
    began = time.perf_counter()
    small = CompositionSpace(elements=("O", "P", "S"), parts=6)
    type(whole)(whole.criteria, whole.score, small).run_all()  # compiles, or loads what was
    compiled = time.perf_counter() - began
    began = time.perf_counter()
    whole = job(file, spread, threads, 128 * every)
    made = time.perf_counter() - began
    shards = range(0, whole.shards(), every)
    began, used = time.perf_counter(), time.process_time()
    result = whole.run(shards[0])
    for shard in shards[1:]:
        result = whole.merge(result, whole.run(shard))
    seconds, used = time.perf_counter() - began, time.process_time() - used
    done = sum(map(whole.candidates, shards))
    scale = whole.space.total / done
    return {
        "seconds": made + seconds * scale,
        "cpu_seconds": used * scale,
        "candidates_per_cpu_second": done / used,
        "compile_or_load_seconds": compiled,
        "peak_MB": peak_MB(),
        "candidates": done,
        **fractions(result.counts),
        "counts": result.counts,
        "best": result.rows["formula"].head(5).tolist(),
    }


def with_arrays(file: str | None) -> dict[str, Any]:
    """The linear screening of a slice with arrays, and ours of the same slice."""
    import numpy as np
    import pandas as pd

    from leyden.screening import CompositionSpace
    from leyden.screening.element_data import element_data

    ours = job(file, False, 1)
    data, linear, symbols = element_data(), ours.score, ours.space.elements
    values = linear.properties @ linear.mean_weights + linear.intercept
    points = dict(zip(linear.elements, values, strict=True))
    rng = np.random.default_rng(1)
    choices = [tuple(rng.choice(symbols, 3, replace=False)) for _ in range(CHOICES)]
    grid = [p for p in itertools.product(range(1, 98), repeat=3) if sum(p) < 100]
    parts = np.array([(*p, 100 - sum(p)) for p in grid])
    states = data.oxidation_states["common"]
    began = time.process_time()
    counts = np.zeros(7, dtype=np.int64)
    for others in choices:
        system = [*others, "Li"]
        score_ = parts @ np.array([points.get(s, np.nan) for s in system])
        masses = np.array([data.molar_mass_g_per_mol[s] for s in system])
        prices = np.array([data.cost_usd_per_kg.get(s, np.nan) for s in system])
        neutral = np.zeros(len(parts), dtype=bool)
        for choice in itertools.product(*(states[s] for s in system)):
            neutral |= parts @ np.array(choice) == 0
        mass = parts @ masses
        table = pd.DataFrame(
            {
                "score": score_,
                "neutral": neutral,
                "mass": mass / 100,
                "cost": parts @ (masses * prices) / mass,
                "rows": all(data.row[s] <= LAST_ROW for s in system),
                "oxides": "O" in system,
                "stable": not data.radioactive & set(system),
            }
        )
        passed = pd.Series(True, index=table.index)
        tests = [
            table["score"] > 0,
            table["neutral"],
            table["mass"] <= MASS,
            table["cost"] <= COST,
            table["rows"],
            table["oxides"],
            table["stable"],
        ]
        for place, test in enumerate(tests):
            passed &= test
            counts[place] += passed.sum()
        table[passed].nlargest(1000, "score")
    arrays = time.process_time() - began
    found: Any = None
    for others in choices:
        space = CompositionSpace("Li", others, 100, (3,))
        one = type(ours)(ours.criteria, linear, space, pieces=1, threads=1)
        result = one.run(0)
        found = result if found is None else ours.merge(found, result)
    told = [count for name, count in found.counts.items() if name.startswith("after ")]
    if told != counts.tolist():
        raise SystemExit(f"arrays count {counts.tolist()}, and we {told}")
    rate = len(choices) * len(parts) / arrays
    return {"candidates_per_cpu_second": rate, "cpu_seconds": arrays}


def one_by_one(file: str | None) -> dict[str, Any]:
    """The linear screening of a slice with pymatgen and smact, one candidate at a time."""
    import warnings

    import numpy as np

    from leyden.screening import CompositionJob

    try:
        import smact
    except ImportError:
        return {"skipped": "smact is not installed"}
    warnings.simplefilter("ignore")
    from pymatgen.core import Composition, Element

    from leyden.screening.element_data import element_data

    ours = job(file, False, 1)
    linear, prices = ours.score, element_data().cost_usd_per_kg
    properties = dict(zip(linear.elements, linear.properties, strict=True))
    rng = np.random.default_rng(2)
    slice_ = []
    while len(slice_) < CANDIDATES:
        cut = np.sort(rng.choice(np.arange(1, 100), 3, replace=False))
        parts = np.diff([0, *cut, 100])
        others = rng.choice(ours.space.elements, 3, replace=False)
        slice_.append(dict(zip([*map(str, others), "Li"], parts.tolist(), strict=True)))
    began, passed = time.process_time(), []
    for amounts in slice_:
        candidate = Composition(amounts)
        elements = candidate.elements
        known = all(e.symbol in properties for e in elements)
        mean = sum(
            candidate.get_atomic_fraction(e) * properties.get(e.symbol, np.nan) for e in elements
        )
        value = linear.intercept + linear.mean_weights @ mean
        divisor = math.gcd(*amounts.values())  # smact takes coprime numbers only
        ratios = [(n // divisor,) for n in amounts.values()]
        neutral = any(
            smact.neutral_ratios(states, stoichs=ratios)
            for states in itertools.product(*(Element(s).common_oxidation_states for s in amounts))
        )
        price = sum(candidate.get_wt_fraction(e) * prices.get(e.symbol, np.nan) for e in elements)
        passed.append(
            [
                bool(known and value > 0),
                neutral,
                candidate.weight / candidate.num_atoms <= MASS,
                bool(price <= COST),
                all(e.row <= LAST_ROW for e in elements),
                Element("O") in candidate,
                not any(e.is_radioactive for e in elements),
            ]
        )
    seconds = time.process_time() - began
    plain = CompositionJob(ours.criteria, linear)
    for amounts, told in zip(slice_, passed, strict=True):
        shares = {symbol: n / 100 for symbol, n in amounts.items()}
        if plain.explain(shares)["passes"].tolist() != told:
            raise SystemExit(f"{amounts}: one by one {told}")
    return {"candidates_per_cpu_second": len(slice_) / seconds, "cpu_seconds": seconds}


def peak_MB() -> float:
    """Most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(every: int = 1, threads: int | None = None, score: str | None = None) -> dict[str, Any]:
    """The figures, under the names of the claims."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        linear = pool.apply(screen, (score, False, threads, every))
        spread = pool.apply(screen, (score, True, threads, every))
        arrays = pool.apply(with_arrays, (score,))
        single = pool.apply(one_by_one, (score,))
    rate = linear["candidates_per_cpu_second"]
    figures = {
        "screen_candidates": linear["candidates"],
        "extrapolated": every > 1,
        "screen_linear_seconds": linear["seconds"],
        "screen_std_seconds": spread["seconds"],
        "screen_peak_MB": max(linear["peak_MB"], spread["peak_MB"]),
        "screen_ratio_to_numpy": rate / arrays["candidates_per_cpu_second"],
        "screen_ratio_to_smact": None,
        "linear": linear,
        "std": spread,
        "numpy": arrays,
        "smact": single,
    }
    if "skipped" not in single:
        figures["screen_ratio_to_smact"] = rate / single["candidates_per_cpu_second"]
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="run each n-th shard only")
    parser.add_argument("--threads", type=int, help="default: all processors")
    parser.add_argument("--score", help="file of a score that was learned")
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
