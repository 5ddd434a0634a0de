"""The data of a recipe: a data set of the catalogue, or the user's own table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leyden.data import catalog
from leyden.data.cards import card
from leyden.data.columns import find_column
from leyden.data.conductors import CONDUCTIVITY, GOOD_CONDUCTOR, good_conductor
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair, StatePoint
from leyden.data.readers import read_table
from leyden.errors import InputError

if TYPE_CHECKING:
    from leyden.recipe import Data

__all__ = ["load", "own_table", "vectors_of"]


def own_table(dataset: str, folder: Path) -> Path | None:
    """The file that a section names, or None where it names a data set of the catalogue."""
    if dataset in {card.name for card in catalog.cards()} or not (folder / dataset).is_file():
        return None
    return (folder / dataset).resolve()


def load(section: Data, folder: Path = Path()) -> Dataset:
    """The dataset of a section [data] or [source]; rows without any target are left out.

    Parameters
    ----------
    section : Data
    folder : path
        What relative file names start at.

    Raises
    ------
    InputError
        No such data set, file, column or target; a row that cannot be read.
    """
    path = own_table(section.dataset, folder)
    if path is None:
        loaded = _with_classes(
            section.targets,
            lambda names: catalog.load(section.dataset, target=names or None, where=section.where),
            known=card(section.dataset).targets,
        )
    elif not section.targets:
        raise InputError("a table needs targets", file=path, remedy="name columns with their units")
    else:
        table = read_table(path)
        loaded = _with_classes(
            section.targets,
            lambda names: Dataset.from_table(
                table,
                target=names,
                item=section.item,
                id=section.id,
                censored=section.censored,
                name=str(path),
            ).with_targets(names),
            known=tuple(map(str, table.columns)),
        )
        loaded = _filtered(loaded, section.where)
    return loaded if section.group is None else _grouped(loaded, section.group)


def vectors_of(dataset: Dataset) -> Any:
    """What classical baselines read of molecules and ions; None for what has a composition."""
    from leyden.representations import MoleculeDescriptors
    from leyden.representations.ion_pair import IonPairVectors

    if isinstance(dataset.items[0], IonPair | StatePoint):
        return IonPairVectors(MoleculeDescriptors())
    return MoleculeDescriptors() if "molecule" in dataset.groups else None


def _with_classes(
    targets: tuple[str, ...], read: Callable[[tuple[str, ...]], Dataset], known: tuple[str, ...]
) -> Dataset:
    """What is read of the targets; good conductors are told by their conductivity."""
    if GOOD_CONDUCTOR not in targets or GOOD_CONDUCTOR in known:
        return read(targets)
    if len(targets) > 1:
        raise InputError(f"{GOOD_CONDUCTOR} is a class, and is learned alone", value=list(targets))
    labelled = good_conductor(read((CONDUCTIVITY,)))
    good = int(labelled.y.sum())
    if good in (0, len(labelled)):
        raise InputError(
            "good and poor conductors are needed to learn from",
            value=f"{good} good ones among {len(labelled)} rows",
            file=labelled.name,
            remedy=f"a good one has 1e-4 S/cm or more: check the unit of {CONDUCTIVITY}",
        )
    return labelled


def _filtered(dataset: Dataset, where: Mapping[str, Any]) -> Dataset:
    keep = np.ones(len(dataset), dtype=bool)
    for column, value in where.items():
        name = find_column(column, dataset.extra.columns, dataset.name)
        keep &= (dataset.extra[name].astype(str) == str(value)).to_numpy()
    if not keep.any():
        raise InputError("no row is left", value=dict(where), file=dataset.name)
    return dataset.take(keep)


def _grouped(dataset: Dataset, group: str) -> Dataset:
    """The dataset with `group` among its groups, from the other columns if need be."""
    if group in dataset.groups:
        return dataset
    columns = pd.concat([dataset.extra, dataset.conditions], axis=1)
    labels = columns[find_column(group, columns.columns, dataset.name)].astype(str)
    return replace(dataset, groups=dataset.groups.assign(**{group: labels}))
