"""Sections on what a network has learned; each takes a result, and says what it does not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leyden.plots.interpretation import (
    crystal_picture,
    element_plane,
    environment_plane,
    importance_bars,
    probe_bars,
)
from leyden.plots.periodic_table import periodic_table
from leyden.plots.style import subplots
from leyden.report import Report

if TYPE_CHECKING:
    import pandas as pd

    from leyden.element_map import ElementMap
    from leyden.environment_map import EnvironmentMap
    from leyden.interpretation import Explanation
    from leyden.property_importance import PropertyImportance

__all__ = [
    "crystal_section",
    "element_section",
    "environment_section",
    "explanation_report",
    "importance_section",
    "local_value_section",
]

_SHARED = (
    "Local values are exact shares of the prediction, and no measurement: the data fix their mean "
    "over a crystal only, and another network may share it out in another way."
)


def explanation_report(
    explanation: Explanation,
    *,
    command: str,
    version: str,
    environments: EnvironmentMap | None = None,
    pictures: int = 3,
) -> Report:
    """The page of `leyden explain`: elements, environments, and the first crystals one by one.

    Parameters
    ----------
    explanation : Explanation
        Of at least one crystal.
    command, version : str
        What made it; shown in the footer.
    environments : EnvironmentMap, optional
    pictures : int
        Crystals that get a table and a picture.
    """
    count = len(explanation.crystals)
    what = "1 crystal" if count == 1 else f"{count:,} crystals"
    report = Report(f"What makes {explanation.target}", _lead(explanation, what))
    report.provenance(command=command, version=version)
    local_value_section(report, explanation)
    for crystal in explanation.crystals["crystal"].head(pictures):
        crystal_section(report, explanation, crystal)
    if environments is not None:
        environment_section(report, environments)
    return report


def local_value_section(
    report: Report, explanation: Explanation, *, oxygen_neighbours: int = 0, least: int = 1
) -> Report:
    """Medians of the elements, as a periodic table and with their quartiles.

    Parameters
    ----------
    oxygen_neighbours : int
        Only sites with so many oxygens in their first shell.
    least : int
        Elements with fewer atoms are in the table, and not in the figure.
    """
    table = explanation.per_element(oxygen_neighbours)
    sites = (
        f"sites with at least {oxygen_neighbours} O neighbours" if oxygen_neighbours else "sites"
    )
    middle = float(explanation.crystals["prediction"].mean())
    report.section("Which elements raise it, and which lower it").text(
        f"{_SHARED} Here the mean over the atoms of a crystal differs from its prediction by at "
        f"most {explanation.sum_error:.1e} ({explanation.target}, {len(explanation.crystals):,} "
        "crystals)."
    )
    shown = table[table["atoms"] >= least]
    figure, ax = subplots(width=10, height=5.2)
    periodic_table(
        dict(zip(shown["element"], shown["median"], strict=True)),
        ax,
        label=f"median local value, {explanation.target}",
        centre=middle,
    )
    rare = f" of elements with {least} such atoms or more" if least > 1 else ""
    report.figure(
        figure,
        caption=f"Median local value over all {sites}{rare}; white is the mean of the predictions",
        alt="Periodic table coloured by the median local value of each element",
    )
    names = {
        "atoms": "atoms",
        "lower_quartile": "lower quartile",
        "upper_quartile": "upper quartile",
        "median_difference": "median difference from the crystal",
    }
    caption = f"Local values of each element over all {sites}, {explanation.target}."
    return report.table(table, caption=caption, names=names, digits=3)


def crystal_section(report: Report, explanation: Explanation, crystal: str) -> Report:
    """One crystal: its sites, from the one that raises the prediction most, and its picture."""
    picture, sites = explanation.picture(crystal), explanation.sites(crystal)
    report.section(f"{picture.formula} ({crystal})").text(
        f"Predicted {explanation.target}: {picture.prediction:.3f}. {_extremes(sites)}"
    )
    figure, ax = subplots(width=6.2, height=5.2)
    crystal_picture(picture, ax)
    report.figure(
        figure,
        caption=f"{picture.formula}: the cell with its boundary atoms, coloured by local value; "
        "white is the prediction. Sticks join an atom with its first shell",
        alt=f"Atoms of {picture.formula} as balls, coloured by local value",
    )
    return report.table(
        sites,
        caption=f"Sites of {picture.formula}, {explanation.target}. Equal sites are one row; the "
        "effect is the difference times their share of the cell, and all effects sum to zero.",
        names={"oxygen_neighbours": "O neighbours"},
        digits=3,
    )


def element_section(report: Report, result: ElementMap, *, published: str = "") -> Report:
    """Element vectors in the plane, what their components go with, and probes beside controls.

    `published` is a paragraph that sets this against what others found.
    """
    component, r = result.strongest("covalent radius")
    _, raw = result.strongest("covalent radius", "inputs")
    exceeds = "more" if abs(r) > result.chance else "no more"
    paragraphs = [
        f"The covalent radius goes best with component {component} (r = {r:.2f}): {exceeds} than "
        f"the {result.chance:.2f} that shuffled elements reach somewhere among the components in "
        f"5 % of cases. In the raw inputs, from which nothing was learned, its best is {raw:.2f}. "
        "The inputs hold group, block, radius and electronegativity as one-hot bins already.",
        _probe_verdict(result),
        published,
    ]
    report.section("What it knows of elements").text(*filter(None, paragraphs))
    figure, ax = subplots(width=6.8, height=5.8)
    element_plane(result, ax)
    report.figure(
        figure,
        caption="Element vectors of the network, principal components 1 and 2",
        alt="Elements in a plane, coloured by families of groups",
    )
    wide = result.correlations.pivot(
        index=["vectors", "property", "elements"], columns="component", values="r"
    )
    wide.columns = [f"r, component {c}" for c in wide.columns]
    report.table(
        wide.reset_index(),
        caption="Pearson's r between principal components and properties of the elements.",
        digits=2,
    )
    figure, ax = subplots(width=7.4, height=4.2)
    probe_bars(result, ax)
    report.figure(
        figure,
        caption="Linear probes on learned vectors and on vectors that nothing has taught; bars are "
        "cut at zero",
        alt="Bars of the scores of linear probes for four properties",
    )
    return report.table(
        result.probes,
        caption="Scores of linear probes on pooled predictions of three folds.",
        uncertainties={"mean": "spread"},
        digits=2,
    )


def environment_section(report: Report, result: EnvironmentMap, *, published: str = "") -> Report:
    """Sites in the plane of PCA and of t-SNE, by family and by local value."""
    paragraphs = [
        f"{result.sites:,} sites have enough {result.neighbour} in their first shell; the network "
        f"tells {result.distinct:,} of them apart, and {len(result.points):,} are drawn. After "
        f"convolution {result.convolution} the nearest other point is a site of the same element "
        f"for {100 * result.same_element:.0f} %.",
    ]
    valued = bool(result.points["value"].notna().any())
    if valued:
        paragraphs.append(
            f"A plane through components 1 and 2 explains {100 * result.value_r2:.0f} % of the "
            "variance of the local values. The read-out makes these values from these vectors, so "
            "that some of it must be so."
        )
    report.section(f"Environments of {result.neighbour}-coordinated sites").text(
        *paragraphs, *filter(None, [published])
    )
    columns = 2 if valued else 1
    for method, name in (("pca", "principal components"), ("tsne", "t-SNE")):
        figure, axes = subplots(1, columns, width=5.8 * columns, height=5)
        environment_plane(result, axes[0] if valued else axes, method=method)
        if valued:
            environment_plane(result, axes[1], method=method, colour="value")
        report.figure(
            figure,
            caption=f"Vectors of sites by {name}, coloured by family"
            + (" and by local value" if valued else ""),
            alt=f"Scatter plot of sites by {name}",
        )
    return report


def importance_section(
    report: Report,
    result: PropertyImportance,
    *,
    marked: str = "CovalentRadius",
    published: str = "",
) -> Report:
    """What a random forest needs, and where the property that is looked for stands."""
    row = result.table[result.table["property"] == marked].iloc[0]
    paragraphs = [
        f"A random forest on composition statistics errs by {result.mae:.3f} ({result.target}; the "
        f"mean: {result.mae_of_mean:.3f}) on held-out rows. All statistics of one property are "
        f"shuffled together. {marked} has rank {row['rank']} of {len(result.table)} "
        f"({row['best_rank']} to {row['worst_rank']} over {result.folds} folds).",
        "By the fall of variance in the trees, which no test row judges, it has rank "
        f"{row['impurity_rank']} with {100 * row['impurity']:.0f} %. Properties that go with each "
        "other share their importance, and a rank is no cause.",
        published,
    ]
    report.section("Which properties of the elements matter").text(*filter(None, paragraphs))
    figure, ax = subplots(width=6.8, height=4.4)
    importance_bars(result, ax, marked=marked)
    report.figure(
        figure,
        caption=f"Permutation importance on held-out rows; {result.split}",
        alt="Bars of the importance of element properties, with their spread over folds",
    )
    return report.table(
        result.table,
        caption=f"Importance of all properties, {result.target}.",
        names={"best_rank": "best", "worst_rank": "worst", "impurity_rank": "rank by impurity"},
        uncertainties={"importance": "spread"},
        digits=3,
    )


def _lead(explanation: Explanation, what: str) -> str:
    table = explanation.per_element().sort_values("median_difference")
    # Not an element of a single crystal, where there are many: it would always be the extreme.
    table = table[table["crystals"] >= min(table["crystals"].max(), len(explanation.crystals) / 50)]
    low, high = table.iloc[0], table.iloc[-1]
    told = f"The prediction of {explanation.target} for {what}, shared out among the atoms. "
    if low["element"] == high["element"]:
        return told + f"All atoms are {low['element']}."
    return told + (
        f"Measured from the prediction of its crystal, {high['element']} raises it most (median "
        f"{high['median_difference']:+.2f}) and {low['element']} lowers it most "
        f"({low['median_difference']:+.2f})."
    )


def _extremes(sites: pd.DataFrame) -> str:
    first, last = sites.iloc[0], sites.iloc[-1]
    if len(sites) == 1:
        return "All atoms are alike."
    return (
        f"{first['element']} (site {first['site']}) stands highest at {first['value']:.3f}, "
        f"{last['element']} (site {last['site']}) lowest at {last['value']:.3f}."
    )


def _probe_verdict(result: ElementMap) -> str:
    """For which properties the learned vectors tell more than random projections of the inputs."""
    kinds = ["learned", "random projection of the inputs"]
    mean, spread = (
        result.probes.pivot(index="property", columns="vectors", values=name)[kinds]
        for name in ("mean", "spread")
    )
    gain = mean[kinds[0]] - mean[kinds[1]]
    better = list(mean.index[gain > spread.fillna(0.0).sum(axis=1)])
    if better:
        return (
            "Linear probes find more in the learned vectors than in random projections of the "
            f"inputs for {', '.join(better)}; for the rest, what they find was given."
        )
    return (
        "Linear probes find the properties in the learned vectors, but no better than in random "
        "projections of the inputs: what they find was given to the network, not learned by it."
    )
