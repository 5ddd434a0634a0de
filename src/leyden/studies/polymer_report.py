"""Report and claims of the study `polymer-lithium`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden import plots
from leyden.data.trajectory import Trajectory
from leyden.dynamics.analysis_results import DynamicsAnalysis
from leyden.dynamics.dynamics_model import DynamicsModel
from leyden.dynamics.state_choice import StateChoice
from leyden.plots.dynamics import relaxation_timescales
from leyden.report import Report
from leyden.report.dynamics import tell_dynamics
from leyden.simulators.polymer_run import PolymerRun
from leyden.studies import Claim
from leyden.studies.polymer_coordination import Coordination

if TYPE_CHECKING:
    from leyden.studies.polymer_lithium import Effort

__all__ = ["Findings", "build_report", "claims"]

_MODEL = (
    "coarse-grained PEO with lithium and anions of one bead each, LAMMPS; the published states are "
    "of an atomistic simulation"
)


@dataclass(frozen=True, eq=False)
class Findings:
    """What the study found; no model, analysis and coordination where all states collapsed.

    Attributes
    ----------
    effort : Effort
    simulated : list of PolymerRun
    choice : StateChoice
    model : DynamicsModel or None
    analysis : DynamicsAnalysis or None
    learned_from : Trajectory
    coordination : Coordination or None
    warnings : list of str
    """

    effort: Effort
    simulated: list[PolymerRun]
    choice: StateChoice
    model: DynamicsModel | None
    analysis: DynamicsAnalysis | None
    learned_from: Trajectory
    coordination: Coordination | None
    warnings: list[str]


def build_report(title: str, found: Findings) -> Report:
    """The page: what was simulated, what the states are, and all that `leyden dynamics` tells."""
    report = Report(title, _lead(found))
    _simulated(report, found)
    if found.model and found.analysis and found.coordination:
        _states(report, found.analysis, found.coordination)
        tell_dynamics(
            report,
            found.analysis,
            found.model,
            choice=found.choice,
            learned_from=[found.learned_from],
        )
    return report


def _lead(found: Findings) -> str:
    quick = "A quick run, which shows only that it works. " if found.effort.quick else ""
    if not (found.analysis and found.coordination):
        return f"{quick}No states were found: {found.warnings[-1]}"
    shares = found.analysis.koopman.populations
    named = ", ".join(
        f"{100 * share:.0f} % {name}"
        for share, name in zip(shares, found.coordination.names, strict=True)
    )
    slow = found.analysis.koopman.timescales_ps[0]
    return (
        f"{quick}In a bead-spring model of a polymer electrolyte a graph network, taught by one "
        f"run and measured on others, finds lithium {named}; the slowest exchange relaxes in "
        f"{slow:.0f} ps of this model, whose time is not that of the true electrolyte."
    )


def _simulated(report: Report, found: Findings) -> None:
    electrolyte = found.effort.electrolyte
    lines = []
    for number, one in enumerate(found.simulated):
        lines.append(
            {
                "run": number,
                "use": "learned from" if number == 0 else "measured on",
                "outcome": str(one.outcome),
                "density": one.density_g_per_cm3,
                "temperature": one.temperature_K,
                "processor time": one.cpu_seconds,
            }
        )
    report.section("What was simulated").text(
        f"{electrolyte.chains} chains of {electrolyte.monomers} ethylene-oxide beads with "
        f"{electrolyte.salt} lithium and as many anions, {electrolyte.temperature_K:g} K, "
        f"{found.effort.production_ns:g} ns a run. Lithium binds to the chain with "
        f"{electrolyte.epsilon_cation_chain:g} kcal/mol and charges are screened by "
        f"{electrolyte.dielectric:g}, so that states last: with weaker binding or more screening "
        "they exchange within 20 ps. Beads glide where molecules rub: populations and the order "
        "of events may be read, times and conductivities only compared within the model. Nothing "
        "here is said of atoms.",
    )
    report.table(
        pd.DataFrame(lines),
        caption="Independent runs of LAMMPS.",
        units={"density": "g/cm³", "temperature": "K", "processor time": "s"},
        digits=4,
    )


def _states(report: Report, analysis: DynamicsAnalysis, found: Coordination) -> None:
    table = pd.DataFrame(analysis.populations())
    table.insert(1, "lithium is", list(found.names))
    table["chain beads"], table["chains"] = found.chain_beads, found.chains
    table["anions"] = found.anions
    report.section("What the states are").table(
        table,
        caption=f"Populations with 95 % intervals, and who is within {found.shell:.2f} angstrom of "
        "lithium. Named by the mean number of anions: below one half, below one and a half, above. "
        "The atomistic simulation of the thesis has four states: beside a chain and an anion "
        "(50.6 and 27.3 %), among anions (15.1 %), and in the chains (7.0 %).",
        digits=3,
    )
    figure, ax = plots.subplots(width=6.8, height=4.2)
    relaxation_timescales(analysis.timescales, ax, label="network")
    relaxation_timescales(found.counted, ax, label="count of anions")
    report.figure(
        figure,
        caption="Timescales of the learned states, and of states that are the number of anions "
        f"(0, 1, 2 or more). VAMP-2 at {analysis.lag_ps:g} ps: {analysis.koopman.vamp2:.3f} and "
        f"{found.counted_vamp2:.3f}",
        alt="Relaxation timescales of learned and counted states against the lag",
    )


def claims(found: Findings) -> list[Claim]:
    """States, timescale, test and conduction, beside what the thesis says of its own system."""
    analysis, around = found.analysis, found.coordination
    what = f"{_MODEL}; {found.effort.production_ns:g} ns a run, lag {found.effort.lag_ps:g} ps"
    if not (analysis and around):
        return [Claim("polymer_states", "states of lithium", "", 4, None, protocol=what)]
    return [*_named(analysis, around, what), *_moving(analysis, around, what)]


def _named(analysis: DynamicsAnalysis, around: Coordination, what: str) -> list[Claim]:
    free = [i for i, name in enumerate(around.names) if name == "in the chains"]
    return [
        Claim(
            "polymer_states",
            "states of lithium",
            "",
            4,
            analysis.states,
            None,
            f"{what}; the fewest that pass the Chapman-Kolmogorov test, or that err least",
        ),
        Claim(
            "polymer_population_in_chains",
            "part of lithium that is coordinated by chains alone",
            "",
            0.070,
            float(analysis.koopman.populations[free].sum()),
            None,
            f"{what}; states with less than half an anion within {around.shell:.2f} angstrom",
        ),
    ]


def _moving(analysis: DynamicsAnalysis, around: Coordination, what: str) -> list[Claim]:
    slow, (low, high) = (
        analysis.koopman.timescales_ps[0],
        analysis.koopman.timescales_interval[:, 0],
    )
    transitions = analysis.trajectories[0].transitions
    share = None if transitions is None else float(np.trace(transitions.value))
    return [
        Claim(
            "polymer_slowest_ps",
            "slowest relaxation between states",
            "ps",
            None,
            float(slow),
            (float(low), float(high)),
            f"{what}; 95 % interval; time of the model",
        ),
        Claim(
            "polymer_ck_error",
            "greatest error of the Chapman-Kolmogorov test",
            "",
            None,
            analysis.chapman_kolmogorov.error,
            None,
            f"{what}; {int(analysis.chapman_kolmogorov.consistent.sum())} of "
            f"{len(analysis.chapman_kolmogorov.multiples)} multiples explained by chance",
        ),
        Claim(
            "polymer_network_over_count",
            "VAMP-2 of the learned states over that of the number of anions",
            "",
            None,
            analysis.koopman.vamp2 / around.counted_vamp2,
            None,
            f"{what}; on a run that taught nothing",
            bound=(">=", 1.0),
        ),
        Claim(
            "polymer_same_state_share",
            "share of the squared displacement in no change of state",
            "",
            None,
            share,
            None,
            f"{what}; rattling counts, and so would labels without meaning stay where they are: no "
            "evidence of how lithium moves. The thesis finds the majority of *conduction* there"
            if share is not None
            else "not to be had from runs this short",
        ),
    ]
