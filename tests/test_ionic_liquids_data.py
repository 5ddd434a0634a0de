"""Cleaning of ionic-liquid data: each check against a slip of its kind, and the real data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.data import liquid_checks as checks
from leyden.data.ionic_liquids import IONIC_LIQUID_TARGETS, clean, ionic_liquids
from leyden.data.ions import IonPair, StatePoint
from leyden.data.liquid_sources import SOURCES, source_rows
from leyden.data.liquid_steps import cleaning_steps
from leyden.data.molecules import inchi_key
from leyden.data.replicates import replicate_spread
from leyden.errors import InputError

EMIM, BMIM, DCA = "CC[n+]1ccn(C)c1", "CCCC[n+]1ccn(C)c1", "N#C[N-]C#N"
CONDUCTIVITY = "log10_conductivity_S_per_m"


def rows(**columns: object) -> pd.DataFrame:
    """Rows of one pair at room conditions, unless told otherwise."""
    table = {
        "cation": EMIM,
        "anion": DCA,
        "cation_key": "E",
        "anion_key": "D",
        "pair": "E.D",
        "temperature_K": 298.15,
        "pressure_kPa": 101.325,
        "value": 1.0,
        "set_id": "",
    }
    return pd.DataFrame({**table, **columns})


def vogel(temperature: np.ndarray) -> np.ndarray:
    """Viscosity in Pa s of a Vogel-Fulcher-Tammann liquid."""
    return 1e-4 * np.exp(800 / (temperature - 180))


def several_sets(factors: dict[str, float]) -> pd.DataFrame:
    """Sets of one liquid at shifted temperatures, each times its factor."""
    parts = []
    for shift, (name, factor) in enumerate(factors.items()):
        temperature = np.arange(280.0, 350.0, 10.0) + shift
        value = factor * vogel(temperature)
        parts.append(rows(temperature_K=temperature, value=value, set_id=name))
    return pd.concat(parts, ignore_index=True)


def test_offsets_of_sets_are_found_at_unequal_temperatures() -> None:
    offsets = checks.set_offsets(several_sets({"a": 1.0, "b": 1.02, "c": 10.0, "d": 0.99}))
    found = offsets.set_index("set_id")["offset"]
    assert found["c"] == pytest.approx(1.0, abs=0.05)
    assert found.drop("c").abs().max() < 0.05


def test_the_set_that_others_contradict_goes_and_a_slipped_unit_is_mended() -> None:
    table = several_sets({"a": 1.0, "b": 1.02, "c": 4.0, "d": 0.99})
    left = checks.disputed(table, limit=np.log10(2), mend=True)
    assert set(left["set_id"]) == {"a", "b", "d"}
    slipped = several_sets({"a": 1.0, "b": 1.02, "c": 1000.0, "d": 0.99})
    mended = checks.disputed(slipped, limit=np.log10(2), mend=True)
    np.testing.assert_allclose(mended["value"] / vogel(mended["temperature_K"].to_numpy()), 1, 0.03)
    assert len(mended) == len(slipped)
    assert set(checks.disputed(slipped, limit=np.log10(2))["set_id"]) == {"a", "b", "d"}


def test_of_two_sets_a_decade_apart_neither_is_trusted() -> None:
    assert checks.disputed(several_sets({"a": 1.0, "b": 10.0}), limit=np.log10(2), mend=True).empty
    two = several_sets({"a": 1.0, "b": 1.5})
    assert len(checks.disputed(two, limit=np.log10(2), mend=True)) == len(two)


def test_another_pair_has_no_say() -> None:
    table = several_sets({"a": 1.0, "b": 1.0, "c": 1.0})
    other = rows(pair="B.D", temperature_K=np.arange(280.0, 300.0), value=50.0, set_id="x")
    left = checks.disputed(pd.concat([table, other], ignore_index=True), limit=0.1)
    assert len(left) == len(table) + len(other)


def test_grams_per_cubic_centimetre_become_kilograms() -> None:
    mended = checks.scale_outliers(rows(value=[1.35, 1349.9, 0.0]), below=10, factor=1000)
    np.testing.assert_allclose(mended["value"], [1350, 1349.9, 0.0])


def test_metal_salts_go() -> None:
    table = rows(cation=[EMIM, "[Li+]"], pair=["E.D", "Li.D"])
    assert checks.drop_metal_ions(table)["pair"].tolist() == ["E.D"]


def test_heat_capacities_of_crystals_and_peaks_go() -> None:
    temperature = np.arange(300.0, 340.0, 5.0)
    liquid = rows(temperature_K=temperature, value=310 + 0.45 * (temperature - 300))
    crystal = rows(pair="B.D", temperature_K=temperature, value=0.95 * temperature)
    crystal["value"] *= (temperature / 300) ** 0.5
    peak = rows(pair="P.D", temperature_K=[320.0], value=[3000.0])
    table = pd.concat([liquid, crystal, peak], ignore_index=True)
    assert set(checks.plausible_heat(table)["pair"]) == {"E.D"}
    assert len(checks.plausible_heat(table)) == len(liquid)
    flank = liquid.assign(value=liquid["value"] * np.where(temperature == 315, 1.3, 1.0))
    assert 315.0 not in checks.near_robust_line(flank, 0.10)["temperature_K"].tolist()


def test_below_the_melting_point_nothing_is_known_to_be_liquid() -> None:
    table = rows(temperature_K=[240.0, 260.0, 300.0, 320.0], pair=["A", "A", "B", "B"])
    left = checks.liquid_only(table, {"B": 310.0}, coldest_K=250.0)
    assert left["temperature_K"].tolist() == [260.0, 320.0]


def test_one_row_a_state_point_is_the_median_of_sets() -> None:
    table = rows(
        temperature_K=[298.15, 298.15, 298.16, 298.15, 298.15, 310.0],
        pressure_kPa=[101.325, 100.0, 101.0, 100.0, 5000.0, 101.325],
        value=[1.0, 3.0, 10.0, 100.0, 7.0, 9.0],
        set_id=["a", "a", "b", "c", "a", "c"],
    )
    merged = checks.merge_state_points(table)
    assert merged["value"].tolist() == [10.0, 7.0, 9.0]  # of 2, 10 and 100
    assert merged["set_id"].tolist() == ["a", "a", "c"]
    assert merged["pressure_kPa"].tolist() == [101.325, 5000.0, 101.325]


def write(home: Path, target: str, table: pd.DataFrame) -> None:
    """The source of a target, in a data home of its own."""
    source = SOURCES[target]
    files = {
        "density_kg_per_m3": "density",
        "glass_transition_K": "glass_transition",
    }
    folder = home / source.card
    folder.mkdir(parents=True)
    table.to_csv(folder / f"{files[target]}.csv.gz", index=False)
    source_rows.cache_clear()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    yield tmp_path
    source_rows.cache_clear()


def test_cleaning_counts_what_it_does_and_writes_an_ion_in_one_way(own_home: Path) -> None:
    table = pd.DataFrame(
        {
            "set_id": ["a", "a", "b", "b", "c"],
            "cation": [EMIM, "CCn1cc[n+](C)c1", EMIM, "[Li+]", EMIM],
            "anion": [DCA, DCA, DCA, "[Br-]", DCA],
            "temperature_K": [298.15, 308.15, 298.15, 600.0, 298.15],
            "pressure_kPa": [101.325, 101.0, 100.0, 101.0, 50000.0],
            "density_kg_per_m3": [1100.0, 1094.0, 1.102, 2000.0, 1120.0],
        }
    )
    table["smiles"] = table["cation"] + "." + table["anion"]
    write(own_home, "density_kg_per_m3", table)
    cleaned = clean("density_kg_per_m3")
    log = cleaned.log.set_index("step")
    assert log.loc["metal ions", "removed"] == 1
    assert log.loc["g/cm3", "mended"] == 1
    assert log.loc["one row a state point", "removed"] == 1
    data = cleaned.dataset
    np.testing.assert_allclose(data.y, [1101.0, 1094.0, 1120.0])
    assert len({item.pair for item in data.items}) == 1
    assert set(data.groups) == {"pair", "cation", "anion", "set_id"}
    key = f"{inchi_key(EMIM)}.{inchi_key(DCA)}"
    assert data.ids[0] == f"{key}@298.15K,101.325kPa"
    assert list(data.conditions) == ["temperature_K", "pressure_kPa"]
    assert len(ionic_liquids("density_kg_per_m3", rows_per_pair=2)) == 2


def test_glass_transitions_come_in_kelvin_with_whole_ions(own_home: Path) -> None:
    table = pd.DataFrame(
        {
            "smiles": ["x", "y"],
            "cation": ["CC[N+]", EMIM],
            "anion": [DCA, DCA],
            "glass_transition_C": [-60.0, -80.0],
        }
    )
    write(own_home, "glass_transition_K", table)
    cleaned = clean("glass_transition_K")
    assert cleaned.log.loc[0, "mended"] == 1
    np.testing.assert_allclose(cleaned.dataset.y, [213.15, 193.15])
    assert cleaned.dataset.items[0] == IonPair("CC[NH3+]", DCA)
    assert cleaned.dataset.quantities == {"glass_transition_K": "glass transition"}


def test_an_unknown_target_and_no_rows_a_pair_are_refused() -> None:
    with pytest.raises(InputError, match="no such property"):
        ionic_liquids("viscosity_Pa_s")
    with pytest.raises(InputError, match="at least one row"):
        ionic_liquids("density_kg_per_m3", rows_per_pair=0)


def test_thinning_keeps_the_ends_of_temperature_and_some_pressures(
    data_home: Callable[[str], Path],
) -> None:
    data_home("ilthermo")
    whole, thin = clean(CONDUCTIVITY), clean(CONDUCTIVITY, rows_per_pair=6)
    assert thin.dataset.groups["pair"].value_counts().max() == 6
    assert set(thin.dataset.groups["pair"]) == set(whole.dataset.groups["pair"])
    assert set(thin.dataset.ids) <= set(whole.dataset.ids)
    again = ionic_liquids(CONDUCTIVITY, rows_per_pair=6)
    assert again.fingerprint() == thin.dataset.fingerprint()
    air = whole.dataset.conditions["pressure_kPa"] == 101.325
    span = whole.dataset.conditions[air].groupby(whole.dataset.groups["pair"])["temperature_K"]
    kept = thin.dataset.conditions[thin.dataset.conditions["pressure_kPa"] == 101.325]
    kept_span = kept.groupby(thin.dataset.groups["pair"])["temperature_K"]
    common = span.max().index.intersection(kept_span.max().index)
    more = kept_span.size()[common] > 1
    np.testing.assert_allclose(span.max()[common][more], kept_span.max()[common][more])
    assert (thin.dataset.conditions["pressure_kPa"] > 1000).sum() > 20
    assert {type(item) for item in thin.dataset.items} == {StatePoint}
    assert np.isfinite(thin.dataset.y).all()


@pytest.mark.parametrize("target", ["surface_tension_N_per_m", "glass_transition_K"])
def test_every_step_of_the_real_data_adds_up(target: str, data_home: Callable[[str], Path]) -> None:
    data_home(SOURCES[target].card)
    cleaned = clean(target)
    log = cleaned.log
    assert (log["rows"] - log["removed"]).tolist()[:-1] == log["rows"].tolist()[1:]
    assert log["rows"].iloc[-1] - log["removed"].iloc[-1] == len(cleaned.dataset)
    assert cleaned.dataset.groups["pair"].nunique() == log["pairs"].iloc[-1]


def test_each_target_has_steps_with_reasons() -> None:
    for target in IONIC_LIQUID_TARGETS:
        if target != "heat_capacity_J_per_mol_K":  # its steps hold melting points of the data home
            assert all(step.why for step in cleaning_steps(target))


def test_the_spread_of_replicates_is_their_standard_deviation(own_home: Path) -> None:
    table = pd.DataFrame(
        {
            "set_id": ["a", "b", "a", "b", "c"],
            "cation": [EMIM, EMIM, BMIM, BMIM, BMIM],
            "anion": DCA,
            "temperature_K": [298.15, 298.15, 300.0, 300.0, 310.0],
            "pressure_kPa": 101.325,
            "density_kg_per_m3": [1000.0, 1002.0, 1100.0, 1100.0, 1000.0],
            "smiles": "",
        }
    )
    write(own_home, "density_kg_per_m3", table)
    spread = replicate_spread("density_kg_per_m3", draws=50).loc["measured"]
    expected = np.mean([np.std([1000, 1002], ddof=1) / 1001, 0.0])
    assert spread["spread"] == pytest.approx(expected)
    assert (spread["state_points"], spread["pairs"]) == (2, 2)
    assert spread["low"] <= spread["spread"] <= spread["high"]


def test_the_floor_of_conductivity(data_home: Callable[[str], Path]) -> None:
    data_home("ilthermo")
    spread = replicate_spread(CONDUCTIVITY, draws=200)
    assert 0.04 < spread.loc["measured", "spread"] < 0.06
    assert spread.loc["cleaned", "spread"] < spread.loc["measured", "spread"]
    assert (spread["low"] < spread["spread"]).all()
    assert (spread["spread"] < spread["high"]).all()
