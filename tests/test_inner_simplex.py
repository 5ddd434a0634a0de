"""Memberships are unmixed: what a VAMP score cannot see, a reader must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.dynamics.inner_simplex import inner_simplex, inside
from leyden.dynamics.koopman import Kinetics
from leyden.errors import InputError


def noisy(truth: np.ndarray, states: int, rng: np.random.Generator) -> np.ndarray:
    """Nearly pure memberships of these states."""
    pure = np.abs(np.eye(states)[truth] + rng.normal(0, 0.02, (len(truth), states)))
    return pure / pure.sum(1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_any_mixture_is_undone(seed: int, states: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice(states, 3000, p=rng.dirichlet(np.full(states, 20.0)))
    mixture = 0.3 * rng.dirichlet(np.ones(states), states) + 0.7 * np.eye(states)
    squeezed = 0.4 * mixture + 0.6 * rng.dirichlet(np.ones(states))
    mixed = noisy(truth, states, rng) @ squeezed
    found = inside(mixed @ inner_simplex(mixed))
    assert found.sum(1) == pytest.approx(np.ones(3000))
    assert found.min() >= 0
    populations = found.mean(0)
    assert (np.diff(populations) <= 1e-9).all()
    order = np.argsort(-np.bincount(truth, minlength=states))
    shares = np.bincount(truth, minlength=states)[order] / 3000
    assert np.sort(populations)[::-1] == pytest.approx(shares, abs=0.05)
    likeliest = [set(truth[found.argmax(1) == state]) for state in range(states)]
    assert all(len(one) == 1 for one in likeliest)


def test_timescales_do_not_change() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros(20_000, int)
    for frame in range(1, len(truth)):
        truth[frame] = truth[frame - 1] ^ (rng.random() < 0.05)
    soft = noisy(truth, 2, rng) @ np.array([[0.73, 0.27], [0.85, 0.15]])
    before, after = (
        Kinetics(one[:, None], 2.0, samples=2).koopman().timescales_ps[0]
        for one in (soft, soft @ inner_simplex(soft))
    )
    assert after == pytest.approx(before, rel=1e-6)


def test_one_odd_frame_is_no_corner() -> None:
    rng = np.random.default_rng(1)
    truth = rng.choice(2, 5000)
    soft = noisy(truth, 2, rng) @ np.array([[0.6, 0.4], [0.5, 0.5]])
    soft[0] = [0.9, 0.1]
    found = inside(soft @ inner_simplex(soft))
    assert (found.max(1) > 0.9).mean() > 0.9


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
def test_populations_do_not_depend_on_the_purest_frames(noise: float) -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(20_000) < 0.22
    share = np.where(truth, 0.7, 0.3) + rng.normal(0, noise, len(truth))
    share[:60] = rng.random(60)  # outliers
    soft = np.stack([share, 1 - share], 1)
    assert (soft @ inner_simplex(soft)).mean(0) == pytest.approx([0.78, 0.22], abs=0.02)


def test_states_that_are_one_are_refused() -> None:
    share = np.random.default_rng(2).random(100)
    with pytest.raises(InputError, match="as many states"):
        inner_simplex(np.stack([share, (1 - share) / 2, (1 - share) / 2], 1))
    with pytest.raises(InputError, match="as many states"):
        inner_simplex(np.full((50, 2), 0.5))


def test_rows_of_three_states_still_add_up_to_one() -> None:
    rng = np.random.default_rng(4)
    soft = rng.dirichlet([0.3, 0.5, 0.8], 5000)
    assert (soft @ inner_simplex(soft)).sum(1) == pytest.approx(np.ones(5000), abs=1e-9)
