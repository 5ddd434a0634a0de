"""What the VAMPnet of the study `lithium-hopping` follows, and why its timescale is what it is.

By theory the octahedral sites of the cell differ among themselves in three modes that all relax in
tau_oct, the mean visit to one of them; the two kinds of site relax by what leads from one kind to
the other. A membership that two states give to the places of the cell
may follow one of these modes, and fall short of tau_oct for three reasons, which are told apart
here: the one motion that it follows, which in a run of finite length is not as fast as its equals;
what it says of tetrahedral sites, which those modes leave alone; and what changes while lithium
stays at its site.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from leyden.dynamics.core_sets import hard_memberships
from leyden.dynamics.kinetic_results import Koopman
from leyden.dynamics.koopman import Kinetics
from leyden.dynamics.paired import compared
from leyden.physics.intervals import Estimate
from leyden.simulators.fcc_sites import OCTAHEDRAL, SITE_STATES
from leyden.studies.hopping_runs import LAG_PS

__all__ = [
    "STEPS",
    "SlowMotion",
    "Visits",
    "by_theory",
    "site_kinetics",
    "slow_motion",
    "visits",
]

STEPS = (
    "mean visit to an octahedral site",
    "the motion among octahedral sites that it follows",
    "with what it says of tetrahedral sites",
    "with what changes at one site (the VAMPnet as it is)",
)
"""From what theory says of the slow modes to what the VAMPnet says."""


@dataclass(frozen=True)
class Visits:
    """Mean visits to sites by cores, and the relaxations that follow.

    Attributes
    ----------
    octahedral_ps, tetrahedral_ps : Estimate
        tau_oct and tau_tet: of a visit to one site. Who is seen next at another site of the same
        kind has left, although what was between was too short to be seen.
    local_ps : Estimate
        1 / tau is the sum of the rates of leaving each kind of site for the other; 1 / tau_oct +
        1 / tau_tet if no visit is missed.
    ratio : Estimate
        tau_oct over that: slowest global mode over local one.
    """

    octahedral_ps: Estimate
    tetrahedral_ps: Estimate
    local_ps: Estimate
    ratio: Estimate


def visits(sites: np.ndarray, time_step_ps: float = 1.0) -> Visits:
    """Of sites by cores, (T, 1); -1 before the first."""
    return Visits(*compared([site_kinetics(sites, time_step_ps)], by_theory, positive=True))


def site_kinetics(sites: np.ndarray, time_step_ps: float = 1.0) -> Kinetics:
    """What leads from site to site within a frame, of sites by cores, (T, 1).

    Frames at the beginning with -1 are left out.
    """
    states = hard_memberships(sites, len(SITE_STATES))
    return Kinetics(states, time_step_ps, time_step_ps, samples=2)


def by_theory(sites: Koopman) -> list[float]:
    """The numbers of `Visits`, from what leads from site to site within a frame."""
    held = np.bincount(SITE_STATES, sites.populations)
    site, kind = ~np.eye(len(SITE_STATES), dtype=bool), SITE_STATES[:, None] != SITE_STATES
    with np.errstate(divide="ignore", invalid="ignore"):  # never left, or never visited
        leaving, changing = (
            np.bincount(SITE_STATES, sites.populations * (sites.matrix * others).sum(1)) / held
            for others in (site, kind)
        )
        visit, local = sites.lag_ps / leaving, sites.lag_ps / changing.sum()
        return [*visit, local, visit[OCTAHEDRAL] / local]


@dataclass(frozen=True, eq=False)
class SlowMotion:
    """What the first membership of a VAMPnet of two states follows.

    Attributes
    ----------
    steps : list of Estimate
        Timescales by `STEPS`, ps.
    shares : dict of str to float
        Of its variance: among octahedral sites, among tetrahedral ones, between the two kinds, and
        within a site.
    apart : (int, int)
        Octahedral sites on either side of the midpoint between the highest and the lowest of their
        means, the higher ones first; a membership before it is kept between 0 and 1 has no scale.
    """

    steps: list[Estimate]
    shares: dict[str, float]
    apart: tuple[int, int]

    @property
    def factors(self) -> str:
        """By what each step after the first changes the timescale, in words."""
        times = [step.value for step in self.steps]
        pairs = zip(STEPS[1:], itertools.pairwise(times), strict=True)
        return "; ".join(f"{name}, a factor of {after / before:.2f}"
                         for name, (before, after) in pairs)  # fmt: skip


def slow_motion(
    memberships: np.ndarray, sites: np.ndarray, octahedral_ps: Estimate, lag_ps: float = LAG_PS
) -> SlowMotion:
    """Take the first membership (T,) of a VAMPnet apart, by the sites (T,) of the same frames.

    Parameters
    ----------
    memberships : ndarray, shape (T,)
    sites : ndarray of int, shape (T,)
        By cores; frames at the beginning with -1 are left out.
    octahedral_ps : Estimate
        Mean visit.
    lag_ps : float
        Frames are 1 ps apart.
    """
    start = int((sites >= 0).argmax())
    found, at = np.asarray(memberships[start:], float), sites[start:]
    weights = np.bincount(at, minlength=len(SITE_STATES)) / len(at)
    means = np.bincount(at, found, minlength=len(SITE_STATES)) / np.maximum(weights * len(at), 1)
    kinds = np.array(
        [np.average(means[k == SITE_STATES], weights=_held(weights, k)) for k in (0, 1)]
    )
    octahedral = SITE_STATES == OCTAHEDRAL
    between = (means - kinds[SITE_STATES]) ** 2 * weights
    variance = found.var()
    shares = {
        "among octahedral sites": between[octahedral].sum() / variance,
        "among tetrahedral sites": between[~octahedral].sum() / variance,
        "between the kinds": (weights * (kinds[SITE_STATES] - found.mean()) ** 2).sum() / variance,
        "within a site": (found - means[at]).var() / variance,
    }
    neutral = np.where(octahedral, means, kinds[OCTAHEDRAL])
    followed = [_timescale(one, lag_ps) for one in (neutral[at], means[at], found)]
    visited = means[octahedral & (weights > 0)]
    high = int((visited > (visited.max() + visited.min()) / 2).sum())
    return SlowMotion(
        [octahedral_ps, *followed],
        {name: float(share) for name, share in shares.items()},
        (high, len(visited) - high),
    )


def _held(weights: np.ndarray, kind: int) -> np.ndarray:
    """Populations of the sites of a kind; all alike where none was visited."""
    mine = weights[kind == SITE_STATES]
    return mine if mine.any() else np.ones_like(mine)


def _timescale(signal: np.ndarray, lag_ps: float) -> Estimate:
    """How fast a signal (T,) relaxes, with its interval."""
    states = np.stack([signal, 1 - signal], 1)
    kinetics = Kinetics(states, lag_ps, samples=2)
    (found,) = compared([kinetics], lambda one: one.timescales_ps[:1], positive=True)
    return found
