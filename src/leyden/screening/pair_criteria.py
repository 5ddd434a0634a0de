"""Criteria and objectives of a screening of ion pairs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leyden.errors import InputError
from leyden.ion_domain import CATEGORIES, categories_within
from leyden.screening.tables import check_keys, made

__all__ = ["DomainLimit", "Objective", "PairCriterion", "PropertyLimit", "pair_criterion"]

_TEXT = re.compile(r"\s*(\w+)\s*([<>])\s*(\S+)\s*")


@dataclass(frozen=True)
class PropertyLimit:
    """A predicted property lies below or above a limit.

    Attributes
    ----------
    target : str
        With its unit; that of the model is converted (`leyden.screening.property_units`).
    below, above : float, optional
        One of the two; strictly.
    confident : bool
        Whether the worse end of the interval must pass, and not the prediction alone.
    """

    target: str
    below: float | None = None
    above: float | None = None
    confident: bool = False

    def __post_init__(self) -> None:
        if (self.below is None) == (self.above is None):
            raise InputError(
                "a property is below or above one limit",
                value=self.target,
                remedy="write two criteria for a range",
            )
        if not math.isfinite(self._limit):
            raise InputError(f"the limit of {self.target} is a number", value=self._limit)

    @property
    def name(self) -> str:
        """As it stands in the counts, such as ``"viscosity_mPa_s < 50"``."""
        sign = "<" if self.above is None else ">"
        sure = ", confident" if self.confident else ""
        return f"{self.target} {sign} {self._limit:.12g}{sure}"

    def holds(self, rows: pd.DataFrame) -> np.ndarray:
        """Whether each row passes, shape (n,); a missing value does not."""
        end = ("_upper" if self.above is None else "_lower") if self.confident else ""
        values = rows[self.target + end].to_numpy(float)
        passes = values < self._limit if self.above is None else values > self._limit
        return np.asarray(passes)

    def to_dict(self) -> dict[str, Any]:
        """As TOML holds it."""
        limit = {"below": self._limit} if self.above is None else {"above": self._limit}
        return {"target": self.target, **limit, "confident": self.confident}

    @property
    def _limit(self) -> float:
        return float(self.below if self.below is not None else self.above)  # type: ignore[arg-type]


@dataclass(frozen=True)
class DomainLimit:
    """The models know at least so much of the pair.

    Attributes
    ----------
    at_most : str
        One of `leyden.ion_domain.CATEGORIES`: nothing more is unknown than there.
    target : str, optional
        Of the model of this property only. Default: of every model.
    """

    at_most: str
    target: str | None = None

    def __post_init__(self) -> None:
        categories_within(self.at_most)

    @property
    def name(self) -> str:
        """As it stands in the counts, such as ``"at most ions seen"``."""
        return f"at most {self.at_most}" + (f" by {self.target}" if self.target else "")

    def holds(self, rows: pd.DataFrame) -> np.ndarray:
        """Whether each row passes, shape (n,)."""
        within = [CATEGORIES.index(category) for category in categories_within(self.at_most)]
        wanted = [f"{self.target}_domain"] if self.target else _domains(rows)
        passes = np.ones(len(rows), dtype=bool)
        for column in wanted:
            passes &= np.isin(rows[column].cat.codes.to_numpy(), within)
        return passes

    def to_dict(self) -> dict[str, Any]:
        """As TOML holds it."""
        only = {"target": self.target} if self.target else {}
        return {"at_most": self.at_most, **only}


PairCriterion = PropertyLimit | DomainLimit


@dataclass(frozen=True)
class Objective:
    """A property that should be high, or low.

    Attributes
    ----------
    target : str
        With its unit.
    highest : bool
    """

    target: str
    highest: bool

    @classmethod
    def of(cls, text: str) -> Objective:
        """Read ``"max conductivity_mS_per_cm"`` or ``"min viscosity_mPa_s"``."""
        words = str(text).split()
        if len(words) != 2 or words[0] not in ("min", "max"):
            raise InputError(
                "an objective is 'min' or 'max' and a property",
                value=text,
                remedy="write 'max conductivity_mS_per_cm'",
            )
        return cls(words[1], words[0] == "max")

    def __str__(self) -> str:
        return f"{'max' if self.highest else 'min'} {self.target}"

    def costs(self, rows: pd.DataFrame) -> np.ndarray:
        """What is to be low, shape (n,)."""
        values = rows[self.target].to_numpy(float)
        return -values if self.highest else values


def pair_criterion(plain: str | Mapping[str, Any]) -> PairCriterion:
    """The criterion of a text or a table.

    Parameters
    ----------
    plain : str or mapping
        ``"viscosity_mPa_s < 50"``; or the fields of a `PropertyLimit`; or those of a `DomainLimit`.

    Raises
    ------
    InputError
        Something else.

    Examples
    --------
    >>> pair_criterion("melting_point_K < 298").name
    'melting_point_K < 298'
    >>> pair_criterion({"at_most": "ions seen"}).name
    'at most ions seen'
    """
    if isinstance(plain, str):
        match = _TEXT.fullmatch(plain)
        if match is None:
            raise InputError(
                "a criterion is a property, < or >, and a number",
                value=plain,
                remedy="write 'viscosity_mPa_s < 50', or a table with confident = true",
            )
        side = "below" if match[2] == "<" else "above"
        return PropertyLimit(match[1], **{side: _number(match[3], plain)})  # type: ignore[arg-type]
    what = "a criterion"
    if isinstance(plain, Mapping) and "at_most" in plain:
        check_keys(plain, ("at_most", "target"), what)
        return made(DomainLimit, plain, what)
    check_keys(plain, ("target", "below", "above", "confident", "at_most"), what)
    if "target" not in plain:
        raise InputError("a criterion has a target, or at_most", value=dict(plain))
    for key in ("below", "above"):
        if isinstance(plain.get(key), str | bool):
            raise InputError(f"{key} is a number", value=plain[key])
    return made(PropertyLimit, plain, what)


def _number(text: str, criterion: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(
            "the limit of a criterion is a number",
            value=criterion,
            remedy="the unit stands in the name of the property: viscosity_mPa_s < 50",
        ) from None


def _domains(rows: pd.DataFrame) -> list[str]:
    return [str(column) for column in rows.columns if str(column).endswith("_domain")]
