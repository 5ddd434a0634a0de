"""Lithium crystals of the catalogue, ranked by how well they would keep lithium flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.physics.dendrites import (
    LITHIUM,
    critical_wavelength_nm,
    poisson_from_moduli,
    probability_of_stability,
    stability_parameter,
)
from leyden.physics.ionic_radii import molar_volume_ratio
from leyden.representations.structural_descriptors import mean_voronoi_coordination

__all__ = ["K_HIGH", "K_LOW", "MODULI", "Candidates", "lithium_crystals", "rank", "sieve"]

MODULI = ("log10_K_VRH_GPa", "log10_G_VRH_GPa")
K_LOW = 1e8
"""Wavenumber in 1/m at which the published screening asks for stability."""
K_HIGH = 2 * np.pi / 1e-9
"""Wavenumber in 1/m of a roughness of 1 nm."""
HULL_LIMIT = 0.1
"""Energy above hull in eV/atom from which a crystal is not expected to be made."""


_TOLD = ("band_gap_eV", "energy_above_hull_eV_per_atom", "K_VRH_GPa", "G_VRH_GPa")


@dataclass(frozen=True, eq=False)
class Candidates:
    """Lithium crystals with what is known of them.

    Attributes
    ----------
    dataset : Dataset
        Crystals; targets are `MODULI`, NaN where they are not known.
    facts : DataFrame, shape (n, .)
        ``source, band_gap_eV, energy_above_hull_eV_per_atom, coordination, molar_volume_ratio``;
        NaN where a set does not tell, or no coordination number can be had.
    """

    dataset: Dataset
    facts: pd.DataFrame


def lithium_crystals(datasets: Sequence[Dataset], known: Dataset) -> Candidates:
    """Every crystal with lithium in any of the sets, once each.

    What one set does not tell of a crystal (gap, energy above hull, moduli) is taken from another
    that has the same id.

    Parameters
    ----------
    datasets : sequence of Dataset
        Crystals; gaps and energies above hull are read from their targets and extra columns.
    known : Dataset
        Crystals with `MODULI`, which come before what the sets themselves tell of moduli.
    """
    crystals: dict[str, tuple[Crystal, str]] = {}
    told: dict[str, dict[str, float]] = {}
    for dataset in datasets:
        columns = pd.concat([dataset.targets, dataset.extra], axis=1)
        wanted = [c for c in _TOLD if c in columns]
        values = columns[wanted].to_numpy(float)
        for name, crystal, row in zip(dataset.ids, dataset.items, values, strict=True):
            if "Li" not in crystal.composition:
                continue
            crystals.setdefault(name, (crystal, dataset.name))
            facts = told.setdefault(name, {})
            for column, value in zip(wanted, row, strict=True):
                if np.isfinite(value):
                    facts.setdefault(column, float(value))
    if not crystals:
        raise InputError(
            "no crystal contains lithium", remedy="leyden data fetch flla-2015 elastic-tensor-2015"
        )
    ids = list(crystals)
    moduli = known.targets.set_axis(known.ids).reindex(ids)[list(MODULI)]
    for name in MODULI:
        own = pd.Series([told[i].get(name.removeprefix("log10_"), np.nan) for i in ids], index=ids)
        moduli[name] = moduli[name].where(moduli[name].notna(), np.log10(own.where(own > 0)))
    coordination = np.array([_coordination(crystals[i][0]) for i in ids])
    facts_table = pd.DataFrame(
        {
            "source": [crystals[i][1] for i in ids],
            "band_gap_eV": [told[i].get("band_gap_eV", np.nan) for i in ids],
            "energy_above_hull_eV_per_atom": [
                told[i].get("energy_above_hull_eV_per_atom", np.nan) for i in ids
            ],
            "coordination": coordination,
            "molar_volume_ratio": molar_volume_ratio(coordination),
        }
    )
    dataset = Dataset(
        name="lithium crystals",
        ids=np.array(ids),
        items=tuple(crystals[i][0] for i in ids),
        targets=moduli.reset_index(drop=True),
        quantities=dict.fromkeys(MODULI, "elasticity"),
        groups=pd.DataFrame({"formula": [crystals[i][0].formula for i in ids]}),
    )
    return Candidates(dataset, facts_table)


def sieve(candidates: Candidates) -> tuple[Candidates, pd.DataFrame]:
    """Leave out what cannot serve, and count it, one rule after the other.

    Returns
    -------
    kept : Candidates
    counts : DataFrame
        ``rule, removed, left``, in the order of the rules.
    """
    facts = candidates.facts
    rules = {
        "metal (band gap 0)": facts["band_gap_eV"] == 0,
        f"energy above hull >= {HULL_LIMIT} eV/atom": facts["energy_above_hull_eV_per_atom"]
        >= HULL_LIMIT,
        "ion larger than the metal atom (V_ion > V_M)": facts["molar_volume_ratio"] > 1,
        "no coordination number can be had": facts["molar_volume_ratio"].isna(),
    }
    left = np.ones(len(facts), bool)
    counts = [{"rule": "lithium crystals", "removed": 0, "left": len(facts)}]
    for rule, hit in rules.items():
        removed = left & hit.to_numpy()
        left &= ~removed
        counts.append({"rule": rule, "removed": int(removed.sum()), "left": int(left.sum())})
    for column, what in (
        ("band_gap_eV", "gap"),
        ("energy_above_hull_eV_per_atom", "energy above hull"),
    ):
        unknown = int((left & facts[column].isna().to_numpy()).sum())
        counts.append(
            {"rule": f"of these: {what} not known, kept and flagged", "removed": 0, "left": unknown}
        )
    kept = Candidates(candidates.dataset.take(left), facts[left].reset_index(drop=True))
    return kept, pd.DataFrame(counts)


def rank(candidates: Candidates, members: np.ndarray) -> pd.DataFrame:
    """Stability of each candidate over an ensemble, the longest critical wavelength first.

    A gap or an energy above hull that is not known is flagged (``gap_known``, ``hull_known``): an
    alloy may hide behind the former.

    A crystal whose moduli are known keeps them, and has neither spread nor probability, as in the
    published table.

    Parameters
    ----------
    candidates : Candidates
    members : ndarray, shape (m, n, 2)
        Predictions of `MODULI` by each member.

    Returns
    -------
    DataFrame
        One row a candidate: moduli in GPa, Poisson's ratio, ``chi_low`` and ``chi_high`` in
        kJ/(mol nm) at `K_LOW` and `K_HIGH` with their standard deviations, ``P_s_low``,
        ``P_s_high``, ``lambda_crit_nm`` (mean over members, as published) with its standard
        deviation, and its median, by which the rows are ranked: one member that calls a crystal
        stable makes the mean infinite.
    """
    known = candidates.dataset.targets.to_numpy(float)
    is_known = np.isfinite(known).all(axis=1)
    moduli = 10 ** np.where(is_known[:, None], known, members)
    bulk, shear = moduli[..., 0], moduli[..., 1]
    poisson = poisson_from_moduli(bulk, shear)
    volume = candidates.facts["molar_volume_ratio"].to_numpy()
    table = pd.DataFrame(
        {
            "id": candidates.dataset.ids,
            "formula": candidates.dataset.groups["formula"],
            "moduli_known": is_known,
            "K_GPa": bulk.mean(0),
            "G_GPa": shear.mean(0),
            "G_std_GPa": np.where(is_known, np.nan, shear.std(0)),
            "poisson_ratio": poisson.mean(0),
            "shear_ratio": shear.mean(0) / LITHIUM.shear_modulus_GPa,
        }
    )
    for name, wavenumber in (("low", K_LOW), ("high", K_HIGH)):
        chi = stability_parameter(wavenumber, shear, poisson, volume)
        table[f"chi_{name}"] = chi.mean(0)
        table[f"chi_{name}_std"] = np.where(is_known, np.nan, chi.std(0))
        table[f"P_s_{name}"] = np.where(is_known, np.nan, probability_of_stability(chi))
    wavelength = critical_wavelength_nm(shear, poisson, volume)
    table["lambda_crit_nm"] = wavelength.mean(0)
    table["lambda_crit_median_nm"] = np.median(wavelength, axis=0)
    with np.errstate(invalid="ignore"):
        table["lambda_crit_std_nm"] = np.where(is_known, np.nan, wavelength.std(0))
    table = pd.concat([table, candidates.facts], axis=1)
    table["gap_known"] = table["band_gap_eV"].notna()
    table["hull_known"] = table["energy_above_hull_eV_per_atom"].notna()
    return table.sort_values("lambda_crit_median_nm", ascending=False, ignore_index=True)


def _coordination(crystal: Crystal) -> float:
    """Mean coordination number of lithium; NaN, which the sieve counts, where none can be had."""
    try:
        return mean_voronoi_coordination(crystal)
    except InputError:
        return float("nan")
