"""Where lithium sits among sulfur atoms on a face-centred cubic lattice, and what leads where.

The conventional cell has 4 sulfur atoms, 4 octahedral and 8 tetrahedral sites. Hops lead from an
octahedral site to the 8 tetrahedral ones around it, from a tetrahedral site to 4 octahedral ones,
along <111>, by sqrt(3)/4 of the cell's edge. In one cell with periodic boundaries every octahedral
site is next to every tetrahedral one.
"""

from __future__ import annotations

import itertools

import numpy as np

__all__ = [
    "CONNECTIONS",
    "OCTAHEDRAL",
    "SITES",
    "SITE_STATES",
    "SULFUR",
    "TETRAHEDRAL",
]

#: The two states of a site.
OCTAHEDRAL, TETRAHEDRAL = 0, 1

#: Sulfur atoms in fractions of the cell's edge, shape (4, 3).
SULFUR = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])

#: The twelve sites in fractions of the cell's edge, shape (12, 3), octahedral ones first.
SITES = np.array(
    [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    + list(itertools.product((0.25, 0.75), repeat=3))
)

#: State of each site, shape (12,).
SITE_STATES = np.array([OCTAHEDRAL] * 4 + [TETRAHEDRAL] * 8)

#: Whether a hop leads from one site to another in one periodic cell, shape (12, 12).
CONNECTIONS = SITE_STATES[:, None] != SITE_STATES[None, :]
