"""The dynamics of twelve sites from that of two states, against the exact generator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from leyden.dynamics.global_from_local import global_timescales_ps, global_transition_matrix
from leyden.errors import InputError
from leyden.simulators.fcc_sites import CONNECTIONS, SITE_STATES
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

times = st.floats(5, 500)


def local_matrix(twin, lag_ps):
    """The exact transition matrix of the two states."""
    out, back = 1 / twin.octahedral_ps, 1 / twin.tetrahedral_ps
    return expm(lag_ps * np.array([[-out, out], [back, -back]]))


@settings(max_examples=40)
@given(times, times, st.floats(0.5, 100))
def test_through_the_generator_the_answer_is_exact_at_any_lag(octahedral, tetrahedral, lag):
    twin = KineticMonteCarlo(octahedral, tetrahedral)
    local = local_matrix(twin, min(lag, 3 * twin.local_timescale_ps))
    lag = min(lag, 3 * twin.local_timescale_ps)
    found = global_transition_matrix(local, SITE_STATES, CONNECTIONS)
    np.testing.assert_allclose(found, expm(lag * twin.generator_per_ps()), atol=1e-7)
    slowest = global_timescales_ps(found, lag)[0]
    assert slowest == pytest.approx(twin.slowest_timescale_ps, rel=1e-3)


def test_the_published_construction_is_too_slow_and_exact_for_short_lags():
    """Eq. 4.9: the diagonal is the chance to be in the state again, by whatever site."""
    twin = KineticMonteCarlo()
    ratios = []
    for lag in (50.0, 10.0, 1.0, 0.01):
        local = local_matrix(twin, lag)
        found = global_transition_matrix(local, SITE_STATES, CONNECTIONS, through_generator=False)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        np.testing.assert_allclose(np.diag(found), np.diag(local)[SITE_STATES])
        times = global_timescales_ps(found, lag)
        # Three modes of p_o, seven of p_t, and the local one, which it has right.
        expected = -lag / np.log([*[local[0, 0]] * 3, *[local[1, 1]] * 7])
        np.testing.assert_allclose(times[:10], np.sort(expected)[::-1], rtol=1e-6)
        assert times[10] == pytest.approx(twin.local_timescale_ps)
        ratios.append(times[0] / twin.slowest_timescale_ps)
    assert (np.diff(ratios) < 0).all()
    assert 1.05 < ratios[1] < 1.10
    assert ratios[-1] == pytest.approx(1, abs=1e-3)


def test_three_states_and_unequal_ways():
    """Sites A-A-B-C on a ring: rates to a state are shared by the ways that lead to it."""
    rates = np.array([[-0.3, 0.2, 0.1], [0.4, -0.5, 0.1], [0.2, 0.6, -0.8]])
    states = np.array([0, 0, 1, 2])
    ways = np.array([[0, 9, 1, 1], [9, 0, 3, 2], [1, 3, 0, 1], [2, 2, 1, 0]])
    found = global_transition_matrix(expm(rates), states, ways)
    generator = np.zeros((4, 4))
    for i, j in np.ndindex(4, 4):
        a, b = states[i], states[j]
        if a != b:
            generator[i, j] = rates[a, b] * ways[i, j] / ways[i][states == b].sum()
    generator -= np.diag(generator.sum(axis=1))
    np.testing.assert_allclose(found, expm(generator), atol=1e-10)
    lumped = found @ np.eye(3)[states]  # what the atom's surroundings do is what was given
    np.testing.assert_allclose(lumped, expm(rates)[states], atol=1e-10)


GOOD = np.array([[0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.array([[0.9, 0.2], [0.2, 0.8]]), SITE_STATES, CONNECTIONS), "sum to one"),
        ((np.array([[0.9, 0.1]]), SITE_STATES, CONNECTIONS), r"shape \(k, k\)"),
        ((np.array([[0.1, 0.9], [0.8, 0.2]]), SITE_STATES, CONNECTIONS), "no generator"),
        ((GOOD, SITE_STATES + 1, CONNECTIONS), "a state from 0 to 1"),
        ((GOOD, SITE_STATES, CONNECTIONS[:5]), r"shape \(12, 12\)"),
        ((GOOD, SITE_STATES, -1.0 * CONNECTIONS), "none negative"),
        ((GOOD, SITE_STATES, 0 * CONNECTIONS), "none to 1"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        global_transition_matrix(*arguments)


def test_states_that_are_not_markovian_have_no_rates():
    cyclic = np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
    with pytest.raises(InputError, match="must not be negative"):
        global_transition_matrix(cyclic, np.arange(3), np.ones((3, 3)))
    with pytest.raises(InputError, match="lag must be positive"):
        global_timescales_ps(GOOD, 0.0)
    assert np.isnan(global_timescales_ps(np.array([[0.1, 0.9], [0.9, 0.1]]), 1.0)[0])
