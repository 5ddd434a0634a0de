"""Where the study `ionic-liquids` misses its aims, and on which rows the error stands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leyden import plots
from leyden.plots.ionic_liquids import error_by_stratum
from leyden.report import Report
from leyden.studies.ion_families import OTHER, ion_family
from leyden.studies.ionic_liquid_arms import HEADLINE, PROPERTIES, Property
from leyden.studies.ionic_liquid_claims import AIMS, FACTOR, FACTORS
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.ionic_liquid_tables import Errors, answers

__all__ = ["AIM_RATIO", "headline_rows", "misses"]

AIM_RATIO = 0.65
"""Of our error to that of gradient boosting on unseen pairs, at most."""

_PARTNERS = {"0": 0, "1": 1, "2 to 3": 2, "4 to 9": 4, "10 or more": 10}
_TEMPERATURES = {"below 280": 0, "280 to 300": 280, "300 to 320": 300, "320 to 350": 320}
_TEMPERATURES |= {"350 or more": 350}
_LEAST_PAIRS = 5
"""Pairs below which a stratum's error is not shown: it would be that of a few samples."""


def misses(report: Report, found: Findings, errors: Errors) -> None:
    """The section: aims and what came of them, and the error by what the rows are."""
    rows = headline_rows(found)
    aims = _aims(found, errors)
    report.section("What does not come out?").text(_verdict(aims), *_why(rows))
    report.table(
        aims,
        caption=f"Aims set beforehand for the {HEADLINE}, and what was reached. The interval of a "
        "ratio to gradient boosting is paired; that of cations to pairs compares different rows "
        "and has none.",
        digits=3,
    )
    partners = _by(rows, "partners", list(_PARTNERS))
    figure, ax = plots.subplots(width=8, height=4.4)
    shown = partners.melt("partners", var_name="series", value_name="error").dropna()
    overall = rows.groupby("property")["error"].mean()
    shown = shown.assign(error=shown["error"] / shown["series"].map(overall))
    shown = shown.rename(columns={"partners": "stratum"})
    error_by_stratum(
        shown,
        list(_PARTNERS),
        ax,
        label="error / mean error of the property",
        stratum="other pairs of the rarer ion that teach",
    )
    report.figure(
        figure,
        caption="Error on unseen pairs, by in how many training pairs the rarer of the two ions "
        f"stands; strata of at least {_LEAST_PAIRS} pairs",
        alt="Relative error against the number of training pairs of the rarer ion, by property",
    )
    tables: tuple[tuple[str, str, list[str] | None], ...] = (
        ("partners", "training pairs", list(_PARTNERS)),
        ("cation family", "family of the cation", None),
        ("anion family", "family of the anion", None),
        ("temperature", "temperature in K", list(_TEMPERATURES)),
    )
    for column, what, order in tables:
        table = _by(rows, column, order).rename(columns={column: what})
        if table.empty:  # a quick run may have no stratum of so many pairs
            continue
        report.table(
            table,
            caption=f"Mean error of the {HEADLINE} on unseen pairs, by {what}"
            f"{' of the rarer ion' if column == 'partners' else ''}: in % for density, surface "
            "tension and heat capacity, in decades for viscosity and conductivity, in K. A dash: "
            f"fewer than {_LEAST_PAIRS} pairs.",
            names={name: name.removeprefix("log10 ") for name in table.columns},
            digits=3,
        )


def headline_rows(found: Findings) -> pd.DataFrame:
    """Every row of the headline arm on unseen pairs, with what it is.

    Returns
    -------
    DataFrame
        ``property`` (title), ``pair``, ``error`` (absolute, in the unit of the score),
        ``partners`` (training pairs of the rarer ion), ``cation family``, ``anion family`` and
        ``temperature``; the last is missing where a property has no temperature.
    """
    return pd.concat([_rows_of(found, one) for one in found.effort.properties], ignore_index=True)


def _rows_of(found: Findings, property: Property) -> pd.DataFrame:
    evaluation = found.comparisons[property.name]["pairs"].evaluation
    dataset = found.datasets[property.name]
    rows = evaluation.rows[evaluation.rows["arm"] == HEADLINE]
    known = dataset.groups[["pair", "cation", "anion"]].set_axis(dataset.ids)
    table = known.loc[rows["id"]].reset_index(drop=True)
    table["fold"] = rows["fold"].to_numpy()
    truth, said = answers(rows)
    table["error"] = np.abs(said - truth)
    partners = np.minimum(_partners(table, "cation"), _partners(table, "anion"))
    table["partners"] = _stratum(partners, _PARTNERS)
    place = pd.Series(np.arange(len(dataset)), index=dataset.ids)[rows["id"]].to_numpy()
    for name, sign in (("cation", 1), ("anion", -1)):
        families = {
            key: ion_family(getattr(dataset.items[row], name), sign)
            for key, row in dict(zip(table[name], place, strict=True)).items()
        }
        table[f"{name} family"] = table[name].map(families)
    if "temperature_K" in dataset.conditions:
        kelvin = dataset.conditions["temperature_K"].to_numpy(float)[place]
        table["temperature"] = _stratum(kelvin, _TEMPERATURES)
    else:
        table["temperature"] = None
    return table.assign(property=property.title)


