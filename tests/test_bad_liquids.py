"""A user's own table of ionic liquids with something wrong: told by name, from every side."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import leyden as ly
from leyden.cli import app
from leyden.data import Dataset, load_table
from leyden.data.cosmo_rs import load_cosmo_rs
from leyden.data.ions import IonPair, StatePoint
from leyden.errors import InputError
from leyden.models import IonRecommender
from leyden.models.group_contribution import GroupContribution
from leyden.predictor import Predictor
from leyden.representations.known_pairs import KnownPairs
from leyden.transfer import FromScratch

TARGET = "log10_viscosity_Pa_s"
EMIM, DCA, NTF2 = "CC[n+]1ccn(C)c1", "N#C[N-]C#N", "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F"
CATIONS = [EMIM, "CCCC[n+]1ccn(C)c1", "CCC[N+]1(C)CCCC1", "CCCC[N+](C)(C)C"]
HEADER = "id,cation,anion,temperature_K,pressure_kPa,viscosity_Pa_s\n"
ROWS = [
    f"{cation},{anion},{temperature},101.325,0.0{row}{step}"
    for row, cation in enumerate(CATIONS, start=1)
    for anion in (DCA, NTF2)
    for step, temperature in enumerate((330, 300), start=1)
]
TABLE = HEADER + "".join(f"l{row},{text}\n" for row, text in enumerate(ROWS, start=1))
SECOND = f"l2,{EMIM},{DCA},300,101.325,0.012\n"  # row 2 of the table
RECIPE = f"""
[data]
dataset = "table.csv"
targets = "{TARGET}"
[model]
kind = "group-contribution"
property = "{TARGET}"
[calibration]
folds = 2
"""
ZWITTERION = "C[N+](C)(C)CC(=O)[O-]"

BAD_IONS = {
    "exchanged": (DCA, EMIM, ["a cation must carry positive charge", "-1", "exchange the columns"]),
    "two cations": (EMIM, "[Na+]", ["an anion must carry negative charge", "+1"]),
    "neutral": (EMIM, "Cl", ["this is neutral", "'Cl'", "write the formal charge"]),
    "zwitterion": (ZWITTERION, "[Cl-]", ["a zwitterion", "leave the row out"]),
    "double salt": (EMIM, f"{DCA}.[Cl-]", ["must have one anion", "2 different"]),
    "mixed cations": (f"{EMIM}.[NH4+]", DCA, ["must have one cation", "one row a cation"]),
    "unparsable": ("CC[n+]1ccn(C)c1(", DCA, ["readable", "'CC[n+]1ccn(C)c1('", "brackets"]),
    "formula": ("[BMIM]", DCA, ["readable", "'[BMIM]'"]),
    "blank": ("", DCA, ["a row must fill cation"]),
}
BAD_STATES = {
    "Celsius": ("26.85", "101.325", ["100 and 1000 K", "degrees Celsius: add 273.15"]),
    "text": ("warm", "101.325", ["temperature_K must hold numbers", "'warm'"]),
    "no temperature": ("", "101.325", ["a row must fill temperature_K"]),
    "MPa": ("300", "0.101325", ["2 and 1e+06 kPa", "looks like MPa: multiply by 1000"]),
    "bar": ("300", "1", ["looks like atm or bar"]),
    "Pa": ("300", "101325", ["looks like Pa: divide by 1000"]),
    "negative": ("300", "-5", ["2 and 1e+06 kPa", "give it in kPa"]),
}
BAD_ROWS = {
    **{name: (c, a, "300", "101.325", rules) for name, (c, a, rules) in BAD_IONS.items()},
    **{name: (EMIM, DCA, T, P, rules) for name, (T, P, rules) in BAD_STATES.items()},
}
BAD_VALUES = {
    "negative": ("-0.012", ["viscosity_Pa_s must", "-0.012"]),
    "zero": ("0", ["viscosity_Pa_s must be positive to have a logarithm", "leave the row out"]),
    "text": ("thick", ["viscosity_Pa_s must hold numbers", "'thick'"]),
    "infinite": ("inf", ["finite", "'inf'"]),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE)
    Path("table.csv").write_text(TABLE)
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of group contributions to viscosity, fitted to the good table."""
    place = tmp_path_factory.mktemp("model")
    (place / "table.csv").write_text(TABLE)
    dataset = load_table(place / "table.csv", target=TARGET, kind="ion pair")
    Predictor.of(FromScratch(GroupContribution(TARGET)).fit(dataset)).save(place / "m.leyden")
    return place / "m.leyden"


