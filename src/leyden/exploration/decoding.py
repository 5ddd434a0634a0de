"""From an optimum of beads back to chemistry: real anions, ranked by what the surrogate expects.

The way goes forwards: every known anion becomes a bead (`leyden.exploration.anion_parameters`), and
the surrogate of the bead-spring electrolyte predicts its conductivity. An interval holds what the
surrogate does not know and what the estimates of the bead do not know, drawn together. Distances
are in length scales of the surrogate: one is the step over which the conductivity changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from leyden.data.ion_catalogue import ion_catalogue
from leyden.data.molecules import inchi_key
from leyden.errors import InputError
from leyden.exploration.anion_parameters import (
    BEAD_COLUMNS,
    DESCRIPTOR_COLUMNS,
    FACTORS,
    OF_EACH_ANION,
    TFSI,
    bead_parameters,
    factor_draws,
)
from leyden.exploration.extrapolation import distance_from
from leyden.exploration.search_space import SearchSpace

__all__ = [
    "ANION_NAMES",
    "AnionSurrogate",
    "best_bead",
    "catalogue_anions",
    "distance_from_explored",
    "factor_swings",
    "rank_anions",
]

Floats = NDArray[np.float64]

#: What chemists call some anions, by SMILES.
ANION_NAMES: Mapping[str, str] = {
    "O=S(=O)([N-]S(=O)(=O)C(F)(F)F)C(F)(F)F": "TFSI",
    "O=S(=O)(F)[N-]S(=O)(=O)F": "FSI",
    "O=S(=O)(C(F)(F)C(F)(F)F)[N-]S(=O)(=O)C(F)(F)C(F)(F)F": "BETI",
    "F[P-](F)(F)(F)(F)F": "PF6",
    "F[B-](F)(F)F": "BF4",
    "O=S(=O)([O-])C(F)(F)F": "triflate",
    "O=C1O[B-]2(OC1=O)OC(=O)C(=O)O2": "BOB",
    "O=C1O[B-](F)(F)OC1=O": "DFOB",
    "N#C[N-]C#N": "dicyanamide",
    "N#C[C-](C#N)C#N": "tricyanomethanide",
    "N#C[B-](C#N)(C#N)C#N": "tetracyanoborate",
    "N#C[S-]": "thiocyanate",
    "CC(=O)[O-]": "acetate",
    "O=C([O-])C(F)(F)F": "trifluoroacetate",
    "O=[N+]([O-])[O-]": "nitrate",
    "[O-][Cl+3]([O-])([O-])[O-]": "perchlorate",
    "[Cl-]": "chloride",
    "[Br-]": "bromide",
    "[I-]": "iodide",
}

_TWO_SIDED = (0.025, 0.975)
_CANDIDATES = 2048
_FINER = (0.3, 0.1, 0.03, 0.01)  # of the unit cube: how far the search for the optimum looks


class AnionSurrogate(Protocol):
    """What is asked of a surrogate of the search space "anion"."""

    space: SearchSpace

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """``mean`` and ``std`` of the logarithm of the conductivity."""

    def length_scales(self) -> pd.Series:
        """By parameter, in units of its range."""


def catalogue_anions(smiles: Iterable[str] = ()) -> pd.DataFrame:
    """The monovalent molecular anions of the ion catalogue, and those of the caller.

    Parameters
    ----------
    smiles : iterable of str
        Further anions; their source is "own".

    Returns
    -------
    DataFrame
        ``smiles``, ``inchikey``, ``name`` (empty where none is kept here), ``sources`` and
        ``licence`` (a set without licence may be used by who has it, and not be passed on).

    Raises
    ------
    InputError
        A set of the data home is missing; a SMILES of the caller that cannot be read.
    """
    known = ion_catalogue()
    known = known[known.charge < 0]
    own = [text for text in smiles if inchi_key(text) not in set(known.inchikey)]
    added = pd.DataFrame(
        {"smiles": own, "inchikey": list(map(inchi_key, own)), "sources": "own", "licence": ""}
    )
    columns = ["smiles", "inchikey", "sources", "licence"]
    table = pd.concat([known[columns], added[columns]], ignore_index=True)
    names = {inchi_key(text): name for text, name in ANION_NAMES.items()}
    table.insert(2, "name", table.inchikey.map(names).fillna(""))
    return table.drop_duplicates("inchikey", ignore_index=True)


def best_bead(
    surrogate: AnionSurrogate, li_per_eo: float = 0.1, *, random_state: int = 0
) -> pd.DataFrame:
    """The bead of the highest expected conductivity at a concentration: one row of the space."""
    space = surrogate.space
    generator = np.random.default_rng(random_state)

    def top(points: Floats) -> tuple[Floats, pd.DataFrame]:
        rows = space.from_unit(points).assign(li_per_eo=li_per_eo)
        place = int(np.argmax(_means_and_stds(surrogate, rows)[0]))
        return points[[place]], rows.iloc[[place]]

    point, row = top(space.to_unit(space.random(_CANDIDATES, random_state)))
    for reach in _FINER:
        steps = generator.normal(0.0, reach, (_CANDIDATES // 4, len(space)))
        point, row = top(np.vstack([point, np.clip(point + steps, 0.0, 1.0)]))
    return row.reset_index(drop=True)


def rank_anions(
    surrogate: AnionSurrogate,
    anions: pd.DataFrame,
    explored: pd.DataFrame,
    *,
    li_per_eo: float = 0.1,
    draws: int = 64,
    random_state: int = 0,
) -> pd.DataFrame:
    """Anions by the conductivity that the surrogate expects of their beads.

    Parameters
    ----------
    surrogate : AnionSurrogate
        Of log10 of the conductivity, more is better.
    anions : DataFrame, n rows
        As of `leyden.exploration.anion_parameters.anion_descriptors`; further columns, such as
        ``name`` and ``sources``, are kept.
    explored : DataFrame
        Beads that were simulated: at least two rows of the search space.
    li_per_eo : float
        Concentration of the salt.
    draws : int
        Sets of factors for the interval.
    random_state : int

    Returns
    -------
    DataFrame, n rows
        Best first, those with ``error`` last; independent of the order of `anions`. The columns of
        `anions` and: `BEAD_COLUMNS`, ``li_per_eo``, ``clipped``; ``clipped_share`` of the sets of
        factors, which narrows the interval; ``log10_sigma`` by the factors as stated,
        ``low`` and ``high`` (95 %: surrogate and factors), ``surrogate_std``,
        ``factor_std``; ``from_optimum`` and ``from_explored`` (length scales, to the best bead at
        this concentration and to the nearest simulated one); ``extrapolates``: farther out than 95
        % of the simulated beads are from their next. Of an anion that was ``clipped`` the
        prediction is that of a bead at the bound, not of its own.

    Raises
    ------
    InputError
        A column is missing, one anion stands there twice, none is known, less than two beads were
        simulated.
    """
    _check(anions, explored, surrogate.space)
    table = anions.sort_values("inchikey", kind="stable").reset_index(drop=True)
    complete = (table.error == "") & table[list(DESCRIPTOR_COLUMNS)].notna().all(axis=1)
    if not complete.any():
        raise InputError("no anion is known well enough to be ranked", value=table.error.iloc[0])
    results = _judged(surrogate, table[complete], explored, li_per_eo, draws, random_state)
    order = table.join(results).sort_values(
        "log10_sigma", ascending=False, na_position="last", kind="stable"
    )
    return order.reset_index(drop=True)


def factor_swings(
    surrogate: AnionSurrogate, anions: pd.DataFrame, *, li_per_eo: float = 0.1
) -> pd.DataFrame:
    """How far each stated factor moves the prediction of each anion, one at a time.

    Parameters
    ----------
    surrogate : AnionSurrogate
    anions : DataFrame, n rows
        As of `leyden.exploration.anion_parameters.anion_descriptors`.
    li_per_eo : float

    Returns
    -------
    DataFrame
        A row an anion, index as of `anions`; a column a factor: log10 of the conductivity at the
        upper end of its range less that at the lower end, all others as stated. Errors of each
        anion's own are none of TFSI, the anchor.
    """
    anchor = (anions.inchikey == inchi_key(TFSI)).to_numpy()
    swings = {}
    for name, factor in FACTORS.items():
        ends = []
        for value in (factor.low, factor.high):
            beads = bead_parameters(anions, {name: value}).assign(li_per_eo=li_per_eo)
            ends.append(_means_and_stds(surrogate, beads)[0])
        swings[name] = np.where(anchor & (name in OF_EACH_ANION), 0.0, ends[1] - ends[0])
    return pd.DataFrame(swings, index=anions.index)


def distance_from_explored(
    surrogate: AnionSurrogate, rows: pd.DataFrame, explored: pd.DataFrame
) -> tuple[Floats, NDArray[np.bool_]]:
    """Distances of rows, and which extrapolate: `extrapolation.distance_from`."""
    space = surrogate.space
    scales = surrogate.length_scales()[space.names].to_numpy(float)
    return distance_from(space.to_unit(explored), space.to_unit(rows), scales)


def _judged(
    surrogate: AnionSurrogate,
    known: pd.DataFrame,
    explored: pd.DataFrame,
    li_per_eo: float,
    draws: int,
    random_state: int,
) -> pd.DataFrame:
    """The columns that `rank_anions` adds, of anions of which all is known; index kept."""
    beads = bead_parameters(known).assign(li_per_eo=li_per_eo)
    mean, std = _means_and_stds(surrogate, beads)
    sets = [
        bead_parameters(known, by).assign(li_per_eo=li_per_eo)
        for by in factor_draws(known.inchikey.tolist(), draws, random_state)
    ]
    many, wide = _means_and_stds(surrogate, pd.concat(sets))
    means, stds = many.reshape(draws, -1), wide.reshape(draws, -1)
    low, high = _mixture_interval(means, stds)
    optimum = best_bead(surrogate, li_per_eo, random_state=random_state)
    near, far = distance_from_explored(surrogate, beads, explored)
    return beads.assign(
        clipped_share=np.mean([(rows["clipped"] != "").to_numpy() for rows in sets], axis=0),
        log10_sigma=mean,
        low=low,
        high=high,
        surrogate_std=std,
        factor_std=means.std(axis=0),
        from_optimum=_distances(surrogate, beads, optimum)[:, 0],
        from_explored=near,
        extrapolates=far,
    )


def _means_and_stds(surrogate: AnionSurrogate, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    told = surrogate.predict(rows[surrogate.space.names])
    return told["mean"].to_numpy(float), told["std"].to_numpy(float)


def _mixture_interval(means: Floats, stds: Floats) -> tuple[Floats, Floats]:
    """Ends (n,) of the 95 % interval of a mixture of k normal distributions (k, n)."""
    scores = norm.ppf((np.arange(50) + 0.5) / 50)
    pooled = (means[:, None] + stds[:, None] * scores[:, None]).reshape(-1, means.shape[1])
    low, high = np.quantile(pooled, _TWO_SIDED, axis=0)
    return low, high


def _distances(surrogate: AnionSurrogate, rows: pd.DataFrame, others: pd.DataFrame) -> Floats:
    """In length scales, shape (rows, others)."""
    scales = surrogate.length_scales()[surrogate.space.names].to_numpy(float)
    points, goals = (surrogate.space.to_unit(each) / scales for each in (rows, others))
    return np.asarray(np.linalg.norm(points[:, None] - goals, axis=2))


def _check(anions: pd.DataFrame, explored: pd.DataFrame, space: SearchSpace) -> None:
    needed: Sequence[str] = ("smiles", "inchikey", *DESCRIPTOR_COLUMNS, "error")
    for column in needed:
        if column not in anions:
            remedy = "take the table that anion_descriptors gives"
            raise InputError("a column of the anions is missing", value=column, remedy=remedy)
    missing = {*BEAD_COLUMNS, "li_per_eo"} ^ set(space.names)
    if missing:
        remedy = "take a surrogate of the search space 'anion' of the polymer electrolyte"
        raise InputError("the surrogate is not of anions", value=sorted(missing), remedy=remedy)
    keyed = anions[anions.inchikey != ""]
    twice = keyed.smiles[keyed.inchikey.duplicated()]
    if len(twice):
        raise InputError("an anion stands there twice", value=twice.iloc[0], remedy="leave one out")
    if not len(anions):
        raise InputError("there must be an anion to rank", value=0)
    if len(explored) < 2:
        raise InputError("two simulated beads are needed at least", value=len(explored))
