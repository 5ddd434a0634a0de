"""Which rows of the arms are taken up again: the best and a slow one, by one surrogate of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.search_space import SearchSpace

if TYPE_CHECKING:
    from leyden.exploration.surrogate import Surrogate

__all__ = ["all_rows", "best_row", "measured", "one_surrogate", "slow_row"]


def all_rows(tables: Sequence[pd.DataFrame], space: SearchSpace) -> pd.DataFrame:
    """Observations of several campaigns, those that they share once.

    A row of a later table that tells the same as one of the first was told from there. Rows of one
    table with equal parameters are measurements of their own: they tell how large the noise is.
    """
    filled = [table for table in tables if len(table)] or list(tables[:1])
    first = set(_told(filled[0], space))
    own = [[row not in first for row in _told(table, space)] for table in filled[1:]]
    later = [table[kept] for table, kept in zip(filled[1:], own, strict=True)]
    return pd.concat([filled[0], *later], ignore_index=True)


def _told(table: pd.DataFrame, space: SearchSpace) -> list[tuple[str, ...]]:
    """Each row's parameters and what was found, to the last digit."""
    name = CONDUCTIVITY.name
    columns = [*space.names, name, f"{name}_error", f"{name}_bound", "outcome"]
    rows = table[columns].itertuples(index=False, name=None)
    return [tuple(map(str, row)) for row in rows]


def one_surrogate(
    tables: Sequence[pd.DataFrame], space: SearchSpace, random_state: int
) -> Surrogate:
    """Of all rows of several campaigns.

    Raises
    ------
    InputError
        No row has a value.
    MissingExtraError
        The extra ``bo`` is not installed.
    """
    from leyden.exploration.surrogate import Surrogate

    everything = all_rows(tables, space)
    return Surrogate(space, CONDUCTIVITY, random_state=random_state).fit(everything)


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of observations with a value that is no bound.

    Raises
    ------
    InputError
        There is none.
    """
    name = CONDUCTIVITY.name
    rows = table[table[name].notna() & (table[f"{name}_bound"] == "")]
    if rows.empty:
        raise InputError("no row of the arm has a value that is not a bound", value=len(table))
    return rows


def best_row(surrogate: Surrogate, table: pd.DataFrame) -> pd.DataFrame:
    """The measured row of a table of which the most is expected: its parameters, one row."""
    return _at(surrogate, table, np.argmax)


def slow_row(surrogate: Surrogate, table: pd.DataFrame) -> pd.DataFrame:
    """The measured row of a table of which the least is expected."""
    return _at(surrogate, table, np.argmin)


def _at(
    surrogate: Surrogate, table: pd.DataFrame, which: Callable[[np.ndarray], np.intp]
) -> pd.DataFrame:
    rows = measured(table)[surrogate.space.names]
    return rows.iloc[[int(which(surrogate.predict(rows)["mean"].to_numpy()))]]
