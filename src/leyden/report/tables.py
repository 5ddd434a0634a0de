"""Numbers and tables as a reader wants them: digits that mean something, columns that sort."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from leyden.errors import InputError

__all__ = ["Cell", "Column", "Table", "format_interval", "format_number", "table"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")  # noqa: RUF001
    if isinstance(value, Integral):
        return _minus(f"{int(value):,}")
    value = float(value)
    if uncertainty is not None and math.isfinite(uncertainty) and uncertainty > 0:
        place = _last_place(uncertainty)
        if value == 0 or -4 <= math.floor(math.log10(max(abs(value), uncertainty))) < 6:
            return _minus(f"{round(value, -place) + 0.0:,.{max(-place, 0)}f}")
        digits = max(1, math.floor(math.log10(max(abs(value), uncertainty))) - place + 1)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if value == 0 or -4 <= int(exponent) < 6:
        decimals = max(0, digits - 1 - int(exponent)) if value else 0
        text = f"{float(f'{value:.{digits - 1}e}'):,.{decimals}f}"
        return _minus(text.rstrip("0").rstrip(".") if "." in text else text)
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{_minus(mantissa)} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"  # noqa: RUF001


def format_interval(value: float, interval: tuple[float, float] | None) -> str:
    """A value and its interval, all three to the digits that the interval supports.

    Examples
    --------
    >>> format_interval(0.108437, (0.1011, 0.1156))
    '0.108 [0.101, 0.116]'
    """
    if interval is None:
        return format_number(value)
    low, high = interval
    spread = (high - low) / 2
    return (
        f"{format_number(value, spread)} "
        f"[{format_number(low, spread)}, {format_number(high, spread)}]"
    )


@dataclass(frozen=True)
class Column:
    """Heading of a column: its name, its unit, and whether it holds numbers."""

    name: str
    unit: str
    numeric: bool


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
    shown = [column for column in frame.columns if column not in set(uncertainties.values())]
    columns, cells = [], []
    for column in shown:
        values = frame[column].tolist()
        errors = frame[uncertainties[column]].tolist() if column in uncertainties else None
        numeric = pd.api.types.is_numeric_dtype(frame[column]) and not (
            pd.api.types.is_bool_dtype(frame[column])
        )
        columns.append(Column(str(names.get(column, column)), units.get(column, ""), numeric))
        cells.append(
            [
                _cell(value, None if errors is None else errors[row], column == "formula", digits)
                for row, value in enumerate(values)
            ]
        )
    return Table(tuple(columns), tuple(zip(*cells, strict=True)))


def _cell(value: Any, uncertainty: Any, formula: bool, digits: int) -> Cell:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return Cell("–", "")  # noqa: RUF001
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return Cell("yes" if value else "no", str(int(value)))
    if isinstance(value, Real):
        spread = None if uncertainty is None or pd.isna(uncertainty) else float(uncertainty)
        text = format_number(value, spread, digits=digits)  # type: ignore[arg-type]
        if spread is not None:
            text += f" ± {format_number(spread, spread)}"
        return Cell(text, repr(value.item() if hasattr(value, "item") else value))
    text = str(value)
    if not formula:
        return Cell(text, text)
    return Cell(Markup(_SUBSCRIPT.sub(r"<sub>\1</sub>", str(escape(text)))), text)


def _last_place(uncertainty: float) -> int:
    """Exponent of the last digit that a number of this uncertainty deserves."""
    exponent = math.floor(math.log10(uncertainty))
    leading = round(uncertainty / 10.0 ** (exponent - 1))
    return exponent - 1 if leading <= 35 else exponent + (leading >= 95)


def _minus(text: str) -> str:
    return text.replace("-", "−")  # noqa: RUF001
