"""The objective of the exploration: what lithium, each ion for itself, conducts.

By Nernst and Einstein ``sigma_Li = e^2 N D / (V k T)`` with lithium alone; equal to the
conductivity times the transference number where ions move independently, and only there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from leyden.data.trajectory import Trajectory
from leyden.physics.constants import AVOGADRO_PER_MOL
from leyden.physics.diffusion import self_diffusion
from leyden.physics.intervals import Estimate
from leyden.physics.ion_transport import nernst_einstein_conductivity_S_per_m
from leyden.physics.transport import Conductivity, conductivity
from leyden.simulators.polymer_outcome import fit_lags_ps, late_lags_ps

__all__ = ["BLOCKS", "LithiumConductivity", "all_ions", "of_lithium"]

#: Of time, from which errors are told.
BLOCKS = 4
_ATOM_SETS = 4
_ONE_SIGMA = 0.6827


@dataclass(frozen=True)
class LithiumConductivity:
    """The Nernst-Einstein conductivity of lithium.

    Attributes
    ----------
    S_per_cm : Estimate
        With its 68 % interval: about one standard error either way.
    beta : Estimate
        Log-log slope of the squared displacement over later lags, from 5 to 20 % of the run.
    is_upper_bound : bool
        Whether the true value lies below, since lithium does not diffuse yet (the slope still
        falls) or the salt has come out of the polymer.
    """

    S_per_cm: Estimate
    beta: Estimate
    is_upper_bound: bool

    @property
    def log10_S_per_cm(self) -> float:
        """The logarithm that is explored."""
        return math.log10(self.S_per_cm.value)

    @property
    def log10_error(self) -> float:
        """Its standard error."""
        return math.log10(self.S_per_cm.high / self.S_per_cm.low) / 2

    @property
    def relative_error(self) -> float:
        """Standard error of the conductivity over its value."""
        return math.log(10) * self.log10_error


def of_lithium(
    trajectory: Trajectory, temperature_K: float, is_upper_bound: bool
) -> LithiumConductivity:
    """Of a production run; four blocks of time times four sets of ions tell the error.

    The slope is that between 3 and 12 % of the run. Later lags, where it is judged whether lithium
    diffuses, would change it by less than their own, larger, error.

    Parameters
    ----------
    trajectory : Trajectory
        With the centre of mass at rest.
    temperature_K : float
    is_upper_bound : bool
        As its outcome tells.
    """
    lithium = trajectory.select("Li")
    found, late = (
        self_diffusion(
            trajectory.positions[:, lithium],
            trajectory.time_step_ps,
            window_ps=window,
            blocks=BLOCKS,
            atom_sets=min(_ATOM_SETS, len(lithium)),
            level=_ONE_SIGMA,
        )
        for window in (fit_lags_ps(trajectory), late_lags_ps(trajectory))
    )
    molar_volume = trajectory.volume_A3 * 1e-30 * AVOGADRO_PER_MOL / len(lithium)

    def conducts(diffusion: float) -> float:
        in_metres = nernst_einstein_conductivity_S_per_m(temperature_K, diffusion, 0, molar_volume)
        return float(in_metres) / 100

    values = Estimate(*(conducts(diffusion) for diffusion in found.coefficient_m2_per_s))
    return LithiumConductivity(values, late.beta, is_upper_bound)


def all_ions(trajectory: Trajectory, temperature_K: float) -> Conductivity:
    """Of all ions, each for itself and together, S/m, with 95 % intervals."""
    ions = trajectory.charges != 0
    return conductivity(
        trajectory.positions[:, ions],
        trajectory.charges[ions],  # type: ignore[index]
        trajectory.time_step_ps,
        trajectory.volume_A3,
        temperature_K,
        window_ps=fit_lags_ps(trajectory),
        blocks=BLOCKS,
    )
