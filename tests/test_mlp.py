"""The perceptron on vectors: what it learns, keeps, refuses and carries to another property."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

import leyden as ly
from leyden import artefact
from leyden.errors import IncompatibleError, InputError
from leyden.models import MultilayerPerceptron, mlp
from leyden.models.crystal_graph_network import CrystalGraphNetwork
from leyden.models.vectors import NetworkEmbedding, laplace_ridge
from leyden.representations import (
    CellShape,
    CompositionStatistics,
    Concatenated,
    CrystalGraph,
    Fingerprint,
)
from leyden.testing import check_model, check_strategy, tiny_crystals, tiny_transfer
from leyden.training import TrainingSettings

SMALL = MultilayerPerceptron(widths=(32, 16), epochs=25, batch_size=32, least_steps=0)
STATISTICS = CompositionStatistics()


@pytest.fixture(scope="module")
def source() -> ly.Dataset:
    return tiny_transfer(400, 60)[0]


@pytest.fixture(scope="module")
def taught(source: ly.Dataset) -> MultilayerPerceptron:
    return clone(SMALL).fit(STATISTICS.transform(source.items), source.y)


def test_it_learns_what_a_composition_tells(taught: MultilayerPerceptron) -> None:
    new = tiny_transfer(400, 60)[1].with_targets("log10_modulus_GPa")
    energy = (0.5 - new.y) / 0.6  # the energies of crystals that it has not seen
    error = np.abs(taught.predict(STATISTICS.transform(new.items)) - energy).mean()
    assert error < 0.35 * np.abs(energy - energy.mean()).mean()


def test_contract_with_several_representations() -> None:
    data = tiny_crystals(24).with_targets(["energy_eV_per_atom", "log10_modulus_GPa"])
    both = Concatenated((STATISTICS, CellShape()))
    model = clone(SMALL).set_params(representation=both, epochs=2)
    check_model(model, both.transform(data.items), data.y)
    config = json.loads(json.dumps(model.config()))
    assert MultilayerPerceptron.from_state(config, None).representation == both


def test_a_saved_network_predicts_the_same(taught: MultilayerPerceptron, tmp_path: Path) -> None:
    artefact.write(NetworkEmbedding(taught), tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved").model
    X = STATISTICS.transform(["LiCl", "Li7La3Zr2O12"])
    np.testing.assert_array_equal(loaded.predict(X), taught.predict(X))
    np.testing.assert_array_equal(loaded.embed(X), taught.embed(X))
    assert taught.embed(X).shape == (2, 16)


def test_the_scale_of_the_inputs_is_of_training_rows_and_is_inherited(
    source: ly.Dataset, taught: MultilayerPerceptron
) -> None:
    X = STATISTICS.transform(source.items)
    np.testing.assert_allclose(taught.module_.input_mean, X.mean(axis=0), rtol=1e-4, atol=1e-4)
    strange = X[:40] * 3 + 5
    on = clone(SMALL).fit(strange, source.y[:40], start=taught, train="head")
    np.testing.assert_array_equal(on.module_.input_mean, taught.module_.input_mean)
    np.testing.assert_array_equal(on.embed(X), taught.embed(X))  # frozen, bit by bit
    held = clone(SMALL).set_params(validation_fraction=0.5, epochs=1).fit(X, source.y)
    assert not np.allclose(held.module_.input_mean, X.mean(axis=0), rtol=1e-4, atol=1e-4)


def test_a_column_that_never_changes_and_one_that_explodes_do_no_harm() -> None:
    generator = np.random.default_rng(0)
    X = np.zeros((60, 132))
    X[:, 0] = generator.standard_normal(60)
    model = clone(SMALL).fit(X, X[:, 0])
    far = np.zeros((2, 132))
    far[:, 5], far[:, 0] = [0.0, 1e12], 1e3
    assert np.isfinite(model.predict(far)).all()
    assert np.abs(model.predict(far)).max() < 20  # cut off, not followed to the horizon


def test_knowledge_moves_to_another_property(source: ly.Dataset) -> None:
    """The modulus is linear in the energy: whoever learned the energy needs few moduli."""
    _, target = tiny_transfer(400, 60)
    patient = clone(SMALL).set_params(least_steps=600)  # forty rows are two batches
    arms = {
        "scratch": ly.FromScratch(patient),
        "kernel": ly.FromScratch(ly.models.VectorRegressor(STATISTICS, laplace_ridge())),
        "fine-tuned": ly.FineTune(patient, source, train="head"),
        "frozen": ly.FrozenEmbedding(SMALL, source),
    }
    result = ly.evaluate(arms, target, ly.splits.GroupKFold("formula", 3), progress=False)
    error = result.scores(["mae"]).set_index("arm")["mae"]
    assert not result.failures
    assert error["fine-tuned"] < 0.7 * error["scratch"]
    assert error["frozen"] < 0.7 * error["kernel"]


@pytest.mark.parametrize("kind", ["fine-tuned", "frozen"])
def test_strategies_keep_their_contract(kind: str, source: ly.Dataset) -> None:
    few = replace(source.take(slice(0, 40)), _root=None)
    small = clone(SMALL).set_params(epochs=2)
    strategy = ly.FineTune(small, few) if kind == "fine-tuned" else ly.FrozenEmbedding(small, few)
    check_strategy(strategy, tiny_transfer(400, 20)[1])


def test_equal_seeds_and_a_resumed_run_give_equal_bits(
    source: ly.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = STATISTICS.transform(source.items[:60]), source.y[:60]
    model = clone(SMALL).set_params(epochs=6)
    whole = clone(model).fit(X, y)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.predict(X), whole.predict(X))

    class Killed(Exception):
        pass

    from leyden import training

    done = training.write_checkpoint

    def write_and_die(*arguments: object) -> None:
        done(*arguments)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_checkpoint", write_and_die)
        with pytest.raises(Killed):
            clone(model).fit(X, y, checkpoint=tmp_path / "point")
    resumed = clone(model).fit(X, y, checkpoint=tmp_path / "point")
    np.testing.assert_array_equal(resumed.predict(X), whole.predict(X))


def test_what_cannot_be_built_is_told(taught: MultilayerPerceptron) -> None:
    X, y = np.zeros((4, 132)), np.arange(4.0)
    with pytest.raises(InputError, match="hidden layer"):
        MultilayerPerceptron(widths=()).fit(X, y)
    with pytest.raises(InputError, match="names"):
        MultilayerPerceptron(CrystalGraph()).fit(X, y)
    with pytest.raises(IncompatibleError, match="cannot start"):
        clone(SMALL).fit(X, y, start=CrystalGraphNetwork())
    with pytest.raises(IncompatibleError, match="differ"):
        clone(SMALL).set_params(widths=(32, 8)).fit(X, y, start=taught)


YAN = MultilayerPerceptron(Fingerprint(size=64), **mlp.NETWORK, **mlp.PUBLISHED["mixed"])
BITS = (np.random.default_rng(0).random((40, 128)) < 0.2).astype(np.float32)
DEGREES = 20 + 30 * BITS[:, :3].sum(axis=1)


def test_the_published_network() -> None:
    module = YAN.build(1)
    assert [str(type(part).__name__) for block in module.hidden for part in block] == [
        *("Linear", "ReLU", "Dropout"),
        *("Linear", "ReLU"),
        *("Linear", "ReLU"),
    ]
    assert module.hidden[0][2].p == 0.1
    assert [layer.out_features for layer in (*module.dense(), module.output)] == [100, 50, 20, 1]
    assert (YAN.l2, YAN.loss, YAN.weight_decay, YAN.clip) == (0.001, "squared", 0.0, None)
    schedules = {
        name: tuple(settings[key] for key in ("epochs", "batch_size", "learning_rate"))
        for name, settings in mlp.PUBLISHED.items()
    }
    assert schedules == {
        "source": (200, 32, 1e-4),
        "mixed": (400, 32, 1e-3),
        "ammonium": (300, 32, 1e-3),
    }
    for name, settings in mlp.PUBLISHED.items():
        assert TrainingSettings(**settings).rate(0.9, 10_000) == 1.0
        assert mlp.FASTER[name].keys() == settings.keys()
        assert mlp.FASTER[name]["epochs"] < settings["epochs"]


def test_weights_start_as_keras_draws_them() -> None:
    module = YAN.build(1)
    for layer in (*module.dense(), module.output):
        assert (layer.bias == 0).all()
        limit = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert 0.8 * limit < layer.weight.abs().max() <= limit
    assert (MultilayerPerceptron().build(1).output.bias != 0).all()


def test_the_gradient_of_the_penalty_is_that_of_targets_in_their_own_unit() -> None:
    """Degrees: mean((y - f)^2) + l2 * sum(W^2), so that dL/dW has 2 l2 W, here over a variance."""
    model = clone(YAN).set_params(epochs=2, l2=0.5).fit(BITS, DEGREES)
    module = model.module_
    batch = (torch.tensor(BITS), torch.tensor(DEGREES[:, None], dtype=torch.float32))
    gradients = {}
    for l2 in (0.5, 0.0):
        objective = clone(model).set_params(l2=l2)._objective()
        loss = objective.loss(objective.accumulate(module, batch))
        module.zero_grad()
        loss.backward()
        gradients[l2] = {name: p.grad.clone() for name, p in module.named_parameters()}
        squares = sum(layer.weight.square().sum().item() for layer in module.dense())
        degrees = np.mean((model.predict(BITS) - DEGREES) ** 2) + l2 * squares
        assert loss.item() * DEGREES.var() == pytest.approx(degrees, rel=1e-4)
    for name, parameter in module.named_parameters():
        found = gradients[0.5][name] - gradients[0.0][name]
        hidden = name.startswith("hidden") and name.endswith("weight")
        expected = 2 * 0.5 * parameter.detach() / DEGREES.var() if hidden else 0 * found
        torch.testing.assert_close(found, expected.float(), rtol=1e-3, atol=1e-6)


def test_bits_are_taken_as_they_are() -> None:
    model = clone(YAN).set_params(epochs=1).fit(BITS, DEGREES)
    assert (model.module_.input_mean == 0).all()
    seen = []
    model.module_.hidden.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.predict(30 * BITS)
    np.testing.assert_array_equal(seen[0], 30 * BITS)  # not cut off either


def test_the_published_network_keeps_its_contract(tmp_path: Path) -> None:
    model = clone(YAN).set_params(epochs=60)
    check_model(model, BITS, DEGREES)
    fitted = clone(model).fit(BITS, DEGREES)
    assert np.abs(fitted.predict(BITS) - DEGREES).mean() < 0.5 * DEGREES.std()
    artefact.write(NetworkEmbedding(fitted), tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved").model
    np.testing.assert_array_equal(loaded.predict(BITS), fitted.predict(BITS))


def test_a_network_saved_before_there_were_these_settings_is_read(
    taught: MultilayerPerceptron,
) -> None:
    new = ("activation", "layer_norm", "standardise", "dropout", "l2", "start", "decay_steps")
    config = {name: value for name, value in taught.config().items() if name not in new}
    assert list(taught.state()) == [
        *("target_mean", "target_scale", "input_mean", "input_scale"),
        *(f"hidden.{i}.{j}.{part}" for i in (0, 1) for j in (0, 1) for part in ("weight", "bias")),
        *("output.weight", "output.bias"),
    ]
    loaded = MultilayerPerceptron.from_state(config, taught.state())
    X = STATISTICS.transform(["LiCl", "Li7La3Zr2O12"])
    np.testing.assert_array_equal(loaded.predict(X), taught.predict(X))


def test_what_is_not_known_of_a_perceptron_is_told() -> None:
    for settings, rule in (
        ({"activation": "tanh"}, "silu or relu|relu or silu"),
        ({"start": "keras"}, "torch or glorot"),
        ({"dropout": (0.1,) * 4}, "more dropouts"),
    ):
        with pytest.raises(InputError, match=rule):
            clone(YAN).set_params(**settings).build(1)
