"""Arms made of other arms: what they answer, and which rows may choose their weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

import leyden as ly
from leyden.models.vectors import VectorRegressor
from leyden.representations.cell_shape import CellShape
from leyden.selection import Blend
from leyden.studies.averages import stacked, with_averages
from leyden.testing import tiny_crystals

KEYS = ["repeat", "fold", "size", "target", "id"]
PARTS = ("line", "neighbour", "source")


class Elsewhere(ly.FromScratch):
    """Transfers, or says so."""

    transfers = True

    def fit(self, dataset: ly.Dataset, *, held_out: Any = None) -> Any:
        super().fit(dataset, held_out=held_out)
        self.notes_ = {"shared_items": 7, "may_have_seen_test": True}
        return self


class Flaky(ly.FromScratch):
    """Knows nothing of the first row that it is asked about."""

    def predict(self, data: Any, return_std: bool = False) -> Any:
        values = super().predict(data)
        values[0] = np.nan
        return values


def learner(regressor: Any) -> VectorRegressor:
    return VectorRegressor(CellShape(), regressor)


ARMS = {
    "line": ly.FromScratch(learner(Ridge())),
    "neighbour": ly.FromScratch(learner(KNeighborsRegressor(2))),
    "source": Elsewhere(learner(KNeighborsRegressor(7))),
    "flaky": Flaky(learner(DummyRegressor())),
}


@pytest.fixture(scope="module")
def evaluation() -> ly.Evaluation:
    data = tiny_crystals(60).with_targets(["log10_modulus_GPa", "noise"])
    split = ly.splits.RandomSplits(0.6, 0.0, 0.4, repeats=2)
    blend = Blend({name: ARMS[name] for name in PARTS})
    return ly.compare({**ARMS, "blend": blend}, data, split=split, progress=False)


def answers(evaluation: ly.Evaluation, arm: str, column: str = "y_pred") -> pd.Series:
    rows = evaluation.rows[evaluation.rows["arm"] == arm]
    return rows.set_index(KEYS)[column].sort_index()


def test_an_average_is_the_mean_and_what_blend_would_answer(evaluation: ly.Evaluation) -> None:
    found = with_averages(evaluation, {"mean of three": PARTS})
    mine = answers(found, "mean of three")
    by_hand = sum(answers(evaluation, name) for name in PARTS) / 3
    pd.testing.assert_series_equal(mine, by_hand, check_names=False)
    pd.testing.assert_series_equal(mine, answers(evaluation, "blend"), check_names=False)
    for column in ("y_true", "y_fallback", "train_rows"):
        pd.testing.assert_series_equal(
            answers(found, "mean of three", column), answers(evaluation, "blend", column)
        )
    scores = found.scores(["mae"]).set_index(["target", "arm"])["mae"]
    for target in evaluation.targets:
        assert scores[target, "mean of three"] == pytest.approx(scores[target, "blend"])
    assert evaluation.arms == [*ARMS, "blend"]  # what was given is not changed


def test_an_average_says_what_its_parts_have_cost_and_seen(evaluation: ly.Evaluation) -> None:
    found = with_averages(evaluation, {"both": ("source", "line"), "own": ("line", "neighbour")})
    assert found.arms == [*evaluation.arms, "both", "own"]
    assert "both" in found.about["transfers"]
    assert "own" not in found.about["transfers"]
    tasks = {(t["arm"], t["repeat"]): t for t in found.tasks}
    for repeat in (0, 1):
        parts = [tasks[name, repeat]["seconds"] for name in ("source", "line")]
        assert tasks["both", repeat]["seconds"] == pytest.approx(sum(parts))
        assert tasks["both", repeat]["notes"]["shared_items"] == 7


def test_an_average_may_have_seen_what_any_part_may_have(evaluation: ly.Evaluation) -> None:
    for parts in (("source", "line"), ("line", "source")):
        found = with_averages(evaluation, {"both": parts})
        notes = [task["notes"] for task in found.tasks if task["arm"] == "both"]
        assert all(note["may_have_seen_test"] for note in notes)


def test_a_missing_answer_enters_as_it_is_scored(evaluation: ly.Evaluation) -> None:
    assert answers(evaluation, "flaky").isna().any()
    found = with_averages(evaluation, {"pair": ("line", "flaky")})
    filled = answers(evaluation, "flaky").fillna(answers(evaluation, "flaky", "y_fallback"))
    by_hand = (answers(evaluation, "line") + filled) / 2
    pd.testing.assert_series_equal(answers(found, "pair"), by_hand, check_names=False)


def test_an_average_of_what_is_not_there_is_left_out(evaluation: ly.Evaluation) -> None:
    lacking = {"lacking": ("line", "no such arm")}
    for found in (with_averages(evaluation, lacking), stacked(evaluation, lacking)):
        assert found.arms == evaluation.arms
        assert set(found.rows["arm"]) == set(evaluation.rows["arm"])


STACK = {"stack": PARTS}


def ids_by_repeat(rows: pd.DataFrame) -> dict[int, set[str]]:
    return {int(repeat): set(part["id"]) for repeat, part in rows.groupby("repeat")}


def test_a_stack_scores_half_of_the_rows_for_every_arm(evaluation: ly.Evaluation) -> None:
    found = stacked(evaluation, STACK)
    everything, scored = ids_by_repeat(evaluation.rows), ids_by_repeat(found.rows)
    assert scored[0] != scored[1]
    for repeat, ids in scored.items():
        assert ids < everything[repeat]
        assert len(ids) == len(everything[repeat]) // 2
    for arm in (*ARMS, "stack"):
        assert ids_by_repeat(found.rows[found.rows["arm"] == arm]) == scored
    assert "the other half is scored" in found.about["split"]
    again = stacked(evaluation, STACK)
    pd.testing.assert_frame_equal(found.rows, again.rows)
    assert ids_by_repeat(stacked(evaluation, STACK, random_state=1).rows) != scored


def test_a_stack_is_weighted_on_the_other_half(evaluation: ly.Evaluation) -> None:
    found = stacked(evaluation, STACK)
    scored = ids_by_repeat(found.rows)
    different = set()
    for target in evaluation.targets:
        for repeat, ids in scored.items():
            place = f"target == {target!r} and repeat == {repeat}"
            wide = evaluation.rows.query(place).pivot(index="id", columns="arm", values="y_pred")
            truth = evaluation.rows.query(place).drop_duplicates("id").set_index("id")["y_true"]
            rest = sorted(set(wide.index) - ids)
            centre = truth[rest].mean()
            parts = wide[list(PARTS)] - centre
            weights, _ = nnls(parts.loc[rest].to_numpy(), (truth[rest] - centre).to_numpy())
            expected = parts.loc[sorted(ids)] @ weights + centre
            stack = found.rows.query(f"{place} and arm == 'stack'").set_index("id")["y_pred"]
            pd.testing.assert_series_equal(stack[sorted(ids)], expected, check_names=False)
            different.add(tuple(weights.round(6)))
    assert len(different) == 4  # for each target and repeat its own


def test_scored_answers_choose_nothing(evaluation: ly.Evaluation) -> None:
    found = stacked(evaluation, STACK)
    scored = ids_by_repeat(found.rows)
    rows = evaluation.rows.copy()
    hit = [row.id in scored[row.repeat] for row in rows.itertuples()]
    rows.loc[hit, "y_true"] = 1e3 - 50 * rows.loc[hit, "y_true"]
    other = stacked(replace(evaluation, rows=rows), STACK)
    assert not np.allclose(answers(other, "stack", "y_true"), answers(found, "stack", "y_true"))
    pd.testing.assert_series_equal(answers(other, "stack"), answers(found, "stack"))
    rows = evaluation.rows.copy()  # and those of the other half do choose
    miss = ~np.array(hit)
    rows.loc[miss, "y_true"] = rows.loc[miss, "y_fallback"] - rows.loc[miss, "y_true"]
    other = stacked(replace(evaluation, rows=rows), STACK)
    assert not np.allclose(answers(other, "stack"), answers(found, "stack"))
