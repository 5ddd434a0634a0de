"""The frame of the studies: claims, `results.json`, the list of studies, and their options."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden import studies
from leyden.errors import InputError
from leyden.report import Report, Source
from leyden.studies import Claim, Option, StudyResult

CLAIM_KEYS = [
    "id",
    "quantity",
    "unit",
    "published",
    "measured",
    "interval",
    "protocol",
    "same_protocol",
    "holds",
]


def claim(**changes: Any) -> Claim:
    return Claim(**{"id": "a", "quantity": "error", "protocol": "ten splits", **changes})


def result(*claims: Claim) -> StudyResult:
    return StudyResult(
        "toy",
        Report("Toy", "It works.").section("One").text("words"),
        claims,
        (Source("flla-2015", 3938, "ab" * 32, licence="BSD"),),
        ("a warning",),
        seconds=1.5,
        command="leyden study run toy -o out",
    )


# Claims


@pytest.mark.parametrize(
    ("bound", "measured", "holds"),
    [
        (("<=", 0.1268), 0.1268, True),
        (("<=", 0.1268), 0.1269, False),
        (("<", 1.0), 1.0, False),
        ((">=", 40), 40.0, True),
        ((">", 0), 0.0, False),
        (("<=", 1.0), None, None),
        (("<=", 1.0), math.nan, None),
        (None, 1.0, None),
    ],
)
def test_holds_follows_from_the_bound(
    bound: tuple[str, float] | None, measured: float | None, holds: bool | None
) -> None:
    assert claim(bound=bound, measured=measured).holds is holds


def test_a_claim_needs_a_protocol_a_known_bound_and_a_pair() -> None:
    with pytest.raises(InputError, match="protocol"):
        claim(protocol=" ")
    with pytest.raises(InputError, match="bound"):
        claim(bound=("==", 1.0))
    with pytest.raises(InputError, match="pair"):
        claim(measured=1.0, interval=(1.0, 2.0, 3.0))


def test_a_value_that_is_not_finite_counts_as_not_measured_and_says_so() -> None:
    lost = claim(measured=math.inf, interval=(0.0, 1.0))
    assert lost.measured is None
    assert lost.interval is None
    assert lost.protocol == "ten splits (the measured value was inf)"


numbers = st.none() | st.floats() | st.floats(width=32).map(np.float32)


@given(numbers, numbers, st.none() | st.tuples(st.floats(), st.floats()))
def test_claims_are_json_without_nan(
    published: float | None, measured: float | None, interval: tuple[float, float] | None
) -> None:
    made = claim(published=published, measured=measured, interval=interval, bound=("<=", 1.0))
    there_and_back = json.loads(json.dumps(made.to_json(), allow_nan=False))
    assert list(there_and_back) == CLAIM_KEYS
    assert (there_and_back["holds"] is None) == (there_and_back["measured"] is None)


# results.json


def test_results_have_the_schema_of_the_design(tmp_path: Path) -> None:
    result(
        claim(measured=np.float32(0.5), interval=(np.float64(0.4), 0.6), published=0.7),
        claim(id="b", protocol="cannot be had"),
    ).write(tmp_path)
    read = json.loads((tmp_path / "results.json").read_text())
    assert list(read) == [
        "study",
        "version",
        "seconds",
        "cpu_seconds",
        "data",
        "claims",
        "warnings",
    ]
    assert read["data"] == [{"name": "flla-2015", "rows": 3938, "sha256": "ab" * 32}]
    assert [list(each) for each in read["claims"]] == [CLAIM_KEYS] * 2
    assert read["claims"][0]["interval"] == [0.4, 0.6]
    assert (read["claims"][1]["measured"], read["claims"][1]["holds"]) == (None, None)
    assert (read["study"], read["seconds"], read["warnings"]) == ("toy", 1.5, ["a warning"])
    assert read["version"]
    page = (tmp_path / "report.html").read_text()
    for words in ("It works.", "cannot be had", "a warning", "flla-2015", "leyden study run toy"):
        assert words in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "results.json"]


def test_claim_ids_are_unique(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unique.*'a'"):
        result(claim(), claim()).write(tmp_path)
    assert not list(tmp_path.iterdir())


# Running


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A study that remembers with what it was called."""
    module = types.ModuleType("leyden.studies.toy")
    module.OPTIONS = (Option("members", int, 100, "networks in the ensemble"),)  # type: ignore
    module.calls = []  # type: ignore

    def run(out: Path, **settings: Any) -> StudyResult:
        module.calls.append(settings)  # type: ignore
        return result(claim(measured=1.0))

    module.run = run  # type: ignore
    monkeypatch.setitem(sys.modules, "leyden.studies.toy", module)
    monkeypatch.setattr(studies, "studies", lambda: {"toy": "A toy"})
    return module


def test_run_fills_defaults_converts_and_names_its_command(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "a run"
    done = studies.run("toy", out, quick=True, progress=False, members="10")
    studies.run("toy", out)
    assert toy.calls == [
        {"quick": True, "progress": False, "members": 10},
        {"quick": False, "progress": True, "members": 100},
    ]
    assert done.command == f"leyden study run toy --members 10 --quick -o '{out}'"
    assert 0 < done.seconds < 60
    assert 0 <= done.cpu_seconds < 120
    assert (out / "results.json").exists()
    assert studies.options("toy")[0].default == 100


def test_wrong_names_and_values_are_told_before_the_work(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'toy'"):
        studies.run("toi", tmp_path)
    with pytest.raises(InputError, match="did you mean 'members'"):
        studies.run("toy", tmp_path, member=3)
    with pytest.raises(InputError, match=r"takes a value of kind int.*'many'"):
        studies.run("toy", tmp_path, members="many")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        studies.run("toy", tmp_path / "file")
    assert not toy.calls


def test_listing_studies_imports_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.py").write_text("NAME = 'one'\nTITLE = 'First'\nraise RuntimeError\n")
    (tmp_path / "helper.py").write_text("raise RuntimeError\n")
    monkeypatch.setattr(studies, "__path__", [str(tmp_path)])
    assert studies.studies() == {"one": "First"}


def test_the_frame_imports_neither_torch_nor_matplotlib() -> None:
    code = "import sys, leyden.studies; print(*{'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_claim_may_ask_for_its_whole_interval() -> None:
    told = {"measured": 0.9, "interval": (0.8, 1.1), "bound": ("<=", 1.0)}
    assert claim(**told).holds
    assert claim(**told, whole_interval=True).holds is False
    assert claim(**{**told, "interval": (0.8, 0.99)}, whole_interval=True).holds
    assert claim(**{**told, "interval": None}, whole_interval=True).holds is None


def test_processor_time_counts_processes_that_ended() -> None:
    before = studies._cpu_seconds()
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert studies._cpu_seconds() - before > 0.25
