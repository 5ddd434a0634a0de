"""The data of a recipe: a data set of the catalogue, or the user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leyden.data import catalog
from leyden.data.cards import quantities
from leyden.data.columns import LOG10, check_range, find_column, numbers, quantity_of
from leyden.data.dataset import Dataset
from leyden.data.readers import read_items
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
    if dataset in {card.name for card in catalog.cards()}:
        loaded = catalog.load(dataset, target=targets or None, where=where or None)
    elif (folder / dataset).exists():
        loaded = load_file(folder / dataset, targets, id, item)
        loaded = _filtered(loaded, where or {})
    else:
        catalog.card(dataset)  # raises, with the nearest name
    return loaded if group is None else _grouped(loaded, group)


def load_file(
    path: Path, targets: tuple[str, ...], id: str | None = None, item: str | None = None
) -> Dataset:
    """A file of the user as a dataset; every row must be readable and have an id of its own.

    Raises
    ------
    InputError
        A row that cannot be read, no such target column, text or an infinity in it, or values that
        no material has, which are a sign of another unit.
    """
    if not targets:
        raise InputError("[data] needs targets", file=path, remedy="name columns with their units")
    rows = list(read_items(path, id=id, item=item))
    for row in rows:
        if row.error:
            raise InputError(f"the row cannot be read: {row.error}", file=path, row=row.id)
    extra = pd.DataFrame([row.extra for row in rows])
    values, quantity = pd.DataFrame(index=extra.index), {}
    for target in targets:
        known = quantity_of(target, quantities())
        quantity[target] = target if known is None else known.family
        if target in extra.columns or not target.startswith(LOG10):
            column = numbers(extra[find_column(target, extra.columns, path)], target, path)
        else:
            base = find_column(target.removeprefix(LOG10), extra.columns, path)
            plain = numbers(extra[base], base, path)
            if (plain <= 0).any():
                bad = int(np.flatnonzero(plain <= 0)[0])
                raise InputError(
                    "a logarithm needs a positive value", value=plain[bad], file=path, row=bad + 1
                )
            column = np.log10(plain)
        check_range(column, target, known, path)
        values[target] = column
    items = tuple(row.item for row in rows)
    groups = pd.DataFrame(index=extra.index)
    if items and (hasattr(items[0], "formula") or item in (None, "formula", "composition")):
        groups["formula"] = [getattr(one, "formula", one) for one in items]
    dataset = Dataset(
        name=path.name,
        ids=np.array([row.id for row in rows]),
        items=items,
        targets=values,
        quantities=quantity,
        groups=groups,
        extra=extra.drop(columns=[name for name in targets if name in extra]),
    )
    return dataset.take(values.notna().any(axis=1).to_numpy())


def _filtered(dataset: Dataset, where: Mapping[str, Any]) -> Dataset:
    keep = np.ones(len(dataset), dtype=bool)
    for column, value in where.items():
        name = find_column(column, dataset.extra.columns, dataset.name)
        keep &= (dataset.extra[name] == value).to_numpy()
    if not keep.any():
        raise InputError("no row is left", value=where, file=dataset.name)
    return dataset.take(keep)


def _grouped(dataset: Dataset, group: str) -> Dataset:
    """The dataset with `group` among its groups, from the other columns if need be."""
    if group in dataset.groups:
        return dataset
    columns = pd.concat([dataset.extra, dataset.conditions], axis=1)
    labels = columns[find_column(group, columns.columns, dataset.name)].astype(str)
    return replace(dataset, groups=dataset.groups.assign(**{group: labels}))
