"""Items at the edge: what is read is right, and what is wrong is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leyden.data.formulas import ELEMENTS, parse_composition, parse_formula, reduced_formula
from leyden.data.materials import Crystal, IonPair, parse_crystal, parse_smiles
from leyden.errors import InputError

CUBE = """data_cube
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
SYMMETRY
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
POSCAR = """rock salt
1.0
0 2.8 2.8
2.8 0 2.8
2.8 2.8 0
Na Cl
1 1
Direct
0 0 0
0.5 0.5 0.5
"""


def cif(*sites: str, symmetry: str = "") -> str:
    return CUBE.replace("SYMMETRY\n", symmetry + "\n") + "\n".join(sites) + "\n"


def cells() -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[st.floats(2, 20)] * 3, *[st.floats(65, 110)] * 3)


@given(cells())
@settings(max_examples=50, deadline=None)
def test_lattice_parameters_survive_the_vectors(parameters: tuple[float, ...]) -> None:
    crystal = Crystal.from_parameters(parameters, ["Si"], [[0, 0, 0]])
    assert crystal.parameters == pytest.approx(parameters, rel=1e-9)


@given(cells())
@settings(max_examples=20, deadline=None)
def test_volume_equals_pymatgen(parameters: tuple[float, ...]) -> None:
    from pymatgen.core import Lattice

    crystal = Crystal.from_parameters(parameters, ["Si"], [[0, 0, 0]])
    assert crystal.volume == pytest.approx(Lattice.from_parameters(*parameters).volume, rel=1e-9)


def test_round_trip_through_pymatgen_and_ase() -> None:
    crystal = Crystal.from_parameters(
        (4, 5, 6, 80, 95, 100), ["Li", "O"], [[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]
    )
    for other in (
        Crystal.from_structure(crystal.to_structure()),
        Crystal.from_atoms(crystal.to_atoms()),
    ):
        np.testing.assert_array_equal(other.numbers, crystal.numbers)
        np.testing.assert_allclose(other.frac, crystal.frac, atol=1e-12)
        np.testing.assert_allclose(other.lattice, crystal.lattice, atol=1e-12)


@pytest.mark.parametrize(
    ("lattice", "species", "rule"),
    [
        ([4, 4, float("nan"), 90, 90, 90], ["Si"], "finite"),
        ([4, 4, 4, 90, 90, 180], ["Si"], "close a cell"),
        ([4, 4, 4, 30, 30, 120], ["Si"], "close a cell"),
        ([4, 4, -4, 90, 90, 90], ["Si"], "positive"),
        ([4, 4, 4, 90, 90, 90], ["Qq"], "element symbol"),
        ([4, 4, 4, 90, 90, 90], [], "at least one atom"),
        ([4, 4, 4], ["Si"], "alpha"),
        (["a", 4, 4, 90, 90, 90], ["Si"], "alpha"),
        ([4, 4, 4, 90, 90, 90], ["Si", "Si"], "rows of 3"),
    ],
)
def test_bad_crystals_are_told(lattice: list, species: list, rule: str) -> None:
    frac = [[0, 0, 0]] if species else np.zeros((0, 3))
    with pytest.raises(InputError, match=rule):
        Crystal.from_parameters(lattice, species, frac)


def test_flat_and_infinite_arrays_are_told() -> None:
    with pytest.raises(InputError, match="volume"):
        Crystal(np.array([14]), np.zeros((1, 3)), np.ones((3, 3)))
    with pytest.raises(InputError, match="finite"):
        Crystal(np.array([14]), np.full((1, 3), np.inf), np.eye(3))
    with pytest.raises(InputError, match="1 to 118"):
        Crystal(np.array([119]), np.zeros((1, 3)), np.eye(3))


def test_cif_equals_pymatgen_for_a_space_group() -> None:
    from pymatgen.core import Lattice, Structure

    expected = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    sites = ("Na1 Na 0 0 0 1", "Cl1 Cl 0.5 0.5 0.5 1")
    for symmetry in (
        "_symmetry_space_group_name_H-M 'F m -3 m'",
        "_symmetry_Int_Tables_number 225",
    ):
        crystal = parse_crystal(cif(*sites, symmetry=symmetry))
        assert len(crystal) == 8
        assert sorted(map(tuple, np.round(crystal.frac % 1, 6))) == sorted(
            map(tuple, np.round(expected.frac_coords % 1, 6))
        )


def test_cif_without_symmetry_is_the_whole_cell() -> None:
    assert parse_crystal(cif("Na1 Na 0.1 0.2 0.3 1")).composition == {"Na": 1}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (cif("Na1 Na 0 0 0 0.5"), r"fully.*Na1.*0\.5"),
        (cif("X1 Xx 0 0 0 1"), "element"),
        (cif("Na1 Na 0 0 0 1", "Cl1 Cl 0.01 0 0 1"), "0.5 angstrom apart"),
        (cif("Na1 Na 0 0 0 1", "Na2 Na 0 0 1 1"), "0.5 angstrom apart"),
        (cif("Na1 Na ? 0 0 1"), "three coordinates"),
        (cif("Na1 Na 0 0 0 1", symmetry="_symmetry_space_group_name_H-M 'Q 3 z'"), "space group"),
        (cif("Na1 Na 0 0 0 1").replace("length_a 4", "length_a nan"), "finite"),
        (cif(), "atom"),
        ("data_empty\n_a 1\n", "cell and atoms"),
        ("data_x\nloop_\n_a\n_b\n1\n", "not a CIF"),
        (cif("Na1 Na 0 0 0 1") + cif("K1 K 0 0 0 1").replace("cube", "two"), "one crystal"),
        (POSCAR.replace("0.5 0.5 0.5\n", ""), "as many coordinates"),
        (POSCAR.replace("Na Cl\n", ""), "name its elements"),
        (POSCAR.replace("2.8 0 2.8", "2.8 x 2.8"), "not a POSCAR"),
        (POSCAR.replace("Cl", "Cq"), "element"),
        (POSCAR.replace("0.5 0.5 0.5", "0.01 0 0"), "apart"),
    ],
)
def test_bad_files_are_told_with_their_place(text: str, rule: str) -> None:
    with pytest.raises(InputError, match=f"(?s)bad.file, row 7: .*{rule}"):
        parse_crystal(text, file="bad.file", row=7)