def leyden_(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def told(*words: Any) -> str:
    """The one line of a mistake, which leaves nothing behind."""
    before = {path: path.read_bytes() for path in Path().iterdir()}
    done = leyden_(*words)
    assert done.exit_code == 2, (done.output, done.exception)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
    return str(done.stderr)


def predicted(model: Path, source: str) -> pd.DataFrame:
    done = leyden_("predict", model, source, "-o", "out.csv")
    assert done.exit_code == 0, (done.output, done.exception)
    rows = pd.read_csv("out.csv", keep_default_na=False, index_col="id")
    rows[TARGET] = pd.to_numeric(rows[TARGET])
    assert np.isfinite(rows[TARGET]).eq(rows["error"] == "").all()
    return rows


def test_the_good_table_is_learned_from() -> None:
    done = leyden_("fit", "recipe.toml", "-o", "m.leyden")
    assert done.exit_code == 0, (done.output, done.exception)
    rows = predicted(Path("m.leyden"), "table.csv")
    assert (rows["error"] == "").all()
    assert list(rows.index) == [f"l{row}" for row in range(1, len(ROWS) + 1)]
    assert (rows[f"{TARGET}_lower"].astype(float) < rows[TARGET]).all()
    assert rows[TARGET]["l1"] < rows[TARGET]["l2"]  # hot liquids flow


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_of_a_training_table(name: str) -> None:
    cation, anion, temperature, pressure, rules = BAD_ROWS[name]
    row = f"l2,{cation},{anion},{temperature},{pressure},0.012\n"
    Path("table.csv").write_text(TABLE.replace(SECOND, row))
    line = told("fit", "recipe.toml", "-o", "m.leyden")
    assert all(rule in line for rule in ["table.csv, row 2: ", *rules]), line
    with pytest.raises(InputError) as raised:
        load_table("table.csv", target=TARGET)
    assert str(raised.value) in line


def test_bad_rows_of_a_table_to_predict_are_rows(model: Path) -> None:
    lines = [
        f"{name},{cation},{anion},{temperature},{pressure},\n"
        for name, (cation, anion, temperature, pressure, _) in BAD_ROWS.items()
    ]
    Path("in.csv").write_text(HEADER + f"good,{EMIM},{DCA},300,,\n" + "".join(lines))
    rows = predicted(model, "in.csv")
    assert list(rows.index) == ["good", *BAD_ROWS]
    assert rows["error"]["good"] == ""
    for number, (name, (*_, rules)) in enumerate(BAD_ROWS.items(), start=2):
        for rule in (f"in.csv, row {number}: ", *rules):
            assert rule in rows["error"][name], name


@pytest.mark.parametrize("name", BAD_VALUES)
def test_a_bad_value_of_a_training_table(name: str) -> None:
    value, rules = BAD_VALUES[name]
    Path("table.csv").write_text(TABLE.replace(SECOND, SECOND.replace("0.012", value)))
    line = told("fit", "recipe.toml", "-o", "m.leyden")
    assert all(rule in line for rule in ["table.csv, row 2: ", *rules]), line


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("temperature_K", "temperature_C", ["must stand in a column temperature_K", "convert"]),
        ("pressure_kPa", "pressure_MPa", ["must stand in a column pressure_kPa", "convert"]),
        ("viscosity_Pa_s", "viscosity_mPa_s", ["viscosity_Pa_s is there in another unit"]),
        ("cation", "kation", ["no column holds the items", "cation and anion"]),
    ],
)
def test_a_column_in_another_unit_or_of_another_name(old: str, new: str, rules: list[str]) -> None:
    Path("table.csv").write_text(TABLE.replace(old, new, 1))
    line = told("fit", "recipe.toml", "-o", "m.leyden")
    assert all(rule in line for rule in ["table.csv", *rules]), line


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv", HEADER.encode(), "no rows"),
        ("t.csv", b"\xff\xfe\x00\x80" * 40, "t.csv"),
        ("t.csv.gz", gzip.compress(TABLE.encode())[:-40], "t.csv.gz"),
        ("t.parquet", b"PAR1 and no more", "t.parquet"),
    ],
    ids=["empty", "header only", "binary", "cut gzip", "no parquet"],
)
def test_an_empty_or_corrupt_file(model: Path, name: str, content: bytes, rule: str) -> None:
    Path(name).write_bytes(content)
    Path("recipe.toml").write_text(RECIPE.replace("table.csv", name))
    for words in (("fit", "recipe.toml", "-o", "m.leyden"), ("predict", model, name)):
        if (words[0], rule) == ("predict", "no rows"):
            continue  # no row is asked about, and none is answered
        line = told(*words, *(["-o", "out.csv"] if words[0] == "predict" else []))
        assert rule in line
    with pytest.raises(InputError, match=name):
        load_cosmo_rs(name)


