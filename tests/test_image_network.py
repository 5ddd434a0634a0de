"""The image network: its fast gradient, its penalty and schedules, what it learns and carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from torch.nn import functional as F

import leyden as ly
from leyden import artefact
from leyden.data.dataset import Dataset
from leyden.data.ions import IonPair
from leyden.errors import IncompatibleError, InputError
from leyden.models import ImageNetwork
from leyden.models.convolution import PooledConvolution
from leyden.models.image_network import FASTER, MIXED, PUBLISHED, SMALL
from leyden.models.vectors import NetworkEmbedding
from leyden.representations import Depiction
from leyden.testing import check_model, check_strategy
from leyden.training import TrainingSettings

TINY = ImageNetwork(channels=(4, 8), widths=(16,), epochs=3, dropout=0.0)
ALCOHOLS = [f"{'C' * n}{end}" for n in range(2, 14) for end in ("O", "N", "F", "Cl")]
PAIRS = [
    IonPair(f"{'C' * n}[n+]1ccn(C)c1", anion)
    for n in range(1, 9)
    for anion in ("[Cl-]", "[Br-]", "F[B-](F)(F)F")
]


def table(items: list, name: str = "tiny", column: str = "boiling_point_K") -> Dataset:
    """A property that is linear in the number of carbons, with a step for the end group."""
    texts = [item if isinstance(item, str) else item.smiles for item in items]
    y = [300.0 + 10 * text.count("C") + 40 * ("O" in text) for text in texts]
    return Dataset(name, np.array(texts), tuple(items), pd.DataFrame({column: y}))


DATA = table(ALCOHOLS)
X = Depiction().transform(ALCOHOLS)


def reference(x: torch.Tensor, layer: PooledConvolution) -> torch.Tensor:
    """Convolution, ReLU, pooling, as torch has them."""
    filtered = F.conv2d(x.permute(0, 3, 1, 2), layer.weight, layer.bias, padding=1)
    return F.max_pool2d(filtered.relu(), layer.pool).permute(0, 2, 3, 1)


@settings(max_examples=15)
@given(
    st.integers(1, 3),
    st.integers(5, 13),
    st.integers(5, 16),
    st.sampled_from([1, 3]),
    st.sampled_from([2, 5]),
    st.integers(0, 10**6),
)
def test_the_gradient_of_a_pooled_convolution(
    n: int, rows: int, columns: int, before: int, pool: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, rows, columns, before, generator=generator)
    x[:, : rows // 2] = 0  # squares without ink
    layer = PooledConvolution(before, 4, pool)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        layer.bias.normal_(generator=generator)
    for inputs in (x, x.clone().requires_grad_()):
        found, expected = layer(inputs), reference(inputs, layer)
        torch.testing.assert_close(found, expected)
        upstream = torch.randn(found.shape, generator=generator)
        wanted = [layer.weight, layer.bias, *([inputs] if inputs.requires_grad else [])]
        ours = torch.autograd.grad((found * upstream).sum(), wanted)
        theirs = torch.autograd.grad((expected * upstream).sum(), wanted)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_weights_start_as_in_keras() -> None:
    module = clone(TINY).set_params(channels=(32, 64), widths=(128,)).fit(X[:4], DATA.y[:4])
    fresh = module.build(1)
    for name, parameter in fresh.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all()
    first = fresh.convolutions[0].weight
    limit = (6 / (9 * 3 + 9 * 32)) ** 0.5  # Glorot: fans are taps times channels
    assert 0.95 * limit < first.abs().max() <= limit
    assert first.detach().std().item() == pytest.approx(limit / 3**0.5, rel=0.1)
    dense = fresh.dense()[0].weight
    assert dense.shape == (128, 64 * 2 * 4)  # 50 x 100 pixels, pooled twice
    assert 0.99 * (6 / 640) ** 0.5 < dense.abs().max() <= (6 / 640) ** 0.5


def test_the_penalty_is_that_of_a_network_on_targets_in_their_own_unit() -> None:
    """Keras: mean squared error of degrees plus l2 times the squares of the hidden weights."""
    model = clone(TINY).set_params(l2=0.3, widths=(16, 8)).fit(X, DATA.y)
    module, rows = model.module_, np.arange(12)
    truth = torch.tensor(DATA.y[rows, None], dtype=torch.float32)
    objective = model._objective()
    loss = objective.loss(objective.accumulate(module, (model.inputs(X, rows), truth)))
    squares = sum(block[0].weight.square().sum().item() for block in module.hidden)
    degrees = np.mean((model.predict(X[rows]) - DATA.y[rows]) ** 2) + 0.3 * squares
    assert loss.item() * DATA.y.var() == pytest.approx(degrees, rel=1e-4)
    loss.backward()
    assert module.output.weight.grad is not None
    bold = clone(TINY).set_params(epochs=10, learning_rate=2e-2)
    strong, none = (clone(bold).set_params(l2=l2).fit(X, DATA.y) for l2 in (1e4, 0.0))
    sizes = [float(m.module_.dense()[0].weight.norm()) for m in (strong, none)]
    assert sizes[0] < 0.5 * sizes[1]


def test_a_validation_score_knows_no_penalty() -> None:
    model = clone(TINY).set_params(l2=1e6, validation_fraction=0.3, epochs=1).fit(X, DATA.y)
    assert model.history_.validation_score[0] < 3 < model.history_.training_loss[0]


def test_the_published_schedules() -> None:
    source = TrainingSettings(**PUBLISHED["source"])
    assert source.epochs == 40
    assert source.learning_rate == 1e-3
    assert source.rate(0.0, 0) == 1
    assert source.rate(1.0, 2800) == pytest.approx(0.1**0.56)
    assert [PUBLISHED[name]["epochs"] for name in ("melting", "clearing", "ammonium")] == [
        500,
        1000,
        300,
    ]
    model = ImageNetwork(**MIXED, **PUBLISHED["clearing"])
    assert (model.batch_size, model.l2, model.dropout, model.clip) == (32, 0.3, 0.3, None)
    assert model.weight_decay == 0
    assert model.loss == "squared"
    for name in PUBLISHED:
        assert FASTER[name].keys() == PUBLISHED[name].keys()
        assert FASTER[name]["epochs"] < PUBLISHED[name]["epochs"]
    parameters = [
        sum(p.numel() for p in ImageNetwork(**layers).build(1).parameters())
        for layers in (SMALL, MIXED)
    ]
    assert parameters[0] < parameters[1] / 4


def test_the_rate_falls_by_steps_of_the_optimiser() -> None:
    """Ten epochs of two batches with a rate that falls to nothing after the third step."""
    model = clone(TINY).set_params(schedule="exponential", decay_steps=1, learning_rate=1e-2)
    few = [clone(model).set_params(epochs=epochs).fit(X, DATA.y) for epochs in (4, 20)]
    for a, b in zip(*(m.module_.parameters() for m in few), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)
    with pytest.raises(InputError, match="decay_steps"):
        TrainingSettings(schedule="exponential", decay_steps=0)


def test_it_learns_what_a_picture_tells() -> None:
    order = np.random.default_rng(0).permutation(len(DATA))
    model = ImageNetwork(**SMALL, epochs=120, learning_rate=4e-3)
    taught, new = order[:36], order[36:]
    error = np.abs(model.fit(X[taught], DATA.y[taught]).predict(X[new]) - DATA.y[new]).mean()
    assert error < 0.4 * np.abs(DATA.y[new] - DATA.y[taught].mean()).mean()


@pytest.mark.parametrize("case", [Depiction("chemception"), Depiction(rotations=2)], ids=repr)
def test_contract(case: Depiction) -> None:
    model = clone(TINY).set_params(representation=case)
    check_model(model, case.transform(ALCOHOLS[:16]), DATA.y[:16])
    both = np.stack([DATA.y, -DATA.y], axis=1)[:16]
    both[3, 1] = np.nan
    model.fit(case.transform(ALCOHOLS[:16]), both)
    assert model.predict(case.transform(ALCOHOLS[:3])).shape == (3, 2)


def test_classes() -> None:
    model = clone(TINY).set_params(task="classification", l2=1e-3)
    chance = model.fit(X, ["O" in item for item in ALCOHOLS]).predict(X)
    assert ((chance > 0) & (chance < 1)).all()


def test_the_scale_is_of_training_rows_and_is_inherited() -> None:
    numbers = Depiction("chemception")
    pictures = numbers.transform(["CCO", "CCBr", "CCCC", "CCN"])
    model = clone(TINY).set_params(representation=numbers).fit(pictures[2:], np.arange(2.0))
    assert float(model.module_.ink) == 7  # nitrogen; bromine is not among the training rows
    on = clone(model).fit(pictures, np.arange(4.0), start=model)
    assert float(on.module_.ink) == 7
    assert float(clone(model).fit(pictures, np.arange(4.0)).module_.ink) == 35


def test_empty_paper_is_zero_in_both_encodings() -> None:
    module = clone(TINY).fit(X, DATA.y).module_
    blank = torch.full((1, 50, 100, 3), 255, dtype=torch.uint8)
    seen = []
    module.convolutions.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module.encode(blank)
    assert (seen[0] == 0).all()


def test_rotations_teach_and_do_not_predict() -> None:
    case = Depiction(rotations=3)
    turned = case.transform(ALCOHOLS)
    model = clone(TINY).set_params(representation=case, epochs=5).fit(turned, DATA.y)
    np.testing.assert_array_equal(model.predict(turned), model.predict(turned[:, 0]))
    upright = clone(TINY).set_params(epochs=5).fit(X, DATA.y)
    assert not np.allclose(model.predict(X), upright.predict(X))


def test_strategies_keep_their_contract() -> None:
    few = table(PAIRS[:12], "pairs", "melting_point_K")
    chain = [few, table(ALCOHOLS[20:30], "melting", "melting_point_K")]
    settings = {"epochs": 2, "schedule": "constant"}
    target = DATA.take(slice(0, 14))
    check_strategy(ly.FineTune(TINY, chain, settings=settings), target)
    check_strategy(ly.FrozenEmbedding(TINY, few), target)


def test_the_first_convolution_can_stand_still() -> None:
    """Published for mixed melting temperatures."""
    source = clone(TINY).fit(X, DATA.y)
    moving = ["convolutions.1.*", *ImageNetwork.head]
    on = clone(TINY).fit(X, -DATA.y, start=source, train=moving)
    before, after = source.module_.state_dict(), on.module_.state_dict()
    assert torch.equal(before["convolutions.0.weight"], after["convolutions.0.weight"])
    assert not torch.equal(before["convolutions.1.weight"], after["convolutions.1.weight"])
    head = clone(TINY).fit(X, -DATA.y, start=source, train="head").module_.state_dict()
    assert torch.equal(before["convolutions.1.weight"], head["convolutions.1.weight"])


def test_a_saved_network_predicts_the_same(tmp_path: Path) -> None:
    taught = clone(TINY).set_params(representation=Depiction(blur=3)).fit(X, DATA.y)
    artefact.write(NetworkEmbedding(taught), tmp_path / "saved")
    loaded = artefact.read(tmp_path / "saved").model
    np.testing.assert_array_equal(loaded.predict(X), taught.predict(X))
    np.testing.assert_array_equal(loaded.embed(X), taught.embed(X))
    assert loaded.representation == Depiction(blur=3)
    assert taught.embed(X).shape == (48, 16)


def test_a_predictor_keeps_its_bad_rows(tmp_path: Path) -> None:
    fitted = ly.FromScratch(TINY).fit(DATA.take(slice(0, 16)))
    fitted.to_predictor().save(tmp_path / "saved")
    rows = ly.Predictor.load(tmp_path / "saved").predict(["CCO", "C" * 400, PAIRS[0]])
    assert rows["boiling_point_K"].notna().tolist() == [True, False, True]
    assert "must fit" in rows["error"][1]


def test_what_cannot_be_built_is_told() -> None:
    y = DATA.y
    with pytest.raises(InputError, match="one or two convolutions"):
        clone(TINY).set_params(channels=(4, 4, 4)).fit(X, y)
    with pytest.raises(InputError, match="hidden layer"):
        clone(TINY).set_params(widths=()).fit(X, y)
    taught = clone(TINY).fit(X, y)
    with pytest.raises(IncompatibleError, match="differ"):
        clone(TINY).set_params(channels=(4, 4)).fit(X, y, start=taught)
    with pytest.raises(InputError, match="at least two"):
        clone(TINY).fit(X[:1], y[:1])
    assert len(replace(DATA, _root=None)) == len(y)
