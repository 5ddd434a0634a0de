"""Lithium in a sulfur lattice: forces, the canonical ensemble, equal seeds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.trajectory import Trajectory
from leyden.dynamics.core_sets import nearest_sites
from leyden.errors import InputError
from leyden.physics.intervals import jackknife
from leyden.simulators import lattice_hopping
from leyden.simulators.fcc_sites import CONNECTIONS, SITE_STATES, SITES, SULFUR
from leyden.simulators.lattice_hopping import LatticeHopping

KB_EV_PER_K = 8.617333262e-5
TOY = LatticeHopping()
REST = TOY.lattice_A * np.vstack([[0.4, 0.3, 0.45], SULFUR])

displacements = st.lists(st.floats(-0.3, 0.3), min_size=15, max_size=15).map(
    lambda values: np.reshape(values, (5, 3))
)


def morse(distance, toy=TOY):
    """Zero beyond the cutoff, and continuous there."""
    well = np.exp(-toy.well_stiffness_per_A * (distance - toy.well_distance_A))
    edge = np.exp(-toy.well_stiffness_per_A * (toy.cutoff_A - toy.well_distance_A))
    inside = toy.well_depth_eV * ((1 - well) ** 2 - (1 - edge) ** 2)
    return np.where(distance < toy.cutoff_A, inside, 0.0)


def energy(frame, toy=TOY):
    """The same energy, by summing over 7 x 7 x 7 images."""
    images = toy.lattice_A * np.array(list(itertools.product(range(-3, 4), repeat=3)))
    away = (frame[0] - frame[1:])[:, None] + images
    springs = 0.5 * toy.spring_eV_per_A2 * np.sum((frame[1:] - toy.lattice_A * SULFUR) ** 2)
    return springs + morse(np.linalg.norm(away, axis=2)).sum()


@settings(max_examples=30)
@given(displacements)
def test_energy_is_that_of_a_plain_sum(moved):
    assert TOY.energy_eV(REST + moved) == pytest.approx(energy(REST + moved), abs=1e-10)


@settings(max_examples=20)
@given(displacements)
def test_forces_are_slopes_of_the_energy(moved):
    frame, step = REST + moved, 1e-5
    slopes = np.zeros((5, 3))
    for place in np.ndindex(5, 3):
        shift = np.zeros((5, 3))
        shift[place] = step
        rise = TOY.energy_eV(frame + shift) - TOY.energy_eV(frame - shift)
        slopes[place] = rise / (2 * step)
    np.testing.assert_allclose(TOY.forces_eV_per_A(frame), -slopes, atol=1e-6)


@settings(max_examples=30)
@given(st.tuples(*[st.integers(-3, 3)] * 3))
def test_lithium_may_be_in_any_image_of_the_cell(cell):
    moved = REST.copy()
    moved[0] += TOY.lattice_A * np.array(cell)
    assert TOY.energy_eV(moved) == pytest.approx(TOY.energy_eV(REST), abs=1e-10)


def test_sites_of_a_kind_are_equal_and_lie_below_the_saddle():
    energies = TOY.site_energies_eV()
    for site, state in zip(TOY.sites_A, SITE_STATES, strict=True):
        kind = ("octahedral", "tetrahedral")[state]
        frame = np.vstack([site, TOY.lattice_A * SULFUR])
        assert TOY.energy_eV(frame) == pytest.approx(energies[kind])
        np.testing.assert_allclose(TOY.forces_eV_per_A(frame)[0], 0, atol=1e-10)
    barriers = [energies["saddle"] - energies[kind] for kind in ("octahedral", "tetrahedral")]
    assert min(barriers) > 5 * KB_EV_PER_K * TOY.temperature_K


def test_hops_lead_between_neighbouring_sites():
    """Of the periodic distances between sites, the least is that between connected ones."""
    away = SITES[:, None] - SITES
    distance = np.linalg.norm(away - np.round(away), axis=2)
    assert (np.isclose(distance, np.sqrt(3) / 4) == CONNECTIONS).all()
    assert CONNECTIONS.sum(axis=1).tolist() == [8] * 4 + [4] * 8


def test_kinetic_energy_is_that_of_the_temperature():
    """At a small step; BAOAB's velocities are a little cold at a large one, its places are not."""
    toy = LatticeHopping(time_step_fs=0.5)
    rng = np.random.default_rng(1)
    places, velocities = toy._at_rest(SITES[0]), np.zeros((5, 3))
    toy._advance(places, velocities, 1, 10_000, rng)
    _, kinetic = toy._advance(places, velocities, 20_000, 50, rng)
    assert kinetic == pytest.approx(7.5 * KB_EV_PER_K * 300, rel=0.01)


