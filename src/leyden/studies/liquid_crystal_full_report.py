"""Pages of the study `liquid-crystals` that go beyond the paper: salts, all rows, mesophases."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss

from leyden import plots
from leyden.evaluation import Evaluation
from leyden.report import Report
from leyden.studies.ionic_liquid_arms import CLASSICAL_AVERAGE
from leyden.studies.liquid_crystal_findings import CATIONS, FULL, FULL_APART, PAIRS, Findings
from leyden.studies.liquid_crystal_full import Mesophases
from leyden.studies.liquid_crystal_salts import STACK

__all__ = ["tell_full", "tell_mesophases", "tell_salts"]

_BINS = 5


def tell_salts(report: Report, found: Findings) -> None:
    """Melting points of ionic liquids, and what the stack is made of."""
    salts = found.salts
    report.section("Melting points of ionic liquids").text(
        f"{salts.rows:,} ion pairs, folds by pair and by cation. The {STACK} is a weighted mean of "
        f"{', '.join(f'`{part}`' for part in salts.parts)}; its weights are chosen by inner folds "
        "of the training rows of each fold. Low et al. have 29.8 K and R² 0.74, Venkatraman et al. "
        "33 K and 0.67. The parts were named before this run, but not "
        "blindly: trees, boosting, process and hybrid were known to be strong from earlier looks "
        "at other folds of the same rows.",
    )
    for unseen, name in (("pairs", PAIRS), ("cations", CATIONS)):
        report.table(
            _ranked(found, name, STACK),
            caption=f"Unseen {unseen}: MAE in K with 95 % interval by drawing {unseen}, R², and "
            f"the error of the {STACK} over that of each arm, paired.",
            digits=3,
        )
    weights = salts.weights["pairs"].drop(columns="fold")
    report.table(
        pd.DataFrame({"part": weights.columns, "weight": weights.mean().to_numpy()}),
        caption=f"Weights of the {STACK} on unseen pairs, means over folds.",
        digits=2,
    )
    ratio = found.errors[PAIRS].ratio(STACK, CLASSICAL_AVERAGE)
    report.text(
        f"Over the equal average of {CLASSICAL_AVERAGE} on unseen pairs: {ratio.ratio:.3f} "
        f"[{ratio.low:.3f}, {ratio.high:.3f}], {ratio.verdict}."
    )


def tell_full(report: Report, found: Findings) -> None:
    """All clearing temperatures."""
    full = found.full
    report.section("All clearing temperatures").text(
        f"{full.rows} molecules, {full.repeats} times random folds, and folds that keep scaffolds "
        f"apart. What is proposed is a Gaussian process of descriptors and fingerprints together "
        f"(`{full.headline}`). It was chosen on other random folds of the same molecules, on which "
        "averages with trees were worse. An arm that knows the melting points of the test "
        "molecules, which are another quantity, says so in its name.",
    )
    for split, name in (("random folds", FULL), ("scaffolds apart", FULL_APART)):
        report.table(
            _ranked(found, name, full.headline),
            caption=f"{split.capitalize()}: MAE in °C with 95 % interval, R², and the error of "
            f"{full.headline} over that of each arm, paired.",
            digits=3,
        )
    figure, axes = plots.subplots(1, 2, width=11, height=5.5)
    for ax, (split, evaluation) in zip(
        axes, (("random folds", full.random), ("scaffolds apart", full.scaffolds)), strict=True
    ):
        rows = evaluation.rows[evaluation.rows["arm"] == full.headline]
        rows = rows[rows["repeat"] == 0]
        said = rows["y_pred"].fillna(rows["y_fallback"])
        plots.parity(rows["y_true"], said, ax, label="clearing temperature (°C)", note=split)
    report.figure(
        figure,
        caption=f"{full.headline.capitalize()} on rows that it has not seen, first repeat",
        alt="Predicted against measured clearing temperatures for two kinds of folds",
    )


def tell_mesophases(report: Report, one: Mesophases) -> None:
    """Whether there is a mesophase on heating."""
    report.section("Is there a mesophase?").text(
        f"Clearing and melting temperature are predicted together, from all rows that have either, "
        f"and from the uncertainty of both follows the probability that clearing lies above "
        f"melting. Of {one.rows} molecules with both, {one.without} clear below their melting "
        f"point (monotropic); {one.ties} more, whose two temperatures are equal, are left out. "
        "Probabilities are calibrated by inner folds of the training rows. A "
        "molecule is said to have a mesophase where its probability exceeds the share of "
        "mesophases in the training rows. The tables list liquid crystals only: a molecule that "
        "forms no mesophase at all is in none of them.",
    )
    rows = one.evaluation.rows
    lines = []
    for arm in one.evaluation.arms:
        mine = rows[rows["arm"] == arm]
        chance = mine["y_pred"].fillna(mine["y_fallback"])
        accuracy = one.accuracies[arm]
        lines.append(
            {
                "arm": arm,
                "balanced accuracy": accuracy.value,
                "low": accuracy.low,
                "high": accuracy.high,
                "scaffolds apart": str(one.accuracies_apart[arm]),
                "Brier score": brier_score_loss(mine["y_true"], chance),
                "of the constant share": brier_score_loss(mine["y_true"], mine["y_fallback"]),
            }
        )
    report.table(
        pd.DataFrame(lines),
        caption="Whether clearing lies above melting, random folds, and balanced accuracy with "
        "scaffolds kept apart; 95 % intervals by drawing scaffolds.",
        digits=3,
    )
    figure, ax = plots.subplots(1, 1, width=6.5, height=5.5)
    plots.reliability(_binned(one.evaluation), ax, label="share that has a mesophase")
    report.figure(
        figure,
        caption="Calibration: fifths of the molecules by predicted probability",
        alt="Share of molecules with a mesophase against the predicted probability, by arm",
    )


def _binned(evaluation: Evaluation) -> pd.DataFrame:
    """Mean probability and share of each fifth of the rows, by arm."""
    tables = []
    for arm, mine in evaluation.rows.groupby("arm", sort=False):
        chance = mine["y_pred"].fillna(mine["y_fallback"])
        part = pd.qcut(chance.rank(method="first"), min(_BINS, len(mine)), labels=False)
        rows = pd.DataFrame({"predicted": chance, "observed": mine["y_true"]})
        tables.append(rows.groupby(part).mean().assign(arm=arm))
    return pd.concat(tables, ignore_index=True)


def _ranked(found: Findings, name: str, headline: str) -> pd.DataFrame:
    """Arms of a comparison by error, with R2 and the paired ratio of the headline arm."""
    errors = found.errors[name]
    r2 = found.evaluations()[name].scores(["r2"]).set_index("arm")["r2"]
    lines = []
    for arm in map(str, errors.error.sort_values().index):
        ratio, (low, high) = errors.ratio(headline, arm), errors.interval(arm)
        lines.append(
            {
                "arm": arm,
                "MAE": errors.error[arm],
                "low": low,
                "high": high,
                "R²": r2[arm],
                f"{headline} / arm": ratio.ratio if arm != headline else np.nan,
                "verdict": ratio.verdict if arm != headline else "",
            }
        )
    return pd.DataFrame(lines)
