"""The rows of a campaign as tables: its history, and what a surrogate learns from."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from leyden.exploration.campaign_store import StoredRow
from leyden.exploration.search_space import Objective, SearchSpace
from leyden.exploration.told_rows import columns_of

__all__ = ["contenders", "front", "history_of", "observations_of"]

_DOUBTFUL = {True: "below", False: "above"}
"""Bounds beyond which the true value is worse than told, where more is better and where less is."""


def history_of(
    rows: Sequence[StoredRow], space: SearchSpace, objectives: Sequence[Objective], task: str
) -> pd.DataFrame:
    """Finished rows in order, see `leyden.exploration.campaign.Campaign.history`."""
    ordered = sorted(rows, key=lambda row: row.place or 0)
    columns = columns_of(space, objectives)
    table = pd.DataFrame(
        [_flat(row, objectives) | {"task": row.task or task} for row in ordered], columns=columns
    )
    own = np.array([not row.task for row in ordered], dtype=bool)
    for objective in objectives:
        values = np.where(own, contenders(table, objective), np.nan)
        best = np.fmax.accumulate(values) if objective.maximise else np.fmin.accumulate(values)
        table[f"{objective.name}_best_so_far"] = np.where(own, best, np.nan)
    numeric = [f"{o.name}{end}" for o in objectives for end in ("", "_error")]
    numeric += ["seconds", "cpu_seconds"]
    return table.astype(dict.fromkeys(numeric, float))


def observations_of(
    rows: Sequence[StoredRow], space: SearchSpace, objectives: Sequence[Objective]
) -> pd.DataFrame:
    """Finished rows by id, as a surrogate takes them.

    A bound is a value: such a row is ``ok`` here, however its evaluation ended. A value without a
    bound is none where the outcome is not ``ok``.
    """
    table = pd.DataFrame(
        [_flat(row, objectives) for row in rows], columns=columns_of(space, objectives)
    )
    names = [objective.name for objective in objectives]
    told = [f"{name}{end}" for name in names for end in ("", "_error", "_bound")]
    table = table[[*space.names, *told, "outcome", "task"]].copy()
    for name in names:
        table[[name, f"{name}_error"]] = table[[name, f"{name}_error"]].astype(float)
        table.loc[_disowned(table, name), [name, f"{name}_error"]] = math.nan
    table.loc[table[names].notna().all(axis=1), "outcome"] = "ok"
    return table


def contenders(table: pd.DataFrame, objective: Objective) -> np.ndarray:
    """Values of an objective that may be called the best, shape (n,); else NaN.

    Where the true value is worse than the bound that was told, nothing is known of how much; nor
    is a value known where the outcome is not ``ok``, unless it is a bound. A table without a column
    of bounds or of outcomes has none that is a bound, or not ``ok``.
    """
    absent = {"outcome": "ok", f"{objective.name}_bound": ""}
    table = table.assign(**{name: table.get(name, value) for name, value in absent.items()})
    values = table[objective.name].to_numpy(dtype=float)
    worse = table[f"{objective.name}_bound"] == _DOUBTFUL[objective.maximise]
    return np.where(worse | _disowned(table, objective.name), math.nan, values)


def front(table: pd.DataFrame, objectives: Sequence[Objective]) -> np.ndarray:
    """Positions of the rows that no other betters in one objective without a loss in another.

    A row without a value that may be called the best (see `contenders`), of any of the objectives,
    is none of them.
    """
    from leyden.screening.pareto import pareto_front  # numba takes a second to import

    costs = [contenders(table, o) * (-1 if o.maximise else 1) for o in objectives]
    return pareto_front(np.stack(costs, axis=1))


def _disowned(table: pd.DataFrame, name: str) -> np.ndarray:
    """Rows whose value is taken back by their outcome, shape (n,)."""
    return ((table["outcome"] != "ok") & (table[f"{name}_bound"] == "")).to_numpy(dtype=bool)


def _flat(row: StoredRow, objectives: Sequence[Objective]) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "id": row.id,
        "task": row.task,
        "method": row.method,
        **row.parameters,
        "outcome": row.outcome,
        "error": row.error,
        "random_state": row.random_state,
        "seconds": row.seconds,
        "cpu_seconds": row.cpu_seconds,
        "details": json.dumps(row.details) if row.details else "",
    }
    for objective in objectives:
        found = row.results.get(objective.name, {})
        flat[objective.name] = found.get("value")
        flat[f"{objective.name}_error"] = found.get("error")
        flat[f"{objective.name}_bound"] = found.get("bound", "")
    return flat
