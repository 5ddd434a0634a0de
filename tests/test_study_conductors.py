"""The study `conductors`, whole, in its short version: claims, page, and what teaches what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    matthews_corrcoef,
    recall_score,
)

from leyden import studies
from leyden.evaluation import Evaluation
from leyden.studies.class_scores import (
    SCORES,
    balanced_accuracies,
    balanced_gain,
    class_scores,
    families_alike,
    gain,
    scores_of_few,
)
from leyden.studies.conductor_arms import Without
from leyden.studies.conductor_data import ANIONS, FAMILY, Conductors, load_conductors
from leyden.studies.conductor_table import VERDICTS, Answers, scored, scores_of_simulated
from leyden.studies.family_scores import (
    by_family,
    effective_number,
    equal_families,
    largest,
    wrong_class,
)

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
    "esML_gain_obelix_balanced_accuracy",
    "log10_sigma_mae_grouped",
    "log10_sigma_ratio_to_random_forest",
    "screen_linear_seconds",
    "screen_std_seconds",
    "screen_peak_MB",
    "screen_ratio_to_numpy",
    "screen_ratio_to_smact",
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
    for heading in (
        "Table I, published and here",
        "What the published 97.5 % depends on",
        "OBELiX, doi 10.1039/D5DD00441A",
        "What does each element do?",
    ):
        assert heading in page


def test_no_compound_of_the_table_teaches(data: Conductors) -> None:
    """The student is asked about the 40 and the 21; their structures are not among its labels."""
    asked = {*data.published.groups["formula"], *data.simulated.groups["formula"]}
    assert not asked & set(data.unlabelled.groups["formula"])
    assert all("Li" in crystal.composition for crystal in data.unlabelled.items)


def test_salts_hold_an_anion_and_sources_are_told(data: Conductors) -> None:
    kept = set(data.salts.ids)
    for id, crystal in zip(data.unlabelled.ids, data.unlabelled.items, strict=True):
        assert (id in kept) == (not ANIONS.isdisjoint(crystal.composition))
    assert 0 < len(kept) < len(data.unlabelled)
    named = {source.name for source in data.sources}
    assert {"obelix", "sendek"} | set(data.unlabelled.extra["set"]) <= named
    assert not named & set(data.absent)


def test_compounds_whose_sample_is_of_the_other_class(data: Conductors) -> None:
    assert data.other_class == ("Li7La3Zr2O12",)
    assert not set(data.other_class) & set(data.published_crystals.ids)


def test_a_rule_has_learned_nothing() -> None:
    rule = Without(("O", "F")).fit(np.zeros((1, 1)), np.zeros(1))
    X = rule.representation.transform(["Li2S", "Li2O", "LiF", "LiAl"])
    assert rule.decision(X).tolist() == [1.0, -1.0, -1.0, 1.0]
    assert (rule.predict(X) > 0.5).tolist() == [True, False, False, True]
    assert clone(rule).symbols == ("O", "F")


def test_structures_are_in_the_family_of_their_formulas(data: Conductors) -> None:
    whole = load_conductors().measured
    named = dict(zip(whole.ids, whole.groups[FAMILY], strict=True))
    ids = data.crystals.ids.tolist()
    assert [named[id] for id in ids] == data.crystals.groups[FAMILY].tolist()


def test_scores_of_the_table() -> None:
    truth = np.arange(20) < 8
    right = Answers("esML", "simulations", "all right", truth, np.where(truth, 2.0, -2.0))
    never = Answers("always poor", "simulations", "no model", truth, np.full(20, -1.0))
    first, second = scored([right, never]).to_dict("records")
    assert (first["accuracy"], first["mcc"], first["recall"]) == (100.0, 1.0, 1.0)
    assert first["published"] == 85.7
    assert second["accuracy"] == 60.0
    assert (second["mcc"], second["balanced_accuracy"]) == (0.0, 0.5)
    assert first["low"] == pytest.approx(100 * 0.025 ** (1 / 20))  # Clopper-Pearson, all right


def test_what_has_no_accuracy_or_no_interval() -> None:
    truth = np.arange(20) < 8
    few, chosen, formulas = scored(
        [
            Answers("sML", "simulations", "few", truth[:9], np.ones(9)),
            Answers("eML", "experiments", "chosen", truth, np.ones(20), selected=True),
            Answers("esML", "structures", "two", truth, np.ones(20), np.repeat(["a", "b"], 10)),
        ]
    ).to_dict("records")
    assert np.isnan([few["accuracy"], few["low"]]).all()
    assert chosen["accuracy"] == 40.0
    assert np.isnan(chosen["low"])
    assert formulas["low"] == 0.0, "one formula that is all wrong may be drawn twice"
    assert formulas["high"] == pytest.approx(80.0), "and so may the other"


def test_both_labellings_stand_side_by_side() -> None:
    score = np.array([1.0, -1.0, -2.0, -3.0])
    rule, verdict = np.array([True, True, False, False]), np.array([True, False, False, False])
    said = Answers("eML", "simulations", "fitted", rule, score)
    judged = Answers("eML", VERDICTS, "fitted", verdict, score)
    few = Answers("sML", "simulations", "those with a structure", rule[1:], score[1:])
    table = scores_of_simulated([said, judged, few])
    assert table["good"].tolist() == ["2 of 4", "1 of 4"]
    assert table["accuracy"].tolist() == [75.0, 100.0]
    assert table["recall"].tolist() == ["0.50 (0.01 to 0.99)", "1.00 (0.03 to 1.00)"]
    assert scored([said, judged])["published"].tolist() == [52.4, 52.4]


def test_scores_of_few_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    truth = np.arange(21) < 3
    score = generator.normal(size=21) + truth
    found = scores_of_few(truth, score)
    said = score > 0
    expected = (
        balanced_accuracy_score(truth, said),
        matthews_corrcoef(truth, said),
        recall_score(truth, said),
        average_precision_score(truth, score),
    )
    assert [found[name].value for name in SCORES] == pytest.approx(list(expected))
    for one in found.values():
        assert one.low <= one.value <= one.high
    never = scores_of_few(truth, np.full(21, -1.0))
    assert never["MCC"] == (0.0, 0.0, 0.0)
    assert never["PR-AUC"].value == pytest.approx(1 / 7)
    assert never["recall"].high == pytest.approx(1 - 0.025 ** (1 / 3))


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


def test_scores_of_families_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truth, hits = generator.integers(2, size=40), generator.integers(2, size=(2, 40))
    groups = [f"family {i // 4}" for i in range(40)]
    found = classified({"a": hits[0].tolist(), "b": hits[1].tolist()}, truth.tolist(), groups)
    found.rows["y_pred"] = np.clip(found.rows["y_pred"], 0.1, 0.9) + np.tile(
        generator.uniform(-0.05, 0.05, 40), 2
    )
    scores = class_scores(found)
    for arm, one in scores.items():
        score = found.rows.loc[found.rows["arm"] == arm, "y_pred"].to_numpy()
        assert one["MCC"].value == pytest.approx(matthews_corrcoef(truth, score > 0.5))
        assert one["recall"].value == pytest.approx(recall_score(truth, score > 0.5))
        assert one["PR-AUC"].value == pytest.approx(average_precision_score(truth, score))
    difference = gain(found, "a", "b")
    for name in SCORES:
        expected = scores["a"][name].value - scores["b"][name].value
        assert difference[name].value == pytest.approx(expected)
        assert difference[name].low < difference[name].value < difference[name].high
    assert gain(found, "a", "a")["PR-AUC"] == (0.0, 0.0, 0.0)
    wrong = [str(i) for i in np.flatnonzero(hits[0] == 0)]
    assert class_scores(found, leave_out=wrong)["a"]["balanced accuracy"].value == 1.0


def test_a_draw_of_families_counts_its_rows_again() -> None:
    """The interval of the PR-AUC is that of rows written out as often as they were drawn."""
    truth, hits = [1, 0, 0, 1, 0, 1], [1, 1, 0, 1, 1, 0]
    twice = classified({"a": hits * 2}, truth * 2, list("aabbcc") * 2)
    once = classified({"a": hits}, truth, list("aabbcc"))
    for name in SCORES:
        assert class_scores(twice)["a"][name] == pytest.approx(class_scores(once)["a"][name])


def test_families_count_alike() -> None:
    """A large family that is all right hides two small ones that are all wrong."""
    truth = [1, 0] * 5 + [1, 0]
    found = classified({"a": [1] * 10 + [0, 0]}, truth, ["large"] * 10 + ["one", "two"])
    assert balanced_accuracies(found)["a"].value == pytest.approx(5 / 6)
    assert families_alike(found)["a"] == pytest.approx(0.5 / 1.5)
    assert equal_families(found, wrong_class) == {"a": pytest.approx(2 / 3)}
    assert effective_number(found) == pytest.approx(144 / 102)
    assert largest(found) == "large"
    table = by_family(found, ["a"], wrong_class, most=1)
    assert table["family"].tolist() == ["large", "2 others"]
    assert table["rows"].tolist() == [10, 2]
    assert table["truth"].tolist() == [0.5, 0.5]
    assert table["a"].tolist() == [0.0, 1.0]


def test_a_family_is_one_witness() -> None:
    """Rows that stand and fall together make a wide interval; the same rows apart, a narrow one."""
    truth, right = [1, 0] * 30, [1, 1] * 15 + [0, 0] * 15
    alone = classified({"a": right}, truth, [str(i // 2) for i in range(60)])
    together = classified({"a": right}, truth, [str(i // 15) for i in range(60)])
    scores = [balanced_accuracies(each)["a"] for each in (alone, together)]
    widths = [score.high - score.low for score in scores]
    assert widths[1] > 1.5 * widths[0]
