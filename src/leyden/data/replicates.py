"""How far measurements of one thing lie apart: the floor of what a model of them can reach."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leyden.data.columns import LOG10
from leyden.data.ionic_liquids import cleaned_rows
from leyden.data.liquid_checks import state_labels
from leyden.data.liquid_sources import measured_rows

__all__ = ["replicate_spread"]


def replicate_spread(target: str, *, draws: int = 1000, random_state: int = 0) -> pd.DataFrame:
    """The spread of replicate measurements of an ionic liquid, before and after the cleaning.

    Replicates are sets of one pair at one temperature (to 0.1 K) and pressure; where the source
    does not tell its sets (heat capacity, surface tension), rows are. The spread is the standard
    deviation (n - 1) at a state point, averaged over state points.

    Parameters
    ----------
    target : str
        One of `leyden.data.ionic_liquids.IONIC_LIQUID_TARGETS`.
    draws : int
        Bootstrap draws of pairs, for the interval.
    random_state : int

    Returns
    -------
    DataFrame
        Rows ``"measured"`` and ``"cleaned"``; columns ``spread``, ``low``, ``high`` (95 %
        interval), ``median``, ``state_points`` and ``pairs``. The unit is that of a ``log10_``
        target; otherwise it is relative to the mean. NaN where nothing was measured twice.

    Raises
    ------
    InputError
        Another target; the data are not there.
    """
    stages = {"measured": measured_rows(target), "cleaned": cleaned_rows(target)}
    return pd.DataFrame(
        {name: _spread(rows, target, draws, random_state) for name, rows in stages.items()}
    ).T


def _spread(rows: pd.DataFrame, target: str, draws: int, random_state: int) -> pd.Series:
    rows = rows[rows["value"] > 0]  # a conductivity of zero has no logarithm
    value = np.log10(rows["value"]) if target.startswith(LOG10) else rows["value"]
    sets = rows["set_id"].where(rows["set_id"] != "", rows.index.astype(str))
    labels = state_labels(rows)
    each = value.groupby([*labels, sets.rename("set")]).median()
    points = each.groupby(level=[0, 1, 2]).agg(["std", "mean", "size"])
    points = points[points["size"] > 1]
    spread = points["std"] if target.startswith(LOG10) else points["std"] / points["mean"]
    pairs = spread.groupby(level=0).agg(["sum", "size"])
    low = high = np.nan
    if len(pairs):
        random = np.random.default_rng(random_state)
        drawn = pairs.to_numpy()[random.integers(len(pairs), size=(draws, len(pairs)))].sum(axis=1)
        low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return pd.Series(
        {
            "spread": spread.mean(),
            "low": low,
            "high": high,
            "median": spread.median(),
            "state_points": len(spread),
            "pairs": len(pairs),
        }
    )
