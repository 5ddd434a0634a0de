"""The report of the study `lithium-hopping`, in the order of the thesis (section 4.3)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leyden import plots
from leyden.physics.intervals import Estimate
from leyden.plots import dynamics as drawn
from leyden.report import Report
from leyden.studies.hopping_claims import PUBLISHED_GLOBAL_PS, PUBLISHED_LOCAL_PS
from leyden.studies.hopping_findings import Findings
from leyden.studies.hopping_motion import STEPS
from leyden.studies.hopping_networks import LAGS_PS, MULTIPLES, Found
from leyden.studies.hopping_runs import CORE_A, LAG_PS, RareEvents, Twin
from leyden.studies.hopping_transfer import (
    CRITERIA,
    GENTLE,
    TARGET_K,
    differences,
    saved_ns,
    summary,
)

__all__ = ["build_report"]

_WAYS = {"graph": "graph network", "coordinates": "VAMPnet on coordinates"}


def build_report(title: str, found: Findings) -> Report:
    """The page: the system, the twin, the Langevin run, the lattice, limits and transfer."""
    report = Report(title, _lead(found))
    _system(report, found)
    _twin(report, found)
    _langevin(report, found)
    _surroundings(report, found)
    _lattice(report, found)
    _limits(report, found)
    _transfer(report, found)
    return report


def _lead(found: Findings) -> str:
    quick = "A quick run, which shows only that it works. " if found.effort.quick_run else ""
    network, visited = found.langevin.graph, found.langevin.visits
    exact = Twin(found.effort).model.local_timescale_ps
    return (
        f"{quick}From a trajectory of lithium among sulfur atoms, and no label, a graph network "
        f"finds the two kinds of site ({100 * network.agreement:.1f} % of the frames agree with "
        f"the geometry) and how fast lithium changes between them: {_told(network)}. Where the "
        f"rates are known it finds {_told(found.twin)} for {exact:.1f} ps. The motion from one "
        f"site to an equal one takes {_with_interval(visited.ratio)} times as long by the visits "
        f"to the sites; a VAMPnet on coordinates finds a motion that takes "
        f"{_with_interval(found.langevin.vampnet_ratio)} times as long."
    )


def _told(found: Found) -> str:
    value, low, high = found.timescale_ps
    return f"{value:.1f} ps [{low:.1f}, {high:.1f}]"


def _system(report: Report, found: Findings) -> None:
    twin = Twin(found.effort).model
    report.section("What is simulated").text(
        "Lithium in face-centred cubic sulfur (one conventional cell, 300 K): a Langevin run, in "
        "which lithium hops between octahedral and tetrahedral sites, and its twin, hops among "
        f"the same sites with exactly known rates (visits of {twin.octahedral_ps:g} and "
        f"{twin.tetrahedral_ps:g} ps on average, hence a local relaxation of "
        f"{twin.local_timescale_ps:.1f} ps, 1/tau = 1/tau_oct + 1/tau_tet). The potential of the "
        "thesis is not public; its figures are those of another system of this kind.",
        "Both networks are trained by their VAMP-2 score on the first half of the run and measured "
        "on the second. The score that chooses among epochs and restarts is of the last fifth of "
        "the first half. Intervals are of 95 %: of means over seeds by Student's distribution, all "
        "others from blocks of time, or from the runs of which there are many.",
    )


def _twin(report: Report, found: Findings) -> None:
    exact = Twin(found.effort).model.local_timescale_ps
    lines = [
        {
            "states": name,
            **{
                f"{lag:g} ps": one.timescales.timescales_ps[at, 0] / exact
                for at, lag in enumerate(LAGS_PS)
            },
            "low": one.timescale_ps[1] / exact,
            "high": one.timescale_ps[2] / exact,
        }
        for name, one in (("graph network", found.twin), ("the very sites", found.twin_truth))
    ]
    report.section("Is the timescale right where it is known?").table(
        pd.DataFrame(lines),
        caption=f"Timescale over the exact {exact:.1f} ps at several lags, and the interval at "
        f"{LAG_PS:g} ps, on {found.effort.tests} runs of {found.effort.twin_ns:g} ns that taught "
        "nothing. What the very sites miss is chance in the runs, and not the network's.",
        digits=3,
    )
    figure, ax = plots.subplots(width=6.4, height=4.0)
    drawn.relaxation_timescales(found.twin.timescales, ax, exact=exact, label="graph network")
    report.figure(
        figure,
        caption="Relaxation timescale against lag, on the twin",
        alt="Learned timescale of the twin at lags of 5 to 50 ps with its band and the exact value",
    )


def _langevin(report: Report, found: Findings) -> None:
    langevin = found.langevin
    parts = {
        "graph network": langevin.graph,
        "core sets": langevin.cores,
        "VAMPnet on coordinates": langevin.coordinates,
    }
    lines = []
    for name, one in parts.items():
        value, low, high = one.timescale_ps
        lines.append(
            {
                "states": name,
                "timescale": value,
                "low": low,
                "high": high,
                "VAMP-2": one.koopman.vamp2,
                "agreement with sites": one.agreement,
                "CK error": one.ck.error,
                "consistent lags": f"{int(one.ck.consistent.sum())} of {MULTIPLES}",
            }
        )
    report.section("Local and global motion in the Langevin run").table(
        pd.DataFrame(lines),
        caption=f"Two states each, at a lag of {LAG_PS:g} ps, on the second half of the run. A "
        f"core-set model takes a visit to begin where the core of a site ({CORE_A} angstrom) is "
        "entered, and to end where another is. Published: 42.3 ps (graph network) and 236 ps "
        "(VAMPnet) for another potential.",
        units={"timescale": "ps", "low": "ps", "high": "ps"},
        digits=3,
    )
    figure, axes = plots.subplots(1, 2, width=11, height=4.2)
    for name, one in parts.items():
        drawn.relaxation_timescales(one.timescales, axes[0], label=name)
    drawn.chapman_kolmogorov(langevin.graph.ck, axes[1])
    report.figure(
        figure,
        caption="Left: timescales against lag. Right: Chapman-Kolmogorov test of the graph network "
        "(lines: from one lag; points: as it is)",
        alt="Timescales of three sets of states against lag, and the Chapman-Kolmogorov test",
    )
    _where(report, found)
    _slower(report, found)


def _slower(report: Report, found: Findings) -> None:
    """How much slower the global motion is by theory, and by the VAMPnet, and why."""
    langevin = found.langevin
    seen, slow, over = langevin.visits, langevin.slow, langevin.vampnet_over_theory
    modes, (high, low) = langevin.lattice.modes_ps, slow.apart
    report.section("How much slower is the global motion, by theory and by the VAMPnet?").text(
        "The four octahedral sites are alike to a graph network and four places to a VAMPnet, "
        "whose slowest motion is hence from one octahedral site to another. By theory that takes "
        f"tau_oct / tau = {_with_interval(seen.ratio)} times as long as the local relaxation; "
        f"published is {PUBLISHED_GLOBAL_PS:g} / {PUBLISHED_LOCAL_PS:g} = "
        f"{PUBLISHED_GLOBAL_PS / PUBLISHED_LOCAL_PS:.2f}, of another potential. The VAMPnet finds "
        f"{_with_interval(langevin.vampnet_ratio)} times the timescale of the graph network. That "
        f"is {_with_interval(over)} of what theory says, both in the same stretches of time: "
        f"{_verdict(over)}",
        f"Its two states hold {high} of the octahedral sites against {low}; of the variance of its "
        "membership, "
        + ", ".join(f"{100 * share:.1f} % is {name}" for name, share in slow.shares.items())
        + ". Three motions among four octahedral sites are equal by symmetry; in a run of this "
        f"length they relax, by cores, in {', '.join(f'{mode:.0f}' for mode in modes)} ps, and two "
        "states follow one motion only. From the timescale by theory to the one that is found: "
        f"{slow.factors}."
    )  # fmt: skip
    local = langevin.graph.timescale_ps[0]
    report.table(
        pd.DataFrame(
            [
                ("mean visit to an octahedral site, tau_oct", *seen.octahedral_ps),
                ("mean visit to a tetrahedral site, tau_tet", *seen.tetrahedral_ps),
                ("local relaxation by these visits", *seen.local_ps),
            ],
            columns=["by cores", "time", "low", "high"],
        ),
        caption=f"Mean visits by cores of {CORE_A} angstrom, with 95 % intervals from blocks of "
        "time.",
        units={"time": "ps", "low": "ps", "high": "ps"},
        digits=3,
    ).table(
        pd.DataFrame(
            [
                (name, *step, step.value / local)
                for name, step in zip(STEPS, slow.steps, strict=True)
            ],
            columns=["what relaxes", "timescale", "low", "high", "over the local one"],
        ),
        caption="From the slow timescale by theory to that of the VAMPnet, one cause after "
        "another: its membership with the mean of each octahedral site and nothing said of "
        "tetrahedral ones; with the mean of every site; and as it is, frame by frame. The last "
        "column is over the timescale of the graph network.",
        units={"timescale": "ps", "low": "ps", "high": "ps"},
        digits=3,
    )


def _verdict(over: Estimate) -> str:
    """Whether a VAMPnet finds what theory says, by the interval of the ratio of both."""
    if not (np.isfinite(over.low) and np.isfinite(over.high)):
        return "the run is too short to say whether it finds all of it."
    if over.covers(1.0):
        return "by chance alone they may differ as much."
    return f"it finds {'less' if over.value < 1 else 'more'}, by more than chance."


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _where(report: Report, found: Findings) -> None:
    places = found.langevin.places
    figure, axes = plots.subplots(1, 2, width=10, height=4.6)
    for ax, (name, words) in zip(axes, _WAYS.items(), strict=True):
        drawn.membership_map(places["fractions"], places[name], ax)
        ax.set_title(words, fontsize=10)
    report.figure(
        figure,
        caption="Where lithium was, along one axis of the cell, coloured by the first state: the "
        "graph network tells kinds of site, the VAMPnet places",
        alt="Two maps of lithium positions in the cell, coloured by learned state",
    )


def _surroundings(report: Report, found: Findings) -> None:
    around = found.langevin.environments
    sulfur, shell = around.species.index("S"), around.within(around.shell)
    table = pd.DataFrame(
        {
            "state": [f"state {number}" for number in range(len(around.populations))],
            "population": around.populations,
            "sulfur atoms": around.coordination[:, sulfur, shell],
            "low": around.coordination_low[:, sulfur, shell],
            "high": around.coordination_high[:, sulfur, shell],
        }
    )
    report.section("What are the two states?").table(
        table,
        caption=f"Sulfur atoms within {around.shell:.2f} angstrom (the first minimum of all "
        "neighbours), each environment counted by its membership: six about an octahedral site, "
        "four about a tetrahedral one.",
        digits=3,
    )
    examples = found.langevin.examples
    far = max((np.linalg.norm(one.places, axis=1).max() for one in examples), default=0.0)
    columns = 1 + len(examples)
    figure, axes = plots.subplots(1, columns, width=4.2 * columns, height=3.8)
    axes = np.atleast_1d(axes)
    drawn.radial_distributions(around, axes[0], species="S")
    for example, ax in zip(examples, axes[1:], strict=True):
        drawn.environment_picture(example, ax, species=around.species, reach=far)
    report.figure(
        figure,
        caption="Sulfur around lithium by state, and an environment that stands for each",
        alt="Radial distribution functions by state, and pictures of typical environments",
    )


def _lattice(report: Report, found: Findings) -> None:
    lattice = found.langevin.lattice
    one = Estimate(1.0, float("nan"), float("nan"))
    lines = [
        ("directly, twelve sites by cores", lattice.direct_ps, one),
        ("rebuilt through the generator", lattice.rebuilt_ps, lattice.ratio),
        ("rebuilt as published", lattice.published_rebuilt_ps, lattice.published_ratio),
    ]
    rows = [(name, *time, *ratio) for name, time, ratio in lines]
    columns = ["slowest timescale", "value", "low", "high", "over the direct", "from", "to"]
    report.section("The whole lattice from one site").table(
        pd.DataFrame(rows, columns=columns),
        caption="Slowest motion among the twelve sites of the cell (four octahedral, eight "
        "tetrahedral), in ps; directly, the mean of three modes that are equal by theory. 95 % "
        "intervals; those of ratios are of both in the same stretches of time. The "
        "published construction takes who is at an octahedral site again after a lag to have "
        "stayed at his; rates know better. Published: 531 ps rebuilt, 528 ps directly.",
        units={"value": "ps", "low": "ps", "high": "ps"},
        digits=3,
    )


def _limits(report: Report, found: Findings) -> None:
    rare, exact = found.rare
    low, high = rare.interval[:, 0, 0]
    report.section("Noise, and what is rarer than the run is long").text(
        "Taught on noise, a network of four states scores on later noise "
        + "; ".join(
            f"{pooled:.4f} (batches of {size:,}; averaged over batches it would be {averaged:.4f})"
            for size, (pooled, averaged) in found.noise.items()
        )
        + ": 1 is nothing.",
        f"{found.effort.rare:,} atoms that taught nothing, each followed for "
        f"{RareEvents.duration_ns:g} ns, and relax in {exact / 1000:.1f} ns by the rates: found "
        f"{float(rare.timescales_ps[0, 0]) / 1000:.1f} ns [{low / 1000:.1f}, {high / 1000:.1f}]. "
        "Transitions are counted against the time of all atoms together.",
    )
    if rare.warnings:
        report.text(*rare.warnings)


def _transfer(report: Report, found: Findings) -> None:
    rows, half = found.transfer.rows, found.effort.langevin_ns / 2
    here, there = found.langevin.visits.local_ps, found.transfer.visits.local_ps
    settings = ", ".join(f"{name} {value:g}" for name, value in GENTLE.items())
    report.section("Does a network learned at one temperature save time at another?").text(
        f"The source is the {half:g} ns at 300 K; the target is a run at {TARGET_K:g} K, where by "
        f"visits the local relaxation takes {there.value:.1f} [{there.low:.1f}, {there.high:.1f}] "
        f"ps instead of {here.value:.1f} [{here.low:.1f}, {here.high:.1f}]. Each seed, of "
        f"{found.effort.seeds}, has a part of the run of its own, the same for every arm, and "
        f"is measured on the same {half:g} ns that taught nothing. Fine-tuning goes on from the "
        f"source with {settings}; all else is as from scratch. The time of the source's run, "
        "which all but training from scratch need, is not counted. Intervals over seeds tell how "
        "other parts of this run and other random numbers would do; the run of the source and the "
        "half that is measured on are one and the same for all.",
    )
    for criterion, (_, _, words) in CRITERIA.items():
        report.table(
            saved_ns(rows, criterion),
            caption=f"Simulated time at {TARGET_K:g} K that is needed for {words}, mean over "
            "seeds; what is saved against training from scratch, seed by seed, with the 95 % "
            "interval of that mean. A seed for which the longest run was too short (never) counts "
            f"with its {max(found.effort.transfer_ns):g} ns: where that is so from scratch, more "
            "is saved; where it is so of the arm itself, what it saves cannot be told.",
            units=dict.fromkeys(("needs", "saves", "low", "high"), "ns"),
            digits=3,
        )
    report.table(
        differences(rows),
        caption="VAMP-2 and agreement less those from scratch, seed by seed: means and 95 % "
        "intervals.",
        units={"ns": "ns"},
        names={"ns": "run that taught"},
        digits=3,
    ).table(
        summary(rows),
        caption="VAMP-2, agreement with the sites and relative error of the timescale by length "
        "of the target's run, means over seeds and half-widths of their 95 % intervals; collapsed: "
        "found nothing, and said so (scored as one state, without a timescale).",
        units={"ns": "ns"},
        names={"ns": "run that taught", "timescale_error": "timescale error",
               "timescale_error ±": "timescale error ±"},
        digits=4,
    )  # fmt: skip
    figure, ax = plots.subplots(width=6.8, height=4.2)
    drawn.agreement_curves(summary(rows), ax)
    report.figure(
        figure,
        caption="Agreement with the sites against simulated time at the new temperature",
        alt="Agreement of four strategies with the sites, by length of the run that taught",
    )
