"""What a study says of the data that it learned from."""

from __future__ import annotations

from leyden.data.cards import card
from leyden.data.dataset import Dataset
from leyden.hashing import content_hash
from leyden.studies import Source

__all__ = ["cited"]


def cited(dataset: Dataset, name: str | None = None) -> Source:
    """Rows and hash of a dataset, with licence and attribution of its card.

    Parameters
    ----------
    dataset : Dataset
    name : str, optional
        Name of the card, where it is not that of the dataset.
    """
    told = card(dataset.name if name is None else name)
    return Source(
        dataset.name,
        len(dataset),
        content_hash(dataset),
        told.licence,
        told.attribution,
        told.doi or told.url,
    )
