"""Transition temperatures of molecules and salts: one row an item, several transitions at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset
from leyden.errors import IncompatibleError, InputError

__all__ = ["joined", "one_row_each"]

_AGREE_C = 1.0
"""Temperatures this close are one measurement, rounded or read again."""

_AS_IF = "as if one were in"
_ZERO_C = 273.15
_OTHERS = {
    "_C": {
        "degrees Fahrenheit": lambda celsius: 1.8 * celsius + 32.0,
        "kelvin": lambda celsius: celsius + _ZERO_C,
    },
    "_K": {
        "degrees Fahrenheit": lambda kelvin: 1.8 * (kelvin - _ZERO_C) + 32.0,
        "degrees Celsius": lambda kelvin: kelvin - _ZERO_C,
    },
}
"""What the same temperature is in another unit, by the unit in the name of a target."""


def one_row_each(dataset: Dataset, *, other_units: str = "raise") -> tuple[Dataset, pd.DataFrame]:
    """The median temperature of every molecule or pair that has several rows, and what was merged.

    Parameters
    ----------
    dataset : Dataset
        Targets in kelvin or degrees Celsius; with a group that names its items (``molecule``,
        ``pair``).
    other_units : {"raise", "keep"}
        Of temperatures of one item that differ as those of two units do: which is right cannot be
        told from here. Kept, they are merged as any others, and the log says so.

    Returns
    -------
    Dataset
        In the order of the first row of each item, whose id and further columns stay. A target
        that no row of an item knows stays NaN.
    DataFrame
        A row an item and target of which temperatures were merged: ``item``, ``target``, ``rows``,
        ``lowest``, ``highest`` and ``remark`` (whether they differ, and whether as if one stood in
        another unit).

    Raises
    ------
    InputError
        Temperatures in two units, or another `other_units`.
    """
    if other_units not in ("raise", "keep"):
        raise InputError("rows in other units are to raise or to be kept", value=other_units)
    labels = _labels(dataset)
    first = ~pd.Series(labels).duplicated().to_numpy()
    by_item = dataset.targets.groupby(labels, sort=False)
    log = pd.DataFrame(
        [
            (item, target, len(values), values.min(), values.max(), _remark(values, str(target)))
            for target in dataset.targets.columns
            for item, rows in by_item[str(target)]
            if len(values := rows.dropna()) > 1
        ],
        columns=["item", "target", "rows", "lowest", "highest", "remark"],
    )
    if other_units == "raise":
        _refuse_other_units(dataset, labels, log)
    if first.all():
        return dataset, log
    merged = dataset.take(first)
    targets = by_item.median().loc[labels[first]].reset_index(drop=True)
    return replace(merged, targets=targets, _root=None), log


def joined(datasets: Sequence[Dataset], name: str) -> Dataset:
    """One dataset with the targets of several, NaN where an item has no such measurement.

    Parameters
    ----------
    datasets : sequence of Dataset
        One row an item each (`one_row_each`), with different targets and the same kind of item.
    name : str
        Of the whole.

    Raises
    ------
    IncompatibleError
        A target occurs twice or in two units of temperature, or an item has several rows, or kinds
        of items differ.
    """
    targets = [str(target) for part in datasets for target in part.targets]
    if len(set(targets)) < len(targets):
        raise IncompatibleError(f"a target occurs twice among {', '.join(targets)}")
    units = {target[-2:] for target in targets} & _OTHERS.keys()
    if len(units) > 1:
        raise IncompatibleError(
            f"{', '.join(targets)} are in two units, so that no difference of them means anything"
        )
    if len(kinds := {part.item_group for part in datasets}) > 1:
        raise IncompatibleError(f"items go by {kinds}, so that none is found in another table")
    tables = []
    for part in datasets:
        table = part.targets.set_axis(_labels(part), axis=0)
        if not table.index.is_unique:
            raise IncompatibleError(
                f"{part.name} has several rows of an item. Remedy: merge them with one_row_each."
            )
        tables.append(table)
    whole = pd.concat(tables, axis=1)
    places: dict[str, tuple[Dataset, int]] = {}
    for part in datasets:
        for row, label in enumerate(_labels(part)):
            places.setdefault(label, (part, row))
    chosen = [places[label] for label in whole.index]
    groups = pd.concat(
        [part.groups.set_axis(_labels(part), axis=0) for part in datasets], join="inner"
    )
    groups = groups[~groups.index.duplicated()].loc[whole.index]
    return Dataset(
        name=name,
        ids=np.array([part.ids[row] for part, row in chosen]),
        items=tuple(part.items[row] for part, row in chosen),
        targets=whole.reset_index(drop=True),
        quantities={key: family for part in datasets for key, family in part.quantities.items()},
        groups=groups.reset_index(drop=True),
    )


def _labels(dataset: Dataset) -> np.ndarray:
    if dataset.item_group is None:
        raise InputError(
            "temperatures are merged by item, and this dataset does not name its items",
            file=dataset.name,
            remedy="give it a group column molecule",
        )
    return dataset.groups[dataset.item_group].to_numpy(str)


def _remark(values: pd.Series, target: str) -> str:
    """What is to be said of the temperatures of one item."""
    low, high = float(values.min()), float(values.max())
    if high - low <= _AGREE_C:
        return "agree"
    for unit, converted in _OTHERS.get(target[-2:], {}).items():
        if any(abs(values - converted(one)).min() <= _AGREE_C for one in values):
            return f"{_AS_IF} {unit}"
    return f"differ by {high - low:.3g}"


def _refuse_other_units(dataset: Dataset, labels: np.ndarray, log: pd.DataFrame) -> None:
    for _, found in log[log["remark"].str.startswith(_AS_IF)].iterrows():
        row = int(np.flatnonzero(labels == found["item"])[0])
        raise InputError(
            f"{found['target']} of one molecule is {found['lowest']:g} and {found['highest']:g}, "
            f"{found['remark']}",
            file=dataset.name,
            row=row + 1,
            value=str(dataset.ids[row]),
            remedy='convert the column to one unit, or take other_units="keep"',
        )
