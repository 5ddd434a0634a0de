"""The kinds of criteria that a TOML file names; each takes the keys that its signature lists.

>>> criterion({"kind": "molar-mass", "maximum": 30.0}).name
'molar_mass_g_per_mol'
>>> criterion({"kind": "rows", "last": 4}) == rows(4)
True
"""

from __future__ import annotations

import csv
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from types import MappingProxyType
from typing import Any

import numpy as np

from leyden.data.formulas import ATOMIC_NUMBERS, ELEMENTS, parse_composition
from leyden.errors import InputError, did_you_mean
from leyden.screening.criteria import (
    Bound,
    Criterion,
    ElementRule,
    Inside,
    ModelBound,
    Neutral,
    ScoreAbove,
    Scored,
    check_elements,
    mean_values,
)
from leyden.screening.element_data import element_data
from leyden.screening.tables import check_keys, made

__all__ = [
    "KINDS",
    "cost",
    "criterion",
    "in_domain",
    "molar_mass",
    "not_radioactive",
    "oxides",
    "rows",
    "table_of",
    "tabulated",
]


def molar_mass(maximum: float) -> Bound:
    """Mean molar mass of the atoms, g/mol, is at most `maximum`."""
    return Bound("molar_mass_g_per_mol", element_data().molar_mass_g_per_mol, maximum)


def cost(maximum: float) -> Bound:
    """Cost of the elements of a kilogram, US dollars, is at most `maximum`.

    Prices of pure elements (pymatgen's CostDB, 2013), weighted by mass; a candidate with an element
    that has no price fails.
    """
    data = element_data()
    return Bound(
        "cost_usd_per_kg", data.cost_usd_per_kg, maximum, weights=data.molar_mass_g_per_mol
    )


def rows(last: int = 4) -> ElementRule:
    """All elements stand in the first rows of the periodic table (four: up to krypton)."""
    table = element_data().row
    allowed = tuple(symbol for symbol, row in table.items() if row <= last)
    if not allowed:
        raise InputError("rows of the periodic table count from 1", value=last)
    return ElementRule("rows", allowed=allowed)


def oxides(other_anions: bool = True) -> ElementRule:
    """The candidate holds oxygen.

    Parameters
    ----------
    other_anions : bool
        Whether N, F, S, Cl, Se, Br, Te, I may stand beside it: among the published "oxides" are
        LiN5P3O and Li5Na2NO2.
    """
    others = () if other_anions else ("N", "F", "S", "Cl", "Se", "Br", "Te", "I")
    return ElementRule("oxides", any_of=("O",), forbidden=others)


def not_radioactive() -> ElementRule:
    """No element is radioactive (technetium, promethium, all from polonium on)."""
    heavier = ELEMENTS[len(element_data().row) + 1 :]
    forbidden = sorted(element_data().radioactive | {*heavier})
    return ElementRule("not radioactive", forbidden=tuple(forbidden))


def tabulated(
    name: str,
    file: str,
    column: str,
    maximum: float | None = None,
    minimum: float | None = None,
) -> Bound:
    """A bound on a mean of values of your own.

    Parameters
    ----------
    name : str
    file : path
        CSV with a column ``element`` of symbols, and `column`; an empty cell is no value.
    column : str
    maximum, minimum : float, optional
        One of them, or both.
    """
    values: dict[str, float] = {}
    try:
        with open(file, encoding="utf-8", newline="") as lines:
            for row, line in enumerate(csv.DictReader(lines), start=1):
                for key in ("element", column):
                    if key not in line:
                        raise InputError(
                            "no such column", value=key, file=file, remedy=did_you_mean(key, line)
                        )
                if line[column]:
                    check_elements([line["element"]], file=file, row=row)
                    values[line["element"]] = float(line[column])
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"the file cannot be read: {reason}", file=file) from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "a value must be a number", value=line[column], file=file, row=row
        ) from error
    return Bound(name, values, maximum, minimum)


