"""The study `polymer-exploration`: campaigns that take no time, and rows whose answer is known."""

from __future__ import annotations

import json
import math
import shutil
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
from leyden.exploration.replay import replay
from leyden.exploration.salts import SALTS, salt_beads, salt_space
from leyden.physics.intervals import Estimate, student_mean, welch_difference
from leyden.plots import subplots
from leyden.plots.polymer_exploration import length_errors, reached_share, salt_values
from leyden.simulators.polymer_electrolyte import PolymerElectrolyte
from leyden.studies import (
    campaign_kills,
    exploration_campaigns,
    exploration_findings,
    exploration_replays,
    polymer_exploration,
)
from leyden.studies.campaign_kills import Kills, measure, measured_once
from leyden.studies.exploration_arms import gain_of, progress_of, reference_of
from leyden.studies.exploration_campaigns import SEED, Part, Role, bring, parts, roles, simulations
from leyden.studies.exploration_claims import claims
from leyden.studies.exploration_effort import Effort
from leyden.studies.exploration_findings import Findings, HeldAlong, find
from leyden.studies.exploration_lengths import lengths_of, summary_of_lengths
from leyden.studies.exploration_replays import replayed, told_of_replays
from leyden.studies.exploration_report import build_report
from leyden.studies.exploration_rows import all_rows, best_row, one_surrogate, slow_row
from leyden.studies.exploration_salts import order_of_salts, simulated_salts
from leyden.studies.exploration_seeds import judged_together

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


def bounded(*sides: str) -> dict[str, list[str]]:
    """The column of bounds."""
    return {f"{CONDUCTIVITY.name}_bound": list(sides)}


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
    failed = reference_of(told([*values, np.nan], cpu_seconds=[70.0, 80.0, 90.0, 100.0, 160.0]))
    assert failed is not None
    assert (failed.cpu_seconds.value, failed.slowest) == (100.0, 160.0), "what failed cost as much"


def test_a_reference_with_a_bound_is_told_without_an_interval() -> None:
    found = reference_of(told([-3.1, -3.0, -2.9], **bounded("", "below", "")))
    assert found is not None
    assert found.S_per_cm.value == pytest.approx(1e-3)
    assert np.isnan([*found.S_per_cm[1:], *found.scatter[1:]]).all()


def signs(kept: Sequence[float], slope: float = 0.85, moved: float = 9.0) -> dict[str, list[str]]:
    """The column of details, of runs with these shares of the slope kept."""
    told_of = {"slope_Li": slope, "slope_kept_Li_error": 0.06, "moved_Li": moved}
    return {"details": [json.dumps(told_of | {"slope_kept_Li": one}) for one in kept]}


def test_diffusion_is_asked_of_all_seeds_of_a_row_together() -> None:
    """One run called glassy by chance is no bound, and one that passed by chance is."""
    name, values = f"{CONDUCTIVITY.name}_bound", [-3.1, -3.0, -2.9, -3.0]
    mixed = {"outcome": ["ok", "glassy", "ok", "ok"], **bounded("", "below", "", "")}
    moving = judged_together(told(values, **mixed, **signs([0.95, 0.86, 1.02, 0.97])))
    assert moving["outcome"].tolist() == ["ok"] * 4
    assert moving[name].tolist() == [""] * 4
    assert moving[CONDUCTIVITY.name].tolist() == values
    slowing = judged_together(told(values, **mixed, **signs([0.88, 0.86, 0.89, 0.88])))
    assert slowing["outcome"].tolist() == ["glassy"] * 4, "0.88 with an error of 0.03"
    assert slowing[name].tolist() == ["below"] * 4
    steep = judged_together(told(values, **mixed, **signs([0.88, 0.86, 0.89, 0.88], slope=0.95)))
    assert steep["outcome"].tolist() == ["ok"] * 4
    still = judged_together(told(values, **mixed, **signs([1.0] * 4, moved=0.5)))
    assert still["outcome"].tolist() == ["glassy"] * 4


