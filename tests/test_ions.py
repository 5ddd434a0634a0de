"""Ions, pairs and states: what is refused, and that the message says why and what to do."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint, state_point
from leyden.data.molecules import is_metal_ion, parse_smiles, with_hydrogens
from leyden.data.readers import load_table, read_items
from leyden.errors import InputError

EMIM, NTF2 = "CC[n+]1ccn(C)c1", "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"
PAIR = IonPair(EMIM, "[Cl-]")


@pytest.mark.parametrize(
    ("cation", "anion", "rule", "remedy"),
    [
        ("[Cl-]", EMIM, r"a cation must carry positive charge.*-1", "exchange the columns"),
        (EMIM, "[Na+]", r"an anion must carry negative charge.*\+1", "exchange the columns"),
        (EMIM, "Cl", "an anion must .* neutral", "write the formal charge"),
        ("CCN", "[Cl-]", "a cation must .* neutral", "write the formal charge"),
        ("C[N+](C)(C)CC(=O)[O-]", "[Cl-]", "zwitterion", "leave the row out"),
        ("C[NH3+].CC[NH3+]", "[Br-].[Br-]", "one cation.* 2 different", "one row a cation"),
        (EMIM, "[Br-].[Cl-]", "one anion.* 2 different", "double salts"),
        (EMIM, "[Br-].O", "an anion must .* neutral", "write the formal charge"),
        ("CC[n+]1ccn(C)c1(", "[Cl-]", "readable", "check brackets"),
        ("", "[Cl-]", "readable", "check brackets"),
        (EMIM, None, "readable", "check brackets"),
    ],
)
def test_what_is_no_pair_is_refused_by_name(cation, anion, rule: str, remedy: str) -> None:
    with pytest.raises(InputError, match=rule) as told:
        IonPair(cation, anion)
    assert remedy in str(told.value)


def test_copies_of_an_ion_are_one_and_the_charges_tell_the_ratio() -> None:
    dication = "Cn1cc[n+](CCC[n+]2ccn(C)c2)c1"
    pair = IonPair(dication, "[Br-].[Br-]")
    assert (pair.anion, pair.stoichiometry) == ("[Br-]", (1, 2))
    assert pair == IonPair(dication, "[Br-]")
    resonance = IonPair(f"{EMIM}.CCn1cc[n+](C)c1", "[Br-].[Br-]")
    assert (resonance.cation, resonance.stoichiometry) == (EMIM, (1, 1))


def test_a_salt_in_one_smiles_is_split_by_charge() -> None:
    assert IonPair.from_smiles(f"{NTF2}.{EMIM}") == IonPair(EMIM, NTF2)
    assert IonPair.from_smiles("[Cl-].[Ca+2].[Cl-]") == IonPair("[Ca+2]", "[Cl-]")
    for text, rule in [
        (EMIM, "no anion"),
        ("[Cl-]", "no cation"),
        (f"{EMIM}.[Cl-].O", "neutral"),
        (f"{EMIM}.[Na+].[Cl-].[Cl-]", "2 different"),
        ("[Na+].[Cl-", "readable"),
    ]:
        with pytest.raises(InputError, match=rule):
            IonPair.from_smiles(text)


def test_metal_ions_are_ions_and_are_named() -> None:
    assert IonPair("[Ca+2]", "[Cl-]").metal_ions == ("[Ca+2]",)
    assert PAIR.metal_ions == ()
    assert IonPair(EMIM, "Cl[Al-](Cl)(Cl)Cl").metal_ions == ()
    assert not is_metal_ion("[NH4+]")


@pytest.mark.parametrize(
    ("kelvin", "remedy"),
    [
        (25.0, "25 looks like degrees Celsius: add 273.15"),
        (-40, "-40 looks like degrees Celsius: add 273.15"),
        (-273.0, "give it in kelvin"),
        (1500.0, "give it in kelvin"),
        (math.nan, "give it in kelvin"),
        (math.inf, "give it in kelvin"),
    ],
)
def test_a_temperature_in_another_unit_is_told(kelvin: float, remedy: str) -> None:
    with pytest.raises(InputError, match="between 100 and 1000 K") as told:
        StatePoint(PAIR, kelvin)
    assert remedy in str(told.value)


@pytest.mark.parametrize(
    ("kilopascal", "remedy"),
    [
        (0.1, "0.1 looks like MPa"),
        (1.0, "1 looks like atm or bar"),
        (101325.0, "101325 looks like Pa"),
        (5e6, "5e+06 looks like Pa"),
        (0.0, "give it in kPa"),
        (-100.0, "give it in kPa"),
        (math.nan, "give it in kPa"),
    ],
)
def test_a_pressure_in_another_unit_is_told(kilopascal: float, remedy: str) -> None:
    with pytest.raises(InputError, match="between 2 and 1e\\+06 kPa") as told:
        StatePoint(PAIR, 300.0, kilopascal)
    assert remedy in str(told.value)


def test_pressures_that_are_all_a_bar_in_pascal_are_doubted(tmp_path: Path) -> None:
    rows = table(temperature_K=[300.0, 310.0], pressure_kPa=[1e5, 1e5], density_kg_per_m3=1000.0)
    path = tmp_path / "liquids.csv"
    rows.to_csv(path, index=False)
    told = r"liquids\.csv: every pressure is 100000 kPa, which is 100 MPa: if Pa is meant, divide"
    with pytest.warns(UserWarning, match=told):
        assert len(load_table(path, target="density_kg_per_m3")) == 2
    with pytest.warns(UserWarning, match=told):
        assert [row.error for row in read_items(path)] == [None, None]
    rows["pressure_kPa"] = [1e5, 2e5]  # a series at high pressure is as it should be
    rows.to_csv(path, index=False)
    assert len(load_table(path, target="density_kg_per_m3")) == len(list(read_items(path))) == 2


@given(st.floats(100, 1000), st.floats(2, 1e6).filter(lambda p: p != 101325.0))
def test_every_state_in_range_is_taken(kelvin: float, kilopascal: float) -> None:
    point = StatePoint(PAIR, kelvin, kilopascal)
    assert state_point(point) is point
    assert point.keys == PAIR.keys


def test_a_pair_alone_is_at_room_conditions() -> None:
    point = state_point(PAIR)
    assert (point.temperature_K, point.pressure_kPa) == (298.15, 101.325)
    assert (point.cation, point.anion) == (EMIM, "[Cl-]")


@pytest.mark.parametrize(
    ("careless", "whole"),
    [
        ("CCOC(=O)C[N+]", "CCOC(=O)C[NH3+]"),
        ("O=C1CCC[N+]1", "O=C1CCC[NH2+]1"),
        ("O=C(C(F)(F)F)[C-]C(=O)C(F)(F)F", "O=C([CH-]C(=O)C(F)(F)F)C(F)(F)F"),
    ],
)
def test_charged_atoms_get_the_hydrogens_left_out(careless: str, whole: str) -> None:
    assert with_hydrogens(careless) == parse_smiles(whole)
    assert with_hydrogens(whole) == whole


def test_a_nitroxide_stays_a_radical() -> None:
    tempo = "CC1(C)CC(OS(=O)(=O)[O-])CC(C)(C)N1[O]"
    assert with_hydrogens(tempo) == tempo


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"cation": [EMIM, EMIM], "anion": ["[Cl-]", NTF2], **columns})


def test_a_table_with_a_temperature_gives_state_points() -> None:
    read = Dataset.from_table(
        table(temperature_K=[300.0, 310.0], pressure_kPa=["", "5000"], density_kg_per_m3=1000.0),
        target="density_kg_per_m3",
    )
    assert read.items == (
        StatePoint(PAIR, 300.0, 101.325),
        StatePoint(IonPair(EMIM, NTF2), 310.0, 5000.0),
    )
    assert list(read.conditions) == ["temperature_K", "pressure_kPa"]
    assert read.groups["cation"].nunique() == 1
    assert read.groups["pair"].tolist() == [".".join(item.keys) for item in read.items]
    assert Dataset.from_table(table()).items == (PAIR, IonPair(EMIM, NTF2))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"temperature_C": 25.0}, r"column temperature_K \(got 'temperature_C'\)"),
        ({"Temperature": 298.0}, r"column temperature_K \(got 'Temperature'\)"),
        ({"temperature_K": 300.0, "pressure_MPa": 0.1}, "column pressure_kPa"),
        ({"temperature_K": [300.0, 25.0]}, "row 2: .*25 looks like degrees Celsius"),
        ({"temperature_K": ["300", "warm"]}, "row 2: column temperature_K must hold numbers"),
        ({"temperature_K": [None, 300.0]}, "row 1: a row must fill temperature_K"),
        ({"temperature_K": 300.0, "pressure_kPa": [100, 1]}, "row 2: .*atm or bar"),
    ],
)
def test_states_in_other_units_are_told_with_their_place(columns, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Dataset.from_table(table(**columns), name="t.csv")


def test_a_salt_in_one_column_is_an_ion_pair_where_it_is_asked_for() -> None:
    salts = pd.DataFrame({"smiles": [f"{EMIM}.[Cl-]"], "temperature_K": [300.0]})
    assert Dataset.from_table(salts, kind="ion pair").items == (StatePoint(PAIR, 300.0),)
    assert Dataset.from_table(salts, item="smiles", kind="ion pair").items[0].pair == PAIR
    assert isinstance(Dataset.from_table(salts).items[0], str)


def test_a_file_of_states_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "liquids.csv"
    table(temperature_K=[300.0, 27.0], pressure_kPa=100.0).to_csv(path, index=False)
    good, bad = read_items(path)
    assert good.item == StatePoint(PAIR, 300.0, 100.0)
    assert good.extra["temperature_K"] == "300.0"
    assert bad.item is None
    assert "add 273.15" in str(bad.error)
