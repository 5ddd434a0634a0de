"""Bad trajectories: one clear error each, that names file, frame, value, rule and remedy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.trajectory import Region, Trajectory
from leyden.data.trajectory_files import read_trajectory
from leyden.data.unwrapping import Unwrapping
from leyden.errors import InputError
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

CUBE = "0 10\n0 10\n0 10\n"
START = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.5]]


def frames(count: int = 4) -> list[list[list[float]]]:
    """Three atoms that drift along x by 0.5 angstrom a frame."""
    return [[[x + 0.5 * t, y, z] for x, y, z in START] for t in range(count)]


def dump(
    folder: Path,
    positions: Sequence[Sequence[Sequence[float]]],
    *,
    columns: str = "id type x y z",
    steps: Sequence[int] | None = None,
    box: str = "BOX BOUNDS pp pp pp",
    bounds: str = CUBE,
    ids: Sequence[Sequence[int]] | None = None,
    head: str = "",
) -> Path:
    path = folder / "run.lammpstrj"
    with path.open("w") as file:
        for t, frame in enumerate(positions):
            file.write(
                f"{head}ITEM: TIMESTEP\n{steps[t] if steps else 10 * t}\nITEM: NUMBER OF ATOMS\n"
                f"{len(frame)}\n" + (f"ITEM: {box}\n{bounds}" if box else "")
            )
            file.write(f"ITEM: ATOMS {columns}\n")
            for i, place in enumerate(frame):
                number = ids[t][i] if ids else i + 1
                file.write(f"{number} {1 + (i > 0)} {' '.join(map(str, place))}\n")
    return path


def told(path: Path, match: str, **how: Any) -> str:
    """The error of reading a file: it matches, names the file, and leaves no store."""
    store = path.parent / "store"
    how = {"time_step_ps": 1.0, "store": store, **how}
    with pytest.raises(InputError, match=match) as caught:
        read_trajectory(path, **how)
    left = {entry.name for entry in path.parent.iterdir()}
    assert not {name for name in left if "store" in name}
    return str(caught.value)


# ----------------------------------------------------------------------------- of every format


def test_no_file_or_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a trajectory is a file"):
        read_trajectory(tmp_path / "none.xtc")
    for name in ("a.dump", "a.dcd", "a.xtc", "a.xyz"):
        (tmp_path / name).touch()
        assert name in told(tmp_path / name, "the file is empty", species=["Li"])


def test_what_is_no_trajectory(tmp_path: Path) -> None:
    for name in ("a.dump", "a.dcd", "a.xtc", "a.xyz"):
        (tmp_path / name).write_text("a shopping list\nmilk\neggs\n" + "more\n" * 40)
        assert name in told(tmp_path / name, "begins|ITEM:", species=["Li"])
    (tmp_path / "a.txt").write_text("milk\n")
    told(tmp_path / "a.txt", r"ends in \.lammpstrj.*name its format")
    told(tmp_path / "a.txt", "a format is one of lammps", format="pdb")


def test_truncated_text(tmp_path: Path) -> None:
    whole = dump(tmp_path, frames()).read_text()
    last_frame = whole.rindex("ITEM: TIMESTEP")
    cuts = {
        len(whole) - 3: 3,  # within a number
        len(whole) - 1: 3,  # the last number may be whole, or not
        whole.rindex("3 2 "): 3,  # an atom is missing
        whole.rindex("ITEM: ATOMS"): 3,
        last_frame + len("ITEM: TIMESTEP\n"): 3,
        last_frame + len("ITEM: TIMESTEP\n30\n"): 3,
    }
    for cut, frame in cuts.items():
        path = tmp_path / "cut.lammpstrj"
        path.write_text(whole[:cut])
        assert f"cut.lammpstrj, frame {frame}" in told(path, "ends within a frame")
    xyz = tmp_path / "cut.xyz"
    line = 'Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\n'
    for tail in ("2\n", f"2\n{line}", f"2\n{line}Li 1 2 3\n", f"2\n{line}Li 1 2 3\nLi 1 2 3"):
        xyz.write_text(f"2\n{line}Li 0 0 0\nLi 1 1 1\n{tail}")
        assert "frame 1" in told(xyz, "ends within a frame")


def binary(
    folder: Path, kind: str, positions: np.ndarray, cell: bool = True, **header: Any
) -> Path:
    from MDAnalysis.lib.formats.libdcd import DCDFile
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    path, positions = folder / f"run.{kind}", positions.astype(np.float32)
    box = np.eye(3, dtype=np.float32) * cell
    if kind == "dcd":
        header = {"istart": 0, "nsavc": 1, "delta": 20.0, "remarks": "", **header}
        with DCDFile(str(path), "w") as file:
            file.write_header(natoms=positions.shape[1], is_periodic=cell, **header)
            for frame in positions:
                file.write(frame, np.array([10.0, 90, 10, 90, 90, 10]))
        return path
    with XTCFile(str(path), "w") as file:
        for t, frame in enumerate(positions):
            time = (
                header.get("start", 0)
                + t * header.get("step", 1.0)
                + (t > 2) * header.get("gap", 0)
            )
            file.write(frame / 10, box, t, time, 1000)
    return path


@pytest.mark.parametrize("kind", ["dcd", "xtc"])
@pytest.mark.parametrize("atoms", [3, 40])
def test_truncated_binary(tmp_path: Path, kind: str, atoms: int) -> None:
    path = binary(tmp_path, kind, np.random.default_rng(0).random((5, atoms, 3)))
    whole = path.read_bytes()
    for cut in (4, 20, 60):
        path.write_bytes(whole[:-cut])
        assert "frame 4" in told(path, "ends within a frame", species=["Li"] * atoms)


@pytest.mark.parametrize("kind", ["dcd", "xtc", "lammps", "xyz"])
def test_missing_cell(tmp_path: Path, kind: str) -> None:
    names = ["Li", "O", "O"]
    if kind == "lammps":
        assert "frame 0" in told(dump(tmp_path, frames(), box=""), "BOX BOUNDS")
        return
    if kind == "xyz":
        path = tmp_path / "a.xyz"
        path.write_text("1\nno cell here\nLi 1 2 3\n")
        names = ["Li"]
    else:
        path = binary(tmp_path, kind, np.array(frames()), cell=False)
    assert "frame 0" in told(path, "every frame has a cell.*give cell", species=names)
    assert "frame 0" in told(path, "span a volume", species=names, cell=[10, 10, 0])
    told(path, "three edges or three vectors", species=names, cell=[10, 10])


def test_a_cell_given_twice(tmp_path: Path) -> None:
    told(dump(tmp_path, frames()), "has its own.*leave cell away", cell=[10, 10, 10])


def test_open_or_flat_boxes(tmp_path: Path) -> None:
    message = told(dump(tmp_path, frames(), box="BOX BOUNDS pp pp ff"), "periodic along all three")
    assert "pp pp ff" in message
    flat = dump(tmp_path, frames(), bounds="0 10\n0 10\n3 3\n")
    assert "frame 0" in told(flat, "span a volume")
    (tmp_path / "a.xyz").write_text('1\nLattice="9 0 0 0 9 0 0 0 9" pbc="T T F"\nLi 1 2 3\n')
    told(tmp_path / "a.xyz", "periodic along all three")


def test_varying_numbers_of_atoms(tmp_path: Path) -> None:
    lost = frames()
    lost[2] = lost[2][:2]
    assert "frame 2" in told(dump(tmp_path, lost), "have the same atoms")
    swapped = dump(tmp_path, frames(), ids=[[1, 2, 3], [1, 2, 3], [1, 2, 7], [1, 2, 3]])
    assert "frame 2" in told(swapped, "same ids and types")
    twice = dump(tmp_path, frames(), ids=[[1, 2, 3], [1, 2, 2], [1, 2, 3], [1, 2, 3]])
    assert "frame 1" in told(twice, "id occurs once")
    line = 'Lattice="9 0 0 0 9 0 0 0 9"\n'
    (tmp_path / "a.xyz").write_text(f"2\n{line}Li 0 0 0\nLi 1 1 1\n1\n{line}Li 0 0 0\n")
    message = told(tmp_path / "a.xyz", "the same in all frames: 2")
    assert "frame 1" in message
    assert "'1'" in message


def test_unsorted_ids_are_sorted(tmp_path: Path) -> None:
    """Nothing is refused here: LAMMPS writes atoms in any order."""
    mixed = [frame[::-1] if t % 2 else frame for t, frame in enumerate(frames())]
    ids = [[3, 2, 1] if t % 2 else [1, 2, 3] for t in range(4)]
    path = dump(tmp_path, mixed, ids=ids, columns="id mol x y z")
    read = read_trajectory(path, time_step_ps=1, species=["A", "B", "C"])
    np.testing.assert_allclose(read.positions, frames(), atol=1e-5)


@pytest.mark.parametrize("value", ["nan", "inf", "-nan"])
def test_coordinates_that_are_no_numbers(tmp_path: Path, value: str) -> None:
    path = dump(tmp_path, frames())
    lines = path.read_text().splitlines(keepends=True)
    lines[-1] = f"3 2 8.5 {value} 9\n"
    path.write_text("".join(lines))
    assert "frame 3" in told(path, "every coordinate is a number; that of atom 2 is not")
    lines[-1] = "3 2 8.5 none 9\n"
    path.write_text("".join(lines))
    assert "frame 3" in told(path, "line of an atom has its numbers")


def test_uneven_time(tmp_path: Path) -> None:
    repeated = dump(tmp_path, frames(), steps=[0, 10, 10, 20])
    assert "frame 2" in told(repeated, "equal steps of time.*restarted")
    assert "frame 3" in told(dump(tmp_path, frames(), steps=[0, 10, 20, 40]), "equal steps")
    assert "frame 1" in told(dump(tmp_path, frames(), steps=[20, 10, 0, -10]), "equal steps")
    path = binary(tmp_path, "xtc", np.array(frames(5)), gap=1.0)
    assert "frame 3" in told(path, "equal steps", species=["Li"] * 3)


def test_long_runs_of_single_precision_times_are_even(tmp_path: Path) -> None:
    path = binary(tmp_path, "xtc", np.array(frames(9)), start=1e6, step=0.1)
    assert read_trajectory(path, species=["A"] * 3).time_step_ps == pytest.approx(0.1, rel=0.1)


def test_unknown_time(tmp_path: Path) -> None:
    names = ["Li"] * 3
    for kind, header in (
        ("xtc", {"step": 0.0}),
        ("dcd", {"delta": 0.0}),
        ("dcd", {"remarks": "Written by LAMMPS"}),  # in any unit
        ("lammps", {}),
    ):
        places = np.array(frames())
        path = binary(tmp_path, kind, places, **header) if header else dump(tmp_path, frames())
        told(path, "not tell it.*give time_step_ps", time_step_ps=None, species=names)
        assert read_trajectory(path, species=names, time_step_ps=2.0).time_step_ps == 2.0
    one = dump(tmp_path, frames(1))
    told(one, "give time_step_ps", time_step_ps=None)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf")])
def test_time_steps_that_are_none(tmp_path: Path, step: float) -> None:
    told(dump(tmp_path, frames()), "positive, in ps", time_step_ps=step)


def test_units(tmp_path: Path) -> None:
    path = dump(tmp_path, frames())
    told(path, "length of your choice.*sigma in angstrom", units="lj")
    told(path, "a unit of length is real", units="inches")
    told(path, "positive, in angstrom", units=-1.0)
    told(dump(tmp_path, frames(), head="ITEM: UNITS\nnano\n"), "which the file names", units="real")
    lj = dump(tmp_path, frames(), head="ITEM: UNITS\nlj\n")
    told(lj, "have a length of your choice")


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    path = dump(tmp_path, frames())
    message = told(path, "species names the 3 atoms", species=["Li", "O"])
    assert "got 2" in message
    assert "'2'" in told(path, "maps every label", species={1: "Li", 3: "O"})
    told(path, "a name for each atom, or a mapping", species="Li")
    told(binary(tmp_path, "dcd", np.array(frames())), "atoms have names.*topology")


def test_bad_topologies(tmp_path: Path) -> None:
    path = binary(tmp_path, "dcd", np.array(frames()))
    told(path, "a topology is a file", topology=tmp_path / "none.gro")
    (tmp_path / "bad.xyz").write_text("nothing\n")
    told(path, "that MDAnalysis reads", topology=tmp_path / "bad.xyz")
    gro = "x\n    1\n    1A       Li    1   0.100   0.200   0.300\n   1.0   1.0   1.0\n"
    (tmp_path / "one.gro").write_text(gro)
    assert "one.gro" in told(path, "has the 3 atoms of", topology=tmp_path / "one.gro")


def test_columns_of_a_dump(tmp_path: Path) -> None:
    told(dump(tmp_path, frames(), columns="id type vx vy vz"), "columns id and xu yu zu")
    told(dump(tmp_path, frames(), columns="what type x y z"), "columns id and xu yu zu")


# ----------------------------------------------------------------------- wrapped and unwrapped


def crossing(count: int, step: float, atoms: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Fractional places of a walk with steps of some fraction of the cell, and them wrapped."""
    rng = np.random.default_rng(1)
    steps = rng.normal(0, step, (count, atoms, 3))
    steps[0] = rng.random((atoms, 3))
    frac = np.cumsum(steps, axis=0)
    return frac, frac - np.floor(frac)


