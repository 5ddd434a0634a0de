"""The quotient of a crystal graph: exact, as small as symmetry allows, blind to the cell chosen."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from leyden.data.materials import Crystal
from leyden.errors import InputError
from leyden.models import CrystalGraphNetwork
from leyden.models.distance_table import gaussian_basis
from leyden.models.graph_convolution import GraphTensors
from leyden.models.weighted_norm import weighted_norm
from leyden.representations import CrystalGraph, CrystalGraphs
from leyden.representations.symmetry import MERGE_TOLERANCE, quotient
from leyden.testing import tiny_crystals

MERGED, WHOLE = CrystalGraph(), CrystalGraph(quotient=False)
SALT = Crystal.from_parameters(
    (5.64, 5.64, 5.64, 90, 90, 90),
    ["Na"] * 4 + ["Cl"] * 4,
    [
        *([0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]),
        *([0.5, 0.5, 0.5], [0, 0, 0.5], [0, 0.5, 0], [0.5, 0, 0]),
    ],
)


def triclinic(seed: int, atoms: int) -> Crystal:
    """No symmetry but translation: no two distances are equal but those of a bond's two ends."""
    generator = np.random.default_rng(seed)
    grid = np.argwhere(np.ones((2, 2, 2)))[generator.permutation(8)[:atoms]]
    return Crystal(
        generator.choice([3, 8, 26], atoms),
        (grid + 0.4 * generator.random((atoms, 3))) / 2,
        5.0 * np.eye(3) + generator.uniform(-0.5, 0.5, (3, 3)),
    )


def supercell(crystal: Crystal, times: tuple[int, int, int], seed: int) -> Crystal:
    """Many cells as one, from another origin, its atoms in random order."""
    generator = np.random.default_rng(seed)
    shifts = np.array(list(np.ndindex(*times)))
    frac = (crystal.frac[None] + shifts[:, None]).reshape(-1, 3) / times + generator.random(3)
    order = generator.permutation(len(frac))
    return Crystal(
        np.tile(crystal.numbers, len(shifts))[order],
        frac[order],
        crystal.lattice * np.array(times)[:, None],
    )


def bonds(graphs: CrystalGraphs) -> int:
    atoms = np.repeat(graphs.multiplicities, np.diff(graphs.edge_offsets))
    return int(atoms @ graphs.edge_multiplicities)


def doubled(graph: GraphTensors) -> GraphTensors:
    """The same in double precision."""
    floats = {
        field.name: value.double()
        for field in dataclasses.fields(graph)
        if (value := getattr(graph, field.name)).dtype == torch.float32
    }
    return dataclasses.replace(graph, **floats)


