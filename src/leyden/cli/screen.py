"""`leyden screen`: compositions by the billion, ion pairs by the million."""

from __future__ import annotations

import itertools
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leyden.cli.console import note, table
from leyden.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from leyden.screening.engine import Screening

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Candidates by the billion, the best of them kept.")

_BEST = 10
_FILES = ("score", "file", "model")
"""Keys of a job, and of its criteria and models, that name a file."""

_LISTS = ("ions", "models")
"""Keys that name several."""

_CATALOGUE = "catalogue"
"""Of ions: stands for no file."""

JobFile = Annotated[
    Path, typer.Argument(metavar="JOB", help="TOML file: what is screened, and by what.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-w", help="Processes (default: this one, all its processors).", min=1
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="Dask scheduler to use instead: tcp://HOST:8786."),
]
Shown = Annotated[bool, typer.Option("--progress/--no-progress", help="Show a bar on a terminal.")]


@app.callback()
def screen() -> None:
    """Candidates by the billion, the best of them kept."""


@app.command(no_args_is_help=True)
def compositions(
    ctx: typer.Context,
    job: JobFile,
    out: Out,
    keep: Annotated[
        int | None, typer.Option("--keep", "-k", help="Best candidates to keep.", min=1)
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    progress: Shown = True,
) -> None:
    """Screen all compositions of an anchor element and up to three others.

    Writes rows.parquet (the best candidates), manifest.json (the counts) and screening.toml (the
    job with every default). Finished shards are kept: a screening that was stopped, or killed, goes
    on where it was when it is run again, with as many workers as you like.

    Example: `leyden screen compositions job.toml -o runs/screening`, where job.toml is

        keep = 1000
        score = "score.json"
        criteria = ["not-radioactive", "score", "neutral", { kind = "cost", maximum = 100.0 }]
    """
    from leyden.screening.compositions import job_from_dict

    _check_places(workers, scheduler)
    described = _read(job)
    with _mistakes_of(job):
        screening = job_from_dict(described if keep is None else {**described, "keep": keep})
    if scheduler is not None:
        screening = replace(screening, threads=1)
    _run(ctx, screening, out, workers, scheduler, progress)


@app.command("ion-pairs", no_args_is_help=True)
def ion_pairs(
    ctx: typer.Context,
    job: JobFile,
    out: Out,
    workers: Workers = None,
    scheduler: Scheduler = None,
    progress: Shown = True,
) -> None:
    """Screen all pairs of a list of cations and a list of anions.

    Writes rows.parquet (the Pareto front of the objectives), shards/*.parquet (all pairs that
    pass), ions.csv (each given ion, and why it is not screened), manifest.json (the counts) and
    screening.toml (the job with every default). A screening that was stopped, or killed, goes on
    where it was when it is run again.

    Example: `leyden screen ion-pairs job.toml -o runs/electrolytes`, where job.toml is

        ions = ["ions.csv"]
        models = ["melting.leyden", "viscosity.leyden", "conductivity.leyden"]
        criteria = ["melting_point_K < 298", "viscosity_mPa_s < 50", { at_most = "ions seen" }]
        objectives = ["max conductivity_mS_per_cm", "min viscosity_mPa_s"]
    """
    from leyden.screening.ion_pairs import pair_job_from_dict

    _check_places(workers, scheduler)
    with _mistakes_of(job):
        screening = pair_job_from_dict(_read(job))
    ions = {"ions.csv": screening.checked.to_csv(index=False)}
    _run(ctx, screening, out, workers, scheduler, progress, ions, ("cation", "anion"))


def _check_places(workers: int | None, scheduler: str | None) -> None:
    if workers is not None and scheduler is not None:
        raise InputError(
            "workers are processes of this machine, and a scheduler has its own",
            remedy="give --workers or --scheduler",
        )


@contextmanager
def _mistakes_of(job: Path) -> Iterator[None]:
    """Mistakes that name no file are those of the job."""
    try:
        yield
    except InputError as error:
        raise error.at(file=error.file or job) from error


def _run(
    ctx: typer.Context,
    job: Any,
    out: Path,
    workers: int | None,
    scheduler: str | None,
    progress: bool,
    beside: Mapping[str, str] | None = None,
    hidden: Sequence[str] = (),
) -> None:
    """Run a job in its folder, its expanded description and other texts beside the results."""
    from leyden.artefact import writing
    from leyden.recipe.text import to_toml
    from leyden.screening.engine import run
    from leyden.screening.kept_shards import KeptShards

    for remark in job.remarks():
        note(remark)
    KeptShards(out, job)  # refuses the folder of another job, before anything is written
    for name, text in {"screening.toml": to_toml(job.to_dict()), **(beside or {})}.items():
        with writing(out / name) as file:
            file.write(text.encode())
    ctx.meta["leyden.resume"] = (
        f"finished shards are kept in {out}; the same command goes on from there"
    )
    began = time.perf_counter()
    with _executor(scheduler) as executor:
        result = run(job, out, executor=executor, workers=workers, progress=progress)
    _show(result, hidden)
    note(f"{result.candidates:,} candidates in {time.perf_counter() - began:,.1f} s")
    typer.echo(out / "rows.parquet")


def _read(path: Path) -> dict[str, Any]:
    """The tables of a job, its file names relative to where it stands."""
    try:
        described = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"the job cannot be read: {reason}", file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the job is not TOML: {error}", file=path) from error
    criteria = described.get("criteria")
    models = described.get("models")
    lists = [own for own in (criteria, models) if isinstance(own, list)]
    for part in [described, *itertools.chain(*lists)]:
        for key in _FILES if isinstance(part, dict) else ():
            if isinstance(part.get(key), str):
                part[key] = str(path.parent / part[key])
    for key in _LISTS:
        if isinstance(described.get(key), list):
            described[key] = [
                str(path.parent / own) if isinstance(own, str) and own != _CATALOGUE else own
                for own in described[key]
            ]
    return described


@contextmanager
def _executor(scheduler: str | None) -> Iterator[Executor | None]:
    from leyden.screening.workers import dask_workers

    if scheduler is None:
        yield None
        return
    with dask_workers(scheduler) as executor:
        yield executor


def _show(result: Screening, hidden: Sequence[str]) -> None:
    """The funnel and the best rows."""
    table(
        ("criterion", "candidates", "share"),
        [
            (str(row.criterion), f"{row.candidates:,}", f"{row.share:.4%}")
            for row in result.funnel.itertuples()
        ],
    )
    best = result.rows.head(_BEST).drop(columns=["key", *hidden])
    shown = best.to_dict("records")
    table(list(best.columns), [[_text(value) for value in row.values()] for row in shown])


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
