"""The stability of the metal-electrolyte interface, against elasticity solved from scratch."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from leyden.errors import InputError
from leyden.physics.dendrites import (
    LITHIUM,
    Metal,
    critical_shear_ratio,
    critical_wavelength_nm,
    critical_wavenumber,
    poisson_from_moduli,
    probability_of_stability,
    recover_from_two_points,
    stability_parameter,
    stability_terms,
)

TABLE = Path(__file__).parent / "reference" / "xie_table_2_4.csv"
LOW_K, HIGH_K = 1e8, 2e9 * np.pi

moduli = st.floats(0.01, 500)
poisson_ratios = st.floats(-0.5, 0.49)
volume_ratios = st.floats(0, 3)


def table_2_4():
    with TABLE.open() as file:
        return list(csv.DictReader(file))


def ripple(k, shear, nu, ratio, metal):
    """Eq. 2.9 on the plane-strain solution of two half-spaces under z = cos(kx), kJ/(mol nm).

    u_x = (a + b z) exp(s k z) sin(kx) and u_z = (c + d z) exp(s k z) cos(kx) in the metal (z < 0,
    s = 1) and the electrolyte (z > 0, s = -1). Navier's equations give two conditions a side; the
    displacement is that of the ripple and continuous, the shear traction is continuous.
    """
    sides = [(1, metal.shear_modulus_GPa, metal.poisson_ratio), (-1, shear, nu)]
    matrix, right = np.zeros((8, 8)), np.zeros(8)
    for i, (s, modulus, poisson) in enumerate(sides):
        a, b, c, d = range(4 * i, 4 * i + 4)
        matrix[2 * i, [b, d]] = 1, s
        # multiplied by 1 - 2 nu; lengths in units of 1/k
        matrix[2 * i + 1, [a, c, d]] = 1, s, 2 * (1 - 2 * poisson) + 1
        matrix[4 + i, c], right[4 + i] = 1, 1
        matrix[7, [a, b, c]] = np.array([s, 1, -1]) * modulus * (1 - 2 * i)
    matrix[6, [0, 4]] = 1, -1
    solution = np.linalg.solve(matrix, right)
    tension, pressure = [], []
    for i, (s, modulus, poisson) in enumerate(sides):
        a, _, c, d = solution[4 * i : 4 * i + 4]
        strain_x, strain_z = a, s * c + d
        dilation = poisson / (1 - 2 * poisson) * (strain_x + strain_z)
        stress_x, stress_z = (2 * modulus * (dilation + e) for e in (strain_x, strain_z))
        pressure.append(-(stress_x + stress_z) / 2)
        tension.append(stress_z + pressure[-1])
    scale = metal.molar_volume_m3_per_mol / (2 * metal.valence) * 1e-12
    return (
        -scale * (1 + ratio) * metal.surface_energy_J_per_m2 * k**2,
        scale * (1 + ratio) * 1e9 * k * (tension[0] - tension[1]),
        scale * (1 - ratio) * 1e9 * k * sum(pressure),
    )


@given(st.floats(1e6, 1e10), moduli, poisson_ratios, volume_ratios, st.integers(1, 3))
def test_each_term_solves_the_elastic_problem(k, shear, nu, ratio, valence):
    metal = Metal("Xx", valence, 7.0, 0.31, 0.8, 2e-5)
    expected = ripple(k, shear, nu, ratio, metal)
    size = max(map(abs, expected))
    np.testing.assert_allclose(
        stability_terms(k, shear, nu, ratio, metal), expected, rtol=1e-9, atol=1e-9 * size
    )


def test_terms_sum_to_the_parameter_and_broadcast():
    k = np.geomspace(1e7, 1e10, 5)[:, None]
    shear = np.array([0.5, 3.4, 40.0])
    terms = stability_terms(k, shear, 0.3, 0.1)
    assert all(term.shape == (5, 3) for term in terms)
    np.testing.assert_allclose(sum(terms), stability_parameter(k, shear, 0.3, 0.1), rtol=1e-14)


def test_figure_2_4():
    """G = G_Li, nu = 0.33, v = 0.1: unstable at 1e8 1/m, stable beyond k_crit, by tension."""
    shear = LITHIUM.shear_modulus_GPa
    assert stability_parameter(1e8, shear, 0.33, 0.1) > 0
    k = critical_wavenumber(shear, 0.33, 0.1)
    assert stability_parameter(0.99 * k, shear, 0.33, 0.1) > 0
    assert stability_parameter(1.01 * k, shear, 0.33, 0.1) < 0
    terms = np.abs(stability_terms(np.array([1e8, 1e11]), shear, 0.33, 0.1))
    fraction = terms[0] / terms.sum(axis=0)
    assert fraction[0] < 0.05
    assert fraction[1] > 0.9


@given(moduli, poisson_ratios, st.floats(0, 0.9))
def test_critical_wavelength_is_where_the_parameter_changes_sign(shear, nu, ratio):
    wavelength = critical_wavelength_nm(shear, nu, ratio)
    if np.isinf(wavelength):
        assert critical_wavenumber(shear, nu, ratio) == 0
        assert np.all(stability_parameter(np.geomspace(1e-3, 1e12, 9), shear, nu, ratio) < 0)
    else:
        k = 2e9 * np.pi / wavelength
        root = brentq(lambda k: stability_parameter(k, shear, nu, ratio), k / 2, 2 * k, rtol=1e-12)
        assert root == pytest.approx(k, rel=1e-8)


def test_limits():
    k, volume, ratio = 1e8, LITHIUM.molar_volume_m3_per_mol, 0.2
    # no stress in a liquid: its stiffness and nu drop out, the metal's elasticity stays
    liquid = stability_terms(k, 0.0, np.array([0.1, 0.45]), ratio)
    np.testing.assert_array_equal(liquid.deviatoric, 0)
    np.testing.assert_allclose(
        liquid.hydrostatic, -k * volume * (1 - ratio) * 3.4e9 / (2 * (1 - 0.42)) * 1e-12
    )
    rubber = Metal("Xx", 1, 3.4, 0.5, 0.5, volume)
    both = stability_terms(k, 10.0, 0.5, ratio, rubber)
    assert both.deviatoric == pytest.approx(0, abs=1e-12)
    assert both.hydrostatic == pytest.approx(k * volume * (1 - ratio) * 6.6e9 * 1e-12)
    assert stability_terms(k, 10.0, 0.3, 1.0).hydrostatic == 0
    assert stability_parameter(0.0, 10.0, 0.3, 0.1) == 0


@pytest.mark.parametrize("row", table_2_4(), ids=lambda row: row["material_id"])
def test_table_2_4_agrees_with_itself_and_with_our_lithium(row):
    """Its two columns of chi give its wavelengths and a molar-volume ratio of a lithium ion."""
    low, high = float(row["chi_low_k"]), float(row["chi_high_k"])
    curve = recover_from_two_points(low, LOW_K, high, HIGH_K)
    printed = float(row["critical_wavelength_nm"])
    if row["chi_low_k_std"]:  # a mean of wavelengths is longer than the wavelength of the mean
        assert curve.critical_wavelength_nm < printed
        assert curve.critical_wavelength_nm == pytest.approx(printed, rel=0.15)
    else:
        assert curve.critical_wavelength_nm == pytest.approx(printed, abs=0.005)
    tension = 2 * curve.surface_J_m_per_mol / LITHIUM.molar_volume_m3_per_mol
    assert 0.04 < tension / LITHIUM.surface_energy_J_per_m2 - 1 < 0.18


@given(moduli, poisson_ratios, volume_ratios)
def test_two_points_give_the_curve_back(shear, nu, ratio):
    k = np.array([LOW_K, HIGH_K])
    low, high = stability_parameter(k, shear, nu, ratio)
    curve = recover_from_two_points(low, LOW_K, high, HIGH_K)
    assert curve.surface_J_m_per_mol == pytest.approx(0.278 * 13.02e-6 * (1 + ratio), rel=1e-6)
    middle = curve.stress_J_per_mol * 1e9 - curve.surface_J_m_per_mol * 1e18
    scale = abs(curve.stress_J_per_mol) * 1e9 + curve.surface_J_m_per_mol * 1e18
    expected = stability_parameter(1e9, shear, nu, ratio) * 1e12
    assert middle == pytest.approx(expected, abs=1e-9 * scale)


def test_two_points_that_are_not_of_such_a_curve():
    low, high = np.array([-1.0, 0.1]), np.array([-200.0, 100.0])
    wavelength = recover_from_two_points(low, LOW_K, high, HIGH_K).critical_wavelength_nm
    assert np.isinf(wavelength[0])  # stable by stresses
    assert np.isnan(wavelength[1])  # a negative surface tension
    with pytest.raises(InputError, match="two different wavenumbers"):
        recover_from_two_points(1.0, LOW_K, 2.0, LOW_K)
    with pytest.raises(InputError, match="must be positive"):
        recover_from_two_points(1.0, 0.0, 2.0, LOW_K)


@given(st.floats(0, 3), poisson_ratios)
def test_the_stability_line_separates(ratio, nu):
    line = critical_shear_ratio(ratio, nu)
    around = line * np.array([0.9, 1.1]) * LITHIUM.shear_modulus_GPa
    softer, stiffer = critical_wavenumber(around, nu, ratio) == 0
    if abs(ratio - 1) > 1e-3:
        assert (softer, stiffer) == ((True, False) if ratio < 1 else (False, True))
        terms = stability_terms(1.0, line * LITHIUM.shear_modulus_GPa, nu, ratio)
        assert terms.deviatoric == pytest.approx(-terms.hydrostatic, rel=1e-9)


def test_the_stability_line_has_the_shape_of_figure_2_7():
    ratio = np.linspace(0, 1, 11)
    soft, incompressible = (critical_shear_ratio(ratio, nu) for nu in (0.33, 0.5))
    assert np.all(np.diff(soft) < 0)
    assert soft[-1] == incompressible[-1] == 0
    assert np.all(incompressible >= soft - 1e-12)
    assert 0.6 < soft[1] < 1  # the screened materials lie near (0.1, 15), unstable
    beyond = critical_shear_ratio([1.2, 3.0], 0.33)
    assert beyond[0] > beyond[1] > 1


def test_probability_of_stability():
    chi = np.array([[-1.0, 1.0, np.nan], [-2.0, -3.0, 1.0], [0.0, 4.0, 1.0], [-1.0, 5.0, 1.0]])
    np.testing.assert_array_equal(probability_of_stability(chi), [0.75, 0.25, np.nan])
    np.testing.assert_array_equal(probability_of_stability(chi[1:].T, axis=1), [2 / 3, 1 / 3, 0])
    with pytest.raises(InputError, match="at least one member"):
        probability_of_stability(np.empty((0, 3)))


@given(moduli, moduli)
def test_poisson_ratio_is_that_of_young_modulus(bulk, shear):
    nu = poisson_from_moduli(bulk, shear)
    assert -1 < nu <= 0.5
    young = 9 * bulk * shear / (3 * bulk + shear)
    assert young == pytest.approx(2 * shear * (1 + nu), rel=1e-9)
    stability_parameter(1e8, shear, nu, 0.1)  # always in the domain of eq. 2.10


def test_poisson_ratio_at_the_ends():
    np.testing.assert_array_equal(poisson_from_moduli([1.0, np.nan], [0.0, 1.0]), [0.5, np.nan])
    for bulk, shear in [(0.0, 1.0), (-3.0, 1.0), (1.0, -1.0), (np.inf, 1.0)]:
        with pytest.raises(InputError, match="modulus must"):
            poisson_from_moduli(bulk, shear)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((-1.0, 1.0, 0.3, 0.1), "a wavenumber must not be negative"),
        ((1e8, [1.0, -2.0], 0.3, 0.1), r"a shear modulus must not be negative \(got -2"),
        ((1e8, 1.0, 0.51, 0.1), "Poisson's ratio"),
        ((1e8, 1.0, -1.0, 0.1), "Poisson's ratio"),
        ((1e8, 1.0, 0.3, -0.1), "a molar-volume ratio must not be negative"),
        ((1e8, np.inf, 0.3, 0.1), "a shear modulus"),
    ],
)
def test_arguments_outside_their_domain_are_named(arguments, rule):
    with pytest.raises(InputError, match=rule):
        stability_parameter(*arguments)


def test_missing_values_stay_missing():
    chi = stability_parameter(1e8, [1.0, np.nan], 0.3, 0.1)
    np.testing.assert_array_equal(np.isnan(chi), [False, True])
    np.testing.assert_array_equal(np.isnan(critical_wavelength_nm(5.0, [0.3, np.nan], 0.1)), [0, 1])
