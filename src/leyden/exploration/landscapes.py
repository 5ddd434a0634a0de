"""What a surrogate expects along one parameter, over two, and through three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import norm

from leyden.errors import InputError
from leyden.exploration.iso_surface import iso_surface
from leyden.exploration.search_space import Parameter, SearchSpace
from leyden.exploration.surrogate import Surrogate

__all__ = [
    "Cut",
    "IsoSurface",
    "Landscape",
    "axis_values",
    "cut",
    "expected_improvement",
    "incumbent",
    "landscape",
    "predicted",
    "surface_through",
]

_ROWS_AT_ONCE = 1000
_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Cut:
    """What is expected along one parameter, all others at those of one row.

    Attributes
    ----------
    parameter : Parameter
    table : DataFrame
        ``value`` (of the parameter), ``mean``, ``std``, ``low``, ``high`` (without the noise of a
        simulation, on the learned scale), ``improvement`` (expected, over the incumbent).
    at : object
        Value of the parameter in that row.
    """

    parameter: Parameter
    table: pd.DataFrame
    at: object


@dataclass(frozen=True, eq=False)
class Landscape:
    """What is expected over two parameters, all others at those of one row.

    Attributes
    ----------
    x, y : Parameter
    x_values, y_values : ndarray, shapes (n,) and (m,)
    mean, std, improvement : ndarray, shape (n, m)
        On the learned scale; NaN where constraints do not allow it.
    differs : ndarray, shape (n, m)
        Difference from the row in standard deviations of this difference; within 1.96 nothing is
        known of its sign at 95 %.
    at : (float, float)
        The row.
    """

    x: Parameter
    y: Parameter
    x_values: np.ndarray
    y_values: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    improvement: np.ndarray
    differs: np.ndarray
    at: tuple[float, float]


@dataclass(frozen=True, eq=False)
class IsoSurface:
    """Where one value is expected, through three parameters.

    Attributes
    ----------
    parameters : tuple of Parameter
    level : float
        On the learned scale.
    triangles : ndarray, shape (t, 3, 3)
        Corners, in shares of each parameter's range.
    std : ndarray, shape (t,)
        Of the prediction, in the middle of each triangle.
    better : float
        Share of the box of which better than the level is expected; NaN where constraints allow
        no place of the grid.
    at : ndarray, shape (3,)
        The row.
    """

    parameters: tuple[Parameter, ...]
    level: float
    triangles: np.ndarray
    std: np.ndarray
    better: float
    at: np.ndarray


def predicted(surrogate: Surrogate, rows: pd.DataFrame) -> pd.DataFrame:
    """`Surrogate.predict` of any number of rows, some at a time."""
    parts = [
        surrogate.predict(rows.iloc[start : start + _ROWS_AT_ONCE])
        for start in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return pd.concat(parts)


def incumbent(surrogate: Surrogate, observations: pd.DataFrame) -> float:
    """The best that is expected of a row that was observed, on the learned scale."""
    means = predicted(surrogate, observations[surrogate.space.names])["mean"]
    return float(means.max() if surrogate.objective.maximise else means.min())


def expected_improvement(mean: np.ndarray, std: np.ndarray, gain_over: float) -> np.ndarray:
    """Mean of max(0, f - `gain_over`) of a normal f, in its unit.

    J. Mockus, V. Tiesis, A. Zilinskas (1978); for less is better give negative means.

    Examples
    --------
    >>> expected_improvement(np.array([1.0]), np.array([0.0]), 0.25)
    array([0.75])
    """
    gain = np.asarray(mean, float) - gain_over
    spread = np.maximum(std, 1e-12)
    z = gain / spread
    return np.asarray(np.maximum(gain * norm.cdf(z) + spread * norm.pdf(z), 0.0))


def axis_values(parameter: Parameter, count: int) -> np.ndarray:
    """Values along a parameter: evenly on its scale; all levels; whole numbers, `count` at most."""
    if parameter.choices and parameter.choices <= count:
        share = (np.arange(parameter.choices) + 0.5) / parameter.choices
        if parameter.kind == "integer":
            return np.arange(int(parameter.low), int(parameter.high) + 1)
        return parameter.from_unit(share)
    return np.unique(parameter.from_unit(np.linspace(0.0, 1.0, count)))


def cut(surrogate: Surrogate, row: pd.DataFrame, name: str, *, best: float, count: int = 60) -> Cut:
    """What is expected along one parameter.

    Parameters
    ----------
    surrogate : Surrogate
        Fitted.
    row : DataFrame
        One row with all parameters.
    name : str
    best : float
        What is to be improved on, see `incumbent`.
    count : int
        Places along the parameter.
    """
    (parameter,) = _parameters(surrogate.space, [name])
    values = axis_values(parameter, count)
    rows = _varied(row, {name: values})
    table = _expected(surrogate, rows, best)
    table.insert(0, "value", values)
    return Cut(parameter, table, row[name].iloc[0])


def landscape(
    surrogate: Surrogate,
    row: pd.DataFrame,
    x: str,
    y: str,
    *,
    best: float,
    count: int = 25,
    random_state: int = 0,
) -> Landscape:
    """What is expected over two parameters that have an order.

    Parameters are those of `cut`; `count` is along either parameter.

    Raises
    ------
    InputError
        An unknown or a categorical parameter.
    """
    along_x, along_y = _ordered(surrogate.space, [x, y])
    x_values, y_values = axis_values(along_x, count), axis_values(along_y, count)
    shape = (len(x_values), len(y_values))
    grid = np.meshgrid(x_values, y_values, indexing="ij")
    rows = _varied(row, {x: grid[0].ravel(), y: grid[1].ravel()})
    table = _expected(surrogate, rows, best)
    with_row = pd.concat([row[rows.columns], rows], ignore_index=True)
    draws = surrogate.sample(with_row, _DRAWS, random_state=random_state)
    spread = np.std(draws[:, 1:] - draws[:, :1], axis=0)
    difference = table["mean"].to_numpy() - surrogate.predict(row)["mean"].iloc[0]
    apart = np.divide(difference, spread, out=np.zeros_like(spread), where=spread > 0)
    mean, std, improvement = (
        table[name].to_numpy().reshape(shape) for name in ("mean", "std", "improvement")
    )
    return Landscape(
        x=along_x,
        y=along_y,
        x_values=x_values,
        y_values=y_values,
        mean=mean,
        std=std,
        improvement=improvement,
        differs=apart.reshape(shape),
        at=(float(row[x].iloc[0]), float(row[y].iloc[0])),
    )


def surface_through(
    surrogate: Surrogate,
    row: pd.DataFrame,
    names: Sequence[str],
    *,
    share: float | None = None,
    count: int = 16,
) -> IsoSurface:
    """The surface on which the same is expected as of a row, all other parameters as in it.

    Parameters
    ----------
    surrogate : Surrogate
    row : DataFrame
    names : sequence of str
        Three parameters that have an order.
    share : float, optional
        Of the box, of which better is expected than on the surface; then the level is not that of
        the row.
    count : int
        Places along each.

    Raises
    ------
    InputError
        Other than three parameters, or a categorical one.
    """
    if len(set(names)) != 3:
        raise InputError("a surface is through three parameters", value=list(names))
    three = _ordered(surrogate.space, names)
    axes = [axis_values(parameter, count) for parameter in three]
    shares = [p.to_unit(values) for p, values in zip(three, axes, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    rows = _varied(row, {name: part.ravel() for name, part in zip(names, grid, strict=True)})
    table = predicted(surrogate, rows)
    table.loc[~surrogate.space.allowed(rows)] = np.nan
    mean, std = (table[name].to_numpy().reshape(grid[0].shape) for name in ("mean", "std"))
    sign = 1.0 if surrogate.objective.maximise else -1.0
    known = sign * mean[np.isfinite(mean)]
    if share is None:
        level = float(surrogate.predict(row)["mean"].iloc[0])
    else:  # constraints may allow no place of the grid
        level = sign * float(np.quantile(known, 1 - share)) if len(known) else np.nan
    triangles = iso_surface(shares, mean, level)
    middle = triangles.mean(axis=1)
    return IsoSurface(
        parameters=three,
        level=level,
        triangles=triangles,
        std=RegularGridInterpolator(shares, std)(middle),
        better=float(np.mean(known > sign * level)) if len(known) else np.nan,
        at=np.array([p.to_unit(row[p.name].to_numpy())[0] for p in three]),
    )


def _varied(row: pd.DataFrame, values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Copies of a row, with other values of some parameters."""
    count = len(next(iter(values.values())))
    return row.iloc[np.zeros(count, int)].reset_index(drop=True).assign(**values)


def _expected(surrogate: Surrogate, rows: pd.DataFrame, best: float) -> pd.DataFrame:
    table = predicted(surrogate, rows)
    sign = 1.0 if surrogate.objective.maximise else -1.0
    mean, std = sign * table["mean"].to_numpy(), table["std"].to_numpy()
    table["improvement"] = expected_improvement(mean, std, sign * best)
    table.loc[~surrogate.space.allowed(rows)] = np.nan
    return table


def _parameters(space: SearchSpace, names: Sequence[str]) -> tuple[Parameter, ...]:
    known = {parameter.name: parameter for parameter in space}
    for name in names:
        if name not in known:
            remedy = f"the parameters are {', '.join(known)}"
            raise InputError("not a parameter of the search space", value=name, remedy=remedy)
    return tuple(known[name] for name in names)


def _ordered(space: SearchSpace, names: Sequence[str]) -> tuple[Parameter, ...]:
    chosen = _parameters(space, names)
    for parameter in chosen:
        if parameter.kind == "categorical":
            raise InputError(
                "a landscape is over parameters that have an order",
                value=parameter.name,
                remedy="take a cut along it",
            )
    return chosen
