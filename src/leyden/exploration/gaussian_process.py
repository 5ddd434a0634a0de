"""The Gaussian process of an objective: its kernel, its priors, its fit.

Priors of the length scales grow with the number of parameters, so that a process of many of them
does not take everything for noise: C. Hvarfner, E. O. Hellsten, L. Nardi, ICML 2024
(arXiv:2402.02229). The kernel is the Matern 5/2 of J. Snoek, H. Larochelle, R. P. Adams, NeurIPS
2012; of categories it is the exponential of their Hamming distance.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from leyden.exploration.botorch_parts import (
    BetaPrior,
    CategoricalKernel,
    ExactMarginalLogLikelihood,
    FixedNoiseGaussianLikelihood,
    GreaterThan,
    LogNormalPrior,
    MaternKernel,
    MultiTaskGP,
    PositiveIndexKernel,
    ScaleKernel,
    SingleTaskGP,
    fit_gpytorch_mll_scipy,
    own_randomness,
)
from leyden.exploration.censored_scores import expectation_propagation
from leyden.exploration.evidence import Evidence
from leyden.exploration.search_space import SearchSpace

__all__ = ["TaskKernel", "fitted_process", "jitter", "length_scales", "moments"]

_SHORTEST, _LEAST_OUTPUT, _LEAST_JITTER, _LEAST_VARIANCE = 0.025, 1e-2, 1e-4, 1e-6
_ROUNDS = 2


class TaskKernel(PositiveIndexKernel):
    """Covariances of tasks as a dense matrix, many times faster for few hundred rows."""

    def forward(self, i1: Any, i2: Any, diag: bool = False, **settings: Any) -> Any:
        first, second = i1.long(), i2.long()
        if diag:
            return self.covar_matrix[first[..., 0], second[..., 0]]
        return self.covar_matrix[first, second.transpose(-1, -2)]


def fitted_process(
    evidence: Evidence,
    space: SearchSpace,
    *,
    random_state: int,
    fixed_jitter: float | None = None,
) -> Any:
    """A `SingleTaskGP`, or for several tasks a `MultiTaskGP` whose output is the first of them.

    Noise is the known variance of each score plus one jitter that is learned: simulations of one
    row differ by more than each of them knows of its own error.  Bounds are pseudo-observations:
    these are found for the hyperparameters, and the hyperparameters for these, twice in turn. More
    turns would come to where the evidence of expectation propagation has no slope (Rasmussen and
    Williams, 5.5.2); two are what a proposal has time for.

    Parameters
    ----------
    evidence : Evidence
    space : SearchSpace
    random_state : int
        Seed of the start of the tasks' correlations.
    fixed_jitter : float, optional
        In place of one that is learned.
    """
    with own_randomness(random_state):
        process = _process(evidence, space, fixed_jitter)
        bounded = evidence.sides != 0
        for _ in range(_ROUNDS if bounded.any() else 1):
            if bounded.any():
                _take_bounds(process, evidence)
            likelihood = ExactMarginalLogLikelihood(process.likelihood, process)
            likelihood.train()
            fit_gpytorch_mll_scipy(likelihood)
        if bounded.any():
            _take_bounds(process, evidence)
        return process.eval().requires_grad_(False)


def moments(process: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (n,) and covariance (n, n) of the latent scores at points (n, d)."""
    with own_randomness(0), torch.no_grad():
        posterior = process.posterior(torch.as_tensor(points)).mvn
        return posterior.mean.numpy(), posterior.covariance_matrix.numpy()


def jitter(process: Any) -> float:
    """Variance of scores of one point beyond their known errors."""
    return float(process.likelihood.second_noise.detach())


def length_scales(process: Any, space: SearchSpace) -> np.ndarray:
    """By parameter, in units of its range, shape (d,); of a category, of the Hamming distance."""
    found = [
        part.lengthscale.detach().numpy().ravel()
        for part in process.modules()
        if isinstance(part, MaternKernel | CategoricalKernel)
    ]
    ordered, named = _places(space)
    scales = np.empty(len(space))
    scales[ordered + named] = np.concatenate(found)
    return scales


