"""The next rows to try."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from leyden.exploration.surrogate import Surrogate

__all__ = ["METHODS", "propose"]

METHODS = (
    "random",
    "sobol",
    "expected improvement",
    "noisy expected improvement",
    "local penalisation",
    "joint batch",
    "hypervolume",
)


def propose(
    surrogates: Sequence[Surrogate],
    observations: pd.DataFrame,
    pending: pd.DataFrame,
    n: int,
    *,
    method: str,
    random_state: int,
) -> pd.DataFrame:
    """The next n rows to try; surrogates are fitted on `observations`, one an objective."""
    raise NotImplementedError
