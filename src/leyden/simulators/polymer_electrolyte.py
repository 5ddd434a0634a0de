"""A coarse-grained polymer electrolyte: poly(ethylene oxide) with a lithium salt, and relatives.

The design space of chapter 5 of T. Xie's thesis (MIT, 2020): what a chemist changes is the size of
a bead and how strongly it draws the others. The reference stands for PEO-LiTFSI at 363 K; its
parameters are ours, since the table of the published ones is not public. Times are not those of the
true electrolyte, as beads glide where molecules rub: claim trends.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from leyden.errors import InputError, did_you_mean
from leyden.simulators.bead_spring import BeadSpring
from leyden.simulators.polymer_run import PolymerRun, simulate
from leyden.simulators.polymer_stages import Plan

__all__ = [
    "EPSILON_BOUNDS",
    "RADIUS_BOUNDS_A",
    "SEARCH_SPACES",
    "PolymerElectrolyte",
    "independent_runs",
]

#: What the simulator takes of any radius, in angstrom, and of any epsilon, in kcal/mol.
RADIUS_BOUNDS_A = (0.5, 6.0)
EPSILON_BOUNDS = (0.01, 12.0)
_MASS = {"EO": 44.05, "Li": 44.05, "anion": 88.1, "SS": 44.05}
_EO_PER_SECONDARY = 5

#: The published search spaces: parameters with their lower and upper bounds. Radii of 1.5 to 5 A
#: and epsilon of 0.4 to 6 kcal/mol are the thesis's; the bounds of the concentration are ours.
SEARCH_SPACES: dict[str, dict[str, tuple[float, float]]] = {
    "anion": {
        "anion_radius": (1.5, 5.0),
        "li_per_eo": (0.04, 0.2),
        "epsilon_cation_anion": (0.4, 6.0),
        "epsilon_anion_chain": (0.4, 6.0),
        "epsilon_anion_anion": (0.4, 6.0),
    },
    "secondary site": {
        "secondary_radius": (1.5, 5.0),
        "epsilon_secondary_cation": (0.4, 6.0),
        "epsilon_secondary_anion": (0.4, 6.0),
        "epsilon_secondary_chain": (0.4, 6.0),
        "epsilon_secondary_secondary": (0.4, 6.0),
    },
    "backbone": {
        "monomer_radius": (1.5, 5.0),
        "epsilon_cation_chain": (0.4, 6.0),
        "epsilon_anion_chain": (0.4, 6.0),
        "epsilon_chain_chain": (0.4, 6.0),
    },
}


@dataclass(frozen=True, kw_only=True)
class PolymerElectrolyte:
    """Chains of ethylene-oxide beads (EO) with lithium and anions, one bead each.

    Radii are half the Lennard-Jones diameter, in angstrom; every epsilon is in kcal/mol. Bonds and
    angles are those of `leyden.simulators.bead_spring`; bonds grow with the beads.

    Attributes
    ----------
    anion_radius, monomer_radius, lithium_radius : float
    li_per_eo : float
        Concentration of the salt: 0.1 is EO:Li = 10.
    epsilon_cation_anion, epsilon_anion_chain, epsilon_anion_anion : float
    epsilon_cation_chain, epsilon_chain_chain, epsilon_cation_cation : float
        `epsilon_chain_chain` acts between all beads of chains that are not bonded.
    secondary_radius : float, optional
        Of secondary sites (SS): where it is given, one follows every five EO of a chain.
    epsilon_secondary_cation, epsilon_secondary_anion : float
    epsilon_secondary_chain, epsilon_secondary_secondary : float
        Of no effect without secondary sites.
    chains, monomers : int
        Number of chains, and EO of each, at least three.
    temperature_K : float
    dielectric : float
        Of everything that is not there as a bead.

    Raises
    ------
    InputError
        A value out of its bounds; no lithium at this size; lone neutral beads.
    """

    anion_radius: float = 2.9
    li_per_eo: float = 0.1
    epsilon_cation_anion: float = 0.6
    epsilon_anion_chain: float = 0.6
    epsilon_anion_anion: float = 0.6
    monomer_radius: float = 2.15
    epsilon_cation_chain: float = 3.0
    epsilon_chain_chain: float = 0.807
    secondary_radius: float | None = None
    epsilon_secondary_cation: float = 0.6
    epsilon_secondary_anion: float = 0.6
    epsilon_secondary_chain: float = 0.807
    epsilon_secondary_secondary: float = 0.807
    lithium_radius: float = 1.0
    epsilon_cation_cation: float = 0.1
    chains: int = 14
    monomers: int = 20
    temperature_K: float = 363.0
    dielectric: float = 10.0

    def __post_init__(self) -> None:
        bounds = {
            "chains": (1, 10_000),
            "monomers": (3, 10_000),
            "temperature_K": (150.0, 1000.0),
            "dielectric": (1.0, 100.0),
            "li_per_eo": (0.001, 0.5),
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "secondary_radius":
                continue
            by_kind = RADIUS_BOUNDS_A if field.name.endswith("radius") else EPSILON_BOUNDS
            low, high = bounds.get(field.name, by_kind)
            whole = field.name in ("chains", "monomers")
            if not (isinstance(value, int | float) and low <= value <= high):
                raise InputError(f"{field.name} lies between {low:g} and {high:g}", value=value)
            if whole and value != int(value):
                raise InputError(f"{field.name} is a whole number", value=value)
        if self.salt < 1:
            raise InputError(
                f"an electrolyte has lithium; li_per_eo {self.li_per_eo:g} gives none to "
                f"{self.chains * self.monomers} EO",
                remedy="take more chains",
            )

    @classmethod
    def at(cls, **changes: float) -> PolymerElectrolyte:
        """The reference with these changes; unknown names are told with the nearest known one.

        Raises
        ------
        InputError
        """
        known = [field.name for field in fields(cls)]
        for name in changes:
            if name not in known:
                remedy = did_you_mean(name, known)
                raise InputError("not a parameter of the electrolyte", value=name, remedy=remedy)
        return cls(**changes)  # type: ignore[arg-type]

    @property
    def salt(self) -> int:
        """Number of lithium ions, and of anions."""
        return round(self.chains * self.monomers * self.li_per_eo)

    @property
    def system(self) -> BeadSpring:
        """The beads and how they interact."""
        names = ["EO", "Li", "anion"]
        radii = [self.monomer_radius, self.lithium_radius, self.anion_radius]
        chain_chain, li_chain = self.epsilon_chain_chain, self.epsilon_cation_chain
        an_chain, li_an = self.epsilon_anion_chain, self.epsilon_cation_anion
        epsilon = [
            [chain_chain, li_chain, an_chain],
            [li_chain, self.epsilon_cation_cation, li_an],
            [an_chain, li_an, self.epsilon_anion_anion],
        ]
        chain = [0] * self.monomers
        if self.secondary_radius is not None:
            names.append("SS")
            radii.append(self.secondary_radius)
            others = [
                self.epsilon_secondary_chain,
                self.epsilon_secondary_cation,
                self.epsilon_secondary_anion,
            ]
            epsilon = [[*row, value] for row, value in zip(epsilon, others, strict=True)]
            epsilon.append([*others, self.epsilon_secondary_secondary])
            for site in range(self.monomers // _EO_PER_SECONDARY, 0, -1):
                chain.insert(site * _EO_PER_SECONDARY, names.index("SS"))
        return BeadSpring(
            names=tuple(names),
            masses=tuple(_MASS[name] for name in names),
            charges=(0.0, 1.0, -1.0, 0.0)[: len(names)],
            radii=tuple(radii),
            epsilon=tuple(map(tuple, epsilon)),
            chain=tuple(chain),
            chains=self.chains,
            single=(0, self.salt, self.salt, 0)[: len(names)],
            temperature_K=self.temperature_K,
            dielectric=self.dielectric,
        )

    def run(
        self,
        production_ns: float = Plan.production_ns,
        frame_ps: float = Plan.frame_ps,
        *,
        random_state: int = 0,
        folder: str | Path | None = None,
        timeout_s: float | None = None,
        compression_ns: float = Plan.compression_ns,
        relaxation_ns: float = Plan.relaxation_ns,
        time_step_fs: float = Plan.time_step_fs,
        progress: bool = True,
    ) -> PolymerRun:
        """Simulate it with LAMMPS, on one thread; whatever happens to LAMMPS is in the answer.

        Chains and ions are thrown into a box, pushed apart, brought to 1 atm
        (`compression_ns`), relaxed at the volume found there (`relaxation_ns`) and followed
        (`production_ns`). Equal seeds give equal trajectories, stopped in between or not.

        Parameters
        ----------
        production_ns, frame_ps : float
            What is kept, and the time between its frames.
        random_state : int
            Seed of the first places, the velocities and the thermostat.
        folder : path, optional
            Where the stages lie. A run that was stopped goes on there, and a longer one goes on
            from a shorter one. Without it nothing is kept, and positions are in memory.
        timeout_s : float, optional
            Wall time of this call; the outcome is then ``timed out``.
        compression_ns, relaxation_ns, time_step_fs : float
        progress : bool
            Whether to draw a bar, if standard error is a terminal.

        Raises
        ------
        MissingExtraError
            LAMMPS is not installed.
        InputError
            A time or seed out of bounds; a folder that holds another run or has one at work.
        """
        plan = Plan(production_ns, compression_ns, relaxation_ns, frame_ps, time_step_fs)
        if not (isinstance(random_state, int) and random_state >= 0):
            raise InputError("random_state is a whole number, not negative", value=random_state)
        return simulate(
            self.system,
            plan,
            random_state,
            None if folder is None else Path(folder),
            timeout_s=timeout_s,
            progress=progress,
        )


def independent_runs(
    electrolyte: PolymerElectrolyte,
    folder: str | Path,
    *,
    runs: int,
    random_state: int = 0,
    **settings: Any,
) -> list[PolymerRun]:
    """Runs of one composition that share nothing but it; resumable, one folder a run.

    Parameters
    ----------
    electrolyte : PolymerElectrolyte
    folder : path
        Gets ``run-0``, ``run-1``, ...
    runs : int
    random_state : int
        Seed of the first; the next has the next number.
    **settings
        As of `PolymerElectrolyte.run`.
    """
    if runs < 1:
        raise InputError("there must be one run at least", value=runs)
    seeds = range(random_state, random_state + runs)
    return [
        electrolyte.run(random_state=seed, folder=Path(folder) / f"run-{seed}", **settings)
        for seed in seeds
    ]
