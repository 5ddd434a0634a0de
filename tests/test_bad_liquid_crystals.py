"""What goes wrong in tables of liquid crystals, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import leyden as ly
from leyden.data.dataset import Dataset
from leyden.errors import InputError, LeakageError
from leyden.models import mlp
from leyden.models.mlp import MultilayerPerceptron
from leyden.recipe import Recipe
from leyden.representations.depiction import Depiction
from leyden.representations.fingerprints import Fingerprint
from leyden.testing import tiny_molecules

CLEARING = "clearing_temperature_C"


def table(smiles: list[str], values: list[float] | np.ndarray, column: str = CLEARING) -> Dataset:
    frame = pd.DataFrame({"smiles": smiles, column: values})
    return Dataset.from_table(frame, target=CLEARING, name="own.csv")


def perceptron() -> MultilayerPerceptron:
    return MultilayerPerceptron(Fingerprint(), **mlp.NETWORK, epochs=1)


def test_a_molecule_that_cannot_be_drawn_is_named_with_its_row() -> None:
    with pytest.raises(InputError, match="SMILES") as caught:
        Depiction().transform(["CCO", "C1CC("])
    assert caught.value.row == 2


def test_ions_in_each_others_column_are_told_to_change_places() -> None:
    frame = pd.DataFrame(
        {"cation": ["F[B-](F)(F)F"], "anion": ["CCn1cc[n+](C)c1"], CLEARING: [35.0]}
    )
    with pytest.raises(InputError, match="exchange the columns") as caught:
        Dataset.from_table(frame, target=CLEARING, name="own.csv")
    assert (caught.value.file, caught.value.row) == ("own.csv", 1)


@pytest.mark.parametrize("value", [-460.0, 1650.0])
def test_a_temperature_that_no_liquid_crystal_has(value: float) -> None:
    with pytest.raises(InputError, match="must lie between") as caught:
        table(["CCO", "CCCO"], [35.0, value])
    assert (caught.value.row, caught.value.value) == (2, value)


def test_a_column_in_fahrenheit_is_told_by_its_name() -> None:
    with pytest.raises(InputError, match="another unit"):
        table(["CCO"], [95.0], "clearing_temperature_F")


def test_values_that_look_like_fahrenheit_are_doubted_and_celsius_is_not() -> None:
    tiny = tiny_molecules()
    smiles, celsius = list(tiny.items[:10]), np.round(2 * tiny.y[:10]) / 2
    with pytest.warns(UserWarning, match="Fahrenheit"):
        table(smiles, np.round(1.8 * celsius + 32, 1))
    table(smiles, celsius)  # no warning: they are errors in tests
    table(smiles, celsius + 0.3)


def test_a_source_that_cannot_lose_the_test_rows_is_refused() -> None:
    target = tiny_molecules()
    fold = next(iter(ly.splits.GroupKFold("scaffold", 4).split(target)))
    blind = Dataset("blind", target.ids, target.items, target.targets, target.quantities)
    with pytest.raises(LeakageError, match="no column scaffold"):
        ly.FineTune(perceptron(), blind).fit(
            target.take(fold.train), held_out=target.hold_out(fold.test, "scaffold")
        )


def test_a_source_that_is_the_target_loses_the_test_rows_or_has_none_left() -> None:
    target = tiny_molecules()
    fold = next(iter(ly.splits.GroupKFold("scaffold", 4).split(target)))
    held_out = target.hold_out(fold.test, "scaffold")
    arm = ly.FineTune(perceptron(), target).fit(target.take(fold.train), held_out=held_out)
    assert arm.notes_["source_rows_removed"] == len(fold.test)
    with pytest.raises(LeakageError, match="every row"):
        ly.FineTune(perceptron(), target.take(fold.test)).fit(
            target.take(fold.train), held_out=held_out
        )


@pytest.mark.parametrize("split", [ly.splits.KFold(4), ly.splits.LeaveOneOut()])
def test_a_source_loses_the_molecules_of_test_rows_whatever_their_ids(split: Any) -> None:
    """Random splits keep no group, and another table calls its molecules otherwise."""
    target = tiny_molecules()
    source = Dataset(
        "named otherwise",
        np.array([f"row {n}" for n in range(len(target))]),
        target.items,
        target.targets,
        target.quantities,
        target.groups,
    )
    fold = next(iter(split.split(target)))
    arm = ly.FineTune(perceptron(), source)
    arm.fit(target.take(fold.train), held_out=target.hold_out(fold.test))
    assert arm.notes_["source_rows_removed"] == len(fold.test)


def test_training_rows_that_are_test_rows_are_refused() -> None:
    target = tiny_molecules()
    with pytest.raises(LeakageError, match="training and the test part"):
        ly.FromScratch(perceptron()).fit(target, held_out=target.hold_out(np.arange(3)))


def test_salts_as_smiles_learn_melting_from_pairs_of_ions() -> None:
    """Both tables know salts by InChIKey and scaffold, so that test rows can be taken out."""
    cations = [f"{'C' * n}[n+]1ccn(C)c1" for n in range(1, 9)]
    pairs = pd.DataFrame({"cation": cations, "anion": "[Cl-]", "melting_point_K": range(300, 308)})
    salts = pd.DataFrame(
        {"smiles": [f"[Cl-].{c}" for c in cations], "melting_point_C": np.arange(27.0, 35.0)}
    )
    source = Dataset.from_table(pairs, target="melting_point_K")
    target = Dataset.from_table(salts, target="melting_point_C")
    assert set(source.groups["molecule"]) == set(target.groups["molecule"])
    assert list(source.groups)[:3] == ["pair", "cation", "anion"]
    arm = ly.FineTune(perceptron(), source)
    arm.fit(target.take(slice(2, None)), held_out=target.hold_out(np.arange(2)))
    assert (arm.notes_["source_rows"], arm.notes_["source_rows_removed"]) == (6, 2)


def test_a_repeat_unit_without_inchi_goes_by_its_smiles() -> None:
    data = table(["*CC*", "CCO"], [10.0, 20.0])
    assert data.groups["molecule"][0] == "*CC*"


def test_five_rows_can_be_learned_and_left_out_one_by_one() -> None:
    five = tiny_molecules().take([0, 10, 20, 30, 39]).alone()
    arm = ly.VaryingColumns(ly.FromScratch(perceptron()))
    result = ly.evaluate({"few": arm}, five, ly.splits.LeaveOneOut(), progress=False)
    assert not result.failures
    assert len(result.rows) == 5
    with pytest.raises(InputError, match="leave one out"):
        ly.evaluate({"few": arm}, five, ly.splits.GroupKFold("scaffold", 5), progress=False)


RECIPE = """
[data]
dataset = "own.csv"
targets = "clearing_temperature_C"

