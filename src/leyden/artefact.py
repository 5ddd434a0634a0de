"""Saved objects: one zip file of safetensors and JSON, which runs no code when it is read.

What can be saved
-----------------
* ``None``, booleans, numbers, strings, bytes, lists, tuples, mappings with string keys, NumPy
  arrays of numbers or strings;
* an object of a registered kind (`KINDS`, or `register` for classes of your own), in one of four
  forms, tried in this order, none of which needs code in this file:

  1. it has ``to_saved() -> Saved`` and the class method ``from_saved(saved)``;
  2. it has ``config() -> dict``, ``state() -> dict of arrays`` and the class method
     ``from_state(config, state)``: networks and calibrations; an unfitted one has the state None;
  3. it is a dataclass: every public field is saved, and handed to the constructor again:
     representations, which may hold other objects;
  4. it has ``get_params``: parameters, and whatever `fit` set (names that end in one underscore);

* a scikit-learn or LightGBM estimator, through skops with the fixed allow-list of
  `leyden.estimator_bytes`.

An object that occurs twice is written once, and is one object again after loading.

The file
--------
``manifest.json`` holds the schema version, the tree of objects (kinds and fields) and the SHA-256
of each other member; ``arrays.safetensors`` holds every array under its path in the tree
(``"model/members/3/convolutions.0.weight"``); ``blobs/...`` holds bytes.  Equal objects make equal
files.  An older schema is brought up to date by `UPGRADES`, one step a version.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from leyden.errors import ArtefactError, InputError, LeydenError
from leyden.saved_kinds import KINDS

__all__ = [
    "KINDS",
    "SCHEMA_VERSION",
    "UPGRADES",
    "Saved",
    "class_of",
    "read",
    "register",
    "write",
    "writing",
]

SCHEMA_VERSION = 1
Tree = dict[str, Any]

#: Schema version v to a function (manifest, arrays) -> (manifest, arrays) of version v + 1.
UPGRADES: dict[int, Callable[[Tree, Tree], tuple[Tree, Tree]]] = {}

_MAX_BYTES = 16 * 2**30
_MAX_MANIFEST = 256 * 2**20
_MAX_DEPTH = 64
_SCIKIT = "scikit_learn"


@dataclasses.dataclass(frozen=True)
class Saved:
    """An object as it is written: its kind and its fields.

    Attributes
    ----------
    kind : str
        Name in `KINDS`.
    fields : mapping of str to object
        Anything this module can save, other objects among it.
    """

    kind: str
    fields: Mapping[str, Any]


def register(cls: type) -> type:
    """Class decorator: objects of this class (which has an attribute `kind`) can be saved."""
    KINDS[cls.kind] = f"{cls.__module__}:{cls.__qualname__}"  # type: ignore[attr-defined]
    return cls


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file that appears under `path` when it is complete, and not at all otherwise.

    Raises
    ------
    InputError
        The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror or error}",
            file=path,
            remedy="free some space, or choose a folder that you may write",
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def write(value: object, path: str | os.PathLike[str]) -> None:
    """Save an object as one file, atomically."""
    members = _Members()
    tree = members.encode(value, "")
    files = {f"blobs/{name}": data for name, data in members.blobs.items()}
    if members.arrays:
        from safetensors.numpy import save

        files["arrays.safetensors"] = save(members.arrays)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "object": tree,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(files.items())
        },
    }
    text = json.dumps(manifest, indent=1, allow_nan=False).encode()
    with writing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in [("manifest.json", text), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name)  # the fixed date of ZipInfo: equal objects, equal files
            entry.external_attr = 0o644 << 16
            stored = name.endswith(".safetensors")
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


def read(path: str | os.PathLike[str]) -> Any:
    """Load what `write` saved.

    Raises
    ------
    ArtefactError
        The file is truncated, altered, of an unknown schema version, or holds an unknown kind.
    InputError
        There is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    try:
        with zipfile.ZipFile(path) as archive:
            manifest, files = _members(archive)
        arrays: Tree = {}
        if "arrays.safetensors" in files:
            from safetensors.numpy import load

            arrays = load(files.pop("arrays.safetensors"))
        manifest, arrays = _upgrade(manifest, arrays)
        blobs = {name.removeprefix("blobs/"): data for name, data in files.items()}
        return _Decoder(arrays, blobs).decode(manifest["object"], "", 0)
    except LeydenError as error:
        raise ArtefactError(f"{path}: {error}") from error
    except Exception as error:  # a damaged file fails anywhere, in any way
        raise ArtefactError(
            f"{path}: the file is truncated or altered ({type(error).__name__}: {error}). "
            "Remedy: copy or make it again."
        ) from error


