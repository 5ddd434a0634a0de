"""What a reader of a screening should know before its numbers."""

from __future__ import annotations

from collections.abc import Container, Sequence

from leyden.screening.criteria import (
    Bound,
    Criterion,
    ElementRule,
    Inside,
    ModelBound,
    Neutral,
    parts_of,
)
from leyden.screening.criterion_kinds import not_radioactive
from leyden.screening.scores import ElementScore
from leyden.screening.space import CompositionSpace

__all__ = ["remarks"]


def remarks(
    space: CompositionSpace, score: ElementScore | None, criteria: Sequence[Criterion], keep: int
) -> list[str]:
    """Sentences: more is kept than there is, data of elements are missing, some are radioactive.

    Parameters
    ----------
    space : CompositionSpace
    score : ElementScore, optional
    criteria : sequence of Criterion
    keep : int
    """
    said = []
    if keep > space.total:
        said.append(f"{keep} are to be kept of {space.total} candidates: all that pass are.")
    lacking: list[tuple[str, Container[str]]] = []
    if score is not None:
        lacking.append(("cannot be scored", score.elements))
    for own in criteria:
        if isinstance(own, Neutral):
            stated = {symbol for symbol, states in own.table.items() if states}
            lacking.append(("have no oxidation state and are never neutral", stated))
        elif isinstance(own, Bound):
            lacking.append((f"have no {own.name} and fail it", own.known))
        elif isinstance(own, Inside):
            lacking.append((f"are not {own.name}", own.known))
    for what, having in lacking:
        if without := [symbol for symbol in space.elements if symbol not in having]:
            said.append(f"Candidates with {', '.join(without)} {what}.")
    simple = [p for own in criteria if not isinstance(own, ModelBound) for p in parts_of(own)]
    rules = [own for own in simple if isinstance(own, ElementRule)]
    permitted = [s for s in space.elements if all(rule.permits(s) for rule in rules)]
    if radioactive := [s for s in permitted if not not_radioactive().permits(s)]:
        said.append(f"No criterion excludes the radioactive {', '.join(radioactive)}.")
    return said
