"""Labels of conductors, and which published compounds have a structure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from leyden.data import (
    Dataset,
    good_conductor,
    load,
    match_compositions,
    published_conductors,
    simulated_conductors,
)
from leyden.data.conductors import GOOD_CONDUCTOR, published_verdicts
from leyden.errors import InputError

SIGMA = "ionic_conductivity_S_per_cm"


def table(values: list[float], name: str = SIGMA, **extra: list[object]) -> Dataset:
    formulas = ["LiCl", "LiBr", "LiI", "LiF"][: len(values)]
    return Dataset.from_table(
        pd.DataFrame({"formula": formulas, name: values, **extra}), target=name, name="mine.csv"
    )


def test_the_class_of_a_conductor() -> None:
    rows = good_conductor(table([1e-4, 9.9e-5, np.nan, 1e-2]))
    assert rows.y.tolist() == [1, 0, 1]
    assert rows.ids.tolist() == ["LiCl", "LiBr", "LiF"]
    assert list(rows.targets) == [GOOD_CONDUCTOR]
    assert rows.same_quantity(table([1e-4]))
    assert good_conductor(table([1e-4, 9.9e-5]), minimum_S_per_cm=1e-5).y.tolist() == [1, 1]
    decades = Dataset.from_table(
        pd.DataFrame({"formula": ["LiCl", "LiBr"], SIGMA: [1e-2, 1e-6]}), target=f"log10_{SIGMA}"
    )
    assert good_conductor(decades).y.tolist() == [1, 0]


def test_an_upper_bound_above_the_minimum_has_no_class() -> None:
    beside = table([1e-10, 1e-3, 1e-3], upper_bound=[True, True, False])
    read = Dataset.from_table(
        pd.DataFrame({"formula": ["LiCl", "LiBr", "LiI"], SIGMA: ["<1e-10", "<1e-3", "1e-3"]}),
        target=SIGMA,
        censored=[SIGMA],
    )
    for rows in (beside, read):
        assert good_conductor(rows).y.tolist() == [0, 1]


@pytest.mark.parametrize("value", [0.0, -1e-5])
def test_conductivities_that_are_not_positive(value: float) -> None:
    with pytest.raises(InputError, match=r"mine.csv, row 2: .*S_per_cm must be positive"):
        table([1e-3, value])
    bare = Dataset(
        "mine", np.array(["a", "b"]), ("LiCl", "LiBr"), pd.DataFrame({SIGMA: [1e-3, value]})
    )
    with pytest.raises(InputError, match=r"mine, row b: .*must be positive"):
        good_conductor(bare)


def test_another_unit_is_told() -> None:
    frame = pd.DataFrame({"formula": ["LiCl"], "ionic_conductivity_S_per_m": [1e-2]})
    with pytest.raises(InputError, match=r"in another unit.*convert the column and name it"):
        Dataset.from_table(frame, target=SIGMA)
    with pytest.raises(InputError, match=r"in another unit .got 'ionic_conductivity_S_per_m'"):
        good_conductor(table([1e-2], "ionic_conductivity_S_per_m"))
    with pytest.raises(InputError, match="there is no column"):
        good_conductor(table([300.0], "melting_point_K"))


def test_compositions_match_within_rounding() -> None:
    among = ["Li10GeP2S12", "Li9.8Sn0.8P2.2S12", "Li4P2O7", "Li9.81Sn0.81P2.19S12", "LiCl"]
    found = match_compositions(["Li9.81Sn0.81P2.19S12", "Li2PO3.5", "LiBr", "Li1.05Cl"], among)
    assert [part.tolist() for part in found] == [[3, 1], [2], [], []]
    assert match_compositions(["Li1.05Cl"], among, 0.05)[0].tolist() == [4]
    # a dopant is an element, however little there is of it
    assert match_compositions(["Li4P2O7"], ["Li4P2O6.99F0.01"])[0].tolist() == []


def test_published_compounds_that_have_a_structure(data_home: Callable) -> None:
    data_home("obelix"), data_home("sendek")
    found = published_conductors()
    assert len(found) == 17
    assert good_conductor(found).y.sum() == 5
    at = dict(zip(found.ids.tolist(), found.extra["obelix_id"], strict=True))
    assert at["Li3N"] == "gvd"
    assert at["Li10Ge(PS6)2"] == "mtn"
    assert at["Li3PS4"] == "joc"  # the gamma phase, by its conductivity
    assert "Li7La3Zr2O12" not in at  # only the tetragonal phase, a poor conductor
    assert "LiLa(TiO3)2" not in at  # its CIF has no Li
    published = load("sendek", target=SIGMA)
    values = dict(zip(published.ids.tolist(), published.y, strict=True))
    np.testing.assert_array_equal(found.y, [values[id] for id in found.ids.tolist()])
    ours, theirs = found.extra["obelix_conductivity_S_per_cm"] >= 1e-4, found.y >= 1e-4
    assert (ours == theirs).all()


def test_verdicts_of_the_paper_are_not_quite_the_rule(data_home: Callable) -> None:
    data_home("sendek")
    simulated = load("sendek", target="simulated_ionic_conductivity_S_per_cm")
    good = published_verdicts(simulated)
    assert simulated.groups["formula"][good].tolist() == ["Li6HoB3O9", "LiSbO3", "LiSO3F"]
    assert (simulated.y[good] >= 1e-4).tolist() == [True, True, False]
    assert (simulated.y[~good] < 1e-4).all()


def test_simulated_compounds_that_have_a_structure(data_home: Callable) -> None:
    for name in ("sendek", "flla-2015", "dielectric-constant", "mp-electrodes"):
        data_home(name)
    found = simulated_conductors()
    assert found.ids.tolist() == ["mp-6674", "mp-8452", "mp-770932", "mp-12829", "mp-7744"]
    assert found.extra["same_id"].tolist() == [True, True, False, True, True]
    formulas = [item.formula for item in found.items]
    assert formulas == found.groups["formula"].tolist()
    label = good_conductor(found, "simulated_ionic_conductivity_S_per_cm")
    assert label.y.tolist() == [0, 0, 1, 0, 0]
