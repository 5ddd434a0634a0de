"""What users of the field hold, and how it becomes an item: parsing and checks at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Crystal"]


@dataclass(frozen=True, eq=False)
class Crystal:
    """An ordered periodic crystal as three arrays.

    Attributes
    ----------
    numbers : ndarray of int, shape (n,)
        Atomic numbers.
    frac : ndarray of float, shape (n, 3)
        Fractional coordinates.
    lattice : ndarray of float, shape (3, 3)
        Rows are the lattice vectors a, b, c in angstrom.
    """

    numbers: np.ndarray
    frac: np.ndarray
    lattice: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def cart(self) -> np.ndarray:
        """Cartesian coordinates in angstrom, shape (n, 3)."""
        return self.frac @ self.lattice

    @property
    def volume(self) -> float:
        """Cell volume in cubic angstrom."""
        return float(abs(np.linalg.det(self.lattice)))
