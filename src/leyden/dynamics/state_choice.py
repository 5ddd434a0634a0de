"""How many states: the fewest that foresee themselves, by score and Chapman-Kolmogorov test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from leyden.dynamics.dynamics_model import DynamicsModel
from leyden.dynamics.pairs import Observed
from leyden.dynamics.vamp_network import VampNetwork
from leyden.errors import InputError

__all__ = ["StateChoice", "choose_states"]


@dataclass(frozen=True, eq=False)
class StateChoice:
    """Models of different numbers of states, side by side.

    Attributes
    ----------
    table : DataFrame
        One row a number of states: ``states``; ``score`` on later time; ``slowest_ps`` and
        ``fastest_ps``, relaxations at the lag of the training; ``ck_error`` and
        ``ck_consistent``, of the Chapman-Kolmogorov test; ``collapsed``, why the states are none.
        What a collapsed model has not is NaN.
    models : dict of int to DynamicsModel
        Those that did not collapse.
    chosen : int or None
        The fewest states whose model passes the Chapman-Kolmogorov test; None if none does.
    """

    table: pd.DataFrame
    models: dict[int, DynamicsModel]
    chosen: int | None


def choose_states(
    estimator: VampNetwork,
    observed: Observed | Sequence[Observed],
    candidates: Sequence[int] = (2, 3, 4),
    *,
    tested: Observed | Sequence[Observed] | None = None,
    multiples: int = 5,
    checkpoint: Path | str | None = None,
    progress: bool = False,
) -> StateChoice:
    """Fit one model for each number of states.

    Parameters
    ----------
    estimator : VampNetwork
        Its `states` are replaced by each candidate.
    observed : Observed or sequence of Observed
        As of `VampNetwork.fit`.
    candidates : sequence of int
    tested : Observed or sequence of Observed, optional
        Trajectories for the Chapman-Kolmogorov test; by default those of the fit, which flatter.
    multiples : int
        Of the lag, in that test.
    checkpoint : path, optional
        One file a number of states and restart.
    progress : bool

    Returns
    -------
    StateChoice

    Notes
    -----
    The rule of T. Xie's thesis (MIT 2020), section 4.2.3: the smallest dimension that fulfils the
    Chapman-Kolmogorov equation within statistical uncertainty.
    """
    numbers = sorted({int(number) for number in candidates})
    if not numbers or numbers[0] < 2:
        raise InputError("candidates are numbers of states, at least 2", value=candidates)
    rows, models = [], {}
    for number in numbers:
        path = None if checkpoint is None else f"{checkpoint}.states{number}"
        attempts = (
            clone(estimator)
            .set_params(states=number)
            .attempts(observed, checkpoint=path, progress=progress)
        )
        best = max(attempts, key=lambda model: (not model.collapsed, model.score))
        rows.append({"states": number, "score": best.score, **_found(best, tested, multiples)})
        if not best.collapsed:
            models[number] = best
    table = pd.DataFrame(rows)
    good = table.loc[table["ck_consistent"], "states"]
    return StateChoice(table, models, int(good.iloc[0]) if len(good) else None)


def _found(model: DynamicsModel, tested: Any, multiples: int) -> dict[str, Any]:
    if model.collapsed:
        nothing = dict.fromkeys(("slowest_ps", "fastest_ps", "ck_error"), np.nan)
        return {**nothing, "ck_consistent": False, "collapsed": model.collapsed}
    kinetics = model.kinetics(tested)
    test, times = kinetics.ck_test(multiples), kinetics.koopman().timescales_ps
    return {
        "slowest_ps": times[0],
        "fastest_ps": times[-1],
        "ck_error": test.error,
        "ck_consistent": bool(test.consistent.all()),
        "collapsed": "",
    }
