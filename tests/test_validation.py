"""Evaluation: pooled, paired, resumable, and unable to hide a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator

from leyden import metrics
from leyden.data.dataset import Dataset, HeldOut
from leyden.errors import ArtefactError, InputError, LeakageError, LeydenError
from leyden.evaluation import Evaluation
from leyden.splits import Fold, GroupKFold, KFold, LearningCurve, RandomSplits
from leyden.validation import compare, evaluate
from watching import alive, wait_for


def world(n: int = 60, targets: int = 1, noise: float = 0.3) -> Dataset:
    """Items are numbers as text; the answers are linear in them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    columns = {f"y{t}_eV": (t + 1) * x + noise * rng.normal(size=n) for t in range(targets)}
    return Dataset(
        "world",
        ids=np.array([f"row{i}" for i in range(n)]),
        items=tuple(map(repr, x.tolist())),
        targets=pd.DataFrame(columns),
        groups=pd.DataFrame({"formula": [f"f{i // 3}" for i in range(n)]}),
    )


class Line(BaseEstimator):
    """A straight line, with a bias that makes it worse; optionally slow, and it keeps a diary."""

    transfers = False

    def __init__(self, bias: float = 0.0, wait: float = 0.0, diary: str | None = None) -> None:
        self.bias = bias
        self.wait = wait
        self.diary = diary

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Line:
        if self.diary:
            with open(self.diary, "a") as file:
                file.write(f"{os.getpid()}\n")
        time.sleep(self.wait)
        X = np.column_stack([np.ones(len(dataset)), [float(i) for i in dataset.items]])
        self.weights_ = np.linalg.lstsq(X, dataset.y, rcond=None)[0]
        self.notes_ = {"source_rows_removed": np.int64(len(dataset))}
        return self

    def predict(self, dataset: Dataset, return_std: bool = False) -> Any:
        X = np.column_stack([np.ones(len(dataset)), [float(i) for i in dataset.items]])
        mean = X @ self.weights_ + self.bias
        return (mean, np.full(mean.shape, 0.3)) if return_std else mean


class Moved(Line):
    transfers = True


class Flaky(Line):
    """Fails on the fold that tests row 0, and knows nothing of row 1."""

    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Flaky:
        if held_out is not None and "row0" in held_out.ids:
            raise ValueError("no convergence")
        super().fit(dataset)
        return self

    def predict(self, dataset: Dataset, return_std: bool = False) -> Any:
        return np.where(dataset.ids == "row1", np.inf, super().predict(dataset))


class Leaky(Line):
    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Leaky:
        raise LeakageError("the source holds test rows")


ARMS = {"good": Line(), "biased": Line(0.5), "moved": Moved(0.01)}
SPLIT = GroupKFold("formula", 4, repeats=3)


@pytest.fixture(scope="module")
def result() -> Evaluation:
    return evaluate(ARMS, world(), SPLIT, progress=False)


def test_rows(result: Evaluation) -> None:
    assert len(result.rows) == 60 * 3 * 3
    assert not result.failures
    assert result.arms == ["good", "biased", "moved"]
    counts = result.rows.groupby(["arm", "repeat", "id"]).size()
    assert (counts == 1).all()
    data = world()
    answers = dict(zip(data.ids, data.y, strict=True))
    np.testing.assert_array_equal(result.rows["y_true"], result.rows["id"].map(answers))
    same = result.rows.groupby(["repeat", "id"])["fold"].nunique()  # every arm sees the same folds
    assert (same == 1).all()
    assert result.tasks[0]["notes"] == {"source_rows_removed": 45}
    assert result.about["reference"] == "good"
    assert result.about["transfers"] == ["moved"]


def test_scores_pool_the_folds_of_a_repeat(result: Evaluation) -> None:
    line = result.scores().set_index("arm").loc["biased"]
    rows = result.rows[result.rows["arm"] == "biased"]
    for name in ("mae", "rmse", "r2", "spearman"):
        function = metrics.METRICS[name].function
        pooled = [
            function(p["y_true"].to_numpy(), p["y_pred"].to_numpy())
            for _, p in rows.groupby("repeat")
        ]
        assert line[name] == pytest.approx(np.mean(pooled))
        assert line[f"{name}_spread"] == pytest.approx(np.std(pooled, ddof=1))
    over_folds = [
        metrics.r2(p["y_true"].to_numpy(), p["y_pred"].to_numpy())
        for _, p in rows.groupby(["repeat", "fold"])
    ]
    assert line["r2"] != pytest.approx(np.mean(over_folds), abs=1e-3)
    assert line["mae_low"] < line["mae"] < line["mae_high"]