def test_places_are_those_of_the_canonical_ensemble_at_the_default_step():
    """Equipartition of what is bound: -<u . F> = 3 kT of each sulfur atom, whatever the forces."""
    frames = TOY.run(2.0, frame_ps=0.2, random_state=2).positions.astype(np.float64)
    virial = [
        -np.sum((frame - TOY.lattice_A * np.vstack([SITES[0], SULFUR]))[1:] * force[1:])
        for frame, force in ((frame, TOY.forces_eV_per_A(frame)) for frame in frames)
    ]
    blocks = np.array_split(np.array(virial) / (12 * KB_EV_PER_K), 10)
    (temperature,) = jackknife(np.array([b.mean() for b in blocks]), np.atleast_1d, level=0.999)
    assert temperature.covers(300)
    assert temperature.high - temperature.low < 30


def octahedral_part(toy):
    """By the potential of mean force: Boltzmann's integral over lithium, and over each sulfur.

    Given lithium, sulfur atoms are independent: each gives a Gaussian average, by quadrature. An
    octant of the cell stands for all by symmetry.
    """
    thermal = KB_EV_PER_K * toy.temperature_K
    node, weight = np.polynomial.hermite_e.hermegauss(5)
    nodes = np.array(list(itertools.product(node, repeat=3)))
    nodes *= np.sqrt(thermal / toy.spring_eV_per_A2)
    weights = np.prod(list(itertools.product(weight / weight.sum(), repeat=3)), axis=1)
    middle = (np.arange(10) + 0.5) / 20
    grid = toy.lattice_A * np.array(list(itertools.product(middle, repeat=3)))
    images = toy.lattice_A * np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    density = np.ones(len(grid))
    for atom in toy.lattice_A * SULFUR:
        energies = np.zeros((len(grid), len(nodes)))
        for image in images:
            energies += morse(np.linalg.norm(grid[:, None] - (atom + image + nodes), axis=2), toy)
        density *= np.exp(-energies / thermal) @ weights
    sites, _ = nearest_sites(grid, toy.sites_A, toy.cell_A)
    return density[sites < 4].sum() / density.sum()


def test_populations_are_those_of_the_potential_of_mean_force():
    """Detailed balance: a hot run, so that hops are many; nearest sites, no rule of cores."""
    toy = LatticeHopping(temperature_K=600)
    trajectory = toy.run(3.0, frame_ps=0.2, random_state=3)
    sites, _ = nearest_sites(trajectory.positions[:, 0], toy.sites_A, toy.cell_A)
    assert (np.diff(sites) != 0).sum() > 500
    blocks = np.array([b.mean() for b in np.array_split(sites < 4, 20)])
    (octahedral,) = jackknife(blocks, np.atleast_1d, level=0.99)
    assert octahedral.covers(octahedral_part(toy))
    assert octahedral.high - octahedral.low < 0.12


def test_equal_seeds_give_equal_runs_in_pieces_of_any_length(monkeypatch):
    first = TOY.run(0.05, random_state=4).positions
    monkeypatch.setattr(lattice_hopping, "_PIECE_FRAMES", 7)
    np.testing.assert_array_equal(TOY.run(0.05, random_state=4).positions, first)
    assert not np.array_equal(TOY.run(0.05, random_state=5).positions, first)
    every_other = TOY.run(0.05, frame_ps=2, random_state=4).positions
    np.testing.assert_array_equal(every_other, first[1::2])


def test_a_run_is_a_trajectory_and_may_lie_on_disk(tmp_path):
    run = TOY.run(0.02, frame_ps=0.5, random_state=6, store=tmp_path / "run", progress=True)
    assert (len(run), run.atoms, run.time_step_ps) == (40, 5, 0.5)
    assert run.species == ("Li", "S", "S", "S", "S")
    np.testing.assert_allclose(run.cells, [TOY.cell_A])
    assert isinstance(run.positions, np.memmap)
    opened = Trajectory.open(tmp_path / "run")
    np.testing.assert_array_equal(opened.positions, TOY.run(0.02, 0.5, random_state=6).positions)
    away = opened.positions[:, 1:] - TOY.lattice_A * SULFUR
    assert np.sqrt(np.mean(away**2)) < 0.2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature_K": -300.0}, "temperature_K must be positive"),
        ({"lattice_A": float("nan")}, "lattice_A must be positive"),
        ({"time_step_fs": 0.0}, "time_step_fs must be positive"),
        ({"equilibration_ps": -1.0}, "equilibration_ps must be positive"),
        ({"cutoff_A": 12.0}, "more than twice lattice_A"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        LatticeHopping(**wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0,), "duration_ns must be positive"),
        ((0.1, -1.0), "frame_ps must be positive"),
        ((0.12, 0.006), "whole time steps"),
        ((0.0105, 1.0), "whole frames"),
    ],
)
def test_times_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        TOY.run(*arguments)


@pytest.mark.parametrize("frame", [np.zeros((4, 3)), np.full((5, 3), np.nan)])
def test_a_frame_that_is_none_is_refused(frame):
    with pytest.raises(InputError, match=r"shape \(5, 3\)"):
        TOY.energy_eV(frame)
