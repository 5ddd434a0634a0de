"""`leyden data`: what there is, from where, under which licence."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from leyden.cli.console import table

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Data sets: what there is, and how to get it.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `leyden data list` shows it.")]


@app.command("list")
def list_() -> None:
    """List the data sets of the catalogue, and which of them are here.

    Piped into another program, the list is tab-separated: `leyden data list | cut -f1`
    """
    from leyden.data.catalog import cards, data_home

    home = data_home()
    table(
        ("name", "rows", "items", "here", "licence", "what"),
        [
            (
                card.name,
                f"{card.rows:,}" if sys.stdout.isatty() else str(card.rows),
                " and ".join(sorted({part.items for part in card.tables})),
                "yes" if (home / card.place).is_dir() else "no",
                card.licence,
                card.title,
            )
            for card in cards()
        ],
    )


@app.command()
def show(name: Name) -> None:
    """Show the card of a data set: source, licence, targets with units, and what leaks."""
    from leyden.data.catalog import card, data_home
    from leyden.data.sources import fetchable

    found = card(name)
    here = data_home() / found.place
    absent = f"leyden data fetch {name}"
    if found.source["kind"] == "derived":
        absent = f"made of {found.source['of']}"
    elif "simulator" in found.source:
        absent = f"calculated with {found.source['simulator']}"
    elif not fetchable(found):
        absent = f"get it from the address, put {', '.join(found.files)} there"
    lines = [
        f"{found.name}: {found.title}",
        f"folder       {here}" + ("" if here.is_dir() else f"  (absent: {absent})"),
        "source       " + ", ".join(f"{key} {value}" for key, value in found.source.items()),
        f"address      {found.url}",
        f"licence      {found.licence}",
    ]
    lines += [f"doi          {found.doi}"] if found.doi else []
    lines += [f"attribution  {found.attribution}"] if found.attribution else []
    for part in found.tables:
        lines.append(f"table        {', '.join(part.files)}: {part.rows:,} rows of {part.items}")
        for label in ("targets", "groups", "conditions", "extra"):
            names = ", ".join(getattr(part, label))
            lines += [f"  {label:<11}{names}"] if names else []
    lines += [f"beware       {warning}" for warning in found.leakage]
    typer.echo("\n".join(lines))


@app.command("fetch")
def fetch_(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="One or more names.")],
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is here.")] = False,
) -> None:
    """Fetch data sets from their official sources into the data home (LEYDEN_DATA).

    Hashes are checked, and an interrupted fetch leaves nothing behind. Packages of the Python index
    come through your own pip configuration; Materials Project data need your key in MP_API_KEY.

    Example: `leyden data fetch flla-2015 elastic-tensor-2015`
    """
    from leyden.data.cards import card
    from leyden.data.sources import fetch

    for name in names:  # a misspelt name stops the command before anything is fetched
        card(name)
    for name in names:
        typer.echo(f"{name}: {fetch(name, force=force)}")
