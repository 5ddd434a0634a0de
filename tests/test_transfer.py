"""The strategies: what moves, what is forbidden, what is taught once and kept."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

import leyden as ly
from leyden import source_networks
from leyden.data.dataset import HeldOut
from leyden.models import CrystalGraphNetwork
from leyden.models.vectors import VectorRegressor
from leyden.representations import CompositionStatistics, represent
from leyden.source_networks import Lesson, clean_source
from leyden.testing import tiny_crystals, tiny_transfer

SMALL = {"width": 8, "convolutions": 1, "hidden": 8, "epochs": 3, "batch_size": 16}
NETWORK = CrystalGraphNetwork(**SMALL, random_state=0)
SOURCE, TARGET = tiny_transfer(40, 24)
TRAIN, TEST = TARGET.take(slice(0, 18)), TARGET.take(slice(18, None))


def memory() -> VectorRegressor:
    """Repeats what it has seen."""
    return VectorRegressor(CompositionStatistics(), KNeighborsRegressor(1))


def taught(source: ly.Dataset = SOURCE, start: Lesson | None = None) -> Any:
    return Lesson(NETWORK, source, start).learned()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is taught yet, neither in this process nor on disk."""
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(source_networks, "_LEARNED", {})
    return tmp_path


@pytest.fixture
def lessons(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every fit of a network, in the order of the fits."""
    seen: list[int] = []
    plain = CrystalGraphNetwork.fit

    def fit(self: Any, X: Any, y: np.ndarray, **options: Any) -> Any:
        seen.append(len(y))
        return plain(self, X, y, **options)

    monkeypatch.setattr(CrystalGraphNetwork, "fit", fit)
    return seen


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    """First parts of the names of arrays that differ."""
    names = {name for name in before if not np.array_equal(before[name], after[name])}
    return {name.split(".")[0] for name in names}


def test_from_scratch_is_the_model_alone() -> None:
    model = memory()
    arm = ly.FromScratch(model).fit(TRAIN)
    alone = clone(model).fit(model.representation.transform(TRAIN.items), TRAIN.y)
    expected = alone.predict(model.representation.transform(TEST.items))
    np.testing.assert_array_equal(arm.predict(TEST), expected)
    assert not arm.transfers
    assert arm.notes_ == {"may_have_seen_test": False}


def test_fine_tuning_goes_on_from_the_source() -> None:
    X, X_test = (represent(NETWORK.representation, part) for part in (TRAIN, TEST))
    expected = clone(NETWORK).fit(
        X, TRAIN.y, start=taught(), groups=TRAIN.groups["formula"].to_numpy()
    )
    arm = ly.FineTune(NETWORK, SOURCE).fit(TRAIN)
    np.testing.assert_array_equal(arm.predict(TEST), expected.predict(X_test))
    scratch = ly.FromScratch(NETWORK).fit(TRAIN).predict(TEST)
    assert np.abs(arm.predict(TEST) - scratch).max() > 1e-4
    assert arm.transfers


def test_what_moves_is_what_was_asked_for_and_the_source_stays() -> None:
    start = taught()
    before = start.state()
    head = changed(before, ly.FineTune(NETWORK, SOURCE, train="head").fit(TRAIN).model_.state())
    assert not changed(before, start.state())
    assert "embedding" not in head
    assert "convolutions" not in head
    assert any(name.startswith("output") for name in head)
    everything = changed(before, ly.FineTune(NETWORK, SOURCE).fit(TRAIN).model_.state())
    assert {"embedding", "convolutions"} <= everything
    some = ly.FineTune(NETWORK, SOURCE, train=["convolutions.*"]).fit(TRAIN).model_.state()
    assert changed(before, some) <= {"convolutions", "target_mean", "target_scale"}
    assert "convolutions" in changed(before, some)
    assert not changed(before, start.state())


def test_settings_and_rates_are_those_of_the_target() -> None:
    before = taught().state()
    arm = ly.FineTune(
        NETWORK,
        SOURCE,
        settings={"epochs": 2, "validation_fraction": 0.0},
        learning_rates={"embedding.*": 0.0},
    ).fit(TRAIN)
    assert arm.model_.epochs == 2
    assert NETWORK.epochs == 3
    moved = changed(before, arm.model_.state())
    assert "embedding" not in moved
    assert "convolutions" in moved


def test_a_chain_learns_one_source_after_the_other(lessons: list[int]) -> None:
    second = tiny_crystals(30, random_state=9).with_targets(["energy_eV_per_atom", "noise"])
    arm = ly.FineTune(NETWORK, [SOURCE, second]).fit(TRAIN)
    assert lessons == [40, 30, 18]
    assert arm.notes_["source_rows"] == 70
    X = represent(NETWORK.representation, second)
    chained = clone(NETWORK).fit(
        X, second.y, start=taught(), groups=second.groups["formula"].to_numpy()
    )
    found = taught(second, start=Lesson(NETWORK, SOURCE)).state()
    assert not changed(chained.state(), found)
    assert changed(found, taught(second).state())  # what came before counts
    graphs, groups = represent(NETWORK.representation, TRAIN), TRAIN.groups["formula"].to_numpy()
    expected = clone(NETWORK).fit(graphs, TRAIN.y, start=chained, groups=groups)
    assert not changed(expected.state(), arm.model_.state())


def test_frozen_embeddings_are_those_of_the_source_networks() -> None:
    second = tiny_crystals(30, random_state=9).with_targets("energy_eV_per_atom")
    graphs = [represent(NETWORK.representation, part) for part in (TRAIN, TEST)]
    statistics = [CompositionStatistics().transform(part.items) for part in (TRAIN, TEST)]
    X, X_test = (
        np.hstack([beside, taught().embed(graph), taught(second).embed(graph)])
        for beside, graph in zip(statistics, graphs, strict=True)
    )
    arm = ly.FrozenEmbedding(
        NETWORK, [SOURCE, second], Ridge(1.0), alongside=[CompositionStatistics()]
    ).fit(TRAIN)
    np.testing.assert_allclose(
        arm.predict(TEST), Ridge(1.0).fit(X, TRAIN.y).predict(X_test), rtol=1e-5
    )
    assert arm.notes_["source_rows"] == len(SOURCE) + len(second)
    assert arm.notes_["may_have_seen_test"] is False
    assert arm.embed(TEST).shape == X_test.shape


def test_the_source_as_it_is_needs_no_target_and_the_same_quantity() -> None:
    data = tiny_crystals(40).with_targets("energy_eV_per_atom")
    source, target = (replace(data.take(rows), _root=None) for rows in (slice(20), slice(20, 40)))
    arm = ly.SourceAsIs(memory(), source).fit(target)
    falsified = replace(target, targets=target.targets + 100, _root=None)
    again = ly.SourceAsIs(memory(), source).fit(falsified)
    np.testing.assert_array_equal(arm.predict(target), again.predict(target))
    np.testing.assert_array_equal(arm.predict(source), source.y)
    with pytest.raises(ly.IncompatibleError, match="FineTune"):
        ly.SourceAsIs(memory(), source).fit(TRAIN)


class Oracle:
    """An estimate that is right."""

    def __init__(self, dataset: ly.Dataset) -> None:
        self.known = dict(zip(dataset.groups["formula"], dataset.y, strict=True))

    def __call__(self, data: Any) -> np.ndarray:
        items = data.items if isinstance(data, ly.Dataset) else data
        return np.array([self.known[item.formula] for item in items])


def test_a_residual_adds_what_the_estimate_leaves_over() -> None:
    formulas, first = np.unique(TARGET.groups["formula"], return_index=True)
    target = TARGET.take(np.sort(first))
    assert len(formulas) > 12
    train, test = target.take(slice(0, -4)), target.take(slice(-4, None))
    both = [
        replace(
            part,
            targets=pd.DataFrame({"a": part.y - 3, "b": 2 * part.y}),
            quantities={},
            _root=None,
        )
        for part in (train, test)
    ]
    mean = VectorRegressor(CompositionStatistics(), Ridge(1e9))
    arm = ly.Residual(ly.FromScratch(mean), Oracle(target)).fit(replace(train, _root=None))
    np.testing.assert_allclose(arm.predict(test), test.y, atol=1e-9)
    shifted = replace(train, targets=train.targets + 7, _root=None)
    arm.fit(shifted)
    np.testing.assert_allclose(arm.predict(test), test.y + 7, atol=1e-5)
    values, std = arm.predict(list(test.items), return_std=True)
    np.testing.assert_allclose(values, test.y + 7, atol=1e-5)
    assert std.shape == values.shape
    estimate = Oracle(target)
    arm = ly.Residual(
        ly.FromScratch(mean), lambda data: np.c_[estimate(data), 2 * estimate(data)]
    ).fit(both[0])
    np.testing.assert_allclose(arm.predict(both[1]), np.c_[test.y - 3, 2 * test.y], atol=1e-5)


def test_a_residual_is_not_saved_and_leaks_nothing() -> None:
    arm = ly.Residual(ly.FromScratch(memory()), lambda data: np.zeros(len(data)))
    assert arm.transfers
    with pytest.raises(ly.IncompatibleError, match="function"):
        arm.fit(TRAIN).to_predictor()
    with pytest.raises(ly.LeakageError, match="training and the test"):
        arm.fit(TARGET, held_out=TARGET.hold_out(np.arange(3)))


@pytest.mark.parametrize("kind", [ly.FineTune, ly.FrozenEmbedding])
def test_a_source_without_the_targets_items_never_sees_them(kind: Any, lessons: list[int]) -> None:
    everything = tiny_crystals(100)
    source = everything.take(slice(0, 40)).with_targets("energy_eV_per_atom")
    target = replace(everything.take(slice(30, None)), _root=None)
    target = target.with_targets("log10_modulus_GPa")
    shared = int(source.groups["formula"].isin(target.groups["formula"]).sum())
    assert len(set(source.ids) & set(target.ids)) < shared < 25
    train, held_out = target.take(slice(5, None)), target.hold_out(np.arange(5))
    apart = kind(NETWORK, source, share_items=False).fit(train, held_out=held_out)
    assert lessons[0] == 40 - shared  # training rows, too
    assert apart.notes_["source_rows"] == 40 - shared
    assert apart.notes_["source_rows_removed"] == shared
    assert apart.notes_["shared_items"] == 0
    kept = kind(NETWORK, source).fit(train, held_out=held_out)
    assert 40 in lessons
    assert kept.notes_["shared_items"] == shared
    assert kept.notes_["source_rows_removed"] == 0


def test_items_of_a_formula_are_shared_items() -> None:
    """Another structure of a target's formula is no stranger, whatever the split."""
    everything = tiny_crystals(720).with_targets("energy_eV_per_atom")
    formula = everything.groups["formula"].to_numpy()
    chosen = np.flatnonzero(formula == formula[0])
    assert len(chosen) == 3
    source = replace(everything.take(chosen[1:]), _root=None)
    target = replace(tiny_crystals(720).take(chosen[:1]), _root=None)
    target = target.with_targets("log10_modulus_GPa")
    notes: dict[str, Any] = {}
    assert len(clean_source(source, target, HeldOut(), notes)) == 2
    assert notes["shared_items"] == 2
    with pytest.raises(ly.LeakageError, match="every row"):
        clean_source(source, target, HeldOut(), {}, share_items=False)


@pytest.mark.parametrize("group", [None, "formula"])
def test_a_source_of_the_same_quantity_loses_what_is_held_out(
    group: str | None, lessons: list[int]
) -> None:
    data = tiny_crystals(200).with_targets("energy_eV_per_atom")
    test = np.arange(20)
    held_out = data.hold_out(test, group)
    forbidden = held_out.mask(data)
    assert forbidden.sum() == 20 if group is None else forbidden.sum() > 20
    train = data.take(~forbidden)
    arm = ly.FrozenEmbedding(NETWORK, data, Ridge(), share_items=True)
    arm.fit(train, held_out=held_out)
    assert lessons == [200 - forbidden.sum()]
    assert arm.notes_["source_rows_removed"] == forbidden.sum()
    # A derived quantity is the same quantity.
    derived = replace(data, targets=data.targets.set_axis(["other_eV"], axis=1), _root=None)
    derived = replace(derived, quantities={"other_eV": "energy"})
    assert clean_source(derived, train, held_out, {}).ids.tolist() == train.ids.tolist()


def test_leaks_are_errors() -> None:
    arms = [
        ly.FineTune(NETWORK, TARGET.take(slice(0, 3))),
        ly.SourceAsIs(memory(), TARGET.take(slice(0, 3))),
        ly.FrozenEmbedding(NETWORK, TARGET, share_items=False),
    ]
    held_out = TARGET.hold_out(np.arange(3))
    for arm in arms[:2]:
        with pytest.raises(ly.LeakageError, match="every row"):
            arm.fit(TARGET.take(slice(3, None)), held_out=held_out)
    for arm in arms:
        with pytest.raises(ly.LeakageError, match=str(TARGET.ids[0])):
            arm.fit(TARGET, held_out=held_out)
    group = TARGET.hold_out(np.arange(1), "prototype")  # the id is gone, its group is not
    with pytest.raises(ly.LeakageError, match="training and the test"):
        arms[0].fit(TARGET.take(slice(1, None)), held_out=group)


def test_equal_content_is_taught_once(lessons: list[int]) -> None:
    same = replace(SOURCE, name="the same rows", _root=None)
    ly.FrozenEmbedding(NETWORK, SOURCE).fit(TRAIN)
    ly.FrozenEmbedding(clone(NETWORK), same, Ridge()).fit(TARGET)
    ly.FineTune(NETWORK, same).fit(TRAIN)
    assert lessons == [40, 18]  # the source once, the target once
    other = replace(SOURCE, targets=SOURCE.targets + 1e-3, _root=None)
    ly.FrozenEmbedding(NETWORK, other).fit(TRAIN)
    ly.FrozenEmbedding(clone(NETWORK).set_params(random_state=1), SOURCE).fit(TRAIN)
    assert lessons == [40, 18, 40, 40]


def test_taught_networks_are_kept_on_disk_bit_by_bit(
    lessons: list[int], fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = taught().state()
    kept = list((fresh / "cache" / "networks").iterdir())
    assert len(kept) == 1
    monkeypatch.setattr(source_networks, "_LEARNED", {})
    again = taught()
    assert lessons == [40]
    assert not changed(first, again.state())
    tuned = ly.FineTune(NETWORK, SOURCE).fit(TRAIN)  # what is read can be learned on from
    assert changed(first, tuned.model_.state())
    assert not changed(first, taught().state())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np, test_transfer as t\n"
        "t.CrystalGraphNetwork.fit = None\n"  # it must not learn anew
        "np.savez('found.npz', **t.taught().state())\n"
    )
    here = str(Path(__file__).parent)
    run = [sys.executable, "-c", code, here]
    subprocess.run(run, cwd=fresh, check=True, timeout=120, env=dict(os.environ))
    with np.load(fresh / "found.npz") as found:
        assert not changed(first, dict(found))


@pytest.mark.parametrize(
    "arm",
    [ly.FromScratch(memory()), ly.FineTune(NETWORK, SOURCE), ly.FrozenEmbedding(NETWORK, SOURCE)],
    ids=["scratch", "fine-tune", "frozen"],
)
def test_a_predictor_answers_as_the_strategy_does(arm: Any, tmp_path: Path) -> None:
    arm = clone(arm).fit(TRAIN)
    arm.to_predictor(ly.splits.KFold(3)).save(tmp_path / "saved.leyden")
    table = ly.Predictor.load(tmp_path / "saved.leyden").predict(TEST.items)
    np.testing.assert_allclose(table["log10_modulus_GPa"], arm.predict(TEST), rtol=1e-6)
    low, high = (table[f"log10_modulus_GPa_{side}"] for side in ("lower", "upper"))
    assert (low < high).all()


class Noting(CrystalGraphNetwork):
    """Writes down how many rows each fit has."""

    def fit(self, X: Any, y: np.ndarray, **options: Any) -> Any:
        with open(os.environ["DIARY"], "a") as file:
            file.write(f"{len(y)}\n")
        return super().fit(X, y, **options)


def test_processes_learn_each_source_network_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIARY", str(fresh / "diary"))
    first, second = SOURCE.take(slice(0, 17)), SOURCE.take(slice(17, 31))
    network = Noting(**SMALL)
    arms = {
        "frozen": ly.FrozenEmbedding(network, first),
        "chain": ly.FineTune(network, [first, second]),
        "head": ly.FineTune(network, first, train="head"),
    }
    result = ly.compare(arms, TARGET, ly.splits.KFold(2), n_jobs=2, progress=False)
    assert not any(task["error"] for task in result.tasks)
    fits = [int(line) for line in (fresh / "diary").read_text().split()]
    assert sorted(fits) == [12] * 4 + [14, 17]  # two targets a fold, and the two sources once


def test_pooled_rows_learn_together_and_obey_the_fold() -> None:
    data = tiny_crystals(60).with_targets("energy_eV_per_atom")
    source = replace(data.take(slice(0, 40)), _root=None)
    target = replace(data.take(slice(30, 60)), _root=None)  # ten rows are in both
    test = np.arange(5)
    held_out = target.hold_out(test)
    arm = ly.Pooled(memory(), source).fit(target.take(slice(10, None)), held_out=held_out)
    assert arm.notes_["source_rows_removed"] == 5
    assert arm.predict(source.take(slice(0, 30))) == pytest.approx(source.y[:30])  # learned
    assert np.abs(arm.predict(target.take(test)) - target.y[test]).min() > 0  # not seen
    with pytest.raises(ly.IncompatibleError, match="cannot be read as"):
        ly.Pooled(memory(), source).fit(TARGET)
