"""The tables of the data home as they stand in their files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd

from leyden.data.cards import Card, Table
from leyden.data.home import data_home
from leyden.errors import InputError

__all__ = ["read_file", "read_rows"]


def read_rows(chosen: Card, table: Table) -> pd.DataFrame:
    """Every row of a table, its files one after the other; `InputError` as of `read_file`."""
    folder = data_home() / chosen.place
    parts = [read_file(folder / file, chosen.name) for file in table.files]
    return pd.concat(parts, ignore_index=True)


def read_file(path: Path, name: str) -> pd.DataFrame:
    """One file of the data set `name`.

    Raises
    ------
    InputError
        The data are not there (the remedy fetches them), or the file is broken.
    """
    if not path.is_file():
        raise InputError(
            f"the data set {name} is not in the data home",
            file=path,
            remedy=f"leyden data fetch {name}",
        )
    try:
        if ".jsonl" in path.name:
            with gzip.open(path, "rb") as lines:
                return pd.DataFrame([json.loads(line) for line in lines])
        return pd.read_csv(path, dtype={"DOI": str}, low_memory=False)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            f"the file cannot be read: {error}", file=path, remedy=f"leyden data fetch {name}"
        ) from error
