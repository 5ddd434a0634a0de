"""What a candidate must fulfil: criteria as data.

Each has a `name`, under which it is counted, and `holds`, which says plainly of one candidate what
`leyden.screening.kernel` decides for billions.  `leyden.screening.criterion_kinds` makes them, in
Python or from the tables of a TOML file.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS
from leyden.errors import InputError, did_you_mean
from leyden.screening.element_data import element_data
from leyden.screening.forms import decimal, score_values
from leyden.screening.scores import ElementScore

__all__ = [
    "Bound",
    "Criterion",
    "ElementRule",
    "Inside",
    "KernelCriterion",
    "ModelBound",
    "Neutral",
    "ScoreAbove",
    "Scored",
    "SimpleCriterion",
    "check_elements",
    "mean_values",
    "parts_of",
]

Amounts = Mapping[str, int]
"""Parts of each element of a candidate."""


@dataclass(frozen=True)
class ScoreAbove:
    """The score is greater than a threshold; a candidate without a score fails.

    Attributes
    ----------
    threshold : float
        A classifier's decision function says yes above 0.
    """

    threshold: float = 0.0
    name: str = "score"

    def __post_init__(self) -> None:
        _check_numbers({"threshold": self.threshold})

    def holds(self, amounts: Amounts, score: ElementScore | None) -> bool:
        """Whether a candidate passes."""
        if score is None or not set(amounts) <= set(score.elements):
            return False
        parts = sum(amounts.values())
        if not score.linear:
            return score({s: n / parts for s, n in amounts.items()}) > self.threshold
        values = score_values(score)
        return sum(n * values[s] for s, n in amounts.items()) > parts * decimal(self.threshold)


@dataclass(frozen=True)
class Scored:
    """Every element has the properties that the score needs."""

    name: str = "scored"

    def holds(self, amounts: Amounts, score: ElementScore | None) -> bool:
        """Whether a candidate passes."""
        return score is not None and set(amounts) <= set(score.elements)


@dataclass(frozen=True)
class Neutral:
    """Some choice of one oxidation state for each element leaves no charge.

    An element takes one state for all of its atoms; states are tried in all combinations, in whole
    numbers.  A candidate with an element that has no state is never neutral.

    Attributes
    ----------
    source : {"common", "icsd", "all"}
        pymatgen's table: common states, those met in the ICSD, or all known.
    states : mapping of str to sequence of int
        States of some elements, in place of the table's.
    anions : sequence of str, optional
        Only these may be negative: ``["O"]`` asks for oxides in the chemist's sense, in which no
        carbide, phosphide or halide shares the charge. Default: any element that the table lets.
    table : mapping of str to tuple of int
        What follows from both.
    """

    source: str = "common"
    states: Mapping[str, Sequence[int]] = field(default_factory=dict)
    anions: Sequence[str] | None = None
    name: str = "neutral"
    table: Mapping[str, tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tables = element_data().oxidation_states
        if self.source not in tables:
            raise InputError(
                "unknown table of oxidation states",
                value=self.source,
                remedy=did_you_mean(self.source, tables),
            )
        check_elements(self.states)
        for symbol, own in self.states.items():
            if any(not float(state).is_integer() for state in own):
                raise InputError("oxidation states are whole numbers", value={symbol: own})
        given = {symbol: tuple(sorted(map(int, set(own)))) for symbol, own in self.states.items()}
        table = {**tables[self.source], **given}
        if self.anions is not None:
            check_elements(self.anions)
            object.__setattr__(self, "anions", tuple(self.anions))
            table = {
                symbol: tuple(q for q in known if q >= 0 or symbol in self.anions)
                for symbol, known in table.items()
            }
        object.__setattr__(self, "table", table)

    def holds(self, amounts: Amounts, score: ElementScore | None) -> bool:
        """Whether a candidate passes."""
        choices = itertools.product(*(self.table.get(symbol, ()) for symbol in amounts))
        return any(
            sum(n * q for n, q in zip(amounts.values(), choice, strict=True)) == 0
            for choice in choices
        )


@dataclass(frozen=True)
class Bound:
    """A mean over the atoms of a candidate is at most, or at least, a limit.

    The mean is ``sum_i x_i w_i a_i / sum_i x_i w_i`` over atomic fractions x_i; both sides are
    compared as exact decimals (`leyden.screening.forms`), the limit itself passes.

    Attributes
    ----------
    name : str
        Also the column of the kept rows that holds the mean; it should name the unit.
    values : mapping of str to float
        a, by element.  A candidate with an element that has none fails.
    maximum, minimum : float, optional
        One of the two, or both.
    weights : mapping of str to float, optional
        w, positive; molar masses make the mean one by mass.  Default: 1.
    """

    name: str
    values: Mapping[str, float]
    maximum: float | None = None
    minimum: float | None = None
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        limits = _limits(self.name, self.minimum, self.maximum)
        object.__setattr__(self, "values", dict(self.values))
        if self.weights is not None:
            object.__setattr__(self, "weights", dict(self.weights))
        check_elements(self.values)
        _check_numbers({**self.values, **limits})
        _check_numbers(self.weights or {}, positive=True)

    @property
    def known(self) -> set[str]:
        """Elements that have a value, and a weight."""
        return set(self.values) & set(self.values if self.weights is None else self.weights)

    def parts(self) -> tuple[Bound, ...]:
        """The same as bounds of one limit each."""
        if self.minimum is None or self.maximum is None:
            return (self,)
        return replace(self, minimum=None), replace(self, maximum=None)

    def margins(self) -> dict[str, Fraction]:
        """By element, what it adds to a sum that is not negative where one limit holds."""
        sign, limit = (-1, self.minimum) if self.maximum is None else (1, self.maximum)
        assert limit is not None, "a bound has a limit"
        weights = self.weights or dict.fromkeys(self.values, 1.0)
        return {
            symbol: sign * decimal(weights[symbol]) * (decimal(limit) - decimal(value))
            for symbol, value in self.values.items()
            if symbol in weights
        }

    def holds(self, amounts: Amounts, score: ElementScore | None) -> bool:
        """Whether a candidate passes."""
        if not set(amounts) <= self.known:
            return False
        each = (part.margins() for part in self.parts())
        return all(sum(n * margins[s] for s, n in amounts.items()) >= 0 for margins in each)


@dataclass(frozen=True)
class ElementRule:
    """Which elements a candidate may hold, and of which it must hold one.

    Attributes
    ----------
    name : str
    allowed : sequence of str, optional
        Every element is one of them (the anchor too). Default: all.
    forbidden : sequence of str
        No element is one of them.
    any_of : sequence of str
        At least one element is one of them; empty: no such demand.
    """

    name: str
    allowed: Sequence[str] | None = None
    forbidden: Sequence[str] = ()
    any_of: Sequence[str] = ()

    def __post_init__(self) -> None:
        for key in ("allowed", "forbidden", "any_of"):
            if getattr(self, key) is not None:
                check_elements(getattr(self, key))
                object.__setattr__(self, key, tuple(getattr(self, key)))
        if self.allowed is None and not self.forbidden and not self.any_of:
            raise InputError("an element rule allows, forbids or demands some", value=self.name)

    def permits(self, symbol: str) -> bool:
        """Whether a candidate may hold the element."""
        return symbol not in self.forbidden and (self.allowed is None or symbol in self.allowed)

    def holds(self, amounts: Amounts, score: ElementScore | None) -> bool:
        """Whether a candidate passes."""
        demanded = not self.any_of or not set(self.any_of).isdisjoint(amounts)
        return demanded and all(map(self.permits, amounts))


@dataclass(frozen=True)
class Inside:
    """The candidate resembles others: in its elements, and in the means of their properties.

    A linear score rises without end, beyond all that taught the model; inside these ranges it need
    not be carried beyond the range of any one descriptor.  That is necessary for interpolation and
    not sufficient: between the ranges lie combinations that nothing taught.  Counted as one
    criterion, decided exactly for every candidate, as bounds are.

    Attributes
    ----------
    ranges : mapping of str to (float, float)
        Least and greatest mean over the atoms, ends included, of a column of ``elements.csv``; or
        of ``"fraction X"``, the atomic fraction of the element X.  An element without the property
        fails.
    elements : sequence of str, optional
        Every element is one of them (the anchor too). Default: all.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    elements: Sequence[str] | None = None
    name: str = "inside"

    def __post_init__(self) -> None:
        if not self.ranges and self.elements is None:
            raise InputError("to be inside needs ranges or elements", value=self.name)
        for key, given in self.ranges.items():
            if len(given) != 2 or not float(given[0]) <= float(given[1]):
                raise InputError("a range has a low and a high end", value={key: given})
        plain = {key: (float(low), float(high)) for key, (low, high) in self.ranges.items()}
        object.__setattr__(self, "ranges", plain)
        if self.elements is not None:
            check_elements(self.elements)
            object.__setattr__(self, "elements", tuple(self.elements))
        self.parts()  # refuses what is no property

    @property
    def known(self) -> set[str]:
        """Elements that a candidate may hold."""
        allowed = set(ATOMIC_NUMBERS if self.elements is None else self.elements)
        return allowed.intersection(*(mean_values(key) for key in self.ranges))

    def parts(self) -> tuple[ElementRule | Bound, ...]:
        """The same as an element rule and bounds of one limit each."""
        sides = [
            side
            for key, (low, high) in self.ranges.items()
            for side in Bound(key, mean_values(key), maximum=high, minimum=low).parts()
        ]
        return (ElementRule(self.name, allowed=tuple(sorted(self.known))), *sides)

    def holds(self, amounts: Amounts, score: ElementScore | None) -> bool:
        """Whether a candidate passes."""
        return all(part.holds(amounts, score) for part in self.parts())


