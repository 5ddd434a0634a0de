"""Recipes: read, checked, expanded, written, and made into live objects."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden import splits
from leyden.errors import InputError
from leyden.models.pair_process import PairProcess
from leyden.recipe import Recipe
from leyden.recipe.parts import kinds
from leyden.recipe.text import to_toml
from leyden.representations import MoleculeDescriptors
from leyden.representations.ion_pair import IonPairVectors
from leyden.testing import tiny_crystals
from leyden.transfer import FineTune, FromScratch, FrozenEmbedding

MINIMAL: dict[str, Any] = {"data": {"dataset": "elastic-tensor-2015", "targets": ["K_VRH_GPa"]}}

TEXT = st.text(max_size=8)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
TABLES = st.recursive(
    st.dictionaries(TEXT, VALUES, max_size=3),
    lambda inner: st.dictionaries(
        TEXT, VALUES | inner | st.lists(inner, min_size=1, max_size=2), max_size=3
    ),
    max_leaves=6,
)


@given(tables=TABLES)
@settings(max_examples=150, deadline=None)
def test_what_is_written_as_toml_is_read_as_it_was(tables: dict[str, Any]) -> None:
    # `repr` because NaN differs from itself
    assert repr(tomllib.loads(to_toml(tables))) == repr(_ordered(tables))


def _ordered(table: Any) -> Any:
    """Values before tables, as TOML has to write them."""
    if isinstance(table, list):
        return [_ordered(item) for item in table]
    if not isinstance(table, dict):
        return table
    nested = {k: v for k, v in table.items() if isinstance(v, dict) or _is_tables(v)}
    plain = {k: v for k, v in table.items() if k not in nested}
    return {**plain, **{key: _ordered(value) for key, value in nested.items()}}


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


class TestExpansion:
    def test_every_default_is_there(self) -> None:
        tables = Recipe.from_mapping({**MINIMAL, "seed": 7}).to_mapping()
        network = tables["model"]
        assert network["kind"] == "crystal-graph-network"
        assert {"epochs", "learning_rate", "width"} <= network.keys()
        assert network["random_state"] == 7
        assert tables["strategy"] == {"kind": "from-scratch"}
        assert list(tables["evaluate"]["arms"]) == ["from-scratch"]

    @pytest.mark.parametrize(
        "extra",
        [
            {},
            {"model": {"kind": "ridge"}, "representation": {"kind": "composition_statistics"}},
            {
                "source": [{"dataset": "flla-2015", "where": {"band_gap_eV": 0.5}}],
                "strategy": {"kind": "fine-tune", "settings": {"learning_rate": 1e-3}},
                "split": {"kind": "learning-curve", "sizes": [10, 20], "base": {"kind": "k-fold"}},
            },
            {
                "source": {"dataset": "flla-2015"},
                "strategy": {
                    "kind": "best",
                    "strategies": {
                        "stay": {"kind": "from-scratch", "model": "extra-trees"},
                        "move": {
                            "kind": "frozen-embedding",
                            "alongside": ["composition-statistics"],
                            "regressor": {"kind": "svr", "C": 2},
                        },
                    },
                },
            },
        ],
        ids=["default", "classical", "fine-tune", "best"],
    )
    def test_reading_the_expanded_recipe_gives_the_same(self, extra: dict[str, Any]) -> None:
        text = Recipe.from_mapping({**MINIMAL, **extra}).to_toml()
        assert Recipe.from_mapping(tomllib.loads(text)).to_toml() == text

    def test_files_are_named_in_full(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("formula,K_VRH_GPa\nNaCl,25\n")
        tables = {"data": {"dataset": "a.csv", "targets": "K_VRH_GPa"}}
        expanded = Recipe.from_mapping(tables, folder=tmp_path).to_mapping()
        assert expanded["data"]["dataset"] == str((tmp_path / "a.csv").resolve())


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "meant"),
        [
            ({"modell": {}}, "'model'"),
            ({"data": {"dataset": "x", "target": ["a"]}}, "'targets'"),
            ({"model": {"kind": "crystal-graph-network", "epoch": 3}}, "'epochs'"),
            ({"model": {"kind": "crystal-graph-netwrk"}}, "'crystal-graph-network'"),
            ({"model": {"kind": "extra-trees", "n_estimator": 3}}, "'n_estimators'"),
            ({"representation": {"kind": "crystal-graph", "neighbors": 3}}, "'neighbours'"),
            ({"strategy": {"kind": "finetune"}}, "'fine-tune'"),
            ({"strategy": {"kind": "fine-tune", "trian": "head"}}, "'train'"),
            ({"split": {"kind": "kfold"}}, "'k-fold'"),
            ({"evaluate": {"baselines": ["rigde"]}}, "'ridge'"),
            ({"evaluate": {"arms": {"a": {"kind": "best", "fold": 3}}}}, "'folds'"),
            ({"calibration": {"fold": 3}}, "'folds'"),
            ({"calibration": {"bye": "domain"}}, "'by'"),
            ({"calibration": {"by": "domains"}}, "'domain'"),
        ],
    )
    def test_an_unknown_word_tells_which_was_meant(
        self, change: dict[str, Any], meant: str
    ) -> None:
        with pytest.raises(InputError) as told:
            Recipe.from_mapping({**MINIMAL, **change})
        assert f"did you mean {meant}" in str(told.value)

    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            ({"seed": "x"}, "the seed is an integer"),
            ({"seed": True}, "the seed is an integer"),
            ({"model": {"kind": "crystal-graph-network", "epochs": "ten"}}, "epochs is a int"),
            ({"model": {"epochs": 3}}, r"\[model\] needs a kind"),
            ({"model": 3}, r"\[model\] is a table"),
            ({"data": {"targets": ["a"]}}, r"\[data\] needs the key dataset"),
            ({"data": {"dataset": 3}}, "dataset is a str"),
            ({"calibration": {"folds": True}}, "folds is a int"),
            ({"calibration": {"by": 3}}, "by is a str"),
            ({"calibration": {"by": "domain", "folds": 0}}, "by domain need folds"),
        ],
    )
    def test_a_wrong_value(self, change: dict[str, Any], rule: str) -> None:
        with pytest.raises(InputError, match=rule):
            Recipe.from_mapping({**MINIMAL, **change})

    def test_a_recipe_needs_data(self) -> None:
        with pytest.raises(InputError, match=r"needs a section \[data\]"):
            Recipe.from_mapping({})

    def test_the_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "r.toml"
        with pytest.raises(InputError, match=r"r\.toml: the recipe cannot be read"):
            Recipe.read(path)
        path.write_text("a = = 3")
        with pytest.raises(InputError, match=r"r\.toml: the recipe is not TOML.*line 1"):
            Recipe.read(path)
        path.write_text("[dta]\n")
        with pytest.raises(InputError, match=r"r\.toml: the recipe has no key"):
            Recipe.read(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables of formulas: a plentiful one and a scarce one."""
    data = tiny_crystals(40)
    table = pd.DataFrame(
        {
            "name": data.ids,
            "formula": [item.formula for item in data.items],
            "modulus_GPa": 10 ** data.targets["log10_modulus_GPa"],
            "energy_eV_per_atom": data.targets["energy_eV_per_atom"],
            "family": data.groups["prototype"],
        }
    )
    table.to_csv(tmp_path / "target.csv", index=False)
    table.to_csv(tmp_path / "source.csv", index=False)
    return tmp_path


