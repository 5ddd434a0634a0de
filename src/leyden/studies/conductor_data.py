"""What the study `conductors` learns from: measured, simulated and unlabelled conductors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden.data.catalog import load
from leyden.data.conductors import (
    GOOD_CONDUCTOR,
    good_conductor,
    match_compositions,
    obelix_structures,
    published_conductors,
    simulated_conductors,
)
from leyden.data.crystal import Crystal
from leyden.data.dataset import Dataset
from leyden.data.families import composition_families
from leyden.errors import InputError
from leyden.representations.structural_descriptors import StructuralDescriptors

__all__ = ["ANIONS", "FAMILY", "Conductors", "lithium_structures", "load_conductors"]

MEASURED = "ionic_conductivity_S_per_cm"
SIMULATED = "simulated_ionic_conductivity_S_per_cm"
FAMILY = "composition_family"
CRYSTALS = (
    "mp-lithium",
    "mp-electrodes",
    "flla-2015",
    "elastic-tensor-2015",
    "mp-elasticity-binary",
    "dielectric-constant",
)
"""Sets of crystals among which lithium compounds are looked for."""
ANIONS = frozenset({"H", "N", "P", "As", "O", "S", "Se", "Te", "F", "Cl", "Br", "I"})
"""A crystal without any of these is an alloy, and no electrolyte."""


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
        Lithium crystals of the catalogue, less the compounds of all the others but OBELiX; column
        ``set`` of ``extra`` tells where each is from.
    other_class : tuple of str
        Published compounds that have no structure here because what OBELiX has of their composition
        is of the other class: another phase or sample.
    sources : tuple of Dataset
        All sets that any of these were read from.
    absent : tuple of str
        Sets of crystals that are not in this data home.
    """

    measured: Dataset
    crystals: Dataset
    published: Dataset
    published_crystals: Dataset
    simulated: Dataset
    simulated_crystals: Dataset
    unlabelled: Dataset
    other_class: tuple[str, ...]
    sources: tuple[Dataset, ...]
    absent: tuple[str, ...]

    @property
    def salts(self) -> Dataset:
        """Those of `unlabelled` that hold an anion, of which the five descriptors speak."""
        items = self.unlabelled.items
        return self.unlabelled.take([not ANIONS.isdisjoint(x.composition) for x in items])


def load_conductors(rows: int | None = None) -> Conductors:
    """All of them; at most so many measured and unlabelled ones for a quick run.

    Raises
    ------
    InputError
        A data set is absent.
    """
    measured = good_conductor(load("obelix", target=MEASURED))
    structures = obelix_structures()
    crystals = good_conductor(structures)
    family = composition_families(list(measured.items))
    named = dict(zip(measured.ids, family, strict=True))
    measured = measured.with_group(FAMILY, family)
    crystals = crystals.with_group(FAMILY, [named[name] for name in crystals.ids])
    published = good_conductor(load("sendek", target=MEASURED))
    found = good_conductor(published_conductors(structures=structures))
    simulated = good_conductor(load("sendek", target=SIMULATED), SIMULATED)
    known = {*published.groups["formula"], *simulated.groups["formula"]}
    sets, absent = _crystal_sets()
    return Conductors(
        measured=_at_most(measured, rows),
        crystals=crystals,
        published=published,
        published_crystals=found,
        simulated=simulated,
        simulated_crystals=good_conductor(simulated_conductors(sets), SIMULATED),
        unlabelled=lithium_structures(sets, known, rows),
        other_class=_other_class(published, found, crystals),
        sources=(measured, crystals, published, *sets),
        absent=absent,
    )


def _other_class(published: Dataset, found: Dataset, crystals: Dataset) -> tuple[str, ...]:
    near = match_compositions(published.items, crystals.groups["formula"].tolist())
    matched = published.ids[[len(rows) > 0 for rows in near]]
    return tuple(sorted(set(matched.tolist()) - set(found.ids.tolist())))


def _crystal_sets() -> tuple[list[Dataset], tuple[str, ...]]:
    sets, absent = [], []
    for name in CRYSTALS:
        try:
            sets.append(load(name))
        except InputError:
            absent.append(name)
    return sets, tuple(absent)


def lithium_structures(
    sets: Sequence[Dataset], known: Collection[str] = (), rows: int | None = None
) -> Dataset:
    """Every lithium crystal of some sets, once an id, that no other part of the study knows.

    Those without the five descriptors (lithium metal, alloys with atoms far apart) are left out:
    no teacher could label them.

    Parameters
    ----------
    sets : sequence of Dataset
        Of crystals.
    known : collection of str
        Reduced formulas that are left out.
    rows : int, optional
        At most so many, drawn with a fixed seed.

    Raises
    ------
    InputError
        There is none.
    """
    found: dict[str, tuple[Crystal, str]] = {}
    for crystals in sets:
        for id, crystal in zip(crystals.ids.tolist(), crystals.items, strict=True):
            if "Li" in crystal.composition and crystal.formula not in known:
                found.setdefault(id, (crystal, crystals.name))
    order = list(found)
    if rows is not None:
        order = np.random.default_rng(0).permutation(order).tolist()
    kept: list[str] = []
    for id in order:
        if len(kept) == rows:
            break
        if _describable(found[id][0]):
            kept.append(id)
    if not kept:
        raise InputError(
            "no lithium crystals are here", remedy="leyden data fetch flla-2015 elastic-tensor-2015"
        )
    items = tuple(found[id][0] for id in kept)
    return Dataset(
        name="lithium crystals",
        ids=np.array(kept),
        items=items,
        targets=pd.DataFrame({GOOD_CONDUCTOR: np.full(len(kept), np.nan)}),
        quantities={GOOD_CONDUCTOR: "ionic conductivity"},
        groups=pd.DataFrame({"formula": [crystal.formula for crystal in items]}),
        extra=pd.DataFrame({"set": [found[id][1] for id in kept]}),
    )


def _describable(crystal: Crystal) -> bool:
    try:
        return bool(np.isfinite(StructuralDescriptors().transform([crystal])).all())
    except InputError:
        return False


def _at_most(dataset: Dataset, rows: int | None) -> Dataset:
    if rows is None or len(dataset) <= rows:
        return dataset
    drawn = np.random.default_rng(0).permutation(len(dataset))[:rows]
    return dataset.take(np.sort(drawn))
