"""The M nearest neighbours of chosen atoms, frame by frame, in periodic cells of any shape.

Atoms are sorted into bins of the cell; the bins that a sphere touches are searched, images of the
cell included, so that the cell may be smaller than the sphere. The sphere widens until it holds M
neighbours: its size, taken from the atom before, has an influence on speed only.
"""

from __future__ import annotations

from math import floor, sqrt
from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["build_rows", "gather_rows"]

_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy"}
_WIDENING = 1.3
_MARGIN = 1.1  # a sphere is this much wider than that of the atom before
_LEAST = 0.5  # of the mean radius: where all neighbours are in one place the sphere had no size
_BIN = 0.8  # width of a bin over the radius of the sphere that holds M atoms on average
_ROUNDING = 1e-9


class _Grid(NamedTuple):
    """N atoms of a frame in their bins."""

    cell: np.ndarray  # (3, 3), angstrom
    heights: np.ndarray  # (3,), distances between opposite faces
    bins: np.ndarray  # (3,), how many along each lattice vector
    frac: np.ndarray  # (N, 3), wrapped fractional coordinates, by atom
    points: np.ndarray  # (N, 3), the same places in angstrom, by bin
    ids: np.ndarray  # (N,), atoms by bin
    starts: np.ndarray  # (8 N + 65,), bin b holds starts[b] to starts[b + 1]


@njit(**_OPTIONS)
def _grid(n):  # type: ignore[no-untyped-def]
    return _Grid(
        np.empty((3, 3)),
        np.empty(3),
        np.empty(3, np.int64),
        np.empty((n, 3)),
        np.empty((n, 3)),
        np.empty(n, np.int64),
        np.empty(8 * n + 65, np.int64),
    )


@njit(**_OPTIONS)
def _fill(grid, positions, cell, m):  # type: ignore[no-untyped-def]
    """Sort the atoms of a frame into bins; the radius that holds m neighbours on average."""
    n, bins = len(positions), grid.bins
    grid.cell[:] = cell
    inverse = np.linalg.inv(cell)
    radius = (0.75 / np.pi * (m + 1) * abs(np.linalg.det(cell)) / n) ** (1 / 3)
    for axis in range(3):  # columns of the inverse are the reciprocal vectors
        x, y, z = inverse[0, axis], inverse[1, axis], inverse[2, axis]
        grid.heights[axis] = 1.0 / sqrt(x * x + y * y + z * z)
        bins[axis] = max(1, np.int64(grid.heights[axis] / (_BIN * radius)))
    while bins[0] * bins[1] * bins[2] > 8 * n + 64:
        bins[np.argmax(bins)] //= 2
    _sort(positions, inverse, grid)
    return radius


@njit(**_OPTIONS)
def _sort(positions, inverse, grid):  # type: ignore[no-untyped-def]
    """Wrap the atoms, and count them into their bins."""
    cell, bins, frac, points = grid.cell, grid.bins, grid.frac, grid.points
    ids, starts = grid.ids, grid.starts
    n = len(positions)
    total = bins[0] * bins[1] * bins[2]
    starts[: total + 1] = 0
    home = np.empty(n, np.int64)
    for i in range(n):
        b = 0
        for axis in range(3):
            f = 0.0
            for c in range(3):
                f += positions[i, c] * inverse[c, axis]
            f -= floor(f)
            if f >= 1.0:  # a tiny negative number, rounded
                f = 0.0
            frac[i, axis] = f
            b = b * bins[axis] + min(bins[axis] - 1, np.int64(f * bins[axis]))
        home[i] = b
        starts[b + 1] += 1
    for b in range(total):
        starts[b + 1] += starts[b]
    filled = starts[:total].copy()
    for i in range(n):
        p = filled[home[i]]
        filled[home[i]] += 1
        ids[p] = i
        for c in range(3):
            points[p, c] = (
                frac[i, 0] * cell[0, c] + frac[i, 1] * cell[1, c] + frac[i, 2] * cell[2, c]
            )


@njit(inline="always", **_OPTIONS)
def _insert(squares, atoms, count, square, atom):  # type: ignore[no-untyped-def]
    """Keep the nearest, in order of distance, then of number; the new count."""
    k = count
    if count == len(squares):
        k -= 1
        if square > squares[k] or (square == squares[k] and atom >= atoms[k]):
            return count
    while k > 0 and (squares[k - 1] > square or (squares[k - 1] == square and atoms[k - 1] > atom)):
        squares[k] = squares[k - 1]
        atoms[k] = atoms[k - 1]
        k -= 1
    squares[k] = square
    atoms[k] = atom
    return min(count + 1, len(squares))


