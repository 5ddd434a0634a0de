"""Good and poor solid Li conductors: the labels, and the structures of the published compounds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from leyden.data.cards import cards
from leyden.data.catalog import DroppedRowsWarning, load
from leyden.data.columns import LOG10, find_column
from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.data.formulas import parse_composition
from leyden.errors import InputError

__all__ = [
    "CONDUCTIVITY",
    "GOOD_CONDUCTOR",
    "GOOD_CONDUCTOR_S_PER_CM",
    "good_conductor",
    "match_compositions",
    "obelix_structures",
    "published_conductors",
    "published_verdicts",
    "simulated_conductors",
]

GOOD_CONDUCTOR_S_PER_CM = 1e-4
"""A good conductor has at least this at room temperature (A. D. Sendek et al., Energy Environ.
Sci. 10, 306 (2017))."""

GOOD_CONDUCTOR = "good_conductor"
"""Name of the label: 1 for good conductors, 0 for poor ones."""

CONDUCTIVITY = "ionic_conductivity_S_per_cm"
"""Name of the measured conductivity."""

_SIMULATED = "simulated_ionic_conductivity_S_per_cm"


def good_conductor(
    dataset: Dataset,
    target: str = CONDUCTIVITY,
    minimum_S_per_cm: float = GOOD_CONDUCTOR_S_PER_CM,
    ion: str = "Li",
) -> Dataset:
    """The same rows with their class for a target: 1 where the conductivity reaches the minimum.

    Parameters
    ----------
    dataset : Dataset
        Has conductivities in S/cm, or their logarithm.
    target : str
        Name of the conductivity.
    minimum_S_per_cm : float
        Least conductivity of a good conductor.
    ion : str
        Symbol of the element whose ions conduct.

    Returns
    -------
    Dataset
        With the one target ``good_conductor``. A row whose conductivity is an upper bound above
        the minimum may be of either class, and is left out with those that have none.

    Raises
    ------
    InputError
        No such target, another unit, a conductivity that is not positive, a compound without the
        ion; names the row's id.
    """
    for id, item in zip(dataset.ids.tolist(), dataset.items, strict=True):
        if ion not in parse_composition(getattr(item, "formula", item)):
            raise InputError(
                f"a conductor of {ion} must hold {ion}",
                value=getattr(item, "formula", item),
                file=dataset.name,
                row=id,
                remedy="leave the row out, or complete the formula",
            )
    names = list(dataset.targets.columns)
    column = f"{LOG10}{target}" if f"{LOG10}{target}" in names else target
    values = dataset.targets[find_column(column, names, dataset.name)].to_numpy(dtype=float)
    if column != target:
        values = 10.0**values
    bad = values <= 0
    if bad.any():
        raise InputError(
            f"{target} must be positive",
            value=float(values[bad][0]),
            file=dataset.name,
            row=str(dataset.ids[bad][0]),
            remedy="give the detection limit as an upper bound, or leave the row out",
        )
    label = np.where(np.isnan(values), np.nan, values >= minimum_S_per_cm)
    label[(label == 1) & _upper_bounds(dataset, column)] = np.nan
    kept = np.flatnonzero(~np.isnan(label))
    return _with_target(dataset.take(kept), pd.DataFrame({GOOD_CONDUCTOR: label[kept]}))


def match_compositions(
    wanted: Sequence[str], among: Sequence[str], tolerance: float = 0.02
) -> list[np.ndarray]:
    """Formulas that stand for the same compound, although their amounts were rounded apart.

    Parameters
    ----------
    wanted, among : sequence of str
        Formulas.
    tolerance : float
        The atomic fractions of every element agree within this, relative to the larger one. A
        dopant is an element: what one formula has, the other has.

    Returns
    -------
    list of ndarray of int
        For each wanted formula, positions in `among`, the nearest first.

    Examples
    --------
    >>> match_compositions(["Li9.81Sn0.81P2.19S12"], ["Li10SnP2S12", "Li9.8Sn0.8P2.2S12"])
    [array([1])]
    """
    fractions = [_fractions(formula) for formula in among]
    matches = []
    for formula in wanted:
        mine = _fractions(formula)
        apart = np.array([_apart(mine, other) for other in fractions])
        near = np.flatnonzero(apart <= tolerance)
        matches.append(near[np.argsort(apart[near], kind="stable")])
    return matches


def obelix_structures() -> Dataset:
    """Crystals of OBELiX with their conductivities; those without either are left out, silently."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedRowsWarning)  # who loads the set itself is told
        return load("obelix-structures", target=CONDUCTIVITY)


