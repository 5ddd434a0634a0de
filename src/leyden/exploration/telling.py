"""How told rows find their place among those of a campaign."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leyden.errors import InputError
from leyden.exploration.campaign_store import StoredRow, Transaction
from leyden.exploration.next_rows import seed_of
from leyden.exploration.search_space import SearchSpace
from leyden.exploration.told_rows import WITHDRAWN, ToldRow

__all__ = ["Told", "accept"]

_CLOSE = 1e-9
"""Relative to the value: what a spreadsheet may have rounded."""


@dataclass(frozen=True)
class Told:
    """What became of the rows of a `Campaign.tell`.

    Attributes
    ----------
    new : int
        Rows that were kept.
    known : int
        Rows that had been told before.
    waiting : int
        Rows of a file that have no result yet.
    """

    new: int
    known: int
    waiting: int = 0


def accept(
    step: Transaction,
    told: Sequence[ToldRow],
    space: SearchSpace,
    random_state: int,
    replicate: bool,
    *,
    file: object = None,
) -> int:
    """Keep told rows, in one step; returns how many were not known.

    Raises
    ------
    InputError
        A row that is not there, is at work, has other parameters, or has another value.
    """
    rows = {row.id: row for row in step.rows()}
    new = 0
    for each in told:
        try:
            target = _target(each, rows, space)
            parameters = each.parameters if target is None else target.parameters
            assert parameters is not None, "told_rows has seen an id or parameters"
            if target is not None and target.state == "finished":
                alike = _alike(each.task or target.task, parameters, rows, space)
                if any(_same(row, each) for row in alike):
                    continue
                if not replicate:
                    raise _another_value(target, each)
                target = None
        except InputError as error:
            raise error.at(file=file, row=each.number) from None
        stored = _keep(step, each, target, parameters, rows, random_state)
        rows[stored.id] = stored
        new += 1
    return new


def _target(told: ToldRow, rows: Mapping[int, StoredRow], space: SearchSpace) -> StoredRow | None:
    """The row that is meant; None for a new one."""
    row = None if told.id is None else rows.get(told.id)
    if row is not None:
        if told.parameters is not None and not _same_place(told.parameters, row.parameters, space):
            raise InputError(
                f"row {row.id} of the campaign has other parameters: {row.parameters}",
                value=told.parameters,
                remedy="leave the id out to tell an experiment of your own",
            )
        if row.state == "running":
            raise InputError(
                f"row {row.id} is being evaluated by {row.worker}",
                remedy="wait for it, or tell yours without the id and as a replicate",
            )
        return row
    if told.parameters is None:
        raise InputError(
            f"the campaign has no row {told.id}",
            remedy="correct the id, or give the parameters of an experiment of your own",
        )
    alike = _alike(told.task, told.parameters, rows, space)
    waiting = [row for row in alike if row.state == "suggested"]
    if told.id is None:
        return next(iter(waiting or [row for row in alike if row.state == "finished"]), None)
    if waiting:
        raise InputError(
            f"the campaign has no row {told.id}, and suggested these parameters as row "
            f"{waiting[0].id}",
            remedy="correct the id",
        )
    return None


def _keep(
    step: Transaction,
    told: ToldRow,
    target: StoredRow | None,
    parameters: dict[str, Any],
    rows: Mapping[int, StoredRow],
    random_state: int,
) -> StoredRow:
    withdrawn = told.outcome == WITHDRAWN
    measured = ("seconds", "cpu_seconds", "details")
    facts: dict[str, Any] = {name: told.facts[name] for name in measured if name in told.facts}
    changes: dict[str, Any] = {
        "state": "withdrawn" if withdrawn else "finished",
        "outcome": told.outcome,
        "error": told.error,
        "results": told.results,
        "place": None if withdrawn else step.next_place(),
        **facts,
    }
    if target is not None:
        step.update(target.id, **changes)
        return StoredRow(**{**vars(target), **changes})
    id = told.id if told.id is not None and told.id not in rows else step.next_id()
    made = {
        "id": id,
        "task": told.task,
        "method": told.facts.get("method", "own"),
        "parameters": parameters,
        "random_state": told.facts.get("random_state", seed_of(random_state, id)),
        "asked_by": "hand",
        **changes,
    }
    step.insert(**made)
    return StoredRow(**made)


def _alike(
    task: str, parameters: Mapping[str, Any], rows: Mapping[int, StoredRow], space: SearchSpace
) -> list[StoredRow]:
    """Rows of a task with these parameters."""
    return [
        row
        for row in rows.values()
        if row.task == task and _same_place(row.parameters, parameters, space)
    ]


def _same_place(a: Mapping[str, Any], b: Mapping[str, Any], space: SearchSpace) -> bool:
    for parameter in space.parameters:
        one, other = a[parameter.name], b[parameter.name]
        if parameter.kind == "categorical":
            if str(one) != str(other):
                return False
        elif not math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE * abs(parameter.high)):
            return False
    return True


def _same(row: StoredRow, told: ToldRow) -> bool:
    """Whether a finished row says what is told."""
    if row.state != "finished" or row.outcome != told.outcome:
        return False
    return row.results.keys() == told.results.keys() and all(
        _close(row.results[name], told.results[name]) for name in told.results
    )


def _close(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    errors = [found["error"] for found in (a, b) if found["error"] is not None]
    return (
        a["bound"] == b["bound"]
        and math.isclose(a["value"], b["value"], rel_tol=_CLOSE)
        and (len(errors) < 2 or math.isclose(*errors, rel_tol=_CLOSE))
    )


def _another_value(row: StoredRow, told: ToldRow) -> InputError:
    def shown(outcome: str, results: Mapping[str, Mapping[str, Any]]) -> str:
        sign = {"": "=", "above": ">", "below": "<"}
        values = [f"{name} {sign[r['bound']]} {r['value']:.10g}" for name, r in results.items()]
        return ", ".join(values if outcome == "ok" else [outcome, *values])

    return InputError(
        f"row {row.id} of the campaign is known with another result: "
        f"{shown(row.outcome, row.results)} there, {shown(told.outcome, told.results)} here",
        remedy="correct the row; or, if it was measured twice, tell it as a replicate "
        "(replicate=True, --replicate)",
    )