def test_poscar_equals_pymatgen() -> None:
    from pymatgen.io.vasp import Poscar

    texts = (
        POSCAR,
        POSCAR.replace("1.0\n", "-50.0\n"),
        POSCAR.replace("Direct", "Selective dynamics\nCartesian")
        .replace("0.5 0.5 0.5", "2.8 2.8 2.8 T T F")
        .replace("\n0 0 0\n", "\n0 0 0 T T F\n"),
    )
    for text in texts:
        expected = Poscar.from_str(text).structure
        crystal = parse_crystal(text)
        np.testing.assert_allclose(crystal.lattice, expected.lattice.matrix, rtol=1e-9)
        np.testing.assert_allclose(crystal.frac % 1, expected.frac_coords % 1, atol=1e-9)


def test_large_cells_and_isolated_atoms_are_crystals() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(10) / 10] * 3, indexing="ij"), -1).reshape(-1, 3)
    big = {"lattice": [25.0] * 3 + [90] * 3, "species": ["Fe"] * 1000, "frac": grid.tolist()}
    assert len(parse_crystal(big)) == 1000
    lone = {"lattice": [40.0] * 3 + [90] * 3, "species": ["Ar"], "frac": [[0, 0, 0]]}
    assert parse_crystal(lone).formula == "Ar"
    grid[-1] = grid[0] + 0.001
    with pytest.raises(InputError, match="apart"):
        parse_crystal({**big, "frac": grid.tolist()})


def test_overlap_is_seen_through_cell_walls_and_in_thin_cells() -> None:
    with pytest.raises(InputError, match="apart"):
        parse_crystal(cif("A1 Na 0.01 0.5 0.99 1", "A2 Cl 0.99 0.5 0.01 1"))
    skewed = Crystal.from_parameters((0.9, 9, 9, 90, 90, 15), ["Na"], [[0, 0, 0]])
    assert parse_crystal(skewed) is skewed
    thin = {"lattice": [0.4, 9, 9, 90, 90, 90], "species": ["Na"], "frac": [[0, 0, 0]]}
    with pytest.raises(InputError, match="apart"):
        parse_crystal(thin)


def test_sources_of_crystals(tmp_path) -> None:
    path = tmp_path / "POSCAR"
    path.write_text(POSCAR)
    crystal = parse_crystal(path)
    for source in (str(path), crystal, crystal.to_structure(), crystal.to_atoms()):
        assert parse_crystal(source).formula == "NaCl"
    path.write_text("")
    with pytest.raises(InputError, match="POSCAR: the file is empty"):
        parse_crystal(path)
    with pytest.raises(InputError, match="cannot be read"):
        parse_crystal(tmp_path / "absent.cif")
    with pytest.raises(InputError, match="path or a JSON object"):
        parse_crystal(3)


