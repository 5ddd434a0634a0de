"""What is said of a system that moves as a whole, of longer lags, and of stretches of time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from leyden.data.trajectory import Trajectory
from leyden.dynamics.analysis_warnings import of_drift, of_kinetics, of_stretches

FRAMES = 401


def said(shift: np.ndarray, targets: int = 4, steps: float = 0.3, home: bool = False) -> list[str]:
    """Of targets that walk at random and 60 others that shake, all moved by `shift` (T, 3)."""
    rng = np.random.default_rng(0)
    walk = rng.normal(0, steps, (FRAMES, targets, 3)).cumsum(0)
    if home:  # back at its place in the end
        walk -= np.linspace(0, 1, FRAMES)[:, None, None] * (walk[-1] - walk[0])
    others = rng.normal(0, 0.2, (FRAMES, 60, 3))
    places = np.concatenate([walk, others], 1) + shift[:, None]
    trajectory = Trajectory(
        places, 50 * np.eye(3)[None], ("Li",) * targets + ("S",) * 60, 1.0, name="run"
    )
    part: Any = SimpleNamespace(target="Li", name="run", diffusion=object())
    return of_drift(part, trajectory)


STILL = np.zeros((FRAMES, 3))


def test_a_system_at_rest_gives_no_warning() -> None:
    assert said(STILL) == []


def test_a_drift_is_told_with_its_length_and_time() -> None:
    (told,) = said(np.linspace(0, 20, FRAMES)[:, None] * np.array([1.0, 0, 0]))
    assert "moves as a whole by 5 angstrom in 100 ps" in told


def test_a_drift_that_ends_where_it_began_is_told() -> None:
    swing = 8 * np.sin(np.linspace(0, 2 * np.pi, FRAMES))
    assert said(swing[:, None] * np.array([0, 1.0, 0]))


@pytest.mark.parametrize("targets", [1, 4])
def test_targets_that_are_home_again_are_no_drift_of_the_others(targets: int) -> None:
    assert said(STILL, targets, home=True) == []


@pytest.mark.parametrize("shrinks", [0.0, 0.01])
def test_a_cell_that_breathes_or_shrinks_does_not_move_the_system(shrinks: float) -> None:
    """Constant pressure: fractional coordinates whose centre is at rest, far from the origin."""
    rng = np.random.default_rng(0)
    edges = 30 * (1 + rng.normal(0, 0.004, FRAMES) - shrinks * np.arange(FRAMES) / FRAMES)
    places = 2 + rng.random((104, 3)) + rng.normal(0, 0.005, (FRAMES, 104, 3))
    places[:, :4] += rng.normal(0, 0.002, (FRAMES, 4, 3)).cumsum(0)
    cells = edges[:, None, None] * np.eye(3)
    trajectory = Trajectory(places @ cells, cells, ("Li",) * 4 + ("S",) * 100, 1.0, name="run")
    part: Any = SimpleNamespace(target="Li", name="run", diffusion=object())
    assert of_drift(part, trajectory) == []


def analysis(*, one: tuple[str, ...], longer: tuple[str, ...]) -> Any:
    part = SimpleNamespace(memberships=np.ones((5, 2, 1)))
    test = SimpleNamespace(consistent=np.ones(3, bool), warnings=longer)
    koopman = SimpleNamespace(warnings=one, blocks=SimpleNamespace(warnings=one))
    return SimpleNamespace(
        koopman=koopman, chapman_kolmogorov=test, trajectories=(part,), targets=2, flat=True
    )


def test_longer_lags_tell_what_is_new_and_nothing_twice() -> None:
    together = "atoms move together: it is {} times that of independent sets"
    drift = "the population of state {} drifts by {} within a lag"
    told = of_kinetics(
        analysis(
            one=(together.format(12), drift.format(0, "-3.1e-05")),
            longer=(
                together.format("1.2"),
                "the intervals rest on 4 independent blocks: they are a guess",
                drift.format(1, "0.004"),
            ),
        )
    )
    assert told == (
        together.format(12),
        drift.format(0, "-3.1e-05"),
        "at longer lags, the intervals rest on 4 independent blocks: they are a guess",
    )


def test_stretches_that_are_shorter_than_the_slowest_relaxation_are_told() -> None:
    run: Any = SimpleNamespace(name="run", duration_ps=400.0)
    assert of_stretches([run], 70.0) == []
    (told,) = of_stretches([run], 100.0)
    assert "from stretches of 80 ps" in told
