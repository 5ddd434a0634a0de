"""The fused gate against plain torch in double precision, and its own exp, log and friends."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from torch import nn
from torch.nn import functional as F

from leyden.errors import IncompatibleError
from leyden.models import fused_gate as kernel


@njit(error_model="numpy")
def _apply(function: Any, values: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(values)):
        out[i] = function(values[i])


def applied(function: Any, values: Any) -> np.ndarray:
    values = np.asarray(values, np.float32)
    out = np.empty_like(values)
    _apply(function, values, out)
    return out


def problem(
    degrees: list[int], pairs: int, kinds: int, seed: int, repeats: bool = True
) -> dict[str, Any]:
    """Random terms on a random graph with these numbers of edges a node, which may repeat."""
    generator = np.random.default_rng(seed)
    atoms, channels = len(degrees), 2 * pairs

    def draw(*shape: int) -> torch.Tensor:
        return torch.from_numpy(generator.standard_normal(shape).astype(np.float32))

    norm = nn.BatchNorm1d(channels)
    with torch.no_grad():
        norm.weight.copy_(1 + 0.3 * draw(channels))
        norm.bias.copy_(draw(channels))
        norm.running_mean.copy_(draw(channels))
        norm.running_var.copy_(0.5 + draw(channels) ** 2)
    edges = sum(degrees)
    times, counts = (generator.integers(1, top + 1, n) for top, n in ((3, edges), (5, atoms)))
    return {
        "terms": (draw(atoms, channels), draw(atoms, channels), draw(kinds + 1, channels)),
        "graph": kernel.GateGraph(
            generator.integers(0, atoms, edges),
            generator.integers(0, kinds, edges),
            generator.random(edges).astype(np.float32),
            np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64),
            (times if repeats else np.ones(edges)).astype(np.float32),
            (counts if repeats else np.ones(atoms)).astype(np.float32),
        ),
        "norm": norm,
        "upstream": draw(atoms, pairs),
    }


def unmerged(own: Any, other: Any, edge: Any, graph: Any, norm: nn.BatchNorm1d) -> torch.Tensor:
    """The gated sum with every atom and every bond for itself, on plain torch's batch norm."""
    node = np.repeat(np.arange(len(own)), graph.atoms.astype(int))  # of each atom
    bonds, centres = [], []
    for atom, i in enumerate(node):
        edges = np.arange(graph.offsets[i], graph.offsets[i + 1])
        bonds += np.repeat(edges, graph.times[edges].astype(int)).tolist()
        centres += [atom] * (len(bonds) - len(centres))
    neighbours, kinds, parts = (torch.from_numpy(part[bonds]) for part in graph[:3])
    parts = parts.to(own.dtype)[:, None]
    centre = torch.tensor(centres)
    z = own[torch.from_numpy(node)[centre]] + other[neighbours]
    z = z + edge[kinds] * (1 - parts) + edge[kinds + 1] * parts
    gate, core = norm(z).chunk(2, dim=1)
    message = torch.sigmoid(gate) * F.softplus(core)
    total = torch.zeros(len(node), message.shape[1], dtype=own.dtype).index_add(0, centre, message)
    # Equal atoms get equal sums. Each has its part of what comes back to their node.
    shares = 1 / torch.from_numpy(graph.atoms[node]).to(own.dtype)[:, None]
    return torch.zeros(len(own), total.shape[1], dtype=own.dtype).index_add(
        0, torch.from_numpy(node), total * shares
    )


def outcome(case: dict[str, Any], *, fused: bool, training: bool) -> dict[str, np.ndarray]:
    """Output, gradients and running statistics, by the kernel or by plain torch in float64."""
    dtype = torch.float32 if fused else torch.float64
    norm = copy.deepcopy(case["norm"]).to(dtype).train(training)
    own, other, edge = (t.to(dtype, copy=True).requires_grad_() for t in case["terms"])
    if fused:
        out = kernel.fused_gate(own, other, edge, case["graph"], norm)
    else:
        out = unmerged(own, other, edge, case["graph"], norm)
    out.backward(case["upstream"].to(dtype))
    found = {"out": out, "running_mean": norm.running_mean, "running_var": norm.running_var}
    leaves = {"own": own, "other": other, "edge": edge, "gamma": norm.weight, "beta": norm.bias}
    found |= {f"gradient of {name}": leaf.grad for name, leaf in leaves.items()}
    return {name: tensor.detach().double().numpy() for name, tensor in found.items()}


