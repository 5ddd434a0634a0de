"""Kept candidates as a table: formula, score, oxidation states, mass, cost."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from leyden.data.formulas import parse_composition, reduced_formula
from leyden.screening.criteria import Bound, KernelCriterion, Neutral
from leyden.screening.criterion_kinds import cost, molar_mass
from leyden.screening.space import CompositionSpace

__all__ = ["kept_rows"]


def kept_rows(
    space: CompositionSpace,
    criteria: Sequence[KernelCriterion],
    scores: np.ndarray | None,
    keys: np.ndarray,
) -> pd.DataFrame:
    """The table of candidates.

    Parameters
    ----------
    space : CompositionSpace
    criteria : sequence of KernelCriterion
        The mean of each bound gets a column, under its name.
    scores : ndarray of float64, shape (N,), optional
        NaN without them.
    keys : ndarray of int64, shape (N,)

    Returns
    -------
    DataFrame
        ``key``, ``formula`` (reduced), ``elements`` (``"Li-O-P"``), ``score``, ``oxidation_states``
        (``"Li+1 P+5 O-2"``, a first choice that balances; where neutrality is a criterion),
        ``molar_mass_g_per_mol`` (of an atom, in the mean), ``cost_usd_per_kg`` (NaN where an
        element has no price), and the bounds.
    """
    symbols = np.array([space.anchor, *space.elements], dtype=object)
    rank = _places(tuple(symbols))
    numbers, parts = space.unpack(keys)
    numbers[:, :-1][numbers[:, :-1] == 0] = -1
    order = np.argsort(rank[numbers], axis=1)
    numbers = np.take_along_axis(numbers, order, axis=1)
    parts = np.take_along_axis(parts, order, axis=1)
    systems = [tuple(symbols[row[row >= 0]]) for row in numbers]
    amounts = (parts // np.gcd.reduce(parts, axis=1, keepdims=True)).tolist()
    table: dict[str, object] = {
        "key": keys,
        "formula": _text(map(_formula, systems, amounts)),
        "elements": _text("-".join(sorted(system)) for system in systems),
        "score": np.full(len(keys), np.nan) if scores is None else scores,
    }
    for criterion in criteria:
        if isinstance(criterion, Neutral):
            table["oxidation_states"] = _text(_balanced(systems, parts, criterion))
    bounds = [molar_mass(1.0), cost(1.0), *(c for c in criteria if isinstance(c, Bound))]
    for bound in bounds:
        weight = np.array([(bound.weights or {}).get(s, 1.0) for s in symbols] + [0.0])
        value = np.array([bound.values.get(s, np.nan) for s in symbols] + [0.0])
        weights = parts * weight[numbers]
        table[bound.name] = (weights * value[numbers]).sum(axis=1) / weights.sum(axis=1)
    return pd.DataFrame(table)


@functools.cache
def _places(symbols: tuple[str, ...]) -> np.ndarray:
    """Places of elements in formulas; no element comes last, under the number -1."""
    ordered = list(parse_composition(reduced_formula(dict.fromkeys(symbols, 1))))
    return np.array([ordered.index(symbol) for symbol in symbols] + [len(symbols)])


def _text(values: Iterable[str]) -> pd.Series:
    return pd.Series(list(values), dtype="str")


def _formula(system: tuple[str, ...], amounts: list[int]) -> str:
    return "".join(s if n == 1 else f"{s}{n}" for s, n in zip(system, amounts, strict=False))


def _balanced(
    systems: Sequence[tuple[str, ...]], parts: np.ndarray, neutral: Neutral
) -> Iterable[str]:
    """The first choice of states, each element's in rising order, that leaves no charge."""
    texts = np.full(len(systems), "", dtype=object)
    places: dict[tuple[str, ...], list[int]] = {}
    for place, system in enumerate(systems):
        places.setdefault(system, []).append(place)
    for system, rows in places.items():
        choices = np.array(list(itertools.product(*(neutral.table[s] for s in system))))
        charges = parts[rows, : len(system)] @ choices.T
        for row, choice in zip(rows, choices[(charges == 0).argmax(axis=1)], strict=True):
            texts[row] = " ".join(f"{s}{q:+d}" for s, q in zip(system, choice, strict=True))
    return texts
