"""Families of compositions: what a split must keep together so that a test row is news."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from leyden.data.formulas import parse_composition
from leyden.errors import InputError

__all__ = ["composition_families"]

_BLOCK = 512  # formulas whose distances to all others are held at a time


def composition_families(formulas: Sequence[str], distance: float = 0.05) -> np.ndarray:
    """Labels of families of compositions, shape (n,), such as ``"Li1.3Al0.3Ti1.7P3O12"``.

    The distance of two compositions is the part of the atoms that must be exchanged to make one of
    the other, half the sum of absolute differences of atomic fractions. Whatever is connected by
    steps of at most `distance` is one family: a doping series, a solid solution, the same compound
    measured twice. So no composition outside a family lies within `distance` of any inside it,
    which clusters of another kind do not promise.

    Parameters
    ----------
    formulas : sequence of str
    distance : float
        Part of the atoms, from 0 (equal compositions only) to below 1. Steps of a doping series
        exchange a few per cent of the atoms, different compounds a tenth or more.

    Returns
    -------
    ndarray of str
        The formula of the family's first member.

    Raises
    ------
    InputError
        A formula that cannot be read, with its row; a distance that is no part.
    """
    if not 0 <= distance < 1:
        raise InputError("a distance is a part of the atoms, in [0, 1)", value=distance)
    if not len(formulas):
        return np.array([], dtype=str)
    compositions = []
    for row, formula in enumerate(formulas, start=1):
        try:
            compositions.append(parse_composition(formula))
        except InputError as error:
            raise error.at(row=row) from error
    elements = sorted({element for parts in compositions for element in parts})
    amounts = np.array(
        [[float(parts.get(element, 0)) for element in elements] for parts in compositions]
    )
    fractions = amounts / amounts.sum(axis=1, keepdims=True)
    first, second = [], []
    for start in range(0, len(fractions), _BLOCK):
        apart = cdist(fractions[start : start + _BLOCK], fractions, "cityblock") / 2
        near = np.nonzero(apart <= distance + 1e-9)
        first.append(near[0] + start)
        second.append(near[1])
    pairs = np.concatenate(first), np.concatenate(second)
    n = len(fractions)
    family = connected_components(coo_matrix((np.ones(len(pairs[0])), pairs), (n, n)))[1]
    _, member = np.unique(family, return_index=True)
    return np.array([formulas[i] for i in member], dtype=str)[family]
