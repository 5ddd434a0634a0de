"""VAMP scores of pooled statistics, and the gradient of a pooled loss in two passes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from deeptime.decomposition import VAMP
from deeptime.decomposition.deep import vamp_score as their_score
from deeptime.decomposition.deep import vampnet_loss
from torch import nn

from leyden.dynamics.vamp import PairBatch, VampObjective, moments, vamp_score
from leyden.errors import InputError
from leyden.models.objectives import Regression
from leyden.pooled_gradient import pooled_backward
from leyden.training import Sums, TrainingSettings, train


def features(pairs: int, states: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Softmax features, later ones correlated with earlier ones, not symmetrically."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(pairs, states, generator=generator, dtype=torch.float64)
    noise = torch.randn(pairs, states, generator=generator, dtype=torch.float64)
    return torch.softmax(first, 1), torch.softmax(first.roll(1, 1) + 0.3 * first + noise, 1)


@pytest.mark.parametrize("method", ["VAMP1", "VAMP2"])
@pytest.mark.parametrize("states", [2, 3, 5])
def test_scores_are_those_of_deeptime(method: str, states: int) -> None:
    x, y = features(300, states)
    pooled = moments(x, y)
    assert float(vamp_score(pooled, method)) == pytest.approx(float(their_score(x, y, method)))
    regular = their_score(x, y, method, epsilon=1e-2, mode="regularize")
    assert float(vamp_score(pooled, method, tikhonov=1e-2)) == pytest.approx(float(regular))


def test_vamp_e_is_that_of_deeptime_on_the_data_of_the_model_and_on_others() -> None:
    data, others = features(300, 3), features(300, 3, seed=1)
    theirs, test = (
        VAMP(epsilon=1e-6).fit(tuple(part.numpy() for part in pair)).fetch_model()
        for pair in (data, others)
    )
    here, there = moments(*data), moments(*others)
    assert float(vamp_score(here, "VAMPE")) == pytest.approx(theirs.score("E"))
    assert float(vamp_score(here, "VAMPE")) == pytest.approx(float(vamp_score(here, "VAMP2")))
    told = float(vamp_score(there, "VAMPE", model=here))
    assert told == pytest.approx(theirs.score("E", test_model=test))
    assert told < float(vamp_score(there, "VAMP2")), "functions of other data describe it less well"


def test_regularised_vamp_e_is_that_of_deeptime() -> None:
    """On pairs in both directions: there deeptime 0.4.5 mixes up left and right functions."""
    x, y = features(300, 3)
    x, y = torch.cat([x, y]), torch.cat([y, x])
    theirs = their_score(x, y, "VAMPE", epsilon=1e-2, mode="regularize")
    assert float(vamp_score(moments(x, y), "VAMPE", tikhonov=1e-2)) == pytest.approx(float(theirs))


@pytest.mark.parametrize("states", [2, 3])
def test_gradients_are_those_of_deeptime(states: int) -> None:
    ours, theirs = (
        [part.clone().requires_grad_() for part in features(200, states)] for _ in range(2)
    )
    loss = VampObjective("VAMP2", 1e-4).loss(moments(*ours))
    other = vampnet_loss(*theirs, method="VAMP2", epsilon=1e-4, mode="regularize")
    assert loss.item() == pytest.approx(other.item())
    loss.backward()
    other.backward()
    for mine, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, their.grad, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("method", ["VAMP1", "VAMP2", "VAMPE"])
def test_gradients_are_exact(method: str) -> None:
    x, y = (part.requires_grad_() for part in features(8, 3))
    assert torch.autograd.gradcheck(
        lambda a, b: vamp_score(moments(a, b), method, tikhonov=1e-2), (x, y)
    )


def test_what_never_changes_scores_one() -> None:
    x = torch.full((50, 3), 1 / 3)
    for method in ("VAMP1", "VAMP2", "VAMPE"):
        assert float(vamp_score(moments(x, x), method)) == 1.0
    steady = torch.eye(2).repeat(50, 1)
    assert float(vamp_score(moments(steady, steady))) == pytest.approx(2.0), "nothing is forgotten"


def test_of_memberships_the_mean_is_one_more_singular_function() -> None:
    """Means kept or removed: the same, as rows add up to one."""
    x, y = (part.numpy() for part in features(400, 3))
    inverses = [np.linalg.inv(a.T @ a / len(a)) for a in (x, y)]
    cross = x.T @ y / len(x)
    whole = np.trace(inverses[0] @ cross @ inverses[1] @ cross.T)
    pooled = moments(*map(torch.from_numpy, (x, y)))
    assert float(vamp_score(pooled)) == pytest.approx(whole)


def test_statistics_of_batches_add_up_to_those_of_all() -> None:
    x, y = features(1000, 3)
    parts = [moments(x[i : i + 70], y[i : i + 70]) for i in range(0, 1000, 70)]
    pooled = sum(parts[1:], start=parts[0])
    for found, expected in zip(pooled, moments(x, y), strict=True):
        torch.testing.assert_close(found, expected)


def test_an_unknown_score_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'VAMP"):
        vamp_score(moments(*features(9, 2)), "VAMP3")


NOISE = torch.tensor(np.random.default_rng(0).normal(size=(14_000, 3)), dtype=torch.float32)


@pytest.mark.parametrize("size", [50, 500, 5000])
def test_pure_noise_scores_one_whatever_the_batch(size: int) -> None:
    """Held-out noise, on a network that was trained on noise."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax(1))
    batches: list[float] = []

    class Watched(VampObjective):
        def accumulate(self, module: Any, batch: PairBatch) -> Sums:
            sums = super().accumulate(module, batch)
            batches.append(float(vamp_score(sums).detach()))
            return sums

    def batch(rows: np.ndarray) -> PairBatch:
        places = torch.arange(len(rows))
        inputs = torch.cat([NOISE[rows], NOISE[rows + 1]])
        return PairBatch(inputs, places, places + len(rows))

    settings = TrainingSettings(epochs=1, batch_size=size, learning_rate=5e-3)
    rows, later = np.arange(8000), np.arange(8500, 13_500)
    history = train(module, Watched(tikhonov=1e-4), batch, rows, later, settings)
    assert -history.validation_score[0] == pytest.approx(1.0, abs=0.01)
    if size == 50:
        assert np.mean(batches[-100:]) > 1.1, "which a mean over batches does not see"