def test_a_corrupt_model_file(model: Path) -> None:
    Path("cut.leyden").write_bytes(model.read_bytes()[:-200])
    line = told("predict", "cut.leyden", "table.csv", "-o", "out.csv")
    assert "cut.leyden" in line


def test_salts_of_more_ions_than_two_are_taken_in_the_ratio_that_is_neutral(model: Path) -> None:
    """Written with all of their ions, or with one of each: the same pair."""
    dication = "Cn1cc[n+](CCC[n+]2ccn(C)c2)c1"
    sulfate = "[O-]S(=O)(=O)[O-]"
    texts = {
        "1:2": (dication, DCA),
        "1:2 in full": (dication, f"{DCA}.{DCA}"),
        "2:1": (EMIM, sulfate),
        "2:1 in full": (f"{EMIM}.{EMIM}", sulfate),
        "1:1": (EMIM, DCA),
    }
    lines = [f"{name},{cation},{anion},300,,\n" for name, (cation, anion) in texts.items()]
    Path("in.csv").write_text(HEADER + "".join(lines))
    values = predicted(model, "in.csv")[TARGET]
    assert values["1:2"] == values["1:2 in full"]
    assert values["2:1"] == values["2:1 in full"]
    assert values.nunique() == 3
    assert IonPair(dication, DCA).smiles.count(DCA) == 2


def test_metal_ions_are_named_taken_and_left_out_of_what_is_learned(
    model: Path, data_home: Any
) -> None:
    """A pair may hold one; the cleaned measurements do not."""
    Path("in.csv").write_text(f"{HEADER}lithium,[Li+],{NTF2},300,,\n")
    assert predicted(model, "in.csv")["error"]["lithium"] == ""
    assert IonPair("[Li+]", NTF2).metal_ions == ("[Li+]",)
    data_home("il-properties")
    cleaned = ly.load("ionic-liquids", target="glass_transition_K")
    assert not any(item.metal_ions for item in cleaned.items)


def test_the_plain_recommender_names_the_hybrid_for_an_ion_it_does_not_know() -> None:
    dataset = load_table("table.csv", target=TARGET)
    plain = KnownPairs.among(dataset)
    small = {"embedding": 4, "widths": (8,), "epochs": 1, "least_steps": 0}
    strategy = FromScratch(IonRecommender(plain, forms="viscosity", **small)).fit(dataset)
    Predictor.of(strategy).save("plain.leyden")
    Path("in.csv").write_text(
        f"{HEADER}known,{EMIM},{NTF2},300,,\ncation,CC[NH3+],{DCA},300,,\nanion,{EMIM},[I-],300,,\n"
    )
    rows = predicted(Path("plain.leyden"), "in.csv")
    assert rows["error"]["known"] == ""
    for name, ion in (("cation", "CC[NH3+]"), ("anion", "[I-]")):
        assert "the plain recommender knows ions by name" in rows["error"][name]
        assert ion in rows["error"][name]
        assert "take the hybrid" in rows["error"][name]
    with pytest.raises(InputError, match="take the hybrid"):
        strategy.predict([StatePoint(IonPair("CC[NH3+]", DCA), 300.0)])


def test_python_tells_the_same_of_frames() -> None:
    frame = pd.DataFrame({"cation": [EMIM, DCA], "anion": [DCA, EMIM], "viscosity_Pa_s": 0.02})
    with pytest.raises(InputError, match="row 2: a cation must carry positive charge"):
        Dataset.from_table(frame, target=TARGET)
    with pytest.raises(InputError, match=r"row 1: a temperature must lie between.*Celsius"):
        Dataset.from_table(frame.assign(temperature_K=25.0), target=TARGET)
