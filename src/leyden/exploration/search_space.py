"""What may be tried, and what is wanted of it: parameters with bounds, constraints, objectives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc

from leyden.errors import InputError, did_you_mean

__all__ = ["Constraint", "Objective", "Parameter", "SearchSpace"]

KINDS = ("real", "integer", "categorical")
SCALES = ("linear", "log")
_DRAWS_OF_REJECTION = 1000
_SLACK = 1e-9


@dataclass(frozen=True)
class Parameter:
    """One thing that can be changed.

    Attributes
    ----------
    name : str
        Its column.
    low, high : float
        Bounds, both allowed. A categorical parameter has none.
    kind : {"real", "integer", "categorical"}
    levels : tuple
        What a categorical parameter can be, two at least; texts or numbers.
    scale : {"linear", "log"}
        On which equal steps are thought to matter equally.
    unit : str

    Raises
    ------
    InputError
        Bounds reversed, equal, not finite or not positive on a logarithmic scale; no levels.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    kind: str = "real"
    levels: tuple[Any, ...] = ()
    scale: str = "linear"
    unit: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        for value, known in ((self.kind, KINDS), (self.scale, SCALES)):
            if value not in known:
                remedy = did_you_mean(str(value), known)
                raise InputError(f"not known of parameter {self.name}", value=value, remedy=remedy)
        if self.kind == "categorical":
            if len(set(map(str, self.levels))) < max(2, len(self.levels)):
                raise InputError(
                    f"categorical parameter {self.name} has two levels or more, all different",
                    value=self.levels,
                )
            return
        bounds = (self.low, self.high)
        numbers = all(isinstance(x, int | float) and math.isfinite(x) for x in bounds)
        if not numbers or self.low >= self.high:
            raise InputError(
                f"parameter {self.name} needs finite bounds, low < high",
                value=bounds,
                remedy="swap them" if numbers and self.low > self.high else None,
            )
        if self.kind == "integer" and (self.low % 1 or self.high % 1):
            raise InputError(f"bounds of integer parameter {self.name} are whole", value=bounds)
        if self.scale == "log" and self.low <= 0:
            raise InputError(
                f"parameter {self.name} has a logarithmic scale and must be positive",
                value=bounds,
                remedy="raise the lower bound or take scale='linear'",
            )

    @property
    def choices(self) -> int:
        """How many values there are; 0 for a real parameter."""
        if self.kind == "integer":
            return int(self.high - self.low) + 1
        return len(self.levels)

    def to_unit(self, values: np.ndarray) -> np.ndarray:
        """Places between 0 and 1 of values (n,); a choice stands in the middle of its share."""
        if self.kind == "categorical":
            places = {str(level): place for place, level in enumerate(self.levels)}
            found = np.array([places.get(str(value), np.nan) for value in values])
            return (found + 0.5) / len(self.levels)
        low, high = self.ends()
        return (self._scaled(np.asarray(values, float)) - low) / (high - low)  # type: ignore[no-any-return]

    def from_unit(self, places: np.ndarray) -> np.ndarray:
        """Values at places (n,) between 0 and 1: the inverse of `to_unit`."""
        places = np.clip(places, 0.0, 1.0)
        if self.kind == "categorical":
            share = np.minimum((places * len(self.levels)).astype(int), len(self.levels) - 1)
            return np.array([self.levels[place] for place in share], dtype=object)
        low, high = self.ends()
        scaled = low + places * (high - low)
        values = np.clip(np.exp(scaled) if self.scale == "log" else scaled, self.low, self.high)
        return np.rint(values).astype(np.int64) if self.kind == "integer" else values

    def ends(self) -> tuple[float, float]:
        """The scaled values at 0 and 1.

        For an integer half a step beyond its bounds, which so are as likely as what is between.
        """
        step = 0.5 if self.kind == "integer" else 0.0
        low, high = self._scaled(np.array([self.low - step, self.high + step]))
        return float(low), float(high)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return np.log(values) if self.scale == "log" else values

    def fault(self, value: Any) -> str | None:
        """The rule that a value breaks, if any."""
        if self.kind == "categorical":
            known = value is not None and str(value) in map(str, self.levels)
            levels = ", ".join(map(str, self.levels))
            return None if known else f"{self.name} is one of {levels}"
        try:
            number = float(value)
        except (TypeError, ValueError):
            return f"{self.name} is a number"
        unit = f" {self.unit}" if self.unit else ""
        slack = _SLACK * (self.high - self.low)
        if not self.low - slack <= number <= self.high + slack:
            return f"{self.name} lies between {self.low:g} and {self.high:g}{unit}"
        if self.kind == "integer" and number != round(number):
            return f"{self.name} is a whole number"
        return None


