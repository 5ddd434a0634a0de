"""Where a quantity on a three-dimensional grid has one value, as triangles.

Marching tetrahedra (A. Doi, A. Koide, IEICE Trans. E74, 214 (1991)): every cell of the grid is six
tetrahedra about its diagonal, in each of which the quantity is taken as linear, so that a surface
through it is a triangle or two. Neighbouring cells share the diagonals of their faces, and the
surface has no holes but at the faces of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

from leyden.errors import IncompatibleError

__all__ = ["iso_surface"]


def iso_surface(axes: Sequence[np.ndarray], values: np.ndarray, level: float) -> np.ndarray:
    """Triangles of the surface on which values on a grid are at a level.

    Parameters
    ----------
    axes : three ndarrays, shapes (n0,), (n1,), (n2,)
        Places of the grid along each axis.
    values : ndarray, shape (n0, n1, n2)
        Cells with a value that is not finite are left out.
    level : float

    Returns
    -------
    ndarray, shape (triangles, 3, 3)
        Corners of each triangle, anticlockwise as seen from where values are lower.

    Raises
    ------
    IncompatibleError
        Axes and values do not fit together.

    Examples
    --------
    >>> edge = np.array([0.0, 1.0])
    >>> values = np.broadcast_to(edge[:, None, None], (2, 2, 2))
    >>> np.unique(iso_surface([edge, edge, edge], values, 0.25)[..., 0])
    array([0.25])
    """
    if len(axes) != 3 or values.shape != tuple(map(len, axes)):
        shapes = [len(axis) for axis in axes]
        raise IncompatibleError(f"axes of {shapes} places do not fit values of {values.shape}")
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    corners, heights = _tetrahedra(places), _tetrahedra(values - level)
    whole = np.isfinite(heights).all(axis=1)
    corners, heights = corners[whole], heights[whole]
    # The corners above the level first, so that each case below is one of numbers alone.
    order = np.argsort(heights <= 0, axis=1, kind="stable")
    heights = np.take_along_axis(heights, order, axis=1)
    corners = np.take_along_axis(corners, order[:, :, None], axis=1)
    above = (heights > 0).sum(axis=1)
    edges = {
        1: [[(0, 1), (0, 2), (0, 3)]],
        2: [[(0, 2), (0, 3), (1, 3)], [(0, 2), (1, 3), (1, 2)]],
        3: [[(0, 3), (1, 3), (2, 3)]],
    }
    triangles = []
    for count, several in edges.items():
        these = above == count
        outward = corners[these, count:].mean(axis=1) - corners[these, :count].mean(axis=1)
        for triangle in several:
            ends = [_crossing(corners[these], heights[these], *edge) for edge in triangle]
            triangles.append(_facing(np.stack(ends, axis=1), outward))
    return np.concatenate(triangles)


def _facing(triangles: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """Triangles of some area, their corners such that the normal points to lower values."""
    first, second = (triangles[:, end] - triangles[:, 0] for end in (1, 2))
    normals = np.cross(first, second)
    away = np.sum(normals * outward, axis=1) < 0
    triangles[away] = triangles[away][:, ::-1]
    return triangles[np.linalg.norm(normals, axis=1) > 0]


def _tetrahedra(grid: np.ndarray) -> np.ndarray:
    """What stands at the corners of all tetrahedra, shape (tetrahedra, 4, ...).

    Each walks from the first corner of a cell to the opposite one, axis after axis.
    """
    counts = grid.shape[:3]
    found = []
    for walk in permutations(range(3)):
        step = np.zeros(3, int)
        corners = []
        for axis in (None, *walk):
            if axis is not None:
                step[axis] = 1
            cut = tuple(slice(s, n - 1 + s) for s, n in zip(step, counts, strict=True))
            corners.append(grid[cut].reshape(-1, *grid.shape[3:]))
        found.append(np.stack(corners, axis=1))
    return np.concatenate(found)


def _crossing(corners: np.ndarray, heights: np.ndarray, start: int, end: int) -> np.ndarray:
    """Where the edge between two corners passes height zero, shape (n, 3)."""
    share = heights[:, start] / (heights[:, start] - heights[:, end])
    return corners[:, start] + share[:, None] * (corners[:, end] - corners[:, start])
