"""Networks taught on source data: cleaned of what a test fold forbids, fitted once, and kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone

from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import InputError, LeakageError
from leyden.hashing import content_hash, learning_code
from leyden.representations import represent
from leyden.representations.cache import remembered

__all__ = ["Lesson", "clean_source", "labels", "told"]

_LEARNED: dict[str, Any] = {}
"""Source networks that this process has at hand, by key; all of them are on disk too."""


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
        ``source_rows_removed`` and, for a source of another quantity, ``shared_items`` are added
        up here.
    share_items : bool
        Whether a source of another quantity may keep items of the target: rows with the id, or the
        formula or pair of ions, of any row of it, training rows too.

    Raises
    ------
    LeakageError
        Nothing of the source is left, or it lacks the group column by which test rows are told.
    """
    whole, _ = target.root
    everything = whole.hold_out(np.arange(len(whole)), whole.item_group)
    shared = 0
    if source.same_quantity(target):
        for name in held_out.groups:
            if name not in source.groups:
                raise LeakageError(
                    f"{source.name} has no column {name}, by which test rows are kept apart, so it "
                    f"may hold them under other ids. Remedy: give it the group column {name}."
                )
        cleaned = source.without(_with_items(held_out, whole))
    elif share_items:
        cleaned, shared = source, int(everything.mask(source).sum())
    else:
        cleaned = source.without(everything)
    if len(cleaned) == 0:
        raise LeakageError(f"every row of {source.name} is forbidden by the test fold")
    for name, count in (
        ("source_rows", len(cleaned)),
        ("source_rows_removed", len(source) - len(cleaned)),
        ("shared_items", shared),
    ):
        notes[name] = notes.get(name, 0) + count
    return cleaned


def _with_items(held_out: HeldOut, whole: Dataset) -> HeldOut:
    """What is forbidden, and the test rows' own molecules or pairs: ids differ between tables.

    A formula names no item: crystals of one formula are kept apart where the split does so.
    """
    own = next((name for name in ("pair", "molecule") if name in whole.groups), None)
    if own is None or own in held_out.groups:
        return held_out
    tested = np.isin(whole.ids, list(held_out.ids))
    labels = frozenset(whole.groups[own].to_numpy()[tested])
    return HeldOut(held_out.ids, {**held_out.groups, own: labels})


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a source network is to learn, known before any of it is learned.

    Attributes
    ----------
    model : NetworkModel or VectorRegressor
        Unfitted.
    source : Dataset
        Cleaned of what the test fold forbids.
    start : Lesson, optional
        What is learned before it, in a chain.
    train : "all", "head" or tuple of str
        Which parameters move, as of `NetworkModel.fit`.
    """

    model: Any
    source: Dataset
    start: Lesson | None = None
    train: str | tuple[str, ...] = "all"

    @cached_property
    def key(self) -> str:
        """Hash of all that makes the outcome: whoever asks for an equal lesson shares it."""
        before = "" if self.start is None else self.start.key
        return content_hash(learning_code(), self.model, self.source, before, self.train)

    @property
    def depth(self) -> int:
        """How many lessons come before it."""
        return 0 if self.start is None else self.start.depth + 1

    def learned(self) -> Any:
        """The model, fitted: here, in another process, or in an earlier run."""
        if self.key not in _LEARNED:
            _LEARNED[self.key] = self._kept()
        return _LEARNED[self.key]

    def _kept(self) -> Any:
        if not hasattr(self.model, "from_state"):
            return self._fit()
        arrays = remembered("networks", self.key, lambda: self._fit().state())
        writable = {name: np.array(array) for name, array in arrays.items()}  # torch maps no file
        return type(self.model).from_state(self.model.config(), writable)

    def _fit(self) -> Any:
        options: dict[str, Any] = {} if self.train == "all" else {"train": self.train}
        if self.start is not None:
            options["start"] = self.start.learned()
        X = represent(self.model.representation, self.source)
        return clone(self.model).fit(X, self.source.y, **told(self.model, self.source), **options)


def labels(dataset: Dataset, group: str | None = None) -> np.ndarray | None:
    """What an inner validation part keeps together: this group, or formulas or pairs of ions."""
    if group is not None and group not in dataset.groups:
        raise InputError(
            f"{dataset.name} has no group column of this name",
            value=group,
            remedy=f"choose from {', '.join(dataset.groups.columns)}",
        )
    group = dataset.item_group if group is None else group
    return None if group is None else dataset.groups[group].to_numpy()


def told(model: Any, *datasets: Dataset, group: str | None = None) -> dict[str, Any]:
    """What a model's `fit` is told of rows besides inputs and targets, one dataset after another.

    The labels that its inner choices keep together (`labels`, where all datasets have them), and
    which targets are upper bounds, if there are any and the model says that it `reads_bounds`.
    """
    together = [labels(part, group) for part in datasets]
    known = [names for names in together if names is not None]
    said: dict[str, Any] = {
        "groups": np.concatenate(known) if len(known) == len(datasets) else None
    }
    if getattr(model, "reads_bounds", False) and any(part.bounds.any() for part in datasets):
        said["upper_bound"] = np.concatenate([part.upper_bound for part in datasets])
    return said
