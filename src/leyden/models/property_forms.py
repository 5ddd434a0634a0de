"""How properties of liquids move with temperature and pressure: forms that a network fills in.

A network gives a few numbers a pair and property, its `parameters`; a form turns them, with
temperature and pressure, into the property.  So what is known of liquids need not be learned, few
temperatures teach a curve, and the curve goes on sensibly where nothing was measured.

Everything is in scaled units (mean 0, standard deviation 1 of the training rows), and every
parameter is of order one: the first is the value at 298.15 K and 0.1 MPa, the second tells the
slope there, over 50 K.  Parameters are thus nearly independent of each other, which the usual A, B
and T0 of Vogel's equation are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from leyden.errors import InputError, did_you_mean

__all__ = ["FORMS", "PropertyForm", "PropertyForms", "property_form"]

REFERENCE_K = 298.15
REFERENCE_KPA = 101.325
STEP_K = 50.0
"""Unit of temperature differences."""

_LN_E_MINUS_1 = 0.541324854612918
_STEP_KPA = 1e5
_TAIT_KPA = 1.5e5  # at which the compression of a typical ionic liquid bends


class PropertyForm(nn.Module):
    """A property of temperature and pressure.

    Attributes
    ----------
    size : int
        Numbers that the network gives for each pair.
    """

    size: int

    def forward(
        self, parameters: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """Scaled property, shape (n,).

        Parameters
        ----------
        parameters : Tensor, shape (n, p)
        temperature, pressure : Tensor, shape (n,)
            In K and kPa.
        """
        raise NotImplementedError


class Constant(PropertyForm):
    """No temperature, no pressure: a melting point, or a simulation at one state."""

    size = 1

    def forward(
        self, parameters: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """The one parameter."""
        return parameters[:, 0]


class Polynomial(PropertyForm):
    """A line in temperature (surface tension), or a parabola (heat capacity)."""

    def __init__(self, degree: int) -> None:
        super().__init__()
        self.size = degree + 1

    def forward(
        self, parameters: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """Value, slope and half the curvature, in steps of 50 K."""
        step = (temperature - REFERENCE_K) / STEP_K
        value = parameters[:, -1]
        for k in range(self.size - 2, -1, -1):
            value = value * step + parameters[:, k]
        return value


class Density(PropertyForm):
    """Falls with temperature on a line, rises with pressure as ln(1 + P / 150 MPa) (Tait)."""

    size = 3
    _slope: ClassVar[float] = 0.2  # 0.7 kg/m3/K, in standard deviations of 170 kg/m3 over 50 K
    _rise: ClassVar[float] = 0.6

    def forward(
        self, parameters: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """Value, expansion and compression; the latter two positive."""
        value, slope, rise = parameters.unbind(1)
        step = (temperature - REFERENCE_K) / STEP_K
        compression = torch.log1p((pressure - REFERENCE_KPA).clamp(min=-_STEP_KPA) / _TAIT_KPA)
        return (
            value
            - self._slope * _positive(slope) * step
            + self._rise * _positive(rise) * compression
        )


class VogelFulcherTammann(PropertyForm):
    """Logarithm of a viscosity or a conductivity: A + B / (T - T0), and linear in pressure.

    The Vogel-Fulcher-Tammann equation, written with the value and the slope at 298.15 K in place of
    A and B; the pressure term is that of Barus. Within `LEAST_GAP_K` of T0, and below it, where the
    liquid is a glass, the curve goes on as its tangent.

    Parameters
    ----------
    sign : {-1, 1}
        Whether the property rises (conductivity, 1) or falls (viscosity, -1) with temperature.

    Notes
    -----
    T0 lies in `T0_K`: below all temperatures at which ionic liquids flow, and at most a hundred
    kelvins under their glass transitions (typically T0 = Tg - 40 K).
    """

    size = 4
    T0_K: ClassVar[tuple[float, float]] = (90.0, 210.0)
    LEAST_GAP_K: ClassVar[float] = 20.0

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.sign = sign

    def forward(
        self, parameters: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """Value, slope (positive), T0 and pressure coefficient (positive)."""
        value, slope, vogel, barus = parameters.unbind(1)
        low, high = self.T0_K
        zero = low + (high - low) * torch.sigmoid(vogel)
        gap = REFERENCE_K - zero
        difference = temperature - zero
        safe = difference.clamp(min=self.LEAST_GAP_K)
        inverse = 1.0 / safe - (difference - safe) / safe**2  # the tangent where they differ
        fall = (gap**2 * inverse - gap) / STEP_K
        squeeze = (pressure - REFERENCE_KPA) / _STEP_KPA
        return value - self.sign * (_positive(slope) * fall + 0.5 * _positive(barus) * squeeze)


class Free(PropertyForm):
    """A layer of hidden units on the latent vector, temperature and pressure: nothing is assumed.

    The feed-forward network of the published recommender.
    """

    size = 32

    def __init__(self) -> None:
        super().__init__()
        self.state = nn.Parameter(0.5 * torch.randn(2, self.size))
        self.readout = nn.Parameter(torch.randn(self.size) / self.size**0.5)

    def forward(
        self, parameters: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """Sum over the hidden units."""
        step = (temperature - REFERENCE_K) / STEP_K
        squeeze = (pressure - REFERENCE_KPA) / _STEP_KPA
        hidden = parameters + torch.stack([step, squeeze], dim=1) @ self.state
        return F.silu(hidden) @ self.readout


FORMS: dict[str, Callable[[], PropertyForm]] = {
    "constant": Constant,
    "linear": lambda: Polynomial(1),
    "quadratic": lambda: Polynomial(2),
    "density": Density,
    "viscosity": lambda: VogelFulcherTammann(-1),
    "conductivity": lambda: VogelFulcherTammann(1),
    "free": Free,
}
"""Name to maker of the form."""


def property_form(target: str) -> str:
    """The form of a target by its name, as physics has it.

    Parameters
    ----------
    target : str
        Such as ``"log10_viscosity_Pa_s"``.

    Returns
    -------
    str
        A key of `FORMS`; ``"free"`` for a property that is not known.
    """
    known = {
        "density": "density",
        "log10_viscosity": "viscosity",
        "log10_conductivity": "conductivity",
        "surface_tension": "linear",
        "heat_capacity": "quadratic",
        "melting_point": "constant",
        "glass_transition": "constant",
    }
    return next((form for start, form in known.items() if target.startswith(start)), "free")


class PropertyForms(nn.Module):
    """The last layer of a network and the forms of its targets.

    Parameters
    ----------
    width : int
        Length of the latent vectors.
    names : sequence of str
        A key of `FORMS` for each of the t targets.
    """

    def __init__(self, width: int, names: Sequence[str]) -> None:
        super().__init__()
        for name in names:
            if name not in FORMS:
                raise InputError(
                    "there is no form of this name",
                    value=name,
                    remedy=did_you_mean(name, FORMS, f"choose from {', '.join(FORMS)}"),
                )
        self.names = tuple(names)
        forms = [FORMS[name]() for name in names]
        self.sizes = [form.size for form in forms]
        self.forms = nn.ModuleList(forms)
        self.last = nn.Linear(width, sum(self.sizes))

    def forward(
        self, latent: torch.Tensor, temperature: torch.Tensor, pressure: torch.Tensor
    ) -> torch.Tensor:
        """Scaled properties, shape (n, t)."""
        parameters = self.last(latent).split(self.sizes, dim=1)
        columns = [
            form(part, temperature, pressure)
            for form, part in zip(self.forms, parameters, strict=True)
        ]
        return torch.stack(columns, dim=1)


def _positive(raw: torch.Tensor) -> torch.Tensor:
    """A positive number, 1 at 0."""
    return F.softplus(raw + _LN_E_MINUS_1)
