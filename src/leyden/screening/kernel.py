"""The loop over billions of compositions, compiled; none of them is ever stored.

The others of a candidate are three (numbers a, b, c; 0 for none) and the anchor takes the rest.
With the parts i of a and j of b fixed, c and the anchor trade parts k and m - k: a ray.  Along a
ray a linear criterion holds on one stretch of k, whose ends are found by a division; so a ray costs
a few divisions for its hundred candidates.  Neutral candidates are few, and are met one by one.

All linear values are whole numbers held exactly by float64 (`leyden.screening.forms`).  A score
with standard deviations is evaluated at every candidate in single precision, and again in double
where that leaves its sign in doubt, or where it ranks.  There no operation is reordered or fused,
so that every machine gets the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

# What numba keeps of this file it makes anew when this file changes, not when that one does.
from leyden.screening.neutrality import neutral_points

__all__ = ["GOOD", "GOOD_NEUTRAL", "NEUTRAL", "SCORED_NEUTRAL", "STAGES", "Plan", "scan"]

NEUTRAL, SCORED_NEUTRAL, GOOD, GOOD_NEUTRAL, STAGES = range(5)
"""Places in the counts: criteria by themselves; from STAGES on, criteria one after the other."""

MASK_STAGE, NEUTRAL_STAGE, SCORE_STAGE, RANK = -1, -2, 0, 1
"""What a stage is: of the elements alone, neutrality, or the number of a linear form; number 0 is
the score less its threshold, number 1 the score (which ranks, and is no criterion)."""

_CHUNK = 1024


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
    threshold : float
    unit : float
        Value of form 1 over the score; of form 0, where standard deviations count.
    spread : ndarray of float64, shape (p, E + 2, E + 2)
        Squared differences of the weighted properties of two elements; p = 0: a linear score.
    positive : int
        Properties from the first to this one add their standard deviation, the rest subtract it.
    most : float
        No value of form 0 exceeds it, standard deviations included.
    doubt : float
        How wrong single precision may be, of `most`.
    score_at : int
        Place of the criterion of the score; without one S - 1, since all that pass are ranked.
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
    threshold: float
    unit: float
    spread: np.ndarray
    positive: int
    most: float
    doubt: float
    score_at: int
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
def _value(plan, group, ray, k):  # type: ignore[no-untyped-def]
    """Score less threshold of one candidate, in units of form 0.

    (sum n)^2 var = sum over pairs n_i n_j (P_i - P_j)^2, which loses nothing to cancellation.
    """
    a, b, c = group
    i, j, anchor = ray[0], ray[1], ray[2] - k
    base, step = _line(plan, SCORE_STAGE, group, ray)
    value = base + k * step
    for p in range(plan.spread.shape[0]):
        square = plan.spread[p]
        first = i * (j * square[a, b] + k * square[a, c] + anchor * square[a, -1])
        second = j * (k * square[b, c] + anchor * square[b, -1])
        root = np.sqrt(first + second + k * anchor * square[c, -1])
        value += root if p < plan.positive else -root
    return value


@njit(cache=True, nogil=True, fastmath={"contract"})
def _fill(plan, group, grid, rough):  # type: ignore[no-untyped-def]
    """`_value` over `plan.most` for all candidates of a choice, in single precision.

    No number exceeds 1, and a variance is a sum of positive numbers: so p square roots, and the sum
    of what is in them, are wrong by less than (p + 16) 2^-24.  The chunks stay in the cache.
    """
    a, b, c = group
    per = 1.0 / plan.most
    line = (plan.forms[SCORE_STAGE] * per).astype(np.float32)
    on_a, on_b, on_c, on_anchor = line[a], line[b], line[c], line[-1]
    whole = np.float32(plan.parts)
    for start in range(0, rough.size, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, rough.size))
        i, j, k, out = grid[0][chunk], grid[1][chunk], grid[2][chunk], rough[chunk]
        for x in range(out.size):
            anchor = whole - i[x] - j[x] - k[x]
            out[x] = i[x] * on_a + j[x] * on_b + k[x] * on_c + anchor * on_anchor
        for p in range(plan.spread.shape[0]):
            square = plan.spread[p]
            ab, ac = np.float32(square[a, b] * per * per), np.float32(square[a, c] * per * per)
            bc, aw = np.float32(square[b, c] * per * per), np.float32(square[a, -1] * per * per)
            bw, cw = np.float32(square[b, -1] * per * per), np.float32(square[c, -1] * per * per)
            sign = np.float32(1.0 if p < plan.positive else -1.0)
            for x in range(out.size):
                anchor = whole - i[x] - j[x] - k[x]
                first = i[x] * (j[x] * ab + k[x] * ac + anchor * aw)
                second = j[x] * (k[x] * bc + anchor * bw)
                out[x] += sign * np.sqrt(first + second + k[x] * anchor * cw)


@njit(cache=True, nogil=True)
def _settle(plan, group, grid, rough, good):  # type: ignore[no-untyped-def]
    """Count up what is good, evaluating anew what single precision leaves in doubt.

    Of the first x candidates good[x] are good.
    """
    doubt = np.float32(plan.doubt)
    so_far = np.int32(0)
    good[0] = so_far
    for x in range(rough.size):
        above = rough[x] > 0
        if not abs(rough[x]) > doubt:
            i, j, k = int(grid[0][x]), int(grid[1][x]), int(grid[2][x])
            above = _value(plan, group, (i, j, plan.parts - i - j), k) > 0
        so_far += np.int32(above)
        good[x + 1] = so_far


@njit(cache=True, nogil=True)
def _count(stretch, good, done):  # type: ignore[no-untyped-def]
    """Candidates of a stretch: low, high, and whether only good ones count; `done` came before."""
    low, high, only_good = int(stretch[0]), int(stretch[1]), stretch[2]
    if high < low:
        return 0
    return good[done + high] - good[done + low - 1] if only_good else high - low + 1


@njit(cache=True, nogil=True)
def _later(plan, group, ray, k, good, stop, counts):  # type: ignore[no-untyped-def]
    """Take one neutral candidate through the criteria from neutrality on; whether it passes all."""
    for stage in range(plan.split, stop):
        form = plan.stages[stage]
        if form == SCORE_STAGE and not good:
            return False
        if form > SCORE_STAGE:
            base, step = _line(plan, form, group, ray)
            if base + k * step < 0:
                return False
        counts[STAGES + stage] += 1
    return stop == plan.stages.size


@njit(cache=True, nogil=True)
def _rank(plan, group, ray, k):  # type: ignore[no-untyped-def]
    """The score of a candidate."""
    if plan.spread.shape[0] > 0:
        return _value(plan, group, ray, k) / plan.unit + plan.threshold
    base, step = _line(plan, RANK, group, ray)
    return (base + k * step) / plan.unit


@njit(cache=True, nogil=True)
def _keep_stretch(plan, group, ray, stretch, room, done, best):  # type: ignore[no-untyped-def]
    """Keep the best of a stretch that passes; where the score is linear, from its best end on."""
    linear = plan.spread.shape[0] == 0
    low, high, only_good = int(stretch[0]), int(stretch[1]), stretch[2]
    rising = _line(plan, RANK, group, ray)[1] > 0
    rough, good = room
    values, keys, size = best
    for n in range(high - low + 1):
        k = high - n if rising else low + n
        if only_good and good[done + k] == good[done + k - 1]:
            continue
        if not linear and size == values.size:
            highest = (rough[done + k - 1] + 2 * plan.doubt) * plan.most
            if highest / plan.unit + plan.threshold < values[0]:
                continue
        rank = _rank(plan, group, ray, k)
        if linear and size == values.size and rank < values[0]:
            break
        size = _keep(values, keys, size, rank, _key(group, ray, k, plan))
    return size


@njit(cache=True, nogil=True)
def _scan_group(plan, told, room, counts, best):  # type: ignore[no-untyped-def]
    """All candidates of one choice of elements."""
    rays, group, scored, stop, neutral = told
    linear = plan.spread.shape[0] == 0
    last = plan.stages.size
    meets_neutral = plan.split < last and (stop > plan.split or (plan.alone and scored))
    starts, points = neutral
    good = room[1]
    values, keys, size = best
    done = 0
    for at in range(rays[0].size):
        i, j = rays[0][at], rays[1][at]
        ray = (i, j, plan.parts - i - j)
        line = _line(plan, SCORE_STAGE, group, ray)
        good_low, good_high = low, high = 1.0, ray[2] - 1.0
        only_good = False
        if linear:
            good_low, good_high = _narrow(line, 1.0, low, high)
        if plan.alone and scored:
            counts[GOOD] += _count((good_low, good_high, not linear), good, done)
        for stage in range(min(plan.split, stop)):
            form = plan.stages[stage]
            if form == SCORE_STAGE:
                low, high, only_good = max(low, good_low), min(high, good_high), not linear
            elif form > SCORE_STAGE:
                low, high = _narrow(_line(plan, form, group, ray), 0.0, low, high)
            if high < low:
                break  # nothing is left to count
            counts[STAGES + stage] += _count((low, high, only_good), good, done)
        if meets_neutral:
            for place in range(starts[at], starts[at + 1]):
                k = points[place]
                above = scored and good_low <= k <= good_high
                if scored and not linear:
                    above = good[done + k] > good[done + k - 1]
                if plan.alone and above:
                    counts[GOOD_NEUTRAL] += 1
                if stop > plan.split and low <= k <= high and (above or not only_good):
                    passed = _later(plan, group, ray, k, above, stop, counts)
                    if passed and scored:
                        key, rank = _key(group, ray, k, plan), _rank(plan, group, ray, k)
                        size = _keep(values, keys, size, rank, key)
        elif plan.split == last and stop == last and scored:
            stretch, best = (low, high, only_good), (values, keys, size)
            size = _keep_stretch(plan, group, ray, stretch, room, done, best)
        done += ray[2] - 1
    return size


@njit(cache=True, nogil=True)
def scan(plan, rays, grid, groups, signatures, scored, stops, keep, each):  # type: ignore[no-untyped-def]
    """Count and rank all candidates of some choices of elements.

    Parameters
    ----------
    plan : Plan
    rays : tuple of two ndarray of int64
        `CompositionSpace.rays`; all groups have as many others.
    grid : tuple of three ndarray of float32, shape (N,)
        `CompositionSpace.grid`; empty for a linear score.
    groups : ndarray of int64, shape (G, 3)
        Element numbers.
    signatures : ndarray of int64, shape (G,)
        Equal where the oxidation states are: neutral candidates are found once for a run of them.
    scored : ndarray of bool, shape (G,)
        Whether all elements have a score.
    stops : ndarray of int64, shape (G,)
        The first criterion that the elements alone break, whatever their parts; S for none.
    keep, each : int
        How many are kept, and how many at most of one choice of elements.

    Returns
    -------
    counts : ndarray of int64, shape (STAGES + S,)
    values : ndarray of float64
        Scores of the best `keep` that pass, unordered.
    keys : ndarray of int64
    """
    counts = np.zeros(STAGES + plan.stages.size, np.int64)
    values, keys, size = np.empty(keep), np.empty(keep, np.int64), 0
    each = min(each, keep)
    own_values, own_keys = np.empty(each), np.empty(each, np.int64)
    starts = np.zeros(rays[0].size + 1, np.int64)
    divisions = 0
    for ray in range(rays[0].size):
        divisions += plan.parts - rays[0][ray] - rays[1][ray] - 1
    points = np.empty(divisions, np.int16)
    rough, good = np.empty(grid[0].size, np.float32), np.empty(grid[0].size + 1, np.int32)
    anchor = plan.states[plan.first[-2] : plan.first[-1]]
    solved = -1
    for at in range(len(groups)):
        group, stop = (groups[at, 0], groups[at, 1], groups[at, 2]), stops[at]
        if (plan.alone or stop > plan.split) and signatures[at] != solved:
            a, b, c = group
            others = (
                plan.states[plan.first[a] : plan.first[a + 1]],
                plan.states[plan.first[b] : plan.first[b + 1]],
                plan.states[plan.first[c] : plan.first[c + 1]],
            )
            neutral_points(rays, others, anchor, plan.parts, starts, points)
            solved = signatures[at]
        if plan.alone:
            counts[NEUTRAL] += starts[-1]
            counts[SCORED_NEUTRAL] += starts[-1] if scored[at] else 0
        if scored[at] and (plan.alone or stop > plan.score_at):
            _fill(plan, group, grid, rough)
            _settle(plan, group, grid, rough, good)
        if stop > 0 or (plan.alone and scored[at]):
            told, room = (rays, group, scored[at], stop, (starts, points)), (rough, good)
            if each == keep:
                size = _scan_group(plan, told, room, counts, (values, keys, size))
            else:
                for own in range(_scan_group(plan, told, room, counts, (own_values, own_keys, 0))):
                    size = _keep(values, keys, size, own_values[own], own_keys[own])
    return counts, values[:size], keys[:size]
