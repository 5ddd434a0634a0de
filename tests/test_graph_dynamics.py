"""Networks that find states: on lithium whose hops are known, and on what has no states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden import artefact
from leyden.data.trajectory import Trajectory
from leyden.dynamics import (
    CoordinateDynamics,
    Coordinates,
    DynamicsModel,
    GraphDynamics,
    Kinetics,
    choose_states,
    moments,
    why_collapsed,
)
from leyden.dynamics.graph_dynamics import _joined, _tensors
from leyden.dynamics.pairs import PairTable
from leyden.errors import ArtefactError, IncompatibleError, InputError
from leyden.models.distance_table import TABLE_STEP
from leyden.models.graph_convolution import EdgeTensors, GatedConvolution
from leyden.representations.local_environment import Environments, LocalEnvironment
from leyden.simulators.kinetic_monte_carlo import HoppingRun, KineticMonteCarlo

FAST = KineticMonteCarlo(octahedral_ps=60, tetrahedral_ps=30)  # a relaxation of 20 ps
SMALL = LocalEnvironment(neighbours=12, convolutions=2)
SETTINGS: dict[str, Any] = {
    "representation": SMALL,
    "lag_ps": 5.0,
    "width": 8,
    "hidden": 8,
    "epochs": 5,
    "least_steps": 0,
    "batch_size": 1000,
    "learning_rate": 0.02,
    "restarts": 1,
}


class Still:
    """Places that mean nothing: noise, or one place for ever."""

    def __init__(self, frames: int, targets: int = 1, step: float = 1.0, spread: float = 1.0):
        self.frames, self.time_step_ps = frames, step
        self.targets = np.arange(targets)[:, None]
        self.values = spread * np.random.default_rng(0).random((frames, targets, 3))

    def batch(self, frames: np.ndarray) -> np.ndarray:
        return self.values[frames].reshape(-1, 3).astype(np.float32)


@pytest.fixture(scope="module")
def hops() -> HoppingRun:
    return FAST.run(8, random_state=1)


@pytest.fixture(scope="module")
def environments(hops: HoppingRun) -> Environments:
    return SMALL.observe(hops.trajectory, "Li")


@pytest.fixture(scope="module")
def fitted(environments: Environments) -> DynamicsModel:
    return GraphDynamics(**SETTINGS).fit(environments)


def same(first: DynamicsModel, second: DynamicsModel) -> bool:
    a, b = first.module.state_dict(), second.module.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def quick(**changes: Any) -> GraphDynamics:
    return GraphDynamics(**{**SETTINGS, "epochs": 1, "batch_size": 3000, **changes})


# Pairs


@settings(max_examples=40)
@given(
    shapes=st.lists(st.tuples(st.integers(30, 60), st.integers(1, 3)), min_size=1, max_size=3),
    lag=st.integers(1, 4),
    links=st.integers(1, 4),
    fraction=st.floats(0.4, 0.6),
)
def test_every_pair_is_met_once_and_none_crosses_a_border(
    shapes: list[tuple[int, int]], lag: int, links: int, fraction: float
) -> None:
    data = [Still(frames, targets) for frames, targets in shapes]
    table = PairTable.of(data, float(lag), fraction, 1, links)  # type: ignore[arg-type]
    for chains, late in ((table.learning, False), (table.checking, True)):
        met: list[tuple[int, int, int]] = []
        for part in np.array_split(chains, 3):
            if not len(part):
                continue
            picked = table.pick(part)
            where = np.array(
                [
                    (data.index(one), frame, target)  # type: ignore[arg-type]
                    for one, frames in picked.parts
                    for frame in frames
                    for target in range(len(one.targets))
                ]
            )
            first, second = where[picked.earlier], where[picked.later]
            np.testing.assert_array_equal(first[:, [0, 2]], second[:, [0, 2]])
            np.testing.assert_array_equal(second[:, 1] - first[:, 1], lag)
            met += map(tuple, first.tolist())
        cuts = [round(frames * (1 - fraction)) for frames, _ in shapes]
        expected = [
            (number, t, target)
            for number, ((frames, targets), cut) in enumerate(zip(shapes, cuts, strict=True))
            for t in (range(cut + lag, frames - lag) if late else range(cut - lag))
            for target in range(targets)
        ]
        assert sorted(met) == expected
    assert (table.pairs <= links).all()


# The network


def test_a_convolution_of_species_is_the_convolution(environments: Environments) -> None:
    """Bonds worked out once a kind, or each for itself; more atoms than are updated."""
    torch.manual_seed(0)
    batch = environments.batch(np.arange(20))
    steps = np.round(batch.distances / TABLE_STEP)
    batch = batch._replace(distances=(steps * TABLE_STEP).astype(np.float32))
    graph = _joined([batch], [np.arange(2)], 2)
    tensors = _tensors(graph, 2, 8.0)
    assert len(tensors.bonds.near) < tensors.bonds.of_bonds.numel() / 2
    rows, width = graph.neighbours.shape
    from leyden.models.distance_table import looked_up

    kinds, parts, basis = looked_up(graph.distances.ravel() + 1e-6, 8.0)
    edges = EdgeTensors(
        neighbours=torch.from_numpy(graph.neighbours.ravel()),
        edge_offsets=torch.arange(0, rows * width + 1, width),
        kinds=torch.from_numpy(kinds),
        parts=torch.from_numpy(parts),
        basis=basis,
        multiplicities=torch.ones(rows),
        edge_multiplicities=torch.ones(rows * width),
    )
    layer, vectors = GatedConvolution(6, 41), torch.randn(2, 6)
    outcomes = []
    for merged in (True, False):
        torch.manual_seed(1)
        layer.edge_norm.reset_running_stats()
        layer.zero_grad()
        if merged:
            out = layer.of_species(vectors, tensors.species, tensors.bonds)
        else:
            out = layer(vectors[torch.from_numpy(graph.codes)], edges)
        (out * torch.randn_like(out)).sum().backward()
        moved = layer.edge_norm.running_var.clone()
        outcomes.append((out.detach(), layer.linear.weight.grad.clone(), moved))
    assert len(edges.edge_offsets) - 1 < len(graph.codes)
    for found, expected in zip(*outcomes, strict=True):
        torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-4)


def test_trajectories_are_joined_without_a_trace(
    fitted: DynamicsModel, environments: Environments
) -> None:
    """Two trajectories in a batch, hops interleaved: each atom sees its own."""
    other = SMALL.observe(
        KineticMonteCarlo(lithium=2, cells=(2, 1, 1)).run(0.05, random_state=5).trajectory, "Li"
    )
    parts = [(environments, np.array([5, 3])), (other, np.array([7, 7, 1]))]
    with torch.no_grad():
        together = fitted.module(fitted.estimator.inputs(fitted.species, parts))
        apart = [
            fitted.module(fitted.estimator.inputs(fitted.species, [(one, frames[i : i + 1])]))
            for one, frames in parts
            for i in range(len(frames))
        ]
    torch.testing.assert_close(together, torch.cat(apart))


# States


def test_it_finds_the_sites_and_their_exchange(
    hops: HoppingRun, environments: Environments, fitted: DynamicsModel
) -> None:
    unseen = FAST.run(6, random_state=2)
    data = SMALL.observe(unseen.trajectory, "Li")
    found = fitted.states(data)[0]
    agreement = (found == unseen.states).mean()
    assert max(agreement, 1 - agreement) >= 0.97
    kinetics = fitted.kinetics(data, samples=300)
    koopman = kinetics.koopman()
    low, high = koopman.timescales_interval[:, 0]
    assert low < FAST.local_timescale_ps < high
    assert koopman.timescales_ps[0] == pytest.approx(FAST.local_timescale_ps, rel=0.2)
    assert koopman.populations.max() == pytest.approx(FAST.octahedral_population, abs=0.08)
    assert kinetics.ck_test(5).consistent.all()
    assert fitted.score == pytest.approx(1 + np.exp(-2 * 5 / 20), abs=0.1)
    assert not fitted.collapsed


def test_the_model_answers_for_the_trajectories_of_its_fit(fitted: DynamicsModel) -> None:
    memberships = fitted.memberships()[0]
    assert memberships.shape == (8000, 1, 2)
    np.testing.assert_allclose(memberships.sum(2), 1, rtol=1e-5)
    assert fitted.koopman(10.0).lag_ps == 10
    assert fitted.timescales([5.0, 10.0]).timescales_ps.shape == (2, 1)
    assert fitted.ck_test(3).estimated.shape == (3, 2, 2)
    assert fitted.populations().sum() == pytest.approx(1)
    assert fitted.eigenvectors().shape == (2, 2)


def test_equal_seeds_give_equal_bits(environments: Environments) -> None:
    first, second, other = (
        quick(random_state=seed).attempts(environments)[0] for seed in (3, 3, 4)
    )
    assert same(first, second)
    assert not same(first, other)


def test_the_best_restart_is_kept_and_all_are_told(environments: Environments) -> None:
    network = quick(restarts=2, epochs=4, batch_size=1000)
    model = network.fit(environments)
    assert [restart.number for restart in model.restarts] == [0, 1]
    fine = [restart.score for restart in model.restarts if not restart.collapsed]
    assert model.score == max(fine)
    assert model.chosen in (0, 1)
    assert len(model.restarts[0].validation_scores) == 4


def test_saved_and_loaded_it_is_the_same(fitted: DynamicsModel, tmp_path: Any) -> None:
    fitted.save(tmp_path / "a.leyden")
    loaded = DynamicsModel.load(tmp_path / "a.leyden")
    assert same(fitted, loaded)
    assert loaded.restarts == fitted.restarts
    assert loaded.estimator.get_params() == fitted.estimator.get_params()
    with pytest.raises(InputError, match="give them"):
        loaded.koopman()
    loaded.save(tmp_path / "b.leyden")
    assert (tmp_path / "a.leyden").read_bytes() == (tmp_path / "b.leyden").read_bytes()
    artefact.write({"a": 1}, tmp_path / "c.leyden")
    with pytest.raises(ArtefactError, match="no model of the dynamics"):
        DynamicsModel.load(tmp_path / "c.leyden")


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_what_has_no_states_is_no_result(spread: float) -> None:
    still = Still(1500, 2, spread=spread)
    network = CoordinateDynamics(epochs=1, restarts=2, width=8, least_steps=20, lag_ps=3.0)
    with pytest.raises(InputError, match=r"collapsed in each of 2 restarts.*Remedy"):
        network.fit(still)  # type: ignore[arg-type]
    assert all(model.collapsed for model in network.attempts(still))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([[1, 0, 0], [0, 1, 0]], "state 2 has a population"),
        ([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2]], "state 2 hardly changes"),
        ([[0.4, 0.4, 0.2], [0.1, 0.1, 0.8]], "states 0 and 1 cannot be told apart"),
        ([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]], ""),
    ],
)
def test_collapse_is_named(rows: list[list[float]], match: str) -> None:
    chi = torch.tensor(rows, dtype=torch.float64).repeat_interleave(50, 0)
    told = why_collapsed(moments(chi, chi))
    assert match in told
    assert bool(told) == bool(match)


def with_a_rare_state(share: float = 0.002, rate: float = 0.05) -> torch.Tensor:
    """Memberships (T, L, 3) of chains: two common states that exchange, and a rare one."""
    out = rate * share / (1 - share)
    matrix = np.array([[0.97 - out, 0.03, out], [0.03, 0.97 - out, out], [rate / 2, rate / 2, 0]])
    matrix[2, 2] = 1 - rate
    generator = np.random.default_rng(0)
    drawn, borders = generator.random((1000, 300, 1)), matrix.cumsum(1)[:, :-1]
    states = np.empty(drawn.shape[:2], int)
    states[0] = (drawn[0] > [0.5 * (1 - share), 1 - share]).sum(1)
    for t in range(1, len(drawn)):
        states[t] = (drawn[t] > borders[states[t - 1]]).sum(1)
    return torch.eye(3, dtype=torch.float64)[states]


def judged(chi: torch.Tensor, lag: int = 5) -> str:
    return why_collapsed(moments(chi[:-lag].reshape(-1, 3), chi[lag:].reshape(-1, 3)))


def test_a_rare_state_that_exchanges_slowly_is_one() -> None:
    chi = with_a_rare_state()
    assert 0.001 < chi[..., 2].mean() < 0.003
    assert judged(chi) == ""
    found = Kinetics(chi.numpy(), 5.0, samples=50).koopman()
    assert any("state 2 is rare" in warning for warning in found.warnings)


def test_a_rare_state_that_is_never_entered_or_says_nothing_is_none() -> None:
    """A little of a state everywhere, and a state of single frames."""
    common = with_a_rare_state().argmax(2).clamp(max=1)
    pure = torch.eye(3, dtype=torch.float64)
    everywhere = 0.998 * pure[common] + 0.002 * pure[2]
    assert "never entered with certainty" in judged(everywhere)
    single = pure[common]
    single[torch.from_numpy(np.random.default_rng(1).random(common.shape) < 0.002)] = pure[2]
    assert "the VAMP-2 score would fall by no more than" in judged(single)


# Transfer


def with_another_species(run: HoppingRun) -> Trajectory:
    """The last sulfur atom is selenium."""
    old = run.trajectory
    return Trajectory(old.positions, old.cells, (*old.species[:-1], "Se"), old.time_step_ps)


def test_it_starts_from_another_and_frozen_parts_stay_as_they_are(
    fitted: DynamicsModel, environments: Environments
) -> None:
    before = {name: tensor.clone() for name, tensor in fitted.module.state_dict().items()}
    model = quick(learning_rate=0.01).attempts(environments, start=fitted, train="head")[0]
    after = model.module.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"hidden.weight", "hidden.bias", "output.weight", "output.bias"}
    assert not model.notes
    assert all(torch.equal(before[name], t) for name, t in fitted.module.state_dict().items())
    with pytest.raises(InputError, match="matches no parameter"):
        quick().fit(environments, start=fitted, train=["nothing.*"])


def test_species_that_the_start_has_not_met_begin_anew(
    fitted: DynamicsModel, hops: HoppingRun
) -> None:
    mixed = SMALL.observe(with_another_species(hops), "Li")
    with pytest.raises(IncompatibleError, match="not met the species Se"):
        fitted.memberships(mixed)
    model = quick(states=3).attempts(mixed, start=fitted, train="head")[0]
    assert model.species == ("Li", "S", "Se")
    assert "begin anew: Se" in model.notes[0]
    assert "3 states" in model.notes[1]
    vectors = model.module.state_dict()["embedding.weight"]
    assert torch.equal(vectors[:2], fitted.module.state_dict()["embedding.weight"])
    with pytest.raises(IncompatibleError, match="same sizes"):
        quick(width=4).fit(mixed, start=fitted)
    with pytest.raises(IncompatibleError, match="cannot start from a GraphDynamics"):
        CoordinateDynamics(lag_ps=5).fit(Coordinates(hops.trajectory, "Li"), start=fitted)


def test_an_interrupted_fit_goes_on(
    environments: Environments, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second epoch of the second restart; the first is not trained again."""
    network = quick(restarts=2, epochs=2)
    whole = network.attempts(environments)
    calls = 0
    plain: Callable[..., Any] = GraphDynamics.inputs

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 18:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(GraphDynamics, "inputs", failing)
    with pytest.raises(KeyboardInterrupt):
        network.attempts(environments, checkpoint=tmp_path / "run")
    assert (tmp_path / "run.1").exists()
    seen, calls = calls, -1000
    again = network.attempts(environments, checkpoint=tmp_path / "run")
    assert calls + 1000 < seen
    assert all(same(a, b) for a, b in zip(again, whole, strict=True))
    with pytest.raises(IncompatibleError, match="another training"):
        quick(restarts=2, epochs=3).attempts(environments, checkpoint=tmp_path / "run")


