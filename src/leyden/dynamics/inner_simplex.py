"""States that mean something: memberships are unmixed, so that typical frames are pure.

A VAMP score does not change when memberships are mixed linearly, so a network may learn the right
dynamics with memberships of 0.73 here and 0.85 there.  The frames that lie farthest apart tell
which mixture it is; the corners are then put into the midst of the frames about them.
"""

from __future__ import annotations

import numpy as np

from leyden.errors import InputError

__all__ = ["inner_simplex", "inside"]

_PART = 0.002  # of the frames, whose mean is a first corner: one frame alone may be an accident
_FEWEST = 5
_FLATTEST = 1e-3  # distance of two corners; memberships lie between 0 and 1


def inner_simplex(memberships: np.ndarray) -> np.ndarray:
    """The linear map that sends the typical frame of each state to a pure one.

    Parameters
    ----------
    memberships : ndarray, shape (n, k)
        Rows add up to one.

    Returns
    -------
    ndarray, shape (k, k)
        S; rows of ``memberships @ S`` add up to one, and states are ordered by population, the
        largest first.

    Raises
    ------
    InputError
        Memberships that fill no simplex of k corners: some of the states are one.

    Notes
    -----
    The inner simplex algorithm of P. Deuflhard and M. Weber, Linear Algebra Appl. 398, 161 (2005),
    finds the corners.  These are replaced by the median of the frames that belong to each by more
    than one half: the purest frames are the noisiest, and populations would depend on them.
    """
    rows = np.asarray(memberships, float)
    many = min(len(rows), max(_FEWEST, round(_PART * len(rows))))
    pure = rows @ _unmixing(rows[_farthest(rows)])
    pure = rows @ _unmixing(rows[np.argsort(-pure, axis=0)[:many]].mean(0))
    middles = np.array([np.median(rows[column > 0.5], axis=0) for column in pure.T])
    # Medians of three numbers or more do not add up to one, and what they send would not either.
    mixed = _unmixing(middles / middles.sum(axis=1, keepdims=True))
    return mixed[:, np.argsort(-(rows @ mixed).mean(0))]


def inside(mixture: np.ndarray) -> np.ndarray:
    """Rows (n, k) that add up to one, as memberships: what is beyond a corner is put on it."""
    kept = np.clip(mixture, 0.0, None)
    return kept / kept.sum(-1, keepdims=True)


def _farthest(rows: np.ndarray) -> list[int]:
    """Rows that span the largest simplex, one after another as far from those before as can be."""
    chosen = [int(np.square(rows - rows.mean(0)).sum(1).argmax())]
    left = rows - rows[chosen[0]]
    for _ in range(1, rows.shape[1]):
        far = int(np.square(left).sum(1).argmax())
        length = float(np.linalg.norm(left[far]))
        if length < _FLATTEST:
            raise InputError("memberships tell as many states apart as there are")
        chosen.append(far)
        along = left[far] / length
        left = left - np.outer(left @ along, along)
    return chosen


def _unmixing(corners: np.ndarray) -> np.ndarray:
    """The map that makes these corners pure."""
    if not np.isfinite(corners).all() or np.linalg.cond(corners) > 1 / _FLATTEST**2:
        raise InputError("memberships tell as many states apart as there are")
    return np.linalg.inv(corners)
