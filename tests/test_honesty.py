"""Ten faults that flatter published results, each introduced here against the public interface.

Every test fails if Leyden has the fault that it is named after.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import KNeighborsRegressor

import leyden as ly
from leyden.models.vectors import VectorRegressor, baselines
from leyden.representations import CompositionStatistics, CrystalGraph
from leyden.testing import element_energy, tiny_crystals, tiny_transfer


def network(**parameters: Any) -> Any:
    small = {"width": 8, "convolutions": 1, "hidden": 8, "epochs": 4, "batch_size": 16}
    return ly.models.CrystalGraphNetwork(**{**small, "random_state": 0, **parameters})


def memory() -> VectorRegressor:
    """A model that repeats what it has seen: whoever leaks, scores zero error."""
    return VectorRegressor(CompositionStatistics(), KNeighborsRegressor(1))


def evaluated(arms: dict[str, Any], dataset: ly.Dataset, split: Any) -> ly.Evaluation:
    result = ly.compare(arms, dataset, split=split, progress=False)
    assert not result.failures  # a failed arm is scored, and would hide what is tested here
    return result


# 1. A normaliser fitted on all rows, and a model chosen on the rows that are scored.
def test_answers_of_test_rows_change_no_prediction() -> None:
    data = tiny_crystals(40).with_targets("log10_modulus_GPa")
    source, _ = tiny_transfer(60, 20, random_state=5)
    split = ly.splits.RandomSplits(repeats=1)
    (fold,) = split.split(data)
    falsified = data.targets.copy()
    falsified.iloc[fold.test] = 1e3 + 1e3 * falsified.iloc[fold.test]
    arms = {
        "network": ly.FromScratch(network()),
        "ridge": ly.FromScratch(baselines()["ridge"]),
        "frozen": ly.FrozenEmbedding(network(), source),
    }
    honest = evaluated(arms, data, split).rows
    other = evaluated(arms, replace(data, targets=falsified, _root=None), split).rows
    assert not np.allclose(honest["y_true"], other["y_true"])
    np.testing.assert_array_equal(honest["y_pred"], other["y_pred"])


# 2. Frozen layers whose batch-norm statistics still move.
def test_what_is_frozen_is_the_same_to_the_last_bit() -> None:
    source, target = tiny_transfer(60, 30)
    model = network()
    taught = clone(model).fit(model.representation.transform(source.items), source.y)
    X = model.representation.transform(target.items)
    tuned = clone(model).fit(X, 10 + target.y, start=taught, train=["output.*"])
    np.testing.assert_array_equal(tuned.embed(X), taught.embed(X))
    assert not np.allclose(tuned.predict(X), taught.predict(X))
    before, after = taught.state(), tuned.state()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert any("running_mean" in name for name in before)
    assert not {name for name in changed if "convolution" in name or "embedding" in name}


def test_a_pattern_that_freezes_nothing_raises() -> None:
    source, target = tiny_transfer(30, 20)
    arm = ly.FineTune(network(), source, train=["convolution_typo"])
    with pytest.raises(ly.InputError, match="typo"):
        arm.fit(target)


# 3. `[-int(ratio * n):]`: with a test ratio of 0 every row is a test row.
@settings(max_examples=50, deadline=None)
@given(st.integers(5, 60), st.floats(0, 1), st.floats(0, 1))
def test_parts_are_disjoint_and_as_large_as_asked(n: int, train: float, test: float) -> None:
    data = tiny_crystals(60).take(slice(0, n))
    train, test = train / 2, test / 2
    try:
        split = ly.splits.RandomSplits(train, 0.0, test, repeats=1)
        (fold,) = split.split(data)
    except ly.InputError:
        assert min(round(train * n), round(test * n)) <= 1
        return
    assert not np.intersect1d(fold.train, fold.test).size
    assert abs(len(fold.train) - train * n) <= 1
    assert abs(len(fold.test) - test * n) <= 1


def test_a_test_fraction_of_zero_is_refused() -> None:
    with pytest.raises(ly.InputError, match="test"):
        ly.splits.RandomSplits(0.8, 0.2, 0.0)


# 4. Scores averaged over batches or folds.
def test_scores_are_those_of_the_pooled_rows() -> None:
    data = tiny_crystals(12).with_targets("energy_eV_per_atom")
    result = evaluated({"memory": ly.FromScratch(memory())}, data, ly.splits.LeaveOneOut())
    found = result.scores()["r2"].item()
    rows = result.rows
    pooled = ly.metrics.r2(rows["y_true"].to_numpy(), rows["y_pred"].to_numpy())
    assert np.isfinite(found)  # of a single row, R2 is not even defined
    assert found == pytest.approx(pooled)


# 5. A bond to atom 0 for atoms with too few neighbours.
def test_no_bond_is_invented_for_lonely_atoms() -> None:
    cell = np.diag([30.0, 31.0, 32.0])
    lonely = ly.Crystal(
        numbers=np.array([11, 17, 54]),
        frac=np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.5, 0.5, 0.5]]),
        lattice=cell,
    )
    graphs = CrystalGraph(neighbours=6, quotient=False).transform([lonely])
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3) @ cell
    for atom in range(3):
        edges = slice(graphs.edge_offsets[atom], graphs.edge_offsets[atom + 1])
        assert edges.stop - edges.start >= 6
        found = zip(graphs.neighbours[edges], graphs.distances[edges], strict=True)
        for neighbour, distance in found:
            vectors = lonely.cart[neighbour] + shifts - lonely.cart[atom]
            true = np.linalg.norm(vectors, axis=1)
            assert np.isclose(true[true > 1e-6], distance, atol=1e-3).any()


# 6. A seed that is stored and never used; replicas that all draw the same numbers.
def test_the_seed_is_used() -> None:
    data = tiny_crystals(30).with_targets("energy_eV_per_atom")
    first, again, other = (
        ly.FromScratch(network(random_state=seed)).fit(data).predict(data) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4
    folds = [
        [f.test.tolist() for f in ly.splits.KFold(3, random_state=s).split(data)] for s in (0, 1)
    ]
    assert folds[0] != folds[1]


def test_members_of_an_ensemble_differ() -> None:
    from leyden.models import Ensemble

    data = tiny_crystals(30).with_targets("energy_eV_per_atom")
    model = Ensemble(network(epochs=2), members=3, n_jobs=1, random_state=0)
    X = model.representation.transform(data.items)
    members = model.fit(X, data.y).predict_members(X)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(members[a] - members[b]).max() > 1e-4


# 7. A saved model without its featuriser, so that prediction has to guess it.
def test_a_saved_predictor_needs_nothing_but_its_file_and_raw_items(tmp_path: Path) -> None:
    data = tiny_crystals(30).with_targets("log10_modulus_GPa")
    model = network(representation=CrystalGraph(neighbours=7))
    predictor = ly.Predictor.of(ly.FromScratch(model).fit(data))
    predictor.save(tmp_path / "modulus.leyden")
    code = (
        "import sys, numpy as np, leyden as ly\n"
        "from leyden.testing import tiny_crystals\n"
        "predictor = ly.Predictor.load('modulus.leyden')\n"
        "table = predictor.predict(tiny_crystals(30).items)\n"
        "np.save('found.npy', table['log10_modulus_GPa'].to_numpy())\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    expected = predictor.predict(data.items)["log10_modulus_GPa"].to_numpy()
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected)


# 8. Predictions far from the answer dropped before scoring.
class Wild(BaseEstimator):
    """Predicts well, but for one row absurdly and for one row not at all."""

    def fit(self, dataset: ly.Dataset, *, held_out: Any = None) -> Wild:
        return self

    def predict(self, dataset: ly.Dataset, return_std: bool = False) -> np.ndarray:
        values = np.array([element_energy(item.numbers).mean() for item in dataset.items])
        values[dataset.ids == "absurd"] += 1e6
        values[dataset.ids == "missing"] = np.nan
        return values


def test_no_prediction_is_dropped() -> None:
    data = tiny_crystals(20).with_targets("energy_eV_per_atom")
    ids = data.ids.copy().astype(object)
    ids[[3, 7]] = "absurd", "missing"
    data = replace(data, ids=ids.astype(str), _root=None)
    result = evaluated({"wild": Wild()}, data, ly.splits.KFold(4))
    assert sorted(result.rows["id"]) == sorted(data.ids)
    missing = result.rows[result.rows["id"] == "missing"]
    counted = np.abs(missing["y_fallback"] - missing["y_true"]).item()
    score = result.scores().iloc[0]
    assert score["missing"] == 1
    assert score["mae"] == pytest.approx((1e6 + counted) / 20, rel=1e-12)


class Peeping(Wild):
    """Returns the answers of the rows that it is asked about."""

    def predict(self, dataset: ly.Dataset, return_std: bool = False) -> np.ndarray:
        return dataset.y


def test_an_arm_that_is_asked_cannot_see_the_answers() -> None:
    data = tiny_crystals(20).with_targets("energy_eV_per_atom")
    result = evaluated({"peeping": Peeping()}, data, ly.splits.KFold(4))
    assert result.scores()["missing"].item() == len(data)


# 9. A random split although groups tie the rows, and a source that holds the test rows.
def test_rows_of_a_group_stay_together_unless_a_random_split_is_asked_for() -> None:
    data = tiny_crystals(60)
    split = ly.splits.default_split(data)
    for fold in split.split(data):
        taught, tested = (set(data.groups["formula"].iloc[r]) for r in (fold.train, fold.test))
        assert not taught & tested


def test_a_source_of_the_same_quantity_loses_the_test_rows_and_their_groups() -> None:
    data = tiny_crystals(90).with_targets("energy_eV_per_atom")
    arm = ly.SourceAsIs(memory(), source=data)  # the worst case: the source is the target
    split = ly.splits.GroupKFold("formula", n=3)
    rows = evaluated({"memory": arm}, data, split).rows
    assert np.abs(rows["y_pred"] - rows["y_true"]).min() > 0, "a test row was remembered"
    fold = next(iter(split.split(data)))
    held_out = data.hold_out(fold.test, "formula")
    fitted = clone(arm).fit(data.take(fold.train), held_out=held_out)
    assert fitted.notes_["source_rows_removed"] == len(fold.test)


def test_a_source_that_is_nothing_but_test_rows_raises() -> None:
    data = tiny_crystals(20).with_targets("energy_eV_per_atom")
    test = np.arange(5)
    arm = ly.FineTune(network(), source=data.take(test))
    with pytest.raises(ly.LeakageError):
        arm.fit(data.take(slice(5, None)), held_out=data.hold_out(test))


def test_shared_items_of_another_quantity_are_counted() -> None:
    source = tiny_crystals(80).with_targets("energy_eV_per_atom")
    target = replace(tiny_crystals(80).take(slice(0, 20)), _root=None)
    target = target.with_targets("log10_modulus_GPa")
    train, held_out = target.take(slice(5, None)), target.hold_out(np.arange(5))
    shared = source.groups["formula"].isin(target.groups["formula"]).sum()
    assert 20 < shared < 60  # other structures of a target's formula are no strangers
    kept = ly.FrozenEmbedding(network(), source).fit(train, held_out=held_out)
    assert kept.notes_["shared_items"] == shared
    apart = ly.FrozenEmbedding(network(), source, share_items=False).fit(train, held_out=held_out)
    assert apart.notes_["shared_items"] == 0
    assert apart.notes_["source_rows_removed"] == shared


def test_no_transfer_is_claimed_where_there_is_nothing_to_learn() -> None:
    source, target = tiny_transfer(80, 60, helps=False)
    ridge = baselines()["ridge"]
    arms = {
        "scratch": ly.FromScratch(ridge),
        "transfer": ly.FrozenEmbedding(network(), source, regressor=ridge.regressor),
    }
    result = evaluated(arms, target, ly.splits.KFold(5, repeats=2))
    paired = result.paired("transfer", "scratch")
    assert paired.interval[0] <= 0 <= paired.interval[1] or paired.difference > 0
    assert "no evidence of transfer" in result.summary() or "harm" in result.summary()


# 10. An import that downloads, reads the command line, or makes folders.
def test_no_import_has_side_effects(tmp_path: Path) -> None:
    code = """
import pkgutil, sys
sys.argv = ['program', '--no-such-option']
seen = []
def watch(event, args):
    if '__pycache__' in str(args):  # compiled code is kept where Python keeps it
        return
    writes = event == 'open' and args[1] and set(str(args[1])) & set('wax+')
    if writes or event in ('os.mkdir', 'socket.connect', 'socket.getaddrinfo'):
        seen.append((event, str(args)))
import leyden, numpy, pandas, torch, sklearn, matplotlib.figure  # their imports are theirs
sys.addaudithook(watch)
for module in pkgutil.walk_packages(leyden.__path__, 'leyden.'):
    __import__(module.name)
print([entry for entry in seen if 'leyden' in entry[1] or entry[0] != 'open'])
"""
    home = {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert not [p for p in tmp_path.rglob("*") if "leyden" in p.name.lower()]


def test_predictions_do_not_depend_on_the_company_of_a_row() -> None:
    """Not in the list, and the same kind of fault: batch statistics of the test rows."""
    data = tiny_crystals(30).with_targets("energy_eV_per_atom")
    fitted = ly.FromScratch(network()).fit(data)
    together = fitted.predict(data)
    alone = np.concatenate([fitted.predict(data.take([row])) for row in range(5)])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-4, atol=1e-5)
