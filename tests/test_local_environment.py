"""Environments against brute force over explicit images, and what they must not depend on."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.trajectory import Region, Trajectory
from leyden.errors import ArtefactError, InputError
from leyden.representations.local_environment import (
    EnvironmentBatch,
    Environments,
    LocalEnvironment,
)

ROOT = Path(__file__).resolve().parents[1]
WIDE = 30.0  # reach in angstrom: few atoms in a large cell have far neighbours
TOLERANCE = WIDE / 65535 / 2 + 1e-4  # half a step of the stored distances; float32 coordinates
TOY_SITES = np.array([[0.2, 0.27, 0.25], [0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def toy(frames: int = 12, seed: int = 0) -> Trajectory:
    rng = np.random.default_rng(seed)
    positions = 5.7 * TOY_SITES + rng.normal(0, 0.15, (frames, 5, 3))
    return Trajectory(positions, 5.7 * np.eye(3), ("Li", "S", "S", "S", "S"), 1.0, name="toy")


def brute_force(
    positions: np.ndarray, cell: np.ndarray, atom: int, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """All neighbours by explicit images: distances, and which atoms, the nearest m and more."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    mean = (m / len(positions) * abs(np.linalg.det(cell))) ** (1 / 3)
    frac = positions @ np.linalg.inv(cell)
    points = (frac - np.floor(frac)) @ cell
    widest = 2.0 * mean
    while True:
        reach = [range(-int(widest / h) - 2, int(widest / h) + 3) for h in heights]
        images = np.array(list(itertools.product(*reach)))
        vectors = points[None] + (images @ cell)[:, None] - points[atom]
        distances = np.linalg.norm(vectors, axis=2)
        distances[(images == 0).all(axis=1), atom] = np.inf  # itself
        atoms = np.broadcast_to(np.arange(len(points)), distances.shape)
        order = np.argsort(distances, axis=None)
        found = distances.ravel()[order]
        if found[m] < widest:  # all images up to here are there
            return found, atoms.ravel()[order]
        widest *= 1.5


@st.composite
def runs(draw: st.DrawFn) -> Trajectory:
    """A few frames in random triclinic cells, with a name of its own for each atom."""
    atoms, frames = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = np.diag(rng.uniform(2.5, 9, 3)) + rng.uniform(-2, 2, (frames, 3, 3))
    cells += 3 * np.eye(3)
    if draw(st.booleans()):
        cells = cells[:1]
    frac = rng.uniform(-2 if draw(st.booleans()) else 0, 1, (frames, atoms, 3))
    return Trajectory(frac @ cells, cells, tuple(f"{i:02d}" for i in range(atoms)), 1.0)


def hops(trajectory: Trajectory, frame: int, targets: list[int], m: int, k: int) -> list[list[int]]:
    """Atoms by their steps from a target, fewer than k."""
    found = [list(targets)]
    for _ in range(k - 1):
        newest: list[int] = []
        for atom in found[-1]:
            cell = trajectory.frame_cells[frame]
            near = brute_force(np.float64(trajectory.positions[frame]), cell, atom, m)[1][:m]
            known = set(itertools.chain(*found, newest))
            newest += [int(j) for j in dict.fromkeys(near) if j not in known]
        found.append(newest)
    return found


@given(runs(), st.integers(1, 24), st.integers(1, 3), st.data())
@settings(max_examples=30, deadline=None)
def test_neighbours_are_those_of_brute_force(
    trajectory: Trajectory, m: int, k: int, data: st.DataObject
) -> None:
    """Every row of the graph: its distances, its neighbours, and that no row lacks or is too many.

    Atoms have names of their own, so that the code of a node tells which atom it is.
    """
    targets = data.draw(st.permutations(range(trajectory.atoms)))[: data.draw(st.integers(1, 3))]
    environments = LocalEnvironment(m, k, WIDE).observe(trajectory, targets)
    frames = np.arange(len(trajectory))
    batch = environments.batch(frames)
    expected = [hops(trajectory, frame, list(targets), m, k) for frame in frames]
    nodes = [(f, a) for hop in range(k) for f in frames for a in expected[f][hop]]
    assert batch.within[-1] == len(nodes)
    assert list(batch.within) == [
        sum(len(found[hop]) for found in expected for hop in range(last + 1)) for last in range(k)
    ]
    for node, (frame, _) in enumerate(nodes):
        atom = int(batch.codes[node])
        distances, atoms = brute_force(
            np.float64(trajectory.positions[frame]), trajectory.frame_cells[frame], atom, m
        )
        assert np.abs(batch.distances[node] - distances[:m]).max() < TOLERANCE
        clear = np.diff(distances[: m + 1]) > 1e-3  # equal distances may come in any order
        told = np.r_[True, clear[:-1]] & clear
        assert (batch.codes[batch.neighbours[node]][told] == atoms[:m][told]).all()
        for other in batch.neighbours[node]:  # a node of the same frame, or a bare one
            assert other >= len(nodes) or nodes[other][0] == frame
            if other >= len(nodes):
                assert batch.codes[other] not in set(itertools.chain(*expected[frame]))
    assert (batch.codes[len(nodes) :] == np.arange(trajectory.atoms)).all()
    assert sorted(batch.codes[batch.targets].ravel()) == sorted([*targets] * len(frames))