def check(case: dict[str, Any], training: bool) -> None:
    found = outcome(case, fused=True, training=training)
    expected = outcome(case, fused=False, training=training)
    for name, values in expected.items():
        scale = max(float(np.abs(values).max()), 1.0)
        np.testing.assert_allclose(
            found[name], values, rtol=2e-4, atol=2e-5 * scale, err_msg=f"{name}, {training=}"
        )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("degrees", "pairs", "kinds"),
    [
        ([12] * 20, 16, 30),
        ([3, 0, 17, 1, 24, 12, 0], 5, 4),  # ragged, and two atoms without an edge
        ([4, 2], 1, 1),  # one pair of channels
    ],
)
@pytest.mark.parametrize("repeats", [True, False])
def test_it_equals_plain_torch(
    degrees: list[int], pairs: int, kinds: int, training: bool, repeats: bool
) -> None:
    check(problem(degrees, pairs, kinds, 1, repeats), training)


@settings(max_examples=30, deadline=None)
@given(
    degrees=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(lambda d: sum(d) >= 4),
    pairs=st.integers(1, 9),
    kinds=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    training=st.booleans(),
)
def test_it_equals_plain_torch_for_any_shape(
    degrees: list[int], pairs: int, kinds: int, seed: int, training: bool
) -> None:
    case = problem(degrees, pairs, kinds, seed)
    # Edges that are all alike have no variance; what is left of their gradient is rounding.
    case["norm"].eps = 0.1
    check(case, training)


def test_atoms_without_edges_get_nothing_and_give_nothing() -> None:
    case = problem([0, 5, 0, 6], 3, 4, seed=2)
    neighbours = case["graph"].neighbours
    neighbours[:] = np.where(neighbours == 2, 1, neighbours)  # nobody's neighbour, either
    found = outcome(case, fused=True, training=True)
    assert not found["out"][[0, 2]].any()
    assert not found["gradient of own"][[0, 2]].any()
    assert not found["gradient of other"][2].any()
    assert found["gradient of own"][[1, 3]].all()


def test_a_norm_without_running_statistics_is_refused() -> None:
    case = problem([3, 3], 2, 2, seed=0)
    norm = nn.BatchNorm1d(4, track_running_stats=False).eval()
    with pytest.raises(IncompatibleError, match="tracks"):
        kernel.fused_gate(*case["terms"], case["graph"], norm)


@pytest.mark.parametrize("pairs", [1, 2, 16])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_a_number_shows_where_it_is(place: int, pairs: int) -> None:
    """A network that has diverged must not look as if it had not."""
    case = problem([3, 0, 4, 2], pairs, 2, seed=3)
    case["terms"][place][0, :] = np.nan
    case["graph"].kinds[0] = 0  # somebody has the first row, of own, of other and of edge
    case["graph"].neighbours[0] = 0
    for training in (True, False):
        found = outcome(case, fused=True, training=training)
        expected = outcome(case, fused=False, training=training)
        assert np.isnan(expected["out"]).any()
        for name in ("out", "running_mean", "running_var"):
            np.testing.assert_array_equal(np.isnan(found[name]), np.isnan(expected[name]))


EXTREMES = np.concatenate([[0.0, 1e-30, 1e-7], np.geomspace(1e-3, 1e4, 400)])
EXTREMES = np.concatenate([-EXTREMES[::-1], EXTREMES])


@pytest.mark.parametrize(
    ("name", "values", "exact"),
    [
        ("_exp", EXTREMES[EXTREMES <= 0], np.exp),
        ("_log1p", np.concatenate([[0.0, 1e-38], np.geomspace(1e-12, 1, 400)]), np.log1p),
        ("_sigmoid", EXTREMES, lambda x: np.exp(-np.logaddexp(0, -x))),
        ("_softplus", EXTREMES, lambda x: np.logaddexp(0, x)),
    ],
)
def test_elementary_functions(name: str, values: np.ndarray, exact: Any) -> None:
    values = np.asarray(values, np.float32)
    found = applied(getattr(kernel, name), values)
    assert np.isfinite(found).all()
    # Below exp(-87), at the end of float32, the answer is the least normal number or so.
    np.testing.assert_allclose(found, exact(values.astype(float)), rtol=6e-7, atol=1.7e-38)


@pytest.mark.parametrize("name", ["_exp", "_log1p", "_sigmoid", "_softplus"])
def test_elementary_functions_hand_nan_on(name: str) -> None:
    assert np.isnan(applied(getattr(kernel, name), [np.nan])).all()
