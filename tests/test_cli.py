"""The command line: results on standard output, mistakes in one line, nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import leyden
from leyden import studies
from leyden.cli import app
from leyden.errors import InputError
from leyden.predictor import Predictor
from leyden.testing import tiny_crystals

RECIPE = """
[data]
dataset = "moduli.csv"
targets = ["log10_modulus_GPa"]

[model]
kind = "ridge"

[split]
kind = "group-k-fold"
n = 3

[evaluate]
baselines = ["mean"]

[calibration]
folds = 3
"""


def leyden_(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a table, a recipe and some input."""
    monkeypatch.chdir(tmp_path)
    data = tiny_crystals(40)
    formulas = [item.formula for item in data.items]
    table = pd.DataFrame({"id": data.ids, "formula": formulas})
    table.assign(log10_modulus_GPa=data.targets["log10_modulus_GPa"]).to_csv(
        "moduli.csv", index=False
    )
    Path("recipe.toml").write_text(RECIPE)
    Path("input.csv").write_text("id,formula\na,NaCl\nb,\nc,Zz2\na,KBr\ne,MgO\n")
    return tmp_path


@pytest.fixture
def model(folder: Path) -> Path:
    done = leyden_("fit", "recipe.toml", "-o", "m.leyden")
    assert done.exit_code == 0, done.output
    return folder / "m.leyden"


class TestFit:
    def test_a_model_and_its_recipe(self, model: Path) -> None:
        predictor = Predictor.load(model)
        assert predictor.targets == ("log10_modulus_GPa",)
        assert predictor.calibration.level == 0.9
        assert predictor.notes["rows"] == 40
        beside = Path("m.leyden.recipe.toml").read_text()
        assert "alphas" not in RECIPE
        assert 'kind = "from-scratch"' in beside
        assert predictor.notes["recipe"] == beside

    def test_again_gives_the_same_bytes(self, model: Path) -> None:
        done = leyden_("fit", "recipe.toml", "-o", "n.leyden")
        assert done.stdout == "n.leyden\n"
        assert Path("n.leyden").read_bytes() == model.read_bytes()

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("ridge", "rigde", "recipe.toml: [model] knows no such kind (got 'rigde')"),
            ("[model]", "[modell]", "did you mean 'model'"),
            ("moduli.csv", "module.csv", "module.csv"),
            ("log10_modulus_GPa", "log10_modulus_MPa", "modulus_MPa is there in another unit"),
        ],
    )
    def test_mistakes_are_one_line(self, old: str, new: str, told: str) -> None:
        Path("recipe.toml").write_text(RECIPE.replace(old, new))
        done = leyden_("fit", "recipe.toml", "-o", "m.leyden")
        assert done.exit_code == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert told in done.stderr
        assert not Path("m.leyden").exists()

    @pytest.mark.parametrize("value", ["soft", "inf", ""])
    def test_bad_targets(self, value: str) -> None:
        lines = Path("moduli.csv").read_text().splitlines()
        lines[3] = lines[3].rsplit(",", 1)[0] + "," + value
        Path("moduli.csv").write_text("\n".join(lines))
        done = leyden_("fit", "recipe.toml", "-o", "m.leyden")
        if value:
            assert done.exit_code == 2
            assert "moduli.csv, row 3" in done.stderr
        else:  # not measured: 39 rows are left
            assert "39 rows" in done.stderr


