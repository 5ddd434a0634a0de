"""Four salts, simulated at their own beads: their order, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.salts import SALTS, measured_salts, salt_beads
from leyden.physics.intervals import student_mean, welch_difference
from leyden.studies.exploration_arms import values_of

__all__ = ["SimulatedSalts", "order_of_salts", "simulated_salts"]


@dataclass(frozen=True, eq=False)
class SimulatedSalts:
    """What simulations of the salts say, given the parameters of their beads.

    Attributes
    ----------
    table : DataFrame
        Best first, index the salt: the parameters of its bead and ``clipped``; ``runs`` with a
        value, ``bounds`` among them (upper bounds, which count as told); ``log10_sigma`` of
        lithium, mean over seeds, ``low`` and ``high`` (95 %, Student's t); what was measured, as of
        `leyden.exploration.salts.measured_salts`.
    more_than : DataFrame
        Probability that the salt of a row conducts more than that of a column, by the scatter
        between seeds alone: errors of the parameters are not in it. NaN where one has fewer than
        two runs.
    """

    table: pd.DataFrame
    more_than: pd.DataFrame


def simulated_salts(history: pd.DataFrame) -> SimulatedSalts | None:
    """Of the campaign of salts, whose rows are the salts in turn; None while one has no value.

    Parameters
    ----------
    history : DataFrame
        As of `leyden.exploration.campaign.Campaign.history`.
    """
    known = values_of(history)
    names = list(SALTS)
    which = np.array([names[(row - 1) % len(names)] for row in known["id"]], dtype=object)
    of_salt = {name: known[which == name] for name in names}
    if not all(len(rows) for rows in of_salt.values()):
        return None
    by_salt = {name: rows[CONDUCTIVITY.name].to_numpy(float) for name, rows in of_salt.items()}
    bound = f"{CONDUCTIVITY.name}_bound"
    means = {name: student_mean(values) for name, values in by_salt.items()}
    table = salt_beads().assign(
        runs=[len(by_salt[name]) for name in names],
        bounds=[int((of_salt[name][bound] != "").sum()) for name in names],
        log10_sigma=[means[name].value for name in names],
        low=[means[name].low for name in names],
        high=[means[name].high for name in names],
    )
    table = table.join(measured_salts()).sort_values("log10_sigma", ascending=False, kind="stable")
    chances = [
        [
            np.nan if row == column else welch_difference(by_salt[row], by_salt[column])[1]
            for column in table.index
        ]
        for row in table.index
    ]
    more_than = pd.DataFrame(chances, index=table.index, columns=list(table.index))
    return SimulatedSalts(table, more_than)


def order_of_salts(found: SimulatedSalts, sure: float = 0.975) -> str:
    """The order in words: > where the first conducts more at this probability, else ~."""
    names = list(found.table.index)
    words = names[0]
    for first, second in pairwise(names):
        certain = found.more_than.loc[first, second] >= sure
        words += f" {'>' if certain else '~'} {second}"
    return words
