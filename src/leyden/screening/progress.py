"""A progress bar of candidates, with their rate and the remaining time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]

_PERIOD = 600.0
"""Seconds over which the remaining time is estimated; a shard may take minutes."""


@contextmanager
def progress_bar(
    what: str, total: int, done: int, wanted: bool
) -> Iterator[Callable[[int], object]]:
    """A bar on standard error, if that is a terminal.

    Parameters
    ----------
    what : str
        Its label.
    total, done : int
        Candidates in all, and those finished before.
    wanted : bool
        False for none.

    Yields
    ------
    callable
        Told the number of candidates that are newly finished.
    """
    if not wanted or not sys.stderr.isatty():
        yield lambda candidates: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        Remaining(elapsed_when_finished=True),
    )
    began, now = time.perf_counter(), 0
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=_PERIOD) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="")

        def advance(candidates: int) -> None:
            nonlocal now
            now += candidates
            rate = now / max(time.perf_counter() - began, 1e-9)
            bar.update(task, advance=candidates, rate=f"{si(rate)} candidates/s")

        yield advance


def si(number: float) -> str:
    """Three digits and a prefix.

    Examples
    --------
    >>> si(328_600_000.0), si(42.0)
    ('329 M', '42 ')
    """
    for prefix, unit in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= unit:
            return f"{number / unit:.3g} {prefix}"
    return f"{number:.3g} "
