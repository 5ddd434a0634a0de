"""How often the interval of a conductivity covers the exact one, on three random walks.

    OMP_NUM_THREADS=1 python benchmarks/conductivity_coverage.py [--repeats 200]

Prints one JSON object.  ``independent``: eight cations and eight anions, each by itself.
``pairs``: half of them move as neutral pairs, which the Nernst-Einstein conductivity counts and the
collective one does not.  ``hops``: lithium on the sites of a sulfur lattice with given residence
times, and vibration, with a window in which hops outweigh it; else settings are the defaults.
``conductivity_coverage`` is the least part of runs, among systems and the two conductivities, whose
95 % interval holds the exact value.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np

from leyden.physics.ion_transport import nernst_einstein_conductivity_S_per_m
from leyden.physics.transport import Conductivity, conductivity
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

VOLUME_A3, TEMPERATURE_K, PAIRS, STEP_A = 1e4, 300.0, 8, 0.3


def sigma(ions: float, diffusion_A2_per_ps: float) -> float:
    """Conductivity of so many ions that move for themselves."""
    molar_volume = VOLUME_A3 * 1e-30 * 6.02214076e23
    diffusion = ions * diffusion_A2_per_ps * 1e-8
    return float(nernst_einstein_conductivity_S_per_m(TEMPERATURE_K, diffusion, 0, molar_volume))


def walks(repeats: int, frames: int, bound: int) -> Iterator[tuple[Conductivity, float, float]]:
    """Runs of ions, of which `bound` of each charge move as pairs; exact values."""
    rng = np.random.default_rng(bound)
    charges = np.repeat([1.0, -1.0], PAIRS)
    for _ in range(repeats):
        steps = rng.normal(0, STEP_A, (frames, 2 * PAIRS, 3))
        steps[:, PAIRS : PAIRS + bound] = steps[:, :bound]
        found = conductivity(steps.cumsum(axis=0), charges, 1.0, VOLUME_A3, TEMPERATURE_K)
        one = STEP_A**2 / 2
        yield found, sigma(2 * PAIRS, one), sigma(2 * (PAIRS - bound), one)


def hops(repeats: int, frames: int) -> Iterator[tuple[Conductivity, float, float]]:
    """Runs of hopping lithium, ten atoms; both exact values are the same."""
    model = KineticMonteCarlo(lithium=10)
    exact = sigma(10, model.diffusion_A2_per_ps)
    for seed in range(repeats):
        run = model.run(frames * 0.02, frame_ps=20.0, random_state=seed).trajectory
        places = run.positions[:, :10]
        charges = np.ones(10)
        options = {"window_ps": (40.0, 500.0)}
        yield conductivity(places, charges, 20.0, VOLUME_A3, TEMPERATURE_K, **options), exact, exact


def covered(runs: Iterator[tuple[Conductivity, float, float]]) -> dict[str, float]:
    """Parts of runs whose intervals hold the exact values, and how wide the intervals are."""
    single, collective, width, apart = [], [], [], []
    for found, exact_single, exact_collective in runs:
        single.append(found.nernst_einstein_S_per_m.covers(exact_single))
        collective.append(found.collective_S_per_m.covers(exact_collective))
        interval = found.collective_S_per_m
        width.append((interval.high - interval.low) / 2 / exact_collective)
        apart.append(interval.value / exact_collective - 1)
    return {
        "nernst_einstein_coverage": float(np.mean(single)),
        "collective_coverage": float(np.mean(collective)),
        "collective_half_width_of_exact": round(float(np.median(width)), 3),
        "collective_mean_error_of_exact": round(float(np.mean(apart)), 4),
    }


def main() -> None:
    """Run all three, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--frames", type=int, default=1000)
    options = parser.parse_args()
    began = time.process_time()
    systems = {
        "independent": covered(walks(options.repeats, options.frames, 0)),
        "pairs": covered(walks(options.repeats, options.frames, PAIRS // 2)),
        "hops": covered(hops(options.repeats, options.frames)),
    }
    parts = [v for found in systems.values() for k, v in found.items() if k.endswith("_coverage")]
    seconds = round(time.process_time() - began, 1)
    result = {"repeats": options.repeats, "frames": options.frames, "systems": systems}
    print(json.dumps({"conductivity_coverage": min(parts), **result, "cpu_seconds": seconds}))


if __name__ == "__main__":
    main()