# Other parts


def test_two_passes_and_several_trajectories(environments: Environments) -> None:
    models = [
        quick(pooled_batches=3, two_passes=two, batch_size=1000, score="VAMPE").attempts(
            [environments, environments]
        )[0]
        for two in (False, True)
    ]
    one, two = (model.restarts[0].training_scores for model in models)
    assert one == pytest.approx(two, abs=0.02)
    assert len(models[0].memberships()) == 2


def test_coordinates_are_wrapped_fractions(hops: HoppingRun) -> None:
    places = Coordinates(hops.trajectory, [[0, 1]])
    assert places.targets.shape == (1, 2)
    found = places.batch(np.array([3, 100]))
    assert found.shape == (2, 6)
    assert found.min() >= -0.5
    assert found.max() < 0.5
    real = hops.trajectory.positions[[3, 100]][:, :2].reshape(2, 6) / 5.7
    np.testing.assert_allclose((found + 0.5 - real) % 1.0 % 0.9999, 0, atol=2e-4)


def test_coordinates_find_a_double_well() -> None:
    """One atom at either of two places; the other two coordinates are noise."""
    generator = np.random.default_rng(0)
    state = np.cumsum(generator.random(4000) < 0.02) % 2
    positions = generator.normal(0, 0.3, (4000, 1, 3)) + 5
    positions[:, 0, 0] += np.where(state, 1.5, -1.5)
    run = Trajectory(positions, 10 * np.eye(3), ("Li",), 1.0)
    network = CoordinateDynamics(width=16, epochs=3, batch_size=1000, restarts=1, lag_ps=5)
    model = network.fit(Coordinates(run, "Li"))
    found = model.states()[0][:, 0]
    agreement = (found == state).mean()
    assert max(agreement, 1 - agreement) > 0.99
    assert model.koopman().timescales_ps[0] == pytest.approx(-1 / np.log(0.96), rel=0.3)
    pair = Coordinates(Trajectory(np.ones((20, 2, 3)), 10 * np.eye(3), ("Li", "Li"), 1.0), [[0, 1]])
    with pytest.raises(IncompatibleError, match="targets of 1 atoms"):
        model.memberships(pair)


