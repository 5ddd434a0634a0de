"""Shards that are still to be run, handed out in chunks that are worth the way to a worker."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["ShardQueue"]

CHUNK_SECONDS = 2.0
"""Work of a chunk: long against the cost of sending and keeping it, short against losing it."""

MOST_CHUNKS = 4096
"""About the most files that a screening leaves, however many its shards are."""

_GROWTH = 8.0


class ShardQueue:
    """Hands out chunks: ranges of shards, the lowest first.

    The first chunks are single shards; then a chunk is as large as what a worker does in
    `CHUNK_SECONDS`, and smaller near the end, so that no worker waits long for another.

    Parameters
    ----------
    sizes : ndarray of int, shape (n,)
        Candidates of each shard.
    """

    def __init__(self, sizes: np.ndarray) -> None:
        self._ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._gaps = [range(len(sizes))] if len(sizes) else []
        self._rate: float | None = None
        self._last = 0.0

    @property
    def left(self) -> int:
        """Candidates that are not handed out."""
        return sum(self.candidates(gap) for gap in self._gaps)

    def candidates(self, shards: range) -> int:
        """Candidates of some shards."""
        return int(self._ends[shards.stop] - self._ends[shards.start])

    def leave_out(self, shards: range) -> None:
        """These are finished already."""
        parts = []
        for gap in self._gaps:
            parts.append(range(gap.start, min(gap.stop, shards.start)))
            parts.append(range(max(gap.start, shards.stop), gap.stop))
        self._gaps = [part for part in parts if part]

    def learn(self, shards: range, seconds: float) -> None:
        """Chunks of `CHUNK_SECONDS` are cut by how long this one took a worker."""
        rate = self.candidates(shards) / max(seconds, 1e-6)
        # The first call compiles or loads, and says little: what came before fades fast.
        self._rate = rate if self._rate is None else math.sqrt(self._rate * rate)
        self._last = self.candidates(shards)

    def take(self, workers: int) -> range | None:
        """The next chunk, or None when all shards are handed out."""
        if not self._gaps:
            return None
        gap = self._gaps[0]
        size = max(self._wanted(workers), self._ends[-1] / MOST_CHUNKS)
        stop = int(np.searchsorted(self._ends, self._ends[gap.start] + size, side="right")) - 1
        stop = min(max(stop, gap.start + 1), gap.stop)
        self._gaps[0] = range(stop, gap.stop)
        if stop == gap.stop:
            del self._gaps[0]
        return range(gap.start, stop)

    def _wanted(self, workers: int) -> float:
        """Candidates of the next chunk."""
        if self._rate is None:
            return 0.0
        full = min(self._rate * CHUNK_SECONDS, _GROWTH * self._last)
        fair = self.left / (2 * max(workers, 1))
        return min(full, max(fair, full / 8))
