"""What users give that is wrong: a row with its error, or one clear line, and nothing half-written.

Each module tests its own checks; here they are met through the command line, end to end.
"""

from __future__ import annotations

import gzip
import json
import resource
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from leyden.cli import app
from leyden.data import Dataset, Electrode
from leyden.data.electrode import known_ion
from leyden.errors import InputError
from leyden.models import CrystalGraphNetwork
from leyden.predictor import Predictor
from leyden.representations import CrystalGraph
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

ENERGY = "energy_eV_per_atom"
DATA = tiny_crystals(30).with_targets(ENERGY)
NETWORK = CrystalGraphNetwork(CrystalGraph(), width=8, convolutions=1, hidden=8, epochs=1)
CIF = """data_salt
_cell_length_a 5.6
_cell_length_b 5.6
_cell_length_c 5.6
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 1
Cl1 Cl 0.5 0.5 0.5 1
"""
SALT = {"lattice": [4, 4, 4, 90, 90, 90], "species": ["Na", "Cl"], "frac": [[0] * 3, [0.5] * 3]}
RECIPE = """
[data]
dataset = "table.csv"
targets = ["K_VRH_GPa"]
[model]
kind = "ridge"
[evaluate]
baselines = ["mean"]
[split]
kind = "k-fold"
n = 2
[calibration]
folds = 2
"""
TABLE = "id,formula,K_VRH_GPa\n" + "".join(
    f"{i},{formula},{20 + i}\n"
    for i, formula in enumerate(["LiF", "LiCl", "NaF", "NaCl", "KF", "KCl", "MgO", "CaO"])
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "energy.leyden"
    Predictor.of(FromScratch(NETWORK).fit(DATA)).save(path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE)
    Path("table.csv").write_text(TABLE)
    return tmp_path


@pytest.fixture
def full_disk() -> Iterator[None]:
    """The system refuses to write past the first 500 bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def leyden_(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def told(done: Any) -> str:
    """The one line of a mistake."""
    assert done.exit_code == 2, (done.output, done.exception)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def predicted(model: Path, source: Any) -> pd.DataFrame:
    done = leyden_("predict", model, source, "-o", "out.csv")
    assert done.exit_code == 0, (done.output, done.exception)
    table = pd.read_csv("out.csv", dtype={"id": str}, keep_default_na=False)
    table[ENERGY] = pd.to_numeric(table[ENERGY])
    assert np.isfinite(table[ENERGY]).eq(table["error"] == "").all()
    return table


def test_a_folder_of_good_and_bad_cifs(model: Path) -> None:
    files = {
        "empty": ("", "empty"),
        "good": (CIF, ""),  # without symmetry: the sites are the whole cell
        "half": (CIF.replace("0 0 0 1", "0 0 0 0.5"), "site 1 (Na1), occupancy 0.5"),
        "lattice": (CIF.replace("length_a 5.6", "length_a nan"), "finite"),
        "overlap": (CIF.replace("0.5 0.5 0.5", "0.01 0 0"), "0.5 angstrom apart"),
        "page": ("<html>not found</html>", "not a CIF"),
        "unknown": (CIF.replace("Cl1 Cl", "Qq1 Qq"), "element"),
        "wide": (CIF.replace("5.6", "5.6(1)"), ""),
    }
    Path("cifs").mkdir()
    for name, (text, _) in files.items():
        Path(f"cifs/{name}.cif").write_text(text)
    Path("cifs/zipped.cif.gz").write_bytes(gzip.compress(CIF.encode())[:-9])
    Path("cifs/binary.cif").write_bytes(b"\xff\xfe\x00\x80" * 40)
    rows = predicted(model, "cifs").set_index("id")
    assert list(rows.index) == ["binary", *files, "zipped"]
    for name, (_, rule) in files.items():
        assert rule in rows["error"][name]
        assert (rows["error"][name] == "") == (rule == "")
        assert not rule or f"{name}.cif" in rows["error"][name]
    assert "zipped.cif.gz" in rows["error"]["zipped"]
    assert "binary.cif" in rows["error"]["binary"]
    assert rows[ENERGY]["good"] == pytest.approx(rows[ENERGY]["wide"])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"lattice": [float("nan"), 4, 4, 90, 90, 90]}, "finite"),
        ({"lattice": [4, 4, 4, 90, 90, 400]}, "close a cell"),
        ({"lattice": None}, "fill lattice"),
        ({"lattice": 4}, "alpha"),
        ({"lattice": {"a": 4}}, "alpha"),
        ({"species": ["Na", "Zz"]}, "element symbol"),
        ({"species": ["Na", 17]}, "element symbol"),
        ({"species": ["Na", ["Cl"]]}, "element symbol"),
        ({"species": 11}, "list of element symbols"),
        ({"species": "CO"}, "list of element symbols"),
        ({"species": ["Na"]}, "rows of 3"),
        ({"species": [], "frac": []}, "at least one atom"),
        ({"frac": [[0, 0, 0], ["x", 0, 0]]}, "numbers"),
        ({"frac": [[0, 0, 0], [0, 0]]}, "numbers"),
        ({"frac": [[0, 0, 0], [float("inf"), 0, 0]]}, "finite"),
        ({"frac": [[0, 0, 0], [0, 0, 0.01]]}, "0.5 angstrom apart"),
        ({"lattice": [1e200, 4, 4, 90, 90, 90]}, "finite"),
    ],
)
def test_bad_crystals_in_json_lines_are_rows(model: Path, change: dict, rule: str) -> None:
    crystals = [SALT, {**SALT, **change}, SALT]
    lines = [json.dumps({"id": i, **crystal}) for i, crystal in zip("abc", crystals, strict=True)]
    Path("in.jsonl").write_text("\n".join(lines))
    rows = predicted(model, "in.jsonl")
    assert rows["id"].tolist() == ["a", "b", "c"]
    assert (rows["error"] == "").tolist() == [True, False, True]
    assert "in.jsonl, row 2: " in rows["error"][1]
    assert rule in rows["error"][1]


def test_great_and_empty_cells_are_predicted(model: Path) -> None:
    """A cell of 1,000 atoms is the crystal of its own 8; a lone atom has far neighbours."""
    grid = {n: np.stack(np.meshgrid(*[np.arange(n)] * 3), -1).reshape(-1, 3) for n in (2, 10)}
    crystals = {
        f"{n}": {
            "lattice": [2.8 * n] * 3 + [90] * 3,
            "species": np.where(sites.sum(1) % 2, "Na", "Cl").tolist(),
            "frac": (sites / n).tolist(),
        }
        for n, sites in grid.items()
    }
    crystals["lone"] = {"lattice": [40] * 3 + [90] * 3, "species": ["Ar"], "frac": [[0] * 3]}
    lines = (json.dumps({"id": name, **crystal}) for name, crystal in crystals.items())
    Path("in.jsonl").write_text("\n".join(lines))
    rows = predicted(model, "in.jsonl").set_index("id")
    assert (rows["error"] == "").all()
    assert rows[ENERGY]["10"] == pytest.approx(rows[ENERGY]["2"], abs=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (TABLE, "", ["table.csv", "empty"]),
        ("2,NaF", "1,NaF", ["table.csv, row 3", "unique", "row 2 has this one too"]),
        ("NaF", "NaQq", ["table.csv, row 3", "element"]),
        (",22\n", ",2.2e10\n", ["table.csv, row 3", "must lie between", "convert"]),  # in Pa
        ("K_VRH_GPa", "K_VRH_Mbar", ["table.csv", "K_VRH_GPa"]),
        (",22\n", ",soft\n", ["table.csv, row 3", "numbers", "soft"]),
        (",22\n", ",-inf\n", ["table.csv, row 3", "finite"]),
        (",22\n", ",NaN\n", ["table.csv, row 3", "finite"]),
        ("2,NaF,22\n", "2,NaF\n2,NaF,22,9,9\n", ["table.csv, row"]),
        ("formula", "f\0rmula", ["table.csv"]),
    ],
    ids=[
        "empty",
        "twice",
        "element",
        "pascal",
        "unit",
        "text",
        "infinite",
        "nan",
        "ragged",
        "header",
    ],
)
def test_bad_training_tables(old: str, new: str, rules: list[str]) -> None:
    Path("table.csv").write_text(TABLE.replace(old, new))
    for words in (("fit", "recipe.toml", "-o", "m.leyden"), ("evaluate", "recipe.toml", "-o", "r")):
        line = told(leyden_(*words))
        assert all(rule in line for rule in rules), line
    assert not Path("m.leyden").exists()
    assert not Path("r/rows.parquet").exists()


def test_a_model_file_of_another_version(model: Path) -> None:
    with zipfile.ZipFile(model) as old, zipfile.ZipFile("new.leyden", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = json.dumps({**json.loads(content), "schema_version": 99}).encode()
            new.writestr(name, content)
    Path("in.jsonl").write_text(json.dumps(SALT))
    line = told(leyden_("predict", "new.leyden", "in.jsonl", "-o", "out.csv"))
    assert "new.leyden" in line
    assert "version" in line
    assert not Path("out.csv").exists()


@pytest.mark.parametrize("words", [("fit", "-o", "taken/m.leyden"), ("evaluate", "-o", "taken")])
def test_an_output_folder_that_cannot_be_written(words: tuple[str, ...]) -> None:
    Path("taken").write_text("mine")
    line = told(leyden_(words[0], "recipe.toml", *words[1:]))
    assert "taken" in line
    assert Path("taken").read_text() == "mine"


def test_a_disk_that_is_full_after_the_first_rows(
    model: Path, request: pytest.FixtureRequest
) -> None:
    for end in ("csv", "parquet"):
        Path(f"out.{end}").write_text("old")
    Path("in.jsonl.gz").write_bytes(gzip.compress((json.dumps(SALT) + "\n").encode() * 100))
    request.getfixturevalue("full_disk")
    for end in ("csv", "parquet"):
        line = told(leyden_("predict", model, "in.jsonl.gz", "-o", f"out.{end}", "--chunk", 10))
        assert f"out.{end}" in line
        assert "cannot be written" in line
        assert Path(f"out.{end}").read_text() == "old"
    assert not list(Path().glob(".*"))


def test_a_disk_that_is_full_while_a_model_is_saved(full_disk: None) -> None:
    line = told(leyden_("fit", "recipe.toml", "-o", "m.leyden"))
    assert "cannot be written" in line
    assert not Path("m.leyden").exists()
    assert not list(Path().glob(".*"))


def test_a_disk_that_is_full_while_a_network_learns(
    request: pytest.FixtureRequest, folder: Path
) -> None:
    X = NETWORK.representation.transform(DATA.items)
    request.getfixturevalue("full_disk")
    with pytest.raises(InputError, match=r"run\.pt: .*cannot be"):
        CrystalGraphNetwork(**NETWORK.get_params()).fit(X, DATA.y, checkpoint=folder / "run.pt")
    assert not list(folder.glob("*run*"))


class IonAmounts:
    """A representation of electrodes that was taught two ions."""

    kind = "ion_amounts"
    ions = ("Li", "Zn")

    def transform(self, items: Sequence[Electrode]) -> np.ndarray:
        return np.array([[known_ion(item.ion, self.ions) == "Zn"] for item in items], dtype=float)


class Twice:
    """A model that says 2 V for lithium and 3 V for zinc."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return 2.0 + X[:, 0]


@pytest.fixture
def voltages(monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    predictor = Predictor(IonAmounts(), Twice(), ("average_voltage_V",))
    monkeypatch.setattr(Predictor, "load", lambda path: predictor)
    Path("host.cif").write_text(CIF)
    return "zn.leyden"


HALF = CIF.replace("0 0 0 1", "0 0 0 0.5")
ZINC = CIF.replace("Na1 Na", "Zn1 Zn").replace("Cl1 Cl", "Zn2 Zn")


def test_electrodes_need_an_ion_that_is_known(voltages: str) -> None:
    done = leyden_("predict", voltages, "host.cif", "--ion", "Zn", "-o", "out.csv")
    assert done.exit_code == 0, (done.output, done.exception)
    assert pd.read_csv("out.csv")["average_voltage_V"].tolist() == [3.0]
    Path("out.csv").unlink()
    for words, rules in {
        (): ["host.cif", "--ion Zn", "working_ion"],
        ("--ion", "K"): ["it was taught (got 'K')", "choose from Li, Zn"],
        ("--ion", "zn"): ["got 'zn'", "choose from Li, Zn"],
    }.items():
        line = told(leyden_("predict", voltages, "host.cif", *words, "-o", "out.csv"))
        assert all(rule in line for rule in rules), line
        assert not Path("out.csv").exists()


def test_bad_electrodes_are_rows(voltages: str) -> None:
    full = {"lattice": [6] * 3 + [90] * 3, "species": ["Li", "Na", "Cl"]}
    full["frac"] = [[0.25] * 3, [0] * 3, [0.5] * 3]
    both = {**full, "species": ["Li", "Na", "Cl", "K"], "frac": [*full["frac"], [0.75] * 3]}
    lines = {
        "good": ({**SALT, "discharged": full}, ""),
        "exchanged": ({**full, "discharged": SALT}, "here it holds less"),
        "equal": ({**SALT, "discharged": SALT}, "here it holds as much"),
        "mixed": ({**SALT, "discharged": both}, "mixed-ion electrode"),
        "absent": ({**SALT, "discharged": "gone.cif"}, "the file cannot be read"),
        "half": ({**SALT, "discharged": HALF}, "the discharged structure cannot be used: every"),
        "taught": ({**SALT, "working_ion": "K"}, "choose from Li, Zn"),
        "none": ({**SALT, "working_ion": None}, "fill working_ion"),
        "unknown": ({**SALT, "working_ion": "Xx"}, "a working ion is one of Li"),
    }
    text = (
        json.dumps({"id": name, "working_ion": "Li", **row}) for name, (row, _) in lines.items()
    )
    Path("in.jsonl").write_text("\n".join(text))
    done = leyden_("predict", voltages, "in.jsonl", "-o", "out.csv")
    assert done.exit_code == 0, (done.output, done.exception)
    rows = pd.read_csv("out.csv", keep_default_na=False, index_col="id")
    assert list(rows.index) == list(lines)
    for name, (_, rule) in lines.items():
        assert (rows["error"][name] == "") == (rule == "")
        assert rule in rows["error"][name]
    Path("cifs").mkdir()
    for name, text in {"a": CIF, "half": HALF, "zinc": ZINC}.items():
        Path(f"cifs/{name}.cif").write_text(text)
    leyden_("predict", voltages, "cifs", "--ion", "Zn", "-o", "out.csv")
    rows = pd.read_csv("out.csv", keep_default_na=False, index_col="id")
    assert rows["error"]["a"] == ""
    assert "half.cif: every site must be occupied" in rows["error"]["half"]
    assert "zinc.cif: an electrode must have a host" in rows["error"]["zinc"]


def test_a_model_of_crystals_takes_no_ion(model: Path) -> None:
    Path("host.cif").write_text(CIF)
    done = leyden_("predict", model, "host.cif", "--ion", "Zn", "-o", "out.csv")
    assert done.exit_code == 1
    assert "made of a Crystal" in pd.read_csv("out.csv")["error"][0]


@pytest.mark.parametrize("volts", [-2.09, 0, 12.2])
def test_voltages_beyond_the_usual_are_learned_from(volts: float) -> None:
    """The data hold labels from -2.1 to 12.2 V; `clean` leaves out those beyond -1 and 6."""
    table = pd.DataFrame({"formula": ["NaCl"], "average_voltage_V": [volts]})
    assert Dataset.from_table(table, target="average_voltage_V").y.tolist() == [volts]


@pytest.mark.parametrize("volts", [3400, -320, 15.1])
def test_voltages_of_no_electrode_are_told(volts: float) -> None:
    """Such as those in mV or in kJ/mol."""
    table = pd.DataFrame({"formula": ["NaCl"] * 2, "average_voltage_V": [3.4, volts]})
    with pytest.raises(InputError, match="row 2: average_voltage_V must lie between -5 and 15"):
        Dataset.from_table(table, target="average_voltage_V")
