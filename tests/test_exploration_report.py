"""Figures and the page of an exploration, and the command that writes it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from leyden.errors import InputError
from leyden.exploration import Campaign, Objective, Parameter, SearchSpace
from leyden.plots import exploration as drawn
from leyden.plots import held_out, subplots

pytest.importorskip("botorch")

from leyden.exploration.analysis import ExplorationAnalysis, analyse
from leyden.exploration.held_out import against
from leyden.exploration.surrogate import Surrogate
from leyden.report.exploration import campaign_report, exploration_report, reference_row

SPACE = SearchSpace(
    (
        Parameter("dose", 1.0, 100.0, scale="log", unit="mg"),
        Parameter("heat_K", 300.0, 400.0, unit="K"),
        Parameter("steps", 1, 6, kind="integer"),
        Parameter("salt", kind="categorical", levels=("LiCl", "LiTFSI")),
    )
)
GOAL = Objective("yield", log10=True, unit="g")
REFERENCE = {"dose": 3.0, "heat_K": 320.0, "steps": 2, "salt": "LiCl"}


def results(rows: pd.DataFrame) -> pd.DataFrame:
    value = -((np.log10(rows["dose"]) - 1.2) ** 2) - ((rows["heat_K"] - 360) / 50) ** 2
    value += 0.4 * (rows["salt"] == "LiTFSI")
    value = 10 ** (value + 0.03 * np.random.default_rng(0).standard_normal(len(rows)))
    table = rows.assign(**{"yield": value, "yield_error": 0.07 * value, "cpu_seconds": 60.0})
    failed = (table["steps"] == 6) & (table["heat_K"] > 350)
    table.loc[failed, ["yield", "yield_error"]] = np.nan
    return table.assign(
        yield_bound=np.where(value < 0.02, "below", ""),
        outcome=np.where(failed, "burnt", "ok"),
        error=np.where(failed, "smoke <at> the end", ""),
    )


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    path = tmp_path_factory.mktemp("campaign") / "campaign.db"
    made = Campaign.create(path, SPACE, GOAL, initial=30)
    made.tell(results(made.suggest(30)))
    return made


@pytest.fixture(scope="module")
def surrogate(campaign: Campaign) -> Surrogate:
    return Surrogate(SPACE, GOAL, random_state=0).fit(campaign.observations())


@pytest.fixture(scope="module")
def found(campaign: Campaign, surrogate: Surrogate) -> ExplorationAnalysis:
    return analyse(surrogate, campaign.observations(), reference=REFERENCE, folds=3)


def test_bars_are_the_table_in_its_order(found: ExplorationAnalysis) -> None:
    figure, ax = subplots()
    assert drawn.importance_bars(found.importance, ax) is ax
    assert [bar.get_width() for bar in ax.patches] == found.importance["value"].tolist()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [name.replace("_", " ") for name in found.importance.index]
    with pytest.raises(InputError, match="low"):
        drawn.importance_bars(found.importance.drop(columns="low"), ax)
    figure.draw_without_rendering()


def test_a_cut_draws_its_band_on_the_scale_of_its_parameter(found: ExplorationAnalysis) -> None:
    figure, axes = subplots(1, len(found.cuts), width=16)
    for ax, one in zip(axes, found.cuts, strict=True):
        assert drawn.cut_curve(one, ax, objective=GOAL) is ax
        if one.parameter.kind == "categorical":
            continue
        line = ax.get_lines()[0]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), one.table["mean"])
        assert ax.get_xscale() == one.parameter.scale
    figure.draw_without_rendering()


def test_arrows_stay_within_bounds_and_colours_within_limits(found: ExplorationAnalysis) -> None:
    figure, axes = subplots(1, len(found.landscapes), width=14)
    for ax, one in zip(axes, found.landscapes, strict=True):
        assert "salt" not in (one.x.name, one.y.name)
        drawn.landscape_map(one, ax, objective=GOAL, limits=(-3.0, 1.0), uphill=found.uphill)
        (arrow,) = ax.texts
        assert all(0 <= place <= 1 for place in arrow.xy)
        assert ax.get_lines()[0].get_xydata().tolist() == [list(one.at)]
    figure.draw_without_rendering()


def test_the_surface_is_all_of_its_triangles(found: ExplorationAnalysis) -> None:
    assert found.surface is not None
    figure = Figure(layout="constrained")
    ax = figure.add_subplot(projection="3d")
    assert drawn.iso_surface_picture(found.surface, ax) is ax
    assert len(ax.collections[0].get_facecolor()) == len(found.surface.triangles)
    figure.draw_without_rendering()


def test_held_out_values_and_simulations_along_a_parameter(
    found: ExplorationAnalysis, surrogate: Surrogate
) -> None:
    assert found.held_out is not None
    figure, (left, middle, right) = subplots(1, 3, width=14)
    held_out.held_out_parity(found.held_out, left, objective=GOAL)
    shown = sum(len(part[0].get_xdata()) for part in left.containers)
    assert shown == len(found.held_out.table)
    held_out.residual_histogram(found.held_out, middle)
    area = sum(bar.get_height() * bar.get_width() for bar in middle.patches)
    assert area == pytest.approx(1.0)
    one = next(each for each in found.cuts if each.parameter.name == "heat_K")
    rows = results(pd.DataFrame([REFERENCE] * 3).assign(heat_K=[310.0, 340.0, 390.0]))
    held = against(surrogate, rows)
    held_out.prediction_along(one, held, rows["heat_K"].to_numpy(), right, objective=GOAL)
    shown = np.concatenate([part[0].get_ydata() for part in right.containers]).astype(float)
    np.testing.assert_allclose(np.sort(shown), np.sort(held.table["observed"]))
    rings = [part[0].get_markerfacecolor() == "none" for part in right.containers]
    assert sum(rings) == int(held.table["extrapolates"].any())
    figure.draw_without_rendering()


def test_arms_are_steps() -> None:
    table = pd.DataFrame(
        {"arm": ["a", "a", "b"], "evaluations": [1, 2, 1], "best": [0.0, 1.0, 2.0]}
    ).assign(low=np.nan, high=np.nan)
    figure, ax = subplots()
    drawn.best_so_far_curves(table, ax, objective=GOAL)
    assert [line.get_label() for line in ax.get_lines()] == ["a", "b"]
    assert ax.get_ylabel() == "best so far, log10 of yield (g)"
    figure.draw_without_rendering()


def text_of(page: str) -> str:
    """What is read on a page, without drawings, style and script."""
    bare = re.sub(r"<(svg|style|script).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", bare)


def test_the_page_tells_what_was_found(campaign: Campaign, found: ExplorationAnalysis) -> None:
    history = campaign.history()
    proposals = found.space.random(2, 5)
    text = text_of(
        exploration_report(
            [found], history, command="x", version="0", proposals=proposals, own_cpu_seconds=18.0
        ).html()
    )
    burnt = int((history["outcome"] == "burnt").sum())
    assert burnt > 0
    assert f"burnt nothing {burnt} smoke &lt;at&gt; the end" in text
    assert "30 evaluations took 0.5 hours of one processor, in the median 60 s each" in text
    assert "Surrogates and proposals took 18 s, 1 % of that" in text
    best = history.loc[history["yield"].idxmax(), "yield"]
    assert re.search(rf"best yield that was found is {best:.1f}\d* ±", text)
    for heading in ("What matters", "Uphill from the reference", "Through three", "try next"):
        assert heading in text
    assert "coarse-grained" not in text
    assert "nan" not in text.lower()


def test_the_command_reports_and_changes_nothing(tmp_path: Path) -> None:
    from leyden.cli import app

    path, space = tmp_path / "campaign.db", SearchSpace(SPACE.parameters[:2])
    campaign = Campaign.create(path, space, GOAL, initial=8)
    campaign.tell(results(campaign.suggest(8).assign(steps=1, salt="LiCl"))[
        ["id", "yield", "yield_error", "yield_bound", "outcome"]])  # fmt: skip
    before = campaign.history()
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["explore", "report", str(path), "-o", str(out)])
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(campaign.history(), before)
    assert campaign.status().suggested == 0
    text = text_of((out / "report.html").read_text())
    assert "Too few values to hold some out" in text
    assert "the reference" not in text


def test_the_front_of_two_objectives(tmp_path: Path) -> None:
    space = SearchSpace((Parameter("x", 0.0, 1.0), Parameter("z", 0.0, 1.0)))
    goals = (Objective("gain"), Objective("price", maximise=False, unit="EUR"))
    campaign = Campaign.create(tmp_path / "c.db", space, goals, method="hypervolume", initial=0)
    rows = space.sobol(12, 0)
    told = rows.assign(gain=rows["x"], price=rows["x"] ** 2 + rows["z"])
    told["gain_bound"] = ["below", *[""] * 11]
    told.loc[0, "gain"] = 2.0  # a bound that would better all
    campaign.tell(told)
    known = told.iloc[1:]
    worse = [
        ((known["gain"] >= one.gain) & (known["price"] <= one.price)).sum() > 1
        for one in known.itertuples()
    ]
    front = known[~np.array(worse)]
    assert 1 < len(front) < len(known)
    page = campaign_report(campaign, command="x", version="0", folds=0)
    text = text_of(page.html())
    assert f"{len(front)} of 12 rows form the Pareto front" in text
    figure, ax = subplots()
    drawn.front_scatter(told, front.index.to_numpy(), ax, objectives=goals)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "gain: more is better",
        "price (EUR): less is better",
    )
    marked = np.asarray(ax.get_lines()[0].get_xydata(), float)
    np.testing.assert_allclose(marked, front.sort_values("gain")[["gain", "price"]])
    assert len(ax.collections[0].get_offsets()) == 12 - len(front)
    figure.draw_without_rendering()


def test_a_reference_in_texts() -> None:
    given = [f"{name}={value}" for name, value in REFERENCE.items()]
    assert reference_row(given, SPACE) == REFERENCE
    for wrong, rule in [
        (["heat=3"], "NAME=VALUE"),
        (["dose=much"], "dose is a number"),
        (["dose=3"], "a value of every parameter"),
    ]:
        with pytest.raises(InputError, match=rule):
            reference_row(wrong, SPACE)
