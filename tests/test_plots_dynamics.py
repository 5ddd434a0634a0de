"""Figures of dynamics draw what they were given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes

from leyden import plots
from leyden.dynamics.koopman import Kinetics
from leyden.dynamics.state_environments import Example, StateEnvironments
from leyden.physics.transition_conduction import TransitionShares
from leyden.plots import dynamics as drawn


@pytest.fixture
def ax() -> Iterator[Axes]:
    figure, axes = plots.subplots()
    yield axes
    figure.draw_without_rendering()


@pytest.fixture(scope="module")
def kinetics() -> Kinetics:
    rng = np.random.default_rng(0)
    states = np.zeros((2000, 4), int)
    for frame in range(1, len(states)):
        leaves = rng.random(4) < np.where(states[frame - 1] == 0, 0.05, 0.1)
        states[frame] = np.where(leaves, 1 - states[frame - 1], states[frame - 1])
    return Kinetics(np.eye(2)[states], 1.0, samples=100)


def test_timescales_lie_on_the_lags_and_the_exact_one_is_a_line(
    kinetics: Kinetics, ax: Axes
) -> None:
    result = kinetics.timescales([1, 2, 4])
    assert drawn.relaxation_timescales(result, ax, exact=6.2, label="chain") is ax
    line, exact = ax.get_lines()
    np.testing.assert_allclose(
        np.asarray(line.get_xydata()), np.column_stack([[1, 2, 4], result.timescales_ps[:, 0]])
    )
    assert line.get_label() == "chain"
    assert set(np.asarray(exact.get_ydata())) == {6.2}
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_prediction_and_estimate_of_each_state(kinetics: Kinetics, ax: Axes) -> None:
    result = kinetics.ck_test(5)
    drawn.chapman_kolmogorov(result, ax)
    curves = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    np.testing.assert_allclose(np.asarray(curves[0].get_ydata()), result.predicted[:, 0, 0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["state 0", "state 1"]


def test_modes_are_the_eigenvectors_after_the_first(kinetics: Kinetics, ax: Axes) -> None:
    result = kinetics.koopman()
    drawn.relaxation_modes(result, ax)
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, result.eigenvectors[:, 1])
    assert heights[0] * heights[1] < 0


def environments(charge: bool) -> StateEnvironments:
    edges = np.arange(1, 5.0)
    curve = np.arange(16.0).reshape(2, 2, 4)
    charges = curve[:, 0] if charge else None
    return StateEnvironments(
        edges - 0.5,
        edges,
        ("Li", "S"),
        np.array([0.5, 0.5]),
        curve,
        curve,
        curve,
        curve,
        charges,
        charges,
        charges,
        3.0,
    )


def test_distributions_and_charge_have_a_line_a_state(ax: Axes) -> None:
    drawn.radial_distributions(environments(True), ax, species="S")
    lines = ax.get_lines()[:2]
    np.testing.assert_allclose(
        [line.get_ydata() for line in lines], [[4, 5, 6, 7], [12, 13, 14, 15]]
    )
    drawn.charge_integral(environments(True), ax)


def test_charges_that_are_not_known_are_said_so(ax: Axes) -> None:
    drawn.charge_integral(environments(False), ax)
    assert "no charges" in ax.texts[0].get_text()


def test_bars_of_transitions(ax: Axes) -> None:
    share = np.array([[0.5, 0.1], [0.15, 0.25]])
    drawn.transition_bars(TransitionShares(share, share - 0.05, share + 0.05), ax)
    assert [bar.get_height() for bar in ax.patches] == [0.5, 0.1, 0.15, 0.25]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0→0", "0→1", "1→0", "1→1"]


def test_a_picture_has_a_ball_an_atom_and_the_target_in_the_middle(ax: Axes) -> None:
    places = np.array([[0, 0, 0], [2.4, 0, 0], [0, 0, 2.4]])
    example = Example(1, 10, 0, 0.97, ("Li", "S", "S"), places)
    drawn.environment_picture(example, ax, species=("Li", "S"))
    centres = {tuple(np.round(patch.center, 6)) for patch in ax.patches if patch.radius > 0.5}
    assert len(centres) == 3
    assert (0.0, 0.0) in centres
    assert "0.97" in ax.get_title()
