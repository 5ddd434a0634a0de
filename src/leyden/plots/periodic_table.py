"""A value of each element, in the periodic table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, TwoSlopeNorm, to_rgb
from matplotlib.patches import FancyBboxPatch

from leyden.plots.style import INK, QUIET

__all__ = ["DIVERGING", "periodic_table", "readable_ink", "scale"]

#: From below to above a middle, told apart by every colour vision.
DIVERGING = LinearSegmentedColormap.from_list(
    "leyden-diverging",
    ["#00436b", "#0072B2", "#8fc1de", "#f4f4f2", "#efb183", "#D55E00", "#7f3500"],
)

_EMPTY = "#f4f6f7"
_OUTER = 4.0  # percent of the elements at each end that share the last colour
_ROWS = (
    "H                                                  He",
    "Li Be                               B  C  N  O  F  Ne",
    "Na Mg                               Al Si P  S  Cl Ar",
    "K  Ca Sc Ti V  Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
    "Rb Sr Y  Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I  Xe",
    "Cs Ba    Hf Ta W  Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
    "Fr Ra    Rf Db Sg Bh Hs Mt Ds Rg Cn",
    "",
    "      La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu",
    "      Ac Th Pa U  Np Pu Am Cm Bk Cf Es Fm Md No Lr",
)


def scale(
    values: np.ndarray, centre: float | None = None, percentile: float = 0.0
) -> tuple[Normalize, Colormap]:
    """Norm and colours: diverging from `centre` where it is given, else from low to high.

    `percentile` of the values at both ends share the last colour, so that one that stands far
    outside does not pale all others.
    """
    seen = values[np.isfinite(values)]
    ends = np.percentile(seen, [percentile, 100 - percentile]) if len(seen) else (0.0, 1.0)
    low, high = float(ends[0]), float(ends[1])
    if centre is None:
        return Normalize(low, high if high > low else low + 1.0), colormaps["viridis"]
    reach = max(abs(high - centre), abs(low - centre)) or 1.0
    return TwoSlopeNorm(centre, centre - reach, centre + reach), DIVERGING


def periodic_table(
    values: Mapping[str, float],
    ax: Axes,
    *,
    label: str,
    centre: float | None = None,
    digits: int = 2,
) -> Axes:
    """A value of each element by colour and number; the others stand empty.

    Parameters
    ----------
    values : mapping of element symbol to float
        The few that stand farthest out share the last colour, and have their numbers.
    ax : Axes
        About twice as wide as high.
    label : str
        Of the colour bar, with the unit.
    centre : float, optional
        Where the colours change sides, such as the mean of all predictions.
    digits : int
        Decimals of the numbers.
    """
    numbers = np.array([*values.values()], dtype=float)
    norm, colours = scale(numbers, centre, percentile=_OUTER)
    drawn = 0
    for row, line in enumerate(_ROWS):
        for column in range(0, len(line), 3):
            symbol = line[column : column + 2].strip()
            if symbol:
                value = values.get(symbol, float("nan"))
                drawn += bool(np.isfinite(value))
                face = colours(norm(value)) if np.isfinite(value) else _EMPTY
                _cell(ax, column // 3, row - 0.6 * (row > 7), symbol, value, face, digits)
    ax.set(xlim=(-0.1, 18.1), ylim=(9.6, -0.2), aspect="equal")
    ax.axis("off")
    bar = ax.inset_axes((3.1, 0.35, 8.0, 0.32), transform=ax.transData)
    ax.figure.colorbar(ScalarMappable(norm, colours), cax=bar, orientation="horizontal")
    seen = numbers[np.isfinite(numbers)]
    if len(seen) and np.ptp(seen) > 0:  # colours that no element has are not shown
        bar.set_xlim(max(seen.min(), norm.vmin), min(seen.max(), norm.vmax))
    bar.set_title(label, fontsize=9.5, color=INK, pad=5)
    bar.tick_params(labelsize=8, color=QUIET, labelcolor=INK, length=2.5)
    bar.spines[:].set_visible(False)
    if missing := len(values) - drawn:
        ax.text(0, 9.5, f"{missing} of {len(values)} cannot be drawn", fontsize=8, color=INK)
    return ax


def _cell(ax: Axes, x: float, y: float, symbol: str, value: float, face: Any, digits: int) -> None:
    known = bool(np.isfinite(value))
    box = FancyBboxPatch(
        (x + 0.08, y + 0.08),
        0.84,
        0.84,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=face,
        edgecolor="#c3cad0" if known else "#e6eaed",
        linewidth=0.5,
    )
    ax.add_patch(box)
    ink = readable_ink(face) if known else "#aab3ba"
    ax.text(
        x + 0.5,
        y + (0.4 if known else 0.5),
        symbol,
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold" if known else "normal",
        color=ink,
    )
    if known:
        number = f"{value:.{digits}f}".replace("-", "−")  # noqa: RUF001
        ax.text(x + 0.5, y + 0.73, number, ha="center", va="center", fontsize=6, color=ink)


def readable_ink(face: Any) -> str:
    """Dark or white letters, whichever stand out on this colour."""
    red, green, blue = to_rgb(face)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK
