"""What is seen of several trajectories, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Observations"]


class Observations(tuple[Any, ...]):
    """One object a trajectory; takes a position, a slice, or an array of positions or of bool."""

    __slots__ = ()

    def __new__(cls, several: Iterable[Any] = ()) -> Observations:
        return super().__new__(cls, several)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, int | np.integer):
            return super().__getitem__(int(rows))
        return Observations(super(Observations, self).__getitem__(i) for i in self._places(rows))

    def _places(self, rows: Any) -> list[int]:
        return [int(i) for i in np.arange(len(self))[rows]]
