"""The errors that Leyden raises at its edges.

Every message answers four questions: where (file, row), what (the value), which rule it broke,
and how to mend it.  `assert` is kept for our own bugs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ArtefactError",
    "IncompatibleError",
    "InputError",
    "LeakageError",
    "LeydenError",
    "MissingExtraError",
    "did_you_mean",
    "shorten",
]


class LeydenError(Exception):
    """Base class: `except LeydenError` catches whatever Leyden itself reports."""


class InputError(LeydenError, ValueError):
    """A file, row or value that the user can mend.

    Parameters
    ----------
    rule : str
        The rule that was broken, as a sentence without a full stop.
    value : object, optional
        The offending value; shown by `repr`, shortened to 80 characters.
    file : str or path, optional
        The file in which the value stands.
    row : int or str, optional
        The row (counted from 1, header not counted) or the id of the item.
    remedy : str, optional
        What the user can do.

    Examples
    --------
    >>> print(InputError("a lattice must be finite", value=float("nan"), file="a.cif", row=3,
    ...                  remedy="relax the structure again"))
    a.cif, row 3: a lattice must be finite (got nan). Remedy: relax the structure again.
    """

    def __init__(
        self,
        rule: str,
        *,
        value: object = None,
        file: object = None,
        row: int | str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.rule, self.value, self.file, self.row, self.remedy = rule, value, file, row, remedy
        super().__init__(rule)

    def __str__(self) -> str:
        place = ", ".join(
            str(part)
            for part in (self.file, None if self.row is None else f"row {self.row}")
            if part is not None
        )
        shown = "" if self.value is None else f" (got {shorten(self.value)})"
        remedy = ""
        if self.remedy is not None:
            remedy = f" Remedy: {self.remedy}" + ("" if self.remedy.endswith("?") else ".")
        return f"{place + ': ' if place else ''}{self.rule}{shown}.{remedy}"

    def at(self, *, file: object = None, row: int | str | None = None) -> InputError:
        """The same error with its place filled in, where the caller knows it better."""
        return type(self)(
            self.rule,
            value=self.value,
            file=self.file if file is None else file,
            row=self.row if row is None else row,
            remedy=self.remedy,
        )

    def __reduce__(self) -> tuple[object, ...]:  # errors cross process borders
        return (_rebuild, (type(self), self.rule, self.value, self.file, self.row, self.remedy))


class LeakageError(LeydenError):
    """A row that is scored has been seen, or would be seen, in training."""


class IncompatibleError(LeydenError, ValueError):
    """Two things that do not fit each other: units, targets, representations, shapes."""


class ArtefactError(LeydenError):
    """A saved file that is truncated, altered, or of a schema that is not known."""


class MissingExtraError(LeydenError, ImportError):
    """An optional dependency is needed.

    Parameters
    ----------
    module : str
        The module that could not be imported.
    extra : str
        The extra of Leyden that brings it.
    """

    def __init__(self, module: str, extra: str) -> None:
        self.module, self.extra = module, extra
        super().__init__(f"{module} is not installed. Remedy: pip install 'leyden[{extra}]'.")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.module, self.extra))


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """A remedy for a name that is not known: the nearest one, or `otherwise`, or the choice.

    Examples
    --------
    >>> did_you_mean("flla-2051", ["flla-2015", "obelix"])
    "did you mean 'flla-2015'?"
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close and close[0] != name:
        return f"did you mean {close[0]!r}?"
    return otherwise or f"choose from {', '.join(names)}"


def shorten(value: object, width: int = 80) -> str:
    """`repr(value)`, cut in its middle: the end of a path tells more than its middle.

    A number of numpy is shown as Python's.

    Examples
    --------
    >>> len(shorten("x" * 1000))
    80
    >>> import numpy as np
    >>> shorten(np.float64(0.5))
    '0.5'
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    text = repr(value)
    head = (width - 3) // 2
    return text if len(text) <= width else f"{text[:head]}...{text[head + 3 - width :]}"


def _rebuild(kind, rule, value, file, row, remedy):  # type: ignore[no-untyped-def]
    return kind(rule, value=value, file=file, row=row, remedy=remedy)
