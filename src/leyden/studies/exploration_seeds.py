"""Simulations of one row with several seeds: whether lithium diffuses is asked of all together."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.simulators.polymer_outcome import Outcome, verdict

__all__ = ["judged_together"]

_ASKED = (Outcome.OK, Outcome.GLASSY)
_SIGNS = ("slope_Li", "slope_kept_Li", "slope_kept_Li_error", "moved_Li")
_OF_OTHER_OUTCOMES = {"closest": math.inf, "ion_structure_factor": 0.0, "ion_cluster_share": 0.0}


def judged_together(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one point of a space, with the verdict on diffusion that all of them speak for.

    Diffusion is a property of the row and not of its seed. One run of 2 ns knows its own slope with
    an error, and calls some rows glassy by chance that are not, and lets pass some that are; the
    mean of several runs, weighted by their errors, knows it better. Where it speaks for diffusion
    no value is a bound for want of it, and else all are.

    Parameters
    ----------
    rows : DataFrame
        As of `leyden.exploration.campaign.Campaign.history`; its ``details`` hold the signs of
        `leyden.simulators.polymer_outcome.judge`.

    Returns
    -------
    DataFrame
        The same rows; ``outcome`` and the bound are changed of those that were ``ok`` or glassy.
        As it was where one of these tells no signs, or where there are fewer than two.
    """
    asked = rows["outcome"].isin(_ASKED) & rows[CONDUCTIVITY.name].notna()
    signs = _signs(rows[asked])
    if signs is None or len(signs) < 2:
        return rows
    outcome, _ = verdict(_mean(signs) | _OF_OTHER_OUTCOMES)
    judged = rows.copy()
    judged.loc[asked, "outcome"] = str(outcome)
    judged.loc[asked, f"{CONDUCTIVITY.name}_bound"] = "" if outcome is Outcome.OK else "below"
    return judged


def _mean(signs: pd.DataFrame) -> dict[str, float]:
    """Means over runs; a share of the slope that is hardly known has little weight."""
    mean = {name: float(signs[name].mean()) for name in _SIGNS}
    errors = signs["slope_kept_Li_error"].to_numpy()
    if (errors > 0).all():
        weights = errors**-2 / (errors**-2).sum()
        mean["slope_kept_Li"] = float(weights @ signs["slope_kept_Li"])
        mean["slope_kept_Li_error"] = float((errors**-2).sum() ** -0.5)
    return mean


def _signs(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Those that tell of diffusion, a row a run; None where a run tells none."""
    found: list[dict[str, Any]] = [
        json.loads(text or "{}") for text in rows.get("details", pd.Series("", rows.index))
    ]
    if not all(name in one for one in found for name in _SIGNS):
        return None
    return pd.DataFrame([{name: float(one[name]) for name in _SIGNS} for one in found])