def _members(archive: zipfile.ZipFile) -> tuple[Tree, dict[str, bytes]]:
    """The manifest, and the bytes of every member that it lists, with sizes and hashes checked."""
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    if len(sizes) != len(archive.infolist()) or "manifest.json" not in sizes:
        raise ArtefactError("this is not a file that Leyden saved. Remedy: give a .leyden file.")
    if sizes["manifest.json"] > _MAX_MANIFEST or sum(sizes.values()) > _MAX_BYTES:
        raise ArtefactError("the file claims to be larger than a saved model can be.")
    manifest = json.loads(archive.read("manifest.json"))
    version = manifest.get("schema_version")
    if type(version) is not int or not (version == SCHEMA_VERSION or version in UPGRADES):
        raise ArtefactError(
            f"schema version {version!r} is not known (this Leyden reads up to {SCHEMA_VERSION}). "
            "Remedy: update Leyden, or save the model again."
        )
    listed = manifest["files"]
    if set(listed) != set(sizes) - {"manifest.json"}:
        odd = sorted(set(listed) ^ (set(sizes) - {"manifest.json"}))
        raise ArtefactError(f"members are missing or added: {', '.join(odd)}.")
    files = {}
    for name, claim in listed.items():
        data = archive.read(name) if sizes[name] == claim["bytes"] else b""
        if hashlib.sha256(data).hexdigest() != claim["sha256"]:
            raise ArtefactError(f"the member {name} was altered. Remedy: copy or make it again.")
        files[name] = data
    return manifest, files


def _upgrade(manifest: Tree, arrays: Tree) -> tuple[Tree, Tree]:
    while manifest["schema_version"] != SCHEMA_VERSION:
        version = manifest["schema_version"]
        manifest, arrays = UPGRADES[version](manifest, arrays)
        manifest = {**manifest, "schema_version": version + 1}
    return manifest, arrays


