"""The element vectors that a crystal network has learned: a map of them, and linear probes.

After T. Xie, thesis, MIT 2020, section 3.3, and Zhang et al., figure 3a.  A network is
given the properties of an element as one-hot bins, and its element vectors are a linear function of
them: that a linear probe finds a property in such vectors is no discovery.  Every score therefore
stands beside those of the raw inputs, of random projections of them (which nothing has taught), and
of random vectors; only what exceeds the projections has been learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.formulas import ELEMENTS
from leyden.errors import InputError
from leyden.representations.elements import element_property

__all__ = [
    "FAMILIES",
    "PROPERTIES",
    "ElementMap",
    "element_map",
    "families",
    "learned_element_vectors",
    "principal_components",
]

PROPERTIES = {
    "covalent radius": "CovalentRadius",
    "electronegativity": "Electronegativity",
    "first ionisation energy": "FirstIonizationEnergy",
    "valence electrons": "NValence",
    "atomic volume": "GSvolume_pa",
}
"""Name to column of ``elements.csv``, where units stand; valence electrons as Magpie counts them,
filled d and f shells included."""

FAMILIES = (
    "alkali metals",
    "alkaline earths",
    "early transition metals",
    "late transition metals",
    "lanthanides, actinides",
    "main group",
)
"""Groups 1, 2, 3 to 7, 8 to 12, the f block, and 13 to 18 with hydrogen."""

_FOLDS = 3  # as Xie's probes
_SHUFFLES = 500


@dataclass(frozen=True, eq=False)
class ElementMap:
    """The element vectors of a network, in the plane and under probes.

    Attributes
    ----------
    points : DataFrame
        One row an element: ``element``, ``number``, ``group``, ``block``, ``family``, the
        properties of `PROPERTIES`, and ``component_1``, ``component_2``, ... (PCA).
    vectors : ndarray, shape (elements, width)
    variance : ndarray, shape (components,)
        Share of the variance that each component explains.
    correlations : DataFrame
        Pearson's r of each component with each property: ``vectors`` (``"learned"`` or
        ``"inputs"``), ``component``, ``property``, ``r``, ``elements`` (where it is known).
    chance : float
        The largest of all these ``|r|`` of learned vectors exceeds this in 5 % of the cases when
        elements are shuffled.
    probes : DataFrame
        ``property``, ``score`` (``"accuracy"`` or ``"R2"``), ``elements``, ``vectors``, ``mean``
        and ``spread`` (standard deviation over repeats) of linear probes, each 3-fold.
    """

    points: pd.DataFrame
    vectors: np.ndarray
    variance: np.ndarray
    correlations: pd.DataFrame
    chance: float
    probes: pd.DataFrame

    def strongest(self, name: str, vectors: str = "learned") -> tuple[int, float]:
        """The component that goes best with a property, and its r."""
        table = self.correlations
        rows = table[(table["property"] == name) & (table["vectors"] == vectors)]
        if rows.empty:
            raise InputError("no correlations with this property", value=name)
        best = rows.iloc[int(rows["r"].abs().to_numpy().argmax())]
        return int(best["component"]), float(best["r"])


def families(numbers: np.ndarray) -> np.ndarray:
    """The family (`FAMILIES`) of each atomic number."""
    numbers = np.asarray(numbers, dtype=int)
    group = element_property("Column")[numbers]
    inner = ((numbers >= 57) & (numbers <= 70)) | ((numbers >= 89) & (numbers <= 102))
    conditions = [inner, numbers == 1, group == 1, group == 2, group <= 7, group <= 12]
    names = [FAMILIES[i] for i in (4, 5, 0, 1, 2, 3)]
    return np.select(conditions, names, FAMILIES[5])


def learned_element_vectors(network: Any, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Element vectors v(0) of a fitted crystal graph network, and the inputs they are made of.

    Parameters
    ----------
    network : CrystalGraphNetwork
    numbers : array of int, shape (k,)

    Returns
    -------
    learned : ndarray, shape (k, width)
    inputs : ndarray, shape (k, 93)
    """
    state = network.state()
    inputs = state["elements"][np.asarray(numbers, dtype=int)].astype(float)
    return inputs @ state["embedding.weight"].T.astype(float) + state["embedding.bias"], inputs


