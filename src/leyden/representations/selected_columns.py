"""Some columns of a representation: those that vary in the data set that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from leyden.data.dataset import Dataset
from leyden.errors import InputError
from leyden.representations.represent import reads_disorder, represent

__all__ = ["SelectedColumns", "varying_columns"]


@dataclass(frozen=True)
class SelectedColumns:
    """Some of the columns of a representation, the same for every data set.

    Attributes
    ----------
    representation : Representation
        Gives an array of shape (n, d), and names its columns.
    kept : tuple of int
        Places of the columns, from 0.
    """

    kind: ClassVar[str] = "selected_columns"
    cuts: ClassVar[bool] = True

    representation: Any
    kept: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", tuple(int(column) for column in self.kept))
        if not self.kept or min(self.kept) < 0:
            raise InputError("at least one column must be kept, counted from 0", value=self.kept)

    def transform(self, items: Sequence[Any]) -> np.ndarray:
        """Vectors of shape (n, columns kept)."""
        return self.representation.transform(items)[:, list(self.kept)]

    def of(self, dataset: Dataset) -> np.ndarray:
        """Vectors of a data set, from the whole ones that may be made already."""
        return represent(self.representation, dataset)[:, list(self.kept)]

    def names(self) -> list[str]:
        """A name a column."""
        names = self.representation.names()
        return [names[column] for column in self.kept]

    @property
    def reads_disorder(self) -> bool:
        """As the whole representation."""
        return reads_disorder(self.representation)


def varying_columns(
    representation: Any, dataset: Dataset, least_variance: float = 0.0
) -> SelectedColumns:
    """The columns whose variance in a data set is larger than a bound.

    Source and target must be read by the same columns, so that one data set decides for all. Yan et
    al. let the target decide where it has a few hundred rows, and the source (melting points of
    ionic liquids) for 30 clearing temperatures; their filter saw all rows of it. Here it is to be
    given the *training* rows of a fold: a filter is part of what is learned.

    Parameters
    ----------
    representation : Representation
    dataset : Dataset
        Training rows of the target, or the source.
    least_variance : float
        Columns with this variance or less are left out; 0 leaves out those that are constant.

    Raises
    ------
    InputError
        No column varies that much.

    See Also
    --------
    sklearn.feature_selection.VarianceThreshold : the same as the first step of a pipeline, where
        the target decides and there is no source.
    """
    X = np.asarray(represent(representation, dataset), float)
    # equal numbers have a variance of exactly 0 only if their mean is not rounded
    varies = (X.max(axis=0) > X.min(axis=0)) & (X.var(axis=0) > least_variance)
    if not varies.any():
        raise InputError(
            "at least one column must vary in the data set that decides",
            file=dataset.name,
            value=least_variance,
            remedy="lower least_variance, or let another data set decide",
        )
    return SelectedColumns(representation, tuple(np.flatnonzero(varies).tolist()))
