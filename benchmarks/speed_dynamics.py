"""Training of graph dynamical networks: against the original data path, and against deeptime.

    OMP_NUM_THREADS=1 python benchmarks/speed_dynamics.py [--frames 20000] [--steps 10] [--quick]

Prints one JSON object. Lithium hops in sulfur (`KineticMonteCarlo`: one target among five atoms);
20 neighbours, 2 convolutions, width 16, 2 states. Four arms train on the same pairs (t, t + lag),
as many a step of the optimiser, for as many epochs, and look at the same later pairs after each:

``ours``
    `GraphDynamics.fit`, one restart, from packed environments to a finished model.
``original``
    The data path and network of the original code, rewritten (`original_gdynet.py`).
``deeptime``
    `deeptime.decomposition.deep.VAMPNet` of equal hidden widths, trained as its documentation does
    (`TrajectoryDataset`, `DataLoader`, `fit`). Its lobe is an MLP, and sees what can be given to a
    network without a graph: the 20 distances and species around the target, a flat row. That is no
    graph network: it sees nothing of the neighbours' own surroundings, and does a small part of
    the arithmetic (the dense network of ``original`` does some 300 times as much).
``deeptime_same_lobe``
    The same VAMPNet with our network as its lobe, and our packed environments behind it: its data
    are the numbers of frames. What is left of the difference is the training around the network.

A training pair counts as two environments in each arm; pairs that are only looked at, after each
epoch, count nowhere, but their time counts everywhere. We evaluate fewer: a frame that several
pairs of a batch share is evaluated once; ``environments_evaluated_per_second`` counts those.
Preparation (neighbours, rows, features) is done before, and not counted in any arm. Times are CPU
seconds of the process, taken in turn, several times; speeds are medians, and a ratio is the median
of the ratios of each round, with the least and greatest. Scores are VAMP-2 of the later pairs after
this much training: too little for any of the arms to be finished.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import original_gdynet
import torch
from deeptime.decomposition.deep import VAMPNet
from deeptime.util.data import TrajectoryDataset
from deeptime.util.torch import MLP
from torch import nn
from torch.utils.data import DataLoader

from leyden.data.trajectory import Trajectory
from leyden.dynamics import GraphDynamics, moments, vamp_score
from leyden.dynamics.pairs import PairTable
from leyden.representations.local_environment import Environments, LocalEnvironment
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

NEIGHBOURS, CONVOLUTIONS, PS_A_FRAME, LAG_PS = 20, 2, 1.0, 10.0


@dataclasses.dataclass
class Task:
    """What all arms share."""

    model: GraphDynamics
    environments: Environments
    frames: original_gdynet.Frames
    flat: np.ndarray
    learning: np.ndarray
    checking: np.ndarray
    lag: int
    size: int
    epochs: int
    evaluated: int

    def score(self, states: Callable[[np.ndarray], torch.Tensor]) -> float:
        """VAMP-2 of the later pairs, from what gives the memberships of frames."""
        with torch.no_grad():
            pairs = moments(states(self.checking), states(self.checking + self.lag))
        return float(vamp_score(pairs))


def prepared(options: argparse.Namespace) -> Task:
    """Trajectory, environments, and the pairs that `GraphDynamics` learns from and looks at."""
    run = KineticMonteCarlo().run(options.frames * PS_A_FRAME / 1000, random_state=1).trajectory
    model = GraphDynamics(
        LocalEnvironment(NEIGHBOURS, CONVOLUTIONS), states=2, lag_ps=LAG_PS, width=16, hidden=16,
        epochs=1, least_steps=options.steps, restarts=1,
    )  # fmt: skip
    environments = model.representation.observe(run)
    table = model._table([environments])
    settings = model._settings(table, 0)
    learning, checking = (starts(table, side) for side in (table.learning, table.checking))
    steps = -(-len(table.learning) // settings.batch_size)
    frames = every_row(run)
    evaluated = sum(
        len(one_frames)
        for part in np.array_split(table.learning, steps)
        for _, one_frames in table.pick(part).parts
    )
    return Task(
        model, environments, frames, flattened(frames), learning, checking, table.lags[0],
        -(-len(learning) // steps), settings.epochs, evaluated,
    )  # fmt: skip


def starts(table: PairTable, chains: np.ndarray) -> np.ndarray:
    """First frames of all pairs of some chains, in order."""
    lag = table.lags[0]
    runs = [table.start[c] + lag * np.arange(table.pairs[c]) for c in chains]
    return np.sort(np.concatenate(runs))


def every_row(run: Trajectory) -> original_gdynet.Frames:
    """The rows of all atoms of each frame; the target is the first."""
    atoms = run.atoms
    whole = LocalEnvironment(NEIGHBOURS, 1).observe(run, np.arange(atoms))
    batch = whole.batch(np.arange(whole.frames))
    shape = (whole.frames, atoms, NEIGHBOURS)
    neighbours = batch.neighbours.reshape(shape) - atoms * np.arange(whole.frames)[:, None, None]
    return original_gdynet.Frames(
        batch.codes[:atoms].copy(), neighbours, batch.distances.reshape(shape), 0
    )


def flattened(frames: original_gdynet.Frames) -> np.ndarray:
    """Standardised distances of the target's neighbours, rising, and their species; (T, 2 M)."""
    distances = np.stack([rows[frames.target] for rows in frames.distances])
    species = frames.codes[np.stack([rows[frames.target] for rows in frames.neighbours])]
    distances = (distances - distances.mean(0)) / distances.std(0)
    return np.concatenate([distances, species], axis=1).astype(np.float32)