@dataclass(frozen=True)
class Constraint:
    """The sum of coefficients times parameters is at most a bound.

    Attributes
    ----------
    coefficients : mapping of str to float
        By parameter, in the unit of the parameter.
    bound : float
    """

    coefficients: Mapping[str, float]
    bound: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", dict(self.coefficients))
        numbers = [*self.coefficients.values(), self.bound]
        if not self.coefficients or not np.isfinite(numbers).all():
            raise InputError("a constraint has finite coefficients and a bound", value=self)

    def __str__(self) -> str:
        terms = " + ".join(f"{value:g} {name}" for name, value in self.coefficients.items())
        return f"{terms} <= {self.bound:g}"

    def excess(self, rows: pd.DataFrame) -> np.ndarray:
        """By how much each row breaks it, shape (n,); negative where it is kept."""
        total = sum(
            value * rows[name].to_numpy(dtype=float) for name, value in self.coefficients.items()
        )
        return np.asarray(total) - self.bound


@dataclass(frozen=True)
class Objective:
    """One thing that is wanted.

    Attributes
    ----------
    name : str
        Its column.
    maximise : bool
        False where less is better.
    unit : str
    log10 : bool
        Whether its logarithm is learned; values are then positive.
    """

    name: str
    maximise: bool = True
    unit: str = ""
    log10: bool = False


