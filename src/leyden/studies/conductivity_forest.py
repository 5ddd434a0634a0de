"""The random forest that the authors of OBELiX published, rewritten to run on our folds.

F. Therrien et al., OBELiX, arXiv:2502.14234; github.com/NRC-Mila/OBELiX.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline

from leyden.data.phase import Phase
from leyden.models.censored import Coded
from leyden.models.vectors import VectorRegressor
from leyden.representations.phase_cell import CellContents
from leyden.transfer import FromScratch

__all__ = ["AT_BOUND", "CODE", "CODED", "published_forests"]

CODE = -15.0
"""log10 of 1e-15 S/cm, which stands for values written <1E-10."""
CODED, AT_BOUND = "published forest, 1e-15", "published forest, at the bound"


@dataclass(frozen=True)
class PublishedFeatures:
    """Atoms of each element in the cell, space group number, lattice parameters."""

    kind: ClassVar[str] = "obelix_features"

    def transform(self, items: Sequence[Phase]) -> np.ndarray:
        """Vectors, shape (n, 119)."""
        cells = [[item.space_group, *item.cell] for item in items]
        return np.hstack([CellContents().transform(items), np.array(cells, float)])


def published_forests() -> dict[str, Any]:
    """The authors' forest in both codings; elements that no training row has are no features.

    50 trees, depth 36, square root of the features, one row a leaf: what their repository names as
    best for all rows.
    """
    forest = RandomForestRegressor(50, max_depth=36, max_features="sqrt", min_samples_leaf=1)
    pipeline = make_pipeline(VarianceThreshold(), forest)
    features = PublishedFeatures()
    return {
        CODED: FromScratch(VectorRegressor(features, Coded(pipeline, CODE))),
        AT_BOUND: FromScratch(VectorRegressor(features, pipeline)),
    }
