"""The screen of lithium crystals: what is known is merged, what is left out is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import leyden as ly
from leyden.physics.dendrites import (
    critical_wavelength_nm,
    poisson_from_moduli,
    probability_of_stability,
    stability_parameter,
)
from leyden.studies.lithium_screen import (
    K_HIGH,
    K_LOW,
    MODULI,
    Candidates,
    lithium_crystals,
    rank,
    sieve,
)

GAP, HULL = "band_gap_eV", "energy_above_hull_eV_per_atom"
SALT = 0.5 * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])


def salt(cation: int, anion: int, a: float = 5.0) -> ly.Crystal:
    return ly.Crystal(np.array([cation, anion]), np.array([[0.0] * 3, [0.5] * 3]), a * SALT)


CRYSTALS = {
    "LiF": salt(3, 9, 4.0),
    "LiCl": salt(3, 17, 5.1),
    "LiBr": salt(3, 35, 5.5),
    "NaCl": salt(11, 17, 5.6),
}


def dataset(name: str, ids: list[str], **columns: list[float]) -> ly.Dataset:
    table = pd.DataFrame(columns, index=range(len(ids)), dtype=float)
    targets = [column for column in table if column in (*MODULI, "formation_eV")]
    return ly.Dataset(
        name=name,
        ids=np.array(ids),
        items=tuple(CRYSTALS[part] for part in ids),
        targets=table[targets],
        extra=table.drop(columns=targets),
    )


def facts(**columns: list[float]) -> Candidates:
    """Candidates with these facts, and crystals that do not matter."""
    table = pd.DataFrame(columns)
    rows = len(table)
    ids = np.array([f"row {i}" for i in range(rows)])
    return Candidates(
        ly.Dataset(
            name="made up",
            ids=ids,
            items=(CRYSTALS["LiF"],) * rows,
            targets=pd.DataFrame(np.nan, index=range(rows), columns=list(MODULI)),
            groups=pd.DataFrame({"formula": ids}),
        ),
        table,
    )


def test_crystals_are_taken_once_and_what_sets_tell_is_merged() -> None:
    first = dataset("first", ["NaCl", "LiF", "LiCl"], **{GAP: [5.0, np.nan, 6.0]})
    second = dataset(
        "second", ["LiCl", "LiF", "LiBr"], **{GAP: [1.0, 8.7, np.nan], HULL: [0.02, np.nan, 0.3]}
    )
    third = dataset("third", ["LiF", "LiCl"], K_VRH_GPa=[100.0, 10.0], G_VRH_GPa=[-1.0, 10.0])
    known = dataset("known", ["LiCl", "NaCl"], **{name: [1.5, 1.4] for name in MODULI})
    found = lithium_crystals([first, second, third], known)
    assert found.dataset.ids.tolist() == ["LiF", "LiCl", "LiBr"]
    assert found.facts["source"].tolist() == ["first", "first", "second"]
    np.testing.assert_array_equal(found.facts[GAP], [8.7, 6.0, np.nan])  # the first to tell
    np.testing.assert_array_equal(found.facts[HULL], [np.nan, 0.02, 0.3])
    np.testing.assert_array_equal(found.dataset.y, [[2, np.nan], [1.5] * 2, [np.nan] * 2])
    np.testing.assert_allclose(found.facts["coordination"], 6.0, atol=0.05)  # rock salt
    assert (found.facts["molar_volume_ratio"] < 1).all()


def test_without_lithium_there_is_nothing_to_screen() -> None:
    salts = dataset("salts", ["NaCl"], **{name: [1.4] for name in MODULI})
    with pytest.raises(ly.InputError, match="no crystal contains lithium"):
        lithium_crystals([salts], salts)


def test_the_sieve_counts_each_rule_on_what_the_one_before_has_left() -> None:
    everyone = facts(
        **{
            GAP: [0.0, 0.0, 1e-3, np.nan, np.nan, 2.0, 2.0, 3.0],
            HULL: [0.0, 0.5, 0.1, 0.09, np.nan, 0.2, 0.0, np.nan],
            "molar_volume_ratio": [0.1, 1.5, 0.1, 0.1, 1.2, 1.3, 1.0, np.nan],
        }
    )
    kept, counts = sieve(everyone)
    assert kept.dataset.ids.tolist() == ["row 3", "row 6"]
    assert counts["removed"].tolist() == [0, 2, 2, 1, 1, 0, 0]
    # Of the last two, one gap is not known, and both energies are.
    assert counts["left"].tolist() == [8, 6, 4, 3, 2, 1, 0]
    rules = counts["rule"].tolist()
    words = ("lithium", "gap 0", "0.1", "V_ion > V_M", "coordination", "gap not", "hull not")
    for rule, word in zip(rules, words, strict=True):
        assert word in rule
    pd.testing.assert_frame_equal(kept.facts, everyone.facts.iloc[[3, 6]].reset_index(drop=True))


def test_a_sieve_that_keeps_all_says_so() -> None:
    kept, counts = sieve(facts(**{GAP: [1.0], HULL: [0.0], "molar_volume_ratio": [0.1]}))
    assert len(kept.dataset) == 1
    assert counts["removed"].sum() == 0
    assert counts["left"].tolist() == [1, 1, 1, 1, 1, 0, 0]


def ranked() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Four candidates, two with known moduli; members of an ensemble; ratios of volume."""
    volumes = np.array([0.1, 0.3, 0.2, 0.1])
    gaps, hulls = [1.0, np.nan, 2.0, 3.0], [np.nan, 0.0, 0.01, 0.02]
    made = facts(**{GAP: gaps, HULL: hulls, "molar_volume_ratio": volumes})
    known = np.full((4, 2), np.nan)
    known[1], known[3, 0] = (2.0, 1.8), 9.0  # one modulus of two is not enough
    targets = pd.DataFrame(known, columns=list(MODULI))
    data = replace(made.dataset, targets=targets)
    members = np.random.default_rng(0).normal([1.8, 1.2], 0.1, (30, 4, 2))
    return rank(Candidates(data, made.facts), members), members, volumes


