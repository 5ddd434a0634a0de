"""What is wrong with measurements of ionic liquids, and how it is told: checks on tables of rows.

A row is compared with physical limits and with rows of the same pair of ions, and never with what
a model makes of it or with another pair: no check can favour a model. A table has the columns
``cation``, ``anion`` (SMILES), ``cation_key``, ``anion_key``, ``pair``, ``temperature_K``,
``pressure_kPa``, ``value`` and ``set_id`` (blank where the source tells none).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leyden.data.ions import AMBIENT_KPA
from leyden.data.molecules import is_metal_ion, read_molecule

__all__ = [
    "Step",
    "disputed",
    "drop_metal_ions",
    "drop_outside",
    "each_pair",
    "liquid_only",
    "merge_state_points",
    "near_robust_line",
    "plausible_heat",
    "robust_curve",
    "scale_outliers",
    "set_offsets",
    "state_labels",
]

_AIR_KPA = (80.0, 120.0)
_NEAR_AIR_KPA = 1000.0
_SAME_TEMPERATURE = 1
"""Pressures of the air differ by place and are one; below 1 MPa no liquid notices the pressure
(0.05 % of the density); thermometers agree to 0.1 K, one decimal."""

_DULONG_PETIT = 3 * 8.314462618
_SPECIFIC_HEATS = (0.8, 3.0)
_LIQUID_SLOPES = (-0.001, 0.003)
_IONS = ("cation", "anion")
_SLOPE_ROWS, _SLOPE_SPAN_K = 4, 5.0


@dataclass(frozen=True)
class Step:
    """One step of the cleaning: a table in, the rows that stay (some mended) out.

    Attributes
    ----------
    name, why : str
        The step, and the reason for it and its thresholds.
    apply : callable
        Gives rows of the table, under their old index.
    options : mapping
        Keyword arguments of `apply`: the thresholds.
    """

    name: str
    why: str
    apply: Callable[..., pd.DataFrame]
    options: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows that stay."""
        return self.apply(rows, **self.options)


