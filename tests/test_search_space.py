"""Search spaces: there and back, bounds that hold, and mistakes told by row and value."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leyden.errors import InputError
from leyden.exploration.search_space import Constraint, Objective, Parameter, SearchSpace

SPACE = SearchSpace(
    (
        Parameter("radius", 1.5, 5.0, unit="angstrom"),
        Parameter("epsilon", 0.01, 10.0, scale="log"),
        Parameter("length", 3, 7, kind="integer"),
        Parameter("salt", kind="categorical", levels=("TFSI", "FSI", "Cl")),
    ),
    (Constraint({"radius": 1.0, "length": 1.0}, 9.0),),
)


def row(**changes: object) -> pd.DataFrame:
    values = {"radius": 2.0, "epsilon": 1.0, "length": 4, "salt": "FSI"} | changes
    return pd.DataFrame([values])


@given(st.integers(0, 10**6))
def test_there_and_back(seed: int) -> None:
    rows = SPACE.random(5, seed)
    points = SPACE.to_unit(rows)
    assert ((points >= 0) & (points <= 1)).all()
    pd.testing.assert_frame_equal(SPACE.from_unit(points), rows)
    SPACE.check(rows)


@pytest.mark.parametrize("draw", ["random", "sobol"])
def test_draws_are_repeatable_allowed_and_even(draw: str) -> None:
    rows = getattr(SPACE, draw)(2000, 3)
    pd.testing.assert_frame_equal(rows, getattr(SPACE, draw)(2000, 3))
    assert not rows.equals(getattr(SPACE, draw)(2000, 4))
    assert len(rows) == 2000
    SPACE.check(rows)
    assert np.median(np.log10(rows["epsilon"])) == pytest.approx(-0.5, abs=0.1)
    assert rows["salt"].value_counts().min() > 600
    assert rows["length"].isin([3, 4, 5, 6, 7]).all()


def test_every_integer_has_an_equal_share() -> None:
    space = SearchSpace((Parameter("n", 1, 4, kind="integer"),))
    counts = space.random(4000, 0)["n"].value_counts()
    assert counts.min() > 900
    assert space.from_unit(np.array([[0.0], [1.0]]))["n"].tolist() == [1, 4]


def test_json_and_back() -> None:
    assert SearchSpace.from_dict(json.loads(json.dumps(SPACE.to_dict()))) == SPACE


def test_a_cube_without_constraints_is_told_in_full() -> None:
    space = SearchSpace((Parameter("x", 0.0, 1.0),))
    assert len(space.sobol(1, 0)) == 1
    assert len(space.random(0, 0)) == 0


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"radius": 9.0}, "radius lies between 1.5 and 5 angstrom"),
        ({"radius": float("nan")}, "radius lies between"),
        ({"radius": "big"}, "radius is a number"),
        ({"length": 3.5}, "length is a whole number"),
        ({"salt": "PF6"}, "salt is one of TFSI, FSI, Cl"),
        ({"radius": 4.0, "length": 7}, "the constraint 1 radius \\+ 1 length <= 9 is broken"),
    ],
)
def test_a_row_out_of_the_space(changes: dict[str, object], rule: str) -> None:
    rows = pd.concat([row(), row(**changes)], ignore_index=True)
    with pytest.raises(InputError, match=f"row 2: {rule}.*Remedy"):
        SPACE.check(rows)


def test_a_column_that_is_missing() -> None:
    with pytest.raises(InputError, match=r"missing.*epsilon"):
        SPACE.check(row().drop(columns="epsilon"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"low": 5.0, "high": 1.0}, "low < high.*swap them"),
        ({"low": 0.0, "high": float("inf")}, "finite"),
        ({"low": 0.0, "high": 1.0, "scale": "log"}, "must be positive"),
        ({"low": 0.5, "high": 2.0, "kind": "integer"}, "whole"),
        ({"kind": "categorical", "levels": ("a", "a")}, "all different"),
        ({"low": 0.0, "high": 1.0, "kind": "reel"}, "did you mean 'real'"),
        ({"low": 0.0, "high": 1.0, "scale": "lin"}, "did you mean 'linear'"),
    ],
)
def test_a_parameter_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Parameter("x", **settings)  # type: ignore[arg-type]


def test_a_space_that_cannot_be() -> None:
    x = Parameter("x", 0.0, 1.0)
    with pytest.raises(InputError, match="one parameter at least"):
        SearchSpace(())
    with pytest.raises(InputError, match="one name"):
        SearchSpace((x, x))
    with pytest.raises(InputError, match="did you mean 'x'"):
        SearchSpace((x,), (Constraint({"xx": 1.0}, 1.0),))
    with pytest.raises(InputError, match="linear scale"):
        SearchSpace((Parameter("y", 1.0, 2.0, scale="log"),), (Constraint({"y": 1.0}, 1.0),))
    with pytest.raises(InputError, match="finite coefficients"):
        Constraint({"x": float("nan")}, 1.0)
    with pytest.raises(InputError, match="not a search space"):
        SearchSpace.from_dict({"parameters": [{"name": "x", "lower": 1.0}]})


def test_constraints_that_leave_nothing() -> None:
    space = SearchSpace((Parameter("x", 0.0, 1.0),), (Constraint({"x": 1.0}, -1.0),))
    with pytest.raises(InputError, match="next to nothing"):
        space.random(3, 0)


def test_an_objective_says_what_is_better() -> None:
    assert Objective("conductivity").maximise
