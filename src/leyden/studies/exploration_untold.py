"""What cannot be told: of one part, and why, while all others are told."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from leyden.errors import LeydenError

__all__ = ["telling"]


@contextmanager
def telling(untold: MutableMapping[str, str], what: str) -> Iterator[None]:
    """Whatever goes wrong with one part is noted as the reason why nothing is told of it.

    Days of simulation stand behind a page, and a damaged folder, a missing extra or too few rows
    are no reason to leave the rest of it out. Only an AssertionError, our own bug, ends it.

    Parameters
    ----------
    untold : mapping of str to str
        To which the reason is added.
    what : str
        The part.
    """
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        known = isinstance(error, LeydenError)
        why = str(error) if known else f"{type(error).__name__}: {error}"
        untold[what] = why.rstrip(".")  # it becomes the end of a sentence
