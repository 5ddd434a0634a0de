"""The face that all networks share: starting, freezing, splitting, several and missing targets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from leyden.errors import IncompatibleError, InputError
from leyden.models.network import NetworkModel, TargetModule

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(90, 4)).astype(np.float32)
Y = 100 + 10 * (X[:, 0] - 0.5 * X[:, 1] * X[:, 2])
BOTH = np.c_[Y, -3 * X[:, 3]]


@dataclass(frozen=True)
class Vectors:
    """The trivial representation."""

    kind: ClassVar[str] = "vectors"

    length: int = 4


class Perceptron(NetworkModel):
    """One hidden layer with a batch norm: the smallest network that has what must be frozen."""

    kind: ClassVar[str] = "perceptron"
    head: ClassVar[tuple[str, ...]] = ("output.*",)

    def __init__(
        self,
        representation: Vectors = Vectors(),
        hidden: int = 16,
        task: str = "regression",
        loss: str = "huber",
        epochs: int = 30,
        batch_size: int = 16,
        learning_rate: float = 0.02,
        weight_decay: float = 0.0,
        schedule: str = "one-cycle",
        clip: float | None = 5.0,
        patience: int | None = None,
        validation_fraction: float = 0.2,
        freeze_batch_norm: bool = False,
        random_state: int = 0,
    ) -> None:
        for name, value in list(locals().items()):
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def build(self, targets: int) -> TargetModule:
        return _Perceptron(self.hidden, targets)

    def inputs(self, X: np.ndarray, rows: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(X[rows])


class _Perceptron(TargetModule):
    def __init__(self, hidden: int, targets: int) -> None:
        super().__init__(targets)
        self.encoder = nn.Sequential(nn.Linear(4, hidden), nn.BatchNorm1d(hidden), nn.Tanh())
        self.output = nn.Linear(hidden, targets)

    def encode(self, inputs: Any) -> torch.Tensor:
        return self.encoder(inputs)


@pytest.fixture(scope="module")
def source() -> NetworkModel:
    return Perceptron().fit(X, Y)


def changed(before: NetworkModel, after: NetworkModel) -> set[str]:
    a, b = before.state(), after.state()
    return {n for n in a if not np.array_equal(a[n], b[n]) and not n.startswith("target_")}


def test_it_learns_in_the_unit_of_the_target(source):
    assert np.abs(source.predict(X) - Y).mean() < 0.35 * np.abs(Y - Y.mean()).mean()
    assert source.embed(X).shape == (90, 16)


def test_one_network_does_not_know_its_spread(source):
    mean, std = source.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, source.predict(X))
    assert np.isnan(std).all()


def test_equal_seeds_give_equal_bits(source):
    again = clone(source).fit(X, Y)
    assert not changed(source, again)
    other = clone(source).set_params(random_state=1).fit(X, Y)
    assert changed(source, other)


def test_a_copy_from_config_and_state_predicts_the_same(source):
    config = json.loads(json.dumps(source.config()))
    copy = Perceptron.from_state(config, source.state())
    np.testing.assert_array_equal(copy.predict(X), source.predict(X))
    assert not hasattr(Perceptron.from_state(config, None), "module_")
    with pytest.raises(IncompatibleError, match="kind"):
        Perceptron.from_state({**config, "representation": {"kind": "graph"}}, None)


def test_the_scaler_sees_training_rows_only():
    y = Y.copy()
    model = Perceptron(epochs=1)
    learning, checking = model._inner_split(y[:, None], None)
    assert len(checking) == 18
    y[checking] = 1e6
    fitted = model.fit(X, y)
    assert float(fitted.module_.target_mean[0]) == pytest.approx(Y[learning].mean(), rel=1e-6)
    assert float(fitted.module_.target_scale[0]) == pytest.approx(Y[learning].std(), rel=1e-5)


def test_validation_rows_teach_nothing():
    model = Perceptron(epochs=4, schedule="constant", patience=None)
    _, checking = model._inner_split(Y[:, None], None)
    y = Y.copy()
    y[checking] += 1e3  # a constant error ranks the epochs no less, and must move no weight
    first, second = clone(model).fit(X, Y), clone(model).fit(X, y)
    assert first.history_.training_loss == second.history_.training_loss


def test_groups_are_not_torn_apart():
    groups = np.repeat(np.arange(30), 3)
    learning, checking = Perceptron()._inner_split(Y[:, None], groups)
    assert set(groups[learning]).isdisjoint(groups[checking])
    assert 18 <= len(checking) <= 20
    lone = Perceptron()._inner_split(Y[:, None], np.zeros(90))
    assert [len(part) for part in lone] == [90, 0]


def test_no_validation_part_trains_on_all_rows():
    fitted = Perceptron(validation_fraction=0.0, epochs=3).fit(X, Y)
    assert fitted.history_.validation_score == []
    assert float(fitted.module_.target_mean[0]) == pytest.approx(Y.mean(), rel=1e-6)


def test_starting_moves_all_and_leaves_the_source_alone(source):
    kept = source.state()
    tuned = Perceptron(epochs=2).fit(X[:30], Y[:30] + 5, start=source)
    assert {"encoder.0.weight", "encoder.1.running_mean", "output.weight"} <= changed(source, tuned)
    assert all(np.array_equal(kept[name], array) for name, array in source.state().items())


def test_the_head_moves_and_the_encoder_stays_bit_by_bit(source):
    tuned = Perceptron(epochs=3).fit(X[:30], Y[:30] + 5, start=source, train="head")
    assert changed(source, tuned) == {"output.weight", "output.bias"}
    np.testing.assert_array_equal(tuned.embed(X), source.embed(X))


def test_patterns_choose_what_moves(source):
    tuned = Perceptron(epochs=3).fit(X, Y, start=source, train=["encoder.0.*"])
    assert changed(source, tuned) == {"encoder.0.weight", "encoder.0.bias"}
    with pytest.raises(InputError, match=r"matches no parameter.*convolution"):
        Perceptron().fit(X, Y, start=source, train=["convolution.*"])
    with pytest.raises(InputError, match="matches no parameter"):
        Perceptron().fit(X, Y, learning_rates={"nothing": 0.1})


def test_frozen_batch_norms_stay_while_the_rest_moves(source):
    tuned = Perceptron(epochs=3, freeze_batch_norm=True).fit(X, Y + 1, start=source)
    assert changed(source, tuned) == {
        "encoder.0.weight", "encoder.0.bias", "output.weight", "output.bias",
    }  # fmt: skip


def test_learning_rates_differ_by_pattern(source):
    options = {"start": source, "learning_rates": {"encoder.*": 0.0}}
    tuned = Perceptron(epochs=2).fit(X, Y + 1, **options)
    moved = changed(source, tuned)
    assert "output.weight" in moved
    assert not moved & {"encoder.0.weight", "encoder.0.bias", "encoder.1.weight"}


def test_another_number_of_targets_makes_the_output_anew(source):
    tuned = Perceptron(epochs=2).fit(X, BOTH, start=source, train="head")
    assert tuned.predict(X).shape == (90, 2)
    np.testing.assert_array_equal(tuned.embed(X), source.embed(X))
    with pytest.raises(IncompatibleError, match=r"encoder\.0\.weight"):
        Perceptron(hidden=8).fit(X, Y, start=source)


def test_missing_targets_leave_the_others_alone():
    y = BOTH.copy()
    y[::2, 1] = np.nan
    fitted = Perceptron(epochs=60, validation_fraction=0.0).fit(X, y)
    predicted = fitted.predict(X)
    assert np.isfinite(predicted).all()
    unseen = np.abs(predicted[::2, 1] - BOTH[::2, 1]).mean()
    assert unseen < 0.3 * np.abs(BOTH[:, 1]).mean()


def test_classes_give_probabilities():
    labels = (X[:, 0] > 0).astype(float)
    labels[:5] = np.nan
    fitted = Perceptron(task="classification").fit(X, labels)
    probability = fitted.predict(X)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert ((probability > 0.5) == (X[:, 0] > 0)).mean() > 0.9
    with pytest.raises(InputError, match="0 and 1"):
        Perceptron(task="classification").fit(X, Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(90, np.nan), "no known value"),
        (np.where(np.arange(90) == 4, np.inf, Y), "row 5.*finite"),
        (Y[:-1], "one row of targets each"),
    ],
)
def test_targets_that_cannot_be_learned_are_named(y, message):
    with pytest.raises(InputError, match=message):
        Perceptron().fit(X, y)


def test_other_misuse_is_named(source):
    with pytest.raises(InputError, match="call fit first"):
        Perceptron().predict(X)
    with pytest.raises(InputError, match="two training rows"):
        Perceptron().fit(X[:1], Y[:1])
    with pytest.raises(InputError, match="task"):
        Perceptron(task="ranking").fit(X, Y)
    with pytest.raises(InputError, match="validation_fraction"):
        Perceptron(validation_fraction=1.0).fit(X, Y)


def test_a_constant_target_is_learned_as_it_is():
    fitted = Perceptron(epochs=2).fit(X, np.full(90, 7.0))
    assert np.abs(fitted.predict(X) - 7).max() < 3


def test_a_checkpoint_is_of_its_data(tmp_path):
    path = tmp_path / "fit.pt"
    first = Perceptron(epochs=2).fit(X, Y, checkpoint=path)
    again = Perceptron(epochs=2).fit(X, Y, checkpoint=path)
    assert not changed(first, again)
    with pytest.raises(IncompatibleError, match="another training"):
        Perceptron(epochs=2).fit(X, Y[::-1].copy(), checkpoint=path)
    with pytest.raises(IncompatibleError, match="another training"):
        Perceptron(epochs=2).fit(X[::-1].copy(), Y, checkpoint=path)
