"""The command line: `leyden COMMAND --help` tells what each command does, with examples.

A mistake of the user is one line on standard error and exit code 2; a stopped command ends with
130 and says how to go on.  Standard output carries results only.
"""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import leyden
from leyden.cli import data, dynamics, explain, explore, learning, screen, studies
from leyden.errors import LeydenError

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """Tells errors in one line, wherever they come from."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LeydenError as error:
            if ctx.meta.get("leyden.debug"):
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as stop:
            resume = ctx.meta.get("leyden.resume", "no result was written")
            typer.echo(f"stopped: {resume}", err=True)
            raise typer.Exit(130) from stop


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leyden {leyden.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error: leyden --debug fit ...")
    ] = False,
) -> None:
    """Leyden learns battery materials from little data, and says whether transfer helped."""
    ctx.meta["leyden.debug"] = debug


app.add_typer(data.app, name="data")
app.command(no_args_is_help=True)(learning.fit)
app.command(no_args_is_help=True)(learning.evaluate)
app.command(no_args_is_help=True)(learning.predict)
app.command(no_args_is_help=True)(explain.explain)
app.add_typer(screen.app, name="screen")
app.add_typer(explore.app, name="explore")
app.add_typer(dynamics.app, name="dynamics")
app.add_typer(studies.app, name="study")


def main() -> None:
    """Entry point of the program `leyden`."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    app()


def _show_warning(message: Warning | str, *_: Any) -> None:
    typer.echo(f"warning: {message}", err=True)
