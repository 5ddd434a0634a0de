"""Structure statistics: what the surroundings of the atoms are like, over all sites of a crystal.

In the manner of L. Ward et al., Phys. Rev. B 96, 024104 (2017), with smooth weights on neighbours
in place of Voronoi faces, and with what is known of stiffness: bonds that are short, dense in
electrons and rigidly connected make a hard crystal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.representations.cache import content_key, remembered
from leyden.representations.cell_shape import check_crystals
from leyden.representations.elements import element_property
from leyden.representations.neighbours import nearest_neighbours
from leyden.representations.spring_network import elastic_tensor, isotropic_moduli

__all__ = ["LOCAL_PROPERTIES", "BondStatistics"]

LOCAL_PROPERTIES = (
    "MendeleevNumber",
    "AtomicWeight",
    "MeltingT",
    "Column",
    "Row",
    "CovalentRadius",
    "Electronegativity",
    "NValence",
    "NpValence",
    "NdValence",
    "NUnfilled",
    "GSvolume_pa",
    "CohesiveEnergy",
    "BulkModulus",
    "ShearModulus",
)
"""Columns of ``elements.csv`` in which an atom is compared with its neighbours."""

_SITE = (
    "coordination",
    "bond length",
    "relative bond length",
    "bond length spread",
    "shortest bond",
    "ionicity",
    "bond order",
    "bond stiffness",
    "Cohen modulus",
)
# Between molecules no covalent bond is left, yet something holds them: without it a crystal of
# molecules would have no modulus at all.
_REMAINDER = 1e-3
_STATISTICS = ("mean", "avg_dev", "min", "max")
_NETWORKS = ("orders", "covalent")
_NETWORK = (
    "log K",
    "log G",
    "log G/K",
    "log K relaxed/rigid",
    "log G relaxed/rigid",
    "log G voigt/reuss",
    "log greatest/least",
)


@dataclass(frozen=True)
class BondStatistics:
    """Statistics over the sites of a crystal, and the moduli of its bonds as a spring network.

    A neighbour counts by Hoppe's weight exp(1 - (x / x_mean)^6), where x is its distance over the
    sum of covalent radii: the weights of a site sum to its effective coordination number (R. Hoppe,
    Z. Kristallogr. 150, 23 (1979)).

    Attributes
    ----------
    neighbours : int
        Neighbours that are weighed; whole shells. Twelve would miss the next layer of graphite.
    """

    kind: ClassVar[str] = "bond_statistics"

    neighbours: int = 16

    def names(self) -> list[str]:
        """A name a column."""
        local = [*_SITE, *(f"local difference of {name}" for name in LOCAL_PROPERTIES)]
        return [
            *(f"{what} {name}" for name in local for what in _STATISTICS),
            "log valence electrons a volume",
            "log hardness",
            *(f"{network} {name}" for network in _NETWORKS for name in _NETWORK),
        ]

    def transform(self, items: Sequence[Crystal]) -> np.ndarray:
        """Statistics, shape (n, d) with d = ``len(names())``, float64.

        Raises
        ------
        InputError
            An item is not a `Crystal`, or holds an element of which nothing is known.
        """
        check_crystals(items)
        rows = np.zeros((len(items), len(self.names())))
        for row, crystal in zip(rows, items, strict=True):
            row[:] = _statistics(crystal, self.neighbours)
        return rows

    def of(self, dataset: Dataset) -> np.ndarray:
        """Statistics of a data set, kept on disk by its content."""
        key = content_key(self, dataset.items)
        return remembered("bonds", key, lambda: {"X": self.transform(dataset.items)})["X"]


def _statistics(crystal: Crystal, k: int) -> np.ndarray:
    near = nearest_neighbours(crystal, k)
    n, counts, d = len(crystal), near.counts, near.distances
    centres = np.repeat(np.arange(n), counts)
    starts = np.cumsum(counts) - counts
    a, b = crystal.numbers[centres], crystal.numbers[near.indices]

    def total(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, starts, axis=0)

    radius = element_property("CovalentRadius", imputed=True) / 100
    chi = element_property("Electronegativity", imputed=True)
    touching = radius[a] + radius[b]
    x = d / touching
    weight = _hoppe_weights(x, starts, counts)
    coordination = total(weight)
    share = weight / np.repeat(coordination, counts)
    bond_length = total(share * d)
    ionicity = 1 - np.exp(-0.25 * (chi[a] - chi[b]) ** 2)
    order = np.exp((touching - d) / 0.37) + _REMAINDER
    gordy = order * (chi[a] * chi[b] / d**2) ** 0.75
    cohen = (1971 - 220 * 2 * ionicity) * d**-3.5
    table = np.stack([element_property(p, imputed=True) for p in LOCAL_PROPERTIES], axis=1)
    local = total(share[:, None] * np.abs(table[a] - table[b]))
    spread = np.sqrt(total(share * (d - np.repeat(bond_length, counts)) ** 2))
    sites = np.column_stack(
        [
            coordination,
            bond_length,
            total(share * x),
            spread / bond_length,
            np.minimum.reduceat(d, starts),
            total(share * ionicity),
            total(order),
            np.log(total(weight * gordy)),
            np.log(total(weight * cohen)),
            local,
        ]
    )
    mean = sites.mean(axis=0)
    over_sites = np.stack(
        [mean, np.abs(sites - mean).mean(axis=0), sites.min(axis=0), sites.max(axis=0)], axis=1
    )
    density = _valence(crystal.numbers).sum() / crystal.volume
    # F. Gao et al., Phys. Rev. Lett. 91, 015502 (2003), as a mean over bonds.
    hardness = (
        np.log(350)
        + 2 / 3 * np.log(density)
        - 1.191 * (share * ionicity).sum() / n
        - 2.5 * np.log((share * d).sum() / n)
    )
    networks = [
        _network(centres, near.indices, near.vectors, stiffness, crystal.volume)
        for stiffness in (gordy, (weight + _REMAINDER) * cohen)
    ]
    return np.concatenate([over_sites.ravel(), [np.log(density), hardness], *networks])


def _hoppe_weights(x: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    least = np.minimum.reduceat(x, starts)
    weight = np.exp(1 - (x / np.repeat(least, counts)) ** 6)
    mean = np.add.reduceat(weight * x, starts) / np.add.reduceat(weight, starts)
    return np.exp(1 - (x / np.repeat(mean, counts)) ** 6)


def _valence(numbers: np.ndarray) -> np.ndarray:
    """Electrons beyond closed shells: Magpie's count less d10 and f14 below p electrons."""
    s, p = (element_property(f"N{shell}Valence") for shell in "sp")
    d, f = (element_property(f"N{shell}Valence") for shell in "df")
    open_d = np.where((d == 10) & (p + s > 1), 0, d)
    return (s + p + open_d + np.where(f == 14, 0, f))[numbers]


def _network(
    centres: np.ndarray,
    neighbours: np.ndarray,
    vectors: np.ndarray,
    stiffness: np.ndarray,
    volume: float,
) -> np.ndarray:
    relaxed, rigid = elastic_tensor(centres, neighbours, vectors, stiffness, volume)
    # Layers may be farther apart than the last neighbour is: they are held by the remainder.
    between = _REMAINDER * np.trace(rigid) / 6 * np.eye(6)
    free, held = isotropic_moduli(relaxed + between), isotropic_moduli(rigid + between)
    K, G = ((free[f"{name}_voigt"] + free[f"{name}_reuss"]) / 2 for name in "KG")
    return np.log(
        [
            K,
            G,
            G / K,
            K / held["K_voigt"],
            G / held["G_voigt"],
            free["G_voigt"] / free["G_reuss"],
            free["greatest"] / free["least"],
        ]
    )
