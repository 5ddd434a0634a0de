"""What a VAMPnet follows, on runs in which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from leyden.simulators.fcc_sites import OCTAHEDRAL, SITE_STATES
from leyden.simulators.kinetic_monte_carlo import KineticMonteCarlo
from leyden.studies.hopping_motion import SlowMotion, slow_motion, visits

TWIN = KineticMonteCarlo()
SITES = TWIN.run(100.0, random_state=3).sites.astype(int)
VISITS = visits(SITES)
OCTAHEDRA = np.flatnonzero(SITE_STATES == OCTAHEDRAL)


def motion(values: np.ndarray, noise: float = 0.0) -> SlowMotion:
    """Of a membership by site, with noise from frame to frame."""
    membership = values[SITES[:, 0]]
    membership = membership + noise * np.random.default_rng(0).normal(size=len(membership))
    return slow_motion(membership, SITES[:, 0], VISITS.octahedral_ps)


def one_apart(elsewhere: float) -> np.ndarray:
    values = np.full(12, elsewhere)
    values[OCTAHEDRA] = (1.0, 0.0, 0.0, 0.0)
    return values


def test_visits_give_the_exact_ratio() -> None:
    found = VISITS
    assert found.octahedral_ps.covers(TWIN.octahedral_ps)
    assert found.tetrahedral_ps.covers(TWIN.tetrahedral_ps)
    assert found.local_ps.covers(TWIN.local_timescale_ps)
    assert found.ratio.covers(TWIN.slowest_timescale_ps / TWIN.local_timescale_ps)
    assert found.ratio.value == pytest.approx(found.octahedral_ps.value / found.local_ps.value)


def test_a_hop_between_octahedra_leaves_a_site_and_no_kind() -> None:
    """A visit to a tetrahedral site that is too short to be seen ends one to an octahedral."""
    one, other = OCTAHEDRA[:2]
    between = np.flatnonzero(SITE_STATES != OCTAHEDRAL)[0]
    period = np.repeat([one, other, between], [30, 20, 10])
    found = visits(np.tile(period, 400)[:, None])
    assert found.octahedral_ps.value == pytest.approx(25.0, rel=5e-3)
    assert found.tetrahedral_ps.value == pytest.approx(10.0, rel=5e-3)
    assert found.local_ps.value == pytest.approx(1 / (1 / 50 + 1 / 10), rel=5e-3)
    assert found.ratio.value == pytest.approx(25.0 * (1 / 50 + 1 / 10), rel=5e-3)


def test_sites_are_told_apart_on_the_scale_of_the_membership() -> None:
    sites = SITES[:20_000, 0]
    for scale, offset in ((0.3, 0.55), (0.3, 0.1), (1.4, -0.2)):
        membership = offset + scale * one_apart(0.25)[sites]
        assert slow_motion(membership, sites, VISITS.octahedral_ps).apart == (1, 3)
        assert slow_motion(1 - membership, sites, VISITS.octahedral_ps).apart == (3, 1)


def test_one_site_apart_is_a_slow_mode_where_tetrahedra_are_neutral() -> None:
    found = motion(one_apart(0.25))
    assert found.apart == (1, 3)
    assert found.shares["among octahedral sites"] > 0.97
    assert found.steps[1].covers(TWIN.octahedral_ps)
    assert found.steps[3].value == pytest.approx(found.steps[1].value, rel=0.03)


def test_tetrahedra_on_one_side_make_it_faster() -> None:
    """At equilibrium the autocorrelation is the exponentials, weighted by the shares."""
    found = motion(one_apart(0.0))
    lag, times = 10.0, (TWIN.octahedral_ps, TWIN.tetrahedral_ps, TWIN.local_timescale_ps)
    kept = sum(
        share * np.exp(-lag / time)
        for share, time in zip(found.shares.values(), times, strict=False)
    )
    assert found.steps[2].value < found.steps[1].value
    assert found.steps[2].covers(-lag / np.log(kept))
    assert sum(found.shares.values()) == pytest.approx(1.0)


def test_flicker_at_a_site_makes_it_faster_still() -> None:
    found = motion(one_apart(0.25), noise=0.1)
    assert found.shares["within a site"] == pytest.approx(
        0.01 / (0.01 + one_apart(0.25)[SITES[:, 0]].var()), rel=0.05
    )
    assert found.steps[3].value < 0.8 * found.steps[2].value
    assert found.factors.count("factor") == 3