[[source]]
dataset = "salts.csv"
targets = "melting_point_K"
settings = { epochs = 1 }

[[source]]
dataset = "melting.csv"
targets = "melting_point_C"
train = ["hidden.1.*", "hidden.2.*", "output.*"]

[model]
kind = "multilayer-perceptron"
epochs = 2
least_steps = 0

[model.representation]
kind = "fingerprint"

[strategy]
kind = "varying-columns"

[strategy.strategy]
kind = "fine-tune"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for name, data in (("own", tiny_molecules()), ("melting", tiny_molecules("melting_point_C"))):
        frame = pd.DataFrame({"smiles": data.items, str(data.targets.columns[0]): data.y})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    salts = [f"{'C' * n}[n+]1ccn(C)c1.[Cl-]" for n in range(1, 9)]
    frame = pd.DataFrame({"smiles": salts, "melting_point_K": np.arange(300.0, 308.0)})
    frame.to_csv(tmp_path / "salts.csv", index=False)
    (tmp_path / "own.toml").write_text(RECIPE)
    return tmp_path


def test_a_recipe_runs_an_own_table_along_a_chain(own: Path) -> None:
    recipe = Recipe.read(own / "own.toml")
    run = recipe.build()
    chain = run.strategy.strategy.source
    assert [step.name for step in chain.steps] == [
        str(own / f) for f in ("salts.csv", "melting.csv")
    ]
    assert chain.steps[0].settings == {"epochs": 1}
    assert chain.steps[1].train == ("hidden.1.*", "hidden.2.*", "output.*")
    again = Recipe.from_mapping(recipe.to_mapping())
    assert again.to_toml() == recipe.to_toml()
    fitted = run.strategy.fit(run.dataset)
    assert fitted.notes_["source_rows"] == 48
    assert np.isfinite(fitted.predict(run.dataset)).all()


def test_only_fine_tuning_learns_sources_in_ways_of_their_own(own: Path) -> None:
    text = RECIPE.replace('kind = "varying-columns"\n\n[strategy.strategy]\n', "").replace(
        '"fine-tune"', '"frozen-embedding"'
    )
    (own / "own.toml").write_text(text)
    with pytest.raises(InputError, match="frozen-embedding learns every source by the settings"):
        _ = Recipe.read(own / "own.toml").build().strategy


def test_two_tables_of_one_data_set_are_two_sources_of_a_search(own: Path) -> None:
    (own / "both.csv").write_text(
        "smiles,melting_point_C,glass_transition_C\nCCO,10,5\nCCCO,20,9\nc1ccccc1,30,1\n"
    )
    text = RECIPE.replace("salts.csv", "both.csv").replace("melting_point_K", "glass_transition_C")
    text = text.replace("melting.csv", "both.csv").replace("settings = { epochs = 1 }\n", "")
    text = text.replace('train = ["hidden.1.*", "hidden.2.*", "output.*"]\n', "")
    (own / "own.toml").write_text(text.replace('"fine-tune"', '"source-search"'))
    search = Recipe.read(own / "own.toml").build().strategy.strategy
    paths = [name.rsplit("/", 1)[1] for name in search.sources]
    assert paths == ["both.csv, glass_transition_C", "both.csv, melting_point_C"]


def test_classical_baselines_of_molecules_read_descriptors(own: Path) -> None:
    arms = Recipe.read(own / "own.toml").build().arms()
    kinds = {
        type(arm.model.representation).__name__ for arm in arms.values() if hasattr(arm, "model")
    }
    assert "MoleculeDescriptors" in kinds
    assert "CompositionStatistics" not in kinds
