"""What the study `conductors` learns from: measured, simulated and unlabelled conductors."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden.data.catalog import DroppedRowsWarning, load
from leyden.data.conductors import (
    GOOD_CONDUCTOR,
    good_conductor,
    published_conductors,
    simulated_conductors,
)
from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.data.families import composition_families
from leyden.errors import InputError
from leyden.representations.structural_descriptors import StructuralDescriptors

__all__ = ["FAMILY", "Conductors", "lithium_structures", "load_conductors"]

MEASURED = "ionic_conductivity_S_per_cm"
SIMULATED = "simulated_ionic_conductivity_S_per_cm"
FAMILY = "composition_family"
CRYSTALS = (
    "mp-electrodes",
    "flla-2015",
    "elastic-tensor-2015",
    "mp-elasticity-binary",
    "dielectric-constant",
)
"""Sets of crystals among which lithium compounds are looked for."""


@dataclass(frozen=True, eq=False)
class Conductors:
    """Good (1) and poor (0) lithium conductors, and lithium compounds of which it is not known.

    Attributes
    ----------
    measured : Dataset
        Formulas of OBELiX; the group `FAMILY` keeps near compositions together.
    crystals : Dataset
        Those of them that have a structure, under the same ids.
    published, published_crystals : Dataset
        The published training compounds, and those with a structure.
    simulated, simulated_crystals : Dataset
        The 21 compounds with DFT-MD conductivities, and those with a structure.
    unlabelled : Dataset
        Lithium crystals of the catalogue, less the compounds of all the others but OBELiX.
    """

    measured: Dataset
    crystals: Dataset
    published: Dataset
    published_crystals: Dataset
    simulated: Dataset
    simulated_crystals: Dataset
    unlabelled: Dataset


def load_conductors(rows: int | None = None) -> Conductors:
    """All of them; at most so many measured and unlabelled ones for a quick run.

    Raises
    ------
    InputError
        A data set is absent.
    """
    measured = good_conductor(load("obelix", target=MEASURED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedRowsWarning)  # the report counts structures
        crystals = good_conductor(load("obelix-structures", target=MEASURED))
    family = composition_families(list(measured.items))
    named = dict(zip(measured.ids, family, strict=True))
    measured = measured.with_group(FAMILY, family)
    crystals = crystals.with_group(FAMILY, [named[name] for name in crystals.ids])
    published = good_conductor(load("sendek", target=MEASURED))
    simulated = good_conductor(load("sendek", target=SIMULATED), SIMULATED)
    known = {*published.groups["formula"], *simulated.groups["formula"]}
    unlabelled = lithium_structures()
    fresh = ~unlabelled.groups["formula"].isin(known).to_numpy()
    return Conductors(
        measured=_at_most(measured, rows),
        crystals=crystals,
        published=published,
        published_crystals=good_conductor(published_conductors()),
        simulated=simulated,
        simulated_crystals=good_conductor(simulated_conductors(), SIMULATED),
        unlabelled=_at_most(unlabelled.take(fresh), rows),
    )


def lithium_structures() -> Dataset:
    """Every lithium crystal of the catalogued sets that are here, once an id.

    Those without the five descriptors (lithium metal, alloys with atoms far apart) are left out:
    no teacher could label them.
    """
    found: dict[str, Crystal] = {}
    for name in CRYSTALS:
        with suppress(InputError):  # not in this data home; the report counts what is
            crystals = load(name)
            for id, crystal in zip(crystals.ids.tolist(), crystals.items, strict=True):
                if id not in found and _describable(crystal):
                    found[id] = crystal
    if not found:
        raise InputError(
            "no lithium crystals are here", remedy="leyden data fetch flla-2015 elastic-tensor-2015"
        )
    return Dataset(
        name="lithium crystals",
        ids=np.array(list(found)),
        items=tuple(found.values()),
        targets=pd.DataFrame({GOOD_CONDUCTOR: np.full(len(found), np.nan)}),
        quantities={GOOD_CONDUCTOR: "ionic conductivity"},
        groups=pd.DataFrame({"formula": [crystal.formula for crystal in found.values()]}),
    )


def _describable(crystal: Crystal) -> bool:
    if "Li" not in crystal.composition:
        return False
    try:
        return bool(np.isfinite(StructuralDescriptors().transform([crystal])).all())
    except InputError:
        return False


def _at_most(dataset: Dataset, rows: int | None) -> Dataset:
    if rows is None or len(dataset) <= rows:
        return dataset
    drawn = np.random.default_rng(0).permutation(len(dataset))[:rows]
    return dataset.take(np.sort(drawn))
