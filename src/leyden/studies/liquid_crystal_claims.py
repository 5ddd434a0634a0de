"""The claims of the study `liquid-crystals`: each figure with its protocol."""

from __future__ import annotations

from collections.abc import Iterator

from leyden.studies import Claim
from leyden.studies.drawn_errors import DrawnErrors
from leyden.studies.liquid_crystal_arms import (
    APART,
    CHAIN,
    CNN,
    MLP,
    NETWORKS,
    SCRATCH,
    arm_name,
    path_of,
)
from leyden.studies.liquid_crystal_data import FEW, SIZES
from leyden.studies.liquid_crystal_findings import CATIONS, CONTROLS, FULL, PAIRS, Findings
from leyden.studies.liquid_crystal_published import GAIN_PUBLISHED, PUBLISHED_SCORES
from leyden.studies.liquid_crystal_salts import STACK

__all__ = ["claims"]

_TITLES = {
    "clearing230": "230 clearing temperatures",
    "melting271": "271 melting temperatures",
    "clearing30": "30 clearing temperatures of one family",
    "melting39": "39 melting temperatures of one family",
}


def claims(found: Findings) -> list[Claim]:
    """Every claim of the study, in the order of the tables."""
    return [
        *(claim for table in SIZES for kind in NETWORKS for claim in _of(table, kind, found)),
        *_salts(found),
        _full(found),
        _mesophase(found),
        *_minutes(found),
    ]


def _score(errors: DrawnErrors, arm: str) -> tuple[float, tuple[float, float]]:
    """Pooled MAE of an arm, and its 95 % interval."""
    return float(errors.error[arm]), errors.interval(arm)


def _gain(errors: DrawnErrors, arm: str, against: str) -> tuple[float, tuple[float, float]]:
    """By how much an arm errs less than another, as a share, and its 95 % interval."""
    ratio = errors.ratio(arm, against)
    return 1 - ratio.ratio, (1 - ratio.high, 1 - ratio.low)


def _of(table: str, kind: str, found: Findings) -> Iterator[Claim]:
    """Error without and with the chain, and the gain."""
    errors, apart = found.errors[table], arm_name(kind, APART)
    protocol = (
        f"{_folds(table, found)}; MAE pooled over the folds of a repeat; non-ionic liquid crystals "
        f"stand in; 95 % interval by drawing {'molecules' if table in FEW else 'scaffolds'}"
    )
    sources = (
        "the last source is the other temperature of the very molecules, as published (drawn so "
        "after tables with 57 molecules in common had given the MLP 4 %)"
    )
    names = {path: arm_name(kind, path) for path in (SCRATCH, CHAIN)}
    for path, label in ((SCRATCH, "scratch"), (CHAIN, "chain")):
        value, interval = _score(errors, names[path])
        yield Claim(
            f"{table}_{kind.lower()}_{label}_mae",
            f"MAE, {_TITLES[table]}, {kind} {path_of(table, path)}",
            "°C",
            PUBLISHED_SCORES.get(table, {}).get(names[path], {}).get("mae"),
            value,
            interval,
            f"{protocol}; {sources}" if path == CHAIN else protocol,
        )
    judged = table == "clearing230" and kind == MLP
    value, interval = _gain(errors, names[CHAIN], names[SCRATCH])
    yield Claim(
        f"{table}_{kind.lower()}_chain_gain",
        f"by how much the chain lowers the MAE, {_TITLES[table]}, {kind}",
        "",
        GAIN_PUBLISHED if judged else None,
        value,
        interval,
        f"{protocol}, paired; {sources}",
        bound=(">=", 0.086) if judged else None,
    )
    often = apart in errors.error
    control = errors if often else found.errors[f"{table}{CONTROLS}"]
    value, interval = _gain(control, apart, names[SCRATCH])
    yield Claim(
        f"{table}_{kind.lower()}_apart_gain",
        f"the same where as many rows of other molecules taught, {_TITLES[table]}, {kind}",
        "",
        None,
        value,
        interval,
        f"{protocol}, paired" + ("" if often else f"; {found.effort.grouped} of the repeats"),
    )


