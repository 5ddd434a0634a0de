"""Evaluations whose answers are bounds: every coding by hand, and coverage that can be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leyden import bounded_scores, metrics
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.evaluation import Evaluation

TARGET = "log10_ionic_conductivity_S_per_cm"


def dataset(truth: np.ndarray, bounded: np.ndarray) -> Dataset:
    ids = np.array([f"r{i}" for i in range(len(truth))])
    return Dataset(
        "made up", ids, ("LiCl",) * len(ids), pd.DataFrame({TARGET: truth}), bounds=bounded[:, None]
    )


def evaluation(data: Dataset, arms: dict[str, np.ndarray], repeats: int = 1) -> Evaluation:
    tables = [
        pd.DataFrame(
            {
                "id": data.ids,
                "repeat": repeat,
                "fold": np.arange(len(data)) % 4,
                "size": 0,
                "group": data.ids,
                "arm": arm,
                "target": TARGET,
                "y_true": data.y,
                "y_pred": said,
                "y_std": np.nan,
                "y_fallback": -5.0,
                "train_rows": 10,
            }
        )
        for repeat in range(repeats)
        for arm, said in arms.items()
    ]
    tasks = [{"arm": arm, "error": None, "notes": {}} for arm in arms]
    return Evaluation(pd.concat(tables).sample(frac=1, random_state=0), tasks, {"reference": "a"})


TRUTH = np.array([-10.0, -10.0, -4.0, -6.0])
BOUNDED = np.array([True, True, False, False])
SAID = np.array([-12.0, -9.0, -5.0, np.nan])  # the last is scored as -5


def test_every_coding_by_hand() -> None:
    data = dataset(TRUTH, BOUNDED)
    result = evaluation(data, {"a": SAID, "b": TRUTH}, repeats=2)
    scores = bounded_scores.bounded_scores(result, data, code=-15.0).set_index("arm")
    assert scores.loc["a", ["n", "bounds"]].tolist() == [4, 2]
    assert scores.loc["a", "mae_at_bound"] == pytest.approx((2 + 1 + 1 + 1) / 4)
    assert scores.loc["a", "mae_at_code"] == pytest.approx((3 + 6 + 1 + 1) / 4)
    assert scores.loc["a", "mae_one_sided"] == pytest.approx((0 + 1 + 1 + 1) / 4)
    assert scores.loc["a", "mae_measured"] == pytest.approx(1)
    filled = np.where(np.isnan(SAID), -5, SAID)
    expected = metrics.concordance_with_bounds(TRUTH, filled, BOUNDED)
    assert scores.loc["a", "concordance"] == pytest.approx(expected)
    assert scores["tobit_loss"].isna().all()
    assert scores.loc["b", "mae_at_bound"] == 0


def test_recoded_and_one_sided_evaluations_are_scored_as_any_other() -> None:
    data = dataset(TRUTH, BOUNDED)
    result = evaluation(data, {"a": SAID, "b": TRUTH - 1})
    recoded = bounded_scores.recoded(result, data, -15.0).scores(["mae"]).set_index("arm")["mae"]
    assert recoded["a"] == pytest.approx(11 / 4)
    one_sided = bounded_scores.one_sided(result, data)
    assert one_sided.scores(["mae"]).set_index("arm")["mae"]["a"] == pytest.approx(3 / 4)
    paired = one_sided.paired("b", "a")
    assert paired.difference == pytest.approx(2 / 4 - 3 / 4)
    assert result.rows["y_true"].min() == -10  # and the evaluation itself is as it was


def test_a_spread_gives_the_likelihood() -> None:
    data = dataset(TRUTH, BOUNDED)
    result = evaluation(data, {"a": TRUTH - 0.5})
    result = replace(result, rows=result.rows.assign(y_std=2.0))
    found = bounded_scores.bounded_scores(result, data, -15.0)["tobit_loss"][0]
    assert found == pytest.approx(metrics.tobit_loss(TRUTH, TRUTH - 0.5, 2.0, BOUNDED))


def test_coverage_of_normal_errors() -> None:
    generator = np.random.default_rng(0)
    said = generator.normal(-6, 2, 2000)
    truth = said + generator.standard_normal(2000)
    bounded = truth < -8
    data = dataset(np.maximum(truth, -8), bounded)
    found = bounded_scores.bounded_coverage(evaluation(data, {"a": said}), data, "a")
    assert found["measured"] == pytest.approx(0.9, abs=0.015)
    assert found["bounded"] > 0.95  # whatever reaches below the bound may hold the value
    assert found["low"] < found["coverage"] < found["high"]
    measured_errors = np.abs(truth - said)[~bounded]
    assert found["width"] == pytest.approx(2 * np.quantile(measured_errors, 0.9), rel=0.03)


def test_an_evaluation_of_other_rows_is_refused() -> None:
    data = dataset(TRUTH, BOUNDED)
    result = evaluation(data, {"a": SAID})
    with pytest.raises(InputError, match="is not of made up"):
        bounded_scores.bounded_rows(result, data.take([0, 1]))
