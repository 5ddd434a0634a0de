"""Saved predictors that a screening asks, known by the content of their files."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

from leyden.errors import InputError

if TYPE_CHECKING:
    from leyden.predictor import Predictor

__all__ = ["file_sha256", "load_predictor"]


def file_sha256(path: str) -> str:
    """SHA-256 of a file; `InputError` where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"the predictor cannot be read: {reason}", file=path) from error


@functools.lru_cache(maxsize=32)
def load_predictor(path: str, sha256: str) -> Predictor:
    """The predictor of a file, read once as long as its content is the same."""
    from leyden.predictor import Predictor  # a second, which every worker would pay

    return Predictor.load(path)
