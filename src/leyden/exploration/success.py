"""How likely a row is to give a value at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from leyden.exploration.botorch_parts import own_randomness
from leyden.exploration.evidence import Evidence, Scale, failed
from leyden.exploration.gaussian_process import fitted_process
from leyden.exploration.search_space import SearchSpace

__all__ = ["Success"]


class Success:
    """Probit classification by a Gaussian process: a row gives a value where g + noise > 0.

    Each success and each failure is a bound on a latent number, with noise of variance 1, so that
    it is learned as bounds of an objective are (Rasmussen and Williams 2006, sections 3.6, 3.9).

    Parameters
    ----------
    space : SearchSpace
    random_state : int

    Attributes
    ----------
    process_ : botorch model or None
        Of g; None while nothing has failed.
    """

    def __init__(self, space: SearchSpace, *, random_state: int) -> None:
        self.space, self.random_state = space, random_state
        self.process_: Any = None

    def fit(self, observations: pd.DataFrame) -> Success:
        """Learn from the column ``outcome`` ("ok" or why there is no value) of all tasks."""
        without = failed(observations)
        if not without.any():
            self.process_ = None
            return self
        count = len(observations)
        told = Evidence(
            points=self.space.to_unit(observations),
            scores=np.zeros(count),
            variances=np.zeros(count),
            sides=np.where(without, -1, 1),
            tasks=np.zeros(count, int),
            task_names=("",),
            scale=Scale(0.0, 1.0),
        )
        self.process_ = fitted_process(
            told, self.space, random_state=self.random_state, fixed_jitter=1.0
        )
        return self

    def log_probability(self, points: torch.Tensor) -> torch.Tensor:
        """Of points (b, 1, d), shape (b,); with gradients."""
        if self.process_ is None:
            return torch.zeros(points.shape[0], dtype=points.dtype)
        posterior = self.process_.posterior(points)
        z = posterior.mean / (1 + posterior.variance).sqrt()
        return torch.special.log_ndtr(z)[:, 0, 0]

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Probabilities of rows, shape (n,)."""
        points = torch.as_tensor(self.space.to_unit(rows))[:, None]
        with own_randomness(0), torch.no_grad():
            return self.log_probability(points).exp().numpy()
