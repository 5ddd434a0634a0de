"""Rows that people tell a campaign, from a table or a file, checked before anything is kept."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.data.columns import find_column, numbers
from leyden.errors import InputError, did_you_mean
from leyden.exploration.search_space import Objective, SearchSpace
from leyden.exploration.trial import BOUNDS

__all__ = [
    "WITHDRAWN",
    "ToldRow",
    "columns_of",
    "parameters_of",
    "read_results",
    "told_rows",
]

WITHDRAWN = "withdrawn"
"""Outcome of a row that will not be evaluated after all: it neither teaches nor repels."""

_FACTS = ("outcome", "error", "random_state", "seconds", "cpu_seconds", "details")


@dataclass(frozen=True)
class ToldRow:
    """One row that was told.

    Attributes
    ----------
    number : int
        In its table, from 1.
    id : int or None
    parameters : dict or None
        None where only the id was told.
    outcome, error : str
    results : dict
        Of each objective: value, error and bound.
    task : str
        Empty for the campaign's own.
    facts : dict
        What else a `results.csv` tells: method, random_state, seconds, cpu_seconds, details.
    """

    number: int
    id: int | None
    parameters: dict[str, Any] | None
    outcome: str
    error: str
    results: dict[str, dict[str, Any]]
    task: str
    facts: dict[str, Any] = field(default_factory=dict)


def columns_of(space: SearchSpace, objectives: Sequence[Objective]) -> list[str]:
    """The columns of a `results.csv`, in order."""
    told = [f"{o.name}{end}" for o in objectives for end in ("", "_error", "_bound")]
    best = [f"{objective.name}_best_so_far" for objective in objectives]
    return ["id", "task", "method", *space.names, *told, *best, *_FACTS]


def read_results(path: Path, objectives: Sequence[Objective]) -> tuple[pd.DataFrame, int]:
    """The rows of a CSV file, as text, and how many wait for their results.

    A row in which neither a value nor an outcome is written waits, and is left out.

    Raises
    ------
    InputError
        No such file, or no table of comma-separated columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"the results cannot be read: {reason}", file=path) from error
    header = [name.strip() for name in lines[0]] if lines else []
    if len(header) == 1 and ";" in header[0]:
        raise InputError(
            "columns are separated by commas, and numbers have a point",
            value=header[0],
            file=path,
            remedy="save the table as CSV with commas",
        )
    if len(lines) < 2 or len(set(header)) < len(header):
        rule = "there are no rows" if len(lines) < 2 else "two columns have one name"
        raise InputError(rule, file=path, remedy="check the export")
    for row, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise InputError(
                f"a row has {len(line)} cells, and the heading {len(header)}",
                value=line,
                file=path,
                row=row,
                remedy="put quotes around a cell with a comma in it",
            )
    rows = pd.DataFrame(lines[1:], columns=header, dtype=object)
    names = [o.name for o in objectives if o.name in rows] + ["outcome"] * ("outcome" in rows)
    blank = [rows[name].str.strip() == "" for name in names]
    waiting = np.logical_and.reduce(blank) if blank else np.zeros(len(rows), dtype=bool)
    # The index stays: it tells the number of a row in the file.
    return rows[~waiting], int(waiting.sum())


