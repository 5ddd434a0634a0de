"""Koopman models against Markov chains of known matrix and against deeptime; their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from deeptime.decomposition import TICA, VAMP
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.dynamics.atom_independence import together
from leyden.dynamics.blocks import Blocks, block_moments, choose_blocks, interval, resampled
from leyden.dynamics.koopman import Kinetics, lag_frames
from leyden.dynamics.timescales import timescale_interval
from leyden.errors import InputError

REVERSIBLE = np.array([[0.95, 0.05, 0.0], [0.02, 0.94, 0.04], [0.0, 0.10, 0.90]])
CYCLIC = np.array([[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]])


def chains(
    matrix: np.ndarray, frames: int, atoms: int, seed: int, start: int | None = None
) -> np.ndarray:
    """States (T, L) of independent chains, from equilibrium or from one state."""
    generator = np.random.default_rng(seed)
    borders = np.cumsum(matrix, axis=1)
    values, vectors = np.linalg.eig(matrix.T)
    weights = np.real(vectors[:, np.argmax(values.real)])
    whole = np.cumsum(weights / weights.sum())
    states = np.empty((frames, atoms), int)
    states[0] = (generator.random((atoms, 1)) > whole).sum(1) if start is None else start
    drawn = generator.random((frames, atoms, 1))
    for t in range(1, frames):
        states[t] = (drawn[t] > borders[states[t - 1]]).sum(1).clip(max=len(matrix) - 1)
    return states


def members(states: np.ndarray, kinds: int) -> np.ndarray:
    return np.eye(kinds)[states]


def two_states(rate: float, share: float) -> tuple[np.ndarray, float]:
    """A chain whose first state has this share, and its timescale in frames."""
    out, back = rate * (1 - share), rate * share
    return np.array([[1 - out, out], [back, 1 - back]]), -1 / np.log(1 - rate)


@pytest.fixture(scope="module")
def known() -> Kinetics:
    return Kinetics(members(chains(REVERSIBLE, 4000, 20, 0), 3), 3.0, 0.5, samples=300)


def test_it_finds_the_matrix_of_a_markov_chain(known: Kinetics) -> None:
    found = known.koopman()
    exact = np.linalg.matrix_power(REVERSIBLE, 6)
    np.testing.assert_allclose(found.matrix, exact, atol=0.02)
    values = np.sort(np.linalg.eigvals(REVERSIBLE))[::-1]
    np.testing.assert_allclose(found.eigenvalues, values**6, atol=0.02)
    low, high = found.timescales_interval
    times = -0.5 / np.log(values[1:])
    assert ((low < times) & (times < high)).all()
    assert ((low < found.timescales_ps) & (found.timescales_ps < high)).all()
    shares = np.array([0.2222, 0.5556, 0.2222])
    low, high = found.populations_interval
    assert ((low < shares) & (shares < high)).all()
    low, high = found.matrix_interval
    assert ((low <= exact) & (exact <= high)).mean() > 0.7
    np.testing.assert_allclose(found.populations.sum(), 1)
    np.testing.assert_allclose(found.matrix.sum(1), 1)
    np.testing.assert_allclose(found.eigenvectors[:, 0], 1)
    np.testing.assert_allclose(
        found.matrix @ found.eigenvectors, found.eigenvectors * found.eigenvalues, atol=1e-10
    )
    assert found.reasons == ("", "")
    assert not found.warnings


def test_equal_seeds_give_equal_intervals(known: Kinetics) -> None:
    again = Kinetics(known.memberships, 3.0, 0.5, samples=300)
    first, second = known.koopman(), again.koopman()
    np.testing.assert_array_equal(first.matrix_interval, second.matrix_interval)
    other = Kinetics(known.memberships, 3.0, 0.5, samples=300, random_state=1).koopman()
    assert (other.matrix_interval != first.matrix_interval).any()


def test_it_agrees_with_deeptime() -> None:
    """VAMP without reversibility, TICA with it; soft memberships of two trajectories."""
    generator = np.random.default_rng(1)
    soft = []
    for seed in (3, 4):
        hard = members(chains(REVERSIBLE, 1500, 1, seed), 3)[:, 0]
        part = hard + 0.3 * generator.random(hard.shape)
        soft.append(part / part.sum(1, keepdims=True))
    vamp = VAMP(lagtime=4, epsilon=1e-10).fit(soft).fetch_model()
    plain = Kinetics(soft, 4, reversible=False, samples=50).koopman()
    np.testing.assert_allclose(plain.singular_values[1:], vamp.singular_values[:2], rtol=2e-3)
    assert plain.vamp2 == pytest.approx(vamp.score(2), rel=2e-3)
    x, y = (np.concatenate([part[i:j] for part in soft]) for i, j in ((0, -4), (4, None)))
    np.testing.assert_allclose(plain.matrix, np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-10)
    tica = TICA(lagtime=4, epsilon=1e-10).fit(soft).fetch_model()
    found = Kinetics(soft, 4, samples=50)
    np.testing.assert_allclose(
        found.koopman().timescales_ps, tica.timescales(lagtime=4)[:2], rtol=1e-6
    )
    assert found.timescales([2, 4]).timescales_ps[1] == pytest.approx(found.koopman().timescales_ps)


@pytest.mark.parametrize("reversible", [True, False])
def test_intervals_cover(reversible: bool) -> None:
    """One atom, a hundred timescales."""
    matrix, slow = two_states(0.08, 0.7)
    states = chains(matrix, 2400, 80, 5)
    covered = np.zeros((80, 2))
    for i in range(80):
        found = Kinetics(
            members(states[:, i : i + 1], 2), 4, reversible=reversible, samples=200
        ).koopman()
        for j, (ends, truth) in enumerate(
            ((found.timescales_interval[:, 0], slow), (found.populations_interval[:, 0], 0.7))
        ):
            covered[i, j] = ends[0] <= truth <= ends[1]
    assert (covered.mean(0) >= 0.9).all(), covered.mean(0)
    assert found.blocks.sets == (1,)
    assert found.blocks.length_ps > 2 * slow


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_timescales_are_covered_by_short_runs(share: float) -> None:
    """Twenty timescales of one atom, which is some ten transitions; percentiles alone cover 0.78
    of the runs with unequal populations."""
    matrix, slow = two_states(1 - np.exp(-1 / 20), share)
    states = chains(matrix, 404, 120, 2)
    covered = []
    for i in range(120):
        found = Kinetics(members(states[:, i : i + 1], 2), 4, samples=200).koopman()
        covered.append(found.timescales_interval[0, 0] <= slow <= found.timescales_interval[1, 0])
    assert np.mean(covered) >= 0.92


@pytest.mark.parametrize(
    ("copies", "least", "told"), [(1, 0.93, (0.0, 0.05)), (2, 0.9, (0.9, 1.0)), (10, 0.9, (1, 1))]
)
def test_atoms_that_move_together_do_not_count_as_independent(
    copies: int, least: float, told: tuple[float, float]
) -> None:
    """Ten atoms of which each is one of so many copies, for 60 timescales."""
    matrix, slow = two_states(1 - np.exp(-1 / 20), 0.5)
    states = np.tile(chains(matrix, 1200, 60 * 10 // copies, 3).reshape(1200, 60, -1), copies)
    covered, warned = [], []
    for i in range(60):
        found = Kinetics(members(states[:, i], 2), 4, samples=200).koopman()
        covered.append(found.timescales_interval[0, 0] <= slow <= found.timescales_interval[1, 0])
        warned.append(any("atoms move together" in warning for warning in found.warnings))
        assert (max(found.blocks.sets) == 1) >= warned[-1]
    assert np.mean(covered) >= least
    assert told[0] <= np.mean(warned) <= told[1]


def test_a_field_that_all_atoms_feel_is_no_independence() -> None:
    """Rates of all atoms double and halve with a switch of their surroundings."""
    switch = chains(two_states(0.02, 0.5)[0], 2000, 1, 0)[:, 0]
    generator = np.random.default_rng(0)
    states = np.zeros((2000, 40), int)
    for t in range(1, 2000):
        chance = np.where(states[t - 1] == switch[t], 0.12, 0.02)
        states[t] = states[t - 1] ^ (generator.random(40) < chance)
    assert any(
        "atoms move together" in warning
        for warning in Kinetics(members(states, 2), 4, samples=50).koopman().warnings
    )


def test_what_is_too_short_to_test_is_said() -> None:
    states = chains(two_states(0.05, 0.5)[0], 60, 40, 0)
    found = Kinetics(members(states, 2), 12, samples=50).koopman()
    assert any("too short to test" in warning for warning in found.warnings)


def test_few_relaxations_of_many_atoms_are_said_to_be_no_test() -> None:
    """Copies of each atom are seen late: after 10 relaxations in one run of five or so."""
    matrix, _ = two_states(1 - np.exp(-1 / 20), 0.5)
    for relaxations, said in ((10, True), (60, False)):
        states = members(chains(matrix, 20 * relaxations, 8, 0), 2)
        found = Kinetics(states, 4, samples=50).koopman()
        assert any("too short to test" in one for one in found.warnings) == said


def test_stretches_of_many_short_trajectories_count_together() -> None:
    """Two stretches each; ten copies of an atom are found out by all trajectories."""
    matrix, slow = two_states(1 - np.exp(-1 / 20), 0.5)
    parts = [chains(matrix, 45, 1, seed) for seed in range(30)]
    copies = [members(np.tile(part, (1, 10)), 2) for part in parts]
    lags, sets = [10] * 30, [10] * 30
    assert together(copies, lags, [slow] * 30, sets) == pytest.approx(10, rel=0.01)
    assert together(copies[:1], [20], [slow], [10]) is None


def test_atoms_move_together_at_all_lags_or_at_none() -> None:
    """The verdict is of the atoms, not of how a lag cuts them."""
    matrix, _ = two_states(1 - np.exp(-1 / 20), 0.5)
    verdicts = []
    for seed in range(8):
        states = chains(matrix, 300, 12, seed)
        states[:, 6:] = np.where(np.arange(300)[:, None] % 2, states[:, :6], states[:, 6:])
        kinetics = Kinetics(members(states, 2), 4, samples=20)
        told = [
            [any("move together" in w and "too short" not in w for w in one.warnings)]
            for one in (kinetics.koopman(), kinetics.koopman(20), kinetics.ck_test(8))
            if max(one.blocks.sets) > 1 or one.warnings
        ]
        assert all(one == told[0] for one in told)
        verdicts += told[:1]
    assert verdicts


def test_intervals_of_timescales_are_as_wide_up_as_down() -> None:
    """On the nearer scale, as far as there are ends; those of the percentiles lie within."""
    shape = np.random.default_rng(0).normal(0, 0.04, (5000, 1))
    ends = interval(shape, 10)[:, 0]
    times = -2 / np.log(0.7 + np.array([-0.05, *(ends - 0.05), 0.0]))
    low, high = timescale_interval(np.array([0.7]), 0.65 + shape, 2.0, 10)[:, 0]
    found = -2 / np.log(0.7)
    assert low == pytest.approx(times[1])
    assert high / found == pytest.approx(found / low), "a logarithmic scale: the mirror of low"
    low, high = timescale_interval(np.array([0.2]), 0.15 + 0.5 * shape, 2.0, 10)[:, 0]
    assert high == pytest.approx(-2 / np.log(0.25 - 0.5 * ends[0])), "of eigenvalues"
    lost = np.concatenate([np.full(400, -0.1), np.full(600, 1.0)])[:, None]
    assert timescale_interval(np.array([0.5]), lost, 2.0, 10).ravel().tolist() == [0, np.inf]
    assert np.isnan(timescale_interval(np.array([0.5]), lost, 2.0, 1)).all()


def test_ends_do_not_jump_where_a_percentile_touches_an_end_of_the_scale() -> None:
    """Eigenvalues from fast, of which 0 is soon within error, to slow, of which 1 is."""
    shape = np.random.default_rng(0).normal(0, 0.08, (2000, 1))
    values = np.linspace(0.02, 0.98, 1921)
    ends = timescale_interval(values, values + shape, 1.0, 40)
    ends = np.exp(-1 / np.maximum(ends, 1e-9))  # as eigenvalues again; infinity is 1
    assert np.abs(np.diff(ends)).max() < 0.01
    assert (np.diff(ends[1]) > -1e-3).all(), "longer timescales have no lower upper ends"


def test_rare_events_of_many_atoms_give_a_timescale_beyond_the_trajectory() -> None:
    """1,000 atoms, each for a twentieth of the timescale: few of them change at all."""
    matrix, _ = two_states(1 - np.exp(-1 / 8000), 0.6)
    covered, ratios = [], []
    for seed in range(12):
        states = chains(matrix, 400, 1000, seed)
        assert (np.diff(states, axis=0) != 0).any(0).mean() < 0.06
        found = Kinetics(members(states, 2), 10, samples=200).koopman()
        low, high = found.timescales_interval[:, 0]
        covered.append(low <= 8000 <= high)
        ratios.append(found.timescales_ps[0] / 8000)
        assert found.blocks.times == (1,), "atoms are cut, not time"
        assert found.blocks.count == 40
    assert np.mean(covered) >= 0.9
    assert np.median(ratios) == pytest.approx(1, abs=0.2)


def test_a_start_away_from_equilibrium_is_told_and_can_be_estimated() -> None:
    matrix, slow = two_states(1 / 300, 0.4)
    states = members(chains(matrix, 200, 2000, 0, start=0), 2)
    wrong, right = (Kinetics(states, 10, reversible=r, samples=200).koopman() for r in (1, 0))
    assert any("no equilibrium" in warning for warning in wrong.warnings)
    assert not wrong.timescales_interval[0, 0] < slow < wrong.timescales_interval[1, 0]
    assert right.timescales_interval[0, 0] < slow < right.timescales_interval[1, 0]
    assert right.populations_interval[0, 0] < 0.4 < right.populations_interval[1, 0]
    steady = Kinetics(members(chains(matrix, 200, 2000, 0), 2), 10, samples=200).koopman()
    assert not any("no equilibrium" in warning for warning in steady.warnings)


def test_a_state_that_is_never_left_is_told() -> None:
    states = np.repeat(np.arange(50) * 10 < np.arange(300)[:, None], 1, axis=1).astype(int)
    found = Kinetics(members(states, 2), 5, reversible=False, samples=100).koopman()
    assert any("hardly left" in warning for warning in found.warnings)


def test_no_logarithm_of_what_has_none() -> None:
    """A chain that alternates has eigenvalue -1; one that never moves has 1."""
    back_and_forth = members((np.arange(400) % 2)[:, None], 2)
    found = Kinetics(back_and_forth, 1, samples=50).koopman()
    assert np.isnan(found.timescales_ps[0])
    assert "not positive" in found.reasons[0]
    assert found.timescales_interval[0, 0] == 0
    still = members(np.repeat([[0, 1, 0, 1, 1, 0]], 300, axis=0), 2)
    found = Kinetics(still, 1, samples=50).koopman()
    assert np.isinf(found.timescales_ps[0])
    assert "no transition" in found.reasons[0]
    cyclic = Kinetics(members(chains(CYCLIC, 2000, 4, 0), 3), 2, reversible=False, samples=50)
    found = cyclic.koopman()
    assert all("oscillates" in reason for reason in found.reasons)
    assert np.isfinite(found.timescales_ps).all()
    np.testing.assert_allclose(found.populations, 1 / 3, atol=0.1)
    lost = Kinetics(np.full((50, 2, 2), 0.5), 1, samples=20).koopman()
    assert np.isnan(lost.timescales_ps).all(), "states that are one"


def test_chapman_kolmogorov_holds_for_a_chain_and_not_for_one_that_is_lumped(
    known: Kinetics,
) -> None:
    test = known.ck_test(6)
    np.testing.assert_allclose(test.predicted[0], test.estimated[0])
    assert test.consistent.all()
    assert test.error == test.errors.max() < 0.03
    assert (np.abs(test.estimated - test.predicted) <= test.difference_band).all()
    np.testing.assert_allclose(
        test.predicted[3], np.linalg.matrix_power(known.koopman().matrix, 4), atol=1e-12
    )
    # Four states in a row of which the inner two exchange rarely: the last and the rest.
    matrix = np.array(
        [[0.7, 0.3, 0, 0], [0.3, 0.69, 0.01, 0], [0, 0.01, 0.69, 0.3], [0, 0, 0.3, 0.7]]
    )
    states = chains(matrix, 6000, 10, 2)
    broken = Kinetics(members((states == 3).astype(int), 2), 1, samples=200).ck_test(6)
    assert broken.consistent[0]
    assert not broken.consistent[1:].any()
    assert broken.error > 0.02


def test_the_band_of_the_test_covers_everywhere_at_once() -> None:
    matrix, _ = two_states(0.1, 0.5)
    states = chains(matrix, 1500, 60, 8)
    passed = [
        Kinetics(members(states[:, i : i + 1], 2), 2, samples=200).ck_test(5).consistent.all()
        for i in range(60)
    ]
    assert np.mean(passed) >= 0.88


@settings(max_examples=25)
@given(
    shapes=st.lists(st.tuples(st.integers(4, 30), st.integers(1, 5)), min_size=1, max_size=3),
    lag=st.integers(1, 3),
    times=st.integers(1, 4),
    sets=st.integers(1, 4),
)
def test_blocks_hold_every_pair_once(
    shapes: list[tuple[int, int]], lag: int, times: int, sets: int
) -> None:
    generator = np.random.default_rng(0)
    data = [generator.random((*shape, 2)) for shape in shapes]
    number = len(data)
    sizes = tuple(min(sets, shape[1]) for shape in shapes)
    count = sum(times * size for size in sizes)
    cut = block_moments(data, [lag] * number, Blocks((times,) * number, sizes, count, 1.0))
    whole = block_moments(data, [lag] * number, Blocks((1,) * number, (1,) * number, number, 1.0))
    assert len(cut.n) == count
    for part, all_of_it in zip(cut, whole, strict=True):
        np.testing.assert_allclose(part.sum(0), all_of_it.sum(0))
    assert whole.n.sum() == sum((t - lag) * n for t, n in shapes)


def test_blocks_are_several_timescales_long_while_there_is_room() -> None:
    plenty = choose_blocks([(10_000, 1)], [1.0], 10.0, 20.0)
    assert plenty.length_ps >= 100
    assert plenty.count == 40
    assert not plenty.warnings
    less = choose_blocks([(1000, 1)], [1.0], 10.0, 50.0)
    assert less.length_ps >= 50
    assert less.count >= 7
    assert not less.warnings
    few = choose_blocks([(220, 1)], [1.0], 10.0, 50.0)
    assert any("independent blocks" in w or "shorter" in w for w in few.warnings)
    lone = choose_blocks([(100, 1)], [1.0], 60.0, 500.0)
    assert any("a guess" in warning for warning in lone.warnings)
    many = choose_blocks([(100, 500)] * 4, [1.0] * 4, 10.0, 5000.0)
    assert many.times == (1,) * 4
    assert many.sets == (10,) * 4
    assert not many.warnings


def test_a_single_block_has_no_interval() -> None:
    found = Kinetics(members(chains(REVERSIBLE, 60, 1, 0), 3), 40, samples=20)
    assert found.koopman().blocks.count == 1
    assert np.isnan(found.koopman().matrix_interval).all()
    assert np.isnan(interval(np.zeros((5, 2)), 1)).all()


def test_few_blocks_widen_the_interval() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    for count, half in ((5, 3.10), (40, 2.05), (10_000, 1.96)):
        low, high = interval(values, count)
        assert high == pytest.approx(half, rel=0.06)
        assert low == pytest.approx(-half, rel=0.06)
    assert resampled(7, 3, 0).sum(1).tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"lag_ps": 0.7}, "whole number of frames"),
        ({"lag_ps": -1.0}, "whole number of frames"),
        ({"lag_ps": float("nan")}, "whole number of frames"),
        ({"lag_ps": 50.0}, "shorter than the trajectory of 50 ps"),
        ({"memberships": [np.full((9, 1, 2), np.nan)]}, "frame 0"),
        ({"memberships": [np.ones((9, 1, 2)), np.ones((9, 1, 3))]}, "equally many"),
        ({"memberships": [np.full((9, 1, 2), 0.6)], "lag_ps": 1.0}, r"atom 0 in frame 0.*got 1\.2"),
        ({"memberships": []}, "each trajectory"),
        ({"time_step_ps": [0.5, 0.5]}, "each trajectory"),
    ],
)
def test_bad_input(change: dict[str, object], match: str) -> None:
    given = {"memberships": [np.full((100, 2, 2), 0.5)], "lag_ps": 5.0, "time_step_ps": 0.5}
    with pytest.raises(InputError, match=match):
        Kinetics(**{**given, **change})


def test_a_test_over_more_than_the_trajectory_is_refused(known: Kinetics) -> None:
    with pytest.raises(InputError, match="shorter than the trajectory"):
        known.ck_test(1000)
    with pytest.raises(InputError, match="at least one lag"):
        known.timescales([])


def test_lags_are_whole_frames() -> None:
    assert lag_frames(0.3, 0.1) == 3
    with pytest.raises(InputError, match=r"choose 0\.4 ps"):
        lag_frames(0.37, 0.1)
