"""The study `conductors`, whole, in its short version: claims, page, and what teaches what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leyden import studies
from leyden.evaluation import Evaluation
from leyden.studies.class_scores import balanced_accuracies, balanced_gain
from leyden.studies.conductor_data import FAMILY, Conductors, load_conductors
from leyden.studies.conductor_table import Answers, scored

NEEDED = ("obelix", "sendek", "matbench-compositions", "mp-electrodes")
CLAIMS = {
    "sML_exp",
    "eML_exp",
    "esML_exp",
    "atom2vec_exp",
    "esML_structures",
    "atom2vec_structures",
    "eML_dft21_mcc",
    "esML_dft21_mcc",
    "atom2vec_dft21_mcc",
    "esML_obelix_balanced_accuracy",
    "eML_obelix_balanced_accuracy",
    "log10_sigma_mae_grouped",
    "log10_sigma_ratio_to_random_forest",
    "screen_linear_seconds",
    "screen_std_seconds",
    "screen_peak_MB",
    "screen_ratio_to_numpy",
    "screen_candidates",
    "fraction_good",
    "fraction_neutral",
    "fraction_good_of_neutral",
    "dask_two_worker_speedup",
}


@pytest.fixture(scope="module")
def home(data_home: Callable[[str], Path]) -> None:
    for name in NEEDED:
        data_home(name)


@pytest.fixture(scope="module")
def out(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "conductors"
    studies.run("conductors", folder, quick=True, progress=False, jobs=1)
    return folder


@pytest.fixture(scope="module")
def data(home: None) -> Conductors:
    return load_conductors(100)


def test_every_claim_is_made_once(out: Path) -> None:
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    names = [claim["id"] for claim in results["claims"]]
    assert len(names) == len(set(names))
    assert set(names) == CLAIMS
    found: dict[str, Any] = {claim["id"]: claim for claim in results["claims"]}
    assert found["esML_structures"]["published"] == 92.0
    assert found["screen_candidates"]["measured"] > 1000
    assert 0 < found["fraction_good"]["measured"] < 1
    assert all(not claim["same_protocol"] for claim in results["claims"])


def test_the_page_tells_the_whole(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    for heading in ("Table I, published and here", "What does each element do?"):
        assert heading in page


def test_no_compound_of_the_table_teaches(data: Conductors) -> None:
    """The student is asked about the 40 and the 21; their structures are not among its labels."""
    asked = {*data.published.groups["formula"], *data.simulated.groups["formula"]}
    assert not asked & set(data.unlabelled.groups["formula"])
    assert all("Li" in crystal.composition for crystal in data.unlabelled.items)


def test_structures_are_in_the_family_of_their_formulas(data: Conductors) -> None:
    whole = load_conductors().measured
    named = dict(zip(whole.ids, whole.groups[FAMILY], strict=True))
    ids = data.crystals.ids.tolist()
    assert [named[id] for id in ids] == data.crystals.groups[FAMILY].tolist()


def test_scores_of_the_table() -> None:
    truth = np.array([True, True, False, False, False])
    right = Answers("esML", "simulations", "all right", truth, np.where(truth, 2.0, -2.0))
    never = Answers("always poor", "simulations", "no model", truth, np.full(5, -1.0))
    first, second = scored([right, never]).to_dict("records")
    assert (first["accuracy"], first["mcc"], first["recall"]) == (100.0, 1.0, 1.0)
    assert first["published"] == 85.7
    assert second["accuracy"] == 60.0
    assert (second["mcc"], second["balanced_accuracy"]) == (0.0, 0.5)
    assert first["low"] == pytest.approx(100 * 0.025 ** (1 / 5))  # Clopper-Pearson, all right


def classified(hits: dict[str, list[int]], truth: list[int], groups: list[str]) -> Evaluation:
    """Arms that are right (1) or wrong (0) on rows of two classes."""
    rows = [
        {
            "id": str(i),
            "repeat": 0,
            "fold": 0,
            "size": 0,
            "group": group,
            "arm": arm,
            "target": "good",
            "y_true": float(answer),
            "y_pred": float(answer if hit else 1 - answer),
            "y_std": np.nan,
            "y_fallback": 0.0,
            "train_rows": 1,
        }
        for arm, own in hits.items()
        for i, (hit, answer, group) in enumerate(zip(own, truth, groups, strict=True))
    ]
    about = {"transfers": [], "reference": "a"}
    return Evaluation(pd.DataFrame(rows), [{"arm": arm} for arm in hits], about)


def test_balanced_accuracy_counts_classes_alike() -> None:
    truth = [1, 1, 0, 0, 0, 0, 0, 0]
    found = classified({"a": [1, 0, 1, 1, 1, 1, 1, 1], "b": [1] * 8}, truth, list("abcdefgh"))
    scores = balanced_accuracies(found)
    assert scores["a"].value == pytest.approx(0.75)
    assert scores["b"] == (1.0, 1.0, 1.0)
    gain = balanced_gain(found, "b", "a")
    assert gain.value == pytest.approx(0.25)
    assert 0 <= gain.low < gain.value < gain.high <= 0.5


def test_a_family_is_one_witness() -> None:
    """Rows that stand and fall together make a wide interval; the same rows apart, a narrow one."""
    truth, right = [1, 0] * 30, [1, 1] * 15 + [0, 0] * 15
    alone = classified({"a": right}, truth, [str(i // 2) for i in range(60)])
    together = classified({"a": right}, truth, [str(i // 15) for i in range(60)])
    scores = [balanced_accuracies(each)["a"] for each in (alone, together)]
    widths = [score.high - score.low for score in scores]
    assert widths[1] > 1.5 * widths[0]
