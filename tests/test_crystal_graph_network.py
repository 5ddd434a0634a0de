"""The crystal graph network: exact against the original, blind to what is no physics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from leyden.data.materials import Crystal
from leyden.errors import InputError
from leyden.models import CrystalGraphNetwork
from leyden.models.distance_table import gaussian_basis
from leyden.models.graph_convolution import gated_convolution
from leyden.representations.crystal_graph import CrystalGraph
from leyden.testing import check_model, tiny_crystals

QUICK = {"width": 16, "hidden": 24, "epochs": 3, "learning_rate": 0.01}
TINY = tiny_crystals(40)
GRAPHS = CrystalGraph().transform(TINY.items)
ENERGY = TINY.targets["energy_eV_per_atom"].to_numpy()


def random_crystal(seed: int, atoms: int = 5) -> Crystal:
    """No two distances are equal."""
    generator = np.random.default_rng(seed)
    grid = np.argwhere(np.ones((2, 2, 2)))[generator.permutation(8)[:atoms]]
    return Crystal(
        numbers=generator.choice([3, 8, 15, 22, 26], atoms),
        frac=(grid + 0.25 * generator.random((atoms, 3))) / 2,
        lattice=5.0 * np.eye(3) + 0.4 * generator.random((3, 3)),
    )


def supercell(crystal: Crystal) -> Crystal:
    """Twice the cell along a, with the atoms in another order."""
    frac = np.vstack([crystal.frac, crystal.frac + np.eye(3)[0]]) / [2, 1, 1]
    order = np.random.default_rng(0).permutation(len(frac))
    return Crystal(
        numbers=np.tile(crystal.numbers, 2)[order],
        frac=frac[order],
        lattice=crystal.lattice * [[2], [1], [1]],
    )


@pytest.fixture(scope="module")
def fitted() -> CrystalGraphNetwork:
    return CrystalGraphNetwork(**QUICK).fit(GRAPHS, ENERGY)


def original(module: nn.Module, batch, atoms: torch.Tensor) -> torch.Tensor:
    """The published network, word by word: concatenate, multiply, gate, sum, pool in a loop."""
    count = len(batch.numbers)
    near = torch.as_tensor(batch.neighbours).view(count, -1)
    u = gaussian_basis(torch.as_tensor(batch.distances), 8.0).view(count, near.shape[1], -1)
    v = F.linear(atoms, module.embedding.weight, module.embedding.bias)
    for layer in module.convolutions:
        z = torch.cat([v[:, None].expand(-1, near.shape[1], -1), v[near], u], dim=2)
        z = layer.edge_norm(layer.linear(z).flatten(0, 1)).view(count, near.shape[1], -1)
        gate, core = z.chunk(2, dim=2)
        v = F.softplus(v + layer.atom_norm((torch.sigmoid(gate) * F.softplus(core)).sum(1)))
    pooled = torch.stack([part.mean(0) for part in v.split(batch.atom_counts.tolist())])
    return module.output(F.softplus(module.hidden(F.softplus(pooled))))


@pytest.mark.parametrize("training", [True, False])
def test_it_equals_the_original_with_equal_weights_and_neighbours(training):
    model = CrystalGraphNetwork(width=16, hidden=24)
    graphs = CrystalGraph(ties="cut", quotient=False).transform(
        [*TINY.items[:12], random_crystal(0)]
    )
    rows = np.arange(13)
    batch, ours = graphs.batch(rows), model.inputs(graphs, rows)
    results = []
    for forward in (
        lambda module: module(ours),
        lambda module: original(module, batch, module.elements[batch.numbers.astype(int)]),
    ):
        torch.manual_seed(0)
        module = model.build(2)
        for norm in (part for part in module.modules() if isinstance(part, nn.BatchNorm1d)):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
        module.train(training)
        out = forward(module)
        out.square().sum().backward()
        gradients = {name: p.grad for name, p in module.named_parameters()}
        results.append((out.detach(), gradients, module.state_dict()))
    (out, gradients, state), (expected, right, right_state) = results
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    # a bias before a batch norm has no gradient but rounding, so none is compared with itself alone
    floor = 1e-2 * max(float(gradient.abs().max()) for gradient in right.values())
    for name, gradient in gradients.items():
        scale = max(float(right[name].abs().max()), floor)
        torch.testing.assert_close(gradient / scale, right[name] / scale, rtol=0, atol=5e-5)
    for name in state:  # the running statistics too
        torch.testing.assert_close(state[name], right_state[name], rtol=1e-4, atol=1e-5)


def test_gradients_are_exact_in_double_precision():
    model = CrystalGraphNetwork()
    graph = model.inputs(CrystalGraph().transform([random_crystal(1, 3)]), np.arange(1))
    norm = nn.BatchNorm1d(4).double()
    torch.manual_seed(0)
    own, other = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    edge = torch.randn(len(graph.basis), 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda a, b, e: gated_convolution(a, b, e, graph, norm), (own, other, edge)
    )


def test_the_basis_is_the_published_one_without_subnormal_numbers():
    basis = gaussian_basis(torch.tensor([0.0, 1.3, 8.0, 11.0]), 8.0).numpy()
    exact = np.exp(-(((np.array([0.0, 1.3, 8.0, 11.0])[:, None] - 0.2 * np.arange(41)) / 0.2) ** 2))
    np.testing.assert_allclose(basis, exact, atol=1e-5, rtol=1e-4)
    assert basis[basis > 0].min() > 1e-17


def test_the_distance_table_is_the_basis_within_the_error_of_a_straight_line():
    crystals = [random_crystal(3), Crystal(np.array([3]), np.zeros((1, 3)), 30.0 * np.eye(3))]
    graphs = CrystalGraph().transform([*TINY.items[:5], *crystals])
    graph = CrystalGraphNetwork().inputs(graphs, np.arange(len(graphs)))
    exact = gaussian_basis(torch.from_numpy(graphs.distances), 8.0)
    found = graph.interpolated(graph.basis)
    assert (found - exact).abs().max() < 1e-3**2 / 8 * 2 / 0.2**2 + 5e-6  # and float32
    assert not found[graphs.distances > 10].any(), "beyond the cutoff there is nothing"
    assert (graphs.distances > 10).any()
    assert len(graph.basis) <= 2 * len(graph.kinds)


@pytest.mark.parametrize("convolution", ["gated", "plain"])
@pytest.mark.parametrize("readout", ["pooled", "additive"])
def test_every_form_keeps_the_contract_of_a_model(convolution, readout):
    model = CrystalGraphNetwork(convolution=convolution, readout=readout, **QUICK)
    check_model(model, GRAPHS, TINY.targets.to_numpy()[:, :2])


def test_predictions_know_no_order_no_origin_and_no_cell(fitted):
    crystals = [random_crystal(seed) for seed in range(4)] + list(TINY.items[:8])
    expected = fitted.predict(CrystalGraph().transform(crystals))
    for same in (
        [Crystal(c.numbers[::-1], c.frac[::-1], c.lattice) for c in crystals],
        [Crystal(c.numbers, c.frac + np.array([0.31, -0.2, 7.0]), c.lattice) for c in crystals],
        [supercell(c) for c in crystals],
    ):
        np.testing.assert_allclose(
            fitted.predict(CrystalGraph().transform(same)), expected, rtol=1e-4, atol=1e-4
        )
    assert np.ptp(expected) > 0.01, "the network must tell these crystals apart"


def test_local_values_add_up_to_the_prediction():
    model = CrystalGraphNetwork(readout="additive", **QUICK).fit(GRAPHS, ENERGY)
    local = model.local_values(GRAPHS)
    assert [len(values) for values in local] == np.diff(GRAPHS.atom_offsets).tolist()
    means = np.array([values.mean() for values in local])
    np.testing.assert_allclose(means, model.predict(GRAPHS), rtol=1e-5, atol=1e-5)
    several = CrystalGraphNetwork(readout="additive", **QUICK)
    several.fit(GRAPHS, TINY.targets.to_numpy())
    assert several.local_values(GRAPHS)[0].shape == (2, 3)


def test_only_an_additive_readout_has_local_values(fitted):
    with pytest.raises(InputError, match="additive"):
        fitted.local_values(GRAPHS)


def test_a_frozen_encoder_keeps_its_batch_norms(fitted):
    tuned = CrystalGraphNetwork(**QUICK).fit(
        GRAPHS, TINY.targets["log10_modulus_GPa"].to_numpy(), start=fitted, train="head"
    )
    before, after = fitted.state(), tuned.state()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved - {"target_mean", "target_scale"} == {
        "hidden.weight", "hidden.bias", "output.weight", "output.bias",
    }  # fmt: skip


def test_a_bad_choice_is_named():
    for options in ({"convolution": "soft"}, {"readout": "sum"}):
        with pytest.raises(InputError, match="choose from"):
            CrystalGraphNetwork(**options).fit(GRAPHS, ENERGY)


def test_no_crystals_give_no_predictions(fitted):
    assert fitted.predict(GRAPHS[:0]).shape == (0,)


def test_it_learns_what_can_be_known():
    data = tiny_crystals(240, random_state=1)
    y = data.targets["energy_eV_per_atom"].to_numpy()
    graphs = CrystalGraph().transform(data.items)
    model = CrystalGraphNetwork(width=24, hidden=32, convolutions=2, epochs=40, batch_size=32)
    model.fit(graphs[:200], y[:200])
    error = np.abs(model.predict(graphs[200:]) - y[200:]).mean()
    assert error < 0.4 * np.abs(y[200:] - y[:200].mean()).mean()


@pytest.mark.parametrize(
    ("rows", "steps", "epochs"), [(40, 0, 3), (40, 8, 3), (40, 25, 9), (10, 25, 25)]
)
def test_few_rows_are_learned_from_often_enough(rows, steps, epochs):
    """Batches of 16: three of 40 rows, one of 10."""
    network = CrystalGraphNetwork(
        **QUICK, batch_size=16, least_steps=steps, validation_fraction=0.0
    )
    network.fit(GRAPHS[:rows], ENERGY[:rows])
    assert len(network.history_.training_loss) == epochs
