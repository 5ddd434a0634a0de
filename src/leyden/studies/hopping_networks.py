"""Networks of the study `lithium-hopping`, and what they find of lithium's dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leyden.dynamics.coordinate_dynamics import CoordinateDynamics, Coordinates
from leyden.dynamics.core_sets import hard_memberships, state_agreement
from leyden.dynamics.dynamics_model import DynamicsModel
from leyden.dynamics.global_from_local import global_timescales_ps, global_transition_matrix
from leyden.dynamics.graph_dynamics import GraphDynamics
from leyden.dynamics.inner_simplex import inside
from leyden.dynamics.kinetic_results import ChapmanKolmogorov, Koopman, Timescales
from leyden.dynamics.koopman import Kinetics
from leyden.dynamics.paired import compared
from leyden.dynamics.state_environments import (
    Example,
    StateEnvironments,
    examples,
    state_environments,
)
from leyden.dynamics.vamp import moments, vamp_score
from leyden.dynamics.vamp_network import VampNetwork
from leyden.errors import InputError
from leyden.hashing import code_of, content_hash, learning_code
from leyden.physics.intervals import Estimate
from leyden.simulators.fcc_sites import CONNECTIONS, SITE_STATES
from leyden.studies.hopping_motion import (
    SlowMotion,
    Visits,
    by_theory,
    site_kinetics,
    slow_motion,
    visits,
)
from leyden.studies.hopping_runs import (
    ION,
    LAG_PS,
    Effort,
    Langevin,
    RareEvents,
    Twin,
    environments,
)

__all__ = [
    "BATCHES",
    "LAGS_PS",
    "Found",
    "LangevinFound",
    "Networks",
    "coordinate_network",
    "graph_network",
    "on_langevin",
    "on_noise",
    "on_rare_events",
    "on_twin",
]

LAGS_PS = (5.0, 10.0, 20.0, 30.0, 50.0)
MULTIPLES = 10
BATCHES = (100, 1000, 10000)
"""Environments of a mini-batch, in the test on noise."""
NOISY_STATES, NOISY_FRAMES = 4, 20_000
SLOWEST = 3
"""Modes of the twelve sites that share the slowest timescale (four octahedral sites, less one)."""


@dataclass(frozen=True, eq=False)
class Found:
    """What one set of states says of the dynamics.

    Attributes
    ----------
    timescales : Timescales
        At `LAGS_PS`.
    koopman : Koopman
        At `LAG_PS`.
    ck : ChapmanKolmogorov
        From `LAG_PS`, up to ten times it.
    agreement : float
        Part of the frames whose likeliest state is that of the site, under the better naming.
    score : float
        VAMP-2 on the frames that were not learned from; NaN of states that were not learned.
    """

    timescales: Timescales
    koopman: Koopman
    ck: ChapmanKolmogorov
    agreement: float
    score: float = float("nan")

    @classmethod
    def of(
        cls, memberships: Sequence[np.ndarray], truth: Sequence[np.ndarray], score: float = np.nan
    ) -> Found:
        """All of it from memberships or mixtures (T, L, k) and true kinds of site (T, L)."""
        kinetics = Kinetics(list(memberships), LAG_PS)
        likeliest = np.concatenate([one.argmax(2) for one in memberships])
        return cls(
            kinetics.timescales(LAGS_PS),
            kinetics.koopman(),
            kinetics.ck_test(MULTIPLES),
            state_agreement(likeliest, np.concatenate(list(truth))).fraction,
            score,
        )

    @property
    def timescale_ps(self) -> tuple[float, float, float]:
        """Slowest relaxation at `LAG_PS`, and its interval."""
        at = LAGS_PS.index(LAG_PS)
        low, high = self.timescales.interval[:, at, 0]
        return float(self.timescales.timescales_ps[at, 0]), float(low), float(high)


class Networks:
    """Fits networks, and keeps them.

    Parameters
    ----------
    folder : Path
    progress : bool
    """

    def __init__(self, folder: Path, progress: bool) -> None:
        self._folder, self._progress = folder / "networks", progress

    def fit_once(
        self, estimator: VampNetwork, name: str, observed: Any, **how: Any
    ) -> DynamicsModel:
        """Fit an estimator to what `observed` returns, or load what an earlier call has fitted.

        `name` says what was observed; `observed` is called only if the model is not there yet.
        """
        start = how.get("start")
        told = {**how, "start": None if start is None else start.module.state_dict()}
        key = content_hash(learning_code(), code_of("simulators"), estimator, name, told)[:16]
        path = self._folder / f"{name}-{key}.leyden"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            checkpoint = path.with_suffix(".checkpoint")
            fitted = estimator.fit(
                observed(), checkpoint=checkpoint, progress=self._progress, **how
            )
            fitted.save(path)
            for left in path.parent.glob(f"{checkpoint.name}*"):
                left.unlink()
        return DynamicsModel.load(path)


def graph_network(effort: Effort, **other: Any) -> GraphDynamics:
    """The graph network of this study: two states, a lag of 10 ps."""
    return GraphDynamics(**{**_settings(effort), **other})


def coordinate_network(effort: Effort, **other: Any) -> CoordinateDynamics:
    """The standard VAMPnet beside it."""
    return CoordinateDynamics(**{**_settings(effort), **other})


def _settings(effort: Effort) -> dict[str, Any]:
    return {
        "states": 2,
        "lag_ps": LAG_PS,
        "epochs": effort.epochs,
        "least_steps": effort.least_steps,
        "restarts": effort.restarts,
    }


def on_twin(effort: Effort, networks: Networks) -> tuple[Found, Found]:
    """What the network finds on runs of known rates that taught it nothing, and the truth."""
    twin = Twin(effort)
    model = networks.fit_once(
        graph_network(effort),
        f"twin-{effort.twin_ns:g}ns",
        lambda: environments(twin.teaching().trajectory),
    )
    memberships, truth = [], []
    for run in twin.tests():
        memberships += model.mixtures(environments(run.trajectory))
        truth.append(run.states)
    exact = [hard_memberships(states, 2) for states in truth]
    return Found.of(memberships, truth, model.score), Found.of(exact, truth)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Slowest timescale of the twelve sites.

    Attributes
    ----------
    modes_ps : tuple of float
        The three slowest by cores, which are equal by theory.
    direct_ps : Estimate
        Their mean.
    rebuilt_ps, published_rebuilt_ps : Estimate
        From the local model of the graph network through its generator, and by the published
        construction.
    ratio, published_ratio : Estimate
        Of these to the direct one.
    """

    modes_ps: tuple[float, ...]
    direct_ps: Estimate
    rebuilt_ps: Estimate
    published_rebuilt_ps: Estimate
    ratio: Estimate
    published_ratio: Estimate


