"""PM7/COSMO of single ions: against the table of the data home, and what may go wrong."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leyden.errors import InputError, MissingExtraError
from leyden.representations.cosmo import CosmoVectors
from leyden.simulators import mopac
from leyden.simulators.cosmo_table import cosmo_rows, known_cosmo_ions
from leyden.simulators.ion_geometry import van_der_waals_volume_A3
from leyden.simulators.mopac import COSMO_COLUMNS, cosmo_descriptors, simulate
from leyden.simulators.sigma_profiles import PROFILE_NAMES, SIGMA_E_PER_A2, Surface, sigma_moments
from leyden.testing import check_representation

needs_mopac = pytest.mark.skipif(shutil.which("mopac") is None, reason="MOPAC is absent")

RIGID = [
    "CC[n+]1ccn(C)c1",
    "C[n+]1ccccc1",
    "C[N+](C)(C)C",
    "CC[NH3+]",
    "F[B-](F)(F)F",
    "F[P-](F)(F)(F)(F)F",
    "N#C[N-]C#N",
    "N#C[S-]",
    "CC(=O)[O-]",
    "CS(=O)(=O)[O-]",
    "O=[N+]([O-])[O-]",
    "[Cl-]",
]


@needs_mopac
def test_the_table_is_reproduced(data_home: Callable[[str], Path], tmp_path: Path) -> None:
    data_home("il-ions")
    expected = cosmo_rows(RIGID)
    found = simulate(RIGID, tmp_path)
    assert list(found["error"]) == [""] * len(RIGID)
    assert list(found["inchikey"]) == list(expected["inchikey"])
    apart = np.abs(found["hof_kcal_mol"] - expected["hof_kcal_mol"])
    assert apart.max() < 0.5
    for column in ("cosmo_area_A2", "cosmo_volume_A3", "mw"):
        np.testing.assert_allclose(found[column], expected[column], rtol=0.02, err_msg=column)
    volumes = [rows["vdw_volume_dclv_A3"] for rows in (found, expected)]
    np.testing.assert_allclose(*volumes, rtol=0.05)  # of unrelaxed shapes, on another lattice
    # Segments lie on a grid that turns with the ion.
    np.testing.assert_allclose(found["sig_M1_e"], expected["sig_M1_e"], atol=2e-3)
    np.testing.assert_allclose(found["sig_M2"], expected["sig_M2"], rtol=0.02)
    np.testing.assert_allclose(found["sig_M3"], expected["sig_M3"], rtol=0.04)
    for column in ("hb_acc", "hb_don"):
        np.testing.assert_allclose(found[column], expected[column], atol=0.006, err_msg=column)
    for row in range(len(RIGID)):
        ours, theirs = (
            np.cumsum(rows.loc[row, list(PROFILE_NAMES)].to_numpy(float))
            for rows in (found, expected)
        )
        assert np.abs(ours - theirs).mean() < 0.01 * theirs[-1]
    # One ion whose surface does not turn: its profile is the table's to the last digit.
    chloride = RIGID.index("[Cl-]")
    assert found["hof_kcal_mol"][chloride] == expected["hof_kcal_mol"][chloride]
    profile = list(PROFILE_NAMES)
    np.testing.assert_allclose(
        found.loc[chloride, profile].to_numpy(float),
        expected.loc[chloride, profile].to_numpy(float),
        atol=6e-4,
    )


@needs_mopac
def test_what_is_done_stays_done_and_failures_are_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ions = ["[Cl-]", "not an ion", "N#C[S-]", "Cl[*]"]
    first = simulate(ions, tmp_path)
    assert [bool(error) for error in first["error"]] == [False, True, False, True]
    assert "SMILES must be readable" in first["error"][1]
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.setattr(mopac, "cosmo_descriptors", lambda *a, **k: pytest.fail("done already"))
    again = simulate(["N#C[S-]", "[Cl-]"], tmp_path)
    np.testing.assert_array_equal(
        again[list(COSMO_COLUMNS)].to_numpy(), first.loc[[2, 0], list(COSMO_COLUMNS)].to_numpy()
    )


@pytest.mark.parametrize(
    ("told", "homo", "lumo"),
    [
        (" -7.513  1.204", -7.513, 1.204),
        (" -10.411283.076", -10.411, 283.076),
        (" -11.785", -11.785, math.nan),
    ],
)
def test_orbitals_of_lone_halides(told: str, homo: float, lumo: float) -> None:
    """Fluoride has no empty one, and the two of bromide run together."""
    text = f"  HOMO LUMO ENERGIES (EV) =        {told}\n  NO. OF FILLED LEVELS    =          4\n"
    found = [mopac._number(mopac._ORBITALS[name], text) for name in ("homo_eV", "lumo_eV")]
    assert found == pytest.approx([homo, lumo], nan_ok=True)
    assert math.isnan(mopac._number(mopac._ORBITALS["homo_eV"], "NO. OF FILLED LEVELS = 4"))


@needs_mopac
def test_a_calculation_that_takes_too_long_ends() -> None:
    with pytest.raises(InputError, match="must end in time"):
        cosmo_descriptors("CCCCCCCC[n+]1ccn(C)c1", timeout_s=0.02)


def test_a_run_that_broke_off_is_an_error_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that dies, or says why it stops, leaves a row with `error`, not a wrong number."""
    program = tmp_path / "mopac"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo MOPAC version 0.0.0; exit; fi\n'
        "echo ' * UNPARAMETERIZED ELEMENT              *' > ion.out\n"
        "kill -9 $$\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = simulate(["[Cl-]"], tmp_path / "kept")
    assert "UNPARAMETERIZED ELEMENT" in found["error"][0]
    assert np.isnan(found["hof_kcal_mol"][0])


