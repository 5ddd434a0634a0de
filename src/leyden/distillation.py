"""Distillation: a model that sees much labels what is plentiful; one that sees little learns it.

In Cubuk, Sendek, Reed, J. Chem. Phys. 150, 214701 (2019), a model of crystal structures, right for
the right reasons, labels 12,716 Li compounds; a model of compositions learns the labels, and goes
where no structure is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import IncompatibleError, LeakageError
from leyden.representations import represent
from leyden.source_networks import Lesson, clean_source, labels
from leyden.transfer import Strategy

__all__ = ["Distill"]


class Distill(Strategy):
    """A teacher labels items that nobody has measured, and a student learns the labels.

    Parameters
    ----------
    teacher : model
        Reads the items of `source` and of `unlabelled`, such as crystals.
    student : model
        Reads the items of `unlabelled` and those of the target, such as formulas: composition
        statistics read both.
    unlabelled : Dataset
        The plentiful items; their own targets, if any, are not looked at.
    source : Dataset, optional
        What teaches the teacher: the target's own quantities on items that the teacher reads, such
        as the crystals of the target's formulas, under the same ids or formulas. By default the
        target's training rows themselves.
    hard : bool
        Whether the student learns classes (1 where the teacher's probability is above 0.5) instead
        of what the teacher predicts, probabilities or values.
    with_target : bool
        Whether the target's training rows, with their measured labels, teach the student too.

    Notes
    -----
    What a test fold forbids teaches neither of the two: `source` and `unlabelled` lose the fold's
    ids, groups and formulas.  ``notes_`` counts ``unlabelled_rows``, ``unlabelled_rows_removed``
    and ``unlabelled_rows_without_label`` (for which the teacher knows no answer) besides what all
    strategies do; ``source_rows`` and ``source_rows_removed`` are of both datasets together.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        unlabelled: Dataset,
        source: Dataset | None = None,
        hard: bool = True,
        with_target: bool = False,
    ) -> None:
        self.teacher = teacher
        self.student = student
        self.unlabelled = unlabelled
        self.source = source
        self.hard = hard
        self.with_target = with_target

    def lessons(self, dataset: Dataset, held_out: HeldOut, notes: dict[str, Any]) -> list[Lesson]:
        """What the teacher learns from `source`, if there is one."""
        if self.source is None:
            return []
        theirs, ours = (", ".join(part.targets.columns) for part in (self.source, dataset))
        if theirs != ours:
            raise IncompatibleError(
                f"{self.source.name} teaches {theirs}, but the student is to learn {ours}. "
                "Remedy: a source with the same targets."
            )
        forbidden = _with_formulas(dataset, held_out)
        return [Lesson(self.teacher, clean_source(self.source, dataset, forbidden, notes))]

    def _learn(self, dataset: Dataset, held_out: HeldOut) -> Any:
        taught = self.lessons(dataset, held_out, self.notes_)
        teacher = taught[0].learned() if taught else self._fit(self.teacher, dataset)
        parts = [self._labelled(teacher, dataset, _with_formulas(dataset, held_out))]
        if self.with_target:
            parts.append(dataset)
        self.notes_["may_have_seen_test"] = any(
            getattr(model.representation, "may_have_seen_test", False)
            for model in (self.teacher, self.student)
        )
        inputs = [represent(self.student.representation, part) for part in parts]
        whole = getattr(type(inputs[0]), "concatenate", np.concatenate)
        names = [part for part in map(labels, parts) if part is not None]
        return clone(self.student).fit(
            whole(inputs),
            np.concatenate([part.y for part in parts]),
            groups=np.concatenate(names) if len(names) == len(parts) else None,
        )

    def _labelled(self, teacher: Any, dataset: Dataset, forbidden: HeldOut) -> Dataset:
        """The items that may teach, with the teacher's answers as their targets."""
        if "formula" in forbidden.groups and "formula" not in self.unlabelled.groups:
            raise LeakageError(
                f"{self.unlabelled.name} has no column formula, by which test rows are kept apart. "
                "Remedy: give it one."
            )
        allowed = self.unlabelled.without(forbidden)
        answers = np.asarray(teacher.predict(represent(teacher.representation, allowed)), float)
        answers = answers.reshape(len(allowed), -1)
        known = np.isfinite(answers).all(axis=1)
        if not known.any():
            raise LeakageError(f"no row of {self.unlabelled.name} is left that can be labelled")
        if self.hard:
            answers = (answers > 0.5).astype(float)
        counts = {
            "unlabelled_rows": int(known.sum()),
            "unlabelled_rows_removed": len(self.unlabelled) - len(allowed),
            "unlabelled_rows_without_label": int((~known).sum()),
        }
        self.notes_.update(counts)
        for name in ("rows", "rows_removed"):
            total = self.notes_.get(f"source_{name}", 0) + counts[f"unlabelled_{name}"]
            self.notes_[f"source_{name}"] = total
        kept = allowed.take(known)
        targets = pd.DataFrame(answers[known], columns=dataset.targets.columns)
        return replace(kept, targets=targets, quantities=dataset.quantities, _root=kept.root)


def _with_formulas(dataset: Dataset, held_out: HeldOut) -> HeldOut:
    """What is forbidden, and the formulas of the forbidden rows of the whole target."""
    whole, _ = dataset.root
    rows = held_out.mask(whole)
    if "formula" not in whole.groups or not rows.any():
        return held_out
    formulas = held_out.groups.get("formula", frozenset())
    formulas |= frozenset(whole.groups["formula"][rows])
    return HeldOut(held_out.ids, {**held_out.groups, "formula": formulas})
