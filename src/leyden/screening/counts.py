"""What the kernel has counted, under its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from leyden.errors import InputError
from leyden.screening import kernel
from leyden.screening.criteria import KernelCriterion, Neutral, ScoreAbove, parts_of

__all__ = ["fractions", "named_counts"]


def named_counts(
    criteria: Sequence[KernelCriterion],
    has_score: bool,
    alone: bool,
    divisions: np.ndarray,
    scored: np.ndarray,
    counted: np.ndarray,
) -> dict[str, int]:
    """Counts of a run of choices of elements.

    Parameters
    ----------
    criteria : sequence of KernelCriterion
        In their order; of one that comes to several stages, what is left after the last is told.
    has_score : bool
    alone : bool
        Whether what is good and what is neutral was counted apart from the order.
    divisions : ndarray of int64, shape (G,)
        Candidates of each choice.
    scored : ndarray of bool, shape (G,)
    counted : ndarray of int64
        As of `leyden.screening.kernel.scan`.
    """
    counts = {"total": int(divisions.sum())}
    if has_score:
        counts["scored"] = int(divisions[scored].sum())
    if alone:
        good = any(isinstance(own, ScoreAbove) for own in criteria)
        neutral = any(isinstance(own, Neutral) for own in criteria)
        names = {
            "good": (kernel.GOOD, good),
            "neutral": (kernel.NEUTRAL, neutral),
            "scored and neutral": (kernel.SCORED_NEUTRAL, neutral and has_score),
            "good and neutral": (kernel.GOOD_NEUTRAL, good and neutral),
        }
        counts.update({name: int(counted[at]) for name, (at, told) in names.items() if told})
    last = np.cumsum([len(parts_of(own)) for own in criteria]) - 1
    for own, stage in zip(criteria, last, strict=True):
        counts[f"after {own.name}"] = int(counted[kernel.STAGES + stage])
    return counts


def fractions(counts: Mapping[str, int]) -> dict[str, float]:
    """The fractions that the published screening tells.

    Parameters
    ----------
    counts : mapping of str to int
        Counts of a `CompositionJob` with ``counts="all"``, a score and neutrality.

    Returns
    -------
    dict of str to float
        ``fraction_good`` of the candidates with a score, ``fraction_neutral`` of all, and
        ``fraction_good_of_neutral`` of the neutral ones with a score; NaN where there are none.
    """
    pairs = {
        "fraction_good": ("good", "scored"),
        "fraction_neutral": ("neutral", "total"),
        "fraction_good_of_neutral": ("good and neutral", "scored and neutral"),
    }
    missing = {name for pair in pairs.values() for name in pair} - set(counts)
    if missing:
        raise InputError(
            "these counts tell no such fractions",
            value=sorted(missing),
            remedy="screen with counts='all', a score above a threshold, and neutrality",
        )
    return {
        name: counts[part] / counts[whole] if counts[whole] else float("nan")
        for name, (part, whole) in pairs.items()
    }
