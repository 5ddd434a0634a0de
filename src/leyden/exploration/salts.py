"""Four salts in poly(ethylene oxide): what the surrogate expects of them, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from leyden.exploration.anion_parameters import (
    BEAD_COLUMNS,
    SIMULATED_BOUNDS,
    TFSI,
    anion_descriptors,
    bead_parameters,
    factor_draws,
)
from leyden.exploration.decoding import AnionSurrogate, distance_from_explored, factor_swings
from leyden.exploration.search_space import Parameter, SearchSpace
from leyden.simulators.polymer_electrolyte import SEARCH_SPACES

__all__ = [
    "EO_PER_LI",
    "MOST_CLIPPED",
    "SALTS",
    "JointSurrogate",
    "Measurement",
    "Salt",
    "SaltComparison",
    "compare_salts",
    "measured_salts",
    "salt_beads",
    "salt_space",
]

#: Where the salts were measured.
EO_PER_LI = 20.0
#: Share of draws that bounds of the search space may cut before a salt has no probability.
MOST_CLIPPED = 0.2


class Measurement(NamedTuple):
    """A conductivity as it was measured, all ions together, in poly(ethylene oxide)."""

    conductivity_S_per_cm: float
    temperature_K: float
    eo_per_li: float
    doi: str


class Salt(NamedTuple):
    """A lithium salt by its anion; a measurement, or why there is none."""

    anion: str
    measured: Measurement | None
    remark: str


#: The salts of figure 5-5 of the thesis. Values as transcribed in the table of experiments behind
#: G. Bradford et al., ACS Cent. Sci. 9, 206 (2023), doi 10.1021/acscentsci.2c01123; we have not
#: seen the papers themselves. The three were measured at one temperature and concentration, LiTFSI
#: and LiFSI in one laboratory.
SALTS: Mapping[str, Salt] = {
    "LiTFSI": Salt(
        TFSI,
        Measurement(1.006e-3, 353.15, 20.0, "10.1016/j.electacta.2014.04.099"),
        "PEO of 5e6 g/mol",
    ),
    "LiFSI": Salt(
        "O=S(=O)(F)[N-]S(=O)(=O)F",
        Measurement(1.195e-3, 353.15, 20.0, "10.1016/j.electacta.2014.04.099"),
        "PEO of 5e6 g/mol",
    ),
    "LiPF6": Salt(
        "F[P-](F)(F)(F)(F)F",
        Measurement(1.968e-4, 353.15, 20.0, "10.1016/S0167-2738(00)00594-4"),
        "PEO of 4e6 g/mol; another laboratory",
    ),
    "LiCl": Salt(
        "[Cl-]",
        None,
        "the one series found has EO:Li 0.43 (53 mol/kg): mostly salt, not an electrolyte of these",
    ),
}


def salt_beads(li_per_eo: float = 1 / EO_PER_LI) -> pd.DataFrame:
    """The salts as beads, as far as the simulator takes them and not as the search space ends.

    Returns
    -------
    DataFrame
        Index the salt: `BEAD_COLUMNS`, ``clipped`` (what a bound of the simulator has cut) and
        ``li_per_eo``. For TFSI, the reference exactly.
    """
    anions = anion_descriptors([salt.anion for salt in SALTS.values()])
    anions.index = pd.Index(SALTS, name="salt")
    return bead_parameters(anions, bounds=SIMULATED_BOUNDS).assign(li_per_eo=li_per_eo)


def salt_space() -> SearchSpace:
    """The search space "anion", its beads as far as the simulator takes them."""
    concentration = Parameter("li_per_eo", *SEARCH_SPACES["anion"]["li_per_eo"])
    beads = (
        Parameter(name, *ends, unit="angstrom")
        if name.endswith("radius")
        else Parameter(name, *ends, scale="log", unit="kcal/mol")
        for name, ends in SIMULATED_BOUNDS.items()
    )
    return SearchSpace((*beads, concentration))


class JointSurrogate(AnionSurrogate, Protocol):
    """A surrogate that draws its predictions jointly."""

    def sample(self, rows: pd.DataFrame, n: int, *, random_state: int) -> np.ndarray:
        """Draws (n, rows) of the logarithm of the conductivity."""


class SaltComparison(NamedTuple):
    """What is expected of the salts.

    Attributes
    ----------
    table : DataFrame
        Best first, index the salt: `BEAD_COLUMNS`, ``li_per_eo``, ``clipped``; ``clipped_share``
        of the sets of factors; ``log10_sigma`` of lithium by the factors as stated, ``low`` and
        ``high`` (95 %: surrogate and factors; too narrow where much is clipped); ``from_explored``
        and ``extrapolates`` as of `leyden.exploration.decoding.rank_anions`;
        ``probability_best`` of the salts that have a probability; ``measured_log10_sigma`` of all
        ions (NaN where there is none) with ``temperature_K``, ``eo_per_li`` and ``doi``;
        ``remark``.
    more_than : DataFrame
        Probability that the salt of a row conducts more than that of a column; NaN on the
        diagonal, and of salts of which a bound cuts more than `MOST_CLIPPED` of the draws: beads at
        a bound stand for others that nobody has asked for.
    swings : DataFrame
        As of `leyden.exploration.decoding.factor_swings`, index the salt.
    """

    table: pd.DataFrame
    more_than: pd.DataFrame
    swings: pd.DataFrame


def compare_salts(
    surrogate: JointSurrogate,
    explored: pd.DataFrame,
    *,
    li_per_eo: float = 1 / EO_PER_LI,
    draws: int = 200,
    random_state: int = 0,
) -> SaltComparison:
    """LiTFSI, LiFSI, LiPF6 and LiCl: predicted order, with probabilities, beside experiment.

    Needs neither MOPAC nor a data home. Compare orders and ratios, not absolute numbers: beads
    move a hundred times too fast, and the model predicts lithium, experiments tell all ions.

    Parameters
    ----------
    surrogate : JointSurrogate
        Of log10 of the conductivity over the search space "anion".
    explored : DataFrame
        Beads that were simulated: at least two rows of the search space.
    li_per_eo : float
        0.05, EO:Li = 20, is where the measurements are.
    draws : int
        Sets of factors; the surrogate is drawn ten times for each.
    random_state : int
    """
    anions = anion_descriptors([salt.anion for salt in SALTS.values()])
    anions.index = pd.Index(SALTS, name="salt")
    beads = bead_parameters(anions).assign(li_per_eo=li_per_eo)
    names = surrogate.space.names
    sets = [
        bead_parameters(anions, by).assign(li_per_eo=li_per_eo)
        for by in factor_draws(anions.inchikey.tolist(), draws, random_state)
    ]
    drawn = np.concatenate(
        [
            surrogate.sample(rows[names], 10, random_state=random_state + place)
            for place, rows in enumerate(sets)
        ]
    )
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    clipped = np.mean([(rows["clipped"] != "").to_numpy() for rows in sets], axis=0)
    beat, best = _probabilities(drawn, clipped <= MOST_CLIPPED)
    near, far = distance_from_explored(surrogate, beads, explored)
    table = beads[[*BEAD_COLUMNS, "li_per_eo", "clipped"]].assign(
        clipped_share=clipped,
        log10_sigma=surrogate.predict(beads[names])["mean"].to_numpy(float),
        low=low,
        high=high,
        from_explored=near,
        extrapolates=far,
        probability_best=best,
    )
    table = table.join(measured_salts()).sort_values("log10_sigma", ascending=False, kind="stable")
    more_than = pd.DataFrame(beat, index=anions.index, columns=list(anions.index))
    return SaltComparison(
        table,
        more_than.loc[table.index, table.index],
        factor_swings(surrogate, anions, li_per_eo=li_per_eo).loc[table.index],
    )


def _probabilities(drawn: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """That one is more than another (n, n), and that it is the most (n,); NaN of what is unknown.

    `drawn` has a column each. One alone is no order, and has no probability.
    """
    pairs = known & known[:, None] & ~np.eye(len(known), dtype=bool)
    beat = np.where(pairs, (drawn[:, :, None] > drawn[:, None, :]).mean(axis=0), np.nan)
    best = np.full(len(known), np.nan)
    if known.sum() > 1:
        first = drawn[:, known].argmax(axis=1)
        best[known] = np.bincount(first, minlength=int(known.sum())) / len(drawn)
    return beat, best


def measured_salts() -> pd.DataFrame:
    """By salt ``measured_log10_sigma`` (S/cm, all ions), where it is from, and ``remark``."""
    rows = {}
    for name, salt in SALTS.items():
        told = salt.measured
        rows[name] = {
            "measured_log10_sigma": math.log10(told.conductivity_S_per_cm) if told else math.nan,
            "temperature_K": told.temperature_K if told else math.nan,
            "eo_per_li": told.eo_per_li if told else math.nan,
            "doi": told.doi if told else "",
            "remark": salt.remark,
        }
    return pd.DataFrame.from_dict(rows, orient="index")