def element_map(
    network: Any,
    numbers: Sequence[int] | np.ndarray,
    *,
    components: int = 4,
    repeats: int = 5,
    random_state: int = 0,
) -> ElementMap:
    """PCA, correlations and linear probes of the element vectors that a network has learned.

    Parameters
    ----------
    network : CrystalGraphNetwork
        Fitted.
    numbers : array of int
        Atomic numbers of the elements that occur in training; the vectors of others mean nothing.
    components : int
    repeats : int
        Of the three folds of a probe, each with other random vectors.
    random_state : int
    """
    numbers = np.unique(np.asarray(numbers, dtype=int))
    if len(numbers) < 2 * _FOLDS:
        raise InputError(f"a map needs at least {2 * _FOLDS} elements", value=len(numbers))
    learned, inputs = learned_element_vectors(network, numbers)
    components = min(components, len(numbers) - 1, learned.shape[1])
    plane, variance = principal_components(learned, components)
    points = pd.DataFrame(
        {
            "element": [ELEMENTS[z] for z in numbers],
            "number": numbers,
            "group": element_property("Column")[numbers].astype(int),
            "block": _block(numbers),
            "family": families(numbers),
            **{name: element_property(column)[numbers] for name, column in PROPERTIES.items()},
            **{f"component_{c + 1}": plane[:, c] for c in range(components)},
        }
    )
    scores = {"learned": plane, "inputs": principal_components(inputs, components)[0]}
    correlations = pd.concat(
        [_correlations(points, scores[name]).assign(vectors=name) for name in scores],
        ignore_index=True,
    )
    generator = np.random.default_rng(random_state)
    return ElementMap(
        points,
        learned,
        variance,
        correlations,
        _chance(points, plane, generator),
        _probes(points, learned, inputs, repeats, generator),
    )


def principal_components(vectors: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, components), and the share of the variance that each explains."""
    from sklearn.decomposition import PCA

    pca = PCA(components, svd_solver="full")
    return pca.fit_transform(vectors), pca.explained_variance_ratio_


def _block(numbers: np.ndarray) -> np.ndarray:
    group = element_property("Column")[numbers]
    inner = families(numbers) == FAMILIES[4]
    first = (group <= 2) | (numbers == 2)
    return np.select([inner, first, group <= 12], ["f", "s", "d"], "p")


def _correlations(points: pd.DataFrame, plane: np.ndarray) -> pd.DataFrame:
    rows = []
    for name in PROPERTIES:
        known = points[name].notna().to_numpy()
        for c, score in enumerate(plane.T, start=1):
            r = np.corrcoef(points[name].to_numpy()[known], score[known])[0, 1]
            rows.append({"component": c, "property": name, "r": r, "elements": int(known.sum())})
    return pd.DataFrame(rows)


def _chance(points: pd.DataFrame, plane: np.ndarray, generator: np.random.Generator) -> float:
    """95 % quantile of the largest |r| of all pairs when elements are shuffled."""
    known = points[list(PROPERTIES)].notna().all(axis=1).to_numpy()
    properties, scores = _standard(points[list(PROPERTIES)].to_numpy()[known]), plane[known]
    scores = _standard(scores)
    shuffled = (scores[generator.permutation(len(scores))] for _ in range(_SHUFFLES))
    largest = [np.abs(properties.T @ s).max() / len(s) for s in shuffled]
    return float(np.quantile(largest, 0.95))


def _standard(columns: np.ndarray) -> np.ndarray:
    spread = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _probes(
    points: pd.DataFrame,
    learned: np.ndarray,
    inputs: np.ndarray,
    repeats: int,
    generator: np.random.Generator,
) -> pd.DataFrame:
    n, width = learned.shape
    rows = []
    for name in ("block", "group", "covalent radius", "electronegativity"):
        answer = points[name].to_numpy()
        known = points[name].notna().to_numpy()
        classes = name in ("block", "group")
        if classes:  # a class that some fold would not be taught is not asked for
            known = points.groupby(name)[name].transform("size").to_numpy() >= _FOLDS
        answer = answer[known]
        if len(answer) < 2 * _FOLDS or (classes and len(np.unique(answer)) < 2):
            continue
        scores: dict[str, list[float]] = {}
        for repeat in range(repeats):
            candidates = {
                "learned": learned,
                "inputs": inputs,
                "random projection of the inputs": inputs
                @ generator.standard_normal((inputs.shape[1], width)),
                "random": generator.standard_normal((n, width)),
            }
            for kind, vectors in candidates.items():
                scores.setdefault(kind, []).append(_probe(vectors[known], answer, classes, repeat))
        share = float(pd.Series(answer).value_counts(normalize=True).iloc[0]) if classes else 0.0
        scores["none (most frequent class, or mean)"] = [share]
        rows += [
            {
                "property": name,
                "score": "accuracy" if classes else "R2",
                "elements": len(answer),
                "vectors": kind,
                "mean": np.mean(values),
                "spread": np.std(values, ddof=1) if len(values) > 1 else np.nan,
            }
            for kind, values in scores.items()
        ]
    return pd.DataFrame(rows)


def _probe(vectors: np.ndarray, answer: np.ndarray, classes: bool, seed: int) -> float:
    """Score of a linear probe, on its pooled out-of-fold answers."""
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    split: Any = (StratifiedKFold if classes else KFold)(_FOLDS, shuffle=True, random_state=seed)
    probe = LogisticRegression(max_iter=5000) if classes else RidgeCV(np.logspace(-2, 4, 13))
    found = cross_val_predict(make_pipeline(StandardScaler(), probe), vectors, answer, cv=split)
    return float((accuracy_score if classes else r2_score)(answer, found))
