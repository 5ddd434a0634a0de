"""How often the 95 % interval of a relaxation timescale covers the exact one, on Markov chains.

    OMP_NUM_THREADS=1 python benchmarks/timescale_coverage.py [--chains 150]

Prints one JSON object.  Each run is so many timescales long in total, over all of its atoms; its
slowest timescale is 20 frames, the lag is 4.  ``even``: two states of equal populations;
``uneven``: of populations 0.2 and 0.8; ``rare``: of 0.1 and 0.9; ``three``: three states in a row,
of which ``faster_coverage`` tells the faster relaxation.  ``compared``: the interval of
`leyden.dynamics.compared` instead, one atom; runs without a finite upper end, or with no interval,
are told apart, and are not among ``coverage_of_finite``.  ``together``: ten atoms that do not move
together, or share three in ten of their random numbers, or are five copies of two each, or ten of
one; here each atom has so many timescales.  ``compared`` and ``together`` are of half as many runs.
``median_ratio`` is that of the estimate and the exact timescale, 0 for the ``no_timescale`` part of
runs that show no decay that is slower than the lag, or no transition.  ``said_to_move_together``
and ``said_to_be_untested`` are the parts of runs with these warnings.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from scipy.linalg import expm

from leyden.dynamics.koopman import Kinetics
from leyden.dynamics.paired import compared

SLOWEST, LAG, SAMPLES, ATOMS = 20.0, 4, 300, 10
RATES = {
    "even": np.array([[-0.5, 0.5], [0.5, -0.5]]),
    "uneven": np.array([[-0.8, 0.8], [0.2, -0.2]]),
    "rare": np.array([[-0.9, 0.9], [0.1, -0.1]]),
    "three": np.array([[-1.0, 1.0, 0.0], [0.5, -1.5, 1.0], [0.0, 2.0, -2.0]]),
}
TOTALS = ((1, (10, 20, 40, 100)), (ATOMS, (20, 40, 100)))


def exact(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transition matrix of a frame, and the timescales in frames, slowest first."""
    values = np.sort(np.linalg.eigvals(rates).real)[-2::-1]
    scale = 1 / (SLOWEST * -values[0])
    return expm(rates * scale), -1 / (values * scale)


def chains(matrix: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """States of chains from equilibrium, from random numbers (T, ...)."""
    start = np.linalg.matrix_power(matrix, 2**20)[0].cumsum()[:-1]
    borders = matrix.cumsum(1)[:, :-1]
    states = np.empty(numbers.shape, np.int8)
    states[0] = (numbers[0][..., None] > start).sum(-1)
    for t in range(1, len(numbers)):
        states[t] = (numbers[t][..., None] > borders[states[t - 1]]).sum(-1)
    return states


def shared(generator: np.random.Generator, shape: tuple[int, int, int], how: str) -> np.ndarray:
    """Random numbers (T, runs, atoms) of atoms that do not, or do, move together."""
    numbers = generator.random(shape)
    if how == "copies":
        return np.repeat(numbers[..., :1], shape[2], axis=2)
    if how == "twins":
        half = shape[2] // 2
        return np.concatenate([numbers[..., :half]] * 2, axis=2)
    common = generator.random((*shape[:2], 1))
    return np.where(generator.random(shape) < (0.3 if how == "in part" else 0.0), common, numbers)


def covered(states: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    """What intervals of runs (T, runs, atoms) hold."""
    held, ratios, widths, flagged, untested = [], [], [], [], []
    for run in range(states.shape[1]):
        memberships = np.eye(len(truth) + 1)[states[:, run]]
        found = Kinetics(memberships, LAG, samples=SAMPLES, random_state=run).koopman()
        low, high = found.timescales_interval
        held.append((low <= truth) & (truth <= high))
        ratios.append(found.timescales_ps[0] / truth[0])
        widths.append(high[0] / max(low[0], 1e-9))
        flagged.append(any(told.startswith("atoms move together") for told in found.warnings))
        untested.append(any("too short to test" in told for told in found.warnings))
    part = np.mean(held, axis=0)
    told: dict[str, object] = {
        "coverage": round(float(part[0]), 3),
        "median_ratio": round(float(np.median(np.nan_to_num(ratios, posinf=np.inf))), 3),
        "no_timescale": round(float(1 - np.isfinite(ratios).mean()), 3),
        "median_high_by_low": round(float(np.median(widths)), 2),
    }
    if len(truth) > 1:
        told["faster_coverage"] = round(float(part[1]), 3)
    if states.shape[2] > 1:
        told["said_to_move_together"] = round(float(np.mean(flagged)), 3)
        told["said_to_be_untested"] = round(float(np.mean(untested)), 3)
    return told


def covered_by_comparison(states: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """What intervals of `compared` hold, of runs (T, runs, 1)."""
    ends = []
    for run in range(states.shape[1]):
        kinetics = Kinetics(np.eye(len(truth) + 1)[states[:, run]], LAG, samples=2)
        (found,) = compared(
            [kinetics], lambda one: one.timescales_ps[:1], positive=True, samples=SAMPLES
        )
        ends.append((found.low, found.high))
    low, high = np.array(ends).T
    held, finite = (low <= truth[0]) & (truth[0] <= high), np.isfinite(high)
    return {
        "coverage_of_finite": round(float(held[finite].mean()), 3) if finite.any() else 0.0,
        "no_upper_end": round(float(np.isinf(high).mean()), 3),
        "no_interval": round(float(np.isnan(high).mean()), 3),
    }


def main() -> None:
    """Run all, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=150)
    runs = parser.parse_args().chains
    began = time.process_time()
    alone: dict[str, dict[str, object]] = {}
    pairs: dict[str, dict[str, float]] = {}
    for name, rates in RATES.items():
        matrix, truth = exact(rates)
        for atoms, totals in TOTALS:
            for total in totals:
                frames = round(total * SLOWEST / atoms) + LAG
                generator = np.random.default_rng([total, atoms])
                states = chains(matrix, generator.random((frames, runs, atoms)))
                key = f"{name}, {total} timescales of {atoms} atom{'s'[: atoms > 1]}"
                alone[key] = covered(states, truth)
                if atoms == 1:
                    pairs[key] = covered_by_comparison(states[:, : runs // 2], truth)
    matrix, truth = exact(RATES["even"])
    bound: dict[str, dict[str, object]] = {}
    for how in ("not", "in part", "twins", "copies"):
        for total in (5, 10, 20, 40):
            generator = np.random.default_rng(total)
            shape = (round(total * SLOWEST) + LAG, runs // 2, ATOMS)
            states = chains(matrix, shared(generator, shape, how))
            bound[f"{how}, {total} timescales of each"] = covered(states, truth)
    seconds = round(time.process_time() - began, 1)
    result = {"chains": runs, "independent": alone, "compared": pairs, "together": bound}
    print(json.dumps({**result, "cpu_seconds": seconds}, indent=1))


if __name__ == "__main__":
    main()
