"""Relaxation timescales of eigenvalues, and their intervals."""

from __future__ import annotations

import numpy as np

from leyden.dynamics.blocks import interval

__all__ = ["reasons_of", "timescale", "timescale_interval", "told_values"]

ONE = 1 - 1e-12  # what rounding makes of an eigenvalue of 1


def timescale(values: np.ndarray, lag_ps: float) -> np.ndarray:
    """-lag / ln(eigenvalue); NaN where it is not positive, infinite where it is not below 1."""
    inside = (values > 0) & (values < ONE)
    times = -lag_ps / np.log(np.where(inside, values, 0.5))
    return np.where(inside, times, np.where(values >= ONE, np.inf, np.nan))


def timescale_interval(
    values: np.ndarray, samples: np.ndarray, lag_ps: float, count: int
) -> np.ndarray:
    """95 % intervals of the timescales of eigenvalues, shape (2, m).

    The interval reaches as far to both sides of the timescale as the farther of the two percentiles
    of the bootstrap (`leyden.dynamics.blocks.interval`): on the scale of logarithms of timescales,
    or of eigenvalues, where that is not as far.  Percentiles alone are too narrow just where the
    timescale came out too short: a run that happened to miss the long visits cannot draw them.
    Eigenvalues bound what a percentile does that touches 0, whose logarithm has no other side.

    Parameters
    ----------
    values : ndarray, shape (m,)
        Eigenvalues, without that of the equilibrium.
    samples : ndarray, shape (n, m)
        Of the bootstrap.
    lag_ps : float
    count : int
        Blocks that were drawn from.

    Returns
    -------
    ndarray, shape (2, m)
        0 and infinity where an eigenvalue may be as small as 0 or as great as 1; NaN for a single
        block.

    Notes
    -----
    ``python benchmarks/timescale_coverage.py`` (150 Markov chains of two and three states for each
    length; nominal 0.95): where no state has a population below 0.2, the slowest timescale is
    covered in 0.91 to 0.99 of runs of 20, 40 and 100 timescales, over all atoms, and in 0.78 to
    0.93 of runs of 10, of which up to 0.18 have no timescale at all.  With a population of 0.1 it
    is 0.73 to 0.87 after 20, 0.91 to 0.93 after 40.  The estimate itself is biased: its median is
    0.79 to 0.88 of the exact timescale after 10 timescales, 0.86 to 0.95 after 20, 0.93 to 0.98
    after 40.  That is not corrected, since the jackknife's correction did not make coverage better.
    """
    found = timescale(values, lag_ps)
    ends = interval(samples, count)
    low, high = percentiles = np.where(ends <= 0, 0.0, timescale(ends, lag_ps))
    with np.errstate(divide="ignore", invalid="ignore"):
        above, below = found * (found / percentiles)
    mirrored = np.where(2 * values - ends <= 0, 0.0, timescale(2 * values - ends, lag_ps))
    known = np.isfinite(found)
    return np.stack(
        [
            np.where(known, np.minimum(low, np.maximum(below, mirrored[1])), low),
            np.where(known, np.maximum(high, np.minimum(above, mirrored[0])), high),
        ]
    )


def told_values(values: np.ndarray) -> np.ndarray:
    """Real eigenvalues as they are; of a complex pair, which oscillates, the modulus."""
    if not np.iscomplexobj(values):
        return values
    return np.where(np.abs(values.imag) < 1e-12, values.real, np.abs(values))


def reasons_of(values: np.ndarray) -> tuple[str, ...]:
    """Why a timescale is missing, infinite, or not a plain decay."""
    told = []
    for value, size in zip(values, told_values(values), strict=True):
        if size >= ONE:
            told.append("no decay is seen: no transition, or populations that drift")
        elif size <= 0:
            told.append("the eigenvalue is not positive: at this lag the process has decayed")
        else:
            told.append("" if np.isreal(value) else "the eigenvalue is complex: it oscillates")
    return tuple(told)
