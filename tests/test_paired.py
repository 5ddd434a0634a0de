"""Comparisons of several sets of states of the same frames."""

from __future__ import annotations

import numpy as np
import pytest

from leyden.dynamics import Kinetics, compared, shared_stretches
from leyden.dynamics.core_sets import hard_memberships
from leyden.errors import InputError
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

TWIN = KineticMonteCarlo(octahedral_ps=20.0, tetrahedral_ps=12.0)


def kinetics(ns: float = 4.0, seed: int = 0, error: float = 0.0, lag_ps: float = 2.0) -> Kinetics:
    states = TWIN.run(ns, random_state=seed).states.astype(int)
    wrong = np.random.default_rng(1).random(states.shape) < error
    return Kinetics(hard_memberships(np.where(wrong, 1 - states, states), 2), lag_ps, samples=2)


def timescales(*several: object) -> list[float]:
    return [float(one.timescales_ps[0]) for one in several]  # type: ignore[attr-defined]


def test_states_that_are_equal_do_not_differ() -> None:
    (same,) = compared([kinetics(), kinetics()], lambda a, b: [a.vamp2 - b.vamp2])
    assert same == (0.0, 0.0, 0.0)


def test_a_pair_is_told_apart_where_single_intervals_overlap() -> None:
    right, wrong = kinetics(), kinetics(error=0.008)
    first, second = compared([right, wrong], timescales, positive=True)
    assert second.high > first.low
    (ratio,) = compared([right, wrong], lambda a, b: [b.timescales_ps[0] / a.timescales_ps[0]])
    assert ratio.high < 1
    assert ratio.high - ratio.low < (first.high - first.low) / first.value


@pytest.mark.parametrize("timescales_long", [10, 20])
def test_intervals_cover_what_is_exact_in_short_runs(timescales_long: int) -> None:
    """Of one atom in two states, the rarer of population 0.2: 3 or 6 visits to it."""
    slow, runs = 20.0, 100
    decay, share = np.exp(-1 / slow), 0.2
    drawn = np.random.default_rng(timescales_long).random((int(timescales_long * slow), runs))
    states = np.zeros(drawn.shape, int)
    states[0] = drawn[0] < share
    for t in range(1, len(drawn)):
        states[t] = drawn[t] < share + decay * (states[t - 1] - share)
    held, open_ended = [], 0
    for run in range(runs):
        one = Kinetics(hard_memberships(states[:, run : run + 1], 2), 4.0, samples=2)
        (found,) = compared([one], timescales, positive=True, samples=200)
        if np.isnan(found.low):
            open_ended += 1
        else:
            held.append(found.covers(slow))
    assert len(held) > 20
    assert (sum(held) + open_ended) / runs >= 0.9
    assert np.mean(held) >= 0.88


def test_values_are_those_of_the_whole_run() -> None:
    one = kinetics()
    (found,) = compared([one], timescales)
    assert found.value == pytest.approx(one.koopman().timescales_ps[0])


def test_several_trajectories_give_stretches_each() -> None:
    parts = [TWIN.run(1.0, random_state=seed).states.astype(int) for seed in range(3)]
    several = Kinetics([hard_memberships(part, 2) for part in parts], 2.0, samples=2)
    (found,) = compared([several], timescales, positive=True)
    assert found.low < several.koopman().timescales_ps[0] == pytest.approx(found.value)


def test_other_frames_are_refused() -> None:
    with pytest.raises(InputError, match="same frames"):
        compared([kinetics(1.0), kinetics(2.0)], lambda a, b: [a.vamp2])


def test_other_times_between_frames_are_refused() -> None:
    one = kinetics(1.0)
    slower = Kinetics(one.memberships, 4.0, 2 * one.time_steps_ps[0], samples=2)
    with pytest.raises(InputError, match="same times between frames"):
        compared([one, slower], lambda a, b: [a.vamp2])


def test_few_or_short_stretches_are_told() -> None:
    short = kinetics(0.03, lag_ps=4.0)
    assert shared_stretches([kinetics()]).warnings == ()
    assert any("independent blocks" in one for one in shared_stretches([short]).warnings)


def test_a_number_that_many_draws_do_not_have_has_no_interval() -> None:
    one = kinetics(1.0)
    calls = iter(range(1000))
    (found,) = compared([one], lambda a: [a.vamp2 if next(calls) % 5 else float("nan")])
    assert np.isnan(found.low)
    assert np.isnan(found.high)
    (found,) = compared([one], lambda a: [np.inf if a.timescales_ps[0] > 9 else a.vamp2])
    assert found.high == np.inf
    assert np.isfinite(found.low)


def test_a_run_too_short_for_two_stretches_is_refused() -> None:
    with pytest.raises(InputError, match="two independent blocks"):
        compared([kinetics(0.05, lag_ps=20.0)], timescales)
