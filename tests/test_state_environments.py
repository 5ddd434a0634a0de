"""What surrounds a target in each state, against lattices whose shells are known."""

from __future__ import annotations

import numpy as np
import pytest

from leyden.data.trajectory import Trajectory
from leyden.dynamics.state_environments import examples, state_environments
from leyden.errors import InputError

EDGE = 5.7
SULFUR = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
OCTAHEDRAL, TETRAHEDRAL = np.array([0.5, 0.5, 0.5]), np.array([0.25, 0.25, 0.25])


def hops(frames: int = 60, *, noise: float = 0.02) -> tuple[Trajectory, np.ndarray]:
    """Li in a cell of FCC sulfur: octahedral in two frames of three, tetrahedral in the third."""
    rng = np.random.default_rng(0)
    tetrahedral = np.arange(frames) % 3 == 2
    places = np.empty((frames, 5, 3))
    places[:, 0] = np.where(tetrahedral[:, None], TETRAHEDRAL, OCTAHEDRAL)
    places[:, 1:] = SULFUR
    positions = EDGE * places + rng.normal(0, noise, places.shape)
    trajectory = Trajectory(
        positions=positions.astype(np.float32),
        cells=EDGE * np.eye(3)[None],
        species=("Li", "S", "S", "S", "S"),
        time_step_ps=1.0,
        charges=np.array([1.0, -0.5, -0.5, -0.5, -0.5]),
    )
    return trajectory, np.stack([~tetrahedral, tetrahedral], axis=1)[:, None].astype(float)


def test_shells_of_the_two_sites() -> None:
    """Six sulfurs about an octahedral site, four about a tetrahedral one."""
    trajectory, memberships = hops()
    found = state_environments(trajectory, np.array([0]), memberships, reach=5.0)
    shell = found.within(3.2)
    sulfur = found.species.index("S")
    assert found.populations == pytest.approx([2 / 3, 1 / 3])
    assert found.coordination[:, sulfur, shell] == pytest.approx([6, 4])
    assert found.charge is not None
    assert found.charge[:, shell] == pytest.approx([1 - 3, 1 - 2])
    first = found.distribution[:, sulfur].argmax(-1)
    assert found.radii[first] == pytest.approx([EDGE / 2, EDGE * 3**0.5 / 4], abs=0.1)
    assert 2.6 < found.shell < 4.5


def test_soft_memberships_mix_the_environments() -> None:
    trajectory, _ = hops()
    half = np.full((len(trajectory), 1, 2), 0.5)
    found = state_environments(trajectory, np.array([0]), half, reach=3.2)
    assert found.coordination[:, found.species.index("S"), -1] == pytest.approx([16 / 3, 16 / 3])


def test_an_ideal_gas_has_no_structure() -> None:
    rng = np.random.default_rng(1)
    positions = rng.uniform(0, 12.0, (200, 200, 3)).astype(np.float32)
    gas = Trajectory(positions, 12.0 * np.eye(3)[None], ("Ar",) * 200, 1.0)
    everywhere = np.ones((200, 20, 1))
    found = state_environments(gas, np.arange(20), everywhere, reach=5.0, width=0.5)
    assert found.charge is None
    assert found.distribution[0, 0] == pytest.approx(np.ones(10), abs=0.1)
    exact = 199 / 12.0**3 * 4 / 3 * np.pi * 5.0**3
    assert found.coordination[0, 0, -1] == pytest.approx(exact, rel=0.02)
    low, high = found.coordination_low[0, 0, -1], found.coordination_high[0, 0, -1]
    assert low < exact < high
    assert high - low < 0.1 * exact


def test_atoms_of_one_set_are_not_neighbours_of_each_other() -> None:
    positions = np.array([[[0, 0, 0], [1.0, 0, 0], [0, 2.0, 0]]], np.float32).repeat(3, axis=0)
    three = Trajectory(positions, 20 * np.eye(3)[None], ("O", "H", "He"), 1.0)
    found = state_environments(three, np.array([[0, 1]]), np.ones((3, 1, 1)), reach=2.5)
    around = dict(zip(found.species, found.coordination[0, :, -1], strict=True))
    assert around == {"O": 0, "H": 0, "He": 1}  # 2.0 and 2.24 angstrom away: once an atom


def test_examples_are_sure_and_typical() -> None:
    trajectory, memberships = hops()
    found = state_environments(trajectory, np.array([0]), memberships, reach=5.0)
    shown = examples(trajectory, np.array([0]), memberships, found, reach=3.2)
    assert [example.state for example in shown] == [0, 1]
    assert [len(example.species) for example in shown] == [7, 5]
    assert shown[0].species[0] == "Li"
    assert shown[0].places[0] == pytest.approx(np.zeros(3))
    assert np.linalg.norm(shown[1].places[1:], axis=1) == pytest.approx(
        np.full(4, EDGE * 3**0.5 / 4), abs=0.15
    )


def test_a_state_that_is_never_sure_has_no_example() -> None:
    trajectory, memberships = hops()
    unsure = 0.5 + 0.2 * (memberships - 0.5)
    found = state_environments(trajectory, np.array([0]), unsure, reach=5.0)
    assert examples(trajectory, np.array([0]), unsure, found) == []


def test_memberships_of_another_length_are_refused() -> None:
    trajectory, memberships = hops()
    with pytest.raises(InputError, match="60 frames and 1 sets"):
        state_environments(trajectory, np.array([0]), memberships[:-1])
