"""`leyden fit`, `leyden evaluate`, `leyden predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import leyden
from leyden.cli.console import claim_folder, note
from leyden.errors import InputError

__all__ = ["evaluate", "fit", "predict"]

RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="TOML file that describes the run.")
]


def fit(
    recipe: RecipeFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file to write.")],
) -> None:
    """Learn a predictor from a recipe, and save it as one file.

    The expanded recipe, with every default, is saved beside it as MODEL.recipe.toml.

    Example: `leyden fit recipe.toml -o modulus.leyden`, where recipe.toml is

        [data]
        dataset = "elastic-tensor-2015"
        targets = ["log10_K_VRH_GPa"]

        [model]
        kind = "extra-trees"

    With `by = "domain"` in [calibration], intervals of ion pairs go by what is known of each pair.
    """
    from leyden.artefact import writing
    from leyden.predictor import Predictor
    from leyden.recipe import Recipe

    described = Recipe.read(recipe)
    expanded = described.to_toml()
    # a place that cannot be written is told first, and the two files appear together or not at all
    with writing(Path(f"{out}.recipe.toml")) as file:
        file.write(expanded.encode())
        run = described.build()
        split = run.calibration_split  # what is wrong with it is told before the fit
        strategy = run.strategy.fit(run.dataset)
        predictor = Predictor.of(
            strategy, split, described.calibration.level, notes={"recipe": expanded}
        )
        predictor.save(out)
    note(f"learned {', '.join(predictor.targets)} from {len(run.dataset):,} rows")
    typer.echo(out)


def evaluate(
    ctx: typer.Context,
    recipe: RecipeFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Processes (default: as the recipe says).")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Use the folder even if it holds another job.")
    ] = False,
) -> None:
    """Compare the strategies of a recipe and classical baselines, all on the same folds.

    Writes rows.parquet (every out-of-fold prediction), results.json, report.html and recipe.toml.
    A comparison that was stopped goes on where it was when it is run again.

    Example: `leyden evaluate recipe.toml -o runs/comparison`
    """
    from leyden import validation
    from leyden.recipe import Recipe
    from leyden.report.evaluation import evaluation_report

    described = Recipe.read(recipe)
    resumed = claim_folder(out, described.to_toml(), force, recipe)
    ctx.meta["leyden.resume"] = (
        f"finished folds are kept in {out}; the same command goes on from there"
    )
    if resumed:
        note(f"going on with what is finished in {out}")
    run = described.build()
    result = validation.evaluate(
        run.arms(),
        run.dataset,
        run.split,
        n_jobs=jobs or described.evaluate.jobs,
        checkpoint=out / "folds",
        reference=described.evaluate.reference,
    )
    result.save(out)
    command = f"leyden evaluate {recipe} -o {out}"
    report = evaluation_report(result, command=command, version=leyden.__version__)
    report.write(out / "report.html")
    note(result.summary())
    typer.echo(out / "report.html")


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file of `leyden fit`.")],
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="CSV or Parquet of formulas, SMILES or ion pairs, CIF files or a folder of them, "
            "POSCAR, extended XYZ, or JSON lines.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write: .csv or .parquet.")],
    item: Annotated[
        str | None, typer.Option("--item", help="Column of the formula, SMILES or CIF.")
    ] = None,
    ids: Annotated[str | None, typer.Option("--id", help="Column of the ids.")] = None,
    ion: Annotated[
        str | None,
        typer.Option("--ion", help="Working ion of every structure, for models of electrodes."),
    ] = None,
    chunk: Annotated[int, typer.Option("--chunk", help="Rows held in memory.", min=1)] = 256,
) -> None:
    """Predict every row of the input, in its order.

    Columns: id; each target with _std, _lower and _upper; in_domain_percentile and
    nearest_training_ids, or domain (of a model with intervals by it); error. A row that cannot be
    read or predicted has `error` filled and is never dropped. Memory does not grow with the input.

    A model of electrodes takes charged structures and their working ion: --ion, or a column
    working_ion of a table.

    Example: `leyden predict modulus.leyden structures/ -o predictions.csv`

    Example: `leyden predict voltage.leyden host.cif --ion Zn -o predictions.csv`
    """
    from leyden.cli.inputs import rows_for
    from leyden.cli.tables import write_tables
    from leyden.predictor import Predictor

    if out.suffix not in {".csv", ".parquet"}:
        raise InputError("the table ends in .csv or .parquet", file=out)
    predictor = Predictor.load(model)
    rows = rows_for(predictor.representation, inputs, item=item, ids=ids, ion=ion)
    written, bad = write_tables(predictor.predict_stream(rows, chunk), out)
    note(f"{written:,} rows" + (f", {bad:,} of them with an error" if bad else ""))
    typer.echo(out)
    if written == bad:
        raise typer.Exit(1)
