"""Forms of temperature and pressure: against the equations of the textbook, and their limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leyden.errors import InputError
from leyden.models.property_forms import (
    FORMS,
    PropertyForms,
    VogelFulcherTammann,
    property_form,
)

FLOW_K = torch.linspace(220.0, 500.0, 57, dtype=torch.float64)
AMBIENT = torch.full_like(FLOW_K, 101.325)
NUMBER = st.floats(-6.0, 6.0)


def curve(
    name: str, parameters: list[float], T: torch.Tensor = FLOW_K, P: torch.Tensor | None = None
) -> torch.Tensor:
    rows = torch.tensor([parameters], dtype=torch.float64).expand(len(T), -1)
    return FORMS[name]()(rows, T, torch.full_like(T, 101.325) if P is None else P)


def raw(positive: float) -> float:
    """The parameter that `softplus(x + ln(e - 1))` turns into this."""
    return float(np.log(np.expm1(positive)) - np.log(np.e - 1))


@pytest.mark.parametrize(("name", "sign"), [("viscosity", 1.0), ("conductivity", -1.0)])
def test_every_vogel_curve_is_one_of_the_form(name: str, sign: float) -> None:
    """log10 eta = A + B / (T - T0) of a typical liquid, from three numbers at 298.15 K."""
    A, B, T0 = -3.9, 350.0, 172.0
    expected = sign * (A + B / (FLOW_K - T0))
    gap = 298.15 - T0
    low, high = VogelFulcherTammann.T0_K
    share = (T0 - low) / (high - low)
    found = curve(
        name, [sign * (A + B / gap), raw(50.0 * B / gap**2), np.log(share / (1 - share)), 0.0]
    )
    np.testing.assert_allclose(found, expected, rtol=2e-5)


@given(NUMBER, NUMBER, NUMBER, NUMBER)
def test_liquids_thin_with_heat_and_thicken_under_pressure(
    value: float, slope: float, vogel: float, barus: float
) -> None:
    wide = torch.linspace(1.0, 2000.0, 400, dtype=torch.float64)  # far below any glass
    for name, sign in (("viscosity", -1), ("conductivity", 1)):
        by_heat = curve(name, [value, slope, vogel, barus], wide)
        assert torch.isfinite(by_heat).all()
        assert (sign * by_heat.diff() > 0).all()
        by_pressure = curve(
            name,
            [value, slope, vogel, barus],
            torch.full((5,), 320.0, dtype=torch.float64),
            torch.linspace(100.0, 3e5, 5, dtype=torch.float64),
        )
        assert (sign * by_pressure.diff() < 0).all()


@given(NUMBER, NUMBER, NUMBER)
def test_liquids_expand_with_heat_and_shrink_under_pressure(
    value: float, slope: float, rise: float
) -> None:
    assert (curve("density", [value, slope, rise]).diff() < 0).all()
    pressures = torch.linspace(0.0, 2e5, 9, dtype=torch.float64)
    room = torch.full_like(pressures, 298.15)
    squeezed = curve("density", [value, slope, rise], room, pressures)
    assert (squeezed.diff() > 0).all()
    assert (squeezed.diff().diff() < 0).all()  # and ever less


@given(NUMBER, NUMBER)
def test_the_tangent_goes_on_where_a_glass_begins(slope: float, vogel: float) -> None:
    low, high = VogelFulcherTammann.T0_K
    edge = low + (high - low) / (1 + np.exp(-vogel)) + VogelFulcherTammann.LEAST_GAP_K
    near = torch.tensor([edge + d for d in (-2.0, -1.0, -1e-4, 1e-4, 1e-2)], dtype=torch.float64)
    eta = curve("viscosity", [0.0, slope, vogel, 0.0], near)
    slopes = eta.diff() / near.diff()
    assert slopes[0].item() == pytest.approx(slopes[1].item(), rel=1e-6)  # a line below
    assert slopes[3].item() == pytest.approx(
        slopes[1].item(), rel=0.01
    )  # with the slope from above
    assert eta[2].item() == pytest.approx(eta[3].item(), rel=1e-3, abs=1e-3)


def test_the_first_parameter_is_the_value_at_the_reference_and_the_rest_leaves_it() -> None:
    room = torch.tensor([298.15], dtype=torch.float64)
    for name in ("constant", "linear", "quadratic", "density", "viscosity", "conductivity"):
        size = FORMS[name]().size
        assert curve(name, [0.7] + [1.3] * (size - 1), room).item() == pytest.approx(0.7)


def test_polynomials_are_polynomials() -> None:
    step = (FLOW_K - 298.15) / 50.0
    np.testing.assert_allclose(curve("linear", [2.0, -0.5]), 2.0 - 0.5 * step)
    np.testing.assert_allclose(curve("quadratic", [2.0, -0.5, 0.1]), 2 - 0.5 * step + 0.1 * step**2)


@pytest.mark.parametrize("name", FORMS)
def test_gradients_agree_with_differences(name: str) -> None:
    torch.manual_seed(0)
    form = FORMS[name]().double()
    parameters = torch.randn(6, form.size, dtype=torch.float64, requires_grad=True)
    T = torch.tensor([105.0, 150.0, 230.0, 298.15, 350.0, 450.0], dtype=torch.float64)
    P = torch.tensor([101.325, 1e5, 5e4, 101.325, 2e5, 1e3], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda rows: form(rows, T, P), (parameters,))


def test_forms_of_several_targets_stand_side_by_side() -> None:
    torch.manual_seed(0)
    forms = PropertyForms(8, ["constant", "viscosity", "quadratic"])
    latent, T, P = torch.randn(5, 8), torch.full((5,), 330.0), torch.full((5,), 101.325)
    parameters = forms.last(latent)
    found = forms(latent, T, P)
    torch.testing.assert_close(found[:, 0], parameters[:, 0])
    torch.testing.assert_close(found[:, 1], FORMS["viscosity"]()(parameters[:, 1:5], T, P))
    torch.testing.assert_close(found[:, 2], FORMS["quadratic"]()(parameters[:, 5:], T, P))


def test_forms_go_by_the_name_of_the_target() -> None:
    assert property_form("log10_viscosity_Pa_s") == "viscosity"
    assert property_form("density_kg_per_m3") == "density"
    assert property_form("melting_point_K") == "constant"
    assert property_form("refractive_index") == "free"
    with pytest.raises(InputError, match="did you mean 'viscosity'"):
        PropertyForms(4, ["viscosty"])