@njit(**_OPTIONS)
def _within(atom, radius, grid, squares, atoms):  # type: ignore[no-untyped-def]
    """The nearest neighbours of an atom that lie in a sphere, at most as many as asked for."""
    cell, bins, points, ids, starts = grid.cell, grid.bins, grid.points, grid.ids, grid.starts
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    here = np.zeros(3)
    for axis in range(3):
        f, reach = grid.frac[atom, axis], radius / grid.heights[axis] + _ROUNDING
        low[axis] = np.int64(floor((f - reach) * bins[axis]))
        high[axis] = np.int64(floor((f + reach) * bins[axis]))
        for c in range(3):
            here[c] += f * cell[axis, c]
    count, bound = 0, radius * radius
    first_image, last_image = low[2] // bins[2], high[2] // bins[2]
    for a in range(low[0], high[0] + 1):
        image_a = a // bins[0]
        for b in range(low[1], high[1] + 1):
            image_b = b // bins[1]
            line = ((a - image_a * bins[0]) * bins[1] + b - image_b * bins[1]) * bins[2]
            for image_c in range(first_image, last_image + 1):
                begin = starts[line + max(0, low[2] - image_c * bins[2])]
                end = starts[line + min(bins[2] - 1, high[2] - image_c * bins[2]) + 1]
                x = image_a * cell[0, 0] + image_b * cell[1, 0] + image_c * cell[2, 0] - here[0]
                y = image_a * cell[0, 1] + image_b * cell[1, 1] + image_c * cell[2, 1] - here[1]
                z = image_a * cell[0, 2] + image_b * cell[1, 2] + image_c * cell[2, 2] - here[2]
                own = image_a == 0 and image_b == 0 and image_c == 0
                for p in range(begin, end):
                    dx, dy, dz = points[p, 0] + x, points[p, 1] + y, points[p, 2] + z
                    square = dx * dx + dy * dy + dz * dz
                    if square <= bound and not (own and ids[p] == atom):
                        count = _insert(squares, atoms, count, square, ids[p])
                        if count == len(squares):
                            bound = squares[count - 1]
    return count


@njit(**_OPTIONS)
def _nearest(atom, radius, reach, grid, squares, atoms):  # type: ignore[no-untyped-def]
    """All neighbours that are asked for; whether they lie within reach."""
    radius = min(radius, reach)
    while _within(atom, radius, grid, squares, atoms) < len(squares):
        if radius >= reach:
            return False
        radius = min(reach, radius * _WIDENING)
    return True


@njit(**_OPTIONS)
def build_rows(  # type: ignore[no-untyped-def]
    positions, cells, targets, hops, reach, unit, rows, neighbours, distances, counts
):
    """Rows of the frames of a block, those of a frame ordered by hop.

    Parameters
    ----------
    positions : ndarray of float, shape (B, N, 3)
    cells : ndarray of float64, shape (B, 3, 3)
    targets : ndarray of int64, shape (T,)
    hops : int
        Atoms fewer than this many steps from a target have a row.
    reach, unit : float
        Largest distance, and the step in which distances are written, in angstrom.
    rows, neighbours, distances : ndarray, shapes (R,), (R, M), (R, M)
        Written to: the atom of a row, its neighbours, their distances in units.
    counts : ndarray of int64, shape (B, hops)
        Written to: rows of each frame and hop.

    Returns
    -------
    tuple of int
        Rows written; and the frame and atom that has too few neighbours within reach, or -1.
    """
    n, m = positions.shape[1], neighbours.shape[1]
    grid, used = _grid(n), 0
    squares, atoms = np.empty(m), np.empty(m, np.int64)
    has_row = np.full(n, -1, np.int64)  # the last frame in which an atom had one
    for frame in range(len(positions)):
        mean = _fill(grid, positions[frame], cells[frame], m)
        radius = _MARGIN * mean
        begin = used
        for target in targets:
            rows[used] = target
            has_row[target] = frame
            used += 1
        for hop in range(hops):
            end = used
            counts[frame, hop] = end - begin
            for row in range(begin, end):
                if not _nearest(np.int64(rows[row]), radius, reach, grid, squares, atoms):
                    return used, frame, np.int64(rows[row])
                for k in range(m):
                    neighbours[row, k] = atoms[k]
                    distances[row, k] = np.int64(sqrt(squares[k]) / unit + 0.5)
                    if hop < hops - 1 and has_row[atoms[k]] < frame:
                        has_row[atoms[k]] = frame
                        rows[used] = atoms[k]
                        used += 1
                radius = max(_LEAST * mean, _MARGIN * sqrt(squares[m - 1]))
            begin = end
    return used, -1, -1


@njit(**_OPTIONS)
def gather_rows(  # type: ignore[no-untyped-def]
    frames, offsets, counts, rows, neighbours, distances, unit, species, bare, codes, nodes, lengths
):
    """Rows of some frames as one graph, its nodes ordered by hop, then by frame.

    Parameters
    ----------
    frames : ndarray of int64, shape (B,)
    offsets, counts : ndarray of int64, shapes (F,) and (F, K)
        First row of each frame; rows of each frame and hop.
    rows, neighbours, distances, unit
        As `build_rows` wrote them.
    species : ndarray of int64, shape (N,)
        Code of each atom.
    bare : int
        Number of the node that stands for atoms of species 0 without a row.
    codes, nodes, lengths : ndarray, shapes (R,), (R, M), (R, M)
        Written to: species of the nodes, their neighbours as nodes, distances in angstrom.
    """
    n, hops = len(species), counts.shape[1]
    first = np.zeros(hops, np.int64)  # of this frame, the first node of each hop
    for hop in range(1, hops):
        first[hop] = first[hop - 1]
        for frame in frames:
            first[hop] += counts[frame, hop - 1]
    node_of = np.empty(n, np.int64)
    for frame in frames:
        for atom in range(n):
            node_of[atom] = bare + species[atom]
        row = offsets[frame]
        for hop in range(hops):
            for k in range(counts[frame, hop]):
                node_of[rows[row]] = first[hop] + k
                row += 1
        row = offsets[frame]
        for hop in range(hops):
            for _ in range(counts[frame, hop]):
                node = first[hop]
                codes[node] = species[rows[row]]
                for k in range(nodes.shape[1]):
                    nodes[node, k] = node_of[neighbours[row, k]]
                    lengths[node, k] = unit * distances[row, k]
                first[hop] += 1
                row += 1
