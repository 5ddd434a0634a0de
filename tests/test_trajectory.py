"""Trajectories in memory, on disk and from files: one run, written in every way, reads the same."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.array_folder import ArrayWriter
from leyden.data.trajectory import Region, Trajectory
from leyden.data.trajectory_files import read_trajectory
from leyden.data.trajectory_paths import paths
from leyden.data.unwrapping import Unwrapping
from leyden.errors import ArtefactError, InputError

FRAMES, ATOMS = 30, 12
CELL = np.array([[10.0, 0, 0], [3, 9, 0], [-2, 1.5, 11]])
NAMES = ("Li", "Li", "Li") + ("Cl",) * 9


class Run:
    """A walk in a triclinic cell that grows, if it shall, with all ways to write its places."""

    def __init__(self, growth: float = 0.0) -> None:
        rng = np.random.default_rng(7)
        scale = 1 + growth * np.arange(FRAMES)
        self.cells = CELL * scale[:, None, None]
        steps = rng.normal(0, 0.04, (FRAMES, ATOMS, 3))
        steps[0] = rng.random((ATOMS, 3))
        self.frac = np.cumsum(steps, axis=0)  # the first frame lies in the cell
        self.images = np.floor(self.frac)
        self.unwrapped = self.frac @ self.cells
        self.wrapped = (self.frac - self.images) @ self.cells
        assert self.images.any()  # some atoms do leave it


def lammps(
    path: Path,
    run: Run,
    form: str,
    *,
    extra: str = "",
    origin: float = 0.0,
    shuffled: bool = True,
    opener: Callable[..., object] = open,
) -> Path:
    """A dump whose columns are `form`, its atoms in any order, its box with the corner `origin`."""
    rng = np.random.default_rng(0)
    places = {
        "xu yu zu": run.unwrapped + origin,
        "x y z": run.wrapped + origin,
        "xs ys zs": run.frac - run.images,
        "xsu ysu zsu": run.frac,
    }
    places["x y z ix iy iz"] = places["x y z"]
    with opener(path, "wt") as file:  # type: ignore[attr-defined]
        for t in range(FRAMES):
            (lx, _, _), (xy, ly, _), (xz, yz, lz) = run.cells[t]
            file.write(
                f"{extra.format(time=2.0 * t)}ITEM: TIMESTEP\n{500 * t}\n"
                f"ITEM: NUMBER OF ATOMS\n{ATOMS}\nITEM: BOX BOUNDS xy xz yz pp pp pp\n"
            )
            low = origin + min(0, xy, xz, xy + xz)
            high = origin + lx + max(0, xy, xz, xy + xz)
            file.write(f"{low:.12g} {high:.12g} {xy:.12g}\n")
            file.write(
                f"{origin + min(0, yz):.12g} {origin + ly + max(0, yz):.12g} {xz:.12g}\n"
                f"{origin:.12g} {origin + lz:.12g} {yz:.12g}\nITEM: ATOMS id type q mol {form}\n"
            )
            for i in rng.permutation(ATOMS) if shuffled else range(ATOMS):
                kind = 1 if NAMES[i] == "Li" else 2
                words = [f"{x:.9f}" for x in places[form][t, i]]
                if form.endswith("iz"):
                    words += [f"{n:.0f}" for n in run.images[t, i]]
                file.write(f"{i + 10} {kind} {1 - 0.5 * i} {i // 3} {' '.join(words)}\n")
    return path


def dcd(path: Path, positions: np.ndarray, cells: np.ndarray | None, **header: float) -> Path:
    from MDAnalysis.lib.formats.libdcd import DCDFile
    from MDAnalysis.lib.mdamath import triclinic_box

    atoms = positions.shape[1]
    header = {"istart": 0, "nsavc": 100, "delta": 0.02, **header}
    with DCDFile(str(path), "w") as file:
        file.write_header(remarks="", natoms=atoms, is_periodic=int(cells is not None), **header)
        for t, frame in enumerate(positions):
            cell = np.zeros((3, 3)) if cells is None else cells[t]
            a, b, c, alpha, beta, gamma = triclinic_box(*cell.astype(np.float32))
            file.write(frame.astype(np.float32), np.float64([a, gamma, b, beta, alpha, c]))
    return path


def xtc(path: Path, positions: np.ndarray, cells: np.ndarray, times: np.ndarray) -> Path:
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    with XTCFile(str(path), "w") as file:
        for t, frame in enumerate(positions):
            file.write(
                (frame / 10).astype(np.float32),
                (cells[t] / 10).astype(np.float32),
                t,
                times[t],
                1e5,
            )
    return path


def xyz(path: Path, positions: np.ndarray, cells: np.ndarray) -> Path:
    frames = [
        ase.Atoms(NAMES, positions=frame, cell=cell, pbc=True)
        for frame, cell in zip(positions, cells, strict=True)
    ]
    ase.io.write(path, frames, format="extxyz")
    return path


def walk(frames: int = 20, atoms: int = 6) -> Trajectory:
    rng = np.random.default_rng(3)
    positions = np.cumsum(rng.normal(0, 0.2, (frames, atoms, 3)), axis=0)
    positions += np.linspace(0.5, 9.5, atoms)[:, None]
    return Trajectory(positions, 10 * np.eye(3), ("Li", "Li", *["O"] * (atoms - 2)), 0.5)


# ------------------------------------------------------------------------------- in every format


@pytest.mark.parametrize("growth", [0.0, 0.004])
@pytest.mark.parametrize("form", ["xu yu zu", "x y z", "x y z ix iy iz", "xs ys zs", "xsu ysu zsu"])
def test_lammps_dumps(tmp_path: Path, form: str, growth: float) -> None:
    run = Run(growth)
    path = lammps(tmp_path / "run.lammpstrj", run, form, origin=-4.0)
    read = read_trajectory(path, time_step_ps=2, species={1: "Li", 2: "Cl"})
    assert np.allclose(read.positions, run.unwrapped - 4.0, atol=1e-4)
    assert np.allclose(read.cells, run.cells if growth else CELL)
    assert len(read.cells) == (FRAMES if growth else 1)
    assert (read.species, read.time_step_ps, read.name) == (NAMES, 2.0, "run.lammpstrj")
    assert read.charges is not None
    assert read.charges.tolist() == [1 - 0.5 * i for i in range(ATOMS)]
    assert read.molecules is not None
    assert read.molecules.tolist() == [i // 3 for i in range(ATOMS)]


@pytest.mark.parametrize("wrapped", [True, False])
def test_dcd_xtc_and_extended_xyz(tmp_path: Path, wrapped: bool) -> None:
    run = Run(0.004)
    given = run.wrapped if wrapped else run.unwrapped
    times = 5.0 + 2.5 * np.arange(FRAMES)
    paths = {
        dcd(tmp_path / "a.dcd", given, run.cells): 100 * 0.02 * 0.04888821,
        xtc(tmp_path / "a.xtc", given, run.cells, times): 2.5,
        xyz(tmp_path / "a.xyz", given, run.cells): None,
    }
    for path, step in paths.items():
        species = None if path.suffix == ".xyz" else NAMES
        read = read_trajectory(path, species=species, time_step_ps=None if step else 3.0)
        assert np.abs(read.positions - run.unwrapped).max() < 2e-4, path
        assert np.abs(read.cells - run.cells).max() < 1e-4, path
        assert read.species == NAMES
        assert read.time_step_ps == pytest.approx(step or 3.0, rel=1e-4)


def test_no_file_is_written_beside_the_users(tmp_path: Path) -> None:
    run = Run()
    path = xtc(tmp_path / "a.xtc", run.wrapped, run.cells, np.arange(FRAMES) * 1.0)
    read_trajectory(path, species=NAMES)
    assert list(tmp_path.iterdir()) == [path]


def test_units_and_times_of_lammps(tmp_path: Path) -> None:
    run = Run()
    timed = "ITEM: UNITS\nreal\nITEM: TIME\n{time}\n"
    path = lammps(tmp_path / "t.dump", run, "xu yu zu", extra=timed)
    read = read_trajectory(path)
    assert read.time_step_ps == pytest.approx(0.002)  # 2 fs
    assert set(read.species) == {"1", "2"}
    assert read_trajectory(path, time_step_ps=0.1).time_step_ps == 0.1
    reduced = lammps(tmp_path / "lj.dump", run, "xu yu zu")
    twice = read_trajectory(reduced, time_step_ps=1, units=2.0)
    assert np.allclose(twice.positions, 2 * run.unwrapped, atol=1e-4)
    assert np.allclose(twice.cells, 2 * CELL)
    nano = read_trajectory(reduced, time_step_ps=1, units="nano")
    assert np.allclose(nano.positions, 10 * run.unwrapped, atol=1e-3)


def test_gzipped_text(tmp_path: Path) -> None:
    run = Run()
    path = lammps(tmp_path / "a.dump.gz", run, "x y z", opener=gzip.open)
    assert np.allclose(read_trajectory(path, time_step_ps=1).positions, run.unwrapped, atol=1e-4)


def test_names_of_beads_in_extended_xyz(tmp_path: Path) -> None:
    path = tmp_path / "beads.extxyz"
    path.write_text(
        '2\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:charges:R:1:pos:R:3\n'
        "EO 0 1 2 3\nanion -1 4 5 6\n"
    )
    read = read_trajectory(path, time_step_ps=4)
    assert read.species == ("EO", "anion")
    assert read.positions.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert read.charges is not None
    assert read.charges.tolist() == [0, -1]


def test_topologies(tmp_path: Path) -> None:
    run = Run()
    data = tmp_path / "system.data"
    atoms = "".join(f"{i + 1} {i // 3 + 1} {1 + (i > 2)} {0.1 * i:.1f} 0 0 0\n" for i in range(12))
    data.write_text(
        "LAMMPS\n\n12 atoms\n2 atom types\n\n0 10 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n\n"
        f"Masses\n\n1 6.9\n2 35.4\n\nAtoms # full\n\n{atoms}\n"
    )
    path = dcd(tmp_path / "a.dcd", run.wrapped, run.cells)
    read = read_trajectory(path, data, species={"1": "Li", "2": "Cl"})
    assert read.species == NAMES
    assert read.charges is not None
    assert read.charges[11] == pytest.approx(1.1)
    assert read.molecules is not None
    assert len(set(read.molecules)) == 4


def test_a_cell_given_for_a_file_without_one(tmp_path: Path) -> None:
    run = Run()
    path = dcd(tmp_path / "a.dcd", run.wrapped, None)
    read = read_trajectory(path, species=NAMES, cell=CELL)
    assert np.allclose(read.positions, run.unwrapped, atol=1e-4)
    assert np.allclose(read.cells, CELL)


# ------------------------------------------------------------------------------------- unwrapping


@given(st.integers(0, 2**32), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_unwrapping_gives_back_what_was_wrapped(seed: int, block: int) -> None:
    """In cells of any shape that change from frame to frame, in blocks of any size."""
    rng = np.random.default_rng(seed)
    cells = 8 * np.eye(3) + rng.uniform(-2, 2, (3, 3)) + rng.normal(0, 0.02, (25, 3, 3))
    steps = rng.uniform(-0.39, 0.39, (25, 4, 3))
    steps[0] = rng.random((4, 3))
    frac = np.cumsum(steps, axis=0)
    wrapped = (frac - np.floor(frac)) @ cells
    unwrapping = Unwrapping(True)
    parts = [
        unwrapping.block(wrapped[i : i + block], cells[i : i + block]) for i in range(0, 25, block)
    ]
    unwrapping.finish(np.array(["Li"] * 4))
    np.testing.assert_allclose(np.concatenate(parts), frac @ cells, atol=1e-9)


def test_unwrapping_what_is_unwrapped_changes_nothing(tmp_path: Path) -> None:
    run = Run()
    path = lammps(tmp_path / "a.dump", run, "xu yu zu")
    for wrapped in (True, False, "auto"):
        read = read_trajectory(path, time_step_ps=1, wrapped=wrapped)
        assert np.allclose(read.positions, run.unwrapped, atol=1e-4)


def test_far_hops_of_unwrapped_atoms_are_let_alone() -> None:
    """Hops between the sites of a small cell, often more than half of it, are no crossings."""
    rng = np.random.default_rng(5)
    hops = 0.25 * rng.choice([-1, 1], (1000, 4, 1, 3)) * (rng.random((1000, 4, 1, 1)) < 0.2)
    frac = np.cumsum(hops.sum(axis=1), axis=0)
    cells = np.broadcast_to(5.7 * np.eye(3), (1000, 3, 3))
    unwrapping = Unwrapping(False)
    given = frac @ cells
    assert (np.abs(np.diff(frac, axis=0)) > 0.5).any()
    assert unwrapping.block(given, cells) is given
    unwrapping.finish(np.array(["Li"]))


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_paths_do_not_depend_on_the_cell_to_which_an_atom_was_unwrapped(
    seed: int, stride: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = 9 * np.eye(3) + rng.uniform(-2, 2, (3, 3)) + rng.normal(0, 0.3, (20, 3, 3))
    frac = np.cumsum(rng.normal(0, 0.1, (20, 4, 3)), axis=0)
    sets = np.array([[0, 1], [2, 3]])

    def moved(places: np.ndarray) -> np.ndarray:
        run = Trajectory(places @ cells, cells, ("Li",) * 4, 1.0)
        found = paths(run, sets, stride)
        assert len(found) == -(-20 // stride)
        return found - found[0]

    here = moved(frac)
    np.testing.assert_allclose(moved(frac + rng.integers(-5, 6, (4, 3))), here, atol=1e-3)
    steps = np.diff(frac, axis=0) @ ((cells[1:] + cells[:-1]) / 2)
    by_hand = np.concatenate([np.zeros((1, 4, 3)), steps.cumsum(axis=0)])[::stride]
    np.testing.assert_allclose(here, by_hand[:, sets].mean(axis=2), atol=1e-3)


def test_paths_in_a_constant_cell_are_those_of_the_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leyden.data.trajectory._CHUNK_BYTES", 12 * 6 * 3)  # three frames a block
    run = walk()
    constant = paths(run, np.array([[0, 1], [2, 3]]), 4)
    np.testing.assert_allclose(constant, run.positions[::4, :4].reshape(5, 2, 2, 3).mean(axis=2))
    breathing = np.repeat(run.cells, 20, axis=0)
    given_each = Trajectory(run.positions, breathing, run.species, 0.5)
    varies = paths(given_each, np.array([[0], [5]]), 4)
    np.testing.assert_allclose(varies, run.positions[::4, [0, 5]], atol=1e-4)


def test_diffusion_in_a_cell_of_fluctuating_volume() -> None:
    """At constant pressure, as a file tells it: wrapped, far walks, edges that vary by 5 %."""
    rng = np.random.default_rng(4)
    edges = 8 * (1 + rng.normal(0, 0.05, 3000))
    cells = edges[:, None, None] * np.eye(3)
    steps = rng.normal(0, 0.5, (3000, 20, 3)) / edges[:, None, None]
    frac = np.cumsum(steps, axis=0)
    unwrapping = Unwrapping(True)
    positions = unwrapping.block((frac - np.floor(frac)) @ cells, cells)
    run = Trajectory(positions, cells, ("Li",) * 20, 1.0)
    near = np.square(np.diff(paths(run, np.arange(20)[:, None]), axis=0)).mean()
    naive = np.square(np.diff(run.positions, axis=0)).mean()
    assert near == pytest.approx(0.25, rel=0.02)
    assert naive > 4 * near  # by how far the atoms have gone


# ---------------------------------------------------------------------------- stores and memory


def test_a_store_is_mapped_and_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(0.004)
    path = lammps(tmp_path / "a.dump", run, "x y z")
    how = {"time_step_ps": 1.0, "species": {1: "Li", 2: "Cl"}, "store": tmp_path / "store"}
    first = read_trajectory(path, **how)  # type: ignore[arg-type]
    assert isinstance(first.positions, np.memmap)
    with monkeypatch.context() as patched:
        patched.setattr("leyden.data.trajectory_files._streamed", None)  # it is not read anew
        again = read_trajectory(path, **how)  # type: ignore[arg-type]
    assert np.array_equal(first.positions, again.positions)
    assert np.array_equal(again.cells, first.cells)
    assert again.species == NAMES
    with pytest.raises(InputError, match="new folder"):  # the same file, read in another way
        read_trajectory(path, **{**how, "time_step_ps": 2.0})  # type: ignore[arg-type]


def test_an_interrupted_read_leaves_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lammps(tmp_path / "a.dump", Run(), "x y z")
    append, calls = ArrayWriter.append, []

    def interrupted(self: ArrayWriter, name: str, rows: np.ndarray) -> None:
        append(self, name, rows)
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(ArrayWriter, "append", interrupted)
    monkeypatch.setattr("leyden.data.trajectory_files._BLOCK_BYTES", 24 * ATOMS * 4)
    with pytest.raises(KeyboardInterrupt):
        read_trajectory(path, time_step_ps=1, store=tmp_path / "store")
    assert list(tmp_path.iterdir()) == [path]


def test_memory_is_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = 50 * rng.random((1, 1000, 3))
    positions = (base + rng.normal(0, 0.2, (2000, 1000, 3))).astype(np.float32)  # 24 MB
    path = dcd(tmp_path / "a.dcd", positions, np.broadcast_to(50 * np.eye(3), (2000, 3, 3)))
    del positions
    tracemalloc.start()
    run = read_trajectory(path, species=["Li"] * 1000, store=tmp_path / "store")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (run.positions.shape, run.cells.shape) == ((2000, 1000, 3), (1, 3, 3))
    assert peak < 16e6


def test_saved_and_opened(tmp_path: Path) -> None:
    run = walk()
    rich = Trajectory(
        run.positions, run.cells, run.species, 0.5, np.arange(6.0), np.arange(6) // 2, "walk"
    )
    rich.save(tmp_path / "run")
    back = Trajectory.open(tmp_path / "run")
    assert np.array_equal(back.positions, rich.positions)
    assert np.array_equal(back.cells, rich.cells)
    assert np.array_equal(back.charges, np.arange(6.0))  # type: ignore[arg-type]
    assert np.array_equal(back.molecules, np.arange(6) // 2)  # type: ignore[arg-type]
    assert (back.species, back.time_step_ps, back.name) == (rich.species, 0.5, "walk")
    with pytest.raises(InputError, match="new folder"):
        rich.save(tmp_path / "run")
    with pytest.raises(ArtefactError, match="not a whole store"):
        Trajectory.open(tmp_path / "nothing")


def test_a_store_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    walk().save(tmp_path / "run")
    file = tmp_path / "run" / "positions.npy"
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(ArtefactError, match="not a whole store"):
        Trajectory.open(tmp_path / "run")


# ------------------------------------------------------------------------------ the object itself


def test_length_duration_and_windows() -> None:
    run = walk()
    assert (len(run), run.atoms, run.duration_ps, run.volume_A3) == (20, 6, 9.5, pytest.approx(1e3))
    part = run.window(4, 15, 5)
    assert np.array_equal(part.positions, run.positions[[4, 9, 14]])
    assert (part.time_step_ps, part.duration_ps) == (2.5, 5.0)
    assert np.shares_memory(part.positions, run.positions)
    assert run.window(5).duration_ps == 7.0
    for wrong in [(0, 21), (5, 5), (-1, 5), (0, 5, 0)]:
        with pytest.raises(InputError, match="within the 20 frames"):
            run.window(*wrong)
    varying = Trajectory(
        run.positions, run.cells * np.linspace(1, 2, 20)[:, None, None], "ABCDEF", 1
    )
    assert np.array_equal(varying.window(3, 6).cells, varying.cells[3:6])


def test_selection() -> None:
    run = walk()
    assert run.select("Li").tolist() == [0, 1]
    assert run.select([4, 2]).tolist() == [4, 2]
    assert run.select(np.array([[0, 2], [1, 3]])).tolist() == [[0, 2], [1, 3]]


def still(frac: list[float], cell: np.ndarray, drift: float = 0.0) -> Trajectory:
    """Atoms at heights along c, one named Li, the others O, and a drift along z."""
    places = np.array([[0.0, 0.0, z] for z in frac]) @ cell
    frames = places[None] + drift * np.arange(5)[:, None, None] * np.array([0, 0, 1])
    return Trajectory(frames, cell, ("Li", *["O"] * (len(frac) - 1)), 1.0)


def test_regions() -> None:
    tilted = np.array([[10.0, 0, 0], [0, 10, 0], [0, 6, 8]])  # 8 angstrom high along z
    run = still([0.1, 0.5, 0.9, 1.95], tilted)
    assert run.select(Region("z", 0.0, 1.0)).tolist() == [0]
    assert run.select(Region("z", 3.9, 7.7)).tolist() == [1, 2, 3]
    assert run.select(Region("z", -1.0, 1.0)).tolist() == [0, 2, 3]  # across the border
    assert run.select(Region("z", 7.0, 9.0)).tolist() == [0, 2, 3]
    assert run.select(Region("z", 0.4, 0.6, fractional=True)).tolist() == [1]
    assert run.select(Region("z", 0, 8, species="Li")).tolist() == [0]
    drifting = still([0.1, 0.5], 8 * np.eye(3), drift=1.0)  # by 2 angstrom on average
    near = Region("z", 0.0, 1.0)
    assert drifting.select(near).tolist() == [0]
    assert drifting.select(Region("z", 2.5, 3.0, place="mean")).tolist() == [0]
