"""The compositions of a screening: every way to divide 100 parts over an anchor and few others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS, parse_composition, reduced_formula
from leyden.errors import InputError, did_you_mean

__all__ = ["MOST_OTHERS", "CompositionSpace"]

MOST_OTHERS = 3
"""Other elements that a candidate can hold beside the anchor."""

_PUBLISHED = tuple(symbol for symbol in ELEMENTS[1:94] if symbol != "Li")


@dataclass(frozen=True)
class CompositionSpace:
    """Compositions of an anchor element and one to three others, in equal steps.

    A candidate gives a whole number of `parts` to each of its elements, at least one to each, all
    parts in all.  By default these are the 20,306,286 ternary and 19,697,097,420 quaternary
    compositions with lithium in steps of 1 % of Cubuk, Sendek and Reed, J. Chem. Phys. 150, 214701
    (2019): the others are the elements up to neptunium.

    Attributes
    ----------
    anchor : str
        The element that every candidate holds.
    elements : tuple of str
        The others; the anchor is not among them.
    parts : int
        Parts to divide: 100 for steps of 1 %.
    others : tuple of int
        How many others a candidate holds; some of 1, 2 and 3.

    Raises
    ------
    InputError
        An unknown or repeated element, too few of them, too few or too many parts.

    Examples
    --------
    >>> space = CompositionSpace()
    >>> space.size(2), space.size(3), space.total
    (20306286, 19697097420, 19717403706)
    """

    anchor: str = "Li"
    elements: tuple[str, ...] = _PUBLISHED
    parts: int = 100
    others: tuple[int, ...] = (2, 3)

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "others", tuple(sorted(self.others)))
        for symbol in (self.anchor, *self.elements):
            if symbol not in ATOMIC_NUMBERS:
                raise InputError(
                    "unknown element", value=symbol, remedy=did_you_mean(symbol, ATOMIC_NUMBERS)
                )
        if self.anchor in self.elements or len(set(self.elements)) < len(self.elements):
            raise InputError(
                "an element stands once in a space, and the anchor apart from the others",
                value=self.elements,
            )
        if not self.others or not set(self.others) <= set(range(1, MOST_OTHERS + 1)):
            raise InputError(
                "a candidate holds one, two or three other elements",
                value=self.others,
                remedy="others = [2, 3]",
            )
        if len(set(self.others)) < len(self.others) or len(self.elements) < self.others[-1]:
            raise InputError(
                f"there are not {self.others[-1]} different elements to choose", value=self.elements
            )
        if not self.others[-1] < self.parts <= 1000 or self.divisions(self.others[-1]) > 2**24:
            raise InputError(
                "parts must be more than the other elements, and at most 1000 (466 for three)",
                value=self.parts,
            )

    @property
    def total(self) -> int:
        """Number of candidates."""
        return sum(self.size(others) for others in self.others)

    def size(self, others: int) -> int:
        """Number of candidates with so many others, in closed form."""
        return math.comb(len(self.elements), others) * self.divisions(others)

    def divisions(self, others: int) -> int:
        """Ways to divide the parts over the anchor and so many others, each at least one."""
        return math.comb(self.parts - 1, others)

    def groups(self, classes: np.ndarray) -> np.ndarray:
        """Every choice of others, ordered so that those of equal classes stand side by side.

        Parameters
        ----------
        classes : ndarray of int, shape (E + 1,)
            A class an element, by its number: its place in `elements` from 1, and 0 for none, whose
            class must be the lowest.

        Returns
        -------
        ndarray of int32, shape (G, 3)
            Element numbers, within a row by class and then by number; 0 fills up a row of fewer
            than three.
        """
        blocks = []
        for others in self.others:
            chosen = itertools.combinations(range(1, len(self.elements) + 1), others)
            block = np.array(list(chosen), dtype=np.int32)
            blocks.append(np.pad(block, ((0, 0), (MOST_OTHERS - others, 0))))
        groups = np.concatenate(blocks)
        within = np.argsort(classes[groups], axis=1, kind="stable")
        groups = np.take_along_axis(groups, within, axis=1)
        return groups[np.lexsort(classes[groups].T[::-1])]

    def rays(self, others: int) -> tuple[np.ndarray, np.ndarray]:
        """What the first two others can have, while the last trades parts with the anchor.

        Returns
        -------
        first, second : ndarray of int64, shape (R,)
            Parts; 0 where a candidate has no such element.
        """
        pairs = [
            (i, j)
            for i in (range(1, self.parts) if others > 2 else (0,))
            for j in (range(1, self.parts) if others > 1 else (0,))
            if i + j <= self.parts - 2
        ]
        table = np.array(pairs, dtype=np.int64)
        return table[:, 0], table[:, 1]

    def grid(self, others: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Parts of each of the others in every candidate, ray by ray.

        Returns
        -------
        first, second, last : ndarray of float32, shape (N,)
        """
        first, second = self.rays(others)
        lengths = self.parts - first - second - 1
        last = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
        columns = np.repeat(first, lengths), np.repeat(second, lengths), last
        return tuple(column.astype(np.float32) for column in columns)  # type: ignore[return-value]

    def unpack(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Element numbers and parts of candidates, from their keys (`leyden.screening.kernel`).

        Returns
        -------
        numbers, parts : ndarray of int64, shape (N, 4)
            Others by rising number, 0 for none, and the anchor last under the number 0.
        """
        digits = []
        rest = np.asarray(keys, dtype=np.int64)
        for base in [self.parts] * MOST_OTHERS + [len(self.elements) + 1] * MOST_OTHERS:
            rest, digit = np.divmod(rest, base)
            digits.append(digit)
        parts = np.stack(digits[2::-1], axis=1)
        numbers = np.stack(digits[:2:-1], axis=1)
        anchor = self.parts - parts.sum(axis=1, keepdims=True)
        return np.pad(numbers, ((0, 0), (0, 1))), np.hstack([parts, anchor])

    def amounts(self, composition: str | Mapping[str, float]) -> dict[str, int]:
        """Parts of each element of a composition.

        Parameters
        ----------
        composition : str or mapping of str to float
            A formula, or atomic fractions by element, which must sum to one.

        Raises
        ------
        InputError
            The composition lacks the anchor, holds another element, or too many; its fractions do
            not sum to one, or are no whole number of parts.

        Examples
        --------
        >>> CompositionSpace().amounts("LiPO3")
        {'Li': 20, 'P': 20, 'O': 60}
        """
        if isinstance(composition, str):
            given = parse_composition(composition)
            whole = sum(given.values(), Fraction(0))
        else:
            given = {symbol: Fraction(repr(float(x))) for symbol, x in composition.items()}
            whole = sum(given.values(), Fraction(0))
            if abs(whole - 1) > Fraction(1, 10**9):
                raise InputError("fractions of a composition must sum to one", value=composition)
        if self.anchor not in given:
            raise InputError(f"every candidate holds {self.anchor}", value=composition)
        for symbol in given.keys() - {self.anchor, *self.elements}:
            raise InputError(f"{symbol} is not among the elements of the space", value=composition)
        if len(given) - 1 not in self.others:
            raise InputError(
                f"a candidate holds {' or '.join(map(str, self.others))} elements beside "
                f"{self.anchor}",
                value=composition,
            )
        shares = {symbol: amount * self.parts / whole for symbol, amount in given.items()}
        if any(
            abs(share - round(share)) > Fraction(1, 10**6) or round(share) < 1
            for share in shares.values()
        ):
            raise InputError(
                f"each element must have a whole number of {self.parts} parts, and at least one",
                value=composition,
            )
        return {symbol: round(share) for symbol, share in shares.items()}

    def formula(self, amounts: Mapping[str, int]) -> str:
        """Reduced formula of parts."""
        return reduced_formula(amounts)
