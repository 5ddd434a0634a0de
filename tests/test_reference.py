"""Known figures, reached through the public interface: published numbers and exact answers.

Closed forms and layers are checked against independent references in the file of each module; here
stands what crosses several of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import leyden as ly
from leyden.models.vectors import baselines
from leyden.physics import dendrites
from leyden.representations import CompositionStatistics, CrystalGraph

Home = Callable[[str], Path]

# rows as published: doi 10.1002/qua.24917, 10.1038/sdata.2015.9, 10.1038/sdata.2016.134
PUBLISHED_ROWS = {"flla-2015": 3938, "elastic-tensor-2015": 1181, "dielectric-constant": 1056}


@pytest.mark.parametrize("name", PUBLISHED_ROWS)
def test_data_sets_have_the_published_rows(name: str, data_home: Home) -> None:
    data_home(name)
    assert len(ly.load(name)) == PUBLISHED_ROWS[name] == ly.card(name).rows


def test_hill_averages_are_means_of_the_bounds(data_home: Home) -> None:
    data_home("elastic-tensor-2015")
    names = [f"{m}_{a}_GPa" for m in "KG" for a in ("VRH", "Voigt", "Reuss")]
    targets = ly.load("elastic-tensor-2015", target=names).targets
    for modulus in "KG":
        hill, voigt, reuss = (targets[f"{modulus}_{a}_GPa"] for a in ("VRH", "Voigt", "Reuss"))
        np.testing.assert_allclose(hill, (voigt + reuss) / 2, atol=1.0)
        assert (voigt >= reuss - 1.0).all()


def test_the_moduli_of_textbook_solids(data_home: Home) -> None:
    """Diamond, silicon and rock salt within 10 % of the measured bulk modulus (442, 98, 25 GPa)."""
    data_home("elastic-tensor-2015")
    data = ly.load("elastic-tensor-2015", target="K_VRH_GPa")
    by_formula = data.targets["K_VRH_GPa"].groupby(data.groups["formula"]).max()
    known = {"C": 442.0, "Si": 98.0, "NaCl": 25.0, "MgO": 160.0, "Al2O3": 250.0}
    present = [formula for formula in known if formula in by_formula]
    assert len(present) >= 2
    for formula in present:
        assert by_formula[formula] == pytest.approx(known[formula], rel=0.15), formula


def test_flla_and_elastic_share_214_crystals_and_the_note_says_so(data_home: Home) -> None:
    data_home("flla-2015")
    data_home("elastic-tensor-2015")
    source = ly.load("flla-2015", target="formation_energy_eV_per_atom")
    target = ly.load("elastic-tensor-2015", target="log10_K_VRH_GPa")
    shared = set(source.ids) & set(target.ids)
    assert len(shared) == 214
    assert not source.same_quantity(target)
    assert len(source.without(target.hold_out(np.arange(len(target))))) == len(source) - 214


def test_real_rock_salt_has_the_shells_of_rock_salt(data_home: Home) -> None:
    """6 neighbours at a/2 and 12 at a/sqrt(2), for every AB crystal of space group 225."""
    data_home("elastic-tensor-2015")
    data = ly.load("elastic-tensor-2015")
    cubic = [
        crystal
        for crystal, group in zip(data.items, data.extra["space_group"], strict=True)
        if str(group) == "225" and sorted(crystal.composition.values()) == [4, 4]
    ]
    assert len(cubic) > 30
    graphs = CrystalGraph(neighbours=12, quotient=False).transform(cubic)
    edge = np.cbrt([crystal.volume for crystal in cubic]).repeat(8)
    assert (np.diff(graphs.edge_offsets) == 18).all(), "the whole second shell, not a part of it"
    shells = np.sort(graphs.distances.reshape(-1, 18), axis=1) / edge[:, None]
    np.testing.assert_allclose(shells[:, :6], 0.5, rtol=1e-3)
    np.testing.assert_allclose(shells[:, 6:], np.sqrt(0.5), rtol=1e-3)


def test_composition_learns_bulk_moduli_as_well_as_it_is_known_to(data_home: Home) -> None:
    """de Jong et al. reach 0.0750 in log10 K on 1,173 rows; a plain forest must come near."""
    data_home("elastic-tensor-2015")
    data = ly.load("elastic-tensor-2015", target="log10_K_VRH_GPa")
    arms = {
        "mean": ly.FromScratch(baselines()["mean"]),
        "extra trees": ly.FromScratch(
            baselines()["extra trees"].set_params(regressor__n_estimators=60)
        ),
    }
    split = ly.splits.RandomSplits(0.6, 0.2, 0.2, repeats=1)
    scores = ly.compare(arms, data, split, progress=False).scores().set_index("arm")
    assert scores.loc["mean", "rmse"] == pytest.approx(data.y.std(), rel=0.15)
    assert 0.03 < scores.loc["extra trees", "rmse"] < 0.12


def test_magpie_statistics_of_rock_salt_by_hand() -> None:
    """Electronegativities 0.93 and 3.16, atomic numbers 11 and 17."""
    X = CompositionStatistics().transform(["NaCl"])[0]
    names = CompositionStatistics().names()
    expected = {"Number": (11, 17, 6, 14, 3), "Electronegativity": (0.93, 3.16, 2.23, 2.045, 1.115)}
    for column, values in expected.items():
        for statistic, value in zip(
            ("minimum", "maximum", "range", "mean", "avg_dev"), values, strict=True
        ):
            found = X[names.index(f"{statistic} {column}")]
            assert found == pytest.approx(value), (statistic, column)


def test_table_2_4_of_the_thesis_follows_from_its_printed_stability_parameters() -> None:
    """chi at k = 1e8 1/m and at lambda = 1 nm; then lambda_crit (Xie, table 2.4)."""
    low, high = np.array([0.62, 1.75, 1.98]), np.array([-109.26, -38.54, -40.13])
    curve = dendrites.recover_from_two_points(low, 1e8, high, 2e9 * np.pi)
    np.testing.assert_allclose(curve.critical_wavelength_nm, [3.64, 1.34, 1.32], atol=0.01)
