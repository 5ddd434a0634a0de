"""The study `dendrites`, whole, in its short version: every claim, the page, the way back in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leyden import studies
from leyden.studies.dendrites import FETCHED

CLAIMS = {
    *(
        f"log10_{symbol}_{what}"
        for symbol in "GK"
        for what in (
            "rmse_random",
            "rmse_random_all_rows",
            "ratio_to_best_classical",
            "rmse_grouped",
        )
    ),
    *(f"transfer_gain_{size}" for size in (100, 300, 1000)),
    "lambda_crit_recovered_max_error_nm",
    "speed_graph_ratio",
    "speed_train_ratio",
    "speed_predict_ratio",
    "predict_100k_peak_MB",
    "coverage_90",
}
LONGER = ("transfer_gain", "speed", "predict_100k")
"""What only the full study measures."""


def run(out: Path) -> dict[str, Any]:
    studies.run("dendrites", out, quick=True, progress=False, jobs=1)
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def home(
    data_home: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A fresh machine: what the package index brings, and nothing else."""
    folder = tmp_path_factory.mktemp("home")
    for name in FETCHED:
        (folder / name).symlink_to(data_home(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEYDEN_DATA", str(folder))
        yield folder


@pytest.fixture(scope="module")
def out(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "dendrites"
    run(folder)
    return folder


@pytest.fixture(scope="module")
def results(out: Path) -> dict[str, Any]:
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def test_every_claim_of_the_study_is_made_once(results: dict[str, Any]) -> None:
    names = [claim["id"] for claim in results["claims"]]
    assert len(names) == len(set(names))
    assert set(names) == CLAIMS
    for claim in results["claims"]:
        assert claim["protocol"]
        assert claim["quantity"]
        if claim["id"].startswith(LONGER):
            assert claim["measured"] is None
            assert claim["holds"] is None
            assert "not measured" in claim["protocol"]
        else:
            assert claim["measured"] > 0
            low, high = claim["interval"] or (claim["measured"],) * 2
            assert low <= claim["measured"] <= high
    found = {claim["id"]: claim for claim in results["claims"]}
    assert found["lambda_crit_recovered_max_error_nm"]["holds"]
    assert found["log10_G_rmse_random"]["published"] == 0.1268
    assert found["log10_K_rmse_random"]["published"] == 0.1013
    assert not found["log10_G_rmse_random"]["same_protocol"]
    assert found["coverage_90"]["measured"] <= 1


def test_what_is_absent_is_said(results: dict[str, Any]) -> None:
    for name in ("mp-elasticity-binary", "mp-electrodes"):
        assert any(name in warning for warning in results["warnings"])


class Loads(HTMLParser):
    """Whatever a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag in ("img", "svg")
        for name, value in attrs:
            loads = name in ("src", "srcset", "data") or (name == "href" and tag != "a")
            if loads and not (value or "").startswith(("data:", "#")):
                self.found.append(f"<{tag} {name}={value}>")


def test_the_report_stands_alone(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    loads = Loads()
    loads.feed(page)
    assert not loads.found
    assert "@import" not in page
    assert "url(http" not in page
    assert loads.images >= 3
    for claim in CLAIMS:
        assert claim in page


def test_the_ranking_holds_what_the_report_shows(out: Path) -> None:
    table = pd.read_csv(out / "electrolytes.csv")
    assert len(table)
    assert table["id"].is_unique
    assert (table["band_gap_eV"] != 0).all()
    assert (table["molar_volume_ratio"] <= 1).all()
    assert (table["lambda_crit_nm"] > 0).all()
    assert table.loc[table["moduli_known"], "P_s_low"].isna().all()
    assert table.loc[~table["moduli_known"], "P_s_low"].between(0, 1).all()


def test_a_second_run_goes_on_from_the_first(out: Path, results: dict[str, Any]) -> None:
    kept = [*(out / "folds").iterdir(), *(out / "members").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert len(before) > 50
    lost = sorted(path for path in kept if path.suffix == ".parquet")[0]
    lost.unlink()
    again = run(out)
    for path, written in before.items():
        assert path.exists()
        assert (path.stat().st_mtime_ns == written) is (path != lost), path.name
    assert set(before) == {*(out / "folds").iterdir(), *(out / "members").iterdir()}
    assert again["claims"] == results["claims"]
    assert again["data"] == results["data"]
