"""`leyden dynamics`: from a trajectory file to a report, and what goes wrong on the way."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import leyden as ly
from leyden.cli import app
from leyden.dynamics.analysis import learning_and_test
from leyden.errors import InputError
from leyden.simulators.kinetic_monte_carlo import HoppingRun, KineticMonteCarlo
from watching import wait_for

TWIN = KineticMonteCarlo(octahedral_ps=20.0, tetrahedral_ps=12.0, lithium=2, cells=(2, 2, 2))
QUICK = ("--neighbours", 20, "--convolutions", 1, "--epochs", 1, "--restarts", 1)
DUMP = ("--species", "1=Li,2=S", "--time-step-ps", 0.5)
RESULTS = {"model.leyden", "results.json", "states.parquet", "report.html"}
LITHIUM = ("--targets", "Li", "--lag-ps", 2)


def leyden_(*words: Any) -> Any:
    return CliRunner().invoke(
        app, ["dynamics", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


def refused(*words: Any) -> str:
    """The one line that the command ends with."""
    done = leyden_(*words)
    assert done.exit_code == 2, done.output
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    assert len(lines) == 1, done.output
    assert lines[0].startswith("error: ")
    return str(lines[0])


def write_dump(
    path: Path, positions: np.ndarray, edges: np.ndarray, types: np.ndarray, wrap: bool = True
) -> Path:
    """LAMMPS text dump; wrapped, as simulations write it."""
    box = "".join(f"0 {edge}\n" for edge in edges)
    with path.open("w") as file:
        for step, frame in enumerate(positions):
            file.write(
                f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(frame)}\n"
                f"ITEM: BOX BOUNDS pp pp pp\n{box}ITEM: ATOMS id type x y z\n"
            )
            for number, place in enumerate(frame % edges if wrap else frame):
                file.write(f"{number + 1} {types[number]} " + " ".join(f"{x:.4f}" for x in place))
                file.write("\n")
    return path


def write_xyz(path: Path, trajectory: ly.Trajectory, lattice: bool = True) -> Path:
    """Extended XYZ."""
    cell = " ".join(f"{x:g}" for x in trajectory.cells[0].ravel())
    head = f'Lattice="{cell}" ' if lattice else ""
    with path.open("w") as file:
        for frame in trajectory.positions:
            file.write(f"{trajectory.atoms}\n{head}Properties=species:S:1:pos:R:3\n")
            for name, place in zip(trajectory.species, frame, strict=True):
                file.write(f"{name} {place[0]:.4f} {place[1]:.4f} {place[2]:.4f}\n")
    return path


@pytest.fixture(scope="module")
def run() -> HoppingRun:
    return TWIN.run(0.6, 0.5, random_state=1)


@pytest.fixture(scope="module")
def dump(run: HoppingRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    one = run.trajectory
    types = np.array([1 if name == "Li" else 2 for name in one.species])
    edges = np.diag(one.cells[0])
    return write_dump(tmp_path_factory.mktemp("run") / "li.dump", one.positions, edges, types)


CHARGES = ("--charges", "Li=1.6,S=-0.1", "--temperature-K", 300)


@pytest.fixture(scope="module")
def fitted(dump: Path) -> Path:
    """The folder of a fit that was killed while it learned, and went on."""
    out = dump.parent / "fit"
    words = ("fit", dump, *DUMP, *LITHIUM, *QUICK, *CHARGES, "-o", out)
    command = [sys.executable, "-m", "leyden", "dynamics", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(Path(ly.__file__).parents[1])}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: list(out.glob("training-*")) or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert {entry.name for entry in out.iterdir() if entry.name in RESULTS} == set()
    (kept,) = out.glob("training-*")
    before = len(torch.load(kept, weights_only=True)["state"]["history"]["training_loss"])
    done = leyden_(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out / "report.html")
    assert {entry.name for entry in out.iterdir() if entry.name in RESULTS} == RESULTS
    history = torch.load(kept, weights_only=True)["state"]["history"]
    assert before < len(history["training_loss"]), "it was killed when all was learned"
    return out


def test_fit_measures_the_known_rates_on_frames_that_it_has_not_learned_from(
    fitted: Path, run: HoppingRun
) -> None:
    told = json.loads((fitted / "results.json").read_text())
    row = next(row for row in told["timescales"] if row["lag_ps"] == 2.0)
    assert row["low"] < TWIN.local_timescale_ps < row["high"]
    assert told["chapman_kolmogorov"]["error"] < 0.2
    (part,) = told["trajectories"]
    assert part["frames"] == 600
    assert np.sum(part["transition_shares"]["value"]) == pytest.approx(1)
    assert part["conductivity"]["collective_S_per_m"]["low"] > 0
    assert any("whole numbers" in warning for warning in told["warnings"])

    rows = pd.read_parquet(fitted / "states.parquet")
    assert len(rows) == 1200 * 2
    assert rows.groupby("part")["frame"].agg(["min", "max"]).loc["test"].tolist() == [600, 1199]
    np.testing.assert_allclose(rows.filter(like="membership").sum(axis=1), 1, atol=1e-5)
    tested = rows[rows["part"] == "test"]
    truth = run.states[tested["frame"], tested["target"]]
    assert max((tested["state"] == truth).mean(), (tested["state"] != truth).mean()) > 0.9


def test_the_page_says_what_was_found(fitted: Path) -> None:
    page = (fitted / "report.html").read_text()
    for words in (
        "Li (2 atoms) is found in 2 states",
        "How many states",
        "How fast they change",
        "Whether they foresee themselves",
        "What surrounds Li in each state",
        "What moves",
        "never saw those",
        "conductivity, all ions together",
        "not whole numbers",
    ):
        assert words in page
    assert page.count("<b>Figure ") >= 6


def test_the_same_command_again_learns_nothing_anew_and_says_the_same(
    fitted: Path, dump: Path
) -> None:
    before = {name: (fitted / name).read_bytes() for name in ("results.json", "model.leyden")}
    trained = {path: path.stat().st_mtime_ns for path in fitted.glob("training-*")}
    assert trained
    done = leyden_("fit", dump, *DUMP, *LITHIUM, *QUICK, *CHARGES, "-o", fitted)
    assert done.exit_code == 0, done.output
    assert {path: path.stat().st_mtime_ns for path in fitted.glob("training-*")} == trained
    assert {name: (fitted / name).read_bytes() for name in before} == before


def test_other_settings_do_not_replace_results_unasked(fitted: Path, dump: Path) -> None:
    told = refused("fit", dump, *DUMP, "--targets", "Li", "--lag-ps", 4, *QUICK, "-o", fitted)
    assert "of other settings (lag_ps, charges, temperature_K)" in told
    assert "--force" in told


@pytest.fixture
def changed(fitted: Path, dump: Path, tmp_path: Path) -> Iterator[tuple[tuple[Any, ...], Path]]:
    """The same command in a copy of its folder; but another run is in the file for now."""
    out, text, times = tmp_path / "run", dump.read_bytes(), dump.stat()
    shutil.copytree(fitted, out)
    one = TWIN.run(0.6, 0.5, random_state=8).trajectory
    types = np.array([1 if name == "Li" else 2 for name in one.species])
    write_dump(dump, one.positions, np.diag(one.cells[0]), types)
    yield ("fit", dump, *DUMP, *LITHIUM, *QUICK, *CHARGES, "-o", out), out
    dump.write_bytes(text)
    os.utime(dump, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_file_that_has_changed_is_another_fit(
    changed: tuple[tuple[Any, ...], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    words, out = changed
    before = contents(out)
    told = refused(*words)
    assert "of the same settings, but of files that have changed since" in told
    assert "--force" in told
    assert contents(out) == before
    done = leyden_(*words, "--force")
    assert done.exit_code == 0, done.output
    assert "used again" not in done.stderr  # it has learned anew
    after = contents(out)
    assert all(after[name] != before[name] for name in before)
    monkeypatch.setattr("leyden.dynamics.state_choice.choose_states", stopped)
    assert "are finished and used again" in leyden_(*words).stderr
    for kept in out.glob("training-*"):
        kept.unlink()
    assert "used again" not in leyden_(*words).stderr
    assert contents(out) == after


def contents(folder: Path) -> dict[str, bytes]:
    """Of what a command tells; not of what it keeps for itself."""
    names = {*RESULTS, "recipe.toml"}
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in names}


def test_a_forced_fit_that_is_stopped_leaves_nothing_of_the_old_settings(
    fitted: Path, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "run"
    shutil.copytree(fitted, out)
    before = contents(out)
    other = ("fit", dump, *DUMP, "--targets", "Li", "--lag-ps", 4, *QUICK, "-o", out, "--force")
    refused(*other, "--targets", "Na")  # a mistake costs nothing
    assert contents(out) == before
    with monkeypatch.context() as patched:
        patched.setattr("leyden.dynamics.state_choice.choose_states", stopped)
        assert leyden_(*other).exit_code != 0
    assert set(contents(out)) == {"recipe.toml"}
    assert contents(out) != {"recipe.toml": before["recipe.toml"]}


@pytest.mark.parametrize("step", ["write_states", "write_together"])
def test_results_that_are_written_are_of_one_fit(
    changed: tuple[tuple[Any, ...], Path], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The file has changed, the command has not; and it is stopped while it writes."""

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    words, out = changed
    before = contents(out)
    where = {"write_states": "leyden.cli.trajectories", "write_together": "leyden.report"}
    monkeypatch.setattr(f"{where[step]}.{step}", stopped)
    assert leyden_(*words, "--force").exit_code != 0
    left = contents(out)
    assert "results.json" not in left
    assert all(left[name] != before[name] for name in left)


