"""Figures that Yan et al. printed, by table and arm (Comput. Theor. Chem. 1205 (2021) 113443)."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BLUR_PUBLISHED", "GAIN_PUBLISHED", "PUBLISHED_SCORES"]

PUBLISHED_SCORES: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "clearing230": {
        "CNN": {"mae": 23.8, "rmse": 32.7, "r2": 0.59},
        "CNN, IL melting": {"mae": 24.6, "rmse": 32.3, "r2": 0.60},
        "CNN, chain": {"mae": 23.5, "rmse": 31.5, "r2": 0.62},
        "MLP": {"mae": 23.3, "rmse": 34.1, "r2": 0.55},
        "MLP, IL melting": {"mae": 21.9, "rmse": 31.1, "r2": 0.63},
        "MLP, chain": {"mae": 21.3, "rmse": 29.5, "r2": 0.67},
    },
    "melting271": {"MLP, chain": {"mae": 14.4, "rmse": 22.3, "r2": 0.66}},
}
"""Test scores in degrees Celsius, averaged over folds (table 1; table 2 for the best of 271 melting
temperatures, whose arm is not named there: figure 7 has fingerprints with transfer best)."""

GAIN_PUBLISHED = 1 - 21.3 / 23.3
"""By how much the chain lowers the MAE of fingerprints (table 1)."""

BLUR_PUBLISHED: Mapping[int, Mapping[str, float]] = {
    0: {"mae": 12.4, "r2": 0.69},
    3: {"mae": 14.9, "r2": 0.55},
    5: {"mae": 16.6, "r2": 0.43},
    7: {"mae": 17.3, "r2": 0.39},
    9: {"mae": 17.8, "r2": 0.36},
}
"""Table 5, 39 melting temperatures; its row "mean squared error" is a root of one, and below the
mean absolute error, which cannot be: it is not shown."""
