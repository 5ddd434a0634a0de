"""`leyden explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import leyden
from leyden.cli.console import note
from leyden.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from leyden.data.readers import Row
    from leyden.interpretation import Explanation

__all__ = ["explain"]


def explain(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file of `leyden fit`.")],
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Crystals: CIF files or a folder of them, POSCAR, extended XYZ, or JSON lines.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")],
    target: Annotated[
        str | None, typer.Option("--target", help="What to explain (default: the first).")
    ] = None,
    item: Annotated[str | None, typer.Option("--item", help="Column of the CIF.")] = None,
    ids: Annotated[str | None, typer.Option("--id", help="Column of the ids.")] = None,
    ion: Annotated[
        str | None,
        typer.Option("--ion", help="Working ion of every structure, for models of electrodes."),
    ] = None,
    pictures: Annotated[
        int, typer.Option("--pictures", help="Crystals with a picture in the report.", min=0)
    ] = 3,
) -> None:
    """Tell what each atom contributes to a prediction.

    The model must be a crystal graph network with `readout = "additive"`: its prediction is the
    mean of one value an atom. Writes local_values.csv (a row an atom; a crystal that cannot be read
    is one row with `error` filled) and report.html.

    A model of electrodes takes charged structures and their working ion, as `leyden predict` does.

    Example: `leyden explain modulus.leyden structures/ -o why`

    Example: `leyden explain voltage.leyden host.cif --ion Zn -o why`
    """
    from leyden.cli.inputs import rows_for
    from leyden.interpretation import explain as explained
    from leyden.predictor import Predictor
    from leyden.report import write_together
    from leyden.report.interpretation import explanation_report

    predictor = Predictor.load(model)
    rows = list(rows_for(predictor.representation, inputs, item=item, ids=ids, ion=ion))
    X, kept, errors = _represented(predictor.representation, rows)
    result = explained(
        predictor.model,
        [rows[i].item for i in kept],
        X=X,
        ids=_distinct([rows[i].id for i in kept]),
        targets=predictor.targets,
        target=target,
    )
    bad = [(rows[i].id, message) for i, message in sorted(errors.items())]
    texts = {"local_values.csv": _table(result, bad).to_csv(index=False, lineterminator="\n")}
    if kept:
        command = f"leyden explain {model} {' '.join(map(str, inputs))} -o {out}"
        report = explanation_report(
            result,
            command=command,
            version=leyden.__version__,
            environments=_environments(predictor.model, result, X),
            pictures=pictures,
        )
        report.warnings([f"{name}: {message}" for name, message in bad])
        texts["report.html"] = report.html()
    write_together(out, texts)
    note(f"{len(kept):,} crystals, {len(result.atoms):,} atoms; {len(bad):,} with an error")
    typer.echo(out / ("report.html" if kept else "local_values.csv"))
    if not kept:
        raise typer.Exit(1)


def _represented(representation: Any, rows: list[Row]) -> tuple[Any, list[int], dict[int, str]]:
    """Model input of the rows that are fit, their positions, and what is wrong with the others."""
    from leyden.representations import represent_rows

    errors = {i: str(row.error) for i, row in enumerate(rows) if row.error}
    given = [i for i in range(len(rows)) if i not in errors]
    X, kept, refused = represent_rows(representation, [rows[i].item for i in given])
    errors.update({given[i]: message for i, message in refused.items()})
    return X, [given[i] for i in kept], errors


def _distinct(ids: list[str]) -> list[str]:
    """Ids are unique in one file, and several files may share one."""
    from leyden.data.items import numbered

    return [str(name) for name in numbered(ids)]


def _environments(model: Any, result: Explanation, X: Any) -> Any:
    """The map of oxygen-coordinated sites, or None where there are too few."""
    from leyden.environment_map import environment_map

    network = getattr(model, "members_", [model])[0]
    try:
        return environment_map(network, result.structures, X=X, explanation=result)
    except InputError as error:
        note(f"no map of environments: {error.rule}")
        return None


def _table(result: Explanation, bad: list[tuple[str, str]]) -> pd.DataFrame:
    """One row an atom, and one a crystal that could not be explained."""
    import pandas as pd

    atoms = result.atoms.merge(result.crystals[["crystal", "formula", "prediction"]], on="crystal")
    atoms = atoms.rename(
        columns={
            "crystal": "id",
            "value": f"local_{result.target}",
            "prediction": result.target,
        }
    ).assign(error="")
    columns = ["id", "formula", "site", "element", "oxygen_neighbours"]
    columns += [f"local_{result.target}", "difference", result.target, "error"]
    refused = pd.DataFrame(bad, columns=["id", "error"])
    if not bad:
        return atoms[columns]
    return pd.concat([atoms[columns], refused], ignore_index=True).reindex(columns=columns)
