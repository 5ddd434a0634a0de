"""Comparisons of several sets of states of the same frames."""

from __future__ import annotations

import numpy as np
import pytest

from leyden.dynamics import Kinetics, compared
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


def test_intervals_cover_what_is_exact() -> None:
    exact = TWIN.local_timescale_ps
    held = [
        compared([kinetics(1.0, seed)], timescales, positive=True)[0].covers(exact)
        for seed in range(40)
    ]
    assert 0.85 <= np.mean(held) <= 1.0


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


def test_a_run_too_short_for_two_stretches_is_refused() -> None:
    with pytest.raises(InputError, match="two independent blocks"):
        compared([kinetics(0.05, lag_ps=20.0)], timescales)
