"""The data path of the original CGCNN code, written anew in our words as a yardstick.

What it does, not how it is spelled: T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018),
code at https://github.com/txie-93/cgcnn (MIT). It reads a CIF file with pymatgen, asks for all
neighbours within 8 angstrom, sorts them in Python, keeps twelve (or pads with bonds to atom 0), and
expands the distances in Gaussians with NumPy, crystal by crystal.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["CENTRES", "OriginalGraph", "expand", "original_graph"]

RADIUS = 8.0
NEIGHBOURS = 12
STEP = 0.2
CENTRES = np.arange(0, RADIUS + STEP, STEP)


@dataclass(frozen=True)
class OriginalGraph:
    """Dense arrays: numbers (n,), neighbours (n, 12), distances (n, 12), expanded (n, 12, 41)."""

    numbers: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray
    expanded: np.ndarray


def expand(distances: np.ndarray) -> np.ndarray:
    """Gaussians exp(-(d - mu)^2 / sigma^2) with sigma equal to the step."""
    return np.exp(-((distances[..., None] - CENTRES) ** 2) / STEP**2)


def original_graph(path: Path) -> OriginalGraph:
    """A CIF file to a graph, as the original does it."""
    from pymatgen.core import Structure

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        structure = Structure.from_file(path)
    indices, distances = [], []
    for found in structure.get_all_neighbors(RADIUS, include_index=True):
        nearest = sorted(found, key=lambda neighbour: neighbour[1])[:NEIGHBOURS]
        missing = NEIGHBOURS - len(nearest)
        indices.append([neighbour[2] for neighbour in nearest] + [0] * missing)
        distances.append([neighbour[1] for neighbour in nearest] + [RADIUS + 1] * missing)
    numbers = np.array([site.specie.number for site in structure])
    table = np.array(distances)
    return OriginalGraph(numbers, np.array(indices), table, expand(table))
