"""What the commands share: tables, notes on standard error, and folders that belong to one job."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from leyden.errors import InputError

__all__ = ["claim_folder", "note", "table"]


def note(text: str) -> None:
    """A line for people; results go to standard output, and this does not."""
    typer.echo(text, err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; tab-separated lines in a pipe."""
    if not sys.stdout.isatty():
        typer.echo("\n".join("\t".join(row) for row in [columns, *rows]))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)


def claim_folder(folder: Path, recipe: str, force: bool, source: Path) -> bool:
    """Make `folder` the home of this job, and tell whether it was that already.

    The folder belongs to the job whose expanded recipe is in its recipe.toml; `source` is the file
    that the user wrote, which is never written over.

    Raises
    ------
    InputError
        It belongs to another job, or holds other files, and `force` is not given; or it cannot be
        written.
    """
    from leyden.artefact import writing

    mine = folder / "recipe.toml"
    if mine.is_file():
        if mine.read_text(encoding="utf-8") == recipe:
            return True
        if mine.samefile(source):
            raise InputError(
                "the results would replace the recipe itself",
                file=mine,
                remedy="choose another folder",
            )
        trouble = "the folder holds the results of another recipe"
    elif folder.is_dir() and any(folder.iterdir()):
        trouble = "the folder is not empty, and no recipe.toml says whose it is"
    else:
        trouble = ""
    if trouble and not force:
        raise InputError(
            trouble, file=folder, remedy="choose another folder, or replace it with --force"
        )
    with writing(mine) as file:
        file.write(recipe.encode())
    return False
