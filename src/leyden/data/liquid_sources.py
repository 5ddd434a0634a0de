"""Where measurements of ionic liquids stand in the data home; their rows, one form an ion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from leyden.data.cards import card
from leyden.data.ions import AMBIENT_KPA, ROOM_K, single_ion
from leyden.data.molecules import inchi_key, parse_smiles, with_hydrogens
from leyden.data.tables import read_rows
from leyden.errors import InputError, did_you_mean

__all__ = ["IONIC_LIQUID_TARGETS", "SOURCES", "Source", "measured_rows", "source_of", "source_rows"]


@dataclass(frozen=True)
class Source:
    """Where a quantity stands.

    Attributes
    ----------
    card, column : str
        Data set and column.
    shift : float
        Added to the column, for the unit.
    state : bool
        Whether it depends on temperature and pressure.
    """

    card: str
    column: str
    shift: float = 0.0
    state: bool = True


SOURCES = {
    "density_kg_per_m3": Source("ilthermo", "density_kg_per_m3"),
    "log10_viscosity_Pa_s": Source("ilthermo", "viscosity_Pa_s"),
    "log10_conductivity_S_per_m": Source("ilthermo", "conductivity_S_per_m"),
    "surface_tension_N_per_m": Source("il-properties", "surface_tension_N_per_m"),
    "heat_capacity_J_per_mol_K": Source("il-properties", "heat_capacity_J_per_mol_K"),
    "melting_point_K": Source("il-melting", "melting_point_K", state=False),
    "glass_transition_K": Source("il-properties", "glass_transition_C", 273.15, state=False),
}

IONIC_LIQUID_TARGETS = tuple(SOURCES)
"""Targets of `leyden.data.ionic_liquids`."""


def source_of(target: str) -> Source:
    """Where a target stands; `InputError` for one that no source has."""
    if target not in SOURCES:
        raise InputError(
            "there is no such property of ionic liquids",
            value=target,
            remedy=did_you_mean(target, SOURCES, f"choose from {', '.join(SOURCES)}"),
        )
    return SOURCES[target]


def measured_rows(target: str) -> pd.DataFrame:
    """The rows of the source of a target, as `leyden.data.liquid_checks` take them, uncleaned."""
    return source_rows(target)[0]


@lru_cache(maxsize=len(SOURCES))
def source_rows(target: str) -> tuple[pd.DataFrame, dict[str, object]]:
    """The rows of the source with ions in one form, and a line of the log that tells it.

    `InputError` for another target, or where the data are not there.
    """
    source = source_of(target)
    chosen = card(source.card)
    frame = read_rows(chosen, chosen.table((source.column,)))
    forms = {}
    for name, sign in (("cation", 1), ("anion", -1)):
        for text in frame[name].unique():
            whole = with_hydrogens(single_ion(text, sign))
            forms[text] = inchi_key(whole), parse_smiles(whole), whole != single_ion(text, sign)
    written: dict[str, str] = {}
    for key, smiles, _ in sorted(forms.values()):
        written.setdefault(key, smiles)
    keys = {name: frame[name].map(lambda text: forms[text][0]) for name in ("cation", "anion")}
    rows = pd.DataFrame(
        {
            "cation": keys["cation"].map(written),
            "anion": keys["anion"].map(written),
            "cation_key": keys["cation"],
            "anion_key": keys["anion"],
            "pair": keys["cation"] + "." + keys["anion"],
            "temperature_K": frame["temperature_K"] if source.state else ROOM_K,
            "pressure_kPa": frame.get("pressure_kPa", AMBIENT_KPA),
            "value": frame[source.column].astype(float) + source.shift,
            "set_id": frame["set_id"].fillna("").astype(str) if "set_id" in frame else "",
        }
    )
    mended = [text for text, (_, _, changed) in forms.items() if changed]
    told = {
        "step": "source",
        "why": f"{source.card}; one SMILES an InChIKey; charged atoms written without their "
        "hydrogens get them ([N+] is [NH3+])",
        "rows": len(rows),
        "removed": 0,
        "mended": int((frame["cation"].isin(mended) | frame["anion"].isin(mended)).sum()),
        "pairs": rows["pair"].nunique(),
        "examples": "; ".join(mended[:3]),
    }
    return rows, told
