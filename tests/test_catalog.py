"""The catalogue: every data set has a card that says the truth, and loads by name."""

from __future__ import annotations

import gzip
import json
import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from leyden.data.cards import SOURCE_KINDS, quantities, read_catalogue
from leyden.data.catalog import DroppedRowsWarning, card, cards, data_home, load
from leyden.data.disordered import DisorderedCrystal
from leyden.data.electrode import Electrode
from leyden.data.ions import IonPair, StatePoint
from leyden.data.materials import Crystal
from leyden.errors import InputError

TEXT = files("leyden.data").joinpath("catalog.toml").read_text(encoding="utf-8")
CUBE = {"lattice": [4.0] * 3 + [90.0] * 3, "species": ["Po"], "frac": [[0.0, 0.0, 0.0]]}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data home with a small elastic-tensor-2015 of four rows."""
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    names = ("K_Voigt", "K_Reuss", "G_Voigt", "G_Reuss", "poisson_ratio", "elastic_anisotropy")
    shared = {name: 0.25 for name in names}
    rows = [
        {"id": f"mp-{n}", **CUBE, "spacegroup": 221, "K_VRH": k, "G_VRH": g, **shared}
        for n, (k, g) in enumerate([(100.0, 10.0), (10.0, -3.0), (1.0, None), (None, None)])
    ]
    put(tmp_path, "elastic-tensor-2015", [{**row, "elastic_tensor": [[1.0]]} for row in rows])
    return tmp_path


def put(home: Path, name: str, rows: list[dict]) -> None:
    (home / name).mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (home / name / "structures.jsonl.gz").write_bytes(gzip.compress(text.encode()))


def test_every_development_data_set_has_its_card(data_home) -> None:
    folders = {path.name for path in data_home("carbon").parent.iterdir() if path.is_dir()}
    places = {chosen.place for chosen in cards() if chosen.source["kind"] != "derived"}
    assert folders <= places
    assert places - folders <= {"mp-lithium"}, "which only a key of the user's own brings"


def test_cards_name_source_licence_units_and_dangers() -> None:
    for chosen in cards():
        assert chosen.title
        assert chosen.licence
        assert chosen.url.startswith("https://")
        assert chosen.leakage
        assert chosen.rows > 0
        assert chosen.source["kind"] in SOURCE_KINDS
        if "sha256" in chosen.source:
            assert len(bytes.fromhex(chosen.source["sha256"])) == 32
    assert card("flla-2015").doi == "10.1002/qua.24917"
    assert all(low < high for low, high in (known.range for known in quantities().values()))


@pytest.mark.parametrize("chosen", cards(), ids=lambda chosen: chosen.name)
def test_cards_agree_with_their_data(chosen, data_home) -> None:
    needed = chosen.source["of"].split(", ") if "of" in chosen.source else [chosen.place]
    for place in needed:
        data_home(place)
    for table in chosen.tables:
        if table.rows > 30_000 or not table.targets:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DroppedRowsWarning)  # rows may be left out, if told
            data = load(chosen.name, target=list(table.targets))
        assert 0 < len(data) <= table.rows
        assert len(set(data.ids)) == len(data)
        assert set(data.targets) == set(table.targets)
        assert set(data.quantities) == set(table.targets)
        assert list(data.conditions) == list(table.conditions)
        assert set(table.groups) <= set(data.groups)
        kinds = {"formula": str, "smiles": str, "ion pair": IonPair, "structure pair": Electrode}
        kinds["disordered crystal"] = DisorderedCrystal
        if table.conditions:  # a pair of ions at a temperature
            kinds["ion pair"] = StatePoint
        assert {type(item) for item in data.items} == {kinds.get(table.items, Crystal)}


@pytest.mark.parametrize("name", ["flla-2015", "elastic-tensor-2015", "mp-elasticity-binary"])
def test_row_counts_are_those_of_the_card(name, data_home) -> None:
    data_home(name)
    assert len(load(name)) == card(name).rows


def test_known_overlap_of_two_sets(data_home) -> None:
    data_home("flla-2015")
    data_home("elastic-tensor-2015")
    shared = set(load("flla-2015").ids) & set(load("elastic-tensor-2015").ids)
    assert len(shared) == 214


def test_electrode_pairs(data_home) -> None:
    data_home("mp-electrodes")
    zinc = load("mp-electrodes", target="average_voltage_V", where={"working_ion": "Zn"})
    assert set(zinc.groups["working_ion"]) == {"Zn"}
    assert zinc.ids[0] == f"{zinc.extra['charged_id'][0]}->{zinc.extra['discharged_id'][0]}:Zn"
    assert {type(item) for item in zinc.items} == {Electrode}
    assert {item.ion for item in zinc.items} == {"Zn"}
    assert all("Zn" in item.discharged.composition for item in zinc.items)
    amounts = [item.ion_amount for item in zinc.items]
    np.testing.assert_allclose(amounts, zinc.extra["x_charged"], rtol=1e-9)
    assert zinc.groups["formula"].tolist() == [item.host.formula for item in zinc.items]


def test_every_pair_of_the_snapshot_is_an_electrode(data_home) -> None:
    data_home("mp-electrodes")
    pairs = load("mp-electrodes", target="average_voltage_V")
    assert len(pairs) == 3470
    assert len({id(item.host) for item in pairs.items}) == pairs.extra["charged_id"].nunique()
    clean = load("mp-electrodes", target="average_voltage_V", where={"clean": True})
    assert len(clean) == 3065


def test_censored_conductivities_stand_at_their_bound(data_home) -> None:
    data_home("obelix")
    data = load("obelix", target="log10_ionic_conductivity_S_per_cm")
    bounds, counts = np.unique(data.y[data.upper_bound], return_counts=True)
    assert bounds.tolist() == [-10, -8]
    assert counts.tolist() == [28, 1]
    plain = load("obelix")
    np.testing.assert_array_equal(plain.bounds, data.bounds)
    np.testing.assert_allclose(plain.y[plain.upper_bound].max(), 1e-8)


def test_targets_and_logarithms(home: Path) -> None:
    data = load("elastic-tensor-2015")
    assert len(data) == 4
    assert data.name == "elastic-tensor-2015"
    assert "K_VRH_GPa" in data.targets
    one = load("elastic-tensor-2015", target="log10_K_VRH_GPa")
    np.testing.assert_allclose(one.y, [2, 1, 0])
    assert one.quantities == {"log10_K_VRH_GPa": "elasticity"}
    assert one.extra["G_VRH_GPa"].tolist()[:2] == [10, -3]
    assert one.groups["formula"].tolist() == ["Po"] * 3


def test_rows_without_logarithm_are_named(home: Path) -> None:
    with pytest.warns(DroppedRowsWarning, match=r"1 rows have no logarithm.*mp-1") as caught:
        data = load("elastic-tensor-2015", target=["log10_K_VRH_GPa", "log10_G_VRH_GPa"])
    assert caught[0].filename == __file__
    np.testing.assert_allclose(data.y, [[2, 1], [0, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load("elastic-tensor-2015", target="log10_K_VRH_GPa")


def test_what_is_not_there_is_told(home: Path) -> None:
    with pytest.raises(InputError, match="leyden data fetch flla-2015"):
        load("flla-2015")
    with pytest.raises(InputError, match="did you mean 'flla-2015'"):
        load("flla-2016")
    with pytest.raises(InputError, match="did you mean 'K_VRH_GPa'"):
        load("elastic-tensor-2015", target="K_VHR_GPa")
    with pytest.raises(InputError, match="no column of this name"):
        load("elastic-tensor-2015", where={"spacegroup": 1})
    with pytest.raises(InputError, match="no row"):
        load("elastic-tensor-2015", where={"space_group": 1})
    assert len(load("elastic-tensor-2015", where={"space_group": 221})) == 4


def test_broken_files_are_told(home: Path) -> None:
    good = {"id": "a", **CUBE, "formation_energy_per_atom": -1.0, "e_above_hull": 0.0}
    for change, message in (
        ({"formation_energy_per_atom": -300.0}, r"row 2: .*between -20 and 20"),
        ({"formation_energy_per_atom": "low"}, "row 2: .*numbers"),
        ({"species": ["Qq"]}, "row 2: .*element symbol"),
    ):
        put(home, "flla-2015", [good, {**good, "id": "b", **change}])
        with pytest.raises(InputError, match=rf"structures.jsonl.gz, {message}"):
            load("flla-2015")
    put(home, "flla-2015", [{**CUBE, "id": "a"}])
    with pytest.raises(InputError, match="no column formation_energy_per_atom"):
        load("flla-2015")
    path = home / "flla-2015" / "structures.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot be read"):
        load("flla-2015")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licence = ", "license = ", "did you mean 'licence'"),
        ('kind = "simulated"', 'kind = "imagined"', "a source is one of"),
        ("simulator = ", "sumulator = ", "no such key"),
        ('items = "smiles"', 'items = "smile"', "items are one of"),
        ("homo_eV = { q", "homos_eV = { q", "must be defined"),
        ("[[cards.il-ions.tables]]\nfiles", "[[cards.il-ions.tables]]\nfilez", "did you mean"),
    ],
)
def test_the_schema_of_cards_is_checked(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError, match=message):
        read_catalogue(TEXT.replace(old, new))


def test_data_home_follows_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.delenv("LEYDEN_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "x"))
    assert data_home() == tmp_path / "x" / "leyden"