@given(runs(), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_images_and_the_order_of_atoms_have_no_influence(trajectory: Trajectory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = trajectory.frame_cells
    whole = rng.integers(-3, 4, trajectory.positions.shape) @ cells
    order = rng.permutation(trajectory.atoms)
    moved = Trajectory(
        (trajectory.positions + whole)[:, order],
        trajectory.cells,
        tuple(trajectory.species[i] for i in order),
        1.0,
    )
    here = LocalEnvironment(12, 1, WIDE).observe(trajectory, np.arange(trajectory.atoms))
    there = LocalEnvironment(12, 1, WIDE).observe(moved, np.argsort(order))
    frames = np.arange(len(trajectory))
    one, other = here.batch(frames), there.batch(frames)
    np.testing.assert_allclose(one.distances, other.distances, atol=6e-4)
    assert (one.codes == other.codes).all()


def test_a_supercell_has_the_same_environments() -> None:
    small = toy()
    shifts = np.array(list(itertools.product((0, 1), repeat=3))) * 5.7
    large = Trajectory(
        (small.positions[:, None] + shifts[:, None]).reshape(len(small), 40, 3),
        11.4 * np.eye(3),
        small.species * 8,
        1.0,
    )
    one = LocalEnvironment(20, 1).observe(small, "Li").batch([3])
    other = LocalEnvironment(20, 1).observe(large, "Li").batch([3])
    assert other.distances.shape == (8, 20)
    np.testing.assert_allclose(other.distances, np.repeat(one.distances, 8, 0), atol=2.5e-4)
    assert (other.codes[other.neighbours] == one.codes[one.neighbours]).all()


def test_an_atom_alone_neighbours_its_own_images() -> None:
    cubic = Trajectory(np.zeros((1, 1, 3)), 4.0 * np.eye(3), ("Po",), 1.0)
    batch = LocalEnvironment(20, 2).observe(cubic, [0]).batch([0])
    expected = [4.0] * 6 + [4 * 2**0.5] * 12 + [4 * 3**0.5] * 2
    np.testing.assert_allclose(batch.distances[0], expected, atol=1.1e-4)
    assert (batch.neighbours == 0).all()  # itself, which has a row
    assert batch.within == (1, 1)


def test_atoms_in_one_place_are_neighbours_but_none_is_its_own() -> None:
    together = Trajectory(np.ones((1, 5, 3)), 10 * np.eye(3), tuple("ABCDE"), 1.0)
    batch = LocalEnvironment(4, 2).observe(together, [2]).batch([0])
    assert (batch.distances == 0).all()
    assert batch.codes[batch.neighbours[0]].tolist() == [0, 1, 3, 4]


def test_targets_of_several_atoms_and_of_a_region() -> None:
    run = toy()
    pairs = LocalEnvironment(6, 2).observe(run, [[1, 0], [4, 2]])
    assert len(pairs) == 24
    batch = pairs.batch([5, 2, 5])
    assert batch.targets.shape == (6, 2)
    assert batch.codes[batch.targets].tolist() == [[1, 0], [1, 1]] * 3
    assert batch.within[0] == 12
    slab = LocalEnvironment(6, 1).observe(run, Region("z", 1.0, 2.0, species="Li"))
    assert slab.targets.tolist() == [[0]]
    assert (slab.species, slab.time_step_ps, slab.neighbours) == (("Li", "S"), 1.0, 6)


def test_a_batch_is_its_frames_one_by_one() -> None:
    environments = LocalEnvironment(20, 2).observe(toy(), "Li")
    chosen = np.array([7, 0, 7, 11])
    batch = environments.batch(chosen)
    for place, frame in enumerate(chosen):
        one = environments.batch([frame])
        assert (batch.distances[place] == one.distances[0]).all()
        assert outline(batch, place) == outline(one, 0)
    with pytest.raises(InputError, match="frames are numbered from 0 to 11"):
        environments.batch([12])


def outline(batch: EnvironmentBatch, target: int) -> list[tuple[int, list[float]]]:
    """The neighbours of a target: their species, and the distances of those that have a row."""
    return [
        (
            int(batch.codes[node]),
            batch.distances[node].tolist() if node < batch.within[-1] else [],
        )
        for node in batch.neighbours[target]
    ]


def test_on_disk_as_in_memory(tmp_path: Path) -> None:
    run = toy(300).save(tmp_path / "run")
    kept = LocalEnvironment(20, 2).observe(run, "Li", store=tmp_path / "environments")
    again = Environments.open(tmp_path / "environments")
    memory = LocalEnvironment(20, 2).observe(toy(300), "Li")
    frames = np.arange(300)
    for one, two, three in zip(
        kept.batch(frames), again.batch(frames), memory.batch(frames), strict=True
    ):
        assert np.array_equal(one, two)
        assert np.array_equal(one, three)
    size = sum(file.stat().st_size for file in (tmp_path / "environments").iterdir())
    assert size / (300 * 5 * 20) < 6  # bytes an edge
    with pytest.raises(InputError, match="written into a new folder"):
        LocalEnvironment(20, 2).observe(run, "Li", store=tmp_path / "environments")
    with pytest.raises(ArtefactError, match="no store of environments"):
        Environments.open(tmp_path / "run")


def test_an_interrupted_build_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: Trajectory, frames: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        yield 0, self.positions[:3]
        raise KeyboardInterrupt

    run = toy()
    monkeypatch.setattr(Trajectory, "chunks", stopped)
    with pytest.raises(KeyboardInterrupt):
        LocalEnvironment(20, 2).observe(run, "Li", store=tmp_path / "environments")
    assert not list(tmp_path.iterdir())


def test_a_stride_and_a_window_see_the_same_frames() -> None:
    run = toy(40)
    whole = LocalEnvironment(20, 2).observe(run, "Li")
    part = LocalEnvironment(20, 2).observe(run.window(3, 40, 7), "Li")
    assert (part.frames, part.time_step_ps) == (6, 7.0)
    for one, other in zip(part.batch(np.arange(6)), whole.batch(np.arange(3, 40, 7)), strict=True):
        assert np.array_equal(one, other)


def test_more_atoms_than_a_short_number_counts() -> None:
    count = 70_000
    grid = np.stack(np.meshgrid(*[np.arange(42)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    run = Trajectory(grid[None] * 3.0, 126.0 * np.eye(3), ("A",) * (count - 1) + ("B",), 1.0)
    batch = LocalEnvironment(4, 1).observe(run, [count - 2]).batch([0])
    assert 1 in batch.codes[batch.neighbours[0]]  # the last atom, beyond 65,535
    np.testing.assert_allclose(batch.distances[0], 3.0, atol=1.1e-4)


def test_too_few_neighbours_within_reach() -> None:
    alone = Trajectory(np.zeros((2, 1, 3)), [20 * np.eye(3), 30 * np.eye(3)], ("Li",), 1.0)
    wide = LocalEnvironment(6, 1, reach_A=40.0).observe(alone, "Li")
    np.testing.assert_allclose(wide.batch([0, 1]).distances[:, 0], [20, 30], atol=4e-4)
    with pytest.raises(InputError, match=r"frame 1.*6 neighbours within 25 .*atom 0.*reach_A"):
        LocalEnvironment(6, 1, reach_A=25.0).observe(alone, "Li")


@pytest.mark.parametrize("wrong", [{"neighbours": 0}, {"convolutions": 0}, {"reach_A": -1.0}])
def test_settings_without_meaning(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="at least 1"):
        LocalEnvironment(**wrong)  # type: ignore[arg-type]


def streamed(*words: object) -> subprocess.CompletedProcess[str]:
    script = ROOT / "benchmarks" / "stream_environments.py"
    command = [sys.executable, script, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_streamed_environments_stay_within_a_limit_of_memory(tmp_path: Path) -> None:
    done = streamed("--quick", "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["environments"] >= 20_000
    assert "environments_streamed" not in told  # the claim is that of a larger file
    assert told["stream_peak_MB"] <= told["limit_MB"]
    assert not list(tmp_path.iterdir())


def test_a_trajectory_that_fits_in_memory_shows_nothing(tmp_path: Path) -> None:
    for words in (("--limit-MB", 601), ("--frames", 1000)):
        done = streamed(*words, "--folder", tmp_path)
        assert done.returncode == 2
        assert "the trajectory must be larger than the memory" in done.stderr
