"""Regression of measured Li conductivities: the data, how they are split, and what competes.

Every setting here was fixed beforehand or is chosen inside the training rows of a fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leyden.data.catalog import load
from leyden.data.dataset import Dataset
from leyden.data.families import composition_families
from leyden.data.phase import phases
from leyden.models.censored import Censored
from leyden.models.kernels import LaplaceRidge
from leyden.models.mlp import MultilayerPerceptron
from leyden.models.vectors import VectorRegressor
from leyden.representations import CompositionStatistics, Concatenated
from leyden.representations.phase_cell import CellContents, PhaseCell
from leyden.transfer import FineTune, FromScratch, FrozenEmbedding, Strategy

__all__ = [
    "AVERAGE",
    "FAMILY",
    "PAPER",
    "SOURCES",
    "TARGET",
    "conductivities",
    "conductivity_arms",
    "joined_labels",
]

TARGET = "log10_ionic_conductivity_S_per_cm"
FAMILY = "composition_family"
PAPER = "paper_or_composition"
SOURCES = ("formation_energy_eV_per_atom", "band_gap_eV")
"""What compositions teach by the hundred thousand (matbench-compositions)."""

AVERAGE = ("boosting, censored", "kernel, censored", "frozen embeddings, censored")
"""The arms of the equal average."""


def conductivities(distance: float = 0.05) -> Dataset:
    """OBELiX's training part as phases, with log10 conductivity (S/cm) and its upper bounds.

    Group ``composition_family`` (`composition_families`) leaves no training row within `distance`,
    a part of the atoms, of a test row. The card's own ``family`` would: rows of one composition
    bear two names, or one of them none. Group ``paper_or_composition`` is the rule by which the
    authors drew their test rows, which leaves members of a doping series on both sides.
    """
    data = phases(load("obelix", target=TARGET))
    formulas = [item.formula for item in data.items]
    grouped = data.with_group(FAMILY, composition_families(formulas, distance))
    papers = data.groups["paper"].str.lower().tolist()
    return grouped.with_group(PAPER, joined_labels(papers, formulas))


def joined_labels(*columns: Sequence[str]) -> np.ndarray:
    """Labels (n,) of rows that are connected by equal labels in any of the columns."""
    n = len(columns[0])
    codes = [pd.factorize(pd.Series(list(column)))[0] for column in columns]
    offsets = np.cumsum([n, *(code.max() + 1 for code in codes)])
    rows = np.tile(np.arange(n), len(codes))
    places = np.concatenate([code + start for code, start in zip(codes, offsets, strict=False)])
    size = int(offsets[-1])
    links = coo_matrix((np.ones(len(rows)), (rows, places)), (size, size))
    return connected_components(links, directed=False)[1][:n].astype(str)


def conductivity_arms(
    group: str = FAMILY,
    sources: Sequence[Dataset] | None = None,
    network: MultilayerPerceptron | None = None,
) -> dict[str, Strategy]:
    """The arms by name.

    Parameters
    ----------
    group : str
        What the split keeps together; inner choices keep it together too.
    sources : sequence of Dataset, optional
        Plentiful compositions; by default those of `SOURCES` are loaded.
    network : MultilayerPerceptron, optional
        What learns them.
    """
    if sources is None:
        sources = [load("matbench-compositions", target=name) for name in SOURCES]
    composition = CompositionStatistics()
    phase = Concatenated((composition, PhaseCell(), CellContents()))

    def scratch(representation: Any, regressor: Any) -> FromScratch:
        return FromScratch(VectorRegressor(representation, regressor), group=group)

    network = MultilayerPerceptron() if network is None else network
    return {
        "mean": scratch(composition, DummyRegressor()),
        "median": scratch(composition, DummyRegressor(strategy="median")),
        "kernel, composition": scratch(composition, _kernel()),
        "kernel": scratch(phase, _kernel()),
        "kernel, censored": scratch(phase, Censored(_kernel())),
        "boosting": scratch(phase, _boosting()),
        "boosting, censored": scratch(phase, Censored(_boosting())),
        "perceptron": FromScratch(network, group=group),
        "fine-tuned perceptron": FineTune(network, sources, train="head"),
        "frozen embeddings": FrozenEmbedding(network, sources, _kernel(), [phase], group=group),
        "frozen embeddings, no shared items": FrozenEmbedding(
            network, sources, _kernel(), [phase], group=group, share_items=False
        ),
        "frozen embeddings, censored": FrozenEmbedding(
            network, sources, Censored(_kernel()), [phase], group=group
        ),
    }


def _kernel() -> Any:
    """Kernel ridge whose two numbers are chosen by leaving groups of the training rows out."""
    return make_pipeline(
        StandardScaler(),
        LaplaceRidge(
            lengths=(1.0, 2.0, 4.0, 8.0, 16.0),
            alphas=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            leave_out="group",
        ),
    )


def _boosting() -> LGBMRegressor:
    return LGBMRegressor(
        n_estimators=300,
        learning_rate=0.03,
        num_leaves=16,
        colsample_bytree=0.4,
        subsample=0.8,
        subsample_freq=1,
        n_jobs=1,
        verbose=-1,
    )