def _folds(table: str, found: Findings) -> str:
    effort = found.effort
    if table in ("clearing230", "melting271"):
        return f"{effort.repeats} x {effort.folds} random folds, the faster schedule"
    return (
        f"leave-one-out, {effort.seeds} networks pretrained with different seeds, all averaged "
        "(published: the best of several)"
    )


def _salts(found: Findings) -> Iterator[Claim]:
    protocol = (
        f"{found.effort.folds} folds grouped by {{group}}, {found.salts.rows:,} pairs; arm: stack "
        f"of {', '.join(found.salts.parts)}, known to be strong from other folds of these rows, "
        "weights by inner folds of the training rows"
    )
    value, interval = _score(found.errors[PAIRS], STACK)
    yield Claim(
        "il_melting_mae_pairs",
        "MAE of the melting point of ionic liquids, unseen pairs",
        "K",
        29.8,
        value,
        interval,
        f"{protocol.format(group='pair')}; published: Low et al.; 95 % interval by drawing pairs, "
        "which share ions",
        bound=("<=", 25.5),
    )
    r2 = found.salts.pairs.scores(["r2"]).set_index("arm")["r2"].to_dict()
    yield Claim(
        "il_melting_r2_pairs",
        "R² of the melting point of ionic liquids, unseen pairs",
        "",
        0.74,
        float(r2[STACK]),
        None,
        f"{protocol.format(group='pair')}; published: Low et al.",
        bound=(">=", 0.79),
    )
    value, interval = _score(found.errors[CATIONS], STACK)
    yield Claim(
        "il_melting_mae_cations",
        "MAE of the melting point of ionic liquids, unseen cations",
        "K",
        None,
        value,
        interval,
        f"{protocol.format(group='cation')}; 95 % interval by drawing cations",
    )


def _full(found: Findings) -> Claim:
    full, errors = found.full, found.errors[FULL]
    best = full.best_classical
    ratio = errors.ratio(full.headline, best)
    return Claim(
        "clearing_full_ratio_to_best_classical",
        f"MAE of {full.headline} over that of {best}, all clearing temperatures",
        "",
        None,
        ratio.ratio,
        (ratio.low, ratio.high),
        f"{full.repeats} x {found.effort.folds} random folds of {full.rows} rows; MAE "
        f"{errors.error[full.headline]:.3g} against {errors.error[best]:.3g} °C; the best "
        "classical arm was picked on these rows, which flatters it; ours, a Gaussian process of "
        "descriptors and fingerprints, on other random folds of these molecules; 95 % interval by "
        "drawing scaffolds",
        bound=("<=", 0.90),
    )


def _mesophase(found: Findings) -> Claim:
    one = found.mesophase
    return Claim(
        "mesophase_balanced_accuracy",
        "balanced accuracy of whether clearing lies above melting",
        "",
        None,
        one.balanced_accuracy,
        one.interval,
        f"{found.effort.folds} random folds of the {one.rows} molecules of which both are measured "
        f"and differ, {one.without} of them clearing below melting; scaffolds apart: "
        f"{one.accuracies_apart[one.headline]}; 95 % interval by drawing scaffolds",
    )


def _minutes(found: Findings) -> Iterator[Claim]:
    for kind, bound in ((CNN, 15.0), (MLP, 3.0)):
        yield Claim(
            f"{kind.lower()}_table_minutes",
            f"one arm of a table, {kind} with its chain, {found.effort.repeats} x "
            f"{found.effort.folds} folds",
            "min",
            None,
            found.published.minutes[arm_name(kind, CHAIN)],
            None,
            "processor time of one repeat whose sources nobody had learned, of all repeats by "
            "what a fold costs, spread over two cores; the faster schedule",
            bound=("<=", bound),
        )
