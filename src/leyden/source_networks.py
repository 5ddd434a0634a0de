"""Networks taught on source data: cleaned of what a test fold forbids, fitted once, and kept."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import LeakageError
from leyden.hashing import content_hash
from leyden.representations import represent

__all__ = ["clean_source", "teach"]

_TAUGHT: dict[str, Any] = {}
"""Fitted source networks of this process, by content."""


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
        Nothing of the source is left.
    """
    whole, _ = target.root
    everything = whole.hold_out(slice(None), next(iter(held_out.groups), None))
    if source.same_quantity(target):
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
    folds, arms and targets that ask for the same network share it.
    """
    cleaned = clean_source(source, target, held_out, notes, share_items)
    key = content_hash(model, cleaned, getattr(start, "taught_key_", ""))
    if key not in _TAUGHT:
        X = represent(model.representation, cleaned)
        options = {} if start is None else {"start": start}
        fitted = clone(model).fit(X, cleaned.y, **options)
        fitted.taught_key_ = key
        _TAUGHT[key] = fitted
    return _TAUGHT[key]
