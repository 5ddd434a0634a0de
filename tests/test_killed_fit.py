"""A fit that is killed without warning goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from leyden.dynamics import DynamicsModel, GraphDynamics
from leyden.representations.local_environment import LocalEnvironment
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo

EPOCHS, BATCHES = 3, 4  # of an epoch: three that teach, one that is looked at


def fit(checkpoint: Path | None = None) -> DynamicsModel:
    run = KineticMonteCarlo(octahedral_ps=60, tetrahedral_ps=30).run(2, random_state=1).trajectory
    network = GraphDynamics(
        LocalEnvironment(8, 2), lag_ps=5, width=4, hidden=4, epochs=EPOCHS, least_steps=0,
        batch_size=700, restarts=1,
    )  # fmt: skip
    environments = network.representation.observe(run)
    return network.attempts(environments, checkpoint=checkpoint)[0]


def told_of_batches(tell: Callable[[], None]) -> Callable[..., object]:
    """`GraphDynamics.inputs` that tells when it is called."""
    plain = GraphDynamics.inputs

    def inputs(*arguments: object) -> object:
        tell()
        return plain(*arguments)  # type: ignore[arg-type]

    return inputs


def die_in_the_second_epoch(checkpoint: Path) -> None:
    """Before its third batch, with no chance to tidy up."""
    left = [None] * (BATCHES + 2)
    GraphDynamics.inputs = told_of_batches(  # type: ignore[method-assign,assignment]
        lambda: left.pop() if left else os.kill(os.getpid(), signal.SIGKILL)
    )
    fit(checkpoint)


def test_a_killed_fit_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another process, by a signal that nothing can catch; then taken up in this one."""
    checkpoint = tmp_path / "run"
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    child = subprocess.run(
        [sys.executable, __file__, checkpoint], env=os.environ | threads, timeout=300, check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["run.0"]
    batches: list[None] = []
    with monkeypatch.context() as patch:
        patch.setattr(GraphDynamics, "inputs", told_of_batches(lambda: batches.append(None)))
        resumed = fit(checkpoint)
    assert len(batches) == (EPOCHS - 1) * BATCHES + 1  # epochs two and three, and the last look
    whole = fit()
    found, expected = resumed.module.state_dict(), whole.module.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert resumed.restarts[0].validation_scores == whole.restarts[0].validation_scores


if __name__ == "__main__":
    die_in_the_second_epoch(Path(sys.argv[1]))
