"""Group contributions: each property of an ionic liquid as a sum over groups of its ions.

The baseline of the field. The forms are those of R. L. Gardas and J. A. P. Coutinho (density:
Fluid Phase Equilib. 263, 26 (2008); viscosity and conductivity: AIChE J. 55, 1274 (2009); heat
capacity: Ind. Eng. Chem. Res. 47, 5751 (2008); surface tension: Fluid Phase Equilib. 265, 57
(2008)). Their increments cover a dozen groups; here those of all groups are fitted to the training
rows, and held near zero where few rows speak for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from leyden.errors import IncompatibleError, did_you_mean
from leyden.physics.ion_transport import IDEAL_GLASS_K
from leyden.physics.ionic_liquids import GARDAS_COUTINHO, molar_volume_m3_per_mol
from leyden.representations.group_counts import GroupCounts
from leyden.representations.ion_pair import IonPairs, StatePoints

__all__ = ["GroupContribution"]

_ROOM_K = 298.15
_FOLDS = 5
_PENALTIES = 10.0 ** np.arange(-5.0, 2.0)  # of a standardised increment, over the rows' number
_FREE = 1e-9  # the penalty of what is no group
_BESIDE = 3  # charge, molar mass and volume: the last columns of `GroupCounts`
_ROUNDS = 3  # of weighing outliers down
_OUTLIER = 2.0  # residual, in robust standard deviations, from which a row weighs less


@dataclass(frozen=True)
class _Units:
    """Formula units of rows: groups (n, g), and what closed forms need besides, (n,)."""

    groups: np.ndarray
    mass_g_per_mol: np.ndarray
    volume_A3: np.ndarray
    temperature_K: np.ndarray
    pressure_kPa: np.ndarray

    @classmethod
    def of(cls, X: StatePoints) -> _Units:
        ions = X.cations.vectors[X.cation], X.anions.vectors[X.anion]
        plus, minus = (ion[:, -_BESIDE].astype(int) for ion in ions)
        divisor = np.gcd(plus, minus)
        numbers = (minus // divisor)[:, None], (plus // divisor)[:, None]
        salt = [ion * number for ion, number in zip(ions, numbers, strict=True)]
        mass, volume = (salt[0] + salt[1])[:, 1 - _BESIDE :].T
        groups = np.hstack([ion[:, :-_BESIDE] for ion in salt])
        return cls(groups, mass, volume, X.temperature_K, X.pressure_kPa)

    @property
    def above(self) -> np.ndarray:
        """Temperature above 298.15 K in 100 K."""
        return (self.temperature_K - _ROOM_K) / 100

    @property
    def liquid(self) -> np.ndarray:
        """Molar volume of Gardas and Coutinho, with the van der Waals volume as theirs, cm3."""
        state = np.maximum(self.temperature_K, 1.0), np.maximum(self.pressure_kPa, 0.0)
        return 1e6 * molar_volume_m3_per_mol(self.volume_A3, *state, GARDAS_COUTINHO)


Columns = tuple[
    np.ndarray, np.ndarray
]  # what increments multiply, (n, p), and what is free, (n, q)


def _volumes(units: _Units) -> Columns:
    """Volume of each group times `a + b T + c P`, with a thermal expansion of its own."""
    above, pressure = units.above, units.pressure_kPa / 1e5
    states = [np.ones_like(above), above, above**2, pressure, pressure * above, pressure**2]
    own = np.hstack([units.groups, units.groups * above[:, None]])
    return own, np.stack([units.volume_A3 * state for state in states], axis=1)


def _vogel(units: _Units) -> Columns:
    """`A + B / (T - T0)`, both sums over groups."""
    inverse = 100 / np.maximum(units.temperature_K - IDEAL_GLASS_K, 1.0)
    own = np.hstack([units.groups, units.groups * inverse[:, None]])
    pressure = units.pressure_kPa / 1e5
    return own, np.stack([np.ones_like(inverse), inverse, pressure, pressure * inverse], axis=1)


def _polynomial(units: _Units) -> Columns:
    """`a + b T + d T^2` of each group."""
    above = units.above[:, None]
    own = np.hstack([units.groups, units.groups * above, units.groups * above**2])
    return own, units.volume_A3[:, None] * np.hstack([above**0, above, above**2])


def _parachors(units: _Units) -> Columns:
    """A parachor of each group, and what its density is wrong by as temperature grows."""
    above = units.above[:, None]
    own = np.hstack([units.groups, units.groups * above])
    return own, units.volume_A3[:, None] * np.hstack([above**0, above])


def _constant(units: _Units) -> Columns:
    return units.groups, np.ones((len(units.groups), 1))


def _as_it_is(y: np.ndarray, units: _Units) -> np.ndarray:
    return y


def _molar_volume(density: np.ndarray, units: _Units) -> np.ndarray:
    return 1e3 * units.mass_g_per_mol / density


def _density(volume: np.ndarray, units: _Units) -> np.ndarray:
    """Of a molar volume in cm3, in which a liquid's ions fill between 40 and 90 % of the space."""
    return 1e3 * units.mass_g_per_mol / np.clip(volume, units.liquid / 0.9, units.liquid / 0.4)


