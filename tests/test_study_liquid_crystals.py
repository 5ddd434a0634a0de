"""The study `liquid-crystals`, whole, in its short version; its tables, scores and arms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import leyden as ly
from leyden import studies
from leyden.data.dataset import Dataset, HeldOut
from leyden.data.transition_temperatures import joined
from leyden.evaluation import Evaluation
from leyden.metrics import mae, r2
from leyden.models import image_network, mlp
from leyden.models.vectors import VectorRegressor
from leyden.representations.fingerprints import Fingerprint
from leyden.splits import KFold
from leyden.studies.liquid_crystal_arms import (
    CHAIN,
    CNN,
    MLP,
    PATHS,
    SCRATCH,
    Effort,
    TrainingScored,
    arm_name,
    published_arms,
)
from leyden.studies.liquid_crystal_comparisons import _seeds_as_repeats
from leyden.studies.liquid_crystal_data import (
    MIXED,
    OTHER_CLEARING,
    OTHER_MELTING,
    SIZES,
    Tables,
    collision_table,
    tables,
)
from leyden.studies.liquid_crystal_full import Joint, _cut_at_share
from leyden.studies.liquid_crystal_scores import fold_averages, score_table
from leyden.testing import tiny_molecules

CLAIMS = {
    f"{table}_{kind}_{what}"
    for table in SIZES
    for kind in ("mlp", "cnn")
    for what in ("scratch_mae", "chain_mae", "chain_gain", "apart_gain")
} | {
    "il_melting_mae_pairs",
    "il_melting_r2_pairs",
    "il_melting_mae_cations",
    "clearing_full_ratio_to_best_classical",
    "mesophase_balanced_accuracy",
    "cnn_table_minutes",
    "mlp_table_minutes",
}


@pytest.fixture(scope="module")
def home(data_home: Callable[[str], Path]) -> None:
    for name in ("liquid-crystals", "il-melting", "organic-melting", "il-ions"):
        data_home(name)


@pytest.fixture(scope="module")
def data(home: None) -> Tables:
    return tables(60)


@pytest.fixture(scope="module")
def out(home: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("liquid-crystals")
    studies.run("liquid-crystals", folder, quick=True, progress=False)
    return folder


def test_a_quick_run_has_every_claim_and_a_page(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    claims = {claim["id"]: claim for claim in results["claims"]}
    assert set(claims) == CLAIMS
    assert all(claim["measured"] is not None for claim in claims.values())
    assert not any(claim["same_protocol"] for claim in claims.values())
    assert claims["clearing230_mlp_chain_gain"]["published"] == pytest.approx(0.0858, abs=1e-4)
    names = {source["name"] for source in results["data"]}
    assert {"liquid-crystals", "il-melting", "organic-melting"} <= names
    page = (out / "report.html").read_text()
    assert page.count("stand in for the published ionic ones") > 5
    assert "<svg" in page or "<img" in page


def test_no_arm_failed_in_the_quick_run(out: Path) -> None:
    """A fold that failed is not kept, and is told."""
    warnings = json.loads((out / "results.json").read_text())["warnings"]
    assert not [line for line in warnings if "fail" in line or "missing" in line]
    kept = {path.name.partition("-repeat")[0] for path in (out / "folds").glob("*.parquet")}
    assert {"MLP", "CNN", "MLP-chain", "CNN-chain", "process"} <= kept
    assert {
        "graph-network-organic-melting",
        "joint-process",
        "search",
        "chemception-seed-0",
    } <= kept


def test_a_second_run_computes_nothing_anew(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = json.loads((out / "results.json").read_text())["claims"]

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a kept fold was computed again")

    monkeypatch.setattr("leyden.validation._run", refuse)
    studies.run("liquid-crystals", out, quick=True, progress=False)
    assert json.loads((out / "results.json").read_text())["claims"] == first


def test_tables_have_the_published_sizes_and_few_rows_are_of_one_family(data: Tables) -> None:
    assert {name: len(data.cut[name]) for name in SIZES} == SIZES
    ours, melting = (set(data.cut[name].groups["molecule"]) for name in MIXED)
    assert ours < melting
    assert ours.isdisjoint(data.cut[OTHER_MELTING].groups["molecule"])
    assert melting.isdisjoint(data.cut[OTHER_CLEARING].groups["molecule"])
    both = joined([data.cut["clearing230"], data.cut["melting271"]], "both").targets
    assert not (both.iloc[:, 0] == both.iloc[:, 1]).any()
    for few, whole in (("clearing30", "clearing230"), ("melting39", "melting271")):
        assert data.cut[few].groups["scaffold"].nunique() == 1
        assert set(data.cut[few].ids) <= set(data.cut[whole].ids)
    assert data.cut["clearing30"].root[0] is data.cut["clearing30"]


def test_ionic_liquids_and_organics_can_lose_what_a_fold_forbids(data: Tables) -> None:
    for source in (data.ionic_liquids, data.organics):
        assert {"scaffold", "molecule", "pair"} <= set(source.groups)
    assert not any("." in smiles for smiles in data.organics.items)
    melting = data.cut["melting271"]
    forbidden = HeldOut(groups={"scaffold": frozenset(data.ionic_liquids.groups["scaffold"][:1])})
    assert data.ionic_liquids.same_quantity(melting)
    assert len(data.ionic_liquids.without(forbidden)) < len(data.ionic_liquids)


def test_circular_fingerprints_collide_and_the_published_ones_do_not(data: Tables) -> None:
    table = collision_table(data.clearing).set_index("fingerprint")["molecules"]
    assert table["ECFP4, bits"] > 100
    assert table["atom pairs and torsions, bits (published)"] == 0


@pytest.mark.parametrize("kind", [MLP, CNN])
def test_the_published_schedules_stand_where_they_belong(data: Tables, kind: str) -> None:
    module = mlp if kind == MLP else image_network
    target = module.PUBLISHED["mixed" if kind == MLP else "clearing"]
    between = module.PUBLISHED["mixed" if kind == MLP else "melting"]
    arms = published_arms("clearing230", data, Effort(), kind, schedule="published")
    tuned = arms[arm_name(kind, CHAIN)].get_params()
    prefix = "strategy__strategy__" if kind == MLP else "strategy__"
    assert tuned[f"{prefix}settings"]["epochs"] == target["epochs"]
    first, second = tuned[f"{prefix}source"].steps
    assert (first.source, second.source) == (data.ionic_liquids, data.cut["melting271"])
    assert first.settings["epochs"] == module.PUBLISHED["source"]["epochs"]
    assert second.settings["epochs"] == between["epochs"]
    assert list(arms) == [arm_name(kind, path) for path in PATHS]


def test_few_clearing_temperatures_are_filtered_by_the_source(data: Tables) -> None:
    few = published_arms("clearing30", data, Effort(), MLP, paths=(SCRATCH,))[MLP]
    many = published_arms("clearing230", data, Effort(), MLP, paths=(SCRATCH,))[MLP]
    assert few.get_params()["strategy__decided_by"] is data.ionic_liquids
    assert many.get_params()["strategy__decided_by"] == "target"


def test_the_first_convolution_stays_for_melting_temperatures_alone(data: Tables) -> None:
    trained = {
        table: published_arms(table, data, Effort(), CNN)[arm_name(CNN, CHAIN)].get_params()[
            "strategy__train"
        ]
        for table in ("clearing230", "melting271")
    }
    assert trained["clearing230"] == "all"
    assert not any(pattern.startswith("convolutions.0") for pattern in trained["melting271"])


def _evaluation(rows: list[tuple[str, int, int, str, float, float]], notes: Any) -> Evaluation:
    columns = ["id", "repeat", "fold", "arm", "y_true", "y_pred"]
    table = pd.DataFrame(rows, columns=columns).assign(
        size=0, group="g", target="t", y_std=np.nan, y_fallback=0.0, train_rows=1
    )
    table["group"] = table["id"]
    tasks = [
        {"repeat": r, "fold": f, "size": 0, "arm": arm, "error": None, "notes": notes, "seconds": 1}
        for (r, f, arm), _ in table.groupby(["repeat", "fold", "arm"])
    ]
    return Evaluation(table, tasks, {"reference": rows[0][3], "transfers": []})


def test_averages_over_folds_differ_from_pooled_scores_as_they_should() -> None:
    truth, said = [0.0, 1.0, 10.0, 14.0], [0.5, 1.0, 12.0, 12.0]
    rows = [
        (str(i), 0, i // 2, "a", y, p) for i, (y, p) in enumerate(zip(truth, said, strict=True))
    ]
    evaluation = _evaluation(rows, {"training_mae": 0.25})
    folds = fold_averages(evaluation, "a")
    y, p = np.array(truth), np.array(said)
    assert folds["r2"] == pytest.approx((r2(y[:2], p[:2]) + r2(y[2:], p[2:])) / 2)
    table = score_table(evaluation, ["a"], {"a": {"mae": 3.0}}).iloc[0]
    assert table["r2"] == pytest.approx(r2(y, p))
    assert table["r2"] > folds["r2"] + 0.3  # the folds lie apart, which flatters what is pooled
    assert (table["training_mae"], table["published_mae"]) == (0.25, 3.0)
    assert table["mae"] == pytest.approx(mae(y, p))


def test_folds_of_one_row_have_no_average_of_r2() -> None:
    rows = [(str(i), 0, i, "a", float(i), float(i)) for i in range(3)]
    assert np.isnan(fold_averages(_evaluation(rows, {}), "a")["r2"])


def test_seeds_become_repeats_of_one_arm() -> None:
    rows = [
        (str(i), 0, i, f"net, seed {seed}", float(i), float(i + seed))
        for seed in range(2)
        for i in range(3)
    ] + [(str(i), 0, i, "trees", float(i), float(i + 5)) for i in range(3)]
    found = _seeds_as_repeats(_evaluation(rows, {}), ["net"], 2)
    assert set(found.arms) == {"net", "trees"}
    scores = found.scores(["mae"]).set_index("arm")["mae"]
    assert scores["net"] == pytest.approx(0.5)  # the mean of both, not the better one
    assert scores["trees"] == pytest.approx(5.0)


def test_training_scores_are_those_of_the_rows_that_taught() -> None:
    data = tiny_molecules()
    from sklearn.neighbors import KNeighborsRegressor

    model = VectorRegressor(Fingerprint(), KNeighborsRegressor(1))
    arm = TrainingScored(ly.FromScratch(model)).fit(data.take(slice(0, 20)))
    assert arm.notes_["training_mae"] == pytest.approx(0.0)  # each is its own neighbour
    assert arm.predict(data.take(slice(20, 40))).shape == (20,)


def test_a_joint_model_knows_the_other_quantity_of_test_rows_only_if_it_may() -> None:
    clearing, melting = tiny_molecules(), tiny_molecules("melting_point_C")
    seen: list[Dataset] = []

    class Recorder:
        representation = Fingerprint()

        def fit(self, X: np.ndarray, y: np.ndarray) -> Recorder:
            seen.append(y)
            return self

        def get_params(self, deep: bool = False) -> dict[str, Any]:
            return {}

        def predict(self, X: np.ndarray, return_std: bool = False) -> np.ndarray:
            return np.zeros((len(X), 2))

    fold = next(iter(KFold(4).split(clearing)))
    train, held_out = clearing.take(fold.train), clearing.hold_out(fold.test)
    for may in (True, False):
        arm = Joint(Recorder(), melting, share_items=may)
        assert arm.fit(train, held_out=held_out).predict(clearing).shape == (40,)
    known, hidden = (np.isfinite(y).sum(axis=0).tolist() for y in seen)
    assert known == [30, 40]
    assert hidden == [30, 30]


def test_probabilities_are_cut_at_the_share_of_the_training_rows() -> None:
    rows = [("a", 0, 0, "m", 1.0, 0.95), ("b", 0, 0, "m", 0.0, 0.85)]
    found = _evaluation(rows, {})
    found.rows["y_fallback"] = 0.9
    said = _cut_at_share(found).rows["y_pred"].to_numpy()
    assert said[0] > 0.5 > said[1]