def test_two_processes_give_the_same(result: Evaluation) -> None:
    parallel = compare(ARMS, world(), SPLIT, n_jobs=2, progress=False)
    pd.testing.assert_frame_equal(parallel.rows, result.rows)


def test_paired_difference(result: Evaluation) -> None:
    data = result.errors("y0_eV")
    one = result.paired("biased", "good")
    expected = np.abs(data["biased"]).mean() - np.abs(data["good"]).mean()
    assert one.difference == pytest.approx(expected)
    assert one.ratio == pytest.approx(np.abs(data["biased"]).mean() / np.abs(data["good"]).mean())
    assert one.interval[0] < one.difference < one.interval[1]
    assert one.verdict == "harm"
    assert one.p < 0.01
    assert one.p_resampled_t < 0.05
    assert one.clusters == 20
    back = result.paired("good", "biased")
    assert back.difference == pytest.approx(-one.difference)
    assert back.verdict == "gain"
    itself = result.paired("good", "good")
    assert (itself.difference, itself.interval, itself.verdict) == (0, (0, 0), "no evidence")
    squares = result.paired("biased", "good", metric="rmse")
    roots = [np.sqrt(np.square(p[["biased", "good"]]).mean()) for _, p in data.groupby("repeat")]
    assert squares.ratio == pytest.approx(np.mean(roots, axis=0)[0] / np.mean(roots, axis=0)[1])


def errors_only(difference: np.ndarray, group: np.ndarray, repeats: int = 1) -> Evaluation:
    """An evaluation whose arms `a` and `b` have absolute errors 10 + difference and 10."""
    tables = []
    for repeat in range(repeats):
        for arm, error in (("a", 10 + difference), ("b", np.full(len(difference), 10.0))):
            table = pd.DataFrame({"id": np.arange(len(error)).astype(str), "group": group})
            table = table.assign(repeat=repeat, fold=0, size=0, arm=arm, target="y", y_true=0.0)
            table = table.assign(y_pred=error, y_fallback=0.0, train_rows=100)
            tables.append(table)
    tasks = [{"arm": arm, "error": None, "notes": {}} for arm in "ab"]
    return Evaluation(pd.concat(tables), tasks, {"reference": "b", "transfers": ["a"]})


def test_interval_against_theory() -> None:
    """Of independent rows: mean +- 1.96 s / sqrt(n)."""
    difference = np.random.default_rng(0).normal(0.3, 1.0, 500)
    one = errors_only(difference, np.arange(500).astype(str)).paired("a")
    half = 1.96 * difference.std() / np.sqrt(500)
    np.testing.assert_allclose(one.interval, difference.mean() + np.array([-half, half]), atol=0.01)
    small = difference - difference.mean() + 0.06
    p = stats.ttest_1samp(small, 0).pvalue
    assert 0.1 < p < 0.4
    found = errors_only(small, np.arange(500).astype(str)).paired("a", resamples=8000)
    assert found.p == pytest.approx(p, abs=0.03)
    assert found.verdict == "no evidence"


def test_rows_of_a_group_are_one_witness() -> None:
    """Fifty copies of each of ten differences are ten, not five hundred, and repeats add none."""
    ten = np.random.default_rng(1).normal(0.0, 1.0, 10)
    group = np.repeat(np.arange(10), 50).astype(str)
    grouped = errors_only(np.repeat(ten, 50), group).paired("a", resamples=4000)
    expected = errors_only(ten, np.arange(10).astype(str)).paired("a", resamples=4000)
    np.testing.assert_allclose(grouped.interval, expected.interval, atol=0.05)
    alone = errors_only(np.repeat(ten, 50), np.arange(500).astype(str)).paired("a")
    assert np.ptp(alone.interval) < np.ptp(grouped.interval) / 4
    repeated = errors_only(ten, np.arange(10).astype(str), repeats=5).paired("a", resamples=4000)
    np.testing.assert_allclose(repeated.interval, expected.interval, atol=0.05)


