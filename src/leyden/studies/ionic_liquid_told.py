"""Told in the report of `ionic-liquids`: solvation, screening, and how the parts were chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leyden import plots
from leyden.plots.ionic_liquids import electrolyte_front
from leyden.report import Report
from leyden.studies.drawn_errors import DrawnErrors, Ratio
from leyden.studies.ionic_liquid_arms import HEADLINE, Property
from leyden.studies.ionic_liquid_findings import Findings
from leyden.studies.ionic_liquid_screen import BLENDED, CRITERIA, OBJECTIVES, PairScreening
from leyden.studies.ionic_liquid_tables import front_table
from leyden.studies.solvation_pretraining import ARMS

__all__ = ["chosen_after_a_look", "screened", "solvated"]

LISTED = 40
"""Rows of the front that the page shows; all of them stand in the folder of the screening."""

_SCRATCH, _TAUGHT, _ALONE = ARMS
_KNOWN = "pair seen"
_WORDS = {
    "gain": "lowers the error",
    "harm": "raises the error",
    "no evidence": "shows no evidence of a change",
}
_HEADINGS = {
    "conductivity_mS_per_cm": "conductivity, mS/cm",
    "viscosity_mPa_s": "viscosity, mPa s",
    "melting_point_K": "melting point, K",
}


_LOOKED_AT = ("density", "heat_capacity", "surface_tension", "melting_point")
"""Properties of which test folds by pair were seen before the parts of the stack were chosen."""


def chosen_after_a_look(properties: Sequence[Property]) -> list[str]:
    """What a reader must know of how the stack came to be; nothing where no fold was seen."""
    seen = [own.title for own in properties if own.name in _LOOKED_AT]
    if not seen:
        return []
    return [
        f"{HEADLINE}, unseen pairs: its parts were chosen after a look at some test folds by pair "
        f"({', '.join(seen)}), so that its errors there may be a little too small; its weights see "
        "training rows alone"
    ]


def solvated(report: Report, found: Findings) -> None:
    """The section: the published recipe with true COSMO-RS data."""
    lines, told = [], []
    for group, evaluation in found.solvation.items():
        own, unseen = DrawnErrors.of(evaluation), f"{group}s"
        for arm in evaluation.arms:
            ratio = own.ratio(arm, _SCRATCH) if arm != _SCRATCH else (np.nan, np.nan, np.nan, "")
            lines.append((unseen, arm, own.error[arm], *own.interval(arm), *ratio))
        one = own.ratio(_TAUGHT, _SCRATCH)
        told.append(
            f"on unseen {unseen} pretraining {_WORDS[one.verdict]}: ratio {one.ratio:.2f} "
            f"[{one.low:.2f}, {one.high:.2f}]"
        )
    columns = ["unseen", "arm", "mae", "mae_low", "mae_high", *Ratio._fields]
    table = pd.DataFrame(lines, columns=columns)
    report.section("And with true COSMO-RS data?").text(
        "COSMO-RS tables of ionic liquids need a licence. Free energies of solvation have both: "
        "simulated by COSMO-RS, and measured, of the same kind of pair, a solute in a solvent. "
        "There the two-stage recipe meets the data that it was made for. Simulated rows of what a "
        f"fold leaves out never teach. Here {'; '.join(told)}. `{_ALONE}` predicts measurements "
        "by the network of the simulations, which never saw one.",
    )
    report.table(
        table,
        caption="Free energies of solvation: mean absolute errors with 95 % intervals, and each "
        "arm over that from scratch, paired. The source is COSMO-RS itself, no stand-in.",
        names={
            "mae": "MAE",
            "mae_low": "low",
            "mae_high": "high",
            "ratio": "arm / scratch",
            "low": "low ",
            "high": "high ",
        },
        units={"mae": "kcal/mol"},
        digits=3,
    )


def screened(report: Report, found: PairScreening) -> None:
    """The section: the catalogue, the funnel, the front, and what the models do not know."""
    wanted = [text for text in CRITERIA if isinstance(text, str)]
    targets = [one.split()[1] for one in OBJECTIVES]
    front = front_table(found.screening.rows, targets)
    known = front["known"] == _KNOWN
    left_out = int((found.checked["error"] != "").sum())
    report.section("Which pairs would make electrolytes?").text(
        f"Every cation with every anion of the catalogue: {found.screening.candidates:,} pairs, "
        f"{found.properties} properties each, in {found.seconds:,.1f} s from saved predictors to "
        f"Parquet, on {found.processes} processes; {left_out:,} of {len(found.checked):,} ions are "
        f"refused. Predictors are means of {' and '.join(f'`{one}`' for one in BLENDED)}, fitted "
        f"on all measurements. Asked for: {', '.join(wanted)}, and no ion that the models have not "
        "seen.",
        f"{len(front):,} pairs form the Pareto front of {', '.join(OBJECTIVES)}; of "
        f"{int(known.sum()):,} of them all three properties were measured, so for these the "
        "screening tells nothing new.",
        "What the models do not know: the electrochemical window, reactions with the electrodes, "
        "what water does, toxicity, price, and whether a salt can be made. A melting point is "
        "that of crystals that formed; a liquid that never crystallised has none. Conductivity "
        "and viscosity are those of the pure liquid, without a lithium salt. The best of many "
        "predictions are those with the luckiest errors: read the ends of the intervals, and "
        "distrust what lies at the edge of what was measured.",
    )
    report.table(_catalogue(found.ions), caption="Ions of the catalogue, by where they are from.")
    report.table(found.screening.funnel, caption="Pairs left after each criterion.", digits=3)
    if front.empty:
        report.text("No pair is left: there is no front to show.")
        return
    conductivity, viscosity, melting = targets
    figure, ax = plots.subplots(width=7.4, height=4.8)
    electrolyte_front(front[viscosity], front[conductivity], front[melting], ax, measured=known)
    report.figure(
        figure,
        caption="The Pareto front: predicted conductivity against viscosity",
        alt="Conductivity against viscosity of the front, coloured by melting point",
    )
    report.table(
        _ends(front.head(LISTED), targets),
        caption=f"The first {min(LISTED, len(front)):,} of {len(front):,} pairs of the front: "
        f"predictions, in brackets their 90 % intervals, and what the models know of the pair.",
    )


def _catalogue(ions: pd.DataFrame) -> pd.DataFrame:
    charged = {"cations": ions["charge"] > 0, "anions": ions["charge"] < 0}
    by_source = ions.assign(**charged).groupby(["sources", "licence"], as_index=False)
    table = by_source[["cations", "anions"]].sum().sort_values("cations", ascending=False)
    total = {name: [int(own.sum())] for name, own in charged.items()}
    whole = pd.DataFrame({"sources": ["all"], "licence": [""], **total})
    return pd.concat([table, whole], ignore_index=True)


def _ends(front: pd.DataFrame, targets: list[str]) -> pd.DataFrame:
    """The table with each interval in the cell of its value."""
    table = front[["cation", "anion", "known"]].copy()
    for place, name in enumerate(targets, start=2):
        values = front[[name, f"{name}_lower", f"{name}_upper"]].itertuples(index=False)
        cells = [f"{value:.3g} [{low:.3g}, {high:.3g}]" for value, low, high in values]
        table.insert(place, _HEADINGS.get(name, name), cells)
    return table
