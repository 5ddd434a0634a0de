"""Study: what lithium does among sulfur atoms, learned without labels (Xie et al. 2019)."""

from __future__ import annotations

from pathlib import Path

from leyden.errors import InputError
from leyden.studies import Option, StudyResult
from leyden.studies.hopping_claims import claims
from leyden.studies.hopping_findings import Findings
from leyden.studies.hopping_networks import (
    Networks,
    on_langevin,
    on_noise,
    on_rare_events,
    on_twin,
)
from leyden.studies.hopping_report import build_report
from leyden.studies.hopping_runs import Effort
from leyden.studies.hopping_transfer import learning_curve
from leyden.studies.speed import COVERAGE, DYNAMICS, ENVIRONMENTS, measure

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "lithium-hopping"
TITLE = "Lithium in a sulfur lattice: states and timescales from a trajectory without labels"
OPTIONS = (
    Option("langevin_ns", float, 200.0, "length of the Langevin run; half of it teaches"),
    Option("tests", int, 10, "runs of 100 ns with known rates that are measured on"),
    Option("restarts", int, 3, "trainings of each network"),
)


def run(
    out: Path, *, quick: bool, progress: bool, langevin_ns: float, tests: int, restarts: int
) -> StudyResult:
    """Simulate, learn, and compare with what is known; what is finished under `out` is kept.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    langevin_ns, tests, restarts
        As in `OPTIONS`.
    """
    effort = Effort(langevin_ns=langevin_ns, tests=tests, restarts=restarts)
    effort = Effort.quick() if quick else effort
    least = 2 * effort.seeds * max(effort.transfer_ns)
    if effort.langevin_ns < least:
        raise InputError(
            f"the seeds of the transfer need a run of {least:g} ns", value=effort.langevin_ns
        )
    networks = Networks(out, progress)
    twin, truth = on_twin(effort, networks)
    langevin = on_langevin(effort, networks, out, progress)
    noise, rare = on_noise(effort), on_rare_events(effort, networks)
    measured, warnings = ({}, []) if quick else measure(out, DYNAMICS, COVERAGE, ENVIRONMENTS)
    found = Findings(
        effort, twin, truth, langevin, noise, rare, learning_curve(effort, out, progress), measured
    )
    told = [*twin.koopman.warnings, *langevin.graph.koopman.warnings, *warnings]
    return StudyResult(NAME, build_report(TITLE, found), claims(found), (), told)
