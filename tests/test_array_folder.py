"""Folders of arrays: two processes that make the same one, and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import leyden
from leyden.data.array_folder import ArrayWriter, is_store, made_once, read_arrays
from leyden.errors import ArtefactError, InputError

CHILD = """
import sys
import numpy as np
from leyden.data.array_folder import ArrayWriter

with ArrayWriter(sys.argv[1]) as writer:
    writer.append("rows", np.arange(5.0))
    print("begun", flush=True)
    sys.stdin.readline()
    arrays = writer.finish({"made by": sys.argv[2]})
    print(arrays["rows"].tolist(), flush=True)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Processes that have begun a store, and finish it when they are told to."""
    begun: list[subprocess.Popen[str]] = []

    def one(store: Path, maker: str = "anyone") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(store), maker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(leyden.__file__).parents[1])},
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    yield one
    for process in begun:
        process.kill()
        process.communicate()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_second_writer_of_the_same_store_has_the_finished_one(
    tmp_path: Path, start: Start
) -> None:
    first, second = start(tmp_path / "store"), start(tmp_path / "store")
    assert len(names(tmp_path)) == 2  # neither takes the other for dead
    for process in (first, second):
        out, errors = process.communicate("\n")
        assert (out, errors) == ("[0.0, 1.0, 2.0, 3.0, 4.0]\n", "")
    assert names(tmp_path) == ["store"]
    assert read_arrays(tmp_path / "store")[1] == {"made by": "anyone"}


def test_the_second_writer_of_another_store_is_refused(tmp_path: Path, start: Start) -> None:
    first, second = start(tmp_path / "store", "one"), start(tmp_path / "store", "other")
    assert first.communicate("\n")[1] == ""
    told = second.communicate("\n")[1].splitlines()[-1]
    assert "InputError" in told
    assert f"{tmp_path / 'store'}: another process has meanwhile written a different" in told
    assert "Remedy: " in told
    assert names(tmp_path) == ["store"]
    assert read_arrays(tmp_path / "store")[1] == {"made by": "one"}


def test_what_a_killed_writer_has_left_is_removed_by_the_next(tmp_path: Path, start: Start) -> None:
    killed, living = start(tmp_path / "store"), start(tmp_path / "store")
    elsewhere = start(tmp_path / "store-2")
    for process in (killed, elsewhere):
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(names(tmp_path)) == 3
    with ArrayWriter(tmp_path / "store") as writer:
        left = names(tmp_path)
        assert len([name for name in left if name.startswith(".store-making-")]) == 2
        writer.append("rows", np.arange(5.0))
        writer.finish({"made by": "anyone"})
    assert living.communicate("\n")[1] == ""
    assert [name for name in names(tmp_path) if not name.startswith(".store-2-")] == ["store"]


def test_a_writer_in_this_process_is_alive_too(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "store") as one, ArrayWriter(tmp_path / "store") as other:
        for writer in (one, other):
            writer.append("rows", np.arange(3))
            assert writer.finish({})["rows"].tolist() == [0, 1, 2]
    assert names(tmp_path) == ["store"]


@pytest.mark.parametrize("rows", [np.arange(1, 4), np.arange(3.0), np.arange(4)])
def test_stores_differ_by_their_arrays(tmp_path: Path, rows: np.ndarray) -> None:
    with ArrayWriter(tmp_path / "store") as one, ArrayWriter(tmp_path / "store") as other:
        one.append("rows", np.arange(3))
        one.finish({})
        other.append("rows", rows)
        with pytest.raises(InputError, match="a different store"):
            other.finish({})


def test_what_is_no_store_is_not_replaced(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "store") as writer:
        writer.append("rows", np.arange(3))
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "letter").touch()
        with pytest.raises(InputError, match="a different store"):
            writer.finish({})
    assert names(tmp_path / "store") == ["letter"]


def test_an_empty_folder_is_a_place_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with ArrayWriter(tmp_path / "store") as writer:
        writer.append("rows", np.arange(3))
        writer.finish({})
    assert is_store(tmp_path / "store")
    with pytest.raises(InputError, match="new folder"):
        ArrayWriter(tmp_path / "store")
    with pytest.raises(ArtefactError, match="not a whole store"):
        read_arrays(tmp_path / "none")


def test_what_another_has_finished_before_one_began_is_opened(tmp_path: Path) -> None:
    """Between the look whether a store is there, and its making."""
    looks = []

    def opened() -> str | None:
        looks.append(is_store(tmp_path / "store"))
        return "opened" if looks[-1] else None

    def make() -> str:
        with ArrayWriter(tmp_path / "store") as quicker:
            quicker.append("rows", np.arange(3))
            quicker.finish({})
        ArrayWriter(tmp_path / "store")
        return "made"

    assert made_once(opened, make) == "opened"
    assert looks == [False, True]
    with pytest.raises(InputError, match="new folder"):
        made_once(lambda: None, make)
