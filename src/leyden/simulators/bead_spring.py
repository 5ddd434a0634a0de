"""A bead-spring polymer with single beads dissolved in it: what is there, and how it interacts.

Lennard-Jones between all beads but neighbours of a chain, with arithmetic diameters and a cut at
2.5 diameters, shifted to zero; Coulomb in a uniform dielectric; harmonic bonds; a cosine-squared
angle. K. Kremer, G. S. Grest, J. Chem. Phys. 92, 5057 (1990), for the kind of model. Bonds and
angles are like those of MARTINI poly(ethylene oxide): H. Lee, A. H. de Vries, S.-J. Marrink,
R. W. Pastor, J. Phys. Chem. B 113, 13186 (2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ANGLE_DEGREES",
    "ANGLE_KCAL_PER_MOL",
    "BOLTZMANN_KCAL_PER_MOL_K",
    "BOND_KCAL_PER_MOL_A2",
    "BOND_PER_DIAMETER",
    "LENNARD_JONES_REACH",
    "BeadSpring",
]

BOLTZMANN_KCAL_PER_MOL_K = 0.0019872041

#: Stiffness K of a bond, energy K (r - r0)^2.
BOND_KCAL_PER_MOL_A2 = 20.3
#: r0 over the mean diameter of the two beads: 3.3 A between beads of 4.3 A.
BOND_PER_DIAMETER = 3.3 / 4.3
#: Stiffness K of an angle, energy K (cos a - cos a0)^2.
ANGLE_KCAL_PER_MOL = 6.0
ANGLE_DEGREES = 130.0
#: Where Lennard-Jones is cut, in diameters of the pair.
LENNARD_JONES_REACH = 2.5


@dataclass(frozen=True)
class BeadSpring:
    """Equal chains, and single beads between them.

    Attributes
    ----------
    names : tuple of str, length n
        The kinds of bead.
    masses : tuple of float
        g/mol.
    charges : tuple of float
        In e.
    radii : tuple of float
        Half the Lennard-Jones diameter, angstrom.
    epsilon : tuple of tuple of float, shape (n, n)
        Lennard-Jones depths, kcal/mol, symmetric.
    chain : tuple of int
        The kinds along one chain, at least three beads.
    chains : int
        Number of chains.
    single : tuple of int, length n
        Number of single beads of each kind.
    temperature_K, dielectric : float
        Of the whole.
    """

    names: tuple[str, ...]
    masses: tuple[float, ...]
    charges: tuple[float, ...]
    radii: tuple[float, ...]
    epsilon: tuple[tuple[float, ...], ...]
    chain: tuple[int, ...]
    chains: int
    single: tuple[int, ...]
    temperature_K: float
    dielectric: float

    @cached_property
    def kinds(self) -> NDArray[np.int64]:
        """Kind of every bead, shape (N,): the chains one after the other, then the single beads."""
        alone = np.repeat(np.arange(len(self.names)), self.single)
        return np.concatenate([np.tile(self.chain, self.chains), alone]).astype(np.int64)

    @property
    def beads(self) -> int:
        """N."""
        return len(self.kinds)

    @property
    def species(self) -> tuple[str, ...]:
        """Name of every bead."""
        return tuple(self.names[kind] for kind in self.kinds)

    @property
    def charge(self) -> NDArray[np.float64]:
        """Charge of every bead, e, shape (N,)."""
        return np.array(self.charges)[self.kinds]

    @property
    def mass(self) -> NDArray[np.float64]:
        """Mass of every bead, g/mol, shape (N,)."""
        return np.array(self.masses)[self.kinds]

    @property
    def molecules(self) -> NDArray[np.int64]:
        """Number of the chain, or of the single bead, that every bead belongs to, from 0."""
        inside = self.chains * len(self.chain)
        chain = np.arange(inside) // len(self.chain)
        return np.concatenate([chain, self.chains + np.arange(self.beads - inside)])

    @cached_property
    def bonds(self) -> NDArray[np.int64]:
        """Bonded beads, shape (b, 2)."""
        return self._runs(2)

    @cached_property
    def angles(self) -> NDArray[np.int64]:
        """Beads of the angles, shape (a, 3)."""
        return self._runs(3)

    @property
    def diameters(self) -> NDArray[np.float64]:
        """Lennard-Jones diameters of the pairs of kinds, angstrom, shape (n, n)."""
        radii = np.array(self.radii)
        return radii[:, None] + radii

    @property
    def bond_kinds(self) -> list[tuple[int, int]]:
        """The pairs of kinds that are bonded, in order; the kind of a bond is its place here."""
        kinds = np.sort(self.kinds[self.bonds], axis=1)
        return [(int(low), int(high)) for low, high in np.unique(kinds, axis=0)]

    @property
    def volume_A3(self) -> float:
        """A first guess: 0.84 cubic diameters a bead, the 66 A^3 of a unit of PEO at 1.1 g/cm3."""
        return float(np.sum(0.84 * (2 * np.array(self.radii)[self.kinds]) ** 3))

    def _runs(self, length: int) -> NDArray[np.int64]:
        first = np.arange(len(self.chain) - length + 1)
        starts = (np.arange(self.chains)[:, None] * len(self.chain) + first).ravel()
        return starts[:, None] + np.arange(length)
