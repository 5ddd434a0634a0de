"""Numbers that describe the surroundings of a site: the Voronoi coordination number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from vesin import NeighborList

from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.data.materials import Crystal
from leyden.errors import InputError

__all__ = ["mean_voronoi_coordination", "voronoi_coordination"]

_FIRST_RADIUS = 6.0  # angstrom; most cells of dense crystals are complete within it
_LARGEST_RADIUS = 70.0


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
