"""Voronoi coordination, against known polyhedra, pymatgen and the printed screening."""

import csv
import gzip
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden.data.materials import Crystal
from leyden.errors import InputError
from leyden.physics.dendrites import LITHIUM, recover_from_two_points
from leyden.physics.ionic_radii import molar_volume_ratio
from leyden.representations.structural_descriptors import (
    mean_voronoi_coordination,
    voronoi_coordination,
)

TABLE = Path(__file__).parent / "reference" / "xie_table_2_4.csv"


def rows_of(folder):
    with gzip.open(folder / "structures.jsonl.gz", "rt") as file:
        yield from map(json.loads, file)


def crystal_of(row):
    return Crystal.from_parameters(row["lattice"], row["species"], row["frac"])


def cubic(a, *sites):
    numbers, frac = zip(*sites, strict=True)
    return Crystal(np.array(numbers), np.array(frac, dtype=float), a * np.eye(3))


ROCK_SALT = [
    (z, np.array(shift) / 2 + face)
    for z, shift in ((3, (0, 0, 0)), (9, (1, 1, 1)))
    for face in ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
]


def test_known_polyhedra():
    # cubes: all six faces alike
    np.testing.assert_allclose(voronoi_coordination(cubic(4.0, *ROCK_SALT)), 6, rtol=1e-9)
    np.testing.assert_allclose(voronoi_coordination(cubic(3.0, (3, (0, 0, 0)))), 6, rtol=1e-9)
    # rhombic dodecahedron
    fcc = [(3, frac) for _, frac in ROCK_SALT[:4]]
    np.testing.assert_allclose(voronoi_coordination(cubic(4.4, *fcc)), 12, rtol=1e-9)
    # truncated octahedron: eight hexagons, six squares whose corners lie on the axis, at a/4 from
    # it, a/2 away: 4 arcsin(1/5) sr, so that a hexagon has (4 pi - 24 arcsin(1/5)) / 8
    bcc = cubic(3.51, (3, (0, 0, 0)), (3, (0.5, 0.5, 0.5)))
    expected = 4 * np.pi / ((4 * np.pi - 6 * square_pyramid()) / 8)
    np.testing.assert_allclose(voronoi_coordination(bcc), expected, rtol=1e-9)


def square_pyramid():
    """Solid angle of a square at height 1/2 whose half diagonal is 1/4, by the formula for one."""
    half_side, height = 0.25 / np.sqrt(2), 0.5
    return 4 * np.arcsin(half_side**2 / (half_side**2 + height**2))


@given(st.integers(0, 2**32 - 1), st.floats(0.7, 6))
def test_scale_shift_order_and_cell_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    lattice = 4 * np.eye(3) + rng.uniform(-1, 1, (3, 3))
    frac = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    frac = frac + rng.uniform(-0.08, 0.08, (4, 3))
    numbers = np.array([3, 8, 3, 26])
    base = voronoi_coordination(Crystal(numbers, frac, lattice))
    order = rng.permutation(4)
    moved = Crystal(numbers[order], (frac + rng.uniform(size=3))[order], scale * lattice)
    np.testing.assert_allclose(np.sort(voronoi_coordination(moved)), np.sort(base), rtol=1e-8)
    doubled = Crystal(
        np.tile(numbers, 2),
        np.concatenate([frac, frac + np.array([0, 0, 1])]) / [1, 1, 2],
        lattice * np.array([[1], [1], [2]]),
    )
    np.testing.assert_allclose(voronoi_coordination(doubled), np.tile(base, 2), rtol=1e-8)
    assert mean_voronoi_coordination(moved) == pytest.approx(base.mean(), rel=1e-8)


def test_a_site_in_a_wide_gap_sees_across_it():
    """A complete polyhedron is demanded however far its other side is."""
    frac = np.array([[0, 0, 0], [0.5, 0.5, 0]])
    gap = Crystal(np.array([3, 9]), frac, np.diag([3.0, 3.0, 40.0]))
    # four F around, Li at the corners, and a roof 20 angstrom above and below
    value = voronoi_coordination(gap)
    assert value == pytest.approx(4, abs=0.2)


def test_mistakes_are_named():
    salt = cubic(4.0, *ROCK_SALT)
    with pytest.raises(InputError, match="the crystal has no Na"):
        voronoi_coordination(salt, "Na")
    with pytest.raises(InputError, match="element symbol"):
        voronoi_coordination(salt, "Lithium")
    twice = cubic(4.0, (3, (0, 0, 0)), (9, (0.5, 0.5, 0.5)), (3, (0, 1, 1)))
    with pytest.raises(InputError, match="atoms 1 and 3"):
        voronoi_coordination(twice)
    slab = Crystal(np.array([9, 3]), np.array([[0, 0, 0], [0.5, 0.5, 0]]), np.diag([4.0, 4.0, 400]))
    with pytest.raises(InputError, match=r"neighbours on all sides .*atom 2"):
        voronoi_coordination(slab)


def test_equals_pymatgen_on_real_crystals(data_home):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymatgen.analysis.local_env import VoronoiNN
        from pymatgen.core import Structure
    rows = [row for row in rows_of(data_home("mp-electrodes")) if "Li" in row["species"]]
    voronoi = VoronoiNN(tol=0, compute_adj_neighbors=False, extra_nn_info=False)
    for row in rows[::200]:
        crystal = crystal_of(row)
        structure = Structure(crystal.lattice, row["species"], row["frac"])
        site = row["species"].index("Li")
        weights = [neighbour["weight"] for neighbour in voronoi.get_nn_info(structure, site)]
        assert voronoi_coordination(crystal)[0] == pytest.approx(sum(weights), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "material"), [("mp-electrodes", "mp-570512"), ("flla-2015", "mp-541001")]
)
def test_ion_size_is_that_of_the_printed_screening(data_home, name, material):
    """Table 2.4's chi imply gamma (1 + v); our v of the same crystal fits within its rounding."""
    row = next(row for row in rows_of(data_home(name)) if row["id"] == material)
    with TABLE.open() as file:
        printed = next(r for r in csv.DictReader(file) if r["material_id"] == material)
    low = float(printed["chi_low_k"]) + np.array([-0.05, 0.05])
    curve = recover_from_two_points(low, 1e8, float(printed["chi_high_k"]), 2e9 * np.pi)
    bounds = 2 * curve.surface_J_m_per_mol / LITHIUM.molar_volume_m3_per_mol
    ratio = molar_volume_ratio(mean_voronoi_coordination(crystal_of(row)))
    assert bounds[0] < LITHIUM.surface_energy_J_per_m2 * (1 + ratio) < bounds[1]
