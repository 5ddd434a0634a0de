"""Local environments as a crystal network sees them: its vectors of sites, laid out in the plane.

After T. Xie, thesis, MIT 2020, section 3.3, and Zhang et al., figures 3b and S2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.formulas import ELEMENTS
from leyden.element_map import families, principal_components
from leyden.errors import InputError
from leyden.interpretation import (
    Explanation,
    environment_vectors,
    neighbours_of_element,
    structure,
)

__all__ = ["EnvironmentMap", "environment_map"]

_SHOWN_SITES = 5  # an element with fewer sites on a map bears no label


@dataclass(frozen=True, eq=False)
class EnvironmentMap:
    """Local environments of sites in the space of a network, laid out in the plane.

    Attributes
    ----------
    points : DataFrame
        One row a site: ``crystal``, ``site``, ``element``, ``family``, ``neighbours`` (of the
        wanted element, in the first shell), ``value`` (local value, NaN without one), ``pca_1``,
        ``pca_2``, ``tsne_1``, ``tsne_2``.
    labels : DataFrame
        ``element``, ``sites``, and the same four coordinates: of that site of the element which
        lies most in the middle of the others in that plane.
    variance : ndarray, shape (2,)
        Share of the variance that each principal component explains.
    neighbour : str
    convolution : int
        After which the vectors were read, from 1.
    sites, distinct : int
        Sites with enough such neighbours, and how many of them the network can tell apart;
        `points` holds these, or a random part of them.
    same_element : float
        Share of points whose nearest point (all dimensions) is a site of the same element.
    value_r2 : float
        R2 of the local value as a linear function of the two principal components.
    """

    points: pd.DataFrame
    labels: pd.DataFrame
    variance: np.ndarray
    neighbour: str
    convolution: int
    sites: int
    distinct: int
    same_element: float
    value_r2: float


def environment_map(
    network: Any,
    items: Sequence[Any],
    *,
    X: Any = None,
    explanation: Explanation | None = None,
    neighbour: str = "O",
    at_least: int = 2,
    convolution: int | None = None,
    most: int = 1500,
    random_state: int = 0,
) -> EnvironmentMap:
    """PCA and t-SNE of the vectors of sites that are coordinated by one element.

    Parameters
    ----------
    network : CrystalGraphNetwork
        Fitted.
    items : sequence of Crystal, or of items with a `host`
    X : CrystalGraphs, optional
        The items, represented.
    explanation : Explanation, optional
        Of the same items in the same order, for ids and local values.
    neighbour : str
        Element of which a site has `at_least` in its first shell (Zhang et al.: two oxygens).
    convolution : int, optional
        After which the vectors are read; the last when absent.
    most : int
        Points drawn; more distinct sites are sampled at random.
    random_state : int

    Raises
    ------
    InputError
        Fewer than ten distinct sites.
    """
    structures = [structure(item) for item in items]
    X = network.representation.transform(items) if X is None else X
    vectors = np.concatenate(environment_vectors(network, X, convolution))
    table = _sites(structures, explanation, neighbour)
    wanted = np.flatnonzero(table["neighbours"] >= at_least)
    # Sites that the network cannot tell apart are one point: a map of copies shows cell sizes.
    rounded = np.round(vectors[wanted] / (np.abs(vectors).max() or 1.0), 5)
    _, first = np.unique(rounded, axis=0, return_index=True)
    generator = np.random.default_rng(random_state)
    chosen = wanted[np.sort(generator.permutation(first)[:most])]
    if len(chosen) < 10:
        raise InputError(
            f"a map needs ten sites with at least {at_least} {neighbour} around them",
            value=len(chosen),
            remedy="explain more crystals, or another neighbour",
        )
    points = table.iloc[chosen].reset_index(drop=True)
    shown = vectors[chosen].astype(float)
    pca, variance = principal_components(shown, 2)
    for name, plane in (("pca", pca), ("tsne", _tsne(shown, random_state))):
        points[f"{name}_1"], points[f"{name}_2"] = plane.T
    return EnvironmentMap(
        points,
        _labels(points),
        variance,
        neighbour,
        len(network.module_.convolutions) if convolution is None else convolution,
        len(wanted),
        len(first),
        _same_element(shown, points["element"].to_numpy()),
        _linear_r2(pca, points["value"].to_numpy(float)),
    )


def _tsne(vectors: np.ndarray, random_state: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30, (len(vectors) - 1) // 3)
    tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=random_state)
    return tsne.fit_transform(vectors.astype(np.float32))


def _sites(
    structures: Sequence[Any], explanation: Explanation | None, neighbour: str
) -> pd.DataFrame:
    """All sites of the crystals, in order."""
    counts = [len(crystal) for crystal in structures]
    numbers = np.concatenate([crystal.numbers for crystal in structures])
    table = pd.DataFrame(
        {
            "crystal": np.repeat([str(i + 1) for i in range(len(counts))], counts),
            "site": np.concatenate([np.arange(1, n + 1) for n in counts]),
            "element": [ELEMENTS[z] for z in numbers],
            "family": families(numbers),
            "neighbours": np.concatenate(
                [neighbours_of_element(crystal, neighbour) for crystal in structures]
            ),
            "value": np.nan,
        }
    )
    if explanation is not None:
        if list(explanation.atoms["element"]) != list(table["element"]):
            raise InputError("the explanation is that of other crystals")
        table[["crystal", "value"]] = explanation.atoms[["crystal", "value"]]
    return table


def _labels(points: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for element, sites in points.groupby("element"):
        if len(sites) < _SHOWN_SITES:
            continue
        row: dict[str, Any] = {"element": element, "sites": len(sites)}
        for plane in ("pca", "tsne"):
            xy = sites[[f"{plane}_1", f"{plane}_2"]].to_numpy()
            middle = xy[np.square(xy - np.median(xy, axis=0)).sum(axis=1).argmin()]
            row[f"{plane}_1"], row[f"{plane}_2"] = middle
        rows.append(row)
    columns = ["element", "sites", "pca_1", "pca_2", "tsne_1", "tsne_2"]
    return pd.DataFrame(rows, columns=columns)


def _same_element(vectors: np.ndarray, elements: np.ndarray) -> float:
    from scipy.spatial import cKDTree

    _, nearest = cKDTree(vectors).query(vectors, k=2)
    return float((elements[nearest[:, 1]] == elements).mean())


def _linear_r2(plane: np.ndarray, value: np.ndarray) -> float:
    known = np.isfinite(value)
    if known.sum() < 3 or np.ptp(value[known]) == 0:
        return float("nan")
    design = np.column_stack([plane[known], np.ones(known.sum())])
    residual = value[known] - design @ np.linalg.lstsq(design, value[known], rcond=None)[0]
    return float(
        1 - np.square(residual).sum() / np.square(value[known] - value[known].mean()).sum()
    )
