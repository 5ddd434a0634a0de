"""How well a surrogate predicts what it has not seen, and by which parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from leyden.errors import InputError
from leyden.exploration.extrapolation import distance_from
from leyden.exploration.landscapes import predicted
from leyden.exploration.search_space import Objective
from leyden.exploration.surrogate import Surrogate

__all__ = ["HeldOut", "against", "cross_validated"]

_TWO_SIDED_95 = 1.959964
_PERMUTATIONS = 8


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Observations beside predictions by surrogates that have not seen them.

    Attributes
    ----------
    table : DataFrame
        A row an observation, with its index among those given: ``observed``, ``error`` (its own
        standard error, 0 where it is not known), ``bound``, ``mean``, ``std``, ``low``, ``high``
        (95 %), ``residual`` (observed less mean, over std; NaN of a bound), ``extrapolates``
        (farther from what was learned than 95 % of that is from its next). On the learned scale.
        Intervals are with noise: they are of the result of one such simulation, which is what was
        observed, and wider than those of the objective itself.
    importance : DataFrame or None
        By parameter ``share``, ``low``, ``high``: of the variance of what was observed, how much
        is no longer predicted when the values of this parameter are shuffled, with a 95 %
        interval by rows. Shares sum to more than one where parameters act together.
    """

    table: pd.DataFrame
    importance: pd.DataFrame | None = None

    @property
    def measured(self) -> pd.DataFrame:
        """Rows with a value and not a bound."""
        return self.table[self.table["bound"] == ""]

    @property
    def coverage(self) -> float:
        """Share of values within their 95 % intervals."""
        return float((self.measured["residual"].abs() <= _TWO_SIDED_95).mean())

    @property
    def coverage_interval(self) -> tuple[float, float]:
        """95 % interval of the coverage (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927))."""
        n, p, z = len(self.measured), self.coverage, _TWO_SIDED_95
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))

    @property
    def residual_spread(self) -> float:
        """Root mean square of the residuals over their standard deviations; 1 is right."""
        return float(np.sqrt(np.mean(np.square(self.measured["residual"]))))

    @property
    def rmse(self) -> float:
        """Root mean square error, on the learned scale."""
        return float(np.sqrt(np.mean(np.square(self.measured["observed"] - self.measured["mean"]))))

    @property
    def relative_width(self) -> float:
        """Mean width of the 95 % intervals over the standard deviation of the values.

        Coverage is worth as much as intervals are narrow: who only knows mean and spread of normal
        values covers them with a width of 3.92.
        """
        rows = self.measured
        spread = float(rows["observed"].std(ddof=0))
        return float((rows["high"] - rows["low"]).mean()) / spread if spread > 0 else float("nan")

    @property
    def explained(self) -> float:
        """Share of the variance that is predicted; negative where the mean of all does better."""
        variance = float(np.var(self.measured["observed"]))
        return 1.0 - self.rmse**2 / variance if variance > 0 else float("nan")

    @property
    def bounds_kept(self) -> tuple[int, int]:
        """Bounds that a prediction's 95 % interval does not contradict, and all bounds."""
        bounds = self.table[self.table["bound"] != ""]
        above = (bounds["bound"] == "above") & (bounds["high"] >= bounds["observed"])
        below = (bounds["bound"] == "below") & (bounds["low"] <= bounds["observed"])
        return int((above | below).sum()), len(bounds)

    def summary(self) -> pd.Series:
        """All that is to be told together, by name; intervals are with noise."""
        low, high = self.coverage_interval
        kept, bounds = self.bounds_kept
        return pd.Series(
            {
                "values": len(self.measured),
                "rmse": self.rmse,
                "explained": self.explained,
                "coverage": self.coverage,
                "coverage_low": low,
                "coverage_high": high,
                "relative_width": self.relative_width,
                "residual_spread": self.residual_spread,
                "extrapolated": int(self.measured["extrapolates"].sum()),
                "bounds": bounds,
                "bounds_kept": kept,
            },
            name="held out",
        )


