"""The best points of the unit cube, by a function with gradients, within the search space."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize

from leyden.exploration.acquisition import Worth
from leyden.exploration.search_space import Parameter, SearchSpace

__all__ = ["best_points"]

_ANYWHERE, _NEAR_BEST = 192, 64
_STARTS = 4
_STEPS = 60
_NEAR = 0.1
_ROUNDS = 2
_JUMPS = (-8, -4, -2, -1, 1, 2, 4, 8)
_MARGIN = 1e-7


def best_points(
    worth: Worth,
    space: SearchSpace,
    near: np.ndarray,
    *,
    random_state: int,
    first: np.ndarray | None = None,
) -> np.ndarray:
    """The q points that are worth most together, shape (q, d).

    Random starts, some of them near good rows, are followed uphill along the real
    parameters, and tried with other values of integers and categories. Whatever is tried lies in
    the search space, with integers whole, so that what is best here is what is proposed.

    Parameters
    ----------
    worth : callable
        Takes points (b, q, d), gives logarithms (b,).
    space : SearchSpace
    near : ndarray, shape (r, d)
        Points about which to start too.
    random_state : int
    first : ndarray, shape (q, d), optional
        Where to start in any case; without it q is 1.
    """
    count = 1 if first is None else len(first)
    best = _take(worth, _starts(space, count, near, random_state), _STARTS)
    if first is not None:
        best = np.concatenate([first[None], best[1:]])
    discrete = np.array([parameter.choices > 0 for parameter in space])
    for _ in range(_ROUNDS if discrete.any() and not discrete.all() else 1):
        if not discrete.all():
            climbed = _climb(worth, space, best, discrete)
            best = _take(worth, np.concatenate([best, _allowed(space, climbed)]), _STARTS)
        if discrete.any():
            best = _take(worth, np.concatenate([best, _neighbours(space, best[0])]), _STARTS)
    return best[0]


def _starts(space: SearchSpace, count: int, near: np.ndarray, random_state: int) -> np.ndarray:
    """Groups of q allowed points, shape (b, q, d)."""
    generator = np.random.default_rng(random_state)
    anywhere = space.to_unit(space.random(_ANYWHERE * count, random_state))
    groups = anywhere.reshape(_ANYWHERE, count, len(space))
    if not len(near):
        return groups
    centres = near[generator.integers(len(near), size=(_NEAR_BEST, count))]
    about = np.clip(centres + _NEAR * generator.standard_normal(centres.shape), 0, 1)
    return np.concatenate([groups, _allowed(space, about)])


def _allowed(space: SearchSpace, groups: np.ndarray) -> np.ndarray:
    """Groups of points, with integers and categories in their places, that keep all constraints."""
    flat = groups.reshape(-1, len(space))
    rows = space.from_unit(flat)
    kept = space.allowed(rows).reshape(groups.shape[:2]).all(axis=1)
    return space.to_unit(rows).reshape(groups.shape)[kept]


def _take(worth: Worth, groups: np.ndarray, count: int) -> np.ndarray:
    """The groups worth most, best first."""
    with torch.no_grad():
        values = worth(torch.as_tensor(groups)).numpy()
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    return groups[order[:count]]


def _climb(
    worth: Worth, space: SearchSpace, groups: np.ndarray, discrete: np.ndarray
) -> np.ndarray:
    """Uphill from each group at once, along what is real, constraints kept."""
    fixed = np.broadcast_to(discrete, groups.shape)
    lower, upper = np.where(fixed, groups, 0.0).ravel(), np.where(fixed, groups, 1.0).ravel()

    def downhill(flat: np.ndarray) -> tuple[float, np.ndarray]:
        points = torch.as_tensor(flat.reshape(groups.shape)).requires_grad_(True)
        value = -worth(points).sum()
        (slope,) = torch.autograd.grad(value, points)
        return float(value.detach()), np.nan_to_num(slope.numpy()).ravel()

    found = minimize(
        downhill,
        groups.ravel(),
        jac=True,
        bounds=np.stack([lower, upper], axis=1),
        constraints=_linear(space, groups.shape),
        method="SLSQP" if space.constraints else "L-BFGS-B",
        options={"maxiter": _STEPS},
    )
    return np.asarray(np.clip(found.x, lower, upper).reshape(groups.shape))


def _linear(space: SearchSpace, shape: tuple[int, ...]) -> Any:
    """Constraints on all points of all groups, as scipy takes them."""
    if not space.constraints:
        return ()
    slopes, bounds = space.unit_constraints()
    points = int(np.prod(shape[:-1]))
    matrix = np.kron(np.eye(points), slopes)
    bound = np.tile(bounds - _MARGIN * np.abs(slopes).sum(axis=1), points)
    return {"type": "ineq", "fun": lambda x: bound - matrix @ x, "jac": lambda x: -matrix}


def _neighbours(space: SearchSpace, group: np.ndarray) -> np.ndarray:
    """Groups in which one discrete value of one point is another, shape (b, q, d)."""
    changed = [group]
    for column, parameter in enumerate(space):
        for point in range(len(group) if parameter.choices else 0):
            for place in _others(parameter, group[point, column]):
                changed.append(group.copy())
                changed[-1][point, column] = place
    return _allowed(space, np.array(changed))


def _others(parameter: Parameter, place: float) -> np.ndarray:
    """All categories, or integers at some distances."""
    if parameter.kind == "categorical":
        return parameter.to_unit(np.array(parameter.levels, dtype=object))
    values = parameter.from_unit(np.array([place]))[0] + np.array(_JUMPS)
    return parameter.to_unit(values[(values >= parameter.low) & (values <= parameter.high)])
