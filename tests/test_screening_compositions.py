"""Screening of compositions: equal to a plain loop over candidates, in counts and in rows."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
import pickle
import re
import tomllib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from leyden.data.formulas import parse_composition
from leyden.errors import InputError
from leyden.models import baselines
from leyden.predictor import Predictor
from leyden.screening import kernel
from leyden.screening.compositions import CompositionJob, fractions, job_from_dict
from leyden.screening.criteria import (
    Bound,
    ElementRule,
    Inside,
    ModelBound,
    Neutral,
    ScoreAbove,
    Scored,
)
from leyden.screening.criterion_kinds import (
    KINDS,
    cost,
    criterion,
    molar_mass,
    not_radioactive,
    oxides,
    rows,
    table_of,
    tabulated,
)
from leyden.screening.element_data import element_data
from leyden.screening.forms import form_of
from leyden.screening.plan import make_plan
from leyden.screening.scores import ElementScore
from leyden.screening.space import CompositionSpace
from leyden.testing import tiny_crystals
from leyden.transfer import FromScratch

OTHERS = ("H", "O", "Na", "P", "S", "Fe")
ELEMENTS = {  # of the tables that come with the package, typed off
    "Number": {"Li": 3, "H": 1, "O": 8, "Na": 11, "P": 15, "S": 16, "Fe": 26},
    "Electronegativity": {
        "Li": 0.98,
        "H": 2.2,
        "O": 3.44,
        "Na": 0.93,
        "P": 2.19,
        "S": 2.58,
        "Fe": 1.83,
    },
    "fraction O": {"Li": 0, "H": 0, "O": 1, "Na": 0, "P": 0, "S": 0, "Fe": 0},
}

# The reference: one candidate after the other, in fractions, and nothing taken from the package.


def candidates(space: CompositionSpace) -> Iterator[dict[str, int]]:
    """Parts by element; the anchor last."""
    for others in space.others:
        for chosen in itertools.combinations(space.elements, others):
            for parts in itertools.product(range(1, space.parts), repeat=others):
                if sum(parts) < space.parts:
                    rest = space.parts - sum(parts)
                    yield dict(zip((*chosen, space.anchor), (*parts, rest), strict=True))


def written(number: float) -> Fraction:
    return Fraction(str(float(number)))


def score_of(score: ElementScore, candidate: Mapping[str, int]) -> Any:
    """Exact where the score is linear; None where an element has no properties."""
    if not set(candidate) <= set(score.elements):
        return None
    parts = sum(candidate.values())
    rows = [score.properties[score.elements.index(symbol)] for symbol in candidate]
    shares = [Fraction(n, parts) for n in candidate.values()]
    value = written(score.intercept)
    spread = 0.0
    for p, weight in enumerate(score.mean_weights):
        mean = sum(x * written(row[p]) for x, row in zip(shares, rows, strict=True))
        value += written(weight) * mean
        if score.std_weights is not None:
            square = sum(
                x * (written(row[p]) - mean) ** 2 for x, row in zip(shares, rows, strict=True)
            )
            spread += float(score.std_weights[p]) * math.sqrt(square)
    return value if score.std_weights is None else float(value) + spread


def passes(own: Any, candidate: Mapping[str, int], score: Any, symbols: Any) -> bool:
    parts = sum(candidate.values())
    if isinstance(own, ScoreAbove):
        return score is not None and score > written(own.threshold)
    if isinstance(own, Scored):
        return score is not None
    if isinstance(own, Neutral):
        states = [own.states.get(symbol, ()) for symbol in candidate]
        charges = (
            sum(n * q for n, q in zip(candidate.values(), choice, strict=True))
            for choice in itertools.product(*states)
        )
        return any(charge == 0 for charge in charges)
    if isinstance(own, Bound):
        weights = own.weights or dict.fromkeys(symbols, 1.0)
        if not all(s in own.values and s in weights for s in candidate):
            return False
        heavy = {s: Fraction(n, parts) * written(weights[s]) for s, n in candidate.items()}
        mean = sum(w * written(own.values[s]) for s, w in heavy.items()) / sum(heavy.values())
        low = own.minimum is None or mean >= written(own.minimum)
        return low and (own.maximum is None or mean <= written(own.maximum))
    if isinstance(own, Inside):
        if own.elements is not None and not set(candidate) <= set(own.elements):
            return False
        for key, (low, high) in own.ranges.items():
            values = {s: written(ELEMENTS[key][s]) for s in candidate}
            mean = sum(Fraction(n, parts) * values[s] for s, n in candidate.items())
            if not written(low) <= mean <= written(high):
                return False
        return True
    allowed = symbols if own.allowed is None else own.allowed
    if own.any_of and not set(own.any_of) & set(candidate):
        return False
    return set(candidate) <= set(allowed) and not set(candidate) & set(own.forbidden)


def screened(job: CompositionJob) -> tuple[dict[str, int], list[tuple[Any, dict[str, int]]]]:
    """Counts, and what passes with its score."""
    symbols = {job.space.anchor, *job.space.elements}
    count = dict.fromkeys(["total", "scored", "good", "neutral"], 0)
    count |= {"scored and neutral": 0, "good and neutral": 0}
    count |= {f"after {own.name}": 0 for own in job.criteria}
    passed = []
    above = [own for own in job.criteria if isinstance(own, ScoreAbove)]
    balanced = [own for own in job.criteria if isinstance(own, Neutral)]
    for candidate in candidates(job.space):
        score = 0.0 if job.score is None else score_of(job.score, candidate)
        good = bool(above) and passes(above[0], candidate, score, symbols)
        neutral = bool(balanced) and passes(balanced[0], candidate, score, symbols)
        scored = score is not None
        count["total"] += 1
        count["scored"] += scored
        count["good"] += good
        count["neutral"] += neutral
        count["scored and neutral"] += scored and neutral
        count["good and neutral"] += good and neutral
        for own in job.criteria:
            if not passes(own, candidate, score, symbols):
                break
            count[f"after {own.name}"] += 1
        else:
            if scored:
                passed.append((score, candidate))
    return count, passed


def best_of(job: CompositionJob, passed: list[tuple[Any, dict[str, int]]]) -> Any:
    """The best, and at most so many of the same elements."""
    ranked = sorted(passed, key=lambda pair: (-pair[0], key_of(job.space, pair[1])))
    taken: dict[frozenset[str], int] = {}
    best = []
    for score, candidate in ranked:
        system = frozenset(candidate)
        taken[system] = taken.get(system, 0) + 1
        if job.keep_per_system is None or taken[system] <= job.keep_per_system:
            best.append((score, candidate))
    return best[: job.keep]


def key_of(space: CompositionSpace, candidate: Mapping[str, int]) -> tuple[Any, ...]:
    """Ties are decided by elements in the order of the space, then by their parts."""
    order = [symbol for symbol in space.elements if symbol in candidate]
    numbers = [0] * 3 + [space.elements.index(symbol) + 1 for symbol in order]
    parts = [0] * 3 + [candidate[symbol] for symbol in order]
    return (*numbers[-3:], *parts[-3:])


def text_of(candidate: Mapping[str, int]) -> dict[str, int]:
    divisor = math.gcd(*candidate.values())
    return {symbol: n // divisor for symbol, n in candidate.items()}


# Random jobs.

few = st.sampled_from([-2.0, -1.5, -1.0, -0.3, 0.0, 0.1, 0.2, 0.5, 1.0, 3.0])
rough = st.floats(-3, 3, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-3)


@st.composite
def spaces(draw: Any) -> CompositionSpace:
    elements = draw(st.permutations(OTHERS))[: draw(st.integers(3, 5))]
    others = draw(st.sampled_from([(2, 3), (2,), (3,), (1, 2), (1, 2, 3)]))
    return CompositionSpace("Li", tuple(elements), draw(st.integers(4, 8)), others)


@st.composite
def scores(draw: Any, space: CompositionSpace, numbers: Any, spread: bool) -> ElementScore:
    lacking = draw(st.sampled_from([(), (), space.elements[:1], space.elements[1:3]]))
    elements = ["Li", *(symbol for symbol in space.elements if symbol not in lacking)]
    p = draw(st.integers(1, 3))
    some = st.lists(numbers, min_size=p, max_size=p)
    table = [draw(some) for _ in elements]
    weights = draw(some)
    return ElementScore(
        draw(numbers), tuple(elements), table, weights, draw(some) if spread else None
    )


@st.composite
def bounds(draw: Any, space: CompositionSpace, name: str, numbers: Any) -> Bound:
    values = {symbol: draw(numbers) for symbol in ("Li", *space.elements)}
    weights = {symbol: abs(draw(numbers)) + 0.25 for symbol in values}
    if draw(st.booleans()):
        del values[space.elements[-1]]
    low, high = sorted([draw(numbers), draw(numbers)])
    limits = [{"maximum": high}, {"minimum": low}, {"minimum": low, "maximum": high}]
    limit = draw(st.sampled_from(limits))
    return Bound(name, values, **limit, weights=draw(st.sampled_from([None, weights])))


@st.composite
def rules(draw: Any, space: CompositionSpace, name: str) -> ElementRule:
    some = st.lists(st.sampled_from(space.elements), min_size=1, unique=True)
    which = draw(st.sampled_from(["allowed", "forbidden", "any_of"]))
    return ElementRule(name, **{which: draw(some) + (["Li"] if which == "allowed" else [])})


@st.composite
def insides(draw: Any, space: CompositionSpace) -> Inside:
    ranges = {}
    for key in draw(st.lists(st.sampled_from(list(ELEMENTS)), min_size=1, unique=True)):
        known = sorted({ELEMENTS[key][s] for s in ("Li", *OTHERS)})
        ends = st.sampled_from(
            [*known, *(round((a + b) / 2, 6) for a, b in itertools.pairwise(known))]
        )
        ranges[key] = tuple(sorted([draw(ends), draw(ends)]))
    some = st.lists(st.sampled_from(space.elements), min_size=1, unique=True)
    return Inside(ranges, draw(st.sampled_from([None, ["Li", *draw(some)]])))


@st.composite
def jobs(draw: Any, spread: bool = False) -> CompositionJob:
    space = draw(spaces())
    numbers = draw(st.sampled_from([few, rough])) if not spread else rough
    ranked = spread or draw(st.booleans())
    score = draw(scores(space, numbers, spread)) if ranked else None
    sets = {s: draw(st.lists(st.integers(-3, 5), max_size=3)) for s in space.elements}
    states = {**dict.fromkeys(element_data().row, ()), **sets}
    states["Li"] = draw(st.sampled_from([(1,), (1,), (0, 1), (-1, 1, 2)]))
    choice = [
        Neutral(states=states),
        draw(bounds(space, "first bound", numbers)),
        draw(bounds(space, "second bound", numbers)),
        draw(rules(space, "first rule")),
        draw(rules(space, "second rule")),
        draw(insides(space)),
    ]
    if score is not None:
        choice += [ScoreAbove(draw(numbers)), Scored()]
    some = draw(st.lists(st.sampled_from(choice), min_size=1, unique_by=id))
    keep, pieces = draw(st.sampled_from([1, 3, 20, 10_000])), draw(st.integers(1, 5))
    threads, each = draw(st.sampled_from([1, 2])), draw(st.sampled_from([None, None, 1, 2, 5]))
    return CompositionJob(some, score, space, keep, pieces, threads=threads, keep_per_system=each)


CAREFUL = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


def test_only_named_anions_are_negative() -> None:
    space = CompositionSpace(elements=("O", "C", "Si", "S"), parts=12)
    own = Neutral(anions=("O",))
    assert own.table["C"] == tuple(q for q in Neutral().table["C"] if q >= 0)
    assert own.table["O"] == Neutral().table["O"]
    assert own.holds({"Li": 2, "O": 1}, None)
    assert not own.holds({"Li": 2, "S": 1}, None)
    assert Neutral().holds({"Li": 2, "S": 1}, None)
    found = CompositionJob([own], space=space, keep=10_000).run_all()
    more = CompositionJob([Neutral()], space=space, keep=10_000).run_all()
    assert 0 < len(found.rows) < len(more.rows)
    for formula in found.rows["formula"]:
        amounts = {s: int(n) for s, n in parse_composition(formula).items()}
        assert own.holds(amounts, None)
        assert "O" in amounts
    assert criterion(table_of(own)) == own


@CAREFUL
@given(jobs())
def test_linear_screening_is_that_of_a_plain_loop(job: CompositionJob) -> None:
    expected, passed = screened(job)
    found = job.run_all()
    assert found.counts == {name: expected[name] for name in found.counts}
    assert {f"after {own.name}" for own in job.criteria} < found.counts.keys()
    best = best_of(job, passed)
    assert len(found.rows) == len(best)
    for (score, candidate), row in zip(best, found.rows.itertuples(), strict=True):
        assert parse_composition(row.formula) == text_of(candidate)
        if job.score is not None:
            assert row.score == pytest.approx(float(score), rel=1e-13, abs=1e-13)


@CAREFUL
@given(jobs(spread=True))
def test_screening_with_standard_deviations_is_that_of_a_plain_loop(job: CompositionJob) -> None:
    above = [own.threshold for own in job.criteria if isinstance(own, ScoreAbove)]
    expected, passed = screened(job)
    near = [score_of(job.score, c) for c in candidates(job.space)] if above else []
    assume(all(score is None or abs(score - above[0]) > 1e-12 for score in near))
    found = job.run_all()
    assert found.counts == {name: expected[name] for name in found.counts}
    best = [score for score, _ in best_of(job, passed)]
    np.testing.assert_allclose(found.rows["score"], best, rtol=0, atol=1e-12)
    scored = {tuple(sorted(text_of(c).items())): score for score, c in passed}
    for row in found.rows.itertuples():  # each row's own score, whatever the order of near ties
        amounts = tuple(sorted(parse_composition(row.formula).items()))
        assert row.score == pytest.approx(scored[amounts], abs=1e-12)


@CAREFUL
@given(jobs())
def test_a_criterion_says_of_one_candidate_what_the_plain_loop_says(job: CompositionJob) -> None:
    symbols = {job.space.anchor, *job.space.elements}
    for candidate in itertools.islice(candidates(job.space), 0, None, 37):
        score = None if job.score is None else score_of(job.score, candidate)
        told = job.explain({s: n / job.space.parts for s, n in candidate.items()})
        assert told["criterion"].tolist() == [own.name for own in job.criteria]
        assert told["passes"].tolist() == [
            passes(own, candidate, score, symbols) for own in job.criteria
        ]


@CAREFUL
@given(jobs(spread=True), st.integers(1, 6))
def test_division_of_work_changes_no_bit(job: CompositionJob, pieces: int) -> None:
    other = dataclasses.replace(job, pieces=pieces, threads=2)
    ours, theirs = job.run_all(), other.run_all()
    assert ours.counts == theirs.counts
    pd.testing.assert_frame_equal(ours.rows, theirs.rows, check_exact=True)
    if job.shards() > 1:
        parts = [job.run(shard) for shard in range(job.shards())]
        backwards = functools.reduce(job.merge, reversed(parts))
        pd.testing.assert_frame_equal(ours.rows, backwards.rows, check_exact=True)
        assert sum(map(job.candidates, range(job.shards()))) == job.space.total


@pytest.mark.parametrize("spread", [False, True])
def test_counting_the_funnel_alone_changes_nothing_else(spread: bool) -> None:
    rng = np.random.default_rng(0)
    elements = ("Li", *OTHERS)
    weights = {"std_weights": rng.normal(size=2)} if spread else {}
    score = ElementScore(0.1, elements, rng.normal(size=(7, 2)), rng.normal(size=2), **weights)
    space = CompositionSpace("Li", OTHERS, 12)
    job = CompositionJob([oxides(), Neutral(), ScoreAbove(), molar_mass(25)], score, space)
    less = dataclasses.replace(job, counts="funnel")
    full, lean = job.run_all(), less.run_all()
    assert 0 < full.counts["good and neutral"] < full.counts["neutral"] < full.counts["total"]
    assert lean.counts == {n: c for n, c in full.counts.items() if n in lean.counts}
    assert set(full.counts) - set(lean.counts) == {
        "good",
        "neutral",
        "scored and neutral",
        "good and neutral",
    }
    pd.testing.assert_frame_equal(full.rows, lean.rows)


def test_the_published_space_is_counted_in_closed_form() -> None:
    space = CompositionSpace()
    assert len(space.elements) == 92
    assert {"H", "Np"} < set(space.elements)
    assert (space.size(2), space.size(3)) == (20_306_286, 19_697_097_420)
    job = CompositionJob([oxides()], space=space)
    assert sum(map(job.candidates, range(job.shards()))) == space.total == 19_717_403_706
    sizes = [job.candidates(shard) for shard in range(job.shards())]
    assert max(sizes) < 1.5 * min(sizes)
    assert len(pickle.dumps(job)) < 20_000


@pytest.mark.parametrize("others", [1, 2, 3])
def test_closed_form_counts_are_those_of_the_loop(others: int) -> None:
    space = CompositionSpace("Li", OTHERS, 9, (others,))
    assert space.total == sum(1 for _ in candidates(space))


def test_neutral_compositions_of_known_compounds() -> None:
    job = CompositionJob([Neutral(), oxides(), rows(4), not_radioactive()])
    for formula in ("LiPO3", "Li4NaGaO4", "LiNaMg3O5", "Li2MgO2"):
        told = job.explain(formula)
        assert told["passes"].tolist() == [formula != "LiNaMg3O5", True, True, True]
    assert job.explain("LiTcO3")["passes"].tolist() == [False, True, False, False]


def test_row_tells_what_the_tables_say() -> None:
    space = CompositionSpace("Li", ("O", "P", "Po"), 5)
    price = {"Li": 2.0, "O": 1.0, "P": 4.0}
    job = CompositionJob([Neutral(), Bound("price", price, maximum=9.0)], space=space)
    row = job.run_all().rows.set_index("formula").loc["LiPO3"]
    mass = {"Li": 6.941, "P": 30.973762, "O": 15.9994}
    usd = {"Li": 3.8691081, "P": 300.0, "O": 3.0}
    parts = {"Li": 1, "P": 1, "O": 3}
    total = sum(n * mass[s] for s, n in parts.items())
    assert row["molar_mass_g_per_mol"] == pytest.approx(total / 5)
    assert row["cost_usd_per_kg"] == pytest.approx(
        sum(n * mass[s] * usd[s] for s, n in parts.items()) / total
    )
    assert row["price"] == pytest.approx(9 / 5)
    assert (row["elements"], row["oxidation_states"]) == ("Li-O-P", "Li+1 P+5 O-2")
    assert np.isnan(row["score"])


def test_a_limit_is_compared_as_the_decimal_that_was_written() -> None:
    """In binary 0.1 + 0.2 is more than 0.3; a mean of tenths must not care."""
    space = CompositionSpace("Li", ("O", "P"), 10, (2,))
    values = {"Li": 0.1, "O": 0.1, "P": 0.2}
    job = CompositionJob([Bound("tenths", values, maximum=0.11)], space=space)
    assert job.run_all().counts["after tenths"] == sum(
        p == 1 for p, o in itertools.product(range(1, 10), repeat=2) if p + o < 10
    )
    strict = ElementScore(0.0, ("Li", "O", "P"), [[0.1], [0.1], [0.2]], [1.0])
    job = CompositionJob([ScoreAbove(0.11)], strict, space)
    assert job.run_all().counts["after score"] == 36 - 8


@given(
    st.dictionaries(st.sampled_from(OTHERS), st.fractions(-1e9, 1e9), min_size=1),
    st.integers(2, 1000),
)
def test_forms_are_whole_numbers_that_float64_holds(values: Any, parts: int) -> None:
    form = form_of(values, OTHERS, parts)
    assert (form.values == np.round(form.values)).all()
    assert 2 * parts * np.abs(form.values).max() < 2**53
    largest = max(abs(value) for value in values.values())
    for whole, symbol in zip(form.values, OTHERS, strict=True):
        exact = values.get(symbol, 0)
        assert abs(Fraction(whole) / form.scale - exact) <= largest * parts * Fraction(4, 2**53)
    assert form.known.tolist() == [symbol in values for symbol in OTHERS]


def test_score_of_a_mixture() -> None:
    score = ElementScore(1.0, ("Li", "O"), [[1.0, 0.0], [3.0, 4.0]], [2.0, 0.5], [1.0, -1.0])
    assert score({"Li": 0.25, "O": 0.75}) == pytest.approx(
        1 + 2 * 2.5 + 0.5 * 3 + math.sqrt(0.75) - math.sqrt(3)
    )
    assert np.isnan(score({"Li": 0.5, "P": 0.5}))
    assert not score.linear
    assert ElementScore(0, ("Li",), [[1.0]], [1.0], [0.0]).linear


@pytest.mark.parametrize("form", ["json", "toml"])
def test_score_comes_back_from_a_file(form: str, tmp_path: Path) -> None:
    score = ElementScore(0.5, ("Li", "O"), [[1.0], [3.0]], [2.0], [0.25])
    path = tmp_path / f"score.{form}"
    plain = score.to_dict()
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    path.write_text(json.dumps(plain) if form == "json" else "\n".join(lines))
    assert ElementScore.load(path).to_dict() == plain


TEXT = """
keep = 7
counts = "funnel"
[space]
elements = ["O", "P", "S", "Fe"]
parts = 10
[score]
intercept = 0.5
elements = ["Li", "O", "P"]
properties = [[1.0], [2.0], [-3.0]]
mean_weights = [1.0]
[[criteria]]
kind = "score"
threshold = 0.25
[[criteria]]
kind = "neutral"
states = { Fe = [2] }
[[criteria]]
kind = "molar-mass"
maximum = 30.0
[[criteria]]
kind = "rows"
last = 3
[[criteria]]
kind = "bound"
name = "mine"
values = { Li = 1.0, O = 2.0, P = 0.5 }
minimum = 1.0
"""


def test_a_job_is_read_from_toml_and_written_again() -> None:
    job = job_from_dict(tomllib.loads(TEXT))
    assert job.criteria[1].table["Fe"] == (2,)
    assert job.criteria[1].table["O"] == (-2,)
    again = job_from_dict(json.loads(json.dumps(job.to_dict())))
    assert again.fingerprint() == job.fingerprint()
    assert again.run_all().counts == job.run_all().counts
    sent = pickle.loads(pickle.dumps(job))
    assert sent.fingerprint() == job.fingerprint()
    pd.testing.assert_frame_equal(sent.run(0).rows, job.run(0).rows)
    assert dataclasses.replace(job, threads=1).fingerprint() == job.fingerprint()
    for change in ({"keep": 8}, {"criteria": job.criteria[1:]}, {"pieces": 3}):
        assert dataclasses.replace(job, **change).fingerprint() != job.fingerprint()


def test_any_kind_can_be_made_from_its_table(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("element,price\nLi,2\nO,1.5\nP,\n")
    own = {"name": "price", "file": str(tmp_path / "own.csv"), "column": "price", "maximum": 3}
    needed = {
        "molar-mass": {"maximum": 1.0},
        "cost": {"maximum": 1.0},
        "elements": {"name": "e", "allowed": ["Li"]},
        "bound": {"name": "b", "values": {"Li": 1.0}, "minimum": 0.0},
        "tabulated": own,
        "model": {"model": "a.leyden", "target": "t", "minimum": 0.0},
        "inside": {"ranges": {"Number": [3.0, 20.0]}},
        "in-domain": {"formulas": ["Li2O"] * 5},
    }
    for kind in KINDS:
        assert criterion({"kind": kind, **needed.get(kind, {})}).name
    assert tabulated(**own).values == {"Li": 2.0, "O": 1.5}


def test_oxides_may_be_asked_to_hold_no_other_anion() -> None:
    space = CompositionSpace("Li", OTHERS, 6, (2,))
    loose, strict = (CompositionJob([oxides(others)], space=space) for others in (True, False))
    assert loose.run_all().counts["after oxides"] == 5 * 10
    assert strict.run_all().counts["after oxides"] == 4 * 10  # without sulfur


def test_the_published_fractions_are_told() -> None:
    score = ElementScore(0, ("Li", "O", "P"), [[1.0], [-1.0], [0.5]], [1.0])
    space = CompositionSpace("Li", ("O", "P", "S"), 10)
    counts = CompositionJob([ScoreAbove(), Neutral()], score, space).run_all().counts
    told = fractions(counts)
    assert told["fraction_good"] == counts["good"] / counts["scored"]
    assert told["fraction_neutral"] == counts["neutral"] / counts["total"]
    assert counts["scored and neutral"] < counts["neutral"]
    with pytest.raises(InputError, match="tell no such fractions"):
        fractions({"total": 3})


# Models judge what is kept.


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "energy.leyden"
    data = tiny_crystals(40).with_targets("energy_eV_per_atom")
    Predictor.of(FromScratch(baselines()["ridge"]).fit(data)).save(path)
    return path


def test_models_judge_the_kept_rows(saved: Path) -> None:
    space = CompositionSpace("Li", ("Na", "Cl", "F"), 10)
    before = CompositionJob([Neutral()], space=space).run_all()
    predicted = Predictor.load(saved).predict(before.rows["formula"].tolist())
    energy = predicted["energy_eV_per_atom"].to_numpy()
    limit = float(np.median(energy))
    table = {"kind": "model", "model": str(saved), "target": "energy_eV_per_atom"}
    job = job_from_dict(
        {
            "criteria": ["neutral", {**table, "maximum": limit}],
            "space": {"elements": space.elements, "parts": 10},
        }
    )
    found = job.run_all()
    kept = before.rows["formula"][energy <= limit].tolist()
    assert 0 < len(kept) < len(before.rows)
    assert found.rows["formula"].tolist() == kept
    np.testing.assert_allclose(found.rows["energy_eV_per_atom"], energy[energy <= limit])
    assert found.counts["after neutral"] == found.counts["kept"] == len(before.rows)
    assert found.counts["kept after energy_eV_per_atom"] == len(kept)


def test_a_model_must_know_its_target(saved: Path) -> None:
    space = CompositionSpace("Li", ("Na", "Cl", "F"), 10)
    own = ModelBound(str(saved), "energy_eV_per_atm", maximum=0.0)
    with pytest.raises(InputError, match="did you mean 'energy_eV_per_atom'"):
        CompositionJob([Neutral(), own], space=space).run_all()


# What users give that is wrong.

SCORE = ElementScore(0, ("Li", "O"), [[1.0], [2.0]], [1.0])
SMALL = CompositionSpace("Li", ("O", "P", "S"), 10)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: CompositionSpace("Li", ("O", "Xx")), "unknown element.*Xx"),
        (lambda: CompositionSpace("Li", ("O", "O", "P", "S")), "once"),
        (lambda: CompositionSpace("Li", ("O", "Li", "P", "S")), "the anchor apart"),
        (lambda: CompositionSpace("Li", ("O", "P")), "not 3 different"),
        (lambda: CompositionSpace("Li", ("O", "P"), others=(4,)), "one, two or three"),
        (lambda: CompositionSpace("Li", ("O", "P", "S"), 3), "parts must be more"),
        (lambda: SMALL.amounts("NaPO3"), "every candidate holds Li"),
        (lambda: SMALL.amounts("LiFePO4"), "Fe is not among"),
        (lambda: SMALL.amounts("LiP2O7"), None),
        (lambda: SMALL.amounts("Li3PO5S"), None),
        (lambda: SMALL.amounts("LiP2O8"), "whole number of 10 parts"),
        (lambda: SMALL.amounts({"Li": 0.5, "O": 0.4, "P": 0.2}), "sum to one"),
        (lambda: SMALL.amounts("Li2O3"), "2 or 3 elements beside"),
        (lambda: CompositionJob([], SCORE, SMALL), "at least one criterion"),
        (lambda: CompositionJob([Neutral(), Neutral()], SCORE, SMALL), "same name"),
        (lambda: CompositionJob([Neutral(), Neutral(name="b")], None, SMALL), "one neutrality"),
        (lambda: CompositionJob([ScoreAbove()], None, SMALL), "needs a score"),
        (lambda: CompositionJob([Neutral()], None, SMALL, keep=0), "keep must be"),
        (lambda: CompositionJob([Neutral()], None, SMALL, counts="some"), "'all' or 'funnel'"),
        (
            lambda: CompositionJob([ModelBound("a", "t", 0.0), Neutral()], None, SMALL),
            "stand last",
        ),
        (
            lambda: CompositionJob([ElementRule("r", forbidden=["Li"])], None, SMALL),
            "r excludes Li",
        ),
        (lambda: CompositionJob([Neutral(states={"Li": ()})], None, SMALL), "neutral excludes Li"),
        (
            lambda: CompositionJob([Scored()], ElementScore(0, ("O",), [[1.0]], [1.0]), SMALL),
            "the score excludes Li",
        ),
        (
            lambda: CompositionJob(
                [Scored()], ElementScore(0, ("O",), [[1.0]], [1.0], [1.0]), SMALL
            ),
            "the score excludes Li",
        ),
        (lambda: CompositionJob([ModelBound("a", "t", 0.0)], None, SMALL), "those of models apart"),
        (lambda: CompositionJob([Neutral()], None, SMALL).run(10**6), "numbered from 0"),
        (lambda: Neutral(source="comon"), "did you mean 'common'"),
        (lambda: Neutral(states={"O": [-1.5]}), "whole numbers"),
        (lambda: Neutral(states={"Q": [1]}), "unknown element"),
        (lambda: molar_mass(float("nan")), "finite numbers"),
        (lambda: ScoreAbove(float("inf")), "finite numbers"),
        (lambda: Bound("b", {"Li": 1.0}), "a maximum or a minimum"),
        (lambda: Bound("b", {"Li": 1.0}, 1.0, 2.0), "minimum of b is above its maximum"),
        (lambda: Bound("b", {"Li": 1.0}, 1.0, weights={"Li": 0.0}), "positive numbers"),
        (lambda: ElementRule("r"), "allows, forbids or demands"),
        (lambda: ModelBound("a", "t"), "maximum or a minimum"),
        (lambda: rows(0), "count from 1"),
        (lambda: criterion("neutrl"), "did you mean 'neutral'"),
        (lambda: criterion({"kind": "cost", "maximun": 3}), "did you mean 'maximum'"),
        (lambda: criterion({"kind": "cost"}), "needs maximum"),
        (lambda: criterion({"kind": "cost", "maximum": "low"}), "wrong type"),
        (lambda: job_from_dict({"criterions": []}), "did you mean 'criteria'"),
        (lambda: job_from_dict({"space": {"part": 3}}), "did you mean 'parts'"),
        (lambda: job_from_dict({}), "at least one criterion"),
        (lambda: job_from_dict({"criteria": "neutral"}), "criteria are a list"),
        (lambda: job_from_dict({"space": "Li"}), "is a table"),
        (lambda: ElementScore(0, ("Li", "Lj"), [[1.0], [2.0]], [1.0]), "unknown element"),
        (lambda: ElementScore(0, ("Li", "Li"), [[1.0], [2.0]], [1.0]), "each element once"),
        (lambda: ElementScore(0, ("Li", "O"), [[1.0]], [1.0]), "a row an element"),
        (lambda: ElementScore(0, ("Li",), [[math.nan]], [1.0]), "finite numbers"),
        (lambda: ElementScore.from_dict({"intercpt": 0}), "did you mean 'intercept'"),
        (lambda: ElementScore.from_dict({"intercept": 0}), "needs this key"),
        (lambda: ElementScore.load("nowhere.json"), "nowhere.json: a score cannot be read"),
        (lambda: tabulated("a", "nowhere.csv", "b", 1.0), "cannot be read"),
    ],
)
def test_bad_input_is_refused_in_one_line(make: Any, match: str | None) -> None:
    if match is None:
        assert sum(make().values()) == 10
        return
    with pytest.raises(InputError) as caught:
        make()
    assert re.search(match, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_values_names_its_bad_row(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    for text, match in [
        ("element,price\nLi,2\nXx,3\n", "row 2.*unknown element"),
        ("element,price\nLi,cheap\n", "row 1.*must be a number"),
        ("element,prise\nLi,1\n", "did you mean 'prise'"),
    ]:
        file.write_text(text)
        with pytest.raises(InputError, match=match):
            tabulated("price", str(file), "price", maximum=1.0)


def test_what_a_reader_should_know_is_said() -> None:
    space = CompositionSpace("Li", ("O", "He", "Po", "Fe"), 10)
    score = ElementScore(0, ("Li", "O", "Fe"), [[1.0], [2.0], [0.0]], [1.0])
    said = CompositionJob([Neutral(), cost(9.0)], score, space, keep=10**6).remarks()
    for start, end in [
        ("1000000 are to be kept of", "all that pass are."),
        ("Candidates with He, Po", "cannot be scored."),
        ("Candidates with He", "have no oxidation state and are never neutral."),
        ("Candidates with Po", "have no cost_usd_per_kg and fail it."),
        ("No criterion excludes the radioactive Po", "."),
    ]:
        assert any(text.startswith(start) and text.endswith(end) for text in said), said
    assert len(said) == 5
    quiet = CompositionJob([not_radioactive(), molar_mass(40)], space=space, keep=5)
    assert quiet.remarks() == []


def test_more_is_kept_than_there_is() -> None:
    job = CompositionJob([oxides()], space=SMALL, keep=10**6)
    found = job.run_all()
    assert len(found.rows) == found.counts["after oxides"] == 2 * 36 + 84
    assert found.rows["key"].is_monotonic_increasing
    assert found.rows["formula"].is_unique


def test_nothing_passes() -> None:
    found = CompositionJob([Neutral(), molar_mass(0.5)], space=SMALL).run_all()
    assert found.counts["after molar_mass_g_per_mol"] == 0
    assert found.rows.empty
    assert {"key", "formula", "score", "oxidation_states"} < set(found.rows.columns)


# Standard deviations, in single precision first.


def test_what_single_precision_cannot_tell_is_decided_in_double() -> None:
    """Of properties 0 and 1 the deviation is at most 1/2, and just that where half is 1."""
    space = CompositionSpace("Li", ("O", "P", "S"), 20, (3,))
    halves = sum(c["O"] + c["P"] == 10 for c in candidates(space))
    table = [[0.0], [1.0], [1.0], [0.0]]
    for threshold, expected in [(0.5, 0), (0.5 - 1e-12, halves), (0.0, 969), (0.6, 0)]:
        score = ElementScore(0.0, ("Li", "O", "P", "S"), table, [0.0], [1.0])
        job = CompositionJob([ScoreAbove(threshold)], score, space, keep=halves + 1)
        found = job.run_all()
        assert found.counts["good"] == found.counts["after score"] == expected
        assert found.rows["score"][:halves].to_numpy() == pytest.approx(0.5, abs=1e-15)
    equal = ElementScore(0.3, ("Li", "O", "P", "S"), [[2.0]] * 4, [0.1], [-1.0])
    assert CompositionJob([ScoreAbove(0.5)], equal, space).run_all().counts["good"] == 0
    assert CompositionJob([ScoreAbove(0.4999)], equal, space).run_all().counts["good"] == 969


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([0, 3, 9]))
def test_single_precision_is_as_good_as_it_claims(seed: int, p: int, decades: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(7, p)) * 10 ** rng.uniform(-decades, decades, size=(7, p))
    weights = rng.normal(size=(2, p)) * 10 ** rng.uniform(-decades, decades, size=(2, p))
    score = ElementScore(rng.normal(), ("Li", *OTHERS), table, weights[0], weights[1])
    space = CompositionSpace("Li", OTHERS, 30, (3,))
    plan = make_plan(space, score, [ScoreAbove()], alone=True)
    grid = space.grid(3)
    rough = np.empty(grid[0].size, np.float32)
    group = tuple(rng.choice(6, 3, replace=False) + 1)
    kernel._fill(plan, group, grid, rough)
    for x in rng.integers(0, rough.size, 50):
        i, j, k = (int(column[x]) for column in grid)
        exact = kernel._value(plan, group, (i, j, 30 - i - j), k) / plan.most
        assert abs(exact) <= 1
        assert abs(rough[x] - exact) < plan.doubt
        names = [space.elements[number - 1] for number in group]
        shares = dict(zip([*names, "Li"], np.array([i, j, k, 30 - i - j - k]) / 30, strict=True))
        told = score(shares) * plan.unit / plan.most
        assert exact == pytest.approx(told, abs=1e-9)
