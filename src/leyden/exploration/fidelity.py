"""Which simulation of a row to run: the long one, or one that costs less and says less."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from leyden.errors import InputError, did_you_mean
from leyden.exploration.botorch_parts import own_randomness
from leyden.exploration.gaussian_process import jitter
from leyden.exploration.surrogate import Surrogate

__all__ = ["variance_removed"]


def variance_removed(
    surrogate: Surrogate, row: pd.DataFrame, costs: Mapping[str, float]
) -> pd.DataFrame:
    """What one run of each task would take from the variance of the campaign's own, per cost.

    A run of task t at x with noise s^2 removes cov(f(x), f_t(x))^2 / (var f_t(x) + s^2).

    Parameters
    ----------
    surrogate : Surrogate
        Fitted on observations of these tasks.
    row : DataFrame
        One row of the search space.
    costs : mapping of str to float
        Of one run, by task, in any unit; "" is the campaign's own.

    Returns
    -------
    DataFrame
        By task, best first: ``removed`` (a part of the present variance), ``cost``, ``per_cost``.

    Raises
    ------
    InputError
        More than one row, a task that was not learned, a cost that is not positive.
    """
    evidence, process = surrogate.evidence, surrogate.process
    if len(row) != 1:
        raise InputError("a fidelity is chosen for one row", value=len(row))
    for task, cost in costs.items():
        if task not in evidence.task_names:
            remedy = did_you_mean(task, evidence.task_names)
            raise InputError(
                "the surrogate has learned nothing of a task", value=task, remedy=remedy
            )
        if not cost > 0:
            raise InputError(f"the cost of task {task!r} is positive", value=cost)
    places = [evidence.task_names.index(task) for task in costs]
    point = torch.as_tensor(surrogate.space.to_unit(row)).repeat(1 + len(places), 1)
    if len(evidence.task_names) > 1:
        tasks = torch.tensor([0, *places]).to(point)
        point = torch.cat([point, tasks[:, None]], dim=1)
    with own_randomness(0), torch.no_grad():
        covariance = process(point).covariance_matrix.numpy()
    noise = jitter(process) + np.array([evidence.typical_variance(place) for place in places])
    removed = covariance[0, 1:] ** 2 / (np.diag(covariance)[1:] + noise) / covariance[0, 0]
    cost = np.array(list(costs.values()), float)
    table = pd.DataFrame(
        {"removed": removed, "cost": cost, "per_cost": removed / cost},
        index=pd.Index(list(costs), name="task"),
    )
    return table.sort_values("per_cost", ascending=False)
