"""Visits by cores, their times, and agreement of states: against plain counting and known rates."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.dynamics.core_sets import (
    core_sites,
    hard_memberships,
    nearest_sites,
    residence_times_ps,
    state_agreement,
)
from leyden.dynamics.koopman import Kinetics
from leyden.errors import InputError
from leyden.simulators.fcc_sites import SITE_STATES
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo
from leyden.simulators.lattice_hopping import LatticeHopping

TOY = LatticeHopping()
LINE = np.array([[0.0, 0, 0], [5.0, 0, 0]])
BOX = np.diag([10.0, 10.0, 10.0])


def on_a_line(*x):
    """One atom, frame after frame."""
    return np.array([[[value, 0.0, 0.0]] for value in x])


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_nearest_sites_are_those_of_a_search_through_all_images(seed):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(3, 8, 3)) + np.tril(rng.uniform(-2, 2, (3, 3)), -1)
    sites, places = rng.uniform(-6, 6, (5, 3)), rng.uniform(-12, 12, (3, 2, 3))
    images = np.array(list(itertools.product(range(-9, 10), repeat=3))) @ cell
    found, distance = nearest_sites(places, sites, cell)
    for place in np.ndindex(3, 2):
        away = np.linalg.norm(places[place] - sites[:, None] - images, axis=2).min(axis=1)
        assert distance[place] == pytest.approx(away.min())
        assert found[place] == away.argmin()


def test_a_visit_counts_when_a_core_is_entered():
    """Turning back at the border is no visit; the site is kept until another core is entered."""
    walk = on_a_line(2.0, 0.5, 2.6, 4.0, 2.4, 0.9, 2.6, 4.1, 3.0, 1.2, 9.0, 9.9, -0.2, 15.3)
    sites = core_sites(walk, LINE, BOX, 1.0)[:, 0]
    assert sites.tolist() == [-1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1]
    nearest, _ = nearest_sites(walk, LINE, BOX)
    assert nearest[2, 0] == 1  # at the border it would have counted


def test_residence_time_is_time_over_exits():
    states = np.array([0, 0, 0, 1, 1, 0, 0, 1, -1, 1, 1, 0])
    times = residence_times_ps(states, 2.0, blocks=2)
    # State 0: five steps from it, two exits. State 1: four steps (two beside -1 are none), two.
    assert [time.value for time in times] == [5 / 2 * 2.0, 4 / 2 * 2.0]
    never = residence_times_ps(np.zeros(50, dtype=int), 1.0, blocks=5)
    assert never[0].value == np.inf


@pytest.mark.parametrize("lag", [5, 10, 25])
def test_relaxation_and_residence_of_known_rates_are_covered(lag):
    twin = KineticMonteCarlo()
    states = twin.run(200.0, random_state=lag).states
    model = Kinetics(hard_memberships(states), lag).koopman()
    low, high = model.timescales_interval[:, 0]
    assert low < twin.local_timescale_ps < high < 1.3 * low
    low, high = model.populations_interval[:, 0]
    assert low < twin.octahedral_population < high
    balance = model.populations[:, None] * model.matrix
    np.testing.assert_allclose(balance, balance.T, atol=1e-5)
    octahedral, tetrahedral = residence_times_ps(states, 1.0)
    # A visit within one frame is not seen: about 1 ps is added to each time.
    assert octahedral.low < twin.octahedral_ps + 5
    assert octahedral.high > twin.octahedral_ps
    assert tetrahedral.low < twin.tetrahedral_ps + 2
    assert tetrahedral.high > twin.tetrahedral_ps


def test_intervals_of_the_timescale_cover():
    """Of 60 runs of 20 ns, the 95 % interval holds the exact timescale in at least 90 %."""
    twin = KineticMonteCarlo()
    held = []
    for seed in range(60):
        states = hard_memberships(twin.run(20.0, random_state=seed).states)
        low, high = Kinetics(states, 10, samples=300).koopman().timescales_interval[:, 0]
        held.append(low < twin.local_timescale_ps < high)
    assert np.mean(held) >= 0.9


def test_many_atoms_count_together():
    twin = KineticMonteCarlo(lithium=100)
    states = twin.run(2.0, random_state=1).states
    low, high = Kinetics(hard_memberships(states), 10).koopman().timescales_interval[:, 0]
    assert low < twin.local_timescale_ps < high


def test_cores_give_back_the_sites_of_a_hopping_atom():
    """At 0.6 angstrom cores, vibration of the twin makes no false visit."""
    run = KineticMonteCarlo(octahedral_ps=20, tetrahedral_ps=15).run(2.0, random_state=2)
    sites = core_sites(run.trajectory.positions[:, :1], TOY.sites_A, TOY.cell_A, 0.6)
    assert (
        state_agreement(sites, run.sites).fraction > 0.97
    )  # of the first frames none is in a core
    found = np.where(sites < 0, -1, SITE_STATES[sites])
    assert state_agreement(1 - found[sites >= 0], run.states[sites >= 0]).naming == {0: 1, 1: 0}


def test_a_state_that_is_not_coupled_has_an_infinite_timescale():
    states = np.repeat([[0, 1]], 100, axis=0)
    assert Kinetics(hard_memberships(states), 1).koopman().timescales_ps[0] == np.inf


def test_frames_before_the_first_core_are_left_out():
    states = np.array([[-1, 0], [1, 0], [1, 1]])
    np.testing.assert_array_equal(hard_memberships(states), np.eye(2)[[[1, 0], [1, 1]]])
    assert hard_memberships(states, 3).shape == (2, 2, 3)


def test_agreement_takes_the_best_naming():
    truth = np.array([0, 0, 1, 1, 2, 2, -1])
    found = np.array([2, 2, 0, 0, 1, 0, 1])
    agreement = state_agreement(found, truth)
    assert agreement.fraction == pytest.approx(5 / 6)
    assert agreement.naming == {2: 0, 0: 1, 1: 2}
    assert state_agreement(np.array([0, 0, 0, -1]), np.array([0, 1, 1, 1])).fraction == 0.5
    more = state_agreement(np.array([0, 1, 2, 2]), np.array([0, 0, 1, 1]))
    assert more.fraction == 0.75


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: core_sites(on_a_line(0, np.nan), LINE, BOX, 1.0), "coordinate is finite"),
        (lambda: core_sites(on_a_line(0)[0], LINE, BOX, 1.0), r"\(frames, atoms, 3\)"),
        (lambda: core_sites(on_a_line(0), LINE, BOX, 0.0), "must be positive"),
        (lambda: core_sites(on_a_line(0), LINE, BOX, 2.6), "must not overlap"),
        (lambda: core_sites(on_a_line(0), LINE, 0 * BOX, 1.0), "span a volume"),
        (lambda: nearest_sites(np.zeros((2, 2)), LINE, BOX), r"shape \(\.\.\., 3\)"),
        (lambda: hard_memberships(np.arange(90.0)), "whole numbers"),
        (lambda: hard_memberships(np.array([0, -1, 1])), "keeps its state"),
        (lambda: residence_times_ps(np.arange(30) % 2, 1.0), "two or more frames each"),
        (lambda: residence_times_ps(np.arange(90) % 2 - 2, 1.0), "numbered from 0"),
        (lambda: residence_times_ps(np.arange(90) % 2, -1.0), "time step"),
        (lambda: state_agreement(np.zeros(3, int), np.zeros(2, int)), "row by row"),
        (lambda: state_agreement(np.zeros(2, int), np.array([-1, -1])), "no row"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
