"""The study `polymer-lithium`, whole, in its short version."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from leyden import studies
from leyden.data.trajectory import Trajectory
from leyden.dynamics.inner_simplex import inside
from leyden.dynamics.koopman import Kinetics
from leyden.dynamics.state_environments import state_environments
from leyden.errors import InputError
from leyden.physics.intervals import Estimate, jackknife
from leyden.physics.transition_conduction import transition_shares
from leyden.studies import polymer_lithium
from leyden.studies.polymer_coordination import _counted, anion_shell, contacts, coordination
from leyden.studies.polymer_report import _better, _staying

if TYPE_CHECKING:
    from leyden.dynamics.analysis_results import DynamicsAnalysis

CLAIMS = {
    "polymer_states",
    "polymer_population_in_chains",
    "polymer_slowest_ps",
    "polymer_ck_error",
    "polymer_network_over_count",
    "polymer_network_over_count_by_cores",
    "polymer_same_state_share",
    "polymer_same_state_conduction_share",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("polymer-lithium")
    studies.run("polymer-lithium", folder, quick=True, progress=False)
    return folder


def test_a_quick_run_has_its_claims_and_a_page(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    claims = {claim["id"]: claim for claim in results["claims"]}
    assert set(claims) == CLAIMS
    assert not any(claim["same_protocol"] for claim in claims.values())
    page = (out / "report.html").read_text()
    assert "Nothing here is said of atoms" in " ".join(page.split())
    assert "What the states are" in page


def test_runs_are_kept_and_extended_by_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = json.loads((out / "results.json").read_text())["claims"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("LAMMPS was started again")

    monkeypatch.setattr("leyden.simulators.polymer_stages.run_lammps", refuse)
    studies.run("polymer-lithium", out, quick=True, progress=False)
    assert json.loads((out / "results.json").read_text())["claims"] == first


def test_contacts_are_counted_across_the_border_and_by_chain() -> None:
    positions = np.zeros((1, 6, 3), np.float32)
    positions[0, :, 0] = [0.5, 9.5, 1.5, 2.5, 5.0, 30.4]  # the last is at 0.4, three cells away
    run = Trajectory(
        positions,
        10 * np.eye(3)[None],
        ("Li", "EO", "EO", "EO", "EO", "anion"),
        1.0,
        molecules=np.array([5, 0, 1, 1, 2, 6]),
    )
    beads, chains, anions = contacts(run, 2.1)
    assert (beads[0, 0], chains[0, 0], anions[0, 0]) == (3, 2, 1)


def test_one_run_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one run teaches"):
        studies.run("polymer-lithium", tmp_path, progress=False, runs=1)


def test_only_the_first_run_teaches(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def told(network: object, observed: object, *_: object, **__: object) -> None:
        seen.append(observed)
        raise InterruptedError

    monkeypatch.setattr(polymer_lithium, "choose_states", told)
    with pytest.raises(InterruptedError):
        studies.run("polymer-lithium", out, quick=True, progress=False)
    (folder,) = (out / "runs" / "run-0").glob("trajectory-*")
    first = polymer_lithium._representation().observe(Trajectory.open(folder))
    for mine, theirs in zip(first.batch(np.arange(3)), seen[0].batch(np.arange(3)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_count_changes_where_no_anion_is_near_the_border() -> None:
    plain = np.array([[1], [2], [1], [2], [2], [3], [0]])
    near = np.array([[1], [1], [1], [1], [2], [3], [0]])
    far = np.array([[1], [2], [2], [2], [2], [3], [0]])
    states = _counted(np.stack([plain, near, far]), 0, 3)
    assert states.argmax(2).ravel().tolist() == [1, 1, 1, 1, 2, 2, 0]
    later = _counted(np.stack([plain, near, far]), 1, 2)  # at most one, two or more
    assert later.argmax(2).ravel().tolist() == [0, 0, 0, 0, 1, 1, 0]


def test_both_shares_are_told(out: Path) -> None:
    claims = json.loads((out / "results.json").read_text())["claims"]
    shares = {claim["id"]: claim["measured"] for claim in claims if "same_state" in claim["id"]}
    assert len(set(shares.values())) == 2
    assert all(0 < share <= 1 for share in shares.values())
    for claim in claims:
        if "same_state" in claim["id"]:
            low, high = claim["interval"]
            assert 0 <= low <= claim["measured"] <= high <= 1


def test_the_interval_of_staying_is_no_narrower_than_that_of_the_sum() -> None:
    rng = np.random.default_rng(0)
    states = (np.cumsum(rng.random((2000, 3)) < 0.05, axis=0) + np.arange(3)) % 3
    places = np.cumsum(rng.normal(size=(2000, 3, 3)), axis=0)
    found = _staying(transition_shares(np.eye(3)[states], places, 10))
    moved = np.square(places[10:] - places[:-10]).sum(2)
    parts = np.stack([moved * (states[10:] == states[:-10]), moved], 2).sum(1)
    blocks = np.array([block.sum(0) for block in np.array_split(parts, 10)])
    (exact,) = jackknife(blocks, lambda mean: mean[:1] / mean[1], positive=True)
    assert found.value == pytest.approx(exact.value)
    assert found.low <= exact.low < exact.high <= found.high
    assert found.high - found.low < 0.5


def test_a_ratio_without_ends_keeps_no_bound() -> None:
    assert _better(Estimate(1.2, 0.9, 1.5)) == (">=", 1.0)
    assert _better(Estimate(1.2, np.nan, np.nan)) is None


def around_lithium(anions: tuple[float, ...], beads: tuple[float, ...], seed: int) -> Trajectory:
    """One lithium with shells of anions and chain beads at these distances in angstrom."""
    rng = np.random.default_rng(seed)
    distances = np.repeat([*anions, *beads], 12)
    ways = rng.normal(size=(60, len(distances), 3))
    ways *= (distances + 0.1 * rng.normal(size=ways.shape[:2]))[..., None] / np.linalg.norm(
        ways, axis=2, keepdims=True
    )
    places = np.concatenate([np.zeros((60, 1, 3)), ways], axis=1) + 10.0
    species = ["Li", *["anion"] * 12 * len(anions), *["EO"] * 12 * len(beads)]
    return Trajectory(places, 20 * np.eye(3), species, 1.0)


def test_the_shell_is_that_of_the_anions() -> None:
    """Beads alone would end it at 2.5 angstrom, and fill the gap between the anions."""
    run = around_lithium(anions=(3.0, 7.0), beads=(1.5, 3.5, 5.0), seed=0)
    assert 3.3 < anion_shell(run) < 6.7
    assert state_environments(run, np.array([0]), np.ones((60, 1, 1))).shell < 3.0


def test_coordination_is_of_the_mixtures_and_of_the_shell_that_was_learned_from() -> None:
    """Memberships that are kept between 0 and 1 are others than those that all else rests on."""
    states = np.repeat([0, 1], 30)
    rng = np.random.default_rng(1)
    first = np.where(states == 0, 1.0, 0.0) + 0.3 * rng.normal(size=60)
    mixture = np.stack([first, 1 - first], 1)[:, None]
    taught, measured = (around_lithium((3.0, near), (), 2) for near in (7.0, 5.0))
    part = SimpleNamespace(memberships=inside(mixture))
    times = SimpleNamespace(lags_ps=np.array([2.0]))
    analysis = SimpleNamespace(trajectories=[part], states=2, lag_ps=2.0, timescales=times)
    found = coordination(taught, [measured], cast("DynamicsAnalysis", analysis), [mixture])
    assert found.shell == anion_shell(taught)
    exact = Kinetics(mixture, 2.0).koopman().vamp2
    assert found.scores["learned"].value == pytest.approx(exact)
    assert abs(Kinetics(inside(mixture), 2.0).koopman().vamp2 - exact) > 1e-3
