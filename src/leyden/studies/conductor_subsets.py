"""What the published elemental model leaves open, and what each choice makes of its accuracy.

The paper names nine properties, a linear support vector machine and 501 subsets, but no penalty,
no scale, no table of properties: each is tried, on the rows that choose the subset, as published,
and with every choice made without the row that is scored.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from leyden import metrics
from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS, parse_composition
from leyden.hashing import content_hash, learning_code
from leyden.models.conductors import search_subsets
from leyden.models.feature_selection import exhaustive, misclassified
from leyden.models.linear_svm import left_out_decisions
from leyden.representations.cache import remembered
from leyden.representations.composition import CUBUK_PROPERTIES
from leyden.representations.elements import element_property

__all__ = [
    "HARD",
    "PENALTIES",
    "PROTOCOLS",
    "Protocol",
    "Search",
    "best_by_chance",
    "compare",
    "search",
]

HARD = 1e6
"""A penalty at which the margin is hard, as far as it can be where the classes overlap."""
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, HARD)
INNER = (1.0, 100.0, 1e4)
"""Penalties among which the choice without the row is made."""


@cache
def _magpie() -> np.ndarray:
    columns = [element_property(name, imputed=True) for name in CUBUK_PROPERTIES]
    return np.stack(columns, axis=1)


@cache
def _pymatgen() -> np.ndarray:
    """The nine properties as pymatgen's `Element` has them; the mean of all where it has none."""
    from pymatgen.core import Element

    table = np.full((100, len(CUBUK_PROPERTIES)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of each value that there is not
        for z in range(1, len(table)):
            element = Element(ELEMENTS[z])
            values: list[Any] = [element.Z, element.group, element.row, element.X]
            values += [element.electron_affinity, element.melting_point, element.boiling_point]
            values += [element.density_of_solid, element.ionization_energy]
            table[z] = [np.nan if value is None else float(value) for value in values]
    return np.where(np.isnan(table), np.nanmean(table, axis=0), table)


@dataclass(frozen=True)
class Protocol:
    """One way to read what the paper says.

    Attributes
    ----------
    name : str
    reduced : {"mean", "alike", "without lithium", "sum"}
        Mean by amount; every element alike; lithium left out of the mean; sum over the formula as
        it is written.
    table : callable
        To the element properties, shape (elements, 9), by atomic number.
    balanced, standardise
        As of `leyden.models.linear_svm.left_out_decisions`.
    """

    name: str
    reduced: str = "mean"
    table: Callable[[], np.ndarray] = _magpie
    balanced: bool = False
    standardise: bool = True

    def describe(self, formulas: Sequence[str]) -> np.ndarray:
        """Descriptors, shape (n, 9)."""
        return np.array([self._row(formula) for formula in formulas])

    def _row(self, formula: str) -> np.ndarray:
        amounts = {symbol: float(x) for symbol, x in parse_composition(formula).items()}
        if self.reduced == "without lithium" and len(amounts) > 1:
            del amounts["Li"]
        weights = np.array(list(amounts.values()))
        if self.reduced == "alike":
            weights = np.ones(len(weights))
        if self.reduced != "sum":
            weights = weights / weights.sum()
        return weights @ self.table()[[ATOMIC_NUMBERS[symbol] for symbol in amounts]]


PROTOCOLS = (
    Protocol("as published: means, standardised"),
    Protocol("raw descriptors", standardise=False),
    Protocol("classes weigh alike", balanced=True),
    Protocol("properties of pymatgen", table=_pymatgen),
    Protocol("every element alike", "alike"),
    Protocol("lithium left out", "without lithium"),
    Protocol("sums over the formula", "sum"),
)


@dataclass(frozen=True, eq=False)
class Search:
    """All subsets of the nine descriptors at all penalties, by one protocol.

    Attributes
    ----------
    protocol : Protocol
    subsets : tuple of tuple of int
        m of them, smaller ones first.
    labels : ndarray of bool, shape (n,)
    decisions : mapping of float to ndarray, shape (m, n)
        By penalty: decision values of each row by the machines that have not seen it.
    inner, nested : ndarray, shape (n,)
        Accuracy of the subset and penalty that are best without the row, on the rows that chose
        them; decision value of the row by that machine.
    """

    protocol: Protocol
    subsets: tuple[tuple[int, ...], ...]
    labels: np.ndarray
    decisions: Mapping[float, np.ndarray]
    inner: np.ndarray
    nested: np.ndarray

    @cached_property
    def accuracies(self) -> dict[float, np.ndarray]:
        """Leave-one-out accuracy of each subset, shape (m,), by penalty."""
        return {C: ((d > 0) == self.labels).mean(axis=1) for C, d in self.decisions.items()}

    @property
    def penalty(self) -> float:
        """Where the best subset is best; of equal ones the smallest."""
        return max(self.accuracies, key=lambda C: (self.accuracies[C].max(), -C))

    @property
    def best(self) -> tuple[int, ...]:
        """The subset of the highest accuracy; of equal ones the smallest, then the first."""
        return self.subsets[int(self.accuracies[self.penalty].argmax())]

    @property
    def names(self) -> list[str]:
        """Properties of the best subset."""
        return [CUBUK_PROPERTIES[column] for column in self.best]

    @property
    def left_out(self) -> np.ndarray:
        """Decision values of the best machine for the rows that it has not seen, shape (n,)."""
        return self.decisions[self.penalty][self.subsets.index(self.best)]

    @property
    def choices(self) -> int:
        """How many machines the best one was chosen from."""
        return len(self.subsets) * len(self.decisions)

    def best_by_size(self) -> pd.Series:
        """Highest accuracy among the subsets of each size, at any penalty: the published curve."""
        best = np.max(list(self.accuracies.values()), axis=0)
        return pd.Series(best).groupby([len(subset) for subset in self.subsets]).max()


def search(
    protocol: Protocol,
    formulas: Sequence[str],
    labels: np.ndarray,
    *,
    sizes: Iterable[int] = range(1, 8),
    penalties: Sequence[float] = PENALTIES,
) -> Search:
    """Every subset at every penalty, each machine without one of the rows.

    Parameters
    ----------
    protocol : Protocol
    formulas : sequence of str, length n
        One that occurs twice counts twice, as it did in the paper.
    labels : array of bool, shape (n,)
    sizes : iterable of int
        1 to 7 are published.
    penalties : sequence of float
    """
    X, labels = protocol.describe(formulas), np.asarray(labels) > 0
    subsets = tuple(c for size in sizes for c in combinations(range(X.shape[1]), size))
    options: dict[str, Any] = {"balanced": protocol.balanced, "standardise": protocol.standardise}
    tried = {"X": X, "labels": labels, "subsets": subsets, "penalties": tuple(penalties), **options}
    kept = remembered(
        "subsets",
        content_hash(tried, learning_code()),
        lambda: _machines(X, labels, subsets, penalties, options),
    )
    decisions = dict(zip(penalties, kept["decisions"], strict=True))
    return Search(protocol, subsets, labels, decisions, kept["inner"], kept["nested"])


def _machines(
    X: np.ndarray,
    labels: np.ndarray,
    subsets: Sequence[tuple[int, ...]],
    penalties: Sequence[float],
    options: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """Minutes of machines: decisions (penalties, m, n), and inner and nested of a `Search`."""
    decisions = [left_out_decisions(X, labels, subsets, C, **options) for C in penalties]
    sizes = sorted({len(subset) for subset in subsets})
    within = [
        search_subsets(X, CUBUK_PROPERTIES, labels, sizes=sizes, C=C, **options)
        for C in penalties
        if C in INNER
    ]
    inner, nested = _best_of([(one.inner, one.nested) for one in within])
    return {"decisions": np.array(decisions), "inner": inner, "nested": nested}


def best_by_chance(
    protocol: Protocol,
    formulas: Sequence[str],
    labels: np.ndarray,
    *,
    penalty: float,
    sizes: Iterable[int] = range(1, 8),
    shuffles: int = 20,
    random_state: int = 0,
) -> np.ndarray:
    """Accuracy of the best of all subsets where the labels are shuffled, shape (shuffles,).

    What the choice alone can make of descriptors that know nothing.
    """
    X = protocol.describe(formulas)
    subsets = [c for size in sizes for c in combinations(range(X.shape[1]), size)]
    generator = np.random.default_rng(random_state)
    found = []
    for _ in range(shuffles):
        y = generator.permutation(np.asarray(labels) > 0)
        said = left_out_decisions(
            X, y, subsets, penalty, balanced=protocol.balanced, standardise=protocol.standardise
        )
        found.append(((said > 0) == y).mean(axis=1).max())
    return np.array(found)


def compare(searches: Sequence[Search], formulas: Sequence[str]) -> pd.DataFrame:
    """What the published figure depends on; accuracies in per cent.

    Returns
    -------
    DataFrame
        One row a protocol, and the least-squares classifier, and the choice among all: ``what is
        left open``, a column a penalty (the best of all subsets, on the rows that chose it),
        ``chosen without the row`` and its ``balanced``.
    """
    lines = []
    for one in searches:
        best = {_name(C): 100 * a.max() for C, a in one.accuracies.items()}
        best["best"] = max(best.values())
        lines.append({"what is left open": one.protocol.name, **best, **_honest(one, one.nested)})
    overall = max(line["best"] for line in lines)
    first = searches[0]
    sizes = {len(subset) for subset in first.subsets}
    optimistic, nested = _least_squares(first.protocol.describe(formulas), first.labels, sizes)
    squares = {"what is left open": "least squares, no penalty", "best": 100 * optimistic}
    lines.append({**squares, **_honest(first, nested)})
    _, anything = _best_of([(one.inner, one.nested) for one in searches])
    name = "all of these but least squares"
    lines.append({"what is left open": name, "best": overall, **_honest(first, anything)})
    return pd.DataFrame(lines)


def _best_of(choices: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """For each row the choice that is best without it, and what that says of it."""
    inner = np.array([one for one, _ in choices])
    nested = np.array([one for _, one in choices])
    best = inner.argmax(axis=0), np.arange(inner.shape[1])
    return inner[best], nested[best]


def _honest(one: Search, decided: np.ndarray) -> dict[str, float]:
    truth, said = one.labels.astype(float), (decided > 0).astype(float)
    return {
        "chosen without the row": 100 * float((truth == said).mean()),
        "balanced": 100 * metrics.balanced_accuracy(truth, said),
    }


def _least_squares(X: np.ndarray, labels: np.ndarray, sizes: set[int]) -> tuple[float, np.ndarray]:
    """The same subsets under a least-squares classifier: its best accuracy, and what it says of
    each row when the subset is chosen without it."""
    y = np.where(labels, 1.0, -1.0)
    nested = np.empty(len(y))
    for row in range(len(y)):
        rest = np.arange(len(y)) != row
        columns = exhaustive(X[rest], y[rest], sizes, loss=misclassified)[0].columns
        A = np.column_stack([np.ones(len(y)), X[:, columns]])
        nested[row] = A[row] @ np.linalg.lstsq(A[rest], y[rest], rcond=None)[0]
    return 1 - exhaustive(X, y, sizes, loss=misclassified)[0].loss, nested


def _name(penalty: float) -> str:
    return "hard margin" if penalty == HARD else f"C = {penalty:g}"
