"""The engine: however a screening is divided, killed and repeated, its answer is the same."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden.errors import ArtefactError, InputError, LeydenError, MissingExtraError
from leyden.hashing import content_hash
from leyden.screening import dispatch, workers
from leyden.screening.engine import Screening, run
from leyden.screening.job import ShardResult
from leyden.screening.kept_shards import KeptShards
from leyden.screening.progress import progress_bar
from leyden.screening.shard_queue import ShardQueue
from watching import alive, wait_for


@dataclass(frozen=True)
class Numbers:
    """Candidates are whole numbers below a bound; the score is coarse, so that there are ties.

    `diary` is a folder where each run of a shard leaves a file, `trouble` what happens in shard 5.
    """

    bound: int = 5000
    pieces: int = 40
    keep: int = 25
    wait: float = 0.0
    diary: str = ""
    trouble: str = ""

    def fingerprint(self) -> str:
        return content_hash(self.bound, self.pieces, self.keep)

    def to_dict(self) -> dict[str, Any]:
        return {"keep": self.keep, "space": {"bound": self.bound, "pieces": self.pieces}}

    def shards(self) -> int:
        return self.pieces

    def ends(self, shard: int) -> tuple[int, int]:
        return self.bound * shard // self.pieces, self.bound * (shard + 1) // self.pieces

    def candidates(self, shard: int) -> int:
        start, stop = self.ends(shard)
        return stop - start

    def run(self, shard: int) -> ShardResult:
        if self.diary:
            name = f"{shard}-{os.getpid()}-{time.time_ns()}"
            (Path(self.diary) / name).touch()
        if shard == 5 and self.trouble:
            self.fail()
        time.sleep(self.wait)
        return self.screened(*self.ends(shard))

    def screened(self, start: int, stop: int) -> ShardResult:
        keys = np.arange(start, stop)
        odd = keys[keys % 2 == 1]
        rows = pd.DataFrame({"key": odd, "score": (odd * 7919 % 101) / 7.0})
        rows["name"] = "number " + rows["key"].astype(str)
        counts = {"total": len(keys), "odd": len(odd)}
        return ShardResult(counts, self.best(rows))

    def best(self, rows: pd.DataFrame) -> pd.DataFrame:
        ranked = rows.sort_values(["score", "key"], ascending=[False, True])
        return ranked.head(self.keep).reset_index(drop=True)

    def merge(self, a: ShardResult, b: ShardResult) -> ShardResult:
        counts = {name: a.counts[name] + b.counts[name] for name in a.counts}
        return ShardResult(counts, self.best(pd.concat([a.rows, b.rows], ignore_index=True)))

    def fail(self) -> None:
        kind, _, place = self.trouble.partition(":")
        if kind == "once" and (Path(place) / "died").exists():
            return
        if kind == "error":
            raise ValueError("no such number")
        if kind == "input":
            raise InputError("numbers are even", value=5)
        if kind == "memory":
            raise MemoryError
        if kind == "once":
            (Path(place) / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)


JOB = Numbers()
EXPECTED = JOB.screened(0, JOB.bound)


def check(result: Screening) -> None:
    assert list(result.counts.items()) == list(EXPECTED.counts.items())
    pd.testing.assert_frame_equal(result.rows, EXPECTED.rows)
    loaded = Screening.load(result.folder)
    assert (loaded.counts, loaded.candidates) == (result.counts, JOB.bound)
    pd.testing.assert_frame_equal(loaded.rows, EXPECTED.rows)


def shards_run(diary: Path) -> list[int]:
    return sorted(int(path.name.split("-")[0]) for path in diary.iterdir())


def kept_files(folder: Path) -> list[Path]:
    return sorted((folder / "shards").glob("*.parquet"))


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    folder = tmp_path / "diary"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "screening"


class Shuffled(ThreadPoolExecutor):
    """One thread, which runs what waits in an order of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__(1)
        self.random = np.random.default_rng(seed)
        self.waiting: list[tuple[Future[Any], Any, Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, fn, args))
        super().submit(self.run_one)
        return future

    def run_one(self) -> None:
        time.sleep(0.002)
        future, fn, args = self.waiting.pop(self.random.integers(len(self.waiting)))
        future.set_result(fn(*args))


