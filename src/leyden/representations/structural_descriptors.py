"""What the surroundings of an ion are like: Voronoi coordination; descriptors of conduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from vesin import NeighborList

from leyden.data.crystal import Crystal
from leyden.data.disordered import DisorderedCrystal
from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS
from leyden.errors import InputError
from leyden.representations.elements import MAX_NUMBER, element_property
from leyden.representations.occupied_pairs import nearest_shell, neighbour_pairs, sites_of

__all__ = ["StructuralDescriptors", "mean_voronoi_coordination", "voronoi_coordination"]

_BOND = 4.0  # angstrom
_SHELL = 1.0  # angstrom beyond the nearest anion

_FIRST_RADIUS = 6.0  # angstrom; most cells of dense crystals are complete within it
_LARGEST_RADIUS = 70.0


@dataclass(frozen=True)
class StructuralDescriptors:
    """The five descriptors of fast ion conduction of Sendek et al.

    Every atom within 4 angstrom is a neighbour; the anions are the atoms of the most
    electronegative element (Pauling), as in the article, mixed anions or not.

    1. Li-Li bonds per Li: mean number of Li neighbours of a Li.
    2. Sublattice bond ionicity: mean difference of electronegativities over all pairs of an atom
       that is no Li and a neighbour (which may be Li). Between two such atoms both directions
       count.
    3. Anion framework coordination: mean number of anions at most 1 angstrom farther from an
       anion than the anion nearest to it.
    4. Li-anion separation (angstrom): mean over Li of the distance to the nearest anion.
    5. Li-Li separation (angstrom): mean over Li of the distance to the nearest Li.

    Distances apart by less than 0.001 angstrom are equal, so that no rounding parts a shell.

    For a `DisorderedCrystal` they are those of an infinite crystal whose sites are filled at
    random; see `leyden.representations.occupied_pairs`. They are sums and so need no drawing of
    configurations. The article takes the same expectation over configurations that it draws: sites
    are filled with the probability of their occupancy, none within 2 angstrom of another, by
    Metropolis swaps. A shortest distance is the expectation of the distance to the nearest site
    that is filled, not the distance to the nearest site, which for the two halves of a split site
    would be the length of the split.

    The article was not at hand: the definitions are those that others quote of its supplement (S1,
    S2). They give the printed descriptors of LiI and Li3P, and with the printed coefficients the
    printed probabilities of Materials Project compounds, to the third decimal (see the tests, and
    `leyden.models.classifiers.published_log_odds`).

    Attributes
    ----------
    ion : str
        The ion that conducts; the article has Li.

    References
    ----------
    A. D. Sendek, Q. Yang, E. D. Cubuk, K.-A. N. Duerloo, Y. Cui, E. J. Reed, Energy Environ. Sci.
    10, 306 (2017), doi 10.1039/C6EE02697D.
    """

    kind: ClassVar[str] = "structural_descriptors"
    reads_disorder: ClassVar[bool] = True

    ion: str = "Li"

    def __post_init__(self) -> None:
        if self.ion not in ATOMIC_NUMBERS:
            raise InputError("an element symbol is needed", value=self.ion, remedy="write Li")

    def names(self) -> list[str]:
        """A name a column."""
        ion = self.ion
        return [
            f"{ion}-{ion} bonds per {ion}",
            "sublattice bond ionicity",
            "anion framework coordination",
            f"{ion}-anion separation",
            f"{ion}-{ion} separation",
        ]

    def transform(self, items: Sequence[Crystal | DisorderedCrystal]) -> np.ndarray:
        """Descriptors, shape (n, 5), float64.

        Raises
        ------
        InputError
            An item is no crystal; it has no ion, nothing but the ion, an element without
            electronegativity, or atoms without neighbours; `row` counts from 1.
        """
        rows = np.zeros((len(items), 5))
        for number, item in enumerate(items, start=1):
            try:
                rows[number - 1] = _conduction(item, ATOMIC_NUMBERS[self.ion])
            except InputError as error:
                raise error.at(row=number) from None
        return rows


def _conduction(crystal: Crystal | DisorderedCrystal, ion: int) -> tuple[float, ...]:
    if not isinstance(crystal, Crystal | DisorderedCrystal):
        raise InputError(
            "structural descriptors take a crystal",
            value=crystal,
            remedy="give structures, such as a column cif, or take composition statistics",
        )
    sites = sites_of(crystal)
    if ion not in sites.numbers or len(sites.numbers) == 1:
        raise InputError(
            f"the crystal must have {ELEMENTS[ion]} and another element",
            value=crystal.formula,
            remedy="leave it out, or complete the structure",
        )
    known = element_property("Electronegativity")
    attraction = np.full(len(sites.numbers), np.nan)
    attraction[sites.numbers <= MAX_NUMBER] = known[sites.numbers[sites.numbers <= MAX_NUMBER]]
    if np.isnan(attraction).any():
        raise InputError(
            "every element must have an electronegativity",
            value=ELEMENTS[sites.numbers[np.isnan(attraction)][0]],
            remedy="leave the item out",
        )
    ions = sites.amounts[:, sites.numbers == ion][:, 0]
    anions = sites.amounts[:, attraction.argmax()]
    lattice = np.where(sites.numbers == ion, 0.0, sites.amounts)  # all but the ions
    near = neighbour_pairs(sites, _BOND, np.arange(len(ions)))
    gap = np.abs(attraction[:, None] - attraction)
    here, there = lattice[near.centres], sites.amounts[near.others]
    bonds = near.together * here.sum(axis=1) * there.sum(axis=1)
    if not bonds.any():
        raise InputError(
            f"an atom that is no {ELEMENTS[ion]} needs a neighbour within {_BOND:g} angstrom",
            value=crystal.formula,
            remedy="check the unit of the lattice",
        )
    ionicity = near.together * np.einsum("ij,ij->i", here @ gap, there)
    return (
        float((near.together * ions[near.centres] * ions[near.others]).sum() / ions.sum()),
        float(ionicity.sum() / bonds.sum()),
        nearest_shell(sites, anions, anions, _SHELL)[1],
        nearest_shell(sites, ions, anions)[0],
        nearest_shell(sites, ions, ions)[0],
    )


def voronoi_coordination(crystal: Crystal, element: str = "Li") -> NDArray[np.float64]:
    """Effective coordination number of each site of an element, by Voronoi analysis.

    Each neighbour counts by the solid angle of its face of the Voronoi polyhedron, the largest
    as one: `sum_j Omega_j / max_j Omega_j = 4 pi / max_j Omega_j`. All atoms are neighbours,
    those of the same element included. This is pymatgen's `VoronoiCoordFinder` of the years of
    the published screening, and the sum of weights of its `VoronoiNN` today.

    Parameters
    ----------
    crystal : Crystal
        The crystal.
    element : str
        Symbol of the element.

    Returns
    -------
    ndarray of float, shape (sites,)
        Coordination numbers in the order of the atoms; above 2, without unit.

    Raises
    ------
    InputError
        A crystal without the element, with atoms that coincide, or with a vacuum.

    References
    ----------
    M. O'Keeffe, Acta Cryst. A 35, 772 (1979).
    """
    if element not in ATOMIC_NUMBERS:
        raise InputError("an element symbol is needed", value=element, remedy="write Li")
    sites = np.flatnonzero(crystal.numbers == ATOMIC_NUMBERS[element])
    if len(sites) == 0:
        raise InputError(f"the crystal has no {element}", value=crystal.formula)
    coordination = np.full(len(sites), np.nan)
    radius = _FIRST_RADIUS
    while np.isnan(coordination).any():
        if radius > _LARGEST_RADIUS:
            raise InputError(
                f"{element} needs neighbours on all sides within {_LARGEST_RADIUS:g} angstrom",
                value=f"atom {sites[np.isnan(coordination)][0] + 1}",
                remedy="check the unit of the lattice, or leave slabs in vacuum out",
            )
        vectors, starts = _vectors_within(crystal, radius)
        for which in np.flatnonzero(np.isnan(coordination)):
            atom = sites[which]
            coordination[which] = _coordination(vectors[starts[atom] : starts[atom + 1]], radius)
        radius *= 1.5
    return coordination


def mean_voronoi_coordination(crystal: Crystal, element: str = "Li") -> float:
    """Mean over the sites of `voronoi_coordination`; takes and raises the same."""
    return float(voronoi_coordination(crystal, element).mean())


def _vectors_within(
    crystal: Crystal, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Vectors to all atoms within the radius, by centre, and where each centre's begin."""
    search = NeighborList(cutoff=radius, full_list=True)
    centre, other, vectors = search.compute(
        points=crystal.cart, box=crystal.lattice, periodic=True, quantities="ijD"
    )
    touching = np.flatnonzero(np.einsum("ij,ij->i", vectors, vectors) < 1e-6)
    if len(touching):
        pair = f"atoms {centre[touching[0]] + 1} and {other[touching[0]] + 1}"
        raise InputError("atoms must not coincide", value=pair)
    order = np.argsort(centre, kind="stable")
    return vectors[order], np.searchsorted(centre[order], np.arange(len(crystal) + 1))


