"""The five descriptors of conduction: printed values, brute force, and what must not change them.

Printed values and probabilities are those of Sendek et al., Energy Environ. Sci. 10, 306 (2017).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data import Crystal, DisorderedCrystal, load
from leyden.errors import InputError
from leyden.models.classifiers import (
    PUBLISHED_COEFFICIENTS,
    PUBLISHED_INTERCEPT,
    published_log_odds,
)
from leyden.representations import StructuralDescriptors
from leyden.representations.elements import element_property
from leyden.representations.neighbours import TIE_TOLERANCE
from leyden.testing import check_representation

FIVE = StructuralDescriptors()
FACES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def one(crystal: Crystal | DisorderedCrystal) -> np.ndarray:
    return FIVE.transform([crystal])[0]


def rock_salt(anion: str, a: float) -> Crystal:
    return Crystal.from_parameters(
        [a / np.sqrt(2)] * 3 + [60] * 3, ["Li", anion], [[0] * 3, [0.5] * 3]
    )


def test_printed_descriptors() -> None:
    iodide = one(rock_salt("I", 6.03))
    np.testing.assert_allclose(iodide, [0, 1.68, 12, 3.02, 4.26], atol=0.006)
    thirds, z = (1 / 3, 2 / 3), 0.5835
    phosphide = Crystal.from_parameters(  # Na3As type
        [4.264, 4.264, 7.579, 90, 90, 120],
        ["P"] * 2 + ["Li"] * 6,
        [
            [*thirds, 0.25],
            [*thirds[::-1], 0.75],
            [0, 0, 0.25],
            [0, 0, 0.75],
            [*thirds, z],
            [*thirds[::-1], z - 0.5],
            [*thirds[::-1], 1 - z],
            [*thirds, 1.5 - z],
        ],
    )
    np.testing.assert_allclose(one(phosphide)[[0, 1, 3, 4]], [11.33, 1.21, 2.50, 2.59], atol=0.02)


# Materials Project id to the printed probability, and the set that has the structure
PRINTED = {
    "flla-2015": {
        "mp-22905": 0.837,  # LiCl
        "mp-23259": 0.949,  # LiBr
        "mp-29009": 0.786,  # Li2MgBr4
        "mp-555874": 0.843,  # LiAsS2
        "mp-9703": 0.970,  # K2LiGaAs2
        "mp-7744": 1.000,  # LiSO3F
    },
    "dielectric-constant": {
        "mp-8751": 0.775,  # RbLiS
        "mp-4495": 0.982,  # KLiTe
        "mp-8430": 0.760,  # KLiS
    },
    "mp-elasticity-binary": {"mp-1777": 0.978},  # Li15Ge4
}


@pytest.mark.parametrize("name", PRINTED)
def test_printed_probabilities(name: str, data_home: Callable) -> None:
    data_home(name)
    data = load(name)
    rows = [data.ids.tolist().index(id) for id in PRINTED[name]]
    odds = published_log_odds(FIVE.transform(data.take(rows).items))
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), list(PRINTED[name].values()), atol=0.002)


def test_printed_coefficients_agree_with_the_standardised_ones() -> None:
    """Table 2 prints them for descriptors less their mean over their standard deviation."""
    standardised = np.array([0.817, -1.323, -1.028, 2.509, -1.619])
    mean = np.array([6.218, 0.978, 10.073, 2.072, 2.730])
    std = np.array([4.432, 0.330, 2.202, 0.288, 0.746])
    np.testing.assert_allclose(standardised / std, PUBLISHED_COEFFICIENTS, rtol=3e-3)
    assert np.array(PUBLISHED_COEFFICIENTS) @ mean + PUBLISHED_INTERCEPT == pytest.approx(
        -1.944, abs=0.01
    )


def brute_force(crystal: Crystal, reach: int = 3) -> np.ndarray:
    """The definitions, written out over all atoms of many cells."""
    shifts = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    images = (crystal.frac[None] + shifts[:, None]).reshape(-1, 3) @ crystal.lattice
    numbers = np.tile(crystal.numbers, len(shifts))
    chi = element_property("Electronegativity")
    anion = max(set(crystal.numbers.tolist()), key=lambda z: chi[z])
    bonds, gaps, shells, to_anion, to_ion = [], [], [], [], []
    for number, place in zip(crystal.numbers, crystal.cart, strict=True):
        distance = np.linalg.norm(images - place, axis=1)
        other = distance > 1e-6
        near = other & (distance <= 4 + TIE_TOLERANCE)
        if number == 3:
            bonds.append((numbers[near] == 3).sum())
            to_anion.append(distance[other & (numbers == anion)].min())
            to_ion.append(distance[other & (numbers == 3)].min())
        else:
            gaps += np.abs(chi[numbers[near]] - chi[number]).tolist()
        if number == anion:
            anions = distance[other & (numbers == anion)]
            shells.append((anions <= anions.min() + 1 + TIE_TOLERANCE).sum())
    return np.array([np.mean(part) for part in (bonds, gaps, shells, to_anion, to_ion)])


@st.composite
def crystals(draw: st.DrawFn, partial: bool = False) -> Crystal | DisorderedCrystal:
    """Li, a second element and an anion somewhere in a skew cell; partly occupied if wanted."""
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    lattice = draw(st.floats(4.2, 6.0)) * (np.eye(3) + generator.uniform(-0.15, 0.15, (3, 3)))
    corners = np.array(FACES) + generator.uniform(-0.06, 0.06, (4, 3))
    symbols = ["Li", "O", draw(st.sampled_from(["Li", "P", "S"])), "O"]
    if not partial:
        return Crystal.from_vectors(lattice, symbols, corners)
    twin = corners[0] + generator.uniform(0.05, 0.15, 3)
    share = draw(st.floats(0.2, 0.5))
    species = (
        {"Li": share},
        {"O": 1.0},
        {"Li": 0.5, symbols[2]: 0.25} if symbols[2] != "Li" else {"Li": 0.8},
        {"O": draw(st.floats(0.7, 1.0))},
        {"Li": 0.9 - share},
    )
    return DisorderedCrystal(lattice, np.vstack([corners, twin]), species)


@given(crystals())
@settings(max_examples=25, deadline=None)
def test_brute_force_gives_the_same(crystal: Crystal) -> None:
    np.testing.assert_allclose(one(crystal), brute_force(crystal), rtol=1e-9)


@given(crystals())
@settings(max_examples=15, deadline=None)
def test_full_occupancies_are_an_ordered_crystal(crystal: Crystal) -> None:
    np.testing.assert_allclose(
        one(DisorderedCrystal.from_crystal(crystal)), one(crystal), rtol=1e-12
    )


@given(crystals(partial=True), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_cell_origin_order_and_orientation_do_not_matter(
    crystal: DisorderedCrystal, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    expected = one(crystal)
    assert np.isfinite(expected).all()

    order = generator.permutation(len(crystal))
    turned, _ = np.linalg.qr(generator.standard_normal((3, 3)))
    moved = DisorderedCrystal(
        crystal.lattice @ turned,
        (crystal.frac + generator.uniform(size=3))[order]
        + generator.integers(-2, 3, (len(order), 3)),
        tuple(crystal.species[i] for i in order),
    )
    np.testing.assert_allclose(one(moved), expected, rtol=1e-8)

    repeats = np.array([2, 1, 2])
    cells = np.array(list(itertools.product(*map(range, repeats))))
    large = DisorderedCrystal(
        crystal.lattice * repeats[:, None],
        ((crystal.frac + cells[:, None]) / repeats).reshape(-1, 3),
        crystal.species * len(cells),
    )
    np.testing.assert_allclose(one(large), expected, rtol=1e-8)

    skew = np.array([[1, 1, 0], [0, 1, -1], [0, 0, 1]])  # another basis of the same lattice
    other = DisorderedCrystal(
        skew @ crystal.lattice, crystal.frac @ np.linalg.inv(skew), crystal.species
    )
    np.testing.assert_allclose(one(other), expected, rtol=1e-8)


def test_primitive_and_conventional_cells_agree() -> None:
    a = 5.1
    sites = [*FACES, *(np.array(FACES) + 0.5)]
    species = ({"Li": 0.6, "Na": 0.3},) * 4 + ({"Cl": 0.7, "Br": 0.3},) * 4
    conventional = DisorderedCrystal(a * np.eye(3), sites, species)
    primitive = DisorderedCrystal(
        rock_salt("Cl", a).lattice, [[0] * 3, [0.5] * 3], (species[0], species[-1])
    )
    np.testing.assert_allclose(one(conventional), one(primitive), rtol=1e-9)


def test_expectations_are_those_of_a_large_crystal_filled_at_random() -> None:
    """1000 cells of a caesium chloride structure whose sites are drawn one by one."""
    a, size = 3.3, 10
    shares = ({"Li": 0.5, "Na": 0.2}, {"Cl": 0.6, "S": 0.3})
    expected = one(DisorderedCrystal(a * np.eye(3), [[0] * 3, [0.5] * 3], shares))
    cells = np.array(list(itertools.product(range(size), repeat=3)))
    frac = np.concatenate([cells, cells + 0.5]) / size
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(10):
        symbols = np.concatenate(
            [
                generator.choice(
                    [*share, ""], len(cells), p=[*share.values(), 1 - sum(share.values())]
                )
                for share in shares
            ]
        )
        there = symbols != ""
        lattice = size * a * np.eye(3)
        drawn.append(one(Crystal.from_vectors(lattice, symbols[there].tolist(), frac[there])))
    scatter = np.std(drawn, axis=0, ddof=1) / np.sqrt(len(drawn))
    assert (scatter < 0.02 * expected).all()  # else the comparison would say nothing
    assert (np.abs(np.mean(drawn, axis=0) - expected) < 4 * scatter + 0.002 * expected).all()


def test_halves_of_a_split_site_are_no_neighbours() -> None:
    """A Li that is 0.35 angstrom to either side of its place counts its neighbours once."""
    places = [[0.05, 0, 0], [-0.05, 0, 0], [0.5, 0.5, 0.5]]
    lattice = np.diag([7.0, 3.6, 3.6])
    split = one(DisorderedCrystal(lattice, places, ({"Li": 0.5}, {"Li": 0.5}, {"O": 1.0})))
    # in each of four directions a whole Li at 3.6 or at 3.67 angstrom, half of the time each
    assert split[0] == pytest.approx(4)
    assert 3.6 < split[4] < 3.67
    chance = np.repeat([3.6, np.hypot(3.6, 0.7)], 4)
    nearest = sum(d * 0.5 * 0.5**k for k, d in enumerate(chance))
    left = 0.5**8  # the next Li along x are farther
    assert nearest < split[4] < nearest + left * 8


def test_sites_too_near_are_filled_together_as_seldom_as_they_can_be() -> None:
    def bonds(first: float, second: float) -> float:
        cell = DisorderedCrystal(
            np.diag([9.0, 9.0, 9.0]),
            [[0, 0, 0], [1.8 / 9, 0, 0], [0.1, 0.3, 0]],
            ({"Li": first}, {"Li": second}, {"O": 1.0}),
        )
        return one(cell)[0]

    assert bonds(0.5, 0.5) == pytest.approx(0)
    assert bonds(0.8, 0.7) == pytest.approx(2 * 0.5 / 1.5)
    assert bonds(1.0, 0.3) == pytest.approx(2 * 0.3 / 1.3)
    assert bonds(1.0, 1.0) == pytest.approx(1)


def test_rare_ions_are_found_far_away() -> None:
    crystal = DisorderedCrystal(
        3.5 * np.eye(3), [[0] * 3, [0.5] * 3], ({"Li": 0.02, "Na": 0.9}, {"Cl": 1.0})
    )
    # random points of this density: the nearest is 0.554 n^(-1/3) away
    assert one(crystal)[4] == pytest.approx(0.554 * (0.02 / 3.5**3) ** (-1 / 3), rel=0.03)


def test_another_ion() -> None:
    sodium = Crystal.from_vectors(rock_salt("Cl", 5.1).lattice, ["Na", "Cl"], [[0] * 3, [0.5] * 3])
    found = StructuralDescriptors("Na").transform([sodium])[0]
    np.testing.assert_allclose(found[[0, 2, 3, 4]], one(rock_salt("Cl", 5.1))[[0, 2, 3, 4]])
    assert StructuralDescriptors("Na").names()[0] == "Na-Na bonds per Na"
    with pytest.raises(InputError, match="element symbol"):
        StructuralDescriptors("Lithium")


def test_it_keeps_the_contract_of_representations() -> None:
    items = [rock_salt(anion, a) for anion, a in (("F", 4.0), ("Cl", 5.1), ("Br", 5.5))]
    half = DisorderedCrystal.from_crystal(items[0])
    check_representation(FIVE, [*items, half])
    assert len(FIVE.names()) == FIVE.transform(items).shape[1]
    assert FIVE.transform([]).shape == (0, 5)


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (["Na", "Cl"], r"row 2: the crystal must have Li and another element \(got 'NaCl'\)"),
        (["Li", "Li"], r"row 2.*must have Li and another"),
        (["Li", "Ne"], r"row 2: every element must have an electronegativity \(got 'Ne'\)"),
        (["Li", "Og"], r"row 2: every element must have an electronegativity"),
    ],
)
def test_crystals_that_have_no_descriptors(symbols: list[str], message: str) -> None:
    good = rock_salt("Cl", 5.1)
    bad = Crystal.from_vectors(good.lattice, symbols, good.frac)
    with pytest.raises(InputError, match=message):
        FIVE.transform([good, bad])
