"""The study `lithium-hopping`, whole, in its short version, and what decides its claims."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from leyden import studies
from leyden.physics.intervals import Estimate
from leyden.simulators.fcc_sites import SITE_STATES
from leyden.studies import hopping_transfer
from leyden.studies.hopping_claims import _tells
from leyden.studies.hopping_networks import Found, _lattice, on_noise
from leyden.studies.hopping_report import _verdict
from leyden.studies.hopping_runs import CORE_A, Effort, Langevin, RareEvents, Twin
from leyden.studies.hopping_transfer import GENTLE, differences, needed_ns, saved_ns, summary

MEASURED_APART = {
    "speed_ratio_to_deeptime",
    "speed_ratio_to_deeptime_same_lobe",
    "speed_ratio_to_original_path",
    "conductivity_coverage",
    "environments_streamed",
    "stream_peak_MB",
}
CENSORED = {"transfer_saved_ns_agreement", "transfer_saved_ns_timescale_error"}
CLAIMS = MEASURED_APART | {
    "toy_state_agreement",
    "toy_local_timescale_ratio",
    "toy_local_timescale_spread",
    "toy_langevin_timescale_ps",
    "toy_core_sets_covered",
    "toy_timescale_over_core_sets",
    "toy_octahedral_visit_ps",
    "toy_tetrahedral_visit_ps",
    "toy_theory_timescale_ratio",
    "toy_vampnet_timescale_ratio",
    "toy_ck_error",
    "toy_ck_consistent",
    "toy_global_rebuilt_ratio",
    "noise_vamp2",
    "noise_vamp2_averaged",
    "rare_timescale_ratio",
    "rare_interval_covers",
    "transfer_saved_ns_agreement",
    "transfer_saved_ns_timescale_error",
    "transfer_vamp2_gain",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lithium-hopping")
    studies.run("lithium-hopping", folder, quick=True, progress=False)
    return folder


def test_a_quick_run_has_every_claim_and_a_page(out: Path) -> None:
    claims = {c["id"]: c for c in json.loads((out / "results.json").read_text())["claims"]}
    assert set(claims) == CLAIMS
    unknown = {name for name, claim in claims.items() if claim["measured"] is None}
    assert unknown - CENSORED == MEASURED_APART  # one seed of 0.5 ns may not be enough
    assert claims["toy_vampnet_timescale_ratio"]["published"] == pytest.approx(236 / 42.3)
    page = (out / "report.html").read_text()
    assert "A quick run" in page
    assert page.count("<figure") > 8
    for name, value in GENTLE.items():
        assert f"{name} {value:g}" in claims["transfer_vamp2_gain"]["protocol"]


def test_even_a_quick_network_tells_the_two_kinds_of_site(out: Path) -> None:
    claims = {c["id"]: c for c in json.loads((out / "results.json").read_text())["claims"]}
    assert claims["toy_state_agreement"]["measured"] > 0.9
    low, high = claims["toy_timescale_over_core_sets"]["interval"]
    assert low < 1 < high
    low, high = claims["toy_local_timescale_ratio"]["interval"]
    assert low < 1 < high


def test_a_second_run_trains_nothing_anew(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = json.loads((out / "results.json").read_text())["claims"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a kept network was trained again")

    monkeypatch.setattr("leyden.studies.hopping_networks.GraphDynamics.fit", refuse)
    monkeypatch.setattr("leyden.studies.hopping_networks.CoordinateDynamics.fit", refuse)
    studies.run("lithium-hopping", out, quick=True, progress=False)
    assert json.loads((out / "results.json").read_text())["claims"] == first


def test_halves_of_the_run_share_no_frame(tmp_path: Path) -> None:
    run = Langevin(Effort(langevin_ns=0.2), tmp_path)
    assert len(run.teaching) == len(run.tested) == 100
    whole = np.asarray(run.run().positions)
    np.testing.assert_array_equal(whole[:100], run.teaching.positions)
    np.testing.assert_array_equal(whole[100:], run.tested.positions)
    assert set(np.unique(run.states[run.sites >= 0])) <= set(SITE_STATES)
    assert np.sqrt(3) / 4 * run.model.lattice_A > 2 * CORE_A  # cores of neighbours are apart


def test_runs_of_the_twin_that_are_tested_on_are_others() -> None:
    twin = Twin(Effort(twin_ns=0.1, tests=2))
    runs = [twin.teaching(), *twin.tests()]
    assert len({run.sites.tobytes() for run in runs}) == 3


def test_rare_events_last_twenty_times_as_long_as_a_run() -> None:
    rare = RareEvents(Effort())
    assert rare.model.local_timescale_ps == pytest.approx(20 * 1000 * rare.duration_ns)
    few = RareEvents(Effort(rare=3))
    runs = [run.trajectory.positions.tobytes() for run in (*few.teaching(), *few.tests())]
    assert len(set(runs)) == 6


def test_the_very_sites_agree_with_themselves() -> None:
    run = Twin(Effort(twin_ns=2.0)).teaching()
    found = Found.of([np.eye(2)[run.states]], [1 - run.states])
    assert found.agreement == 1
    assert np.isnan(found.score)
    assert found.timescale_ps[1] < found.timescale_ps[0] < found.timescale_ps[2]


def test_noise_scores_as_nothing() -> None:
    scores = on_noise(Effort.quick())
    assert max(abs(pooled - 1) for pooled, _ in scores.values()) < 0.02
    assert scores[min(scores)][1] > 1.1  # what averaging over batches would say


def curve() -> pd.DataFrame:
    """Three lengths, two seeds; "fine-tuned" is sound from 2 ns on, seed 1 of it from 5."""
    agreement = {
        "from scratch": ([0.7, 0.99, 0.8, 0.98], [0.7, 0.8, 0.9, 0.9]),
        "source as is": ([0.98] * 4, [0.99] * 4),
        "fine-tuned": ([0.7, 0.99, 0.98, 0.98], [0.7, 0.8, 0.98, 0.99]),
    }
    rows = [
        {
            "ns": ns,
            "arm": arm,
            "seed": seed,
            "vamp2": 1 + value / 2,
            "agreement": value,
            "timescale_error": 1 - value,
            "error": "",
        }
        for arm, seeds in agreement.items()
        for seed, values in enumerate(seeds)
        for ns, value in zip((1.0, 2.0, 5.0, 10.0), values, strict=True)
    ]
    return pd.DataFrame(rows)


def test_what_is_needed_is_kept_from_there_on() -> None:
    needs = needed_ns(curve(), "agreement")
    assert needs["fine-tuned"].tolist() == [2.0, 5.0]
    assert needs["source as is"].tolist() == [0.0, 0.0]
    assert needs["from scratch"][0] == 10.0
    assert np.isnan(needs["from scratch"][1])
    errors = needed_ns(curve(), "timescale_error")  # within 10 %, not 3 %
    assert errors["from scratch"].tolist() == [10.0, 5.0]


def test_time_is_saved_seed_by_seed() -> None:
    lines = saved_ns(curve(), "agreement").set_index("arm")
    tuned = lines.loc["fine-tuned"]
    assert tuned["needs"] == 3.5
    assert tuned["saves"] == pytest.approx((8.0 + 5.0) / 2)  # the second is 5 at least
    half = 12.706 * 3.0 / 2  # Student's t of one degree of freedom, by two values 3 apart
    assert tuned["high"] - tuned["saves"] == pytest.approx(half, rel=1e-3)
    assert lines.loc["from scratch", "never"] == 1
    assert lines.loc["from scratch", "saves"] == 0


def test_what_is_saved_is_not_told_where_the_longest_run_was_too_short_for_the_arm() -> None:
    table = curve()
    tuned = (table["arm"] == "fine-tuned") & (table["seed"] == 1)
    table.loc[tuned, "agreement"] = 0.7
    line = saved_ns(table, "agreement").set_index("arm").loc["fine-tuned"]
    assert line["never"] == 1
    assert line["needs"] == 6.0  # at least
    assert np.isnan(line[["saves", "low", "high"]].to_numpy(float)).all()


def test_kept_scores_are_of_the_code_that_scored_and_not_of_the_criteria(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    effort = Effort.quick()
    key = hopping_transfer._key(effort, 0, 0.5, "from scratch")
    monkeypatch.setitem(hopping_transfer.CRITERIA, "agreement", (">=", 0.9, "less"))
    assert hopping_transfer._key(effort, 0, 0.5, "from scratch") == key
    monkeypatch.setattr(hopping_transfer, "_scored", lambda *_: {"vamp2": 1.0})
    assert hopping_transfer._key(effort, 0, 0.5, "from scratch") != key


def test_a_local_model_without_a_generator_ends_no_study() -> None:
    rng = np.random.default_rng(0)
    sites = Twin(Effort(twin_ns=3.0)).teaching().sites.astype(int)
    back = (np.arange(len(sites)) // 10 % 2)[:, None]  # the other state after a lag of 10 ps
    noisy = np.where(rng.random(sites.shape) < 0.05, 1 - back, back)
    run = SimpleNamespace(sites=sites, states=SITE_STATES[sites])
    found = _lattice(np.eye(2)[noisy], cast("Langevin", run))
    assert np.isnan(found.rebuilt_ps.value)
    assert np.isfinite(found.direct_ps.value)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        (Estimate(0.7, 0.6, 0.9), "less, by more than chance"),
        (Estimate(1.3, 1.1, 1.5), "more, by more than chance"),
        (Estimate(0.9, 0.7, 1.2), "by chance alone"),
        (Estimate(0.9, np.nan, np.nan), "too short to say"),
        (Estimate(0.9, 0.2, np.inf), "too short to say"),
    ],
)
def test_the_verdict_on_the_vampnet_is_that_of_the_interval(over: Estimate, words: str) -> None:
    assert words in _verdict(over)


def test_an_interval_without_an_end_covers_nothing() -> None:
    assert _tells(Estimate(1.0, 0.6, 1.5), 1.2)
    assert not _tells(Estimate(1.0, 0.6, 1.5), 1.6)
    assert not _tells(Estimate(1.0, 0.1, np.inf), 1.2)
    assert not _tells(Estimate(1.0, 0.1, 10.0), 1.2)
    assert not _tells(Estimate(1.0, np.nan, np.nan), 1.0)


def test_differences_are_of_pairs() -> None:
    table = curve()
    scratch = table[table["arm"] == "from scratch"]
    shifted = scratch.assign(arm="fine-tuned", vamp2=scratch["vamp2"] + 0.1)
    both = pd.concat([scratch, shifted.sample(frac=1.0, random_state=0)])
    for _, line in differences(both).iterrows():
        assert line["vamp2"] == pytest.approx(0.1)
        assert line["vamp2 high"] - line["vamp2 low"] == pytest.approx(0.0, abs=1e-9)
        assert line["agreement"] == 0


def test_the_summary_counts_collapses() -> None:
    table = curve()
    worst = (table["arm"] == "from scratch") & (table["ns"] == 1) & (table["seed"] == 0)
    table.loc[worst, ["error", "timescale_error"]] = ["none", np.nan]
    lines = summary(table).set_index(["arm", "ns"])
    assert lines.loc[("from scratch", 1.0), "collapsed"] == 1
    assert lines["collapsed"].sum() == 1
    assert lines.loc[("from scratch", 1.0), "agreement"] == pytest.approx(0.7)
    assert lines.loc[("from scratch", 1.0), "timescale_error"] == pytest.approx(0.3)
