"""Rows whose answer is taken back, so that they are evaluated again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leyden.errors import InputError
from leyden.exploration.campaign_store import StoredRow, Transaction
from leyden.exploration.evidence import FAULTS

__all__ = ["EARLIER", "give_again"]

EARLIER = "earlier"
"""Among the details of a row: the answers that were taken back, oldest first."""

_ANSWER = ("outcome", "error", "results", "seconds", "cpu_seconds")
_WAITING: dict[str, Any] = {
    "state": "suggested",
    "worker": "",
    "deaths": 0,
    "place": None,
    "outcome": "",
    "error": "",
    "results": {},
    "seconds": None,
    "cpu_seconds": None,
}


def give_again(step: Transaction, ids: Sequence[int] | None, runs: Path) -> list[int]:
    """Make finished rows wait again, see `leyden.exploration.campaign.Campaign.retry`.

    The answer in the folder of a row goes first: a row that is still finished after that has lost
    nothing, while one that waits beside its answer would be given it at once.

    Raises
    ------
    InputError
        No such row, one of another task, or one that is not finished.
    OSError
        A folder that cannot be written.
    """
    rows = {row.id: row for row in step.rows()}
    if ids is None:
        own = (row for row in rows.values() if not row.task and row.state == "finished")
        ids = [row.id for row in own if row.outcome in FAULTS and not row.results]
    chosen = [_finished(rows.get(id), id) for id in dict.fromkeys(ids)]
    for row in chosen:
        former = {name: getattr(row, name) for name in _ANSWER}
        former["details"] = {k: v for k, v in row.details.items() if k != EARLIER}
        earlier = [*row.details.get(EARLIER, []), former]
        answer = runs / f"{row.id:04d}" / "answer.json"
        if answer.exists():
            os.replace(answer, answer.with_name(f"answer-{len(earlier)}.json"))
        step.update(row.id, **_WAITING, details={EARLIER: earlier})
    return [row.id for row in chosen]


def _finished(row: StoredRow | None, id: int) -> StoredRow:
    if row is None:
        raise InputError("the campaign has no such row", value=id, remedy="correct the id")
    if row.state != "finished" or row.task:
        what = f"of the task {row.task!r}" if row.task else row.state
        raise InputError(
            f"a row that is evaluated again is a finished one of the campaign's own; row {id} is "
            f"{what}",
            remedy="leave it out",
        )
    return row
