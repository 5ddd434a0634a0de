"""Folds of a comparison: what each needs, what came of it, and where it is kept."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leyden.artefact import writing
from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.hashing import content_hash, learning_code
from leyden.source_networks import Lesson
from leyden.splits import Fold

__all__ = ["KeptParts", "Part", "Plan"]

RECORD = b"leyden"


@dataclass(frozen=True, eq=False)
class Plan:
    """What every task needs; handed to a worker process once."""

    arms: dict[str, Any]
    dataset: Dataset
    group: str | None
    return_std: bool

    def lessons(self, fold: Fold, name: str) -> list[Lesson]:
        """What source networks must learn before this arm can be fitted on this fold."""
        arm = self.arms[name]
        if not hasattr(arm, "lessons"):
            return []
        held_out = self.dataset.hold_out(fold.test, self.group)
        wanted = arm.lessons(self.dataset.take(fold.train), held_out, {})
        return [lesson for lesson in wanted if hasattr(lesson.model, "from_state")]


@dataclass(frozen=True, eq=False)
class Part:
    """The result of one task: an arm on a fold."""

    rows: pd.DataFrame
    record: dict[str, Any]


class KeptParts:
    """Finished tasks on disk, one Parquet file each."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError("permission denied")
        except OSError as error:  # now, not after the first fold
            raise InputError(
                "finished folds cannot be kept here", file=folder, remedy="name another folder"
            ) from error
        self.folder = folder
        self.arms = {name: content_hash(arm) for name, arm in plan.arms.items()}
        self.data = content_hash(learning_code(), plan.dataset, plan.group, plan.return_std)

    def find_all(self, tasks: list[tuple[Fold, str]]) -> dict[int, Part]:
        """The kept results of these tasks, by position."""
        found = {i: self.find(*task) for i, task in enumerate(tasks)}
        return {i: part for i, part in found.items() if part is not None}

    def find(self, fold: Fold, name: str) -> Part | None:
        """The kept result of this very task, if there is one that can be read."""
        import pyarrow as pa
        from pyarrow import parquet

        path = self._path(fold, name)
        if not path.is_file():
            return None
        try:
            table = parquet.read_table(path)
            record = json.loads(table.schema.metadata[RECORD])
        except (pa.ArrowInvalid, OSError, KeyError, ValueError):
            return None  # damaged from outside: computed again, and replaced
        return Part(table.to_pandas(), record)

    def put(self, fold: Fold, name: str, part: Part) -> None:
        """Keep a result, whole or not at all."""
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.Table.from_pandas(part.rows, preserve_index=False)
        metadata = {**(table.schema.metadata or {}), RECORD: json.dumps(part.record).encode()}
        with writing(self._path(fold, name)) as file:
            parquet.write_table(table.replace_schema_metadata(metadata), file)

    def _path(self, fold: Fold, name: str) -> Path:
        place = (fold.repeat, fold.fold, fold.size)
        key = content_hash(self.data, self.arms[name], name, place, fold.train, fold.test)
        label = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40]
        size = f"-size{fold.size}" if fold.size else ""
        return self.folder / f"{label}-repeat{fold.repeat}-fold{fold.fold}{size}-{key[:16]}.parquet"
