"""Lithium that hops with known rates: the twin of `lattice_hopping`, with exact answers.

Lithium stays at an octahedral or a tetrahedral site of face-centred cubic sulfur for an exponential
time and hops to one of the neighbouring sites (8 or 4) with equal chances; hops take no time. In a
frame, lithium lies about its site and sulfur about its place, displaced by independent normal
numbers: vibrations without memory from frame to frame, so that the environment of an atom has no
dynamics but the hops.

Exact answers, with the mean residence times tau_o and tau_t. Of the twelve sites of a periodic cell
every octahedral one is next to every tetrahedral one, so the generator of their populations has one
stationary mode; one local mode, the exchange between the two kinds, 1/tau = 1/tau_o + 1/tau_t;
three modes in which populations of octahedral sites differ among themselves (they end when the
site is left: tau_o); and seven such modes of the tetrahedral sites (tau_t). Given the site, the
mean of the next displacement is zero, so displacements of different hops are not correlated, and
with d = sqrt(3) a / 4 and 2 / (tau_o + tau_t) hops in unit time D = a^2 / (16 (tau_o + tau_t)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from leyden.data.array_folder import ArrayWriter
from leyden.data.trajectory import Trajectory, finish_trajectory
from leyden.errors import InputError
from leyden.simulators.fcc_sites import CONNECTIONS, OCTAHEDRAL, SITE_STATES, SITES, SULFUR
from leyden.simulators.lattice_hopping import whole_frames

__all__ = ["HoppingRun", "KineticMonteCarlo"]

_PIECE_BYTES = 2**25
_QUARTERS = np.round(4 * SITES).astype(int)


@dataclass(frozen=True, eq=False)
class HoppingRun:
    """A trajectory, and the truth about it.

    Attributes
    ----------
    trajectory : Trajectory
        Lithium atoms first, then sulfur; unwrapped.
    sites : ndarray of int8, shape (T, L)
        Number of the site of each lithium atom, as in `fcc_sites.SITES`.
    """

    trajectory: Trajectory
    sites: np.ndarray

    @property
    def states(self) -> np.ndarray:
        """0 at an octahedral site, 1 at a tetrahedral one; int8, shape (T, L)."""
        return SITE_STATES.astype(np.int8)[self.sites]


@dataclass(frozen=True)
class KineticMonteCarlo:
    """Independent lithium atoms hopping among the interstitial sites of sulfur.

    The atoms do not see each other: two may share a site. What happens to one is independent of all
    others, so L atoms are L runs.

    Attributes
    ----------
    octahedral_ps, tetrahedral_ps : float
        Mean residence times. The defaults are near those of `LatticeHopping`.
    lattice_A : float
        Edge of the conventional cubic cell.
    lithium_spread_A, sulfur_spread_A : float
        Standard deviation of each coordinate about the site; may be zero.
    lithium : int
        Number of lithium atoms, L.
    cells : tuple of int
        Conventional cells along the three axes, in all C; the system has L + 4 C atoms.

    Raises
    ------
    InputError
        A residence time or edge that is not positive, a negative spread, no atom or no cell, or a
        part of one.
    """

    octahedral_ps: float = 199.0
    tetrahedral_ps: float = 58.0
    lattice_A: float = 5.7
    lithium_spread_A: float = 0.2
    sulfur_spread_A: float = 0.08
    lithium: int = 1
    cells: tuple[int, int, int] = (1, 1, 1)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            numbers = np.array(value, dtype=float)
            may_be_zero = field.name.endswith("spread_A")
            low = numbers >= 0 if may_be_zero else numbers > 0
            if not (np.isfinite(numbers).all() and low.all()):
                rule = "not be negative" if may_be_zero else "be positive"
                raise InputError(f"{field.name} must {rule}, and finite", value=value)
        counts = np.array([self.lithium, *self.cells])
        if len(counts) != 4 or counts.dtype.kind not in "iu":
            raise InputError(
                "lithium and cells, along three axes, are whole numbers",
                value=(self.lithium, self.cells),
            )

    @property
    def local_timescale_ps(self) -> float:
        """Of the exchange between the two kinds of site."""
        return 1.0 / (1.0 / self.octahedral_ps + 1.0 / self.tetrahedral_ps)

    @property
    def slowest_timescale_ps(self) -> float:
        """The slowest of the twelve sites of one periodic cell."""
        return max(self.octahedral_ps, self.tetrahedral_ps)

    @property
    def diffusion_A2_per_ps(self) -> float:
        """Self-diffusion coefficient of lithium; 1 A^2/ps is 1e-8 m^2/s."""
        return self.lattice_A**2 / (16.0 * (self.octahedral_ps + self.tetrahedral_ps))

    @property
    def octahedral_population(self) -> float:
        """Part of the time that is spent at octahedral sites."""
        return self.octahedral_ps / (self.octahedral_ps + self.tetrahedral_ps)

    def generator_per_ps(self) -> np.ndarray:
        """Rates between the sites of one periodic cell, shape (12, 12); rows sum to zero."""
        leaving = 1.0 / np.where(SITE_STATES == OCTAHEDRAL, self.octahedral_ps, self.tetrahedral_ps)
        rates = CONNECTIONS * (leaving / CONNECTIONS.sum(axis=1))[:, None]
        return rates - np.diag(leaving)

    def run(
        self,
        duration_ns: float,
        frame_ps: float = 1.0,
        random_state: int = 0,
        *,
        store: str | Path | None = None,
    ) -> HoppingRun:
        """Simulate from equilibrium: kinds of site by their populations, in cells at random.

        Parameters
        ----------
        duration_ns : float
            Frames are kept at ``frame_ps, 2 frame_ps, ...`` up to here.
        frame_ps : float
        random_state : int
        store : path, optional
            A new folder in which the trajectory is written piece by piece, to be opened by
            `Trajectory.open`. The sites stay in memory.

        Raises
        ------
        InputError
            Times that are not positive or do not fit, or a `store` that is not empty.
        """
        frames = whole_frames(duration_ns, frame_ps)
        hops, vibrations = np.random.default_rng(random_state).spawn(2)
        quarters = np.stack(
            [self._walk(frame_ps * np.arange(1, frames + 1), hops) for _ in range(self.lithium)],
            axis=1,
        )
        size = self.lattice_A * np.array(self.cells, dtype=float)
        species = ("Li",) * self.lithium + ("S",) * (4 * int(np.prod(self.cells)))
        with ArrayWriter(store) as writer:
            for piece in self._pieces(quarters, vibrations):
                writer.append("positions", piece)
            writer.append("cells", np.diag(size)[None])
            trajectory = finish_trajectory(
                writer,
                species=species,
                time_step_ps=frame_ps,
                charges=None,
                molecules=None,
                name=f"hops with known rates, seed {random_state}",
            )
        return HoppingRun(trajectory, _site_numbers(quarters))

    def _walk(self, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Places of one atom at these times, in quarters of the cell's edge, int32 (T, 3).

        Octahedral and tetrahedral sites take turns, and every hop is a quarter up or down along
        each axis. From an octahedral site all eight are open. The four ways into a tetrahedral site
        have signs of one product, hence the four ways out of it are those of the other product.
        """
        first = int(rng.random() >= self.octahedral_population)
        means = np.array([self.octahedral_ps, self.tetrahedral_ps])
        left = _leaving_times(means if first == 0 else means[::-1], times[-1], rng)
        kinds = (first + np.arange(len(left))) % 2
        signs = rng.choice([-1, 1], size=(len(left), 3))
        site = rng.choice(np.flatnonzero(np.equal(SITE_STATES, first)))
        start = 4 * rng.integers(np.array(self.cells)) + _QUARTERS[site]
        entered = np.concatenate([[_product_from(start)], signs[:-1].prod(axis=1)])
        turn = (kinds == 1) & (signs.prod(axis=1) == entered)
        signs[turn, 2] *= -1
        path = np.vstack([start, start + signs.cumsum(axis=0)])
        return path[np.searchsorted(left, times, side="right")].astype(np.int32)

    def _pieces(self, quarters: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
        corners = np.indices(self.cells).reshape(3, -1).T
        sulfur = self.lattice_A * (corners[:, None] + SULFUR).reshape(-1, 3)
        atoms = self.lithium + len(sulfur)
        size = max(1, _PIECE_BYTES // (24 * atoms))
        for start in range(0, len(quarters), size):
            centres = 0.25 * self.lattice_A * quarters[start : start + size]
            piece = rng.standard_normal((len(centres), atoms, 3), dtype=np.float32)
            piece[:, : self.lithium] *= self.lithium_spread_A
            piece[:, self.lithium :] *= self.sulfur_spread_A
            piece[:, : self.lithium] += centres
            piece[:, self.lithium :] += sulfur
            yield piece


def _leaving_times(means: np.ndarray, end: float, rng: np.random.Generator) -> np.ndarray:
    """Times at which sites are left, until one is beyond the end; the means take turns.

    An exponential time has no memory: the first visit of an equilibrium run ends like any other.
    """
    drawn: list[np.ndarray] = []
    reached, block = 0.0, 2 * (int(end / means.sum()) // 2 + 16)
    while reached <= end:
        times = reached + np.cumsum(rng.exponential(np.resize(means, block)))
        drawn.append(times)
        reached = float(times[-1])
    return np.concatenate(drawn)


def _product_from(quarters: np.ndarray) -> int:
    """Product of the signs by which a tetrahedral site is entered from any octahedral one."""
    return 1 if quarters.sum() % 4 == 1 else -1


def _site_numbers(quarters: np.ndarray) -> np.ndarray:
    """Numbers of the sites, int8, by their places in quarters of the edge."""
    number = np.full((4, 4, 4), -1, dtype=np.int8)
    number[tuple(_QUARTERS.T)] = np.arange(len(SITES))
    return number[tuple(np.moveaxis(quarters % 4, -1, 0))]
