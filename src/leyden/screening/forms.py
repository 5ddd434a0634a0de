"""Linear forms over the parts of a composition, as whole numbers that float64 holds exactly.

Whether ``sum_i x_i a_i <= b`` must not depend on the order of a sum.  Each criterion becomes one
whole number an element, such that ``sum_i n_i f_i`` over the parts n_i of a candidate is exact in
float64, whatever the order: all partial sums stay below 2^53.  Numbers are taken as the decimals
that they print as.  Where these have a common denominator that fits (masses, prices, weights of a
few digits), the decision is that of the decimals; where they have not (fitted weights), the numbers
of the elements are first rounded to a grid of about 2^-46 of the largest, which is finer than what
rounding leaves of a sum in float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from leyden.screening.scores import ElementScore

__all__ = ["Form", "decimal", "form_of", "score_values"]

_EXACT = 2**53


@dataclass(frozen=True)
class Form:
    """A linear form on a grid.

    Attributes
    ----------
    values : ndarray of float64, shape (E,)
        Whole numbers, a value an element; 0 where the element has none.
    known : ndarray of bool, shape (E,)
        Which elements have a value.
    scale : Fraction
        Whole numbers per unit: ``sum_i n_i values_i / (parts * scale)`` is the form's value.
    """

    values: np.ndarray
    known: np.ndarray
    scale: Fraction


def decimal(number: float) -> Fraction:
    """A number as the decimal that it prints as.

    Examples
    --------
    >>> decimal(0.1)
    Fraction(1, 10)
    """
    return Fraction(repr(float(number)))


def form_of(values: Mapping[str, Fraction], elements: Sequence[str], parts: int) -> Form:
    """The form of exact values by element.

    Parameters
    ----------
    values : mapping of str to Fraction
        Values of elements; those of `elements` that are absent have none.
    elements : sequence of str
    parts : int
        Parts of a candidate.
    """
    exact = [values.get(symbol) for symbol in elements]
    present = [value for value in exact if value is not None]
    room = Fraction(_EXACT - 1, 2 * parts)  # the kernel forms differences of two values
    largest = max((abs(value) for value in present), default=Fraction(0))
    scale = Fraction(math.lcm(*(value.denominator for value in present)))
    if largest * scale > room:
        ratio = room / largest
        bits = ratio.numerator.bit_length() - ratio.denominator.bit_length() - 1
        scale = Fraction(2) ** bits
    whole = [0 if value is None else round(value * scale) for value in exact]
    known = np.array([value is not None for value in exact])
    return Form(np.array(whole, dtype=np.float64), known, scale)


def score_values(score: ElementScore) -> dict[str, Fraction]:
    """What each element adds to the mean part of a score, an atom in the mean; intercept included.

    ``sum_i x_i v_i`` is the mean part, since the fractions sum to one.
    """
    weights = [decimal(weight) for weight in score.mean_weights]
    intercept = decimal(score.intercept)
    return {
        symbol: intercept + sum(w * decimal(p) for w, p in zip(weights, row, strict=True))
        for symbol, row in zip(score.elements, score.properties, strict=True)
    }
