"""Phases (composition, symmetry, cell) and families of compositions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.data.families import composition_families
from leyden.data.formulas import parse_composition
from leyden.data.phase import Phase, phases
from leyden.errors import InputError
from leyden.representations import CompositionStatistics
from leyden.representations.phase_cell import CRYSTAL_SYSTEMS, CellContents, PhaseCell

CUBE = (5.14, 5.14, 5.14, 90.0, 90.0, 90.0)
SALT = Phase("LiCl", 225, CUBE, "Li4Cl4")
NASICON = Phase(
    "Li13Al3Ti17P30O120", 167, (8.5, 8.5, 20.8, 90.0, 90.0, 120.0), "Li7.8Al1.8Ti10.2P18O72"
)


def column(phase: Phase, name: str) -> float:
    return float(PhaseCell().transform([phase])[0, PhaseCell().names().index(name)])


def test_volume_of_a_cell() -> None:
    assert SALT.volume_A3 == pytest.approx(5.14**3)
    assert NASICON.volume_A3 == pytest.approx(8.5 * 8.5 * np.sqrt(3) / 2 * 20.8)
    a, b, c, alpha, beta, gamma = 4.0, 5.0, 6.0, 80.0, 95.0, 101.0
    x, y, z = np.cos(np.radians([alpha, beta, gamma]))
    metric = np.array(
        [
            [a * a, a * b * z, a * c * y],
            [a * b * z, b * b, b * c * x],
            [a * c * y, b * c * x, c * c],
        ]
    )
    triclinic = Phase("LiCl", 1, (a, b, c, alpha, beta, gamma), "Li4Cl4")
    assert triclinic.volume_A3 == pytest.approx(np.sqrt(np.linalg.det(metric)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space_group": 0}, "1 to 230"),
        ({"space_group": 231}, "1 to 230"),
        ({"cell": (5.0, 5.0, 0.0, 90, 90, 90)}, "volume"),
        ({"cell": (5.0, 5.0, 5.0, 60, 60, 130)}, "volume"),
        ({"cell": (5.0, 5.0, 5.0)}, "volume"),
        ({"formula": "LiQq"}, "Qq is not an element"),
        ({"contents": "Qq4"}, "Qq is not an element"),
    ],
)
def test_what_is_no_phase_is_told(change: dict, message: str) -> None:
    good = {"formula": "LiCl", "space_group": 225, "cell": CUBE, "contents": "Li4Cl4"}
    with pytest.raises(InputError, match=message):
        Phase(**{**good, **change})


def test_cell_of_rock_salt() -> None:
    assert column(SALT, "log volume an atom") == pytest.approx(np.log(5.14**3 / 8))
    assert column(SALT, "log atoms in the cell") == pytest.approx(np.log(8))
    assert column(SALT, "longest over shortest axis") == 1
    assert column(SALT, "elements of partial amount") == 0
    systems = [column(SALT, system) for system in CRYSTAL_SYSTEMS]
    assert systems == [0, 0, 0, 0, 0, 0, 1]
    assert column(NASICON, "trigonal") == 1
    groups = {2: 0, 15: 1, 74: 2, 142: 3, 167: 4, 194: 5, 195: 6}
    for group, system in groups.items():
        assert column(Phase("LiCl", group, CUBE, "Li4Cl4"), CRYSTAL_SYSTEMS[system]) == 1


def test_disorder_shows_in_amounts_that_are_not_whole() -> None:
    assert column(NASICON, "elements of partial amount") == 3
    assert column(NASICON, "partial amount an atom") == pytest.approx(0.6 / 109.8)
    assert column(Phase("LiCl", 225, CUBE, "Li3.99Cl4.01"), "elements of partial amount") == 0


def test_axes_may_be_called_as_one_likes() -> None:
    names = PhaseCell().names()
    kept = [i for i, name in enumerate(names) if name not in ("alpha", "beta", "gamma")]
    first = Phase("LiCl", 16, (4.0, 5.0, 6.0, 90, 90, 90), "Li4Cl4")
    other = Phase("LiCl", 16, (6.0, 4.0, 5.0, 90, 90, 90), "Li4Cl4")
    a, b = PhaseCell().transform([first, other])[:, kept]
    np.testing.assert_allclose(a, b)


def test_contents_and_composition_of_a_phase() -> None:
    found = CellContents().transform([NASICON])[0]
    assert dict(zip(np.flatnonzero(found) + 1, found[found > 0], strict=True)) == {
        3: 7.8,
        8: 72,
        13: 1.8,
        15: 18,
        22: 10.2,
    }
    np.testing.assert_array_equal(
        CompositionStatistics().transform([NASICON]),
        CompositionStatistics().transform([NASICON.formula]),
    )


def cells(**changes: list) -> Dataset:
    table = {
        "formula": ["LiCl", "LiF"],
        "space_group": [225, 225],
        **{name: [4.0, 4.1] for name in ("a_A", "b_A", "c_A")},
        **{name: [90.0, 90.0] for name in ("alpha_deg", "beta_deg", "gamma_deg")},
        "cell_contents": ["Li4Cl4", "Li4F4"],
        **changes,
    }
    return Dataset.from_table(pd.DataFrame(table), name="cells")


def test_formulas_with_cells_become_phases() -> None:
    made = phases(cells())
    assert [item.formula for item in made.items] == ["LiCl", "LiF"]
    assert made.items[1] == Phase("LiF", 225, (4.1, 4.1, 4.1, 90, 90, 90), "Li4F4")
    assert made.groups.equals(cells().groups)
    with pytest.raises(InputError, match=r"cells, row LiF: .*1 to 230"):
        phases(cells(space_group=[225, 999]))
    with pytest.raises(InputError, match="no column a_A"):
        phases(Dataset.from_table(pd.DataFrame({"formula": ["LiCl"]})))


def test_every_row_of_obelix_is_a_phase(data_home) -> None:
    data_home("obelix")
    data = phases(load("obelix", target="log10_ionic_conductivity_S_per_cm"))
    assert len(data) == 478
    assert data.upper_bound.sum() == 29
    X = PhaseCell().transform(data.items)
    assert np.isfinite(X).all()
    volume = np.exp(X[:, 0])
    assert ((volume > 8) & (volume < 50)).all()  # cubic angstrom an atom
    for item in data.items:  # the cell holds what the formula says, to the digits of the table
        formula, held = parse_composition(item.formula), item.amounts
        assert set(formula) == set(held)


def test_families_are_connected_by_small_steps() -> None:
    series = [f"Li{1 + x:.2f}Al{x:.2f}Ti{2 - x:.2f}P3O12" for x in (0.1, 0.3, 0.5, 0.7)]
    formulas = [*series, "LiCl", "Li2Cl2", "Li7La3Zr2O12", series[0]]
    found = composition_families(formulas).tolist()
    assert found == [series[0]] * 4 + ["LiCl", "LiCl", "Li7La3Zr2O12", series[0]]
    assert len(set(composition_families(formulas, 0.0))) == 6
    assert len(set(composition_families(formulas, 0.99))) == 1


formula = st.lists(st.integers(0, 6), min_size=4, max_size=4).filter(any)


@settings(max_examples=60, deadline=None)
@given(st.lists(formula, min_size=1, max_size=12), st.sampled_from([0.0, 0.05, 0.2]))
def test_nothing_outside_a_family_is_near_it(amounts: list[list[int]], distance: float) -> None:
    formulas = [
        "".join(f"{e}{n}" for e, n in zip(("Li", "P", "S", "Cl"), row, strict=True) if n)
        for row in amounts
    ]
    fractions = np.array(amounts) / np.sum(amounts, axis=1, keepdims=True)
    apart = np.abs(fractions[:, None] - fractions).sum(axis=2) / 2
    family = composition_families(formulas, distance)
    other = family[:, None] != family
    assert (apart[other] > distance).all()
    for label in np.unique(family):  # and a family cannot be torn without tearing a step
        rows = np.flatnonzero(family == label)
        reached = {int(rows[0])}
        while (
            more := {int(j) for j in rows if any(apart[i, j] <= distance + 1e-9 for i in reached)}
            - reached
        ):
            reached |= more
        assert reached == set(rows.tolist())


def test_bad_formulas_and_distances_are_told() -> None:
    with pytest.raises(InputError, match="row 2"):
        composition_families(["LiCl", "Qq"])
    with pytest.raises(InputError, match="part of the atoms"):
        composition_families(["LiCl"], 5)
    assert composition_families([]).tolist() == []