class TestTheAnswer:
    def test_here(self, folder: Path) -> None:
        result = run(JOB, folder, progress=False)
        check(result)
        assert result.counts == {"total": 5000, "odd": 2500}
        assert result.rows["score"].iloc[0] == 100 / 7
        pd.testing.assert_frame_equal(pd.read_parquet(folder / "rows.parquet"), EXPECTED.rows)

    def test_threads_and_processes(self, tmp_path: Path, diary: Path) -> None:
        with ThreadPoolExecutor(3) as pool:
            check(run(JOB, tmp_path / "threads", executor=pool, progress=False))
        job = replace(JOB, diary=str(diary), wait=0.01)
        check(run(job, tmp_path / "processes", workers=2, progress=False))
        pids = {path.name.split("-")[1] for path in diary.iterdir()}
        assert shards_run(diary) == list(range(40))
        assert 1 <= len(pids - {str(os.getpid())}) == len(pids) <= 2

    def test_files_are_the_same_bytes_however_it_was_run(self, tmp_path: Path) -> None:
        run(JOB, tmp_path / "a", progress=False)
        with ThreadPoolExecutor(2) as pool:
            run(JOB, tmp_path / "b", executor=pool, progress=False)
        for name in ("rows.parquet", "manifest.json"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    def test_funnel(self, folder: Path) -> None:
        funnel = run(JOB, folder, progress=False).funnel
        assert funnel.to_dict("list") == {
            "criterion": ["total", "odd"],
            "candidates": [5000, 2500],
            "share": [1.0, 0.5],
        }

    def test_a_job_may_finish_its_result(self, folder: Path) -> None:
        class Finishing(Numbers):
            def finish(self, result: ShardResult) -> ShardResult:
                return ShardResult({**result.counts, "kept": 3}, result.rows.head(3))

        result = run(Finishing(), folder, progress=False)
        assert result.counts == {"total": 5000, "odd": 2500, "kept": 3}
        assert len(Screening.load(folder).rows) == 3

    @settings(max_examples=12, deadline=None)
    @given(
        before=st.lists(st.tuples(st.integers(0, 39), st.integers(1, 12)), max_size=6),
        seed=st.integers(0, 2**32 - 1),
    )
    def test_neither_division_nor_order_nor_repetition_counts(
        self, before: list[tuple[int, int]], seed: int
    ) -> None:
        """Whatever ranges are there, overlapping too, and in whatever order the rest comes."""
        with tempfile.TemporaryDirectory() as name:
            kept = KeptShards(Path(name), JOB)
            for start, length in before:
                shards = range(start, min(start + length, 40))
                kept.put(shards, JOB.screened(JOB.ends(start)[0], JOB.ends(shards[-1])[1]))
            with Shuffled(seed) as pool:
                check(run(JOB, name, executor=pool, progress=False))


class TestTheQueue:
    @given(
        sizes=st.lists(st.integers(0, 10**9), min_size=1, max_size=60),
        rates=st.lists(st.floats(1e-3, 1e12), min_size=60, max_size=60),
        done=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=4),
        workers=st.integers(0, 1000),
    )
    def test_every_shard_once(
        self, sizes: list[int], rates: list[float], done: list[tuple[int, int]], workers: int
    ) -> None:
        queue, seen = ShardQueue(np.array(sizes)), np.zeros(len(sizes), dtype=int)
        for ends in done:
            shards = range(min(*ends, len(sizes)), min(max(ends), len(sizes)))
            queue.leave_out(shards)
            seen[shards] = 1
        for rate in rates:
            assert queue.left == np.array(sizes)[seen == 0].sum()
            chunk = queue.take(workers)
            if chunk is None:
                break
            assert len(chunk) >= 1
            seen[chunk] += 1
            queue.learn(chunk, queue.candidates(chunk) / rate)
        assert (seen == 1).all()

    def test_chunks_grow_to_two_seconds_and_shrink_at_the_end(self) -> None:
        """1,000 candidates a second a worker, shards of 10: full chunks hold 200 shards."""
        queue = ShardQueue(np.full(20_000, 10))
        lengths = []
        while chunk := queue.take(4):
            lengths.append(len(chunk))
            queue.learn(chunk, len(chunk) * 0.01)
        assert lengths[0] < 10
        assert max(lengths) == lengths[len(lengths) // 2] == 200
        assert lengths[-1] <= 25
        assert len(lengths) < 20_000 / 200 + 40

    def test_not_more_chunks_than_a_folder_can_hold(self) -> None:
        queue, taken = ShardQueue(np.full(100_000, 10)), 0
        while chunk := queue.take(2):
            queue.learn(chunk, 1e6)
            taken += 1
        assert taken <= 4200


class TestResumed:
    def test_finished_shards_are_not_run_again(self, folder: Path, diary: Path) -> None:
        job = replace(JOB, diary=str(diary))
        check(run(job, folder, progress=False))
        assert shards_run(diary) == list(range(40))
        check(run(job, folder, progress=False))
        check(run(job, folder, workers=2, progress=False))
        assert len(shards_run(diary)) == 40

    @pytest.mark.parametrize("harm", ["cut", "changed", "empty"])
    def test_a_damaged_file_is_run_again(self, folder: Path, diary: Path, harm: str) -> None:
        job = replace(JOB, diary=str(diary))
        run(job, folder, progress=False)
        victim = kept_files(folder)[1]
        start, stop = map(int, victim.name.split(".")[0].split("-"))
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes({"cut": bytes(data[:-9]), "changed": bytes(data), "empty": b""}[harm])
        with pytest.warns(UserWarning, match=f"{victim.name} is damaged"):
            check(run(job, folder, progress=False))
        assert shards_run(diary) == sorted([*range(40), *range(start, stop)])
        check(run(job, folder, progress=False))  # and it is said once

    def test_a_lost_or_altered_result_is_written_anew(self, folder: Path) -> None:
        run(JOB, folder, progress=False)
        (folder / "rows.parquet").write_bytes(b"PAR1")
        with pytest.raises(ArtefactError, match="altered"):
            Screening.load(folder)
        check(run(JOB, folder, progress=False))

    def test_a_kill_while_a_file_is_written_leaves_nothing_that_counts(self, folder: Path) -> None:
        folder.mkdir()
        (folder / ".manifest.json.1.part").write_bytes(b"{")
        kept = KeptShards(folder, JOB)
        (folder / "shards").mkdir()
        (folder / "shards" / ".000000-000004.0123456789abcdef.parquet.1.part").write_bytes(b"PAR1")
        assert list(kept.find()) == []
        check(run(JOB, folder, progress=False))

    @pytest.mark.parametrize(("workers", "counts"), [(0, (2, 4)), (2, (3,))])
    def test_the_driver_is_killed(
        self, folder: Path, diary: Path, workers: int, counts: tuple[int, ...]
    ) -> None:
        script = folder.with_name("drive.py")
        script.write_text(SCRIPT)
        command = [sys.executable, str(script), str(folder), str(diary), str(workers)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        for count in counts:
            with subprocess.Popen(command, env=environment, start_new_session=True) as process:
                wait_for(lambda count=count: len(kept_files(folder)) >= count)
                process.send_signal(signal.SIGKILL)
                process.wait()
            pids = {path.name.split("-")[1] for path in diary.iterdir()}
            wait_for(lambda pids=pids: not any(map(alive, pids)))  # workers end as well
        assert "counts" not in json.loads((folder / "manifest.json").read_text())
        with pytest.raises(InputError, match="not finished"):
            Screening.load(folder)
        kept = sum(len(shards) for shards, _ in KeptShards(folder, JOB).find())
        before = len(shards_run(diary))
        assert 0 < kept < 40
        check(run(replace(JOB, diary=str(diary)), folder, progress=False))
        assert len(shards_run(diary)) - before == 40 - kept


SCRIPT = """
import sys
from dataclasses import replace
from leyden.screening.engine import run
from test_screening_engine import JOB
if __name__ == "__main__":
    folder, diary, workers = sys.argv[1:]
    run(replace(JOB, diary=diary, wait=0.1), folder, workers=int(workers) or None)
"""


class TestTrouble:
    def test_a_worker_that_dies_once_is_made_up_for(self, folder: Path, diary: Path) -> None:
        place = folder.with_name("place")
        place.mkdir()
        job = replace(JOB, trouble=f"once:{place}", diary=str(diary))
        check(run(job, folder, workers=1, progress=False))
        assert (place / "died").exists()

    def test_a_shard_that_always_kills_is_named(self, folder: Path, diary: Path) -> None:
        job = replace(JOB, trouble="kill")
        with pytest.raises(
            LeydenError, match=r"died while it ran shard 5 of 40, .* memory"
        ) as told:
            run(job, folder, workers=2, progress=False)
        assert "Remedy: take fewer workers" in str(told.value)
        kept = sum(len(shards) for shards, _ in KeptShards(folder, JOB).find())
        assert kept >= 4, "the four shards before it were run, one after the other at the latest"
        check(run(replace(JOB, diary=str(diary)), folder, progress=False))
        assert len(shards_run(diary)) == 40 - kept

    def test_a_pool_of_ones_own_that_breaks(self, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        job = replace(JOB, trouble="kill")
        with (
            ProcessPoolExecutor(1, context) as pool,
            pytest.raises(LeydenError, match=r"a worker died while it ran shards? \d+"),
        ):
            run(job, folder, executor=pool, progress=False)
        check(run(JOB, folder, progress=False))

    @pytest.mark.parametrize(
        ("trouble", "told"),
        [
            ("error", r"^shard 5 of 40 failed \(ValueError: no such number\)\. Finished shards"),
            ("memory", r"^a worker ran out of memory in shard 5 of 40\. .*fewer workers"),
            ("input", r"^numbers are even \(got 5\)"),
        ],
    )
    @pytest.mark.parametrize("threads", [0, 2])
    def test_a_shard_that_fails(self, folder: Path, trouble: str, told: str, threads: int) -> None:
        job = replace(JOB, trouble=trouble)
        with ThreadPoolExecutor(max(threads, 1)) as pool, pytest.raises(LeydenError, match=told):
            run(job, folder, executor=pool if threads else None, progress=False)
        assert kept_files(folder)
        check(run(JOB, folder, progress=False))

    def test_a_worker_of_another_version(self, folder: Path, monkeypatch: Any) -> None:
        real = dispatch._run_chunk
        monkeypatch.setattr(
            dispatch, "_run_chunk", lambda job, shards, version: real(job, shards, "0.0.1")
        )
        with pytest.raises(LeydenError, match=r"has Leyden .*, and the driver 0\.0\.1"):
            run(JOB, folder, progress=False)

    def test_a_cancelled_future(self, folder: Path) -> None:
        class Lost(ThreadPoolExecutor):
            def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
                future = Future[Any]()
                future.cancel()
                future.set_running_or_notify_cancel()
                return future

        with Lost(1) as pool, pytest.raises(LeydenError, match="cancelled: the scheduler"):
            run(JOB, folder, executor=pool, progress=False)


class TestFoldersAndRequests:
    @pytest.mark.parametrize(
        ("other", "told"),
        [
            (Numbers(keep=24), "keep is 24 here|keep is 25 there and 24 here"),
            (Numbers(bound=4000), r"space\.bound is 5000 there and 4000 here"),
            (Numbers(pieces=8), r"space\.pieces is 40 there and 8 here"),
        ],
    )
    def test_of_another_job(self, folder: Path, other: Numbers, told: str) -> None:
        run(JOB, folder, progress=False)
        before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        with pytest.raises(InputError, match=told) as error:
            run(other, folder, progress=False)
        assert str(error.value).startswith(str(folder / "manifest.json"))
        assert "Remedy: choose another folder" in str(error.value)
        assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before

    def test_of_another_version(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run(JOB, folder, progress=False)
        monkeypatch.setattr("leyden.__version__", "9.0")
        with pytest.raises(InputError, match=r"leyden is '.*' there and '9\.0' here"):
            run(JOB, folder, progress=False)

    def test_of_a_job_that_does_not_describe_itself(self, folder: Path) -> None:
        class Silent(Numbers):
            to_dict = None  # type: ignore[assignment]

            def __getattribute__(self, name: str) -> Any:
                if name == "to_dict":
                    raise AttributeError(name)
                return super().__getattribute__(name)

        check(run(Silent(), folder, progress=False))
        with pytest.raises(InputError, match=r"job is '.*' there and '.*' here"):
            run(Silent(keep=24), folder, progress=False)

    def test_a_shard_of_another_job(self, tmp_path: Path) -> None:
        run(Numbers(keep=3), tmp_path / "other", progress=False)
        run(JOB, tmp_path / "mine", progress=False)
        stray = kept_files(tmp_path / "other")[0]
        for path in kept_files(tmp_path / "mine"):
            path.unlink()
        stray.rename(tmp_path / "mine" / "shards" / stray.name)
        with pytest.raises(InputError, match="belongs to another screening"):
            run(JOB, tmp_path / "mine", progress=False)

    def test_of_something_else(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "thesis.tex").write_text("")
        with pytest.raises(InputError, match="not empty, and no manifest"):
            run(JOB, folder, progress=False)

    def test_a_file(self, folder: Path) -> None:
        folder.write_text("")
        with pytest.raises(InputError, match="Remedy"):
            run(JOB, folder, progress=False)

    @pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 99}'])
    def test_a_manifest_that_is_none(self, folder: Path, text: str) -> None:
        folder.mkdir()
        (folder / "manifest.json").write_text(text)
        with pytest.raises(InputError, match="manifest"):
            run(JOB, folder, progress=False)

    def test_no_screening(self, folder: Path) -> None:
        with pytest.raises(InputError, match="there is no screening"):
            Screening.load(folder)

    def test_no_shards(self, folder: Path) -> None:
        with pytest.raises(InputError, match="at least one shard"):
            run(Numbers(pieces=0), folder, progress=False)

    def test_requests(self, folder: Path) -> None:
        with pytest.raises(InputError, match="at least one worker"):
            run(JOB, folder, workers=0)
        with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="not both"):
            run(JOB, folder, workers=2, executor=pool)
        assert not folder.exists()


def test_the_bar_tells_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("screening", 1000, 250, True) as advance:
        advance(50)
        time.sleep(0.05)
        advance(200)
        time.sleep(0.15)
    assert re.search(r"screening.*50%.*candidates/s.*\d:\d\d", shown.getvalue())
    shown.truncate(0)
    with progress_bar("screening", 1000, 0, False) as advance:
        advance(1000)
    assert not shown.getvalue().strip("\0")


class TestDask:
    @pytest.fixture(scope="class")
    @staticmethod
    def cluster() -> Iterator[Any]:
        distributed = pytest.importorskip("distributed", reason="distributed is absent")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster:
            yield cluster

    def test_two_workers_give_the_same_rows(self, cluster: Any, folder: Path, diary: Path) -> None:
        job = replace(JOB, diary=str(diary), wait=0.02)
        with workers.dask_workers(cluster.scheduler_address) as executor:
            check(run(job, folder, executor=executor, progress=False))
        assert len({path.name.split("-")[1] for path in diary.iterdir()}) == 2
        assert shards_run(diary) == list(range(40))

    def test_a_killed_worker_is_made_up_for(self, cluster: Any, folder: Path) -> None:
        place = folder.with_name("place")
        place.mkdir()
        job = replace(JOB, trouble=f"once:{place}")
        with workers.dask_workers(cluster.scheduler_address) as executor:
            check(run(job, folder, executor=executor, progress=False))
        assert (place / "died").exists()

    def test_a_shard_that_always_kills_is_named(
        self, cluster: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
        job = replace(JOB, trouble="kill")
        with (
            workers.dask_workers(cluster.scheduler_address) as executor,
            pytest.raises(LeydenError, match=r"a worker died while it ran shards? .* of 40, most"),
        ):
            run(job, folder, executor=executor, progress=False)
        assert kept_files(folder)

    def test_a_scheduler_without_workers_is_told(self) -> None:
        distributed = pytest.importorskip("distributed", reason="distributed is absent")
        with (
            distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
            pytest.warns(UserWarning, match="no workers yet"),
            workers.dask_workers(empty.scheduler_address),
        ):
            pass

    def test_no_scheduler(self) -> None:
        pytest.importorskip("distributed", reason="distributed is absent")
        for address in ("tcp://127.0.0.1:9", "nonsense://x"):
            with (
                pytest.raises(InputError, match="no Dask scheduler answers"),
                workers.dask_workers(address, timeout=0.5),
            ):
                pass


def test_dask_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(MissingExtraError, match=r"leyden\[cluster\]"),
        workers.dask_workers("tcp://127.0.0.1:8786"),
    ):
        pass
