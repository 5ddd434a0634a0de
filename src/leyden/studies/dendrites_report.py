"""The report of the study `dendrites`: what was found, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leyden import plots
from leyden.data.dataset import Dataset
from leyden.evaluation import Evaluation
from leyden.models.ensembles import Ensemble
from leyden.physics.dendrites import (
    LITHIUM,
    critical_shear_ratio,
    critical_wavenumber,
    stability_terms,
)
from leyden.report import Report
from leyden.representations import represent
from leyden.studies.lithium_screen import Candidates
from leyden.studies.moduli import HEADLINE, SCRATCH, Effort
from leyden.studies.table_2_4 import compared, recovered

__all__ = ["Findings", "build_report"]

PUBLISHED_CANDIDATES = 12_950
LISTED = 60
"""Rows of the ranked table that the report shows; all of them stand in electrolytes.csv."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What the study measured, before it is told.

    Attributes
    ----------
    effort : Effort
    moduli, source : Dataset
    judged : frozenset of str
        Ids on which the published figure is judged.
    evaluations : mapping of str to Evaluation
        ``"random"``, ``"grouped"`` and ``"curve"``.
    everyone, kept : Candidates
        Lithium crystals, and those that passed the sieve.
    counts : DataFrame
        What each rule took out.
    ranking : DataFrame
    network : Ensemble
    speed : mapping of str to float
    """

    effort: Effort
    moduli: Dataset
    source: Dataset
    judged: frozenset[str]
    evaluations: Mapping[str, Evaluation]
    everyone: Candidates
    kept: Candidates
    counts: pd.DataFrame
    ranking: pd.DataFrame
    network: Ensemble
    speed: dict[str, float]


def build_report(title: str, found: Findings) -> Report:
    """The page: finding, accuracy, transfer, physics, screening."""
    report = Report(title, _lead(found))
    _accuracy(report, found)
    _transfer(report, found)
    _physics(report)
    _screening(report, found)
    return report


def _lead(found: Findings) -> str:
    random, table = found.evaluations["random"], found.ranking
    known = table[table["gap_known"]]
    best = (known if len(known) else table).iloc[0]
    gap = "of known gap " if len(known) else "(all gaps unknown: it may be an alloy) "
    pair = random.paired(HEADLINE, SCRATCH, target="log10_G_VRH_GPa")
    words = {
        "gain": "lowers the error of the shear modulus",
        "harm": "raises the error of the shear modulus",
        "no evidence": "shows no evidence of a gain for the shear modulus",
    }[pair.verdict]
    stable = int(((table["P_s_low"] > 0.05) | (table["chi_low"] < 0)).sum())
    quick = "" if found.effort.rows is None else "A quick run, which shows only that it works. "
    return (
        f"{quick}Moving knowledge from {len(found.source):,} formation energies to "
        f"{len(found.moduli):,} elastic moduli {words} (MAE ratio {pair.ratio:.3f}, 95 % interval "
        f"{pair.ratio_interval[0]:.3f} to {pair.ratio_interval[1]:.3f}, all training rows). Of "
        f"{len(found.everyone.dataset):,} lithium crystals (published: {PUBLISHED_CANDIDATES:,}), "
        f"{len(found.kept.dataset):,} pass the sieve, {len(table) - len(known):,} of them because "
        f"their band gap is not known; {stable} have a probability of stability above 5 % at "
        f"k = 1e8 1/m (published: none). Among those {gap}{best['formula']} has the longest "
        f"critical wavelength, {best['lambda_crit_median_nm']:.2f} nm. Published figures rest on "
        "other and more data: the protocols differ, and the table says where."
    )


def _accuracy(report: Report, found: Findings) -> None:
    report.section("How well are the moduli predicted?").text(
        "Root mean squared errors of log10 (GPa), pooled over the test rows of a split and "
        "averaged over splits. Arms with a potential read a network that has probably seen these "
        "crystals, and are marked; none of the claims rests on them."
    )
    for name, what in (("random", "Random splits"), ("grouped", "Formulas kept apart")):
        evaluation = found.evaluations[name]
        table = _score_table(evaluation, found.judged)
        report.table(table, caption=f"{what}: {evaluation.about['split']}.", digits=3)
    evaluation = found.evaluations["random"]
    figure, axes = plots.subplots(1, 2, width=10, height=4.6)
    for ax, symbol in zip(axes, "GK", strict=True):
        part = evaluation.rows[
            (evaluation.rows["arm"] == HEADLINE)
            & (evaluation.rows["target"] == f"log10_{symbol}_VRH_GPa")
            & (evaluation.rows["repeat"] == 0)
        ]
        label = f"log10 {symbol} ({symbol} in GPa)"
        plots.parity(part["y_true"], part["y_pred"], ax, label=label, truth="calculated")
    report.figure(
        figure,
        caption=f"Predicted against calculated moduli, test rows of one split; arm: {HEADLINE}",
        alt="Two parity plots, shear and bulk modulus",
    )


def _score_table(evaluation: Evaluation, judged: frozenset[str]) -> pd.DataFrame:
    """One row an arm: RMSE and MAE of both moduli on all rows and on the judged ones."""
    columns = {}
    for rows, part in (
        ("all rows", evaluation),
        ("elastic-tensor-2015", evaluation.subset(judged)),
    ):
        scores = part.scores(["rmse", "mae"]).pivot(index="arm", columns="target")
        for symbol in "GK":
            target = f"log10_{symbol}_VRH_GPa"
            columns[f"RMSE log10 {symbol}, {rows}"] = scores["rmse"][target]
        columns[f"MAE log10 G, {rows}"] = scores["mae"]["log10_G_VRH_GPa"]
    table = pd.DataFrame(columns).reindex(evaluation.arms)
    seen = {t["arm"] for t in evaluation.tasks if t["notes"].get("may_have_seen_test")}
    table.insert(0, "may have seen test", ["yes" if arm in seen else "" for arm in table.index])
    return table.sort_values(table.columns[1]).reset_index(names="arm")


def _transfer(report: Report, found: Findings) -> None:
    curve = found.evaluations["curve"]
    report.section("Where does transfer matter?").text(
        f"Learning curves on the same test rows. The source holds {len(found.source):,} formation "
        "energies; an arm without shared items learned from those of them whose formula is no "
        "crystal's of the target, training rows included. The network from scratch takes four "
        "times the steps of its usual epochs, since a hundred rows are two batches."
    )
    _curves(report, curve)
    report.text(*_where_it_stops(curve))
    _against_scratch(report, curve)
    _like_against_like(report, curve)


def _curves(report: Report, curve: Evaluation) -> None:
    shown = [
        "network from scratch",
        "fine-tuned",
        "frozen + composition",
        "classical average",
        SCRATCH,
        HEADLINE,
    ]
    figure, axes = plots.subplots(1, 2, width=10, height=4.2)
    for ax, symbol in zip(axes, "GK", strict=True):
        scores = curve.scores(["mae"])
        part = scores[
            (scores["target"] == f"log10_{symbol}_VRH_GPa") & scores["arm"].isin(shown)
        ].rename(
            columns={"size": "train_rows", "mae": "score", "mae_low": "low", "mae_high": "high"}
        )
        plots.learning_curve(part, ax, label=f"MAE of log10 {symbol} (GPa)")
    report.figure(
        figure,
        caption="Error against number of training rows; bands are 95 % intervals",
        alt="Learning curves of six arms for shear and bulk modulus",
    )


def _against_scratch(report: Report, curve: Evaluation) -> None:
    lines = []
    for size in curve.sizes:
        for arm in curve.arms:
            if arm == "network from scratch":
                continue
            pair = curve.paired(arm, "network from scratch", target="log10_G_VRH_GPa", size=size)
            lines.append(
                {
                    "training rows": size,
                    "arm": arm,
                    "MAE ratio": pair.ratio,
                    "low": pair.ratio_interval[0],
                    "high": pair.ratio_interval[1],
                    "verdict": pair.verdict,
                }
            )
    report.table(
        pd.DataFrame(lines),
        caption="Every arm against the network from scratch, log10 G, paired; 95 % intervals.",
        digits=3,
    )


def _like_against_like(report: Report, curve: Evaluation) -> None:
    pairs = [
        (HEADLINE, SCRATCH),
        ("frozen + structure", "structure kernel"),
        ("frozen + structure, no shared items", "structure kernel"),
        ("fine-tuned", "network from scratch"),
        ("fine-tuned, no shared items", "network from scratch"),
    ]
    compared = [
        {
            "arm": f"{arm} against {other}, {size} rows",
            "difference": pair.ratio,
            "low": pair.ratio_interval[0],
            "high": pair.ratio_interval[1],
        }
        for arm, other in pairs
        for size in curve.sizes
        for pair in [curve.paired(arm, other, target="log10_G_VRH_GPa", size=size)]
    ]
    figure, ax = plots.subplots(width=10, height=5)
    plots.paired_differences(pd.DataFrame(compared), ax, label="MAE ratio, log10 G", reference=1.0)
    report.figure(
        figure,
        caption="What transfer adds to like arms without it, paired on the same test rows",
        alt="Forest plot of MAE ratios with intervals",
    )


def _where_it_stops(curve: Evaluation) -> list[str]:
    """For each modulus, the sizes at which transfer still has evidence on its side."""
    sentences = []
    for arm, other in (("fine-tuned", "network from scratch"), (HEADLINE, SCRATCH)):
        for symbol in "GK":
            verdicts = {
                size: curve.paired(arm, other, target=f"log10_{symbol}_VRH_GPa", size=size).verdict
                for size in curve.sizes
            }
            told = ", ".join(f"{verdict} at {size}" for size, verdict in verdicts.items())
            sentences.append(f"{arm} against {other}, log10 {symbol}: {told} training rows.")
    return sentences


def _physics(report: Report) -> None:
    report.section("The stability parameter").text(
        "chi = A k - B k^2: stresses make a ripple of the interface grow, surface tension makes it "
        "die; it dies beyond the critical wavenumber A / B (Xie, equation 2.10)."
    )
    report.table(
        recovered().drop(columns="lambda_std_nm"),
        caption="Table 2.4, rows of known moduli: 2 pi B / A of the two printed values of chi "
        "(kJ/(mol nm)) gives the printed critical wavelength.",
        digits=3,
    )
    k = np.logspace(7, 10, 200)
    shear = LITHIUM.shear_modulus_GPa
    figure, ax = plots.subplots(width=7)
    terms = stability_terms(k, shear, 0.33, 0.1)
    plots.stability_terms(k, *terms, ax, critical_k=float(critical_wavenumber(shear, 0.33, 0.1)))
    report.figure(
        figure,
        caption="Terms of the stability parameter for G = G_Li, nu = 0.33, v = 0.1 (figure 2-4)",
        alt="Surface tension, deviatoric and hydrostatic term against wavenumber",
    )


def _screening(report: Report, found: Findings) -> None:
    table = found.ranking
    members = len(found.network.members_)
    report.section("Which electrolytes?").text(
        f"{members} networks, each fine-tuned on a random 60 % of the moduli, predict every "
        "lithium crystal of the data sets that are here; crystals with known moduli keep them, and "
        "have no spread. A crystal whose gap is not known is kept and flagged."
    )
    report.table(found.counts, caption="The sieve, rule after rule.")
    for known, what in ((True, "of known band gap"), (False, "whose gap is not known: alloys too")):
        part = table[table["gap_known"] == known]
        if len(part):
            report.table(
                part[_COLUMNS].head(LISTED).rename(columns=_NAMES),
                caption=f"The {min(LISTED, len(part))} of {len(part):,} crystals {what}, with the "
                "longest critical wavelength; all stand in `electrolytes.csv`.",
                uncertainties={"lambda_crit (nm)": "std (nm)"},
                digits=3,
            )
    figure, axes = plots.subplots(1, 2, width=10)
    unit = "kJ/(mol nm)"
    plots.histogram(
        table["chi_low"], axes[0], label="chi at k = 1e8 1/m", unit=unit, marks={"0": 0}
    )
    plots.histogram(
        table["lambda_crit_nm"], axes[1], label="critical wavelength", unit="nm", log=True
    )
    report.figure(
        figure,
        caption="Stability parameter and critical wavelength, mean of the ensemble",
        alt="Two histograms",
    )
    volume = np.linspace(0.01, 0.6, 60)
    lines = {
        f"critical, nu = {nu}": (volume, critical_shear_ratio(volume, nu))
        for nu in (0.2, 0.33, 0.45)
    }
    figure, ax = plots.subplots(width=8, height=5)
    top = dict(table["formula"].head(5))
    plots.stability_diagram(
        table["shear_ratio"], table["molar_volume_ratio"], ax, lines=lines, labels=top
    )
    report.figure(
        figure,
        caption="Isotropic stability diagram: below the line stresses alone stabilise (figure 2-7)",
        alt="Shear-modulus ratio against molar-volume ratio, with critical lines",
    )
    published = compared(table)
    if len(published):
        report.table(
            published,
            caption="Electrolytes of table 2.4 that are among ours; chi in kJ/(mol nm).",
            digits=3,
        )
    _latent(report, found)


_NAMES = {
    "id": "id",
    "formula": "formula",
    "moduli_known": "moduli known",
    "lambda_crit_median_nm": "median lambda_crit (nm)",
    "lambda_crit_nm": "lambda_crit (nm)",
    "lambda_crit_std_nm": "std (nm)",
    "chi_low": "chi, 1e8 1/m",
    "chi_high": "chi, 1 nm",
    "P_s_high": "P_s, 1 nm",
    "G_GPa": "G (GPa)",
    "K_GPa": "K (GPa)",
    "molar_volume_ratio": "V_ion/V_M",
    "energy_above_hull_eV_per_atom": "above hull (eV/atom)",
    "source": "source",
}
_COLUMNS = list(_NAMES)


def _latent(report: Report, found: Findings, each: int = 500) -> None:
    """Training and screened crystals in one plane of the latent space (figure 2-5)."""
    from sklearn.manifold import TSNE

    rng = np.random.default_rng(0)
    vectors, kinds = [], []
    for dataset, kind in ((found.moduli, "training"), (found.kept.dataset, "screened")):
        rows = rng.permutation(len(dataset))[:each]
        graphs = represent(found.network.representation, dataset)
        vectors.append(found.network.embed(graphs[rows]))
        kinds += [kind] * len(rows)
    points = np.concatenate(vectors)
    perplexity = min(30, (len(points) - 1) // 3)
    plane = TSNE(2, perplexity=perplexity, random_state=0, init="pca").fit_transform(points)
    figure, ax = plots.subplots(width=6.4, height=5.4)
    plots.latent_map(plane, kinds, ax)
    report.figure(
        figure,
        caption="Training and screened crystals in the latent space of one network, by t-SNE",
        alt="Scatter plot of two sets of points in a plane",
    )
