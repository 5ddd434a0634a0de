"""The coarse-grained polymer electrolyte: its parameters, its energies, its runs and their ends."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.trajectory import Trajectory
from leyden.errors import ArtefactError, InputError, MissingExtraError
from leyden.simulators import polymer_script, polymer_stages
from leyden.simulators.bead_spring import BeadSpring
from leyden.simulators.lammps_run import LammpsEnd, read_thermo, run_lammps
from leyden.simulators.polymer_electrolyte import (
    SEARCH_SPACES,
    PolymerElectrolyte,
    independent_runs,
)
from leyden.simulators.polymer_outcome import (
    Outcome,
    closest_approach,
    ion_cluster_share,
    ion_structure_factor,
    judge,
    read_positions,
    verdict,
    wrong_with,
)
from leyden.simulators.polymer_packing import random_chains, write_data
from leyden.simulators.polymer_run import PolymerRun
from leyden.simulators.polymer_stages import Stage

SMALL = PolymerElectrolyte(chains=4, monomers=6, li_per_eo=0.125)
BRIEF: dict[str, Any] = {"frame_ps": 0.8, "compression_ns": 0.008, "relaxation_ns": 0.004}


def brief(folder: Path | None, electrolyte: PolymerElectrolyte = SMALL, **more: Any) -> PolymerRun:
    return electrolyte.run(**({"production_ns": 0.016, "folder": folder} | BRIEF | more))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[PolymerRun, Path]:
    folder = tmp_path_factory.mktemp("polymer") / "run"
    return brief(folder, production_ns=0.12), folder


# --- parameters


@settings(max_examples=40)
@given(st.data())
def test_every_point_of_the_published_spaces_is_a_neutral_electrolyte(data: st.DataObject) -> None:
    space = SEARCH_SPACES[data.draw(st.sampled_from(sorted(SEARCH_SPACES)))]
    point = {name: data.draw(st.floats(*bounds)) for name, bounds in space.items()}
    system = PolymerElectrolyte.at(**point).system
    assert system.charge.sum() == 0
    assert np.allclose(system.epsilon, np.transpose(system.epsilon))
    secondary = system.species.count("SS")
    assert secondary == (56 if "secondary_radius" in point else 0)
    lithium = round(280 * point.get("li_per_eo", 0.1))
    assert [system.species.count(name) for name in ("EO", "Li", "anion")] == [280, *[lithium] * 2]


def test_secondary_sites_stand_between_runs_of_five_monomers() -> None:
    system = PolymerElectrolyte(secondary_radius=2.0, monomers=10).system
    chain = [system.names[kind] for kind in system.chain]
    assert chain == (["EO"] * 5 + ["SS"]) * 2


def test_topology_of_two_chains_and_an_ion_pair() -> None:
    system = PolymerElectrolyte(chains=2, monomers=4, li_per_eo=0.125).system
    assert system.bonds.tolist() == [[0, 1], [1, 2], [2, 3], [4, 5], [5, 6], [6, 7]]
    assert system.angles.tolist() == [[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]]
    assert system.molecules.tolist() == [0] * 4 + [1] * 4 + [2, 3]
    assert system.species == ("EO",) * 8 + ("Li", "anion")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"anion_radius": 9.0}, "anion_radius lies between 0.5 and 6"),
        ({"epsilon_cation_anion": math.nan}, "epsilon_cation_anion lies between"),
        ({"epsilon_chain_chain": -1.0}, "epsilon_chain_chain"),
        ({"temperature_K": 0.0}, "temperature_K lies between 150 and 1000"),
        ({"monomers": 2}, "monomers lies between 3"),
        ({"chains": 2.5}, "chains is a whole number"),
        ({"chains": 1, "monomers": 4}, "an electrolyte has lithium"),
        ({"li_per_eo": "10"}, "li_per_eo"),
        ({"anion_radios": 2.0}, "did you mean 'anion_radius'"),
    ],
)
def test_values_without_physics_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        PolymerElectrolyte.at(**changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"production_ns": 0.0}, "production_ns must be positive"),
        ({"frame_ps": 1.0}, "frame_ps must be a multiple of the time step of 16 fs"),
        ({"random_state": -1}, "random_state is a whole number"),
        ({"production_ns": 0.001}, "20 frames at least"),
    ],
)
def test_times_that_do_not_fit_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        brief(None, **changes)


# --- packing


def test_thrown_chains_have_their_bonds_and_the_angles_of_the_potential() -> None:
    system = PolymerElectrolyte(chains=50, monomers=40).system
    positions, edge = random_chains(system, 0)
    bonds = np.diff(positions[system.bonds], axis=1)[:, 0]
    assert np.allclose(np.linalg.norm(bonds, axis=1), 3.3)
    first, middle, last = positions[system.angles].transpose(1, 0, 2)
    cosine = np.sum((first - middle) * (last - middle), axis=1) / 3.3**2
    grid = np.linspace(-1, 1, 100_001)
    weight = np.exp(-6.0 * (grid - math.cos(math.radians(130))) ** 2 / (0.0019872 * 363))
    expected = np.average(grid, weights=weight)
    spread = math.sqrt(np.average((grid - expected) ** 2, weights=weight) / len(cosine))
    assert abs(cosine.mean() - expected) < 4 * spread
    assert edge**3 == pytest.approx(system.volume_A3)


def test_a_data_file_says_where_the_beads_are(tmp_path: Path) -> None:
    positions, edge = random_chains(SMALL.system, 2)
    write_data(SMALL.system, positions, edge, tmp_path / "a.data")
    found, found_edge = read_positions(tmp_path / "a.data")
    assert found_edge == pytest.approx(edge)
    assert np.allclose(found, positions, atol=1e-8)


# --- energies against values worked out by hand


def energies(system: BeadSpring, positions: list[list[float]], folder: Path) -> dict[str, float]:
    write_data(system, np.array(positions, dtype=float) + 5.0, 300.0, folder / "start.data")
    script = folder / "one.in"
    lines = polymer_script.model(system, "start.data")
    script.write_text("\n".join([*lines, "thermo_style custom " + polymer_script.THERMO, "run 0"]))
    terms = polymer_script.THERMO
    script.write_text(
        script.read_text().replace(terms, terms.replace("econserve", "etotal")) + "\n"
    )
    assert run_lammps(script).error == ""
    return {
        name: float(values[0]) for name, values in read_thermo(script.with_suffix(".log")).items()
    }


def lennard_jones(epsilon: float, sigma: float, distance: float) -> float:
    def at(r: float) -> float:
        return 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)

    return at(distance) - at(2.5 * sigma) if distance < 2.5 * sigma else 0.0


def test_bonds_and_angles_by_hand(tmp_path: Path) -> None:
    system = PolymerElectrolyte(chains=1, monomers=3, li_per_eo=0.4).system
    # 3.5 A along x and then 3.1 A at a right angle; the ions are out of reach of all.
    found = energies(
        system, [[0, 0, 0], [3.5, 0, 0], [3.5, 3.1, 0], [0, 100, 0], [100, 0, 100]], tmp_path
    )
    assert found["E_bond"] == pytest.approx(20.3 * (0.2**2 + 0.2**2), rel=1e-5)
    assert found["E_angle"] == pytest.approx(6.0 * math.cos(math.radians(130)) ** 2, rel=1e-5)
    first_to_third = math.hypot(3.5, 3.1)  # neighbours but one repel each other in full
    assert found["E_vdwl"] == pytest.approx(lennard_jones(0.807, 4.3, first_to_third), rel=1e-5)


def test_an_ion_pair_and_a_monomer_by_hand(tmp_path: Path) -> None:
    reference = PolymerElectrolyte(chains=1, monomers=3, li_per_eo=0.4)
    chain = [[0, 0, 0], [3.3, 0, 0], [6.6, 0, 0]]
    ions = [[0, 3.0, 0], [0, 3.0, 5.0]]
    found = energies(reference.system, [*chain, *ions], tmp_path)
    coulomb = -332.06371 / (10.0 * 5.0)
    assert found["E_coul"] + found["E_long"] == pytest.approx(coulomb, rel=0.01)
    expected = lennard_jones(0.6, 3.9, 5.0) + lennard_jones(0.807, 4.3, 6.6)
    for x, _, _ in chain:
        expected += lennard_jones(3.0, 3.15, math.hypot(x, 3.0))
        expected += lennard_jones(0.6, 5.05, math.hypot(x, 3.0, 5.0))
    assert found["E_vdwl"] == pytest.approx(expected, rel=1e-5)


# --- a run


def test_a_run_tells_what_it_did(finished: tuple[PolymerRun, Path]) -> None:
    run, folder = finished
    assert run.trajectory is not None
    assert run.outcome in {Outcome.OK, Outcome.GLASSY}, run.error
    assert run.trajectory.positions.shape == (150, 30, 3)
    assert run.trajectory.species == SMALL.system.species
    assert run.trajectory.charges is not None
    assert run.trajectory.charges.sum() == 0
    assert run.trajectory.time_step_ps == 0.8
    assert [s.name for s in run.stages] == [
        *("pushing", "compression", "relaxation", "production-0000", "production-0001")
    ]
    assert 0 < run.cpu_seconds < 60
    assert {"lammps", "mpich"} <= run.versions.keys()
    assert all(len(values) == 150 for values in run.log.values())
    # 30 beads: the standard deviation of one temperature is 15 %; 150 frames of about 1 ps memory.
    assert run.temperature_K == pytest.approx(363, rel=0.08)
    assert abs(run.energy_drift) < 5
    assert 0.8 < run.density_g_per_cm3 < 1.4
    assert Trajectory.open(folder / "trajectory-150").atoms == 30


def test_the_centre_of_mass_rests_and_segments_join(finished: tuple[PolymerRun, Path]) -> None:
    trajectory = finished[0].trajectory
    assert trajectory is not None
    centre = np.einsum("tnx,n->tx", trajectory.positions, SMALL.system.mass)
    assert np.abs(centre).max() / SMALL.system.mass.sum() < 1e-4
    steps = np.linalg.norm(np.diff(trajectory.positions, axis=0), axis=2)
    assert steps.max() < 12  # nobody crosses the box in a frame, between segments neither
    assert steps[124].mean() == pytest.approx(steps.mean(), rel=0.5)


def test_energy_is_conserved_but_for_the_thermostat(finished: tuple[PolymerRun, Path]) -> None:
    log = finished[0].log
    total = np.std(log["total_energy_kcal_per_mol"])
    assert np.std(log["conserved_energy_kcal_per_mol"]) < 0.3 * total
    assert np.abs(np.diff(log["conserved_energy_kcal_per_mol"])).max() < total


def test_equal_seeds_give_equal_runs_and_a_longer_run_goes_on(tmp_path: Path) -> None:
    short = brief(tmp_path / "a", random_state=3)
    again = brief(None, random_state=3)
    other = brief(None, random_state=4)
    longer = brief(tmp_path / "a", random_state=3, production_ns=0.024)
    runs = [run.trajectory.positions for run in (short, again, other, longer) if run.trajectory]
    assert np.array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])
    assert np.array_equal(runs[0], runs[3][:20])
    assert longer.stages[:3] == short.stages[:3]  # not done again, or their times would differ


def test_a_folder_holds_one_run(finished: tuple[PolymerRun, Path]) -> None:
    with pytest.raises(InputError, match="differs in random_state"):
        brief(finished[1], random_state=1)
    with pytest.raises(InputError, match="differs in system"):
        brief(finished[1], PolymerElectrolyte(chains=5, monomers=6, li_per_eo=0.125))


def test_independent_runs_have_their_own_folders(tmp_path: Path) -> None:
    runs = independent_runs(SMALL, tmp_path, runs=2, random_state=5, production_ns=0.016, **BRIEF)
    assert [run.random_state for run in runs] == [5, 6]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run-5", "run-6"]
    with pytest.raises(InputError, match="one run at least"):
        independent_runs(SMALL, tmp_path, runs=0)


def test_conductivity_is_that_of_the_diffusion(finished: tuple[PolymerRun, Path]) -> None:
    run, _ = finished
    assert run.trajectory is not None
    found = run.conductivity()
    lithium = run.trajectory.positions[:, run.trajectory.select("Li")].astype(float)
    lags = np.arange(5, 19)  # 3 to 12 % of 150 frames
    moved = [np.square(lithium[lag:] - lithium[:-lag]).sum(axis=2).mean() for lag in lags]
    slope = np.polyfit(0.8 * lags, moved, 1, w=1 / lags**1.5)[0]
    e2_per_kT = 1.602176634e-19**2 / (1.380649e-23 * 363)
    expected = e2_per_kT * 3 * (slope * 1e-8 / 6) / (run.volume_A3 * 1e-30) / 100
    assert found.S_per_cm.value == pytest.approx(expected, rel=0.02)
    assert found.S_per_cm.low < found.S_per_cm.value < found.S_per_cm.high
    assert found.log10_S_per_cm == pytest.approx(math.log10(found.S_per_cm.value))
    assert found.is_upper_bound == (run.outcome is not Outcome.OK)
    assert run.ion_conductivity().nernst_einstein_S_per_m.value > 100 * found.S_per_cm.value


# --- bad ends


def test_a_run_out_of_time_says_so_and_can_go_on(tmp_path: Path) -> None:
    late = brief(tmp_path, production_ns=5.0, timeout_s=2.0)
    assert late.outcome is Outcome.TIMED_OUT
    assert "did not end within" in late.error
    assert late.trajectory is None
    assert brief(tmp_path).trajectory is not None


def test_a_killed_lammps_is_a_crash_with_its_signal(tmp_path: Path) -> None:
    script = tmp_path / "endless.in"
    script.write_text("units real\nshell sleep 60\n")

    def kill(log: Path) -> None:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in children:
            if "endless.in" in Path(f"/proc/{child}/cmdline").read_text() and log.exists():
                os.kill(int(child), signal.SIGKILL)

    end = run_lammps(script, watch=kill, timeout_s=20)
    assert "signal 9 (SIGKILL)" in end.error
    assert not end.repeatable
    assert not end.timed_out


def test_a_run_whose_lammps_was_killed_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = polymer_stages.run_lammps

    def killed(script: Path, **more: Any) -> LammpsEnd:
        if script.parent.name == "relaxation":
            return LammpsEnd(1.0, 1.0, "LAMMPS was ended by signal 9 (SIGKILL)")
        return plain(script, **more)

    with monkeypatch.context() as patch:
        patch.setattr(polymer_stages, "run_lammps", killed)
        run = brief(tmp_path)
    assert (run.outcome, run.killed) == (Outcome.CRASHED, True)
    again = brief(tmp_path)
    assert not again.killed
    assert again.trajectory is not None
    assert again.stages[:2] == run.stages  # not done again, or their times would differ
    assert again.provenance["lammps_version"] == again.versions["lammps"]
    kept = json.loads((tmp_path / "run.json").read_text())
    assert again.provenance["script_sha256"] == kept["script"]


def test_a_killed_driver_takes_lammps_along_and_the_next_one_ends_the_same(tmp_path: Path) -> None:
    code = (
        "from leyden.simulators.polymer_electrolyte import PolymerElectrolyte as P\n"
        "run = P(chains=4, monomers=6, li_per_eo=0.125).run\n"
        f"run(production_ns=0.12, folder={str(tmp_path / 'a')!r}, **{BRIEF!r})"
    )
    driver = subprocess.Popen([sys.executable, "-c", code])
    relaxed = tmp_path / "a" / "relaxation" / "done.json"
    for _ in range(600):
        if relaxed.exists():
            break
        time.sleep(0.1)
    driver.kill()
    driver.wait()
    assert relaxed.exists()
    assert not (tmp_path / "a" / "trajectory-150").exists()
    resumed, straight = brief(tmp_path / "a", production_ns=0.12), brief(None, production_ns=0.12)
    assert resumed.trajectory is not None
    assert straight.trajectory is not None
    assert np.array_equal(resumed.trajectory.positions, straight.trajectory.positions)


def test_beads_that_fly_apart_are_a_blow_up_and_stay_one(tmp_path: Path) -> None:
    run = brief(tmp_path, time_step_fs=160.0)
    assert run.outcome is Outcome.BLOW_UP, run.error
    assert run.trajectory is None
    assert not run.killed
    again = brief(tmp_path, time_step_fs=160.0)
    assert (again.outcome, again.error) == (run.outcome, run.error)
    with pytest.raises(InputError, match="this one has blow-up"):
        run.conductivity()


def test_beads_that_could_not_be_pushed_apart_are_an_overlap(tmp_path: Path) -> None:
    edge = 24.0
    positions = np.indices((4, 4, 4)).reshape(3, -1).T[: SMALL.system.beads] * edge / 4
    stage = Stage("pushing", tmp_path, 10, 0.1, 0.1)
    (tmp_path / "stage.log").write_text("Step Temp\n0 363\n10 363\nLoop time of 1\n")
    write_data(SMALL.system, positions, edge, tmp_path / "end.data")
    assert wrong_with(SMALL.system, stage) == (Outcome.OK, "")
    positions[-1] = positions[0] + 0.1
    write_data(SMALL.system, positions, edge, tmp_path / "end.data")
    outcome, told = wrong_with(SMALL.system, stage)
    assert outcome is Outcome.OVERLAP
    assert "nearer than 0.6" in told
    (tmp_path / "stage.log").write_text("Step Temp\n0 363\n10 -nan\nLoop time of 1\n")
    assert wrong_with(SMALL.system, stage)[0] is Outcome.BLOW_UP


def test_frames_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    brief(tmp_path)
    (tmp_path / "production-0000" / "frames.dcd").write_bytes(
        (tmp_path / "production-0000" / "frames.dcd").read_bytes()[:-10]
    )
    shutil.rmtree(tmp_path / "trajectory-20")
    with pytest.raises(ArtefactError, match="frames are missing"):
        brief(tmp_path)


def test_without_lammps_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'leyden\[md\]'"):
        brief(None)
    monkeypatch.undo()


# --- signs


def test_structure_factor_of_a_gas_is_one_and_of_a_droplet_large() -> None:
    random = np.random.default_rng(0)
    gas = random.uniform(0, 30, (2000, 60, 3))
    assert ion_structure_factor(gas, 30.0) == pytest.approx(1.0, abs=0.06)
    droplet = 15 + random.normal(0, 3, (50, 60, 3))
    damping = math.exp(-((2 * math.pi / 30) ** 2) * 9)
    assert ion_structure_factor(droplet, 30.0) == pytest.approx(60 * damping + 1 - damping, rel=0.1)


def test_share_of_the_largest_cluster_across_the_border() -> None:
    cations = np.array([[[0.5, 0, 0], [10, 10, 10]]])
    anions = np.array([[[29.0, 0, 0], [20, 10, 10]]])  # 1.5 A from the first, by the border
    assert ion_cluster_share(cations, anions, 30.0, 2.0) == pytest.approx(0.5)
    assert ion_cluster_share(cations, anions, 30.0, 1.0) == pytest.approx(0.25)


def test_closest_approach_passes_over_bonds_and_sees_the_border() -> None:
    system = PolymerElectrolyte(chains=1, monomers=3, li_per_eo=0.4).system
    positions = np.array([[0, 0, 0], [1, 0, 0], [29, 0, 0], [10, 10, 10], [20, 20, 20]], float)
    # beads 0 and 2 lie 1 A apart by the border and are not bonded; 1 and 2 are, 2 A apart
    assert closest_approach(system, positions, 30.0) == pytest.approx(1 / 4.3)


GOOD = {
    "closest": 0.9,
    "ion_structure_factor": 0.6,
    "ion_cluster_share": 0.4,
    "slope_Li": 0.97,
    "slope_kept_Li": 1.02,
    "slope_kept_Li_error": 0.1,
    "moved_Li": 5.0,
}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.OK),
        ({"closest": 0.3}, Outcome.OVERLAP),
        ({"slope_Li": 0.6, "slope_kept_Li": 0.7}, Outcome.GLASSY),
        ({"slope_Li": 0.85}, Outcome.OK),  # rattles in cages, and diffuses out of them
        ({"slope_kept_Li": 0.7}, Outcome.OK),  # chance: the motion as a whole is diffusion
        ({"slope_Li": 0.85, "slope_kept_Li": 0.87}, Outcome.OK),  # within its error
        ({"moved_Li": 0.4}, Outcome.GLASSY),
        ({"ion_structure_factor": 12.0, "ion_cluster_share": 0.9}, Outcome.PHASE_SEPARATED),
        ({"ion_cluster_share": 0.9}, Outcome.OK),  # a network of ions all over the polymer
    ],
)
def test_signs_and_their_verdict(changes: dict[str, float], outcome: Outcome) -> None:
    found, reason = verdict(GOOD | changes)
    assert found is outcome
    assert bool(reason) == (outcome is not Outcome.OK)


def moving(steps: np.ndarray, rattling: float, seed: int) -> dict[str, float]:
    """Slopes of 30 lithium that move by sums of these steps (500, 30, 3), and rattle, angstrom."""
    system = PolymerElectrolyte(li_per_eo=30 / 280).system
    generator = np.random.default_rng(seed)
    kinds = np.array(system.species)
    beads = np.tile(generator.uniform(0, 200, (system.beads, 3)), (500, 1, 1))
    beads[:, kinds == "Li"] += np.cumsum(steps, axis=0) + generator.normal(0, rattling, steps.shape)
    signs = judge(system, Trajectory(beads, 200 * np.eye(3), system.species, 4.0, system.charge))[2]
    return {name: signs[name] for name in signs if "slope" in name}


def test_caged_ions_that_diffuse_are_told_from_those_that_slow_down() -> None:
    """At the size and length of a run of 2 ns, 20 runs each."""
    apart = np.abs(np.subtract.outer(np.arange(500.0), np.arange(500.0)))
    # fractional Gaussian noise of exponent 0.6, by the Cholesky factor of its covariance
    power = [np.abs(apart + shift) ** 0.6 for shift in (-1, 0, 1)]
    root = np.linalg.cholesky(0.5 * (power[0] - 2 * power[1] + power[2]))
    caged, slowing = [], []
    for seed in range(20):
        walk = np.random.default_rng(seed).normal(0, 0.6, (500, 30, 3))
        caged.append(moving(walk, 2.5, seed))
        slowing.append(moving(np.einsum("ts,snk->tnk", root, 2 * walk), 0.0, seed))
    outcomes = [
        [verdict(GOOD | signs)[0] is Outcome.GLASSY for signs in runs] for runs in (caged, slowing)
    ]
    assert np.mean([signs["slope_Li"] for signs in caged]) < 0.85
    assert sum(outcomes[0]) <= 2
    assert sum(outcomes[1]) >= 17
    kept = np.array([signs["slope_kept_Li"] for signs in caged])
    told = np.mean([signs["slope_kept_Li_error"] for signs in caged])
    assert kept.mean() == pytest.approx(1, abs=0.07)
    assert told == pytest.approx(kept.std(ddof=1), rel=0.6)
    assert np.mean([signs["slope_kept_Li"] for signs in slowing]) == pytest.approx(
        2**-0.4, abs=0.05
    )


def test_a_salt_crystal_in_the_polymer_is_told_by_its_signs() -> None:
    system = PolymerElectrolyte().system
    edge, kinds = 60.0, np.array(system.species)
    rest = np.indices((8, 8, 8)).reshape(3, -1).T[: system.beads] * edge / 8
    crystal = 24 + 4.4 * np.indices((4, 4, 4)).reshape(3, -1).T[:56]
    parity = ((crystal - 24) / 4.4).round().sum(axis=1) % 2
    positions = np.tile(rest, (100, 1, 1))
    positions[:, :280] += [[40, 0, 0]]
    positions[:, kinds == "Li"] = crystal[parity == 0]
    positions[:, kinds == "anion"] = crystal[parity == 1]
    trembling = np.random.default_rng(0).normal(0, 0.1, positions.shape)
    run = Trajectory(positions + trembling, edge * np.eye(3), system.species, 4.0, system.charge)
    signs = judge(system, run)[2]
    assert signs["ion_structure_factor"] > 5
    assert signs["ion_cluster_share"] > 0.9
    assert abs(signs["slope_Li"]) < 0.05
    assert signs["moved_Li"] < 0.2