def told_rows(
    rows: pd.DataFrame,
    space: SearchSpace,
    objectives: Sequence[Objective],
    *,
    task: str = "",
    file: object = None,
) -> list[ToldRow]:
    """Rows of a table, checked.

    Parameters
    ----------
    rows : DataFrame
        With an ``id``, or the parameters, or both; and the objectives. Its index counts from 0.
    space : SearchSpace
    objectives : sequence of Objective
    task : str
        The label of the campaign's own rows, which are kept under none.
    file : path, optional
        Where the rows stand, for messages.

    Raises
    ------
    InputError
        Naming file and row: an unknown or missing column, one in another unit, a parameter out of
        bounds, a value that is no number, an ok row without a value, an unknown bound, a value that
        is no bound although the outcome is not ok.
    """
    _check_columns(rows, space, objectives, file)
    count = len(rows)
    places = rows.index.to_numpy()
    outcomes = _texts(rows, "outcome")
    outcomes = [outcome or "ok" for outcome in outcomes]
    ids, parameters = _ids(rows, file), parameters_of(rows, space, file)
    errors, tasks = _texts(rows, "error"), _texts(rows, "task")
    results = _results(rows, objectives, outcomes, file)
    facts = _facts(rows, file)
    told = []
    for k in range(count):
        number = int(places[k]) + 1
        if ids[k] is None and parameters[k] is None:
            raise InputError(
                "a row has an id or all parameters",
                file=file,
                row=number,
                remedy=f"fill in id, or {', '.join(space.names)}",
            )
        own = "" if tasks[k] == task else tasks[k]
        told.append(
            ToldRow(
                number, ids[k], parameters[k], outcomes[k], errors[k], results[k], own, facts[k]
            )
        )
    return told


def _check_columns(
    rows: pd.DataFrame, space: SearchSpace, objectives: Sequence[Objective], file: object
) -> None:
    known = columns_of(space, objectives)
    wanted = [] if "id" in rows else list(space.names)
    failed = "outcome" in rows and not {"", "ok"} & set(_texts(rows, "outcome"))
    wanted += [] if failed else [objective.name for objective in objectives]
    for name in wanted:
        find_column(name, rows.columns, file)
    for column in map(str, rows.columns):
        if column not in known:
            raise InputError(
                "a column that is not known",
                value=column,
                file=file,
                remedy=did_you_mean(column, known),
            )
    given = [name for name in space.names if name in rows]
    if given and len(given) < len(space.names):
        for name in space.names:
            find_column(name, rows.columns, file)
    if not len(rows):
        raise InputError("there are no rows with results", file=file)


def _ids(rows: pd.DataFrame, file: object) -> list[int | None]:
    if "id" not in rows:
        return [None] * len(rows)
    ids: list[int | None] = []
    for place, value in zip(rows.index, _numbers(rows, "id", file), strict=True):
        if not math.isnan(value) and (value != int(value) or value < 1):
            raise InputError(
                "an id is a whole number from 1", value=value, file=file, row=int(place) + 1
            )
        ids.append(None if math.isnan(value) else int(value))
    return ids


def parameters_of(
    rows: pd.DataFrame, space: SearchSpace, file: object = None
) -> list[dict[str, Any] | None]:
    """The parameters of each row, checked; None where all are blank and the id tells them.

    Raises
    ------
    InputError
        A value that is no number, out of bounds, or not one of the levels.
    """
    if not set(space.names) <= set(rows.columns):
        return [None] * len(rows)
    blank = np.logical_and.reduce([_blank(rows[name]) for name in space.names])
    filled = rows.loc[~blank, list(space.names)]
    table = pd.DataFrame(index=filled.index)
    for parameter in space.parameters:
        if parameter.kind == "categorical":
            levels = {str(level): level for level in parameter.levels}
            given = filled[parameter.name]
            table[parameter.name] = [levels.get(str(value).strip(), value) for value in given]
        else:
            table[parameter.name] = _numbers(filled, parameter.name, file)
    try:
        space.check(table)
    except InputError as error:
        row = int(table.index[int(error.row) - 1]) + 1 if error.row is not None else None
        raise error.at(file=file, row=row) from None
    found = iter(table.to_dict("records"))
    whole = [p.name for p in space.parameters if p.kind == "integer"]
    checked: list[dict[str, Any] | None] = []
    for empty in blank:
        if empty:
            checked.append(None)
            continue
        values = {str(name): value for name, value in next(found).items()}
        checked.append(values | {name: int(values[name]) for name in whole})
    return checked