@dataclass(frozen=True)
class ModelBound:
    """What a saved predictor says of a candidate's formula is within limits.

    A network is too slow for billions: such criteria apply to the kept rows only, after all others.

    Attributes
    ----------
    model : str
        File of a `leyden.Predictor` that takes formulas.
    target : str
        Which of its targets: a formation energy, energy above hull, band gap, end of a window.
    minimum, maximum : float, optional
        At least one of them, in the unit of the target.
    name : str
        Column of the rows; the target's name by default.
    sha256 : str
        Of the file; a screening fills it in (`leyden.screening.model_criteria.pinned`), and refuses
        a file that has another.
    """

    model: str
    target: str
    minimum: float | None = None
    maximum: float | None = None
    name: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", os.fspath(self.model))
        object.__setattr__(self, "name", self.name or self.target)
        _check_numbers(_limits(self.name, self.minimum, self.maximum))


SimpleCriterion = ScoreAbove | Scored | Neutral | Bound | ElementRule
KernelCriterion = SimpleCriterion | Inside
Criterion = KernelCriterion | ModelBound


def parts_of(criterion: KernelCriterion) -> tuple[SimpleCriterion, ...]:
    """Criteria of one limit each that together say the same; the kernel takes one at a time."""
    return criterion.parts() if isinstance(criterion, Bound | Inside) else (criterion,)