class _Members:
    """Turns objects into a JSON tree, with arrays and bytes put aside under their paths."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.blobs: dict[str, bytes] = {}
        self._seen: dict[int, tuple[str, object]] = {}  # holds the objects, so that ids stay theirs

    def encode(self, value: Any, path: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, (bytes, bytearray)):
            self.blobs[path] = bytes(value)
            return {"$bytes": path}
        if isinstance(value, (list, tuple)):
            items = [self.encode(item, _join(path, i)) for i, item in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        if isinstance(value, Mapping):
            return {"$map": self._fields(value, path)}
        return self._object(value, path)

    def _fields(self, values: Mapping[Any, Any], path: str) -> dict[str, Any]:
        for key in values:
            if not isinstance(key, str):
                raise ArtefactError(f"{path or 'object'}: the key {key!r} is not a string.")
        return {key: self.encode(value, _join(path, key)) for key, value in values.items()}

    def _array(self, value: np.ndarray, path: str) -> dict[str, Any]:
        if value.dtype.kind in "US":
            return {"$strings": value.astype(str).ravel().tolist(), "shape": list(value.shape)}
        if value.dtype.kind not in "biuf":
            raise ArtefactError(f"{path}: arrays of {value.dtype} cannot be saved.")
        self.arrays[path] = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        return {"$array": path}

    def _object(self, value: object, path: str) -> dict[str, Any]:
        if id(value) in self._seen:
            return {"$same": self._seen[id(value)][0]}
        self._seen[id(value)] = (path, value)
        saved = _describe(value, path)
        return {"$kind": saved.kind, "fields": self._fields(saved.fields, path)}


class _Decoder:
    """The inverse of `_Members`."""

    def __init__(self, arrays: Mapping[str, np.ndarray], blobs: Mapping[str, bytes]) -> None:
        self._arrays, self._blobs = arrays, blobs
        self._made: dict[str, object] = {}

    def decode(self, tree: Any, path: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ArtefactError("objects are nested too deeply.")
        if isinstance(tree, list):
            return [self.decode(item, _join(path, i), depth + 1) for i, item in enumerate(tree)]
        if not isinstance(tree, dict):
            return tree
        if "$kind" in tree:
            fields = self._fields(tree["fields"], path, depth)
            self._made[path] = _rebuild(Saved(tree["$kind"], fields), path)
            return self._made[path]
        if "$map" in tree:
            return self._fields(tree["$map"], path, depth)
        if "$tuple" in tree:
            return tuple(self.decode(tree["$tuple"], path, depth + 1))
        if "$array" in tree:
            return self._arrays[tree["$array"]]
        if "$strings" in tree:
            return np.array(tree["$strings"], dtype=str).reshape(tree["shape"])
        if "$bytes" in tree:
            return self._blobs[tree["$bytes"]]
        if "$float" in tree:
            return float(tree["$float"])
        return self._made[tree["$same"]]

    def _fields(self, tree: Mapping[str, Any], path: str, depth: int) -> dict[str, Any]:
        return {key: self.decode(value, _join(path, key), depth + 1) for key, value in tree.items()}


def _describe(value: Any, path: str) -> Saved:
    if type(value).__module__.partition(".")[0] in {"sklearn", "lightgbm"}:
        from leyden.estimator_bytes import to_bytes

        return Saved(_SCIKIT, {"skops": to_bytes(value)})
    place = f"{type(value).__module__}:{type(value).__qualname__}"
    kind = next((kind for kind, known in KINDS.items() if known == place), None)
    if kind is None:
        raise ArtefactError(
            f"{path or 'object'}: a {type(value).__name__} cannot be saved. "
            "Remedy: register its class with leyden.artefact.register."
        )
    if hasattr(value, "to_saved"):
        return value.to_saved()
    if hasattr(value, "from_state"):
        state = value.state() if _fitted(value) else None
        return Saved(kind, {"config": value.config(), "state": state})
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return Saved(kind, {n: getattr(value, n) for n in names if not n.startswith("_")})
    return Saved(kind, {"parameters": value.get_params(deep=False), "fitted": _fitted(value)})


def _rebuild(saved: Saved, path: str) -> Any:
    if saved.kind == _SCIKIT:
        from leyden.estimator_bytes import from_bytes

        return from_bytes(saved.fields["skops"])
    if saved.kind not in KINDS:
        raise ArtefactError(
            f"{path or 'object'}: the kind {saved.kind!r} is not known. "
            "Remedy: update Leyden, or import the package that registers it."
        )
    cls = class_of(saved.kind)
    fields = dict(saved.fields)
    if hasattr(cls, "from_saved"):
        return cls.from_saved(saved)
    if hasattr(cls, "from_state"):
        return cls.from_state(fields["config"], fields["state"])
    if hasattr(cls, "__dataclass_fields__"):
        return cls(**fields)
    made = cls(**fields["parameters"])
    for attribute, value in fields["fitted"].items():
        setattr(made, attribute, value)
    return made


def class_of(kind: str) -> Any:
    """The class of a registered kind, imported now if it was not."""
    module, _, name = KINDS[kind].partition(":")
    return getattr(importlib.import_module(module), name)


def _fitted(value: object) -> dict[str, Any]:
    """Attributes that `fit` has set, by scikit-learn's convention."""
    return {
        name: attribute
        for name, attribute in vars(value).items()
        if name.endswith("_") and not name.startswith("_") and not name.endswith("__")
    }


def _join(path: str, name: object) -> str:
    return f"{path}/{name}" if path else str(name)
