"""`leyden explore`: what to simulate or measure next."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leyden.cli.console import note, table
from leyden.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from leyden.exploration.campaign import Campaign
    from leyden.exploration.campaign_file import CampaignPlan

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="What to simulate or measure next, by what was found so far."
)

_FILE = "campaign.db"

File = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="File of the campaign, or its folder.")
]


@app.callback()
def explore() -> None:
    """What to simulate or measure next, by what was found so far."""


@app.command(no_args_is_help=True)
def new(
    campaign: File,
    polymer: Annotated[
        str | None,
        typer.Option(
            "--polymer",
            help="Search space of the built-in simulator: anion, 'secondary site' or backbone.",
        ),
    ] = None,
    ns: Annotated[float, typer.Option("--ns", help="Length of its simulations.")] = 2.0,
    described: Annotated[
        Path | None,
        typer.Option("--from", help="TOML file: parameters, objectives, command."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="How rows are proposed (default: local penalisation)."),
    ] = None,
    initial: Annotated[
        int | None, typer.Option("--initial", help="Random rows at first (default: 20).", min=0)
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Equal seeds give equal first rows.", min=0)
    ] = None,
    prior: Annotated[
        Path | None,
        typer.Option("--prior", help="An earlier campaign, or a CSV of results: another task."),
    ] = None,
) -> None:
    """Begin a campaign.

    A name without an ending is a folder, which gets campaign.db.

    Example: `leyden explore new runs/anion --polymer anion --ns 2`

    Example: `leyden explore new runs/mine --from campaign.toml`, where campaign.toml is

        [parameters.temperature_C]
        low = 20
        high = 90

        [objectives.yield_percent]

        [command]
        template = "python measure.py --temperature {temperature_C}"

    Without [command] the results come from you: `leyden explore suggest`, then `tell`.
    """
    from leyden.exploration.campaign import Campaign

    plan = _plan(polymer, ns, described)
    given = {"method": method, "initial": initial, "random_state": seed}
    settings = {**plan.settings, **{k: v for k, v in given.items() if v is not None}}
    try:
        made = Campaign.create(
            _path(campaign, new=True),
            plan.space,
            plan.objectives,
            prior=None if prior is None else _prior(prior, plan.objectives),
            evaluator=None if plan.evaluator is None else plan.evaluator.to_dict(),
            **settings,
        )
    except InputError as error:  # what names a row and no file stands in the prior one
        raise error.at(file=error.file or (prior if error.row else None)) from error
    found = made.status().prior
    note(f"{len(made.space)} parameters, {made.method}" + (f"; {found} prior rows" * bool(found)))
    typer.echo(made.path)


@app.command(no_args_is_help=True)
def suggest(
    campaign: File,
    n: Annotated[int, typer.Option("-n", help="How many.", min=1)] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="CSV file to fill in (default: standard output)."),
    ] = None,
) -> None:
    """Tell what to try next.

    The table has a blank column for each result. Fill it in and give it to `leyden explore tell`;
    a row that will not be done gets the outcome `withdrawn`.

    Example: `leyden explore suggest runs/mine -n 4 -o next.csv`
    """
    opened = _open(campaign)
    if out is not None and out.exists():
        raise InputError("there is a file of this name", file=out, remedy="choose another name")
    rows = opened.suggest(n)
    blank = [f"{o.name}{end}" for o in opened.objectives for end in ("", "_error")]
    text = rows.reindex(columns=[*rows.columns, *blank, "outcome"]).to_csv(
        index=False, lineterminator="\n"
    )
    if out is None:
        typer.echo(text, nl=False)
        return
    _write(out, text)
    typer.echo(out)


@app.command(no_args_is_help=True)
def tell(
    campaign: File,
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="CSV file.")],
    replicate: Annotated[
        bool,
        typer.Option("--replicate", help="Another value for a known row is a second measurement."),
    ] = False,
) -> None:
    """Take results: rows of `suggest` by their id, or experiments of your own.

    Rows without a value wait for another time; the same file may be told again. Nothing is kept of
    a file with a mistake in it.

    Example: `leyden explore tell runs/mine next.csv`
    """
    told = _open(campaign).tell(results, replicate=replicate)
    parts = [(told.new, "new"), (told.known, "known before"), (told.waiting, "without a result")]
    note(", ".join(f"{count:,} {what}" for count, what in parts if count) or "no rows")


@app.command(no_args_is_help=True)
def run(
    ctx: typer.Context,
    campaign: File,
    evaluations: Annotated[
        int, typer.Option("--evaluations", "-n", help="In all, earlier ones among them.", min=1)
    ],
    workers: Annotated[
        int, typer.Option("--workers", "-w", help="Evaluations at a time.", min=1)
    ] = 2,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds that one may take.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", help="Propose so many at once (default: as workers are free)."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Dask scheduler to use: tcp://HOST:8786.")
    ] = None,
    progress: Annotated[
        bool, typer.Option("--progress/--no-progress", help="Show a bar on a terminal.")
    ] = True,
) -> None:
    """Propose and evaluate until there are enough; writes results.csv beside the campaign.

    It may be stopped or killed at any moment: the same command goes on where it was.

    Example: `leyden explore run runs/anion --evaluations 60 --workers 2 --timeout 3600`
    """
    from contextlib import nullcontext

    from leyden.exploration.campaign_loop import Plan
    from leyden.screening.workers import dask_workers

    opened = _open(campaign)
    Plan(evaluations, workers, batch, timeout)
    ctx.meta["leyden.resume"] = "what was finished is kept; the same command goes on from there"
    if (opened.evaluator or {}).get("kind") == "command":
        note(f"runs {(opened.evaluator or {})['template']}")
    began = time.perf_counter()
    place: Any = nullcontext() if scheduler is None else dask_workers(scheduler)
    with place as executor:
        opened.run(
            evaluations=evaluations,
            workers=workers,
            batch=batch,
            timeout_s=timeout,
            executor=executor,
            progress=progress,
        )
    out = opened.path.with_name("results.csv" if opened.path.name == _FILE else
                                f"{opened.path.stem}-results.csv")  # fmt: skip
    _write(out, opened.history().to_csv(index=False, lineterminator="\n"))
    _show(opened)
    note(f"{time.perf_counter() - began:,.1f} s")
    typer.echo(out)


@app.command(no_args_is_help=True)
def retry(
    campaign: File,
    ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID]...", help="Rows (default: all that failed)."),
    ] = None,
) -> None:
    """Take answers back: the rows are evaluated again by the next `run`.

    By default those that crashed, were timed out, or told no result. Former answers stay in the
    details of their rows; what a simulation has finished is not simulated again.

    Example: `leyden explore retry runs/anion 7 12`
    """
    again = _open(campaign).retry(ids or None)
    note(f"{len(again)} rows wait again" + (f": {', '.join(map(str, again))}" if again else ""))


@app.command(no_args_is_help=True)
def status(
    campaign: File,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV file of all evaluations.")
    ] = None,
) -> None:
    """Tell how a campaign stands, also while it runs.

    Example: `leyden explore status runs/anion -o results.csv`
    """
    opened = _open(campaign)
    _show(opened)
    if out is not None:
        _write(out, opened.history().to_csv(index=False, lineterminator="\n"))
        typer.echo(out)


@app.command(no_args_is_help=True)
def report(
    campaign: File,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of report.html.")],
    reference: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            metavar="NAME=VALUE",
            help="A known row, a parameter at a time (default: PEO-LiTFSI for the simulator).",
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option("--folds", help="Of held-out predictions; 0 for none.", min=0)
    ] = 10,
) -> None:
    """Tell what was learned: the best, what matters, landscapes, and how far to believe it.

    Example: `leyden explore report runs/anion -o report`
    """
    import leyden
    from leyden.report.exploration import campaign_report, reference_row

    opened = _open(campaign)
    row = reference_row(reference, opened.space) if reference else None
    command = shlex.join(["leyden", *sys.argv[1:]])
    page = campaign_report(
        opened, command=command, version=leyden.__version__, reference=row, folds=folds
    )
    typer.echo(page.write(out / "report.html"))


def _plan(polymer: str | None, ns: float, described: Path | None) -> CampaignPlan:
    from leyden.exploration.campaign_file import polymer_plan, read_plan

    if (polymer is None) == (described is None):
        raise InputError(
            "a campaign is one of the built-in simulator or one of your own",
            remedy="give --polymer, or --from with a TOML file",
        )
    return read_plan(described) if described is not None else polymer_plan(str(polymer), ns)


def _path(campaign: Path, new: bool = False) -> Path:
    """The file of a campaign that is named by it, or by its folder."""
    folder = campaign.is_dir() or (new and not campaign.suffix)
    return campaign / _FILE if folder else campaign


def _open(campaign: Path) -> Campaign:
    from leyden.exploration.campaign import Campaign

    return Campaign.open(_path(campaign))


def _prior(path: Path, objectives: Sequence[Any]) -> Any:
    """An earlier campaign, or the rows of a table."""
    from leyden.exploration.campaign import Campaign
    from leyden.exploration.told_rows import read_results

    if path.suffix == ".csv":
        rows, _ = read_results(path, objectives)
        return rows
    return Campaign.open(_path(path))


def _write(out: Path, text: str) -> None:
    from leyden.artefact import writing

    with writing(out) as file:
        file.write(text.encode())


def _show(campaign: Campaign) -> None:
    """A few lines for people on standard error, the best rows on standard output."""
    found = campaign.status()
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in found.outcomes.items())
    note(f"{found.finished} evaluations" + (f" ({outcomes})" if outcomes else ""))
    counts = {
        "suggested": found.suggested,
        "running": found.running,
        "withdrawn": found.withdrawn,
        "of other tasks": found.prior,
    }
    if any(counts.values()):
        note(", ".join(f"{count} {what}" for what, count in counts.items() if count))
    if found.driver is not None:
        note(f"run by process {found.driver}")
    if math.isfinite(found.overhead):
        note(
            f"{found.evaluation_cpu_seconds:,.0f} CPU-seconds of evaluations, "
            f"{found.driver_cpu_seconds:,.1f} of the campaign itself ({found.overhead:.2%})"
        )
    if len(found.best):
        _show_best(found.best, campaign)


def _show_best(best: pd.DataFrame, campaign: Campaign) -> None:
    columns = ["id", *campaign.space.names]
    for objective in campaign.objectives:
        columns += [objective.name, f"{objective.name}_error"]
    rows = [
        ["" if value != value else f"{value:.6g}" if isinstance(value, float) else str(value)
         for value in row]
        for row in best[columns].itertuples(index=False)
    ]  # fmt: skip
    table(columns, rows)
