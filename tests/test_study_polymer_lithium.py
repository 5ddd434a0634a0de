"""The study `polymer-lithium`, whole, in its short version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leyden import studies
from leyden.data.trajectory import Trajectory
from leyden.errors import InputError
from leyden.studies import polymer_lithium
from leyden.studies.polymer_coordination import _counted, contacts

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
