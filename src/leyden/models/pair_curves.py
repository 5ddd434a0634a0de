"""Curves in temperature and pressure that a process on pairs fills with coefficients."""

from __future__ import annotations

import numpy as np

from leyden.errors import InputError, did_you_mean

__all__ = ["CURVES", "curve"]

CURVES = ("constant", "linear", "density", "activated")
"""Names of the curves that `curve` knows."""


def curve(name: str, temperature_K: np.ndarray, pressure_kPa: np.ndarray) -> np.ndarray:
    """Functions of temperature and pressure whose coefficients are a pair's own, shape (n, b).

    Parameters
    ----------
    name : str
        ``"constant"``: no temperature. ``"linear"``: in temperature. ``"density"``: the same for
        ln rho, and ln(1 + P / 150 MPa) (Tait). ``"activated"``: a parabola in 1/T, which is
        Vogel's equation to second order, and linear in pressure (Barus).
    temperature_K, pressure_kPa : ndarray, shape (n,)
    """
    if name not in CURVES:
        raise InputError("no such curve", value=name, remedy=did_you_mean(name, CURVES))
    one, pressure = np.ones_like(temperature_K), pressure_kPa / 1e5
    inverse, step = 1000 / temperature_K - 1000 / 320, (temperature_K - 320) / 50
    columns = {
        "constant": [one],
        "linear": [one, step],
        "density": [one, step, np.log1p(pressure / 1.5)],
        "activated": [one, inverse, inverse**2, pressure],
    }
    return np.stack(columns[name], axis=1)
