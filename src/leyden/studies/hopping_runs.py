"""Runs of the study `lithium-hopping`: how long, and kept once they are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from leyden.data.trajectory import Trajectory
from leyden.dynamics.core_sets import core_sites
from leyden.hashing import code_of, content_hash
from leyden.representations.local_environment import Environments, LocalEnvironment
from leyden.simulators.fcc_sites import SITE_STATES
from leyden.simulators.kinetic_monte_carlo import HoppingRun, KineticMonteCarlo
from leyden.simulators.lattice_hopping import LatticeHopping

__all__ = ["CORE_A", "ION", "LAG_PS", "Effort", "Langevin", "RareEvents", "Twin", "environments"]

ION = "Li"
LAG_PS = 10.0
CORE_A = 0.6
"""Radius of a core: half of the way from a site to the saddle to the next one, or less."""


@dataclass(frozen=True)
class Effort:
    """How much the study simulates and trains.

    Attributes
    ----------
    langevin_ns : float
        Of the Langevin run; its first half teaches, its second half is tested on, as published.
    twin_ns : float
        That teaches on the twin, and of each run that is tested on.
    tests : int
        Runs of the twin that are tested on.
    epochs, least_steps, restarts : int
        Of every network.
    rare : int
        Atoms of the rare events that teach, and as many that are measured on.
    transfer_ns : tuple of float
        Lengths of the runs at the other temperature that teach.
    seeds : int
        Of the networks of the transfer.
    quick_run : bool
        Whether this only shows that it works.
    """

    langevin_ns: float = 200.0
    twin_ns: float = 100.0
    tests: int = 10
    epochs: int = 4
    least_steps: int = 400
    restarts: int = 3
    rare: int = 1000
    transfer_ns: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
    seeds: int = 5
    quick_run: bool = False

    @classmethod
    def quick(cls) -> Effort:
        """As little as shows that everything works."""
        return cls(6.0, 4.0, 2, 1, 80, 1, 40, (0.5,), 1, quick_run=True)


class Twin:
    """Hops with exactly known rates: what a network must find.

    Parameters
    ----------
    effort : Effort
    """

    def __init__(self, effort: Effort) -> None:
        self.model = KineticMonteCarlo()
        self._effort = effort

    def teaching(self) -> HoppingRun:
        """The run that teaches."""
        return self.model.run(self._effort.twin_ns, random_state=0)

    def tests(self) -> Iterator[HoppingRun]:
        """Other runs, one after another."""
        for seed in range(1, self._effort.tests + 1):
            yield self.model.run(self._effort.twin_ns, random_state=seed)


class Langevin:
    """The Langevin run, its two halves, and what the geometry says of the second.

    Parameters
    ----------
    effort : Effort
    folder : Path
        Where runs are kept.
    temperature_K : float
    random_state : int
    """

    def __init__(
        self, effort: Effort, folder: Path, temperature_K: float = 300.0, random_state: int = 0
    ) -> None:
        self.model = LatticeHopping(temperature_K=temperature_K)
        self._duration_ns, self._seed = effort.langevin_ns, random_state
        code = content_hash(self.model, code_of("simulators"))[:8]
        name = f"{temperature_K:g}K-{effort.langevin_ns:g}ns-{random_state}-{code}"
        self._store = folder / "runs" / name

    def run(self, progress: bool = False) -> Trajectory:
        """The whole of it, simulated once."""
        if not self._store.is_dir():
            self._store.parent.mkdir(parents=True, exist_ok=True)
            self.model.run(self._duration_ns, 1.0, self._seed, store=self._store, progress=progress)
        return Trajectory.open(self._store)

    @cached_property
    def teaching(self) -> Trajectory:
        """The first half."""
        whole = self.run()
        return whole.window(0, len(whole) // 2)

    @cached_property
    def tested(self) -> Trajectory:
        """The second half."""
        whole = self.run()
        return whole.window(len(whole) // 2)

    @cached_property
    def sites(self) -> np.ndarray:
        """Site whose core was entered last, in the second half, (T, 1); -1 before the first."""
        lithium = np.asarray(self.tested.positions[:, :1])
        return core_sites(lithium, self.model.sites_A, self.model.cell_A, CORE_A)

    @cached_property
    def states(self) -> np.ndarray:
        """Kind of these sites, (T, 1)."""
        return np.where(self.sites < 0, -1, SITE_STATES[self.sites])


class RareEvents:
    """Independent atoms that hardly move: relaxation takes 20 times as long as the run.

    Each atom has a cell of its own, as the surroundings of one that others visit would tell more
    than its site.

    Parameters
    ----------
    effort : Effort
    """

    duration_ns, frame_ps, slower = 1.0, 5.0, 20.0

    def __init__(self, effort: Effort) -> None:
        usual = KineticMonteCarlo()
        factor = self.slower * 1000 * self.duration_ns / usual.local_timescale_ps
        self.model = KineticMonteCarlo(
            octahedral_ps=factor * usual.octahedral_ps,
            tetrahedral_ps=factor * usual.tetrahedral_ps,
        )
        self._atoms = effort.rare

    def teaching(self) -> Iterator[HoppingRun]:
        """The atoms that teach, one after another."""
        return self._runs(10_000)

    def tests(self) -> Iterator[HoppingRun]:
        """As many others."""
        return self._runs(20_000_000)

    def _runs(self, first: int) -> Iterator[HoppingRun]:
        for seed in range(first, first + self._atoms):
            yield self.model.run(self.duration_ns, self.frame_ps, random_state=seed)


def environments(trajectory: Trajectory) -> Environments:
    """What the graph networks of this study see of the lithium atoms."""
    return LocalEnvironment(neighbours=20, convolutions=2, targets=ION).observe(trajectory)
