"""Replays on emulators: campaigns that begin alike, and worlds drawn from real rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leyden.errors import InputError
from leyden.exploration.emulator import DrawnEmulator, drawn_emulators
from leyden.exploration.replay import evaluations_to_reach, replay
from leyden.exploration.search_space import Objective, Parameter, SearchSpace

SQUARE = SearchSpace((Parameter("x", 0.0, 1.0), Parameter("y", 0.0, 1.0)))
GOAL = Objective("z")


def hill(rows: pd.DataFrame) -> np.ndarray:
    """One top, at (0.7, 0.3), of height 0."""
    return -np.asarray((rows["x"] - 0.7) ** 2 + (rows["y"] - 0.3) ** 2)


def noisy_hill(rows: pd.DataFrame, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return hill(rows) + 0.02 * generator.standard_normal(len(rows)), np.full(len(rows), 0.02)


def run(methods: list[str], file: Path | None = None, **changes: int) -> pd.DataFrame:
    numbers = {"initial": 5, "evaluations": 13, "batch": 4, "repeats": 2, "random_state": 0}
    objective = Objective("z")
    return replay(
        SQUARE, objective, noisy_hill, methods, truth=hill, file=file, **(numbers | changes)
    )


def test_replays_begin_alike_and_the_better_method_wins() -> None:
    curves = run(["random", "sobol", "local penalisation"])
    assert (curves.groupby(["method", "repeat"]).size() == 13).all()
    first = curves[curves["evaluation"] <= 5].pivot(
        index=["repeat", "evaluation"], columns="method", values="value"
    )
    assert (first.nunique(axis=1) == 1).all()
    last = curves[curves["evaluation"] == 13].groupby("method")["best"].mean()
    assert last["local penalisation"] > last["random"]
    assert last["local penalisation"] > -0.005
    needed = evaluations_to_reach(curves, Objective("z"), -0.005)
    assert needed["local penalisation"].between(1, 13).all()
    never = evaluations_to_reach(curves, Objective("z"), 1.0)
    assert np.isinf(never).all()  # so that a median does not leave out who failed
    assert (curves["initial"] == 5).all()
    goals = curves[curves["method"] == "random"].groupby("repeat")["best"].max()
    by_repeat = evaluations_to_reach(curves, Objective("z"), goals)
    assert (by_repeat["random"] <= 13).all()
    assert (
        by_repeat["local penalisation", 1]
        == evaluations_to_reach(curves, Objective("z"), goals[1])["local penalisation", 1]
    )


def test_a_replay_that_was_killed_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "replay.jsonl"
    whole = run(["random", "sobol"], file)
    lines = file.read_text().splitlines(keepends=True)
    assert len(lines) == 4
    file.write_text("".join(lines[:2]) + lines[2][:40])  # killed while it wrote
    pd.testing.assert_frame_equal(run(["random", "sobol"], file), whole)
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        json.loads(line) for line in lines
    ]
    with pytest.raises(InputError, match="other settings"):
        run(["random"], file, evaluations=14)
    with pytest.raises(InputError, match="not a way to propose"):
        run(["hypervolume"])
    with pytest.raises(InputError, match="1 <= initial"):
        run(["random"], initial=20)


def test_what_another_emulator_left_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "replay.jsonl"
    settings = {"initial": 2, "evaluations": 4, "batch": 1, "repeats": 1, "random_state": 0}

    def kept(emulator, truth=hill, objective=GOAL):  # type: ignore[no-untyped-def]
        return replay(SQUARE, objective, emulator, ["random"], truth=truth, file=file, **settings)

    kept(noisy_hill)
    kept(noisy_hill)
    with pytest.raises(InputError, match="another emulator"):
        kept(lambda rows, generator: (100 + hill(rows), np.full(len(rows), 0.02)))
    with pytest.raises(InputError, match="another emulator"):
        kept(noisy_hill, truth=lambda rows: -hill(rows))
    with pytest.raises(InputError, match="other settings"):
        kept(noisy_hill, objective=replace(GOAL, maximise=False))


def test_a_campaign_ends_with_the_batch_that_reaches_the_goal() -> None:
    whole = run(["random"], batch=2)
    ended = replay(
        SQUARE,
        GOAL,
        noisy_hill,
        ["random"],
        truth=hill,
        until=[-np.inf, whole[whole["repeat"] == 1]["best"].max()],
        initial=5,
        evaluations=13,
        batch=2,
        repeats=2,
        random_state=0,
    )
    assert (ended["repeat"] == 0).sum() == 5
    one = whole[whole["repeat"] == 1].reset_index(drop=True)
    other = ended[ended["repeat"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(other, one.iloc[: len(other)])
    assert len(one) - 2 < len(other) or other["best"].iloc[-1] == one["best"].iloc[-1]


def lossy(rows: pd.DataFrame, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The top itself fails, and the slope beyond y = 0.6 is only bounded."""
    values, errors = noisy_hill(rows, generator)
    fails, glassy = (hill(rows) > -0.01), (rows["y"] > 0.6).to_numpy()
    return (
        np.where(fails, np.nan, values + 5 * glassy),
        np.where(fails | glassy, np.nan, errors),
        np.where(glassy & ~fails, "below", ""),
        np.where(fails, "blow-up", "ok"),
    )


