"""The representation of a network as JSON can hold it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from leyden.artefact import KINDS, class_of

__all__ = ["described", "rebuilt"]


def described(value: Any) -> Any:
    """A representation, and those that it holds, as nested mappings of kind and fields."""
    if isinstance(value, tuple | list):
        return [described(part) for part in value]
    if not hasattr(value, "kind"):
        return value
    names = [field.name for field in dataclasses.fields(value)]  # no class variables
    return {"kind": value.kind, **{name: described(getattr(value, name)) for name in names}}


def rebuilt(description: Any, family: type = object) -> Any:
    """The inverse of `described`, for `family` and all registered kinds; None for another kind."""
    if isinstance(description, list):
        return [rebuilt(part) for part in description]
    if not isinstance(description, Mapping):
        return description
    fields = {name: rebuilt(value) for name, value in description.items()}
    kind = fields.pop("kind")
    if kind == getattr(family, "kind", None):
        return family(**fields)
    return class_of(kind)(**fields) if kind in KINDS else None
