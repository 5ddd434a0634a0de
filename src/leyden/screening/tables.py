"""Objects from the tables of a file: what is wrong with a table is an error of the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from leyden.errors import InputError, did_you_mean

__all__ = ["check_keys", "made"]

T = TypeVar("T")


def check_keys(plain: Any, known: Iterable[str], what: str, otherwise: str | None = None) -> None:
    """Refuse what is no table, and a key that is not known."""
    if not isinstance(plain, Mapping):
        raise InputError(f"{what} is a table", value=plain)
    known = list(known)
    for key in plain:
        if key not in known:
            remedy = did_you_mean(str(key), known, otherwise)
            raise InputError(f"unknown key of {what}", value=key, remedy=remedy)


def made(make: Callable[..., T], values: Mapping[str, Any], what: str) -> T:
    """What `make` makes of the values; those of a wrong type are refused in one line."""
    try:
        return make(**values)
    except InputError:
        raise
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(f"a value of {what} has the wrong type", value=dict(values)) from error