def test_intervals_hold_their_level() -> None:
    """No true difference: 95 % intervals miss zero in about one of twenty worlds."""
    misses = 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        effect = np.repeat(rng.normal(size=40), 3) + 0.3 * rng.normal(size=120)
        group = np.repeat(np.arange(40), 3).astype(str)
        one = errors_only(effect, group).paired("a", resamples=400)
        misses += one.verdict != "no evidence"
    assert 2 <= misses <= 24


def test_resampled_t_by_hand() -> None:
    result = evaluate({"a": Line(0.2), "b": Line()}, world(), KFold(5), progress=False)
    folds = result.errors("y0_eV").groupby("fold")
    d = folds["a"].apply(lambda e: e.abs().mean()) - folds["b"].apply(lambda e: e.abs().mean())
    t = d.mean() / np.sqrt((1 / 5 + 12 / 48) * d.var(ddof=1))
    p = 2 * stats.t.sf(abs(t), 4)
    assert result.paired("a", "b").p_resampled_t == pytest.approx(p)


def test_a_failure_counts_against_the_model() -> None:
    result = evaluate({"line": Line(), "flaky": Flaky()}, world(), KFold(5), progress=False)
    assert [f["error"] for f in result.failures] == ["ValueError: no convergence"]
    scores = result.scores().set_index("arm")
    failed = result.rows[(result.rows["arm"] == "flaky") & result.rows["y_pred"].isna()]
    fold = result.failures[0]["fold"]
    tested = set(result.rows.loc[result.rows["fold"] == fold, "id"])
    assert set(failed["id"]) == tested | {"row1"}
    assert scores.loc["flaky", "missing"] == len(failed)
    assert scores.loc["flaky", "n"] == scores.loc["line", "n"] == 60  # no row is left out
    assert scores.loc["flaky", "mae"] > scores.loc["line", "mae"]
    data = world()
    taught = data.y[~np.isin(data.ids, list(tested))]
    scored_as = failed.loc[failed["fold"] == fold, "y_fallback"]
    np.testing.assert_allclose(scored_as, taught.mean())
    text = result.summary()
    assert "flaky: failed on 1 of 5 folds" in text
    assert any("failed" in line for line in result.reservations([])), "whoever asks, is told"
    assert "no convergence" in text


class Deadly(Line):
    def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Deadly:
        os._exit(9)


def test_a_worker_that_dies_is_reported() -> None:
    with pytest.raises(LeydenError, match="a worker process died"):
        evaluate({"deadly": Deadly()}, world(), SPLIT, n_jobs=2, progress=False)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_leakage_is_never_a_mere_failure(n_jobs: int) -> None:
    with pytest.raises(LeakageError, match="holds test rows"):
        evaluate({"leaky": Leaky()}, world(), SPLIT, n_jobs=n_jobs, progress=False)


def test_a_split_that_leaks_is_refused() -> None:
    class Overlapping(KFold):
        def split(self, dataset: Dataset) -> Any:
            yield Fold(0, 0, np.arange(40), np.arange(39, 60))

    with pytest.raises(LeakageError):
        evaluate(ARMS, world(), Overlapping(), progress=False)


def test_several_targets_with_gaps() -> None:
    data = world(targets=2)
    data.targets.loc[:9, "y1_eV"] = np.nan

    class Means(Line):
        def fit(self, dataset: Dataset, *, held_out: HeldOut | None = None) -> Means:
            self.means_ = np.nanmean(dataset.y, axis=0)
            return self

        def predict(self, dataset: Dataset, return_std: bool = False) -> Any:
            return np.tile(self.means_, (len(dataset), 1))

    result = evaluate({"means": Means()}, data, KFold(5), progress=False)
    assert not result.failures
    n = result.scores().set_index("target")["n"]
    assert n.to_dict() == {"y0_eV": 60, "y1_eV": 50}
    with pytest.raises(InputError, match="name one target"):
        result.paired("means", "means")


