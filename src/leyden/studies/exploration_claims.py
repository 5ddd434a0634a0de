"""The claims of the study `polymer-exploration`: each figure with its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leyden.physics.intervals import Estimate
from leyden.report.tables import format_number
from leyden.studies import Claim
from leyden.studies.exploration_campaigns import ALONG
from leyden.studies.exploration_findings import Findings
from leyden.studies.exploration_replays import BATCHES, SEQUENTIAL, not_reached

__all__ = ["claims", "standing"]

_MODEL = "coarse-grained PEO-LiTFSI, one bead a repeat unit and an anion, LAMMPS, 363 K"
_QUICK = "a quick run of a tiny and hot system, which shows only that everything works; "
#: Simulations with a value below which no coverage is judged.
FEWEST_COVERED = 8
_COVERED = 0.85
_TOGETHER = "whether lithium diffuses is asked of all seeds of a row together"
ONE_DRAW = "one campaign of each kind, which is one draw of chance"


def claims(found: Findings) -> list[Claim]:
    """Every claim of the study, in the order of the issue."""
    return [
        *_reference(found),
        _gain(found),
        _to_random_best(found),
        _coverage(found),
        _batches(found),
        _lost(found),
        _overhead(found),
    ]


def standing(found: Findings, names: Sequence[str]) -> str:
    """Why there is no figure: the campaigns that are not complete, with their evaluations."""
    behind = []
    for part in (found.parts[name] for name in names):
        file = part.role.path(Path()).name
        if part.fault:
            behind.append(f"{file} cannot be read ({part.fault})")
        elif not part.complete:
            behind.append(f"{file} has {part.finished} of {part.role.goal} evaluations")
    return "; ".join(behind)


def _lacking(found: Findings, names: Sequence[str], parts: Sequence[str], otherwise: str) -> str:
    """Why there is no figure of complete campaigns either: what went wrong, or `otherwise`."""
    why = [found.untold[part] for part in parts if part in found.untold]
    return standing(found, names) or "; ".join(why) or otherwise


def _shown(estimate: Estimate | None) -> tuple[float | None, tuple[float, float] | None]:
    """Value and interval, as claims take them."""
    return (None, None) if estimate is None else (estimate.value, estimate[1:])


def _begin(found: Findings) -> str:
    return _QUICK if found.effort.quick else ""


def _reference(found: Findings) -> list[Claim]:
    told, lacking = found.reference, standing(found, ["reference"])
    if told is None and not lacking:
        few = "fewer than two simulations gave a value"
        lacking = _lacking(found, ["reference"], ["the reference"], few)
    known = None if lacking else told
    what = bounded = scatter = slowest = own = ""
    if known is not None:
        role = found.parts["reference"].role
        what = (
            f"{_begin(found)}{_MODEL}; {found.parts['reference'].finished} simulations of "
            f"{found.effort.anion.production_ns:g} ns with seeds drawn from {role.seed}, of which "
            f"{known.runs} gave a value; {_TOGETHER}"
        )
        if known.bounds:
            bounded = (
                f"; {known.bounds} of these only bound it from above, so that it is told and "
                "nothing is judged by it"
            )
        else:
            low, high = known.scatter[1:]
            scatter = f"; 95 % interval by chi squared, {100 * low:.1f} to {100 * high:.1f} %"
        slowest, own = format_number(known.slowest, digits=3), f"{100 * known.told:.1f} %"
    return [
        Claim(
            "reference_conductivity_S_per_cm",
            "Nernst-Einstein conductivity of lithium in the reference",
            "S/cm",
            1e-3,
            *_shown(known.S_per_cm if known else None),
            lacking
            or f"{what}{bounded}; geometric mean, 95 % interval by Student's t of log10; beads "
            "glide, which makes it 100 to 1000 times too fast against atoms; published: the level "
            "of the iso-surface of figure 5-3, about that of experiment",
        ),
        Claim(
            "reference_relative_error",
            "relative standard error of one simulation of the reference",
            "",
            None,
            *_shown(known.scatter if known else None),
            lacking
            or f"{what}{bounded}; standard deviation between seeds{scatter}; what a run tells of "
            f"itself, by 4 blocks of time times 4 sets of ions, is {own} (root mean square)",
            bound=("<=", 0.12),
            whole_interval=bool(known and known.bounds),  # without an interval: not judged
        ),
        Claim(
            "reference_cpu_seconds",
            "processor time of one simulation of the reference",
            "s",
            None,
            *_shown(known.cpu_seconds if known else None),
            lacking
            or f"{what}; LAMMPS on one thread, packing and relaxation included, of all of them; "
            f"mean with 95 % interval, the slowest took {slowest} s on a machine with other work",
            bound=("<=", 120.0),
        ),
    ]


def _gain(found: Findings) -> Claim:
    effort, told = found.effort, found.gain
    names = ["random", "proposed", "replicates-random", "replicates-proposed"]
    if standing(found, names):
        told = None
    if told is None:
        few = "an arm's replicates gave fewer than two values"
        text = _lacking(found, names, ["the gain"], few)
    else:
        text = (
            f"{_begin(found)}{_MODEL}; {effort.shared} random rows that both arms have, then "
            f"{effort.proposed} by local penalisation in batches of {effort.batch} against "
            f"{effort.random} more random ones; the best row of each arm among those with a value "
            "that is no bound, by the posterior mean of one surrogate of all rows, simulated "
            f"{effort.replicates} times with fresh seeds, of which {told.runs[0]} and "
            f"{told.runs[1]} gave a value, {told.bounds[0]} and {told.bounds[1]} of these as upper "
            f"bounds ({_TOGETHER}); difference of mean log10 conductivities"
        )
        if told.bounds[0]:
            text += (
                ", told and not judged, and without an interval: that of the optimisation may be "
                "smaller than its bounds"
            )
        else:
            text += " with Welch's 95 % interval, the whole of which has to be positive"
            if told.bounds[1]:
                text += "; bounds of random search, whose mean may be smaller, are on the safe side"
        text += f"; {ONE_DRAW}; the published comparison is a curve without numbers"
    return Claim(
        "bo_gain_over_random",
        "gain of the optimum of Bayesian optimisation over that of random search",
        "log10",
        None,
        told.log10.value if told else None,
        told.log10[1:] if told and not told.bounds[0] else None,
        text,
        bound=(">", 0.0),
        whole_interval=True,
    )


def _worlds(found: Findings) -> str:
    """Protocol of the replays, or why there are none."""
    told = found.replays
    if told is None:
        few = "too few rows have a value to draw emulators from"
        return _lacking(found, ["random", "proposed"], ["replays"], few)
    left = not_reached(told)
    lost = f" ({told.without_goal} more had no goal)" if told.without_goal else ""
    return (
        f"{_begin(found)}{told.worlds} worlds{lost} drawn from all rows of both arms (a process of "
        f"another kernel than the surrogate's, with its failures, bounds and noise), one campaign "
        f"each; {told.initial} random rows, then local penalisation until a row is as good, by the "
        f"truth of the world, as the best of {told.most} other random ones there; a row that is "
        "told as an upper bound is neither a goal nor reaches one; whole batches are counted, the "
        f"first rows among them; goal not reached in {told.most}: {left[BATCHES]} in batches of "
        f"{told.batch}, {left[SEQUENTIAL]} one at a time, counted as {told.most + 1}; 95 % "
        "interval by bootstrap over worlds"
    )


def _to_random_best(found: Findings) -> Claim:
    told = found.replays
    return Claim(
        "bo_evaluations_to_random_best",
        f"evaluations of Bayesian optimisation to the best of {found.effort.most} random ones",
        "",
        None,
        *_shown(told.to_random_best if told else None),
        _worlds(found) + ("; median" if told else ""),
        bound=("<=", 25.0),
    )


def _batches(found: Findings) -> Claim:
    told = found.replays
    text = _worlds(found)
    if told is not None:
        text += (
            f"; ratio of medians, in both of which are the same {told.initial} first rows: of what "
            f"was proposed alone it is {format_number(told.proposals_ratio, digits=3)}"
        )
    return Claim(
        "batch4_evaluation_ratio",
        f"evaluations in batches of {found.effort.batch} over those one at a time",
        "",
        None,
        *_shown(told.ratio if told else None),
        text,
        bound=("<=", 1.3),
    )


def _coverage(found: Findings) -> Claim:
    names = ["random", "proposed", f"along-{ALONG}"]
    along = found.anions.along if found.anions and not standing(found, names) else None
    held = along.held if along else None
    value, interval = None, None
    if held is None or held.measured.empty:
        few = "no simulation along the line gave more than a bound"
        text = _lacking(found, names, ["the anion space", f"simulations along {ALONG}"], few)
    else:
        value, interval = held.coverage, held.coverage_interval
        rows, (kept, bounds) = held.measured, held.bounds_kept
        text = (
            f"{_begin(found)}simulations along {ALONG}, all else as in the reference, which no "
            f"surrogate has seen, in 95 % intervals of a new simulation by one surrogate of both "
            f"arms: {round(held.coverage * len(rows))} of {len(rows)} with a value; upper "
            f"bounds, which are not counted: {bounds}, of which {kept} without contradiction to "
            f"their intervals; {int(held.table['extrapolates'].sum())} of all are farther from all "
            "rows than is usual; 95 % interval of Wilson"
        )
        if len(rows) < FEWEST_COVERED:
            text += (
                f", {interval[0]:.2f} to {interval[1]:.2f}; told and not judged, as fewer than "
                f"{FEWEST_COVERED} have a value"
            )
            interval = None
        elif interval[0] < _COVERED <= value:
            text += f", which reaches below {_COVERED:g}: so few rows cannot show that much"
        text += "; published as a figure without numbers"
    return Claim(
        "heldout_coverage",
        "held-out simulations with a value within the 95 % intervals of the surrogate",
        "",
        None,
        value,
        interval,
        text,
        bound=(">=", _COVERED),
        whole_interval=value is not None and interval is None,  # not judged
    )


def _lost(found: Findings) -> Claim:
    told = found.kills
    if told is None and not found.effort.kills:
        text = "this is a quick run, and a driver that is begun anew takes seconds"
    elif told is None:
        text = _lacking(found, ["random", "proposed"], ["kills"], "nothing was killed")
    else:
        text = (
            f"a campaign of a known function, two workers, {told.evaluations} evaluations; "
            f"{told.kills} times SIGKILL at a random moment, to the driver ({told.driver}), a "
            f"worker ({told.worker}) or both ({told.both}); {told.while_proposing} of them while "
            f"rows were proposed. Lost, doubled or left over at the end; {told.worked_out_again} "
            "evaluations were worked out again"
            + ("" if told.ended_well else "; the last driver ended badly")
        )
    enough = told is not None and told.kills == found.effort.kills and told.ended_well
    if told is not None and not enough:
        text += (
            f"; not counted, as {found.effort.kills} kills and a good end were asked for, and not "
            "kept: the next run of the study kills anew"
        )
    return Claim(
        "lost_evaluations",
        "evaluations lost or counted twice where driver and workers are killed",
        "",
        None,
        told.wrong if told is not None and enough else None,
        None,
        text,
        bound=("<=", 0),
    )


def _overhead(found: Findings) -> Claim:
    told = None if standing(found, ["proposed"]) else found.overhead.get("proposed")
    if told is None:
        none = "no evaluation was made by a driver"
        text = _lacking(found, ["proposed"], ["the overhead"], none)
    else:
        text = (
            f"{_begin(found)}the arm of the optimisation, less the rows that it was told: "
            "processor time of its drivers (surrogates, proposals, the campaign's file, and its "
            f"table where this version has written it) and of the starts of workers, {told[0]:.0f} "
            f"s, over that of LAMMPS in its own evaluations, {told[1]:.0f} s; what workers do "
            "before and after LAMMPS counts on neither side"
        )
        chance = found.overhead.get("random")
        if chance is not None:
            text += f"; of random search, {chance[0]:.0f} s over {chance[1]:.0f} s"
    return Claim(
        "driver_overhead",
        "processor time of a campaign with proposals over that of its evaluations",
        "",
        None,
        told[0] / told[1] if told else None,
        None,
        text,
        bound=("<=", 0.02),
    )
