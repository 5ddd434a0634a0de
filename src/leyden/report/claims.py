"""A claim: a published figure, ours beside it, and whether ours keeps its bound."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from leyden.errors import InputError

__all__ = ["Claim"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "1 ±": lambda value, limit: abs(value - 1) <= limit,
}


@dataclass(frozen=True)
class Claim:
    """One measured figure of a study, with what was published (DESIGN, rule 5).

    Attributes
    ----------
    id : str
        Stable name, such as ``"log10_G_rmse_random"``.
    quantity : str
        What it is, in words.
    unit : str
        Empty for a pure number.
    published, measured : float or None
        None when nothing was published, or when it cannot be measured here.  A value that is not
        finite counts as not measured, and the protocol says so.
    interval : (float, float) or None
        Interval of `measured`; its level stands in the protocol.
    protocol : str
        How it was measured; for a claim that was not measured, the reason.
    same_protocol : bool
        Whether `published` was measured in the same way.
    bound : (str, float) or None
        What `measured` has to keep, such as ``("<=", 0.1268)``, or ``("1 ±", 0.07)`` of a ratio;
        None when nothing is to hold.
    whole_interval : bool
        Whether the whole of `interval` has to keep it: evidence, and not the figure alone. Without
        an interval nothing is judged then.

    Raises
    ------
    InputError
        Without a protocol, with an unknown comparison, or an interval that is not a pair.

    Examples
    --------
    >>> Claim("ratio", "training speed", "", None, 2.6, protocol="one thread",
    ...       bound=(">=", 2.3)).holds
    True
    >>> print(Claim("ratio", "training speed", "", None, None, protocol="no torch here",
    ...             bound=(">=", 2.3)).holds)
    None
    """

    id: str
    quantity: str
    unit: str = ""
    published: float | None = None
    measured: float | None = None
    interval: tuple[float, float] | None = None
    protocol: str = ""
    same_protocol: bool = False
    bound: tuple[str, float] | None = None
    whole_interval: bool = False

    def __post_init__(self) -> None:
        if not self.protocol.strip():
            raise InputError(
                "a claim needs a protocol",
                value=self.id,
                remedy="say how it was measured, or why it could not be",
            )
        if self.bound is not None and self.bound[0] not in _COMPARISONS:
            raise InputError(
                f"claim {self.id}: the bound must begin with one of {', '.join(_COMPARISONS)}",
                value=self.bound,
            )
        if self.interval is not None and len(self.interval) != 2:
            raise InputError(f"claim {self.id}: an interval is a pair", value=self.interval)
        published, measured = _finite(self.published), _finite(self.measured)
        if self.measured is not None and measured is None:
            reason = f"{self.protocol} (the measured value was {float(self.measured)})"
            object.__setattr__(self, "protocol", reason)
        object.__setattr__(self, "published", published)
        object.__setattr__(self, "measured", measured)
        object.__setattr__(self, "interval", _finite_pair(self.interval, measured))
        object.__setattr__(self, "same_protocol", bool(self.same_protocol))

    @property
    def holds(self) -> bool | None:
        """Whether it keeps its bound; None without a bound, or without what is judged by it."""
        judged = self.interval if self.whole_interval else self.measured
        if self.bound is None or judged is None:
            return None
        comparison, limit = self.bound
        values = judged if isinstance(judged, tuple) else (judged,)
        return all(bool(_COMPARISONS[comparison](value, limit)) for value in values)

    def to_json(self) -> dict[str, Any]:
        """The object of `results.json`; every number finite."""
        return {
            "id": self.id,
            "quantity": self.quantity,
            "unit": self.unit,
            "published": self.published,
            "measured": self.measured,
            "interval": None if self.interval is None else list(self.interval),
            "protocol": self.protocol,
            "same_protocol": self.same_protocol,
            "holds": self.holds,
        }


def _finite(value: float | None) -> float | None:
    """A count stays whole, and is told to its last digit."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if isinstance(value, Integral) else float(value)


def _finite_pair(
    interval: tuple[float, float] | None, measured: float | None
) -> tuple[float, float] | None:
    if interval is None or measured is None:
        return None
    low, high = (_finite(end) for end in interval)
    return None if low is None or high is None else (low, high)
