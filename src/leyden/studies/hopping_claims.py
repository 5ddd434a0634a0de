"""The claims of the study `lithium-hopping`: each figure with its protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator

from leyden.physics.intervals import Estimate
from leyden.studies import Claim
from leyden.studies.hopping_findings import Findings
from leyden.studies.hopping_networks import BATCHES, LAGS_PS, MULTIPLES
from leyden.studies.hopping_runs import CORE_A, LAG_PS, RareEvents, Twin
from leyden.studies.hopping_transfer import (
    CRITERIA,
    GENTLE,
    SCRATCH,
    TARGET_K,
    TUNED,
    differences,
    saved_ns,
)

__all__ = ["claims"]

PUBLISHED_LOCAL_PS, PUBLISHED_GLOBAL_PS = 42.3, 236.0
PUBLISHED_REBUILT_PS, PUBLISHED_DIRECT_PS = 531.0, 528.0
WIDEST = 5.0
"""Factor between the ends of an interval of a timescale beyond which it tells next to nothing."""
NOT_MEASURED = "the full study, in a checkout of the repository, measures it"
_MEASURED = {
    "speed_ratio_to_deeptime": (
        "training throughput over that of a VAMPNet of deeptime of equal width",
        "environments of training pairs a CPU second, same pairs; its lobe is a flat perceptron, "
        "which does a small part of the arithmetic; benchmarks/speed_dynamics.py",
        None,
    ),
    "speed_ratio_to_deeptime_same_lobe": (
        "training throughput over that of deeptime's VAMPNet with our network as its lobe",
        "environments of training pairs a CPU second; benchmarks/speed_dynamics.py",
        None,
    ),
    "speed_ratio_to_original_path": (
        "training throughput over a rewritten reference of the original data path",
        "environments of training pairs a CPU second, networks of equal output; frames that pairs "
        "share are evaluated once by ours; benchmarks/speed_dynamics.py",
        (">=", 3.0),
    ),
    "conductivity_coverage": (
        "part of the 95 % intervals of conductivities that hold the exact value",
        "the least of Nernst-Einstein and collective conductivity on three random walks; "
        "benchmarks/conductivity_coverage.py",
        (">=", 0.90),
    ),
    "environments_streamed": (
        "environments built from a trajectory larger than the memory of the process",
        "{trajectory_MB:.0f} MB, and a kernel limit of {limit_MB:.0f} MB on private memory; "
        "benchmarks/stream_environments.py",
        (">=", 1_000_000.0),
    ),
    "stream_peak_MB": (
        "their peak of private memory (MB)",
        "highest RssAnon; benchmarks/stream_environments.py",
        None,
    ),
}


def claims(found: Findings) -> list[Claim]:
    """Every claim of the study, in the order of the issue."""
    return [
        *_states(found),
        *_global(found),
        *_noise(found),
        *_rare(found),
        *_transfer(found),
        *_measured(found),
    ]


def _halves(found: Findings) -> str:
    half = found.effort.langevin_ns / 2
    return f"learned on {half:g} ns of a Langevin run, measured on the next {half:g} ns"


def _states(found: Findings) -> Iterator[Claim]:
    yield Claim(
        "toy_state_agreement",
        "frames whose learned state is the kind of site",
        "",
        None,
        found.langevin.graph.agreement,
        None,
        f"{_halves(found)}; site whose core of {CORE_A} angstrom was entered last; the published "
        "agreement is a picture",
        bound=(">=", 0.97),
    )
    yield from _twin(found)
    yield from _timescale(found)
    yield from _visits(found)
    yield from _vampnet(found)
    yield from _tests(found)


def _twin(found: Findings) -> Iterator[Claim]:
    exact = Twin(found.effort).model.local_timescale_ps
    value, low, high = found.twin.timescale_ps
    held = "learned on one run of the twin with exact rates, measured on "
    held += f"{found.effort.tests} others of {found.effort.twin_ns:g} ns, lag {LAG_PS:g} ps"
    yield Claim(
        "toy_local_timescale_ratio",
        "learned local timescale over the exact one",
        "",
        None,
        value / exact,
        (low / exact, high / exact),
        f"{held}; exact {exact:.1f} ps; the states of the very sites give "
        f"{found.twin_truth.timescale_ps[0] / exact:.3f}; 95 % interval",
        bound=("1 ±", 0.07),
    )
    times = found.twin.timescales.timescales_ps[:, 0] / exact
    yield Claim(
        "toy_local_timescale_spread",
        f"greatest deviation of that ratio from 1 at lags of {LAGS_PS[0]:g} to {LAGS_PS[-1]:g} ps",
        "",
        None,
        float(abs(times - 1).max()),
        None,
        held,
        bound=("<=", 0.07),
    )


def _timescale(found: Findings) -> Iterator[Claim]:
    network, cores = found.langevin.graph, found.langevin.cores
    value, low, high = network.timescale_ps
    core, core_low, core_high = cores.timescale_ps
    yield Claim(
        "toy_langevin_timescale_ps",
        "learned local timescale of the Langevin run",
        "ps",
        PUBLISHED_LOCAL_PS,
        value,
        (low, high),
        f"{_halves(found)}, lag {LAG_PS:g} ps; a core-set Markov model of the same frames gives "
        f"{core:.1f} ({core_low:.1f} to {core_high:.1f}); published for another potential",
    )
    ratio = found.langevin.cores_ratio
    overlap = low <= core_high and core_low <= high
    yield Claim(
        "toy_timescale_over_core_sets",
        "that timescale over the core-set model's",
        "",
        None,
        ratio.value,
        ratio[1:],
        f"lag {LAG_PS:g} ps; a visit counts from the entrance of a core of {CORE_A} angstrom to "
        "that of another; 95 % interval of the ratio of both in the same stretches of time, all of "
        "which has to keep the bound",
        bound=("1 ±", 0.10) if math.isfinite(ratio.high) else None,
        whole_interval=True,
    )
    yield Claim(
        "toy_core_sets_covered",
        "whether that interval holds 1, and tells something (1: yes)",
        "",
        None,
        float(_tells(ratio, 1.0)),
        None,
        f"as toy_timescale_over_core_sets; ends at most a factor of {WIDEST:g} apart; the two "
        f"intervals, each by itself, {'overlap' if overlap else 'do not overlap'}, which says less",
        bound=(">=", 1.0),
    )


def _tells(interval: Estimate, truth: float) -> bool:
    """Whether an interval holds the truth, and would not hold about everything."""
    return interval.covers(truth) and interval.high <= WIDEST * interval.low


def _visits(found: Findings) -> Iterator[Claim]:
    seen, half = found.langevin.visits, found.effort.langevin_ns / 2
    rule = f"by cores of {CORE_A} angstrom, {half:g} ns that taught nothing"
    kinds = {"octahedral": seen.octahedral_ps, "tetrahedral": seen.tetrahedral_ps}
    for kind, time in kinds.items():
        yield Claim(
            f"toy_{kind}_visit_ps",
            f"mean visit to {'an' if kind[0] == 'o' else 'a'} {kind} site",
            "ps",
            None,
            time.value,
            time[1:],
            f"{rule}; 95 % interval from blocks of time",
        )
    yield Claim(
        "toy_theory_timescale_ratio",
        "slowest global timescale over the local one, by theory from these visits",
        "",
        PUBLISHED_GLOBAL_PS / PUBLISHED_LOCAL_PS,
        seen.ratio.value,
        seen.ratio[1:],
        f"{rule}; tau_oct / tau, 1 / tau the sum of the rates of leaving each kind of site for the "
        "other (1 / tau_oct + 1 / tau_tet, had no visit been missed); 95 % interval; published is "
        "what was measured for another potential",
    )


def _vampnet(found: Findings) -> Iterator[Claim]:
    langevin = found.langevin
    ratio, theory = langevin.vampnet_ratio, langevin.vampnet_over_theory
    yield Claim(
        "toy_vampnet_timescale_ratio",
        "timescale of the VAMPnet on coordinates over that of the graph network",
        "",
        PUBLISHED_GLOBAL_PS / PUBLISHED_LOCAL_PS,
        ratio.value,
        ratio[1:],
        f"{_halves(found)}; 95 % interval of the ratio of both in the same stretches of time; by "
        f"theory {langevin.visits.ratio.value:.2f}, of which it is {theory.value:.2f} "
        f"({theory.low:.2f} to {theory.high:.2f}); from there to here: {langevin.slow.factors}",
    )


def _tests(found: Findings) -> Iterator[Claim]:
    network = found.langevin.graph
    yield Claim(
        "toy_ck_error",
        f"greatest error of the Chapman-Kolmogorov test up to {MULTIPLES} lags",
        "",
        None,
        network.ck.error,
        None,
        f"graph network, {_halves(found)}, from {LAG_PS:g} ps; "
        f"{int(network.ck.consistent.sum())} of {MULTIPLES} multiples within a band that holds for "
        f"all at once; VAMPnet on coordinates {found.langevin.coordinates.ck.error:.3f}",
    )
    yield Claim(
        "toy_ck_consistent",
        "part of the multiples of the lag at which chance explains that error",
        "",
        None,
        float(network.ck.consistent.mean()),
        None,
        "as toy_ck_error",
        bound=(">=", 1.0),
    )


def _global(found: Findings) -> Iterator[Claim]:
    lattice = found.langevin.lattice
    direct, published = lattice.direct_ps, lattice.published_ratio
    yield Claim(
        "toy_global_rebuilt_ratio",
        "slowest timescale of twelve sites: rebuilt from the local model over direct",
        "",
        PUBLISHED_REBUILT_PS / PUBLISHED_DIRECT_PS,
        lattice.ratio.value,
        lattice.ratio[1:],
        "through the generator of the learned local model; directly "
        f"{direct.value:.0f} ps ({direct.low:.0f} to {direct.high:.0f}), the mean of three modes "
        "that theory makes equal, from the sites by cores; 95 % interval of the ratio; the "
        f"published construction gives {published.value:.3f} ({published.low:.3f} to "
        f"{published.high:.3f})",
        bound=("1 ±", 0.10),
    )


def _noise(found: Findings) -> Iterator[Claim]:
    pooled = {size: score for size, (score, _) in found.noise.items()}
    size, (_, averaged) = min(found.noise.items())
    sizes = ", ".join(f"{size:,}" for size in BATCHES)
    yield Claim(
        "noise_vamp2",
        "VAMP-2 score on later time of a network of four states that was taught noise",
        "",
        None,
        max(pooled.values(), key=lambda score: abs(score - 1)),
        None,
        f"the worst of mini-batches of {sizes} environments; covariances pooled over all pairs; "
        "1 means that nothing was found",
        bound=("<=", 1.02),
    )
    yield Claim(
        "noise_vamp2_averaged",
        "the same, had scores been averaged over mini-batches, as in the original code",
        "",
        None,
        averaged,
        None,
        f"mean over batches of {size} environments; shows that noise_vamp2 could fail",
    )


def _rare(found: Findings) -> Iterator[Claim]:
    result, exact = found.rare
    low, high = result.interval[:, 0, 0]
    yield Claim(
        "rare_timescale_ratio",
        f"timescale that is {RareEvents.slower:g} times as long as the run, over the exact one",
        "",
        None,
        float(result.timescales_ps[0, 0]) / exact,
        (float(low) / exact, float(high) / exact),
        f"{found.effort.rare:,} independent atoms for {RareEvents.duration_ns:g} ns each, learned "
        "from as many others; "
        "95 % interval; thesis 4.4.1 found 538 ns in a run of 12.5 ns",
    )
    told = Estimate(exact, float(low), float(high))
    yield Claim(
        "rare_interval_covers",
        "whether its interval holds the exact one, and tells something (1: yes)",
        "",
        None,
        float(_tells(told, exact)),
        None,
        f"as rare_timescale_ratio; ends at most a factor of {WIDEST:g} apart",
        bound=(">=", 1.0),
    )


def _transfer(found: Findings) -> Iterator[Claim]:
    rows, effort = found.transfer.rows, found.effort
    settings = ", ".join(f"{name} {value:g}" for name, value in GENTLE.items())
    where = (
        f"network of {effort.langevin_ns / 2:g} ns at 300 K, {TUNED} at {TARGET_K:g} K "
        f"({settings}) against training from scratch; seeds: {effort.seeds}, each with a part of "
        "the run that teaches and random numbers of its own, the same in both; 95 % interval of "
        "the paired mean over these. One run of the source and the "
        f"{effort.langevin_ns / 2:g} ns that are measured on are the same for all, and what others "
        "would give is not in it"
    )
    for criterion, (_, _, words) in CRITERIA.items():
        needs = {line["arm"]: line for line in saved_ns(rows, criterion).to_dict("records")}
        tuned, scratch = needs[TUNED], needs[SCRATCH]
        yield Claim(
            f"transfer_saved_ns_{criterion}",
            f"simulation at the new temperature that transfer saves, for {words}",
            "ns",
            None,
            tuned["saves"],
            (tuned["low"], tuned["high"]),
            f"{where}; needed: {tuned['needs']:.3g} against {scratch['needs']:.3g} ns; not reached "
            f"in {max(effort.transfer_ns):g} ns: {tuned['never']} against {scratch['never']} of "
            "the seeds. Those from scratch count with that length, and what is saved is then more; "
            "if any of the others is among them, nothing can be told",
        )
    shortest = min(effort.transfer_ns)
    lines = differences(rows).to_dict("records")
    (gains,) = [line for line in lines if (line["ns"], line["arm"]) == (shortest, TUNED)]
    yield Claim(
        "transfer_vamp2_gain",
        f"VAMP-2 by transfer less that from scratch, where a run of {shortest:g} ns teaches",
        "",
        None,
        gains["vamp2"],
        (gains["vamp2 low"], gains["vamp2 high"]),
        where,
    )


def _measured(found: Findings) -> Iterator[Claim]:
    for name, (quantity, protocol, bound) in _MEASURED.items():
        value = found.measured.get(name)
        yield Claim(
            name,
            quantity,
            "",
            None,
            value,
            None,
            NOT_MEASURED if value is None else protocol.format_map(found.measured),
            bound=bound,
        )
