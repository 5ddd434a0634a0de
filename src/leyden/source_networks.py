"""Networks taught on source data: cleaned of what a test fold forbids, fitted once, and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import LeakageError
from leyden.hashing import content_hash
from leyden.representations import represent
from leyden.representations.cache import remembered

__all__ = ["clean_source", "teach"]

_TAUGHT: dict[str, Any] = {}
"""Source networks that this process has at hand, by content; all of them are on disk too."""


def clean_source(
    source: Dataset,
    target: Dataset,
    held_out: HeldOut,
    notes: dict[str, Any],
    share_items: bool = True,
) -> Dataset:
    """The rows of a source that may teach, and in `notes` what was taken out and what is shared.

    Parameters
    ----------
    source, target : Dataset
        `target` is the training part; its root tells the whole of the target's items.
    held_out : HeldOut
        What the test fold forbids. It binds a source of the same or a derived quantity.
    notes : dict
        ``source_rows_removed`` and ``shared_items`` are added up here.
    share_items : bool
        Whether a source of another quantity may keep items of the target.

    Raises
    ------
    LeakageError
        Nothing of the source is left, or it lacks the group column by which test rows are told.
    """
    whole, _ = target.root
    everything = whole.hold_out(np.arange(len(whole)), next(iter(held_out.groups), None))
    if source.same_quantity(target):
        for name in held_out.groups:
            if name not in source.groups:
                raise LeakageError(
                    f"{source.name} has no column {name}, by which test rows are kept apart, so it "
                    f"may hold them under other ids. Remedy: give it the group column {name}."
                )
        cleaned = source.without(held_out)
    elif share_items:
        cleaned = source
    else:
        cleaned = source.without(everything)
    if len(cleaned) == 0:
        raise LeakageError(f"every row of {source.name} is forbidden by the test fold")
    for name, count in (
        ("source_rows", len(cleaned)),
        ("source_rows_removed", len(source) - len(cleaned)),
        ("shared_items", int(everything.mask(cleaned).sum())),
    ):
        notes[name] = notes.get(name, 0) + count
    return cleaned


def teach(
    model: Any,
    source: Dataset,
    target: Dataset,
    held_out: HeldOut,
    notes: dict[str, Any],
    share_items: bool = True,
    start: Any = None,
) -> Any:
    """A clone of `model`, fitted on what of the source is allowed; equal content is fitted once.

    The key is the model's configuration, the rows that teach it, and what it started from, so all
    folds, arms, targets and processes that ask for the same network share it.
    """
    cleaned = clean_source(source, target, held_out, notes, share_items)
    key = content_hash(model, cleaned, getattr(start, "taught_key_", ""))
    if key not in _TAUGHT:
        options = {} if start is None else {"start": start}
        _TAUGHT[key] = _kept(model, cleaned, key, options)
        _TAUGHT[key].taught_key_ = key
    return _TAUGHT[key]


def _kept(model: Any, source: Dataset, key: str, options: dict[str, Any]) -> Any:
    """The fitted model; a network, which is slow to learn, is looked for on disk first."""

    def fit() -> Any:
        X = represent(model.representation, source)
        return clone(model).fit(X, source.y, groups=labels(source), **options)

    if not hasattr(model, "from_state"):
        return fit()
    arrays = remembered("networks", key, lambda: fit().state())
    writable = {name: np.array(array) for name, array in arrays.items()}  # torch maps no file
    return type(model).from_state(model.config(), writable)


def labels(dataset: Dataset) -> np.ndarray | None:
    """What an inner validation part keeps together: the formula, where items have one."""
    return dataset.groups["formula"].to_numpy() if "formula" in dataset.groups else None
