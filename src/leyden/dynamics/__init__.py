"""Dynamics: the states that atoms visit in a trajectory, and how fast they change between them.

Each name is brought in when it is first used, so that what needs no network does not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leyden.dynamics.analysis import analyse, decided, learning_and_test
    from leyden.dynamics.analysis_results import DynamicsAnalysis, TrajectoryAnalysis
    from leyden.dynamics.blocks import Blocks
    from leyden.dynamics.collapse import why_collapsed
    from leyden.dynamics.coordinate_dynamics import CoordinateDynamics, Coordinates
    from leyden.dynamics.core_sets import (
        Agreement,
        core_sites,
        hard_memberships,
        nearest_sites,
        residence_times_ps,
        state_agreement,
    )
    from leyden.dynamics.dynamics_model import DynamicsModel, Restart
    from leyden.dynamics.global_from_local import global_timescales_ps, global_transition_matrix
    from leyden.dynamics.graph_dynamics import GraphDynamics
    from leyden.dynamics.kinetic_results import ChapmanKolmogorov, Koopman, Timescales
    from leyden.dynamics.koopman import Kinetics
    from leyden.dynamics.paired import compared, shared_stretches
    from leyden.dynamics.state_choice import StateChoice, choose_states
    from leyden.dynamics.vamp import VampObjective, moments, vamp_score
    from leyden.dynamics.vamp_network import VampNetwork

_HOMES = {
    "Agreement": "core_sets",
    "Blocks": "blocks",
    "ChapmanKolmogorov": "kinetic_results",
    "CoordinateDynamics": "coordinate_dynamics",
    "Coordinates": "coordinate_dynamics",
    "DynamicsAnalysis": "analysis_results",
    "DynamicsModel": "dynamics_model",
    "GraphDynamics": "graph_dynamics",
    "Kinetics": "koopman",
    "Koopman": "kinetic_results",
    "Restart": "dynamics_model",
    "StateChoice": "state_choice",
    "Timescales": "kinetic_results",
    "TrajectoryAnalysis": "analysis_results",
    "VampNetwork": "vamp_network",
    "VampObjective": "vamp",
    "analyse": "analysis",
    "choose_states": "state_choice",
    "compared": "paired",
    "core_sites": "core_sets",
    "decided": "analysis",
    "global_timescales_ps": "global_from_local",
    "global_transition_matrix": "global_from_local",
    "hard_memberships": "core_sets",
    "learning_and_test": "analysis",
    "moments": "vamp",
    "nearest_sites": "core_sets",
    "residence_times_ps": "core_sets",
    "shared_stretches": "paired",
    "state_agreement": "core_sets",
    "vamp_score": "vamp",
    "why_collapsed": "collapse",
}

__all__ = [
    "Agreement",
    "Blocks",
    "ChapmanKolmogorov",
    "CoordinateDynamics",
    "Coordinates",
    "DynamicsAnalysis",
    "DynamicsModel",
    "GraphDynamics",
    "Kinetics",
    "Koopman",
    "Restart",
    "StateChoice",
    "Timescales",
    "TrajectoryAnalysis",
    "VampNetwork",
    "VampObjective",
    "analyse",
    "choose_states",
    "compared",
    "core_sites",
    "decided",
    "global_timescales_ps",
    "global_transition_matrix",
    "hard_memberships",
    "learning_and_test",
    "moments",
    "nearest_sites",
    "residence_times_ps",
    "shared_stretches",
    "state_agreement",
    "vamp_score",
    "why_collapsed",
]


def __getattr__(name: str) -> Any:
    """Bring in a name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'leyden.dynamics' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"leyden.dynamics.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
