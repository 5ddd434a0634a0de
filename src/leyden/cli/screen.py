"""`leyden screen`: candidates by the billion."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
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
"""Keys of a job that name a file."""


@app.callback()
def screen() -> None:
    """Candidates by the billion, the best of them kept."""


@app.command(no_args_is_help=True)
def compositions(
    ctx: typer.Context,
    job: Annotated[
        Path, typer.Argument(metavar="JOB", help="TOML file: score, criteria, and what to keep.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")],
    keep: Annotated[
        int | None, typer.Option("--keep", "-k", help="Best candidates to keep.", min=1)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", help="Processes (default: this one, all its processors).", min=1
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", help="Dask scheduler to use instead: tcp://HOST:8786."),
    ] = None,
    progress: Annotated[
        bool, typer.Option("--progress/--no-progress", help="Show a bar on a terminal.")
    ] = True,
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
    from leyden.artefact import writing
    from leyden.recipe.text import to_toml
    from leyden.screening.compositions import job_from_dict
    from leyden.screening.engine import run
    from leyden.screening.kept_shards import KeptShards

    if workers is not None and scheduler is not None:
        raise InputError(
            "workers are processes of this machine, and a scheduler has its own",
            remedy="give --workers or --scheduler",
        )
    described = _read(job)
    try:
        screening = job_from_dict(described if keep is None else {**described, "keep": keep})
    except InputError as error:
        raise error.at(file=error.file or job) from error
    for remark in screening.remarks():
        note(remark)
    KeptShards(out, screening)  # refuses the folder of another job, before anything is written
    with writing(out / "screening.toml") as file:
        file.write(to_toml(screening.to_dict()).encode())
    ctx.meta["leyden.resume"] = (
        f"finished shards are kept in {out}; the same command goes on from there"
    )
    began = time.perf_counter()
    with _executor(scheduler) as executor:
        if executor is not None:
            screening = replace(screening, threads=1)
        result = run(screening, out, executor=executor, workers=workers, progress=progress)
    _show(result)
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
    for part in [described, *(criteria if isinstance(criteria, list) else [])]:
        for key in _FILES if isinstance(part, dict) else ():
            if isinstance(part.get(key), str):
                part[key] = str(path.parent / part[key])
    return described


@contextmanager
def _executor(scheduler: str | None) -> Iterator[Executor | None]:
    from leyden.screening.workers import dask_workers

    if scheduler is None:
        yield None
        return
    with dask_workers(scheduler) as executor:
        yield executor


def _show(result: Screening) -> None:
    """The funnel and the best rows."""
    table(
        ("criterion", "candidates", "share"),
        [
            (str(row.criterion), f"{row.candidates:,}", f"{row.share:.4%}")
            for row in result.funnel.itertuples()
        ],
    )
    best = result.rows.head(_BEST).drop(columns="key")
    shown = best.to_dict("records")
    table(list(best.columns), [[_text(value) for value in row.values()] for row in shown])


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
