"""Solid lithium conductors told by their elements: the elemental model of Cubuk, Sendek and Reed.

E. D. Cubuk, A. D. Sendek, E. J. Reed, J. Chem. Phys. 150, 214701 (2019): nine element properties,
averaged over the composition, every subset of one to seven of them, a linear support vector
machine, and the subset whose leave-one-out accuracy on 40 compounds is best.  That accuracy is
optimistic, since every row had its say in the choice of the subset that is scored on it;
`search_subsets` gives it, and beside it that of a choice made without the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from leyden.data.formulas import ATOMIC_NUMBERS
from leyden.errors import IncompatibleError, InputError
from leyden.models.classifiers import VectorClassifier
from leyden.models.linear_svm import left_out_pair_decisions
from leyden.representations.composition import CUBUK_PROPERTIES, CompositionStatistics
from leyden.representations.elements import element_property, elements_with

__all__ = ["ElementalClassifier", "SubsetSearch", "linear_svm", "search_subsets"]

_MEANS = CompositionStatistics(("mean",), CUBUK_PROPERTIES)


def linear_svm(C: float = 1.0, class_weight: str | None = None) -> Any:
    """A linear support vector machine on standardised descriptors.

    Parameters
    ----------
    C : float
        Weight of a row on the wrong side of its margin. The paper names none.
    class_weight : {None, "balanced"}
        ``"balanced"`` weighs the classes alike; the published models do not.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(kernel="linear", C=C, class_weight=class_weight))


class ElementalClassifier(VectorClassifier):
    """A linear classifier on element statistics: good conductor (1) or not (0).

    Parameters
    ----------
    representation : CompositionStatistics
        Default: the means of the nine published properties.
    classifier : scikit-learn classifier or pipeline, optional
        Default: `linear_svm`. Its last step takes ``sample_weight`` if labels are soft.
    columns : sequence of str, optional
        Names of the descriptors that are used, as of ``representation.names()``; default: all.
    random_state : int
        Given to whatever in the classifier has a parameter of this name.
    """

    kind: ClassVar[str] = "elemental_classifier"

    def __init__(
        self,
        representation: CompositionStatistics = _MEANS,
        classifier: Any = None,
        columns: Sequence[str] | None = None,
        random_state: int = 0,
    ) -> None:
        self.representation = representation
        self.classifier = classifier
        self.columns = columns
        self.random_state = random_state

    def fit(
        self, X: np.ndarray, y: np.ndarray, *, groups: np.ndarray | None = None
    ) -> ElementalClassifier:
        """Fit on descriptors `X` (n, d) and labels `y` (n,).

        Labels are 0, 1 or a probability between, which counts as a row of each class with this
        weight; rows without a label (NaN) are left out. `groups` is not used.

        Raises
        ------
        IncompatibleError
            A label outside 0..1, or training rows of one class only.
        """
        X, y = self.embed(X), np.asarray(y, float)
        known = np.isfinite(y)
        X, y = X[known], y[known]
        if ((y < 0) | (y > 1)).any():
            raise IncompatibleError("a label is 0, 1 or a probability between")
        if not (y > 0).any() or not (y < 1).any():
            raise IncompatibleError("the training rows must have both classes")
        classifier = linear_svm() if self.classifier is None else clone(self.classifier)
        seeds = [key for key in classifier.get_params() if key.split("__")[-1] == "random_state"]
        classifier.set_params(**dict.fromkeys(seeds, self.random_state))
        if np.isin(y, (0, 1)).all():
            classifier.fit(X, y.astype(int))
        else:
            shares = np.concatenate([1 - y, y])
            classes = np.repeat([0, 1], len(y))
            classifier.fit(np.vstack([X, X]), classes, **_weights(classifier, shares))
        self.one_target_, self.classifiers_ = True, [classifier]
        return self

    def decision(self, X: np.ndarray) -> np.ndarray:
        """Decision values, shape (n,): above 0 is class 1."""
        return super().decision(self.embed(X))

    def embed(self, X: np.ndarray) -> np.ndarray:
        """The descriptors that are used, shape (n, k)."""
        X = np.asarray(X, float)
        if self.columns is None:
            return X
        names = self.representation.names()
        unknown = [name for name in self.columns if name not in names]
        if unknown:
            raise InputError(
                "there is no descriptor of this name",
                value=unknown[0],
                remedy=f"choose from {', '.join(names)}",
            )
        return X[:, [names.index(name) for name in self.columns]]

    def element_score_arrays(self) -> dict[str, Any]:
        """The fitted classifier as arrays, for a screening that asks no model.

        score(x) = intercept + mean_weights . mean(x) + std_weights . std(x) is the decision value
        of the composition x, with mean(x) = sum_i x_i P_i and std(x) = sqrt(sum_i x_i P_i^2 -
        mean(x)^2) over atomic fractions x_i.

        Returns
        -------
        dict
            ``intercept`` (float), ``elements`` (the E symbols up to neptunium of which every
            property used is known), ``properties`` (E, p), ``mean_weights`` (p,), and
            ``std_weights`` (p,), None where no standard deviation is used. The p properties are
            those used, in the order of the representation.

        Raises
        ------
        IncompatibleError
            The classifier is not linear in means and standard deviations.
        """
        slopes, intercept = _linear(self.classifiers_[0])
        names = self.representation.names() if self.columns is None else self.columns
        weights: dict[str, dict[str, float]] = {"mean": {}, "std": {}}
        for name, slope in zip(names, slopes, strict=True):
            statistic, _, property_ = name.partition(" ")
            if statistic not in weights:
                raise IncompatibleError(f"{name} is no mean and no standard deviation")
            weights[statistic][property_] = float(slope)
        used = [
            name
            for name in self.representation.properties
            if name in weights["mean"] or name in weights["std"]
        ]
        elements = elements_with(used)
        numbers = [ATOMIC_NUMBERS[symbol] for symbol in elements]
        return {
            "intercept": intercept,
            "elements": elements,
            "properties": np.stack([element_property(name)[numbers] for name in used], axis=1),
            "mean_weights": np.array([weights["mean"].get(name, 0.0) for name in used]),
            "std_weights": np.array([weights["std"].get(name, 0.0) for name in used])
            if weights["std"]
            else None,
        }


