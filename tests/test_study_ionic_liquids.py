"""The study `ionic-liquids`, whole, in its short version: claims, page, and who taught whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leyden import studies
from leyden.data.ionic_liquids import ionic_liquids
from leyden.errors import InputError
from leyden.evaluation import Evaluation
from leyden.predictor import Predictor
from leyden.studies.ionic_liquid_arms import (
    PROPERTIES,
    Effort,
    Sources,
    arms,
)
from leyden.studies.ionic_liquid_comparisons import relative
from leyden.studies.ionic_liquids import at_most
from leyden.studies.nested_stack import nested_intervals, nested_stack

SCORED = (
    "density",
    "viscosity",
    "conductivity",
    "surface_tension",
    "heat_capacity",
    "melting_point",
)
OF_EACH = (
    "mape_unseen_pairs",
    "mape_unseen_cations",
    "replicate_floor",
    "transfer_ratio",
    "ratio_to_boosting",
    "ratio_to_best_baseline",
)
CLAIMS = {f"{name}_{what}" for name in SCORED for what in OF_EACH} | {
    "solvation_transfer_ratio",
    "pairs_screened",
    "screen_seconds",
    "coverage_90",
}


@pytest.fixture(scope="module")
def home(data_home: Callable[[str], Path]) -> None:
    for name in ("ilthermo", "il-melting", "il-properties", "il-ions", "solvation"):
        data_home(name)


@pytest.fixture(scope="module")
def out(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "ionic-liquids"
    studies.run("ionic-liquids", folder, quick=True, progress=False, jobs=1)
    return folder


def test_every_claim_is_made_once(out: Path) -> None:
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    names = [claim["id"] for claim in results["claims"]]
    assert len(names) == len(set(names))
    assert set(names) == CLAIMS
    found: dict[str, Any] = {claim["id"]: claim for claim in results["claims"]}
    assert 0.03 < found["viscosity_replicate_floor"]["measured"] < 0.06
    assert found["density_mape_unseen_pairs"]["measured"] is None
    assert "quick" in found["density_mape_unseen_pairs"]["protocol"]
    assert found["melting_point_replicate_floor"]["measured"] is None
    assert 0.5 < found["coverage_90"]["measured"] <= 1
    assert found["pairs_screened"]["measured"] == 25 * 25
    assert all(not claim["same_protocol"] for claim in results["claims"])


def test_the_page_says_what_stands_in_for_what(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "COSMO-RS" in page
    assert "stand-in" in page or "stands in" in page


def test_no_arm_of_the_short_version_fails(out: Path) -> None:
    from pyarrow import parquet

    kept = list((out / "folds").glob("*.parquet"))
    assert len(kept) > 100
    for path in kept:
        record = json.loads(parquet.read_schema(path).metadata[b"leyden"])
        assert record["error"] is None, record


def test_its_predictors_answer_with_what_they_know(out: Path) -> None:
    (path,) = (out / "screen" / "models").glob("viscosity-*.leyden")
    predictor = Predictor.load(path)
    data = ionic_liquids("log10_viscosity_Pa_s").take(slice(0, 40))
    table = predictor.predict(data)
    assert (table["error"] == "").all()
    assert set(table["domain"]) <= {
        "pair seen",
        "ions seen",
        "anion unseen",
        "cation unseen",
        "both ions unseen",
    }
    assert np.isfinite(table["log10_viscosity_Pa_s"]).all()


def test_a_source_of_the_same_family_loses_the_test_pairs(home: None) -> None:
    """Viscosity and conductivity are of one family: neither teaches the other its test pairs."""
    viscosity, conductivity = (
        at_most(ionic_liquids(target), 60)
        for target in ("log10_viscosity_Pa_s", "log10_conductivity_S_per_m")
    )
    (own,) = (one for one in PROPERTIES if one.name == "conductivity")
    sources = Sources({"viscosity": viscosity, "conductivity": conductivity}, viscosity)
    arm = arms(own, sources, Effort.quick())["recommender, measured log10 viscosity"]
    test = np.flatnonzero(conductivity.groups["pair"].isin(viscosity.groups["pair"]))[:20]
    held_out = conductivity.hold_out(test, "pair")
    notes: dict[str, Any] = {}
    train = np.setdiff1d(np.arange(len(conductivity)), test)
    (lesson,) = arm.lessons(conductivity.take(train), held_out, notes)
    assert notes["source_rows_removed"] > 0
    assert not set(lesson.source.groups["pair"]) & set(conductivity.groups["pair"].iloc[test])


def test_a_source_without_shared_items_has_no_pair_of_the_target(home: None) -> None:
    melting = at_most(ionic_liquids("melting_point_K"), None)
    density = ionic_liquids("density_kg_per_m3")
    (own,) = (one for one in PROPERTIES if one.name == "melting_point")
    sources = Sources({"density": density, "melting_point": melting}, density)
    arm = arms(own, sources, Effort.quick())["recommender, measured density, no shared items"]
    (lesson,) = arm.lessons(melting, melting.hold_out(np.arange(3), "pair"), {})
    assert not set(lesson.source.groups["pair"]) & set(melting.groups["pair"])
    assert len(lesson.source) < len(density)


def test_a_property_that_is_not_known_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean"):
        studies.run("ionic-liquids", tmp_path / "out", progress=False, properties="densty")


def made_up(folds: int = 4, inner: int = 3, seed: int = 0) -> tuple[Evaluation, Evaluation]:
    """An outer and an inner evaluation of which arm "good" errs by 1 and "bad" by 5."""
    random = np.random.default_rng(seed)
    n = 240
    truth = random.normal(50, 10, n)
    fold = np.arange(n) % folds

    def rows(of: np.ndarray, repeat: int, place: np.ndarray) -> list[pd.DataFrame]:
        return [
            pd.DataFrame(
                {
                    "id": of.astype(str),
                    "repeat": repeat,
                    "fold": place,
                    "size": 0,
                    "group": (of // 3).astype(str),
                    "arm": arm,
                    "target": "y",
                    "y_true": truth[of],
                    "y_pred": truth[of] + random.normal(0, error, len(of)),
                    "y_std": np.nan,
                    "y_fallback": truth.mean(),
                    "train_rows": n - len(of),
                }
            )
            for arm, error in (("good", 1.0), ("bad", 5.0))
        ]

    def evaluation(parts: list[pd.DataFrame]) -> Evaluation:
        tasks = [
            {"arm": arm, "notes": {}, "seconds": 1.0, "error": None} for arm in ("good", "bad")
        ]
        about = {"reference": "good", "transfers": []}
        return Evaluation(pd.concat(parts, ignore_index=True), tasks, about)

    outer = evaluation(rows(np.arange(n), 0, fold))
    inside = []
    for number in range(folds):
        rest = np.flatnonzero(fold != number)
        inside += rows(rest, number, np.arange(len(rest)) % inner)
    return outer, evaluation(inside)


def test_the_stack_leans_on_the_better_part() -> None:
    outer, inner = made_up()
    scored, within, weights = nested_stack(outer, inner, ("good", "bad"), "stack")
    assert (weights["good"] > 0.85).all()
    np.testing.assert_allclose(weights[["good", "bad"]].sum(axis=1), 1.0)
    scores = scored.scores(["mae"]).set_index("arm")["mae"]
    assert scores["stack"] < scores["good"] * 1.02
    assert set(within.arms) == {"good", "bad", "stack"}


def test_the_answers_of_a_fold_do_not_choose_its_weights() -> None:
    """Whatever stands in an outer fold, the weights are those of its inner folds."""
    outer, inner = made_up()
    changed = outer.rows.assign(y_true=outer.rows["y_true"] * -3)
    other = Evaluation(changed, outer.tasks, outer.about)
    first = nested_stack(outer, inner, ("good", "bad"), "stack")[2]
    second = nested_stack(other, inner, ("good", "bad"), "stack")[2]
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("log", [False, True])
def test_nested_intervals_cover_what_they_promise(log: bool) -> None:
    outer, inner = made_up()
    told = nested_intervals(outer, inner, "bad", 0.9, log)
    assert len(told) == 240
    assert 0.85 < told["hit"].mean() < 0.95
    width = (told["high"] - told["low"]).to_numpy()
    if log:  # relative: wider where more is expected
        assert np.corrcoef(width, told["high"] + told["low"])[0, 1] > 0.9
    else:
        assert 12 < width.mean() < 20


def test_relative_errors_are_percent_of_the_truth() -> None:
    outer, _ = made_up()
    rows = outer.rows[outer.rows["arm"] == "good"]
    want = 100 * (rows["y_pred"] / rows["y_true"] - 1).abs().mean()
    table = relative(outer).scores(["mae"]).set_index("arm")
    assert table.loc["good", "mae"] == pytest.approx(want)
