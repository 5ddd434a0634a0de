"""Closed forms against measured liquids, textbook values, limits and units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden.errors import InputError
from leyden.physics import cosmo_segments as segments
from leyden.physics import ion_transport as transport
from leyden.physics import ionic_liquids as liquids

# Van der Waals volumes of the ions by the double cubic lattice method, A^3; molar mass, g/mol;
# density at 298.15 K and 0.1 MPa, kg/m3, of NIST ILThermo.
MEASURED = {
    "[C2mim][BF4]": (117.3 + 52.4, 197.97, 1280.0),
    "[C4mim][BF4]": (150.9 + 52.4, 226.02, 1201.0),
    "[C4mim][PF6]": (150.9 + 72.0, 284.18, 1367.0),
    "[C2mim][NTf2]": (117.3 + 157.7, 391.31, 1518.0),
    "[C4mim][NTf2]": (150.9 + 157.7, 419.37, 1437.0),
    "[C8mim][NTf2]": (218.0 + 157.7, 475.47, 1320.0),
    "[C2mim][DCA]": (117.3 + 59.3, 177.21, 1104.0),
}
room = st.floats(250, 450)


@pytest.mark.parametrize("name", MEASURED)
def test_density_without_a_fitted_constant(name: str) -> None:
    volume, mass, measured = MEASURED[name]
    packed = volume / liquids.RANDOM_CLOSE_PACKING
    assert liquids.density_kg_per_m3(mass, packed, 298.15, 101.325) == pytest.approx(
        measured, rel=0.06
    )


def test_density_is_right_on_average() -> None:
    volume, mass, measured = np.array(list(MEASURED.values())).T
    packed = volume / liquids.RANDOM_CLOSE_PACKING
    ratio = liquids.density_kg_per_m3(mass, packed, 298.15, 101.325) / measured
    assert abs(ratio.mean() - 1) < 0.03


def test_expansion_and_compression_are_those_of_ionic_liquids() -> None:
    """Thermal expansion 6-7e-4 /K, compressibility 0.4-0.7 /GPa of common ionic liquids."""
    cold, warm, pressed = (
        liquids.molar_volume_m3_per_mol(300.0, *state)
        for state in ((298.15, 100.0), (299.15, 100.0), (298.15, 1100.0))
    )
    assert 5.5e-4 < warm / cold - 1 < 7.5e-4
    assert 4e-4 < 1 - pressed / cold < 7e-4  # one MPa
    assert liquids.molar_volume_m3_per_mol(1.0, 298.15, 0.0) == pytest.approx(6.0e-7, rel=0.01)


@given(room, room, st.floats(0, 1e5), st.floats(0, 1e5))
def test_density_falls_with_temperature_and_grows_with_pressure(
    low: float, high: float, weak: float, strong: float
) -> None:
    low, high = sorted((low, high))
    weak, strong = sorted((weak, strong))
    density = liquids.density_kg_per_m3(300.0, 400.0, [low, high], [strong, weak])
    assert density[0] >= density[1] > 0


def test_expansion_is_fitted_back() -> None:
    rng = np.random.default_rng(0)
    volume, T, P = rng.uniform(200, 600, 50), rng.uniform(280, 400, 50), rng.uniform(100, 1e5, 50)
    made = liquids.molar_volume_m3_per_mol(volume, T, P)
    found = liquids.fit_volume_expansion(made, volume, T, P)
    np.testing.assert_allclose(found, liquids.GARDAS_COUTINHO, rtol=1e-9)
    with pytest.raises(InputError, match="temperatures and pressures"):
        liquids.fit_volume_expansion(made, volume, T, np.full(50, 100.0))


def test_heat_capacity() -> None:
    """[C4mim][NTf2]: 565 J/(mol K), [C4mim][PF6]: 408 J/(mol K) at 298.15 K."""
    found = liquids.heat_capacity_J_per_mol_K([291.9e-6, 207.8e-6], 298.15)
    np.testing.assert_allclose(found, [565, 408], rtol=0.03)
    warm = liquids.heat_capacity_J_per_mol_K(291.9e-6, 348.15)
    assert found[0] < warm < 1.05 * found[0]


def test_heat_capacity_line_is_fitted_back() -> None:
    rng = np.random.default_rng(0)
    volume, T = rng.uniform(100e-6, 500e-6, 30), rng.uniform(280, 400, 30)
    line = liquids.HeatCapacityLine(1.8, 20.0, 2e-3)
    made = liquids.heat_capacity_J_per_mol_K(volume, T, line)
    np.testing.assert_allclose(liquids.fit_heat_capacity_line(made, volume, T), line, rtol=1e-6)


def test_parachors_of_textbook_liquids() -> None:
    """Benzene 206.2 and nitromethane 132.1 of Sugden's own table of measurements."""
    benzene = {"C": 6, "H": 6, "double bond": 3, "ring of 6": 1}
    assert liquids.sugden_parachor(benzene) == pytest.approx(206.2, rel=0.01)
    nitromethane = {"C": 1, "H": 3, "N": 1, "O": 2, "double bond": 1}
    assert liquids.sugden_parachor(nitromethane) == pytest.approx(132.1, rel=0.01)
    tension = liquids.surface_tension_N_per_m(206.2, 89.4e-6)
    assert tension == pytest.approx(28.2e-3, rel=0.02)  # benzene at 298 K


@given(st.floats(1e-3, 1.0), st.floats(1e-5, 1e-3))
def test_parachor_and_surface_tension_are_inverse(tension: float, volume: float) -> None:
    back = liquids.surface_tension_N_per_m(liquids.parachor(tension, volume), volume)
    assert back == pytest.approx(tension, rel=1e-9)


