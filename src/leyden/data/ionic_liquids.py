"""Measured properties of ionic liquids, cleaned step by step, every step counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from leyden.data import liquid_checks as checks
from leyden.data.cards import quantities
from leyden.data.columns import LOG10, quantity_of
from leyden.data.dataset import Dataset
from leyden.data.ions import AMBIENT_KPA, IonPair, StatePoint
from leyden.data.liquid_checks import Step
from leyden.data.liquid_sources import IONIC_LIQUID_TARGETS, SOURCES, source_of, source_rows
from leyden.data.liquid_steps import cleaning_steps
from leyden.errors import InputError

__all__ = [
    "IONIC_LIQUID_TARGETS",
    "Cleaned",
    "clean",
    "cleaned_rows",
    "ionic_liquids",
]


_MERGE = Step(
    "one row a state point",
    "sets of one pair at one T (to 0.1 K) and P say one thing: the median of the sets' medians",
    checks.merge_state_points,
)


class _Row(NamedTuple):
    """What of a row makes its item."""

    pair: str
    cation: str
    anion: str
    temperature_K: float
    pressure_kPa: float


@dataclass(frozen=True)
class Cleaned:
    """What cleaning left, and what it did.

    Attributes
    ----------
    dataset : Dataset
    log : DataFrame
        One row a step: ``step``, ``why``, ``rows`` (before it), ``removed``, ``mended``, ``pairs``
        (after it) and ``examples`` of what was removed or mended. The first row is the source.
    """

    dataset: Dataset
    log: pd.DataFrame


def ionic_liquids(target: str, *, rows_per_pair: int | None = 12) -> Dataset:
    """A measured property of ionic liquids, cleaned.

    Parameters
    ----------
    target : str
        One of `IONIC_LIQUID_TARGETS`.
    rows_per_pair : int, optional
        At most so many state points of a pair, spread over its temperatures and pressures; two
        thirds of them at the pressure of the air where it has as many. None keeps all.

    Returns
    -------
    Dataset
        Items are `StatePoint` (`IonPair` for melting point and glass transition), an ion always
        written in the same canonical SMILES. Groups ``pair`` (``"CATION.ANION"``), ``cation`` and
        ``anion`` are InChIKeys, and ``set_id`` is the set of the data bank where it is known. Ids
        are the pair and the state.

    Raises
    ------
    InputError
        Another target; the data are not there; fewer than one row a pair.
    """
    return clean(target, rows_per_pair=rows_per_pair).dataset


def clean(target: str, *, rows_per_pair: int | None = None) -> Cleaned:
    """As `ionic_liquids`, with the log of the cleaning.

    Examples
    --------
    ``clean("density_kg_per_m3").log`` tells how many rows each step removed or mended, and why.
    """
    source_of(target)
    if rows_per_pair is not None and rows_per_pair < 1:
        raise InputError("a pair must keep at least one row", value=rows_per_pair)
    rows, log = _run((*cleaning_steps(target), _MERGE), target)
    if rows_per_pair is not None:
        kept = _thinned(rows, rows_per_pair)
        why = f"at most {rows_per_pair} of a pair, spread over T and P"
        log.append(_told(Step("rows a pair", why, _thinned), rows, kept))
        rows = kept
    return Cleaned(_dataset(target, rows), pd.DataFrame(log))


def cleaned_rows(target: str) -> pd.DataFrame:
    """The same after the cleaning, replicates of a state point not yet merged."""
    return _run(cleaning_steps(target), target)[0]


def _run(steps: Sequence[Step], target: str) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """The rows that the steps leave, and the log."""
    rows, first = source_rows(target)
    log = [first]
    for step in steps:
        after = step(rows)
        log.append(_told(step, rows, after))
        rows = after
    return rows, log


def _told(step: Step, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, object]:
    """A row of the log. Merged rows count as removed."""
    gone = before.index.difference(after.index)
    changed = after.index[after["value"] != before["value"].reindex(after.index)]
    if step is _MERGE:
        changed = changed[:0]
    shown = before.loc[[*gone[:3], *changed[:3]]]
    examples = [
        f"{row.cation}.{row.anion} {row.value:.4g} at {row.temperature_K:g} K"
        for row in shown.itertuples()
    ]
    return {
        "step": step.name,
        "why": step.why,
        "rows": len(before),
        "removed": len(gone),
        "mended": len(changed),
        "pairs": after["pair"].nunique(),
        "examples": "; ".join(examples),
    }


def _thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows of a pair, in the old order."""
    kept: list[int] = []
    for _, part in rows.groupby("pair", sort=True):
        air = part[part["pressure_kPa"] == AMBIENT_KPA].sort_values("temperature_K")
        other = part[part["pressure_kPa"] != AMBIENT_KPA]
        room = max(most - len(air), most // 3) if len(part) > most else len(other)
        apart = _far_apart(other, min(room, len(other)))
        left = min(len(air), most - len(apart))
        kept += apart
        kept += [air.index[place] for place in _even(len(air), left)]
    return rows.loc[sorted(kept)]


def _even(n: int, count: int) -> Sequence[int]:
    """`count` of n places, evenly spread, the ends among them."""
    if count == 1:
        return [n // 2]
    return [int(place) for place in np.linspace(0, n - 1, count).round()]


def _far_apart(rows: pd.DataFrame, count: int) -> list[int]:
    """Index of `count` rows: the highest pressure, then always the row furthest from the chosen."""
    if count == 0:
        return []
    axes = rows[["temperature_K", "pressure_kPa"]].to_numpy(dtype=float)
    axes = (axes - axes.min(axis=0)) / np.where(np.ptp(axes, axis=0) > 0, np.ptp(axes, axis=0), 1.0)
    chosen = [int(np.lexsort((axes[:, 0], -axes[:, 1]))[0])]
    distance = np.full(len(axes), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(axes - axes[chosen[-1]], axis=1))
        distance[chosen] = -1.0
        chosen.append(int(distance.argmax()))
    return [rows.index[place] for place in chosen]


def _dataset(target: str, rows: pd.DataFrame) -> Dataset:
    """The dataset of cleaned rows."""
    state = SOURCES[target].state
    items: list[IonPair | StatePoint] = []
    ids = []
    for row in map(_Row._make, rows[list(_Row._fields)].itertuples(index=False)):
        pair = IonPair(row.cation, row.anion)
        items.append(StatePoint(pair, row.temperature_K, row.pressure_kPa) if state else pair)
        ids.append(
            f"{row.pair}@{row.temperature_K:g}K,{row.pressure_kPa:g}kPa" if state else row.pair
        )
    values = rows["value"].to_numpy()
    quantity = quantity_of(target, quantities())
    groups = rows[["pair", "cation_key", "anion_key"]]
    groups = groups.rename(columns={"cation_key": "cation", "anion_key": "anion"})
    return Dataset(
        name=f"ionic-liquids, {target}",
        ids=np.array(ids, dtype=str),
        items=tuple(items),
        targets=pd.DataFrame({target: np.log10(values) if target.startswith(LOG10) else values}),
        quantities={} if quantity is None else {target: quantity.family},
        groups=groups.assign(set_id=rows["set_id"]) if (rows["set_id"] != "").all() else groups,
        conditions=rows[["temperature_K", "pressure_kPa"]] if state else pd.DataFrame(),
    )