def own(**sections: Any) -> dict[str, Any]:
    data = {"dataset": "target.csv", "targets": ["log10_modulus_GPa"], "group": "family"}
    return {"data": {**data, "id": "name"}, **sections}


class TestBuild:
    def test_data_and_split(self, folder: Path) -> None:
        run = Recipe.from_mapping(own(seed=3), folder).build()
        assert len(run.dataset) == 40
        expected = tiny_crystals(40).targets["log10_modulus_GPa"]
        assert np.allclose(run.dataset.y, expected)
        assert run.split == splits.GroupKFold("family", n=5, repeats=3, random_state=3)
        assert run.calibration_split == splits.GroupKFold("family", n=5, random_state=3)

    def test_only_some_rows(self, folder: Path) -> None:
        tables = own()
        tables["data"]["where"] = {"family": "rock salt"}
        run = Recipe.from_mapping(tables, folder).build()
        assert 0 < len(run.dataset) < 40
        tables["data"]["where"] = {"family": "none"}
        with pytest.raises(InputError, match="no row is left"):
            Recipe.from_mapping(tables, folder).build()

    def test_the_seed_reaches_every_part(self, folder: Path) -> None:
        run = Recipe.from_mapping(own(seed=5, model={"kind": "extra-trees"}), folder).build()
        assert run.model.random_state == 5
        arms = run.arms()
        assert {arm.model.random_state for arm in arms.values()} == {5}

    def test_strategies_get_model_and_sources(self, folder: Path) -> None:
        source = {"dataset": "source.csv", "targets": ["energy_eV_per_atom"]}
        model = {"kind": "crystal-graph-network", "epochs": 3}
        arms = {
            "stay": {"kind": "from-scratch"},
            "move": {"kind": "fine-tune", "settings": {"learning_rate": 1e-4}},
            "kernel": {"kind": "frozen-embedding", "alongside": ["composition-statistics"]},
        }
        tables = own(source=source, model=model, evaluate={"arms": arms, "baselines": ["mean"]})
        built = Recipe.from_mapping(tables, folder).build().arms()
        assert list(built) == ["stay", "move", "kernel", "mean"]
        assert isinstance(built["stay"], FromScratch)
        assert isinstance(built["move"], FineTune)
        assert isinstance(built["kernel"], FrozenEmbedding)
        assert built["move"].model.epochs == 3
        assert built["move"].settings == {"learning_rate": 1e-4}
        assert list(built["move"].source.targets) == ["energy_eV_per_atom"]
        assert built["kernel"].alongside[0].kind == "composition_statistics"

    def test_a_strategy_without_its_source(self, folder: Path) -> None:
        run = Recipe.from_mapping(own(strategy={"kind": "fine-tune"}), folder).build()
        with pytest.raises(InputError, match=r"add a section \[\[source\]\]"):
            _ = run.strategy

    def test_parameters_of_a_regressor(self, folder: Path) -> None:
        model = {"kind": "svr", "C": 7, "representation": "composition-statistics"}
        run = Recipe.from_mapping(own(model=model), folder).build()
        assert run.model.regressor[-1].C == 7

    def test_no_intervals(self, folder: Path) -> None:
        run = Recipe.from_mapping(own(calibration={"folds": 0}), folder).build()
        assert run.calibration_split is None

    def test_intervals_by_domain_are_for_pairs_of_ions(self, folder: Path) -> None:
        run = Recipe.from_mapping(own(calibration={"by": "domain"}), folder).build()
        with pytest.raises(InputError, match="for pairs of a cation and an anion") as told:
            _ = run.calibration_split
        assert "no anion and no cation and no pair" in str(told.value)

    def test_a_table_needs_targets(self, folder: Path) -> None:
        recipe = Recipe.from_mapping({"data": {"dataset": "target.csv"}}, folder)
        with pytest.raises(InputError, match="needs targets"):
            recipe.build()

    def test_no_such_data_set(self, folder: Path) -> None:
        recipe = Recipe.from_mapping({"data": {"dataset": "flla-2051"}}, folder)
        with pytest.raises(InputError, match="did you mean 'flla-2015'"):
            recipe.build()