def test_a_report_keeps_out_of_the_folder_of_a_fit(fitted: Path, dump: Path) -> None:
    before = contents(fitted)
    told = refused("report", fitted / "model.leyden", dump, *DUMP, "-o", fitted)
    assert f"{fitted}: a report has a folder of its own; this is that of a fit" in told
    assert "Remedy" in told
    assert contents(fitted) == before
    assert "folder of its own" in refused(
        "report", fitted / "model.leyden", dump, *DUMP, "-o", fitted, "--force"
    )


def test_a_report_does_not_replace_another_unasked(
    fitted: Path, run: HoppingRun, tmp_path: Path
) -> None:
    model, out = tmp_path / "mine.leyden", tmp_path / "out"
    shutil.copy(fitted / "model.leyden", model)
    path = write_xyz(tmp_path / "li.extxyz", run.trajectory)
    words = ("report", model, path, "--time-step-ps", 0.5, "-o", out)
    assert leyden_(*words).exit_code == 0
    before = contents(out)
    assert set(before) == {"results.json", "report.html", "states.parquet", "recipe.toml"}
    assert "of other settings (reversible)" in refused(*words, "--not-reversible")
    assert "of another command" in refused("fit", path, *LITHIUM, "-o", out)
    assert contents(out) == before
    done = leyden_(*words, "--not-reversible", "--force")
    assert done.exit_code == 0, done.output
    assert contents(out)["results.json"] != before["results.json"]

    model.write_bytes(model.read_bytes() + b" ")
    assert "files that have changed since" in refused(*words, "--not-reversible")
    (out / "recipe.toml").unlink()
    assert "of settings that are not known" in refused(*words)