class TestPredict:
    def test_one_row_an_input_in_order(self, model: Path) -> None:
        done = leyden_("predict", model, "input.csv", "-o", "out.csv", "--chunk", 2)
        assert done.exit_code == 0, done.output
        assert done.stdout == "out.csv\n"
        assert "5 rows, 3 of them with an error" in done.stderr
        table = pd.read_csv("out.csv")
        assert table["id"].tolist() == ["a", "b", "c", "a", "e"]
        assert table["error"].notna().tolist() == [False, True, True, True, False]
        expected = Predictor.load(model).predict(["NaCl", "MgO"])
        given = table["log10_modulus_GPa"].iloc[[0, 4]]
        assert np.allclose(given, expected["log10_modulus_GPa"], rtol=0, atol=1e-12)

    def test_parquet(self, model: Path) -> None:
        leyden_("predict", model, "input.csv", "-o", "out.csv")
        leyden_("predict", model, "input.csv", "-o", "out.parquet", "--chunk", 1)
        one, two = pd.read_csv("out.csv"), pd.read_parquet("out.parquet")
        assert list(one) == list(two)
        assert np.allclose(one.iloc[:, 1], two.iloc[:, 1], rtol=0, atol=1e-12, equal_nan=True)

    def test_other_columns(self, model: Path) -> None:
        Path("other.csv").write_text("key,what\nx,NaCl\n")
        done = leyden_(
            "predict", model, "other.csv", "--item", "what", "--id", "key", "-o", "out.csv"
        )
        assert done.exit_code == 0, done.output
        assert pd.read_csv("out.csv")["id"].tolist() == ["x"]

    def test_only_bad_rows_is_a_failure(self, model: Path) -> None:
        Path("bad.csv").write_text("formula\nZz\n")
        done = leyden_("predict", model, "bad.csv", "-o", "out.csv")
        assert done.exit_code == 1
        assert len(pd.read_csv("out.csv")) == 1

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("m.leyden", "absent.csv", "-o", "out.csv"), "absent.csv"),
            (("m.leyden", "empty.csv", "-o", "out.csv"), "empty.csv"),
            (("absent.leyden", "input.csv", "-o", "out.csv"), "absent.leyden: there is no such"),
            (("cut.leyden", "input.csv", "-o", "out.csv"), "cut.leyden: the file is truncated"),
            (("m.leyden", "input.csv", "-o", "out.xls"), "out.xls: the table ends in .csv"),
            (("m.leyden", "input.csv", "-o", "input.csv/out.csv"), "cannot be written"),
        ],
    )
    def test_mistakes(self, model: Path, words: tuple[str, ...], told: str) -> None:
        Path("empty.csv").write_text("")
        Path("cut.leyden").write_bytes(model.read_bytes()[:3000])
        done = leyden_("predict", *words)
        assert done.exit_code == 2
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
        assert not list(Path().glob("out*"))
        assert not list(Path().glob(".*.part"))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An additive network of two targets, saved."""
    from leyden.models import CrystalGraphNetwork

    data = tiny_crystals(30)
    model = CrystalGraphNetwork(
        width=8, hidden=8, convolutions=1, readout="additive", epochs=3, validation_fraction=0
    )
    y = data.targets[["energy_eV_per_atom", "log10_modulus_GPa"]]
    model.fit(model.representation.transform(data.items), y.to_numpy())
    path = tmp_path_factory.mktemp("models") / "n.leyden"
    Predictor(model.representation, model, tuple(y.columns)).save(path)
    return path


class TestExplain:
    @pytest.fixture
    def crystals(self, folder: Path) -> Path:
        """Twelve oxides, and a line that is no crystal."""
        cell = [4.2, 4.2, 4.2, 60, 60, 60]
        rows = [
            {
                "id": f"{metal}-{i}",
                "lattice": [length + 0.1 * i for length in cell[:3]] + cell[3:],
                "species": [metal, "O"],
                "frac": [[0, 0, 0], [0.5, 0.5, 0.5]],
            }
            for metal in ("Mg", "Ca", "Mn")
            for i in range(4)
        ]
        rows.insert(1, {**rows[0], "id": "bad", "species": ["Zz", "O"]})
        path = folder / "oxides.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        return path

    def test_a_table_and_a_page(self, network: Path, crystals: Path) -> None:
        done = leyden_("explain", network, crystals, "-o", "why", "--pictures", 1)
        assert done.exit_code == 0, done.output
        assert done.stdout == "why/report.html\n"
        assert "12 crystals, 24 atoms; 1 with an error" in done.stderr
        table = pd.read_csv("why/local_values.csv")
        assert len(table) == 25
        bad = table[table["error"].notna()]
        assert bad["id"].tolist() == ["bad"]
        assert "Zz" in bad["error"].iloc[0]
        mean = table.groupby("id")["local_energy_eV_per_atom"].mean()
        predicted = table.groupby("id")["energy_eV_per_atom"].first()
        assert np.allclose(mean.dropna(), predicted.dropna(), rtol=0, atol=1e-6)
        expected = Predictor.load(network).predict([crystals_of(crystals)[0]])
        assert np.isclose(predicted["Mg-0"], expected["energy_eV_per_atom"].iloc[0], atol=1e-6)
        page = Path("why/report.html").read_text()
        assert f"leyden explain {network} {crystals} -o why" in page
        assert "Environments of O-coordinated sites" in page
        assert "Zz" in page

    def test_another_target_and_few_sites(self, network: Path, crystals: Path) -> None:
        Path("one.jsonl").write_text(crystals.read_text().splitlines()[0])
        done = leyden_("explain", network, "one.jsonl", "-o", "w", "--target", "log10_modulus_GPa")
        assert done.exit_code == 0, done.output
        assert "no map of environments" in done.stderr
        assert "local_log10_modulus_GPa" in pd.read_csv("w/local_values.csv")

    def test_only_bad_rows_is_a_failure(self, network: Path, crystals: Path) -> None:
        Path("bad.jsonl").write_text(crystals.read_text().splitlines()[1])
        done = leyden_("explain", network, "bad.jsonl", "-o", "why")
        assert done.exit_code == 1, done.output
        assert pd.read_csv("why/local_values.csv")["error"].notna().all()
        assert not Path("why/report.html").exists()

    def test_mistakes(self, model: Path, network: Path, crystals: Path) -> None:
        for words, told in (
            ((model, "input.csv", "-o", "why"), "this model has no local values"),
            ((network, crystals, "-o", "why", "--target", "gap_eV"), "no such target"),
            ((network, crystals, "-o", "input.csv"), "cannot write"),
        ):
            done = leyden_("explain", *words)
            assert done.exit_code == 2, done.output
            assert told in done.stderr
            assert done.stderr.count("\n") <= 2
            assert not Path("why").exists()


def crystals_of(path: Path) -> list[Any]:
    from leyden.data.readers import read_items

    return [row.item for row in read_items(path) if row.item is not None]


class TestEvaluate:
    def test_the_four_files(self) -> None:
        done = leyden_("evaluate", "recipe.toml", "-o", "runs/a")
        assert done.exit_code == 0, done.output
        rows = pd.read_parquet("runs/a/rows.parquet")
        assert set(rows["arm"]) == {"from-scratch", "mean"}
        assert len(rows) == 2 * 40
        results = json.loads(Path("runs/a/results.json").read_text())
        assert {"about", "scores", "paired"} <= results.keys()
        page = Path("runs/a/report.html").read_text()
        assert "from-scratch" in page
        assert "leyden evaluate recipe.toml -o runs/a" in page
        assert "[split]" in Path("runs/a/recipe.toml").read_text()

    def test_again_goes_on_and_another_recipe_is_refused(self) -> None:
        leyden_("evaluate", "recipe.toml", "-o", "a")
        first = Path("a/rows.parquet").read_bytes()
        done = leyden_("evaluate", "recipe.toml", "-o", "a")
        assert "going on" in done.stderr
        assert Path("a/rows.parquet").read_bytes() == first
        Path("recipe.toml").write_text("seed = 2\n" + RECIPE)
        done = leyden_("evaluate", "recipe.toml", "-o", "a")
        assert done.exit_code == 2
        assert "another recipe" in done.stderr
        assert Path("a/rows.parquet").read_bytes() == first
        done = leyden_("evaluate", "recipe.toml", "-o", "a", "--force")
        assert done.exit_code == 0
        assert Path("a/rows.parquet").read_bytes() != first

    def test_a_folder_of_something_else(self) -> None:
        Path("thesis").mkdir()
        Path("thesis/chapter.tex").write_text("")
        done = leyden_("evaluate", "recipe.toml", "-o", "thesis")
        assert done.exit_code == 2
        assert "not empty" in done.stderr

    def test_the_recipe_is_never_written_over(self, folder: Path) -> None:
        done = leyden_("evaluate", "recipe.toml", "-o", folder, "--force")
        assert done.exit_code == 2
        assert "the recipe itself" in done.stderr
        assert Path("recipe.toml").read_text() == RECIPE


class TestData:
    def test_list(self) -> None:
        lines = leyden_("data", "list").stdout.splitlines()
        assert lines[0].split("\t")[:3] == ["name", "rows", "items"]
        assert any(line.startswith("flla-2015\t3938\tcrystal\t") for line in lines)

    def test_show(self) -> None:
        shown = leyden_("data", "show", "flla-2015").stdout
        for word in ("3,938 rows", "formation_energy_eV_per_atom", "licence", "214", "10.1002"):
            assert word in shown

    def test_how_to_get_what_is_absent(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
        for name, way in {
            "flla-2015": "leyden data fetch flla-2015",
            "liquid-crystals": "put clearing.csv.gz, melting.csv.gz there",
            "ionic-liquids": "made of ilthermo",
            "il-ions": "calculated with MOPAC",
        }.items():
            shown = leyden_("data", "show", name).stdout.splitlines()[1]
            assert "absent" in shown
            assert way in shown
        refused = leyden_("data", "fetch", "liquid-crystals").stderr
        assert "cannot be fetched automatically" in refused

    @pytest.mark.parametrize("command", ["show", "fetch"])
    def test_a_misspelt_name(self, command: str) -> None:
        done = leyden_("data", command, "flla-2051")
        assert done.exit_code == 2
        assert "flla-2015" in done.stderr

    def test_fetch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from leyden.data import sources

        monkeypatch.setattr(sources, "fetch", lambda name, force: Path("/home") / name)
        done = leyden_("data", "fetch", "flla-2015", "perovskites")
        assert done.stdout == "flla-2015: /home/flla-2015\nperovskites: /home/perovskites\n"


class TestStudy:
    def test_list(self) -> None:
        assert "dendrites\t" in leyden_("study", "list").stdout

    def test_show(self) -> None:
        from leyden.studies import options

        lines = leyden_("study", "show", "polymer-lithium").stdout.splitlines()
        assert lines[0].split("\t") == ["setting", "default", "what"]
        offered = options("polymer-lithium")
        assert len(lines) == len(offered) + 1 > 1
        for line, option in zip(lines[1:], offered, strict=True):
            name, default, what = line.split("\t")
            assert name.removeprefix("--").replace("-", "_") == option.name
            assert (default, what) == (str(option.default), option.help)
        assert "did you mean" in leyden_("study", "show", "dendrits").stderr

    def test_settings_reach_the_study(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: dict[str, Any] = {}

        class Result:
            claims = ()

        def run(name: str, out: Path, *, quick: bool, **settings: Any) -> Result:
            seen.update(name=name, out=out, quick=quick, **settings)
            return Result()

        monkeypatch.setattr(studies, "run", run)
        words = ("study", "run", "dendrites", "-o", "d", "--members", 3, "--top-rows", 5, "--a=b")
        done = leyden_(*words, "--quick")
        assert done.exit_code == 0, done.output
        assert seen == {
            "name": "dendrites",
            "out": Path("d"),
            "quick": True,
            "members": 3,
            "top_rows": "5",
            "a": "b",
        }
        assert done.stdout == "d/report.html\n"

    @pytest.mark.parametrize("words", [("x",), ("--x",)])
    def test_settings_that_are_none(self, words: tuple[str, ...]) -> None:
        assert leyden_("study", "run", "dendrites", "-o", "d", *words).exit_code == 2

    def test_a_misspelt_name(self) -> None:
        done = leyden_("study", "run", "dendrits", "-o", "d")
        assert done.exit_code == 2
        assert "did you mean 'dendrites'" in done.stderr


class TestProgram:
    def test_version(self) -> None:
        assert leyden_("--version").stdout == f"leyden {leyden.__version__}\n"

    def test_debug_shows_the_traceback(self) -> None:
        done = leyden_("--debug", "data", "show", "nothing")
        assert isinstance(done.exception, InputError)

    def test_a_pipe_that_closes_early(self) -> None:
        program = f"{sys.executable} -m leyden data list | head -1"
        done = subprocess.run(program, shell=True, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("name\t")
        assert "Traceback" not in done.stderr

    def test_warnings_are_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        code = "import warnings; from leyden import cli; cli.app = lambda: warnings.warn('odd'); "
        done = subprocess.run(
            [sys.executable, "-c", code + "cli.main()"], capture_output=True, text=True, check=True
        )
        assert done.stderr == "warning: odd\n"


SLOW = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
import time
from leyden import validation
real = validation.predict_fold
def slow(*args, **kwargs):
    time.sleep(0.4)
    return real(*args, **kwargs)
validation.predict_fold = slow
from leyden.cli import main
main()
"""


class TestStopping:
    def start(self, out: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-c", SLOW, "evaluate", "recipe.toml", "-o", out]
        running = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
        for _ in range(600):
            if list(Path(out).glob("folds/*.parquet")):
                return running
            time.sleep(0.05)
        running.kill()
        raise AssertionError("no fold was finished")

    def test_ctrl_c_says_how_to_go_on(self) -> None:
        running = self.start("a")
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
        assert running.returncode == 130
        assert "stopped: finished folds are kept in a; the same command goes on" in told
        assert "Traceback" not in told
        assert not Path("a/rows.parquet").exists()

    def test_a_killed_run_goes_on_to_the_same_end(self) -> None:
        running = self.start("a")
        os.kill(running.pid, signal.SIGKILL)
        running.communicate(timeout=60)
        assert leyden_("evaluate", "recipe.toml", "-o", "a").exit_code == 0
        assert leyden_("evaluate", "recipe.toml", "-o", "b").exit_code == 0
        assert Path("a/rows.parquet").read_bytes() == Path("b/rows.parquet").read_bytes()