IONS = {
    "kind": "concatenated",
    "parts": [
        "molecule-descriptors",
        {"kind": "fingerprint", "fragments": ["morgan"], "counts": True, "size": 64},
    ],
}
PROCESS = {
    "kind": "pair-process",
    "shape": "constant",
    "steps": 2,
    "subset": 100,
    "representation": {"kind": "ion-pairs", "ion": IONS},
}
RECOMMENDER = {
    "kind": "ion-recommender",
    "representation": {"kind": "ion-pairs", "ion": "molecule-descriptors"},
    "forms": "constant",
    "epochs": 3,
    "least_steps": 1,
}


class TestIonicLiquids:
    """Recipes of the derived card, and of models that read pairs of ions."""

    LIQUIDS: ClassVar[dict[str, Any]] = {
        "data": {"dataset": "ionic-liquids", "targets": "glass_transition_K"},
        "split": {"kind": "group-k-fold", "group": "pair", "n": 3},
    }
    TAUGHT: ClassVar[dict[str, Any]] = {
        "source": [{"dataset": "ionic-liquids", "targets": ["melting_point_K"]}],
        "model": RECOMMENDER,
        "strategy": {"kind": "fine-tune", "settings": {"epochs": 2, "loss": "huber"}},
    }

    @pytest.mark.parametrize(
        "sections",
        [{"model": PROCESS}, {"model": RECOMMENDER}, TAUGHT],
        ids=["process", "network", "taught"],
    )
    def test_the_expanded_recipe_is_read_as_it_was(self, sections: dict[str, Any]) -> None:
        recipe = Recipe.from_mapping({**self.LIQUIDS, **sections})
        again = Recipe.from_mapping(tomllib.loads(recipe.to_toml()))
        assert again.to_toml() == recipe.to_toml()
        ion = again.to_mapping()["model"]["representation"]["ion"]
        assert ion["kind"] in ("concatenated", "molecule-descriptors")
        assert again.to_mapping()["model"]["random_state"] == 0

    def test_a_process_on_pairs_of_the_derived_card(self, data_home: Callable[[str], Path]) -> None:
        data_home("il-properties")
        run = Recipe.from_mapping({**self.LIQUIDS, "model": PROCESS}).build()
        assert isinstance(run.model, PairProcess)
        assert run.model.representation.ion.parts[1].fragments == ("morgan",)
        train, test = _fold(run)
        fitted = run.strategy.fit(train)
        assert isinstance(fitted, FromScratch)
        assert set(train.groups["pair"]).isdisjoint(test.groups["pair"])
        error = np.abs(fitted.predict(test) - test.y).mean()
        assert error < 0.8 * np.abs(train.y.mean() - test.y).mean()

    def test_a_recommender_that_melting_points_taught(
        self, data_home: Callable[[str], Path]
    ) -> None:
        for name in ("il-properties", "il-melting"):
            data_home(name)
        run = Recipe.from_mapping({**self.LIQUIDS, **self.TAUGHT}).build()
        assert isinstance(run.strategy, FineTune)
        assert run.strategy.settings == {"epochs": 2, "loss": "huber"}
        assert list(run.strategy.source.targets) == ["melting_point_K"]
        train, test = _fold(run)
        fitted = run.strategy.fit(train, held_out=run.dataset.hold_out(_rows(run), "pair"))
        assert (fitted.model_.epochs, fitted.model_.loss) == (2, "huber")
        assert np.isfinite(fitted.predict(test)).all()
        assert fitted.notes_["source_rows_removed"] == 0  # melting is another quantity,
        assert fitted.notes_["shared_items"] > 0  # and the pairs of both are counted

    def test_baselines_read_the_ions(self, tmp_path: Path) -> None:
        cations = [f"{'C' * n}[n+]1ccn(C)c1" for n in range(1, 7)]
        lines = [f"{cation},[Cl-],{300 + 9 * n}" for n, cation in enumerate(cations)]
        (tmp_path / "own.csv").write_text("\n".join(["cation,anion,melting_point_K", *lines]))
        tables = {"data": {"dataset": "own.csv", "targets": "melting_point_K"}, "model": PROCESS}
        run = Recipe.from_mapping(tables, tmp_path).build()
        for name in ("ridge", "extra trees"):
            arm = run.arms()[name]
            assert arm.model.representation == IonPairVectors(MoleculeDescriptors())
        predicted = run.arms()["ridge"].fit(run.dataset).predict(run.dataset)
        assert np.abs(predicted - run.dataset.y).max() < 9


def _rows(run: Any) -> np.ndarray:
    """Test rows of the first fold."""
    return np.asarray(next(iter(run.split.split(run.dataset))).test)


def _fold(run: Any) -> tuple[Any, Any]:
    fold = next(iter(run.split.split(run.dataset)))
    return run.dataset.take(fold.train), run.dataset.take(fold.test)


@pytest.mark.parametrize("section", ["representation", "model", "strategy", "split", "regressor"])
def test_every_kind_has_a_class_whose_defaults_can_be_written(section: str) -> None:
    from leyden.recipe.parts import Part, expanded

    for kind in kinds(section):
        table = expanded(Part(kind), section, 0)
        assert kind in to_toml(table)
        again = Part.from_table(tomllib.loads(to_toml(table)), section)
        assert to_toml(expanded(again, section, 0)) == to_toml(table)
