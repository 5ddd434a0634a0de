"""Streams of items: order kept, bad rows with their error, nothing lost."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.data import Crystal, Dataset, Electrode
from leyden.data.readers import Row, load_table, read_items
from leyden.errors import InputError

ROCK_SALT = {
    "lattice": [3.99] * 3 + [60] * 3,
    "species": ["Na", "Cl"],
    "frac": [[0] * 3, [0.5] * 3],
}
CIF = """data_{name}
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Po1 0 0 0 {occupancy}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_rows_come_in_order_and_bad_ones_carry_their_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,formula,price\na,LiCl,1\nb,Xx,2\nc,,3\na,KCl,4\n")
    rows = list(read_items(path))
    assert rows[0] == Row("a", "LiCl", None, {"price": "1"})
    assert [row.item for row in rows] == ["LiCl", None, None, None]
    assert [row.extra["price"] for row in rows] == ["1", "2", "3", "4"]
    for row, word in zip(rows[1:], ("Xx is not an element", "fill formula", "unique"), strict=True):
        assert word in str(row.error)
        assert "a.csv, row" in str(row.error)


def test_rows_without_ids_are_numbered_and_may_repeat(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "smiles\nCCO\nCCO\n")
    assert [(row.id, row.item) for row in read_items(path)] == [("1", "CCO"), ("2", "CCO")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    good = json.dumps({"id": "x", **ROCK_SALT, "gap": 8.5})
    bad = good.replace('"x"', '"y"').replace("3.99", "NaN")
    text = f"{{no}}\n{good}\n{bad}\n{{broken\n\n[1]\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    rows = list(read_items(path))
    assert rows[1].item.formula == "NaCl"
    assert rows[1].extra == {"gap": 8.5}
    assert "finite" in str(rows[2].error)
    assert all("JSON object" in str(rows[number].error) for number in (0, 3, 4))
    assert len(rows) == 5


def test_parquet(tmp_path: Path) -> None:
    pd.DataFrame({"composition": ["LiCl", "Zz"], "x": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    rows = list(read_items(tmp_path / "a.parquet"))
    assert rows[0] == Row("1", "LiCl", None, {"x": 1})
    assert rows[1].error is not None


def test_ion_pairs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "cation,anion\n[Na+],[Cl-]\n[Na],[Cl-]\n")
    rows = list(read_items(path))
    assert rows[0].item.smiles == "[Na+].[Cl-]"
    assert "cation" in str(rows[1].error)


def test_a_folder_of_crystal_files(tmp_path: Path) -> None:
    from ase.build import bulk
    from ase.io import write as ase_write

    write(tmp_path / "a.cif", CIF.format(name="one", occupancy=1))
    write(tmp_path / "b.cif", CIF.format(name="two", occupancy=0.5))
    two = CIF.format(name="p", occupancy=1) + CIF.format(name="q", occupancy=0.3)
    write(tmp_path / "c.cif", two)
    write(tmp_path / "d.cif", "")
    write(tmp_path / "e.cif", "not a cif")
    ase_write(tmp_path / "f.extxyz", [bulk("Cu"), bulk("NaCl", "rocksalt", a=5.6)])
    bulk("Fe").write(tmp_path / "POSCAR", format="vasp")
    (tmp_path / "notes.txt").write_text("ignored")
    rows = {row.id: row for row in read_items(tmp_path)}
    assert list(rows) == ["POSCAR", "a", "b", "c:p", "c:q", "d", "e", "f:1", "f:2"]
    good = {name: row.item.formula for name, row in rows.items() if row.item is not None}
    assert good == {"POSCAR": "Fe", "a": "Po", "c:p": "Po", "f:1": "Cu", "f:2": "NaCl"}
    assert "b.cif: every site must be occupied fully" in str(rows["b"].error)
    assert "empty" in str(rows["d"].error)


def cell(*symbols: str) -> dict:
    places = [[n / len(symbols)] * 3 for n in range(len(symbols))]
    return {"lattice": [6.0] * 3 + [90] * 3, "species": list(symbols), "frac": places}


def test_an_ion_turns_crystals_into_electrodes(tmp_path: Path) -> None:
    from ase.build import bulk
    from ase.io import write as ase_write

    write(tmp_path / "a.cif", CIF.format(name="one", occupancy=1))
    write(tmp_path / "b.cif", CIF.format(name="two", occupancy=0.5))
    write(tmp_path / "c.cif", CIF.format(name="zinc", occupancy=1).replace("Po1", "Zn1"))
    ase_write(tmp_path / "d.extxyz", [bulk("NaCl", "rocksalt", a=5.6), bulk("Zn")])
    bulk("Fe").write(tmp_path / "POSCAR", format="vasp")
    rows = {row.id: row for row in read_items(tmp_path, ion="Zn")}
    good = {name: row.item for name, row in rows.items() if row.item is not None}
    assert {name: (item.formula, item.ion) for name, item in good.items()} == {
        "POSCAR": ("Fe", "Zn"),
        "a": ("Po", "Zn"),
        "d:1": ("NaCl", "Zn"),
    }
    assert {type(item) for item in good.values()} == {Electrode}
    assert "occupied fully" in str(rows["b"].error)
    assert "c.cif: an electrode must have a host" in str(rows["c"].error)
    assert "d.extxyz, row 2: an electrode must have a host" in str(rows["d:2"].error)


def test_a_table_may_name_ions_and_discharged_structures(tmp_path: Path) -> None:
    host, full = cell("Co", "O", "O"), cell("Mg", "Co", "O", "O")
    write(tmp_path / "full.cif", Crystal.from_mapping(full).to_structure().to(fmt="cif"))
    lines = [
        {**host, "working_ion": "Li"},
        {**host, "working_ion": "Mg", "discharged": full, "note": "x"},
        {**host, "working_ion": "Mg", "discharged": str(tmp_path / "full.cif")},
        {**host, "working_ion": "Mg", "discharged": str(tmp_path / "absent.cif")},
        {**full, "working_ion": "Mg", "discharged": host},
        {**host, "working_ion": ""},
        {**host, "working_ion": "Fe"},
        {**host, "working_ion": "Li", "discharged": None},
    ]
    path = write(tmp_path / "in.jsonl", "\n".join(map(json.dumps, lines)))
    rows = list(read_items(path, electrodes=True))
    items = [row.item for row in rows]
    assert [item and item.ion for item in items] == ["Li", "Mg", "Mg", *[None] * 4, "Li"]
    assert items[0].discharged is items[7].discharged is None
    assert items[1].discharged.composition == items[2].discharged.composition == {
        "O": 2, "Mg": 1, "Co": 1
    }  # fmt: skip
    assert rows[1].extra["note"] == "x"
    for number, words in {
        3: ("discharged structure cannot be used", "absent.cif", "check the path"),
        4: ("holds less", "exchange them"),
        5: ("fill working_ion",),
        6: ("a working ion is one of Li",),
    }.items():
        assert f"in.jsonl, row {number + 1}: " in str(rows[number].error)
        assert all(word in str(rows[number].error) for word in words)
    # an ion that is given outright stands above the column
    assert [row.item and row.item.ion for row in read_items(path, ion="Ca")][:1] == ["Ca"]


def test_a_csv_of_electrodes(tmp_path: Path) -> None:
    for name, symbols in {"host": ("Co", "O", "O"), "full": ("Na", "Co", "O", "O")}.items():
        crystal = Crystal.from_mapping(cell(*symbols))
        write(tmp_path / f"{name}.cif", crystal.to_structure().to(fmt="cif"))
    row = f"{tmp_path / 'host.cif'},Na"
    text = (
        f"cif,Working_Ion,discharged,average_voltage_V\n{row},,2\n{row},{tmp_path / 'full.cif'},3\n"
    )
    path = write(tmp_path / "a.csv", text)
    first, second = (item.item for item in read_items(path))
    assert (first.ion, first.discharged) == ("Na", None)
    assert "Na" in second.discharged.composition
    data = load_table(path, target="average_voltage_V", groups=["Working_Ion"])
    assert [item.ion for item in data.items] == ["Na", "Na"]
    assert data.groups["formula"].tolist() == [first.formula] * 2
    assert data.groups["Working_Ion"].tolist() == ["Na", "Na"]
    for blank in (None, np.nan):  # as pandas has it
        table = pd.DataFrame({"cif": [str(tmp_path / "host.cif")], "working_ion": "Li"})
        assert Dataset.from_table(table.assign(discharged=blank)).items[0].discharged is None


def test_electrodes_without_an_ion_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.cif", CIF.format(name="one", occupancy=1))
    table = write(tmp_path / "a.jsonl", json.dumps(ROCK_SALT))
    for source in (path, tmp_path, table):
        with pytest.raises(InputError, match=r"working ion of every structure.*--ion Zn"):
            read_items(source, electrodes=True)
    assert next(read_items(table, electrodes=True, ion="Li")).item.ion == "Li"
    formulas = write(tmp_path / "b.csv", "formula\nCoO2\n")
    with pytest.raises(InputError, match="goes with crystals, and here the item is a formula"):
        read_items(formulas, ion="Zn")


def test_extended_xyz_without_a_cell_is_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path / "m.xyz", '1\npbc="F F F"\nH 0 0 0\n')
    assert "periodic" in str(next(read_items(path)).error)
    path = write(tmp_path / "n.xyz", "2\ncut\nH 0 0 0\n")
    assert next(read_items(path)).error is not None


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "formula\n", "no rows"),
        ("a.csv", "metal,x\nFe,1\n", "no column holds"),
        ("a.jsonl", "", "empty"),
        ("a.jsonl", "{no}\n", "row 1: a line must be a JSON object"),
        ("a.dat", "x", "form of the file"),
    ],
)
def test_files_that_cannot_be_read_are_told_at_once(
    tmp_path: Path, name: str, text: str, rule: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(InputError, match=rule):
        read_items(path)


def test_absent_files_columns_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_items(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="no crystal files"):
        read_items(tmp_path)
    path = write(tmp_path / "a.csv", "formula\nFe\n")
    with pytest.raises(InputError, match="no column name"):
        read_items(path, id="name")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    line = json.dumps({**ROCK_SALT, "species": ["Na", "Cl"] * 40, "frac": _spread(80)}) + "\n"
    peaks = []
    for count in (20, 200):
        path = write(tmp_path / "big.jsonl", line.replace("3.99", "20") * count)
        tracemalloc.start()
        assert sum(row.item is not None for row in read_items(path)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000


def _spread(n: int) -> list[list[float]]:
    return (
        np.random.default_rng(0)
        .permutation(np.stack(np.meshgrid(*[np.arange(5) / 5] * 3), -1).reshape(-1, 3))[:n]
        .tolist()
    )


def test_load_table_reads_each_form(tmp_path: Path) -> None:
    frame = pd.DataFrame({"formula": ["LiCl", "KCl"], "band_gap_eV": [9.4, 8.7]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    for form in ("csv", "parquet", "jsonl"):
        data = load_table(tmp_path / f"a.{form}", target="band_gap_eV")
        assert data.items == ("LiCl", "KCl")
        np.testing.assert_allclose(data.y, [9.4, 8.7])
        assert data.name.endswith(f"a.{form}")


def test_load_table_tells_file_row_value_rule_and_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "formula,band_gap_eV\nLiCl,9.4\nKCl,wide\n")
    with pytest.raises(InputError) as caught:
        load_table(path, target="band_gap_eV")
    message = str(caught.value)
    for part in (str(path), "row 2", "'wide'", "must hold numbers", "Remedy"):
        assert part in message
    path = write(tmp_path / "b.jsonl", '{"formula": "K", "band_gap_eV": NaN}\n')
    with pytest.raises(InputError, match="finite"):
        load_table(path, target="band_gap_eV")
    path = write(tmp_path / "c.jsonl", '{"formula": "K"}\n{broken\n')
    with pytest.raises(InputError, match="JSON"):
        load_table(path)
