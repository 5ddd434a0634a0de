"""Content hashes: equal content, equal text, in every process and session.

What is kept on disk (finished folds, fitted sources) is found again by the hash of all that made
it, so that another dataset, split or parameter never reuses it.  In doubt two hashes differ, and
the work is done again.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import types
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset

__all__ = ["code_of", "content_hash", "learning_code"]

_LEARNING = (
    "data",
    "representations",
    "models",
    "dynamics",
    "training.py",
    "pooled_gradient.py",
    "checkpoints.py",
    "transfer.py",
    "chains.py",
    "varying_columns.py",
    "distillation.py",
    "source_networks.py",
    "selection.py",
    "source_search.py",
    "cross_fitting.py",
)
"""Rooms whose code decides what a model learns and predicts."""


def content_hash(*values: object) -> str:
    """SHA-256 of values: numbers, text, arrays, tables, datasets, estimators, and nests of these.

    An estimator counts by its class, its parameters and whatever `fit` has left in it (one of a
    study, whose code `learning_code` does not know, by the code of its class too); a function by
    its code and what it closes over; a dataset by its ids, items, targets and groups.
    """
    digest = hashlib.sha256()
    for value in values:
        for piece in _pieces(value):
            digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()


def learning_code() -> str:
    """SHA-256 over the sources that decide what is learned, so that no result is of older code."""
    return code_of(*_LEARNING)


@functools.cache
def code_of(*rooms: str) -> str:
    """SHA-256 over the sources of these rooms and files of the package."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for room in rooms:
        place = package / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
    if type(value).__module__.startswith("leyden.studies."):
        yield inspect.getsource(type(value)).encode()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value).encode()
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _pieces(key)
            yield from _pieces(value[key])
    elif isinstance(value, AbstractSet):
        yield from sorted(content_hash(part).encode() for part in value)
    elif isinstance(value, list | tuple):
        yield str(len(value)).encode()
        for part in value:
            yield from _pieces(part)
    else:
        yield from _pieces(_content(value))


@functools.lru_cache(maxsize=64)  # by identity: a dataset never changes, and its items are many
def _of_dataset(dataset: Dataset) -> str:
    return content_hash(dataset.fingerprint(), dataset.items, dataset.groups, dataset.conditions)


def _content(value: Any) -> Any:
    """What an object is made of, in simpler objects."""
    if isinstance(value, Dataset):
        return _of_dataset(value)
    if isinstance(value, pd.DataFrame):
        return [list(value.columns), pd.util.hash_pandas_object(value, index=False).to_numpy()]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, types.FunctionType):
        closed = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__module__, value.__qualname__, value.__code__, closed, value.__defaults__]
    if isinstance(value, types.CodeType):
        return [value.co_code, value.co_names, value.co_consts]
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "get_params"):
        return vars(value)
    if hasattr(value, "state_dict"):  # a torch module
        return {name: tensor.detach().cpu().numpy() for name, tensor in value.state_dict().items()}
    return joblib.hash(value)
