"""What an exploration has taught, on functions whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from leyden.errors import InputError
from leyden.exploration.analysis import ExplorationAnalysis, analyse, best_found
from leyden.exploration.extrapolation import distance_from
from leyden.exploration.held_out import HeldOut, against, cross_validated
from leyden.exploration.landscapes import (
    axis_values,
    cut,
    expected_improvement,
    incumbent,
    landscape,
    surface_through,
)
from leyden.exploration.polymer_reference import polymer_reference
from leyden.exploration.search_space import Constraint, Objective, Parameter, SearchSpace
from leyden.exploration.surrogate import Surrogate
from leyden.exploration.uphill import Uphill, best_predicted, uphill

pytest.importorskip("botorch")

SPACE = SearchSpace(
    (
        Parameter("x", 0.0, 2.0),
        Parameter("y", 1.0, 100.0, scale="log"),
        Parameter("idle", -1.0, 1.0),
    )
)
Y = Objective("value")


def truth(rows: pd.DataFrame) -> np.ndarray:
    """Steep in x, best at x = 1.4; rising gently with the logarithm of y; blind to idle."""
    return np.asarray(-3 * (rows["x"] - 1.4) ** 2 + 0.3 * np.log10(rows["y"]))


def observed(count: int = 40, error: float = 0.05, space: SearchSpace = SPACE) -> pd.DataFrame:
    rows = space.sobol(count, 1)
    noise = error * np.random.default_rng(0).standard_normal(count)
    return rows.assign(value=truth(rows) + noise, value_error=error, value_bound="", outcome="ok")


@pytest.fixture(scope="module")
def told() -> pd.DataFrame:
    return observed()


@pytest.fixture(scope="module")
def surrogate(told: pd.DataFrame) -> Surrogate:
    return Surrogate(SPACE, Y, random_state=0).fit(told)


@pytest.fixture(scope="module")
def found(surrogate: Surrogate, told: pd.DataFrame) -> ExplorationAnalysis:
    return analyse(surrogate, told, reference={"x": 0.5, "y": 10.0, "idle": 0.0}, folds=4)


@pytest.mark.parametrize(("mean", "std"), [(0.3, 0.5), (-1.0, 0.4), (1.2, 0.01)])
def test_expected_improvement_is_the_integral(mean: float, std: float) -> None:
    def integrand(value: float) -> float:
        return (value - 0.2) * float(norm.pdf(value, mean, std))

    exact = quad(integrand, 0.2, max(mean, 0.2) + 12 * std)[0]
    assert expected_improvement(np.array([mean]), np.array([std]), 0.2)[0] == pytest.approx(
        exact, rel=1e-6
    )


def test_values_along_parameters_of_every_kind() -> None:
    assert axis_values(Parameter("n", 2, 5, kind="integer"), 9).tolist() == [2, 3, 4, 5]
    assert len(axis_values(Parameter("n", 0, 1000, kind="integer"), 9)) == 9
    level = Parameter("salt", kind="categorical", levels=("LiCl", "LiTFSI"))
    assert axis_values(level, 9).tolist() == ["LiCl", "LiTFSI"]
    np.testing.assert_allclose(axis_values(SPACE.parameters[1], 3), [1, 10, 100])


def test_the_best_is_where_the_truth_is_best(found: ExplorationAnalysis) -> None:
    best = found.best_predicted.iloc[0]
    assert best["x"] == pytest.approx(1.4, abs=0.1)
    assert best["y"] > 60
    assert best["low"] < 0.6 < best["high"]
    assert "y" in found.at_bounds()
    value, low, high = found.gain
    reference = truth(found.reference)[0]
    assert low < 0.6 - reference < high
    assert value == pytest.approx(best["mean"] - found.reference["mean"].iloc[0])


def test_what_matters_is_what_the_truth_depends_on(found: ExplorationAnalysis) -> None:
    assert found.importance.index.tolist()[0] == "x"
    shares = found.importance["share"]
    values = truth(SPACE.random(20000, 3))
    parts = {
        "x": np.var(-3 * (SPACE.random(20000, 3)["x"] - 1.4) ** 2),
        "y": np.var(0.3 * np.log10(SPACE.random(20000, 3)["y"])),
    }
    for name, variance in parts.items():
        assert shares[name] == pytest.approx(variance / np.var(values), abs=0.12)
    assert abs(shares["idle"]) < 0.02


def test_a_cut_and_a_landscape_are_the_predictions(
    found: ExplorationAnalysis, surrogate: Surrogate
) -> None:
    one = next(each for each in found.cuts if each.parameter.name == "x")
    rows = pd.DataFrame({"x": one.table["value"], "y": 10.0, "idle": 0.0})
    expected = surrogate.predict(rows)
    np.testing.assert_allclose(one.table[["mean", "std"]], expected[["mean", "std"]], atol=1e-8)
    inside = (truth(rows) > one.table["low"]) & (truth(rows) < one.table["high"])
    assert inside.mean() > 0.9

    flat = next(each for each in found.landscapes if {each.x.name, each.y.name} == {"x", "y"})
    assert flat.mean.shape == flat.differs.shape == (25, 25)
    x_first = flat.x.name == "x"
    where = (3, 20) if x_first else (20, 3)
    row = pd.DataFrame(
        {flat.x.name: [flat.x_values[where[0]]], flat.y.name: [flat.y_values[where[1]]]}
    ).assign(idle=0.0)
    assert flat.mean[where] == pytest.approx(surrogate.predict(row)["mean"].iloc[0])
    # Nothing is nearer to the row than the row: there the difference is small in its error.
    assert np.abs(flat.differs).max() > 5
    assert flat.at == ((0.5, 10.0) if x_first else (10.0, 0.5))


def test_what_constraints_forbid_is_left_empty(told: pd.DataFrame) -> None:
    space = SearchSpace(SPACE.parameters, (Constraint({"x": 1.0, "idle": 1.0}, 1.0),))
    kept = told[space.allowed(told)]
    learned = Surrogate(space, Y, random_state=0).fit(kept)
    row = pd.DataFrame({"x": [0.5], "y": [10.0], "idle": [0.0]})
    flat = landscape(learned, row, "x", "idle", best=incumbent(learned, kept), count=9)
    allowed = flat.x_values[:, None] + flat.y_values <= 1.0 + 1e-9
    np.testing.assert_array_equal(np.isfinite(flat.mean), allowed)
    surface = surface_through(learned, row, ["x", "y", "idle"], count=9)
    corners = surface.triangles.reshape(-1, 3)
    assert (2 * corners[:, 0] + 2 * corners[:, 2] - 1 <= 1.0 + 1e-9).all()
    best = best_predicted(learned, kept)
    assert (best["x"] + best["idle"] <= 1.0 + 1e-9).all()


def test_the_surface_has_the_value_of_the_row(
    found: ExplorationAnalysis, surrogate: Surrogate
) -> None:
    assert found.surface is not None
    corners = found.surface.triangles.reshape(-1, 3)[::50]
    order = [parameter.name for parameter in found.surface.parameters]
    points = corners[:, [order.index(name) for name in SPACE.names]]
    means = surrogate.predict(SPACE.from_unit(points))["mean"]
    np.testing.assert_allclose(means, found.surface.level, atol=0.08)


def test_a_grid_without_an_allowed_place_has_no_surface(told: pd.DataFrame) -> None:
    thin = Constraint({"x": 1.0}, 0.31), Constraint({"x": -1.0}, -0.29)
    space = SearchSpace(SPACE.parameters, thin)
    learned = Surrogate(space, Y, random_state=0).fit(told)
    row = pd.DataFrame({"x": [0.3], "y": [10.0], "idle": [0.0]})
    surface = surface_through(learned, row, SPACE.names, share=0.1, count=9)
    assert np.isnan([surface.level, surface.better]).all()
    assert len(surface.triangles) == 0


@pytest.mark.parametrize("maximise", [True, False])
def test_the_surface_about_the_best_tenth(told: pd.DataFrame, maximise: bool) -> None:
    goal = Objective("value", maximise=maximise)
    learned = Surrogate(SPACE, goal, random_state=0).fit(told)
    row = best_predicted(learned, told)[SPACE.names]
    surface = surface_through(learned, row, SPACE.names, share=0.1, count=9)
    assert surface.better == pytest.approx(0.1, abs=0.01)
    level, best = surface.level, learned.predict(row)["mean"].iloc[0]
    assert (level < best) == maximise
    assert len(surface.triangles)


def test_uphill_is_the_slope_of_the_truth(found: ExplorationAnalysis) -> None:
    assert found.uphill is not None
    table = found.uphill.table().set_index("parameter")
    # At x = 0.5 the slope is 5.4 over a range of 2; y gains 0.6 over its range of two decades.
    for name, slope in {"x": 10.8, "y": 0.6, "idle": 0.0}.items():
        half = (table["high"] - table["low"])[name]
        assert abs(table["slope"][name] - slope) < half + 0.3
    assert table["certain"]["x"]
    assert found.uphill.chance() < 1e-6
    assert found.uphill.chance("idle") > 0.01
    np.testing.assert_allclose(found.uphill.direction("x", "idle"), [1, 0], atol=0.05)


def test_the_chance_of_slopes_by_chance_is_even() -> None:
    rng = np.random.default_rng(0)
    root = rng.standard_normal((3, 3))
    covariance = root @ root.T
    draws = rng.multivariate_normal(np.zeros(3), covariance, 4000)
    chances = [Uphill(list("abc"), each, covariance).chance() for each in draws]
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_less_is_better_goes_downhill(told: pd.DataFrame) -> None:
    less = Objective("value", maximise=False)
    mirrored = Surrogate(SPACE, less, random_state=0).fit(told.assign(value=-told["value"]))
    row = pd.DataFrame({"x": [0.5], "y": [10.0], "idle": [0.0]})
    ascent = uphill(mirrored, row)
    assert ascent is not None
    assert ascent.slopes[0] > 5
    assert best_predicted(mirrored, told)["x"].iloc[0] == pytest.approx(1.4, abs=0.1)
    assert (
        best_found(mirrored, told.assign(value=-told["value"])).index[0] == told["value"].idxmax()
    )
    line = cut(mirrored, row, "x", best=-0.2)
    assert line.table["value"][line.table["improvement"].idxmax()] == pytest.approx(1.4, abs=0.15)


def test_intervals_hold_what_they_say(found: ExplorationAnalysis, told: pd.DataFrame) -> None:
    held = found.held_out
    assert held is not None
    assert sorted(held.table.index) == list(range(len(told)))
    low, high = held.coverage_interval
    assert low <= held.coverage <= high
    assert high > 0.95
    assert held.explained > 0.9
    assert 0.5 < held.residual_spread < 1.6


def test_replicates_are_held_out_together(told: pd.DataFrame) -> None:
    twice = pd.concat([told.head(12), told.head(12).assign(value=50.0)], ignore_index=True)
    held = cross_validated(Surrogate(SPACE, Y, random_state=0), twice, folds=4)
    # Were the other of a pair learned from, its mean would be near one half of 50.
    pairs = held.table["mean"].to_numpy().reshape(2, 12)
    np.testing.assert_allclose(pairs[0], pairs[1])


def test_bounds_and_failures_when_held_out(told: pd.DataFrame, surrogate: Surrogate) -> None:
    rows = told.head(4).copy()
    rows["value_bound"] = ["below", "below", "", ""]
    rows["value"] += [5.0, -5.0, 0.0, 0.0]
    rows.loc[rows.index[3], ["value", "outcome"]] = [np.nan, "blow-up"]
    held = against(surrogate, rows)
    assert held.table.index.tolist() == rows.index[:3].tolist()
    assert held.bounds_kept == (1, 2)
    assert len(held.measured) == 1
    with pytest.raises(InputError, match="no row has a value"):
        against(surrogate, rows.tail(1))
    with pytest.raises(InputError, match="three different rows"):
        cross_validated(surrogate, rows.head(2))


def test_a_larger_error_of_its_own_widens_the_interval(
    told: pd.DataFrame, surrogate: Surrogate
) -> None:
    usual = against(surrogate, told.head(1)).table["std"].iloc[0]
    wide = against(surrogate, told.head(1).assign(value_error=0.5)).table["std"].iloc[0]
    row = told.head(1).assign(value_error=0.5)
    unknown = against(surrogate, row, own_errors=False).table.iloc[0]
    band = surrogate.predict(row[surrogate.space.names], noise=True).iloc[0]
    assert (unknown["low"], unknown["high"]) == pytest.approx((band["low"], band["high"]))
    assert wide**2 - usual**2 == pytest.approx(0.5**2 - 0.05**2, rel=1e-6)


def test_width_is_told_beside_coverage_and_extrapolation_is_seen(
    told: pd.DataFrame, surrogate: Surrogate
) -> None:
    held = against(surrogate, told)
    rows = held.measured
    said = held.summary()
    assert said["relative_width"] == pytest.approx(
        (2 * 1.959964 * rows["std"]).mean() / rows["observed"].std(ddof=0)
    )
    assert said["coverage_low"] <= said["coverage"] <= said["coverage_high"]
    assert said["extrapolated"] == 0  # rows that were learned from
    assert said["values"] == len(rows)
    latent = surrogate.predict(rows.join(told[surrogate.space.names]))
    assert (rows["high"] - rows["low"] > latent["high"] - latent["low"]).all()


def test_what_lies_beyond_all_that_was_explored_is_marked() -> None:
    explored = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.2], [0.0, 0.2]])
    points = np.array([[0.0, 0.0], [0.2, 0.0], [0.9, 0.0], [0.0, 0.9]])
    distance, far = distance_from(explored, points, np.array([0.5, 1.0]))
    np.testing.assert_allclose(distance, [0.0, 0.2, 1.6, 0.7])
    assert far.tolist() == [False, False, True, True]


def test_wilson_against_its_published_form() -> None:
    table = pd.DataFrame({"bound": [""] * 20, "residual": [0.0] * 19 + [3.0]})
    low, high = HeldOut(table).coverage_interval
    # Roots of (p - 0.95)² = 1.96² p (1 - p) / 20.
    roots = np.roots([1 + 1.959964**2 / 20, -(1.9 + 1.959964**2 / 20), 0.95**2])
    np.testing.assert_allclose([low, high], sorted(roots))


def test_the_best_found_is_a_value_and_not_a_doubtful_bound(surrogate: Surrogate) -> None:
    rows = observed(4).assign(value=[1.0, 9.0, 5.0, 7.0])
    rows["value_bound"] = ["", "below", "", ""]
    rows["task"] = ["", "", "", "short"]
    assert best_found(surrogate, rows).index.tolist() == [2]
    assert best_found(surrogate, rows.assign(value=np.nan)).empty


def test_mistakes_are_named(surrogate: Surrogate, told: pd.DataFrame) -> None:
    row = pd.DataFrame({"x": [0.5], "y": [10.0], "idle": [0.0]})
    with pytest.raises(InputError, match="not a parameter"):
        cut(surrogate, row, "z", best=0.0)
    with pytest.raises(InputError, match="three parameters"):
        surface_through(surrogate, row, ["x", "y"])
    with pytest.raises(InputError, match="x lies between 0 and 2"):
        analyse(surrogate, told, reference={"x": 5.0, "y": 10.0, "idle": 0.0})


def test_the_reference_of_polymers_lies_in_every_space() -> None:
    from leyden.simulators.polymer_electrolyte import SEARCH_SPACES

    for space in SEARCH_SPACES.values():
        row = polymer_reference(list(space), {"temperature_K": 400.0})
        assert all(low <= row[name] <= high for name, (low, high) in space.items())
    assert polymer_reference(["secondary_radius"])["secondary_radius"] == 2.15