def test_a_run_that_hardly_knows_its_slope_does_not_outvote_others() -> None:
    rows = told([-3.1, -3.0, -2.9, -3.0], outcome="glassy", **bounded(*["below"] * 4))
    kept, errors = [0.7, 0.72, 0.69, 3.0], [0.1, 0.1, 0.1, 2.0]
    details = [
        json.dumps(
            {"slope_Li": 0.6, "moved_Li": 3.0, "slope_kept_Li": one, "slope_kept_Li_error": error}
        )
        for one, error in zip(kept, errors, strict=True)
    ]
    assert judged_together(rows.assign(details=details))["outcome"].tolist() == ["glassy"] * 4


def test_other_outcomes_are_not_asked_for_diffusion() -> None:
    sides = bounded("below", "below", "")
    rows = told([-3.1, -3.0, -2.9], outcome=["phase-separated", "glassy", "ok"], **sides)
    judged = judged_together(rows.assign(**signs([0.5, 0.9, 1.0])))
    assert judged["outcome"].tolist() == ["phase-separated", "ok", "ok"]
    assert judged[f"{CONDUCTIVITY.name}_bound"].tolist() == ["below", "", ""]
    for unknown in (rows, rows.assign(details=""), rows.assign(**signs([0.5, 0.9, 1.0]))[:2]):
        pd.testing.assert_frame_equal(judged_together(unknown), unknown)


def test_reference_gain_and_salts_judge_their_seeds_together() -> None:
    sides = {"outcome": ["ok", "glassy", "ok"], **bounded("", "below", "")}
    rows = told([-3.1, -3.0, -2.9], **sides, **signs([0.95, 0.86, 1.02]))
    reference = reference_of(rows)
    assert reference is not None
    assert reference.bounds == 0
    assert np.isfinite(reference.scatter).all()
    gain = gain_of(rows, rows)
    assert gain is not None
    assert gain.bounds == (0, 0)
    places = ["below" if place == 4 else "" for place in range(len(SALT_ROWS))]
    outcomes = ["glassy" if side else "ok" for side in places]
    kept = [0.86 if side else 1.0 for side in places]
    salts = simulated_salts(
        of_salts(SALT_ROWS, outcome=outcomes, **bounded(*places), **signs(kept))
    )
    assert salts is not None
    assert order_of_salts(salts) == "LiTFSI > LiFSI > LiPF6 ~ LiCl"
    assert (salts.table["bounds"] == 0).all()


def test_the_gain_has_the_interval_of_welch() -> None:
    from scipy.stats import ttest_ind

    one, other = [-2.0, -2.1, -1.95, -2.05], [-2.3, -2.6, -2.2, np.nan]
    found = gain_of(told(one), told(other, **bounded("", "", "below", "")))
    assert found is not None
    test = ttest_ind(one, other[:3], equal_var=False)
    interval = test.confidence_interval()
    assert found.log10 == pytest.approx((np.mean(one) - np.mean(other[:3]), *interval))
    assert (found.runs, found.bounds) == ((4, 3), (0, 1))
    difference, positive = welch_difference(np.array(one), np.array(other[:3]))
    assert difference == found.log10
    assert positive == pytest.approx(1 - test.pvalue / 2)
    assert gain_of(told(one), told([-2.0])) is None
    low = [-3.3, -3.5, -3.4, -3.3]
    safe = gain_of(told(one), told(low, **bounded("", "", "below", "")))
    assert safe is not None
    assert (safe.shows_more, safe.shows_less) == (True, False), "it may only be larger"
    hidden = gain_of(told(one, **bounded("below", "", "", "")), told(low))
    assert hidden is not None
    assert hidden.log10.low > 0
    assert not hidden.shows_more, "it may lie anywhere below"
    worse = gain_of(told(low, **bounded("below", "", "", "")), told(one))
    assert worse is not None
    assert worse.shows_less
    assert np.isnan(student_mean(np.array([1.0])).low)


