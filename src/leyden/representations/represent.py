"""From items to model input: what a representation is, and how it is applied once a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np

from leyden.data.dataset import Dataset
from leyden.data.disordered import DisorderedCrystal
from leyden.errors import InputError

__all__ = ["Concatenated", "Representation", "reads_disorder", "represent", "represent_rows"]


@runtime_checkable
class Representation(Protocol):
    """Turns items into model input.

    A representation is a frozen dataclass; its fields are its parameters, and equal parameters make
    equal input.  Its input `X` has a length and takes an array of positions or a slice.  One that
    knows a shorter way for a whole data set has a method ``of(dataset) -> X`` besides; if that only
    cuts what is made already, it says ``cuts = True``, and its input is not kept.  One that takes a
    `DisorderedCrystal` says so by an attribute ``reads_disorder = True``; the others are given
    ordered crystals only.
    """

    kind: ClassVar[str]

    def transform(self, items: Sequence[Any]) -> Any:
        """Model input; `InputError` with `row` (from 1) for an item that is not fit."""
        ...


def reads_disorder(representation: Any) -> bool:
    """Whether a representation takes crystals whose sites are shared or partly empty."""
    return bool(getattr(representation, "reads_disorder", False))


_MADE: WeakKeyDictionary[Dataset, dict[Any, Any]] = WeakKeyDictionary()


def represent(representation: Any, dataset: Dataset) -> Any:
    """Model input of a data set, made once for the data set it was taken from, and then sliced.

    Representations that are equal share what was made, for as long as the data set lives. One that
    is compared by identity (a fitted network) is applied anew, and so is one that only cuts.

    Raises
    ------
    InputError
        An item that the representation does not take; names the data set and the id.
    """
    if type(representation).__eq__ is object.__eq__ or getattr(representation, "cuts", False):
        return _make(representation, dataset)
    root, positions = dataset.root
    made = _MADE.setdefault(root, {})
    if representation not in made:
        made[representation] = _make(representation, root)
    X = made[representation]
    return X if dataset is root else X[positions]


def represent_rows(
    representation: Any, items: Sequence[Any]
) -> tuple[Any, np.ndarray, dict[int, str]]:
    """Model input of the items that are fit, and what is wrong with the others.

    Parameters
    ----------
    representation : Representation
    items : sequence
        Items; None stands for one that could not be read.

    Returns
    -------
    X : model input of the items that are fit
    kept : ndarray of int64
        Their positions.
    errors : dict of int to str
        Position to message, for the others.
    """
    errors: dict[int, str] = {}
    try:
        return _transformed(representation, items), np.arange(len(items)), errors
    except InputError:
        pass  # one by one, to learn which
    kept = []
    for position, item in enumerate(items):
        try:
            _transformed(representation, [item])
            kept.append(position)
        except InputError as error:
            # The row is known to the caller by its own name, not as the first of one.
            errors[position] = str(InputError(error.rule, value=error.value, remedy=error.remedy))
    return (
        _transformed(representation, [items[i] for i in kept]),
        np.array(kept, dtype=np.int64),
        errors,
    )


@dataclass(frozen=True)
class Concatenated:
    """Several vectors of an item, one after the other.

    Attributes
    ----------
    parts : tuple of Representation
        Each gives an array of shape (n, d_i).
    """

    kind: ClassVar[str] = "concatenated"

    parts: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts:
            raise InputError("a concatenated representation needs at least one part")

    def transform(self, items: Sequence[Any]) -> np.ndarray:
        """Vectors of shape (n, d_1 + d_2 + ...)."""
        return np.hstack([part.transform(items) for part in self.parts])

    def of(self, dataset: Dataset) -> np.ndarray:
        """Vectors of a data set, from parts that may be made already."""
        return np.hstack([represent(part, dataset) for part in self.parts])

    def names(self) -> list[str]:
        """A name a column, from the parts."""
        return [name for part in self.parts for name in part.names()]

    @property
    def may_have_seen_test(self) -> bool:
        """Whether any part was learned from data that are not known."""
        return any(getattr(part, "may_have_seen_test", False) for part in self.parts)

    @property
    def reads_disorder(self) -> bool:
        """Whether all parts do."""
        return all(map(reads_disorder, self.parts))


def _make(representation: Any, dataset: Dataset) -> Any:
    whole = getattr(representation, "of", None)
    try:
        items = _readable(representation, dataset.items)
        if whole is None:
            return representation.transform(items)
        return whole(dataset if items is dataset.items else replace(dataset, items=tuple(items)))
    except InputError as error:
        if not isinstance(error.row, int):
            raise
        # the user knows the row by its id: rows without an answer have been left out
        raise error.at(file=dataset.name, row=str(dataset.ids[error.row - 1])) from error


def _transformed(representation: Any, items: Sequence[Any]) -> Any:
    return representation.transform(_readable(representation, items))


def _readable(representation: Any, items: Sequence[Any]) -> Sequence[Any]:
    """The items in the form that the representation takes; `InputError` for one that has none."""
    disordered = [i for i, item in enumerate(items) if isinstance(item, DisorderedCrystal)]
    if not disordered or reads_disorder(representation):
        return items
    ordered = list(items)
    for position in disordered:
        try:
            ordered[position] = items[position].to_crystal()
        except InputError as error:
            raise error.at(row=position + 1) from error
    return ordered