@pytest.mark.parametrize("step", [0.01, 0.05, 0.1])
def test_wrapped_coordinates_given_as_unwrapped(tmp_path: Path, step: float) -> None:
    frac, wrapped = crossing(60, step)
    message = told(
        dump(tmp_path, (10 * wrapped).tolist()), "jump by whole cells.*wrapped=True", wrapped=False
    )
    first = int(np.argmax((np.floor(frac) != 0).any(axis=(1, 2))))
    assert f"frame {first}" in message
    named = dump(tmp_path, (10 * wrapped).tolist(), columns="id type xu yu zu")
    told(named, "jump by whole cells")  # the column is called unwrapped, and is not
    right = read_trajectory(named, wrapped=True, time_step_ps=1)
    np.testing.assert_allclose(right.positions, 10 * frac, atol=1e-4)


def test_borders_that_are_crossed_a_little_before_wrapping(tmp_path: Path) -> None:
    """LAMMPS wraps when it makes new neighbour lists, so that places lie a little outside."""
    frac, wrapped = crossing(60, 0.02)
    late = wrapped + (wrapped < 0.03)  # still on the far side
    path = dump(tmp_path, (10 * late).tolist())
    told(path, "jump by whole cells", wrapped=False)
    read = read_trajectory(path, time_step_ps=1)
    np.testing.assert_allclose(
        np.diff(read.positions, axis=0), 10 * np.diff(frac, axis=0), atol=1e-4
    )


