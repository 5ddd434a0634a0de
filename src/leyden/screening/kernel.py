"""The loop over billions of compositions, compiled; none of them is ever stored.

The others of a candidate are three (numbers a, b, c; 0 for none) and the anchor takes the rest.
With the parts i of a and j of b fixed, c and the anchor trade parts k and m - k: a ray.  Along a
ray a linear criterion holds on one stretch of k, whose ends are found by a division; so a ray costs
a few divisions for its hundred candidates.  Neutral candidates are few, and are met one by one; a
score with standard deviations is evaluated at each.

All linear values are whole numbers held exactly by float64 (`leyden.screening.forms`).  Standard
deviations are floats; no operation is reordered or fused, so every machine gets the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from leyden.screening.neutrality import neutral_points

__all__ = ["GOOD", "GOOD_NEUTRAL", "NEUTRAL", "SCORED_NEUTRAL", "STAGES", "Plan", "scan"]

NEUTRAL, SCORED_NEUTRAL, GOOD, GOOD_NEUTRAL, STAGES = range(5)
"""Places in the counts: criteria by themselves; from STAGES on, criteria one after the other."""

MASK_STAGE, NEUTRAL_STAGE, SCORE_STAGE, RANK = -1, -2, 0, 1
"""What a stage is: of the elements alone, neutrality, or the number of a linear form; number 0 is
the score less its threshold, number 1 the score (which ranks, and is no criterion)."""


class Plan(NamedTuple):
    """What the kernel needs to know of a job.

    Attributes
    ----------
    parts : int
    base : int
        Element numbers are below it (keys are counted in this base).
    stages : ndarray of int64, shape (S,)
        Criteria in their order.
    split : int
        Criteria before neutrality; S where neutrality is no criterion.
    forms : ndarray of float64, shape (F, E + 2)
        Linear forms by element number, the anchor last.
    least : float
        Least value above the threshold.
    threshold : float
    unit : float
        Value of form 1 over the score; of form 0, where standard deviations count.
    spread : ndarray of float64, shape (p, E + 2, E + 2)
        Squared differences of the weighted properties of two elements; p = 0: a linear score.
    positive : int
        Properties from the first to this one add their standard deviation, the rest subtract it.
    first, states : ndarray of int64
        Oxidation states (`leyden.screening.neutrality.pack_states`), the anchor last.
    alone : bool
        Count what is good, neutral, and both, whatever the order of the criteria.
    """

    parts: int
    base: int
    stages: np.ndarray
    split: int
    forms: np.ndarray
    least: float
    threshold: float
    unit: float
    spread: np.ndarray
    positive: int
    first: np.ndarray
    states: np.ndarray
    alone: bool


@njit(cache=True, nogil=True)
def _narrow(line, least, low, high):  # type: ignore[no-untyped-def]
    """The part of low..high in which base + k step >= least.

    Exact: a quotient of whole numbers below 2^53 is never rounded onto or across a whole number.
    """
    base, step = line
    if step > 0:
        low = max(low, np.ceil((least - base) / step))
    elif step < 0:
        high = min(high, np.floor((base - least) / -step))
    elif base < least:
        high = low - 1
    return low, high


@njit(cache=True, nogil=True)
def _worse(value, key, other, other_key):  # type: ignore[no-untyped-def]
    return value < other or (value == other and key > other_key)


@njit(cache=True, nogil=True)
def _keep(values, keys, size, value, key):  # type: ignore[no-untyped-def]
    """Put a candidate into a heap whose root is the worst one kept; the new size."""
    at = size
    if size < values.size:
        while at > 0:
            up = (at - 1) // 2
            if not _worse(value, key, values[up], keys[up]):
                break
            values[at], keys[at] = values[up], keys[up]
            at = up
        values[at], keys[at] = value, key
        return size + 1
    if size == 0 or not _worse(values[0], keys[0], value, key):
        return size
    at = 0
    while 2 * at + 1 < size:
        down = 2 * at + 1
        if down + 1 < size and _worse(values[down + 1], keys[down + 1], values[down], keys[down]):
            down += 1
        if not _worse(values[down], keys[down], value, key):
            break
        values[at], keys[at] = values[down], keys[down]
        at = down
    values[at], keys[at] = value, key
    return size


@njit(cache=True, nogil=True)
def _key(group, ray, k, plan):  # type: ignore[no-untyped-def]
    """A number that names a candidate: its elements by rising number, then their parts."""
    a, b, c = group
    i, j = ray[0], ray[1]
    if a > b:
        a, b, i, j = b, a, j, i
    if b > c:
        b, c, j, k = c, b, k, j
    if a > b:
        a, b, i, j = b, a, j, i
    return (
        (((a * plan.base + b) * plan.base + c) * plan.parts + i) * plan.parts + j
    ) * plan.parts + k


@njit(cache=True, nogil=True)
def _line(plan, form, group, ray):  # type: ignore[no-untyped-def]
    """A linear form along a ray: base + k step."""
    values = plan.forms[form]
    base = ray[0] * values[group[0]] + ray[1] * values[group[1]] + ray[2] * values[-1]
    return base, values[group[2]] - values[-1]


@njit(cache=True, nogil=True)
def _fill(plan, group, ray, scores):  # type: ignore[no-untyped-def]
    """Scores with standard deviations along a ray.

    (sum n)^2 var = sum over pairs n_i n_j (P_i - P_j)^2, which loses nothing to cancellation.
    """
    a, b, c = group
    i, j, shared = ray
    base, step = _line(plan, SCORE_STAGE, group, ray)
    for k in range(1, shared):
        scores[k] = base + k * step
    for p in range(plan.spread.shape[0]):
        square = plan.spread[p]
        with_anchor = i * square[a, -1] + j * square[b, -1]
        start = (i * j) * square[a, b] + shared * with_anchor
        slope = (i * square[a, c] + j * square[b, c]) - with_anchor
        curve = square[c, -1]
        sign = 1.0 if p < plan.positive else -1.0
        for k in range(1, shared):
            trade = np.float64(k)
            variance = (start + trade * slope) + (trade * (shared - trade)) * curve
            scores[k] += sign * np.sqrt(variance)


@njit(cache=True, nogil=True)
def _count(stretch, scores, least):  # type: ignore[no-untyped-def]
    """Candidates of a stretch: low, high, and whether only good scores count."""
    low, high, only_good = int(stretch[0]), int(stretch[1]), stretch[2]
    if not only_good:
        return max(0, high - low + 1)
    good = 0
    for k in range(low, high + 1):
        good += scores[k] >= least
    return good


@njit(cache=True, nogil=True)
def _later(plan, group, ray, k, value, stop, counts):  # type: ignore[no-untyped-def]
    """Take one neutral candidate through the criteria from neutrality on; whether it passes all."""
    for stage in range(plan.split, stop):
        form = plan.stages[stage]
        if form == SCORE_STAGE and value < plan.least:
            return False
        if form > SCORE_STAGE:
            base, step = _line(plan, form, group, ray)
            if base + k * step < 0:
                return False
        counts[STAGES + stage] += 1
    return stop == plan.stages.size


@njit(cache=True, nogil=True)
def _rank(plan, group, ray, k, value):  # type: ignore[no-untyped-def]
    """The score of a candidate, from its value where that is not linear."""
    if plan.spread.shape[0] > 0:
        return value / plan.unit + plan.threshold
    base, step = _line(plan, RANK, group, ray)
    return (base + k * step) / plan.unit


@njit(cache=True, nogil=True)
def _keep_stretch(plan, group, ray, stretch, scores, best):  # type: ignore[no-untyped-def]
    """Keep the best of a stretch that passes; where the score is linear, from its best end on."""
    linear = plan.spread.shape[0] == 0
    low, high, only_good = int(stretch[0]), int(stretch[1]), stretch[2]
    rising = _line(plan, RANK, group, ray)[1] > 0
    values, keys, size = best
    for n in range(high - low + 1):
        k = high - n if rising else low + n
        if only_good and scores[k] < plan.least:
            continue
        rank = _rank(plan, group, ray, k, scores[k])
        if linear and size == values.size and rank < values[0]:
            break
        size = _keep(values, keys, size, rank, _key(group, ray, k, plan))
    return size


@njit(cache=True, nogil=True)
def _scan_group(plan, rays, group, scored, stop, neutral, scores, counts, best):  # type: ignore[no-untyped-def]
    """All candidates of one choice of elements."""
    linear = plan.spread.shape[0] == 0
    last = plan.stages.size
    meets_neutral = plan.split < last and (stop > plan.split or (plan.alone and scored))
    starts, points = neutral
    values, keys, size = best
    for at in range(rays[0].size):
        i, j = rays[0][at], rays[1][at]
        ray = (i, j, plan.parts - i - j)
        line = _line(plan, SCORE_STAGE, group, ray)
        good_low, good_high = low, high = 1.0, ray[2] - 1.0
        only_good = False
        if linear:
            good_low, good_high = _narrow(line, plan.least, low, high)
        elif scored:
            _fill(plan, group, ray, scores)
        if plan.alone and scored:
            counts[GOOD] += _count((good_low, good_high, not linear), scores, plan.least)
        for stage in range(min(plan.split, stop)):
            form = plan.stages[stage]
            if form == SCORE_STAGE:
                low, high, only_good = max(low, good_low), min(high, good_high), not linear
            elif form > SCORE_STAGE:
                low, high = _narrow(_line(plan, form, group, ray), 0.0, low, high)
            counts[STAGES + stage] += _count((low, high, only_good), scores, plan.least)
        if meets_neutral:
            for place in range(starts[at], starts[at + 1]):
                k = points[place]
                value = line[0] + k * line[1] if linear else scores[k]
                good = scored and value >= plan.least
                if plan.alone and good:
                    counts[GOOD_NEUTRAL] += 1
                if stop > plan.split and low <= k <= high and (good or not only_good):
                    passed = _later(plan, group, ray, k, value, stop, counts)
                    if passed and scored:
                        key = _key(group, ray, k, plan)
                        rank = _rank(plan, group, ray, k, value)
                        size = _keep(values, keys, size, rank, key)
        elif plan.split == last and stop == last and scored:
            stretch = (low, high, only_good)
            best = (values, keys, size)
            size = _keep_stretch(plan, group, ray, stretch, scores, best)
    return size


@njit(cache=True, nogil=True)
def scan(plan, rays, groups, signatures, scored, stops, keep):  # type: ignore[no-untyped-def]
    """Count and rank all candidates of some choices of elements.

    Parameters
    ----------
    plan : Plan
    rays : tuple of two ndarray of int64
        `CompositionSpace.rays`; all groups have as many others.
    groups : ndarray of int64, shape (G, 3)
        Element numbers.
    signatures : ndarray of int64, shape (G,)
        Equal where the oxidation states are: neutral candidates are found once for a run of them.
    scored : ndarray of bool, shape (G,)
        Whether all elements have a score.
    stops : ndarray of int64, shape (G,)
        The first criterion that the elements alone break, whatever their parts; S for none.
    keep : int

    Returns
    -------
    counts : ndarray of int64, shape (STAGES + S,)
    values : ndarray of float64
        Scores of the best `keep` that pass, unordered.
    keys : ndarray of int64
    """
    counts = np.zeros(STAGES + plan.stages.size, np.int64)
    values, keys, size = np.empty(keep), np.empty(keep, np.int64), 0
    starts = np.zeros(rays[0].size + 1, np.int64)
    most = 0
    for ray in range(rays[0].size):
        most += plan.parts - rays[0][ray] - rays[1][ray] - 1
    points = np.empty(most, np.int16)
    scores = np.empty(plan.parts)
    own = plan.states[plan.first[-2] : plan.first[-1]]
    solved = -1
    for at in range(len(groups)):
        group = (groups[at, 0], groups[at, 1], groups[at, 2])
        if (plan.alone or stops[at] > plan.split) and signatures[at] != solved:
            a, b, c = group
            others = (
                plan.states[plan.first[a] : plan.first[a + 1]],
                plan.states[plan.first[b] : plan.first[b + 1]],
                plan.states[plan.first[c] : plan.first[c + 1]],
            )
            neutral_points(rays, others, own, plan.parts, starts, points)
            solved = signatures[at]
        if plan.alone:
            counts[NEUTRAL] += starts[-1]
            counts[SCORED_NEUTRAL] += starts[-1] if scored[at] else 0
        if stops[at] > 0 or (plan.alone and scored[at]):
            neutral, best = (starts, points), (values, keys, size)
            size = _scan_group(
                plan, rays, group, scored[at], stops[at], neutral, scores, counts, best
            )
    return counts, values[:size], keys[:size]
