"""What a job file can have wrong: one line each, that names the file, the value and the remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leyden.cli import app
from leyden.errors import InputError
from leyden.screening import CompositionJob, CompositionSpace, Neutral, criterion, not_radioactive
from leyden.screening.tables import made

SCORE = {
    "intercept": 2.0,
    "elements": ["Li", "O", "P", "S", "Cl"],
    "properties": [[0.98], [3.44], [2.19], [2.58], [3.16]],
    "mean_weights": [-1.0],
}
CRITERIA = '["score", "neutral", { kind = "cost", maximum = 60.0 }]'
JOB = f"""
keep = 40
score = "score.json"
criteria = {CRITERIA}
[space]
elements = ["O", "P", "S", "Cl"]
parts = 12
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "score.json").write_text(json.dumps(SCORE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def screen(text: str, *words: str) -> tuple[int, str]:
    Path("jobs/job.toml").write_text(text)
    command = ["screen", "compositions", "jobs/job.toml", "-o", "out", *words]
    result = CliRunner().invoke(app, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (CRITERIA, "[]", "at least one criterion.*Remedy: criteria = "),
        (CRITERIA, "[3]", "a criterion is a kind, or a table with one .got 3."),
        (CRITERIA, '[["neutral"]]', "a criterion is a kind"),
        (CRITERIA, '{ kind = "cost" }', "criteria are a list"),
        ('kind = "cost", ', "", "a criterion is a kind, or a table with one"),
        ("maximum", "max", "unknown key of criterion 'cost' .got 'max'.*'maximum'"),
        ("60.0", '"low"', "a value of criterion 'cost' has the wrong type"),
        ("keep = 40", "kep = 40", "did you mean 'keep'"),
        ("keep = 40", 'keep = "many"', "keep must be at least 1, and whole .got 'many'"),
        ("keep = 40", "keep = 4.5", "keep must be at least 1, and whole"),
        ("keep = 40", "keep = true", "keep must be at least 1, and whole"),
        ("keep = 40", "keep = 40_000_000_000", "at most 10,000,000 candidates are kept"),
        ("keep = 40", "keep_per_system = 0", "keep_per_system must be at least 1"),
        ("keep = 40", "threads = 0", "threads must be at least 1"),
        ('"O", "P"', '"O", "Xx"', "unknown element .got 'Xx'"),
        ('"O", "P", "S", "Cl"', "8, 15, 16", "a value of .space. has the wrong type"),
        ("parts = 12", 'parts = "12"', "a value of .space. has the wrong type"),
        ("parts = 12", "parts = 12.5", "a value of .space. has the wrong type"),
        ("parts = 12", "others = 2", "a value of .space. has the wrong type"),
        ("parts = 12", "part = 12", "unknown key of .space. .*'parts'"),
        ("parts = 12", 'anchor = "Na"', "no candidate can pass: the score excludes Na"),
        ('"neutral"', '{ kind = "neutral", states = { Li = [] } }', "neutral excludes Li"),
        ('"neutral"', '{ kind = "neutral", states = { O = "-2" } }', "wrong type"),
        ('"neutral"', '{ kind = "neutral", states = { O = -2 } }', "wrong type"),
        ('"neutral"', '{ kind = "neutral", states = { O = [-0.5] } }', "whole numbers"),
        ('"neutral"', '{ kind = "neutral", source = "icds" }', "did you mean 'icsd'"),
        (
            '"neutral"',
            '{ kind = "elements", name = "a", forbidden = "Tc" }',
            "elements are a list .got 'Tc'.*write .'Tc'.",
        ),
        ('"neutral"', '{ kind = "in-domain" }', "a list of formulas or a file"),
        ('"neutral"', '{ kind = "in-domain", formulas = "Li2O" }', "a list of formulas"),
        ('"score.json"', "true", "a score is a table"),
        ('"score.json"', '"model.leyden"', r"jobs/model\.leyden: there is no such file"),
    ],
)
def test_in_the_job(old: str, new: str, told: str) -> None:
    text = JOB.replace(old, new)
    assert text != JOB
    code, shown = screen(text)
    assert code == 2
    assert shown.startswith("error: jobs/")
    assert re.search(told, shown), shown
    assert shown.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[1, 2]", "a score is a table"),
        ('"text"', "a score is a table"),
        ("not JSON", "a score cannot be read"),
        (json.dumps({**SCORE, "intercept": None}), "a value of a score has the wrong type"),
        (json.dumps({**SCORE, "mean_weights": "x"}), "a value of a score has the wrong type"),
        (json.dumps({**SCORE, "properties": [[1], [2, 3]]}), "a value of a score has the wrong"),
        (json.dumps({**SCORE, "mean_weights": [1, 2]}), "a row an element, and a column a weight"),
    ],
)
def test_in_the_score(content: str, told: str) -> None:
    Path("jobs/score.json").write_text(content)
    code, shown = screen(JOB)
    assert code == 2
    assert shown.startswith("error: jobs/score.json: ")
    assert told in shown
    assert shown.count("\n") == 1


def test_more_is_kept_than_there_is() -> None:
    code, shown = screen(JOB.replace("keep = 40", "keep = 4_000_000"))
    assert code == 0
    assert shown.startswith("4000000 are to be kept of 990 candidates: all that pass are.")


def test_missing_states_are_told_and_counted() -> None:
    states = '{ kind = "neutral", states = { O = [], P = [] } }'
    code, shown = screen(JOB.replace('"neutral"', states))
    assert code == 0
    assert "Candidates with O, P have no oxidation state and are never neutral." in shown


def test_radioactive_elements_are_told_however_heavy() -> None:
    text = JOB.replace('"O", "P"', '"O", "Po", "Am", "Og"')
    assert "No criterion excludes the radioactive Po, Am, Og." in screen(text)[1]
    assert {"Tc", "Po", "Np", "Am", "Og"} <= set(not_radioactive().forbidden)
    assert "Bi" not in not_radioactive().forbidden
    space = CompositionSpace(elements=("O", "P", "Am"), parts=6)
    counts = CompositionJob([not_radioactive()], space=space).run_all().counts
    assert counts["after not radioactive"] == 10  # Li, O and P alone


def test_a_folder_of_something_else() -> None:
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("")
    code, shown = screen(JOB)
    assert code == 2
    assert "the folder is not empty, and no manifest.json says whose it is" in shown
    assert not Path("out/screening.toml").exists()


def test_the_folder_of_another_job() -> None:
    assert screen(JOB)[0] == 0
    before = Path("out/screening.toml").read_bytes()
    code, shown = screen(JOB.replace("parts = 12", "parts = 10"))
    assert code == 2
    assert "space.parts is 12 there and 10 here" in shown
    assert "choose another folder, or delete this one" in shown
    assert Path("out/screening.toml").read_bytes() == before


def test_a_rule_that_is_broken_is_told_as_it_is() -> None:
    def refuses(value: int) -> None:
        raise InputError("the value is too small", value=value)

    with pytest.raises(InputError, match="too small"):
        made(refuses, {"value": 1}, "a table")
    with pytest.raises(InputError, match="a value of a table has the wrong type"):
        made(int, {"base": "x"}, "a table")
    assert criterion("neutral") == Neutral()
