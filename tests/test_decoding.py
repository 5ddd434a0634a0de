"""From anions to beads, and the ranking by a surrogate whose answers are known."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.home import data_home
from leyden.data.molecules import inchi_key
from leyden.errors import InputError
from leyden.exploration import anion_parameters as estimates
from leyden.exploration import salts
from leyden.exploration.anion_parameters import (
    BEAD_COLUMNS,
    DESCRIPTOR_COLUMNS,
    FACTORS,
    TFSI,
    anion_descriptors,
    bead_parameters,
    chain_contact_kcal_per_mol,
    factor_draws,
)
from leyden.exploration.decoding import (
    best_bead,
    catalogue_anions,
    factor_swings,
    rank_anions,
)
from leyden.exploration.salts import SALTS, compare_salts
from leyden.exploration.search_space import Parameter, SearchSpace
from leyden.simulators.cosmo_table import COSMO_FILE, known_cosmo_ions
from leyden.simulators.mopac import cosmo_descriptors, deepest_potential
from leyden.simulators.polymer_electrolyte import SEARCH_SPACES, PolymerElectrolyte
from leyden.simulators.sigma_profiles import PROFILE_NAMES, SIGMA_E_PER_A2

SPACE = SearchSpace(tuple(Parameter(name, *ends) for name, ends in SEARCH_SPACES["anion"].items()))
MOPAC = pytest.mark.skipif(shutil.which("mopac") is None, reason="needs mopac on the path")
IONS = pytest.mark.skipif(
    not (data_home() / COSMO_FILE).exists(), reason="needs the data set il-ions"
)


@dataclass
class Hill:
    """log10 sigma = -3 - |u - top|^2 in the unit cube; scales make it differ by parameter."""

    top: dict[str, float] = field(default_factory=lambda: {"anion_radius": 3.4})
    std: float = 0.0
    space: SearchSpace = SPACE

    def _unit(self, rows: pd.DataFrame) -> np.ndarray:
        goal = pd.DataFrame([dict(PolymerElectrolyte().__dict__) | self.top])[SPACE.names]
        return self.space.to_unit(rows) - self.space.to_unit(goal)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        mean = -3.0 - (self._unit(rows) ** 2).sum(axis=1)
        return pd.DataFrame({"mean": mean, "std": self.std}, index=rows.index)

    def sample(self, rows: pd.DataFrame, n: int, *, random_state: int) -> np.ndarray:
        noise = np.random.default_rng(random_state).normal(0, self.std, (n, len(rows)))
        return self.predict(rows)["mean"].to_numpy() + noise

    def length_scales(self) -> pd.Series:
        return pd.Series([0.5, 1.0, 2.0, 2.0, 2.0], index=SPACE.names)


def known_anions() -> pd.DataFrame:
    return anion_descriptors([salt.anion for salt in SALTS.values()])


def of_volume(*volumes: float) -> pd.DataFrame:
    """Anions like TFSI but for their volume."""
    row = anion_descriptors([TFSI]).iloc[0]
    table = pd.DataFrame([row] * len(volumes)).reset_index(drop=True)
    return table.assign(
        cosmo_volume_A3=list(volumes), inchikey=[f"ANION-{place}" for place in range(len(volumes))]
    )


# Beads


@settings(max_examples=25)
@given(st.sampled_from(sorted(FACTORS)), st.floats(0.0, 1.0))
def test_tfsi_is_the_reference_whatever_the_factors(name: str, share: float) -> None:
    factor = FACTORS[name]
    value = factor.low + share * (factor.high - factor.low)
    if name not in estimates.OF_EACH_ANION:  # of which the anchor has none
        bead = bead_parameters(anion_descriptors([TFSI]), {name: value}).iloc[0]
        reference = PolymerElectrolyte()
        assert {column: bead[column] for column in BEAD_COLUMNS} == {
            column: getattr(reference, column) for column in BEAD_COLUMNS
        }
        assert bead.clipped == ""


def test_the_anchor_has_no_error_of_its_own() -> None:
    keys = [inchi_key(TFSI), inchi_key("[Cl-]")]
    errors = np.array([by["binding_error"] for by in factor_draws(keys, 50, 0)])
    assert (errors[:, 0] == 0).all()
    assert errors[:, 1].std() > 5


@settings(max_examples=25)
@given(st.floats(20, 600), st.floats(1.01, 3))
def test_a_greater_volume_is_a_greater_bead(volume: float, times: float) -> None:
    small, large = bead_parameters(of_volume(volume, volume * times)).anion_radius
    assert small < large or large in SEARCH_SPACES["anion"]["anion_radius"]


def test_eight_times_the_volume_is_twice_the_radius() -> None:
    small, large = bead_parameters(of_volume(40.0, 320.0)).anion_radius
    assert large == pytest.approx(2 * small)


def test_what_draws_lithium_more_gets_a_deeper_well_to_it() -> None:
    anions = of_volume(150.0, 150.0).assign(deepest_potential_kcal_mol=[-120.0, -180.0])
    weak, strong = bead_parameters(anions).epsilon_cation_anion
    assert weak < strong
    # By hand: ratio of what a charge in a sphere of the volume leaves over, to that of TFSI.
    cavities = (3 * np.array([150.0, 218.61]) / (4 * np.pi)) ** (1 / 3)
    over, tfsi = np.array([180.0, 117.422]) - 332.0637 / cavities
    assert strong == pytest.approx(0.6 * over / tfsi)


def test_a_lone_ion_has_nothing_beyond_its_charge() -> None:
    beads = bead_parameters(known_anions()).set_axis(list(SALTS))
    low = SEARCH_SPACES["anion"]["epsilon_cation_anion"][0]
    assert "epsilon_cation_anion" in beads.clipped["LiCl"]
    assert beads.epsilon_cation_anion["LiCl"] == low
    # A smaller gain keeps it inside the bounds: it then loses a quarter of the reference.
    beads = bead_parameters(known_anions(), {"cation_gain": 0.25}).set_axis(list(SALTS))
    assert beads.epsilon_cation_anion["LiCl"] == pytest.approx(0.75 * 0.6, abs=0.002)


def test_a_hard_anion_is_screened_less_by_the_ether() -> None:
    sigma = np.array(SIGMA_E_PER_A2)
    profiles = np.array([np.isclose(sigma, value) * 50.0 for value in (0.005, 0.010, 0.020)])
    soft, middle, hard = chain_contact_kcal_per_mol(profiles)
    assert soft < middle < hard
    # The most polar segment of the ether has -0.008 e/A^2: no contact can cost less than it does.
    assert hard > 16466.72 / 2 * (0.020 - 0.008) ** 2


def test_a_small_anion_turns_less_of_its_surface_to_the_chain() -> None:
    small, large = bead_parameters(of_volume(100.0, 218.61)).epsilon_anion_chain
    reach = np.array([2.9 * (100.0 / 218.61) ** (1 / 3), 2.9])
    share = (reach / (reach + 2.15)) ** 2
    assert large == pytest.approx(0.6)
    assert small == pytest.approx(0.6 + 0.5959 * (1 - share[0] / share[1]))


def test_values_beyond_the_search_space_are_cut_and_told() -> None:
    beads = bead_parameters(of_volume(10.0, 218.61, 5000.0))
    assert [("anion_radius" in cut) for cut in beads.clipped] == [True, False, True]
    assert list(beads.anion_radius) == [1.5, 2.9, 5.0]
    PolymerElectrolyte.at(**beads.iloc[0][list(BEAD_COLUMNS)].to_dict())


def test_an_unknown_factor_is_told_with_the_known_one() -> None:
    with pytest.raises(InputError, match=r"chain_gian.*chain_gain"):
        bead_parameters(known_anions(), {"chain_gian": 1.0})


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("[Li+]", "charge -1"),
        ("CCO", "charge -1"),
        ("O=S(=O)([O-])[O-]", "charge -1"),
        ("[Cl-].CCO", "one species"),
        ("no smiles", "readable"),
        ("C" * 40 + "C(=O)[O-]", "100 atoms at most"),
    ],
)
def test_what_is_no_anion_says_why(smiles: str, reason: str) -> None:
    row = anion_descriptors([TFSI, smiles]).iloc[1]
    assert reason in row.error
    assert "Remedy" in row.error
    assert np.isnan(row.cosmo_volume_A3)


def test_an_unknown_anion_says_what_helps(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    row = anion_descriptors(["CCCC(=O)[O-]"]).iloc[0]
    assert "without PM7/COSMO" in row.error
    assert "Remedy" in row.error
    assert anion_descriptors([]).empty


@IONS
def test_an_anion_of_the_table_without_mopac_names_the_folder() -> None:
    assert "name a folder" in anion_descriptors(["CC(=O)[O-]"]).error.iloc[0]


# Against MOPAC, and the table


@IONS
def test_the_known_anions_are_those_of_the_table() -> None:
    table = known_cosmo_ions().set_index("inchikey")
    known = known_anions()
    rows = table.loc[known.inchikey]
    contact = chain_contact_kcal_per_mol(rows[list(PROFILE_NAMES)].to_numpy())
    np.testing.assert_allclose(known.cosmo_volume_A3, rows.cosmo_volume_A3)
    np.testing.assert_allclose(known.chain_contact_kcal_mol, contact, atol=1e-4)


@MOPAC
def test_the_potential_of_a_lone_ion_is_that_of_its_charge() -> None:
    told = deepest_potential("[Cl-]")["deepest_potential_kcal_mol"]
    known = known_anions().set_index("smiles").deepest_potential_kcal_mol
    assert told == pytest.approx(known["[Cl-]"], abs=0.1)
    area = cosmo_descriptors("[Cl-]")["cosmo_area_A2"]
    assert told == pytest.approx(-332.0637 / np.sqrt(area / (4 * np.pi)), rel=0.02)


@MOPAC
def test_the_ether_is_dimethoxyethane() -> None:
    told = cosmo_descriptors("COCCOC")
    profile = np.array([told[name] for name in PROFILE_NAMES])
    assert profile[profile > 0] == pytest.approx(np.array(estimates._ETHER), abs=0.02)


@MOPAC
def test_results_of_mopac_are_kept(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    first = anion_descriptors(["[Br-]", "[I-]"], tmp_path)
    assert (first.error == "").all()
    assert first[list(DESCRIPTOR_COLUMNS)].notna().all(axis=None)
    monkeypatch.setattr(estimates, "deepest_potential", lambda *_, **__: 1 / 0)
    again = anion_descriptors(["[I-]", "[Br-]"], tmp_path)
    pd.testing.assert_frame_equal(again[::-1].reset_index(drop=True), first)


# Ranking


def explored(n: int = 40) -> pd.DataFrame:
    return SPACE.random(n, 1)


def test_the_ranking_finds_the_anion_on_the_hill() -> None:
    ranking = rank_anions(Hill({"anion_radius": 2.9}), known_anions(), explored(), draws=8)
    assert ranking.smiles.iloc[0] == TFSI
    assert ranking.log10_sigma.iloc[0] == pytest.approx(-3.0)
    assert ranking.from_optimum.iloc[0] < 0.1 < ranking.from_optimum.iloc[1]
    assert ranking.log10_sigma.is_monotonic_decreasing
    assert ((ranking.low <= ranking.log10_sigma) & (ranking.log10_sigma <= ranking.high)).all()


def test_the_ranking_does_not_know_the_order_of_its_rows() -> None:
    anions = known_anions().assign(name=list(SALTS))
    one = rank_anions(Hill(std=0.1), anions, explored(), draws=8)
    other = rank_anions(Hill(std=0.1), anions.iloc[[2, 0, 3, 1]], explored(), draws=8)
    pd.testing.assert_frame_equal(one, other)
    few = rank_anions(Hill(std=0.1), anions.iloc[[1, 3]], explored(), draws=8)
    pd.testing.assert_frame_equal(few, one[one.smiles.isin(few.smiles)].reset_index(drop=True))


def test_intervals_hold_surrogate_and_factors() -> None:
    tfsi = anion_descriptors([TFSI])
    alone = rank_anions(Hill(std=0.1), tfsi, explored(), draws=8).iloc[0]
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * 0.1, rel=0.05)
    assert alone.factor_std < 1e-9
    chloride = anion_descriptors(["[Cl-]"])
    wider = rank_anions(Hill(std=0.1), chloride, explored(), draws=64).iloc[0]
    assert wider.factor_std > 0
    assert wider.high - wider.low > 2 * 1.96 * 0.1


def test_distances_are_in_length_scales() -> None:
    row = rank_anions(Hill(), of_volume(218.61), of_volume_rows(), draws=4).iloc[0]
    # 3.4 against 2.9 of a range of 3.5, over a length scale of a half.
    assert row.from_optimum == pytest.approx(0.5 / 3.5 / 0.5, abs=0.02)


def of_volume_rows() -> pd.DataFrame:
    reference = {name: getattr(PolymerElectrolyte(), name) for name in SPACE.names}
    return pd.DataFrame([reference | {"anion_radius": radius} for radius in (2.8, 2.9, 3.0)])


def test_what_is_far_from_all_simulations_is_marked() -> None:
    near, far = (
        rank_anions(Hill(), of_volume(volume), of_volume_rows(), draws=4).iloc[0]
        for volume in (220.0, 500.0)
    )
    assert not near.extrapolates
    assert near.clipped == ""
    assert far.extrapolates
    assert far.from_explored > near.from_explored


def test_the_best_bead_is_the_top_at_this_concentration() -> None:
    best = best_bead(Hill({"anion_radius": 3.4, "epsilon_anion_chain": 2.0}), 0.05).iloc[0]
    assert best.li_per_eo == 0.05
    assert best.anion_radius == pytest.approx(3.4, abs=0.03)
    assert best.epsilon_anion_chain == pytest.approx(2.0, abs=0.1)


def test_swings_tell_which_factor_matters() -> None:
    swings = factor_swings(Hill(), known_anions().iloc[[0, 3]])
    assert np.allclose(swings.iloc[0], 0)
    assert swings.iloc[1].radius_exponent < -0.05  # chloride shrinks, away from the top


def test_anions_that_failed_stand_last_with_their_reason() -> None:
    anions = anion_descriptors(["CCO", *[salt.anion for salt in SALTS.values()]])
    ranking = rank_anions(Hill(), anions, explored(), draws=4)
    assert ranking.error.iloc[-1]
    assert (ranking.error.iloc[:-1] == "").all()
    assert np.isnan(ranking.log10_sigma.iloc[-1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda anions: anions.drop(columns="cosmo_volume_A3"), "cosmo_volume_A3"),
        (lambda anions: pd.concat([anions, anions]), "twice"),
        (lambda anions: anions.iloc[:0], "an anion to rank"),
        (lambda anions: anions.assign(error="no MOPAC"), "no MOPAC"),
    ],
)
def test_bad_tables_are_refused(change, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=reason):
        rank_anions(Hill(), change(known_anions()), explored(), draws=4)


def test_a_surrogate_of_another_space_is_refused() -> None:
    other = SearchSpace((Parameter("x", 0.0, 1.0),))
    with pytest.raises(InputError, match="not of anions"):
        rank_anions(Hill(space=other), known_anions(), explored(), draws=4)
    with pytest.raises(InputError, match="two simulated"):
        rank_anions(Hill(), known_anions(), explored(1), draws=4)


@IONS
def test_the_catalogue_has_names_sources_and_licences() -> None:
    table = catalogue_anions(["O=C([O-])C1CCCCCCCCC1"])
    assert table.inchikey.is_unique
    assert (table.sources != "").all()
    assert {"TFSI", "FSI", "PF6", "chloride"} <= set(table.name)
    assert table.sources.iloc[-1] == "own"


def test_a_gaussian_process_ranks_as_the_hill_that_it_learned() -> None:
    pytest.importorskip("botorch")
    from leyden.exploration.search_space import Objective
    from leyden.exploration.surrogate import Surrogate

    hill = Hill({"anion_radius": 2.9})
    told = explored(60)
    told["log10_sigma"] = hill.predict(told)["mean"]
    surrogate = Surrogate(SPACE, Objective("log10_sigma"), random_state=0).fit(told)
    anions = known_anions()
    learned, true = (rank_anions(each, anions, told, draws=4) for each in (surrogate, hill))
    assert list(learned.smiles) == list(true.smiles)
    np.testing.assert_allclose(learned.log10_sigma, true.log10_sigma, atol=0.1)
    assert best_bead(surrogate).anion_radius.iloc[0] == pytest.approx(2.9, abs=0.3)
    compared = compare_salts(surrogate, told, draws=10)
    assert compared.table.log10_sigma["LiTFSI"] > compared.table.log10_sigma["LiCl"]


# Salts


def test_salts_have_an_order_with_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salts, "MOST_CLIPPED", 1.0)
    compared = compare_salts(Hill({"anion_radius": 2.9}, std=0.02), explored(), draws=20)
    table = compared.table
    assert table.index[0] == "LiTFSI"
    assert table.log10_sigma.is_monotonic_decreasing
    assert table.probability_best.sum() == pytest.approx(1.0)
    assert compared.more_than.loc["LiTFSI", "LiCl"] > 0.95
    both = compared.more_than + compared.more_than.T
    assert np.allclose(both.to_numpy()[~np.eye(4, dtype=bool)], 1.0)
    assert list(compared.swings.columns) == list(FACTORS)


def test_a_salt_at_a_bound_has_no_probability() -> None:
    compared = compare_salts(Hill({"anion_radius": 2.9}, std=0.02), explored(), draws=40)
    table = compared.table
    sets = factor_draws(known_anions().inchikey.tolist(), 40, 0)
    cut = [bead_parameters(known_anions(), by).clipped.iloc[3] != "" for by in sets]
    assert table.clipped_share["LiCl"] == pytest.approx(np.mean(cut))
    assert table.clipped_share["LiTFSI"] == 0
    much = table.index[table.clipped_share > salts.MOST_CLIPPED]
    assert "LiCl" in much
    assert table.probability_best[much].isna().all()
    assert compared.more_than.loc[much].isna().all(axis=None)
    assert compared.more_than[much].isna().all(axis=None)
    little = table.index.drop(much)
    # Of one alone there is no order.
    assert table.probability_best[little].isna().all() == (len(little) < 2)


def test_probabilities_are_among_those_that_have_one() -> None:
    drawn = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [0.0, 2.0, 1.0]])
    beat, best = salts._probabilities(drawn, np.array([False, True, True]))
    assert np.isnan(beat[0]).all()
    assert beat[1, 2] == 0.75
    np.testing.assert_array_equal(best, [np.nan, 0.75, 0.25])


def test_salts_far_from_all_simulations_are_marked() -> None:
    near = of_volume_rows()
    marked = compare_salts(Hill(), near, li_per_eo=0.1, draws=4).table.extrapolates
    assert not marked["LiTFSI"]
    assert marked["LiCl"]


def test_what_is_measured_has_temperature_concentration_and_source() -> None:
    table = compare_salts(Hill(), explored(), draws=4).table
    measured = table.measured_log10_sigma.notna()
    assert (table.doi[measured].str.startswith("10.") & (table.temperature_K[measured] > 273)).all()
    assert (table.remark[~measured] != "").all()
    assert not measured["LiCl"]
    assert (1 / table.eo_per_li[measured] == table.li_per_eo[measured]).all()