def ours(task: Task) -> float:
    """The real path: `fit`, without its refusal of states that have not formed yet."""
    return task.model.attempts(task.environments)[0].score


def original(task: Task) -> float:
    """Frame by frame, all atoms, one dense layer."""
    torch.manual_seed(0)
    model = task.model
    network = original_gdynet.OriginalGDyNet(
        2, model.width, CONVOLUTIONS, model.hidden, model.states, model.cutoff_A
    )
    return original_gdynet.train(
        network, task.frames, task.learning, task.checking, task.lag,
        size=task.size, epochs=task.epochs,
        learning_rate=model.learning_rate, tikhonov=model.tikhonov,
    )  # fmt: skip


def vampnet(task: Task, lobe: nn.Module, data: np.ndarray) -> nn.Module:
    """deeptime's training on a row a frame, as its documentation shows it; the trained lobe."""
    model = task.model
    first, last = task.checking[0], task.checking[-1] + task.lag + 1
    early = TrajectoryDataset(task.lag, data[: task.learning[-1] + task.lag + 1])
    late = TrajectoryDataset(task.lag, data[first:last])
    estimator = VAMPNet(lobe=lobe, learning_rate=model.learning_rate, epsilon=model.tikhonov)
    estimator.fit(
        DataLoader(early, batch_size=task.size, shuffle=True),
        n_epochs=task.epochs,
        validation_loader=DataLoader(late, batch_size=task.size),
    )
    return estimator.lobe.eval()


def deeptime(task: Task) -> float:
    """An MLP of the same hidden widths on flat rows."""
    torch.manual_seed(0)
    model = task.model
    hidden = [model.width] * (1 + CONVOLUTIONS) + [model.hidden]
    units = [task.flat.shape[1], *hidden, model.states]
    lobe = MLP(units, nonlinearity=nn.Softplus, output_nonlinearity=lambda: nn.Softmax(1))
    trained = vampnet(task, lobe, task.flat)
    return task.score(lambda frames: trained(torch.from_numpy(task.flat[frames])))


class GraphLobe(nn.Module):
    """Our network, on the environments of frames that come as numbers."""

    def __init__(self, model: GraphDynamics, environments: Environments) -> None:
        super().__init__()
        self.model, self.environments = model, environments
        self.network = model.build(environments.species)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Memberships of the one target, shape (n, states)."""
        parts = [(self.environments, frames.numpy())]
        return self.network(self.model.inputs(self.environments.species, parts))


def deeptime_same_lobe(task: Task) -> float:
    """Our network, trained by deeptime."""
    torch.manual_seed(0)
    lobe = GraphLobe(task.model, task.environments)
    trained = vampnet(task, lobe, np.arange(task.environments.frames))
    return task.score(lambda frames: trained(torch.from_numpy(frames)))


def largest_difference(task: Task) -> float:
    """Greatest difference of memberships between our network and the original, equal weights."""
    torch.manual_seed(0)
    lobe = GraphLobe(task.model, task.environments).eval()
    reference = original_gdynet.with_weights_of(lobe.network, task.model.cutoff_A).eval()
    frames = task.checking[:200]
    with torch.no_grad():
        difference = lobe(torch.from_numpy(frames)) - reference(task.frames.batch(frames))
    return float(difference.abs().max())


def measured(task: Task, repeats: int) -> dict[str, Any]:
    """Speeds of all arms, taken in turn; the first round compiles and warms the caches."""
    arms = (ours, original, deeptime, deeptime_same_lobe)
    seconds = np.empty((repeats + 1, len(arms)))
    scores = {}
    for repeat in range(repeats + 1):
        for i, arm in enumerate(arms):
            started = time.process_time()
            scores[arm.__name__] = arm(task)
            seconds[repeat, i] = time.process_time() - started
    seconds = seconds[1:]
    usual = dict(zip(scores, np.median(seconds, axis=0).tolist(), strict=True))
    counted = 2 * len(task.learning) * task.epochs
    ratios = {}
    names = ("original_path", "deeptime", "deeptime_same_lobe")
    for name, ratio in zip(names, (seconds[:, 1:] / seconds[:, :1]).T, strict=True):
        ratios[f"speed_ratio_to_{name}"] = float(np.median(ratio))
        ratios[f"speed_ratio_to_{name}_range"] = [float(ratio.min()), float(ratio.max())]
    return {
        **ratios,
        "environments_per_second": {name: counted / value for name, value in usual.items()},
        "environments_evaluated_per_second": task.evaluated * task.epochs / usual["ours"],
        "cpu_seconds": usual,
        "later_vamp2": scores,
    }


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--frames", type=int, default=20_000)
    arguments.add_argument("--steps", type=int, default=10, help="of the optimiser, at least")
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--quick", action="store_true", help="1,000 frames, once, for a test")
    options = arguments.parse_args()
    if options.quick:
        options.frames, options.steps, options.repeats = 1_000, 1, 1
    torch.set_num_threads(1)
    task = prepared(options)
    result = {
        "frames": options.frames,
        "pairs": len(task.learning),
        "pairs_a_step": task.size,
        "epochs": task.epochs,
        "repeats": options.repeats,
        "largest_difference": largest_difference(task),
        **measured(task, options.repeats),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
