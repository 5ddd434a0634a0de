"""Numbers and tables as a reader wants them: digits that mean something, columns that sort."""

# ruff: noqa: RUF001 - readers of a page get real minus and multiplication signs

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from leyden.errors import InputError

__all__ = ["Cell", "Column", "Table", "format_interval", "format_number", "table"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NOTHING = "–"
_LONG = 30
"""Characters above which a text needs a broad column."""
_SUBSCRIPT = re.compile(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?)")


def format_number(value: float, uncertainty: float | None = None, *, digits: int = 4) -> str:
    """A number with the digits that its uncertainty supports.

    The uncertainty keeps two digits when they are at most 35, else one (the rule of the Particle
    Data Group), and the value ends at the same decimal place.

    Parameters
    ----------
    value : float
    uncertainty : float, optional
        In the unit of `value`; without a positive one, `digits` significant digits are shown.
    digits : int

    Examples
    --------
    >>> format_number(0.108437, 0.0031), format_number(1234567), format_number(0.25)
    ('0.1084', '1,234,567', '0.25')
    """
    if not math.isfinite(value):
        return _NOTHING if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if isinstance(value, Integral):
        return _minus(f"{int(value):,}")
    value = float(value)
    supported = uncertainty is not None and math.isfinite(uncertainty) and uncertainty > 0
    if supported:
        place = _last_place(float(uncertainty or 0))
        size = max(abs(value), float(uncertainty or 0))
        if -4 <= math.floor(math.log10(size)) < 6:
            return _fixed(value, -place)
        digits = max(1, math.floor(math.log10(abs(value) or size)) - place + 1)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if value == 0 or -4 <= int(exponent) < 6:
        rounded = float(f"{mantissa}e{exponent}")
        return _strip(_fixed(rounded, max(0, digits - 1 - int(exponent))))
    shown = _minus(mantissa) if supported else _strip(_minus(mantissa))
    return f"{shown} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def format_interval(value: float, interval: tuple[float, float] | None) -> str:
    """A value and its interval, with one digit more than the interval supports.

    The digit more is for the reader who holds the value against a published one.

    Examples
    --------
    >>> format_interval(0.108437, (0.1011, 0.1156))
    '0.1084 [0.1011, 0.1156]'
    """
    if interval is None:
        return format_number(value)
    low, high = interval
    spread = abs(high - low) / 20
    return (
        f"{format_number(value, spread)} "
        f"[{format_number(low, spread)}, {format_number(high, spread)}]"
    )


@dataclass(frozen=True)
class Column:
    """Heading of a column: its name, its unit, whether it holds numbers or long texts."""

    name: str
    unit: str
    numeric: bool
    long: bool = False


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the raw value by which it sorts and is saved."""

    shown: str | Markup
    raw: str


@dataclass(frozen=True)
class Table:
    """A table ready for the page."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def table(
    frame: pd.DataFrame,
    *,
    units: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    uncertainties: Mapping[str, str] | None = None,
    digits: int = 4,
) -> Table:
    """The cells of a DataFrame, its index left out.

    Parameters
    ----------
    frame : DataFrame
        A column called ``formula`` is set with subscripts.
    units : mapping of column to unit, optional
        Shown below the name.
    names : mapping of column to heading, optional
    uncertainties : mapping of column to column, optional
        Value column to the column of its standard deviation, which then is shown as ± behind
        the value and not as a column of its own.
    digits : int
        Significant digits of values without an uncertainty.

    Raises
    ------
    InputError
        When `units`, `names` or `uncertainties` name a column that is not there.
    """
    units, names, uncertainties = units or {}, names or {}, uncertainties or {}
    for asked in (*units, *names, *uncertainties, *uncertainties.values()):
        if asked not in frame.columns:
            raise InputError(
                "a table setting names a column that is not there",
                value=asked,
                remedy=f"name one of {', '.join(map(str, frame.columns))}",
            )
    columns, cells = [], []
    for column in frame.columns:
        if column in uncertainties.values():
            continue
        values = frame[column]
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        long = not numeric and values.astype(str).str.len().max() > _LONG
        columns.append(Column(str(names.get(column, column)), units.get(column, ""), numeric, long))
        if column in uncertainties:
            spreads = frame[uncertainties[column]].tolist()
            rows = zip(values.tolist(), spreads, strict=True)
            cells.append([_cell(value, _with_spread(value, spread)) for value, spread in rows])
        elif numeric:
            places = _common_places(values, digits)
            cells.append(
                [_cell(value, _number(value, places, digits)) for value in values.tolist()]
            )
        else:
            cells.append([_cell(value, _words(value, column == "formula")) for value in values])
    return Table(tuple(columns), tuple(zip(*cells, strict=True)))


def _cell(value: Any, shown: str | Markup) -> Cell:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return Cell(_NOTHING, "")
    return Cell(shown, str(int(value)) if pd.api.types.is_bool(value) else str(value))


def _with_spread(value: Any, spread: Any) -> str:
    if pd.isna(value) or pd.isna(spread):
        return _number(value, None, 4)
    return f"{format_number(value, spread)} ± {format_number(spread, spread)}"


def _number(value: Any, places: int | None, digits: int) -> str:
    if pd.isna(value):
        return _NOTHING
    if places is None or isinstance(value, Integral) or not math.isfinite(value):
        return format_number(value, digits=digits)
    return _fixed(value, places)


def _words(value: Any, formula: bool) -> str | Markup:
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    text = str(value)
    return Markup(_SUBSCRIPT.sub(r"<sub>\1</sub>", str(escape(text)))) if formula else text


def _common_places(values: pd.Series, digits: int) -> int | None:
    """Decimal places with which a whole column can be set; None when its sizes differ too much."""
    sizes = values.abs().astype(float)
    sizes = sizes[(sizes > 0) & (sizes < math.inf)]
    if len(sizes) == 0:
        return None
    places = digits - 1 - math.floor(math.log10(sizes.median()))
    fits = 0 <= places <= 6 and sizes.min() >= 10.0**-places and sizes.max() < 1e6
    return places if fits else None


def _fixed(value: float, places: int) -> str:
    """With this many decimal places, or rounded to tens, hundreds when it is negative."""
    return _minus(f"{round(float(value), places) + 0.0:,.{max(places, 0)}f}")


def _last_place(uncertainty: float) -> int:
    """Exponent of the last digit that a number of this uncertainty deserves."""
    exponent = math.floor(math.log10(uncertainty))
    leading = round(uncertainty / 10.0 ** (exponent - 1))
    return exponent - 1 if leading <= 35 else exponent


def _strip(text: str) -> str:
    """Without zeros at the end of a decimal fraction, which claim a precision."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _minus(text: str) -> str:
    return text.replace("-", "−")
