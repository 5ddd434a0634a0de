"""Weights of a network: taken over from another, frozen, moved at rates of their own."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from leyden.errors import IncompatibleError, InputError

__all__ = ["copy_weights", "freeze", "parameter_groups"]


def copy_weights(
    theirs: Mapping[str, torch.Tensor],
    module: nn.Module,
    *,
    anew: tuple[str, ...] = (),
    additions: tuple[str, ...] = (),
) -> None:
    """Fill a module with the parameters and buffers of another.

    Parameters
    ----------
    theirs : mapping of str to Tensor
        A state of the other; it is not changed.
    module : Module
    anew : tuple of str
        What begins so keeps its random weights.
    additions : tuple of str
        What begins so is set to zero if the other has none: what it did not know makes no
        difference at first.

    Raises
    ------
    IncompatibleError
        Another tensor is missing, or has another shape.
    """
    for name, tensor in module.state_dict().items():
        if name.startswith(anew):
            continue
        if name.startswith(additions) and name not in theirs:
            tensor.zero_()
            continue
        if name not in theirs or theirs[name].shape != tensor.shape:
            raise IncompatibleError(
                f"the networks differ in {name}. Remedy: start from a model of the same sizes."
            )
        tensor.copy_(theirs[name])


def freeze(
    module: nn.Module, train: str | Sequence[str], head: Sequence[str], *, batch_norms: bool
) -> list[str]:
    """Stop the gradients of what does not move; names of the batch norms that stand still.

    Parameters
    ----------
    module : Module
    train : {"all", "head"} or sequence of str
        What moves: all, or parameters whose names match one of these patterns.
    head : sequence of str
        The patterns that ``"head"`` stands for.
    batch_norms : bool
        Whether batch norms stand still, though other parameters move.

    Raises
    ------
    InputError
        A pattern matches no parameter.
    """
    patterns = [train] if isinstance(train, str) else list(train)
    if patterns == ["head"]:
        patterns = list(head)
    if patterns != ["all"]:
        moving = _matching(module, patterns)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in moving)
    if not batch_norms:
        return []
    norms = [name for name, part in module.named_modules() if isinstance(part, nn.BatchNorm1d)]
    for name in norms:
        module.get_submodule(name).requires_grad_(False)
    return norms


def parameter_groups(module: nn.Module, factors: Mapping[str, float]) -> list[dict[str, Any]]:
    """What is left to train, in groups with a factor of the learning rate each.

    Parameters
    ----------
    module : Module
    factors : mapping of str to float
        Pattern to factor; the first pattern that matches counts.

    Raises
    ------
    InputError
        A pattern matches no parameter, or nothing is left to train.
    """
    left = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not left:
        raise InputError("no parameter is left to train", remedy="let more patterns move")
    groups: list[dict[str, Any]] = []
    for pattern, factor in factors.items():
        hits = [left.pop(n) for n in sorted(_matching(module, [pattern]) & left.keys())]
        groups.append({"params": hits, "factor": float(factor)})
    groups.append({"params": list(left.values()), "factor": 1.0})
    return [group for group in groups if group["params"]]


def _matching(module: nn.Module, patterns: Sequence[str]) -> set[str]:
    names = [name for name, _ in module.named_parameters()]
    found: set[str] = set()
    for pattern in patterns:
        hits = fnmatch.filter(names, pattern)
        if not hits:
            raise InputError(
                "the pattern matches no parameter",
                value=pattern,
                remedy=f"choose among {', '.join(sorted({n.rpartition('.')[0] for n in names}))}",
            )
        found.update(hits)
    return found
