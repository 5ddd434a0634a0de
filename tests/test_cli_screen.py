"""`leyden screen`, end to end: compositions of a small space, and a few ion pairs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from typer.testing import CliRunner

from leyden.cli import app
from leyden.data.ions import IonPair
from leyden.ion_domain import IonDomain
from leyden.models.vectors import VectorRegressor
from leyden.predictor import Predictor
from leyden.representations import Fingerprint
from leyden.representations.ion_pair import IonPairVectors
from leyden.screening.compositions import job_from_dict
from leyden.screening.engine import Screening

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "screening.md"
SCORE = {
    "intercept": 2.0,
    "elements": ["Li", "O", "P", "S", "Cl"],
    "properties": [[0.98], [3.44], [2.19], [2.58], [3.16]],
    "mean_weights": [-1.0],
}
JOB = """
keep = 40
score = "score.json"
criteria = ["score", "neutral", { kind = "cost", maximum = 60.0 }]
[space]
elements = ["O", "P", "S", "Cl"]
parts = 24
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "score.json").write_text(json.dumps(SCORE))
    (jobs / "job.toml").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def screen(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["screen", "compositions", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_results() -> None:
    shown = screen("jobs/job.toml", "-o", "out")
    expected = job_from_dict({**tomllib.loads(JOB), "score": SCORE}).run_all()
    assert len(expected.rows) == 40
    pd.testing.assert_frame_equal(pd.read_parquet("out/rows.parquet"), expected.rows)
    assert Screening.load("out").counts == expected.counts
    for name, count in expected.counts.items():
        assert re.search(rf"^{re.escape(name)}\t{count:,}\t\d+\.\d+%$", shown, re.MULTILINE)
    ten = expected.rows["formula"].head(11).tolist()
    assert all(f"\n{formula}\t" in shown for formula in ten[:10])
    assert f"\n{ten[10]}\t" not in shown
    assert shown.rstrip().splitlines()[-1] == "out/rows.parquet"


def test_the_expanded_job_is_the_same_job() -> None:
    screen("jobs/job.toml", "-o", "out")
    before = Path("out/manifest.json").read_bytes()
    screen("out/screening.toml", "-o", "out")
    assert Path("out/manifest.json").read_bytes() == before


def test_keep_and_another_job() -> None:
    screen("jobs/job.toml", "-o", "out")
    assert "keep is 40 there and 7 here" in screen("jobs/job.toml", "-o", "out", "-k", "7", code=2)
    screen("jobs/job.toml", "-o", "fewer", "--keep", "7", "--no-progress")
    rows, fewer = pd.read_parquet("out/rows.parquet"), pd.read_parquet("fewer/rows.parquet")
    pd.testing.assert_frame_equal(fewer, rows.head(7))
    Path("jobs/job.toml").write_text(JOB.replace("60.0", "50.0"))
    assert "criteria[2].maximum is 60.0 there and 50.0 here" in screen(
        "jobs/job.toml", "-o", "out", code=2
    )


def test_killed_and_gone_on_with_another_number_of_workers() -> None:
    screen("jobs/job.toml", "-o", "whole")
    words = ["jobs/job.toml", "-o", "killed"]
    command = [sys.executable, "-m", "leyden", "screen", "compositions", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not list(Path("killed").glob("shards/*.parquet")) and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    screen(*words, "--workers", "1")
    for name in ("rows.parquet", "manifest.json", "screening.toml"):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"score.json"', '"absent.json"', "absent.json"),
        ("keep = 40", "kep = 40", "keep"),
        ("criteria = [", "criteria = 3 #", "job.toml"),
        ("keep = 40", "keep = ", "not TOML"),
        ('"O", "P"', '"O", "Xx"', "Xx"),
        ("keep = 40", "keep = 0", "at least 1"),
    ],
)
def test_mistakes(old: str, new: str, told: str) -> None:
    Path("jobs/job.toml").write_text(JOB.replace(old, new))
    shown = screen("jobs/job.toml", "-o", "out", code=2)
    assert shown.startswith("error: jobs/")
    assert told in shown
    assert not Path("out").exists()


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leyden.screening.engine.run", stopped)
    shown = screen("jobs/job.toml", "-o", "out", code=130)
    assert "stopped: finished shards are kept in out; the same command goes on" in shown


def test_requests() -> None:
    both = screen("jobs/job.toml", "-o", "out", "-w", "2", "--scheduler", "tcp://a:1", code=2)
    assert "--workers or --scheduler" in both
    assert "cannot be read" in screen("none.toml", "-o", "out", code=2)


def test_the_job_in_the_documentation() -> None:
    block, *_ = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    job = job_from_dict({**tomllib.loads(block), "score": SCORE})
    assert [criterion.name for criterion in job.criteria][:3] == [
        "not radioactive",
        "score",
        "neutral",
    ]
    assert job.space.total == 120 * 156_849 + 45 * 4851


PAIRS = """
ions = ["ions.csv"]
models = ["viscosity.leyden", { file = "melting.leyden" }]
criteria = ["viscosity_mPa_s < 60", { at_most = "ions seen" }]
objectives = ["min viscosity_mPa_s", "min melting_point_K"]
pairs_a_shard = 6
"""


@pytest.fixture
def pairs(folder: Path) -> Path:
    """A job of ion pairs, its ions and models."""
    cations = [f"{'C' * n}[N+](C)(C)C" for n in range(1, 7)]
    anions = [f"{'C' * n}S(=O)(=O)[O-]" for n in range(1, 7)]
    smiles = [*cations, *anions, "[Mg+2]", "not a SMILES"]
    pd.DataFrame({"smiles": smiles}).to_csv(folder / "jobs" / "ions.csv", index=False)
    representation = IonPairVectors(Fingerprint("morgan", counts=True, size=16))
    items = [IonPair(c, a) for c in cations[:5] for a in anions]
    X, rng = representation.transform(items), np.random.default_rng(0)
    for name, target, mean in (
        ("viscosity", "log10_viscosity_Pa_s", -1.2),
        ("melting", "melting_point_K", 300.0),
    ):
        model = VectorRegressor(representation, Ridge()).fit(X, mean + 0.1 * rng.normal(size=30))
        told = Predictor(representation, model, (target,), in_domain=IonDomain.of(items[::2]))
        told.save(folder / "jobs" / f"{name}.leyden")
    (folder / "jobs" / "pairs.toml").write_text(PAIRS)
    return folder


def screen_pairs(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["screen", "ion-pairs", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_ion_pairs(pairs: Path) -> None:
    shown = screen_pairs("jobs/pairs.toml", "-o", "out")
    result = Screening.load("out")
    assert list(result.counts) == [
        "pairs",
        "predicted",
        "viscosity_mPa_s < 60",
        "at most ions seen",
    ]
    counts = list(result.counts.values())
    assert counts[0] == 36
    assert 0 < counts[3] < counts[2] < 36
    kept = pd.concat(map(pd.read_parquet, Path("out/shards").glob("*.parquet")))
    assert len(kept) == counts[3]
    assert kept["viscosity_mPa_s"].max() < 60
    assert kept["viscosity_mPa_s"].min() == result.rows["viscosity_mPa_s"].iloc[0]
    for name, count in result.counts.items():
        assert f"{name}\t{count:,}\t" in shown
    assert "2 of 14 ions are not screened" in shown
    assert shown.rstrip().splitlines()[-1] == "out/rows.parquet"
    told = pd.read_csv("out/ions.csv", keep_default_na=False).set_index("smiles")["error"]
    assert "charge +2" in told["[Mg+2]"]
    assert told["not a SMILES"] != ""
    assert (told != "").sum() == 2
    before = Path("out/manifest.json").read_bytes()
    screen_pairs("out/screening.toml", "-o", "out")  # the expanded job is the same job
    assert Path("out/manifest.json").read_bytes() == before


def test_ion_pairs_killed_and_gone_on(pairs: Path) -> None:
    screen_pairs("jobs/pairs.toml", "-o", "whole")
    command = [sys.executable, "-m", "leyden", "screen", "ion-pairs", "jobs/pairs.toml"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen([*command, "-o", "killed"], env=environment) as process:
        until = time.monotonic() + 120
        while not list(Path("killed").glob("shards/*.parquet")) and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    screen_pairs("jobs/pairs.toml", "-o", "killed")
    for name in ("rows.parquet", "manifest.json", "ions.csv"):
        assert Path("killed", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"ions.csv"', '"absent.csv"', "jobs/absent.csv"),
        ("viscosity_mPa_s < 60", "viscosty_mPa_s < 60", "did you mean"),
        ("viscosity_mPa_s < 60", "viscosity_S_per_m < 60", "viscosity_mPa_s"),
        ("pairs_a_shard = 6", "temperature_K = 25.0", "Celsius"),
        ('"viscosity.leyden"', '"ions.csv"', "ions.csv"),
        ("objectives", "objektives", "did you mean 'objectives'"),
    ],
)
def test_mistakes_with_ion_pairs(pairs: Path, old: str, new: str, told: str) -> None:
    job = pairs / "jobs" / "pairs.toml"
    job.write_text(PAIRS.replace(old, new, 1))
    assert told in screen_pairs("jobs/pairs.toml", "-o", "out", code=2)
    assert not Path("out").exists()
