"""What the campaigns of the anion space found: reference, gain, progress.

Functions of tables of rows, as campaigns give them; nothing is simulated or read here. An upper
bound is told among values, and nothing is judged by it that a lower true value would undo. Seeds of
one row are judged together (`leyden.studies.exploration_seeds`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2

from leyden.exploration.best_so_far import best_of_any_order, best_of_repeats
from leyden.exploration.campaign_rows import contenders
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.physics.intervals import Estimate, student_mean, welch_difference
from leyden.studies.exploration_seeds import judged_together

if TYPE_CHECKING:
    from leyden.exploration.surrogate import Surrogate

__all__ = [
    "Gain",
    "Reference",
    "bounds_of",
    "gain_of",
    "progress_of",
    "reference_of",
    "values_of",
    "without_interval",
]


@dataclass(frozen=True)
class Reference:
    """Simulations of the reference with several seeds.

    Attributes
    ----------
    runs, bounds : int
        Runs with a value, and those among them that only bound it from above.
    S_per_cm : Estimate
        Geometric mean of the lithium conductivity; 95 % interval by Student's t of log10, NaN where
        a run only bounds it.
    told : float
        Relative standard error that a run knows of itself, root mean square.
    scatter : Estimate
        Relative standard deviation between seeds, which is the standard error of one run; 95 %
        interval by chi squared, NaN where a run is only a bound.
    cpu_seconds : Estimate
        Of LAMMPS in all runs, with a value or without; mean with its 95 % interval.
    slowest : float
        The most of them.
    """

    runs: int
    bounds: int
    S_per_cm: Estimate
    told: float
    scatter: Estimate
    cpu_seconds: Estimate
    slowest: float


@dataclass(frozen=True)
class Gain:
    """Replicates of the optimum of the optimisation against those of random search.

    Attributes
    ----------
    log10 : Estimate
        Difference of mean log10 conductivities; 95 % interval of Welch.
    runs : (int, int)
        Of the optimisation, of random search.
    bounds : (int, int)
        Upper bounds among them, which count as told.
    """

    log10: Estimate
    runs: tuple[int, int]
    bounds: tuple[int, int]

    @property
    def shows_more(self) -> bool:
        """Whether the optimum of the optimisation conducts more; its bounds could hide that not."""
        return self.log10.low > 0 and not self.bounds[0]

    @property
    def shows_less(self) -> bool:
        """Whether it conducts less; bounds of random search could hide that not."""
        return self.log10.high < 0 and not self.bounds[1]


def values_of(table: pd.DataFrame) -> pd.DataFrame:
    """Rows that have a value, bounds among them."""
    return table[table[CONDUCTIVITY.name].notna()]


def reference_of(history: pd.DataFrame) -> Reference | None:
    """What several seeds of one row tell; None without two values.

    Parameters
    ----------
    history : DataFrame
        As of `leyden.exploration.campaign.Campaign.history`.
    """
    rows = judged_together(values_of(history))
    if len(rows) < 2:
        return None
    values = rows[CONDUCTIVITY.name].to_numpy(float)
    errors = rows[f"{CONDUCTIVITY.name}_error"].to_numpy(float)
    freedom, bounds = len(values) - 1, bounds_of(rows)
    spread = math.log(10) * float(values.std(ddof=1))
    ends = [spread * math.sqrt(freedom / chi2.ppf(tail, freedom)) for tail in (0.975, 0.025)]
    mean = Estimate(*(10.0**end for end in student_mean(values)))
    scatter = Estimate(spread, float(ends[0]), float(ends[1]))
    spent = history["cpu_seconds"].dropna().to_numpy(float)
    return Reference(
        runs=len(rows),
        bounds=bounds,
        S_per_cm=without_interval(mean) if bounds else mean,
        told=math.log(10) * float(np.sqrt(np.mean(errors**2))),
        scatter=without_interval(scatter) if bounds else scatter,
        cpu_seconds=student_mean(spent),
        slowest=float(spent.max()),
    )


def gain_of(proposed: pd.DataFrame, random: pd.DataFrame) -> Gain | None:
    """Of replicates of the two optima; None where an arm has fewer than two values."""
    both = [judged_together(values_of(table)) for table in (proposed, random)]
    if min(map(len, both)) < 2:
        return None
    values = [rows[CONDUCTIVITY.name].to_numpy(float) for rows in both]
    difference, _ = welch_difference(*values)
    return Gain(
        difference,
        (len(both[0]), len(both[1])),
        (bounds_of(both[0]), bounds_of(both[1])),
    )


def progress_of(
    arms: Sequence[tuple[str, pd.DataFrame]], shared: int, surrogate: Surrogate | None = None
) -> pd.DataFrame:
    """The best so far against the number of evaluations (figure 5-2c).

    Random rows could have come in any order, hence the median and band over all orders; of the
    arm that learned, the shared rows have come first, and the line is as it was.

    Parameters
    ----------
    arms : sequence of (str, DataFrame)
        Name and observations by id; the first is that of random search.
    shared : int
        First rows of both arms.
    surrogate : Surrogate, optional
        By which rows are judged; else by their values, of which the best has had luck.

    Returns
    -------
    DataFrame
        ``arm``, ``evaluations``, ``best``, ``low``, ``high``.
    """
    curves = []
    for place, (name, table) in enumerate(arms):
        values = contenders(table, CONDUCTIVITY)
        if surrogate is not None and len(table):
            judged = surrogate.predict(table[surrogate.space.names])["mean"].to_numpy()
            values = np.where(np.isnan(values), np.nan, judged)
        if place == 0:
            curve = best_of_any_order(values)
        else:
            curve = best_of_repeats([values])
            curve = curve[curve["evaluations"] >= shared]
        curves.append(curve.assign(arm=name))
    return pd.concat(curves, ignore_index=True)


def bounds_of(rows: pd.DataFrame) -> int:
    """How many rows are only bounds."""
    return int((rows[f"{CONDUCTIVITY.name}_bound"] != "").sum())


def without_interval(estimate: Estimate) -> Estimate:
    """A value that is told and from which nothing follows: bounds are among what it is made of."""
    return Estimate(estimate.value, math.nan, math.nan)