def test_standard_deviations_on_request() -> None:
    result = evaluate({"line": Line()}, world(), KFold(3), return_std=True, progress=False)
    assert (result.rows["y_std"] == 0.3).all()


def test_validation_rows_go_to_nobody_unless_asked() -> None:
    split = RandomSplits(repeats=2)
    for use, rows in (("drop", 36), ("train", 48)):
        result = evaluate({"a": Line()}, world(), split, use_validation=use, progress=False)
        assert {task["train_rows"] for task in result.tasks} == {rows}
        assert {task["test_rows"] for task in result.tasks} == {12}


def test_learning_curve_is_scored_size_by_size() -> None:
    split = LearningCurve(GroupKFold("formula", 3, repeats=2), (5, 30))
    result = evaluate({"a": Line(), "b": Moved(0.1)}, world(), split, progress=False)
    assert result.sizes == [5, 30]
    scores = result.scores().set_index(["size", "arm"])["mae"]
    assert scores[5, "a"] > scores[30, "a"]
    assert [c.size for c in result.comparisons()] == [5, 30]
    assert result.paired("b", size=5).rows == 120


def test_subset_scores_these_rows_only(result: Evaluation) -> None:
    ids = [f"row{i}" for i in range(10)]
    part = result.subset(ids)
    assert set(part.rows["id"]) == set(ids)
    assert set(part.scores()["n"]) == {30}
    assert part.paired("biased").rows == 30
    with pytest.raises(InputError, match="none of these ids"):
        result.subset(["elsewhere"])


def test_summary_says_what_there_is_no_evidence_for(result: Evaluation) -> None:
    text = result.summary()
    assert "no evidence of transfer" in text
    assert "errs more" in text
    assert "harm" not in text  # `biased` does not transfer
    harm = evaluate({"line": Line(), "moved": Moved(0.5)}, world(), SPLIT, progress=False).summary()
    assert "harm: transfer makes it worse" in harm
    gain = evaluate({"line": Line(0.5), "moved": Moved()}, world(), SPLIT, progress=False).summary()
    assert "transfer helps" in gain
    assert "up to 45 rows taken out of the source" in text


def test_one_reservation_of_many_arms_is_one_line() -> None:
    arms = {"moved": Moved(), "other, moved": Moved(0.5), "line": Line()}
    result = evaluate(arms, world(), SPLIT, progress=False)
    (line,) = result.reservations()
    assert line.startswith("moved; other, moved; line: up to 45 rows")
    assert result.reservations([]) == []
    assert result.reservations(["line"]) == [line.removeprefix("moved; other, moved; ")]


def test_classification_is_scored_as_such() -> None:
    data = world()
    classes = data.targets.gt(0).astype(float).rename(columns={"y0_eV": "metal"})
    labelled = Dataset("metals", data.ids, data.items, classes, groups=data.groups)
    scores = evaluate({"line": Line()}, labelled, SPLIT, progress=False).scores()
    assert {"mcc", "balanced_accuracy", "average_precision"} <= set(scores.columns)
    assert scores["mcc"][0] > 0.5


def test_saved_and_loaded(result: Evaluation, tmp_path: Path) -> None:
    result.save(tmp_path / "out")
    again = Evaluation.load(tmp_path / "out")
    pd.testing.assert_frame_equal(again.rows, result.rows)
    assert (again.tasks, again.about) == (result.tasks, result.about)
    assert again.summary() == result.summary()
    (tmp_path / "out" / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArtefactError):
        Evaluation.load(tmp_path / "out")
    with pytest.raises(ArtefactError):
        Evaluation.load(tmp_path)


def test_bad_requests(result: Evaluation) -> None:
    with pytest.raises(InputError, match="one arm"):
        result.paired("unknown", "good")
    with pytest.raises(InputError, match="mae or rmse"):
        result.paired("good", "biased", metric="r2")
    with pytest.raises(InputError, match="no such metric"):
        result.scores(["accuracy"])
    with pytest.raises(InputError, match="fit and predict"):
        evaluate({"none": object()}, world(), SPLIT)
    with pytest.raises(InputError, match="one of the arms"):
        evaluate(ARMS, world(), SPLIT, reference="other")
    with pytest.raises(InputError, match="one of the arms"):
        evaluate({}, world(), SPLIT)
    with pytest.raises(InputError, match="dropped or added"):
        evaluate(ARMS, world(), SPLIT, use_validation="test")


