"""Whether a candidate lies where the training rows lie, and which of them are nearest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from leyden.errors import IncompatibleError, InputError

__all__ = ["InDomain"]


class InDomain:
    """How far a candidate lies from the training rows, as the training rows themselves see it.

    The score of an item is the mean distance to its `neighbours` nearest training rows in the
    standardised embedding.  Its percentile among the same scores of the training rows, each
    measured without itself, says whether the model interpolates (50) or has never seen anything
    alike (100).

    Parameters
    ----------
    neighbours : int
    limit : float
        Percentile up to which an item counts as in-domain.
    """

    kind = "in_domain"
    columns: ClassVar[dict[str, Any]] = {"in_domain_percentile": np.nan, "nearest_training_ids": ""}

    def __init__(self, neighbours: int = 5, limit: float = 95.0) -> None:
        if neighbours < 1 or not 0 < limit <= 100:
            raise InputError("at least one neighbour, and a limit in per cent", value=neighbours)
        self.neighbours, self.limit = neighbours, limit

    def fit(self, embeddings: np.ndarray, ids: np.ndarray) -> InDomain:
        """Learn from training rows: embeddings of shape (n, d), and their ids."""
        values = _embeddings(embeddings)
        if len(values) != len(ids) or len(values) < 2:
            raise IncompatibleError(f"{len(values)} embeddings for {len(ids)} ids; two at least")
        spread = values.std(axis=0)
        self.ids_ = np.asarray(ids, dtype=str)
        self.mean_ = values.mean(axis=0)
        self.scale_ = np.where(spread > 1e-12, spread, 1.0)
        self.rows_ = ((values - self.mean_) / self.scale_).astype(np.float32)
        k = min(self.neighbours, len(values) - 1)
        distances = self._search().kneighbors(n_neighbors=k)[0]
        self.scores_ = np.sort(distances.mean(axis=1))
        return self

    def percentile(self, embeddings: np.ndarray) -> np.ndarray:
        """Share of the training rows that lie nearer to the others, in per cent, shape (m,)."""
        distances = self.nearest(embeddings, min(self.neighbours, len(self.ids_) - 1))[1]
        rank = np.searchsorted(self.scores_, distances.mean(axis=1), side="left")
        return np.asarray(100.0 * rank / len(self.scores_))

    def inside(self, embeddings: np.ndarray) -> np.ndarray:
        """Whether each item is in-domain, shape (m,), bool."""
        return np.asarray(self.percentile(embeddings) <= self.limit)

    def nearest(self, embeddings: np.ndarray, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
        """Ids and standardised distances of the k nearest training rows, both of shape (m, k)."""
        values = (_embeddings(embeddings) - self.mean_) / self.scale_
        k = min(k, len(self.ids_))
        distances, rows = self._search().kneighbors(values.astype(np.float32), n_neighbors=k)
        return self.ids_[rows], distances

    def describe(
        self, items: Sequence[Any], embed: Callable[[], np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The `columns` of a table of predictions, from what `embed` gives of the items."""
        embeddings = embed()
        nearest = np.array(["; ".join(ids) for ids in self.nearest(embeddings)[0]], object)
        return dict(zip(self.columns, (self.percentile(embeddings), nearest), strict=True))

    def config(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {"neighbours": self.neighbours, "limit": self.limit}

    def state(self) -> dict[str, np.ndarray]:
        """What was learned, as arrays."""
        learned = (self.ids_, self.rows_, self.mean_, self.scale_, self.scores_)
        return dict(zip(("ids", "rows", "mean", "scale", "scores"), learned, strict=True))

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> InDomain:
        """The object that `config` and `state` came from."""
        new = cls(**config)
        new.ids_ = np.asarray(arrays["ids"], dtype=str)
        new.rows_, new.mean_ = arrays["rows"], arrays["mean"]
        new.scale_, new.scores_ = arrays["scale"], arrays["scores"]
        return new

    def _search(self) -> Any:
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(algorithm="brute").fit(self.rows_)


def _embeddings(values: np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InputError("embeddings are a finite matrix of shape (n, d)", value=array.shape)
    return array
