"""What teaches in the study `voltages`: electrodes, formation energies, elastic moduli."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from leyden.data.catalog import load
from leyden.data.dataset import Dataset, concatenate
from leyden.data.formulas import parse_composition, parse_formula, reduced_formula
from leyden.errors import InputError
from leyden.physics.electrodes import CHARGES
from leyden.studies.lithium_screen import MODULI

__all__ = ["Sources", "at_most", "load_electrodes", "sources_of"]

VOLTAGE = "average_voltage_V"
ENERGY = "formation_energy_eV_per_atom"


@dataclass(frozen=True, eq=False)
class Sources:
    """What teaches: Li voltages, formation energies, elastic moduli.

    `strangers` are the formation energies of crystals that belong to no electrode here: the only
    ones from which no voltage can be had.
    """

    lithium: Dataset
    energies: Dataset
    strangers: Dataset
    moduli: Dataset


def load_electrodes() -> Dataset:
    """All electrode pairs of all ions; `clean` says which rows may teach."""
    return load("mp-electrodes", target=VOLTAGE)


def sources_of(electrodes: Dataset, most: int | None = None) -> Sources:
    """The data that transfer starts from.

    Formation energies are those of the electrodes' own structures, each with the framework it
    belongs to, so that a fold takes them out; and those of flla-2015 less whatever could be a
    framework here, with or without ions, so that no fold has to.
    """
    ion = electrodes.groups["working_ion"] == "Li"
    clean = electrodes.extra["clean"].astype(bool)
    lithium = electrodes.take((ion & clean).to_numpy()).alone()
    frameworks = {parse_formula(name) for name in electrodes.groups["framework"]}
    own = _labelled(load("mp-electrodes", target=ENERGY), _framework_of(electrodes))
    other = load("flla-2015", target=ENERGY)
    strange = [frameworks.isdisjoint(_hosts_in(f)) for f in other.groups["formula"]]
    other = other.take(np.array(strange) & ~np.isin(other.ids, own.ids))
    other = replace(other, groups=other.groups.assign(framework="of no electrode"), _root=None)
    same = [name for name in own.groups if name in other.groups]
    parts = [replace(part, groups=part.groups[same], extra=pd.DataFrame()) for part in (own, other)]
    elastic = [load("elastic-tensor-2015", target=MODULI)]
    with suppress(InputError):  # where it is absent fewer moduli teach, as the data table shows
        elastic.append(load("mp-elasticity-binary", target=MODULI))
    return Sources(
        lithium,
        at_most(concatenate(parts, "formation energies"), most),
        at_most(replace(parts[1], name="formation energies of strangers"), most),
        at_most(concatenate(elastic, "moduli"), most),
    )


def at_most(dataset: Dataset, rows: int | None) -> Dataset:
    """Some rows of a dataset, drawn at random, as a dataset of its own; all of them for None."""
    if rows is None or len(dataset) <= rows:
        return dataset
    drawn = np.sort(np.random.default_rng(0).permutation(len(dataset))[:rows])
    return dataset.take(drawn).alone()


def _framework_of(electrodes: Dataset) -> dict[str, str]:
    """Structure id to the framework that it belongs to; each belongs to one."""
    table = pd.DataFrame(
        {
            "framework": np.tile(electrodes.groups["framework"].to_numpy(), 2),
            "id": np.concatenate([electrodes.extra[f"{s}_id"] for s in ("charged", "discharged")]),
        }
    )
    return dict(table[["id", "framework"]].to_numpy())


def _labelled(structures: Dataset, framework: dict[str, str]) -> Dataset:
    """The structures of these pairs, with their framework."""
    mine = structures.take(np.isin(structures.ids, list(framework)))
    labels = [framework[name] for name in mine.ids]
    return replace(mine, groups=mine.groups.assign(framework=labels), _root=None)


def _hosts_in(formula: str) -> set[str]:
    """What the framework may be that a formula belongs to: all of it, or less some of its ions."""
    amounts = parse_composition(formula)
    ions = [element for element in amounts if element in CHARGES]
    hosts = set()
    for count in range(len(ions) + 1):
        for gone in combinations(ions, count):
            rest = {element: n for element, n in amounts.items() if element not in gone}
            if rest:
                hosts.add(reduced_formula(rest))
    return hosts