@dataclass(frozen=True, eq=False)
class SubsetSearch:
    """Every subset of some descriptors, scored by leaving groups of rows out.

    Attributes
    ----------
    subsets : tuple of tuple of str
        m of them, smaller ones first.
    labels : ndarray of bool, shape (n,)
    decisions : ndarray, shape (m, n)
        Decision value of each row by the machine on each subset that has not seen its group.
    chosen : ndarray of int, shape (n,)
        The subset that is best without the row's group.
    inner : ndarray, shape (n,)
        Accuracy of that subset on the rows that chose it.
    nested : ndarray, shape (n,)
        Decision value of each row by the machine on that subset: the row has no part in it.
    """

    subsets: tuple[tuple[str, ...], ...]
    labels: np.ndarray
    decisions: np.ndarray
    chosen: np.ndarray
    inner: np.ndarray
    nested: np.ndarray

    @property
    def accuracies(self) -> np.ndarray:
        """Leave-one-out accuracy of each subset, shape (m,)."""
        return ((self.decisions > 0) == self.labels).mean(axis=1)

    @property
    def best(self) -> tuple[str, ...]:
        """The subset of the highest accuracy; of equal ones the smallest, then the first."""
        return self.subsets[int(self.accuracies.argmax())]

    @property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """All subsets of the highest accuracy."""
        best = self.accuracies == self.accuracies.max()
        return tuple(subset for subset, tie in zip(self.subsets, best, strict=True) if tie)

    def best_by_size(self) -> dict[int, float]:
        """Highest accuracy among the subsets of each size: the published curve."""
        found: dict[int, float] = {}
        for subset, accuracy in zip(self.subsets, self.accuracies, strict=True):
            found[len(subset)] = max(found.get(len(subset), 0.0), float(accuracy))
        return found


def search_subsets(
    X: np.ndarray,
    names: Sequence[str],
    y: np.ndarray,
    *,
    sizes: Iterable[int] = range(1, 8),
    C: float = 1.0,
    balanced: bool = False,
    standardise: bool = True,
    groups: np.ndarray | None = None,
) -> SubsetSearch:
    """Score every subset of these sizes with a linear support vector machine.

    Parameters
    ----------
    X : array, shape (n, p)
        Descriptors.
    names : sequence of str
        Of the p columns.
    y : array, shape (n,)
        True or 1 for a good conductor.
    sizes : iterable of int
        1 to 7 are published: of nine descriptors, 501 subsets.
    C, balanced, standardise
        As of `leyden.models.linear_svm.left_out_decisions`.
    groups : array, shape (n,), optional
        Rows that are left out together; by default each row alone, as published, even if a
        compound occurs twice.
    """
    columns = [c for size in sorted(set(sizes)) for c in combinations(range(len(names)), size)]
    if not columns or not columns[0]:
        raise InputError(f"sizes lie in 1..{len(names)}", value=sorted(set(sizes)))
    labels = np.asarray(y) > 0
    codes = np.arange(len(labels))
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1]
    pairs = left_out_pair_decisions(X, labels, columns, C, codes, balanced, standardise)
    rows = np.arange(len(labels))
    right = (pairs > 0) == labels
    inner = np.array([right[:, g][:, codes != g].mean(axis=1) for g in codes])
    chosen = inner.argmax(axis=1)
    return SubsetSearch(
        subsets=tuple(tuple(names[i] for i in subset) for subset in columns),
        labels=labels,
        decisions=pairs[:, codes, rows],
        chosen=chosen,
        inner=inner[rows, chosen],
        nested=pairs[chosen, codes, rows],
    )


def _weights(classifier: Any, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The argument that weighs the rows of a classifier, or of the last step of a pipeline."""
    prefix = f"{classifier.steps[-1][0]}__" if hasattr(classifier, "steps") else ""
    return {f"{prefix}sample_weight": weights}


def _linear(classifier: Any) -> tuple[np.ndarray, float]:
    """Slopes and intercept of the decision value in the raw descriptors."""
    from sklearn.preprocessing import StandardScaler

    *before, last = [step for _, step in getattr(classifier, "steps", [("", classifier)])]
    if not hasattr(last, "coef_") or not all(isinstance(step, StandardScaler) for step in before):
        raise IncompatibleError(
            f"{type(last).__name__} is no linear score of its descriptors. "
            "Remedy: a linear classifier, alone or after a StandardScaler."
        )
    slopes, intercept = np.ravel(last.coef_).astype(float), float(np.ravel(last.intercept_)[0])
    for scaler in reversed(before):
        slopes = slopes / scaler.scale_
        intercept -= float(slopes @ scaler.mean_)
    return slopes, intercept
