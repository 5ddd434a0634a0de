"""The study `polymer-exploration`: campaigns that take no time, and rows whose answer is known."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leyden import studies
from leyden.errors import InputError
from leyden.exploration import Campaign, Objective, PolymerSimulation, SearchSpace
from leyden.exploration.evaluators import CONDUCTIVITY, evaluator_from_dict
from leyden.exploration.polymer_reference import polymer_reference
from leyden.exploration.salts import SALTS, salt_beads
from leyden.physics.intervals import student_mean, welch_difference
from leyden.plots import subplots
from leyden.plots.polymer_exploration import length_errors, reached_share, salt_values
from leyden.simulators.polymer_electrolyte import PolymerElectrolyte
from leyden.studies.campaign_kills import Kills, measure
from leyden.studies.exploration_arms import coverage_of, gain_of, progress_of, reference_of
from leyden.studies.exploration_campaigns import SEED, Part, Role, bring, parts, roles
from leyden.studies.exploration_claims import claims
from leyden.studies.exploration_effort import Effort
from leyden.studies.exploration_findings import Findings, find
from leyden.studies.exploration_lengths import lengths_of, summary_of_lengths
from leyden.studies.exploration_replays import told_of_replays
from leyden.studies.exploration_report import build_report
from leyden.studies.exploration_rows import best_row, one_surrogate, slow_row
from leyden.studies.exploration_salts import order_of_salts, simulated_salts

pytest.importorskip("botorch")

CLAIMS = [
    "reference_conductivity_S_per_cm",
    "reference_relative_error",
    "reference_cpu_seconds",
    "bo_gain_over_random",
    "bo_evaluations_to_random_best",
    "heldout_coverage",
    "batch4_evaluation_ratio",
    "lost_evaluations",
    "driver_overhead",
]


class Instant(PolymerSimulation):
    """Best at a radius of 4; a little noise by the seed."""

    def check(self, space: SearchSpace, objectives: Sequence[Objective]) -> None: ...

    def prepare(self) -> None: ...

    def __call__(self, trial: Any) -> Mapping[str, Any]:
        radius = trial.parameters.get("anion_radius", trial.parameters.get("monomer_radius", 4.0))
        value = -3 - (radius - 4) ** 2 + 1e-3 * math.sin(trial.random_state)
        return {CONDUCTIVITY.name: value, f"{CONDUCTIVITY.name}_error": 1e-3, "cpu_seconds": 90.0}


def small(**changes: Any) -> Effort:
    sizes = {"shared": 4, "proposed": 2, "random": 3, "batch": 2, "replicates": 2, "reference": 2}
    sizes |= {"slow": 2, "salt_seeds": 2, "other_shared": 3, "other_proposed": 1}
    settings = {"anion": Instant(), "others": (Instant("backbone", 1.0),)} | sizes
    return replace(Effort(repeats=2, folds=0, kills=0, decode=False), **(settings | changes))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Brought to its goals in three steps, as after two stops."""
    folder = tmp_path_factory.mktemp("home")
    for effort in (small(proposed=0, random=1, others=()), small(others=()), small()):
        bring(folder, effort, workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def found(home: Path) -> dict[str, Part]:
    return parts(home, small())


def test_arms_replicates_and_what_is_held_out(home: Path) -> None:
    tables = {path.stem: pd.read_csv(path) for path in home.glob("*.csv")}
    sizes = {name.removeprefix("anion-2ns-"): len(table) for name, table in tables.items()}
    assert sizes == {
        **{"random": 7, "proposed": 6, "replicates-random": 2, "replicates-proposed": 2},
        **{"along-anion_radius": 12, "reference": 2, "slow": 2, "salts-2ns": 8},
        **{"backbone-1ns-random": 3, "backbone-1ns-proposed": 4},
    }
    assert all(part.complete for part in parts(home, small()).values())
    names = Instant().search_space().names
    arms = [tables[f"anion-2ns-{name}"].sort_values("id") for name in ("random", "proposed")]
    assert arms[0][names].iloc[:4].equals(arms[1][names].iloc[:4])
    assert arms[1]["method"].tolist() == ["random"] * 4 + ["local penalisation"] * 2
    fresh = [table for name, table in tables.items() if name.startswith("anion")]
    seeds = pd.concat(table["random_state"] for table in fresh)
    shared = set(arms[0]["random_state"])
    assert seeds.nunique() == len(seeds) - 6, "rows 1 to 6 of both arms have the same seeds"
    reference = polymer_reference(names)
    cut = tables["anion-2ns-along-anion_radius"].sort_values("id")
    assert cut["anion_radius"].is_monotonic_increasing
    assert cut["anion_radius"].iloc[[0, -1]].tolist() == [1.5, 5.0]
    for name in names[1:]:
        assert cut[name].to_numpy() == pytest.approx(reference[name])
    assert not shared & set(tables["salts-2ns"]["random_state"])


def test_optima_and_the_slow_row_are_simulated_again(found: dict[str, Part]) -> None:
    """As the first step left the arms: the best of the replicates was chosen there."""
    names = Instant().search_space().names
    arms = {name: found[name].observations() for name in ("random", "proposed")}
    for name in ("replicates-random", "replicates-proposed", "slow"):
        again = found[name].observations()[names].drop_duplicates()
        assert len(again) == 1
        arm = arms["proposed" if name.endswith("proposed") else "random"]
        assert (np.abs(arm[names] - again.iloc[0]).max(axis=1) < 1e-9).any()
    values = {name: found[name].observations()[CONDUCTIVITY.name].mean() for name in found}
    assert values["slow"] < values["replicates-random"]


def test_what_was_shared_cost_the_optimisation_nothing(found: dict[str, Part]) -> None:
    proposed = found["proposed"].campaign
    assert proposed is not None
    assert proposed.status().evaluation_cpu_seconds == 180.0


def test_salts_are_simulated_at_their_own_beads(found: dict[str, Part]) -> None:
    campaign = found["salts"].campaign
    assert campaign is not None
    rows = campaign.history().sort_values("id")
    names = campaign.space.names
    expected = pd.concat([salt_beads()] * 2)[names].to_numpy()
    assert rows[names].to_numpy() == pytest.approx(expected)
    assert len(rows) == 2 * len(SALTS)
    assert rows["epsilon_anion_chain"].min() < 0.4, "the published space would have cut it"


def test_nothing_is_evaluated_once_all_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it went on")

    before = {path: path.read_bytes() for path in home.glob("*.campaign")}
    monkeypatch.setattr(Campaign, "run", refuse)
    monkeypatch.setattr(Instant, "check", refuse)
    bring(home, small(), workers=1, progress=False)
    assert {path: path.read_bytes() for path in home.glob("*.campaign")} == before


def test_short_simulations_settle_shortly_and_say_so() -> None:
    tiny = Effort.shortest().anion
    assert evaluator_from_dict(tiny.to_dict()) == tiny
    assert tiny.task.endswith("compression_ns=0.01, relaxation_ns=0.01")
    assert PolymerSimulation().task == "2 ns"


def test_another_simulation_of_the_same_name_is_refused(tmp_path: Path) -> None:
    made = Role(Instant("backbone", 1.0), "random", 3).made(tmp_path)
    assert Role(Instant("backbone", 2.0), "random", 3).made(tmp_path).task == "2 ns"
    made.path.rename(tmp_path / "backbone-3ns-random.campaign")
    with pytest.raises(InputError, match="another simulation"):
        Role(Instant("backbone", 3.0), "random", 3).opened(tmp_path)


def test_campaigns_that_ran_before_the_study_are_its_own(tmp_path: Path) -> None:
    """Names, seeds and evaluators are those under which the first rows were simulated."""
    wanted = {
        "anion-2ns-random": 20261122,
        "anion-2ns-proposed": 20261122,
        "anion-2ns-replicates-random": 20261123,
        "anion-2ns-replicates-proposed": 20261124,
        "anion-2ns-along-anion_radius": 20261125,
        "anion-2ns-reference": 20261126,
        "backbone-1ns-random": 20261122,
        "secondary-site-1ns-proposed": 20261122,
    }
    made = {part.role.path(tmp_path).stem: part.role for part in parts(tmp_path, Effort()).values()}
    for stem, seed in wanted.items():
        assert made[stem].seed == seed
        space, ns = made[stem].simulation.space, made[stem].simulation.production_ns
        described = {"kind": "polymer", "space": space, "production_ns": ns, "fixed": {}}
        assert made[stem].simulation.to_dict() == described


# Rows of the arms


def told(values: Sequence[float], **changes: Any) -> pd.DataFrame:
    """Rows as a campaign tells them."""
    name = CONDUCTIVITY.name
    table = pd.DataFrame({"id": np.arange(1, len(values) + 1), name: values})
    table = table.assign(**{f"{name}_error": 0.04, f"{name}_bound": ""}, outcome="ok", task="")
    return table.assign(cpu_seconds=80.0).assign(**changes)


def test_the_reference_is_a_geometric_mean_with_the_scatter_of_its_seeds() -> None:
    values = np.array([-3.1, -3.0, -2.9, -3.0])
    found = reference_of(told(values, cpu_seconds=[70.0, 80.0, 90.0, 100.0]))
    assert found is not None
    assert found.S_per_cm.value == pytest.approx(1e-3)
    half = 3.182446 * values.std(ddof=1) / 2
    assert np.log10(found.S_per_cm.high) == pytest.approx(-3 + half, rel=1e-5)
    assert found.told == pytest.approx(0.04 * math.log(10))
    assert found.scatter.value == pytest.approx(math.log(10) * values.std(ddof=1))
    assert found.scatter.low == pytest.approx(found.scatter.value * math.sqrt(3 / 9.348404))
    assert found.scatter.high == pytest.approx(found.scatter.value * math.sqrt(3 / 0.2157953))
    assert (found.cpu_seconds.value, found.slowest) == (85.0, 100.0)
    assert reference_of(told([-3.0, np.nan])) is None


def test_the_gain_has_the_interval_of_welch() -> None:
    from scipy.stats import ttest_ind

    one, other = [-2.0, -2.1, -1.95, -2.05], [-2.3, -2.6, -2.2, np.nan]
    bounds = ["", "", "below", ""]
    found = gain_of(told(one), told(other, **{f"{CONDUCTIVITY.name}_bound": bounds}))
    assert found is not None
    test = ttest_ind(one, other[:3], equal_var=False)
    interval = test.confidence_interval()
    assert found.log10 == pytest.approx((np.mean(one) - np.mean(other[:3]), *interval))
    assert (found.runs, found.bounds) == ((4, 3), (0, 1))
    difference, positive = welch_difference(np.array(one), np.array(other[:3]))
    assert difference == found.log10
    assert positive == pytest.approx(1 - test.pvalue / 2)
    assert gain_of(told(one), told([-2.0])) is None
    assert np.isnan(student_mean(np.array([1.0])).low)


def test_progress_knows_no_order_of_random_rows_and_begins_after_the_shared_ones() -> None:
    random, proposed = told([-3.0, -2.0, -4.0]), told([-3.0, -2.0, -1.5, -1.8])
    curves = progress_of([("random", random), ("learned", proposed)], shared=2)
    chance = curves[curves["arm"] == "random"]
    assert chance["best"].tolist() == [-3.0, -2.0, -2.0]
    learned = curves[curves["arm"] == "learned"]
    assert learned["evaluations"].tolist() == [2, 3, 4]
    assert learned["best"].tolist() == [-2.0, -1.5, -1.5]
    bounded = random.assign(**{f"{CONDUCTIVITY.name}_bound": ["", "below", ""]})
    assert progress_of([("random", bounded)], 2)["best"].max() == -3.0


def test_best_and_slow_rows_are_measured_ones(found: dict[str, Part]) -> None:
    tables = [found[name].observations() for name in ("random", "proposed")]
    space = found["random"].role.searched
    surrogate = one_surrogate(tables, space, SEED)
    bounded = tables[0].copy()
    best = best_row(surrogate, bounded)
    bounded.loc[best.index, f"{CONDUCTIVITY.name}_bound"] = "below"
    assert best_row(surrogate, bounded).index[0] != best.index[0]
    slow = slow_row(surrogate, tables[0])
    assert slow.index[0] == (tables[0]["anion_radius"] - 4).abs().idxmax()
    with pytest.raises(InputError, match="no row of the arm"):
        best_row(surrogate, bounded.assign(**{f"{CONDUCTIVITY.name}_bound": "below"}))


def test_bounds_count_as_covered_where_they_do_not_contradict() -> None:
    from leyden.exploration.held_out import HeldOut

    table = pd.DataFrame(
        {
            "observed": [1.0, 5.0, 3.0, -3.0],
            "bound": ["", "", "below", "below"],
            "low": -1.0,
            "high": 2.0,
            "extrapolates": [False, True, False, False],
        }
    )
    found = coverage_of(HeldOut(table))
    assert (found.covered, found.rows, found.bounds, found.extrapolated) == (2, 4, 2, 1)
    assert found.share.value == 0.5
    assert found.share[1:] == pytest.approx((0.15, 0.85), abs=0.001), "Wilson, 2 of 4"


def test_worlds_that_never_get_there_count_as_more_than_all() -> None:
    goals = pd.Series([0.0, 1.0, 2.0])
    reach = {"batches": (6, 6, None), "one at a time": (4, 5, 6), "random": (9, 9, 9)}
    curves = pd.concat(
        pd.DataFrame({"evaluation": np.arange(1, 11), "best": goals[world] - 1.0}).assign(
            arm=arm,
            method=arm,
            repeat=world,
            best=np.where(np.arange(1, 11) >= (at[world] or 99), goals[world], goals[world] - 1.0),
        )
        for arm, at in reach.items()
        for world in range(3)
    )
    found = told_of_replays(curves, goals, replace(Effort(), most=10, repeats=3))
    assert found.needed["batches"].tolist() == [6, 6, math.inf]
    assert found.to_random_best.value == 6
    assert found.to_random_best.high == 11
    assert found.ratio.value == pytest.approx(6 / 5)


# Salts


def test_salts_are_in_order_with_the_probability_of_each_pair() -> None:
    values = {"LiTFSI": -2.0, "LiFSI": -2.5, "LiPF6": -3.0, "LiCl": -3.02}
    noise = np.array([-0.05, 0.05, 0.02, -0.02])
    rows = [values[name] + shift for shift in noise for name in SALTS]
    found = simulated_salts(told(rows))
    assert found is not None
    assert list(found.table.index) == ["LiTFSI", "LiFSI", "LiPF6", "LiCl"]
    assert found.table["log10_sigma"].tolist() == pytest.approx(list(values.values()))
    assert order_of_salts(found) == "LiTFSI > LiFSI > LiPF6 ~ LiCl"
    chances = found.more_than
    assert chances.loc["LiPF6", "LiCl"] + chances.loc["LiCl", "LiPF6"] == pytest.approx(1.0)
    assert 0.5 < chances.loc["LiPF6", "LiCl"] < 0.9
    assert np.isnan(chances.loc["LiCl", "LiCl"])
    assert simulated_salts(told(rows[:3])) is None, "one of the four is not there yet"
    single = simulated_salts(told(rows[:4]))
    assert single is not None
    assert single.more_than.isna().all(axis=None)


# Claims and the page


def test_what_is_not_finished_is_not_claimed(home: Path, tmp_path: Path) -> None:
    """Goals that are farther than what is there: every figure says how far it is."""
    later = small(proposed=4, replicates=3, reference=5, along=14, others=())
    told = claims(find(parts(home, later), later, home, tmp_path, workers=1))
    assert [claim.id for claim in told] == CLAIMS
    assert not any(claim.same_protocol for claim in told)
    by_id = {claim.id: claim for claim in told}
    assert all(claim.measured is None and claim.holds is None for claim in told)
    assert "reference.campaign has 2 of 5" in by_id["reference_relative_error"].protocol
    assert "proposed.campaign has 6 of 8" in by_id["bo_gain_over_random"].protocol
    assert "along-anion_radius.campaign has 12 of 14" in by_id["heldout_coverage"].protocol
    assert "proposed.campaign has 6 of 8" in by_id["driver_overhead"].protocol


def test_nothing_at_all_is_told_as_that(tmp_path: Path) -> None:
    effort = small()
    found = find(parts(tmp_path / "none", effort), effort, tmp_path, tmp_path, workers=1)
    assert all(claim.measured is None for claim in claims(found))
    page = build_report("Title", found).html()
    assert "0 of 10 campaigns have come to their goals" in " ".join(page.split())
    assert "neither the folders of the runs nor the table" in " ".join(page.split())
    assert not (tmp_path / "none").exists()


@pytest.fixture(scope="module")
def findings(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    effort = small(repeats=1, initial=4, most=6, draws=10)
    out = tmp_path_factory.mktemp("out")
    return find(parts(home, effort), effort, home, out, workers=1)


def test_claims_of_campaigns_that_came_to_their_goals(findings: Findings) -> None:
    by_id = {claim.id: claim for claim in claims(findings)}
    assert by_id["reference_conductivity_S_per_cm"].measured == pytest.approx(
        10 ** (-3 - 1.1**2), rel=0.01
    )
    assert by_id["reference_cpu_seconds"].measured == 90.0
    assert by_id["reference_relative_error"].holds
    gain = by_id["bo_gain_over_random"]
    assert gain.measured is not None
    assert gain.interval is not None
    assert gain.interval[0] <= gain.measured <= gain.interval[1]
    assert gain.holds is (gain.interval[0] > 0)
    assert by_id["bo_evaluations_to_random_best"].measured is not None
    assert by_id["batch4_evaluation_ratio"].measured is not None
    assert by_id["lost_evaluations"].measured is None
    overhead = by_id["driver_overhead"].measured
    campaigns = [findings.parts[name].campaign for name in ("random", "proposed")]
    stand = [one.status() for one in campaigns if one]
    spent = sum(one.driver_cpu_seconds for one in stand)
    assert overhead == pytest.approx(spent / (9 * 90.0))


def test_kills_are_claimed_as_counted(findings: Findings) -> None:
    effort = replace(findings.effort, kills=20)
    counted = Kills(8, 7, 5, 3, 60, 0, 0, 0, 1, ended_well=True)

    def lost(kills: Kills) -> Any:
        told = claims(replace(findings, effort=effort, kills=kills))
        return next(claim for claim in told if claim.id == "lost_evaluations")

    assert (lost(counted).measured, lost(counted).holds) == (0, True)
    assert lost(replace(counted, doubled=1, lost=1)).measured == 2
    assert lost(replace(counted, driver=7)).measured is None, "fewer kills than were asked for"
    assert lost(replace(counted, ended_well=False)).measured is None


def test_kills_lose_nothing() -> None:
    found = measure(1, 6, 0)
    assert (found.kills, found.wrong, found.evaluations) == (1, 0, 6)
    assert found.ended_well


def test_known_anions_are_ranked_where_mopac_is_at_hand(
    findings: Findings, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leyden.exploration import anion_parameters, decoding

    shelves = []
    described = anion_parameters.anion_descriptors

    def kept_on(anions: Sequence[str], folder: Path, *, n_jobs: int) -> pd.DataFrame:
        shelves.append(folder)
        return described(anions)

    salts = [salt.anion for salt in SALTS.values()]
    catalogue = described(salts)[["smiles", "inchikey"]].assign(name="", sources="own", licence="")
    monkeypatch.setattr(decoding, "catalogue_anions", lambda: catalogue)
    monkeypatch.setattr(anion_parameters, "anion_descriptors", kept_on)
    effort = replace(findings.effort, decode=True, others=())
    found = find(parts(home, effort), effort, home, tmp_path, workers=1)
    assert found.anions is not None
    assert found.anions.decoded is not None
    assert sorted(found.anions.decoded["smiles"]) == sorted(salts)
    assert shelves == [tmp_path / "mopac"]
    page = " ".join(build_report("Title", found).html().split())
    assert "4 anions of the catalogue became beads" in page


def test_without_mopac_the_part_is_left_out_and_named(
    findings: Findings, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leyden.exploration import anion_parameters, decoding
    from leyden.simulators.mopac import MopacMissingError

    def missing(*_: object, **__: object) -> None:
        raise MopacMissingError

    catalogue = pd.DataFrame({"smiles": ["[Br-]"]})
    monkeypatch.setattr(decoding, "catalogue_anions", lambda: catalogue)
    monkeypatch.setattr(anion_parameters, "anion_descriptors", missing)
    effort = replace(findings.effort, decode=True, others=())
    found = find(parts(home, effort), effort, home, tmp_path, workers=1)
    assert found.anions is not None
    assert found.anions.decoded is None
    assert any("MOPAC" in words for words in found.warnings)


# Figures


def test_figures_draw_what_they_are_given() -> None:
    figure, (left, middle, right) = subplots(1, 3)
    needed = pd.DataFrame({"batches": [2.0, math.inf], "one at a time": [1.0, 3.0]})
    steps = reached_share(needed, 4, left).get_lines()
    assert steps[0].get_ydata().tolist() == [0, 0, 0.5, 0.5, 0.5]
    assert steps[1].get_ydata().tolist() == [0, 0.5, 0.5, 1, 1]
    table = pd.DataFrame(
        {"point": "fast", "length_ns": [0.5, 2.0], "scatter": [0.1, 0.05], "told": [0.2, 0.1]}
    )
    lines = length_errors(table, middle).get_lines()
    assert [line.get_ydata().tolist() for line in lines] == [[0.1, 0.05], [0.2, 0.1]]
    salts = pd.DataFrame(
        {"value": [-2.0, -3.0], "low": [-2.1, np.nan], "high": [-1.9, np.nan]}, ["LiTFSI", "LiCl"]
    )
    ax = salt_values({"simulated": salts}, right)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["LiTFSI", "LiCl"]
    figure.draw_without_rendering()


# Run lengths


def test_lengths_are_read_back_as_they_were(home: Path, tmp_path: Path) -> None:
    """Computed from folders, then from the table alone; what comes later is added."""
    settings = {"chains": 2, "monomers": 7, "temperature_K": 700.0, "dielectric": 100.0}
    role = Role(Instant("anion", 2.0, settings), "reference", 2)
    campaign = role.made(tmp_path)
    reference = polymer_reference(role.searched.names)
    rows = told([-3.0, -3.1]).drop(columns=["id", "task"]).assign(**reference)
    campaign.tell(rows, replicate=True)
    for row in (1, 2):
        PolymerElectrolyte.at(**settings, **reference).run(
            0.16,
            random_state=row,
            folder=campaign.runs / f"{row:04d}" / "run",
            compression_ns=0.01,
            relaxation_ns=0.01,
            progress=False,
        )
        file = tmp_path / "lengths.csv"
        table = lengths_of({"middle": campaign, "slow": None}, file, (0.08, 0.16, 9.0))
        assert len(table) == 2 * row
    assert table["length_ns"].tolist() == [0.08, 0.16] * 2
    whole = table[table["length_ns"] == 0.16].iloc[0]
    run = PolymerElectrolyte.at(**settings, **reference).run(
        0.16,
        random_state=1,
        folder=campaign.runs / "0001" / "run",
        compression_ns=0.01,
        relaxation_ns=0.01,
        progress=False,
    )
    assert whole["log10_S_per_cm"] == run.conductivity().log10_S_per_cm
    assert whole["cpu_seconds"] == pytest.approx(run.cpu_seconds, abs=1e-3)
    assert table["cpu_seconds"].iloc[0] < whole["cpu_seconds"]
    both = run.ion_conductivity()
    assert whole["collective_S_per_cm"] == both.collective_S_per_m.value / 100
    file.write_text(file.read_text().replace(table["code"].iloc[0], "older", 2))
    anew = lengths_of({"middle": campaign}, file, (0.08, 0.16, 9.0))
    pd.testing.assert_frame_equal(anew, table, check_exact=True)
    (tmp_path / "elsewhere").mkdir()
    campaign.runs.rename(tmp_path / "elsewhere" / "runs")
    again = lengths_of({"middle": campaign}, file, (0.08, 0.16, 9.0))
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    assert lengths_of({"middle": campaign}, tmp_path / "none.csv", (0.08,)).empty
    assert not (tmp_path / "none.csv").exists()


def test_a_summary_of_lengths_has_bias_and_scatter_by_seed() -> None:
    rows = [
        {"point": "middle", "id": seed, "length_ns": length, "log10_S_per_cm": value}
        for seed, values in enumerate([(-2.8, -3.0), (-2.9, -3.1), (-2.7, -2.9)])
        for length, value in zip((0.5, 2.0), values, strict=True)
    ]
    table = pd.DataFrame(rows).assign(
        log10_error=[0.1, 0.05] * 3,
        is_upper_bound=[True, False, False, False, False, False],
        cpu_seconds=[30.0, 90.0] * 3,
        collective_S_per_cm=[1.0, 1.0, 2.0, 1.0, 3.0, 1.0],
        collective_low=0.5,
        collective_high=1.5,
    )
    short, whole = summary_of_lengths(table).to_dict("records")
    assert short["bias"] == pytest.approx(0.2)
    assert short["bias_low"] == pytest.approx(0.2)
    assert (whole["bias"], whole["told"], whole["cpu_seconds"]) == (0.0, 0.05, 90.0)
    assert short["scatter"] == pytest.approx(0.1)
    assert short["bounds"] == pytest.approx(1 / 3)
    assert short["collective_scatter"] == pytest.approx(0.5)
    assert short["collective_told"] == pytest.approx(0.25)


# The study


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("polymer-exploration")
    studies.run("polymer-exploration", folder, quick=True, progress=False)
    return folder


def test_a_quick_run_has_its_claims_and_a_page(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    assert [claim["id"] for claim in results["claims"]] == CLAIMS
    assert results["cpu_seconds"] < 60
    page = " ".join((out / "report.html").read_text().split())
    for words in ("A quick run", "Four salts", "100 to 1000 times too fast", "in many worlds"):
        assert words in page
    assert len(list((out / "campaigns").glob("*.campaign"))) == len(roles(Effort.shortest()))


def test_no_worker_and_no_world_are_refused(tmp_path: Path) -> None:
    for name in ("workers", "repeats"):
        with pytest.raises(InputError, match=f"{name} is one at least"):
            studies.run("polymer-exploration", tmp_path, quick=True, progress=False, **{name: 0})


def test_a_second_run_simulates_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = json.loads((out / "results.json").read_text())["claims"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a campaign went on")

    monkeypatch.setattr(Campaign, "run", refuse)
    studies.run("polymer-exploration", out, quick=True, progress=False)
    assert json.loads((out / "results.json").read_text())["claims"] == first