@pytest.mark.parametrize("outside", [0.0, 0.8])
@pytest.mark.parametrize("step", [0.15, 0.2, 0.25, 0.6])
def test_fast_ions_in_wrapped_coordinates_given_as_unwrapped(
    tmp_path: Path, step: float, outside: float
) -> None:
    """They jump by half a cell more often than by whole ones, and yet never leave the cell."""
    frac, wrapped = crossing(40, step)
    rng = np.random.default_rng(2)
    wrapped += rng.uniform(-outside, outside, wrapped.shape) / 10  # as LAMMPS writes them
    jumps = np.argwhere(np.abs(np.diff(wrapped, axis=0)) > 0.5)
    first, atom = int(jumps[0, 0]) + 1, int(jumps[0, 1])
    for columns in ("id type x y z", "id type xu yu zu"):
        path = dump(tmp_path, (10 * wrapped).tolist(), columns=columns)
        message = told(path, "wrapped=True", wrapped=False if columns.endswith(" z") else "auto")
        assert f"run.lammpstrj, frame {first}: " in message
        assert f"atom {atom} moves by" in message
    right = read_trajectory(dump(tmp_path, (10 * frac).tolist()), wrapped=False, time_step_ps=1)
    np.testing.assert_allclose(right.positions, 10 * frac, atol=1e-4)


