"""What `leyden.dynamics.analyse` finds: everything that a report and results.json say."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from leyden.dynamics.kinetic_results import ChapmanKolmogorov, Koopman, Timescales
from leyden.dynamics.state_environments import Example, StateEnvironments
from leyden.physics.diffusion import SelfDiffusion
from leyden.physics.intervals import Estimate
from leyden.physics.transition_conduction import TransitionShares
from leyden.physics.transport import Conductivity

__all__ = ["DynamicsAnalysis", "TrajectoryAnalysis", "plain"]

_CONDUCTIVITIES = (
    "nernst_einstein_S_per_m",
    "collective_S_per_m",
    "cation_cation_S_per_m",
    "cation_anion_S_per_m",
    "anion_anion_S_per_m",
    "transference_number",
    "nernst_einstein_transference_number",
    "beta",
)


@dataclass(frozen=True, eq=False)
class TrajectoryAnalysis:
    """One trajectory: what surrounds the targets in each state, and what moves.

    Attributes
    ----------
    name : str
    frames, atoms, targets : int
    time_step_ps : float
    target : str
        Species of the targets.
    species : tuple of str
        All of the trajectory.
    memberships : ndarray of float32, shape (T, L, k)
    environments : StateEnvironments
    examples : list of Example
    transitions : TransitionShares or None
        Shares in the squared displacement within a lag.
    conduction : TransitionShares or None
        Shares in that of the charge: the target's own and that of its first shell in each state.
    diffusion : SelfDiffusion or None
        Of the targets.
    conductivity : Conductivity or None
        Of all charged atoms.
    missing : tuple of str
        Why one of the last four is None.
    """

    name: str
    frames: int
    atoms: int
    targets: int
    time_step_ps: float
    target: str
    species: tuple[str, ...]
    memberships: np.ndarray
    environments: StateEnvironments
    examples: list[Example]
    transitions: TransitionShares | None
    conduction: TransitionShares | None
    diffusion: SelfDiffusion | None
    conductivity: Conductivity | None
    missing: tuple[str, ...]

    @property
    def duration_ps(self) -> float:
        """From the first frame to the last."""
        return (self.frames - 1) * self.time_step_ps

    def first_shell(self) -> list[dict[str, Any]]:
        """Rows of a table: what is within the first shell, state by state, with intervals."""
        around = self.environments
        end = around.within(around.shell)
        rows = []
        for state, (number, name) in itertools.product(
            range(len(around.populations)), enumerate(around.species)
        ):
            rows.append(
                {
                    "state": state,
                    "neighbour": name,
                    "count": around.coordination[state, number, end],
                    "low": around.coordination_low[state, number, end],
                    "high": around.coordination_high[state, number, end],
                }
            )
        return rows

    def currents(self) -> list[tuple[str, Estimate]]:
        """Conductivities and what belongs to them, by name; none where they are not known."""
        found = self.conductivity
        return [] if found is None else [(name, getattr(found, name)) for name in _CONDUCTIVITIES]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; what is not finite is None."""
        around = self.environments
        end = around.within(around.shell)
        shares, moved, current = self.transitions, self.diffusion, self.conductivity
        bounds = {"value": around.charge, "low": around.charge_low, "high": around.charge_high}
        charge = {name: bound[:, end] for name, bound in bounds.items() if bound is not None}
        told = {
            "trajectory": self.name,
            "frames": self.frames,
            "time_step_ps": self.time_step_ps,
            "target": self.target,
            "targets": self.targets,
            "first_shell_A": around.shell,
            "first_shell": self.first_shell(),
            "charge_within_first_shell_e": charge or None,
            "transition_shares": shares and shares._asdict(),
            "conduction_shares": self.conduction and self.conduction._asdict(),
            "self_diffusion_m2_per_s": moved and moved.coefficient_m2_per_s._asdict(),
            "msd_beta": moved and moved.beta._asdict(),
            "conductivity": current and {name: value._asdict() for name, value in self.currents()},
            "missing": list(self.missing),
        }
        return plain(told)


@dataclass(frozen=True, eq=False)
class DynamicsAnalysis:
    """The states of a model on trajectories: how fast they change, and what each is.

    Attributes
    ----------
    lag_ps : float
    koopman : Koopman
        At this lag, as is what follows of all trajectories together.
    timescales : Timescales
        At this lag and others.
    chapman_kolmogorov : ChapmanKolmogorov
    trajectories : tuple of TrajectoryAnalysis
    warnings : tuple of str
        What a reader must know.
    """

    lag_ps: float
    koopman: Koopman
    timescales: Timescales
    chapman_kolmogorov: ChapmanKolmogorov
    trajectories: tuple[TrajectoryAnalysis, ...]
    warnings: tuple[str, ...]

    @property
    def states(self) -> int:
        """How many."""
        return len(self.koopman.populations)

    @property
    def targets(self) -> int:
        """Of all trajectories."""
        return sum(one.targets for one in self.trajectories)

    @property
    def flat(self) -> bool:
        """Whether the slowest timescale at each longer lag agrees with that at the lag.

        It agrees if intervals overlap; False where one is missing, or no longer lag was looked at.
        """
        times = self.timescales
        here = int(np.abs(times.lags_ps - self.lag_ps).argmin())
        if here == len(times.lags_ps) - 1:
            return False
        low, high = times.interval[:, here:, 0]
        return bool(np.all((low <= high[0]) & (high >= low[0])))

    def populations(self) -> list[dict[str, Any]]:
        """Rows of a table, a state each."""
        found = self.koopman
        low, high = found.populations_interval
        return [
            {"state": state, "population": value, "low": low[state], "high": high[state]}
            for state, value in enumerate(found.populations)
        ]

    def relaxations(self) -> list[dict[str, Any]]:
        """Rows of a table, a lag and a relaxation each."""
        times, rows = self.timescales, []
        for at, mode in itertools.product(range(len(times.lags_ps)), range(self.states - 1)):
            rows.append(
                {
                    "lag_ps": times.lags_ps[at],
                    "relaxation": mode + 1,
                    "timescale_ps": times.timescales_ps[at, mode],
                    "low": times.interval[0, at, mode],
                    "high": times.interval[1, at, mode],
                    "reason": times.reasons[at][mode],
                }
            )
        return rows

    def foreseen(self) -> list[dict[str, Any]]:
        """Rows of a table, a time of the Chapman-Kolmogorov test each."""
        test = self.chapman_kolmogorov
        return [
            {"time_ps": test.lag_ps * n, "error": error, "consistent": bool(consistent)}
            for n, error, consistent in zip(
                test.multiples, test.errors, test.consistent, strict=True
            )
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; what is not finite is None, and a relaxation then has a reason."""
        found, test = self.koopman, self.chapman_kolmogorov
        low, high = found.matrix_interval
        told = {
            "states": self.states,
            "lag_ps": self.lag_ps,
            "vamp2": found.vamp2,
            "populations": self.populations(),
            "timescales": self.relaxations(),
            "chapman_kolmogorov": {
                "error": test.error,
                "consistent": bool(test.consistent.all()),
                "times": self.foreseen(),
            },
            "koopman_matrix": {"value": found.matrix, "low": low, "high": high},
            "eigenvectors": found.eigenvectors.real,
            "trajectories": [one.to_json() for one in self.trajectories],
            "warnings": list(self.warnings),
        }
        return plain(told)


def plain(value: Any) -> Any:
    """A value as JSON has it: lists for arrays, None for what is not finite."""
    if isinstance(value, dict):
        return {key: plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [plain(own) for own in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
