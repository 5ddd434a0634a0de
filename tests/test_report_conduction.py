"""What a report says of the conduction by changes of state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np

from leyden.physics.transition_conduction import TransitionShares
from leyden.report import Report
from leyden.report.conduction import tell_conduction

if TYPE_CHECKING:
    from leyden.dynamics.analysis_results import TrajectoryAnalysis


def page(charge: np.ndarray | None) -> str:
    share = np.array([[0.6, 0.1], [0.1, 0.2]])
    around = SimpleNamespace(charge=charge, shell=3.0, within=lambda radius: 1)
    part = SimpleNamespace(
        environments=around,
        conduction=TransitionShares(share, share - 0.05, share + 0.05),
        target="Li",
    )
    report = Report("A title", "A lead.")
    report.section("Conduction")
    tell_conduction(report, cast("TrajectoryAnalysis", part), 10.0)
    return " ".join(report.html().split())


def test_what_goes_along_is_told_as_an_assumption() -> None:
    told = page(np.array([[1.0, 0.0], [1.0, -1.0]]))
    assert "+0.00 e in state 0, -1.00 e in state 1" in told
    assert "a convention here and was not measured" in told
    assert "as if the whole shell moved along" in told
    assert "counts with each of them" in told


def test_nothing_is_told_where_charges_are_not_known() -> None:
    assert "<figure" not in page(None)