def _partners(table: pd.DataFrame, ion: str) -> np.ndarray:
    """In how many pairs of other folds the ion of each row stands."""
    pairs = table.drop_duplicates("pair")
    everywhere = table[ion].map(pairs.groupby(ion).size())
    here = pairs.groupby([ion, "fold"]).size()
    own = here.loc[pd.MultiIndex.from_frame(table[[ion, "fold"]])]
    return everywhere.to_numpy() - own.to_numpy()


def _stratum(values: np.ndarray, lower_ends: dict[str, int]) -> np.ndarray:
    ends = list(lower_ends.values())
    return np.array(list(lower_ends))[np.searchsorted(ends, values, side="right") - 1]


def _by(rows: pd.DataFrame, column: str, order: list[str] | None) -> pd.DataFrame:
    """Mean errors, a row a stratum and a column a property; the largest stratum first."""
    rows = rows.dropna(subset=[column])
    groups = rows.groupby([column, "property"])
    error = groups["error"].mean().where(groups["pair"].nunique() >= _LEAST_PAIRS)
    titles = [one.title for one in PROPERTIES if one.title in set(rows["property"])]
    table = error.unstack().reindex(columns=titles)
    if order is None:
        table = table.dropna(how="all")
        size = rows.groupby(column)["pair"].nunique()
        order = sorted(table.index, key=lambda name: (name == OTHER, -size[name]))
    return table.reindex([name for name in order if name in table.index]).reset_index()


def _aims(found: Findings, errors: Errors) -> pd.DataFrame:
    lines = []
    for property in found.effort.properties:
        if property.name not in AIMS:
            continue
        title, aim = property.title, AIMS[property.name]
        pairs, cations = (errors[property.name][unseen] for unseen in ("pairs", "cations"))
        reached = pairs.error[HEADLINE], *pairs.interval(HEADLINE)
        lines.append((title, f"error on unseen pairs, {property.unit}", aim, *reached))
        if property.name != "melting_point":  # there the aim is no ratio
            ratio = pairs.ratio(HEADLINE, "gradient boosting")
            lines.append((title, "the same / gradient boosting", AIM_RATIO, *ratio[:3]))
        factor = cations.error[HEADLINE] / pairs.error[HEADLINE], np.nan, np.nan
        most = FACTORS.get(property.name, FACTOR)
        lines.append((title, "unseen cations / unseen pairs", most, *factor))
    columns = ["property", "measure", "at most", "reached", "low", "high"]
    table = pd.DataFrame(lines, columns=columns)
    return table.assign(aim=np.where(table["reached"] <= table["at most"], "met", "missed"))


def _verdict(aims: pd.DataFrame) -> str:
    missed = aims[aims["aim"] == "missed"]
    if missed.empty:
        return f"All {len(aims)} aims of the table are met by the point estimates."
    told = "; ".join(
        f"{row.property}, {row.measure}: {row.reached:.3g} where at most {row.limit:g} was wanted"
        for row in missed.rename(columns={"at most": "limit"}).itertuples()
    )
    return f"{len(missed)} of {len(aims)} aims are missed: {told}."


def _why(rows: pd.DataFrame) -> list[str]:
    """How much of the error stands on pairs of rare ions, and in which family it is greatest."""
    lonely = rows["partners"].isin(["0", "1"])
    share = []
    for title, own in rows.groupby("property", sort=False):
        rare = own[lonely.loc[own.index]]
        share.append(
            f"{title} {len(rare) / len(own):.0%} of the rows and "
            f"{rare['error'].sum() / own['error'].sum():.0%} of the error"
        )
    worst = [text for sign in ("cation", "anion") if (text := _worst(rows, f"{sign} family"))]
    return [
        "An unseen pair can still hold an ion that hardly any other pair taught. Pairs whose rarer "
        f"ion stands in at most one training pair hold: {'; '.join(share)}.",
        *worst,
    ]


def _worst(rows: pd.DataFrame, column: str) -> str:
    """The family with the greatest error of each property, against the mean of the property."""
    table = _by(rows, column, None).set_index(column)
    table = table.drop(index=OTHER, errors="ignore")
    overall = rows.groupby("property")["error"].mean().to_dict()
    told = [
        f"{title} {own.idxmax()} ({own.max() / overall[title]:.1f} times the mean error)"
        for title, own in table.items()
        if own.notna().sum() > 1
    ]
    sign = column.removesuffix(" family")
    what = f"Of the families of {sign}s with at least {_LEAST_PAIRS} pairs, the error is greatest"
    return f"{what}, by property, for: {'; '.join(told)}." if told else ""
