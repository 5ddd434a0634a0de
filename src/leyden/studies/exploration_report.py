"""The report of the study `polymer-exploration`, in the order of the thesis (chapter 5)."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.physics.intervals import Estimate
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
from leyden.studies.exploration_campaigns import ALONG
from leyden.studies.exploration_chemistry import tell_anions, tell_salts, tell_spaces
from leyden.studies.exploration_claims import ONE_DRAW, standing
from leyden.studies.exploration_findings import PROPOSED, RANDOM, Anions, Findings
from leyden.studies.exploration_lengths import summary_of_lengths
from leyden.studies.exploration_replays import BATCHES, SEQUENTIAL, Replays

__all__ = ["build_report"]


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
    if found.gain is not None and not standing(found, ["replicates-random", "replicates-proposed"]):
        yield _gained(found.gain.log10)
    if found.replays is not None:
        told = found.replays.to_random_best
        yield (
            f"In {found.replays.worlds} worlds that agree with the simulations it takes "
            f"{format_interval(told.value, told[1:])} evaluations, in batches of "
            f"{found.replays.batch}, to the best of {found.replays.most} random ones."
        )
    if found.anions is not None and found.anions.along is not None:
        along = found.anions.along.coverage
        yield (
            f"Of {along.rows} simulations along the radius of the anion that taught nothing, "
            f"{along.covered} lie in their 95 % intervals."
        )
    yield "Beads move 100 to 1000 times too fast: trends are told here, no absolute conductivities."


def _gained(gain: Estimate) -> str:
    told = f"{change(CONDUCTIVITY, gain)} (95 % interval of lithium's conductivity)"
    if gain.low > 0:
        found = f"conducts better than that of as many random ones, by {told}"
    elif gain.high < 0:
        found = f"conducts worse than that of as many random ones: {told}"
    else:
        found = f"cannot be told apart from that of as many random ones: {told}"
    return (
        f"Simulated again with fresh seeds, the optimum of Bayesian optimisation {found}; this is "
        f"{ONE_DRAW}."
    )


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
        "gives nothing: all are rows, and count as evaluations.",
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
        report.text(
            f"{told.runs} seeds of the reference give {format_interval(*_pair(told.S_per_cm))} "
            f"S/cm (geometric mean, 95 % interval). A run tells a relative standard error of "
            f"{100 * told.told:.1f} %; between seeds the values scatter by "
            f"{100 * told.scatter.value:.1f} % ({100 * told.scatter.low:.1f} to "
            f"{100 * told.scatter.high:.1f} %). It takes "
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
        report.text(
            "Not told: neither the folders of the runs nor the table that is made of them are "
            "beside the campaigns."
        )
        return
    table = summary_of_lengths(found.lengths)
    report.text(
        "First parts of the same runs, judged as if they had ended there, for a fast point (the "
        "best proposed row), the reference and a slow point (the least of the random rows that "
        "still diffuse). The collective conductivity (Onsager), which a cell would deliver, is one "
        "particle however many ions there are: its errors are far larger."
    )
    figure, ax = subplots(width=6.4, height=4.0)
    length_errors(table, ax)
    report.figure(
        figure,
        caption="Error of log10 conductivity against run length",
        alt="Scatter between seeds and told error at several run lengths for three points",
    )
    report.table(
        table,
        caption="What a run tells, by its length. Scatter, told error and bias are of log10 "
        "conductivity; bias is against the whole of the same runs, with 95 % intervals by "
        "Student's t; bounds are the share of runs that only bound the value from above. "
        "Collective: mean over seeds, scatter between them and told half of the 95 % interval, "
        "both over the mean.",
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
            f"{onsager * part:.3g} S/cm, and hardly known from one run "
            f"({row['collective_low']:.2g} to {row['collective_high']:.2g} S/cm of all ions)."
        )


def _compared(report: Report, found: Findings, anions: Anions) -> None:
    effort = found.effort
    report.section("Bayesian optimisation against random search").text(
        f"{effort.shared} random rows that both arms have; then {effort.proposed} proposed ones by "
        f"local penalisation in batches of {effort.batch}, against {effort.random} more random "
        "ones. Random rows could have come in any order: the line is the median over all orders, "
        "the band holds 95 % of them. The best of many noisy values has had luck; on the right the "
        "rows are judged by one surrogate of all of them."
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
    report.table(
        anions.best[["arm", *names, "mean", "low", "high"]],
        caption="The best row of each arm by one surrogate, and what it expects there, log10 of "
        "S/cm with 95 % interval.",
        names={name: words(name) for name in names},
        units={p.name: p.unit for p in anions.surrogate.space if p.unit},
    )
    if found.gain is None:
        report.text("The optima were not simulated again yet: there is no gain to be told.")
        return
    runs, bounds = found.gain.runs, found.gain.bounds
    report.text(
        f"Simulated again with fresh seeds ({runs[0]} and {runs[1]} runs, {bounds[0]} and "
        f"{bounds[1]} of them upper bounds, which count as told), the optimum of {PROPOSED} has "
        f"{change(CONDUCTIVITY, found.gain.log10)} over that of {RANDOM}, by Welch's 95 % "
        f"interval. This is {ONE_DRAW}: how often the one wins is told by replays."
    )


def _replays(report: Report, told: Replays) -> None:
    report.section("How many evaluations it takes, in many worlds").text(
        f"{told.worlds} emulators were drawn from what the rows leave open, each with one campaign "
        f"of every kind. The goal of a world is the truth of the best of {told.most} random rows "
        f"there. The median of batches of {told.batch} is "
        f"{format_interval(*_pair(told.to_random_best))} evaluations, {told.initial} random ones "
        f"included; over those one at a time that is {format_interval(*_pair(told.ratio))} (95 % "
        "intervals by bootstrap over worlds). An emulator is no simulator: it knows no peak that "
        "no row has come near."
    )
    figure, ax = subplots(width=6.4, height=4.0)
    arms = ["random", BATCHES, SEQUENTIAL]
    reached_share(told.needed[arms], told.most, ax)
    report.figure(
        figure,
        caption=f"Share of worlds in which the best of {told.most} random rows was reached",
        alt="Steps of the share of worlds at the goal against evaluations for three arms",
    )


def _held_out(report: Report, anions: Anions) -> None:
    along = anions.along
    if along is None:
        return
    told = along.coverage
    report.section("Simulations that it has not seen").text(
        f"Along {words(ALONG)}, all else as in the reference, {told.covered} of {told.rows} "
        f"simulations lie in the 95 % intervals of a new simulation; {told.bounds} of them are "
        "upper bounds, which are covered where they do not contradict the interval; "
        f"{told.extrapolated} are farther from all rows than is usual."
    )
    figure, ax = subplots(width=6.4, height=4.0)
    prediction_along(along.cut, along.held, along.values, ax, objective=CONDUCTIVITY)
    report.figure(
        figure,
        caption="Predicted and simulated along the radius of the anion (figure 5-2d); the band is "
        "of the result of one new simulation",
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
    kills, overhead = found.kills, found.overhead
    if kills is not None:
        report.text(
            f"Killed {kills.kills} times ({kills.driver} the driver, {kills.worker} a worker, "
            f"{kills.both} both), a campaign of {kills.evaluations} evaluations has lost "
            f"{kills.lost}, has doubled {kills.doubled}, and has left {kills.left_over} over; "
            f"{kills.worked_out_again} were worked out again."
        )
    if overhead is not None:
        report.text(
            f"Surrogates, proposals and starts of workers took {overhead[0]:.0f} CPU seconds, "
            f"{100 * overhead[0] / overhead[1]:.2f} % of the {overhead[1]:.0f} of LAMMPS."
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
