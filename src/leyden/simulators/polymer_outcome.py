"""What a run of a polymer electrolyte is worth: signs of trouble, and the bounds they are held to.

A conductivity of beads that flew apart, of ions that never left their cage, or of a salt that came
out of its polymer is a number like any other. Here is told which runs it must not be taken from.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from leyden.data.trajectory import Trajectory
from leyden.physics.diffusion import (
    DIFFUSIVE_SLOPE,
    LagWindow,
    mean_squared_displacement_A2,
)
from leyden.physics.intervals import Estimate, jackknife
from leyden.simulators.bead_spring import BeadSpring
from leyden.simulators.polymer_stages import Stage

__all__ = [
    "CLOSEST",
    "CLUSTER_SHARE",
    "HOTTEST",
    "LARGEST",
    "SLOPE_KEPT",
    "STRUCTURE_FACTOR",
    "Outcome",
    "closest_approach",
    "fit_lags_ps",
    "ion_cluster_share",
    "ion_structure_factor",
    "judge",
    "late_lags_ps",
    "read_positions",
    "verdict",
    "wrong_with",
]

Floats = NDArray[np.float64]


class Outcome(StrEnum):
    """How a run ended."""

    OK = "ok"
    OVERLAP = "overlap"
    BLOW_UP = "blow-up"
    GLASSY = "glassy"
    PHASE_SEPARATED = "phase-separated"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"


# What LAMMPS says when beads fly apart.
_FLOWN = re.compile(
    r"[Ll]ost atoms|atoms? .*missing|[Nn]on-numeric|[Oo]ut of range atoms|extent >|box dimensions|"
    r"too large"
)

#: Beads that are not bonded to each other may come this near, in diameters; at 0.6 the repulsion is
#: some 1,750 epsilon.
CLOSEST = 0.6
#: Mean temperature over that of the thermostat, and volume over the sum of the beads' volumes.
HOTTEST = 1.2
LARGEST = 2.5
#: Both must be passed by a salt that has come out: the structure factor of the ions at the longest
#: waves of the box, and the share of the ions in the largest cluster.
STRUCTURE_FACTOR = 5.0
CLUSTER_SHARE = 0.5
#: What a steady power of the time with the exponent `DIFFUSIVE_SLOPE` keeps of its slope when the
#: time doubles: the lags at which `slope_kept_Li` looks again are about twice those of the fit.
SLOPE_KEPT = 2 ** (DIFFUSIVE_SLOPE - 1)
_ONE_SIGMA = 0.6827


def wrong_with(system: BeadSpring, stage: Stage) -> tuple[Outcome, str]:
    """What a stage has suffered, by its end, its log and its last places; ``ok`` if nothing."""
    if stage.error:
        return (Outcome.BLOW_UP if _FLOWN.search(stage.error) else Outcome.CRASHED), stage.error
    log = stage.log()
    late = {name: values[len(values) // 2 :] for name, values in log.items()}
    if not all(np.isfinite(values).all() for values in late.values()):
        return Outcome.BLOW_UP, "an energy is no number"
    if stage.name == "pushing":
        positions, edge = read_positions(stage.folder / "end.data")
        nearest = closest_approach(system, positions, edge)
        if nearest < CLOSEST:
            return Outcome.OVERLAP, (
                f"two beads that are not bonded lie {nearest:.2f} diameters apart, nearer than "
                f"{CLOSEST:g}"
            )
        return Outcome.OK, ""
    heat = late["Temp"].mean() / system.temperature_K
    if heat > HOTTEST:
        return Outcome.BLOW_UP, f"the beads are {heat:.2f} times as hot as their thermostat"
    growth = late["Volume"].mean() / system.volume_A3
    if growth > LARGEST:
        return Outcome.BLOW_UP, f"the box grew to {growth:.1f} times the volume of a melt"
    return Outcome.OK, ""


def judge(system: BeadSpring, trajectory: Trajectory) -> tuple[Outcome, str, dict[str, float]]:
    """The outcome of a finished run, the reason if it is not ``ok``, and the signs.

    Returns
    -------
    (Outcome, str, dict)
        Signs: ``slope_Li`` and ``slope_anion``, d log MSD / d log t; ``moved_Li`` and
        ``moved_anion``, the root of the MSD over half the run, in diameters of the bead;
        ``slope_kept_Li`` and ``slope_kept_anion``, the slope of the MSD at later lags over that at
        the lags that give the diffusion coefficient, and their standard errors
        ``slope_kept_Li_error`` and ``slope_kept_anion_error``, ions taken as independent;
        ``ion_structure_factor``; ``ion_cluster_share``; ``closest``, the nearest approach in the
        last frame, in diameters.
    """
    edge = float(trajectory.cells[0, 0, 0])
    ions = {name: trajectory.positions[:, trajectory.select(name)] for name in ("Li", "anion")}
    signs: dict[str, float] = {}
    for name, positions in ions.items():
        diameter = 2 * system.radii[system.names.index(name)]
        of_each = mean_squared_displacement_A2(positions)
        moved = of_each.mean(axis=1)
        late = LagWindow.choose(len(moved), trajectory.time_step_ps, late_lags_ps(trajectory))
        with np.errstate(invalid="ignore"):  # of what has not moved at all
            slope = float(late.log_slope(moved[late.lags]))
        signs[f"slope_{name}"] = slope if math.isfinite(slope) else 0.0
        kept, error = _slope_kept(of_each, trajectory)
        signs[f"slope_kept_{name}"], signs[f"slope_kept_{name}_error"] = kept, error
        signs[f"moved_{name}"] = math.sqrt(moved[len(moved) // 2]) / diameter
    some = np.unique(np.linspace(0, len(trajectory) - 1, 50).astype(int))
    both = np.concatenate([ions["Li"][some], ions["anion"][some]], axis=1)
    signs["ion_structure_factor"] = ion_structure_factor(both, edge)
    contact = 1.3 * float(system.diameters[system.names.index("Li"), system.names.index("anion")])
    signs["ion_cluster_share"] = ion_cluster_share(
        ions["Li"][some], ions["anion"][some], edge, contact
    )
    signs["closest"] = closest_approach(system, np.asarray(trajectory.positions[-1], float), edge)
    outcome, reason = verdict(signs)
    return outcome, reason, signs


def fit_lags_ps(trajectory: Trajectory) -> tuple[float, float]:
    """From 3 to 12 % of the run, where the slope of the MSD gives the diffusion coefficient."""
    return _part(trajectory, 0.03, 0.12)


def late_lags_ps(trajectory: Trajectory) -> tuple[float, float]:
    """From 5 to 20 % of the run, where it is judged whether motion has become diffusion."""
    return _part(trajectory, 0.05, 0.2)


def _part(trajectory: Trajectory, begin: float, end: float) -> tuple[float, float]:
    length = len(trajectory) * trajectory.time_step_ps
    return begin * length, end * length


def _slope_kept(of_each: Floats, trajectory: Trajectory) -> tuple[float, float]:
    """Later slope over that which gives D, and its standard error; zeros of what has not moved.

    Parameters
    ----------
    of_each : array (T, N)
        Squared displacement of each ion at every lag.
    """
    step_ps = trajectory.time_step_ps
    fit = LagWindow.choose(len(of_each), step_ps, fit_lags_ps(trajectory))
    last = LagWindow.choose(len(of_each), step_ps, _part(trajectory, 0.1, 0.2))

    def kept(curve: Floats) -> Floats:
        slopes = [lags.slope_per_ps(curve[lags.lags]) for lags in (last, fit)]
        return np.atleast_1d(slopes[0] / slopes[1])

    with np.errstate(invalid="ignore", divide="ignore"):
        if of_each.shape[1] == 1:  # one ion says nothing of its error
            found = Estimate(*(float(kept(of_each[:, 0])[0]),) * 3)
        else:
            found = jackknife(of_each.T, kept, level=_ONE_SIGMA)[0]
    error = (found.high - found.low) / 2
    return (found.value, error) if math.isfinite(found.value + error) else (0.0, 0.0)


def verdict(signs: dict[str, float]) -> tuple[Outcome, str]:
    """The outcome that signs such as those of `judge` speak for, and the reason.

    A log-log slope below `DIFFUSIVE_SLOPE` alone does not make a glass: what rattles in a cage
    before it diffuses has a squared displacement ``c + 6 D t`` whose log-log slope is low for long,
    while the straight line that gives D has its final slope. So that slope has to fall as well, to
    less than `SLOPE_KEPT` by more than its standard error.
    """
    if signs["closest"] < CLOSEST:
        return Outcome.OVERLAP, f"two beads ended {signs['closest']:.2f} diameters apart"
    factor, share = signs["ion_structure_factor"], signs["ion_cluster_share"]
    if factor > STRUCTURE_FACTOR and share > CLUSTER_SHARE:
        return Outcome.PHASE_SEPARATED, (
            f"the salt has come out: structure factor of the ions {factor:.1f} at the longest "
            f"waves, {share:.0%} of them in one cluster"
        )
    kept_at_most = signs["slope_kept_Li"] + signs["slope_kept_Li_error"]
    slowing = signs["slope_Li"] < DIFFUSIVE_SLOPE and kept_at_most < SLOPE_KEPT
    if slowing or signs["moved_Li"] < 1:
        return Outcome.GLASSY, (
            f"lithium does not diffuse yet: slope of its motion {signs['slope_Li']:.2f}, of which "
            f"later lags keep {signs['slope_kept_Li']:.0%} (± {signs['slope_kept_Li_error']:.0%}); "
            f"moved {signs['moved_Li']:.1f} diameters in half the run"
        )
    return Outcome.OK, ""


def read_positions(path: Path) -> tuple[Floats, float]:
    """Unwrapped positions (N, 3) and edge of the box of a data file, angstrom."""
    text = path.read_text()
    low, high = map(float, re.search(r"^(\S+) (\S+) xlo xhi", text, re.MULTILINE).groups())  # type: ignore[union-attr]
    block = text.split("Atoms # full", 1)[1].split("\n\n", 2)[1]
    rows = np.array([row.split() for row in block.splitlines()], dtype=np.float64)
    rows = rows[np.argsort(rows[:, 0])]
    return rows[:, 4:7] + (high - low) * rows[:, 7:10], high - low


def closest_approach(system: BeadSpring, positions: Floats, edge: float) -> float:
    """The smallest distance of two beads that are not bonded, over the diameter of the pair.

    Parameters
    ----------
    system : BeadSpring
    positions : array (N, 3)
        In a cubic box of `edge`, angstrom; may be unwrapped.
    """
    tree = cKDTree(np.mod(positions, edge) % edge, boxsize=edge)
    pairs = tree.query_pairs(min(system.diameters.max(), 0.499 * edge), output_type="ndarray")
    if not len(pairs):
        return math.inf
    beads, bonds = len(positions), system.bonds
    low, high = np.sort(pairs, axis=1).T
    bonded = np.isin(low * beads + high, bonds[:, 0] * beads + bonds[:, 1])
    apart = positions[low] - positions[high]
    apart -= edge * np.round(apart / edge)
    kinds = system.kinds
    ratio = np.linalg.norm(apart, axis=1) / system.diameters[kinds[low], kinds[high]]
    return float(ratio[~bonded].min(initial=math.inf))


def ion_structure_factor(positions: Floats, edge: float) -> float:
    """Mean of ``|sum exp(i k r)|^2 / n`` over frames and the three longest waves of a cubic box.

    About 1 for ions thrown at random, below 1 for ions that keep apart; of order n for a droplet.

    Parameters
    ----------
    positions : array (T, n, 3)
        Of all ions, angstrom.
    """
    waves = np.exp(2j * math.pi / edge * np.asarray(positions, dtype=np.float64))
    return float((np.abs(waves.sum(axis=1)) ** 2).mean() / positions.shape[1])


def ion_cluster_share(cations: Floats, anions: Floats, edge: float, contact: float) -> float:
    """Share of the ions in the largest cluster, mean over frames.

    Parameters
    ----------
    cations, anions : array (T, n, 3), (T, m, 3)
        In a cubic box of `edge`, angstrom.
    contact : float
        A cation and an anion within it are of one cluster.
    """
    shares = []
    for plus, minus in zip(np.mod(cations, edge) % edge, np.mod(anions, edge) % edge, strict=True):
        near = cKDTree(plus, boxsize=edge).sparse_distance_matrix(
            cKDTree(minus, boxsize=edge), contact, output_type="coo_matrix"
        )
        ions = len(plus) + len(minus)
        graph = coo_matrix((np.ones(near.nnz), (near.row, len(plus) + near.col)), (ions, ions))
        sizes = np.bincount(connected_components(graph, directed=False)[1])
        shares.append(sizes.max() / ions)
    return float(np.mean(shares))
