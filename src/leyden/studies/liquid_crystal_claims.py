"""The claims of the study `liquid-crystals`: each figure with its protocol."""

from __future__ import annotations

from collections.abc import Iterator

from leyden.evaluation import Evaluation
from leyden.studies import Claim
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
from leyden.studies.liquid_crystal_findings import Findings
from leyden.studies.liquid_crystal_published import GAIN_PUBLISHED, PUBLISHED_SCORES
from leyden.studies.liquid_crystal_salts import STACK

__all__ = ["claims", "score"]

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


def score(evaluation: Evaluation, arm: str) -> tuple[float, tuple[float, float]]:
    """Pooled MAE of an arm, and its 95 % interval."""
    row = evaluation.scores(["mae"]).set_index("arm").loc[arm].to_dict()
    return float(row["mae"]), (float(row["mae_low"]), float(row["mae_high"]))


def _of(table: str, kind: str, found: Findings) -> Iterator[Claim]:
    """Error without and with the chain, and the gain."""
    evaluation = found.published.of(table)
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
        value, interval = score(evaluation, names[path])
        yield Claim(
            f"{table}_{kind.lower()}_{label}_mae",
            f"MAE, {_TITLES[table]}, {kind} {path_of(table, path)}",
            "°C",
            PUBLISHED_SCORES.get(table, {}).get(names[path], {}).get("mae"),
            value,
            interval,
            f"{protocol}; {sources}" if path == CHAIN else protocol,
        )
    paired = evaluation.paired(names[CHAIN], names[SCRATCH])
    low, high = paired.ratio_interval
    judged = table == "clearing230" and kind == MLP
    yield Claim(
        f"{table}_{kind.lower()}_chain_gain",
        f"by how much the chain lowers the MAE, {_TITLES[table]}, {kind}",
        "",
        GAIN_PUBLISHED if judged else None,
        1 - paired.ratio,
        (1 - high, 1 - low),
        f"{protocol}, paired; {sources}",
        bound=(">=", 0.086) if judged else None,
    )
    control = evaluation if _apart(kind) in evaluation.arms else found.published.controls[table]
    paired = control.paired(_apart(kind), names[SCRATCH])
    low, high = paired.ratio_interval
    yield Claim(
        f"{table}_{kind.lower()}_apart_gain",
        f"the same where as many rows of other molecules taught, {_TITLES[table]}, {kind}",
        "",
        None,
        1 - paired.ratio,
        (1 - high, 1 - low),
        f"{protocol}, paired"
        + ("" if control is evaluation else f"; {found.effort.grouped} of the repeats"),
    )


def _apart(kind: str) -> str:
    """The arm that was taught by other molecules than those of the target."""
    return arm_name(kind, APART)


def _folds(table: str, found: Findings) -> str:
    effort = found.effort
    if table in ("clearing230", "melting271"):
        return f"{effort.repeats} x {effort.folds} random folds, the faster schedule"
    return (
        f"leave-one-out, {effort.seeds} networks pretrained with different seeds, all averaged "
        "(published: the best of several)"
    )


def _salts(found: Findings) -> Iterator[Claim]:
    pairs, cations = found.salts.pairs, found.salts.cations
    protocol = (
        f"{found.effort.folds} folds grouped by {{group}}, {found.salts.rows:,} pairs; arm: stack "
        f"of {', '.join(found.salts.parts)}, known to be strong from other folds of these rows, "
        "weights by inner folds of the training rows"
    )
    value, interval = score(pairs, STACK)
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
    r2 = pairs.scores(["r2"]).set_index("arm")["r2"].to_dict()
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
    value, interval = score(cations, STACK)
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
    full = found.full
    paired = full.random.paired(full.headline, full.best_classical)
    return Claim(
        "clearing_full_ratio_to_best_classical",
        f"MAE of {full.headline} over that of {full.best_classical}, all clearing temperatures",
        "",
        None,
        paired.ratio,
        paired.ratio_interval,
        f"{full.repeats} x {found.effort.folds} random folds of {full.rows} rows; MAE "
        f"{paired.score:.3g} against {paired.score_against:.3g} °C; the best classical arm was "
        "picked on these rows, which flatters it; ours, a Gaussian process of descriptors and "
        "fingerprints, on other random folds of these molecules; 95 % interval by drawing "
        "scaffolds",
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