def _results(
    rows: pd.DataFrame, objectives: Sequence[Objective], outcomes: list[str], file: object
) -> list[dict[str, dict[str, Any]]]:
    """Value, error and bound of each objective, of each row."""
    results: list[dict[str, dict[str, Any]]] = [{} for _ in outcomes]
    for objective in objectives:
        name = objective.name
        values = _optional_numbers(rows, name, file)
        wide = _optional_numbers(rows, f"{name}_error", file)
        bounds = _texts(rows, f"{name}_bound")
        for k, place in enumerate(rows.index):
            where: dict[str, Any] = {"file": file, "row": int(place) + 1}
            if math.isnan(values[k]):
                if outcomes[k] == "ok":
                    raise InputError(
                        f"{name} of a row whose outcome is ok must be a number",
                        value=float("nan"),
                        remedy="write the value, or the outcome that says why there is none",
                        **where,
                    )
                continue
            if bounds[k] not in BOUNDS:
                raise InputError(
                    f"{name}_bound is above, below or blank",
                    value=bounds[k],
                    remedy=did_you_mean(bounds[k], BOUNDS[1:]),
                    **where,
                )
            if outcomes[k] != "ok" and not bounds[k]:
                raise InputError(
                    f"the outcome is {outcomes[k]!r}, so that {name} is a bound or blank",
                    value=values[k],
                    remedy=f"write above or below into {name}_bound, or leave {name} blank; or "
                    "the outcome is ok",
                    **where,
                )
            if wide[k] < 0:
                raise InputError(f"{name}_error is not negative", value=wide[k], **where)
            if objective.log10 and values[k] <= 0:
                raise InputError(
                    f"{name} must be positive, since its logarithm is learned",
                    value=values[k],
                    remedy="if it is below what can be detected, write that limit and the bound "
                    "below",
                    **where,
                )
            error = None if math.isnan(wide[k]) else float(wide[k])
            results[k][name] = {"value": float(values[k]), "error": error, "bound": bounds[k]}
    return results


def _facts(rows: pd.DataFrame, file: object) -> list[dict[str, Any]]:
    columns: dict[str, list[Any]] = {"method": list(_texts(rows, "method"))}
    for name in ("random_state", "seconds", "cpu_seconds"):
        found = _optional_numbers(rows, name, file)
        columns[name] = [None if math.isnan(value) else float(value) for value in found]
    seeds = columns["random_state"]
    columns["random_state"] = [None if seed is None else int(seed) for seed in seeds]
    columns["details"] = []
    for place, text in zip(rows.index, _texts(rows, "details"), strict=True):
        try:
            details = json.loads(text or "{}")
        except ValueError:
            details = None
        if not isinstance(details, Mapping):
            raise InputError("details are a JSON object", value=text, file=file, row=int(place) + 1)
        columns["details"].append(dict(details))
    return [
        {name: column[k] for name, column in columns.items() if column[k] not in (None, "")}
        for k in range(len(rows))
    ]


def _numbers(rows: pd.DataFrame, name: str, file: object) -> np.ndarray:
    """A column as numbers; NaN where it is blank."""
    try:
        return numbers(rows[name].where(~_blank(rows[name]), None), name, file)
    except InputError as error:
        row = int(rows.index[int(error.row) - 1]) + 1 if error.row is not None else None
        raise error.at(file=file, row=row) from None


def _optional_numbers(rows: pd.DataFrame, name: str, file: object) -> np.ndarray:
    return _numbers(rows, name, file) if name in rows else np.full(len(rows), np.nan)


def _texts(rows: pd.DataFrame, name: str) -> list[str]:
    """A column of texts; blank where there is none."""
    if name not in rows:
        return [""] * len(rows)
    column = rows[name]
    return [
        "" if empty else str(v).strip() for v, empty in zip(column, _blank(column), strict=True)
    ]


def _blank(column: pd.Series) -> np.ndarray:
    return (column.isna() | (column.astype(str).str.strip() == "")).to_numpy(dtype=bool)
