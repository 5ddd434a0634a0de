"""The study `polymer-exploration`: its campaigns with a simulation that takes no time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leyden.errors import InputError
from leyden.exploration import Campaign, Objective, PolymerSimulation, SearchSpace
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.polymer_reference import polymer_reference
from leyden.exploration.salts import SALTS, salt_beads
from leyden.studies.exploration_campaigns import Part, Role, bring, parts
from leyden.studies.exploration_effort import Effort

pytest.importorskip("botorch")


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
