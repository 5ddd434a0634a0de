"""What the study `lithium-hopping` found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leyden.dynamics.kinetic_results import Timescales
from leyden.studies.hopping_networks import Found, LangevinFound
from leyden.studies.hopping_runs import Effort
from leyden.studies.hopping_transfer import Transfer

__all__ = ["Findings"]


@dataclass(frozen=True, eq=False)
class Findings:
    """All that report and claims tell.

    Attributes
    ----------
    effort : Effort
    twin, twin_truth : Found
        By the network, and by the sites as they were.
    langevin : LangevinFound
    noise : mapping of int to (float, float)
        Pooled and averaged score by size of mini-batches.
    rare : (Timescales, float)
        Found, and exact in ps.
    transfer : Transfer
    measured : mapping of str to float
        What the benchmark scripts found, by claim.
    """

    effort: Effort
    twin: Found
    twin_truth: Found
    langevin: LangevinFound
    noise: Mapping[int, tuple[float, float]]
    rare: tuple[Timescales, float]
    transfer: Transfer
    measured: Mapping[str, float]
