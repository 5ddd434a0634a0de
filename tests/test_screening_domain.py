"""Staying where a model has been taught: ranges and elements, decided for every candidate."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.data.formulas import parse_composition
from leyden.errors import InputError
from leyden.representations.composition import CUBUK_PROPERTIES, CompositionStatistics
from leyden.screening import (
    CompositionJob,
    CompositionSpace,
    ElementScore,
    Inside,
    Neutral,
    criterion,
    in_domain,
    job_from_dict,
    molar_mass,
    oxides,
)

TAUGHT = ["Li3PO4", "Li2S", "Li3PS4", "Li2O", "LiPO3", "Li7P3S11", "LiCl", "Li6PS5Cl", "Li4P2S6"]
SPACE = CompositionSpace(elements=("O", "P", "S", "Cl", "Si"), parts=12)


def shares(formula: str) -> dict[str, float]:
    amounts = parse_composition(formula)
    whole = sum(amounts.values())
    return {symbol: float(amount / whole) for symbol, amount in amounts.items()}


def test_ranges_are_percentiles_of_the_means_that_the_model_reads() -> None:
    own = in_domain(TAUGHT, percentile=10, at_least=2)
    means = CompositionStatistics(("mean",), CUBUK_PROPERTIES).transform(TAUGHT)
    assert list(own.ranges) == [*CUBUK_PROPERTIES, "fraction Li"]
    for column, name in zip(means.T, CUBUK_PROPERTIES, strict=True):
        low, high = own.ranges[name]
        ends = (
            np.percentile(column, 10, method="lower"),
            np.percentile(column, 90, method="higher"),
        )
        assert low == pytest.approx(ends[0], rel=2e-5)
        assert high == pytest.approx(ends[1], rel=2e-5)
        assert low <= ends[0] + 1e-9 * abs(low)  # rounded outwards
        assert high >= ends[1] - 1e-9 * abs(high)
    fractions = sorted(shares(formula)["Li"] for formula in TAUGHT)
    assert own.ranges["fraction Li"] == pytest.approx((fractions[0], fractions[-1]), rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*TAUGHT, "LiFePO4", "Li4SiO4"]), min_size=1), st.integers(1, 3))
def test_what_taught_is_inside_and_rare_elements_are_not(taught: list[str], least: int) -> None:
    held = Counter(s for formula in taught for s in parse_composition(formula))
    if max(held.values()) < least:
        with pytest.raises(InputError, match="no element occurs"):
            in_domain(taught, percentile=0, at_least=least)
        return
    own = in_domain(taught, percentile=0, at_least=least)
    for formula in taught:
        amounts = {s: int(12 * n) for s, n in parse_composition(formula).items()}
        common = all(held[symbol] >= least for symbol in amounts)
        assert own.holds(amounts, None) == common, formula


def test_the_kernel_says_what_the_means_say() -> None:
    """Counts and rows against floats over the whole sub-space."""
    own = in_domain(TAUGHT, percentile=5, at_least=2)
    everything = CompositionJob([oxides()], space=SPACE, keep=10**5).run_all().rows
    found = CompositionJob([oxides(), own, molar_mass(21)], space=SPACE, keep=10**5).run_all()
    everything = everything["formula"].tolist()
    means = CompositionStatistics(("mean",), CUBUK_PROPERTIES).transform(everything)
    fractions = np.array([shares(formula)["Li"] for formula in everything])
    low, high = np.array([*own.ranges.values()]).T
    within = ((low <= np.c_[means, fractions]) & (np.c_[means, fractions] <= high)).all(axis=1)
    expected = [f for f, yes in zip(everything, within, strict=True) if yes and "Si" not in f]
    assert 0 < len(expected) < len(everything)
    assert found.counts["after inside"] == len(expected)
    assert list(found.counts)[-3:] == ["after oxides", "after inside", "after molar_mass_g_per_mol"]
    light = found.rows["formula"].tolist()
    assert light
    assert set(light) <= set(expected)
    assert "Number" not in found.rows


def test_order_of_the_criteria_changes_no_row() -> None:
    own = in_domain(TAUGHT, percentile=5, at_least=2)
    first = CompositionJob([own, Neutral(), oxides()], space=SPACE).run_all()
    last = CompositionJob([oxides(), Neutral(), own], space=SPACE).run_all()
    assert first.counts["after oxides"] == last.counts["after inside"] > 0
    pd.testing.assert_frame_equal(first.rows, last.rows)


def test_a_file_of_formulas_and_its_expanded_table(tmp_path: Path) -> None:
    file = tmp_path / "taught.csv"
    file.write_text("formula,year\n" + "".join(f"{f},2019\n" for f in TAUGHT))
    made = criterion({"kind": "in-domain", "file": str(file), "at_least": 2})
    assert made == in_domain(TAUGHT, at_least=2)
    job = CompositionJob([made], space=SPACE)
    again = job_from_dict(json.loads(json.dumps(job.to_dict())))
    assert again.fingerprint() == job.fingerprint()
    assert job.to_dict()["criteria"][0]["kind"] == "inside"
    file.write_text("formula\nLi2O\nLiXx\n")
    with pytest.raises(InputError, match=r"taught\.csv, row 2.*Xx"):
        criterion({"kind": "in-domain", "file": str(file)})


def test_a_reader_is_told_which_elements_are_outside() -> None:
    own = in_domain(TAUGHT, at_least=2)
    assert CompositionJob([own], space=SPACE).remarks() == ["Candidates with Si are not inside."]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Inside(), "ranges or elements"),
        (lambda: Inside({"Number": (4, 3)}), "a low and a high end"),
        (lambda: Inside({"Number": (4,)}), "a low and a high end"),
        (lambda: Inside({"Number": (float("nan"), 3)}), "a low and a high end"),
        (lambda: Inside({"Nummer": (3, 4)}), "unknown element property"),
        (lambda: Inside({"fraction Xx": (0, 1)}), "unknown element"),
        (lambda: Inside(elements=["Xx"]), "unknown element"),
        (lambda: in_domain(), "formulas or a file"),
        (lambda: in_domain(TAUGHT, percentile=50), "0..50"),
        (lambda: in_domain([], at_least=1), "no element occurs in 1 compounds"),
        (lambda: in_domain(["LiHe"], at_least=1), "no compound has this property"),
        (lambda: criterion({"kind": "inside", "ranges": 3}), "wrong type"),
        (
            lambda: CompositionJob([Inside(elements=["O", "P", "S"])], space=SPACE),
            "inside excludes Li",
        ),
    ],
)
def test_what_is_no_domain(make: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make()  # type: ignore[operator]


# The best of each chemical system.


def test_the_best_of_each_chemical_system() -> None:
    rng = np.random.default_rng(0)
    elements = ("Li", *SPACE.elements)
    score = ElementScore(0.0, elements, rng.normal(size=(6, 2)), [1.0, -0.5])
    job = CompositionJob([Neutral(), oxides()], score, SPACE, keep=10**5)
    whole = job.run_all().rows
    for each, keep in [(1, 10**5), (2, 10**5), (3, 11), (10**5, 7)]:
        found = dataclasses.replace(job, keep=keep, keep_per_system=each).run_all()
        expected = whole.groupby("elements", sort=False).head(each).head(keep)
        pd.testing.assert_frame_equal(found.rows, expected.reset_index(drop=True))
    assert whole["elements"].nunique() < len(whole)
    assert found.counts == job.run_all().counts


def test_a_spread_is_part_of_the_job() -> None:
    job = CompositionJob([oxides()], space=SPACE)
    spread = dataclasses.replace(job, keep_per_system=2)
    assert spread.fingerprint() != job.fingerprint()
    assert "keep_per_system" not in job.to_dict()
    assert job_from_dict(spread.to_dict()).fingerprint() == spread.fingerprint()
    with pytest.raises(InputError, match="keep_per_system must be at least 1"):
        dataclasses.replace(job, keep_per_system=0)