def _coordination(vectors: NDArray[np.float64], radius: float) -> float:
    """Effective coordination number, or NaN where an atom beyond the radius could still cut.

    The polyhedron `x . p_j <= 1`, `p_j = 2 d_j / |d_j|^2`, is the polar dual of the hull of the
    `p_j`: a corner of the hull is a face of the polyhedron, a facet of the hull a vertex. No atom
    farther away than twice the farthest vertex touches it, so a complete polyhedron is exact.
    """
    square = np.einsum("ij,ij->i", vectors, vectors)
    try:
        hull = ConvexHull(2 * vectors / square[:, None])
    except (QhullError, ValueError):  # too few neighbours, or all of them in one plane
        return np.nan
    normal, offset = hull.equations[:, :3], hull.equations[:, 3]
    if np.any(offset > -1e-9):
        return np.nan
    vertices = -normal / offset[:, None]
    if 2 * np.sqrt(np.einsum("ij,ij->i", vertices, vertices).max()) > radius:
        return np.nan
    return 4 * np.pi / _face_solid_angles(hull.simplices, hull.neighbors, vertices).max()


def _face_solid_angles(
    simplices: NDArray[np.intp], neighbours: NDArray[np.intp], vertices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solid angles at the origin of the polyhedron's faces, one a point of the dual hull.

    Each edge of a face makes a triangle with the mean of the face's vertices, which lies inside
    it, and the triangles' solid angles are added (Van Oosterom and Strackee, 1983).
    """
    facet, corner = np.indices(simplices.shape)
    points = simplices.max() + 1
    count = np.bincount(simplices.ravel(), minlength=points)
    sums = [np.bincount(simplices.ravel(), np.repeat(axis, 3), points) for axis in vertices.T]
    middle = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None]
    angle = np.zeros(points)
    for turn in (1, 2):  # the edge opposite to a corner belongs to the two other points
        face = simplices[facet, (corner + turn) % 3].ravel()
        start, end = vertices[facet.ravel()], vertices[neighbours[facet, corner].ravel()]
        # each edge is met from both of its facets, hence half of 2 arctan2
        angle += np.bincount(face, _half_solid_angle(middle[face], start, end), points)
    return angle


def _half_solid_angle(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Half the solid angle of the triangles a, b, c seen from the origin."""
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    triple = np.abs(np.einsum("ij,ij->i", a, np.cross(b, c)))
    ab, bc, ca = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
    return np.arctan2(triple, la * lb * lc + ab * lc + bc * la + ca * lb)
