"""A bar for what takes more than seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(what: str, total: int | None, wanted: bool) -> Iterator[Callable[[int], object]]:
    """A bar on standard error, if that is a terminal.

    Parameters
    ----------
    what : str
        Its label.
    total : int or None
        None where it is not known how much there is to do: the bar only shows that work goes on.
    wanted : bool
        False for none.

    Yields
    ------
    callable
        Told how many are finished in all.
    """
    if not wanted or not sys.stderr.isatty():
        yield lambda finished: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda finished: bar.update(task, completed=finished)