def test_prepare_is_called_once_before_any_arm() -> None:
    calls: list[int] = []
    evaluate(ARMS, world(), SPLIT, prepare=lambda d: calls.append(len(d)), progress=False)
    assert calls == [60]


# --- checkpoints -----------------------------------------------------------------------------


def fits(diary: Path) -> int:
    return len(diary.read_text().splitlines()) if diary.exists() else 0


def test_finished_folds_are_not_fitted_again(tmp_path: Path) -> None:
    diary, kept = tmp_path / "diary", tmp_path / "kept"
    arms = {"a b/c": Line(diary=str(diary))}
    first = evaluate(arms, world(), SPLIT, checkpoint=kept, progress=False)
    assert fits(diary) == 12
    again = evaluate(arms, world(), SPLIT, checkpoint=kept, progress=False)
    assert fits(diary) == 12
    pd.testing.assert_frame_equal(again.rows, first.rows)
    assert again.tasks == first.tasks


def test_another_run_reuses_nothing(tmp_path: Path) -> None:
    diary, kept = tmp_path / "diary", tmp_path / "kept"
    arm = Line(diary=str(diary))
    evaluate({"a": arm}, world(), SPLIT, checkpoint=kept, progress=False)
    for arms, data, split in [
        ({"a": Line(0.1, diary=str(diary))}, world(), SPLIT),
        ({"b": arm}, world(), SPLIT),
        ({"a": arm}, world(noise=0.2), SPLIT),
        ({"a": arm}, world(), GroupKFold("formula", 4, repeats=3, random_state=1)),
    ]:
        before = fits(diary)
        evaluate(arms, data, split, checkpoint=kept, progress=False)
        assert fits(diary) == before + 12


def test_failures_are_tried_again_and_damage_is_repaired(tmp_path: Path) -> None:
    arms = {"flaky": Flaky()}
    first = evaluate(arms, world(), KFold(5), checkpoint=tmp_path, progress=False)
    files = sorted(tmp_path.glob("*.parquet"))
    assert len(files) == 4  # the failed fold is not kept
    files[0].write_bytes(files[0].read_bytes()[:100])
    again = evaluate(arms, world(), KFold(5), checkpoint=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again.rows, first.rows)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    diary = tmp_path / "diary"
    arms = {"a": Line(diary=str(diary))}
    with pytest.raises(InputError, match="cannot be kept here"):
        evaluate(arms, world(), SPLIT, checkpoint=tmp_path / "file" / "kept", progress=False)
    assert fits(diary) == 0  # found out before any work


SCRIPT = """
import sys
from test_validation import Line, SPLIT, world
from leyden.validation import evaluate
if __name__ == "__main__":
    kept, diary, jobs = sys.argv[1:]
    arms = {"a": Line(wait=0.05, diary=diary), "b": Line(0.5, wait=0.05, diary=diary)}
    evaluate(arms, world(), SPLIT, n_jobs=int(jobs), checkpoint=kept).save(kept + "-result")
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path, jobs: int) -> None:
    script, kept, diary = tmp_path / "run.py", tmp_path / "kept", tmp_path / "diary"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(kept), str(diary), str(jobs)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        wait_for(lambda: len(list(kept.glob("*.parquet"))) >= 3)
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for(lambda: not any(map(alive, set(diary.read_text().split()))))  # workers end as well
    done, begun = len(list(kept.glob("*.parquet"))), fits(diary)
    assert done < 24
    assert all(len(pd.read_parquet(path)) == 15 for path in kept.glob("*.parquet"))
    subprocess.run(command, env=environment, check=True)
    assert fits(diary) - begun == 24 - done
    arms = {"a": Line(), "b": Line(0.5)}
    expected = evaluate(arms, world(), SPLIT, progress=False)
    pd.testing.assert_frame_equal(Evaluation.load(f"{kept}-result").rows, expected.rows)
