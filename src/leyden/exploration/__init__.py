"""Exploration: what to measure or simulate next, and a campaign that keeps what was found.

Names are brought in when they are first used: a worker of a campaign needs few of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leyden.exploration.campaign import Campaign, Told
    from leyden.exploration.campaign_status import CampaignStatus
    from leyden.exploration.evaluators import Command, PolymerSimulation
    from leyden.exploration.search_space import Constraint, Objective, Parameter, SearchSpace
    from leyden.exploration.trial import Trial

_HOMES = {
    "Campaign": "campaign",
    "CampaignStatus": "campaign_status",
    "Command": "evaluators",
    "Constraint": "search_space",
    "Objective": "search_space",
    "Parameter": "search_space",
    "PolymerSimulation": "evaluators",
    "SearchSpace": "search_space",
    "Told": "campaign",
    "Trial": "trial",
}

__all__ = [
    "Campaign",
    "CampaignStatus",
    "Command",
    "Constraint",
    "Objective",
    "Parameter",
    "PolymerSimulation",
    "SearchSpace",
    "Told",
    "Trial",
]


def __getattr__(name: str) -> Any:
    """Bring in a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'leyden.exploration' has no attribute {name!r}")
    return getattr(importlib.import_module(f"leyden.exploration.{_HOMES[name]}"), name)
