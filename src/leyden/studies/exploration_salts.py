"""Four salts, simulated at their own beads: their order, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.salts import salt_beads, salt_space
from leyden.physics.intervals import student_mean, welch_difference
from leyden.studies.exploration_arms import bounds_of, values_of, without_interval
from leyden.studies.exploration_seeds import judged_together

__all__ = ["SimulatedSalts", "order_of_salts", "simulated_salts"]


#: Steps in the unit cube within which beads are the same.
_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class SimulatedSalts:
    """What simulations of the salts say, given the parameters of their beads.

    Attributes
    ----------
    table : DataFrame
        Best first, index the salt: the parameters of its bead, as they were simulated, and
        ``clipped`` (what a bound of the simulator cuts of today's estimates); ``runs`` with a
        value, ``bounds`` among them (upper bounds, which count as told); ``log10_sigma`` of
        lithium, mean over seeds, ``low`` and ``high`` (95 %, Student's t; NaN where bounds are
        among the runs).
    more_than : DataFrame
        Probability that the salt of a row conducts more than that of a column, by the scatter
        between seeds alone: errors of the parameters are not in it. NaN where one has fewer than
        two runs, and where a run of the salt of the row is only an upper bound. Of the salt of the
        column, bounds are on the safe side.
    warnings : tuple of str
        Beads that are not those of today's estimates.
    """

    table: pd.DataFrame
    more_than: pd.DataFrame
    warnings: tuple[str, ...] = ()


def simulated_salts(history: pd.DataFrame) -> SimulatedSalts | None:
    """Of the campaign of salts; None while one has no value.

    A row is of the salt whose estimated bead is nearest to its own. Where rows of one salt have
    several beads, as its estimate was another in between, those of the last are told.

    Parameters
    ----------
    history : DataFrame
        As of `leyden.exploration.campaign.Campaign.history`, of the space
        `leyden.exploration.salts.salt_space`.
    """
    known = values_of(history).sort_values("id")
    beads = salt_beads()
    of_salt, warnings = _by_salt(known, beads)
    if not all(len(rows) for rows in of_salt.values()):
        return None
    by_salt = {name: rows[CONDUCTIVITY.name].to_numpy(float) for name, rows in of_salt.items()}
    bounds = {name: bounds_of(rows) for name, rows in of_salt.items()}
    means = {
        name: without_interval(student_mean(values)) if bounds[name] else student_mean(values)
        for name, values in by_salt.items()
    }
    names = list(beads.index)
    table = beads.assign(
        **{
            column: [float(of_salt[name][column].iloc[0]) for name in names]
            for column in salt_space().names
        },
        runs=[len(by_salt[name]) for name in names],
        bounds=[bounds[name] for name in names],
        log10_sigma=[means[name].value for name in names],
        low=[means[name].low for name in names],
        high=[means[name].high for name in names],
    ).sort_values("log10_sigma", ascending=False, kind="stable")
    chances = [
        [
            np.nan
            if row == column or bounds[row]
            else welch_difference(by_salt[row], by_salt[column])[1]
            for column in table.index
        ]
        for row in table.index
    ]
    more_than = pd.DataFrame(chances, index=table.index, columns=list(table.index))
    return SimulatedSalts(table, more_than, warnings)


def order_of_salts(found: SimulatedSalts, sure: float = 0.975) -> str:
    """The order in words: > where the first conducts more at this probability, else ~.

    Of a salt that has only bounds "at most" is said: its place is the highest that it may have.
    """
    names = list(found.table.index)
    told = {
        name: f"{name} (at most)" if found.table.loc[name, "bounds"] else name for name in names
    }
    words = told[names[0]]
    for first, second in pairwise(names):
        certain = found.more_than.loc[first, second] >= sure
        words += f" {'>' if certain else '~'} {told[second]}"
    return words


def _by_salt(
    rows: pd.DataFrame, beads: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Rows of each salt, of one bead each, and what is to be said of them."""
    space = salt_space()
    points, estimates = (space.to_unit(table[space.names]) for table in (rows, beads))
    apart = np.abs(points[:, None] - estimates[None]).max(axis=2)
    nearest = apart.argmin(axis=1)
    of_salt, warnings = {}, []
    for place, name in enumerate(map(str, beads.index)):
        own = nearest == place
        last = points[own][-1:]
        same = own & (np.abs(points - last).max(axis=1) < _SAME) if len(last) else own
        of_salt[name] = judged_together(rows[same])
        if len(last) and apart[same, place].max() > _SAME:
            warnings.append(f"{name} was simulated with another bead than today's estimate")
        if (own & ~same).any():
            count = int((own & ~same).sum())
            warnings.append(f"{count} simulations of {name} are left out: they had another bead")
    return of_salt, tuple(warnings)
