"""Figures of ionic liquids: what is drawn, and what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leyden.errors import InputError
from leyden.plots import subplots
from leyden.plots.ionic_liquids import (
    electrolyte_front,
    error_by_stratum,
    grouped_intervals,
    legend_below,
    share_groups,
)


@pytest.fixture
def ratios() -> pd.DataFrame:
    rows = [
        ("density", "stack", 0.5, 0.4, 0.6),
        ("density", "hybrid", 2.0, 1.5, np.inf),
        ("viscosity", "stack", 0.7, 0.6, 0.9),
    ]
    return pd.DataFrame(rows, columns=["group", "series", "value", "low", "high"])


def test_groups_stand_from_the_top_and_series_beside_each_other(ratios: pd.DataFrame) -> None:
    figure, ax = subplots()
    assert grouped_intervals(ratios, ax, label="ratio", reference=1.0, log=True) is ax
    assert [text.get_text() for text in ax.get_yticklabels()] == ["density", "viscosity"]
    assert ax.yaxis.get_inverted()
    stack, hybrid = (own for own in ax.containers)
    assert stack.lines[0].get_xdata().tolist() == [0.5, 0.7]
    above, below = stack.lines[0].get_ydata()[0], hybrid.lines[0].get_ydata()[0]
    assert -0.5 < above < 0 < below < 0.5
    assert np.isfinite(hybrid.lines[2][0].get_segments()).all()  # an end at infinity is not drawn
    figure.draw_without_rendering()
    shown = [text.get_text() for text in ax.get_xticklabels()]
    assert {"0.5", "1", "2"} <= set(shown)


def test_what_has_no_logarithm_is_counted(ratios: pd.DataFrame) -> None:
    ratios.loc[2, "value"] = 0.0
    _, ax = subplots()
    grouped_intervals(ratios, ax, label="ratio", log=True)
    assert any("1 of 3 cannot be drawn" in text.get_text() for text in ax.texts)


def test_panels_share_groups_and_range(ratios: pd.DataFrame) -> None:
    figure, axes = subplots(1, 2)
    for ax, part in zip(axes, (ratios, ratios.iloc[2:]), strict=True):
        grouped_intervals(part, ax, label="ratio", groups=["density", "viscosity"])
    share_groups(axes)
    legend_below(figure, axes[0])
    assert axes[0].get_xlim() == axes[1].get_xlim()
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [text.get_text() for text in axes[1].get_yticklabels()] == ["", ""]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["stack", "hybrid"]


def test_errors_follow_the_order_of_the_strata() -> None:
    table = pd.DataFrame(
        {"series": ["a", "a", "b"], "stratum": ["many", "few", "many"], "error": [1.0, 2.0, 0.5]}
    )
    strata = ["none", "few", "many"]
    _, ax = subplots()
    assert error_by_stratum(table, strata, ax, label="error", stratum="pairs") is ax
    a, b = ax.get_lines()
    assert a.get_xydata().tolist() == [[0, 2.0], [1, 1.0]]
    assert b.get_xydata().tolist() == [[1, 0.5]]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["few", "many"]
    with pytest.raises(InputError, match="stratum"):
        error_by_stratum(table.drop(columns="stratum"), strata, ax, label="", stratum="")


def test_the_front_marks_what_was_measured_and_counts_what_is_not_drawn() -> None:
    figure, ax = subplots()
    viscosity, conductivity = [10.0, 20.0, 30.0, -1.0], [9.0, 8.0, 7.0, 6.0]
    melting, measured = [250.0, 260.0, np.nan, 240.0], [True, False, False, False]
    assert electrolyte_front(viscosity, conductivity, melting, ax, measured=measured) is ax
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["predicted (1)", "pair measured (1)"]
    assert any("2 of 4 cannot be drawn" in text.get_text() for text in ax.texts)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert len(figure.axes) == 2  # the scale of colours


def test_an_empty_front_is_drawn_empty() -> None:
    figure, ax = subplots()
    electrolyte_front([], [], [], ax)
    assert len(figure.axes) == 1
