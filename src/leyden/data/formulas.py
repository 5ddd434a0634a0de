"""Chemical formulas: read, checked, and brought to one spelling."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from leyden.errors import InputError

__all__ = ["ATOMIC_NUMBERS", "ELEMENTS", "parse_composition", "parse_formula", "reduced_formula"]

_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er
Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md
No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""

# Pauling electronegativities (CRC Handbook); 9 where there is none. They only order a formula.
_PAULING = """
2.20 9 0.98 1.57 2.04 2.55 3.04 3.44 3.98 9 0.93 1.31 1.61 1.90 2.19 2.58 3.16 9 0.82 1.00 1.36
1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.90 1.65 1.81 2.01 2.18 2.55 2.96 3.00 0.82 0.95 1.22 1.33
1.60 2.16 1.90 2.20 2.28 2.20 1.93 1.69 1.78 1.96 2.05 2.10 2.66 2.60 0.79 0.89 1.10 1.12 1.13
1.14 1.13 1.17 1.20 1.20 1.10 1.22 1.23 1.24 1.25 1.10 1.27 1.30 1.50 2.36 1.90 2.20 2.20 2.28
2.54 2.00 1.62 2.33 2.02 2.00 2.20 2.20 0.70 0.90 1.10 1.30 1.50 1.38 1.36 1.28 1.30 1.30 1.30
1.30 1.30 1.30 1.30 1.30 1.30 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9
"""

ELEMENTS: tuple[str, ...] = ("", *_SYMBOLS.split())
"""Element symbols; the index is the atomic number."""

ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(ELEMENTS) if z}
"""Element symbol to atomic number."""

_ELECTRONEGATIVITY = dict(zip(ELEMENTS[1:], map(float, _PAULING.split()), strict=True))
_ORDER = {symbol: (value, symbol) for symbol, value in _ELECTRONEGATIVITY.items()}
_TOKEN = re.compile(r"([A-Z][a-z]?)|([(\[{])|([)\]}])")
_AMOUNT = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_PLAIN = re.compile(r"(?:[A-Z][a-z]?\d*)+", re.ASCII)
_COUNTED = re.compile(r"([A-Z][a-z]?)(\d*)", re.ASCII)
_CLOSES = {")": "(", "]": "[", "}": "{"}


def parse_formula(text: str) -> str:
    """The reduced spelling of a formula: coprime amounts, electropositive elements first.

    Parameters
    ----------
    text : str
        Such as ``"Li2Fe2P2O8"``, ``"Ca3(PO4)2"``, ``"Li9.54Si1.74P1.44S11.7Cl0.3"``,
        ``"Ca1 Ag2 Ge2"``.

    Returns
    -------
    str
        Equal for two formulas if, and only if, their elements stand in the same ratios.

    Raises
    ------
    InputError
        Not a formula: empty, an unknown element, a bracket without its partner, a zero amount.

    Examples
    --------
    >>> parse_formula("Li2Fe2P2O8"), parse_formula("Ca3(PO4)2"), parse_formula("Li0.5CoO2")
    ('LiFePO4', 'Ca3P2O8', 'LiCo2O4')
    """
    return _parse_formula(text) if isinstance(text, str) else _parse_formula(str(text))


@lru_cache(maxsize=65536)
def _parse_formula(text: str) -> str:
    return reduced_formula(_whole_counts(text) or parse_composition(text))


def _whole_counts(text: str) -> dict[str, int]:
    """Amounts of a formula without brackets and decimals; empty for any other.

    Most formulas are such, and tables have a hundred thousand of them.
    """
    counts: dict[str, int] = {}
    squeezed = "".join(text.split())
    for symbol, digits in _COUNTED.findall(squeezed) if _PLAIN.fullmatch(squeezed) else ():
        count = int(digits or 1)
        if count == 0 or symbol not in ATOMIC_NUMBERS:
            return {}  # the whole grammar knows what to say of it
        counts[symbol] = counts.get(symbol, 0) + count
    return counts


def parse_composition(text: str) -> dict[str, Fraction]:
    """Element symbol to its amount, exactly as written.

    Raises
    ------
    InputError
        As `parse_formula`.

    Examples
    --------
    >>> {symbol: float(amount) for symbol, amount in parse_composition("Mg(OH)2").items()}
    {'Mg': 1.0, 'O': 2.0, 'H': 2.0}
    """
    levels: list[dict[str, Fraction]] = [{}]
    brackets: list[str] = []
    squeezed = "".join(text.split())
    at = 0
    while at < len(squeezed):
        token = _TOKEN.match(squeezed, at)
        if token is None:
            raise _bad(f"{squeezed[at]!r} cannot stand in a formula", text)
        element, opening, closing = token.groups()
        at = token.end()
        if opening:
            brackets.append(opening)
            levels.append({})
            continue
        amount = Fraction(1)
        if number := _AMOUNT.match(squeezed, at):
            amount, at = Fraction(number.group()), number.end()
        if amount == 0:
            raise _bad("an amount in a formula must be positive", text)
        if closing:
            if not brackets or brackets.pop() != _CLOSES[closing]:
                raise _bad("brackets of a formula must pair", text)
            part = levels.pop()
        elif element in ATOMIC_NUMBERS:
            part = {element: Fraction(1)}
        else:
            raise _bad(f"{element} is not an element", text)
        for symbol, count in part.items():
            levels[-1][symbol] = levels[-1].get(symbol, Fraction(0)) + count * amount
    if brackets:
        raise _bad("brackets of a formula must pair", text)
    if not levels[0]:
        raise _bad("a formula must name an element", text)
    return levels[0]


def reduced_formula(amounts: Mapping[str, Fraction | int]) -> str:
    """The spelling of a composition in coprime amounts, by rising electronegativity.

    Parameters
    ----------
    amounts : mapping of str to int or Fraction
        Element symbol to amount, positive.
    """
    common = math.lcm(*(amount.denominator for amount in amounts.values()))
    whole = {
        symbol: amount.numerator * (common // amount.denominator)
        for symbol, amount in amounts.items()
    }
    divisor = math.gcd(*whole.values())
    ordered = sorted(whole, key=_ORDER.__getitem__)
    counts = (whole[symbol] // divisor for symbol in ordered)
    return "".join(
        symbol if count == 1 else f"{symbol}{count}"
        for symbol, count in zip(ordered, counts, strict=True)
    )


def _bad(rule: str, text: str) -> InputError:
    return InputError(
        rule, value=text, remedy="write element symbols with amounts, such as LiFePO4"
    )
