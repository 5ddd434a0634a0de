"""Crystals with partial occupancies: accepted, merged, refused; CIFs against pymatgen."""

from __future__ import annotations

import gzip
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gemmi import cif as gemmi_cif

from leyden.data import Crystal, DisorderedCrystal, disordered_from_cif, parse_formula
from leyden.data.catalog import DroppedRowsWarning, load
from leyden.data.formulas import parse_composition
from leyden.errors import InputError
from leyden.hashing import content_hash
from leyden.representations.cache import item_key

CUBE = 4.0 * np.eye(3)
HEAD = """data_x
_cell_length_a 5.0
_cell_length_b 5.0
_cell_length_c 5.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
{symmetry}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""


def cif(sites: str, symmetry: str = "_symmetry_space_group_name_H-M 'P 1'") -> str:
    return HEAD.format(symmetry=symmetry) + sites


def test_a_mixed_site_written_twice_is_one_site() -> None:
    crystal = DisorderedCrystal(
        CUBE,
        [[0, 0, 0], [0.5, 0.5, 0.5], [1.0, 0, -1e-4], [0.2, 0.2, 0.2]],
        ({"Li": 0.3}, {"Cl": 1.0}, {"Al": 0.2}, {"Li": 0.25}),
    )
    assert len(crystal) == 3
    assert crystal.species[0] == {"Al": 0.2, "Li": 0.3}
    np.testing.assert_allclose(crystal.occupancies, [0.5, 1, 0.25])
    np.testing.assert_allclose(crystal.composition["Li"], 0.55)
    np.testing.assert_array_equal(crystal.amounts(["Cl", "Fe"]), [[0, 0], [1, 0], [0, 0]])
    assert crystal.elements == ("Li", "Al", "Cl")
    assert crystal.volume == pytest.approx(64)


@pytest.mark.parametrize(
    ("species", "message"),
    [
        (({"Li": 0.0}, {"Cl": 1.0}), r"above 0 and at most 1 \(got 'Li 0 on site 1'\)"),
        (({"Li": -0.5}, {"Cl": 1.0}), "above 0 and at most 1"),
        (({"Li": float("nan")}, {"Cl": 1.0}), "above 0 and at most 1"),
        (({"Li": 1.0}, {"Cl": 1.2}), "Cl 1.2 on site 2"),
        (({"Li": 0.7, "Al": 0.6}, {"Cl": 1.0}), r"at most one atom \(got 'site 1 .*1.30 in all"),
        (({"Lii": 1.0}, {"Cl": 1.0}), "element symbol.*did you mean 'Li'"),
        (({}, {"Cl": 1.0}), "must hold an element"),
        (({"Li": 1.0},), "1 atoms need 1 rows"),
        ((), "at least one atom"),
    ],
)
def test_what_no_site_can_hold(species: tuple[dict[str, float], ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DisorderedCrystal(CUBE, [[0, 0, 0], [0.5, 0.5, 0.5]], species)


def test_coinciding_rows_that_hold_too_much_are_named() -> None:
    with pytest.raises(InputError, match=r"site 1/3 \(Li 0.8 \+ Na 0.8\), 1.60 in all"):
        DisorderedCrystal(
            CUBE, [[0, 0, 0], [0.5] * 3, [0, 0, 1]], ({"Li": 0.8}, {"Cl": 1.0}, {"Na": 0.8})
        )


def test_sums_that_refinement_rounds_are_scaled() -> None:
    crystal = DisorderedCrystal(CUBE, [[0, 0, 0]], ({"Li": 0.53, "Na": 0.5},))
    assert crystal.occupancies[0] == pytest.approx(1)
    assert crystal.composition["Li"] == pytest.approx(0.53 / 1.03)


def test_the_formula_is_of_the_ratio_not_of_the_cell() -> None:
    def repeated(crystal: DisorderedCrystal, times: int) -> DisorderedCrystal:
        shifts = np.array([[0, 0, k] for k in range(times)])
        frac = ((crystal.frac + shifts[:, None]) / [1, 1, times]).reshape(-1, 3)
        return DisorderedCrystal(
            crystal.lattice * [[1], [1], [times]], frac, crystal.species * times
        )

    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]]
    for species, formula in [
        (({"Li": 1.0}, {"Cl": 1.0}, {"Cl": 1.0}), "LiCl2"),
        (({"Li": 0.5}, {"Cl": 1.0}, {"Cl": 1.0}), "LiCl4"),
        (({"Li": 0.4073, "Al": 0.0913}, {"O": 1.0}, {"O": 1.0}), "Li0.204Al0.046O"),
    ]:
        crystal = DisorderedCrystal(CUBE, places, species)
        assert [repeated(crystal, n).formula for n in (1, 2, 3)] == [formula] * 3
        parse_formula(formula)


def test_ordered_crystals_and_structures_go_through() -> None:
    salt = Crystal.from_parameters([4, 4, 4, 90, 90, 90], ["Na", "Cl"], [[0] * 3, [0.5] * 3])
    same = DisorderedCrystal.from_crystal(salt)
    assert same.formula == salt.formula
    np.testing.assert_array_equal(same.cart, salt.cart)

    from pymatgen.core import Structure

    structure = Structure(
        CUBE, [{"Li+": 0.5, "Na+": 0.25}, {"Cl-": 1}], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    crystal = DisorderedCrystal.from_structure(structure)
    assert crystal.species == ({"Li": 0.5, "Na": 0.25}, {"Cl": 1.0})
    again = DisorderedCrystal.from_structure(crystal.to_structure())
    assert again.species == crystal.species
    np.testing.assert_allclose(again.lattice, crystal.lattice)


def test_content_tells_crystals_apart() -> None:
    first = DisorderedCrystal(CUBE, [[0, 0, 0]], ({"Li": 0.5},))
    second = DisorderedCrystal(CUBE, [[0, 0, 0]], ({"Li": 0.51},))
    again = pickle.loads(pickle.dumps(first))
    for key in (item_key, content_hash):
        assert key(first) == key(again)
        assert key(first) != key(second)


def test_charges_and_mixed_rows_of_a_cif() -> None:
    crystal = disordered_from_cif(
        cif(
            "Li1 Li1+ 0 0 0 0.6\nAl1 Al3+ 0 0 0 0.2\nO1 O2- 0.5 0.5 0.5 1\n"
            "D1 D 0.5 0.5 0.3 0.4\nLi2 Li+ 0.2 0.2 0.2 0.0\n"
        )
    )
    assert crystal.species == ({"Al": 0.2, "Li": 0.6}, {"O": 1.0}, {"H": 0.4})


def test_images_that_coincide_are_one_and_near_ones_stay() -> None:
    mirror = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,y,z'"
    rows = "Li1 Li 0.0001 0 0 1\nLi2 Li 0.02 0.5 0 0.5\nO1 O 0.5 0.5 0.5 1\n"
    crystal = disordered_from_cif(cif(rows, mirror))  # copies 0.001 and 0.2 angstrom apart
    assert crystal.composition == pytest.approx({"Li": 2, "O": 1})
    assert len(crystal) == 4


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("Li1 Li 0 0 0 1\nNa1 Na 0 0 0 0.8\n", r"at most one atom .*Li 1 \+ Na 0.8.*1.80"),
        ("Li1 Li 0 0 0 1.4\n", r"between 0 and 1 \(got 'site 1 \(Li1\), occupancy 1.4'\)"),
        ("Li1 Li 0 0 0 -0.1\n", "between 0 and 1"),
        ("Li1 Li 0 0 0 0.9\nLi2 Li 0.05 0 0 0.9\n", r"0.5 angstrom apart.*Li 0.9.*0.25 angstrom"),
        ("X1 X 0 0 0 1\n", r"name an element \(got 'site 1 \(X1\)'\)"),
        ("Li1 Li 0 0 ? 1\n", "three coordinates"),
        ("Li1 Li 0 0 0 0\n", "at least one atom"),
    ],
)
def test_a_cif_with_wrong_sites_names_them(rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        disordered_from_cif(cif(rows))


def test_what_is_no_cif_of_one_crystal() -> None:
    with pytest.raises(InputError, match="not a CIF"):
        disordered_from_cif("Li 0 0 0")
    with pytest.raises(InputError, match="one crystal"):
        disordered_from_cif(
            cif("Li1 Li 0 0 0 1\n") + cif("Li1 Li 0 0 0 1\n").replace("data_x", "data_y")
        )
    with pytest.raises(InputError, match="known one"):
        disordered_from_cif(cif("Li1 Li 0 0 0 1\n", "_symmetry_space_group_name_H-M 'Q 99'"))


def cifs(folder: Path) -> dict[str, str]:
    with gzip.open(folder / "train_cifs.jsonl.gz", "rt") as lines:
        return {row["id"]: row["cif"] for row in map(json.loads, lines)}


def test_every_cif_of_obelix_has_the_atoms_that_it_claims(data_home: Callable) -> None:
    texts = cifs(data_home("obelix"))
    assert len(texts) == 254
    for text in texts.values():
        sums = gemmi_cif.read_string(text)[0].find_value("_chemical_formula_sum")
        claimed = parse_composition(gemmi_cif.as_string(sums))
        found = disordered_from_cif(text).composition
        assert found == pytest.approx({k: float(v) for k, v in claimed.items()}, rel=2e-3)


def test_sites_are_those_of_pymatgen(data_home: Callable) -> None:
    from pymatgen.io.cif import CifParser

    texts = cifs(data_home("obelix"))
    for name in ("13q", "9yt", "o5q", "kh3", "mtn"):
        ours = disordered_from_cif(texts[name])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = CifParser.from_str(texts[name]).parse_structures(primitive=False)[0]
        assert len(ours) == len(theirs)
        difference = ours.frac[:, None] - theirs.frac_coords[None]
        distance = np.linalg.norm((difference - np.round(difference)) @ ours.lattice, axis=-1)
        assert distance.min(axis=1).max() < 1e-3
        for site, near in zip(ours.species, distance.argmin(axis=1), strict=True):
            held = {specie.symbol: amount for specie, amount in theirs[near].species.items()}
            assert site == pytest.approx(held, abs=1e-6)


def test_obelix_structures_are_the_rows_of_obelix(data_home: Callable) -> None:
    data_home("obelix")
    target = "ionic_conductivity_S_per_cm"
    with pytest.warns(DroppedRowsWarning, match=r"7 structures cannot be used.*Li4SiS4.*Li'"):
        found = load("obelix-structures", target=target)
    everything = load("obelix", target=target)
    assert len(found) == 247
    assert all(isinstance(item, DisorderedCrystal) for item in found.items)
    row = {id: number for number, id in enumerate(everything.ids.tolist())}
    same = everything.take([row[id] for id in found.ids.tolist()])
    np.testing.assert_array_equal(found.y, same.y)
    assert found.groups.equals(same.groups)
    bounded = f"{target}_is_upper_bound"
    assert found.extra[bounded].equals(same.extra[bounded])
    assert found.extra["close_match"].eq("Yes").sum() == 52


def test_a_missing_file_of_structures_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    with pytest.raises(InputError, match="obelix-structures is not in the data home"):
        load("obelix-structures")