def test_progress_knows_no_order_of_random_rows_and_begins_after_the_shared_ones() -> None:
    random, proposed = told([-3.0, -2.0, -4.0]), told([-3.0, -2.0, -1.5, -1.8])
    curves = progress_of([("random", random), ("learned", proposed)], shared=2)
    chance = curves[curves["arm"] == "random"]
    assert chance["best"].tolist() == [-3.0, -2.0, -2.0]
    learned = curves[curves["arm"] == "learned"]
    assert learned["evaluations"].tolist() == [2, 3, 4]
    assert learned["best"].tolist() == [-2.0, -1.5, -1.5]
    glassy = random.assign(**bounded("", "below", ""))
    assert progress_of([("random", glassy)], 2)["best"].max() == -3.0


def test_best_and_slow_rows_are_measured_ones(found: dict[str, Part]) -> None:
    tables = [found[name].observations() for name in ("random", "proposed")]
    space = found["random"].role.searched
    surrogate = one_surrogate(tables, space, SEED)
    glassy = tables[0].copy()
    best = best_row(surrogate, glassy)
    glassy.loc[best.index, f"{CONDUCTIVITY.name}_bound"] = "below"
    assert best_row(surrogate, glassy).index[0] != best.index[0]
    slow = slow_row(surrogate, tables[0])
    assert slow.index[0] == (tables[0]["anion_radius"] - 4).abs().idxmax()
    with pytest.raises(InputError, match="no row of the arm"):
        best_row(surrogate, glassy.assign(**{f"{CONDUCTIVITY.name}_bound": "below"}))


def test_second_measurements_are_kept_and_shared_rows_stand_there_once() -> None:
    space = Instant().search_space()
    corner = space.random(1, 0)
    rows = pd.concat([space.random(3, 1), corner, corner], ignore_index=True)
    random = rows.head(3).join(told([-3.0, np.nan, -2.5]))
    # The three rows that are shared, then one corner twice and the second random row once more.
    again = pd.concat([rows, rows.iloc[[1]]], ignore_index=True)
    proposed = again.join(told([-3.0, np.nan, -2.5, -2.0, -2.1, -2.9]))
    found = all_rows([random, proposed], space)
    values = found[CONDUCTIVITY.name].to_numpy()
    np.testing.assert_array_equal(values, [-3.0, np.nan, -2.5, -2.0, -2.1, -2.9])
    assert all_rows([random.head(0), proposed], space).shape[0] == 6


def test_worlds_that_never_get_there_count_as_more_than_all() -> None:
    goals = pd.Series([0.0, 1.0, 2.0])
    reach = {"batches": (4, 5, None), "one at a time": (3, 5, 6)}
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
    effort = replace(Effort(), most=10, repeats=3, initial=2)
    found = told_of_replays(curves, goals, effort)
    assert found.needed["batches"].tolist() == [6, 6, math.inf], "two first rows, and four at once"
    assert found.needed["one at a time"].tolist() == [3, 5, 6]
    assert found.to_random_best.value == 6
    assert found.to_random_best.high == 11
    assert found.ratio.value == pytest.approx(6 / 5)
    assert found.proposals_ratio == pytest.approx((6 - 2) / (5 - 2))
    lost = told_of_replays(curves, goals.where(goals > 0), effort)
    assert (lost.worlds, lost.without_goal) == (2, 1)
    assert lost.needed["one at a time"].tolist() == [5, 6]
    with pytest.raises(InputError, match="no value in any world"):
        told_of_replays(curves, goals * np.nan, effort)


