"""The data of a recipe: a data set of the catalogue, or the user's own table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.data import catalog
from leyden.data.columns import find_column
from leyden.data.dataset import Dataset
from leyden.data.readers import load_table
from leyden.errors import InputError

__all__ = ["load", "own_table"]


def own_table(dataset: str, folder: Path) -> Path | None:
    """The file that a section names, or None where it names a data set of the catalogue."""
    if dataset in {card.name for card in catalog.cards()} or not (folder / dataset).is_file():
        return None
    return (folder / dataset).resolve()


def load(
    dataset: str,
    targets: tuple[str, ...] = (),
    where: Mapping[str, Any] | None = None,
    group: str | None = None,
    id: str | None = None,
    item: str | None = None,
    folder: Path = Path(),
) -> Dataset:
    """The dataset that a section [data] or [source] names; rows without any target are left out.

    Parameters
    ----------
    dataset : str
        A name of the catalogue, or a file; relative paths start at `folder`.
    targets, where, group, id, item
        As in the recipe.

    Raises
    ------
    InputError
        No such data set, file, column or target; a row that cannot be read.
    """
    path = own_table(dataset, folder)
    if path is None:
        loaded = catalog.load(dataset, target=targets or None, where=where)
    elif not targets:
        raise InputError("a table needs targets", file=path, remedy="name columns with their units")
    else:
        loaded = load_table(path, target=targets, item=item, id=id).with_targets(targets)
        loaded = _filtered(loaded, where or {})
    return loaded if group is None else _grouped(loaded, group)


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
