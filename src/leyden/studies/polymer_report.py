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
from leyden.physics.intervals import Estimate
from leyden.physics.transition_conduction import TransitionShares
from leyden.plots.dynamics import relaxation_timescales
from leyden.report import Report
from leyden.report.dynamics import tell_dynamics
from leyden.simulators.polymer_run import PolymerRun
from leyden.studies import Claim
from leyden.studies.polymer_coordination import BORDER, SURE, Coordination

if TYPE_CHECKING:
    from leyden.studies.polymer_lithium import Effort

__all__ = ["Findings", "build_report", "claims"]

_STATES = {
    "learned": "learned",
    "learned, by cores": "learned, by cores",
    "counted": "number of anions, by cores",
}
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
    koopman, test = found.analysis.koopman, found.analysis.chapman_kolmogorov
    named = ", ".join(
        f"{name} ({100 * share:.0f} %)"
        for share, name in zip(koopman.populations, found.coordination.names, strict=True)
    )
    lasting = (
        ""
        if test.consistent.all()
        else " These states do not foresee themselves at longer times "
        f"(they err by up to {test.errors.max():.2g}): that time is one of this lag."
    )
    return (
        f"{quick}In a bead-spring model of a polymer electrolyte a graph network, taught by one "
        f"run and measured on others, finds lithium {named}. Seen at a lag of "
        f"{koopman.lag_ps:g} ps, the slowest exchange relaxes in {koopman.timescales_ps[0]:.0f} ps "
        f"of this model, whose time is not that of the true electrolyte.{lasting}"
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
        f"{electrolyte.dielectric:g}. These two were chosen so that states last long enough to be "
        "learned, and not to match a material. Beads glide where molecules rub: populations and "
        "the order of events may be read, times and conductivities only compared within the model. "
        "Nothing here is said of atoms.",
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
        "lithium (the first minimum of the density of anions, in the run that taught). Named by "
        "the mean number of anions: below one half, below one and a half, above. The atomistic "
        "simulation of the thesis has four states: beside a chain and an anion (50.6 and 27.3 %), "
        "among anions (15.1 %), and in the chains (7.0 %).",
        digits=3,
    )
    last = found.few + analysis.states - 1
    between = [f"{count}" for count in range(found.few + 1, last)]
    counts = ", ".join([f"at most {found.few}", *between, f"{last} or more"])
    figure, ax = plots.subplots(width=6.8, height=4.2)
    relaxation_timescales(analysis.timescales, ax, label="network")
    relaxation_timescales(found.counted, ax, label="count of anions")
    report.figure(
        figure,
        caption="Timescales of the learned states, and of as many that are the number of anions "
        f"by cores ({counts})",
        alt="Relaxation timescales of learned and counted states against the lag",
    )
    rows = [
        (_STATES[name], *score, *found.over_count.get(name, (1.0, np.nan, np.nan)))
        for name, score in found.scores.items()
    ]
    report.table(
        pd.DataFrame(
            rows, columns=["states", "VAMP-2", "low", "high", "over the counted", "from", "to"]
        ),
        caption=f"Do {analysis.states} learned states foresee more than as many counts of anions? "
        f"VAMP-2 at {analysis.lag_ps:g} ps on runs that taught nothing, with 95 % intervals; those "
        "of ratios are of both in the same stretches of time. Which counts are the states was "
        "chosen by their score on the run that taught the network. By cores, a state is kept until "
        f"another is sure: a count, until no anion is within {100 * BORDER:g} % of the shell's "
        f"radius from its border; a learned state, until another has a membership of {SURE:g}.",
        digits=4,
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
        *_against_count(analysis, around, what),
        *_same_state(analysis, what),
    ]


def _against_count(analysis: DynamicsAnalysis, around: Coordination, what: str) -> list[Claim]:
    soft, hard = around.over_count["learned"], around.over_count["learned, by cores"]
    paired = (
        f"{what}; {analysis.states} states each, those of the count by cores and the best on the "
        f"run that taught (at most {around.few}, then one more each), on runs that taught nothing; "
        "95 % interval of the ratio in the same stretches of time, all of which has to keep the "
        "bound"
    )
    return [
        Claim(
            "polymer_network_over_count",
            "VAMP-2 of the learned states over that of as many counts of anions",
            "",
            None,
            soft.value,
            soft[1:],
            paired,
            bound=_better(soft),
            whole_interval=True,
        ),
        Claim(
            "polymer_network_over_count_by_cores",
            "the same of learned states that are by cores too",
            "",
            None,
            hard.value,
            hard[1:],
            f"{paired}; a membership of {SURE:g} is a core",
            bound=_better(hard),
            whole_interval=True,
        ),
    ]


def _better(ratio: Estimate) -> tuple[str, float] | None:
    """What a ratio has to keep, with the whole of its interval; nothing where that has no ends."""
    return (">=", 1.0) if np.isfinite(ratio).all() else None


def _same_state(analysis: DynamicsAnalysis, what: str) -> list[Claim]:
    """Shares of no change of state, in the displacement and with the charge that goes along."""
    told = (
        "mean over the runs; its interval is of 95 % or more, from those of all transitions. "
        "Rattling within a state counts, and any labels that seldom change within a lag, even "
        "meaningless ones, would give a great share: no evidence of how lithium moves. The thesis "
        "finds the majority of conduction there, in figure 4-6"
    )
    words = {
        "polymer_same_state_share": (
            "squared displacement",
            [part.transitions for part in analysis.trajectories],
        ),
        "polymer_same_state_conduction_share": (
            "squared displacement of charge, lithium's and that of its first shell,",
            [part.conduction for part in analysis.trajectories],
        ),
    }
    claims = []
    for name, (quantity, parts) in words.items():
        known = [_staying(shares) for shares in parts if shares is not None]
        mean = Estimate(*np.mean(known, axis=0).tolist()) if known else None
        claims.append(
            Claim(
                name,
                f"share of the {quantity} in no change of state",
                "",
                None,
                mean and mean.value,
                mean and mean[1:],
                f"{what}; {told}" if mean else "not to be had from runs this short",
            )
        )
    return claims


def _staying(shares: TransitionShares) -> Estimate:
    """Share of no change of state; its ends are no nearer to each other than those of 95 %.

    A sum errs by no more than its parts together: upper ends add up, of it and of all the rest.
    """
    same = np.eye(len(shares.value), dtype=bool)
    low, high = 1 - shares.high[~same].sum(), shares.high[same].sum()
    return Estimate(float(shares.value[same].sum()), float(max(low, 0)), float(min(high, 1)))
