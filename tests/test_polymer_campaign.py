"""The script of the campaign on the polymer electrolyte, with a simulation that takes no time."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from leyden.errors import InputError
from leyden.exploration import Campaign, Objective, PolymerSimulation, SearchSpace
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.polymer_reference import polymer_reference

ROOT = Path(__file__).resolve().parents[1]


class Quick(PolymerSimulation):
    """Best at a radius of 4; a little noise by the seed."""

    def check(self, space: SearchSpace, objectives: Sequence[Objective]) -> None: ...

    def prepare(self) -> None: ...

    def __call__(self, trial: Any) -> Mapping[str, Any]:
        value = -3 - (trial["anion_radius"] - 4) ** 2 + 1e-3 * math.sin(trial.random_state)
        return {CONDUCTIVITY.name: value, f"{CONDUCTIVITY.name}_error": 1e-3, "cpu_seconds": 90.0}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "polymer_campaign", ROOT / "benchmarks" / "polymer_campaign.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PolymerSimulation", Quick)
    return module


def test_arms_replicates_and_what_is_held_out(script: ModuleType, tmp_path: Path) -> None:
    words = ["anion", "--shared=4", "--proposed=2", "--random=3", "--batch=2", "--workers=1"]
    words += ["--home", str(tmp_path)]
    for more in ([], ["--replicates", "2", "--along", "anion_radius", "--reference", "2"]):
        script.main([*words, *more])
    tables = {path.stem: pd.read_csv(path) for path in tmp_path.glob("*.csv")}
    sizes = {name.removeprefix("anion-2ns-"): len(table) for name, table in tables.items()}
    assert sizes == {
        **{"random": 7, "proposed": 6, "replicates-random": 2, "replicates-proposed": 2},
        **{"along-anion_radius": 12, "reference": 2},
    }
    names = Quick().search_space().names
    arms = [tables[f"anion-2ns-{name}"].sort_values("id") for name in ("random", "proposed")]
    assert arms[0][names].iloc[:4].equals(arms[1][names].iloc[:4])
    assert arms[1]["method"].tolist() == ["random"] * 4 + ["local penalisation"] * 2
    seeds = pd.concat([table["random_state"] for table in tables.values()])
    shared = set(arms[0]["random_state"])
    for name, arm in zip(("random", "proposed"), arms, strict=True):
        again = tables[f"anion-2ns-replicates-{name}"]
        assert len(again[names].drop_duplicates()) == 1
        best = arm.loc[arm[CONDUCTIVITY.name].idxmax()]
        assert again[names].iloc[0].to_numpy() == pytest.approx(best[names].to_numpy(float))
        assert not shared & set(again["random_state"])
    assert seeds.nunique() == len(seeds) - 6, "rows 1 to 6 of both arms have the same seeds"
    reference = polymer_reference(names)
    cut = tables["anion-2ns-along-anion_radius"].sort_values("id")
    assert cut["anion_radius"].is_monotonic_increasing
    assert cut["anion_radius"].iloc[[0, -1]].tolist() == [1.5, 5.0]
    for name in names[1:]:
        assert cut[name].to_numpy() == pytest.approx(reference[name])
    proposed = Campaign.open(tmp_path / "anion-2ns-proposed.campaign")
    assert proposed.status().evaluation_cpu_seconds == 180.0, "what was shared cost it nothing"


def test_another_simulation_of_the_same_name_is_refused(script: ModuleType, tmp_path: Path) -> None:
    made = script.campaign_of(tmp_path, Quick("backbone", 1.0), "random")
    assert script.campaign_of(tmp_path, Quick("backbone", 2.0), "random").task == "2 ns"
    made.path.rename(tmp_path / "backbone-3ns-random.campaign")
    with pytest.raises(InputError, match="another simulation"):
        script.campaign_of(tmp_path, Quick("backbone", 3.0), "random")
