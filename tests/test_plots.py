"""Figures: what they draw is what they were given, and nothing global changes."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from leyden import plots
from leyden.errors import IncompatibleError, InputError
from leyden.plots.style import plain_ticks


@pytest.fixture
def ax() -> Iterator[Axes]:
    settings = dict(matplotlib.rcParams)
    figure, axes = plots.subplots()
    yield axes
    figure.draw_without_rendering()
    assert dict(matplotlib.rcParams) == settings, "a plot changed global settings"


def texts(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def test_parity_draws_every_pair_and_counts_what_it_cannot_draw(ax: Axes) -> None:
    true, predicted = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.5, 2.0, np.nan, 3.0])
    given = true.copy()
    drawn = plots.parity(true, predicted, ax, y_err=np.full(4, 0.2), label="K (GPa)", note="MAE 1")
    assert drawn is ax
    np.testing.assert_array_equal(true, given)
    points = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(points, [[1, 1.5], [2, 2], [4, 3]])
    assert ax.get_xlim() == ax.get_ylim()
    assert "K (GPa)" in ax.get_xlabel()
    assert "K (GPa)" in ax.get_ylabel()
    assert texts(ax) == "MAE 1\n1 of 4 cannot be drawn"
    top, side = ax.child_axes
    assert sum(bar.get_height() for bar in top.patches) == 3
    assert sum(bar.get_width() for bar in side.patches) == 3


def test_parity_without_rows_or_margins(ax: Axes) -> None:
    plots.parity([], [], ax, marginals=False)
    assert not ax.child_axes


def test_parity_refuses_vectors_of_two_lengths(ax: Axes) -> None:
    with pytest.raises(IncompatibleError, match=r"y_true \(2,\), y_pred \(3,\)"):
        plots.parity([1, 2], [1, 2, 3], ax)


def test_many_points_become_pixels_so_that_the_page_stays_small(ax: Axes) -> None:
    many = np.linspace(0, 1, 5000)
    plots.parity(many, many, ax, marginals=False)
    assert ax.collections[0].get_rasterized()


def test_learning_curve_sorts_rows_and_keeps_the_order_of_arms(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "arm": ["scratch", "tuned", "scratch", "tuned"],
            "train_rows": [1000, 100, 100, 1000],
            "score": [0.2, 0.3, 0.4, 0.1],
            "low": [0.1, 0.2, 0.3, 0.0],
            "high": [0.3, 0.4, 0.5, 0.2],
        }
    )
    plots.learning_curve(table, ax, label="MAE (V)")
    first, second = ax.get_lines()
    assert [line.get_label() for line in (first, second)] == ["scratch", "tuned"]
    np.testing.assert_allclose(first.get_xydata(), [[100, 0.4], [1000, 0.2]])
    assert len(ax.collections) == 2
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["100", "1,000"]
    with pytest.raises(InputError, match="score"):
        plots.learning_curve(table.drop(columns="score"), ax)


def test_stability_diagram_has_a_log_axis_lines_and_labels(ax: Axes) -> None:
    lines = {"critical": ([0.0, 1.0], [8.0, 20.0])}
    plots.stability_diagram(
        [1.0, 10.0, 0.0], [0.1, 0.5, 0.9], ax, lines=lines, labels={1: "LiBH4", 2: "unseen"}
    )
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0.1, 1.0], [0.5, 10.0]])
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), [[0, 8], [1, 20]])
    assert "LiBH4" in texts(ax)
    assert "unseen" not in texts(ax)
    assert "1 of 3 cannot be drawn" in texts(ax)


def test_stability_terms_sum(ax: Axes) -> None:
    k = np.geomspace(1e6, 1e10, 30)
    plots.stability_terms(k, -(k**2), 3e8 * k, 1e8 * k, ax, critical_k=4e8)
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines[r"sum $\chi$"].get_ydata(), 4e8 * k - k**2)
    assert {"surface tension", "deviatoric stress", "hydrostatic stress"} <= set(lines)
    assert "kJ/(mol nm)" in ax.get_ylabel()


@pytest.mark.parametrize(("log", "left_out"), [(False, 1), (True, 3)])
def test_histogram_counts_every_value_it_shows(ax: Axes, log: bool, left_out: int) -> None:
    values = np.array([-1.0, 0.0, 1.0, 10.0, 100.0, np.nan])
    plots.histogram(values, ax, label="chi", unit="kJ/(mol nm)", log=log, marks={"zero": 2.0})
    assert sum(bar.get_height() for bar in ax.patches) == 6 - left_out
    assert f"{left_out} of 6 cannot be drawn" in texts(ax)
    assert ax.get_xlabel() == "chi (kJ/(mol nm))"


@pytest.mark.parametrize("values", [[], [2.0], [np.nan]])
def test_histogram_of_little(ax: Axes, values: list[float]) -> None:
    plots.histogram(values, ax, log=True)
    assert sum(bar.get_height() for bar in ax.patches) == np.isfinite(values).sum()


def test_latent_map_keeps_kinds_apart(ax: Axes) -> None:
    xy = np.arange(8.0).reshape(4, 2)
    plots.latent_map(xy, ["training", "screened", "training", "training"], ax)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["training (3)", "screened (1)"]
    np.testing.assert_allclose(ax.collections[1].get_offsets(), xy[[1]])
    with pytest.raises(IncompatibleError):
        plots.latent_map(xy, ["training"], ax)


def test_paired_differences_tell_gain_harm_and_no_evidence(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "arm": ["gain", "harm", "none"],
            "difference": [0.9, 1.2, 1.0],
            "low": [0.8, 1.1, 0.9],
            "high": [0.95, 1.3, 1.1],
        }
    )
    plots.paired_differences(table, ax, label="MAE ratio", reference=1.0)
    zero, *bars = ax.get_lines()
    np.testing.assert_allclose(zero.get_xdata(), [1.0, 1.0])
    colors = [to_hex(line.get_color()).upper() for line in bars[::2]]
    assert colors == [*plots.PALETTE[:2], plots.QUIET.upper()]
    assert to_rgb(bars[5].get_markerfacecolor()) == (1, 1, 1)
    bottom, top = ax.get_ylim()
    assert bottom > top, "the first row stands at the top"


def test_reliability_has_a_line_an_arm_and_the_diagonal(ax: Axes) -> None:
    table = pd.DataFrame(
        {"arm": ["a", "a", "b"], "predicted": [0.2, 0.8, 0.5], "observed": [0.1, 0.9, 0.4]}
    )
    plots.reliability(table, ax)
    diagonal, a, b = (line.get_xydata().tolist() for line in ax.get_lines())
    assert diagonal == [[0, 0], [1, 1]]
    assert (a, b) == ([[0.2, 0.1], [0.8, 0.9]], [[0.5, 0.4]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_coverage_curves_are_laid_over_each_other(ax: Axes) -> None:
    nominal = [0.5, 0.9]
    plots.coverage_curve(nominal, [0.5, 0.88], ax, label="one", low=[0.4, 0.8], high=[0.6, 0.9])
    plots.coverage_curve(nominal, [0.3, 0.7], ax, label="two")
    diagonal, one, two = ax.get_lines()
    np.testing.assert_allclose(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert one.get_color() != two.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


def test_figures_need_no_pyplot() -> None:
    import subprocess
    import sys

    code = "import sys, leyden.plots as p; p.subplots(); print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_palette_survives_colour_blindness() -> None:
    """Every pair stays apart for readers without red (Vienot et al. 1999, protanopia)."""
    linear = np.array([to_rgb(color) for color in plots.PALETTE]) ** 2.2
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    seen = np.clip(linear @ protan.T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[np.triu_indices(len(seen), 1)].min() > 0.09


def test_logarithmic_ticks_are_plain_and_few() -> None:
    figure, ax = plots.subplots()
    ax.set(xscale="log", xlim=(0.4, 6.0), yscale="log", ylim=(1e-6, 1e2))
    plain_ticks(ax.xaxis, ax.yaxis)
    figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_xticklabels()]
    assert [text for text in shown if text and 0.4 <= float(text) <= 6] == ["0.5", "1", "2", "5"]
    assert "0.01" in [label.get_text() for label in ax.get_yticklabels()]
    assert not ax.xaxis.get_minorticklocs().size
