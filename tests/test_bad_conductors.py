"""A user's own table of conductors with something wrong: one line that tells all, no file left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from leyden.cli import app
from leyden.data import Dataset, good_conductor, load_table
from leyden.errors import InputError
from leyden.predictor import Predictor

SIGMA = "ionic_conductivity_S_per_cm"
FORMULAS = ["Li3PS4", "Li2O", "LiCl", "Li3N", "Li7La3Zr2O12", "LiI", "Li2S", "Li3PO4"]
TABLE = f"id,formula,{SIGMA}\n" + "".join(
    f"c{row},{formula},1e-{row:02}\n" for row, formula in enumerate(FORMULAS, start=1)
)
RECIPE = """
[data]
dataset = "table.csv"
targets = ["good_conductor"]
[model]
kind = "elemental-classifier"
"""
REGRESSION = RECIPE.replace('["good', f'["log10_{SIGMA}"] # ["good').replace(
    "elemental-classifier", "ridge"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE)
    Path("table.csv").write_text(TABLE)
    return tmp_path


def fit() -> Any:
    words = ["fit", "recipe.toml", "-o", "m.leyden"]
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"})


def told() -> str:
    """The one line of a mistake, which leaves nothing behind."""
    before = {path: path.read_bytes() for path in Path().iterdir()}
    done = fit()
    assert done.exit_code == 2, (done.output, done.exception)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
    return done.stderr


@pytest.mark.parametrize("recipe", [RECIPE, REGRESSION], ids=["class", "value"])
@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("Li2O", "Li2Qq", ["row 2: Qq is not an element", "'Li2Qq'"]),
        ("Li2O", "Li2Og", [": element properties are known up to Cn", "'Og'", "leave the item"]),
        ("Li2O", "Li-1O", ["row 2: '-' cannot stand in a formula", "'Li-1O'"]),
        ("Li2O", "Li+1O-2", ["row 2: '+' cannot stand in a formula", "such as LiFePO4"]),
        ("Li2O", "", ["row 2: a row must fill formula"]),
        ("Li2O", "Li0O", ["row 2: ", "'Li0O'"]),
        ("S_per_cm", "S_per_m", ["is there in another unit", "'ionic_conductivity_S_per_m'"]),
        ("S_per_cm", "mS_per_cm", ["is there in another unit", f"name it {SIGMA}"]),
        (SIGMA, "sigma", [f"there is no column {SIGMA}", "choose from id, formula, sigma"]),
        ("1e-02", "1e3", ["row 2: ", "must lie between", "got 1000.0", "convert the column"]),
        ("1e-02", "0", ["row 2: ", f"{SIGMA} must be positive", "got 0.0", "detection limit"]),
        ("1e-02", "-1e-2", ["row 2: ", f"{SIGMA} must be positive", "got -0.01"]),
        ("1e-02", "<1e-2", ["row 2: ", "must hold numbers", f"censored = ['{SIGMA}']"]),
        ("1e-02", "good", ["row 2: ", "must hold numbers", "'good'"]),
    ],
    ids=[
        *("unknown", "oganesson", "negative", "charged", "blank", "zero"),
        *("metre", "milli", "no unit", "range", "nothing", "below", "bound", "text"),
    ],
)
def test_a_wrong_cell(recipe: str, old: str, new: str, rules: list[str]) -> None:
    Path("recipe.toml").write_text(recipe)
    Path("table.csv").write_text(TABLE.replace(old, new))
    line = told()
    assert "table.csv" in line
    assert all(rule in line for rule in [*rules, "Remedy: "] if rule), line


def test_a_conductor_without_lithium() -> None:
    Path("table.csv").write_text(TABLE.replace("Li2O", "MgO"))
    line = told()
    assert "table.csv, row c2: a conductor of Li must hold Li (got 'MgO'). Remedy: leave" in line
    with pytest.raises(InputError, match="row c1: a conductor of Mg must hold Mg"):
        good_conductor(load_table("table.csv", target=SIGMA), ion="Mg")
    sodium = TABLE.replace("Li", "Na")
    Path("table.csv").write_text(sodium)
    assert good_conductor(load_table("table.csv", target=SIGMA), ion="Na").y.sum() == 4


@pytest.mark.parametrize(("new", "good"), [("1e-1", 0), ("0.0", 8)])
def test_a_table_of_one_class(new: str, good: int) -> None:
    Path("table.csv").write_text(TABLE.replace("1e-0", new))  # 1e-11 ... or 0.01 ...
    line = told()
    assert "table.csv: good and poor conductors are needed" in line
    assert f"'{good} good ones among 8 rows'" in line
    assert "check the unit" in line


def test_limits_of_detection_are_bounds() -> None:
    censored = f'[data]\ncensored = ["{SIGMA}"]'
    Path("table.csv").write_text(TABLE.replace("1e-08", "<1e-8").replace("1e-02", "<1e-2"))
    for recipe, rows in ((RECIPE, 7), (REGRESSION, 8)):  # <1e-2 may be good or poor
        Path("recipe.toml").write_text(recipe.replace("[data]", censored))
        done = fit()
        assert done.exit_code == 0, (done.output, done.exception)
        assert Predictor.load("m.leyden").notes["rows"] == rows
    bounds = load_table("table.csv", target=f"log10_{SIGMA}", censored=[SIGMA]).bounds[:, 0]
    assert np.flatnonzero(bounds).tolist() == [1, 7]
    for path in Path().glob("m.*"):
        path.unlink()
    Path("recipe.toml").write_text(RECIPE.replace("[data]", '[data]\ncensored = ["sigma"]'))
    assert "what is censored must be a target (got 'sigma')" in told()


def test_a_failed_fit_leaves_the_model_of_before_with_its_recipe() -> None:
    assert fit().exit_code == 0
    Path("recipe.toml").write_text(REGRESSION)
    Path("table.csv").write_text(TABLE.replace("Li2O", "Li2Qq"))
    assert "Qq" in told()  # which compares all files
    assert "elemental-classifier" in Path("m.leyden.recipe.toml").read_text()


def test_what_a_recipe_cannot_mean() -> None:
    for old, new, rule in (
        ('["good_conductor"]', f'["good_conductor", "{SIGMA}"]', "is learned alone"),
        ("elemental-classifier", "vector-classifier", "needs representation, classifier"),
        (
            'kind = "elemental-classifier"',
            'kind = "vector-classifier"\nclassifier = "forest"\n'
            'representation = "structural-descriptors"',
            "choose from logistic, svm",
        ),
        (
            'kind = "elemental-classifier"',
            'kind = "vector-classifier"\nclassifier = "svm"\n'
            'representation = "structural-descriptors"',
            "table.csv, row c1: structural descriptors take a crystal (got 'Li3PS4'). Remedy: give",
        ),
    ):
        Path("recipe.toml").write_text(RECIPE.replace(old, new))
        assert rule in told()


def test_a_column_of_classes_is_taken_as_it_stands() -> None:
    table = TABLE.replace(SIGMA, "good_conductor")
    for row in range(1, 9):
        table = table.replace(f"1e-{row:02}", str(row % 2))
    Path("table.csv").write_text(table)
    assert fit().exit_code == 0
    data: Dataset = load_table("table.csv", target="good_conductor")
    told_ = Predictor.load("m.leyden").predict(data)
    assert told_["good_conductor"].between(0, 1).all()
