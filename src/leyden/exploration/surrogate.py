"""What is known of one objective: a Gaussian process of all that was observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.exploration.evidence import Evidence, evidence_of
from leyden.exploration.gaussian_process import (
    fitted_process,
    jitter,
    length_scales,
    moments,
)
from leyden.exploration.search_space import Objective, SearchSpace

__all__ = ["Surrogate"]

_TWO_SIDED_95 = 1.959964


class Surrogate:
    """A Gaussian process of one objective over a search space.

    Parameters
    ----------
    space : SearchSpace
    objective : Objective
    random_state : int

    Examples
    --------
    >>> from leyden.exploration.search_space import Parameter
    >>> space = SearchSpace((Parameter("x", 0.0, 1.0),))
    >>> told = pd.DataFrame({"x": [0.0, 0.3, 0.6, 1.0], "y": [1.0, 2.0, 2.4, 1.4], "y_error": 0.1})
    >>> surrogate = Surrogate(space, Objective("y"), random_state=0).fit(told)
    >>> surrogate.predict(pd.DataFrame({"x": [0.5]})).round(0)
       mean  std  low  high
    0   2.0  0.0  2.0   3.0
    """

    def __init__(self, space: SearchSpace, objective: Objective, *, random_state: int) -> None:
        self.space, self.objective, self.random_state = space, objective, random_state
        self._learned: tuple[Evidence, Any] | None = None

    def fit(self, observations: pd.DataFrame) -> Surrogate:
        """Learn from observations.

        Parameters
        ----------
        observations : DataFrame
            A column a parameter; for an objective NAME the columns ``NAME``, ``NAME_error`` (its
            standard error; missing or NaN where it is not known), ``NAME_bound`` ("above" or
            "below" where the true value lies above or below the one told); ``outcome`` ("ok" or
            why there is no value); ``task`` ("" for the campaign's own, else an earlier campaign,
            another temperature, a shorter simulation). Errors and bounds are in the unit of the
            objective, also where its logarithm is learned.

        Raises
        ------
        InputError
            What `leyden.exploration.evidence.evidence_of` says; row counts from 1.
        """
        evidence = evidence_of(observations, self.space, self.objective)
        process = fitted_process(evidence, self.space, random_state=self.random_state)
        self._learned = evidence, process
        return self

    @property
    def evidence(self) -> Evidence:
        """What was learned from."""
        return self._fitted()[0]

    @property
    def process(self) -> Any:
        """The botorch model, of standardised scores of which more is better."""
        return self._fitted()[1]

    @property
    def noise_std(self) -> float:
        """Standard deviation of a new simulation about the truth, on the learned scale.

        Jitter, and the error that such simulations usually know of themselves.
        """
        variance = jitter(self.process) + self.evidence.typical_variance()
        return float(abs(self.evidence.scale.spread) * np.sqrt(variance))

    def predict(self, rows: pd.DataFrame, *, noise: bool = False) -> pd.DataFrame:
        """What the objective is expected to be, for the campaign's own task.

        Parameters
        ----------
        rows : DataFrame
        noise : bool
            Whether of the result of a new simulation; else of what many would have as mean.

        Returns
        -------
        DataFrame
            ``mean``, ``std``, and the 95 % interval ``low`` to ``high``, on the learned scale: the
            objective, or its log10 where that is learned.
        """
        mean, covariance = self._posterior(rows)
        std = np.sqrt(np.diag(covariance) + (self.noise_std**2 if noise else 0.0))
        half = _TWO_SIDED_95 * std
        columns = {"mean": mean, "std": std, "low": mean - half, "high": mean + half}
        return pd.DataFrame(columns, index=rows.index)

    def sample(self, rows: pd.DataFrame, n: int, *, random_state: int) -> np.ndarray:
        """Joint draws of the objective without noise, on the learned scale, shape (n, rows)."""
        mean, covariance = self._posterior(rows)
        generator = np.random.default_rng(random_state)
        return generator.multivariate_normal(mean, covariance, n, method="eigh")

    def length_scales(self) -> pd.Series:
        """Distance over which the objective changes, by parameter, in units of its range."""
        found = length_scales(self.process, self.space)
        return pd.Series(found, index=self.space.names, name="length scale")

    def _posterior(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        mean, covariance = moments(self.process, self.space.to_unit(rows))
        scale = self.evidence.scale
        return scale.values(mean), covariance * scale.spread**2

    def _fitted(self) -> tuple[Evidence, Any]:
        if self._learned is None:
            raise InputError("a surrogate predicts once it is fitted", remedy="call fit first")
        return self._learned
