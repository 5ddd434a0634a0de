"""Balls and sticks in parallel projection, for crystals and for what surrounds an atom.

Painter's order, what is far first: the 3D axes of matplotlib sort whole collections only, and would
draw bonds through atoms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from leyden.plots.periodic_table import readable_ink

__all__ = ["balls_and_sticks", "rotation"]

_LARGE = 0.45  # radius above which a ball has room for a name


def rotation(turn: float, tilt: float) -> np.ndarray:
    """Rows: right, into the page, up; angles in degrees, about the vertical, then to the reader."""
    a, b = np.radians([turn, tilt])
    flat = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return nod @ flat


def balls_and_sticks(
    points: np.ndarray,
    radii: np.ndarray,
    faces: np.ndarray,
    bonds: Iterable[tuple[int, int]],
    names: Sequence[str],
    ax: Axes,
) -> Axes:
    """Draw atoms and bonds as they are seen.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        To the right, into the page, and up.
    radii : ndarray, shape (n,)
    faces : ndarray, shape (n, 4)
        Colours.
    bonds : iterable of (int, int)
    names : sequence of str
        Written on balls that have room.
    ax : Axes
    """
    depth = _depth(points[:, 1])
    for i, j in bonds:
        _draw_bond(ax, points[[i, j]], radii[[i, j]], faces[[i, j]], depth[[i, j]])
    for k, (x, y, z) in enumerate(points):
        order = 10 - y / 1e3
        edge = _towards_white(np.array([0.11, 0.14, 0.15, 1.0]), depth[k])
        fill = _towards_white(faces[k], depth[k])
        ax.add_patch(
            Circle((x, z), radii[k], facecolor=fill, edgecolor=edge, linewidth=0.7, zorder=order)
        )
        shine = (x - 0.3 * radii[k], z + 0.32 * radii[k])
        light: Any = {"facecolor": "white", "edgecolor": "none", "zorder": order + 1e-7}
        ax.add_patch(Circle(shine, 0.28 * radii[k], alpha=0.45, **light))
        if radii[k] > _LARGE:
            ax.text(
                x,
                z,
                names[k],
                ha="center",
                va="center_baseline",
                fontsize=8,
                color=readable_ink(fill),
                zorder=order + 2e-7,
            )
    ax.set_aspect("equal")
    ax.autoscale_view()
    ax.axis("off")
    return ax


def _depth(into: np.ndarray) -> np.ndarray:
    """0 in front to 1 behind; 0 for a flat layer."""
    return (into - into.min()) / max(float(np.ptp(into)), 1.0)


def _towards_white(colour: np.ndarray, depth: float) -> tuple[float, ...]:
    """The colour, paler the farther it lies."""
    return tuple(colour[:3] + 0.3 * depth * (1 - np.asarray(colour[:3])))


def _draw_bond(
    ax: Axes, ends: np.ndarray, radii: np.ndarray, faces: np.ndarray, depth: np.ndarray
) -> None:
    """Two half sticks, each in the colour of its atom, from surface to surface."""
    along = ends[1] - ends[0]
    length = float(np.linalg.norm(along))
    cuts = [ends[0] + along * part for part in (0.9 * radii[0] / length, 0.5)]
    cuts += [ends[1] - along * (0.9 * radii[1] / length)]
    for half in (0, 1):
        (x0, y0, z0), (x1, y1, z1) = cuts[half], cuts[half + 1]
        order = 10 - (y0 + y1) / 2e3
        rim = _towards_white(np.array([0.35, 0.4, 0.44]), depth[half])
        face = _towards_white(faces[half], depth[half])
        stick: Any = {"solid_capstyle": "butt"}
        ax.plot([x0, x1], [z0, z1], color=rim, linewidth=4.2, zorder=order, **stick)
        ax.plot([x0, x1], [z0, z1], color=face, linewidth=3.0, zorder=order + 1e-7, **stick)
