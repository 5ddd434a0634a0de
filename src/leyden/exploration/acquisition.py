"""What a new row would be worth: functions of points (b, q, d) in the unit cube, shape (b,).

All are logarithms, since the improvement itself underflows away from the best rows, where its
gradient is needed: S. Ament et al., NeurIPS 2023 (arXiv:2310.20708). Scores are compared with the
posterior mean at the rows observed, or with draws of it: the best of noisy values is one of those
with luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from scipy.stats import qmc

from leyden.exploration.botorch_parts import (
    GenericMCObjective,
    IdentityMCMultiOutputObjective,
    ModelListGP,
    SobolQMCNormalSampler,
    infer_reference_point,
    is_non_dominated,
    qLogExpectedImprovement,
    qLogNoisyExpectedHypervolumeImprovement,
    qLogNoisyExpectedImprovement,
)
from leyden.exploration.marginals import Marginals, log_expected_improvement
from leyden.exploration.search_space import SearchSpace
from leyden.exploration.success import Success

__all__ = [
    "Beliefs",
    "expected_improvement",
    "hypervolume",
    "local_penalisation",
    "noisy_improvement",
]

Worth = Callable[[torch.Tensor], torch.Tensor]

_DRAWS = 128
_SLOPES = 512
_LEAST_SLOPE = 1e-3
_LOGISTIC_OF_PROBIT = 1 / 1.702  # sigmoid(1.702 g) is Phi(g) within 0.01


@dataclass(frozen=True, eq=False)
class Beliefs:
    """All that a proposal rests on.

    Attributes
    ----------
    space : SearchSpace
    processes : tuple of botorch models
        One an objective, of scores.
    success : Success
    observed : Tensor, shape (r, d)
        Points of the campaign's own rows.
    random_state : int
    """

    space: SearchSpace
    processes: tuple[Any, ...]
    success: Success
    observed: torch.Tensor
    random_state: int

    @cached_property
    def marginals(self) -> Marginals:
        """Mean and variance of the first objective."""
        return Marginals(self.processes[0])

    @cached_property
    def incumbent(self) -> torch.Tensor:
        """The best posterior mean at the rows observed, of the first objective."""
        return self.marginals(self.observed)[0].max()

    def improvement(
        self, points: torch.Tensor, pending: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Log expected improvement on the incumbent, times the probability of success.

        With rows pending, as if each of these gave its posterior mean: variances near them shrink,
        whatever they give, and the incumbent is the best with them. T. Desautels, A. Krause,
        J. W. Burdick, J. Mach. Learn. Res. 15, 3873 (2014).
        """
        mean, variance = self.marginals(points[:, 0])
        incumbent = self.incumbent
        if pending is not None and len(pending):
            told = self.marginals.covariance(pending, pending)
            told = told + self.noise * torch.eye(len(pending)).to(told)
            shared = self.marginals.covariance(points[:, 0], pending)
            less = (torch.linalg.solve(told, shared.T).T * shared).sum(dim=-1)
            variance = (variance - less).clamp_min(1e-12)
            incumbent = torch.maximum(incumbent, self.marginals(pending)[0].max())
        gain = log_expected_improvement(mean, variance, incumbent)
        return gain + self.success.log_probability(points[:, 0])

    @property
    def noise(self) -> torch.Tensor:
        """Usual variance of a row about the first objective."""
        return self.processes[0].likelihood.noise.detach().median()

    @cached_property
    def steepest(self) -> float:
        """Largest gradient of the posterior mean at Sobol points, a Lipschitz constant."""
        sequence = qmc.Sobol(len(self.space), seed=self.random_state)
        points = torch.as_tensor(sequence.random(_SLOPES)).requires_grad_(True)
        with torch.enable_grad():
            mean = self.marginals(points)[0].sum()
        (slopes,) = torch.autograd.grad(mean, points)
        return max(float(slopes.norm(dim=-1).max()), _LEAST_SLOPE)

    def distances(self, points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Between points (b, 1, d) and others (m, d), shape (b, m); 1 between categories."""
        named = torch.tensor([parameter.kind == "categorical" for parameter in self.space])
        apart = points - others
        return torch.where(named, (apart != 0).to(apart), apart).norm(dim=-1)

    @cached_property
    def joint(self) -> Any:
        """The processes as one model, with that of success where something has failed."""
        also = () if self.success.process_ is None else (self.success.process_,)
        models = (*self.processes, *also)
        return models[0] if len(models) == 1 else ModelListGP(*models)

    @property
    def sampler(self) -> Any:
        """Draws that are the same at every call."""
        return SobolQMCNormalSampler(torch.Size([_DRAWS]), seed=self.random_state)

    @property
    def constraints(self) -> dict[str, Any]:
        """Success, as botorch takes it; the sigmoid stands for that of `Success`."""
        if self.success.process_ is None:
            return {}
        place = len(self.processes)
        return {
            "constraints": [lambda scores: -scores[..., place]],
            "eta": _LOGISTIC_OF_PROBIT,
            "fat": False,
        }


def expected_improvement(beliefs: Beliefs, pending: torch.Tensor) -> Worth:
    """Log expected improvement on the best posterior mean, of one point (b, 1, d).

    In closed form where nothing is pending; else the expectation of what the point adds to the
    pending ones, by quasi-Monte Carlo.
    """
    if not len(pending):
        return beliefs.improvement
    together = qLogExpectedImprovement(
        beliefs.processes[0], beliefs.incumbent, sampler=beliefs.sampler, X_pending=pending
    )
    return lambda points: together(points) + beliefs.success.log_probability(points[:, 0])


def local_penalisation(beliefs: Beliefs, pending: torch.Tensor) -> Worth:
    """Log expected improvement of one point (b, 1, d), less near pending ones.

    J. Gonzalez, Z. Dai, P. Hennig, N. D. Lawrence, AISTATS 2016 (arXiv:1505.08052), section 3: by
    a function with Lipschitz constant L and maximum M, the maximum is no nearer to x_j than
    (M - f(x_j)) / L. The improvement is multiplied with the probability of this,
    Phi((L |x - x_j| - M + mu_j) / s_j), for every pending x_j.

    Two things differ from there. M is the best posterior mean, and mu_j + s_j at least: a pending
    row is where more is hoped for than was seen, and by a lower M it would not be penalised at its
    own place. And the improvement knows what pending rows will tell (`Beliefs.improvement`): the
    balls are small beside the length over which the objective is correlated, and by the penalty
    alone a batch is nearly one row.
    """
    if not len(pending):
        return beliefs.improvement
    mean, variance = beliefs.marginals(pending)
    std = variance.sqrt()
    top = torch.maximum(beliefs.incumbent, (mean + std).max())

    def worth(points: torch.Tensor) -> torch.Tensor:
        z = (beliefs.steepest * beliefs.distances(points, pending) - top + mean) / std
        return beliefs.improvement(points, pending) + torch.special.log_ndtr(z).sum(dim=-1)

    return worth


def noisy_improvement(beliefs: Beliefs, pending: torch.Tensor) -> Worth:
    """Log expected improvement of q points on the best of draws at the rows observed.

    B. Letham, B. Karrer, G. Ottoni, E. Bakshy, Bayesian Anal. 14, 495 (2019), by quasi-Monte Carlo.
    """
    return qLogNoisyExpectedImprovement(  # type: ignore[no-any-return]
        beliefs.joint,
        beliefs.observed,
        sampler=beliefs.sampler,
        objective=GenericMCObjective(_first),
        X_pending=pending if len(pending) else None,
        prune_baseline=True,
        **beliefs.constraints,
    )


def _first(scores: torch.Tensor, X: torch.Tensor | None = None) -> torch.Tensor:
    return scores[..., 0]


def hypervolume(beliefs: Beliefs, pending: torch.Tensor) -> Worth:
    """Log expected growth by q points of the volume that is dominated, of several objectives.

    S. Daulton, M. Balandat, E. Bakshy, NeurIPS 2021 (arXiv:2105.08195). The reference point lies a
    tenth of the range of the non-dominated posterior means below the worst of them.
    """
    count = len(beliefs.processes)
    with torch.no_grad():
        means = [process.posterior(beliefs.observed).mean for process in beliefs.processes]
        scores = torch.cat(means, dim=-1)
        reference = infer_reference_point(scores[is_non_dominated(scores)], scale=0.1)
    return qLogNoisyExpectedHypervolumeImprovement(  # type: ignore[no-any-return]
        beliefs.joint,
        reference,
        beliefs.observed,
        sampler=beliefs.sampler,
        objective=IdentityMCMultiOutputObjective(list(range(count))),
        X_pending=pending if len(pending) else None,
        prune_baseline=True,
        **beliefs.constraints,
    )
