"""Domains of physical quantities: what a closed form refuses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leyden.errors import InputError

__all__ = ["not_negative", "positive"]


def positive(values: ArrayLike, rule: str) -> NDArray[np.float64]:
    """The values as floats; `InputError` of this rule, with the first that is not in (0, inf).

    NaN passes: what is not known stays not known.
    """
    array = np.asarray(values, dtype=np.float64)
    return _checked(array, array <= 0, rule)


def not_negative(values: ArrayLike, rule: str) -> NDArray[np.float64]:
    """The values as floats; `InputError` of this rule, with the first not in [0, inf)."""
    array = np.asarray(values, dtype=np.float64)
    return _checked(array, array < 0, rule)


def _checked(
    array: NDArray[np.float64], wrong: NDArray[np.bool_], rule: str
) -> NDArray[np.float64]:
    wrong = wrong | np.isinf(array)
    if np.any(wrong):
        raise InputError(rule, value=float(array[wrong][0]))
    return array
