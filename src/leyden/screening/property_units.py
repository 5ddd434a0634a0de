"""Properties in the unit that is asked for: ``viscosity_mPa_s`` of ``log10_viscosity_Pa_s``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leyden.data.columns import LOG10
from leyden.errors import InputError, did_you_mean

__all__ = ["Conversion", "conversion"]

_UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "viscosity": {"Pa_s": (1, 0), "mPa_s": (1e-3, 0), "cP": (1e-3, 0), "P": (0.1, 0)},
    "conductivity": {
        "S_per_m": (1, 0),
        "mS_per_cm": (0.1, 0),
        "S_per_cm": (100, 0),
        "mS_per_m": (1e-3, 0),
        "uS_per_cm": (1e-4, 0),
    },
    "density": {"kg_per_m3": (1, 0), "g_per_cm3": (1e3, 0), "g_per_mL": (1e3, 0)},
    "surface tension": {"N_per_m": (1, 0), "mN_per_m": (1e-3, 0), "dyn_per_cm": (1e-3, 0)},
    "molar heat capacity": {
        "J_per_mol_K": (1, 0),
        "kJ_per_mol_K": (1e3, 0),
        "cal_per_mol_K": (4.184, 0),
    },
    "temperature": {"K": (1, 0), "C": (1, 273.15)},
}
"""Of each dimension its units; value in the first = factor * value + offset."""

_DIMENSION = {unit: name for name, units in _UNITS.items() for unit in units}
_LONGEST_FIRST = sorted(_DIMENSION, key=len, reverse=True)


@dataclass(frozen=True)
class Conversion:
    """From what a model predicts to what was asked for; rising, so that bounds stay bounds.

    Attributes
    ----------
    target : str
        What the model predicts.
    logarithm, power : bool
        Whether a logarithm is taken at the end, or undone at the beginning.
    factor, offset : float
        Applied between: factor * value + offset.
    """

    target: str
    logarithm: bool = False
    power: bool = False
    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values of the model's target, any shape, in the unit that was asked for."""
        if self.power:
            with np.errstate(over="ignore"):  # an interval without end
                values = 10.0**values
        if (self.factor, self.offset) != (1.0, 0.0):
            values = self.factor * values + self.offset
        if self.logarithm:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log10(values)
        return values


def conversion(name: str, targets: Sequence[str]) -> Conversion:
    """How a property of this name comes from one of the targets.

    Parameters
    ----------
    name : str
        A target, or the same quantity in another unit, with or without ``log10_``.
    targets : sequence of str

    Raises
    ------
    InputError
        No target is of this quantity, or only in a unit of another dimension.

    Examples
    --------
    >>> conversion("viscosity_mPa_s", ["log10_viscosity_Pa_s"])(np.array([-2.0]))
    array([10.])
    """
    if name in targets:
        return Conversion(name)
    stem, unit, logarithm = _parts(name)
    for target in targets:
        own_stem, own_unit, power = _parts(target)
        if stem != own_stem:
            continue
        if unit is None or own_unit is None or _DIMENSION[unit] != _DIMENSION[own_unit]:
            choice = [own_unit] if own_unit is None else _UNITS[_DIMENSION[own_unit]]
            known = [f"{stem}_{other}" for other in choice] if own_unit else [target]
            raise InputError(
                f"{target} cannot be told in this unit",
                value=name,
                remedy=f"write one of {', '.join(known)}",
            )
        units = _UNITS[_DIMENSION[unit]]
        (factor, offset), (to_factor, to_offset) = units[own_unit], units[unit]
        return Conversion(
            target,
            logarithm=logarithm,
            power=power,
            factor=factor / to_factor,
            offset=(offset - to_offset) / to_factor,
        )
    names = dict.fromkeys([*targets, *(target.removeprefix(LOG10) for target in targets)])
    raise InputError(
        "no model predicts this property", value=name, remedy=did_you_mean(name, names)
    )


def _parts(name: str) -> tuple[str, str | None, bool]:
    """Quantity, unit (None: not known) and whether it is a logarithm."""
    plain = name.removeprefix(LOG10)
    for unit in _LONGEST_FIRST:
        if plain.endswith(f"_{unit}"):
            return plain.removesuffix(f"_{unit}"), unit, plain != name
    return plain, None, plain != name
