"""How likely a row is to give a value at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from leyden.exploration.evidence import Evidence, Scale, at_fault, failed
from leyden.exploration.gaussian_process import fitted_process
from leyden.exploration.marginals import Marginals
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
        self._marginals: Marginals | None = None

    def fit(self, observations: pd.DataFrame) -> Success:
        """Learn from the column ``outcome`` ("ok" or why there is no value) of all tasks.

        Rows whose outcome is one of `leyden.exploration.evidence.FAULTS` are neither successes nor
        failures, and are left out.
        """
        observations = observations[~at_fault(observations)]
        without = failed(observations)
        if not without.any():
            self.process_ = self._marginals = None
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
        self._marginals = Marginals(self.process_)
        return self

    def log_probability(self, points: torch.Tensor) -> torch.Tensor:
        """Of points (b, d), shape (b,); with gradients."""
        if self._marginals is None:
            return torch.zeros(len(points), dtype=points.dtype)
        mean, variance = self._marginals(points)
        return torch.special.log_ndtr(mean / (1 + variance).sqrt())

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Probabilities of rows, shape (n,)."""
        points = torch.as_tensor(self.space.to_unit(rows))
        return np.exp(self.log_probability(points).numpy())
