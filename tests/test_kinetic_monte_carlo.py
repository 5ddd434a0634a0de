"""Hops with known rates: the sampled walk against its generator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.linalg import expm

from leyden.data.trajectory import Trajectory
from leyden.dynamics.core_sets import nearest_sites
from leyden.errors import InputError
from leyden.physics.diffusion import mean_squared_displacement_A2, self_diffusion
from leyden.simulators.fcc_sites import CONNECTIONS, SITE_STATES
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo
from leyden.simulators.lattice_hopping import LatticeHopping

TWIN = KineticMonteCarlo()
times = st.floats(1, 1000)


@settings(max_examples=30)
@given(times, times)
def test_modes_of_twelve_sites(octahedral_ps, tetrahedral_ps):
    """One stationary, one local, three of the octahedral sites and seven of the tetrahedral."""
    twin = KineticMonteCarlo(octahedral_ps, tetrahedral_ps)
    generator = twin.generator_per_ps()
    np.testing.assert_allclose(generator.sum(axis=1), 0, atol=1e-12)
    local = 1 / octahedral_ps + 1 / tetrahedral_ps
    expected = [0, local, *[1 / octahedral_ps] * 3, *[1 / tetrahedral_ps] * 7]
    found = np.sort(-np.linalg.eigvals(generator).real)
    np.testing.assert_allclose(found, np.sort(expected), atol=1e-6 * local)
    assert 1 / twin.local_timescale_ps == pytest.approx(local)
    assert twin.slowest_timescale_ps == max(octahedral_ps, tetrahedral_ps)
    stationary = np.where(SITE_STATES == 0, octahedral_ps / 4, tetrahedral_ps / 8)
    np.testing.assert_allclose(stationary @ generator, 0, atol=1e-12)


@pytest.mark.parametrize("lag", [5, 50])
def test_the_walk_has_the_transition_matrix_of_its_generator(lag):
    """Pairs taken one lag apart, each used once, are independent given where they start."""
    sites = TWIN.run(400.0, frame_ps=5.0, random_state=1).sites[:, 0][:: lag // 5]
    counts = np.zeros((12, 12))
    np.add.at(counts, (sites[:-1], sites[1:]), 1)
    exact = expm(lag * TWIN.generator_per_ps())
    expected = counts.sum(axis=1, keepdims=True) * exact
    chi_square = np.sum((counts - expected) ** 2 / expected)
    assert 1e-4 < stats.chi2.sf(chi_square, 12 * 11) < 1 - 1e-4


def test_hops_lead_to_neighbours_and_visits_last_as_long_as_said():
    run = KineticMonteCarlo(lithium_spread_A=0, sulfur_spread_A=0).run(150.0, 0.2, random_state=2)
    sites, places = run.sites[:, 0], run.trajectory.positions[:, 0].astype(np.float64)
    moved = np.linalg.norm(np.diff(places, axis=0), axis=1)
    hops = np.flatnonzero(moved)
    single = CONNECTIONS[sites[hops], sites[hops + 1]]
    assert single.mean() > 0.99  # two hops within a frame are rare
    np.testing.assert_allclose(moved[hops][single], np.sqrt(3) / 4 * TWIN.lattice_A, rtol=1e-4)
    visits = np.diff(hops) * 0.2
    for state, mean in ((0, 199.0), (1, 58.0)):
        these = visits[SITE_STATES[sites[hops[:-1] + 1]] == state]
        assert these.mean() == pytest.approx(mean, abs=4 * mean / np.sqrt(len(these)))
        assert these.std() == pytest.approx(mean, rel=0.15)  # exponential
        directions = np.diff(places, axis=0)[hops[1:]][SITE_STATES[sites[hops[1:]]] == state]
        assert np.abs(directions.mean(axis=0)).max() < 4 * 1.425 / np.sqrt(len(directions))


def test_the_walk_starts_in_equilibrium_and_spreads_as_the_theory_says():
    """Steps are not correlated, so the mean squared displacement is a straight line from zero."""
    twin = KineticMonteCarlo(lithium=3000, cells=(4, 4, 4), lithium_spread_A=0)
    run = twin.run(0.6, frame_ps=2.0, random_state=3)
    started = (run.states[0] == 0).mean()
    assert started == pytest.approx(twin.octahedral_population, abs=0.03)
    walk = run.trajectory.positions[:, :3000]
    from_start = np.sum((walk - walk[0]).astype(np.float64) ** 2, axis=2)
    for lag in (5, 50, 250):
        exact = 6 * twin.diffusion_A2_per_ps * 2.0 * lag
        error = from_start[lag].std() / np.sqrt(3000)
        assert from_start[lag].mean() == pytest.approx(exact, abs=4 * error)


def test_vibration_adds_a_constant_and_leaves_diffusion():
    twin = KineticMonteCarlo(20.0, 10.0, lithium=40, lithium_spread_A=0.3)
    run = twin.run(4.0, frame_ps=2.0, random_state=4)
    walk = run.trajectory.positions[:, :40]
    curve = mean_squared_displacement_A2(walk).mean(axis=1)
    assert curve[1] == pytest.approx(6 * twin.diffusion_A2_per_ps * 2 + 6 * 0.3**2, rel=0.1)
    found = self_diffusion(walk, 2.0, window_ps=(4, 60)).coefficient_m2_per_s
    assert found.covers(1e-8 * twin.diffusion_A2_per_ps)
    assert found.high < 1.3 * found.low


def test_true_sites_are_where_the_atoms_are():
    run = KineticMonteCarlo(lithium=5, cells=(2, 1, 3)).run(2.0, random_state=5)
    trajectory = run.trajectory
    assert trajectory.species == ("Li",) * 5 + ("S",) * 24
    np.testing.assert_allclose(trajectory.cells[0], np.diag([11.4, 5.7, 17.1]))
    unit = TWIN.lattice_A * np.eye(3)
    found, distance = nearest_sites(trajectory.positions[:, :5], LatticeHopping().sites_A, unit)
    assert (found == run.sites)[distance < 1.0].all()
    assert (found == run.sites).mean() > 0.999
    assert set(np.unique(run.states)) == {0, 1}
    start = np.floor(trajectory.positions[0, :5] / 5.7)
    assert (np.abs(start - start.round()) == 0).all()
    assert (start.max(axis=0) <= [2, 1, 3]).all()


def test_equal_seeds_give_equal_runs_on_disk_too(tmp_path):
    first = TWIN.run(1.0, random_state=6)
    second = TWIN.run(1.0, random_state=6, store=tmp_path / "run")
    np.testing.assert_array_equal(first.sites, second.sites)
    opened = Trajectory.open(tmp_path / "run").positions
    np.testing.assert_array_equal(first.trajectory.positions, opened)
    assert not np.array_equal(first.sites, TWIN.run(1.0, random_state=7).sites)


def test_vibrations_do_not_depend_on_the_pieces(monkeypatch):
    from leyden.simulators import kinetic_monte_carlo

    first = TWIN.run(0.5, random_state=8).trajectory.positions
    monkeypatch.setattr(kinetic_monte_carlo, "_PIECE_BYTES", 24 * 5 * 17)
    np.testing.assert_array_equal(TWIN.run(0.5, random_state=8).trajectory.positions, first)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"octahedral_ps": 0.0}, "octahedral_ps must be positive"),
        ({"tetrahedral_ps": float("inf")}, "tetrahedral_ps must be positive"),
        ({"lithium": 0}, "lithium must be positive"),
        ({"cells": (1, 0, 1)}, "cells must be positive"),
        ({"cells": (1, 1)}, "along three axes"),
        ({"lithium": 1.5}, "whole numbers"),
        ({"sulfur_spread_A": -0.1}, "sulfur_spread_A must not be negative"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        KineticMonteCarlo(**wrong)


def test_times_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="whole frames"):
        TWIN.run(0.0015)
