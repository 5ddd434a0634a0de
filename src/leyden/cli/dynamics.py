"""`leyden dynamics`: what atoms do in a trajectory."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import leyden
from leyden.cli.console import note
from leyden.errors import InputError

if TYPE_CHECKING:
    from leyden.cli.result_folder import ResultFolder
    from leyden.cli.trajectories import Part, Reading
    from leyden.dynamics import DynamicsModel, GraphDynamics, StateChoice

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="What atoms do in a trajectory: their states, how fast they change, what carries current.",
)

_FREE = {"ctx", "out", "store", "force", "progress"}  # what results do not depend on

Trajectories = Annotated[
    list[Path],
    typer.Argument(
        metavar="TRAJECTORY...",
        help="LAMMPS dump, DCD, XTC or extended XYZ; several are runs of the same system.",
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")]
Targets = Annotated[
    str | None, typer.Option("--targets", help="Species whose states are wanted, such as Li.")
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="AXIS:LOW:HIGH",
        help="Only atoms that begin in this slab, in angstrom: z:10:20. "
        "With :mean, those whose mean place is there; with :fraction, in parts of the cell.",
    ),
]
Topology = Annotated[
    Path | None, typer.Option("--topology", help="File with names, charges and molecules.")
]
TimeStep = Annotated[
    float | None, typer.Option("--time-step-ps", help="Between stored frames, if no file says it.")
]
Units = Annotated[
    str | None,
    typer.Option("--units", help="Unit style of LAMMPS, or angstrom a unit (default: the file's)."),
]
Species = Annotated[
    str | None,
    typer.Option("--species", help="Names of types, 1=Li,2=S; or of all atoms, Li,S,S,S,S."),
]
Cell = Annotated[
    str | None,
    typer.Option("--cell", help="Edges a,b,c in angstrom, of files without a cell."),
]
Wrapped = Annotated[
    bool | None,
    typer.Option("--wrapped/--unwrapped", help="What the coordinates are, if it cannot be told."),
]
AsIs = Annotated[
    bool,
    typer.Option("--as-is", help="Unwrapped, even if coordinates jump to and fro in one cell."),
]
Charges = Annotated[str | None, typer.Option("--charges", help="In e, by species: Li=1,TFSI=-1.")]
Temperature = Annotated[
    float | None, typer.Option("--temperature-K", help="For conductivities.", min=0)
]
Store = Annotated[
    Path | None,
    typer.Option("--store", help="Folder for what is too large for memory (default: OUT/store)."),
]
Reversible = Annotated[
    bool,
    typer.Option("--reversible/--not-reversible", help="Whether the run is at equilibrium."),
]
Seed = Annotated[int, typer.Option("--seed", help="Equal seeds give equal results.", min=0)]
Shown = Annotated[bool, typer.Option("--progress/--no-progress", help="Show a bar on a terminal.")]
States = Annotated[
    str, typer.Option("--states", help="How many; of several, such as 2,3,4, the fewest that do.")
]
Lag = Annotated[float, typer.Option("--lag-ps", help="Time over which states foresee themselves.")]
TestFraction = Annotated[
    float,
    typer.Option(
        "--test-fraction", help="Last part of each trajectory: measured on, never learned from."
    ),
]
Neighbours = Annotated[int, typer.Option("--neighbours", help="Of an atom.", min=1)]
Convolutions = Annotated[int, typer.Option("--convolutions", help="Steps that are seen.", min=1)]
Epochs = Annotated[int, typer.Option("--epochs", help="Passes over all pairs of frames.", min=1)]
Restarts = Annotated[int, typer.Option("--restarts", help="Trainings; the best is kept.", min=1)]
Force = Annotated[
    bool, typer.Option("--force", help="Replace the results of other settings in the folder.")
]


@app.callback()
def dynamics() -> None:
    """What atoms do in a trajectory."""


@app.command(no_args_is_help=True)
def fit(
    ctx: typer.Context,
    trajectories: Trajectories,
    out: Out,
    lag_ps: Lag,
    targets: Targets = None,
    region: Region = None,
    states: States = "2",
    test_fraction: TestFraction = 0.5,
    neighbours: Neighbours = 20,
    convolutions: Convolutions = 2,
    epochs: Epochs = 10,
    restarts: Restarts = 3,
    topology: Topology = None,
    time_step_ps: TimeStep = None,
    units: Units = None,
    species: Species = None,
    cell: Cell = None,
    wrapped: Wrapped = None,
    as_is: AsIs = False,
    charges: Charges = None,
    temperature_K: Temperature = None,
    reversible: Reversible = True,
    store: Store = None,
    seed: Seed = 0,
    force: Force = False,
    progress: Shown = True,
) -> None:
    """Find the states of atoms, without labels, and how fast they change.

    The network learns from the first part of each trajectory; the last part, which it never sees,
    is what everything in the report is measured on. Writes model.leyden, results.json,
    states.parquet (memberships of every frame and atom), report.html, and recipe.toml (all
    settings). A fit that was stopped, or killed, goes on where it was when it is run again.

    Example: `leyden dynamics fit run.lammpstrj --species 1=Li,2=S --time-step-ps 1 --targets Li
    --lag-ps 10 --states 2 -o runs/li`

    Example: `leyden dynamics fit run.xtc --topology run.gro --targets Li --region z:10:20
    --lag-ps 50 --states 2,3,4 --charges Li=1,N=-1 --temperature-K 363 -o runs/interface`
    """
    from leyden.cli.result_folder import MODEL, ResultFolder
    from leyden.cli.trajectories import Reading
    from leyden.dynamics.analysis import decided
    from leyden.dynamics.state_choice import choose_states

    settings, shown = _settings(ctx), _watched(progress)
    numbers = _numbers(states)
    reading = Reading.of(settings, store or out / "store", shown)
    network = _network(settings, reading)
    folder = ResultFolder(out, {"command": "fit", **settings, "files": reading.files})
    folder.check(force)
    kept = out / f"training-{reading.identity(network, test_fraction)}"
    if folder.is_ours and (out / MODEL).exists() and any(out.glob(f"{kept.name}*")):
        note(f"the trainings in {out} are finished and used again")
    ctx.meta["leyden.resume"] = f"finished epochs are kept in {out}; the same command goes on"
    learning, test = reading.learning_and_test(network, test_fraction)
    folder.claim()
    choice = choose_states(
        network,
        [part.environments for part in learning],
        numbers,
        multiples=_multiples(learning, lag_ps),
        checkpoint=kept,
        progress=shown,
    )
    model, remarks = decided(choice)
    parts = {"learning": learning, "test": test}
    _write(ctx, folder, model, parts, choice if len(numbers) > 1 else None, remarks)


@app.command(no_args_is_help=True)
def report(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Of `leyden dynamics fit`.")],
    trajectories: Trajectories,
    out: Out,
    targets: Targets = None,
    region: Region = None,
    topology: Topology = None,
    time_step_ps: TimeStep = None,
    units: Units = None,
    species: Species = None,
    cell: Cell = None,
    wrapped: Wrapped = None,
    as_is: AsIs = False,
    charges: Charges = None,
    temperature_K: Temperature = None,
    reversible: Reversible = True,
    store: Store = None,
    seed: Seed = 0,
    force: Force = False,
    progress: Shown = True,
) -> None:
    """Measure the states of a model on other trajectories: another temperature, a longer run.

    Nothing is learned. Writes results.json, states.parquet, report.html and recipe.toml, into a
    folder of its own. Without --targets and --region, they are those of the fit.

    Example: `leyden dynamics report runs/li/model.leyden hot.lammpstrj --species 1=Li,2=S
    --time-step-ps 1 -o runs/hot`
    """
    from leyden.cli.result_folder import ResultFolder
    from leyden.cli.trajectories import Reading
    from leyden.dynamics.dynamics_model import DynamicsModel

    loaded, settings = DynamicsModel.load(model), _settings(ctx)
    reading = Reading.of(
        settings,
        store or out / "store",
        _watched(progress),
        loaded.estimator.representation.targets,
    )
    files = [reading.files, _sha256(model)]
    folder = ResultFolder(out, {"command": "report", **settings, "files": files})
    if folder.is_of_fit:
        raise InputError(
            "a report has a folder of its own; this is that of a fit",
            file=out,
            remedy="choose another folder",
        )
    folder.check(force)
    ctx.meta["leyden.resume"] = f"what was read is kept in {reading.store}"
    parts = {"test": reading.whole(loaded.estimator)}
    folder.claim()
    _write(ctx, folder, loaded, parts)


def _write(
    ctx: typer.Context,
    folder: ResultFolder,
    model: DynamicsModel,
    parts: Mapping[str, Sequence[Part]],
    choice: StateChoice | None = None,
    remarks: tuple[str, ...] = (),
) -> None:
    """Measure on the part for testing, and write all results."""
    from leyden.cli.result_folder import MODEL
    from leyden.cli.trajectories import write_states
    from leyden.dynamics.analysis import analyse
    from leyden.dynamics.analysis_results import plain
    from leyden.report import write_together
    from leyden.report.dynamics import dynamics_report

    out, test = folder.path, parts["test"]
    result = analyse(
        model,
        [part.environments for part in test],
        [part.trajectory for part in test],
        temperature_K=ctx.params["temperature_K"],
        reversible=ctx.params["reversible"],
        random_state=ctx.params["seed"],
        remarks=remarks,
    )
    command = _command(ctx)
    page = dynamics_report(
        result,
        model,
        command=command,
        version=leyden.__version__,
        choice=choice,
        learned_from=[part.trajectory for part in parts.get("learning", ())],
    )
    folder.clear()  # what is written next belongs together, even if this is stopped
    write_states(out / "states.parquet", model, parts)
    if ctx.command.name == "fit":
        model.save(out / MODEL)
    told = {
        "command": command,
        "version": leyden.__version__,
        "model_sha256": _sha256(ctx.params.get("model", out / MODEL)),
        "score": model.score,
        **result.to_json(),
        "choice": None if choice is None else plain(choice.table.to_dict("records")),
    }
    text = json.dumps(told, indent=1, allow_nan=False) + "\n"
    write_together(out, {"results.json": text, "report.html": page.html()})
    for warning in result.warnings:
        note(f"warning: {warning}")
    typer.echo(out / "report.html")


def _settings(ctx: typer.Context) -> dict[str, Any]:
    """What the user has chosen, in plain values."""
    plain = {name: value for name, value in ctx.params.items() if name not in _FREE}
    for name, value in plain.items():
        if isinstance(value, list | tuple):
            plain[name] = [str(item) for item in value]
        elif isinstance(value, Path):
            plain[name] = str(value)
    return plain


def _command(ctx: typer.Context) -> str:
    """The command that was given, less what is as it would be anyhow."""
    words = ["leyden", "dynamics", str(ctx.command.name)]
    options: list[str] = []
    for parameter in ctx.command.params:
        value = ctx.params.get(str(parameter.name))
        several = value if isinstance(value, list | tuple) else [value]
        if parameter.param_type_name == "argument":
            words += [str(item) for item in several]
        elif isinstance(value, bool):
            if value != parameter.default and parameter.name not in _FREE:
                options.append((parameter.opts if value else parameter.secondary_opts)[0])
        elif value is not None and value != parameter.default:
            options += [parameter.opts[0], f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words + options)


def _numbers(states: str) -> list[int]:
    try:
        return [int(number) for number in states.split(",")]
    except ValueError as error:
        raise InputError(
            "--states is a number of states, or several: 2,3,4", value=states
        ) from error


def _network(settings: Mapping[str, Any], reading: Reading) -> GraphDynamics:
    from leyden.dynamics.graph_dynamics import GraphDynamics
    from leyden.representations.local_environment import LocalEnvironment

    sizes = (settings["neighbours"], settings["convolutions"])
    seen = LocalEnvironment(*sizes, targets=reading.targets)
    given = {name: settings[name] for name in ("lag_ps", "epochs", "restarts")}
    return GraphDynamics(seen, **given, random_state=settings["seed"])


def _multiples(parts: Sequence[Part], lag_ps: float) -> int:
    """Lags that a Chapman-Kolmogorov test of the learning part goes on for, 2 to 5."""
    shortest = min(len(part.trajectory) * part.trajectory.time_step_ps for part in parts)
    return max(2, min(5, int(shortest / (4 * lag_ps))))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _watched(progress: bool) -> bool:
    """Bars go to standard output, and only to a terminal."""
    return progress and sys.stdout.isatty()
