"""Pages of the study `liquid-crystals` that go beyond the paper: salts, all rows, mesophases."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss

from leyden import plots
from leyden.evaluation import Evaluation
from leyden.plots.ionic_liquids import legend_below
from leyden.report import Report
from leyden.studies.drawn_errors import DrawnErrors
from leyden.studies.ionic_liquid_arms import CLASSICAL_AVERAGE
from leyden.studies.liquid_crystal_full import FullTable, Mesophases
from leyden.studies.liquid_crystal_salts import STACK, Salts

__all__ = ["tell_full", "tell_mesophases", "tell_salts"]

_BINS = 5


def tell_salts(report: Report, salts: Salts) -> None:
    """Melting points of ionic liquids, and what the stack is made of."""
    report.section("Melting points of ionic liquids").text(
        f"{salts.rows:,} ion pairs, folds by pair and by cation. The {STACK} is a weighted mean of "
        f"{', '.join(f'`{part}`' for part in salts.parts)}; its weights are chosen by inner folds "
        "of the training rows of each fold. Low et al. have 29.8 K and R² 0.74, Venkatraman et al. "
        "33 K and 0.67. The parts were named before this run, but not "
        "blindly: trees, boosting, process and hybrid were known to be strong from earlier looks "
        "at other folds of the same rows.",
    )
    for unseen, evaluation in (("pairs", salts.pairs), ("cations", salts.cations)):
        report.table(
            _ranked(evaluation, STACK),
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
    ratio = DrawnErrors.of(salts.pairs).ratio(STACK, CLASSICAL_AVERAGE)
    report.text(
        f"Over the equal average of {CLASSICAL_AVERAGE} on unseen pairs: {ratio.ratio:.3f} "
        f"[{ratio.low:.3f}, {ratio.high:.3f}], {ratio.verdict}."
    )


def tell_full(report: Report, full: FullTable) -> None:
    """All clearing temperatures."""
    report.section("All clearing temperatures").text(
        f"{full.rows} molecules, {full.repeats} times random folds, and folds that keep scaffolds "
        f"apart. What is proposed is a Gaussian process of descriptors and fingerprints together "
        f"(`{full.headline}`). It was chosen on other random folds of the same molecules, on which "
        "averages with trees were worse. An arm that knows the melting points of the test "
        "molecules, which are another quantity, says so in its name.",
    )
    for split, evaluation in (("random folds", full.random), ("scaffolds apart", full.scaffolds)):
        report.table(
            _ranked(evaluation, full.headline),
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
    for number, arm in enumerate(one.evaluation.arms):
        mine = rows[rows["arm"] == arm]
        chance = mine["y_pred"].fillna(mine["y_fallback"])
        part = pd.qcut(chance.rank(method="first"), min(_BINS, len(mine)), labels=False)
        binned = pd.DataFrame({"p": chance, "y": mine["y_true"]}).groupby(part).mean()
        style = plots.style.series_style(number)
        ax.plot(binned["p"], binned["y"], label=arm, **style)
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    ax.set(xlabel="predicted probability", ylabel="share that has a mesophase")
    legend_below(figure, ax, columns=2)
    report.figure(
        figure,
        caption="Calibration: fifths of the molecules by predicted probability",
        alt="Share of molecules with a mesophase against the predicted probability, by arm",
    )


def _ranked(evaluation: Evaluation, headline: str) -> pd.DataFrame:
    """Arms by error, with R2 and the paired ratio of the headline arm."""
    scores = evaluation.scores(["mae", "r2"]).sort_values("mae")
    errors = DrawnErrors.of(evaluation)
    lines = []
    for row in scores.to_dict("records"):
        ratio = errors.ratio(headline, row["arm"])
        lines.append(
            {
                "arm": row["arm"],
                "MAE": row["mae"],
                "low": row["mae_low"],
                "high": row["mae_high"],
                "R²": row["r2"],
                f"{headline} / arm": ratio.ratio if row["arm"] != headline else np.nan,
                "verdict": ratio.verdict if row["arm"] != headline else "",
            }
        )
    return pd.DataFrame(lines)
