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
from leyden.errors import InputError

__all__ = ["load", "load_file"]


def load(
    dataset: str,
    targets: tuple[str, ...] = (),
    where: Mapping[str, Any] | None = None,
    group: str | None = None,
    id: str | None = None,
    item: str | None = None,
    folder: Path = Path(),
) -> Dataset:
    """The dataset that a section [data] or [source] names.

    Parameters
    ----------
    dataset : str
        A name of the catalogue, or a file; relative paths start at `folder`.
    targets, where, group, id, item
        As in the recipe.
    """
    path = folder / dataset
    if dataset not in {card.name for card in catalog.cards()} and path.exists():
        loaded = load_file(path, targets, id, item)
        loaded = _filtered(loaded, where) if where else loaded
    else:
        loaded = catalog.load(dataset, target=targets or None, where=where)
    return loaded if group is None else _grouped(loaded, group)


def load_file(
    path: Path, targets: tuple[str, ...], id: str | None = None, item: str | None = None
) -> Dataset:
    """A table of the user: .csv, .parquet or .jsonl (the first and last also as .gz).

    Rows that have no target are left out.

    Raises
    ------
    InputError
        A row that cannot be read, no such target column, text or an infinity in it, or values that
        no material has, which are a sign of another unit.
    """
    if not targets:
        raise InputError("[data] needs targets", file=path, remedy="name columns with their units")
    readers = {
        ".csv": lambda: pd.read_csv(path, low_memory=False),
        ".parquet": lambda: pd.read_parquet(path),
        ".jsonl": lambda: pd.read_json(path, lines=True, dtype=False, convert_dates=False),
    }
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if suffix not in readers:
        raise InputError(
            "targets are read from a table",
            file=path,
            remedy="give a .csv, .parquet or .jsonl file with a column of formulas, SMILES or CIF",
        )
    try:
        table = readers[suffix]()
    except (OSError, ValueError) as error:
        raise InputError(f"the table cannot be read: {error}", file=path) from error
    if table.empty:
        raise InputError("the table has no rows", file=path)
    dataset = Dataset.from_table(table, target=targets, item=item, id=id, name=path.name)
    return dataset.with_targets(targets)


def _filtered(dataset: Dataset, where: Mapping[str, Any]) -> Dataset:
    keep = np.ones(len(dataset), dtype=bool)
    for column, value in where.items():
        name = find_column(column, dataset.extra.columns, dataset.name)
        keep &= (dataset.extra[name] == value).to_numpy()
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
