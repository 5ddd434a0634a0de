"""Nearest neighbours against brute force, known lattices, and changes that must change nothing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.crystal import Crystal
from leyden.data.trajectory import Trajectory
from leyden.errors import InputError
from leyden.representations.neighbours import (
    Neighbours,
    nearest_neighbours,
    pairs_within,
    ranges,
)


def fcc(a: float = 4.0) -> Crystal:
    return Crystal(np.array([29]), np.zeros((1, 3)), a / 2 * (np.ones((3, 3)) - np.eye(3)))


def bcc(a: float = 3.0) -> Crystal:
    return Crystal(np.array([26, 26]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), a * np.eye(3))


def random_crystal(seed: int, atoms: int) -> Crystal:
    generator = np.random.default_rng(seed)
    lattice = 2.0 * atoms ** (1 / 3) * (np.eye(3) + generator.uniform(-0.4, 0.4, (3, 3)))
    numbers = generator.choice([3, 8, 26], atoms)
    return Crystal(numbers, generator.uniform(-1, 2, (atoms, 3)), lattice)


def supercell(crystal: Crystal, matrix: tuple[int, int, int]) -> Crystal:
    shifts = np.array(list(product(*map(range, matrix))))
    frac = (crystal.frac[None] + shifts[:, None]).reshape(-1, 3) / matrix
    return Crystal(
        np.tile(crystal.numbers, len(shifts)), frac, crystal.lattice * np.array(matrix)[:, None]
    )


def by_hand(crystal: Crystal, reach: int = 5) -> list[np.ndarray]:
    """All distances from each atom to all images within `reach` cells, sorted."""
    shifts = np.array(list(product(range(-reach, reach + 1), repeat=3))) @ crystal.lattice
    wrapped = (crystal.frac % 1) @ crystal.lattice
    images = (wrapped[None] + shifts[:, None]).reshape(-1, 3)
    distances = np.linalg.norm(images[None] - wrapped[:, None], axis=2)
    return [np.sort(row[row > 1e-8]) for row in distances]


def environments(crystal: Crystal, near: Neighbours) -> list[tuple]:
    """What each atom sees: its element, and sorted distances and elements. Order is forgotten."""
    ends = np.cumsum(near.counts)
    seen = []
    for z, count, end in zip(crystal.numbers, near.counts, ends, strict=True):
        edges = slice(end - count, end)
        other = crystal.numbers[near.indices[edges]]
        pairs = zip(near.distances[edges].round(5).tolist(), other.tolist(), strict=True)
        seen.append((int(z), tuple(sorted(pairs))))
    return sorted(seen)


@pytest.mark.parametrize(("crystal", "counts"), [(fcc(), 12), (bcc(), 14)])
def test_known_lattices_keep_whole_shells(crystal: Crystal, counts: int) -> None:
    near = nearest_neighbours(crystal, 12)
    assert near.counts.tolist() == [counts] * len(crystal)
    assert near.distances[0] == pytest.approx(4 / np.sqrt(2) if len(crystal) == 1 else 1.5 * 3**0.5)


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_brute_force(seed: int) -> None:
    crystal = random_crystal(seed, 1 + seed)
    near = nearest_neighbours(crystal, 12, ties="cut")
    expected = np.concatenate([row[:12] for row in by_hand(crystal)])
    assert near.counts.tolist() == [12] * len(crystal)
    np.testing.assert_allclose(near.distances, expected, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(near.vectors, axis=1), near.distances, atol=1e-9)
    # The vector leads to an image of the neighbour that is named.
    centres = np.repeat(np.arange(len(crystal)), near.counts)
    images = (near.vectors - crystal.cart[near.indices] + crystal.cart[centres]) @ np.linalg.inv(
        crystal.lattice
    )
    np.testing.assert_allclose(images, np.round(images), atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    atoms=st.integers(1, 6),
    cells=st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 2, 3)]),
    lattice=st.booleans(),
)
def test_independent_of_order_origin_and_cell(
    seed: int, atoms: int, cells: tuple[int, int, int], lattice: bool
) -> None:
    generator = np.random.default_rng(seed)
    # Half of the crystals are full of ties: atoms on a simple cubic grid.
    crystal = random_crystal(seed, atoms)
    if lattice:
        grid = generator.permutation(list(product((0, 0.5), repeat=3)))[:atoms]
        crystal = Crystal(crystal.numbers, grid, 5.0 * np.eye(3))
    expected = environments(crystal, nearest_neighbours(crystal, 12))
    other = supercell(crystal, cells)
    order = generator.permutation(len(other))
    moved = Crystal(
        other.numbers[order], other.frac[order] + generator.uniform(-2, 2, 3), other.lattice
    )
    found = environments(moved, nearest_neighbours(moved, 12))
    assert found == sorted(expected * int(np.prod(cells)))


def test_the_same_lattice_by_other_vectors() -> None:
    crystal = random_crystal(3, 4)
    turn = np.array([[1, 3, 0], [0, 1, -2], [0, 0, 1]])
    skewed = Crystal(crystal.numbers, crystal.frac @ np.linalg.inv(turn), turn @ crystal.lattice)
    assert environments(skewed, nearest_neighbours(skewed)) == environments(
        crystal, nearest_neighbours(crystal)
    )


def test_an_isolated_atom_has_its_images_and_nothing_else() -> None:
    alone = Crystal(np.array([2]), np.zeros((1, 3)), np.diag([40.0, 41, 42]))
    near = nearest_neighbours(alone, 12)
    assert (near.indices == 0).all()
    np.testing.assert_allclose(near.distances, by_hand(alone)[0][:14])  # 6 + 4 + 4
    assert near.distances.min() == pytest.approx(40)


def test_ties_depend_on_tolerance_only() -> None:
    """In bcc the six of the second shell are all kept, though twelve were asked for."""
    assert nearest_neighbours(bcc(), 8).counts.tolist() == [8, 8]
    assert nearest_neighbours(bcc(), 9).counts.tolist() == [14, 14]
    assert nearest_neighbours(bcc(), 9, ties="cut").counts.tolist() == [9, 9]


def test_agrees_with_pymatgen(data_home) -> None:  # type: ignore[no-untyped-def]
    import gzip
    import json

    with gzip.open(data_home("flla-2015") / "structures.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for _, line in zip(range(15), lines, strict=False)]
    for row in rows:
        crystal = Crystal.from_mapping(row)
        found = nearest_neighbours(crystal, 12, ties="cut").distances.reshape(-1, 12)
        shells = crystal.to_structure().get_all_neighbors(8)
        expected = [sorted(neighbour.nn_distance for neighbour in shell)[:12] for shell in shells]
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"ties": "some"}])
def test_wrong_parameters(wrong: dict) -> None:
    with pytest.raises(InputError, match="neighbours"):
        nearest_neighbours(fcc(), **wrong)


def test_ranges() -> None:
    generator = np.random.default_rng(0)
    starts, counts = generator.integers(0, 50, 20), generator.integers(0, 5, 20)
    expected = [np.arange(s, s + c) for s, c in zip(starts, counts, strict=True)]
    assert ranges(starts, counts).tolist() == np.concatenate(expected).tolist()
    assert ranges(starts[:0], counts[:0]).tolist() == []


def test_pairs_of_a_frame_do_not_depend_on_where_atoms_were_unwrapped_to() -> None:
    rng = np.random.default_rng(0)
    lattice = 9 * np.eye(3) + rng.uniform(-2, 2, (3, 3))
    frac = rng.random((30, 3))
    outside = frac + rng.integers(-3, 4, frac.shape)
    run = Trajectory(np.stack([frac, outside]) @ lattice, lattice, ("Li",) * 30, 1.0)
    np.testing.assert_allclose(run.fractional(1), outside, atol=1e-6)
    found = []
    for frame in (0, 1):
        i, j, distances, vectors = pairs_within(run.fractional(frame), lattice, 4.0)
        order = np.lexsort((distances, j, i))
        found.append((i[order], j[order], distances[order]))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), distances)
    for inside, moved in zip(*found, strict=True):
        np.testing.assert_allclose(inside, moved, atol=1e-5)
