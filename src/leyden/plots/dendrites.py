"""Figures of the stability of metal against solid electrolytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from leyden.plots.style import (
    INK,
    PALETTE,
    QUIET,
    cloud,
    corner,
    left_out,
    tidy,
    vectors,
)

__all__ = ["stability_diagram", "stability_terms"]


def stability_diagram(
    shear_ratio: ArrayLike,
    volume_ratio: ArrayLike,
    ax: Axes,
    *,
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    labels: Mapping[int, str] | None = None,
) -> Axes:
    """Where solid electrolytes stand in the isotropic stability diagram (Xie, figure 2-7).

    Parameters
    ----------
    shear_ratio : array_like, shape (n,)
        Shear modulus over that of the metal, G / G_Li; drawn on a log axis.
    volume_ratio : array_like, shape (n,)
        Molar volume of the ion in the electrolyte over that in the metal, V_ion / V_M.
    ax : Axes
    lines : mapping of name to (volume_ratio, shear_ratio), optional
        Critical lines, as arrays.
    labels : mapping of row to text, optional
        Rows to be named.
    """
    shear, volume = vectors(shear_ratio=shear_ratio, volume_ratio=volume_ratio)
    seen = np.isfinite(volume) & np.isfinite(shear) & (shear > 0)
    cloud(ax, volume[seen], shear[seen], PALETTE[0])
    for number, (name, (x, y)) in enumerate((lines or {}).items()):
        ax.plot(
            np.asarray(x, dtype=float),
            np.asarray(y, dtype=float),
            color=PALETTE[1 + number % 5],
            linestyle=("-", "--", ":", "-.")[number % 4],
            linewidth=1.6,
            label=name,
        )
    for row, text in (labels or {}).items():
        if not seen[row]:
            continue
        point = (volume[row], shear[row])
        ax.plot(*point, "o", markersize=7, markerfacecolor="none", markeredgecolor=INK)
        halo = [withStroke(linewidth=2.5, foreground="white")]
        ax.annotate(
            text,
            point,
            xytext=(6, 5),
            textcoords="offset points",
            fontsize=9,
            color=INK,
            path_effects=halo,
        )
    ax.set_yscale("log")
    ax.set_xlabel(r"molar-volume ratio $V_\mathrm{ion} / V_\mathrm{M}$")
    ax.set_ylabel(r"shear-modulus ratio $G / G_\mathrm{Li}$")
    if lines:
        ax.legend(frameon=False, fontsize=9)
    corner(ax, [left_out(seen)])
    return tidy(ax)


def stability_terms(
    k: ArrayLike,
    surface: ArrayLike,
    deviatoric: ArrayLike,
    hydrostatic: ArrayLike,
    ax: Axes,
    *,
    unit: str = "kJ/(mol nm)",
    critical_k: float | None = None,
) -> Axes:
    """The three terms of the stability parameter and their sum (Xie, figure 2-4).

    Parameters
    ----------
    k : array_like, shape (n,)
        Wavenumber of the surface roughness, 1/m; drawn on a log axis.
    surface, deviatoric, hydrostatic : array_like, shape (n,)
        Terms of surface tension, deviatoric and hydrostatic stress, in `unit`.
    ax : Axes
    unit : str
    critical_k : float, optional
        Where the sum changes its sign, 1/m.
    """
    wavenumber, *terms = vectors(
        k=k, surface=surface, deviatoric=deviatoric, hydrostatic=hydrostatic
    )
    names = ("surface tension", "deviatoric stress", "hydrostatic stress")
    ax.axhline(0, color=QUIET, linewidth=0.8)
    for term, name, color, dash in zip(terms, names, PALETTE, ("--", "-.", ":"), strict=False):
        ax.plot(wavenumber, term, color=color, linestyle=dash, linewidth=1.6, label=name)
    ax.plot(wavenumber, sum(terms), color=INK, linewidth=2.2, label=r"sum $\chi$")
    if critical_k is not None:
        ax.axvline(critical_k, color=QUIET, linewidth=1, linestyle=":")
        ax.annotate(
            r"$k_\mathrm{crit}$",
            (critical_k, 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            color=INK,
        )
    # Symmetric log: a term linear in k and one quadratic in k are both seen, with their signs.
    stresses = [abs(term[0]) for term in terms[1:] if term[0]]
    smallest = 10.0 ** np.ceil(np.log10(min(stresses))) if stresses else 1.0
    ax.set_yscale("symlog", linthresh=smallest)
    ax.set_xscale("log")
    ax.set_xlabel(r"surface roughness wavenumber $k$ (1/m)")
    ax.set_ylabel(rf"contribution to $\chi$ ({unit})")
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax)