def test_results_name_the_model_that_they_are_of(fitted: Path, dump: Path, tmp_path: Path) -> None:
    """The model knows its targets, wherever it lies."""
    model = shutil.copy(fitted / "model.leyden", tmp_path / "mine.leyden")
    done = leyden_("report", model, dump, *DUMP, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    digest = hashlib.sha256(Path(model).read_bytes()).hexdigest()
    for folder in (fitted, tmp_path / "out"):
        assert json.loads((folder / "results.json").read_text())["model_sha256"] == digest


def test_report_measures_a_model_on_another_trajectory(fitted: Path, tmp_path: Path) -> None:
    """The targets are those of the fit; a species that the model does not know is refused."""
    other = TWIN.run(0.3, 0.5, random_state=2).trajectory
    path = write_xyz(tmp_path / "other.extxyz", other)
    model = fitted / "model.leyden"
    done = leyden_("report", model, path, "--time-step-ps", 0.5, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {entry.name for entry in (tmp_path / "out").iterdir()} == {
        "recipe.toml",
        "report.html",
        "results.json",
        "states.parquet",
        "store",
    }
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    assert told["command"].startswith(f"leyden dynamics report {model}")
    assert "needs charges" in told["trajectories"][0]["missing"][0]
    strange = path.with_name("strange.extxyz")
    strange.write_text(path.read_text().replace("\nS ", "\nO "))
    told = refused("report", model, strange, "--time-step-ps", 0.5, "-o", tmp_path / "none")
    assert "has not met the species O" in told
    assert not (tmp_path / "none" / "report.html").exists()


def test_one_target_atom_of_a_region_and_the_choice_of_the_number_of_states(
    tmp_path: Path,
) -> None:
    one = KineticMonteCarlo(octahedral_ps=20.0, tetrahedral_ps=12.0).run(0.8, 0.5).trajectory
    path = write_xyz(tmp_path / "li.extxyz", one)
    out = tmp_path / "out"
    where = ("--targets", "Li", "--region", "z:0:5.7", "--lag-ps", 2, "--states", "2,3")
    done = leyden_(
        "fit",
        path,
        "--as-is",
        "--time-step-ps",
        0.5,
        *where,
        *QUICK,
        "--neighbours",
        10,
        "-o",
        out,
    )
    assert done.exit_code == 0, done.output
    assert "there is one target atom" in done.stderr
    told = json.loads((out / "results.json").read_text())
    assert [row["states"] for row in told["choice"]] == [2, 3]
    assert told["states"] in (2, 3)
    page = (out / "report.html").read_text()
    assert "Li (one atom)" in page
    assert "The fewest states are wanted" in page


def test_states_that_collapse_end_in_a_message(tmp_path: Path) -> None:
    """Noise has no states; there is neither a model nor a report."""
    rng = np.random.default_rng(0)
    grid = 3.0 * np.stack(np.meshgrid(*[range(2)] * 3), -1).reshape(-1, 3)
    noise = grid + 0.2 * rng.normal(size=(300, 8, 3))
    edges = np.full(3, 6.0)
    path = write_dump(tmp_path / "noise.dump", noise, edges, np.ones(8, int))
    words = ("--species", "1=Li", "--time-step-ps", 1, "--targets", "Li", "--lag-ps", 2)
    told = refused("fit", path, *words, *QUICK, "-o", tmp_path / "out")
    # on the frames for learning, or, where chance has scored there, on those for measuring
    assert "nothing that is slower than the lag was found" in " ".join(told.split())
    assert "Remedy" in told
    assert not (tmp_path / "out" / "report.html").exists()
    assert not (tmp_path / "out" / "model.leyden").exists()


# ------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--unwrapped",), "these jump by whole cells"),
        (("--wrapped", "--as-is"), "not both"),
        (("--targets", "Na"), "a target species is one of the trajectory's: Li, S"),
        (("--lag-ps", 400), "the 600 frames for learning: the lag must be shorter"),
        (("--lag-ps", 1.7), "a lag must be a whole number of frames"),
        (("--region", "z:10"), "--region is written AXIS:LOW:HIGH"),
        (("--region", "w:1:2"), "a region has an axis"),
        (("--region", "z:4:4.01"), "a region holds atoms"),
        (("--charges", "Na=1"), "--charges names species of the trajectory"),
        (("--charges", "Li"), "--charges is written NAME=VALUE"),
        (("--species", "1=Li"), "species maps every label"),
        (("--states", "many"), "--states is a number of states"),
        (("--states", "1"), "at least 2"),
        (("--test-fraction", 1.5), "between 0 and 1"),
        (("--cell", "a,b"), "--cell is three edges"),
    ],
)
def test_a_mistake_is_one_line(
    dump: Path, tmp_path: Path, words: tuple[Any, ...], message: str
) -> None:
    told = refused("fit", dump, *DUMP, *LITHIUM, *QUICK, "-o", tmp_path / "out", *words)
    assert message in told


