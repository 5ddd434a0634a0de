"""What every test file shares: the data home, and the fixture that asks for a data set in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, print_blob=True, deadline=None)
settings.load_profile("repeatable")  # equal code, equal examples: a failure can be had again

DEVELOPMENT_HOME = Path(__file__).resolve().parents[2] / "shared" / "data"

# Worker processes of the tests inherit both.
os.environ.setdefault("OMP_NUM_THREADS", "1")
if DEVELOPMENT_HOME.is_dir():
    os.environ.setdefault("LEYDEN_DATA", str(DEVELOPMENT_HOME))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or fills the user's own cache."""
    os.environ["LEYDEN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def data_home() -> Callable[[str], Path]:
    """`data_home(name)` is the folder of a data set; the test is skipped where it is absent."""

    def folder(name: str) -> Path:
        home = os.environ.get("LEYDEN_DATA")
        path = Path(home) / name if home else None
        if path is None or not path.is_dir():
            pytest.skip(f"data set {name} is absent")
        return path

    return folder
