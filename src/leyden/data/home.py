"""Where the data sets lie."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["data_home"]


def data_home() -> Path:
    """The folder of all data sets: ``LEYDEN_DATA``, or the user's own data folder."""
    if home := os.environ.get("LEYDEN_DATA"):
        return Path(home)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "leyden"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "leyden"
