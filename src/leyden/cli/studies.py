"""`leyden study`: published results, from data to report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from leyden.cli.console import note, table
from leyden.errors import InputError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Published results, from data to report.")


@app.command("list")
def list_() -> None:
    """List the studies."""
    from leyden.studies import studies

    table(("name", "what"), list(studies().items()))


@app.command(no_args_is_help=True)
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the study.")]) -> None:
    """Tell the settings of a study, their defaults and what they do.

    Example: `leyden study show dendrites`
    """
    from leyden.studies import options

    rows = [
        (f"--{one.name.replace('_', '-')}", str(one.default), one.help) for one in options(name)
    ]
    table(("setting", "default", "what"), rows)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    no_args_is_help=True,
)
def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the study.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="A short version that shows that everything works.")
    ] = False,
    members: Annotated[
        int | None, typer.Option("--members", help="Members of the ensemble.", min=1)
    ] = None,
) -> None:
    """Run a study: writes results.json and report.html.

    A study that was stopped goes on where it was when it is run again with the same folder. Further
    settings of a study are given as `--name value`; `leyden study show NAME` tells them.

    Example: `leyden study run dendrites --members 10 --splits 2 -o runs/dendrites`
    """
    from leyden import studies

    settings = _settings(ctx.args)
    if members is not None:
        settings["members"] = members
    ctx.meta["leyden.resume"] = (
        f"what was done is kept in {out}; the same command goes on from there"
    )
    result = studies.run(name, out, quick=quick, **settings)
    for claim in result.claims:
        shown = "not measured" if claim.measured is None else f"{claim.measured:.4g} {claim.unit}"
        verdict = {True: "holds", False: "does not hold", None: ""}[claim.holds]
        note(f"{claim.id:<40} {shown:<24} {verdict}".rstrip())
    typer.echo(out / "report.html")


def _settings(words: list[str]) -> dict[str, Any]:
    """``--name value`` and ``--name=value`` as a mapping."""
    settings: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not name.startswith("--"):
            raise InputError("a setting is given as --name value", value=word)
        if not equals:
            value = next(rest, "")
        if not value:
            raise InputError("this setting needs a value", value=name)
        settings[name.removeprefix("--").replace("-", "_")] = value
    return settings
