"""What an exploration has taught: what matters, where the best is, and how far to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from leyden.exploration.campaign_rows import contenders
from leyden.exploration.held_out import HeldOut, cross_validated
from leyden.exploration.importance import importance
from leyden.exploration.landscapes import (
    Cut,
    IsoSurface,
    Landscape,
    cut,
    incumbent,
    landscape,
    surface_through,
)
from leyden.exploration.search_space import Objective, SearchSpace
from leyden.exploration.surrogate import Surrogate
from leyden.exploration.uphill import Uphill, best_predicted, uphill

__all__ = ["ExplorationAnalysis", "analyse", "best_found", "expected_gain"]

_MOST_IN_LANDSCAPES = 5
_FEWEST_TO_HOLD_OUT = 10
_CLOSE = 0.02
_BEST_SHARE = 0.1
_DRAWS = 1000
_TWO_SIDED_95 = 1.959964


@dataclass(frozen=True, eq=False)
class ExplorationAnalysis:
    """What was learned of one objective.

    All values are on the learned scale: the objective, or its logarithm where that is learned.

    Attributes
    ----------
    space : SearchSpace
    objective : Objective
    observations : DataFrame
    reference : DataFrame
        One row: parameters, and ``mean``, ``std``, ``low``, ``high`` there.
    reference_given : bool
        Whether somebody named it; else it is the row of which the best is expected.
    importance : DataFrame
        By parameter, the most important first: ``value``, ``low``, ``high`` of its inverse length
        scale, and ``share``, ``share_low``, ``share_high`` of
        `leyden.exploration.held_out.HeldOut` (missing when nothing was held out).
    best_found : DataFrame
        One observed row, see `best_found`.
    best_predicted : DataFrame
        One row, as `reference`.
    gain : (float, float, float)
        By how much more is expected of the best predicted row than of the reference, with its 95 %
        interval.
    incumbent : float
        The best that is expected of an observed row; improvements are over it.
    noise_std : float
        Of one more simulation about the truth.
    cuts, best_cuts : tuple of Cut
        Along every parameter, through the reference and through the best predicted row.
    best_landscape : Landscape or None
        Through the best predicted row, over the two most important parameters that have an order.
    landscapes : tuple of Landscape
        Through the reference, over all pairs of the five most important of them.
    surface : IsoSurface or None
        Through the reference, over the three most important of them; without a reference about the
        tenth of the box of which most is expected.
    uphill : Uphill or None
        From a reference that was given.
    held_out : HeldOut or None
        None with fewer than ten values.
    """

    space: SearchSpace
    objective: Objective
    observations: pd.DataFrame
    reference: pd.DataFrame
    reference_given: bool
    importance: pd.DataFrame
    best_found: pd.DataFrame
    best_predicted: pd.DataFrame
    gain: tuple[float, float, float]
    incumbent: float
    noise_std: float
    cuts: tuple[Cut, ...]
    best_cuts: tuple[Cut, ...]
    best_landscape: Landscape | None
    landscapes: tuple[Landscape, ...]
    surface: IsoSurface | None
    uphill: Uphill | None
    held_out: HeldOut | None

    def at_bounds(self) -> list[str]:
        """Parameters whose bound the best predicted row lies at: there may be better beyond."""
        point = self.space.to_unit(self.best_predicted)[0]
        return [
            p.name
            for p, place in zip(self.space, point, strict=True)
            if p.kind == "real" and min(place, 1 - place) < _CLOSE
        ]


def analyse(
    surrogate: Surrogate,
    observations: pd.DataFrame,
    *,
    reference: Mapping[str, Any] | None = None,
    folds: int = 10,
    random_state: int = 0,
) -> ExplorationAnalysis:
    """All that is asked of a surrogate and the observations that it has learned from.

    Parameters
    ----------
    surrogate : Surrogate
        Fitted.
    observations : DataFrame
        What it was fitted on.
    reference : mapping, optional
        A known row, through which cuts and landscapes are laid; its parameters by name. Default:
        the row of which the best is expected.
    folds : int
        Of the held-out predictions; 0 for none.
    random_state : int

    Raises
    ------
    InputError
        A reference that lies outside of the space.
    """
    space = surrogate.space
    observations = observations.reset_index(drop=True)
    best = best_predicted(surrogate, observations, random_state=random_state)
    row = best[space.names] if reference is None else pd.DataFrame([dict(reference)])
    space.check(row)
    row = row[space.names]
    held = None
    if folds and int(observations[surrogate.objective.name].notna().sum()) >= _FEWEST_TO_HOLD_OUT:
        held = cross_validated(surrogate, observations, folds=folds, random_state=random_state)
    matters = _matters(surrogate, held, random_state)
    kinds = {parameter.name: parameter.kind for parameter in space}
    ordered = [name for name in matters.index if kinds[name] != "categorical"]
    pairs = list(combinations(ordered[:_MOST_IN_LANDSCAPES], 2))
    gain_over = incumbent(surrogate, observations)
    top = best[space.names]
    best_cuts = tuple(cut(surrogate, top, name, best=gain_over) for name in matters.index)
    return ExplorationAnalysis(
        space=space,
        objective=surrogate.objective,
        observations=observations,
        reference=row.join(surrogate.predict(row)),
        reference_given=reference is not None,
        importance=matters,
        best_found=best_found(surrogate, observations),
        best_predicted=best,
        gain=expected_gain(surrogate, row, top, random_state=random_state),
        incumbent=gain_over,
        noise_std=surrogate.noise_std,
        cuts=best_cuts
        if reference is None
        else tuple(cut(surrogate, row, name, best=gain_over) for name in matters.index),
        best_cuts=best_cuts,
        best_landscape=landscape(surrogate, top, *pairs[0], best=gain_over) if pairs else None,
        landscapes=tuple(
            landscape(surrogate, row, *pair, best=gain_over, random_state=random_state)
            for pair in pairs
        ),
        surface=_surface(surrogate, row, ordered, _BEST_SHARE if reference is None else None),
        uphill=None if reference is None else uphill(surrogate, row, random_state=random_state),
        held_out=held,
    )


def best_found(surrogate: Surrogate, observations: pd.DataFrame) -> pd.DataFrame:
    """The best value that was observed, beside what is expected of its row.

    The best of many noisy values flatters itself; what is expected makes allowance for the noise.

    Returns
    -------
    DataFrame
        One row of `observations` with its index, of the campaign's own task and not a bound that
        the true value may be worse than; empty where there is none. With ``mean``, ``std``,
        ``low`` and ``high``.
    """
    values = pd.Series(contenders(observations, surrogate.objective), observations.index)
    if "task" in observations:
        values = values[observations["task"].fillna("") == ""]
    values = values.dropna()
    if values.empty:
        return observations.iloc[:0].assign(mean=np.nan, std=np.nan, low=np.nan, high=np.nan)
    at = values.idxmax() if surrogate.objective.maximise else values.idxmin()
    row = observations.loc[[at]]
    return row.join(surrogate.predict(row[surrogate.space.names]))


def expected_gain(
    surrogate: Surrogate, row: pd.DataFrame, best: pd.DataFrame, *, random_state: int = 0
) -> tuple[float, float, float]:
    """By how much more is expected of one row than of another, with its 95 % interval.

    Both are tables of one row; what the surrogate knows of them together is in the interval.
    """
    names = surrogate.space.names
    row, best = row[names], best[names]
    both = pd.concat([row, best], ignore_index=True)
    start, end = surrogate.predict(both)["mean"]
    draws = surrogate.sample(both, _DRAWS, random_state=random_state)
    half = _TWO_SIDED_95 * float(np.std(draws[:, 1] - draws[:, 0]))
    return float(end - start), float(end - start - half), float(end - start + half)


def _surface(
    surrogate: Surrogate, row: pd.DataFrame, ordered: list[str], share: float | None
) -> IsoSurface | None:
    if len(ordered) < 3:
        return None
    return surface_through(surrogate, row, ordered[:3], share=share)


def _matters(surrogate: Surrogate, held: HeldOut | None, random_state: int) -> pd.DataFrame:
    table = importance(surrogate, random_state=random_state)
    if held is not None and held.importance is not None:
        shares = held.importance.rename(columns={"low": "share_low", "high": "share_high"})
        table = table.join(shares)
    return table.sort_values("value", ascending=False, kind="stable")