@dataclass(frozen=True, eq=False)
class LangevinFound:
    """States of the second half of the Langevin run.

    Attributes
    ----------
    graph, coordinates, cores : Found
        Of the graph network, the VAMPnet on coordinates, and the sites by cores.
    visits : Visits
        To the sites by cores, and what theory makes of them.
    vampnet_ratio : Estimate
        Slowest timescale of the VAMPnet over that of the graph network.
    vampnet_over_theory : Estimate
        That ratio over what theory makes of the visits.
    cores_ratio : Estimate
        Timescale of the graph network over that of the sites by cores.
    slow : SlowMotion
        What the VAMPnet follows.
    lattice : Lattice
    environments : StateEnvironments
    examples : list of Example
        Of the states of the graph network.
    places : dict of str to ndarray
        ``fractions`` (n, 3) of lithium in the cell and the first membership by both networks.
    """

    graph: Found
    coordinates: Found
    cores: Found
    visits: Visits
    vampnet_ratio: Estimate
    vampnet_over_theory: Estimate
    cores_ratio: Estimate
    slow: SlowMotion
    lattice: Lattice
    environments: StateEnvironments
    examples: list[Example]
    places: dict[str, np.ndarray]


def on_langevin(effort: Effort, networks: Networks, folder: Path, progress: bool) -> LangevinFound:
    """Both networks, learned on the first half, on the second."""
    run = Langevin(effort, folder)
    run.run(progress)
    name = f"langevin-{effort.langevin_ns / 2:g}ns"
    graph = networks.fit_once(
        graph_network(effort), f"graph-{name}", lambda: environments(run.teaching)
    )
    plain = networks.fit_once(
        coordinate_network(effort), f"coordinates-{name}", lambda: Coordinates(run.teaching, ION)
    )
    mixture = graph.mixtures(environments(run.tested))
    seen, placed = [inside(one) for one in mixture], plain.mixtures(Coordinates(run.tested, ION))
    states, seen_visits = hard_memberships(run.states, 2), visits(run.sites)
    vampnet, over_theory, over_cores = _ratios(placed[0], mixture[0], states, run)
    shown = slice(None, None, max(1, len(run.tested) // 4000))
    targets = run.tested.select(ION)
    around = state_environments(run.tested, targets, seen[0])
    fractions = np.mod(np.asarray(run.tested.positions[shown, 0]) / run.model.lattice_A, 1.0)
    return LangevinFound(
        Found.of(mixture, [run.states], graph.score),
        Found.of(placed, [run.states], plain.score),
        Found.of([states], [run.states[-len(states) :]]),
        seen_visits,
        vampnet,
        over_theory,
        over_cores,
        slow_motion(placed[0][:, 0, 0], run.sites[:, 0], seen_visits.octahedral_ps),
        _lattice(mixture[0], run),
        around,
        examples(run.tested, targets, seen[0], around, reach=around.shell),
        {
            "fractions": fractions,
            "graph": seen[0][shown, 0, 0],
            "coordinates": inside(placed[0])[shown, 0, 0],
        },
    )


def _ratios(
    placed: np.ndarray, mixture: np.ndarray, states: np.ndarray, run: Langevin
) -> list[Estimate]:
    """Of timescales of the VAMPnet, the graph network and cores, each of the same stretches."""

    def numbers(plain: Koopman, graph: Koopman, cores: Koopman, sites: Koopman) -> list[float]:
        slow, local, core = (float(one.timescales_ps[0]) for one in (plain, graph, cores))
        theory = float(by_theory(sites)[-1])
        return [slow / local, slow / local / theory, local / core]

    several = [Kinetics(one[-len(states) :], LAG_PS) for one in (placed, mixture, states)]
    return compared([*several, site_kinetics(run.sites)], numbers, positive=True)


def _lattice(mixture: np.ndarray, run: Langevin) -> Lattice:
    """The slowest motion of the lattice, rebuilt from memberships (T, 1, 2) and directly."""
    sites = hard_memberships(run.sites, len(SITE_STATES))
    naming = state_agreement(mixture.argmax(2), run.states).naming
    order = [state for state, _ in sorted(naming.items(), key=lambda pair: pair[1])]

    def numbers(local: Koopman, direct: Koopman) -> list[float]:
        matrix, modes = local.matrix[np.ix_(order, order)], direct.timescales_ps[:SLOWEST]
        slowest = [_rebuilt_ps(matrix, through_generator=way) for way in (True, False)]
        mean = float(modes.mean())
        return [mean, *slowest, *(time / mean for time in slowest)]

    direct = Kinetics(sites, LAG_PS)
    kinetics = [Kinetics(mixture[-len(sites) :], LAG_PS), direct]
    modes = direct.koopman().timescales_ps[:SLOWEST]
    return Lattice(tuple(modes.tolist()), *compared(kinetics, numbers, positive=True))


def _rebuilt_ps(local: np.ndarray, *, through_generator: bool) -> float:
    """Slowest timescale of the sites from the local model; NaN if that can be none of theirs."""
    try:
        built = global_transition_matrix(
            local, SITE_STATES, CONNECTIONS, through_generator=through_generator
        )
    except InputError:  # few transitions, and a stretch of time left out: no interval then
        return float("nan")
    return float(global_timescales_ps(built, LAG_PS)[0])


def on_noise(effort: Effort) -> dict[int, tuple[float, float]]:
    """VAMP-2 on later time of networks that were taught noise, by the size of their batches.

    Returns
    -------
    dict of int to (float, float)
        Of covariances pooled over all pairs, and the mean of the scores of batches of that size,
        half of which are pairs: the fault of the original code, which finds something in nothing.
    """
    rng = np.random.default_rng(0)
    noise = _Noise(rng.random((NOISY_FRAMES, 1, 3), dtype=np.float32))
    scores = {}
    for size in BATCHES:
        network = coordinate_network(effort, states=NOISY_STATES, batch_size=size, restarts=1)
        model = network.attempts(noise)[0]
        (memberships,) = model.memberships()
        scores[size] = (model.score, _averaged(memberships[-NOISY_FRAMES // 5 :, 0], size // 2))
    return scores


def _averaged(memberships: np.ndarray, pairs: int) -> float:
    """Mean over batches of the VAMP-2 score of each."""
    lag = round(LAG_PS)
    found = torch.from_numpy(memberships)
    early, late = found[:-lag], found[lag:]
    starts = range(0, max(1, len(early) - pairs + 1), pairs)
    parts = [moments(early[i : i + pairs], late[i : i + pairs]) for i in starts]
    return float(np.mean([float(vamp_score(part)) for part in parts]))


class _Noise:
    """Coordinates without any memory."""

    time_step_ps = 1.0

    def __init__(self, places: np.ndarray) -> None:
        self._places = places
        self.frames, self.targets = len(places), np.zeros((1, 1), int)

    def batch(self, frames: np.ndarray) -> np.ndarray:
        """Places of these frames, (n, 3)."""
        return self._places[frames, 0] - 0.5


def on_rare_events(effort: Effort, networks: Networks) -> tuple[Timescales, float]:
    """Timescale of many atoms that each hardly move, and the exact one, both in ps."""
    rare = RareEvents(effort)
    network = graph_network(effort, restarts=1)
    model = networks.fit_once(
        network,
        f"rare-{effort.rare}",
        lambda: [environments(run.trajectory) for run in rare.teaching()],
    )
    kinetics = model.kinetics([environments(run.trajectory) for run in rare.tests()])
    return kinetics.timescales([LAG_PS]), rare.model.local_timescale_ps
