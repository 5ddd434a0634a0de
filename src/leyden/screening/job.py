"""What the engine asks of a screening: shards, each with its counts and its best candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

__all__ = ["Job", "ShardResult"]


@dataclass(frozen=True, eq=False)
class ShardResult:
    """What came of one or more shards.

    Attributes
    ----------
    counts : dict of str to int
        Candidates left after each criterion, in the order of the criteria; they add up over shards.
    rows : DataFrame
        The best candidates by falling `score`; of equal scores, the lower `key` first.  No two
        candidates have the same key.
    """

    counts: dict[str, int]
    rows: pd.DataFrame


class Job(Protocol):
    """A screening in shards, which may be run anywhere, in any order, and again.

    It is sent to every worker, so its pickle should be small.  A job may also have

    * ``to_dict() -> dict``, its expanded description; it is kept beside the results, and tells what
      differs where a folder holds those of another job;
    * ``reduce(result) -> ShardResult``, what is carried on of shards that are kept, where they keep
      more rows than the result has; it may be applied to the merge of what it gave before;
    * ``finish(result) -> ShardResult``, what is done at the end with the result of all shards.
    """

    def fingerprint(self) -> str:
        """Hash of everything that decides the result."""

    def shards(self) -> int:
        """Number of shards; they are numbered from 0."""

    def candidates(self, shard: int) -> int:
        """Number of candidates in a shard."""

    def run(self, shard: int) -> ShardResult:
        """Screen a shard."""

    def merge(self, a: ShardResult, b: ShardResult) -> ShardResult:
        """Sum of the counts, and the best rows of both; in whatever order results are merged."""