def test_fast_ions_among_chains_that_are_whole(tmp_path: Path) -> None:
    """Each species is judged by itself: chains go on outside the cell, wrapped ions do not."""
    frac, wrapped = crossing(200, 0.2)
    mixed = np.concatenate([wrapped[:, :1], 0.05 * frac + 2.0], axis=1)  # type 1, and type 2
    told(dump(tmp_path, (10 * mixed).tolist()), "all 1 stay within one cell", wrapped=False)


@given(st.integers(0, 2**32), st.floats(0.01, 0.5), st.sampled_from([True, False]))
@settings(max_examples=60, deadline=None)
def test_no_word_for_coordinates_makes_other_motion_of_them(
    seed: int, step: float, given_wrapped: bool
) -> None:
    """What was said wrongly, or not at all, is refused or warned of, or had no consequence."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, step, (80, 20, 3))
    steps[0] = rng.random((20, 3))
    frac = np.cumsum(steps, axis=0)
    cells = np.broadcast_to(10 * np.eye(3), (80, 3, 3))
    written = frac - np.floor(frac) if given_wrapped else frac
    for said in (None, False) if given_wrapped else (None, True):
        unwrapping = Unwrapping(said)
        read = unwrapping.block(written @ cells, cells)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                unwrapping.finish(np.array(["Li"] * 20))
        except (InputError, RuntimeWarning):
            continue
        moved = np.diff(read, axis=0)
        np.testing.assert_allclose(moved, 10 * np.diff(frac, axis=0), atol=1e-9)


def test_moves_of_half_a_cell_are_told(tmp_path: Path) -> None:
    _, wild = crossing(40, 0.6)
    path = dump(tmp_path, (10 * wild).tolist(), columns="id type x y z")
    told(path, "less than half a cell between frames.*more often", wrapped=True)
    # One ion among many atoms at rest is not lost in the mean.
    still = np.tile(0.5, (40, 200, 3))
    still[:, 0] = wild[:, 0]
    told(dump(tmp_path, (10 * still).tolist()), "of the moves of 1, ", wrapped=True)


def test_a_rare_move_of_half_a_cell_is_a_warning(tmp_path: Path) -> None:
    frac, _ = crossing(400, 0.01)
    frac[200:, 3] += 0.45
    path = dump(tmp_path, (10 * (frac - np.floor(frac))).tolist())
    with pytest.warns(RuntimeWarning, match=r"run\.lammpstrj: .* come near it"):
        read_trajectory(path, time_step_ps=1)


def test_what_cannot_be_told_must_be_said(tmp_path: Path) -> None:
    frac, _ = crossing(60, 0.5)
    line = 'Lattice="10 0 0 0 10 0 0 0 10"\n'
    path = tmp_path / "a.xyz"
    with path.open("w") as file:
        for frame in 10 * frac:
            file.write(f"20\n{line}" + "".join(f"Li {x} {y} {z}\n" for x, y, z in frame))
    told(path, "it cannot be told which.*say wrapped=True or wrapped=False")
    as_it_is = read_trajectory(path, wrapped=False, time_step_ps=1)
    np.testing.assert_allclose(as_it_is.positions, 10 * frac, atol=1e-4)
    told(path, "wrapped is True, False, 'auto' or 'as is'", wrapped="maybe")


@pytest.mark.parametrize(("duration_ns", "stored_ps"), [(0.5, 20.0), (1.0, 50.0), (2.0, 100.0)])
def test_true_motion_of_few_ions_in_a_small_cell_is_not_refused(
    duration_ns: float, stored_ps: float
) -> None:
    """One ion and one unit cell: in a short run it may jump far, and yet stay where it began."""
    warned = 0
    for seed in range(30):
        run = KineticMonteCarlo().run(duration_ns, stored_ps, random_state=seed).trajectory
        cells = np.broadcast_to(run.frame_cells[0], (len(run), 3, 3))
        unwrapping = Unwrapping(False, "run.xyz")
        unwrapping.block(np.asarray(run.positions, float), cells)
        with warnings.catch_warnings(record=True) as told_of:
            warnings.simplefilter("always")
            unwrapping.finish(np.array(run.species))
        warned += any("all Li stay within one cell" in str(one.message) for one in told_of)
    assert 0 < warned < 15


def test_few_jumps_of_wrapped_coordinates_are_a_warning(tmp_path: Path) -> None:
    _, wrapped = crossing(8, 0.25, atoms=2)
    path = dump(tmp_path, (10 * wrapped).tolist(), columns="id type xu yu zu")
    with pytest.warns(RuntimeWarning, match=r"run\.lammpstrj, frame \d+: .*wrapped=True") as said:
        read_trajectory(path, time_step_ps=1)
    assert {str(Path(one.filename).name) for one in said} == {"trajectory_files.py"}


def test_ions_that_hop_to_and_fro_are_read_as_they_are(tmp_path: Path) -> None:
    """Between two sites further apart than half the cell: wrapped motion would look the same."""
    rng = np.random.default_rng(3)
    places = np.full((200, 2, 3), 2.0)
    places[..., 0] += 6 * (np.cumsum(rng.random((200, 2)) < 0.3, axis=0) % 2)
    path = dump(tmp_path, places.tolist(), columns="id type xu yu zu")
    told(path, r"all 1, 2 stay within one cell.* jumps\).*wrapped='as is' if atoms do")
    told(path, "stay within one cell", wrapped=False)
    read = read_trajectory(path, wrapped="as is", time_step_ps=1)
    np.testing.assert_allclose(read.positions, places, atol=1e-5)


# ------------------------------------------------------------------------------ made in memory


def run(**changes: Any) -> Trajectory:
    facts = {
        "positions": np.array(frames()),
        "cells": 10 * np.eye(3),
        "species": ("Li", "O", "Cl"),
        "time_step_ps": 1.0,
        "name": "mine",
    }
    return Trajectory(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"positions": np.zeros((0, 3, 3))}, "with a frame and an atom at least"),
        ({"positions": np.zeros((4, 3))}, "frames, atoms, 3"),
        ({"species": ("Li", "O")}, "a species for each atom.*2 species"),
        ({"cells": np.zeros((3, 3))}, "frame 0: every frame has a cell"),
        ({"cells": np.stack([np.eye(3)] * 3)}, "cells have the shape"),
        ({"cells": np.stack([np.eye(3)] * 2 + [np.eye(3) * np.nan] * 2)}, "mine, frame 2"),
        ({"time_step_ps": 0.0}, "positive, in ps"),
        ({"time_step_ps": np.nan}, "positive, in ps"),
        ({"charges": [1.0, 2.0]}, "a charge for each atom"),
        ({"molecules": [1, 2]}, "a molecule for each atom"),
        (
            {"positions": np.array(frames()) * np.array([1, 1, 1, np.nan])[:, None, None]},
            "mine, frame 3: every coordinate is a number",
        ),
    ],
)
def test_arrays_that_do_not_fit(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        run(**changes)


def test_targets_that_are_absent() -> None:
    with pytest.raises(InputError, match=r"mine: .*Cl, Li, O \(got 'Na'\).*choose from Cl, Li, O"):
        run().select("Na")
    with pytest.raises(InputError, match="did you mean 'Cl'"):
        run().select("Cl-")
    with pytest.raises(InputError, match=r"numbered from 0 to 2 \(got 3\)"):
        run().select([0, 3])
    with pytest.raises(InputError, match="twice"):
        run().select([[0, 1], [1, 2]])
    for nothing in ([], [0.5], np.zeros((1, 1, 1), dtype=int)):
        with pytest.raises(InputError, match="atoms are chosen by"):
            run().select(nothing)


def test_regions_that_hold_nothing() -> None:
    with pytest.raises(InputError, match=r"the cell is 10\.00 angstrom high along z.*widen"):
        run().select(Region("z", 0.0, 1.0))
    with pytest.raises(InputError, match="a region holds atoms"):
        run().select(Region("z", 5.0, 7.0, species="Li"))
    with pytest.raises(InputError, match="choose from"):
        run().select(Region("z", 0.0, 9.0, species="Na"))
    for wrong in (("w", 0, 1), ("z", 2, 1), ("z", 0, np.nan)):
        with pytest.raises(InputError, match="region"):
            Region(*wrong)
    with pytest.raises(InputError, match="places 'first' or 'mean'"):
        Region("z", 0, 1, place="last")
