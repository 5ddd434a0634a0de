"""The study `voltages`, whole, in its short version: claims, page, and what teaches what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leyden import studies
from leyden.data.formulas import parse_formula
from leyden.source_networks import clean_source
from leyden.studies import electrode_comparisons, electrode_sources
from leyden.studies.electrode_arms import AVERAGES, CLASSICAL, NETWORKS, STACKS, Effort, arms
from leyden.studies.electrode_sources import at_most, load_electrodes, sources_of

NEEDED = ("mp-electrodes", "flla-2015", "elastic-tensor-2015")
IONS = ("Li", "Na", "K", "Mg", "Ca", "Zn", "Al", "Y")
CLAIMS = {
    *(f"{ion}_mae_{split}" for ion in IONS for split in ("random", "grouped")),
    *(f"{ion}_ratio_to_classical_grouped" for ion in IONS),
    *(f"{ion}_ratio_to_published_recipe_grouped" for ion in IONS[1:]),
    "coverage_90_grouped",
    "label_error_median_all_rows",
    "speed_train_ratio",
    "speed_predict_ratio",
    "speed_end_to_end_ratio",
    "predict_one_seconds",
    "predict_folder_per_second",
    "local_voltage_sum_error",
}


@pytest.fixture(scope="module")
def home(data_home: Callable[[str], Path]) -> None:
    for name in NEEDED:
        data_home(name)


@pytest.fixture(scope="module")
def out(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "voltages"
    studies.run("voltages", folder, quick=True, progress=False, jobs=1)
    return folder


@pytest.fixture(scope="module")
def results(out: Path) -> dict[str, Any]:
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def test_every_claim_is_made_once(results: dict[str, Any]) -> None:
    names = [claim["id"] for claim in results["claims"]]
    assert len(names) == len(set(names))
    assert set(names) == CLAIMS
    found = {claim["id"]: claim for claim in results["claims"]}
    assert found["Li_mae_random"]["published"] == 0.32
    assert found["Zn_mae_random"]["published"] == 0.47
    assert found["label_error_median_all_rows"]["measured"] < 1e-9
    assert found["local_voltage_sum_error"]["holds"]
    assert 0.7 < found["coverage_90_grouped"]["measured"] <= 1
    for claim in results["claims"]:
        assert claim["protocol"]
        assert not claim["same_protocol"]
        if claim["id"].startswith(("speed", "predict")):
            assert claim["measured"] is None


def test_the_page_is_whole_and_the_table_has_every_electrode(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    for heading in (
        "Where does it err?",
        "Can the labels be trusted?",
        "What it knows of elements",
    ):
        assert heading in page
    table = pd.read_csv(out / "voltages.csv")
    assert len(table) == Effort.quick().rows
    assert table["average with transfer V"].notna().mean() > 0.8


def test_every_average_is_made_of_arms(home: None) -> None:
    effort = Effort.quick()
    electrodes = at_most(load_electrodes(), effort.rows)
    made = set(arms(effort, sources_of(electrodes, effort.rows)))
    for parts in [*AVERAGES.values(), *STACKS.values()]:
        assert set(parts) <= made
    assert set(CLASSICAL) <= made | set(AVERAGES)
    assert set(NETWORKS) < made


def test_a_framework_of_the_test_fold_teaches_nothing(home: None) -> None:
    """Neither its structures' energies nor, under any name, those of flla."""
    electrodes = load_electrodes()
    sources = sources_of(electrodes)
    test = np.flatnonzero((electrodes.groups["framework"] == "MnO2").to_numpy())
    held_out = electrodes.hold_out(test, "framework")
    left = clean_source(sources.energies, electrodes, held_out, {})
    pairs = electrodes.extra.iloc[test]
    forbidden = {*pairs["charged_id"], *pairs["discharged_id"]}
    assert forbidden & set(sources.energies.ids)
    assert not forbidden & set(left.ids)
    for formula in ("MnO2", "LiMnO2", "LiMn2O4", "ZnMn2O4"):
        assert parse_formula(formula) not in set(left.groups["formula"])
    lithium = clean_source(sources.lithium, electrodes, held_out, {})
    assert "MnO2" not in set(lithium.groups["framework"])
    assert len(lithium) < len(sources.lithium)


def test_a_curve_cannot_learn_a_hidden_voltage_from_its_energies(home: None) -> None:
    """The chain and the frozen embeddings of a curve read energies of strangers alone."""
    sources = sources_of(load_electrodes())
    made = electrode_comparisons._curve_arms(Effort.quick(), sources)
    chain = made["chain: formation energies, Li, ion"].strategy
    frozen = made["frozen embeddings + structure"]
    assert chain.source[0] is frozen.source[0] is sources.strangers
    extra = load_electrodes().extra
    known = {*extra["charged_id"], *extra["discharged_id"]}
    assert not known & set(sources.strangers.ids)
    assert known & set(sources.energies.ids)


def test_random_rows_are_not_shown_the_energies_of_their_pairs(home: None) -> None:
    electrodes = at_most(load_electrodes(), Effort.quick().rows)
    sources = sources_of(electrodes, Effort.quick().rows)
    for name, arm in arms(Effort.quick(), sources).items():
        strategy = getattr(arm, "strategy", arm)
        source = getattr(strategy, "source", None)
        taught = source if isinstance(source, list) else [source]
        assert (sources.energies in taught) == electrode_comparisons._of_energies(name), name


def test_hosts_in_a_formula() -> None:
    assert electrode_sources._hosts_in("LiMn2O4") == {"LiMn2O4", parse_formula("MnO2")}
    assert electrode_sources._hosts_in("Li") == {"Li"}
    found = electrode_sources._hosts_in("NaLiMnO4")
    assert {parse_formula("LiMnO4"), parse_formula("NaMnO4")} <= found


def test_without_the_electrodes_it_says_what_is_missing(
    data_home: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in NEEDED[1:]:
        (home / name).symlink_to(data_home(name))
    monkeypatch.setenv("LEYDEN_DATA", str(home))
    result = studies.run("voltages", tmp_path / "out", quick=True, progress=False)
    assert not result.claims
    assert "mp-electrodes" in result.warnings[0]
    assert "MP_API_KEY" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
