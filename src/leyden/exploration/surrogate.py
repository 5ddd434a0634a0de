"""A Gaussian process of what was observed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["Surrogate"]


class Surrogate:
    """What is known of one objective; signatures first, see the docstrings to come."""

    def __init__(self, space: SearchSpace, objective: Objective, *, random_state: int) -> None:
        self.space, self.objective, self.random_state = space, objective, random_state

    def fit(self, observations: pd.DataFrame) -> Surrogate:
        """Learn from observations."""
        raise NotImplementedError

    def predict(self, rows: pd.DataFrame, *, noise: bool = False) -> pd.DataFrame:
        """Columns mean, std, low, high; on the learned scale (log10 if told so)."""
        raise NotImplementedError

    def sample(self, rows: pd.DataFrame, n: int, *, random_state: int) -> np.ndarray:
        """Draws of the posterior, shape (n, rows)."""
        raise NotImplementedError

    def length_scales(self) -> pd.Series:
        """By parameter, in units of its range."""
        raise NotImplementedError

    def importance(self, draws: int = 200) -> pd.DataFrame:
        """Inverse length scales: columns value, low, high; a row a parameter."""
        raise NotImplementedError