def published_conductors(tolerance: float = 0.02, structures: Dataset | None = None) -> Dataset:
    """Those of the published training compounds of which OBELiX has the structure.

    One compound may have several entries, of other phases and samples: the one whose conductivity
    is nearest to the published one is taken. Where the two are of different classes, the entry is
    another phase, and the compound is left out; so is a structure that is known to be of a nearby
    composition only when an exact one is there.

    Parameters
    ----------
    tolerance : float
        As of `match_compositions`.
    structures : Dataset, optional
        Card ``obelix-structures`` with its conductivities, where it is loaded already.

    Returns
    -------
    Dataset
        Ids are the published formulas; items `DisorderedCrystal`; the target is the *published*
        conductivity; the groups are those of OBELiX, ``extra`` has its id (``obelix_id``), its
        conductivity and ``close_match``.
    """
    published = load("sendek", target=CONDUCTIVITY)
    measured = structures if structures is not None else obelix_structures()
    groups = match_compositions(published.items, measured.groups["formula"].tolist(), tolerance)
    decades = np.log10(measured.y)
    kept, rows = [], []
    for position, near in enumerate(groups):
        same = [i for i in near if _good(measured.y[i]) == _good(published.y[position])]
        if same:
            close = measured.extra["close_match"].iloc[same].eq("Yes").to_numpy()
            distance = np.abs(decades[same] - np.log10(published.y[position]))
            kept.append(position)
            rows.append(same[np.lexsort((distance, close))[0]])
    chosen = measured.take(rows)
    extra = pd.DataFrame(
        {
            "obelix_id": chosen.ids,
            "obelix_conductivity_S_per_cm": chosen.y,
            "close_match": chosen.extra["close_match"],
        }
    )
    return Dataset(
        name="sendek, structures of OBELiX",
        ids=published.ids[kept],
        items=chosen.items,
        targets=published.targets.iloc[kept],
        quantities=published.quantities,
        groups=chosen.groups,
        extra=extra,
    )


def simulated_conductors(among: Sequence[Dataset] | None = None) -> Dataset:
    """Those of the 21 random compounds with DFT-MD conductivities whose structure is at hand.

    Parameters
    ----------
    among : sequence of Dataset, optional
        Sets of crystals in which they are looked for, by Materials Project id, then by formula. By
        default every catalogued one in the data home.

    Returns
    -------
    Dataset
        ``extra`` tells which structure it is (``structure_id``, ``same_id``) and whether the
        conductivity is an upper bound.
    """
    simulated = load("sendek", target=_SIMULATED)
    found: dict[str, tuple[str, Crystal]] = {}
    by_formula: dict[str, tuple[str, Crystal]] = {}
    wanted = set(simulated.ids.tolist())
    for crystals in _all_crystals() if among is None else among:
        for id, crystal in zip(crystals.ids.tolist(), crystals.items, strict=True):
            if id in wanted:
                found.setdefault(id, (id, crystal))
            else:
                by_formula.setdefault(crystal.formula, (id, crystal))
    pairs = [
        found.get(id) or by_formula.get(formula)
        for id, formula in zip(simulated.ids.tolist(), simulated.items, strict=True)
    ]
    rows = [position for position, pair in enumerate(pairs) if pair is not None]
    chosen = simulated.take(rows)
    ids = [pairs[row][0] for row in rows]  # type: ignore[index]
    return Dataset(
        name="sendek, simulated",
        ids=chosen.ids,
        items=tuple(pairs[row][1] for row in rows),  # type: ignore[index]
        targets=chosen.targets,
        quantities=chosen.quantities,
        groups=chosen.groups,
        extra=chosen.extra.assign(structure_id=ids, same_id=chosen.ids == np.array(ids)),
    )


def published_verdicts(simulated: Dataset) -> np.ndarray:
    """Which of the simulated compounds their authors count as good conductors.

    Where a structural model was judged right, its class is the class of the compound. This is not
    quite the rule of 1e-4 S/cm: LiSO3F with 8.2e-5 S/cm counts as good.

    Parameters
    ----------
    simulated : Dataset
        Of the card ``sendek``, such as `simulated_conductors`.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    predicted, right = (
        simulated.extra[column].eq("yes").to_numpy()
        for column in ("ml_predicted_superionic", "paper_verdict_ml_correct")
    )
    return predicted == right


def _all_crystals() -> Iterator[Dataset]:
    for name in (card.name for card in cards() if card.tables[0].items == "crystal"):
        with suppress(InputError):  # not in this data home
            yield load(name)


def _good(conductivity: float) -> bool:
    return conductivity >= GOOD_CONDUCTOR_S_PER_CM


def _with_target(dataset: Dataset, targets: pd.DataFrame) -> Dataset:
    return Dataset(
        name=dataset.name,
        ids=dataset.ids,
        items=dataset.items,
        targets=targets,
        quantities={GOOD_CONDUCTOR: "ionic conductivity"},
        groups=dataset.groups,
        conditions=dataset.conditions,
        extra=dataset.extra,
    )


def _upper_bounds(dataset: Dataset, column: str) -> np.ndarray:
    """Which conductivities are upper bounds, shape (n,): as read, or as the source tells beside."""
    bounds = dataset.bounds[:, list(dataset.targets.columns).index(column)]
    if "upper_bound" in dataset.extra:
        return bounds | dataset.extra["upper_bound"].to_numpy(dtype=bool)
    return bounds


def _fractions(formula: str) -> dict[str, float]:
    amounts = parse_composition(formula)
    total = sum(amounts.values())
    return {symbol: float(amount / total) for symbol, amount in amounts.items()}


def _apart(first: dict[str, float], second: dict[str, float]) -> float:
    """Greatest relative difference of the atomic fractions; infinite for other elements."""
    if first.keys() != second.keys():
        return np.inf
    return max(abs(x - second[symbol]) / max(x, second[symbol]) for symbol, x in first.items())
