"""How far the voltages of a set of electrodes lie from the energies that come with them, and why.

A label and the energies of its two structures are stored apart, and may be of different dates.
What has changed in between can often be told from what else is stored of a pair: its capacity,
its energies above the hull, its volumes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from leyden.data.columns import find_column
from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.data.electrode import Electrode
from leyden.errors import InputError
from leyden.physics.electrodes import average_voltage, gravimetric_capacity, volumetric_capacity

__all__ = ["AGREEMENT_V", "explain_distance", "label_distance"]

AGREEMENT_V = 0.05
"""A label this near to the energies agrees with them: the rule behind `clean`."""

_CAPACITY = 0.01  # of the ratio: compositions give it to 1e-6, another range changes it by 10 %
_DENSITY = 0.002  # of the ratio: what rounding of the stored cells cannot do


def label_distance(electrodes: Dataset, structures: Dataset) -> pd.DataFrame:
    """Each label beside the voltage that the energies of its two structures give.

    Parameters
    ----------
    electrodes : Dataset
        ``load("mp-electrodes", target="average_voltage_V")``, or rows of it.
    structures : Dataset
        ``load("mp-electrodes")``: the structures with their energies.

    Returns
    -------
    DataFrame
        One row an electrode, its id as index. Voltages in V:

        ``label_V``, ``voltage_V`` (from formation energies), ``distance_V`` (without sign);
        ``voltage_total_V``: from total energies, without the corrections that formation energies
        hold; the energy of the metal is the median of what the pairs of the ion imply;
        ``correction_V``: what those corrections are worth;
        ``metal_V``: median of label less voltage over the pairs of the ion: another energy of its
        metal;
        ``charged_V``, ``discharged_V``: what it is worth that the energy above the hull of this
        state was another one when the pair was made;
        ``capacity_ratio``: stored capacity over that of the two compositions;
        ``density_ratio``: density of the discharged state that the stored capacities imply over
        that of the structure;
        ``cause``: as `explain_distance` tells it at length.

    Raises
    ------
    InputError
        An item that is no electrode with a discharged structure, or a dataset without the columns
        of `mp-electrodes`.
    """
    poor, rich = (_states(electrodes, structures, name) for name in ("charged", "discharged"))
    z = np.array([item.charge_number for item in electrodes.items], dtype=float)
    ion = pd.Series([item.ion for item in electrodes.items])
    ions = rich["ions"] - poor["ions"]
    label = electrodes.targets["average_voltage_V"]
    voltage = pd.Series(average_voltage(poor["formation"], rich["formation"], ions, z))
    # formation energies count from the metal, so the difference to total ones tells its energy
    metal = (rich["total"] - poor["total"] - rich["formation"] + poor["formation"]) / ions
    metal = metal.groupby(ion).transform("median")
    total = pd.Series(average_voltage(poor["total"], rich["total"], ions, z, metal))
    grams = gravimetric_capacity(ions, z, rich["mass"])
    litres = volumetric_capacity(ions, z, rich["volume"])
    stored = {
        unit: electrodes.extra[f"capacity_mAh_per_{unit}"].to_numpy(float) for unit in ("g", "cm3")
    }
    rows = pd.DataFrame(
        {
            "label_V": label,
            "voltage_V": voltage,
            "distance_V": (label - voltage).abs(),
            "voltage_total_V": total,
            "correction_V": voltage - total,
            "metal_V": (label - voltage).groupby(ion).transform("median"),
            "charged_V": poor["changed"] / (z * ions),
            "discharged_V": -rich["changed"] / (z * ions),
            "capacity_ratio": stored["g"] / grams,
            "density_ratio": stored["cm3"] / stored["g"] / (litres / grams),
        }
    )
    rows["cause"] = [_cause(row) for _, row in rows.iterrows()]
    return rows.set_axis(pd.Index(electrodes.ids, name="id"))


def explain_distance(row: pd.Series) -> str:
    """Why the label of a row of `label_distance` and its energies differ, as one sentence."""
    return _SENTENCES[row["cause"]].format_map(row)


_SENTENCES = {
    "none": "label and energies agree within {distance_V:.2g} V",
    "metal": "the labels of the ion are {metal_V:+.4f} V off: another energy of its metal",
    "no energy": "a structure has no formation energy",
    "longer range": "the label is of a longer discharge: its capacity is {capacity_ratio:.2f} "
    "times that of the two structures",
    "charged energy": "the charged structure had another energy above the hull when the label was "
    "made, worth {charged_V:+.2f} V",
    "discharged energy": "the discharged structure had another energy above the hull when the "
    "label was made, worth {discharged_V:+.2f} V",
    "both energies": "both structures had other energies above the hull when the label was made, "
    "worth {charged_V:+.2f} and {discharged_V:+.2f} V",
    "correction": "the label lacks the corrections in the formation energies, worth "
    "{correction_V:+.2f} V: total energies give {voltage_total_V:.2f} V",
    "changed": "what is stored of the structures has changed since, but does not add up: energies "
    "above the hull worth {charged_V:+.2f} and {discharged_V:+.2f} V, density {density_ratio:.3f} "
    "times the stored one",
    "unknown": "nothing else that is stored of the pair tells why",
}
"""Cause, as `label_distance` names it, to its sentence."""


def _cause(row: pd.Series) -> str:
    """What accounts for the gap: for more than half of it, where it is an amount in volts."""
    distance, gap = row["distance_V"], row["label_V"] - row["voltage_V"]
    if not np.isfinite(distance):
        return "no energy"
    if distance <= AGREEMENT_V:
        offset = row["metal_V"]
        return "metal" if abs(offset) > 1e-4 and abs(gap - offset) < 0.1 * abs(offset) else "none"
    if abs(row["capacity_ratio"] - 1) > _CAPACITY:
        return "longer range"
    charged, discharged = row["charged_V"], row["discharged_V"]
    worth = {
        "charged energy": charged,
        "discharged energy": discharged,
        "correction": -row["correction_V"],
    }
    if min(abs(charged), abs(discharged)) > 0.1 * distance:
        worth["both energies"] = charged + discharged
    left = {name: abs(gap - value) for name, value in worth.items() if np.isfinite(value)}
    nearest = min(left, key=left.__getitem__)
    if left[nearest] < distance / 2:
        return nearest
    recalculated = max(abs(charged), abs(discharged)) > distance / 2
    replaced = abs(row["density_ratio"] - 1) > _DENSITY
    return "changed" if recalculated or replaced else "unknown"


def _states(electrodes: Dataset, structures: Dataset, name: str) -> pd.DataFrame:
    """Energies (eV), mass (g/mol), volume (A3) and ions of one state, an atom of its framework."""
    for item in electrodes.items:
        if not isinstance(item, Electrode) or item.discharged is None:
            raise InputError("an electrode with its discharged structure is needed", value=item)
    crystals = [item.host if name == "charged" else item.discharged for item in electrodes.items]
    ids = electrodes.extra[find_column(f"{name}_id", electrodes.extra.columns, electrodes.name)]
    then = electrodes.extra[f"energy_above_hull_{name}_eV_per_atom"].to_numpy(float)
    known = structures.targets.set_axis(structures.ids).reindex(ids)
    total = structures.extra["energy_eV_per_cell"].set_axis(structures.ids).reindex(ids)
    atoms = np.array([len(crystal) for crystal in crystals], dtype=float)
    mobile = np.array(
        [
            crystal.composition.get(item.ion, 0)
            for crystal, item in zip(crystals, electrodes.items, strict=True)
        ]
    )
    now = known["energy_above_hull_eV_per_atom"].to_numpy()
    per_cell = pd.DataFrame(
        {
            "formation": known["formation_energy_eV_per_atom"].to_numpy() * atoms,
            "total": total.to_numpy(float),
            "changed": (then - now) * atoms,
            "mass": _masses(crystals),
            "volume": [crystal.volume for crystal in crystals],
            "ions": mobile,
        }
    )
    return per_cell.div(atoms - mobile, axis=0)


def _masses(crystals: list[Crystal]) -> list[float]:
    """Molar masses of the cells, g/mol."""
    from pymatgen.core import Element

    symbols = {symbol for crystal in crystals for symbol in crystal.composition}
    masses = {symbol: float(Element(symbol).atomic_mass) for symbol in symbols}
    return [
        sum(masses[symbol] * count for symbol, count in crystal.composition.items())
        for crystal in crystals
    ]
