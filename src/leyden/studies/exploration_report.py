"""The report of the study `polymer-exploration`, in the order of the thesis (chapter 5)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.plots.exploration import best_so_far_curves
from leyden.plots.held_out import prediction_along
from leyden.plots.polymer_exploration import length_errors, reached_share
from leyden.plots.style import subplots
from leyden.report import Report
from leyden.report.exploration_parts import (
    change,
    tell_belief,
    tell_cuts,
    tell_importance,
    tell_landscapes,
    tell_surface,
    tell_uphill,
    words,
)
from leyden.report.tables import format_interval, format_number
from leyden.simulators.polymer_electrolyte import PolymerElectrolyte
from leyden.studies.exploration_arms import Gain
from leyden.studies.exploration_campaigns import ALONG
from leyden.studies.exploration_chemistry import tell_anions, tell_salts, tell_spaces
from leyden.studies.exploration_claims import ONE_DRAW, standing
from leyden.studies.exploration_findings import Anions, Findings
from leyden.studies.exploration_lengths import summary_of_lengths
from leyden.studies.exploration_replays import BATCHES, SEQUENTIAL, Replays, not_reached

if TYPE_CHECKING:
    from leyden.exploration.held_out import HeldOut

__all__ = ["build_report"]

_POINTS = {
    "fast": "a fast point (the best proposed row)",
    "middle": "the reference",
    "slow": "a slow point (the least of the random rows that have a value)",
}


def build_report(title: str, found: Findings) -> Report:
    """The page, of what is there."""
    report = Report(title, " ".join(_lead(found)))
    _simulated(report, found)
    _lengths(report, found)
    if found.anions is not None:
        _compared(report, found, found.anions)
        if found.replays is not None:
            _replays(report, found.replays)
        _held_out(report, found.anions)
        _learned(report, found, found.anions)
    tell_spaces(report, found)
    tell_salts(report, found)
    tell_anions(report, found)
    _machine(report, found)
    _limits(report, found)
    return report


def _lead(found: Findings) -> Iterator[str]:
    if found.effort.quick:
        yield "A quick run of a tiny and hot system, which shows only that everything works."
    behind = [name for name, part in found.parts.items() if not part.complete]
    if behind:
        yield (
            f"{len(found.parts) - len(behind)} of {len(found.parts)} campaigns have come to their "
            "goals; what follows is of the evaluations that are there."
        )
    if found.gain is not None:
        yield _gained(found.gain)
    if found.replays is not None:
        yield _needed(found.replays)
    along = found.anions.along if found.anions else None
    if along is not None and len(along.held.measured) and not standing(found, [f"along-{ALONG}"]):
        yield _covered(along.held, "that taught nothing, ")
    yield "Beads move 100 to 1000 times too fast: trends are told here, no absolute conductivities."


def _gained(gain: Gain) -> str:
    told = f"{change(CONDUCTIVITY, gain.log10)} (95 % interval of lithium's conductivity)"
    if gain.shows_more:
        found = f"conducts better than that of as many random ones, by {told}"
    elif gain.shows_less:
        found = f"conducts worse than that of as many random ones: {told}"
    elif any(gain.bounds):
        found = (
            f"cannot be told apart from that of as many random ones, as {gain.bounds[0]} of "
            f"{gain.runs[0]} and {gain.bounds[1]} of {gain.runs[1]} simulations are upper bounds; "
            f"as they are told, the difference is {gain.log10.value:.2f} of log10"
        )
    else:
        found = f"cannot be told apart from that of as many random ones: {told}"
    return (
        f"Simulated again with fresh seeds, the optimum of Bayesian optimisation {found}; this is "
        f"{ONE_DRAW}."
    )


def _needed(told: Replays) -> str:
    begin = f"In {told.worlds} worlds that agree with the simulations"
    goal = f"the best of {told.most} random ones, in batches of {told.batch}"
    if told.to_random_best.value > told.most:
        return f"{begin}, most campaigns do not come within {told.most} evaluations to {goal}."
    return f"{begin} it takes {_evaluations(told)} evaluations (median) to {goal}."


def _evaluations(told: Replays) -> str:
    """The median with its interval, the end of which may lie beyond what was tried."""
    value, low, high = told.to_random_best
    if high > told.most:
        return f"{value:g} [{low:g}, more than {told.most}]"
    return format_interval(value, (low, high))


def _covered(held: HeldOut, which: str) -> str:
    """How many values lie in their intervals; bounds are told beside, and do not count."""
    rows, (kept, bounds) = held.measured, held.bounds_kept
    told = (
        f"Of {len(rows)} simulations along the radius of the anion {which}with a value, "
        f"{round(held.coverage * len(rows)) if len(rows) else 0} lie in their 95 % intervals"
    )
    if bounds:
        told += f"; upper bounds beside them: {bounds}, of which {kept} without contradiction"
    return f"{told}."


def _simulated(report: Report, found: Findings) -> None:
    effort = found.effort
    model = PolymerElectrolyte.at(**effort.anion.fixed)
    report.section("What is simulated").text(
        f"{model.chains} chains of {model.monomers} beads with lithium and anions of one bead "
        f"each, at {model.temperature_K:g} K; charges are screened by a dielectric constant of "
        f"{model.dielectric:g}. The reference stands for PEO-LiTFSI: anion radius "
        f"{model.anion_radius:g} angstrom, EO:Li = {1 / model.li_per_eo:g}. What is wanted is "
        "log10 of the Nernst-Einstein conductivity of lithium. A run whose lithium does not "
        "diffuse yet (glassy), or whose salt has come out, gives an upper bound; one that blows up "
        "gives nothing: all are rows, and count as evaluations. Whether lithium diffuses is asked "
        "of all seeds of the reference, of an optimum and of a salt together.",
    )
    lines = [
        {
            "campaign": name,
            "evaluations": part.finished,
            "of": part.role.goal,
            "length": part.role.simulation.production_ns,
            "seed": str(part.role.seed),
            "outcomes": _outcomes(found, name),
        }
        for name, part in found.parts.items()
    ]
    report.table(
        pd.DataFrame(lines),
        caption="The campaigns. Rows of the proposed arms begin with the shared random ones.",
        units={"length": "ns"},
    )
    told = found.reference
    if told is not None:
        mean = format_number(told.S_per_cm.value, digits=3)
        scatter = f"{100 * told.scatter.value:.1f} %"
        if told.bounds:
            mean = f"{mean} S/cm as told, where {told.bounds} are upper bounds: the mean is less"
        else:
            mean = f"{format_interval(*_pair(told.S_per_cm))} S/cm (geometric mean, 95 % interval)"
            scatter += f" ({100 * told.scatter.low:.1f} to {100 * told.scatter.high:.1f} %)"
        report.text(
            f"{told.runs} seeds of the reference give {mean}. Between seeds the values scatter by "
            f"{scatter}, which is the relative standard error of a run; of itself, a run tells one "
            f"of {100 * told.told:.1f} %. It takes "
            f"{format_number(told.cpu_seconds.value, digits=3)} CPU seconds."
        )


def _outcomes(found: Findings, name: str) -> str:
    campaign = found.parts[name].campaign
    told = campaign.status().outcomes if campaign else {}
    return ", ".join(f"{count} {outcome}" for outcome, count in told.items())


def _pair(estimate: tuple[float, float, float]) -> tuple[float, tuple[float, float]]:
    value, low, high = estimate
    return value, (low, high)


def _lengths(report: Report, found: Findings) -> None:
    report.section("How long a simulation has to be")
    if found.lengths.empty:
        none = (
            "neither the folders of the runs nor the table that is made of them are beside the "
            "campaigns"
        )
        report.text(f"Not told: {found.untold.get('run lengths', none)}.")
        return
    table = summary_of_lengths(found.lengths)
    points = ", ".join(_POINTS[str(point)] for point in table["point"].unique())
    report.text(
        f"First parts of the same runs, judged as if they had ended there, of {points}. The "
        "collective conductivity (Onsager), which a cell would deliver, is one particle however "
        f"many ions there are.{_how_much_less_known(table)}"
    )
    figure, ax = subplots(width=6.4, height=4.0)
    length_errors(table, ax)
    report.figure(
        figure,
        caption="Relative standard error of the conductivity against run length",
        alt="Scatter between seeds and told error at several run lengths for three points",
    )
    report.table(
        table,
        caption="What a run tells, by its length. Scatter between seeds and told error are "
        "relative standard errors of one run, of lithium's conductivity by Nernst and Einstein; "
        "beside them are those of all ions by the same, and of the collective one. Bias is of "
        "log10, against the whole of the same runs, with 95 % intervals by Student's t; bounds "
        "are the share of runs that only bound the value from above.",
        units={"length_ns": "ns", "cpu_seconds": "s", "collective_S_per_cm": "S/cm"},
        names={str(name): words(str(name)).removesuffix(" ns") for name in table},
        digits=3,
    )
    whole = found.lengths[found.lengths["length_ns"] == found.lengths["length_ns"].max()]
    whole = whole[(whole["point"] == "middle") & whole["nernst_einstein_S_per_cm"].notna()]
    if len(whole):
        row = whole.iloc[0]
        total, share = row["nernst_einstein_S_per_cm"], row["transference_number"]
        onsager, part = row["collective_S_per_cm"], row["collective_transference_number"]
        report.text(
            "The thesis explores the product of conductivity and transference number. If ions move "
            f"independently this is what is explored here: of run {row['id']} of the reference, "
            f"{total:.3g} S/cm times {share:.3f} is {total * share:.3g} S/cm, and lithium alone "
            f"gives {10 ** row['log10_S_per_cm']:.3g} S/cm. "
            "Together, and "
            f"with the correlations of ions, it is {onsager:.3g} S/cm times {part:.2f}, which is "
            f"{onsager * part:.3g} S/cm; one run knows that of all ions to be "
            f"{row['collective_low']:.2g} to {row['collective_high']:.2g} S/cm (95 %)."
        )


def _how_much_less_known(table: pd.DataFrame) -> str:
    """Scatter of the collective conductivity over that of ions alone, of the whole reference."""
    rows = table[table["point"] == "middle"].tail(1)
    times = float((rows["collective_scatter"] / rows["all_ions_scatter"]).sum())
    if not times > 0 or math.isinf(times):
        return ""
    return (
        f" Between whole runs of the reference it scatters {times:.1f} times as much as the sum of "
        "all ions by Nernst and Einstein."
    )


def _compared(report: Report, found: Findings, anions: Anions) -> None:
    effort = found.effort
    random, proposed = (found.parts[name].finished for name in ("random", "proposed"))
    shared = min(effort.shared, random, proposed)
    report.section("Bayesian optimisation against random search").text(
        f"{shared} random rows that both arms have (of {effort.shared}); then "
        f"{proposed - shared} proposed ones (of {effort.proposed}) by local penalisation in "
        f"batches of {effort.batch}, against {random - shared} more random ones (of "
        f"{effort.random}). Random rows could have come in any order: the line is the median over "
        "all orders, the band holds 95 % of them. The best of many noisy values has had luck; on "
        "the right the rows are judged by one surrogate of all of them."
    )
    figure, axes = subplots(1, 2, width=10.4, height=4.0)
    panels = {"by values": anions.progress, "by the surrogate": anions.judged}
    for ax, (by, table) in zip(axes, panels.items(), strict=True):
        best_so_far_curves(table, ax, objective=CONDUCTIVITY).set_title(by, fontsize=10)
    report.figure(
        figure,
        caption="The best so far against evaluations (figure 5-2c): by values, and as one "
        "surrogate of all rows judges them",
        alt="Steps of the best value so far of random search and of Bayesian optimisation",
    )
    names = anions.surrogate.space.names
    if len(anions.best):
        report.table(
            anions.best[["arm", *names, "mean", "low", "high"]],
            caption="The best row of each arm: that which was simulated again, and until then the "
            "one of which most is expected among rows with a value that is no bound. Beside it, "
            "what one surrogate of all rows expects there, log10 of S/cm with 95 % interval.",
            names={name: words(name) for name in names},
            units={p.name: p.unit for p in anions.surrogate.space if p.unit},
        )
    again = [found.parts[f"replicates-{arm}"] for arm in ("proposed", "random")]
    done = " and ".join(f"{part.finished} of {part.role.goal}" for part in again)
    if found.gain is None:
        why = found.untold.get("the gain", f"{done} simulations of the optima are there")
        report.text(f"There is no gain to be told yet: {why}.")
        return
    report.text(
        f"{_gained(found.gain)} Of {done} simulations {found.gain.runs[0]} and "
        f"{found.gain.runs[1]} gave a value, {found.gain.bounds[0]} and {found.gain.bounds[1]} of "
        "these as upper bounds. How often the one wins is told by replays."
    )


def _replays(report: Report, told: Replays) -> None:
    left = not_reached(told)
    median = (
        f"more than {told.most}, the most that was tried"
        if told.to_random_best.value > told.most
        else _evaluations(told)
    )
    report.section("How many evaluations it takes, in many worlds").text(
        f"{told.worlds} emulators were drawn from what the rows leave open, each with a campaign "
        f"in batches and one that proposes one at a time, from the same {told.initial} random "
        f"rows. The goal of a world is the truth of the best of {told.most} other random rows "
        "there. A row that is told as an upper bound is no goal and reaches none, as nobody would "
        "know how good it is. Evaluations are counted by whole batches, the first rows among them.",
        f"The median of batches of {told.batch} is {median} evaluations; over those one at a time "
        f"that is {format_interval(*_pair(told.ratio))}, and of what was proposed alone "
        f"{format_number(told.proposals_ratio, digits=3)} (95 % intervals by bootstrap over "
        f"worlds). The goal was not reached in {told.most} evaluations in {left[BATCHES]} worlds "
        f"in batches and {left[SEQUENTIAL]} one at a time; they count as {told.most + 1}. An "
        "emulator is no simulator: it knows no peak that no row has come near.",
    )
    figure, ax = subplots(width=6.4, height=4.0)
    reached_share(told.needed[[BATCHES, SEQUENTIAL]], told.most, ax)
    report.figure(
        figure,
        caption=f"Share of worlds in which the best of {told.most} random rows was reached. The "
        "random search that sets the goal is not drawn: it reaches its own best by definition. "
        f"One with other rows would be there in half of the worlds after {told.most}.",
        alt="Steps of the share of worlds at the goal against evaluations for two ways to propose",
    )


def _held_out(report: Report, anions: Anions) -> None:
    along = anions.along
    if along is None:
        return
    report.section("Simulations that it has not seen").text(
        f"{_covered(along.held, '')} All else is as in the reference; "
        f"{int(along.held.table['extrapolates'].sum())} of all are farther from all rows than is "
        "usual."
    )
    figure, ax = subplots(width=6.4, height=4.0)
    prediction_along(along.cut, along.held, along.values, ax, objective=CONDUCTIVITY)
    report.figure(
        figure,
        caption="Predicted and simulated along the radius of the anion (figure 5-2d); the band is "
        "of the result of one new simulation with the usual noise, and points are counted by it. "
        "Their bars are what runs tell of themselves",
        alt="A curve with its band, and simulated points with error bars",
    )


def _learned(report: Report, found: Findings, anions: Anions) -> None:
    """Figures 5-2b and 5-3, and how far to believe them."""
    which = ": anions"
    tell_importance(report, anions.analysis, which)
    tell_uphill(report, anions.analysis, which)
    if found.effort.quick:  # figures of many panels take as long as all of its simulations
        return
    tell_cuts(report, anions.analysis, which)
    tell_landscapes(report, anions.analysis, which)
    tell_surface(report, anions.analysis, which)
    tell_belief(report, anions.analysis, which)


def _machine(report: Report, found: Findings) -> None:
    report.section("What the campaign itself does")
    kills = found.kills
    if kills is not None:
        report.text(
            f"Killed {kills.kills} times ({kills.driver} the driver, {kills.worker} a worker, "
            f"{kills.both} both), a campaign of {kills.evaluations} evaluations has lost "
            f"{kills.lost}, has doubled {kills.doubled}, and has left {kills.left_over} over; "
            f"{kills.worked_out_again} were worked out again."
        )
    for arm, (spent, simulated) in found.overhead.items():
        report.text(
            f"In the {arm} arm, surrogates, proposals, its file and starts of workers took "
            f"{spent:.0f} CPU seconds, {100 * spent / simulated:.2f} % of the {simulated:.0f} of "
            "LAMMPS in its own evaluations."
        )


def _limits(report: Report, found: Findings) -> None:
    report.section("What is not claimed").text(
        "Beads glide where molecules rub: dynamics are 100 to 1000 times too fast. Trends and "
        "orders may be believed, conductivities may not. Parameters of the reference are ours, as "
        "the published table is not to be had.",
        f"The comparison of the arms is {ONE_DRAW}. The same seed gives another value after any "
        "change of version; two runs of one row differ by the scatter that is told above.",
        "An upper bound teaches only where the value is not. A point near the top that is taken "
        "for glassy by chance cannot be the best of its arm, in either arm.",
    )
    if found.effort.quick:
        report.text("Nothing of a quick run is about polymers.")