def test_partial_occupancy_of_a_structure_and_missing_periodicity() -> None:
    from ase import Atoms
    from pymatgen.core import Lattice, Structure

    disordered = Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    with pytest.raises(InputError, match=r"fully.*site 1"):
        parse_crystal(disordered)
    with pytest.raises(InputError, match="periodic"):
        parse_crystal(Atoms("H", cell=[4, 4, 4]))


amounts = st.dictionaries(st.sampled_from(ELEMENTS[1:]), st.integers(1, 40), min_size=1, max_size=5)


@given(amounts, st.integers(1, 7))
@settings(deadline=None)
def test_equal_ratios_have_one_spelling(counts: dict[str, int], factor: int) -> None:
    text = "".join(f"{symbol}{count}" for symbol, count in counts.items())
    backwards = "".join(f"{s}{n * factor}" for s, n in reversed(counts.items()))
    assert parse_formula(text) == parse_formula(backwards)
    assert parse_formula(parse_formula(text)) == parse_formula(text)
    assert parse_formula(text) == parse_formula(f"({text})2"), (
        "a short cut reads what has no brackets"
    )
    other = {**counts, next(iter(counts)): next(iter(counts.values())) + 41}
    if len(counts) > 1:
        assert reduced_formula(other) != reduced_formula(counts)


def test_formulas_of_all_shapes() -> None:
    assert parse_formula(" Li2 Fe2 (P O4)2 ") == "LiFePO4"
    assert parse_formula("Ca1 Ag2 Ge2") == "CaAg2Ge2"
    assert parse_formula("K4[Fe(CN)6]") == parse_formula("K4FeC6N6")
    assert parse_formula("Li0.5CoO2") == "LiCo2O4"
    assert float(parse_composition("Li9.81Sn0.81P2.19S12")["P"]) == 2.19


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "name an element"),
        ("Xx2O3", "not an element"),
        ("Li(PO4", "pair"),
        ("Li)2", "pair"),
        ("Li(PO4]2", "pair"),
        ("Li0O", "positive"),
        ("LiFe+", "cannot stand"),
        ("nan", "cannot stand"),
    ],
)
def test_bad_formulas_are_told(text: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        parse_formula(text)


def test_ion_pairs_are_neutral() -> None:
    assert IonPair("CC[n+]1ccn(C)c1", "[Cl-]").stoichiometry == (1, 1)
    assert IonPair("[Al+3]", "[O-2]").stoichiometry == (2, 3)
    assert IonPair("[Ca+2]", "[Cl-]").smiles == "[Ca+2].[Cl-].[Cl-]"
    with pytest.raises(InputError, match="cation"):
        IonPair("CCO", "[Cl-]")
    with pytest.raises(InputError, match="anion"):
        IonPair("[Na+]", "[K+]")


def test_smiles_are_canonical_and_checked() -> None:
    assert parse_smiles("OCC") == parse_smiles("C(O)C")
    for bad in ("", "C(C", "C(C)(C)(C)(C)C", None):
        with pytest.raises(InputError, match="SMILES"):
            parse_smiles(bad)  # type: ignore[arg-type]


@given(cells(), st.integers(0, 2**32 - 1), st.floats(0.3, 0.7))
@settings(max_examples=30, deadline=None)
def test_overlap_equals_pymatgen(parameters: tuple[float, ...], seed: int, gap: float) -> None:
    rng = np.random.default_rng(seed)
    first = rng.uniform(-1, 2, 3)
    crystal = Crystal.from_parameters(parameters, ["Si", "Si"], [first, first])
    step = rng.normal(size=3)
    step *= gap / np.linalg.norm(step)
    second = first + step @ np.linalg.inv(crystal.lattice) + rng.integers(-1, 2, 3)
    crystal = Crystal(crystal.numbers, np.array([first, second]), crystal.lattice)
    nearest = crystal.to_structure().get_distance(0, 1)
    assume(abs(nearest - 0.5) > 1e-6)  # there the two sums round either way
    if nearest < 0.5:
        with pytest.raises(InputError, match="apart"):
            parse_crystal(crystal)
    else:
        assert parse_crystal(crystal) is crystal
