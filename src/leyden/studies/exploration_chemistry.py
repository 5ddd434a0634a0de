"""Parts of the report of `polymer-exploration`: other spaces, four salts, known anions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from leyden.exploration.anion_parameters import BEAD_COLUMNS
from leyden.exploration.evaluators import CONDUCTIVITY
from leyden.exploration.salts import EO_PER_LI, MOST_CLIPPED, measured_salts
from leyden.plots.exploration import best_so_far_curves
from leyden.plots.polymer_exploration import salt_values
from leyden.plots.style import subplots
from leyden.report import Report
from leyden.report.exploration_parts import (
    change,
    tell_importance,
    tell_landscapes,
    tell_uphill,
    words,
)
from leyden.studies.exploration_findings import Findings, Space
from leyden.studies.exploration_salts import order_of_salts

__all__ = ["tell_anions", "tell_salts", "tell_spaces"]

_MOST_ANIONS = 25
_VALUES = ["log10_sigma", "low", "high"]


def tell_spaces(report: Report, found: Findings) -> None:
    """Backbone and secondary sites: progress, best row, what matters (figures 5-2b, 5-4)."""
    for space in found.spaces:
        _tell_space(report, found, space)


def _tell_space(report: Report, found: Findings, space: Space) -> None:
    effort = found.effort
    simulation = next(one for one in effort.others if one.space == space.name)
    surrogate = space.analysis.space
    drawn, all_of_it = (
        found.parts[f"{space.name}: {arm}"].finished for arm in ("random", "proposed")
    )
    report.section(f"The space of the {space.name}").text(
        f"{drawn} random rows (of {effort.other_shared}) and {max(all_of_it - drawn, 0)} proposed "
        f"ones (of {effort.other_proposed}) of {simulation.production_ns:g} ns. By the surrogate, "
        f"the best row has {change(CONDUCTIVITY, space.gain)} over the best of the random rows "
        "(95 % interval; no replicates were simulated)."
    )
    figure, ax = subplots(width=6.4, height=3.8)
    best_so_far_curves(space.progress, ax, objective=CONDUCTIVITY)
    report.figure(
        figure,
        caption=f"The best so far in the space of the {space.name}",
        alt="Steps of the best value so far",
    )
    best = space.best.iloc[0]
    reference = space.analysis.reference.iloc[0]
    rows = [
        {
            "parameter": words(p.name),
            "unit": p.unit,
            "best": best[p.name],
            "as in the reference": reference[p.name],
        }
        for p in surrogate
    ]
    rows += [
        {
            "parameter": f"log10 of conductivity, {label}",
            "unit": "S/cm",
            "best": best[name],
            "as in the reference": reference[name],
        }
        for name, label in (("mean", "expected"), ("low", "from"), ("high", "to"))
    ]
    report.table(pd.DataFrame(rows), caption="The best row, and the reference.", digits=3)
    which = f": {space.name}"
    tell_importance(report, space.analysis, which)
    if not effort.quick:
        tell_uphill(report, space.analysis, which)
        tell_landscapes(report, space.analysis, which)


def tell_salts(report: Report, found: Findings) -> None:
    """Simulated salts, what the surrogate expects of them, and what was measured (figure 5-5)."""
    simulated = found.salts
    expected = found.anions.salts if found.anions else None
    if simulated is None and expected is None:
        return
    report.section("Four salts")
    series, bounded = {}, []
    if simulated is not None:
        table, told = simulated.table, [*_VALUES, "runs", "bounds", *BEAD_COLUMNS]
        clipped = [
            f"{name} ({table.loc[name, 'clipped']})"
            for name in table.index
            if table.loc[name, "clipped"]
        ]
        bounded = table.index[table["bounds"] > 0].tolist()
        report.text(
            f"Simulated at the parameters that our estimates give them, EO:Li = {EO_PER_LI:g}, in "
            f"this order of lithium conductivity: {order_of_salts(simulated)} (a > where the first "
            "conducts more with a probability of 97.5 %, by the scatter between seeds alone: given "
            "these parameters)."
            + (
                f" Runs of {', '.join(bounded)} are upper bounds: the value is at most the one "
                "told, has no interval, and no probability of being more than another."
                if bounded
                else ""
            )
            + (f" A bound of the simulator cuts {'; '.join(clipped)}." if clipped else "")
        )
        series["simulated"] = table[_VALUES]
        report.table(
            table[told].reset_index(names="salt"),
            caption="Simulated salts: mean over seeds with 95 % interval, log10 of S/cm; bounds "
            "are upper bounds among the runs, which count as told; a mean with some is no "
            "more than that.",
            units={n: "angstrom" if n.endswith("radius") else "kcal/mol" for n in BEAD_COLUMNS},
            names={name: words(name) for name in told},
        )
        report.table(
            simulated.more_than.reset_index(names="conducts more"),
            caption="Probability that the salt of a row conducts more than that of a column.",
            digits=2,
        )
    if expected is not None:
        series["by the surrogate"] = expected.table[_VALUES]
        cut = int((expected.table["clipped_share"] > 0).sum())
        report.text(
            "Beside it stands what the surrogate of the anion space expects, with the factors of "
            f"the estimates drawn within their ranges. Bounds of that space cut beads of {cut} of "
            f"{len(expected.table)} salts in some draws; a salt has no probability where they cut "
            f"more than {100 * MOST_CLIPPED:g} % of them."
        )
        told = [*_VALUES, "clipped_share", "probability_best"]
        report.table(
            expected.table[told].reset_index(names="salt"),
            caption="By the surrogate, log10 of S/cm with 95 % interval.",
            names={name: words(name) for name in told},
            digits=3,
        )
    _measured_salts(report, series, bounded)


def _measured_salts(
    report: Report, series: dict[str, pd.DataFrame], bounded: Sequence[str]
) -> None:
    known = measured_salts()
    shown = {
        label: table.set_axis(["value", "low", "high"], axis=1) for label, table in series.items()
    }
    experiment = pd.DataFrame(
        {"value": known["measured_log10_sigma"], "low": np.nan, "high": np.nan}
    )
    figure, axes = subplots(1, 2, width=10.0, height=3.8)
    salt_values(shown, axes[0]).set_title("lithium, of beads", fontsize=10)
    order = list(next(iter(shown.values())).index)
    salt_values({"measured": experiment.reindex(order)}, axes[1])
    axes[1].set_title("all ions, of experiment", fontsize=10)
    report.figure(
        figure,
        caption="Four salts (figure 5-5): orders may be compared, values may not"
        + (f"; simulated {', '.join(bounded)}: an upper bound" if bounded else ""),
        alt="Log10 conductivities of four salts with intervals, simulated and measured",
    )
    report.table(
        known.reset_index(names="salt"),
        caption="What was measured in poly(ethylene oxide), all ions together.",
        units={"measured_log10_sigma": "S/cm", "temperature_K": "K"},
        names={
            "measured_log10_sigma": "log10 of conductivity",
            "temperature_K": "temperature",
            "eo_per_li": "EO:Li",
        },
    )


def tell_anions(report: Report, found: Findings) -> None:
    """The catalogue's anions by predicted conductivity."""
    ranked = found.anions.decoded if found.anions else None
    if ranked is None:
        return
    known = ranked[ranked["log10_sigma"].notna()]
    beyond = int(known["extrapolates"].sum())
    cut = int((known["clipped"] != "").sum())
    ratio = 1 / float(known["li_per_eo"].iloc[0]) if len(known) else math.nan
    as_good = int((known["high"] >= known["log10_sigma"].max()).sum())
    report.section("From the optimum back to chemistry").text(
        f"{len(known):,} anions of the catalogue became beads by stated estimates from PM7 and "
        f"COSMO, and were ranked by what the surrogate expects at EO:Li = {ratio:g}; {cut} of them "
        f"are cut by a bound of the space, {beyond} lie farther out than simulations are from each "
        f"other, and {len(ranked) - len(known)} are not known well enough. The intervals of "
        f"{as_good} reach what is expected of the first: their order is a guess. Distances are in "
        "length scales of the surrogate. Beads know nothing of shape, stability or price."
    )
    first = known.head(_MOST_ANIONS).copy()
    first["anion"] = np.where(first["name"] != "", first["name"], first["smiles"])
    columns = ["anion", "anion_radius", "log10_sigma", "low", "high", "from_optimum", "clipped"]
    report.table(
        first[[*columns, "extrapolates"]],
        caption=f"The first {len(first)}; log10 of S/cm with 95 % intervals of surrogate and "
        "estimates together.",
        units={"anion_radius": "angstrom"},
        names={name: words(name) for name in columns},
        digits=3,
    )
