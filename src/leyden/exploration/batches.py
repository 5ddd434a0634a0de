"""The next rows to try, one after the other or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden.errors import InputError, did_you_mean
from leyden.exploration.search_space import SearchSpace

if TYPE_CHECKING:
    from leyden.exploration.acquisition import Beliefs
    from leyden.exploration.surrogate import Surrogate

__all__ = ["METHODS", "propose"]

METHODS = (
    "random",
    "sobol",
    "expected improvement",
    "noisy expected improvement",
    "local penalisation",
    "joint batch",
    "hypervolume",
)
"""How rows can be proposed; the last is for several objectives, those before it for one."""

_GOOD_ROWS = 8


def propose(
    surrogates: Sequence[Surrogate],
    observations: pd.DataFrame,
    pending: pd.DataFrame | None,
    n: int,
    *,
    method: str,
    random_state: int,
) -> pd.DataFrame:
    """The next n rows to try.

    Parameters
    ----------
    surrogates : sequence of Surrogate
        One an objective, fitted on `observations` (random and Sobol rows need no fit).
    observations : DataFrame
        As for `Surrogate.fit`; its outcomes tell where rows are likely to give no value.
    pending : DataFrame, optional
        Rows already at work, of which no result is known yet.
    n : int
    method : str
        One of `METHODS`.
    random_state : int

    Returns
    -------
    DataFrame
        A column a parameter, in the search space.

    Raises
    ------
    InputError
        An unknown method, one that is not for this number of objectives, n below 1, or a surrogate
        that is not fitted.

    Notes
    -----
    ``local penalisation`` is the published choice. ``expected improvement``, ``noisy expected
    improvement`` and ``hypervolume`` take rows one after the other, each in view of those before;
    ``joint batch`` moves all n at once, from where local penalisation has put them.
    """
    if method not in METHODS:
        raise InputError("not a way to propose", value=method, remedy=did_you_mean(method, METHODS))
    if n < 1:
        raise InputError("one row at least is proposed", value=n)
    if not surrogates:
        raise InputError("a proposal rests on one surrogate an objective", value=0)
    space = surrogates[0].space
    if method == "random":
        return space.random(n, random_state)
    if method == "sobol":
        return space.sobol(n, random_state)
    if (method == "hypervolume") != (len(surrogates) > 1):
        raise InputError(
            f"{method} is not for {len(surrogates)} objective(s)",
            value=[surrogate.objective.name for surrogate in surrogates],
            remedy="take 'hypervolume' for several, another method for one",
        )
    return _best_rows(space, surrogates, observations, pending, n, method, random_state)


def _best_rows(
    space: SearchSpace,
    surrogates: Sequence[Surrogate],
    observations: pd.DataFrame,
    pending: pd.DataFrame | None,
    n: int,
    method: str,
    random_state: int,
) -> pd.DataFrame:
    import torch

    from leyden.exploration import acquisition
    from leyden.exploration.botorch_parts import own_randomness
    from leyden.exploration.inner_search import best_points

    worth_of = {
        "expected improvement": acquisition.expected_improvement,
        "noisy expected improvement": acquisition.noisy_improvement,
        "local penalisation": acquisition.local_penalisation,
        "joint batch": acquisition.local_penalisation,
        "hypervolume": acquisition.hypervolume,
    }[method]
    beliefs = _beliefs(space, surrogates, observations, random_state)
    at_work = np.empty((0, len(space))) if pending is None else space.to_unit(pending)
    taken = at_work
    with own_randomness(random_state):
        near = _good_points(beliefs)
        for place in range(n):
            worth = worth_of(beliefs, torch.as_tensor(taken))
            seed = random_state + place
            taken = np.concatenate([taken, best_points(worth, space, near, random_state=seed)])
        points = taken[len(at_work) :]
        if method == "joint batch":
            worth = acquisition.noisy_improvement(beliefs, torch.as_tensor(at_work))
            points = best_points(worth, space, near, random_state=random_state, first=points)
    return space.from_unit(points)


def _beliefs(
    space: SearchSpace,
    surrogates: Sequence[Surrogate],
    observations: pd.DataFrame,
    random_state: int,
) -> Beliefs:
    import torch

    from leyden.exploration.acquisition import Beliefs
    from leyden.exploration.success import Success

    evidences = [surrogate.evidence for surrogate in surrogates]
    own = np.concatenate([told.points[told.tasks == 0] for told in evidences])
    return Beliefs(
        space=space,
        processes=tuple(surrogate.process for surrogate in surrogates),
        success=Success(space, random_state=random_state).fit(observations),
        observed=torch.as_tensor(np.unique(own, axis=0)),
        random_state=random_state,
    )


def _good_points(beliefs: Beliefs) -> np.ndarray:
    """Observed points with the best posterior means, of each objective."""
    import torch

    from leyden.exploration.marginals import Marginals

    means = [Marginals(process)(beliefs.observed)[0] for process in beliefs.processes]
    best = torch.cat([mean.argsort(descending=True)[:_GOOD_ROWS] for mean in means])
    return beliefs.observed[best.unique()].numpy()