def test_a_mended_mistake_needs_no_other_folder(dump: Path, tmp_path: Path) -> None:
    """A folder without results belongs to nobody."""
    for wrong in ("Na", "K"):
        words = (*DUMP, "--targets", wrong, "--lag-ps", 2, "-o", tmp_path / "out")
        assert "a target species" in refused("fit", dump, *words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) * 2 // 3 - 5], "frame"),
        (lambda text: re.sub(r"Li \S+ ", "Li nan ", text, count=1), "frame"),
        (lambda text: text.rpartition("34\nLattice")[0] + "1\nLattice" + _LAST, "frame"),
    ],
    ids=["truncated", "nan", "varying atoms"],
)
def test_a_damaged_file_is_told_with_its_frame(
    run: HoppingRun, tmp_path: Path, change: Any, message: str
) -> None:
    path = write_xyz(tmp_path / "bad.extxyz", run.trajectory.window(0, 40))
    path.write_text(change(path.read_text()))
    told = refused("fit", path, "--time-step-ps", 0.5, *LITHIUM, "-o", tmp_path / "out")
    assert "bad.extxyz" in told
    assert message in told


_LAST = '="11.4 0 0 0 11.4 0 0 0 11.4" Properties=species:S:1:pos:R:3\nLi 1 1 1\n'


def test_a_file_without_a_cell_or_a_time_step(run: HoppingRun, tmp_path: Path) -> None:
    path = write_xyz(tmp_path / "bare.extxyz", run.trajectory.window(0, 40), lattice=False)
    words = (path, *LITHIUM, "-o", tmp_path / "out")
    assert "every frame has a cell" in refused("fit", *words, "--time-step-ps", 0.5)
    told = refused("fit", *words, "--cell", "11.4,11.4,11.4")
    assert "the time between frames is known" in told
    assert "is a file" in refused("fit", tmp_path / "none.dump", *words[1:])
    assert "needs target atoms" in refused("fit", path, "--lag-ps", 2, "-o", tmp_path / "out")


def test_a_part_for_testing_is_kept_apart(run: HoppingRun) -> None:
    early, late = learning_and_test(run.trajectory, 0.25, 2.0)
    assert (len(early), len(late)) == (900, 300)
    np.testing.assert_array_equal(late.positions, run.trajectory.positions[900:])
    with pytest.raises(InputError, match="the 12 frames for testing"):
        learning_and_test(run.trajectory, 0.01, 10.0)