@functools.cache
def mean_values(name: str) -> Mapping[str, float]:
    """By element, what is averaged: a column of ``elements.csv``, or 1 for X of ``"fraction X"``.

    Raises
    ------
    InputError
        There is no such property or element.
    """
    from leyden.representations import element_property  # costs what only this criterion needs

    symbols = ELEMENTS[1:]
    first, _, symbol = name.partition(" ")
    if first == "fraction":
        check_elements([symbol])
        return MappingProxyType({own: float(own == symbol) for own in symbols})
    values = element_property(name)[1:].tolist()
    return MappingProxyType(
        {own: x for own, x in zip(symbols, values, strict=False) if math.isfinite(x)}
    )


def check_elements(symbols: Iterable[str], **place: Any) -> None:
    """Refuse what is no element symbol; `place` is told with the error."""
    if isinstance(symbols, str):
        raise InputError("elements are a list", value=symbols, remedy=f"write [{symbols!r}]")
    for symbol in symbols:
        if symbol not in ATOMIC_NUMBERS:
            remedy = did_you_mean(str(symbol), ATOMIC_NUMBERS, "write its symbol, such as Li")
            raise InputError("unknown element", value=symbol, remedy=remedy, **place)


def _limits(name: str, minimum: float | None, maximum: float | None) -> dict[str, float]:
    """Those that are given."""
    both = {"minimum": minimum, "maximum": maximum}
    given = {key: limit for key, limit in both.items() if limit is not None}
    if not given:
        raise InputError("a bound has a maximum or a minimum, or both", value=name)
    if len(given) == 2 and given["minimum"] > given["maximum"]:
        raise InputError(f"the minimum of {name} is above its maximum", value=given)
    return given


def _check_numbers(numbers: Mapping[str, float], positive: bool = False) -> None:
    for name, number in numbers.items():
        if not math.isfinite(number) or (positive and number <= 0):
            raise InputError(
                f"a criterion needs {'positive' if positive else 'finite'} numbers",
                value={name: number},
            )