def _parachor(y: np.ndarray, units: _Units) -> np.ndarray:
    return units.liquid * (1e3 * y) ** 0.25


def _tension(parachor: np.ndarray, units: _Units) -> np.ndarray:
    return 1e-3 * (np.maximum(parachor, 0.0) / units.liquid) ** 4


@dataclass(frozen=True)
class _Form:
    """How a property follows from a sum: its columns, to the sum and back."""

    columns: Callable[[_Units], Columns]
    sum_of: Callable[[np.ndarray, _Units], np.ndarray] = _as_it_is
    of_sum: Callable[[np.ndarray, _Units], np.ndarray] = _as_it_is
    relative: bool = False


_FORMS: Mapping[str, _Form] = {
    "density_kg_per_m3": _Form(_volumes, _molar_volume, _density, relative=True),
    "log10_viscosity_Pa_s": _Form(_vogel),
    "log10_conductivity_S_per_m": _Form(_vogel),
    "surface_tension_N_per_m": _Form(_parachors, _parachor, _tension, relative=True),
    "heat_capacity_J_per_mol_K": _Form(_polynomial, relative=True),
    "melting_point_K": _Form(_constant),
    "glass_transition_K": _Form(_constant),
}


class GroupContribution(BaseEstimator):
    """A property as a sum of increments of groups, in the form that the field uses for it.

    Density: molar volume is additive, and expands by temperature and pressure. Viscosity and
    conductivity: log10 is `A + B / (T - 165.06 K)`, A and B additive. Surface tension: the parachor
    is. Heat capacity: additive, quadratic in T. Melting and glass transition: additive. The
    increments are fitted by ridge regression, its penalty chosen by cross-validation over whole ion
    pairs of the training rows; rows far off are weighed down (Huber). Groups that no training row
    has contribute nothing.

    Parameters
    ----------
    property : str
        Name of the target: a key of the forms above, such as ``"density_kg_per_m3"``.
    random_state : int
        Of the folds in which the penalty is chosen.

    Attributes
    ----------
    increments_ : ndarray
        What the columns are multiplied by.
    penalty_ : float
    """

    kind: ClassVar[str] = "group_contribution"

    def __init__(self, property: str, random_state: int = 0) -> None:
        self.property = property
        self.random_state = random_state

    @property
    def representation(self) -> IonPairs:
        """Ion pairs by the groups of their ions."""
        return IonPairs(GroupCounts())

    def fit(
        self, X: StatePoints, y: np.ndarray, groups: np.ndarray | None = None
    ) -> GroupContribution:
        """Fit the increments to rows (n,); those without a value (NaN) are left out.

        The penalty is always chosen by leaving out pairs, whatever the `groups`.

        Raises
        ------
        IncompatibleError
            A property without a form; no rows.
        """
        form, y = self._form(), np.asarray(y, float)
        X, y = X[np.flatnonzero(np.isfinite(y))], y[np.isfinite(y)]
        if not len(y):
            raise IncompatibleError("group contributions need rows to be fitted to")
        units = _Units.of(X)
        own, free = form.columns(units)
        total = form.sum_of(y, units)
        weights = 1 / np.abs(total) if form.relative else np.ones(len(y))
        design = np.hstack([own, free])
        scale = np.sqrt(np.mean((design * weights[:, None]) ** 2, axis=0))
        self.used_ = scale > 0
        design, scale = design[:, self.used_], scale[self.used_]
        penalised = (np.arange(len(self.used_)) < own.shape[1])[self.used_]
        _, pair = X.pairs()
        folds = _folds(pair, self.random_state)
        found, self.penalty_ = _robust_ridge(design / scale, total, weights, penalised, folds)
        self.increments_ = found / scale
        return self

    def predict(self, X: StatePoints, return_std: bool = False) -> Any:
        """The property, shape (n,); with `return_std` also its spread, which is not known: NaN."""
        y = self._form().of_sum(self.embed(X) @ self.increments_, _Units.of(X))
        return (y, np.full(len(y), np.nan)) if return_std else y

    def embed(self, X: StatePoints) -> np.ndarray:
        """What the increments multiply, shape (n, p)."""
        return np.hstack(self._form().columns(_Units.of(X)))[:, self.used_]

    def _form(self) -> _Form:
        if self.property not in _FORMS:
            raise IncompatibleError(
                f"there are no group contributions to {self.property!r}: "
                + did_you_mean(self.property, _FORMS)
            )
        return _FORMS[self.property]


