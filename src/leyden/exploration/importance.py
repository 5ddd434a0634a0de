"""Which parameters matter, and how surely that is known."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_t

from leyden.exploration.botorch_parts import ExactMarginalLogLikelihood, own_randomness
from leyden.exploration.gaussian_process import length_scales
from leyden.exploration.surrogate import Surrogate

__all__ = ["importance"]

_LOGARITHMS = ("raw_lengthscale", "raw_outputscale", "raw_noise")
_HELD = ("raw_covar_factor", "raw_var")
_TAILS = 4
_FLATTEST = 0.1
_STEP = 0.05


def importance(
    surrogate: Surrogate, *, draws: int = 400, level: float = 0.95, random_state: int = 0
) -> pd.DataFrame:
    """Inverse length scales: how often the objective changes over the range of a parameter.

    Their intervals come from the posterior of all hyperparameters: a multivariate t about its mode,
    with the curvature there (Laplace), weighted by the true density (sampling importance
    resampling: D. B. Rubin, J. Am. Stat. Assoc. 82, 543 (1987)). The ends of a length scale that is
    only known to be long are those of its prior. Covariances between tasks, and what stands for
    bounds, are held.

    Parameters
    ----------
    surrogate : Surrogate
        Fitted.
    draws : int
        Of the t distribution.
    level : float
        Of the intervals.
    random_state : int

    Returns
    -------
    DataFrame
        Median ``value``, ``low`` and ``high`` by parameter, per range of the parameter; of a
        category per Hamming distance, which is not the same scale.
    """
    with own_randomness(random_state):
        density = _Density(surrogate.process)
        found = minimize(density, density.start, jac=True, method="L-BFGS-B").x
        shape = _spread(density, found)
        proposal = multivariate_t(found, shape, df=_TAILS, seed=random_state)
        tried = np.atleast_2d(proposal.rvs(draws))
        logs = np.array([density.log_value(each) for each in tried]) - proposal.logpdf(tried)
        weights = np.exp(logs - logs.max())
        scales = np.array([density.length_scales(each, surrogate) for each in tried])
    ends = [0.5, (1 - level) / 2, (1 + level) / 2]
    table = [_quantiles(1 / column, weights, ends) for column in scales.T]
    return pd.DataFrame(table, columns=["value", "low", "high"], index=surrogate.space.names)


class _Density:
    """Log posterior density of the hyperparameters of a process.

    Those that are positive are counted by their logarithm, also in what is a volume.
    """

    def __init__(self, process: Any) -> None:
        self._process = copy.deepcopy(process)
        self._count = len(process.train_targets)
        self._likelihood = ExactMarginalLogLikelihood(self._process.likelihood, self._process)
        self._likelihood.train()
        named = dict(self._process.named_parameters())
        kept = {name: p for name, p in named.items() if not name.endswith(_HELD)}
        self._parameters = list(kept.values())
        self._logarithms = np.concatenate(
            [np.full(p.numel(), name.endswith(_LOGARITHMS)) for name, p in kept.items()]
        )
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        self.start = np.concatenate([p.detach().numpy().ravel() for p in self._parameters])

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Its negative, with the gradient."""
        self._put(vector)
        value = self._value()
        slopes = torch.autograd.grad(value, self._parameters)
        slope = np.concatenate([part.numpy().ravel() for part in slopes]) + self._logarithms
        return -float(value.detach()) - vector[self._logarithms].sum(), -slope

    def log_value(self, vector: np.ndarray) -> float:
        """The logarithm, without a gradient; -inf where the covariance has no factor."""
        self._put(vector)
        with torch.no_grad():
            try:
                value = float(self._value()) + vector[self._logarithms].sum()
            except RuntimeError:  # of linear_operator, for a matrix that is not positive
                return -np.inf
        return value if np.isfinite(value) else -np.inf

    def length_scales(self, vector: np.ndarray, surrogate: Surrogate) -> np.ndarray:
        """Of these hyperparameters, shape (d,)."""
        self._put(vector)
        return length_scales(self._process, surrogate.space)

    def _value(self) -> Any:
        output = self._process(*self._process.train_inputs)
        return self._likelihood(output, self._process.train_targets) * self._count

    def _put(self, vector: np.ndarray) -> None:
        torch.nn.utils.vector_to_parameters(torch.as_tensor(vector), self._parameters)


def _spread(density: _Density, mode: np.ndarray) -> np.ndarray:
    """Inverse curvature at the mode; along directions that are flat, that of a wide prior."""
    steps = _STEP * np.eye(len(mode))
    rows = [(density(mode + step)[1] - density(mode - step)[1]) / (2 * _STEP) for step in steps]
    curvature, directions = np.linalg.eigh((np.array(rows) + np.array(rows).T) / 2)
    return np.asarray((directions / np.maximum(curvature, _FLATTEST)) @ directions.T)


def _quantiles(values: np.ndarray, weights: np.ndarray, ends: list[float]) -> np.ndarray:
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(np.array(ends) * weights.sum(), below, values[order])