def test_goals_of_replays_are_not_drawn_with_the_rows_of_those_who_seek_them(
    found: dict[str, Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def noted(*arguments: Any, **settings: Any) -> pd.DataFrame:
        asked.append((arguments[3], settings["batch"], settings["random_state"]))
        return replay(*arguments, **settings)

    monkeypatch.setattr(exploration_replays, "replay", noted)
    space = found["random"].role.searched
    effort = small(repeats=1, initial=3, most=5)
    told_of = replayed(space, found["random"].observations(), effort, tmp_path)
    random, batches, sequential = asked
    assert random[0] == ["random"]
    assert random[2] != batches[2] == sequential[2], "these two have their first rows in common"
    assert list(told_of.needed) == ["batches", "one at a time"]


# Salts


def of_salts(values: Sequence[float], **changes: Any) -> pd.DataFrame:
    """Rows of the four salts in turn, at the beads of today's estimates."""
    beads = salt_beads()[salt_space().names]
    rows = pd.concat([beads] * (len(values) // 4 + 1), ignore_index=True).head(len(values))
    return rows.join(told(values, **changes))


SALT_VALUES = {"LiTFSI": -2.0, "LiFSI": -2.5, "LiPF6": -3.0, "LiCl": -3.02}
SALT_ROWS = [
    SALT_VALUES[name] + shift for shift in (-0.05, 0.05, 0.02, -0.02) for name in SALT_VALUES
]


def test_salts_are_in_order_with_the_probability_of_each_pair() -> None:
    assert list(SALT_VALUES) == list(SALTS)
    found = simulated_salts(of_salts(SALT_ROWS))
    assert found is not None
    assert list(found.table.index) == ["LiTFSI", "LiFSI", "LiPF6", "LiCl"]
    assert found.table["log10_sigma"].tolist() == pytest.approx(list(SALT_VALUES.values()))
    assert order_of_salts(found) == "LiTFSI > LiFSI > LiPF6 ~ LiCl"
    chances = found.more_than
    assert chances.loc["LiPF6", "LiCl"] + chances.loc["LiCl", "LiPF6"] == pytest.approx(1.0)
    assert 0.5 < chances.loc["LiPF6", "LiCl"] < 0.9
    assert np.isnan(chances.loc["LiCl", "LiCl"])
    assert not found.warnings
    assert simulated_salts(of_salts(SALT_ROWS[:3])) is None, "one of the four is not there yet"
    single = simulated_salts(of_salts(SALT_ROWS[:4]))
    assert single is not None
    assert single.more_than.isna().all(axis=None)


def test_a_salt_with_a_bound_conducts_more_than_no_other() -> None:
    """Its value may lie anywhere below; that another conducts more is all the surer."""
    sides = ["below" if place in (0, 3) else "" for place in range(len(SALT_ROWS))]
    found = simulated_salts(of_salts(SALT_ROWS, **bounded(*sides)))
    assert found is not None
    assert found.more_than.loc["LiTFSI"].isna().all()
    assert found.more_than.loc["LiFSI", "LiCl"] > 0.975
    assert order_of_salts(found) == "LiTFSI (at most) ~ LiFSI > LiPF6 ~ LiCl (at most)"
    assert found.table.loc[["LiTFSI", "LiCl"], ["low", "high"]].isna().all(axis=None)
    assert found.table.loc["LiFSI", ["low", "high"]].notna().all()


def test_salts_are_told_by_the_beads_that_were_simulated() -> None:
    """Whatever the order of their rows, and with a warning where estimates are others by now."""
    rows = of_salts(SALT_ROWS)
    shuffled = rows.sample(frac=1.0, random_state=0).assign(id=np.arange(1, len(rows) + 1))
    found = simulated_salts(shuffled)
    assert found is not None
    assert order_of_salts(found) == "LiTFSI > LiFSI > LiPF6 ~ LiCl"
    radius = float(salt_beads().loc["LiFSI", "anion_radius"])
    older = rows.assign(anion_radius=rows["anion_radius"].replace(radius, radius + 0.05))
    moved = simulated_salts(older)
    assert moved is not None
    assert moved.table.loc["LiFSI", "anion_radius"] == radius + 0.05
    assert moved.warnings == ("LiFSI was simulated with another bead than today's estimate",)
    both = simulated_salts(pd.concat([rows, older.assign(id=older["id"] + 100)]))
    assert both is not None
    assert both.table.loc["LiFSI", "runs"] == 4
    assert any("4 simulations of LiFSI are left out" in words for words in both.warnings)


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
    error = by_id["reference_relative_error"]
    values = findings.parts["reference"].observations()[CONDUCTIVITY.name]
    assert error.measured == pytest.approx(math.log(10) * values.std()), (
        "between seeds, not as told"
    )
    assert error.holds
    assert error.interval is not None
    assert error.interval[0] < error.measured < error.interval[1]
    assert "is 0.2 % (root mean square)" in error.protocol
    gain = by_id["bo_gain_over_random"]
    assert gain.measured is not None
    assert gain.interval is not None
    assert gain.interval[0] <= gain.measured <= gain.interval[1]
    assert gain.holds is (gain.interval[0] > 0)
    assert by_id["bo_evaluations_to_random_best"].measured is not None
    assert by_id["batch4_evaluation_ratio"].measured is not None
    assert by_id["lost_evaluations"].measured is None
    overhead = by_id["driver_overhead"].measured
    proposed = findings.parts["proposed"].campaign
    assert proposed is not None
    spent = proposed.status().driver_cpu_seconds
    assert overhead == pytest.approx(spent / (2 * 90.0)), "two rows of its own"


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


def page_of(findings: Findings) -> str:
    """Without the figures of many panels, which take the time."""
    effort = replace(findings.effort, quick=True)
    return " ".join(build_report("T", replace(findings, effort=effort, spaces=())).html().split())


def claim(findings: Findings, id: str) -> Any:
    return next(one for one in claims(findings) if one.id == id)


def test_bounds_on_the_side_that_profits_are_told_and_not_judged(findings: Findings) -> None:
    values = [-2.0, -2.01, -1.99, -2.02, -1.98, -2.0]
    chance = told([-3.0, -3.01, -2.99, -3.02, -2.98, -3.0])

    def gained(*sides: str, less: pd.DataFrame = chance) -> Any:
        return replace(findings, gain=gain_of(told(values, **bounded(*sides)), less))

    shown = claim(gained(*[""] * 6), "bo_gain_over_random")
    assert shown.holds
    safe = chance.assign(**bounded(*["below"] * 6))
    assert claim(gained(*[""] * 6, less=safe), "bo_gain_over_random").holds
    for sides in (["below"] * 6, ["below", *[""] * 5]):
        hidden = gained(*sides)
        found = claim(hidden, "bo_gain_over_random")
        assert found.measured == pytest.approx(1.0)
        assert (found.interval, found.holds) == (None, None)
        assert f"{sides.count('below')} and 0 of these as upper bounds" in found.protocol
        page = page_of(replace(hidden, anions=None))
        assert "cannot be told apart from that of as many random ones, as" in page
        assert "conducts better" not in page
    glassy = reference_of(told([-3.1, -3.0, -3.1], **bounded("", "below", "")))
    reference = replace(findings, reference=glassy)
    for id in ("reference_conductivity_S_per_cm", "reference_relative_error"):
        found = claim(reference, id)
        assert found.measured is not None
        assert (found.interval, found.holds) == (None, None)
        assert "1 of these only bound it from above" in found.protocol


def test_the_error_of_a_run_is_the_scatter_between_seeds(findings: Findings) -> None:
    """What a run tells of itself, here 9 %, may be far too little."""
    loose = told([-3.3, -3.0, -2.7, -3.1], **{f"{CONDUCTIVITY.name}_error": 0.04})
    found = claim(replace(findings, reference=reference_of(loose)), "reference_relative_error")
    spread = math.log(10) * np.std([-3.3, -3.0, -2.7, -3.1], ddof=1)
    assert found.measured == pytest.approx(spread)
    assert found.holds is False
    assert "9.2 % (root mean square)" in found.protocol


def test_coverage_is_of_rows_with_a_value(findings: Findings) -> None:
    from leyden.exploration.held_out import HeldOut

    assert findings.anions is not None
    assert findings.anions.along is not None
    cut = findings.anions.along.cut

    def covered(observed: Sequence[float], sides: Sequence[str]) -> Any:
        table = pd.DataFrame({"observed": observed, "bound": sides, "mean": 0.0, "std": 1.0})
        table = table.assign(low=-1.96, high=1.96, error=0.1, extrapolates=False)
        table["residual"] = table["observed"].where(table["bound"] == "")
        along = HeldAlong(cut, HeldOut(table), np.linspace(2.0, 5.0, len(table)))
        anions = replace(findings.anions, along=along)
        return replace(findings, anions=anions)

    def coverage(observed: Sequence[float], sides: Sequence[str]) -> Any:
        return claim(covered(observed, sides), "heldout_coverage")

    none = coverage([0.0] * 12, ["below"] * 12)
    assert (none.measured, none.holds) == (None, None)
    assert "gave more than a bound" in none.protocol
    half = coverage([0.0] * 5 + [9.0] * 5 + [0.0] * 20, [""] * 10 + ["below"] * 20)
    assert (half.measured, half.holds) == (0.5, False), "bounds do not make up for it"
    assert half.interval == pytest.approx((0.2366, 0.7634), abs=1e-4), "Wilson, 5 of 10"
    assert "5 of 10 with a value; upper bounds, which are not counted: 20" in half.protocol
    few = coverage([0.0] * 3 + [-9.0] * 9, [""] * 3 + ["below"] * 9)
    assert (few.measured, few.interval, few.holds) == (1.0, None, None)
    most = coverage([0.0] * 11 + [9.0], [""] * 12)
    assert most.holds
    assert "reaches below 0.85" in most.protocol
    page = page_of(covered([0.0] * 4, ["", "", "", "below"]))
    assert "with a value, 3 lie in their 95 % intervals; upper bounds beside them: 1" in page


def test_the_page_shows_the_row_that_was_simulated_again(
    findings: Findings, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so where today's surrogate would have chosen another one."""
    names = Instant().search_space().names
    again = {
        arm: findings.parts[f"replicates-{arm}"].observations()[names].iloc[0]
        for arm in ("random", "proposed")
    }

    def others(surrogate: Any, table: pd.DataFrame) -> pd.DataFrame:
        return slow_row(surrogate, table)

    monkeypatch.setattr(exploration_findings, "best_row", others)
    monkeypatch.setattr(exploration_findings, "replayed", lambda *_, **__: None)
    effort = small(others=(), draws=10)
    told_of = find(parts(home, effort), effort, home, tmp_path, workers=1)
    assert told_of.anions is not None
    shown = told_of.anions.best.set_index("arm")[names]
    rows = zip(shown.index, again.values(), strict=True)
    for arm, row in rows:
        assert shown.loc[arm].to_numpy(float) == pytest.approx(row.to_numpy(float))
    notes = [words for words in told_of.warnings if "has simulated another row again" in words]
    assert len(notes) == 2


def test_goals_that_are_raised_repeat_the_row_that_was_begun_with(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever today's surrogate says: a mean over two rows is that of none."""
    folder = tmp_path / "copy"
    shutil.copytree(home, folder)

    def refuse(*_: object) -> None:
        raise AssertionError("a row was chosen anew")

    monkeypatch.setattr(exploration_campaigns, "one_surrogate", refuse)
    more = small(replicates=3, slow=3)
    bring(folder, more, workers=1, progress=False)
    for name in ("replicates-random", "replicates-proposed", "slow"):
        part = parts(folder, more)[name]
        rows = part.observations()[part.role.searched.names]
        assert (len(rows), len(rows.drop_duplicates())) == (3, 1)


def test_replicates_of_two_rows_are_no_replicates(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(home, folder)
    part = parts(folder, small())["replicates-random"]
    assert part.campaign is not None
    other = part.role.searched.random(1, 5)
    part.campaign.tell(other.assign(**{CONDUCTIVITY.name: -1.0}))
    monkeypatch.setattr(exploration_findings, "replayed", lambda *_, **__: None)
    effort = small(others=(), draws=10)
    told_of = find(parts(folder, effort), effort, folder, tmp_path, workers=1)
    found = claim(told_of, "bo_gain_over_random")
    assert found.measured is None
    assert "replicates are of one row" in found.protocol


def test_tables_that_a_kill_left_behind_are_written_again(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(home, folder)
    table = folder / "anion-2ns-reference.csv"
    whole = table.read_bytes()
    table.write_bytes(whole.rsplit(b"\n", 2)[0] + b"\n")
    (folder / "anion-2ns-slow.csv").unlink()
    bring(folder, small(), workers=1, progress=False)
    assert table.read_bytes() == whole
    assert (folder / "anion-2ns-slow.csv").exists()


def test_nothing_dear_is_begun_before_both_arms_are_complete(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was begun")

    for name in ("_decoded", "replayed", "measured_once"):
        monkeypatch.setattr(exploration_findings, name, refuse)
    later = small(proposed=4, kills=1, decode=True, others=())
    told_of = find(parts(home, later), later, home, tmp_path, workers=1)
    assert told_of.anions is not None
    assert "6 of 8 evaluations" in claim(told_of, "lost_evaluations").protocol


def test_a_damaged_part_is_named_and_the_others_are_told(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(home, folder)
    (folder / "anion-2ns-reference.campaign").write_bytes(b"no campaign" * 100)
    (folder / "anion-2ns-lengths.csv").write_text("nonsense\n1\n")

    def broken(*_: object, **__: object) -> None:
        raise InputError("no world can be drawn")

    monkeypatch.setattr(exploration_findings, "replayed", broken)
    effort = small(others=())
    told_of = find(parts(folder, effort), effort, folder, tmp_path, workers=1)
    warnings = " ".join(told_of.warnings)
    assert "anion-2ns-reference.campaign" in warnings
    assert "nothing is told of run lengths" in warnings
    assert told_of.gain is not None
    assert "cannot be read" in claim(told_of, "reference_relative_error").protocol
    worlds = claim(told_of, "bo_evaluations_to_random_best").protocol
    assert worlds == "no world can be drawn"
    assert "Not told: KeyError" in page_of(told_of), "not that there is no table"


def test_only_a_whole_and_good_measurement_of_kills_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Kills(1, 1, 0, 0, 6, 0, 0, 0, 0, ended_well=True)
    answers = [replace(good, ended_well=False), replace(good, driver=0), good]
    monkeypatch.setattr(campaign_kills, "measure", lambda *_, **__: answers.pop(0))
    found = [measured_once(tmp_path, 2, 6) for _ in range(4)]
    assert found[2:] == [good, good], "what was good is not measured again"
    assert not answers
    assert len(list(tmp_path.iterdir())) == 1


def test_kills_lose_nothing() -> None:
    found = measure(1, 6, 0)
    assert (found.kills, found.wrong, found.evaluations) == (1, 0, 6)
    assert found.ended_well


def test_goals_that_most_campaigns_miss_are_told_as_that(findings: Findings) -> None:
    assert findings.replays is not None
    missed = replace(findings.replays, most=5, to_random_best=Estimate(6.0, 4.0, 6.0))
    page = page_of(replace(findings, replays=missed, anions=None))
    assert "most campaigns do not come within 5 evaluations" in page
    late = replace(missed, to_random_best=Estimate(4.0, 4.0, 6.0))
    page = page_of(replace(findings, replays=late))
    assert "it takes 4 [4, more than 5] evaluations (median)" in page


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
        table = lengths_of({"middle": campaign, "slow": None}, file, (0.08, 0.16, 9.0)).table
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
    pd.testing.assert_frame_equal(anew.table, table, check_exact=True)
    assert not anew.warnings
    (tmp_path / "elsewhere").mkdir()
    campaign.runs.rename(tmp_path / "elsewhere" / "runs")
    again = lengths_of({"middle": campaign}, file, (0.08, 0.16, 9.0))
    pd.testing.assert_frame_equal(again.table, table, check_exact=True)
    assert lengths_of({"middle": campaign}, tmp_path / "none.csv", (0.08,)).table.empty
    assert not (tmp_path / "none.csv").exists()
    file.write_text(file.read_text().replace(table["code"].iloc[0], "older", 2))
    older = lengths_of({"middle": campaign}, file, (0.08, 0.16, 9.0))
    assert len(older.table) == 4
    assert "2 of 4 parts were judged by other code" in older.warnings[0]
    file.write_text(file.read_text().replace(table["row"].iloc[0], "another row", 1))
    stranger = lengths_of({"middle": campaign}, file, (0.08, 0.16, 9.0))
    assert len(stranger.table) == 3, "ids and seeds come again where a campaign is made anew"
    assert "1 parts are of rows that the campaigns do not hold" in stranger.warnings[0]
    (tmp_path / "elsewhere" / "runs").rename(campaign.runs)
    for path in (campaign.runs / "0001" / "run").glob("trajectory-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.write_text("damaged")
    damaged = lengths_of({"middle": campaign}, tmp_path / "anew.csv", (0.08, 0.16))
    assert damaged.table["id"].tolist() == [2, 2]
    assert "0001/run: the run cannot be read" in damaged.warnings[0]


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
        nernst_einstein_S_per_cm=[1.0, 1.0, 2.0, 1.0, 3.0, 1.0],
        collective_low=0.5,
        collective_high=2.0,
    )
    short, whole = summary_of_lengths(table).to_dict("records")
    assert short["bias"] == pytest.approx(0.2)
    assert short["bias_low"] == pytest.approx(0.2)
    assert (whole["bias"], whole["cpu_seconds"]) == (0.0, 90.0)
    # All of them relative standard errors of one run.
    assert whole["told"] == pytest.approx(0.05 * math.log(10))
    assert short["scatter"] == pytest.approx(0.1 * math.log(10))
    assert short["all_ions_scatter"] == pytest.approx(0.5)
    assert short["bounds"] == pytest.approx(1 / 3)
    assert short["collective_scatter"] == pytest.approx(0.5)
    assert short["collective_told"] == pytest.approx(math.log(2.0) / 3.182446)


# The study


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("polymer-exploration")
    studies.run("polymer-exploration", folder, quick=True, progress=False)
    return folder


def test_a_quick_run_has_its_claims_and_a_page(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    assert [claim["id"] for claim in results["claims"]] == CLAIMS
    page = " ".join((out / "report.html").read_text().split())
    for words in ("A quick run", "Four salts", "100 to 1000 times too fast", "in many worlds"):
        assert words in page
    assert len(list((out / "campaigns").glob("*.campaign"))) == len(roles(Effort.shortest()))


def test_no_worker_and_no_world_are_refused(tmp_path: Path) -> None:
    for name in ("workers", "repeats"):
        with pytest.raises(InputError, match=f"{name} is one at least"):
            studies.run("polymer-exploration", tmp_path, quick=True, progress=False, **{name: 0})


def test_a_folder_of_campaigns_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Else a mistyped name is the begin of days of simulation."""
    for simulate in (0, 1):
        settings = {"campaigns": str(tmp_path / "mistyped"), "simulate": simulate}
        with pytest.raises(InputError, match="no such folder of campaigns") as refused:
            studies.run("polymer-exploration", tmp_path, quick=True, progress=False, **settings)
        assert "Remedy" in str(refused.value)
    assert not (tmp_path / "mistyped").exists()


def test_documents_name_the_number_of_simulations_that_the_code_makes(home: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "explore.md").read_text()
    assert f"{simulations(Effort())} simulations" in " ".join(text.split())
    made = {name: part.finished for name, part in parts(home, small()).items()}
    assert simulations(small()) == sum(made.values()) - 4 - 3


def test_what_ends_the_simulation_does_not_end_the_study(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: object, **__: object) -> None:
        raise InputError("the last 5 simulations have failed")

    monkeypatch.setattr(polymer_exploration, "bring", ends)
    settings = {"campaigns": str(out / "campaigns")}
    studies.run("polymer-exploration", tmp_path, quick=True, progress=False, **settings)
    results = json.loads((tmp_path / "results.json").read_text())
    assert any("not all was simulated: the last 5" in words for words in results["warnings"])
    assert results["claims"][2]["measured"] is not None


def test_a_second_run_simulates_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = json.loads((out / "results.json").read_text())["claims"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a campaign went on")

    monkeypatch.setattr(Campaign, "run", refuse)
    studies.run("polymer-exploration", out, quick=True, progress=False)
    assert json.loads((out / "results.json").read_text())["claims"] == first