def _folds(pair: np.ndarray, random_state: int) -> np.ndarray:
    """A fold for each row, (n,), equal for the rows of a pair."""
    rng = np.random.default_rng(random_state)
    return (rng.permutation(pair.max() + 1) % _FOLDS)[pair]


def _robust_ridge(
    design: np.ndarray,
    total: np.ndarray,
    weights: np.ndarray,
    penalised: np.ndarray,
    folds: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Increments of standardised columns and the penalty, outliers weighed down by Huber's rule."""
    base, increments, penalty = weights, np.zeros(design.shape[1]), 0.0
    for _ in range(_ROUNDS):
        increments, penalty = _ridge(design, total, weights, penalised, folds)
        apart = np.abs(total - design @ increments) * base
        spread = 1.4826 * np.median(apart) + 1e-12
        weights = base * np.sqrt(np.minimum(1.0, _OUTLIER * spread / np.maximum(apart, 1e-300)))
    return increments, penalty


def _ridge(
    design: np.ndarray,
    total: np.ndarray,
    weights: np.ndarray,
    penalised: np.ndarray,
    folds: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Ridge regression with the penalty of the least absolute error over left-out folds."""
    A, b = design * weights[:, None], total * weights
    parts = [A[folds == fold] for fold in range(_FOLDS)]
    grams = np.stack([part.T @ part for part in parts])
    moments = np.stack([part.T @ b[folds == fold] for fold, part in enumerate(parts)])

    def solved(gram: np.ndarray, moment: np.ndarray, penalty: float) -> np.ndarray:
        ridge = len(b) * np.where(penalised, penalty, _FREE)
        return np.linalg.solve(gram + np.diag(ridge), moment)

    def left_out(penalty: float) -> float:
        errors = 0.0
        for fold, part in enumerate(parts):
            rest = grams.sum(0) - grams[fold], moments.sum(0) - moments[fold]
            errors += np.abs(part @ solved(*rest, penalty) - b[folds == fold]).sum()
        return errors

    best = min(map(float, _PENALTIES), key=left_out)
    return solved(grams.sum(0), moments.sum(0), best), best
