"""Distances as networks see them: Gaussians on a fine grid, looked up."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch.nn import functional as F

__all__ = ["TABLE_STEP", "basis_width", "distance_table", "gaussian_basis", "looked_up"]

BASIS_STEP = 0.2  # angstrom, between the centres of the basis and the width of each
LARGEST_EXPONENT = 40.0  # exp(-40) = 4e-18
BEYOND = 2.0  # angstrom past the cutoff, where the basis is zero
TABLE_STEP = 1e-3  # angstrom


def basis_width(cutoff: float) -> int:
    """Numbers that `gaussian_basis` gives for a distance."""
    return round(cutoff / BASIS_STEP) + 1


def gaussian_basis(distances: torch.Tensor, cutoff: float) -> torch.Tensor:
    """exp(-(d - mu)^2 / sigma^2) with mu = 0, 0.2, ..., cutoff and sigma = 0.2 angstrom.

    Parameters
    ----------
    distances : Tensor, shape (E,)
        In angstrom.
    cutoff : float
        In angstrom.

    Returns
    -------
    Tensor, shape (E, basis_width(cutoff))
        Values below 1e-17 are 0: beside the others of a row, which are near 1, float32 cannot see
        them, but products with subnormal numbers are a hundred times slower.
    """
    centres = BASIS_STEP * torch.arange(basis_width(cutoff))
    exponent = ((distances[:, None] - centres) / BASIS_STEP).square_().clamp_(max=LARGEST_EXPONENT)
    return F.threshold(torch.exp(exponent.neg_()), 1e-17, 0.0, inplace=True)


@functools.cache
def distance_table(cutoff: float) -> torch.Tensor:
    """The basis at 0, 0.001, 0.002, ... angstrom, to where it is zero, shape (D, B).

    A straight line between two rows h apart misses a Gaussian by h^2 / 8 times its second
    derivative, at most 2 / sigma^2: by 6e-6 at its top, which moves a weighted sum over neighbours
    by no more than float32 rounds it.
    """
    return gaussian_basis(TABLE_STEP * torch.arange(round((cutoff + BEYOND) / TABLE_STEP)), cutoff)


def looked_up(distances: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """The table's row before each distance, the part of a step past it, and the rows in use.

    The row after one in use is in use, so that both stand side by side.
    """
    table = distance_table(cutoff)
    places = np.minimum(distances.astype(float) / TABLE_STEP, len(table) - 1.001)
    before = places.astype(np.int64)
    used = np.zeros(len(table), bool)
    used[before] = used[before + 1] = True
    kept = np.flatnonzero(used)
    rows = (np.cumsum(used) - 1)[before]
    return rows, (places - before).astype(np.float32), table[torch.from_numpy(kept)]