@dataclass(frozen=True)
class SearchSpace:
    """Parameters with their bounds, and linear constraints among them.

    Attributes
    ----------
    parameters : tuple of Parameter
    constraints : tuple of Constraint
        Among real and integer parameters on a linear scale.

    Raises
    ------
    InputError
        No parameter, two of one name, or a constraint that names something else.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        object.__setattr__(self, "constraints", tuple(self.constraints))
        if not self.parameters:
            raise InputError("a search space has one parameter at least")
        twice = [name for name in self.names if self.names.count(name) > 1]
        if twice:
            raise InputError("two parameters have one name", value=twice[0])
        for constraint in self.constraints:
            for name in constraint.coefficients:
                if name not in self.names:
                    remedy = did_you_mean(name, self.names)
                    raise InputError("a constraint is of parameters", value=name, remedy=remedy)
                parameter = self.parameters[self.names.index(name)]
                if parameter.kind == "categorical" or parameter.scale != "linear":
                    raise InputError(
                        "a constraint is of numbers on a linear scale",
                        value=name,
                        remedy=f"take scale='linear' for {name}",
                    )

    @property
    def names(self) -> list[str]:
        """Names of the parameters, in order."""
        return [parameter.name for parameter in self.parameters]

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters)

    def check(self, rows: pd.DataFrame) -> None:
        """Whether all rows lie in the space.

        Raises
        ------
        InputError
            Naming the first row (from 1), its value, the rule and the remedy.
        """
        missing = [name for name in self.names if name not in rows]
        if missing:
            remedy = f"the columns are {', '.join(self.names)}"
            raise InputError("a column is missing", value=missing[0], remedy=remedy)
        for row, values in enumerate(rows[self.names].itertuples(index=False), start=1):
            for parameter, value in zip(self.parameters, values, strict=True):
                rule = parameter.fault(value)
                if rule:
                    remedy = "correct the value, or take a wider search space"
                    raise InputError(rule, value=value, row=row, remedy=remedy)
        for constraint in self.constraints:
            broken = np.flatnonzero(~self._keeps(constraint, rows))
            if len(broken):
                value = float(constraint.excess(rows)[broken[0]]) + constraint.bound
                raise InputError(
                    f"the constraint {constraint} is broken",
                    value=value,
                    row=int(broken[0]) + 1,
                    remedy="correct the row or loosen the constraint",
                )

    def allowed(self, rows: pd.DataFrame) -> np.ndarray:
        """Which rows keep all constraints, shape (n,)."""
        kept = np.ones(len(rows), bool)
        for constraint in self.constraints:
            kept &= self._keeps(constraint, rows)
        return kept

    def to_unit(self, rows: pd.DataFrame) -> np.ndarray:
        """Rows as points of the unit cube, shape (n, d); bounds are not looked at."""
        columns = [p.to_unit(rows[p.name].to_numpy()) for p in self.parameters]
        return np.stack(columns, axis=1) if len(rows) else np.empty((0, len(self)))

    def from_unit(self, points: np.ndarray) -> pd.DataFrame:
        """Points of the unit cube (n, d) as rows; integers and categories are the nearest ones."""
        points = np.asarray(points, float).reshape(-1, len(self))
        return pd.DataFrame(
            {p.name: p.from_unit(points[:, place]) for place, p in enumerate(self.parameters)}
        )

    def unit_constraints(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes (m, d) and bounds (m,) of the constraints in the unit cube: slopes x <= bounds."""
        slopes, bounds = np.zeros((len(self.constraints), len(self))), []
        for row, constraint in enumerate(self.constraints):
            bound = constraint.bound
            for name, value in constraint.coefficients.items():
                column = self.names.index(name)
                low, high = self.parameters[column].ends()
                slopes[row, column] = value * (high - low)
                bound -= value * low
            bounds.append(bound)
        return slopes, np.array(bounds)

    def random(self, n: int, random_state: int) -> pd.DataFrame:
        """Rows (n) drawn evenly on the scales of the parameters, all constraints kept.

        Raises
        ------
        InputError
            The constraints leave next to nothing.
        """
        generator = np.random.default_rng(random_state)
        return self._accepted(n, lambda size: generator.random((size, len(self))))

    def sobol(self, n: int, random_state: int) -> pd.DataFrame:
        """The first n rows of a scrambled Sobol sequence that keep all constraints.

        Raises
        ------
        InputError
            The constraints leave next to nothing.
        """
        sequence = qmc.Sobol(len(self), seed=random_state)
        return self._accepted(n, lambda size: sequence.random_base2((size - 1).bit_length()))

    def _accepted(self, n: int, draw: Any) -> pd.DataFrame:
        """The first n rows drawn that keep the constraints; every draw doubles their number."""
        drawn = self.from_unit(draw(max(n, 1)))
        accepted = drawn[self.allowed(drawn)]
        limit = _DRAWS_OF_REJECTION * max(n, 1)
        total = len(drawn)
        while len(accepted) < n:
            if total > limit:
                raise InputError(
                    "the constraints leave next to nothing of the search space",
                    value=[str(constraint) for constraint in self.constraints],
                    remedy="loosen them, or narrow the bounds of the parameters",
                )
            drawn = self.from_unit(draw(total))
            total += len(drawn)
            accepted = pd.concat([accepted, drawn[self.allowed(drawn)]])
        return accepted.head(n).reset_index(drop=True)

    def _keeps(self, constraint: Constraint, rows: pd.DataFrame) -> np.ndarray:
        scale = sum(
            abs(value) * (p.high - p.low)
            for p in self.parameters
            if (value := constraint.coefficients.get(p.name, 0.0))
        )
        return np.asarray(constraint.excess(rows) <= _SLACK * scale)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "parameters": [
                {**asdict(parameter), "levels": list(parameter.levels)}
                for parameter in self.parameters
            ],
            "constraints": [asdict(constraint) for constraint in self.constraints],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[Mapping[str, Any]]]) -> SearchSpace:
        """From what `to_dict` gave.

        Raises
        ------
        InputError
            A key that is not known, or one that is missing.
        """
        try:
            return cls(
                tuple(Parameter(**given) for given in values["parameters"]),
                tuple(Constraint(**given) for given in values.get("constraints", ())),
            )
        except (KeyError, TypeError) as error:
            raise InputError("not a search space", value=str(error)) from error