class Network(nn.Module):
    """With batch norm and dropout: both passes must meet the same."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.layers(x), 1)


def parts_of_noise() -> list[PairBatch]:
    return [
        PairBatch(NOISE[i : i + 80], torch.arange(40), torch.arange(40, 80))
        for i in range(0, 400, 80)
    ]


def gradients(module: nn.Module) -> list[torch.Tensor]:
    return [p.grad for p in module.parameters() if p.grad is not None]


def test_the_gradient_in_two_passes_is_that_of_the_pooled_loss() -> None:
    torch.manual_seed(1)
    objective, module = VampObjective(), Network().double()
    parts = [part._replace(inputs=part.inputs.double()) for part in parts_of_noise()]
    twin = copy.deepcopy(module)
    torch.manual_seed(2)
    sums = [objective.accumulate(module, part) for part in parts]
    loss = objective.loss(sum(sums[1:], start=sums[0]))
    loss.backward()
    drawn = torch.rand(3)
    torch.manual_seed(2)
    found = pooled_backward(twin, lambda p: objective.accumulate(twin, p), objective.loss, parts)
    assert torch.equal(torch.rand(3), drawn), "random numbers go on as after one pass"
    assert found.item() == loss.item()
    for mine, expected in zip(gradients(twin), gradients(module), strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-9, atol=1e-14)
    for mine, expected in zip(twin.buffers(), module.buffers(), strict=True):
        assert torch.equal(mine, expected), "running statistics move once"
    mean = np.mean([objective.loss(s).item() for s in sums])
    assert abs(mean - loss.item()) > 0.01, "and it is no mean over batches"


def test_training_in_two_passes_is_training() -> None:
    rows = np.arange(300)

    def batch(chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return NOISE[chosen], NOISE[chosen, :1]

    modules = []
    for two_passes in (False, True):
        torch.manual_seed(0)
        module = nn.Sequential(  # a bias before a batch norm has no gradient but rounding
            nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 1)
        )
        module.register_buffer("target_mean", torch.zeros(1))
        module.register_buffer("target_scale", torch.ones(1))
        settings = TrainingSettings(
            epochs=3, batch_size=30, pooled_batches=4, two_passes=two_passes
        )
        history = train(module, Regression("squared"), batch, rows, (), settings)
        modules.append((module.state_dict(), history.training_loss))
    (one, losses), (other, theirs) = modules
    assert losses == pytest.approx(theirs, rel=1e-5)
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-4, atol=1e-6)