def test_lattice_energies_of_salts() -> None:
    """Born-Haber cycles: NaCl 786, CsI 600, CaF2 2630, K2S 1979 kJ/mol, with their volumes."""
    assert liquids.lattice_energy_kJ_per_mol(0.0449) == pytest.approx(786, rel=0.04)
    assert liquids.lattice_energy_kJ_per_mol(0.0956) == pytest.approx(600, rel=0.04)
    assert liquids.lattice_energy_kJ_per_mol(0.0408, 1, 2, 2, 1) == pytest.approx(2630, rel=0.05)
    assert liquids.lattice_energy_kJ_per_mol(0.1009, 2, 1, 1, 2) == pytest.approx(1979, rel=0.05)
    with pytest.raises(InputError, match="MX, MX2 and M2X"):
        liquids.lattice_energy_kJ_per_mol(0.1, 1, 1, 3, 3)


def test_what_is_outside_the_domain_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"kelvin must be positive \(got -5"):
        liquids.density_kg_per_m3(300, 400, -5.0, 100)
    with pytest.raises(InputError, match="pressure must not be negative"):
        liquids.density_kg_per_m3(300, 400, 300, -1)
    with pytest.raises(InputError, match="range of the linear expansion"):
        liquids.molar_volume_m3_per_mol(400, 300, 1e7)
    with pytest.raises(InputError, match="parachor is known of these only"):
        liquids.sugden_parachor({"Fe": 1})
    assert np.isnan(liquids.density_kg_per_m3(np.nan, 400, 300, 100))


def test_transport_of_a_known_liquid() -> None:
    """[C2mim][BF4] at 298 K: 1.55 S/m, 0.037 Pa s, 154.6 cm3/mol: near Walden's line, below it."""
    product = transport.walden_product(1.55, 154.6e-6, 0.037)
    assert 0.5 < product < 1.0
    diffusion = transport.stokes_einstein_m2_per_s(298.15, 0.89e-3, 1.0)
    assert diffusion == pytest.approx(2.45e-9, rel=0.01)  # of 1 A in water
    # D+ 5.0e-11, D- 4.2e-11 m2/s by NMR (Noda et al., 2001): an ideal conductivity above 1.55 S/m.
    ideal = transport.nernst_einstein_conductivity_S_per_m(298.15, 5.0e-11, 4.2e-11, 154.6e-6)
    assert 1.55 < ideal < 2.6


@given(st.floats(200, 500), st.floats(200, 500), st.floats(100, 2000), st.floats(0, 190))
def test_vogel_is_monotonic(low: float, high: float, barrier: float, glass: float) -> None:
    low, high = sorted((low, high))
    values = transport.log10_vogel([low, high], -4.0, barrier, glass)
    assert values[0] >= values[1] > -4.0


def test_fragility_is_the_slope_at_the_glass_transition() -> None:
    glass, barrier, ideal = 190.0, 800.0, 150.0
    step = 1e-4
    below, above = (
        transport.log10_vogel(glass / (1 + sign * step), -4.0, barrier, ideal) for sign in (-1, 1)
    )
    slope = (above - below) / (2 * step)
    assert transport.fragility(glass, barrier, ideal) == pytest.approx(slope, rel=1e-4)
    with pytest.raises(InputError, match="above T0"):
        transport.log10_vogel(100.0, -4.0, barrier, ideal)


GRID = np.linspace(-0.02, 0.02, 21)


def test_contact_energies() -> None:
    assert segments.misfit_energy_kJ_per_mol(0.01, -0.01) == 0
    assert segments.misfit_energy_kJ_per_mol(0.01, 0.01) == pytest.approx(13.78, rel=1e-3)
    assert segments.hydrogen_bond_energy_kJ_per_mol(0.005, -0.02) == 0
    bond = segments.hydrogen_bond_energy_kJ_per_mol(0.0184, -0.0184)
    assert bond == pytest.approx(-35.81, rel=1e-3)
    assert segments.hydrogen_bond_energy_kJ_per_mol(-0.0184, 0.0184) == bond


def test_segments_of_one_kind_have_a_known_free_energy() -> None:
    """A liquid of equal segments: ln Gamma^2 = E / RT, whatever their number."""
    profile = np.zeros((1, 21))
    profile[0, 15] = 150.0  # sigma 0.01, 20 contacts
    found = segments.segment_free_energy_kJ_per_mol(profile, GRID, 298.15)
    expected = 20 * segments.misfit_energy_kJ_per_mol(0.01, 0.01) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@given(st.lists(st.floats(0.1, 50), min_size=21, max_size=21))
def test_segment_free_energy_is_symmetric_and_bounded(areas: list[float]) -> None:
    """Turning all charges round changes nothing; ions that fit each other lie below misfits."""
    profile = np.array([areas])
    found, turned = (
        segments.segment_free_energy_kJ_per_mol(each, GRID, 300.0)
        for each in (profile, profile[:, ::-1])
    )
    np.testing.assert_allclose(found, turned, rtol=1e-2, atol=0.5)
    assert np.isnan(segments.segment_free_energy_kJ_per_mol(profile * np.nan, GRID, 300.0)).all()


def test_mean_contact_energy_of_sharp_profiles() -> None:
    first, second = np.zeros((1, 21)), np.zeros((1, 21))
    first[0, 4], second[0, 16] = 30.0, 200.0
    energy = segments.misfit_energy_kJ_per_mol(GRID[:, None], GRID)
    np.testing.assert_allclose(
        segments.mean_contact_energy_kJ_per_mol(first, second, energy), 0, atol=1e-12
    )
    np.testing.assert_allclose(
        segments.mean_contact_energy_kJ_per_mol(first, first, energy), energy[4, 4]
    )
    with pytest.raises(InputError, match="must have an area"):
        segments.mean_contact_energy_kJ_per_mol(first * 0, second, energy)
