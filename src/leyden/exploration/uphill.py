"""In which direction an objective improves, whether that is certain, and the best row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from leyden.exploration.landscapes import predicted
from leyden.exploration.surrogate import Surrogate

__all__ = ["Uphill", "best_predicted", "uphill"]

_STEP = 0.05
_DRAWS = 1000
_TWO_SIDED_95 = 1.959964
_CANDIDATES, _KEPT, _ROUNDS, _AROUND = 1024, 8, 12, 32


@dataclass(frozen=True, eq=False)
class Uphill:
    """Slopes of the expected objective at a row, of parameters that have an order.

    Attributes
    ----------
    names : list of str
    slopes : ndarray, shape (d,)
        Improvement for a whole range of each parameter; positive where more of it is better, also
        of an objective of which less is better.
    covariance : ndarray, shape (d, d)
        Of the slopes, as the surrogate knows them.
    """

    names: list[str]
    slopes: np.ndarray
    covariance: np.ndarray

    def table(self) -> pd.DataFrame:
        """``parameter``, ``slope``, its 95 % interval ``low`` to ``high``, and ``certain``."""
        half = _TWO_SIDED_95 * np.sqrt(np.diag(self.covariance))
        low, high = self.slopes - half, self.slopes + half
        return pd.DataFrame(
            {
                "parameter": self.names,
                "slope": self.slopes,
                "low": low,
                "high": high,
                "certain": (low > 0) | (high < 0),
            }
        )

    def chance(self, *names: str) -> float:
        """How probable slopes as far from zero would be, were there none.

        Of all parameters together, or of those named: the chi-squared test of the slopes with
        their covariance, which makes allowance for the direction having been chosen.
        """
        at = [self.names.index(name) for name in names or self.names]
        slopes, covariance = self.slopes[at], self.covariance[np.ix_(at, at)]
        distance = float(slopes @ np.linalg.pinv(covariance, hermitian=True) @ slopes)
        return float(chi2.sf(distance, len(at)))

    def direction(self, *names: str) -> np.ndarray:
        """Steepest ascent in shares of the ranges, of length one; of all or those named."""
        slopes = self.slopes[[self.names.index(name) for name in names or self.names]]
        length = float(np.linalg.norm(slopes))
        return slopes / length if length else slopes


def uphill(surrogate: Surrogate, row: pd.DataFrame, *, random_state: int = 0) -> Uphill | None:
    """Slopes at a row, by differences over a tenth of each range; None where no order is.

    Parameters
    ----------
    surrogate : Surrogate
    row : DataFrame
        One row.
    random_state : int
        Of the draws that give the covariance.
    """
    space = surrogate.space
    point = space.to_unit(row)[0]
    ordered = [place for place, p in enumerate(space) if p.kind != "categorical"]
    if not ordered:
        return None
    steps = np.tile(point, (2 * len(ordered), 1))
    for number, place in enumerate(ordered):
        choices = space.parameters[place].choices
        step = max(_STEP, 1.0 / choices if choices else 0.0)
        steps[2 * number, place] = max(point[place] - step, 0.0)
        steps[2 * number + 1, place] = min(point[place] + step, 1.0)
    rows = space.from_unit(steps)
    reached = space.to_unit(rows)  # whole numbers step further
    widths = np.array([reached[2 * n + 1, p] - reached[2 * n, p] for n, p in enumerate(ordered)])
    sign = 1.0 if surrogate.objective.maximise else -1.0
    means = surrogate.predict(rows)["mean"].to_numpy()
    draws = surrogate.sample(rows, _DRAWS, random_state=random_state)
    return Uphill(
        names=[space.names[place] for place in ordered],
        slopes=sign * (means[1::2] - means[::2]) / widths,
        covariance=np.atleast_2d(np.cov((draws[:, 1::2] - draws[:, ::2]) / widths, rowvar=False)),
    )


def best_predicted(
    surrogate: Surrogate, observations: pd.DataFrame, *, random_state: int = 0
) -> pd.DataFrame:
    """The row of which the best is expected: parameters, ``mean``, ``std``, ``low``, ``high``.

    Rows of a Sobol sequence and those observed are the start; about the best of them ever closer
    ones are tried.
    """
    space = surrogate.space
    sign = 1.0 if surrogate.objective.maximise else -1.0
    generator = np.random.default_rng(random_state)
    start = space.sobol(_CANDIDATES, random_state)
    rows = pd.concat([start, observations[space.names]], ignore_index=True)
    reach = 0.2
    for _ in range(_ROUNDS):
        means = sign * predicted(surrogate, rows)["mean"].to_numpy()
        kept = rows.iloc[np.argsort(-means, kind="stable")[:_KEPT]]
        about = np.repeat(space.to_unit(kept), _AROUND, axis=0)
        # Half of the steps change a few parameters alone, so that edges and categories are met.
        moved = (
            generator.random(about.shape) < np.where(np.arange(len(about)) % 2, 1.0, 0.4)[:, None]
        )
        tried = space.from_unit(about + moved * reach * generator.standard_normal(about.shape))
        rows = pd.concat([kept, tried[space.allowed(tried)]], ignore_index=True)
        reach *= 0.6
    best = rows.iloc[[int(np.argmax(sign * predicted(surrogate, rows)["mean"].to_numpy()))]]
    best = best.reset_index(drop=True)
    return best.join(surrogate.predict(best))
