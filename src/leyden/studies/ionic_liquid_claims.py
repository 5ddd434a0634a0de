"""The claims of the study `ionic-liquids`: each figure with its protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from leyden.evaluation import Evaluation
from leyden.paired import Paired
from leyden.studies import Claim
from leyden.studies.ionic_liquid_arms import (
    BASELINES,
    CLASSICAL_AVERAGE,
    HEADLINE,
    PROPERTIES,
    SCRATCH,
    SIMULATED,
    STACKED,
    Property,
)
from leyden.studies.ionic_liquid_comparisons import INNER_FOLDS, LEVEL
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.measured_coverage import pooled

__all__ = ["best_baseline", "claims", "score"]

AIMS = {
    "density": 1.1,
    "viscosity": 0.12,
    "conductivity": 0.14,
    "surface_tension": 5.0,
    "heat_capacity": 4.0,
    "melting_point": 25.5,
}
"""On unseen pairs, in the unit of the score."""

FACTORS = {"density": 1.3, "heat_capacity": 1.3}
FACTOR = 1.5
"""How many times our error on unseen pairs the error on unseen cations may be."""

_NO_LABELS = ("source", "one row a state point", "rows a pair")
NOT_MEASURED = "not measured in a quick run"
PAIRS, SECONDS, COVERAGE = 700_000, 60.0, (0.87, 0.93)


def claims(found: Findings) -> list[Claim]:
    """Every claim of the study, in the order of the tables."""
    return [
        *(
            claim
            for own in PROPERTIES
            if own.name in AIMS
            for claim in (_of(own, found) if own.name in found.comparisons else _absent(own))
        ),
        _solvation(found),
        *_screening(found),
        _coverage(found),
    ]


def score(evaluation: Evaluation, arm: str) -> tuple[float, tuple[float, float]]:
    """MAE of an arm (MAPE, where errors count in percent), and its 95 % interval."""
    row = evaluation.scores(["mae"]).set_index("arm").loc[arm].to_dict()
    return float(row["mae"]), (float(row["mae_low"]), float(row["mae_high"]))


def best_baseline(evaluation: Evaluation) -> str:
    """The baseline with the smallest error on these very rows, which flatters it."""
    scores = evaluation.scores(["mae"]).set_index("arm")["mae"]
    known = [arm for arm in (*BASELINES, CLASSICAL_AVERAGE) if arm in scores.index]
    return str(scores[known].idxmin())


def _of(own: Property, found: Findings) -> Iterator[Claim]:
    pairs, cations = (found.comparisons[own.name][name].evaluation for name in ("pairs", "cations"))
    what = f"{'MAPE' if own.relative else 'MAE'} of the {own.title}"
    value, interval = score(pairs, HEADLINE)
    boosted = pairs.paired(HEADLINE, "gradient boosting")
    yield Claim(
        f"{own.name}_mape_unseen_pairs",
        f"{what}, unseen pairs",
        own.unit,
        None,
        value,
        interval,
        f"{_folds(found)} grouped by pair, at most 12 cleaned rows a pair; arm: {HEADLINE} of "
        f"{', '.join(STACKED)}, weights by {INNER_FOLDS['pairs']} inner folds; "
        f"{_removed(own, found)}; 95 % interval by drawing pairs",
        bound=("<=", AIMS[own.name]),
    )
    yield Claim(
        f"{own.name}_ratio_to_boosting",
        f"error over that of gradient boosting, {own.title}",
        "",
        None,
        boosted.ratio,
        boosted.ratio_interval,
        f"{_folds(found)} grouped by pair, the same rows; boosting errs by "
        f"{boosted.score_against:.3g} {own.unit}; the aim is 0.65; 95 % interval by drawing pairs",
        bound=("<=", 0.65),
    )
    far, interval = score(cations, HEADLINE)
    factor = FACTORS.get(own.name, FACTOR)
    yield Claim(
        f"{own.name}_mape_unseen_cations",
        f"{what}, unseen cations",
        own.unit,
        None,
        far,
        interval,
        f"{_folds(found)} grouped by cation, weights by {INNER_FOLDS['cations']} inner folds; "
        f"bound: {factor} times the error on unseen pairs; 95 % interval by drawing cations",
        bound=("<=", factor * value),
    )
    yield _floor(own, found.floors[own.name])
    yield from _compared(own, found)


def _compared(own: Property, found: Findings) -> Iterator[Claim]:
    """What simulations teach, and what the best baseline is worth, on unseen pairs."""
    pairs = found.comparisons[own.name]["pairs"].evaluation
    transfer = pairs.paired(SIMULATED, SCRATCH)
    yield Claim(
        f"{own.name}_transfer_ratio",
        f"error of the recommender taught by simulations over that from scratch, {own.title}",
        "",
        None,
        transfer.ratio,
        transfer.ratio_interval,
        f"{_folds(found)} grouped by pair; the published model (ions by name), pretrained on all "
        "pairs of the ions of the PM7 table with closed forms and PM7/COSMO, which stand in for "
        f"COSMO-RS; {_on_grid(own, found):.0%} of the measured rows have both ions on that grid; "
        "95 % interval by drawing pairs",
        bound=("<", 1.0),
        whole_interval=True,
    )
    rival = best_baseline(pairs)
    best = pairs.paired(HEADLINE, rival)
    yield Claim(
        f"{own.name}_ratio_to_best_baseline",
        f"error over that of the best baseline ({rival}), {own.title}",
        "",
        None,
        best.ratio,
        best.ratio_interval,
        f"{_folds(found)} grouped by pair; baselines: {', '.join(BASELINES)}"
        f"{', ' + CLASSICAL_AVERAGE if CLASSICAL_AVERAGE in pairs.arms else ''}; the best was "
        "picked on these rows; 95 % interval by drawing pairs",
        bound=("<", 1.0),
        whole_interval=True,
    )


def _absent(own: Property) -> Iterator[Claim]:
    """The claims of a property that a quick run leaves out."""
    for what, unit in (
        ("mape_unseen_pairs", own.unit),
        ("mape_unseen_cations", own.unit),
        ("replicate_floor", own.unit),
        ("transfer_ratio", ""),
        ("ratio_to_boosting", ""),
        ("ratio_to_best_baseline", ""),
    ):
        name = f"{own.name}_{what}"
        yield Claim(name, f"{own.title}: {what.replace('_', ' ')}", unit, protocol=NOT_MEASURED)


def _removed(own: Property, found: Findings) -> str:
    """What the cleaning took, which compares labels of a pair with each other and with limits."""
    log = found.cleaning[own.name]
    first, last = log.iloc[0], log.iloc[-1]
    taken = int(log.loc[~log["step"].isin(_NO_LABELS), "removed"].sum())
    return (
        f"the cleaning, before the split, removed {taken:,} of {int(first['rows']):,} rows (labels "
        "are compared with those of the same pair and with physical limits) and left "
        f"{int(last['pairs']):,} of {int(first['pairs']):,} pairs"
    )


def _on_grid(own: Property, found: Findings) -> float:
    """Part of the measured rows whose two ions are simulated."""
    measured, grid = found.datasets[own.name].groups, found.sources.simulated.groups
    return float(
        (measured["cation"].isin(grid["cation"]) & measured["anion"].isin(grid["anion"])).mean()
    )


def _floor(own: Property, floors: pd.DataFrame) -> Claim:
    row, after = (floors.loc[stage].to_dict() for stage in ("measured", "cleaned"))
    scale = 100.0 if own.relative else 1.0
    measured = math.isfinite(row["spread"])
    return Claim(
        f"{own.name}_replicate_floor",
        f"standard deviation of replicate measurements, {own.title}",
        own.unit,
        None,
        scale * float(row["spread"]) if measured else None,
        (scale * float(row["low"]), scale * float(row["high"])) if measured else None,
        f"sets of one pair at one T (to 0.1 K) and P, mean over {row['state_points']:.0f} state "
        f"points of {row['pairs']:.0f} pairs, before the cleaning, which leaves out sets that "
        f"disagree: after it {scale * float(after['spread']):.3g} {own.unit}; "
        "95 % interval by drawing pairs"
        if measured
        else "one value a pair: nothing was measured twice",
    )


def _solvation(found: Findings) -> Claim:
    pair, solute = (found.solvation[group].paired("fine-tuned") for group in ("pair", "solute"))
    return Claim(
        "solvation_transfer_ratio",
        "error of the recommender pretrained on COSMO-RS over that from scratch, solvation energy",
        "",
        None,
        pair.ratio,
        pair.ratio_interval,
        f"{pair.rows:,} measured rows of CombiSolv, folds grouped by pair, whose simulated rows "
        f"are taken out of the source; MAE {pair.score:.3f} against {pair.score_against:.3f} "
        f"kcal/mol; unseen solutes: ratio {_ratio(solute)}; 95 % interval by drawing pairs",
        bound=("<", 1.0),
        whole_interval=True,
    )


def _screening(found: Findings) -> Iterator[Claim]:
    screening = found.screening
    whole = found.effort.pairs is None
    yield Claim(
        "pairs_screened",
        "pairs of a cation and an anion screened",
        "",
        700_000,
        screening.screening.counts["predicted"],
        protocol=f"all 1:1 pairs of {(screening.checked['error'] == '').sum():,} ions of the "
        f"catalogue, by InChIKey; {screening.properties} properties each",
        bound=(">=", PAIRS) if whole else None,
    )
    yield Claim(
        "screen_seconds",
        f"time to screen them for {screening.properties} properties",
        "s",
        None,
        screening.seconds,
        protocol=f"wall time on {screening.processes} processes of one thread, from saved "
        "predictors to Parquet, into an empty folder, on a machine that does other things too",
        bound=("<=", SECONDS) if whole else None,
    )


def _coverage(found: Findings) -> Claim:
    told = {name: by_split["pairs"].intervals for name, by_split in found.comparisons.items()}
    share, interval = pooled(pd.concat(told.values()))
    each = ", ".join(f"{name} {pooled(one)[0]:.3f}" for name, one in told.items())
    cations = pooled(
        pd.concat([by_split["cations"].intervals for by_split in found.comparisons.values()])
    )[0]
    low, high = COVERAGE
    return Claim(
        "coverage_90",
        f"coverage of {LEVEL:.0%} intervals on unseen pairs",
        "",
        None,
        share,
        interval,
        f"residuals of {INNER_FOLDS['pairs']} inner folds by pair calibrate each outer fold, all "
        f"properties pooled; {each}; wanted between {low} and {high}; unseen cations (calibrated "
        f"by cations): {cations:.3f}; 95 % interval by drawing pairs",
        bound=(">=", low) if share < (low + high) / 2 else ("<=", high),
    )


def _folds(found: Findings) -> str:
    return f"{found.effort.folds} folds"


def _ratio(paired: Paired) -> str:
    low, high = paired.ratio_interval
    return f"{paired.ratio:.3f} [{low:.3f}, {high:.3f}]"
