"""The strategies of the package, on trajectories that nobody has labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import leyden as ly
from leyden import artefact
from leyden.data.dataset import Dataset, HeldOut
from leyden.data.trajectories import trajectory_dataset
from leyden.data.trajectory import Region
from leyden.dynamics import GraphDynamics, state_agreement
from leyden.dynamics.coordinate_dynamics import TargetCoordinates
from leyden.errors import InputError, LeakageError
from leyden.hashing import content_hash
from leyden.representations.local_environment import LocalEnvironment
from leyden.simulators.kinetic_monte_carlo import HoppingRun, KineticMonteCarlo

FAST = KineticMonteCarlo(octahedral_ps=40.0, tetrahedral_ps=20.0)
NETWORK = GraphDynamics(
    LocalEnvironment(neighbours=12),
    lag_ps=5.0,
    width=8,
    hidden=8,
    epochs=3,
    least_steps=60,
    batch_size=1000,
    learning_rate=0.02,
    restarts=1,
)


@pytest.fixture(scope="module")
def source() -> Dataset:
    return trajectory_dataset(FAST.run(6, random_state=0).trajectory, ids=["plentiful"])


@pytest.fixture(scope="module")
def short() -> Dataset:
    return trajectory_dataset(FAST.run(1, random_state=1).trajectory, ids=["scarce"])


@pytest.fixture(scope="module")
def unseen() -> HoppingRun:
    return FAST.run(4, random_state=2)


def test_fine_tuning_goes_on_from_what_the_source_taught(
    source: Dataset, short: Dataset, unseen: HoppingRun
) -> None:
    tuned = ly.FineTune(NETWORK, source, learning_rate=1e-3, settings={"least_steps": 5})
    tuned.fit(short)
    (memberships,) = tuned.predict([unseen.trajectory])
    assert state_agreement(memberships.argmax(2), unseen.states).fraction > 0.95
    assert tuned.notes_["source_rows"] == 1


def test_the_source_as_it_is_and_a_frozen_part(source: Dataset, short: Dataset) -> None:
    before = ly.SourceAsIs(NETWORK, source).fit(short).model_.module.state_dict()
    head = ly.FineTune(NETWORK, source, train="head", settings={"least_steps": 5}).fit(short)
    after = head.model_.module.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"hidden.weight", "hidden.bias", "output.weight", "output.bias"}


def test_a_run_that_is_tested_on_does_not_teach(source: Dataset, short: Dataset) -> None:
    with pytest.raises(LeakageError, match="forbidden"):
        ly.FineTune(NETWORK, source).fit(short, held_out=HeldOut(frozenset({"plentiful"})))


def test_ids_are_names_or_numbers(unseen: HoppingRun) -> None:
    run = unseen.trajectory
    assert trajectory_dataset([run]).ids.tolist() == [run.name]
    assert trajectory_dataset([run, run]).ids.tolist() == ["0", "1"]
    with pytest.raises(InputError, match="unique"):
        trajectory_dataset([run, run], ids=["a", "a"])


def test_datasets_of_equal_ids_and_other_frames_differ(unseen: HoppingRun) -> None:
    run = unseen.trajectory
    one, other = (trajectory_dataset(run.window(i, i + 10), ids=["run"]) for i in (0, 10))
    assert content_hash(one) != content_hash(other)
    assert content_hash(one) == content_hash(trajectory_dataset(run.window(0, 10), ids=["run"]))


def test_targets_of_a_representation_are_compared_by_value() -> None:
    assert LocalEnvironment(targets=np.array([[0, 1]])) == LocalEnvironment(targets=((0, 1),))
    assert LocalEnvironment(targets="Li") != LocalEnvironment(targets="S")


@pytest.mark.parametrize(
    "what",
    [
        LocalEnvironment(neighbours=12, targets=Region("z", 0.0, 2.0, species="Li")),
        LocalEnvironment(targets=((0, 1), (2, 3))),
        TargetCoordinates("S"),
    ],
)
def test_whose_environments_is_saved(what: object, tmp_path: Path) -> None:
    artefact.write(what, tmp_path / "what.leyden")
    assert artefact.read(tmp_path / "what.leyden") == what
