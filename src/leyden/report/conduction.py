"""The part of a report that says which changes of state conduct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leyden.plots.dynamics import transition_bars
from leyden.plots.style import subplots
from leyden.report import Report
from leyden.report.tables import format_number

if TYPE_CHECKING:
    from leyden.dynamics.analysis_results import TrajectoryAnalysis

__all__ = ["tell_conduction"]


def tell_conduction(report: Report, part: TrajectoryAnalysis, lag_ps: float) -> None:
    """Add the shares of changes of state in what conducts; nothing where charges are not known."""
    around = part.environments
    if part.conduction is None or around.charge is None:
        return
    charges = around.charge[:, around.within(around.shell)]
    report.text(
        "What conducts is charge that moves; how much goes along with an atom is a convention here "
        f"and was not measured. Each displacement counts with the square of the mean charge of "
        f"{part.target} and its first shell (mean over both ends: "
        + ", ".join(f"{charge:+.2f} e in state {state}" for state, charge in enumerate(charges))
        + "), as if the whole shell moved along. An ion in the shells of several targets counts "
        "with each of them. States whose mean charge is nearly zero hence count for little, and so "
        "does a change between states of opposite charge, whatever each environment carries."
    )
    figure, ax = subplots(width=max(4.0, 0.5 * part.conduction.value.size + 2), height=3.6)
    transition_bars(part.conduction, ax)
    report.figure(
        figure,
        caption=f"Share of each change of state in the conduction by {part.target}, had its first "
        f"shell moved along, within {format_number(lag_ps)} ps, with 95 % intervals",
        alt="Bars of the shares of transitions in the conduction",
    )
