"""The claims of the study `polymer-exploration`: each figure with its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leyden.physics.intervals import Estimate
from leyden.report.tables import format_interval, format_number
from leyden.studies import Claim
from leyden.studies.exploration_campaigns import ALONG
from leyden.studies.exploration_findings import Findings
from leyden.studies.exploration_replays import BATCHES, SEQUENTIAL, not_reached

__all__ = ["claims", "standing"]

_MODEL = "coarse-grained PEO-LiTFSI, one bead a repeat unit and an anion, LAMMPS, 363 K"
_QUICK = "a quick run of a tiny and hot system, which shows only that everything works; "
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
    behind = [
        f"{part.role.path(Path()).name} has {part.finished} of {part.role.goal} evaluations"
        for part in (found.parts[name] for name in names)
        if not part.complete
    ]
    return "not measured yet: " + "; ".join(behind) if behind else ""


def _shown(estimate: Estimate | None) -> tuple[float | None, tuple[float, float] | None]:
    """Value and interval, as claims take them."""
    return (None, None) if estimate is None else (estimate.value, estimate[1:])


def _begin(found: Findings) -> str:
    return _QUICK if found.effort.quick else ""


def _runs(found: Findings, name: str) -> str:
    """Number, length and seeds of the simulations of a campaign."""
    part = found.parts[name]
    return (
        f"{part.role.goal} simulations of {found.effort.anion.production_ns:g} ns with seeds drawn "
        f"from {part.role.seed}"
    )


def _reference(found: Findings) -> list[Claim]:
    told, lacking = found.reference, standing(found, ["reference"])
    if told is None and not lacking:
        lacking = "not measured: fewer than two simulations gave a value"
    known = None if lacking else told
    what = f"{_begin(found)}{_MODEL}; {_runs(found, 'reference')}"
    scatter = format_interval(known.scatter.value, known.scatter[1:]) if known else ""
    slowest = format_number(known.slowest, digits=3) if known else ""
    bounded = f"; {known.bounds} of them only bound it from above" if known and known.bounds else ""
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
            "relative standard error that one simulation of the reference tells of itself",
            "",
            None,
            known.told if known else None,
            None,
            lacking
            or f"{what}{bounded}; root mean square of 4 blocks of time by 4 sets of ions; between "
            "seeds the values scatter by "
            f"{scatter} (95 % by chi squared)",
            bound=("<=", 0.12),
        ),
        Claim(
            "reference_cpu_seconds",
            "processor time of one simulation of the reference",
            "s",
            None,
            *_shown(known.cpu_seconds if known else None),
            lacking
            or f"{what}; LAMMPS on one thread, packing and relaxation included; mean with 95 % "
            f"interval, the slowest took {slowest} s on a machine with "
            "other work",
            bound=("<=", 120.0),
        ),
    ]


def _gain(found: Findings) -> Claim:
    effort = found.effort
    lacking = standing(found, ["random", "proposed", "replicates-random", "replicates-proposed"])
    told = None if lacking else found.gain
    if told is None:
        lacking = lacking or "not measured: an arm's replicates gave fewer than two values"
        return Claim(
            "bo_gain_over_random",
            "gain of the optimum of Bayesian optimisation over that of random search",
            "log10",
            protocol=lacking,
            bound=(">", 0.0),
            whole_interval=True,
        )
    return Claim(
        "bo_gain_over_random",
        "gain of the optimum of Bayesian optimisation over that of random search",
        "log10",
        None,
        told.log10.value,
        told.log10[1:],
        f"{_begin(found)}{_MODEL}; {effort.shared} random rows that both arms have, then "
        f"{effort.proposed} by local penalisation in batches of {effort.batch} against "
        f"{effort.random} more random ones; the best row of each arm, by the posterior mean of one "
        f"surrogate of all rows, simulated {told.runs[0]} and {told.runs[1]} times with fresh "
        f"seeds ({told.bounds[0]} and {told.bounds[1]} of them upper bounds, counted as told); "
        f"difference of mean log10 conductivities with Welch's 95 % interval, the whole of which "
        f"has to be positive; {ONE_DRAW}; the published comparison is a curve without numbers",
        bound=(">", 0.0),
        whole_interval=True,
    )


def _worlds(found: Findings) -> str:
    """Protocol of the replays, or why there are none."""
    told = found.replays
    if told is None:
        lacking = standing(found, ["random", "proposed"])
        return lacking or "not measured: too few rows have a value to draw emulators from"
    left = not_reached(told)
    return (
        f"{_begin(found)}{told.worlds} worlds drawn from all rows of both arms (a process of "
        f"another kernel than the surrogate's, with its failures, bounds and noise), one campaign "
        f"each; {told.initial} random rows, then local penalisation until a row is as good, by the "
        f"truth of the world, as the best of {told.most} random ones there; goal not reached in "
        f"{told.most}: {left[BATCHES]} in batches of {told.batch}, {left[SEQUENTIAL]} one at a "
        f"time, counted as {told.most + 1}; 95 % interval by bootstrap over worlds"
    )


def _to_random_best(found: Findings) -> Claim:
    told = found.replays
    return Claim(
        "bo_evaluations_to_random_best",
        f"evaluations of Bayesian optimisation to the best of {found.effort.most} random ones",
        "",
        None,
        *_shown(told.to_random_best if told else None),
        _worlds(found) + (f"; median, the {told.initial} first rows included" if told else ""),
        bound=("<=", 25.0),
    )


def _batches(found: Findings) -> Claim:
    told = found.replays
    return Claim(
        "batch4_evaluation_ratio",
        f"evaluations in batches of {found.effort.batch} over those one at a time",
        "",
        None,
        *_shown(told.ratio if told else None),
        _worlds(found) + ("; ratio of medians" if told else ""),
        bound=("<=", 1.3),
    )


def _coverage(found: Findings) -> Claim:
    along = found.anions.along if found.anions else None
    lacking = standing(found, ["random", "proposed", f"along-{ALONG}"])
    told = None if lacking or along is None else along.coverage
    if told is None:
        text = lacking or "not measured: too few rows have a value"
    else:
        text = (
            f"{_begin(found)}{told.covered} of {told.rows} simulations along {ALONG}, all else as "
            "in the reference, which no surrogate has seen, within 95 % intervals of a new "
            f"simulation by one surrogate of both arms; {told.bounds} of them upper bounds, "
            "covered where they do not contradict the interval; "
            f"{told.extrapolated} are farther from all rows than is usual; 95 % interval of "
            "Wilson; published as a figure without numbers"
        )
    return Claim(
        "heldout_coverage",
        "held-out simulations within the 95 % intervals of the surrogate",
        "",
        None,
        *_shown(told.share if told else None),
        text,
        bound=(">=", 0.85),
    )


def _lost(found: Findings) -> Claim:
    told = found.kills
    if told is None:
        text = "not measured in a quick run: a driver that is begun anew takes seconds"
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
        text += f"; not counted, as {found.effort.kills} kills and a good end were asked for"
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
    told, lacking = found.overhead, standing(found, ["random", "proposed"])
    text = (
        f"{_begin(found)}both arms of the anion space: processor time of the drivers (surrogates, "
        "proposals, the campaign's file) and of the starts of workers, over that of LAMMPS in "
        "their evaluations; what workers do before and after LAMMPS counts on neither side"
    )
    if told is None and not lacking:
        lacking = "not measured: no evaluation was made by a driver"
    ratio = None if lacking or told is None else told[0] / told[1]
    if ratio is not None and told is not None:
        text += f"; {told[0]:.0f} s over {told[1]:.0f} s"
    return Claim(
        "driver_overhead",
        "processor time of the campaign over that of its evaluations",
        "",
        None,
        ratio,
        None,
        lacking or text,
        bound=("<=", 0.02),
    )
