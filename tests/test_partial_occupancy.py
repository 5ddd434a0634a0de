"""Crystals whose sites are shared or partly empty, from the user's files to predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner

from leyden.cli import app
from leyden.data import Crystal, Dataset, DisorderedCrystal, load_table, read_items
from leyden.data.materials import parse_any_crystal, parse_crystal
from leyden.errors import InputError
from leyden.models import Average, NetworkEmbedding, VectorRegressor, structural_models
from leyden.predictor import Predictor
from leyden.representations import (
    BondStatistics,
    CompositionStatistics,
    Concatenated,
    CrystalGraph,
    StructuralDescriptors,
    reads_disorder,
    represent,
)
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

SIGMA = "ionic_conductivity_S_per_cm"
FIT = "fit", "recipe.toml", "-o", "m.leyden"
RECIPE = """
[data]
dataset = "table.csv"
targets = ["good_conductor"]
[representation]
kind = "structural-descriptors"
[model]
kind = "vector-classifier"
classifier = "svm"
"""


def cif(lithium: float, a: float = 3.7) -> str:
    """A cell of CsCl with so much lithium on a site that it shares with sodium; in all 90 %."""
    angles = "".join(f"_cell_angle_{name} 90\n" for name in ("alpha", "beta", "gamma"))
    lengths = "".join(f"_cell_length_{name} {a}\n" for name in "abc")
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    loop = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in columns)
    rows = [f"Li1 Li 0 0 0 {lithium:g}", "Cl1 Cl 0.5 0.5 0.5 1"]
    if lithium < 0.9:
        rows.insert(1, f"Na1 Na 0 0 0 {0.9 - lithium:g}")
    return f"data_salt\n{lengths}{angles}{loop}" + "\n".join(rows) + "\n"


TABLE = pd.DataFrame(
    [
        (f"s{i}", cif(0.1 + 0.02 * i, 3.6 + 0.01 * (i % 7)), 10.0 ** (-6 + 0.15 * i))
        for i in range(30)
    ],
    columns=["id", "cif", SIGMA],
)


def leyden_(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def predictions(model: str, *inputs: str) -> pd.DataFrame:
    done = leyden_("predict", model, *inputs, "-o", "out.csv")
    assert done.exit_code in (0, 1), (done.output, done.exception)
    return pd.read_csv("out.csv", keep_default_na=False, index_col="id")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE)
    TABLE.to_csv("table.csv", index=False)
    Path("cifs").mkdir()
    for name, text in {"full": cif(1.0), "half": cif(0.5), "poor": cif(0.2)}.items():
        Path(f"cifs/{name}.cif").write_text(text)
    return tmp_path


def test_fit_save_and_predict_from_files_and_from_python() -> None:
    done = leyden_(*FIT)
    assert done.exit_code == 0, (done.output, done.exception)

    # the same model by hand: occupancies read off the strings, nothing of the readers in it
    def known(lithium: float, a: float) -> DisorderedCrystal:
        metal = {"Li": lithium, "Na": 0.9 - lithium} if lithium < 0.9 else {"Li": 1.0}
        return DisorderedCrystal(a * np.eye(3), [[0] * 3, [0.5] * 3], (metal, {"Cl": 1.0}))

    items = [known(0.1 + 0.02 * i, 3.6 + 0.01 * (i % 7)) for i in range(30)]
    model = structural_models()["SVM"]
    model.fit(model.representation.transform(items), TABLE[SIGMA].to_numpy() >= 1e-4)
    asked = [known(1.0, 3.7), known(0.5, 3.7), known(0.2, 3.7)]
    expected = model.predict(model.representation.transform(asked))
    assert expected.max() - expected.min() > 0.3

    names = ["full", "half", "poor"]
    files = [f"cifs/{name}.cif" for name in names]
    pd.DataFrame({"id": names, "cif": [cif(1.0), cif(0.5), cif(0.2)]}).to_csv("in.csv")
    for inputs in (["cifs"], files, ["in.csv"]):
        rows = predictions("m.leyden", *inputs)
        assert rows.index.tolist() == names
        assert (rows["error"] == "").all()
        np.testing.assert_allclose(rows["good_conductor"], expected, rtol=1e-9)
        assert (rows["good_conductor_lower"] == "").all()  # a probability has no interval
    predictor = Predictor.load("m.leyden")
    half = Structure(
        Lattice.cubic(3.7), [{"Li+": 0.5, "Na+": 0.4}, {"Cl-": 1}], [[0] * 3, [0.5] * 3]
    )
    for item in (cif(0.5), Path("cifs/half.cif"), half, asked[1]):
        told = predictor.predict([item], errors="raise")["good_conductor"]
        np.testing.assert_allclose(told, expected[1:2], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("Cl1 Cl 0.5 0.5 0.5", "Cl1 Cl 0.1 0 0"), "hold one atom in turn"),
        (("Na1 Na 0 0 0 0.4", "Na1 Na 0 0 0 0.7"), "a site must hold at most one atom"),
        (("0 0 0 0.4", "0 0 0 1.4"), "between 0 and 1"),
        (("Na1 Na", "Qq1 Qq"), "must name an element"),
        (("Li1 Li 0 0 0 0.5", "K1 K 0 0 0 0.5"), "must have Li and another element"),
        (("Cl1 Cl", "Ar1 Ar"), "every element must have an electronegativity"),
    ],
    ids=["crowded", "sum", "above one", "no element", "no lithium", "no electronegativity"],
)
def test_what_no_model_can_read_is_a_row_with_its_error(change: tuple[str, str], rule: str) -> None:
    assert leyden_(*FIT).exit_code == 0
    text = cif(0.5).replace(*change)
    assert text != cif(0.5)
    Path("cifs/half.cif").write_text(text)
    rows = predictions("m.leyden", "cifs")
    assert (rows["error"] == "").tolist() == [True, False, True]
    assert rule in rows["error"]["half"]
    bad = TABLE.assign(cif=[text if i == 4 else each for i, each in enumerate(TABLE["cif"])])
    bad.to_csv("table.csv", index=False)
    Path("m.leyden").unlink()
    before = sorted(Path().iterdir())
    done = leyden_(*FIT)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert rule in done.stderr or "a conductor of Li must hold Li" in done.stderr
    assert "table.csv, row 5: " in done.stderr or "table.csv, row s4: " in done.stderr
    assert sorted(Path().iterdir()) == before


def test_a_model_of_ordered_crystals_tells_file_site_and_remedy() -> None:
    data = tiny_crystals(10).with_targets("energy_eV_per_atom")
    model = VectorRegressor(BondStatistics(), structural_regressor())
    Predictor.of(FromScratch(model).fit(data)).save("energy.leyden")
    rows = predictions("energy.leyden", "cifs")
    assert rows["error"]["full"] == ""
    line = rows["error"]["half"]
    for part in (
        "cifs/half.cif: every site must be occupied fully by one element",
        "site 1 (Li1), occupancy 0.5",
        "Remedy: order the structure first",
        "a model that reads partial occupancy",
    ):
        assert part in line
    # items that come in the form of disorder, and have none, are read
    predictor = Predictor.load("energy.leyden")
    ordered = DisorderedCrystal.from_crystal(parse_crystal(cif(1.0)))
    half = parse_any_crystal(cif(0.5))
    told = predictor.predict([ordered, half, parse_crystal(cif(1.0))])
    assert told["error"].ne("").tolist() == [False, True, False]
    assert "got 'site 1 (Li 0.5 + Na 0.4)'" in told["error"][1]
    assert told["energy_eV_per_atom"][0] == told["energy_eV_per_atom"][2]
    # and a model that cannot learn from them says of which row
    Path("recipe.toml").write_text(RECIPE.replace("structural-descriptors", "bond-statistics"))
    done = leyden_(*FIT)
    assert done.exit_code == 2
    assert "table.csv, row s0: every site must be occupied fully" in done.stderr


def structural_regressor() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


def test_a_representation_says_what_it_takes() -> None:
    both = (StructuralDescriptors(), CompositionStatistics())
    assert all(map(reads_disorder, (*both, Concatenated(both))))
    ridge = [VectorRegressor(part, structural_regressor()) for part in (*both, BondStatistics())]
    assert reads_disorder(Average(ridge[:2], [1, 1]).representation)
    assert not reads_disorder(Average(ridge, [1, 1, 1]).representation)
    assert reads_disorder(NetworkEmbedding(ridge[0]))
    assert not any(map(reads_disorder, (CrystalGraph(), NetworkEmbedding(ridge[2]))))
    assert not reads_disorder(Concatenated((CompositionStatistics(), BondStatistics())))


def test_a_dataset_of_both_forms_is_represented_as_the_representation_takes_it() -> None:
    data = load_table("table.csv", target=SIGMA)
    assert {type(item) for item in data.items} == {DisorderedCrystal}
    assert data.groups["formula"][4] == data.items[4].formula
    plain = parse_crystal(cif(1.0))
    mixed = Dataset("mixed", ["a", "b"], [plain, data.items[0]], data.targets[:2])
    X = represent(StructuralDescriptors(), mixed)
    np.testing.assert_allclose(X[:1], StructuralDescriptors().transform([plain]))
    with pytest.raises(InputError, match="mixed, row b: every site must be occupied fully"):
        represent(BondStatistics(), mixed)
    with pytest.raises(InputError, match="mixed, row b: every site must be occupied fully"):
        represent(CrystalGraph(), mixed)
    forms = Dataset("forms", ["a"], [DisorderedCrystal.from_crystal(plain)], data.targets[:1])
    np.testing.assert_array_equal(
        represent(BondStatistics(), forms), BondStatistics().transform([plain])
    )


def test_readers_give_crystals_in_the_form_that_is_asked_for() -> None:
    kinds = {row.id: type(row.item) for row in read_items("cifs", disorder=True)}
    assert kinds == {"full": Crystal, "half": DisorderedCrystal, "poor": DisorderedCrystal}
    assert [bool(row.error) for row in read_items("cifs")] == [False, True, True]
    salt = {"lattice": [4] * 3 + [90] * 3, "species": ["Li", "Cl"], "frac": [[0] * 3, [0.5] * 3]}
    Path("in.jsonl").write_text(json.dumps(salt))
    assert [type(row.item) for row in read_items("in.jsonl", disorder=True)] == [Crystal]
    for ion in (None, "Li"):  # the host of an electrode is ordered
        rows = list(read_items("cifs/half.cif", ion=ion, disorder=ion is not None))
        assert "every site must be occupied" in str(rows[0].error)


def test_the_card_of_measured_structures(data_home: Callable[[str], Path]) -> None:
    """`obelix-structures`, most of which are partly occupied."""
    data_home("obelix")
    head = RECIPE.replace("table.csv", "obelix-structures")
    Path("recipe.toml").write_text(head)
    with pytest.warns(UserWarning, match="structures cannot be used"):
        assert leyden_(*FIT).exit_code == 0
    rows = predictions("m.leyden", "cifs")
    assert (rows["error"] == "").all()
    probability = rows["good_conductor"].astype(float)
    assert probability.between(0, 1).all()
    assert probability["half"] != probability["poor"]
    assert Predictor.load("m.leyden").notes["rows"] > 200