@pytest.mark.parametrize("truth", [None, hill])
def test_failed_and_bounded_rows_cost_an_evaluation_and_are_not_the_best(truth) -> None:  # type: ignore[no-untyped-def]
    numbers = {"initial": 6, "evaluations": 14, "batch": 4, "repeats": 2, "random_state": 3}
    methods = ["random", "local penalisation"]
    curves = replay(SQUARE, GOAL, lossy, methods, truth=truth, **numbers)
    assert (curves.groupby(["method", "repeat"]).size() == 14).all()
    assert curves["value"].isna().any()
    assert curves["best"].max() < 0.05  # a bound of 5 is not a value of 5
    if truth is not None:
        assert curves["best"].max() <= -0.01


@pytest.mark.parametrize("truth", [None, hill])
def test_a_row_that_was_told_as_a_doubtful_bound_reaches_no_goal(truth) -> None:  # type: ignore[no-untyped-def]
    """However good it is in truth: who runs the campaign has only learned that it is no better."""

    def bounded(rows: pd.DataFrame, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        values, errors = noisy_hill(rows, generator)
        return values, errors, np.where(hill(rows) > -0.2, "below", ""), np.full(len(rows), "ok")

    numbers = {"initial": 6, "evaluations": 14, "batch": 4, "repeats": 2, "random_state": 3}
    curves = replay(SQUARE, GOAL, bounded, ["random"], truth=truth, until=[-0.1] * 2, **numbers)
    assert (curves.groupby("repeat").size() == 14).all(), "none has ended before"
    assert curves["best"].max() <= -0.2 + 0.1 * (truth is None)
    assert np.isinf(evaluations_to_reach(curves, GOAL, -0.19 + 0.1 * (truth is None))).all()
    kinder = replay(
        SQUARE,
        replace(GOAL, maximise=False),
        bounded,
        ["random"],
        truth=truth,
        **numbers,
    )
    assert kinder["value"].notna().all(), "where less is better, such a bound is on the safe side"


def real(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Rows of which those with x < 0.25 are bounds and those with y > 0.8 fail."""
    rows = SQUARE.random(n, seed)
    noise = 0.05 * np.random.default_rng(seed + 1000).standard_normal(n)
    bounded, fails = (rows["x"] < 0.25).to_numpy(), (rows["y"] > 0.8).to_numpy()
    told = hill(rows) + np.where(bounded, 0.1, noise)
    return rows.assign(
        z=np.where(fails, np.nan, told),
        z_error=np.where(bounded | fails, np.nan, 0.05),
        z_bound=np.where(bounded & ~fails, "below", ""),
        outcome=np.where(fails, "blow-up", np.where(bounded, "glassy", "ok")),
    )


@pytest.fixture(scope="module")
def worlds() -> list[DrawnEmulator]:
    return drawn_emulators(SQUARE, GOAL, real(), 12, random_state=0)


def test_worlds_agree_with_the_rows_and_differ_between_them(worlds: list[DrawnEmulator]) -> None:
    rows = SQUARE.random(200, 9)
    rows = rows[(rows["x"] > 0.3) & (rows["y"] < 0.75)]
    truths = np.stack([world.truth(rows) for world in worlds])
    assert np.sqrt(np.mean((truths.mean(axis=0) - hill(rows)) ** 2)) < 0.05
    residuals = (truths - hill(rows)) / truths.std(axis=0, ddof=1)
    assert 0.5 < np.sqrt(np.mean(residuals**2)) < 2.5
    assert truths.std(axis=0).min() > 1e-3
    again = drawn_emulators(SQUARE, GOAL, real(), 12, random_state=0)
    np.testing.assert_array_equal(again[3].truth(rows), truths[3])


def test_worlds_stay_under_their_bounds(worlds: list[DrawnEmulator]) -> None:
    rows = real()
    rows = rows[rows["z_bound"] == "below"]
    truths = np.stack([world.truth(rows) for world in worlds])
    assert (truths < rows["z"].to_numpy() + 0.05).mean() > 0.95


def test_worlds_fail_and_bound_where_the_rows_did(worlds: list[DrawnEmulator]) -> None:
    generator = np.random.default_rng(1)
    rows = SQUARE.random(400, 5)
    values, errors, bounds, outcomes = worlds[0](rows, generator)
    fails = outcomes == "blow-up"
    assert (np.isnan(values) == fails).all()
    assert fails[rows["y"] > 0.9].mean() > 0.7
    assert fails[rows["y"] < 0.6].mean() < 0.1
    bounded = bounds == "below"
    assert bounded[(rows["x"] < 0.15) & ~fails].mean() > 0.7
    assert bounded[(rows["x"] > 0.4)].mean() < 0.1
    truth = worlds[0].truth(rows)
    assert (values[bounded] >= truth[bounded]).all()
    plain = ~fails & ~bounded
    assert np.std(values[plain] - truth[plain]) == pytest.approx(0.05, rel=0.4)
    np.testing.assert_allclose(errors[plain], 0.05)


def test_a_world_of_a_logarithm_to_be_made_small() -> None:
    rows = SQUARE.random(40, 0)
    told = rows.assign(w=10.0 ** (-hill(rows)), w_error=0.02 * 10.0 ** (-hill(rows)))
    objective = Objective("w", maximise=False, log10=True)
    (world,) = drawn_emulators(SQUARE, objective, told, 1, random_state=0)
    new = SQUARE.random(50, 7)
    np.testing.assert_allclose(np.log10(world.truth(new)), -hill(new), atol=0.05)
    values, errors, bounds, outcomes = world(new, np.random.default_rng(0))
    np.testing.assert_allclose(errors / values, 0.02, rtol=1e-6)
    assert set(bounds) == {""}
    assert set(outcomes) == {"ok"}


def test_a_replay_has_a_world_for_each_repeat(worlds: list[DrawnEmulator]) -> None:
    curves = replay(
        SQUARE,
        GOAL,
        worlds,
        ["random"],
        truth=[world.truth for world in worlds],
        initial=3,
        evaluations=6,
        batch=1,
        repeats=3,
        random_state=0,
    )
    start = int(np.random.SeedSequence([0, 2]).generate_state(3)[0])
    first = worlds[2].truth(SQUARE.random(3, start))
    told = curves[curves["repeat"] == 2]["value"].to_numpy()[:3]
    assert (np.isnan(told) | np.isclose(told, first)).all()


def test_worlds_that_cannot_be() -> None:
    with pytest.raises(InputError, match="one emulator at least"):
        drawn_emulators(SQUARE, GOAL, real(), 0, random_state=0)
    space = SearchSpace((Parameter("salt", kind="categorical", levels=("a", "b")),))
    with pytest.raises(InputError, match="not to categories"):
        drawn_emulators(space, GOAL, real(), 1, random_state=0)