def test_known_moduli_are_kept_without_spread() -> None:
    table, _, volumes = ranked()
    row = table.set_index("id").loc["row 1"]
    assert row["moduli_known"]
    assert (row["K_GPa"], row["G_GPa"]) == pytest.approx((10**2.0, 10**1.8))
    poisson = poisson_from_moduli(10**2.0, 10**1.8)
    assert row["poisson_ratio"] == pytest.approx(poisson)
    for name, wavenumber in (("low", K_LOW), ("high", K_HIGH)):
        chi = stability_parameter(wavenumber, 10**1.8, poisson, volumes[1])
        assert row[f"chi_{name}"] == pytest.approx(float(chi))
    spread = ["G_std_GPa", "chi_low_std", "chi_high_std", "P_s_low", "P_s_high"]
    assert row[[*spread, "lambda_crit_std_nm"]].isna().all()
    assert not row["gap_known"]
    assert table.loc[~table["hull_known"], "id"].tolist() == ["row 0"]
    assert table["moduli_known"].sum() == 1


def test_predicted_moduli_are_those_of_the_members() -> None:
    table, members, volumes = ranked()
    for place in (0, 2, 3):
        row = table.set_index("id").loc[f"row {place}"]
        bulk, shear = 10 ** members[:, place, 0], 10 ** members[:, place, 1]
        poisson = poisson_from_moduli(bulk, shear)
        chi = stability_parameter(K_LOW, shear, poisson, volumes[place])
        wavelength = critical_wavelength_nm(shear, poisson, volumes[place])
        expected = {
            "K_GPa": bulk.mean(),
            "G_GPa": shear.mean(),
            "G_std_GPa": shear.std(),
            "chi_low": chi.mean(),
            "chi_low_std": chi.std(),
            "P_s_low": probability_of_stability(chi),
            "lambda_crit_nm": wavelength.mean(),
            "lambda_crit_median_nm": np.median(wavelength),
            "lambda_crit_std_nm": wavelength.std(),
            "shear_ratio": shear.mean() / 3.4,
        }
        found = row[list(expected)].to_numpy(float)
        np.testing.assert_allclose(found, list(expected.values()), err_msg=f"row {place}")
        assert 0 <= row["P_s_high"] <= 1


def test_the_longest_critical_wavelength_comes_first() -> None:
    table, _, _ = ranked()
    assert sorted(table["id"]) == [f"row {i}" for i in range(4)]
    wavelengths = table["lambda_crit_median_nm"].to_numpy()
    assert np.isfinite(wavelengths).all()
    assert (np.diff(wavelengths) <= 0).all()
    assert table["id"].tolist() != sorted(table["id"])  # it had to be sorted


def test_one_member_that_sees_no_dendrite_does_not_decide_the_rank() -> None:
    made = facts(**{GAP: [1.0, 1.0], HULL: [0.0, 0.0], "molar_volume_ratio": [0.3, 0.3]})
    members = np.tile([1.8, 1.2], (5, 2, 1))
    members[:, 1, 1] = 1.1
    members[0, 1] = 0.4, -1.5  # so soft that the stresses alone stabilise
    table = rank(made, members).set_index("id")
    assert np.isinf(table.loc["row 1", "lambda_crit_nm"])
    medians = critical_wavelength_nm(
        10 ** np.array([1.2, 1.1]), poisson_from_moduli(10**1.8, 10 ** np.array([1.2, 1.1])), 0.3
    )
    np.testing.assert_allclose(table["lambda_crit_median_nm"].sort_index(), medians)
    assert table.index[0] == ["row 0", "row 1"][int(np.argmax(medians))]
