"""The folder of a screening: whose it is, which shards are finished, and the result.

::

    manifest.json     the job (fingerprint, description, version), and at the end the counts
    rows.parquet      the best candidates, at the end
    shards/           finished shards: FIRST-STOP.HASH.parquet, HASH being that of the file

Every file appears whole or not at all, so that a kill at any moment leaves a folder to go on from.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import leyden
from leyden.artefact import writing
from leyden.errors import ArtefactError, InputError, shorten
from leyden.screening.job import Job, ShardResult

__all__ = ["KeptShards", "Manifest", "read_result"]

Manifest = dict[str, Any]

SCHEMA_VERSION = 1
MANIFEST, ROWS = "manifest.json", "rows.parquet"
_RECORD = b"leyden"
_NAME = re.compile(r"(\d+)-(\d+)\.([0-9a-f]{16})\.parquet")
_SHOWN = 3


class KeptShards:
    """Finished shards on disk; making one claims the folder for the job.

    Parameters
    ----------
    folder : Path
        New, empty, or of the same job.
    job : Job

    Attributes
    ----------
    manifest : dict
        What `manifest.json` says.
    sizes : ndarray of int64, shape (shards,)
        Candidates of each shard.

    Raises
    ------
    InputError
        The folder holds results of another job or version, or other files, or cannot be written.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self._job = folder, job.fingerprint()
        shards = job.shards()
        self.sizes = np.array([job.candidates(shard) for shard in range(shards)], dtype=np.int64)
        self.manifest: Manifest = {
            "schema_version": SCHEMA_VERSION,
            "leyden": leyden.__version__,
            "job": self._job,
            "description": _plain(getattr(job, "to_dict", dict)()),
            "shards": shards,
            "candidates": int(self.sizes.sum()),
        }
        if shards < 1:
            raise InputError("a screening has at least one shard", value=shards)
        found = _read_manifest(folder)
        if found is None:
            if folder.is_dir() and any(path.suffix != ".part" for path in folder.iterdir()):
                raise InputError(
                    f"the folder is not empty, and no {MANIFEST} says whose it is",
                    file=folder,
                    remedy="choose another folder",
                )
            self._write(MANIFEST, _json(self.manifest))
        elif difference := _difference(found, self.manifest):
            raise InputError(
                f"the folder holds the results of another screening: {difference}",
                file=folder / MANIFEST,
                remedy="choose another folder, or delete this one",
            )

    def find(self) -> Iterator[tuple[range, ShardResult]]:
        """Finished shards, each once, by rising number; damaged files are removed, with a warning.

        Raises
        ------
        InputError
            A file belongs to another job.
        """
        names = [_NAME.fullmatch(path.name) for path in (self.folder / "shards").glob("*.parquet")]
        known = [(int(name[1]), -int(name[2]), name[0]) for name in names if name]
        stop = 0
        for start, negative, name in sorted(known):
            if start < stop:  # two drivers at once have done some of the work twice
                continue
            result = self._read(name)
            if result is not None:
                stop = -negative
                yield range(start, stop), result

    def put(self, shards: range, result: ShardResult) -> None:
        """Keep what came of some shards."""
        record = {"job": self._job, "counts": _plain(result.counts)}
        data = _parquet(result.rows, record)
        name = f"{shards.start:06d}-{shards.stop:06d}.{_sha256(data)[:16]}.parquet"
        self._write(f"shards/{name}", data)

    def finish(self, result: ShardResult) -> None:
        """Write the result of all shards."""
        data = _parquet(result.rows, {"job": self._job})
        self._write(ROWS, data)
        self.manifest |= {
            "counts": _plain(result.counts),
            "rows": len(result.rows),
            "rows_sha256": _sha256(data),
        }
        self._write(MANIFEST, _json(self.manifest))

    def _read(self, name: str) -> ShardResult | None:
        import pyarrow as pa
        from pyarrow import parquet

        path = self.folder / "shards" / name
        try:
            data = path.read_bytes()
            if _sha256(data)[:16] != name.split(".")[1]:
                raise ValueError("its content does not match its name")
            table = parquet.read_table(io.BytesIO(data))
            record = json.loads(table.schema.metadata[_RECORD])
        except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
            warnings.warn(f"{path} is damaged ({error}); its shards are run again", stacklevel=2)
            path.unlink(missing_ok=True)
            return None
        if record["job"] != self._job:
            raise InputError(
                "this shard belongs to another screening", file=path, remedy="take it away"
            )
        return ShardResult(record["counts"], table.to_pandas())

    def _write(self, name: str, data: bytes) -> None:
        with writing(self.folder / name) as file:
            file.write(data)


def read_result(folder: Path) -> tuple[Manifest, pd.DataFrame]:
    """Manifest and rows of a finished screening.

    Raises
    ------
    InputError
        There is none, or it is not finished.
    ArtefactError
        The rows are not those that were written.
    """
    manifest = _read_manifest(folder)
    if manifest is None or "counts" not in manifest:
        missing = "there is no screening" if manifest is None else "the screening is not finished"
        raise InputError(missing, file=folder, remedy="run it with this folder")
    try:
        data = (folder / ROWS).read_bytes()
    except OSError:
        data = b""
    if _sha256(data) != manifest["rows_sha256"]:
        raise ArtefactError(
            f"{folder / ROWS} is missing or was altered. "
            "Remedy: run the same screening again; it is written anew from the finished shards."
        )
    return manifest, pd.read_parquet(io.BytesIO(data))


def _read_manifest(folder: Path) -> Manifest | None:
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_bytes())
        schema = found["schema_version"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the manifest of a screening cannot be read: {error}",
            file=path,
            remedy="choose another folder",
        ) from error
    if schema != SCHEMA_VERSION:
        raise InputError(
            "the manifest is of another schema", value=schema, file=path, remedy="update leyden"
        )
    return found


def _difference(there: Manifest, here: Manifest) -> str:
    """In words, in what two jobs differ; empty where they are the same."""
    keys = ("job", "leyden", "shards", "candidates")
    if all(there.get(key) == here[key] for key in keys):
        return ""
    old, new = _flat(there.get("description", {})), _flat(here["description"])
    if old == new:
        keys = ("leyden", "shards", "candidates", "job")
        old, new = ({key: manifest.get(key) for key in keys} for manifest in (there, here))
    different = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    shown = [
        f"{key} is {_shown(old.get(key))} there and {_shown(new.get(key))} here"
        for key in different[:_SHOWN]
    ]
    more = len(different) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _shown(value: object) -> str:
    return "absent" if value is None else shorten(value, 40)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Values of nested tables by their path, such as ``criteria[2].maximum``."""
    if isinstance(value, Mapping) and (value or not path):
        parts = [(f"{path}.{key}" if path else str(key), part) for key, part in value.items()]
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        parts = [(f"{path}[{i}]", part) for i, part in enumerate(value)]
    else:
        return {path: value}
    return {name: leaf for key, part in parts for name, leaf in _flat(part, key).items()}


def _plain(value: Any) -> Any:
    """The same in JSON's own types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return value.tolist()
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _parquet(rows: pd.DataFrame, record: Mapping[str, Any]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(rows, preserve_index=False)
    metadata = {**(table.schema.metadata or {}), _RECORD: json.dumps(record).encode()}
    sink = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata(metadata), sink)
    return sink.getvalue()


def _json(manifest: Manifest) -> bytes:
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
