"""From criteria to the arrays that the kernel reads."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from leyden.errors import InputError
from leyden.screening.criteria import (
    Bound,
    ElementRule,
    KernelCriterion,
    Neutral,
    ScoreAbove,
    Scored,
)
from leyden.screening.forms import decimal, form_of, score_values
from leyden.screening.kernel import MASK_STAGE, NEUTRAL_STAGE, RANK, SCORE_STAGE, Plan
from leyden.screening.neutrality import pack_states
from leyden.screening.scores import ElementScore
from leyden.screening.space import CompositionSpace

__all__ = ["Groups", "make_groups", "make_plan"]


class Groups(NamedTuple):
    """Choices of elements, and what is known of a choice whatever its parts.

    Attributes
    ----------
    numbers : ndarray of int64, shape (G, 3)
        Element numbers (`CompositionSpace.groups`).
    signatures : ndarray of int64, shape (G,)
        Equal where the sets of oxidation states are.
    scored : ndarray of bool, shape (G,)
    stops : ndarray of int64, shape (G,)
        First criterion that the elements alone break; the number of criteria for none.
    """

    numbers: np.ndarray
    signatures: np.ndarray
    scored: np.ndarray
    stops: np.ndarray


def make_plan(
    space: CompositionSpace,
    score: ElementScore | None,
    criteria: Sequence[KernelCriterion],
    alone: bool,
) -> Plan:
    """What the kernel reads, of criteria that it understands.

    Parameters
    ----------
    space : CompositionSpace
    score : ElementScore, optional
    criteria : sequence of KernelCriterion
        In their order; at most one of them asks for neutrality.
    alone : bool
        Whether what is good and what is neutral is counted apart from the order.
    """
    symbols = [*space.elements, space.anchor]
    threshold = next((c.threshold for c in criteria if isinstance(c, ScoreAbove)), 0.0)
    values = score_values(score) if score else dict.fromkeys(symbols, Fraction(0))
    above = {symbol: value - decimal(threshold) for symbol, value in values.items()}
    forms = [form_of(above, symbols, space.parts), form_of(values, symbols, space.parts)]
    stages = []
    for criterion in criteria:
        stage = MASK_STAGE
        if isinstance(criterion, Bound):
            stage = len(forms)
            forms.append(form_of(criterion.margins(), symbols, space.parts))
        elif isinstance(criterion, Neutral):
            stage = NEUTRAL_STAGE
        elif isinstance(criterion, ScoreAbove):
            stage = SCORE_STAGE
        stages.append(stage)
    neutral = next((c for c in criteria if isinstance(c, Neutral)), None)
    first, states = pack_states(neutral.table if neutral else {}, symbols)
    spread, positive = _spread(space, score, forms[0].scale)
    widths = np.sqrt(spread.max(axis=(1, 2))).sum() if len(spread) else 0.0
    scale = forms[0 if len(spread) else RANK].scale
    return Plan(
        parts=space.parts,
        base=len(space.elements) + 1,
        stages=np.array(stages, dtype=np.int64),
        split=stages.index(NEUTRAL_STAGE) if neutral else len(stages),
        forms=np.stack([np.insert(form.values, 0, 0.0) for form in forms]),
        threshold=float(threshold),
        unit=float(space.parts * scale),
        spread=spread,
        positive=positive,
        most=space.parts * float(np.abs(forms[0].values).max() + widths) or 1.0,
        doubt=(len(spread) + 16) * 2.0**-24,
        score_at=stages.index(SCORE_STAGE) if SCORE_STAGE in stages else len(stages) - 1,
        first=first,
        states=states,
        alone=alone,
    )


def make_groups(
    space: CompositionSpace, score: ElementScore | None, criteria: Sequence[KernelCriterion]
) -> Groups:
    """Every choice of elements.

    Raises
    ------
    InputError
        The anchor alone breaks a criterion, or has no score: no candidate could pass.
    """
    neutral = next((c for c in criteria if isinstance(c, Neutral)), None)
    sets = [tuple(neutral.table.get(s, ())) if neutral else () for s in space.elements]
    known = {states: place for place, states in enumerate(sorted(set(sets)))}
    classes = np.array([-1, *(known[states] for states in sets)])
    numbers = space.groups(classes).astype(np.int64)
    signatures = (classes[numbers] + 1) @ (len(known) + 1) ** np.arange(3)
    scored = np.ones(len(numbers), dtype=bool)
    if score is not None:
        scored = _all_of(space, numbers, set(score.elements), "the score")
    stops = np.full(len(numbers), len(criteria))
    for stage in reversed(range(len(criteria))):
        stops[~_permitted(space, numbers, criteria[stage], scored)] = stage
    return Groups(numbers, signatures, scored, stops)


def _spread(
    space: CompositionSpace, score: ElementScore | None, scale: Fraction
) -> tuple[np.ndarray, int]:
    """Squared differences of weighted properties, those of positive weight first."""
    size = len(space.elements) + 2
    if score is None or score.std_weights is None or score.linear:
        return np.zeros((0, size, size)), 0
    weights = score.std_weights
    order = np.flatnonzero(weights)[np.argsort(weights[weights != 0] < 0, kind="stable")]
    rows = dict(zip(score.elements, score.properties[:, order] * weights[order], strict=True))
    values = np.tile(rows[space.anchor], (size, 1))  # also for what has no properties, or is none
    for number, symbol in enumerate(space.elements, start=1):
        values[number] = rows.get(symbol, rows[space.anchor])
    values *= float(scale)
    values = values.T
    return (values[:, :, None] - values[:, None, :]) ** 2, int((weights > 0).sum())


def _permitted(
    space: CompositionSpace, numbers: np.ndarray, criterion: KernelCriterion, scored: np.ndarray
) -> np.ndarray:
    """Whether the elements of each choice let it pass, whatever its parts."""
    symbols = {space.anchor, *space.elements}
    if isinstance(criterion, ScoreAbove | Scored):
        return scored
    if isinstance(criterion, Bound):
        return _all_of(space, numbers, set(criterion.margins()), criterion.name)
    if isinstance(criterion, Neutral):
        having = {symbol for symbol in symbols if criterion.table.get(symbol)}
        return _all_of(space, numbers, having, criterion.name)
    if not isinstance(criterion, ElementRule):
        raise InputError("the kernel knows no such criterion", value=criterion)
    allowed = _all_of(space, numbers, set(filter(criterion.permits, symbols)), criterion.name)
    if not criterion.any_of or space.anchor in criterion.any_of:
        return allowed
    demanded = np.array([False, *(symbol in criterion.any_of for symbol in space.elements)])
    return allowed & demanded[numbers].any(axis=1)


def _all_of(
    space: CompositionSpace, numbers: np.ndarray, permitted: set[str], name: str
) -> np.ndarray:
    """Whether all elements of each choice are permitted; 0, which is none, always is."""
    if space.anchor not in permitted:
        raise InputError(
            f"no candidate can pass: {name} excludes {space.anchor}",
            remedy=f"leave it out, or give it what it needs to know of {space.anchor}",
        )
    table = np.array([True, *(symbol in permitted for symbol in space.elements)])
    return table[numbers].all(axis=1)
