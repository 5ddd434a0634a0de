"""Trajectories as a dataset: nothing is measured of them, and what they do is learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leyden.data.dataset import Dataset
from leyden.data.trajectory import Trajectory

__all__ = ["trajectory_dataset"]


def trajectory_dataset(
    trajectories: Trajectory | Sequence[Trajectory],
    *,
    ids: Sequence[str] | None = None,
    name: str = "trajectories",
) -> Dataset:
    """A dataset without targets, for the strategies of `leyden.transfer`.

    Parameters
    ----------
    trajectories : Trajectory or sequence of Trajectory
    ids : sequence of str, optional
        Default: the names of the trajectories, or their numbers where these do not tell them apart.
        Parts of one run have one id where one is tested on and another may not teach.
    name : str

    Raises
    ------
    InputError
        Ids that repeat.
    """
    several = [trajectories] if isinstance(trajectories, Trajectory) else list(trajectories)
    named = [one.name for one in several]
    if ids is None:
        apart = all(named) and len(set(named)) == len(named)
        ids = named if apart else [str(number) for number in range(len(several))]
    return Dataset(
        name, np.asarray(ids, str), tuple(several), pd.DataFrame(index=range(len(several)))
    )