def against(
    surrogate: Surrogate, observations: pd.DataFrame, *, own_errors: bool = True
) -> HeldOut:
    """Observations that a surrogate has not learned from, beside what it predicts.

    Parameters
    ----------
    surrogate : Surrogate
        Fitted.
    observations : DataFrame
        Columns as of `Surrogate.fit`; rows without a value are left out.
    own_errors : bool
        Whether an interval is that of a row whose standard error is known, which may make it wider
        or narrower than that of any new one. False: nothing of the row but its parameters is used.

    Raises
    ------
    InputError
        No row has a value.
    """
    objective = surrogate.objective
    rows = _with_value(observations, objective)
    observed, error, bound = _learned(rows, objective)
    latent = predicted(surrogate, rows[surrogate.space.names])
    noise = surrogate.noise_std
    own = np.zeros(len(rows))
    if own_errors:  # a simulation that knows its own error has that one in place of the usual
        usual = surrogate.evidence.typical_variance() * surrogate.evidence.scale.spread**2
        own = np.where(error > 0, np.square(error) - usual, 0.0)
    std = np.sqrt(latent["std"].to_numpy() ** 2 + np.maximum(noise**2 + own, 0.0))
    mean = latent["mean"].to_numpy()
    space, learned = surrogate.space, surrogate.evidence
    scales = surrogate.length_scales()[space.names].to_numpy()
    _, far = distance_from(learned.points[learned.tasks == 0], space.to_unit(rows), scales)
    table = pd.DataFrame(
        {
            "observed": observed,
            "error": error,
            "bound": bound,
            "mean": mean,
            "std": std,
            "low": mean - _TWO_SIDED_95 * std,
            "high": mean + _TWO_SIDED_95 * std,
            "residual": np.where(bound == "", (observed - mean) / std, np.nan),
            "extrapolates": far,
        },
        index=rows.index,
    )
    return HeldOut(table)


def cross_validated(
    surrogate: Surrogate, observations: pd.DataFrame, *, folds: int = 10, random_state: int = 0
) -> HeldOut:
    """Every row with a value of the campaign's own, predicted from the others.

    Surrogates of the same space are learned anew, hyperparameters and all. Rows with the same
    parameters are held out together; rows of other tasks are always learned from.

    Parameters
    ----------
    surrogate : Surrogate
        Whose space, objective and seed are taken.
    observations : DataFrame
    folds : int
        As many as there are different rows, or more, leave one out.
    random_state : int
        Which rows come together, and how values are shuffled.

    Raises
    ------
    InputError
        Fewer than three different rows with a value, or fewer than two folds.
    """
    space, objective = surrogate.space, surrogate.objective
    observations = observations.reset_index(drop=True)
    own = _with_value(_own_task(observations), objective)
    groups = own.groupby(space.names, sort=False).ngroup().to_numpy()
    count = int(groups.max()) + 1
    if count < 3 or folds < 2:
        raise InputError(
            "held-out predictions need two folds and three different rows with a value",
            value={"folds": folds, "rows": count},
        )
    generator = np.random.default_rng(random_state)
    fold_of = (generator.permutation(count) % min(folds, count))[groups]
    tables, rises = [], []
    for fold in range(min(folds, count)):
        held = own[fold_of == fold]
        learned = Surrogate(space, objective, random_state=surrogate.random_state)
        learned.fit(observations.drop(index=held.index))
        tables.append(against(learned, held).table)
        rises.append(_rise(learned, held, own, tables[-1], generator))
    table = pd.concat(tables).sort_index()
    return HeldOut(table, _shares(pd.concat(rises), table))


def _rise(
    surrogate: Surrogate,
    held: pd.DataFrame,
    own: pd.DataFrame,
    table: pd.DataFrame,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """By how much the squared error grows with values of other rows, a column a parameter."""
    names = surrogate.space.names
    values = held[(table["bound"] == "").to_numpy()]
    observed, mean = (table.loc[values.index, name].to_numpy() for name in ("observed", "mean"))
    error = np.square(observed - mean)
    rises = {}
    for name in names:
        many = pd.concat([values[names]] * _PERMUTATIONS, ignore_index=True)
        many[name] = own[name].to_numpy()[generator.integers(len(own), size=len(many))]
        shuffled = predicted(surrogate, many)["mean"].to_numpy() if len(many) else np.empty(0)
        worse = np.square(shuffled.reshape(_PERMUTATIONS, -1) - observed)
        rises[name] = worse.mean(axis=0) - error
    return pd.DataFrame(rises, index=values.index)


def _shares(rises: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Half of the rise over the variance: of independent parameters, their total Sobol index."""
    variance = 2.0 * float(np.var(table.loc[table["bound"] == "", "observed"]))
    mean = rises.mean() / variance
    half = norm.ppf(0.975) * rises.std(ddof=1) / np.sqrt(len(rises)) / variance
    return pd.DataFrame({"share": mean, "low": mean - half, "high": mean + half})


def _own_task(observations: pd.DataFrame) -> pd.DataFrame:
    if "task" not in observations:
        return observations
    return observations[observations["task"].fillna("") == ""]


def _with_value(observations: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    known = observations[objective.name].notna()
    if not known.any():
        raise InputError(f"no row has a value of {objective.name}", value=len(observations))
    return observations[known]


def _learned(rows: pd.DataFrame, objective: Objective) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values and errors on the learned scale, and bounds."""
    values = rows[objective.name].to_numpy(dtype=float)
    named = f"{objective.name}_error"
    errors = rows[named].fillna(0.0).to_numpy(dtype=float) if named in rows else 0.0 * values
    sides = f"{objective.name}_bound"
    bounds = rows[sides].fillna("").to_numpy() if sides in rows else np.full(len(rows), "")
    if objective.log10:
        values, errors = np.log10(values), errors / (values * np.log(10))
    return values, errors, bounds