def in_domain(
    formulas: Sequence[str] | None = None,
    file: str | None = None,
    properties: Sequence[str] | None = None,
    fractions: Sequence[str] = ("Li",),
    percentile: float = 1.0,
    at_least: int = 5,
) -> Inside:
    """The candidate lies where the compounds lie that taught a model.

    Parameters
    ----------
    formulas : sequence of str, optional
        These compounds.
    file : path, optional
        Instead, a CSV, Parquet or JSONL file with a column of formulas.
    properties : sequence of str, optional
        Columns of ``elements.csv`` whose means a model reads; by default the nine of
        `leyden.representations.composition.CUBUK_PROPERTIES`.
    fractions : sequence of str
        Elements whose atomic fractions are limited as well.
    percentile : float
        The ranges go from this percentile of the compounds to 100 less it; ends that compounds
        have, rounded outwards to six digits.  A compound with an element that lacks a property does
        not count in its range.
    at_least : int
        An element must occur in so many of the compounds.

    Returns
    -------
    Inside

    Raises
    ------
    InputError
        Neither formulas nor a file, or both; a row that is no formula; nothing to compare with.
    """
    from leyden.representations.composition import CUBUK_PROPERTIES

    if (formulas is None) == (file is None) or isinstance(formulas, str):
        raise InputError("to be in domain needs a list of formulas or a file of them")
    if not 0 <= percentile < 50 or at_least < 1:
        raise InputError(
            "a percentile lies in 0..50, and elements occur at least once",
            value=[percentile, at_least],
        )
    if file is not None:
        formulas = _formulas(file)
    compounds = [_shares(formula) for formula in formulas or ()]
    held = Counter(symbol for compound in compounds for symbol in compound)
    elements = tuple(symbol for symbol in ATOMIC_NUMBERS if held[symbol] >= at_least)
    if not elements:
        raise InputError(f"no element occurs in {at_least} compounds", value=len(compounds))
    keys = [*(CUBUK_PROPERTIES if properties is None else properties)]
    ranges = {}
    for key in (*keys, *(f"fraction {symbol}" for symbol in fractions)):
        values = mean_values(key)
        known = [own for own in compounds if own.keys() <= values.keys()]
        if not known:
            raise InputError("no compound has this property", value=key)
        means = [sum(x * values[symbol] for symbol, x in own.items()) for own in known]
        low = np.percentile(means, percentile, method="lower")
        high = np.percentile(means, 100 - percentile, method="higher")
        ranges[key] = (_rounded(low, ROUND_FLOOR), _rounded(high, ROUND_CEILING))
    return Inside(ranges, elements)


def _shares(formula: str) -> dict[str, float]:
    """Atomic fractions."""
    amounts = parse_composition(formula)
    whole = sum(amounts.values())
    return {symbol: float(amount / whole) for symbol, amount in amounts.items()}


def _formulas(file: str) -> list[str]:
    from leyden.data.readers import read_items

    found = []
    for row in read_items(file, kind="formula"):
        if row.error:
            raise InputError(row.error, file=file, row=row.id)
        found.append(str(row.item))
    return found


def _rounded(number: float, way: str) -> float:
    """To six digits, upwards or downwards."""
    return float(Context(prec=6, rounding=way).create_decimal_from_float(float(number)))


KINDS: Mapping[str, Callable[..., Criterion]] = MappingProxyType(
    {
        "score": ScoreAbove,
        "scored": Scored,
        "neutral": Neutral,
        "molar-mass": molar_mass,
        "cost": cost,
        "rows": rows,
        "oxides": oxides,
        "not-radioactive": not_radioactive,
        "elements": ElementRule,
        "bound": Bound,
        "tabulated": tabulated,
        "inside": Inside,
        "in-domain": in_domain,
        "model": ModelBound,
    }
)
"""Kind, as a TOML file spells it, to what makes the criterion."""


def criterion(table: Mapping[str, Any] | str) -> Criterion:
    """The criterion of a table: ``kind`` and the keys that it takes; a text is a kind alone.

    Raises
    ------
    InputError
        An unknown kind or key, a missing key, a value that the criterion refuses.
    """
    if not isinstance(table, str | Mapping) or not (isinstance(table, str) or "kind" in table):
        remedy = "write 'neutral' or { kind = 'cost', maximum = 100.0 }"
        raise InputError("a criterion is a kind, or a table with one", value=table, remedy=remedy)
    keys = {"kind": table} if isinstance(table, str) else dict(table)
    kind = str(keys.pop("kind"))
    if kind not in KINDS:
        raise InputError("unknown kind of criterion", value=kind, remedy=did_you_mean(kind, KINDS))
    taken = inspect.signature(KINDS[kind]).parameters
    check_keys(keys, taken, f"criterion {kind!r}", "it takes none")
    for key, parameter in taken.items():
        if parameter.default is inspect.Parameter.empty and key not in keys:
            raise InputError(f"criterion {kind!r} needs {key}")
    return made(KINDS[kind], keys, f"criterion {kind!r}")


def table_of(given: Criterion) -> dict[str, Any]:
    """The table from which `criterion` makes it again."""
    kind = next(kind for kind, maker in KINDS.items() if type(given) is maker)
    values = {field.name: getattr(given, field.name) for field in fields(given) if field.init}
    return {"kind": kind, **{key: value for key, value in values.items() if value is not None}}
