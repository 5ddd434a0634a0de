"""Figures that Yan et al. printed, by table and arm (Comput. Theor. Chem. 1205 (2021) 113443)."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BLUR_PUBLISHED", "GAIN_PUBLISHED", "PUBLISHED_SCORES"]


def _printed(*scores: float) -> Mapping[str, float]:
    names = ("training_rmse", "training_mae", "training_r2", "rmse", "mae", "r2")
    return dict(zip(names, scores, strict=True))


PUBLISHED_SCORES: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "clearing230": {
        "CNN": _printed(5.6, 4.6, 0.99, 32.7, 23.8, 0.59),
        "CNN, IL melting": _printed(6.0, 4.8, 0.99, 32.3, 24.6, 0.60),
        "CNN, chain": _printed(5.4, 4.3, 0.99, 31.5, 23.5, 0.62),
        "MLP": _printed(6.2, 4.7, 0.99, 34.1, 23.3, 0.55),
        "MLP, IL melting": _printed(7.1, 5.8, 0.98, 31.1, 21.9, 0.63),
        "MLP, chain": _printed(9.9, 8.52, 0.96, 29.5, 21.3, 0.67),
    },
    "melting271": {},
    "melting39": {"CNN": {"mae": 12.4, "r2": 0.69}},
}
"""Scores in degrees Celsius, averaged over folds: table 1, and of 39 melting temperatures table 5.

The best arm of 271 melting temperatures has 14.4 (table 2), but the paper does not name it.
"""

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