def _process(evidence: Evidence, space: SearchSpace, fixed_jitter: float | None) -> Any:
    points, scores = torch.as_tensor(evidence.points), torch.as_tensor(evidence.scores)[:, None]
    likelihood = _likelihood(evidence, fixed_jitter)
    if len(evidence.task_names) == 1:
        return SingleTaskGP(
            points,
            scores,
            likelihood=likelihood,
            covar_module=_kernel(space),
            outcome_transform=None,
        )
    tasks = torch.as_tensor(evidence.tasks).to(points)[:, None]
    process = MultiTaskGP(
        torch.cat([points, tasks], dim=1),
        scores,
        task_feature=len(space),
        likelihood=likelihood,
        output_tasks=[0],
        outcome_transform=None,
    )
    correlation = TaskKernel(
        len(evidence.task_names),
        rank=len(evidence.task_names),
        task_prior=BetaPrior(2.5, 1.5),
        active_dims=[len(space)],
    )
    process.covar_module = (_kernel(space) * correlation).to(points)
    return process


def _likelihood(evidence: Evidence, fixed_jitter: float | None) -> Any:
    prior = LogNormalPrior(loc=-4.0, scale=1.0)
    likelihood = FixedNoiseGaussianLikelihood(
        noise=torch.as_tensor(np.maximum(evidence.variances, _LEAST_VARIANCE)),
        learn_additional_noise=True,
        noise_prior=prior,
        noise_constraint=_above(_LEAST_JITTER, start=float(prior.mode)),
    ).double()
    if fixed_jitter is not None:
        likelihood.second_noise = fixed_jitter
        likelihood.second_noise_covar.raw_noise.requires_grad_(False)
    return likelihood


def _places(space: SearchSpace) -> tuple[list[int], list[int]]:
    """Columns of ordered parameters, and of categorical ones."""
    named = [place for place, p in enumerate(space) if p.kind == "categorical"]
    return [place for place in range(len(space)) if place not in named], named


def _kernel(space: SearchSpace) -> Any:
    ordered, named = _places(space)
    kernels = []
    if ordered:
        prior = LogNormalPrior(loc=math.sqrt(2) + math.log(len(ordered)) / 2, scale=math.sqrt(3))
        kernels.append(
            MaternKernel(
                nu=2.5,
                ard_num_dims=len(ordered),
                active_dims=ordered,
                lengthscale_prior=prior,
                lengthscale_constraint=_above(_SHORTEST, start=float(prior.mode)),
            )
        )
    if named:
        kernels.append(
            CategoricalKernel(
                ard_num_dims=len(named),
                active_dims=named,
                lengthscale_prior=LogNormalPrior(loc=0.0, scale=1.0),
                lengthscale_constraint=_above(_SHORTEST, start=1.0),
            )
        )
    return ScaleKernel(
        math.prod(kernels[1:], start=kernels[0]),
        outputscale_prior=LogNormalPrior(loc=0.0, scale=1.0),
        outputscale_constraint=_above(_LEAST_OUTPUT, start=1.0),
    )


def _above(bound: float, *, start: float) -> Any:
    """Logarithms are fitted: steps are then of one size for all hyperparameters."""
    return GreaterThan(bound, transform=torch.exp, inv_transform=torch.log, initial_value=start)


def _take_bounds(process: Any, evidence: Evidence) -> None:
    """Put the pseudo-observations of bounds among the observations of a process."""
    bounded = evidence.sides != 0
    with torch.no_grad():
        prior = process.forward(process.train_inputs[0])
        mean, covariance = prior.mean.numpy(), prior.covariance_matrix.numpy()
    # What is bounded is a score of a simulation, which has jitter as those with a value have.
    covariance = covariance + jitter(process) * np.eye(len(mean))
    known, errors = ~bounded, np.maximum(evidence.variances, _LEAST_VARIANCE)
    told = covariance[np.ix_(known, known)] + np.diag(errors[known])
    gain = np.linalg.solve(told, covariance[np.ix_(known, bounded)]).T
    scores, variances = expectation_propagation(
        mean[bounded] + gain @ (evidence.scores - mean)[known],
        covariance[np.ix_(bounded, bounded)] - gain @ covariance[np.ix_(known, bounded)],
        evidence.scores[bounded],
        evidence.sides[bounded],
        evidence.variances[bounded],
    )
    targets, noise = evidence.scores.copy(), errors.copy()
    targets[bounded], noise[bounded] = scores, variances
    process.set_train_data(targets=torch.as_tensor(targets), strict=False)
    process.likelihood.noise_covar.noise = torch.as_tensor(noise)
