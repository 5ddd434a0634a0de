"""Tables written as they come: memory holds one chunk, and the file appears when it is complete."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from leyden.artefact import writing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_tables"]


def write_tables(tables: Iterable[pd.DataFrame], path: Path) -> tuple[int, int]:
    """Write tables of equal columns below each other as .csv or .parquet.

    Returns
    -------
    (int, int)
        Rows, and rows whose column `error` is filled.
    """
    rows = bad = 0

    def counted() -> Iterable[pd.DataFrame]:
        nonlocal rows, bad
        for table in tables:
            rows += len(table)
            bad += int((table["error"] != "").sum())
            yield table

    with writing(path) as file:
        if path.suffix == ".parquet":
            import pyarrow as pa
            from pyarrow import parquet

            writer = None
            for table in counted():
                block = pa.Table.from_pandas(table, preserve_index=False)
                writer = writer or parquet.ParquetWriter(file, block.schema)
                writer.write_table(block)
            if writer is not None:
                writer.close()
        else:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
            for number, table in enumerate(counted()):
                table.to_csv(text, index=False, header=number == 0, lineterminator="\n")
            text.detach()
    return rows, bad
