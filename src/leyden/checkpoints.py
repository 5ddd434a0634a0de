"""What a training leaves on disk, so that it can be stopped at any moment and go on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from leyden.artefact import writing
from leyden.errors import ArtefactError, IncompatibleError

__all__ = ["read_checkpoint", "write_checkpoint"]

_FORMAT = 1


def write_checkpoint(path: Path, key: str, state: dict[str, Any]) -> None:
    """Replace the checkpoint at `path` in one step: it is the old one or the new one, never half.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        Hash of what is being trained, on what, and how.
    state : dict
        Tensors, numbers and strings, in dicts and lists.

    Raises
    ------
    InputError
        The folder cannot be written, or the disk is full; what stood there before stays.
    """
    content = io.BytesIO()  # of a file that fails, torch tells something else than a full disk
    torch.save({"format": _FORMAT, "key": key, "state": state}, content)
    with writing(path) as file:
        file.write(content.getbuffer())


def read_checkpoint(path: Path, key: str) -> dict[str, Any] | None:
    """The state that `write_checkpoint` left, or None if there is no file.

    Only tensors, numbers and strings are read (`torch.load` with `weights_only`): no code runs.

    Raises
    ------
    ArtefactError
        The file is truncated, or no checkpoint.
    IncompatibleError
        It belongs to another training: other data, settings or starting weights.
    """
    if not path.exists():
        return None
    try:
        found = torch.load(path, weights_only=True)
        known, owner, state = found["format"] == _FORMAT, found["key"], found["state"]
    except Exception as error:  # a damaged file fails anywhere, in any way
        raise ArtefactError(
            f"{path}: not a checkpoint, or a damaged one ({type(error).__name__}). "
            "Remedy: delete it, and the training starts anew."
        ) from error
    if not known or owner != key:
        raise IncompatibleError(
            f"{path} belongs to another training (other data, settings or starting weights). "
            "Remedy: delete it, or name another checkpoint."
        )
    return state
