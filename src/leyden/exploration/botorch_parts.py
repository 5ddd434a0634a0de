"""What is used of botorch and gpytorch, all imported here: the extra ``bo``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from leyden.errors import MissingExtraError

with warnings.catch_warnings():
    # linear_operator compiles by torch.jit.script, which newer versions of torch deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        from botorch.acquisition import (
            qLogExpectedImprovement,
            qLogNoisyExpectedImprovement,
        )
        from botorch.acquisition.multi_objective.logei import (
            qLogNoisyExpectedHypervolumeImprovement,
        )
        from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
        from botorch.acquisition.objective import GenericMCObjective
        from botorch.exceptions.warnings import BotorchWarning
        from botorch.models import ModelListGP, MultiTaskGP, SingleTaskGP
        from botorch.models.kernels import CategoricalKernel
        from botorch.models.kernels.positive_index import PositiveIndexKernel
        from botorch.models.utils.priors import BetaPrior
        from botorch.optim.fit import fit_gpytorch_mll_scipy
        from botorch.sampling import SobolQMCNormalSampler
        from botorch.utils.multi_objective import infer_reference_point, is_non_dominated
        from gpytorch.constraints import GreaterThan
        from gpytorch.kernels import MaternKernel, ScaleKernel
        from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
        from gpytorch.mlls import ExactMarginalLogLikelihood
        from gpytorch.priors import LogNormalPrior
        from linear_operator.utils.warnings import NumericalWarning
    except ImportError as error:
        raise MissingExtraError("botorch", "bo") from error

__all__ = [
    "BetaPrior",
    "CategoricalKernel",
    "ExactMarginalLogLikelihood",
    "FixedNoiseGaussianLikelihood",
    "GenericMCObjective",
    "GreaterThan",
    "IdentityMCMultiOutputObjective",
    "LogNormalPrior",
    "MaternKernel",
    "ModelListGP",
    "MultiTaskGP",
    "PositiveIndexKernel",
    "ScaleKernel",
    "SingleTaskGP",
    "SobolQMCNormalSampler",
    "fit_gpytorch_mll_scipy",
    "infer_reference_point",
    "is_non_dominated",
    "own_randomness",
    "qLogExpectedImprovement",
    "qLogNoisyExpectedHypervolumeImprovement",
    "qLogNoisyExpectedImprovement",
]


@contextmanager
def own_randomness(random_state: int) -> Iterator[None]:
    """Torch with a seed of its own and one thread, without remarks of botorch on numerics.

    An ill-conditioned matrix gets a little more on its diagonal, and an optimiser may end before
    its tolerance: both are dealt with where they occur.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices are small, and sums then do not depend on the machine
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", BotorchWarning)
            warnings.simplefilter("ignore", NumericalWarning)
            warnings.filterwarnings("ignore", "Sparse invariant checks are implicitly disabled")
            torch.manual_seed(random_state)
            yield
    finally:
        torch.set_num_threads(threads)
