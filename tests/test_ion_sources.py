"""Where ions and their properties come from: the catalogue of ions, ILThermo, COSMO-RS tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.data.catalog import DroppedRowsWarning, load
from leyden.data.cosmo_rs import load_cosmo_rs
from leyden.data.ilthermo import salts_by_name, tidy_table
from leyden.data.ion_catalogue import ion_catalogue
from leyden.data.ions import IonPair, StatePoint
from leyden.errors import InputError

EMIM, DCA = "CC[n+]1ccn(C)c1", "N#C[N-]C#N"


def test_names_become_salts_and_the_others_are_counted() -> None:
    names = f"id,name,smiles\na,EMIM  DCA,{DCA}.{EMIM}\nb,water,O\n".encode()
    salts = salts_by_name(names)
    assert salts == {"emim dca": IonPair(EMIM, DCA)}
    column = "Specific density, kg/m<SUP>3</SUP>"
    values = (
        f'"{column}","Pressure, kPa","Temperature, K",salt_name\n'
        "1100,,298.15,emim dca\n1090,5000,308.15,EMIM DCA\n,101,300,emim dca\n9,101,300,mystery\n"
    ).encode()
    tidy, missing = tidy_table(values, column, "density_kg_per_m3", salts)
    assert tidy["pressure_kPa"].tolist() == [101.325, 5000.0]
    assert tidy["density_kg_per_m3"].tolist() == [1100, 1090]
    assert missing.to_dict("list") == {"name": ["mystery"], "rows": [1]}
    with pytest.raises(InputError, match="another form"):
        tidy_table(b"a,b\n1,2\n", column, "density_kg_per_m3", salts)


COSMO = [
    (EMIM, DCA, "density_kg_per_m3", "1100"),
    (EMIM, DCA, "viscosity_Pa_s", "0.02"),
    (EMIM, "[Cl-]", "density_kg_per_m3", "1150"),
]


def written(folder: Path, rows: list[tuple[str, ...]], **columns: object) -> Path:
    path = folder / "cosmo.csv"
    table = pd.DataFrame(rows, columns=["cation", "anion", "property", "value"])
    table.assign(**columns).to_csv(path, index=False)
    return path


def test_a_cosmo_rs_table_has_a_target_a_property(tmp_path: Path) -> None:
    data = load_cosmo_rs(written(tmp_path, COSMO))
    assert data.items == (IonPair(EMIM, DCA), IonPair(EMIM, "[Cl-]"))
    np.testing.assert_allclose(data.y, [[1100, 0.02], [1150, np.nan]])
    assert data.quantities["density_kg_per_m3"] == "density"
    assert list(data.groups)[:3] == ["pair", "cation", "anion"]
    at_state = load_cosmo_rs(written(tmp_path, COSMO, temperature_K=["300", "310", "300"]))
    assert at_state.items[0] == StatePoint(IonPair(EMIM, DCA), 300.0)
    assert len(at_state) == 3
    assert at_state.conditions["temperature_K"].tolist() == [300, 310, 300]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((EMIM, "[Na+]", "density_kg_per_m3", "1"), "row 4: an anion must"),
        ((EMIM, DCA, "densty_kg_per_m3", "1"), "row 4: a property must.*did you mean"),
        ((EMIM, "[Br-]", "density_kg_per_m3", "much"), "row 4: column value must hold numbers"),
        ((EMIM, "[Br-]", "density_kg_per_m3", ""), "row 4: a row must fill value"),
        ((EMIM, "[Br-]", "density_kg_per_m3", "-5"), "row 4: .*must lie between"),
        ((EMIM, DCA, "density_kg_per_m3", "1101"), "row 1: a pair must have a property once"),
    ],
)
def test_bad_rows_of_a_cosmo_rs_table_are_told(tmp_path: Path, row, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_cosmo_rs(written(tmp_path, [*COSMO, row]))


def test_empty_and_cut_cosmo_rs_tables_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(InputError, match="the file is empty"):
        load_cosmo_rs(empty)
    empty.write_text("cation,anion,property,value\n")
    with pytest.raises(InputError, match="no rows"):
        load_cosmo_rs(empty)
    empty.write_text(f"cation,anion,value\n{EMIM},{DCA},1\n")
    with pytest.raises(InputError, match="no column property"):
        load_cosmo_rs(empty)


def test_more_pairs_than_were_ever_screened(
    data_home: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ("ilthermo", "il-melting", "il-properties", "il-ions"):
        data_home(name)
    own = tmp_path / "own.csv"
    own.write_text(f"smiles\n{EMIM}\nCCCCCCCCCCCCCCCCCCCCCCCC[NH3+]\n[Li+]\n")
    with pytest.warns(DroppedRowsWarning, match=r"1 ions are metals.*Li"):
        ions = ion_catalogue(own)
    positive = ions["charge"] > 0
    assert positive.sum() * (~positive).sum() >= 700_000
    assert set(ions["charge"]) == {-1, 1}
    assert ions["inchikey"].is_unique
    assert ions["sources"].str.contains("own.csv").sum() == 2
    known = ions[ions["sources"].str.contains("own.csv") & ions["sources"].str.contains("ilthermo")]
    assert known["licence"].str.contains("the user's own").all()
    own.write_text(f"smiles\n{EMIM}\nCCO\n")
    with pytest.raises(InputError, match=r"own.csv, row 2: .*neutral"):
        ion_catalogue(own)


def test_the_catalogue_gives_states_and_groups_by_key(data_home: Callable[[str], Path]) -> None:
    data_home("il-properties")
    tension = load("il-properties", target="surface_tension_N_per_m")
    assert isinstance(tension.items[0], StatePoint)
    assert tension.items[0].temperature_K == tension.conditions["temperature_K"][0]
    assert tension.groups["pair"][0] == ".".join(tension.items[0].keys)
    cleaned = load("ionic-liquids", target="glass_transition_K")
    assert (cleaned.name, len(cleaned)) == ("ionic-liquids", 506)
    with pytest.raises(InputError, match="one target at a time"):
        load("ionic-liquids")
    with pytest.warns(DroppedRowsWarning, match="rows have no possible state"):
        load("il-properties", target="heat_capacity_J_per_mol_K")
