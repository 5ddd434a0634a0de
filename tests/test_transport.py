"""Diffusion and conductivity of random walks whose exact values are known, and their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leyden.errors import InputError
from leyden.physics.diffusion import (
    LagWindow,
    mean_squared_displacement_A2,
    self_diffusion,
    without_drift,
)
from leyden.physics.intervals import jackknife
from leyden.physics.ion_transport import nernst_einstein_conductivity_S_per_m
from leyden.physics.transition_conduction import transition_shares
from leyden.physics.transport import conductivity

STEP_A = 0.3
DIFFUSION_A2_PER_PS = STEP_A**2 / 2  # a step a picosecond along each axis
VOLUME_A3, TEMPERATURE_K = 1e4, 350.0
ONE_ION_S_PER_M = (
    1.602176634e-19**2 * DIFFUSION_A2_PER_PS * 1e-8 / (1e-26 * 1.380649e-23 * TEMPERATURE_K)
)
PAIRS = 8
CHARGES = np.repeat([1.0, -1.0], PAIRS)


def walks(rng, frames, atoms):
    return rng.normal(0, STEP_A, (frames, atoms, 3)).cumsum(axis=0)


def ions(rng, frames, bound):
    """Cations and anions, of which the first `bound` of both kinds move as neutral pairs."""
    steps = rng.normal(0, STEP_A, (frames, 2 * PAIRS, 3))
    steps[:, PAIRS : PAIRS + bound] = steps[:, :bound]
    return steps.cumsum(axis=0)


def of_ions(positions, charges=CHARGES, **options):
    return conductivity(positions, charges, 1.0, VOLUME_A3, TEMPERATURE_K, **options)


# --- mean squared displacement ---


@settings(max_examples=25)
@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 10**6))
def test_mean_squared_displacement_is_that_of_the_definition(frames, atoms, seed):
    rng = np.random.default_rng(seed)
    walk = walks(rng, frames, atoms) + rng.uniform(-1e3, 1e3, (1, atoms, 3))
    plain = [np.zeros(atoms)] + [
        np.square(walk[lag:] - walk[:-lag]).sum(axis=2).mean(axis=0) for lag in range(1, frames)
    ]
    np.testing.assert_allclose(mean_squared_displacement_A2(walk), plain, atol=1e-9)


def test_mean_squared_displacement_is_that_of_mdanalysis():
    import MDAnalysis
    from MDAnalysis.analysis.msd import EinsteinMSD

    walk = walks(np.random.default_rng(1), 60, 5).astype(np.float32)
    universe = MDAnalysis.Universe.empty(5, trajectory=True)
    universe.load_new(walk)
    oracle = EinsteinMSD(universe, fft=False).run().results.msds_by_particle
    np.testing.assert_allclose(mean_squared_displacement_A2(walk), oracle, rtol=1e-5, atol=1e-5)


def test_atoms_are_taken_in_chunks(monkeypatch):
    from leyden.physics import diffusion

    walk = walks(np.random.default_rng(2), 30, 7)
    whole = mean_squared_displacement_A2(walk)
    monkeypatch.setattr(diffusion, "_CHUNK_NUMBERS", 2 * 6 * 30)
    np.testing.assert_allclose(mean_squared_displacement_A2(walk), whole, atol=1e-12)


# --- self-diffusion ---


def test_ballistic_motion_has_slope_two_and_held_atoms_none():
    flight = np.arange(400.0)[:, None, None] * np.array([[[0.1, 0, 0]]])
    assert self_diffusion(flight, 1.0).beta.value == pytest.approx(2)
    rattling = np.random.default_rng(3).normal(size=(4000, 10, 3))
    held = self_diffusion(rattling, 1.0)
    assert abs(held.beta.value) < 0.02
    assert held.is_upper_bound
    free = self_diffusion(walks(np.random.default_rng(4), 2000, 10), 1.0)
    assert free.beta.covers(1)
    assert not free.is_upper_bound
    still = self_diffusion(np.zeros((400, 2, 3)), 1.0)
    assert still.coefficient_m2_per_s.value == 0
    assert np.isnan(still.beta.value)


def test_slope_is_exact_on_a_straight_line_in_any_unit_of_time():
    window = LagWindow.choose(1000, 2.0, (10, 200))
    assert (window.lags_ps[0], window.lags_ps[-1], len(window.lags)) == (10, 200, 50)
    curves = np.array([[1.5], [0.0]]) + np.array([[6.0], [2.0]]) * window.lags_ps
    np.testing.assert_allclose(window.slope_per_ps(curves), [6, 2])


def test_intervals_cover_the_diffusion_coefficient():
    """By blocks of time, and in short runs of many atoms by sets of atoms too."""
    rng, held = np.random.default_rng(5), np.zeros(2)
    for _ in range(100):
        long = self_diffusion(walks(rng, 1000, 3), 1.0)
        short = self_diffusion(walks(rng, 60, 40), 1.0, window_ps=(2, 20), blocks=1, atom_sets=8)
        for i, found in enumerate((long, short)):
            held[i] += found.coefficient_m2_per_s.covers(1e-8 * DIFFUSION_A2_PER_PS)
    assert (held >= 88).all(), held


def test_the_drift_of_the_centre_of_mass_is_removed():
    rng = np.random.default_rng(6)
    masses = rng.uniform(1, 20, 6)
    walk = walks(rng, 50, 6)
    drifting = walk + walks(rng, 50, 1)
    freed = without_drift(drifting, masses)
    np.testing.assert_allclose(freed, without_drift(walk, masses) + drifting[0] - walk[0])
    centre = np.einsum("tnx,n->tx", freed, masses) / masses.sum()
    np.testing.assert_allclose(centre, np.broadcast_to(centre[0], centre.shape), atol=1e-12)


# --- conductivity ---


@pytest.mark.parametrize("bound", [0, 4])
def test_intervals_cover_the_exact_conductivities(bound):
    """Pairs that move together carry nothing; single ions do not see it.

    Exact, in units of one ion's conductivity: Nernst-Einstein 2 n; collective 2 (n - bound). Of 100
    intervals of 95 % fewer than 88 would hold the truth once in 500 times.
    """
    rng = np.random.default_rng(7 + bound)
    exact = {
        "nernst_einstein_S_per_m": 2 * PAIRS * ONE_ION_S_PER_M,
        "collective_S_per_m": 2 * (PAIRS - bound) * ONE_ION_S_PER_M,
        "cation_cation_S_per_m": PAIRS * ONE_ION_S_PER_M,
        "cation_anion_S_per_m": -bound * ONE_ION_S_PER_M,
        "anion_anion_S_per_m": PAIRS * ONE_ION_S_PER_M,
        "transference_number": 0.5,
        "nernst_einstein_transference_number": 0.5,
        "beta": 1.0,
    }
    held = dict.fromkeys(exact, 0)
    for _ in range(100):
        found = of_ions(ions(rng, 600, bound))
        for name, truth in exact.items():
            held[name] += getattr(found, name).covers(truth)
    assert min(held.values()) >= 88, held


def test_estimates_are_near_and_intervals_narrow():
    found = of_ions(ions(np.random.default_rng(8), 20_000, 4), window_ps=(1, 20))
    assert found.nernst_einstein_S_per_m.value == pytest.approx(16 * ONE_ION_S_PER_M, rel=0.01)
    assert found.collective_S_per_m.value == pytest.approx(8 * ONE_ION_S_PER_M, rel=0.08)
    assert found.collective_S_per_m.high < 1.25 * found.collective_S_per_m.low
    assert not found.is_upper_bound


def test_parts_add_up_and_agree_with_nernst_and_einstein():
    """Collective = ++, twice +-, --; single ions as the closed form for a 1:1 salt has it."""
    positions = ions(np.random.default_rng(9), 400, 2)
    found = of_ions(positions)
    between = 2 * found.cation_anion_S_per_m.value
    parts = found.cation_cation_S_per_m.value + between + found.anion_anion_S_per_m.value
    assert found.collective_S_per_m.value == pytest.approx(parts)
    cation, anion = (
        self_diffusion(positions[:, part], 1.0).coefficient_m2_per_s.value
        for part in (slice(PAIRS), slice(PAIRS, None))
    )
    molar_volume = VOLUME_A3 * 1e-30 / PAIRS * 6.02214076e23
    closed = nernst_einstein_conductivity_S_per_m(TEMPERATURE_K, cation, anion, molar_volume)
    assert found.nernst_einstein_S_per_m.value == pytest.approx(float(closed))
    carried = found.cation_cation_S_per_m.value + between / 2
    assert found.transference_number.value == pytest.approx(carried / parts)


def test_neutral_pairs_carry_nothing_and_charges_count_squared():
    rng = np.random.default_rng(10)
    neutral = of_ions(ions(rng, 400, PAIRS))
    assert abs(neutral.collective_S_per_m.value) < 1e-12 * ONE_ION_S_PER_M
    assert neutral.nernst_einstein_S_per_m.value > 10 * ONE_ION_S_PER_M
    positions = ions(rng, 400, 0)
    single, double = of_ions(positions), of_ions(positions, 2 * CHARGES)
    np.testing.assert_allclose(double.collective_S_per_m, 4 * np.array(single.collective_S_per_m))


def test_one_kind_of_ion_carries_everything_and_solvent_nothing():
    positions = ions(np.random.default_rng(11), 400, 0)
    only = of_ions(positions, np.maximum(CHARGES, 0))
    np.testing.assert_allclose(only.transference_number, 1)
    np.testing.assert_allclose(only.anion_anion_S_per_m, 0)
    np.testing.assert_allclose(only.cation_anion_S_per_m, 0, atol=1e-12 * ONE_ION_S_PER_M)
    same = of_ions(positions[:, :PAIRS], np.ones(PAIRS))
    assert only.collective_S_per_m == pytest.approx(same.collective_S_per_m)


def test_drift_cancels_in_the_collective_conductivity_of_a_neutral_system():
    rng = np.random.default_rng(12)
    positions = ions(rng, 400, 0)
    pushed = positions + walks(rng, 400, 1)
    np.testing.assert_allclose(
        of_ions(pushed).collective_S_per_m, of_ions(positions).collective_S_per_m, rtol=1e-9
    )


# --- shares of transitions ---


def test_shares_of_transitions_are_those_of_the_moves():
    """Ions that move one angstrom when they change from 0 to 1, and two on the way back."""
    rng = np.random.default_rng(13)
    states = (rng.random((2000, 6)) < 0.5).astype(int)
    change = np.diff(states, axis=0)
    length = np.where(change > 0, 1.0, np.where(change < 0, 2.0, 0.0))
    directions = rng.choice([-1.0, 1.0], length.shape)
    path = np.concatenate([np.zeros((1, 6)), (length * directions).cumsum(axis=0)])
    positions = path[..., None] * np.array([1.0, 0, 0])
    shares = transition_shares(np.eye(2)[states], positions, 1)
    ups, downs = (change > 0).sum(), 4 * (change < 0).sum()
    expected = np.array([[0, ups], [downs, 0]]) / (ups + downs)
    np.testing.assert_allclose(shares.value, expected)
    assert (shares.low <= shares.value).all()
    assert (shares.value <= shares.high).all()
    assert shares.low[0, 1] < 0.2 < shares.high[0, 1]


def test_shares_sum_to_one_and_follow_the_charge():
    """Of soft states too; a state without charge and the way to it lose by the square."""
    rng = np.random.default_rng(14)
    memberships = rng.dirichlet(np.ones(3), (300, 4))
    positions = walks(rng, 300, 4)
    plain = transition_shares(memberships, positions, 5)
    assert plain.value.sum() == pytest.approx(1)
    charged = transition_shares(
        memberships, positions, 5, state_charges_e=np.array([1.0, 0.0, -0.5])
    )
    assert charged.value.sum() == pytest.approx(1)
    assert charged.value[1, 1] == 0
    weights = np.array([[1, 0.25, 0.0625], [0.25, 0, 0.0625], [0.0625, 0.0625, 0.25]])
    expected = plain.value * weights
    np.testing.assert_allclose(charged.value, expected / expected.sum())


# --- intervals ---


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20))
def test_the_jackknife_of_a_mean_is_students_interval(values):
    data = np.array(values)
    (found,) = jackknife(data, np.atleast_1d)
    half = stats.t.ppf(0.975, len(data) - 1) * stats.sem(data)
    assert found.value == pytest.approx(data.mean(), abs=1e-12)
    assert found.high - found.value == pytest.approx(half, abs=1e-9)
    (logarithmic,) = jackknife(data + 20, np.atleast_1d, positive=True)
    assert 0 < logarithmic.low <= logarithmic.value <= logarithmic.high


# --- bad input ---

WALK = walks(np.random.default_rng(15), 100, 16)
BROKEN = np.where(np.arange(100)[:, None, None] == 7, np.nan, WALK)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_squared_displacement_A2(WALK[:1]), "two frames at least"),
        (lambda: mean_squared_displacement_A2(WALK[0]), r"\(frames, atoms, 3\)"),
        (lambda: mean_squared_displacement_A2(WALK[:, :0]), r"\(frames, atoms, 3\)"),
        (lambda: of_ions(BROKEN), "frame 7: every coordinate is finite"),
        (lambda: self_diffusion(WALK, 0.0), "time step must be positive"),
        (lambda: self_diffusion(WALK, 1.0, window_ps=(5, 5)), "below its end"),
        (lambda: self_diffusion(WALK, 1.0, window_ps=(1.1, 1.9)), "two lags at least"),
        (lambda: self_diffusion(WALK, 1.0, window_ps=(1, 300)), "longer than the longest lag"),
        (lambda: self_diffusion(WALK, 1.0, window_ps=(1, 40)), "two independent blocks"),
        (lambda: self_diffusion(WALK, 1.0, atom_sets=17), "so many sets"),
        (lambda: self_diffusion(WALK, 1.0, level=1.0), "level of confidence"),
        (lambda: without_drift(WALK, np.ones(3)), "mass for each of 16"),
        (lambda: of_ions(WALK, np.ones(3)), "charge for each of 16"),
        (lambda: of_ions(WALK, np.zeros(16)), "needs a charge"),
        (lambda: conductivity(WALK, CHARGES, 1.0, -1.0, 300), "volume must be positive"),
        (lambda: conductivity(WALK, CHARGES, 1.0, 1e4, -300), "temperature in kelvin"),
        (lambda: conductivity(WALK, CHARGES, 1.0, np.nan, 300), "are numbers"),
        (lambda: transition_shares(np.ones((100, 16)), WALK, 1), "memberships have the shape"),
        (lambda: transition_shares(np.ones((100, 16, 2)), WALK, 1), "memberships are parts"),
        (lambda: transition_shares(np.ones((100, 16, 1)), WALK, 10), "blocks is longer"),
        (lambda: transition_shares(np.ones((100, 16, 1)), 0 * WALK, 1), "nothing moves"),
        (
            lambda: transition_shares(np.ones((100, 16, 1)), WALK, 1, state_charges_e=np.ones(2)),
            "charge for each of 1",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
