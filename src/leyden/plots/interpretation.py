"""Figures of what a network has learned: elements, environments, properties, single crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke

from leyden.data.formulas import ELEMENTS
from leyden.element_map import FAMILIES
from leyden.errors import InputError
from leyden.plots.balls import balls_and_sticks, rotation
from leyden.plots.periodic_table import readable_ink, scale
from leyden.plots.style import INK, PALETTE, QUIET, left_out, need, series_style, tidy
from leyden.representations.elements import element_property

if TYPE_CHECKING:
    from leyden.element_map import ElementMap
    from leyden.environment_map import EnvironmentMap
    from leyden.interpretation import Picture
    from leyden.property_importance import PropertyImportance

__all__ = ["crystal_picture", "element_plane", "environment_plane", "importance_bars", "probe_bars"]

_HALO = withStroke(linewidth=2.5, foreground="white")
_BALL = 0.5  # radius of a drawn atom, in covalent radii
_VIEW = (-72.0, 14.0)  # degrees: turn about the vertical, then tilt towards the reader


def element_plane(result: ElementMap, ax: Axes, *, components: tuple[int, int] = (1, 2)) -> Axes:
    """Elements in the plane of two principal components, coloured by families of groups."""
    first, second = components
    points = result.points
    need(points, f"component_{first}", f"component_{second}")
    x, y = points[f"component_{first}"], points[f"component_{second}"]
    for number, family in enumerate(FAMILIES):
        mine = (points["family"] == family).to_numpy()
        if mine.any():
            colour = PALETTE[number]
            ax.scatter(x[mine], y[mine], s=210, color=colour, linewidths=0, alpha=0.8, label=family)
            for symbol, place in zip(points["element"][mine], points.index[mine], strict=True):
                ax.text(
                    x[place],
                    y[place],
                    symbol,
                    ha="center",
                    va="center_baseline",
                    fontsize=8,
                    color=readable_ink(colour),
                )
    share = [f"{100 * result.variance[c - 1]:.0f} % of the variance" for c in components]
    ax.set_xlabel(f"component {first} ({share[0]})")
    ax.set_ylabel(f"component {second} ({share[1]})")
    _legend_above(ax)
    return tidy(ax)


def environment_plane(
    result: EnvironmentMap, ax: Axes, *, method: str = "pca", colour: str = "family"
) -> Axes:
    """Sites in the plane of PCA or t-SNE, with the symbols of their elements.

    Parameters
    ----------
    result : EnvironmentMap
    ax : Axes
    method : {"pca", "tsne"}
    colour : {"family", "value"}
        By the family of the central element, or by local value.
    """
    if method not in ("pca", "tsne") or colour not in ("family", "value"):
        raise InputError(
            "a map is made by 'pca' or 'tsne' and coloured by 'family' or 'value'",
            value=(method, colour),
        )
    points, x, y = result.points, f"{method}_1", f"{method}_2"
    if colour == "value":
        _by_value(points, x, y, ax)
    else:
        for number, family in enumerate(FAMILIES):
            rows = points[points["family"] == family]
            if len(rows):
                style = series_style(number)
                ax.scatter(rows[x], rows[y], s=11, linewidths=0, alpha=0.65, label=family, **style)
        _legend_above(ax)
    for label in _apart(result.labels, points, x, y):
        ax.annotate(
            label["element"],
            (label[x], label[y]),
            ha="center",
            va="center",
            fontsize=8.5,
            fontweight="bold",
            color=INK,
            path_effects=[_HALO],
        )
    if method == "pca":
        share = [f"{100 * part:.0f} % of the variance" for part in result.variance]
        ax.set(xlabel=f"component 1 ({share[0]})", ylabel=f"component 2 ({share[1]})")
    else:  # distances and directions of t-SNE have no unit
        ax.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    return tidy(ax)


def importance_bars(
    result: PropertyImportance, ax: Axes, *, most: int = 12, marked: str = "CovalentRadius"
) -> Axes:
    """The most important properties, and one that is looked for, wherever it stands."""
    table = result.table
    shown = table[(table["rank"] <= most) | (table["property"] == marked)]
    places = np.arange(len(shown))
    colours = [PALETTE[1] if name == marked else PALETTE[0] for name in shown["property"]]
    ax.barh(places, shown["importance"], color=colours, height=0.68)
    ax.errorbar(
        shown["importance"],
        places,
        xerr=shown["spread"].fillna(0.0),
        fmt="none",
        ecolor=INK,
        elinewidth=0.9,
        capsize=2,
    )
    names = [f"{rank}  {name}" for rank, name in zip(shown["rank"], shown["property"], strict=True)]
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlabel(f"rise of the mean absolute error when shuffled, {result.target}")
    return tidy(ax, grid="x")


def probe_bars(result: ElementMap, ax: Axes) -> Axes:
    """Scores of linear probes: learned vectors beside what nothing has taught."""
    table = result.probes
    kinds, names = list(dict.fromkeys(table["vectors"])), list(dict.fromkeys(table["property"]))
    width = 0.8 / len(kinds)
    colours = (PALETTE[1], PALETTE[0], PALETTE[4], "#b9c1c7", "#e3e7ea")
    for number, kind in enumerate(kinds):
        rows = table[table["vectors"] == kind].set_index("property").reindex(names)
        places = np.arange(len(names)) + (number - (len(kinds) - 1) / 2) * width
        # A score below zero says no more than zero does; the table has the number.
        ax.bar(
            places,
            rows["mean"].clip(lower=0.0),
            width=0.92 * width,
            color=colours[number % len(colours)],
            label=kind,
            yerr=rows["spread"].where(rows["mean"] > 0).fillna(0.0),
            error_kw={"elinewidth": 0.9, "ecolor": INK},
        )
    score = table.drop_duplicates("property").set_index("property")["score"]
    ax.set_xticks(np.arange(len(names)), [f"{name}\n({score[name]})" for name in names])
    ax.set(ylim=(0, 1.02), ylabel="score, 3-fold")
    _legend_above(ax)
    return tidy(ax, grid="y")


def crystal_picture(picture: Picture, ax: Axes, *, view: tuple[float, float] = _VIEW) -> Axes:
    """One crystal in parallel projection, its atoms coloured by local value.

    Parameters
    ----------
    picture : Picture
    ax : Axes
    view : (float, float)
        Turn about the vertical and tilt towards the reader, degrees.
    """
    turn = rotation(*view)
    points = (picture.positions - picture.lattice.sum(axis=0) / 2) @ turn.T
    norm, colours = scale(picture.values, picture.prediction)
    radii = _BALL * element_property("CovalentRadius", imputed=True)[picture.numbers] / 100
    faces = colours(norm(picture.values))
    _draw_cell(picture.lattice, turn, ax)
    names = [ELEMENTS[int(number)] for number in picture.numbers]
    balls_and_sticks(points, radii, faces, picture.bonds, names, ax)
    _colour_bar(ax, ScalarMappable(norm, colours), f"local value, {picture.target}")
    return ax


def _draw_cell(lattice: np.ndarray, turn: np.ndarray, ax: Axes) -> None:
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    flat = ((corners - 0.5) @ lattice @ turn.T)[:, [0, 2]]
    edges = [
        (a, b) for a in range(8) for b in range(a) if np.abs(corners[a] - corners[b]).sum() == 1
    ]
    lines = [(flat[a], flat[b]) for a, b in edges]
    ax.add_collection(LineCollection(lines, colors=QUIET, linewidths=0.7, alpha=0.7, zorder=1))


def _by_value(points: pd.DataFrame, x: str, y: str, ax: Axes) -> None:
    values = points["value"].to_numpy(float)
    seen = np.isfinite(values)
    if not seen.any():
        raise InputError(
            "the map has no local values", remedy="give `environment_map` the explanation"
        )
    norm, colours = scale(values, percentile=1.0)
    rows = points[seen]
    ax.scatter(rows[x], rows[y], s=11, linewidths=0, alpha=0.8, c=colours(norm(values[seen])))
    if missing := left_out(seen):
        ax.set_title(missing)
    _colour_bar(ax, ScalarMappable(norm, colours), "local value")


def _apart(
    labels: pd.DataFrame, points: pd.DataFrame, x: str, y: str, least: float = 0.045
) -> list[dict[str, Any]]:
    """Labels that do not run into each other, those of the most frequent elements first."""
    width = np.array([np.ptp(points[x]), np.ptp(points[y])]) * [least, 0.8 * least]
    kept: list[dict[str, Any]] = []
    for label in labels.sort_values("sites", ascending=False).to_dict("records"):
        gaps = [np.abs([label[x] - other[x], label[y] - other[y]]) / width for other in kept]
        if all(gap.max() > 1 for gap in gaps):
            kept.append({str(name): value for name, value in label.items()})
    return kept


def _colour_bar(ax: Axes, mapped: ScalarMappable, label: str) -> None:
    bar = ax.figure.colorbar(mapped, ax=ax, shrink=0.7, aspect=22, pad=0.02)
    bar.set_label(label, fontsize=9.5, color=INK)
    bar.ax.tick_params(labelsize=8.5, color=QUIET, labelcolor=INK)
    bar.outline.set_visible(False)  # type: ignore[operator]


def _legend_above(ax: Axes) -> None:
    ax.legend(
        frameon=False,
        fontsize=8.5,
        ncols=3,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        borderaxespad=0.2,
        handletextpad=0.3,
        columnspacing=1.2,
    )
