"""Which rows a campaign tries next: those of a design first, then what a surrogate proposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from leyden.exploration.campaign_rows import observations_of
from leyden.exploration.campaign_store import StoredRow
from leyden.exploration.evidence import FAULTS
from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["DESIGNS", "next_rows", "seed_of"]

DESIGNS = ("random", "sobol")
"""Methods that look at no result."""

_FEWEST = 2
"""Values from which a surrogate learns anything."""


def seed_of(random_state: int, id: int) -> int:
    """The seed of a row: 31 bits, another for each row and campaign."""
    return int(np.random.SeedSequence([random_state, id]).generate_state(1)[0] >> 1)


def next_rows(
    known: Sequence[StoredRow],
    n: int,
    space: SearchSpace,
    objectives: Sequence[Objective],
    method: str,
    initial: int,
    random_state: int,
) -> list[tuple[str, dict[str, Any]]]:
    """The method and the parameters of the next n rows; equal rows known, equal rows next.

    Parameters
    ----------
    known : sequence of StoredRow
        All rows of the campaign.
    n : int
    space, objectives, method, initial, random_state
        Those of the campaign.
    """
    design = method if method in DESIGNS else DESIGNS[0]
    done = sum(row.method == design and not row.task for row in known)
    observations = observations_of(
        [row for row in known if row.state == "finished"], space, objectives
    )
    values = observations[[objective.name for objective in objectives]].notna().all(axis=1)
    too_few = int(values.sum()) < _FEWEST
    begun = done + _tried_by_hand(known, (design, method))
    designed = n if method in DESIGNS or too_few else min(n, max(initial - begun, 0))
    draw = space.sobol if design == "sobol" else space.random
    rows = draw(done + designed, random_state)[done:] if designed else pd.DataFrame()
    chosen = [(design, row) for row in _plain(rows, space)]
    if designed < n:
        pending = [row.parameters for row in known if _open(row)]
        pending += [row for _, row in chosen]
        rows = _proposed(
            observations,
            pd.DataFrame(pending, columns=space.names),
            n - designed,
            space,
            objectives,
            method,
            seed_of(random_state, len(known) + 1),
        )
        chosen += [(method, row) for row in _plain(rows, space)]
    return chosen


def _tried_by_hand(known: Sequence[StoredRow], own: Sequence[str]) -> int:
    """How many different rows were told or given by the user; what tells nothing does not count."""
    tried = [
        row.parameters
        for row in known
        if row.method not in own
        and not row.task
        and row.state != "withdrawn"
        and row.outcome not in FAULTS
    ]
    return len({tuple(sorted(parameters.items())) for parameters in tried})


def _open(row: StoredRow) -> bool:
    """Whether a row may still give a value: it is at work, or failed for no reason of its own.

    Of the latter nothing was learned, so that it would be proposed again and again.
    """
    return row.state in ("suggested", "running") or (
        not row.task and row.outcome in FAULTS and not row.results
    )


def _proposed(
    observations: pd.DataFrame,
    pending: pd.DataFrame,
    n: int,
    space: SearchSpace,
    objectives: Sequence[Objective],
    method: str,
    random_state: int,
) -> pd.DataFrame:
    from leyden.exploration.batches import propose
    from leyden.exploration.surrogate import Surrogate

    surrogates = [
        Surrogate(space, objective, random_state=random_state).fit(observations)
        for objective in objectives
    ]
    return propose(surrogates, observations, pending, n, method=method, random_state=random_state)


def _plain(rows: pd.DataFrame, space: SearchSpace) -> list[dict[str, Any]]:
    """Rows of Python's own numbers."""
    names = space.names if len(rows) else []
    return [
        {
            str(name): value.item() if hasattr(value, "item") else value
            for name, value in row.items()
        }
        for row in rows[names].to_dict("records")
    ]
