"""The rows that a saved model is asked about."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leyden.data.readers import Row

__all__ = ["rows_for"]


def rows_for(
    representation: Any,
    paths: Sequence[Path],
    *,
    item: str | None,
    ids: str | None,
    ion: str | None,
) -> Iterator[Row]:
    """Rows of all files, as electrodes where the model reads electrodes.

    Parameters
    ----------
    representation : Representation
        One that reads electrodes has an attribute `ions`: those that it was taught, or none for
        any. One that reads partly occupied sites is given such crystals.
    paths : sequence of path
    item, ids : str or None
        Columns.
    ion : str or None
        Working ion of every row.

    Raises
    ------
    InputError
        An ion that the model was not taught; a file that cannot be read.
    """
    from leyden.data.electrode import known_ion
    from leyden.data.readers import read_items
    from leyden.representations import reads_disorder

    ions = getattr(representation, "ions", None)
    if ion is not None and ions:
        known_ion(ion, ions)
    electrodes = ions is not None
    disorder = reads_disorder(representation)
    files = [
        read_items(path, item=item, id=ids, ion=ion, electrodes=electrodes, disorder=disorder)
        for path in paths
    ]
    return itertools.chain(*files)
