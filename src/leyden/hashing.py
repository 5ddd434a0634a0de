"""Content hashes: equal content, equal text, in every process and session.

What is kept on disk (finished folds, fitted sources) is found again by the hash of all that made
it, so that another dataset, split or parameter never reuses it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from leyden.data.dataset import Dataset

__all__ = ["content_hash"]


def content_hash(*values: object) -> str:
    """SHA-256 of values: numbers, text, arrays, tables, datasets, estimators, and nests of these.

    An estimator counts by its class and parameters; a fitted one (with fitted attributes, whose
    names end in ``_``) by these as well.  A dataset counts by its fingerprint.
    """
    digest = hashlib.sha256()
    for value in values:
        for piece in _pieces(value):
            digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value).encode()
    elif isinstance(value, np.generic):
        yield repr(value.item()).encode()
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, pd.DataFrame | pd.Series):
        yield np.asarray(pd.util.hash_pandas_object(value)).tobytes()
        yield repr(getattr(value, "columns", [value.name if value.ndim == 1 else ""])).encode()
    elif isinstance(value, Dataset):
        yield f"{value.name} {value.fingerprint()}".encode()
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _pieces(key)
            yield from _pieces(value[key])
    elif isinstance(value, AbstractSet):
        yield from sorted(content_hash(part).encode() for part in value)
    elif isinstance(value, list | tuple | np.ndarray):
        yield str(len(value)).encode()
        for part in value:
            yield from _pieces(part)
    elif callable(value) and hasattr(value, "__qualname__"):
        yield f"{value.__module__}.{value.__qualname__}".encode()
    else:
        yield from _pieces(_content(value))


def _content(value: Any) -> dict[str, Any]:
    """What an object is made of, as a mapping."""
    if isinstance(value, BaseEstimator):
        fitted = {k: v for k, v in vars(value).items() if k.endswith("_") and k[0] != "_"}
        return {**value.get_params(deep=False), **fitted}
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "state_dict"):  # a torch module or optimiser
        return {k: getattr(v, "numpy", lambda v=v: v)() for k, v in value.state_dict().items()}
    if hasattr(value, "__dict__"):
        return dict(vars(value))
    raise TypeError(f"no content hash for {type(value).__name__}")