def outcome(
    model: CrystalGraphNetwork, graphs: CrystalGraphs, *, double: bool, training: bool
) -> dict[str, torch.Tensor]:
    """Output, gradients and running statistics of a network with lively batch norms."""
    torch.manual_seed(0)
    module = model.build(2).train(training)
    for norm in (part for part in module.modules() if isinstance(part, nn.BatchNorm1d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    inputs = model.inputs(graphs, np.arange(len(graphs)))
    if double:
        module, inputs = module.double(), doubled(inputs)
    out = module(inputs)
    out.square().sum().backward()
    found = {"out": out.detach()}
    found |= {f"gradient of {name}": p.grad for name, p in module.named_parameters()}
    found |= {name: value for name, value in module.state_dict().items() if "running" in name}
    return {name: tensor.double() for name, tensor in found.items()}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("convolution", ["gated", "plain"])
@pytest.mark.parametrize("readout", ["pooled", "additive"])
def test_the_network_on_the_quotient_is_the_network(convolution, readout, training):
    items = [
        *tiny_crystals(9).items,
        SALT,
        triclinic(1, 5),
        supercell(triclinic(2, 3), (2, 1, 2), 0),
    ]
    model = CrystalGraphNetwork(width=16, hidden=24, convolution=convolution, readout=readout)
    right = outcome(model, WHOLE.transform(items), double=True, training=training)
    floor = 1e-2 * max(float(v.abs().max()) for k, v in right.items() if "gradient" in k)
    for double, tolerance in ((True, 1e-6), (False, 1e-4)):
        found = outcome(model, MERGED.transform(items), double=double, training=training)
        for name, values in right.items():
            scale = max(float(values.abs().max()), floor if "gradient" in name else 1.0)
            torch.testing.assert_close(
                found[name] / scale, values / scale, rtol=0, atol=tolerance, msg=f"{name}, {double}"
            )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    atoms=st.integers(1, 5),
    times=st.tuples(*[st.integers(1, 3)] * 3),
)
def test_a_supercell_has_the_quotient_of_its_cell(seed, atoms, times):
    cell = triclinic(seed, atoms)
    one, many = (MERGED.transform([c]) for c in (cell, supercell(cell, times, seed)))
    assert len(one.numbers) == len(many.numbers) <= atoms
    assert sorted(one.multiplicities * np.prod(times)) == sorted(many.multiplicities)
    assert len(many.node_of_atom) == atoms * np.prod(times)
    # Nodes and edges may stand in another order, so they are compared by the bonds that they are.
    seen = [
        sorted(
            (int(g.numbers[i]), *np.sort(np.repeat(g.distances[a:b], g.edge_multiplicities[a:b])))
            for i, (a, b) in enumerate(zip(g.edge_offsets[:-1], g.edge_offsets[1:], strict=True))
        )
        for g in (one, many)
    ]
    for a, b in zip(*seen, strict=True):
        assert a == pytest.approx(b, abs=2e-4)


def test_without_symmetry_nothing_is_merged():
    crystals = [triclinic(seed, 6) for seed in range(5)]
    merged, whole = MERGED.transform(crystals), WHOLE.transform(crystals)
    assert np.array_equal(merged.numbers, whole.numbers)
    assert np.array_equal(merged.node_of_atom, whole.node_of_atom)
    assert np.array_equal(merged.edge_offsets, whole.edge_offsets)
    np.testing.assert_allclose(merged.distances, whole.distances, atol=1e-6)
    assert set(merged.multiplicities) == set(merged.edge_multiplicities) == {1}


def test_rock_salt_is_two_nodes_and_four_edges():
    graphs = MERGED.transform([SALT, supercell(SALT, (2, 1, 1), 3)])
    assert graphs.multiplicities.tolist() == [4, 4, 8, 8]
    assert sorted(graphs.numbers[:2]) == [11, 17]
    assert graphs.edge_multiplicities.tolist() == [6, 12] * 4
    np.testing.assert_allclose(graphs.distances, [2.82, 2.82 * np.sqrt(2)] * 4, atol=1e-5)
    for crystal, elements in zip((SALT, supercell(SALT, (2, 1, 1), 3)), (0, 1), strict=True):
        one = graphs[elements]
        assert np.array_equal(one.numbers[one.node_of_atom], crystal.numbers)


def test_no_bond_and_no_atom_is_lost():
    items = [*tiny_crystals(12).items, SALT, triclinic(0, 7)]
    merged, whole = MERGED.transform(items), WHOLE.transform(items)
    assert bonds(merged) == bonds(whole) == len(whole.neighbours)
    assert merged.multiplicities.sum() == len(whole.numbers)
    assert np.array_equal(merged.atom_offsets, whole.atom_offsets)
    # A node has as many atoms as the map says, and a bond is seen from both of its ends.
    for one in (merged[row] for row in range(len(merged))):
        assert np.array_equal(np.bincount(one.node_of_atom), one.multiplicities)
    seen = Counter()
    batch = merged.batch(np.arange(len(merged)))
    for i, j, times in zip(batch.centres, batch.neighbours, batch.edge_multiplicities, strict=True):
        seen[i, j] += int(batch.multiplicities[i] * times)
    assert all(seen[i, j] > 0 for j, i in seen)


def test_a_path_needs_as_many_rounds_as_it_is_long():
    """The ends of a path of equal bonds are told apart first, its middle last."""
    ends = [[1], *[[i - 1, i + 1] for i in range(1, 8)], [7]]
    merged = quotient(
        np.full(9, 6), [0, 9], np.cumsum([0, *map(len, ends)]), np.concatenate(ends), np.ones(16)
    )
    assert merged.node_of_atom.tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0]
    assert merged.multiplicities.tolist() == [2, 2, 2, 2, 1]
    assert merged.edge_counts.tolist() == [1, 2, 2, 2, 1]
    assert merged.edge_multiplicities.tolist() == [1, 1, 1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(("shift", "nodes"), [(0.3, 1), (3.0, 2)])
def test_distances_are_equal_within_the_tolerance(shift, nodes):
    """Two atoms, each bound to itself; a merged distance is the mean."""
    far = 2.0 + shift * MERGE_TOLERANCE
    merged = quotient(np.array([8, 8]), [0, 2], [0, 1, 2], [0, 1], [2.0, far])
    assert len(merged.numbers) == nodes
    assert merged.distances == pytest.approx([np.mean([2.0, far])] if nodes == 1 else [2.0, far])


def test_local_values_are_of_atoms_in_the_order_of_the_crystal():
    data = tiny_crystals(30)
    y = data.targets["energy_eV_per_atom"].to_numpy()
    model = CrystalGraphNetwork(width=8, hidden=8, epochs=2, readout="additive")
    model.fit(MERGED.transform(data.items), y)
    crystals = [SALT, supercell(SALT, (1, 2, 1), 1), triclinic(3, 5)]
    graphs = MERGED.transform(crystals)
    local = model.local_values(graphs)
    means = np.array([values.mean() for values in local])
    assert np.abs(means - model.predict(graphs)).max() < 1e-6
    whole = model.local_values(WHOLE.transform(crystals))
    for crystal, values, expected in zip(crystals, local, whole, strict=True):
        assert len(values) == len(crystal)
        np.testing.assert_allclose(values, expected, atol=2e-5)
    assert np.ptp(local[0]) > 1e-4, "sodium is not chlorine"
    assert model.local_values(graphs[:0]) == []


def test_weighted_norm_is_the_norm_of_repeated_rows():
    torch.manual_seed(0)
    x, times = torch.randn(7, 3, dtype=torch.float64), torch.tensor([1, 4, 2, 1, 1, 3, 9])
    ours, theirs = (nn.BatchNorm1d(3).double() for _ in range(2))
    for _ in range(2):
        found = weighted_norm(ours, x, times)
        expected = theirs(x.repeat_interleave(times, 0))
        torch.testing.assert_close(found.repeat_interleave(times, 0), expected)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(weighted_norm(ours.eval(), x, times), theirs.eval()(x))


class Charged(CrystalGraph):
    """A crystal graph with two conditions."""

    conditions: ClassVar[int] = 2


def test_conditions_change_what_is_predicted_and_are_learnt():
    graphs = MERGED.transform([*tiny_crystals(5).items, SALT])
    values = np.random.default_rng(0).standard_normal((6, 2))
    model = CrystalGraphNetwork(Charged(), width=8, hidden=8)
    torch.manual_seed(0)
    module = model.build(1).eval()
    outputs = []
    for conditions in (values, values + np.array([0, 1])):
        inputs = model.inputs(graphs.with_conditions(conditions), np.arange(6))
        outputs.append(module(inputs))
    assert (outputs[0] - outputs[1]).abs().min() > 1e-5
    outputs[1].square().sum().backward()
    assert module.condition_layer.weight.grad.abs().min() > 0
    with torch.no_grad():  # to a crystal of equal conditions nothing happens
        rows = model.inputs(graphs.with_conditions(values + np.array([0, 1]))[[3, 0]], np.arange(2))
        torch.testing.assert_close(module(rows), outputs[1].detach()[[3, 0]])


def test_conditions_are_one_finite_row_a_crystal():
    graphs = MERGED.transform([SALT, SALT])
    assert graphs.conditions.shape == (2, 0)
    assert CrystalGraphs.concatenate([graphs.with_conditions(np.eye(2))] * 2).conditions.shape == (
        4,
        2,
    )
    with pytest.raises(InputError, match="one row"):
        graphs.with_conditions(np.zeros((3, 1)))
    with pytest.raises(InputError, match="row 2"):
        graphs.with_conditions(np.array([[0.0], [np.nan]]))
    with pytest.raises(InputError, match="0 conditions"):
        CrystalGraphNetwork().inputs(graphs.with_conditions(np.eye(2)), np.arange(2))


def test_without_conditions_there_is_no_layer_for_them():
    names = CrystalGraphNetwork(width=4, hidden=4).build(1).state_dict()
    assert not [name for name in names if "condition" in name]


def test_merging_moves_no_distance_beyond_what_float32_can_see():
    """Noise of a tenth of the tolerance on rock salt: its basis changes by rounding only."""
    noise = np.random.default_rng(0).uniform(-1, 1, (8, 3)) * 0.02 * MERGE_TOLERANCE / 5.64
    graphs = MERGED.transform([Crystal(SALT.numbers, SALT.frac + noise, SALT.lattice)])
    assert len(graphs.numbers) == 2
    exact = gaussian_basis(torch.tensor([2.82, 2.82 * np.sqrt(2)]), 8.0)
    found = gaussian_basis(torch.from_numpy(graphs.distances[:2].astype(float)), 8.0)
    torch.testing.assert_close(found, exact, atol=1e-5, rtol=0, check_dtype=False)
