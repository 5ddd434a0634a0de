"""Folders of arrays: two processes that make the same one, and processes that are killed."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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

STILLBORN = """
import os, signal, sys
import leyden.data.array_folder as module

def killed(folder, **_):
    if "-making-" in folder.name or ".new-" in folder.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return taken(folder, **_)

taken, module._locked = module._locked, killed
module.ArrayWriter(sys.argv[1])
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


def test_a_writer_that_was_killed_before_it_had_its_lock_leaves_nothing_either(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(leyden.__file__).parents[1])}
    command = [sys.executable, "-c", STILLBORN, str(tmp_path / "store")]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    with ArrayWriter(tmp_path / "store"):
        assert left not in names(tmp_path)
    assert names(tmp_path) == []


def test_writers_that_begin_together_do_not_take_each_other_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(**how: Any) -> str:
        made = mkdtemp(**how)
        time.sleep(0.02)  # it has no lock yet
        return made

    def begun(_: int) -> bool:
        with ArrayWriter(tmp_path / "store") as writer:
            all_have_begun.wait()
            writer.append("rows", np.arange(3))
            return writer.finish({})["rows"].tolist() == [0, 1, 2]

    mkdtemp, all_have_begun = tempfile.mkdtemp, threading.Barrier(4)
    monkeypatch.setattr(tempfile, "mkdtemp", slowly)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(begun, range(4)))
    assert names(tmp_path) == ["store"]


def test_a_writer_of_another_host_may_be_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock may not be seen here."""
    for host in ("here-too", "here"):
        monkeypatch.setattr(platform, "node", lambda host=host: host)
        hidden = ArrayWriter(tmp_path / "store")._hidden
        assert hidden is not None
        assert hidden._lock is not None
        os.close(hidden._lock)  # as when its process is killed
    assert len(names(tmp_path)) == 2
    with ArrayWriter(tmp_path / "store"):
        (other,) = [name for name in names(tmp_path) if "here-too" in name]
    assert names(tmp_path) == [other]


def test_a_store_that_was_removed_while_it_was_written(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "store") as writer:
        writer.append("rows", np.arange(3))
        for hidden in tmp_path.iterdir():
            shutil.rmtree(hidden)
        with pytest.raises(InputError, match=r"store: .*removed.*leave hidden folders"):
            writer.append("others", np.arange(3))
        with pytest.raises(InputError, match="removed"):
            writer.finish({})
    assert names(tmp_path) == []


def test_a_disk_that_fails_is_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with ArrayWriter(tmp_path / "store") as writer:
        writer.append("rows", np.arange(3))
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", full)
            with pytest.raises(OSError, match="No space"):
                writer.finish({})


def test_a_file_of_that_name_is_not_replaced(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "store") as writer:
        writer.append("rows", np.arange(3))
        (tmp_path / "store").write_text("letter")
        with pytest.raises(InputError, match="a different store, or files"):
            writer.finish({})
    assert (tmp_path / "store").read_text() == "letter"


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