def test_without_mopac_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LEYDEN_DATA", str(tmp_path))
    with pytest.raises(MissingExtraError, match="apt install mopac"):
        simulate(["[Cl-]"], tmp_path / "kept")
    with pytest.raises(InputError, match=r"row 1: .*Debian package mopac"):
        CosmoVectors().transform(["[Cl-]"])
    assert known_cosmo_ions().empty


def test_profile_keeps_area_and_charge() -> None:
    rng = np.random.default_rng(0)
    surface = Surface(rng.uniform(0.2, 2, 100), rng.uniform(-0.025, 0.025, 100))
    profile, moments = surface.profile(), sigma_moments(surface)
    assert profile.sum() == pytest.approx(surface.area_A2.sum())
    assert profile @ SIGMA_E_PER_A2 == pytest.approx(moments["sig_M1_e"])
    assert profile @ SIGMA_E_PER_A2**2 == pytest.approx(moments["sig_M2"], rel=0.01)
    beyond = Surface(np.array([2.0, 3.0]), np.array([0.05, -0.05])).profile()
    assert beyond[-1] == 2.0
    assert beyond[0] == 3.0


def test_vectors_of_known_ions(data_home: Callable[[str], Path]) -> None:
    data_home("il-ions")
    vectors = CosmoVectors(calculate=False)
    check_representation(vectors, RIGID)
    found = vectors.transform(["CCn1cc[n+](C)c1", "[Br-]"])  # another resonance form
    assert found.shape == (2, len(vectors.names()))
    np.testing.assert_array_equal(found[0], vectors.transform(["CC[n+]1ccn(C)c1"])[0])
    assert np.isfinite(found).all()
    with pytest.raises(InputError, match="row 2: an ion without"):
        vectors.transform(["[Cl-]", "CCCCCCCCCCCCCCCCCCCCCCCC[N+](C)(C)CCCF"])


def test_volume_is_that_of_the_table(data_home: Callable[[str], Path]) -> None:
    data_home("il-ions")
    known = known_cosmo_ions().iloc[::60]
    ratio = known["vdw_volume_dclv_A3"] / [van_der_waals_volume_A3(s) for s in known["smiles"]]
    assert np.abs(ratio - 1).max() < 0.05