def drop_metal_ions(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of molecular ions only."""
    metal = {ion: is_metal_ion(ion) for ion in {*rows["cation"], *rows["anion"]}}
    return rows[~(rows["cation"].map(metal) | rows["anion"].map(metal))]


def drop_outside(rows: pd.DataFrame, column: str, low: float, high: float) -> pd.DataFrame:
    """Rows whose `column` lies within limits."""
    return rows[rows[column].between(low, high)]


def scale_outliers(rows: pd.DataFrame, below: float, factor: float) -> pd.DataFrame:
    """Values below a bound times a factor: the same numbers in a smaller unit."""
    small = (rows["value"] > 0) & (rows["value"] < below)
    return rows.assign(value=rows["value"].where(~small, rows["value"] * factor))


def robust_curve(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, degree: int, rounds: int = 30
) -> np.ndarray:
    """Values of the polynomial with the least weighted sum of absolute errors, shape (n,).

    Parameters
    ----------
    x, y, weights : ndarray, shape (n,)
    degree : int
    rounds : int
        Of reweighted least squares.
    """
    scaled = (x - x.mean()) / (np.ptp(x) or 1.0)
    terms = np.vander(scaled, degree + 1)
    floor = 1e-6 * max(float(np.ptp(y)), 1e-9)
    now = weights
    for _ in range(rounds):
        root = np.sqrt(now)
        solution = np.linalg.lstsq(terms * root[:, None], y * root, rcond=None)[0]
        fitted = terms @ solution
        now = weights / np.maximum(np.abs(y - fitted), floor)
    return np.asarray(fitted)


def set_offsets(rows: pd.DataFrame) -> pd.DataFrame:
    """How far each set lies from the common curve of the sets of its pair.

    The curve is that of log10(value) in 1/T near the pressure of the air, quadratic where there
    are enough temperatures, with the least absolute errors and one vote a set.

    Returns
    -------
    DataFrame
        ``pair``, ``set_id``, ``offset`` (median, in log10) and ``sets`` of the pair, for pairs of
        two sets or more.
    """
    near = rows[(rows["pressure_kPa"] <= _NEAR_AIR_KPA) & (rows["set_id"] != "")]
    near = near[near["value"] > 0]
    found = []
    for pair, part in near.groupby("pair", sort=True):
        sets = part["set_id"].nunique()
        if sets < 2:
            continue
        different = part["temperature_K"].round().nunique()
        degree = 2 if different >= 6 else min(different - 1, 1)
        votes = 1.0 / part.groupby("set_id")["value"].transform("size").to_numpy(dtype=float)
        logs = np.log10(part["value"].to_numpy())
        residual = logs - robust_curve(1 / part["temperature_K"].to_numpy(), logs, votes, degree)
        medians = pd.Series(residual, index=part["set_id"]).groupby(level=0).median()
        found += [(pair, name, offset, sets) for name, offset in medians.items()]
    table = pd.DataFrame(found, columns=["pair", "set_id", "offset", "sets"])
    return table.astype({"offset": float, "sets": int})


def disputed(rows: pd.DataFrame, limit: float, mend: bool = False) -> pd.DataFrame:
    """Rows without the sets that others contradict.

    Of three or more sets of a pair, those further than `limit` (in log10) from the common curve
    go; of two that are further apart than twice the limit, both. With `mend`, a set that is off
    by a power of ten to within the limit, against two or more others, is brought back.
    """
    offsets = set_offsets(rows)
    apart = offsets.groupby("pair")["offset"].transform(lambda values: values.max() - values.min())
    three = offsets["sets"] >= 3
    decades = offsets["offset"].round()
    slip = mend & three & (decades != 0) & ((offsets["offset"] - decades).abs() <= limit)
    wrong = np.where(three, (offsets["offset"].abs() > limit) & ~slip, apart > 2 * limit)
    key = pd.MultiIndex.from_frame(rows[["pair", "set_id"]])
    named = pd.MultiIndex.from_frame(offsets[["pair", "set_id"]])
    factor = (
        pd.Series(np.where(slip, 10.0**-decades, 1.0).astype(float), index=named)
        .reindex(key)
        .fillna(1.0)
    )
    mended = rows.assign(value=rows["value"] * factor.to_numpy())
    return mended[~key.isin(named[wrong])]


def each_pair(
    rows: pd.DataFrame, keep: Callable[[pd.DataFrame], np.ndarray], at_least: int
) -> pd.DataFrame:
    """Rows that `keep` (n,) lets stay, asked pair by pair where a pair has enough rows."""
    stays = pd.Series(True, index=rows.index)
    for _, part in rows.groupby("pair", sort=True):
        if len(part) >= at_least:
            stays[part.index] = keep(part)
    return rows[stays]


def near_robust_line(rows: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Rows within a relative `limit` of the line in T with least absolute errors of their pair."""

    def keep(part: pd.DataFrame) -> np.ndarray:
        values = part["value"].to_numpy()
        line = robust_curve(part["temperature_K"].to_numpy(), values, np.ones(len(part)), 1)
        return np.asarray(np.abs(values / line - 1) <= limit)

    return each_pair(rows, keep, at_least=_SLOPE_ROWS)


def liquid_only(
    rows: pd.DataFrame, melting_points_K: Mapping[str, float], coldest_K: float
) -> pd.DataFrame:
    """Rows at or above the melting point of their pair, where it is known, and `coldest_K`."""
    melting = rows["pair"].map(melting_points_K).fillna(0.0).clip(lower=coldest_K)
    return rows[rows["temperature_K"] >= melting]


def plausible_heat(rows: pd.DataFrame) -> pd.DataFrame:
    """Heat capacities that a liquid can have, J/(mol K), of a 1:1 salt.

    More than 3R an atom (Dulong and Petit) holds heat of a transition. No organic liquid but the
    smallest alcohols has above 3.0 J/(g K), and none below 0.8. The heat capacity of a liquid
    grows by 0.1 to 0.2 % a kelvin; one that grows by more than 0.3 % (as a crystal's, about
    proportional to T) or falls by more than 0.1 % is of a crystal or the flank of a transition.
    """
    from rdkit import Chem

    size: dict[str, tuple[float, int]] = {}
    for ion in {*rows["cation"], *rows["anion"]}:
        atoms_of = list(Chem.AddHs(read_molecule(ion)).GetAtoms())
        size[ion] = sum(atom.GetMass() for atom in atoms_of), len(atoms_of)
    grams, atoms = (
        sum(rows[ion].map({name: parts[part] for name, parts in size.items()}) for ion in _IONS)
        for part in (0, 1)
    )
    low, high = _SPECIFIC_HEATS
    possible = (rows["value"] <= _DULONG_PETIT * atoms) & (rows["value"] / grams).between(low, high)

    def keep(part: pd.DataFrame) -> np.ndarray:
        temperature = part["temperature_K"].to_numpy()
        line = robust_curve(temperature, part["value"].to_numpy(), np.ones(len(part)), 1)
        if np.ptp(temperature) < _SLOPE_SPAN_K:
            return np.ones(len(part), dtype=bool)
        slope = (line[-1] - line[0]) / np.ptp(temperature) / np.median(line)
        return np.full(len(part), _LIQUID_SLOPES[0] <= slope <= _LIQUID_SLOPES[1])

    ordered = rows[possible].sort_values("temperature_K")
    stays = each_pair(ordered, keep, at_least=_SLOPE_ROWS).index
    return rows[rows.index.isin(stays)]


def state_labels(rows: pd.DataFrame) -> list[pd.Series]:
    """Pair, temperature to 0.1 K, and pressure of every row: equal at one state point."""
    pressure = rows["pressure_kPa"]
    return [
        rows["pair"],
        rows["temperature_K"].round(_SAME_TEMPERATURE).rename("t"),
        pressure.where(~pressure.between(*_AIR_KPA), AMBIENT_KPA).rename("p"),
    ]


def merge_state_points(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a pair, temperature (to 0.1 K) and pressure: the median over sets of set medians.

    The temperature is the mean of the rows; every pressure of the air is 101.325 kPa. The set is
    that of most rows, the first by name where that is open.
    """
    point = state_labels(rows)
    by_set = rows.groupby([*point, rows["set_id"].rename("s")], dropna=False)["value"]
    within = by_set.agg(["median", "size"]).reset_index()
    merged = within.groupby(["pair", "t", "p"], dropna=False)["median"].median()
    largest = within.sort_values(["size", "s"], ascending=[False, True], kind="stable")
    main = largest.drop_duplicates(["pair", "t", "p"]).set_index(["pair", "t", "p"])["s"]
    mean = rows.groupby(point, dropna=False)["temperature_K"].mean()
    labels = pd.MultiIndex.from_arrays(point)
    first = ~labels.duplicated()
    place = labels[first]
    return rows[first].assign(
        value=merged.reindex(place).to_numpy(),
        set_id=main.reindex(place).to_numpy(),
        temperature_K=mean.reindex(place).to_numpy().round(3),
        pressure_kPa=point[2][first],
    )
