"""The best value after so many evaluations, of one run, of several, and of all orders of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import gammaln

__all__ = [
    "best_of_any_order",
    "best_of_repeats",
    "best_so_far",
    "one_campaign",
]


def best_so_far(values: np.ndarray, *, maximise: bool = True) -> np.ndarray:
    """The best of the first k values, k = 1 ... n, shape (n,).

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where an evaluation gave none; it counts as an evaluation.
    maximise : bool

    Examples
    --------
    >>> best_so_far(np.array([1.0, np.nan, 3.0, 2.0]))
    array([1., 1., 3., 3.])
    """
    better = np.fmax if maximise else np.fmin
    return np.asarray(better.accumulate(np.asarray(values, float)))


def best_of_repeats(
    repeats: Sequence[np.ndarray], *, maximise: bool = True, level: float = 0.95
) -> pd.DataFrame:
    """Median and central interval of the best so far over repeats, to the end of the shortest.

    Returns
    -------
    DataFrame
        ``evaluations``, ``best``, ``low``, ``high``; of one repeat, low and high are NaN.
    """
    length = min(map(len, repeats))
    curves = np.stack([best_so_far(values[:length], maximise=maximise) for values in repeats])
    if len(repeats) == 1:
        low, high = np.full((2, length), np.nan)
        return _table(curves[0], low, high)
    low, best, high = np.nanquantile(curves, _quantiles(level), axis=0)
    return _table(best, low, high)


def best_of_any_order(
    values: np.ndarray, *, maximise: bool = True, level: float = 0.95
) -> pd.DataFrame:
    """Median and central interval of the best so far over all orders of independent evaluations.

    Rows drawn at random could have come in any order, so that one random search is as many. The
    quantiles are exact: the best of k out of n values is at most the i-th smallest with probability
    C(i, k) / C(n, k). At n all orders have the same best, and the interval closes.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN where an evaluation gave none.

    Returns
    -------
    DataFrame
        ``evaluations``, ``best``, ``low``, ``high``; NaN where an order may have no value yet.

    Examples
    --------
    >>> best_of_any_order(np.array([3.0, 1.0, 2.0]))
       evaluations  best  low  high
    0            1   2.0  1.0   3.0
    1            2   3.0  2.0   3.0
    2            3   3.0  3.0   3.0
    """
    sign = 1.0 if maximise else -1.0
    worst_first = np.sort(np.nan_to_num(sign * np.asarray(values, float), nan=-np.inf))
    count = len(worst_first)
    places = np.arange(1, count + 1)
    columns = np.empty((count, 3))
    for k in range(1, count + 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = _log_choose(places, k) - _log_choose(np.array(count), k)
        reached = np.where(places >= k, np.exp(logs), 0.0)
        at = np.searchsorted(reached, np.array(_quantiles(level)) - 1e-12)
        columns[k - 1] = worst_first[np.minimum(at, count - 1)]
    low, best, high = np.where(np.isfinite(columns), sign * columns, np.nan).T
    return _table(best, low, high) if maximise else _table(best, high, low)


def one_campaign(values: np.ndarray, drawn: np.ndarray, *, maximise: bool = True) -> pd.DataFrame:
    """The best so far as it was, and of those rows that were drawn at random in any order.

    Parameters
    ----------
    values : ndarray, shape (n,)
    drawn : ndarray of bool, shape (n,)
        Which rows no result has led to.
    maximise : bool

    Returns
    -------
    DataFrame
        ``arm``, ``evaluations``, ``best``, ``low``, ``high``.
    """
    curves = {"as it was": best_of_repeats([values], maximise=maximise)}
    if drawn.sum() > 1:
        curves["its random rows, in any order"] = best_of_any_order(
            values[drawn], maximise=maximise
        )
    return pd.concat([table.assign(arm=arm) for arm, table in curves.items()], ignore_index=True)


def _quantiles(level: float) -> list[float]:
    return [(1 - level) / 2, 0.5, (1 + level) / 2]


def _log_choose(n: np.ndarray, k: int) -> np.ndarray:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _table(best: np.ndarray, low: np.ndarray, high: np.ndarray) -> pd.DataFrame:
    evaluations = np.arange(1, len(best) + 1)
    return pd.DataFrame({"evaluations": evaluations, "best": best, "low": low, "high": high})