def test_the_number_of_states_is_chosen_by_the_chapman_kolmogorov_test() -> None:
    generator = np.random.default_rng(0)
    state = np.cumsum(generator.random(6000) < 0.02) % 2
    positions = generator.normal(0, 0.3, (6000, 1, 3)) + 5
    positions[:, 0, 0] += np.where(state, 1.5, -1.5)
    run = Coordinates(Trajectory(positions, 10 * np.eye(3), ("Li",), 1.0), "Li")
    network = CoordinateDynamics(width=16, epochs=3, batch_size=1000, restarts=1, lag_ps=5)
    choice = choose_states(network, run, (3, 2))
    assert choice.table["states"].tolist() == [2, 3]
    assert choice.chosen == 2
    assert choice.models[2].estimator.states == 2
    assert network.states == 2
    row = choice.table.iloc[0]
    assert row["ck_consistent"]
    assert row["slowest_ps"] == pytest.approx(24.5, rel=0.3)
    with pytest.raises(InputError, match="at least 2"):
        choose_states(network, run, (1, 2))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"lag_ps": 1.5}, "whole number of frames"),
        ({"lag_ps": 9000.0}, "shorter than the trajectory"),
        ({"lag_ps": 1000.0}, "0 pairs to check by"),
        ({"validation_fraction": 0.0}, "validation_fraction"),
        ({"states": 1}, "at least two states"),
        ({"restarts": 0}, "at least one restart"),
        ({"score": "VAMP7"}, "did you mean"),
    ],
)
def test_bad_settings(change: dict[str, Any], match: str, environments: Environments) -> None:
    with pytest.raises(InputError, match=match):
        quick(**change).fit(environments)


def test_environments_of_another_size_are_refused(environments: Environments) -> None:
    with pytest.raises(IncompatibleError, match="20 neighbours and 2 convolutions"):
        quick(representation=LocalEnvironment()).fit(environments)
    with pytest.raises(InputError, match="at least one trajectory"):
        quick().fit([])
