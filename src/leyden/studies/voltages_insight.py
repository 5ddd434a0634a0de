"""Why the Li network answers as it does: the figures of the paper, drawn anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from leyden.data.dataset import Dataset
from leyden.element_map import element_map
from leyden.environment_map import environment_map
from leyden.interpretation import explain
from leyden.property_importance import property_importance
from leyden.report import Report
from leyden.report.interpretation import (
    crystal_section,
    element_section,
    environment_section,
    importance_section,
    local_value_section,
)
from leyden.representations.composition import CompositionStatistics
from leyden.representations.electrode import Host
from leyden.splits import GroupKFold

__all__ = ["insight"]

LARGEST = 40
"""Atoms of the crystal that is drawn."""
LEAST = 20
"""Atoms of an element that is drawn in the periodic table."""


def insight(report: Report, network: Any, lithium: Dataset) -> None:
    """Sections on local voltages, elements, environments and properties.

    Parameters
    ----------
    report : Report
    network : CrystalGraphNetwork
        Fitted on `lithium` with an additive read-out.
    lithium : Dataset
        Electrodes of one ion.
    """
    items = list(lithium.items)
    explanation = explain(
        network, items, ids=lithium.ids.tolist(), targets=lithium.targets.columns.tolist()
    )
    local_value_section(report, explanation, least=min(LEAST, len(items) // 10))
    crystal_section(report, explanation, _chosen(lithium))
    numbers = np.unique(np.concatenate([item.host.numbers for item in items]))
    element_section(
        report,
        element_map(network, numbers),
        published="Zhang et al. read element groups and the covalent radius off the components of "
        "their element vectors. Here the vectors start from one-hot properties that hold both, so "
        "the controls decide how much of such a map was learned.",
    )
    environment_section(
        report,
        environment_map(network, items, explanation=explanation),
        published="The published map shows sites with at least two oxygens around them, ordered by "
        "local voltage.",
    )
    importance_section(
        report,
        property_importance(
            lithium.alone(),
            GroupKFold("framework", 5),
            representation=Host(CompositionStatistics()),
            trees=100 if len(lithium) > 500 else 20,
            repeats=3,
        ),
        published="The published forest finds the covalent radius first.",
    )


def _chosen(lithium: Dataset) -> str:
    """The oxide with most elements that can still be drawn; the first of them by id."""
    best = max(
        range(len(lithium)),
        key=lambda i: (
            len(lithium.items[i].host) <= LARGEST,
            "O" in lithium.items[i].host.symbols,
            len(set(lithium.items[i].host.symbols)),
            -len(lithium.items[i].host),
        ),
    )
    return str(lithium.ids[best])
