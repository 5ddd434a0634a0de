"""The page of `leyden dynamics`: states, how fast they change, what each is, what moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leyden.plots.dynamics import (
    chapman_kolmogorov,
    charge_integral,
    environment_picture,
    radial_distributions,
    relaxation_modes,
    relaxation_timescales,
    transition_bars,
)
from leyden.plots.style import subplots
from leyden.report import Report
from leyden.report.conduction import tell_conduction
from leyden.report.tables import format_interval, format_number

if TYPE_CHECKING:
    from leyden.data.trajectory import Trajectory
    from leyden.dynamics import DynamicsModel, StateChoice
    from leyden.dynamics.analysis_results import DynamicsAnalysis, TrajectoryAnalysis

__all__ = ["dynamics_report", "tell_dynamics"]

_CURRENTS = {
    "nernst_einstein_S_per_m": ("conductivity, every ion for itself (Nernst-Einstein)", "S/m"),
    "collective_S_per_m": ("conductivity, all ions together", "S/m"),
    "cation_cation_S_per_m": ("of it: cations with cations", "S/m"),
    "cation_anion_S_per_m": ("of it: cations with anions (counts twice)", "S/m"),
    "anion_anion_S_per_m": ("of it: anions with anions", "S/m"),
    "transference_number": ("transference number of the cations, all together", ""),
    "nernst_einstein_transference_number": ("transference number, every ion for itself", ""),
    "beta": ("power of time by which the ions' squared displacement grows", ""),
}
_SAME = (
    "Intervals are of 95 %, from sets of atoms and from stretches of time that are longer than the "
    "slowest relaxation. Where a state was visited less than some three times, they are too "
    "narrow; in less than 20 relaxations, the test seldom finds atoms that move in pairs. A "
    "warning says where stretches are shorter, blocks are few, the test was not possible, or atoms "
    "move together, so that stretches of time alone count."
)


def dynamics_report(
    analysis: DynamicsAnalysis,
    model: DynamicsModel,
    *,
    command: str,
    version: str,
    choice: StateChoice | None = None,
    learned_from: Sequence[Trajectory] = (),
) -> Report:
    """All that was found, in reading order.

    Parameters
    ----------
    analysis : DynamicsAnalysis
    model : DynamicsModel
        That was analysed; its settings and trainings are shown.
    command, version : str
        What made it; shown in the footer.
    choice : StateChoice, optional
        Between several numbers of states.
    learned_from : sequence of Trajectory
        What the network has seen of the same runs, earlier than what is analysed.
    """
    names = ", ".join(dict.fromkeys(part.name for part in analysis.trajectories))
    target = analysis.trajectories[0].target
    report = Report(f"States of {target} in {names}", _lead(analysis))
    report.provenance(command=command, version=version).warnings(analysis.warnings)
    return tell_dynamics(report, analysis, model, choice=choice, learned_from=learned_from)


def tell_dynamics(
    report: Report,
    analysis: DynamicsAnalysis,
    model: DynamicsModel,
    *,
    choice: StateChoice | None = None,
    learned_from: Sequence[Trajectory] = (),
) -> Report:
    """Add the sections of `dynamics_report` to a page of another kind."""
    _number_of_states(report, analysis, model, choice)
    _relaxations(report, analysis)
    _foresight(report, analysis)
    _populations(report, analysis)
    for part in analysis.trajectories:
        which = f", {part.name}" if len(analysis.trajectories) > 1 else ""
        _surroundings(report, part, which)
        _motion(report, part, which, analysis.lag_ps)
    return _protocol(report, analysis, model, learned_from)


def _lead(analysis: DynamicsAnalysis) -> str:
    first = analysis.trajectories[0]
    found = analysis.koopman
    several = "one atom" if analysis.targets == 1 else f"{analysis.targets:,} atoms"
    slow = format_interval(found.timescales_ps[0], _pair(found.timescales_interval[:, 0]))
    if found.reasons[0]:
        slow = f"a time that is not known ({found.reasons[0]})"
    else:
        slow += " ps (and its 95 % interval)"
    sentences = [
        f"{first.target} ({several}) is found in {analysis.states} states; the slowest exchange "
        f"between them relaxes in {slow}."
    ]
    for row in analysis.populations():
        sentences.append(
            f"State {row['state']} holds {100 * row['population']:.0f} % and has "
            f"{_shell(first, row['state'])} within {first.environments.shell:.1f} Å."
        )
    test = analysis.chapman_kolmogorov
    time = format_number(float(test.lag_ps * test.multiples[-1]))
    sentences.append(
        f"The states foresee themselves for {time} ps within statistical error."
        if test.consistent.all()
        else f"The states do not foresee themselves for {time} ps: the dynamics has more to it."
    )
    return " ".join(sentences)


def _shell(part: TrajectoryAnalysis, state: int) -> str:
    """What is around a target, in words."""
    counts = [
        f"{row['count']:.1f} {row['neighbour']}"
        for row in part.first_shell()
        if row["state"] == state and row["count"] >= 0.05
    ]
    return " and ".join(counts) or "nothing"


def _pair(interval: np.ndarray) -> tuple[float, float]:
    low, high = interval
    return float(low), float(high)


def _number_of_states(
    report: Report, analysis: DynamicsAnalysis, model: DynamicsModel, choice: StateChoice | None
) -> None:
    report.section("How many states")
    if choice is None:
        report.text(
            f"{analysis.states} states were asked for. With several numbers, such as "
            "`--states 2,3,4`, the fewest that pass the Chapman-Kolmogorov test would be taken."
        )
    else:
        none = "none pass, and those that err least are taken, " if choice.chosen is None else ""
        report.text(
            "The fewest states are wanted whose model passes the Chapman-Kolmogorov test, within "
            f"statistical error, on the frames of the learning: {none}{analysis.states}. The "
            "score alone decides nothing: it hardly ever falls when a state is added."
        )
        report.table(
            choice.table.assign(taken=choice.table["states"] == analysis.states),
            caption="Models of each number of states, on the frames that they have learned from.",
            names={
                "score": "VAMP-2 score, later time",
                "slowest_ps": "slowest relaxation",
                "fastest_ps": "fastest relaxation",
                "ck_error": "Chapman-Kolmogorov error",
                "ck_consistent": "passes",
                "collapsed": "collapsed, because",
            },
            units={"slowest_ps": "ps", "fastest_ps": "ps"},
            digits=3,
        )
    trainings = pd.DataFrame(
        [
            {
                "training": restart.number,
                "score": restart.score,
                "epochs": len(restart.validation_scores),
                "kept": restart.number == model.chosen,
                "collapsed": restart.collapsed or "no",
            }
            for restart in model.restarts
        ]
    )
    report.table(
        trainings,
        caption="Trainings from different random weights; the best on later frames of the part for "
        "learning is kept. Equal scores say that the result does not depend on chance.",
        names={"score": "VAMP-2 score"},
    )


def _relaxations(report: Report, analysis: DynamicsAnalysis) -> None:
    verdict = (
        "Here the slowest agrees, within its intervals, with that of every longer lag that is shown"
        if analysis.flat
        else "Here the slowest changes with the lag, or is not known at each"
    )
    report.section("How fast they change").text(
        "A relaxation is an exchange between states; its timescale is the time in which a "
        "disturbance falls to 1/e. It should not depend on the lag at which it is estimated, from "
        f"some lag on. {verdict}. {_SAME}"
    )
    figure, ax = subplots(width=6.4, height=4.2)
    relaxation_timescales(analysis.timescales, ax)
    report.figure(
        figure,
        caption="Relaxation timescales against the lag, with 95 % bands. Below the diagonal a "
        "relaxation is over within a lag, and cannot be told",
        alt="Lines of relaxation timescales over lag times, with bands",
    )
    rows = pd.DataFrame(analysis.relaxations())
    if not rows["reason"].astype(bool).any():
        rows = rows.drop(columns="reason")
    report.table(
        rows,
        caption="Timescales at each lag, with 95 % intervals.",
        names={"lag_ps": "lag", "timescale_ps": "timescale"},
        units=dict.fromkeys(("lag_ps", "timescale_ps", "low", "high"), "ps"),
        digits=3,
    )
    figure, ax = subplots(width=6.4, height=3.4)
    relaxation_modes(analysis.koopman, ax)
    report.figure(
        figure,
        caption="What exchanges with what: states of opposite sign gain from each other in that "
        "relaxation",
        alt="Bars of the eigenvectors of each relaxation, state by state",
    )


def _foresight(report: Report, analysis: DynamicsAnalysis) -> None:
    test = analysis.chapman_kolmogorov
    report.section("Whether they foresee themselves").text(
        f"If the states tell all that matters, what they do in {format_number(test.lag_ps)} ps "
        "foretells what they do in any multiple of it (Chapman-Kolmogorov test). The greatest "
        f"difference is {test.error:.2g}; it stays within what chance explains, everywhere at "
        f"once, 19 times in 20: {'yes' if test.consistent.all() else 'no'}."
    )
    figure, ax = subplots(width=6.4, height=4.2)
    chapman_kolmogorov(test, ax)
    report.figure(
        figure,
        caption="Probability of being in the same state again, as predicted from one lag (lines "
        "and bands) and as it is (points)",
        alt="Predicted and estimated probabilities of staying, over time",
    )


def _populations(report: Report, analysis: DynamicsAnalysis) -> None:
    report.section("How often each is visited")
    report.table(
        pd.DataFrame(analysis.populations()),
        caption="Populations at equilibrium, with 95 % intervals.",
        digits=3,
    )
    matrix = pd.DataFrame(
        analysis.koopman.matrix, columns=[f"to state {j}" for j in range(analysis.states)]
    )
    matrix.insert(0, "from state", range(analysis.states))
    report.table(
        matrix,
        caption=f"Probability to be in a state {format_number(analysis.lag_ps)} ps later (Koopman "
        "matrix). A small negative number is zero within error.",
        digits=3,
    )


def _surroundings(report: Report, part: TrajectoryAnalysis, which: str) -> None:
    around = part.environments
    report.section(f"What surrounds {part.target} in each state{which}").text(
        "States have no names of their own; this is what they look like. Every frame counts for "
        f"each state by its membership. The first shell ends at {around.shell:.2f} Å, the first "
        "minimum of all neighbours together."
    )
    report.table(
        pd.DataFrame(part.first_shell()),
        caption="Neighbours within the first shell, with 95 % intervals.",
        digits=3,
    )
    near = [
        name
        for name, curves in zip(around.species, np.swapaxes(around.distribution, 0, 1), strict=True)
        if np.nansum(curves) > 0
    ]
    columns = min(3, len(near))
    rows = -(-len(near) // columns)
    figure, axes = subplots(rows, columns, width=4.4 * columns, height=3.4 * rows)
    panels = np.ravel(axes)
    for ax, name in zip(panels, near, strict=False):
        radial_distributions(around, ax, species=name)
    for ax in panels[len(near) :]:
        ax.set_axis_off()
    report.figure(
        figure,
        caption=f"Radial distribution functions about {part.target}, state by state; the dotted "
        "line is the end of the first shell",
        alt="Radial distribution functions, a line a state",
    )
    if around.charge is not None:
        figure, ax = subplots(width=6.4, height=3.8)
        charge_integral(around, ax)
        report.figure(
            figure,
            caption=f"Charge of {part.target} and of all within a radius, with 95 % bands",
            alt="Charge integral against radius, a line a state",
        )
    _pictures(report, part)


def _pictures(report: Report, part: TrajectoryAnalysis) -> None:
    if not part.examples:
        report.text("No frame belongs to one state with a membership of 0.9: there is no picture.")
        return
    count = len(part.examples)
    figure, axes = subplots(1, count, width=3.6 * count, height=3.8)
    for ax, example in zip([axes] if count == 1 else axes, part.examples, strict=True):
        environment_picture(
            example, ax, species=part.environments.species, reach=part.environments.shell
        )
    report.figure(
        figure,
        caption="An example of each state, from a frame that belongs to it by 0.9 or more and has "
        f"nearly its mean coordination: {part.target} in the middle, and its first shell",
        alt="Balls and sticks of an environment of each state",
    )


def _motion(report: Report, part: TrajectoryAnalysis, which: str, lag_ps: float) -> None:
    report.section(f"What moves{which}")
    if part.transitions is not None:
        report.text(
            "Every squared displacement within a lag is given to the change of state that the atom "
            "made in that time. Atoms that stay in a state rattle, and may hop between places that "
            "look alike: their share is that of no change."
        )
        figure, ax = subplots(width=max(4.0, 0.5 * part.transitions.value.size + 2), height=3.6)
        transition_bars(part.transitions, ax)
        report.figure(
            figure,
            caption=f"Share of each change of state in the squared displacement of {part.target} "
            f"within {format_number(lag_ps)} ps, with 95 % intervals",
            alt="Bars of the shares of transitions in the displacement",
        )
    tell_conduction(report, part, lag_ps)
    rows = []
    if part.diffusion is not None:
        moved = part.diffusion
        rows.append((f"self-diffusion of {part.target}", moved.coefficient_m2_per_s, "m²/s"))
        rows.append(("power of time by which its squared displacement grows", moved.beta, ""))
    rows += [(*_CURRENTS[name][:1], value, _CURRENTS[name][1]) for name, value in part.currents()]
    if rows:
        columns = ["quantity", "value", "low", "high", "unit"]
        report.table(
            pd.DataFrame([(name, *value, unit) for name, value, unit in rows], columns=columns),
            caption="With 95 % intervals from blocks of time. A power below 0.9 says that the "
            "motion is not yet diffusion, and that the slope is an upper bound.",
            digits=3,
        )
    if part.missing:
        report.text("What is not here: " + "; ".join(part.missing) + ".")


def _protocol(
    report: Report,
    analysis: DynamicsAnalysis,
    model: DynamicsModel,
    learned_from: Sequence[Trajectory],
) -> Report:
    seen = (
        "The network has learned from the frames that the table says, and never saw those that "
        "the figures here are measured on; only the choice between numbers of states, and the "
        "scores of trainings, are of frames for learning."
        if learned_from
        else "The network was learned elsewhere; if it was from these trajectories, all figures "
        "here flatter it."
    )
    report.section("How it was measured").text(
        f"{seen} It learned without labels, by the VAMP score of its states at a lag of "
        f"{format_number(model.lag_ps)} ps (T. Xie et al., Nat. Commun. 10, 2667 (2019)). "
        "Timescales are those of the simulated model: of its force field, temperature and "
        "composition, and of nothing else."
    )
    rows = [(one.name, "learned from", len(one), one.duration_ps) for one in learned_from]
    rows += [
        (part.name, f"measured on, {part.targets:,} target atoms", part.frames, part.duration_ps)
        for part in analysis.trajectories
    ]
    report.table(
        pd.DataFrame(rows, columns=["trajectory", "use", "frames", "time"]),
        caption="Frames.",
        units={"time": "ps"},
    )
    settings = [(name, str(value)) for name, value in model.estimator.get_params(False).items()]
    table = pd.DataFrame(settings, columns=["setting", "value"])
    return report.table(table, caption="Settings of the network.")
