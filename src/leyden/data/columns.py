"""Columns of a table become numbers and targets: text, infinities and wrong units are told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import InputError

__all__ = [
    "LOG10",
    "Quantity",
    "are_bounds",
    "check_range",
    "doubtful_celsius",
    "find_column",
    "numbers",
    "quantity_of",
    "target_column",
]

LOG10 = "log10_"
"""Prefix of a target that is the base-10 logarithm of another."""

_ENOUGH = 8
"""Temperatures that tell another unit by their digits."""

_UNIT_WORDS = """
GPa MPa kPa Pa mPa cP bar eV meV Ry Ha kJ J kcal cal mol per atom cell V mV K C F S mS uS cm mm nm m
kg g mg m3 cm3 s ms ps fs N mN A A2 A3 Ah mAh deg
"""
_UNITS = frozenset(_UNIT_WORDS.split())


@dataclass(frozen=True)
class Quantity:
    """What the catalogue knows of a target name.

    Attributes
    ----------
    family : str
        Targets of one family are the same or derived from each other.
    range : (float, float)
        A value outside is taken for a wrong unit.
    meaning : str
        One line for people.
    """

    family: str
    range: tuple[float, float]
    meaning: str


def numbers(
    values: pd.Series, name: str, file: object = None, censored: bool = False
) -> np.ndarray:
    """A column as float64, shape (n,); NaN where nothing was measured (blank or null).

    Parameters
    ----------
    values : Series
        Numbers, or text as it stands in the file.
    name : str
        Name of the column, for the message.
    censored : bool
        Whether ``<x`` is read as its bound x.

    Raises
    ------
    InputError
        Text where a number must stand, or an infinity or written NaN; names the row.
    """
    if values.dtype.kind in "fiu":
        array = values.to_numpy(dtype=float)
        bad = np.isinf(array)
        if bad.any():
            row = int(bad.argmax())
            raise _not_finite(name, array[row], file, row)
        return array
    array = np.full(len(values), np.nan)
    # In a column of objects a NaN was written as such; elsewhere it is how pandas marks a blank.
    blank = [False] * len(values) if values.dtype == object else values.isna()
    for row, (value, is_blank) in enumerate(zip(values, blank, strict=True)):
        if is_blank or value is None or (isinstance(value, str) and not value.strip()):
            continue
        text = value.strip().removeprefix("<") if censored and isinstance(value, str) else value
        try:
            array[row] = float(text)
        except (TypeError, ValueError):
            bound = isinstance(value, str) and value.strip().startswith("<")
            raise InputError(
                f"column {name} must hold numbers",
                value=value,
                file=file,
                row=row + 1,
                remedy=f"if these are upper bounds, say so: censored = [{name!r}]"
                if bound
                else "write a number, or leave the cell empty where nothing was measured",
            ) from None
        if not math.isfinite(array[row]):
            raise _not_finite(name, value, file, row)
    return array


def are_bounds(values: pd.Series) -> np.ndarray:
    """Where a cell is written ``<x``, which says that the true value lies below x; (n,), bool."""
    return values.astype(str).str.strip().str.startswith("<").to_numpy(dtype=bool)


def check_range(values: np.ndarray, name: str, quantity: Quantity | None, file: object) -> None:
    """Raise `InputError` for the first value that no material has: a sign of a wrong unit."""
    if quantity is None:
        return
    low, high = quantity.range
    with np.errstate(invalid="ignore"):
        bad = (values < low) | (values > high)
    if bad.any():
        row = int(bad.argmax())
        if values[row] <= 0 < low:
            raise InputError(
                f"{name} must be positive",
                value=float(values[row]),
                file=file,
                row=row + 1,
                remedy="leave the cell empty where nothing was measured, or write the detection "
                f"limit as <x, and censored = [{name!r}]",
            )
        raise InputError(
            f"{name} must lie between {low:g} and {high:g}",
            value=float(values[row]),
            file=file,
            row=row + 1,
            remedy=f"convert the column to the unit in its name, {name}",
        )


def doubtful_celsius(values: np.ndarray) -> str:
    """Why all temperatures together are hardly degrees Celsius; empty where nothing is wrong.

    Temperatures are read to a degree or half of one. Where every value is such a number once it is
    taken for Fahrenheit, and some are not as they stand, somebody has converted them. Of whole
    numbers, one in nine is so by chance, and of tenths fewer: eight rows are enough to ask.

    Examples
    --------
    >>> celsius = np.array([21.0, 35.5, 40.0, 62.0, 71.0, 88.5, 93.0, 104.0])
    >>> doubtful_celsius(1.8 * celsius + 32)
    'read as degrees Fahrenheit, all of them are round numbers of degrees Celsius'
    >>> doubtful_celsius(celsius)
    ''
    """
    known = values[np.isfinite(values)]
    if len(known) < _ENOUGH or not _halves((known - 32.0) / 1.8).all() or _halves(known).all():
        return ""
    return "read as degrees Fahrenheit, all of them are round numbers of degrees Celsius"


def _halves(values: np.ndarray) -> np.ndarray:
    """Which values are whole or half numbers, but for what printing one decimal takes."""
    return np.abs(2 * values - np.round(2 * values)) < 0.06


def find_column(wanted: str, columns: Iterable[Any], file: object) -> str:
    """`wanted`, if it is a column; else an `InputError` that tells a wrong unit from none."""
    names = [str(column) for column in columns]
    if wanted in names:
        return wanted
    for name in names:
        if name != wanted and _stem(name) == _stem(wanted):
            raise InputError(
                f"column {wanted} is there in another unit",
                value=name,
                file=file,
                remedy=f"convert the column and name it {wanted}",
            )
    raise InputError(
        f"there is no column {wanted}",
        file=file,
        remedy=f"name one of the columns so, or choose from {', '.join(names)}",
    )


def target_column(
    table: pd.DataFrame,
    wanted: str,
    known: Mapping[str, Quantity],
    file: object = None,
    censored: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """A target of a user's table and where it is an upper bound, each (n,); its range is checked.

    ``log10_X`` is the logarithm of column ``X`` where it is no column itself. Where it is
    `censored`, ``<x`` is read as the bound x.

    Raises
    ------
    InputError
        No such column, another unit, text, an infinity, an implausible value, a logarithm of
        a value that is not positive.
    """
    base = wanted.removeprefix(LOG10)
    take_log = wanted not in table.columns and base != wanted
    column = find_column(base if take_log else wanted, table.columns, file)
    values = numbers(table[column], column, file, censored)
    bounds = are_bounds(table[column]) if censored else np.zeros(len(values), dtype=bool)
    check_range(values, column, quantity_of(column, known), file)
    if column.endswith("_C") and (doubt := doubtful_celsius(values)):
        remedy = f"if they are Fahrenheit, convert {column}"
        warnings.warn(f"{file}, {column}: {doubt}; {remedy}", stacklevel=2)
    if not take_log:
        return values, bounds
    if (values <= 0).any():
        row = int((values <= 0).argmax())
        raise InputError(
            f"{column} must be positive to have a logarithm",
            value=float(values[row]),
            file=file,
            row=row + 1,
            remedy="leave the row out, or learn the value itself",
        )
    return np.log10(values), bounds


def quantity_of(name: str, known: Mapping[str, Quantity]) -> Quantity | None:
    """What is known of a target, or of the logarithm of a known one."""
    if name in known or not name.startswith(LOG10):
        return known.get(name)
    base = known.get(name.removeprefix(LOG10))
    if base is None:
        return None
    high = math.log10(max(base.range[1], 1e-300))
    return Quantity(base.family, (-30.0, high), f"log10 of the {base.meaning}")


def _stem(name: str) -> str:
    """A name without its unit: ``K_VRH`` of ``K_VRH_GPa``."""
    words = name.removeprefix(LOG10).split("_")
    while len(words) > 1 and words[-1] in _UNITS:
        words.pop()
    return "_".join(words).lower()


def _not_finite(name: str, value: object, file: object, row: int) -> InputError:
    return InputError(
        f"column {name} must hold finite numbers",
        value=value,
        file=file,
        row=row + 1,
        remedy="leave the cell empty where nothing was measured",
    )
