"""The benchmark of training runs, and what makes training fast changes no bit of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.dynamics.bond_kinds import bond_kinds

ROOT = Path(__file__).resolve().parents[1]


@settings(max_examples=30)
@given(
    rows=st.integers(1, 20),
    width=st.integers(1, 6),
    species=st.integers(1, 4),
    reach=st.floats(0.01, 12.0),
    seed=st.integers(0, 2**16),
)
def test_kinds_of_bonds_are_those_of_plain_arrays(
    rows: int, width: int, species: int, reach: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    codes = np.concatenate([generator.integers(species, size=rows), np.arange(species)])
    neighbours = generator.integers(len(codes), size=(rows, width))
    distances = np.sort(generator.random((rows, width)) * reach, axis=1).astype(np.float32)
    near, far, step, counts, of_bonds = bond_kinds(codes, neighbours, distances, species, 10_000)
    steps = np.minimum((distances / np.float32(1e-3) + np.float32(0.5)).astype(int), 10_000)
    bonds = [np.broadcast_to(codes[:rows, None], (rows, width)), codes[neighbours], steps]
    table = np.stack(bonds, axis=2).reshape(-1, 3)
    kinds, number, met = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(np.stack([near, far, step], axis=1), kinds)
    np.testing.assert_array_equal(of_bonds.ravel(), number.ravel())
    np.testing.assert_array_equal(counts, met.astype(np.float32))
    assert (counts.dtype, of_bonds.dtype) == (np.float32, np.int64)


def test_the_benchmark_compares_equal_networks() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "speed_dynamics.py", "--quick"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["largest_difference"] < 1e-5
    speeds = told["environments_per_second"]
    assert set(speeds) == {"ours", "original", "deeptime", "deeptime_same_lobe"}
    for arm in ("original", "deeptime", "deeptime_same_lobe"):
        name = "original_path" if arm == "original" else arm
        ratio = speeds["ours"] / speeds[arm]
        assert told[f"speed_ratio_to_{name}"] == pytest.approx(ratio)
