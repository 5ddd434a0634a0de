"""Posterior mean and variance point by point, in as few operations as it takes.

A campaign looks at thousands of points between two simulations. What botorch spends on its
generality, ten times the arithmetic for a hundred rows, is saved here; numbers are the same.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from leyden.exploration.botorch_parts import CategoricalKernel, MaternKernel, ScaleKernel
from leyden.exploration.gaussian_process import TaskKernel

__all__ = ["Marginals", "log_expected_improvement"]


class Marginals:
    """Of the first task of a fitted process.

    Parameters
    ----------
    process : botorch model
        As `leyden.exploration.gaussian_process.fitted_process` gives it.
    """

    def __init__(self, process: Any) -> None:
        parts = {type(part): part for part in process.modules()}
        self._matern, self._named = parts.get(MaternKernel), parts.get(CategoricalKernel)
        with torch.no_grad():
            inputs, tasks = process.train_inputs[0], parts.get(TaskKernel)
            prior = process.forward(inputs)
            factor = torch.linalg.cholesky(
                prior.covariance_matrix + torch.diag(process.likelihood.noise)
            )
            told = (process.train_targets - prior.mean)[:, None]
            self._weights = torch.cholesky_solve(told, factor)[:, 0]
            self._precision = torch.cholesky_inverse(factor)
            self._scale = parts[ScaleKernel].outputscale.clone()
            self._inputs = inputs
            first, self._share = inputs[:1].clone(), torch.ones(len(inputs)).to(inputs)
            if tasks is not None:
                first[:, -1] = 0
                self._share = tasks.covar_matrix[0, inputs[:, -1].long()]
            self._centre = process.forward(first).mean[0]

    def __call__(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance at points (..., d), both of shape (...), with gradients."""
        shared = self._covariance(points.reshape(-1, points.shape[-1]), self._inputs) * self._share
        mean = self._centre + shared @ self._weights
        variance = self._scale - ((shared @ self._precision) * shared).sum(dim=-1)
        shape = points.shape[:-1]
        return mean.reshape(shape), variance.clamp_min(1e-12).reshape(shape)

    def covariance(self, points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Posterior covariance of points (b, d) with others (m, d), shape (b, m)."""
        told = [self._covariance(each, self._inputs) * self._share for each in (points, others)]
        return self._covariance(points, others) - told[0] @ self._precision @ told[1].T

    def _covariance(self, points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """A priori with others, shape (b, m), were they all of the first task."""
        product = self._scale.expand(len(points), len(others))
        if self._matern is not None:
            columns, scales = self._matern.active_dims, self._matern.lengthscale.detach()
            a, b = points[:, columns] / scales, others[:, columns] / scales
            far = math.sqrt(5) * torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
            product = product * (1 + far + far**2 / 3) * torch.exp(-far)
        if self._named is not None:
            columns, scales = self._named.active_dims, self._named.lengthscale.detach()
            differ = points[:, None, columns] != others[:, columns]
            product = product * torch.exp(-(differ / scales).mean(dim=-1))
        return product


def log_expected_improvement(
    mean: torch.Tensor, variance: torch.Tensor, incumbent: torch.Tensor
) -> torch.Tensor:
    """Logarithm of the expectation of max(f - incumbent, 0), for normal f, at any distance.

    S. Ament et al., NeurIPS 2023, eqs. 9 and 14: log s + log(phi(z) + z Phi(z)), where far below
    the incumbent the sum is taken through erfcx, and then by its limit phi(z) / z^2.
    """
    std = variance.sqrt()
    z = (mean - incumbent) / std
    near, below, away = z.clamp_min(-1), (-z).clamp(1, 1e4), (-z).clamp_min(1e4)
    density = torch.exp(-(near**2) / 2) / math.sqrt(2 * math.pi)
    direct = torch.log(density + near * torch.special.ndtr(near))
    log_density = -(z**2) / 2 - math.log(2 * math.pi) / 2
    rest = math.sqrt(math.pi / 2) * below * torch.special.erfcx(below / math.sqrt(2))
    tail = torch.where(z > -1e4, torch.log1p(-rest), -2 * torch.log(away))
    return std.log() + torch.where(z > -1, direct, log_density + tail)
