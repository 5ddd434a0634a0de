"""Figures: each takes a result and an `ax`, draws, and returns the `ax`.

Nothing is computed here but bins, no state of pyplot is used, and no global setting is changed.
What cannot be drawn (a value that is not finite, or not positive on a log axis) is counted in a
corner of the axes, so that no row vanishes silently.
"""

from __future__ import annotations

from leyden.plots.comparisons import (
    coverage_curve,
    learning_curve,
    paired_differences,
    parity,
    reliability,
)
from leyden.plots.dendrites import stability_diagram, stability_terms
from leyden.plots.distributions import histogram, latent_map
from leyden.plots.style import INK, PALETTE, QUIET, subplots

__all__ = [
    "INK",
    "PALETTE",
    "QUIET",
    "coverage_curve",
    "histogram",
    "latent_map",
    "learning_curve",
    "paired_differences",
    "parity",
    "reliability",
    "stability_diagram",
    "stability_terms",
    "subplots",
]
