"""Chains of sources, columns that vary, and the search for the source that helps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

import leyden as ly
from leyden import Chain, Step, source_networks
from leyden.artefact import KINDS
from leyden.data.dataset import Dataset, HeldOut
from leyden.hashing import content_hash
from leyden.models import ImageNetwork, MultilayerPerceptron, mlp
from leyden.models.image_network import PUBLISHED
from leyden.models.vectors import VectorRegressor
from leyden.recipe.parts import Part, build, expanded
from leyden.representations import Depiction, Fingerprint, represent
from leyden.representations.represent import _MADE
from leyden.source_search import SCRATCH, simultaneous_gains
from leyden.testing import check_strategy

COLUMNS = 6


@dataclass(frozen=True)
class Vectors:
    """Items that are vectors already."""

    kind: ClassVar[str] = "vectors"

    def transform(self, items: Any) -> np.ndarray:
        return np.array([list(item) for item in items], dtype=np.float32)

    def names(self) -> list[str]:
        return [f"x{i}" for i in range(COLUMNS)]


def table(
    n: int, quantity: str, seed: int, weights: Any = (1, 1, 0, 0, 0, 0), name: str = ""
) -> Dataset:
    """A quantity that is linear in the columns; ids and molecules are its own."""
    X = np.random.default_rng(seed).uniform(-1, 1, (n, COLUMNS)).round(6)
    ids = np.array([f"{seed}:{i}" for i in range(n)])
    return Dataset(
        name or quantity,
        ids,
        tuple(map(tuple, X.tolist())),
        pd.DataFrame({quantity: X @ np.asarray(weights, float)}),
        groups=pd.DataFrame({"molecule": ids}),
    )


NETWORK = MultilayerPerceptron(
    Vectors(), widths=(8, 4), epochs=3, batch_size=16, least_steps=0, standardise=False
)
FIRST, SECOND = table(40, "melting_K", 1), table(30, "clearing_K", 2)
TARGET = table(24, "glass_K", 3)
TRAIN, TEST = TARGET.take(slice(0, 18)), TARGET.take(slice(18, None))


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is taught yet, neither in this process nor on disk."""
    monkeypatch.setenv("LEYDEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(source_networks, "_LEARNED", {})
    monkeypatch.setitem(KINDS, "vectors", f"{__name__}:Vectors")
    return tmp_path


def keys(*steps: Any, model: Any = NETWORK, target: Dataset = TRAIN) -> list[str]:
    return [lesson.key for lesson in Chain(steps).lessons(model, target, HeldOut(), {})]


class TestChain:
    def test_a_plain_sequence_is_a_chain_with_the_settings_of_the_model(self) -> None:
        plain = ly.FineTune(NETWORK, [FIRST, SECOND])
        named = ly.FineTune(NETWORK, Chain([FIRST, Step(SECOND)]))
        each = [[one.key for one in arm.lessons(TRAIN, HeldOut(), {})] for arm in (plain, named)]
        assert each[0] == each[1]
        assert ly.FineTune(NETWORK, FIRST).lessons(TRAIN, HeldOut(), {})[0].key == each[0][0]
        np.testing.assert_array_equal(
            plain.fit(TRAIN).predict(TEST), named.fit(TRAIN).predict(TEST)
        )

    def test_order_settings_and_what_moves_make_another_lesson(self) -> None:
        once = keys(FIRST, SECOND)
        assert keys(FIRST, SECOND) == once
        assert keys(SECOND, FIRST)[-1] not in once
        for step in (Step(SECOND, {"epochs": 5}), Step(SECOND, train=["output.*"])):
            first, second = keys(FIRST, step)
            assert first == once[0]  # shared
            assert second != once[1]
        assert keys(Step(FIRST, {"epochs": 5}), SECOND)[1] != once[1]  # what came before counts
        tuned = clone(NETWORK).set_params(epochs=5)
        assert keys(Step(FIRST, {"epochs": 5})) == keys(FIRST, model=tuned)
        assert keys(Step(FIRST, train=["a"])) == keys(Step(FIRST, train=("a",)))

    def test_each_step_is_learned_as_it_says(self) -> None:
        path = Chain([FIRST, Step(SECOND, {"epochs": 7, "learning_rate": 1e-4}, ["output.*"])])
        arm = ly.FineTune(NETWORK, path, settings={"epochs": 2}).fit(TRAIN)
        first = clone(NETWORK).fit(represent(Vectors(), FIRST), FIRST.y)
        second = clone(NETWORK).set_params(epochs=7, learning_rate=1e-4)
        second.fit(represent(Vectors(), SECOND), SECOND.y, start=first, train=["output.*"])
        last = clone(NETWORK).set_params(epochs=2)
        last.fit(represent(Vectors(), TRAIN), TRAIN.y, start=second)
        np.testing.assert_array_equal(arm.predict(TEST), last.predict(represent(Vectors(), TEST)))
        assert arm.notes_["source_rows"] == len(FIRST) + len(SECOND)
        assert NETWORK.epochs == 3

    def test_the_first_convolution_stands_still_in_a_step(self) -> None:
        """Published for mixed melting temperatures."""
        smiles = tuple(f"{'C' * n}{end}" for n in range(2, 8) for end in ("O", "N"))
        y = pd.DataFrame({"melting_K": np.arange(12.0)})
        source = Dataset("s", np.array(smiles), smiles, y)
        other = Dataset("o", np.array(smiles[:8]), smiles[:8], y[:8].rename(columns=str.upper))
        target = replace(other, targets=y[:8].rename(columns=lambda _: "clearing_K"))
        network = ImageNetwork(Depiction(), channels=(2, 3), widths=(4,), epochs=2, dropout=0.0)
        moving = ["convolutions.1.*", *ImageNetwork.head]
        chain = Chain([source, Step(other, PUBLISHED["melting"] | {"epochs": 2}, moving)])
        first, second = chain.lessons(network, target, HeldOut(), {})
        before, after = first.learned().state(), second.learned().state()
        for name in ("convolutions.0.weight", "convolutions.0.bias"):
            np.testing.assert_array_equal(before[name], after[name])
        assert not np.array_equal(before["convolutions.1.weight"], after["convolutions.1.weight"])
        (alone,) = Chain([Step(source, train=moving)]).lessons(network, target, HeldOut(), {})
        assert not np.array_equal(alone.learned().state()["output.bias"], before["output.bias"])
        clone(ly.FineTune(network, chain, settings=PUBLISHED["clearing"]))  # can be copied

    def test_the_targets_rows_of_its_quantity_leave_every_step(self) -> None:
        same = replace(TARGET, name="same", _root=None)
        held_out = TARGET.hold_out(np.arange(18, 24), "molecule")
        notes: dict[str, Any] = {}
        lessons = Chain([FIRST, same]).lessons(NETWORK, TRAIN, held_out, notes)
        assert [len(lesson.source) for lesson in lessons] == [40, 18]
        assert notes == {"source_rows": 58, "source_rows_removed": 6, "shared_items": 0}
        renamed = replace(same, ids=np.array([f"other {i}" for i in range(24)]))
        lessons = Chain([renamed, FIRST]).lessons(NETWORK, TRAIN, held_out, {})
        assert len(lessons[0].source) == 18  # other ids, the same molecules
        nothing = same.take(slice(18, None)).take(slice(None))
        with pytest.raises(ly.LeakageError, match="every row"):
            ly.FineTune(NETWORK, Chain([FIRST, nothing])).fit(TRAIN, held_out=held_out)

    def test_items_are_shared_only_if_chain_and_strategy_let_them(self) -> None:
        other = replace(TARGET, targets=FIRST.targets[:24], _root=None)
        rows = {
            (chain, strategy): ly.FineTune(
                NETWORK, Chain([FIRST, other], share_items=chain), share_items=strategy
            )
            for chain in (True, False)
            for strategy in (True, False)
        }
        for (chain, strategy), arm in rows.items():
            if chain and strategy:
                assert len(arm.lessons(TRAIN, HeldOut(), {})[1].source) == 24
            else:
                with pytest.raises(ly.LeakageError, match="every row"):
                    arm.lessons(TRAIN, HeldOut(), {})

    def test_processes_and_copies_take_a_chain(self) -> None:
        path = Chain([FIRST, Step(SECOND, mlp.FASTER["mixed"] | {"epochs": 2})])
        arms = {"chain": ly.FineTune(NETWORK, path, settings={"epochs": 2})}
        assert content_hash(clone(arms["chain"])) == content_hash(arms["chain"])
        one = ly.evaluate(arms, TARGET, ly.splits.KFold(2), progress=False)
        assert not one.failures
        check_strategy(arms["chain"], TARGET)

    def test_an_empty_chain_is_refused(self) -> None:
        with pytest.raises(ly.InputError, match="at least one source"):
            Chain([])


def with_column(dataset: Dataset, column: int, values: Any) -> Dataset:
    X = np.array(dataset.items)
    X[:, column] = values
    return replace(dataset, items=tuple(map(tuple, X.tolist())), _root=None)


class TestVaryingColumns:
    def test_the_training_rows_decide_alone(self) -> None:
        """Column 4 varies in the test rows only, column 5 nowhere."""
        test_only = np.where(np.arange(24) < 18, 0.5, np.arange(24.0))
        data = with_column(with_column(TARGET, 4, test_only), 5, 1.0)
        train, test = data.take(slice(0, 18)), data.take(slice(18, None))
        arm = ly.VaryingColumns(ly.FromScratch(NETWORK)).fit(train)
        assert arm.model_.representation.kept == (0, 1, 2, 3)
        assert arm.notes_["columns"] == 4
        other = with_column(data, 4, 0.5).take(slice(18, None))
        np.testing.assert_array_equal(arm.predict(test), arm.predict(other))
        assert not arm.transfers
        whole = ly.VaryingColumns(ly.FromScratch(NETWORK)).fit(data)
        assert whole.model_.representation.kept == (0, 1, 2, 3, 4)

    def test_a_source_decides_for_all_less_what_is_forbidden(self) -> None:
        values = np.zeros(24)
        values[20] = 1.0
        same = with_column(replace(TARGET, name="same"), 3, values)
        arm = ly.VaryingColumns(ly.FineTune(NETWORK, FIRST), decided_by=same)
        assert arm.transfers
        assert 3 in clone(arm).fit(TRAIN).model_.representation.kept
        held_out = TARGET.hold_out(np.arange(18, 24), "molecule")
        fitted = clone(arm).fit(TRAIN, held_out=held_out)
        assert fitted.model_.representation.kept == (0, 1, 2, 4, 5)
        assert fitted.notes_["source_rows"] == len(FIRST)  # what decides does not teach

    def test_sources_are_learned_by_the_same_columns(self) -> None:
        data = with_column(TRAIN, 2, 0.0)
        arm = ly.VaryingColumns(ly.FineTune(NETWORK, [FIRST, SECOND]))
        lessons = arm.lessons(data, HeldOut(), {})
        assert [each.model.representation.kept for each in lessons] == [(0, 1, 3, 4, 5)] * 2
        assert lessons[1].learned().module_.input_mean.shape == (5,)
        fitted = clone(arm).fit(data)
        assert fitted.strategy_.lessons(data, HeldOut(), {})[1].key == lessons[1].key
        assert NETWORK.representation == Vectors()

    def test_columns_of_little_variance_are_left_out(self) -> None:
        data = with_column(TRAIN, 2, np.linspace(0, 1e-3, 18))
        arm = ly.VaryingColumns(ly.FromScratch(NETWORK), least_variance=1e-4).fit(data)
        assert 2 not in arm.model_.representation.kept

    def test_every_kind_of_model_and_a_wrapped_strategy(self) -> None:
        data = with_column(TRAIN, 2, 0.0)
        ridge = ly.FromScratch(VectorRegressor(Vectors(), Ridge()))
        rest = ly.VaryingColumns(ly.FromScratch(VectorRegressor(Vectors(), Ridge())))
        assert ly.VaryingColumns(ridge).fit(data).embed(data).shape == (18, 5)
        residual = ly.Residual(rest, lambda rows: np.zeros(len(rows)))
        np.testing.assert_allclose(residual.fit(data).predict(TEST), TEST.y, atol=0.3)
        with pytest.raises(ly.InputError, match="one by one"):
            ly.VaryingColumns(ly.Best({"a": ridge})).fit(data)
        with pytest.raises(ly.InputError, match="by the target"):
            ly.VaryingColumns(ridge, decided_by="source").fit(data)  # type: ignore[arg-type]

    def test_it_is_evaluated_saved_and_loaded(self, tmp_path: Path) -> None:
        smiles = tuple(f"{'C' * n}{end}" for n in range(2, 8) for end in ("O", "N", "F"))
        y = np.array([float(text.count("C")) for text in smiles])
        data = Dataset("tiny", np.array(smiles), smiles, pd.DataFrame({"boiling_K": y}))
        source = replace(data, targets=pd.DataFrame({"melting_K": -y}))
        network = MultilayerPerceptron(Fingerprint(size=64), **mlp.NETWORK, epochs=2)
        arm = ly.VaryingColumns(ly.FineTune(network, source))
        check_strategy(arm, data)
        result = ly.evaluate(
            {"arm": arm}, data, ly.splits.KFold(3), checkpoint=tmp_path / "kept", progress=False
        )
        assert not result.failures
        assert all(task["notes"]["columns"] < 128 for task in result.tasks)
        fitted = clone(arm).fit(data)
        fitted.to_predictor(ly.splits.KFold(3)).save(tmp_path / "saved.leyden")
        said = ly.Predictor.load(tmp_path / "saved.leyden").predict(["CCCO", "CCBr"])
        np.testing.assert_allclose(said["boiling_K"], fitted.predict(["CCCO", "CCBr"]), rtol=1e-6)

    def test_vectors_are_made_once_and_cuts_are_not_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[int] = []
        plain = Vectors.transform

        def transform(self: Any, items: Any) -> np.ndarray:
            calls.append(len(items))
            return plain(self, items)

        monkeypatch.setattr(Vectors, "transform", transform)
        data = table(20, "fresh_K", 77)
        for rows in (slice(0, 12), slice(4, 20), slice(2, 9)):
            ly.VaryingColumns(ly.FromScratch(NETWORK)).fit(data.take(rows))
        assert calls == [20]
        assert list(_MADE[data]) == [Vectors()]


class TestSourceSearch:
    LEARNER = MultilayerPerceptron(
        Vectors(), widths=(8, 2), activation="relu", layer_norm=False, epochs=60, batch_size=32,
        least_steps=0, standardise=False, learning_rate=1e-2, loss="squared", weight_decay=0.0,
    )  # fmt: skip
    TARGET = table(40, "glass_K", 11, weights=(1, -1, 2, 0, 0, 0))
    HELPFUL = table(400, "melting_K", 12, weights=(1, -1, 2, 0, 0, 0))
    MISLEADING = table(400, "clearing_K", 13, weights=(0, 0, 0, 0, 0, 1))

    def search(self, **options: Any) -> ly.SourceSearch:
        sources = {"good": self.HELPFUL, "bad": self.MISLEADING}
        return ly.SourceSearch(self.LEARNER, sources, train="head", folds=4, **options)

    def test_it_finds_the_source_that_helps_and_names_the_one_that_harms(self) -> None:
        """Only the head moves on the target: what the encoder has forgotten is lost."""
        search = self.search(longest=1).fit(self.TARGET)
        verdict = search.evidence_.set_index("path")["verdict"]
        assert verdict.to_dict() == {"good": "helps", "bad": "harms", SCRATCH: "no evidence"}
        assert search.choice_ == search.notes_["choice"] == "good"
        evidence = search.evidence_
        assert list(evidence.columns) == ["path", "error", "gain", "low", "high", "verdict"]
        assert evidence["error"].is_monotonic_increasing
        scratch = evidence.set_index("path").loc[SCRATCH]
        assert (scratch[["gain", "low", "high"]] == 0).all()
        np.testing.assert_allclose(evidence["gain"], scratch["error"] - evidence["error"])
        new = table(50, "glass_K", 14, weights=(1, -1, 2, 0, 0, 0))
        alone = ly.FineTune(self.LEARNER, self.HELPFUL, train="head").fit(self.TARGET)
        np.testing.assert_array_equal(search.predict(new), alone.predict(new))

    def test_without_help_it_stays_from_scratch(self) -> None:
        search = ly.SourceSearch(
            self.LEARNER, {"bad": self.MISLEADING}, train="head", settings={"epochs": 40}, folds=3
        ).fit(self.TARGET)
        assert search.choice_ == SCRATCH
        assert search.model_.epochs == 40
        assert isinstance(search.strategy_, ly.FromScratch)

    def test_paths_are_all_ordered_chains_with_settings_by_their_place(self) -> None:
        own = Step(SECOND, {"epochs": 9})
        search = ly.SourceSearch(
            NETWORK, {"a": FIRST, "b": own}, settings={"epochs": 4}, train="head"
        )
        arms = search.candidates()
        assert list(arms) == [SCRATCH, "a", "b", "a -> b", "b -> a"]
        epochs = {
            name: [lesson.model.epochs for lesson in arm.lessons(TRAIN, HeldOut(), {})]
            for name, arm in arms.items()
        }
        assert epochs == {SCRATCH: [], "a": [3], "b": [9], "a -> b": [3, 9], "b -> a": [9, 4]}
        last = arms["b -> a"].lessons(TRAIN, HeldOut(), {})[-1]
        assert last.train == "head"  # a later source is learned as the target is
        assert len({each.key for each in search.lessons(TRAIN, HeldOut(), {})}) == 4
        assert len(clone(search).set_params(longest=1).candidates()) == 3
        for bad in ({"sources": {}}, {"longest": 0}, {"sources": {SCRATCH: FIRST}}):
            with pytest.raises(ly.InputError, match="one or more sources"):
                clone(search).set_params(**bad).candidates()

    def test_its_contract_under_a_filter_of_columns(self) -> None:
        search = ly.SourceSearch(NETWORK, {"a": FIRST}, folds=2)
        check_strategy(search, TARGET)
        filtered = ly.VaryingColumns(search).fit(with_column(TRAIN, 1, 0.0))
        assert filtered.model_.representation.kept == (0, 2, 3, 4, 5)
        assert set(filtered.strategy_.evidence_["path"]) == {SCRATCH, "a"}

    def test_a_source_with_the_targets_rows_is_refused(self) -> None:
        search = ly.SourceSearch(NETWORK, {"same": TARGET.take(slice(0, 2))}, folds=2)
        with pytest.raises(ly.LeakageError, match="every row"):
            search.fit(TARGET.take(slice(2, None)), held_out=TARGET.hold_out(np.arange(2)))

    def test_a_recipe_names_a_search_under_a_filter(self) -> None:
        table = {"kind": "source-search", "longest": 1}
        part = Part.from_table({"kind": "varying-columns", "strategy": table}, "strategy")
        context = {"seed": 3, "model": NETWORK, "sources": [FIRST, SECOND]}
        built = build(part, "strategy", context)
        assert isinstance(built, ly.VaryingColumns)
        assert list(built.strategy.candidates()) == [SCRATCH, FIRST.name, SECOND.name]
        assert built.strategy.random_state == 3
        alone = build(
            Part.from_table(table, "strategy"), "strategy", context | {"sources": [FIRST]}
        )
        assert list(alone.sources) == [FIRST.name]
        assert expanded(part, "strategy", 3)["strategy"]["folds"] == 5


class TestSimultaneousGains:
    def test_one_path_has_the_plain_bootstrap_interval(self) -> None:
        rng = np.random.default_rng(0)
        first, second = rng.exponential(1, (2, 400))
        table = simultaneous_gains({"a": first, "b": second}, random_state=1)
        row = table.set_index("path").loc["b"]
        difference = first - second
        assert row["gain"] == pytest.approx(difference.mean())
        half = 1.96 * difference.std() / 20
        assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.08)

    def test_rows_of_one_group_are_one_witness(self) -> None:
        rng = np.random.default_rng(0)
        errors = {"a": np.repeat(rng.exponential(1, 50), 8), "b": np.ones(400)}
        groups = np.repeat(np.arange(50), 8).astype(str)
        apart, together = (
            simultaneous_gains(errors, labels).set_index("path").loc["b"]
            for labels in (None, groups)
        )
        widths = [row["high"] - row["low"] for row in (apart, together)]
        assert widths[1] == pytest.approx(np.sqrt(8) * widths[0], rel=0.1)

    def test_luck_among_many_is_rarely_taken_for_help(self) -> None:
        """Twelve paths that are no better, a hundred times: one at a time, 26 % would help."""
        rng = np.random.default_rng(5)
        names = [f"path {i}" for i in range(13)]
        lucky = 0
        for seed in range(100):
            errors = dict(zip(names, rng.exponential(1, (13, 80)), strict=True))
            found = simultaneous_gains(errors, draws=400, random_state=seed)
            lucky += bool((found["verdict"] == "helps").any())
        assert lucky <= 10

    def test_equal_paths_share_one_comparison(self) -> None:
        rng = np.random.default_rng(2)
        first, other = rng.exponential(1, (2, 200))
        one = simultaneous_gains({"a": first, "b": other})
        five = simultaneous_gains({"a": first, **{name: other for name in "bcdef"}})
        np.testing.assert_allclose(one["high"].max(), five["high"].max())
