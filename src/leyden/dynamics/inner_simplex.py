"""States that mean something: the purest memberships become the corners of the simplex.

A VAMP score does not change when memberships are mixed linearly, so a network may learn the right
dynamics with memberships of 0.73 here and 0.85 there.  The mixture that makes them as pure as they
can be follows from the frames that lie farthest apart, which are taken to be pure.
"""

from __future__ import annotations

import numpy as np

from leyden.errors import InputError

__all__ = ["apart", "inner_simplex"]

_PART = 0.002  # of the frames, whose mean is a corner: one frame alone may be an accident
_FEWEST = 5
_FLATTEST = 1e-6


def inner_simplex(memberships: np.ndarray) -> np.ndarray:
    """The linear map that sends the corners of what memberships fill to pure states.

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
    with means of the few purest frames as corners.
    """
    rows = np.asarray(memberships, float)
    many = min(len(rows), max(_FEWEST, round(_PART * len(rows))))
    left = rows - rows.mean(0)
    first = rows[np.square(left).sum(1).argmax()]
    corners = [first]
    left = rows - first
    for _ in range(1, rows.shape[1]):
        far = np.square(left).sum(1).argmax()
        corners.append(rows[far])
        length = float(np.linalg.norm(left[far]))
        if length < _FLATTEST:
            raise InputError("memberships tell as many states apart as there are")
        along = left[far] / length
        left = left - np.outer(left @ along, along)
    pure = apart(rows, np.linalg.inv(np.array(corners)))
    nearest = np.argsort(-pure, axis=0)[:many]
    means = rows[nearest].mean(0)
    if abs(np.linalg.det(means)) < _FLATTEST ** (rows.shape[1] - 1):
        raise InputError("memberships tell as many states apart as there are")
    mixed = np.linalg.inv(means)
    return mixed[:, np.argsort(-apart(rows, mixed).mean(0))]


def apart(memberships: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """Memberships (n, k) after a map of `inner_simplex`; what lies beyond a corner is put on it."""
    inside = np.clip(memberships @ mixed, 0.0, None)
    return inside / inside.sum(1, keepdims=True)
