"""The data room: items, datasets, and the catalogue from which they are loaded."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "cards": "leyden.data.cards",
    "card": "leyden.data.cards",
    "Card": "leyden.data.cards",
    "data_home": "leyden.data.home",
    "fetch": "leyden.data.sources",
    "load": "leyden.data.catalog",
    "Electrode": "leyden.data.electrode",
    "DroppedRowsWarning": "leyden.data.catalog",
    "explain_distance": "leyden.data.electrode_labels",
    "good_conductor": "leyden.data.conductors",
    "match_compositions": "leyden.data.conductors",
    "published_conductors": "leyden.data.conductors",
    "simulated_conductors": "leyden.data.conductors",
    "label_distance": "leyden.data.electrode_labels",
    "Dataset": "leyden.data.dataset",
    "DisorderedCrystal": "leyden.data.disordered",
    "disordered_from_cif": "leyden.data.disordered",
    "HeldOut": "leyden.data.dataset",
    "concatenate": "leyden.data.dataset",
    "load_table": "leyden.data.readers",
    "read_items": "leyden.data.readers",
    "MoleculePair": "leyden.data.solvation",
    "Row": "leyden.data.readers",
    "solvation": "leyden.data.solvation",
    "Crystal": "leyden.data.materials",
    "IonPair": "leyden.data.ions",
    "StatePoint": "leyden.data.ions",
    "ion_catalogue": "leyden.data.ion_catalogue",
    "load_cosmo_rs": "leyden.data.cosmo_rs",
    "ionic_liquids": "leyden.data.ionic_liquids",
    "replicate_spread": "leyden.data.replicates",
    "parse_crystal": "leyden.data.materials",
    "parse_formula": "leyden.data.materials",
    "parse_smiles": "leyden.data.materials",
    "trajectory_dataset": "leyden.data.trajectories",
    "Region": "leyden.data.trajectory",
    "Trajectory": "leyden.data.trajectory",
    "read_trajectory": "leyden.data.trajectory_files",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Bring in a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'leyden.data' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
